/* Interfaces, their addresses and routes (see netdev.h). They vanish with the TUN's descriptor, so
 * nothing of this needs to be written down for a crash. */
#include "netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "path.h"
#include "ppp_unit.h"
#include "tun.h"

static int complain(struct host *host, int failed)
{
	log_line(&host->log, LOG_LINE_ERROR, "%s", netlink_error(host->netlink));
	return failed;
}

int netdev_route(struct host *host, unsigned link, uint32_t remote4, bool add)
{
	struct netlink_route route = {.link = link};
	route.destination.address = address_ipv4(remote4);
	route.destination.length = 32;
	int failed = add ? netlink_route_add(host->netlink, &route)
			 : netlink_route_delete(host->netlink, &route);
	if (failed == -EEXIST || failed == -ESRCH)
		return 0;
	return failed ? complain(host, failed) : 0;
}

/* The longest prefix that begins at `first` and does not pass `last`. */
static uint8_t prefix_at(uint32_t first, uint32_t last)
{
	uint8_t length = 32;
	while (length > 1) {
		uint32_t size = UINT32_C(1) << (33 - length);
		if (first & (size - 1) || size - 1 > last - first)
			break;
		length--;
	}
	return length;
}

static int route_range(struct host *host, unsigned link, const struct ipv4_range *range)
{
	uint32_t first = range->first;
	for (;;) {
		struct netlink_route route = {.link = link};
		route.destination.address = address_ipv4(first);
		route.destination.length = prefix_at(first, range->last);
		int failed = netlink_route_add(host->netlink, &route);
		if (failed && failed != -EEXIST)
			return complain(host, failed);
		uint32_t size_less_one = route.destination.length
						 ? UINT32_MAX >> route.destination.length
						 : UINT32_MAX;
		if (route.destination.length == 32)
			size_less_one = 0;
		if (range->last - first <= size_less_one)
			return 0;
		first += size_less_one + 1;
	}
}

/* The name that an interface is to have in the namespace it goes to: as wanted, or if that is taken
 * or a pattern the first free pppN. */
static void free_name(struct host *host, const char *wanted, char name[SEAT_INTERFACE_SIZE])
{
	unsigned number = 0;
	bool pattern = strchr(wanted, '%');
	if (!pattern && netlink_link_index(host->netlink, wanted) == -ENODEV) {
		snprintf(name, SEAT_INTERFACE_SIZE, "%s", wanted);
		return;
	}
	do
		snprintf(name, SEAT_INTERFACE_SIZE, "ppp%u", number++);
	while (netlink_link_index(host->netlink, name) > 0);
	if (!pattern)
		log_line(&host->log, LOG_LINE_WARNING,
			"The interface name %s is taken in the network namespace %s: using %s",
			wanted, host->settings->netns, name);
}

/* From the network we are in to --netns. Its index there, or -errno. */
static int move_inside(struct host *host, const char *wanted, char name[SEAT_INTERFACE_SIZE])
{
	int link = netlink_link_index(host->outside, name);
	if (link > 0) {
		free_name(host, wanted, name);
		link = netlink_link_move(host->outside, (unsigned)link, host->space, name);
	}
	if (link < 0)
		log_line(&host->log, LOG_LINE_ERROR, "%s", netlink_error(host->outside));
	return link < 0 ? link : netlink_link_index(host->netlink, name);
}

int netdev_shared(struct host *host, const char *name, uint32_t local4,
	const struct range_list *pool, unsigned *link)
{
	struct address local = address_ipv4(local4);
	char given[SEAT_INTERFACE_SIZE];
	snprintf(given, sizeof given, "%s", name);
	if (host->space >= 0 && netlink_link_index(host->netlink, name) > 0) {
		log_line(&host->log, LOG_LINE_ERROR,
			"The network namespace %s has an interface %s already: choose another "
			"name with --ifname",
			host->settings->netns, name);
		return -EEXIST;
	}
	int index = host->space < 0 ? netlink_link_index(host->netlink, name)
				    : move_inside(host, name, given);
	if (index < 0)
		return complain(host, index);
	*link = (unsigned)index;
	netlink_link_plain(host->netlink, *link);
	int failed = netlink_address_add(host->netlink, *link, &local, NULL, 32);
	if (!failed || failed == -EEXIST)
		failed = netlink_link_up(host->netlink, *link, true);
	if (failed)
		return complain(host, failed);
	for (size_t i = 0; i < pool->count; i++) {
		failed = route_range(host, *link, &pool->at[i]);
		if (failed)
			return failed;
	}
	return 0;
}

/* A group that nobody else uses: what we make can then be removed in one go. Drawn, because two
 * containers on one network may both run us as process 1. */
static uint32_t own_group(struct host *host)
{
	while (!host->interface_group)
		host->interface_group = random_u32(&host->random);
	return host->interface_group;
}

/* For whichever session comes to be. */
static int make_unit(
	struct host *host, const char *wanted, char interface[SEAT_INTERFACE_SIZE], char words[256])
{
	struct ppp_unit unit;
	int failed = ppp_unit_make(&unit, host->outside, wanted, words);
	memcpy(interface, unit.name, SEAT_INTERFACE_SIZE);
	return failed ? failed : unit.fd;
}

