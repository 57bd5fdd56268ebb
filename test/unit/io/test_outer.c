/* Which back end takes a packet: a link made of rings beside the raw sockets. What goes through the
 * kernel's stack is counted by a netfilter rule that rings do not pass. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "clock.h"
#include "datapath.h"
#include "netlink.h"
#include "netns.h"
#include "outer.h"

enum { WAIT_MS = 1000, CALL = 4321, PATH = 7, LENGTH = 200, MANY = 1000 };

static int here, there;
static struct outer_programs *programs;
static struct outer *outer;
static int peer; /* the peer's raw socket */
static struct datapath dp;
static struct path path;
static uint64_t now;

static int set_up(void **state)
{
	char error[256] = "";
	struct outer_choice choice;
	struct address any = {.family = 0};
	int size = 8 << 20;
	if (!programs)
		return 0;
	run("ip link add gl-F-a address 02:00:00:00:00:01 type veth peer name gl-F-b address "
	    "02:00:00:00:00:02");
	run("ip addr add 192.0.2.1/24 dev gl-F-a; ip link set gl-F-a up");
	run("ip link set gl-F-b netns /proc/%d/fd/%d", getpid(), there);
	netns_enter(there);
	run("ip addr add 192.0.2.2/24 dev gl-F-b; ip link set gl-F-b up");
	peer = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	assert_true(peer >= 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	netns_enter(here);
	run("for i in $(seq 200); do ip link show dev gl-F-a | grep -q 'state UP' && break; sleep "
	    "0.02; done; ping -c1 -W1 192.0.2.2 > /dev/null");
	run("echo 77 > /proc/sys/net/ipv4/ip_default_ttl");
	run("nft 'add table inet t; add chain inet t out { type filter hook output priority 0; }; "
	    "add "
	    "rule inet t out meta l4proto 47 counter'");
	assert_int_equal(outer_choose(&choice, OUTER_RINGS, programs, &any, &any, NULL, error), 0);
	assert_int_equal(choice.link_count, 1);
	struct outer_config config = {
		.workers = 1, .dont_fragment = true, .choice = &choice, .programs = programs};
	if (outer_open(&outer, &config, error))
		fail_msg("%s", error);
	dp = (struct datapath){.local = ip("192.0.2.1"),
		.peer = ip("192.0.2.2"),
		.path = PATH,
		.peer_call_id = CALL};
	path = (struct path){.local = dp.local,
		.peer = dp.peer,
		.direct = true,
		.link = choice.links[0],
		.mtu = 1500,
		.link_header_length = 14,
		.link_header = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}};
	now = clock_now();
	return 0;
}

static int tear_down(void **state)
{
	if (!programs)
		return 0;
	outer_close(outer);
	close(peer);
	run("nft flush ruleset; ip link del gl-F-a");
	return 0;
}

/* GRE packets that the stack has sent since the last time. */
static unsigned by_stack(void)
{
	static char line[256];
	unsigned packets = 0;
	FILE *list = popen("nft list chain inet t out", "r");
	assert_non_null(list);
	while (fgets(line, sizeof(line), list)) {
		const char *at = strstr(line, "packets ");
		if (at)
			packets = (unsigned)strtoul(at + 8, NULL, 10);
	}
	pclose(list);
	run("nft 'reset counters' > /dev/null; nft 'flush chain inet t out; add rule inet t out "
	    "meta "
	    "l4proto 47 counter'");
	return packets;
}

