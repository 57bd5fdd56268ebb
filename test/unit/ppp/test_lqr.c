/* Link-Quality-Reports: golden bytes of RFC 1989 §2.6, when they are sent, and who is judged. */
#include "solo.h"

#include <string.h>

static struct solo s;

static const struct link_config plain = {.mru = 1500, .name = "", .password = ""};

/* We ask for a report every two seconds; two bad ones of the last three end the link. */
static const struct link_config judging = {.mru = 1500,
	.name = "",
	.password = "",
	.lqr_period = 200,
	.lqr_loss = 10,
	.lqr_failure = 2,
	.lqr_window = 3};

/* To Opened: our request is acked, the peer's has these options (their length in the packet's). */
static void open_with(const struct link_config *config, const char *options)
{
	solo_link(&s, config);
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	uint8_t ack[PPP_FRAME_MAX];
	memcpy(ack, s.frame, s.frame_length);
	ack[2] = CONFIGURE_ACK;
	link_input(&s.link, ack, s.frame_length, s.now, &out);
	char request[128] = "c021 01 07 ";
	solo_hears(&s, strcat(request, options));
	assert_int_equal(s.link.phase, PHASE_NETWORK);
}

/* A report of the peer's: its magic number is 1, its counters of octets are 0. */
static void report(uint32_t last_out, uint32_t in_lqrs, uint32_t in, uint32_t discards,
	uint32_t out_lqrs, uint32_t out)
{
	const uint32_t fields[12] = {
		1, 1, last_out, 0, in_lqrs, in, discards, 0, 0, out_lqrs, out, 0};
	char hex[5 + 12 * 8 + 1] = "c025 ";
	struct text t = text_over(hex + 5, sizeof hex - 5);
	for (size_t i = 0; i < 12; i++)
		text_hex(&t, fields[i], 8);
	solo_hears(&s, hex);
}

static void counted(uint32_t out, uint32_t in, uint32_t discards)
{
	const struct lqr_counters counters = {.packets_out = out,
		.octets_out = out * 100,
		.packets_in = in,
		.octets_in = in * 10,
		.discards_in = discards};
	link_counted(&s.link, &counters);
}

