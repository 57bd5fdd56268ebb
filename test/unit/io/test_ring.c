/* The ring: order, wrap, fullness, wake-ups, and two threads at once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring.h"

enum { SMALL = 4096 };

static bool put(struct ring *ring, uint32_t number, uint32_t length)
{
	uint8_t *record = ring_reserve(ring, length);
	if (!record)
		return false;
	memset(record, (int)(number & 0xff), length);
	memcpy(record, &number, sizeof(number));
	ring_commit(ring, length);
	return true;
}

static bool take(struct ring *ring, uint32_t *number, uint32_t *length)
{
	const uint8_t *record = ring_peek(ring, length);
	if (!record)
		return false;
	memcpy(number, record, sizeof(*number));
	for (uint32_t i = sizeof(*number); i < *length; i++)
		assert_int_equal(record[i], *number & 0xff);
	ring_release(ring);
	return true;
}

static void test_order_over_the_wrap(void **state)
{
	struct ring ring;
	uint32_t number, length, next = 0, expected = 0;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	/* Lengths that divide nothing, so that every alignment of the end is met. */
	for (unsigned round = 0; round < 5000; round++) {
		while (put(&ring, next, 4 + next * 37 % 900))
			next++;
		for (unsigned i = 0; i < 1 + round % 3 && take(&ring, &number, &length); i++) {
			assert_int_equal(number, expected);
			assert_int_equal(length, 4 + expected * 37 % 900);
			expected++;
		}
	}
	while (take(&ring, &number, &length))
		assert_int_equal(number, expected++);
	assert_int_equal(expected, next);
	assert_true(next > 1000);
	ring_free(&ring);
}

/* A mark covers what was there, over the wrap and its filler too, and nothing added since. */
static void test_mark(void **state)
{
	struct ring ring;
	uint32_t number, length, next = 0, expected = 0;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	assert_true(ring_reached(&ring, ring_mark(&ring)));
	for (unsigned round = 0; round < 500; round++) {
		for (unsigned i = 0; i < 3; i++)
			assert_true(put(&ring, next++, 4 + round * 37 % 400));
		uint32_t mark = ring_mark(&ring), until = next;
		assert_true(put(&ring, next++, 8));
		while (!ring_reached(&ring, mark)) {
			assert_true(take(&ring, &number, &length));
			assert_int_equal(number, expected++);
		}
		assert_int_equal(expected, until);
		assert_true(take(&ring, &number, &length));
		assert_int_equal(number, expected++);
	}
	ring_free(&ring);
}

static void test_full_and_starved(void **state)
{
	struct ring ring;
	uint32_t number, length;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	assert_null(ring_peek(&ring, &length));
	unsigned held = 0;
	while (put(&ring, held, 56))
		held++;
	assert_int_equal(held, SMALL / 64); /* 8 of header, 56 of payload: not a byte is wasted */
	assert_true(ring_was_starved(&ring));
	assert_false(ring_was_starved(&ring)); /* told once */
	assert_true(take(&ring, &number, &length));
	assert_true(put(&ring, held, 56));
	assert_false(ring_was_starved(&ring));
	ring_free(&ring);
}

static void test_largest_record(void **state)
{
	struct ring ring;
	uint32_t number, length;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	/* Wherever the ring stands, one of the largest fits into an empty one. */
	for (uint32_t i = 0; i < 600; i++) {
		assert_true(put(&ring, i, RING_RECORD_MAX(SMALL)));
		assert_true(take(&ring, &number, &length));
		assert_int_equal(length, RING_RECORD_MAX(SMALL));
		assert_true(put(&ring, i, 4));
		assert_true(take(&ring, &number, &length));
	}
	ring_free(&ring);
}

/* A reservation may turn out shorter; an abandoned one leaves no trace. */
static void test_shorter_commit(void **state)
{
	struct ring ring;
	uint32_t number = 7, length;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	assert_non_null(ring_reserve(&ring, 500));
	assert_null(ring_peek(&ring, &length));
	void *record = ring_reserve(&ring, 500);
	memcpy(record, &number, sizeof(number));
	ring_commit(&ring, sizeof(number));
	assert_true(take(&ring, &number, &length));
	assert_int_equal(length, sizeof(number));
	assert_null(ring_peek(&ring, &length));
	ring_free(&ring);
}

static void test_released_bytes_are_wiped(void **state)
{
	struct ring ring;
	uint32_t number, length;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	assert_true(put(&ring, 0x41414141, 100));
	assert_true(take(&ring, &number, &length));
	assert_null(memchr(ring.bytes, 0x41, SMALL));
	ring_free(&ring);
}

/* A walk sees what release by release would have seen, gives all of it back at once, and a ring
 * whose consumer keeps up starts over in the middle of its memory. */
static void test_walk(void **state)
{
	struct ring ring;
	uint32_t number, length, next = 0, expected = 0, furthest = 0;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	for (unsigned round = 0; round < 3000; round++) {
		for (unsigned i = 0; i < round % 4; i++, next++)
			assert_true(put(&ring, next, 4 + next * 37 % 400));
		uint32_t position = ring_first(&ring), mark = ring_mark(&ring);
		uint8_t *record;
		while ((record = ring_walk(&ring, &position, mark, &length))) {
			memcpy(&number, record, sizeof(number));
			assert_int_equal(number, expected);
			uint32_t end = (uint32_t)(record - ring.bytes) + length;
			furthest = end > furthest ? end : furthest;
			expected++;
		}
		assert_int_equal(expected, next);
		ring_release_to(&ring, position);
		assert_null(ring_peek(&ring, &length));
	}
	assert_true(furthest < SMALL * 7 / 8);
	ring_free(&ring);
}

enum { RECORDS = 200000 };

static void *produce(void *context)
{
	struct ring *ring = context;
	for (uint32_t i = 0; i < RECORDS; i++)
		while (!put(ring, i, 4 + i % 200))
			sched_yield();
	return NULL;
}

static void test_two_threads(void **state)
{
	struct ring ring;
	pthread_t thread;
	uint32_t number, length;
	assert_int_equal(ring_init(&ring, SMALL), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &ring), 0);
	for (uint32_t expected = 0; expected < RECORDS;) {
		if (!take(&ring, &number, &length)) {
			sched_yield();
			continue;
		}
		assert_int_equal(number, expected);
		assert_int_equal(length, 4 + expected % 200);
		expected++;
	}
	pthread_join(thread, NULL);
	assert_null(ring_peek(&ring, &length));
	ring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_over_the_wrap),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_full_and_starved),
		cmocka_unit_test(test_largest_record),
		cmocka_unit_test(test_shorter_commit),
		cmocka_unit_test(test_released_bytes_are_wiped),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
