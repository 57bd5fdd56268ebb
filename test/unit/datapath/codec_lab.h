/* What the tests of all compressors share: packets to compress, a compressor and its decompressor
 * side by side, and what must hold for every one of them. */
#ifndef GREYLINE_TEST_CODEC_LAB_H
#define GREYLINE_TEST_CODEC_LAB_H

#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fcs.h"
#include "seed.h"

enum {
	LAB_PACKET = 1500,
	LAB_ROOM = LAB_PACKET + 64,
	LAB_CANARY = 16, /* bytes behind what a codec may write */
	LAB_IP = 0x21,
};

enum lab_kind { LAB_TEXT, LAB_ZEROS, LAB_NOISE, LAB_HEADERS, LAB_RUNS, LAB_KINDS };

struct lab_packet {
	uint16_t protocol;
	size_t length;
	size_t hidden; /* opened: bytes there were, with the protocol field */
	uint8_t bytes[LAB_PACKET];
};

static inline uint32_t lab_below(struct random *r, uint32_t bound)
{
	return random_u32(r) % bound;
}

static inline void lab_text(uint8_t *bytes, size_t length, struct random *r)
{
	static const char *const words[] = {"the ", "tunnel ", "of ", "packet ",
		"header: ", "GET /", "index", ".html\r\n", "0123", "compress", "ion ", "and ",
		"\r\n\r\n", "Host: ", "a", "\xc3\xa4"};
	size_t used = 0;
	while (used < length) {
		const char *word = words[lab_below(r, sizeof(words) / sizeof(words[0]))];
		size_t part = strlen(word);
		if (part > length - used)
			part = length - used;
		memcpy(bytes + used, word, part);
		used += part;
	}
}

static inline void lab_runs(uint8_t *bytes, size_t length, struct random *r)
{
	for (size_t used = 0; used < length;) {
		size_t run = 1 + lab_below(r, 200);
		if (run > length - used)
			run = length - used;
		memset(bytes + used, (int)lab_below(r, 256), run);
		used += run;
	}
}

static inline void lab_fill(
	struct lab_packet *p, enum lab_kind kind, size_t length, struct random *r)
{
	p->protocol = LAB_IP;
	p->length = length;
	switch (kind) {
	case LAB_TEXT:
		lab_text(p->bytes, length, r);
		break;
	case LAB_ZEROS:
		memset(p->bytes, 0, length);
		break;
	case LAB_HEADERS:
		memset(p->bytes, 0x45, length);
		random_bytes(r, p->bytes, length < 6 ? length : 6);
		break;
	case LAB_RUNS:
		lab_runs(p->bytes, length, r);
		break;
	case LAB_NOISE:
	case LAB_KINDS:
		random_bytes(r, p->bytes, length);
		break;
	}
}

/* Any packet: most are text. */
static inline void lab_draw(struct lab_packet *p, struct random *r)
{
	unsigned dice = lab_below(r, 10);
	size_t length = lab_below(r, 4) ? 1 + lab_below(r, LAB_PACKET) : 1 + lab_below(r, 60);
	lab_fill(p, dice < LAB_KINDS ? (enum lab_kind)dice : LAB_TEXT, length, r);
	p->protocol = lab_below(r, 4) ? LAB_IP : 0x57;
}

struct lab_pair {
	const struct codec_ops *ops;
	struct codec_params params;
	void *out, *in;
};

static inline void lab_restart(struct lab_pair *pair)
{
	pair->ops->init(pair->out, &pair->params, CODEC_COMPRESS);
	pair->ops->init(pair->in, &pair->params, CODEC_DECOMPRESS);
}

/* malloc, so that the sanitizers see every byte beyond. */
static inline struct lab_pair lab_pair(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = {.ops = ops, .params = params};
	pair.out = malloc(ops->size(&params, CODEC_COMPRESS));
	pair.in = malloc(ops->size(&params, CODEC_DECOMPRESS));
	assert_non_null(pair.out);
	assert_non_null(pair.in);
	lab_restart(&pair);
	return pair;
}

