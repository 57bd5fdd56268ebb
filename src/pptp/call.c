/* The calls of a control connection (RFC 2637 §2.7 to §2.15, §3.2).
 *
 * A call exists between CONTROL_CALL_WANTED answered (or control_dial) and CONTROL_CALL_DOWN. An
 * Outgoing-Call-Request that the app has not answered is not a call but a question in a small
 * array, CALL_WAIT_LOCAL: it names no memory of the app's, so a Call-Clear-Request that overtakes
 * the answer (CVE-2021-42870) erases the question and leaves nothing to dangle.
 *
 * Whose number a message carries: requests, Call-Clear-Request and Call-Disconnect-Notify name
 * the sender's own Call ID; replies, WAN-Error-Notify and Set-Link-Info name the receiver's.
 *
 * Who is PAC and who PNS is a matter of each call: a server answers Outgoing-Call-Requests as PAC
 * and, where it takes incoming calls (incoming.c), is the PNS of those.
 *
 * Departures from the RFC, each for a peer:
 * - A Call-Disconnect-Notify may name our Call ID instead of the PAC's: accel-ppp does so.
 * - A Call-Disconnect-Notify for a call cleared before its reply may name an ID we were never
 *   told (RFC) or 0 (ourselves): it is taken for the oldest such call.
 * - Result 0 of a Call-Disconnect-Notify is no fault: Windows sends it.
 * - Either side may end a call with either message: pptp-linux obeys both, and keeping up a call
 *   that its peer has ended helps nobody.
 * - A reply that does not come costs the call, not the connection (§3 would close it): a tunnel
 *   may carry other calls, and the keepalive watches the connection.
 */
#include "control.h"

#include <assert.h>
#include <string.h>

#include "control_inner.h"

static const char *const call_words[CALL_STATES] = {
	[CALL_IDLE] = "idle",
	[CALL_WAIT_REPLY] = "wait-reply",
	[CALL_WAIT_LOCAL] = "wait-local",
	[CALL_WAIT_CONNECT] = "wait-connect",
	[CALL_CONNECTED] = "connected",
	[CALL_WAIT_DISCONNECT] = "wait-disconnect",
};

const char *call_state_word(enum call_state state)
{
	assert(state < CALL_STATES);
	return call_words[state];
}

struct call *call_by_local(const struct control *control, uint16_t local_id)
{
	for (struct call *call = control->calls; call; call = call->next)
		if (call->local_id == local_id)
			return call;
	return NULL;
}

struct call *call_by_peer(const struct control *control, uint16_t peer_id)
{
	for (struct call *call = control->calls; call; call = call->next)
		if (call->peer_known && call->peer_id == peer_id)
			return call;
	return NULL;
}

struct asked_call *call_asked(struct control *control, uint16_t peer_id)
{
	for (size_t i = 0; i < CONTROL_ASKED_MAX; i++)
		if (control->asked[i].token && control->asked[i].peer_id == peer_id)
			return &control->asked[i];
	return NULL;
}

void call_start(struct control *control, struct call *call, enum call_state state,
	uint16_t local_id, uint32_t subject)
{
	assert(!call_by_local(control, local_id));
	*call = (struct call){
		.state = state,
		.subject = subject,
		.local_id = local_id,
		.send_accm = UINT32_MAX,
		.receive_accm = UINT32_MAX,
		.deadline = NEVER,
		.next = control->calls,
	};
	control->calls = call;
	control->call_count++;
}

/* Reports that a call is not, or no longer. */
static void report_down(
	struct call *call, uint32_t subject, enum close_reason reason, struct outbox *out)
{
	call->state = CALL_IDLE;
	call->next = NULL;
	struct out_item *item = outbox_add(out, CONTROL_CALL_DOWN, NULL, 0);
	item->subject = subject;
	item->arg = reason;
}

void call_down(
	struct control *control, struct call *call, enum close_reason reason, struct outbox *out)
{
	struct call **at = &control->calls;
	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	control->call_count--;
	report_down(call, call->subject, reason, out);
}

