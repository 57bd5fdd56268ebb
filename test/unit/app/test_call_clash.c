/* Calls to one address and Call ID: found whatever else is in the table, and no more once out. */
#include "expect.h"

#include "call_clash.h"

enum { SEATS = 300 };

static struct seats seats;
static struct call_clash clash;
static struct peer *const first = (struct peer *)(void *)&seats, *const second = NULL;

static struct seat *call(uint32_t address, uint16_t id, struct peer *peer)
{
	struct seat *seat = seats_take(&seats);
	assert_non_null(seat);
	seat->outer = address_ipv4(address);
	seat->peer_call_id = id;
	seat->peer = peer;
	call_clash_add(&clash, seat);
	return seat;
}

static struct seat *found(uint32_t address, uint16_t id, const struct peer *except)
{
	struct address outer = address_ipv4(address);
	return call_clash_find(&clash, &seats, &outer, id, except);
}

static int set_up(void **state)
{
	memset(&clash, 0, sizeof clash);
	return seats_init(&seats, SEATS);
}

static int tear_down(void **state)
{
	seats_free(&seats);
	return 0;
}

static void test_same_address_and_id(void **state)
{
	struct seat *zero = call(0x0a000001, 0, first);
	assert_ptr_equal(found(0x0a000001, 0, second), zero);
	assert_null(found(0x0a000001, 0, first)); /* its own tunnel may do as it likes */
	assert_null(found(0x0a000001, 1, second));
	assert_null(found(0x0a000002, 0, second));
	call_clash_remove(&clash, &seats, zero);
	call_clash_remove(&clash, &seats, zero);
	assert_null(found(0x0a000001, 0, second));
}

static void test_families_differ(void **state)
{
	struct seat *seat = call(0x0a000001, 7, first);
	struct address six = {.family = 6, .bytes = {10, 0, 0, 1}};
	assert_null(call_clash_find(&clash, &seats, &six, 7, second));
	call_clash_remove(&clash, &seats, seat);
}

static void test_many(void **state)
{
	struct seat *all[SEATS];
	for (uint32_t i = 0; i < SEATS; i++)
		all[i] = call(0x0a000000 + i / 3, (uint16_t)(i % 3), first);
	for (uint32_t i = 0; i < SEATS; i += 2)
		call_clash_remove(&clash, &seats, all[i]);
	for (uint32_t i = 0; i < SEATS; i++)
		assert_ptr_equal(found(0x0a000000 + i / 3, (uint16_t)(i % 3), second),
			i % 2 ? all[i] : NULL);
	for (uint32_t i = 1; i < SEATS; i += 2)
		call_clash_remove(&clash, &seats, all[i]);
	for (uint32_t i = 0; i < CALL_CLASH_BUCKETS; i++)
		assert_int_equal(clash.first[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_address_and_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_families_differ, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
