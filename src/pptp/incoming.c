/* Incoming calls (RFC 2637 §2.9 to §2.11, §3.2.1): a PAC tells a PNS that its line rings.
 *
 *   PAC                                   PNS
 *   wait-reply   Incoming-Call-Request ─▶ asked: the app decides
 *                ◀─ Incoming-Call-Reply   wait-connect
 *   connected    Incoming-Call-Connected ─▶ connected
 *
 * The PAC knows both Call IDs first and reports its call up before it says Connected: what the PNS
 * then sends finds it ready. The PNS can receive since its reply, because the PAC's first GRE
 * packet may overtake Connected, and reports its call up only then. From there on the call is like
 * any other; the PNS ends it with Call-Clear-Request, the PAC with Call-Disconnect-Notify.
 *
 * The PAC's window and speed come with Connected, the PNS's window with its reply.
 */
#include "control.h"

#include <assert.h>
#include <string.h>

#include "control_inner.h"

/* ---- as PAC ---- */

void incoming_request(const struct call *call, const char *dialed_number, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_INCOMING_REQUEST};
	m.incoming_request = (struct pptp_incoming_request){
		.call_id = call->local_id,
		.serial = call->serial,
		.bearer = PPTP_BEARER_DIGITAL,
	};
	if (dialed_number) {
		size_t length = strlen(dialed_number);
		assert(length <= PPTP_NAME_SIZE);
		memcpy(m.incoming_request.dialed_number, dialed_number, length);
		m.incoming_request.dialed_length = (uint16_t)length;
	}
	control_send(&m, out);
}

static void send_connected(
	const struct control *control, const struct call *call, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_INCOMING_CONNECTED};
	m.incoming_connected = (struct pptp_incoming_connected){
		.peer_call_id = call->peer_id,
		.speed = CALL_SPEED,
		.window = control->config->window,
		.framing = PPTP_FRAMING_SYNC, /* nothing is escaped here */
	};
	control_send(&m, out);
}

void incoming_on_reply(
	struct control *control, const struct pptp_incoming_reply *m, struct outbox *out)
{
	struct call *call = call_by_local(control, m->peer_call_id);
	if (!call)
		control_drop(0, DROP_CONTROL_CALL, out);
	else if (call->state != CALL_WAIT_REPLY || !call->pac)
		control_drop(call->subject, DROP_CONTROL_STATE, out);
	else if (m->result != PPTP_RESULT_OK)
		call_refused(control, call, PPTP_INCOMING_REPLY, m->result, m->error, 0, out);
	else if (call_connect(control, call, m->call_id,
			 &(struct call_offer){m->window, m->delay, 0}, out))
		send_connected(control, call, out);
}

/* ---- as PNS ---- */

static void note_offer(const struct pptp_incoming_request *m, struct outbox *out)
{
	struct note note;
	struct text *t = note_start(&note, "the peer offers an incoming call from ");
	text_quoted(t, m->dialing_number, pptp_string_length(m->dialing_number, 16));
	text_add(t, "; incoming calls are not accepted");
	note_put(&note, 0, NOTE_INFO, out);
}

void incoming_on_request(struct control *control, const struct pptp_incoming_request *m,
	uint64_t now, struct outbox *out)
{
	struct asked_call *asked = NULL;
	uint8_t result = PPTP_RESULT_GENERAL, error = PPTP_ERROR_NONE;
	if (!control->config->accept_incoming) {
		note_offer(m, out);
		result = PPTP_INCOMING_NOT_ACCEPTED;
	} else if (m->dialed_length > PPTP_NAME_SIZE || m->dialing_length > PPTP_NAME_SIZE) {
		control_drop(0, DROP_CONTROL_VALUE, out);
		error = PPTP_ERROR_BAD_VALUE;
	} else {
		asked = call_question(control, m->call_id, &error, out);
	}
	if (!asked) {
		call_refuse_incoming(m->call_id, result, error, out);
		return;
	}
	struct call_wanted wanted = {
		.incoming = true,
		.peer_id = m->call_id,
		.serial = m->serial,
	};
	memcpy(wanted.phone_number, m->dialed_number, m->dialed_length);
	memcpy(wanted.calling_number, m->dialing_number, m->dialing_length);
	call_ask(control, asked, &wanted, now, out);
}

void incoming_accept(struct control *control, const struct asked_call *asked, struct call *call,
	uint64_t now, struct outbox *out)
{
	call->peer_id = asked->peer_id;
	call->peer_known = true;
	call->serial = asked->serial;
	call->deadline = now + control->config->request_timeout_us;
	struct pptp_message m = {.type = PPTP_INCOMING_REPLY};
	m.incoming_reply = (struct pptp_incoming_reply){
		.call_id = call->local_id,
		.peer_call_id = call->peer_id,
		.result = PPTP_RESULT_OK,
		.window = control->config->window,
	};
	control_send(&m, out);
}

void incoming_on_connected(
	struct control *control, const struct pptp_incoming_connected *m, struct outbox *out)
{
	struct call *call = call_by_local(control, m->peer_call_id);
	if (!call)
		control_drop(0, DROP_CONTROL_CALL, out);
	else if (call->state != CALL_WAIT_CONNECT)
		control_drop(call->subject, DROP_CONTROL_STATE, out);
	else
		call_connect(control, call, call->peer_id,
			&(struct call_offer){m->window, m->delay, m->speed}, out);
}
