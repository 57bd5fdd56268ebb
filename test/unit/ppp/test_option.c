/* The option walker: every bad length, duplicates, what is answered, what a Reject may name. */
#include "hex.h"

#include <string.h>

#include "option.h"

/* Takes two-byte values of option 1 up to 1500, one byte 5 in option 2, nothing in option 3. */
struct taste {
	unsigned begun, judged, naked, rejected;
	uint16_t wish;
	uint32_t seen;
	bool demand;
};

static void begin(void *owner)
{
	((struct taste *)owner)->begun++;
}

static enum option_verdict judge_size(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	((struct taste *)owner)->judged++;
	uint16_t size = read_u16(&value);
	if (!value.failed && size <= 1500)
		return OPTION_ACK;
	write_u16(wanted, 1500);
	return OPTION_NAK;
}

static enum option_verdict judge_five(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	((struct taste *)owner)->judged++;
	return read_u8(&value) == 5 && !value.failed ? OPTION_ACK : OPTION_REJECT;
}

static void naked_size(void *owner, const struct option_kind *kind, struct reader value)
{
	struct taste *taste = owner;
	taste->naked++;
	uint16_t size = read_u16(&value);
	if (!value.failed)
		taste->wish = size;
}

static void rejected_size(void *owner, const struct option_kind *kind)
{
	((struct taste *)owner)->rejected++;
}

static void missing(void *owner, uint32_t seen, struct writer *reply)
{
	struct taste *taste = owner;
	taste->seen = seen;
	if (taste->demand && !(seen & 1))
		write_bytes(reply, "\x01\x04\x05\xdc", 4);
}

static const struct option_kind kinds[] = {
	{1, 4, 4, "size", judge_size, naked_size, rejected_size, NULL},
	{2, 3, 3, "five", judge_five, NULL, NULL, NULL},
	{3, 2, 255, "known", NULL, NULL, NULL, NULL},
};

static const struct option_set set = {
	.kinds = kinds, .count = 3, .begin = begin, .missing = missing};

static void judged(struct taste *taste, const char *options, bool patient, bool good,
	enum option_verdict verdict, const char *answer)
{
	uint8_t bytes[512], reply[512];
	size_t length = hex_bytes(bytes, sizeof bytes, options);
	struct writer w = writer_over(reply, sizeof reply);
	enum option_verdict got = OPTION_ACK;
	assert_int_equal(option_judge(&set, taste, bytes, length, patient, &w, &got), good);
	if (!good)
		return;
	assert_int_equal(got, verdict);
	assert_hex(reply, writer_length(&w), answer);
}

static void verdicts(void **state)
{
	struct taste t = {0};
	judged(&t, "", true, true, OPTION_ACK, "");
	judged(&t, "01 04 05 dc 02 03 05", true, true, OPTION_ACK, "");
	judged(&t, "01 04 05 dd", true, true, OPTION_NAK, "01 04 05 dc");
	judged(&t, "02 03 05 01 04 ff ff", true, true, OPTION_NAK, "01 04 05 dc");
	judged(&t, "02 03 06", true, true, OPTION_REJECT, "02 03 06");
	judged(&t, "07 05 aa bb cc", true, true, OPTION_REJECT, "07 05 aa bb cc");
	judged(&t, "03 02", true, true, OPTION_REJECT, "03 02");
	/* Rejected ones alone, though another would have been Nak'd before or after them. */
	judged(&t, "01 04 ff ff 07 02 02 03 09", true, true, OPTION_REJECT, "07 02 02 03 09");
	judged(&t, "07 02 01 04 ff ff", true, true, OPTION_REJECT, "07 02");
	assert_true(t.begun == 9);
}

static void wrong_length_of_a_known_type_is_nakd(void **state)
{
	struct taste t = {0};
	judged(&t, "01 02", true, true, OPTION_NAK, "01 04 05 dc");
	judged(&t, "01 03 05", true, true, OPTION_NAK, "01 04 05 dc");
	judged(&t, "01 05 05 dc 00", true, true, OPTION_NAK, "01 04 05 dc");
	judged(&t, "02 02", true, true, OPTION_REJECT, "02 02");
	judged(&t, "02 04 05 05", true, true, OPTION_REJECT, "02 04 05 05");
}

/* Lengths below the header, beyond the packet, and a header cut in two: nothing is judged. */
static void impossible_lengths(void **state)
{
	static const char *const bad[] = {"01", "01 00", "01 01", "01 04", "01 04 05",
		"01 ff 05 dc", "01 04 05 dc 02", "01 04 05 dc 02 00", "01 04 05 dc 02 01",
		"01 04 05 dc 02 04 05", "00 00 00 00", "07 00 01 04 05 dc"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct taste t = {0};
		judged(&t, bad[i], true, false, OPTION_ACK, "");
		assert_int_equal(t.begun + t.judged, 0);
		uint8_t bytes[64];
		size_t length = hex_bytes(bytes, sizeof bytes, bad[i]);
		assert_false(option_naked(&set, &t, bytes, length));
		assert_false(option_rejected(&set, &t, bytes, length, bytes, length));
		assert_int_equal(t.naked + t.rejected, 0);
	}
}

