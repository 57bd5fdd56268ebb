/* Unpredictable bytes for the pure rooms: a generator (ChaCha20, fast key erasure) that the app
 * seeds from the kernel and the simulator from its seed. */
#ifndef GREYLINE_RANDOM_H
#define GREYLINE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint8_t key[32];
	uint8_t pool[96];
	uint8_t used; /* bytes of the pool already given out */
};

void random_seed(struct random *r, const uint8_t seed[32]);
void random_bytes(struct random *r, void *out, size_t length);
uint32_t random_u32(struct random *r);

#endif
