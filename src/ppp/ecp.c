/* ECP (see ecp.h). RFC 1968, RFC 2419 §4, RFC 2420 §3.
 *
 * An option says by what its sender wants to receive, as in CCP, and brings the nonce from which
 * the peer starts (RFC 2419 §4: "a request for its peer to encrypt"; RFC 1968 §4 can be read either
 * way). The key's length says which method that is, and no other is agreed to. DESE (option 1) is
 * deprecated and rejected, as RFC 2419 demands.
 *
 * When what may be used is as in ccp.c: the receiver is armed, by the nonce of our request, before
 * the Configure-Ack that may let the peer encrypt; the transmitter, by the nonce of the peer's,
 * once ECP is Opened. Each negotiation has a nonce of its own, so that no old packet opens in a new
 * one.
 *
 * A lost packet costs DES-CBC one more and needs no help, so we never ask for a reset; a peer that
 * does is told that it was done (RFC 1968 §3.1). */
#include "ecp.h"

#include "digest.h"
#include "protocol.h"
#include "random.h"
#include "unit.h"
#include "unit_inner.h"

enum ecp_option { OPTION_OUI, OPTION_DESE, OPTION_3DESE, OPTION_DESE_BIS };

enum { OPTION_SIZE = 2 + ECP_NONCE };

const char *ecp_method(const struct ecp_key *key)
{
	return key->length == ECP_KEY_DES3 ? "3DESE" : key->length ? "DESE-bis" : "";
}

static uint8_t option_of(const struct unit *unit)
{
	return unit->config->ecp_key.length == ECP_KEY_DES3 ? OPTION_3DESE : OPTION_DESE_BIS;
}

void ecp_wish(struct unit *unit)
{
	if (unit->ecp)
		random_bytes(unit->random, unit->ecp->ours, sizeof unit->ecp->ours);
}

/* The cipher of a direction, which starts from `nonce`; NULL: it ends. */
static void send_cipher(
	const struct unit *unit, bool transmit, const uint8_t *nonce, const struct turn *turn)
{
	struct ecp_cipher cipher = {.transmit = transmit};
	if (nonce) {
		cipher.key = unit->config->ecp_key;
		memcpy(cipher.nonce, nonce, sizeof cipher.nonce);
	}
	outbox_add(turn->out, UNIT_CIPHER, &cipher, sizeof cipher);
	secret_wipe(&cipher, sizeof cipher);
}

static void disarm(struct unit *unit, const struct turn *turn)
{
	struct ecp *ecp = unit->ecp;
	if (ecp->transmitting)
		send_cipher(unit, true, NULL, turn);
	if (ecp->armed)
		send_cipher(unit, false, NULL, turn);
	ecp->transmitting = ecp->armed = false;
}

/* The same request acked again needs no new start of the receiver, which may be in use. */
static void acking(void *owner, uint8_t id, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ecp *ecp = unit->ecp;
	if (ecp->armed && ecp->armed_id == id)
		return;
	ecp->armed = true;
	ecp->armed_id = id;
	send_cipher(unit, false, ecp->ours, turn);
}

static void opened(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	struct ecp *ecp = unit->ecp;
	ecp->refusal = ecp->wanted ? ECP_AGREED : ECP_UNWANTED;
	ecp->told = false;
	if (ecp->wanted) {
		char line[64];
		struct text t = text_over(line, sizeof line);
		ecp->transmitting = true;
		send_cipher(unit, true, ecp->theirs, turn);
		text_add(&t, ecp_method(&unit->config->ecp_key));
		text_add(&t, " encryption enabled");
		turn_note(turn, NOTE_INFO, &t);
	}
	unit_review(unit, turn);
}

static void restarted(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	disarm(unit, turn);
	ecp_wish(unit);
	unit_review(unit, turn);
}

static void terminating(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct ecp *ecp = ((struct unit *)owner)->ecp;
	if (fsm_opened(&ecp->fsm))
		ecp->refusal = ECP_TERMINATED;
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	if (code_is_vital(code))
		((struct unit *)owner)->ecp->refusal = ECP_UNKNOWN;
}

static void finished(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	if (unit->ecp->refusal == ECP_AGREED)
		unit->ecp->refusal = ECP_SILENT;
	disarm(unit, turn);
}

static void stuck(void *owner, const struct turn *turn)
{
	((struct unit *)owner)->ecp->refusal = ECP_STUCK;
}

static bool input_code(const struct fsm_run *run, const struct packet_view *p)
{
	const struct ecp *ecp = ((const struct unit *)run->owner)->ecp;
	if (p->code != RESET_REQUEST && p->code != RESET_ACK)
		return false;
	if (p->code == RESET_REQUEST && ecp->transmitting)
		packet_send(&run->turn, ECP, RESET_ACK, p->id, p->body, p->length);
	else
		turn_drop(&run->turn, DROP_FRAME_CODE);
	return true;
}

bool ecp_satisfied(const struct unit *unit)
{
	const struct ecp *ecp = unit->ecp;
	if (!unit->config->ecp_key.length)
		return true;
	return ecp && fsm_opened(&ecp->fsm) && ecp->transmitting && ecp->armed;
}

