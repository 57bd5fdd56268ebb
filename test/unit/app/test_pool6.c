/* The IPv6 pool: /64s in order, the server's own, what was given back comes last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pool6.h"

static const char *shown(const struct address *address)
{
	static char text[64];
	struct text t = text_over(text, sizeof text);
	text_address(&t, address);
	return text;
}

static void in_order(void **state)
{
	struct prefix prefix = {.address = {6, {0xfd, 0, 0, 0x98, 0, 0, 0, 0x10}}, .length = 62};
	struct pool6 pool;
	assert_int_equal(pool6_init(&pool, &prefix, 64), 0);
	pool6_keep_first(&pool);
	struct address own = pool6_own(&pool);
	assert_string_equal(shown(&own), "fd00:98:0:10::1");
	struct prefix a = pool6_take(&pool), b = pool6_take(&pool), c = pool6_take(&pool);
	assert_string_equal(shown(&a.address), "fd00:98:0:11::");
	assert_string_equal(shown(&b.address), "fd00:98:0:12::");
	assert_string_equal(shown(&c.address), "fd00:98:0:13::");
	assert_int_equal(a.length, 64);
	assert_int_equal(pool6_take(&pool).length, 0);
	pool6_release(&pool, &b);
	pool6_release(&pool, &a);
	struct prefix again = pool6_take(&pool);
	assert_string_equal(shown(&again.address), "fd00:98:0:11::");
	again = pool6_take(&pool);
	assert_string_equal(shown(&again.address), "fd00:98:0:12::");
	struct prefix foreign = {.address = {6, {0x20, 1}}, .length = 64};
	pool6_release(&pool, &foreign);
	assert_int_equal(pool6_take(&pool).length, 0);
	pool6_free(&pool);
}

static void large(void **state)
{
	struct prefix prefix = {.address = {6, {0xfd}}, .length = 8};
	struct pool6 pool;
	assert_int_equal(pool6_init(&pool, &prefix, 64), 0);
	pool6_keep_first(&pool);
	assert_int_equal(pool.size, POOL6_MAX);
	uint32_t count = 0;
	while (pool6_take(&pool).length)
		count++;
	assert_int_equal(count, POOL6_MAX - 1);
	pool6_free(&pool);
}

/* Prefixes for routers: the first is nobody's, and who comes again gets what he had. */
static void shorter(void **state)
{
	struct prefix prefix = {.address = {6, {0xfd, 0, 0, 0x99}}, .length = 40};
	struct pool6 pool;
	assert_int_equal(pool6_init(&pool, &prefix, 56), 0);
	assert_int_equal(pool.size, POOL6_MAX);
	struct prefix a = pool6_take(&pool), b = pool6_take(&pool);
	assert_string_equal(shown(&a.address), "fd00:99::");
	assert_string_equal(shown(&b.address), "fd00:99:0:100::");
	assert_int_equal(b.length, 56);
	struct prefix wish = {.address = {6, {0xfd, 0, 0, 0x99, 0, 7, 3}}, .length = 56};
	struct prefix c = pool6_take_like(&pool, &wish);
	assert_string_equal(shown(&c.address), "fd00:99:7:300::");
	struct prefix d = pool6_take_like(&pool, &wish); /* taken */
	assert_string_equal(shown(&d.address), "fd00:99:0:200::");
	pool6_release(&pool, &c);
	c = pool6_take_like(&pool, &wish);
	assert_string_equal(shown(&c.address), "fd00:99:7:300::");
	wish.address.bytes[0] = 0xfe;
	d = pool6_take_like(&pool, &wish); /* another's */
	assert_string_equal(shown(&d.address), "fd00:99:0:300::");
	pool6_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order), cmocka_unit_test(large), cmocka_unit_test(shorter)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
