/* Two data planes in two namespaces, joined by a veth, with keys fixed beforehand: what a real
 * server and client do once negotiation is over. */
#include <arpa/inet.h>
#include <errno.h>
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

#include "clock.h"
#include "dataplane.h"
#include "netlink.h"
#include "netns.h"
#include "subject.h"
#include "tap.h"
#include "tun.h"
#include "waiting.h"

enum { GUARD_SECONDS = 10 };

/* One end: its namespace, its data plane, and what it was told. */
struct end {
	int ns;
	struct dataplane *dataplane;
	unsigned control, detached, keys_differ, tun_gone, no_memory, strangers, found, lines_gone;
	struct address from;
	uint32_t last_subject, last_epoch;
	uint8_t last[1600];
	size_t last_length;
	struct datapath_counters final;
};

static struct end client, server;
static const struct dataplane_ops *ops = &dataplane_user;
static struct packet_filters filters; /* of the client's */

#define MARKER "greyline-marker-in-clear"

static void on_event(void *context, const struct dataplane_event *event)
{
	struct end *end = context;
	end->last_subject = event->subject;
	switch (event->kind) {
	case DATAPLANE_CONTROL:
		assert_true(event->length <= sizeof(end->last));
		memcpy(end->last, event->bytes, event->length);
		end->last_length = event->length;
		end->last_epoch = event->epoch;
		end->control++;
		break;
	case DATAPLANE_DETACHED:
		end->final = *event->counters;
		end->detached++;
		break;
	case DATAPLANE_KEYS_DIFFER:
		end->keys_differ++;
		break;
	case DATAPLANE_STRANGER:
		end->strangers++;
		end->from = event->from;
		break;
	case DATAPLANE_PEER_FOUND:
		end->found++;
		end->from = event->from;
		break;
	case DATAPLANE_NO_MEMORY:
		end->no_memory++;
		break;
	case DATAPLANE_LINE_GONE:
		end->lines_gone++;
		break;
	case DATAPLANE_TUN_GONE:
		end->tun_gone++;
		break;
	case DATAPLANE_UNABLE:
	case DATAPLANE_MOVED:
		fail_msg("not of this plane: %s", event->why);
	}
}

static uint64_t session_drop(struct end *end, uint32_t subject, enum drop drop)
{
	struct dataplane_statistics statistics;
	if (!ops->statistics(end->dataplane, subject, &statistics))
		return 0;
	return drop < DROP_PACKETS ? statistics.counters.drops[drop] : 0;
}

static uint64_t shared_drop(struct end *end, enum drop drop)
{
	uint64_t drops[DROP_COUNT];
	ops->drops(end->dataplane, drops);
	return drops[drop];
}

static void start(struct end *end, bool is_server, const char *interface, const char *local,
	const char *remote)
{
	char error[256];
	struct dataplane_config config = {
		.loop = &loop,
		.interface_name = interface,
		.mtu = 1400,
		.server = is_server,
		.sessions_max = 16,
		.filters = is_server ? (struct packet_filters){.pass = NULL} : filters,
		.event = on_event,
		.context = end,
	};
	int here = netns_current();
	netns_enter(end->ns);
	int failed = ops->start(&end->dataplane, &config, error);
	if (failed)
		fail_msg("%s", error);
	if (interface) {
		/* No router solicitations among the packets that are counted. */
		run("echo 1 > /proc/sys/net/ipv6/conf/%s/disable_ipv6", interface);
		run("ip addr add %s peer %s dev %s", local, remote, interface);
		run("ip link set %s up", interface);
	}
	netns_enter(here);
	close(here);
}

struct session_parameters {
	uint32_t subject;
	uint16_t call_id, peer_call_id;
	const char *outer_local, *outer_peer; /* local NULL: unknown */
	const char *remote4;
	bool check_source, client_to_client, any_peer;
	uint8_t send_key, receive_key; /* what the key bytes are filled with */
};

