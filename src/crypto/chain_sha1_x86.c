/* The SHA-1 of the MPPE key chain, with the SHA extensions of x86-64 (FIPS 180-4 §6.1, RFC 3078
 * §7.3).
 *
 * What is digested is always two blocks of one pattern, so nothing is gathered, padded or counted
 * here; `00` and `f2` are the pads, `80` and the length in bits close the message:
 *
 *     128 bits    S S S S  00 00 00 00  00 00 00 00  00 00 K K     block 1, in 32-bit words
 *                 K K f2 f2  f2 f2 f2 f2  f2 f2 f2 f2  80 0 0 896  block 2
 *     40, 56      S S 00 00  00 00 00 00  00 00 00 00  K K f2 f2
 *                 f2 f2 f2 f2  f2 f2 f2 f2  80 0 0 0  0 0 0 768
 *
 * The first twelve words never change while the start key (S) does not, so the twelve rounds over
 * them are done once a session and kept in 20 bytes. Nettle, which uses the same instructions
 * through its general interface, takes 79 to 86 ns where this takes 60 to 66 (Zen 5).
 */
#include "mppe_chain.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "bytes.h"

#define WITH_SHA __attribute__((target("sha,sse4.1")))

enum { KNOWN_ROUNDS = 12, SHORT_KEY = 8, BITS_LONG = 896, BITS_SHORT = 768 };

static const uint32_t sha1_start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

/* By the book: it is done once. */
static void x86_prepare(struct mppe_chain *chain)
{
	uint32_t w[KNOWN_ROUNDS] = {0}, a, b, c, d, e;
	struct reader r = reader_over(chain->start, chain->length);

	for (unsigned n = 0; reader_left(&r); n++)
		w[n] = read_u32(&r);
	a = sha1_start[0], b = sha1_start[1], c = sha1_start[2], d = sha1_start[3];
	e = sha1_start[4];
	for (unsigned n = 0; n < KNOWN_ROUNDS; n++) {
		uint32_t next = rotate(a, 5) + ((b & c) | (~b & d)) + e + 0x5a827999 + w[n];
		e = d, d = c, c = rotate(b, 30), b = a, a = next;
	}
	memcpy(chain->rounds, (const uint32_t[]){a, b, c, d, e}, sizeof(chain->rounds));
}

/* The instructions want the first of four words in the highest place. */
WITH_SHA static inline __m128i words(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
	return _mm_set_epi32((int)w0, (int)w1, (int)w2, (int)w3);
}

WITH_SHA static inline __m128i turn(__m128i bytes)
{
	return _mm_shuffle_epi8(
		bytes, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* Four rounds. `before` is the state four rounds ago, from whose first word `e` comes. */
#define ROUNDS(function, w)                                                                        \
	do {                                                                                       \
		__m128i e_and_w = _mm_sha1nexte_epu32(before, w);                                  \
		before = abcd;                                                                     \
		abcd = _mm_sha1rnds4_epu32(abcd, e_and_w, function);                               \
	} while (0)

/* The next four words of the schedule take the place of the oldest, then four rounds. */
#define NEXT_ROUNDS(function, w0, w1, w2, w3)                                                      \
	do {                                                                                       \
		w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3);        \
		ROUNDS(function, w0);                                                              \
	} while (0)

/* Rounds 16 to 79 of a block. */
#define LATER_ROUNDS()                                                                             \
	do {                                                                                       \
		NEXT_ROUNDS(0, w0, w1, w2, w3);                                                    \
		NEXT_ROUNDS(1, w1, w2, w3, w0);                                                    \
		NEXT_ROUNDS(1, w2, w3, w0, w1);                                                    \
		NEXT_ROUNDS(1, w3, w0, w1, w2);                                                    \
		NEXT_ROUNDS(1, w0, w1, w2, w3);                                                    \
		NEXT_ROUNDS(1, w1, w2, w3, w0);                                                    \
		NEXT_ROUNDS(2, w2, w3, w0, w1);                                                    \
		NEXT_ROUNDS(2, w3, w0, w1, w2);                                                    \
		NEXT_ROUNDS(2, w0, w1, w2, w3);                                                    \
		NEXT_ROUNDS(2, w1, w2, w3, w0);                                                    \
		NEXT_ROUNDS(2, w2, w3, w0, w1);                                                    \
		NEXT_ROUNDS(3, w3, w0, w1, w2);                                                    \
		NEXT_ROUNDS(3, w0, w1, w2, w3);                                                    \
		NEXT_ROUNDS(3, w1, w2, w3, w0);                                                    \
		NEXT_ROUNDS(3, w2, w3, w0, w1);                                                    \
		NEXT_ROUNDS(3, w3, w0, w1, w2);                                                    \
	} while (0)

WITH_SHA static void x86_interim(const struct mppe_chain *chain, uint8_t out[16])
{
	const uint32_t *known = chain->rounds;
	const __m128i f2 = _mm_set1_epi32((int)0xf2f2f2f2), zero = _mm_setzero_si128();
	const __m128i start_abcd =
		words(sha1_start[0], sha1_start[1], sha1_start[2], sha1_start[3]);
	__m128i key = turn(_mm_loadu_si128((const __m128i *)(const void *)chain->key));
	bool is_short = chain->length == SHORT_KEY;

	/* Block 1. Rounds 12 to 15 follow the known ones, whose `e` is there as it is. */
	__m128i w0 = turn(_mm_loadu_si128((const __m128i *)(const void *)chain->start));
	__m128i w1 = zero, w2 = zero;
	__m128i w3 = is_short ? _mm_unpackhi_epi64(f2, key) : _mm_unpackhi_epi64(key, zero);
	__m128i before = words(known[0], known[1], known[2], known[3]);
	__m128i abcd = _mm_sha1rnds4_epu32(before, _mm_add_epi32(w3, words(known[4], 0, 0, 0)), 0);
	LATER_ROUNDS();

	__m128i e = _mm_sha1nexte_epu32(before, words(sha1_start[4], 0, 0, 0));
	__m128i middle = _mm_add_epi32(abcd, start_abcd);

	/* Block 2. */
	w0 = is_short ? f2 : _mm_unpacklo_epi64(f2, key);
	w1 = f2;
	w2 = is_short ? words(0x80000000, 0, 0, 0) : f2;
	w3 = is_short ? words(0, 0, 0, BITS_SHORT) : words(0x80000000, 0, 0, BITS_LONG);
	before = abcd = middle;
	abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(e, w0), 0);
	ROUNDS(0, w1);
	ROUNDS(0, w2);
	ROUNDS(0, w3);
	LATER_ROUNDS();

	__m128i digest = turn(_mm_add_epi32(abcd, middle));
	memcpy(out, &digest, chain->length);
}

const struct chain_sha1 chain_sha1_x86 = {.prepare = x86_prepare, .interim = x86_interim};

#endif
