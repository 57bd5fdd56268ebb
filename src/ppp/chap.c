/* CHAP (see chap.h). RFC 1994 §4, RFC 2433, RFC 2759, with the latter's Change-Password (§7).
 *
 *   authenticator: Challenge ──▶ ◀── Response ; asks the app ; Success or Failure ──▶
 *   peer:          ◀── Challenge ; Response ──▶ ◀── Success or Failure
 *
 * Both ends repeat what was not answered: the Challenge with the same identifier and bytes, the
 * Response likewise, so that a repeated Response is the same answer to the same question. The
 * authenticator asks the app once for each Challenge; RFC 1994 §4.1 has it give a repeated Response
 * the reply it gave before, in the Network phase too.
 *
 * In the Network phase the authenticator may ask again (§4.1). What MPPE is keyed with stays as it
 * is: both ends have it from the first exchange.
 *
 * Where a password is right but has expired, Failure says so and brings a new Challenge, and
 * Change-Password is its Response, with the identifier behind the Failure's (RFC 2759 §6, §7):
 *
 *   authenticator: Failure E=648 ──▶ ◀── Change-Password ; asks the app ; Success or Failure ──▶
 *
 * MS-CHAPv2: the Success must prove that the authenticator knows the password ("S=", RFC 2759 §5);
 * one that does not ends the link. A Challenge that is our own, sent back, is never answered: with
 * MD5 it would make us compute the answer to our own question. */
#include "chap.h"

#include "chap_message.h"
#include "digest.h"
#include "link.h"
#include "link_inner.h"
#include "mschap_claim.h"
#include "protocol.h"

enum chap_code { CHALLENGE = 1, RESPONSE = 2, SUCCESS = 3, FAILURE = 4, CHANGE_PASSWORD = 7 };

enum { MS_VALUE_SIZE = 49, MS_CHALLENGE = 8, FLAG_USE_NT = 1 };

static uint8_t challenge_size(uint8_t method)
{
	return method == AUTH_MSCHAP ? MS_CHALLENGE : LINK_CHALLENGE_MAX;
}

static uint8_t response_size(uint8_t method)
{
	return method == AUTH_CHAP_MD5 ? MD5_SIZE : MS_VALUE_SIZE;
}

/* Challenge and Response have one shape: a counted value, then a name to the end. */
static void send_value(struct link *link, const struct turn *turn, uint8_t code, uint8_t id,
	const uint8_t *value, uint8_t length)
{
	struct writer w = packet_open(turn, CHAP, code, id);
	write_u8(&w, length);
	write_bytes(&w, value, length);
	write_bytes(&w, link->config->name, link->config->name_length);
	packet_close(turn, &w);
}

/* The authenticator. */

static void send_challenge(struct link *link, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	send_value(link, turn, CHALLENGE, chap->theirs.id, link->theirs.challenge,
		challenge_size(chap->theirs.method));
	chap->theirs.tries++;
	chap->theirs.timer = turn->now + link->config->restart_us;
}

void chap_rechallenge(struct link *link, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	chap->theirs.state = PROOF_OPEN;
	chap->theirs.id++;
	chap->theirs.tries = 0;
	random_bytes(link->random, link->theirs.challenge, challenge_size(chap->theirs.method));
	send_challenge(link, turn);
}

static void send_verdict(struct link *link, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	bool passed = chap->theirs.state == PROOF_PASSED;
	struct writer w = packet_open(turn, CHAP, passed ? SUCCESS : FAILURE, chap->theirs.id);
	if (passed)
		chap_write_success(&w, (enum auth_method)chap->theirs.method, link->theirs.proof);
	else
		chap_write_failure(&w, (enum auth_method)chap->theirs.method, chap->theirs.error,
			link->theirs.challenge, challenge_size(chap->theirs.method));
	packet_close(turn, &w);
}

static void ask(struct link *link, struct reader value, struct reader name, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	struct auth_question q = {
		.method = (enum auth_method)chap->theirs.method,
		.chap_id = chap->theirs.id,
		.challenge_length = challenge_size(chap->theirs.method),
		.response_length = (uint8_t)reader_left(&value),
		.name_length = (uint8_t)reader_left(&name),
	};
	memcpy(q.challenge, link->theirs.challenge, q.challenge_length);
	memcpy(q.response, value.at, q.response_length);
	if (q.name_length)
		memcpy(q.name, name.at, q.name_length);
	chap->theirs.state = PROOF_ASKED;
	link_ask(link, &q, turn);
}

