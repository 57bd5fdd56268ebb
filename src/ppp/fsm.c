/* The automaton of RFC 1661 §4 (see fsm.h).
 *
 * The table below is the RFC's §4.1, row by row; a test compares each cell with the RFC's text. All
 * that is not in the table is how packets become events (§4.3, §5) and events become packets.
 *
 * Whether the restart timer runs is no state of its own: it runs in Closing, Stopping, Req-Sent,
 * Ack-Rcvd and Ack-Sent (§4.2), counted from the last Request sent or from the wait that zrc asks
 * for.
 *
 * Where this departs from the RFC's letter:
 * - In Opened, the very request we acked last, come again, is no new negotiation but the sign that
 * our Ack was lost (its identifier changes as soon as one arrives, §5.1): it gets the Ack again and
 *   nothing starts over. Otherwise one lost frame would cost an established peer its keys or its
 *   authentication.
 * - Max-Failure counts requests that were Nak'd, not Naks: one that comes again unchanged,
 * identifier and all, shows that the Nak was lost, not that the peer insists.
 * - The first copy of an Ack already taken is dropped as the network's duplicate; the table's
 *   restart (RCA in Ack-Rcvd and Opened) is for a peer that goes on sending it.
 * - A negotiation that goes round without converging is closed after FSM_EXCHANGES_MAX rounds:
 *   Max-Failure alone does not bound a peer that never takes a Reject for an answer.
 * - A silent opener (passive LCP) stands in Stopped after Up, and moves on the peer's request. */
#include "fsm.h"

#include <assert.h>

#include "names.h"

enum {
	tld = FSM_TLD,
	irc = FSM_IRC,
	zrc = FSM_ZRC,
	scr = FSM_SCR,
	sca = FSM_SCA,
	scn = FSM_SCN,
	str = FSM_STR,
	sta = FSM_STA,
	scj = FSM_SCJ,
	ser = FSM_SER,
	tlu = FSM_TLU,
	tls = FSM_TLS,
	tlf = FSM_TLF,
};

/* clang-format off */
#define NONE { 0, FSM_NONE }
const struct fsm_cell fsm_table[FSM_EVENTS][FSM_STATES] = {
/*                  Initial   Starting     Closed       Stopped            Closing   Stopping  Req-Sent     Ack-Rcvd     Ack-Sent     Opened */
[FSM_UP]        = { {0, 2},   {irc|scr, 6}, NONE,        NONE,              NONE,     NONE,     NONE,        NONE,        NONE,        NONE },
[FSM_DOWN]      = { NONE,     NONE,        {0, 0},      {tls, 1},          {0, 0},   {0, 1},   {0, 1},      {0, 1},      {0, 1},      {tld, 1} },
[FSM_OPEN]      = { {tls, 1}, {0, 1},      {irc|scr, 6}, {0, 3},           {0, 5},   {0, 5},   {0, 6},      {0, 7},      {0, 8},      {0, 9} },
[FSM_CLOSE]     = { {0, 0},   {tlf, 0},    {0, 2},      {0, 2},            {0, 4},   {0, 4},   {irc|str, 4}, {irc|str, 4}, {irc|str, 4}, {tld|irc|str, 4} },

[FSM_TO_PLUS]   = { NONE,     NONE,        NONE,        NONE,              {str, 4}, {str, 5}, {scr, 6},    {scr, 6},    {scr, 8},    NONE },
[FSM_TO_MINUS]  = { NONE,     NONE,        NONE,        NONE,              {tlf, 2}, {tlf, 3}, {tlf, 3},    {tlf, 3},    {tlf, 3},    NONE },

[FSM_RCR_PLUS]  = { NONE,     NONE,        {sta, 2},    {irc|scr|sca, 8},  {0, 4},   {0, 5},   {sca, 8},    {sca|tlu, 9}, {sca, 8},   {tld|scr|sca, 8} },
[FSM_RCR_MINUS] = { NONE,     NONE,        {sta, 2},    {irc|scr|scn, 6},  {0, 4},   {0, 5},   {scn, 6},    {scn, 7},    {scn, 6},    {tld|scr|scn, 6} },
[FSM_RCA]       = { NONE,     NONE,        {sta, 2},    {sta, 3},          {0, 4},   {0, 5},   {irc, 7},    {scr, 6},    {irc|tlu, 9}, {tld|scr, 6} },
[FSM_RCN]       = { NONE,     NONE,        {sta, 2},    {sta, 3},          {0, 4},   {0, 5},   {irc|scr, 6}, {scr, 6},   {irc|scr, 8}, {tld|scr, 6} },

[FSM_RTR]       = { NONE,     NONE,        {sta, 2},    {sta, 3},          {sta, 4}, {sta, 5}, {sta, 6},    {sta, 6},    {sta, 6},    {tld|zrc|sta, 5} },
[FSM_RTA]       = { NONE,     NONE,        {0, 2},      {0, 3},            {tlf, 2}, {tlf, 3}, {0, 6},      {0, 6},      {0, 8},      {tld|scr, 6} },

[FSM_RUC]       = { NONE,     NONE,        {scj, 2},    {scj, 3},          {scj, 4}, {scj, 5}, {scj, 6},    {scj, 7},    {scj, 8},    {scj, 9} },
[FSM_RXJ_PLUS]  = { NONE,     NONE,        {0, 2},      {0, 3},            {0, 4},   {0, 5},   {0, 6},      {0, 6},      {0, 8},      {0, 9} },
[FSM_RXJ_MINUS] = { NONE,     NONE,        {tlf, 2},    {tlf, 3},          {tlf, 2}, {tlf, 3}, {tlf, 3},    {tlf, 3},    {tlf, 3},    {tld|irc|str, 5} },

[FSM_RXR]       = { NONE,     NONE,        {0, 2},      {0, 3},            {0, 4},   {0, 5},   {0, 6},      {0, 7},      {0, 8},      {ser, 9} },
};
#undef NONE
/* clang-format on */

