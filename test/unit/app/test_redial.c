/* When a connection is dialled again: a bounded back-off, spread by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "limits.h"
#include "redial.h"

static void it_doubles_up_to_a_bound(void **state)
{
	assert_int_equal(redial_wait(5, 0, 0), 5000); /* it had been up */
	assert_int_equal(redial_wait(5, 1, 0), 5000);
	assert_int_equal(redial_wait(5, 2, 0), 10000);
	assert_int_equal(redial_wait(5, 5, 0), 80000);
	assert_int_equal(redial_wait(5, 6, 0), 80000);
	assert_int_equal(redial_wait(5, UINT32_MAX, 0), 80000);
	assert_int_equal(redial_wait(60, 5, 0), REDIAL_WAIT_MAX / 1000);
	assert_int_equal(redial_wait(86400, 9, 0), 86400000); /* longer by the user's own wish */
	assert_int_equal(redial_wait(0, 9, UINT32_MAX), 0);
}

static void chance_adds_up_to_half_of_it(void **state)
{
	assert_int_equal(redial_wait(10, 1, UINT32_MAX / 2 + 1), 12500);
	assert_int_equal(redial_wait(10, 1, UINT32_MAX), 14999);
	assert_int_equal(redial_wait(10, 2, UINT32_MAX), 29999);
	assert_int_equal(redial_wait(86400, 1, UINT32_MAX), 129599999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_doubles_up_to_a_bound),
		cmocka_unit_test(chance_adds_up_to_half_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
