/* The parts of a load that need no network: percentiles, pace, what --traffic says, packets. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_histogram.h"
#include "bench_pacer.h"
#include "bench_traffic.h"
#include "bytes.h"
#include "checksum.h"
#include "limits.h"

/* Percentiles. */

static void test_empty_histogram(void **state)
{
	struct histogram h = {.count = 0};
	assert_int_equal(histogram_percentile(&h, 500), 0);
	assert_int_equal(histogram_percentile(&h, 1000), 0);
}

static void test_small_values_are_exact(void **state)
{
	struct histogram h = {.count = 0};
	for (unsigned i = 1; i <= 50; i++)
		histogram_add(&h, i);
	assert_int_equal(histogram_percentile(&h, 0), 1);
	assert_int_equal(histogram_percentile(&h, 20), 1);
	assert_int_equal(histogram_percentile(&h, 21), 2);
	assert_int_equal(histogram_percentile(&h, 500), 25);
	assert_int_equal(histogram_percentile(&h, 990), 50);
	assert_int_equal(histogram_percentile(&h, 1000), 50);
	assert_int_equal(h.max, 50);
}

static void test_every_size_within_two_per_cent(void **state)
{
	for (uint64_t value = 1; value <= UINT32_MAX; value = value + value / 3 + 1) {
		struct histogram h = {.count = 0};
		histogram_add(&h, value);
		histogram_add(&h, UINT32_MAX);
		uint64_t seen = histogram_percentile(&h, 500);
		assert_in_range(seen, value, value + value / 64);
		assert_int_equal(histogram_percentile(&h, 1000), UINT32_MAX);
	}
}

static void test_too_long_counts_as_the_longest(void **state)
{
	struct histogram h = {.count = 0};
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(h.max, UINT32_MAX);
	assert_int_equal(histogram_percentile(&h, 500), UINT32_MAX);
}

