/* What control.c (the connection) and call.c (its calls) share. Nobody else includes this. */
#ifndef GREYLINE_CONTROL_INNER_H
#define GREYLINE_CONTROL_INNER_H

#include "control.h"
#include "pptp_print.h"
#include "text.h"

/* A note under construction. */
struct note {
	char buffer[CONTROL_NOTE_MAX];
	struct text text;
};

enum { NOTE_INFO, NOTE_WARNING };

struct text *note_start(struct note *note, const char *words);
void note_put(struct note *note, uint32_t subject, uint16_t level, struct outbox *out);

/* Bytes for the connection, and the same bytes for the log. */
void control_send(const struct pptp_message *message, struct outbox *out);
void control_drop(uint32_t subject, enum drop drop, struct outbox *out);
/* Everything down without another byte. */
void control_finish(struct control *control, enum close_reason reason, struct outbox *out);

/* call.c: the messages that belong to a call, in an established connection. */
void call_input(struct control *control, const struct pptp_message *message, uint64_t now,
	struct outbox *out);
void call_tick(struct control *control, uint64_t now, struct outbox *out);
uint64_t call_deadline(const struct control *control);
/* Says goodbye for every call, without waiting for an answer. */
void call_goodbye(struct control *control, enum close_reason reason, struct outbox *out);
/* Every call down, every question forgotten. */
void call_all_down(struct control *control, enum close_reason reason, struct outbox *out);

/* What call.c and incoming.c share. */
enum { CALL_SPEED = 100000000 }; /* bit/s: what we say where nobody measures; as poptop does */
struct call *call_by_local(const struct control *control, uint16_t local_id);
struct call *call_by_peer(const struct control *control, uint16_t peer_id);
struct asked_call *call_asked(struct control *control, uint16_t peer_id);
void call_start(struct control *control, struct call *call, enum call_state state,
	uint16_t local_id, uint32_t subject);
void call_down(
	struct control *control, struct call *call, enum close_reason reason, struct outbox *out);
/* Room for one more question to the app, or NULL and the general error that says why not. */
struct asked_call *call_question(
	struct control *control, uint16_t peer_id, uint8_t *error, struct outbox *out);
void call_ask(struct control *control, struct asked_call *asked, const struct call_wanted *wanted,
	uint64_t now, struct outbox *out);
/* Both call IDs are known: up, or, where the peer gave the ID to two calls, the end (false). */
struct call_offer { /* what the peer said of its end, in a reply or in Connected */
	uint16_t window, delay;
	uint32_t speed;
};
bool call_connect(struct control *control, struct call *call, uint16_t peer_id,
	const struct call_offer *offer, struct outbox *out);
void call_refused(struct control *control, struct call *call, enum pptp_type type, uint8_t result,
	uint8_t error, uint16_t cause, struct outbox *out);

/* incoming.c: the three messages of an incoming call, what starts one and what accepts one. */
void incoming_request(const struct call *call, const char *dialed_number, struct outbox *out);
void incoming_accept(struct control *control, const struct asked_call *asked, struct call *call,
	uint64_t now, struct outbox *out);
void incoming_on_request(struct control *control, const struct pptp_incoming_request *m,
	uint64_t now, struct outbox *out);
void incoming_on_reply(
	struct control *control, const struct pptp_incoming_reply *m, struct outbox *out);
void incoming_on_connected(
	struct control *control, const struct pptp_incoming_connected *m, struct outbox *out);

/* Refusals that several files send. */
void call_refuse_outgoing(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out);
void call_refuse_incoming(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out);

#endif
