/* TUN queues: virtio's header, what the kernel hands over and takes, and a TCP connection between
 * two namespaces whose super-packets are cut on one side and gathered again on the other. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "inner.h"
#include "netns.h"
#include "segment.h"
#include "tun.h"
#include "tun_queue.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { TRANSFER = 4 << 20, SEGMENT = 1000, GUARD_SECONDS = 20 };

static uint8_t arena[2][TUN_ARENA_SIZE];

static void header(uint8_t bytes[TUN_HEADER_SIZE], uint8_t flags, uint8_t type, uint16_t size,
	uint16_t start, uint16_t offset)
{
	struct virtio_net_hdr h = {.flags = flags,
		.gso_type = type,
		.gso_size = size,
		.csum_start = start,
		.csum_offset = offset};
	memcpy(bytes, &h, sizeof(h));
}

static void test_headers_are_judged(void **state)
{
	static const struct {
		uint8_t flags, type;
		uint16_t size, start, offset;
		bool sound;
		enum offload_kind kind;
	} cases[] = {
		{0, 0, 0, 0, 0, true, OFFLOAD_NONE},
		{2, 0, 0, 999, 999, true, OFFLOAD_NONE}, /* "data valid": nothing to do */
		{0, 0, 77, 0, 0, true, OFFLOAD_NONE},
		{1, 0, 0, 20, 16, true, OFFLOAD_NONE},
		{1, 0, 0, 82, 16, true, OFFLOAD_NONE},
		{1, 0, 0, 83, 16, false, OFFLOAD_NONE}, /* behind the end */
		{1, 0, 0, 65535, 65535, false, OFFLOAD_NONE},
		{1, 1, 8, 20, 16, true, OFFLOAD_TCP4},
		{1, 0x81, 8, 20, 16, true, OFFLOAD_TCP4},
		{1, 4, 8, 40, 16, true, OFFLOAD_TCP6},
		{1, 5, 8, 40, 6, true, OFFLOAD_UDP},
		{0, 5, 8, 0, 0, true, OFFLOAD_UDP},
		{1, 5, 0, 40, 6, false, OFFLOAD_NONE}, /* of no size */
		{1, 3, 8, 40, 6, false, OFFLOAD_NONE}, /* UFO: never asked for */
		{1, 2, 8, 40, 6, false, OFFLOAD_NONE},
		{1, 0x80, 8, 40, 6, false, OFFLOAD_NONE},
		{1, 0x41, 8, 20, 16, false, OFFLOAD_NONE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[TUN_HEADER_SIZE], again[TUN_HEADER_SIZE];
		struct offload offload, second;
		header(bytes, cases[i].flags, cases[i].type, cases[i].size, cases[i].start,
			cases[i].offset);
		assert_int_equal(tun_header_parse(&offload, bytes, 100), cases[i].sound);
		if (!cases[i].sound)
			continue;
		assert_int_equal(offload.kind, cases[i].kind);
		assert_int_equal(offload.checksum_missing, cases[i].flags & 1);
		tun_header_build(again, &offload, 40, cases[i].type & 0x80);
		assert_int_equal(again[1], cases[i].kind ? cases[i].type : 0);
		assert_true(tun_header_parse(&second, again, 100));
		assert_memory_equal(&offload, &second, sizeof(offload));
	}
}

/* One end: a namespace with a TUN in it. */
struct end {
	int ns, fd;
	struct tun_queue queue;
	struct tun_batch batch;
};

static void end_open(
	struct end *end, bool offload, const char *own, const char *other, int arena_of)
{
	char name[TUN_NAME_SIZE], error[256];
	int here = netns_current();
	struct tun_config config = {.name = "gl-io-q%d", .offload = offload};
	end->ns = netns_new();
	netns_enter(end->ns);
	end->fd = tun_open(&config, name, error);
	assert_true(end->fd >= 0);
	run("sysctl -q -w net.ipv6.conf.%s.disable_ipv6=1", name);
	run("ip addr add %s peer %s dev %s", own, other, name);
	run("ip link set %s mtu 1400 up", name);
	netns_enter(here);
	close(here);
	tun_queue_adopt(&end->queue, end->fd);
	end->batch.arena = arena[arena_of];
}

