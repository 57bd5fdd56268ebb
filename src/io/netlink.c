/* rtnetlink through libmnl: one request, one answer. RFC 3549; rtnetlink(7).
 *
 * Extended acknowledgements are switched on, so that the kernel's own sentence ("Nexthop has
 * invalid gateway") reaches the user instead of a bare EINVAL. Requests are answered at once by
 * the kernel itself, so waiting for the answer on the control thread is no blocking call in the
 * sense of a peer's. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netlink_inner.h"
#include "text.h"

int netlink_open(struct netlink **netlink)
{
	return netlink_open_family(netlink, NETLINK_ROUTE);
}

int netlink_open_family(struct netlink **netlink, int family)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(family, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int failed = -errno;
		netlink_close(nl);
		return failed;
	}
	int on = 1;
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nl->port = mnl_socket_get_portid(nl->socket);
	nl->sequence = (uint32_t)time(NULL);
	*netlink = nl;
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

const char *netlink_error(const struct netlink *nl)
{
	return nl->error;
}

/* Remembers what failed; returns `result` for the caller to hand on. */
int netlink_explain(struct netlink *nl, int result, const char *format, ...)
{
	char what[128];
	va_list arguments;
	if (result >= 0)
		return result;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(nl->error, sizeof(nl->error), "%s: %s%s%s%s", what, strerror(-result),
		nl->kernel[0] ? " (" : "", nl->kernel, nl->kernel[0] ? ")" : "");
	return result;
}

struct nlmsghdr *netlink_request(struct netlink *nl, uint16_t type, uint16_t flags)
{
	memset(nl->request, 0, sizeof(nl->request));
	struct nlmsghdr *header = mnl_nlmsg_put_header(nl->request);
	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = ++nl->sequence;
	return header;
}

static int keep_message(const struct nlattr *attribute, void *context)
{
	struct netlink *nl = context;
	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
		snprintf(nl->kernel, sizeof(nl->kernel), "%.*s",
			(int)mnl_attr_get_payload_len(attribute),
			(const char *)mnl_attr_get_payload(attribute));
	return MNL_CB_OK;
}

/* The result of an NLMSG_ERROR; the extended message follows the error number and either the
 * whole request or, when NLM_F_CAPPED, its header alone. */
static int read_error(struct netlink *nl, const struct nlmsghdr *header)
{
	const struct nlmsgerr *failure = mnl_nlmsg_get_payload(header);
	if (header->nlmsg_len < mnl_nlmsg_size(sizeof(*failure)))
		return -EBADMSG;
	size_t skip = sizeof(*failure);
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += failure->msg.nlmsg_len - sizeof(failure->msg);
	if (header->nlmsg_flags & NLM_F_ACK_TLVS && mnl_nlmsg_size(skip) <= header->nlmsg_len)
		mnl_attr_parse(header, (unsigned)MNL_ALIGN(skip), keep_message, nl);
	return failure->error;
}

int netlink_transact(
	struct netlink *nl, struct nlmsghdr *header, netlink_visit *visit, void *context)
{
	bool more = header->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP);
	nl->kernel[0] = '\0';
	nl->error[0] = '\0';
	if (mnl_socket_sendto(nl->socket, header, header->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl->socket, nl->answer, sizeof(nl->answer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		int left = (int)got;
		const struct nlmsghdr *at = (const void *)nl->answer;
		for (; mnl_nlmsg_ok(at, left); at = mnl_nlmsg_next(at, &left)) {
			if (at->nlmsg_seq != nl->sequence)
				continue; /* the rest of a dump given up earlier */
			if (at->nlmsg_type == NLMSG_ERROR)
				return read_error(nl, at);
			if (at->nlmsg_type == NLMSG_DONE)
				return 0;
			if (visit)
				visit(context, at);
			if (!more)
				return 0;
		}
	}
}

static int run(struct netlink *nl, struct nlmsghdr *header)
{
	header->nlmsg_flags |= NLM_F_ACK;
	return netlink_transact(nl, header, NULL, NULL);
}

static const char *address_words(char *buffer, size_t size, const struct address *a)
{
	struct text t = text_over(buffer, size);
	text_address(&t, a);
	return buffer;
}

/* ---- links ---- */

static struct nlmsghdr *link_request(
	struct netlink *nl, uint16_t type, unsigned link, struct ifinfomsg **info)
{
	struct nlmsghdr *header = netlink_request(nl, type, 0);
	*info = mnl_nlmsg_put_extra_header(header, sizeof(**info));
	(*info)->ifi_family = AF_UNSPEC;
	(*info)->ifi_index = (int)link;
	return header;
}

static void take_link(void *context, const struct nlmsghdr *header)
{
	netlink_read_link(header, context);
}

int netlink_link_index(struct netlink *nl, const char *name)
{
	struct ifinfomsg *info;
	struct netlink_link link = {.index = 0};
	struct nlmsghdr *header = link_request(nl, RTM_GETLINK, 0, &info);
	if (strlen(name) >= IFNAMSIZ)
		return netlink_explain(nl, -ENODEV, "Couldn't find the interface %.40s", name);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	int failed = netlink_transact(nl, header, take_link, &link);
	if (!failed && !link.index)
		failed = -ENODEV;
	return failed ? netlink_explain(nl, failed, "Couldn't find the interface %s", name)
		      : (int)link.index;
}

int netlink_link_get(struct netlink *nl, unsigned link, struct netlink_link *answer)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_GETLINK, link, &info);
	memset(answer, 0, sizeof(*answer));
	int failed = netlink_transact(nl, header, take_link, answer);
	if (!failed && !answer->index)
		failed = -ENODEV;
	return netlink_explain(nl, failed, "Couldn't read interface %u", link);
}