static void input_response(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (chap->theirs.state == PROOF_NONE) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	if (p->id != chap->theirs.id) {
		turn_drop(turn, DROP_FRAME_ID);
		return;
	}
	struct reader name = reader_over(p->body, p->length);
	struct reader value = read_slice(&name, read_u8(&name));
	if (name.failed || reader_left(&value) != response_size(chap->theirs.method) ||
		reader_left(&name) > PPP_NAME_MAX) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	switch ((enum proof)chap->theirs.state) {
	case PROOF_NONE:
	case PROOF_ASKED:
		break;
	case PROOF_OPEN:
		if (link->change == CHANGE_AWAITED)
			send_verdict(link, turn);
		else
			ask(link, value, name, turn);
		break;
	case PROOF_PASSED:
	case PROOF_FAILED:
		send_verdict(link, turn);
		break;
	}
}

static void input_change(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	bool again = link->change == CHANGE_MADE && p->id == chap->theirs.id;
	if (link->change == CHANGE_NONE || chap->theirs.state == PROOF_NONE) {
		turn_drop(turn, DROP_FRAME_CODE);
		return;
	}
	if (again) {
		if (chap->theirs.state != PROOF_ASKED)
			send_verdict(link, turn);
		return;
	}
	if (link->change == CHANGE_MADE || p->id != (uint8_t)(chap->theirs.id + 1)) {
		turn_drop(turn, DROP_FRAME_ID);
		return;
	}
	if (!link_ask_change(link, chap->theirs.method, reader_over(p->body, p->length), turn)) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	chap->theirs.id = p->id;
	chap->theirs.state = PROOF_ASKED;
}

static void pass(struct link *link, const struct auth_answer *answer, const struct turn *turn)
{
	link->chap.theirs.state = PROOF_PASSED;
	memcpy(link->theirs.proof, answer->proof, sizeof link->theirs.proof);
	send_verdict(link, turn);
	if (link->phase == PHASE_AUTHENTICATE) {
		link->keys = answer->keys;
		link_note_peer(
			link, NOTE_INFO, "CHAP peer authentication succeeded for ", "", turn);
	}
	link_peer_proved(link, turn);
}

void chap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (answer->accepted) {
		pass(link, answer, turn);
		return;
	}
	chap->theirs.error = (uint16_t)(answer->error ? answer->error : AUTH_ERROR_WRONG);
	if (link_await_change(link, answer, turn)) {
		chap->theirs.state = PROOF_OPEN;
		send_verdict(link, turn);
		return;
	}
	chap->theirs.state = PROOF_FAILED;
	send_verdict(link, turn);
	link_note_peer(link, NOTE_WARNING, "Peer ", " failed CHAP authentication", turn);
	link_fail(link, CLOSE_AUTH_FAILED, turn);
}

/* The peer. */

/* MS-CHAP's Value: no LAN Manager response (RFC 2433 §6). */
static void ms_value(const struct link *link, uint8_t value[MS_VALUE_SIZE])
{
	uint8_t hash[NT_HASH_SIZE] = {0};
	mschap_claim_hash(link, hash);
	challenge_response(
		value + MS_VALUE_SIZE - 1 - NT_RESPONSE_SIZE, link->ours.challenge, hash);
	value[MS_VALUE_SIZE - 1] = FLAG_USE_NT;
	secret_wipe(hash, sizeof hash);
}

static void send_change(struct link *link, const struct turn *turn)
{
	struct writer w = packet_open(turn, CHAP, CHANGE_PASSWORD, link->chap.ours.id);
	mschap_claim_change(link, &w);
	packet_close(turn, &w);
}

static void send_value_response(struct link *link, const struct turn *turn)
{
	const struct chap *chap = &link->chap;
	uint8_t value[MS_VALUE_SIZE] = {0};
	if (chap->ours.method == AUTH_CHAP_MD5)
		memcpy(value, link->ours.remembered, MD5_SIZE);
	else if (chap->ours.method == AUTH_MSCHAPV2)
		mschap_claim_value(link, value);
	else
		ms_value(link, value);
	send_value(link, turn, RESPONSE, chap->ours.id, value, response_size(chap->ours.method));
}

static void send_response(struct link *link, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (chap->ours.changing)
		send_change(link, turn);
	else
		send_value_response(link, turn);
	chap->ours.tries++;
	chap->ours.timer = turn->now + link->config->restart_us;
}

/* Whether a Challenge is the one we answered already. MD5's is not remembered, but needs not be:
 * its answer has nothing random in it. */
static bool known_challenge(
	const struct link *link, const struct packet_view *p, struct reader value)
{
	const struct chap *chap = &link->chap;
	return (chap->ours.state == PROOF_ASKED || chap->ours.state == PROOF_PASSED) &&
	       chap->ours.method != AUTH_CHAP_MD5 && chap->ours.id == p->id &&
	       memcmp(value.at, link->ours.challenge, reader_left(&value)) == 0;
}

