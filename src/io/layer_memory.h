/* The memory that compressors and other layers of the data path work in (layers.h): taken on the
 * control thread when a command asks for it, freed by the worker when its data path has given it
 * back. What all of them hold together is bounded. */
#ifndef GREYLINE_LAYER_MEMORY_H
#define GREYLINE_LAYER_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

#include "layers.h"

/* What needs no more is less than a session itself, and always given: without their memory,
 * compressed headers and encryption that were agreed on would not be understood. */
enum { LAYER_SMALL = 8192 };

struct layer_budget {
	size_t most; /* bytes */
	_Atomic size_t used;
};

/* Zeroed memory for `need` bytes; NULL when there is none, or so much is not allowed. */
struct layer_memory *layer_memory_take(struct layer_budget *budget, size_t need);
/* A list of them, wiped by whoever used them; NULL: nothing. Any thread. */
void layer_memory_free(struct layer_budget *budget, struct layer_memory *list);

#endif
