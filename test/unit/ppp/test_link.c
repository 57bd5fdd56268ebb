/* Two whole endpoints: who proves itself how, what is lost on the way, what ends a link. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "lcp.h"

static struct pair p;

static void run_for(uint64_t time)
{
	pair_run(&p, p.now + time);
}

static void start_up(void)
{
	pair_start(&p);
	run_for(SECONDS(1));
	if (!pair_up(&p))
		FAIL_TOLD("not up");
}

static void no_encryption(void)
{
	p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0;
	p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
}

static void inject(struct end *to, const void *bytes, size_t length)
{
	pair_inject(&p, to, bytes, length);
	run_for(0);
}

#define INJECT(to, ...)                                                                            \
	inject(to, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void up_with_defaults(void **state)
{
	pair_init(&p);
	start_up();
	assert_int_equal(p.a.net.local4, 0x0a000002);
	assert_int_equal(p.a.transmit.strength, MPPE_128);
	assert_true(p.a.transmit.stateless);
	assert_int_equal(p.b.identity.peer_method, AUTH_MSCHAPV2);
	assert_int_equal(p.b.identity.our_method, AUTH_NONE);
	assert_int_equal(p.b.link.peer_name_length, 4);
	assert_memory_equal(p.b.link.peer_name, "user", 4);
	assert_int_equal(p.a.identity.our_method, AUTH_MSCHAPV2);
	assert_true(end_noted(&p.a, "CHAP authentication succeeded\n"));
	assert_true(end_noted(&p.a, "MPPE 128-bit stateless compression enabled\n"));
	assert_true(end_noted(&p.b, "MPPE 128-bit stateless compression enabled\n"));
	assert_int_equal(p.b.credentials, 1);
	assert_int_equal(p.b.address_questions, 1);
	assert_int_equal(p.a.framing.peer_mru, 1400);
	assert_false(p.a.framing.compress_protocol || p.a.framing.compress_address);
	for (int i = 0; i < DROP_COUNT; i++)
		assert_int_equal(p.a.drops[i] + p.b.drops[i], 0);
	/* Nothing is due any more: no keepalive was asked for. */
	assert_true(link_deadline(&p.a.link) == NEVER && unit_deadline(&p.a.unit) == NEVER);
	assert_true(link_deadline(&p.b.link) == NEVER && unit_deadline(&p.b.unit) == NEVER);
}

/* Every set of methods demanded against every set allowed: the best of both, or an end that both
 * sides name rightly. */
static void every_pair_of_method_sets(void **state)
{
	for (uint8_t demand = 0; demand < 64; demand++)
		for (uint8_t allow = 0; allow < 64; allow++) {
			pair_init(&p);
			no_encryption();
			p.a.link_config.allow_auth = allow;
			p.b.link_config.demand_auth = demand;
			pair_start(&p);
			run_for(SECONDS(60));
			enum auth_method method =
				auth_method_best(&p.b.link_config.demand_order, demand & allow);
			/* EAP is EAP to LCP: agreed on there, it is left with its own methods. */
			if ((demand & AUTH_EAP) && (allow & AUTH_EAP) && pair_up(&p))
				method = p.b.identity.peer_method & demand & allow;
			else if ((demand & AUTH_EAP) && (allow & AUTH_EAP) &&
				 !(demand & allow & AUTH_EAP))
				method = AUTH_NONE;
			if (!demand || method) {
				if (!pair_up(&p))
					FAIL_TOLD("demand %u allow %u", demand, allow);
				assert_int_equal(p.b.identity.peer_method, method);
				assert_int_equal(p.a.identity.our_method, method);
				assert_int_equal(p.b.credentials, method ? 1 : 0);
				continue;
			}
			assert_true(p.a.closed && p.b.closed);
			assert_false(p.a.networks || p.b.networks);
			assert_int_equal(p.b.reason, CLOSE_AUTH_REFUSED);
			assert_int_equal(p.a.reason, CLOSE_AUTH_WE_REFUSED);
		}
}

/* A method that both have, without EAP, which settles for itself. */
static uint8_t expected_method(const struct link_config *server, const struct link_config *client)
{
	uint8_t left = server->demand_auth, allowed = client->allow_auth;
	for (uint8_t asked = (uint8_t)auth_method_best(&server->demand_order, left); asked;) {
		if (asked & allowed)
			return asked;
		left &= (uint8_t)~asked;
		uint8_t wish = (uint8_t)auth_method_best(&client->allow_order, allowed);
		asked = wish & left ? wish : (uint8_t)auth_method_best(&server->demand_order, left);
	}
	return AUTH_NONE;
}

static void any_order(struct auth_order *order, unsigned *dice)
{
	static const uint8_t methods[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAP, AUTH_MSCHAPV2};
	*order = (struct auth_order){{0}};
	for (size_t count = (*dice = *dice * 1103515245 + 12345) >> 16 & 3, i = 0; i < count; i++) {
		uint8_t method = methods[((*dice = *dice * 1103515245 + 12345) >> 16) & 3];
		if (!memchr(order->first, method, i))
			order->first[i] = method;
		else
			count--, i--;
	}
}

