/* The heap of deadlines against a plain array, over a long run of a fixed sequence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "heap.h"
#include "limits.h"

enum { SLOTS = 1000 };

static uint32_t next_number(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static uint64_t nearest(const uint64_t *model)
{
	uint64_t least = NEVER;
	for (unsigned i = 0; i < SLOTS; i++)
		if (model[i] < least)
			least = model[i];
	return least;
}

static void check_order(const struct heap *heap)
{
	for (uint32_t i = 0; i < heap->count; i++) {
		assert_int_equal(heap->places[heap->entries[i].slot], i + 1);
		if (i)
			assert_true(
				heap->entries[(i - 1) / 2].deadline <= heap->entries[i].deadline);
	}
}

static void test_against_an_array(void **state)
{
	static uint64_t model[SLOTS];
	struct heap heap;
	uint32_t seed = 1;
	assert_int_equal(heap_init(&heap, SLOTS), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		model[i] = NEVER;
	assert_true(heap_nearest(&heap) == NEVER);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t slot = next_number(&seed) % SLOTS;
		uint64_t deadline = next_number(&seed) % 4 ? next_number(&seed) : NEVER;
		model[slot] = deadline;
		heap_set(&heap, slot, deadline);
		assert_true(heap_nearest(&heap) == nearest(model));
		if (step % 500 == 0)
			check_order(&heap);
	}
	/* Emptied in order. */
	uint64_t last = 0;
	while (heap.count) {
		assert_true(heap.entries[0].deadline >= last);
		last = heap.entries[0].deadline;
		heap_set(&heap, heap.entries[0].slot, NEVER);
	}
	assert_true(heap_nearest(&heap) == NEVER);
	heap_free(&heap);
}

static void test_removing_what_is_not_there(void **state)
{
	struct heap heap;
	assert_int_equal(heap_init(&heap, 2), 0);
	heap_set(&heap, 1, NEVER);
	heap_set(&heap, 0, 5);
	heap_set(&heap, 0, NEVER);
	heap_set(&heap, 0, NEVER);
	assert_int_equal(heap.count, 0);
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_an_array),
		cmocka_unit_test(test_removing_what_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
