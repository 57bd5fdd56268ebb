/* EAP in golden bytes, both roles; and two whole endpoints that lose, repeat and forge its
 * packets. */
#include "pair.h"
#include "solo.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"

enum { EAP_PASSWORDS = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2 };

static struct solo s;
static struct pair p;

#define RFC_CHALLENGE "5B5D7C7D7B3F2F3E3C2C602132262628"
#define RFC_PEER      "21402324255E262A28295F2B3A337C7E"
#define RFC_RESPONSE  "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"
/* "S=407A5589115FD0D6209F510FE9C04566932CDA56" */
#define RFC_SUCCESS                                                                                \
	"533d 3430374135353839313135464430443632303946353130464539433034353636393332434441"        \
	"3536"

static const struct link_config user = {.mru = 1500,
	.name = "User",
	.name_length = 4,
	.password = "clientPass",
	.password_length = 10};

/* Alone, in Authenticate, LCP's part of it done. */
static void peer(uint8_t allowed)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	struct turn_kinds kinds = {.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};
	struct turn turn = {.now = SECONDS(1), .out = &out, .kinds = &kinds};
	struct link_config config = user;
	config.allow_auth = allowed;
	solo_link(&s, &config);
	s.link.lcp.fsm.state = FSM_OPENED;
	s.link.phase = PHASE_AUTHENTICATE;
	s.link.auth_deadline = SECONDS(31);
	s.link.peer_proved = true;
	eap_start(&s.link, 0, allowed, &turn);
	assert_int_equal(out.item_count, 0);
}

static void authenticator(uint8_t demanded)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	struct turn_kinds kinds = {.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};
	struct turn turn = {.now = SECONDS(1), .out = &out, .kinds = &kinds};
	struct link_config config = user;
	config.name = "srv";
	config.name_length = 3;
	config.demand_auth = demanded;
	solo_link(&s, &config);
	s.link.lcp.fsm.state = FSM_OPENED;
	s.link.phase = PHASE_AUTHENTICATE;
	s.link.auth_deadline = SECONDS(31);
	s.link.we_proved = true;
	s.link.lcp.auth_asked = demanded;
	eap_start(&s.link, demanded, 0, &turn);
	assert_hex(outbox_bytes(&out, &out.items[0]), 7, "c227 01 01 0005 01");
}

static void identity_notification_nak(void **state)
{
	peer(AUTH_EAP_MSCHAPV2);
	solo_hears(&s, "c227 01 05 0005 01");
	assert_frame(&s, "c227 02 05 0009 01 55736572");
	solo_hears(&s, "c227 01 05 000a 01 68656c6c6f"); /* the same again, with a prompt */
	assert_frame(&s, "c227 02 05 0009 01 55736572");
	solo_hears(&s, "c227 01 06 0008 02 410a42");
	assert_said(
		&s, "note EAP notification: \"A\\012B\"\n< EAP Response id 6 Notification \"\"\n");
	solo_hears(&s, "c227 01 07 000a 04 04 01020304");
	assert_frame(&s, "c227 02 07 0006 03 1a");
	solo_hears(&s, "c227 01 08 0006 0d 20"); /* TLS */
	assert_frame(&s, "c227 02 08 0006 03 1a");
	solo_hears(&s, "c227 01 09 000c fe 000137 00000001"); /* an expanded type */
	assert_frame(&s, "c227 02 09 0014 fe 000000 00000003 fe 000000 0000001a");
	solo_hears(&s, "c227 01 0a 0006 03 1a");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "c227 01 0b 0004");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c227 05 0b 0004");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "c227 03 09 0004"); /* nothing was proved */
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 04 09 0004");
	assert_non_null(strstr(s.said, "note EAP authentication failed: no method in common\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_REFUSED);
	peer(AUTH_EAP);
	solo_hears(&s, "c227 01 08 0006 06 20"); /* best first */
	assert_frame(&s, "c227 02 08 0008 03 0d 1a 04");
	peer(EAP_PASSWORDS);
	solo_hears(&s, "c227 04 09 0004");
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_FAILED);
}