static const char *const state_words[FSM_STATES] = {
	"Initial",
	"Starting",
	"Closed",
	"Stopped",
	"Closing",
	"Stopping",
	"Req-Sent",
	"Ack-Rcvd",
	"Ack-Sent",
	"Opened",
};

static const char *const event_words[FSM_EVENTS] = {
	"Up",
	"Down",
	"Open",
	"Close",
	"TO+",
	"TO-",
	"RCR+",
	"RCR-",
	"RCA",
	"RCN",
	"RTR",
	"RTA",
	"RUC",
	"RXJ+",
	"RXJ-",
	"RXR",
};

enum {
	HEADER = 4,
	/* How much of an unknown packet a Code-Reject repeats: every MRU has room for it. */
	CODE_REJECT_COPY = PPP_MRU_MIN - HEADER,
};

/* What the actions of a received packet need to know of it. */
struct received {
	const struct packet_view *packet;
	uint8_t reply_code; /* Configure-Nak or Configure-Reject, for scn */
	const struct writer *reply;
};

const char *fsm_state_word(enum fsm_state state)
{
	assert(state < FSM_STATES);
	return state_words[state];
}

const char *fsm_event_word(enum fsm_event event)
{
	assert(event < FSM_EVENTS);
	return event_words[event];
}

bool packet_read(struct packet_view *p, const uint8_t *packet, size_t length)
{
	struct reader r = reader_over(packet, length);
	p->bytes = packet;
	p->code = read_u8(&r);
	p->id = read_u8(&r);
	uint16_t stated = read_u16(&r);
	if (r.failed || stated < HEADER || stated > length)
		return false;
	p->body = packet + HEADER;
	p->length = (uint16_t)(stated - HEADER);
	return true;
}

void fsm_init(struct fsm *fsm)
{
	*fsm = (struct fsm){.state = FSM_INITIAL, .timer = NEVER};
}

uint8_t fsm_next_id(struct fsm *fsm)
{
	return ++fsm->id;
}

static bool timer_runs(uint8_t state)
{
	return state >= FSM_CLOSING && state <= FSM_ACK_SENT;
}

uint64_t fsm_deadline(const struct fsm *fsm)
{
	return timer_runs(fsm->state) ? fsm->timer : NEVER;
}

static void start_timer(const struct fsm_run *run)
{
	run->fsm->timer = run->turn.now + run->limits.restart_us;
}

void fsm_defaults(
	uint64_t *restart_us, uint8_t *max_configure, uint8_t *max_terminate, uint8_t *max_failure)
{
	if (!*restart_us)
		*restart_us = SECONDS(3);
	if (!*max_configure)
		*max_configure = 10;
	if (!*max_terminate)
		*max_terminate = 2;
	if (!*max_failure)
		*max_failure = 5;
}

