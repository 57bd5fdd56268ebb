/* The sliding send window and its adaptive time-out (RFC 2637 §4.2 and §4.4).
 *
 * The size begins at half of what the peer said, grows by one packet for each window of packets
 * acknowledged without a time-out, and on a time-out becomes half of what it was, rounded up.
 * Nothing is sent again: what was in flight is given up, and data goes on.
 *
 *     DIFF = SAMPLE - RTT      DEV += (|DIFF| - DEV) / 4      RTT += DIFF / 8
 *     ATO  = RTT + 4 DEV, at least WINDOW_TIMEOUT_MIN, at most WINDOW_TIMEOUT_MAX
 *     on a time-out: RTT = 2 RTT
 *
 * The time-out is that of the oldest packet in flight, and starts again with each acknowledgement
 * of something new. One packet at a time is measured, never one that a time-out gave up (Karn).
 *
 * The lower bound is ours: pptp-linux keeps the acknowledgement of a single packet back for half a
 * second, and a shorter time-out would take that for loss.
 *
 * Who acknowledges with data only (the Linux kernel does) says nothing while it has none, and a
 * window would then stall one-way traffic. So only a packet that carries an acknowledgement alone
 * proves that a window can work, and a peer that lets several time-outs pass must prove it again.
 * Until then the window is off.
 *
 * Packets that wait are complete but for their GRE header: they get a number when they leave, so
 * that control frames, which do not wait, never make them late. */
#include "window.h"

#include <assert.h>
#include <stddef.h>

#include "limits.h"
#include "serial.h"

static uint32_t time_out(const struct window *w)
{
	uint64_t ato = w->rtt + 4 * (uint64_t)w->deviation;

	if (ato < WINDOW_TIMEOUT_MIN)
		return WINDOW_TIMEOUT_MIN;
	return ato > WINDOW_TIMEOUT_MAX ? WINDOW_TIMEOUT_MAX : (uint32_t)ato;
}

void window_init(struct window *w)
{
	*w = (struct window){.first = HOLD_NONE, .last = HOLD_NONE, .due = NEVER, .late = NEVER};
}

void window_agree(struct window *w, uint16_t maximum, uint64_t delay)
{
	w->maximum = maximum;
	w->rtt = delay < WINDOW_TIMEOUT_MAX ? (uint32_t)delay : WINDOW_TIMEOUT_MAX;
	w->ato = time_out(w);
}

bool window_has_room(const struct window *w, uint32_t next)
{
	return !w->on || next - w->acked < w->size;
}

void window_sent(struct window *w, uint32_t sequence, uint64_t now)
{
	if (!w->on)
		return;
	if (w->due == NEVER)
		w->due = now + w->ato;
	if (!w->sampled_at) {
		w->sample = sequence;
		w->sampled_at = now;
	}
}

static void measure(struct window *w, uint64_t now)
{
	uint64_t taken = now - w->sampled_at;
	int64_t sample = (int64_t)(taken < WINDOW_TIMEOUT_MAX ? taken : WINDOW_TIMEOUT_MAX);
	int64_t diff = sample - w->rtt;
	int64_t distance = (diff < 0 ? -diff : diff) - w->deviation;

	w->deviation = (uint32_t)(w->deviation + distance / 4);
	w->rtt = (uint32_t)(w->rtt + diff / 8);
	w->ato = time_out(w);
	w->sampled_at = 0;
}

/* §4.2.3: by one with every window of packets. */
static void grow(struct window *w, uint32_t acknowledged)
{
	uint32_t grown = w->grown + acknowledged;

	while (grown >= w->size && w->size < w->maximum)
		grown -= w->size++;
	w->grown = w->size < w->maximum ? (uint16_t)grown : 0;
}

/* §4.2.1: half of what the peer asked for. What is in flight now is nobody's concern. */
static void begin(struct window *w, uint32_t next)
{
	w->on = true;
	w->size = (uint16_t)((w->maximum + 1u) / 2);
	w->grown = 0;
	w->acked = next;
	w->sampled_at = 0;
	w->due = NEVER;
}

bool window_acked(struct window *w, uint32_t ack, uint32_t next, bool alone, uint64_t now)
{
	if (serial_distance(ack, next) >= 0)
		return false;
	w->silent = 0;
	if (!w->on) {
		if (serial_after(ack + 1, w->acked))
			w->acked = ack + 1;
		if (alone && w->maximum)
			begin(w, next);
		return true;
	}
	if (!serial_after(ack + 1, w->acked))
		return true;
	if (w->sampled_at && serial_distance(ack, w->sample) >= 0)
		measure(w, now);
	grow(w, ack + 1 - w->acked);
	w->acked = ack + 1;
	w->due = w->acked == next ? NEVER : now + w->ato;
	return true;
}

void window_tick(struct window *w, uint32_t next, uint64_t now)
{
	if (!w->on || w->due > now)
		return;
	w->timeouts++;
	w->rtt = w->rtt < WINDOW_TIMEOUT_MAX / 2 ? 2 * w->rtt : WINDOW_TIMEOUT_MAX;
	w->ato = time_out(w);
	w->size = (uint16_t)((w->size + 1u) / 2);
	w->grown = 0;
	w->acked = next;
	w->sampled_at = 0;
	w->due = NEVER;
	w->on = ++w->silent < WINDOW_SILENT_MAX;
}

uint64_t window_deadline(const struct window *w)
{
	return w->due < w->late ? w->due : w->late;
}

bool window_can_hold(const struct window *w, const struct hold_pool *pool)
{
	return w->held < WINDOW_HELD_MAX && pool->used < pool->count;
}

struct hold_slot *window_hold(struct window *w, struct hold_pool *pool, uint64_t now)
{
	uint16_t index = hold_take(pool);

	assert(index != HOLD_NONE);
	if (w->held++)
		hold_at(pool, w->last)->next = index;
	else
		w->first = index;
	w->last = index;
	window_wait(w, now);
	return hold_at(pool, index);
}

void window_wait(struct window *w, uint64_t now)
{
	if (w->held && w->due == NEVER)
		w->due = now + w->ato;
}

const struct hold_slot *window_first(const struct window *w, const struct hold_pool *pool)
{
	return w->held ? hold_at(pool, w->first) : NULL;
}

void window_release(struct window *w, struct hold_pool *pool)
{
	uint16_t index = w->first;

	w->first = hold_at(pool, index)->next;
	hold_give(pool, index);
	w->held--;
}

uint32_t window_clear(struct window *w, struct hold_pool *pool)
{
	uint32_t count = w->held;

	while (w->held)
		window_release(w, pool);
	w->late = NEVER;
	return count;
}

struct window_facts window_facts(const struct window *w, uint32_t next)
{
	uint32_t in_flight = next - w->acked;

	return (struct window_facts){.rtt = w->rtt,
		.ato = w->ato,
		.timeouts = w->timeouts,
		.maximum = w->maximum,
		.size = w->on ? w->size : 0,
		.in_flight = in_flight < UINT16_MAX ? (uint16_t)in_flight : UINT16_MAX,
		.held = w->held};
}
