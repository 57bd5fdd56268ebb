/* Writing frames, drops and notes (see turn.h).
 *
 * Every control protocol of PPP has the same packet header, RFC 1661 §5: code, identifier and a
 * length that counts the header. */
#include "turn.h"

#include "limits.h"

enum { LENGTH_AT = 4 }; /* protocol (2), code, identifier */

struct writer packet_open(const struct turn *turn, uint16_t protocol, uint8_t code, uint8_t id)
{
	struct writer w = outbox_open(turn->out, PPP_FRAME_MAX);
	write_u16(&w, protocol);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, 0);
	return w;
}

void packet_close(const struct turn *turn, struct writer *w)
{
	write_patch_u16(w, LENGTH_AT, (uint16_t)(writer_length(w) - 2));
	outbox_close(turn->out, turn->kinds->frame, w);
}

void packet_send(const struct turn *turn, uint16_t protocol, uint8_t code, uint8_t id,
	const void *body, size_t length)
{
	struct writer w = packet_open(turn, protocol, code, id);
	write_bytes(&w, body, length);
	packet_close(turn, &w);
}

void turn_drop(const struct turn *turn, enum drop drop)
{
	outbox_add(turn->out, turn->kinds->drop, NULL, 0)->arg = (uint16_t)drop;
}

void turn_note(const struct turn *turn, enum note_level level, const struct text *text)
{
	outbox_add(turn->out, turn->kinds->note, text->start, text->used)->arg = (uint16_t)level;
}

void turn_say(const struct turn *turn, enum note_level level, const char *sentence)
{
	outbox_add(turn->out, turn->kinds->note, sentence, strlen(sentence))->arg = (uint16_t)level;
}
