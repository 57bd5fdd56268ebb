/* Sessions without a call, two on one line: how they begin, what the line is told, and every way in
 * which they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "leased.h"
#include "pair.h"

enum { KEPT = 256, QUEUE = 64, SUBJECT = 0x10003 };

struct side {
	struct session session;
	struct session_config config;
	struct random random;
	struct datapath_command commands[KEPT]; /* as they came; without keys */
	unsigned count, downs, ups;
	enum close_reason reason;
	const char *password;
	struct {
		size_t length;
		uint8_t bytes[PPP_FRAME_MAX];
	} queue[QUEUE]; /* frames said */
	unsigned said, heard;
	bool cut; /* nothing of it arrives any more */
	char notes[4096];
};

static struct side a, b; /* who dials in, and whom it dials */
static uint64_t now;

static void take(struct side *side);

static void say(struct side *side, const uint8_t *frame, size_t length)
{
	assert_true(side->said - side->heard < QUEUE);
	side->queue[side->said % QUEUE].length = length;
	memcpy(side->queue[side->said++ % QUEUE].bytes, frame, length);
}

static void keep(struct side *side, const uint8_t *bytes, size_t length)
{
	struct datapath_command *command = &side->commands[side->count++ % KEPT];
	memcpy(command, bytes, sizeof *command);
	assert_int_equal(command->subject, SUBJECT);
	if (command->kind == DATAPATH_FRAME)
		say(side, bytes + sizeof *command, length - sizeof *command);
}

struct question {
	uint32_t kind, token;
	struct auth_question auth;
};

static void answer(struct side *side, const struct question *question)
{
	struct auth_answer verdict = {.error = AUTH_ERROR_WRONG};
	struct unit_addresses addresses = {
		.granted = true, .local4 = 0x0a000001, .remote4 = 0x0a000002};
	if (question->kind == TUNNEL_CREDENTIALS) {
		auth_check(
			&question->auth, side->password, strlen(side->password), false, &verdict);
		leased_credentials(&side->session, question->token, &verdict, now, pair_out());
	} else if (question->kind == TUNNEL_ADDRESS) {
		leased_addresses(&side->session, question->token, &addresses, now, pair_out());
	}
	take(side);
}

static void take(struct side *side)
{
	struct outbox *out = pair_out();
	struct question questions[4];
	unsigned count = 0;
	for (uint32_t i = 0; i < out->item_count; i++) {
		const struct out_item *item = &out->items[i];
		const uint8_t *bytes = outbox_bytes(out, item);
		if (item->kind == TUNNEL_COMMAND) {
			keep(side, bytes, item->length);
		} else if (item->kind == TUNNEL_CREDENTIALS || item->kind == TUNNEL_ADDRESS) {
			struct question *question = &questions[count++];
			question->kind = item->kind;
			question->token = item->token;
			if (item->kind == TUNNEL_CREDENTIALS)
				memcpy(&question->auth, bytes, sizeof question->auth);
		} else if (item->kind == TUNNEL_SESSION_UP) {
			side->ups++;
		} else if (item->kind == TUNNEL_SESSION_DOWN) {
			side->downs++;
			side->reason = (enum close_reason)item->arg;
		} else if (item->kind == TUNNEL_NOTE) {
			strncat(side->notes, (const char *)bytes, item->length);
		}
	}
	outbox_clear(out);
	for (unsigned n = 0; n < count; n++)
		answer(side, &questions[n]);
}

static bool hear(struct side *to, struct side *from)
{
	if (from->heard == from->said)
		return false;
	unsigned n = from->heard++ % QUEUE;
	if (from->cut)
		return true;
	leased_frame(&to->session, to->session.epoch, from->queue[n].bytes, from->queue[n].length,
		now, pair_out());
	take(to);
	return true;
}

static void talk(void)
{
	while (hear(&a, &b) || hear(&b, &a))
		continue;
}

