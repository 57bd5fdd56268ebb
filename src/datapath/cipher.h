/* The MPPE of a batch: what sealing and opening share.
 *
 * A packet is queued and its bytes are worked on later, side by side with those of other packets,
 * whichever sessions they belong to; cipher_flush does what is left. In between, what was queued is
 * not to be looked at. Exactly the bytes named are read and written. */
#ifndef GREYLINE_CIPHER_H
#define GREYLINE_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mppe.h"
#include "rc4.h"

struct cipher {
	const struct rc4_engine *rc4;
	struct key_pool *pool;
	size_t count; /* packets queued */
	struct rc4_lane lanes[RC4_LANES];
	struct mppe_stream streams[RC4_LANES];
};

/* `pool`: keys made ahead; may be NULL. */
void cipher_start(struct cipher *c, const struct mppe_engine *engine, struct key_pool *pool);

/* Seals in place the packet of `length` bytes, which begins with room for the MPPE header and goes
 * on in clear. */
void cipher_seal(struct cipher *c, struct mppe *m, uint8_t *packet, size_t length);

/* How the packet to be opened came. */
enum cipher_arrival {
	CIPHER_IN_ORDER, /* as mppe_open */
	CIPHER_LATE,     /* as mppe_open_late */
};

/* Opens the packet of `length` bytes, which begins with the MPPE header: what it hides, two bytes
 * less, goes to `out`. The two do not overlap. Unless `fleeting` the packet must stay where it is
 * until the flush. False, with a reason: nothing was queued. */
bool cipher_open(struct cipher *c, struct mppe *m, enum cipher_arrival arrival,
	const uint8_t *packet, size_t length, bool fleeting, uint8_t *out, enum drop *why);

/* All that was queued is done, and nothing secret is left behind. */
void cipher_flush(struct cipher *c);

#endif