static void command(struct end *end, struct datapath_command *c, uint32_t subject,
	enum datapath_command_kind kind, const uint8_t *frame)
{
	c->kind = kind;
	c->subject = subject;
	c->epoch = 1;
	ops->command(end->dataplane, c, frame);
}

static void attach(struct end *end, const struct session_parameters *p)
{
	struct datapath_command c = {.attach = {.local_call_id = p->call_id,
					     .peer = ip(p->outer_peer),
					     .any_peer = p->any_peer,
					     .require_encryption = true,
					     .check_source = p->check_source,
					     .client_to_client = p->client_to_client}};
	if (p->outer_local)
		c.attach.local = ip(p->outer_local);
	command(end, &c, p->subject, DATAPATH_ATTACH, NULL);
	c = (struct datapath_command){.connect = {.peer_call_id = p->peer_call_id}};
	command(end, &c, p->subject, DATAPATH_CONNECT, NULL);
	c = (struct datapath_command){.key = {.strength = MPPE_128, .stateless = true}};
	c.key.keys.valid = true;
	memset(c.key.keys.send, p->send_key, 16);
	memset(c.key.keys.receive, p->receive_key, 16);
	command(end, &c, p->subject, DATAPATH_RECEIVE_KEY, NULL);
	command(end, &c, p->subject, DATAPATH_TRANSMIT_KEY, NULL);
	c = (struct datapath_command){.framing = {.send_mru = 1500, .mtu = 1400}};
	command(end, &c, p->subject, DATAPATH_FRAMING, NULL);
	c = (struct datapath_command){.network = {.ipv4 = true, .remote4 = ip(p->remote4)}};
	command(end, &c, p->subject, DATAPATH_NETWORK, NULL);
}

static void detach(struct end *end, uint32_t subject)
{
	struct datapath_command c = {.kind = DATAPATH_DETACH, .subject = subject};
	ops->command(end->dataplane, &c, NULL);
}

static void send_frame(struct end *end, uint32_t subject, const uint8_t *frame, size_t length)
{
	struct datapath_command c = {.frame = {.length = (uint16_t)length}};
	command(end, &c, subject, DATAPATH_FRAME, frame);
}

/* A UDP socket in the namespace of `end`. */
static int udp(struct end *end, const char *local, uint16_t port)
{
	struct timeval bound = {.tv_sec = GUARD_SECONDS};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int here = netns_current();
	netns_enter(end->ns);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	netns_enter(here);
	close(here);
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, local, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	return fd;
}

static void send_udp(int fd, const char *to, uint16_t port, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, to, &in.sin_addr), 1);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&in, sizeof(in)),
		strlen(text));
}

static void expect_udp(int fd, const char *text)
{
	char got[2048];
	ssize_t length = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(length >= 0);
	got[length] = '\0';
	assert_string_equal(got, text);
}

enum {
	CLIENT_CALL = 1000,
	SERVER_CALL = 2000,
	CLIENT_SUBJECT = 1 << 16 | 3, /* slot 3, generation 1 */
	SERVER_SUBJECT = 7 << 16 | 5,
};

static const struct session_parameters at_client = {
	.subject = CLIENT_SUBJECT,
	.call_id = CLIENT_CALL,
	.peer_call_id = SERVER_CALL,
	.outer_local = "192.0.2.2",
	.outer_peer = "192.0.2.1",
	.remote4 = "10.9.0.1",
	.send_key = 1,
	.receive_key = 2,
};
static const struct session_parameters at_server = {
	.subject = SERVER_SUBJECT,
	.call_id = SERVER_CALL,
	.peer_call_id = CLIENT_CALL,
	.outer_local = "192.0.2.1",
	.outer_peer = "192.0.2.2",
	.remote4 = "10.9.0.2",
	.check_source = true,
	.send_key = 2,
	.receive_key = 1,
};