void call_all_down(struct control *control, enum close_reason reason, struct outbox *out)
{
	memset(control->asked, 0, sizeof control->asked);
	while (control->calls) {
		struct call *call = control->calls;
		bool ours = call->state == CALL_WAIT_DISCONNECT;
		call_down(control, call, ours ? call->closing : reason, out);
	}
}

/* ---- messages we send ---- */

static void send_outgoing_reply(const struct pptp_outgoing_reply *reply, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_OUTGOING_REPLY, .outgoing_reply = *reply};
	control_send(&m, out);
}

void call_refuse_outgoing(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out)
{
	send_outgoing_reply(
		&(struct pptp_outgoing_reply){
			.peer_call_id = peer_id, .result = result, .error = error},
		out);
}

void call_refuse_incoming(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_INCOMING_REPLY};
	m.incoming_reply = (struct pptp_incoming_reply){
		.peer_call_id = peer_id, .result = result, .error = error};
	control_send(&m, out);
}

static void send_clear(const struct call *call, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_CALL_CLEAR, .call_clear.call_id = call->local_id};
	control_send(&m, out);
}

static void send_disconnect(uint16_t local_id, uint8_t result, uint8_t error, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_CALL_DISCONNECT};
	m.call_disconnect.call_id = local_id;
	m.call_disconnect.result = result;
	m.call_disconnect.error = error;
	control_send(&m, out);
}

/* §2.13: what a PAC says of a call that ended for `reason`. */
static void send_disconnect_for(
	const struct call *call, enum close_reason reason, struct outbox *out)
{
	uint8_t result = PPTP_LOST_CARRIER, error = PPTP_ERROR_NONE;
	switch (reason) {
	case CLOSE_ADMIN:
	case CLOSE_SHUTDOWN:
	case CLOSE_SINGLE_SESSION:
	case CLOSE_CALL_REPLACED:
	case CLOSE_IDLE:
	case CLOSE_MAX_CONNECT:
	case CLOSE_TRAFFIC_LIMIT:
	case CLOSE_WAY_CHANGED:
	case CLOSE_AUTH_FAILED:
	case CLOSE_AUTH_REFUSED:
	case CLOSE_AUTH_TIMEOUT:
	case CLOSE_AUTH_WE_FAILED:
	case CLOSE_AUTH_WE_REFUSED:
	case CLOSE_AUTH_EXPIRED:
	case CLOSE_CALLBACK:
	case CLOSE_AUTH_PEER_FALSE:
	case CLOSE_MPPE_REFUSED:
		result = PPTP_ADMIN_SHUTDOWN;
		break;
	case CLOSE_CALL_LIMIT:
	case CLOSE_ADDRESS_NONE:
	case CLOSE_INTERFACE_GONE:
	case CLOSE_LOCAL_ERROR:
		result = PPTP_DISCONNECT_GENERAL;
		error = PPTP_ERROR_NO_RESOURCE;
		break;
	case CLOSE_PEER_CLEARED:
		result = PPTP_CLEAR_REQUESTED;
		break;
	case CLOSE_NONE:
	case CLOSE_PEER_TERMINATED:
	case CLOSE_PEER_STOPPED:
	case CLOSE_LINE_GONE:
	case CLOSE_TCP_FAILED:
	case CLOSE_TCP_CLOSED:
	case CLOSE_CONTROL_TIMEOUT:
	case CLOSE_CONTROL_ECHO:
	case CLOSE_CONTROL_PROTOCOL:
	case CLOSE_CONTROL_VERSION:
	case CLOSE_CONTROL_REFUSED:
	case CLOSE_COLLISION:
	case CLOSE_CALL_REFUSED:
	case CLOSE_LCP_TIMEOUT:
	case CLOSE_LCP_NO_GRE:
	case CLOSE_LCP_OPTIONS:
	case CLOSE_LCP_REJECTED:
	case CLOSE_LOOPBACK:
	case CLOSE_ECHO_DEAD:
	case CLOSE_LINK_QUALITY:
	case CLOSE_MPPE_KEYS:
	case CLOSE_ECP_REFUSED:
	case CLOSE_ECP_KEYS:
	case CLOSE_NETWORK_REFUSED:
	case CLOSE_NETWORK_TIMEOUT:
	case CLOSE_COUNT:
		break;
	}
	send_disconnect(call->local_id, result, error, out);
}

