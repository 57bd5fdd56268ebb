/* CCP (see ccp.h): the automaton's actions as keys. RFC 1962, RFC 3078.
 *
 * Which key may be used when. The peer may encrypt as soon as its own CCP is Opened, and that may
 * be before we know: our Ack lets it, if it has acked our request by then, or its own Ack does,
 * which may overtake us on the way from the worker to this thread. So the receiver is armed, with
 * what our request asks for, before any Configure-Ack of ours leaves, and armed anew before a
 * changed request does while that Ack stands. The transmitter starts when our CCP is Opened.
 *
 * A negotiation that begins again, in Opened, starts both directions from the start keys.
 *
 * Reset-Request and Reset-Ack (RFC 3078 §5) belong to the data path, which sees them in order with
 * the packets they speak of; one that comes here is counted and left alone. */
#include "ccp.h"

#include "digest.h"
#include "protocol.h"
#include "unit.h"
#include "unit_inner.h"

enum ccp_code { RESET_REQUEST = 14, RESET_ACK = 15 };

static void send_key(const struct unit *unit, uint16_t kind, uint8_t strength, bool stateless,
	const struct turn *turn)
{
	struct unit_key key = {.strength = (enum mppe_strength)strength, .stateless = stateless};
	if (strength)
		key.keys = unit->keys;
	outbox_add(turn->out, kind, &key, sizeof key);
	secret_wipe(&key, sizeof key);
}

static void arm(struct unit *unit, const struct turn *turn)
{
	struct ccp *ccp = &unit->ccp;
	ccp->armed = (uint8_t)mppe_strongest(ccp->wish);
	ccp->armed_stateless = ccp->wish_stateless;
	send_key(unit, UNIT_RECEIVE_KEY, ccp->armed, ccp->armed_stateless, turn);
}

static void disarm(struct unit *unit, const struct turn *turn)
{
	struct ccp *ccp = &unit->ccp;
	if (ccp->transmitting)
		send_key(unit, UNIT_TRANSMIT_KEY, MPPE_NONE, false, turn);
	if (ccp->armed)
		send_key(unit, UNIT_RECEIVE_KEY, MPPE_NONE, false, turn);
	ccp->transmitting = false;
	ccp->armed = MPPE_NONE;
}

static bool armed_as_wished(const struct ccp *ccp)
{
	return ccp->armed == mppe_strongest(ccp->wish) &&
	       ccp->armed_stateless == ccp->wish_stateless;
}

/* The same request acked again needs no new start of the receiver, which may be in use. */
static void acking(void *owner, uint8_t id, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	if (ccp->armed ? armed_as_wished(ccp) && ccp->armed_id == id : !ccp->wish)
		return;
	ccp->armed_id = id;
	arm(unit, turn);
}

static void requesting(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	if (unit->ccp.armed && !armed_as_wished(&unit->ccp))
		arm(unit, turn);
}

static void add_method(struct text *t, uint8_t strength, bool stateless)
{
	if (!strength) {
		text_add(t, "no");
		return;
	}
	text_add(t, "MPPE ");
	text_unsigned(t, strength);
	text_add(t, stateless ? "-bit stateless" : "-bit stateful");
}

/* As pppd says it: one method, or that of sending and that of receiving. */
static void note_enabled(const struct ccp *ccp, const struct turn *turn)
{
	char line[96];
	struct text t = text_over(line, sizeof line);
	add_method(&t, ccp->theirs, ccp->their_stateless);
	if (ccp->theirs != ccp->armed ||
		(ccp->armed && ccp->their_stateless != ccp->armed_stateless)) {
		text_add(&t, " / ");
		add_method(&t, ccp->armed, ccp->armed_stateless);
	}
	text_add(&t, " compression enabled");
	turn_note(turn, NOTE_INFO, &t);
}

static void opened(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	ccp->refusal = CCP_AGREED;
	ccp->told = false;
	ccp->patience = CCP_PATIENCE;
	if (ccp->theirs) {
		ccp->transmitting = true;
		send_key(unit, UNIT_TRANSMIT_KEY, ccp->theirs, ccp->their_stateless, turn);
	}
	if (ccp->theirs || ccp->armed)
		note_enabled(ccp, turn);
	if (!ccp->theirs)
		ccp->refusal = CCP_UNWANTED;
	unit_review(unit, turn);
}

