/* The GRE header byte for byte, every truncation, every flag, and the acknowledgement rules. */
#include "hex.h"

#include <string.h>

#include "gre.h"

static const char full[] = "30 81 88 0b 00 04 12 34 00 00 00 07 00 00 00 09 ff 03 c0 21";

static bool parse(const char *hex, struct gre_header *header, size_t *payload, enum drop *why)
{
	uint8_t bytes[256];
	struct reader r = reader_over(bytes, hex_bytes(bytes, sizeof(bytes), hex));
	struct reader rest;
	if (!gre_parse(header, &r, &rest, why))
		return false;
	*payload = reader_left(&rest);
	return true;
}

static void assert_refused(const char *hex, enum drop reason)
{
	struct gre_header header;
	size_t payload;
	enum drop why = DROP_COUNT;
	assert_false(parse(hex, &header, &payload, &why));
	assert_string_equal(drop_word(why), drop_word(reason));
}

static void golden(void **state)
{
	struct gre_header header;
	size_t payload;
	enum drop why;
	assert_true(parse(full, &header, &payload, &why));
	assert_true(header.has_sequence && header.has_ack);
	assert_int_equal(header.call_id, 0x1234);
	assert_int_equal(header.payload_length, 4);
	assert_int_equal(header.sequence, 7);
	assert_int_equal(header.ack, 9);
	assert_int_equal(payload, 4);

	assert_true(parse("20 81 88 0b 00 00 12 34 ff ff ff ff", &header, &payload, &why));
	assert_false(header.has_sequence);
	assert_int_equal(header.ack, 0xffffffff);
	assert_int_equal(payload, 0);

	assert_true(parse("30 01 88 0b 00 01 00 00 80 00 00 00 55 99 99", &header, &payload, &why));
	assert_false(header.has_ack);
	assert_int_equal(header.sequence, 0x80000000);
	assert_int_equal(payload, 1); /* what is behind is padding */
}

static void built(void **state)
{
	uint8_t bytes[32];
	for (unsigned form = 0; form < 4; form++) {
		struct gre_header header = {.call_id = 0xabcd,
			.sequence = 0x01020304,
			.ack = 0x05060708,
			.has_sequence = form & 1,
			.has_ack = form & 2,
			.payload_length = form & 1 ? 0x0102 : 0};
		static const char *const golden[] = {"20 01 88 0b 00 00 ab cd",
			"30 01 88 0b 01 02 ab cd 01 02 03 04",
			"20 81 88 0b 00 00 ab cd 05 06 07 08",
			"30 81 88 0b 01 02 ab cd 01 02 03 04 05 06 07 08"};
		struct writer w = writer_over(bytes, sizeof(bytes));
		gre_build(&w, &header);
		assert_hex(bytes, writer_length(&w), golden[form]);
		assert_int_equal(writer_length(&w), gre_size(&header));
		assert_true(gre_size(&header) <= GRE_HEADER_MAX);
	}
}

static void truncations(void **state)
{
	uint8_t bytes[64];
	size_t whole = hex_bytes(bytes, sizeof(bytes), full);
	for (size_t length = 0; length < whole; length++) {
		struct reader r = reader_over(bytes, length), payload;
		struct gre_header header;
		enum drop why = DROP_COUNT;
		assert_false(gre_parse(&header, &r, &payload, &why));
		assert_int_equal(why, length < 16 ? DROP_GRE_SHORT : DROP_GRE_LENGTH);
	}
}

