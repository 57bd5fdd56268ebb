/* pppd's options as a whole: /etc/ppp/options, ~/.ppprc, the command line, /etc/ppp/options.TTY,
 * in that order and with pppd's precedence and privileges, into settings.
 *
 * Where pppd's defaults are other than ours, pppd's hold. */
#ifndef GREYLINE_PPPD_OPTIONS_H
#define GREYLINE_PPPD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "fault.h"
#include "pppd_words.h"
#include "settings.h"

enum pppd_detach { PPPD_DETACHES, PPPD_DETACHES_UP, PPPD_STAYS };

enum { PPPD_LOG_UNSAID = -2, PPPD_LOG_NOWHERE = -1 };

/* One option in effect, for `dump` and for who comes later. */
struct pppd_said {
	const struct pppd_word *word;
	char *name, *value; /* value: NULL when there is none */
	char *source;       /* a file's name, or "command line" */
	int rank;
	bool privileged; /* that source was */
};

struct pppd_options {
	struct settings *settings;
	struct faults *faults;

	/* The caller's: whose options these are. */
	const char *folder;  /* "/etc/ppp" */
	const char *home;    /* of ~/.ppprc; NULL: none */
	const char *own_tty; /* the terminal on standard input; NULL: none */
	bool root;           /* the real user is */
	bool default_route;  /* the system has one */
	bool memory;         /* nothing is opened or looked up: for who feeds bytes */

	/* What is not a key of the option table. */
	enum pppd_detach detach;
	bool notify, dump, dry_run, show, help, version;
	char *log_file;
	int log_fd;   /* or PPPD_LOG_* */
	char *device; /* whole path; NULL: standard input and output */
	char *call;   /* of `call` */
	char *domain;
	char *number;   /* of `remotenumber` */
	char **numbers; /* of `allow-number` */
	size_t number_count;
	bool use_host_name, auth, no_auth;
	uint32_t required; /* mask of enum auth_method */
	bool unauthorized; /* `remotenumber` is none of them */

	struct pppd_said *said;
	size_t said_count;
	unsigned depth; /* of files inside files */
};

/* Defaults into `settings`, which is initialized. */
void pppd_options_init(
	struct pppd_options *options, struct settings *settings, struct faults *faults);
void pppd_options_free(struct pppd_options *options); /* not the settings */

/* Reads it all; faults are counted, and the first ends it, as pppd's does. */
void pppd_options_read(struct pppd_options *options, int argc, char **argv);
/* One file that is in memory; `privileged` as for /etc/ppp/options. */
void pppd_options_parse(struct pppd_options *options, const char *name, const char *bytes,
	size_t length, bool privileged);
/* What follows from all that was said: methods, names, secrets. Called by pppd_options_read. */
void pppd_options_finish(struct pppd_options *options, const char *host_name);

/* "pppd options in effect:", a line each. */
void pppd_options_dump(const struct pppd_options *options, FILE *to);
/* Every word, for show-options. */
void pppd_options_show(FILE *to);

#endif