/* The authenticator asks in its order, and follows a proposal that it demands too. */
static void methods_in_a_stated_order(void **state)
{
	unsigned dice = 1;
	for (unsigned i = 0; i < 2000; i++) {
		pair_init(&p);
		no_encryption();
		struct link_config *server = &p.b.link_config, *client = &p.a.link_config;
		server->demand_auth = 1 + (i & 15) % 15;
		client->allow_auth = 1 + (i >> 4 & 15) % 15;
		any_order(&server->demand_order, &dice);
		any_order(&client->allow_order, &dice);
		pair_start(&p);
		run_for(SECONDS(60));
		uint8_t method = expected_method(server, client);
		if (pair_up(&p) != (method != AUTH_NONE) ||
			(method && p.b.identity.peer_method != method))
			FAIL_TOLD("demand %u allow %u: %u, not %u", server->demand_auth,
				client->allow_auth, p.b.identity.peer_method, method);
	}
}

/* EAP has its methods in that order, too. */
static void methods_of_eap_in_order(void **state)
{
	pair_init(&p);
	no_encryption();
	p.a.link_config.allow_auth = p.b.link_config.demand_auth =
		AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2 | AUTH_MSCHAPV2;
	p.b.link_config.demand_order = (struct auth_order){{AUTH_EAP_MD5}};
	pair_start(&p);
	run_for(SECONDS(20));
	assert_true(pair_up(&p));
	assert_int_equal(p.b.identity.peer_method, AUTH_EAP_MD5);
	/* What a Nak proposes is tried in the authenticator's order. */
	pair_init(&p);
	no_encryption();
	p.b.link_config.demand_auth = AUTH_EAP;
	p.a.link_config.allow_auth = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2;
	p.b.link_config.demand_order = (struct auth_order){{AUTH_EAP_TLS, AUTH_EAP_MD5}};
	p.b.link_config.demand_auth = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2;
	pair_start(&p);
	run_for(SECONDS(20));
	assert_int_equal(p.b.identity.peer_method, AUTH_EAP_MD5);
}

static void set_configuration(unsigned which)
{
	pair_init(&p);
	switch (which) {
	case 1:
		no_encryption();
		p.a.link_config.allow_auth = p.b.link_config.demand_auth = AUTH_PAP;
		break;
	case 2:
		p.a.unit_config.mppe_allow = MPPE_ALLOW_40 | MPPE_ALLOW_128;
		p.b.unit_config.mppe_allow = MPPE_ALLOW_40 | MPPE_ALLOW_56;
		p.a.link_config.allow_auth = AUTH_PAP | AUTH_MSCHAP;
		p.b.link_config.demand_auth = AUTH_MSCHAPV2 | AUTH_MSCHAP;
		p.a.unit_config.ask_dns = p.a.unit_config.ask_wins = true;
		p.b.addresses.dns[0] = 0x01010101;
		p.b.addresses.wins[1] = 0x02020202;
		break;
	case 3: /* both prove themselves, by CHAP and by PAP; nothing to encrypt with */
		no_encryption();
		p.b.link_config.allow_auth = p.a.link_config.demand_auth = AUTH_PAP;
		p.a.link_config.allow_auth = p.b.link_config.demand_auth = AUTH_CHAP_MD5;
		p.a.peer_password = "secret";
		break;
	case 4:
		p.b.unit_config.mppe_require = false;
		p.a.link_config.silent = true;
		break;
	}
}

/* Loss of any one frame, and of any two: the tunnel comes up all the same. */
static void loss_of_any_frame(void **state)
{
	for (unsigned which = 0; which < 5; which++) {
		set_configuration(which);
		start_up();
		unsigned frames = p.sent;
		for (unsigned lost = 0; lost < frames; lost++) {
			set_configuration(which);
			p.lose = (int)lost;
			pair_start(&p);
			run_for(SECONDS(60));
			if (!pair_up(&p))
				FAIL_TOLD("configuration %u, frame %u lost", which, lost);
			assert_int_equal(p.a.closes + p.b.closes, 0);
		}
	}
}

static void polite_close(void **state)
{
	pair_init(&p);
	start_up();
	uint64_t began = p.now;
	pair_close(&p, &p.a, CLOSE_ADMIN);
	run_for(0);
	assert_true(p.a.closed);
	assert_int_equal(p.a.reason, CLOSE_ADMIN);
	assert_int_equal(p.b.link.phase, PHASE_TERMINATE);
	assert_false(p.b.net.ipv4);
	run_for(SECONDS(10));
	assert_true(p.b.closed);
	assert_int_equal(p.b.reason, CLOSE_PEER_TERMINATED);
	assert_true(end_noted(&p.b, "LCP terminated by peer"));
	assert_true(p.now - began <= SECONDS(10));
	assert_int_equal(p.a.closes, 1);
	assert_int_equal(p.b.closes, 1);
	assert_true(link_deadline(&p.a.link) == NEVER && link_deadline(&p.b.link) == NEVER);
}

static void close_without_an_answer(void **state)
{
	pair_init(&p);
	start_up();
	p.stop_b = true;
	uint64_t began = p.now;
	pair_close(&p, &p.a, CLOSE_SHUTDOWN);
	pair_close(&p, &p.a, CLOSE_IDLE); /* the first reason stays */
	while (!p.a.closed)
		run_for(SECONDS(1));
	assert_int_equal(p.a.reason, CLOSE_SHUTDOWN);
	assert_int_equal(p.now - began, SECONDS(6)); /* two tries */
}

