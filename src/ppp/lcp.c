/* LCP (see lcp.h): the packets a link lives on. Its options are in lcp_option.c, the automaton in
 * fsm.c; here is what codes 8 to 13 do, and what the automaton's actions mean for a link.
 *
 * RFC 1661 §5, RFC 1570 §2.1 (Identification), §2.2 (Time-Remaining).
 *
 * Keepalive: an Echo-Request goes out after an interval in which nothing at all was heard, and any
 * packet heard, data too, counts as the answer.
 *
 * Where this departs from the RFC: an Echo or Discard packet with a magic number that is neither
 * ours nor the one negotiated is taken all the same, because many peers send 0 or the one of an
 * earlier negotiation there. */
#include "lcp.h"

#include "link.h"
#include "link_inner.h"
#include "protocol.h"

enum lcp_code {
	PROTOCOL_REJECT = 8,
	ECHO_REQUEST = 9,
	ECHO_REPLY = 10,
	DISCARD_REQUEST = 11,
	IDENTIFICATION = 12,
	TIME_REMAINING = 13,
};

#define TIME_FOREVER UINT32_MAX /* RFC 1570 §2.2 */

enum { PACKET_HEADER = 4, MAGIC_SIZE = 4, WORDS_SHOWN = 64 };

bool lcp_magic_is_ours(struct link *link, uint32_t magic, const struct turn *turn)
{
	struct lcp *lcp = &link->lcp;
	if (magic == 0 || magic != lcp->magic)
		return false;
	turn_drop(turn, DROP_FRAME_MAGIC);
	if (++lcp->loops >= LCP_LOOP_TRIES)
		link_fail(link, CLOSE_LOOPBACK, turn);
	return true;
}

static void answered(struct link *link, const struct turn *turn)
{
	if (link->lcp.probing)
		outbox_add(turn->out, LINK_ANSWERED, NULL, 0);
	link->lcp.probing = false;
}

static void input_echo(const struct fsm_run *run, const struct packet_view *p)
{
	struct reader body = reader_over(p->body, p->length);
	uint32_t magic = read_u32(&body);
	if (body.failed) {
		turn_drop(&run->turn, DROP_FRAME_SHORT);
		return;
	}
	if (!fsm_opened(run->fsm)) {
		turn_drop(&run->turn, DROP_FRAME_PHASE);
		fsm_packet_event(run, FSM_RXR, p);
		return;
	}
	if (lcp_magic_is_ours(run->owner, magic, &run->turn))
		return;
	fsm_packet_event(run, FSM_RXR, p);
	struct link *link = run->owner;
	if (p->code == ECHO_REPLY && p->id == link->lcp.probe)
		answered(link, &run->turn);
}

static void send_echo_reply(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct link *link = owner;
	if (p->code != ECHO_REQUEST)
		return;
	size_t room = (size_t)link_peer_mru(link) - PACKET_HEADER - MAGIC_SIZE;
	size_t data = (size_t)p->length - MAGIC_SIZE;
	struct writer w = packet_open(turn, LCP, ECHO_REPLY, p->id);
	write_u32(&w, link->lcp.magic);
	write_bytes(&w, p->body + MAGIC_SIZE, data < room ? data : room);
	packet_close(turn, &w);
}

static void input_protocol_reject(const struct fsm_run *run, const struct packet_view *p)
{
	struct link *link = run->owner;
	struct reader body = reader_over(p->body, p->length);
	uint16_t protocol = read_u16(&body);
	if (body.failed) {
		turn_drop(&run->turn, DROP_FRAME_SHORT);
		return;
	}
	if (!fsm_opened(run->fsm)) { /* RFC 1661 §5.7 */
		turn_drop(&run->turn, DROP_FRAME_PHASE);
		return;
	}
	if (protocol != LCP)
		fsm_packet_event(run, FSM_RXJ_PLUS, p);
	link_protocol_rejected(link, protocol, &run->turn);
}

static void input_identification(
	struct link *link, const struct packet_view *p, const struct turn *turn)
{
	if (p->length < MAGIC_SIZE) {
		turn_drop(turn, DROP_FRAME_SHORT);
		return;
	}
	if (link->lcp.identified)
		return;
	link->lcp.identified = true;
	char line[WORDS_SHOWN * 4 + 32];
	struct text t = text_over(line, sizeof line);
	size_t length = (size_t)p->length - MAGIC_SIZE;
	text_add(&t, "Peer identifies itself as ");
	text_quoted(&t, p->body + MAGIC_SIZE, length < WORDS_SHOWN ? length : WORDS_SHOWN);
	turn_note(turn, NOTE_INFO, &t);
}