static void md5_peer(void **state)
{
	uint8_t id = 7, challenge[] = {1, 2, 3, 4}, digest[MD5_SIZE];
	const struct piece pieces[] = {{&id, 1}, {"clientPass", 10}, {challenge, 4}};
	md5(digest, pieces, 3);
	peer(AUTH_EAP_MD5);
	for (int i = 0; i < 2; i++) { /* a Request that comes again gets the same */
		solo_hears(&s, "c227 01 07 000d 04 04 01020304 737276");
		assert_int_equal(s.frame_length, 2 + 5 + 1 + 16 + 4);
		assert_hex(s.frame, 8, "c227 02 07 001a 04 10");
		assert_memory_equal(s.frame + 8, digest, sizeof digest);
	}
	solo_hears(&s, "c227 03 05 0004");
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 03 08 0004"); /* as RFC 2284 had it */
	assert_said(&s, "note EAP authentication succeeded\nnetwork\n");
	assert_int_equal(s.link.our_method, AUTH_EAP_MD5);
	struct mppe_start_keys keys;
	eap_our_keys(&s.link, &keys);
	assert_false(keys.valid);

	static const char *const bad[] = {
		"c227 01 07 0006 04 00", "c227 01 07 0005 04", "c227 01 07 0009 04 04 010203"};
	for (size_t i = 0; i < 3; i++) {
		peer(AUTH_EAP_MD5);
		solo_hears(&s, bad[i]);
		assert_said(&s, "drop auth-name\n");
	}
	peer(AUTH_EAP_MD5);
	solo_hears(&s, "c227 01 07 000a 04 04 01020304");
	solo_hears(&s, "c227 04 07 0004");
	assert_non_null(strstr(s.said, "note EAP authentication failed\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_FAILED);
}

#define MS_REQUEST(id) "c227 01 " id " 001d 1a 01 05 0018 10 " RFC_CHALLENGE "737276"

/* The vectors of RFC 2759 §9.2, as the peer, up to the Success-Request. */
static void claim(void)
{
	peer(AUTH_EAP_MSCHAPV2);
	solo_hears(&s, MS_REQUEST("09"));
	hex_bytes(s.link.ours.remembered, 16, RFC_PEER);
	solo_hears(&s, MS_REQUEST("09")); /* again: the same answer to the same question */
	assert_frame(&s, "c227 02 09 003f 1a 02 05 003a 31 " RFC_PEER
			 "0000000000000000" RFC_RESPONSE "00 55736572");
}

static void mschapv2_peer(void **state)
{
	claim();
	solo_hears(&s, "c227 03 09 0004"); /* too early */
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 01 08 0005 01"); /* one of before, brought late, changes nothing */
	solo_hears(&s, "c227 01 0a 0033 1a 03 06 002e" RFC_SUCCESS);
	assert_frame(&s, "c227 02 0a 0006 1a 03");
	solo_hears(&s, "c227 01 0a 0033 1a 03 06 002e" RFC_SUCCESS);
	assert_frame(&s, "c227 02 0a 0006 1a 03");
	solo_hears(&s, MS_REQUEST("09"));
	assert_int_equal(s.frame_length, 2 + 0x3f);
	solo_hears(&s, "c227 04 0a 0004"); /* nobody who knows the password says so now */
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 01 0b 000b 1a 04 06 0006 453d");
	assert_said(&s, "drop frame-code\n");
	solo_hears(&s, "c227 03 0a 0004");
	assert_said(&s, "note EAP authentication succeeded\nnetwork\n");
	solo_hears(&s, "c227 03 0a 0004");
	assert_said(&s, ""); /* we know */
	solo_hears(&s, "c227 03 09 0004");
	assert_said(&s, "drop frame-id\n");
	struct mppe_start_keys keys;
	eap_our_keys(&s.link, &keys);
	assert_hex(keys.receive, 16, "8B7CDC149B993A1BA118CB153F56DCCB"); /* RFC 3079 §3.5.3 */
}

/* Success is never repeated: the network phase says it too, or time does. */
static void lost_success(void **state)
{
	claim();
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, ""); /* the authenticator has not proved itself */
	solo_hears(&s, "c227 01 0a 0033 1a 03 06 002e" RFC_SUCCESS);
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "note EAP authentication succeeded\nnetwork\n");
	claim();
	solo_hears(&s, "c227 01 0a 0033 1a 03 06 002e" RFC_SUCCESS);
	solo_hears(&s, "9235 01 01 0004"); /* nobody's protocol */
	assert_said(&s, "");
	solo_tick(&s);
	assert_said(&s, "note EAP authentication succeeded\nnetwork\n");
	assert_true(s.now == SECONDS(4));
	claim(); /* a new question takes back what the proof before it allowed */
	solo_hears(&s, "c227 01 0a 0033 1a 03 06 002e" RFC_SUCCESS);
	solo_hears(&s, "c227 01 0b 001a 1a 01 05 0015 10 000102030405060708090a0b0c0d0e0f");
	assert_true(link_deadline(&s.link) > SECONDS(10));
	solo_hears(&s, "8021 01 01 0004");
	assert_said(&s, "");
	peer(AUTH_EAP_MD5); /* which has no proof: only the network phase counts */
	solo_hears(&s, "c227 01 07 000a 04 04 01020304");
	assert_true(link_deadline(&s.link) > SECONDS(10));
	solo_hears(&s, "80fd 01 01 0004");
	assert_said(&s, "note EAP authentication succeeded\nnetwork\n");
}