static void carrier_lost(void **state)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	pair_init(&p);
	start_up();
	link_down(&p.a.link, CLOSE_PEER_CLEARED, p.now, &out);
	assert_int_equal(out.item_count, 2);
	assert_int_equal(out.items[0].kind, LINK_EPOCH);
	assert_int_equal(out.items[1].kind, LINK_CLOSED);
	assert_int_equal(out.items[1].arg, CLOSE_PEER_CLEARED);
	assert_int_equal(link_deadline(&p.a.link), NEVER);
	outbox_clear(&out);
	link_down(&p.a.link, CLOSE_PEER_CLEARED, p.now, &out); /* again: nothing */
	assert_int_equal(out.item_count, 0);
}

static void nobody_there(void **state)
{
	pair_init(&p);
	p.stop_b = true;
	uint64_t began = p.now;
	pair_start(&p);
	while (!p.a.closed)
		run_for(SECONDS(1));
	assert_int_equal(p.a.reason, CLOSE_LCP_TIMEOUT);
	assert_int_equal(p.now - began, SECONDS(30));
}

static void nobody_calls_a_passive_link(void **state)
{
	pair_init(&p);
	p.a.link_config.silent = p.b.link_config.silent = true;
	pair_start(&p);
	run_for(SECONDS(300));
	assert_int_equal(p.sent, 0);
	assert_true(p.a.closed && p.b.closed);
	assert_int_equal(p.a.reason, CLOSE_LCP_TIMEOUT);
}

static void wrong_password(void **state)
{
	static const uint8_t methods[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAP, AUTH_MSCHAPV2};
	for (size_t i = 0; i < sizeof methods; i++) {
		pair_init(&p);
		p.a.link_config.allow_auth = p.b.link_config.demand_auth = methods[i];
		p.b.peer_password = "other";
		pair_start(&p);
		run_for(SECONDS(20));
		assert_true(p.a.closed && p.b.closed);
		assert_int_equal(p.a.reason, CLOSE_AUTH_WE_FAILED);
		assert_int_equal(p.b.reason, CLOSE_AUTH_FAILED);
		assert_false(p.a.networks || p.b.networks || p.a.network || p.b.network);
		assert_true(end_noted(&p.b,
			methods[i] == AUTH_PAP ? "Peer \"user\" failed PAP authentication\n"
					       : "Peer \"user\" failed CHAP authentication\n"));
		assert_true(end_noted(&p.a,
			methods[i] == AUTH_PAP ? "PAP authentication failed: \"Login incorrect\"\n"
					       : "CHAP authentication failed"));
		if (methods[i] & (AUTH_MSCHAP | AUTH_MSCHAPV2))
			assert_true(end_noted(&p.a, ": E=691 wrong user name or password"));
	}
}

static void reasons_of_failure(void **state)
{
	static const struct {
		enum auth_error error;
		const char *words;
	} cases[] = {
		{AUTH_ERROR_RESTRICTED_HOURS, "E=646 not allowed to log on at this hour"},
		{AUTH_ERROR_DISABLED, "E=647 account disabled"},
		{AUTH_ERROR_EXPIRED, "E=648 password expired"},
		{AUTH_ERROR_NO_DIALIN, "E=649 no permission to dial in"},
		{AUTH_ERROR_WRONG, "E=691 wrong user name or password"},
		{AUTH_ERROR_CHANGING, "E=709 error changing the password"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		pair_init(&p);
		p.b.denial = cases[i].error;
		pair_start(&p);
		run_for(SECONDS(20));
		assert_true(end_noted(&p.a, cases[i].words));
		assert_int_equal(p.a.reason, cases[i].error == AUTH_ERROR_EXPIRED
						     ? CLOSE_AUTH_EXPIRED
						     : CLOSE_AUTH_WE_FAILED);
	}
}

/* A server that says yes without knowing the password. */
static void false_server(void **state)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	pair_init(&p);
	p.b.hold_answers = true;
	pair_start(&p);
	run_for(SECONDS(1));
	struct auth_answer yes = {.accepted = true};
	link_answer(&p.b.link, p.b.question, &yes, p.now, &out);
	const struct out_item *frame = &out.items[0];
	assert_int_equal(frame->kind, LINK_FRAME);
	inject(&p.a, outbox_bytes(&out, frame), frame->length);
	run_for(SECONDS(10));
	assert_true(p.a.closed);
	assert_int_equal(p.a.reason, CLOSE_AUTH_PEER_FALSE);
	assert_false(p.a.network);
}

static void both_prove_themselves(void **state)
{
	for (unsigned seed = 0; seed < 2; seed++) { /* either magic number may be the larger */
		pair_init(&p);
		p.a.link_config.demand_auth = p.b.link_config.allow_auth = AUTH_MSCHAPV2;
		p.a.peer_password = "secret";
		struct end swap;
		if (seed) {
			swap = p.a;
			p.a = p.b;
			p.b = swap;
		}
		start_up();
		assert_int_equal(p.a.credentials, 1);
		assert_int_equal(p.b.credentials, 1);
	}
}