static void input_time_remaining(
	struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct reader body = reader_over(p->body, p->length);
	read_u32(&body); /* magic */
	uint32_t seconds = read_u32(&body);
	if (body.failed) {
		turn_drop(turn, DROP_FRAME_SHORT);
		return;
	}
	/* Each time that half of it has passed, and however often it is said, it is shown once. */
	uint32_t before = link->lcp.remaining;
	if (before && seconds > before / 2)
		return;
	link->lcp.remaining = seconds ? seconds : 1;
	char line[WORDS_SHOWN * 4 + 80];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "Peer gives this session ");
	if (seconds == TIME_FOREVER) {
		text_add(&t, "all the time there is");
	} else {
		text_unsigned(&t, seconds);
		text_add(&t, " more seconds");
	}
	size_t length = reader_left(&body);
	if (length) {
		text_add(&t, ": ");
		text_quoted(&t, body.at, length < WORDS_SHOWN ? length : WORDS_SHOWN);
	}
	turn_note(turn, NOTE_INFO, &t);
}

static bool input_code(const struct fsm_run *run, const struct packet_view *p)
{
	switch (p->code) {
	case PROTOCOL_REJECT:
		input_protocol_reject(run, p);
		return true;
	case ECHO_REQUEST:
	case ECHO_REPLY:
	case DISCARD_REQUEST:
		input_echo(run, p);
		return true;
	case IDENTIFICATION:
		input_identification(run->owner, p, &run->turn);
		return true;
	case TIME_REMAINING:
		input_time_remaining(run->owner, p, &run->turn);
		return true;
	default:
		return false;
	}
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	struct link *link = owner;
	struct lcp *lcp = &link->lcp;
	if (code_is_vital(code) && link->closing == CLOSE_NONE)
		link->closing = CLOSE_LCP_REJECTED;
	if (code != ECHO_REQUEST || lcp->echo_refused)
		return;
	lcp->echo_refused = true;
	answered(link, turn);
	turn_say(turn, NOTE_WARNING, "Peer does not know Echo-Request: no LCP keepalive");
}

void lcp_identify(struct link *link, const struct turn *turn)
{
	const char *words = link->config->identification;
	if (!words)
		return;
	size_t length = strlen(words);
	if (length > PPP_NAME_MAX)
		length = PPP_NAME_MAX;
	size_t room = (size_t)link_peer_mru(link) - PACKET_HEADER - MAGIC_SIZE;
	struct writer w = packet_open(turn, LCP, IDENTIFICATION, fsm_next_id(&link->lcp.fsm));
	write_u32(&w, link->lcp.magic);
	write_bytes(&w, words, length < room ? length : room);
	packet_close(turn, &w);
}

/* What nobody here speaks, by its name. What is spoken and not wanted was said otherwise. */
static void tell_reject(struct link *link, uint16_t number, const struct turn *turn)
{
	const struct protocol *protocol = protocol_find(number);
	char line[128];
	struct text t = text_over(line, sizeof line);
	if (protocol_spoken(number) || link->lcp.rejects == LCP_REJECTS_TOLD)
		return;
	link->lcp.rejects++;
	text_add(&t, "Peer sends ");
	text_add(&t, protocol ? protocol->name : "an unknown protocol");
	text_add(&t, " (0x");
	text_hex(&t, number, 4);
	text_add(&t, "), which is not spoken here: rejected");
	turn_note(turn, NOTE_INFO, &t);
}

/* Whoever does not know the code says so, and that is all (RFC 1570 §2). */
void lcp_time_remaining(
	struct link *link, uint32_t seconds, const char *words, const struct turn *turn)
{
	if (!fsm_opened(&link->lcp.fsm))
		return;
	struct writer w = packet_open(turn, LCP, TIME_REMAINING, fsm_next_id(&link->lcp.fsm));
	write_u32(&w, link->lcp.magic);
	write_u32(&w, seconds);
	write_bytes(&w, words, strlen(words));
	packet_close(turn, &w);
}

void lcp_protocol_reject(
	struct link *link, const uint8_t *frame, size_t length, const struct turn *turn)
{
	tell_reject(link, get_u16(frame), turn);
	size_t room = (size_t)link_peer_mru(link) - PACKET_HEADER;
	packet_send(turn, LCP, PROTOCOL_REJECT, fsm_next_id(&link->lcp.fsm), frame,
		length < room ? length : room);
}

