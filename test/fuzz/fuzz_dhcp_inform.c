/* What follows the UDP header of a packet to port 67: a DHCPINFORM, or not. The answer is a packet
 * that its reader takes. */
#include <stdlib.h>

#include "dhcp_inform.h"
#include "ip_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

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
	size_t size = dhcp_inform_answer(answer, &in, &services, &facts);
	if (size && !ip_packet_read(&got, answer, size))
		abort();
	return 0;
}
