/* Name tables and spelling suggestions (see names.h). */
#include "names.h"

#include <string.h>

enum { WORD_MAX = 63 };

const char *name_of(const struct name *table, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].value == value)
			return table[i].word;
	return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;
	return least < c ? least : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], b_length = strlen(b);
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];
			row[j] = smallest(
				row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

const char *name_nearest(const char *const *words, size_t count, const char *wrong)
{
	size_t length = strlen(wrong);
	if (length > WORD_MAX)
		return NULL;
	const char *best = NULL;
	size_t best_distance = length / 3 + 1;
	for (size_t i = 0; i < count; i++) {
		if (strlen(words[i]) > WORD_MAX)
			continue;
		size_t distance = edit_distance(wrong, words[i]);
		if (distance <= best_distance && (!best || distance < best_distance)) {
			best = words[i];
			best_distance = distance;
		}
	}
	return best;
}
