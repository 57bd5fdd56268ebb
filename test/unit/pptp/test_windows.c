/* Where Windows departs from RFC 2637, as MS-PTPT (3.1.5, 3.2.5) has it: each of these is no fault.
 *
 * It has no send window and ignores ours (window.c: nothing waits for who does not acknowledge);
 * what its PAC says of its own window is 0; its Call-Disconnect-Notify has result code 0 and
 * ignores ours; it does not avoid collisions; Set-Link-Info may come at any time. */
#include "endpoint.h"

/* What a Windows client said to a server of another vendor, whose log had the fields. */
static struct pptp_message windows_start(void)
{
	struct pptp_message m = message(PPTP_START_REQUEST);
	m.start.framing = m.start.bearer = 1;
	m.start.maximum_channels = 0;
	m.start.firmware = 2600;
	memset(m.start.host_name, 0, sizeof m.start.host_name);
	memcpy(m.start.vendor_name, "Microsoft Windows NT", 20);
	return m;
}

static void its_client_calls_us(void **state)
{
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST);
	struct pptp_message m = windows_start();
	assert_string_equal(say(&m), "SCCRP1 up");
	assert_string_equal(control.peer.vendor_name, "Microsoft Windows NT");
	assert_string_equal(control.peer.host_name, "");
	m = call_message(PPTP_OUTGOING_REQUEST);
	m.outgoing_request.call_id = 0;
	m.outgoing_request.serial = 31240;
	m.outgoing_request.minimum_speed = 300;
	m.outgoing_request.maximum_speed = 100000000;
	m.outgoing_request.bearer = m.outgoing_request.framing = 3;
	assert_string_equal(say(&m), "wanted");
	assert_string_equal(
		answer(item_of(CONTROL_CALL_WANTED, 0)->token, &call, 0), "call-up OCRP1");
	assert_int_equal(call.peer_id, 0);
	assert_true(call.peer_known);
	m = call_message(PPTP_CALL_CLEAR);
	m.call_clear.call_id = 0;
	assert_string_equal(say(&m), "CDN4 call-down:peer-cleared");
}

/* The data path is told 0 then: hold nothing back. */
static void its_server_names_no_window(void **state)
{
	established(PNS);
	assert_string_equal(dial(), "OCRQ");
	struct pptp_message m = call_message(PPTP_OUTGOING_REPLY);
	m.outgoing_reply.window = 0;
	m.outgoing_reply.delay = 0;
	assert_string_equal(say(&m), "call-up");
	assert_int_equal(call.peer_window, 0);
	assert_int_equal(call.peer_delay, 0);
}

/* "The PNS MUST ignore the value of the Result Code field." */
static void no_result_of_a_disconnect_matters(void **state)
{
	for (unsigned result = 0; result <= 255; result++)
		for (unsigned asked = 0; asked < 2; asked++) {
			established(PNS);
			assert_string_equal(dial(), "OCRQ");
			assert_string_equal(say_type(PPTP_OUTGOING_REPLY), "call-up");
			if (asked)
				assert_string_equal(clear(CLOSE_IDLE), "CCRQ");
			struct pptp_message m = call_message(PPTP_CALL_DISCONNECT);
			m.call_disconnect.result = (uint8_t)result;
			m.call_disconnect.error = result % 7;
			assert_string_equal(
				say(&m), asked ? "call-down:idle" : "call-down:peer-cleared");
			assert_int_equal(control.state, CONTROL_ESTABLISHED);
		}
}

/* From a PNS or a PAC, before and after the call is up, with any ACCM, as often as it likes. */
static void link_info_at_any_time(void **state)
{
	struct pptp_message m = call_message(PPTP_LINK_INFO);
	for (unsigned role = PNS; role <= RINGS; role++) {
		established((int)role);
		if (role == PNS || role == RINGS) {
			dial();
		} else {
			assert_string_equal(say_type(PPTP_OUTGOING_REQUEST), "wanted");
			answer(item_of(CONTROL_CALL_WANTED, 0)->token, &call, 0);
		}
		for (uint32_t n = 0; n < 3; n++) {
			m.link_info.send_accm = n * 0x01010101;
			m.link_info.receive_accm = ~m.link_info.send_accm;
			assert_string_equal(say(&m), "link-info");
			assert_int_equal(call.send_accm, m.link_info.send_accm);
			assert_int_equal(call.receive_accm, m.link_info.receive_accm);
			if (n == 0 && role == PNS)
				assert_string_equal(say_type(PPTP_OUTGOING_REPLY), "call-up");
			if (n == 0 && role == RINGS)
				assert_string_equal(say_type(PPTP_INCOMING_REPLY), "call-up ICCN");
			if (n == 1 && role == PNS)
				assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
		}
	}
	/* For no call at all it is counted, and costs nothing else. */
	established(PAC);
	assert_string_equal(say(&m), "drop:control-call");
	assert_int_equal(control.state, CONTROL_ESTABLISHED);
}

/* It calls while it is called, and lets both connections be: each goes its own way. */
static void it_does_not_avoid_collisions(void **state)
{
	struct control_config ours = config(PAC, OPENS);
	struct pptp_message m = windows_start();
	connection_as(ours);
	control_up(&control, now, &out);
	assert_string_equal(outcome(), "SCCRQ");
	assert_string_equal(say(&m), "drop:control-state"); /* on the connection that we opened */
	assert_string_equal(say_type(PPTP_START_REPLY), "up");
	connection(PAC, ACCEPTS, CONTROL_WAIT_REQUEST); /* on the one that it opened */
	assert_string_equal(say(&m), "SCCRP1 up");
	assert_string_equal(say_type(PPTP_OUTGOING_REQUEST), "wanted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_client_calls_us),
		cmocka_unit_test(its_server_names_no_window),
		cmocka_unit_test(no_result_of_a_disconnect_matters),
		cmocka_unit_test(link_info_at_any_time),
		cmocka_unit_test(it_does_not_avoid_collisions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
