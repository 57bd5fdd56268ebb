/* The state file: written whole each time, to a temporary file that is synced and renamed.
 *
 * Claiming it and undoing it are serialised by a lock on its directory: of two programs started at
 * once one undoes what was left behind and the other finds a live owner, and the helper of a main
 * process that is gone takes nothing from the next one, which may have claimed the file already.
 *
 * Its lines are carried out by root, so only a file that we could have written is read: our own
 * user's, and writable by nobody else. The folder may belong to the user we run as. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespace.h"
#include "state.h"

static const char magic[] = "greyline-state 1";

/* proc(5): field 22 of stat, behind a name in parentheses that may hold anything. */
uint64_t process_started(pid_t pid)
{
	char path[64], bytes[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, bytes, sizeof(bytes) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	bytes[got] = '\0';
	char *at = strrchr(bytes, ')');
	for (unsigned field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static int append(struct state *state, const char *line)
{
	if (state->count == STATE_LINES_MAX)
		return -ENOSPC;
	char **lines = realloc(state->lines, (state->count + 1) * sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	state->lines = lines;
	char *copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	state->lines[state->count++] = copy;
	return 0;
}

static void drop_line(struct state *state, size_t index)
{
	free(state->lines[index]);
	memmove(state->lines + index, state->lines + index + 1,
		(state->count - index - 1) * sizeof(*state->lines));
	state->count--;
}

/* NULL with errno; EPERM when somebody else may have written it. */
static FILE *open_trusted(const char *path)
{
	struct stat seen;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	bool trusted = fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_uid == geteuid() &&
		       !(seen.st_mode & (S_IWGRP | S_IWOTH));
	FILE *file = trusted ? fdopen(fd, "r") : NULL;
	if (!file) {
		close(fd);
		errno = EPERM;
	}
	return file;
}

/* Reads what there is. A file that was not ours has no owner. */
static int load(struct state *state, const char *path)
{
	char line[STATE_LINE_SIZE];
	int failed = 0;
	memset(state, 0, sizeof(*state));
	snprintf(state->path, sizeof(state->path), "%s", path);
	FILE *file = open_trusted(path);
	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, magic) != 0)
		failed = -EBADMSG;
	while (!failed && fgets(line, sizeof(line), file)) {
		int pid;
		unsigned long long started;
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "owner %d %llu", &pid, &started) == 2) {
			state->owner = pid;
			state->owner_started = started;
		} else if (line[0]) {
			failed = append(state, line);
		}
	}
	fclose(file);
	return failed == -EBADMSG ? 0 : failed;
}

static bool owner_lives(const struct state *state)
{
	return state->owner > 0 && state->owner_started &&
	       process_started(state->owner) == state->owner_started;
}

enum state_age state_age(const char *path, pid_t *owner)
{
	struct state state;
	int failed = load(&state, path);
	enum state_age age = failed == -ENOENT     ? STATE_NONE
			     : owner_lives(&state) ? STATE_LIVE
						   : STATE_STALE;
	if (owner)
		*owner = state.owner;
	state_close(&state);
	return age;
}

/* The directory of `path`, opened; made when it is missing. */
static int open_directory(const char *path, bool make)
{
	char copy[STATE_PATH_SIZE];
	snprintf(copy, sizeof(copy), "%s", path);
	const char *directory = dirname(copy);
	if (make && mkdir(directory, 0755) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_file(const struct state *state, const char *path)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		int failed = -errno;
		if (fd >= 0)
			close(fd);
		return failed;
	}
	fprintf(file, "%s\nowner %d %llu\n", magic, (int)state->owner,
		(unsigned long long)state->owner_started);
	for (size_t i = 0; i < state->count; i++)
		fprintf(file, "%s\n", state->lines[i]);
	int failed = 0;
	if (fflush(file) != 0 || fsync(fileno(file)) < 0)
		failed = -errno;
	if (fclose(file) != 0 && !failed)
		failed = -errno;
	return failed;
}

static int save(const struct state *state)
{
	char temporary[STATE_PATH_SIZE + 8];
	snprintf(temporary, sizeof(temporary), "%s.new", state->path);
	int failed = write_file(state, temporary);
	if (!failed && rename(temporary, state->path) < 0)
		failed = -errno;
	if (failed) {
		unlink(temporary);
		return failed;
	}
	int directory = open_directory(state->path, false);
	if (directory >= 0) {
		fsync(directory);
		close(directory);
	}
	return 0;
}

/* Where the changes were made, if not here: what to come back to, or -1. `gone`: with a namespace
 * goes all that was changed in it, and only files are left to be put back. */
