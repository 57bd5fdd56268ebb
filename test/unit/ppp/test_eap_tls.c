/* EAP-TLS in golden bytes, both roles; and two whole endpoints that lose, repeat and cut its
 * packets, with a TLS of the test's own behind them (fake_tls.h). */
#include "pair.h"
#include "solo.h"

#include <stdio.h>
#include <string.h>

static struct solo s;
static struct pair p;
static uint8_t flight[EAP_TLS_MESSAGE_MAX];
static struct tls_reply reply;

static const struct link_config user = {.mru = 1500,
	.name = "User",
	.name_length = 4,
	.password = "clientPass",
	.password_length = 10};

/* Alone, in Authenticate, LCP's part of it done. */
static void begin(uint8_t demand, uint8_t allow)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	struct turn_kinds kinds = {.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};
	struct turn turn = {.now = SECONDS(1), .out = &out, .kinds = &kinds};
	struct link_config config = user;
	config.allow_auth = allow;
	config.demand_auth = demand;
	solo_link(&s, &config);
	s.link.lcp.fsm.state = FSM_OPENED;
	s.link.lcp.peer.mru = 1500;
	s.link.phase = PHASE_AUTHENTICATE;
	s.link.auth_deadline = SECONDS(31);
	s.link.peer_proved = !demand;
	s.link.we_proved = !allow;
	s.link.lcp.auth_asked = demand;
	eap_start(&s.link, demand, allow, &turn);
	for (size_t i = 0; i < sizeof flight; i++)
		flight[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void says(enum tls_outcome outcome, uint16_t length, enum close_reason reason)
{
	reply = (struct tls_reply){
		.outcome = outcome, .bytes = flight, .length = length, .reason = reason};
	reply.keys.valid = outcome == TLS_DONE;
	memset(reply.keys.send, 0x5e, sizeof reply.keys.send);
	memset(reply.keys.receive, 0x4e, sizeof reply.keys.receive);
	solo_tls(&s, &reply);
}

/* RFC 5216 §3.1: Request 1, identifier, length, type 13, S. */
#define START_REQUEST(id) "c227 01 " id " 0006 0d 20"

static void peer(void)
{
	begin(0, AUTH_EAP_TLS);
	solo_hears(&s, START_REQUEST("05"));
	assert_said(&s, "our tls begin\nour tls whole\n");
}

static void authenticator(void)
{
	begin(AUTH_EAP_TLS, 0);
	solo_hears(&s, "c227 02 01 0009 01 55736572");
	assert_said(&s, "tls identity 4\ntls begin\n< EAP Request id 2 TLS start\n");
	assert_frame(&s, START_REQUEST("02"));
	assert_memory_equal(s.tls, "User", 4);
}

static void peer_golden(void **state)
{
	peer();
	solo_hears(&s, START_REQUEST("05")); /* repeated while TLS thinks */
	assert_said(&s, "");
	says(TLS_GOES_ON, 3, 0);
	assert_frame(&s, "c227 02 05 0009 0d 00 00070e");
	solo_hears(&s, START_REQUEST("05"));
	assert_frame(&s, "c227 02 05 0009 0d 00 00070e");
	/* A message in two, with its length, and the Request of the first again. */
	for (int i = 0; i < 2; i++) {
		solo_hears(&s, "c227 01 06 000c 0d c0 00000004 1603");
		assert_frame(&s, "c227 02 06 0006 0d 00");
	}
	assert_said(&s, "< EAP Response id 6 TLS ack\n");
	solo_hears(&s, "c227 01 07 0008 0d 00 0102");
	assert_said(&s, "our tls whole 2\n");
	assert_memory_equal(s.tls, "\1\2", 2);
	solo_hears(&s, "c227 01 08 0008 0d 00 0102");
	assert_said(&s, "drop frame-id\n"); /* nothing new while a question is open */
	solo_hears(&s, "c227 03 07 0004");
	assert_non_null(strstr(s.said, "EAP Success before TLS has ended")); /* nothing is proved */
	assert_non_null(strstr(s.said, "drop frame-id\n"));
	says(TLS_DONE, 0, 0);
	for (int i = 0; i < 2; i++) {
		assert_frame(&s, "c227 02 07 0006 0d 00");
		solo_hears(&s, "c227 01 07 0008 0d 00 0102");
	}
	solo_hears(&s, START_REQUEST("09"));
	assert_said(&s, "drop auth-tls\n"); /* nothing begins again behind a proof */
	solo_hears(&s, "c227 03 07 0004");
	assert_said(&s, "note EAP authentication succeeded\ntls end\nnetwork\n");
	solo_hears(&s, "c227 01 07 0008 0d 00 0102"); /* the network brought one late */
	assert_frame(&s, "c227 02 07 0006 0d 00");
	solo_hears(&s, "c227 01 0a 0008 0d 00 0102");
	assert_said(&s, "drop frame-id\n");
}

/* Success is never repeated. What says it too: the network phase, and time where the authenticator
 * is known to have all it needs. */
static void lost_success(void **state)
{
	peer();
	says(TLS_DONE, 0, 0);
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "note EAP authentication succeeded\ntls end\nnetwork\n");
	peer();
	says(TLS_DONE, 0, 0);
	solo_tick(&s);
	assert_said(&s, "note EAP authentication succeeded\ntls end\nnetwork\n");
	peer();
	says(TLS_DONE, 3, 0); /* our last word may be what was lost */
	assert_true(link_deadline(&s.link) > SECONDS(20));
}