static void end_close(struct end *end)
{
	close(end->fd);
	close(end->ns);
}

static int socket_in(const struct end *end, int type)
{
	struct timeval bound = {.tv_sec = GUARD_SECONDS};
	int here = netns_current();
	netns_enter(end->ns);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	netns_enter(here);
	close(here);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
	return fd;
}

static struct sockaddr_in at(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(4000)};
	assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
	return in;
}

static size_t wait_read(struct end *end)
{
	struct pollfd poll_fd = {.fd = end->fd, .events = POLLIN};
	assert_int_equal(poll(&poll_fd, 1, GUARD_SECONDS * 1000), 1);
	assert_true(tun_queue_read(&end->queue, &end->batch));
	assert_int_equal(end->batch.refused, 0);
	return end->batch.count;
}

/* A UDP socket that asks for segmentation: with USO its packets come in one, else one by one. */
static void test_udp_comes_as_the_kernel_can(void **state)
{
	for (unsigned offload = 0; offload < 2; offload++) {
		struct end end;
		static uint8_t bytes[10 * SEGMENT];
		struct sockaddr_in to = at("10.9.0.2");
		int size = SEGMENT;
		size_t packets = 0, payload = 0;
		end_open(&end, offload, "10.9.0.1", "10.9.0.2", 0);
		int fd = socket_in(&end, SOCK_DGRAM);
		if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0) {
			printf("skipped: this kernel has no UDP_SEGMENT\n");
			close(fd);
			end_close(&end);
			return;
		}
		assert_int_equal(
			sendto(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&to, sizeof(to)),
			sizeof(bytes));
		while (payload < sizeof(bytes)) {
			size_t count = wait_read(&end);
			for (size_t i = 0; i < count; i++) {
				const struct packet *packet = &end.batch.packets[i];
				payload += packet->length - 28;
				packets++;
				assert_int_equal((uintptr_t)packet->bytes % 16, 0);
				if (packets == 1 && packet->offload.kind)
					assert_int_equal(packet->offload.segment, SEGMENT);
			}
		}
		assert_int_equal(end.queue.vnet, offload);
		assert_int_equal(packets, end.queue.rules.udp ? 1 : 10);
		assert_string_equal(tun_queue_words(&end.queue),
			!offload              ? "none: the interface has no virtio header"
			: end.queue.rules.udp ? "TSO, USO, checksums"
					      : "TSO, checksums");
		close(fd);
		end_close(&end);
	}
}

/* Two ends, and a thread that carries packets between them. */
struct wire {
	struct end ends[2];
	struct coalescer coalescer;
	uint8_t buffers[COALESCE_MAX][2048];
	struct packet packets[COALESCE_MAX];
	_Atomic bool stop;
	unsigned supers, cut, refused, written;
};

static void cut(struct wire *wire, const struct packet *packet, size_t *count)
{
	struct inner inner;
	struct segments segments;
	assert_true(inner_parse(&inner, packet->bytes, packet->length));
	assert_true(segments_start(&segments, &inner, packet->bytes, &packet->offload));
	wire->supers++;
	wire->cut += segments.count;
	for (size_t n = 0; n < segments.count; n++) {
		struct packet *out = &wire->packets[(*count)++];
		struct writer w = writer_over(out->bytes, 2048);
		segment_write(&segments, n, &w);
		assert_false(w.failed);
		out->length = (uint32_t)writer_length(&w);
	}
}

static void carry(struct wire *wire, unsigned from)
{
	struct end *end = &wire->ends[from], *to = &wire->ends[!from];
	const struct packet *list[COALESCE_MAX];
	size_t count = 0;
	tun_queue_read(&end->queue, &end->batch);
	for (size_t i = 0; i < end->batch.count; i++) {
		const struct packet *packet = &end->batch.packets[i];
		if (packet->offload.kind != OFFLOAD_NONE) {
			cut(wire, packet, &count);
			continue;
		}
		struct packet *out = &wire->packets[count++];
		struct writer w = writer_over(out->bytes, 2048);
		offload_write(&packet->offload, packet->bytes, packet->length, &w);
		out->length = packet->length;
	}
	for (size_t i = 0; i < count; i++)
		list[i] = &wire->packets[i];
	coalesce(&wire->coalescer, &to->queue.rules, list, count);
	for (size_t i = 0; i < wire->coalescer.count; i++)
		wire->refused += !tun_queue_write(
			&to->queue, &wire->coalescer.gathered[i], wire->coalescer.pieces);
	wire->written += (unsigned)wire->coalescer.count;
}

