/* IPCP in both roles, the order of CCP and IPCP, addresses asked for, and what ends a unit. */
#include "pair.h"
#include "solo.h"

#include <string.h>

#include "protocol.h"

static struct solo s;
static struct pair p;

static const struct unit_config server = {.local4 = 0x0a000001,
	.remote4 = 0x0a000002,
	.dns = {0x01010101, 0},
	.wins = {0, 0x02020202}};
static const struct unit_config client = {.ask_dns = true, .ask_wins = true};

/* Each request of a client and what a server says to it. 0.0.0.0 is never acked. */
static void requests_judged_by_a_server(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"0a 03 06 0a000002", "Configure-Ack id 1 addr 10.0.0.2"},
		{"0a 03 06 00000000", "Configure-Nak id 1 addr 10.0.0.2"},
		{"0a 03 06 0a000001", "Configure-Nak id 1 addr 10.0.0.2"},
		{"0a 03 06 c0a80001", "Configure-Nak id 1 addr 10.0.0.2"},
		{"08 03 04 0000", "Configure-Nak id 1 addr 10.0.0.2"}, /* a wrong length */
		{"04", "Configure-Nak id 1 addr 10.0.0.2"},            /* no address at all */
		{"10 03 06 0a000002 81 06 01010101",
			"Configure-Ack id 1 addr 10.0.0.2 ms-dns1 1.1.1.1"},
		{"10 03 06 0a000002 81 06 00000000", "Configure-Nak id 1 ms-dns1 1.1.1.1"},
		{"10 03 06 0a000002 84 06 00000000", "Configure-Nak id 1 ms-wins2 2.2.2.2"},
		{"16 03 06 00000000 82 06 00000000 83 06 00000000",
			"Configure-Reject id 1 ms-wins1 0.0.0.0 ms-dns2 0.0.0.0"},
		{"10 03 06 00000000 02 06 002d0f01", "Configure-Reject id 1 compress VJ 0f01"},
		{"0e 01 0a 00000000 0a000001", "Configure-Reject id 1 addrs 000000000a000001"},
		{"0a 04 06 0a000009", "Configure-Reject id 1 mobile 10.0.0.9"},
		{"0a 90 06 00000000", "Configure-Reject id 1 mask 0.0.0.0"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hex[128] = "8021 01 01 00 ", expected[128] = "< IPCP ";
		solo_unit(&s, &server, false);
		strcat(hex, cases[i].options);
		solo_hears(&s, hex);
		assert_said(&s, strcat(strcat(expected, cases[i].answer), "\n"));
	}
}

/* A peer that insists on another address is refused it, and never told to do without the option: it
 * would be up with an address that nothing reaches. One that only repeats itself has not heard us.
 */
static void insisting_on_an_address(void **state)
{
	solo_unit(&s, &server, false);
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	for (int i = 0; i < 20; i++) {
		solo_hears(&s, "8021 01 01 000a 03 06 c0a80001");
		assert_said(&s, "< IPCP Configure-Nak id 1 addr 10.0.0.2\n");
	}
	static const char *const again[] = {"02", "03", "04", "05"};
	for (int i = 0; i < 4; i++) {
		char hex[64] = "8021 01 ";
		solo_hears(&s, strcat(strcat(hex, again[i]), " 000a 03 06 c0a80001"));
		assert_non_null(strstr(s.said, "< IPCP Configure-Nak id "));
	}
	solo_hears(&s, "8021 01 05 000a 03 06 c0a80001"); /* our fifth Nak was lost */
	assert_said(&s, "< IPCP Configure-Nak id 5 addr 10.0.0.2\n");
	solo_hears(&s, "8021 01 06 000a 03 06 c0a80001");
	assert_said(&s,
		"note IPCP options did not converge: the peer insists on 192.168.0.1, we give "
		"it 10.0.0.2\n< IPCP Terminate-Request id 2\nfailed network-refused\n");
}

