/* The 15 messages on the wire: golden bytes, truncations, wrong lengths, and the framer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "pptp_wire.h"

static struct pptp_message parsed(enum pptp_type type)
{
	struct pptp_message m;
	assert_int_equal(pptp_parse(golden[type].bytes, golden[type].length, &m), PPTP_PARSED);
	assert_int_equal(m.type, type);
	return m;
}

static void every_field_of_start(void **state)
{
	struct pptp_message m = parsed(PPTP_START_REQUEST);
	assert_int_equal(m.start.version, 0x0100);
	assert_int_equal(m.start.framing, 1);
	assert_int_equal(m.start.bearer, 2);
	assert_int_equal(m.start.maximum_channels, 0x1234);
	assert_int_equal(m.start.firmware, 0x0b0c);
	assert_string_equal(m.start.host_name, "host.example");
	assert_string_equal(m.start.vendor_name, "Vendor");

	m = parsed(PPTP_START_REPLY);
	assert_int_equal(m.start.version, 0x0100);
	assert_int_equal(m.start.result, 4);
	assert_int_equal(m.start.error, 6);
	assert_int_equal(m.start.framing, 3);
	assert_int_equal(m.start.bearer, 1);
	assert_int_equal(m.start.maximum_channels, 0xfedc);
	assert_int_equal(m.start.firmware, 0x0a28);
	assert_string_equal(m.start.host_name, "pac");
	assert_string_equal(m.start.vendor_name, "Maker");
}

static void every_field_of_stop_and_echo(void **state)
{
	struct pptp_message m = parsed(PPTP_STOP_REQUEST);
	assert_int_equal(m.stop.reason, 3);
	m = parsed(PPTP_STOP_REPLY);
	assert_int_equal(m.stop.result, 2);
	assert_int_equal(m.stop.error, 5);
	m = parsed(PPTP_ECHO_REQUEST);
	assert_int_equal(m.echo.identifier, 0x01020304);
	m = parsed(PPTP_ECHO_REPLY);
	assert_int_equal(m.echo.identifier, 0xf1f2f3f4);
	assert_int_equal(m.echo.result, 1);
	assert_int_equal(m.echo.error, 0);
}

static void every_field_of_outgoing(void **state)
{
	struct pptp_outgoing_request q = parsed(PPTP_OUTGOING_REQUEST).outgoing_request;
	assert_int_equal(q.call_id, 0x1112);
	assert_int_equal(q.serial, 0x2122);
	assert_int_equal(q.minimum_speed, 300);
	assert_int_equal(q.maximum_speed, 100000000);
	assert_int_equal(q.bearer, 3);
	assert_int_equal(q.framing, 2);
	assert_int_equal(q.window, 64);
	assert_int_equal(q.delay, 9);
	assert_int_equal(q.phone_number_length, 7);
	assert_string_equal(q.phone_number, "5551234");
	assert_string_equal(q.subaddress, "sub");

	struct pptp_outgoing_reply r = parsed(PPTP_OUTGOING_REPLY).outgoing_reply;
	assert_int_equal(r.call_id, 0x3132);
	assert_int_equal(r.peer_call_id, 0x1112);
	assert_int_equal(r.result, 1);
	assert_int_equal(r.error, 4);
	assert_int_equal(r.cause, 0x4142);
	assert_int_equal(r.speed, 128000);
	assert_int_equal(r.window, 32);
	assert_int_equal(r.delay, 3);
	assert_int_equal(r.channel, 0x51525354);
}

static void every_field_of_incoming(void **state)
{
	struct pptp_incoming_request q = parsed(PPTP_INCOMING_REQUEST).incoming_request;
	assert_int_equal(q.call_id, 0x6162);
	assert_int_equal(q.serial, 0x7172);
	assert_int_equal(q.bearer, 1);
	assert_int_equal(q.channel, 8);
	assert_int_equal(q.dialed_length, 3);
	assert_int_equal(q.dialing_length, 4);
	assert_string_equal(q.dialed_number, "112");
	assert_string_equal(q.dialing_number, "5566");
	assert_string_equal(q.subaddress, "x\"y");

	struct pptp_incoming_reply r = parsed(PPTP_INCOMING_REPLY).incoming_reply;
	assert_int_equal(r.call_id, 0x8182);
	assert_int_equal(r.peer_call_id, 0x6162);
	assert_int_equal(r.result, 3);
	assert_int_equal(r.error, 1);
	assert_int_equal(r.window, 16);
	assert_int_equal(r.delay, 6);

	struct pptp_incoming_connected c = parsed(PPTP_INCOMING_CONNECTED).incoming_connected;
	assert_int_equal(c.peer_call_id, 0x8182);
	assert_int_equal(c.speed, 64000);
	assert_int_equal(c.window, 17);
	assert_int_equal(c.delay, 10);
	assert_int_equal(c.framing, 1);
}

static void every_field_of_the_rest(void **state)
{
	assert_int_equal(parsed(PPTP_CALL_CLEAR).call_clear.call_id, 0x9192);

	struct pptp_call_disconnect d = parsed(PPTP_CALL_DISCONNECT).call_disconnect;
	assert_int_equal(d.call_id, 0xa1a2);
	assert_int_equal(d.result, 2);
	assert_int_equal(d.error, 3);
	assert_int_equal(d.cause, 16);
	assert_string_equal(d.statistics, "rx=1");

	struct pptp_wan_error e = parsed(PPTP_WAN_ERROR).wan_error;
	assert_int_equal(e.peer_call_id, 0xb1b2);
	assert_int_equal(e.crc, 1);
	assert_int_equal(e.framing, 0x100);
	assert_int_equal(e.hardware_overruns, 0x10000);
	assert_int_equal(e.buffer_overruns, 0x1000000);
	assert_int_equal(e.timeouts, 5);
	assert_int_equal(e.alignment, 6);

	struct pptp_link_info i = parsed(PPTP_LINK_INFO).link_info;
	assert_int_equal(i.peer_call_id, 0xc1c2);
	assert_int_equal(i.send_accm, 0xff0a0000);
	assert_int_equal(i.receive_accm, 0x000a00ff);
}

static void built_as_parsed(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		struct pptp_message m = parsed((enum pptp_type)type);
		uint8_t bytes[PPTP_MESSAGE_MAX];
		struct writer w = writer_over(bytes, sizeof bytes);
		pptp_build(&m, &w);
		assert_false(w.failed);
		assert_int_equal(writer_length(&w), golden[type].length);
		assert_memory_equal(bytes, golden[type].bytes, golden[type].length);
	}
}

static void no_room_to_build(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		struct pptp_message m = parsed((enum pptp_type)type);
		for (size_t room = 0; room < golden[type].length; room++) {
			uint8_t bytes[PPTP_MESSAGE_MAX + 1];
			memset(bytes, 0xee, sizeof bytes);
			struct writer w = writer_over(bytes, room);
			pptp_build(&m, &w);
			assert_true(w.failed);
			assert_int_equal(bytes[room], 0xee);
		}
	}
}

/* Reserved fields are ignored when read, and zero when written. */
static void reserved_fields(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		uint8_t bytes[PPTP_MESSAGE_MAX], again[PPTP_MESSAGE_MAX];
		memcpy(bytes, golden[type].bytes, sizeof bytes);
		bytes[10] = bytes[11] = 0xff;
		size_t offset = PPTP_HEADER;
		const struct pptp_layout *layout = &pptp_layouts[type];
		for (size_t i = 0; i < layout->field_count; offset += layout->fields[i++].width)
			if (layout->fields[i].shown == PPTP_SHOWN_NOT)
				memset(bytes + offset, 0xff, layout->fields[i].width);
		assert_int_equal(offset, layout->length);

		struct pptp_message m;
		assert_int_equal(pptp_parse(bytes, layout->length, &m), PPTP_PARSED);
		struct writer w = writer_over(again, sizeof again);
		pptp_build(&m, &w);
		assert_memory_equal(again, golden[type].bytes, layout->length);
	}
}

