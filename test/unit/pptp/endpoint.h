/* One endpoint under test: its clock, its outbox, and the outbox as a line of words.
 *
 * A test says a message to the endpoint and compares what came of it with a string:
 * "OCRP1 call-up", "drop:control-state", "StopCCRP1 call-down:peer-stopped down:peer-stopped".
 * Notes and log copies are not in the line but are checked on the way. */
#ifndef GREYLINE_TEST_ENDPOINT_H
#define GREYLINE_TEST_ENDPOINT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "control.h"
#include "pptp_print.h"
#include "text.h"

/* TAKES is a server that takes incoming calls as well, RINGS a client that is PAC. */
enum { PNS, PAC, TAKES, RINGS };
enum { ACCEPTS, OPENS };
enum { LOCAL_ID = 257, PEER_ID = 514, SUBJECT = 77 };

static struct out_item items[CONTROL_OUT_ITEMS];
static _Alignas(8) uint8_t arena[CONTROL_OUT_BYTES];
static struct outbox out = {.items = items,
	.arena = arena,
	.item_max = CONTROL_OUT_ITEMS,
	.arena_max = CONTROL_OUT_BYTES};

static struct control control;
static struct call call;
static uint64_t now;

static const char *const short_names[PPTP_TYPES] = {"", "SCCRQ", "SCCRP", "StopCCRQ", "StopCCRP",
	"EchoRQ", "EchoRP", "OCRQ", "OCRP", "ICRQ", "ICRP", "ICCN", "CCRQ", "CDN", "WEN", "SLI"};

static inline struct control_config config(int role, int opener)
{
	return (struct control_config){
		.pac = role != PNS,
		.accept_incoming = role == TAKES,
		.opener = opener == OPENS,
		.host_name = "host",
		.vendor_name = "vendor",
		.firmware = 1,
		.maximum_channels = 9,
		.window = 64,
		.echo_interval_us = SECONDS(60),
		.echo_timeout_us = SECONDS(60),
		.request_timeout_us = SECONDS(10),
	};
}

static inline struct pptp_message sent_message(const struct out_item *item)
{
	struct pptp_message m;
	assert_int_equal(pptp_parse(outbox_bytes(&out, item), item->length, &m), PPTP_PARSED);
	return m;
}

static inline void word_result(struct text *t, uint8_t result, uint8_t error)
{
	text_unsigned(t, result);
	if (error) {
		text_char(t, '/');
		text_unsigned(t, error);
	}
}

static inline void word_sent(struct text *t, const struct pptp_message *m)
{
	text_add(t, short_names[m->type]);
	if (m->type == PPTP_START_REPLY)
		word_result(t, m->start.result, m->start.error);
	if (m->type == PPTP_STOP_REQUEST)
		word_result(t, m->stop.reason, 0);
	if (m->type == PPTP_STOP_REPLY)
		word_result(t, m->stop.result, m->stop.error);
	if (m->type == PPTP_ECHO_REPLY)
		word_result(t, m->echo.result, m->echo.error);
	if (m->type == PPTP_OUTGOING_REPLY)
		word_result(t, m->outgoing_reply.result, m->outgoing_reply.error);
	if (m->type == PPTP_INCOMING_REPLY)
		word_result(t, m->incoming_reply.result, m->incoming_reply.error);
	if (m->type == PPTP_CALL_DISCONNECT)
		word_result(t, m->call_disconnect.result, m->call_disconnect.error);
}

static inline void word_item(struct text *t, const struct out_item *item)
{
	struct pptp_message m;
	switch (item->kind) {
	case CONTROL_BYTES:
		m = sent_message(item);
		word_sent(t, &m);
		assert_int_equal(item[1].kind, CONTROL_MESSAGE);
		assert_int_equal(item[1].arg, 1);
		assert_int_equal(item[1].length, item->length);
		assert_memory_equal(
			outbox_bytes(&out, item), outbox_bytes(&out, item + 1), item->length);
		break;
	case CONTROL_UP:
		text_add(t, "up");
		break;
	case CONTROL_CALL_WANTED:
		text_add(t, "wanted");
		break;
	case CONTROL_CALL_UP:
		text_add(t, "call-up");
		break;
	case CONTROL_CALL_DOWN:
		text_add(t, "call-down:");
		text_add(t, close_word((enum close_reason)item->arg));
		break;
	case CONTROL_LINK_INFO:
		text_add(t, "link-info");
		break;
	case CONTROL_DOWN:
		text_add(t, "down:");
		text_add(t, close_word((enum close_reason)item->arg));
		assert_ptr_equal(item, &out.items[out.item_count - 1]); /* the last of all */
		break;
	case CONTROL_DROP:
		text_add(t, "drop:");
		text_add(t, drop_word((enum drop)item->arg));
		break;
	default:
		fail_msg("item of kind %x", item->kind);
	}
}

