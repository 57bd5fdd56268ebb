/* Addresses: both families, equality, and the text of RFC 5952. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "address.h"

static struct address ipv6(const char *text)
{
	struct address a = {.family = 6};
	assert_int_equal(inet_pton(AF_INET6, text, a.bytes), 1);
	return a;
}

static void ipv4_round_trip(void **state)
{
	struct address a = address_ipv4(0xc0000201);
	assert_int_equal(a.family, 4);
	assert_memory_equal(a.bytes, "\xc0\x00\x02\x01", 4);
	assert_int_equal(address_to_ipv4(&a), 0xc0000201);
	struct address none = {0}, six = ipv6("2001:db8::1");
	assert_int_equal(address_to_ipv4(&none), 0);
	assert_int_equal(address_to_ipv4(&six), 0);
}

static void equality(void **state)
{
	struct address a = address_ipv4(0x0a000001), b = a, six = ipv6("a00:1::"), other;
	assert_true(address_equal(&a, &b));
	b.bytes[7] = 1; /* behind an IPv4 address lies nothing */
	assert_true(address_equal(&a, &b));
	b.bytes[3] = 2;
	assert_false(address_equal(&a, &b));
	/* The same bytes of another family are another address. */
	assert_memory_equal(six.bytes, a.bytes, 4);
	assert_false(address_equal(&a, &six));
	other = six;
	assert_true(address_equal(&other, &six));
	other.bytes[15] = 1;
	assert_false(address_equal(&other, &six));
}

static void check_text(const struct address *a, const char *expected)
{
	char buffer[64];
	struct text t = text_over(buffer, sizeof(buffer));
	text_address(&t, a);
	assert_string_equal(buffer, expected);
}

static void texts(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},   /* of equals the first */
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
		{"2001:0:0:1::1", "2001:0:0:1::1"},               /* the longest, not the first */
		{"2001:DB8::ABCD", "2001:db8::abcd"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"0:2:3:4:5:6:0:0", "0:2:3:4:5:6::"},
		{"fe80::10", "fe80::10"},
	};
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct address a = ipv6(cases[n].from);
		check_text(&a, cases[n].to);
	}
	struct address four = address_ipv4(0xc0000201), none = {0};
	check_text(&four, "192.0.2.1");
	check_text(&none, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_round_trip),
		cmocka_unit_test(equality),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
