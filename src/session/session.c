/* One session's life: calling, starting, up, finishing, over (RFC 1661 §3 seen from outside).
 *
 * A session ends from the inside out: the link terminates, then the call is cleared, then the data
 * path is detached, and TUNNEL_SESSION_DOWN is the last that is heard of it. Whoever pulls first
 * (the peer, a timer, the operator, the loss of TCP) names the reason; later ones do not change
 * it. The unit's wish to end (session->failing) is taken up after the items that came with it.
 *
 * GRE may overtake the TCP reply that tells us the peer's call ID: one early frame is kept and
 * replayed. It can only be the peer's first Configure-Request.
 */
#include "session.h"

#include <assert.h>
#include <string.h>

#include "frame.h"
#include "multilink.h"
#include "services.h"
#include "text.h"
#include "translate.h"
#include "tunnel.h"

const char *session_state_word(enum session_state state)
{
	switch (state) {
	case SESSION_FREE:
		return "free";
	case SESSION_CALLING:
		return "calling";
	case SESSION_STARTING:
		return "starting";
	case SESSION_UP:
		return "up";
	case SESSION_FINISHING:
		return "finishing";
	case SESSION_OVER:
		return "over";
	}
	return "unknown";
}

static void forget_silence(struct session *session)
{
	session->silence_warned_by = session->silence_ends_by = NEVER;
}

void session_init(struct session *session, const struct session_config *config, uint32_t subject,
	struct random *random, uint64_t now)
{
	assert(session->state == SESSION_FREE);
	session->subject = subject;
	session->config = config;
	session->state = SESSION_CALLING;
	session->started = now;
	session->setup_by = NEVER;
	forget_silence(session);
	services_init(session);
	struct lcp_multilink *multilink = session->link.multilink;
	link_init(&session->link, &config->link, random);
	if (config->link.mrru)
		link_multilink(&session->link, multilink);
	unit_init(&session->unit, &config->unit, session->ecp, random);
	session->epoch = session->link.epoch;
}

static bool is_bundle(const struct session *session)
{
	return session->bundle && session->bundle == session->subject;
}

/* Other peers may take a mark off with the outer header, and a congestion signal with it. */
static bool marks_are_combined(enum session_ecn ecn, bool kindred)
{
	switch (ecn) {
	case SESSION_ECN_AUTO:
		return kindred;
	case SESSION_ECN_COPY:
		return true;
	case SESSION_ECN_OFF:
		break;
	}
	return false;
}

struct datapath_command session_attach_command(
	struct session *session, uint16_t local_call_id, bool ecn)
{
	const struct session_config *config = session->config;
	struct datapath_command command = {.kind = DATAPATH_ATTACH};
	assert(!session->attached);
	session->attached = true;
	session->facts.ecn = ecn;
	command.attach.local_call_id = local_call_id;
	command.attach.relay = config->relay;
	command.attach.reorder = config->reorder;
	command.attach.require_encryption =
		!config->relay && (config->unit.mppe_require || config->unit.ecp_key.length);
	command.attach.check_source = config->check_source;
	command.attach.client_to_client = config->client_to_client;
	command.attach.clamp_mss = config->clamp_mss;
	command.attach.dscp_copy = config->dscp_copy;
	command.attach.dscp = config->dscp;
	command.attach.ecn = ecn;
	command.attach.services = services_wanted(session);
	return command;
}

void session_attach(struct session *session, uint16_t local_call_id, const struct address *local,
	const struct address *peer, const struct session_terms *terms, struct outbox *out)
{
	const struct session_config *config = session->config;
	struct datapath_command command = session_attach_command(
		session, local_call_id, marks_are_combined(config->ecn, terms->kindred));
	command.attach.local = *local;
	command.attach.peer = *peer;
	command.attach.any_peer = config->gre_from_anywhere;
	command.attach.nat = config->nat;
	command.attach.window = terms->window;
	emit_command(session, &command, NULL, 0, out);
}

/* The unit gave up: its link goes with it. */
static void settle(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->failing != CLOSE_NONE)
		session_close(session, session->failing, now, out);
}

