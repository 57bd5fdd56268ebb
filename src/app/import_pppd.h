/* Options of pppd (pppd_words.h) as keys of ours, for the readers of import.h. */
#ifndef GREYLINE_IMPORT_PPPD_H
#define GREYLINE_IMPORT_PPPD_H

#include "import.h"
#include "pppd_words.h"

struct import_pppd {
	struct import *import;
	/* Asked first: true when it has dealt with the entry. May be NULL. */
	bool (*other)(
		void *context, const struct pppd_entry *entry, const struct import_line *line);
	void *context;
	unsigned depth;    /* of files in files */
	bool demands;      /* of a server, a proof of itself, by one of: */
	char demanded[96]; /* methods, with commas between them; none: any */
};

/* The options in memory, and those of the files that they name. */
void import_pppd_read(struct import_pppd *pppd, const char *file, const char *bytes, size_t length);
/* A file and what it names; `line` is where it was named. */
void import_pppd_file(
	struct import_pppd *pppd, const char *path, const struct import_line *line, bool needed);
/* What pppd does where nothing is said, and we would not; at the end. */
void import_pppd_defaults(struct import_pppd *pppd);

/* All of it for a server: /etc/ppp/options, then `path` (may be NULL) that `line` names. */
void import_pppd_server(struct import *import, const struct import_line *line, const char *path);

#endif
