/* The control connection: start, keepalive and stop (RFC 2637 §2.1 to §2.6, §3.1).
 *
 * Which message means what in which state is one table, `verdicts`; each verdict is one short
 * function. Messages that belong to a call pass to call.c, and only in ESTABLISHED, which is the
 * only state in which calls exist: leaving it takes every call down first. Nothing is sent or
 * reported after CONTROL_DOWN because CLOSED is looked at before anything else.
 *
 * Every state but IDLE and CLOSED has a deadline. In ESTABLISHED it is the keepalive's: silence,
 * then an Echo-Request, then the end (§3.1.4). Any whole message ends a silence, but only the
 * matching Echo-Reply answers an Echo-Request.
 *
 * Departures from the RFC, each for a peer:
 * - Start-Control-Connection-Reply with result 0 is success: pptp-linux sends it.
 * - A Stop-Control-Connection-Request is obeyed in every state and whatever its reason, also 0:
 *   accel-ppp sends 0.
 */
#include "control.h"

#include <assert.h>
#include <string.h>

#include "control_inner.h"

static const char *const control_words[CONTROL_STATES] = {
	[CONTROL_IDLE] = "idle",
	[CONTROL_WAIT_REQUEST] = "wait-request",
	[CONTROL_WAIT_REPLY] = "wait-reply",
	[CONTROL_ESTABLISHED] = "established",
	[CONTROL_WAIT_STOP] = "wait-stop",
	[CONTROL_CLOSED] = "closed",
};

const char *control_state_word(enum control_state state)
{
	assert(state < CONTROL_STATES);
	return control_words[state];
}

struct text *note_start(struct note *note, const char *words)
{
	note->text = text_over(note->buffer, sizeof note->buffer);
	text_add(&note->text, words);
	return &note->text;
}

void note_put(struct note *note, uint32_t subject, uint16_t level, struct outbox *out)
{
	struct out_item *item = outbox_add(out, CONTROL_NOTE, note->buffer, note->text.used);
	item->arg = level;
	item->subject = subject;
}

void control_send(const struct pptp_message *message, struct outbox *out)
{
	struct writer w = outbox_open(out, pptp_layouts[message->type].length);
	pptp_build(message, &w);
	struct out_item sent = *outbox_close(out, CONTROL_BYTES, &w);
	struct out_item *logged = outbox_add(out, CONTROL_MESSAGE, NULL, 0);
	logged->arg = 1;
	logged->offset = sent.offset;
	logged->length = sent.length;
}

void control_drop(uint32_t subject, enum drop drop, struct outbox *out)
{
	struct out_item *item = outbox_add(out, CONTROL_DROP, NULL, 0);
	item->arg = drop;
	item->subject = subject;
}

static void set_state(struct control *control, enum control_state state, uint64_t deadline)
{
	control->state = state;
	control->deadline = deadline;
	control->echo_pending = false;
}

static bool is_open(const struct control *control)
{
	return control->state != CONTROL_IDLE && control->state != CONTROL_CLOSED;
}

void control_finish(struct control *control, enum close_reason reason, struct outbox *out)
{
	call_all_down(control, reason, out);
	set_state(control, CONTROL_CLOSED, NEVER);
	outbox_add(out, CONTROL_DOWN, NULL, 0)->arg = reason;
}

/* The keepalive starts over. */
static uint64_t silence_deadline(const struct control *control, uint64_t now)
{
	uint64_t interval = control->config->echo_interval_us;
	return interval ? now + interval : NEVER;
}

static struct pptp_message start_message(const struct control *control, enum pptp_type type)
{
	struct pptp_message m = {.type = type};
	m.start.version = PPTP_VERSION;
	/* No line ends here: any framing and any bearer will do, unless the peer wants to hear of
	 * one. */
	m.start.framing = control->config->framing ? control->config->framing : PPTP_FRAMING_ANY;
	m.start.bearer = control->config->bearer ? control->config->bearer : PPTP_BEARER_ANY;
	m.start.maximum_channels = control->config->maximum_channels;
	m.start.firmware = control->config->firmware;
	memcpy(m.start.host_name, control->config->host_name, PPTP_NAME_SIZE);
	memcpy(m.start.vendor_name, control->config->vendor_name, PPTP_NAME_SIZE);
	return m;
}