bool session_unit_frame(struct session *session, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return false;
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	bool taken = unit_input(&session->unit, frame, length, now, &items);
	translate_unit(session, &items, now, out);
	settle(session, now, out);
	return taken;
}

/* A bundle's link has no unit of its own: the frame is for the bundle's. */
static bool feed_bundle(struct session *session, struct reader frame, struct outbox *out)
{
	struct reader peek = frame;
	if (read_u16(&peek) == PROTOCOL_MULTILINK) {
		emit_drop(session, DROP_FRAME_PHASE, out); /* the rest of it went elsewhere */
		return true;
	}
	if (!unit_speaks(&session->unit, frame.at, reader_left(&frame)))
		return false;
	struct out_item *item = outbox_add(out, TUNNEL_UNIT_FRAME, frame.at, reader_left(&frame));
	item->subject = session->subject;
	return true;
}

static void feed(struct session *session, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out)
{
	struct link *link = &session->link;
	struct reader frame = reader_over(bytes, length);
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	bool taken = link_input(link, bytes, length, now, &items);
	translate_link(session, &items, now, out); /* the frame may have begun the phase */
	if (!taken && link_bundles(link) && link->phase == PHASE_NETWORK) {
		/* Before the data path heard of the bundle its first fragments come up as they are:
		 * the unit's frames are whole in one. */
		frame = multilink_unwrap(frame, link->multilink->ask_short);
		taken = feed_bundle(session, frame, out);
	} else if (!taken) {
		taken = session_unit_frame(session, bytes, length, now, out);
	}
	if (taken)
		return;
	outbox_clear(&items);
	link_reject(link, frame.at, reader_left(&frame), now, &items);
	translate_link(session, &items, now, out);
}

static void heard_now(struct session *session, uint64_t now)
{
	session->last_received = now;
	forget_silence(session);
	link_alive(&session->link, now);
}

/* Elsewhere a window only slows down: what is behind the peer is as fast as the network, and the
 * sizes said are often a constant of the program (3 by pptp-linux, which takes any number). */
static uint16_t send_window(const struct session *session)
{
	const struct call *call = &session->call;
	bool slow = !call->pac && call->peer_speed && call->peer_speed < WINDOW_LINE_SPEED;
	switch (session->config->window) {
	case SESSION_WINDOW_AUTO:
		return slow ? call->peer_window : 0;
	case SESSION_WINDOW_ON:
		return call->peer_window;
	case SESSION_WINDOW_OFF:
		break;
	}
	return 0;
}

static void watch_silence(struct session *session, uint64_t now)
{
	uint64_t patience = session->config->silence_us;
	session->silence_warned_by = now + GRE_SILENCE_WARNING;
	session->silence_ends_by = patience ? now + patience : NEVER;
}

void session_connected(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->state != SESSION_CALLING)
		return;
	session->state = SESSION_STARTING;
	if (!session->config->line) /* else from the first word of the peer's on */
		session->setup_by = now + SESSION_SETUP_MAX;
	if (session_unheard(session))
		watch_silence(session, now);
	struct datapath_command command = {.kind = DATAPATH_CONNECT};
	command.connect.peer_call_id = session->call.peer_id;
	command.connect.window = send_window(session);
	command.connect.delay = MS(100) * session->call.peer_delay;
	emit_command(session, &command, NULL, 0, out);
	session->start_due = true;
}

/* The call is all there is to be brought up. Whoever speaks PPP behind the line keeps its ACCM to
 * himself, and a PAC that has a line waits for Set-Link-Info all the same. */
static void relay_up(struct session *session, uint64_t now, struct outbox *out)
{
	session->state = SESSION_UP;
	session->setup_by = NEVER;
	session->up_since = session->last_active = now;
	session->lcp_opened = true;
	outbox_add(out, TUNNEL_SESSION_UP, NULL, 0)->subject = session->subject;
}

void session_start(struct session *session, uint64_t now, struct outbox *out)
{
	session->start_due = false;
	if (session->state != SESSION_STARTING)
		return;
	if (session->config->relay) {
		relay_up(session, now, out);
		return;
	}
	session->link_alive = true;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_up(&session->link, now, &items);
	translate_link(session, &items, now, out);
	if (session->early_length) {
		feed(session, session->early, session->early_length, now, out);
		session->early_length = 0;
	}
	settle(session, now, out);
}