/* Exactly as many bytes as are claimed exist, so that a sanitizer sees one read too many. */
static enum pptp_parsed parse_exact(const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, length);
	struct pptp_message m;
	enum pptp_parsed result = pptp_parse(exact, length, &m);
	free(exact);
	return result;
}

static void every_truncation(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		for (size_t length = 0; length < golden[type].length; length++) {
			uint8_t bytes[PPTP_MESSAGE_MAX];
			memcpy(bytes, golden[type].bytes, sizeof bytes);
			assert_int_equal(parse_exact(bytes, length), PPTP_BAD_LENGTH);
			/* The header admits it. */
			if (length < 2)
				continue;
			put_u16(bytes, (uint16_t)length);
			assert_int_equal(parse_exact(bytes, length), PPTP_BAD_LENGTH);
		}
	}
}

static enum pptp_framed frame_exact(
	struct pptp_framer *framer, const uint8_t *bytes, size_t length, size_t *consumed)
{
	uint8_t *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, bytes, length);
	struct reader in = reader_over(exact, length);
	enum pptp_framed result = pptp_frame(framer, &in);
	*consumed = length - reader_left(&in);
	free(exact);
	return result;
}

/* Every length that two bytes can say, for every type: only the type's own passes. */
static void every_wrong_length(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		for (uint32_t length = 0; length <= UINT16_MAX; length++) {
			uint8_t bytes[PPTP_MESSAGE_MAX];
			memcpy(bytes, golden[type].bytes, sizeof bytes);
			put_u16(bytes, (uint16_t)length);
			struct pptp_framer framer = {.filled = 0};
			struct reader in = reader_over(bytes, sizeof bytes);
			enum pptp_framed expected = length == golden[type].length
							    ? PPTP_FRAMED_WHOLE
							    : PPTP_FRAMED_LENGTH;
			assert_int_equal(pptp_frame(&framer, &in), expected);
			if (length < PPTP_HEADER || length > PPTP_MESSAGE_MAX)
				assert_true(framer.filled <= 2);
			else if (expected == PPTP_FRAMED_LENGTH)
				assert_int_equal(framer.filled, PPTP_HEADER);
			if (length <= PPTP_MESSAGE_MAX && length != golden[type].length)
				assert_int_equal(parse_exact(bytes, length), PPTP_BAD_LENGTH);
		}
	}
}