/* Sends `count` packets of one session and sees all of them arrive, unchanged and in order. */
static void send_packets(size_t count, size_t length, bool control)
{
	static struct packet packets[MANY];
	static const struct packet *list[MANY];
	static uint8_t bytes[MANY][2000];
	uint64_t refused[(MANY + 63) / 64];
	uint8_t got[2200];
	for (size_t i = 0; i < count; i++) {
		memset(bytes[i], (int)i, length);
		memcpy(bytes[i], "\x30\x01\x88\x0b\x00\x00\x10\xe1", 8);
		put_u32(bytes[i] + 8, (uint32_t)i);
		packets[i] = (struct packet){.datapath = &dp,
			.bytes = bytes[i],
			.length = (uint32_t)length,
			.control = control};
		list[i] = &packets[i];
	}
	outer_send(outer, list, count, now, refused);
	for (size_t word = 0; word < (count + 63) / 64; word++)
		assert_int_equal(refused[word], 0);
	bool seen[MANY] = {false};
	for (size_t i = 0; i < count; i++) {
		struct pollfd fd = {.fd = peer, .events = POLLIN};
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		ssize_t size = recv(peer, got, sizeof(got), 0);
		assert_int_equal(size, length + 20);
		assert_int_equal(got[8], 77); /* by the stack or past it */
		uint32_t number = get_u32(got + 28);
		assert_true(number < count && !seen[number]);
		assert_memory_equal(got + 20, bytes[number], length);
		seen[number] = true;
	}
}

static void test_direct(void **state)
{
	if (!programs)
		skip();
	send_packets(10, LENGTH, false); /* nothing is known of its path */
	assert_int_equal(by_stack(), 10);
	outer_path(outer, PATH, &path);
	send_packets(100, LENGTH, false);
	assert_int_equal(by_stack(), 1); /* the one that keeps the neighbour confirmed */
	send_packets(100, LENGTH, false);
	assert_int_equal(by_stack(), 0);
	now += SECONDS(5);
	send_packets(100, LENGTH, false);
	assert_int_equal(by_stack(), 1);
	send_packets(1, LENGTH, false); /* a batch of one */
	assert_int_equal(by_stack(), 0);
}

static void test_what_the_kernel_must_send(void **state)
{
	if (!programs)
		skip();
	outer_path(outer, PATH, &path);
	send_packets(1, LENGTH, false);
	assert_int_equal(by_stack(), 1);
	send_packets(10, LENGTH, true); /* control frames */
	assert_int_equal(by_stack(), 10);
	path.mtu = 300;
	outer_path(outer, PATH, &path);
	send_packets(1, 280, false);
	assert_int_equal(by_stack(), 1);
	send_packets(10, 280, false); /* 300 with its IP header: fits */
	assert_int_equal(by_stack(), 0);
	send_packets(10, 281, false);
	assert_int_equal(by_stack(), 10);
	path.mtu = 1500;
	path.direct = false;
	outer_path(outer, PATH, &path);
	send_packets(10, LENGTH, false);
	assert_int_equal(by_stack(), 10);
	path.direct = true;
	path.link += 100; /* an interface without rings */
	outer_path(outer, PATH, &path);
	send_packets(10, LENGTH, false);
	assert_int_equal(by_stack(), 10);
	path.link -= 100;
	outer_path(outer, PATH, &path);
	outer_path(outer, PATH, NULL); /* it is no more */
	send_packets(10, LENGTH, false);
	assert_int_equal(by_stack(), 10);
}

/* One call with packets of a direct path and of another, and control frames among them. */
static void test_mixed(void **state)
{
	enum { COUNT = 700 };
	static uint8_t bytes[COUNT][LENGTH];
	static struct packet packets[COUNT];
	static const struct packet *list[COUNT];
	uint64_t refused[(COUNT + 63) / 64];
	struct datapath other = {
		.local = ip("192.0.2.1"), .peer = ip("192.0.2.2"), .path = PATH + 1};
	struct datapath nowhere = {.local = ip("192.0.2.1"), .peer = ip("10.0.0.1"), .path = 0};
	unsigned stack = 0, lost = 0;
	if (!programs)
		skip();
	other.local = dp.local;
	other.peer = dp.peer;
	outer_path(outer, PATH, &path);
	send_packets(1, LENGTH, false);
	by_stack();
	unsigned seed = (unsigned)now;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned i = 0; i < COUNT; i++) {
		int kind = rand() % 4;
		packets[i] = (struct packet){.datapath = kind == 1   ? &other
							 : kind == 2 ? &nowhere
								     : &dp,
			.bytes = bytes[i],
			.length = LENGTH,
			.control = kind == 3};
		stack += kind == 1 || kind == 3;
		lost += kind == 2;
		memcpy(bytes[i], "\x30\x01\x88\x0b\x00\x00\x10\xe1", 8);
		put_u32(bytes[i] + 8, i);
		list[i] = &packets[i];
	}
	outer_send(outer, list, COUNT, now, refused);
	bool seen[COUNT] = {false};
	struct pollfd fd = {.fd = peer, .events = POLLIN};
	uint8_t got[LENGTH + 20];
	for (unsigned i = 0; i < COUNT - lost; i++) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		assert_int_equal(recv(peer, got, sizeof(got), 0), LENGTH + 20);
		seen[get_u32(got + 28)] = true;
	}
	for (unsigned i = 0; i < COUNT; i++) {
		bool is_refused = refused[i / 64] >> i % 64 & 1;
		assert_int_equal(is_refused, packets[i].datapath == &nowhere);
		assert_int_equal(seen[i], !is_refused);
	}
	assert_int_equal(by_stack(), stack);
}

