/* One, two and four workers move the same packets: same bytes, same order in each session, whatever
 * worker read them. The peers of all sessions are one raw socket and this program. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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
#include "checksum.h"
#include "clock.h"
#include "dataplane.h"
#include "netns.h"
#include "subject.h"
#include "tun_steering.h"

enum {
	SESSIONS = 12,
	PACKETS = 240, /* of each flow */
	AT_ONCE = 8,   /* of them, before their arrival is waited for */
	GUARD_SECONDS = 20,
	PORT = 5000,
	CALL_STEP = 37, /* odd, so that all workers have some */
	SUPER_SEGMENT = 1000,
	SUPER_SEGMENTS = 40,
};

static const char outer_server[] = "192.0.2.1", outer_clients[] = "192.0.2.2";

static uv_loop_t loop;
static int client_ns, server_ns;
static struct dataplane *plane;
static unsigned detached;
static int raw; /* all clients */
static const struct dataplane_ops *ops = &dataplane_user;

static void on_event(void *context, const struct dataplane_event *event)
{
	if (event->kind == DATAPLANE_DETACHED)
		detached++;
}

static uint32_t inner_address(unsigned session)
{
	return 0x0a090100 + session + 1; /* 10.9.1.1 and on */
}

static uint16_t call_id(unsigned session)
{
	return (uint16_t)(1000 + CALL_STEP * session);
}

static uint32_t subject(unsigned session)
{
	return subject_make(session + 1, 1);
}

static void command(unsigned session, struct datapath_command *c, enum datapath_command_kind kind)
{
	c->kind = kind;
	c->subject = subject(session);
	c->epoch = 1;
	ops->command(plane, c, NULL);
}

static void attach(unsigned session)
{
	struct datapath_command c = {.attach = {.local_call_id = call_id(session),
					     .local = ip(outer_server),
					     .peer = ip(outer_clients),
					     .check_source = true,
					     .client_to_client = true}};
	command(session, &c, DATAPATH_ATTACH);
	c = (struct datapath_command){.connect = {.peer_call_id = (uint16_t)session}};
	command(session, &c, DATAPATH_CONNECT);
	c = (struct datapath_command){.framing = {.send_mru = 1500, .mtu = 1400}};
	command(session, &c, DATAPATH_FRAMING);
	c = (struct datapath_command){
		.network = {.ipv4 = true, .remote4 = address_ipv4(inner_address(session))}};
	command(session, &c, DATAPATH_NETWORK);
}

struct setup {
	unsigned workers;
	bool steered;
};

static struct tun_steering *steering;

/* Skips what this machine cannot have. */
static void start(const struct setup *setup)
{
	char error[256], why[160];
	steering = setup->steered ? tun_steering_open(why) : NULL;
	if (setup->steered && !steering) {
		print_message("no steering: %s\n", why);
		skip();
	}
	struct dataplane_config config = {
		.loop = &loop,
		.interface_name = "greyline0",
		.mtu = 1400,
		.server = true,
		.offload = true,
		.workers = setup->workers,
		.steering = steering,
		.sessions_max = SESSIONS + 1,
		.event = on_event,
	};
	netns_enter(server_ns);
	int failed = ops->start(&plane, &config, error);
	if (failed)
		fail_msg("%s", error);
	run("echo 1 > /proc/sys/net/ipv6/conf/greyline0/disable_ipv6");
	run("ip addr add 10.9.0.1/16 dev greyline0; ip link set greyline0 up");
	for (unsigned n = 0; n < SESSIONS; n++)
		attach(n);
}

static void stop(void)
{
	detached = 0;
	for (unsigned n = 0; n < SESSIONS; n++) {
		struct datapath_command c = {.kind = DATAPATH_DETACH};
		command(n, &c, DATAPATH_DETACH);
	}
	while (detached < SESSIONS)
		uv_run(&loop, UV_RUN_ONCE);
	ops->stop(plane);
	uv_run(&loop, UV_RUN_NOWAIT);
	tun_steering_close(steering);
}

