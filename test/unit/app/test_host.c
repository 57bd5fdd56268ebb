/* What a host that never started leaves behind when it ends. */
#include "expect.h"

#include <fcntl.h>

#include "host.h"

/* A command line that is refused ends the host before it began. */
static void test_the_end_of_nothing(void **state)
{
	struct host host = {.started = 0};
	int before = fcntl(0, F_GETFD);
	host_end(&host);
	assert_int_equal(fcntl(0, F_GETFD), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_end_of_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
