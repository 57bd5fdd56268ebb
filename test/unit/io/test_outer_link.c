/* The fast back ends against the raw one, in two namespaces joined by a veth.
 *
 * Receiving: the same frames (packets of our calls, of foreign ones, fragments, other versions and
 * protocols, headers that contradict themselves, other hosts' and VLANs' frames) go to the raw
 * sockets alone and to each fast link beside them. Our calls get the same datagrams, the stack sees
 * what the link left it, and nothing is seen twice.
 * Sending: whatever mixture of lent and other buffers, in whatever order, leaves as from the raw
 * socket, byte by byte, but for the identification.
 * And: several workers, links that go down, up and away, a process that is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_program.h"
#include "bytes.h"
#include "checksum.h"
#include "datapath.h"
#include "gre.h"
#include "netns.h"
#include "outer_link.h"
#include "outer_programs.h"
#include "outer_raw.h"

enum {
	FRAMES = 10500, /* the rings come round more than once */
	SENT = 3000,
	CHUNK = 48, /* between two looks: less than any buffer holds */
	RECORDS_MAX = 2 * FRAMES,
	PACKET_MAX = 2000,
	LINK_MTU = 1990,
	CALLS = 5,
	MARKER = 0xfff0, /* a call of ours whose packets say that all before them are through */
	WAIT_MS = 5000,
	GRE_V1 = 0x2001,
};

static const uint16_t calls[CALLS] = {1, 2, 777, 40000, 65535};
static int here, there; /* namespaces: ours with the link, the peer's */
static int wire;        /* the peer's packet socket: whole frames */
static uint8_t our_mac[6], peer_mac[6];
static unsigned our_index;
static struct address local, peer;
static struct outer_programs *programs;
static struct outer_link_ops unqueued; /* rings on an interface without a qdisc */

/* ---- the two ends ---- */

static struct address ip(const char *words)
{
	struct address a = {.family = 4};
	assert_int_equal(inet_pton(AF_INET, words, a.bytes), 1);
	return a;
}

static void mac_of(const char *name, uint8_t mac[6])
{
	struct sockaddr_ll at;
	socklen_t length = sizeof(at);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	assert_int_equal(bind(fd, (void *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &length), 0);
	memcpy(mac, at.sll_addr, 6);
	close(fd);
}

/* Both ends: a fresh veth drops what is sent before its carrier was noticed. */
static void wait_up(void)
{
	for (unsigned end = 0; end < 2; end++) {
		netns_enter(end ? here : there);
		run("for i in $(seq 500); do ip link show dev gl-E-%c 2>/dev/null |"
		    " grep -q 'state UP' && exit 0; sleep 0.01; done; exit 1",
			end ? 'a' : 'b');
	}
}

static int set_up(void **state)
{
	netns_enter(here);
	run("ip link add gl-E-a numrxqueues 2 numtxqueues 2 mtu %d type veth peer name gl-E-b "
	    "numrxqueues 2 numtxqueues 2 mtu %d",
		LINK_MTU, LINK_MTU);
	run("ip link set gl-E-b netns /proc/%d/fd/%d", getpid(), there);
	run("ip addr add 192.0.2.1/24 dev gl-E-a; ip link set gl-E-a up");
	netns_enter(there);
	run("ip addr add 192.0.2.2/24 dev gl-E-b; ip link set gl-E-b up");
	mac_of("gl-E-b", peer_mac);
	wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("gl-E-b")};
	int size = 32 << 20;
	setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	assert_int_equal(bind(wire, (void *)&to, sizeof(to)), 0);
	netns_enter(here);
	our_index = if_nametoindex("gl-E-a");
	mac_of("gl-E-a", our_mac);
	run("ip neigh replace 192.0.2.2 lladdr %02x:%02x:%02x:%02x:%02x:%02x dev gl-E-a",
		peer_mac[0], peer_mac[1], peer_mac[2], peer_mac[3], peer_mac[4], peer_mac[5]);
	wait_up();
	local = ip("192.0.2.1");
	peer = ip("192.0.2.2");
	for (unsigned i = 0; i < CALLS; i++)
		outer_programs_claim(programs, calls[i], &local, &peer);
	outer_programs_claim(programs, MARKER, &local, &peer);
	return 0;
}

