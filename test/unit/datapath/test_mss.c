/* MSS clamping: only SYNs, only down, checksums as right or wrong as they were. */
#include "lab.h"

#include <stdio.h>

#include "mss.h"
#include "super.h"

enum { MTU4 = 1400, MTU6 = 1420, FITS = 1360 };

/* A SYN with these TCP options (a multiple of four bytes) and a checksum that holds. */
static size_t make_syn(uint8_t *bytes, bool v4, const char *options)
{
	struct super s = {.v4 = v4, .tcp = true, .transport = v4 ? 20 : 48};
	memset(bytes, 0, 200);
	size_t extra = hex_bytes(bytes + s.transport + 20, 40, options);
	size_t length = s.transport + 20 + extra;
	if (v4) {
		bytes[0] = 0x45, bytes[8] = 64, bytes[9] = 6;
		bytes[12] = bytes[16] = 10;
		naive_put(bytes + 2, (uint32_t)length);
	} else { /* behind a header of options */
		bytes[0] = 0x60, bytes[6] = 60, bytes[40] = 6;
		bytes[8] = bytes[24] = 0x20;
		naive_put(bytes + 4, (uint32_t)length - 40);
	}
	uint8_t *tcp = bytes + s.transport;
	tcp[12] = (uint8_t)((20 + extra) / 4 << 4);
	tcp[13] = 2;
	naive_put(tcp + 16, naive_checksum(&s, bytes, (uint32_t)length));
	return length;
}

static void clamp(uint8_t *bytes, size_t length, uint16_t mtu)
{
	struct inner inner;
	assert_true(inner_parse(&inner, bytes, length));
	mss_clamp(bytes, &inner, mtu);
}

static bool sound(const uint8_t *bytes, size_t length)
{
	struct super s = {.v4 = bytes[0] >> 4 == 4, .tcp = true};
	s.transport = s.v4 ? 20 : 48;
	uint32_t left = (uint32_t)length - s.transport;
	return naive_sum(naive_pseudo(&s, bytes, left), bytes + s.transport, left) == 0xffff;
}

static void lowered_and_never_raised(void **state)
{
	static const struct {
		const char *options;
		unsigned at; /* of the value, from the options on */
		uint16_t wanted;
	} cases[] = {
		{"020405b4", 2, FITS},                          /* 1460 */
		{"02040551", 2, FITS},                          /* one too many */
		{"02040550", 2, FITS},                          /* fits */
		{"02040218", 2, 536},                           /* small */
		{"02040000", 2, 0},                             /* nonsense stays */
		{"0204ffff", 2, FITS},                          /* a great one */
		{"01020405b4010101", 3, FITS},                  /* at an odd place */
		{"0402080a0000000100000000020405b4", 14, FITS}, /* behind others */
	};
	uint8_t bytes[200];
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++)
		for (unsigned v4 = 0; v4 < 2; v4++) {
			size_t length = make_syn(bytes, v4, cases[n].options);
			clamp(bytes, length, v4 ? MTU4 : MTU6);
			unsigned options = v4 ? 40 : 68;
			assert_int_equal(get_u16(bytes + options + cases[n].at), cases[n].wanted);
			assert_true(sound(bytes, length));
		}
}

static void assert_untouched(uint8_t *bytes, size_t length, uint16_t mtu)
{
	uint8_t before[200];
	memcpy(before, bytes, length);
	clamp(bytes, length, mtu);
	assert_memory_equal(bytes, before, length);
}

static void all_else_is_left_alone(void **state)
{
	static const char *const options[] = {"", "01010101", "020305b4", "020505b400010101",
		"00000204", "08000000020405b4", "08ff0000020405b4", "01010102"};
	uint8_t bytes[200];
	size_t length;
	for (size_t n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
		length = make_syn(bytes, true, options[n]);
		assert_untouched(bytes, length, MTU4);
	}
	length = make_syn(bytes, true, "00000000020405b4"); /* behind the end */
	assert_untouched(bytes, length, MTU4);
	length = make_syn(bytes, true, "0101020405b40000");
	bytes[32] = 0x60; /* what looks like its value is data */
	assert_untouched(bytes, length, MTU4);
	length = make_syn(bytes, true, "020405b4");
	bytes[33] = 0x10; /* no SYN */
	assert_untouched(bytes, length, MTU4);
	bytes[33] = 0x02, bytes[7] = 1; /* a fragment */
	assert_untouched(bytes, length, MTU4);
	bytes[7] = 0, bytes[6] = 0x20;
	assert_untouched(bytes, length, MTU4);
	bytes[6] = 0, bytes[9] = 17; /* not TCP */
	assert_untouched(bytes, length, MTU4);
	bytes[9] = 6, bytes[32] = 0x70; /* a header longer than the packet */
	assert_untouched(bytes, length, MTU4);
	bytes[32] = 0x60;
	assert_untouched(bytes, length, 87); /* no MTU to do TCP with */
	assert_untouched(bytes, length, 0);
	clamp(bytes, length, 88);
	assert_int_equal(get_u16(bytes + 42), 48);
}

/* A damaged packet is not repaired, at any odd or even place of the option. */
static void damage_stays_visible(void **state)
{
	uint8_t bytes[200];
	for (unsigned bit = 0; bit < 8; bit++)
		for (unsigned odd = 0; odd < 2; odd++) {
			size_t length =
				make_syn(bytes, true, odd ? "01020405b4010101" : "020405b4");
			bytes[24] ^= (uint8_t)(1u << bit);
			clamp(bytes, length, MTU4);
			assert_false(sound(bytes, length));
			bytes[24] ^= (uint8_t)(1u << bit);
			assert_true(sound(bytes, length));
		}
}

/* Any value, any limit, any rest of the sum. */
static void checksums_hold(void **state)
{
	struct random r;
	uint8_t bytes[200], seed[32] = {3};
	random_seed(&r, seed);
	for (unsigned n = 0; n < 20000; n++) {
		struct super s = {.v4 = true, .tcp = true, .transport = 20};
		bool odd = n & 1;
		size_t length = make_syn(bytes, true, odd ? "01020405b4010101" : "020405b4");
		random_bytes(&r, bytes + 20, 12);
		random_bytes(&r, bytes + (odd ? 43 : 42), 2);
		uint16_t before = get_u16(bytes + (odd ? 43 : 42));
		uint16_t mtu = (uint16_t)(100 + below(&r, 60000));
		naive_put(bytes + 36, 0);
		naive_put(bytes + 36, naive_checksum(&s, bytes, (uint32_t)length));
		clamp(bytes, length, mtu);
		uint16_t after = get_u16(bytes + (odd ? 43 : 42));
		assert_int_equal(after, before > mtu - 40 ? mtu - 40 : before);
		assert_true(sound(bytes, length));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowered_and_never_raised),
		cmocka_unit_test(all_else_is_left_alone),
		cmocka_unit_test(damage_stays_visible),
		cmocka_unit_test(checksums_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