static int udp(int ns, const char *local, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int size = 4 << 20;
	netns_enter(ns);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, local, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

/* What a packet says: who sent it to whom, and its number in that flow. */
struct word {
	uint32_t from, to, number;
};

/* An inner UDP packet in clear, in PPP, in GRE: what a client sends. */
static size_t build(uint8_t *at, unsigned session, uint32_t sequence, uint32_t to,
	const void *payload, size_t length)
{
	uint8_t inner[1500];
	struct writer w = writer_over(inner, sizeof(inner));
	write_u8(&w, 0x45);
	write_u8(&w, 0);
	write_u16(&w, (uint16_t)(28 + length));
	write_u32(&w, 0x4000); /* DF */
	write_u8(&w, 64);
	write_u8(&w, IPPROTO_UDP);
	write_u16(&w, 0);
	write_u32(&w, inner_address(session));
	write_u32(&w, to);
	write_u16(&w, PORT);
	write_u16(&w, PORT);
	write_u16(&w, (uint16_t)(8 + length));
	write_u16(&w, 0); /* no checksum */
	write_bytes(&w, payload, length);
	put_u16(inner + 10, (uint16_t)~checksum_of(0, inner, 20));
	struct writer o = writer_over(at, 1600);
	write_u32(&o, 0x3001880b); /* key, sequence, version 1, PPP */
	write_u16(&o, (uint16_t)(4 + w.at - inner));
	write_u16(&o, call_id(session));
	write_u32(&o, sequence);
	write_u32(&o, 0xff030021);
	write_bytes(&o, inner, (size_t)(w.at - inner));
	return (size_t)(o.at - at);
}

static void send_raw(const uint8_t *bytes, size_t length)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	inet_pton(AF_INET, outer_server, &in.sin_addr);
	assert_int_equal(sendto(raw, bytes, length, 0, (void *)&in, sizeof(in)), length);
}

/* The next inner packet that some client got; false when none came in time. */
static bool receive_raw(unsigned *session, uint8_t inner[2048], size_t *length)
{
	uint8_t bytes[2048];
	for (;;) {
		struct pollfd fd = {.fd = raw, .events = POLLIN};
		if (poll(&fd, 1, GUARD_SECONDS * 1000) != 1)
			return false;
		ssize_t got = recv(raw, bytes, sizeof(bytes), 0);
		assert_true(got > 0);
		struct reader r = reader_over(bytes, (size_t)got);
		read_bytes(&r, 20);
		uint16_t flags = read_u16(&r);
		read_u16(&r);
		uint16_t payload = read_u16(&r);
		*session = read_u16(&r);
		if (!(flags & 0x1000))
			continue; /* an acknowledgement alone */
		read_u32(&r);
		if (flags & 0x0080)
			read_u32(&r);
		assert_int_equal(read_u32(&r), 0xff030021);
		*length = payload - 4u;
		memcpy(inner, read_bytes(&r, *length), *length);
		assert_false(r.failed);
		return true;
	}
}

static void check_udp(const uint8_t *inner, size_t length)
{
	uint8_t pseudo[12] = {0};
	assert_int_equal((uint16_t)~checksum_of(0, inner, 20), 0);
	if (get_u16(inner + 26) == 0)
		return;
	memcpy(pseudo, inner + 12, 8);
	pseudo[9] = IPPROTO_UDP;
	put_u16(pseudo + 10, (uint16_t)(length - 20));
	uint64_t sum =
		checksum_add(checksum_add(0, pseudo, sizeof(pseudo)), inner + 20, length - 20);
	assert_int_equal((uint16_t)~checksum_fold(sum), 0);
}

/* Numbers expected next, of each pair of sessions; index SESSIONS is the host. */
static uint32_t expected[SESSIONS + 1][SESSIONS + 1];

static void arrived(const struct word *word, unsigned at)
{
	assert_int_equal(word->to, at);
	assert_in_range(word->from, 0, SESSIONS);
	assert_int_equal(word->number, expected[word->from][at]);
	expected[word->from][at]++;
}

static void host_to_clients(int fd, uint32_t first)
{
	for (uint32_t number = first; number < first + AT_ONCE; number++)
		for (unsigned n = 0; n < SESSIONS; n++) {
			struct word word = {SESSIONS, n, number};
			struct sockaddr_in in = {.sin_family = AF_INET,
				.sin_port = htons(PORT),
				.sin_addr.s_addr = htonl(inner_address(n))};
			assert_int_equal(
				sendto(fd, &word, sizeof(word), 0, (void *)&in, sizeof(in)),
				sizeof(word));
		}
}

