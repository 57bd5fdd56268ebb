/* Packets that arrived ahead of a missing one, waiting for it.
 *
 * All sessions of a worker share one bounded pool, because at any moment few sessions have a hole
 * in their sequence. The memory is the caller's; a slot that was never needed is never touched, so
 * the pool costs what reordering made it cost. Not for more than one thread. */
#ifndef GREYLINE_HOLD_H
#define GREYLINE_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

#define HOLD_NONE UINT16_MAX /* no slot */

struct hold_slot {
	uint16_t next;     /* of the owner's list, or of the free list */
	uint16_t length;   /* bytes of the PPP frame */
	uint32_t sequence; /* of GRE; of multilink */
	uint64_t arrived;  /* microseconds */
	uint8_t frame[OUTER_MAX];
	uint8_t tos;       /* of the outer header it came with */
	bool begins, ends; /* of a multilink fragment */
};

struct hold_pool {
	struct hold_slot *slots;
	uint16_t count; /* slots there are */
	uint16_t fresh; /* slots from here on were never used */
	uint16_t free;  /* list of slots given back, or HOLD_NONE */
	uint16_t used;  /* slots taken now */
};

/* `count` is at most HELD_PACKETS_TOTAL. The slots need no initial value. */
void hold_pool_init(struct hold_pool *pool, struct hold_slot *slots, uint32_t count);

/* A slot, or HOLD_NONE when all are taken. */
uint16_t hold_take(struct hold_pool *pool);
void hold_give(struct hold_pool *pool, uint16_t index);
struct hold_slot *hold_at(const struct hold_pool *pool, uint16_t index);

static_assert(HELD_PACKETS_TOTAL < HOLD_NONE, "a slot's index is never HOLD_NONE");

#endif
