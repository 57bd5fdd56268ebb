/* rtnetlink in a namespace of its own: links, addresses, routes, and errors in words. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netlink.h"
#include "netns.h"
#include "tun.h"

static struct netlink *nl;
static unsigned link_a;

static struct prefix net(const char *words, uint8_t length)
{
	return (struct prefix){.address = ip(words), .length = length};
}

static int set_up(void **state)
{
	run("ip link add gl-io-a type veth peer name gl-io-b");
	run("ip addr add 192.0.2.1/24 dev gl-io-a");
	run("ip link set gl-io-a up; ip link set gl-io-b up");
	assert_int_equal(netlink_open(&nl), 0);
	int index = netlink_link_index(nl, "gl-io-a");
	assert_true(index > 0);
	link_a = (unsigned)index;
	return 0;
}

static int tear_down(void **state)
{
	netlink_close(nl);
	run("ip link del gl-io-a");
	return 0;
}

static void test_links(void **state)
{
	struct netlink_link link;
	assert_int_equal(netlink_link_get(nl, link_a, &link), 0);
	assert_string_equal(link.name, "gl-io-a");
	assert_int_equal(link.mtu, 1500);
	assert_true(link.up);
	assert_int_equal(netlink_link_mtu(nl, link_a, 1400), 0);
	assert_int_equal(netlink_link_up(nl, link_a, false), 0);
	assert_int_equal(netlink_link_rename(nl, link_a, "gl-io-c"), 0);
	assert_int_equal(netlink_link_get(nl, link_a, &link), 0);
	assert_string_equal(link.name, "gl-io-c");
	assert_int_equal(link.mtu, 1400);
	assert_false(link.up);
	assert_int_equal(netlink_link_rename(nl, link_a, "gl-io-a"), 0);
	assert_int_equal(netlink_link_index(nl, "no-such-link"), -ENODEV);
	assert_non_null(strstr(netlink_error(nl), "no-such-link"));
	assert_int_equal(netlink_link_index(nl, "a-name-much-too-long-for-one"), -ENODEV);
}

static void test_link_delete(void **state)
{
	run("ip link add gl-io-x type veth peer name gl-io-y");
	int index = netlink_link_index(nl, "gl-io-x");
	assert_true(index > 0);
	assert_int_equal(netlink_link_delete(nl, (unsigned)index), 0);
	assert_int_equal(netlink_link_index(nl, "gl-io-x"), -ENODEV);
}

struct found {
	struct prefix wanted;
	unsigned count, all;
};

static bool match_address(void *context, unsigned link, const struct prefix *prefix)
{
	struct found *found = context;
	found->all++;
	found->count += address_equal(&prefix->address, &found->wanted.address) &&
			prefix->length == found->wanted.length;
	return true;
}

static void test_group_delete(void **state)
{
	char name[TUN_NAME_SIZE], error[256];
	int tuns[3];
	for (int i = 0; i < 3; i++) {
		tuns[i] = open_tun("gl-io-g%d", name, error);
		assert_true(tuns[i] >= 0);
		int link = netlink_link_index(nl, name);
		assert_true(link > 0);
		if (i < 2)
			assert_int_equal(netlink_link_group(nl, (unsigned)link, 77), 0);
	}
	assert_int_equal(netlink_group_delete(nl, 77), 0);
	assert_int_equal(netlink_link_index(nl, "gl-io-g0"), -ENODEV);
	assert_int_equal(netlink_link_index(nl, "gl-io-g1"), -ENODEV);
	assert_true(netlink_link_index(nl, "gl-io-g2") > 0);
	assert_int_equal(netlink_group_delete(nl, 77), -ENODEV);
	for (int i = 0; i < 3; i++)
		close(tuns[i]);
}

static void test_addresses(void **state)
{
	struct address local = ip("10.9.0.1"), peer = ip("10.9.0.2"), six = ip("2001:db8::1");
	struct found found = {.wanted = net("10.9.0.1", 32)};
	assert_int_equal(netlink_address_add(nl, link_a, &local, &peer, 32), 0);
	assert_int_equal(netlink_address_add(nl, link_a, &local, &peer, 32), -EEXIST);
	assert_int_equal(netlink_addresses(nl, 4, link_a, match_address, &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.all, 2);
	run("ip -4 addr show dev gl-io-a | grep -q 'inet 10.9.0.1 peer 10.9.0.2/32'");
	assert_int_equal(netlink_address_delete(nl, link_a, &local, &peer, 32), 0);
	assert_int_equal(netlink_address_delete(nl, link_a, &local, &peer, 32), -EADDRNOTAVAIL);
	assert_int_equal(netlink_address_add(nl, link_a, &six, NULL, 64), 0);
	run("ip -6 addr show dev gl-io-a | grep -q 'inet6 2001:db8::1/64'");
	assert_int_equal(netlink_address_delete(nl, link_a, &six, NULL, 64), 0);
}

static bool match_route(void *context, const struct netlink_route *route)
{
	struct found *found = context;
	found->all++;
	if (address_equal(&route->destination.address, &found->wanted.address) &&
		route->destination.length == found->wanted.length) {
		found->count++;
		assert_int_equal(route->protocol, NETLINK_PROTOCOL);
		assert_int_equal(route->link, link_a);
		assert_int_equal(route->metric, 77);
		assert_int_equal(route->table, NETLINK_TABLE_MAIN);
	}
	return true;
}

static unsigned link_local_addresses(const char *name)
{
	char line[256];
	unsigned count = 0;
	snprintf(line, sizeof(line), "ip -6 -o addr show dev %s scope link", name);
	FILE *pipe = popen(line, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe))
		count++;
	pclose(pipe);
	return count;
}

/* The kernel makes no link-local address by itself where it was told so. */
static void test_link_plain(void **state)
{
	int b = netlink_link_index(nl, "gl-io-b");
	assert_int_equal(netlink_link_up(nl, link_a, false), 0);
	assert_int_equal(netlink_link_up(nl, (unsigned)b, false), 0);
	assert_int_equal(netlink_link_plain(nl, link_a), 0);
	assert_int_equal(netlink_link_up(nl, link_a, true), 0);
	assert_int_equal(netlink_link_up(nl, (unsigned)b, true), 0);
	assert_int_equal(link_local_addresses("gl-io-a"), 0);
	assert_int_equal(link_local_addresses("gl-io-b"), 1);
	assert_true(netlink_link_plain(nl, 99999) < 0);
}