static void *carry_both(void *context)
{
	struct wire *wire = context;
	while (!wire->stop) {
		struct pollfd fds[2] = {{.fd = wire->ends[0].fd, .events = POLLIN},
			{.fd = wire->ends[1].fd, .events = POLLIN}};
		poll(fds, 2, 20);
		for (unsigned n = 0; n < 2; n++)
			if (fds[n].revents & POLLIN)
				carry(wire, n);
	}
	return NULL;
}

static void *send_all(void *context)
{
	int fd = *(int *)context;
	static uint32_t words[TRANSFER / 4];
	for (size_t i = 0; i < TRANSFER / 4; i++)
		words[i] = (uint32_t)(i * 2654435761u);
	for (size_t sent = 0; sent < TRANSFER;) {
		ssize_t now = send(fd, (char *)words + sent, TRANSFER - sent, MSG_NOSIGNAL);
		if (now <= 0)
			break;
		sent += (size_t)now;
	}
	shutdown(fd, SHUT_WR);
	return NULL;
}

static bool received_whole(int fd)
{
	static uint32_t words[TRANSFER / 4];
	size_t got = 0;
	for (ssize_t now = 1; now > 0 && got < TRANSFER; got += (size_t)(now > 0 ? now : 0))
		now = recv(fd, (char *)words + got, TRANSFER - got, 0);
	for (size_t i = 0; i < TRANSFER / 4; i++)
		if (words[i] != (uint32_t)(i * 2654435761u))
			return false;
	return got == TRANSFER;
}

static unsigned long checksum_errors(const struct end *end)
{
	int here = netns_current();
	netns_enter(end->ns);
	FILE *pipe = popen("nstat -asz TcpInCsumErrors | awk '/Csum/ {print $2}'", "r");
	unsigned long count = 999;
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%lu", &count), 1);
	pclose(pipe);
	netns_enter(here);
	close(here);
	return count;
}

/* `state`: bit 0 for offloads at the sender, bit 1 at the receiver. */
static void test_tcp_arrives_whole(void **state)
{
	uintptr_t mode = (uintptr_t)*state;
	struct wire *wire = calloc(1, sizeof(*wire));
	pthread_t carrier, sender;
	assert_non_null(wire);
	for (size_t i = 0; i < COALESCE_MAX; i++)
		wire->packets[i] = (struct packet){.bytes = wire->buffers[i], .capacity = 2048};
	end_open(&wire->ends[0], mode & 1, "10.9.0.1", "10.9.0.2", 0);
	end_open(&wire->ends[1], mode & 2, "10.9.0.2", "10.9.0.1", 1);
	struct sockaddr_in there = at("10.9.0.2");
	int listener = socket_in(&wire->ends[1], SOCK_STREAM);
	int from = socket_in(&wire->ends[0], SOCK_STREAM);
	assert_int_equal(bind(listener, (struct sockaddr *)&there, sizeof(there)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(pthread_create(&carrier, NULL, carry_both, wire), 0);
	assert_int_equal(connect(from, (struct sockaddr *)&there, sizeof(there)), 0);
	int to = accept(listener, NULL, NULL);
	assert_true(to >= 0);
	assert_int_equal(pthread_create(&sender, NULL, send_all, &from), 0);
	assert_true(received_whole(to));
	pthread_join(sender, NULL);
	wire->stop = true;
	pthread_join(carrier, NULL);
	printf("%u super-packets were cut into %u, %u writes, %u refused\n", wire->supers,
		wire->cut, wire->written, wire->refused);
	assert_int_equal(wire->refused, 0);
	if (wire->ends[0].queue.rules.tcp4)
		assert_true(wire->supers > 0 && wire->cut > wire->supers);
	else
		assert_int_equal(wire->supers, 0);
	assert_int_equal(checksum_errors(&wire->ends[0]), 0);
	assert_int_equal(checksum_errors(&wire->ends[1]), 0);
	close(from), close(to), close(listener);
	end_close(&wire->ends[0]);
	end_close(&wire->ends[1]);
	free(wire);
}

/* Refuses what an older kernel does not know: some bits of TUNSETOFFLOAD, or all, or to say what
 * it knows. */
static bool grow_older(unsigned long refused, bool silent)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failed = filter ? 0 : -1;
	for (unsigned long bit = 1; bit <= refused && !failed; bit <<= 1)
		if (refused & bit)
			failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(ioctl),
				2, SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TUNSETOFFLOAD),
				SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit));
	if (silent && !failed)
		failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TUNGETFEATURES));
	if (!failed)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	return !failed;
}

