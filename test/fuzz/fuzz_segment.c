/* What a TUN with offloads may hand over: virtio's header, then a packet; the first two bytes are
 * an MTU. A super-packet is cut: its segments must be packets, hold its payload and no more, and
 * their checksums must all be as right or wrong as its own. Ordinary packets get their checksum,
 * and their MSS is clamped, which may change nothing else. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inner.h"
#include "mss.h"
#include "segment.h"
#include "tun_queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint32_t pseudo(const struct inner *inner, const uint8_t *packet, size_t transport)
{
	uint32_t sum =
		sum_of(0, packet + (inner->version == 4 ? 12 : 8), inner->version == 4 ? 8 : 32);
	return sum + (uint32_t)(inner->length - transport);
}

/* How far a packet's checksum is off: 0 modulo 65535 when it holds. */
static uint32_t fault_of(const struct inner *inner, const uint8_t *packet, size_t transport)
{
	uint32_t sum = pseudo(inner, packet, transport);
	return sum_of(sum, packet + transport, inner->length - transport) % 65535;
}

static uint32_t fault_of_super(const struct inner *inner, const uint8_t *packet,
	const struct segments *s, const struct offload *offload)
{
	const uint8_t *field = packet + s->transport + (s->tcp ? 16 : 6);
	if (!offload->checksum_missing)
		return fault_of(inner, packet, s->transport);
	return (pseudo(inner, packet, s->transport) + 65535 - get_u16(field)) % 65535;
}

static void check_segments(
	const struct inner *inner, const uint8_t *packet, const struct offload *offload)
{
	struct segments s;
	size_t at;

	if (!segments_start(&s, inner, packet, offload))
		return;
	assert(s.count >= 1 && s.count <= SEGMENTS_MAX && s.headers <= inner->length);
	uint32_t fault = fault_of_super(inner, packet, &s, offload);
	at = s.headers;
	for (size_t n = 0; n < s.count; n++) {
		struct inner part;
		size_t size = segment_length(&s, n);
		uint8_t *out = malloc(size), protocol;
		struct writer w = writer_over(out, size);
		assert(out);
		segment_write(&s, n, &w);
		assert(!w.failed && writer_length(&w) == size);
		assert(inner_parse(&part, out, size) && part.length == size);
		assert(inner_checksum_holds(&part, out));
		assert(inner_transport(&part, out, &protocol) == s.transport);
		assert(!memcmp(out + s.headers, packet + at, size - s.headers));
		assert(fault_of(&part, out, s.transport) == fault);
		at += size - s.headers;
		w = writer_over(out, size - 1);
		segment_write(&s, n, &w);
		assert(w.failed);
		free(out);
	}
	assert(at == inner->length);
}

static void check_ordinary(
	const struct inner *inner, const uint8_t *packet, struct offload *offload, uint16_t mtu)
{
	uint8_t *out = malloc(inner->length), protocol;
	struct writer w = writer_over(out, inner->length);
	assert(out);
	if (!offload_fits(offload, inner)) {
		free(out);
		return;
	}
	offload_write(offload, packet, inner->length, &w);
	assert(!w.failed && writer_length(&w) == inner->length);
	struct inner after;
	if (offload->checksum_missing && offload->checksum_offset % 2 == 0) {
		size_t start = offload->checksum_start;
		uint32_t field = get_u16(packet + start + offload->checksum_offset);
		/* What the field held is what makes the sum of it all come out even. */
		uint32_t sum = sum_of(field, out + start, inner->length - start);
		assert(sum % 65535 == 0);
	}
	if (inner_parse(&after, out, inner->length)) {
		size_t transport = inner_transport(&after, out, &protocol);
		uint32_t fault = transport ? fault_of(&after, out, transport) : 0;
		mss_clamp(out, &after, mtu);
		assert(!transport || fault_of(&after, out, transport) == fault);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct offload offload;
	struct inner inner;

	if (length < 2 + TUN_HEADER_SIZE)
		return 0;
	uint16_t mtu = (uint16_t)(bytes[0] << 8 | bytes[1]);
	const uint8_t *header = bytes + 2, *packet = header + TUN_HEADER_SIZE;
	length -= 2 + TUN_HEADER_SIZE;
	if (!tun_header_parse(&offload, header, length) || !inner_parse(&inner, packet, length))
		return 0;
	if (offload.kind != OFFLOAD_NONE)
		check_segments(&inner, packet, &offload);
	else
		check_ordinary(&inner, packet, &offload, mtu);
	return 0;
}
