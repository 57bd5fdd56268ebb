/* A user's new password, put in the place of the old one in the secrets file (see secrets.h).
 *
 * This runs in the helper, which alone may be able to write the file. Nothing is changed but the
 * one word and the mark that it has expired; comments, quotes and blanks stay. The new file is
 * written beside the old one, with its owner and its mode, flushed, and renamed over it: whoever
 * reads meanwhile sees one or the other, and after a crash there is one of them. A file that
 * somebody has changed since it was read here is left alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "mschap.h"
#include "secrets.h"
#include "slurp.h"
#include "words.h"

enum { RENEW_FILE_MAX = 64 << 20, NT_WORD_SIZE = 3 + 2 * NT_HASH_SIZE + 1 };
enum { PATH_SIZE = 4096, QUOTED_MAX = 2 + 4 * PPP_SECRET_MAX + 1 };

/* Where things stand in the file. */
struct line {
	const char *secret, *secret_end;
	const char *mark, *mark_end; /* -- expired; NULL: none */
	bool nt_hash;
};

static bool is_name(const struct word *word, const char *name)
{
	return !strcmp(word->bytes, name ? name : "*");
}

static bool is_nt_hash(const struct word *word)
{
	return !strncmp(word->bytes, "nt:", 3) && word->length == NT_WORD_SIZE - 1;
}

/* The first line of these two, as it would be found when they log in. */
static bool find_line(
	struct line *line, const char *bytes, size_t length, const char *client, const char *server)
{
	struct faults quiet = {0};
	struct words words = words_over("", bytes, length, &quiet);
	struct word word;
	unsigned field = 0;
	bool fits = false;
	*line = (struct line){0};
	while (words_next(&words, &word)) {
		if (word.first && field && fits && field > 2)
			break;
		if (word.first)
			field = 0;
		if (field == 0)
			fits = is_name(&word, client);
		else if (field == 1)
			fits &= is_name(&word, server);
		else if (field == 2 && fits)
			*line = (struct line){.secret = word.start,
				.secret_end = word.end,
				.nt_hash = is_nt_hash(&word)};
		else if (fits && !strcmp(word.bytes, "--"))
			line->mark = word.start;
		else if (fits && line->mark)
			line->mark_end = word.end;
		field++;
	}
	secret_wipe(&word, sizeof word);
	return line->secret && line->mark_end;
}

/* In quotes, whatever it holds. */
static void quote(char quoted[QUOTED_MAX], const char *word)
{
	char *at = quoted;
	*at++ = '"';
	for (; *word && at < quoted + QUOTED_MAX - 6; word++) {
		unsigned char c = (unsigned char)*word;
		if (c < ' ' || c == 0x7f) {
			at += snprintf(at, 5, "\\%03o", c);
			continue;
		}
		if (c == '"' || c == '\\')
			*at++ = '\\';
		*at++ = (char)c;
	}
	*at++ = '"';
	*at = '\0';
}

static void hash(char quoted[QUOTED_MAX], const char *word)
{
	uint8_t nt_hash[NT_HASH_SIZE] = {0};
	nt_password_hash(nt_hash, word, strlen(word));
	char *at = quoted + snprintf(quoted, QUOTED_MAX, "nt:");
	for (size_t i = 0; i < sizeof nt_hash; i++)
		at += snprintf(at, 3, "%02x", nt_hash[i]);
	secret_wipe(nt_hash, sizeof nt_hash);
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int write_file(int fd, const char *bytes, size_t length, const struct line *line,
	const char *secret, const struct stat *seen)
{
	const char *end = bytes + length, *before_mark = line->mark;
	while (before_mark[-1] == ' ' || before_mark[-1] == '\t')
		before_mark--;
	int error = fchown(fd, seen->st_uid, seen->st_gid) < 0 ? -errno : 0;
	if (!error && fchmod(fd, seen->st_mode & 07777) < 0)
		error = -errno;
	if (!error)
		error = write_all(fd, bytes, (size_t)(line->secret - bytes));
	if (!error)
		error = write_all(fd, secret, strlen(secret));
	if (!error)
		error = write_all(fd, line->secret_end, (size_t)(before_mark - line->secret_end));
	if (!error)
		error = write_all(fd, line->mark_end, (size_t)(end - line->mark_end));
	if (!error && fsync(fd) < 0)
		error = -errno;
	return error;
}

static bool untouched(const char *path, const struct stat *seen)
{
	struct stat now;
	return stat(path, &now) == 0 && now.st_ino == seen->st_ino && now.st_dev == seen->st_dev &&
	       now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

static void flush_folder(const char *path)
{
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int replace(const char *path, const char *bytes, size_t length, const struct line *line,
	const char *secret, const struct stat *seen)
{
	char beside[PATH_SIZE];
	if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside)
		return -ENAMETOOLONG;
	int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = write_file(fd, bytes, length, line, secret, seen);
	close(fd);
	if (!error && !untouched(path, seen))
		error = -EAGAIN;
	if (!error && rename(beside, path) < 0)
		error = -errno;
	if (error)
		unlink(beside);
	else
		flush_folder(path);
	return error;
}

int secrets_renew(
	const char *path, const char *client, const char *server, const char *word, char error[256])
{
	char real[PATH_SIZE], secret[QUOTED_MAX], *bytes = NULL;
	size_t length = 0;
	struct stat seen;
	struct line line;
	int failed = realpath(path, real) ? 0 : -errno; /* a link stays one */
	if (!failed)
		failed = slurp(real, RENEW_FILE_MAX, &bytes, &length, &seen);
	if (!failed && !find_line(&line, bytes, length, client, server))
		failed = -ESTALE;
	if (!failed) {
		if (line.nt_hash)
			hash(secret, word);
		else
			quote(secret, word);
		failed = replace(real, bytes, length, &line, secret, &seen);
		secret_wipe(secret, sizeof secret);
	}
	slurp_free(bytes, length);
	if (failed == -ESTALE)
		snprintf(error, 256, "%.160s: no line of this user is marked as expired", path);
	else if (failed == -EAGAIN)
		snprintf(error, 256, "%.160s: somebody else has just changed it", path);
	else if (failed)
		snprintf(error, 256, "%.160s: %s", path, strerror(-failed));
	return failed;
}