static bool serves(const char *words, bool vnet)
{
	static const uint8_t ip[28] = {0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17};
	char name[TUN_NAME_SIZE], error[256];
	struct tun_config config = {.name = "gl-io-o%d", .offload = true};
	struct tun_queue queue;
	uint8_t bytes[sizeof(ip)];
	struct packet packet = {.bytes = bytes, .length = sizeof(bytes)};
	int fd = tun_open(&config, name, error);
	if (fd < 0)
		return false;
	memcpy(bytes, ip, sizeof(ip));
	run("ip link set %s up", name);
	tun_queue_adopt(&queue, fd);
	return queue.vnet == vnet && !strcmp(tun_queue_words(&queue), words) &&
	       tun_queue_write_packet(&queue, &packet);
}

static void test_older_kernels(void **state)
{
	static const struct {
		unsigned long refused;
		bool silent;
		const char *words;
	} cases[] = {
		{0x60, false, "TSO, checksums"}, /* before Linux 6.2: no USO */
		{0x6e, false, "checksums"},
		{0x6f, false, "none: the kernel refuses them"},
		{0, true, "none: the interface has no virtio header"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		fflush(stdout);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) /* the filter stays on for good */
			_exit(!grow_older(cases[i].refused, cases[i].silent) ||
				!serves(cases[i].words, !cases[i].silent));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static void test_one_packet_and_no_header(void **state)
{
	struct end end;
	uint8_t bytes[28] = {0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17};
	struct packet packet = {.bytes = bytes, .length = sizeof(bytes)};
	for (unsigned offload = 0; offload < 2; offload++) {
		end_open(&end, offload, "10.9.0.1", "10.9.0.2", 0);
		memcpy(bytes + 12, "\x0a\x09\x00\x02\x0a\x09\x00\x01", 8);
		assert_true(tun_queue_write_packet(&end.queue, &packet));
		close(end.fd);
		assert_false(tun_queue_write_packet(&end.queue, &packet));
		assert_false(tun_queue_read(&end.queue, &end.batch));
		close(end.ns);
	}
	tun_queue_adopt(&end.queue, -1);
	assert_false(end.queue.vnet);
}

static void test_queues_of_one_interface(void **state)
{
	char name[TUN_NAME_SIZE], same[TUN_NAME_SIZE], error[256];
	struct tun_config config = {.name = "gl-io-m%d", .offload = true, .queues = true};
	struct tun_queue queues[2];
	int a = tun_open(&config, name, error);
	assert_true(a >= 0);
	config.name = name;
	int b = tun_open(&config, same, error);
	assert_true(b >= 0);
	assert_string_equal(name, same);
	tun_queue_adopt(&queues[0], a);
	tun_queue_adopt(&queues[1], b);
	assert_true(queues[0].vnet && queues[1].vnet);
	config.queues = false; /* one of another kind */
	assert_int_equal(tun_open(&config, same, error), -EINVAL);
	assert_non_null(strstr(error, name));
	close(a);
	close(b);
}

int main(void)
{
	netns_enter_or_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_are_judged),
		cmocka_unit_test(test_udp_comes_as_the_kernel_can),
		cmocka_unit_test_prestate(test_tcp_arrives_whole, (void *)0),
		cmocka_unit_test_prestate(test_tcp_arrives_whole, (void *)1),
		cmocka_unit_test_prestate(test_tcp_arrives_whole, (void *)2),
		cmocka_unit_test_prestate(test_tcp_arrives_whole, (void *)3),
		cmocka_unit_test(test_older_kernels),
		cmocka_unit_test(test_one_packet_and_no_header),
		cmocka_unit_test(test_queues_of_one_interface),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
