/* Network namespaces (setns(2), ip-netns(8)). What is made in one stays in it: sockets, netlink
 * among them, and children. So the thread visits it, makes what it needs there, and comes back. */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int namespace_path(const char *name, char *path, size_t size)
{
	int length = snprintf(path, size, "%s%s", *name == '/' ? "" : "/run/netns/", name);
	return length > 0 && (size_t)length < size && *name ? 0 : -ENAMETOOLONG;
}

int namespace_open(const char *name, char error[256])
{
	char path[256];
	int failed = namespace_path(name, path, sizeof(path));
	int fd = failed ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (!failed)
		failed = -errno;
	snprintf(error, 256, "Couldn't open the network namespace %.60s: %s%s%.60s", name,
		strerror(-failed), failed == -ENOENT ? ": make it with: ip netns add " : "",
		failed == -ENOENT ? name : "");
	return failed;
}

int namespace_enter(int space, char error[256])
{
	int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int failed = before < 0 || setns(space, CLONE_NEWNET) < 0 ? -errno : 0;
	if (!failed)
		return before;
	snprintf(error, 256, "Couldn't enter the network namespace: %s%s", strerror(-failed),
		failed == -EPERM ? ": CAP_SYS_ADMIN is needed at the start" : "");
	if (before >= 0)
		close(before);
	return failed;
}

int namespace_settle(const char *name)
{
	char error[256];
	int space = namespace_open(name, error);
	int before = space < 0 ? space : namespace_enter(space, error);
	if (space >= 0)
		close(space);
	if (before < 0)
		return before;
	close(before);
	return 0;
}

void namespace_leave(int before)
{
	if (setns(before, CLONE_NEWNET) < 0)
		abort();
	close(before);
}
