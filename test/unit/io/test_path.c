/* Paths in namespaces of their own: two links from the host (each to a next hop), and behind one of
 * them a router and a far host. What the kernel is made to do must end in what `changed` tells. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "netlink.h"
#include "netns.h"
#include "path.h"
#include "survey.h"
#include "waiting.h"

enum { MANY = 10000, RULE_DSCP = 25 };

static int host, east, west; /* namespaces: ours, and the two next hops */
static struct paths *paths;
static unsigned changes; /* since the last look */
static struct path last[MANY + 1];

static void on_changed(void *context, uint32_t index, const struct path *path)
{
	assert_true(index > 0 && index <= MANY);
	last[index] = *path;
	changes++;
}

static void in(int ns, const char *command)
{
	netns_enter(ns);
	run("%s", command);
	netns_enter(host);
}

static void wait_link(int ns, const char *link)
{
	netns_enter(ns);
	run("for i in $(seq 200); do ip link show dev %s | grep -q 'state UP' && exit 0;"
	    "sleep 0.02; done; exit 1",
		link);
	netns_enter(host);
}

static void open_paths(uint32_t max)
{
	char error[256] = "";
	struct paths_config config = {.loop = &loop, .count_max = max, .changed = on_changed};
	int failed = paths_open(&paths, &config, error);
	if (failed)
		fail_msg("%s", error);
	memset(last, 0, sizeof(last));
	changes = 0;
}

/* host gl-F-e 192.0.2.1/24 ── east 192.0.2.2, which forwards to 203.0.113.0/24 (its own address)
 *      gl-F-w 198.51.100.1/24 ── west 198.51.100.2 */
static int set_up(void **state)
{
	run("ip link add gl-F-e address 02:00:00:00:00:01 type veth peer name gl-F-ee address "
	    "02:00:00:00:00:02");
	run("ip link add gl-F-w address 02:00:00:00:01:01 type veth peer name gl-F-ww address "
	    "02:00:00:00:01:02");
	run("ip link set gl-F-ee netns /proc/%d/fd/%d", getpid(), east);
	run("ip link set gl-F-ww netns /proc/%d/fd/%d", getpid(), west);
	run("ip addr add 192.0.2.1/24 dev gl-F-e; ip addr add 198.51.100.1/24 dev gl-F-w");
	run("ip -6 addr add 2001:db8::1/64 dev gl-F-e nodad");
	/* No addresses of their own making, which would be news at any time. */
	run("for l in e w; do ip link set gl-F-$l addrgenmode none; ip link set gl-F-$l up; done");
	in(east, "ip addr add 192.0.2.2/24 dev gl-F-ee; ip link set gl-F-ee up");
	in(east, "ip -6 addr add 2001:db8::2/64 dev gl-F-ee nodad");
	in(east, "echo 1 > /proc/sys/net/ipv4/ip_forward");
	in(west, "ip addr add 198.51.100.2/24 dev gl-F-ww; ip link set gl-F-ww up");
	wait_link(host, "gl-F-e");
	wait_link(host, "gl-F-w");
	run("ip route add 203.0.113.0/24 via 192.0.2.2");
	open_paths(100);
	return 0;
}

static int tear_down(void **state)
{
	paths_close(paths);
	uv_run(&loop, UV_RUN_NOWAIT);
	run("ip link del gl-F-e 2>/dev/null; ip link del gl-F-w 2>/dev/null; true");
	settle(20);
	return 0;
}

/* One packet to it through the kernel, which resolves the neighbour. */
static void touch(const char *address)
{
	run("ping -c1 -W1 %s > /dev/null 2>&1 || true", address);
}

static uint32_t want(const char *local, const char *peer, struct path *path)
{
	struct address a = ip(local), b = ip(peer);
	uint32_t index = paths_want(paths, &a, &b, path);
	assert_true(index > 0);
	assert_true(address_equal(&path->peer, &b));
	last[index] = *path;
	return index;
}

static void expect_header(const struct path *path, uint8_t to2, uint8_t to, uint8_t from2)
{
	const uint8_t header[14] = {2, 0, 0, 0, to2, to, 2, 0, 0, 0, from2, 1, 8, 0};
	assert_true(path->direct);
	assert_int_equal(path->link_header_length, 14);
	assert_memory_equal(path->link_header, header, 14);
}

/* ---- what is known at once ---- */

