/* The raw back end in two namespaces joined by a veth: which packets each of its sockets gets
 * (every form of the GRE header, and random ones against a plain reading of them), marks in and
 * out, both families, control frames under a flood of data, and packets that come back. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "datapath.h"
#include "netns.h"
#include "outer_header.h"
#include "outer_raw.h"

enum { WAIT_MS = 2000, CALL = 4321, RANDOM_PACKETS = 4000 };

static int here, there; /* namespaces: ours with the back end, the peer's */
static struct outer_raw *raw;
static int peer4, peer6; /* the peer's raw sockets */
static struct datapath dp4, dp6;

static struct outer_raw *open_raw(unsigned worker, unsigned workers)
{
	struct outer_raw *opened;
	char error[256] = "";
	struct outer_config config = {
		.worker = worker, .workers = workers, .ttl = 64, .dont_fragment = true};
	int failed = outer_raw_open(&opened, &config, error);
	if (failed)
		fail_msg("%s", error);
	return opened;
}

/* A fresh veth drops what is sent before its carrier was noticed. */
static void wait_up(const char *link)
{
	run("for i in $(seq 200); do ip link show dev %s | grep -q 'state UP' && exit 0;"
	    "sleep 0.02; done; exit 1",
		link);
}

static int set_up(void **state)
{
	int on = 1;
	netns_enter(here);
	run("ip link add gl-F-a type veth peer name gl-F-b");
	run("ip addr add 192.0.2.1/24 dev gl-F-a; ip -6 addr add 2001:db8::1/64 dev gl-F-a nodad");
	run("ip link set gl-F-a up");
	run("ip link set gl-F-b netns /proc/%d/fd/%d", getpid(), there);
	netns_enter(there);
	run("ip addr add 192.0.2.2/24 dev gl-F-b; ip -6 addr add 2001:db8::2/64 dev gl-F-b nodad");
	run("ip link set gl-F-b up");
	wait_up("gl-F-b");
	peer4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	peer6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	assert_true(peer4 >= 0 && peer6 >= 0);
	setsockopt(peer6, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
	netns_enter(here);
	wait_up("gl-F-a");
	raw = open_raw(0, 1);
	dp4 = (struct datapath){.local = ip("192.0.2.1"), .peer = ip("192.0.2.2")};
	dp6 = (struct datapath){.local = ip("2001:db8::1"), .peer = ip("2001:db8::2")};
	return 0;
}

static int tear_down(void **state)
{
	outer_raw_close(raw);
	close(peer4);
	close(peer6);
	run("ip link del gl-F-a");
	return 0;
}

/* ---- the peer ---- */

static void peer_send(bool six, const uint8_t *bytes, size_t length)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &in.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr), 1);
	ssize_t sent = six ? sendto(peer6, bytes, length, 0, (void *)&in6, sizeof(in6))
			   : sendto(peer4, bytes, length, 0, (void *)&in, sizeof(in));
	assert_int_equal(sent, length);
}

/* A GRE packet of the flags, with its payload behind them; returns its length. */
static size_t build(uint8_t *at, uint16_t flags, uint16_t protocol, uint16_t call,
	const uint8_t *payload, size_t length)
{
	size_t size = 8;
	put_u16(at, flags);
	put_u16(at + 2, protocol);
	put_u16(at + 4, (uint16_t)length);
	put_u16(at + 6, call);
	for (unsigned bit = 0; bit < 2; bit++) {
		if (!(flags & (bit ? 0x0080 : 0x1000)))
			continue;
		put_u32(at + size, 77);
		size += 4;
	}
	if (length)
		memcpy(at + size, payload, length);
	return size + length;
}

/* ---- what arrives ---- */

static bool wait_readable(enum raw_source source, int ms)
{
	struct pollfd fd = {.fd = outer_raw_descriptor(raw, source), .events = POLLIN};
	return poll(&fd, 1, ms) == 1;
}

enum verdict { NOTHING, DATA, CONTROL };

