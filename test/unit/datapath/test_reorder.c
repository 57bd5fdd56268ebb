/* The order of received packets: holes, late ones, duplicates, the wrap, jumps, the wait. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reorder.h"
#include "seed.h"

enum { SLOTS = 128 };

struct desk {
	struct reorder order;
	struct hold_pool pool;
	struct hold_slot slots[SLOTS];
	uint32_t delivered[4096];
	size_t count;
	uint64_t now;
};

static struct desk *desk_new(size_t slots)
{
	struct desk *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	hold_pool_init(&d->pool, d->slots, (uint32_t)slots);
	reorder_init(&d->order);
	d->now = SECONDS(5);
	return d;
}

static void desk_free(struct desk *d)
{
	reorder_clear(&d->order, &d->pool);
	assert_int_equal(d->pool.used, 0);
	free(d);
}

static void deliver(struct desk *d, uint32_t sequence)
{
	assert_true(d->count < 4096);
	d->delivered[d->count++] = sequence;
}

static void release(struct desk *d)
{
	uint16_t index;
	while ((index = reorder_take(&d->order, &d->pool)) != HOLD_NONE) {
		const struct hold_slot *slot = hold_at(&d->pool, index);
		assert_int_equal(slot->length, 4);
		assert_memory_equal(slot->frame, &slot->sequence, 4);
		deliver(d, slot->sequence);
		hold_give(&d->pool, index);
	}
}

/* What open.c does with a packet, without the rest of it. Returns the last verdict. */
static enum reorder_verdict take(struct desk *d, uint32_t sequence, bool early)
{
	for (unsigned turns = 0; turns < 200; turns++) {
		enum reorder_verdict verdict =
			early ? reorder_judge_early(&d->order, &d->pool, sequence, d->now)
			      : reorder_judge(&d->order, &d->pool, sequence);
		switch (verdict) {
		case REORDER_EARLY:
			reorder_early(&d->order, sequence, d->now);
			deliver(d, sequence);
			return verdict;
		case REORDER_NEXT:
			reorder_advance(&d->order, &d->pool, d->now);
			deliver(d, sequence);
			release(d);
			return verdict;
		case REORDER_HOLD:
			if (reorder_hold(&d->order, &d->pool, sequence, (uint8_t *)&sequence, 4, 0,
				    d->now))
				return verdict;
			/* fall through */
		case REORDER_ROOM:
			reorder_give_up(&d->order, &d->pool, sequence, d->now);
			release(d);
			break;
		case REORDER_LATE:
			reorder_late(&d->order, sequence, false, d->now);
			return verdict;
		case REORDER_OLD:
		case REORDER_DUPLICATE:
			return verdict;
		}
	}
	fail_msg("the window spins");
	return REORDER_OLD;
}

static enum reorder_verdict arrive(struct desk *d, uint32_t sequence)
{
	return take(d, sequence, false);
}

static void expire(struct desk *d)
{
	while (d->order.expires <= d->now) {
		reorder_give_up(&d->order, &d->pool, 0, d->now);
		release(d);
	}
}

static void assert_delivered(struct desk *d, const uint32_t *sequences, size_t count)
{
	assert_int_equal(d->count, count);
	for (size_t n = 0; n < count; n++)
		assert_int_equal(d->delivered[n], sequences[n]);
	d->count = 0;
}

#define DELIVERED(d, ...)                                                                          \
	assert_delivered(d, (const uint32_t[]){__VA_ARGS__},                                       \
		sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void first_packet_sets_the_place(void **state)
{
	static const uint32_t firsts[] = {0, 1, 12345, 0x7fffffff, 0x80000000, 0xffffffff};
	for (size_t n = 0; n < sizeof(firsts) / sizeof(firsts[0]); n++) {
		struct desk *d = desk_new(SLOTS);
		assert_int_equal(arrive(d, firsts[n]), REORDER_NEXT);
		assert_int_equal(arrive(d, firsts[n] + 1), REORDER_NEXT);
		DELIVERED(d, firsts[n], firsts[n] + 1);
		desk_free(d);
	}
}

static void swapped_neighbours(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 10);
	assert_int_equal(arrive(d, 12), REORDER_HOLD);
	DELIVERED(d, 10);
	assert_int_equal(arrive(d, 12), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 11), REORDER_NEXT);
	DELIVERED(d, 11, 12);
	assert_int_equal(arrive(d, 11), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 12), REORDER_DUPLICATE);
	assert_true(d->order.expires == NEVER);
	assert_int_equal(d->order.lost, 0);
	assert_int_equal(d->order.ahead, 1);
	desk_free(d);
}