static int index_counters(const struct nlattr *attribute, void *context)
{
	struct netlink_counters *answer = context;
	struct rtnl_link_stats64 stats;
	size_t length = mnl_attr_get_payload_len(attribute);
	if (mnl_attr_get_type(attribute) != IFLA_STATS64)
		return MNL_CB_OK;
	memset(&stats, 0, sizeof(stats));
	memcpy(&stats, mnl_attr_get_payload(attribute),
		length < sizeof(stats) ? length : sizeof(stats));
	*answer = (struct netlink_counters){
		.rx_packets = stats.rx_packets,
		.rx_bytes = stats.rx_bytes,
		.tx_packets = stats.tx_packets,
		.tx_bytes = stats.tx_bytes,
		.rx_errors = stats.rx_errors,
		.rx_dropped = stats.rx_dropped,
		.rx_length_errors = stats.rx_length_errors,
		.tx_errors = stats.tx_errors,
		.tx_dropped = stats.tx_dropped,
	};
	return MNL_CB_OK;
}

static void take_counters(void *answer, const struct nlmsghdr *header)
{
	if (header->nlmsg_type == RTM_NEWLINK)
		mnl_attr_parse(header, sizeof(struct ifinfomsg), index_counters, answer);
}

int netlink_link_counters(struct netlink *nl, unsigned link, struct netlink_counters *answer)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_GETLINK, link, &info);
	memset(answer, 0, sizeof(*answer));
	return netlink_explain(nl, netlink_transact(nl, header, take_counters, answer),
		"Couldn't read the counters of interface %u", link);
}

int netlink_link_up(struct netlink *nl, unsigned link, bool up)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return netlink_explain(
		nl, run(nl, header), "Couldn't set interface %u %s", link, up ? "up" : "down");
}

int netlink_link_mtu(struct netlink *nl, unsigned link, unsigned mtu)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	mnl_attr_put_u32(header, IFLA_MTU, mtu);
	return netlink_explain(
		nl, run(nl, header), "Couldn't set the MTU of interface %u to %u", link, mtu);
}

int netlink_link_plain(struct netlink *nl, unsigned link)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	struct nlattr *families = mnl_attr_nest_start(header, IFLA_AF_SPEC);
	struct nlattr *ipv6 = mnl_attr_nest_start(header, AF_INET6);
	mnl_attr_put_u8(header, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(header, ipv6);
	mnl_attr_nest_end(header, families);
	return netlink_explain(nl, run(nl, header),
		"Couldn't keep the kernel from giving interface %u an address", link);
}

int netlink_link_rename(struct netlink *nl, unsigned link, const char *name)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	if (strlen(name) >= IFNAMSIZ)
		return netlink_explain(
			nl, -EINVAL, "Couldn't rename interface %u to %.40s", link, name);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	return netlink_explain(
		nl, run(nl, header), "Couldn't rename interface %u to %s", link, name);
}

int netlink_link_delete(struct netlink *nl, unsigned link)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_DELLINK, link, &info);
	return netlink_explain(nl, run(nl, header), "Couldn't delete interface %u", link);
}