/* Who gives up says why, and hears the other out. */
static void peer_gives_up(void **state)
{
	peer();
	says(TLS_FAILED, 7, CLOSE_AUTH_PEER_FALSE);
	assert_frame(&s, "c227 02 05 000d 0d 00 00070e151c232a");
	assert_int_equal(s.link.closing, CLOSE_NONE);
	solo_hears(&s, "c227 03 05 0004");
	assert_said(&s, "drop frame-id\n"); /* we have not been convinced */
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "");
	solo_hears(&s, "c227 04 05 0004");
	assert_int_equal(s.link.closing, CLOSE_AUTH_PEER_FALSE);
	peer();
	says(TLS_FAILED, 0, CLOSE_AUTH_WE_FAILED); /* an alert was heard */
	assert_frame(&s, "c227 02 05 0006 0d 00");
	solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_FAILED);
	peer();
	says(TLS_GOES_ON, 3, 0);
	solo_hears(&s, "c227 04 05 0004"); /* Failure out of the blue */
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_FAILED);
}

static void authenticator_golden(void **state)
{
	authenticator();
	solo_tick(&s);
	assert_frame(&s, START_REQUEST("02"));
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	assert_said(&s, "tls whole 3\n");
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	assert_said(&s, ""); /* TLS thinks */
	says(TLS_GOES_ON, 3000, 0);
	assert_said(&s, "< EAP Request id 3 TLS length 3000 more 1390 bytes\n");
	assert_hex(s.frame, 15, "c227 01 03 0578 0d c0 00000bb8 00070e");
	solo_tick(&s);
	assert_said(&s, "< EAP Request id 3 TLS length 3000 more 1390 bytes\n");
	solo_hears(&s, "c227 02 03 0006 0d 00");
	assert_said(&s, "< EAP Request id 4 TLS more 1394 bytes\n");
	assert_memory_equal(s.frame + 8, flight + 1390, 1394);
	solo_hears(&s, "c227 02 03 0006 0d 00");
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 02 04 0008 0d 00 0102");
	assert_said(&s, "drop auth-tls\n"); /* an acknowledgement has no data */
	solo_hears(&s, "c227 02 04 0006 0d 00");
	assert_said(&s, "< EAP Request id 5 TLS 216 bytes\n");
	assert_memory_equal(s.frame + 8, flight + 2784, 216);
	/* The last fragment asks for an answer: an acknowledgement of it goes nowhere, ever. */
	for (int i = 0; i < 3; i++) {
		solo_hears(&s, "c227 02 05 0006 0d 00");
		assert_said(&s, "drop auth-tls\n");
	}
	solo_hears(&s, "c227 02 05 000c 0d c0 00000003 aabb");
	assert_said(&s, "tls part 2\n< EAP Request id 6 TLS ack\n");
	solo_hears(&s, "c227 02 06 000b 0d 80 00000003 cc");
	assert_said(&s, "tls whole 1\n");
	says(TLS_DONE, 1, 0);
	assert_frame(&s, "c227 01 07 0007 0d 00 00");
	solo_hears(&s, "c227 02 07 0008 0d 00 1503"); /* an alert behind it: TLS shall read it */
	assert_said(&s, "tls whole 2\n");
	says(TLS_DONE, 1, 0);
	solo_hears(&s, "c227 02 08 0006 0d 00");
	assert_said(&s, "< EAP Success id 8\nnote EAP peer authentication succeeded for \"User\"\n"
			"tls end\nnetwork\n");
	assert_int_equal(s.link.peer_method, AUTH_EAP_TLS);
	solo_hears(&s, "c227 02 08 0006 0d 00");
	assert_said(&s, "< EAP Success id 8\n");
}

