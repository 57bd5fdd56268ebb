/* The order of received packets: holes, late ones, duplicates, the wrap, jumps, the wait. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "reorder.h"

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
static enum reorder_verdict arrive(struct desk *d, uint32_t sequence)
{
	for (unsigned turns = 0; turns < 200; turns++) {
		enum reorder_verdict verdict = reorder_judge(&d->order, &d->pool, sequence);
		switch (verdict) {
		case REORDER_NEXT:
			reorder_advance(&d->order, &d->pool, d->now);
			deliver(d, sequence);
			release(d);
			return verdict;
		case REORDER_HOLD:
			if (reorder_hold(
				    &d->order, &d->pool, sequence, (uint8_t *)&sequence, 4, d->now))
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
