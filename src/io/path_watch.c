/* What the kernel tells on its own: routes, neighbours, interfaces, addresses, rules, IPsec.
 *
 * A notice is never believed in detail, it only says which paths to look at again; so one that was
 * lost (the socket overran, ENOBUFS) costs no more than looking at all of them. Not everything has
 * a notice of its own: routes that go with an interface or a local address go silently, so changes
 * of those mark the paths over them. Interfaces of sessions come and go by the thousand, and their
 * routes are to single addresses: both are passed over quickly.
 *
 * Notices of IPsec policies need CAP_NET_ADMIN when the socket is opened. Without it nothing could
 * be said against a policy, and no path is direct. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "netlink_inner.h"
#include "path_inner.h"

enum {
	DATAGRAMS_AT_ONCE = 64, /* then others have their turn */
	NOTICES_BUFFER = 1 << 20,
};

static bool inside(const struct address *a, const struct prefix *prefix)
{
	unsigned whole = prefix->length / 8, rest = prefix->length % 8;
	if (a->family != prefix->address.family ||
		memcmp(a->bytes, prefix->address.bytes, whole) != 0)
		return false;
	return !rest || (a->bytes[whole] ^ prefix->address.bytes[whole]) >> (8 - rest) == 0;
}

static void route_changed(struct paths *p, const struct nlmsghdr *header)
{
	struct netlink_route route;
	if (!netlink_read_route(header, &route))
		return;
	for (uint32_t i = 1; i <= p->high; i++)
		if (p->entries[i].wanted && inside(&p->entries[i].path.peer, &route.destination))
			paths_mark(p, i);
}

static bool same_link(const struct netlink_link *a, const struct netlink_link *b)
{
	return a->running == b->running && a->up == b->up && a->mtu == b->mtu &&
	       a->type == b->type && a->resolves == b->resolves && a->mac_length == b->mac_length &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

/* A link of ours is another now; or one of others came up, which can bring routes back. */
static void link_changed(struct paths *p, const struct nlmsghdr *header)
{
	struct netlink_link link;
	uint32_t i;
	if (!netlink_read_link(header, &link))
		return;
	for (i = 0; i < p->link_count; i++)
		if (p->links[i].index == link.index)
			break;
	if (i == p->link_count) {
		if (link.type == ARPHRD_ETHER && link.running)
			paths_mark_all(p);
		return;
	}
	bool was_running = p->links[i].running;
	if (header->nlmsg_type == RTM_DELLINK)
		p->links[i] = p->links[--p->link_count];
	else if (same_link(&p->links[i], &link))
		return;
	else
		p->links[i] = link;
	if (link.running != was_running) {
		paths_mark_all(p);
		return;
	}
	for (i = 1; i <= p->high; i++)
		if (p->entries[i].path.link == link.index)
			paths_mark(p, i);
}

static void neighbour_changed(struct paths *p, const struct nlmsghdr *header)
{
	struct netlink_neighbour n;
	if (!netlink_read_neighbour(header, &n) || n.address.family != 4)
		return;
	for (uint32_t i = 1; i <= p->high; i++) {
		const struct path_entry *entry = &p->entries[i];
		const struct path *path = &entry->path;
		if (path->link != n.link || memcmp(entry->next_hop, n.address.bytes, 4) != 0)
			continue;
		bool same = path->direct == n.valid &&
			    (!n.valid || memcmp(path->link_header, n.mac, 6) == 0);
		if (!same)
			paths_mark(p, i);
	}
}

static void address_changed(struct paths *p, const struct nlmsghdr *header)
{
	struct prefix address;
	unsigned link;
	if (!netlink_read_address(header, &link, &address))
		return;
	for (uint32_t i = 1; i <= p->high; i++) {
		const struct path *path = &p->entries[i].path;
		if (path->link == link || address_equal(&path->local, &address.address))
			paths_mark(p, i);
	}
}

static void policies_changed(struct paths *p)
{
	bool before = p->diverted;
	paths_look_at_policies(p);
	if (p->diverted != before)
		paths_mark_all(p);
}

static void on_notice(struct paths *p, const struct nlmsghdr *header)
{
	switch (header->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		route_changed(p, header);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		link_changed(p, header);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbour_changed(p, header);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		address_changed(p, header);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		policies_changed(p);
		paths_mark_all(p); /* rules choose among routes, too */
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		paths_mark_all(p);
		break;
	default:
		break;
	}
}

static void on_overrun(struct paths *p)
{
	p->link_count = 0;
	paths_look_at_policies(p);
	paths_mark_all(p);
}

static void on_routes(uv_poll_t *poll, int status, int events)
{
	struct paths *p = poll->data;
	_Alignas(struct nlmsghdr) uint8_t buffer[NETLINK_ANSWER_SIZE];
	for (unsigned n = 0; n < DATAGRAMS_AT_ONCE; n++) {
		ssize_t got = mnl_socket_recvfrom(p->routes.socket, buffer, sizeof(buffer));
		if (got < 0 && errno == ENOBUFS)
			on_overrun(p);
		if (got <= 0)
			return;
		int left = (int)got;
		const struct nlmsghdr *at = (const void *)buffer;
		for (; mnl_nlmsg_ok(at, left); at = mnl_nlmsg_next(at, &left))
			on_notice(p, at);
	}
}

static void on_policies(uv_poll_t *poll, int status, int events)
{
	struct paths *p = poll->data;
	uint8_t buffer[NETLINK_ANSWER_SIZE];
	while (mnl_socket_recvfrom(p->policies.socket, buffer, sizeof(buffer)) > 0)
		;
	policies_changed(p);
}

static int join(struct mnl_socket *socket, const int *groups, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP,
			    (void *)(uintptr_t)&groups[i], sizeof(groups[i])) < 0)
			return -errno;
	return 0;
}