static void told_once_that_an_address_is_missing(void **state)
{
	solo_unit(&s, &server, false);
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "< IPCP Configure-Nak id 1 addr 10.0.0.2\n");
	solo_hears(&s, "8021 01 02 0004");
	assert_said(&s, "< IPCP Configure-Ack id 2\n");
}

static void a_client_takes_what_it_is_given(void **state)
{
	solo_unit(&s, &client, false);
	assert_said(&s,
		"< IPCP Configure-Request id 1 addr 0.0.0.0 ms-dns1 0.0.0.0 ms-wins1 0.0.0.0 "
		"ms-dns2 0.0.0.0 ms-wins2 0.0.0.0\n");
	solo_hears(&s, "8021 04 01 0010 82 06 00000000 84 06 00000000");
	assert_said(
		&s, "< IPCP Configure-Request id 2 addr 0.0.0.0 ms-dns1 0.0.0.0 ms-dns2 0.0.0.0\n");
	solo_hears(&s, "8021 03 02 0016 03 06 0a000002 81 06 01010101 83 06 00000000");
	assert_said(&s, "< IPCP Configure-Request id 3 addr 10.0.0.2 ms-dns1 1.1.1.1\n");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000001");
	assert_said(&s, "< IPCP Configure-Ack id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8021 02 03 0010 03 06 0a000002 81 06 01010101");
	assert_said(&s, "network 10.0.0.2 to 10.0.0.1 dns 1.1.1.1 wins 0.0.0.0 mppe 0\n");
}

static void addresses_no_host_has(void **state)
{
	static const char *const bad[] = {
		"00000000", "7f000001", "e0000001", "ffffffff", "00000001"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char hex[64] = "8021 03 01 000a 03 06 ";
		struct unit_config plain = {0};
		solo_unit(&s, &plain, false);
		solo_hears(&s, strcat(hex, bad[i]));
		assert_said(&s, "< IPCP Configure-Request id 2 addr 0.0.0.0\n");
		char request[64] = "8021 01 01 000a 03 06 ";
		solo_hears(&s, strcat(request, bad[i]));
		assert_non_null(strstr(s.said, "< IPCP Configure-Reject id 1 addr "));
	}
}

/* An own address is kept against the peer's wish unless that is allowed. */
static void an_own_address(void **state)
{
	for (int accept = 0; accept < 2; accept++) {
		struct unit_config config = {.local4 = 0x0a000009, .accept_local4 = accept};
		solo_unit(&s, &config, false);
		solo_hears(&s, "8021 03 01 000a 03 06 0a000002");
		assert_said(&s, accept ? "< IPCP Configure-Request id 2 addr 10.0.0.2\n"
				       : "< IPCP Configure-Request id 2 addr 10.0.0.9\n");
	}
	struct unit_config config = {.local4 = 0x0a000009};
	solo_unit(&s, &config, false);
	solo_hears(&s, "8021 04 01 000a 03 06 0a000009"); /* one may go without saying */
	assert_said(&s, "< IPCP Configure-Request id 2\n");
	solo_hears(&s, "8021 02 02 0004");
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "< IPCP Configure-Ack id 1\nnetwork 10.0.0.9 to 0.0.0.0 mppe 0\n");
}

static void no_address_to_be_had(void **state)
{
	struct unit_config plain = {0};
	solo_unit(&s, &plain, false);
	solo_hears(&s, "8021 02 01 000a 03 06 00000000"); /* a peer that acks 0.0.0.0 */
	solo_hears(&s, "8021 01 01 000a 03 06 0a000001");
	assert_said(&s, "< IPCP Configure-Ack id 1 addr 10.0.0.1\nnote Peer gave us no IP address\n"
			"failed address-none\n");
	solo_unit(&s, &plain, false);
	solo_hears(&s, "8021 04 01 000a 03 06 00000000");
	solo_hears(&s, "8021 02 02 0004");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000001");
	assert_non_null(strstr(s.said, "failed address-none\n"));
}

