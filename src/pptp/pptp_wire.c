/* The control messages on the wire (RFC 2637 §2; see pptp_wire.h).
 *
 * `pptp_layouts` is the RFC's pictures as data. Offsets and widths come from the struct itself by
 * offsetof and sizeof, so a row cannot name a width its member does not have; a static_assert
 * a message and a test that adds up the rows tie them to the RFC's lengths.
 *
 * The framer copies: a message is at most 220 bytes and rare, and a copy means that nobody holds
 * a pointer into a receive buffer that moves. It reads the length as soon as two bytes are there
 * and the type and cookie as soon as the header is, so that garbage is refused before it is stored
 * and a length of zero can never stand still (the fault of CVE-2003-0213 and several others).
 */
#include "pptp_wire.h"

#include <assert.h>

#include "names.h"

#define MEMBER(m) ((struct pptp_message *)0)->m
#define F(m, as, text)                                                                             \
	{                                                                                          \
		text, offsetof(struct pptp_message, m), sizeof MEMBER(m), PPTP_SHOWN_##as          \
	}
#define RESERVED(bytes)                                                                            \
	{                                                                                          \
		NULL, 0, bytes, PPTP_SHOWN_NOT                                                     \
	}

static const struct pptp_field start_request[] = {
	F(start.version, VERSION, "version"),
	RESERVED(2),
	F(start.framing, FRAMING, "framing"),
	F(start.bearer, BEARER, "bearer"),
	F(start.maximum_channels, NUMBER, "channels"),
	F(start.firmware, NUMBER, "firmware"),
	F(start.host_name, TEXT, "host"),
	F(start.vendor_name, TEXT, "vendor"),
};

static const struct pptp_field start_reply[] = {
	F(start.version, VERSION, "version"),
	F(start.result, RESULT, "result"),
	F(start.error, ERROR, "error"),
	F(start.framing, FRAMING, "framing"),
	F(start.bearer, BEARER, "bearer"),
	F(start.maximum_channels, NUMBER, "channels"),
	F(start.firmware, NUMBER, "firmware"),
	F(start.host_name, TEXT, "host"),
	F(start.vendor_name, TEXT, "vendor"),
};

static const struct pptp_field stop_request[] = {
	F(stop.reason, RESULT, "reason"),
	RESERVED(1),
	RESERVED(2),
};

static const struct pptp_field stop_reply[] = {
	F(stop.result, RESULT, "result"),
	F(stop.error, ERROR, "error"),
	RESERVED(2),
};

static const struct pptp_field echo_request[] = {
	F(echo.identifier, NUMBER, "identifier"),
};

static const struct pptp_field echo_reply[] = {
	F(echo.identifier, NUMBER, "identifier"),
	F(echo.result, RESULT, "result"),
	F(echo.error, ERROR, "error"),
	RESERVED(2),
};

static const struct pptp_field outgoing_request[] = {
	F(outgoing_request.call_id, NUMBER, "call"),
	F(outgoing_request.serial, NUMBER, "serial"),
	F(outgoing_request.minimum_speed, NUMBER, "minimum-speed"),
	F(outgoing_request.maximum_speed, NUMBER, "maximum-speed"),
	F(outgoing_request.bearer, BEARER, "bearer"),
	F(outgoing_request.framing, FRAMING, "framing"),
	F(outgoing_request.window, NUMBER, "window"),
	F(outgoing_request.delay, RARE, "delay"),
	F(outgoing_request.phone_number_length, RARE, "phone-length"),
	RESERVED(2),
	F(outgoing_request.phone_number, RARE_TEXT, "phone"),
	F(outgoing_request.subaddress, RARE_TEXT, "subaddress"),
};

static const struct pptp_field outgoing_reply[] = {
	F(outgoing_reply.call_id, NUMBER, "call"),
	F(outgoing_reply.peer_call_id, NUMBER, "peer-call"),
	F(outgoing_reply.result, RESULT, "result"),
	F(outgoing_reply.error, ERROR, "error"),
	F(outgoing_reply.cause, RARE, "cause"),
	F(outgoing_reply.speed, NUMBER, "speed"),
	F(outgoing_reply.window, NUMBER, "window"),
	F(outgoing_reply.delay, RARE, "delay"),
	F(outgoing_reply.channel, RARE, "channel"),
};

