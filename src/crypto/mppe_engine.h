/* How a processor does MPPE: RC4 and the SHA-1 of the key chain. Const, chosen once at start. */
#ifndef GREYLINE_MPPE_ENGINE_H
#define GREYLINE_MPPE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "rc4.h"

struct mppe_chain;

struct chain_sha1 {
	/* Fills `rounds` from `start` and `length`. */
	void (*prepare)(struct mppe_chain *chain);
	/* GetNewKeyFromSHA (RFC 3078 §7.3), Get_Key of RFC 3079 §2.4: the same under two names. The
	 * first `length` bytes of SHA-1(start, pad 1, key, pad 2). `out` may be the key. */
	void (*interim)(const struct mppe_chain *chain, uint8_t out[16]);
};

extern const struct chain_sha1 chain_sha1_plain; /* nettle */
#if defined(__x86_64__)
extern const struct chain_sha1 chain_sha1_x86; /* the SHA extensions */
#endif

struct mppe_engine {
	const char *name; /* for people */
	const struct rc4_engine *rc4;
	const struct chain_sha1 *sha1;
};

extern const struct mppe_engine mppe_engine_plain; /* one stream after the other: the reference */

/* The engines this machine can run, best first; NULL after the last, which is the reference. To be
 * asked once, at start: in a virtual machine each look at the processor costs microseconds. */
const struct mppe_engine *mppe_engine_at(size_t index);

static inline const struct mppe_engine *mppe_engine_best(void)
{
	return mppe_engine_at(0);
}

#endif
