/* An accel-ppp.conf as a configuration of ours (see import.h).
 *
 * Sections of NAME, NAME=VALUE and NAME,REST; `$include FILE` goes on in another file, `${NAME}` is
 * the value of an earlier option of the section, `{` after a value opens a block of options of that
 * option. Where a name stands twice accel-ppp goes by the first, but for lists. So the whole is
 * read first and then translated section by section, by the rows of import_accel_table.c. */
#include <stdlib.h>
#include <string.h>

#include "import_accel.h"
#include "slurp.h"

enum { INCLUDE_DEPTH = 8, FILE_MAX = 1 << 20 };

struct reading {
	struct accel *accel;
	const char *file;
	char *kept_file; /* the same, for the entries */
	unsigned line, depth, block;
};

static void read_memory(struct reading *reading, const char *bytes, size_t length);

const struct accel_entry *accel_find(
	const struct accel *accel, const char *section, const char *name)
{
	for (size_t i = 0; i < accel->count; i++)
		if (!strcmp(accel->entries[i].section, section) &&
			!strcmp(accel->entries[i].name, name))
			return &accel->entries[i];
	return NULL;
}

bool accel_module(const struct accel *accel, const char *name)
{
	return accel_find(accel, "modules", name) != NULL;
}

static struct accel_entry *add(struct accel *accel)
{
	if (accel->count == accel->size) {
		size_t size = accel->size ? 2 * accel->size : 64;
		struct accel_entry *larger = realloc(accel->entries, size * sizeof *accel->entries);
		if (!larger)
			return NULL;
		accel->entries = larger;
		accel->size = size;
	}
	accel->entries[accel->count] = (struct accel_entry){.name = NULL};
	return &accel->entries[accel->count];
}

static struct place here(const struct reading *reading)
{
	return (struct place){reading->file, reading->line, 1};
}

static void include(struct reading *reading, const char *path)
{
	char *bytes;
	size_t length;
	struct place at = here(reading);
	if (reading->accel->import->alone)
		return;
	if (reading->depth == INCLUDE_DEPTH) {
		fault(reading->accel->import->faults, &at, "$include: too deep: is it a ring?");
		return;
	}
	int error = slurp(path, FILE_MAX, &bytes, &length, NULL);
	if (error) {
		fault(reading->accel->import->faults, &at, "$include: %s: %s", path,
			strerror(-error));
		return;
	}
	struct reading inner = {.accel = reading->accel, .file = path, .depth = reading->depth + 1};
	read_memory(&inner, bytes, length);
	slurp_free(bytes, length);
}

static void heading(struct reading *reading, const char *text)
{
	struct accel *accel = reading->accel;
	struct place at = here(reading);
	const char *end = strchr(text, ']');
	if (!end || (size_t)(end - text) >= sizeof accel->section) {
		fault(accel->import->faults, &at, "']' is missing behind the section's name");
		return;
	}
	reading->block = 0;
	snprintf(accel->section, sizeof accel->section, "%.*s", (int)(end - text), text);
}

/* What the option before it was, for ${NAME}. */
static const char *resolved(struct reading *reading, const char *value)
{
	char name[ACCEL_NAME_MAX];
	struct place at = here(reading);
	if (strncmp(value, "${", 2) != 0)
		return value;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(value + 2, "}"), value + 2);
	const struct accel_entry *entry = accel_find(reading->accel, reading->accel->section, name);
	if (entry)
		return entry->value ? entry->value : "";
	fault(reading->accel->import->faults, &at,
		"${...}: no option of that name stands above in this section");
	return NULL;
}

static void option(struct reading *reading, const char *text)
{
	struct accel *accel = reading->accel;
	size_t used = strcspn(text, " \t=");
	const char *rest = text + used + strspn(text + used, " \t");
	const char *value = NULL;
	char *name = strndup(text, used);
	if (*rest == '=' || *rest == ',') {
		value = resolved(reading, rest + 1 + strspn(rest + 1, " \t"));
		if (!value) {
			free(name);
			return;
		}
	}
	char *copy = value ? strdup(value) : NULL;
	struct accel_entry *entry = add(accel);
	if (!entry || !name || (value && !copy)) {
		free(name);
		free(copy);
		return;
	}
	size_t length = copy ? strlen(copy) : 0;
	bool opens = length && copy[length - 1] == '{';
	while (opens && length && strchr("{ \t", copy[length - 1]))
		copy[--length] = '\0';
	*entry = (struct accel_entry){.name = name,
		.value = copy,
		.inside = reading->block > 0,
		.line.at = here(reading),
		.text = strdup(text)};
	entry->line.at.file = reading->kept_file;
	entry->line.text = entry->text;
	snprintf(entry->section, sizeof entry->section, "%s", accel->section);
	accel->count++;
	reading->block += opens;
}

static void read_line(struct reading *reading, char *text)
{
	size_t length = strlen(text);
	struct place at = here(reading);
	while (length && strchr(" \t\r", text[length - 1]))
		text[--length] = '\0';
	text += strspn(text, " \t");
	if (!*text || *text == '#')
		return;
	if (!strncmp(text, "$include", 8))
		include(reading, text + 8 + strspn(text + 8, " \t"));
	else if (*text == '[')
		heading(reading, text + 1);
	else if (!reading->accel->section[0])
		fault(reading->accel->import->faults, &at, "no section is open here");
	else if (*text == '}' && reading->block)
		reading->block--;
	else
		option(reading, text);
}

static void read_memory(struct reading *reading, const char *bytes, size_t length)
{
	reading->kept_file = strdup(reading->file);
	if (!reading->kept_file || !accel_keep(reading->accel, reading->kept_file))
		return;
	for (size_t at = 0; at < length;) {
		const char *newline = memchr(bytes + at, '\n', length - at);
		size_t size = newline ? (size_t)(newline - bytes) - at : length - at;
		char *text = strndup(bytes + at, size);
		reading->line++;
		if (text)
			read_line(reading, text);
		free(text);
		at += size + 1;
	}
}

bool accel_keep(struct accel *accel, char *text)
{
	if (accel->kept_count == sizeof accel->kept / sizeof accel->kept[0]) {
		free(text);
		return false;
	}
	accel->kept[accel->kept_count++] = text;
	return true;
}

void import_accel(struct import *import, const char *file, const char *bytes, size_t length)
{
	struct accel *accel = calloc(1, sizeof *accel);
	struct reading reading = {.accel = accel, .file = file};
	if (!accel)
		return;
	accel->import = import;
	read_memory(&reading, bytes, length);
	accel_translate(accel);
	for (size_t i = 0; i < accel->count; i++) {
		free(accel->entries[i].name);
		free(accel->entries[i].value);
		free(accel->entries[i].text);
	}
	for (size_t i = 0; i < accel->kept_count; i++)
		free(accel->kept[i]);
	free(accel->entries);
	free(accel);
}
