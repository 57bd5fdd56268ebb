/* A veth, the frames that go over it, and batches of packets in all kinds of buffers. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "checksum.h"
#include "gre.h"
#include "link_stage.h"
#include "netns.h"
#include "outer_programs.h"

enum { GRE_V1 = 0x2001 };

const uint16_t calls[CALLS] = {1, 2, 777, 40000, 65535};
int here, there, wire;
uint8_t our_mac[6], peer_mac[6];
unsigned our_index;
struct address local, peer;
struct outer_programs *programs;
struct outer_link_ops unqueued;

/* ---- the two ends ---- */

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

void wait_up(void)
{
	for (unsigned end = 0; end < 2; end++) {
		netns_enter(end ? here : there);
		run("for i in $(seq 500); do ip link show dev gl-E-%c 2>/dev/null |"
		    " grep -q 'state UP' && exit 0; sleep 0.01; done; exit 1",
			end ? 'a' : 'b');
	}
}

int set_up(void **state)
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

int tear_down(void **state)
{
	close(wire);
	run("ip link del gl-E-a 2>/dev/null || true");
	return 0;
}

struct outer_link *open_link(const struct outer_link_ops *ops, unsigned worker, unsigned workers)
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

/* ---- frames ---- */

size_t below(size_t n)
{
	return (size_t)rand() % n;
}

static void finish_ip(uint8_t *at, size_t header, size_t length)
{
	put_u16(at + 2, (uint16_t)length);
	put_u16(at + 10, 0);
	put_u16(at + 10, (uint16_t)~checksum_of(0, at, header));
}

size_t make_packet(uint8_t *at, uint16_t call, enum content content, size_t options)
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

void make_frame(struct frame *f)
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

void put_on_wire(const uint8_t *bytes, size_t length)
{
	assert_int_equal(send(wire, bytes, length, 0), length);
}

void put_markers(void)
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

/* ---- batches ---- */

struct direct_path direct_path(void)
{
	struct direct_path path = {.link_header_length = ETH_HLEN, .mtu = LINK_MTU};
	memcpy(path.local, local.bytes, 4);
	memcpy(path.peer, peer.bytes, 4);
	memcpy(path.link_header, peer_mac, 6);
	memcpy(path.link_header + 6, our_mac, 6);
	put_u16(path.link_header + 12, ETH_P_IP);
	return path;
}

bool next_frame(struct frame *f, int ms)
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

void forget_id(struct frame *f)
{
	uint8_t *at = f->bytes + ETH_HLEN;
	assert_int_equal(checksum_of(0, at, 20), 0xffff);
	put_u16(at + 4, 0);
	put_u16(at + 10, 0);
}

void fill_batch(struct batch *b, const struct outer_link_ops *ops, struct outer_link *link,
	const struct direct_path *path)
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

int stage_run(const struct CMUnitTest *tests, size_t count)
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
	int failed = _cmocka_run_group_tests("links", tests, count, NULL, NULL);
	outer_programs_close(programs);
	return failed;
}
