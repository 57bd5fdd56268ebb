/* Inner IP packets: what a header must say before anything acts on it (RFC 791, RFC 8200), the
 * fragments of an IPv4 packet (RFC 791 §3.2), and the ICMP errors that make path MTU discovery work
 * (RFC 1191 §4, RFC 4443 §3.2).
 *
 * No error is sent about an error, a fragment behind the first, or a packet to or from an address
 * that does not name one host (RFC 1122 §3.2.2, RFC 4443 §2.4 e), so that nothing can be made to
 * bounce or to answer a crowd. */
#include "inner.h"

#include <assert.h>
#include <string.h>

#include "checksum.h"
#include "ip_header.h"

enum {
	IPV4_QUOTE = 548, /* RFC 1812 §4.3.2.3: no error longer than 576 bytes */
	ICMP_UNREACHABLE = 3,
	ICMP_FRAGMENTATION_NEEDED = 4,
	ICMPV6_TOO_BIG = 2,
	ANSWER_TTL = 64,
	IPV6_EXTENSIONS = 8, /* more in one packet are no ordinary traffic */
	OPTION_COPIED = 0x80,
	OPTION_END = 0,
	OPTION_NOP = 1,
};

static struct address take_address(struct reader *r, uint8_t family)
{
	struct address a = {.family = family};
	size_t length = family == 4 ? 4 : 16;
	const uint8_t *bytes = read_bytes(r, length);

	if (bytes)
		memcpy(a.bytes, bytes, length);
	return a;
}

static bool parse_ipv4(struct inner *inner, struct reader *r, uint8_t first)
{
	inner->header_length = (uint8_t)((first & 0xf) * 4);
	read_u8(r);
	inner->length = read_u16(r);
	read_u16(r);
	uint16_t fragment = read_u16(r);
	read_u8(r);
	inner->protocol = read_u8(r);
	read_u16(r);
	inner->source = take_address(r, 4);
	inner->destination = take_address(r, 4);
	inner->dont_fragment = fragment & IPV4_DONT_FRAGMENT;
	inner->more_fragments = fragment & IPV4_MORE_FRAGMENTS;
	inner->offset = (uint16_t)((fragment & IPV4_OFFSET) * 8);
	return inner->header_length >= IPV4_HEADER && inner->length >= inner->header_length &&
	       inner->offset + inner->length - inner->header_length <= UINT16_MAX;
}

static bool parse_ipv6(struct inner *inner, struct reader *r)
{
	inner->header_length = IPV6_HEADER;
	inner->dont_fragment = true;
	read_bytes(r, 3);
	inner->length = IPV6_HEADER + (uint32_t)read_u16(r);
	inner->protocol = read_u8(r);
	read_u8(r);
	inner->source = take_address(r, 6);
	inner->destination = take_address(r, 6);
	return true;
}

bool inner_parse(struct inner *inner, const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	uint8_t first = read_u8(&r);
	bool sound = false;

	*inner = (struct inner){.version = first >> 4};
	if (inner->version == 4)
		sound = parse_ipv4(inner, &r, first);
	else if (inner->version == 6)
		sound = parse_ipv6(inner, &r);
	return sound && !r.failed && inner->length <= length;
}

size_t inner_transport(const struct inner *inner, const uint8_t *packet, uint8_t *protocol)
{
	size_t at = inner->header_length;

	*protocol = inner->protocol;
	if (inner->offset || inner->more_fragments)
		return 0;
	if (inner->version == 4)
		return at;
	for (unsigned n = 0; n < IPV6_EXTENSIONS; n++) {
		if (*protocol == IPV6_FRAGMENT)
			return 0;
		if (*protocol != IPV6_HOP_BY_HOP && *protocol != IPV6_ROUTING &&
			*protocol != IPV6_OPTIONS)
			return at;
		if (inner->length - at < 8)
			return 0;
		*protocol = packet[at];
		at += ((size_t)packet[at + 1] + 1) * 8;
		if (at > inner->length)
			return 0;
	}
	return 0;
}

bool inner_checksum_holds(const struct inner *inner, const uint8_t *bytes)
{
	return inner->version != 4 || checksum_of(0, bytes, inner->header_length) == 0xffff;
}

/* Whether an address names one host: not unspecified, loopback, multicast, broadcast, class E. */
static bool names_a_host(const struct address *a)
{
	static const uint8_t unspecified[16];

	if (a->family == 4)
		return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
	return a->bytes[0] != 0xff && memcmp(a->bytes, unspecified, sizeof(unspecified)) != 0;
}

/* ICMP errors and what is not known to be no error; a query may be answered. */
static bool is_icmp_error(const struct inner *inner, const uint8_t *packet)
{
	uint8_t protocol = inner->protocol;
	size_t at = inner->header_length;

	if (inner->version == 6) /* it may stand behind other headers (RFC 4443 §2.4 e.1) */
		at = inner_transport(inner, packet, &protocol);
	uint8_t type = inner->length > at ? packet[at] : 0;
	if (inner->version == 6)
		return at && protocol == PROTOCOL_ICMPV6 && type < 128;
	return protocol == PROTOCOL_ICMP && type != 0 && type != 8 && type != 13 && type != 14;
}

