/* Text without printf: what is written, what is cut, and that a peer cannot forge a line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "text.h"

#define CHECK(expected, call)                                                                      \
	do {                                                                                       \
		char buffer[128];                                                                  \
		struct text t = text_over(buffer, sizeof(buffer));                                 \
		call;                                                                              \
		assert_string_equal(buffer, expected);                                             \
		assert_int_equal(t.used, strlen(expected));                                        \
		assert_false(t.cut);                                                               \
	} while (0)

static void numbers(void **state)
{
	CHECK("0", text_unsigned(&t, 0));
	CHECK("10", text_unsigned(&t, 10));
	CHECK("18446744073709551615", text_unsigned(&t, UINT64_MAX));
	CHECK("0", text_hex(&t, 0, 1));
	CHECK("0", text_hex(&t, 0, 0));
	CHECK("0000", text_hex(&t, 0, 4));
	CHECK("c021", text_hex(&t, 0xc021, 4));
	CHECK("c021", text_hex(&t, 0xc021, 2));
	CHECK("0c0210ff", text_hex(&t, 0xc0210ff, 8));
	CHECK("ffffffff", text_hex(&t, UINT32_MAX, 1));
	CHECK("00ff10", text_hex_bytes(&t, (const uint8_t *)"\x00\xff\x10", 3));
	CHECK("", text_hex_bytes(&t, NULL, 0));
}

static void addresses(void **state)
{
	CHECK("0.0.0.0", text_ipv4(&t, 0));
	CHECK("192.0.2.1", text_ipv4(&t, 0xc0000201));
	CHECK("255.255.255.255", text_ipv4(&t, UINT32_MAX));
}

static void words(void **state)
{
	CHECK("", text_add(&t, ""));
	CHECK("LCP id=7", text_add(&t, "LCP"); text_char(&t, ' '); text_add(&t, "id=");
		text_unsigned(&t, 7));
}

static void quotes(void **state)
{
	CHECK("\"\"", text_quoted(&t, "", 0));
	CHECK("\"alice\"", text_quoted(&t, "alice", 5));
	CHECK("\"a\\\"b\\\\c\"", text_quoted(&t, "a\"b\\c", 5));
	CHECK("\"a\\000b\\012c\\033\\177\\377\"", text_quoted(&t, "a\0b\nc\x1b\x7f\xff", 8));
	CHECK("\" ~\"", text_quoted(&t, " ~", 2));
}

/* Whatever the size, the text is terminated, cut texts say so, and nothing is written behind. */
static void cutting(void **state)
{
	static const char whole[] = "0123456789";
	for (size_t size = 1; size <= 12; size++) {
		char buffer[16];
		memset(buffer, '!', sizeof(buffer));
		struct text t = text_over(buffer, size);
		text_add(&t, whole);
		size_t fits = size - 1 < 10 ? size - 1 : 10;
		assert_int_equal(t.used, fits);
		assert_int_equal(strlen(buffer), fits);
		assert_memory_equal(buffer, whole, fits);
		assert_int_equal(t.cut, size - 1 < 10);
		assert_int_equal(buffer[size], '!');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(addresses),
		cmocka_unit_test(words),
		cmocka_unit_test(quotes),
		cmocka_unit_test(cutting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
