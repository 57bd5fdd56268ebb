/* CCP (see ccp.h): the automaton's actions as keys and compressors. RFC 1962, RFC 3078.
 *
 * Which key may be used when. The peer may encrypt as soon as its own CCP is Opened, and that may
 * be before we know: our Ack lets it, if it has acked our request by then, or its own Ack does,
 * which may overtake us on the way from the worker to this thread. So the receiver is armed, with
 * what our request asks for, before any Configure-Ack of ours leaves, and armed anew before a
 * changed request does while that Ack stands. The transmitter starts when our CCP is Opened.
 *
 * A negotiation that begins again, in Opened, starts both directions from the start keys.
 *
 * A compressor that is no part of MPPE starts behind our Ack of the peer's request, Opened or not,
 * as Linux has it on both its sides: so both ends know from the frames' order what is in the
 * history and what came before it. The decompressor stands ready before our request leaves, since
 * the peer's Ack is seen by the data path first, which has the history start there.
 *
 * Reset-Request and Reset-Ack (RFC 3078 §5) belong to the data path, which sees them in order with
 * the packets they speak of; one that comes here is counted and left alone. */
#include "ccp.h"

#include "digest.h"
#include "protocol.h"
#include "unit.h"
#include "unit_inner.h"

static void send_key(const struct unit *unit, uint16_t kind, uint8_t strength, bool stateless,
	const struct turn *turn)
{
	struct unit_key key = {.strength = (enum mppe_strength)strength, .stateless = stateless};
	if (strength)
		key.keys = unit->keys;
	outbox_add(turn->out, kind, &key, sizeof key);
	secret_wipe(&key, sizeof key);
}

static void send_codec(struct unit *unit, bool transmit, const struct codec_params *params,
	const struct turn *turn)
{
	struct unit_codec codec = {.transmit = transmit, .params = *params};
	outbox_add(turn->out, UNIT_COMPRESS, &codec, sizeof codec);
}

static bool same_codec(const struct codec_params *a, const struct codec_params *b)
{
	return a->method == b->method && a->bits == b->bits && a->stateless == b->stateless &&
	       a->encrypted == b->encrypted;
}

static void arm_codec(struct unit *unit, const struct codec_params *params, const struct turn *turn)
{
	struct ccp *ccp = &unit->ccp;
	if (same_codec(&ccp->armed_codec, params))
		return;
	ccp->armed_codec = *params;
	send_codec(unit, false, params, turn);
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
	static const struct codec_params none;
	struct ccp *ccp = &unit->ccp;
	if (ccp->compressing.method)
		send_codec(unit, true, &none, turn);
	ccp->compressing = none;
	arm_codec(unit, &none, turn);
	if (ccp->transmitting)
		send_key(unit, UNIT_TRANSMIT_KEY, MPPE_NONE, false, turn);
	if (ccp->armed)
		send_key(unit, UNIT_RECEIVE_KEY, MPPE_NONE, false, turn);
	ccp->transmitting = false;
	ccp->armed = MPPE_NONE;
}

/* Behind the Ack: what the peer asked for in it. The same once more starts once more. */
static void acked(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	const struct codec_params *theirs = &ccp->their_codec;
	struct unit_codec codec = {.transmit = true, .params = *theirs};
	if (theirs->encrypted || (!theirs->method && !ccp->compressing.method))
		return;
	codec.again = same_codec(&ccp->compressing, theirs);
	ccp->compressing = *theirs;
	outbox_add(turn->out, UNIT_COMPRESS, &codec, sizeof codec);
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
	struct codec_params wished = ccp_wished(&unit->ccp);
	arm_codec(unit, &wished, turn);
	if (unit->ccp.armed && !armed_as_wished(&unit->ccp))
		arm(unit, turn);
}

