/* MPPC (RFC 2118).
 *
 *     |A|B|C|0| coherency count |  literals and copies, first bit highest; zeros to a whole byte |
 *
 *     0xxxxxxx, 10xxxxxxx                 a byte below 80, one from 80 on
 *     1111 + 6, 1110 + 8, 110 + 13 bits   how far back: 1 to 63, 64 to 319, 320 to 8191 bytes
 *     0, 10 + 2, 110 + 3, ... + 12 bits   and how many, 3 to 8191, right behind that
 *
 * The history is a ring of 8 KiB, but no packet crosses its end: one that would begins at the front
 * again, and says so (B). What was there before stays until it is overwritten, and copies may reach
 * back to it, over the end. A packet that would grow goes as it is (C clear) and takes its number
 * all the same; it is in nobody's history, so the one who compresses empties the history before the
 * next packet, which says that (A). A packet with A is where a peer that missed one starts again:
 * there are no Reset-Acks (§4.3). The first packet has A as well.
 *
 * A copy may only refer to what was put there since the history was last emptied ("must not be
 * referred to", §3.1), never beyond it; whatever else a peer sends is refused.
 *
 * One who compresses has the bytes in a row twice as long as the ring, the current pass in its
 * upper half and the one before in the lower, so that a match is one comparison. It looks where the
 * same three bytes stood last, at that one place only.
 *
 * With MPPE the count, the bit D and what to do about lost packets are MPPE's (`encrypted`).
 *
 * The longest output for a packet comes from one copy of up to 8191 bytes, in 5; the capacity
 * bounds it.
 *
 * Speed (test/bench/bench_codec, Zen 5): text goes in at 215 MB/s and comes out at 170, noise goes
 * in at 125; plain zlib at level 6 has 37 and 400, and 29. */
#include "mppc.h"

#include <string.h>

#include "bytes.h"

enum {
	HEADER = 2,
	PROTOCOL = 2, /* the field, in front of what is hidden */
	COUNT_MASK = 0x0fff,
	BIT_D = 0x1000,
	COPY_MIN = 3,
	LENGTH_BITS_MAX = 12,
	NEAR = 64, /* offsets below have 6 bits, below FAR 8, from there on 13 */
	FAR = 320,
	HASH_BITS = 12,
};

/* What both directions begin with. */
struct mppc {
	bool compresses, stateless, encrypted;
	bool dead; /* decompress: until a packet that starts again */
	uint16_t count;
};

struct mppc_sender {
	struct mppc common;
	bool flush;                     /* the history is to be emptied before the next packet */
	uint16_t at;                    /* where the next packet begins, in `row` */
	uint16_t before;                /* where the pass before ended, in the lower half */
	uint16_t heads[1 << HASH_BITS]; /* where three bytes stood last; 0: nowhere */
	uint8_t row[2 * MPPC_HISTORY];
};

struct mppc_receiver {
	struct mppc common;
	uint16_t at;   /* in `ring` */
	uint16_t high; /* end of what was ever written there */
	uint8_t ring[MPPC_HISTORY];
};

static size_t mppc_size(const struct codec_params *params, enum codec_direction direction)
{
	return direction == CODEC_COMPRESS ? sizeof(struct mppc_sender)
					   : sizeof(struct mppc_receiver);
}

static void empty_sender(struct mppc_sender *s)
{
	/* The row keeps its bytes: no head leads to them, and no match goes past `before`. */
	memset(s->heads, 0, sizeof(s->heads));
	s->at = MPPC_HISTORY;
	s->before = 0;
	s->flush = false;
}

static void empty_receiver(struct mppc_receiver *r)
{
	r->at = r->high = 0;
}

static void mppc_init(
	void *memory, const struct codec_params *params, enum codec_direction direction)
{
	struct mppc common = {.compresses = direction == CODEC_COMPRESS,
		.stateless = params->stateless,
		.encrypted = params->encrypted};

	memset(memory, 0, mppc_size(params, direction));
	memcpy(memory, &common, sizeof(common));
	if (common.compresses)
		((struct mppc_sender *)memory)->flush = true;
}

static void mppc_reset(void *memory)
{
	struct mppc *m = memory;

	if (m->compresses)
		((struct mppc_sender *)memory)->flush = true;
}

/* Bits on their way out, the next one below those that wait. */
struct bits {
	uint8_t *at, *end;
	uint64_t waiting;
	unsigned count;
	bool full;
};

static void put_bits(struct bits *b, uint32_t value, unsigned width)
{
	b->count += width;
	b->waiting = b->waiting << width | value;
	while (b->count >= 8) {
		b->count -= 8;
		b->full |= b->at == b->end;
		if (!b->full)
			*b->at++ = (uint8_t)(b->waiting >> b->count);
	}
}

static void put_literal(struct bits *b, uint8_t byte)
{
	if (byte < 0x80)
		put_bits(b, byte, 8);
	else
		put_bits(b, 0x100 | (byte & 0x7f), 9);
}

