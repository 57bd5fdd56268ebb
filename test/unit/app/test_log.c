/* The log: one write a line, priorities, and the bucket of lines that peers can cause. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"

static struct log log_;
static int ends[2];
static char text[65536];

static void open_log(enum log_choice style, bool debug)
{
	assert_int_equal(pipe(ends), 0);
	unsetenv("JOURNAL_STREAM");
	log_init(&log_, ends[1], style, debug);
}

static const char *close_log(void)
{
	close(ends[1]);
	ssize_t length = 0, got;
	while ((got = read(ends[0], text + length, sizeof text - 1 - (size_t)length)) > 0)
		length += got;
	text[length] = '\0';
	close(ends[0]);
	return text;
}

static unsigned lines(const char *of)
{
	unsigned count = 0;
	for (; *of; of++)
		count += *of == '\n';
	return count;
}

static void test_styles(void **state)
{
	open_log(LOG_STYLE_SYSLOG, false);
	log_line(&log_, LOG_LINE_INFO, "hello %d", 1);
	log_line(&log_, LOG_LINE_ERROR, "bad");
	log_line(&log_, LOG_LINE_DEBUG, "unseen");
	assert_string_equal(close_log(), "<6>hello 1\n<3>bad\n");
	open_log(LOG_STYLE_TIME, true);
	log_line(&log_, LOG_LINE_DEBUG, "seen");
	int year, month, day, hour, minute, second, milli, used = 0;
	assert_int_equal(sscanf(close_log(), "%4d-%2d-%2dT%2d:%2d:%2d.%3d %n", &year, &month, &day,
				 &hour, &minute, &second, &milli, &used),
		7);
	assert_string_equal(text + used, "seen\n"); /* a pipe is no terminal: no colour */
}

/* What else goes to syslog nobody here can read; what still goes to the old place can be. */
static void test_levels(void **state)
{
	open_log(LOG_STYLE_SYSLOG, false);
	log_.least = LOG_LINE_WARNING;
	log_line(&log_, LOG_LINE_INFO, "left out");
	log_line(&log_, LOG_LINE_WARNING, "told");
	log_.least = LOG_LINE_INFO;
	log_to_syslog(&log_, "greyline-test", "anon", LOG_LINE_WARNING);
	log_line(&log_, LOG_LINE_INFO, "to syslog alone");
	log_line(&log_, LOG_LINE_WARNING, "to both");
	assert_string_equal(close_log(), "<4>told\n<4>to both\n");
}

static void test_long_line(void **state)
{
	char word[3 * LOG_LINE_MAX];
	memset(word, 'x', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	open_log(LOG_STYLE_SYSLOG, false);
	log_line(&log_, LOG_LINE_INFO, "%s", word);
	log_line(&log_, LOG_LINE_INFO, "next");
	const char *got = close_log();
	assert_int_equal(lines(got), 2);
	assert_non_null(strstr(got, "x\n<6>next\n"));
}

static void test_bucket(void **state)
{
	open_log(LOG_STYLE_SYSLOG, false);
	for (unsigned i = 0; i < 1000; i++)
		log_peer(&log_, LOG_KIND_DROP, LOG_LINE_WARNING, SECONDS(10), "drop %u", i);
	/* Another kind has its own bucket; the owner's lines have none. */
	log_peer(&log_, LOG_KIND_LOGIN, LOG_LINE_INFO, SECONDS(10), "login");
	log_line(&log_, LOG_LINE_INFO, "ours");
	const char *got = close_log();
	assert_in_range(lines(got), 50, 300);
	assert_non_null(strstr(got, "<6>login\n<6>ours\n"));
	assert_null(strstr(got, "suppressed"));
}

static void test_owed(void **state)
{
	open_log(LOG_STYLE_SYSLOG, false);
	for (unsigned i = 0; i < 1000; i++)
		log_peer(&log_, LOG_KIND_DROP, LOG_LINE_WARNING, SECONDS(10), "drop");
	log_owed(&log_, SECONDS(11));
	log_owed(&log_, SECONDS(12));
	const char *got = close_log();
	unsigned said = lines(got) - 1;
	char expected[64];
	snprintf(expected, sizeof expected, "<4>%u more suppressed kind=drop\n", 1000 - said);
	assert_non_null(strstr(got, expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_owed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
