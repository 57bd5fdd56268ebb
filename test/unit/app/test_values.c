/* Words to values: the whole word or nothing. */
#include "expect.h"

#include "values.h"

static void test_numbers(void **state)
{
	uint32_t number = 7;
	assert_true(value_number("0", &number) && number == 0);
	assert_true(value_number("4294967295", &number) && number == UINT32_MAX);
	static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "4294967296",
		"99999999999999999999999999", "1.0"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(value_number(wrong[i], &number));
}

static void octets(void **state)
{
	static const char *const wrong[] = {"", "K", "-1", "1k", "1KB", "1T", "4294967296", "1 K"};
	uint64_t value;
	assert_true(value_octets("0", &value) && value == 0);
	assert_true(value_octets("4294967295", &value) && value == UINT32_MAX);
	assert_true(value_octets("3K", &value) && value == 3072);
	assert_true(value_octets("2M", &value) && value == 2 << 20);
	assert_true(value_octets("10G", &value) && value == UINT64_C(10) << 30);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(value_is_octets(wrong[i]));
}

static void test_addresses(void **state)
{
	struct address address;
	uint32_t ipv4;
	assert_true(value_address("10.1.2.3", &address));
	assert_int_equal(address.family, 4);
	assert_int_equal(address_to_ipv4(&address), 0x0a010203);
	assert_true(value_address("fd00::1", &address));
	assert_int_equal(address.family, 6);
	assert_true(value_ipv4("255.255.255.255", &ipv4) && ipv4 == UINT32_MAX);
	assert_false(value_ipv4("10.1", &ipv4) || value_ipv4("010.1.2.3", &ipv4));
	assert_false(value_ipv4("fd00::1", &ipv4) || value_address("10.1.2.3.4", &address));
}

/* pppd's LOCAL:REMOTE; a host with its port is none. */
static void test_ends(void **state)
{
	static const struct {
		const char *word;
		uint32_t local, remote;
	} good[] = {{"10.0.0.1:10.0.0.2", 0x0a000001, 0x0a000002}, {"10.0.0.1:", 0x0a000001, 9},
		{":10.0.0.2", 9, 0x0a000002}, {"255.255.255.255:0.0.0.0", 0xffffffff, 0}};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct address local = address_ipv4(9), remote = local;
		assert_true(value_ends(good[i].word, &local, &remote));
		assert_int_equal(address_to_ipv4(&local), good[i].local);
		assert_int_equal(address_to_ipv4(&remote), good[i].remote);
	}
	static const char *const bad[] = {"", ":", "10.0.0.1", "10.0.0.1:1723", "host:10.0.0.1",
		"10.0.0.1:10.0.0.2:", "fd00::1", "a@10.0.0.1:1723", "1111111111111111:10.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct address local = address_ipv4(9), remote = local;
		assert_false(value_ends(bad[i], &local, &remote));
		assert_int_equal(address_to_ipv4(&local), 9);
		assert_int_equal(address_to_ipv4(&remote), 9);
	}
}

static void test_prefixes(void **state)
{
	struct prefix prefix;
	assert_true(value_prefix("10.0.0.0/8", &prefix, true) && prefix.length == 8);
	assert_true(value_prefix("10.0.0.1", &prefix, true) && prefix.length == 32);
	assert_true(value_prefix("0.0.0.0/0", &prefix, true) && prefix.length == 0);
	assert_true(value_prefix("fd00::/16", &prefix, true) && prefix.length == 16);
	assert_true(value_prefix("10.0.0.1/8", &prefix, false));
	assert_false(value_prefix("10.0.0.1/8", &prefix, true));
	assert_false(value_prefix("10.0.0.0/33", &prefix, false));
	assert_false(value_prefix("10.0.0.0/", &prefix, false));
	assert_false(value_prefix("10.0.0.0/8x", &prefix, false));
	assert_false(value_prefix("fd00::/129", &prefix, false));
	assert_false(value_prefix("/8", &prefix, false));
}

