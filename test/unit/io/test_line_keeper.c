/* The process that opens lines: a pty with a command, what fails, and being interrupted. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "limits.h"
#include "line_keeper.h"
#include "waiting.h"

enum { PATIENCE_MS = 10000 };

static struct line_keeper *keeper;
static struct line_opened line;
static struct tty_fault fault;
static unsigned opened, failed, closed, lost, lines;

static void on_opened(void *context, const struct line_opened *given)
{
	line = *given;
	opened++;
}

static void on_failed(void *context, const struct tty_fault *told)
{
	fault = *told;
	failed++;
}

static void on_closed(void *context)
{
	closed++;
}

static void on_log(void *context, const char *text)
{
	lines++;
}

static void on_lost(void *context)
{
	lost++;
}

static const struct line_keeper_events events = {on_opened, on_failed, on_closed, on_log, on_lost};

static struct tty_config config;

static void start(void)
{
	opened = failed = closed = lost = lines = 0;
	waiting_open();
	config.messages = -1;
	assert_int_equal(line_keeper_start(&keeper, &config), 0);
	assert_int_equal(line_keeper_attach(keeper, &loop, &events, NULL), 0);
}

static void stop(void)
{
	line_keeper_stop(keeper, SECONDS(10));
	waiting_close();
}

/* "ready" is what the command says once it has made its terminal plain. */
static void reads(const char *expected)
{
	char got[64];
	size_t length = 0;
	while (length < strlen(expected)) {
		struct pollfd fd = {.fd = line.in, .events = POLLIN};
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		ssize_t more = read(line.in, got + length, sizeof(got) - length);
		assert_true(more > 0);
		length += (size_t)more;
	}
	assert_memory_equal(got, expected, strlen(expected));
}

static void a_command_on_a_pty(void **state)
{
	config = (struct tty_config){.command = "printf ready; exec cat"};
	start();
	line_keeper_open(keeper);
	WAIT_FOR(opened == 1);
	assert_int_equal(line.in, line.out);
	assert_non_null(strstr(line.name, "/dev/pts/"));
	assert_true(fcntl(line.in, F_GETFD) & FD_CLOEXEC);
	reads("ready");
	assert_int_equal(write(line.out, "\x7e\x03\x11\xff", 4), 4);
	reads("\x7e\x03\x11\xff");
	close(line.in);
	line_keeper_close(keeper, false);
	WAIT_FOR(closed == 1);
	line_keeper_open(keeper); /* and again */
	WAIT_FOR(opened == 2);
	close(line.in);
	stop();
	assert_int_equal(failed + lost, 0);
}

static void what_cannot_be_opened(void **state)
{
	config = (struct tty_config){.device = "/dev/ttyNONE"};
	start();
	line_keeper_open(keeper);
	WAIT_FOR(failed == 1);
	assert_int_equal(fault.exit_code, 7);
	assert_non_null(strstr(fault.words, "/dev/ttyNONE"));
	line_keeper_close(keeper, false); /* there is nothing to close, and nothing is said */
	line_keeper_open(keeper);
	WAIT_FOR(failed == 2);
	assert_int_equal(closed, 0);
	stop();
}

/* A modem may dial for a minute; nobody has to wait for it. */
static void opening_is_given_up(void **state)
{
	config = (struct tty_config){.command = "exec cat", .connect = "exec sleep 1000"};
	start();
	line_keeper_open(keeper);
	line_keeper_close(keeper, false);
	WAIT_FOR(failed == 1);
	assert_int_equal(fault.exit_code, 5);
	stop();
}

static void the_end_of_the_program_gives_it_up_too(void **state)
{
	config = (struct tty_config){.command = "exec cat", .connect = "exec sleep 1000"};
	start();
	line_keeper_open(keeper);
	stop();
	assert_int_equal(opened, 0);
}

/* What the disconnect script does it does also when nobody asks any more. */
static void the_line_is_given_back_at_the_end(void **state)
{
	char path[] = "/tmp/greyline-test-XXXXXX", command[64];
	int mark = mkstemp(path);
	assert_true(mark >= 0);
	snprintf(command, sizeof(command), "printf bye >%s", path);
	config = (struct tty_config){.command = "exec cat", .disconnect = command};
	start();
	line_keeper_open(keeper);
	WAIT_FOR(opened == 1);
	close(line.in);
	stop();
	char said[4] = "";
	assert_int_equal(read(mark, said, 3), 3);
	assert_string_equal(said, "bye");
	close(mark);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_on_a_pty),
		cmocka_unit_test(what_cannot_be_opened),
		cmocka_unit_test(opening_is_given_up),
		cmocka_unit_test(the_end_of_the_program_gives_it_up_too),
		cmocka_unit_test(the_line_is_given_back_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