/* Where the last word is the peer's nothing is left to be acknowledged. */
static void authenticator_ends(void **state)
{
	authenticator();
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	says(TLS_DONE, 0, 0);
	assert_non_null(strstr(s.said, "< EAP Success id 2\n"));
	authenticator();
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	says(TLS_FAILED, 0, CLOSE_AUTH_FAILED);
	assert_non_null(strstr(s.said, "< EAP Failure id 2\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
	authenticator();
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	says(TLS_FAILED, 7, CLOSE_AUTH_FAILED);
	assert_int_equal(s.link.closing, CLOSE_NONE); /* the alert is to arrive */
	for (int i = 0; i < 9; i++)
		solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_NONE);
	solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
	authenticator();
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	says(TLS_GOES_ON, 0, 0); /* it wants to hear more */
	assert_frame(&s, "c227 01 03 0006 0d 00");
	for (int i = 0; i < 10; i++)
		solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_AUTH_TIMEOUT);
}

/* The Nak of one that has no certificates. */
static void nak_to_start(void **state)
{
	begin(AUTH_EAP_TLS | AUTH_EAP_MSCHAPV2, 0);
	solo_hears(&s, "c227 02 01 0009 01 55736572");
	solo_hears(&s, "c227 02 02 0006 03 1a");
	assert_non_null(strstr(s.said, "< EAP Request id 3 MS-CHAPv2 Challenge"));
	assert_int_equal(s.link.eap.theirs.method, AUTH_EAP_MSCHAPV2);
	solo_hears(&s, "c227 02 03 0008 0d 00 0102");
	assert_said(&s, "drop frame-code\n");
	authenticator();
	solo_hears(&s, "c227 02 02 0009 0d 00 160301");
	says(TLS_GOES_ON, 3, 0);
	solo_hears(&s, "c227 02 03 0006 03 1a"); /* too late for that */
	assert_said(&s, "drop frame-code\n");
}

static void unanswered(void **state)
{
	peer();
	s.token++;
	says(TLS_DONE, 0, 0);
	assert_said(&s, "drop auth-answer\n");
	s.token--;
	says(TLS_DONE, 0, 0);
	says(TLS_DONE, 0, 0);
	assert_said(&s, "drop auth-answer\n");
	begin(0, AUTH_EAP_TLS);
	solo_hears(&s, "c227 01 05 0008 0d 00 0102"); /* without a Start */
	assert_said(&s, "drop auth-tls\n");
}

