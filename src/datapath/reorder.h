/* The order of received GRE packets: what comes next, what is waited for, what came already.
 *
 * A packet ahead of a missing one is held in the shared pool until the missing one comes or the
 * wait is over. The wait adapts: it starts near zero, grows to what the observed reordering needs,
 * shrinks while packets are truly lost, and never exceeds REORDER_WAIT_MAX. */
#ifndef GREYLINE_REORDER_H
#define GREYLINE_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hold.h"
#include "limits.h"

enum {
	REORDER_WAIT_MIN = 1000, /* microseconds: enough for neighbours that changed places */
	/* A jump this far ahead is believed only when a second packet confirms it. */
	REORDER_FAR = 4096,
};

struct reorder {
	uint32_t next;       /* the sequence number to deliver next */
	uint64_t seen;       /* bit n: next - 1 - n was received */
	uint64_t expires;    /* the present hole is given up then; NEVER while nothing is held */
	uint64_t gave_up;    /* when the last hole was given up */
	uint32_t wait;       /* microseconds a hole is waited for */
	uint32_t lost;       /* sequence numbers given up, less those delivered late */
	uint32_t ahead;      /* packets that came ahead of a missing one, or late */
	uint16_t head, tail; /* held packets, sorted by sequence number; tail: while any is held */
	uint8_t held;
	bool started;
	bool unconfirmed; /* a far jump waits for a second packet beside it */
	uint32_t before;  /* `next` and `seen` before that jump */
	uint64_t seen_before;
};

enum reorder_verdict {
	REORDER_NEXT,      /* deliver it: reorder_advance, then reorder_take until HOLD_NONE */
	REORDER_HOLD,      /* a packet before it is missing: reorder_hold */
	REORDER_ROOM,      /* too far ahead: reorder_give_up, reorder_take, and judge again */
	REORDER_LATE,      /* its place was given up, and it was never received: reorder_late */
	REORDER_OLD,       /* behind anything remembered */
	REORDER_DUPLICATE, /* received before */
};

void reorder_init(struct reorder *r);

/* Where a packet stands. The first packet of all sets the place, whatever its number. */
enum reorder_verdict reorder_judge(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence);

/* The next packet has come and is delivered. */
void reorder_advance(struct reorder *r, const struct hold_pool *pool, uint64_t now);

/* Holds a copy of `frame` (at most OUTER_MAX bytes). False when the pool has no room. */
bool reorder_hold(struct reorder *r, struct hold_pool *pool, uint32_t sequence,
	const uint8_t *frame, size_t length, uint64_t now);

/* Takes the next packet out of the list when it is held; the caller gives the slot back to the
 * pool. HOLD_NONE ends a run of deliveries and sets the time of the hole behind it. */
uint16_t reorder_take(struct reorder *r, const struct hold_pool *pool);

/* No longer waits for what is missing before the first held packet, or, when nothing is held,
 * before `sequence`. */
void reorder_give_up(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence, uint64_t now);

/* A late packet, delivered after all or not; a second copy is a duplicate. */
void reorder_late(struct reorder *r, uint32_t sequence, bool delivered, uint64_t now);

/* Gives every held packet back. */
void reorder_clear(struct reorder *r, struct hold_pool *pool);

#endif