/* What stands in the outbox; the string lives until the next call. */
static inline const char *outcome(void)
{
	static char line[8192];
	struct text t = text_over(line, sizeof line);
	for (uint32_t i = 0; i < out.item_count; i++) {
		const struct out_item *item = &out.items[i];
		if (item->kind == CONTROL_MESSAGE)
			continue;
		if (item->kind == CONTROL_NOTE) {
			assert_true(item->length > 0 && item->arg <= 1);
			continue;
		}
		if (t.used)
			text_char(&t, ' ');
		word_item(&t, item);
	}
	assert_false(t.cut);
	return line;
}

static inline unsigned count(enum control_out kind)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < out.item_count; i++)
		n += out.items[i].kind == kind;
	return n;
}

/* The n-th item of a kind, from 0. */
static inline const struct out_item *item_of(enum control_out kind, unsigned n)
{
	for (uint32_t i = 0; i < out.item_count; i++)
		if (out.items[i].kind == kind && n-- == 0)
			return &out.items[i];
	fail_msg("no such item");
	return NULL;
}

static inline const char *note(void)
{
	static char words[CONTROL_NOTE_MAX + 1];
	const struct out_item *item = item_of(CONTROL_NOTE, 0);
	assert_true(item->length <= CONTROL_NOTE_MAX);
	memset(words, 0, sizeof words);
	memcpy(words, outbox_bytes(&out, item), item->length);
	return words;
}

static inline size_t feed(const void *bytes, size_t length)
{
	outbox_clear(&out);
	return control_input(&control, bytes, length, now, &out);
}

/* Says one whole message and returns what came of it. */
static inline const char *say(const struct pptp_message *m)
{
	uint8_t bytes[PPTP_MESSAGE_MAX];
	struct writer w = writer_over(bytes, sizeof bytes);
	pptp_build(m, &w);
	bool open = control.state != CONTROL_IDLE && control.state != CONTROL_CLOSED;
	size_t length = writer_length(&w);
	assert_int_equal(feed(bytes, length), open ? length : 0);
	if (open) {
		const struct out_item *heard = &out.items[0];
		assert_int_equal(heard->kind, CONTROL_MESSAGE);
		assert_int_equal(heard->arg, 0);
		assert_memory_equal(outbox_bytes(&out, heard), bytes, length);
		assert_true(out.item_count - count(CONTROL_CALL_DOWN) <= CONTROL_MESSAGE_ITEMS);
		assert_true(out.arena_used <= CONTROL_MESSAGE_BYTES);
	} else {
		assert_int_equal(out.item_count, 0);
	}
	return outcome();
}

static inline const char *tick(uint64_t at)
{
	now = at;
	outbox_clear(&out);
	control_tick(&control, now, &out);
	assert_true(control_deadline(&control) > now);
	return outcome();
}

/* ---- messages with plain values ---- */

static inline struct pptp_message message(enum pptp_type type)
{
	struct pptp_message m = {.type = type};
	if (type == PPTP_START_REQUEST || type == PPTP_START_REPLY) {
		m.start.version = PPTP_VERSION;
		m.start.result = type == PPTP_START_REPLY;
		m.start.framing = 3;
		m.start.bearer = 3;
		memcpy(m.start.host_name, "peer", 4);
		memcpy(m.start.vendor_name, "its vendor", 10);
	}
	if (type == PPTP_STOP_REQUEST)
		m.stop.reason = 1;
	if (type == PPTP_STOP_REPLY)
		m.stop.result = 1;
	if (type == PPTP_ECHO_REPLY)
		m.echo.result = 1;
	return m;
}

/* The messages of a call, naming it as a peer would: its own ID or ours. */
static inline struct pptp_message call_message(enum pptp_type type)
{
	struct pptp_message m = message(type);
	if (type == PPTP_OUTGOING_REQUEST) {
		m.outgoing_request.call_id = PEER_ID;
		m.outgoing_request.serial = 5;
		m.outgoing_request.maximum_speed = 10000000;
		m.outgoing_request.window = 3;
	}
	if (type == PPTP_OUTGOING_REPLY) {
		m.outgoing_reply.call_id = PEER_ID;
		m.outgoing_reply.peer_call_id = LOCAL_ID;
		m.outgoing_reply.result = 1;
		m.outgoing_reply.speed = 64000;
		m.outgoing_reply.window = 16;
	}
	if (type == PPTP_INCOMING_REQUEST) {
		m.incoming_request.call_id = PEER_ID;
		m.incoming_request.serial = 6;
	}
	if (type == PPTP_INCOMING_REPLY)
		m.incoming_reply = (struct pptp_incoming_reply){PEER_ID, LOCAL_ID, 1, 0, 17, 0};
	if (type == PPTP_INCOMING_CONNECTED)
		m.incoming_connected = (struct pptp_incoming_connected){
			.peer_call_id = LOCAL_ID, .speed = 128000, .window = 18};
	if (type == PPTP_CALL_CLEAR)
		m.call_clear.call_id = PEER_ID;
	if (type == PPTP_CALL_DISCONNECT) {
		m.call_disconnect.call_id = PEER_ID;
		m.call_disconnect.result = 4;
	}
	if (type == PPTP_WAN_ERROR)
		m.wan_error.peer_call_id = LOCAL_ID;
	if (type == PPTP_LINK_INFO)
		m.link_info.peer_call_id = LOCAL_ID;
	return m;
}