/* As many bytes as the type has, under a header that says otherwise. */
static void a_header_that_lies(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		uint8_t bytes[PPTP_MESSAGE_MAX];
		memcpy(bytes, golden[type].bytes, sizeof bytes);
		put_u16(bytes, (uint16_t)(golden[type].length + 1));
		assert_int_equal(parse_exact(bytes, golden[type].length), PPTP_BAD_LENGTH);
	}
}

static void a_lost_stream_stays_lost(void **state)
{
	static const uint8_t zeros[64];
	struct pptp_framer framer = {.filled = 0};
	struct reader in = reader_over(zeros, sizeof zeros);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pptp_frame(&framer, &in), PPTP_FRAMED_LENGTH);
		assert_int_equal(reader_left(&in), sizeof zeros - 2);
	}
}

static void every_wrong_cookie(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		for (int bit = 0; bit < 32; bit++) {
			uint8_t bytes[PPTP_MESSAGE_MAX];
			memcpy(bytes, golden[type].bytes, sizeof bytes);
			bytes[4 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(parse_exact(bytes, golden[type].length), PPTP_BAD_COOKIE);
			struct pptp_framer framer = {.filled = 0};
			size_t consumed;
			assert_int_equal(
				frame_exact(&framer, bytes, golden[type].length, &consumed),
				PPTP_FRAMED_COOKIE);
		}
	}
}

