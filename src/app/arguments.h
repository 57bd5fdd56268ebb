/* The command line of one command, and its help, from the table of options. */
#ifndef GREYLINE_ARGUMENTS_H
#define GREYLINE_ARGUMENTS_H

#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "settings.h"

struct command {
	const char *name;
	uint32_t bit;           /* COMMAND_* */
	const char *positional; /* "USER@HOST", "FILE", or NULL */
	const char *summary;
	const char *details; /* for --help; may be NULL */
	int (*run)(const struct command *command, struct settings *settings, const char *word);
};

/* Parses argv[1] and on into `settings`; `word` gets the positional argument or NULL. Faults are
 * counted. `only_config` looks for --config and --help alone, so that files can be read first. */
void arguments_parse(const struct command *command, int argc, char **argv,
	struct settings *settings, const char **word, bool only_config, struct faults *faults);

void arguments_help(const struct command *command, FILE *to);

#endif
