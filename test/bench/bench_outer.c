/* What a packet of 1400 bytes costs to send and to receive, by each back end of the outer link.
 *
 * Sending goes to an interface that throws away. Receiving is from a veth whose other end injects
 * frames by BPF_PROG_TEST_RUN on another core, so that what the kernel does on their behalf is the
 * injecting thread's time and what we do is ours; the injection alone (into a program that drops)
 * is measured too and taken off. Back ends take turns within a round; medians of the rounds.
 *
 *     bench_outer [rounds]
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf_program.h"
#include "bytes.h"
#include "checksum.h"
#include "clock.h"
#include "datapath.h"
#include "gre.h"
#include "netns.h"
#include "outer_link.h"
#include "outer_programs.h"
#include "outer_raw.h"

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1) /* kernel 5.18 */
#endif

enum {
	IP_LENGTH = 1400,
	GRE_LENGTH = IP_LENGTH - OUTER_IP_HEADER,
	SENDS = 2000,     /* batches a turn */
	INJECTED = 60000, /* frames a turn */
	INJECT_BATCH = 64,
	PAUSE_US = 300,
	ROUNDS_MAX = 101,
	CALL = 7,
};

enum kind { RAW, RINGS, UNQUEUED, XDP, KINDS };
static const char *const names[KINDS] = {"raw", "rings", "unqueued", "xdp"};
static const struct outer_link_ops *const link_ops[KINDS] = {
	NULL, &outer_rings, &outer_rings, &outer_xdp};

static struct outer_programs *programs;
static struct address local = {.family = 4, .bytes = {192, 0, 2, 1}};
static struct address peer = {.family = 4, .bytes = {192, 0, 2, 2}};
static int here, there;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static struct outer_link *open_link(enum kind kind, unsigned interface)
{
	struct outer_link *link = NULL;
	char error[256];
	struct outer_link_config config = {.interface = interface,
		.workers = 1,
		.ttl = 64,
		.dont_fragment = true,
		.unqueued = kind == UNQUEUED,
		.programs = programs};
	if (link_ops[kind] && link_ops[kind]->open(&link, &config, error) < 0) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	return link;
}

