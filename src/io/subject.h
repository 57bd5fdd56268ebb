/* The handle of a session: {index, generation} in 32 bits.
 *
 * The index names a slot of the session table and of the workers' slabs; the generation tells
 * apart the sessions that used the slot one after another. Generations run from 1, so that no
 * handle is 0, which means "no session" everywhere. The index stays below 65,536, because every
 * session holds one of the 65,536 call IDs. */
#ifndef GREYLINE_SUBJECT_H
#define GREYLINE_SUBJECT_H

#include <stdint.h>

enum { SUBJECT_INDEX_MAX = 65536, SUBJECT_GENERATION_MAX = 65535 };

static inline uint32_t subject_make(uint32_t index, uint32_t generation)
{
	return generation << 16 | (index & 0xffff);
}

static inline uint32_t subject_index(uint32_t subject)
{
	return subject & 0xffff;
}

static inline uint32_t subject_generation(uint32_t subject)
{
	return subject >> 16;
}

/* The generation after `generation`: 1 to 65535, then 1 again. */
static inline uint32_t subject_next_generation(uint32_t generation)
{
	return generation % SUBJECT_GENERATION_MAX + 1;
}

#endif