static void send_start_reply(const struct control *control, uint8_t result, struct outbox *out)
{
	struct pptp_message m = start_message(control, PPTP_START_REPLY);
	m.start.result = result;
	control_send(&m, out);
}

static void stop_with(struct control *control, enum close_reason reason, uint8_t stop_reason,
	uint64_t now, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_STOP_REQUEST, .stop.reason = stop_reason};
	control_send(&m, out);
	control->closing = reason;
	set_state(control, CONTROL_WAIT_STOP, now + control->config->request_timeout_us);
}

static void remember_peer(struct control *control, const struct pptp_start *start)
{
	struct control_peer *peer = &control->peer;
	*peer = (struct control_peer){
		.version = start->version,
		.firmware = start->firmware,
		.maximum_channels = start->maximum_channels,
		.framing = start->framing,
		.bearer = start->bearer,
	};
	memcpy(peer->host_name, start->host_name,
		pptp_string_length(start->host_name, PPTP_NAME_SIZE));
	memcpy(peer->vendor_name, start->vendor_name,
		pptp_string_length(start->vendor_name, PPTP_NAME_SIZE));
}

static void established(
	struct control *control, const struct pptp_start *start, uint64_t now, struct outbox *out)
{
	remember_peer(control, start);
	set_state(control, CONTROL_ESTABLISHED, silence_deadline(control, now));
	outbox_add(out, CONTROL_UP, NULL, 0);
}

static void note_version(const struct pptp_start *start, struct outbox *out)
{
	struct note note;
	struct text *t = note_start(&note, "the peer speaks PPTP version ");
	text_unsigned(t, start->version >> 8);
	text_char(t, '.');
	text_unsigned(t, start->version & 0xff);
	text_add(t, ", we speak 1.0");
	note_put(&note, 0, NOTE_WARNING, out);
}

/* §3.1.2: a newer peer is answered with our version and may stop; an older one is refused. */
static void on_start_request(
	struct control *control, const struct pptp_start *start, uint64_t now, struct outbox *out)
{
	if (start->version < PPTP_VERSION) {
		note_version(start, out);
		send_start_reply(control, PPTP_START_VERSION, out);
		control_finish(control, CLOSE_CONTROL_VERSION, out);
		return;
	}
	send_start_reply(control, PPTP_RESULT_OK, out);
	established(control, start, now, out);
}

/* §3.1.1. */
static void on_start_reply(
	struct control *control, const struct pptp_start *start, uint64_t now, struct outbox *out)
{
	if (start->result > PPTP_RESULT_OK) {
		struct note note;
		struct text *t = note_start(&note, "the peer refused the control connection: ");
		pptp_print_result(t, PPTP_START_REPLY, start->result, start->error);
		note_put(&note, 0, NOTE_WARNING, out);
		control_finish(control,
			start->result == PPTP_START_VERSION ? CLOSE_CONTROL_VERSION
							    : CLOSE_CONTROL_REFUSED,
			out);
		return;
	}
	if (start->version != PPTP_VERSION) {
		note_version(start, out);
		stop_with(control, CLOSE_CONTROL_VERSION, PPTP_STOP_PROTOCOL, now, out);
		return;
	}
	established(control, start, now, out);
}

static void on_stop_request(
	struct control *control, const struct pptp_stop *stop, struct outbox *out)
{
	struct pptp_message reply = {.type = PPTP_STOP_REPLY, .stop.result = PPTP_RESULT_OK};
	control_send(&reply, out);
	if (control->state == CONTROL_WAIT_STOP) {
		control_finish(control, control->closing, out);
		return;
	}
	struct note note;
	struct text *t = note_start(&note, "the peer stopped the control connection: ");
	pptp_print_result(t, PPTP_STOP_REQUEST, stop->reason, 0);
	note_put(&note, 0, NOTE_INFO, out);
	control_finish(control,
		stop->reason == PPTP_STOP_PROTOCOL ? CLOSE_CONTROL_VERSION : CLOSE_PEER_STOPPED,
		out);
}