static int tear_down(void **state)
{
	close(wire);
	run("ip link del gl-E-a 2>/dev/null || true");
	return 0;
}

static struct outer_link *open_link(
	const struct outer_link_ops *ops, unsigned worker, unsigned workers)
{
	struct outer_link *link;
	char error[256] = "";
	struct outer_link_config config = {.interface = our_index,
		.worker = worker,
		.workers = workers,
		.ttl = 64,
		.dont_fragment = true,
		.unqueued = ops == &unqueued,
		.programs = programs};
	if (ops->open(&link, &config, error))
		fail_msg("%s", error);
	return link;
}

static struct outer_raw *open_raw(void)
{
	struct outer_raw *raw;
	char error[256] = "";
	struct outer_config config = {.workers = 1, .ttl = 64, .dont_fragment = true};
	if (outer_raw_open(&raw, &config, error))
		fail_msg("%s", error);
	return raw;
}

/* ---- frames ---- */

struct frame {
	uint8_t bytes[PACKET_MAX + 64];
	size_t length;
};

static size_t below(size_t n)
{
	return (size_t)rand() % n;
}

static void finish_ip(uint8_t *at, size_t header, size_t length)
{
	put_u16(at + 2, (uint16_t)length);
	put_u16(at + 10, 0);
	put_u16(at + 10, (uint16_t)~checksum_of(0, at, header));
}

/* Any data, as little as there may be; a frame of data; a control frame. */
enum content { ANY, DATA, CONTROL };

/* An IP packet with a GRE packet in it; `options` more bytes of header. Returns its length. */
static size_t make_packet(uint8_t *at, uint16_t call, enum content content, size_t options)
{
	bool control = content == CONTROL;
	static const uint8_t firsts[] = {0x21, 0xfd, 0x00, 0x57, 0xff};
	static const uint8_t control_firsts[] = {0xc0, 0x80, 0x82, 0xc2};
	size_t header = 20 + options, payload = below(4) ? below(1500) : below(12);
	if (content != ANY && payload < 8)
		payload = 8;
	if (payload > LINK_MTU - header - 16)
		payload = LINK_MTU - header - 16;
	uint16_t flags = GRE_V1 | (below(2) ? 0x0080 : 0);
	if (content != ANY || below(8))
		flags |= 0x1000;
	else
		payload = 0;
	uint8_t *gre = at + header,
		*end = gre + 8 + (flags & 0x1000 ? 4 : 0) + (flags & 0x0080 ? 4 : 0);
	for (uint8_t *p = at; p < end + payload; p++)
		*p = (uint8_t)rand();
	memset(at + 20, 1, options); /* no operation */
	at[0] = (uint8_t)(0x40 | header / 4);
	put_u16(at + 6, 0x4000);
	at[8] = 64;
	at[9] = IPPROTO_GRE;
	memcpy(at + 12, peer.bytes, 4);
	memcpy(at + 16, local.bytes, 4);
	put_u16(gre, flags);
	put_u16(gre + 2, GRE_PROTOCOL_PPP);
	put_u16(gre + 6, call);
	if (payload > 0)
		end[0] = 0x21;
	if (payload >= 4) {
		bool address = below(2);
		if (address)
			put_u16(end, 0xff03);
		end[address ? 2 : 0] = control ? control_firsts[below(4)] : firsts[below(5)];
		end[address ? 3 : 1] = 0x21; /* not by chance an FF 03 */
	}
	finish_ip(at, header, (size_t)(end + payload - at));
	return (size_t)(end + payload - at);
}

