/* Calls: questions to the app, calls of our own, clearing, time-outs, bounds. The table of every
 * state and every message is in test_call_states.c. */
#include "endpoint.h"

/* ---- calls they ask for ---- */

static void a_question_says_what_is_wanted(void **state)
{
	established(PAC);
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	m.outgoing_request.phone_number_length = 64;
	memset(m.outgoing_request.phone_number, '5', 64);
	assert_string_equal(say(&m), "wanted");
	struct call_wanted wanted;
	memcpy(&wanted, outbox_bytes(&out, item_of(CONTROL_CALL_WANTED, 0)), sizeof wanted);
	assert_int_equal(wanted.peer_id, PEER_ID);
	assert_int_equal(wanted.serial, 5);
	assert_int_equal(wanted.window, 3);
	assert_int_equal(wanted.maximum_speed, 10000000);
	assert_int_equal(strlen(wanted.phone_number), 64);
}

static void an_accepted_call(void **state)
{
	established(PAC);
	assert_string_equal(answer(asked(), &call, 0), "call-up OCRP1");
	assert_int_equal(item_of(CONTROL_CALL_UP, 0)->subject, SUBJECT);
	struct pptp_outgoing_reply reply = sent_message(item_of(CONTROL_BYTES, 0)).outgoing_reply;
	assert_int_equal(reply.call_id, LOCAL_ID);
	assert_int_equal(reply.peer_call_id, PEER_ID);
	assert_int_equal(reply.window, 64);
	assert_int_equal(reply.speed, 10000000); /* not above what was asked for */
	assert_int_equal(call.state, CALL_CONNECTED);
	assert_int_equal(call.local_id, LOCAL_ID);
	assert_int_equal(call.peer_id, PEER_ID);
	assert_int_equal(call.peer_window, 3);
	assert_int_equal(call.peer_speed, 10000000);
	assert_int_equal(call.serial, 5);
	assert_int_equal(call.send_accm, 0xffffffff);
	assert_int_equal(call.receive_accm, 0xffffffff);
}

static void a_refused_question(void **state)
{
	for (uint8_t refusal = 2; refusal <= 7; refusal++) {
		established(PAC);
		char expected[] = "OCRP_";
		expected[4] = (char)('0' + refusal);
		assert_string_equal(answer(asked(), NULL, refusal),
			refusal == PPTP_RESULT_GENERAL ? "OCRP2/4" : expected);
		struct pptp_outgoing_reply reply =
			sent_message(item_of(CONTROL_BYTES, 0)).outgoing_reply;
		assert_int_equal(reply.peer_call_id, PEER_ID);
		assert_int_equal(reply.call_id, 0);
		assert_int_equal(control.asked[0].token, 0);
	}
	assert_string_equal(
		answer(asked(), NULL, PPTP_REFUSAL(PPTP_RESULT_GENERAL, PPTP_ERROR_BAD_CALL_ID)),
		"OCRP2/5");
}

static void an_answer_nobody_waits_for(void **state)
{
	established(PAC);
	uint32_t token = asked();
	assert_string_equal(answer(token, NULL, PPTP_CALL_BUSY), "OCRP4");
	assert_string_equal(answer(token, NULL, PPTP_CALL_BUSY), "");
	assert_string_equal(answer(token, &call, 0), "call-down:peer-cleared");
	assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT);
	assert_int_equal(call.state, CALL_IDLE);
	assert_string_equal(answer(0, &call, 0), "call-down:peer-cleared");
	assert_string_equal(answer(token + 1, &call, 0), "call-down:peer-cleared");
	assert_int_equal(control.call_count, 0);

	/* The question went with the connection's stop; the answer came before its end. */
	established(PAC);
	token = asked();
	assert_string_equal(stop(CLOSE_SHUTDOWN), "StopCCRQ3");
	assert_string_equal(answer(token, &call, 0), "call-down:shutdown");
}