/* Result 2 says that the peer did not close; we do all the same (§3.1.2, wait_stop_reply). */
static void on_stop_reply(struct control *control, const struct pptp_stop *stop, struct outbox *out)
{
	if (stop->result > PPTP_RESULT_OK) {
		struct note note;
		struct text *t = note_start(&note, "the peer objects to our stop: ");
		pptp_print_result(t, PPTP_STOP_REPLY, stop->result, stop->error);
		note_put(&note, 0, NOTE_INFO, out);
	}
	control_finish(control, control->closing, out);
}

static void send_echo_reply(uint32_t identifier, uint8_t result, uint8_t error, struct outbox *out)
{
	struct pptp_message m = {.type = PPTP_ECHO_REPLY};
	m.echo = (struct pptp_echo){.identifier = identifier, .result = result, .error = error};
	control_send(&m, out);
}

static void on_echo_reply(
	struct control *control, const struct pptp_echo *echo, uint64_t now, struct outbox *out)
{
	if (!control->echo_pending) {
		control_drop(0, DROP_CONTROL_STATE, out);
		return;
	}
	if (echo->identifier != control->echo_id) {
		control_drop(0, DROP_CONTROL_VALUE, out);
		return;
	}
	set_state(control, CONTROL_ESTABLISHED, silence_deadline(control, now));
}

/* A request before the start gets the general error made for it (§2.16, 1: Not-Connected). */
static void not_connected(const struct pptp_message *m, struct outbox *out)
{
	uint8_t result = PPTP_RESULT_GENERAL, error = PPTP_ERROR_NOT_CONNECTED;
	if (m->type == PPTP_ECHO_REQUEST)
		send_echo_reply(m->echo.identifier, result, error, out);
	else if (m->type == PPTP_OUTGOING_REQUEST)
		call_refuse_outgoing(m->outgoing_request.call_id, result, error, out);
	else
		call_refuse_incoming(m->incoming_request.call_id, result, error, out);
	control_drop(0, DROP_CONTROL_STATE, out);
}

/* What a message means in a state. */
enum verdict {
	OUT_OF_PLACE,  /* counted and dropped */
	CROSSING,      /* may be on its way while we stop: ignored, nobody's fault */
	NOT_CONNECTED, /* a request before the start: refused and counted */
	STARTING,      /* SCCRQ */
	STARTED,       /* SCCRP */
	START_AGAIN,   /* a second SCCRQ: refused and counted */
	STOPPING,      /* StopCCRQ */
	STOPPED,       /* StopCCRP */
	ECHO,          /* Echo-Request */
	ECHOED,        /* Echo-Reply */
	CALL,          /* to call.c */
};

#define ROW(wait_request, wait_reply, established, wait_stop)                                      \
	{                                                                                          \
		[CONTROL_WAIT_REQUEST] = wait_request, [CONTROL_WAIT_REPLY] = wait_reply,          \
		[CONTROL_ESTABLISHED] = established, [CONTROL_WAIT_STOP] = wait_stop,              \
	}

/* clang-format off */
static const uint8_t verdicts[PPTP_TYPES][CONTROL_STATES] = {
	/*                               wait-request   wait-reply     established   wait-stop */
	[PPTP_START_REQUEST] =      ROW(STARTING,      OUT_OF_PLACE,  START_AGAIN,  OUT_OF_PLACE),
	[PPTP_START_REPLY] =        ROW(OUT_OF_PLACE,  STARTED,       OUT_OF_PLACE, OUT_OF_PLACE),
	[PPTP_STOP_REQUEST] =       ROW(STOPPING,      STOPPING,      STOPPING,     STOPPING),
	[PPTP_STOP_REPLY] =         ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  OUT_OF_PLACE, STOPPED),
	[PPTP_ECHO_REQUEST] =       ROW(NOT_CONNECTED, NOT_CONNECTED, ECHO,         ECHO),
	[PPTP_ECHO_REPLY] =         ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  ECHOED,       CROSSING),
	[PPTP_OUTGOING_REQUEST] =   ROW(NOT_CONNECTED, NOT_CONNECTED, CALL,         CROSSING),
	[PPTP_OUTGOING_REPLY] =     ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_INCOMING_REQUEST] =   ROW(NOT_CONNECTED, NOT_CONNECTED, CALL,         CROSSING),
	[PPTP_INCOMING_REPLY] =     ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_INCOMING_CONNECTED] = ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_CALL_CLEAR] =         ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_CALL_DISCONNECT] =    ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_WAN_ERROR] =          ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
	[PPTP_LINK_INFO] =          ROW(OUT_OF_PLACE,  OUT_OF_PLACE,  CALL,         CROSSING),
};
/* clang-format on */

