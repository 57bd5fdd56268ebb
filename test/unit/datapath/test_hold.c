/* The pool of held packets: bounded, lazily touched, reusable. */
#include "hex.h"

#include <stdlib.h>

#include "hold.h"

static void bounded_and_reused(void **state)
{
	enum { COUNT = 5 };
	struct hold_slot *slots = malloc(COUNT * sizeof(*slots));
	struct hold_pool pool;
	uint16_t taken[COUNT];
	assert_non_null(slots);
	hold_pool_init(&pool, slots, COUNT);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned n = 0; n < COUNT; n++) {
			taken[n] = hold_take(&pool);
			assert_true(taken[n] < COUNT);
			for (unsigned m = 0; m < n; m++)
				assert_int_not_equal(taken[m], taken[n]);
			assert_int_equal(hold_at(&pool, taken[n])->next, HOLD_NONE);
		}
		assert_int_equal(hold_take(&pool), HOLD_NONE);
		assert_int_equal(pool.used, COUNT);
		for (unsigned n = 0; n < COUNT; n++)
			hold_give(&pool, taken[(n + round) % COUNT]);
		assert_int_equal(pool.used, 0);
	}
	free(slots);
}

/* One packet at a time uses one slot, however often. */
static void untouched_memory_stays_so(void **state)
{
	struct hold_slot slot;
	struct hold_pool pool;
	hold_pool_init(&pool, &slot, HELD_PACKETS_TOTAL);
	for (unsigned n = 0; n < 100; n++) {
		assert_int_equal(hold_take(&pool), 0);
		hold_give(&pool, 0);
	}
	assert_int_equal(pool.fresh, 1);
}

static void empty_pool(void **state)
{
	struct hold_pool pool;
	hold_pool_init(&pool, NULL, 0);
	assert_int_equal(hold_take(&pool), HOLD_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded_and_reused),
		cmocka_unit_test(untouched_memory_stays_so),
		cmocka_unit_test(empty_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