static void make_frame(struct frame *f)
{
	uint8_t *at = f->bytes + ETH_HLEN;
	unsigned kind = (unsigned)below(32);
	uint16_t call = calls[below(CALLS)];
	size_t length = make_packet(at, kind == 0 ? 4242 : call,
		kind == 1 || kind == 2 ? CONTROL : ANY, kind == 3 ? 4 : 0);
	memcpy(f->bytes, our_mac, 6);
	memcpy(f->bytes + 6, peer_mac, 6);
	put_u16(f->bytes + 12, ETH_P_IP);
	if (kind == 4)
		at[15] = 77; /* another source */
	else if (kind == 5)
		at[19] = 77; /* another destination */
	else if (kind == 6)
		put_u16(at + 6, 0x2000); /* a first fragment whose second never comes */
	else if (kind == 7)
		put_u16(at + 6, 0x0007); /* a later one */
	else if (kind == 8)
		put_u16(at + 20, 0x2000); /* GRE version 0 */
	else if (kind == 9)
		at[9] = IPPROTO_UDP;
	else if (kind == 10)
		put_u16(at + 20, (uint16_t)(get_u16(at + 20) | 0x8000)); /* a checksum: not in 1 */
	else if (kind == 11)
		put_u16(at + 22, 0x0800); /* GRE of something else */
	else if (kind == 12)
		f->bytes[5] ^= 1; /* another host's frame */
	else if (kind == 13)
		memset(f->bytes, 0xff, 6);
	else if (kind == 14)
		at[20 + 12] = 0xc0; /* a control frame, or an ack with an odd number */
	finish_ip(at, (size_t)(at[0] & 0x0f) * 4, length);
	if (kind == 19)
		at[10] ^= 0x40; /* its checksum is wrong */
	else if (kind == 15)
		finish_ip(at, 20, length + 30); /* more than there is */
	else if (kind == 16 && length < 1900)
		length += 40; /* padding behind it */
	else if (kind == 17)
		length = 20 + below(12); /* cut short */
	f->length = ETH_HLEN + length;
	if (kind == 18) { /* of a VLAN */
		memmove(at + 4, at, length);
		put_u16(f->bytes + 12, ETH_P_8021Q);
		put_u16(f->bytes + 14, 5);
		put_u16(f->bytes + 16, ETH_P_IP);
		f->length += 4;
	}
}

static void put_on_wire(const uint8_t *bytes, size_t length)
{
	assert_int_equal(send(wire, bytes, length, 0), length);
}

/* ---- what arrives ---- */

/* Addresses, TOS, GRE packet. */
struct record {
	size_t length;
	uint8_t bytes[PACKET_MAX + 16];
};

struct records {
	size_t count;
	struct record *at;
};

static void note(struct records *r, const struct gre_datagram *d)
{
	assert_true(r->count < RECORDS_MAX);
	assert_false(d->malformed || d->truncated);
	struct record *to = &r->at[r->count++];
	memset(to, 0, sizeof(*to));
	memcpy(to->bytes, d->source.bytes, 4);
	memcpy(to->bytes + 4, d->destination.bytes, 4);
	to->bytes[8] = d->tos;
	memcpy(to->bytes + 9, d->gre, d->length);
	to->length = 9 + d->length;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct record));
}

static void sort(struct records *r)
{
	qsort(r->at, r->count, sizeof(*r->at), by_bytes);
}

static bool same(struct records *a, struct records *b)
{
	sort(a);
	sort(b);
	return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof(*a->at)) == 0;
}

static struct records new_records(void)
{
	return (struct records){.at = calloc(RECORDS_MAX, sizeof(struct record))};
}

struct listener {
	const struct outer_link_ops *ops; /* NULL: raw alone */
	struct outer_link *link;
	struct outer_raw *raw;
	int stack; /* sees every GRE packet that gets as far as IP */
	struct records ours, taken, seen;
};

static bool is_ours(const struct gre_datagram *d)
{
	if (memcmp(d->source.bytes, peer.bytes, 4) || memcmp(d->destination.bytes, local.bytes, 4))
		return false;
	for (unsigned i = 0; i < CALLS; i++)
		if (get_u16(d->gre + 6) == calls[i])
			return true;
	return false;
}

static bool is_marker(const struct gre_datagram *d)
{
	return d->length >= 8 && get_u16(d->gre + 6) == MARKER;
}

/* Those are for the socket that goes ahead of data. */
static bool is_control(const struct gre_datagram *d)
{
	uint16_t flags = get_u16(d->gre);
	size_t at = flags & 0x0080 ? 16 : 12;
	if (!(flags & 0x1000) || d->length < at + 2)
		return false;
	if (get_u16(d->gre + at) == 0xff03)
		at += 2;
	return d->length > at && (d->gre[at] & 0x81) == 0x80;
}

static void take(struct listener *l, const struct gre_datagram *d, bool by_link, unsigned *marks)
{
	if (is_marker(d)) {
		++*marks;
		return;
	}
	if (by_link) {
		assert_true(is_ours(d) && !is_control(d)); /* it takes nothing else */
		note(&l->taken, d);
	}
	if (is_ours(d))
		note(&l->ours, d);
}

