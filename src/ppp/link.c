/* The link: phases, and who speaks in which (see link.h). RFC 1661 §3.
 *
 *   Dead ──▶ Establish ──▶ Authenticate ──▶ Network ──▶ Terminate ──▶ Dead
 *               ▲   LCP opened      both sides proved     │  LCP left Opened:
 *               └────────────────────────────────────────┘  a new epoch
 *
 * The link's protocols (LCP, PAP, CHAP, EAP) are driven through the protocol table. LCP moves the
 * phase; the authentication protocols report to it that a side has proved itself.
 *
 * Bounds: every negotiation converges or ends (fsm.c), Authenticate ends within auth_timeout_us,
 * and all of it together, however often the peer starts over, within `progress_deadline`.
 *
 * Where both sides prove themselves by a Microsoft method there are two sets of MPPE start keys,
 * which no RFC foresees (pppd refuses such a link). Both ends take those of the exchange whose
 * authenticator has the larger magic number. */
#include "link.h"

#include <assert.h>

#include "digest.h"
#include "link_inner.h"
#include "protocol.h"

enum { CONTROL_PROTOCOLS = 0x8000 }; /* numbers from here on (RFC 1661 §2) */

static const struct turn_kinds kinds = {.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};

static struct turn turn_now(uint64_t now, struct outbox *out)
{
	return (struct turn){.now = now, .out = out, .kinds = &kinds};
}

const char *link_phase_word(enum link_phase phase)
{
	switch (phase) {
	case PHASE_DEAD:
		return "dead";
	case PHASE_ESTABLISH:
		return "establish";
	case PHASE_AUTHENTICATE:
		return "authenticate";
	case PHASE_NETWORK:
		return "network";
	case PHASE_TERMINATE:
		return "terminate";
	}
	return "unknown";
}

uint16_t link_peer_mru(const struct link *link)
{
	return fsm_opened(&link->lcp.fsm) ? link->lcp.peer.mru : PPP_MRU_MIN;
}

void link_note_peer(struct link *link, enum note_level level, const char *before, const char *after,
	const struct turn *turn)
{
	char line[LINK_NAME_KEPT * 4 + 64];
	struct text t = text_over(line, sizeof line);
	text_add(&t, before);
	text_quoted(&t, link->peer_name, link->peer_name_length);
	text_add(&t, after);
	turn_note(turn, level, &t);
}

/* Phases. */

static uint64_t progress_time(const struct link *link)
{
	return 2 * (uint64_t)link->config->max_configure * link->config->restart_us +
	       link->config->auth_timeout_us;
}

static void lower_down_all(struct link *link, const struct turn *turn)
{
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_LINK));)
		if (p->ops != &lcp_protocol)
			protocol_event(p->ops, FSM_DOWN, link, turn);
}

/* Settles which MPPE start keys count (see the head of this file). */
static void choose_keys(struct link *link)
{
	const struct lcp *lcp = &link->lcp;
	bool theirs = link->peer_method & AUTH_KEYED, ours = link->our_method & AUTH_KEYED;
	if (theirs && ours && lcp->magic == lcp->peer.magic)
		secret_wipe(&link->keys, sizeof link->keys);
	else if (!ours || (theirs && lcp->magic > lcp->peer.magic))
		return;
	else if (link->our_method & AUTH_EAP)
		eap_our_keys(link, &link->keys);
	else
		chap_our_keys(link, &link->keys);
}

static void enter_network(struct link *link, const struct turn *turn)
{
	choose_keys(link);
	eap_tls_end(link, turn);
	link->phase = PHASE_NETWORK;
	link->auth_deadline = NEVER;
	link->progress_deadline = NEVER;
	struct link_identity identity = {
		.peer_method = (enum auth_method)link->peer_method,
		.our_method = (enum auth_method)link->our_method,
		.keys = link->keys,
	};
	outbox_add(turn->out, LINK_NETWORK, &identity, sizeof identity);
	secret_wipe(&identity.keys, sizeof identity.keys);
	secret_wipe(&link->keys, sizeof link->keys);
}

static void maybe_enter_network(struct link *link, const struct turn *turn)
{
	if (link->phase == PHASE_AUTHENTICATE && link->peer_proved && link->we_proved &&
		!cbcp_start(link, turn))
		enter_network(link, turn);
}