/* ---- calls they ask for ---- */

struct asked_call *call_question(
	struct control *control, uint16_t peer_id, uint8_t *error, struct outbox *out)
{
	struct asked_call *free_slot = NULL;
	unsigned waiting = 0;
	for (size_t i = 0; i < CONTROL_ASKED_MAX; i++) {
		if (control->asked[i].token)
			waiting++;
		else if (!free_slot)
			free_slot = &control->asked[i];
	}
	if (call_by_peer(control, peer_id) || call_asked(control, peer_id)) {
		control_drop(0, DROP_CONTROL_VALUE, out);
		*error = PPTP_ERROR_BAD_CALL_ID;
		return NULL;
	}
	if (!free_slot || control->call_count + waiting >= CALLS_PER_TUNNEL) {
		struct note note;
		note_start(&note, free_slot ? "call refused: as many as a tunnel may carry are up"
					    : "call refused: busy with earlier requests");
		note_put(&note, 0, NOTE_WARNING, out);
		*error = PPTP_ERROR_NO_RESOURCE;
		return NULL;
	}
	return free_slot;
}

void call_ask(struct control *control, struct asked_call *asked, const struct call_wanted *wanted,
	uint64_t now, struct outbox *out)
{
	*asked = (struct asked_call){
		.token = control->next_token++,
		.peer_id = wanted->peer_id,
		.serial = wanted->serial,
		.window = wanted->window,
		.delay = wanted->delay,
		.speed = wanted->maximum_speed,
		.incoming = wanted->incoming,
		.deadline = now + control->config->request_timeout_us,
	};
	if (!control->next_token)
		control->next_token = 1;
	outbox_add(out, CONTROL_CALL_WANTED, wanted, sizeof *wanted)->token = asked->token;
}

static void on_outgoing_request(struct control *control, const struct pptp_outgoing_request *m,
	uint64_t now, struct outbox *out)
{
	struct asked_call *asked = NULL;
	uint8_t result = PPTP_RESULT_GENERAL, error = PPTP_ERROR_NONE;
	if (!control->config->pac) {
		control_drop(0, DROP_CONTROL_STATE, out);
		result = PPTP_CALL_NOT_ACCEPTED;
	} else if (m->phone_number_length > PPTP_NAME_SIZE) {
		control_drop(0, DROP_CONTROL_VALUE, out);
		error = PPTP_ERROR_BAD_VALUE;
	} else {
		asked = call_question(control, m->call_id, &error, out);
	}
	if (!asked) {
		call_refuse_outgoing(m->call_id, result, error, out);
		return;
	}
	struct call_wanted wanted = {
		.peer_id = m->call_id,
		.serial = m->serial,
		.window = m->window,
		.delay = m->delay,
		.maximum_speed = m->maximum_speed,
	};
	memcpy(wanted.phone_number, m->phone_number, m->phone_number_length);
	call_ask(control, asked, &wanted, now, out);
}

static void accept_call(const struct control *control, const struct asked_call *asked,
	struct call *call, struct outbox *out)
{
	call->pac = true;
	call->peer_id = asked->peer_id;
	call->peer_known = true;
	call->serial = asked->serial;
	call->peer_window = asked->window;
	call->peer_delay = asked->delay;
	call->peer_speed = asked->speed;
	outbox_add(out, CONTROL_CALL_UP, NULL, 0)->subject = call->subject;
	send_outgoing_reply(
		&(struct pptp_outgoing_reply){
			.call_id = call->local_id,
			.peer_call_id = asked->peer_id,
			.result = PPTP_RESULT_OK,
			.speed = asked->speed && asked->speed < CALL_SPEED ? asked->speed
									   : CALL_SPEED,
			.window = control->config->window,
		},
		out);
}

