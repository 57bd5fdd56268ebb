/* Delays after failed logins: when they begin, how they grow, where they end. */
#include "expect.h"

#include <stdio.h>

#include "throttle.h"

static struct throttle throttle;

static uint64_t wait_of(const char *key, uint64_t now)
{
	return throttle_wait(&throttle, key, strlen(key), now);
}

static void failed_at(const char *key, uint64_t now)
{
	throttle_failed(&throttle, key, strlen(key), now);
}

static void test_growth(void **state)
{
	throttle_init(&throttle, 7, 3, THROTTLE_DELAY_MAX);
	for (unsigned i = 0; i < 3; i++) {
		failed_at("a", 0);
		assert_int_equal(wait_of("a", 0), 0);
	}
	failed_at("a", 0);
	assert_int_equal(wait_of("a", 0), SECONDS(1));
	assert_int_equal(wait_of("a", SECONDS(1)), 0);
	assert_int_equal(wait_of("b", 0), 0);
	failed_at("a", SECONDS(10));
	assert_int_equal(wait_of("a", SECONDS(10)), SECONDS(2));
	failed_at("a", SECONDS(20));
	assert_int_equal(wait_of("a", SECONDS(20)), SECONDS(4));
	for (unsigned i = 0; i < 100; i++)
		failed_at("a", SECONDS(30));
	assert_int_equal(wait_of("a", SECONDS(30)), THROTTLE_DELAY_MAX);
}

static void test_forgiven(void **state)
{
	throttle_init(&throttle, 7, 1, THROTTLE_DELAY_MAX);
	failed_at("a", 0);
	failed_at("a", 0);
	assert_int_equal(wait_of("a", 0), SECONDS(1));
	throttle_succeeded(&throttle, "a", 1);
	assert_int_equal(wait_of("a", 0), 0);
	failed_at("a", 0);
	failed_at("a", 0);
	failed_at("a", SECONDS(1) + THROTTLE_FORGET); /* after long silence, from the start */
	assert_int_equal(wait_of("a", SECONDS(1) + THROTTLE_FORGET), 0);
}

/* What an address is forgiven is what was a slip of the user who came in, and no more. */
static void test_slips(void **state)
{
	throttle_init(&throttle, 1, 2, THROTTLE_DELAY_MAX);
	for (unsigned i = 0; i < 4; i++)
		failed_at("a", 0);
	assert_int_equal(throttle_succeeded(&throttle, "nobody", 6), 0);
	throttle_forgive(&throttle, "a", 1, 0);
	assert_int_equal(wait_of("a", 0), SECONDS(2));
	throttle_forgive(&throttle, "a", 1, 1);
	failed_at("a", 0); /* the fourth again, not the fifth */
	assert_int_equal(wait_of("a", 0), SECONDS(2));
	throttle_forgive(&throttle, "a", 1, 4);
	assert_int_equal(wait_of("a", 0), 0);
	throttle_forgive(&throttle, "unknown", 7, 1);
	failed_at("b", 0);
	assert_int_equal(throttle_succeeded(&throttle, "b", 1), 1);
}

/* Strangers by the hundred thousand neither grow the table nor crash it, and whoever failed last
 * is still known. */
static void test_bounded(void **state)
{
	char key[16];
	throttle_init(&throttle, 7, 1, THROTTLE_DELAY_MAX);
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "k%u", i);
		failed_at(key, i);
		failed_at(key, i);
		assert_true(wait_of(key, i) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_forgiven),
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