static void answers_come_late(void **state)
{
	pair_init(&p);
	p.b.hold_answers = p.b.hold_addresses = true;
	pair_start(&p);
	run_for(SECONDS(10)); /* the Response is repeated meanwhile */
	assert_int_equal(p.b.credentials, 1);
	pair_answer(&p, &p.b, true);
	run_for(SECONDS(10));
	assert_int_equal(p.b.address_questions, 1);
	p.b.hold_addresses = false;
	OUTBOX(out, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_addresses(&p.b.unit, p.b.address_token + 1, &p.b.addresses, p.now, &out);
	assert_int_equal(out.item_count, 0); /* another token: not asked */
	unit_addresses(&p.b.unit, p.b.address_token, &p.b.addresses, p.now, &out);
	assert_true(out.item_count > 0);
	for (uint32_t i = 0; i < out.item_count; i++)
		if (out.items[i].kind == UNIT_FRAME)
			inject(&p.a, outbox_bytes(&out, &out.items[i]), out.items[i].length);
	run_for(SECONDS(10));
	assert_true(pair_up(&p));
}

/* An answer for an older epoch is discarded, and so is a second one. */
static void answers_of_another_epoch(void **state)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	pair_init(&p);
	p.b.hold_answers = true;
	pair_start(&p);
	run_for(SECONDS(1));
	uint32_t old = p.b.question;
	INJECT(&p.b, 0xc0, 0x21, 6, 77, 0, 4); /* a Terminate-Ack in Opened starts LCP over */
	run_for(SECONDS(1));
	assert_int_equal(p.b.epoch, 1);
	assert_int_equal(p.b.credentials, 2);
	assert_int_not_equal(p.b.question, old);
	struct auth_answer yes = {.accepted = true};
	link_answer(&p.b.link, old, &yes, p.now, &out);
	assert_int_equal(out.item_count, 1);
	assert_int_equal(out.items[0].kind, LINK_DROP);
	assert_int_equal(out.items[0].arg, DROP_AUTH_ANSWER);
	pair_answer(&p, &p.b, true);
	run_for(SECONDS(1));
	assert_true(pair_up(&p));
	pair_answer(&p, &p.b, true);
	assert_int_equal(p.b.drops[DROP_AUTH_ANSWER], 1);
}

static void auth_timeouts(void **state)
{
	pair_init(&p);
	p.b.hold_answers = true; /* the app never answers */
	pair_start(&p);
	run_for(SECONDS(60));
	assert_true(p.a.closed && p.b.closed);
	assert_int_equal(p.b.reason, CLOSE_AUTH_TIMEOUT);
	assert_int_equal(p.b.credentials, 1);

	pair_init(&p);
	p.a.link_config.allow_auth = p.b.link_config.demand_auth = AUTH_CHAP_MD5;
	p.b.link_config.auth_timeout_us = SECONDS(300);
	p.a.link_config.auth_timeout_us = SECONDS(300);
	p.a.link_config.max_configure = 4; /* the Response four times, then no more */
	p.b.hold_answers = true;
	pair_start(&p);
	uint64_t began = p.now;
	while (!p.a.closed)
		run_for(SECONDS(1));
	assert_int_equal(p.a.reason, CLOSE_AUTH_TIMEOUT);
	assert_int_equal(p.now - began, SECONDS(12));
}

/* LCP that starts over again and again does not put the end off for ever. */
static void endless_renegotiation(void **state)
{
	pair_init(&p);
	p.b.hold_answers = true;
	pair_start(&p);
	uint64_t began = p.now;
	while (!p.b.closed && p.now - began < SECONDS(1000)) {
		run_for(SECONDS(5));
		INJECT(&p.b, 0xc0, 0x21, 6, 77, 0, 4);
	}
	assert_true(p.b.closed);
	assert_true(p.now - began <= SECONDS(110));
	assert_true(p.b.epoch > 5);
}

static void a_new_start_is_a_new_epoch(void **state)
{
	pair_init(&p);
	start_up();
	unsigned networks = p.a.networks;
	INJECT(&p.a, 0xc0, 0x21, 6, 77, 0, 4);
	run_for(SECONDS(1));
	assert_true(pair_up(&p));
	assert_int_equal(p.a.epoch, 1);
	assert_int_equal(p.b.epoch, 1);
	assert_int_equal(p.a.networks, networks + 2); /* down and up */
	assert_int_equal(p.b.credentials, 2);
	assert_int_equal(p.a.closes + p.b.closes, 0);
}

static void phases(void **state)
{
	static const uint8_t early[][8] = {
		{0xc0, 0x23, 1, 1, 0, 6, 0, 0}, /* PAP */
		{0xc2, 0x23, 1, 1, 0, 4},       /* CHAP */
		{0x80, 0x21, 1, 1, 0, 4},       /* IPCP */
		{0x80, 0xfd, 1, 1, 0, 4},       /* CCP */
		{0x80, 0x57, 1, 1, 0, 4},       /* IPV6CP: not spoken here */
		{0x00, 0x21, 0x45, 0, 0, 0},    /* IP */
	};
	for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
		pair_init(&p);
		p.stop_b = true;
		pair_start(&p);
		run_for(0);
		unsigned sent = p.sent;
		inject(&p.a, early[i], sizeof early[i]);
		assert_int_equal(p.sent, sent);
		assert_int_equal(p.a.drops[DROP_FRAME_PHASE], 1);
	}
	/* While authentication runs, network protocols still wait. */
	for (size_t i = 2; i < sizeof early / sizeof early[0]; i++) {
		pair_init(&p);
		p.b.hold_answers = true;
		pair_start(&p);
		run_for(SECONDS(1));
		assert_int_equal(p.b.link.phase, PHASE_AUTHENTICATE);
		unsigned sent = p.sent;
		inject(&p.b, early[i], sizeof early[i]);
		assert_int_equal(p.sent, sent);
		assert_int_equal(p.b.drops[DROP_FRAME_PHASE], 1);
	}
}