void link_callback_settled(struct link *link, const struct turn *turn)
{
	maybe_enter_network(link, turn);
}

struct link_framing link_first_framing(const struct link *link)
{
	const struct link_config *config = link->config;
	return (struct link_framing){
		.peer_mru = PPP_MRU_DEFAULT,
		.our_mru = config->mru,
		.send_accm = LCP_ACCM_DEFAULT,
		.receive_accm = config->receive_all ? 0
				: config->ask_accm  ? config->accm
						    : LCP_ACCM_DEFAULT,
		.send_fcs = LCP_FCS_16,
		.receive_fcs = LCP_FCS_16 | config->ask_fcs,
	};
}

static uint32_t receive_accm(const struct link *link)
{
	if (link->config->receive_all)
		return 0;
	return lcp_asks_accm(&link->lcp) ? link->lcp.accm : LCP_ACCM_DEFAULT;
}

void link_opened(struct link *link, const struct turn *turn)
{
	struct lcp *lcp = &link->lcp;
	struct link_framing framing = {
		.peer_mru = lcp->peer.mru,
		.our_mru = lcp->mru,
		.compress_protocol = lcp->peer.pfc,
		.compress_address = lcp->peer.acfc,
		.send_accm = lcp->peer.accm,
		.receive_accm = receive_accm(link),
		.send_fcs = lcp->peer.fcs,
		.receive_fcs = lcp->fcs ? lcp->fcs : LCP_FCS_16,
	};
	outbox_add(turn->out, LINK_FRAMING, &framing, sizeof framing);
	lcp_identify(link, turn);
	link->phase = PHASE_AUTHENTICATE;
	link->auth_deadline = turn->now + link->config->auth_timeout_us;
	link->change = CHANGE_NONE;
	link->peer_proved = !lcp->auth_asked;
	link->we_proved = !lcp->peer.auth;
	link->peer_method = lcp->auth_asked & (uint8_t)~AUTH_EAP;
	link->our_method = lcp->peer.auth & (uint8_t)~AUTH_EAP;
	pap_start(link, lcp->auth_asked == AUTH_PAP, lcp->peer.auth == AUTH_PAP, turn);
	chap_start(link, lcp->auth_asked, lcp->peer.auth, turn);
	eap_start(link, lcp->auth_asked, lcp->peer.auth, turn);
	if (link->config->need_eap && !(lcp->peer.auth & AUTH_EAP)) {
		turn_say(turn, NOTE_WARNING,
			"Peer does not ask us for EAP, which need-peer-eap wants");
		link->closing = link->closing == CLOSE_NONE ? CLOSE_AUTH_PEER_FALSE : link->closing;
		return; /* settle() takes it from here */
	}
	maybe_enter_network(link, turn);
}

void link_restarted(struct link *link, const struct turn *turn)
{
	link->epoch++;
	outbox_add(turn->out, LINK_EPOCH, NULL, 0)->token = link->epoch;
	lower_down_all(link, turn);
	secret_wipe(&link->keys, sizeof link->keys);
	link->asking = false;
	link->peer_proved = link->we_proved = false;
	link->peer_name_length = 0;
	link->auth_deadline = NEVER;
	link->again_at = NEVER;
	link->peer_began = false;
	if (link->progress_deadline == NEVER)
		link->progress_deadline = turn->now + progress_time(link);
}

void link_waits(struct link *link, const struct turn *turn)
{
	link->progress_deadline = NEVER;
	turn_say(turn, NOTE_INFO, "Nobody answers: waiting for the peer");
}

void link_finished(struct link *link, const struct turn *turn)
{
	if (link->phase == PHASE_DEAD)
		return;
	link->phase = PHASE_DEAD;
	link->auth_deadline = link->progress_deadline = link->again_at = NEVER;
	outbox_add(turn->out, LINK_CLOSED, NULL, 0)->arg = (uint16_t)link->closing;
}

/* After any event: the phase follows LCP's state, a link with a reason to close does close, and a
 * closed one does not come up again by itself. */
static void settle(struct link *link, const struct turn *turn)
{
	const struct fsm *fsm = &link->lcp.fsm;
	if (link->closing != CLOSE_NONE && (fsm->state == FSM_STOPPED || fsm->state > FSM_STOPPING))
		protocol_event(&lcp_protocol, FSM_CLOSE, link, turn);
	if (link->phase == PHASE_DEAD)
		return;
	if (fsm->state <= FSM_CLOSED)
		link_finished(link, turn);
	else if (fsm->state == FSM_CLOSING || fsm->state == FSM_STOPPING)
		link->phase = PHASE_TERMINATE;
	else if (!fsm_opened(fsm))
		link->phase = PHASE_ESTABLISH;
}

