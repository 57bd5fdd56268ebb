/* BSD-Compress (RFC 1977): LZW as in compress(1), packet by packet.
 *
 *     | sequence number (16 bits) |  codes, 9 to 15 bits each, first bit highest |
 *
 * A code below 256 is a byte, 256 says that the dictionary is cleared, one from 257 on is a string:
 * a shorter one and a byte behind it. A packet's first string begins with its protocol field, in
 * one byte, so only protocols 0021 to 00F9 are touched. A packet that would grow goes as it is;
 * both ends put it through the same dictionary, and it takes a sequence number.
 *
 * Nothing says how good the compression is, so both ends keep the same account of it, and every
 * 10,000 bytes the one who compresses clears a full dictionary that has become worse (`worse`):
 * with a clear code at the end of the packet, or without a word when that packet goes as it is. The
 * account is therefore part of the format, and is that of RFC 1977's code to the byte.
 *
 * Codes grow by a bit when the next one would not fit any more. The one who decompresses knows a
 * string one code later than the other, whence the two places where `widen` stands.
 *
 * The dictionary is found by hash (half full at most, the next free place is taken) and forgotten
 * by clearing the hash alone. The longest output for a packet comes from a dictionary that was
 * taught a run: each code then stands for thousands of bytes, which the capacity bounds; it is
 * looked at before a string is written.
 *
 * Speed (test/bench/bench_codec, Zen 5), 12 bits: text goes in at 155 MB/s and comes out at 440,
 * noise at 90 and 90, because what goes as it is must be learned; plain zlib at level 6 has 37 and
 * 400. */
#include "bsd.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

enum {
	HEADER = 2,
	CLEAR = 256,
	FIRST = 257,
	PROTOCOL_MIN = 0x21, /* what goes through the dictionary */
	PROTOCOL_MAX = 0xf9,
	CHECK_GAP = 10000,
	RATIO_SHIFT = 8,
	ACCOUNT_MAX = 0x7fffffff >> RATIO_SHIFT,
};

struct bsd {
	uint16_t *prefixes; /* of a code's string: all but its last byte, a code itself */
	uint16_t *lengths;
	uint16_t *slots; /* the hash, of twice as many places as there are codes; 0: free */
	uint8_t *suffixes;
	uint16_t sequence;
	uint16_t last; /* code given; FIRST - 1: none */
	uint8_t bits;  /* of the longest code */
	uint8_t width; /* of the next code */
	bool dead;
	/* The account since the last clear. */
	uint32_t in, out, ratio, checkpoint;
};

static unsigned code_max(unsigned width)
{
	return (1u << width) - 1;
}

static size_t bsd_size(const struct codec_params *params, enum codec_direction direction)
{
	assert(params->bits >= BSD_BITS_MIN && params->bits <= BSD_BITS_MAX);
	size_t codes = (size_t)1 << params->bits;
	return sizeof(struct bsd) + codes * (4 * sizeof(uint16_t) + sizeof(uint8_t));
}

static void clear(struct bsd *b)
{
	memset(b->slots, 0, sizeof(*b->slots) * 2 << b->bits);
	b->last = FIRST - 1;
	b->width = BSD_BITS_MIN;
	b->in = b->out = b->ratio = 0;
	b->checkpoint = CHECK_GAP;
}

static void bsd_reset(void *memory)
{
	struct bsd *b = memory;
	clear(b);
	b->sequence = 0;
	b->dead = false;
}

static void bsd_init(
	void *memory, const struct codec_params *params, enum codec_direction direction)
{
	struct bsd *b = memory;
	size_t codes = (size_t)1 << params->bits;
	uint16_t *words = (uint16_t *)(b + 1);

	b->bits = params->bits;
	b->prefixes = words;
	b->lengths = words + codes;
	b->slots = words + 2 * codes;
	b->suffixes = (uint8_t *)(words + 4 * codes);
	for (unsigned code = 0; code < CLEAR; code++)
		b->lengths[code] = 1;
	bsd_reset(b);
}

