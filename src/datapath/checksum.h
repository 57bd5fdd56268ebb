/* The Internet checksum (RFC 1071), over bytes that stay where they are and over bytes being
 * copied.
 *
 * A `sum` is a number congruent, in one's complement arithmetic, to the sum of the big-endian
 * 16-bit words seen so far. Start with 0 or with numbers from a pseudo header, add others at will
 * (fewer than 2^16 calls and numbers of 32 bits do not overflow), and fold once at the end. Only
 * the last stretch of bytes may have an odd length: it counts as if a zero byte followed. */
#ifndef GREYLINE_CHECKSUM_H
#define GREYLINE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* `sum` and `length` more bytes, at any alignment. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t length);

/* The same, copying them to `out`, which does not overlap `in`. */
uint64_t checksum_copy(uint64_t sum, uint8_t *out, const uint8_t *in, size_t length);

/* The 16 bits of a sum; not complemented. What holds its own checksum sums up to 0xffff. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A checksum field after one 16-bit word that it covers has changed (RFC 1624 §3, equation 3): as
 * right or wrong as it was. */
static inline uint16_t checksum_adjust(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint64_t sum = (uint16_t)~checksum;

	return (uint16_t)~checksum_fold(sum + (uint16_t)~before + after);
}

/* The folded sum of one stretch, behind `start`. */
static inline uint16_t checksum_of(uint64_t start, const uint8_t *bytes, size_t length)
{
	return checksum_fold(checksum_add(start, bytes, length));
}

#endif
