/* Namespaces by unshare(2) and setns(2). A socket or TUN belongs to the namespace its thread was in
 * when it was made, so one test process can hold both ends of a link. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "netns.h"
#include "tun.h"

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void run(const char *format, ...)
{
	char command[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		exit(1);
	}
}

struct address ip(const char *words)
{
	struct address a = {.family = strchr(words, ':') ? 6 : 4};
	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, words, a.bytes) != 1)
		fail(words);
	return a;
}

unsigned link_index(const char *name)
{
	unsigned index = if_nametoindex(name);
	if (!index)
		fail(name);
	return index;
}

void netns_enter_or_skip(void)
{
	if (geteuid() != 0) {
		printf("skipped: needs root for a network namespace of its own\n");
		exit(77);
	}
	/* A mount namespace too, so that what is mounted or written to /sys stays here. */
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		printf("skipped: no network namespace: %s\n", strerror(errno));
		exit(77);
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("private mounts");
	run("ip link set lo up");
}

int netns_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("/proc/thread-self/ns/net");
	return fd;
}

int netns_new(void)
{
	int here = netns_current();
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	int there = netns_current();
	run("ip link set lo up");
	netns_enter(here);
	close(here);
	return there;
}

void netns_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		fail("setns");
}

int open_tun(const char *wanted, char name[16], char error[256])
{
	struct tun_config config = {.name = wanted};
	return tun_open(&config, name, error);
}