static void restarted(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	disarm(unit, turn);
	ccp_wish(unit);
	unit_review(unit, turn);
}

static void terminating(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct ccp *ccp = &((struct unit *)owner)->ccp;
	if (fsm_opened(&ccp->fsm))
		ccp->refusal = CCP_TERMINATED;
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	if (code_is_vital(code))
		((struct unit *)owner)->ccp.refusal = CCP_UNKNOWN;
}

/* A peer that we acked and that then fell silent may believe itself Opened and encrypt: the
 * receiver stays armed, for a unit that goes on without encryption. */
static void finished(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	if (unit->ccp.refusal == CCP_AGREED)
		unit->ccp.refusal = CCP_SILENT;
	if (unit->ccp.refusal != CCP_SILENT)
		disarm(unit, turn);
}

static void stuck(void *owner, const struct turn *turn)
{
	((struct unit *)owner)->ccp.refusal = CCP_STUCK;
}

static bool input_code(const struct fsm_run *run, const struct packet_view *p)
{
	if (p->code != RESET_REQUEST && p->code != RESET_ACK)
		return false;
	turn_drop(&run->turn, DROP_FRAME_CODE);
	return true;
}

bool ccp_encrypts(const struct unit *unit)
{
	const struct ccp *ccp = &unit->ccp;
	return fsm_opened(&ccp->fsm) && ccp->theirs && ccp->armed;
}

static const struct fsm_ops ccp_ops = {
	.protocol = CCP,
	.options = &ccp_options,
	.request = ccp_request,
	.requesting = requesting,
	.acking = acking,
	.up = opened,
	.down = restarted,
	.finished = finished,
	.code = input_code,
	.code_rejected = code_rejected,
	.terminating = terminating,
	.stuck = stuck,
};

static struct fsm_run ccp_run(void *side, const struct turn *turn)
{
	struct unit *unit = side;
	return unit_run(unit, &unit->ccp.fsm, &ccp_ops, turn);
}

static void row_init(void *side)
{
	struct unit *unit = side;
	unit->ccp = (struct ccp){0};
	fsm_init(&unit->ccp.fsm);
	ccp_wish(unit);
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct fsm_run run = ccp_run(side, turn);
	((struct unit *)side)->ccp.refusal = CCP_UNKNOWN;
	fsm_event(&run, FSM_RXJ_MINUS);
}

static void row_lower_down(void *side, const struct turn *turn)
{
	struct fsm_run run = ccp_run(side, turn);
	fsm_event(&run, FSM_DOWN);
	disarm(side, turn);
}

/* Without encryption we could go on, but a peer that we acked may have promised it to itself. So it
 * is asked longer than others, and told when we give up, instead of being left to encrypt alone. */
static bool gives_up_aloud(struct unit *unit, const struct fsm_run *run)
{
	struct ccp *ccp = &unit->ccp;
	if (unit->config->mppe_require || !ccp->armed || ccp->fsm.state < FSM_REQ_SENT ||
		ccp->fsm.restarts || run->turn.now < fsm_deadline(&ccp->fsm))
		return false;
	if (ccp->patience) {
		ccp->patience--;
		ccp->fsm.restarts = unit->config->max_configure;
		return false;
	}
	ccp->refusal = CCP_SILENT;
	fsm_event(run, FSM_CLOSE);
	return true;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct fsm_run run = ccp_run(side, turn);
	if (!gives_up_aloud(side, &run))
		fsm_tick(&run);
}

static uint64_t row_deadline(const void *side)
{
	return fsm_deadline(&((const struct unit *)side)->ccp.fsm);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	struct packet_view p;
	if (!packet_read(&p, packet, length) || (p.code != RESET_REQUEST && p.code != RESET_ACK)) {
		print_negotiation(t, packet, length, &ccp_options);
		return;
	}
	text_add(t, p.code == RESET_REQUEST ? "Reset-Request id " : "Reset-Ack id ");
	text_unsigned(t, p.id);
}

const struct protocol_ops ccp_protocol = {
	.init = row_init,
	.run = ccp_run,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