static size_t too_big_ipv4(struct writer *w, const struct inner *inner, const uint8_t *packet,
	uint16_t mtu, const struct address *from)
{
	size_t quote = inner->length < IPV4_QUOTE ? inner->length : IPV4_QUOTE;
	size_t length = IPV4_HEADER + ICMP_HEADER + quote;

	write_u16(w, 0x45c0); /* internetwork control (RFC 1812 §4.3.2.5) */
	write_u16(w, (uint16_t)length);
	write_u32(w, IPV4_DONT_FRAGMENT);
	write_u8(w, ANSWER_TTL);
	write_u8(w, PROTOCOL_ICMP);
	write_u16(w, 0);
	write_bytes(w, from->bytes, 4);
	write_bytes(w, inner->source.bytes, 4);
	write_u8(w, ICMP_UNREACHABLE);
	write_u8(w, ICMP_FRAGMENTATION_NEEDED);
	write_u32(w, 0); /* checksum, unused */
	write_u16(w, mtu);
	write_bytes(w, packet, quote);
	if (w->failed)
		return 0;
	uint8_t *start = w->start;
	put_u16(start + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, start, IPV4_HEADER));
	put_u16(start + IPV4_HEADER + ICMP_CHECKSUM,
		(uint16_t)~checksum_of(0, start + IPV4_HEADER, length - IPV4_HEADER));
	return length;
}

static size_t too_big_ipv6(struct writer *w, const struct inner *inner, const uint8_t *packet,
	uint16_t mtu, const struct address *from)
{
	size_t room = INNER_TOO_BIG_MAX - IPV6_HEADER - ICMP_HEADER;
	size_t quote = inner->length < room ? inner->length : room;

	write_u32(w, 0x60000000);
	write_u16(w, (uint16_t)(ICMP_HEADER + quote));
	write_u8(w, PROTOCOL_ICMPV6);
	write_u8(w, ANSWER_TTL);
	write_bytes(w, from->bytes, 16);
	write_bytes(w, inner->source.bytes, 16);
	write_u8(w, ICMPV6_TOO_BIG);
	write_u8(w, 0);
	write_u16(w, 0);
	write_u32(w, mtu);
	write_bytes(w, packet, quote);
	if (w->failed)
		return 0;
	/* The sum covers the pseudo header: addresses, length, next header (RFC 8200 §8.1). */
	uint32_t pseudo = (uint32_t)(ICMP_HEADER + quote) + PROTOCOL_ICMPV6;
	uint16_t sum = checksum_of(pseudo, w->start + IPV6_SOURCE, 32 + ICMP_HEADER + quote);
	put_u16(w->start + IPV6_HEADER + ICMP_CHECKSUM, (uint16_t)~sum);
	return writer_length(w);
}

size_t inner_too_big(uint8_t *out, size_t capacity, const struct inner *inner,
	const uint8_t *packet, uint16_t mtu, const struct address *from)
{
	struct writer w = writer_over(out, capacity);

	if (inner->offset || !names_a_host(&inner->source) || !names_a_host(&inner->destination) ||
		is_icmp_error(inner, packet))
		return 0;
	if (from->family != inner->version)
		from = &inner->destination;
	return inner->version == 4 ? too_big_ipv4(&w, inner, packet, mtu, from)
				   : too_big_ipv6(&w, inner, packet, mtu, from);
}

/* Bytes of payload in each fragment but the last: a multiple of 8. */
static size_t fragment_payload(const struct inner *inner, uint16_t mtu)
{
	return mtu > inner->header_length ? (mtu - inner->header_length) & ~(size_t)7 : 0;
}

size_t inner_fragment_count(const struct inner *inner, uint16_t mtu)
{
	size_t each = fragment_payload(inner, mtu);

	assert(inner->version == 4);
	if (!each)
		return 0;
	return (inner->length - inner->header_length + each - 1) / each;
}

size_t inner_fragment_length(const struct inner *inner, uint16_t mtu, size_t index)
{
	size_t each = fragment_payload(inner, mtu);
	size_t left = inner->length - inner->header_length - index * each;

	return inner->header_length + (left < each ? left : each);
}

/* Options of a fragment behind the first: those that say so are copied, the others become
 * no-operations, so that the header keeps its length. */
static void blank_options(uint8_t *option, uint8_t *end)
{
	while (option < end && *option != OPTION_END) {
		size_t length = 1;
		if (*option != OPTION_NOP)
			length = end - option >= 2 ? option[1] : 0;
		if (length == 0 || length > (size_t)(end - option))
			return;
		if (*option != OPTION_NOP && length < 2)
			return;
		if (!(*option & OPTION_COPIED))
			memset(option, OPTION_NOP, length);
		option += length;
	}
}

size_t inner_fragment(struct writer *w, const struct inner *inner, const uint8_t *packet,
	uint16_t mtu, size_t index)
{
	size_t payload = inner->length - inner->header_length;
	size_t from = index * fragment_payload(inner, mtu);
	size_t length = inner_fragment_length(inner, mtu, index) - inner->header_length;
	bool more = inner->more_fragments || from + length < payload;

	assert(from < payload);
	uint8_t *header = write_space(w, inner->header_length);
	write_bytes(w, packet + inner->header_length + from, length);
	if (w->failed)
		return 0;
	memcpy(header, packet, inner->header_length);
	if (index > 0)
		blank_options(header + IPV4_HEADER, header + inner->header_length);
	put_u16(header + IPV4_LENGTH, (uint16_t)(inner->header_length + length));
	put_u16(header + IPV4_FRAGMENT,
		(uint16_t)((inner->offset + from) / 8 | (more ? IPV4_MORE_FRAGMENTS : 0)));
	put_u16(header + IPV4_CHECKSUM, 0);
	put_u16(header + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, header, inner->header_length));
	return inner->header_length + length;
}