static void look_at_stack(struct listener *l)
{
	uint8_t bytes[PACKET_MAX + 100];
	for (ssize_t got; (got = recv(l->stack, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;) {
		size_t header = (size_t)(bytes[0] & 0x0f) * 4;
		struct gre_datagram d = {.source.family = 4,
			.destination.family = 4,
			.tos = bytes[1],
			.gre = bytes + header,
			.length = (uint32_t)((size_t)got - header)};
		memcpy(d.source.bytes, bytes + 12, 4);
		memcpy(d.destination.bytes, bytes + 16, 4);
		if (!is_marker(&d))
			note(&l->seen, &d);
	}
}

static void look_at_sources(struct listener *l, unsigned *marks)
{
	struct gre_datagram got[BATCH_MAX];
	size_t count;
	for (unsigned s = 0; s < 4; s++) {
		if (outer_raw_descriptor(l->raw, s) < 0)
			continue;
		while ((count = outer_raw_receive(l->raw, s, got)) > 0)
			for (size_t i = 0; i < count; i++)
				take(l, &got[i], false, marks);
	}
	while (l->ops && (count = l->ops->receive(l->link, got)) > 0)
		for (size_t i = 0; i < count; i++)
			take(l, &got[i], true, marks);
}

/* Two markers went out: a data packet, for the link, and a control frame, for the raw socket. They
 * are the last to come by their queue; the interface has another, so at the end we wait. */
static void drain(struct listener *l, bool last)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	for (unsigned marks = 0; marks < 2; look_at_sources(l, &marks))
		assert_true(time(NULL) <= end);
	if (last) {
		unsigned marks = 0;
		usleep(200000);
		look_at_sources(l, &marks);
		assert_int_equal(marks, 0);
	}
	look_at_stack(l);
}

static void put_markers(void)
{
	struct frame f;
	memcpy(f.bytes, our_mac, 6);
	memcpy(f.bytes + 6, peer_mac, 6);
	put_u16(f.bytes + 12, ETH_P_IP);
	for (unsigned control = 0; control < 2; control++) {
		size_t length =
			make_packet(f.bytes + ETH_HLEN, MARKER, control ? CONTROL : DATA, 0);
		put_on_wire(f.bytes, ETH_HLEN + length);
	}
}

/* The same frames each time, from the same seed. */
static void listen_to(struct listener *l, const struct outer_link_ops *ops, unsigned seed)
{
	int size = 32 << 20;
	*l = (struct listener){
		.ops = ops, .ours = new_records(), .taken = new_records(), .seen = new_records()};
	l->stack = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	setsockopt(l->stack, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	l->raw = open_raw();
	if (ops)
		l->link = open_link(ops, 0, 1);
	srand(seed);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame f;
		make_frame(&f);
		put_on_wire(f.bytes, f.length);
		if (i % CHUNK == 0 || i + 1 == FRAMES) {
			put_markers();
			drain(l, i + 1 == FRAMES);
		}
	}
	if (ops)
		ops->close(l->link);
	outer_raw_close(l->raw);
	close(l->stack);
}

static void forget(struct listener *l)
{
	free(l->ours.at);
	free(l->taken.at);
	free(l->seen.at);
}

static void test_receive(void **state)
{
	const struct outer_link_ops *ops = *state;
	unsigned seed = (unsigned)time(NULL);
	struct listener plain, fast;
	print_message("seed %u\n", seed);
	listen_to(&plain, NULL, seed);
	listen_to(&fast, ops, seed);
	assert_true(plain.ours.count > FRAMES / 3 && plain.seen.count > plain.ours.count);
	assert_true(same(&plain.ours, &fast.ours));
	print_message("%zu frames were ours, %zu by the link; the stack saw %zu and %zu\n",
		plain.ours.count, fast.taken.count, plain.seen.count, fast.seen.count);
	assert_true(fast.taken.count > FRAMES / 3);
	/* What the link took and what the stack saw are together what it sees alone. */
	for (size_t i = 0; i < fast.taken.count; i++)
		fast.seen.at[fast.seen.count++] = fast.taken.at[i];
	assert_true(same(&plain.seen, &fast.seen));
	forget(&plain);
	forget(&fast);
}

/* ---- sending ---- */

static struct path direct_path(void)
{
	struct path path = {.local = local,
		.peer = peer,
		.direct = true,
		.link_header_length = ETH_HLEN,
		.link = our_index,
		.mtu = LINK_MTU};
	memcpy(path.link_header, peer_mac, 6);
	memcpy(path.link_header + 6, our_mac, 6);
	put_u16(path.link_header + 12, ETH_P_IP);
	return path;
}

/* The next frame from us on the wire, GRE only; false when none came in time. */
static bool next_frame(struct frame *f, int ms)
{
	struct pollfd readable = {.fd = wire, .events = POLLIN};
	while (poll(&readable, 1, ms) == 1) {
		struct sockaddr_ll from;
		socklen_t length = sizeof(from);
		ssize_t got = recvfrom(wire, f->bytes, sizeof(f->bytes), 0, (void *)&from, &length);
		assert_true(got > 0);
		f->length = (size_t)got;
		if (from.sll_pkttype != PACKET_OUTGOING && f->bytes[ETH_HLEN + 9] == IPPROTO_GRE)
			return true;
	}
	return false;
}

/* The identification is each sender's own; the checksum follows from it. */
static void forget_id(struct frame *f)
{
	uint8_t *at = f->bytes + ETH_HLEN;
	assert_int_equal(checksum_of(0, at, 20), 0xffff);
	put_u16(at + 4, 0);
	put_u16(at + 10, 0);
}

struct batch {
	struct datapath dp;
	size_t count;
	struct packet packets[200];
	const struct packet *order[200];
	const struct path *paths[200];
	uint8_t own[200][OUTER_MAX];
};

/* Packets with random contents in their buffers, some of which are lent; some are left out, some
 * are put in another order. */
static void fill_batch(struct batch *b, const struct outer_link_ops *ops, struct outer_link *link,
	const struct path *path)
{
	struct packet_list list = {.at = b->packets, .max = 1 + below(below(3) ? 8 : 200)};
	bool jumbled = below(4) == 0, holes = below(3) == 0, foreign = below(3) == 0;
	for (size_t i = 0; i < list.max; i++)
		b->packets[i] = (struct packet){.datapath = &b->dp,
			.bytes = b->own[i],
			.capacity = OUTER_MAX,
			.tos = (uint8_t)(below(4) ? 0 : rand())};
	if (ops && below(8))
		ops->lend(link, &list);
	b->count = 0;
	for (size_t i = 0; i < list.max; i++) {
		struct packet *p = &b->packets[i];
		if (foreign && below(4) == 0) {
			p->bytes = b->own[i];
			p->capacity = OUTER_MAX;
		}
		p->length = (uint32_t)(12 + below(1500));
		assert_true(p->length <= p->capacity);
		for (size_t at = 0; at < p->length; at++)
			p->bytes[at] = (uint8_t)rand();
		if (holes && below(4) == 0)
			continue;
		b->paths[b->count] = path;
		b->order[b->count++] = p;
	}
	for (size_t i = 0; jumbled && i < b->count; i++) {
		size_t other = below(b->count);
		const struct packet *p = b->order[i];
		b->order[i] = b->order[other];
		b->order[other] = p;
	}
}

static void test_send(void **state)
{
	static struct batch batch;
	static struct frame expected[200], got;
	const struct outer_link_ops *ops = *state;
	struct outer_link *link = open_link(ops, 0, 1);
	struct outer_raw *raw = open_raw();
	struct path path = direct_path();
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	batch.dp = (struct datapath){.local = local, .peer = peer};
	for (unsigned total = 0; total < SENT; total += (unsigned)batch.count) {
		uint64_t refused[4] = {0};
		fill_batch(&batch, ops, link, &path);
		for (size_t i = 0; i < batch.count; i++) {
			assert_int_equal(outer_raw_send(raw, &batch.order[i], 1, false), 0);
			assert_true(next_frame(&expected[i], WAIT_MS));
			forget_id(&expected[i]);
		}
		ops->send(link, batch.order, batch.paths, batch.count, refused);
		for (size_t i = 0; i < batch.count; i++) {
			assert_true(next_frame(&got, WAIT_MS));
			forget_id(&got);
			assert_int_equal(got.length, expected[i].length);
			assert_memory_equal(got.bytes, expected[i].bytes, got.length);
		}
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(refused[i], 0);
	}
	assert_false(next_frame(&got, 50));
	outer_raw_close(raw);
	ops->close(link);
}

/* ---- workers ---- */

/* The link carries packets again. */
static void wait_through(
	struct outer_link **links, const struct outer_link_ops *ops, unsigned workers)
{
	struct gre_datagram got[BATCH_MAX];
	for (size_t arrived = 0, tries = 0; !arrived; tries++) {
		assert_true(tries < 500);
		put_markers();
		usleep(5000);
		for (unsigned w = 0; w < workers; w++)
			while (ops->receive(links[w], got))
				arrived++;
	}
}

/* Sends a packet for each of forty calls; `right` of `all` came to the worker of their call. */
static void spread(struct outer_link **links, const struct outer_link_ops *ops, unsigned workers,
	unsigned *right, unsigned *all)
{
	struct gre_datagram got[BATCH_MAX];
	struct frame f;
	*right = *all = 0;
	for (uint16_t call = 100; call < 140; call++) {
		outer_programs_claim(programs, call, &local, &peer);
		memcpy(f.bytes, our_mac, 6);
		memcpy(f.bytes + 6, peer_mac, 6);
		put_u16(f.bytes + 12, ETH_P_IP);
		size_t length = make_packet(f.bytes + ETH_HLEN, call, DATA, 0);
		put_on_wire(f.bytes, ETH_HLEN + length);
	}
	for (unsigned tries = 0; tries < 500 && *all < 40; tries++) {
		usleep(1000);
		for (unsigned w = 0; w < workers; w++) {
			size_t count = ops->receive(links[w], got);
			for (size_t i = 0; i < count; i++) {
				uint16_t call = get_u16(got[i].gre + 6);
				*all += call != MARKER;
				*right += call != MARKER && call % workers == w;
			}
		}
	}
	for (uint16_t call = 100; call < 140; call++)
		outer_programs_release(programs, call);
}

static void test_workers(void **state)
{
	const struct outer_link_ops *ops = *state;
	struct outer_link *links[3];
	unsigned right, all;
	for (unsigned w = 0; w < 3; w++)
		links[w] = open_link(ops, w, 3);
	for (unsigned round = 0; round < 3; round++) {
		wait_through(links, ops, 3);
		spread(links, ops, 3, &right, &all);
		assert_int_equal(all, 40);
		if (ops != &outer_xdp) /* queues are the hardware's choice */
			assert_int_equal(right, 40);
		run("ip link set gl-E-a down; ip link set gl-E-a up");
		wait_up();
	}
	/* Each of them sends, a queue of its own or not. */
	static struct batch batch;
	struct path path = direct_path();
	struct frame got;
	batch.dp = (struct datapath){.local = local, .peer = peer};
	while (next_frame(&got, 20))
		;
	for (unsigned w = 0; w < 3; w++) {
		uint64_t refused[4] = {0};
		fill_batch(&batch, ops, links[w], &path);
		ops->send(links[w], batch.order, batch.paths, batch.count, refused);
		assert_int_equal(refused[0] | refused[1] | refused[2] | refused[3], 0);
		for (size_t i = 0; i < batch.count; i++)
			assert_true(next_frame(&got, WAIT_MS));
	}
	for (unsigned w = 0; w < 3; w++)
		ops->close(links[w]);
}

/* ---- links that come and go ---- */

static size_t send_one(const struct outer_link_ops *ops, struct outer_link *link)
{
	uint8_t bytes[100] = {0x30, 0x01, 0x88, 0x0b};
	struct datapath dp = {.local = local, .peer = peer};
	struct packet packet = {.datapath = &dp, .bytes = bytes, .length = sizeof(bytes)};
	const struct packet *packets = &packet;
	struct path path = direct_path();
	const struct path *paths = &path;
	uint64_t refused = 0;
	ops->send(link, &packets, &paths, 1, &refused);
	return refused ? 0 : 1;
}

/* More than once: the peer's carrier may come late, and some packets are beyond a small MTU. */
static bool receives(const struct outer_link_ops *ops, struct outer_link *link)
{
	struct gre_datagram got[BATCH_MAX];
	struct frame f;
	memcpy(f.bytes, our_mac, 6);
	memcpy(f.bytes + 6, peer_mac, 6);
	put_u16(f.bytes + 12, ETH_P_IP);
	for (unsigned i = 0; i < 200; i++) {
		size_t length = make_packet(f.bytes + ETH_HLEN, calls[0], DATA, 0);
		send(wire, f.bytes, ETH_HLEN + length, 0);
		usleep(5000);
		if (ops->receive(link, got))
			return true;
	}
	return false;
}

/* An error that is not taken leaves the descriptor readable and the loop spinning. */
static void assert_quiet(const struct outer_link_ops *ops, struct outer_link *link)
{
	struct gre_datagram got[BATCH_MAX];
	struct pollfd readable = {.fd = ops->descriptor(link), .events = POLLIN};
	for (unsigned i = 0; i < 4; i++)
		ops->receive(link, got);
	assert_int_equal(poll(&readable, 1, 0), 0);
}

static void test_down_up(void **state)
{
	const struct outer_link_ops *ops = *state;
	struct outer_link *link = open_link(ops, 0, 1);
	struct frame got;
	assert_int_equal(send_one(ops, link), 1);
	assert_true(receives(ops, link));
	for (unsigned round = 0; round < 3; round++) {
		while (next_frame(&got, 20))
			;
		run("ip link set gl-E-a down");
		assert_quiet(ops, link);
		assert_int_equal(send_one(ops, link), 0);
		run("ip link set gl-E-a up");
		wait_up();
		assert_int_equal(send_one(ops, link), 1);
		assert_true(next_frame(&got, WAIT_MS));
		assert_true(receives(ops, link));
	}
	run("ip link set gl-E-a mtu 1400");
	assert_int_equal(send_one(ops, link), 1);
	assert_true(next_frame(&got, WAIT_MS));
	assert_true(receives(ops, link));
	ops->close(link);
}

static void test_deleted(void **state)
{
	const struct outer_link_ops *ops = *state;
	struct outer_link *link = open_link(ops, 0, 1);
	run("ip link del gl-E-a");
	assert_quiet(ops, link);
	for (unsigned i = 0; i < 3; i++)
		send_one(ops, link);
	assert_quiet(ops, link);
	ops->close(link);
}

/* What does not go is refused, by number, and what comes behind it is not affected. */
static void test_refused(void **state)
{
	static struct batch batch;
	const struct outer_link_ops *ops = *state;
	struct outer_link *link = open_link(ops, 0, 1);
	struct path path = direct_path();
	struct frame got;
	unsigned lost = 0;
	batch.dp = (struct datapath){.local = local, .peer = peer};
	run("ip link set gl-E-a down");
	for (unsigned round = 0; round < 200; round++) {
		uint64_t refused[4] = {0};
		fill_batch(&batch, ops, link, &path);
		ops->send(link, batch.order, batch.paths, batch.count, refused);
		for (unsigned i = 0; i < 4; i++)
			lost += (unsigned)__builtin_popcountll(refused[i]);
	}
	assert_true(lost > 0);
	run("ip link set gl-E-a up");
	wait_up();
	assert_int_equal(send_one(ops, link), 1);
	while (next_frame(&got, 20))
		;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(send_one(ops, link), 1);
		assert_true(next_frame(&got, WAIT_MS));
		assert_int_equal(got.length, ETH_HLEN + 20 + 100);
		assert_false(next_frame(&got, 5));
	}
	ops->close(link);
}

