/* One readable line for any message; nothing a peer writes can forge or overflow one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "golden.h"
#include "pptp_print.h"

static char line[PPTP_LINE_MAX];

static const char *print(const uint8_t *bytes, size_t length)
{
	struct text t = text_over(line, sizeof line);
	pptp_print(&t, bytes, length);
	assert_false(t.cut);
	assert_int_equal(t.used, strlen(line));
	return line;
}

static void golden_lines(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++)
		assert_string_equal(
			print(golden[type].bytes, golden[type].length), golden[type].line);
}

static void empty_fields_are_left_out(void **state)
{
	uint8_t bytes[168];
	memcpy(bytes, golden[PPTP_OUTGOING_REQUEST].bytes, sizeof bytes);
	memset(bytes + 34, 0, sizeof bytes - 34);
	put_u32(bytes + 24, 77);
	assert_string_equal(print(bytes, sizeof bytes),
		"Outgoing-Call-Request call 4370 serial 8482 minimum-speed 300 "
		"maximum-speed 100000000 bearer 77 framing sync window 64");
}

/* But a peer without a name is shown to have none. */
static void empty_names_are_not(void **state)
{
	uint8_t bytes[156];
	memcpy(bytes, golden[PPTP_START_REQUEST].bytes, sizeof bytes);
	memset(bytes + 28, 0, 128);
	assert_string_equal(print(bytes, sizeof bytes),
		"Start-Control-Connection-Request version 1.0 framing async bearer digital "
		"channels 4660 firmware 2828 host \"\" vendor \"\"");
}

static void codes_without_a_word(void **state)
{
	uint8_t bytes[148];
	memcpy(bytes, golden[PPTP_CALL_DISCONNECT].bytes, sizeof bytes);
	memset(bytes + 14, 0, sizeof bytes - 14);
	assert_string_equal(
		print(bytes, sizeof bytes), "Call-Disconnect-Notify call 41378 result 0 (unknown)");
	bytes[14] = 200;
	bytes[15] = 201;
	assert_string_equal(print(bytes, sizeof bytes),
		"Call-Disconnect-Notify call 41378 result 200 (unknown) error 201 (unknown)");
}

static void results_in_words(void **state)
{
	struct text t = text_over(line, sizeof line);
	pptp_print_result(&t, PPTP_OUTGOING_REPLY, 2, 4);
	assert_string_equal(line, "result 2 (general error), error 4 (no resource)");
	t = text_over(line, sizeof line);
	pptp_print_result(&t, PPTP_STOP_REQUEST, 0, 0);
	assert_string_equal(line, "reason 0 (unknown)");
}

static void a_peer_cannot_forge_a_line(void **state)
{
	uint8_t bytes[156];
	memcpy(bytes, golden[PPTP_START_REQUEST].bytes, sizeof bytes);
	memcpy(bytes + 28, "a\"\nb\033[2J\\", 10);
	const char *printed = print(bytes, sizeof bytes);
	assert_non_null(strstr(printed, "host \"a\\\"\\012b\\033[2J\\\\\" vendor \"Vendor\""));
	assert_null(strchr(printed, '\n'));
	assert_null(strchr(printed, '\033'));
}

static void the_longest_lines_are_not_cut(void **state)
{
	size_t longest = 0;
	for (int type = 1; type < PPTP_TYPES; type++) {
		uint8_t bytes[PPTP_MESSAGE_MAX];
		memcpy(bytes, golden[type].bytes, PPTP_HEADER);
		memset(bytes + PPTP_HEADER, 0xff, sizeof bytes - PPTP_HEADER);
		size_t used = strlen(print(bytes, golden[type].length));
		longest = used > longest ? used : longest;
	}
	assert_true(longest > PPTP_LINE_MAX / 2); /* the case is the one meant */
}

static void garbage(void **state)
{
	uint8_t bytes[PPTP_MESSAGE_MAX];
	assert_string_equal(print(NULL, 0), "malformed control message: 0 bytes");
	assert_string_equal(
		print((const uint8_t *)"\x00", 1), "malformed control message: 1 bytes");
	memcpy(bytes, golden[PPTP_OUTGOING_REQUEST].bytes, sizeof bytes);
	assert_string_equal(
		print(bytes, 20), "malformed Outgoing-Call-Request: 20 bytes, its header says 168");
	put_u16(bytes, 20);
	assert_string_equal(
		print(bytes, 20), "malformed Outgoing-Call-Request: 20 bytes, it has 168");
	memcpy(bytes, golden[PPTP_ECHO_REQUEST].bytes, sizeof bytes);
	bytes[4] = 0x47;
	assert_string_equal(print(bytes, 16), "not a control message: magic cookie 472b3c4d");
	bytes[4] = 0x1a;
	put_u16(bytes + 8, 77);
	assert_string_equal(print(bytes, 16), "control message of unknown type 77, 16 bytes");
	put_u16(bytes + 2, 2);
	assert_string_equal(print(bytes, 16), "management message of type 77, 16 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_lines),
		cmocka_unit_test(empty_fields_are_left_out),
		cmocka_unit_test(empty_names_are_not),
		cmocka_unit_test(codes_without_a_word),
		cmocka_unit_test(results_in_words),
		cmocka_unit_test(a_peer_cannot_forge_a_line),
		cmocka_unit_test(the_longest_lines_are_not_cut),
		cmocka_unit_test(garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