static void refused(void **state)
{
	assert_refused("30 80 88 0b 00 00 00 00 00 00 00 00 00 00 00 00", DROP_GRE_VERSION);
	assert_refused("00 00 08 00 45 00 00 00", DROP_GRE_VERSION);
	assert_refused("30 82 88 0b 00 00 00 00 00 00 00 00 00 00 00 00", DROP_GRE_VERSION);
	assert_refused("30 81 88 0c 00 00 00 00 00 00 00 00 00 00 00 00", DROP_GRE_PROTOCOL);
	/* Every bit but S and A has one right value. */
	for (unsigned bit = 3; bit < 16; bit++) {
		uint16_t flags = 0x3081 ^ (uint16_t)(1u << bit);
		if ((1u << bit) == 0x1000 || (1u << bit) == 0x0080)
			continue;
		uint8_t bytes[20] = {(uint8_t)(flags >> 8), (uint8_t)flags, 0x88, 0x0b};
		struct reader r = reader_over(bytes, sizeof(bytes)), payload;
		struct gre_header header;
		enum drop why = DROP_COUNT;
		assert_false(gre_parse(&header, &r, &payload, &why));
		assert_int_equal(why, DROP_GRE_FLAGS);
	}
	/* A payload without a sequence number has no place in the order. */
	assert_refused("20 01 88 0b 00 01 00 00 55", DROP_GRE_FLAGS);
	assert_refused("30 01 88 0b ff ff 00 00 00 00 00 00 55", DROP_GRE_LENGTH);
}

static void sequence_and_ack(void **state)
{
	struct gre gre;
	struct gre_header header;
	gre_init(&gre, 0);
	gre_next(&gre, &header, 5, 10);
	assert_int_equal(header.sequence, 0);
	assert_false(header.has_ack);
	assert_int_equal(header.call_id, 5);
	gre_next(&gre, &header, 5, 10);
	assert_int_equal(header.sequence, 1);

	gre.order.next = 100;
	gre_owe(&gre, 1000);
	assert_int_equal(gre.ack_due, 1000 + GRE_ACK_DELAY);
	gre_next(&gre, &header, 5, 0);
	assert_false(header.has_sequence);
	assert_true(header.has_ack);
	assert_int_equal(header.ack, 99);
	assert_false(gre.ack_owed);
	assert_true(gre.ack_due == NEVER);
	assert_int_equal(gre.send_next, 2);
}

static void half_a_window_is_acknowledged_at_once(void **state)
{
	static const uint16_t windows[][2] = {
		{0, GRE_WINDOW / 2}, {64, 32}, {65535, 32}, {6, 3}, {5, 3}, {3, 2}, {2, 1}, {1, 1}};
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct gre gre;
		gre_init(&gre, windows[i][0]);
		for (unsigned n = 1; n < windows[i][1]; n++) {
			gre_owe(&gre, 50 + n);
			assert_true(gre.ack_due == 51 + GRE_ACK_DELAY);
		}
		gre_owe(&gre, 90);
		assert_int_equal(gre.ack_due, 90);
	}
}

static bool acked(struct gre *gre, uint32_t ack)
{
	const struct gre_header header = {.has_ack = true, .ack = ack};
	return gre_acked(gre, &header, 0);
}

static void peer_acknowledges(void **state)
{
	struct gre gre;
	struct gre_header header;
	gre_init(&gre, 0);
	gre.send_next = gre.window.acked = 0xfffffffe;
	assert_false(acked(&gre, 0xfffffffe));
	assert_false(acked(&gre, 0x00000005));
	for (unsigned n = 0; n < 4; n++)
		gre_next(&gre, &header, 1, 1);
	assert_int_equal(header.sequence, 1);
	assert_int_equal(gre_in_flight(&gre), 4);
	assert_true(acked(&gre, 0)); /* across the wrap */
	assert_int_equal(gre_in_flight(&gre), 1);
	assert_true(acked(&gre, 0xffffffff)); /* older: nothing new */
	assert_int_equal(gre_in_flight(&gre), 1);
	assert_true(acked(&gre, 1));
	assert_int_equal(gre_in_flight(&gre), 0);
	assert_false(acked(&gre, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(built),
		cmocka_unit_test(truncations),
		cmocka_unit_test(refused),
		cmocka_unit_test(sequence_and_ack),
		cmocka_unit_test(half_a_window_is_acknowledged_at_once),
		cmocka_unit_test(peer_acknowledges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
