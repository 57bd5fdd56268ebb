/* The automaton against the text of RFC 1661 §4.1, cell by cell, and its timer and counters. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsm.h"

/* A protocol with one option, 1, whose value must be 7; it writes down what it is told. */
struct toy {
	struct fsm fsm;
	uint16_t seen; /* actions, as a mask */
	char order[128];
	bool stuck;
};

enum { FRAME = 1, DROP = 2, NOTE = 3, TOY = 0x8fff };

static const struct turn_kinds kinds = {.frame = FRAME, .drop = DROP, .note = NOTE};

static void saw(struct toy *toy, uint16_t action, const char *word)
{
	toy->seen |= action;
	strcat(toy->order, word);
	strcat(toy->order, " ");
}

static void toy_request(const void *owner, struct writer *w)
{
	write_bytes(w, "\x01\x03\x07", 3);
}

static void toy_up(void *owner, const struct turn *turn)
{
	saw(owner, FSM_TLU, "tlu");
}

static void toy_down(void *owner, const struct turn *turn)
{
	saw(owner, FSM_TLD, "tld");
}

static void toy_started(void *owner, const struct turn *turn)
{
	saw(owner, FSM_TLS, "tls");
}

static void toy_finished(void *owner, const struct turn *turn)
{
	saw(owner, FSM_TLF, "tlf");
}

static void toy_echo(void *owner, const struct packet_view *p, const struct turn *turn)
{
	saw(owner, FSM_SER, "ser");
}

static bool toy_code(const struct fsm_run *run, const struct packet_view *p)
{
	if (p->code != 9)
		return false;
	fsm_packet_event(run, FSM_RXR, p);
	return true;
}

static void toy_stuck(void *owner, const struct turn *turn)
{
	((struct toy *)owner)->stuck = true;
}

static void toy_begin(void *owner)
{
}

static enum option_verdict toy_judge(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	if (read_u8(&value) == 7 && !value.failed)
		return OPTION_ACK;
	write_u8(wanted, 7);
	return OPTION_NAK;
}

static const struct option_kind toy_kinds[] = {
	{1, 3, 3, "seven", toy_judge, NULL, NULL, NULL},
};

static const struct option_set toy_options = {.kinds = toy_kinds, .count = 1, .begin = toy_begin};

static const struct fsm_ops toy_ops = {
	.protocol = TOY,
	.options = &toy_options,
	.request = toy_request,
	.up = toy_up,
	.down = toy_down,
	.started = toy_started,
	.finished = toy_finished,
	.code = toy_code,
	.echo = toy_echo,
	.stuck = toy_stuck,
};

static uint8_t coverage[FSM_EVENTS][FSM_STATES];

static struct fsm_run toy_run(struct toy *toy, uint64_t now, struct outbox *out)
{
	return (struct fsm_run){
		.fsm = &toy->fsm,
		.ops = &toy_ops,
		.owner = toy,
		.limits = {.restart_us = SECONDS(3),
			.max_configure = 10,
			.max_terminate = 2,
			.max_failure = 5,
			.coverage = &coverage[0][0]},
		.turn = {.now = now, .out = out, .kinds = &kinds},
	};
}

/* Adds what the frames in the outbox say was done. */
static void read_frames(struct toy *toy, const struct outbox *out)
{
	static const struct {
		uint8_t code;
		uint16_t action;
		const char *word;
	} codes[] = {{1, FSM_SCR, "scr"}, {2, FSM_SCA, "sca"}, {3, FSM_SCN, "scn"},
		{4, FSM_SCN, "scn"}, {5, FSM_STR, "str"}, {6, FSM_STA, "sta"}, {7, FSM_SCJ, "scj"}};
	for (uint32_t i = 0; i < out->item_count; i++) {
		if (out->items[i].kind != FRAME)
			continue;
		const uint8_t *b = outbox_bytes(out, &out->items[i]);
		assert_int_equal(b[0] << 8 | b[1], TOY);
		for (size_t j = 0; j < sizeof codes / sizeof codes[0]; j++)
			if (codes[j].code == b[2])
				saw(toy, codes[j].action, codes[j].word);
	}
}

/* The table of the RFC. */

struct cell {
	bool possible;
	uint16_t actions;
	int next;
};

