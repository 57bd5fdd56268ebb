/* The control connection and its sessions (RFC 2637 §2 and §3.2), server and client alike.
 *
 * Each public call runs one step of the control connection or of one session and then settles:
 * links that closed get their calls cleared, and a shutdown moves to its next stage once the one
 * before is done or its time is up. Nothing recurses: a step only leaves marks (hang_up), settling
 * acts on them.
 *
 *   tunnel_stop ──▶ STOP_LINKS ──▶ STOP_CALLS ──▶ STOP_CONNECTION ──▶ TUNNEL_DOWN
 *                   LCP Terminate   Call-Clear      Stop-Control-Connection
 */
#include "tunnel.h"

#include <assert.h>
#include <string.h>

#include "digest.h"
#include "translate.h"

void tunnel_init(struct tunnel *tunnel, const struct tunnel_config *config,
	const struct session_table *table, struct random *random)
{
	memset(tunnel, 0, sizeof *tunnel);
	tunnel->config = config;
	tunnel->table = *table;
	tunnel->random = random;
	tunnel->stop_deadline = tunnel->empty_deadline = NEVER;
	control_init(&tunnel->control, &config->control);
}

static struct session *find(const struct tunnel *tunnel, uint32_t subject)
{
	return tunnel->table.find(tunnel->table.context, subject);
}

static void pass(
	uint16_t kind, const struct outbox *items, const struct out_item *from, struct outbox *out)
{
	struct out_item *item = outbox_add(out, kind, outbox_bytes(items, from), from->length);
	item->arg = from->arg;
	item->subject = from->subject;
	item->token = from->token;
}

static uint16_t calls_allowed(const struct tunnel *tunnel)
{
	uint16_t most = tunnel->config->maximum_calls;
	return most && most < CALLS_PER_TUNNEL ? most : CALLS_PER_TUNNEL;
}

static void pump(
	struct tunnel *tunnel, const struct outbox *items, uint64_t now, struct outbox *out);

static void refuse(
	struct tunnel *tunnel, uint32_t token, uint16_t result, uint64_t now, struct outbox *out)
{
	OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
	control_answer(&tunnel->control, token, NULL, 0, 0, result, now, &items);
	pump(tunnel, &items, now, out);
}

static void take_wanted(struct tunnel *tunnel, const struct outbox *items,
	const struct out_item *item, uint64_t now, struct outbox *out)
{
	unsigned calls = (unsigned)tunnel->control.call_count + tunnel->asked;
	if (tunnel->stopping != STOP_NONE || calls >= calls_allowed(tunnel)) {
		refuse(tunnel, item->token, PPTP_CALL_NOT_ACCEPTED, now, out);
		return;
	}
	tunnel->asked++;
	pass(TUNNEL_SESSION_WANTED, items, item, out);
}

/* The peer runs this very program: it bears our own vendor name. */
static bool is_kindred(const struct tunnel *tunnel)
{
	return !strncmp(tunnel->control.peer.vendor_name, tunnel->control.config->vendor_name,
		sizeof(tunnel->control.config->vendor_name));
}

static void attach(
	struct tunnel *tunnel, struct session *session, uint16_t local_call_id, struct outbox *out)
{
	struct session_terms terms = {
		.kindred = is_kindred(tunnel), .window = tunnel->config->control.window};
	session_attach(session, local_call_id, &tunnel->local, &tunnel->peer, &terms, out);
}

static void take_call_up(struct tunnel *tunnel, uint32_t subject, uint64_t now, struct outbox *out)
{
	struct session *session = find(tunnel, subject);
	if (!session)
		return;
	if (!session->attached)
		attach(tunnel, session, session->call.local_id, out);
	session_connected(session, now, out);
}

static void take_down(struct tunnel *tunnel, enum close_reason reason, struct outbox *out)
{
	if (tunnel->down)
		return;
	tunnel->down = true;
	tunnel->stop_deadline = tunnel->empty_deadline = NEVER;
	if (tunnel->closing == CLOSE_NONE)
		tunnel->closing = reason;
	outbox_add(out, TUNNEL_DOWN, NULL, 0)->arg = (uint16_t)tunnel->closing;
}

