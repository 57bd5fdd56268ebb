/* What the readers of other programs' configurations write (see import.h).
 *
 * Two texts grow side by side, because keys of the program as a whole stand in [greyline] and the
 * others in [server] or [client]. A key that the table of options refuses is no key: the reason it
 * gives becomes the comment. */
#include "import.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { COMMENT_WIDTH = 96, VALUE_MAX = CONFIG_VALUE_MAX / 2 /* each byte may be escaped */ };

bool import_begin(struct import *import, uint8_t role, struct faults *faults)
{
	*import = (struct import){.faults = faults, .role = role};
	settings_init(&import->trial);
	import->general = open_memstream(&import->general_bytes, &import->general_size);
	import->section = open_memstream(&import->section_bytes, &import->section_size);
	return import->general && import->section;
}

void import_end(struct import *import)
{
	if (import->general)
		fclose(import->general);
	if (import->section)
		fclose(import->section);
	free(import->general_bytes);
	free(import->section_bytes);
	settings_free(&import->trial);
}

/* A sentence as comment lines, indented behind the line it is about. */
static void write_comment(FILE *to, const char *indent, const char *text)
{
	int column = 0;
	for (const char *at = text; *at;) {
		int length = (int)strcspn(at, " ");
		if (column && column + 1 + length > COMMENT_WIDTH) {
			fputc('\n', to);
			column = 0;
		}
		column += fprintf(to, "%s%.*s", column ? " " : indent, length, at);
		at += length;
		at += strspn(at, " ");
	}
	fputc('\n', to);
}

/* Lines that follow each other and have the same reason share it. */
static void settle(struct import *import)
{
	if (import->reason[0])
		write_comment(import->section, "#     ", import->reason);
	import->reason[0] = '\0';
}

static void write_line(struct import *import, const struct import_line *line)
{
	char *shown = strdup(line->text ? line->text : "");
	if (!shown)
		return;
	fault_harmless(shown);
	fprintf(import->section, "# %s:%u: %s\n", line->at.file, line->at.line, shown);
	free(shown);
}

static void explain(struct import *import, const struct import_line *line, bool warn,
	const char *format, va_list arguments)
{
	char reason[IMPORT_REASON_MAX], word[48];
	vsnprintf(reason, sizeof reason, format, arguments);
	fault_harmless(reason);
	if (strcmp(import->reason, reason) != 0)
		settle(import);
	strcpy(import->reason, reason);
	write_line(import, line);
	if (!warn)
		return;
	fault_word(word, line->text, strlen(line->text));
	fault_warning(import->faults, &line->at, "'%s': %s", word, reason);
}

void import_lacking(struct import *import, const struct import_line *line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	explain(import, line, true, format, arguments);
	va_end(arguments);
}

void import_needless(struct import *import, const struct import_line *line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	explain(import, line, false, format, arguments);
	va_end(arguments);
}

void import_remark(struct import *import, const char *format, ...)
{
	char text[IMPORT_REASON_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fault_harmless(text);
	settle(import);
	write_comment(import->section, "# ", text);
}

/* Whether the grammar of our files takes the value as it stands. */
static bool is_plain(const char *value)
{
	size_t length = strlen(value);
	return length && !strpbrk(value, "#;\"'\\\n\r\t") && value[0] != ' ' &&
	       value[length - 1] != ' ';
}

static void write_value(FILE *to, const char *value)
{
	if (is_plain(value)) {
		fputs(value, to);
		return;
	}
	fputc('"', to);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', to);
		if (*value == '\n' || *value == '\t')
			fputs(*value == '\n' ? "\\n" : "\\t", to);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

bool import_key(
	struct import *import, const struct import_line *line, const char *key, const char *value)
{
	char error[OPTION_ERROR_MAX];
	bool negated;
	const struct option *option = option_find_negated(key, &negated);
	uint8_t allowed = import->role | SECTION_PPP;
	bool general = option && option->sections == SECTION_GREYLINE;
	if (!option || !(general || option->sections & allowed)) {
		import_lacking(import, line, "'%s' is no key of a %s here", key,
			import->role == SECTION_SERVER ? "server" : "client");
		return false;
	}
	if (value && strlen(value) > VALUE_MAX) {
		import_lacking(import, line, "longer than %d bytes", VALUE_MAX);
		return false;
	}
	if (!option_store(option, &import->trial, value, negated, false, error)) {
		import_lacking(import, line, "%s", error);
		return false;
	}
	settle(import);
	FILE *to = general ? import->general : import->section;
	fputs(key, to);
	if (value) {
		fputs(" = ", to);
		write_value(to, value);
	}
	fputc('\n', to);
	return true;
}

/* A fault of the whole is a warning here: it is for the reader to settle before the result runs. */
static void as_warning(void *context, const char *line)
{
	struct import *import = context;
	const char *start = "warning: ";
	size_t length = strlen(start);
	fault_warning(
		import->faults, NULL, "%s", strncmp(line, start, length) ? line : line + length);
	import_remark(import, "Note: %s", strncmp(line, start, length) ? line : line + length);
}

void import_print(struct import *import, const char *kind, const char *source, FILE *to)
{
	struct faults whole = {.report = as_warning, .context = import};
	settings_check(&import->trial, &whole);
	settle(import);
	fflush(import->general);
	fflush(import->section);
	fprintf(to, "# Made by greyline import %s %s\n", kind, source);
	if (import->general_size)
		fprintf(to, "\n[greyline]\n%s", import->general_bytes);
	fprintf(to, "\n[%s]\n%s", import->role == SECTION_SERVER ? "server" : "client",
		import->section_bytes ? import->section_bytes : "");
}