/* Those of other networks by their names: the log need not be read with a list of numbers. */
static void other_networks_are_rejected_by_name(void **state)
{
	static const struct {
		uint16_t number;
		const char *name;
	} others[] = {{0x802b, "IPXCP"}, {0x8029, "ATCP"}, {0x8027, "DNCP"}, {0x8031, "BCP"},
		{0x803f, "NBFCP"}, {0x002b, "IPX"}, {0x8281, "MPLSCP"}};
	char line[128];
	unsigned sent;
	pair_init(&p);
	start_up();
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		uint8_t frame[] = {(uint8_t)(others[i].number >> 8), (uint8_t)others[i].number, 1,
			(uint8_t)i, 0, 4};
		pair_inject(&p, &p.b, frame, sizeof frame);
		snprintf(line, sizeof line,
			"Peer sends %s (0x%04x), which is not spoken here: rejected",
			others[i].name, others[i].number);
		assert_true(end_noted(&p.b, line));
		snprintf(line, sizeof line, "server LCP Protocol-Reject id %zu %s\n", i + 2,
			others[i].name);
		assert_true(pair_logged(&p, line));
	}
	INJECT(&p.b, 0x92, 0x35, 1, 1, 0, 4);
	assert_true(end_noted(&p.b, "Peer sends an unknown protocol (0x9235), which is"));
	INJECT(&p.b, 0x80, 0x33, 1, 1, 0, 4); /* the ninth is rejected as well, but not told */
	assert_true(pair_logged(&p, "ST-IICP\n"));
	assert_false(end_noted(&p.b, "ST-IICP"));
	sent = p.sent;
	INJECT(&p.b, 0x80, 0x57, 1, 1, 0, 4); /* spoken, but not wanted: said where it is */
	assert_true(p.sent > sent);
	assert_false(end_noted(&p.b, "Peer sends IPV6CP"));
	assert_true(pair_up(&p));
}

static void unknown_protocols_are_rejected(void **state)
{
	pair_init(&p);
	start_up();
	INJECT(&p.b, 0x80, 0x57, 1, 1, 0, 14, 1, 10, 1, 2, 3, 4, 5, 6, 7, 8);
	assert_true(pair_logged(&p, "server LCP Protocol-Reject id 2 IPV6CP\n"));
	assert_int_equal(p.b.drops[DROP_FRAME_PROTOCOL], 1);
	assert_true(pair_up(&p)); /* our client never spoke it, and goes on */
	/* Network packets of a protocol we do speak are not rejected: that would end it. */
	unsigned sent = p.sent;
	INJECT(&p.b, 0x00, 0x21, 0x45, 0, 0, 0);
	INJECT(&p.b, 0x00, 0xfd, 0x90, 0, 0, 0);
	assert_int_equal(p.sent, sent);
	assert_int_equal(p.b.drops[DROP_FRAME_PHASE], 2);
	INJECT(&p.b, 0x00);
	assert_int_equal(p.b.drops[DROP_FRAME_SHORT], 1);
	assert_int_equal(p.sent, sent);
}

static void protocol_reject_received(void **state)
{
	pair_init(&p);
	start_up();
	INJECT(&p.a, 0xc0, 0x21, 8, 1, 0, 6, 0x80, 0x57); /* nothing of ours */
	assert_true(pair_up(&p));
	assert_int_equal(p.a.drops[DROP_FRAME_PROTOCOL], 1);
	INJECT(&p.a, 0xc0, 0x21, 8, 1, 0, 5, 0x80);
	assert_int_equal(p.a.drops[DROP_FRAME_SHORT], 1);
	INJECT(&p.a, 0xc0, 0x21, 8, 1, 0, 6, 0xc0, 0x21); /* fatal (RFC 1661 §5.7) */
	run_for(SECONDS(10));
	assert_true(p.a.closed);
	assert_int_equal(p.a.reason, CLOSE_LCP_REJECTED);

	pair_init(&p);
	start_up();
	INJECT(&p.a, 0xc0, 0x21, 8, 1, 0, 6, 0x80, 0x21); /* IPCP: nothing is left */
	run_for(SECONDS(10));
	assert_int_equal(p.a.unit_reason, CLOSE_NETWORK_REFUSED);
	assert_int_equal(p.a.reason, CLOSE_NETWORK_REFUSED);

	static const uint8_t methods[] = {AUTH_PAP, AUTH_MSCHAPV2};
	for (size_t i = 0; i < 2; i++) {
		pair_init(&p);
		p.a.link_config.allow_auth = p.b.link_config.demand_auth = methods[i];
		p.b.hold_answers = true;
		pair_start(&p);
		run_for(SECONDS(1));
		INJECT(&p.b, 0xc0, 0x21, 8, 1, 0, 6, i ? 0xc2 : 0xc0, 0x23);
		INJECT(&p.a, 0xc0, 0x21, 8, 1, 0, 6, i ? 0xc2 : 0xc0, 0x23);
		run_for(SECONDS(10));
		assert_int_equal(p.b.reason, CLOSE_AUTH_REFUSED);
		assert_int_equal(p.a.reason, i ? CLOSE_PEER_TERMINATED : CLOSE_PEER_TERMINATED);
	}
}

