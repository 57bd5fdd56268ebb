/* Figure 4 of RFC 6040, cell by cell, in both families. */
#include "hex.h"

#include "bytes.h"
#include "checksum.h"
#include "ecn.h"

enum { DROPPED = -1 };

/* [inner][outer], in the order of the figure: Not-ECT, ECT(0), ECT(1), CE. */
static const uint8_t order[4] = {0, 2, 1, 3};
static const int figure[4][4] = {
	{0, 0, 0, DROPPED},
	{2, 2, 1, 3},
	{1, 1, 1, 3},
	{3, 3, 3, 3},
};

static void ipv4(void **state)
{
	for (unsigned cell = 0; cell < 16; cell++)
		for (uint32_t id = 0; id < 0x10000; id += 251) {
			uint8_t header[20] = {0x45, 0xb8, 0, 40, 0, 0, 0x40, 0, 64, 6};
			uint8_t before[20];
			int expected = figure[cell / 4][cell % 4];
			header[1] |= order[cell / 4];
			put_u16(header + 4, (uint16_t)id);
			put_u16(header + 10, (uint16_t)~checksum_of(0, header, 20));
			memcpy(before, header, 20);
			bool passes = ecn_combine(header, 0x28 | order[cell % 4]);
			assert_int_equal(passes, expected != DROPPED);
			if (expected != DROPPED)
				before[1] = (uint8_t)(0xb8 | expected); /* DSCP is the inner one */
			assert_int_equal(checksum_of(0, header, 20), 0xffff);
			memcpy(before + 10, header + 10, 2);
			assert_memory_equal(header, before, 20);
		}
}

static void ipv6(void **state)
{
	for (unsigned cell = 0; cell < 16; cell++) {
		uint8_t header[40] = {0x6b, 0x8f, 0xed, 0xcb, 0, 0, 59, 64}, before[40];
		int expected = figure[cell / 4][cell % 4];
		header[1] = (uint8_t)(0x8f | order[cell / 4] << 4);
		memcpy(before, header, 40);
		bool passes = ecn_combine(header, order[cell % 4]);
		assert_int_equal(passes, expected != DROPPED);
		if (expected != DROPPED)
			before[1] = (uint8_t)(0x8f | (unsigned)expected << 4);
		assert_memory_equal(header, before, 40);
	}
}

/* A header that was damaged stays so. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	uint8_t header[20] = {0x45, 2, 0, 40, 1, 2, 0x40, 0, 64, 6};

	put_u16(header + 10, (uint16_t)~checksum_of(0, header, 20));
	header[15] ^= 1;
	assert_true(ecn_combine(header, 3));
	assert_int_equal(header[1], 3);
	assert_int_not_equal(checksum_of(0, header, 20), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
