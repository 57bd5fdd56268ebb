/* The life of the fast back ends: several workers, links that go down, up and away, packets that
 * cannot be sent, interfaces without link headers, and a process that is killed. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_program.h"
#include "bytes.h"
#include "checksum.h"
#include "link_stage.h"
#include "netns.h"
#include "outer_programs.h"

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
	struct direct_path path = direct_path();
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
	struct direct_path path = direct_path();
	const struct direct_path *paths = &path;
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
	struct direct_path path = direct_path();
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
	struct path whole = {.local = local, .peer = peer, .mtu = 1500};
	struct direct_path path = direct_path_of(&whole);
	const struct direct_path *paths = &path;
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

int main(void)
{
	const struct CMUnitTest tests[] = {ALL(test_workers), ALL(test_down_up), ALL(test_deleted),
		ALL(test_refused), ALL(test_killed),
		cmocka_unit_test_setup_teardown(test_bare, set_up, tear_down)};
	return stage_run(tests, sizeof(tests) / sizeof(tests[0]));
}
