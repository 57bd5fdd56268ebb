/* pppd's options: every word that pppd(8) of 2.4.9 and 2.5 knows, and what it is here.
 *
 * A word stands for keys of the option table (options.h), is pppd's own business (which file to
 * read, when to detach: pppd_options.h), needs nothing here, or cannot be had. Reading applies
 * nothing and follows no file: who reads decides what becomes of the entries. */
#ifndef GREYLINE_PPPD_WORDS_H
#define GREYLINE_PPPD_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "words.h"

enum pppd_kind {
	PPPD_KEYS,    /* stands for `does`: "key", "no-key", "key=word", "key=%" with blanks */
	PPPD_ENDS,    /* LOCAL:REMOTE */
	PPPD_NOTHING, /* taken, and nothing needs to be done: `does` says why */
	PPPD_NEVER,   /* an error: `does` says why, or what to say instead */
	PPPD_OWN,     /* pppd's own business: `own`; `does` says what it would be elsewhere */
};

enum pppd_own {
	PPPD_OWN_NONE,
	PPPD_FILE,
	PPPD_CALL,
	PPPD_PLUGIN,
	PPPD_DOMAIN,
	PPPD_USE_HOST_NAME,
	PPPD_USER_FILE, /* +ua */
	PPPD_AUTH,
	PPPD_NO_AUTH,
	PPPD_REQUIRE, /* `does`: the method, for peer-auth */
	PPPD_LOG_FILE,
	PPPD_LOG_FD,
	PPPD_NO_LOG,
	PPPD_DETACH_NEVER,
	PPPD_DETACH_UP,
	PPPD_NOTIFY,
	PPPD_DUMP,
	PPPD_DRY_RUN,
	PPPD_SHOW_OPTIONS,
	PPPD_HELP,
	PPPD_VERSION,
	PPPD_ALLOW_NUMBER,
	PPPD_REMOTE_NUMBER,
	PPPD_DEVICE,
	PPPD_NOTTY,
};

/* How sources contend for a word (options.c of pppd calls these OPT_PRIO, OPT_PRIOSUB, OPT_PRIV
 * and OPT_PRIVFIX). */
enum {
	PPPD_RANKED = 1,  /* the command line wins over files; without it the last one wins */
	PPPD_SAME = 2,    /* contends for the same thing as the word in the row above */
	PPPD_ROOT = 4,    /* for root, /etc/ppp/options and `call` alone */
	PPPD_FIXED = 8,   /* what those said no other can change */
	PPPD_NUMBER = 16, /* the argument is a number, decimal, 0x or 0 before octal */
	PPPD_HEX = 32,    /* the argument is a hexadecimal number */
	PPPD_ALIAS = 64,  /* another spelling of the row above: not shown in lists */
	PPPD_SECRET = 128 /* the argument is not to be shown */
};

struct pppd_word {
	const char *name;
	bool argument;
	uint8_t flags; /* PPPD_RANKED and so on */
	enum pppd_kind kind;
	enum pppd_own own;
	const char *does;
};

extern const struct pppd_word pppd_words[];
extern const size_t pppd_word_count;

/* The row of a word; those that are not in the table are LOCAL:REMOTE, a speed, or a device when
 * there is a character device of that name. NULL: pppd has no such word. */
const struct pppd_word *pppd_word_find(const char *name);
/* The row whose rank counts for `word`. */
const struct pppd_word *pppd_word_main(const struct pppd_word *word);
/* The nearest known word, or NULL. */
const char *pppd_word_nearest(const char *wrong);

/* Tells that there is no such word. */
void pppd_unknown(const char *name, const struct place *at, struct faults *faults);

/* One option as it was read. */
struct pppd_entry {
	const struct pppd_word *word;
	const char *name;  /* as written: the device itself, for a device */
	const char *value; /* NULL: it takes none */
	struct place at, value_at;
};

struct pppd_sink {
	void (*entry)(void *context, const struct pppd_entry *entry);
	void *context;
};

/* Reads a file that is in memory: an entry for each option, in order. Unknown words are faults
 * with their place. */
void pppd_read(const char *file, const char *bytes, size_t length, const struct pppd_sink *sink,
	struct faults *faults);

enum { PPPD_PAIRS_MAX = 4 };

/* The keys that an entry stands for. */
struct pppd_pairs {
	unsigned count;
	struct {
		char key[40];
		const char *value; /* NULL: bare. The entry's, or in `scratch` */
		bool negated;
	} at[PPPD_PAIRS_MAX];
	size_t used; /* of: */
	char scratch[2 * WORD_BYTES_MAX + 4];
};

/* None for what is no PPPD_KEYS, PPPD_ENDS or PPPD_REQUIRE; false with the fault told when the
 * argument is not of the word's form. */
bool pppd_pairs(const struct pppd_entry *entry, struct pppd_pairs *pairs, struct faults *faults);

#endif