static void pass(uint64_t us)
{
	uint64_t until = now + us;
	for (;;) {
		uint64_t due_a = session_deadline(&a.session), due_b = session_deadline(&b.session);
		uint64_t due = due_a < due_b ? due_a : due_b;
		if (due > until)
			break;
		now = due > now ? due : now;
		leased_tick(due == due_a ? &a.session : &b.session, now, pair_out());
		take(due == due_a ? &a : &b);
		talk();
	}
	now = until;
}

static void prepare(struct side *side, const struct session_config *config, uint8_t seed)
{
	uint8_t bytes[32] = {seed};
	memset(side, 0, sizeof *side);
	side->config = *config;
	side->config.line = side->config.link.line = true;
	side->config.mtu = 1500;
	side->config.link.mru = 1500;
	side->password = "secret";
	random_seed(&side->random, bytes);
}

/* Two ends as pppd's would be: MS-CHAPv2 and MPPE. */
static void ready(void)
{
	struct pair *pair = pair_new();
	now = SECONDS(1000);
	prepare(&a, &pair->client.config.session, 1);
	prepare(&b, &pair->server.config.session, 2);
}

static void lease(struct side *side)
{
	leased_init(&side->session, &side->config, SUBJECT, &side->random, now, pair_out());
	take(side);
	assert_int_equal(side->count, 1);
	assert_int_equal(side->commands[0].kind, DATAPATH_ATTACH);
	assert_true(side->commands[0].attach.line);
	assert_int_equal(side->session.state, SESSION_CALLING);
}

static void start(void)
{
	struct side *sides[] = {&a, &b};
	for (unsigned n = 0; n < 2; n++) {
		lease(sides[n]);
		leased_start(&sides[n]->session, now, pair_out());
		take(sides[n]);
	}
	talk();
}

static void up(void)
{
	ready();
	start();
	assert_int_equal(a.session.state, SESSION_UP);
	assert_int_equal(b.session.state, SESSION_UP);
}

/* The nth command of this kind, from the last on. */
static const struct datapath_command *last(const struct side *side, enum datapath_command_kind kind)
{
	for (unsigned n = side->count; n--;)
		if (side->commands[n].kind == kind)
			return &side->commands[n];
	fail_msg("no such command");
	return NULL;
}

static void opens_as_over_a_call(void **state)
{
	up();
	assert_int_equal(a.session.facts.method, AUTH_MSCHAPV2);
	assert_int_equal(a.session.facts.network.local4, 0x0a000002);
	assert_int_equal(b.session.facts.network.strength, MPPE_128);
	assert_int_equal(a.session.facts.mtu, 1496); /* MPPE's four bytes are the line's */
	assert_int_equal(a.ups + b.ups, 2);
	assert_int_equal(a.commands[1].kind, DATAPATH_FRAMING);
	assert_int_equal(a.commands[2].kind, DATAPATH_CONNECT);
	assert_int_equal(a.commands[2].connect.window, 0);
}

static void the_line_is_told_what_was_agreed(void **state)
{
	ready();
	a.config.link.ask_accm = b.config.link.ask_accm = true;
	a.config.link.accm = 0x000a0000;
	b.config.link.ask_fcs = LCP_FCS_32;
	start();
	assert_int_equal(a.commands[1].framing.send_accm, 0xffffffff);
	assert_int_equal(a.commands[1].framing.receive_accm, 0x000a0000);
	assert_int_equal(a.commands[1].framing.receive_fcs, LCP_FCS_16);
	assert_int_equal(b.commands[1].framing.receive_fcs, LCP_FCS_16 | LCP_FCS_32);
	assert_int_equal(b.commands[1].framing.send_fcs, LCP_FCS_16);
	const struct datapath_command *of_a = last(&a, DATAPATH_FRAMING);
	assert_int_equal(of_a->framing.send_accm, 0);
	assert_int_equal(of_a->framing.receive_accm, 0x000a0000);
	assert_int_equal(of_a->framing.send_fcs, LCP_FCS_32);
	assert_int_equal(of_a->framing.receive_fcs, LCP_FCS_16);
	const struct datapath_command *of_b = last(&b, DATAPATH_FRAMING);
	assert_int_equal(of_b->framing.send_accm, 0x000a0000);
	assert_int_equal(of_b->framing.receive_accm, 0);
	assert_int_equal(of_b->framing.receive_fcs, LCP_FCS_32);
}

