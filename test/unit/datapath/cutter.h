/* The plain way to cut a super-packet as a kernel does, against which the fast ones are held: byte
 * by byte, every field computed anew. */
#ifndef GREYLINE_TEST_CUTTER_H
#define GREYLINE_TEST_CUTTER_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "coalesce.h"

static inline uint16_t cutter_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++) {
		sum += (uint32_t)(n % 2 ? bytes[n] : bytes[n] << 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The sum of the pseudo header of a packet whose transport header is at `transport`. */
static inline uint16_t cutter_pseudo(const uint8_t *ip, size_t transport, size_t length, bool udp)
{
	bool ipv4 = ip[0] >> 4 == 4;
	uint32_t start = (uint32_t)(length - transport) + (udp ? 17 : 6);

	return cutter_sum(start, ip + (ipv4 ? 12 : 8), ipv4 ? 8 : 32);
}

/* Sets lengths and checksums of a packet to what they should be. */
static inline void cutter_seal(uint8_t *ip, size_t transport, size_t length, bool udp)
{
	size_t field = transport + (udp ? 6 : 16);

	if (ip[0] >> 4 == 4) {
		put_u16(ip + 2, (uint16_t)length);
		put_u16(ip + 10, 0);
		put_u16(ip + 10, (uint16_t)~cutter_sum(0, ip, (size_t)(ip[0] & 15) * 4));
	} else {
		put_u16(ip + 4, (uint16_t)(length - 40));
	}
	if (udp)
		put_u16(ip + transport + 4, (uint16_t)(length - transport));
	put_u16(ip + field, 0);
	uint16_t sum = cutter_sum(
		cutter_pseudo(ip, transport, length, udp), ip + transport, length - transport);
	put_u16(ip + field, udp && sum == 0xffff ? 0xffff : (uint16_t)~sum);
}

/* Packet `index` of a super-packet laid out flat; the bytes written. */
static inline size_t cutter_cut(
	uint8_t *out, const uint8_t *flat, const struct gathered *whole, size_t index)
{
	size_t header = whole->header_length, transport = whole->offload.checksum_start;
	size_t from = header + index * whole->offload.segment;
	size_t size = whole->length - from;
	bool last = size <= whole->offload.segment, udp = whole->offload.kind == OFFLOAD_UDP;

	if (!last)
		size = whole->offload.segment;
	memcpy(out, flat, header);
	memcpy(out + header, flat + from, size);
	if (out[0] >> 4 == 4)
		put_u16(out + 4, (uint16_t)(get_u16(flat + 4) + index));
	if (!udp) {
		put_u32(out + transport + 4,
			get_u32(flat + transport + 4) + (uint32_t)(from - header));
		if (!last)
			out[transport + 13] &= (uint8_t)~0x09;
		if (index > 0)
			out[transport + 13] &= 0x7f;
	}
	cutter_seal(out, transport, header + size, udp);
	return header + size;
}

/* Puts the pieces one behind the other, and holds the headers to what a kernel expects. */
static inline void cutter_flatten(
	uint8_t *flat, const struct gathered *whole, const struct iovec *pieces)
{
	const struct offload *offload = &whole->offload;
	bool udp = offload->kind == OFFLOAD_UDP;
	size_t length = 0;

	for (size_t n = 0; n < whole->count; n++) {
		memcpy(flat + length, pieces[whole->first + n].iov_base,
			pieces[whole->first + n].iov_len);
		length += pieces[whole->first + n].iov_len;
	}
	assert(length == whole->length && whole->packets == whole->count);
	if (offload->kind == OFFLOAD_NONE) {
		assert(whole->count == 1 && whole->header_length == 0);
		assert(!offload->checksum_missing && !offload->segment);
		return;
	}
	bool ipv4 = flat[0] >> 4 == 4;
	assert(whole->count > 1 && length <= INNER_MAX && offload->checksum_missing);
	assert((offload->kind != OFFLOAD_TCP4 || ipv4) && (offload->kind != OFFLOAD_TCP6 || !ipv4));
	assert(offload->checksum_start == (ipv4 ? 20 : 40));
	assert(offload->checksum_offset == (udp ? 6 : 16));
	size_t transport = offload->checksum_start;
	assert(flat[ipv4 ? 9 : 6] == (udp ? 17 : 6));
	assert(ipv4 ? get_u16(flat + 2) == length : get_u16(flat + 4) == length - 40);
	assert(!ipv4 || cutter_sum(0, flat, 20) == 0xffff);
	assert(!udp || get_u16(flat + transport + 4) == length - transport);
	assert(whole->header_length ==
		transport + (udp ? 8 : (size_t)(flat[transport + 12] >> 4) * 4));
	assert(get_u16(flat + transport + offload->checksum_offset) ==
		cutter_pseudo(flat, transport, length, udp));
	assert(offload->segment &&
		(length - whole->header_length + offload->segment - 1) / offload->segment ==
			whole->count);
	assert(!udp || whole->count <= 64);
}

/* Whether a packet cut out is the one that came. Where DF is set the identification means nothing
 * (RFC 6864), and equal ones may have become numbered. */
static inline bool cutter_same(
	const uint8_t *came, size_t came_length, const uint8_t *cut, size_t cut_length)
{
	uint8_t copy[OUTER_MAX];

	if (came_length != cut_length || came_length > sizeof(copy))
		return false;
	memcpy(copy, came, came_length);
	if (came_length >= 20 && copy[0] == 0x45 && copy[6] & 0x40) {
		memcpy(copy + 4, cut + 4, 2);
		memcpy(copy + 10, cut + 10, 2);
	}
	return memcmp(copy, cut, cut_length) == 0;
}

#endif