static struct cell rfc[FSM_EVENTS][FSM_STATES];

static uint16_t action_of(const char *word)
{
	static const char *const words[] = {"tld", "irc", "zrc", "scr", "sca", "scn", "str", "sta",
		"scj", "ser", "tlu", "tls", "tlf"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i], word) == 0)
			return (uint16_t)(1u << i);
	fail_msg("no such action: %s", word);
	return 0;
}

/* "irc,scr/6x" */
static struct cell parse_cell(char *text)
{
	struct cell cell = {0};
	if (strcmp(text, "-") == 0)
		return cell;
	cell.possible = true;
	char *slash = strchr(text, '/');
	char *next = slash ? slash + 1 : text;
	cell.next = atoi(next);
	if (!slash)
		return cell;
	*slash = '\0';
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ","))
		cell.actions |= action_of(word);
	return cell;
}

static int event_of(const char *name)
{
	for (int i = 0; i < FSM_EVENTS; i++)
		if (strcmp(fsm_event_word((enum fsm_event)i), name) == 0)
			return i;
	return -1;
}

static int read_rfc(void **state)
{
	FILE *file = fopen(VECTORS "/rfc1661-automaton.txt", "r");
	assert_non_null(file);
	char line[256];
	int first = 0, cells = 0;
	while (fgets(line, sizeof line, file)) {
		char *bar = strchr(line, '|');
		if (!bar)
			continue;
		*bar = '\0';
		char name[16] = "";
		sscanf(line, "%15s", name);
		char *words[12], *rest = NULL;
		int count = 0;
		for (char *w = strtok_r(bar + 1, " \n", &rest); w; w = strtok_r(NULL, " \n", &rest))
			if (count < 12)
				words[count++] = w;
		int event = event_of(name);
		if (event < 0) { /* the line of state numbers says which columns follow */
			if (count && (strcmp(words[0], "0") == 0 || strcmp(words[0], "6") == 0))
				first = atoi(words[0]);
			continue;
		}
		assert_int_equal(count, first == 0 ? 6 : 4);
		for (int i = 0; i < count; i++, cells++)
			rfc[event][first + i] = parse_cell(words[i]);
	}
	fclose(file);
	assert_int_equal(cells, FSM_EVENTS * FSM_STATES);
	return 0;
}

static void table_is_the_rfcs(void **state)
{
	for (int e = 0; e < FSM_EVENTS; e++)
		for (int s = 0; s < FSM_STATES; s++) {
			const struct fsm_cell *ours = &fsm_table[e][s];
			const struct cell *theirs = &rfc[e][s];
			if ((ours->next != FSM_NONE) != theirs->possible ||
				(theirs->possible && (ours->next != theirs->next ||
							     ours->actions != theirs->actions)))
				fail_msg("%s in %s differs", fsm_event_word((enum fsm_event)e),
					fsm_state_word((enum fsm_state)s));
		}
}

/* A packet that is the event, for an automaton whose latest request had identifier 1. */
static size_t packet_for(enum fsm_event event, uint8_t packet[16])
{
	static const struct {
		enum fsm_event event;
		uint8_t length, bytes[8];
	} packets[] = {
		{FSM_RCR_PLUS, 7, {1, 33, 0, 7, 1, 3, 7}},
		{FSM_RCR_MINUS, 7, {1, 33, 0, 7, 1, 3, 8}},
		{FSM_RCA, 7, {2, 1, 0, 7, 1, 3, 7}},
		{FSM_RCN, 7, {3, 1, 0, 7, 1, 3, 9}},
		{FSM_RTR, 4, {5, 34, 0, 4}},
		{FSM_RTA, 4, {6, 35, 0, 4}},
		{FSM_RUC, 4, {99, 36, 0, 4}},
		{FSM_RXJ_PLUS, 5, {7, 37, 0, 5, 12}},
		{FSM_RXJ_MINUS, 5, {7, 38, 0, 5, 1}},
		{FSM_RXR, 4, {9, 39, 0, 4}},
	};
	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++)
		if (packets[i].event == event) {
			memcpy(packet, packets[i].bytes, packets[i].length);
			return packets[i].length;
		}
	return 0;
}

