/* The order of received GRE packets: what comes next, what is waited for, what came already.
 *
 * A packet ahead of a missing one is held in the shared pool until the missing one comes or the
 * wait is over. The wait adapts: it starts near zero, grows to what the observed reordering needs,
 * shrinks while packets are truly lost, and never exceeds REORDER_WAIT_MAX, or what was set. */
#ifndef GREYLINE_REORDER_H
#define GREYLINE_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "hold.h"
#include "limits.h"

enum {
	REORDER_WAIT_MIN = 1000, /* microseconds: enough for neighbours that changed places */
	/* A jump this far ahead is believed only when a second packet confirms it; by default. */
	REORDER_FAR = 4096,
	REORDER_EARLY_MAX = 4, /* frames delivered ahead of the window that are remembered */
};

struct reorder {
	uint32_t next;       /* the sequence number to deliver next */
	uint64_t seen;       /* bit n: next - 1 - n was received */
	uint64_t expires;    /* the present hole is given up then; NEVER while nothing is held */
	uint64_t gave_up;    /* when the last hole was given up */
	uint32_t wait;       /* microseconds a hole is waited for */
	uint32_t wait_max;   /* ... at most; 0: nothing is held */
	uint32_t far;        /* a jump this far ahead is to be confirmed */
	uint32_t lost;       /* sequence numbers given up, less those delivered late */
	uint32_t ahead;      /* packets that came ahead of a missing one, or late */
	uint16_t head, tail; /* held packets, sorted by sequence number; tail: while any is held */
	uint8_t held;
	uint8_t early_count;
	bool started;
	bool unconfirmed;                  /* a far jump waits for a second packet beside it */
	uint32_t next_before, lost_before; /* `next`, `lost` and `seen` before that jump */
	uint64_t seen_before;
	uint32_t early[REORDER_EARLY_MAX]; /* numbers delivered ahead of the window, oldest first */
	uint32_t early_next; /* where the window stood when it was last ahead of it, */
	uint64_t early_at;   /* and since when */
};

enum reorder_verdict {
	REORDER_NEXT,      /* deliver it: reorder_advance, then reorder_take until HOLD_NONE */
	REORDER_HOLD,      /* a packet before it is missing: reorder_hold */
	REORDER_ROOM,      /* too far ahead: reorder_give_up, reorder_take, and judge again */
	REORDER_EARLY,     /* too far ahead, and in nobody's way: deliver it, reorder_early */
	REORDER_LATE,      /* its place was given up, and it was never received: reorder_late */
	REORDER_OLD,       /* behind anything remembered */
	REORDER_DUPLICATE, /* received before */
};

void reorder_init(struct reorder *r);
/* Other limits; where `terms` says nothing they stay. */
void reorder_limit(struct reorder *r, const struct reorder_terms *terms);

/* Where a packet stands. The first packet of all sets the place, whatever its number. */
enum reorder_verdict reorder_judge(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence);

/* The same for a frame that may have been read ahead of packets that came before it. What is
 * beyond the window gives up nothing that may wait in another queue, unless for REORDER_WAIT_MAX
 * nothing has come of it. */
enum reorder_verdict reorder_judge_early(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence, uint64_t now);

/* The frame is delivered now. When the window comes to its number it is neither waited for nor
 * lost, and a second copy is a duplicate; of more than REORDER_EARLY_MAX the oldest is forgotten.
 */
void reorder_early(struct reorder *r, uint32_t sequence, uint64_t now);

/* The number behind all those delivered early; `next` when there are none. */
uint32_t reorder_ahead(const struct reorder *r);

/* The next packet has come and is delivered. */
void reorder_advance(struct reorder *r, const struct hold_pool *pool, uint64_t now);

/* Holds a copy of `frame` (at most OUTER_MAX bytes) and of the outer header's `tos`. False when the
 * pool has no room. */
bool reorder_hold(struct reorder *r, struct hold_pool *pool, uint32_t sequence,
	const uint8_t *frame, size_t length, uint8_t tos, uint64_t now);

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
