/* Incoming calls: what the three messages say, questions, refusals, time-outs, and how each side
 * ends one (RFC 2637 §2.9 to §2.11, §3.2.1). Every state and message: test_call_states.c. */
#include "endpoint.h"

static struct call_wanted wanted_now(void)
{
	struct call_wanted wanted;
	const struct out_item *item = item_of(CONTROL_CALL_WANTED, 0);
	assert_int_equal(item->length, sizeof wanted);
	memcpy(&wanted, outbox_bytes(&out, item), sizeof wanted);
	return wanted;
}

static void what_a_pac_says(void **state)
{
	established(RINGS);
	outbox_clear(&out);
	control_dial(&control, &call, LOCAL_ID, SUBJECT, "5551234", now, &out);
	assert_string_equal(outcome(), "ICRQ");
	struct pptp_incoming_request q = sent_message(item_of(CONTROL_BYTES, 0)).incoming_request;
	assert_int_equal(q.call_id, LOCAL_ID);
	assert_int_equal(q.serial, call.serial);
	assert_int_equal(q.bearer, PPTP_BEARER_DIGITAL);
	assert_int_equal(q.dialed_length, 7);
	assert_memory_equal(q.dialed_number, "5551234", 8);
	assert_int_equal(q.dialing_length, 0);
	assert_true(call.pac);
	assert_false(call.peer_known);

	assert_string_equal(say_type(PPTP_INCOMING_REPLY), "call-up ICCN");
	assert_int_equal(item_of(CONTROL_CALL_UP, 0)->subject, SUBJECT);
	struct pptp_incoming_connected c =
		sent_message(item_of(CONTROL_BYTES, 0)).incoming_connected;
	assert_int_equal(c.peer_call_id, PEER_ID);
	assert_int_equal(c.window, 64);
	assert_int_equal(c.speed, 100000000);
	assert_int_equal(c.framing, PPTP_FRAMING_SYNC);
	assert_int_equal(call.peer_id, PEER_ID);
	assert_int_equal(call.peer_window, 17);

	/* The next call has another serial number. */
	static struct call second;
	memset(&second, 0, sizeof second);
	outbox_clear(&out);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	q = sent_message(item_of(CONTROL_BYTES, 0)).incoming_request;
	assert_int_equal(q.serial, call.serial + 1);
	assert_int_equal(q.dialed_length, 0);
}

static void what_a_pns_says(void **state)
{
	established(TAKES);
	struct pptp_message m = call_message(PPTP_INCOMING_REQUEST);
	m.incoming_request.dialed_length = 64;
	memset(m.incoming_request.dialed_number, '5', 64);
	m.incoming_request.dialing_length = 3;
	memcpy(m.incoming_request.dialing_number, "777", 3);
	assert_string_equal(say(&m), "wanted");
	struct call_wanted wanted = wanted_now();
	assert_true(wanted.incoming);
	assert_int_equal(wanted.peer_id, PEER_ID);
	assert_int_equal(wanted.serial, 6);
	assert_int_equal(strlen(wanted.phone_number), 64);
	assert_string_equal(wanted.calling_number, "777");

	uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
	assert_string_equal(answer(token, &call, 0), "ICRP1");
	struct pptp_incoming_reply r = sent_message(item_of(CONTROL_BYTES, 0)).incoming_reply;
	assert_int_equal(r.call_id, LOCAL_ID);
	assert_int_equal(r.peer_call_id, PEER_ID);
	assert_int_equal(r.window, 64);
	assert_int_equal(call.state, CALL_WAIT_CONNECT);
	assert_int_equal(call.peer_id, PEER_ID);
	assert_int_equal(call.serial, 6);
	assert_true(call.peer_known);
	assert_false(call.pac);

	assert_string_equal(say_type(PPTP_INCOMING_CONNECTED), "call-up");
	assert_int_equal(item_of(CONTROL_CALL_UP, 0)->subject, SUBJECT);
	assert_int_equal(call.peer_window, 18);
	assert_int_equal(call.peer_speed, 128000);
}

static void an_outgoing_question_is_not_incoming(void **state)
{
	established(TAKES);
	asked();
	assert_false(wanted_now().incoming);
	assert_string_equal(
		answer(item_of(CONTROL_CALL_WANTED, 0)->token, &call, 0), "call-up OCRP1");
	assert_true(call.pac);
}

/* An Incoming-Call-Reply knows general errors and "do not accept", and no more. */
static void refusals_of_a_pns(void **state)
{
	for (uint8_t refusal = 2; refusal <= 7; refusal++) {
		established(TAKES);
		assert_string_equal(answer(asked_incoming(), NULL, refusal),
			refusal == PPTP_RESULT_GENERAL ? "ICRP2/4" : "ICRP3");
		struct pptp_incoming_reply r =
			sent_message(item_of(CONTROL_BYTES, 0)).incoming_reply;
		assert_int_equal(r.peer_call_id, PEER_ID);
		assert_int_equal(r.call_id, 0);
	}
	established(TAKES);
	uint32_t token = asked_incoming();
	assert_string_equal(tick(now + SECONDS(10)), "ICRP3");
	assert_string_equal(answer(token, &call, 0), "call-down:peer-cleared");
}

static void a_refusal_in_words(void **state)
{
	with_incoming(RINGS, CALL_WAIT_REPLY);
	struct pptp_message m = call_message(PPTP_INCOMING_REPLY);
	m.incoming_reply.result = 3;
	assert_string_equal(say(&m), "call-down:call-refused");
	assert_string_equal(note(), "the peer refused the call: result 3 (do not accept)");
	with_incoming(RINGS, CALL_WAIT_REPLY);
	m.incoming_reply.result = 2;
	m.incoming_reply.error = 4;
	assert_string_equal(say(&m), "call-down:call-refused");
}

