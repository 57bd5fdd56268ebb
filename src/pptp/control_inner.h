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

/* Refusals that both files send. */
void call_refuse_outgoing(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out);
void call_refuse_incoming(uint16_t peer_id, uint8_t result, uint8_t error, struct outbox *out);

#endif
