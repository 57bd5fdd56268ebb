/* The INI parser (see config.h): a line at a time, each with its place.
 *
 * It knows nothing of what keys mean; settings.c does. It never reads past `length`, and a NUL, an
 * over-long name or value and an unfinished quote are faults with their column. */
#include "config.h"

#include <string.h>

struct line {
	const char *file;
	const char *bytes;
	size_t length, at;
	unsigned number;
	struct faults *faults;
};

static struct place place_at(const struct line *line, size_t at)
{
	return (struct place){line->file, line->number, (unsigned)at + 1};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

static void skip_blanks(struct line *line)
{
	while (line->at < line->length && is_blank(line->bytes[line->at]))
		line->at++;
}

static bool at_end(const struct line *line)
{
	return line->at >= line->length;
}

/* A name up to the first character that cannot be in one. */
static bool take_name(struct line *line, char name[CONFIG_NAME_MAX + 1], const char *what)
{
	struct place here = place_at(line, line->at);
	size_t start = line->at;
	while (!at_end(line) && is_name(line->bytes[line->at]))
		line->at++;
	size_t length = line->at - start;
	if (length == 0) {
		fault(line->faults, &here, "a %s is expected here", what);
		return false;
	}
	if (length > CONFIG_NAME_MAX) {
		fault(line->faults, &here, "this %s is longer than %d characters", what,
			CONFIG_NAME_MAX);
		return false;
	}
	memcpy(name, line->bytes + start, length);
	name[length] = '\0';
	return true;
}

static bool nothing_more(struct line *line, const char *after)
{
	skip_blanks(line);
	if (at_end(line))
		return true;
	struct place here = place_at(line, line->at);
	fault(line->faults, &here, "unexpected text after %s", after);
	return false;
}

/* A name that could be read holds for what follows, whatever is wrong behind it; "" is none. */
static void parse_heading(struct line *line, char section[CONFIG_NAME_MAX + 1], struct place *at)
{
	line->at++;
	skip_blanks(line);
	*at = place_at(line, line->at);
	if (!take_name(line, section, "section name")) {
		section[0] = '\0';
		return;
	}
	skip_blanks(line);
	if (at_end(line) || line->bytes[line->at] != ']') {
		struct place here = place_at(line, line->at);
		fault(line->faults, &here, "']' is missing behind the section name");
		return;
	}
	line->at++;
	nothing_more(line, "the section heading");
}

static bool value_byte(struct line *line, char value[CONFIG_VALUE_MAX + 1], size_t *used, char c)
{
	if (*used >= CONFIG_VALUE_MAX) {
		struct place here = place_at(line, line->at);
		fault(line->faults, &here, "this value is longer than %d bytes", CONFIG_VALUE_MAX);
		return false;
	}
	value[(*used)++] = c;
	return true;
}

/* The character a backslash stands for inside double quotes; 0 when none is. */
static char escaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '"':
	case '\\':
		return c;
	default:
		return '\0';
	}
}

static bool parse_quoted(struct line *line, char value[CONFIG_VALUE_MAX + 1])
{
	struct place start = place_at(line, line->at);
	char quote = line->bytes[line->at++];
	size_t used = 0;
	for (; !at_end(line) && line->bytes[line->at] != quote; line->at++) {
		char c = line->bytes[line->at];
		if (c == '\\' && quote == '"') {
			struct place here = place_at(line, line->at);
			c = ++line->at < line->length ? escaped(line->bytes[line->at]) : '\0';
			if (!c) {
				fault(line->faults, &here,
					"a backslash inside double quotes stands before \" \\ n or "
					"t");
				return false;
			}
		}
		if (!value_byte(line, value, &used, c))
			return false;
	}
	value[used] = '\0';
	if (at_end(line)) {
		fault(line->faults, &start, "this quote is not closed on its line");
		return false;
	}
	line->at++;
	return nothing_more(line, "the closing quote");
}

static bool parse_plain(struct line *line, char value[CONFIG_VALUE_MAX + 1])
{
	size_t used = 0;
	bool blank = false;
	for (; !at_end(line); line->at++) {
		char c = line->bytes[line->at];
		if (blank && (c == '#' || c == ';')) {
			struct place here = place_at(line, line->at);
			fault(line->faults, &here,
				"is this a comment? Put it on a line of its own, "
				"or the value in quotes");
			return false;
		}
		blank = is_blank(c);
		if (!value_byte(line, value, &used, c))
			return false;
	}
	while (used && is_blank(value[used - 1]))
		used--;
	value[used] = '\0';
	return true;
}

static bool parse_entry(
	struct line *line, struct config_entry *entry, char key[], char value[CONFIG_VALUE_MAX + 1])
{
	entry->key_at = place_at(line, line->at);
	if (!take_name(line, key, "key"))
		return false;
	skip_blanks(line);
	value[0] = '\0';
	entry->value_at = place_at(line, line->at);
	entry->bare = at_end(line);
	if (entry->bare)
		return true;
	if (line->bytes[line->at] != '=') {
		fault(line->faults, &entry->value_at, "'=' is expected behind '%s'", key);
		return false;
	}
	line->at++;
	skip_blanks(line);
	entry->value_at = place_at(line, line->at);
	if (!at_end(line) && (line->bytes[line->at] == '"' || line->bytes[line->at] == '\''))
		return parse_quoted(line, value);
	return parse_plain(line, value);
}

static void parse_line(struct line *line, const struct config_sink *sink, char *section)
{
	const char *nul = memchr(line->bytes, '\0', line->length);
	if (nul) {
		struct place here = place_at(line, (size_t)(nul - line->bytes));
		fault(line->faults, &here, "a NUL byte: this is not a text file");
		return;
	}
	skip_blanks(line);
	if (at_end(line) || line->bytes[line->at] == '#' || line->bytes[line->at] == ';')
		return;
	if (line->bytes[line->at] == '[') {
		struct place at;
		parse_heading(line, section, &at);
		sink->section(sink->context, section, &at);
		return;
	}
	char key[CONFIG_NAME_MAX + 1], value[CONFIG_VALUE_MAX + 1];
	struct config_entry entry = {.section = section, .key = key, .value = value};
	if (parse_entry(line, &entry, key, value))
		sink->entry(sink->context, &entry);
}

void config_parse(const char *file, const char *bytes, size_t length,
	const struct config_sink *sink, struct faults *faults)
{
	char section[CONFIG_NAME_MAX + 1] = "";
	struct line line = {.file = file, .faults = faults};
	if (length > CONFIG_FILE_MAX) {
		struct place whole = {.file = file};
		fault(faults, &whole, "longer than %d bytes: this is not a configuration file",
			CONFIG_FILE_MAX);
		return;
	}
	for (size_t at = 0; at < length;) {
		const char *end = memchr(bytes + at, '\n', length - at);
		size_t next = end ? (size_t)(end - bytes) : length;
		line.bytes = bytes + at;
		line.length = next - at;
		line.at = 0;
		line.number++;
		parse_line(&line, sink, section);
		at = next + 1;
	}
}
