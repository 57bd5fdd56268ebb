/* What the files of tty.h share. */
#ifndef GREYLINE_TTY_INNER_H
#define GREYLINE_TTY_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tty.h"

/* tty_terms.c: termios, speeds, modem lines, line disciplines. */

/* How a terminal was before it was touched. */
struct tty_terms;
/* NULL (errno) when `fd` is no terminal. */
struct tty_terms *tty_terms_keep(int fd);
/* Puts it back, once what was written has left, and frees. What has come is discarded. `terms` may
 * be NULL. */
void tty_terms_restore(int fd, struct tty_terms *terms);
/* Raw, eight bits, with the speed and flow control wanted; `local`: whatever carrier says. `*speed`
 * is what the port then has. 0 or -errno with `words`. */
int tty_terms_set(int fd, const struct tty_config *config, bool local, uint32_t *speed,
	char words[TTY_WORDS]);
int tty_terms_sync(int fd, char words[TTY_WORDS]); /* N_HDLC */
void tty_ready(int fd, bool ready);                /* DTR, where there is such a line */

/* tty_lock.c: UUCP lock files. */

enum { TTY_LOCK_PATH = 128 };
/* Writes `path`, or "" where none is needed. 0, -EBUSY (a living process has it) or -errno with
 * `words`. A lock that nobody holds any more is replaced; `log` hears of it. */
int tty_lock(const struct tty_config *config, const char *device, char path[TTY_LOCK_PATH],
	char words[TTY_WORDS]);
void tty_unlock(const char *path);

/* tty_script.c: shell commands on a terminal. */

/* Starts one in a session of its own, as the user who called us, with exactly these descriptors and
 * environment. The pid or -errno. */
pid_t tty_script_start(const struct tty_config *config, const struct tty *tty, const char *command,
	int in, int out);
/* Waits until it ends, `config->cancel` is readable or its time is up; in the last two cases ends
 * it. 0 when its status is 0, else -ECANCELED, -ETIMEDOUT or -EIO, with its status in `words`. */
int tty_script_wait(
	const struct tty_config *config, const char *command, pid_t pid, char words[TTY_WORDS]);
/* Gives it so long to end by itself, then ends it: by SIGTERM first. */
void tty_script_end(pid_t pid, unsigned grace_ms);

/* True when it is time to give up. Waits so long at most. */
bool tty_cancelled(const struct tty_config *config, int wait_ms);
void tty_say(const struct tty_config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
