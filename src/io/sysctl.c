/* Forwarding is the one kernel setting --nat needs. Both families are in the list, because writing
 * the IPv6 one makes the kernel ignore router advertisements, and that must be undone as well. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"
#include "sysctl.h"

static const struct sysctl table[HELPER_SYSCTL_COUNT] = {
	[HELPER_IPV4_FORWARD] = {"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"},
	[HELPER_IPV6_FORWARD] = {"net.ipv6.conf.all.forwarding",
		"/proc/sys/net/ipv6/conf/all/forwarding"},
};

const struct sysctl *sysctl_by_number(unsigned which)
{
	return which < HELPER_SYSCTL_COUNT ? &table[which] : NULL;
}

const struct sysctl *sysctl_by_key(const char *key)
{
	for (unsigned i = 0; i < HELPER_SYSCTL_COUNT; i++)
		if (strcmp(table[i].key, key) == 0)
			return &table[i];
	return NULL;
}

int sysctl_read(const struct sysctl *sysctl, char *value, size_t size)
{
	int fd = open(sysctl->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got = read(fd, value, size - 1);
	int failed = got < 0 ? -errno : 0;
	close(fd);
	value[got > 0 ? got : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return failed;
}

int sysctl_write(const struct sysctl *sysctl, const char *value)
{
	int fd = open(sysctl->path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, value, strlen(value));
	int failed = written < 0 ? -errno : 0;
	close(fd);
	return failed;
}
