/* One test, written out three times by the functions below: is this packet ours?
 *
 * It is when it is an IPv4 packet without options, whole, of a size that fits a frame, with a valid
 * header checksum (the stack, which would have looked, never sees it), GRE version 1 with a key
 * (RFC 2637 §4.1), the call ID's entry in the map is this source and destination, and what it
 * carries is not a PPP control frame: those go through a socket of their own, ahead of data.
 *
 * Bytes are copied to the program's stack by the load_bytes helpers. Reading the packet in place
 * would be a few nanoseconds faster and wrong: veth and TX rings deliver packets whose headers are
 * in fragments, where in-place access ends before the IP header. Of a stream that both a ring and
 * such a program take, 8 to 11 % then climbed the stack a second time.
 *
 * On the way in the order is: XDP, packet sockets, TCX, IP. A packet socket takes its copy, then
 * the TCX program ends the packet (300 instead of 1060 ns of kernel time for one of 1400 bytes).
 * A ring that is full loses packets right there, which is what keeps overload cheap.
 *
 * What needs which capability (kernel/bpf/syscall.c): maps and programs CAP_BPF and CAP_NET_ADMIN;
 * links and sockets, given the program's descriptor, CAP_NET_ADMIN at most since kernel 5.19, which
 * is younger than the bpf_xdp_load_bytes used here (5.18) and older than TCX (6.6). */
#include <errno.h>
#include <stdatomic.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf_program.h"
#include "gre.h"
#include "outer_programs.h"

enum program { FILTER, DROP_ETHERNET, DROP_BARE, PROGRAMS };

enum {
	IP_LENGTH = sizeof(struct iphdr),
	GRE_KEYED = 8,     /* bytes of a GRE header up to the end of its key */
	GRE_FREE = 0x1080, /* S and A: the flags of version 1 that may be as they like */
	GRE_WANTED = 0x2001,
	GRE_HAS_SEQUENCE = 0x1000,
	GRE_HAS_ACK = 0x0080,
	ADDRESS_CONTROL = 0xff03,
	CONTROL_MASK = 0x81,
	CONTROL_VALUE = 0x80,
	VERDICT_DROP = 2,  /* TCX_DROP */
	VERDICT_NEXT = -1, /* TCX_NEXT: ask the next program, then go on */

	/* The program's stack. The two addresses are compared as one number of eight bytes. */
	AT_ADDRESSES = -32,
	AT_IP = AT_ADDRESSES - 12,
	AT_GRE = AT_IP + IP_LENGTH,
	AT_CALL = AT_GRE + 6,
	AT_PPP = -8,
	AT_KEY = -4,

	/* The map: an entry a call ID, then the link addresses of the interfaces with XDP. */
	ENTRIES = CALL_IDS + OUTER_LINKS_MAX,
};

/* Labels. */
enum { NOT_OURS, OURS, WITH_SEQUENCE, BARE_FRAME };

struct outer_programs {
	int map;
	void *mapped;
	_Atomic uint64_t *entries; /* source in the first four bytes, destination: wire order */
	int programs[PROGRAMS];
	int redirects[OUTER_LINKS_MAX], queues[OUTER_LINKS_MAX];
	const char *why_no_rings, *why_no_xdp;
	_Atomic uint16_t groups[OUTER_LINKS_MAX];
};

/* ---- the test ---- */

/* RFC 1071: the ones' complement sum of the header, its checksum included, is all ones. */
static void check_sum(struct bpf_code *c)
{
	bpf_set(c, BPF_REG_1, 0);
	for (int16_t at = 0; at < IP_LENGTH; at += 4) {
		bpf_load(c, BPF_W, BPF_REG_2, BPF_REG_10, (int16_t)(AT_IP + at));
		bpf_combine(c, BPF_ADD, BPF_REG_1, BPF_REG_2);
	}
	for (unsigned i = 0; i < 3; i++) { /* 35 bits to 20, to 17, to 16 */
		bpf_copy(c, BPF_REG_2, BPF_REG_1);
		bpf_compute(c, BPF_RSH, BPF_REG_2, 16);
		bpf_compute(c, BPF_AND, BPF_REG_1, 0xffff);
		bpf_combine(c, BPF_ADD, BPF_REG_1, BPF_REG_2);
	}
	bpf_jump(c, BPF_JNE, BPF_REG_1, 0xffff, NOT_OURS);
}

