/* Golden bytes in tests: written as hex, compared with both sides shown. */
#ifndef GREYLINE_TEST_HEX_H
#define GREYLINE_TEST_HEX_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static inline uint8_t hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	c |= 0x20;
	assert_true(c >= 'a' && c <= 'f');
	return (uint8_t)(c - 'a' + 10);
}

/* Spaces are allowed between bytes. Returns how many bytes were written, at most `max`. */
static inline size_t hex_bytes(uint8_t *bytes, size_t max, const char *hex)
{
	size_t used = 0;
	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_true(used < max);
		bytes[used++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
		hex += 2;
	}
	return used;
}

/* `bytes` are exactly those of `hex`. */
static inline void assert_hex(const uint8_t *bytes, size_t length, const char *hex)
{
	uint8_t expected[512];
	assert_int_equal(hex_bytes(expected, sizeof(expected), hex), length);
	assert_memory_equal(bytes, expected, length);
}

#endif
