/* Predictor-1 (RFC 1978).
 *
 *     |C| length of what is hidden (15 bits) |  flags, missed bytes, ...  | FCS, low byte first |
 *
 * A table says for every history of about four bytes (a 16-bit hash) which byte came next the last
 * time. Each flags byte stands for eight bytes, first one in the lowest bit: set, the guess was
 * right and nothing is sent; clear, the byte follows. Every packet goes this way: one that would
 * grow goes with C clear, as it is, and both ends learn from it all the same. The check sequence is
 * over the length (without C) and the bytes hidden (§3.2), so that the ends notice when their
 * tables differ; there is no number.
 *
 * The history goes on from packet to packet. The smallest packet for the largest output is flags
 * alone: one byte for eight.
 *
 * Speed (test/bench/bench_codec, Zen 5): text goes in at 170 MB/s and comes out at 195, noise at
 * 235 and 410; plain zlib at level 6 has 37 and 400, 29 and no need to. */
#include "predictor.h"

#include <string.h>

#include "bytes.h"
#include "fcs.h"

enum {
	HEADER = 2,
	CHECK = 2,
	PROTOCOL = 2, /* the field, in front of what is hidden */
	COMPRESSED = 0x8000,
	GUESSES = 65536,
	FLAGS = 8, /* in a byte */
};

struct predictor {
	uint16_t hash;
	bool dead;
	uint8_t guesses[GUESSES];
};

static size_t predictor_size(const struct codec_params *params, enum codec_direction direction)
{
	return sizeof(struct predictor);
}

static void predictor_reset(void *memory)
{
	memset(memory, 0, sizeof(struct predictor));
}

static void predictor_init(
	void *memory, const struct codec_params *params, enum codec_direction direction)
{
	predictor_reset(memory);
}

/* Whether the table guesses this byte; it does from now on. */
static bool guess(struct predictor *p, uint8_t byte)
{
	uint8_t *entry = &p->guesses[p->hash];
	bool right = *entry == byte;
	*entry = byte;
	p->hash = (uint16_t)(p->hash << 4 ^ byte);
	return right;
}

static void learn(struct predictor *p, const uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++)
		guess(p, bytes[n]);
}

/* Where what is squeezed goes, while it stays short enough. */
struct squeezed {
	uint8_t *at, *end;
	uint8_t *flags;
	uint8_t bit; /* of the next byte in `flags`; 0: they are full */
	bool full;   /* no room: the rest is only learned */
};

static uint8_t *room(struct squeezed *s)
{
	s->full |= s->at == s->end;
	return s->full ? NULL : s->at++;
}

static void squeeze(struct predictor *p, struct squeezed *s, const uint8_t *bytes, size_t length)
{
	size_t n = 0;

	for (; n < length && !s->full; n++) {
		if (s->bit == 0) {
			s->flags = room(s);
			s->bit = 1;
			if (s->full)
				break;
			*s->flags = 0;
		}
		if (guess(p, bytes[n])) {
			*s->flags |= s->bit;
		} else {
			uint8_t *missed = room(s);
			if (missed)
				*missed = bytes[n];
		}
		s->bit = (uint8_t)(s->bit << 1);
	}
	learn(p, bytes + n, length - n);
}

static size_t predictor_compress(void *memory, uint16_t protocol, const uint8_t *packet,
	size_t length, uint8_t *to, size_t capacity)
{
	struct predictor *p = memory;
	size_t hidden = PROTOCOL + length;
	uint8_t number[PROTOCOL];

	if (hidden >= COMPRESSED || capacity < HEADER + hidden + CHECK)
		return 0;
	put_u16(number, protocol);
	put_u16(to, (uint16_t)hidden);
	uint16_t fcs = fcs_add(FCS_START, to, HEADER);
	fcs = fcs_add(fcs_add(fcs, number, PROTOCOL), packet, length);
	struct squeezed s = {.at = to + HEADER, .end = to + HEADER + hidden - 1};
	squeeze(p, &s, number, PROTOCOL);
	squeeze(p, &s, packet, length);
	if (s.full) {
		memcpy(to + HEADER, number, PROTOCOL);
		memcpy(to + HEADER + PROTOCOL, packet, length);
		s.at = to + HEADER + hidden;
	} else {
		put_u16(to, (uint16_t)(COMPRESSED | hidden));
	}
	*s.at++ = (uint8_t)~fcs;
	*s.at++ = (uint8_t)(~fcs >> 8);
	return (size_t)(s.at - to);
}

/* Exactly `length` bytes, out of exactly what `r` has. */
static bool expand(struct predictor *p, struct reader *r, uint8_t *to, size_t length)
{
	for (size_t done = 0; done < length;) {
		uint8_t flags = read_u8(r);
		for (unsigned n = 0; n < FLAGS && done < length; n++, flags >>= 1) {
			uint8_t byte = flags & 1 ? p->guesses[p->hash] : read_u8(r);
			guess(p, byte);
			to[done++] = byte;
		}
		if (r->failed)
			return false;
	}
	return reader_left(r) == 0;
}

static bool unpack(
	struct predictor *p, struct reader *r, bool compressed, uint8_t *to, size_t length)
{
	if (compressed)
		return expand(p, r, to, length);
	const uint8_t *bytes = read_bytes(r, length);
	if (!bytes || reader_left(r))
		return false;
	memcpy(to, bytes, length);
	learn(p, to, length);
	return true;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

static bool predictor_decompress(void *memory, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *got, enum drop *why)
{
	struct predictor *p = memory;

	if (p->dead)
		return refuse(why, DROP_CODEC_RESYNC);
	p->dead = true; /* until all is well */
	if (length <= HEADER + CHECK)
		return refuse(why, DROP_CODEC_DATA);
	uint16_t header = get_u16(from);
	uint8_t clear[HEADER];
	*got = header & ~COMPRESSED;
	put_u16(clear, (uint16_t)*got);
	if (*got > capacity)
		return refuse(why, DROP_CODEC_SIZE);
	struct reader r = reader_over(from + HEADER, length - HEADER - CHECK);
	if (*got == 0 || !unpack(p, &r, header & COMPRESSED, to, *got))
		return refuse(why, DROP_CODEC_DATA);
	uint16_t fcs = fcs_add(fcs_add(FCS_START, clear, HEADER), to, *got);
	if (fcs_add(fcs, from + length - CHECK, CHECK) != FCS_GOOD)
		return refuse(why, DROP_CODEC_DATA);
	p->dead = false;
	return true;
}

const struct codec_ops predictor_codec = {
	.name = "Predictor-1",
	.size = predictor_size,
	.init = predictor_init,
	.reset = predictor_reset,
	.compress = predictor_compress,
	.decompress = predictor_decompress,
};
