/* The Internet checksum (RFC 1071).
 *
 * The words are added as the processor loads them: in one's complement arithmetic the order of
 * bytes is a matter of one turn at the end (RFC 1071 §2 B). 2^16 is congruent to 1, so wider words
 * will do as well (§2 C): the two halves of each 64-bit lane go to 64-bit sums of their own, which
 * nothing this side of 2^32 words overflows, and carries need no thought before the end.
 *
 * Lanes are the compiler's vectors, two of 16 bytes a turn, which every 64-bit machine has. 1400
 * bytes take 34 ns, one 16-bit word after another 240; copying them at the same time 28 to 45,
 * where memcpy and a sum behind it take 50. Lanes twice as wide (AVX2) would save 16 ns of some
 * 1500 that a packet costs in all, which is not worth a second version and asking the processor.
 *
 * Both functions are one: what is not copied, the compiler leaves out. */
#include "checksum.h"

#include <stdbool.h>
#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(16)));

struct wide {
	lanes low, high;
};

static inline __attribute__((always_inline)) void add_lanes(
	struct wide *sum, uint8_t *out, const uint8_t *in, size_t at, bool copy)
{
	lanes w;

	memcpy(&w, in + at, sizeof(w));
	if (copy)
		memcpy(out + at, &w, sizeof(w));
	sum->low += w & 0xffffffff;
	sum->high += w >> 32;
}

static inline __attribute__((always_inline)) uint64_t word(
	uint8_t *out, const uint8_t *in, size_t at, size_t length, bool copy)
{
	uint64_t w = 0;

	memcpy(&w, in + at, length);
	if (copy)
		memcpy(out + at, in + at, length);
	return (w & 0xffffffff) + (w >> 32);
}

/* A sum of native words in the order of the wire: one byte of rotation multiplies by 2^8. */
static inline uint64_t to_wire(uint64_t sum)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	sum = sum << 8 | sum >> 56;
#endif
	return (sum & 0xffffffff) + (sum >> 32);
}

static inline __attribute__((always_inline)) uint64_t add(
	uint64_t sum, uint8_t *out, const uint8_t *in, size_t length, bool copy)
{
	struct wide a = {.low = {0}}, b = {.low = {0}};
	uint64_t rest = 0;
	size_t at = 0;

	for (; length - at >= 32; at += 32) {
		add_lanes(&a, out, in, at, copy);
		add_lanes(&b, out, in, at + 16, copy);
	}
	for (; length - at >= 8; at += 8)
		rest += word(out, in, at, 8, copy);
	if (length & 4) {
		rest += word(out, in, at, 4, copy);
		at += 4;
	}
	if (length & 2) {
		rest += word(out, in, at, 2, copy);
		at += 2;
	}
	if (length & 1)
		rest += word(out, in, at, 1, copy);
	a.low += a.high + b.low + b.high;
	return sum + to_wire(a.low[0] + a.low[1] + rest);
}

uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length)
{
	return add(sum, NULL, bytes, length, false);
}

uint64_t checksum_copy(uint64_t sum, uint8_t *out, const uint8_t *in, size_t length)
{
	return add(sum, out, in, length, true);
}
