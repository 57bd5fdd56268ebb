/* EAP-TLS in the link (see eap_tls.h). RFC 5216 §2.1 and §3, RFC 9190 §2.1.
 *
 * A packet is flags, a length where L says so, and a piece of a message, the TLS records of one
 * flight. M says that more follow; each such packet is acknowledged by one without data. The
 * authenticator begins with S, and its Requests and the peer's Responses alternate like those of
 * any method: what was lost is asked for again by the authenticator, and a Request seen before is
 * answered as before. So a fragment is never sent or taken twice, and what a packet may be follows
 * from what was said last:
 *
 *   after a fragment with M    an acknowledgement, nothing else
 *   after anything else        a fragment; and an acknowledgement where the reply was the last
 *
 * What is neither is dropped and changes nothing: the true packet still comes (CVE-2018-11574: a
 * length that says more or less than there is; and the endless last acknowledgement that older
 * pppds fell over). A message is bounded by EAP_TLS_MESSAGE_MAX, announced or not, and a fragment
 * with M has data, so that a message ends.
 *
 * After the end: up to TLS 1.2 the peer acknowledges the server's Finished, or has the last word
 * itself when a session is resumed; in TLS 1.3 it acknowledges the server's commitment (RFC 9190
 * §2.1.1). Which it is shows in the replies alone. A side that gives up sends its alert and waits
 * for the acknowledgement, or for Failure, so that both know why. */
#include "eap_tls.h"

#include <assert.h>
#include <string.h>

#include "eap_inner.h"
#include "link_inner.h"

enum { HEADER = 4 + 1 + 1, LENGTH_SIZE = 4 }; /* EAP's, type, flags */

static void emit(struct link *link, uint16_t step, const void *bytes, size_t length, uint32_t token,
	const struct turn *turn)
{
	link->eap.tls = true;
	struct out_item *item = outbox_add(turn->out, LINK_TLS, bytes, length);
	item->arg = step;
	item->token = token;
}

/* What of the reply goes into the packet that begins at `at`. */
static size_t part_length(const struct link *link, const struct eap_tls *tls)
{
	uint16_t mru = link_peer_mru(link);
	size_t room = (mru < EAP_TLS_PACKET_MAX ? mru : EAP_TLS_PACKET_MAX) - HEADER;
	size_t left = (size_t)tls->reply->length - tls->at;
	if (left <= room)
		return left;
	return tls->at ? room : room - LENGTH_SIZE;
}

static bool parts_left(const struct link *link, const struct eap_tls *tls)
{
	return tls->said == TLS_SAID_PART && tls->at + part_length(link, tls) < tls->reply->length;
}

static void write_part(struct writer *w, const struct link *link, const struct eap_tls *tls)
{
	size_t length = part_length(link, tls);
	bool more = tls->at + length < tls->reply->length, first = more && !tls->at;
	write_u8(w, (uint8_t)((more ? EAP_TLS_MORE : 0) | (first ? EAP_TLS_LENGTH : 0)));
	if (first)
		write_u32(w, tls->reply->length);
	write_bytes(w, tls->reply->bytes + tls->at, length);
}

static void send(struct link *link, enum eap_code code, uint8_t id, const struct eap_tls *tls,
	const struct turn *turn)
{
	struct writer w = packet_open(turn, EAP, (uint8_t)code, id);
	write_u8(&w, EAP_TYPE_TLS);
	switch ((enum tls_said)tls->said) {
	case TLS_SAID_START:
		write_u8(&w, EAP_TLS_START);
		break;
	case TLS_SAID_ACK:
		write_u8(&w, 0);
		break;
	case TLS_SAID_PART:
		write_part(&w, link, tls);
		break;
	}
	packet_close(turn, &w);
}

/* What came. */
enum heard { HEARD_NOTHING, HEARD_ACK, HEARD_PART, HEARD_WHOLE, HEARD_TOO_MUCH };

/* Judges a packet, flags first. `data` is then what it holds. */
static enum heard hear(
	const struct link *link, struct eap_tls *tls, struct reader r, struct reader *data)
{
	uint8_t flags = read_u8(&r);
	uint32_t announced = flags & EAP_TLS_LENGTH ? read_u32(&r) : tls->announced;
	size_t length = reader_left(&r), heard = tls->heard + length;
	bool more = flags & EAP_TLS_MORE;
	*data = r;
	if (r.failed || flags & EAP_TLS_START)
		return HEARD_NOTHING;
	if (!length && !more && !tls->heard && !announced)
		return HEARD_ACK;
	if (announced > EAP_TLS_MESSAGE_MAX || heard > EAP_TLS_MESSAGE_MAX)
		return HEARD_TOO_MUCH;
	if (!length || parts_left(link, tls) || (tls->announced && announced != tls->announced))
		return HEARD_NOTHING;
	if (announced && (more ? heard >= announced : heard != announced))
		return HEARD_NOTHING;
	tls->announced = more ? (uint16_t)announced : 0;
	tls->heard = more ? (uint16_t)heard : 0;
	return more ? HEARD_PART : HEARD_WHOLE;
}

