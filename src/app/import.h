/* Other programs' configuration as ours: what `greyline import` prints.
 *
 * A reader of such a configuration (import_pptpd.c, import_accel.c, import_peer.c) goes through it
 * line by line and says for each what becomes of it. Nothing is lost silently: a line is a key of
 * ours, or a comment with the reason, or it is not needed, and that is said too. Each key is tried
 * on settings of our own, by the table that check-config goes by, before it is written. */
#ifndef GREYLINE_IMPORT_H
#define GREYLINE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "options.h"
#include "settings.h"

enum { IMPORT_REASON_MAX = 480 };

/* A line of the file that is read, as its author knows it. */
struct import_line {
	struct place at;
	const char *text; /* without newline; terminated */
};

struct import {
	struct faults *faults;
	uint8_t role; /* SECTION_SERVER or SECTION_CLIENT */
	/* pppd reads it before any other; NULL: it is left out. */
	const char *options_file;
	bool alone; /* no other file is opened: what a line names is taken as empty */

	/* What is written, in memory. */
	FILE *general, *section; /* [greyline]; [server] or [client] */
	char *general_bytes, *section_bytes;
	size_t general_size, section_size;
	struct settings trial;          /* the same, as we would read it */
	char reason[IMPORT_REASON_MAX]; /* owed below the lines that it is about; "": none */
};

/* False: out of memory. */
bool import_begin(struct import *import, uint8_t role, struct faults *faults);
/* What contradicts what in the whole is told to the faults, as warnings; then everything is
 * written to `to`. `source` is the file's name. */
void import_print(struct import *import, const char *kind, const char *source, FILE *to);
void import_end(struct import *import); /* also of a failed begin */

/* One key of ours; a NULL value is the bare form. False when the table does not take it: then the
 * line has become a comment with the reason, and a warning. */
bool import_key(
	struct import *import, const struct import_line *line, const char *key, const char *value);
/* A line for which there is nothing here: a comment and a warning. */
void import_lacking(struct import *import, const struct import_line *line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A line that says what holds here anyway, or what does not matter here: a comment. */
void import_needless(struct import *import, const struct import_line *line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A comment of our own, above what is written next. */
void import_remark(struct import *import, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The readers, over memory. `file` is what places and relative names go by. */
void import_pptpd(struct import *import, const char *file, const char *bytes, size_t length);
void import_accel(struct import *import, const char *file, const char *bytes, size_t length);
void import_peer(struct import *import, const char *file, const char *bytes, size_t length);

#endif
