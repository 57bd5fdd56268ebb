/* Units of kernel PPP: chosen names and numbers, and what is had where they are taken. Skips where
 * the kernel has no PPP; the interop tests run it in a guest that has. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "namespace.h"
#include "netns.h"
#include "ppp_device.h"
#include "ppp_make.h"

static struct netlink *nl;
static char words[256];

static struct ppp_made opened(const char *name, int number)
{
	struct ppp_made unit;
	struct ppp_wish wish = {.name = name, .number = number};
	if (ppp_make(&unit, &wish, nl, words) != 0)
		fail_msg("%s %d: %s", name ? name : "no name", number, words);
	assert_int_equal(ppp_number(unit.fd), unit.number);
	assert_int_equal(netlink_link_index(nl, unit.name), unit.link);
	return unit;
}

static void test_any(void **state)
{
	struct ppp_made first = opened(NULL, PPP_ANY), second = opened("ppp%d", PPP_ANY);
	assert_string_equal(first.name, "ppp0");
	assert_string_equal(second.name, "ppp1");
	assert_string_equal(words, "");
	close(first.fd);
	assert_int_equal(netlink_link_index(nl, "ppp0"), -ENODEV);
	close(second.fd);
}

static void test_numbers(void **state)
{
	struct ppp_made five = opened("ppp5", PPP_ANY);
	assert_int_equal(five.number, 5);
	assert_string_equal(five.name, "ppp5");
	struct ppp_made other = opened(NULL, 5);
	assert_string_equal(other.name, "ppp0");
	assert_string_equal(words, "PPP unit 5 is in use already: using ppp0");
	close(other.fd);
	/* What is kept open is kept. */
	int kept = dup(five.fd);
	close(five.fd);
	assert_true(netlink_link_index(nl, "ppp5") > 0);
	assert_int_equal(ppp_number(kept), 5);
	close(kept);
}

static void test_names(void **state)
{
	struct ppp_made named = opened("vpn-home", PPP_ANY);
	assert_string_equal(named.name, "vpn-home");
	struct ppp_made taken = opened("vpn-home", PPP_ANY);
	assert_string_equal(taken.name, "ppp1");
	assert_string_equal(words, "The interface name vpn-home is taken: using ppp1");
	close(taken.fd);
	struct ppp_made both = opened("vpn-work", 7);
	assert_int_equal(both.number, 7);
	assert_string_equal(both.name, "vpn-work");
	close(both.fd);
	both = opened("vpn-home", 7);
	assert_string_equal(both.name, "ppp7");
	assert_string_equal(words, "The interface name vpn-home is taken: using ppp7");
	close(both.fd);
	close(named.fd);
}

/* Somebody's TUN bears the name of a unit. */
static void test_name_of_a_number_is_taken(void **state)
{
	char name[16], error[256];
	int tun = open_tun("ppp0", name, error);
	assert_true(tun >= 0);
	struct ppp_made unit = opened(NULL, PPP_ANY);
	assert_string_equal(unit.name, "ppp1");
	close(unit.fd);
	close(tun);
}

static void test_moves(void **state)
{
	struct ppp_made unit = opened("moving", PPP_ANY);
	struct netlink *there;
	int space = netns_new(), before = namespace_enter(space, words);
	assert_true(before >= 0);
	assert_int_equal(netlink_open(&there), 0);
	namespace_leave(before);
	assert_int_equal(netlink_link_move(nl, unit.link, space, "moved"), 0);
	assert_int_equal(netlink_link_index(nl, "moving"), -ENODEV);
	assert_true(netlink_link_index(there, "moved") > 0);
	assert_true(ppp_number(unit.fd) >= 0);
	close(unit.fd);
	assert_int_equal(netlink_link_index(there, "moved"), -ENODEV);
	netlink_close(there);
	close(space);
}

static void test_faults(void **state)
{
	struct ppp_made unit;
	struct ppp_wish wish = {.name = "a-name-of-more-than-15", .number = PPP_ANY};
	assert_int_equal(ppp_make(&unit, &wish, nl, words), -EINVAL);
	assert_non_null(strstr(words, "1 to 15 letters"));
	assert_int_equal(namespace_open("no-such-namespace", words), -ENOENT);
	assert_non_null(strstr(words, "ip netns add no-such-namespace"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_of_a_number_is_taken),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_faults),
	};
	netns_enter_or_skip();
	int fd = ppp_device_open(words);
	if (fd < 0) {
		printf("%s\n", words);
		return 77;
	}
	close(fd);
	assert_int_equal(netlink_open(&nl), 0);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	netlink_close(nl);
	return failed;
}