void link_fail(struct link *link, enum close_reason reason, const struct turn *turn)
{
	if (link->phase == PHASE_DEAD)
		return;
	if (link->closing == CLOSE_NONE)
		link->closing = reason;
	protocol_event(&lcp_protocol, FSM_CLOSE, link, turn);
}

/* Authentication. */

static bool is_open(enum proof state)
{
	return state == PROOF_OPEN || state == PROOF_ASKED;
}

void link_proof_rejected(
	struct link *link, enum proof theirs, enum proof ours, const struct turn *turn)
{
	if (is_open(theirs))
		link_fail(link, CLOSE_AUTH_REFUSED, turn);
	else if (is_open(ours))
		link_fail(link, CLOSE_AUTH_WE_FAILED, turn);
}

void link_ask(struct link *link, const struct auth_question *question, const struct turn *turn)
{
	link->asking = true;
	link->question++;
	link->peer_name_length =
		question->name_length < LINK_NAME_KEPT ? question->name_length : LINK_NAME_KEPT;
	memcpy(link->peer_name, question->name, link->peer_name_length);
	struct out_item *item = outbox_add(turn->out, LINK_CREDENTIALS, question, sizeof *question);
	item->token = link->question;
}

bool link_await_change(struct link *link, const struct auth_answer *answer, const struct turn *turn)
{
	/* The name is hashed, and only so much of it is kept. */
	bool named = link->peer_name_length < LINK_NAME_KEPT;
	if (!answer->may_change || link->change != CHANGE_NONE || !named)
		return false;
	link->change = CHANGE_AWAITED;
	random_bytes(link->random, link->theirs.challenge, sizeof link->theirs.challenge);
	link->auth_deadline = turn->now + PASSWORD_CHANGE_MAX;
	link_note_peer(link, NOTE_WARNING, "The password of ",
		" has expired: waiting for a new one", turn);
	return true;
}

bool link_ask_change(struct link *link, uint8_t method, struct reader r, const struct turn *turn)
{
	enum { RESERVED_SIZE = 8, FLAGS_SIZE = 2 };
	struct auth_question q = {.method = (enum auth_method)method,
		.changes = true,
		.challenge_length = sizeof link->theirs.challenge,
		.name_length = link->peer_name_length};
	if (reader_left(&r) != MSCHAPV2_CHANGE_SIZE)
		return false;
	struct auth_change *change = &q.change;
	memcpy(q.challenge, link->theirs.challenge, sizeof q.challenge);
	memcpy(q.name, link->peer_name, q.name_length);
	memcpy(change->encrypted_password, read_bytes(&r, PASSWORD_BLOCK_SIZE),
		PASSWORD_BLOCK_SIZE);
	memcpy(change->encrypted_hash, read_bytes(&r, NT_HASH_SIZE), NT_HASH_SIZE);
	memcpy(change->peer_challenge, read_bytes(&r, sizeof change->peer_challenge),
		sizeof change->peer_challenge);
	read_bytes(&r, RESERVED_SIZE);
	memcpy(change->nt_response, read_bytes(&r, NT_RESPONSE_SIZE), NT_RESPONSE_SIZE);
	read_bytes(&r, FLAGS_SIZE);
	link->change = CHANGE_MADE;
	link_ask(link, &q, turn);
	return true;
}

void link_renewed(struct link *link, const struct turn *turn)
{
	turn_say(turn, NOTE_INFO, "Our password has expired and is changed");
	outbox_add(turn->out, LINK_RENEWED, NULL, 0);
}

/* Not before the peer shows that it is there too: it may still wait for a Success, and would take
 * its keys from the exchange that follows (RFC 3079 knows of one only). */
static void plan_rechallenge(struct link *link, const struct turn *turn)
{
	uint64_t interval = link->config->rechallenge_us;
	/* PAP has no way to ask. EAP-TLS has one, a whole handshake: its proof lasts. */
	bool asks = link->peer_method && !(link->peer_method & (AUTH_PAP | AUTH_EAP_TLS));
	if (interval && link->peer_began && asks)
		link->again_at = turn->now + interval;
}

