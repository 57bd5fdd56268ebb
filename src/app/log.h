/* The log: one line per event to standard error.
 *
 * Lines that a peer can cause are limited by kind; what was left out is counted and told. Text
 * that came from a peer goes through text_quoted() first, so that nobody can forge a line. */
#ifndef GREYLINE_LOG_H
#define GREYLINE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"

enum log_level { LOG_LINE_ERROR = 3, LOG_LINE_WARNING = 4, LOG_LINE_INFO = 6, LOG_LINE_DEBUG = 7 };

/* Kinds of lines with a bucket of their own. */
enum log_kind {
	LOG_KIND_CONNECTION, /* a control connection comes and goes */
	LOG_KIND_REFUSED,    /* refused before it cost anything: limits, throttling */
	LOG_KIND_LOGIN,      /* who failed to log in */
	LOG_KIND_SESSION,    /* a session's life */
	LOG_KIND_NOTE,       /* what the protocol rooms noticed */
	LOG_KIND_DROP,       /* packets and messages dropped, by name */
	LOG_KIND_COUNT,
};

enum { LOG_LINE_MAX = 2048 };

struct log {
	bool debug;
	bool clock, priority, colour; /* what stands before a line */
	int fd;
	const char *prefix; /* of lines to syslog; see log_to_syslog */
	bool to_syslog;
	enum log_level least; /* lines of a higher level are left out, unless `debug` */
	enum log_level echo;  /* with syslog: lines of a higher level do not go to `fd` */
	struct log_bucket {
		uint32_t tokens;
		uint64_t filled; /* microseconds */
		uint64_t suppressed;
	} buckets[LOG_KIND_COUNT];
};

/* `style` of settings; auto: a priority under systemd, else a clock. */
void log_init(struct log *log, int fd, enum log_choice style, bool debug);
/* From here on lines go to syslog (daemon.*, under the name `ident`), `prefix` before each where
 * there is one; those up to the level `echo` go to the old place too. Both texts must stay. */
void log_to_syslog(struct log *log, const char *ident, const char *prefix, enum log_level echo);

void log_line(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for lines a peer can cause. */
void log_peer(struct log *log, enum log_kind kind, enum log_level level, uint64_t now,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Tells what is still owed about suppressed lines; from time to time. */
void log_owed(struct log *log, uint64_t now);

#endif
