/* The pool of held packets: a free list in front of a water mark.
 *
 * Slots are handed out from the free list first and from untouched memory only when that is empty,
 * so that the resident part of the pool is as large as the worst reordering seen, not as large as
 * the bound. */
#include "hold.h"

#include <assert.h>

void hold_pool_init(struct hold_pool *pool, struct hold_slot *slots, uint32_t count)
{
	assert(count <= HELD_PACKETS_TOTAL);
	*pool = (struct hold_pool){.slots = slots, .count = (uint16_t)count, .free = HOLD_NONE};
}

struct hold_slot *hold_at(const struct hold_pool *pool, uint16_t index)
{
	assert(index < pool->fresh);
	return &pool->slots[index];
}

uint16_t hold_take(struct hold_pool *pool)
{
	uint16_t index = pool->free;

	if (index != HOLD_NONE)
		pool->free = pool->slots[index].next;
	else if (pool->fresh < pool->count)
		index = pool->fresh++;
	else
		return HOLD_NONE;
	pool->slots[index].next = HOLD_NONE;
	pool->used++;
	return index;
}

void hold_give(struct hold_pool *pool, uint16_t index)
{
	assert(index < pool->fresh && pool->used > 0);
	pool->slots[index].next = pool->free;
	pool->free = index;
	pool->used--;
}
