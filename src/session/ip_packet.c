/* Packets of the control plane's own (see ip_packet.h). RFC 791, RFC 8200, RFC 768, RFC 4443 §2.3.
 *
 * The checksums of ICMPv6 and UDP cover the addresses, the length and the protocol besides the
 * packet's own bytes. */
#include "ip_packet.h"

#include <assert.h>

#include "checksum.h"
#include "inner.h"
#include "ip_header.h"

/* Of the transport's bytes from `at` to `end`, and of what they stand for besides. */
static uint16_t sum_of(const uint8_t *bytes, size_t at, size_t end, uint8_t protocol)
{
	bool six = bytes[0] >> 4 == 6;
	uint64_t sum = (uint64_t)protocol + (end - at);
	sum = checksum_add(sum, bytes + (six ? IPV6_SOURCE : IPV4_SOURCE), six ? 32 : 8);
	return checksum_of(sum, bytes + at, end - at);
}

bool ip_packet_read(struct ip_packet *packet, const uint8_t *bytes, size_t length)
{
	struct inner inner;
	if (!inner_parse(&inner, bytes, length) || !inner_checksum_holds(&inner, bytes))
		return false;
	bool six = inner.version == 6;
	*packet = (struct ip_packet){.source = inner.source,
		.destination = inner.destination,
		.hop_limit = bytes[six ? IPV6_HOP_LIMIT : IPV4_TTL]};
	size_t at = inner_transport(&inner, bytes, &packet->protocol);
	bool udp = packet->protocol == PROTOCOL_UDP;
	size_t header = udp ? UDP_HEADER : ICMP_HEADER;
	if (!at || inner.length - at < header || (!udp && packet->protocol != PROTOCOL_ICMPV6))
		return false;
	bool unsummed = udp && !six && !get_u16(bytes + at + UDP_CHECKSUM);
	size_t end = udp ? at + get_u16(bytes + at + UDP_LENGTH) : inner.length;
	if (end < at + header || end > inner.length)
		return false;
	if (!unsummed && sum_of(bytes, at, end, packet->protocol) != 0xffff)
		return false;
	if (udp) {
		packet->from = get_u16(bytes + at);
		packet->to = get_u16(bytes + at + 2);
		at += UDP_HEADER;
	}
	packet->body = reader_over(bytes + at, end - at);
	return true;
}

static void begin_ipv4(struct writer *w, const struct ip_packet *packet)
{
	write_u16(w, 0x4500);
	write_u16(w, 0); /* length: see ip_packet_end */
	write_u16(w, 0);
	write_u16(w, IPV4_DONT_FRAGMENT);
	write_u8(w, packet->hop_limit);
	write_u8(w, packet->protocol);
	write_u16(w, 0);
	write_bytes(w, packet->source.bytes, 4);
	write_bytes(w, packet->destination.bytes, 4);
}

static void begin_ipv6(struct writer *w, const struct ip_packet *packet)
{
	write_u32(w, 0x60000000);
	write_u16(w, 0);
	write_u8(w, packet->protocol);
	write_u8(w, packet->hop_limit);
	write_bytes(w, packet->source.bytes, 16);
	write_bytes(w, packet->destination.bytes, 16);
}

void ip_packet_begin(struct writer *w, const struct ip_packet *packet)
{
	assert(packet->source.family == packet->destination.family);
	if (packet->source.family == 4)
		begin_ipv4(w, packet);
	else
		begin_ipv6(w, packet);
	if (packet->protocol != PROTOCOL_UDP)
		return;
	write_u16(w, packet->from);
	write_u16(w, packet->to);
	write_u32(w, 0);
}

size_t ip_packet_end(struct writer *w)
{
	uint8_t *bytes = w->start;
	size_t length = writer_length(w);
	if (w->failed)
		return 0;
	bool six = bytes[0] >> 4 == 6;
	uint8_t protocol = bytes[six ? IPV6_NEXT : IPV4_PROTOCOL];
	size_t at = six ? IPV6_HEADER : IPV4_HEADER;
	uint8_t *field = bytes + at + (protocol == PROTOCOL_UDP ? UDP_CHECKSUM : ICMP_CHECKSUM);
	if (six) {
		put_u16(bytes + IPV6_LENGTH, (uint16_t)(length - at));
	} else {
		put_u16(bytes + IPV4_LENGTH, (uint16_t)length);
		put_u16(bytes + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, bytes, at));
	}
	if (protocol == PROTOCOL_UDP)
		put_u16(bytes + at + UDP_LENGTH, (uint16_t)(length - at));
	uint16_t checksum = (uint16_t)~sum_of(bytes, at, length, protocol);
	put_u16(field, checksum || protocol != PROTOCOL_UDP ? checksum : 0xffff);
	return length;
}