static inline void lab_free(struct lab_pair *pair)
{
	free(pair->out);
	free(pair->in);
}

struct lab_sealed {
	size_t length; /* 0: it went as it was */
	uint8_t bytes[LAB_ROOM];
};

static inline void lab_seal(struct lab_pair *pair, const struct lab_packet *p, struct lab_sealed *s)
{
	s->length = pair->ops->compress(
		pair->out, p->protocol, p->bytes, p->length, s->bytes, p->length + 6);
	assert_true(s->length <= p->length + 6);
}

static inline bool lab_open(struct lab_pair *pair, const uint8_t *bytes, size_t length,
	struct lab_packet *got, size_t capacity, enum drop *why)
{
	uint8_t *from = malloc(length ? length : 1), *to = malloc(capacity ? capacity : 1);
	size_t size = 0;
	assert_non_null(from);
	assert_non_null(to);
	memcpy(from, bytes, length);
	*why = DROP_COUNT;
	bool good = pair->ops->decompress(pair->in, from, length, to, capacity, &size, why);
	if (good) {
		assert_true(size > 0 && size <= capacity);
		got->hidden = size;
		size_t field = to[0] & 1 || size == 1 ? 1 : 2;
		got->protocol = field == 1 ? to[0] : (uint16_t)(to[0] << 8 | to[1]);
		got->length = size - field;
		memcpy(got->bytes, to + field, got->length);
	} else {
		assert_true(*why == DROP_CODEC_DATA || *why == DROP_CODEC_SIZE ||
			    *why == DROP_CODEC_LOST || *why == DROP_CODEC_RESYNC);
	}
	free(from);
	free(to);
	return good;
}

static inline void lab_assert_same(const struct lab_packet *got, const struct lab_packet *sent)
{
	assert_int_equal(got->protocol, sent->protocol);
	assert_int_equal(got->length, sent->length);
	assert_memory_equal(got->bytes, sent->bytes, sent->length);
}

/* The whole way of one packet; the bytes that went over the wire. */
static inline size_t lab_carry(struct lab_pair *pair, const struct lab_packet *p)
{
	struct lab_sealed sealed;
	struct lab_packet got;
	enum drop why;

	lab_seal(pair, p, &sealed);
	if (!sealed.length) {
		if (pair->ops->incompressible)
			pair->ops->incompressible(pair->in, p->protocol, p->bytes, p->length);
		return p->length + 2;
	}
	assert_true(lab_open(pair, sealed.bytes, sealed.length, &got, LAB_PACKET + 2, &why));
	lab_assert_same(&got, p);
	return sealed.length;
}

static inline void lab_reset(struct lab_pair *pair)
{
	pair->ops->reset(pair->out);
	pair->ops->reset(pair->in);
}

/* Every kind of packet, at every state a few thousand packets lead to. */
static inline void lab_round_trips(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(seed_of_run(params.bits + 1u));
	struct lab_packet p;

	for (unsigned n = 0; n < 3000; n++) {
		lab_draw(&p, &r);
		lab_carry(&pair, &p);
		if (lab_below(&r, 500) == 0)
			lab_reset(&pair);
	}
	for (size_t length = 1; length < 40; length++) {
		lab_fill(&p, LAB_ZEROS, length, &r);
		lab_carry(&pair, &p);
	}
	lab_free(&pair);
}

/* Bytes that a hundred packets of a kind come to, in percent. */
static inline unsigned lab_share(
	const struct codec_ops *ops, struct codec_params params, enum lab_kind kind)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(5);
	struct lab_packet p;
	size_t plain = 0, packed = 0;

	for (unsigned n = 0; n < 100; n++) {
		lab_fill(&p, kind, 1400, &r);
		plain += p.length + 2;
		packed += lab_carry(&pair, &p);
	}
	lab_free(&pair);
	return (unsigned)(100 * packed / plain);
}