/* An interface without link headers: packets start with IP, and TCX sees them so. */
static void test_bare(void **state)
{
	char name[16], error[256];
	uint8_t bytes[PACKET_MAX];
	struct gre_datagram got[BATCH_MAX];
	int tun = open_tun("gl-E-tun", name, error);
	assert_true(tun >= 0);
	run("ip addr add 192.0.2.9/32 peer 192.0.2.2 dev gl-E-tun; ip link set gl-E-tun up");
	our_index = if_nametoindex("gl-E-tun");
	struct outer_link *link = open_link(&outer_rings, 0, 1);
	int stack = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	struct address before = local;
	local = ip("192.0.2.9");
	outer_programs_claim(programs, calls[0], &local, &peer);
	for (unsigned control = 0; control < 2; control++) {
		size_t length = make_packet(bytes, calls[0], control ? CONTROL : DATA, 0);
		assert_int_equal(write(tun, bytes, length), length);
		struct pollfd readable[2] = {{.fd = outer_rings.descriptor(link), .events = POLLIN},
			{.fd = stack, .events = POLLIN}};
		assert_int_equal(poll(readable, 2, WAIT_MS), 1);
		assert_int_equal(readable[control].revents, POLLIN);
		if (!control) {
			assert_int_equal(outer_rings.receive(link, got), 1);
			assert_int_equal(got[0].length, length - 20);
			assert_memory_equal(got[0].gre, bytes + 20, length - 20);
			assert_int_equal(outer_rings.receive(link, got), 0);
		}
	}
	struct datapath dp = {.local = local, .peer = peer};
	struct packet packet = {.datapath = &dp, .bytes = bytes, .length = 500};
	const struct packet *packets = &packet;
	struct path path = {.local = local, .peer = peer, .direct = true, .link = our_index};
	const struct path *paths = &path;
	uint64_t refused = 0;
	uint8_t sent[PACKET_MAX];
	outer_rings.send(link, &packets, &paths, 1, &refused);
	assert_int_equal(refused, 0);
	do {
		struct pollfd readable = {.fd = tun, .events = POLLIN};
		assert_int_equal(poll(&readable, 1, WAIT_MS), 1);
		assert_true(read(tun, sent, sizeof(sent)) > 0);
	} while (sent[0] != 0x45); /* after the neighbour discovery */
	assert_int_equal(get_u16(sent + 2), 520);
	assert_int_equal(checksum_of(0, sent, 20), 0xffff);
	assert_memory_equal(sent + 20, bytes, 500);
	outer_rings.close(link);
	local = before;
	close(stack);
	close(tun);
}

