/* Link-local answers (see neighbour.h). RFC 4861 §4.3, §4.4, §7.1.1 (valid solicitations), §7.2.4
 * (answers); RFC 4862 §5.4.4 (duplicate address detection); RFC 4443 §4.2 (echo).
 *
 * Nobody needs a link address on a point-to-point link, and most ask for none; but a host may look
 * whether its neighbour is there, or whether its own address is free, and then hears the truth:
 * ours is taken, any other is its own affair. */
#include "neighbour.h"

#include "ip_header.h"

enum {
	ECHO_REQUEST = 128,
	ECHO_REPLY = 129,
	LISTENER_QUERY = 130,
	LISTENER_REPORT = 131,
	LISTENER_DONE = 132,
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
	LISTENER_REPORT_2 = 143,
	HOP_LIMIT_ND = 255, /* no router can have let it through */
	HOP_LIMIT = 64,
	ROUTER = 0x80,
	SOLICITED = 0x40,
	OVERRIDE = 0x20,
};

static bool is_unspecified(const struct address *address)
{
	static const struct address none = {.family = 6};
	return address_equal(address, &none);
}

static size_t advertise(uint8_t *at, const struct ip_packet *in, const struct address *own)
{
	static const struct address all_nodes = {6, {0xff, 2, [15] = 1}};
	struct reader r = in->body;
	read_u8(&r);
	uint8_t code = read_u8(&r);
	read_bytes(&r, 6);
	const uint8_t *target = read_bytes(&r, 16);
	if (!target || code || in->hop_limit != HOP_LIMIT_ND || memcmp(target, own->bytes, 16) != 0)
		return 0;
	bool tentative = is_unspecified(&in->source);
	struct ip_packet head = {.source = *own,
		.destination = tentative ? all_nodes : in->source,
		.protocol = PROTOCOL_ICMPV6,
		.hop_limit = HOP_LIMIT_ND};
	struct writer w = writer_over(at, IP_PACKET_MAX);
	ip_packet_begin(&w, &head);
	write_u8(&w, NEIGHBOUR_ADVERTISEMENT);
	write_zeros(&w, 3);
	write_u8(&w, ROUTER | OVERRIDE | (tentative ? 0 : SOLICITED));
	write_zeros(&w, 3);
	write_bytes(&w, own->bytes, 16);
	return ip_packet_end(&w);
}

static size_t echo(uint8_t *at, const struct ip_packet *in, const struct address *own)
{
	if (!address_equal(&in->destination, own) || !address_is_link_local(&in->source))
		return 0;
	struct ip_packet head = {.source = *own,
		.destination = in->source,
		.protocol = PROTOCOL_ICMPV6,
		.hop_limit = HOP_LIMIT};
	struct reader r = in->body;
	read_u32(&r);
	size_t length = reader_left(&r);
	struct writer w = writer_over(at, IP_PACKET_MAX);
	ip_packet_begin(&w, &head);
	write_u8(&w, ECHO_REPLY);
	write_zeros(&w, 3);
	write_bytes(&w, read_bytes(&r, length), length);
	return ip_packet_end(&w);
}

size_t neighbour_answer(uint8_t *at, const struct ip_packet *in, const struct address *own)
{
	switch (in->body.at[0]) {
	case NEIGHBOUR_SOLICITATION:
		return advertise(at, in, own);
	case ECHO_REQUEST:
		return echo(at, in, own);
	}
	return 0;
}

bool neighbour_chatter(const struct ip_packet *in)
{
	switch (in->body.at[0]) {
	case LISTENER_QUERY:
	case LISTENER_REPORT:
	case LISTENER_DONE:
	case LISTENER_REPORT_2:
	case NEIGHBOUR_SOLICITATION:
	case NEIGHBOUR_ADVERTISEMENT:
		return true;
	}
	return false;
}