/* Packets are lost; what is opened is right all the same, and a reset mends it. */
static inline void lab_losses(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(seed_of_run(77));
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;
	unsigned refused = 0, opened = 0;

	for (unsigned n = 0; n < 4000; n++) {
		lab_draw(&p, &r);
		lab_seal(&pair, &p, &sealed);
		if (lab_below(&r, 50) == 0)
			continue; /* lost */
		if (!sealed.length) {
			if (ops->incompressible)
				ops->incompressible(pair.in, p.protocol, p.bytes, p.length);
			continue;
		}
		if (lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET + 2, &why)) {
			lab_assert_same(&got, &p);
			opened++;
			continue;
		}
		refused++;
		if (lab_below(&r, 3) == 0)
			lab_reset(&pair);
	}
	assert_true(opened > 1000);
	assert_true(params.stateless || refused > 50);
	lab_free(&pair);
}

/* After a packet that cannot be read nothing is, until the reset; then all is. */
static inline void lab_dead(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(3);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	for (unsigned n = 0; n < 5; n++) {
		lab_fill(&p, LAB_TEXT, 900, &r);
		lab_carry(&pair, &p);
	}
	assert_false(lab_open(&pair, (const uint8_t *)"", 0, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	for (unsigned n = 0; n < 5; n++) {
		lab_fill(&p, LAB_TEXT, 900, &r);
		lab_seal(&pair, &p, &sealed);
		assert_true(sealed.length);
		assert_false(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
		assert_int_equal(why, DROP_CODEC_RESYNC);
		if (ops->incompressible)
			ops->incompressible(pair.in, LAB_IP, p.bytes, p.length);
	}
	lab_reset(&pair);
	for (unsigned n = 0; n < 5; n++) {
		lab_fill(&p, LAB_TEXT, 900, &r);
		lab_carry(&pair, &p);
	}
	lab_free(&pair);
}

/* Three packets, of which the last is cut at every place: what is opened all the same stays within
 * bounds. Only Predictor-1 has a check of what it hides. */
static inline void lab_truncated(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(9);
	struct lab_packet packets[3], got;
	struct lab_sealed sealed[3];
	enum drop why;

	for (unsigned n = 0; n < 3; n++) {
		lab_fill(&packets[n], LAB_TEXT, 400, &r);
		lab_seal(&pair, &packets[n], &sealed[n]);
		assert_true(sealed[n].length);
	}
	for (size_t length = 0; length < sealed[2].length; length++) {
		ops->init(pair.in, &pair.params, CODEC_DECOMPRESS);
		for (unsigned n = 0; n < 2; n++)
			assert_true(lab_open(
				&pair, sealed[n].bytes, sealed[n].length, &got, LAB_PACKET, &why));
		lab_open(&pair, sealed[2].bytes, length, &got, LAB_PACKET, &why);
	}
	lab_free(&pair);
}

/* Neither direction writes more than it may; malloc'ed to the byte, for the sanitizers. */
static inline void lab_bounded(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(11);
	struct lab_packet p, got;
	enum drop why;

	for (size_t capacity = 0; capacity < 330; capacity++) {
		uint8_t *to = malloc(capacity + LAB_CANARY);
		assert_non_null(to);
		memset(to, 0xa5, capacity + LAB_CANARY);
		lab_restart(&pair);
		lab_fill(&p, capacity % 3 ? LAB_NOISE : LAB_RUNS, 300, &r);
		size_t length =
			ops->compress(pair.out, p.protocol, p.bytes, p.length, to, capacity);
		assert_true(length <= capacity);
		for (size_t n = 0; n < LAB_CANARY; n++)
			assert_int_equal(to[capacity + n], 0xa5);
		if (length) {
			ops->init(pair.in, &pair.params, CODEC_DECOMPRESS);
			assert_true(lab_open(&pair, to, length, &got, LAB_PACKET, &why));
			lab_assert_same(&got, &p);
			size_t hidden = got.hidden;
			for (size_t room = hidden % 60; room <= hidden; room += 60) {
				ops->init(pair.in, &pair.params, CODEC_DECOMPRESS);
				bool fits = lab_open(&pair, to, length, &got, room, &why);
				assert_int_equal(fits, room == hidden);
				assert_true(fits || why == DROP_CODEC_SIZE);
			}
			ops->init(pair.in, &pair.params, CODEC_DECOMPRESS);
			assert_false(lab_open(&pair, to, length, &got, hidden - 1, &why));
			assert_int_equal(why, DROP_CODEC_SIZE);
		}
		free(to);
	}
	lab_free(&pair);
}

/* Packets changed on the way do no harm beyond themselves and the history. */
static inline void lab_changed(const struct codec_ops *ops, struct codec_params params)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct random r = random_from(seed_of_run(13));
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	for (unsigned n = 0; n < 5000; n++) {
		lab_draw(&p, &r);
		lab_seal(&pair, &p, &sealed);
		unsigned flips = lab_below(&r, 4);
		for (; flips && sealed.length; flips--)
			sealed.bytes[lab_below(&r, (uint32_t)sealed.length)] ^=
				(uint8_t)(1 << lab_below(&r, 8));
		if (!lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why))
			lab_reset(&pair);
	}
	lab_reset(&pair);
	for (unsigned n = 0; n < 5; n++) {
		lab_fill(&p, LAB_TEXT, 900, &r);
		lab_carry(&pair, &p);
	}
	lab_free(&pair);
}

/* All of it. */
static inline void lab_check(const struct codec_ops *ops, struct codec_params params)
{
	lab_round_trips(ops, params);
	lab_losses(ops, params);
	lab_truncated(ops, params);
	lab_changed(ops, params);
	lab_bounded(ops, params);
	if (!params.stateless)
		lab_dead(ops, params);
}

/* A long run of packets that depends on nothing but `seed`; the check value (RFC 1662) over all
 * that was made of them, which another implementation's must be. */
static inline uint8_t lab_byte(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint8_t)(*seed >> 24);
}