static void vital_code_rejected(void **state)
{
	pair_init(&p);
	start_up();
	INJECT(&p.a, 0xc0, 0x21, 7, 1, 0, 8, 1, 1, 0, 4);
	run_for(SECONDS(10));
	assert_int_equal(p.a.reason, CLOSE_LCP_REJECTED);
}

static void keepalive(void **state)
{
	pair_init(&p);
	p.a.link_config.echo_interval_us = SECONDS(10);
	p.a.link_config.echo_failure = 3;
	start_up();
	run_for(SECONDS(100));
	assert_true(pair_logged(&p, "client LCP Echo-Request"));
	assert_true(pair_logged(&p, "server LCP Echo-Reply"));
	assert_false(p.a.closed);
	p.stop_b = true;
	uint64_t began = p.now;
	while (!p.a.closed)
		run_for(SECONDS(1));
	assert_true(end_noted(&p.a, "No response to 3 echo-requests\n"));
	assert_int_equal(p.a.reason, CLOSE_ECHO_DEAD);
	assert_true(p.now - began <= SECONDS(10 + 30 + 6));
}

/* Any packet counts as life, data too; and no Echo-Request is wasted while there is some. */
static void traffic_is_life(void **state)
{
	pair_init(&p);
	p.a.link_config.echo_interval_us = SECONDS(10);
	p.a.link_config.echo_failure = 3;
	start_up();
	p.stop_b = true;
	unsigned sent = p.sent;
	for (int i = 0; i < 100; i++) {
		run_for(SECONDS(5));
		link_alive(&p.a.link, p.now);
	}
	assert_int_equal(p.sent, sent);
	run_for(SECONDS(35));
	assert_int_equal(p.sent, sent + 3);
	link_alive(&p.a.link, p.now); /* just in time */
	run_for(SECONDS(35));
	assert_false(p.a.closed);
	run_for(SECONDS(20));
	assert_true(p.a.closed);
}

/* What was silent while nobody listened is asked anew, and soon has had its chance. */
static void awake_after_a_standstill(void **state)
{
	pair_init(&p);
	p.a.link_config.echo_interval_us = SECONDS(10);
	p.a.link_config.echo_failure = 3;
	start_up();
	p.stop_b = true;
	run_for(SECONDS(35)); /* three questions, and the last answer is due */
	unsigned sent = p.sent;
	p.now += SECONDS(3600);
	link_awake(&p.a.link, p.now);
	run_for(MS(10));
	assert_int_equal(p.sent, sent + 1);
	assert_false(p.a.closed);
	run_for(SECONDS(2));
	assert_int_equal(p.sent, sent + 3);
	link_alive(&p.a.link, p.now); /* it is there: no haste any more */
	run_for(SECONDS(9));
	assert_int_equal(p.sent, sent + 3);

	p.now += SECONDS(3600);
	link_awake(&p.a.link, p.now);
	uint64_t began = p.now;
	while (!p.a.closed)
		run_for(MS(100));
	assert_int_equal(p.a.reason, CLOSE_ECHO_DEAD);
	assert_true(p.now - began <= SECONDS(10));
}

/* Who measures with it wants every one, traffic or not; traffic still keeps the link. */
static void echo_always(void **state)
{
	pair_init(&p);
	p.a.link_config.echo_interval_us = SECONDS(10);
	p.a.link_config.echo_failure = 3;
	p.a.link_config.echo_always = true;
	start_up();
	p.stop_b = true;
	unsigned sent = p.sent;
	for (int i = 0; i < 100; i++) {
		run_for(SECONDS(5));
		link_alive(&p.a.link, p.now);
	}
	assert_int_equal(p.sent, sent + 50);
	assert_false(p.a.closed);
}

/* What was sent before the question, the peer has acted on when it answers; once. */
static void a_peer_is_asked_whether_it_is_there(void **state)
{
	pair_init(&p);
	start_up();
	assert_int_equal(p.a.answered, 0);
	assert_true(pair_probe(&p, &p.a));
	run_for(SECONDS(1));
	assert_int_equal(p.a.answered, 1);
	uint8_t reply[10] = {0xc0, 0x21, 10, p.a.link.lcp.probe, 0, 8};
	put_u32(reply + 6, p.b.link.lcp.magic);
	inject(&p.a, reply, sizeof reply);
	assert_int_equal(p.a.answered, 1);
	/* An answer to something else is none. */
	p.stop_b = true;
	assert_true(pair_probe(&p, &p.a));
	reply[3] = (uint8_t)(p.a.link.lcp.probe + 1);
	inject(&p.a, reply, sizeof reply);
	assert_int_equal(p.a.answered, 1);
	/* That it does not know the question is one, too. */
	INJECT(&p.a, 0xc0, 0x21, 7, 1, 0, 9, 9, 1, 0, 8, 0);
	assert_int_equal(p.a.answered, 2);
	assert_false(pair_probe(&p, &p.a));
}