/* r7 holds how many bytes there are from the IP header on. */
static void check_ip(struct bpf_code *c)
{
	bpf_load(c, BPF_B, BPF_REG_1, BPF_REG_10, AT_IP);
	bpf_jump(c, BPF_JNE, BPF_REG_1, 0x45, NOT_OURS);
	bpf_load(c, BPF_B, BPF_REG_1, BPF_REG_10, AT_IP + 9);
	bpf_jump(c, BPF_JNE, BPF_REG_1, IPPROTO_GRE, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_IP + 6);
	bpf_from_wire(c, BPF_REG_1, 16);
	bpf_jump(c, BPF_JSET, BPF_REG_1, IP_MF | IP_OFFMASK, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_IP + 2);
	bpf_from_wire(c, BPF_REG_1, 16);
	bpf_jump(c, BPF_JGT, BPF_REG_1, TAKEN_MAX, NOT_OURS);
	bpf_jump(c, BPF_JLT, BPF_REG_1, IP_LENGTH + GRE_KEYED, NOT_OURS);
	bpf_jump_both(c, BPF_JGT, BPF_REG_1, BPF_REG_7, NOT_OURS);
	check_sum(c);
}

static void check_call(struct bpf_code *c, int map)
{
	bpf_load(c, BPF_H, BPF_REG_9, BPF_REG_10, AT_GRE);
	bpf_from_wire(c, BPF_REG_9, 16); /* kept for what follows */
	bpf_copy(c, BPF_REG_1, BPF_REG_9);
	bpf_compute(c, BPF_AND, BPF_REG_1, 0xffff & ~GRE_FREE);
	bpf_jump(c, BPF_JNE, BPF_REG_1, GRE_WANTED, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_GRE + 2);
	bpf_from_wire(c, BPF_REG_1, 16);
	bpf_jump(c, BPF_JNE, BPF_REG_1, GRE_PROTOCOL_PPP, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_CALL);
	bpf_from_wire(c, BPF_REG_1, 16);
	bpf_look_up(c, map, BPF_REG_1, AT_KEY, NOT_OURS);
	bpf_load(c, BPF_DW, BPF_REG_1, BPF_REG_0, 0);
	bpf_load(c, BPF_DW, BPF_REG_2, BPF_REG_10, AT_ADDRESSES);
	bpf_jump_both(c, BPF_JNE, BPF_REG_1, BPF_REG_2, NOT_OURS);
}

/* RFC 1661 §2: protocols 8xxx to fxxx are control protocols; an odd first byte is one of the
 * compressed (data) numbers. Without a sequence number there is no frame. */
static void check_frame(struct bpf_code *c, enum bpf_func_id helper, int network)
{
	bpf_jump(c, BPF_JSET, BPF_REG_9, GRE_HAS_SEQUENCE, WITH_SEQUENCE);
	bpf_goto(c, OURS);
	bpf_label(c, WITH_SEQUENCE);
	bpf_set(c, BPF_REG_8, network + IP_LENGTH + GRE_KEYED + 4);
	bpf_compute(c, BPF_AND, BPF_REG_9, GRE_HAS_ACK);
	bpf_compute(c, BPF_RSH, BPF_REG_9, 5); /* 0x80: the four bytes of the ack */
	bpf_combine(c, BPF_ADD, BPF_REG_8, BPF_REG_9);
	bpf_fetch_from(c, helper, BPF_REG_8, AT_PPP, 2, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_PPP);
	bpf_from_wire(c, BPF_REG_1, 16);
	bpf_jump(c, BPF_JNE, BPF_REG_1, ADDRESS_CONTROL, BARE_FRAME);
	bpf_compute(c, BPF_ADD, BPF_REG_8, 2);
	bpf_fetch_from(c, helper, BPF_REG_8, AT_PPP, 1, NOT_OURS);
	bpf_label(c, BARE_FRAME);
	bpf_load(c, BPF_B, BPF_REG_1, BPF_REG_10, AT_PPP);
	bpf_compute(c, BPF_AND, BPF_REG_1, CONTROL_MASK);
	bpf_jump(c, BPF_JEQ, BPF_REG_1, CONTROL_VALUE, NOT_OURS);
	bpf_label(c, OURS);
}

/* From here on r6 is the context and r7 the length from the IP header on, which is `network` bytes
 * behind the start of the data. Falls through when the packet is ours. */
static void test_packet(struct bpf_code *c, enum bpf_func_id helper, int network, int map)
{
	bpf_fetch(c, helper, network, AT_IP, IP_LENGTH + GRE_KEYED, NOT_OURS);
	check_ip(c);
	check_call(c, map);
	check_frame(c, helper, network);
}

/* ---- the programs ---- */

/* For socket buffers: an IPv4 packet to this host, of no VLAN (those come again, by the VLAN's own
 * interface). */
