/* The INI grammar of configuration files, over memory.
 *
 *   # or ; begins a comment line        [section]
 *   key = value     key = "quoted \" value"     key = 'as it is'
 *   flag            (bare: the same as flag = yes)
 *
 * Keys may repeat. A value without quotes reaches to the end of its line, blanks trimmed; one
 * that holds a blank and then # or ; is refused, because half of its writers mean a comment and
 * the other half a password. */
#ifndef GREYLINE_CONFIG_H
#define GREYLINE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

enum { CONFIG_NAME_MAX = 63, CONFIG_VALUE_MAX = 4095, CONFIG_FILE_MAX = 1 << 20 };

struct config_entry {
	const char *section; /* "" before the first heading */
	const char *key;
	const char *value; /* "" when bare; valid during the call */
	bool bare;
	struct place key_at, value_at;
};

struct config_sink {
	/* `name` is "" for a heading that could not be read: a fault told already. */
	void (*section)(void *context, const char *name, const struct place *at);
	void (*entry)(void *context, const struct config_entry *entry);
	void *context;
};

/* Goes on behind a fault, so that one run shows them all. */
void config_parse(const char *file, const char *bytes, size_t length,
	const struct config_sink *sink, struct faults *faults);

#endif