/* scr. A retransmission keeps its identifier, so that a late answer to the first copy is good too;
 * every other request has a new one. */
static void send_request(const struct fsm_run *run, bool again)
{
	struct fsm *fsm = run->fsm;
	if (!again || fsm->answered) {
		fsm->request_id = fsm_next_id(fsm);
		fsm->answered = false;
		fsm->repeated = false;
	}
	if (run->ops->requesting)
		run->ops->requesting(run->owner, &run->turn);
	struct writer w =
		packet_open(&run->turn, run->ops->protocol, CONFIGURE_REQUEST, fsm->request_id);
	run->ops->request(run->owner, &w);
	packet_close(&run->turn, &w);
	if (fsm->restarts)
		fsm->restarts--;
}

static void send_terminate(const struct fsm_run *run)
{
	const char *words = run->ops->farewell ? run->ops->farewell(run->owner) : NULL;
	packet_send(&run->turn, run->ops->protocol, TERMINATE_REQUEST, fsm_next_id(run->fsm), words,
		words ? strlen(words) : 0);
	if (run->fsm->restarts)
		run->fsm->restarts--;
}

static void send_code_reject(const struct fsm_run *run, const struct packet_view *p)
{
	size_t whole = (size_t)p->length + HEADER;
	packet_send(&run->turn, run->ops->protocol, CODE_REJECT, fsm_next_id(run->fsm), p->bytes,
		whole < CODE_REJECT_COPY ? whole : CODE_REJECT_COPY);
}

/* FNV-1a: enough to tell a repeated request from another of the same identifier. */
static uint32_t fingerprint(const struct packet_view *p)
{
	uint32_t hash = 2166136261u;
	for (uint16_t i = 0; i < p->length; i++)
		hash = (hash ^ p->body[i]) * 16777619u;
	return hash;
}

static bool naked_before(const struct fsm *fsm, const struct packet_view *p)
{
	return fsm->failures && fsm->naked_id == p->id && fsm->naked_fingerprint == fingerprint(p);
}

static void count_failure(struct fsm *fsm, const struct packet_view *p)
{
	if (naked_before(fsm, p))
		return;
	fsm->failures++;
	fsm->naked_id = p->id;
	fsm->naked_fingerprint = fingerprint(p);
}

static void send_ack(const struct fsm_run *run, const struct packet_view *p)
{
	packet_send(&run->turn, run->ops->protocol, CONFIGURE_ACK, p->id, p->body, p->length);
}

/* sca and scn: the answer to a Configure-Request. */
static void send_verdict(const struct fsm_run *run, const struct received *in, bool good)
{
	const struct packet_view *p = in->packet;
	if (good) {
		run->fsm->failures = 0;
		run->fsm->acked = true;
		run->fsm->acked_id = p->id;
		run->fsm->acked_fingerprint = fingerprint(p);
		if (run->ops->acking)
			run->ops->acking(run->owner, p->id, &run->turn);
		send_ack(run, p);
		if (run->ops->acked)
			run->ops->acked(run->owner, &run->turn);
		return;
	}
	if (in->reply_code == CONFIGURE_NAK)
		count_failure(run->fsm, p);
	packet_send(&run->turn, run->ops->protocol, in->reply_code, p->id, in->reply->start,
		writer_length(in->reply));
}

static void send_packets(
	const struct fsm_run *run, uint16_t actions, bool again, const struct received *in)
{
	if (actions & scr)
		send_request(run, again);
	if (actions & (sca | scn))
		send_verdict(run, in, actions & sca);
	if (actions & str)
		send_terminate(run);
	if (actions & sta)
		packet_send(&run->turn, run->ops->protocol, TERMINATE_ACK, in->packet->id, NULL, 0);
	if (actions & scj)
		send_code_reject(run, in->packet);
	if ((actions & ser) && run->ops->echo)
		run->ops->echo(run->owner, in->packet, &run->turn);
}

static void tell_layer(const struct fsm_run *run, uint16_t actions)
{
	if (actions & tlu) {
		run->fsm->exchanges = 0;
		run->ops->up(run->owner, &run->turn);
	}
	if ((actions & tls) && run->ops->started)
		run->ops->started(run->owner, &run->turn);
	if (actions & tlf)
		run->ops->finished(run->owner, &run->turn);
}

