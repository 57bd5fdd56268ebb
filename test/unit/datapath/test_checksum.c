/* The fast sums against the one of RFC 1071 §4.1, at every alignment and length that matters. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checksum.h"
#include "seed.h"

enum { SIZE = 4096 };

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static uint16_t plain_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++) {
		sum += (uint32_t)(n % 2 ? bytes[n] : bytes[n] << 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void check(const uint8_t *bytes, size_t length, size_t align, uint16_t start)
{
	uint8_t out[SIZE + 64];
	uint16_t expected = plain_sum(start, bytes, length);

	assert_int_equal(checksum_fold(checksum_add(start, bytes, length)), expected);
	assert_int_equal(checksum_of(start, bytes, length), expected);
	memset(out, 0xa5, sizeof(out));
	assert_int_equal(checksum_fold(checksum_copy(start, out + align, bytes, length)), expected);
	assert_memory_equal(out + align, bytes, length);
	for (size_t n = 0; n < align; n++)
		assert_int_equal(out[n], 0xa5);
	for (size_t n = align + length; n < align + length + 32; n++)
		assert_int_equal(out[n], 0xa5);
}

static void every_alignment_and_length(void **state)
{
	uint32_t seed = (uint32_t)seed_of_run((uint64_t)time(NULL));
	uint8_t bytes[SIZE];

	for (size_t n = 0; n < SIZE; n++)
		bytes[n] = (uint8_t)draw(&seed);
	for (size_t align = 0; align < 32; align++) {
		for (size_t length = 0; length < 200; length++)
			check(bytes + align, length, draw(&seed) % 32, (uint16_t)draw(&seed));
		for (size_t n = 0; n < 20; n++)
			check(bytes + align, draw(&seed) % (SIZE - 32), draw(&seed) % 32, 0);
	}
}

/* Carries: all ones, and what sums up to the two zeros of one's complement arithmetic. */
static void extremes(void **state)
{
	uint8_t bytes[SIZE] = {0};

	for (size_t length = 0; length < 100; length++)
		check(bytes, length, 0, 0);
	assert_int_equal(checksum_of(0, bytes, SIZE), 0);
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t length = 0; length < 100; length++)
		check(bytes, length, 1, 0xffff);
	check(bytes, SIZE, 3, 0xffff);
	assert_int_equal(checksum_of(0, bytes, SIZE), 0xffff);
}

/* A stretch in pieces of even length, with numbers in between. */
static void pieces_add_up(void **state)
{
	uint32_t seed = (uint32_t)seed_of_run((uint64_t)time(NULL));
	uint8_t bytes[SIZE], out[SIZE];

	for (size_t n = 0; n < SIZE; n++)
		bytes[n] = (uint8_t)draw(&seed);
	for (unsigned round = 0; round < 200; round++) {
		size_t at = 0, length = draw(&seed) % SIZE;
		uint64_t sum = 0xfff1;
		while (at < length) {
			size_t size = draw(&seed) % 300 & ~(size_t)1;
			if (size > length - at)
				size = length - at;
			sum = draw(&seed) % 2 ? checksum_add(sum, bytes + at, size)
					      : checksum_copy(sum, out, bytes + at, size);
			at += size;
		}
		assert_int_equal(checksum_fold(sum + 0xffffffff + 0xffffffff),
			plain_sum(0xfff1, bytes, length));
	}
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0xffffffff00000000), 0xffff);
	assert_int_equal(checksum_fold(0x10000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_alignment_and_length),
		cmocka_unit_test(extremes),
		cmocka_unit_test(pieces_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
