/* Bugs that shipped in other PPTP programs, each as the input that did it. */
#include "endpoint.h"

#include <stdlib.h>

#include "golden.h"

/* The bytes at the end of a page of their own, as far as a sanitizer is concerned. */
static const char *say_exact(const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, length);
	outbox_clear(&out);
	size_t at = 0, taken;
	while (at < length && (taken = control_input(&control, exact + at, length - at, now, &out)))
		at += taken;
	free(exact);
	return outcome();
}

static const char *const lost_length =
	"drop:control-length call-down:control-protocol down:control-protocol";

/* poptop: a length below the header made the size of the next read negative. */
static void cve_2003_0213_length_below_the_header(void **state)
{
	for (uint16_t length = 0; length < PPTP_HEADER; length++) {
		with_call(PAC, CALL_CONNECTED);
		uint8_t bytes[PPTP_MESSAGE_MAX] = {0};
		memcpy(bytes, golden[PPTP_ECHO_REQUEST].bytes, 16);
		put_u16(bytes, length);
		assert_string_equal(say_exact(bytes, sizeof bytes), lost_length);
		/* Two bytes are enough to know. */
		with_call(PAC, CALL_CONNECTED);
		assert_string_equal(say_exact(bytes, 2), lost_length);
	}
}

/* FreeBSD D57383, accel-ppp 2ad648c3: a length that is not the type's own was believed. */
static void freebsd_d57383_length_not_the_types_own(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		for (uint16_t length = PPTP_HEADER; length < 300; length++) {
			if (length == golden[type].length)
				continue;
			with_call(PAC, CALL_CONNECTED);
			uint8_t bytes[300] = {0};
			memcpy(bytes, golden[type].bytes, sizeof golden[type].bytes);
			put_u16(bytes, length);
			assert_string_equal(say_exact(bytes, sizeof bytes), lost_length);
			assert_int_equal(control.state, CONTROL_CLOSED);
		}
	}
}

/* npppd: a length of zero never advanced, and the framer never returned. */
static void npppd_zero_length_never_advances(void **state)
{
	static const uint8_t zeros[4096];
	with_call(PAC, CALL_CONNECTED);
	size_t taken = feed(zeros, sizeof zeros);
	assert_string_equal(outcome(), lost_length);
	assert_int_equal(feed(zeros + taken, sizeof zeros - taken), 0);
	assert_int_equal(out.item_count, 0);
}

static void a_bad_cookie_closes_at_once(void **state)
{
	with_call(PAC, CALL_CONNECTED);
	uint8_t bytes[32];
	memcpy(bytes, golden[PPTP_ECHO_REQUEST].bytes, 16);
	memcpy(bytes + 16, golden[PPTP_ECHO_REQUEST].bytes, 16);
	bytes[7] ^= 1;
	assert_string_equal(say_exact(bytes, sizeof bytes),
		"drop:control-cookie call-down:control-protocol down:control-protocol");
	assert_string_equal(note(), "the control connection makes no sense any more: control "
				    "message without the magic cookie, it begins "
				    "001000011a2b3c4c00050000");
}

/* accel-ppp, pptp_read: what followed the first message of a segment was lost or read twice. */
static void accel_ppp_several_messages_in_one_segment(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	uint8_t stream[1024];
	struct writer w = writer_over(stream, sizeof stream);
	struct pptp_message m = message(PPTP_START_REQUEST);
	pptp_build(&m, &w);
	m = call_message(PPTP_OUTGOING_REQUEST);
	pptp_build(&m, &w);
	m = message(PPTP_ECHO_REQUEST);
	pptp_build(&m, &w);
	m = call_message(PPTP_CALL_CLEAR);
	pptp_build(&m, &w);
	m = message(PPTP_STOP_REQUEST);
	pptp_build(&m, &w);
	const char *expected = "SCCRP1 up wanted EchoRP1 CDN4 StopCCRP1 down:peer-stopped";
	size_t length = writer_length(&w);
	assert_string_equal(say_exact(stream, length), expected);

	/* accel-ppp 5ca46e28 and kin: one message in many segments, cut in two anywhere. */
	for (size_t cut = 1; cut < length; cut++) {
		connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
		assert_int_equal(control_input(&control, stream, cut, now, &out), cut);
		assert_int_equal(control_input(&control, stream + cut, length - cut, now, &out),
			length - cut);
		assert_string_equal(outcome(), expected);
	}
	/* Or one byte at a time. */
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(control_input(&control, stream + i, 1, now, &out), 1);
	assert_string_equal(outcome(), expected);
}