static void held_in_any_order(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0xfffffffc);
	arrive(d, 2);
	arrive(d, 0xffffffff);
	arrive(d, 0);
	arrive(d, 4);
	assert_int_equal(d->order.held, 4);
	arrive(d, 0xfffffffd);
	DELIVERED(d, 0xfffffffc, 0xfffffffd);
	arrive(d, 0xfffffffe);
	DELIVERED(d, 0xfffffffe, 0xffffffff, 0);
	arrive(d, 3);
	arrive(d, 1);
	DELIVERED(d, 1, 2, 3, 4);
	desk_free(d);
}

static void hole_expires(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 1);
	arrive(d, 4);
	assert_int_equal(d->order.expires, d->now + REORDER_WAIT_MIN);
	d->now += REORDER_WAIT_MIN - 1;
	arrive(d, 6);
	expire(d);
	DELIVERED(d, 1);
	d->now += 1;
	expire(d);
	DELIVERED(d, 4);
	assert_int_equal(d->order.lost, 2);
	assert_int_equal(d->order.expires, d->now + REORDER_WAIT_MIN - 1);
	assert_int_equal(arrive(d, 3), REORDER_LATE);
	assert_int_equal(arrive(d, 3), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 1), REORDER_DUPLICATE);
	d->now += 10 * REORDER_WAIT_MIN;
	expire(d);
	DELIVERED(d, 6);
	desk_free(d);
}

/* No packet is held longer than the wait, also when holes follow each other. */
static void time_counts_from_the_earliest(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	d->order.wait = 10000;
	uint64_t began = d->now;
	arrive(d, 5);
	d->now += 9000;
	arrive(d, 3);
	arrive(d, 1);
	DELIVERED(d, 0, 1);
	assert_int_equal(d->order.expires, began + d->order.wait);
	desk_free(d);
}

static void the_wait_adapts(void **state)
{
	struct desk *d = desk_new(SLOTS);
	uint32_t sequence = 0;
	arrive(d, sequence++);
	assert_int_equal(d->order.wait, REORDER_WAIT_MIN);
	/* Late by 5 ms, twice the other way round: first late, then waited for. */
	arrive(d, sequence + 1);
	d->now += 1000;
	expire(d);
	d->now += 4000;
	assert_int_equal(arrive(d, sequence), REORDER_LATE);
	assert_in_range(d->order.wait, 5000, 12000);
	sequence += 2;
	arrive(d, sequence + 1);
	d->now += 4500;
	expire(d);
	assert_int_equal(arrive(d, sequence), REORDER_NEXT);
	sequence += 2;
	assert_int_equal(d->order.lost, 1);
	/* Loss alone brings it down again, to the least. */
	for (unsigned n = 0; n < 60; n++) {
		arrive(d, sequence + 1);
		d->now += REORDER_WAIT_MAX;
		expire(d);
		sequence += 2;
	}
	assert_int_equal(d->order.wait, REORDER_WAIT_MIN);
	/* And nothing brings it above the most. */
	for (unsigned n = 0; n < 20; n++) {
		arrive(d, sequence + 1);
		expire(d);
		d->now += d->order.wait - 1;
		arrive(d, sequence);
		sequence += 2;
		assert_true(d->order.wait <= REORDER_WAIT_MAX);
	}
	assert_int_equal(d->order.wait, REORDER_WAIT_MAX);
	desk_free(d);
}