static void test_leased_address(void **state)
{
	struct address own = ip("fd00:99::1");
	assert_int_equal(netlink_address_lease(nl, link_a, &own, 64, 100, 200), 0);
	run("ip -6 addr show dev gl-io-a | grep -A1 fd00:99::1/64 | grep -q 'valid_lft [12]'");
	assert_int_equal(netlink_address_lease(nl, link_a, &own, 64, 5000, 9000), 0); /* renewed */
	run("ip -6 addr show dev gl-io-a | grep -A1 fd00:99::1/64 | grep -q 'valid_lft [89]'");
	assert_int_equal(netlink_address_delete(nl, link_a, &own, NULL, 64), 0);
	assert_true(netlink_address_lease(nl, link_a, &own, 64, 200, 100) < 0);
	assert_non_null(strstr(netlink_error(nl), "Couldn't add address fd00:99::1/64"));
}

static void test_routes(void **state)
{
	struct netlink_route route = {.destination = net("198.51.100.0", 24),
		.gateway = ip("192.0.2.254"),
		.link = link_a,
		.metric = 77};
	struct netlink_route answer;
	struct found found = {.wanted = route.destination};
	struct address inside = ip("198.51.100.9"), outside = ip("203.0.113.1");
	assert_int_equal(netlink_route_add(nl, &route), 0);
	assert_int_equal(netlink_route_add(nl, &route), -EEXIST);
	assert_int_equal(netlink_route_replace(nl, &route), 0);
	assert_int_equal(netlink_routes(nl, 4, link_a, match_route, &found), 0);
	assert_int_equal(found.count, 1);
	assert_int_equal(netlink_route_get(nl, NULL, &inside, &answer), 0);
	assert_int_equal(answer.link, link_a);
	assert_true(address_equal(&answer.gateway, &route.gateway));
	struct address source = ip("192.0.2.1");
	assert_true(address_equal(&answer.source, &source));
	assert_int_equal(netlink_route_get(nl, NULL, &outside, &answer), -ENETUNREACH);
	assert_non_null(strstr(netlink_error(nl), "203.0.113.1"));
	assert_int_equal(netlink_route_delete(nl, &route), 0);
	assert_int_equal(netlink_route_delete(nl, &route), -ESRCH);
}

static void test_default_route(void **state)
{
	struct netlink_route route = {.gateway = ip("192.0.2.254")}, answer;
	struct address anywhere = ip("203.0.113.1");
	route.destination.address = (struct address){.family = 4};
	assert_int_equal(netlink_route_add(nl, &route), 0);
	assert_int_equal(netlink_route_get(nl, NULL, &anywhere, &answer), 0);
	assert_true(address_equal(&answer.gateway, &route.gateway));
	assert_int_equal(netlink_route_delete(nl, &route), 0);
}

