/* Reordering of received GRE packets (RFC 2637 §4.3: out of sequence packets may be held or
 * dropped).
 *
 * `next` divides the sequence space. Behind it, 64 bits remember which numbers came, so that a
 * duplicate differs from a late packet whose place was given up. Ahead of it, fewer than
 * REORDER_PACKETS packets are held in a sorted list through the shared pool.
 *
 * How long a hole is waited for follows what is seen. A packet that fills a hole, or comes after
 * its hole was given up, shows how late packets can be: the wait becomes twice that. A hole that
 * was never filled shows loss: the wait shrinks by an eighth, down to REORDER_WAIT_MIN. So a link
 * that only loses packets adds a millisecond, and one that reorders is waited for as it needs.
 *
 * Under overload control frames are read ahead of data, from a socket of their own, so that a queue
 * full of data does not end a session. Such a frame may lie far beyond the window although nothing
 * is lost: it is delivered without moving the window, which would give up all the data that waits
 * in the other queue. Its number is kept until the window gets there. Only when nothing else has
 * come for REORDER_WAIT_MAX is what lies between taken for lost, so that acknowledgements go on.
 *
 * Serial arithmetic makes all of it indifferent to the 32-bit wrap. A far jump moves the window in
 * one step, never number by number; and because one forged packet could so push the window away
 * from the true stream, the old place is kept until a second packet confirms the new one. */
#include "reorder.h"

#include <assert.h>
#include <string.h>

#include "serial.h"

#define SEEN_BITS 64u /* of `seen` */

static_assert(REORDER_PACKETS <= SEEN_BITS, "a window's worth of late packets is told apart");

void reorder_init(struct reorder *r)
{
	*r = (struct reorder){.expires = NEVER,
		.wait = REORDER_WAIT_MIN,
		.wait_max = REORDER_WAIT_MAX,
		.far = REORDER_FAR,
		.head = HOLD_NONE,
		.tail = HOLD_NONE};
}

void reorder_limit(struct reorder *r, const struct reorder_terms *terms)
{
	if (terms->wait)
		r->wait_max = terms->wait;
	if (terms->off)
		r->wait_max = 0;
	if (terms->far)
		r->far = terms->far > REORDER_PACKETS ? terms->far : REORDER_PACKETS;
}

static bool is_held(const struct reorder *r, const struct hold_pool *pool, uint32_t sequence)
{
	if (!r->held || serial_after(sequence, hold_at(pool, r->tail)->sequence))
		return false;
	for (uint16_t i = r->head; i != HOLD_NONE; i = hold_at(pool, i)->next)
		if (hold_at(pool, i)->sequence == sequence)
			return true;
	return false;
}

static bool is_early(const struct reorder *r, uint32_t sequence)
{
	for (unsigned n = 0; n < r->early_count; n++)
		if (r->early[n] == sequence)
			return true;
	return false;
}

static void forget_early(struct reorder *r, unsigned which)
{
	r->early_count--;
	memmove(r->early + which, r->early + which + 1,
		(r->early_count - which) * sizeof(r->early[0]));
}

/* How many of the numbers from the next to before `sequence` were delivered early. */
static uint32_t count_early(const struct reorder *r, uint32_t sequence)
{
	uint32_t count = 0;

	for (unsigned n = 0; n < r->early_count; n++)
		count += r->early[n] - r->next < sequence - r->next;
	return count;
}

/* The window is where it is for good: numbers behind it have served. */
static void confirm(struct reorder *r)
{
	r->unconfirmed = false;
	for (unsigned n = r->early_count; n-- > 0;)
		if (serial_after(r->next, r->early[n]))
			forget_early(r, n);
}

/* A packet beside the place left by a far jump that nothing has confirmed: the jump was false. */
static void undo_false_jump(struct reorder *r, uint32_t sequence)
{
	int32_t distance = serial_distance(sequence, r->next_before);

	if (!r->unconfirmed || r->held || distance < 0 || distance >= REORDER_PACKETS)
		return;
	r->lost = r->lost_before;
	r->next = r->next_before;
	r->seen = r->seen_before;
	r->unconfirmed = false;
}

enum reorder_verdict reorder_judge(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence)
{
	if (!r->started) {
		r->started = true;
		r->next = sequence;
	}
	undo_false_jump(r, sequence);
	int32_t distance = serial_distance(sequence, r->next);
	if (distance < 0) {
		uint32_t behind = r->next - sequence;
		if (behind > SEEN_BITS)
			return REORDER_OLD;
		return r->seen >> (behind - 1) & 1 ? REORDER_DUPLICATE : REORDER_LATE;
	}
	if (distance == 0)
		return REORDER_NEXT;
	if (is_early(r, sequence) || is_held(r, pool, sequence))
		return REORDER_DUPLICATE;
	return distance < REORDER_PACKETS && r->wait_max ? REORDER_HOLD : REORDER_ROOM;
}

enum reorder_verdict reorder_judge_early(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence, uint64_t now)
{
	enum reorder_verdict verdict = reorder_judge(r, pool, sequence);
	bool stands = r->early_count && r->early_next == r->next;

	if (verdict != REORDER_ROOM || (stands && now - r->early_at >= REORDER_WAIT_MAX))
		return verdict;
	return REORDER_EARLY;
}