static bool run_event(const struct fsm_run *run, enum fsm_event event, const struct received *in)
{
	struct fsm *fsm = run->fsm;
	struct fsm_cell cell = fsm_table[event][fsm->state];
	if (cell.next == FSM_NONE)
		return false;
	if (run->limits.coverage)
		run->limits.coverage[event * FSM_STATES + fsm->state] = 1;
	fsm->state = cell.next;
	if (cell.actions & tld)
		run->ops->down(run->owner, &run->turn);
	if (cell.actions & irc)
		fsm->restarts =
			cell.actions & str ? run->limits.max_terminate : run->limits.max_configure;
	if (cell.actions & zrc)
		fsm->restarts = 0;
	if (cell.actions & (scr | str | zrc))
		start_timer(run);
	send_packets(run, cell.actions, event == FSM_TO_PLUS, in);
	tell_layer(run, cell.actions);
	return true;
}

bool fsm_event(const struct fsm_run *run, enum fsm_event event)
{
	assert(event != FSM_RCR_PLUS && event != FSM_RCR_MINUS && event != FSM_RTR &&
		event != FSM_RUC);
	if (event == FSM_UP && run->limits.silent && run->fsm->state == FSM_STARTING) {
		run->fsm->state = FSM_STOPPED;
		return true;
	}
	if (event == FSM_UP || event == FSM_OPEN) {
		run->fsm->exchanges = 0;
		run->fsm->failures = 0;
	}
	return run_event(run, event, NULL);
}

bool fsm_packet_event(const struct fsm_run *run, enum fsm_event event, const struct packet_view *p)
{
	const struct received in = {.packet = p};
	return run_event(run, event, &in);
}

/* Counts a round of disagreement; true when it ended in giving up. */
static bool gave_up(const struct fsm_run *run, bool round)
{
	struct fsm *fsm = run->fsm;
	if (round && ++fsm->exchanges > FSM_EXCHANGES_MAX) {
		run->ops->stuck(run->owner, &run->turn);
		fsm->abandoned = true;
	}
	if (!fsm->abandoned)
		return false;
	fsm->abandoned = false;
	fsm_event(run, FSM_CLOSE);
	return true;
}

/* Elsewhere the answer to any packet is a Terminate-Ack or silence, and no round is counted. */
static bool negotiates(const struct fsm *fsm)
{
	return fsm->state == FSM_STOPPED || fsm->state >= FSM_REQ_SENT;
}

static bool acked_before(const struct fsm *fsm, const struct packet_view *p)
{
	return fsm->acked && fsm->acked_id == p->id && fsm->acked_fingerprint == fingerprint(p);
}

static void input_request(const struct fsm_run *run, const struct packet_view *p)
{
	struct fsm *fsm = run->fsm;
	uint8_t options[PPP_MRU_DEFAULT - HEADER];
	struct writer reply = writer_over(options, sizeof options);
	enum option_verdict verdict = OPTION_ACK;

	if (fsm->state < FSM_CLOSED) {
		turn_drop(&run->turn, DROP_FRAME_PHASE);
		return;
	}
	if (fsm_opened(fsm) && acked_before(fsm, p)) {
		send_ack(run, p);
		return;
	}
	fsm->impatient = fsm->failures >= run->limits.max_failure && !naked_before(fsm, p);
	if (p->length > sizeof options || !option_judge(run->ops->options, run->owner, p->body,
						  p->length, !fsm->impatient, &reply, &verdict)) {
		turn_drop(&run->turn, DROP_FRAME_OPTIONS);
		return;
	}
	if (negotiates(fsm) && gave_up(run, verdict != OPTION_ACK))
		return;
	fsm->abandoned = false;
	const struct received in = {
		.packet = p,
		.reply_code = verdict == OPTION_NAK ? CONFIGURE_NAK : CONFIGURE_REJECT,
		.reply = &reply,
	};
	run_event(run, verdict == OPTION_ACK ? FSM_RCR_PLUS : FSM_RCR_MINUS, &in);
}

static size_t our_request(const struct fsm_run *run, uint8_t *options, size_t size)
{
	struct writer w = writer_over(options, size);
	run->ops->request(run->owner, &w);
	assert(!w.failed);
	return writer_length(&w);
}