/* What one direction does. */
static void add_method(
	struct text *t, uint8_t strength, bool stateless, const struct codec_params *codec)
{
	if (strength) {
		text_add(t, "MPPE ");
		text_unsigned(t, strength);
		text_add(t, stateless ? "-bit stateless" : "-bit stateful");
		text_add(t, codec->method ? " with " : "");
	}
	if (!strength || codec->method)
		ccp_add_codec(t, codec);
}

/* As pppd says it: one method, or that of sending and that of receiving. */
static void note_enabled(const struct ccp *ccp, const struct turn *turn)
{
	char line[96], other[48];
	struct text t = text_over(line, sizeof line), o = text_over(other, sizeof other);
	add_method(&t, ccp->theirs, ccp->their_stateless, &ccp->their_codec);
	add_method(&o, ccp->armed, ccp->armed_stateless, &ccp->armed_codec);
	if (t.used != o.used || memcmp(line, other, t.used) != 0) {
		text_add(&t, " / ");
		text_add(&t, other);
	}
	text_add(&t, " compression enabled");
	turn_note(turn, NOTE_INFO, &t);
}

/* Why there is no encryption now that CCP is open; said where it was not before. */
static void note_refusal(struct ccp *ccp)
{
	uint8_t before = ccp->refusal;
	ccp->refusal = ccp->lost;
	if (!ccp->theirs && !ccp->lost)
		ccp->refusal = CCP_UNWANTED;
	if (ccp->refusal != before || ccp->refusal == CCP_AGREED)
		ccp->told = false;
}

static void opened(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	note_refusal(ccp);
	ccp->patience = CCP_PATIENCE;
	if (ccp->theirs) {
		ccp->transmitting = true;
		send_key(unit, UNIT_TRANSMIT_KEY, ccp->theirs, ccp->their_stateless, turn);
	}
	if (ccp->their_codec.encrypted) {
		ccp->compressing = ccp->their_codec;
		send_codec(unit, true, &ccp->compressing, turn);
	}
	if (ccp->theirs || ccp->armed || ccp->compressing.method || ccp->armed_codec.method)
		note_enabled(ccp, turn);
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
		ccp_ended(ccp, CCP_TERMINATED);
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	if (code_is_vital(code))
		ccp_ended(&((struct unit *)owner)->ccp, CCP_UNKNOWN);
}

/* A peer that we acked and that then fell silent may believe itself Opened, and encrypt or
 * compress: the receiver stays armed, for a unit that goes on without encryption. */
static void finished(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ccp *ccp = &unit->ccp;
	if (ccp->refusal == CCP_AGREED)
		ccp->refusal = CCP_SILENT;
	if (ccp->said)
		disarm(unit, turn);
}

static void stuck(void *owner, const struct turn *turn)
{
	ccp_ended(&((struct unit *)owner)->ccp, CCP_STUCK);
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
	.acked = acked,
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
	ccp_ended(&((struct unit *)side)->ccp, CCP_UNKNOWN);
	fsm_event(&run, FSM_RXJ_MINUS);
}

static void row_lower_down(void *side, const struct turn *turn)
{
	struct fsm_run run = ccp_run(side, turn);
	fsm_event(&run, FSM_DOWN);
	disarm(side, turn);
}

/* Without encryption we could go on, but a peer that we acked may have promised it to itself. So it
 * is asked longer than others, and told when we give up, instead of being left to encrypt alone; or
 * to compress. */
static bool gives_up_aloud(struct unit *unit, const struct fsm_run *run)
{
	struct ccp *ccp = &unit->ccp;
	bool packs = ccp->fsm.acked && (ccp->armed_codec.method || ccp->compressing.method);
	if (unit->config->mppe_require || !(ccp->armed || packs) || ccp->fsm.state < FSM_REQ_SENT ||
		ccp->fsm.restarts || run->turn.now < fsm_deadline(&ccp->fsm))
		return false;
	if (ccp->patience) {
		ccp->patience--;
		ccp->fsm.restarts = unit->config->max_configure;
		return false;
	}
	if (ccp->refusal == CCP_AGREED)
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
	print_negotiation(t, packet, length, &ccp_options);
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