static void ask(struct link *link, struct eap_tls *tls, uint16_t side, struct reader data,
	const struct turn *turn)
{
	tls->waiting = true;
	tls->token = random_u32(link->random);
	emit(link, TLS_WHOLE | side, data.at, reader_left(&data), tls->token, turn);
}

static void take_reply(struct eap_tls *tls, const struct tls_reply *reply)
{
	assert(reply->length <= EAP_TLS_MESSAGE_MAX);
	tls->waiting = false;
	tls->reply = reply;
	tls->at = 0;
	tls->said = reply->length ? TLS_SAID_PART : TLS_SAID_ACK;
}

static void tell_too_much(struct link *link, const struct turn *turn)
{
	turn_say(turn, NOTE_WARNING, "Peer's EAP-TLS message is longer than 65535 bytes");
}

/* The authenticator. */

void eap_tls_identity(struct link *link, struct reader name, const struct turn *turn)
{
	emit(link, TLS_IDENTITY, name.at, reader_left(&name), 0, turn);
}

void eap_tls_begin(struct link *link, const struct turn *turn)
{
	link->theirs.tls = (struct eap_tls){.said = TLS_SAID_START};
	emit(link, TLS_BEGIN, NULL, 0, 0, turn);
}

void eap_tls_send_request(struct link *link, const struct turn *turn)
{
	send(link, EAP_REQUEST, link->eap.theirs.id, &link->theirs.tls, turn);
}

static void decide(struct link *link, const struct turn *turn)
{
	const struct tls_reply *reply = link->theirs.tls.reply;
	if (reply->outcome == TLS_FAILED) {
		eap_deny(link, reply->reason, turn);
		return;
	}
	link->keys = reply->keys;
	eap_pass(link, turn);
}

static bool undecided(const struct link *link)
{
	const struct eap_tls *tls = &link->theirs.tls;
	return !tls->reply || tls->reply->outcome == TLS_GOES_ON;
}

void eap_tls_give_up(struct link *link, const struct turn *turn)
{
	bool failed = !undecided(link) && link->theirs.tls.reply->outcome == TLS_FAILED;
	eap_deny(link, failed ? link->theirs.tls.reply->reason : CLOSE_AUTH_TIMEOUT, turn);
}

static void response_ack(struct link *link, const struct turn *turn)
{
	struct eap_tls *tls = &link->theirs.tls;
	if (parts_left(link, tls)) {
		tls->at += (uint16_t)part_length(link, tls);
		eap_next_request(link, EAP_STEP_TLS, turn);
	} else if (tls->said == TLS_SAID_PART && !undecided(link)) {
		decide(link, turn);
	} else {
		turn_drop(turn, DROP_AUTH_TLS);
	}
}

void eap_tls_response(struct link *link, struct reader r, const struct turn *turn)
{
	struct eap_tls *tls = &link->theirs.tls;
	struct reader data;
	switch (hear(link, tls, r, &data)) {
	case HEARD_NOTHING:
		turn_drop(turn, DROP_AUTH_TLS);
		break;
	case HEARD_ACK:
		response_ack(link, turn);
		break;
	case HEARD_PART:
		emit(link, TLS_PART, data.at, reader_left(&data), 0, turn);
		tls->said = TLS_SAID_ACK;
		eap_next_request(link, EAP_STEP_TLS, turn);
		break;
	case HEARD_WHOLE:
		link->eap.theirs.state = PROOF_ASKED;
		ask(link, tls, 0, data, turn);
		break;
	case HEARD_TOO_MUCH:
		tell_too_much(link, turn);
		eap_deny(link, CLOSE_AUTH_FAILED, turn);
		break;
	}
}

static void reply_theirs(struct link *link, const struct tls_reply *reply, const struct turn *turn)
{
	take_reply(&link->theirs.tls, reply);
	link->eap.theirs.state = PROOF_OPEN;
	if (reply->length || reply->outcome == TLS_GOES_ON)
		eap_next_request(link, EAP_STEP_TLS, turn);
	else
		decide(link, turn);
}

/* The peer. */

static bool begun_ours(const struct eap *eap)
{
	return eap->ours.answered >= EAP_ANSWERED_TLS &&
	       eap->ours.answered <= EAP_ANSWERED_TLS_FAILED;
}

/* Nothing begins again behind a proof or a failure. */
static bool judged_ours(const struct eap *eap)
{
	uint8_t answered = eap->ours.answered;
	return answered == EAP_ANSWERED_TLS_DONE || answered == EAP_ANSWERED_TLS_FAILED ||
	       answered == EAP_ANSWERED_SUCCESS;
}

static void respond(struct link *link, const struct turn *turn)
{
	send(link, EAP_RESPONSE, link->eap.ours.id, &link->ours.tls, turn);
}

