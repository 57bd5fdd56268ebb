/* Session keys made ahead, while a worker has nothing else to do.
 *
 * A worker's sessions share a few rings of keys; the ones that are busy have one for each
 * direction. A ring is a memory of what the chain would give, no more: without it, or when it is
 * out of step, the chain gives the same. */
#ifndef GREYLINE_KEY_POOL_H
#define GREYLINE_KEY_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mppe_chain.h"

enum {
	KEY_RINGS = 32,    /* one bit each in `hungry` */
	KEYS_AHEAD = 64,   /* a batch's */
	KEYS_PER_FILL = 4, /* made in one call: a microsecond or so */
};

struct key_ring {
	const struct mppe_chain *owner; /* NULL: free */
	struct mppe_chain chain;        /* at the last key made */
	uint8_t first, count;           /* keys that follow the owner's, from `first` on */
	uint8_t credit;                 /* packets it served, less those of others it kept out */
	uint8_t before[RC4_KEY];        /* the key the first one follows */
	uint8_t keys[KEYS_AHEAD][RC4_KEY];
};

struct key_pool {
	struct key_ring rings[KEY_RINGS];
	uint32_t hungry; /* rings that may hold more, by number */
	uint32_t hand;   /* the ring to be served next */
};

/* An empty pool is all zero. */

/* Changes the chain's key for the next, if that was made ahead; otherwise false, and nothing is
 * changed. Called for every packet: it is what tells busy chains from others. `chain` must stay
 * where it is until key_pool_forget. */
bool key_pool_next(struct key_pool *pool, struct mppe_chain *chain);

/* Makes a few keys ahead. False: there are none to be made. */
bool key_pool_fill(struct key_pool *pool);

/* The chain is over, or begins anew. */
void key_pool_forget(struct key_pool *pool, const struct mppe_chain *chain);

#endif