static int load_buffer_program(
	int map, enum bpf_prog_type type, int network, int32_t ours, int32_t others)
{
	bool filter = type == BPF_PROG_TYPE_SOCKET_FILTER;
	struct bpf_code code = {.count = 0}, *c = &code;
	bpf_copy(c, BPF_REG_6, BPF_REG_1);
	bpf_load(c, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, pkt_type));
	bpf_jump(c, BPF_JNE, BPF_REG_1, PACKET_HOST, NOT_OURS);
	bpf_load(c, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_present));
	bpf_jump(c, BPF_JNE, BPF_REG_1, 0, NOT_OURS);
	bpf_load(c, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, protocol));
	bpf_jump(c, BPF_JNE, BPF_REG_1, htons(ETH_P_IP), NOT_OURS);
	bpf_load(c, BPF_W, BPF_REG_7, BPF_REG_6, offsetof(struct __sk_buff, len));
	bpf_compute(c, BPF_SUB, BPF_REG_7, network);
	test_packet(c, BPF_FUNC_skb_load_bytes, network, map);
	bpf_return(c, ours);
	bpf_label(c, NOT_OURS);
	bpf_return(c, others);
	return bpf_load_program(c, type, 0, filter ? "greyline_ring" : "greyline_drop");
}

/* The destination of the Ethernet frame is the interface's address, its type is IPv4. */
static void check_ethernet(struct bpf_code *c, unsigned position, int map)
{
	bpf_fetch(c, BPF_FUNC_xdp_load_bytes, 0, AT_IP, ETH_HLEN, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_10, AT_IP + 2 * ETH_ALEN);
	bpf_jump(c, BPF_JNE, BPF_REG_1, htons(ETH_P_IP), NOT_OURS);
	bpf_set(c, BPF_REG_1, (int32_t)(CALL_IDS + position));
	bpf_look_up(c, map, BPF_REG_1, AT_KEY, NOT_OURS);
	bpf_load(c, BPF_W, BPF_REG_1, BPF_REG_0, 0);
	bpf_load(c, BPF_W, BPF_REG_2, BPF_REG_10, AT_IP);
	bpf_jump_both(c, BPF_JNE, BPF_REG_1, BPF_REG_2, NOT_OURS);
	bpf_load(c, BPF_H, BPF_REG_1, BPF_REG_0, 4);
	bpf_load(c, BPF_H, BPF_REG_2, BPF_REG_10, AT_IP + 4);
	bpf_jump_both(c, BPF_JNE, BPF_REG_1, BPF_REG_2, NOT_OURS);
}

static int load_redirect(int map, unsigned position, int queues)
{
	struct bpf_code code = {.count = 0}, *c = &code;
	bpf_copy(c, BPF_REG_6, BPF_REG_1);
	check_ethernet(c, position, map);
	bpf_load(c, BPF_W, BPF_REG_7, BPF_REG_6, offsetof(struct xdp_md, data_end));
	bpf_load(c, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct xdp_md, data));
	bpf_combine(c, BPF_SUB, BPF_REG_7, BPF_REG_1);
	bpf_compute(c, BPF_SUB, BPF_REG_7, ETH_HLEN);
	test_packet(c, BPF_FUNC_xdp_load_bytes, ETH_HLEN, map);
	bpf_map(c, BPF_REG_1, queues);
	bpf_load(c, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, rx_queue_index));
	bpf_set(c, BPF_REG_3, XDP_PASS); /* when the queue has no socket */
	bpf_call(c, BPF_FUNC_redirect_map);
	bpf_exit(c);
	bpf_label(c, NOT_OURS);
	bpf_return(c, XDP_PASS);
	return bpf_load_program(c, BPF_PROG_TYPE_XDP, BPF_XDP, "greyline_xdp");
}

/* ---- making them ---- */

/* A program attached to nothing tells whether the kernel knows the attach point: the interface
 * number cannot exist, and is looked at after the attach point and before anything else. */
static bool has_tcx(int program)
{
	int link = bpf_attach(program, INT32_MAX, BPF_ATTACH_TCX_INGRESS, 0);
	if (link >= 0)
		close(link);
	return link == -ENODEV;
}

static void make_ring_programs(struct outer_programs *p)
{
	p->programs[FILTER] = load_buffer_program(p->map, BPF_PROG_TYPE_SOCKET_FILTER, 0, -1, 0);
	p->programs[DROP_ETHERNET] = load_buffer_program(
		p->map, BPF_PROG_TYPE_SCHED_CLS, ETH_HLEN, VERDICT_DROP, VERDICT_NEXT);
	p->programs[DROP_BARE] =
		load_buffer_program(p->map, BPF_PROG_TYPE_SCHED_CLS, 0, VERDICT_DROP, VERDICT_NEXT);
	for (unsigned i = 0; i < PROGRAMS; i++)
		if (p->programs[i] < 0)
			p->why_no_rings = "the kernel refused a BPF program";
	if (!p->why_no_rings && !has_tcx(p->programs[DROP_ETHERNET]))
		p->why_no_rings = "the kernel has no TCX (6.6 or later has)";
}

