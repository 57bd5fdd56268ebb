/* Faults in files, as one line each (see fault.h). */
#include "fault.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void tell(struct faults *faults, const struct place *place, const char *kind,
	const char *format, va_list arguments)
{
	char line[FAULT_LINE_MAX];
	int used = 0;
	if (place && place->line)
		used = snprintf(line, sizeof line, "%s:%u:%u: %s", place->file, place->line,
			place->column, kind);
	else if (place)
		used = snprintf(line, sizeof line, "%s: %s", place->file, kind);
	else
		used = snprintf(line, sizeof line, "%s", kind);
	if (used >= 0 && (size_t)used < sizeof line)
		vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
	if (faults->report)
		faults->report(faults->context, line);
}

void fault(struct faults *faults, const struct place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	tell(faults, place, "", format, arguments);
	va_end(arguments);
	faults->count++;
}

void fault_warning(struct faults *faults, const struct place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	tell(faults, place, "warning: ", format, arguments);
	va_end(arguments);
	faults->warnings++;
}

void fault_to_stderr(void *context, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

const char *fault_word(char buffer[48], const char *word, size_t length)
{
	enum { SHOWN = 40 };
	size_t shown = length < SHOWN ? length : SHOWN;
	for (size_t i = 0; i < shown; i++)
		buffer[i] = word[i] >= 0x20 && word[i] < 0x7f ? word[i] : '?';
	strcpy(buffer + shown, length > SHOWN ? "..." : "");
	return buffer;
}

void fault_harmless(char *text)
{
	unsigned char *at = (unsigned char *)text;
	for (; *at; at++) {
		bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0; /* U+0080 to U+009F */
		if (*at < 0x20 || *at == 0x7f || c1)
			*at = '?';
		if (c1)
			*++at = '?';
	}
}