static int make_namespaces(void **state)
{
	client.ns = netns_new();
	server.ns = netns_new();
	run("ip link add gl-io-a type veth peer name gl-io-b");
	run("ip link set gl-io-a netns /proc/%d/fd/%d", getpid(), client.ns);
	run("ip link set gl-io-b netns /proc/%d/fd/%d", getpid(), server.ns);
	int here = netns_current();
	netns_enter(client.ns);
	run("ip addr add 192.0.2.2/24 dev gl-io-a; ip addr add 192.0.2.3/24 dev gl-io-a");
	run("ip addr add 2001:db8::2/64 dev gl-io-a nodad; ip link set gl-io-a up");
	netns_enter(server.ns);
	run("ip addr add 192.0.2.1/24 dev gl-io-b; ip addr add 2001:db8::1/64 dev gl-io-b nodad");
	run("ip link set gl-io-b up");
	netns_enter(here);
	close(here);
	waiting_open();
	return 0;
}

static int end_loop(void **state)
{
	waiting_close();
	close(client.ns);
	close(server.ns);
	return 0;
}

static void forget(struct end *end)
{
	int ns = end->ns;
	memset(end, 0, sizeof(*end));
	end->ns = ns;
}

static int start_both(void **state)
{
	forget(&client);
	forget(&server);
	start(&server, true, "greyline0", "10.9.0.1", "10.9.0.0/24");
	start(&client, false, "tun0", "10.9.0.2", "10.9.0.1");
	return 0;
}

static int stop_both(void **state)
{
	if (client.dataplane)
		ops->stop(client.dataplane);
	if (server.dataplane)
		ops->stop(server.dataplane);
	uv_run(&loop, UV_RUN_NOWAIT);
	return 0;
}

/* What a tap saw. */
struct seen {
	unsigned outer, inner, encrypted;
	bool marker_outer, marker_inner;
	uint8_t ip_protocol;
	struct address source;
};

static void look(void *context, bool outer, bool sent, uint32_t subject, const uint8_t *bytes,
	size_t length, uint64_t now)
{
	struct seen *seen = context;
	bool marker = memmem(bytes, length, MARKER, strlen(MARKER)) != NULL;
	if (!outer) {
		seen->inner++;
		seen->marker_inner |= marker;
		return;
	}
	seen->outer++;
	seen->marker_outer |= marker;
	seen->ip_protocol = bytes[9];
	memcpy(seen->source.bytes, bytes + 12, 4);
	if (memmem(bytes, length, "\xff\x03\x00\xfd", 4))
		seen->encrypted++;
}

/* Data both ways, encrypted outside and clear inside. */
static void test_packets_go_both_ways(void **state)
{
	struct seen seen = {0};
	attach(&server, &at_server);
	attach(&client, &at_client);
	ops->capture(client.dataplane, look, &seen);
	int a = udp(&client, "10.9.0.2", 4000), b = udp(&server, "10.9.0.1", 5000);
	for (unsigned i = 0; i < 50; i++) {
		char there[64], back[64];
		snprintf(there, sizeof(there), MARKER " there %u", i);
		snprintf(back, sizeof(back), MARKER " back %u", i);
		send_udp(a, "10.9.0.1", 5000, there);
		expect_udp(b, there);
		send_udp(b, "10.9.0.2", 4000, back);
		expect_udp(a, back);
	}
	ops->capture(client.dataplane, NULL, NULL);
	assert_true(seen.outer >= 100 && seen.encrypted >= 100 && seen.inner >= 100);
	assert_true(seen.marker_inner);
	assert_false(seen.marker_outer);
	assert_int_equal(seen.ip_protocol, IPPROTO_GRE);
	struct dataplane_statistics statistics;
	WAIT_FOR(ops->statistics(server.dataplane, SERVER_SUBJECT, &statistics) &&
		 statistics.counters.rx_packets >= 50 && statistics.counters.tx_packets >= 50);
	assert_true(statistics.last_received > 0 && statistics.last_active > 0);
	assert_false(ops->statistics(server.dataplane, subject_make(5, 8), &statistics));
	close(a);
	close(b);
}