static void every_length_byte(void **state)
{
	for (unsigned stated = 0; stated < 256; stated++) {
		struct taste t = {0};
		uint8_t bytes[6] = {1, (uint8_t)stated, 5, 0xdc, 5, 5}, reply[64];
		struct writer w = writer_over(reply, sizeof reply);
		enum option_verdict verdict;
		bool good = option_judge(&set, &t, bytes, sizeof bytes, true, &w, &verdict);
		/* What remains behind it, 05 05, is an option of its own only if 5 bytes long. */
		assert_int_equal(good, stated == 6);
	}
}

static void duplicates_are_rejected(void **state)
{
	struct taste t = {0};
	judged(&t, "01 04 05 dc 01 04 05 dc", true, true, OPTION_REJECT, "01 04 05 dc");
	judged(&t, "01 04 05 dc 01 04 05 00 01 04 00 00", true, true, OPTION_REJECT,
		"01 04 05 00 01 04 00 00");
}

static void patience_ends(void **state)
{
	struct taste t = {.demand = true};
	judged(&t, "01 04 05 dd", false, true, OPTION_REJECT, "01 04 05 dd");
	judged(&t, "", false, true, OPTION_ACK, ""); /* and nothing is added any more */
}

static void what_is_missing_is_added_to_a_nak(void **state)
{
	struct taste t = {.demand = true};
	judged(&t, "02 03 05", true, true, OPTION_NAK, "01 04 05 dc");
	assert_int_equal(t.seen, 2);
	judged(&t, "01 04 00 80", true, true, OPTION_ACK, "");
	judged(&t, "07 02", true, true, OPTION_REJECT, "07 02");
}

/* A Nak may be longer than the request, and may name what we never asked for. */
static void naks(void **state)
{
	struct taste t = {0};
	uint8_t bytes[600];
	size_t length = hex_bytes(
		bytes, sizeof bytes, "63 06 01 02 03 04 01 04 02 58 01 03 00 01 04 01 00 02 03 07");
	for (unsigned i = 0; i < 100; i++, length += 3)
		memcpy(bytes + length, "\x09\x03\x00", 3);
	assert_true(option_naked(&set, &t, bytes, length));
	assert_int_equal(t.naked, 3);
	assert_int_equal(t.wish, 0x0100); /* the one of a wrong length changed nothing */
}

static void rejects_must_be_ours(void **state)
{
	static const struct {
		const char *options;
		bool good;
	} cases[] = {
		{"01 04 05 dc", true},
		{"02 03 05", true},
		{"01 04 05 dc 02 03 05", true},
		{"", false},
		{"02 03 05 01 04 05 dc", false},    /* another order */
		{"01 04 05 dd", false},             /* another value */
		{"01 03 05", false},                /* another length */
		{"01 04 05 dc 01 04 05 dc", false}, /* more often than asked */
		{"63 02", false},
	};
	uint8_t request[64], bytes[64];
	size_t request_length = hex_bytes(request, sizeof request, "01 04 05 dc 02 03 05");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct taste t = {0};
		size_t length = hex_bytes(bytes, sizeof bytes, cases[i].options);
		assert_int_equal(option_rejected(&set, &t, request, request_length, bytes, length),
			cases[i].good);
		if (!cases[i].good)
			assert_int_equal(t.rejected, 0);
	}
}

/* A reply that has no room is a packet not answered, not bytes past the end. */
static void a_reply_that_does_not_fit(void **state)
{
	struct taste t = {0};
	uint8_t bytes[64], reply[8];
	size_t length = hex_bytes(bytes, sizeof bytes, "07 05 aa bb cc 08 05 aa bb cc");
	struct writer w = writer_over(reply, sizeof reply);
	enum option_verdict verdict;
	assert_false(option_judge(&set, &t, bytes, length, true, &w, &verdict));
}

static void printed(void **state)
{
	static const struct {
		const char *options, *line;
	} cases[] = {
		{"01 04 05 dc", " size 05dc"},
		{"02 03 05 03 02", " five 05 known"},
		{"63 04 01 02", " option-99 0102"},
		{"01 04 05 dc 02 09 01", " size 05dc [malformed option]"},
		{"01 00", " [malformed option]"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];
		uint8_t bytes[64];
		struct text t = text_over(line, sizeof line);
		option_print(&t, &set, bytes, hex_bytes(bytes, sizeof bytes, cases[i].options));
		assert_string_equal(line, cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(wrong_length_of_a_known_type_is_nakd),
		cmocka_unit_test(impossible_lengths),
		cmocka_unit_test(every_length_byte),
		cmocka_unit_test(duplicates_are_rejected),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(what_is_missing_is_added_to_a_nak),
		cmocka_unit_test(naks),
		cmocka_unit_test(rejects_must_be_ours),
		cmocka_unit_test(a_reply_that_does_not_fit),
		cmocka_unit_test(printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
