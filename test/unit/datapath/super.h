/* Super-packets for tests: made at random, cut the plain way, and judged. Everything here is
 * written byte by byte, so that it shares nothing with what it is compared to. */
#ifndef GREYLINE_TEST_SUPER_H
#define GREYLINE_TEST_SUPER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "packet.h"
#include "random.h"

enum { SUPER_MAX = 65535, SUPER_HEADERS_MAX = 256 };

struct super {
	bool v4, tcp;
	uint32_t transport, headers, length; /* bytes */
	uint16_t segment;
	struct offload offload;
	uint8_t bytes[SUPER_MAX];
};

static inline uint32_t naive_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline uint32_t naive_pseudo(const struct super *s, const uint8_t *packet, uint32_t length)
{
	uint32_t sum = naive_sum(0, packet + (s->v4 ? 12 : 8), s->v4 ? 8 : 32);
	sum += (s->tcp ? 6 : 17) + length;
	return (sum & 0xffff) + (sum >> 16);
}

static inline void naive_put(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t naive_get(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* The checksum of a packet whose field is zero. */
static inline uint16_t naive_checksum(const struct super *s, const uint8_t *packet, uint32_t length)
{
	uint32_t left = length - s->transport;
	uint32_t sum = naive_sum(naive_pseudo(s, packet, left), packet + s->transport, left);
	uint16_t checksum = (uint16_t)~sum;
	return checksum || s->tcp ? checksum : 0xffff;
}

static inline uint8_t *checksum_of_super(const struct super *s, uint8_t *packet)
{
	return packet + s->transport + (s->tcp ? 16 : 6);
}

/* How many packets it stands for. */
static inline uint32_t super_count(const struct super *s)
{
	uint32_t payload = s->length - s->headers;
	return payload ? (payload + s->segment - 1) / s->segment : 1;
}

/* Packet `index` of them, as a stack that sent them one by one would have made it; its length. */
static inline uint32_t plain_cut(const struct super *s, uint32_t index, uint8_t *out)
{
	uint32_t from = index * s->segment, end = from + s->segment;
	uint32_t payload = s->length - s->headers, at = 0;
	if (end > payload)
		end = payload;
	for (uint32_t i = 0; i < s->headers; i++)
		out[at++] = s->bytes[i];
	for (uint32_t i = from; i < end; i++)
		out[at++] = s->bytes[s->headers + i];
	if (s->v4) {
		naive_put(out + 2, at);
		naive_put(out + 4, naive_get(s->bytes + 4) + index);
		naive_put(out + 10, 0);
		naive_put(out + 10, ~naive_sum(0, out, s->transport));
	} else {
		naive_put(out + 4, at - 40);
	}
	uint8_t *transport = out + s->transport;
	if (s->tcp) {
		uint64_t sequence = naive_get(transport + 4) << 16 | naive_get(transport + 6);
		sequence += from;
		naive_put(transport + 4, (uint32_t)(sequence >> 16));
		naive_put(transport + 6, (uint32_t)sequence);
		if (index != 0)
			transport[13] &= 0x7f; /* CWR */
		if (end != payload)
			transport[13] &= 0xf6; /* FIN, PSH */
		if (index != 0 && transport[13] & 0x20) {
			uint32_t urgent = naive_get(transport + 18);
			naive_put(transport + 18, urgent > from ? urgent - from : 0);
			if (urgent <= from)
				transport[13] &= 0xdf; /* URG */
		}
	} else {
		naive_put(transport + 4, at - s->transport);
	}
	naive_put(checksum_of_super(s, out), 0);
	naive_put(checksum_of_super(s, out), naive_checksum(s, out, at));
	return at;
}

static inline uint32_t below(struct random *r, uint32_t limit)
{
	return random_u32(r) % limit;
}

static inline uint32_t extension(
	struct random *r, uint8_t *at, uint8_t *next_field, uint8_t kind, uint8_t **next)
{
	uint32_t units = below(r, 3);
	*next_field = kind;
	*next = at;
	at[1] = (uint8_t)units;
	return (units + 1) * 8;
}

/* IP header with options or extension headers; where the transport header goes. */
static inline uint32_t super_ip(struct super *s, struct random *r)
{
	uint8_t protocol = s->tcp ? 6 : 17, *next;
	if (s->v4) {
		uint32_t options = below(r, 3) ? 0 : 4 * below(r, 11);
		s->bytes[0] = (uint8_t)(0x45 + options / 4);
		s->bytes[6] = below(r, 2) ? 0x40 : 0;
		s->bytes[7] = 0;
		s->bytes[9] = protocol;
		for (uint32_t i = 0; i < options; i++)
			s->bytes[20 + i] = 1;
		return 20 + options;
	}
	uint32_t at = 40;
	s->bytes[0] = 0x60 | (s->bytes[0] & 0xf);
	next = s->bytes + 6;
	uint8_t *field = next;
	static const uint8_t kinds[] = {0, 60, 43};
	for (unsigned i = 0; i < 3; i++) {
		if (below(r, 4))
			continue;
		uint8_t *header = s->bytes + at;
		at += extension(r, header, field, kinds[i], &next);
		field = next;
	}
	*field = protocol;
	return at;
}

/* A super-packet of at most `most` bytes whose packets are at most `mtu` long. */
static inline void super_make(struct super *s, struct random *r, uint32_t most, uint32_t mtu)
{
	static const uint16_t sizes[] = {1, 7, 8, 64, 536, 999, 1220, 1358, 1448, 8960};
	memset(s, 0, offsetof(struct super, bytes));
	random_bytes(r, s->bytes, SUPER_HEADERS_MAX);
	s->v4 = below(r, 2);
	s->tcp = below(r, 3);
	s->transport = super_ip(s, r);
	uint32_t header = s->tcp ? 20 + 4 * below(r, 11) : 8;
	s->headers = s->transport + header;
	s->segment = below(r, 3) ? sizes[below(r, 10)] : (uint16_t)(1 + below(r, 1500));
	if (s->headers + s->segment > mtu)
		s->segment = (uint16_t)(mtu - s->headers);
	uint32_t room = most - s->headers, count = below(r, 2) ? below(r, 6) : below(r, 2000);
	uint32_t payload = count * s->segment + below(r, s->segment);
	payload = payload > room ? room : payload;
	random_bytes(r, s->bytes + s->headers, payload);
	s->length = s->headers + payload;
	naive_put(s->bytes + (s->v4 ? 2 : 4), s->v4 ? s->length : s->length - 40);
	uint8_t *transport = s->bytes + s->transport;
	if (s->tcp) {
		transport[12] = (uint8_t)(header / 4 << 4 | (transport[12] & 0xf));
		transport[13] &= 0xf9; /* neither SYN nor RST */
		if (below(r, 2))
			naive_put(transport + 18, below(r, 2 * s->segment + 2));
	}
	s->offload = (struct offload){.segment = s->segment, .checksum_missing = below(r, 8)};
	s->offload.kind = !s->tcp ? OFFLOAD_UDP : s->v4 ? OFFLOAD_TCP4 : OFFLOAD_TCP6;
	uint8_t *field = checksum_of_super(s, s->bytes);
	naive_put(field, 0);
	if (s->offload.checksum_missing) {
		s->offload.checksum_start = (uint16_t)s->transport;
		s->offload.checksum_offset = s->tcp ? 16 : 6;
		naive_put(field, naive_pseudo(s, s->bytes, s->length - s->transport));
	} else {
		naive_put(field, naive_checksum(s, s->bytes, s->length));
	}
}

#endif