static void test_control_frames_cross_in_order(void **state)
{
	uint8_t frame[] = {0xc0, 0x21, 1, 0, 0, 4};
	attach(&server, &at_server);
	attach(&client, &at_client);
	for (uint8_t i = 0; i < 20; i++) {
		frame[3] = i;
		send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
		WAIT_FOR(server.control == i + 1u);
		assert_int_equal(server.last_length, sizeof(frame));
		assert_memory_equal(server.last, frame, sizeof(frame));
		assert_int_equal(server.last_subject, SERVER_SUBJECT);
		assert_int_equal(server.last_epoch, 1);
	}
}

/* At the client, a session from its other address to the server's call. */
static struct session_parameters from_elsewhere(void)
{
	struct session_parameters other = at_client;
	other.subject = subject_make(4, 1);
	other.call_id = 1001;
	other.outer_local = "192.0.2.3";
	return other;
}

/* The address that matters is the tunnel's peer, not who knows the call ID. The first who is not is
 * named, and no other. */
static void test_wrong_peer_is_dropped(void **state)
{
	struct session_parameters thief = from_elsewhere();
	struct address there = ip("192.0.2.3");
	uint8_t frame[] = {0xc0, 0x21, 1, 9, 0, 4};
	attach(&server, &at_server);
	attach(&client, &at_client);
	attach(&client, &thief);
	for (unsigned n = 1; n <= 3; n++) {
		send_frame(&client, thief.subject, frame, sizeof(frame));
		WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_GRE_PEER) == n);
	}
	frame[3] = 10;
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	assert_memory_equal(server.last, frame, sizeof(frame));
	assert_int_equal(server.strangers, 1);
	assert_true(address_equal(&server.from, &there));
	assert_int_equal(server.found, 0);
}

/* Where the session allows it the first packet decides, whoever sent it; then it is as ever. */
static void test_first_packet_decides(void **state)
{
	struct session_parameters any = at_server, other = from_elsewhere();
	struct address there = ip("192.0.2.3"), here = ip("192.0.2.2");
	uint8_t frame[] = {0xc0, 0x21, 1, 9, 0, 4};
	any.any_peer = true;
	any.peer_call_id = other.call_id;
	attach(&server, &any);
	attach(&client, &at_client);
	attach(&client, &other);
	send_frame(&client, other.subject, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	WAIT_FOR(server.found == 1);
	assert_true(address_equal(&server.from, &there));
	send_frame(&server, SERVER_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(client.control == 1);
	assert_int_equal(client.last_subject, other.subject);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.strangers == 1);
	assert_true(address_equal(&server.from, &here));
	WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_GRE_PEER) == 1);
	assert_int_equal(server.control, 1);
	assert_int_equal(server.found, 1);
}

/* Nor need it be another: the session gets its path all the same. */
static void test_the_first_packet_from_the_peer(void **state)
{
	struct session_parameters any = at_server, other = from_elsewhere();
	uint8_t frame[] = {0xc0, 0x21, 1, 9, 0, 4};
	any.any_peer = true;
	attach(&server, &any);
	attach(&client, &at_client);
	attach(&client, &other);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1 && server.found == 1);
	send_frame(&client, other.subject, frame, sizeof(frame));
	WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_GRE_PEER) == 1);
	assert_int_equal(server.control, 1);
}

static void test_unknown_call_is_counted(void **state)
{
	struct session_parameters lost = at_client;
	uint8_t frame[] = {0xc0, 0x21, 1, 9, 0, 4};
	lost.peer_call_id = 4242;
	attach(&client, &lost);
	send_frame(&client, lost.subject, frame, sizeof(frame));
	WAIT_FOR(shared_drop(&server, DROP_GRE_CALL) == 1);
}