static void bounded_in_packets(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 100);
	d->count = 0;
	for (uint32_t n = 2; n < 1 + REORDER_PACKETS; n++)
		assert_int_equal(arrive(d, 100 + n), REORDER_HOLD);
	assert_int_equal(d->order.held, REORDER_PACKETS - 1);
	assert_int_equal(d->count, 0);
	/* One more does not fit: the hole is given up and all of it is delivered. */
	assert_int_equal(arrive(d, 101 + REORDER_PACKETS), REORDER_NEXT);
	assert_int_equal(d->count, REORDER_PACKETS);
	for (uint32_t n = 0; n < REORDER_PACKETS; n++)
		assert_int_equal(d->delivered[n], 102 + n);
	assert_int_equal(d->order.lost, 1);
	desk_free(d);
}

static void pool_runs_dry(void **state)
{
	struct desk *d = desk_new(2);
	arrive(d, 0);
	arrive(d, 2);
	arrive(d, 4);
	assert_int_equal(d->pool.used, 2);
	/* No third slot: the first hole goes, which frees one. */
	assert_int_equal(arrive(d, 6), REORDER_HOLD);
	DELIVERED(d, 0, 2);
	arrive(d, 3);
	DELIVERED(d, 3, 4);
	arrive(d, 5);
	DELIVERED(d, 5, 6);
	desk_free(d);
	d = desk_new(0);
	arrive(d, 0);
	assert_int_equal(arrive(d, 2), REORDER_NEXT);
	DELIVERED(d, 0, 2);
	desk_free(d);
}

static void late_and_old(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	arrive(d, 200);
	assert_int_equal(arrive(d, 200 - 63), REORDER_LATE);
	assert_int_equal(arrive(d, 200 - 64), REORDER_OLD);
	assert_int_equal(arrive(d, 0), REORDER_OLD);
	assert_int_equal(arrive(d, 200), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 0x80000000u + 201), REORDER_OLD); /* half the space away */
	DELIVERED(d, 0, 200);
	desk_free(d);
}

static void late_but_delivered_is_not_lost(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	arrive(d, 70);
	assert_int_equal(d->order.lost, 69);
	assert_int_equal(reorder_judge(&d->order, &d->pool, 69), REORDER_LATE);
	reorder_late(&d->order, 69, true, d->now);
	assert_int_equal(d->order.lost, 68);
	assert_int_equal(reorder_judge(&d->order, &d->pool, 69), REORDER_DUPLICATE);
	desk_free(d);
}

static void far_jump_is_one_step(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 5);
	arrive(d, 8);
	assert_int_equal(arrive(d, 0x7fff0000), REORDER_NEXT);
	assert_int_equal(arrive(d, 0x7fff0001), REORDER_NEXT);
	DELIVERED(d, 5, 8, 0x7fff0000, 0x7fff0001);
	assert_int_equal(arrive(d, 9), REORDER_OLD); /* confirmed */
	desk_free(d);
}

/* A single packet from far away does not take the window with it. */
static void false_jump_is_undone(void **state)
{
	struct desk *d = desk_new(SLOTS);
	for (uint32_t n = 0; n < 10; n++)
		arrive(d, n);
	d->count = 0;
	assert_int_equal(arrive(d, 0x40000000), REORDER_NEXT);
	assert_int_equal(arrive(d, 10), REORDER_NEXT);
	assert_int_equal(d->order.lost, 0);
	assert_int_equal(arrive(d, 9), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 5), REORDER_DUPLICATE); /* what came is remembered too */
	assert_int_equal(arrive(d, 12), REORDER_HOLD);
	assert_int_equal(arrive(d, 11), REORDER_NEXT);
	DELIVERED(d, 0x40000000, 10, 11, 12);
	desk_free(d);
}