/* accel-ppp: SCCRQ, OCRQ and Call-Clear before the session was up freed it under its owner. */
static void cve_2021_42870_clear_before_the_session_is_up(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	assert_string_equal(say_type(PPTP_START_REQUEST), "SCCRP1 up");
	uint32_t token = asked();
	assert_string_equal(say_type(PPTP_CALL_CLEAR), "CDN4");
	assert_string_equal(say_type(PPTP_CALL_CLEAR), "drop:control-call");
	/* The app's answer comes after; its memory is not threaded. */
	assert_string_equal(answer(token, &call, 0), "call-down:peer-cleared");
	assert_int_equal(call.state, CALL_IDLE);
	assert_int_equal(control.call_count, 0);
	assert_null(control.calls);
	/* The same ID may be asked for again, under a new token. */
	uint32_t again = asked();
	assert_int_not_equal(again, token);
	assert_string_equal(answer(token, NULL, 2), "");
	assert_string_equal(answer(again, &call, 0), "call-up OCRP1");
}

/* pptp-linux: a call was used after its close. Here its memory turns to poison when it goes down,
 * and everything that names it still arrives. */
static void pptp_linux_use_after_call_close(void **state)
{
	for (int role = PNS; role <= PAC; role++) {
		with_call(role, CALL_CONNECTED);
		assert_string_equal(say_type(PPTP_CALL_DISCONNECT), "call-down:peer-cleared");
		struct call poison;
		memset(&poison, 0xdd, sizeof poison);
		memcpy(&call, &poison, sizeof call);
		for (int type = 1; type < PPTP_TYPES; type++)
			say_type((enum pptp_type)type);
		assert_memory_equal(&call, &poison, sizeof call);
	}
}

/* Windows: a second Stop-Reply, and one that answered nothing, freed the tunnel twice. */
static void cve_2022_23270_double_free_on_stop_reply(void **state)
{
	with_call(PAC, CALL_CONNECTED);
	assert_string_equal(say_type(PPTP_STOP_REPLY), "drop:control-state");
	assert_int_equal(call.state, CALL_CONNECTED);
	assert_string_equal(stop(CLOSE_ADMIN), "CDN3 call-down:admin StopCCRQ1");
	uint8_t twice[32];
	memcpy(twice, golden[PPTP_STOP_REPLY].bytes, 16);
	memcpy(twice + 16, golden[PPTP_STOP_REPLY].bytes, 16);
	assert_string_equal(say_exact(twice, sizeof twice), "down:admin");
	assert_string_equal(say_exact(twice, sizeof twice), "");
	assert_string_equal(stop(CLOSE_ADMIN), "");
}

/* Windows: any message before authentication and out of its state was a null dereference. All
 * sequences of two messages in every state, both roles and both openers. */
static void cve_2022_23253_unexpected_message_in_a_state(void **state)
{
	for (int way = 0; way < 4; way++) {
		for (int s = CONTROL_IDLE; s <= CONTROL_CLOSED; s++) {
			bool opens = way & 1;
			if (s == CONTROL_WAIT_REPLY ? !opens : s == CONTROL_WAIT_REQUEST && opens)
				continue;
			for (int pair = 0; pair < 15 * 15; pair++) {
				connection(way & 2 ? PAC : PNS, opens, (enum control_state)s);
				say_type((enum pptp_type)(1 + pair / 15));
				say_type((enum pptp_type)(1 + pair % 15));
				uint64_t soon = control_deadline(&control);
				if (control.state == CONTROL_IDLE ||
					control.state == CONTROL_CLOSED)
					assert_int_equal(soon, NEVER);
				else
					assert_true(soon > now && soon < NEVER);
			}
		}
	}
}

/* poptop, stimeout: a client that connected and said nothing, or said it slowly, held a slot. */
static void poptop_a_slow_client(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	uint64_t start = now;
	for (unsigned i = 0; i < 9; i++) {
		now = start + SECONDS(i + 1);
		feed(golden[PPTP_START_REQUEST].bytes + i, 1);
		assert_int_equal(out.item_count, 0);
	}
	assert_string_equal(tick(start + SECONDS(10)), "down:control-timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cve_2003_0213_length_below_the_header),
		cmocka_unit_test(freebsd_d57383_length_not_the_types_own),
		cmocka_unit_test(npppd_zero_length_never_advances),
		cmocka_unit_test(a_bad_cookie_closes_at_once),
		cmocka_unit_test(accel_ppp_several_messages_in_one_segment),
		cmocka_unit_test(cve_2021_42870_clear_before_the_session_is_up),
		cmocka_unit_test(pptp_linux_use_after_call_close),
		cmocka_unit_test(cve_2022_23270_double_free_on_stop_reply),
		cmocka_unit_test(cve_2022_23253_unexpected_message_in_a_state),
		cmocka_unit_test(poptop_a_slow_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