/* GRE of other protocols never wakes us: the filter in the kernel keeps it out. */
static void test_other_gre_is_not_ours(void **state)
{
	static const uint8_t version0[] = {0, 0, 0x08, 0, 1, 2, 3, 4};
	static const uint8_t cut[] = {0x20, 0x01, 0x88, 0x0b, 0, 0, 0x07};
	static const uint8_t no_key[] = {0x00, 0x01, 0x88, 0x0b, 0, 0, 0x07, 0xd0};
	struct sockaddr_in in = {.sin_family = AF_INET};
	uint8_t frame[] = {0xc0, 0x21, 1, 9, 0, 4};
	int here = netns_current();
	netns_enter(client.ns);
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	netns_enter(here);
	close(here);
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	attach(&server, &at_server);
	attach(&client, &at_client);
	assert_true(sendto(raw, version0, sizeof(version0), 0, (void *)&in, sizeof(in)) > 0);
	assert_true(sendto(raw, cut, sizeof(cut), 0, (void *)&in, sizeof(in)) > 0);
	assert_true(sendto(raw, no_key, sizeof(no_key), 0, (void *)&in, sizeof(in)) > 0);
	close(raw);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	for (unsigned drop = 0; drop < DROP_COUNT; drop++) {
		assert_int_equal(shared_drop(&server, drop), 0);
		assert_int_equal(session_drop(&server, SERVER_SUBJECT, drop), 0);
	}
}

/* A session whose local address nobody knew still works: the kernel chooses. */
static void test_unknown_local_address(void **state)
{
	struct session_parameters unknown = at_server;
	uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 4};
	unknown.outer_local = NULL;
	attach(&server, &unknown);
	attach(&client, &at_client);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	send_frame(&server, SERVER_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(client.control == 1);
}

static void test_outer_ipv6(void **state)
{
	struct session_parameters c6 = at_client, s6 = at_server;
	c6.outer_local = s6.outer_peer = "2001:db8::2";
	c6.outer_peer = s6.outer_local = "2001:db8::1";
	attach(&server, &s6);
	attach(&client, &c6);
	int a = udp(&client, "10.9.0.2", 4000), b = udp(&server, "10.9.0.1", 5000);
	send_udp(a, "10.9.0.1", 5000, "over IPv6");
	expect_udp(b, "over IPv6");
	send_udp(b, "10.9.0.2", 4000, "and back");
	expect_udp(a, "and back");
	close(a);
	close(b);
}

static void test_keys_differ_is_told_once(void **state)
{
	struct session_parameters wrong = at_client;
	wrong.send_key = 99;
	attach(&server, &at_server);
	attach(&client, &wrong);
	int a = udp(&client, "10.9.0.2", 4000);
	for (unsigned i = 0; i < 40; i++)
		send_udp(a, "10.9.0.1", 5000, "noise");
	WAIT_FOR(server.keys_differ == 1);
	WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_MPPE_INNER) >= 30);
	/* The same run goes on: nothing new to say. */
	for (unsigned i = 0; i < 40; i++)
		send_udp(a, "10.9.0.1", 5000, "noise");
	WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_MPPE_INNER) >= 70);
	assert_int_equal(server.keys_differ, 1);
	close(a);
}

static void test_inner_source_is_checked(void **state)
{
	attach(&server, &at_server);
	attach(&client, &at_client);
	int here = netns_current();
	netns_enter(client.ns);
	run("ip addr add 10.9.0.77/32 dev tun0");
	netns_enter(here);
	close(here);
	int liar = udp(&client, "10.9.0.77", 4000);
	send_udp(liar, "10.9.0.1", 5000, "not mine");
	WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_INNER_SOURCE) == 1);
	close(liar);
}

/* Waits without running the loop: the control thread is busy with something else, as it were. */
static void wait_aside(struct end *end, uint32_t subject, uint64_t gre_received)
{
	uint64_t until = clock_now() + SECONDS(GUARD_SECONDS);
	struct dataplane_statistics s = {.last_received = 0};
	while (s.counters.gre_rx < gre_received) {
		assert_true(clock_now() < until);
		poll(NULL, 0, 2);
		ops->statistics(end->dataplane, subject, &s);
	}
}