/* Claimed data comes by the link, control frames and the data of others by the raw sockets. */
static void test_received(void **state)
{
	int sources[OUTER_SOURCES_MAX];
	struct gre_datagram got[BATCH_MAX];
	uint8_t data[64] = {0x30, 0x01, 0x88, 0x0b, 0, 8, 0x10, 0xe1, 0, 0, 0, 1, 0x21, 0x45};
	struct sockaddr_in in = {.sin_family = AF_INET};
	if (!programs)
		skip();
	size_t count = outer_sources(outer, sources);
	assert_int_equal(count, 5);
	outer_claim(outer, CALL, &dp.local, &dp.peer);
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &in.sin_addr), 1);
	struct {
		uint16_t call;
		uint8_t first;
		unsigned source;
	} const cases[] = {
		{CALL, 0x21, 4}, {CALL, 0xc0, 0}, {CALL + 1, 0x21, 2}, {CALL + 1, 0xc0, 0}};
	for (size_t i = 0; i < 4; i++) {
		put_u16(data + 6, cases[i].call);
		data[12] = cases[i].first;
		assert_int_equal(sendto(peer, data, sizeof(data), 0, (void *)&in, sizeof(in)), 64);
		struct pollfd fd = {.fd = sources[cases[i].source], .events = POLLIN};
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		for (unsigned source = 0; source < count; source++)
			assert_int_equal(outer_receive(outer, source, got),
				source == cases[i].source ? 1 : 0);
	}
	outer_release(outer, CALL);
	put_u16(data + 6, CALL);
	data[12] = 0x21;
	assert_int_equal(sendto(peer, data, sizeof(data), 0, (void *)&in, sizeof(in)), 64);
	struct pollfd fd = {.fd = sources[2], .events = POLLIN};
	assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
}