void reorder_early(struct reorder *r, uint32_t sequence, uint64_t now)
{
	if (!r->early_count || r->early_next != r->next) {
		r->early_next = r->next;
		r->early_at = now;
	}
	if (r->early_count == REORDER_EARLY_MAX)
		forget_early(r, 0);
	r->early[r->early_count++] = sequence;
}

uint32_t reorder_ahead(const struct reorder *r)
{
	uint32_t ahead = r->next;

	for (unsigned n = 0; n < r->early_count; n++)
		if (!serial_after(ahead, r->early[n]))
			ahead = r->early[n] + 1;
	return ahead;
}

/* A packet came `late` microseconds behind its successor: wait for twice as long from now on. */
static void learn(struct reorder *r, uint64_t late)
{
	uint64_t wanted = late < r->wait_max / 2 ? 2 * late : r->wait_max;

	if (wanted > r->wait)
		r->wait = (uint32_t)wanted;
}

static void shrink(struct reorder *r)
{
	r->wait -= r->wait / 8;
	if (r->wait < REORDER_WAIT_MIN)
		r->wait = REORDER_WAIT_MIN;
}

static void move_to(struct reorder *r, uint32_t sequence)
{
	uint32_t by = sequence - r->next;

	r->seen = by < SEEN_BITS ? r->seen << by : 0;
	r->next = sequence;
}

/* The next packet is delivered, and so were those behind it that came early. */
static void step(struct reorder *r)
{
	move_to(r, r->next + 1);
	r->seen |= 1;
	while (is_early(r, r->next)) {
		move_to(r, r->next + 1);
		r->seen |= 1;
		confirm(r);
	}
}

void reorder_advance(struct reorder *r, const struct hold_pool *pool, uint64_t now)
{
	if (r->held)
		learn(r, now - hold_at(pool, r->head)->arrived);
	if (r->unconfirmed && r->seen != 0)
		confirm(r);
	step(r);
}

bool reorder_hold(struct reorder *r, struct hold_pool *pool, uint32_t sequence,
	const uint8_t *frame, size_t length, uint8_t tos, uint64_t now)
{
	assert(length <= OUTER_MAX && r->held < REORDER_PACKETS);
	uint16_t index = hold_take(pool);
	if (index == HOLD_NONE)
		return false;
	struct hold_slot *slot = hold_at(pool, index);
	slot->sequence = sequence;
	slot->arrived = now;
	slot->length = (uint16_t)length;
	slot->tos = tos;
	if (length)
		memcpy(slot->frame, frame, length);
	/* Nearly always the new one goes last. */
	uint16_t *link = &r->head;
	if (r->held && serial_after(sequence, hold_at(pool, r->tail)->sequence))
		link = &hold_at(pool, r->tail)->next;
	while (*link != HOLD_NONE && serial_after(sequence, hold_at(pool, *link)->sequence))
		link = &hold_at(pool, *link)->next;
	slot->next = *link;
	*link = index;
	if (slot->next == HOLD_NONE)
		r->tail = index;
	if (r->held++ == 0)
		r->expires = now + r->wait;
	if (r->unconfirmed)
		confirm(r);
	r->ahead++;
	return true;
}

/* No packet is held longer than the wait: the hole's time counts from the earliest arrival. */
static uint64_t hole_expires(const struct reorder *r, const struct hold_pool *pool)
{
	uint64_t earliest = NEVER - r->wait;

	for (uint16_t i = r->head; i != HOLD_NONE; i = hold_at(pool, i)->next)
		if (hold_at(pool, i)->arrived < earliest)
			earliest = hold_at(pool, i)->arrived;
	return earliest + r->wait;
}

uint16_t reorder_take(struct reorder *r, const struct hold_pool *pool)
{
	uint16_t index = r->head;

	if (index == HOLD_NONE || hold_at(pool, index)->sequence != r->next) {
		r->expires = hole_expires(r, pool);
		return HOLD_NONE;
	}
	r->head = hold_at(pool, index)->next;
	r->held--;
	step(r);
	return index;
}

void reorder_give_up(
	struct reorder *r, const struct hold_pool *pool, uint32_t sequence, uint64_t now)
{
	if (r->held)
		sequence = hold_at(pool, r->head)->sequence;
	if (serial_distance(sequence, r->next) >= (int32_t)r->far) {
		r->unconfirmed = true;
		r->next_before = r->next;
		r->lost_before = r->lost;
		r->seen_before = r->seen;
	}
	r->lost += sequence - r->next - count_early(r, sequence);
	r->gave_up = now;
	shrink(r);
	move_to(r, sequence);
	for (unsigned n = 0; n < r->early_count; n++)
		if (r->next - 1 - r->early[n] < SEEN_BITS)
			r->seen |= UINT64_C(1) << (r->next - 1 - r->early[n]);
	if (!r->unconfirmed)
		confirm(r);
}

void reorder_late(struct reorder *r, uint32_t sequence, bool delivered, uint64_t now)
{
	uint32_t behind = r->next - sequence;

	assert(behind >= 1 && behind <= SEEN_BITS);
	r->seen |= UINT64_C(1) << (behind - 1);
	r->ahead++;
	if (delivered && r->lost)
		r->lost--;
	if (r->gave_up)
		learn(r, now - r->gave_up + r->wait);
}

void reorder_clear(struct reorder *r, struct hold_pool *pool)
{
	while (r->head != HOLD_NONE) {
		uint16_t index = r->head;
		r->head = hold_at(pool, index)->next;
		hold_give(pool, index);
	}
	r->held = 0;
	r->expires = NEVER;
}