static inline uint16_t lab_long_run(
	const struct codec_ops *ops, struct codec_params params, unsigned packets)
{
	struct lab_pair pair = lab_pair(ops, params);
	struct lab_packet p = {.protocol = LAB_IP};
	struct lab_sealed sealed;
	uint32_t seed = 7;
	uint16_t fcs = FCS_START;

	for (unsigned n = 0; n < packets; n++) {
		uint8_t kind = lab_byte(&seed), low = lab_byte(&seed);
		uint8_t mask = kind < 20 ? 1 : kind < 200 ? 7 : 255;
		p.length = 1 + (size_t)(low | lab_byte(&seed) << 8) % 1400;
		for (size_t at = 0; at < p.length; at++)
			p.bytes[at] = lab_byte(&seed) & mask;
		lab_seal(&pair, &p, &sealed);
		fcs = fcs_add(fcs, sealed.bytes, sealed.length);
	}
	lab_free(&pair);
	return fcs;
}

/* The packets of the golden bytes: a text twice, and zeros. */
#define LAB_BELLS "for whom the bell tolls, the bell tolls for thee; for whom the bell tolls"

static inline void lab_golden(
	const struct codec_ops *ops, struct codec_params params, const char *const expected[3])
{
	struct lab_pair pair = lab_pair(ops, params);

	for (unsigned n = 0; n < 3; n++) {
		struct lab_packet p = {.protocol = LAB_IP, .length = 24}, got;
		struct lab_sealed sealed;
		uint8_t bytes[LAB_ROOM];
		enum drop why;
		if (n < 2) {
			p.length = strlen(LAB_BELLS);
			memcpy(p.bytes, LAB_BELLS, p.length);
		}
		lab_seal(&pair, &p, &sealed);
		assert_hex(sealed.bytes, sealed.length, expected[n]);
		size_t length = hex_bytes(bytes, sizeof(bytes), expected[n]);
		assert_true(lab_open(&pair, bytes, length, &got, LAB_PACKET, &why));
		lab_assert_same(&got, &p);
	}
	lab_free(&pair);
}

#endif
