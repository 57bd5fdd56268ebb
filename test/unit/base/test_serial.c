/* Sequence numbers over the wrap of 32 bits (RFC 1982). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "serial.h"

static void distances(void **state)
{
	assert_int_equal(serial_distance(7, 5), 2);
	assert_int_equal(serial_distance(5, 7), -2);
	assert_int_equal(serial_distance(1, UINT32_MAX), 2);
	assert_int_equal(serial_distance(UINT32_MAX, 1), -2);
	assert_int_equal(serial_distance(0x80000000u, 1), INT32_MAX);
	assert_int_equal(serial_distance(0x80000000u, 0), INT32_MIN);
}

static void order(void **state)
{
	assert_true(serial_after(1, 0));
	assert_false(serial_after(0, 1));
	assert_false(serial_after(9, 9));
	assert_true(serial_after(0, UINT32_MAX));
	assert_false(serial_after(UINT32_MAX, 0));
	assert_true(serial_after(0x7fffffffu, 0));
	assert_false(serial_after(0x80000001u, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