static void echo_refused(void **state)
{
	pair_init(&p);
	p.a.link_config.echo_interval_us = SECONDS(10);
	p.a.link_config.echo_failure = 3;
	start_up();
	INJECT(&p.a, 0xc0, 0x21, 7, 1, 0, 9, 9, 1, 0, 8, 0);
	p.stop_b = true;
	run_for(SECONDS(100));
	assert_false(p.a.closed);
	assert_true(end_noted(&p.a, "Peer does not know Echo-Request"));
	assert_int_equal(link_deadline(&p.a.link), NEVER);
}

static void identification(void **state)
{
	pair_init(&p);
	p.a.link_config.identification = "greyline 0.1";
	start_up();
	assert_true(pair_logged(&p, "client LCP Identification id 2 magic "));
	assert_true(end_noted(&p.b, "Peer identifies itself as \"greyline 0.1\"\n"));
	INJECT(&p.b, 0xc0, 0x21, 12, 9, 0, 9, 0, 0, 0, 0, '\n');
	assert_false(end_noted(&p.b, "\\012")); /* one note an epoch: no flood of the log */
	INJECT(&p.b, 0xc0, 0x21, 13, 9, 0, 12, 0, 0, 0, 0, 0, 0, 1, 0x2c);
	INJECT(&p.b, 0xc0, 0x21, 13, 9, 0, 12, 0, 0, 0, 0, 0, 0, 1, 0x2d);
	assert_true(end_noted(&p.b, "Peer gives this session 300 more seconds\n"));
	assert_false(end_noted(&p.b, "301"));
	/* Said again when half of it is over, with what there is to say about it. */
	INJECT(&p.b, 0xc0, 0x21, 13, 9, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0x3c, 'b', 'y');
	assert_true(end_noted(&p.b, "Peer gives this session 60 more seconds: \"by\"\n"));
	INJECT(&p.b, 0xc0, 0x21, 13, 9, 0, 11, 0, 0, 0, 0, 0, 0, 0);
	assert_true(p.b.drops[DROP_FRAME_SHORT] > 0);
}

static void no_end_in_sight(void **state)
{
	pair_init(&p);
	start_up();
	INJECT(&p.b, 0xc0, 0x21, 13, 9, 0, 12, 0, 0, 0, 0, 255, 255, 255, 255);
	assert_true(end_noted(&p.b, "Peer gives this session all the time there is\n"));
}

static void compressions_are_told(void **state)
{
	pair_init(&p);
	p.a.link_config.ask_pfc = p.b.link_config.ask_acfc = true;
	p.a.link_config.mru = 1500;
	p.a.link_config.ask_accm = true;
	start_up();
	assert_true(p.b.framing.compress_protocol && !p.b.framing.compress_address);
	assert_true(p.a.framing.compress_address && !p.a.framing.compress_protocol);
	assert_int_equal(p.b.framing.peer_mru, 1500);
	assert_true(pair_logged(&p, "client LCP Configure-Request id 1 asyncmap 00000000 magic"));
}

/* A line that gives back what we send: found within LCP_LOOP_TRIES rounds. */
static void looped_back(void **state)
{
	static struct end end;
	pair_init(&p);
	end = p.a;
	uint8_t seed[32] = {9};
	random_seed(&end.random, seed);
	link_config_defaults(&end.link_config);
	link_init(&end.link, &end.link_config, &end.random);
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_up(&end.link, 0, &out);
	uint8_t queue[64][64];
	size_t lengths[64], head = 0, tail = 0;
	enum close_reason reason = CLOSE_NONE;
	for (int rounds = 0; rounds < 60; rounds++) {
		for (uint32_t i = 0; i < out.item_count; i++) {
			if (out.items[i].kind == LINK_FRAME) {
				lengths[tail] = out.items[i].length;
				memcpy(queue[tail++], outbox_bytes(&out, &out.items[i]),
					out.items[i].length);
			} else if (out.items[i].kind == LINK_CLOSED) {
				reason = (enum close_reason)out.items[i].arg;
			}
		}
		outbox_clear(&out);
		if (head == tail)
			break;
		link_input(&end.link, queue[head], lengths[head], 0, &out);
		head++;
	}
	assert_int_equal(reason, CLOSE_LOOPBACK);
}

static void looped_back_later(void **state)
{
	pair_init(&p);
	start_up();
	uint8_t echo[10] = {0xc0, 0x21, 9, 1, 0, 8};
	put_u32(echo + 6, p.a.link.lcp.magic);
	for (int i = 0; i < LCP_LOOP_TRIES; i++) {
		assert_false(p.a.closed);
		inject(&p.a, echo, sizeof echo);
	}
	run_for(SECONDS(10));
	assert_int_equal(p.a.drops[DROP_FRAME_MAGIC], LCP_LOOP_TRIES);
	assert_int_equal(p.a.reason, CLOSE_LOOPBACK);
}

