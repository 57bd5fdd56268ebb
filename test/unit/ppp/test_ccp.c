/* MPPE: which bits come of which offers, in words; when keys are armed; what ends it. */
#include "pair.h"
#include "solo.h"

#include <string.h>

static struct pair p;
static struct solo s;

static const struct unit_config strict = {
	.mppe_allow = MPPE_ALLOW_128, .mppe_require = true, .local4 = 0x0a000001};

static uint8_t strongest(uint8_t mask)
{
	return mask & MPPE_ALLOW_128  ? MPPE_128
	       : mask & MPPE_ALLOW_56 ? MPPE_56
	       : mask & MPPE_ALLOW_40 ? MPPE_40
				      : MPPE_NONE;
}

/* Every set of strengths against every other, with and without state: the strongest common one in
 * both directions, or an end with a reason in words. */
static void every_pair_of_strengths(void **state)
{
	for (unsigned i = 0; i < 7 * 7 * 4; i++) {
		uint8_t ours = (uint8_t)(1 + i % 7), theirs = (uint8_t)(1 + i / 7 % 7);
		pair_init(&p);
		p.a.unit_config.mppe_allow = ours;
		p.b.unit_config.mppe_allow = theirs;
		p.a.unit_config.mppe_stateful = i / 49 & 1;
		p.b.unit_config.mppe_stateful = i / 98 & 1;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(60));
		uint8_t best = strongest(ours & theirs);
		if (best) {
			if (!pair_up(&p))
				FAIL_TOLD("%u %u", ours, theirs);
			assert_int_equal(p.a.transmit.strength, best);
			assert_int_equal(p.a.receive.strength, best);
			assert_true(p.a.transmit.stateless && p.a.receive.stateless);
			continue;
		}
		assert_true(p.a.failed || p.b.failed);
		assert_true(p.a.closed && p.b.closed);
		assert_false(p.a.net.ipv4 || p.b.net.ipv4);
		const struct end *end = p.a.failed ? &p.a : &p.b;
		assert_int_equal(end->unit_reason, CLOSE_MPPE_REFUSED);
		assert_true(end_noted(end, "MPPE required but not available: the peer offers "));
		assert_true(end_noted(end, "would accept it"));
	}
}

static void refusals_in_words(void **state)
{
	pair_init(&p);
	p.b.unit_config.mppe_allow = MPPE_ALLOW_40 | MPPE_ALLOW_56;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(60));
	assert_true(end_noted(&p.a, "the peer offers 56-bit stateless, we allow 128-bit stateless; "
				    "option allow-mppe-56 would accept it\n"));

	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 03 01 000a 12 06 00000020"); /* Nak: 40-bit stateful */
	assert_said(&s,
		"< CCP Terminate-Request id 2\n"
		"note MPPE required but not available: the peer offers 40-bit stateful, we allow "
		"128-bit stateless; option allow-mppe-40 with mppe-stateful would accept it\n"
		"failed mppe-refused\n");

	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 03 01 000a 12 06 00000040"); /* Nak: 128-bit stateful */
	assert_said(&s, "< CCP Terminate-Request id 2\n"
			"note MPPE required but not available: the peer offers 128-bit stateful, "
			"we allow 128-bit stateless; option mppe-stateful would accept it\n"
			"failed mppe-refused\n");

	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 04 01 000a 12 06 01000040");
	assert_said(&s, "< CCP Terminate-Request id 2\n"
			"note MPPE required but not available: the peer rejects MPPE, we offered "
			"128-bit stateless; option allow-clear-text would do without\n"
			"failed mppe-refused\n");

	solo_unit(&s, &strict, false);
	assert_said(&s,
		"note MPPE required but not available: authentication left no keys, MS-CHAPv2 or "
		"MS-CHAP would; option allow-clear-text would do without\nfailed mppe-refused\n");

	solo_unit(&s, &strict, true);
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_rejected(&s.unit, 0x80fd, s.now, &out);
	assert_int_equal(out.items[out.item_count - 1].kind, UNIT_FAILED);
	outbox_clear(&out);
	solo_unit(&s, &strict, true);
	unit_rejected(&s.unit, 0x00fd, s.now, &out); /* as pppd names it */
	assert_int_equal(out.items[out.item_count - 1].kind, UNIT_FAILED);

	solo_unit(&s, &strict, true);
	for (int i = 0; i < 9; i++)
		solo_tick(&s);
	solo_tick(&s);
	assert_said(&s, "note MPPE required but not available: the peer does not answer CCP; "
			"option allow-clear-text would do without\n"
			"failed mppe-refused\n");
	assert_int_equal(unit_deadline(&s.unit), NEVER);
	solo_hears(&s, "80fd 01 01 0004"); /* deaf from now on */
	assert_said(&s, "drop frame-phase\n");

	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 07 01 0008 01 01 0004"); /* it does not know Configure-Request */
	assert_said(&s, "note MPPE required but not available: the peer does not know CCP; option "
			"allow-clear-text would do without\n"
			"failed mppe-refused\n");
}