static void asked_for_an_address(void **state)
{
	struct unit_config config = {.ask_address = true, .local4 = 0x0a000001};
	solo_unit(&s, &config, false);
	assert_said(&s, "address?\n");
	solo_hears(
		&s, "8021 01 01 000a 03 06 00000000"); /* the peer is too early, and comes again */
	assert_said(&s, "drop frame-phase\n");
	solo_addresses(&s, true, 0, 0x0a000002);
	assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8021 01 02 000a 03 06 00000000");
	assert_said(&s, "< IPCP Configure-Nak id 2 addr 10.0.0.2\n");
	solo_addresses(&s, true, 0, 0x0a000003); /* a second answer is nobody's */
	assert_said(&s, "");
	solo_unit(&s, &config, false);
	solo_addresses(&s, false, 0, 0);
	assert_said(&s, "note No IP address for this peer\nfailed address-none\n");
	assert_int_equal(unit_deadline(&s.unit), NEVER);
	solo_addresses(&s, false, 0, 0);
	assert_said(&s, "");
}

/* accel-ppp: IPCP before CCP is open. It is met at once, but nothing is up before both are. */
static void ipcp_before_ccp(void **state)
{
	struct unit_config config = {
		.mppe_allow = MPPE_ALLOW_128, .mppe_require = true, .local4 = 0x0a000002};
	solo_unit(&s, &config, true);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000001");
	assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.2\n"
			"< IPCP Configure-Ack id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000002");
	assert_said(&s, ""); /* IPCP is open, the network is not */
	solo_hears(&s, "80fd 01 01 000a 12 06 01000040");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	assert_non_null(strstr(s.said, "network 10.0.0.2 to 10.0.0.1 mppe 128\n"));
	/* Anything but a request does not start it. */
	solo_unit(&s, &config, true);
	solo_hears(&s, "8021 06 01 0004");
	assert_said(&s, "drop frame-phase\n");
}

/* A peer that answers an early IPCP with Terminate-Ack (pppd) is asked again, and no link ends. */
static void terminate_ack_to_an_early_request(void **state)
{
	solo_unit(&s, &server, false);
	solo_hears(&s, "8021 06 01 0004");
	assert_said(&s, "");
	solo_tick(&s);
	assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8021 05 07 0004");
	assert_said(&s, "< IPCP Terminate-Ack id 7\n");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 08 000a 03 06 0a000002");
	assert_said(&s, "< IPCP Configure-Ack id 8 addr 10.0.0.2\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 0\n");
}

static void open_up(void)
{
	solo_unit(&s, &server, false);
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	assert_said(&s, "< IPCP Configure-Ack id 1 addr 10.0.0.2\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 0\n");
	assert_int_equal(unit_deadline(&s.unit), NEVER);
}

static void ipcp_terminated_by_the_peer(void **state)
{
	open_up();
	solo_hears(&s, "8021 05 07 0004");
	assert_said(&s, "note IPCP terminated by peer\nnetwork down\n< IPCP Terminate-Ack id 7\n");
	solo_tick(&s); /* the automaton's wait */
	assert_said(&s, "");
	solo_hears(&s, "8021 01 08 000a 03 06 0a000002"); /* it starts anew */
	solo_hears(&s, "8021 02 02 000a 03 06 0a000001");
	assert_said(&s, "network 10.0.0.1 to 10.0.0.2 mppe 0\n");

	open_up(); /* or never does */
	solo_hears(&s, "8021 05 07 0004");
	solo_tick(&s);
	solo_tick(&s);
	assert_said(&s, "note IPCP did not come up in time\nfailed network-refused\n");
	assert_int_equal(s.now, SECONDS(31));
}

