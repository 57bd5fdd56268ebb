/* EAP's authenticator (see eap.h). RFC 3748 §4.1 to §5.4; draft-kamath-pppext-eap-mschapv2 §2.
 *
 *   Identity ──▶ ◀── name ; Challenge ──▶ ◀── Response ; asks the app
 *     MD5:         Success or Failure ──▶
 *     MS-CHAPv2:   Success-Request or Failure-Request ──▶ ◀── the same, confirmed ; Success or
 *                  Failure ──▶
 *     TLS:         Start ──▶ ◀── ... ; asks the app for each message (eap_tls.c)
 *
 * One Request is in flight at a time, repeated with its identifier until it is answered; the next
 * one has the next identifier. Methods are offered best first, and a Nak (§5.3.1) takes one out:
 * the peer's proposals are followed where they are demanded here.
 *
 * Success and Failure are never acknowledged (§4.2). A Response that comes again after the end is
 * given its end again.
 *
 * Where a password is right but has expired, the Failure-Request says so and brings a new
 * challenge, which a Change-Password-Response answers instead of confirming it (draft §2.7).
 *
 * In the Network phase it may all be asked again, from the Challenge on. What MPPE is keyed with
 * stays as it is: both ends have it from the first exchange.
 *
 * The name judged is the Response's, which MS-CHAPv2 hashes. One of MD5 may have none: then it is
 * the Identity, of which the link keeps as much as the log may say. */
#include "eap_inner.h"
#include "chap_message.h"
#include "digest.h"
#include "link_inner.h"

static void arm(struct link *link, const struct turn *turn)
{
	link->eap.theirs.tries++;
	link->eap.theirs.timer = turn->now + link->config->restart_us;
}

static void send_challenge(struct link *link, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	bool ms = eap->theirs.method == AUTH_EAP_MSCHAPV2;
	struct writer w;
	if (ms) {
		w = eap_ms_open(turn, EAP_REQUEST, eap->theirs.id, MS_CHALLENGE, eap->theirs.ms_id);
	} else {
		w = packet_open(turn, EAP, EAP_REQUEST, eap->theirs.id);
		write_u8(&w, EAP_TYPE_MD5);
	}
	write_u8(&w, sizeof link->theirs.challenge);
	write_bytes(&w, link->theirs.challenge, sizeof link->theirs.challenge);
	write_bytes(&w, link->config->name, link->config->name_length);
	if (ms)
		eap_ms_close(turn, &w);
	else
		packet_close(turn, &w);
}

static void send_verdict(struct link *link, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	uint8_t opcode = eap->theirs.error ? MS_FAILURE : MS_SUCCESS;
	struct writer w = eap_ms_open(turn, EAP_REQUEST, eap->theirs.id, opcode, eap->theirs.ms_id);
	if (eap->theirs.error)
		chap_write_failure(&w, AUTH_MSCHAPV2, eap->theirs.error, link->theirs.challenge,
			sizeof link->theirs.challenge);
	else
		chap_write_success(&w, AUTH_MSCHAPV2, link->theirs.proof);
	eap_ms_close(turn, &w);
}

static void send_request(struct link *link, const struct turn *turn)
{
	static const uint8_t identity[] = {EAP_TYPE_IDENTITY};
	switch ((enum eap_step)link->eap.theirs.step) {
	case EAP_STEP_IDENTITY:
		packet_send(turn, EAP, EAP_REQUEST, link->eap.theirs.id, identity, sizeof identity);
		break;
	case EAP_STEP_CHALLENGE:
		if (link->eap.theirs.method == AUTH_EAP_TLS)
			eap_tls_send_request(link, turn);
		else
			send_challenge(link, turn);
		break;
	case EAP_STEP_VERDICT:
		send_verdict(link, turn);
		break;
	case EAP_STEP_TLS:
		eap_tls_send_request(link, turn);
		break;
	}
	arm(link, turn);
}

void eap_next_request(struct link *link, enum eap_step step, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	eap->theirs.state = PROOF_OPEN;
	eap->theirs.step = (uint8_t)step;
	eap->theirs.id++;
	eap->theirs.tries = 0;
	send_request(link, turn);
}