static void questions_are_answered_in_any_order(void **state)
{
	static struct call calls[CONTROL_ASKED_MAX];
	uint32_t tokens[CONTROL_ASKED_MAX];
	established(PAC);
	uint8_t stream[CONTROL_ASKED_MAX * 168];
	struct writer w = writer_over(stream, sizeof stream);
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	for (unsigned i = 0; i < CONTROL_ASKED_MAX; i++) {
		m.outgoing_request.call_id = (uint16_t)(1000 + i);
		pptp_build(&m, &w);
	}
	assert_int_equal(feed(stream, sizeof stream), sizeof stream);
	assert_int_equal(count(CONTROL_CALL_WANTED), CONTROL_ASKED_MAX);
	for (unsigned i = 0; i < CONTROL_ASKED_MAX; i++)
		tokens[i] = item_of(CONTROL_CALL_WANTED, i)->token;

	/* The array is full: the next one is told so at once. */
	m.outgoing_request.call_id = 2000;
	assert_string_equal(say(&m), "OCRP2/4");
	assert_string_equal(note(), "call refused: busy with earlier requests");

	for (int i = CONTROL_ASKED_MAX - 1; i >= 0; i--) {
		outbox_clear(&out);
		control_answer(&control, tokens[i], &calls[i], (uint16_t)(100 + i), (uint32_t)i, 0,
			now, &out);
		assert_string_equal(outcome(), "call-up OCRP1");
		assert_int_equal(calls[i].peer_id, 1000 + i);
		assert_int_equal(calls[i].local_id, 100 + i);
	}
	assert_int_equal(control.call_count, CONTROL_ASKED_MAX);
	memset(calls, 0, sizeof calls);
}

static void tokens_do_not_repeat_or_vanish(void **state)
{
	established(PAC);
	control.next_token = UINT32_MAX;
	uint32_t last = asked();
	assert_int_equal(last, UINT32_MAX);
	assert_string_equal(answer(last, NULL, PPTP_CALL_BUSY), "OCRP4");
	uint32_t first = asked();
	assert_int_equal(first, 1); /* 0 means no question */
}

static void an_impossible_phone_number(void **state)
{
	for (uint32_t length = 65; length <= 0xffff; length = length * 2 + 1) {
		established(PAC);
		struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
		m.outgoing_request.phone_number_length = (uint16_t)length;
		assert_string_equal(say(&m), "drop:control-value OCRP2/3");
		assert_int_equal(
			sent_message(item_of(CONTROL_BYTES, 0)).outgoing_reply.peer_call_id,
			PEER_ID);
	}
}

static void a_question_undecided_in_time(void **state)
{
	established(PAC);
	uint32_t token = asked();
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(10));
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "OCRP6");
	assert_string_equal(answer(token, &call, 0), "call-down:peer-cleared");
}

static void calls_have_a_limit(void **state)
{
	static struct call calls[CALLS_PER_TUNNEL];
	memset(calls, 0, sizeof calls);
	established(PAC);
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	for (unsigned i = 0; i < CALLS_PER_TUNNEL; i++) {
		m.outgoing_request.call_id = (uint16_t)(1000 + i);
		assert_string_equal(say(&m), "wanted");
		uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
		outbox_clear(&out);
		control_answer(&control, token, &calls[i], (uint16_t)(100 + i), i, 0, now, &out);
	}
	m.outgoing_request.call_id = 5000;
	assert_string_equal(say(&m), "OCRP2/4");
	assert_string_equal(note(), "call refused: as many as a tunnel may carry are up");
	/* Questions count as calls. */
	outbox_clear(&out);
	control_clear(&control, &calls[7], CLOSE_ADMIN, now, &out);
	assert_string_equal(say(&m), "wanted");
	m.outgoing_request.call_id = 5001;
	assert_string_equal(say(&m), "OCRP2/4");
}

/* ---- calls we ask for ---- */

static void what_we_ask_for(void **state)
{
	established(PNS);
	outbox_clear(&out);
	control_dial(&control, &call, LOCAL_ID, SUBJECT, "5551234", now, &out);
	assert_string_equal(outcome(), "OCRQ");
	struct pptp_outgoing_request m = sent_message(item_of(CONTROL_BYTES, 0)).outgoing_request;
	assert_int_equal(m.call_id, LOCAL_ID);
	assert_int_equal(m.serial, 0);
	assert_true(m.minimum_speed <= m.maximum_speed && m.minimum_speed > 0);
	assert_int_equal(m.bearer, 3);
	assert_int_equal(m.framing, 3);
	assert_int_equal(m.window, 64);
	assert_int_equal(m.phone_number_length, 7);
	assert_string_equal(m.phone_number, "5551234");

	static struct call second;
	memset(&second, 0, sizeof second);
	outbox_clear(&out);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT, NULL, now, &out);
	m = sent_message(item_of(CONTROL_BYTES, 0)).outgoing_request;
	assert_int_equal(m.serial, 1);
	assert_int_equal(m.phone_number_length, 0);
}