/* ---- the end of the process ---- */

/* How many programs of that attach point the interface has. */
static unsigned attached(enum bpf_attach_type where)
{
	if (where == BPF_XDP) {
		netns_enter(here);
		return system("ip -d link show gl-E-a | grep -q xdp") == 0;
	}
	union bpf_attr attributes;
	memset(&attributes, 0, sizeof(attributes));
	attributes.query.target_fd = our_index; /* a union with the interface */
	attributes.query.attach_type = where;
	assert_int_equal(syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof(attributes)), 0);
	return attributes.query.prog_cnt;
}

static void test_killed(void **state)
{
	const struct outer_link_ops *ops = *state;
	enum bpf_attach_type where = ops == &outer_xdp ? BPF_XDP : BPF_ATTACH_TCX_INGRESS;
	int pipes[2];
	char byte;
	assert_int_equal(attached(where), 0);
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		open_link(ops, 0, 1);
		if (write(pipes[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(attached(where), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (unsigned i = 0; i < 200 && attached(where); i++)
		usleep(10000);
	assert_int_equal(attached(where), 0);
	/* And the next one finds its place free. */
	struct outer_link *link = open_link(ops, 0, 1);
	assert_true(receives(ops, link));
	ops->close(link);
	assert_int_equal(attached(where), 0);
	close(pipes[0]);
	close(pipes[1]);
}

#define ALL(test)                                                                                  \
	{"rings: " #test, test, set_up, tear_down, (void *)(uintptr_t)&outer_rings},               \
		{"rings, no qdisc: " #test, test, set_up, tear_down, &unqueued},                   \
	{                                                                                          \
		"xdp: " #test, test, set_up, tear_down, (void *)(uintptr_t)&outer_xdp              \
	}

int main(void)
{
	char why[160];
	const char *no_rings, *no_xdp;
	netns_enter_or_skip();
	unqueued = outer_rings;
	programs = outer_prepare(why);
	if (!programs) {
		printf("skipped: %s\n", why);
		return 77;
	}
	if (!outer_programs_rings(programs, &no_rings) || !outer_programs_xdp(programs, &no_xdp)) {
		printf("skipped: %s\n", no_rings[0] ? no_rings : no_xdp);
		return 77;
	}
	here = netns_current();
	there = netns_new();
	const struct CMUnitTest tests[] = {ALL(test_receive), ALL(test_send), ALL(test_workers),
		ALL(test_down_up), ALL(test_deleted), ALL(test_refused), ALL(test_killed),
		cmocka_unit_test_setup_teardown(test_bare, set_up, tear_down)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	outer_programs_close(programs);
	return failed;
}
