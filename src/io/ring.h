/* A ring of variable-length records between exactly one producer and one consumer thread.
 *
 * No locks and no system calls: two indices, each written by one side only. Waking the other side
 * is the caller's business (an eventfd); ring_was_starved() tells it when that is needed. Records
 * are contiguous, aligned to 8 bytes and at most RING_RECORD_MAX(capacity) long. */
#ifndef GREYLINE_RING_H
#define GREYLINE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *bytes;
	uint32_t capacity; /* a power of two */
	/* The consumer's line. */
	_Alignas(64) _Atomic uint32_t head; /* first byte not yet released */
	uint32_t peeked;                    /* whole length of the record last peeked; 0: none */
	/* The producer's line. */
	_Alignas(64) _Atomic uint32_t tail; /* first byte not yet written */
	uint32_t reserved;                  /* whole length of the record being written; 0: none */
	uint32_t skipped;                   /* bytes lost to keep that record contiguous */
	_Alignas(64) _Atomic bool starved;  /* the producer found no room */
};

/* A record may fill a quarter of the ring, so that one can always follow another. */
#define RING_RECORD_MAX(capacity) ((capacity) / 4 - 8)

/* `capacity` in bytes, a power of two from 4096 up. 0 or -ENOMEM. The memory is touched as it is
 * used. */
int ring_init(struct ring *ring, uint32_t capacity);
/* Wipes and frees; neither side may use it any more. */
void ring_free(struct ring *ring);

/* Producer: room for one record, or NULL when there is none now (and the ring is marked
 * starved). ring_commit() publishes it; `length` may be shorter than what was reserved. */
void *ring_reserve(struct ring *ring, uint32_t length);
void ring_commit(struct ring *ring, uint32_t length);

/* Consumer: the oldest record, or NULL. Stays valid until ring_release(), which wipes it: records
 * carry keys. */
void *ring_peek(struct ring *ring, uint32_t *length);
void ring_release(struct ring *ring);

/* Consumer of records that carry no secrets: walks over several of them before it gives any back.
 * `position` starts at ring_first(), moves behind each record, and goes to ring_release_to(), which
 * wipes nothing. Not between ring_peek() and ring_release(). NULL at `mark` (ring_mark). */
uint32_t ring_first(const struct ring *ring);
void *ring_walk(struct ring *ring, uint32_t *position, uint32_t mark, uint32_t *length);
void ring_release_to(struct ring *ring, uint32_t position);

/* Consumer: how far the producer has come, and whether everything up to there is released. What
 * it adds meanwhile lies behind the mark, so that a fast producer cannot hold the consumer. */
uint32_t ring_mark(const struct ring *ring);
bool ring_reached(const struct ring *ring, uint32_t mark);

/* Consumer, after releasing: whether the producer met a full ring since the last time this
 * returned true, and so waits to be woken. */
bool ring_was_starved(struct ring *ring);

#endif