/* Where a packet ends up; a marker sent behind it to both sockets says that it is through. */
static enum verdict verdict_of(bool six, const uint8_t *bytes, size_t length)
{
	static const uint8_t lcp[] = {0xff, 0x03, 0xc0, 0x21, 9, 0x77, 0, 8, 1, 2, 3, 4};
	static const uint8_t ack_only[] = {0x20, 0x81, 0x88, 0x0b, 0, 0, 0x77, 0x77, 0, 0, 0, 1};
	struct gre_datagram got[BATCH_MAX];
	enum verdict verdict = NOTHING;
	uint8_t marker[64];
	peer_send(six, bytes, length);
	peer_send(six, marker, build(marker, 0x3001, GRE_PROTOCOL_PPP, 0x7777, lcp, sizeof(lcp)));
	peer_send(six, ack_only, sizeof(ack_only));
	for (unsigned which = 0; which < 2; which++) {
		enum raw_source source =
			which ? (six ? RAW_CONTROL6 : RAW_CONTROL4) : (six ? RAW_DATA6 : RAW_DATA4);
		for (bool marked = false; !marked;) {
			assert_true(wait_readable(source, WAIT_MS));
			size_t count = outer_raw_receive(raw, source, got);
			for (size_t i = 0; i < count; i++) {
				assert_false(got[i].malformed || got[i].truncated);
				assert_int_equal(got[i].control, which);
				if (got[i].length >= 8 && get_u16(got[i].gre + 6) == 0x7777) {
					marked = true;
					continue;
				}
				assert_int_equal(verdict, NOTHING); /* by one socket only */
				assert_int_equal(got[i].length, length);
				assert_memory_equal(got[i].gre, bytes, length);
				verdict = which ? CONTROL : DATA;
			}
		}
	}
	return verdict;
}

/* What the filters say, read plainly. */
static enum verdict expected(const uint8_t *b, size_t length)
{
	if (length < 8 || (get_u16(b) & 0x2007) != 0x2001 || get_u16(b + 2) != GRE_PROTOCOL_PPP)
		return NOTHING;
	uint16_t flags = get_u16(b);
	size_t at = flags & 0x0080 ? 16 : 12;
	if (!(flags & 0x1000) || length < at + 6)
		return DATA;
	if (b[at] == 0xff && b[at + 1] == 0x03)
		at += 2;
	return (b[at] & 0x81) == 0x80 ? CONTROL : DATA;
}

static void check(
	bool six, uint16_t flags, const uint8_t *payload, size_t length, enum verdict wanted)
{
	uint8_t bytes[128];
	size_t size = build(bytes, flags, GRE_PROTOCOL_PPP, CALL, payload, length);
	assert_int_equal(expected(bytes, size), wanted);
	assert_int_equal(verdict_of(six, bytes, size), wanted);
}

#define CHECK(six, flags, wanted, ...)                                                             \
	do {                                                                                       \
		const uint8_t payload[] = {__VA_ARGS__};                                           \
		check(six, flags, payload, sizeof(payload), wanted);                               \
	} while (0)

static void header_forms(bool six)
{
	for (unsigned acked = 0; acked < 2; acked++) {
		uint16_t flags = acked ? 0x3081 : 0x3001;
		CHECK(six, flags, CONTROL, 0xff, 0x03, 0xc0, 0x21, 1, 1, 0, 4); /* LCP */
		CHECK(six, flags, CONTROL, 0xc0, 0x21, 1, 1, 0, 4);             /* without FF 03 */
		CHECK(six, flags, CONTROL, 0xff, 0x03, 0xc2, 0x23, 1, 1, 0, 4); /* CHAP */
		CHECK(six, flags, CONTROL, 0x80, 0xfd, 14, 1, 0, 4);            /* CCP */
		CHECK(six, flags, CONTROL, 0x80, 0x21, 1, 1, 0, 4);             /* IPCP */
		CHECK(six, flags, DATA, 0xff, 0x03, 0x00, 0xfd, 0x90, 0, 1, 2); /* MPPE */
		CHECK(six, flags, DATA, 0xfd, 0x90, 0x00, 0xc0, 0x21, 1, 1, 0); /* its short form */
		CHECK(six, flags, DATA, 0x00, 0xfd, 0x90, 0x00, 0xc0, 0x21, 1);
		CHECK(six, flags, DATA, 0x21, 0x45, 0, 0, 1, 2, 3, 4);       /* IP, one byte */
		CHECK(six, flags, DATA, 0x00, 0x21, 0x45, 0, 0, 1, 2, 3, 4); /* IP, two */
		CHECK(six, flags, DATA, 0x00, 0x57, 0x60, 0, 0, 1, 2, 3, 4); /* IPv6 */
		CHECK(six, flags, DATA, 0xff, 0xc0, 0x21, 1, 1, 0, 4, 0);    /* FF without 03 */
		CHECK(six, flags, DATA, 0xc0, 0x21, 1, 1, 0);                /* cut short */
		CHECK(six, flags, DATA, 0xc0);
	}
	check(six, 0x2081, NULL, 0, DATA);    /* an ack alone */
	check(six, 0x3001, NULL, 0, DATA);    /* a sequence number with nothing behind it */
	check(six, 0x3000, NULL, 0, NOTHING); /* version 0 */
	check(six, 0x1001, NULL, 0, NOTHING); /* no key */
	uint8_t other[64] = {0x30, 0x01, 0x08, 0x00, 0, 0, 0x10, 0xe1, 0, 0, 0, 1};
	assert_int_equal(verdict_of(six, other, 12), NOTHING); /* Ethernet type IPv4, not PPP */
}