/* The code of the string `prefix` and `suffix`, or 0 and the place where it belongs. */
static unsigned find(const struct bsd *b, unsigned prefix, uint8_t suffix, uint32_t *slot)
{
	uint32_t mask = (2u << b->bits) - 1;

	*slot = ((prefix << 8 | suffix) * 0x9e3779b1u) >> (31 - b->bits);
	for (;; *slot = (*slot + 1) & mask) {
		unsigned code = b->slots[*slot];
		if (code == 0 || (b->prefixes[code] == prefix && b->suffixes[code] == suffix))
			return code;
	}
}

static bool full(const struct bsd *b)
{
	return b->last == code_max(b->bits);
}

/* The next code no longer fits the width. */
static void widen(struct bsd *b)
{
	if (b->last >= code_max(b->width) && !full(b))
		b->width++;
}

static void add(struct bsd *b, unsigned prefix, uint8_t suffix, uint32_t slot)
{
	unsigned code = ++b->last;

	b->prefixes[code] = (uint16_t)prefix;
	b->suffixes[code] = suffix;
	b->lengths[code] = b->lengths[prefix] + 1;
	b->slots[slot] = (uint16_t)code;
}

/* Every CHECK_GAP bytes: whether a full dictionary does worse than it did, or makes packets grow.
 */
static bool worse(struct bsd *b)
{
	if (b->in < b->checkpoint)
		return false;
	if (b->in >= ACCOUNT_MAX || b->out >= ACCOUNT_MAX) {
		b->in -= b->in >> 2;
		b->out -= b->out >> 2;
	}
	b->checkpoint = b->in + CHECK_GAP;
	if (!full(b))
		return false;
	uint32_t before = b->ratio;
	b->ratio = b->in << RATIO_SHIFT;
	if (b->out)
		b->ratio /= b->out;
	return b->ratio < before || b->ratio < 1 << RATIO_SHIFT;
}

/* Where codes go; only counted where there is no room. */
struct codes {
	uint8_t *at, *end;
	size_t bytes;
	uint32_t waiting; /* bits, from the highest on */
	unsigned count;   /* of them */
};

static void put_byte(struct codes *c)
{
	if (c->at < c->end)
		*c->at++ = (uint8_t)(c->waiting >> 24);
	c->bytes++;
	c->waiting <<= 8;
	c->count = c->count < 8 ? 0 : c->count - 8;
}

static void put_code(struct codes *c, unsigned code, unsigned width)
{
	c->count += width;
	c->waiting |= (uint32_t)code << (32 - c->count);
	while (c->count >= 8)
		put_byte(c);
}

static void put_string(
	struct bsd *b, struct codes *c, unsigned first, const uint8_t *bytes, size_t length)
{
	unsigned code = first;

	for (size_t n = 0; n < length; n++) {
		uint32_t slot;
		unsigned longer = find(b, code, bytes[n], &slot);
		if (longer) {
			code = longer;
			continue;
		}
		put_code(c, code, b->width);
		if (!full(b)) {
			widen(b);
			add(b, code, bytes[n], slot);
		}
		code = bytes[n];
	}
	put_code(c, code, b->width);
}

/* A packet through the dictionary, and into the account. */
static void digest(
	struct bsd *b, struct codes *c, uint16_t protocol, const uint8_t *packet, size_t length)
{
	put_string(b, c, protocol, packet, length);
	b->in += (uint32_t)length + 1;
	b->out += (uint32_t)(c->bytes + (c->count != 0));
	b->sequence++;
	if (worse(b)) {
		put_code(c, CLEAR, b->width);
		clear(b);
	} else {
		widen(b);
	}
	/* The rest of the last byte is ones. */
	if (c->count) {
		c->waiting |= 0xffffffffu >> c->count;
		put_byte(c);
	}
}

static bool touched(uint16_t protocol)
{
	return protocol >= PROTOCOL_MIN && protocol <= PROTOCOL_MAX;
}

static size_t bsd_compress(void *memory, uint16_t protocol, const uint8_t *packet, size_t length,
	uint8_t *to, size_t capacity)
{
	struct bsd *b = memory;
	size_t most = length <= capacity ? length : capacity + 1; /* as much is too much */

	if (!touched(protocol))
		return 0;
	struct codes c = {0};
	if (most > HEADER) {
		put_u16(to, b->sequence);
		c.at = to + HEADER;
		c.end = to + most - 1;
	}
	digest(b, &c, protocol, packet, length);
	return HEADER + c.bytes < most ? HEADER + c.bytes : 0;
}