static void bad_packets_of_the_authenticator(void **state)
{
	static const struct {
		const char *packet, *said;
	} cases[] = {
		{"c227 01 0a 0008 1a 01 05 00", "drop frame-short\n"},
		{"c227 01 0a 0009 1a 01 05 0004", "drop auth-name\n"},
		{"c227 01 0a 0019 1a 01 05 0014 0f 5B5D7C7D7B3F2F3E3C2C6021322626",
			"drop auth-name\n"},
		{"c227 01 0a 0019 1a 01 05 0014 10 5B5D7C7D7B3F2F3E3C2C6021322626",
			"drop auth-name\n"},
		{"c227 01 0a 0009 1a 02 05 0004", "drop frame-code\n"},
		{"c227 01 0a 0009 1a 07 05 0004", "drop frame-code\n"},
		{"c227 01 0a 0009 1a 03 05 0004", "drop frame-code\n"}, /* before any claim */
		{"c227 01 0a 0009 1a 04 05 0004", "drop frame-code\n"},
		{"c227 02 0a 0006 1a 03", "drop frame-protocol\n"}, /* we demand nothing */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		peer(AUTH_EAP_MSCHAPV2);
		solo_hears(&s, cases[i].packet);
		assert_said(&s, cases[i].said);
	}
	claim();
	solo_hears(&s, "c227 01 0a 000b 1a 03 06 0006 533d");
	assert_non_null(strstr(s.said, "mutual authentication failed"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_PEER_FALSE);
	claim();
	solo_hears(&s, "c227 01 0a 0011 1a 04 06 000c 453d36393120523d31");
	assert_non_null(strstr(s.said, "note EAP authentication failed: E=691 wrong user name or "
				       "password\n< EAP Response id 10 MS-CHAPv2 Failure\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_WE_FAILED);
}

/* The same vectors as the authenticator; and each Response that is not one. */
static void to_challenge(uint8_t demanded)
{
	authenticator(demanded);
	solo_hears(&s, "c227 02 01 0009 01 55736572");
	hex_bytes(s.link.theirs.challenge, 16, RFC_CHALLENGE);
	assert_int_equal(s.frame[3], 2);
	solo_tick(&s);
}

static void mschapv2_authenticator_side(void **state)
{
	static const char right[] = "c227 02 02 003f 1a 02 02 003a 31 " RFC_PEER
				    "0000000000000000" RFC_RESPONSE "00 55736572";
	struct auth_answer answer;
	to_challenge(EAP_PASSWORDS);
	assert_frame(&s, "c227 01 02 001d 1a 01 02 0018 10 " RFC_CHALLENGE "737276");
	static const struct {
		const char *packet, *said;
	} cases[] = {
		{"c227 02 01 0009 01 55736572", "drop frame-id\n"},
		{"c227 02 02 0009 01 55736572", "drop frame-code\n"},
		{"c227 02 02 0004", "drop frame-short\n"},
		{"c227 02 02 0006 1a 03", "drop auth-name\n"},
		{"c227 02 02 000a 1a 02 02 0005 31", "drop auth-name\n"},
		{"c227 02 02 000b 1a 02 02 0006 01 00", "drop auth-name\n"},
		{"c227 02 02 0006 04 00", "drop frame-code\n"},
		{"c227 01 02 0005 01", "drop frame-protocol\n"}, /* nobody demands it of us */
		{"c227 03 02 0004", "drop frame-protocol\n"},
		{"c227 04 02 0004", "drop frame-protocol\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		solo_hears(&s, cases[i].packet);
		assert_said(&s, cases[i].said);
	}
	solo_hears(&s, right);
	assert_said(&s, "credentials EAP-MS-CHAPv2\n");
	solo_hears(&s, right);
	assert_said(&s, "");
	assert_int_equal(s.asked.name_length, 4);
	auth_check(&s.asked, "clientPass", 10, false, &answer);
	assert_true(answer.accepted && answer.keys.valid);
	solo_answer(&s, &answer);
	assert_hex(s.frame, 11 + 42, "c227 01 03 0044 1a 03 02 003f" RFC_SUCCESS);
	solo_tick(&s);
	assert_hex(s.frame, 11 + 42, "c227 01 03 0044 1a 03 02 003f" RFC_SUCCESS);
	solo_hears(&s, right);
	assert_said(&s, "drop frame-id\n");
	solo_hears(&s, "c227 02 03 0005 1a");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c227 02 03 0006 1a 03");
	assert_said(&s, "< EAP Success id 3\nnote EAP peer authentication succeeded for "
			"\"User\"\nnetwork\n");
	solo_hears(&s, "c227 02 03 0006 1a 03"); /* as if the Success was lost */
	assert_said(&s, "< EAP Success id 3\n");

	to_challenge(AUTH_EAP_MSCHAPV2);
	solo_hears(&s, right);
	solo_answer(&s, &answer);
	solo_hears(&s, "c227 02 03 0006 1a 04"); /* it does not believe us */
	assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
}

static void denied(void **state)
{
	struct auth_answer no = {.error = AUTH_ERROR_DISABLED};
	for (int confirmed = 0; confirmed < 2; confirmed++) {
		to_challenge(AUTH_EAP_MSCHAPV2);
		s.link.auth_deadline = NEVER;
		solo_hears(&s, "c227 02 02 003f 1a 02 02 003a 31 " RFC_PEER
			       "0000000000000000" RFC_RESPONSE "00 55736572");
		solo_answer(&s, &no);
		assert_hex(s.frame, 11, "c227 01 03 004c 1a 04 02 0047");
		assert_memory_equal(s.frame + 11, "E=647 R=0 C=5B5D7C", 18);
		for (int i = 1; i < s.link_config.max_configure && !confirmed; i++) {
			solo_tick(&s);
			assert_int_equal(s.frame[3], 3);
		}
		if (confirmed)
			solo_hears(&s, "c227 02 03 0006 1a 04");
		else
			solo_tick(&s);
		assert_non_null(strstr(s.said, "note Peer \"User\" failed EAP authentication\n"
					       "< EAP Failure id 3\n"));
		assert_int_equal(s.link.closing, CLOSE_AUTH_FAILED);
	}
}

static void md5_authenticator(void **state)
{
	for (int right = 0; right < 2; right++) {
		to_challenge(AUTH_EAP_MD5);
		assert_frame(&s, "c227 01 02 0019 04 10 " RFC_CHALLENGE "737276");
		/* The name is the Response's; where it has none the Identity. */
		solo_hears(
			&s, right ? "c227 02 02 0019 04 10 00000000000000000000000000000000 626f62"
				  : "c227 02 02 0016 04 10 00000000000000000000000000000000");
		assert_said(&s, "credentials EAP-MD5\n");
		assert_int_equal(s.asked.name_length, right ? 3 : 4);
		assert_memory_equal(s.asked.name, right ? "bob" : "User", right ? 3 : 4);
		assert_int_equal(s.asked.chap_id, 2);
		struct auth_answer answer = {.accepted = right};
		solo_answer(&s, &answer);
		assert_non_null(
			strstr(s.said, right ? "< EAP Success id 2\n" : "< EAP Failure id 2\n"));
		assert_int_equal(s.link.closing, right ? CLOSE_NONE : CLOSE_AUTH_FAILED);
		assert_int_equal(s.link.phase == PHASE_NETWORK, right);
	}
}

static void naks(void **state)
{
	to_challenge(EAP_PASSWORDS);
	solo_hears(&s, "c227 02 02 0008 03 0d 04 1a"); /* what is refused is refused */
	assert_hex(s.frame, 8, "c227 01 03 0019 04 10");
	solo_hears(&s, "c227 02 03 0006 03 1a");
	assert_non_null(strstr(s.said, "note Peer refuses every EAP method that is allowed here\n"
				       "< EAP Failure id 3\n"));
	assert_int_equal(s.link.closing, CLOSE_AUTH_REFUSED);
	to_challenge(EAP_PASSWORDS);
	solo_hears(&s, "c227 02 02 0006 03 00");
	assert_int_equal(s.link.closing, CLOSE_AUTH_REFUSED);
	authenticator(EAP_PASSWORDS);
	solo_hears(&s, "c227 02 01 0006 03 1a"); /* RFC 3748 §5.3.1: not to an Identity */
	assert_said(&s, "drop frame-code\n");
}

static void silence(void **state)
{
	authenticator(EAP_PASSWORDS);
	s.link.auth_deadline = NEVER;
	for (int i = 1; i < s.link_config.max_configure; i++) {
		solo_tick(&s);
		assert_said(&s, "< EAP Request id 1 Identity \"\"\n");
	}
	solo_tick(&s);
	assert_int_equal(s.link.closing, CLOSE_AUTH_TIMEOUT);
}

/* Names of every length, to the byte (CVE-2020-8597). */
static void name_lengths(void **state)
{
	uint8_t frame[PPP_FRAME_MAX] = {0xc2, 0x27, 2, 1, 0, 0, 1};
	for (size_t name = 0; name <= 1400; name += name < 270 ? 1 : 50)
		for (unsigned which = 0; which < 3; which++) {
			static const uint8_t heads[3][7] = {{1}, {26, 2, 2, 0, 0, 49}, {4, 16}};
			static const size_t fixed[] = {1, 6 + 49, 2 + 16};
			OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
			if (which)
				to_challenge(which == 1 ? AUTH_EAP_MSCHAPV2 : AUTH_EAP_MD5);
			else
				authenticator(EAP_PASSWORDS);
			size_t length = 4 + fixed[which] + name;
			frame[3] = which ? 2 : 1;
			put_u16(frame + 4, (uint16_t)length);
			memcpy(frame + 6, heads[which], sizeof heads[which]);
			uint8_t *exact = malloc(length + 2);
			assert_non_null(exact);
			memcpy(exact, frame, length + 2);
			link_input(&s.link, exact, length + 2, s.now, &out);
			free(exact);
			assert_int_equal(out.items[0].kind, name > PPP_NAME_MAX ? LINK_DROP
							    : which             ? LINK_CREDENTIALS
										: LINK_FRAME);
			if (name > PPP_NAME_MAX)
				assert_int_equal(out.items[0].arg, DROP_AUTH_NAME);
		}
}

/* Both ends whole. */

static void both(uint8_t demand, uint8_t allow)
{
	pair_init(&p);
	p.b.link_config.demand_auth = demand;
	p.a.link_config.allow_auth = allow;
	if (!(demand & allow & AUTH_KEYED))
		p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0,
		p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
}

static void whole_exchange(void **state)
{
	both(AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2, EAP_PASSWORDS); /* LCP: Nak towards EAP */
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	if (!pair_up(&p))
		FAIL_TOLD("not up");
	assert_true(pair_logged(&p, "client LCP Configure-Nak"));
	assert_int_equal(p.a.identity.our_method, AUTH_EAP_MSCHAPV2);
	assert_int_equal(p.b.identity.peer_method, AUTH_EAP_MSCHAPV2);
	assert_int_equal(p.a.transmit.strength, MPPE_128);
	assert_true(end_noted(&p.a, "EAP authentication succeeded\n"));
	both(EAP_PASSWORDS, AUTH_EAP_MD5); /* EAP: Nak towards MD5 */
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	assert_true(pair_up(&p));
	assert_true(pair_logged(&p, "client EAP Response id 2 Nak MD5-Challenge\n"));
	assert_int_equal(p.b.identity.peer_method, AUTH_EAP_MD5);
}

static void any_one_frame_lost(void **state)
{
	for (unsigned md5 = 0; md5 < 2; md5++)
		for (int lose = 0; lose < 40; lose++) {
			uint8_t method = md5 ? AUTH_EAP_MD5 : AUTH_EAP_MSCHAPV2;
			both(method, method);
			p.lose = lose;
			pair_start(&p);
			pair_run(&p, p.now + SECONDS(28));
			if (!pair_up(&p))
				FAIL_TOLD("method %u without frame %d", method, lose);
		}
}

static void wrong_password(void **state)
{
	static const uint8_t methods[] = {AUTH_EAP_MD5, AUTH_EAP_MSCHAPV2};
	for (size_t i = 0; i < 2; i++) {
		both(methods[i], methods[i]);
		p.b.peer_password = "other";
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(20));
		assert_true(p.a.closed && p.b.closed);
		assert_int_equal(p.a.reason, CLOSE_AUTH_WE_FAILED);
		assert_int_equal(p.b.reason, CLOSE_AUTH_FAILED);
		assert_false(p.a.networks || p.b.networks);
		assert_true(end_noted(&p.b, "Peer \"user\" failed EAP authentication\n"));
		assert_true(end_noted(&p.a, i ? "EAP authentication failed: E=691 wrong user name "
					      : "EAP authentication failed\n"));
	}
}

static void no_method_in_common(void **state)
{
	both(AUTH_EAP_MSCHAPV2, AUTH_EAP_MD5);
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(20));
	assert_true(p.a.closed && p.b.closed);
	assert_int_equal(p.a.reason, CLOSE_AUTH_WE_REFUSED);
	assert_int_equal(p.b.reason, CLOSE_AUTH_REFUSED);
}

static void both_prove_themselves(void **state)
{
	static const uint8_t other[] = {AUTH_EAP_MSCHAPV2, AUTH_MSCHAPV2, AUTH_EAP_MD5, AUTH_PAP};
	for (size_t i = 0; i < sizeof other; i++) {
		both(AUTH_EAP_MSCHAPV2, AUTH_EAP_MSCHAPV2);
		p.a.link_config.demand_auth = p.b.link_config.allow_auth = other[i];
		p.a.peer_password = "secret";
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(10));
		if (!pair_up(&p))
			FAIL_TOLD("with %u", other[i]);
		assert_int_equal(p.a.identity.peer_method, other[i]);
	}
}

/* Our own challenge as a question to ourselves. */
static void reflection(void **state)
{
	static const uint8_t methods[] = {AUTH_EAP_MD5, AUTH_EAP_MSCHAPV2};
	for (size_t i = 0; i < 2; i++) {
		both(methods[i], methods[i]);
		p.a.link_config.demand_auth = p.b.link_config.allow_auth = methods[i];
		p.stop_b = true;
		pair_start(&p);
		p.stop_b = false;
		pair_run(&p, p.now + SECONDS(1));
		p.b.link.eap.ours.state = PROOF_ASKED;
		p.b.link.eap.theirs.state = PROOF_OPEN;
		p.b.link.eap.theirs.step = EAP_STEP_CHALLENGE;
		p.b.link.eap.ours.allowed = methods[i];
		p.b.link.phase = PHASE_AUTHENTICATE;
		uint8_t frame[64];
		struct writer w = writer_over(frame, sizeof frame);
		write_u16(&w, EAP);
		write_u8(&w, 1);
		write_u8(&w, 200);
		write_u16(&w, i ? 4 + 22 : 4 + 18);
		write_u8(&w, i ? 26 : 4);
		if (i)
			write_bytes(&w, "\1\1\0\25", 4);
		write_u8(&w, 16);
		write_bytes(&w, p.b.link.theirs.challenge, 16);
		pair_inject(&p, &p.b, frame, writer_length(&w));
		assert_true(end_noted(&p.b, "Peer sent our own EAP challenge back to us\n"));
		assert_int_equal(p.b.link.closing, CLOSE_AUTH_PEER_FALSE);
	}
}

/* RFC 3748 §2.4: asked again in the Network phase; the answer is given, and nothing else changes.
 */
static void asked_again_later(void **state)
{
	both(AUTH_EAP_MSCHAPV2, AUTH_EAP_MSCHAPV2);
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	assert_true(pair_up(&p));
	static const uint8_t identity[] = {0xc2, 0x27, 1, 77, 0, 5, 1};
	static const uint8_t again[] = {0xc2, 0x27, 1, 78, 0, 26, 26, 1, 1, 0, 21, 16, 1, 2, 3, 4,
		5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	pair_inject(&p, &p.a, identity, sizeof identity);
	pair_inject(&p, &p.a, again, sizeof again);
	assert_true(pair_logged(&p, "client EAP Response id 77 Identity \"user\"\n"));
	assert_true(pair_logged(&p, "client EAP Response id 78 MS-CHAPv2 Response"));
	pair_run(&p, p.now + SECONDS(60));
	assert_true(pair_up(&p));
	assert_int_equal(p.a.networks, 1);
}

static void rejected(void **state)
{
	static const uint8_t reject[] = {0xc0, 0x21, 8, 1, 0, 6, 0xc2, 0x27};
	both(AUTH_EAP_MSCHAPV2, AUTH_EAP_MSCHAPV2);
	p.b.hold_answers = true;
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	pair_inject(&p, &p.b, reject, sizeof reject);
	pair_inject(&p, &p.a, reject, sizeof reject);
	assert_int_equal(p.b.link.closing, CLOSE_AUTH_REFUSED);
	assert_int_equal(p.a.link.closing, CLOSE_AUTH_WE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_notification_nak),
		cmocka_unit_test(md5_peer),
		cmocka_unit_test(mschapv2_peer),
		cmocka_unit_test(lost_success),
		cmocka_unit_test(bad_packets_of_the_authenticator),
		cmocka_unit_test(mschapv2_authenticator_side),
		cmocka_unit_test(denied),
		cmocka_unit_test(md5_authenticator),
		cmocka_unit_test(naks),
		cmocka_unit_test(silence),
		cmocka_unit_test(name_lengths),
		cmocka_unit_test(whole_exchange),
		cmocka_unit_test(any_one_frame_lost),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(no_method_in_common),
		cmocka_unit_test(both_prove_themselves),
		cmocka_unit_test(reflection),
		cmocka_unit_test(asked_again_later),
		cmocka_unit_test(rejected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