static void test_names(void **state)
{
	static const char *const good[] = {"ppp0", "a", "tun-x_1.2", "fifteen-letters"};
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\nb", "ppp%d", "ppp*",
		"sixteen-letters!", "sixteen-lettersx", "a\"b", "\xc3\xa4"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(value_is_interface(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(value_is_interface(bad[i]));
	assert_true(value_is_listen("10.0.0.1") && value_is_listen("10.0.0.1:1"));
	assert_true(value_is_listen("fd00::1") && value_is_listen("[fd00::1]:1723"));
	assert_false(value_is_listen("vpn.example.com") || value_is_listen("10.0.0.1:0"));
	assert_true(value_is_host("vpn.example.com:1723") && value_is_host("[fd00::1]"));
	assert_false(value_is_host("a b") || value_is_host("a\nb") || value_is_host("\x1b[31m"));
	assert_true(value_is_address("fd00::1"));
	assert_false(value_is_address("vpn.example.com"));
}

static void test_harmless(void **state)
{
	char text[] = "a\x1b[31m\n\x7f\xc2\x9b"
		      "1m\xc3\xa4\xc2\xa0\xc2";
	fault_harmless(text);
	assert_string_equal(text, "a?[31m????1m\xc3\xa4\xc2\xa0\xc2");
}

static void test_ranges(void **state)
{
	struct ipv4_range range;
	assert_true(value_range("192.168.0.245-249", &range));
	assert_int_equal(range.first, 0xc0a800f5);
	assert_int_equal(range.last, 0xc0a800f9);
	assert_false(range.subnet);
	assert_true(value_range("10.0.0.250-10.0.1.5", &range) && range.last == 0x0a000105);
	assert_true(value_range("10.0.0.0/24", &range) && range.subnet);
	assert_true(value_range("0.0.0.0/0", &range) && range.last == UINT32_MAX);
	assert_false(value_range("10.0.0.9-5", &range));
	assert_false(value_range("10.0.0.9-256", &range));
	assert_false(value_range("10.0.0.9-", &range));
	assert_false(value_range("fd00::/64", &range));
}

static void expect_host(const char *word, const char *host, uint16_t port)
{
	char got[256];
	uint16_t got_port = 1;
	assert_true(value_host_port(word, got, &got_port));
	assert_string_equal(got, host);
	assert_int_equal(got_port, port);
}

static void test_hosts(void **state)
{
	char host[256];
	uint16_t port = 1;
	expect_host("vpn.example.com", "vpn.example.com", 1);
	expect_host("vpn.example.com:99", "vpn.example.com", 99);
	expect_host("fd00::1", "fd00::1", 1);
	expect_host("[fd00::1]", "fd00::1", 1);
	expect_host("[fd00::1]:99", "fd00::1", 99);
	static const char *const wrong[] = {
		"", ":1", "a:0", "a:65536", "a:", "a:b", "[a", "[a]b", "[]", "[a]:"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(value_host_port(wrong[i], host, &port));
	char longer[300];
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(value_host_port(longer, host, &port));
	longer[255] = '\0';
	assert_true(value_host_port(longer, host, &port));
}

static void expect_endpoint(const char *word, const char *printed)
{
	struct endpoint endpoint;
	char line[100];
	struct text t = text_over(line, sizeof line);
	assert_true(value_endpoint(word, &endpoint));
	text_endpoint(&t, &endpoint);
	assert_string_equal(line, printed);
}

static void test_endpoints(void **state)
{
	expect_endpoint("null", "null:");
	expect_endpoint("local:0a1B", "local:0a1b");
	expect_endpoint("ip:192.0.2.1", "IP:192.0.2.1");
	expect_endpoint("MAC:00:11:22:aa:BB:cc", "MAC:00:11:22:aa:bb:cc");
	expect_endpoint("mac:001122aabbcc", "MAC:00:11:22:aa:bb:cc");
	expect_endpoint("magic:deadbeef01020304", "magic:deadbeef01020304");
	expect_endpoint("phone:123456789012345", "phone:\"123456789012345\"");
	expect_endpoint("local:0102030405060708090a0b0c0d0e0f1011121314",
		"local:0102030405060708090a0b0c0d0e0f1011121314");
	static const char *const wrong[] = {"", "null:", "local", "local:", "local:1", "local:1g",
		"local:0102030405060708090a0b0c0d0e0f101112131415", "IP:192.0.2",
		"IP:", "MAC:00:11:22:33:44", "MAC:00:11:22:33:44:55:66",
		"MAC:00:11:22:33:44:55:", "magic:deadbe", "phone:", "phone:12a",
		"phone:1234567890123456", "other:00"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(value_is_endpoint(wrong[i]));
}

static void test_hex(void **state)
{
	uint8_t bytes[3];
	assert_true(value_hex("00aFfe", 6, bytes));
	assert_int_equal(bytes[0] << 16 | bytes[1] << 8 | bytes[2], 0x00affe);
	assert_false(value_hex("00aFf", 6, bytes) || value_hex("00aFfe0", 6, bytes));
	assert_false(value_hex("00aFfg", 6, bytes) || value_hex("00aF@e", 6, bytes));
}

static void test_auth(void **state)
{
	struct auth_order order;
	assert_int_equal(value_auth("mschap-v2", &order), AUTH_MSCHAPV2);
	assert_int_equal(order.first[0], AUTH_MSCHAPV2);
	assert_int_equal(order.first[1], AUTH_NONE);
	assert_int_equal(
		value_auth("pap,chap, mschap,mschap-v2,eap-md5,eap-mschap-v2,eap-tls", &order),
		0x7f);
	static const uint8_t all[] = {AUTH_PAP, AUTH_CHAP_MD5, AUTH_MSCHAP, AUTH_MSCHAPV2,
		AUTH_EAP_MD5, AUTH_EAP_MSCHAPV2, AUTH_EAP_TLS};
	assert_memory_equal(order.first, all, sizeof all);
	assert_int_equal(value_auth(NULL, &order), 0);
	assert_int_equal(order.first[0], AUTH_NONE);
	assert_int_equal(value_auth("", &order), 0);
	assert_int_equal(value_auth("pap,pap", &order), 0);
	assert_int_equal(value_auth("pap,papp", &order), 0);
	assert_int_equal(value_auth(",pap", &order), 0);
	assert_int_equal(value_auth("PAP", &order), 0);
	assert_true(value_is_auth_order("eap-tls,pap"));
	assert_false(value_is_auth("eap-tls,pap"));
	assert_true(value_is_auth("chap,pap"));
	assert_false(value_is_auth("") || value_is_auth_order(""));
}

static void maps_and_characters_of_lines(void **state)
{
	static const char *const maps[] = {"", "x", "0x", "123456789", "a0000 ", "-1"};
	static const char *const escapes[] = {
		"", "20", "3f", "5e", "100", "11,", "11;13", "zz", ",11"};
	uint32_t map, set[8], speed = 7;
	assert_true(value_asyncmap("a0000", &map));
	assert_int_equal(map, 0x000a0000);
	assert_true(value_asyncmap("0XffffFFFF", &map));
	assert_int_equal(map, 0xffffffff);
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
		assert_false(value_is_asyncmap(maps[i]));
	assert_true(value_escapes("11,13,41,ff", set));
	assert_int_equal(set[0], 1u << 0x11 | 1u << 0x13);
	assert_int_equal(set[2], 1u << 1);
	assert_int_equal(set[7], 1u << 31);
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
		assert_false(value_is_escapes(escapes[i]));
	assert_true(value_speed("115200", &speed));
	assert_int_equal(speed, 115200);
	assert_false(value_speed("ttyS0", &speed));
	assert_false(value_speed("", &speed));
	assert_false(value_speed("123456789", &speed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_characters_of_lines),
		cmocka_unit_test(octets),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