static struct outer_raw *open_raw(void)
{
	struct outer_raw *raw;
	char error[256];
	struct outer_config config = {.workers = 1, .ttl = 64, .dont_fragment = true};
	if (outer_raw_open(&raw, &config, error) < 0) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	return raw;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void write_gre(uint8_t *at, uint32_t sequence)
{
	put_u16(at, 0x3001);
	put_u16(at + 2, GRE_PROTOCOL_PPP);
	put_u16(at + 4, GRE_LENGTH - 12);
	put_u16(at + 6, CALL);
	put_u32(at + 8, sequence);
	put_u16(at + 12, 0x00fd);
}

/* ---- sending ---- */

static double send_turn(enum kind kind, struct outer_raw *raw, struct outer_link *link,
	const struct direct_path *path)
{
	static uint8_t own[BATCH_MAX][OUTER_MAX];
	struct datapath dp = {.local = local, .peer = peer};
	struct packet packets[BATCH_MAX];
	const struct packet *order[BATCH_MAX];
	const struct direct_path *paths[BATCH_MAX];
	uint64_t lost = 0, start = cpu_ns();
	uint32_t sequence = 0;
	for (unsigned n = 0; n < SENDS; n++) {
		struct packet_list list = {.at = packets, .max = BATCH_MAX};
		uint64_t refused = 0;
		for (unsigned i = 0; i < BATCH_MAX; i++)
			packets[i] = (struct packet){.datapath = &dp, .bytes = own[i]};
		if (link)
			link_ops[kind]->lend(link, &list);
		for (unsigned i = 0; i < BATCH_MAX; i++) {
			packets[i].length = GRE_LENGTH;
			write_gre(packets[i].bytes, sequence++);
			order[i] = &packets[i];
			paths[i] = path;
		}
		if (link)
			link_ops[kind]->send(link, order, paths, BATCH_MAX, &refused);
		else
			refused = outer_raw_send(raw, order, BATCH_MAX, false);
		lost += (uint64_t)__builtin_popcountll(refused);
	}
	double each = (double)(cpu_ns() - start) / (SENDS * BATCH_MAX);
	if (lost)
		fprintf(stderr, "%s: %llu packets refused\n", names[kind],
			(unsigned long long)lost);
	return each;
}

/* One turn of each back end a round on an interface that is there and takes `kinds` of them. */
static void bench_send(const char *name, enum kind kinds, unsigned rounds, const char *title)
{
	static double ns[KINDS][ROUNDS_MAX];
	struct path whole = {
		.local = local, .peer = peer, .link_header_length = ETH_HLEN, .mtu = 1500};
	struct direct_path path = direct_path_of(&whole);
	run("ip addr add 192.0.2.1/24 dev %s; ip link set %s up;"
	    "ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev %s",
		name, name, name);
	memcpy(path.link_header, "\x02\0\0\0\0\x02", ETH_ALEN);
	put_u16(path.link_header + 12, ETH_P_IP);
	struct outer_raw *raw = open_raw();
	usleep(300000); /* the carrier */
	for (unsigned round = 0; round < rounds; round++)
		for (enum kind kind = RAW; kind < kinds; kind++) {
			struct outer_link *link = open_link(kind, if_nametoindex(name));
			ns[kind][round] = send_turn(kind, raw, link, &path);
			if (link)
				link_ops[kind]->close(link);
		}
	outer_raw_close(raw);
	printf("RESULT %s", title);
	for (enum kind kind = RAW; kind < kinds; kind++)
		printf(" %s=%.0f", names[kind], median(ns[kind], rounds));
	printf(" ns a packet\n");
	run("ip link del %s", name);
}

/* ---- receiving ---- */

/* A program of one decision, for the interface that drops and for the frames that are injected. */
static int tiny_program(int32_t verdict, unsigned redirect_to)
{
	struct bpf_code code = {.count = 0};
	if (redirect_to) {
		bpf_set(&code, BPF_REG_1, (int32_t)redirect_to);
		bpf_set(&code, BPF_REG_2, 0);
		bpf_call(&code, BPF_FUNC_redirect);
		bpf_exit(&code);
	} else {
		bpf_return(&code, verdict);
	}
	int program = bpf_load_program(&code, BPF_PROG_TYPE_XDP, BPF_XDP, "bench");
	if (program < 0)
		die("a program for the bench");
	return program;
}

struct injector {
	int program;
	unsigned interface;
	uint8_t frame[ETH_HLEN + IP_LENGTH];
	_Atomic bool done;
	double each; /* ns */
	unsigned sent;
};

static void make_frame(struct injector *in, const uint8_t mac[6])
{
	uint8_t *ip = in->frame + ETH_HLEN;
	memcpy(in->frame, mac, 6);
	memcpy(in->frame + 6, "\x02\0\0\0\0\x02", 6);
	put_u16(in->frame + 12, ETH_P_IP);
	put_u16(ip, 0x4500);
	put_u16(ip + 2, IP_LENGTH);
	put_u16(ip + 6, 0x4000);
	put_u16(ip + 8, 0x4000 | IPPROTO_GRE);
	memcpy(ip + 12, peer.bytes, 4);
	memcpy(ip + 16, local.bytes, 4);
	put_u16(ip + 10, (uint16_t)~checksum_of(0, ip, 20));
	write_gre(ip + 20, 1);
}

/* In portions, with a breath after each, so that the receiver is never overrun: what is lost would
 * look cheap. */
static void *inject(void *context)
{
	struct injector *in = context;
	union bpf_attr attributes;
	struct xdp_md metadata;
	uint64_t spent = 0;
	unsigned sent;
	pin(1);
	netns_enter(there);
	memset(&metadata, 0, sizeof(metadata));
	metadata.data_end = sizeof(in->frame);
	metadata.ingress_ifindex = in->interface;
	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (uint32_t)in->program;
	attributes.test.data_in = (uintptr_t)in->frame;
	attributes.test.data_size_in = sizeof(in->frame);
	attributes.test.ctx_in = (uintptr_t)&metadata;
	attributes.test.ctx_size_in = sizeof(metadata);
	attributes.test.repeat = INJECT_BATCH * 8;
	attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	attributes.test.batch_size = INJECT_BATCH;
	for (sent = 0; sent < INJECTED; sent += attributes.test.repeat) {
		uint64_t start = cpu_ns();
		if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)) < 0)
			die("BPF_PROG_TEST_RUN");
		spent += cpu_ns() - start;
		usleep(PAUSE_US);
	}
	in->sent = sent;
	in->each = (double)spent / sent;
	usleep(20000);
	atomic_store(&in->done, true);
	return NULL;
}

struct turn {
	double kernel, user; /* ns a packet */
	unsigned got;
	uint64_t sum;
};