static void clients_send(uint32_t first)
{
	static uint32_t sequences[SESSIONS];
	if (first == 0)
		memset(sequences, 0, sizeof(sequences));
	for (uint32_t number = first; number < first + AT_ONCE; number++)
		for (unsigned n = 0; n < SESSIONS; n++) {
			uint8_t bytes[1600];
			unsigned other = (n + 1 + number % 3) % SESSIONS;
			struct word to_host = {n, SESSIONS, number};
			struct word to_client = {n, other, number / 3};
			send_raw(bytes, build(bytes, n, sequences[n]++, 0x0a090001, &to_host,
						sizeof(to_host)));
			send_raw(bytes, build(bytes, n, sequences[n]++, inner_address(other),
						&to_client, sizeof(to_client)));
		}
}

static void clients_receive(unsigned count)
{
	for (; count; count--) {
		uint8_t inner[2048];
		struct word word;
		unsigned session;
		size_t length;
		if (!receive_raw(&session, inner, &length))
			fail_msg("%u packets for clients never came", count);
		assert_int_equal(length, 28 + sizeof(word));
		check_udp(inner, length);
		memcpy(&word, inner + 28, sizeof(word));
		arrived(&word, session);
	}
}

static void host_receives(int fd, unsigned count)
{
	for (; count; count--) {
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		struct word word;
		if (poll(&pollfd, 1, GUARD_SECONDS * 1000) != 1)
			fail_msg("%u packets for the host never came", count);
		assert_int_equal(recv(fd, &word, sizeof(word), 0), sizeof(word));
		arrived(&word, SESSIONS);
	}
}

/* Every direction at once: host to clients, clients to host, client to client. */
static void test_same_packets(void **state)
{
	uint64_t drops[DROP_COUNT];
	memset(expected, 0, sizeof(expected));
	start(*state);
	int fd = udp(server_ns, "10.9.0.1", PORT);
	for (uint32_t first = 0; first < PACKETS; first += AT_ONCE) {
		host_to_clients(fd, first);
		clients_send(first);
		clients_receive(2 * AT_ONCE * SESSIONS);
		host_receives(fd, AT_ONCE * SESSIONS);
	}
	for (unsigned n = 0; n < SESSIONS; n++) {
		assert_int_equal(expected[n][SESSIONS], PACKETS);
		assert_int_equal(expected[SESSIONS][n], PACKETS);
		assert_int_equal(expected[n][(n + 1) % SESSIONS], PACKETS / 3);
		assert_int_equal(expected[n][(n + 3) % SESSIONS], PACKETS / 3);
	}
	ops->drops(plane, drops);
	assert_int_equal(drops[DROP_HANDOFF_FULL], 0);
	close(fd);
	stop();
}

/* A super-packet of UDP for each session: whoever reads it, its owner cuts it. */
static void test_super_packets(void **state)
{
	static uint8_t bytes[SUPER_SEGMENT * SUPER_SEGMENTS];
	unsigned next[SESSIONS] = {0};
	start(*state);
	int fd = udp(server_ns, "10.9.0.1", PORT), segment = SUPER_SEGMENT;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) < 0)
		skip();
	for (unsigned n = 0; n < SESSIONS; n++) {
		struct sockaddr_in in = {.sin_family = AF_INET,
			.sin_port = htons(PORT),
			.sin_addr.s_addr = htonl(inner_address(n))};
		for (unsigned i = 0; i < SUPER_SEGMENTS; i++)
			memset(bytes + i * SUPER_SEGMENT, (int)(n * 41 + i), SUPER_SEGMENT);
		assert_int_equal(sendto(fd, bytes, sizeof(bytes), 0, (void *)&in, sizeof(in)),
			sizeof(bytes));
	}
	for (unsigned count = 0; count < SESSIONS * SUPER_SEGMENTS; count++) {
		uint8_t inner[2048];
		unsigned session;
		size_t length;
		assert_true(receive_raw(&session, inner, &length));
		assert_int_equal(length, 28 + SUPER_SEGMENT);
		check_udp(inner, length);
		assert_int_equal(inner[28], (uint8_t)(session * 41 + next[session]++));
		assert_int_equal(inner[27 + SUPER_SEGMENT], inner[28]);
	}
	close(fd);
	stop();
}

