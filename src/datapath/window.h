/* The sliding send window towards one peer (RFC 2637 §4.2, §4.4).
 *
 * Used only where the control plane gave a size, and once the peer has proved that it acknowledges
 * whether or not it has something to say. Until then, and again when it falls silent, nothing is
 * held back. Times are microseconds. */
#ifndef GREYLINE_WINDOW_H
#define GREYLINE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "hold.h"

enum {
	WINDOW_HELD_MAX = 64,  /* packets of one session that wait for room in its window */
	WINDOW_SILENT_MAX = 3, /* time-outs in a row that make the peer one that does not ack */
};

struct window {
	uint32_t acked;             /* the peer has acknowledged everything before this one */
	uint16_t maximum;           /* packets the peer said it buffers; 0: nothing is held back */
	uint16_t size;              /* packets that may be in flight now */
	bool on;                    /* the peer has proved that it acknowledges: `size` counts */
	uint8_t silent;             /* time-outs in a row without an acknowledgement */
	uint16_t grown;             /* packets acknowledged since the size last changed */
	uint16_t held, first, last; /* packets that wait: a list in the pool */
	uint32_t sample;            /* the packet whose round trip is being measured */
	uint64_t sampled_at;        /* when it left; 0: none is */
	uint32_t rtt, deviation;    /* estimated, as in §4.4.1 */
	uint32_t ato;               /* how long an acknowledgement may take now */
	uint32_t timeouts;
	uint64_t due;  /* the time-out of what is in flight */
	uint64_t late; /* packets may leave and found no room in a list then; or NEVER */
};

void window_init(struct window *window);

/* What was agreed for the call: `maximum` packets (0: hold nothing back), and the peer's packet
 * processing delay, with which the estimate begins (§4.4.1). */
void window_agree(struct window *window, uint16_t maximum, uint64_t delay);

/* Whether a data packet may leave now, when `next` is the sequence number it would get. */
bool window_has_room(const struct window *window, uint32_t next);

/* A data packet with this sequence number leaves. */
void window_sent(struct window *window, uint32_t sequence, uint64_t now);

/* An acknowledgement of everything up to `ack`; `next` is the next number to be sent. `alone`: it
 * came in a packet that carries nothing else. False when that packet was never sent. */
bool window_acked(struct window *window, uint32_t ack, uint32_t next, bool alone, uint64_t now);

/* The time-out, when it is due: nothing is repeated, and nothing counts as in flight any more. */
void window_tick(struct window *window, uint32_t next, uint64_t now);
uint64_t window_deadline(const struct window *window);

/* Packets that wait. False when as many wait as may, or the pool is empty. */
bool window_can_hold(const struct window *window, const struct hold_pool *pool);
/* Then: a slot, the caller's to fill. */
struct hold_slot *window_hold(struct window *window, struct hold_pool *pool, uint64_t now);
/* Some still wait: where only control frames are in flight nothing else is timed. */
void window_wait(struct window *window, uint64_t now);
/* The first of them, to be copied, and then its slot is given back. */
const struct hold_slot *window_first(const struct window *window, const struct hold_pool *pool);
void window_release(struct window *window, struct hold_pool *pool);
/* Gives all of them back; returns how many. */
uint32_t window_clear(struct window *window, struct hold_pool *pool);

/* For people to see. */
struct window_facts {
	uint32_t rtt, ato; /* microseconds */
	uint32_t timeouts;
	uint16_t maximum, size; /* 0: none was agreed; it is not used now */
	uint16_t in_flight, held;
};
struct window_facts window_facts(const struct window *window, uint32_t next);

#endif
