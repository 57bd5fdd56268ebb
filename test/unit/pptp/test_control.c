/* The control connection: every state and every message, the start, the keepalive, the stop. */
#include "endpoint.h"

/* ---- every state x every message, and an unknown one ---- */

#define DROP "drop:control-state"

struct cell {
	const char *outcome;
	enum control_state next;
};

#define STAY(state, words)                                                                         \
	{                                                                                          \
		words, CONTROL_##state                                                             \
	}
#define ENDS(words, reason)                                                                        \
	{                                                                                          \
		words " down:" reason, CONTROL_CLOSED                                              \
	}

/* Columns: idle and closed take nothing and are checked apart. */
static const struct {
	enum pptp_type type;
	struct cell wait_request, wait_reply, established, wait_stop;
} connection_table[] = {
	{PPTP_START_REQUEST, {"SCCRP1 up", CONTROL_ESTABLISHED}, STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "SCCRP3 " DROP), STAY(WAIT_STOP, DROP)},
	{PPTP_START_REPLY, STAY(WAIT_REQUEST, DROP), {"up", CONTROL_ESTABLISHED},
		STAY(ESTABLISHED, DROP), STAY(WAIT_STOP, DROP)},
	{PPTP_STOP_REQUEST, ENDS("StopCCRP1", "peer-stopped"), ENDS("StopCCRP1", "peer-stopped"),
		ENDS("StopCCRP1", "peer-stopped"), ENDS("StopCCRP1", "admin")},
	{PPTP_STOP_REPLY, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP), STAY(ESTABLISHED, DROP),
		{"down:admin", CONTROL_CLOSED}},
	{PPTP_ECHO_REQUEST, STAY(WAIT_REQUEST, "EchoRP2/1 " DROP),
		STAY(WAIT_REPLY, "EchoRP2/1 " DROP), STAY(ESTABLISHED, "EchoRP1"),
		STAY(WAIT_STOP, "EchoRP1")},
	{PPTP_ECHO_REPLY, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP), STAY(ESTABLISHED, DROP),
		STAY(WAIT_STOP, "")},
	{PPTP_OUTGOING_REQUEST, STAY(WAIT_REQUEST, "OCRP2/1 " DROP),
		STAY(WAIT_REPLY, "OCRP2/1 " DROP), STAY(ESTABLISHED, "wanted"),
		STAY(WAIT_STOP, "")},
	{PPTP_OUTGOING_REPLY, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_INCOMING_REQUEST, STAY(WAIT_REQUEST, "ICRP2/1 " DROP),
		STAY(WAIT_REPLY, "ICRP2/1 " DROP), STAY(ESTABLISHED, "ICRP3"), STAY(WAIT_STOP, "")},
	{PPTP_INCOMING_REPLY, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_INCOMING_CONNECTED, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_CALL_CLEAR, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_CALL_DISCONNECT, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_WAN_ERROR, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
	{PPTP_LINK_INFO, STAY(WAIT_REQUEST, DROP), STAY(WAIT_REPLY, DROP),
		STAY(ESTABLISHED, "drop:control-call"), STAY(WAIT_STOP, "")},
};

static void check_cell(
	int opener, enum control_state state, enum pptp_type type, const struct cell *cell)
{
	connection(PAC, opener, state);
	assert_string_equal(say_type(type), cell->outcome);
	assert_string_equal(control_state_word(control.state), control_state_word(cell->next));
	assert_int_equal(control_deadline(&control) == NEVER, control.state == CONTROL_CLOSED);
}

static void every_message_in_every_state(void **state)
{
	assert_int_equal(sizeof connection_table / sizeof connection_table[0], PPTP_TYPES - 1);
	for (size_t i = 0; i < sizeof connection_table / sizeof connection_table[0]; i++) {
		enum pptp_type type = connection_table[i].type;
		assert_int_equal(type, i + 1);
		check_cell(ACCEPTS, CONTROL_WAIT_REQUEST, type, &connection_table[i].wait_request);
		check_cell(OPENS, CONTROL_WAIT_REPLY, type, &connection_table[i].wait_reply);
		for (int opener = ACCEPTS; opener <= OPENS; opener++) {
			check_cell(opener, CONTROL_ESTABLISHED, type,
				&connection_table[i].established);
			check_cell(opener, CONTROL_WAIT_STOP, type, &connection_table[i].wait_stop);
			const struct cell idle = {"", CONTROL_IDLE}, closed = {"", CONTROL_CLOSED};
			connection(PAC, opener, CONTROL_IDLE);
			assert_string_equal(say_type(type), idle.outcome);
			assert_int_equal(control.state, CONTROL_IDLE);
			check_cell(opener, CONTROL_CLOSED, type, &closed);
		}
	}
}