/* A session's frames beyond its quota are dropped and counted; what is in the ring comes. */
static void test_frames_have_a_quota(void **state)
{
	uint8_t frame[] = {0xc0, 0x21, 9, 0, 0, 4};
	enum { FRAMES = 3 * RING_FRAME_QUOTA };
	attach(&server, &at_server);
	attach(&client, &at_client);
	for (uint8_t i = 0; i < FRAMES; i++) {
		frame[3] = i;
		send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	}
	wait_aside(&server, SERVER_SUBJECT, FRAMES);
	assert_int_equal(
		session_drop(&server, SERVER_SUBJECT, DROP_RING_FULL), FRAMES - RING_FRAME_QUOTA);
	WAIT_FOR(server.control == RING_FRAME_QUOTA);
	assert_int_equal(server.last[3], RING_FRAME_QUOTA - 1);
	/* The quota is free again. */
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == RING_FRAME_QUOTA + 1);
}

/* More commands than the ring holds: they wait, and none is lost or overtaken. */
static void test_commands_are_never_lost(void **state)
{
	uint8_t frame[1500] = {0xc0, 0x21, 9, 0, 5, 0xdc};
	enum { FRAMES = 3000 };
	attach(&client, &at_client);
	for (unsigned i = 0; i < FRAMES; i++)
		send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	detach(&client, CLIENT_SUBJECT); /* behind them all */
	WAIT_FOR(client.detached == 1);
	assert_int_equal(client.final.gre_tx, FRAMES);
}

/* A command comes at every moment of the round that the one before it has begun. */
static void test_commands_always_wake(void **state)
{
	volatile unsigned spun = 0;
	for (unsigned i = 0; i < 3000; i++) {
		struct session_parameters next = at_client;
		next.subject = subject_make(3, 1 + i);
		attach(&client, &next);
		for (unsigned spin = i * 7 % 4000; spin; spin--)
			spun++;
		detach(&client, next.subject);
		WAIT_FOR(client.detached == i + 1);
	}
}

static void test_detach_and_reuse(void **state)
{
	struct session_parameters next = at_server;
	struct dataplane_statistics statistics;
	uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 4};
	attach(&server, &at_server);
	attach(&client, &at_client);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	detach(&server, SERVER_SUBJECT);
	detach(&server, SERVER_SUBJECT); /* twice: one answer */
	WAIT_FOR(server.detached == 1);
	assert_int_equal(server.last_subject, SERVER_SUBJECT);
	assert_int_equal(server.final.gre_rx, 1);
	assert_false(ops->statistics(server.dataplane, SERVER_SUBJECT, &statistics));
	next.subject = subject_make(5, 8);
	attach(&server, &next);
	/* The old generation's commands are void, and its detach is answered all the same. */
	send_frame(&server, SERVER_SUBJECT, frame, sizeof(frame));
	detach(&server, SERVER_SUBJECT);
	WAIT_FOR(server.detached == 2);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 2);
	assert_int_equal(server.last_subject, next.subject);
	assert_int_equal(client.control, 0);
	assert_int_equal(ops->interface(server.dataplane, SERVER_SUBJECT, 0), -ENOENT);
}

/* Two clients of one server, behind one address as it were. */
static void attach_second(bool both_allow, struct session_parameters *c2)
{
	struct session_parameters s1 = at_server, s2 = at_server;
	*c2 = at_client;
	s1.client_to_client = true;
	s2.client_to_client = both_allow;
	s2.subject = subject_make(6, 1);
	s2.call_id = 2001;
	s2.peer_call_id = 1001;
	s2.remote4 = "10.9.0.3";
	c2->subject = subject_make(4, 1);
	c2->call_id = 1001;
	c2->peer_call_id = 2001;
	attach(&server, &s1);
	attach(&server, &s2);
}