/* A control frame read ahead of a queue of data is handled at once, and nothing else changes. */
static void early_beyond_the_window(void **state)
{
	static const uint32_t starts[] = {0, 1000, 0xffffff80, 0x7fffffc0};
	for (size_t n = 0; n < sizeof(starts) / sizeof(starts[0]); n++) {
		struct desk *d = desk_new(SLOTS);
		uint32_t start = starts[n];
		assert_int_equal(take(d, start, true), REORDER_NEXT); /* the first of all */
		assert_int_equal(take(d, start + 150, true), REORDER_EARLY);
		assert_int_equal(take(d, start + 150, true), REORDER_DUPLICATE);
		assert_int_equal(arrive(d, start + 150), REORDER_DUPLICATE);
		assert_int_equal(take(d, start + 151, true), REORDER_EARLY);
		assert_int_equal(d->order.next, start + 1); /* and with it the acknowledgement */
		for (uint32_t m = 1; m < 300; m++) {
			if (m == 100)
				assert_int_equal(arrive(d, start + 150), REORDER_DUPLICATE);
			if (m != 150 && m != 151)
				assert_int_equal(arrive(d, start + m), REORDER_NEXT);
		}
		assert_int_equal(take(d, start + 150, true), REORDER_OLD);
		assert_int_equal(d->order.next, start + 300);
		assert_int_equal(d->order.lost, 0);
		assert_int_equal(d->order.ahead, 0);
		assert_int_equal(d->order.early_count, 0);
		assert_int_equal(d->count, 300);
		desk_free(d);
	}
}

/* Inside the window it waits like any other. */
static void early_inside_the_window(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	assert_int_equal(take(d, REORDER_PACKETS, true), REORDER_HOLD);
	assert_int_equal(take(d, REORDER_PACKETS + 1, true), REORDER_EARLY);
	d->now = d->order.expires;
	expire(d);
	DELIVERED(d, 0, REORDER_PACKETS + 1, REORDER_PACKETS);
	assert_int_equal(d->order.next, REORDER_PACKETS + 2);
	assert_int_equal(arrive(d, REORDER_PACKETS + 1), REORDER_DUPLICATE);
	assert_int_equal(d->order.lost, REORDER_PACKETS - 1);
	desk_free(d);
}

/* A hole that is given up may have such a frame in it: it is not lost, and not late either. */
static void early_in_a_hole(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	take(d, 90, true);
	arrive(d, 100);
	DELIVERED(d, 0, 90, 100);
	assert_int_equal(d->order.lost, 98);
	assert_int_equal(arrive(d, 90), REORDER_DUPLICATE);
	assert_int_equal(arrive(d, 91), REORDER_LATE);
	arrive(d, 102);
	take(d, 101 + 200, true);
	arrive(d, 101);
	DELIVERED(d, 301, 101, 102);
	desk_free(d);
}

/* Data that never comes does not hold up acknowledgements for good. */
static void early_ones_alone(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	assert_int_equal(take(d, 100, true), REORDER_EARLY);
	d->now += REORDER_WAIT_MAX - 1;
	assert_int_equal(take(d, 200, true), REORDER_EARLY);
	d->now += 1;
	assert_int_equal(take(d, 300, true), REORDER_NEXT);
	DELIVERED(d, 0, 100, 200, 300);
	assert_int_equal(d->order.lost, 297);
	/* As soon as the window moves, time begins anew. */
	assert_int_equal(take(d, 400, true), REORDER_EARLY);
	d->now += REORDER_WAIT_MAX;
	arrive(d, 301);
	assert_int_equal(take(d, 500, true), REORDER_EARLY);
	desk_free(d);
}

static void early_ones_forgotten(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	for (uint32_t n = 0; n <= REORDER_EARLY_MAX; n++)
		assert_int_equal(take(d, 100 + 10 * n, true), REORDER_EARLY);
	assert_int_equal(take(d, 110, true), REORDER_DUPLICATE);
	for (uint32_t n = 1; n < 100; n++)
		arrive(d, n);
	arrive(d, 101);
	assert_int_equal(d->order.held, 1); /* the first of them is missing now */
	desk_free(d);
}

