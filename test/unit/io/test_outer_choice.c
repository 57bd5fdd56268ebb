/* Which back end `auto` takes, and why, in namespaces where something stands against rings or not;
 * and what asking for one by name ends in. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netlink.h"
#include "netns.h"
#include "outer.h"
#include "outer_programs.h"

static struct outer_programs *programs;
static char no_programs[160];
static const struct address any = {.family = 0};

static struct outer_choice choose(enum outer_kind wanted, const struct address *local,
	const struct address *peer, int expected)
{
	struct outer_choice choice = {.kind = OUTER_AUTO};
	char error[256] = "";
	assert_int_equal(
		outer_choose(&choice, wanted, programs, local, peer, no_programs, error), expected);
	assert_int_equal(error[0] != 0, expected != 0);
	if (expected)
		print_message("%s\n", error);
	else
		print_message("%s\n", choice.why);
	return choice;
}

static void expect_raw(const char *because)
{
	struct outer_choice choice = choose(OUTER_AUTO, &any, &any, 0);
	assert_int_equal(choice.kind, OUTER_RAW);
	assert_int_equal(choice.link_count, 0);
	assert_non_null(strstr(choice.why, because));
}

static int set_up(void **state)
{
	run("ip link add gl-F-a type veth peer name gl-F-b; ip link add gl-F-c type veth peer name "
	    "gl-F-d; for l in a b c d; do ip link set gl-F-$l up; done");
	run("ip addr add 192.0.2.1/24 dev gl-F-a; ip addr add 198.51.100.1/24 dev gl-F-c");
	return 0;
}

static int tear_down(void **state)
{
	run("ip link del gl-F-a; ip link del gl-F-c; nft flush ruleset");
	return 0;
}

static void test_nothing_in_the_way(void **state)
{
	struct outer_choice choice = choose(OUTER_AUTO, &any, &any, 0);
	if (!programs)
		skip();
	assert_int_equal(choice.kind, OUTER_RINGS);
	assert_int_equal(choice.link_count, 2); /* those with an address */
	assert_string_equal(choice.why, "rings on gl-F-a, gl-F-c");
	run("ip route add default via 198.51.100.2");
	choice = choose(OUTER_AUTO, &any, &any, 0);
	assert_int_equal(choice.links[0], link_index("gl-F-c")); /* the way to the world first */
	assert_int_equal(choice.link_count, 2);
	struct address local = ip("192.0.2.1"), peer = ip("198.51.100.9"), six = ip("2001:db8::1");
	choice = choose(OUTER_AUTO, &local, &any, 0);
	assert_int_equal(choice.link_count, 1);
	assert_int_equal(choice.links[0], link_index("gl-F-a"));
	choice = choose(OUTER_AUTO, &any, &peer, 0);
	assert_int_equal(choice.link_count, 1);
	assert_int_equal(choice.links[0], link_index("gl-F-c"));
	assert_int_equal(choose(OUTER_AUTO, &six, &any, 0).kind, OUTER_RAW);
	assert_int_equal(choose(OUTER_RAW, &any, &any, 0).kind, OUTER_RAW);
}

static void test_loopback(void **state)
{
	struct address loopback = ip("127.0.0.1");
	assert_int_equal(choose(OUTER_AUTO, &loopback, &any, 0).kind, OUTER_RAW);
	assert_int_equal(choose(OUTER_AUTO, &any, &loopback, 0).kind, OUTER_RAW);
	choose(OUTER_RINGS, &loopback, &any, -ENOTSUP);
	run("ip link set gl-F-a down; ip link set gl-F-c down");
	expect_raw("no Ethernet interface");
}

static void test_objections(void **state)
{
	if (!programs)
		skip();
	run("nft 'add table inet filter; add chain inet filter in { type filter hook input "
	    "priority "
	    "0; }'");
	expect_raw("netfilter has rules that must see the packets (table inet filter)");
	struct outer_choice choice = choose(OUTER_RINGS, &any, &any, 0); /* by name: its word */
	assert_int_equal(choice.kind, OUTER_RINGS);
	run("nft flush ruleset");
	run("nft 'add table inet greyline; add chain inet greyline f { type nat hook postrouting "
	    "priority 0; }'");
	assert_int_equal(choose(OUTER_AUTO, &any, &any, 0).kind, OUTER_RINGS); /* our own */
	run("ip xfrm policy add src 192.0.2.1 dst 192.0.2.9 proto gre dir out tmpl src 192.0.2.1 "
	    "dst "
	    "192.0.2.9 proto esp mode transport");
	expect_raw("IPsec");
	run("ip xfrm policy flush");
	run("tc qdisc add dev gl-F-c root tbf rate 10mbit burst 10k limit 100k");
	expect_raw("gl-F-c has a traffic shaper (tbf)");
	run("tc qdisc del dev gl-F-c root");
	assert_int_equal(choose(OUTER_AUTO, &any, &any, 0).kind, OUTER_RINGS);
}

/* Rings come before what looks at packets on their way in, and may pass by the way out. */
static void test_filters(void **state)
{
	static const char *const places[] = {"ingress", "egress"};
	const char *why;
	if (!programs)
		skip();
	run("tc qdisc add dev gl-F-c clsact");
	assert_int_equal(choose(OUTER_AUTO, &any, &any, 0).kind, OUTER_RINGS); /* it is empty */
	for (unsigned i = 0; i < 2; i++) {
		run("tc filter add dev gl-F-c %s protocol ip u32 match u32 0 0 classid 1:1",
			places[i]);
		expect_raw("gl-F-c has tc filters that must see the packets");
		run("tc filter del dev gl-F-c %s", places[i]);
	}
	run("tc qdisc del dev gl-F-c clsact; tc qdisc add dev gl-F-c ingress; tc filter add dev "
	    "gl-F-c parent ffff: protocol ip u32 match u32 0 0 classid 1:1");
	expect_raw("gl-F-c has tc filters that must see the packets");
	run("tc qdisc del dev gl-F-c ingress");
	if (!outer_programs_rings(programs, &why))
		skip();
	int attached = outer_programs_drop(programs, link_index("gl-F-c"), 14);
	assert_true(attached >= 0);
	expect_raw("gl-F-c has tc filters that must see the packets");
	close(attached);
	assert_int_equal(choose(OUTER_AUTO, &any, &any, 0).kind, OUTER_RINGS);
}

static void test_no_programs(void **state)
{
	struct outer_programs *there = programs;
	char why[160];
	memcpy(why, no_programs, sizeof(why));
	programs = NULL;
	snprintf(no_programs, sizeof(no_programs), "no CAP_BPF");
	expect_raw("raw: no CAP_BPF");
	choose(OUTER_RINGS, &any, &any, -ENOTSUP);
	choose(OUTER_XDP, &any, &any, -ENOTSUP);
	programs = there;
	memcpy(no_programs, why, sizeof(why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_in_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_loopback, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_objections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_filters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_programs, set_up, tear_down),
	};
	netns_enter_or_skip();
	programs = outer_prepare(no_programs);
	if (!programs)
		print_message("no programs: %s\n", no_programs);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (programs)
		outer_programs_close(programs);
	return failed;
}
