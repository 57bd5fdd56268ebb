/* What is gathered, as the kernel understands it: super-packets go into a TUN with offloads, the
 * kernel forwards them to one without, and so has to cut them itself. Out come the packets that
 * were gathered, each with its TTL one less. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../datapath/flow.h"
#include "netns.h"
#include "tun.h"
#include "tun_queue.h"

enum { FLOWS = 8, BUFFER = OUTER_MAX, ROUNDS = 60 };

struct trial {
	struct tun_queue in;
	int out;
	struct coalescer coalescer;
	struct packet packets[COALESCE_MAX];
	const struct packet *list[COALESCE_MAX];
	uint8_t bytes[COALESCE_MAX][BUFFER], before[COALESCE_MAX][BUFFER];
	bool arrived[COALESCE_MAX];
	size_t count;
	unsigned supers;
};

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*seed >> 4) * below >> 28);
}

static int open_plain(const char *wanted, bool offload)
{
	char name[TUN_NAME_SIZE], error[256];
	int fd = tun_open(&(struct tun_config){.name = wanted, .offload = offload}, name, error);
	if (fd < 0)
		fail_msg("%s", error);
	run("ip link set %s up txqueuelen 2000", name);
	return fd;
}

/* The flows are from 10.0.0.1 to 10.0.0.2, and from fdfd:…:fdfd to fdfd:…:fd01. */
static struct trial *trial_new(void)
{
	struct trial *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	tun_queue_adopt(&t->in, open_plain("gl-g-in", true));
	t->out = open_plain("gl-g-out", false);
	run("echo 1 > /proc/sys/net/ipv4/ip_forward");
	run("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
	run("ip route add 10.0.0.1/32 dev gl-g-in");
	run("ip route add 10.0.0.2/32 dev gl-g-out");
	run("ip -6 route add fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd/128 dev gl-g-in");
	run("ip -6 route add fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fd01/128 dev gl-g-out");
	return t;
}

static void add(struct trial *t, struct flow *f, size_t payload)
{
	size_t n = t->count++;
	t->packets[n] = (struct packet){.kind = PACKET_INNER, .bytes = t->bytes[n]};
	t->packets[n].length = (uint32_t)flow_next(t->bytes[n], f, payload, n);
	t->list[n] = &t->packets[n];
	memcpy(t->before[n], t->bytes[n], t->packets[n].length);
}

/* A packet as a router leaves it. */
static void forward(uint8_t *ip)
{
	if (ip[0] >> 4 == 6) {
		ip[7]--;
		return;
	}
	ip[8]--;
	put_u16(ip + 10, 0);
	put_u16(ip + 10, (uint16_t)~cutter_sum(0, ip, 20));
}

/* Ports and sequence number tell which packet it is; of a flow nothing may be overtaken. */
static void take(struct trial *t, const uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < t->count; n++) {
		uint8_t expected[BUFFER];
		if (t->arrived[n] || t->packets[n].length != length)
			continue;
		memcpy(expected, t->before[n], length);
		forward(expected);
		if (!cutter_same(expected, length, bytes, length))
			continue;
		t->arrived[n] = true;
		return;
	}
	fail_msg("a packet of %zu bytes that nobody sent", length);
}

/* Routers of the neighbourhood, and the kernel itself, may say things of their own. */
static bool is_ours(const uint8_t *bytes, ssize_t length)
{
	uint8_t protocol = bytes[bytes[0] >> 4 == 4 ? 9 : 6];
	return length > 20 && (protocol == 6 || protocol == 17);
}

static void collect(struct trial *t)
{
	size_t arrived = 0;
	while (arrived < t->count) {
		struct pollfd wait = {.fd = t->out, .events = POLLIN};
		uint8_t bytes[65536];
		if (poll(&wait, 1, 2000) != 1)
			fail_msg("%zu of %zu packets arrived", arrived, t->count);
		ssize_t got = read(t->out, bytes, sizeof(bytes));
		if (got <= 0 || !is_ours(bytes, got))
			continue;
		take(t, bytes, (size_t)got);
		arrived++;
	}
}

static void send_all(struct trial *t)
{
	coalesce(&t->coalescer, &t->in.rules, t->list, t->count);
	for (size_t n = 0; n < t->coalescer.count; n++) {
		const struct gathered *gathered = &t->coalescer.gathered[n];
		t->supers += gathered->offload.kind != OFFLOAD_NONE;
		assert_true(tun_queue_write(&t->in, gathered, t->coalescer.pieces));
	}
}

static struct flow flow_of_round(unsigned number, uint32_t *seed)
{
	struct flow f = flow_of(number);
	if (draw(seed, 3) == 0)
		f.tos = (uint8_t)draw(seed, 256);
	if (draw(seed, 3) == 0)
		f.options = (uint8_t)(draw(seed, 11) * 4);
	if (draw(seed, 4) == 0)
		f.flags |= 0x40; /* ECE */
	f.ttl = (uint8_t)(2 + draw(seed, 200));
	f.sequence = draw(seed, UINT32_C(1) << 28) * 16;
	f.id = (uint16_t)draw(seed, 65536);
	return f;
}

static void test_the_kernel_cuts_what_was_gathered(void **state)
{
	uint32_t seed = (uint32_t)time(NULL);
	struct trial *t = trial_new();
	printf("seed %u\n", seed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct flow flows[FLOWS];
		uint32_t count = 1 + draw(&seed, FLOWS), size = 1 + draw(&seed, 200);
		size_t segment = 1 + draw(&seed, 1380);
		for (unsigned n = 0; n < count; n++)
			flows[n] = flow_of_round(n, &seed);
		t->count = 0;
		memset(t->arrived, 0, sizeof(t->arrived));
		while (t->count < size) {
			struct flow *f = &flows[draw(&seed, count)];
			uint8_t flags = f->flags;
			if (draw(&seed, 30) == 0)
				f->flags |= (uint8_t)(1u << draw(&seed, 8));
			add(t, f, draw(&seed, 20) ? segment : draw(&seed, (uint32_t)segment));
			f->flags = flags;
		}
		send_all(t);
		collect(t);
	}
	printf("%u super-packets\n", t->supers);
	if (t->in.rules.tcp4)
		assert_true(t->supers > ROUNDS);
	close(t->in.fd);
	close(t->out);
	free(t);
}

int main(void)
{
	netns_enter_or_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_kernel_cuts_what_was_gathered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