static bool take_ack(const struct fsm_run *run, const struct packet_view *p)
{
	uint8_t request[PPP_MRU_MIN];
	size_t length = our_request(run, request, sizeof request);
	return p->length == length && (length == 0 || memcmp(p->body, request, length) == 0);
}

static bool take_nak(const struct fsm_run *run, const struct packet_view *p)
{
	uint8_t request[PPP_MRU_MIN];
	if (p->length == 0)
		return false;
	if (p->code == CONFIGURE_NAK)
		return option_naked(run->ops->options, run->owner, p->body, p->length);
	size_t length = our_request(run, request, sizeof request);
	return option_rejected(run->ops->options, run->owner, request, length, p->body, p->length);
}

/* Configure-Ack, -Nak and -Reject. */
static void input_answer(const struct fsm_run *run, const struct packet_view *p)
{
	struct fsm *fsm = run->fsm;
	enum fsm_event event = p->code == CONFIGURE_ACK ? FSM_RCA : FSM_RCN;
	if (!negotiates(fsm) || fsm->state == FSM_STOPPED) {
		if (!fsm_packet_event(run, event, p))
			turn_drop(&run->turn, DROP_FRAME_PHASE);
		return;
	}
	if (p->id != fsm->request_id) {
		turn_drop(&run->turn, DROP_FRAME_ID);
		return;
	}
	if (event == FSM_RCA && fsm->answered && !fsm->repeated) {
		fsm->repeated = true;
		turn_drop(&run->turn, DROP_FRAME_ID);
		return;
	}
	if (event == FSM_RCA ? !take_ack(run, p) : !take_nak(run, p)) {
		turn_drop(&run->turn, DROP_FRAME_OPTIONS);
		return;
	}
	if (gave_up(run, event == FSM_RCN))
		return;
	if (event == FSM_RCA)
		fsm->answered = true;
	fsm_packet_event(run, event, p);
}

/* A Code-Reject of a code the automaton cannot do without ends it (RXJ-). */
static void input_code_reject(const struct fsm_run *run, const struct packet_view *p)
{
	if (p->length == 0) {
		turn_drop(&run->turn, DROP_FRAME_SHORT);
		return;
	}
	uint8_t code = p->body[0];
	bool vital = code_is_vital(code);
	if (run->fsm->state >= FSM_CLOSED && run->ops->code_rejected)
		run->ops->code_rejected(run->owner, code, &run->turn);
	if (!fsm_packet_event(run, vital ? FSM_RXJ_MINUS : FSM_RXJ_PLUS, p))
		turn_drop(&run->turn, DROP_FRAME_PHASE);
}

static void input_terminate(const struct fsm_run *run, const struct packet_view *p)
{
	if (p->code == TERMINATE_REQUEST && run->ops->terminating)
		run->ops->terminating(run->owner, p, &run->turn);
	if (!fsm_packet_event(run, p->code == TERMINATE_REQUEST ? FSM_RTR : FSM_RTA, p))
		turn_drop(&run->turn, DROP_FRAME_PHASE);
}

static void input_other(const struct fsm_run *run, const struct packet_view *p)
{
	if (run->ops->code && run->ops->code(run, p))
		return;
	turn_drop(&run->turn, DROP_FRAME_CODE);
	fsm_packet_event(run, FSM_RUC, p);
}

void fsm_input(const struct fsm_run *run, const uint8_t *packet, size_t length)
{
	struct packet_view p;
	if (!packet_read(&p, packet, length)) {
		turn_drop(&run->turn, DROP_FRAME_SHORT);
		return;
	}
	switch (p.code) {
	case CONFIGURE_REQUEST:
		input_request(run, &p);
		break;
	case CONFIGURE_ACK:
	case CONFIGURE_NAK:
	case CONFIGURE_REJECT:
		input_answer(run, &p);
		break;
	case TERMINATE_REQUEST:
	case TERMINATE_ACK:
		input_terminate(run, &p);
		break;
	case CODE_REJECT:
		input_code_reject(run, &p);
		break;
	default:
		input_other(run, &p);
		break;
	}
}

void fsm_tick(const struct fsm_run *run)
{
	if (run->turn.now >= fsm_deadline(run->fsm))
		fsm_event(run, run->fsm->restarts ? FSM_TO_PLUS : FSM_TO_MINUS);
}
