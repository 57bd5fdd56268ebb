/* Cutting super-packets (TCP and UDP segmentation offload).
 *
 * A super-packet is one header and up to 64 KiB of payload; what is sent is the header again and
 * again, with the lengths, the sequence number and the IP ID that the packet would have had, and
 * `each` bytes of payload behind it. Everything goes straight to where the sealed packet will lie,
 * and the checksum is taken by the same loads that copy the payload (checksum.c): a segment of 1400
 * bytes takes about 95 ns, 60 of them for that pass over its bytes. To copy it without looking
 * takes 50.
 *
 *     | IP | TCP, options | payload ........................................ |
 *     | IP | TCP, options | ....... |   ID, sequence number: + 0
 *     | IP | TCP, options | ....... |   ID + 1, sequence number + each
 *     | IP | TCP, options | ... |       ID + 2, sequence number + 2 * each; FIN and PSH
 *
 * What a stack that had sent them one by one would have said is kept (RFC 9293 §3.1): FIN and PSH
 * belong to the last byte, so to the last segment; CWR answers one congestion signal, so it goes
 * with the first only (RFC 3168 §6.1.2); the urgent pointer counts from the segment's own sequence
 * number. Options, DSCP and ECN are everyone's. IPv4 IDs count up, as Linux's do.
 *
 * The checksum field of a super-packet holds the sum of the pseudo header, with the length of the
 * whole. It is used as it stands, less that length: it has the right addresses even where the
 * packet has a source route. A super-packet that came with a whole checksum instead (a network
 * card joined it) is summed once more to have the same number; if it was wrong, then all the
 * segments' are, and the receiver notices. */
#include "segment.h"

#include <string.h>

#include "checksum.h"
#include "ip_header.h"

/* The length of the transport header at `s->transport`, of `left` bytes; 0: it is no good. */
static size_t transport_header(const struct segments *s, size_t left)
{
	const uint8_t *header = s->packet + s->transport;
	size_t length = UDP_HEADER;

	if (s->tcp) {
		if (left < TCP_HEADER || header[TCP_FLAGS] & (TCP_SYN | TCP_RST))
			return 0;
		length = (size_t)(header[TCP_OFFSET] >> 4) * 4;
		if (length < TCP_HEADER)
			return 0;
	}
	return length <= left ? length : 0;
}

static bool right_kind(const struct inner *inner, const struct offload *offload, uint8_t protocol)
{
	switch ((enum offload_kind)offload->kind) {
	case OFFLOAD_TCP4:
		return inner->version == 4 && protocol == PROTOCOL_TCP;
	case OFFLOAD_TCP6:
		return inner->version == 6 && protocol == PROTOCOL_TCP;
	case OFFLOAD_UDP:
		return protocol == PROTOCOL_UDP;
	case OFFLOAD_NONE:
		break;
	}
	return false;
}

static size_t checksum_field(const struct segments *s)
{
	return s->tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
}

/* What the pseudo header adds to each segment's checksum but for the length. */
static uint32_t pseudo_sum(
	const struct segments *s, const struct offload *offload, size_t transport_length)
{
	const uint8_t *transport = s->packet + s->transport;
	uint16_t field = get_u16(transport + checksum_field(s));

	if (!offload->checksum_missing) {
		/* The sum of it all is ~0, and `field` is in there. */
		field = (uint16_t)~checksum_of(0, transport, transport_length);
	}
	return (uint32_t)field + (uint16_t)~transport_length;
}

bool segments_start(struct segments *s, const struct inner *inner, const uint8_t *packet,
	const struct offload *offload)
{
	uint8_t protocol;
	size_t transport = inner_transport(inner, packet, &protocol);

	*s = (struct segments){.packet = packet, .each = offload->segment};
	if (!transport || transport > UINT16_MAX || !right_kind(inner, offload, protocol))
		return false;
	s->transport = (uint16_t)transport;
	s->tcp = protocol == PROTOCOL_TCP;
	s->ipv4 = inner->version == 4;
	size_t header = transport_header(s, inner->length - transport);
	if (!header || !s->each)
		return false;
	if (offload->checksum_missing && (offload->checksum_start != transport ||
						 offload->checksum_offset != checksum_field(s)))
		return false;
	s->headers = (uint16_t)(transport + header);
	s->payload = inner->length - s->headers;
	size_t count = s->payload ? (s->payload + s->each - 1) / s->each : 1;
	s->count = (uint16_t)count;
	s->pseudo = pseudo_sum(s, offload, inner->length - transport);
	return count <= SEGMENTS_MAX;
}