static void test_table_and_six(void **state)
{
	struct netlink_route route = {
		.destination = net("2001:db8:1::", 48), .link = link_a, .table = 1000};
	assert_int_equal(netlink_route_add(nl, &route), 0);
	run("ip -6 route show table 1000 | grep -q '2001:db8:1::/48 dev gl-io-a'");
	assert_int_equal(netlink_route_delete(nl, &route), 0);
}

/* The kernel's own sentence reaches the user. */
/* How many proxied neighbours there are. */
static int proxies(void)
{
	int count = 0;
	char line[256];
	FILE *list = popen("ip neigh show proxy", "r");
	assert_non_null(list);
	while (fgets(line, sizeof line, list))
		count++;
	pclose(list);
	return count;
}

/* Ours are found among others by their protocol number, more than one answer holds too. */
static void test_proxies(void **state)
{
	struct address address = ip("192.0.2.77");
	run("ip neigh add proxy 192.0.2.5 dev gl-io-a protocol static");
	assert_int_equal(netlink_proxy_delete(nl, link_a, &address), -ENOENT);
	assert_int_equal(netlink_proxy_add(nl, link_a, &address), 0);
	assert_int_equal(netlink_proxy_add(nl, link_a, &address), 0);
	assert_int_equal(proxies(), 2);
	assert_int_equal(netlink_proxy_delete(nl, link_a, &address), 0);
	assert_int_equal(proxies(), 1);
	for (uint32_t n = 0; n < 600; n++) {
		address = address_ipv4(0x0a000000 + n);
		assert_int_equal(netlink_proxy_add(nl, link_a, &address), 0);
	}
	assert_int_equal(proxies(), 601);
	assert_int_equal(netlink_proxies_clear(nl), 0);
	assert_int_equal(proxies(), 1);
	run("ip neigh del proxy 192.0.2.5 dev gl-io-a");
}

static void test_extended_error(void **state)
{
	struct netlink_route route = {
		.destination = net("198.51.100.0", 24), .gateway = ip("203.0.113.99")};
	assert_int_equal(netlink_route_add(nl, &route), -ENETUNREACH);
	assert_non_null(strstr(netlink_error(nl), "198.51.100.0/24"));
	assert_non_null(strstr(netlink_error(nl), "gateway"));
}

static bool stop_at_once(void *context, const struct netlink_route *route)
{
	++*(unsigned *)context;
	return false;
}

static void test_ten_thousand_routes(void **state)
{
	struct netlink_route route = {.destination = net("10.200.0.0", 32), .link = link_a};
	unsigned visits = 0;
	struct found found = {.wanted = net("10.200.0.0", 32)};
	for (unsigned i = 0; i < 10000; i++) {
		route.destination.address = address_ipv4(0x0ac80000 + i);
		assert_int_equal(netlink_route_add(nl, &route), 0);
	}
	assert_int_equal(netlink_routes(nl, 4, 0, stop_at_once, &visits), 0);
	assert_int_equal(visits, 1);
	found.wanted.length = 1; /* counts all, checks none */
	assert_int_equal(netlink_routes(nl, 4, link_a, match_route, &found), 0);
	assert_true(found.all >= 10000);
}

static void test_tun(void **state)
{
	char name[TUN_NAME_SIZE], other[TUN_NAME_SIZE], error[256];
	int a = open_tun("gl-io-t%d", name, error);
	int b = open_tun("gl-io-t%d", other, error);
	assert_true(a >= 0 && b >= 0);
	assert_string_equal(name, "gl-io-t0");
	assert_string_equal(other, "gl-io-t1");
	assert_true(netlink_link_index(nl, name) > 0);
	assert_int_equal(open_tun(name, other, error), -EBUSY);
	assert_non_null(strstr(error, "another"));
	assert_true(open_tun("gl-io-a", other, error) < 0); /* a veth, not a TUN */
	assert_non_null(strstr(error, "gl-io-a"));
	assert_int_equal(open_tun("", other, error), -EINVAL);
	assert_int_equal(open_tun("sixteen-letters-", other, error), -EINVAL);
	close(a);
	close(b);
	assert_int_equal(netlink_link_index(nl, name), -ENODEV);
}

int main(void)
{
	netns_enter_or_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_delete, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_group_delete, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_plain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leased_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_routes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_default_route, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_table_and_six, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_proxies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_extended_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ten_thousand_routes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tun, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