static void judge(
	struct control *control, const struct pptp_message *m, uint64_t now, struct outbox *out)
{
	switch ((enum verdict)verdicts[m->type][control->state]) {
	case OUT_OF_PLACE:
		control_drop(0, DROP_CONTROL_STATE, out);
		break;
	case CROSSING:
		break;
	case NOT_CONNECTED:
		not_connected(m, out);
		break;
	case STARTING:
		on_start_request(control, &m->start, now, out);
		break;
	case STARTED:
		on_start_reply(control, &m->start, now, out);
		break;
	case START_AGAIN:
		send_start_reply(control, PPTP_START_EXISTS, out);
		control_drop(0, DROP_CONTROL_STATE, out);
		break;
	case STOPPING:
		on_stop_request(control, &m->stop, out);
		break;
	case STOPPED:
		on_stop_reply(control, &m->stop, out);
		break;
	case ECHO:
		send_echo_reply(m->echo.identifier, PPTP_RESULT_OK, PPTP_ERROR_NONE, out);
		break;
	case ECHOED:
		on_echo_reply(control, &m->echo, now, out);
		break;
	case CALL:
		call_input(control, m, now, out);
		break;
	}
}

static void receive(struct control *control, uint64_t now, struct outbox *out)
{
	const struct pptp_framer *framer = &control->framer;
	struct pptp_message message;

	outbox_add(out, CONTROL_MESSAGE, framer->bytes, framer->filled);
	control->last_heard = now;
	if (control->state == CONTROL_ESTABLISHED && !control->echo_pending)
		control->deadline = silence_deadline(control, now);
	if (pptp_parse(framer->bytes, framer->filled, &message) == PPTP_PARSED)
		judge(control, &message, now, out);
	else /* the framer let nothing else pass */
		control_drop(0, DROP_CONTROL_TYPE, out);
}

/* There is no finding the next message: §3, the connection should be closed. */
static void stream_lost(struct control *control, enum drop drop, struct outbox *out)
{
	struct note note;
	struct text *t = note_start(&note, "the control connection makes no sense any more: ");
	text_add(t, drop_sentence(drop));
	text_add(t, ", it begins ");
	text_hex_bytes(t, control->framer.bytes,
		control->framer.filled < PPTP_HEADER ? control->framer.filled : PPTP_HEADER);
	note_put(&note, 0, NOTE_WARNING, out);
	control_drop(0, drop, out);
	control_finish(control, CLOSE_CONTROL_PROTOCOL, out);
}

size_t control_input(struct control *control, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out)
{
	struct reader in = reader_over(bytes, length);
	for (int i = 0; i < CONTROL_MESSAGES_PER_INPUT && reader_left(&in); i++) {
		if (!is_open(control))
			break;
		switch (pptp_frame(&control->framer, &in)) {
		case PPTP_FRAMED_PART:
			break;
		case PPTP_FRAMED_WHOLE:
			receive(control, now, out);
			break;
		case PPTP_FRAMED_LENGTH:
			stream_lost(control, DROP_CONTROL_LENGTH, out);
			break;
		case PPTP_FRAMED_COOKIE:
			stream_lost(control, DROP_CONTROL_COOKIE, out);
			break;
		}
	}
	return length - reader_left(&in);
}