static const struct pptp_field incoming_request[] = {
	F(incoming_request.call_id, NUMBER, "call"),
	F(incoming_request.serial, NUMBER, "serial"),
	F(incoming_request.bearer, BEARER, "bearer"),
	F(incoming_request.channel, RARE, "channel"),
	F(incoming_request.dialed_length, RARE, "dialed-length"),
	F(incoming_request.dialing_length, RARE, "dialing-length"),
	F(incoming_request.dialed_number, RARE_TEXT, "dialed"),
	F(incoming_request.dialing_number, RARE_TEXT, "dialing"),
	F(incoming_request.subaddress, RARE_TEXT, "subaddress"),
};

static const struct pptp_field incoming_reply[] = {
	F(incoming_reply.call_id, NUMBER, "call"),
	F(incoming_reply.peer_call_id, NUMBER, "peer-call"),
	F(incoming_reply.result, RESULT, "result"),
	F(incoming_reply.error, ERROR, "error"),
	F(incoming_reply.window, NUMBER, "window"),
	F(incoming_reply.delay, RARE, "delay"),
	RESERVED(2),
};

static const struct pptp_field incoming_connected[] = {
	F(incoming_connected.peer_call_id, NUMBER, "peer-call"),
	RESERVED(2),
	F(incoming_connected.speed, NUMBER, "speed"),
	F(incoming_connected.window, NUMBER, "window"),
	F(incoming_connected.delay, RARE, "delay"),
	F(incoming_connected.framing, FRAMING, "framing"),
};

static const struct pptp_field call_clear[] = {
	F(call_clear.call_id, NUMBER, "call"),
	RESERVED(2),
};

static const struct pptp_field call_disconnect[] = {
	F(call_disconnect.call_id, NUMBER, "call"),
	F(call_disconnect.result, RESULT, "result"),
	F(call_disconnect.error, ERROR, "error"),
	F(call_disconnect.cause, RARE, "cause"),
	RESERVED(2),
	F(call_disconnect.statistics, RARE_TEXT, "statistics"),
};

static const struct pptp_field wan_error[] = {
	F(wan_error.peer_call_id, NUMBER, "peer-call"),
	RESERVED(2),
	F(wan_error.crc, NUMBER, "crc"),
	F(wan_error.framing, NUMBER, "framing"),
	F(wan_error.hardware_overruns, NUMBER, "hardware-overruns"),
	F(wan_error.buffer_overruns, NUMBER, "buffer-overruns"),
	F(wan_error.timeouts, NUMBER, "time-outs"),
	F(wan_error.alignment, NUMBER, "alignment"),
};

static const struct pptp_field link_info[] = {
	F(link_info.peer_call_id, NUMBER, "peer-call"),
	RESERVED(2),
	F(link_info.send_accm, HEX, "send-accm"),
	F(link_info.receive_accm, HEX, "receive-accm"),
};

#define LAYOUT(fields, bytes, text)                                                                \
	{                                                                                          \
		text, fields, bytes, sizeof fields / sizeof fields[0]                              \
	}

const struct pptp_layout pptp_layouts[PPTP_TYPES] = {
	[PPTP_START_REQUEST] = LAYOUT(start_request, 156, "Start-Control-Connection-Request"),
	[PPTP_START_REPLY] = LAYOUT(start_reply, 156, "Start-Control-Connection-Reply"),
	[PPTP_STOP_REQUEST] = LAYOUT(stop_request, 16, "Stop-Control-Connection-Request"),
	[PPTP_STOP_REPLY] = LAYOUT(stop_reply, 16, "Stop-Control-Connection-Reply"),
	[PPTP_ECHO_REQUEST] = LAYOUT(echo_request, 16, "Echo-Request"),
	[PPTP_ECHO_REPLY] = LAYOUT(echo_reply, 20, "Echo-Reply"),
	[PPTP_OUTGOING_REQUEST] = LAYOUT(outgoing_request, 168, "Outgoing-Call-Request"),
	[PPTP_OUTGOING_REPLY] = LAYOUT(outgoing_reply, 32, "Outgoing-Call-Reply"),
	[PPTP_INCOMING_REQUEST] = LAYOUT(incoming_request, 220, "Incoming-Call-Request"),
	[PPTP_INCOMING_REPLY] = LAYOUT(incoming_reply, 24, "Incoming-Call-Reply"),
	[PPTP_INCOMING_CONNECTED] = LAYOUT(incoming_connected, 28, "Incoming-Call-Connected"),
	[PPTP_CALL_CLEAR] = LAYOUT(call_clear, 16, "Call-Clear-Request"),
	[PPTP_CALL_DISCONNECT] = LAYOUT(call_disconnect, 148, "Call-Disconnect-Notify"),
	[PPTP_WAN_ERROR] = LAYOUT(wan_error, 40, "WAN-Error-Notify"),
	[PPTP_LINK_INFO] = LAYOUT(link_info, 24, "Set-Link-Info"),
};