static void put_in_state(struct toy *toy, enum fsm_state state)
{
	*toy = (struct toy){0};
	fsm_init(&toy->fsm);
	toy->fsm.state = (uint8_t)state;
	toy->fsm.id = toy->fsm.request_id = 1;
	toy->fsm.restarts = 5;
	toy->fsm.timer = SECONDS(2);
	/* In Ack-Rcvd and Opened our request is acked; the first copy of that Ack is forgiven. */
	toy->fsm.answered = toy->fsm.repeated = state == FSM_ACK_RCVD || state == FSM_OPENED;
}

static void check_cell(enum fsm_event event, enum fsm_state state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, state);
	struct fsm_run run = toy_run(&toy, SECONDS(1), &out);
	const struct cell *cell = &rfc[event][state];
	uint8_t packet[16];
	size_t length = packet_for(event, packet);
	if (length)
		fsm_input(&run, packet, length);
	else
		assert_int_equal(fsm_event(&run, event), cell->possible);
	read_frames(&toy, &out);
	uint16_t silent = FSM_IRC | FSM_ZRC; /* what only the counter shows */
	uint16_t expected = cell->possible ? cell->actions & (uint16_t)~silent : 0;
	int next = cell->possible ? cell->next : (int)state;
	if (toy.seen != expected || toy.fsm.state != next)
		fail_msg("%s in %s: did %s, now %s", fsm_event_word(event), fsm_state_word(state),
			toy.order, fsm_state_word((enum fsm_state)toy.fsm.state));
	int sent = (expected & FSM_SCR ? 1 : 0) + (expected & FSM_STR ? 1 : 0);
	int restarts =
		cell->possible && (cell->actions & FSM_IRC) ? (expected & FSM_STR ? 2 : 10) : 5;
	if (cell->possible && (cell->actions & FSM_ZRC))
		restarts = 0;
	assert_int_equal(toy.fsm.restarts, restarts - sent);
	bool running = next >= FSM_CLOSING && next <= FSM_ACK_SENT;
	assert_int_equal(fsm_deadline(&toy.fsm) != NEVER, running);
	if (running && cell->possible && (cell->actions & (FSM_SCR | FSM_STR | FSM_ZRC)))
		assert_int_equal(fsm_deadline(&toy.fsm), SECONDS(4));
	assert_int_equal(coverage[event][state], cell->possible);
}

static void every_cell_does_what_it_says(void **state)
{
	memset(coverage, 0, sizeof coverage);
	for (int e = 0; e < FSM_EVENTS; e++)
		for (int s = 0; s < FSM_STATES; s++)
			check_cell((enum fsm_event)e, (enum fsm_state)s);
}

/* A packet in a state that has no line is counted, not answered. */
static void packets_before_up(void **state)
{
	for (int e = FSM_RCR_PLUS; e < FSM_EVENTS; e++) {
		OUTBOX(out, 16, 8192);
		struct toy toy;
		put_in_state(&toy, FSM_STARTING);
		struct fsm_run run = toy_run(&toy, SECONDS(1), &out);
		uint8_t packet[16];
		size_t length = packet_for((enum fsm_event)e, packet);
		fsm_input(&run, packet, length);
		for (uint32_t i = 0; i < out.item_count; i++)
			assert_int_equal(out.items[i].kind, DROP);
	}
}

static void order_of_a_restart(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_OPENED);
	struct fsm_run run = toy_run(&toy, SECONDS(1), &out);
	uint8_t packet[16];
	fsm_input(&run, packet, packet_for(FSM_RCR_PLUS, packet));
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "tld scr sca ");
}

/* Max-Configure requests 3 s apart, then the end. */
static void requests_time_out(void **state)
{
	OUTBOX(out, 64, 65536);
	struct toy toy = {0};
	fsm_init(&toy.fsm);
	struct fsm_run run = toy_run(&toy, 0, &out);
	fsm_event(&run, FSM_OPEN);
	fsm_event(&run, FSM_UP);
	for (unsigned i = 1; i <= 10; i++) {
		assert_int_equal(toy.fsm.state, FSM_REQ_SENT);
		assert_int_equal(fsm_deadline(&toy.fsm), i * SECONDS(3));
		run.turn.now = fsm_deadline(&toy.fsm) - 1;
		fsm_tick(&run); /* not yet */
		run.turn.now++;
		fsm_tick(&run);
	}
	assert_int_equal(toy.fsm.state, FSM_STOPPED);
	assert_int_equal(fsm_deadline(&toy.fsm), NEVER);
	unsigned requests = 0;
	for (uint32_t i = 0; i < out.item_count; i++) {
		const uint8_t *b = outbox_bytes(&out, &out.items[i]);
		requests += b[2] == 1;
		assert_int_equal(b[3], 1); /* a retransmission keeps its identifier */
	}
	assert_int_equal(requests, 10);
	assert_true(toy.seen & FSM_TLF);
}