/* CVE-2018-11574 and its like: what a length says is no more and no less than what comes. */
static void lengths(void **state)
{
	static const char *const bad[] = {"0009 0d c0 000000",     /* no room for it */
		"000b 0d 80 00000002 16",                          /* less came */
		"000c 0d 80 00000001 1603",                        /* more */
		"000a 0d c0 00000004",                             /* a fragment of nothing */
		"000a 0d 80 00000004", "000c 0d c0 00000002 1603", /* nothing is left to follow */
		"0006 0d 40",                                      /* without end */
		"0005 0d", "0008 0d 20 1603"};
	static const char *const rest[] = {
		"000c 0d c0 00000009 1603",    /* another length than at first */
		"0008 0d 00 1603",             /* less than was said */
		"000e 0d 00 1603030405060708", /* more */
		"0006 0d 00"};
	char line[128];
	struct link before;
	for (int role = 0; role < 2; role++) {
		const char *const head = role ? "c227 02 02 " : "c227 01 06 ";
		for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
			role ? authenticator() : peer();
			if (!role)
				says(TLS_GOES_ON, 3, 0);
			before = s.link;
			snprintf(line, sizeof line, "%s%s", head, bad[i]);
			if (!role && i == 8)
				continue; /* a Start, with something behind it */
			solo_hears(&s, line);
			assert_said(&s, "drop auth-tls\n");
			assert_memory_equal(&before.theirs, &s.link.theirs, sizeof before.theirs);
			assert_memory_equal(&before.ours, &s.link.ours, sizeof before.ours);
			assert_memory_equal(&before.eap, &s.link.eap, sizeof before.eap);
		}
		for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
			role ? authenticator() : peer();
			if (!role)
				says(TLS_GOES_ON, 3, 0);
			snprintf(line, sizeof line, "%s000c 0d c0 00000008 1603", head);
			solo_hears(&s, line);
			snprintf(line, sizeof line, "%s%s", role ? "c227 02 03 " : "c227 01 07 ",
				rest[i]);
			solo_hears(&s, line);
			assert_said(&s, "drop auth-tls\n");
		}
		role ? authenticator() : peer();
		if (!role)
			says(TLS_GOES_ON, 3, 0);
		snprintf(line, sizeof line, "%s000c 0d c0 00010000 1603", head);
		solo_hears(&s, line);
		assert_non_null(strstr(s.said, "longer than 65535 bytes"));
		assert_int_equal(s.link.closing, role ? CLOSE_AUTH_FAILED : CLOSE_AUTH_WE_FAILED);
	}
}

/* A message whose length nobody announced is bounded all the same. */
static void endless(void **state)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t frame[1008] = {0xc2, 0x27, 2, 2, 0x03, 0xee, 13, 0x40};
	authenticator();
	for (int i = 0; i < 65; i++) {
		frame[3] = (uint8_t)(2 + i);
		outbox_clear(&out);
		link_input(&s.link, frame, sizeof frame, s.now, &out);
		assert_int_equal(s.link.closing, CLOSE_NONE);
	}
	frame[3]++;
	outbox_clear(&out);
	link_input(&s.link, frame, sizeof frame, s.now, &out);
	assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
}

/* Two ends. */

static void ends(uint16_t size, bool resumed)
{
	pair_init(&p);
	p.a.link_config.allow_auth = p.b.link_config.demand_auth = AUTH_EAP_TLS;
	for (int i = 0; i < 2; i++) {
		p.a.tls[i].size = p.b.tls[i].size = size;
		p.a.tls[i].resumed = p.b.tls[i].resumed = resumed;
	}
}

static void up(void)
{
	pair_run(&p, p.now + SECONDS(100));
	if (!pair_up(&p) || p.a.identity.our_method != AUTH_EAP_TLS ||
		p.b.identity.peer_method != AUTH_EAP_TLS || !p.b.identity.keys.valid)
		FAIL_TOLD("not up");
	assert_int_equal(p.a.tls[0].ended, 1);
	assert_int_equal(p.b.tls[0].ended, 1);
	assert_int_equal(p.b.tls[0].identities, 1);
}

static void whole_exchange(void **state)
{
	static const uint16_t sizes[] = {12, 100, 1389, 1390, 1391, 1394, 1395, 2784, 2785, 8192};
	static const uint16_t mrus[] = {1500, 1400, 128};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int k = 0; k < 6; k++) {
			ends(sizes[i], k & 1);
			p.a.link_config.mru = p.b.link_config.mru = mrus[k / 2];
			pair_start(&p);
			up();
		}
}

