/* DHCPv6 messages: bytes put together by hand after RFC 8415 §21, round trips, every truncation. */
#include "hex.h"

#include <string.h>

#include "dhcpv6_wire.h"

/* Client identifier (DUID-LL), rapid commit, elapsed 1.5 s, option request 23 24, IA_PD 7 with the
 * hint ::/56. */
static const char solicit[] = "01 c0 ff ee"
			      "00 01 00 0a 00 03 00 01 02 00 5e 10 00 01"
			      "00 0e 00 00"
			      "00 08 00 02 00 96"
			      "00 19 00 29 00 00 00 07 00 00 00 00 00 00 00 00"
			      "00 1a 00 19 00 00 00 00 00 00 00 00 38"
			      "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
			      "00 06 00 04 00 17 00 18";

static bool parse(struct dhcpv6_message *message, const void *bytes, size_t length)
{
	return dhcpv6_read(message, reader_over(bytes, length));
}

static void golden(void **state)
{
	uint8_t bytes[512], again[512];
	struct dhcpv6_message message;
	size_t length = hex_bytes(bytes, sizeof bytes, solicit);
	assert_true(parse(&message, bytes, length));
	assert_int_equal(message.type, DHCPV6_SOLICIT);
	assert_int_equal(message.transaction, 0xc0ffee);
	assert_int_equal(message.client.length, 10);
	assert_int_equal(message.server.length, 0);
	assert_true(message.rapid_commit);
	assert_int_equal(message.elapsed, 150);
	assert_int_equal(message.wants, DHCPV6_WANTS_DNS | DHCPV6_WANTS_DOMAINS);
	assert_int_equal(message.ia_count, 1);
	assert_int_equal(message.ias[0].kind, DHCPV6_IA_PD);
	assert_int_equal(message.ias[0].iaid, 7);
	assert_int_equal(message.ias[0].count, 1);
	assert_int_equal(message.ias[0].prefixes[0].prefix.length, 56);
	struct writer w = writer_over(again, sizeof again);
	dhcpv6_write(&w, &message);
	assert_int_equal(writer_length(&w), length);
	assert_memory_equal(again, bytes, length);
}

static struct dhcpv6_message whole(void)
{
	struct dhcpv6_message m = {.type = DHCPV6_REPLY,
		.transaction = 0x123456,
		.client = {3, {1, 2, 3}},
		.server = {4, {4, 5, 6, 7}},
		.first_choice = true,
		.status = DHCPV6_UNSPEC_FAIL,
		.ia_count = 2,
		.dns = {{6, {0xfd, [15] = 1}}, {6, {0xfd, [15] = 2}}},
		.ntp = {6, {0xfd, [15] = 3}}};
	m.ias[0] = (struct dhcpv6_ia){.kind = DHCPV6_IA_PD,
		.iaid = 9,
		.t1 = 100,
		.t2 = 200,
		.count = 1,
		.prefixes = {{{{6, {0xfd, 0, 0, 0x99}}, 56}, 300, 400}}};
	m.ias[1] = (struct dhcpv6_ia){
		.kind = DHCPV6_IA_NA, .iaid = 10, .status = DHCPV6_NO_ADDRS_AVAIL};
	assert_true(domains_add(&m.search, "example.net"));
	return m;
}

static void round_trip(void **state)
{
	struct dhcpv6_message sent = whole(), got;
	uint8_t bytes[512], again[512];
	struct writer w = writer_over(bytes, sizeof bytes);
	dhcpv6_write(&w, &sent);
	size_t length = writer_length(&w);
	assert_true(parse(&got, bytes, length));
	w = writer_over(again, sizeof again);
	dhcpv6_write(&w, &got);
	assert_int_equal(writer_length(&w), length);
	assert_memory_equal(bytes, again, length);
	assert_int_equal(got.ias[0].t2, 200);
	assert_int_equal(got.ias[0].prefixes[0].valid, 400);
	assert_int_equal(got.ias[1].status, DHCPV6_NO_ADDRS_AVAIL);
	assert_int_equal(got.ntp.bytes[15], 3);
	char line[512];
	struct text t = text_over(line, sizeof line);
	dhcpv6_print(&t, &got);
	assert_string_equal(line,
		"DHCPv6 Reply id 123456 UnspecFail IA_PD 9 fd00:99::/56 for 400 s "
		"IA_NA 10 NoAddrsAvail dns fd00::1 dns fd00::2 search example.net");
	/* A message ends where an option does, or not at all. */
	size_t whole_ones = 0;
	for (size_t n = 0; n < length; n++)
		whole_ones += parse(&got, bytes, n);
	assert_int_equal(whole_ones, 10);
	w = writer_over(again, length - 1);
	dhcpv6_write(&w, &sent);
	assert_true(w.failed);
}

static void refused(void **state)
{
	static const struct {
		const char *bytes;
		bool read;
	} cases[] = {
		{"01 00 00 01", true}, {"00 00 00 01", false}, /* no such message */
		{"0c 00 00 01", false},                        /* a relay's */
		{"01 00 00 01 00 01 00 02 00 01", false},      /* an identity of nothing */
		{"01 00 00 01 00 08 00 01 00", false},         /* half an elapsed time */
		{"01 00 00 01 00 06 00 03 00 17 00", false},   /* half a wish */
		{"01 00 00 01 00 17 00 0f 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", false},
		{"01 00 00 01 00 18 00 02 c0 0c", false}, /* compressed */
		{"01 00 00 01 00 19 00 0b 00 00 00 07 00 00 00 00 00 00 00", false},
		{"01 00 00 01 00 19 00 10 00 00 00 07 00 00 00 00 00 00 00 00 00 1a 00 00", false},
		{"01 00 00 01 00 03 00 0e 00 00 00 07 00 00 00 00 00 00 00 00 00 0d", false},
		{"01 00 00 01 ff ff 00 01 00", true}, /* an option nobody knows */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[64];
		struct dhcpv6_message message;
		size_t length = hex_bytes(bytes, sizeof bytes, cases[i].bytes);
		assert_int_equal(parse(&message, bytes, length), cases[i].read);
	}
}

/* What the rules forbid inside an association counts as not there; what is set behind a prefix's
 * length is no part of it. */
static void senseless(void **state)
{
	struct dhcpv6_message sent = whole(), got;
	uint8_t bytes[512];
	sent.ias[0].prefixes[0].preferred = 401;
	struct writer w = writer_over(bytes, sizeof bytes);
	dhcpv6_write(&w, &sent);
	assert_true(parse(&got, bytes, writer_length(&w)));
	assert_int_equal(got.ias[0].count, 0);
	sent = whole();
	sent.ias[0].t1 = 201;
	sent.ias[0].prefixes[0].prefix.address.bytes[7] = 0x77;
	w = writer_over(bytes, sizeof bytes);
	dhcpv6_write(&w, &sent);
	assert_true(parse(&got, bytes, writer_length(&w)));
	assert_int_equal(got.ia_count, 1);
	sent.ias[0].t1 = 1;
	w = writer_over(bytes, sizeof bytes);
	dhcpv6_write(&w, &sent);
	assert_true(parse(&got, bytes, writer_length(&w)));
	assert_int_equal(got.ias[0].prefixes[0].prefix.address.bytes[7], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(round_trip),
		cmocka_unit_test(refused), cmocka_unit_test(senseless)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