/* Closed and closing links answer as the RFC says, and stay closed. */
static void after_the_end(void **state)
{
	pair_init(&p);
	start_up();
	pair_close(&p, &p.a, CLOSE_ADMIN);
	run_for(SECONDS(10));
	unsigned sent = p.sent;
	INJECT(&p.a, 0xc0, 0x21, 1, 1, 0, 4);
	assert_int_equal(p.sent, sent + 1);
	assert_true(pair_logged(&p, "client LCP Terminate-Ack id 1\n"));
	run_for(SECONDS(100));
	assert_int_equal(p.a.closes, 1);
	assert_int_equal(p.a.link.phase, PHASE_DEAD);
	pair_close(&p, &p.a, CLOSE_ADMIN);
	assert_int_equal(p.a.closes, 1);
}

/* The same link again, over a new carrier. */
static void up_again(void **state)
{
	pair_init(&p);
	start_up();
	pair_close(&p, &p.a, CLOSE_ADMIN);
	run_for(SECONDS(10));
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_up(&p.a.link, p.now, &out);
	assert_int_equal(out.items[0].kind, LINK_FRAME);
	assert_int_equal(p.a.link.phase, PHASE_ESTABLISH);
	assert_int_equal(p.a.link.closing, CLOSE_NONE);
}

static void wiped(void **state)
{
	pair_init(&p);
	start_up();
	link_wipe(&p.a.link);
	unit_wipe(&p.a.unit);
	static const struct mppe_start_keys none;
	assert_memory_equal(&p.a.unit.keys, &none, sizeof none);
	assert_memory_equal(&p.a.link.keys, &none, sizeof none);
}

static void phase_words(void **state)
{
	assert_string_equal(link_phase_word(PHASE_DEAD), "dead");
	assert_string_equal(link_phase_word(PHASE_ESTABLISH), "establish");
	assert_string_equal(link_phase_word(PHASE_AUTHENTICATE), "authenticate");
	assert_string_equal(link_phase_word(PHASE_NETWORK), "network");
	assert_string_equal(link_phase_word(PHASE_TERMINATE), "terminate");
}

/* Each direction has its own options (RFC 1661 §6): what one asks for, the other does. */
static void directions_are_negotiated_apart(void **state)
{
	pair_init(&p);
	p.a.link_config.mru = 1300;
	p.a.link_config.ask_pfc = true;
	p.a.link_config.lqr_period = 500;
	p.a.link_config.lqr_loss = 50;
	p.a.link_config.lqr_failure = p.a.link_config.lqr_window = 5;
	p.b.link_config.mru = 1480;
	p.b.link_config.ask_acfc = true;
	start_up();
	assert_int_equal(p.a.framing.our_mru, 1300);
	assert_int_equal(p.a.framing.peer_mru, 1480);
	assert_true(p.a.framing.compress_address && !p.a.framing.compress_protocol);
	assert_int_equal(p.b.framing.our_mru, 1480);
	assert_int_equal(p.b.framing.peer_mru, 1300);
	assert_true(p.b.framing.compress_protocol && !p.b.framing.compress_address);
	assert_int_equal(p.a.identity.our_method, AUTH_MSCHAPV2);
	assert_int_equal(p.a.identity.peer_method, AUTH_NONE);
	assert_true(p.a.link.lqr.ours && !p.a.link.lqr.theirs);
	assert_true(p.b.link.lqr.theirs && !p.b.link.lqr.ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_with_defaults),
		cmocka_unit_test(directions_are_negotiated_apart),
		cmocka_unit_test(every_pair_of_method_sets),
		cmocka_unit_test(methods_in_a_stated_order),
		cmocka_unit_test(methods_of_eap_in_order),
		cmocka_unit_test(loss_of_any_frame),
		cmocka_unit_test(polite_close),
		cmocka_unit_test(close_without_an_answer),
		cmocka_unit_test(carrier_lost),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(nobody_calls_a_passive_link),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(reasons_of_failure),
		cmocka_unit_test(false_server),
		cmocka_unit_test(both_prove_themselves),
		cmocka_unit_test(answers_come_late),
		cmocka_unit_test(answers_of_another_epoch),
		cmocka_unit_test(auth_timeouts),
		cmocka_unit_test(endless_renegotiation),
		cmocka_unit_test(a_new_start_is_a_new_epoch),
		cmocka_unit_test(phases),
		cmocka_unit_test(other_networks_are_rejected_by_name),
		cmocka_unit_test(unknown_protocols_are_rejected),
		cmocka_unit_test(protocol_reject_received),
		cmocka_unit_test(vital_code_rejected),
		cmocka_unit_test(keepalive),
		cmocka_unit_test(traffic_is_life),
		cmocka_unit_test(awake_after_a_standstill),
		cmocka_unit_test(echo_always),
		cmocka_unit_test(a_peer_is_asked_whether_it_is_there),
		cmocka_unit_test(echo_refused),
		cmocka_unit_test(identification),
		cmocka_unit_test(no_end_in_sight),
		cmocka_unit_test(compressions_are_told),
		cmocka_unit_test(looped_back),
		cmocka_unit_test(looped_back_later),
		cmocka_unit_test(after_the_end),
		cmocka_unit_test(up_again),
		cmocka_unit_test(wiped),
		cmocka_unit_test(phase_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
