/* The state file: what this instance has changed on the host, written before the change is made.
 *
 * One line a change, in the order made; undone in the opposite order. Every write goes to a
 * temporary file that is fsync'ed and renamed, so that a reader sees the file before or after a
 * change and never half of it. The file names its owner by pid and start time: a live instance's
 * changes are never undone by another.
 *
 *	greyline-state 1
 *	owner PID STARTED
 *	netns NAME                         all the following but dns is in this network namespace
 *	nft TABLE                          a table of family inet
 *	sysctl KEY VALUE                   the value before we changed it
 *	route DESTINATION GATEWAY INTERFACE METRIC   "-" for none: a route we added
 *	proxy-arp                          neighbours answered for, with our protocol number
 *	dns PATH link TARGET | dns PATH file BACKUP | dns PATH none
 */
#ifndef GREYLINE_STATE_H
#define GREYLINE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STATE_LINE_SIZE = 512, STATE_LINES_MAX = 4096, STATE_PATH_SIZE = 256 };

#define STATE_NETNS "netns "

struct state {
	char path[STATE_PATH_SIZE];
	pid_t owner;
	uint64_t owner_started; /* field 22 of /proc/PID/stat */
	char **lines;           /* without newline */
	size_t count;
};

/* Whether the file at `path` was left by a process that is gone. */
enum state_age {
	STATE_NONE,  /* no file */
	STATE_STALE, /* its owner is gone: undo it */
	STATE_LIVE,  /* its owner runs: leave it alone */
};
/* `owner` (may be NULL) gets the pid in the file. A file nobody can parse is stale, and what can
 * be read of it is undone. One that others may have written is stale too, but never read:
 * state_open() refuses it with -EPERM. */
enum state_age state_age(const char *path, pid_t *owner);

/* Claims `path` for process `owner`: undoes a stale file (telling `log`), makes the directory
 * (0755) and writes a file without changes. -EBUSY when a live owner has it, whose pid then is in
 * `state->owner`; otherwise 0 or -errno. Two starts at the same time cannot both succeed.
 * Undoing runs nft and writes sysctls, routes and DNS: be root. */
typedef void state_log(void *context, const char *line);
int state_open(struct state *state, const char *path, pid_t owner, state_log *log, void *context);
/* Adds a line that was not there, or removes it; on disk when this returns. 0 or -errno: then the
 * change must not be made. */
int state_record(struct state *state, const char *line);
int state_forget(struct state *state, const char *line);
bool state_has(const struct state *state, const char *line);
/* The newest line that starts with `start`, or NULL; valid until the next change. */
const char *state_find(const struct state *state, const char *start);
void state_close(struct state *state); /* frees memory; the file stays */

/* Undoes everything `state` holds, newest first. What fails is told to `log` (one line each; may be
 * NULL), does not stop the rest and is tried once only; returns how many failed. A thing that is
 * gone already is no failure. The file stays, without changes in it. Once another process has
 * claimed the file there is nothing left to undo, and it is left alone. */
unsigned state_undo(struct state *state, state_log *log, void *context);
/* Removes the file, unless another process has claimed it: the owner is about to end. */
void state_remove(struct state *state);

/* Undoes one line; 0 or -errno with `error`. (undo.c) */
int undo_line(const char *line, char error[256]);

/* When process `pid` started, in the kernel's ticks; 0 when there is none. */
uint64_t process_started(pid_t pid);

#endif
