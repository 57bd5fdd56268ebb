/* EAP's peer (see eap.h). RFC 3748 §4.1 to §5.4, RFC 4137 §4; draft-kamath-pppext-eap-mschapv2 §2.
 *
 * The peer speaks when spoken to: every Request gets one Response with its identifier. Identity,
 * Notification and Nak change nothing and are answered alike each time; a Challenge that came
 * before gets the Response it got before, made anew from what is remembered. So nothing that the
 * network repeats or brings late disturbs an exchange. What is not a method we allow gets a Nak
 * with those we do, best first (§5.3.1).
 *
 * In MS-CHAPv2 the authenticator's Success-Request must prove that it knows the password, as in
 * CHAP; one that does not ends the link. Behind it only Success can follow: a Failure is somebody
 * else's and discarded (§4.2), and Success, which nobody repeats when it is lost, is taken as said
 * when the peer begins to negotiate a network protocol or after a time-out (RFC 4137 §4.2:
 * altAccept, UNCOND_SUCC). pppd as a server never sends it at all.
 *
 * Where this departs from the RFC: a Success may carry the identifier after the Response's, which
 * RFC 2284 did not forbid. A failure offered for another try (R=1) is not retried: there is no
 * other password. */
#include "eap_inner.h"
#include "chap_message.h"
#include "digest.h"
#include "link_inner.h"

enum { WORDS_SHOWN = 64 };

static void send_typed(
	const struct turn *turn, uint8_t id, uint8_t type, const void *data, size_t length)
{
	struct writer w = packet_open(turn, EAP, EAP_RESPONSE, id);
	write_u8(&w, type);
	write_bytes(&w, data, length);
	packet_close(turn, &w);
}

/* A step of the method is taken; what is proved stays proved when it is asked for again. */
void eap_step(struct link *link, enum eap_answered answered, uint8_t id)
{
	struct eap *eap = &link->eap;
	if (eap->ours.state == PROOF_OPEN)
		eap->ours.state = PROOF_ASKED;
	eap->ours.answered = (uint8_t)answered;
	eap->ours.id = id;
	eap->ours.refused = false;
	eap->ours.timer = NEVER;
}

static void write_expanded(struct writer *w, uint8_t type)
{
	write_u32(w, (uint32_t)EAP_TYPE_EXPANDED << 24);
	write_u32(w, type);
}

/* An expanded type is refused by an Expanded Nak (§5.3.2), any other by a Nak. No method of ours is
 * of a vendor's: what is proposed has the IETF's numbers either way. */
static void send_nak(struct link *link, uint8_t id, bool expanded, const struct turn *turn)
{
	uint8_t left = link->eap.ours.allowed;
	const struct auth_order *order = &link->config->allow_order;
	struct writer w = packet_open(turn, EAP, EAP_RESPONSE, id);
	if (expanded)
		write_expanded(&w, EAP_TYPE_NAK);
	else
		write_u8(&w, EAP_TYPE_NAK);
	for (enum auth_method method; (method = auth_method_best(order, left));
		left &= (uint8_t)~method)
		if (expanded)
			write_expanded(&w, eap_type_of(method));
		else
			write_u8(&w, eap_type_of(method));
	link->eap.ours.refused = true;
	packet_close(turn, &w);
}

static void send_claim(struct link *link, uint8_t id, uint8_t ms_id, const struct turn *turn)
{
	uint8_t value[MSCHAPV2_VALUE_SIZE];
	mschap_claim_value(link, value);
	struct writer w = eap_ms_open(turn, EAP_RESPONSE, id, MS_RESPONSE, ms_id);
	write_u8(&w, sizeof value);
	write_bytes(&w, value, sizeof value);
	write_bytes(&w, link->config->name, link->config->name_length);
	eap_ms_close(turn, &w);
}

/* The answer to a verdict that our password has expired (draft §2.7). */
static void send_change(struct link *link, uint8_t id, uint8_t ms_id, const struct turn *turn)
{
	struct writer w =
		eap_ms_open(turn, EAP_RESPONSE, id, MS_CHANGE_PASSWORD, (uint8_t)(ms_id + 1));
	mschap_claim_change(link, &w);
	eap_ms_close(turn, &w);
}

/* EAP-MS-CHAPv2 confirms a verdict with its OpCode alone. */
static void confirm(uint8_t id, enum eap_opcode verdict, const struct turn *turn)
{
	uint8_t opcode = (uint8_t)verdict;
	send_typed(turn, id, EAP_TYPE_MSCHAPV2, &opcode, sizeof opcode);
}

/* It may come at any time (RFC 3748 §5.2), between the packets of a method too. */
static void notification(uint8_t id, struct reader r, const struct turn *turn)
{
	char line[WORDS_SHOWN * 4 + 32];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "EAP notification: ");
	text_quoted(&t, r.at, reader_left(&r) < WORDS_SHOWN ? reader_left(&r) : WORDS_SHOWN);
	turn_note(turn, NOTE_INFO, &t);
	send_typed(turn, id, EAP_TYPE_NOTIFICATION, NULL, 0);
}

