/* The inbox of a worker and its doorbell: order of each writer, fullness, and that nothing is slept
 * through. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doorbell.h"
#include "handoff.h"

enum { WRITERS = 3, PACKETS = 60000, LENGTH_MAX = 1500 };

static void test_super_packets_fit(void **state)
{
	static uint8_t bytes[INNER_MAX];
	struct handoff *inbox = aligned_alloc(64, (sizeof(*inbox) + 63) / 64 * 64);
	struct handed head = {.kind = PACKET_INNER,
		.subject = 7,
		.offload = {.kind = OFFLOAD_TCP4, .segment = 1360}};
	uint32_t length, held = 0;
	assert_int_equal(handoff_init(inbox, 0, 2), 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	while (handoff_put(inbox, 1, &head, bytes, sizeof(bytes)))
		held++;
	assert_true(held >= 8); /* a burst of several */
	struct ring *ring = &inbox->from[1];
	uint32_t position = ring_first(ring), mark = ring_mark(ring);
	for (struct handed *got; (got = ring_walk(ring, &position, mark, &length)); held--) {
		assert_int_equal(length, sizeof(head) + sizeof(bytes));
		assert_memory_equal(got, &head, sizeof(head));
		assert_memory_equal(got + 1, bytes, sizeof(bytes));
	}
	assert_int_equal(held, 0);
	ring_release_to(ring, position);
	assert_true(handoff_put(inbox, 1, &head, bytes, sizeof(bytes)));
	handoff_free(inbox);
	free(inbox);
}

static bool is_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	return poll(&pollfd, 1, 0) == 1;
}

/* Who rings between the last look and the sleep keeps the sleeper awake; who rings in its sleep
 * wakes it, and only the first of several does. */
static void test_sleep_and_wake(void **state)
{
	struct doorbell bell;
	assert_int_equal(doorbell_init(&bell), 0);
	assert_false(doorbell_rung(&bell));
	doorbell_ring(&bell, 1);
	assert_true(doorbell_rung(&bell));
	assert_false(doorbell_sleep(&bell));
	assert_false(is_readable(bell.fd));
	assert_int_equal(doorbell_answer(&bell), 1 << 1);
	assert_int_equal(doorbell_answer(&bell), 0);
	assert_true(doorbell_sleep(&bell));
	doorbell_ring(&bell, 31);
	assert_true(is_readable(bell.fd));
	doorbell_silence(&bell);
	doorbell_ring(&bell, 2);
	assert_false(is_readable(bell.fd));
	doorbell_wake(&bell);
	assert_int_equal(doorbell_answer(&bell), 1u << 31 | 1 << 2);
	doorbell_knock(&bell);
	assert_true(is_readable(bell.fd));
	doorbell_free(&bell);
}

struct writer {
	struct handoff *inbox;
	struct doorbell *bell;
	unsigned number;
};

static void *write_all(void *context)
{
	struct writer *writer = context;
	uint8_t bytes[LENGTH_MAX];
	unsigned seed = writer->number;
	for (uint32_t n = 0; n < PACKETS;) {
		struct handed head = {.kind = PACKET_INNER, .subject = n};
		uint32_t length = 1 + (uint32_t)rand_r(&seed) % LENGTH_MAX;
		memset(bytes, (int)(n & 0xff), length);
		if (handoff_put(writer->inbox, writer->number, &head, bytes, length))
			n++;
		else
			sched_yield();
		if (n % 5 && n < PACKETS)
			continue;
		doorbell_ring(writer->bell, writer->number);
	}
	return NULL;
}

static void take_all(struct handoff *inbox, unsigned from, uint32_t *next)
{
	struct ring *ring = &inbox->from[from];
	uint32_t position = ring_first(ring), mark = ring_mark(ring), length;
	for (struct handed *got; (got = ring_walk(ring, &position, mark, &length));) {
		const uint8_t *bytes = (const uint8_t *)(got + 1);
		assert_int_equal(got->subject, *next);
		assert_int_equal(bytes[0], *next & 0xff);
		assert_int_equal(bytes[length - sizeof(*got) - 1], *next & 0xff);
		++*next;
	}
	ring_release_to(ring, position);
}

/* The owner sleeps whenever it may; a lost wake-up would leave it asleep for ever. */
static void test_nothing_is_slept_through(void **state)
{
	struct handoff *inbox = aligned_alloc(64, (sizeof(*inbox) + 63) / 64 * 64);
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	uint32_t next[WRITERS + 1] = {0};
	struct doorbell bell;
	assert_int_equal(doorbell_init(&bell), 0);
	assert_int_equal(handoff_init(inbox, 0, WRITERS + 1), 0);
	for (unsigned n = 0; n < WRITERS; n++) {
		writers[n] = (struct writer){inbox, &bell, n + 1};
		assert_int_equal(pthread_create(&threads[n], NULL, write_all, &writers[n]), 0);
	}
	for (uint64_t all = 0; all < (uint64_t)WRITERS * PACKETS;) {
		if (doorbell_sleep(&bell)) {
			struct pollfd fd = {.fd = bell.fd, .events = POLLIN};
			assert_int_equal(poll(&fd, 1, 10000), 1);
			doorbell_silence(&bell);
			doorbell_wake(&bell);
		}
		for (uint32_t from = doorbell_answer(&bell); from; from &= from - 1)
			take_all(inbox, (unsigned)__builtin_ctz(from), &next[__builtin_ctz(from)]);
		all = 0;
		for (unsigned n = 1; n <= WRITERS; n++)
			all += next[n];
	}
	for (unsigned n = 0; n < WRITERS; n++)
		pthread_join(threads[n], NULL);
	doorbell_free(&bell);
	handoff_free(inbox);
	free(inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_super_packets_fit),
		cmocka_unit_test(test_sleep_and_wake),
		cmocka_unit_test(test_nothing_is_slept_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
