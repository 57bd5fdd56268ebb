/* Turns what a link and a unit want done into data-path commands, facts, and items for the app.
 * Private to this room. */
#ifndef GREYLINE_TRANSLATE_H
#define GREYLINE_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbox.h"
#include "session.h"

/* Walks the items in order; what one of them sets off (a unit that comes up, say) comes before the
 * next. A unit's failure and a closed link are left in session->failing and session->hang_up. */
void translate_link(
	struct session *session, const struct outbox *items, uint64_t now, struct outbox *out);
void translate_unit(
	struct session *session, const struct outbox *items, uint64_t now, struct outbox *out);

/* `frame` stands behind a DATAPATH_FRAME command, NULL behind any other. */
void emit_command(struct session *session, const struct datapath_command *command,
	const uint8_t *frame, size_t length, struct outbox *out);
/* A frame for the peer, and for the log. */
void emit_frame(struct session *session, const uint8_t *frame, size_t length, struct outbox *out);
/* On a line, what holds until LCP has agreed. */
void emit_first_framing(struct session *session, struct outbox *out);
/* What MPPE of the unit that comes up now will start from. */
void emit_start_keys(
	struct session *session, const struct mppe_start_keys *keys, struct outbox *out);
/* What is up, and which addresses lead to the peer. */
void emit_network(struct session *session, struct outbox *out);
void emit_drop(struct session *session, enum drop drop, struct outbox *out);
void emit_note(uint32_t subject, bool warning, const char *text, size_t length, struct outbox *out);
/* "TCP 1723 works, N GRE sent, 0 received", and what to do about it. */
void emit_gre_silence(const struct session *session, struct outbox *out);
/* ... and that as much was carried as may be. */
void emit_traffic_limit(const struct session *session, struct outbox *out);

/* The unit goes back to Starting and data stops. */
void session_unit_down(struct session *session, uint64_t now, struct outbox *out);

#endif