/* Behind the new epoch, and before a frame of it. */
static void a_new_epoch_begins_with_nothing_agreed(void **state)
{
	static const uint8_t request[] = {0xc0, 0x21, 1, 0x77, 0, 4};
	ready();
	b.config.link.ask_fcs = LCP_FCS_32;
	start();
	unsigned before = a.count;
	leased_frame(&a.session, a.session.epoch, request, sizeof request, now, pair_out());
	take(&a);
	assert_int_equal(a.commands[before].kind, DATAPATH_EPOCH);
	assert_int_equal(a.commands[before + 1].kind, DATAPATH_FRAMING);
	assert_int_equal(a.commands[before + 1].framing.send_fcs, LCP_FCS_16);
	assert_int_equal(a.commands[before + 1].framing.send_accm, 0xffffffff);
	talk();
	pass(SECONDS(10));
	assert_int_equal(a.session.state, SESSION_UP);
	assert_int_equal(last(&a, DATAPATH_FRAMING)->framing.send_fcs, LCP_FCS_32);
}

static void ends(struct side *side, enum close_reason reason)
{
	assert_int_equal(side->downs, 1);
	assert_int_equal(side->reason, reason);
	assert_int_equal(side->session.state, SESSION_OVER);
	assert_int_equal(last(side, DATAPATH_DETACH)->kind, DATAPATH_DETACH);
	assert_true(session_deadline(&side->session) == NEVER);
}

static void a_polite_end(void **state)
{
	up();
	leased_close(&a.session, CLOSE_ADMIN, now, pair_out());
	take(&a);
	assert_int_equal(a.downs, 0); /* its Terminate-Request is on the way */
	talk();
	ends(&a, CLOSE_ADMIN);
	pass(SECONDS(10));
	ends(&b, CLOSE_PEER_TERMINATED);
}

static void the_line_is_hung_up(void **state)
{
	up();
	unsigned said = a.said;
	leased_gone(&a.session, CLOSE_LINE_GONE, now, pair_out());
	take(&a);
	ends(&a, CLOSE_LINE_GONE);
	assert_int_equal(a.said, said); /* there is nobody to say farewell to */
	assert_int_equal(close_exit_code(CLOSE_LINE_GONE), 16);
	leased_gone(&a.session, CLOSE_LINE_GONE, now, pair_out());
	take(&a);
	assert_int_equal(a.downs, 1);
}

/* Whoever hangs up behind a Terminate-Request only does what it said. */
static void the_peer_hangs_up_behind_its_farewell(void **state)
{
	up();
	leased_close(&b.session, CLOSE_ADMIN, now, pair_out());
	take(&b);
	talk();
	assert_int_equal(a.downs, 0);
	leased_gone(&a.session, CLOSE_LINE_GONE, now, pair_out());
	take(&a);
	ends(&a, CLOSE_PEER_TERMINATED);
}

static void gone_before_it_began(void **state)
{
	ready();
	lease(&a);
	leased_gone(&a.session, CLOSE_LINE_GONE, now, pair_out());
	take(&a);
	ends(&a, CLOSE_LINE_GONE);
}

/* Nobody there: no word of GRE, which there is none of. */
static void silence(void **state)
{
	ready();
	lease(&a);
	leased_start(&a.session, now, pair_out());
	take(&a);
	b.cut = true;
	a.cut = true;
	pass(SECONDS(60));
	ends(&a, CLOSE_LCP_TIMEOUT);
	assert_null(strstr(a.notes, "GRE"));
}

static void echoes_unanswered(void **state)
{
	up();
	b.cut = true;
	pass(SECONDS(200));
	ends(&a, CLOSE_ECHO_DEAD);
}

