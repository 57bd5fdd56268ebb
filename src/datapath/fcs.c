/* The PPP check sequences (see fcs.h). RFC 1662 §C.2 and §C.3.
 *
 * A check sequence is a remainder, and remainders add: what eight bytes do to the sum is the
 * exclusive-or of what each does alone, with zero bytes behind it. So there are eight tables, one
 * for each place, and eight bytes take eight independent look-ups instead of eight dependent ones.
 *
 * An entry adds too: it is made of those of its bits. And the entry of one bit is that of the bit
 * above it, shifted once more, from the polynomial at the highest bit of the last byte to the
 * lowest of the first: one chain of 64 constants for each polynomial. Bits are sent low one first,
 * hence the polynomials are written backwards. */
#include "fcs.h"

#include <string.h>

#define NEXT(sum, polynomial) ((sum) >> 1 ^ ((sum)&1 ? (polynomial) : 0))

/* The constants of a byte's eight bits: `bits##7` is that of the highest. */
#define CHAIN(bits, before, polynomial)                                                            \
	bits##7 = NEXT(before, polynomial), bits##6 = NEXT(bits##7, polynomial),                   \
	bits##5 = NEXT(bits##6, polynomial), bits##4 = NEXT(bits##5, polynomial),                  \
	bits##3 = NEXT(bits##4, polynomial), bits##2 = NEXT(bits##3, polynomial),                  \
	bits##1 = NEXT(bits##2, polynomial), bits##0 = NEXT(bits##1, polynomial)
/* Of eight bytes: those of `name##0` are the last's, with nothing behind it. */
#define CHAINS(name, polynomial)                                                                   \
	CHAIN(name##0, 1, polynomial), CHAIN(name##1, name##00, polynomial),                       \
		CHAIN(name##2, name##10, polynomial), CHAIN(name##3, name##20, polynomial),        \
		CHAIN(name##4, name##30, polynomial), CHAIN(name##5, name##40, polynomial),        \
		CHAIN(name##6, name##50, polynomial), CHAIN(name##7, name##60, polynomial)

enum { CHAINS(SHORT, 0x8408u) }; /* x^16 + x^12 + x^5 + 1 */
enum { CHAINS(LONG, 0xedb88320u) };

#define ONE(bits, n)                                                                               \
	(((n)&1 ? bits##0 : 0) ^ ((n)&2 ? bits##1 : 0) ^ ((n)&4 ? bits##2 : 0) ^                   \
		((n)&8 ? bits##3 : 0) ^ ((n)&16 ? bits##4 : 0) ^ ((n)&32 ? bits##5 : 0) ^          \
		((n)&64 ? bits##6 : 0) ^ ((n)&128 ? bits##7 : 0))
#define FOUR(bits, n) ONE(bits, n), ONE(bits, (n) + 1), ONE(bits, (n) + 2), ONE(bits, (n) + 3)
#define SIXTEEN(bits, n)                                                                           \
	FOUR(bits, n), FOUR(bits, (n) + 4), FOUR(bits, (n) + 8), FOUR(bits, (n) + 12)
#define QUARTER(bits, n)                                                                           \
	SIXTEEN(bits, n), SIXTEEN(bits, (n) + 16), SIXTEEN(bits, (n) + 32), SIXTEEN(bits, (n) + 48)
#define TABLE(bits)                                                                                \
	{                                                                                          \
		QUARTER(bits, 0), QUARTER(bits, 64), QUARTER(bits, 128), QUARTER(bits, 192)        \
	}
#define TABLES(name)                                                                               \
	{                                                                                          \
		TABLE(name##0), TABLE(name##1), TABLE(name##2), TABLE(name##3), TABLE(name##4),    \
			TABLE(name##5), TABLE(name##6), TABLE(name##7)                             \
	}

static const uint16_t of_short[8][256] = TABLES(SHORT);
static const uint32_t of_long[8][256] = TABLES(LONG);

/* What the eight bytes of `word`, the first lowest, leave. */
#define SUM(table, word)                                                                           \
	((table)[7][(word)&0xff] ^ (table)[6][(word) >> 8 & 0xff] ^                                \
		(table)[5][(word) >> 16 & 0xff] ^ (table)[4][(word) >> 24 & 0xff] ^                \
		(table)[3][(word) >> 32 & 0xff] ^ (table)[2][(word) >> 40 & 0xff] ^                \
		(table)[1][(word) >> 48 & 0xff] ^ (table)[0][(word) >> 56])

static uint64_t load(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

uint16_t fcs_add(uint16_t fcs, const uint8_t *bytes, size_t length)
{
	for (; length >= 8; bytes += 8, length -= 8) {
		uint64_t word = load(bytes) ^ fcs;
		fcs = SUM(of_short, word);
	}
	for (; length > 0; bytes++, length--)
		fcs = (uint16_t)(fcs >> 8 ^ of_short[0][(fcs ^ *bytes) & 0xff]);
	return fcs;
}

uint32_t fcs32_add(uint32_t fcs, const uint8_t *bytes, size_t length)
{
	for (; length >= 8; bytes += 8, length -= 8) {
		uint64_t word = load(bytes) ^ fcs;
		fcs = SUM(of_long, word);
	}
	for (; length > 0; bytes++, length--)
		fcs = fcs >> 8 ^ of_long[0][(fcs ^ *bytes) & 0xff];
	return fcs;
}

const struct fcs_engine fcs_plain = {.name = "tables", .add = fcs_add, .add32 = fcs32_add};

const struct fcs_engine *fcs_engine_best(void)
{
#if defined(__x86_64__)
	if (fcs_has_clmul())
		return &fcs_clmul;
#endif
	return &fcs_plain;
}