static void pump_item(struct tunnel *tunnel, const struct outbox *items,
	const struct out_item *item, uint64_t now, struct outbox *out)
{
	struct session *session;
	switch ((enum control_out)item->kind) {
	case CONTROL_BYTES:
		pass(TUNNEL_BYTES, items, item, out);
		break;
	case CONTROL_UP:
		outbox_add(out, TUNNEL_UP, NULL, 0);
		break;
	case CONTROL_CALL_WANTED:
		take_wanted(tunnel, items, item, now, out);
		break;
	case CONTROL_CALL_UP:
		take_call_up(tunnel, item->subject, now, out);
		break;
	case CONTROL_CALL_DOWN:
		session = find(tunnel, item->subject);
		if (session)
			session_over(session, (enum close_reason)item->arg, now, out);
		break;
	case CONTROL_LINK_INFO: /* ACCM concerns async framing only (§2.15) */
		break;
	case CONTROL_DOWN:
		take_down(tunnel, (enum close_reason)item->arg, out);
		break;
	case CONTROL_DROP:
		session = item->subject ? find(tunnel, item->subject) : NULL;
		if (session)
			emit_drop(session, (enum drop)item->arg, out);
		else
			pass(TUNNEL_DROP, items, item, out);
		break;
	case CONTROL_MESSAGE:
		pass(TUNNEL_MESSAGE, items, item, out);
		break;
	case CONTROL_NOTE:
		pass(TUNNEL_NOTE, items, item, out);
		break;
	}
}

static void pump(
	struct tunnel *tunnel, const struct outbox *items, uint64_t now, struct outbox *out)
{
	for (uint32_t i = 0; i < items->item_count; i++)
		pump_item(tunnel, items, &items->items[i], now, out);
}

/* Runs `step` over every session; one of many may only take its small share of the outbox. */
static void each_session(struct tunnel *tunnel, enum close_reason reason, uint64_t now,
	struct outbox *out,
	void (*step)(struct session *, enum close_reason, uint64_t, struct outbox *))
{
	for (struct call *call = tunnel->control.calls, *next; call; call = next) {
		next = call->next;
		struct session *session = find(tunnel, call->subject);
		if (!session)
			continue;
		uint32_t items = out->item_count, bytes = out->arena_used;
		step(session, reason, now, out);
		assert(out->item_count - items <= SESSION_STEP_ITEMS);
		assert(out->arena_used - bytes <= SESSION_STEP_BYTES);
	}
}

static void start_link(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (session->start_due)
		session_start(session, now, out);
}

/* Clears the calls of sessions that have nothing more to say. */
static void clear_calls(struct tunnel *tunnel, uint64_t now, struct outbox *out)
{
	for (struct call *call = tunnel->control.calls, *next; call; call = next) {
		next = call->next;
		struct session *session = find(tunnel, call->subject);
		if (!session || !session->hang_up)
			continue;
		session->hang_up = false;
		OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
		control_clear(&tunnel->control, call, session->closing, now, &items);
		pump(tunnel, &items, now, out);
		/* A peer that fell silent is not waited for. */
		if (session->closing == CLOSE_ECHO_DEAD && call->deadline > now + SHUTDOWN_CALLS)
			call->deadline = now + SHUTDOWN_CALLS;
	}
}

/* A PNS says Set-Link-Info once LCP is open (§2.15). Nothing is escaped here, so the ACCMs stay at
 * their default; PACs with a line behind them wait for the message, and pptp-linux and Windows send
 * it too. */
static void tell_link_info(struct tunnel *tunnel, uint64_t now, struct outbox *out)
{
	for (struct call *call = tunnel->control.calls; call; call = call->next) {
		struct session *session = find(tunnel, call->subject);
		if (!session || !session->lcp_opened)
			continue;
		session->lcp_opened = false;
		if (call->pac)
			continue;
		OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
		control_link_info(&tunnel->control, call, UINT32_MAX, UINT32_MAX, &items);
		pump(tunnel, &items, now, out);
	}
}

static bool links_alive(const struct tunnel *tunnel)
{
	for (const struct call *call = tunnel->control.calls; call; call = call->next) {
		const struct session *session = find(tunnel, call->subject);
		if (session && session->link_alive)
			return true;
	}
	return false;
}

/* Who was connected to does not wait for ever for a call. */
static void watch_emptiness(struct tunnel *tunnel, uint64_t now)
{
	const struct control *control = &tunnel->control;
	if (control->config->opener || control->state != CONTROL_ESTABLISHED || control->calls ||
		tunnel->asked || tunnel->stopping != STOP_NONE)
		tunnel->empty_deadline = NEVER;
	else if (tunnel->empty_deadline == NEVER)
		tunnel->empty_deadline = now + TUNNEL_EMPTY_MAX;
}