/* An Incoming-Call-Reply has fewer words: what is not general is "do not accept" (§2.10). */
static uint8_t refusal_result(uint16_t refusal)
{
	return refusal & 0xff;
}

static void refuse_asked(const struct asked_call *asked, uint16_t refusal, struct outbox *out)
{
	uint8_t result = refusal_result(refusal), error = (uint8_t)(refusal >> 8);
	bool general = result == PPTP_RESULT_GENERAL;
	if (general && error == PPTP_ERROR_NONE)
		error = PPTP_ERROR_NO_RESOURCE;
	if (asked->incoming)
		call_refuse_incoming(asked->peer_id,
			general ? PPTP_RESULT_GENERAL : PPTP_INCOMING_NOT_ACCEPTED, error, out);
	else
		call_refuse_outgoing(asked->peer_id, result, error, out);
}

void control_answer(struct control *control, uint32_t token, struct call *call, uint16_t local_id,
	uint32_t subject, uint16_t refusal, uint64_t now, struct outbox *out)
{
	struct asked_call asked = {.token = 0};
	for (size_t i = 0; i < CONTROL_ASKED_MAX && token; i++) {
		if (control->asked[i].token == token) {
			asked = control->asked[i];
			control->asked[i].token = 0;
		}
	}
	if (asked.token && call && asked.incoming) {
		call_start(control, call, CALL_WAIT_CONNECT, local_id, subject);
		incoming_accept(control, &asked, call, now, out);
	} else if (asked.token && call) {
		call_start(control, call, CALL_CONNECTED, local_id, subject);
		accept_call(control, &asked, call, out);
	} else if (asked.token) {
		assert(refusal_result(refusal) >= PPTP_RESULT_GENERAL &&
			refusal_result(refusal) <= PPTP_CALL_NOT_ACCEPTED);
		refuse_asked(&asked, refusal, out);
	} else if (call && control->state != CONTROL_CLOSED) {
		report_down(call, subject,
			control->state == CONTROL_WAIT_STOP ? control->closing : CLOSE_PEER_CLEARED,
			out);
	}
}

/* ---- calls we ask for ---- */

static void send_outgoing_request(const struct control *control, const struct call *call,
	const char *phone_number, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_OUTGOING_REQUEST};
	m.outgoing_request = (struct pptp_outgoing_request){
		.call_id = call->local_id,
		.serial = call->serial,
		.minimum_speed = 300,
		.maximum_speed = CALL_SPEED,
		.bearer = control->config->call_bearer ? control->config->call_bearer
						       : (uint32_t)PPTP_BEARER_ANY,
		.framing = PPTP_FRAMING_ANY,
		.window = control->config->window,
	};
	if (phone_number) {
		size_t length = strlen(phone_number);
		assert(length <= PPTP_NAME_SIZE);
		memcpy(m.outgoing_request.phone_number, phone_number, length);
		m.outgoing_request.phone_number_length = (uint16_t)length;
	}
	control_send(&m, out);
}

void control_dial(struct control *control, struct call *call, uint16_t local_id, uint32_t subject,
	const char *phone_number, uint64_t now, struct outbox *out)
{
	if (control->state == CONTROL_CLOSED)
		return;
	if (control->state != CONTROL_ESTABLISHED) {
		report_down(call, subject,
			control->state == CONTROL_WAIT_STOP ? control->closing : CLOSE_TCP_FAILED,
			out);
		return;
	}
	if (control->call_count >= CALLS_PER_TUNNEL) {
		report_down(call, subject, CLOSE_CALL_LIMIT, out);
		return;
	}
	call_start(control, call, CALL_WAIT_REPLY, local_id, subject);
	call->pac = control->config->pac;
	call->deadline = now + control->config->request_timeout_us;
	call->serial = control->next_serial++;
	if (call->pac)
		incoming_request(call, phone_number, out);
	else
		send_outgoing_request(control, call, phone_number, out);
}

