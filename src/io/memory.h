/* Memory for the most there can be: mapped, zeroed, and resident only as it is touched. */
#ifndef GREYLINE_MEMORY_H
#define GREYLINE_MEMORY_H

#include <stddef.h>

/* NULL when there is none. */
void *memory_map(size_t size);
/* `at` may be NULL. */
void memory_unmap(void *at, size_t size);

#endif