static int enter_space(const struct state *state, bool *gone)
{
	char error[256];
	const char *line = state_find(state, STATE_NETNS);
	int space = line ? namespace_open(line + strlen(STATE_NETNS), error) : -1;
	int before = space < 0 ? -1 : namespace_enter(space, error);
	*gone = line && before < 0;
	if (space >= 0)
		close(space);
	return before;
}

static unsigned undo_all(struct state *state, state_log *log, void *context)
{
	unsigned failures = 0;
	bool gone;
	int before = enter_space(state, &gone);
	while (state->count) {
		char error[256], told[300];
		const char *line = state->lines[state->count - 1];
		bool here = strncmp(line, "dns ", 4) == 0;
		int failed = gone && !here ? 0 : undo_line(line, error);
		if (failed) {
			failures++;
			snprintf(told, sizeof(told), "%s", error);
			if (log)
				log(context, told);
		}
		drop_line(state, state->count - 1);
		/* After each: a crash in the middle goes on where this stopped. */
		save(state);
	}
	if (before >= 0)
		namespace_leave(before);
	return failures;
}

static int claim(struct state *state, const char *path, pid_t owner, state_log *log, void *context)
{
	int failed = load(state, path);
	if (!failed && owner_lives(state) && state->owner != owner)
		failed = -EBUSY;
	if (failed && failed != -ENOENT)
		return failed;
	state->owner = owner;
	state->owner_started = process_started(owner);
	/* From here on the file names us: whoever comes meanwhile leaves it alone. */
	failed = save(state);
	if (failed)
		return failed;
	if (state->count && log) {
		char line[128];
		snprintf(line, sizeof(line),
			"undoing %zu changes that an earlier run left on this host", state->count);
		log(context, line);
	}
	undo_all(state, log, context);
	return 0;
}

int state_open(struct state *state, const char *path, pid_t owner, state_log *log, void *context)
{
	memset(state, 0, sizeof(*state));
	if (strlen(path) >= STATE_PATH_SIZE - 16)
		return -ENAMETOOLONG;
	int directory = open_directory(path, true);
	if (directory < 0)
		return directory;
	int failed = flock(directory, LOCK_EX) < 0 ? -errno : 0;
	if (!failed)
		failed = claim(state, path, owner, log, context);
	close(directory);
	if (failed) {
		pid_t other = state->owner;
		state_close(state);
		state->owner = other;
	}
	return failed;
}

static size_t line_index(const struct state *state, const char *line)
{
	size_t i = 0;
	while (i < state->count && strcmp(state->lines[i], line) != 0)
		i++;
	return i;
}

bool state_has(const struct state *state, const char *line)
{
	return line_index(state, line) < state->count;
}

const char *state_find(const struct state *state, const char *start)
{
	for (size_t i = state->count; i-- > 0;)
		if (strncmp(state->lines[i], start, strlen(start)) == 0)
			return state->lines[i];
	return NULL;
}

int state_record(struct state *state, const char *line)
{
	if (strchr(line, '\n') || strlen(line) + 2 > STATE_LINE_SIZE)
		return -EINVAL;
	if (state_has(state, line))
		return 0;
	int failed = append(state, line);
	if (failed)
		return failed;
	failed = save(state);
	if (failed)
		drop_line(state, state->count - 1);
	return failed;
}

int state_forget(struct state *state, const char *line)
{
	size_t index = line_index(state, line);
	if (index == state->count)
		return 0;
	drop_line(state, index);
	return save(state);
}

void state_close(struct state *state)
{
	while (state->count)
		drop_line(state, state->count - 1);
	free(state->lines);
	memset(state, 0, sizeof(*state));
}

/* Whether another process has claimed the file: it has undone what was ours. */
static bool claimed_by_another(const struct state *state)
{
	struct state now;
	bool another = load(&now, state->path) == 0 &&
		       (now.owner != state->owner || now.owner_started != state->owner_started);
	state_close(&now);
	return another;
}

/* The directory, locked; -errno when there is none any more, and so nobody to lock out. */
static int lock_directory(const struct state *state)
{
	int directory = open_directory(state->path, false);
	if (directory >= 0)
		flock(directory, LOCK_EX);
	return directory;
}

unsigned state_undo(struct state *state, state_log *log, void *context)
{
	unsigned failures = 0;
	int directory = lock_directory(state);
	if (claimed_by_another(state)) {
		while (state->count)
			drop_line(state, state->count - 1);
	} else {
		failures = undo_all(state, log, context);
	}
	if (directory >= 0)
		close(directory);
	return failures;
}

void state_remove(struct state *state)
{
	int directory = lock_directory(state);
	if (!claimed_by_another(state))
		unlink(state->path);
	if (directory >= 0)
		close(directory);
}