static void test_direct_at_once(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path), far;
	assert_int_equal(path.link, link_index("gl-F-e"));
	assert_int_equal(path.mtu, 1500);
	expect_header(&path, 0, 2, 0);
	far = want("192.0.2.1", "203.0.113.9", &path); /* behind a gateway: its header */
	assert_int_not_equal(far, index);
	expect_header(&path, 0, 2, 0);
	assert_int_equal(want("192.0.2.1", "192.0.2.2", &path), index); /* shared */
	paths_drop(paths, index);
	paths_drop(paths, index);
	assert_int_equal(
		want("192.0.2.1", "192.0.2.2", &path), index); /* the number is free again */
	settle(100);
	assert_int_equal(changes, 0);
}

static void test_not_direct(void **state)
{
	struct path path;
	want("192.0.2.1", "192.0.2.2", &path); /* nobody asked for this neighbour yet */
	assert_false(path.direct);
	assert_int_equal(path.mtu, 1500);
	struct address nobody = {.family = 0}, east_end = ip("192.0.2.2");
	touch("192.0.2.2");
	assert_true(
		paths_want(paths, &nobody, &east_end, &path) > 0); /* what would its source be? */
	assert_false(path.direct);
	assert_int_equal(path.mtu, 1500);
	want("192.0.2.1", "10.1.2.3", &path); /* no route */
	assert_false(path.direct);
	assert_int_equal(path.link, 0);
	assert_int_equal(path.mtu, 0);
	want("192.0.2.1", "192.0.2.1", &path); /* ourselves */
	assert_false(path.direct);
	want("127.0.0.1", "127.0.0.1", &path);
	assert_false(path.direct);
	want("2001:db8::1", "2001:db8::2", &path); /* IPv6: the raw socket's, with its MTU */
	assert_false(path.direct);
	assert_int_equal(path.mtu, 1500);
	run("ip route add blackhole 10.2.0.0/16; ip route add 192.0.2.128/25 dev gl-F-e mtu 1300");
	want("192.0.2.1", "10.2.0.1", &path);
	assert_int_equal(path.link, 0);
	want("192.0.2.1", "192.0.2.200", &path);
	assert_int_equal(path.mtu, 1300);
	run("ip route add 10.3.0.0/16 encap ip6 id 1 dst 2001:db8::9 dev gl-F-e 2>/dev/null || "
	    "ip route add blackhole 10.3.0.0/16");
	want("192.0.2.1", "10.3.0.1", &path);
	assert_false(path.direct);
}

static void test_resolved_later(void **state)
{
	struct path path;
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path);
	assert_false(path.direct);
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct);
	expect_header(&last[index], 0, 2, 0);
}

/* ---- what changes ---- */

static void test_route_to_another_link(void **state)
{
	struct path path;
	touch("192.0.2.2");
	touch("198.51.100.2");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	uint32_t other = want("192.0.2.1", "192.0.2.2", &path);
	run("ip route replace 203.0.113.0/24 via 198.51.100.2");
	WAIT_FOR(last[index].link == link_index("gl-F-w"));
	expect_header(&last[index], 1, 2, 1);
	run("ip route add 203.0.113.9/32 via 192.0.2.2"); /* a longer one */
	WAIT_FOR(last[index].link == link_index("gl-F-e"));
	run("ip route del 203.0.113.9/32; ip route del 203.0.113.0/24");
	WAIT_FOR(last[index].link == 0);
	assert_false(last[index].direct);
	assert_true(last[other].link && last[other].direct);
	run("ip route add default via 198.51.100.2");
	WAIT_FOR(last[index].link == link_index("gl-F-w"));
	run("ip route del default");
	WAIT_FOR(last[index].link == 0);
}

/* `ip rule add dscp 46 table 77 pref 100`, which the ip(8) of many systems cannot say. */
static void add_dscp_rule(void)
{
	struct {
		struct nlmsghdr header;
		struct fib_rule_hdr rule;
		struct nlattr priority;
		uint32_t priority_value;
		struct nlattr dscp;
		uint8_t dscp_value[4];
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_NEWRULE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
		.rule = {.family = AF_INET, .table = 77, .action = FR_ACT_TO_TBL},
		.priority = {.nla_len = 8, .nla_type = FRA_PRIORITY},
		.priority_value = 100,
		.dscp = {.nla_len = 5, .nla_type = RULE_DSCP},
		.dscp_value = {46},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t more[256];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)NLMSG_LENGTH(sizeof(int)));
	close(fd);
	assert_int_equal(answer.header.nlmsg_type, NLMSG_ERROR);
	if (answer.error.error == -EINVAL || answer.error.error == -EOPNOTSUPP)
		skip(); /* a kernel before 6.12 */
	assert_int_equal(answer.error.error, 0);
}