static void ipcp_not_answered(void **state)
{
	struct unit_config config = server;
	config.network_timeout_us = SECONDS(100);
	solo_unit(&s, &config, false);
	for (int i = 0; i < 9; i++)
		solo_tick(&s);
	solo_tick(&s);
	assert_said(&s, "note IPCP: timeout sending Config-Requests\nfailed network-timeout\n");

	config.network_timeout_us = SECONDS(10);
	solo_unit(&s, &config, false);
	for (int i = 0; i < 4; i++)
		solo_tick(&s);
	assert_said(&s, "note IPCP did not come up in time\nfailed network-timeout\n");

	config.mppe_allow = MPPE_ALLOW_128;
	config.mppe_require = true;
	solo_unit(&s, &config, true);
	for (int i = 0; i < 4; i++)
		solo_tick(&s);
	assert_said(&s, "note MPPE required but not available: the peer does not answer CCP; "
			"option allow-clear-text would do without\n"
			"failed mppe-refused\n");
}

static void ipcp_refused(void **state)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	solo_unit(&s, &server, false);
	unit_rejected(&s.unit, 0x8057, s.now, &out); /* not one of ours */
	assert_int_equal(out.items[0].kind, UNIT_DROP);
	assert_int_equal(out.items[0].arg, DROP_FRAME_PROTOCOL);
	outbox_clear(&out);
	unit_rejected(&s.unit, 0x8021, s.now, &out);
	assert_int_equal(out.items[out.item_count - 1].kind, UNIT_FAILED);
	assert_int_equal(out.items[out.item_count - 1].arg, CLOSE_NETWORK_REFUSED);

	open_up();
	solo_hears(&s, "8021 07 01 0008 02 01 0004");
	assert_said(&s, "note Peer refuses IPCP\nnetwork down\n< IPCP Terminate-Request id 2\n"
			"failed network-refused\n");
}

static void endless_ipcp(void **state)
{
	struct unit_config config = {.local4 = 0x0a000009};
	solo_unit(&s, &config, false);
	for (int i = 0; i < 100 && !s.unit.failed; i++) {
		static const char digits[] = "0123456789abcdef";
		char hex[] = "8021 03 01 000a 03 06 0a000002";
		hex[8] = digits[s.unit.ipcp.fsm.request_id >> 4];
		hex[9] = digits[s.unit.ipcp.fsm.request_id & 15];
		solo_hears(&s, hex);
	}
	assert_said(&s, "note IPCP options did not converge: the peer gives us 10.0.0.2, we want "
			"10.0.0.9\n< IPCP Terminate-Request id 42\nfailed network-refused\n");
}

static void down_and_up_again(void **state)
{
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	struct mppe_start_keys keys = {.valid = true};
	struct unit_config config = server;
	config.mppe_allow = MPPE_ALLOW_128;
	config.mppe_require = true;
	solo_unit(&s, &config, true);
	solo_hears(&s, "80fd 01 01 000a 12 06 01000040");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	unit_down(&s.unit, s.now, &out);
	bool down = false;
	for (uint32_t i = 0; i < out.item_count; i++) {
		assert_int_not_equal(out.items[i].kind, UNIT_FRAME);
		down |= out.items[i].kind == UNIT_NETWORK;
	}
	assert_true(down);
	assert_false(s.unit.keys.valid);
	assert_int_equal(unit_deadline(&s.unit), NEVER);
	outbox_clear(&out);
	unit_down(&s.unit, s.now, &out);
	assert_int_equal(out.item_count, 0);
	uint8_t frame[] = {0x80, 0x21, 1, 1, 0, 4};
	assert_true(unit_input(&s.unit, frame, sizeof frame, s.now, &out));
	assert_int_equal(out.items[0].arg, DROP_FRAME_PHASE);
	outbox_clear(&out);
	unit_up(&s.unit, &keys, s.now, &out);
	assert_int_equal(out.item_count, 1);
	assert_int_equal(out.items[0].kind, UNIT_FRAME);
	outbox_clear(&out);
	unit_up(&s.unit, &keys, s.now, &out); /* twice is once */
	assert_int_equal(out.item_count, 0);
	solo_hears(&s, "80fd 01 07 000a 12 06 01000040");
	assert_non_null(strstr(s.said, "receive key 128 stateless\n"));
}