/* Sessions come and go on slots that others have had, at other workers, while packets flow. */
static void test_slots_change_workers(void **state)
{
	start(*state);
	int fd = udp(server_ns, "10.9.0.1", PORT);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned n = 0; n < SESSIONS; n++) {
			struct word word = {SESSIONS, n, round};
			struct sockaddr_in in = {.sin_family = AF_INET,
				.sin_port = htons(PORT),
				.sin_addr.s_addr = htonl(inner_address(n))};
			sendto(fd, &word, sizeof(word), 0, (void *)&in, sizeof(in));
		}
		unsigned before = detached, slot = round % SESSIONS;
		struct datapath_command c = {.kind = DATAPATH_DETACH,
			.subject = subject_make(slot + 1, 1 + round / SESSIONS)};
		ops->command(plane, &c, NULL);
		while (detached == before)
			uv_run(&loop, UV_RUN_ONCE);
		uint32_t next = subject_make(slot + 1, 2 + round / SESSIONS);
		c = (struct datapath_command){.kind = DATAPATH_ATTACH,
			.subject = next,
			.attach = {.local_call_id = (uint16_t)(2000 + round),
				.local = ip(outer_server),
				.peer = ip(outer_clients)}};
		ops->command(plane, &c, NULL);
		c = (struct datapath_command){.kind = DATAPATH_CONNECT,
			.subject = next,
			.connect = {.peer_call_id = (uint16_t)slot}};
		ops->command(plane, &c, NULL);
		c = (struct datapath_command){.kind = DATAPATH_FRAMING,
			.subject = next,
			.framing = {.send_mru = 1500, .mtu = 1400}};
		ops->command(plane, &c, NULL);
		c = (struct datapath_command){.kind = DATAPATH_NETWORK,
			.subject = next,
			.network = {.ipv4 = true, .remote4 = address_ipv4(inner_address(slot))}};
		ops->command(plane, &c, NULL);
	}
	close(fd);
	ops->stop(plane);
	uv_run(&loop, UV_RUN_NOWAIT);
	tun_steering_close(steering);
}

/* What is steered, nobody has to hand over. */
static void test_steering(void **state)
{
	const struct setup *setup = *state;
	struct dataplane_facts facts;
	memset(expected, 0, sizeof(expected));
	start(setup);
	int fd = udp(server_ns, "10.9.0.1", PORT);
	host_to_clients(fd, 0);
	clients_receive(AT_ONCE * SESSIONS);
	usleep(50000); /* published every 20 ms */
	ops->describe(plane, &facts);
	assert_int_equal(facts.workers, setup->workers);
	assert_non_null(strstr(facts.steering, setup->steered ? "BPF" : "by flow"));
	if (setup->steered)
		assert_int_equal(facts.handed, 0);
	else
		assert_in_range(facts.handed, 1, AT_ONCE * SESSIONS);
	close(fd);
	stop();
}

static int make_namespaces(void **state)
{
	int size = 8 << 20;
	client_ns = netns_new();
	server_ns = netns_new();
	run("ip link add gl-ws-a type veth peer name gl-ws-b");
	run("ip link set gl-ws-a netns /proc/%d/fd/%d", getpid(), client_ns);
	run("ip link set gl-ws-b netns /proc/%d/fd/%d", getpid(), server_ns);
	netns_enter(server_ns);
	run("ip addr add 192.0.2.1/24 dev gl-ws-b; ip link set gl-ws-b up");
	netns_enter(client_ns);
	run("ip addr add 192.0.2.2/24 dev gl-ws-a; ip link set gl-ws-a up");
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	assert_true(raw >= 0);
	setsockopt(raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	uv_loop_init(&loop);
	return 0;
}

static int end_loop(void **state)
{
	assert_int_equal(uv_loop_close(&loop), 0);
	close(raw);
	return 0;
}

/* What an earlier test left in the socket is none of the next one's. */
static int drain(void **state)
{
	uint8_t bytes[2048];
	while (recv(raw, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return 0;
}

int main(void)
{
	static struct setup one = {1, false}, two = {2, false}, four = {4, false},
			    steered = {4, true};
	netns_enter_or_skip();
#define TEST(words, test, count)                                                                   \
	{                                                                                          \
		words, test, drain, NULL, &count                                                   \
	}
	const struct CMUnitTest tests[] = {
		TEST("same packets, one worker", test_same_packets, one),
		TEST("same packets, two workers", test_same_packets, two),
		TEST("same packets, four workers", test_same_packets, four),
		TEST("same packets, four workers, steered", test_same_packets, steered),
		TEST("steered by inner destination", test_steering, steered),
		TEST("steered by nobody", test_steering, four),
		TEST("super-packets, one worker", test_super_packets, one),
		TEST("super-packets, four workers", test_super_packets, four),
		TEST("super-packets, steered", test_super_packets, steered),
		TEST("slots change workers", test_slots_change_workers, four),
	};
	return cmocka_run_group_tests(tests, make_namespaces, end_loop);
}