static void rechallenge(struct link *link, const struct turn *turn)
{
	link->again_at = NEVER;
	link->change = CHANGE_NONE;
	if (link->lcp.auth_asked & AUTH_EAP)
		eap_rechallenge(link, turn);
	else
		chap_rechallenge(link, turn);
}

static void peer_begins(struct link *link, const struct turn *turn)
{
	if (link->phase == PHASE_AUTHENTICATE)
		eap_network_began(link, turn);
	if (link->phase == PHASE_AUTHENTICATE)
		cbcp_network_began(link, turn);
	if (link->phase != PHASE_NETWORK || link->peer_began)
		return;
	link->peer_began = true;
	plan_rechallenge(link, turn);
}

void link_peer_proved(struct link *link, const struct turn *turn)
{
	link->peer_proved = true;
	if (link->phase == PHASE_NETWORK) {
		link->auth_deadline = NEVER;
		plan_rechallenge(link, turn);
	}
	maybe_enter_network(link, turn);
}

void link_we_proved(struct link *link, const struct turn *turn)
{
	link->we_proved = true;
	maybe_enter_network(link, turn);
}

void link_answer(struct link *link, uint32_t token, const struct auth_answer *answer, uint64_t now,
	struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (!link->asking || token != link->question ||
		(link->phase != PHASE_AUTHENTICATE && link->phase != PHASE_NETWORK)) {
		turn_drop(&turn, DROP_AUTH_ANSWER);
		return;
	}
	link->asking = false;
	if (link->lcp.auth_asked == AUTH_PAP)
		pap_answer(link, answer, &turn);
	else if (link->lcp.auth_asked & AUTH_EAP)
		eap_answer(link, answer, &turn);
	else
		chap_answer(link, answer, &turn);
	settle(link, &turn);
}

void link_tls(struct link *link, uint32_t token, const struct tls_reply *reply, uint64_t now,
	struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (link->phase != PHASE_AUTHENTICATE || !eap_tls_reply(link, token, reply, &turn))
		turn_drop(&turn, DROP_AUTH_ANSWER);
	settle(link, &turn);
}

void link_protocol_rejected(struct link *link, uint16_t number, const struct turn *turn)
{
	const struct protocol *protocol = protocol_spoken(number);
	if (protocol && protocol->side == SIDE_LINK) {
		protocol->ops->rejected(link, turn);
		return;
	}
	if (link->phase != PHASE_NETWORK) {
		turn_drop(turn, DROP_FRAME_PHASE);
		return;
	}
	outbox_add(turn->out, LINK_REJECTED, NULL, 0)->arg = number;
}

/* From and to the carrier. */

void link_config_defaults(struct link_config *config)
{
	fsm_defaults(&config->restart_us, &config->max_configure, &config->max_terminate,
		&config->max_failure);
	if (!config->auth_timeout_us)
		config->auth_timeout_us = SECONDS(30);
}

void link_init(struct link *link, const struct link_config *config, struct random *random)
{
	assert(config->mru >= PPP_MRU_MIN && config->mru <= PPP_MRU_DEFAULT);
	assert(config->name_length <= PPP_NAME_MAX && config->password_length <= PPP_SECRET_MAX);
	assert(config->restart_us && config->max_configure && config->max_terminate &&
		config->max_failure && config->auth_timeout_us);
	assert(!config->mrru || (config->mrru >= PPP_MRU_MIN && config->mrru <= MRRU_MAX));
	assert(config->endpoint.length <= ENDPOINT_MAX);
	assert(!config->lqr_period ||
		(config->lqr_period >= LQR_PERIOD_MIN && config->lqr_period <= LQR_PERIOD_MAX &&
			config->lqr_failure && config->lqr_window <= LQR_WINDOW_MAX));
	*link = (struct link){.config = config,
		.random = random,
		.phase = PHASE_DEAD,
		.auth_deadline = NEVER,
		.progress_deadline = NEVER,
		.again_at = NEVER};
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_LINK));)
		p->ops->init(link);
}

void link_up(struct link *link, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (link->phase == PHASE_DEAD) {
		link->phase = PHASE_ESTABLISH;
		link->closing = CLOSE_NONE;
		lcp_wish(link);
		bool waits = link->config->line && link->config->silent;
		link->progress_deadline = waits ? NEVER : now + progress_time(link);
	}
	protocol_event(&lcp_protocol, FSM_OPEN, link, &turn);
	protocol_event(&lcp_protocol, FSM_UP, link, &turn);
	settle(link, &turn);
}

