/* pcapng: golden bytes by hand from the draft's figures, and tshark's opinion where it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pcapng.h"

/* An IPv4 UDP packet, 10.0.0.1:1000 to 10.0.0.2:2000, "hi" and a byte more. */
static const uint8_t udp[31] = {0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcc, 10, 0, 0, 1, 10,
	0, 0, 2, 0x03, 0xe8, 0x07, 0xd0, 0, 11, 0, 0, 'h', 'i', '!'};

static void test_header(void **state)
{
	static const uint8_t golden[] = {/* Section Header */
		0x0a, 0x0d, 0x0d, 0x0a, 44, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 0, 8, 0, 'g', 'r', 'e', 'y', 'l', 'i', 'n',
		'e', 0, 0, 0, 0, 44, 0, 0, 0,
		/* Interface Description: outer */
		1, 0, 0, 0, 44, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 5, 0, 'o', 'u', 't', 'e',
		'r', 0, 0, 0, 9, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0,
		/* and inner */
		1, 0, 0, 0, 44, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 2, 0, 5, 0, 'i', 'n', 'n', 'e',
		'r', 0, 0, 0, 9, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0};
	uint8_t bytes[PCAPNG_HEADER_MAX];
	assert_int_equal(pcapng_start(bytes, sizeof(bytes)), sizeof(golden));
	assert_memory_equal(bytes, golden, sizeof(golden));
	assert_int_equal(pcapng_start(bytes, sizeof(bytes) - 1), 0);
}

static void test_packet(void **state)
{
	static const uint8_t golden[] = {6, 0, 0, 0, 60, 0, 0, 0,    /* Enhanced Packet */
		1, 0, 0, 0,                                          /* inner */
		0x15, 0xcd, 0x05, 0, 0x04, 0x03, 0x02, 0x01,         /* high and low time */
		5, 0, 0, 0, 31, 0, 0, 0, 0x45, 0, 0, 31, 0, 0, 0, 0, /* 5 of 31, padded */
		2, 0, 4, 0, 2, 0, 0, 0,                              /* outbound */
		1, 0, 2, 0, 'o', 'k', 0, 0,                          /* comment */
		0, 0, 0, 0, 60, 0, 0, 0};
	struct pcapng_packet packet = {
		.sent = true,
		.unix_us = UINT64_C(0x0005cd1501020304),
		.bytes = udp,
		.length = 5,
		.original = sizeof(udp),
		.comment = "ok",
	};
	uint8_t bytes[256];
	assert_int_equal(pcapng_packet(bytes, sizeof(bytes), &packet), sizeof(golden));
	assert_memory_equal(bytes, golden, sizeof(golden));
	for (size_t size = 0; size < sizeof(golden); size++)
		assert_int_equal(pcapng_packet(bytes, size, &packet), 0);
}

static void test_overhead(void **state)
{
	uint8_t bytes[PCAPNG_OVERHEAD_MAX + 64];
	struct pcapng_packet packet = {.bytes = udp, .length = 31, .original = 31};
	size_t length = pcapng_packet(bytes, sizeof(bytes), &packet);
	assert_true(length > 0 && length <= 32 + PCAPNG_OVERHEAD_MAX);
}

static void test_tshark_reads_it(void **state)
{
	char path[] = "/tmp/greyline-pcapng-XXXXXX", command[256], line[256] = "";
	uint8_t bytes[1024];
	if (system("command -v tshark >/dev/null 2>&1") != 0) {
		printf("skipped: tshark is not installed\n");
		return;
	}
	struct pcapng_packet packet = {.outer = true,
		.unix_us = UINT64_C(1700000000000001),
		.bytes = udp,
		.length = sizeof(udp),
		.original = sizeof(udp)};
	size_t used = pcapng_start(bytes, sizeof(bytes));
	used += pcapng_packet(bytes + used, sizeof(bytes) - used, &packet);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, used), used);
	close(fd);
	snprintf(command, sizeof(command),
		"tshark -r %s -T fields -E separator=/s -e frame.time_epoch -e frame.interface_name"
		" -e ip.src -e ip.dst -e udp.dstport 2>&1 | grep -v 'Running as'",
		path);
	FILE *output = popen(command, "r");
	assert_non_null(output);
	assert_non_null(fgets(line, sizeof(line), output));
	pclose(output);
	unlink(path);
	assert_string_equal(line, "1700000000.000001000 outer 10.0.0.1 10.0.0.2 2000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_overhead),
		cmocka_unit_test(test_tshark_reads_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
