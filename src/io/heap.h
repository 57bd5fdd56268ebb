/* The deadlines of many sessions, nearest first: a binary heap over slot numbers.
 *
 * Setting and removing one costs a few steps of log2(n); looking at the nearest costs nothing.
 * 10,000 sessions with a delayed ack each are a tree of 14 levels. */
#ifndef GREYLINE_HEAP_H
#define GREYLINE_HEAP_H

#include <stdint.h>

struct heap_entry {
	uint64_t deadline;
	uint32_t slot;
};

struct heap {
	struct heap_entry *entries; /* count of them, the nearest at 0 */
	uint32_t *places;           /* of each slot: its entry's index + 1, or 0 */
	uint32_t count, slots;
};

/* For slots 0 to `slots` - 1. Memory is touched as it is used. 0 or -ENOMEM. */
int heap_init(struct heap *heap, uint32_t slots);
void heap_free(struct heap *heap);

/* Sets the deadline of `slot`; NEVER removes it. */
void heap_set(struct heap *heap, uint32_t slot, uint64_t deadline);

/* The nearest deadline, or NEVER. Its slot is entries[0].slot. */
uint64_t heap_nearest(const struct heap *heap);

#endif