static void begin_ours(struct link *link, uint8_t id, const struct turn *turn)
{
	struct reader nothing = reader_over(NULL, 0);
	link->ours.tls = (struct eap_tls){.said = TLS_SAID_ACK};
	link->our_method = AUTH_EAP_TLS;
	eap_step(link, EAP_ANSWERED_TLS, id);
	emit(link, TLS_BEGIN | TLS_OURS, NULL, 0, 0, turn);
	ask(link, &link->ours.tls, TLS_OURS, nothing, turn);
}

static void request_ack(struct link *link, uint8_t id, const struct turn *turn)
{
	struct eap_tls *tls = &link->ours.tls;
	if (!parts_left(link, tls)) {
		turn_drop(turn, DROP_AUTH_TLS);
		return;
	}
	tls->at += (uint16_t)part_length(link, tls);
	link->eap.ours.id = id;
	respond(link, turn);
}

static void request_next(struct link *link, uint8_t id, struct reader r, const struct turn *turn)
{
	struct eap_tls *tls = &link->ours.tls;
	struct reader data;
	switch (hear(link, tls, r, &data)) {
	case HEARD_NOTHING:
		turn_drop(turn, DROP_AUTH_TLS);
		break;
	case HEARD_ACK:
		request_ack(link, id, turn);
		break;
	case HEARD_PART:
		emit(link, TLS_PART | TLS_OURS, data.at, reader_left(&data), 0, turn);
		tls->said = TLS_SAID_ACK;
		link->eap.ours.id = id;
		respond(link, turn);
		break;
	case HEARD_WHOLE:
		link->eap.ours.id = id;
		ask(link, tls, TLS_OURS, data, turn);
		break;
	case HEARD_TOO_MUCH:
		tell_too_much(link, turn);
		eap_fail(link, CLOSE_AUTH_WE_FAILED, turn);
		break;
	}
}

void eap_tls_request(struct link *link, uint8_t id, struct reader r, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	bool begun = begun_ours(eap);
	bool start = reader_left(&r) && r.at[0] & EAP_TLS_START;
	if (begun && id == eap->ours.id) {
		if (!link->ours.tls.waiting)
			respond(link, turn);
	} else if (eap->ours.state == PROOF_PASSED || (begun && link->ours.tls.waiting)) {
		turn_drop(turn, DROP_FRAME_ID);
	} else if (start && !judged_ours(eap)) {
		begin_ours(link, id, turn);
	} else if (begun) {
		request_next(link, id, r, turn);
	} else {
		turn_drop(turn, DROP_AUTH_TLS);
	}
}

/* pppd (up to 2.5.3) has no commitment and ends a TLS 1.3 login so; and its keys would be others.
 */
void eap_tls_success_early(const struct turn *turn)
{
	turn_say(turn, NOTE_WARNING,
		"Peer says EAP Success before TLS has ended, which proves nothing (RFC 9190): a "
		"pppd with TLS 1.3 does, then try --max-tls-version 1.2");
	turn_drop(turn, DROP_FRAME_ID);
}

static void reply_ours(struct link *link, const struct tls_reply *reply, const struct turn *turn)
{
	static const uint8_t answered[] = {[TLS_GOES_ON] = EAP_ANSWERED_TLS,
		[TLS_DONE] = EAP_ANSWERED_TLS_DONE,
		[TLS_FAILED] = EAP_ANSWERED_TLS_FAILED};
	struct eap_tls *tls = &link->ours.tls;
	take_reply(tls, reply);
	eap_step(link, (enum eap_answered)answered[reply->outcome], link->eap.ours.id);
	/* A last word of ours that was lost would be asked for again: then time says nothing. */
	if (reply->outcome == TLS_FAILED ||
		(reply->outcome == TLS_DONE && tls->said == TLS_SAID_ACK))
		link->eap.ours.timer = turn->now + 2 * link->config->restart_us;
	respond(link, turn);
}

/* Both. */

bool eap_tls_reply(
	struct link *link, uint32_t token, const struct tls_reply *reply, const struct turn *turn)
{
	const struct eap *eap = &link->eap;
	if (eap->theirs.state == PROOF_ASKED && eap->theirs.method == AUTH_EAP_TLS &&
		link->theirs.tls.waiting && link->theirs.tls.token == token)
		reply_theirs(link, reply, turn);
	else if (begun_ours(eap) && link->ours.tls.waiting && link->ours.tls.token == token)
		reply_ours(link, reply, turn);
	else
		return false;
	return true;
}

void eap_tls_end(struct link *link, const struct turn *turn)
{
	struct eap *eap = &link->eap;
	if (!eap->tls)
		return;
	emit(link, TLS_END, NULL, 0, 0, turn);
	eap->tls = false;
	if (eap->theirs.method == AUTH_EAP_TLS)
		link->theirs.tls = (struct eap_tls){.said = TLS_SAID_ACK};
	if (begun_ours(eap))
		link->ours.tls = (struct eap_tls){.said = TLS_SAID_ACK};
}