bool call_connect(struct control *control, struct call *call, uint16_t peer_id,
	const struct call_offer *offer, struct outbox *out)
{
	/* Two calls under one ID could not be told apart in GRE, nor when one is cleared. */
	struct call *other = call_by_peer(control, peer_id);
	if (other && other != call) {
		control_drop(call->subject, DROP_CONTROL_VALUE, out);
		control_finish(control, CLOSE_CONTROL_PROTOCOL, out);
		return false;
	}
	call->state = CALL_CONNECTED;
	call->deadline = NEVER;
	call->peer_id = peer_id;
	call->peer_known = true;
	call->peer_window = offer->window;
	call->peer_delay = offer->delay;
	call->peer_speed = offer->speed;
	outbox_add(out, CONTROL_CALL_UP, NULL, 0)->subject = call->subject;
	return true;
}

void call_refused(struct control *control, struct call *call, enum pptp_type type, uint8_t result,
	uint8_t error, uint16_t cause, struct outbox *out)
{
	struct note note;
	struct text *t = note_start(&note, "the peer refused the call: ");
	pptp_print_result(t, type, result, error);
	if (cause) {
		text_add(t, ", cause ");
		text_unsigned(t, cause);
	}
	note_put(&note, call->subject, NOTE_WARNING, out);
	call_down(control, call, CLOSE_CALL_REFUSED, out);
}

static void on_outgoing_reply(
	struct control *control, const struct pptp_outgoing_reply *m, struct outbox *out)
{
	struct call *call = call_by_local(control, m->peer_call_id);
	if (!call) {
		control_drop(0, DROP_CONTROL_CALL, out);
		return;
	}
	switch (call->state) {
	case CALL_WAIT_REPLY:
		if (call->pac) /* we asked something else */
			control_drop(call->subject, DROP_CONTROL_STATE, out);
		else if (m->result != PPTP_RESULT_OK)
			call_refused(control, call, PPTP_OUTGOING_REPLY, m->result, m->error,
				m->cause, out);
		else
			call_connect(control, call, m->call_id,
				&(struct call_offer){m->window, m->delay, m->speed}, out);
		break;
	case CALL_WAIT_DISCONNECT:
		/* It crossed our Call-Clear-Request. A refusal leaves nothing to disconnect. */
		if (call->peer_known) {
			control_drop(call->subject, DROP_CONTROL_STATE, out);
		} else if (m->result != PPTP_RESULT_OK) {
			call_down(control, call, call->closing, out);
		} else if (!call_by_peer(control, m->call_id)) {
			call->peer_id = m->call_id;
			call->peer_known = true;
		}
		break;
	case CALL_CONNECTED:
	case CALL_IDLE:
	case CALL_WAIT_LOCAL:
	case CALL_WAIT_CONNECT:
		control_drop(call->subject, DROP_CONTROL_STATE, out);
		break;
	}
}

/* ---- calls end ---- */

/* The PNS (or a PAC that does so) clears a call, in any state; the answer is always a notify. */
static void on_call_clear(
	struct control *control, const struct pptp_call_clear *m, struct outbox *out)
{
	struct asked_call *asked = call_asked(control, m->call_id);
	if (asked) {
		asked->token = 0;
		send_disconnect(0, PPTP_CLEAR_REQUESTED, PPTP_ERROR_NONE, out);
		return;
	}
	struct call *call = call_by_peer(control, m->call_id);
	if (!call) {
		control_drop(0, DROP_CONTROL_CALL, out);
		return;
	}
	bool ours = call->state == CALL_WAIT_DISCONNECT;
	send_disconnect(call->local_id, PPTP_CLEAR_REQUESTED, PPTP_ERROR_NONE, out);
	call_down(control, call, ours ? call->closing : CLOSE_PEER_CLEARED, out);
}

/* The call a Call-Disconnect-Notify means; see the head of this file. Only when nothing is waiting
 * for one may it take a connected call by our own ID. */