static void make_xdp_programs(struct outer_programs *p)
{
	for (unsigned i = 0; i < OUTER_LINKS_MAX; i++) {
		p->queues[i] = bpf_create_map(
			BPF_MAP_TYPE_XSKMAP, "greyline_xsk", sizeof(uint32_t), XDP_QUEUES_MAX, 0);
		p->redirects[i] = p->queues[i] < 0 ? -1 : load_redirect(p->map, i, p->queues[i]);
		if (p->queues[i] < 0)
			p->why_no_xdp = "the kernel has no AF_XDP";
		else if (p->redirects[i] < 0)
			p->why_no_xdp = "the kernel refused the XDP program (5.18 or later takes "
					"it)";
	}
}

/* Rings and maps are locked memory, by which some kernels count them against a limit of few
 * megabytes. We shall not be able to raise it later. */
static void raise_locked_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int map_calls(struct outer_programs *p)
{
	p->map = bpf_create_shared("greyline_calls", sizeof(uint64_t), ENTRIES, &p->mapped);
	p->entries = p->mapped;
	return p->map < 0 ? p->map : 0;
}

struct outer_programs *outer_prepare(char why[160])
{
	struct outer_programs *p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(why, 160, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < PROGRAMS; i++)
		p->programs[i] = -1;
	for (unsigned i = 0; i < OUTER_LINKS_MAX; i++)
		p->redirects[i] = p->queues[i] = -1;
	raise_locked_limit();
	int failed = map_calls(p);
	if (failed) {
		snprintf(why, 160, "no BPF map: %s%s", strerror(-failed),
			failed == -EPERM ? " (CAP_BPF is missing)" : "");
		outer_programs_close(p);
		return NULL;
	}
	make_ring_programs(p);
	make_xdp_programs(p);
	if (p->why_no_rings && p->why_no_xdp) {
		snprintf(why, 160, "%s; %s", p->why_no_rings, p->why_no_xdp);
		outer_programs_close(p);
		return NULL;
	}
	why[0] = '\0';
	return p;
}

static void close_all(int *descriptors, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
}

void outer_programs_close(struct outer_programs *p)
{
	if (!p)
		return;
	close_all(p->programs, PROGRAMS);
	close_all(p->redirects, OUTER_LINKS_MAX);
	close_all(p->queues, OUTER_LINKS_MAX);
	if (p->mapped)
		munmap(p->mapped, ENTRIES * sizeof(uint64_t));
	if (p->map >= 0)
		close(p->map);
	free(p);
}

bool outer_programs_rings(const struct outer_programs *p, const char **why)
{
	*why = p->why_no_rings ? p->why_no_rings : "";
	return !p->why_no_rings;
}

bool outer_programs_xdp(const struct outer_programs *p, const char **why)
{
	*why = p->why_no_xdp ? p->why_no_xdp : "";
	return !p->why_no_xdp;
}

/* ---- using them ---- */

void outer_programs_claim(struct outer_programs *p, uint16_t call_id, const struct address *local,
	const struct address *peer)
{
	uint64_t entry;
	if (local->family != 4 || peer->family != 4)
		return;
	memcpy(&entry, peer->bytes, 4);
	memcpy((uint8_t *)&entry + 4, local->bytes, 4);
	atomic_store_explicit(&p->entries[call_id], entry, memory_order_release);
}

void outer_programs_release(struct outer_programs *p, uint16_t call_id)
{
	atomic_store_explicit(&p->entries[call_id], 0, memory_order_release);
}

int outer_programs_filter(const struct outer_programs *p, int socket)
{
	int program = p->programs[FILTER];
	return setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) < 0 ? -errno
											    : 0;
}

int outer_programs_drop(const struct outer_programs *p, unsigned interface, uint8_t link_header)
{
	int program = p->programs[link_header ? DROP_ETHERNET : DROP_BARE];
	return bpf_attach(program, interface, BPF_ATTACH_TCX_INGRESS, 0);
}

int outer_programs_redirect(
	struct outer_programs *p, unsigned position, unsigned interface, const uint8_t mac[6])
{
	uint64_t entry = 0;
	memcpy(&entry, mac, 6);
	atomic_store_explicit(&p->entries[CALL_IDS + position], entry, memory_order_release);
	/* Never the generic mode: it costs more than a ring. */
	return bpf_attach(p->redirects[position], interface, BPF_XDP, XDP_FLAGS_DRV_MODE);
}

int outer_programs_queue(
	const struct outer_programs *p, unsigned position, unsigned queue, int socket)
{
	uint32_t value = (uint32_t)socket;
	return queue < XDP_QUEUES_MAX ? bpf_update_map(p->queues[position], queue, &value)
				      : -EINVAL;
}

uint16_t outer_programs_group(const struct outer_programs *p, unsigned position)
{
	return atomic_load(&p->groups[position]);
}

void outer_programs_set_group(struct outer_programs *p, unsigned position, uint16_t group)
{
	atomic_store(&p->groups[position], group);
}