/* Packets have marks that the question does not. */
static void test_dscp_rule(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	assert_true(path.direct);
	add_dscp_rule();
	WAIT_FOR(!last[index].direct);
	run("ip rule del pref 100");
	WAIT_FOR(last[index].direct);
}

static void test_rule(void **state)
{
	struct path path;
	touch("192.0.2.2");
	touch("198.51.100.2");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	assert_true(path.direct);
	run("ip route add 203.0.113.0/24 via 198.51.100.2 table 77");
	settle(100);
	run("ip rule add from 192.0.2.1 to 203.0.113.0/24 table 77 pref 100");
	WAIT_FOR(last[index].link == link_index("gl-F-w"));
	assert_true(last[index].direct);
	run("ip rule del pref 100");
	WAIT_FOR(last[index].link == link_index("gl-F-e"));
	/* The question cannot name the protocol. */
	run("ip rule add ipproto gre table 77 pref 100");
	WAIT_FOR(!last[index].direct);
	run("ip rule del pref 100; ip rule add ipproto tcp table 77 pref 100");
	WAIT_FOR(last[index].direct);
	run("ip rule del pref 100; ip route flush table 77");
}

static void test_ipsec(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	assert_true(path.direct);
	assert_int_equal(survey_ipsec(), 0);
	run("ip xfrm policy add src 192.0.2.1 dst 203.0.113.9 proto gre dir out tmpl src 192.0.2.1 "
	    "dst 203.0.113.9 proto esp mode transport");
	WAIT_FOR(!last[index].direct);
	assert_int_equal(survey_ipsec(), 1);
	run("ip xfrm policy flush");
	WAIT_FOR(last[index].direct);
}

static void test_next_hop_moves(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	expect_header(&path, 0, 2, 0);
	/* Another machine has the address now, and says so. */
	in(east, "ip link set gl-F-ee down; ip link set gl-F-ee address 02:00:00:00:00:07; "
		 "ip link set gl-F-ee up");
	wait_link(host, "gl-F-e");
	in(east, "ping -c2 -i 0.2 -W1 192.0.2.1 > /dev/null || true");
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct && last[index].link_header[5] == 7);
}

static void test_neighbour_told(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path);
	settle(200); /* what the set-up left behind has been told */
	run("ip neigh change 192.0.2.2 dev gl-F-e lladdr 02:00:00:00:00:55 nud reachable");
	WAIT_FOR(last[index].link_header[5] == 0x55);
	assert_true(last[index].direct);
}

static void test_neighbour_lost(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path);
	assert_true(path.direct);
	run("ip neigh del 192.0.2.2 dev gl-F-e");
	WAIT_FOR(!last[index].direct);
	assert_int_equal(last[index].mtu, 1500); /* the route is still there */
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct);
	/* It goes silent: used, it is asked for again, and given up. */
	run("for f in delay_first_probe_time ucast_solicit mcast_solicit; do echo 1 > "
	    "/proc/sys/net/ipv4/neigh/gl-F-e/$f; done");
	in(east, "ip link set gl-F-ee arp off; ip addr del 192.0.2.2/24 dev gl-F-ee");
	settle(200); /* what the set-up left behind has been told */
	run("ip neigh change 192.0.2.2 dev gl-F-e lladdr 02:00:00:00:00:02 nud stale");
	touch("192.0.2.2");
	WAIT_FOR(!last[index].direct);
	in(east, "ip link set gl-F-ee arp on; ip addr add 192.0.2.2/24 dev gl-F-ee");
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct);
}

static void test_link_down_and_up(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path);
	run("ip link set gl-F-e down");
	WAIT_FOR(!last[index].direct);
	run("ip link set gl-F-e up");
	wait_link(host, "gl-F-e");
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct && last[index].mtu == 1500);
	/* The cable: up here, but no carrier. */
	in(east, "ip link set gl-F-ee down");
	WAIT_FOR(!last[index].direct);
	in(east, "ip link set gl-F-ee up");
	wait_link(host, "gl-F-e");
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct);
	/* Gone altogether, with the address. */
	run("ip link del gl-F-e");
	WAIT_FOR(last[index].link == 0);
	assert_false(last[index].direct);
}