static void terminate_times_out(void **state)
{
	OUTBOX(out, 64, 65536);
	struct toy toy;
	put_in_state(&toy, FSM_OPENED);
	struct fsm_run run = toy_run(&toy, 0, &out);
	fsm_event(&run, FSM_CLOSE);
	while (fsm_deadline(&toy.fsm) != NEVER) {
		run.turn.now = fsm_deadline(&toy.fsm);
		fsm_tick(&run);
	}
	assert_int_equal(run.turn.now, SECONDS(6));
	assert_int_equal(toy.fsm.state, FSM_CLOSED);
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "tld tlf str str ");
}

/* After a Terminate-Request in Opened the other side gets one restart interval to see our Ack. */
static void terminated_waits_once(void **state)
{
	OUTBOX(out, 64, 65536);
	struct toy toy;
	put_in_state(&toy, FSM_OPENED);
	struct fsm_run run = toy_run(&toy, SECONDS(1), &out);
	uint8_t packet[16];
	fsm_input(&run, packet, packet_for(FSM_RTR, packet));
	assert_int_equal(fsm_deadline(&toy.fsm), SECONDS(4));
	run.turn.now = SECONDS(4);
	fsm_tick(&run);
	assert_int_equal(toy.fsm.state, FSM_STOPPED);
}

static void silent_opener_waits(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy = {0};
	fsm_init(&toy.fsm);
	struct fsm_run run = toy_run(&toy, 0, &out);
	run.limits.silent = true;
	fsm_event(&run, FSM_OPEN);
	fsm_event(&run, FSM_UP);
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "tls ");
	assert_int_equal(fsm_deadline(&toy.fsm), NEVER);
	uint8_t packet[16];
	fsm_input(&run, packet, packet_for(FSM_RCR_PLUS, packet));
	assert_int_equal(toy.fsm.state, FSM_ACK_SENT);
}

/* A request that comes again unchanged shows that our Nak was lost; the peer does not insist. */
static void lost_naks_are_repeated(void **state)
{
	struct toy toy;
	put_in_state(&toy, FSM_REQ_SENT);
	uint8_t packet[16];
	size_t length = packet_for(FSM_RCR_MINUS, packet);
	for (int i = 0; i < 20; i++) {
		OUTBOX(out, 16, 8192);
		struct fsm_run run = toy_run(&toy, 0, &out);
		fsm_input(&run, packet, length);
		const uint8_t *b = outbox_bytes(&out, &out.items[0]);
		assert_int_equal(b[2], CONFIGURE_NAK);
	}
	assert_int_equal(toy.fsm.failures, 1);
}

/* Max-Failure: the sixth request in a row that we cannot take is rejected, not Nak'd. */
static void naks_turn_into_rejects(void **state)
{
	struct toy toy;
	put_in_state(&toy, FSM_REQ_SENT);
	uint8_t packet[16];
	size_t length = packet_for(FSM_RCR_MINUS, packet);
	for (int i = 0; i < 7; i++) {
		OUTBOX(out, 16, 8192);
		struct fsm_run run = toy_run(&toy, 0, &out);
		packet[1] = (uint8_t)(i + 1);
		fsm_input(&run, packet, length);
		const uint8_t *b = outbox_bytes(&out, &out.items[0]);
		assert_int_equal(b[2], i < 5 ? CONFIGURE_NAK : CONFIGURE_REJECT);
		assert_int_equal(b[8], i < 5 ? 7 : 8); /* what we want, what it sent */
	}
}