void lcp_alive(struct lcp *lcp, uint64_t now)
{
	if (now > lcp->heard)
		lcp->heard = now;
	lcp->echo_unanswered = 0;
	lcp->echo_hurried = false;
}

void lcp_awake(struct lcp *lcp, uint64_t now)
{
	lcp->echo_hurried = true;
	lcp->echo_unanswered = 0;
	lcp->heard = lcp->echo_sent = now > ECHO_HURRIED ? now - ECHO_HURRIED : 0;
}

static uint64_t echo_deadline(const struct link *link)
{
	const struct lcp *lcp = &link->lcp;
	uint64_t interval = link->config->echo_interval_us;
	if (!fsm_opened(&lcp->fsm) || lcp->echo_refused || !link->config->echo_interval_us)
		return NEVER;
	uint64_t last = lcp->echo_sent;
	if (!link->config->echo_always && lcp->heard > last)
		last = lcp->heard;
	if (lcp->echo_hurried && interval > ECHO_HURRIED)
		interval = ECHO_HURRIED;
	return last + interval;
}

static void send_echo(const struct link *link, uint8_t id, const struct turn *turn)
{
	uint8_t magic[MAGIC_SIZE];
	put_u32(magic, link->lcp.magic);
	packet_send(turn, LCP, ECHO_REQUEST, id, magic, sizeof magic);
}

static void echo_tick(struct link *link, const struct turn *turn)
{
	struct lcp *lcp = &link->lcp;
	if (turn->now < echo_deadline(link))
		return;
	if (link->config->echo_failure && lcp->echo_unanswered >= link->config->echo_failure) {
		char line[64];
		struct text t = text_over(line, sizeof line);
		text_add(&t, "No response to ");
		text_unsigned(&t, lcp->echo_unanswered);
		text_add(&t, " echo-requests");
		turn_note(turn, NOTE_WARNING, &t);
		link_fail(link, CLOSE_ECHO_DEAD, turn);
		return;
	}
	if (lcp->echo_unanswered < UINT8_MAX)
		lcp->echo_unanswered++;
	lcp->echo_sent = turn->now;
	send_echo(link, fsm_next_id(&lcp->fsm), turn);
}

bool lcp_probe(struct link *link, const struct turn *turn)
{
	struct lcp *lcp = &link->lcp;
	if (!fsm_opened(&lcp->fsm) || lcp->echo_refused)
		return false;
	lcp->probing = true;
	lcp->probe = fsm_next_id(&lcp->fsm);
	send_echo(link, lcp->probe, turn);
	return true;
}

/* The automaton's view. */

static void opened(void *owner, const struct turn *turn)
{
	struct link *link = owner;
	struct lcp *lcp = &link->lcp;
	lcp->heard = lcp->echo_sent = turn->now;
	lcp->echo_unanswered = 0;
	lcp->echo_hurried = false;
	lcp->loops = 0;
	lcp->peer_left = false;
	lqr_start(link, turn);
	link_opened(link, turn);
}

static void restarted(void *owner, const struct turn *turn)
{
	struct link *link = owner;
	struct lcp_peer peer = link->lcp.peer; /* of the request just judged, if that is why */
	bool refused = link->lcp.we_refused;
	lcp_wish(link);
	link->lcp.peer = peer;
	link->lcp.we_refused = refused;
	link->lcp.echo_refused = link->lcp.identified = link->lcp.probing = false;
	link->lcp.remaining = 0;
	link->lcp.rejects = 0;
	link_restarted(link, turn);
}

static void finished(void *owner, const struct turn *turn)
{
	struct link *link = owner;
	if (link->closing == CLOSE_NONE && link->config->passive && !link->lcp.peer_left) {
		link_waits(link, turn);
		return;
	}
	if (link->closing == CLOSE_NONE)
		link->closing = link->lcp.peer_left ? CLOSE_PEER_TERMINATED : CLOSE_LCP_TIMEOUT;
	link_finished(link, turn);
}

/* In Opened this is the end. Before that the automaton goes on asking (RFC 1661 §4.1), unless the
 * peer leaves because we would not authenticate as it demands. */