static void a_connected_call(void **state)
{
	with_call(PNS, CALL_WAIT_REPLY);
	assert_string_equal(say_type(PPTP_OUTGOING_REPLY), "call-up");
	assert_int_equal(item_of(CONTROL_CALL_UP, 0)->subject, SUBJECT);
	assert_int_equal(call.peer_id, PEER_ID);
	assert_int_equal(call.peer_window, 16);
	assert_int_equal(call.peer_speed, 64000);
	assert_int_equal(call.deadline, NEVER);
}

/* Windows says window 0 as a PAC; Call ID 0 is an ID like any other. */
static void zeros_a_peer_may_say(void **state)
{
	with_call(PNS, CALL_WAIT_REPLY);
	struct pptp_message m = call_message(PPTP_OUTGOING_REPLY);
	m.outgoing_reply.window = 0;
	m.outgoing_reply.call_id = 0;
	assert_string_equal(say(&m), "call-up");
	assert_int_equal(call.peer_window, 0);
	assert_true(call.peer_known);
	m = call_message(PPTP_CALL_DISCONNECT);
	m.call_disconnect.call_id = 0;
	m.call_disconnect.result = 0;
	assert_string_equal(say(&m), "call-down:peer-cleared");
	assert_string_equal(note(), "the peer disconnected the call: result 0 (unknown)");

	established(PAC);
	m = call_message(PPTP_OUTGOING_REQUEST);
	m.outgoing_request.call_id = 0;
	m.outgoing_request.maximum_speed = 0;
	assert_string_equal(say(&m), "wanted");
	assert_string_equal(
		answer(item_of(CONTROL_CALL_WANTED, 0)->token, &call, 0), "call-up OCRP1");
	assert_int_not_equal(sent_message(item_of(CONTROL_BYTES, 0)).outgoing_reply.speed, 0);
	m = call_message(PPTP_CALL_CLEAR);
	m.call_clear.call_id = 0;
	assert_string_equal(say(&m), "CDN4 call-down:peer-cleared");
}

static void refusals_in_words(void **state)
{
	static const struct {
		uint8_t result, error;
		uint16_t cause;
		const char *note;
	} rows[] = {
		{2, 4, 0,
			"the peer refused the call: result 2 (general error), error 4 (no "
			"resource)"},
		{3, 0, 0, "the peer refused the call: result 3 (no carrier)"},
		{4, 0, 17, "the peer refused the call: result 4 (busy), cause 17"},
		{7, 0, 0, "the peer refused the call: result 7 (do not accept)"},
		{0, 0, 0, "the peer refused the call: result 0 (unknown)"},
		{255, 255, 65535,
			"the peer refused the call: result 255 (unknown), error 255 (unknown), "
			"cause 65535"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		with_call(PNS, CALL_WAIT_REPLY);
		struct pptp_message m = call_message(PPTP_OUTGOING_REPLY);
		m.outgoing_reply.result = rows[i].result;
		m.outgoing_reply.error = rows[i].error;
		m.outgoing_reply.cause = rows[i].cause;
		assert_string_equal(say(&m), "call-down:call-refused");
		assert_string_equal(note(), rows[i].note);
		assert_int_equal(item_of(CONTROL_NOTE, 0)->subject, SUBJECT);
		assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT);
	}
}

static void one_call_id_for_two_calls(void **state)
{
	static struct call second;
	memset(&second, 0, sizeof second);
	with_call(PNS, CALL_CONNECTED);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	struct pptp_message m = call_message(PPTP_OUTGOING_REPLY);
	m.outgoing_reply.peer_call_id = LOCAL_ID + 1;
	assert_string_equal(say(&m), "drop:control-value call-down:control-protocol "
				     "call-down:control-protocol down:control-protocol");

	/* Where the second is already cleared, its ID is not learned. */
	with_call(PNS, CALL_CONNECTED);
	memset(&second, 0, sizeof second);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	control_clear(&control, &second, CLOSE_ADMIN, now, &out);
	assert_string_equal(say(&m), "");
	assert_false(second.peer_known);
}

