/* Steering of a TUN's queues: a packet for a known address leaves by its worker's queue, others by
 * any, the same each time. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "netns.h"
#include "tun_steering.h"

enum { QUEUES = 4, WAIT_MS = 2000 };

static struct tun_steering *steering;
static int queues[QUEUES], sender;

static int open_queue(void)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE};
	strcpy(request.ifr_name, "gl-E-tun");
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

/* The queue that a packet for this address comes out of. */
static int queue_of(uint32_t address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(4321), .sin_addr.s_addr = htonl(address)};
	struct pollfd readable[QUEUES];
	uint8_t packet[2048];
	assert_int_equal(sendto(sender, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	for (unsigned i = 0; i < QUEUES; i++)
		readable[i] = (struct pollfd){.fd = queues[i], .events = POLLIN};
	for (;;) {
		assert_true(poll(readable, QUEUES, WAIT_MS) > 0);
		for (int i = 0; i < QUEUES; i++) {
			ssize_t got = read(queues[i], packet, sizeof(packet));
			uint32_t destination;
			if (got < 20 || packet[0] >> 4 != 4)
				continue; /* of the neighbour discovery */
			memcpy(&destination, packet + 16, 4);
			if (ntohl(destination) == address)
				return i;
		}
	}
}

static void test_known(void **state)
{
	for (uint32_t i = 0; i < 500; i++)
		tun_steering_set(steering, 0x0a000001 + i * 7, i % 3);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(queue_of(0x0a000001 + i * 7), i % 3);
	for (uint32_t i = 0; i < 500; i++) /* another worker's now */
		tun_steering_set(steering, 0x0a000001 + i * 7, 3);
	for (uint32_t i = 0; i < 500; i++)
		assert_int_equal(queue_of(0x0a000001 + i * 7), 3);
	for (uint32_t i = 0; i < 500; i++)
		tun_steering_clear(steering, 0x0a000001 + i * 7);
}

static void test_unknown(void **state)
{
	unsigned seen[QUEUES] = {0};
	for (uint32_t i = 0; i < 100; i++) {
		int queue = queue_of(0x0a010001 + i);
		assert_int_equal(queue, (0x0a010001 + i) % QUEUES);
		seen[queue]++;
	}
	for (unsigned i = 0; i < QUEUES; i++)
		assert_true(seen[i] > 0);
}

/* Random logins and logouts against a plain list; addresses that found no room may go anywhere, and
 * they are few. */
static void test_random(void **state)
{
	enum { ADDRESSES = 2000 };
	static int worker_of[ADDRESSES];
	unsigned wrong = 0, known = 0, seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	memset(worker_of, -1, sizeof(worker_of));
	for (unsigned i = 0; i < 20000; i++) {
		unsigned n = (unsigned)rand() % ADDRESSES;
		worker_of[n] = rand() % 3 ? rand() % QUEUES : -1;
		if (worker_of[n] >= 0)
			tun_steering_set(steering, 0x0a640000 + n, (unsigned)worker_of[n]);
		else
			tun_steering_clear(steering, 0x0a640000 + n);
	}
	for (uint32_t n = 0; n < ADDRESSES; n++) {
		if (worker_of[n] < 0) {
			assert_int_equal(queue_of(0x0a640000 + n), (0x0a640000 + n) % QUEUES);
			continue;
		}
		known++;
		wrong += queue_of(0x0a640000 + n) != worker_of[n];
	}
	assert_true(wrong * 100 < known);
}

int main(void)
{
	char why[160];
	netns_enter_or_skip();
	steering = tun_steering_open(why);
	if (!steering) {
		printf("skipped: %s\n", why);
		return 77;
	}
	for (unsigned i = 0; i < QUEUES; i++)
		queues[i] = open_queue();
	if (tun_steering_attach(steering, queues[0]) < 0)
		return 1;
	run("ip addr add 10.255.255.254/8 dev gl-E-tun; ip link set gl-E-tun up");
	sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_random)};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	tun_steering_close(steering);
	return failed;
}