static void terminating(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct link *link = owner;
	struct lcp *lcp = &link->lcp;
	if (link->phase == PHASE_DEAD || link->closing != CLOSE_NONE)
		return;
	if (lcp->we_refused)
		link->closing = CLOSE_AUTH_WE_REFUSED;
	else if (fsm_opened(&lcp->fsm))
		link->closing = CLOSE_PEER_TERMINATED;
	if (lcp->peer_left)
		return;
	lcp->peer_left = true;
	char line[WORDS_SHOWN * 4 + 32];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "LCP terminated by peer");
	if (p->length) {
		text_add(&t, " (");
		text_quoted(&t, p->body, p->length < WORDS_SHOWN ? p->length : WORDS_SHOWN);
		text_char(&t, ')');
	}
	turn_note(turn, NOTE_INFO, &t);
}

static void stuck(void *owner, const struct turn *turn)
{
	struct link *link = owner;
	if (link->closing == CLOSE_NONE)
		link->closing = link->lcp.we_refused ? CLOSE_AUTH_WE_REFUSED : CLOSE_LCP_OPTIONS;
}

static const char *farewell(const void *owner)
{
	const struct link *link = owner;
	return link->closing == CLOSE_NONE ? NULL : close_sentence(link->closing);
}

static const struct fsm_ops lcp_ops = {
	.protocol = LCP,
	.options = &lcp_options,
	.request = lcp_request,
	.up = opened,
	.down = restarted,
	.finished = finished,
	.code = input_code,
	.echo = send_echo_reply,
	.code_rejected = code_rejected,
	.terminating = terminating,
	.stuck = stuck,
	.farewell = farewell,
};

struct fsm_run lcp_run(void *side, const struct turn *turn)
{
	struct link *link = side;
	const struct link_config *config = link->config;
	return (struct fsm_run){
		.fsm = &link->lcp.fsm,
		.ops = &lcp_ops,
		.owner = link,
		.limits = {.restart_us = config->restart_us,
			.max_configure = config->max_configure,
			.max_terminate = config->max_terminate,
			.max_failure = config->max_failure,
			.silent = config->silent,
			.coverage = config->automaton_coverage},
		.turn = *turn,
	};
}

/* The row of the protocol table. */

static void row_init(void *side)
{
	struct link *link = side;
	link->lcp = (struct lcp){0};
	fsm_init(&link->lcp.fsm);
	lcp_wish(link);
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct link *link = side;
	struct fsm_run run = lcp_run(link, turn);
	if (link->closing == CLOSE_NONE)
		link->closing = CLOSE_LCP_REJECTED;
	fsm_event(&run, FSM_RXJ_MINUS);
}

static void row_tick(void *side, const struct turn *turn)
{
	struct fsm_run run = lcp_run(side, turn);
	fsm_tick(&run);
	echo_tick(side, turn);
}

static uint64_t row_deadline(const void *side)
{
	const struct link *link = side;
	uint64_t timer = fsm_deadline(&link->lcp.fsm);
	uint64_t echo = echo_deadline(link);
	return timer < echo ? timer : echo;
}

static void print_protocol(struct text *t, struct reader *body)
{
	uint16_t number = read_u16(body);
	const struct protocol *protocol = protocol_find(number);
	text_char(t, ' ');
	if (protocol) {
		text_add(t, protocol->name);
	} else {
		text_add(t, "0x");
		text_hex(t, number, 4);
	}
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	struct packet_view p;
	if (!packet_read(&p, packet, length) || p.code < PROTOCOL_REJECT ||
		p.code > TIME_REMAINING) {
		print_negotiation(t, packet, length, &lcp_options);
		return;
	}
	static const char *const words[] = {"Protocol-Reject", "Echo-Request", "Echo-Reply",
		"Discard-Request", "Identification", "Time-Remaining"};
	text_add(t, words[p.code - PROTOCOL_REJECT]);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	struct reader body = reader_over(p.body, p.length);
	if (reader_left(&body) < (p.code == PROTOCOL_REJECT ? 2 : MAGIC_SIZE)) {
		text_add(t, " [short]");
		return;
	}
	if (p.code == PROTOCOL_REJECT) {
		print_protocol(t, &body);
		return;
	}
	text_add(t, " magic ");
	text_hex(t, read_u32(&body), 8);
	if (p.code == TIME_REMAINING && reader_left(&body) >= 4) {
		text_add(t, " seconds ");
		text_unsigned(t, read_u32(&body));
	}
	if (reader_left(&body) == 0)
		return;
	text_char(t, ' ');
	if (p.code == IDENTIFICATION || p.code == TIME_REMAINING) {
		text_quoted(t, body.at, reader_left(&body));
	} else {
		text_unsigned(t, reader_left(&body));
		text_add(t, " bytes");
	}
}

const struct protocol_ops lcp_protocol = {
	.init = row_init,
	.run = lcp_run,
	.rejected = row_rejected,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
