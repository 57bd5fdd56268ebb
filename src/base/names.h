/* Tables of words for numbers, and the nearest right spelling of a wrong word. */
#ifndef GREYLINE_NAMES_H
#define GREYLINE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct name {
	uint32_t value;
	const char *word;
};

/* The word of `value`, or NULL. */
const char *name_of(const struct name *table, size_t count, uint32_t value);

/* Of `words`, the one nearest to `wrong` by edit distance; NULL when none is near enough to be a
 * plausible slip (more than a third of its letters, and one, differ). */
const char *name_nearest(const char *const *words, size_t count, const char *wrong);

#endif
