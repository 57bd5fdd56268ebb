/* MSS clamping in the data path, so that no firewall rule is needed for it.
 *
 * Path MTU discovery is enough only where ICMP gets through, and many a server on the Internet is
 * behind a filter that eats it. Both ends announce in their SYN what they can take (RFC 9293
 * §3.7.1); lowered on its way, it makes them send segments that fit. It is never raised, and never
 * added: without the option 536 bytes (1220 for IPv6) are the rule, which fit.
 *
 * The value counts neither IP nor TCP options (RFC 6691), so only the fixed headers are deducted.
 * The checksum is adjusted by the difference (RFC 1624), and stays what it was: a packet that was
 * damaged on its way here must not be repaired by us. */
#include "mss.h"

#include "checksum.h"
#include "ip_header.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_LENGTH = 4,
	MSS_LEAST = 48, /* below, Linux and others refuse to go along */
};

/* `odd`: the word begins at an odd place, so that its bytes count in the other order. */
static uint16_t turned(uint16_t word, bool odd)
{
	return odd ? (uint16_t)(word << 8 | word >> 8) : word;
}

static void lower(uint8_t *tcp, size_t at, uint16_t limit)
{
	uint8_t *value = tcp + at, *field = tcp + TCP_CHECKSUM;
	uint16_t announced = get_u16(value);

	if (announced <= limit)
		return;
	put_u16(value, limit);
	put_u16(field,
		checksum_adjust(get_u16(field), turned(announced, at & 1), turned(limit, at & 1)));
}

static void walk_options(uint8_t *tcp, size_t end, uint16_t limit)
{
	for (size_t at = TCP_HEADER; at < end;) {
		size_t length = 1;
		if (tcp[at] == OPTION_END)
			return;
		if (tcp[at] != OPTION_NOP) {
			length = end - at >= 2 ? tcp[at + 1] : 0;
			if (length < 2 || length > end - at)
				return;
		}
		if (tcp[at] == OPTION_MSS && length == OPTION_MSS_LENGTH)
			lower(tcp, at + 2, limit);
		at += length;
	}
}

void mss_clamp(uint8_t *packet, const struct inner *inner, uint16_t mtu)
{
	uint16_t headers = (inner->version == 4 ? IPV4_HEADER : IPV6_HEADER) + TCP_HEADER;
	uint8_t protocol;
	size_t at = inner_transport(inner, packet, &protocol);

	if (!at || protocol != PROTOCOL_TCP || inner->length - at < TCP_HEADER)
		return;
	uint8_t *tcp = packet + at;
	size_t length = (size_t)(tcp[TCP_OFFSET] >> 4) * 4;
	if (!(tcp[TCP_FLAGS] & TCP_SYN) || length > inner->length - at || mtu < headers + MSS_LEAST)
		return;
	walk_options(tcp, length, (uint16_t)(mtu - headers));
}
