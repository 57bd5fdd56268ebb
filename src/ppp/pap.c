/* PAP (see pap.h). RFC 1334 §2.
 *
 * Three packets: Authenticate-Request with name and password in clear text, Authenticate-Ack or
 * Authenticate-Nak with a message. The peer repeats its request until it is answered; a repeated
 * request never asks twice, and in the Network phase gets the answer it got before. */
#include "pap.h"

#include "link.h"
#include "link_inner.h"
#include "protocol.h"

enum pap_code { AUTHENTICATE_REQUEST = 1, AUTHENTICATE_ACK = 2, AUTHENTICATE_NAK = 3 };

enum { MESSAGE_SHOWN = 64 };

static void send_answer(struct link *link, const struct turn *turn)
{
	struct pap *pap = &link->pap;
	bool passed = pap->theirs == PROOF_PASSED;
	const char *message = passed ? "Login ok" : "Login incorrect";
	uint8_t length = (uint8_t)strlen(message);
	struct writer w =
		packet_open(turn, PAP, passed ? AUTHENTICATE_ACK : AUTHENTICATE_NAK, pap->their_id);
	write_u8(&w, length);
	write_bytes(&w, message, length);
	packet_close(turn, &w);
}

static void send_request(struct link *link, const struct turn *turn)
{
	const struct link_config *config = link->config;
	struct writer w = packet_open(turn, PAP, AUTHENTICATE_REQUEST, link->pap.our_id);
	write_u8(&w, (uint8_t)config->name_length);
	write_bytes(&w, config->name, config->name_length);
	struct piece password = link_password(link);
	write_u8(&w, (uint8_t)password.length);
	write_bytes(&w, password.bytes, password.length);
	packet_close(turn, &w);
	link->pap.tries++;
	link->pap.timer = turn->now + link->config->restart_us;
}

static void input_request(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct pap *pap = &link->pap;
	struct auth_question q = {.method = AUTH_PAP, .chap_id = p->id};
	struct reader body = reader_over(p->body, p->length);
	q.name_length = read_u8(&body);
	const uint8_t *name = read_bytes(&body, q.name_length);
	q.response_length = read_u8(&body);
	const uint8_t *password = read_bytes(&body, q.response_length);
	if (body.failed) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	pap->their_id = p->id;
	switch ((enum proof)pap->theirs) {
	case PROOF_NONE:
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		break;
	case PROOF_OPEN:
		memcpy(q.name, name, q.name_length);
		memcpy(q.response, password, q.response_length);
		pap->theirs = PROOF_ASKED;
		link_ask(link, &q, turn);
		break;
	case PROOF_ASKED:
		break;
	case PROOF_PASSED:
	case PROOF_FAILED:
		send_answer(link, turn);
		break;
	}
}

static void input_verdict(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct pap *pap = &link->pap;
	if (pap->ours != PROOF_ASKED || p->id != pap->our_id) {
		turn_drop(turn, pap->ours == PROOF_NONE ? DROP_FRAME_PROTOCOL : DROP_FRAME_ID);
		return;
	}
	if (p->code == AUTHENTICATE_ACK) {
		pap->ours = PROOF_PASSED;
		turn_say(turn, NOTE_INFO, "PAP authentication succeeded");
		link_we_proved(link, turn);
		return;
	}
	pap->ours = PROOF_FAILED;
	struct reader body = reader_over(p->body, p->length);
	size_t length = read_u8(&body);
	if (length > reader_left(&body)) /* pppd once sent it without its length byte */
		length = reader_left(&body);
	char line[MESSAGE_SHOWN * 4 + 40];
	struct text t = text_over(line, sizeof line);
	text_add(&t, "PAP authentication failed");
	if (length) {
		text_add(&t, ": ");
		text_quoted(&t, body.at, length < MESSAGE_SHOWN ? length : MESSAGE_SHOWN);
	}
	turn_note(turn, NOTE_WARNING, &t);
	link_fail(link, CLOSE_AUTH_WE_FAILED, turn);
}

void pap_start(struct link *link, bool demand, bool prove, const struct turn *turn)
{
	struct pap *pap = &link->pap;
	*pap = (struct pap){.timer = NEVER, .our_id = pap->our_id};
	if (demand)
		pap->theirs = PROOF_OPEN;
	if (prove) {
		pap->ours = PROOF_ASKED;
		pap->our_id++;
		send_request(link, turn);
	}
}

void pap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn)
{
	struct pap *pap = &link->pap;
	pap->theirs = answer->accepted ? PROOF_PASSED : PROOF_FAILED;
	send_answer(link, turn);
	if (answer->accepted) {
		link_note_peer(link, NOTE_INFO, "PAP peer authentication succeeded for ", "", turn);
		link_peer_proved(link, turn);
	} else {
		link_note_peer(link, NOTE_WARNING, "Peer ", " failed PAP authentication", turn);
		link_fail(link, CLOSE_AUTH_FAILED, turn);
	}
}

static void row_init(void *side)
{
	((struct link *)side)->pap = (struct pap){.timer = NEVER};
}

static bool row_packet(void *side, const struct turn *turn, const struct packet_view *p)
{
	switch (p->code) {
	case AUTHENTICATE_REQUEST:
		input_request(side, p, turn);
		return true;
	case AUTHENTICATE_ACK:
	case AUTHENTICATE_NAK:
		input_verdict(side, p, turn);
		return true;
	default:
		return false;
	}
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct link *link = side;
	link_proof_rejected(link, link->pap.theirs, link->pap.ours, turn);
}

/* LCP left Opened: whatever was proved holds no longer. */
static void row_lower_down(void *side, const struct turn *turn)
{
	struct pap *pap = &((struct link *)side)->pap;
	*pap = (struct pap){.timer = NEVER, .our_id = pap->our_id};
}

static uint64_t row_deadline(const void *side)
{
	const struct pap *pap = &((const struct link *)side)->pap;
	return pap->ours == PROOF_ASKED ? pap->timer : NEVER;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct link *link = side;
	if (turn->now < row_deadline(link))
		return;
	if (link->pap.tries >= link->config->max_configure) {
		link->pap.timer = NEVER;
		link_fail(link, CLOSE_AUTH_TIMEOUT, turn);
		return;
	}
	send_request(link, turn);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	static const char *const words[] = {
		"Authenticate-Request", "Authenticate-Ack", "Authenticate-Nak"};
	struct packet_view p;
	if (!packet_read(&p, packet, length) || p.code < AUTHENTICATE_REQUEST ||
		p.code > AUTHENTICATE_NAK) {
		print_unknown(t, packet, length);
		return;
	}
	text_add(t, words[p.code - AUTHENTICATE_REQUEST]);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	struct reader body = reader_over(p.body, p.length);
	size_t first = read_u8(&body);
	const uint8_t *bytes = read_bytes(&body, first);
	if (body.failed) {
		text_add(t, " [short]");
		return;
	}
	text_add(t, p.code == AUTHENTICATE_REQUEST ? " user " : " ");
	text_quoted(t, bytes, first);
	if (p.code == AUTHENTICATE_REQUEST)
		text_add(t, " password <hidden>");
}

const struct protocol_ops pap_protocol = {
	.init = row_init,
	.packet = row_packet,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
