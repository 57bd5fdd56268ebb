/* Memory for layers, counted (see layer_memory.h). Only sessions that negotiated something have
 * any, and it comes and goes with negotiations, not with packets. */
#include "layer_memory.h"

#include <stdlib.h>

struct layer_memory *layer_memory_take(struct layer_budget *budget, size_t need)
{
	size_t whole = sizeof(struct layer_memory) + need;
	size_t before = atomic_fetch_add_explicit(&budget->used, whole, memory_order_relaxed);
	struct layer_memory *memory = NULL;

	if (need <= LAYER_SMALL || before + whole <= budget->most)
		memory = calloc(1, whole);
	if (!memory)
		atomic_fetch_sub_explicit(&budget->used, whole, memory_order_relaxed);
	else
		memory->size = need;
	return memory;
}

void layer_memory_free(struct layer_budget *budget, struct layer_memory *list)
{
	while (list) {
		struct layer_memory *next = list->next;
		atomic_fetch_sub_explicit(
			&budget->used, sizeof(*list) + list->size, memory_order_relaxed);
		free(list);
		list = next;
	}
}