static void limits_hold(void **state)
{
	ready();
	a.config.idle_us = SECONDS(50);
	start();
	pass(SECONDS(55));
	ends(&a, CLOSE_IDLE);
	ready();
	a.config.max_connect_us = SECONDS(70);
	start();
	pass(SECONDS(75));
	ends(&a, CLOSE_MAX_CONNECT);
}

static void keys_that_differ(void **state)
{
	up();
	leased_keys_differ(&a.session, now, pair_out());
	take(&a);
	talk();
	ends(&a, CLOSE_MPPE_KEYS);
}

static void a_wrong_password(void **state)
{
	ready();
	b.password = "another";
	start();
	pass(SECONDS(10));
	ends(&a, CLOSE_AUTH_WE_FAILED);
	ends(&b, CLOSE_AUTH_FAILED);
}

/* One end waits for who may come hours later. */
static void waits_for_the_peer(bool silent)
{
	ready();
	a.config.link.silent = silent;
	a.config.link.passive = !silent;
	lease(&a);
	leased_start(&a.session, now, pair_out());
	take(&a);
	a.heard = a.said; /* nobody is there */
	memset(&b.session, 0, sizeof b.session);
	for (uint64_t due; (due = session_deadline(&a.session)) != NEVER;) {
		now = due > now ? due : now;
		leased_tick(&a.session, now, pair_out());
		take(&a);
		a.heard = a.said;
	}
	now += SECONDS(100000);
	assert_int_equal(a.downs, 0);
	assert_int_equal(a.session.state, SESSION_STARTING);
	assert_int_equal(a.said, silent ? 0 : 10);
	lease(&b);
	leased_start(&b.session, now, pair_out());
	take(&b);
	talk();
	assert_int_equal(a.session.state, SESSION_UP);
	assert_int_equal(b.session.state, SESSION_UP);
}

static void silent_until_the_peer_speaks(void **state)
{
	waits_for_the_peer(true);
}

static void passive_when_nobody_answers(void **state)
{
	waits_for_the_peer(false);
	assert_non_null(strstr(a.notes, "waiting for the peer"));
}

/* A peer that says one word and no more does not keep the line for ever. */
static void one_word_is_not_enough(void **state)
{
	static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
	ready();
	a.config.link.silent = true;
	lease(&a);
	leased_start(&a.session, now, pair_out());
	leased_frame(&a.session, a.session.epoch, echo, sizeof echo, now, pair_out());
	take(&a);
	pass(SESSION_SETUP_MAX + SECONDS(10));
	ends(&a, CLOSE_LCP_TIMEOUT);
}

/* What we say comes back to us. */
static void a_looped_line(void **state)
{
	ready();
	lease(&a);
	leased_start(&a.session, now, pair_out());
	take(&a);
	for (unsigned n = 0; n < 100 && hear(&a, &a); n++)
		continue;
	now += SECONDS(30);
	leased_tick(&a.session, now, pair_out());
	take(&a);
	for (unsigned n = 0; n < 100 && hear(&a, &a); n++)
		continue;
	ends(&a, CLOSE_LOOPBACK);
	assert_int_equal(close_exit_code(CLOSE_LOOPBACK), 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_as_over_a_call),
		cmocka_unit_test(the_line_is_told_what_was_agreed),
		cmocka_unit_test(a_new_epoch_begins_with_nothing_agreed),
		cmocka_unit_test(a_polite_end),
		cmocka_unit_test(the_line_is_hung_up),
		cmocka_unit_test(the_peer_hangs_up_behind_its_farewell),
		cmocka_unit_test(gone_before_it_began),
		cmocka_unit_test(silence),
		cmocka_unit_test(echoes_unanswered),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(keys_that_differ),
		cmocka_unit_test(a_wrong_password),
		cmocka_unit_test(silent_until_the_peer_speaks),
		cmocka_unit_test(passive_when_nobody_answers),
		cmocka_unit_test(one_word_is_not_enough),
		cmocka_unit_test(a_looped_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