/* A peer that asks for none is told to, and in the end believed. */
static void a_peer_that_wants_none(void **state)
{
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 01 01 0004");
	assert_said(&s, "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	solo_hears(&s, "80fd 01 02 0004");
	solo_hears(&s, "80fd 01 03 0004");
	solo_hears(&s, "80fd 01 04 0004");
	solo_hears(&s, "80fd 01 05 0004");
	solo_hears(&s, "80fd 01 07 0004");
	assert_non_null(strstr(s.said, "note no / MPPE 128-bit stateless compression enabled\n"));
	assert_non_null(strstr(s.said, "the peer does not take encrypted packets"));
	assert_non_null(strstr(s.said, "failed mppe-refused\n"));
}

/* What a peer may ask for, and what it is told instead (RFC 3078 §2.1). */
static void requests_judged(void **state)
{
	static const struct {
		uint8_t allow;
		bool stateful;
		const char *bits, *answer;
	} cases[] = {
		{4, false, "01000040",
			"receive key 128 stateless\n< CCP Configure-Ack id 1 mppe +H "
			"-M +S -L -D -C\n"},
		{4, false, "00000040", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{4, true, "00000040",
			"receive key 128 stateless\n< CCP Configure-Ack id 1 mppe -H "
			"-M +S -L -D -C\n"},
		{4, false, "01000060", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{4, false, "01000041",
			"< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"}, /* MPPC */
		{4, false, "01000050", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"}, /* D */
		{4, false, "03000040", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{4, false, "01000020", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{4, false, "01000000", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{7, false, "010000e1", "< CCP Configure-Nak id 1 mppe +H -M +S -L -D -C\n"},
		{3, false, "010000e0", "< CCP Configure-Nak id 1 mppe +H +M -S -L -D -C\n"},
		{1, true, "000000e0", "< CCP Configure-Nak id 1 mppe -H -M -S +L -D -C\n"},
		{2, false, "01000080",
			"receive key 56 stateless\n< CCP Configure-Ack id 1 mppe +H "
			"+M -S -L -D -C\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct unit_config config = strict;
		char hex[64] = "80fd 01 01 000a 12 06 ";
		config.mppe_allow = cases[i].allow;
		config.mppe_stateful = cases[i].stateful;
		solo_unit(&s, &config, true);
		strcat(hex, cases[i].bits);
		solo_hears(&s, hex);
		assert_said(&s, cases[i].answer);
	}
}

static void other_compressors_are_rejected(void **state)
{
	solo_unit(&s, &strict, true);
	/* As an old Windows asks: MPPE with MPPC, Stac, Deflate, BSD. */
	solo_hears(&s, "80fd 01 04 0017 12 06 01000041 11 05 0001 04 1a 04 7800 15 03 2f 00");
	assert_said(&s, "drop frame-options\n"); /* the last byte is no option */
	solo_hears(&s, "80fd 01 04 0016 12 06 01000041 11 05 0001 04 1a 04 7800 15 03 2f");
	assert_said(&s, "< CCP Configure-Reject id 4 stac-lzs 000104 deflate 15 bsd v1 15\n");
	solo_hears(&s, "80fd 01 05 000a 12 06 01000041");
	assert_said(&s, "< CCP Configure-Nak id 5 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 01 06 0009 12 05 010000"); /* a wrong length */
	assert_said(&s, "< CCP Configure-Nak id 6 mppe +H -M +S -L -D -C\n");
}

/* The receiver stands ready before the frame that lets the peer encrypt. */
static void keys_in_order(void **state)
{
	solo_unit(&s, &strict, true);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C\n");
	assert_frame(&s, "80fd 01 01 000a 12 06 01 00 00 40");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	assert_said(&s, ""); /* our request is acked; nobody may encrypt yet */
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040");
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 9 mppe +H -M +S -L -D -C\n"
			"transmit key 128 stateless\n"
			"note MPPE 128-bit stateless compression enabled\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");

	/* The other order: the peer's own Ack opens it, so the receiver is armed before ours. */
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040");
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 9 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040"); /* our Ack was lost */
	assert_said(&s, "< CCP Configure-Ack id 9 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 01 0a 000a 12 06 01000040"); /* the peer starts over */
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 10 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	assert_said(&s, "transmit key 128 stateless\n"
			"note MPPE 128-bit stateless compression enabled\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
}

static void armed_anew_when_our_request_changes(void **state)
{
	struct unit_config config = strict;
	config.mppe_allow = MPPE_ALLOW_40 | MPPE_ALLOW_128;
	config.mppe_stateful = true;
	solo_unit(&s, &config, true);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S +L -D -C\n");
	solo_hears(&s, "80fd 01 09 000a 12 06 01000020");
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 9 mppe +H -M -S +L -D -C\n");
	solo_hears(&s, "80fd 03 01 000a 12 06 00000020");
	assert_said(&s, "receive key 40 stateful\n"
			"< CCP Configure-Request id 2 mppe -H -M -S +L -D -C\n");
	solo_hears(&s, "80fd 02 02 000a 12 06 00000020");
	assert_said(&s, "transmit key 40 stateless\n"
			"note MPPE 40-bit stateless / MPPE 40-bit stateful compression enabled\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
}

static void open_up(void)
{
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	assert_non_null(strstr(s.said, "network 10.0.0.1 to 10.0.0.2 mppe 128\n"));
}

/* CCP that negotiates again in Opened: keys gone, network down, then all anew. */
static void renegotiation_rekeys(void **state)
{
	open_up();
	solo_hears(&s, "80fd 01 0a 000a 12 06 01000040");
	assert_said(&s, "transmit key 0\nreceive key 0\nnetwork down\n"
			"< CCP Configure-Request id 2 mppe +H -M +S -L -D -C\n"
			"receive key 128 stateless\n"
			"< CCP Configure-Ack id 10 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 02 02 000a 12 06 01000040");
	assert_said(&s, "transmit key 128 stateless\n"
			"note MPPE 128-bit stateless compression enabled\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 128\n");
}

/* The same at our own wish, at either end; the keys of both directions start again. */
static void renegotiation_at_our_wish(void **state)
{
	for (int first = 0; first < 2; first++) {
		pair_init(&p);
		pair_start(&p);
		pair_run(&p, SECONDS(5));
		assert_true(pair_up(&p));
		struct end *end = first ? &p.a : &p.b;
		unsigned before = end->wipes;
		pair_renegotiate(&p, end);
		assert_false(pair_up(&p));
		assert_int_equal(end->wipes, before + 1);
		pair_run(&p, SECONDS(10));
		assert_true(pair_up(&p));
		assert_int_equal(p.a.key_faults + p.b.key_faults, 0);
		assert_false(p.a.closed || p.b.closed);
	}
}

static void nothing_to_renegotiate(void **state)
{
	pair_init(&p);
	p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0;
	p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
	pair_start(&p);
	pair_run(&p, SECONDS(5));
	unsigned sent = p.sent;
	pair_renegotiate(&p, &p.a);
	pair_run(&p, SECONDS(6));
	assert_int_equal(p.sent, sent);
	assert_true(p.a.net.ipv4);
}

static void ccp_terminated_by_the_peer(void **state)
{
	open_up();
	solo_hears(&s, "80fd 05 0b 0004");
	assert_said(&s, "transmit key 0\nreceive key 0\nnetwork down\n< CCP Terminate-Ack id 11\n"
			"note MPPE required but not available: the peer ended CCP; option "
			"allow-clear-text would do without\n"
			"failed mppe-refused\n");
	/* Before CCP is open it is no end: accel-ppp and pppd try again (RFC 1661 §3.7). */
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 05 0b 0004");
	assert_said(&s, "< CCP Terminate-Ack id 11\n");
	solo_tick(&s);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C\n");
}

/* Reset-Request and -Ack are the data path's; here they are counted and change nothing. */
static void resets_are_left_alone(void **state)
{
	open_up();
	solo_hears(&s, "80fd 0e 01 0004");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "80fd 0f 01 0004");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "80fd 10 01 0004");
	assert_said(&s, "drop frame-code\n< CCP Code-Reject id 2 code 16\n");
}

static void not_required(void **state)
{
	struct unit_config config = strict;
	config.mppe_require = false;
	solo_unit(&s, &config, true);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	assert_said(&s, "< IPCP Configure-Ack id 1 addr 10.0.0.2\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 0\n");
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000040");
	assert_said(&s, "transmit key 128 stateless\n"
			"note MPPE 128-bit stateless compression enabled\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 128\n");
	solo_hears(&s, "80fd 05 0b 0004");
	assert_said(&s, "transmit key 0\nreceive key 0\n"
			"network 10.0.0.1 to 10.0.0.2 mppe 0\n< CCP Terminate-Ack id 11\n"
			"note Going on without MPPE, in clear text: the peer ended CCP\n");

	solo_unit(&s, &config, true);
	solo_hears(&s, "80fd 04 01 000a 12 06 01000040");
	assert_said(&s, "< CCP Terminate-Request id 2\n"
			"note Going on without MPPE, in clear text: the peer rejects MPPE, we "
			"offered 128-bit stateless\n");

	solo_unit(&s, &config, true); /* the peer takes none itself: an empty request */
	solo_hears(&s, "80fd 01 01 0004");
	assert_said(&s, "receive key 128 stateless\n< CCP Configure-Ack id 1\n");

	solo_unit(&s, &config, false);
	assert_said(&s, "note Going on without MPPE, in clear text: authentication left no keys, "
			"MS-CHAPv2 or MS-CHAP would\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "80fd 01 01 0004"); /* then CCP is not spoken here */
	assert_said(&s, "rejected\n");
}

/* A peer that asked for encryption and was acked, and never answers: it is asked longer, then told;
 * should it encrypt all the same, it is understood. */
static void giving_up_aloud(void **state)
{
	struct unit_config config = strict;
	config.mppe_require = false;
	solo_unit(&s, &config, true);
	solo_hears(&s, "8021 02 01 000a 03 06 0a000001");
	solo_hears(&s, "8021 01 01 000a 03 06 0a000002");
	solo_hears(&s, "80fd 01 09 000a 12 06 01000040");
	assert_non_null(strstr(s.said, "receive key 128 stateless\n"));
	for (int i = 0; i < 39; i++) {
		solo_tick(&s);
		assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C\n");
	}
	solo_tick(&s);
	assert_said(&s,
		"< CCP Terminate-Request id 2\n"
		"note Going on without MPPE, in clear text: the peer does not answer CCP\n");
	solo_tick(&s);
	assert_said(&s, "< CCP Terminate-Request id 3\n");
	solo_tick(&s);
	assert_said(&s, "");
	assert_int_equal(s.unit.ccp.armed, MPPE_128);
	assert_int_equal(unit_deadline(&s.unit), NEVER);
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_down(&s.unit, s.now, &out);
	assert_int_equal(out.items[0].kind, UNIT_RECEIVE_KEY);
	assert_int_equal(s.unit.ccp.armed, MPPE_NONE);

	solo_unit(&s, &config, true); /* one that never asked for it is not waited for */
	for (int i = 0; i < 9; i++)
		solo_tick(&s);
	while (!strstr(s.said, "the peer does not answer CCP") && !s.unit.failed)
		solo_tick(&s);
	assert_null(strstr(s.said, "Terminate-Request"));
}

static void switched_off(void **state)
{
	struct unit_config config = strict;
	config.mppe_allow = 0;
	config.mppe_require = false;
	solo_unit(&s, &config, true);
	assert_said(&s, "< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "80fd 01 01 000a 12 06 01000040");
	assert_said(&s, "rejected\n");
}

static void naks_without_end(void **state)
{
	struct unit_config config = strict;
	config.mppe_stateful = true;
	solo_unit(&s, &config, true);
	char hex[64] = "80fd 03 01 000a 12 06 00000040";
	for (int i = 0; i < 100 && !s.unit.failed; i++) {
		static const char digits[] = "0123456789abcdef";
		uint8_t id = s.unit.ccp.fsm.request_id;
		hex[8] = digits[id >> 4];
		hex[9] = digits[id & 15];
		hex[22] = '0';
		hex[23] = i & 1 ? '1' : '0';
		solo_hears(&s, hex);
	}
	assert_non_null(strstr(s.said, "CCP options did not converge; option allow-clear-text "
				       "would do without\nfailed mppe-refused\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_strengths),
		cmocka_unit_test(refusals_in_words),
		cmocka_unit_test(a_peer_that_wants_none),
		cmocka_unit_test(requests_judged),
		cmocka_unit_test(other_compressors_are_rejected),
		cmocka_unit_test(keys_in_order),
		cmocka_unit_test(armed_anew_when_our_request_changes),
		cmocka_unit_test(renegotiation_rekeys),
		cmocka_unit_test(renegotiation_at_our_wish),
		cmocka_unit_test(nothing_to_renegotiate),
		cmocka_unit_test(ccp_terminated_by_the_peer),
		cmocka_unit_test(resets_are_left_alone),
		cmocka_unit_test(not_required),
		cmocka_unit_test(giving_up_aloud),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(naks_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