static void settle(struct tunnel *tunnel, uint64_t now, struct outbox *out)
{
	each_session(tunnel, CLOSE_NONE, now, out, start_link);
	tell_link_info(tunnel, now, out);
	clear_calls(tunnel, now, out);
	if (tunnel->stopping == STOP_LINKS && !links_alive(tunnel)) {
		tunnel->stopping = STOP_CALLS;
		tunnel->stop_deadline = now + SHUTDOWN_CALLS;
	}
	if (tunnel->stopping == STOP_CALLS &&
		(!tunnel->control.calls || tunnel->stop_deadline <= now)) {
		tunnel->stopping = STOP_CONNECTION;
		tunnel->stop_deadline = now + SHUTDOWN_CONNECTION;
		OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
		control_stop(&tunnel->control, tunnel->closing, now, &items);
		pump(tunnel, &items, now, out);
	}
	watch_emptiness(tunnel, now);
}

void tunnel_up(struct tunnel *tunnel, const struct address *local, const struct address *peer,
	uint64_t now, struct outbox *out)
{
	tunnel->local = *local;
	tunnel->peer = *peer;
	OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
	control_up(&tunnel->control, now, &items);
	pump(tunnel, &items, now, out);
}

static void lose(struct tunnel *tunnel, enum close_reason reason, uint64_t now, struct outbox *out)
{
	OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
	control_lost(&tunnel->control, reason, now, &items);
	pump(tunnel, &items, now, out);
	take_down(tunnel, reason, out); /* when the connection never was */
}

void tunnel_lost(struct tunnel *tunnel, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (!tunnel->down)
		lose(tunnel, reason, now, out);
}

size_t tunnel_input(struct tunnel *tunnel, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out)
{
	if (tunnel->down)
		return 0;
	OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
	size_t taken = control_input(&tunnel->control, bytes, length, now, &items);
	pump(tunnel, &items, now, out);
	settle(tunnel, now, out);
	return taken;
}

/* A session whose call was never made, or not taken up, ends where it began. */
static void settle_new(struct tunnel *tunnel, struct session *session, enum close_reason reason,
	uint64_t now, struct outbox *out)
{
	if (session->call.state == CALL_IDLE)
		session_over(session, reason, now, out);
	settle(tunnel, now, out);
}

void tunnel_dial(struct tunnel *tunnel, struct session *session, uint32_t subject,
	uint16_t local_call_id, uint64_t now, struct outbox *out)
{
	session_init(session, &tunnel->config->session, subject, tunnel->random, now);
	enum close_reason reason = CLOSE_CALL_LIMIT;
	if (tunnel->down || tunnel->stopping != STOP_NONE ||
		tunnel->control.state != CONTROL_ESTABLISHED) {
		reason = tunnel->closing != CLOSE_NONE ? tunnel->closing : CLOSE_TCP_FAILED;
	} else if (tunnel->control.call_count < calls_allowed(tunnel)) {
		attach(tunnel, session, local_call_id, out);
		OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
		control_dial(&tunnel->control, &session->call, local_call_id, subject,
			tunnel->config->phone_number, now, &items);
		pump(tunnel, &items, now, out);
	}
	settle_new(tunnel, session, reason, now, out);
}

void tunnel_accept(struct tunnel *tunnel, uint32_t token, struct session *session, uint32_t subject,
	uint16_t local_call_id, uint64_t now, struct outbox *out)
{
	session_init(session, &tunnel->config->session, subject, tunnel->random, now);
	if (tunnel->asked)
		tunnel->asked--;
	OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
	control_answer(
		&tunnel->control, token, &session->call, local_call_id, subject, 0, now, &items);
	/* The PAC of an incoming call may send as soon as it has read the reply. */
	if (session->call.state == CALL_WAIT_CONNECT)
		attach(tunnel, session, local_call_id, out);
	pump(tunnel, &items, now, out);
	settle_new(tunnel, session, CLOSE_PEER_CLEARED, now, out);
}

void tunnel_refuse(
	struct tunnel *tunnel, uint32_t token, uint16_t result, uint64_t now, struct outbox *out)
{
	if (tunnel->asked)
		tunnel->asked--;
	refuse(tunnel, token, result, now, out);
}

void tunnel_frame(struct tunnel *tunnel, struct session *session, uint32_t epoch,
	const uint8_t *frame, size_t length, uint64_t now, struct outbox *out)
{
	session_frame(session, epoch, frame, length, now, out);
	settle(tunnel, now, out);
}