static void bsd_incompressible(
	void *memory, uint16_t protocol, const uint8_t *packet, size_t length)
{
	struct codes nowhere = {0};
	struct bsd *b = memory;

	if (b->dead || !touched(protocol))
		return;
	digest(b, &nowhere, protocol, packet, length);
}

/* Writes a string backwards from its end; its first byte. */
static uint8_t spell(const struct bsd *b, unsigned code, uint8_t *end)
{
	for (; code >= FIRST; code = b->prefixes[code])
		*--end = b->suffixes[code];
	*--end = (uint8_t)code;
	return (uint8_t)code;
}

struct decoded {
	uint8_t *start, *at, *end;
	unsigned before; /* the code before; CLEAR: none in this packet */
};

/* One code of a packet that is none of CLEAR. */
static bool take_code(struct bsd *b, struct decoded *d, unsigned code, enum drop *why)
{
	/* A string not known yet is the one before and its own first byte (KwKwK). */
	bool unknown = code > b->last;
	unsigned known = unknown ? d->before : code;

	if (unknown && (code != b->last + 1u || d->before == CLEAR || full(b))) {
		*why = DROP_CODEC_DATA;
		return false;
	}
	size_t length = b->lengths[known];
	if ((size_t)(d->end - d->at) < length + unknown) {
		*why = DROP_CODEC_SIZE;
		return false;
	}
	d->at += length;
	uint8_t first = spell(b, known, d->at);
	if (unknown)
		*d->at++ = first;
	if (d->before != CLEAR && !full(b)) {
		uint32_t slot;
		/* A peer that does not find what is there already sends it twice. */
		if (find(b, d->before, first, &slot)) {
			*why = DROP_CODEC_DATA;
			return false;
		}
		add(b, d->before, first, slot);
		widen(b);
	}
	d->before = code;
	return true;
}

/* The codes of a packet, the last of which may clear the dictionary. */
static bool take_codes(struct bsd *b, struct decoded *d, struct reader *r, enum drop *why)
{
	uint32_t waiting = 0;
	unsigned count = 0;

	while (reader_left(r)) {
		count += 8;
		waiting |= (uint32_t)read_u8(r) << (32 - count);
		if (count < b->width)
			continue;
		unsigned code = waiting >> (32 - b->width);
		waiting <<= b->width;
		count -= b->width;
		if (code == CLEAR) {
			clear(b);
			*why = DROP_CODEC_DATA;
			return reader_left(r) == 0;
		}
		if (!take_code(b, d, code, why))
			return false;
	}
	b->in += (uint32_t)(d->at - d->start);
	*why = DROP_CODEC_DATA;
	return !worse(b); /* the peer would have cleared its dictionary */
}

static bool bsd_decompress(void *memory, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *got, enum drop *why)
{
	struct bsd *b = memory;
	struct reader r = reader_over(from, length);
	struct decoded d = {.start = to, .at = to, .end = to + capacity, .before = CLEAR};

	*why = DROP_CODEC_RESYNC;
	if (b->dead)
		return false;
	b->dead = true; /* until all is well */
	*why = DROP_CODEC_DATA;
	uint16_t sequence = read_u16(&r);
	if (r.failed || !reader_left(&r))
		return false;
	*why = DROP_CODEC_LOST;
	if (sequence != b->sequence)
		return false;
	b->sequence++;
	b->out += (uint32_t)reader_left(&r);
	if (!take_codes(b, &d, &r, why))
		return false;
	*got = (size_t)(d.at - to);
	*why = DROP_CODEC_DATA;
	b->dead = *got == 0;
	return !b->dead;
}

const struct codec_ops bsd_codec = {
	.name = "BSD-Compress",
	.size = bsd_size,
	.init = bsd_init,
	.reset = bsd_reset,
	.compress = bsd_compress,
	.decompress = bsd_decompress,
	.incompressible = bsd_incompressible,
};
