/* Bugs that shipped in other people's PPP, each by name; and every truncation and every changed bit
 * of every packet, in every phase, against whole endpoints. */
#include "pair.h"
#include "solo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct solo s;
static struct pair p;

static const struct link_config plain = {.mru = 1500, .name = "", .password = ""};

/* CVE-2020-8597: pppd took the length of an EAP name from the packet, not from what was left of it;
 * the same could be done in CHAP. */
static void cve_2020_8597_name_lengths(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_MSCHAPV2;
	uint8_t frame[PPP_FRAME_MAX] = {0xc2, 0x23, 2, 1, 0, 0, 49};
	for (size_t name = 0; name <= 1400; name += 25) {
		OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
		solo_link(&s, &config);
		solo_hears(&s, "c021 01 07 0004");
		s.link.lcp.fsm.state = FSM_OPENED;
		s.link.phase = PHASE_AUTHENTICATE;
		s.link.chap.theirs.state = PROOF_OPEN;
		s.link.chap.theirs.method = AUTH_MSCHAPV2;
		s.link.chap.theirs.id = 1;
		size_t length = 4 + 1 + 49 + name;
		put_u16(frame + 4, (uint16_t)length);
		uint8_t *exact = malloc(length + 2);
		assert_non_null(exact);
		memcpy(exact, frame, length + 2);
		link_input(&s.link, exact, length + 2, s.now, &out);
		free(exact);
		assert_int_equal(out.items[0].kind, name <= 255 ? LINK_CREDENTIALS : LINK_DROP);
		if (name > 255)
			assert_int_equal(out.items[0].arg, DROP_AUTH_NAME);
	}
}

/* npppd's lcp_reqci and others: an option of length 0 that is never passed. */
static void npppd_option_of_zero_length(void **state)
{
	solo_link(&s, &plain);
	solo_hears(&s, "c021 01 07 0006 01 00");
	assert_said(&s, "drop frame-options\n");
	solo_hears(&s, "c021 01 07 000a 05 06 12345678");
	assert_said(&s, "< LCP Configure-Ack id 7 magic 12345678\n");
	solo_hears(&s, "c021 03 01 0006 05 00");
	assert_said(&s, "drop frame-options\n");
	solo_hears(&s, "c021 04 01 0006 05 01");
	assert_said(&s, "drop frame-options\n");
}

/* npppd: an option twice made the reply outgrow its buffer. */
static void npppd_duplicate_options(void **state)
{
	char hex[2 * PPP_FRAME_MAX + 32] = "c021 01 07 05dc";
	for (int i = 0; i < (1500 - 4) / 4; i++)
		strcat(hex, "01040000");
	solo_link(&s, &plain);
	solo_hears(&s, hex);
	assert_int_equal(s.frame[2], CONFIGURE_REJECT);
	assert_int_equal(s.frame_length, 2 + 4 + 4 * ((1500 - 4) / 4 - 1));
}

/* pppd c82ddc5: a Configure-Nak that is longer than the request it answers. */
static void pppd_nak_longer_than_the_request(void **state)
{
	char hex[2 * PPP_FRAME_MAX + 32] = "c021 03 01 05d8";
	for (int i = 0; i < (1496 - 4) / 4; i++)
		strcat(hex, "01040200");
	struct link_config config = plain;
	config.mru = 1400;
	solo_link(&s, &config);
	solo_hears(&s, hex);
	assert_non_null(strstr(s.said, "< LCP Configure-Request id 2 mru 512 magic "));
}

/* pppd cc8b00c: an MRU above 1500 was believed. */
static void pppd_mru_above_1500(void **state)
{
	pair_init(&p);
	pair_start(&p);
	pair_run(&p, p.now + SECONDS(1));
	uint8_t request[] = {0xc0, 0x21, 1, 99, 0, 8, 1, 4, 0xff, 0xff};
	pair_inject(&p, &p.a, request, sizeof request);
	assert_true(p.a.link.lcp.peer.mru <= PPP_MRU_DEFAULT);
	pair_run(&p, p.now + SECONDS(10));
	assert_true(p.a.framing.peer_mru <= PPP_MRU_DEFAULT);
}

