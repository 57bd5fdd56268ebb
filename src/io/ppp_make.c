/* Making units: by rtnetlink (`kind ppp`, Linux 4.8), which takes a name, or by PPPIOCNEWUNIT,
 * which takes a number. Neither takes both: a unit that wants both is made by number and renamed. A
 * number or a name that somebody has is not worth failing for; pppd takes the next free one, too.
 *
 * The kernel names a unit after its number, and skips numbers whose name another interface bears
 * (a TUN may be called ppp0); older ones than 5.16 fail instead, so numbers are tried in turn. */
#include "ppp_make.h"

#include <errno.h>
#include <linux/ppp-ioctl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ppp_device.h"

int ppp_number(int fd)
{
	int number;
	return ioctl(fd, PPPIOCGUNIT, &number) < 0 ? -errno : number;
}

/* 5 for "ppp5", PPP_ANY for another name. */
static int number_in(const char *name)
{
	char *end;
	if (strncmp(name, "ppp", 3) != 0 || name[3] < '0' || name[3] > '9')
		return PPP_ANY;
	long number = strtol(name + 3, &end, 10);
	return *end || number > UINT16_MAX ? PPP_ANY : (int)number;
}

static int by_number(int fd, int number)
{
	return ioctl(fd, PPPIOCNEWUNIT, &number) < 0 ? -errno : 0;
}

/* The first free number. */
static int by_any_number(int fd)
{
	enum { TRIES = 1024 };
	int failed = by_number(fd, PPP_ANY);
	for (int number = 0; failed == -EEXIST && number < TRIES; number++)
		failed = by_number(fd, number);
	return failed;
}

/* The kernel says EBUSY where another unit is being made at this very moment. */
static int by_name(struct netlink *nl, int fd, const char *name)
{
	enum { TRIES = 50 };
	int failed = netlink_ppp_add(nl, name, fd);
	for (int i = 0; failed == -EBUSY && i < TRIES; i++) {
		poll(NULL, 0, 1);
		failed = netlink_ppp_add(nl, name, fd);
	}
	return failed;
}

/* Makes the unit. `name` is left to be given (renaming) where the result is 1. */
static int make(struct ppp_made *unit, const struct ppp_wish *wish, const char *name,
	struct netlink *nl, char words[256])
{
	int failed = -EOPNOTSUPP;
	if (wish->number == PPP_ANY && name) {
		failed = by_name(nl, unit->fd, name);
		if (!failed || failed == -EEXIST)
			name = NULL;
		if (failed == -EEXIST)
			snprintf(words, 256, "The interface name %.15s is taken", wish->name);
	} else if (wish->number != PPP_ANY) {
		failed = by_number(unit->fd, wish->number);
		if (failed == -EEXIST)
			snprintf(words, 256, "PPP unit %d is in use already", wish->number);
	}
	if (failed)
		failed = by_any_number(unit->fd);
	return failed ? failed : name != NULL;
}

/* Where it is, and its name: a chosen one, or after its number. */
static int find(
	struct ppp_made *unit, const char *named, bool rename, struct netlink *nl, char words[256])
{
	char plain[PPP_NAME_SIZE];
	unit->number = ppp_number(unit->fd);
	if (unit->number < 0)
		return unit->number;
	snprintf(plain, sizeof(plain), "ppp%d", unit->number);
	const char *name = named && !rename ? named : plain;
	int link = netlink_link_index(nl, name);
	if (link < 0)
		return link;
	unit->link = (unsigned)link;
	if (rename) {
		int failed = netlink_link_rename(nl, unit->link, named);
		if (failed == -EEXIST)
			snprintf(words, 256, "The interface name %.15s is taken", named);
		else if (failed)
			return failed;
		else
			name = named;
	}
	snprintf(unit->name, sizeof(unit->name), "%s", name);
	return 0;
}

int ppp_make(
	struct ppp_made *unit, const struct ppp_wish *asked, struct netlink *nl, char words[256])
{
	struct ppp_wish wish = *asked;
	const char *name = wish.name && !strchr(wish.name, '%') ? wish.name : NULL;
	words[0] = '\0';
	if (name && (!*name || strlen(name) >= PPP_NAME_SIZE)) {
		snprintf(words, 256, "Couldn't use \"%.40s\" as an interface name: 1 to %d letters",
			name, PPP_NAME_SIZE - 1);
		return -EINVAL;
	}
	if (name && number_in(name) != PPP_ANY) {
		if (wish.number == PPP_ANY)
			wish.number = number_in(name);
		if (wish.number == number_in(name))
			name = NULL;
	}
	*unit = (struct ppp_made){.fd = ppp_device_open(words)};
	if (unit->fd < 0)
		return unit->fd;
	int made = make(unit, &wish, name, nl, words);
	bool taken = made >= 0 && words[0] && wish.number == PPP_ANY;
	int failed = made < 0 ? made : find(unit, taken ? NULL : name, made == 1, nl, words);
	if (failed) {
		snprintf(words, 256, "Couldn't make a PPP interface%s%.15s: %s: %s",
			name ? " named " : "", name ? name : "", strerror(-failed),
			failed == -EPERM ? "CAP_NET_ADMIN is missing: run as root"
					 : "see greyline doctor");
		close(unit->fd);
		unit->fd = -1;
		return failed;
	}
	size_t length = strlen(words);
	if (length)
		snprintf(words + length, 256 - length, ": using %s", unit->name);
	return 0;
}