static void put_copy(struct bits *b, uint32_t offset, uint32_t length)
{
	if (offset < NEAR)
		put_bits(b, 0xf << 6 | offset, 10);
	else if (offset < FAR)
		put_bits(b, 0xe << 8 | (offset - NEAR), 12);
	else
		put_bits(b, 0x6 << 13 | (offset - FAR), 16);
	if (length == COPY_MIN) {
		put_bits(b, 0, 1);
		return;
	}
	/* As many ones as the length has bits below its first, less one; a zero; those bits. */
	unsigned width = 31 - (unsigned)__builtin_clz(length);
	put_bits(b, (1u << width) - 2, width);
	put_bits(b, length & ((1u << width) - 1), width);
}

static uint32_t hash(const uint8_t *bytes)
{
	uint32_t three = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
	return three * 0x9e3779b1u >> (32 - HASH_BITS);
}

/* How many bytes at `at` stand at `from` too; `end` is where those of the packet end. */
static size_t match(const struct mppc_sender *s, size_t from, size_t at, size_t end)
{
	size_t most = end - at, length = 0;

	if (at - from >= MPPC_HISTORY)
		return 0;
	/* Behind the end of the pass before there is nothing. */
	if (from < MPPC_HISTORY && most > s->before - from)
		most = s->before - from;
	while (length < most && s->row[from + length] == s->row[at + length])
		length++;
	return length;
}

/* The bytes of the row from `at` to `end`, which are a packet's. */
static void pack(struct mppc_sender *s, struct bits *b, size_t at, size_t end)
{
	while (end - at >= COPY_MIN) {
		uint16_t *head = &s->heads[hash(s->row + at)];
		size_t from = *head, length = from ? match(s, from, at, end) : 0;
		*head = (uint16_t)at;
		if (length < COPY_MIN) {
			put_literal(b, s->row[at++]);
			continue;
		}
		put_copy(b, (uint32_t)(at - from), (uint32_t)length);
		for (at++; --length; at++)
			if (end - at >= COPY_MIN)
				s->heads[hash(s->row + at)] = (uint16_t)at;
	}
	while (at < end)
		put_literal(b, s->row[at++]);
	put_bits(b, 0, (8 - b->count) % 8);
}

/* The pass is over: it becomes the one before. */
static void turn_over(struct mppc_sender *s)
{
	s->before = s->at - MPPC_HISTORY;
	memcpy(s->row, s->row + MPPC_HISTORY, s->before);
	for (size_t n = 0; n < 1 << HASH_BITS; n++)
		s->heads[n] = s->heads[n] > MPPC_HISTORY ? s->heads[n] - MPPC_HISTORY : 0;
	s->at = MPPC_HISTORY;
}

/* The packet as it is: it is in nobody's history, which therefore starts again. */
static size_t store(struct mppc_sender *s, const uint8_t *number, const uint8_t *packet,
	size_t length, uint8_t *to)
{
	s->flush = true;
	memcpy(to, number, PROTOCOL);
	memcpy(to + PROTOCOL, packet, length);
	return PROTOCOL + length;
}

/* What follows the header, and the header's bits. */
static size_t pack_packet(struct mppc_sender *s, uint16_t protocol, const uint8_t *packet,
	size_t length, uint8_t *to, uint16_t *bits)
{
	size_t hidden = PROTOCOL + length;
	uint8_t number[PROTOCOL];
	uint16_t front = 0;

	put_u16(number, protocol);
	if (hidden >= MPPC_HISTORY)
		return store(s, number, packet, length, to);
	if (s->at + hidden >= sizeof(s->row)) {
		turn_over(s);
		front = MPPC_FRONT;
	}
	struct bits b = {.at = to, .end = to + hidden - 1};
	memcpy(s->row + s->at, number, PROTOCOL);
	memcpy(s->row + s->at + PROTOCOL, packet, length);
	pack(s, &b, s->at, s->at + hidden);
	s->at += (uint16_t)hidden;
	if (b.full)
		return store(s, number, packet, length, to);
	*bits |= MPPC_COMPRESSED | front;
	return (size_t)(b.at - to);
}

static size_t mppc_compress(void *memory, uint16_t protocol, const uint8_t *packet, size_t length,
	uint8_t *to, size_t capacity)
{
	struct mppc_sender *s = memory;
	uint16_t bits = 0;

	if (capacity < HEADER + PROTOCOL + length)
		return 0;
	if (s->flush || s->common.stateless) {
		empty_sender(s);
		bits = MPPC_FLUSHED;
	}
	size_t size = pack_packet(s, protocol, packet, length, to + HEADER, &bits);
	if (!s->common.encrypted)
		bits |= s->common.count++ & COUNT_MASK;
	put_u16(to, bits);
	return HEADER + size;
}

/* Bits on their way in. Past the end there are zeros, and `count` is below zero. */
struct source {
	const uint8_t *at, *end;
	uint64_t waiting; /* from the highest on */
	int count;
	int left; /* bits not taken yet */
};

static uint32_t take_bits(struct source *b, int width)
{
	while (b->count < width) {
		uint64_t byte = b->at < b->end ? *b->at++ : 0;
		b->waiting |= byte << (56 - b->count);
		b->count += 8;
	}
	uint32_t value = (uint32_t)(b->waiting >> 32 >> (32 - width));
	b->waiting <<= width;
	b->count -= width;
	b->left -= width;
	return value;
}