static void dialing_where_it_cannot_be(void **state)
{
	static const struct {
		enum control_state state;
		const char *outcome;
	} rows[] = {
		{CONTROL_IDLE, "call-down:tcp-failed"},
		{CONTROL_WAIT_REPLY, "call-down:tcp-failed"},
		{CONTROL_WAIT_STOP, "call-down:admin"},
		{CONTROL_CLOSED, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		connection(PNS, OPENS, rows[i].state);
		assert_string_equal(dial(), rows[i].outcome);
		assert_int_equal(call.state, CALL_IDLE);
		assert_int_equal(control.call_count, 0);
	}
}

static void no_reply_to_our_request(void **state)
{
	with_call(PNS, CALL_WAIT_REPLY);
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(10));
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "CCRQ");
	assert_int_equal(call.state, CALL_WAIT_DISCONNECT);
	assert_string_equal(tick(start + SECONDS(20) - 1), "");
	assert_string_equal(tick(start + SECONDS(20)), "call-down:control-timeout");
	assert_int_equal(control.state, CONTROL_ESTABLISHED); /* other calls may go on */
}

/* ---- ending ---- */

static void what_a_pac_says_when_it_ends_a_call(void **state)
{
	static const struct {
		enum close_reason reason;
		const char *outcome;
	} rows[] = {
		{CLOSE_ADMIN, "CDN3 call-down:admin"},
		{CLOSE_IDLE, "CDN3 call-down:idle"},
		{CLOSE_AUTH_FAILED, "CDN3 call-down:auth-failed"},
		{CLOSE_ADDRESS_NONE, "CDN2/4 call-down:address-none"},
		{CLOSE_LOCAL_ERROR, "CDN2/4 call-down:local-error"},
		{CLOSE_PEER_CLEARED, "CDN4 call-down:peer-cleared"},
		{CLOSE_ECHO_DEAD, "CDN1 call-down:echo-dead"},
		{CLOSE_PEER_TERMINATED, "CDN1 call-down:peer-terminated"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		with_call(PAC, CALL_CONNECTED);
		assert_string_equal(clear(rows[i].reason), rows[i].outcome);
		assert_int_equal(
			sent_message(item_of(CONTROL_BYTES, 0)).call_disconnect.call_id, LOCAL_ID);
		assert_string_equal(clear(rows[i].reason), ""); /* it is idle now */
	}
	for (int reason = CLOSE_NONE + 1; reason < CLOSE_COUNT; reason++) {
		with_call(PAC, CALL_CONNECTED);
		clear((enum close_reason)reason);
		struct pptp_call_disconnect m =
			sent_message(item_of(CONTROL_BYTES, 0)).call_disconnect;
		assert_non_null(pptp_result_word(PPTP_CALL_DISCONNECT, m.result));
		assert_int_equal(m.error != 0, m.result == 2);
		assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->arg, reason);
	}
}

static void what_a_pac_said_when_it_ended_a_call(void **state)
{
	static const struct {
		uint8_t result, error;
		const char *note;
	} rows[] = {
		{1, 0, "the peer disconnected the call: result 1 (lost carrier)"},
		{2, 6,
			"the peer disconnected the call: result 2 (general error), error 6 (PAC "
			"error)"},
		{3, 0, "the peer disconnected the call: result 3 (administrative shutdown)"},
		{4, 0, "the peer disconnected the call: result 4 (clear requested)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		with_call(PNS, CALL_CONNECTED);
		struct pptp_message m = call_message(PPTP_CALL_DISCONNECT);
		m.call_disconnect.result = rows[i].result;
		m.call_disconnect.error = rows[i].error;
		assert_string_equal(say(&m), "call-down:peer-cleared");
		assert_string_equal(note(), rows[i].note);
	}
}

static void our_clear_waits_for_the_notify(void **state)
{
	with_call(PNS, CALL_CONNECTED);
	assert_string_equal(clear(CLOSE_IDLE), "CCRQ");
	assert_int_equal(sent_message(item_of(CONTROL_BYTES, 0)).call_clear.call_id, LOCAL_ID);
	assert_string_equal(
		clear(CLOSE_ADMIN), ""); /* once is enough, and the first reason stays */
	assert_string_equal(say_type(PPTP_CALL_DISCONNECT), "call-down:idle");

	with_call(PNS, CALL_CONNECTED);
	uint64_t start = now;
	assert_string_equal(clear(CLOSE_IDLE), "CCRQ");
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "call-down:idle");
}