static bool known(uint16_t message_type, uint16_t control_type)
{
	return message_type == PPTP_CONTROL && control_type >= 1 && control_type < PPTP_TYPES;
}

static void parse_field(const struct pptp_field *field, struct reader *r, uint8_t *to)
{
	const uint8_t *text;
	uint16_t half;
	uint32_t word;

	switch (field->width) {
	case 1:
		*to = read_u8(r);
		break;
	case 2:
		half = read_u16(r);
		memcpy(to, &half, sizeof half);
		break;
	case 4:
		word = read_u32(r);
		memcpy(to, &word, sizeof word);
		break;
	default:
		text = read_bytes(r, field->width);
		if (text)
			memcpy(to, text, field->width);
		break;
	}
}

enum pptp_parsed pptp_parse(const uint8_t *bytes, size_t length, struct pptp_message *message)
{
	struct reader r = reader_over(bytes, length);
	uint16_t said = read_u16(&r);
	uint16_t message_type = read_u16(&r);
	uint32_t cookie = read_u32(&r);
	uint16_t type = read_u16(&r);

	memset(message, 0, sizeof *message);
	read_u16(&r); /* Reserved0 */
	if (r.failed || said != length)
		return PPTP_BAD_LENGTH;
	if (cookie != PPTP_COOKIE)
		return PPTP_BAD_COOKIE;
	if (!known(message_type, type))
		return PPTP_UNKNOWN_TYPE;

	const struct pptp_layout *layout = &pptp_layouts[type];
	if (length != layout->length)
		return PPTP_BAD_LENGTH;
	message->type = (enum pptp_type)type;
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct pptp_field *field = &layout->fields[i];
		if (field->shown == PPTP_SHOWN_NOT)
			read_bytes(&r, field->width);
		else
			parse_field(field, &r, (uint8_t *)message + field->offset);
	}
	assert(!r.failed && reader_left(&r) == 0);
	return PPTP_PARSED;
}

static void build_field(const struct pptp_field *field, const uint8_t *from, struct writer *w)
{
	uint16_t half;
	uint32_t word;

	switch (field->width) {
	case 1:
		write_u8(w, *from);
		break;
	case 2:
		memcpy(&half, from, sizeof half);
		write_u16(w, half);
		break;
	case 4:
		memcpy(&word, from, sizeof word);
		write_u32(w, word);
		break;
	default:
		write_bytes(w, from, field->width);
		break;
	}
}

void pptp_build(const struct pptp_message *message, struct writer *w)
{
	assert(known(PPTP_CONTROL, message->type));
	const struct pptp_layout *layout = &pptp_layouts[message->type];

	write_u16(w, layout->length);
	write_u16(w, PPTP_CONTROL);
	write_u32(w, PPTP_COOKIE);
	write_u16(w, message->type);
	write_u16(w, 0);
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct pptp_field *field = &layout->fields[i];
		if (field->shown == PPTP_SHOWN_NOT)
			write_zeros(w, field->width);
		else
			build_field(field, (const uint8_t *)message + field->offset, w);
	}
}

size_t pptp_string_length(const char *field, size_t size)
{
	size_t length = 0;
	while (length < size && field[length])
		length++;
	return length;
}

/* What the first `filled` bytes say. */
static enum pptp_framed framed_header(const uint8_t *bytes, size_t filled)
{
	struct reader r = reader_over(bytes, filled);
	uint16_t length = read_u16(&r);
	if (r.failed)
		return PPTP_FRAMED_PART;
	if (length < PPTP_HEADER || length > PPTP_MESSAGE_MAX)
		return PPTP_FRAMED_LENGTH;
	if (filled < PPTP_HEADER)
		return PPTP_FRAMED_PART;

