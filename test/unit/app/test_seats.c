/* The session table: handles that go stale, seats that do not move, the limit. */
#include "expect.h"

#include <stdlib.h>

#include "seats.h"

static void test_handles(void **state)
{
	struct seats seats;
	assert_int_equal(seats_init(&seats, 3), 0);
	struct seat *a = seats_take(&seats), *b = seats_take(&seats), *c = seats_take(&seats);
	assert_true(a && b && c && a != b && b != c);
	assert_null(seats_take(&seats));
	uint32_t handle = seat_subject(b);
	assert_int_not_equal(handle, 0);
	assert_ptr_equal(seats_find(&seats, handle), b);
	b->user = strdup("somebody");
	seats_release(&seats, b);
	assert_null(seats_find(&seats, handle));
	struct seat *again = seats_take(&seats);
	assert_ptr_equal(again, b);
	assert_null(again->user);
	assert_int_equal(again->session.state, SESSION_FREE);
	assert_int_not_equal(seat_subject(again), handle);
	assert_null(seats_find(&seats, handle));
	assert_null(seats_find(&seats, subject_make(4000, 1)));
	seats_free(&seats);
}

/* A generation that wraps never makes the handle 0, and the index stays. */
static void test_generations(void **state)
{
	struct seats seats;
	assert_int_equal(seats_init(&seats, 1), 0);
	struct seat *seat = seats_take(&seats);
	seats_release(&seats, seat);
	seat->generation = SUBJECT_GENERATION_MAX;
	assert_ptr_equal(seats_take(&seats), seat);
	assert_int_equal(subject_index(seat_subject(seat)), 0);
	seats_release(&seats, seat);
	assert_ptr_equal(seats_take(&seats), seat);
	assert_int_equal(seat->generation, 1);
	seats_free(&seats);
}

static void test_many(void **state)
{
	enum { MANY = 1000 };
	static struct seat *taken[MANY];
	struct seats seats;
	uint32_t at = 0, count = 0;
	assert_int_equal(seats_init(&seats, MANY), 0);
	for (unsigned i = 0; i < MANY; i++) {
		taken[i] = seats_take(&seats);
		assert_non_null(taken[i]);
	}
	assert_null(seats_take(&seats));
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(seats_find(&seats, seat_subject(taken[i])), taken[i]);
	for (unsigned i = 0; i < MANY; i += 2)
		seats_release(&seats, taken[i]);
	while (seats_next(&seats, &at))
		count++;
	assert_int_equal(count, MANY / 2);
	assert_int_equal(seats.taken, MANY / 2);
	seats_free(&seats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