static void unknown_messages_in_every_state(void **state)
{
	static const uint8_t unknown[] = {
		0, 20, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t management[] = {
		0, 16, 0, 2, 0x1a, 0x2b, 0x3c, 0x4d, 0, 5, 0, 0, 1, 2, 3, 4};
	for (int s = CONTROL_WAIT_REQUEST; s <= CONTROL_WAIT_STOP; s++) {
		connection(PAC, s == CONTROL_WAIT_REPLY ? OPENS : ACCEPTS, (enum control_state)s);
		assert_int_equal(feed(unknown, sizeof unknown), sizeof unknown);
		assert_string_equal(outcome(), "drop:control-type");
		assert_int_equal(feed(management, sizeof management), sizeof management);
		assert_string_equal(outcome(), "drop:control-type");
		assert_int_equal(control.state, s);
	}
}

/* ---- start ---- */

static void what_we_say_of_ourselves(void **state)
{
	connection(PNS, OPENS, CONTROL_IDLE);
	control_up(&control, now, &out);
	assert_string_equal(outcome(), "SCCRQ");
	struct pptp_start start = sent_message(item_of(CONTROL_BYTES, 0)).start;
	assert_int_equal(start.version, 0x0100);
	assert_int_equal(start.framing, 3);
	assert_int_equal(start.bearer, 3);
	assert_int_equal(start.maximum_channels, 9);
	assert_int_equal(start.firmware, 1);
	assert_string_equal(start.host_name, "host");
	assert_string_equal(start.vendor_name, "vendor");

	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	assert_string_equal(say_type(PPTP_START_REQUEST), "SCCRP1 up");
	start = sent_message(item_of(CONTROL_BYTES, 0)).start;
	assert_int_equal(start.version, 0x0100);
	assert_string_equal(start.vendor_name, "vendor");
}

static void what_the_peer_said_is_kept(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	struct pptp_message m = message(PPTP_START_REQUEST);
	m.start.framing = 1;
	m.start.bearer = 2;
	m.start.firmware = 0x1234;
	m.start.maximum_channels = 77;
	memset(m.start.host_name, 'h', sizeof m.start.host_name); /* no terminator */
	assert_string_equal(say(&m), "SCCRP1 up");
	assert_int_equal(control.peer.version, 0x0100);
	assert_int_equal(control.peer.framing, 1);
	assert_int_equal(control.peer.bearer, 2);
	assert_int_equal(control.peer.firmware, 0x1234);
	assert_int_equal(control.peer.maximum_channels, 77);
	assert_int_equal(strlen(control.peer.host_name), 64);
	assert_string_equal(control.peer.vendor_name, "its vendor");
}

static void versions(void **state)
{
	struct pptp_message m = message(PPTP_START_REQUEST);
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	m.start.version = 0x0200;
	assert_string_equal(say(&m), "SCCRP1 up");
	assert_int_equal(sent_message(item_of(CONTROL_BYTES, 0)).start.version, 0x0100);

	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	m.start.version = 0x00ff;
	assert_string_equal(say(&m), "SCCRP5 down:control-version");
	assert_string_equal(note(), "the peer speaks PPTP version 0.255, we speak 1.0");

	m = message(PPTP_START_REPLY);
	for (uint32_t version = 0; version <= 0x0200; version += 0x0200) {
		connection(PNS, OPENS, CONTROL_WAIT_REPLY);
		m.start.version = (uint16_t)version;
		assert_string_equal(say(&m), "StopCCRQ2");
		assert_int_equal(control.state, CONTROL_WAIT_STOP);
		assert_string_equal(say_type(PPTP_STOP_REPLY), "down:control-version");
	}
}

static void refused_starts(void **state)
{
	static const struct {
		uint8_t result, error;
		const char *outcome, *note;
	} rows[] = {
		{2, 4, "down:control-refused",
			"the peer refused the control connection: result 2 (general error), "
			"error 4 (no resource)"},
		{3, 0, "down:control-refused",
			"the peer refused the control connection: result 3 (command channel "
			"already exists)"},
		{4, 0, "down:control-refused",
			"the peer refused the control connection: result 4 (requester not "
			"authorized)"},
		{5, 0, "down:control-version",
			"the peer refused the control connection: result 5 (protocol version not "
			"supported)"},
		{200, 0, "down:control-refused",
			"the peer refused the control connection: result 200 (unknown)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		connection(PNS, OPENS, CONTROL_WAIT_REPLY);
		struct pptp_message m = message(PPTP_START_REPLY);
		m.start.result = rows[i].result;
		m.start.error = rows[i].error;
		assert_string_equal(say(&m), rows[i].outcome);
		assert_string_equal(note(), rows[i].note);
		assert_int_equal(item_of(CONTROL_NOTE, 0)->arg, 1);
	}
}

/* pptp-linux answers a start with result 0. */
static void start_result_0_is_success(void **state)
{
	connection(PNS, OPENS, CONTROL_WAIT_REPLY);
	struct pptp_message m = message(PPTP_START_REPLY);
	m.start.result = 0;
	assert_string_equal(say(&m), "up");
}

static void duplicate_start_keeps_what_stands(void **state)
{
	with_call(PAC, CALL_CONNECTED);
	struct pptp_message m = message(PPTP_START_REQUEST);
	memcpy(m.start.host_name, "intruder", 8);
	assert_string_equal(say(&m), "SCCRP3 drop:control-state");
	assert_string_equal(control.peer.host_name, "peer");
	assert_int_equal(call.state, CALL_CONNECTED);
}

static void collision(void **state)
{
	/* The RFC's own example: 192.33.45.17 and 192.33.45.89. */
	struct address low = address_ipv4(0xc0212d11), high = address_ipv4(0xc0212d59);
	assert_true(control_wins_collision(&high, &low));
	assert_false(control_wins_collision(&low, &high));
	assert_false(control_wins_collision(&low, &low));
	/* Unsigned, and the network number first. */
	struct address top = address_ipv4(0xff000001), bottom = address_ipv4(0x01ffffff);
	assert_true(control_wins_collision(&top, &bottom));
	assert_false(control_wins_collision(&bottom, &top));
	/* IPv6 compares all bytes; families do not mix. */
	struct address six = {.family = 6, .bytes = {[15] = 1}}, seven = six;
	seven.bytes[15] = 2;
	assert_true(control_wins_collision(&seven, &six));
	assert_false(control_wins_collision(&six, &seven));
	seven.bytes[0] = 0xff;
	assert_false(control_wins_collision(&seven, &low));
	/* What IPv4 leaves in the other bytes has no say. */
	struct address dirty = low;
	dirty.bytes[15] = 0xff;
	assert_false(control_wins_collision(&dirty, &low));

	/* The loser closes what it opened, without another byte. */
	connection(PNS, OPENS, CONTROL_WAIT_REPLY);
	control_lost(&control, CLOSE_COLLISION, now, &out);
	assert_string_equal(outcome(), "down:collision");
}

/* ---- the TCP connection ---- */

static void lost_in_every_state(void **state)
{
	for (int s = CONTROL_IDLE; s <= CONTROL_CLOSED; s++) {
		connection(PAC, s == CONTROL_WAIT_REPLY ? OPENS : ACCEPTS, (enum control_state)s);
		control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
		assert_string_equal(outcome(), s == CONTROL_CLOSED      ? ""
					       : s == CONTROL_WAIT_STOP ? "down:admin"
									: "down:tcp-closed");
		assert_int_equal(control.state, CONTROL_CLOSED);
		assert_int_equal(control_deadline(&control), NEVER);
	}
	with_call(PNS, CALL_CONNECTED);
	control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
	assert_string_equal(outcome(), "call-down:tcp-closed down:tcp-closed");
	assert_int_equal(item_of(CONTROL_CALL_DOWN, 0)->subject, SUBJECT);
	assert_int_equal(call.state, CALL_IDLE);
	assert_null(call.next);
}

static void nothing_after_down(void **state)
{
	with_call(PAC, CALL_CONNECTED);
	uint32_t token = 0;
	struct pptp_message m = call_message(PPTP_OUTGOING_REQUEST);
	m.outgoing_request.call_id = PEER_ID + 1;
	assert_string_equal(say(&m), "wanted");
	token = item_of(CONTROL_CALL_WANTED, 0)->token;
	outbox_clear(&out);
	control_lost(&control, CLOSE_TCP_CLOSED, now, &out);

	outbox_clear(&out);
	struct call other = {.state = CALL_IDLE};
	control_up(&control, now, &out);
	control_lost(&control, CLOSE_ADMIN, now, &out);
	control_stop(&control, CLOSE_ADMIN, now, &out);
	control_answer(&control, token, &other, LOCAL_ID, SUBJECT, 0, now, &out);
	control_answer(&control, token, NULL, 0, 0, PPTP_CALL_BUSY, now, &out);
	control_clear(&control, &call, CLOSE_ADMIN, now, &out);
	control_link_info(&control, &call, 0, 0, &out);
	control_tick(&control, now + SECONDS(100000), &out);
	assert_int_equal(control_input(&control, (const uint8_t *)"\0\0", 2, now, &out), 0);
	assert_int_equal(out.item_count, 0);
	assert_int_equal(other.state, CALL_IDLE);
	assert_int_equal(control_deadline(&control), NEVER);

	established(PNS);
	control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
	assert_string_equal(dial(), "");
	assert_int_equal(call.state, CALL_IDLE);
}

static void given_up_before_it_was_there(void **state)
{
	connection(PNS, OPENS, CONTROL_IDLE);
	assert_string_equal(stop(CLOSE_ADMIN), "down:admin");
	outbox_clear(&out);
	control_up(&control, now, &out);
	assert_int_equal(out.item_count, 0);
}

static void at_most_eight_messages_an_input(void **state)
{
	established(PAC);
	uint8_t stream[20 * 16];
	struct writer w = writer_over(stream, sizeof stream);
	struct pptp_message m = message(PPTP_ECHO_REQUEST);
	for (m.echo.identifier = 0; m.echo.identifier < 20; m.echo.identifier++)
		pptp_build(&m, &w);
	size_t at = 0;
	for (unsigned expected = 8; at < sizeof stream; expected = at == 256 ? 4 : 8) {
		size_t taken = feed(stream + at, sizeof stream - at);
		assert_int_equal(taken, expected * 16);
		assert_int_equal(count(CONTROL_BYTES), expected);
		for (unsigned i = 0; i < expected; i++)
			assert_int_equal(sent_message(item_of(CONTROL_BYTES, i)).echo.identifier,
				at / 16 + i);
		at += taken;
	}
}

/* ---- keepalive ---- */

static void silence_is_asked_about(void **state)
{
	established(PAC);
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(60));
	assert_string_equal(tick(start + SECONDS(60) - 1), "");
	assert_string_equal(tick(start + SECONDS(60)), "EchoRQ");
	struct pptp_message m = message(PPTP_ECHO_REPLY);
	m.echo.identifier = sent_message(item_of(CONTROL_BYTES, 0)).echo.identifier;
	assert_int_equal(control_deadline(&control), start + SECONDS(120));

	now = start + SECONDS(100);
	assert_string_equal(say(&m), "");
	assert_int_equal(control_deadline(&control), start + SECONDS(160));
	assert_string_equal(say(&m), "drop:control-state"); /* a second answer */

	/* The next one has another identifier. */
	assert_string_equal(tick(now + SECONDS(60)), "EchoRQ");
	assert_int_not_equal(
		sent_message(item_of(CONTROL_BYTES, 0)).echo.identifier, m.echo.identifier);
	assert_string_equal(say(&m), "drop:control-value");
}

static void no_answer_closes(void **state)
{
	with_call(PNS, CALL_CONNECTED);
	uint64_t start = now;
	assert_string_equal(tick(start + SECONDS(60)), "EchoRQ");
	/* Other messages show life but do not answer. */
	now = start + SECONDS(90);
	assert_string_equal(say_type(PPTP_LINK_INFO), "link-info");
	assert_string_equal(tick(start + SECONDS(120) - 1), "");
	assert_string_equal(tick(start + SECONDS(120)), "call-down:control-echo down:control-echo");
}

/* An answer that nobody was there to read is not missing. */
static void a_standstill_asks_anew(void **state)
{
	established(PAC);
	assert_string_equal(tick(now + SECONDS(60)), "EchoRQ");
	now += SECONDS(3600);
	control_awake(&control, now);
	assert_string_equal(tick(now), "EchoRQ");
	assert_int_equal(control_deadline(&control), now + SECONDS(60));
	assert_string_equal(tick(now + SECONDS(60)), "down:control-echo");
	control_awake(&control, now);
	assert_int_equal(control_deadline(&control), NEVER);
}

static void traffic_puts_the_echo_off(void **state)
{
	established(PAC);
	uint64_t start = now;
	now = start + SECONDS(59);
	assert_string_equal(say_type(PPTP_ECHO_REQUEST), "EchoRP1");
	assert_string_equal(tick(start + SECONDS(60)), "");
	assert_int_equal(control_deadline(&control), start + SECONDS(119));
	/* Half a message is none. */
	now = start + SECONDS(100);
	feed("\x00\x10\x00", 3);
	assert_int_equal(control_deadline(&control), start + SECONDS(119));
}

static void no_keepalive(void **state)
{
	struct control_config c = config(PAC, ACCEPTS);
	c.echo_interval_us = c.echo_timeout_us = 0;
	connection_as(c);
	control_up(&control, now, &out);
	assert_string_equal(say_type(PPTP_START_REQUEST), "SCCRP1 up");
	assert_int_equal(control_deadline(&control), NEVER);
	assert_string_equal(tick(now + SECONDS(1000000)), "");
}

static void echo_answers_copy_the_identifier(void **state)
{
	established(PAC);
	struct pptp_message m = message(PPTP_ECHO_REQUEST);
	m.echo.identifier = 0xfedcba98;
	assert_string_equal(say(&m), "EchoRP1");
	assert_int_equal(sent_message(item_of(CONTROL_BYTES, 0)).echo.identifier, 0xfedcba98);
}

/* ---- time-outs ---- */

static void starts_have_a_bound(void **state)
{
	for (int opener = ACCEPTS; opener <= OPENS; opener++) {
		connection(
			PAC, opener, opener == OPENS ? CONTROL_WAIT_REPLY : CONTROL_WAIT_REQUEST);
		uint64_t start = now;
		assert_int_equal(control_deadline(&control), start + SECONDS(10));
		assert_string_equal(tick(start + SECONDS(10) - 1), "");
		/* Talk that is not a start gains no time. */
		assert_string_equal(say_type(PPTP_ECHO_REQUEST), "EchoRP2/1 drop:control-state");
		assert_string_equal(tick(start + SECONDS(10)), "down:control-timeout");
		assert_int_equal(count(CONTROL_NOTE), 1);
	}
}

static void stops_have_a_bound(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_STOP);
	uint64_t start = now;
	assert_int_equal(control_deadline(&control), start + SECONDS(10));
	assert_string_equal(say_type(PPTP_ECHO_REQUEST), "EchoRP1");
	assert_string_equal(tick(start + SECONDS(10) - 1), "");
	assert_string_equal(tick(start + SECONDS(10)), "down:admin");
}