/* A peer that Naks for ever, and one that asks for the same thing for ever, are left alone. */
static void endless_rounds_end(void **state)
{
	static const enum fsm_event endless[] = {FSM_RCN, FSM_RCR_MINUS};
	for (size_t k = 0; k < 2; k++) {
		struct toy toy;
		put_in_state(&toy, FSM_REQ_SENT);
		int rounds = 0;
		while (toy.fsm.state == FSM_REQ_SENT && rounds < 1000) {
			OUTBOX(out, 16, 8192);
			struct fsm_run run = toy_run(&toy, 0, &out);
			uint8_t packet[16];
			size_t length = packet_for(endless[k], packet);
			if (endless[k] == FSM_RCN)
				packet[1] = toy.fsm.request_id;
			fsm_input(&run, packet, length);
			rounds++;
		}
		assert_int_equal(rounds, FSM_EXCHANGES_MAX + 1);
		assert_int_equal(toy.fsm.state, FSM_CLOSING);
		assert_true(toy.stuck);
	}
}

static void answers_must_fit(void **state)
{
	static const struct {
		uint8_t length, bytes[12];
		enum drop drop;
	} wrong[] = {
		{7, {2, 2, 0, 7, 1, 3, 7}, DROP_FRAME_ID},
		{7, {2, 1, 0, 7, 1, 3, 8}, DROP_FRAME_OPTIONS}, /* not what we sent */
		{4, {2, 1, 0, 4}, DROP_FRAME_OPTIONS},          /* less than we sent */
		{10, {2, 1, 0, 10, 1, 3, 7, 1, 3, 7}, DROP_FRAME_OPTIONS},
		{4, {3, 1, 0, 4}, DROP_FRAME_OPTIONS}, /* a Nak of nothing */
		{6, {3, 1, 0, 6, 1, 1}, DROP_FRAME_OPTIONS},
		{7, {4, 1, 0, 7, 1, 3, 8}, DROP_FRAME_OPTIONS}, /* rejects what was not asked */
		{4, {4, 1, 0, 4}, DROP_FRAME_OPTIONS},
		{3, {2, 1, 0}, DROP_FRAME_SHORT},
		{4, {2, 1, 0, 7}, DROP_FRAME_SHORT},
		{4, {2, 1, 0, 3}, DROP_FRAME_SHORT},
		{4, {7, 1, 0, 4}, DROP_FRAME_SHORT}, /* a Code-Reject of nothing */
		{6, {1, 9, 0, 6, 1, 0}, DROP_FRAME_OPTIONS},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		OUTBOX(out, 16, 8192);
		struct toy toy;
		put_in_state(&toy, FSM_REQ_SENT);
		struct fsm_run run = toy_run(&toy, 0, &out);
		fsm_input(&run, wrong[i].bytes, wrong[i].length);
		assert_int_equal(out.item_count, 1);
		assert_int_equal(out.items[0].kind, DROP);
		assert_int_equal(out.items[0].arg, wrong[i].drop);
		assert_int_equal(toy.fsm.state, FSM_REQ_SENT);
	}
}

/* One copy of an Ack is the network's; the next is a peer that disagrees, and starts over. */
static void a_copied_ack_is_forgiven_once(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_ACK_SENT);
	struct fsm_run run = toy_run(&toy, 0, &out);
	uint8_t packet[16];
	size_t length = packet_for(FSM_RCA, packet);
	fsm_input(&run, packet, length);
	assert_int_equal(toy.fsm.state, FSM_OPENED);
	fsm_input(&run, packet, length);
	assert_int_equal(toy.fsm.state, FSM_OPENED);
	fsm_input(&run, packet, length);
	assert_int_equal(toy.fsm.state, FSM_REQ_SENT);
}