static struct turn receive_turn(
	enum kind kind, struct outer_raw *raw, unsigned interface, struct injector *in)
{
	struct gre_datagram got[BATCH_MAX];
	struct outer_link *link = open_link(kind, interface);
	struct turn turn = {0};
	uint64_t spent = 0;
	pthread_t thread;
	atomic_store(&in->done, false);
	pthread_create(&thread, NULL, inject, in);
	while (!atomic_load(&in->done)) {
		/* Asleep, not waiting: how often a waiter is woken is the rate's doing. */
		usleep(PAUSE_US);
		uint64_t start = cpu_ns();
		for (size_t count = 1; count > 0;) {
			count = link ? link_ops[kind]->receive(link, got)
				     : outer_raw_receive(raw, RAW_DATA4, got);
			for (size_t i = 0; i < count; i++)
				turn.sum +=
					checksum_of(0, got[i].gre, got[i].length); /* read it all */
			turn.got += (unsigned)count;
		}
		if (turn.got)
			spent += cpu_ns() - start;
	}
	pthread_join(thread, NULL);
	if (link)
		link_ops[kind]->close(link);
	turn.kernel = in->each;
	turn.user = turn.got ? (double)spent / turn.got : 0;
	return turn;
}

static double baseline(struct injector *in, unsigned interface)
{
	pthread_t thread;
	int drop = tiny_program(XDP_DROP, 0);
	int attached = bpf_attach(drop, interface, BPF_XDP, XDP_FLAGS_DRV_MODE);
	pthread_create(&thread, NULL, inject, in);
	pthread_join(thread, NULL);
	close(attached);
	close(drop);
	return in->each;
}

static void bench_receive(unsigned rounds)
{
	static double kernel[KINDS][ROUNDS_MAX], user[KINDS][ROUNDS_MAX], alone[ROUNDS_MAX];
	static struct injector in;
	unsigned got[KINDS] = {0};
	run("ip link add gl-bench address 02:00:00:00:00:01 type veth peer name gl-bench-b");
	run("ip link set gl-bench-b netns /proc/%d/fd/%d", getpid(), there);
	run("ip addr add 192.0.2.1/24 dev gl-bench; ip link set gl-bench up;"
	    "ethtool -K gl-bench gro on >/dev/null"); /* without NAPI it takes no injected frames */
	netns_enter(there);
	run("ip link set gl-bench-b up");
	in.interface = if_nametoindex("gl-bench-b");
	netns_enter(here);
	usleep(300000);
	make_frame(&in, (const uint8_t *)"\x02\0\0\0\0\x01");
	in.program = tiny_program(0, in.interface);
	struct outer_raw *raw = open_raw();
	unsigned interface = if_nametoindex("gl-bench");
	for (unsigned round = 0; round < rounds; round++) {
		alone[round] = baseline(&in, interface);
		for (enum kind kind = RAW; kind < KINDS; kind++) {
			struct turn turn = receive_turn(kind, raw, interface, &in);
			kernel[kind][round] = turn.kernel;
			user[kind][round] = turn.user;
			got[kind] += turn.got;
		}
	}
	double injection = median(alone, rounds);
	for (enum kind kind = RAW; kind < KINDS; kind++) {
		double k = median(kernel[kind], rounds) - injection;
		double u = median(user[kind], rounds);
		printf("RESULT outer-receive %s=%.0f kernel=%.0f user=%.0f ns a packet, %.1f %% "
		       "arrived\n",
			names[kind], k + u, k, u, 100.0 * got[kind] / rounds / in.sent);
	}
	outer_raw_close(raw);
	close(in.program);
	run("ip link del gl-bench");
}

int main(int count, char **words)
{
	unsigned rounds = count > 1 ? (unsigned)atoi(words[1]) : 7;
	char why[160];
	const char *no_rings, *no_xdp;
	netns_enter_or_skip();
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	programs = outer_prepare(why);
	if (!programs || !outer_programs_rings(programs, &no_rings) ||
		!outer_programs_xdp(programs, &no_xdp)) {
		printf("RESULT outer skipped=%s\n", programs ? no_rings : why);
		return 77;
	}
	here = netns_current();
	there = netns_new();
	pin(0);
	outer_programs_claim(programs, CALL, &local, &peer);
	run("ip link add gl-bench type ifb");
	bench_send("gl-bench", XDP, rounds, "outer-send-sink");
	run("ip link add gl-bench type veth peer name gl-bench-b; ip link set gl-bench-b up");
	int drop = tiny_program(XDP_DROP, 0);
	int attached = bpf_attach(drop, if_nametoindex("gl-bench-b"), BPF_XDP, XDP_FLAGS_DRV_MODE);
	if (attached < 0)
		die("XDP on a veth");
	bench_send("gl-bench", KINDS, rounds, "outer-send-veth");
	close(attached);
	close(drop);
	bench_receive(rounds);
	outer_programs_close(programs);
	return 0;
}