static int order(const void *a, const void *b)
{
	uint32_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

/* Against sorting. */
static void test_percentiles_of_many(void **state)
{
	enum { COUNT = 5000 };
	static uint32_t values[COUNT];
	struct histogram h = {.count = 0};
	srand(7);
	for (unsigned i = 0; i < COUNT; i++) {
		values[i] = (uint32_t)rand() >> (rand() % 24);
		histogram_add(&h, values[i]);
	}
	qsort(values, COUNT, sizeof values[0], order);
	for (unsigned per_mille = 1; per_mille <= 1000; per_mille++) {
		uint32_t exact = values[(COUNT * per_mille + 999) / 1000 - 1];
		assert_in_range(histogram_percentile(&h, per_mille), exact, exact + exact / 64);
	}
}

/* Pace. */

static void test_pace_is_even(void **state)
{
	struct pacer p;
	uint64_t sent = 0;
	pacer_start(&p, 2500 * 1000, SECONDS(100)); /* 2.5 a millisecond */
	for (unsigned ms = 1; ms <= 10000; ms++) {
		uint32_t due = pacer_due(&p, SECONDS(100) + MS(ms), 1000);
		assert_in_range(due, 2, 3);
		sent += due;
	}
	assert_int_equal(sent, 25000);
	assert_int_equal(p.missed, 0);
}

static void test_slow_pace(void **state)
{
	struct pacer p;
	pacer_start(&p, 100, 0); /* one in ten seconds */
	for (unsigned second = 1; second <= 100; second++)
		assert_int_equal(pacer_due(&p, SECONDS(second), 10), second % 10 == 0);
}

static void test_no_pace(void **state)
{
	struct pacer p;
	pacer_start(&p, 0, 0);
	assert_int_equal(pacer_due(&p, SECONDS(1000), 10), 0);
}

/* Held up for a second: twenty milliseconds' worth, and the rest is told. */
static void test_no_burst_after_a_pause(void **state)
{
	struct pacer p;
	pacer_start(&p, 1000 * 1000, 0);
	assert_int_equal(pacer_due(&p, SECONDS(1), 100000), 20);
	assert_int_equal(p.missed, 980);
	assert_int_equal(pacer_due(&p, SECONDS(1), 100000), 0);
	assert_int_equal(pacer_due(&p, SECONDS(1) + MS(5), 100000), 5);
	/* Days do not overflow. */
	pacer_start(&p, UINT64_C(100000) * 1000 * 60000, 0);
	assert_int_equal(pacer_due(&p, SECONDS(1000000), UINT32_MAX), 120000000);
}

static void test_what_is_left_stays_due(void **state)
{
	struct pacer p;
	pacer_start(&p, 1000 * 1000, 0);
	assert_int_equal(pacer_due(&p, MS(10), 4), 4);
	assert_int_equal(pacer_due(&p, MS(10), 4), 4);
	assert_int_equal(pacer_due(&p, MS(10), 4), 2);
	assert_int_equal(pacer_due(&p, MS(9), 4), 0); /* a clock that stands still or goes back */
	pacer_set(&p, 2000 * 1000, MS(20));
	assert_int_equal(pacer_due(&p, MS(21), 100), 12);
}

/* Words. */

static void expect_spec(
	const char *words, enum traffic_kind kind, unsigned size, uint32_t rate, unsigned port)
{
	struct traffic_spec spec;
	char error[TRAFFIC_ERROR_MAX] = "";
	assert_true(traffic_parse(&spec, words, error));
	assert_string_equal(error, "");
	assert_int_equal(spec.kind, kind);
	assert_int_equal(spec.size, size);
	assert_int_equal(spec.rate, rate);
	assert_int_equal(spec.port, port);
}

static void test_good_words(void **state)
{
	expect_spec("none", TRAFFIC_NONE, 64, 1000, 9);
	expect_spec("ping", TRAFFIC_PING, 64, 1000, 9);
	expect_spec("ping:44", TRAFFIC_PING, 44, 1000, 9);
	expect_spec("ping:1500:0.001", TRAFFIC_PING, 1500, 1, 9);
	expect_spec("ping:100:max", TRAFFIC_PING, 100, TRAFFIC_RATE_UNLIMITED, 9);
	expect_spec("udp:1400:100000", TRAFFIC_UDP, 1400, 100000000, 9);
	expect_spec("udp:1400:2.5:7", TRAFFIC_UDP, 1400, 2500, 7);
	expect_spec("udp:1400:0.125:65535", TRAFFIC_UDP, 1400, 125, 65535);
}

static void expect_wrong(const char *words, const char *expected)
{
	struct traffic_spec spec;
	char error[TRAFFIC_ERROR_MAX] = "";
	assert_false(traffic_parse(&spec, words, error));
	assert_string_equal(error, expected);
}

static void test_bad_words(void **state)
{
	static const char *const forms[] = {"", ":", "pong", "none:64", "ping:64:1:7", "udp",
		"udp:64", "udp:64:1:7:7", "udp:64:1:7:7:7", "PING", "ping "};
	static const char *const sizes[] = {"", "43", "1501", "-64", "+64", "64x", "0x40",
		"4294967360", "18446744073709551680"};
	static const char *const rates[] = {"", "0", "0.0", "0.0004", "-1", "1.", ".5", "1e3",
		"100000.001", "100001", "1.2345", "1.5x", "maximum", "99999999999999999999"};
	static const char *const ports[] = {"", "0", "65536", "http"};
	char words[64], expected[TRAFFIC_ERROR_MAX];
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		snprintf(words, sizeof words, "%s", forms[i]);
		struct traffic_spec spec;
		assert_false(traffic_parse(&spec, words, expected));
		assert_memory_equal(expected, "none, ping[:SIZE[:RATE]]", 24);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		snprintf(words, sizeof words, "ping:%s", sizes[i]);
		snprintf(expected, sizeof expected,
			"a SIZE of 44 to 1500 bytes is expected, not '%s'", sizes[i]);
		expect_wrong(words, expected);
	}
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		snprintf(words, sizeof words, "udp:64:%s", rates[i]);
		snprintf(expected, sizeof expected,
			"a RATE of 0.001 to 100000 packets a second and session, or max, is "
			"expected, not '%s'",
			rates[i]);
		expect_wrong(words, expected);
	}
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
		snprintf(words, sizeof words, "udp:64:1:%s", ports[i]);
		snprintf(expected, sizeof expected, "a PORT of 1 to 65535 is expected, not '%s'",
			ports[i]);
		expect_wrong(words, expected);
	}
	memset(words, 'x', sizeof words);
	words[sizeof words - 1] = '\0';
	snprintf(expected, sizeof expected,
		"none, ping[:SIZE[:RATE]] or udp:SIZE:RATE[:PORT] is expected, not '%.32s'", words);
	char longer[100];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	expect_wrong(longer, expected);
}

/* Packets. */

enum { MARK = 0xdecade00, NOW = 1234567890 };

static const struct traffic_flow flow = {.source = 0x0a610005, .target = 0x0a610001, .id = 0x1234};

static struct traffic make(const char *words)
{
	struct traffic_spec spec;
	struct traffic traffic;
	char error[TRAFFIC_ERROR_MAX];
	assert_true(traffic_parse(&spec, words, error));
	traffic_init(&traffic, &spec, MARK);
	return traffic;
}

static void expect_header(const uint8_t *packet, unsigned size, unsigned protocol)
{
	assert_int_equal(checksum_of(0, packet, 20), 0xffff);
	assert_int_equal(packet[0], 0x45);
	assert_int_equal(get_u16(packet + 2), size);
	assert_int_equal(packet[9], protocol);
	assert_int_equal(get_u32(packet + 12), flow.source);
	assert_int_equal(get_u32(packet + 16), flow.target);
}