static void remember(struct link *link, const struct packet_view *p, struct reader value)
{
	struct chap *chap = &link->chap;
	chap->ours.id = p->id;
	if (chap->ours.method == AUTH_CHAP_MD5) {
		const struct piece pieces[] = {
			{&p->id, 1}, link_password(link), {value.at, reader_left(&value)}};
		md5(link->ours.remembered, pieces, 3);
		return;
	}
	memcpy(link->ours.challenge, value.at, reader_left(&value));
	if (chap->ours.method == AUTH_MSCHAPV2)
		random_bytes(link->random, link->ours.remembered, sizeof link->ours.remembered);
}

bool chap_is_ours(const struct link *link, struct reader value)
{
	const struct chap *chap = &link->chap;
	size_t length = challenge_size(chap->theirs.method);
	return chap->theirs.state != PROOF_NONE && reader_left(&value) == length &&
	       memcmp(value.at, link->theirs.challenge, length) == 0;
}

static void input_challenge(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (chap->ours.state == PROOF_NONE || chap->ours.state == PROOF_FAILED) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	struct reader name = reader_over(p->body, p->length);
	struct reader value = read_slice(&name, read_u8(&name));
	if (name.failed || reader_left(&value) == 0 ||
		(chap->ours.method != AUTH_CHAP_MD5 &&
			reader_left(&value) != challenge_size(chap->ours.method))) {
		turn_drop(turn, DROP_AUTH_NAME);
		return;
	}
	if (chap_is_ours(link, value) || eap_is_ours(link, value)) {
		turn_say(turn, NOTE_WARNING, "Peer sent our own CHAP Challenge back to us");
		link_fail(link, CLOSE_AUTH_PEER_FALSE, turn);
		return;
	}
	if (chap->ours.changing) { /* one from before the Failure that we answer */
		turn_drop(turn, DROP_FRAME_ID);
		return;
	}
	if (!known_challenge(link, p, value))
		remember(link, p, value);
	chap->ours.state = PROOF_ASKED;
	chap->ours.tries = 0;
	send_response(link, turn);
}

static void input_success(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (chap->ours.method == AUTH_MSCHAPV2 && !mschap_claim_proved(link, p->body, p->length)) {
		chap->ours.state = PROOF_FAILED;
		turn_say(turn, NOTE_WARNING,
			"MS-CHAPv2 mutual authentication failed: the peer does not know our "
			"password");
		link_fail(link, CLOSE_AUTH_PEER_FALSE, turn);
		return;
	}
	chap->ours.state = PROOF_PASSED;
	if (chap->ours.changing)
		link_renewed(link, turn);
	chap->ours.changing = false;
	if (link->phase == PHASE_AUTHENTICATE)
		turn_say(turn, NOTE_INFO, "CHAP authentication succeeded");
	link_we_proved(link, turn);
}

/* Ours has expired, and the Failure that says so can be answered with another one. */
static bool change(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	if (chap->ours.method != AUTH_MSCHAPV2 || !mschap_claim_renew(link, p->body, p->length))
		return false;
	chap->ours.changing = true;
	chap->ours.id = (uint8_t)(p->id + 1);
	chap->ours.tries = 0;
	send_response(link, turn);
	return true;
}

static void input_failure(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	char line[CHAP_FAILURE_LINE];
	struct text t = text_over(line, sizeof line);
	if (change(link, p, turn))
		return;
	bool expired = mschap_claim_expired(p->body, p->length);
	link->chap.ours.state = PROOF_FAILED;
	text_add(&t, "CHAP authentication failed");
	chap_tell_failure(&t, p->body, p->length);
	turn_note(turn, NOTE_WARNING, &t);
	link_fail(link, expired ? CLOSE_AUTH_EXPIRED : CLOSE_AUTH_WE_FAILED, turn);
}

static void input_verdict(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	const struct chap *chap = &link->chap;
	if (chap->ours.state == PROOF_NONE)
		turn_drop(turn, DROP_FRAME_PROTOCOL);
	else if (chap->ours.state != PROOF_ASKED || p->id != chap->ours.id)
		turn_drop(turn, DROP_FRAME_ID);
	else if (p->code == SUCCESS)
		input_success(link, p, turn);
	else
		input_failure(link, p, turn);
}

void chap_our_keys(const struct link *link, struct mppe_start_keys *keys)
{
	const struct chap *chap = &link->chap;
	uint8_t hash[NT_HASH_SIZE], lm_hash[16] = {0};
	*keys = (struct mppe_start_keys){0};
	if (chap->ours.method == AUTH_MSCHAPV2) {
		mschap_claim_keys(link, keys);
	} else if (chap->ours.method == AUTH_MSCHAP && mschap_claim_hash(link, hash)) {
		if (!link->config->nt_hash_only) /* else 128 bits alone come out right */
			lm_password_hash(
				lm_hash, link_password(link).bytes, link_password(link).length);
		mppe_keys_from_mschap(keys, hash, lm_hash, link->ours.challenge);
		secret_wipe(lm_hash, sizeof lm_hash);
		secret_wipe(hash, sizeof hash);
	}
}