/* The first two bits of it, 11, were taken. */
static uint32_t take_offset(struct source *b)
{
	if (!take_bits(b, 1))
		return take_bits(b, 13) + FAR;
	return take_bits(b, 1) ? take_bits(b, 6) : take_bits(b, 8) + NEAR;
}

/* 0: none that there is. */
static uint32_t take_length(struct source *b)
{
	int width = 1;

	if (!take_bits(b, 1))
		return COPY_MIN;
	while (take_bits(b, 1))
		if (++width >= LENGTH_BITS_MAX)
			return 0;
	width++;
	return 1u << width | take_bits(b, width);
}

struct unpacked {
	uint8_t *at, *end;
};

static bool put_byte(struct mppc_receiver *r, struct unpacked *u, uint8_t byte, enum drop *why)
{
	*why = u->at == u->end ? DROP_CODEC_SIZE : DROP_CODEC_DATA;
	if (u->at == u->end || r->at == MPPC_HISTORY)
		return false;
	r->ring[r->at++] = byte;
	*u->at++ = byte;
	return true;
}

static bool copy(struct mppc_receiver *r, struct unpacked *u, uint32_t offset, uint32_t length,
	enum drop *why)
{
	size_t from = (r->at - offset) % MPPC_HISTORY;

	*why = DROP_CODEC_DATA;
	if (offset == 0 || offset >= MPPC_HISTORY || length == 0)
		return false;
	for (; length; length--) {
		if (from >= r->at && from >= r->high) {
			*why = DROP_CODEC_DATA;
			return false;
		}
		if (!put_byte(r, u, r->ring[from], why))
			return false;
		from = (from + 1) % MPPC_HISTORY;
	}
	return true;
}

static bool unpack(struct mppc_receiver *r, struct source *b, struct unpacked *u, enum drop *why)
{
	while (b->left >= 8) {
		bool good;
		if (!take_bits(b, 1)) {
			good = put_byte(r, u, (uint8_t)take_bits(b, 7), why);
		} else if (!take_bits(b, 1)) {
			good = put_byte(r, u, (uint8_t)(0x80 | take_bits(b, 7)), why);
		} else {
			uint32_t offset = take_offset(b);
			good = copy(r, u, offset, take_length(b), why);
		}
		if (!good)
			return false;
	}
	*why = DROP_CODEC_DATA;
	return b->left >= 0;
}

/* Whether the history is what the packet needs: a packet with A needs none. */
static bool in_step(struct mppc_receiver *r, uint16_t header, enum drop *why)
{
	struct mppc *m = &r->common;

	if (header & MPPC_FLUSHED) {
		empty_receiver(r);
	} else if (m->dead || m->stateless) {
		*why = DROP_CODEC_RESYNC;
		return false;
	} else if (!m->encrypted && (header & COUNT_MASK) != m->count) {
		*why = DROP_CODEC_LOST;
		return false;
	}
	m->count = (header + 1) & COUNT_MASK;
	return true;
}

static bool open_packet(struct mppc_receiver *r, uint16_t header, const uint8_t *from,
	size_t length, struct unpacked *u, enum drop *why)
{
	if (!(header & MPPC_COMPRESSED)) {
		*why = DROP_CODEC_SIZE;
		if (length > (size_t)(u->end - u->at))
			return false;
		memcpy(u->at, from, length);
		u->at += length;
		return true;
	}
	if (header & MPPC_FRONT) {
		r->high = r->at > r->high ? r->at : r->high;
		r->at = 0;
	}
	struct source b = {.at = from, .end = from + length, .left = (int)length * 8};
	return unpack(r, &b, u, why);
}

static bool mppc_decompress(void *memory, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *got, enum drop *why)
{
	struct mppc_receiver *r = memory;
	struct unpacked u = {.at = to, .end = to + capacity};

	*why = DROP_CODEC_DATA;
	bool good = length > HEADER;
	if (good) {
		uint16_t header = get_u16(from);
		*why = DROP_CODEC_DATA;
		good = (r->common.encrypted || !(header & BIT_D)) && in_step(r, header, why) &&
		       open_packet(r, header, from + HEADER, length - HEADER, &u, why);
	}
	r->common.dead = !good;
	*got = (size_t)(u.at - to);
	return good;
}

const struct codec_ops mppc_codec = {
	.name = "MPPC",
	.flushes = true,
	.size = mppc_size,
	.init = mppc_init,
	.reset = mppc_reset,
	.compress = mppc_compress,
	.decompress = mppc_decompress,
};

size_t mppc_peek(const uint8_t *from, size_t length, uint8_t *to, size_t capacity)
{
	struct mppc_receiver r;
	struct unpacked u = {.at = to, .end = to + capacity};
	struct source b = {.at = from, .end = from + length, .left = (int)length * 8};
	enum drop why;

	empty_receiver(&r);
	unpack(&r, &b, &u, &why);
	return (size_t)(u.at - to);
}