/* A TUN, or what the data plane has instead. Its descriptor. */
static int open_interface(struct host *host, uint32_t subject, const char *wanted,
	char interface[SEAT_INTERFACE_SIZE])
{
	char words[256] = "";
	struct tun_config config = {.name = wanted, .offload = host->settings->offload};
	int fd = -EOPNOTSUPP;
	if (host->plane->open_interface && subject)
		fd = host->plane->open_interface(
			host->dataplane, subject, wanted, -1, interface, words);
	else if (host->plane->open_interface)
		fd = make_unit(host, wanted, interface, words);
	if (fd == -EOPNOTSUPP)
		fd = tun_open(&config, interface, words);
	if (fd < 0)
		log_line(&host->log, LOG_LINE_ERROR, "%s", words);
	else if (*words)
		log_line(&host->log, LOG_LINE_WARNING, "%s", words);
	return fd;
}

int netdev_make(struct host *host, uint32_t subject, const char *wanted,
	char interface[SEAT_INTERFACE_SIZE], unsigned *link)
{
	/* What is free here need not be free there: it gets its name there. */
	int tun = open_interface(host, subject, host->space < 0 ? wanted : "ppp%d", interface);
	if (tun < 0)
		return tun;
	int index = host->space < 0 ? netlink_link_index(host->netlink, interface)
				    : move_inside(host, wanted, interface);
	if (index < 0) {
		close(tun);
		return complain(host, index);
	}
	*link = (unsigned)index;
	if (host->space >= 0 && host->plane->moved_inside && subject)
		host->plane->moved_inside(host->dataplane, subject, *link);
	netlink_link_plain(host->netlink, *link);
	/* Without its group it goes with its descriptor, one by one. */
	netlink_link_group(host->netlink, *link, own_group(host));
	return tun;
}

int netdev_open(struct host *host, struct seat *seat, const char *wanted)
{
	return netdev_make(host, seat_subject(seat), wanted, seat->interface, &seat->link);
}

int netdev_again(struct host *host, struct seat *seat, int kept)
{
	char name[SEAT_INTERFACE_SIZE], words[256];
	int fd = -EOPNOTSUPP;
	memcpy(name, seat->interface, sizeof name);
	if (host->plane->open_interface)
		fd = host->plane->open_interface(
			host->dataplane, seat_subject(seat), name, kept, seat->interface, words);
	if (fd >= 0 && host->space >= 0 && host->plane->moved_inside)
		host->plane->moved_inside(host->dataplane, seat_subject(seat), seat->link);
	if (fd != -EOPNOTSUPP)
		return fd;
	fd = tun_is_one(kept) ? fcntl(kept, F_DUPFD_CLOEXEC, 0) : -EOPNOTSUPP;
	return fd == -1 ? -errno : fd;
}

int netdev_moved(struct host *host, struct seat *seat)
{
	char name[SEAT_INTERFACE_SIZE];
	if (!seat->link)
		return 0; /* none was made yet, or it is shared */
	if (seat->tun < 0)
		return -ENODEV; /* it was up, and went with the other plane */
	memcpy(name, seat->interface, sizeof name);
	close(seat->tun);
	seat->link = 0;
	seat->tun = netdev_open(host, seat, name);
	return seat->tun < 0 ? seat->tun : 0;
}

void netdev_delete_all(struct host *host)
{
	if (host->interface_group)
		netlink_group_delete(host->netlink, host->interface_group);
}

int netdev_configure(struct host *host, struct seat *seat)
{
	struct address local = address_ipv4(seat->local4), remote = address_ipv4(seat->remote4);
	int failed = 0;
	if (seat->local4) /* a peer need not say its own */
		failed = netlink_address_add(
			host->netlink, seat->link, &local, seat->remote4 ? &remote : NULL, 32);
	if (!failed || failed == -EEXIST)
		failed = netlink_link_mtu(host->netlink, seat->link, seat->session.facts.mtu);
	return failed ? complain(host, failed) : 0;
}

int netdev_up(struct host *host, struct seat *seat, int tun)
{
	int failed = netlink_link_up(host->netlink, seat->link, true);
	if (failed) {
		close(tun);
		return complain(host, failed);
	}
	failed = host->plane->interface(host->dataplane, seat_subject(seat), tun);
	if (failed)
		close(tun); /* the session ended just now */
	return failed;
}

uint16_t netdev_path_mtu(struct host *host, const struct address *peer)
{
	enum { LEAST = 576 };
	uint32_t outer = path_mtu(host->outside, NULL, peer), header = peer->family == 6 ? 40 : 20;
	if (!outer)
		outer = OUTER_MTU_DEFAULT;
	uint32_t inner = outer > header + GRE_OVERHEAD_MAX ? outer - header - GRE_OVERHEAD_MAX : 0;
	if (inner < LEAST)
		return LEAST;
	/* A path wider than Ethernet's is most often a loopback or a veth on the way to one. */
	return inner > 1500 - 20 - GRE_OVERHEAD_MAX ? NETDEV_SHARED_MTU : (uint16_t)inner;
}

struct prefix netdev_cover(const struct range_list *ranges)
{
	uint32_t first = UINT32_MAX, last = 0;
	struct prefix cover = {.length = 32};
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->at[i].first < first)
			first = ranges->at[i].first;
		if (ranges->at[i].last > last)
			last = ranges->at[i].last;
	}
	while (cover.length && (first ^ last) >> (32 - cover.length))
		cover.length--;
	uint32_t mask = cover.length ? UINT32_MAX << (32 - cover.length) : 0;
	cover.address = address_ipv4(first & mask);
	return cover;
}
