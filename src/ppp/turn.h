/* One call into the room: the time it happens at, and the outbox it writes to.
 *
 * A link and a unit number their items differently; `kinds` lets the automaton and the small
 * protocols write frames, drops and notes for either. */
#ifndef GREYLINE_TURN_H
#define GREYLINE_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "outbox.h"
#include "reason.h"
#include "text.h"

struct turn_kinds {
	uint16_t frame, drop, note;
};

struct turn {
	uint64_t now; /* microseconds */
	struct outbox *out;
	const struct turn_kinds *kinds;
};

enum note_level { NOTE_INFO, NOTE_WARNING };

/* A control packet (RFC 1661 §5) in the making: protocol, code, identifier and a length that
 * packet_close fills in. One at a time; room for PPP_FRAME_MAX bytes. */
struct writer packet_open(const struct turn *turn, uint16_t protocol, uint8_t code, uint8_t id);
void packet_close(const struct turn *turn, struct writer *w);
/* The whole of it at once. */
void packet_send(const struct turn *turn, uint16_t protocol, uint8_t code, uint8_t id,
	const void *body, size_t length);

void turn_drop(const struct turn *turn, enum drop drop);
void turn_note(const struct turn *turn, enum note_level level, const struct text *text);
void turn_say(const struct turn *turn, enum note_level level, const char *sentence);

#endif