static bool is_lcp(const uint8_t *frame, size_t length)
{
	struct reader r = reader_over(frame, length);
	return read_u16(&r) == LCP;
}

static void keep_early(
	struct session *session, const uint8_t *frame, size_t length, struct outbox *out)
{
	if (session->early_length || length > sizeof session->early || length == 0) {
		emit_drop(session, DROP_FRAME_PHASE, out);
		return;
	}
	memcpy(session->early, frame, length);
	session->early_length = (uint16_t)length;
}

/* What came over the link and could not be used. A second copy of a packet is none of these. */
static uint32_t discards(const struct datapath_counters *counters)
{
	uint32_t count = counters->drops[DROP_GRE_LATE] + counters->drops[DROP_HOLD_FULL];
	for (int i = DROP_PPP_SHORT; i <= DROP_MPPE_INNER; i++)
		count += counters->drops[i];
	return count;
}

static uint64_t octets_of(enum session_octets what, const struct datapath_counters *counters)
{
	uint64_t in = counters->rx_bytes, out = counters->tx_bytes;
	switch (what) {
	case SESSION_OCTETS_IN:
		return in;
	case SESSION_OCTETS_OUT:
		return out;
	case SESSION_OCTETS_MAX:
		return in > out ? in : out;
	case SESSION_OCTETS_SUM:
		break;
	}
	return in + out;
}

void session_traffic(struct session *session, const struct datapath_counters *counters)
{
	session->octets = octets_of(session->config->octets, counters);
	session->packets = (struct lqr_counters){
		.packets_out = (uint32_t)counters->tx_packets,
		.octets_out = (uint32_t)counters->tx_bytes,
		.packets_in = (uint32_t)counters->rx_packets,
		.octets_in = (uint32_t)counters->rx_bytes,
		.discards_in = discards(counters),
	};
}

/* For link quality reports: all that the link carried, control frames and packets. */
static void count(struct session *session)
{
	const struct lqr_counters *frames = &session->frames, *packets = &session->packets;
	const struct lqr_counters all = {
		.packets_out = frames->packets_out + packets->packets_out,
		.octets_out = frames->octets_out + packets->octets_out,
		.packets_in = frames->packets_in + packets->packets_in,
		.octets_in = frames->octets_in + packets->octets_in,
		.discards_in = packets->discards_in,
	};
	link_counted(&session->link, &all);
}

bool session_frame(struct session *session, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out)
{
	bool taken = true;
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return true;
	struct out_item *item = outbox_add(out, TUNNEL_PPP, frame, length);
	item->subject = session->subject;
	item->arg = 0;
	heard_now(session, now);
	if (session->config->line && session->setup_by == NEVER &&
		session->state == SESSION_STARTING)
		session->setup_by = now + SESSION_SETUP_MAX;
	session->frames.packets_in++;
	session->frames.octets_in += (uint32_t)length;
	if (session->state == SESSION_CALLING) {
		keep_early(session, frame, length, out);
		return true;
	}
	if (epoch != session->epoch && !is_lcp(frame, length)) {
		emit_drop(session, DROP_FRAME_EPOCH, out);
		return true;
	}
	count(session);
	if (services_frame(session, frame, length, now, out))
		;
	else if (is_bundle(session))
		taken = session_unit_frame(session, frame, length, now, out);
	else
		feed(session, frame, length, now, out);
	settle(session, now, out);
	return taken;
}

void session_alive(struct session *session, uint64_t heard, uint64_t active)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	if (heard > session->last_received)
		heard_now(session, heard);
	if (active > session->last_active)
		session->last_active = active;
}

bool session_probe(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return false;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	bool sent = link_probe(&session->link, now, &items);
	translate_link(session, &items, now, out);
	return sent;
}

void session_awake(struct session *session, uint64_t now)
{
	if (session->link_alive)
		link_awake(&session->link, now);
}

