/* Telling systemd how we are (see notify.h, sd_notify(3)). */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int channel = -1;
static uint64_t watchdog_ms;

static void open_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	if (usec && (!pid || strtoul(pid, NULL, 10) == (unsigned long)getpid()))
		watchdog_ms = strtoull(usec, NULL, 10) / 2000;
}

void notify_use(int fd)
{
	channel = fd;
}

void notify_open(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	if (channel >= 0)
		return; /* notify_use() has said whom to tell */
	if (length < 2 || length >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract name */
	channel = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (channel >= 0 && connect(channel, (const struct sockaddr *)&to, size) < 0) {
		close(channel);
		channel = -1;
	}
	open_watchdog();
}

void notify_send(const char *text)
{
	if (channel >= 0) {
		ssize_t sent = send(channel, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)sent; /* a manager that does not listen is no concern of ours */
	}
}

uint64_t notify_watchdog_ms(void)
{
	return channel >= 0 ? watchdog_ms : 0;
}
