/* Pid files (see pid_files.h). Each is made beside its place and moved there, so that nobody ever
 * reads half of one; a link that somebody has put in its place is replaced, not followed. */
#include "pid_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 320 };

/* A link's name may hold anything but the way to another folder. */
static int path_of(
	const struct pid_files *files, const char *prefix, const char *name, char path[PATH])
{
	const char *folder = files->folder ? files->folder : "/run";
	int length = snprintf(path, PATH, "%s/%s%s.pid", folder, prefix, name);
	return strchr(name, '/') || length >= PATH - 4 ? -EINVAL : 0;
}

static int write_file(const char *path, const char *interface)
{
	char fresh[PATH + 4], text[64];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int length = snprintf(
		text, sizeof text, "%d\n%s%s", (int)getpid(), interface, *interface ? "\n" : "");
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	int failed = write(fd, text, (size_t)length) == length ? 0 : -EIO;
	close(fd);
	if (!failed && rename(fresh, path) < 0)
		failed = -errno;
	if (failed)
		unlink(fresh);
	return failed;
}

int pid_files_write(struct pid_files *files, const char *interface)
{
	char path[PATH];
	int failed = 0, also = 0;
	if (interface) {
		failed = path_of(files, "", interface, path);
		if (!failed)
			failed = write_file(path, "");
		snprintf(files->interface, sizeof files->interface, "%s", failed ? "" : interface);
	}
	if (files->link_name) {
		also = path_of(files, "ppp-", files->link_name, path);
		if (!also)
			also = write_file(path, interface ? interface : "");
	}
	return failed ? failed : also;
}

/* Only what is ours: by now another process may have the interface's name. */
static void remove_file(const char *path)
{
	char text[32] = "";
	int pid = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof text - 1) > 0 && sscanf(text, "%d", &pid) == 1 && pid == getpid())
		unlink(path);
	close(fd);
}

void pid_files_remove(struct pid_files *files)
{
	char path[PATH];
	if (files->interface[0] && !path_of(files, "", files->interface, path))
		remove_file(path);
	if (files->link_name && !path_of(files, "ppp-", files->link_name, path))
		remove_file(path);
	files->interface[0] = '\0';
}