/* Two calls cleared before their replies: notifies that name nothing we know end the oldest. */
static void notifies_in_order(void **state)
{
	static struct call second;
	memset(&second, 0, sizeof second);
	with_call(PNS, CALL_WAIT_REPLY);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	clear(CLOSE_ADMIN);
	control_clear(&control, &second, CLOSE_IDLE, now, &out);
	struct pptp_message m = call_message(PPTP_CALL_DISCONNECT);
	m.call_disconnect.call_id = 0;
	assert_string_equal(say(&m), "call-down:admin");
	assert_string_equal(say(&m), "call-down:idle");
	assert_string_equal(say(&m), "drop:control-call");

	/* One whose ID we were told is not guessed at. */
	with_call(PNS, CALL_WAIT_DISCONNECT);
	m.call_disconnect.call_id = PEER_ID + 1;
	assert_string_equal(say(&m), "drop:control-call");
}

/* The same number means their ID before ours, and a call that waits before one that does not. */
static void whose_id_a_notify_means(void **state)
{
	static struct call second;
	struct pptp_message m = call_message(PPTP_CALL_DISCONNECT);

	memset(&second, 0, sizeof second);
	with_call(PNS, CALL_CONNECTED); /* ours 257, theirs 514 */
	control_dial(&control, &second, PEER_ID, SUBJECT + 1, NULL, now, &out); /* ours 514 */
	assert_string_equal(say(&m), "call-down:peer-cleared");
	assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT);

	memset(&second, 0, sizeof second);
	with_call(PNS, CALL_CONNECTED);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	control_clear(&control, &second, CLOSE_ADMIN, now, &out);
	m.call_disconnect.call_id = LOCAL_ID;
	assert_string_equal(say(&m), "call-down:admin");
	assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT + 1);

	memset(&second, 0, sizeof second);
	with_call(PNS, CALL_CONNECTED);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	control_clear(&control, &second, CLOSE_ADMIN, now, &out);
	clear(CLOSE_IDLE);
	assert_string_equal(say(&m), "call-down:idle");
	assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT);
}

/* ---- while up ---- */

static void link_info_both_ways(void **state)
{
	for (int role = PNS; role <= PAC; role++) {
		with_call(role, CALL_CONNECTED);
		struct pptp_message m = call_message(PPTP_LINK_INFO);
		m.link_info.send_accm = 0x000a0000;
		m.link_info.receive_accm = 0x12345678;
		assert_string_equal(say(&m), "link-info");
		assert_int_equal(item_of(CONTROL_LINK_INFO, 0)->subject, SUBJECT);
		assert_int_equal(call.send_accm, 0x000a0000);
		assert_int_equal(call.receive_accm, 0x12345678);

		outbox_clear(&out);
		control_link_info(&control, &call, 7, 8, &out);
		assert_string_equal(outcome(), "SLI");
		m = sent_message(item_of(CONTROL_BYTES, 0));
		assert_int_equal(m.link_info.peer_call_id, PEER_ID);
		assert_int_equal(m.link_info.send_accm, 7);
		assert_int_equal(m.link_info.receive_accm, 8);
	}
	with_call(PNS, CALL_WAIT_REPLY); /* the peer's ID is not known yet */
	control_link_info(&control, &call, 7, 8, &out);
	assert_string_equal(outcome(), "");
}

static void line_errors_are_kept(void **state)
{
	with_call(PNS, CALL_CONNECTED);
	struct pptp_message m = call_message(PPTP_WAN_ERROR);
	assert_string_equal(say(&m), "");
	assert_int_equal(count(CONTROL_NOTE), 0); /* nothing went wrong yet */
	m.wan_error = (struct pptp_wan_error){LOCAL_ID, 1, 2, 3, 4, 5, 6};
	assert_string_equal(say(&m), "");
	assert_string_equal(note(),
		"the peer's line reports errors: CRC 1, framing 2, hardware overruns 3, "
		"buffer overruns 4, time-outs 5, alignment 6");
	assert_int_equal(call.line_errors.crc, 1);
	assert_int_equal(call.line_errors.framing, 2);
	assert_int_equal(call.line_errors.hardware_overruns, 3);
	assert_int_equal(call.line_errors.buffer_overruns, 4);
	assert_int_equal(call.line_errors.timeouts, 5);
	assert_int_equal(call.line_errors.alignment, 6);
	assert_int_equal(line_errors_sum(&call.line_errors), 21);
}

