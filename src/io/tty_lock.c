/* UUCP lock files: /run/lock/LCK..ttyS0 holds the process that has the device, as ten digits and a
 * newline (FHS 3.0 §5.9). Everybody who uses serial ports keeps to it: minicom, pppd, chat's
 * friends.
 *
 * The file is written under another name and linked to its own, so that it is never there without
 * its content. One whose process is gone is taken away, once it was seen to be still the same. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tty_inner.h"

enum { TRIES = 5, WRITING_SECONDS = 10 };

static const char *base_of(const char *device)
{
	return strncmp(device, "/dev/", 5) == 0 ? device + 5 : device;
}

static bool make_path(char path[TTY_LOCK_PATH], const char *dir, const char *device)
{
	int length = snprintf(path, TTY_LOCK_PATH, "%s/LCK..%s", dir, base_of(device));
	if (length >= TTY_LOCK_PATH)
		return false;
	for (char *at = path + strlen(dir) + 1; *at; at++)
		if (*at == '/')
			*at = '_'; /* pts/3 */
	return true;
}

static int write_own(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int written = dprintf(fd, "%10d\n", (int)getpid());
	int failed = written < 0 ? -errno : 0;
	close(fd);
	return failed;
}

/* The process that a lock file names; 0 when it makes no sense. Old programs wrote four bytes
 * instead of digits. */
static pid_t read_holder(int fd)
{
	char digits[16] = "";
	int pid = 0;
	ssize_t got = read(fd, digits, sizeof(digits) - 1);
	if (got == (ssize_t)sizeof(pid))
		memcpy(&pid, digits, sizeof(pid));
	else if (got > 0)
		pid = atoi(digits);
	return pid > 0 ? pid : 0;
}

/* One without a process may be just being written by a program that is not as careful. */
static bool is_held(pid_t pid, const struct stat *lock)
{
	if (pid == 0)
		return time(NULL) - lock->st_mtime < WRITING_SECONDS;
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/* 0 when nobody holds the lock now, -EBUSY when somebody does. */
static int take_away(const struct tty_config *config, const char *path, pid_t *pid)
{
	struct stat seen, now;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	*pid = read_holder(fd);
	bool held = fstat(fd, &seen) < 0 || is_held(*pid, &seen);
	close(fd);
	if (held)
		return -EBUSY;
	if (lstat(path, &now) == 0 && now.st_ino == seen.st_ino && now.st_dev == seen.st_dev &&
		unlink(path) == 0)
		tty_say(config, "Removed stale lock on %s (pid %d)", base_of(config->device),
			(int)*pid);
	return 0;
}

/* Links `own` to `path`; -EBUSY with the holder. */
static int claim(const struct tty_config *config, const char *own, const char *path, pid_t *pid)
{
	for (unsigned n = 0; n < TRIES; n++) {
		if (link(own, path) == 0)
			return 0;
		int failed = errno == EEXIST ? take_away(config, path, pid) : -errno;
		if (failed)
			return failed;
	}
	return -EBUSY;
}

int tty_lock(const struct tty_config *config, const char *device, char path[TTY_LOCK_PATH],
	char words[TTY_WORDS])
{
	const char *dir = config->lock_dir ? config->lock_dir : "/run/lock";
	char own[TTY_LOCK_PATH];
	pid_t pid = 0;
	int length = snprintf(own, sizeof(own), "%s/LTMP..%d", dir, (int)getpid());
	if (length >= (int)sizeof(own) || !make_path(path, dir, device)) {
		snprintf(words, TTY_WORDS, "its name is too long for a lock file in %.100s", dir);
		path[0] = '\0';
		return -ENAMETOOLONG;
	}
	unlink(own); /* of an earlier process with our number */
	int failed = write_own(own);
	if (!failed)
		failed = claim(config, own, path, &pid);
	unlink(own);
	if (failed == -EBUSY)
		snprintf(words, TTY_WORDS, "process %d has it (%s)", (int)pid, path);
	else if (failed)
		snprintf(words, TTY_WORDS, "no lock file %s: %s", path, strerror(-failed));
	if (failed)
		path[0] = '\0';
	return failed;
}

void tty_unlock(const char *path)
{
	if (path[0])
		unlink(path);
}