static void test_link_mtu_and_mac(void **state)
{
	struct path path;
	touch("192.0.2.2");
	uint32_t index = want("192.0.2.1", "192.0.2.2", &path);
	run("ip link set gl-F-e mtu 1400");
	WAIT_FOR(last[index].mtu == 1400);
	assert_true(last[index].direct);
	run("ip link set gl-F-e address 02:00:00:00:00:09");
	touch("192.0.2.2");
	WAIT_FOR(last[index].direct && last[index].link_header[11] == 9);
}

static void test_local_address_goes(void **state)
{
	struct path path;
	touch("192.0.2.2");
	run("ip addr add 192.0.2.77/24 dev gl-F-e");
	uint32_t index = want("192.0.2.77", "192.0.2.2", &path);
	assert_true(path.direct);
	run("ip addr del 192.0.2.77/24 dev gl-F-e");
	WAIT_FOR(!last[index].direct && last[index].link == 0);
	run("ip addr add 192.0.2.77/24 dev gl-F-e");
	WAIT_FOR(last[index].direct);
}

/* ---- path MTU ---- */

/* A GRE packet with DF that the router cannot send on. */
static void send_large(int fd, const char *to, size_t length)
{
	uint8_t bytes[1480] = {0x30, 0x01, 0x88, 0x0b};
	struct sockaddr_in in = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, to, &in.sin_addr), 1);
	assert_int_equal(sendto(fd, bytes, length, 0, (struct sockaddr *)&in, sizeof(in)), length);
}

static void test_learnt_mtu(void **state)
{
	struct path path;
	int want_df = IP_PMTUDISC_WANT;
	/* Behind east lies west, over a link of 1300. */
	netns_enter(east);
	run("ip link add gl-F-t type veth peer name gl-F-u");
	run("ip link set gl-F-u netns /proc/%d/fd/%d", getpid(), west);
	run("ip addr add 203.0.113.1/24 dev gl-F-t; ip link set gl-F-t mtu 1300 up");
	netns_enter(host);
	in(west, "ip addr add 203.0.113.9/24 dev gl-F-u; ip link set gl-F-u up; ip route add "
		 "192.0.2.0/24 via 203.0.113.1");
	wait_link(east, "gl-F-t");
	run("echo 3 > /proc/sys/net/ipv4/route/mtu_expires");
	touch("203.0.113.9");
	uint32_t index = want("192.0.2.1", "203.0.113.9", &path);
	assert_int_equal(path.mtu, 1500);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	assert_true(fd >= 0);
	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &want_df, sizeof(want_df));
	send_large(fd, "203.0.113.9", 1480);
	settle(200);
	assert_int_equal(last[index].mtu, 1500); /* the kernel learnt it and told nobody */
	paths_suspect(paths, index);
	WAIT_FOR(last[index].mtu == 1300);
	assert_true(last[index].direct);
	/* The kernel forgets it again, and that is noticed without a suspicion. */
	WAIT_FOR(last[index].mtu == 1500);
	/* Suspicions without end cost one look a second. */
	uint64_t started = uv_hrtime();
	changes = 0;
	for (unsigned n = 0; n < 1000; n++) {
		paths_suspect(paths, index);
		settle(1);
	}
	assert_int_equal(changes, 0);
	assert_true(uv_hrtime() - started < UINT64_C(10) * 1000 * 1000 * 1000);
	send_large(fd, "203.0.113.9", 1480);
	settle(50);
	paths_suspect(paths, index);
	WAIT_FOR(last[index].mtu == 1300); /* the one that came too early is looked at later */
	close(fd);
	in(east, "ip link del gl-F-t");
}

/* ---- many ---- */