	uint16_t message_type = read_u16(&r);
	if (read_u32(&r) != PPTP_COOKIE)
		return PPTP_FRAMED_COOKIE;
	uint16_t type = read_u16(&r);
	if (known(message_type, type) && length != pptp_layouts[type].length)
		return PPTP_FRAMED_LENGTH;
	return filled == length ? PPTP_FRAMED_WHOLE : PPTP_FRAMED_PART;
}

/* How many bytes the next judgement needs in all. */
static size_t framed_goal(const struct pptp_framer *framer)
{
	if (framer->filled < 2)
		return 2;
	if (framer->filled < PPTP_HEADER)
		return PPTP_HEADER;
	return (size_t)(framer->bytes[0] << 8 | framer->bytes[1]);
}

enum pptp_framed pptp_frame(struct pptp_framer *framer, struct reader *in)
{
	if (framer->whole) {
		framer->whole = false;
		framer->filled = 0;
	}
	for (;;) {
		enum pptp_framed framed = framed_header(framer->bytes, framer->filled);
		if (framed == PPTP_FRAMED_WHOLE)
			framer->whole = true;
		if (framed != PPTP_FRAMED_PART || !reader_left(in))
			return framed;

		size_t wanted = framed_goal(framer) - framer->filled;
		size_t taken = wanted < reader_left(in) ? wanted : reader_left(in);
		memcpy(framer->bytes + framer->filled, read_bytes(in, taken), taken);
		framer->filled = (uint16_t)(framer->filled + taken);
	}
}

static const struct name start_results[] = {
	{1, "successful"},
	{2, "general error"},
	{3, "command channel already exists"},
	{4, "requester not authorized"},
	{5, "protocol version not supported"},
};

static const struct name stop_reasons[] = {
	{1, "none"},
	{2, "protocol version not supported"},
	{3, "local shutdown"},
};

static const struct name plain_results[] = {
	{1, "ok"},
	{2, "general error"},
};

static const struct name outgoing_results[] = {
	{1, "connected"},
	{2, "general error"},
	{3, "no carrier"},
	{4, "busy"},
	{5, "no dial tone"},
	{6, "time-out"},
	{7, "do not accept"},
};

static const struct name incoming_results[] = {
	{1, "connect"},
	{2, "general error"},
	{3, "do not accept"},
};

static const struct name disconnect_results[] = {
	{1, "lost carrier"},
	{2, "general error"},
	{3, "administrative shutdown"},
	{4, "clear requested"},
};

static const struct name errors[] = {
	{0, "none"},
	{1, "not connected"},
	{2, "bad format"},
	{3, "bad value"},
	{4, "no resource"},
	{5, "bad call ID"},
	{6, "PAC error"},
};

static const struct name framings[] = {{1, "async"}, {2, "sync"}, {3, "any"}};
static const struct name bearers[] = {{1, "analog"}, {2, "digital"}, {3, "any"}};

#define WORD(table, value) name_of(table, sizeof table / sizeof table[0], value)

const char *pptp_type_name(uint16_t type)
{
	return known(PPTP_CONTROL, type) ? pptp_layouts[type].name : NULL;
}

const char *pptp_result_word(uint16_t type, uint8_t result)
{
	switch (type) {
	case PPTP_START_REPLY:
		return WORD(start_results, result);
	case PPTP_STOP_REQUEST:
		return WORD(stop_reasons, result);
	case PPTP_STOP_REPLY:
	case PPTP_ECHO_REPLY:
		return WORD(plain_results, result);
	case PPTP_OUTGOING_REPLY:
		return WORD(outgoing_results, result);
	case PPTP_INCOMING_REPLY:
		return WORD(incoming_results, result);
	case PPTP_CALL_DISCONNECT:
		return WORD(disconnect_results, result);
	default:
		return NULL;
	}
}

const char *pptp_error_word(uint8_t error)
{
	return WORD(errors, error);
}

const char *pptp_framing_word(uint32_t framing)
{
	return WORD(framings, framing);
}

const char *pptp_bearer_word(uint32_t bearer)
{
	return WORD(bearers, bearer);
}