void tunnel_alive(struct tunnel *tunnel, struct session *session, uint64_t heard, uint64_t active)
{
	session_alive(session, heard, active);
}

void tunnel_awake(struct tunnel *tunnel, uint64_t now)
{
	if (tunnel->down)
		return;
	control_awake(&tunnel->control, now);
	for (struct call *call = tunnel->control.calls; call; call = call->next) {
		struct session *session = find(tunnel, call->subject);
		if (session)
			session_awake(session, now);
	}
}

void tunnel_traffic(
	struct tunnel *tunnel, struct session *session, const struct datapath_counters *counters)
{
	session_traffic(session, counters);
}

bool tunnel_probe(struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out)
{
	return session_probe(session, now, out);
}

void tunnel_renegotiate(
	struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out)
{
	session_renegotiate(session, now, out);
	settle(tunnel, now, out);
}

void tunnel_keys_differ(
	struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out)
{
	session_keys_differ(session, now, out);
	settle(tunnel, now, out);
}

void tunnel_credentials(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct auth_answer *answer, uint64_t now, struct outbox *out)
{
	session_credentials(session, token, answer, now, out);
	settle(tunnel, now, out);
}

void tunnel_tls(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct tls_reply *reply, uint64_t now, struct outbox *out)
{
	session_tls(session, token, reply, now, out);
	settle(tunnel, now, out);
}

void tunnel_delegate(struct tunnel *tunnel, struct session *session,
	const struct delegate_question *question, const struct prefix *prefix, uint64_t now,
	struct outbox *out)
{
	session_delegate(session, question, prefix, now, out);
	settle(tunnel, now, out);
}

void tunnel_addresses(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out)
{
	session_addresses(session, token, addresses, now, out);
	settle(tunnel, now, out);
}

void tunnel_close_session(struct tunnel *tunnel, struct session *session, enum close_reason reason,
	uint64_t now, struct outbox *out)
{
	session_close(session, reason, now, out);
	settle(tunnel, now, out);
}

void tunnel_stop(struct tunnel *tunnel, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (tunnel->down || tunnel->stopping != STOP_NONE)
		return;
	if (tunnel->closing == CLOSE_NONE)
		tunnel->closing = reason;
	tunnel->stopping = STOP_LINKS;
	tunnel->stop_deadline = now + SHUTDOWN_LINKS;
	each_session(tunnel, reason, now, out, session_close);
	settle(tunnel, now, out);
}

static void tick_session(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (session_deadline(session) <= now)
		session_tick(session, now, out);
}

/* A call whose link is down already only waits for the peer: no second Call-Clear. */
static void cut_link(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	if (session->link_alive)
		session_cut(session, reason, now, out);
}

static void stop_tick(struct tunnel *tunnel, uint64_t now, struct outbox *out)
{
	switch (tunnel->stopping) {
	case STOP_NONE:
	case STOP_CALLS: /* settled */
		break;
	case STOP_LINKS:
		each_session(tunnel, tunnel->closing, now, out, cut_link);
		break;
	case STOP_CONNECTION:
		lose(tunnel, tunnel->closing, now, out);
		break;
	}
}

void tunnel_tick(struct tunnel *tunnel, uint64_t now, struct outbox *out)
{
	if (tunnel->down)
		return;
	if (control_deadline(&tunnel->control) <= now) {
		OUTBOX(items, CONTROL_OUT_ITEMS, CONTROL_OUT_BYTES);
		control_tick(&tunnel->control, now, &items);
		pump(tunnel, &items, now, out);
	}
	each_session(tunnel, CLOSE_NONE, now, out, tick_session);
	if (tunnel->stop_deadline <= now)
		stop_tick(tunnel, now, out);
	if (tunnel->empty_deadline <= now)
		tunnel_stop(tunnel, CLOSE_IDLE, now, out);
	settle(tunnel, now, out);
}

uint64_t tunnel_deadline(const struct tunnel *tunnel)
{
	if (tunnel->down)
		return NEVER;
	uint64_t deadline = control_deadline(&tunnel->control);
	if (tunnel->stop_deadline < deadline)
		deadline = tunnel->stop_deadline;
	if (tunnel->empty_deadline < deadline)
		deadline = tunnel->empty_deadline;
	for (const struct call *call = tunnel->control.calls; call; call = call->next) {
		const struct session *session = find(tunnel, call->subject);
		uint64_t due = session ? session_deadline(session) : NEVER;
		if (due < deadline)
			deadline = due;
	}
	return deadline;
}