/* What the other end makes of a request: ends and type exchanged. */
static void turn_round(uint8_t *packet)
{
	uint8_t source[4];
	memcpy(source, packet + 12, 4);
	memcpy(packet + 12, packet + 16, 4);
	memcpy(packet + 16, source, 4);
	if (packet[9] == 1)
		packet[20] = 0;
}

static void test_ping(void **state)
{
	uint8_t packet[TRAFFIC_SIZE_MAX];
	uint64_t sent = 0;
	for (unsigned size = TRAFFIC_SIZE_MIN; size <= TRAFFIC_SIZE_MAX; size += 13) {
		char words[32];
		snprintf(words, sizeof words, "ping:%u", size);
		struct traffic traffic = make(words);
		traffic_build(&traffic, packet, &flow, 0xfffe, NOW);
		expect_header(packet, size, 1);
		assert_int_equal(packet[20], 8);
		assert_int_equal(get_u16(packet + 24), flow.id);
		assert_int_equal(get_u16(packet + 26), 0xfffe);
		assert_int_equal(checksum_of(0, packet + 20, size - 20), 0xffff);
		/* Our own request, sent back as it is, answers nothing. */
		assert_false(traffic_answer(&traffic, packet, size, NOW + 5, &sent));
		turn_round(packet);
		assert_true(traffic_answer(&traffic, packet, size, NOW + 5, &sent));
		assert_int_equal(sent, NOW);
	}
}

static void test_udp(void **state)
{
	uint8_t packet[TRAFFIC_SIZE_MAX];
	uint64_t sent = 0;
	struct traffic traffic = make("udp:777:1:7");
	traffic_build(&traffic, packet, &flow, 3, NOW);
	expect_header(packet, 777, 17);
	assert_int_equal(get_u16(packet + 20), flow.id | 0x8000);
	assert_int_equal(get_u16(packet + 22), 7);
	assert_int_equal(get_u16(packet + 24), 757);
	uint64_t pseudo = checksum_add(17 + 757, packet + 12, 8);
	assert_int_equal(checksum_of(pseudo, packet + 20, 757), 0xffff);
	turn_round(packet);
	assert_true(traffic_answer(&traffic, packet, 777, NOW, &sent));
	assert_int_equal(sent, NOW);
}

static void test_foreign_answers(void **state)
{
	uint8_t packet[TRAFFIC_SIZE_MAX], changed[TRAFFIC_SIZE_MAX];
	uint64_t sent = 0;
	struct traffic traffic = make("ping:64"), none = make("none"), udp = make("udp:64:1");
	traffic_build(&traffic, packet, &flow, 1, NOW);
	turn_round(packet);
	assert_true(traffic_answer(&traffic, packet, 64, NOW, &sent));
	assert_false(traffic_answer(&traffic, packet, 64, NOW - 1, &sent)); /* from the future */
	assert_false(traffic_answer(&none, packet, 64, NOW, &sent));
	assert_false(traffic_answer(&udp, packet, 64, NOW, &sent));
	for (size_t length = 0; length < TRAFFIC_SIZE_MIN - 4; length++)
		assert_false(traffic_answer(&traffic, packet, length, NOW, &sent));
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {{0, 0x65}, {0, 0x44}, {0, 0x4f}, {9, 17}, {20, 8}, {28, 0xdf}, {31, 1}};
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		memcpy(changed, packet, sizeof changed);
		changed[changes[i].at] = changes[i].value;
		assert_false(traffic_answer(&traffic, changed, 64, NOW, &sent));
	}
}

/* Options in the answer's IP header move what follows. */
static void test_answer_with_ip_options(void **state)
{
	uint8_t packet[64], longer[68] = {0};
	uint64_t sent = 0;
	struct traffic traffic = make("ping:64");
	traffic_build(&traffic, packet, &flow, 1, NOW);
	turn_round(packet);
	memcpy(longer, packet, 20);
	longer[0] = 0x46;
	memcpy(longer + 24, packet + 20, 44);
	assert_true(traffic_answer(&traffic, longer, sizeof longer, NOW, &sent));
	assert_int_equal(sent, NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_histogram),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_every_size_within_two_per_cent),
		cmocka_unit_test(test_too_long_counts_as_the_longest),
		cmocka_unit_test(test_percentiles_of_many),
		cmocka_unit_test(test_pace_is_even),
		cmocka_unit_test(test_slow_pace),
		cmocka_unit_test(test_no_pace),
		cmocka_unit_test(test_no_burst_after_a_pause),
		cmocka_unit_test(test_what_is_left_stays_due),
		cmocka_unit_test(test_good_words),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_foreign_answers),
		cmocka_unit_test(test_answer_with_ip_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
