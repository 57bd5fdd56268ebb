/* The programs for the kernel's PPP, run by the kernel: on one end of a pair of sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ppp_filter.h"

static int ends[2];

static void begin(const struct ppp_filter *filter)
{
	assert_false(filter->failed);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(ppp_filter_attach(filter, ends[1]), 0);
}

static void end(void)
{
	close(ends[0]);
	close(ends[1]);
}

static bool passes(const void *packet, size_t length)
{
	uint8_t back[256];
	(void)!write(ends[0], packet, length);
	return read(ends[1], back, sizeof(back)) == (ssize_t)length;
}

/* GRE in front, with a sequence number and perhaps an acknowledgement. */
static bool frame_passes(bool ack, const void *frame, size_t length)
{
	uint8_t packet[64] = {0x30, ack ? 0x81 : 0x01, 0x88, 0x0b, 0, (uint8_t)length, 0, 7};
	size_t at = ack ? 16 : 12;
	memcpy(packet + at, frame, length);
	return passes(packet, at + length);
}

#define PASSES(...)                                                                                \
	(frame_passes(                                                                             \
		 false, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})) && \
		frame_passes(true, (const uint8_t[]){__VA_ARGS__},                                 \
			sizeof((const uint8_t[]){__VA_ARGS__})))
#define DROPPED(...)                                                                               \
	(!frame_passes(                                                                            \
		 false, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})) && \
		!frame_passes(true, (const uint8_t[]){__VA_ARGS__},                                \
			sizeof((const uint8_t[]){__VA_ARGS__})))

static void nothing_passes_in_clear(void **state)
{
	static struct ppp_filter filter;
	static const uint8_t ack_alone[12] = {0x20, 0x81, 0x88, 0x0b};
	ppp_filter_clear(&filter, false);
	begin(&filter);
	assert_true(PASSES(0xff, 0x03, 0x00, 0xfd, 0x90, 0x01));
	assert_true(PASSES(0x00, 0xfd, 0x90, 0x01));
	assert_true(PASSES(0xfd, 0x90, 0x01));
	assert_true(PASSES(0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4));
	assert_true(PASSES(0xc0, 0x21, 1, 1, 0, 4));
	assert_true(PASSES(0x80, 0xfd, 1, 1, 0, 4));
	assert_true(PASSES(0x80, 0x21, 1, 1, 0, 4));
	assert_true(DROPPED(0xff, 0x03, 0x00, 0x21, 0x45));
	assert_true(DROPPED(0x00, 0x21, 0x45));
	assert_true(DROPPED(0x21, 0x45));
	assert_true(DROPPED(0x57, 0x60));
	assert_true(DROPPED(0x2d, 0x45)); /* VJ */
	assert_true(DROPPED(0xfb, 0x45));
	assert_true(DROPPED(0x02, 0x81, 0x45)); /* MPLS */
	assert_true(DROPPED(0x00));
	assert_true(passes(ack_alone, sizeof(ack_alone)));
	end();
}

/* Hidden in the first fragment of a packet, or split between two. */
static void nor_in_a_fragment(void **state)
{
	static struct ppp_filter filter;
	ppp_filter_clear(&filter, false);
	begin(&filter);
	assert_true(PASSES(0x3d, 0xc0, 0, 0, 1, 0xfd, 0x90, 1));
	assert_true(PASSES(0x00, 0x3d, 0x80, 0, 0, 1, 0x00, 0xfd, 0x90));
	assert_true(PASSES(0xff, 0x03, 0x00, 0x3d, 0x80, 0, 0, 1, 0x80, 0xfd, 1, 1));
	assert_true(PASSES(0x3d, 0x40, 0, 0, 1, 0x21, 0x45)); /* the end of a packet */
	assert_true(DROPPED(0x3d, 0xc0, 0, 0, 1, 0x21, 0x45));
	assert_true(DROPPED(0x00, 0x3d, 0x80, 0, 0, 1, 0x00, 0x21, 0x45));
	assert_true(DROPPED(0x3d, 0x80, 0, 0, 1, 0x00));
	assert_true(DROPPED(0x3d, 0x80, 0, 0, 1, 0x3d, 0xc0, 0, 0, 1, 0x21));
	end();
	ppp_filter_clear(&filter, true);
	begin(&filter);
	assert_true(PASSES(0x3d, 0xc0, 1, 0xfd, 0x90, 1));
	assert_true(DROPPED(0x3d, 0xc0, 1, 0x21, 0x45));
	end();
}

/* Behind the header a unit's filter sees. */
static bool from4(uint8_t sent, const uint8_t source[4])
{
	uint8_t packet[4 + 20] = {sent, 0, 0x00, 0x21, 0x45};
	memcpy(packet + 4 + 12, source, 4);
	return passes(packet, sizeof(packet));
}