static void ticks_in_quiet_states(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_IDLE);
	assert_int_equal(control_deadline(&control), NEVER);
	assert_string_equal(tick(now + SECONDS(1000000)), "");
	connection(PAC, ACCEPTS, CONTROL_CLOSED);
	assert_string_equal(tick(now + SECONDS(1000000)), "");
}

/* ---- stop ---- */

static void stop_before_the_start(void **state)
{
	for (int s = CONTROL_IDLE; s <= CONTROL_WAIT_REPLY; s++) {
		connection(PAC, s == CONTROL_WAIT_REPLY ? OPENS : ACCEPTS, (enum control_state)s);
		assert_string_equal(stop(CLOSE_SHUTDOWN), "down:shutdown");
	}
}

static void stop_reasons(void **state)
{
	established(PAC);
	assert_string_equal(stop(CLOSE_SHUTDOWN), "StopCCRQ3");
	assert_string_equal(stop(CLOSE_ADMIN), ""); /* once is enough */
	assert_string_equal(say_type(PPTP_STOP_REPLY), "down:shutdown");
	established(PAC);
	assert_string_equal(stop(CLOSE_ADMIN), "StopCCRQ1");
}

static void their_stop_reasons(void **state)
{
	static const struct {
		uint8_t reason;
		const char *outcome, *note;
	} rows[] = {
		{0, "StopCCRP1 call-down:peer-stopped down:peer-stopped",
			"the peer stopped the control connection: reason 0 (unknown)"},
		{2, "StopCCRP1 call-down:control-version down:control-version",
			"the peer stopped the control connection: reason 2 (protocol version not "
			"supported)"},
		{3, "StopCCRP1 call-down:peer-stopped down:peer-stopped",
			"the peer stopped the control connection: reason 3 (local shutdown)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		with_call(PNS, CALL_CONNECTED);
		struct pptp_message m = message(PPTP_STOP_REQUEST);
		m.stop.reason = rows[i].reason;
		assert_string_equal(say(&m), rows[i].outcome);
		assert_string_equal(note(), rows[i].note);
	}
}

static void a_refused_stop_stops_all_the_same(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_STOP);
	struct pptp_message m = message(PPTP_STOP_REPLY);
	m.stop.result = 2;
	m.stop.error = 6;
	assert_string_equal(say(&m), "down:admin");
	assert_string_equal(note(),
		"the peer objects to our stop: result 2 (general error), error 6 (PAC error)");
}