static void test_header_forms(void **state)
{
	header_forms(false);
	header_forms(true);
}

static void test_random_headers(void **state)
{
	static const uint8_t firsts[] = {0xff, 0x80, 0xc0, 0xc2, 0x00, 0x21, 0xfd, 0x81};
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned n = 0; n < RANDOM_PACKETS; n++) {
		uint8_t bytes[64];
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)rand();
		uint16_t flags = (uint16_t)((rand() & 0x1080) | 0x2001);
		put_u16(bytes, rand() % 16 ? flags : (uint16_t)rand());
		if (rand() % 16)
			put_u16(bytes + 2, GRE_PROTOCOL_PPP);
		put_u16(bytes + 6, CALL);
		size_t at = flags & 0x0080 ? 16 : 12;
		bytes[at] = firsts[rand() % 8];
		if (rand() % 2)
			bytes[at + 1] = 0x03;
		bytes[at + 2] = firsts[rand() % 8];
		size_t length = (size_t)(8 + rand() % 24);
		enum verdict wanted = expected(bytes, length), got;
		got = verdict_of(n % 2, bytes, length);
		if (got != wanted) {
			for (size_t i = 0; i < length; i++)
				fprintf(stderr, "%02x ", bytes[i]);
			fail_msg("wanted %d, got %d", wanted, got);
		}
	}
}

