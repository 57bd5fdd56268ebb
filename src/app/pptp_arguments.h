/* The command line of pptp-linux: HOST, its own options and, mixed with them or behind --, words
 * for pppd. */
#ifndef GREYLINE_PPTP_ARGUMENTS_H
#define GREYLINE_PPTP_ARGUMENTS_H

#include "arguments.h"

extern const struct command pptp_options; /* for --help */

struct pptp_arguments {
	const char *host;
	char **words; /* for pppd; a list of pointers into argv, ended by NULL: the caller's to free
		       */
	int word_count;
};

/* How pptp-linux ends when it does not like its arguments. */
enum { PPTP_USAGE = 1, PPTP_VALUE = 2 };

/* 0, PPTP_USAGE or PPTP_VALUE; what is wrong is counted in `faults`. Options may be shortened as
 * far as they stay unmistakable, as getopt_long() lets it. */
int pptp_arguments_parse(int argc, char **argv, struct settings *settings,
	struct pptp_arguments *arguments, struct faults *faults);

#endif