/* A far jump beside a frame that came early has been confirmed by it; a false one forgets none. */
static void early_and_far_jumps(void **state)
{
	struct desk *d = desk_new(SLOTS);
	arrive(d, 0);
	take(d, 100000, true);
	assert_int_equal(arrive(d, 100001), REORDER_NEXT);
	assert_int_equal(arrive(d, 1), REORDER_OLD);
	assert_int_equal(arrive(d, 100000), REORDER_DUPLICATE);
	assert_int_equal(d->order.lost, 99999);
	d->count = 0;
	take(d, 100102, true);
	assert_int_equal(arrive(d, 0x40000000), REORDER_NEXT);
	assert_int_equal(arrive(d, 100002), REORDER_NEXT);
	assert_int_equal(arrive(d, 100102), REORDER_DUPLICATE);
	for (uint32_t n = 3; n < 102; n++)
		arrive(d, 100000 + n);
	assert_int_equal(d->order.next, 100103);
	assert_int_equal(d->order.lost, 99999);
	desk_free(d);
	/* Two false packets, the second not far from the first. */
	d = desk_new(SLOTS);
	arrive(d, 0);
	arrive(d, 0x40000000);
	arrive(d, 0x40000200);
	assert_int_equal(arrive(d, 1), REORDER_NEXT);
	assert_int_equal(d->order.lost, 0);
	desk_free(d);
}

enum { STREAM = 3000 };

/* A stream of data and control frames, its two queues, and what must come of it. */
struct stream {
	uint32_t start, sent, seed;
	uint32_t queue[2][STREAM], put[2], got[2]; /* control, data */
	uint8_t delivered[STREAM];
	bool forgotten[STREAM];
	uint32_t early[REORDER_EARLY_MAX], early_count;
	size_t looked;
	unsigned ahead; /* frames that came early, from beyond the window */
};

static uint32_t draw(struct stream *s, uint32_t below)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(s->seed >> 4) * below >> 28);
}

static void remember(struct stream *s, uint32_t next, uint32_t n)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->early_count; i++)
		if (s->early[i] >= next)
			s->early[kept++] = s->early[i];
	s->early_count = kept;
	if (kept == REORDER_EARLY_MAX) {
		s->forgotten[s->early[0]] = true;
		memmove(s->early, s->early + 1, --s->early_count * sizeof(s->early[0]));
	}
	s->early[s->early_count++] = n;
}

/* What never came, or was forgotten, is lost as soon as the window is past it, and nothing else. */
static void check_stream(struct stream *s, struct desk *d)
{
	uint32_t next = d->order.started ? d->order.next - s->start : 0, lost = 0;
	for (; s->looked < d->count; s->looked++) {
		uint32_t n = d->delivered[s->looked] - s->start;
		assert_true(n < s->sent);
		assert_true(++s->delivered[n] == 1 || s->forgotten[n]);
	}
	for (uint32_t n = 0; n < next; n++)
		lost += !s->delivered[n] || (s->forgotten[n] && s->delivered[n] == 1);
	assert_int_equal(d->order.lost, lost);
	assert_true(s->delivered[next] == 0 || s->forgotten[next]);
}

static void read_queue(struct stream *s, struct desk *d, unsigned which, uint32_t most)
{
	while (most-- && s->got[which] < s->put[which]) {
		uint32_t n = s->queue[which][s->got[which]++], next = d->order.next;
		enum reorder_verdict verdict = take(d, s->start + n, which == 0);
		if (verdict == REORDER_EARLY) {
			s->ahead++;
			assert_int_equal(d->order.next, next);
			remember(s, next - s->start, n);
		}
		assert_true(which == 1 || verdict != REORDER_OLD || s->delivered[n]);
		check_stream(s, d);
	}
}

/* Without loss and without time passing nothing is lost, whatever the queues do. */
static unsigned run_stream(uint32_t seed, bool lossy)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct desk *d = desk_new(SLOTS);
	assert_non_null(s);
	s->seed = seed;
	s->start = draw(s, 2) ? draw(s, UINT32_C(1) << 28) : UINT32_MAX - draw(s, STREAM);
	uint32_t controls = 2 + draw(s, 60);
	while (s->sent < STREAM - 1 || s->got[1] < s->put[1] || s->got[0] < s->put[0]) {
		for (uint32_t n = draw(s, 120); n && s->sent < STREAM - 1; n--) {
			unsigned which = s->sent == 0 || draw(s, controls) == 0 ? 0 : 1;
			if (!lossy || draw(s, 20) || s->sent == 0)
				s->queue[which][s->put[which]++] = s->sent;
			if (lossy && draw(s, 40) == 0 && s->put[which] < STREAM && s->put[which])
				s->queue[which][s->put[which]] = s->queue[which][s->put[which] - 1],
				s->put[which]++;
			s->sent++;
		}
		read_queue(s, d, 0, STREAM);
		read_queue(s, d, 1, draw(s, 130));
		if (lossy) {
			d->now += draw(s, 3000);
			expire(d);
			check_stream(s, d);
		}
	}
	if (!lossy)
		for (uint32_t n = 0; n < d->order.next - s->start; n++)
			assert_true(s->delivered[n]);
	unsigned ahead = s->ahead;
	desk_free(d);
	free(s);
	return ahead;
}

