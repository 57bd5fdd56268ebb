/* RC4, four streams in lock step, in portable C.
 *
 * Every byte of an RC4 stream waits for three loads that depend on each other, so a core that runs
 * one stream is idle most of the time. The packets of a batch are independent: run four of them a
 * byte at a time in turn, and the loads of one hide behind those of the others.
 *
 * A batch is put in order first: stateless packets before stateful ones, longer before shorter.
 * Neighbours then form groups of up to four of nearly equal length. All streams of a stateless
 * group start at the same index, so that one counter `i` serves the group; streams that carry
 * state have each their own. A group runs four wide until its shortest packet ends, then three
 * wide, and so on. Key stream is collected a word at a time: one XOR and one store for eight bytes,
 * because byte-wide stores to the packet would be what limits. What a stream has beyond whole words
 * when the group narrows is done byte by byte, so that nothing past `length` is ever written.
 *
 * States live in one array at fixed distances, which leaves the registers to the indices. State of
 * stateful streams is copied in and out; that costs a hundredth of a packet.
 */
#include "rc4.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "digest.h"

enum { LANES = 4, WORD = 8, ORDER_MAX = 64 };

struct lanes {
	uint8_t s[LANES][256];
	uint8_t i[LANES], j[LANES];
	uint8_t key[LANES][16];
	const uint8_t *in[LANES];
	uint8_t *out[LANES];
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* One step of the key schedule of one lane. */
ALWAYS_INLINE void mix(uint8_t *s, unsigned n, uint8_t *j, uint8_t key)
{
	uint8_t x = s[n];
	*j = (uint8_t)(*j + x + key);
	s[n] = s[*j];
	s[*j] = x;
}

/* The key schedules of the first `width` lanes (a constant where this is inlined). */
ALWAYS_INLINE void schedule(struct lanes *l, unsigned width)
{
	uint8_t j0 = 0, j1 = 0, j2 = 0, j3 = 0;
	for (unsigned n = 0; n < 256; n++)
		l->s[0][n] = (uint8_t)n;
	for (unsigned lane = 1; lane < width; lane++)
		memcpy(l->s[lane], l->s[0], 256);
	for (unsigned n = 0; n < 256; n++) {
		mix(l->s[0], n, &j0, l->key[0][n % 16]);
		if (width > 1)
			mix(l->s[1], n, &j1, l->key[1][n % 16]);
		if (width > 2)
			mix(l->s[2], n, &j2, l->key[2][n % 16]);
		if (width > 3)
			mix(l->s[3], n, &j3, l->key[3][n % 16]);
	}
	memset(l->i, 0, sizeof(l->i));
	memset(l->j, 0, sizeof(l->j));
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

ALWAYS_INLINE void xor_word(struct lanes *l, unsigned lane, size_t at, uint64_t stream)
{
	uint64_t word;
	memcpy(&word, l->in[lane] + at, WORD);
	word ^= stream;
	memcpy(l->out[lane] + at, &word, WORD);
}

/* Bytes `at` to `end` of the first `width` lanes. `width` and `together` (all lanes have the same
 * `i`) are constants where this is inlined, so that the indices become registers. */
ALWAYS_INLINE void run(struct lanes *l, size_t at, size_t end, unsigned width, bool together)
{
	uint8_t i0 = l->i[0], i1 = l->i[1], i2 = l->i[2], i3 = l->i[3];
	uint8_t j0 = l->j[0], j1 = l->j[1], j2 = l->j[2], j3 = l->j[3];

	for (; end - at >= WORD; at += WORD) {
		uint64_t k0 = 0, k1 = 0, k2 = 0, k3 = 0;
		for (unsigned n = 0; n < WORD; n++) {
			k0 |= next(l->s[0], ++i0, &j0) << place(n);
			if (width > 1)
				k1 |= next(l->s[1], together ? i0 : ++i1, &j1) << place(n);
			if (width > 2)
				k2 |= next(l->s[2], together ? i0 : ++i2, &j2) << place(n);
			if (width > 3)
				k3 |= next(l->s[3], together ? i0 : ++i3, &j3) << place(n);
		}
		xor_word(l, 0, at, k0);
		if (width > 1)
			xor_word(l, 1, at, k1);
		if (width > 2)
			xor_word(l, 2, at, k2);
		if (width > 3)
			xor_word(l, 3, at, k3);
	}
	for (; at < end; at++) {
		l->out[0][at] = l->in[0][at] ^ (uint8_t)next(l->s[0], ++i0, &j0);
		if (width > 1)
			l->out[1][at] =
				l->in[1][at] ^ (uint8_t)next(l->s[1], together ? i0 : ++i1, &j1);
		if (width > 2)
			l->out[2][at] =
				l->in[2][at] ^ (uint8_t)next(l->s[2], together ? i0 : ++i2, &j2);
		if (width > 3)
			l->out[3][at] =
				l->in[3][at] ^ (uint8_t)next(l->s[3], together ? i0 : ++i3, &j3);
	}

	l->i[0] = i0;
	l->i[1] = together ? i0 : i1;
	l->i[2] = together ? i0 : i2;
	l->i[3] = together ? i0 : i3;
	l->j[0] = j0;
	l->j[1] = j1;
	l->j[2] = j2;
	l->j[3] = j3;
}

static void run_together(struct lanes *l, size_t at, size_t end, unsigned width)
{
	switch (width) {
	case 4:
		run(l, at, end, 4, true);
		break;
	case 3:
		run(l, at, end, 3, true);
		break;
	case 2:
		run(l, at, end, 2, true);
		break;
	default:
		run(l, at, end, 1, true);
	}
}

static void run_apart(struct lanes *l, size_t at, size_t end, unsigned width)
{
	switch (width) {
	case 4:
		run(l, at, end, 4, false);
		break;
	case 3:
		run(l, at, end, 3, false);
		break;
	case 2:
		run(l, at, end, 2, false);
		break;
	default:
		run(l, at, end, 1, false);
	}
}

static void start_stateless(struct lanes *l, struct rc4_job *const *group, unsigned width)
{
	for (unsigned lane = 0; lane < width; lane++) {
		const struct rc4_job *job = group[lane];
		assert(job->key_length == 8 || job->key_length == 16);
		memcpy(l->key[lane], job->key, 8);
		memcpy(l->key[lane] + 8, job->key + job->key_length - 8, 8);
	}
	switch (width) {
	case 4:
		schedule(l, 4);
		break;
	case 3:
		schedule(l, 3);
		break;
	case 2:
		schedule(l, 2);
		break;
	default:
		schedule(l, 1);
	}
}

static void start_stateful(struct lanes *l, struct rc4_job *const *group, unsigned width)
{
	memset(l->i, 0, sizeof(l->i));
	memset(l->j, 0, sizeof(l->j));
	for (unsigned lane = 0; lane < width; lane++) {
		memcpy(l->s[lane], group[lane]->state->s, 256);
		l->i[lane] = group[lane]->state->i;
		l->j[lane] = group[lane]->state->j;
	}
}

static void save_state(const struct lanes *l, unsigned lane, struct rc4 *state)
{
	memcpy(state->s, l->s[lane], 256);
	state->i = l->i[lane];
	state->j = l->j[lane];
}

/* A group of 1 to LANES jobs of one kind, longest first. */
static void crypt_group(struct lanes *l, struct rc4_job *const *group, unsigned width)
{
	bool stateful = group[0]->state != NULL;
	for (unsigned lane = 0; lane < width; lane++) {
		l->in[lane] = group[lane]->in;
		l->out[lane] = group[lane]->out;
	}
	if (stateful)
		start_stateful(l, group, width);
	else
		start_stateless(l, group, width);

	size_t at = 0;
	for (; width > 0; width--) {
		size_t end = group[width - 1]->length;
		if (stateful)
			run_apart(l, at, end, width);
		else
			run_together(l, at, end, width);
		at = end;
		if (stateful)
			save_state(l, width - 1, group[width - 1]->state);
	}
}

/* Stateless first, then longer first. */
static bool before(const struct rc4_job *a, const struct rc4_job *b)
{
	if (!a->state != !b->state)
		return !a->state;
	return a->length > b->length;
}

/* Insertion: batches are small, and mostly packets of one length. */
static void put_in_order(struct rc4_job **order, struct rc4_job *jobs, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		size_t at = n;
		for (; at > 0 && before(&jobs[n], order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = &jobs[n];
	}
}

static void lockstep_crypt(struct rc4_job *jobs, size_t count)
{
	struct lanes lanes;
	while (count > 0) {
		struct rc4_job *order[ORDER_MAX];
		size_t part = count < ORDER_MAX ? count : ORDER_MAX;
		put_in_order(order, jobs, part);
		for (size_t n = 0, width; n < part; n += width) {
			width = 1;
			while (width < LANES && n + width < part &&
				!order[n]->state == !order[n + width]->state)
				width++;
			crypt_group(&lanes, order + n, (unsigned)width);
		}
		jobs += part;
		count -= part;
	}
	secret_wipe(&lanes, sizeof(lanes));
}

const struct rc4_engine rc4_engine_lockstep = {.name = "lockstep", .crypt = lockstep_crypt};
