/* The nftables text: exact, safe against names that are more than names, and accepted by nft. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nft.h"

static struct nft_config config(void)
{
	struct nft_config c = {.masquerade = true};
	strcpy(c.table, "greyline");
	strcpy(c.interface, "greyline0");
	c.pool.address = address_ipv4(0x0a090007); /* host bits are masked */
	c.pool.length = 24;
	return c;
}

static const char *made(const struct nft_config *c)
{
	static char buffer[NFT_TEXT_SIZE];
	struct text t = text_over(buffer, sizeof(buffer));
	nft_text(&t, c);
	assert_false(t.cut);
	return buffer;
}

static const char *const whole = "table inet greyline\n"
				 "delete table inet greyline\n"
				 "table inet greyline {\n"
				 "\tchain forward {\n"
				 "\t\ttype filter hook forward priority filter; policy accept;\n"
				 "\t\tiifname \"greyline0\" accept\n"
				 "\t\toifname \"greyline0\" accept\n"
				 "\t}\n"
				 "\tchain postrouting {\n"
				 "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
				 "\t\tip saddr 10.9.0.0/24 oifname != \"greyline0\" masquerade\n"
				 "\t}\n"
				 "}\n";

static void test_text(void **state)
{
	struct nft_config c = config();
	assert_string_equal(made(&c), whole);
	c.masquerade = false;
	assert_null(strstr(made(&c), "masquerade"));
}

static void test_removal(void **state)
{
	char buffer[128];
	struct text t = text_over(buffer, sizeof(buffer));
	nft_removal_text(&t, "greyline");
	assert_string_equal(buffer, "table inet greyline\ndelete table inet greyline\n");
}

static void test_what_is_valid(void **state)
{
	static const char *const bad_tables[] = {
		"", "a b", "a;b", "a\n", "a{", "9a", "a-b", "a*", "\"", "a\"b"};
	static const char *const bad_interfaces[] = {
		"", "*", "p*p", "a b", "a\"", "a;", "a\n", "a/b", "ppp**"};
	struct nft_config c = config();
	assert_true(nft_config_valid(&c));
	strcpy(c.interface, "ppp*");
	assert_true(nft_config_valid(&c));
	strcpy(c.interface, "vpn-1.2_x");
	assert_true(nft_config_valid(&c));
	for (size_t i = 0; i < sizeof(bad_interfaces) / sizeof(bad_interfaces[0]); i++) {
		strcpy(c.interface, bad_interfaces[i]);
		assert_false(nft_config_valid(&c));
	}
	for (size_t i = 0; i < sizeof(bad_tables) / sizeof(bad_tables[0]); i++) {
		c = config();
		strcpy(c.table, bad_tables[i]);
		assert_false(nft_config_valid(&c));
	}
	c = config();
	memset(c.table, 'a', sizeof(c.table)); /* no end */
	assert_false(nft_config_valid(&c));
	c = config();
	c.pool.address.family = 6;
	assert_false(nft_config_valid(&c));
	c = config();
	c.pool.length = 33;
	assert_false(nft_config_valid(&c));
}

static void test_pool_of_everything(void **state)
{
	struct nft_config c = config();
	c.pool.length = 0;
	assert_non_null(strstr(made(&c), "ip saddr 0.0.0.0/0 "));
	c.pool.length = 32;
	assert_non_null(strstr(made(&c), "ip saddr 10.9.0.7/32 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_what_is_valid),
		cmocka_unit_test(test_pool_of_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
