/* The lines of an accel-ppp.conf between its reader (import_accel.c) and its translation
 * (import_accel_table.c). */
#ifndef GREYLINE_IMPORT_ACCEL_H
#define GREYLINE_IMPORT_ACCEL_H

#include "import.h"

enum { ACCEL_NAME_MAX = 64, ACCEL_FILES_MAX = 64 };

struct accel_entry {
	char section[ACCEL_NAME_MAX];
	char *name;
	char *value; /* NULL: there is none */
	char *text;  /* of `line` */
	bool inside; /* a block of another option's */
	struct import_line line;
};

struct accel {
	struct import *import;
	char section[ACCEL_NAME_MAX]; /* open while reading */
	struct accel_entry *entries;
	size_t count, size;
	char *kept[ACCEL_FILES_MAX]; /* names of files */
	size_t kept_count;
	const struct accel_entry *entry; /* being translated */
};

/* The first of that name, which is the one accel-ppp goes by; NULL: none. */
const struct accel_entry *accel_find(
	const struct accel *accel, const char *section, const char *name);
bool accel_module(const struct accel *accel, const char *name); /* whether it is loaded */
/* Takes `text` over, to be freed at the end. False: there is no room, and it is freed. */
bool accel_keep(struct accel *accel, char *text);

void accel_translate(struct accel *accel);

#endif
