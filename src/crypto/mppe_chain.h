/* The chain of MPPE session keys of one direction (RFC 3078 §7). */
#ifndef GREYLINE_MPPE_CHAIN_H
#define GREYLINE_MPPE_CHAIN_H

#include <stdint.h>

#include "mppe_engine.h"
#include "mppe_key.h"
#include "rc4.h"

struct mppe_chain {
	const struct mppe_engine *engine;
	uint8_t start[16];    /* 8 bytes are used for 40 and 56 bits */
	uint8_t key[RC4_KEY]; /* the session key; of 8 bytes, written twice */
	uint32_t rounds[5];   /* SHA-1 of the part that never changes, for the engine */
	uint8_t length;       /* bytes of the key: 8 or 16; 0 means no key */
	uint8_t strength;     /* enum mppe_strength */
};

/* Sets the first session key (RFC 3079 §2.4: one change from the start key). */
void mppe_chain_init(struct mppe_chain *chain, const struct mppe_engine *engine,
	enum mppe_strength strength, const uint8_t *start_key);

/* GetNewKeyFromSHA, RC4 over itself, and the salt of 40 and 56 bits (RFC 3078 §7.3). */
void mppe_chain_next(struct mppe_chain *chain);
/* Up to RC4_LANES different chains of one engine, side by side. */
void mppe_chains_next(struct mppe_chain *const *chains, size_t count);

/* The same, and before it the RC4 stream under the key there was: done side by side, the two cost
 * little more than one. */
void mppe_chain_take(struct mppe_chain *chain, struct rc4 *stream);

/* The RC4 stream under the key, from its beginning. */
void mppe_chain_stream(const struct mppe_chain *chain, struct rc4 *stream);

#endif