/* A Challenge that is our own, sent back, would have us answer our own question. */
static bool is_our_own(struct link *link, struct reader value, const struct turn *turn)
{
	if (!eap_is_ours(link, value) && !chap_is_ours(link, value))
		return false;
	turn_say(turn, NOTE_WARNING, "Peer sent our own EAP challenge back to us");
	link_fail(link, CLOSE_AUTH_PEER_FALSE, turn);
	return true;
}

static void request_md5(struct link *link, uint8_t id, struct reader r, const struct turn *turn)
{
	struct reader value = read_slice(&r, read_u8(&r));
	if (r.failed || reader_left(&value) == 0) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	if (is_our_own(link, value, turn))
		return;
	uint8_t digest[MD5_SIZE];
	const struct piece pieces[] = {
		{&id, 1}, link_password(link), {value.at, reader_left(&value)}};
	md5(digest, pieces, 3);
	link->our_method = AUTH_EAP_MD5;
	eap_step(link, EAP_ANSWERED_MD5, id);
	struct writer w = packet_open(turn, EAP, EAP_RESPONSE, id);
	write_u8(&w, EAP_TYPE_MD5);
	write_u8(&w, sizeof digest);
	write_bytes(&w, digest, sizeof digest);
	write_bytes(&w, link->config->name, link->config->name_length);
	packet_close(turn, &w);
}

static void ms_challenge(
	struct link *link, uint8_t id, uint8_t ms_id, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	struct reader value = read_slice(&r, read_u8(&r));
	if (r.failed || reader_left(&value) != sizeof link->ours.challenge) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	if (is_our_own(link, value, turn))
		return;
	if (eap->ours.changing) { /* one from before the verdict that we answer */
		turn_drop(turn, DROP_FRAME_ID);
		return;
	}
	bool known = eap->ours.answered >= EAP_ANSWERED_CLAIM &&
		     memcmp(value.at, link->ours.challenge, sizeof link->ours.challenge) == 0;
	if (!known) {
		memcpy(link->ours.challenge, value.at, sizeof link->ours.challenge);
		random_bytes(link->random, link->ours.remembered, sizeof link->ours.remembered);
		link->our_method = AUTH_EAP_MSCHAPV2;
		eap_step(link, EAP_ANSWERED_CLAIM, id);
	}
	send_claim(link, id, ms_id, turn);
}

static void ms_success(struct link *link, uint8_t id, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	if (!mschap_claim_proved(link, r.at, reader_left(&r))) {
		eap->ours.state = PROOF_FAILED;
		turn_say(turn, NOTE_WARNING,
			"EAP-MS-CHAPv2 mutual authentication failed: the peer does not know our "
			"password");
		link_fail(link, CLOSE_AUTH_PEER_FALSE, turn);
		return;
	}
	if (eap->ours.changing)
		link_renewed(link, turn);
	eap->ours.changing = false;
	eap_step(link, EAP_ANSWERED_SUCCESS, id);
	if (eap->ours.state == PROOF_ASKED)
		eap->ours.timer = turn->now + link->config->restart_us;
	confirm(id, MS_SUCCESS, turn);
}

void eap_fail(struct link *link, enum close_reason reason, const struct turn *turn)
{
	link->eap.ours.state = PROOF_FAILED;
	link->eap.ours.timer = NEVER;
	link_fail(link, reason, turn);
}

/* Ours has expired, and the verdict that says so can be answered with another one; or was. */
static bool change(
	struct link *link, uint8_t id, uint8_t ms_id, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	bool again = eap->ours.changing && id == eap->ours.id;
	if (!again && !mschap_claim_renew(link, r.at, reader_left(&r)))
		return false;
	eap->ours.changing = true;
	eap_step(link, EAP_ANSWERED_CLAIM, id);
	send_change(link, id, ms_id, turn);
	return true;
}

static void ms_failure(
	struct link *link, uint8_t id, uint8_t ms_id, struct reader r, const struct turn *turn)
{
	if (change(link, id, ms_id, r, turn))
		return;
	char line[CHAP_FAILURE_LINE];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "EAP authentication failed");
	chap_tell_failure(&t, r.at, reader_left(&r));
	turn_note(turn, NOTE_WARNING, &t);
	confirm(id, MS_FAILURE, turn);
	bool expired = mschap_claim_expired(r.at, reader_left(&r));
	eap_fail(link, expired ? CLOSE_AUTH_EXPIRED : CLOSE_AUTH_WE_FAILED, turn);
}

static void request_mschapv2(
	struct link *link, uint8_t id, struct reader r, const struct turn *turn)
{
	bool claimed = link->eap.ours.answered >= EAP_ANSWERED_CLAIM;
	bool judged = link->eap.ours.answered == EAP_ANSWERED_SUCCESS;
	uint8_t opcode, ms_id;
	eap_ms_read(&r, &opcode, &ms_id);
	if (r.failed)
		turn_drop(turn, DROP_FRAME_SHORT);
	else if (opcode == MS_CHALLENGE)
		ms_challenge(link, id, ms_id, r, turn);
	else if (opcode == MS_SUCCESS && claimed)
		ms_success(link, id, r, turn);
	else if (opcode == MS_FAILURE && claimed && !judged)
		ms_failure(link, id, ms_id, r, turn);
	else
		turn_drop(turn, DROP_FRAME_CODE);
}

