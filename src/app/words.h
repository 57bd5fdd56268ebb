/* pppd's grammar for words in files of options and secrets, over memory.
 *
 * Words are divided by blanks or quoted with " or '. A backslash stands before a quote, a blank, a
 * backslash, or begins \a \b \f \n \r \s \t, \ooo (octal) or \xhh; before a newline both vanish.
 * # begins a comment where a word could begin. */
#ifndef GREYLINE_WORDS_H
#define GREYLINE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "fault.h"

enum { WORD_BYTES_MAX = 1023 };

struct words {
	const char *file;
	const char *at, *end;
	unsigned line, column;
	struct faults *faults;
};

struct word {
	struct place at;
	bool first;              /* the first of its line */
	bool quoted;             /* some of it was in quotes: an empty one is a word too */
	bool bad;                /* a fault was told; the word is not to be used */
	const char *start, *end; /* where it stands, quotes included */
	size_t length;
	char bytes[WORD_BYTES_MAX + 1]; /* terminated; may hold any byte but NUL */
};

struct words words_over(const char *file, const char *bytes, size_t length, struct faults *faults);
/* False at the end of the file. */
bool words_next(struct words *words, struct word *word);

#endif