static void challenge(struct link *link, enum auth_method method, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	eap->theirs.method = (uint8_t)method;
	if (method == AUTH_EAP_TLS)
		eap_tls_begin(link, turn);
	else
		random_bytes(link->random, link->theirs.challenge, sizeof link->theirs.challenge);
	eap->theirs.ms_id = (uint8_t)(eap->theirs.id + 1);
	eap_next_request(link, EAP_STEP_CHALLENGE, turn);
}

static void send_end(struct link *link, const struct turn *turn)
{
	bool passed = link->eap.theirs.state == PROOF_PASSED;
	packet_send(turn, EAP, passed ? EAP_SUCCESS : EAP_FAILURE, link->eap.theirs.id, NULL, 0);
}

void eap_pass(struct link *link, const struct turn *turn)
{
	link->eap.theirs.state = PROOF_PASSED;
	link->peer_method = link->eap.theirs.method;
	send_end(link, turn);
	if (link->phase == PHASE_AUTHENTICATE)
		link_note_peer(link, NOTE_INFO, "EAP peer authentication succeeded for ", "", turn);
	link_peer_proved(link, turn);
}

void eap_deny(struct link *link, enum close_reason reason, const struct turn *turn)
{
	link->eap.theirs.state = PROOF_FAILED;
	send_end(link, turn);
	link_fail(link, reason, turn);
}

static void deny_claim(struct link *link, const struct turn *turn)
{
	link_note_peer(link, NOTE_WARNING, "Peer ", " failed EAP authentication", turn);
	eap_deny(link, CLOSE_AUTH_FAILED, turn);
}

void eap_ask_identity(struct link *link, const struct turn *turn)
{
	eap_next_request(link, EAP_STEP_IDENTITY, turn);
}

void eap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	eap->theirs.error = 0;
	if (answer->accepted) {
		memcpy(link->theirs.proof, answer->proof, sizeof link->theirs.proof);
		if (link->phase == PHASE_AUTHENTICATE)
			link->keys = answer->keys;
	} else {
		eap->theirs.error = (uint16_t)(answer->error ? answer->error : AUTH_ERROR_WRONG);
		link_await_change(link, answer, turn);
	}
	if (eap->theirs.method == AUTH_EAP_MSCHAPV2)
		eap_next_request(link, EAP_STEP_VERDICT, turn);
	else if (answer->accepted)
		eap_pass(link, turn);
	else
		deny_claim(link, turn);
}

void eap_rechallenge(struct link *link, const struct turn *turn)
{
	challenge(link, (enum auth_method)link->eap.theirs.method, turn);
}

bool eap_is_ours(const struct link *link, struct reader value)
{
	const struct eap *eap = &link->eap;
	return eap->theirs.state != PROOF_NONE && eap->theirs.step != EAP_STEP_IDENTITY &&
	       eap->theirs.method != AUTH_EAP_TLS &&
	       reader_left(&value) == sizeof link->theirs.challenge &&
	       memcmp(value.at, link->theirs.challenge, reader_left(&value)) == 0;
}

/* Responses. */

static void take_identity(struct link *link, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	size_t length = reader_left(&r);
	if (length > PPP_NAME_MAX) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	eap->theirs.named = length <= LINK_NAME_KEPT;
	link->peer_name_length = (uint8_t)(eap->theirs.named ? length : LINK_NAME_KEPT);
	memcpy(link->peer_name, r.at, link->peer_name_length);
	if (eap->theirs.left & AUTH_EAP_TLS)
		eap_tls_identity(link, r, turn);
	challenge(link, auth_method_best(&link->config->demand_order, eap->theirs.left), turn);
}

/* The method in use is out. Of the others the best that the peer names. */
static void take_nak(struct link *link, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	uint8_t proposed = 0;
	eap->theirs.left &= (uint8_t)~eap->theirs.method;
	while (reader_left(&r))
		proposed |= (uint8_t)eap_method_of(read_u8(&r));
	enum auth_method method =
		auth_method_best(&link->config->demand_order, proposed & eap->theirs.left);
	if (method) {
		challenge(link, method, turn);
		return;
	}
	turn_say(turn, NOTE_WARNING, "Peer refuses every EAP method that is allowed here");
	eap_deny(link, CLOSE_AUTH_REFUSED, turn);
}

