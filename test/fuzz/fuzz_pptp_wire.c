/* The control messages: framer, parser, printer and builder over arbitrary bytes.
 *
 * The first byte is the size of the pieces the rest arrives in. Whatever frames as a known message
 * is parsed, printed without being cut, and built again: the same bytes, but for the reserved
 * fields, which are then zero. Piece size must not change what comes out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pptp_print.h"
#include "pptp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void print(const uint8_t *bytes, size_t length)
{
	char line[PPTP_LINE_MAX];
	struct text t = text_over(line, sizeof line);
	pptp_print(&t, bytes, length);
	MUST(!t.cut && t.used > 0);
	for (size_t i = 0; i < t.used; i++)
		MUST(line[i] >= ' ' && line[i] <= '~');
}

static void without_reserved(uint8_t *bytes, enum pptp_type type)
{
	const struct pptp_layout *layout = &pptp_layouts[type];
	size_t offset = PPTP_HEADER;
	bytes[10] = bytes[11] = 0;
	for (size_t i = 0; i < layout->field_count; offset += layout->fields[i++].width)
		if (layout->fields[i].shown == PPTP_SHOWN_NOT)
			memset(bytes + offset, 0, layout->fields[i].width);
}

static void rebuild(const uint8_t *bytes, size_t length)
{
	struct pptp_message message;
	enum pptp_parsed parsed = pptp_parse(bytes, length, &message);
	MUST(parsed == PPTP_PARSED || parsed == PPTP_UNKNOWN_TYPE);
	if (parsed == PPTP_UNKNOWN_TYPE)
		return;
	uint8_t expected[PPTP_MESSAGE_MAX], built[PPTP_MESSAGE_MAX];
	memcpy(expected, bytes, length);
	without_reserved(expected, message.type);
	struct writer w = writer_over(built, length);
	pptp_build(&message, &w);
	MUST(!w.failed && writer_length(&w) == length);
	MUST(memcmp(built, expected, length) == 0);
}

/* A digest of the messages and of how it ended. */
static uint64_t frames(const uint8_t *bytes, size_t length, size_t piece, int whole)
{
	struct pptp_framer framer = {.filled = 0};
	uint64_t digest = 14695981039346656037u;
	for (size_t at = 0; at < length; at += piece) {
		struct reader in =
			reader_over(bytes + at, length - at < piece ? length - at : piece);
		while (reader_left(&in)) {
			size_t before = reader_left(&in);
			enum pptp_framed framed = pptp_frame(&framer, &in);
			if (framed == PPTP_FRAMED_LENGTH || framed == PPTP_FRAMED_COOKIE)
				return digest * 31 + (uint64_t)framed;
			MUST(reader_left(&in) < before);
			if (framed == PPTP_FRAMED_PART)
				break;
			for (size_t i = 0; i < framer.filled; i++)
				digest = (digest ^ framer.bytes[i]) * 1099511628211u;
			if (whole) {
				print(framer.bytes, framer.filled);
				rebuild(framer.bytes, framer.filled);
			}
		}
	}
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (!length)
		return 0;
	size_t piece = bytes[0] ? bytes[0] : 1;
	bytes++;
	length--;
	print(bytes, length);
	struct pptp_message message;
	if (pptp_parse(bytes, length, &message) == PPTP_PARSED)
		rebuild(bytes, length);
	MUST(frames(bytes, length, length ? length : 1, 1) == frames(bytes, length, piece, 0));
	return 0;
}