static int watch(struct paths *p, struct path_watch *w, int family, const int *groups, size_t count,
	uv_poll_cb on_event)
{
	int size = NOTICES_BUFFER, failed;
	w->socket = mnl_socket_open2(family, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket)
		return -errno;
	failed = mnl_socket_bind(w->socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!failed)
		failed = join(w->socket, groups, count);
	int fd = mnl_socket_get_fd(w->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!failed)
		failed = uv_poll_init(p->config.loop, &w->poll, fd);
	if (failed) {
		mnl_socket_close(w->socket);
		w->socket = NULL;
		return failed;
	}
	w->poll.data = p;
	uv_poll_start(&w->poll, UV_READABLE, on_event);
	return 0;
}

int paths_watch(struct paths *p, char error[256])
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP};
	static const int policies[] = {XFRMNLGRP_POLICY};
	size_t count = sizeof(groups) / sizeof(groups[0]);
	int failed = watch(p, &p->routes, NETLINK_ROUTE, groups, count, on_routes);
	if (failed == -EINVAL) /* a kernel before 5.3 has no group for next hops */
		failed = watch(p, &p->routes, NETLINK_ROUTE, groups, count - 1, on_routes);
	if (failed) {
		snprintf(error, 256, "Couldn't watch routes: %s", strerror(-failed));
		return failed;
	}
	/* Where it fails for want of privilege, asking failed too, and `diverted` is set. */
	watch(p, &p->policies, NETLINK_XFRM, policies, 1, on_policies);
	return 0;
}

static void stop(struct paths *p, struct path_watch *w, uv_close_cb closed)
{
	if (!w->socket)
		return;
	uv_poll_stop(&w->poll);
	p->closing++;
	uv_close((uv_handle_t *)&w->poll, closed);
	mnl_socket_close(w->socket);
	w->socket = NULL;
}

void paths_watch_stop(struct paths *p, uv_close_cb closed)
{
	stop(p, &p->routes, closed);
	stop(p, &p->policies, closed);
}