/* accel-ppp e3c3c775: "S=" was copied out of a Success shorter than it. */
static void accel_success_shorter_than_its_proof(void **state)
{
	static const char text[] = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
	for (size_t length = 0; length < strlen(text); length++) {
		struct link_config config = plain;
		config.allow_auth = AUTH_MSCHAPV2;
		OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
		solo_link(&s, &config);
		s.link.lcp.fsm.state = FSM_OPENED;
		s.link.phase = PHASE_AUTHENTICATE;
		s.link.peer_proved = true;
		s.link.chap.ours.state = PROOF_ASKED;
		s.link.chap.ours.method = AUTH_MSCHAPV2;
		uint8_t *exact = malloc(6 + length);
		assert_non_null(exact);
		memcpy(exact, "\xc2\x23\x03\x00\x00", 5);
		exact[5] = (uint8_t)(4 + length);
		memcpy(exact + 6, text, length);
		link_input(&s.link, exact, 6 + length, s.now, &out);
		free(exact);
		assert_int_equal(s.link.closing, CLOSE_AUTH_PEER_FALSE);
	}
}

/* accel-ppp: Closing, then Open, ended in Closed. npppd: a Terminate-Ack in Opened was passed over.
 */
static void four_copies_of_the_automaton(void **state)
{
	assert_int_equal(fsm_table[FSM_OPEN][FSM_CLOSING].next, FSM_STOPPING);
	assert_int_equal(fsm_table[FSM_RTA][FSM_OPENED].next, FSM_REQ_SENT);
	assert_int_equal(fsm_table[FSM_RTA][FSM_OPENED].actions, FSM_TLD | FSM_SCR);
}

/* CVE-2022-23253 and its kind: any message in any state, before anybody has proved anything. */
static void cve_2022_23253_unexpected_messages(void **state)
{
	static const uint16_t protocols[] = {
		0xc021, 0xc023, 0xc223, 0xc227, 0x80fd, 0x8021, 0x8057, 0x0021, 0x00fd};
	for (unsigned moment = 0; moment < 20; moment++)
		for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
			for (unsigned code = 0; code < 20; code++) {
				pair_init(&p);
				p.lose = (int)moment; /* stops the negotiation at another place */
				pair_start(&p);
				pair_run(&p, p.now + (moment & 1 ? SECONDS(1) : SECONDS(7)));
				uint8_t frame[] = {(uint8_t)(protocols[i] >> 8),
					(uint8_t)protocols[i], (uint8_t)code, 1, 0, 8, 1, 4, 5,
					0xdc};
				pair_inject(&p, &p.a, frame, sizeof frame);
				pair_inject(&p, &p.b, frame, sizeof frame);
				pair_run(&p, p.now + SECONDS(1));
			}
}

/* A name with a line break in it cannot write a line of its own into the log. */
static void forged_log_lines(void **state)
{
	struct link_config config = plain;
	config.demand_auth = AUTH_PAP;
	solo_link(&s, &config);
	s.link.lcp.fsm.state = FSM_OPENED;
	s.link.phase = PHASE_AUTHENTICATE;
	s.link.lcp.auth_asked = AUTH_PAP;
	s.link.pap.theirs = PROOF_OPEN;
	solo_hears(&s, "c023 01 05 000a 04 0a6f6b22 00");
	struct auth_answer no = {0};
	solo_answer(&s, &no);
	assert_non_null(strstr(s.said, "note Peer \"\\012ok\\\"\" failed PAP authentication\n"));
}

/* Every frame two endpoints exchange, kept, then cut and changed in every way, at every moment. */

enum { KEPT_MAX = 64 };

static struct {
	bool to_b;
	size_t length;
	uint8_t bytes[PPP_FRAME_MAX];
} kept[KEPT_MAX];
static size_t kept_count;
static uint8_t proof; /* the client's method */

static void setup(void)
{
	pair_init(&p);
	p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = MPPE_ALLOW_40 | MPPE_ALLOW_128;
	p.a.unit_config.ask_dns = true;
	p.b.addresses.dns[0] = 0x01010101;
	p.a.link_config.identification = "id";
	p.a.link_config.allow_auth = p.b.link_config.allow_auth = AUTH_PAP | proof;
	p.a.link_config.demand_auth = AUTH_PAP;
	p.a.peer_password = "secret";
	p.b.link_config.demand_auth = proof;
	pair_start(&p);
}

/* Lets exactly `frames` of the exchange pass, and keeps the next as number `frames`. */
static bool run_to(size_t frames)
{
	setup();
	for (size_t passed = 0; p.count;) {
		struct flight *f = &p.queue[p.head];
		if (!f->data && passed++ == frames) {
			kept[frames].to_b = f->to_second;
			kept[frames].length = f->length;
			memcpy(kept[frames].bytes, f->bytes, f->length);
			return true;
		}
		pair_step(&p);
	}
	return false;
}

