/* LCP's multilink options (RFC 1990 §5.1): asked for, judged, refused, and what is agreed then. */
#include "solo.h"

#include <string.h>

static struct solo s;

static const struct link_config able = {.mru = 1500,
	.name = "",
	.password = "",
	.mrru = 1500,
	.endpoint = {.class = ENDPOINT_LOCAL, .length = 2, .value = {0xab, 0xcd}}};

/* The options behind the magic number of our request. */
static void assert_asked(const char *hex)
{
	uint8_t expected[64];
	size_t length = hex_bytes(expected, sizeof expected, hex);
	assert_int_equal(s.frame_length, 12 + length);
	assert_memory_equal(s.frame + 12, expected, length);
}

static void hears_request(const char *options)
{
	uint8_t bytes[128];
	char hex[300], digits[] = "0123456789abcdef";
	size_t length = 4 + hex_bytes(bytes, sizeof bytes, options);
	strcpy(hex, "c021 01 07 00");
	size_t used = strlen(hex);
	hex[used++] = digits[length >> 4];
	hex[used++] = digits[length & 15];
	strcpy(hex + used, options);
	solo_hears(&s, hex);
}

/* The peer takes, naks or rejects these of our options. */
static void answered(uint8_t code, const char *options)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t frame[64];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, LCP);
	write_u8(&w, code);
	write_u8(&w, s.link.lcp.fsm.request_id);
	write_u16(&w, 0);
	w.at += hex_bytes(w.at, 40, options);
	write_patch_u16(&w, 4, (uint16_t)(writer_length(&w) - 2));
	link_input(&s.link, frame, writer_length(&w), s.now, &out);
	for (uint32_t i = 0; i < out.item_count; i++)
		if (out.items[i].kind == LINK_FRAME) {
			s.frame_length = out.items[i].length;
			memcpy(s.frame, outbox_bytes(&out, &out.items[i]), s.frame_length);
		}
}

static void acked(void)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t frame[PPP_FRAME_MAX];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, LCP);
	write_u8(&w, CONFIGURE_ACK);
	write_u8(&w, s.link.lcp.fsm.request_id);
	write_u16(&w, 0);
	lcp_request(&s.link, &w);
	write_patch_u16(&w, 4, (uint16_t)(writer_length(&w) - 2));
	link_input(&s.link, frame, writer_length(&w), s.now, &out);
}

static void asked_for(void **state)
{
	struct link_config config = able;
	solo_link(&s, &config);
	assert_asked("11 04 05dc 13 05 01 abcd");
	config.ask_short_sequence = true;
	config.endpoint.class = ENDPOINT_NULL;
	config.mrru = 1600;
	solo_link(&s, &config);
	assert_asked("11 04 0640 12 02");
	config.mrru = 0;
	solo_link(&s, &config);
	assert_asked("");
}

static void judged(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"11 04 05dc", "c021 02 07 0008 11 04 05dc"},
		{"11 04 ffff", "c021 02 07 0008 11 04 ffff"}, /* more than we use */
		{"11 04 0080", "c021 02 07 0008 11 04 0080"},
		{"11 04 007f", "c021 03 07 0008 11 04 05dc"},
		{"11 03 05", "c021 03 07 0008 11 04 05dc"}, {"12 02", "c021 02 07 0006 12 02"},
		{"12 03 00", "c021 04 07 0007 12 03 00"}, {"13 03 00", "c021 02 07 0007 13 03 00"},
		{"13 09 03 001122334455", "c021 02 07 000d 13 09 03 001122334455"},
		{"13 02", "c021 04 07 0006 13 02"},
		{"13 18 01 000102030405060708090a0b0c0d0e0f1011121314",
			"c021 04 07 001c 13 18 01 000102030405060708090a0b0c0d0e0f1011121314"},
		{"1b 02", "c021 04 07 0006 1b 02"}, /* multi-class: no */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		solo_link(&s, &able);
		hears_request(cases[i].options);
		assert_frame(&s, cases[i].answer);
	}
}

static void agreed(void **state)
{
	struct link_config config = able;
	config.ask_short_sequence = true;
	solo_link(&s, &config);
	acked();
	hears_request("11 04 07d0 12 02 13 07 02 c0000201");
	assert_int_equal(s.link.phase, PHASE_NETWORK);
	assert_true(link_bundles(&s.link));
	assert_int_equal(s.multilink.mrru, 1500);
	assert_int_equal(s.multilink.peer.mrru, MRRU_MAX);
	assert_true(s.multilink.peer.short_sequence && s.multilink.ask_short);
	struct endpoint expected = {ENDPOINT_IP, 4, {192, 0, 2, 1}};
	assert_true(endpoint_equal(&s.multilink.peer.endpoint, &expected));
	expected.class = ENDPOINT_LOCAL;
	assert_false(endpoint_equal(&s.multilink.peer.endpoint, &expected));
	expected.class = ENDPOINT_IP;
	expected.value[3]++;
	assert_false(endpoint_equal(&s.multilink.peer.endpoint, &expected));
}

/* One side's wish is not enough. */
static void not_agreed(void **state)
{
	solo_link(&s, &able);
	acked();
	hears_request("05 06 12345678");
	assert_int_equal(s.link.phase, PHASE_NETWORK);
	assert_false(link_bundles(&s.link));
	solo_link(&s, &able);
	answered(CONFIGURE_REJECT, "11 04 05dc 13 05 01 abcd");
	assert_asked("");
	acked();
	hears_request("11 04 05dc");
	assert_int_equal(s.link.phase, PHASE_NETWORK);
	assert_false(link_bundles(&s.link));
	/* Without memory for it: as if it did not exist. */
	struct link_config unable = able;
	unable.mrru = 0;
	solo_link(&s, &unable);
	hears_request("11 04 05dc");
	assert_frame(&s, "c021 04 07 0008 11 04 05dc");
	assert_false(link_bundles(&s.link));
}

static void answers(void **state)
{
	struct link_config config = able;
	config.ask_short_sequence = true;
	solo_link(&s, &config);
	answered(CONFIGURE_NAK, "11 04 0400");
	assert_asked("11 04 0400 12 02 13 05 01 abcd");
	answered(CONFIGURE_NAK, "11 04 ffff");
	assert_asked("11 04 0640 12 02 13 05 01 abcd");
	answered(CONFIGURE_NAK, "11 04 0001");
	assert_asked("11 04 0080 12 02 13 05 01 abcd");
	answered(CONFIGURE_NAK, "12 02");
	assert_asked("11 04 0080 13 05 01 abcd");
	answered(CONFIGURE_NAK, "13 05 01 0000");
	assert_asked("11 04 0080");
	solo_link(&s, &config);
	answered(CONFIGURE_REJECT, "12 02");
	assert_asked("11 04 05dc 13 05 01 abcd");
	answered(CONFIGURE_REJECT, "13 05 01 abcd");
	assert_asked("11 04 05dc");
}

/* A new negotiation begins with all wishes, and knows nothing of the peer's old ones. */
static void again(void **state)
{
	solo_link(&s, &able);
	answered(CONFIGURE_REJECT, "11 04 05dc 13 05 01 abcd");
	acked();
	hears_request("11 04 05dc");
	assert_int_equal(s.link.phase, PHASE_NETWORK);
	hears_request("05 06 12345678");
	assert_true(s.multilink.ask && s.multilink.ask_endpoint);
	assert_int_equal(s.multilink.peer.mrru, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_for),
		cmocka_unit_test(judged),
		cmocka_unit_test(agreed),
		cmocka_unit_test(not_agreed),
		cmocka_unit_test(answers),
		cmocka_unit_test(again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
