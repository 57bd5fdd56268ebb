/* What follows the UDP header of a packet to port 67: a DHCPINFORM, or not. The answer is a packet
 * that its reader takes. The input is read as a whole packet too, and if it is one
 * of UDP, its writer makes it again. */
#include <stdlib.h>
#include <string.h>

#include "dhcp_inform.h"
#include "ip_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void judge_packet(const uint8_t *bytes, size_t length)
{
	struct ip_packet got, again;
	uint8_t written[IP_PACKET_MAX];
	struct writer w = writer_over(written, sizeof written);
	if (!ip_packet_read(&got, bytes, length) || got.protocol != PROTOCOL_UDP)
		return;
	ip_packet_begin(&w, &got);
	write_bytes(&w, got.body.at, reader_left(&got.body));
	size_t size = ip_packet_end(&w);
	if (!size)
		return; /* longer than any of ours */
	if (!ip_packet_read(&again, written, size) || again.from != got.from ||
		again.to != got.to || reader_left(&again.body) != reader_left(&got.body) ||
		memcmp(again.body.at, got.body.at, reader_left(&got.body)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct dhcp_facts facts = {
		.own = 0x0a620001, .dns = {0x0a620035, 0x0a620036}, .wins = {0x0a620037}};
	static const struct link_services services = {.route_count = 2,
		.routes = {{{4, {192, 168}}, 16}, {{4, {10, 1, 2}}, 23}},
		.search = {.length = 7, .bytes = "\1b\3net"}};
	struct ip_packet got, in = {.source = address_ipv4(0x0a620002),
				      .destination = address_ipv4(UINT32_MAX),
				      .protocol = PROTOCOL_UDP,
				      .from = DHCP_CLIENT_PORT,
				      .to = DHCP_SERVER_PORT,
				      .body = reader_over(bytes, length)};
	uint8_t answer[IP_PACKET_MAX];
	judge_packet(bytes, length);
	size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
	if (size && !ip_packet_read(&got, answer, size))
		abort();
	return 0;
}
