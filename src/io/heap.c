/* A binary heap that knows where each slot's entry is, so that a deadline can move. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "heap.h"
#include "limits.h"

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

int heap_init(struct heap *heap, uint32_t slots)
{
	*heap = (struct heap){.slots = slots};
	heap->entries = map(slots * sizeof(*heap->entries));
	heap->places = map(slots * sizeof(*heap->places));
	if (heap->entries && heap->places)
		return 0;
	heap_free(heap);
	return -ENOMEM;
}

void heap_free(struct heap *heap)
{
	if (heap->entries)
		munmap(heap->entries, heap->slots * sizeof(*heap->entries));
	if (heap->places)
		munmap(heap->places, heap->slots * sizeof(*heap->places));
	memset(heap, 0, sizeof(*heap));
}

static void place(struct heap *heap, uint32_t at, struct heap_entry entry)
{
	heap->entries[at] = entry;
	heap->places[entry.slot] = at + 1;
}

/* Moves the hole at `at` up until `entry` fits into it. */
static void sift_up(struct heap *heap, uint32_t at, struct heap_entry entry)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;
		if (heap->entries[parent].deadline <= entry.deadline)
			break;
		place(heap, at, heap->entries[parent]);
		at = parent;
	}
	place(heap, at, entry);
}

static void sift_down(struct heap *heap, uint32_t at, struct heap_entry entry)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
			heap->entries[child + 1].deadline < heap->entries[child].deadline)
			child++;
		if (entry.deadline <= heap->entries[child].deadline)
			break;
		place(heap, at, heap->entries[child]);
		at = child;
	}
	place(heap, at, entry);
}

static void settle(struct heap *heap, uint32_t at, struct heap_entry entry)
{
	if (at > 0 && entry.deadline < heap->entries[(at - 1) / 2].deadline)
		sift_up(heap, at, entry);
	else
		sift_down(heap, at, entry);
}

void heap_set(struct heap *heap, uint32_t slot, uint64_t deadline)
{
	assert(slot < heap->slots);
	uint32_t at = heap->places[slot];
	if (at == 0 && deadline == NEVER)
		return;
	if (at && deadline != NEVER) {
		if (heap->entries[at - 1].deadline != deadline)
			settle(heap, at - 1, (struct heap_entry){deadline, slot});
		return;
	}
	if (at == 0) {
		sift_up(heap, heap->count++, (struct heap_entry){deadline, slot});
		return;
	}
	heap->places[slot] = 0;
	struct heap_entry last = heap->entries[--heap->count];
	if (at - 1 < heap->count)
		settle(heap, at - 1, last);
}

uint64_t heap_nearest(const struct heap *heap)
{
	return heap->count ? heap->entries[0].deadline : NEVER;
}