static void any_one_frame_lost(void **state)
{
	for (int resumed = 0; resumed < 2; resumed++) {
		unsigned frames = 1;
		for (unsigned lose = 0; lose < frames; lose++) {
			ends(3000, resumed);
			p.lose = (int)lose;
			pair_start(&p);
			up();
			frames = p.sent;
		}
		assert_in_range(frames, 20, 100);
	}
}

static void either_gives_up(void **state)
{
	for (int i = 0; i < 4; i++) {
		ends(3000, i & 1);
		(i & 2 ? &p.b.tls[0] : &p.a.tls[1])->refuse = true;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(100));
		assert_int_equal(p.a.reason, i & 2 ? CLOSE_AUTH_WE_FAILED : CLOSE_AUTH_PEER_FALSE);
		assert_int_equal(p.b.reason, CLOSE_AUTH_FAILED);
		assert_int_equal(p.a.tls[0].ended, 1);
		assert_int_equal(p.b.tls[0].ended, 1);
	}
}

/* Both prove themselves by TLS, or one by TLS and one otherwise: one set of keys counts. */
static void both_ways(void **state)
{
	static const uint8_t others[] = {AUTH_EAP_TLS, AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2};
	for (int i = 0; i < 3; i++) {
		ends(3000, false);
		p.a.link_config.demand_auth = others[i];
		p.b.link_config.allow_auth = others[i];
		p.a.peer_password = "secret";
		pair_start(&p);
		up();
		assert_int_equal(p.a.identity.peer_method, others[i]);
	}
}

/* An answer of before LCP started again is nobody's. */
static void renegotiated(void **state)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	ends(3000, false);
	p.b.hold_tls = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	assert_int_equal(p.b.tls[0].begun, 1);
	uint32_t stale = p.b.tls_token[0];
	static const uint8_t request[] = {0xc0, 0x21, 1, 99, 0, 4};
	pair_inject(&p, &p.b, request, sizeof request);
	p.b.hold_tls = false;
	link_tls(&p.b.link, stale, &p.b.tls[0].reply, p.now, &out);
	assert_int_equal(out.items[0].kind, LINK_DROP);
	pair_run(&p, p.now + SECONDS(100));
	assert_true(pair_up(&p));
	assert_int_equal(p.b.tls[0].ended, 2);
}

/* A peer that wants no proof of us wants none of anybody. */
static void needs_eap(void **state)
{
	static const uint8_t demands[] = {0, AUTH_MSCHAPV2, AUTH_EAP_TLS};
	for (int i = 0; i < 3; i++) {
		ends(3000, false);
		p.a.link_config.allow_auth = AUTH_EAP_TLS | AUTH_MSCHAPV2;
		p.a.link_config.need_eap = true;
		p.b.link_config.demand_auth = demands[i];
		p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(100));
		assert_int_equal(pair_up(&p), i == 2);
		assert_int_equal(p.a.reason, i == 2 ? CLOSE_NONE : CLOSE_AUTH_PEER_FALSE);
		assert_int_equal(end_noted(&p.a, "does not ask us for EAP"), i != 2);
		assert_int_equal(p.a.network, i == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_golden),
		cmocka_unit_test(lost_success),
		cmocka_unit_test(peer_gives_up),
		cmocka_unit_test(authenticator_golden),
		cmocka_unit_test(authenticator_ends),
		cmocka_unit_test(nak_to_start),
		cmocka_unit_test(unanswered),
		cmocka_unit_test(lengths),
		cmocka_unit_test(endless),
		cmocka_unit_test(whole_exchange),
		cmocka_unit_test(any_one_frame_lost),
		cmocka_unit_test(either_gives_up),
		cmocka_unit_test(both_ways),
		cmocka_unit_test(renegotiated),
		cmocka_unit_test(needs_eap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