/* Both. */

static void reset(struct chap *chap)
{
	uint8_t id = chap->theirs.id; /* a new Challenge never has the identifier of an old one */
	*chap = (struct chap){.theirs = {.id = id, .timer = NEVER}, .ours = {.timer = NEVER}};
}

void chap_start(struct link *link, uint8_t demand, uint8_t prove, const struct turn *turn)
{
	struct chap *chap = &link->chap;
	reset(chap);
	if (prove & (AUTH_CHAP_MD5 | AUTH_MSCHAP | AUTH_MSCHAPV2)) {
		chap->ours.state = PROOF_OPEN;
		chap->ours.method = prove;
	}
	if (demand & (AUTH_CHAP_MD5 | AUTH_MSCHAP | AUTH_MSCHAPV2)) {
		chap->theirs.method = demand;
		chap_rechallenge(link, turn);
	}
}

static void row_init(void *side)
{
	struct link *link = side;
	link->chap = (struct chap){0};
	reset(&link->chap);
}

static bool row_packet(void *side, const struct turn *turn, const struct packet_view *p)
{
	switch (p->code) {
	case CHALLENGE:
		input_challenge(side, p, turn);
		return true;
	case RESPONSE:
		input_response(side, p, turn);
		return true;
	case SUCCESS:
	case FAILURE:
		input_verdict(side, p, turn);
		return true;
	case CHANGE_PASSWORD:
		input_change(side, p, turn);
		return true;
	default:
		return false;
	}
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct link *link = side;
	link_proof_rejected(link, link->chap.theirs.state, link->chap.ours.state, turn);
}

/* LCP left Opened: whatever was proved holds no longer. */
static void row_lower_down(void *side, const struct turn *turn)
{
	reset(&((struct link *)side)->chap);
}

/* A Failure that can be answered is not repeated by itself, for that may take a while. */
static uint64_t challenge_deadline(const struct link *link)
{
	const struct chap *chap = &link->chap;
	bool awaited = chap->theirs.state == PROOF_OPEN && link->change != CHANGE_AWAITED;
	return awaited ? chap->theirs.timer : NEVER;
}

static uint64_t response_deadline(const struct chap *chap)
{
	return chap->ours.state == PROOF_ASKED ? chap->ours.timer : NEVER;
}

static uint64_t row_deadline(const void *side)
{
	const struct link *link = side;
	uint64_t a = challenge_deadline(link), b = response_deadline(&link->chap);
	return a < b ? a : b;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct link *link = side;
	struct chap *chap = &link->chap;
	uint8_t most = link->config->max_configure;
	bool again = turn->now >= challenge_deadline(link);
	bool answer_again = turn->now >= response_deadline(chap);
	if ((again && chap->theirs.tries >= most) || (answer_again && chap->ours.tries >= most)) {
		reset(chap);
		link_fail(link, CLOSE_AUTH_TIMEOUT, turn);
		return;
	}
	if (again)
		send_challenge(link, turn);
	if (answer_again)
		send_response(link, turn);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	static const char *const words[] = {"Challenge", "Response", "Success", "Failure"};
	struct packet_view p;
	bool known = packet_read(&p, packet, length) &&
		     ((p.code >= CHALLENGE && p.code <= FAILURE) || p.code == CHANGE_PASSWORD);
	if (!known) {
		print_unknown(t, packet, length);
		return;
	}
	text_add(t, p.code == CHANGE_PASSWORD ? "Change-Password" : words[p.code - CHALLENGE]);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	if (p.code == CHANGE_PASSWORD) {
		text_add(t, " <hidden>");
		return;
	}
	if (p.code >= SUCCESS) {
		text_char(t, ' ');
		text_quoted(t, p.body, p.length);
		return;
	}
	struct reader name = reader_over(p.body, p.length);
	struct reader value = read_slice(&name, read_u8(&name));
	if (name.failed) {
		text_add(t, " [short]");
		return;
	}
	/* With the Response in a log a password could be guessed at leisure. */
	text_add(t, p.code == CHALLENGE ? " value " : " value <hidden>");
	if (p.code == CHALLENGE)
		text_hex_bytes(t, value.at, reader_left(&value));
	text_add(t, " name ");
	text_quoted(t, name.at, reader_left(&name));
}

const struct protocol_ops chap_protocol = {
	.init = row_init,
	.packet = row_packet,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
