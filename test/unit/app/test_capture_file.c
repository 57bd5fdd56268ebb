/* pcap and pcapng as they come: byte orders, time stamps, and lengths that lie. */
#include "expect.h"

#include <stdlib.h>

#include "capture_file.h"

struct made {
	uint8_t bytes[4096];
	size_t length;
	bool big;
};

static void put(struct made *made, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		made->bytes[made->length++] =
			(uint8_t)(value >> 8 * (made->big ? size - 1 - i : i));
}

/* Opens a block and closes it with its length on both sides. */
static size_t open_block(struct made *made, uint32_t type)
{
	put(made, type, 4);
	put(made, 0, 4);
	return made->length - 8;
}

static void close_block(struct made *made, size_t at)
{
	while ((made->length - at) % 4)
		put(made, 0, 1);
	uint32_t length = (uint32_t)(made->length - at + 4);
	put(made, length, 4);
	size_t end = made->length;
	made->length = at + 4;
	put(made, length, 4);
	made->length = end;
}

static void begin_pcapng(struct made *made, bool big, int resolution)
{
	*made = (struct made){.big = big};
	size_t at = open_block(made, 0x0a0d0d0a);
	put(made, 0x1a2b3c4d, 4);
	put(made, 1, 2);
	put(made, 0, 2);
	put(made, UINT64_MAX, 8); /* length of the section: not told */
	close_block(made, at);
	at = open_block(made, 1);
	put(made, LINKTYPE_RAW, 2);
	put(made, 0, 2);
	put(made, 0, 4);
	if (resolution >= 0) {
		put(made, 9, 2);
		put(made, 1, 2);
		put(made, (uint64_t)resolution, 1);
		put(made, 0, 3);
		put(made, 0, 4);
	}
	close_block(made, at);
}

static void put_packet(struct made *made, uint64_t stamp, uint32_t length, uint32_t there)
{
	size_t at = open_block(made, 6);
	put(made, 0, 4);
	put(made, stamp >> 32, 4);
	put(made, stamp & 0xffffffff, 4);
	put(made, length, 4);
	put(made, length, 4);
	for (uint32_t i = 0; i < there; i++)
		put(made, i, 1);
	close_block(made, at);
}

/* Reads all packets; the stamp of the last, and how many. The memory is exactly as long as the
 * file, so that a read past its end is seen. */
static unsigned count(const struct made *made, struct capture_file *file, uint64_t *stamp)
{
	uint8_t *exact = malloc(made->length);
	struct capture_packet packet;
	unsigned packets = 0;
	uint32_t sum = 0;
	assert_non_null(exact);
	memcpy(exact, made->bytes, made->length);
	if (capture_open(file, exact, made->length))
		while (capture_next(file, &packet)) {
			packets++;
			*stamp = packet.unix_us;
			for (uint32_t i = 0; i < packet.length; i++)
				sum += packet.bytes[i];
			assert_int_equal(packet.linktype, LINKTYPE_RAW);
		}
	free(exact);
	(void)sum;
	return packets;
}

static void test_stamps(void **state)
{
	static const struct {
		int resolution;
		uint64_t stamp, unix_us;
	} cases[] = {{-1, 1500000, 1500000}, {6, 1500000, 1500000}, {9, 1500000000, 1500000},
		{0, 2, 2000000}, {3, 1500, 1500000}, {0x81, 3, 1500000},
		{0x80 | 20, 3 << 19, 1500000}, {0x80 | 50, UINT64_C(3) << 49, 1500000}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (unsigned big = 0; big < 2; big++) {
			struct made made;
			struct capture_file file;
			uint64_t stamp = 0;
			begin_pcapng(&made, big, cases[i].resolution);
			put_packet(&made, cases[i].stamp, 5, 5);
			assert_int_equal(count(&made, &file, &stamp), 1);
			assert_string_equal(file.error, "");
			assert_int_equal(stamp, cases[i].unix_us);
		}
}

static void test_lying_lengths(void **state)
{
	struct made made;
	struct capture_file file;
	uint64_t stamp;
	begin_pcapng(&made, false, -1);
	put_packet(&made, 0, 8, 8);
	put_packet(&made, 0, 9, 8); /* one more than the block holds */
	put_packet(&made, 0, 8, 8);
	assert_int_equal(count(&made, &file, &stamp), 1);
	assert_string_equal(file.error, "a packet longer than its block");
	begin_pcapng(&made, false, -1);
	put_packet(&made, 0, UINT32_MAX, 8);
	assert_int_equal(count(&made, &file, &stamp), 0);
	assert_string_equal(file.error, "a packet longer than its block");
	begin_pcapng(&made, false, -1);
	put(&made, 77, 4); /* a block of no known kind, longer than the file */
	put(&made, 64, 4);
	put(&made, 0, 4);
	assert_int_equal(count(&made, &file, &stamp), 0);
	assert_string_equal(file.error, "a block with an impossible length");
}

static void test_unknown_blocks_are_passed(void **state)
{
	struct made made;
	struct capture_file file;
	uint64_t stamp;
	begin_pcapng(&made, false, -1);
	size_t at = open_block(&made, 0x0bad);
	put(&made, 1, 4);
	close_block(&made, at);
	put_packet(&made, 7, 3, 3);
	assert_int_equal(count(&made, &file, &stamp), 1);
	assert_string_equal(file.error, "");
}

static void test_pcap_orders(void **state)
{
	for (unsigned big = 0; big < 2; big++)
		for (unsigned nano = 0; nano < 2; nano++) {
			struct made made = {.big = big};
			struct capture_file file;
			uint64_t stamp = 0;
			put(&made, nano ? 0xa1b23c4d : 0xa1b2c3d4, 4);
			put(&made, 0, 8);
			put(&made, 0, 8);
			put(&made, LINKTYPE_RAW, 4);
			put(&made, 2, 4);
			put(&made, nano ? 3000 : 3, 4);
			put(&made, 1, 4);
			put(&made, 1, 4);
			put(&made, 0x45, 1);
			assert_int_equal(count(&made, &file, &stamp), 1);
			assert_string_equal(file.error, "");
			assert_int_equal(stamp, 2000003);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_unknown_blocks_are_passed),
		cmocka_unit_test(test_pcap_orders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