/* What no type claims passes the framer if it fits, so that the next message is found. */
static void unknown_types(void **state)
{
	static const struct {
		uint16_t message_type, control_type, length;
		enum pptp_framed framed;
	} rows[] = {
		{1, 0, 16, PPTP_FRAMED_WHOLE},
		{1, 16, 12, PPTP_FRAMED_WHOLE},
		{1, 16, 220, PPTP_FRAMED_WHOLE},
		{1, 0xffff, 99, PPTP_FRAMED_WHOLE},
		{2, 5, 20, PPTP_FRAMED_WHOLE}, /* management: not an Echo-Request */
		{0, 5, 16, PPTP_FRAMED_WHOLE},
		{1, 16, 11, PPTP_FRAMED_LENGTH},
		{1, 16, 221, PPTP_FRAMED_LENGTH},
		{2, 1, 0, PPTP_FRAMED_LENGTH},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t bytes[PPTP_MESSAGE_MAX + 1] = {0};
		put_u16(bytes, rows[i].length);
		put_u16(bytes + 2, rows[i].message_type);
		put_u32(bytes + 4, PPTP_COOKIE);
		put_u16(bytes + 8, rows[i].control_type);
		struct pptp_framer framer = {.filled = 0};
		struct reader in = reader_over(bytes, sizeof bytes);
		assert_int_equal(pptp_frame(&framer, &in), rows[i].framed);
		if (rows[i].framed == PPTP_FRAMED_WHOLE) {
			assert_int_equal(framer.filled, rows[i].length);
			assert_int_equal(
				parse_exact(framer.bytes, framer.filled), PPTP_UNKNOWN_TYPE);
		}
	}
}

static void several_messages_in_one_segment(void **state)
{
	uint8_t segment[15 * PPTP_MESSAGE_MAX];
	size_t length = 0;
	for (int type = 15; type >= 1; type--) {
		memcpy(segment + length, golden[type].bytes, golden[type].length);
		length += golden[type].length;
	}
	struct pptp_framer framer = {.filled = 0};
	struct reader in = reader_over(segment, length);
	for (int type = 15; type >= 1; type--) {
		assert_int_equal(pptp_frame(&framer, &in), PPTP_FRAMED_WHOLE);
		assert_int_equal(framer.filled, golden[type].length);
		assert_memory_equal(framer.bytes, golden[type].bytes, framer.filled);
	}
	assert_int_equal(reader_left(&in), 0);
	assert_int_equal(pptp_frame(&framer, &in), PPTP_FRAMED_PART);
}

/* Cut into pieces of every size, the same messages come out. */
static void one_message_in_many_segments(void **state)
{
	uint8_t stream[3 * 15 * PPTP_MESSAGE_MAX];
	size_t length = 0;
	for (int i = 0; i < 45; i++) {
		const struct golden *g = &golden[1 + i % 15];
		memcpy(stream + length, g->bytes, g->length);
		length += g->length;
	}
	for (size_t piece = 1; piece <= 512; piece++) {
		struct pptp_framer framer = {.filled = 0};
		int seen = 0;
		for (size_t at = 0; at < length; at += piece) {
			size_t left = length - at;
			struct reader in = reader_over(stream + at, left < piece ? left : piece);
			enum pptp_framed framed;
			while ((framed = pptp_frame(&framer, &in)) == PPTP_FRAMED_WHOLE) {
				const struct golden *g = &golden[1 + seen++ % 15];
				assert_int_equal(framer.filled, g->length);
				assert_memory_equal(framer.bytes, g->bytes, g->length);
				if (!reader_left(&in))
					break;
			}
			assert_true(framed == PPTP_FRAMED_PART || !reader_left(&in));
		}
		assert_int_equal(seen, 45);
	}
}