void link_down(struct link *link, enum close_reason reason, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (link->closing == CLOSE_NONE)
		link->closing = reason;
	protocol_event(&lcp_protocol, FSM_DOWN, link, &turn);
	protocol_event(&lcp_protocol, FSM_CLOSE, link, &turn);
	settle(link, &turn);
}

void link_close(struct link *link, enum close_reason reason, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	link_fail(link, reason, &turn);
	settle(link, &turn);
}

bool link_input(
	struct link *link, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	struct reader r = reader_over(frame, length);
	uint16_t number = read_u16(&r);
	if (r.failed) {
		turn_drop(&turn, DROP_FRAME_SHORT);
		return true;
	}
	lcp_alive(&link->lcp, now);
	if (link->phase == PHASE_ESTABLISH && link->progress_deadline == NEVER)
		link->progress_deadline = now + progress_time(link);
	const struct protocol *protocol = protocol_find(number);
	if (!protocol || protocol->side != SIDE_LINK) {
		if (protocol && protocol->side == SIDE_UNIT)
			peer_begins(link, &turn);
		return false;
	}
	if (protocol->ops != &lcp_protocol && link->phase != PHASE_AUTHENTICATE &&
		link->phase != PHASE_NETWORK) {
		turn_drop(&turn, DROP_FRAME_PHASE);
		return true;
	}
	protocol_input(protocol->ops, link, &turn, r.at, reader_left(&r));
	settle(link, &turn);
	return true;
}

void link_reject(
	struct link *link, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	struct reader r = reader_over(frame, length);
	uint16_t number = read_u16(&r);
	if (r.failed) {
		turn_drop(&turn, DROP_FRAME_SHORT);
		return;
	}
	/* A data packet whose control protocol we do speak has come too early; rejecting it would
	 * end that protocol at the peer. */
	bool early = number < CONTROL_PROTOCOLS && protocol_spoken(number);
	if (link->phase != PHASE_NETWORK || early) {
		turn_drop(&turn, DROP_FRAME_PHASE);
		return;
	}
	turn_drop(&turn, DROP_FRAME_PROTOCOL);
	lcp_protocol_reject(link, frame, length, &turn);
}

void link_alive(struct link *link, uint64_t now)
{
	lcp_alive(&link->lcp, now);
}

void link_awake(struct link *link, uint64_t now)
{
	lcp_awake(&link->lcp, now);
}

void link_counted(struct link *link, const struct lqr_counters *counters)
{
	link->lqr.counters = *counters;
}

void link_time_remaining(
	struct link *link, uint32_t seconds, const char *words, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	lcp_time_remaining(link, seconds, words, &turn);
}

bool link_probe(struct link *link, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	return lcp_probe(link, &turn);
}

void link_tick(struct link *link, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_LINK));)
		protocol_tick(p->ops, link, &turn);
	if (now >= link->auth_deadline) {
		link->auth_deadline = NEVER;
		link_fail(link, CLOSE_AUTH_TIMEOUT, &turn);
	}
	if (now >= link->again_at && link->phase == PHASE_NETWORK)
		rechallenge(link, &turn);
	if (now >= link->progress_deadline) {
		link->progress_deadline = NEVER;
		link_fail(link, CLOSE_LCP_TIMEOUT, &turn);
	}
	settle(link, &turn);
}

uint64_t link_deadline(const struct link *link)
{
	uint64_t soonest = link->auth_deadline < link->progress_deadline ? link->auth_deadline
									 : link->progress_deadline;
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_LINK));) {
		uint64_t deadline = p->ops->deadline(link);
		if (deadline < soonest)
			soonest = deadline;
	}
	return link->again_at < soonest ? link->again_at : soonest;
}

void link_wipe(struct link *link)
{
	secret_wipe(&link->keys, sizeof link->keys);
	secret_wipe(&link->chap, sizeof link->chap);
	secret_wipe(&link->eap, sizeof link->eap);
	secret_wipe(&link->pap, sizeof link->pap);
	secret_wipe(&link->theirs, sizeof link->theirs);
	secret_wipe(&link->ours, sizeof link->ours);
}