/* With several workers a call ID goes to one of them. */
static void test_workers(void **state)
{
	static const uint8_t lcp[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct outer_raw *all = raw, *of[3];
	uint8_t bytes[64];
	for (unsigned n = 0; n < 3; n++)
		of[n] = open_raw(n, 3);
	for (uint16_t call = 300; call < 330; call++)
		peer_send(false, bytes,
			build(bytes, 0x3001, GRE_PROTOCOL_PPP, call, lcp, sizeof(lcp)));
	for (unsigned n = 0; n < 3; n++) {
		struct gre_datagram got[BATCH_MAX];
		raw = of[n];
		assert_true(wait_readable(RAW_CONTROL4, WAIT_MS));
		size_t count = outer_raw_receive(raw, RAW_CONTROL4, got);
		assert_int_equal(count, 10);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(get_u16(got[i].gre + 6) % 3, n);
		outer_raw_close(raw);
	}
	raw = all;
	struct gre_datagram rest[BATCH_MAX];
	while (outer_raw_receive(raw, RAW_CONTROL4, rest))
		;
}

/* ---- marks ---- */

static void send_one(
	struct datapath *dp, const uint8_t *bytes, size_t length, uint8_t tos, bool control)
{
	struct packet packet = {.datapath = dp,
		.kind = PACKET_OUTER,
		.bytes = (uint8_t *)(uintptr_t)bytes,
		.length = (uint32_t)length,
		.tos = tos,
		.control = control};
	const struct packet *list[] = {&packet};
	assert_int_equal(outer_raw_send(raw, list, 1, control), 0);
}

/* The next packet at the peer: its marks, and for IPv4 whether DF is set. */
static ssize_t peer_receive(bool six, uint8_t *bytes, size_t size, int *tos, bool *df)
{
	_Alignas(8) uint8_t ancillary[64];
	struct iovec piece = {bytes, size};
	struct msghdr header = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = ancillary,
		.msg_controllen = sizeof(ancillary)};
	struct pollfd fd = {.fd = six ? peer6 : peer4, .events = POLLIN};
	if (poll(&fd, 1, WAIT_MS) != 1)
		return -1;
	ssize_t length = recvmsg(fd.fd, &header, 0);
	if (length > 0 && !six) {
		*tos = bytes[1];
		*df = get_u16(bytes + 6) & IP_DF;
		length -= 20;
		memmove(bytes, bytes + 20, (size_t)length);
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); six && c; c = CMSG_NXTHDR(&header, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
			memcpy(tos, CMSG_DATA(c), sizeof(*tos));
	return length;
}

static void test_marks_out(void **state)
{
	static const uint8_t marks[] = {0, 0xb8, 0x03, 0x02, 0xbb};
	uint8_t bytes[64] = {0x30, 0x01, 0x88, 0x0b}, got[128];
	for (unsigned six = 0; six < 2; six++) {
		for (size_t i = 0; i < sizeof(marks); i++) {
			int tos = -1;
			bool df = false;
			send_one(six ? &dp6 : &dp4, bytes, 40, marks[i], false);
			assert_int_equal(peer_receive(six, got, sizeof(got), &tos, &df), 40);
			assert_int_equal(tos, marks[i]);
			assert_true(six || df);
		}
	}
}

/* A batch with different marks and sessions: each packet keeps its own. */
static void test_marks_of_a_batch(void **state)
{
	enum { COUNT = 60 };
	struct packet packets[COUNT];
	const struct packet *list[COUNT];
	uint8_t bytes[COUNT][40], got[128];
	for (unsigned i = 0; i < COUNT; i++) {
		memset(bytes[i], (int)i, sizeof(bytes[i]));
		packets[i] = (struct packet){.datapath = i / 3 % 2 ? &dp6 : &dp4,
			.bytes = bytes[i],
			.length = sizeof(bytes[i]),
			.tos = (uint8_t)(i / 2 % 4)};
		list[i] = &packets[i];
	}
	assert_int_equal(outer_raw_send(raw, list, COUNT, false), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		int tos = -1;
		bool df = false;
		assert_int_equal(peer_receive(i / 3 % 2, got, sizeof(got), &tos, &df), 40);
		assert_int_equal(got[0], i);
		assert_int_equal(tos, i / 2 % 4);
	}
}

static void test_marks_in(void **state)
{
	static const uint8_t data[] = {0x30, 0x01, 0x88, 0x0b, 0, 0, 0x10, 0xe1, 0, 0, 0, 1};
	for (unsigned six = 0; six < 2; six++) {
		for (int tos = 0xff; tos >= 0; tos -= 0x33) {
			struct gre_datagram got[BATCH_MAX];
			enum raw_source source = six ? RAW_DATA6 : RAW_DATA4;
			setsockopt(six ? peer6 : peer4, six ? IPPROTO_IPV6 : IPPROTO_IP,
				six ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
			peer_send(six, data, sizeof(data));
			assert_true(wait_readable(source, WAIT_MS));
			assert_int_equal(outer_raw_receive(raw, source, got), 1);
			assert_int_equal(got[0].tos, tos);
			assert_true(address_equal(&got[0].source, six ? &dp6.peer : &dp4.peer));
			assert_true(
				address_equal(&got[0].destination, six ? &dp6.local : &dp4.local));
		}
	}
}

/* ---- sizes ---- */

/* Larger than the path: without DF, in fragments, and whole again at the other end. */
static void test_larger_than_the_path(void **state)
{
	uint8_t bytes[1900], got[2200];
	int tos;
	bool df = true;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	send_one(&dp4, bytes, sizeof(bytes), 0, false);
	assert_int_equal(peer_receive(false, got, sizeof(got), &tos, &df), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	assert_false(df);
	/* And in: fragments never reach a socket as such. */
	struct gre_datagram d[BATCH_MAX];
	put_u16(bytes, 0x3001);
	put_u16(bytes + 2, GRE_PROTOCOL_PPP);
	for (unsigned six = 0; six < 2; six++) {
		enum raw_source source = six ? RAW_DATA6 : RAW_DATA4;
		peer_send(six, bytes, sizeof(bytes));
		assert_true(wait_readable(source, WAIT_MS));
		assert_int_equal(outer_raw_receive(raw, source, d), 1);
		assert_int_equal(d[0].length, sizeof(bytes));
		assert_memory_equal(d[0].gre, bytes, sizeof(bytes));
	}
}

/* ---- control frames and a flood ---- */

static unsigned take_all(enum raw_source source)
{
	struct gre_datagram got[BATCH_MAX];
	unsigned taken = 0;
	size_t count;
	while ((count = outer_raw_receive(raw, source, got)))
		taken += (unsigned)count;
	return taken;
}

static void test_flood_in(void **state)
{
	enum { FLOOD = 30000, EVERY = 100 };
	static const uint8_t lcp[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	static const uint8_t payload[1300];
	uint8_t data[1400] = {0}, frame[64];
	build(data, 0x3001, GRE_PROTOCOL_PPP, CALL, payload, sizeof(payload));
	size_t length = build(frame, 0x3001, GRE_PROTOCOL_PPP, CALL, lcp, sizeof(lcp));
	/* Nobody reads: the data's buffer is full long before the end. */
	for (unsigned n = 0; n < FLOOD; n++) {
		peer_send(false, data, sizeof(data));
		if (n % EVERY == 0)
			peer_send(false, frame, length);
	}
	usleep(100000);
	assert_int_equal(take_all(RAW_CONTROL4), FLOOD / EVERY);
	unsigned arrived = take_all(RAW_DATA4);
	assert_true(arrived > 0 && arrived < FLOOD * 9 / 10);
}

static unsigned peer_drain(unsigned *control)
{
	uint8_t got[2048];
	unsigned taken = 0;
	struct pollfd fd = {.fd = peer4, .events = POLLIN};
	while (poll(&fd, 1, 1000) == 1) {
		ssize_t length = recv(peer4, got, sizeof(got), 0);
		if (length < 20)
			continue;
		taken++;
		*control += get_u16(got + 20) == 0x3001 && got[32] == 0xc0;
	}
	return taken;
}

/* Out: the data's send buffer is full behind a slow qdisc, and control frames still leave first. */
static void test_flood_out(void **state)
{
	enum { CALLS = 60, COUNT = BATCH_MAX };
	static uint8_t data[1400];
	static const uint8_t payload[1300];
	static const uint8_t lcp[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct packet packets[COUNT];
	const struct packet *list[COUNT];
	unsigned refused = 0, control = 0;
	uint8_t frame[64];
	int size = 64 << 20;
	setsockopt(peer4, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	run("tc qdisc add dev gl-F-a root handle 1: tbf rate 40mbit burst 20k limit 1000m");
	run("tc qdisc add dev gl-F-a parent 1: handle 2: pfifo_fast");
	build(data, 0x3001, GRE_PROTOCOL_PPP, CALL, payload, sizeof(payload));
	size_t length = build(frame, 0x3001, GRE_PROTOCOL_PPP, CALL, lcp, sizeof(lcp));
	for (unsigned i = 0; i < COUNT; i++) {
		packets[i] =
			(struct packet){.datapath = &dp4, .bytes = data, .length = sizeof(data)};
		list[i] = &packets[i];
	}
	for (unsigned n = 0; n < CALLS; n++) {
		refused += (unsigned)__builtin_popcountll(outer_raw_send(raw, list, COUNT, false));
		send_one(&dp4, frame, length, 0, true);
	}
	unsigned taken = peer_drain(&control);
	run("tc qdisc del dev gl-F-a root");
	print_message("%u sent, %u refused, %u arrived\n", CALLS * COUNT, refused, taken);
	assert_int_equal(control, CALLS);
	assert_true(taken < CALLS * COUNT); /* it was a flood: data was dropped */
}

/* With nothing to drop it, data fills the send buffer; control frames have one of their own. */
static void test_full_send_buffer(void **state)
{
	enum { COUNT = BATCH_MAX, CALLS_MAX = 2000 };
	static uint8_t data[1400];
	struct packet packets[COUNT];
	const struct packet *list[COUNT];
	unsigned refused = 0;
	run("tc qdisc add dev gl-F-a root tbf rate 100mbit burst 20k limit 1000m");
	for (unsigned i = 0; i < COUNT; i++) {
		packets[i] =
			(struct packet){.datapath = &dp4, .bytes = data, .length = sizeof(data)};
		list[i] = &packets[i];
	}
	for (unsigned n = 0; n < CALLS_MAX && !refused; n++)
		refused += (unsigned)__builtin_popcountll(outer_raw_send(raw, list, COUNT, false));
	assert_true(refused > 0);
	for (unsigned n = 0; n < 100; n++)
		send_one(&dp4, data, 60, 0, true);
	run("tc qdisc del dev gl-F-a root");
}

/* ---- packets that come back ---- */

static bool returns(bool six, const struct address *peer)
{
	struct address peers[RAW_RETURNED_MAX];
	enum raw_source source = six ? RAW_CONTROL6 : RAW_CONTROL4;
	struct pollfd fd = {.fd = outer_raw_descriptor(raw, source), .events = POLLIN};
	for (unsigned tries = 0; tries < 5; tries++) {
		struct gre_datagram got[BATCH_MAX];
		if (poll(&fd, 1, WAIT_MS) != 1)
			return false;
		assert_int_equal(outer_raw_receive(raw, source, got), 0);
		size_t count = outer_raw_returned(raw, source, peers);
		for (size_t i = 0; i < count; i++)
			if (address_equal(&peers[i], peer))
				return true;
	}
	return false;
}

static void test_unreachable(void **state)
{
	static const uint8_t data[40] = {0x30, 0x01, 0x88, 0x0b};
	static const uint8_t lcp[] = {0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4};
	struct datapath nobody = {.local = dp4.local, .peer = ip("192.0.2.99")};
	uint8_t frame[64];
	send_one(&nobody, data, sizeof(data), 0, false);
	/* Nobody answers ARP: after three seconds the kernel gives up and says so. */
	struct pollfd fd = {.fd = outer_raw_descriptor(raw, RAW_CONTROL4), .events = POLLIN};
	assert_int_equal(poll(&fd, 1, 10000), 1);
	/* The pending error is about another packet: a control frame is sent all the same. */
	send_one(&dp4, frame, build(frame, 0x3001, GRE_PROTOCOL_PPP, CALL, lcp, sizeof(lcp)), 0,
		true);
	assert_true(returns(false, &nobody.peer));
	struct address peers[RAW_RETURNED_MAX];
	outer_raw_returned(raw, RAW_CONTROL4, peers);
	assert_int_equal(poll(&fd, 1, 0), 0); /* nothing is left that would wake a worker */
	assert_int_equal(outer_raw_returned(raw, RAW_DATA4, peers), 0);
}

static void test_header(void **state)
{
	uint8_t at[OUTER_HEADER_MAX];
	struct outer_header h = {.source = dp4.local,
		.destination = dp4.peer,
		.length = 100,
		.ttl = 63,
		.tos = 0xb9,
		.dont_fragment = true};
	static const uint8_t wanted[20] = {
		0x45, 0xb9, 0, 120, 0, 0, 0x40, 0, 63, 47, 0xf6, 0xd0, 192, 0, 2, 1, 192, 0, 2, 2};
	uint32_t sum = 0;
	assert_int_equal(outer_header_write(at, &h), 20);
	for (size_t i = 0; i < 20; i += 2)
		sum += get_u16(at + i);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_memory_equal(at, wanted, 10);
	assert_memory_equal(at + 12, wanted + 12, 8);
	h.source = dp6.local;
	h.destination = dp6.peer;
	assert_int_equal(outer_header_write(at, &h), 40);
	assert_int_equal(get_u32(at), 0x6b900000);
	assert_int_equal(get_u16(at + 4), 100);
	assert_int_equal(at[6], 47);
	assert_int_equal(at[7], 63);
	assert_memory_equal(at + 8, dp6.local.bytes, 16);
	assert_memory_equal(at + 24, dp6.peer.bytes, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_header, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_header_forms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_headers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_workers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks_of_a_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_larger_than_the_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_send_buffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreachable, set_up, tear_down),
	};
	netns_enter_or_skip();
	here = netns_current();
	there = netns_new();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
