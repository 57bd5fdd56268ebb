/* RC4 (ARCFOUR): one stream, or several in lock step.
 *
 * RC4 is a chain of dependent loads, so one stream leaves a core idle; the streams of different
 * packets are independent and run side by side. How they do is the engine's affair: const steps,
 * chosen once from what the processor has (mppe_engine.h). */
#ifndef GREYLINE_RC4_H
#define GREYLINE_RC4_H

#include <stddef.h>
#include <stdint.h>

struct rc4 {
	uint8_t s[256];
	uint8_t i, j;
};

/* The plain form, for any key of 1 to 256 bytes. `in` and `out` may be the same; otherwise they do
 * not overlap. */
void rc4_init(struct rc4 *rc4, const uint8_t *key, size_t key_length);
void rc4_crypt(struct rc4 *rc4, uint8_t *out, const uint8_t *in, size_t length);

enum {
	RC4_LANES = 4,  /* streams side by side, at most */
	RC4_BLOCK = 16, /* bytes an engine makes at a time */
	RC4_KEY = 16, /* bytes of an engine's keys; one of 8 is written twice, which is the same */
};

/* A stream and what it goes over. Exactly `length` bytes are read and written; `in` and `out` may
 * be the same, otherwise they do not overlap. */
struct rc4_lane {
	struct rc4 *stream;
	const uint8_t *in;
	uint8_t *out;
	size_t length;
};

struct rc4_engine {
	/* The key schedules of 1 to RC4_LANES streams, from keys of RC4_KEY bytes one behind the
	 * other. */
	void (*schedule)(struct rc4 *const *streams, const uint8_t *keys, size_t count);
	/* Takes 1 to RC4_LANES lanes, whose streams all stand at the same `i`, on by whole blocks.
	 * None is shorter than that. */
	void (*run)(struct rc4_lane *lanes, size_t count, size_t blocks);
};

extern const struct rc4_engine rc4_plain;    /* one stream after the other */
extern const struct rc4_engine rc4_lockstep; /* side by side, portable C */
#if defined(__x86_64__)
extern const struct rc4_engine rc4_x86; /* side by side, for SSE4.1 */
#endif

/* One stream, which may go on afterwards. */
void rc4_alone(const struct rc4_engine *engine, struct rc4_lane *lane);
/* Up to RC4_LANES fresh streams of any lengths, which are of no use afterwards. Neither is the
 * order of the lanes. */
void rc4_together(const struct rc4_engine *engine, struct rc4_lane *lanes, size_t count);

#endif