void session_credentials(struct session *session, uint32_t token, const struct auth_answer *answer,
	uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_answer(&session->link, token, answer, now, &items);
	translate_link(session, &items, now, out);
	settle(session, now, out);
}

void session_tls(struct session *session, uint32_t token, const struct tls_reply *reply,
	uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_tls(&session->link, token, reply, now, &items);
	translate_link(session, &items, now, out);
	settle(session, now, out);
}

void session_addresses(struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_addresses(&session->unit, token, addresses, now, &items);
	translate_unit(session, &items, now, out);
	settle(session, now, out);
}

void session_rejected(struct session *session, uint16_t protocol, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_rejected(&session->unit, protocol, now, &items);
	translate_unit(session, &items, now, out);
	settle(session, now, out);
}

void session_renegotiate(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->state != SESSION_UP)
		return;
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_renegotiate(&session->unit, now, &items);
	translate_unit(session, &items, now, out);
	settle(session, now, out);
}

void session_close(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	session->failing = CLOSE_NONE;
	if (session->state == SESSION_FREE || session->state == SESSION_FINISHING ||
		session->state == SESSION_OVER)
		return;
	services_end(session, out);
	session->closing = reason;
	session->state = SESSION_FINISHING;
	session->setup_by = NEVER;
	forget_silence(session);
	if (!session->link_alive) {
		session->hang_up = true;
		return;
	}
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_close(&session->link, reason, now, &items);
	translate_link(session, &items, now, out);
}

void session_keys_differ(struct session *session, uint64_t now, struct outbox *out)
{
	bool ecp = session->config->unit.ecp_key.length;
	if (session->state == SESSION_UP)
		session_close(session, ecp ? CLOSE_ECP_KEYS : CLOSE_MPPE_KEYS, now, out);
}

void session_cut(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	/* A link that is going down already knows better why than who hangs up on it. */
	if (session->closing == CLOSE_NONE && session->link_alive)
		session->closing = session->link.closing;
	if (session->closing == CLOSE_NONE)
		session->closing = reason;
	session->state = SESSION_FINISHING;
	session->setup_by = NEVER;
	forget_silence(session);
	if (!session->link_alive) {
		session->hang_up = true;
		return;
	}
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_down(&session->link, reason, now, &items);
	translate_link(session, &items, now, out);
	assert(!session->link_alive);
}

void session_over(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	session_cut(session, reason, now, out);
	if (session->attached && !session->detached) {
		session->detached = true;
		struct datapath_command command = {.kind = DATAPATH_DETACH};
		emit_command(session, &command, NULL, 0, out);
	}
	session->hang_up = false;
	session->state = SESSION_OVER;
	link_wipe(&session->link);
	unit_wipe(&session->unit);
	struct out_item *item = outbox_add(out, TUNNEL_SESSION_DOWN, NULL, 0);
	item->subject = session->subject;
	item->arg = (uint16_t)session->closing;
}

/* What a session that never came up is said to have died of. */
static enum close_reason setup_reason(const struct session *session)
{
	if (is_bundle(session))
		return CLOSE_NETWORK_TIMEOUT;
	switch (session->link.phase) {
	case PHASE_AUTHENTICATE:
		return CLOSE_AUTH_TIMEOUT;
	case PHASE_NETWORK:
		return CLOSE_NETWORK_TIMEOUT;
	case PHASE_DEAD:
	case PHASE_ESTABLISH:
	case PHASE_TERMINATE:
		break;
	}
	return session_unheard(session) ? CLOSE_LCP_NO_GRE : CLOSE_LCP_TIMEOUT;
}

/* When the peer is to be told how long is left, with how much that is; NEVER. */
static uint64_t remaining_deadline(const struct session *session, uint64_t *left)
{
	uint64_t most = session->config->max_connect_us;
	*left = session->told_first ? TIME_REMAINING_LAST : TIME_REMAINING_FIRST;
	if (*left >= most) /* it never had so much */
		*left = TIME_REMAINING_LAST;
	bool mute = session->config->relay || (session->bundle && !is_bundle(session));
	if (session->state != SESSION_UP || mute || session->told_last || *left >= most)
		return NEVER;
	return session->up_since + most - *left;
}