static void byte_by_byte(void **state)
{
	for (int type = 1; type < PPTP_TYPES; type++) {
		struct pptp_framer framer = {.filled = 0};
		for (size_t i = 0; i < golden[type].length; i++) {
			size_t consumed;
			enum pptp_framed framed =
				frame_exact(&framer, golden[type].bytes + i, 1, &consumed);
			assert_int_equal(consumed, 1);
			assert_int_equal(framed, i + 1 == golden[type].length ? PPTP_FRAMED_WHOLE
									      : PPTP_FRAMED_PART);
		}
		assert_memory_equal(framer.bytes, golden[type].bytes, golden[type].length);
	}
}

/* The table itself: the lengths of RFC 2637, and rows that add up to them. */
static void lengths(void **state)
{
	static const uint16_t rfc[PPTP_TYPES] = {
		0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24};
	for (int type = 1; type < PPTP_TYPES; type++) {
		const struct pptp_layout *layout = &pptp_layouts[type];
		size_t sum = PPTP_HEADER;
		for (size_t i = 0; i < layout->field_count; i++)
			sum += layout->fields[i].width;
		assert_int_equal(layout->length, rfc[type]);
		assert_int_equal(sum, rfc[type]);
		assert_true(layout->length <= PPTP_MESSAGE_MAX);
	}
	assert_null(pptp_layouts[0].name);
}

static void words(void **state)
{
	assert_string_equal(pptp_type_name(1), "Start-Control-Connection-Request");
	assert_string_equal(pptp_type_name(15), "Set-Link-Info");
	assert_null(pptp_type_name(0));
	assert_null(pptp_type_name(16));

	static const uint8_t results[PPTP_TYPES] = {
		[PPTP_START_REPLY] = 5,
		[PPTP_STOP_REQUEST] = 3,
		[PPTP_STOP_REPLY] = 2,
		[PPTP_ECHO_REPLY] = 2,
		[PPTP_OUTGOING_REPLY] = 7,
		[PPTP_INCOMING_REPLY] = 3,
		[PPTP_CALL_DISCONNECT] = 4,
	};
	for (uint16_t type = 0; type <= PPTP_TYPES; type++) {
		int last = type < PPTP_TYPES ? results[type] : 0;
		assert_null(pptp_result_word(type, 0));
		for (int result = 1; result <= 255; result++)
			assert_int_equal(
				pptp_result_word(type, (uint8_t)result) != NULL, result <= last);
	}
	assert_string_equal(pptp_result_word(PPTP_OUTGOING_REPLY, 7), "do not accept");
	for (int error = 0; error <= 255; error++)
		assert_int_equal(pptp_error_word((uint8_t)error) != NULL, error <= 6);
	assert_string_equal(pptp_error_word(1), "not connected");
	assert_string_equal(pptp_framing_word(PPTP_FRAMING_SYNC), "sync");
	assert_null(pptp_framing_word(4));
	assert_string_equal(pptp_bearer_word(PPTP_BEARER_ANALOG), "analog");
	assert_null(pptp_bearer_word(0));
}

static void strings_without_an_end(void **state)
{
	char full[PPTP_NAME_SIZE];
	memset(full, 'x', sizeof full);
	assert_int_equal(pptp_string_length(full, sizeof full), sizeof full);
	full[3] = '\0';
	assert_int_equal(pptp_string_length(full, sizeof full), 3);
	assert_int_equal(pptp_string_length(full, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_start),
		cmocka_unit_test(every_field_of_stop_and_echo),
		cmocka_unit_test(every_field_of_outgoing),
		cmocka_unit_test(every_field_of_incoming),
		cmocka_unit_test(every_field_of_the_rest),
		cmocka_unit_test(built_as_parsed),
		cmocka_unit_test(no_room_to_build),
		cmocka_unit_test(reserved_fields),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(every_wrong_length),
		cmocka_unit_test(a_header_that_lies),
		cmocka_unit_test(a_lost_stream_stays_lost),
		cmocka_unit_test(every_wrong_cookie),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(several_messages_in_one_segment),
		cmocka_unit_test(one_message_in_many_segments),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(lengths),
		cmocka_unit_test(words),
		cmocka_unit_test(strings_without_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