static void random_streams(void **state)
{
	uint32_t seed = (uint32_t)seed_of_run((uint64_t)time(NULL));
	unsigned ahead = 0;
	for (uint32_t n = 0; n < 150; n++) {
		ahead += run_stream(seed + n, false);
		ahead += run_stream(seed + n, true);
	}
	assert_true(ahead > 150);
}

/* pptp-linux's --nobuffer. */
static void nothing_is_held_where_nobody_waits(void **state)
{
	static const uint32_t order[] = {7, 9, 8, 10, 12, 10};
	struct desk *d = desk_new(SLOTS);
	const struct reorder_terms terms = {.off = true, .wait = 1000};
	reorder_limit(&d->order, &terms);
	for (size_t n = 0; n < sizeof(order) / sizeof(order[0]); n++)
		take(d, order[n], false);
	assert_int_equal(d->pool.used, 0);
	assert_int_equal(d->order.held, 0);
	assert_true(d->order.expires == NEVER);
	assert_int_equal(d->order.next, 13);
	desk_free(d);
}

static void the_wait_is_bounded_by_what_was_set(void **state)
{
	struct desk *d = desk_new(SLOTS);
	const struct reorder_terms terms = {.wait = (uint32_t)MS(10)}, more = {.wait = 2000000};
	reorder_limit(&d->order, &terms);
	take(d, 1, false);
	take(d, 3, false);
	d->now += MS(40);
	take(d, 2, false);
	assert_int_equal(d->order.wait, MS(10));
	reorder_limit(&d->order, &more);
	take(d, 5, false);
	d->now += MS(700);
	take(d, 4, false);
	assert_int_equal(d->order.wait, MS(1400));
	desk_free(d);
}

static void how_far_a_jump_is_believed_can_be_set(void **state)
{
	struct desk *d = desk_new(SLOTS);
	const struct reorder_terms terms = {.far = 300};
	reorder_limit(&d->order, &terms);
	take(d, 1, false);
	take(d, 500, false);
	assert_true(d->order.unconfirmed);
	take(d, 2, false); /* the true stream */
	assert_int_equal(d->order.next, 3);
	const struct reorder_terms none = {.far = 0};
	reorder_limit(&d->order, &none);
	assert_int_equal(d->order.far, 300);
	desk_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_packet_sets_the_place),
		cmocka_unit_test(swapped_neighbours),
		cmocka_unit_test(held_in_any_order),
		cmocka_unit_test(hole_expires),
		cmocka_unit_test(time_counts_from_the_earliest),
		cmocka_unit_test(the_wait_adapts),
		cmocka_unit_test(bounded_in_packets),
		cmocka_unit_test(pool_runs_dry),
		cmocka_unit_test(late_and_old),
		cmocka_unit_test(late_but_delivered_is_not_lost),
		cmocka_unit_test(far_jump_is_one_step),
		cmocka_unit_test(false_jump_is_undone),
		cmocka_unit_test(early_beyond_the_window),
		cmocka_unit_test(early_inside_the_window),
		cmocka_unit_test(early_in_a_hole),
		cmocka_unit_test(early_ones_alone),
		cmocka_unit_test(early_ones_forgotten),
		cmocka_unit_test(early_and_far_jumps),
		cmocka_unit_test(random_streams),
		cmocka_unit_test(nothing_is_held_where_nobody_waits),
		cmocka_unit_test(the_wait_is_bounded_by_what_was_set),
		cmocka_unit_test(how_far_a_jump_is_believed_can_be_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