/* Whose packets come back are named once each, all paths to that peer. */
static void test_suspects(void **state)
{
	struct gre_datagram got[BATCH_MAX];
	struct path to = {.local = ip("192.0.2.1"), .peer = ip("192.0.2.99"), .mtu = 1500};
	struct path from_elsewhere = to;
	int sources[OUTER_SOURCES_MAX];
	if (!programs)
		skip();
	from_elsewhere.local = ip("192.0.2.7");
	outer_path(outer, 3, &to);
	outer_path(outer, 4, &from_elsewhere);
	outer_path(outer, PATH, &path);
	assert_int_equal(outer_suspect(outer), 0);
	struct datapath gone = {.local = to.local, .peer = to.peer, .path = 3};
	uint8_t bytes[40] = {0x30, 0x01, 0x88, 0x0b};
	struct packet packet = {.datapath = &gone, .bytes = bytes, .length = sizeof(bytes)};
	const struct packet *list[] = {&packet};
	uint64_t refused;
	outer_send(outer, list, 1, now, &refused);
	outer_sources(outer, sources);
	struct pollfd fd = {.fd = sources[0], .events = POLLIN};
	assert_int_equal(poll(&fd, 1, 10000), 1); /* nobody answers ARP for it */
	assert_int_equal(outer_receive(outer, 0, got), 0);
	uint32_t first = outer_suspect(outer), second = outer_suspect(outer);
	assert_true((first == 3 && second == 4) || (first == 4 && second == 3));
	assert_int_equal(outer_suspect(outer), 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static void add_second_link(void)
{
	run("ip link add gl-F-c address 02:00:00:00:00:03 type veth peer name gl-F-d address "
	    "02:00:00:00:00:04; ip addr add 198.51.100.1/24 dev gl-F-c; ip link set gl-F-c up");
	run("ip link set gl-F-d netns /proc/%d/fd/%d", getpid(), there);
	netns_enter(there);
	run("ip addr add 198.51.100.2/24 dev gl-F-d; ip link set gl-F-d up");
	netns_enter(here);
	run("for i in $(seq 200); do ip link show dev gl-F-c | grep -q 'state UP' && break; sleep "
	    "0.02; done; ping -c1 -W1 198.51.100.2 > /dev/null");
}

/* Packets in frames that one link has lent, sent by it and by another. */
static void test_two_links(void **state)
{
	enum { COUNT = 64 };
	static uint8_t own[COUNT][OUTER_MAX];
	struct packet packets[COUNT];
	const struct packet *list[COUNT];
	struct packet_list lent = {.at = packets, .max = COUNT};
	struct outer_choice choice;
	struct address any = {.family = 0};
	char error[256] = "";
	uint64_t refused;
	uint8_t got[LENGTH + 20];
	if (!programs)
		skip();
	add_second_link();
	assert_int_equal(outer_choose(&choice, OUTER_RINGS, programs, &any, &any, NULL, error), 0);
	assert_int_equal(choice.link_count, 2);
	choice.unqueued[0] = choice.unqueued[1] = false; /* as with a qdisc: by rings */
	struct outer_config config = {
		.workers = 1, .dont_fragment = true, .choice = &choice, .programs = programs};
	outer_close(outer);
	outer = NULL;
	if (outer_open(&outer, &config, error))
		fail_msg("%s", error);
	struct datapath other = {
		.local = ip("198.51.100.1"), .peer = ip("198.51.100.2"), .path = 8};
	struct path second = {.local = other.local,
		.peer = other.peer,
		.direct = true,
		.link = choice.links[choice.links[0] == path.link],
		.mtu = 1500,
		.link_header_length = 14,
		.link_header = {2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 8, 0}};
	outer_path(outer, PATH, &path);
	outer_path(outer, 8, &second);
	unsigned seed = (unsigned)clock_now();
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 50; round++) {
		bool others[COUNT], seen[COUNT] = {false};
		for (unsigned i = 0; i < COUNT; i++)
			packets[i] = (struct packet){.bytes = own[i], .capacity = OUTER_MAX};
		outer_lend(outer, &lent);
		for (unsigned i = 0; i < COUNT; i++) {
			others[i] = rand() % 2;
			packets[i].datapath = others[i] ? &other : &dp;
			packets[i].length = LENGTH;
			memset(packets[i].bytes, (int)i, LENGTH);
			memcpy(packets[i].bytes, "\x30\x01\x88\x0b\x00\x00\x10\xe1", 8);
			put_u32(packets[i].bytes + 8, i);
			list[i] = &packets[i];
		}
		outer_send(outer, list, COUNT, now, &refused);
		assert_int_equal(refused, 0);
		for (unsigned i = 0; i < COUNT; i++) {
			struct pollfd fd = {.fd = peer, .events = POLLIN};
			assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
			assert_int_equal(recv(peer, got, sizeof(got), 0), LENGTH + 20);
			uint32_t number = get_u32(got + 28);
			assert_true(number < COUNT && !seen[number]);
			seen[number] = true;
			assert_memory_equal(
				got + 16, others[number] ? other.peer.bytes : dp.peer.bytes, 4);
			for (unsigned at = 12; at < LENGTH; at++)
				assert_int_equal(got[20 + at], number);
		}
	}
	run("ip link del gl-F-c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_direct, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_kernel_must_send, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mixed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_received, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_suspects, set_up, tear_down),
	};
	char why[160];
	const char *reason = why;
	netns_enter_or_skip();
	here = netns_current();
	there = netns_new();
	programs = outer_prepare(why);
	if (!programs)
		print_message("no rings here: %s\n", reason);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (programs)
		outer_programs_close(programs);
	return failed;
}