/* Whatever a peer counts, and however often it says so, the log has a bounded share of it. */
static void line_errors_do_not_fill_the_log(void **state)
{
	with_call(PNS, CALL_CONNECTED);
	struct pptp_message m = call_message(PPTP_WAN_ERROR);
	unsigned lines = 0;
	for (uint32_t errors = 1; errors <= 5000; errors++) {
		m.wan_error.timeouts = errors;
		say(&m);
		lines += count(CONTROL_NOTE);
		assert_int_equal(call.line_errors.timeouts, errors);
	}
	assert_int_equal(lines, 13); /* 1, 2, 4 .. 4096 */
	m.wan_error = (struct pptp_wan_error){
		LOCAL_ID, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	for (int i = 0; i < 3; i++) {
		say(&m);
		assert_int_equal(count(CONTROL_NOTE), i == 0);
	}
	assert_true(line_errors_sum(&call.line_errors) == 6 * (uint64_t)UINT32_MAX);
}

static void an_incoming_call_is_named(void **state)
{
	established(PNS);
	struct pptp_message m = call_message(PPTP_INCOMING_REQUEST);
	memset(m.incoming_request.dialing_number, '\n', PPTP_NAME_SIZE);
	assert_string_equal(say(&m), "ICRP3");
	assert_string_equal(note(),
		"the peer offers an incoming call from \"\\012\\012\\012\\012\\012\\012\\012\\012"
		"\\012\\012\\012\\012\\012\\012\\012\\012\"; incoming calls are not accepted");
	struct pptp_incoming_reply reply = sent_message(item_of(CONTROL_BYTES, 0)).incoming_reply;
	assert_int_equal(reply.peer_call_id, PEER_ID);
	assert_int_equal(reply.call_id, 0);
}

/* ---- the bounds of control.h ---- */

static struct call many[CALLS_PER_TUNNEL];

static void many_calls(int role, bool reply)
{
	memset(many, 0, sizeof many);
	established(role);
	for (unsigned i = 0; i < CALLS_PER_TUNNEL; i++) {
		struct pptp_message m =
			call_message(role == PAC ? PPTP_OUTGOING_REQUEST : PPTP_OUTGOING_REPLY);
		uint16_t local_id = (uint16_t)(100 + i), peer_id = (uint16_t)(1000 + i);
		if (role == PAC) {
			m.outgoing_request.call_id = peer_id;
			assert_string_equal(say(&m), "wanted");
			uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
			control_answer(&control, token, &many[i], local_id, i, 0, now, &out);
		} else {
			control_dial(&control, &many[i], local_id, i, NULL, now, &out);
			m.outgoing_reply.call_id = peer_id;
			m.outgoing_reply.peer_call_id = local_id;
			if (reply)
				assert_string_equal(say(&m), "call-up");
		}
		outbox_clear(&out);
	}
	assert_int_equal(control.call_count, CALLS_PER_TUNNEL);
}

static void bound_of_a_stop(void **state)
{
	many_calls(PAC, true);
	stop(CLOSE_SHUTDOWN);
	assert_int_equal(out.item_count, 3 * CALLS_PER_TUNNEL + 2);
	assert_int_equal(count(CONTROL_CALL_DOWN), CALLS_PER_TUNNEL);
	assert_true(out.arena_used <= 152 * CALLS_PER_TUNNEL + 16);
	for (unsigned i = 0; i < CALLS_PER_TUNNEL; i++)
		assert_int_equal(many[i].state, CALL_IDLE);
}

static void bound_of_a_loss(void **state)
{
	many_calls(PNS, true);
	control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
	assert_int_equal(out.item_count, CALLS_PER_TUNNEL + 1);
}

static void bound_of_a_tick(void **state)
{
	many_calls(PNS, false);
	uint64_t start = now;
	tick(start + SECONDS(60)); /* every reply overdue, and the keepalive due */
	assert_int_equal(out.item_count, 2 * CALLS_PER_TUNNEL + 2);
	tick(start + SECONDS(120)); /* every notify overdue, and the Echo-Reply */
	assert_int_equal(count(CONTROL_CALL_DOWN), CALLS_PER_TUNNEL);
	assert_int_equal(out.item_count, CALLS_PER_TUNNEL + 1);

	established(PAC);
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	for (m.outgoing_request.call_id = 0; m.outgoing_request.call_id < CONTROL_ASKED_MAX;
		m.outgoing_request.call_id++)
		assert_string_equal(say(&m), "wanted");
	tick(now + SECONDS(60));
	assert_int_equal(out.item_count, 3 * CONTROL_ASKED_MAX + 2);
	assert_true(out.arena_used <= (32 + CONTROL_NOTE_MAX) * CONTROL_ASKED_MAX + 16);
}

static void bound_of_an_input(void **state)
{
	many_calls(PNS, true);
	uint8_t stream[8 * PPTP_MESSAGE_MAX];
	struct writer w = writer_over(stream, sizeof stream);
	struct pptp_message m = call_message(PPTP_INCOMING_REQUEST);
	memset(m.incoming_request.dialing_number, 0xff, PPTP_NAME_SIZE);
	for (int i = 0; i < 7; i++)
		pptp_build(&m, &w);
	m = message(PPTP_STOP_REQUEST);
	m.stop.reason = 2;
	pptp_build(&m, &w);
	size_t length = writer_length(&w);
	assert_int_equal(feed(stream, length), length);
	assert_int_equal(count(CONTROL_CALL_DOWN), CALLS_PER_TUNNEL);
	assert_int_equal(count(CONTROL_DOWN), 1);
	assert_true(out.item_count <= 8 * CONTROL_MESSAGE_ITEMS + CALLS_PER_TUNNEL + 4);
	assert_true(out.arena_used <= 8 * CONTROL_MESSAGE_BYTES);
}

static void any_call_of_many_ends_alone(void **state)
{
	for (unsigned gone = 0; gone < CALLS_PER_TUNNEL; gone += 21) {
		many_calls(PNS, true);
		struct pptp_message m = call_message(PPTP_CALL_DISCONNECT);
		m.call_disconnect.call_id = (uint16_t)(1000 + gone);
		assert_string_equal(say(&m), "call-down:peer-cleared");
		assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, gone);
		assert_int_equal(control.call_count, CALLS_PER_TUNNEL - 1);
		for (unsigned i = 0; i < CALLS_PER_TUNNEL; i++)
			assert_int_equal(many[i].state, i == gone ? CALL_IDLE : CALL_CONNECTED);
		static struct call again;
		memset(&again, 0, sizeof again);
		outbox_clear(&out);
		control_dial(&control, &again, 5, 1, NULL, now, &out);
		assert_string_equal(outcome(), "OCRQ");
		static struct call beyond;
		memset(&beyond, 0, sizeof beyond);
		outbox_clear(&out);
		control_dial(&control, &beyond, 6, 1, NULL, now, &out);
		assert_string_equal(outcome(), "call-down:call-limit");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_says_what_is_wanted),
		cmocka_unit_test(an_accepted_call),
		cmocka_unit_test(a_refused_question),
		cmocka_unit_test(an_answer_nobody_waits_for),
		cmocka_unit_test(questions_are_answered_in_any_order),
		cmocka_unit_test(tokens_do_not_repeat_or_vanish),
		cmocka_unit_test(an_impossible_phone_number),
		cmocka_unit_test(a_question_undecided_in_time),
		cmocka_unit_test(calls_have_a_limit),
		cmocka_unit_test(what_we_ask_for),
		cmocka_unit_test(a_connected_call),
		cmocka_unit_test(zeros_a_peer_may_say),
		cmocka_unit_test(refusals_in_words),
		cmocka_unit_test(one_call_id_for_two_calls),
		cmocka_unit_test(dialing_where_it_cannot_be),
		cmocka_unit_test(no_reply_to_our_request),
		cmocka_unit_test(what_a_pac_says_when_it_ends_a_call),
		cmocka_unit_test(what_a_pac_said_when_it_ended_a_call),
		cmocka_unit_test(our_clear_waits_for_the_notify),
		cmocka_unit_test(notifies_in_order),
		cmocka_unit_test(whose_id_a_notify_means),
		cmocka_unit_test(link_info_both_ways),
		cmocka_unit_test(line_errors_are_kept),
		cmocka_unit_test(line_errors_do_not_fill_the_log),
		cmocka_unit_test(an_incoming_call_is_named),
		cmocka_unit_test(bound_of_a_stop),
		cmocka_unit_test(bound_of_a_loss),
		cmocka_unit_test(bound_of_a_tick),
		cmocka_unit_test(bound_of_an_input),
		cmocka_unit_test(any_call_of_many_ends_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
