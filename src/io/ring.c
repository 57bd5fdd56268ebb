/* Single-producer, single-consumer ring of records.
 *
 * `head` and `tail` count bytes and run over 2^32; their difference is what is in the ring. A
 * record is a header of 8 bytes and its payload, padded to 8. One that does not fit before the end
 * of the memory is placed at its start, behind a filler record that covers the rest. So is one that
 * finds the ring empty and far from its start: of a ring whose consumer keeps up, half is resident.
 *
 * `starved` is Dekker's protocol: the producer raises it and looks again, the consumer moves `head`
 * and then lowers it. Both use sequentially consistent operations, so at least one of them sees
 * what the other did, and no wake-up is lost. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "memory.h"
#include "ring.h"
#include "serial.h"

struct record {
	uint32_t whole;  /* header, payload, padding */
	uint32_t length; /* of the payload, or FILLER */
};

enum {
	HEADER = sizeof(struct record),
	RESTART = 2, /* an empty ring starts over when this part of its memory is behind it */
};
#define FILLER UINT32_MAX

static_assert(HEADER == 8, "records stay aligned to 8 bytes");

static uint32_t whole_length(uint32_t length)
{
	return HEADER + ((length + 7) & ~7u);
}

int ring_init(struct ring *ring, uint32_t capacity)
{
	assert(capacity >= 4096 && (capacity & (capacity - 1)) == 0);
	void *bytes = memory_map(capacity);
	if (!bytes)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->bytes = bytes;
	ring->capacity = capacity;
	return 0;
}

static struct record *record_at(struct ring *ring, uint32_t position)
{
	return (struct record *)(void *)(ring->bytes + (position & (ring->capacity - 1)));
}

uint32_t ring_first(const struct ring *ring)
{
	return atomic_load_explicit(&ring->head, memory_order_relaxed);
}

void ring_free(struct ring *ring)
{
	if (!ring->bytes)
		return;
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	for (uint32_t at = ring_first(ring); at != tail; at += HEADER)
		explicit_bzero(record_at(ring, at), HEADER); /* the rest is wiped, or was none */
	memory_unmap(ring->bytes, ring->capacity);
	ring->bytes = NULL;
}

static bool has_room(struct ring *ring, uint32_t tail, uint32_t needed)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_seq_cst);
	return ring->capacity - (tail - head) >= needed;
}

/* How many bytes a record of `whole` leaves out in front of it. */
static uint32_t bytes_to_skip(struct ring *ring, uint32_t tail, uint32_t whole)
{
	uint32_t offset = tail & (ring->capacity - 1);
	uint32_t to_end = ring->capacity - offset;
	if (to_end < whole)
		return to_end;
	if (offset < ring->capacity / RESTART || offset < whole)
		return 0;
	bool empty = atomic_load_explicit(&ring->head, memory_order_acquire) == tail;
	return empty ? to_end : 0;
}

void *ring_reserve(struct ring *ring, uint32_t length)
{
	assert(length <= RING_RECORD_MAX(ring->capacity));
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t whole = whole_length(length);
	uint32_t skip = bytes_to_skip(ring, tail, whole);

	if (!has_room(ring, tail, skip + whole)) {
		atomic_store_explicit(&ring->starved, true, memory_order_seq_cst);
		if (!has_room(ring, tail, skip + whole))
			return NULL;
	}
	if (skip)
		*record_at(ring, tail) = (struct record){.whole = skip, .length = FILLER};
	ring->skipped = skip;
	ring->reserved = whole;
	return record_at(ring, tail + skip) + 1;
}

void ring_commit(struct ring *ring, uint32_t length)
{
	uint32_t whole = whole_length(length);
	assert(ring->reserved && whole <= ring->reserved);
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t at = tail + ring->skipped;
	*record_at(ring, at) = (struct record){.whole = whole, .length = length};
	ring->reserved = 0;
	atomic_store_explicit(&ring->tail, at + whole, memory_order_release);
}

static void advance(struct ring *ring, uint32_t head)
{
	atomic_store_explicit(&ring->head, head, memory_order_seq_cst);
}

void *ring_peek(struct ring *ring, uint32_t *length)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	if (head != tail && record_at(ring, head)->length == FILLER) {
		/* A filler is published together with the record behind it. */
		head += record_at(ring, head)->whole;
		advance(ring, head);
	}
	if (head == tail)
		return NULL;
	struct record *record = record_at(ring, head);
	ring->peeked = record->whole;
	*length = record->length;
	return record + 1;
}

void ring_release(struct ring *ring)
{
	assert(ring->peeked);
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	explicit_bzero(record_at(ring, head), ring->peeked);
	advance(ring, head + ring->peeked);
	ring->peeked = 0;
}

void *ring_walk(struct ring *ring, uint32_t *position, uint32_t mark, uint32_t *length)
{
	if (*position == mark)
		return NULL;
	struct record *record = record_at(ring, *position);
	if (record->length == FILLER) {
		*position += record->whole;
		record = record_at(ring, *position);
	}
	*position += record->whole;
	*length = record->length;
	return record + 1;
}

void ring_release_to(struct ring *ring, uint32_t position)
{
	assert(!ring->peeked);
	advance(ring, position);
}

uint32_t ring_mark(const struct ring *ring)
{
	return atomic_load_explicit(&ring->tail, memory_order_acquire);
}

bool ring_reached(const struct ring *ring, uint32_t mark)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	return serial_distance(head, mark) >= 0;
}

bool ring_was_starved(struct ring *ring)
{
	return atomic_load_explicit(&ring->starved, memory_order_relaxed) &&
	       atomic_exchange_explicit(&ring->starved, false, memory_order_seq_cst);
}