static void take_claim(struct link *link, struct reader r, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	bool ms = eap->theirs.method == AUTH_EAP_MSCHAPV2;
	uint8_t opcode = MS_RESPONSE, ms_id;
	if (ms)
		eap_ms_read(&r, &opcode, &ms_id);
	struct reader value = read_slice(&r, read_u8(&r));
	struct reader name = r;
	if (!ms && !reader_left(&r) && eap->theirs.named)
		name = reader_over(link->peer_name, link->peer_name_length);
	if (r.failed || opcode != MS_RESPONSE || reader_left(&r) > PPP_NAME_MAX ||
		reader_left(&value) != (ms ? MSCHAPV2_VALUE_SIZE : MD5_SIZE)) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	struct auth_question q = {
		.method = (enum auth_method)eap->theirs.method,
		.chap_id = eap->theirs.id,
		.challenge_length = sizeof link->theirs.challenge,
		.response_length = (uint8_t)reader_left(&value),
		.name_length = (uint8_t)reader_left(&name),
	};
	memcpy(q.challenge, link->theirs.challenge, q.challenge_length);
	memcpy(q.response, value.at, q.response_length);
	memcpy(q.name, name.at, q.name_length);
	eap->theirs.state = PROOF_ASKED;
	link_ask(link, &q, turn);
}

/* It has an MS-CHAPv2-ID of its own, the one behind the verdict's. */
static void take_change(struct link *link, struct reader r, const struct turn *turn)
{
	uint8_t opcode, ms_id;
	eap_ms_read(&r, &opcode, &ms_id);
	if (!link_ask_change(link, link->eap.theirs.method, r, turn)) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	link->eap.theirs.ms_id = ms_id;
	link->eap.theirs.state = PROOF_ASKED;
}

static void take_confirmation(struct link *link, struct reader r, const struct turn *turn)
{
	struct reader whole = r;
	uint8_t opcode = read_u8(&r);
	if (opcode == MS_CHANGE_PASSWORD && link->change == CHANGE_AWAITED) {
		take_change(link, whole, turn);
		return;
	}
	if (r.failed)
		turn_drop(turn, DROP_FRAME_SHORT);
	else if (opcode == MS_SUCCESS && !link->eap.theirs.error)
		eap_pass(link, turn);
	else /* it says Failure, too, where it does not believe our proof */
		deny_claim(link, turn);
}

static void take(struct link *link, uint8_t type, struct reader r, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	bool of_method = type == eap_type_of((enum auth_method)eap->theirs.method);
	if (eap->theirs.step == EAP_STEP_IDENTITY && type == EAP_TYPE_IDENTITY)
		take_identity(link, r, turn);
	else if (eap->theirs.step == EAP_STEP_CHALLENGE && type == EAP_TYPE_NAK)
		take_nak(link, r, turn);
	else if (eap->theirs.method == AUTH_EAP_TLS && of_method)
		eap_tls_response(link, r, turn);
	else if (eap->theirs.step == EAP_STEP_CHALLENGE && of_method)
		take_claim(link, r, turn);
	else if (eap->theirs.step == EAP_STEP_VERDICT && of_method)
		take_confirmation(link, r, turn);
	else
		turn_drop(turn, DROP_FRAME_CODE);
}

void eap_input_response(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	struct reader r = reader_over(p->body, p->length);
	uint8_t type = read_u8(&r);
	if (eap->theirs.state == PROOF_NONE) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	if (p->id != eap->theirs.id || r.failed) {
		turn_drop(turn, r.failed ? DROP_FRAME_SHORT : DROP_FRAME_ID);
		return;
	}
	switch ((enum proof)eap->theirs.state) {
	case PROOF_NONE:
	case PROOF_ASKED:
		break;
	case PROOF_OPEN:
		take(link, type, r, turn);
		break;
	case PROOF_PASSED:
	case PROOF_FAILED:
		send_end(link, turn);
		break;
	}
}

/* Time. */

uint64_t eap_request_deadline(const struct eap *eap)
{
	return eap->theirs.state == PROOF_OPEN ? eap->theirs.timer : NEVER;
}

void eap_request_tick(struct link *link, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	bool awaited = link->change == CHANGE_AWAITED; /* people type it; the link has a deadline */
	if (awaited || eap->theirs.tries < link->config->max_configure)
		send_request(link, turn);
	else if (eap->theirs.step == EAP_STEP_VERDICT && eap->theirs.error)
		deny_claim(link, turn);
	else if (eap->theirs.step == EAP_STEP_TLS)
		eap_tls_give_up(link, turn);
	else
		eap_deny(link, CLOSE_AUTH_TIMEOUT, turn);
}
