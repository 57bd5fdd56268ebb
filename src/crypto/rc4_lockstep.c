/* RC4, up to four streams in lock step, in portable C.
 *
 * Every byte of an RC4 stream waits for three loads that depend on each other, so a core that runs
 * one stream is idle most of the time. The packets of a batch are independent: run four of them a
 * byte at a time in turn, and the loads of one hide behind those of the others. Key schedules are
 * chains of the same kind, and gain by the same trick.
 *
 * Streams that begin together share the counter `i`. Key stream is collected a word at a time: one
 * XOR and one store for eight bytes, because byte-wide stores are what limits.
 */
#include "rc4.h"

#include <string.h>

enum { WORD = 8 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* One step of a key schedule. */
ALWAYS_INLINE void mix(uint8_t *s, unsigned n, uint8_t *j, uint8_t key)
{
	uint8_t x = s[n];
	*j = (uint8_t)(*j + x + key);
	s[n] = s[*j];
	s[*j] = x;
}

/* `width` is a constant where this is inlined, here and below. */
ALWAYS_INLINE void schedule(struct rc4 *const *streams, const uint8_t *keys, size_t width)
{
	uint8_t j[RC4_LANES] = {0};
	for (unsigned n = 0; n < 256; n++)
		streams[0]->s[n] = (uint8_t)n;
	for (size_t lane = 1; lane < width; lane++)
		memcpy(streams[lane]->s, streams[0]->s, 256);
	for (unsigned n = 0; n < 256; n++)
		for (size_t lane = 0; lane < width; lane++)
			mix(streams[lane]->s, n, &j[lane], keys[lane * RC4_KEY + n % RC4_KEY]);
	for (size_t lane = 0; lane < width; lane++)
		streams[lane]->i = streams[lane]->j = 0;
}

static void lockstep_schedule(struct rc4 *const *streams, const uint8_t *keys, size_t count)
{
	switch (count) {
	case 4:
		schedule(streams, keys, 4);
		break;
	case 3:
		schedule(streams, keys, 3);
		break;
	case 2:
		schedule(streams, keys, 2);
		break;
	default:
		schedule(streams, keys, 1);
	}
}

/* The next key stream byte of one lane. */
ALWAYS_INLINE uint64_t next(uint8_t *s, uint8_t i, uint8_t *j)
{
	uint8_t x = s[i];
	*j = (uint8_t)(*j + x);
	uint8_t y = s[*j];
	s[i] = y;
	s[*j] = x;
	return s[(uint8_t)(x + y)];
}

/* Where the n-th byte in memory sits in a word. */
ALWAYS_INLINE unsigned place(unsigned n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return 8 * n;
#else
	return 8 * (WORD - 1 - n);
#endif
}

ALWAYS_INLINE void xor_word(struct rc4_lane *lane, uint64_t stream)
{
	uint64_t word;
	memcpy(&word, lane->in, WORD);
	word ^= stream;
	memcpy(lane->out, &word, WORD);
	lane->in += WORD;
	lane->out += WORD;
}

/* Indices and words in variables of their own, not in arrays: so they become registers. */
ALWAYS_INLINE void run(struct rc4_lane *lanes, size_t words, size_t width)
{
	struct rc4 *r0 = lanes[0].stream, *r1 = lanes[width > 1 ? 1 : 0].stream;
	struct rc4 *r2 = lanes[width > 2 ? 2 : 0].stream, *r3 = lanes[width > 3 ? 3 : 0].stream;
	uint8_t i = r0->i, j0 = r0->j, j1 = r1->j, j2 = r2->j, j3 = r3->j;

	for (size_t left = words; left > 0; left--) {
		uint64_t k0 = 0, k1 = 0, k2 = 0, k3 = 0;
		for (unsigned n = 0; n < WORD; n++) {
			i++;
			k0 |= next(r0->s, i, &j0) << place(n);
			if (width > 1)
				k1 |= next(r1->s, i, &j1) << place(n);
			if (width > 2)
				k2 |= next(r2->s, i, &j2) << place(n);
			if (width > 3)
				k3 |= next(r3->s, i, &j3) << place(n);
		}
		xor_word(&lanes[0], k0);
		if (width > 1)
			xor_word(&lanes[1], k1);
		if (width > 2)
			xor_word(&lanes[2], k2);
		if (width > 3)
			xor_word(&lanes[3], k3);
	}

	const uint8_t j[RC4_LANES] = {j0, j1, j2, j3};
	for (size_t lane = 0; lane < width; lane++) {
		lanes[lane].stream->i = i;
		lanes[lane].stream->j = j[lane];
		lanes[lane].length -= words * WORD;
	}
}

static void lockstep_run(struct rc4_lane *lanes, size_t count, size_t blocks)
{
	size_t words = blocks * (RC4_BLOCK / WORD);
	switch (count) {
	case 4:
		run(lanes, words, 4);
		break;
	case 3:
		run(lanes, words, 3);
		break;
	case 2:
		run(lanes, words, 2);
		break;
	default:
		run(lanes, words, 1);
	}
}

const struct rc4_engine rc4_lockstep = {.schedule = lockstep_schedule, .run = lockstep_run};
