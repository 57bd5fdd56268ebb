/* The one table of options: command line, configuration file, --help, spelling and manual. */
#ifndef GREYLINE_OPTIONS_H
#define GREYLINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "settings.h"

enum option_type {
	OPTION_FLAG,     /* bool: bare, yes or no; --no-NAME */
	OPTION_MASK,     /* bare; sets `low` in a uint32_t */
	OPTION_NUMBER,   /* uint32_t from `low` to `high` */
	OPTION_TEXT,     /* char * */
	OPTION_TEXTS,    /* struct text_list: repeated */
	OPTION_CHOICE,   /* uint32_t, from `choices` */
	OPTION_ADDRESS,  /* struct address */
	OPTION_PAIR,     /* struct address_pair: repeated, or with commas */
	OPTION_PREFIXES, /* struct prefix_list: repeated, or with commas */
	OPTION_RANGES,   /* struct range_list: repeated, or with commas */
};

/* Sections of the file an option may stand in; none: the command line alone. */
enum {
	SECTION_GREYLINE = 1, /* also what stands before the first heading */
	SECTION_SERVER = 2,
	SECTION_CLIENT = 4,
	SECTION_PPP = 8, /* what is allowed here is allowed in the sections around it too */
	SECTION_LINK = 16,
	SECTION_ENDS = SECTION_SERVER | SECTION_CLIENT | SECTION_LINK,
};

/* Commands that take the option. */
enum {
	COMMAND_SERVER = 1,
	COMMAND_CLIENT = 2,
	COMMAND_DAEMONS = COMMAND_SERVER | COMMAND_CLIENT,
	COMMAND_STATUS = 4,
	COMMAND_SESSIONS = 8,
	COMMAND_TERMINATE = 16,
	COMMAND_CAPTURE = 32,
	COMMAND_DUMP = 64,
	COMMAND_DOCTOR = 128,
	COMMAND_CHECK = 256,
	COMMAND_VERSION = 512,
	COMMAND_CONTROL = COMMAND_STATUS | COMMAND_SESSIONS | COMMAND_TERMINATE | COMMAND_CAPTURE,
	COMMAND_BENCH = 1024,
	COMMAND_CALLERS = COMMAND_CLIENT | COMMAND_BENCH,
	COMMAND_SPEAKERS = COMMAND_DAEMONS | COMMAND_BENCH,
	COMMAND_IMPORT = 2048,
	COMMAND_UP = 4096,
	COMMAND_DOWN = 8192,
	COMMAND_PPTP = 65536,
	COMMAND_LINK = 16384,
	COMMAND_ENDS = COMMAND_DAEMONS | COMMAND_LINK, /* who speaks PPP for long */
	COMMAND_ANY = INT32_MAX,
};

struct option_choice {
	const char *word;
	uint32_t value;
};

struct option {
	const char *name;
	char letter;       /* short form on the command line; 0: none */
	uint8_t sections;  /* SECTION_* */
	uint32_t commands; /* COMMAND_* */
	enum option_type type;
	const char *argument; /* what to call the value in help; NULL for flags and masks */
	const char *help;
	size_t offset; /* in struct settings */
	/* A flag that this one sets along with it, and with `low` also when it is itself said to be
	 * no; 0: none. */
	size_t also;
	uint32_t low, high;
	const struct option_choice *choices; /* ended by a NULL word */
	bool (*fits)(const char *word);      /* texts: of the right form; NULL: any will do */
	const char *expected;                /* what is said when it is not */
	bool file_only; /* a secret: never on a command line that others can read */
};

enum { OPTIONS_MAX = 320 };

extern const struct option option_table[];
extern const size_t option_count;

const struct option *option_find(const char *name);
/* The row a section's key means, and what writing it there does: `negated` for no-NAME flags. */
const struct option *option_find_negated(const char *name, bool *negated);
/* The nearest name among the options of `commands` (0: all) or of `sections` (0: all). */
const char *option_nearest(const char *wrong, uint32_t commands, uint8_t sections);
uint8_t section_of(const char *name); /* 0: unknown; "" is SECTION_GREYLINE */
const char *section_nearest(const char *wrong);

enum { OPTION_ERROR_MAX = 256 };
/* Stores a value. False with `error` filled in when it is not of the option's type or range.
 * `fresh`: a list is emptied first. A NULL value is the bare form. */
bool option_store(const struct option *option, struct settings *settings, const char *value,
	bool negated, bool fresh, char error[OPTION_ERROR_MAX]);

#endif