static void write_option(const struct unit *unit, struct writer *w, const uint8_t *nonce)
{
	write_u8(w, option_of(unit));
	write_u8(w, OPTION_SIZE);
	write_bytes(w, nonce, ECP_NONCE);
}

static void request(const void *owner, struct writer *w)
{
	const struct unit *unit = owner;
	write_option(unit, w, unit->ecp->ours);
}

static void judge_begin(void *owner)
{
	((struct unit *)owner)->ecp->wanted = false;
}

static enum option_verdict judge_dese(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct unit *unit = owner;
	const uint8_t *nonce = read_bytes(&value, ECP_NONCE);
	if (!nonce || kind->type != option_of(unit))
		return OPTION_REJECT;
	memcpy(unit->ecp->theirs, nonce, ECP_NONCE);
	unit->ecp->wanted = true;
	return OPTION_ACK;
}

/* A peer that does not ask for it is told that it must; the nonce is its own to choose. */
static void missing(void *owner, uint32_t seen, struct writer *reply)
{
	const struct unit *unit = owner;
	uint8_t nonce[ECP_NONCE];
	if (unit->ecp->wanted)
		return;
	random_bytes(unit->random, nonce, sizeof nonce);
	write_option(unit, reply, nonce);
}

/* There is nothing in it to haggle over. */
static void naked_dese(void *owner, const struct option_kind *kind, struct reader value)
{
}

static void rejected_dese(void *owner, const struct option_kind *kind)
{
	struct ecp *ecp = ((struct unit *)owner)->ecp;
	ecp->refusal = ECP_REJECTED;
	ecp->fsm.abandoned = true;
}

#define DESE(type, name)                                                                           \
	{                                                                                          \
		type, OPTION_SIZE, OPTION_SIZE, name, judge_dese, naked_dese, rejected_dese, NULL  \
	}
#define KNOWN(type, name)                                                                          \
	{                                                                                          \
		type, 2, 255, name, NULL, NULL, NULL, NULL                                         \
	}

static const struct option_kind kinds[] = {
	DESE(OPTION_DESE_BIS, "dese-bis"),
	DESE(OPTION_3DESE, "3dese"),
	KNOWN(OPTION_OUI, "oui"),
	KNOWN(OPTION_DESE, "dese"),
};

const struct option_set ecp_options = {
	.kinds = kinds,
	.count = sizeof kinds / sizeof kinds[0],
	.begin = judge_begin,
	.missing = missing,
};

static const struct fsm_ops ecp_ops = {
	.protocol = ECP,
	.options = &ecp_options,
	.request = request,
	.acking = acking,
	.up = opened,
	.down = restarted,
	.finished = finished,
	.code = input_code,
	.code_rejected = code_rejected,
	.terminating = terminating,
	.stuck = stuck,
};

void ecp_explain(const struct unit *unit, struct text *t)
{
	const char *method = ecp_method(&unit->config->ecp_key);
	switch ((enum ecp_refusal)unit->ecp->refusal) {
	case ECP_AGREED:
		return;
	case ECP_SILENT:
		text_add(t, "the peer does not answer ECP");
		break;
	case ECP_UNKNOWN:
		text_add(t, "the peer does not know ECP");
		break;
	case ECP_REJECTED:
		text_add(t, "the peer rejects ");
		text_add(t, method);
		break;
	case ECP_UNWANTED:
		text_add(t, "the peer does not take packets encrypted by ");
		text_add(t, method);
		break;
	case ECP_TERMINATED:
		text_add(t, "the peer ended ECP");
		break;
	case ECP_STUCK:
		text_add(t, "ECP options did not converge");
		break;
	}
	text_add(t, "; without option ecp-key-file MPPE would be tried");
}

/* In the protocol table: a unit without a key has no ECP. */

static struct fsm_run ecp_run(void *side, const struct turn *turn)
{
	struct unit *unit = side;
	return unit_run(unit, &unit->ecp->fsm, &ecp_ops, turn);
}

static void row_init(void *side)
{
	struct unit *unit = side;
	if (!unit->ecp)
		return;
	*unit->ecp = (struct ecp){0};
	fsm_init(&unit->ecp->fsm);
	ecp_wish(unit);
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct fsm_run run = ecp_run(side, turn);
	((struct unit *)side)->ecp->refusal = ECP_UNKNOWN;
	fsm_event(&run, FSM_RXJ_MINUS);
}

static void row_lower_down(void *side, const struct turn *turn)
{
	struct unit *unit = side;
	if (!unit->ecp)
		return;
	struct fsm_run run = ecp_run(side, turn);
	fsm_event(&run, FSM_DOWN);
	disarm(unit, turn);
}

static void row_tick(void *side, const struct turn *turn)
{
	if (!((struct unit *)side)->ecp)
		return;
	struct fsm_run run = ecp_run(side, turn);
	fsm_tick(&run);
}

static uint64_t row_deadline(const void *side)
{
	const struct ecp *ecp = ((const struct unit *)side)->ecp;
	return ecp ? fsm_deadline(&ecp->fsm) : NEVER;
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	print_negotiation(t, packet, length, &ecp_options);
}

const struct protocol_ops ecp_protocol = {
	.init = row_init,
	.run = ecp_run,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