static void write_tcp(const struct segments *s, uint8_t *tcp, size_t index)
{
	uint32_t at = (uint32_t)index * s->each;
	uint8_t flags = tcp[TCP_FLAGS];

	put_u32(tcp + TCP_SEQUENCE, get_u32(tcp + TCP_SEQUENCE) + at);
	if (index > 0)
		flags &= (uint8_t)~TCP_CWR;
	if (index + 1 < s->count)
		flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (flags & TCP_URG && index > 0) {
		uint32_t urgent = get_u16(tcp + TCP_URGENT);
		if (urgent <= at)
			flags &= (uint8_t)~TCP_URG;
		put_u16(tcp + TCP_URGENT, (uint16_t)(urgent > at ? urgent - at : 0));
	}
	tcp[TCP_FLAGS] = flags;
}

static void write_ip(const struct segments *s, uint8_t *ip, size_t index, size_t length)
{
	if (!s->ipv4) {
		put_u16(ip + IPV6_LENGTH, (uint16_t)(length - IPV6_HEADER));
		return;
	}
	put_u16(ip + IPV4_LENGTH, (uint16_t)length);
	put_u16(ip + IPV4_ID, (uint16_t)(get_u16(ip + IPV4_ID) + index));
	put_u16(ip + IPV4_CHECKSUM, 0);
	put_u16(ip + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, ip, s->transport));
}

/* A checksum as it is stored. UDP's 0 means that there is none (RFC 768); 0xffff is the same
 * number. */
static void put_checksum(uint8_t *field, uint64_t sum, bool tcp)
{
	uint16_t checksum = (uint16_t)~checksum_fold(sum);

	put_u16(field, !checksum && !tcp ? 0xffff : checksum);
}

void segment_write(const struct segments *s, size_t index, struct writer *w)
{
	size_t length = segment_length(s, index), payload = length - s->headers;
	uint8_t *ip = write_space(w, s->headers), *data = write_space(w, payload);

	if (w->failed)
		return;
	uint8_t *transport = ip + s->transport, *field = transport + checksum_field(s);
	memcpy(ip, s->packet, s->headers);
	write_ip(s, ip, index, length);
	if (s->tcp)
		write_tcp(s, transport, index);
	else
		put_u16(transport + UDP_LENGTH, (uint16_t)(UDP_HEADER + payload));
	put_u16(field, 0);
	uint64_t sum = checksum_add(
		s->pseudo + length - s->transport, transport, s->headers - s->transport);
	sum = checksum_copy(sum, data, s->packet + s->headers + index * s->each, payload);
	put_checksum(field, sum, s->tcp);
}

bool offload_fits(const struct offload *offload, const struct inner *inner)
{
	size_t start = offload->checksum_start;

	return !offload->checksum_missing ||
	       (start >= inner->header_length &&
		       start + offload->checksum_offset + 2 <= inner->length);
}

/* The field itself was summed too: it holds what the pseudo header adds. Which protocol it is need
 * not be known: to the others 0xffff is as good as 0. */
static void finish_checksum(const struct offload *offload, uint8_t *from_start, uint64_t sum)
{
	put_checksum(from_start + offload->checksum_offset, sum, false);
}

void offload_write(
	const struct offload *offload, const uint8_t *packet, size_t length, struct writer *w)
{
	size_t start = offload->checksum_start;

	if (!offload->checksum_missing) {
		write_bytes(w, packet, length);
		return;
	}
	write_bytes(w, packet, start);
	uint8_t *out = write_space(w, length - start);
	if (out)
		finish_checksum(
			offload, out, checksum_copy(0, out, packet + start, length - start));
}

void offload_complete(struct offload *offload, uint8_t *packet, size_t length)
{
	uint8_t *start = packet + offload->checksum_start;

	if (offload->checksum_missing)
		finish_checksum(
			offload, start, checksum_add(0, start, length - offload->checksum_start));
	offload->checksum_missing = false;
}
