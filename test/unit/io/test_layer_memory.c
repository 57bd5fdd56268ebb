/* The budget of what layers work in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "layer_memory.h"

enum { PIECE = 65536 };

static void together_they_are_bounded(void **state)
{
	struct layer_budget budget = {.most = 2 * (PIECE + sizeof(struct layer_memory))};
	struct layer_memory *list = layer_memory_take(&budget, PIECE);
	assert_non_null(list);
	assert_int_equal(list->size, PIECE);
	for (size_t n = 0; n < PIECE; n++)
		assert_int_equal(list->bytes[n], 0);
	list->next = layer_memory_take(&budget, PIECE);
	assert_non_null(list->next);
	assert_null(layer_memory_take(&budget, LAYER_SMALL + 1));
	struct layer_memory *small = layer_memory_take(&budget, LAYER_SMALL);
	assert_non_null(small);
	layer_memory_free(&budget, small);
	layer_memory_free(&budget, list);
	assert_int_equal(budget.used, 0);
}

static void what_was_freed_is_there_again(void **state)
{
	struct layer_budget budget = {.most = PIECE + sizeof(struct layer_memory)};
	for (int n = 0; n < 3; n++) {
		struct layer_memory *memory = layer_memory_take(&budget, PIECE);
		assert_non_null(memory);
		assert_null(layer_memory_take(&budget, PIECE));
		layer_memory_free(&budget, memory);
	}
	layer_memory_free(&budget, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(together_they_are_bounded),
		cmocka_unit_test(what_was_freed_is_there_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