static bool from6(const uint8_t source[16], uint8_t to)
{
	uint8_t packet[4 + 40] = {0, 0, 0x00, 0x57, 0x60};
	memcpy(packet + 4 + 8, source, 16);
	packet[4 + 24] = 0xff;
	packet[4 + 25] = to;
	return passes(packet, sizeof(packet));
}

static void sources_are_the_peers_own(void **state)
{
	static struct ppp_filter filter;
	const struct prefix networks[] = {
		{{4, {10, 98, 0, 2}}, 32},
		{{4, {192, 168, 8}}, 22},
		{{6, {0x20, 1, 0xd, 0xb8, 0, 5}}, 47},
		{{6, {0xfe, 0x80, [15] = 9}}, 128},
	};
	const uint8_t ours[16] = {0x20, 1, 0xd, 0xb8, 0, 4, 3}, link[16] = {0xfe, 0x80, [15] = 9};
	const uint8_t others[16] = {0x20, 1, 0xd, 0xb8, 0, 6}, other[16] = {0xfe, 0x80, [15] = 8};
	const uint8_t none[16] = {0};
	ppp_filter_sources(&filter, networks, 4);
	begin(&filter);
	assert_true(from4(0, (const uint8_t[]){10, 98, 0, 2}));
	assert_true(from4(0, (const uint8_t[]){192, 168, 11, 255}));
	assert_false(from4(0, (const uint8_t[]){192, 168, 12, 0}));
	assert_false(from4(0, (const uint8_t[]){10, 98, 0, 3}));
	assert_true(from4(1, (const uint8_t[]){10, 98, 0, 3}));
	assert_true(from6(ours, 0));
	assert_true(from6(link, 0));
	assert_false(from6(others, 0));
	assert_false(from6(other, 0));
	assert_true(from6(none, 2));  /* asks whether an address is free */
	assert_false(from6(none, 5)); /* to more than the link */
	assert_false(passes((const uint8_t[]){0, 0, 0x00, 0x2b, 1}, 5));
	uint8_t restored[4 + 20] = {0, 0, 0x00, 0x2d, 0x45, [16] = 10, [17] = 98, [19] = 2};
	assert_true(passes(restored, sizeof(restored))); /* by VJ */
	restored[3] = 0x2f;
	assert_true(passes(restored, sizeof(restored)));
	restored[19] = 3;
	assert_false(passes(restored, sizeof(restored)));
	end();
}

static void too_many_networks_are_told(void **state)
{
	static struct ppp_filter filter;
	static struct prefix networks[PPP_FILTER_MAX];
	for (size_t i = 0; i < PPP_FILTER_MAX; i++)
		networks[i] = (struct prefix){.address = {.family = 4}, .length = 32};
	ppp_filter_sources(&filter, networks, PPP_FILTER_MAX);
	assert_true(filter.failed);
	assert_int_equal(ppp_filter_attach(&filter, -1), -7 /* E2BIG */);
}

static bool six(uint8_t next, uint16_t second)
{
	uint8_t packet[48] = {0x60, [6] = next, [40] = (uint8_t)second,
		[42] = (uint8_t)(second >> 8), [43] = (uint8_t)second};
	return passes(packet, sizeof(packet));
}

static void services_hear_what_they_answer(void **state)
{
	static struct ppp_filter filter;
	uint8_t dhcp[28] = {0x45, [9] = 17, [16] = 255, [17] = 255, [18] = 255, [19] = 255};
	ppp_filter_services(&filter);
	begin(&filter);
	assert_true(passes(dhcp, sizeof(dhcp)));
	dhcp[9] = 6;
	assert_false(passes(dhcp, sizeof(dhcp)));
	dhcp[9] = 17, dhcp[19] = 1;
	assert_false(passes(dhcp, sizeof(dhcp)));
	assert_true(six(58, 133));
	assert_true(six(58, 134));
	assert_false(six(58, 128));
	assert_true(six(17, 546));
	assert_true(six(17, 547));
	assert_false(six(17, 53));
	assert_false(six(6, 547));
	end();
}

static void early_packets_are_of_one_call(void **state)
{
	static struct ppp_filter filter;
	uint8_t packet[36] = {0x45, [9] = 47, [20] = 0x30, [21] = 1, [22] = 0x88, [23] = 0x0b,
		[26] = 0x12, [27] = 0x34};
	ppp_filter_early(&filter, 0x1234);
	begin(&filter);
	assert_true(passes(packet, sizeof(packet)));
	packet[27] = 0x35;
	assert_false(passes(packet, sizeof(packet)));
	packet[27] = 0x34, packet[23] = 0;
	assert_false(passes(packet, sizeof(packet)));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_passes_in_clear),
		cmocka_unit_test(nor_in_a_fragment),
		cmocka_unit_test(sources_are_the_peers_own),
		cmocka_unit_test(too_many_networks_are_told),
		cmocka_unit_test(services_hear_what_they_answer),
		cmocka_unit_test(early_packets_are_of_one_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