static int keep_frames(uint8_t method)
{
	proof = method;
	kept_count = 0;
	while (run_to(kept_count)) {
		kept_count++;
		assert_true(kept_count < KEPT_MAX);
	}
	assert_true(pair_up(&p));
	assert_true(kept_count > 20);
	return 0;
}

static int keep_chap(void **state)
{
	return keep_frames(AUTH_MSCHAPV2);
}

static int keep_eap(void **state)
{
	return keep_frames(AUTH_EAP_MSCHAPV2);
}

static void inject_exactly(struct end *to, const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	if (length)
		memcpy(exact, bytes, length);
	pair_inject(&p, to, exact, length);
	free(exact);
}

static void assert_deadlines(void)
{
	assert_true(link_deadline(&p.a.link) >= p.now && unit_deadline(&p.a.unit) >= p.now);
	assert_true(link_deadline(&p.b.link) >= p.now && unit_deadline(&p.b.unit) >= p.now);
}

/* A cut frame is dropped by name and changes nothing: the whole one does its work afterwards. */
static void every_truncation(void **state)
{
	for (size_t i = 0; i < kept_count; i++) {
		assert_true(run_to(i));
		struct end *to = kept[i].to_b ? &p.b : &p.a;
		unsigned sent = p.sent;
		for (size_t cut = 0; cut < kept[i].length; cut++) {
			inject_exactly(to, kept[i].bytes, cut);
			assert_deadlines();
		}
		assert_int_equal(p.sent, sent);
		assert_int_equal(to->drops[DROP_FRAME_SHORT], kept[i].length);
		pair_run(&p, p.now + SECONDS(1));
		if (!pair_up(&p))
			FAIL_TOLD("frame %u", (unsigned)i);
	}
}

/* Lengths that lie: of the packet, and of each byte that might be one. */
static void every_length(void **state)
{
	for (size_t i = 0; i < kept_count; i++)
		for (size_t at = 2; at < kept[i].length && at < 40; at++)
			for (unsigned value = 0; value < 256; value += value < 24 ? 1 : 33) {
				assert_true(run_to(i));
				uint8_t bytes[PPP_FRAME_MAX];
				memcpy(bytes, kept[i].bytes, kept[i].length);
				bytes[at] = (uint8_t)value;
				inject_exactly(kept[i].to_b ? &p.b : &p.a, bytes, kept[i].length);
				assert_deadlines();
			}
}

/* Whatever one frame became on the way, both ends end: up, or closed with a reason. */
static void any_changed_frame_ends_well(void **state)
{
	for (size_t i = 0; i < kept_count; i++)
		for (size_t at = 2; at < kept[i].length; at += 3) {
			assert_true(run_to(i));
			struct flight *f = &p.queue[p.head];
			f->bytes[at] ^= (uint8_t)(1u << (at + i) % 8);
			pair_run(&p, p.now + SECONDS(200));
			bool ended = p.a.closed && p.b.closed;
			bool held = p.a.net.ipv4 && p.b.net.ipv4;
			/* One end alone may know that it has ended: no keepalive is on. */
			if (!ended && !held && !p.a.closed && !p.b.closed)
				FAIL_TOLD("frame %u byte %u", (unsigned)i, (unsigned)at);
		}
}

/* Every frame again at every later moment, as a network that copies and delays would do. */
static void every_frame_again_later(void **state)
{
	for (size_t i = 0; i < kept_count; i++)
		for (size_t later = i + 1; later < kept_count; later++) {
			assert_true(run_to(later));
			inject_exactly(kept[i].to_b ? &p.b : &p.a, kept[i].bytes, kept[i].length);
			pair_run(&p, p.now + SECONDS(60));
			if (!pair_up(&p))
				FAIL_TOLD("frame %u at %u", (unsigned)i, (unsigned)later);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cve_2020_8597_name_lengths),
		cmocka_unit_test(npppd_option_of_zero_length),
		cmocka_unit_test(npppd_duplicate_options),
		cmocka_unit_test(pppd_nak_longer_than_the_request),
		cmocka_unit_test(pppd_mru_above_1500),
		cmocka_unit_test(accel_success_shorter_than_its_proof),
		cmocka_unit_test(four_copies_of_the_automaton),
		cmocka_unit_test(cve_2022_23253_unexpected_messages),
		cmocka_unit_test(forged_log_lines),
	};
	const struct CMUnitTest changes[] = {
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_length),
		cmocka_unit_test(any_changed_frame_ends_well),
		cmocka_unit_test(every_frame_again_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL) +
	       cmocka_run_group_tests_name("CHAP", changes, keep_chap, NULL) +
	       cmocka_run_group_tests_name("EAP", changes, keep_eap, NULL);
}