static inline const char *say_type(enum pptp_type type)
{
	struct pptp_message m = call_message(type);
	return say(&m);
}

/* ---- ways into a state ---- */

static inline void connection_as(struct control_config c)
{
	static struct control_config kept;

	kept = c;
	now = SECONDS(1000);
	memset(&call, 0, sizeof call);
	control_init(&control, &kept);
	outbox_clear(&out);
}

static inline void connection(int role, int opener, enum control_state state)
{
	connection_as(config(role, opener));
	if (state == CONTROL_IDLE)
		return;
	control_up(&control, now, &out);
	if (state == CONTROL_ESTABLISHED || state == CONTROL_WAIT_STOP)
		assert_string_equal(
			say_type(opener == OPENS ? PPTP_START_REPLY : PPTP_START_REQUEST),
			opener == OPENS ? "up" : "SCCRP1 up");
	if (state == CONTROL_WAIT_STOP)
		control_stop(&control, CLOSE_ADMIN, now, &out);
	if (state == CONTROL_CLOSED)
		control_lost(&control, CLOSE_TCP_CLOSED, now, &out);
	assert_int_equal(control.state, state);
	outbox_clear(&out);
}

static inline void established(int role)
{
	connection(role, role == PNS || role == RINGS ? OPENS : ACCEPTS, CONTROL_ESTABLISHED);
}

static inline const char *dial(void)
{
	outbox_clear(&out);
	control_dial(&control, &call, LOCAL_ID, SUBJECT, NULL, now, &out);
	return outcome();
}

/* Answers the newest question. */
static inline const char *answer(uint32_t token, struct call *with, uint16_t refusal)
{
	outbox_clear(&out);
	control_answer(&control, token, with, LOCAL_ID, SUBJECT, refusal, now, &out);
	return outcome();
}

static inline uint32_t asked(void)
{
	assert_string_equal(say_type(PPTP_OUTGOING_REQUEST), "wanted");
	uint32_t token = item_of(CONTROL_CALL_WANTED, 0)->token;
	assert_int_not_equal(token, 0);
	return token;
}

static inline uint32_t asked_incoming(void)
{
	assert_string_equal(say_type(PPTP_INCOMING_REQUEST), "wanted");
	return item_of(CONTROL_CALL_WANTED, 0)->token;
}

static inline const char *clear(enum close_reason reason)
{
	outbox_clear(&out);
	control_clear(&control, &call, reason, now, &out);
	return outcome();
}

static inline const char *stop(enum close_reason reason)
{
	outbox_clear(&out);
	control_stop(&control, reason, now, &out);
	return outcome();
}

/* An established connection with one call of ours in `state`. */
static inline void with_call(int role, enum call_state state)
{
	established(role);
	if (role == PAC) {
		assert_string_equal(answer(asked(), &call, 0), "call-up OCRP1");
	} else {
		assert_string_equal(dial(), "OCRQ");
		if (state != CALL_WAIT_REPLY)
			assert_string_equal(say_type(PPTP_OUTGOING_REPLY), "call-up");
	}
	if (state == CALL_WAIT_DISCONNECT)
		assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
	assert_int_equal(call.state, state);
	outbox_clear(&out);
}

/* The same with an incoming call; one that is cleared is so before Connected came. */
static inline void with_incoming(int role, enum call_state state)
{
	established(role);
	if (role == RINGS) {
		assert_string_equal(dial(), "ICRQ");
		if (state == CALL_CONNECTED)
			assert_string_equal(say_type(PPTP_INCOMING_REPLY), "call-up ICCN");
	} else {
		assert_string_equal(answer(asked_incoming(), &call, 0), "ICRP1");
		if (state == CALL_CONNECTED)
			assert_string_equal(say_type(PPTP_INCOMING_CONNECTED), "call-up");
		if (state == CALL_WAIT_DISCONNECT)
			assert_string_equal(clear(CLOSE_ADMIN), "CCRQ");
	}
	assert_int_equal(call.state, state);
	outbox_clear(&out);
}

#endif