static void test_ten_thousand(void **state)
{
	struct path path;
	char words[32];
	paths_close(paths);
	open_paths(MANY);
	touch("192.0.2.2");
	touch("198.51.100.2");
	run("ip route add 10.0.0.0/8 via 192.0.2.2");
	settle(100);
	uint64_t started = uv_hrtime();
	for (unsigned n = 0; n < MANY; n++) {
		snprintf(words, sizeof(words), "10.9.%u.%u", n / 250, n % 250 + 1);
		struct address a = ip("192.0.2.1"), b = ip(words);
		uint32_t index = paths_want(paths, &a, &b, &path);
		assert_int_equal(index, n + 1);
		assert_true(path.direct);
	}
	struct address a = ip("192.0.2.1"), b = ip("10.10.1.1");
	assert_int_equal(paths_want(paths, &a, &b, &path), 0); /* the table is full */
	print_message("wanted in %.0f ms\n", (double)(uv_hrtime() - started) / 1e6);
	/* All of them elsewhere: in slices, none of which holds the loop up. */
	changes = 0;
	started = uv_hrtime();
	run("ip route replace 10.0.0.0/8 via 198.51.100.2");
	uint64_t longest = 0;
	while (changes < MANY && uv_hrtime() - started < UINT64_C(15) * 1000 * 1000 * 1000) {
		uint64_t turn = uv_hrtime();
		uv_run(&loop, UV_RUN_NOWAIT);
		turn = uv_hrtime() - turn;
		longest = turn > longest ? turn : longest;
	}
	print_message("changed in %.0f ms, the longest turn took %.1f ms\n",
		(double)(uv_hrtime() - started) / 1e6, (double)longest / 1e6);
	assert_int_equal(changes, MANY);
	unsigned west_link = link_index("gl-F-w");
	for (unsigned n = 1; n <= MANY; n++)
		assert_true(last[n].direct && last[n].link == west_link);
	/* One session's route touches nobody. */
	changes = 0;
	run("ip route add 172.16.0.1/32 dev gl-F-w");
	settle(100);
	assert_int_equal(changes, 0);
	for (uint32_t n = 1; n <= MANY; n++)
		paths_drop(paths, n);
	run("ip route del 10.0.0.0/8");
	settle(100);
	assert_int_equal(changes, 0);
}

/* ---- what stands in between ---- */

static void test_survey_netfilter(void **state)
{
	char words[64] = "";
	assert_int_equal(survey_netfilter("greyline", words, sizeof(words)), 0);
	run("nft 'add table inet greyline_1; add chain inet greyline_1 out { type filter hook "
	    "output "
	    "priority 0; }'");
	run("nft 'add table inet idle; add chain inet idle plain'");
	run("nft 'add table ip past; add chain ip past f { type filter hook forward priority 0; "
	    "}'");
	assert_int_equal(survey_netfilter("greyline", words, sizeof(words)), 0);
	run("nft 'add table inet filter; add chain inet filter in { type filter hook input "
	    "priority "
	    "0; }'");
	assert_int_equal(survey_netfilter("greyline", words, sizeof(words)), 1);
	assert_string_equal(words, "table inet filter");
	run("nft flush ruleset");
	assert_int_equal(survey_netfilter("greyline", words, sizeof(words)), 0);
	run("nft 'add table netdev d; add chain netdev d i { type filter hook ingress device "
	    "gl-F-e "
	    "priority 0; }'");
	assert_int_equal(survey_netfilter("greyline", words, sizeof(words)), 1);
	assert_string_equal(words, "table netdev d");
	run("nft flush ruleset");
}

static void test_survey_qdisc(void **state)
{
	struct netlink *nl;
	struct netlink_link link;
	assert_int_equal(netlink_open(&nl), 0);
	assert_int_equal(netlink_link_get(nl, link_index("gl-F-e"), &link), 0);
	assert_false(survey_qdisc_shapes(link.qdisc));
	run("tc qdisc add dev gl-F-e root tbf rate 10mbit burst 10k limit 100k");
	assert_int_equal(netlink_link_get(nl, link_index("gl-F-e"), &link), 0);
	assert_string_equal(link.qdisc, "tbf");
	assert_true(survey_qdisc_shapes(link.qdisc));
	netlink_close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_direct_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_direct, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resolved_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_route_to_another_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dscp_rule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ipsec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_next_hop_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_neighbour_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_neighbour_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_down_and_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_link_mtu_and_mac, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_local_address_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_learnt_mtu, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ten_thousand, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survey_netfilter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survey_qdisc, set_up, tear_down),
	};
	netns_enter_or_skip();
	host = netns_current();
	east = netns_new();
	west = netns_new();
	waiting_open();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	waiting_close();
	return failed;
}
