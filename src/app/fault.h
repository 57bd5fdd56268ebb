/* What is wrong in a file somebody wrote: one line each, `file:line:column: what`. */
#ifndef GREYLINE_FAULT_H
#define GREYLINE_FAULT_H

#include <stddef.h>

struct place {
	const char *file;
	unsigned line, column; /* from 1; column counts bytes; 0: not known */
};

/* Where faults go. `count` grows; a program that reads a file with faults does not start. */
struct faults {
	void (*report)(void *context, const char *line);
	void *context;
	unsigned count;
	unsigned warnings;
};

enum { FAULT_LINE_MAX = 640 };

void fault(struct faults *faults, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_warning(struct faults *faults, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A report function: writes the line to standard error. */
void fault_to_stderr(void *context, const char *line);

/* Somebody else's word, made safe to print inside a line: what is not printable ASCII becomes a
 * question mark, and what is longer than 40 characters is cut. */
const char *fault_word(char buffer[48], const char *word, size_t length);
/* The same for a text in UTF-8, in place: what a terminal might obey instead of showing. */
void fault_harmless(char *text);

#endif