static void stop_with_calls_up(void **state)
{
	with_call(PNS, CALL_CONNECTED);
	assert_string_equal(stop(CLOSE_SHUTDOWN), "CCRQ call-down:shutdown StopCCRQ3");
	assert_int_equal(control.call_count, 0);
	/* The peer's answers cross ours and are nobody's fault. */
	assert_string_equal(say_type(PPTP_CALL_DISCONNECT), "");
	assert_string_equal(say_type(PPTP_STOP_REPLY), "down:shutdown");

	with_call(PAC, CALL_CONNECTED);
	assert_string_equal(stop(CLOSE_SHUTDOWN), "CDN3 call-down:shutdown StopCCRQ3");

	with_call(PNS, CALL_WAIT_DISCONNECT); /* already cleared, for a reason of its own */
	assert_string_equal(stop(CLOSE_SHUTDOWN), "call-down:admin StopCCRQ3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_in_every_state),
		cmocka_unit_test(unknown_messages_in_every_state),
		cmocka_unit_test(what_we_say_of_ourselves),
		cmocka_unit_test(what_the_peer_said_is_kept),
		cmocka_unit_test(versions),
		cmocka_unit_test(refused_starts),
		cmocka_unit_test(start_result_0_is_success),
		cmocka_unit_test(duplicate_start_keeps_what_stands),
		cmocka_unit_test(collision),
		cmocka_unit_test(lost_in_every_state),
		cmocka_unit_test(nothing_after_down),
		cmocka_unit_test(given_up_before_it_was_there),
		cmocka_unit_test(at_most_eight_messages_an_input),
		cmocka_unit_test(silence_is_asked_about),
		cmocka_unit_test(no_answer_closes),
		cmocka_unit_test(a_standstill_asks_anew),
		cmocka_unit_test(traffic_puts_the_echo_off),
		cmocka_unit_test(no_keepalive),
		cmocka_unit_test(echo_answers_copy_the_identifier),
		cmocka_unit_test(starts_have_a_bound),
		cmocka_unit_test(stops_have_a_bound),
		cmocka_unit_test(ticks_in_quiet_states),
		cmocka_unit_test(stop_before_the_start),
		cmocka_unit_test(stop_reasons),
		cmocka_unit_test(their_stop_reasons),
		cmocka_unit_test(a_refused_stop_stops_all_the_same),
		cmocka_unit_test(stop_with_calls_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
