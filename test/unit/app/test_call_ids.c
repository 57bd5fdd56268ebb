/* Call IDs: never 0, never two at once, held back after use, and no two runs alike. */
#include "expect.h"

#include <stdlib.h>

#include "call_ids.h"

static struct call_ids ids;
static struct random generator;

static void seed(uint8_t value)
{
	uint8_t bytes[32] = {value};
	random_seed(&generator, bytes);
	call_ids_init(&ids);
}

static void test_all_once(void **state)
{
	static bool seen[CALL_IDS];
	seed(1);
	memset(seen, 0, sizeof seen);
	for (unsigned i = 1; i < CALL_IDS; i++) {
		uint16_t id = call_ids_take(&ids, &generator, 0);
		assert_int_not_equal(id, 0);
		assert_false(seen[id]);
		seen[id] = true;
	}
	assert_int_equal(call_ids_take(&ids, &generator, SECONDS(1000)), 0);
}

static void test_held(void **state)
{
	seed(2);
	uint16_t first = 0;
	for (unsigned i = 1; i < CALL_IDS; i++)
		first = call_ids_take(&ids, &generator, 0);
	call_ids_release(&ids, first, SECONDS(5));
	assert_int_equal(call_ids_take(&ids, &generator, SECONDS(5) + CALL_ID_HOLD - 1), 0);
	assert_int_equal(call_ids_take(&ids, &generator, SECONDS(5) + CALL_ID_HOLD), first);
}

static void test_unpredictable(void **state)
{
	uint16_t run[2][64];
	unsigned alike = 0, in_order = 0;
	for (unsigned r = 0; r < 2; r++) {
		seed((uint8_t)(3 + r));
		for (unsigned i = 0; i < 64; i++)
			run[r][i] = call_ids_take(&ids, &generator, 0);
	}
	for (unsigned i = 0; i < 64; i++) {
		alike += run[0][i] == run[1][i];
		in_order += i && run[0][i] == run[0][i - 1] + 1;
	}
	assert_true(alike < 4 && in_order < 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_once),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_unpredictable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
