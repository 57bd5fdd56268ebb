/* The reaper: what it is given is closed, in any number, also what is still waiting at the end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "reaper.h"

static void test_everything_is_closed(void **state)
{
	struct reaper reaper;
	int ends[2];
	char byte;
	assert_int_equal(reaper_start(&reaper), 0);
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < 500; i++) {
		int copy = dup(ends[1]);
		assert_true(copy >= 0);
		reaper_close(&reaper, copy);
	}
	reaper_close(&reaper, ends[1]);
	/* End of file: every one of the 501 writers is gone. */
	assert_int_equal(read(ends[0], &byte, 1), 0);
	reaper_stop(&reaper);
	close(ends[0]);
}

static void test_stop_closes_what_waits(void **state)
{
	struct reaper reaper;
	int ends[2];
	char byte;
	assert_int_equal(reaper_start(&reaper), 0);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	reaper_close(&reaper, ends[1]);
	reaper_stop(&reaper);
	assert_int_equal(read(ends[0], &byte, 1), 0); /* not -EAGAIN */
	close(ends[0]);
	reaper_stop(&reaper); /* twice is harmless */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_closed),
		cmocka_unit_test(test_stop_closes_what_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
