/* The lists of reasons: every one has its own word, a sentence, and the exit code pppd gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reason.h"

/* Words are counter names and log values: lower case, digits and hyphens. */
static void check_word(const char *word)
{
	assert_non_null(word);
	assert_true(strlen(word) > 0 && strlen(word) < 32);
	assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(word));
}

static void drops(void **state)
{
	assert_true(DROP_COUNT > 0);
	for (int n = 0; n < DROP_COUNT; n++) {
		check_word(drop_word((enum drop)n));
		assert_true(strlen(drop_sentence((enum drop)n)) > strlen("x y"));
		assert_true(drop_room((enum drop)n) <= ROOM_IO);
		for (int m = 0; m < n; m++)
			assert_string_not_equal(drop_word((enum drop)n), drop_word((enum drop)m));
	}
	assert_string_equal(drop_word(DROP_GRE_SHORT), "gre-short");
	assert_string_equal(drop_word(DROP_MPPE_CLEAR), "mppe-clear");
	assert_int_equal(drop_room(DROP_CONTROL_COOKIE), ROOM_PPTP);
	assert_int_equal(drop_room(DROP_GRE_SHORT), ROOM_DATAPATH);
	assert_int_equal(drop_room(DROP_FRAME_SHORT), ROOM_PPP);
}

static void closes(void **state)
{
	assert_true(CLOSE_COUNT > 0);
	for (int n = 0; n < CLOSE_COUNT; n++) {
		check_word(close_word((enum close_reason)n));
		assert_true(strlen(close_sentence((enum close_reason)n)) > strlen("x y"));
		assert_true(close_exit_code((enum close_reason)n) >= 0);
		assert_true(close_exit_code((enum close_reason)n) <= 21);
		for (int m = 0; m < n; m++)
			assert_string_not_equal(
				close_word((enum close_reason)n), close_word((enum close_reason)m));
	}
}

static void exit_codes_are_pppds(void **state)
{
	assert_int_equal(close_exit_code(CLOSE_AUTH_FAILED), 11);
	assert_int_equal(close_exit_code(CLOSE_AUTH_WE_FAILED), 19);
	assert_int_equal(close_exit_code(CLOSE_ECHO_DEAD), 15);
	assert_int_equal(close_exit_code(CLOSE_LOOPBACK), 17);
	assert_int_equal(close_exit_code(CLOSE_IDLE), 12);
	assert_int_equal(close_exit_code(CLOSE_MAX_CONNECT), 13);
	assert_int_equal(close_exit_code(CLOSE_TRAFFIC_LIMIT), 20);
	assert_int_equal(close_exit_code(CLOSE_WAY_CHANGED), 16);
	assert_int_equal(close_exit_code(CLOSE_LCP_TIMEOUT), 10);
	assert_int_equal(close_exit_code(CLOSE_CALL_REFUSED), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops),
		cmocka_unit_test(closes),
		cmocka_unit_test(exit_codes_are_pppds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