void control_init(struct control *control, const struct control_config *config)
{
	assert(config->request_timeout_us);
	assert(config->echo_timeout_us || !config->echo_interval_us);
	*control = (struct control){
		.config = config, .state = CONTROL_IDLE, .deadline = NEVER, .next_token = 1};
}

void control_up(struct control *control, uint64_t now, struct outbox *out)
{
	if (control->state != CONTROL_IDLE)
		return;
	uint64_t deadline = now + control->config->request_timeout_us;
	control->last_heard = now;
	if (control->config->opener) {
		struct pptp_message m = start_message(control, PPTP_START_REQUEST);
		control_send(&m, out);
		set_state(control, CONTROL_WAIT_REPLY, deadline);
	} else {
		set_state(control, CONTROL_WAIT_REQUEST, deadline);
	}
}

void control_lost(
	struct control *control, enum close_reason reason, uint64_t now, struct outbox *out)
{
	switch (control->state) {
	case CONTROL_CLOSED:
		break;
	case CONTROL_WAIT_STOP:
		control_finish(control, control->closing, out);
		break;
	case CONTROL_IDLE:
	case CONTROL_WAIT_REQUEST:
	case CONTROL_WAIT_REPLY:
	case CONTROL_ESTABLISHED:
		control_finish(control, reason, out);
		break;
	}
}

void control_stop(
	struct control *control, enum close_reason reason, uint64_t now, struct outbox *out)
{
	switch (control->state) {
	case CONTROL_IDLE:
	case CONTROL_WAIT_REQUEST:
	case CONTROL_WAIT_REPLY:
		control_finish(control, reason, out);
		break;
	case CONTROL_ESTABLISHED:
		call_goodbye(control, reason, out);
		call_all_down(control, reason, out);
		stop_with(control, reason,
			reason == CLOSE_SHUTDOWN ? PPTP_STOP_SHUTDOWN : PPTP_STOP_NONE, now, out);
		break;
	case CONTROL_WAIT_STOP:
	case CONTROL_CLOSED:
		break;
	}
}

static void overdue(struct control *control, const char *what, struct outbox *out)
{
	struct note note;
	note_start(&note, what);
	note_put(&note, 0, NOTE_WARNING, out);
	control_finish(control, CLOSE_CONTROL_TIMEOUT, out);
}

static void keepalive(struct control *control, uint64_t now, struct outbox *out)
{
	if (control->echo_pending) {
		control_finish(control, CLOSE_CONTROL_ECHO, out);
		return;
	}
	struct pptp_message m = {.type = PPTP_ECHO_REQUEST, .echo.identifier = ++control->echo_id};
	control_send(&m, out);
	control->echo_pending = true;
	control->deadline = now + control->config->echo_timeout_us;
}

void control_awake(struct control *control, uint64_t now)
{
	if (control->state != CONTROL_ESTABLISHED || control->deadline == NEVER)
		return;
	control->echo_pending = false;
	control->deadline = now;
}

void control_tick(struct control *control, uint64_t now, struct outbox *out)
{
	bool due = now >= control->deadline;
	switch (control->state) {
	case CONTROL_IDLE:
	case CONTROL_CLOSED:
		break;
	case CONTROL_WAIT_REQUEST:
		if (due)
			overdue(control, "no Start-Control-Connection-Request in time", out);
		break;
	case CONTROL_WAIT_REPLY:
		if (due)
			overdue(control, "no Start-Control-Connection-Reply in time", out);
		break;
	case CONTROL_ESTABLISHED:
		call_tick(control, now, out);
		if (due)
			keepalive(control, now, out);
		break;
	case CONTROL_WAIT_STOP:
		if (due)
			control_finish(control, control->closing, out);
		break;
	}
}

uint64_t control_deadline(const struct control *control)
{
	uint64_t calls = call_deadline(control);
	return calls < control->deadline ? calls : control->deadline;
}

bool control_wins_collision(const struct address *local, const struct address *peer)
{
	if (local->family != peer->family)
		return false;
	return memcmp(local->bytes, peer->bytes, local->family == 4 ? 4 : 16) > 0;
}
