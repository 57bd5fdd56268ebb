/* The PPP check sequences for x86-64 with carry-less multiplication (PCLMULQDQ).
 *
 * Sixteen bytes of a message are a polynomial of degree 127, and what matters is its remainder.
 * With 128 bits behind them they are that polynomial times x^128; its two halves times the
 * remainders of x^192 and x^128 are congruent to it and as short as the sixteen bytes that follow,
 * to which they are added. So a message folds into its last sixteen bytes, and the tables do the
 * rest.
 *
 * Bits come low one first, so registers hold polynomials backwards: bit n of 64 is x^(63-n), and
 * the product of two registers is theirs times x. Hence the constants below are x^191 and x^127
 * modulo the polynomial. (Gopal and others, Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ, Intel 2009, has the idea.) */
#include "fcs.h"

#if defined(__x86_64__)

#include <string.h>

#include <cpuid.h>
#include <immintrin.h>

enum { BLOCK = 16 };

#define CLMUL      __attribute__((target("pclmul")))
#define SHORT_X191 0xa95d000000000000
#define SHORT_X127 0x7eea000000000000
#define LONG_X191  0x65673b4600000000
#define LONG_X127  0x9ba54c6f00000000

static inline __m128i load(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Folds all whole blocks of at least one into `folded`; returns the bytes they were. */
CLMUL static size_t fold(uint32_t fcs, const uint8_t *bytes, size_t length, uint64_t x191,
	uint64_t x127, uint8_t folded[BLOCK])
{
	__m128i by = _mm_set_epi64x((long long)x127, (long long)x191);
	__m128i sum = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int)fcs));
	size_t done = BLOCK;
	for (; length - done >= BLOCK; done += BLOCK) {
		__m128i first = _mm_clmulepi64_si128(sum, by, 0x00);
		__m128i second = _mm_clmulepi64_si128(sum, by, 0x11);
		sum = _mm_xor_si128(_mm_xor_si128(first, second), load(bytes + done));
	}
	_mm_storeu_si128((__m128i *)(void *)folded, sum);
	return done;
}

static uint16_t add(uint16_t fcs, const uint8_t *bytes, size_t length)
{
	uint8_t folded[BLOCK];
	if (length < 2 * BLOCK)
		return fcs_add(fcs, bytes, length);
	size_t done = fold(fcs, bytes, length, SHORT_X191, SHORT_X127, folded);
	return fcs_add(fcs_add(0, folded, BLOCK), bytes + done, length - done);
}

static uint32_t add32(uint32_t fcs, const uint8_t *bytes, size_t length)
{
	uint8_t folded[BLOCK];
	if (length < 2 * BLOCK)
		return fcs32_add(fcs, bytes, length);
	size_t done = fold(fcs, bytes, length, LONG_X191, LONG_X127, folded);
	return fcs32_add(fcs32_add(0, folded, BLOCK), bytes + done, length - done);
}

const struct fcs_engine fcs_clmul = {
	.name = "carry-less multiplication", .add = add, .add32 = add32};

bool fcs_has_clmul(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_PCLMUL;
}

#endif