int netlink_link_group(struct netlink *nl, unsigned link, uint32_t group)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	mnl_attr_put_u32(header, IFLA_GROUP, group);
	return netlink_explain(
		nl, run(nl, header), "Couldn't put interface %u into group %u", link, group);
}

int netlink_group_delete(struct netlink *nl, uint32_t group)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_DELLINK, 0, &info);
	mnl_attr_put_u32(header, IFLA_GROUP, group);
	return netlink_explain(
		nl, run(nl, header), "Couldn't delete the interfaces of group %u", group);
}

/* ---- addresses ---- */

static struct nlmsghdr *address_request(struct netlink *nl, uint16_t type, uint16_t flags,
	unsigned link, const struct address *local, const struct address *peer, unsigned length)
{
	struct nlmsghdr *header = netlink_request(nl, type, flags);
	struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ifa_family = netlink_family(local->family);
	message->ifa_prefixlen = (uint8_t)length;
	message->ifa_index = link;
	netlink_put_address(header, IFA_LOCAL, local);
	netlink_put_address(header, IFA_ADDRESS, peer ? peer : local);
	return header;
}

static int explain_address(struct netlink *nl, int result, const char *verb,
	const struct address *local, unsigned length, unsigned link)
{
	char words[64];
	return netlink_explain(nl, result, "Couldn't %s address %s/%u %s interface %u", verb,
		address_words(words, sizeof(words), local), length, verb[0] == 'a' ? "to" : "from",
		link);
}

static int change_address(struct netlink *nl, uint16_t type, uint16_t flags, unsigned link,
	const struct address *local, const struct address *peer, unsigned length)
{
	struct nlmsghdr *header = address_request(nl, type, flags, link, local, peer, length);
	struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	/* No duplicate address detection: nobody else is on a point-to-point link. */
	if (local->family == 6)
		message->ifa_flags = IFA_F_NODAD;
	return explain_address(
		nl, run(nl, header), type == RTM_NEWADDR ? "add" : "delete", local, length, link);
}

int netlink_address_lease(struct netlink *nl, unsigned link, const struct address *local,
	unsigned length, uint32_t preferred, uint32_t valid)
{
	struct ifa_cacheinfo times = {.ifa_prefered = preferred, .ifa_valid = valid};
	struct nlmsghdr *header = address_request(
		nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link, local, NULL, length);
	mnl_attr_put(header, IFA_CACHEINFO, sizeof(times), &times);
	return explain_address(nl, run(nl, header), "add", local, length, link);
}

int netlink_address_add(struct netlink *nl, unsigned link, const struct address *local,
	const struct address *peer, unsigned length)
{
	return change_address(
		nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link, local, peer, length);
}

int netlink_address_delete(struct netlink *nl, unsigned link, const struct address *local,
	const struct address *peer, unsigned length)
{
	return change_address(nl, RTM_DELADDR, 0, link, local, peer, length);
}

struct address_walk {
	netlink_address_visit *visit;
	void *context;
	uint8_t family;
	unsigned link;
	bool done;
};

static void visit_address(void *context, const struct nlmsghdr *header)
{
	struct address_walk *walk = context;
	struct prefix address;
	unsigned link;
	if (walk->done || !netlink_read_address(header, &link, &address) ||
		address.address.family != walk->family || (walk->link && link != walk->link))
		return;
	walk->done = !walk->visit(walk->context, link, &address);
}