static struct call *find_disconnected(const struct control *control, uint16_t id)
{
	struct call *call = call_by_peer(control, id);
	if (call)
		return call;
	struct call *ours = call_by_local(control, id);
	if (ours && ours->state == CALL_WAIT_DISCONNECT)
		return ours;
	for (struct call *at = control->calls; at; at = at->next)
		if (at->state == CALL_WAIT_DISCONNECT && !at->peer_known)
			call = at; /* the newest comes first */
	return call ? call : ours;
}

static void on_call_disconnect(
	struct control *control, const struct pptp_call_disconnect *m, struct outbox *out)
{
	struct asked_call *asked = call_asked(control, m->call_id);
	if (asked) {
		asked->token = 0;
		return;
	}
	struct call *call = find_disconnected(control, m->call_id);
	if (!call) {
		control_drop(0, DROP_CONTROL_CALL, out);
		return;
	}
	enum close_reason reason = CLOSE_PEER_CLEARED;
	if (call->state == CALL_WAIT_DISCONNECT) {
		reason = call->closing;
	} else {
		struct note note;
		struct text *t = note_start(&note, "the peer disconnected the call: ");
		pptp_print_result(t, PPTP_CALL_DISCONNECT, m->result, m->error);
		note_put(&note, call->subject, NOTE_INFO, out);
		if (call->state == CALL_WAIT_REPLY)
			reason = CLOSE_CALL_REFUSED;
	}
	call_down(control, call, reason, out);
}

void control_clear(struct control *control, struct call *call, enum close_reason reason,
	uint64_t now, struct outbox *out)
{
	switch (call->state) {
	case CALL_WAIT_REPLY:
	case CALL_WAIT_CONNECT:
	case CALL_CONNECTED:
		if (call->pac) {
			send_disconnect_for(call, reason, out);
			call_down(control, call, reason, out);
			break;
		}
		send_clear(call, out);
		call->state = CALL_WAIT_DISCONNECT;
		call->closing = reason;
		call->deadline = now + control->config->request_timeout_us;
		break;
	case CALL_IDLE:
	case CALL_WAIT_LOCAL:
	case CALL_WAIT_DISCONNECT:
		break;
	}
}

void call_goodbye(struct control *control, enum close_reason reason, struct outbox *out)
{
	for (struct call *call = control->calls; call; call = call->next) {
		if (call->state == CALL_WAIT_DISCONNECT)
			continue;
		if (call->pac)
			send_disconnect_for(call, reason, out);
		else
			send_clear(call, out);
	}
}

/* ---- while a call is up ---- */

void control_link_info(struct control *control, struct call *call, uint32_t send_accm,
	uint32_t receive_accm, struct outbox *out)
{
	if (call->state != CALL_CONNECTED)
		return;
	struct pptp_message m = {.type = PPTP_LINK_INFO};
	m.link_info = (struct pptp_link_info){.peer_call_id = call->peer_id,
		.send_accm = send_accm,
		.receive_accm = receive_accm};
	control_send(&m, out);
}

static void on_link_info(
	struct control *control, const struct pptp_link_info *m, struct outbox *out)
{
	struct call *call = call_by_local(control, m->peer_call_id);
	if (!call) {
		control_drop(0, DROP_CONTROL_CALL, out);
		return;
	}
	call->send_accm = m->send_accm;
	call->receive_accm = m->receive_accm;
	outbox_add(out, CONTROL_LINK_INFO, NULL, 0)->subject = call->subject;
}

uint64_t line_errors_sum(const struct line_errors *errors)
{
	return (uint64_t)errors->crc + errors->framing + errors->hardware_overruns +
	       errors->buffer_overruns + errors->timeouts + errors->alignment;
}

void line_errors_print(struct text *t, const struct line_errors *errors)
{
	const struct {
		const char *word;
		uint32_t count;
	} parts[] = {{"CRC", errors->crc}, {"framing", errors->framing},
		{"hardware overruns", errors->hardware_overruns},
		{"buffer overruns", errors->buffer_overruns}, {"time-outs", errors->timeouts},
		{"alignment", errors->alignment}};
	const char *between = "";
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!parts[i].count)
			continue;
		text_add(t, between);
		text_add(t, parts[i].word);
		text_char(t, ' ');
		text_unsigned(t, parts[i].count);
		between = ", ";
	}
}

