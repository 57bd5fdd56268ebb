/* resolv.conf is written to a temporary file beside it and renamed, so that no reader sees half of
 * it; where it is a mount point (containers, ip netns exec) a rename is impossible and it is
 * written in place. Our version starts with a mark. If the mark is gone when we come to restore,
 * another program (a DHCP client, a resolver) has written a newer one, and its word stands. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolv.h"

enum { CONTENT_MAX = 65536, PATH_SIZE = 512 };

static const char mark[] = "# greyline: name servers of the tunnel, until it goes down\n";

/* Bytes read, or -errno. No link is followed: the backup's folder may belong to the user the main
 * process runs as, and what is read here ends in a file that everybody may read. */
static ssize_t read_whole(const char *path, char *at, size_t size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 1;
	if (fd < 0)
		return -errno;
	while (used < size && (got = read(fd, at + used, size - used)) > 0)
		used += (size_t)got;
	int failed = got < 0 ? -errno : used == size ? -EFBIG : 0;
	close(fd);
	return failed ? failed : (ssize_t)used;
}

static int write_whole(const char *path, int flags, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
	int failed = 0;
	if (fd < 0)
		return -errno;
	while (length && !failed) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno != EINTR)
			failed = -errno;
		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		}
	}
	if (!failed && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		failed = -errno;
	close(fd);
	return failed;
}

static int replace(const char *path, const char *bytes, size_t length)
{
	char temporary[PATH_SIZE + 16];
	snprintf(temporary, sizeof(temporary), "%s.greyline-new", path);
	unlink(temporary);
	int failed = write_whole(temporary, O_EXCL | O_NOFOLLOW, bytes, length);
	if (!failed && rename(temporary, path) == 0)
		return 0;
	if (!failed)
		failed = -errno;
	unlink(temporary);
	if (failed != -EBUSY && failed != -EXDEV && failed != -EROFS && failed != -EACCES)
		return failed;
	return write_whole(path, O_TRUNC, bytes, length);
}

int resolv_save(const char *path, const char *backup, char *line, size_t size)
{
	char target[PATH_SIZE];
	if (strpbrk(path, " \n") || strchr(backup, '\n') || strlen(path) >= PATH_SIZE - 16)
		return -EINVAL;
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	int used;
	if (length > 0) {
		target[length] = '\0';
		if (strchr(target, '\n'))
			return -EINVAL;
		used = snprintf(line, size, "dns %s link %s", path, target);
		return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
	}
	char *content = malloc(CONTENT_MAX);
	if (!content)
		return -ENOMEM;
	length = read_whole(path, content, CONTENT_MAX);
	int failed = length < 0 ? (int)length : 0;
	if (failed == -ENOENT) {
		failed = 0;
		used = snprintf(line, size, "dns %s none", path);
	} else {
		unlink(backup);
		if (!failed)
			failed = write_whole(backup, O_EXCL | O_NOFOLLOW, content, (size_t)length);
		used = snprintf(line, size, "dns %s file %s", path, backup);
	}
	free(content);
	if (!failed && (used < 0 || (size_t)used >= size))
		failed = -ENAMETOOLONG;
	return failed;
}

/* Names of hosts and blanks: nothing that makes another line, or an option. */
static bool is_search(const char *search)
{
	for (const char *c = search; *c; c++) {
		char letter = *c | 0x20;
		if ((letter < 'a' || letter > 'z') && (*c < '0' || *c > '9') && !strchr("-_. ", *c))
			return false;
	}
	return true;
}

int resolv_write(
	const char *path, const struct address *servers, unsigned count, const char *search)
{
	char content[1024];
	size_t used = (size_t)snprintf(content, sizeof(content), "%s", mark);
	if (!is_search(search) || strlen(search) > sizeof(content) / 2)
		return -EINVAL;
	if (*search)
		used += (size_t)snprintf(
			content + used, sizeof(content) - used, "search %s\n", search);
	for (unsigned i = 0; i < count; i++) {
		char words[INET6_ADDRSTRLEN];
		if (!inet_ntop(servers[i].family == 6 ? AF_INET6 : AF_INET, servers[i].bytes, words,
			    sizeof(words)))
			return -errno;
		int more =
			snprintf(content + used, sizeof(content) - used, "nameserver %s\n", words);
		if (more < 0 || (size_t)more >= sizeof(content) - used)
			return -E2BIG;
		used += (size_t)more;
	}
	return replace(path, content, used);
}

static bool still_ours(const char *path)
{
	char start[sizeof(mark) - 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	ssize_t got = read(fd, start, sizeof(start));
	close(fd);
	return got == (ssize_t)sizeof(start) && memcmp(start, mark, sizeof(start)) == 0;
}

static int restore_link(const char *path, const char *target)
{
	char temporary[PATH_SIZE + 16];
	snprintf(temporary, sizeof(temporary), "%s.greyline-new", path);
	unlink(temporary);
	if (symlink(target, temporary) < 0)
		return -errno;
	if (rename(temporary, path) == 0)
		return 0;
	int failed = -errno;
	unlink(temporary);
	return failed;
}

static int restore_file(const char *path, const char *backup)
{
	char *content = malloc(CONTENT_MAX);
	if (!content)
		return -ENOMEM;
	ssize_t length = read_whole(backup, content, CONTENT_MAX);
	int failed = length < 0 ? (int)length : replace(path, content, (size_t)length);
	free(content);
	return failed;
}

int resolv_restore(const char *rest)
{
	char path[PATH_SIZE], how[8];
	int used = 0, failed = 0;
	if (sscanf(rest, "%495s %7s%n", path, how, &used) != 2)
		return -EINVAL;
	const char *what = rest[used] == ' ' ? rest + used + 1 : "";
	if (still_ours(path)) {
		if (strcmp(how, "link") == 0)
			failed = restore_link(path, what);
		else if (strcmp(how, "file") == 0)
			failed = restore_file(path, what);
		else if (strcmp(how, "none") == 0)
			failed = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
		else
			failed = -EINVAL;
	}
	if (!failed && strcmp(how, "file") == 0)
		unlink(what);
	return failed;
}
