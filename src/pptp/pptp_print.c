/* Control messages for people (see pptp_print.h).
 *
 * Walks the same table as the parser (pptp_layouts), in the order of the wire:
 * `Outgoing-Call-Reply call 5 peer-call 9 result 1 (connected) speed 100000000 window 64`.
 * Whatever a peer wrote as text is quoted, so that no peer can forge a line.
 */
#include "pptp_print.h"

#include <string.h>

static void print_word(struct text *t, const char *word, uint64_t number)
{
	if (word)
		text_add(t, word);
	else
		text_unsigned(t, number);
}

static void print_coded(struct text *t, const char *label, uint8_t number, const char *word)
{
	text_add(t, label);
	text_char(t, ' ');
	text_unsigned(t, number);
	text_add(t, " (");
	text_add(t, word ? word : "unknown");
	text_char(t, ')');
}

void pptp_print_result(struct text *t, uint16_t type, uint8_t result, uint8_t error)
{
	print_coded(t, type == PPTP_STOP_REQUEST ? "reason" : "result", result,
		pptp_result_word(type, result));
	if (error) {
		text_add(t, ", ");
		print_coded(t, "error", error, pptp_error_word(error));
	}
}

static uint32_t field_number(const struct pptp_field *field, const uint8_t *at)
{
	uint16_t half;
	uint32_t word;
	switch (field->width) {
	case 1:
		return *at;
	case 2:
		memcpy(&half, at, sizeof half);
		return half;
	default:
		memcpy(&word, at, sizeof word);
		return word;
	}
}

static void print_text(struct text *t, const struct pptp_field *field, const char *at)
{
	size_t length = pptp_string_length(at, field->width);
	if (!length && field->shown == PPTP_SHOWN_RARE_TEXT)
		return;
	text_char(t, ' ');
	text_add(t, field->label);
	text_char(t, ' ');
	text_quoted(t, at, length);
}

static void print_number(
	struct text *t, uint16_t type, const struct pptp_field *field, uint32_t number)
{
	bool rare = field->shown == PPTP_SHOWN_RARE || field->shown == PPTP_SHOWN_ERROR;
	if (rare && !number)
		return;
	text_char(t, ' ');
	switch (field->shown) {
	case PPTP_SHOWN_RESULT:
		print_coded(
			t, field->label, (uint8_t)number, pptp_result_word(type, (uint8_t)number));
		return;
	case PPTP_SHOWN_ERROR:
		print_coded(t, field->label, (uint8_t)number, pptp_error_word((uint8_t)number));
		return;
	default:
		break;
	}
	text_add(t, field->label);
	text_char(t, ' ');
	switch (field->shown) {
	case PPTP_SHOWN_HEX:
		text_hex(t, number, 8);
		break;
	case PPTP_SHOWN_VERSION:
		text_unsigned(t, number >> 8);
		text_char(t, '.');
		text_unsigned(t, number & 0xff);
		break;
	case PPTP_SHOWN_FRAMING:
		print_word(t, pptp_framing_word(number), number);
		break;
	case PPTP_SHOWN_BEARER:
		print_word(t, pptp_bearer_word(number), number);
		break;
	default:
		text_unsigned(t, number);
		break;
	}
}

void pptp_print_message(struct text *t, const struct pptp_message *message)
{
	const struct pptp_layout *layout = &pptp_layouts[message->type];
	text_add(t, layout->name);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct pptp_field *field = &layout->fields[i];
		const uint8_t *at = (const uint8_t *)message + field->offset;
		if (field->shown == PPTP_SHOWN_NOT)
			continue;
		if (field->width > 4)
			print_text(t, field, (const char *)at);
		else
			print_number(t, message->type, field, field_number(field, at));
	}
}

/* What the header of a message that does not parse still tells. */
static void print_broken(struct text *t, const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length);
	uint16_t said = read_u16(&r);
	read_bytes(&r, 6);
	uint16_t type = read_u16(&r);
	const char *name = r.failed ? NULL : pptp_type_name(type);

	text_add(t, "malformed ");
	text_add(t, name ? name : "control message");
	text_add(t, ": ");
	text_unsigned(t, length);
	text_add(t, " bytes");
	if (length >= 2 && said != length) {
		text_add(t, ", its header says ");
		text_unsigned(t, said);
	} else if (name) {
		text_add(t, ", it has ");
		text_unsigned(t, pptp_layouts[type].length);
	}
}

void pptp_print(struct text *t, const uint8_t *bytes, size_t length)
{
	struct pptp_message message;
	struct reader r = reader_over(bytes, length);

	switch (pptp_parse(bytes, length, &message)) {
	case PPTP_PARSED:
		pptp_print_message(t, &message);
		break;
	case PPTP_BAD_LENGTH:
		print_broken(t, bytes, length);
		break;
	case PPTP_BAD_COOKIE:
		read_bytes(&r, 4);
		text_add(t, "not a control message: magic cookie ");
		text_hex(t, read_u32(&r), 8);
		break;
	case PPTP_UNKNOWN_TYPE:
		read_bytes(&r, 2);
		text_add(t, read_u16(&r) == PPTP_CONTROL ? "control message of unknown type "
							 : "management message of type ");
		read_bytes(&r, 4);
		text_unsigned(t, read_u16(&r));
		text_add(t, ", ");
		text_unsigned(t, length);
		text_add(t, " bytes");
		break;
	}
}
