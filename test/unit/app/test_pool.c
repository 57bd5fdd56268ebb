/* The pool: ranges as people write them, the order of giving out, fixed addresses. */
#include "expect.h"

#include "options.h"
#include "pool.h"

static struct settings settings;
static struct pool pool;
static char error[256];

static int make(const char *ranges)
{
	char problem[OPTION_ERROR_MAX];
	assert_true(option_store(option_find("pool"), &settings, ranges, false, true, problem));
	pool_free(&pool);
	return pool_init(&pool, &settings.pool, error);
}

static void test_ranges(void **state)
{
	assert_int_equal(make("192.168.0.234,192.168.0.245-249"), 0);
	assert_int_equal(pool.size, 6);
	assert_int_equal(pool_take(&pool), 0xc0a800ea);
	assert_int_equal(pool_take(&pool), 0xc0a800f5);
	assert_true(pool_holds(&pool, 0xc0a800f9));
	assert_false(pool_holds(&pool, 0xc0a800fa));
	assert_int_equal(make("10.0.0.0/29"), 0);
	assert_int_equal(pool.size, 6); /* without the ends */
	assert_int_equal(make("10.0.0.0/31"), 0);
	assert_int_equal(pool.size, 2);
	assert_int_equal(make("10.0.0.7/32"), 0);
	assert_int_equal(pool.size, 1);
	assert_int_equal(make("10.0.0.250-10.0.1.5"), 0);
	assert_int_equal(pool.size, 12);
}

static void test_refused(void **state)
{
	assert_true(make("10.0.0.0/24,10.0.0.7") < 0);
	assert_string_equal(error, "pool: 10.0.0.7-10.0.0.7 is there twice");
	assert_true(make("10.0.0.0/8") < 0);
	assert_true(make("127.0.0.0/24") < 0);
	assert_true(make("224.0.0.1") < 0);
	assert_true(make("0.0.0.0/30") < 0);
}

static void test_order(void **state)
{
	assert_int_equal(make("10.0.0.1-4"), 0);
	assert_int_equal(pool_take(&pool), 0x0a000001);
	assert_int_equal(pool_take(&pool), 0x0a000002);
	pool_release(&pool, 0x0a000002);
	pool_release(&pool, 0x0a000001);
	/* Never used ones first, then the one released longest ago. */
	assert_int_equal(pool_take(&pool), 0x0a000003);
	assert_int_equal(pool_take(&pool), 0x0a000004);
	assert_int_equal(pool_take(&pool), 0x0a000002);
	assert_int_equal(pool_take(&pool), 0x0a000001);
	assert_int_equal(pool_take(&pool), 0);
	assert_int_equal(pool_free_count(&pool), 0);
	pool_release(&pool, 0x0a000003);
	pool_release(&pool, 0x0a000003); /* twice is once */
	assert_int_equal(pool_free_count(&pool), 1);
	assert_int_equal(pool_take(&pool), 0x0a000003);
	assert_int_equal(pool_take(&pool), 0);
}

static void test_reserved(void **state)
{
	assert_int_equal(make("10.0.0.1-3"), 0);
	pool_reserve(&pool, 0x0a000001, true);
	pool_reserve(&pool, 0x0a000001, true);
	assert_int_equal(pool_free_count(&pool), 2);
	assert_int_equal(pool_take(&pool), 0x0a000002);
	assert_true(pool_take_this(&pool, 0x0a000001));
	assert_false(pool_take_this(&pool, 0x0a000001));
	pool_release(&pool, 0x0a000001);
	assert_int_equal(pool_take(&pool), 0x0a000003);
	assert_int_equal(pool_take(&pool), 0);
	/* No longer anybody's own: back among the others. */
	pool_reserve(&pool, 0x0a000001, false);
	assert_int_equal(pool_take(&pool), 0x0a000001);
	pool_reserve(&pool, 0x0b000001, true); /* not ours: nothing happens */
	assert_false(pool_take_this(&pool, 0x0b000001));
	pool_release(&pool, 0x0b000001);
}

static void test_taken_by_name(void **state)
{
	assert_int_equal(make("10.0.0.1-3"), 0);
	assert_true(pool_take_this(&pool, 0x0a000002));
	assert_int_equal(pool_take(&pool), 0x0a000001);
	assert_int_equal(pool_take(&pool), 0x0a000003);
	assert_int_equal(pool_take(&pool), 0);
	pool_release(&pool, 0x0a000002);
	assert_true(pool_take_this(&pool, 0x0a000002)); /* out of the queue's middle */
	assert_int_equal(pool_take(&pool), 0);
	pool_release(&pool, 0x0a000002);
	assert_int_equal(pool_take(&pool), 0x0a000002);
}

/* Many turns over a small pool: nobody gets what another holds, and nothing is lost. */
static void test_turns(void **state)
{
	enum { SIZE = 50 };
	bool held[SIZE] = {false};
	uint32_t count = 0, seed = 1;
	assert_int_equal(make("10.0.0.1-50"), 0);
	for (unsigned turn = 0; turn < 20000; turn++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t i = (seed >> 8) % SIZE;
		if (held[i]) {
			pool_release(&pool, 0x0a000001 + i);
			held[i] = false;
			count--;
			continue;
		}
		uint32_t address = pool_take(&pool);
		assert_int_equal(address != 0, count < SIZE);
		if (!address)
			continue;
		assert_false(held[address - 0x0a000001]);
		held[address - 0x0a000001] = true;
		count++;
		assert_int_equal(pool.used, count);
	}
}

static int done(void **state)
{
	pool_free(&pool);
	settings_free(&settings);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_taken_by_name),
		cmocka_unit_test(test_turns),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