static void wishes_judged(void **state)
{
	static const struct {
		const char *options, *answer;
	} cases[] = {
		{"000c 04 08 c025 00000064", "c021 02 07 000c 04 08 c025 00000064"},
		{"000c 04 08 c025 00000000", "c021 02 07 000c 04 08 c025 00000000"},
		{"000c 04 08 c025 ffffffff", "c021 02 07 000c 04 08 c025 ffffffff"},
		{"000c 04 08 c025 00000063", "c021 03 07 000c 04 08 c025 00000064"},
		{"000c 04 08 c027 00000064", "c021 03 07 000c 04 08 c025 00000bb8"},
		{"0008 04 04 c025", "c021 03 07 000c 04 08 c025 00000bb8"},
		{"000d 04 09 c025 00000064 00", "c021 03 07 000c 04 08 c025 00000bb8"},
		{"0007 04 03 c0", "c021 03 07 000c 04 08 c025 00000bb8"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char hex[128] = "c021 01 07 ";
		solo_link(&s, &plain);
		solo_hears(&s, strcat(hex, cases[i].options));
		assert_frame(&s, cases[i].answer);
	}
	assert_false(link_counts(&s.link));
}

/* The fields' order and meaning; the three of PeerOut count the report itself. */
static void golden_report(void **state)
{
	open_with(&plain, "0012 04 08 c025 00000064 05 06 00000001");
	s.link.lcp.magic = 0xa1b2c3d4;
	counted(7, 5, 0);
	uint64_t opened = s.now;
	solo_tick(&s);
	assert_int_equal(s.now, opened + SECONDS(1));
	assert_frame(&s, "c025 a1b2c3d4 00000000 00000000 00000000 00000000 00000000 00000000 "
			 "00000000 00000000 00000001 00000008 000002ee");
	counted(8, 6, 2);
	solo_hears(&s, "c025 00000001 00000001 00000008 000002ee 00000001 00000008 00000000 "
		       "00000000 00000111 00000009 0000000a 0000000b");
	assert_said(&s, "");
	counted(20, 30, 4);
	solo_tick(&s);
	assert_int_equal(s.now, opened + SECONDS(2));
	assert_frame(&s, "c025 a1b2c3d4 00000009 0000000a 0000000b 00000001 00000006 00000002 "
			 "00000000 0000003c 00000002 00000015 00000802");
}

/* What leaves in the same call stands before the report and is counted by it. */
static void frames_of_the_same_call_count(void **state)
{
	struct link_config config = plain;
	config.echo_interval_us = SECONDS(1);
	config.echo_failure = 3;
	open_with(&config, "0012 04 08 c025 00000064 05 06 00000001");
	counted(7, 5, 0);
	solo_tick(&s);
	assert_non_null(strstr(s.said, "< LCP Echo-Request"));
	assert_non_null(strstr(s.said, " peer-out 1/9/"));
}

static void answers_where_no_timer_is_wanted(void **state)
{
	open_with(&plain, "0012 04 08 c025 00000000 05 06 00000001");
	assert_int_equal(link_deadline(&s.link), NEVER);
	report(0, 0, 0, 0, 1, 1);
	assert_non_null(strstr(s.said, "< LQR magic"));
	report(0, 1, 1, 0, 2, 2);
	assert_non_null(strstr(s.said, "< LQR magic"));
}

/* Two reports that show nothing of ours arrived in between (§2.7). */
static void answers_a_peer_that_heard_nothing(void **state)
{
	open_with(&plain, "0012 04 08 c025 00000bb8 05 06 00000001");
	report(0, 0, 0, 0, 1, 1);
	assert_said(&s, "");
	report(0, 0, 0, 0, 2, 2);
	assert_non_null(strstr(s.said, "< LQR magic"));
	uint64_t sent = s.now;
	assert_int_equal(link_deadline(&s.link), sent + SECONDS(30));
}

static void only_where_agreed(void **state)
{
	open_with(&plain, "000a 05 06 00000001");
	report(0, 0, 0, 0, 1, 1);
	assert_said(&s, "drop frame-protocol\n");
	assert_int_equal(link_deadline(&s.link), NEVER);
	open_with(&plain, "0012 04 08 c025 00000064 05 06 00000001");
	solo_hears(&s, "c025 00000001 0000");
	assert_said(&s, "drop frame-short\n");
	solo_hears(&s, "c021 08 01 000a c025 00000001"); /* it does not speak it after all */
	assert_int_equal(link_deadline(&s.link), NEVER);
	assert_int_equal(s.link.phase, PHASE_NETWORK);
}

static void our_wish(void **state)
{
	solo_link(&s, &judging);
	assert_int_equal(s.link.lcp.quality_period, 200);
	static const uint8_t option[] = {4, 8, 0xc0, 0x25, 0, 0, 0, 200};
	assert_memory_equal(s.frame + 6, option, sizeof option);
	solo_hears(&s, "c021 03 01 000c 04 08 c025 00000400");
	assert_int_equal(s.link.lcp.quality_period, 0x400);
	solo_hears(&s, "c021 03 02 000c 04 08 c025 00000000"); /* without a timer it is no use */
	assert_int_equal(s.link.lcp.quality_period, 0);
	solo_link(&s, &judging);
	solo_hears(&s, "c021 04 01 000c 04 08 c025 000000c8");
	assert_int_equal(s.link.lcp.quality_period, 0);
	solo_link(&s, &judging);
	solo_hears(&s, "c021 03 01 0008 04 04 c027");
	assert_int_equal(s.link.lcp.quality_period, 0);
}

static void silence_is_bad(void **state)
{
	open_with(&judging, "000a 05 06 00000001");
	uint64_t opened = s.now;
	solo_tick(&s); /* a report of ours, without which the peer could not say what it got */
	assert_int_equal(s.now, opened + SECONDS(2));
	assert_non_null(strstr(s.said, "< LQR magic"));
	solo_tick(&s);
	assert_int_equal(s.now, opened + SECONDS(3));
	assert_said(&s, "note Link quality: the peer's report did not come\n");
	solo_tick(&s);
	solo_tick(&s);
	assert_int_equal(s.now, opened + SECONDS(5));
	assert_non_null(strstr(s.said, "note 2 bad ones in the last 3 link quality reports\n"));
	assert_int_equal(s.link.closing, CLOSE_LINK_QUALITY);
}

/* Loss on the way to the peer, on the way here, and what is none. */
static void loss_is_judged(void **state)
{
	open_with(&judging, "000a 05 06 00000001");
	counted(0, 1, 0);
	report(0, 1, 0, 0, 1, 1);
	counted(100, 101, 0);
	report(100, 2, 90, 0, 2, 101); /* a tenth is as much as may be */
	assert_said(&s, "");
	counted(200, 201, 0);
	report(200, 3, 179, 0, 3, 201);
	assert_said(
		&s, "note Link quality: lost 11 of 100 packets to the peer, 0 of 100 from it\n");
	counted(300, 291, 10);
	report(300, 4, 259, 20, 4, 301); /* discarded at an end: not lost on the way */
	assert_said(&s, "");
	counted(300, 350, 10); /* ahead of what the peer has counted */
	report(300, 5, 300, 20, 5, 310);
	assert_said(&s, "");
	assert_int_equal(s.link.closing, CLOSE_NONE);
	counted(300, 350, 10);
	report(300, 6, 300, 20, 6, 360);
	assert_non_null(strstr(s.said, "0 of 0 packets to the peer, 50 of 50 from it"));
	assert_int_equal(s.link.closing, CLOSE_NONE);
	counted(300, 350, 10);
	report(300, 7, 300, 20, 7, 361);
	assert_int_equal(s.link.closing, CLOSE_LINK_QUALITY);
	assert_int_equal(s.link.phase, PHASE_TERMINATE);
}

/* Until the peer has heard a report, LastOut says nothing. */
static void nothing_is_known_at_first(void **state)
{
	open_with(&judging, "0012 04 08 c025 00000bb8 05 06 00000001");
	counted(50, 1, 0);
	report(0, 0, 0, 0, 1, 1);
	counted(60, 2, 0);
	report(55, 1, 0, 0, 2, 2);
	assert_said(&s, "");
}

/* 32 bits go round (§2.2). */
static void counters_go_round(void **state)
{
	open_with(&judging, "000a 05 06 00000001");
	counted(0xfffffff0, 0xfffffff0, 0);
	report(0xfffffff0, 1, 0xfffffff0, 0, 1, 0xfffffff0);
	counted(16, 16, 0);
	report(16, 2, 16, 0, 2, 16);
	assert_said(&s, "");
}

static void looped_reports(void **state)
{
	open_with(&judging, "000a 05 06 00000001");
	s.link.lcp.magic = 1;
	for (int i = 1; i < LCP_LOOP_TRIES; i++) {
		report(0, 1, 0, 0, 1, 1);
		assert_said(&s, "drop frame-magic\n");
	}
	report(0, 1, 0, 0, 1, 1);
	assert_int_equal(s.link.closing, CLOSE_LOOPBACK);
}

/* An LCP that starts again ends the reports of the old agreement. */
static void a_new_epoch_forgets(void **state)
{
	open_with(&judging, "0012 04 08 c025 00000064 05 06 00000001");
	report(0, 1, 0, 0, 1, 1);
	assert_true(link_counts(&s.link));
	solo_hears(&s, "c021 01 08 000a 05 06 00000001");
	assert_false(link_counts(&s.link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes_judged),
		cmocka_unit_test(golden_report),
		cmocka_unit_test(frames_of_the_same_call_count),
		cmocka_unit_test(answers_where_no_timer_is_wanted),
		cmocka_unit_test(answers_a_peer_that_heard_nothing),
		cmocka_unit_test(only_where_agreed),
		cmocka_unit_test(our_wish),
		cmocka_unit_test(silence_is_bad),
		cmocka_unit_test(loss_is_judged),
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(counters_go_round),
		cmocka_unit_test(looped_reports),
		cmocka_unit_test(a_new_epoch_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