static void not_ours(void **state)
{
	solo_unit(&s, &server, false);
	solo_hears(&s, "8057 01 01 0004");
	assert_said(&s, "rejected\n"); /* to the link, for a Protocol-Reject */
	solo_hears(&s, "0021 45 00 0000");
	assert_said(&s, "rejected\n");
	solo_hears(&s, "80");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "8021");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "8021 09 01 0008 00000000"); /* Echo-Request is LCP's alone */
	assert_said(&s, "drop frame-code\n< IPCP Code-Reject id 2 code 9\n");
}

static void name_servers_end_to_end(void **state)
{
	pair_init(&p);
	p.a.unit_config.ask_dns = p.a.unit_config.ask_wins = true;
	p.b.addresses.dns[0] = 0x01010101;
	p.b.addresses.dns[1] = 0x01010102;
	p.b.addresses.wins[0] = 0x02020201;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	assert_true(pair_up(&p));
	assert_int_equal(p.a.net.dns[0], 0x01010101);
	assert_int_equal(p.a.net.dns[1], 0x01010102);
	assert_int_equal(p.a.net.wins[0], 0x02020201);
	assert_int_equal(p.a.net.wins[1], 0);
}

static void addresses_refused_end_to_end(void **state)
{
	pair_init(&p);
	p.b.addresses.granted = false;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	assert_int_equal(p.b.reason, CLOSE_ADDRESS_NONE);
	assert_int_equal(p.a.reason, CLOSE_PEER_TERMINATED);
	assert_true(end_noted(&p.a, "no address is left or allowed for this peer"));
}

/* RFC 1661 §3.7: one protocol closes, politely, and the other and the link go on. */
static void one_protocol_closed(void **state)
{
	static const struct turn_kinds kinds = {
		.frame = UNIT_FRAME, .drop = UNIT_DROP, .note = UNIT_NOTE};
	for (int i = 0; i < 2; i++) {
		OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
		struct turn turn = {.now = SECONDS(2), .out = &out, .kinds = &kinds};
		struct unit_config config = server;
		config.mppe_allow = MPPE_ALLOW_128;
		solo_unit(&s, &config, true);
		const struct protocol_ops *ops = i ? &ipcp_protocol : &ccp_protocol;
		protocol_event(ops, FSM_CLOSE, &s.unit, &turn);
		assert_int_equal(out.item_count, 1);
		const uint8_t *b = outbox_bytes(&out, &out.items[0]);
		assert_int_equal(b[2], TERMINATE_REQUEST);
		assert_int_equal(s.unit.ccp.fsm.state, i ? FSM_REQ_SENT : FSM_CLOSING);
		assert_int_equal(s.unit.ipcp.fsm.state, i ? FSM_CLOSING : FSM_REQ_SENT);
	}
}

/* Thousands of sessions: what one costs. */
static void size(void **state)
{
	assert_true(sizeof(struct link) + sizeof(struct unit) <= 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_judged_by_a_server),
		cmocka_unit_test(insisting_on_an_address),
		cmocka_unit_test(told_once_that_an_address_is_missing),
		cmocka_unit_test(a_client_takes_what_it_is_given),
		cmocka_unit_test(addresses_no_host_has),
		cmocka_unit_test(an_own_address),
		cmocka_unit_test(no_address_to_be_had),
		cmocka_unit_test(asked_for_an_address),
		cmocka_unit_test(ipcp_before_ccp),
		cmocka_unit_test(terminate_ack_to_an_early_request),
		cmocka_unit_test(ipcp_terminated_by_the_peer),
		cmocka_unit_test(ipcp_not_answered),
		cmocka_unit_test(ipcp_refused),
		cmocka_unit_test(endless_ipcp),
		cmocka_unit_test(down_and_up_again),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(name_servers_end_to_end),
		cmocka_unit_test(addresses_refused_end_to_end),
		cmocka_unit_test(one_protocol_closed),
		cmocka_unit_test(size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