static void request_method(
	struct link *link, uint8_t id, uint8_t type, struct reader r, const struct turn *turn)
{
	enum auth_method method = eap_method_of(type);
	if (!(method & link->eap.ours.allowed))
		send_nak(link, id, type == EAP_TYPE_EXPANDED, turn);
	else if (method == AUTH_EAP_MD5)
		request_md5(link, id, r, turn);
	else if (method == AUTH_EAP_TLS)
		eap_tls_request(link, id, r, turn);
	else
		request_mschapv2(link, id, r, turn);
}

void eap_input_request(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	struct reader r = reader_over(p->body, p->length);
	uint8_t type = read_u8(&r);
	if (eap->ours.state == PROOF_NONE || eap->ours.state == PROOF_FAILED) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	if (r.failed) {
		turn_drop(turn, DROP_FRAME_SHORT);
		return;
	}
	switch (type) {
	case EAP_TYPE_IDENTITY:
		send_typed(turn, p->id, EAP_TYPE_IDENTITY, link->config->name,
			link->config->name_length);
		break;
	case EAP_TYPE_NOTIFICATION:
		notification(p->id, r, turn);
		break;
	case EAP_TYPE_NAK: /* only a Response can be one */
		turn_drop(turn, DROP_FRAME_CODE);
		break;
	default:
		request_method(link, p->id, type, r, turn);
		break;
	}
}

/* The end. */

/* Whether a Success is what is left to come. */
static bool awaits_success(const struct eap *eap)
{
	uint8_t answered = eap->ours.answered;
	return eap->ours.state == PROOF_ASKED &&
	       (answered == EAP_ANSWERED_MD5 || answered == EAP_ANSWERED_SUCCESS ||
		       answered == EAP_ANSWERED_TLS_DONE);
}

static bool is_answer(const struct eap *eap, const struct packet_view *p)
{
	return p->id == eap->ours.id || p->id == (uint8_t)(eap->ours.id + 1);
}

static void passed(struct link *link, const struct turn *turn)
{
	link->eap.ours.state = PROOF_PASSED;
	link->eap.ours.timer = NEVER;
	turn_say(turn, NOTE_INFO, "EAP authentication succeeded");
	link_we_proved(link, turn);
}

void eap_network_began(struct link *link, const struct turn *turn)
{
	if (awaits_success(&link->eap))
		passed(link, turn);
}

/* Why TLS failed is the owner's knowledge; that the peer said Failure is not news then. */
static void failed_tls(struct link *link, const struct turn *turn)
{
	const struct tls_reply *reply = link->ours.tls.reply;
	eap_fail(link, reply->reason, turn);
}

void eap_success_tick(struct link *link, const struct turn *turn)
{
	if (link->eap.ours.answered == EAP_ANSWERED_TLS_FAILED)
		failed_tls(link, turn);
	else
		passed(link, turn);
}

void eap_input_success(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	if (eap->ours.state == PROOF_NONE)
		turn_drop(turn, DROP_FRAME_PROTOCOL);
	else if (eap->ours.state == PROOF_ASKED && eap->ours.answered == EAP_ANSWERED_TLS)
		eap_tls_success_early(turn);
	else if (eap->ours.state == PROOF_PASSED && is_answer(eap, p))
		return; /* we know: it was said before, or the authenticator asked once more */
	else if (!awaits_success(eap) || !is_answer(eap, p))
		turn_drop(turn, DROP_FRAME_ID);
	else
		passed(link, turn);
}

void eap_input_failure(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	bool over = eap->ours.state == PROOF_PASSED || eap->ours.state == PROOF_FAILED;
	if (eap->ours.state == PROOF_NONE) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	/* Before the first step of a method it answers an Identity or a Nak. */
	if (over || eap->ours.answered == EAP_ANSWERED_SUCCESS ||
		(eap->ours.state == PROOF_ASKED && !is_answer(eap, p))) {
		turn_drop(turn, DROP_FRAME_ID);
		return;
	}
	if (eap->ours.answered == EAP_ANSWERED_TLS_FAILED) {
		failed_tls(link, turn);
		return;
	}
	bool refused = eap->ours.refused;
	turn_say(turn, NOTE_WARNING,
		refused ? "EAP authentication failed: no method in common"
			: "EAP authentication failed");
	eap_fail(link, refused ? CLOSE_AUTH_WE_REFUSED : CLOSE_AUTH_WE_FAILED, turn);
}

uint64_t eap_success_deadline(const struct eap *eap)
{
	return eap->ours.state == PROOF_ASKED ? eap->ours.timer : NEVER;
}

void eap_our_keys(const struct link *link, struct mppe_start_keys *keys)
{
	*keys = (struct mppe_start_keys){0};
	if (link->our_method == AUTH_EAP_MSCHAPV2)
		mschap_claim_keys(link, keys);
	else if (link->our_method == AUTH_EAP_TLS && link->ours.tls.reply)
		*keys = link->ours.tls.reply->keys;
}