/* The second client's interface is in a namespace of its own: a host apart from the first. */
static void test_client_to_client(void **state)
{
	struct session_parameters c2;
	struct end second = {.ns = netns_new()};
	bool allowed = *state != NULL;
	char name[TUN_NAME_SIZE], error[256];
	attach_second(allowed, &c2);
	attach(&client, &c2);
	attach(&client, &at_client); /* last: the shared interface is this one's */
	int here = netns_current();
	netns_enter(second.ns);
	int tun = open_tun("gl-io-c%d", name, error);
	assert_true(tun >= 0);
	assert_string_equal(name, "gl-io-c0");
	run("ip addr add 10.9.0.3/24 dev %s; ip link set %s up", name, name);
	netns_enter(client.ns);
	run("ip route add 10.9.0.0/24 dev tun0");
	netns_enter(here);
	close(here);
	assert_int_equal(ops->interface(client.dataplane, c2.subject, tun), 0);
	int a = udp(&client, "10.9.0.2", 4000), b = udp(&second, "10.9.0.3", 4001);
	send_udp(a, "10.9.0.3", 4001, "neighbour");
	if (allowed) {
		expect_udp(b, "neighbour");
		send_udp(b, "10.9.0.2", 4000, "yes?");
		expect_udp(a, "yes?");
		struct dataplane_statistics statistics;
		WAIT_FOR(ops->statistics(server.dataplane, subject_make(6, 1), &statistics) &&
			 statistics.counters.tx_packets == 1);
	} else {
		WAIT_FOR(session_drop(&server, SERVER_SUBJECT, DROP_ISOLATED) == 1);
	}
	close(a);
	close(b);
	close(second.ns);
}

static void test_unrouted_destination(void **state)
{
	attach(&server, &at_server);
	int b = udp(&server, "10.9.0.1", 5000);
	send_udp(b, "10.9.0.200", 4000, "nobody");
	WAIT_FOR(shared_drop(&server, DROP_INNER_ROUTE) == 1);
	close(b);
}

/* A tap's bytes are a pcapng file. */
struct file {
	uint8_t bytes[65536];
	size_t length;
	unsigned calls;
};

static void keep(void *context, const uint8_t *bytes, size_t length)
{
	struct file *file = context;
	assert_true(file->length + length <= sizeof(file->bytes));
	memcpy(file->bytes + file->length, bytes, length);
	file->length += length;
	file->calls++;
}

static void test_tap(void **state)
{
	static struct file file;
	struct tap *tap;
	struct tap_config config = {
		.loop = &loop, .outer = true, .inner = true, .bytes = keep, .context = &file};
	attach(&server, &at_server);
	attach(&client, &at_client);
	file.length = file.calls = 0;
	assert_int_equal(tap_start(&tap, ops, client.dataplane, &config), 0);
	int a = udp(&client, "10.9.0.2", 4000), b = udp(&server, "10.9.0.1", 5000);
	send_udp(a, "10.9.0.1", 5000, MARKER);
	expect_udp(b, MARKER);
	WAIT_FOR(file.calls >= 3); /* the header, inner, outer */
	assert_int_equal(tap_missed(tap), 0);
	tap_stop(tap);
	assert_memory_equal(file.bytes, "\x0a\x0d\x0d\x0a", 4);
	assert_non_null(memmem(file.bytes, file.length, MARKER, strlen(MARKER)));
	close(a);
	close(b);
}

/* An interface removed under a running worker neither stops nor spins it, and is told. */
static void test_interface_vanishes(void **state)
{
	uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 4};
	attach(&server, &at_server);
	attach(&client, &at_client);
	int here = netns_current();
	netns_enter(client.ns);
	run("ip link del tun0");
	netns_enter(here);
	close(here);
	WAIT_FOR(client.tun_gone == 1);
	assert_int_equal(client.last_subject, 0);
	send_frame(&client, CLIENT_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(server.control == 1);
	send_frame(&server, SERVER_SUBJECT, frame, sizeof(frame));
	WAIT_FOR(client.control == 1);
}

