/* RC4 (ARCFOUR), one stream or several in lock step.
 *
 * RC4 is a chain of dependent loads, so one stream leaves a core idle; the streams of a batch are
 * independent and run side by side. Which implementation runs is a const pointer chosen once from
 * what the processor has. */
#ifndef GREYLINE_RC4_H
#define GREYLINE_RC4_H

#include <stddef.h>
#include <stdint.h>

struct rc4 {
	uint8_t s[256];
	uint8_t i, j;
};

void rc4_init(struct rc4 *rc4, const uint8_t *key, size_t key_length);
/* `in` and `out` may be the same; otherwise they do not overlap. */
void rc4_crypt(struct rc4 *rc4, uint8_t *out, const uint8_t *in, size_t length);

/* One packet of a batch. With `state` NULL a fresh stream is made from `key` and forgotten
 * (stateless MPPE); otherwise `state` goes on where it stood (stateful). No two jobs of one batch
 * share a state or overlapping output. `out` may equal `in`. Writes exactly `length` bytes. */
struct rc4_job {
	struct rc4 *state;
	uint8_t key[16];
	uint8_t key_length; /* bytes: 8 or 16 */
	const uint8_t *in;
	uint8_t *out;
	uint32_t length;
};

struct rc4_engine {
	const char *name;
	void (*crypt)(struct rc4_job *jobs, size_t count);
};

/* The engines this build has, best last; `rc4_engine_best` picks what the processor can run. */
extern const struct rc4_engine rc4_engine_plain;    /* one stream at a time */
extern const struct rc4_engine rc4_engine_lockstep; /* four streams, portable C */
const struct rc4_engine *rc4_engine_best(void);

#endif
