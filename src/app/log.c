/* The log (see log.h): a line is built whole and written with one write(), so that lines of two
 * programs on one terminal never mix. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"

enum { BURST = 100, PER_SECOND = 20 };

static const char *const kind_words[LOG_KIND_COUNT] = {
	[LOG_KIND_CONNECTION] = "connection",
	[LOG_KIND_REFUSED] = "refused-connection",
	[LOG_KIND_LOGIN] = "login",
	[LOG_KIND_SESSION] = "session",
	[LOG_KIND_NOTE] = "note",
	[LOG_KIND_DROP] = "drop",
};

/* systemd says "device:inode" of the stream it reads. */
static bool journal_reads(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat status;
	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
	       fstat(fd, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

void log_init(struct log *log, int fd, enum log_choice style, bool debug)
{
	*log = (struct log){.fd = fd, .debug = debug, .least = LOG_LINE_INFO};
	log->priority = style == LOG_STYLE_SYSLOG || (style == LOG_STYLE_AUTO && journal_reads(fd));
	log->clock = !log->priority;
	const char *no_colour = getenv("NO_COLOR");
	log->colour = !log->priority && isatty(fd) && !(no_colour && *no_colour);
	for (unsigned i = 0; i < LOG_KIND_COUNT; i++)
		log->buckets[i].tokens = BURST;
}

/* Connected at once: behind the filter, and in another root, it could not be. */
void log_to_syslog(struct log *log, const char *ident, const char *prefix, enum log_level echo)
{
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	log->to_syslog = true;
	log->prefix = prefix;
	log->echo = echo;
}

static void put_syslog(
	const struct log *log, enum log_level level, const char *format, va_list arguments)
{
	char line[LOG_LINE_MAX];
	vsnprintf(line, sizeof line, format, arguments);
	syslog((int)level, "%s%s%s", log->prefix ? log->prefix : "", log->prefix ? " " : "", line);
}

static size_t put_clock(char *at, size_t size)
{
	struct timespec now;
	struct tm parts;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &parts);
	size_t used = strftime(at, size, "%Y-%m-%dT%H:%M:%S", &parts);
	return used + (size_t)snprintf(at + used, size - used, ".%03ld ", now.tv_nsec / 1000000);
}

static void put_line(struct log *log, enum log_level level, const char *format, va_list arguments)
{
	if (log->to_syslog) {
		va_list again;
		va_copy(again, arguments);
		put_syslog(log, level, format, again);
		va_end(again);
		if (level > log->echo)
			return;
	}
	char line[LOG_LINE_MAX];
	size_t used = 0;
	const size_t room = sizeof line - 8; /* for the end of the colour and the newline */
	bool colour = log->colour && level <= LOG_LINE_WARNING;
	if (log->priority)
		used += (size_t)snprintf(line, room, "<%d>", level);
	if (log->clock)
		used += put_clock(line + used, room - used);
	if (colour)
		used += (size_t)snprintf(line + used, room - used,
			level == LOG_LINE_ERROR ? "\033[31m" : "\033[33m");
	int length = vsnprintf(line + used, room - used, format, arguments);
	if (length < 0)
		return;
	used += (size_t)length < room - used ? (size_t)length : room - used - 1;
	if (colour)
		used += (size_t)snprintf(line + used, sizeof line - used, "\033[0m");
	line[used++] = '\n';
	ssize_t written = write(log->fd, line, used);
	(void)written; /* there is nowhere left to complain to */
}

static bool wanted(const struct log *log, enum log_level level)
{
	return log->debug || level <= log->least;
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
	if (!wanted(log, level))
		return;
	va_list arguments;
	va_start(arguments, format);
	put_line(log, level, format, arguments);
	va_end(arguments);
}

static void refill(struct log_bucket *bucket, uint64_t now)
{
	uint64_t passed = now - bucket->filled, more = passed / (SECONDS(1) / PER_SECOND);
	if (now <= bucket->filled || !more)
		return;
	bucket->filled = now;
	bucket->tokens = more > BURST - bucket->tokens ? BURST : bucket->tokens + (uint32_t)more;
}

static void tell_owed(struct log *log, enum log_kind kind, uint64_t now)
{
	struct log_bucket *bucket = &log->buckets[kind];
	refill(bucket, now);
	if (!bucket->suppressed || !bucket->tokens)
		return;
	bucket->tokens--;
	log_line(log, LOG_LINE_WARNING, "%llu more suppressed kind=%s",
		(unsigned long long)bucket->suppressed, kind_words[kind]);
	bucket->suppressed = 0;
}

void log_owed(struct log *log, uint64_t now)
{
	for (unsigned i = 0; i < LOG_KIND_COUNT; i++)
		tell_owed(log, i, now);
}

void log_peer(struct log *log, enum log_kind kind, enum log_level level, uint64_t now,
	const char *format, ...)
{
	struct log_bucket *bucket = &log->buckets[kind];
	if (!wanted(log, level))
		return;
	tell_owed(log, kind, now);
	if (!bucket->tokens) {
		bucket->suppressed++;
		return;
	}
	bucket->tokens--;
	va_list arguments;
	va_start(arguments, format);
	put_line(log, level, format, arguments);
	va_end(arguments);
}
