/* The subcommands that are no daemons. */
#ifndef GREYLINE_TOOLS_H
#define GREYLINE_TOOLS_H

#include <jansson.h>

#include "arguments.h"

int status_command(const struct command *command, struct settings *settings, const char *word);
int sessions_command(const struct command *command, struct settings *settings, const char *word);
int terminate_command(const struct command *command, struct settings *settings, const char *word);
int capture_command(const struct command *command, struct settings *settings, const char *word);
int dump_command(const struct command *command, struct settings *settings, const char *word);
int doctor_command(const struct command *command, struct settings *settings, const char *word);
int check_command(const struct command *command, struct settings *settings, const char *word);
int bench_command(const struct command *command, struct settings *settings, const char *word);
int up_command(const struct command *command, struct settings *settings, const char *word);
int down_command(const struct command *command, struct settings *settings, const char *word);
int import_command(const struct command *command, struct settings *settings, const char *word);
int version_command(const struct command *command, struct settings *settings, const char *word);

/* The sessions that options name, as parameters of a call; `count` gets how many options did. */
json_t *selector_json(const struct settings *settings, unsigned *count);

#endif
