/* RC4, up to four streams in lock step, for x86-64 with SSE4.1.
 *
 * The idea is that of rc4_lockstep.c. What assembly adds is the step: a byte of key stream in seven
 * instructions, with byte-wide additions that wrap by themselves where compilers emit about twelve
 * to keep indices within 0 to 255, and `pinsrb`, which takes the byte from the table straight into
 * its place in a register. Sixteen of them make one XOR and one store.
 *
 * Each step stores two bytes of the table, and a store a cycle is what the core can commit: beyond
 * three or four streams nothing is gained. Measured on Zen 5, ns a packet of 1402 bytes: one stream
 * 1000 to 1700 (it depends on how well the core guesses which loads meet which stores), two 660,
 * three 600, four 590; five 613. Tables are reached through a register each: at fixed distances
 * from one register four streams take 610. The portable steps take 1950, 1330, 1140 and 1075. A key
 * schedule takes 230 to 340 alone, 260 for two beside each other, 480 for four.
 *
 * The steps are macros because the place in the register must be part of the instruction; all that
 * varies between the widths is how many streams take their turn in a row.
 */
#include "rc4.h"

#if defined(__x86_64__)

#include <string.h>

#include <immintrin.h>

#define SSE41 __attribute__((target("sse4.1")))

static inline __m128i load(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline void store(uint8_t *at, __m128i block)
{
	_mm_storeu_si128((__m128i *)(void *)at, block);
}

static inline void set_identity(uint8_t s[256])
{
	__m128i value = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	for (unsigned n = 0; n < 256; n += 16) {
		store(s + n, value);
		value = _mm_add_epi8(value, _mm_set1_epi8(16));
	}
}

/* The next byte of stream `n` goes to `place` of its key stream block:
 * x = s[i]; j += x; y = s[j]; s[i] = y; s[j] = x; block[place] = s[x + y].
 * `j` changes before the others were last read (&): a compiler that sees two of them to be equal,
 * both 0 at first, may not put them into one register. */
#define STEP(n, place)                                                                             \
	__asm__ __volatile__("movzbl (%[s],%[i]), %%eax\n\t"                                       \
			     "addb %%al, %b[j]\n\t"                                                \
			     "movzbl (%[s],%[j]), %%edx\n\t"                                       \
			     "movb %%dl, (%[s],%[i])\n\t"                                          \
			     "movb %%al, (%[s],%[j])\n\t"                                          \
			     "addb %%dl, %%al\n\t"                                                 \
			     "pinsrb $" #place ", (%[s],%%rax), %[block]"                          \
			     : [j] "+&r"(j##n), [block] "+x"(block##n)                             \
			     : [s] "r"(s##n), [i] "r"(i)                                           \
			     : "rax", "rdx", "cc", "memory")

#define NEXT __asm__("incb %b0" : "+r"(i) : : "cc")

#define ROW1(place)                                                                                \
	NEXT;                                                                                      \
	STEP(0, place)
#define ROW2(place)                                                                                \
	ROW1(place);                                                                               \
	STEP(1, place)
#define ROW3(place)                                                                                \
	ROW2(place);                                                                               \
	STEP(2, place)
#define ROW4(place)                                                                                \
	ROW3(place);                                                                               \
	STEP(3, place)

/* Sixteen places, and one to four streams. */
#define BLOCK(row)                                                                                 \
	row(0);                                                                                    \
	row(1);                                                                                    \
	row(2);                                                                                    \
	row(3);                                                                                    \
	row(4);                                                                                    \
	row(5);                                                                                    \
	row(6);                                                                                    \
	row(7);                                                                                    \
	row(8);                                                                                    \
	row(9);                                                                                    \
	row(10);                                                                                   \
	row(11);                                                                                   \
	row(12);                                                                                   \
	row(13);                                                                                   \
	row(14);                                                                                   \
	row(15)

#define EACH1(what) what(0)
#define EACH2(what)                                                                                \
	EACH1(what);                                                                               \
	what(1)
#define EACH3(what)                                                                                \
	EACH2(what);                                                                               \
	what(2)
#define EACH4(what)                                                                                \
	EACH3(what);                                                                               \
	what(3)

#define LOAD(n)                                                                                    \
	uint8_t *s##n = lanes[n].stream->s;                                                        \
	uint64_t j##n = lanes[n].stream->j;                                                        \
	const uint8_t *in##n = lanes[n].in;                                                        \
	uint8_t *out##n = lanes[n].out

#define CLEAR(n) __m128i block##n = _mm_setzero_si128()

#define XOR(n) store(out##n + at, _mm_xor_si128(block##n, load(in##n + at)))

#define SAVE(n)                                                                                    \
	lanes[n].stream->i = (uint8_t)i;                                                           \
	lanes[n].stream->j = (uint8_t)j##n;                                                        \
	lanes[n].in += end;                                                                        \
	lanes[n].out += end;                                                                       \
	lanes[n].length -= end

#define RUN(width)                                                                                 \
	SSE41 static void run##width(struct rc4_lane *lanes, size_t end)                           \
	{                                                                                          \
		uint64_t i = lanes[0].stream->i;                                                   \
		EACH##width(LOAD);                                                                 \
		for (size_t at = 0; at < end; at += RC4_BLOCK) {                                   \
			EACH##width(CLEAR);                                                        \
			BLOCK(ROW##width);                                                         \
			EACH##width(XOR);                                                          \
		}                                                                                  \
		EACH##width(SAVE);                                                                 \
	}

RUN(1)
RUN(2)
RUN(3)
RUN(4)

static void x86_run(struct rc4_lane *lanes, size_t count, size_t blocks)
{
	static void (*const runs[RC4_LANES])(struct rc4_lane *, size_t) = {run1, run2, run3, run4};
	runs[count - 1](lanes, blocks * RC4_BLOCK);
}

/* One step of the key schedule of stream `n`, at `at` + `place`:
 * x = s[at + place]; j += x + key[place]; swap s[at + place] and s[j]. */
#define MIX(n, place)                                                                              \
	__asm__ __volatile__("movzbl " #place "(%[s],%[at]), %%eax\n\t"                            \
			     "movzbl %c[key](%[keys]), %%edx\n\t"                                  \
			     "addb %%al, %%dl\n\t"                                                 \
			     "addb %%dl, %b[j]\n\t"                                                \
			     "movzbl (%[s],%[j]), %%edx\n\t"                                       \
			     "movb %%dl, " #place "(%[s],%[at])\n\t"                               \
			     "movb %%al, (%[s],%[j])"                                              \
			     : [j] "+&r"(j##n)                                                     \
			     : [s] "r"(s##n), [keys] "r"(keys),                                    \
			     [key] "i"(RC4_KEY * (n) + (place)), [at] "r"(at)                      \
			     : "rax", "rdx", "cc", "memory")

#define MIX1(place) MIX(0, place)
#define MIX2(place)                                                                                \
	MIX1(place);                                                                               \
	MIX(1, place)
#define MIX4(place)                                                                                \
	MIX2(place);                                                                               \
	MIX(2, place);                                                                             \
	MIX(3, place)

#define BEGIN(n)                                                                                   \
	uint8_t *s##n = streams[n]->s;                                                             \
	uint64_t j##n = 0;                                                                         \
	set_identity(s##n);                                                                        \
	streams[n]->i = streams[n]->j = 0

#define SCHEDULE(width)                                                                            \
	static void schedule##width(struct rc4 *const *streams, const uint8_t *keys)               \
	{                                                                                          \
		EACH##width(BEGIN);                                                                \
		for (uint64_t at = 0; at < 256; at += RC4_KEY) {                                   \
			BLOCK(MIX##width);                                                         \
		}                                                                                  \
	}

SCHEDULE(1)
SCHEDULE(2)
SCHEDULE(4)

static void x86_schedule(struct rc4 *const *streams, const uint8_t *keys, size_t count)
{
	if (count == RC4_LANES) {
		schedule4(streams, keys);
		return;
	}
	if (count >= 2)
		schedule2(streams, keys);
	if (count % 2)
		schedule1(streams + count - 1, keys + (count - 1) * RC4_KEY);
}

const struct rc4_engine rc4_x86 = {.schedule = x86_schedule, .run = x86_run};

#endif