/* The counters are totals of the call (§2.14), kept as they come. They are logged when their sum
 * has doubled since the last time: 35 lines a call at most, however often the peer repeats them. */
static void on_wan_error(
	struct control *control, const struct pptp_wan_error *m, struct outbox *out)
{
	struct call *call = call_by_local(control, m->peer_call_id);
	if (!call) {
		control_drop(0, DROP_CONTROL_CALL, out);
		return;
	}
	call->line_errors = (struct line_errors){m->crc, m->framing, m->hardware_overruns,
		m->buffer_overruns, m->timeouts, m->alignment};
	uint64_t sum = line_errors_sum(&call->line_errors);
	if (!sum || sum < 2 * call->line_errors_noted)
		return;
	call->line_errors_noted = sum;
	struct note note;
	line_errors_print(
		note_start(&note, "the peer's line reports errors: "), &call->line_errors);
	note_put(&note, call->subject, NOTE_INFO, out);
}

void call_input(
	struct control *control, const struct pptp_message *m, uint64_t now, struct outbox *out)
{
	switch (m->type) {
	case PPTP_OUTGOING_REQUEST:
		on_outgoing_request(control, &m->outgoing_request, now, out);
		break;
	case PPTP_OUTGOING_REPLY:
		on_outgoing_reply(control, &m->outgoing_reply, out);
		break;
	case PPTP_INCOMING_REQUEST:
		incoming_on_request(control, &m->incoming_request, now, out);
		break;
	case PPTP_INCOMING_REPLY:
		incoming_on_reply(control, &m->incoming_reply, out);
		break;
	case PPTP_INCOMING_CONNECTED:
		incoming_on_connected(control, &m->incoming_connected, out);
		break;
	case PPTP_CALL_CLEAR:
		on_call_clear(control, &m->call_clear, out);
		break;
	case PPTP_CALL_DISCONNECT:
		on_call_disconnect(control, &m->call_disconnect, out);
		break;
	case PPTP_WAN_ERROR:
		on_wan_error(control, &m->wan_error, out);
		break;
	case PPTP_LINK_INFO:
		on_link_info(control, &m->link_info, out);
		break;
	case PPTP_START_REQUEST:
	case PPTP_START_REPLY:
	case PPTP_STOP_REQUEST:
	case PPTP_STOP_REPLY:
	case PPTP_ECHO_REQUEST:
	case PPTP_ECHO_REPLY:
	case PPTP_TYPES:
		control_drop(0, DROP_CONTROL_STATE, out);
		break;
	}
}

/* ---- time ---- */

void call_tick(struct control *control, uint64_t now, struct outbox *out)
{
	for (size_t i = 0; i < CONTROL_ASKED_MAX; i++) {
		struct asked_call *asked = &control->asked[i];
		if (!asked->token || now < asked->deadline)
			continue;
		asked->token = 0;
		struct note note;
		note_start(&note, "call refused: it was not decided in time");
		note_put(&note, 0, NOTE_WARNING, out);
		refuse_asked(asked, PPTP_CALL_TIMEOUT, out);
	}
	for (struct call *call = control->calls, *next; call; call = next) {
		next = call->next;
		if (now < call->deadline)
			continue;
		if (call->state == CALL_WAIT_REPLY || call->state == CALL_WAIT_CONNECT)
			control_clear(control, call, CLOSE_CONTROL_TIMEOUT, now, out);
		else
			call_down(control, call, call->closing, out);
	}
}

uint64_t call_deadline(const struct control *control)
{
	uint64_t soonest = NEVER;
	for (size_t i = 0; i < CONTROL_ASKED_MAX; i++)
		if (control->asked[i].token && control->asked[i].deadline < soonest)
			soonest = control->asked[i].deadline;
	for (const struct call *call = control->calls; call; call = call->next)
		if (call->deadline < soonest)
			soonest = call->deadline;
	return soonest;
}