static void last_active_is(bool later, uint64_t before, uint64_t tx, uint64_t rx)
{
	struct dataplane_statistics seen;
	WAIT_FOR(ops->statistics(client.dataplane, CLIENT_SUBJECT, &seen) &&
		 seen.counters.tx_packets == tx && seen.counters.rx_packets == rx);
	assert_true(later ? seen.last_active > before : seen.last_active == before);
}

static int start_filtered(void **state)
{
	char error[PACKET_FILTER_ERROR];
	struct packet_filter *pass, *active;
	assert_int_equal(packet_filter_compile(&pass, "not port 6000", error), 0);
	assert_int_equal(packet_filter_compile(&active, "outbound and dst port 5001", error), 0);
	filters = (struct packet_filters){pass, active};
	return start_both(state);
}

static int stop_filtered(void **state)
{
	stop_both(state);
	packet_filter_free((struct packet_filter *)(uintptr_t)filters.pass);
	packet_filter_free((struct packet_filter *)(uintptr_t)filters.active);
	filters = (struct packet_filters){.pass = NULL};
	return 0;
}

/* What may not pass is dropped either way; what is no activity passes, and is not counted as such.
 */
static void test_filters(void **state)
{
	struct dataplane_statistics seen;
	attach(&server, &at_server);
	attach(&client, &at_client);
	int a = udp(&client, "10.9.0.2", 4000), b = udp(&server, "10.9.0.1", 5000);
	int c = udp(&server, "10.9.0.1", 5001), d = udp(&server, "10.9.0.1", 6000);
	WAIT_FOR(ops->statistics(client.dataplane, CLIENT_SUBJECT, &seen));
	uint64_t begun = seen.last_active;
	send_udp(a, "10.9.0.1", 6000, "refused");
	send_udp(a, "10.9.0.1", 5000, "not active");
	expect_udp(b, "not active");
	send_udp(d, "10.9.0.2", 4000, "refused");
	send_udp(c, "10.9.0.2", 4000, "nor this");
	expect_udp(a, "nor this");
	last_active_is(false, begun, 1, 2);
	assert_true(ops->statistics(client.dataplane, CLIENT_SUBJECT, &seen));
	assert_int_equal(seen.counters.drops[DROP_FILTERED], 2);
	send_udp(a, "10.9.0.1", 5001, "active");
	expect_udp(c, "active");
	last_active_is(true, begun, 2, 2);
	close(a);
	close(b);
	close(c);
	close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_both, stop_both)

int main(void)
{
	netns_enter_or_skip();
	const struct CMUnitTest tests[] = {
		TEST(test_packets_go_both_ways),
		TEST(test_control_frames_cross_in_order),
		TEST(test_wrong_peer_is_dropped),
		TEST(test_first_packet_decides),
		TEST(test_the_first_packet_from_the_peer),
		TEST(test_unknown_call_is_counted),
		TEST(test_other_gre_is_not_ours),
		TEST(test_unknown_local_address),
		TEST(test_outer_ipv6),
		TEST(test_keys_differ_is_told_once),
		TEST(test_inner_source_is_checked),
		TEST(test_frames_have_a_quota),
		TEST(test_commands_are_never_lost),
		TEST(test_commands_always_wake),
		TEST(test_detach_and_reuse),
		{"client to client, allowed", test_client_to_client, start_both, stop_both, &loop},
		{"client to client, isolated", test_client_to_client, start_both, stop_both, NULL},
		TEST(test_unrouted_destination),
		TEST(test_tap),
		TEST(test_interface_vanishes),
		{"filters", test_filters, start_filtered, stop_filtered, NULL},
	};
	return cmocka_run_group_tests(tests, make_namespaces, end_loop);
}