static void remaining_tick(struct session *session, uint64_t now, struct outbox *out)
{
	uint64_t left;
	if (remaining_deadline(session, &left) > now)
		return;
	session->told_first = true;
	session->told_last = left == TIME_REMAINING_LAST;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	link_time_remaining(
		&session->link, (uint32_t)(left / SECONDS(1)), "connect time limit", now, &items);
	translate_link(session, &items, now, out);
}

/* Idleness, the connect time and the traffic; all count only while up, and not for a link of
 * many. */
static bool is_limited(const struct session *session)
{
	return session->state == SESSION_UP && (!session->bundle || is_bundle(session));
}

static uint64_t limit_deadline(const struct session *session)
{
	if (!is_limited(session))
		return NEVER;
	uint64_t deadline = NEVER;
	if (session->config->max_octets)
		deadline = session->octets_at;
	if (session->config->idle_us && session->last_active + session->config->idle_us < deadline)
		deadline = session->last_active + session->config->idle_us;
	if (session->config->max_connect_us) {
		uint64_t end = session->up_since + session->config->max_connect_us;
		if (end < deadline)
			deadline = end;
	}
	return deadline;
}

static void silence_tick(struct session *session, uint64_t now, struct outbox *out)
{
	bool due = session->silence_warned_by <= now || session->silence_ends_by <= now;
	if (due && session->config->relay && !session->packets.packets_out) {
		watch_silence(session, now); /* whose PPP it is has not said a word */
		return;
	}
	if (session->silence_warned_by <= now) {
		session->silence_warned_by = NEVER;
		emit_gre_silence(session, out);
	}
	if (session->silence_ends_by <= now)
		session_cut(session, CLOSE_LCP_NO_GRE, now, out); /* nobody hears a farewell */
}

static void limit_tick(struct session *session, uint64_t now, struct outbox *out)
{
	silence_tick(session, now, out);
	if (session->setup_by <= now) {
		session->setup_by = NEVER;
		enum close_reason reason = setup_reason(session);
		if (reason == CLOSE_LCP_NO_GRE)
			emit_gre_silence(session, out);
		session_close(session, reason, now, out);
	}
	const struct session_config *config = session->config;
	if (!is_limited(session) || limit_deadline(session) > now)
		return;
	session->octets_at = now + config->octets_us;
	if (config->idle_us && session->last_active + config->idle_us <= now) {
		session_close(session, CLOSE_IDLE, now, out);
	} else if (config->max_connect_us && session->up_since + config->max_connect_us <= now) {
		session_close(session, CLOSE_MAX_CONNECT, now, out);
	} else if (config->max_octets && session->octets > config->max_octets) {
		emit_traffic_limit(session, out);
		session_close(session, CLOSE_TRAFFIC_LIMIT, now, out);
	}
}

void session_tick(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	if (link_deadline(&session->link) <= now) {
		OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
		count(session);
		link_tick(&session->link, now, &items);
		translate_link(session, &items, now, out);
		/* One Terminate-Request is on its way; nobody is there to answer it. */
		if (session->link_alive && session->link.closing == CLOSE_ECHO_DEAD)
			session_cut(session, CLOSE_ECHO_DEAD, now, out);
	}
	if (unit_deadline(&session->unit) <= now) {
		OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
		unit_tick(&session->unit, now, &items);
		translate_unit(session, &items, now, out);
	}
	services_tick(session, now, out);
	remaining_tick(session, now, out);
	limit_tick(session, now, out);
	settle(session, now, out);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t session_deadline(const struct session *session)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return NEVER;
	uint64_t deadline = earlier(link_deadline(&session->link), unit_deadline(&session->unit));
	deadline = earlier(deadline, earlier(session->setup_by, session->silence_warned_by));
	deadline = earlier(deadline, session->silence_ends_by);
	uint64_t left;
	deadline = earlier(deadline, remaining_deadline(session, &left));
	deadline = earlier(deadline, services_deadline(session));
	return earlier(deadline, limit_deadline(session));
}