/* In Opened: the request we acked, come again, is answered again; any other starts over. */
static void a_repeated_request_starts_nothing(void **state)
{
	OUTBOX(out, 32, 8192);
	struct toy toy;
	uint8_t packet[16];
	put_in_state(&toy, FSM_ACK_RCVD);
	struct fsm_run run = toy_run(&toy, 0, &out);
	size_t length = packet_for(FSM_RCR_PLUS, packet);
	fsm_input(&run, packet, length);
	assert_int_equal(toy.fsm.state, FSM_OPENED);
	outbox_clear(&out);
	toy.order[0] = '\0';
	fsm_input(&run, packet, length);
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "sca ");
	assert_int_equal(toy.fsm.state, FSM_OPENED);
	outbox_clear(&out);
	toy.order[0] = '\0';
	packet[1]++;
	fsm_input(&run, packet, length);
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "tld scr sca ");
	/* The same identifier with other options is another request. */
	toy.fsm.state = FSM_OPENED;
	outbox_clear(&out);
	toy.order[0] = '\0';
	packet[6] = 9;
	fsm_input(&run, packet, length);
	read_frames(&toy, &out);
	assert_string_equal(toy.order, "tld scr scn ");
}

static void new_request_new_identifier(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_REQ_SENT);
	struct fsm_run run = toy_run(&toy, 0, &out);
	uint8_t packet[16];
	fsm_input(&run, packet, packet_for(FSM_RCA, packet)); /* id 1 is answered */
	assert_int_equal(toy.fsm.state, FSM_ACK_RCVD);
	run.turn.now = fsm_deadline(&toy.fsm);
	fsm_tick(&run);
	assert_int_equal(toy.fsm.request_id, 2);
}

static void code_reject_repeats_the_packet(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_OPENED);
	struct fsm_run run = toy_run(&toy, 0, &out);
	uint8_t packet[600] = {200, 5, 600 >> 8, 600 & 255, 0xaa};
	fsm_input(&run, packet, sizeof packet);
	assert_int_equal(out.item_count, 2);
	assert_int_equal(out.items[0].arg, DROP_FRAME_CODE);
	const uint8_t *b = outbox_bytes(&out, &out.items[1]);
	assert_int_equal(b[2], CODE_REJECT);
	assert_memory_equal(b + 6, packet, 100);
	/* Whatever the peer's MRU is, this fits (RFC 1661 §5.6). */
	assert_true(out.items[1].length <= PPP_MRU_MIN + 2);
}

static void padding_is_no_fault(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_REQ_SENT);
	struct fsm_run run = toy_run(&toy, 0, &out);
	static const uint8_t packet[] = {1, 33, 0, 7, 1, 3, 7, 0, 0, 0};
	fsm_input(&run, packet, sizeof packet);
	assert_int_equal(toy.fsm.state, FSM_ACK_SENT);
	const uint8_t *b = outbox_bytes(&out, &out.items[0]);
	assert_int_equal(out.items[0].length, 2 + 7);
	assert_int_equal(b[2], CONFIGURE_ACK);
}

static void a_request_beyond_any_mru_is_dropped(void **state)
{
	OUTBOX(out, 16, 8192);
	struct toy toy;
	put_in_state(&toy, FSM_REQ_SENT);
	struct fsm_run run = toy_run(&toy, 0, &out);
	static uint8_t packet[4000] = {1, 33, 4000 >> 8, 4000 & 255};
	for (size_t i = 4; i + 3 <= sizeof packet; i += 3)
		memcpy(packet + i, "\x01\x03\x07", 3);
	fsm_input(&run, packet, sizeof packet);
	assert_int_equal(out.item_count, 1);
	assert_int_equal(out.items[0].arg, DROP_FRAME_OPTIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_the_rfcs),
		cmocka_unit_test(every_cell_does_what_it_says),
		cmocka_unit_test(packets_before_up),
		cmocka_unit_test(order_of_a_restart),
		cmocka_unit_test(requests_time_out),
		cmocka_unit_test(terminate_times_out),
		cmocka_unit_test(terminated_waits_once),
		cmocka_unit_test(silent_opener_waits),
		cmocka_unit_test(lost_naks_are_repeated),
		cmocka_unit_test(naks_turn_into_rejects),
		cmocka_unit_test(endless_rounds_end),
		cmocka_unit_test(answers_must_fit),
		cmocka_unit_test(a_copied_ack_is_forgiven_once),
		cmocka_unit_test(a_repeated_request_starts_nothing),
		cmocka_unit_test(new_request_new_identifier),
		cmocka_unit_test(code_reject_repeats_the_packet),
		cmocka_unit_test(padding_is_no_fault),
		cmocka_unit_test(a_request_beyond_any_mru_is_dropped),
	};
	return cmocka_run_group_tests(tests, read_rfc, NULL);
}