int netlink_addresses(struct netlink *nl, uint8_t family, unsigned link,
	netlink_address_visit *visit, void *context)
{
	struct address_walk walk = {visit, context, family, link, false};
	struct nlmsghdr *header = netlink_request(nl, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ifa_family = netlink_family(family);
	return netlink_explain(
		nl, netlink_transact(nl, header, visit_address, &walk), "Couldn't list addresses");
}

/* ---- routes ---- */

static struct nlmsghdr *route_request(
	struct netlink *nl, uint16_t type, uint16_t flags, const struct netlink_route *route)
{
	struct nlmsghdr *header = netlink_request(nl, type, flags);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	uint32_t table = route->table ? route->table : NETLINK_TABLE_MAIN;
	bool deleting = type == RTM_DELROUTE;
	message->rtm_family = netlink_family(route->destination.address.family);
	message->rtm_dst_len = route->destination.length;
	message->rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	message->rtm_protocol = deleting ? route->protocol : NETLINK_PROTOCOL;
	message->rtm_type = deleting ? RTN_UNSPEC : RTN_UNICAST;
	message->rtm_scope = deleting                     ? RT_SCOPE_NOWHERE
			     : route->gateway.family == 0 ? RT_SCOPE_LINK
							  : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(header, RTA_TABLE, table);
	if (route->destination.length)
		netlink_put_address(header, RTA_DST, &route->destination.address);
	netlink_put_address(header, RTA_GATEWAY, &route->gateway);
	netlink_put_address(header, RTA_PREFSRC, &route->source);
	if (route->link)
		mnl_attr_put_u32(header, RTA_OIF, route->link);
	if (route->metric)
		mnl_attr_put_u32(header, RTA_PRIORITY, route->metric);
	return header;
}

static int change_route(struct netlink *nl, uint16_t type, uint16_t flags,
	const struct netlink_route *route, const char *verb)
{
	char words[64];
	int result = run(nl, route_request(nl, type, flags, route));
	return netlink_explain(nl, result, "Couldn't %s the route to %s/%u", verb,
		address_words(words, sizeof(words), &route->destination.address),
		route->destination.length);
}

int netlink_route_add(struct netlink *nl, const struct netlink_route *route)
{
	return change_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route, "add");
}

int netlink_route_replace(struct netlink *nl, const struct netlink_route *route)
{
	return change_route(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, "replace");
}

int netlink_route_delete(struct netlink *nl, const struct netlink_route *route)
{
	return change_route(nl, RTM_DELROUTE, 0, route, "delete");
}

static void take_route(void *context, const struct nlmsghdr *header)
{
	netlink_read_route(header, context);
}

int netlink_route_get(struct netlink *nl, const struct address *from, const struct address *to,
	struct netlink_route *answer)
{
	struct nlmsghdr *header = netlink_request(nl, RTM_GETROUTE, 0);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	char words[64];
	memset(answer, 0, sizeof(*answer));
	message->rtm_family = netlink_family(to->family);
	message->rtm_dst_len = to->family == 6 ? 128 : 32;
	netlink_put_address(header, RTA_DST, to);
	if (from && from->family == to->family) {
		message->rtm_src_len = message->rtm_dst_len;
		netlink_put_address(header, RTA_SRC, from);
	}
	int result = netlink_transact(nl, header, take_route, answer);
	if (!result && !answer->link)
		result = -ENETUNREACH;
	return netlink_explain(
		nl, result, "Couldn't find a route to %s", address_words(words, sizeof(words), to));
}

struct route_walk {
	netlink_route_visit *visit;
	void *context;
	uint8_t family;
	unsigned link;
	bool done;
};

static void visit_route(void *context, const struct nlmsghdr *header)
{
	struct route_walk *walk = context;
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct netlink_route route;
	if (walk->done || !netlink_read_route(header, &route) || !route.unicast ||
		route.destination.address.family != walk->family ||
		message->rtm_flags & RTM_F_CLONED || (walk->link && route.link != walk->link))
		return;
	walk->done = !walk->visit(walk->context, &route);
}

int netlink_routes(struct netlink *nl, uint8_t family, unsigned link, netlink_route_visit *visit,
	void *context)
{
	struct route_walk walk = {visit, context, family, link, false};
	struct nlmsghdr *header = netlink_request(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = netlink_family(family);
	return netlink_explain(
		nl, netlink_transact(nl, header, visit_route, &walk), "Couldn't list routes");
}

/* ---- neighbours ---- */

static void take_neighbour(void *context, const struct nlmsghdr *header)
{
	netlink_read_neighbour(header, context);
}

int netlink_neighbour_get(struct netlink *nl, unsigned link, const struct address *address,
	struct netlink_neighbour *answer)
{
	struct nlmsghdr *header = netlink_request(nl, RTM_GETNEIGH, 0);
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	char words[64];
	memset(answer, 0, sizeof(*answer));
	message->ndm_family = netlink_family(address->family);
	message->ndm_ifindex = (int)link;
	netlink_put_address(header, NDA_DST, address);
	int result = netlink_transact(nl, header, take_neighbour, answer);
	if (!result && !answer->link)
		result = -ENOENT;
	return netlink_explain(nl, result, "Couldn't find the neighbour %s",
		address_words(words, sizeof(words), address));
}