static void an_impossible_number(void **state)
{
	for (int dialing = 0; dialing < 2; dialing++) {
		established(TAKES);
		struct pptp_message m = call_message(PPTP_INCOMING_REQUEST);
		*(dialing ? &m.incoming_request.dialing_length
			  : &m.incoming_request.dialed_length) = 65;
		assert_string_equal(say(&m), "drop:control-value ICRP2/3");
		*(dialing ? &m.incoming_request.dialing_length
			  : &m.incoming_request.dialed_length) = 64;
		assert_string_equal(say(&m), "wanted");
	}
}

static void both_kinds_share_the_limits(void **state)
{
	established(TAKES);
	struct pptp_message in = call_message(PPTP_INCOMING_REQUEST);
	struct pptp_message outgoing = call_message(PPTP_OUTGOING_REQUEST);
	for (unsigned i = 0; i < CONTROL_ASKED_MAX; i++) {
		in.incoming_request.call_id = outgoing.outgoing_request.call_id =
			(uint16_t)(1000 + i);
		assert_string_equal(say(i % 2 ? &in : &outgoing), "wanted");
		assert_string_equal(say(i % 2 ? &outgoing : &in),
			i % 2 ? "drop:control-value OCRP2/5" : "drop:control-value ICRP2/5");
	}
	in.incoming_request.call_id = 2000;
	assert_string_equal(say(&in), "ICRP2/4");
	assert_string_equal(note(), "call refused: busy with earlier requests");
}

static void one_call_id_for_two_calls(void **state)
{
	static struct call second;
	with_incoming(RINGS, CALL_CONNECTED);
	memset(&second, 0, sizeof second);
	control_dial(&control, &second, LOCAL_ID + 1, SUBJECT + 1, NULL, now, &out);
	struct pptp_message m = call_message(PPTP_INCOMING_REPLY);
	m.incoming_reply.peer_call_id = LOCAL_ID + 1;
	assert_string_equal(say(&m), "drop:control-value call-down:control-protocol "
				     "call-down:control-protocol down:control-protocol");
}

static void no_reply_to_a_pac(void **state)
{
	with_incoming(RINGS, CALL_WAIT_REPLY);
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(10));
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "CDN1 call-down:control-timeout");
	assert_int_equal(sent_message(item_of(CONTROL_BYTES, 0)).call_disconnect.call_id, LOCAL_ID);
	/* The reply that comes too late finds nothing. */
	assert_string_equal(say_type(PPTP_INCOMING_REPLY), "drop:control-call");
}

static void no_connected_from_a_pac(void **state)
{
	with_incoming(TAKES, CALL_WAIT_CONNECT);
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(10));
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "CCRQ");
	assert_int_equal(call.state, CALL_WAIT_DISCONNECT);
	assert_string_equal(say_type(PPTP_INCOMING_CONNECTED), "drop:control-state");
	assert_string_equal(tick(start + SECONDS(20)), "call-down:control-timeout");
	assert_int_equal(call.state, CALL_IDLE);
}

/* A server is PAC of the calls it was asked for and PNS of those that came in. */
static void each_call_ends_by_its_own_role(void **state)
{
	static struct call outgoing;
	with_incoming(TAKES, CALL_CONNECTED);
	memset(&outgoing, 0, sizeof outgoing);
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	m.outgoing_request.call_id = PEER_ID + 1;
	assert_string_equal(say(&m), "wanted");
	uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
	outbox_clear(&out);
	control_answer(&control, token, &outgoing, LOCAL_ID + 1, SUBJECT + 1, 0, now, &out);
	assert_string_equal(outcome(), "call-up OCRP1");
	outbox_clear(&out);
	control_clear(&control, &outgoing, CLOSE_ADMIN, now, &out);
	assert_string_equal(outcome(), "CDN3 call-down:admin");
	assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
	assert_string_equal(say_type(PPTP_CALL_DISCONNECT), "call-down:admin");

	with_incoming(RINGS, CALL_CONNECTED);
	assert_string_equal(clear(CLOSE_IDLE), "CDN3 call-down:idle");

	with_incoming(TAKES, CALL_WAIT_CONNECT);
	assert_string_equal(stop(CLOSE_SHUTDOWN), "CCRQ call-down:shutdown StopCCRQ3");
	with_incoming(RINGS, CALL_WAIT_REPLY);
	assert_string_equal(stop(CLOSE_SHUTDOWN), "CDN3 call-down:shutdown StopCCRQ3");
	with_incoming(TAKES, CALL_WAIT_CONNECT);
	outbox_clear(&out);
	control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
	assert_string_equal(outcome(), "call-down:tcp-closed down:tcp-closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pac_says),
		cmocka_unit_test(what_a_pns_says),
		cmocka_unit_test(an_outgoing_question_is_not_incoming),
		cmocka_unit_test(refusals_of_a_pns),
		cmocka_unit_test(a_refusal_in_words),
		cmocka_unit_test(an_impossible_number),
		cmocka_unit_test(both_kinds_share_the_limits),
		cmocka_unit_test(one_call_id_for_two_calls),
		cmocka_unit_test(no_reply_to_a_pac),
		cmocka_unit_test(no_connected_from_a_pac),
		cmocka_unit_test(each_call_ends_by_its_own_role),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
