/* rtnetlink through libmnl: one request, one answer. RFC 3549; rtnetlink(7).
 *
 * Extended acknowledgements are switched on, so that the kernel's own sentence ("Nexthop has
 * invalid gateway") reaches the user instead of a bare EINVAL. Requests are answered at once by
 * the kernel itself, so waiting for the answer on the control thread is no blocking call in the
 * sense of a peer's. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netlink.h"
#include "text.h"

enum { ERROR_SIZE = 512, REQUEST_SIZE = 1024, ANSWER_SIZE = 32768 };

struct netlink {
	struct mnl_socket *socket;
	unsigned port;
	uint32_t sequence;
	char error[ERROR_SIZE];
	char kernel[128]; /* the extended message of the request under way */
	uint8_t request[REQUEST_SIZE];
	uint8_t answer[ANSWER_SIZE];
};

int netlink_open(struct netlink **netlink)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	if (!nl)
		return -ENOMEM;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
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
__attribute__((format(printf, 3, 4))) static int explain(
	struct netlink *nl, int result, const char *format, ...)
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

static struct nlmsghdr *request(struct netlink *nl, uint16_t type, uint16_t flags)
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

typedef void message_visit(void *context, const struct nlmsghdr *header);

/* Sends the request and reads until its acknowledgement or the end of its dump. */
static int transact(
	struct netlink *nl, struct nlmsghdr *header, message_visit *visit, void *context)
{
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
		}
	}
}

static int run(struct netlink *nl, struct nlmsghdr *header)
{
	header->nlmsg_flags |= NLM_F_ACK;
	return transact(nl, header, NULL, NULL);
}

static const char *address_words(char *buffer, size_t size, const struct address *a)
{
	struct text t = text_over(buffer, size);
	text_address(&t, a);
	return buffer;
}

static unsigned char kernel_family(uint8_t family)
{
	return family == 6 ? AF_INET6 : family == 4 ? AF_INET : AF_UNSPEC;
}

static uint8_t our_family(unsigned char family)
{
	return family == AF_INET6 ? 6 : family == AF_INET ? 4 : 0;
}

static size_t address_size(uint8_t family)
{
	return family == 6 ? 16 : 4;
}

static void put_address(struct nlmsghdr *header, uint16_t type, const struct address *a)
{
	if (a->family)
		mnl_attr_put(header, type, address_size(a->family), a->bytes);
}

static struct address take_address(const struct nlattr *attribute, uint8_t family)
{
	struct address a = {.family = 0};
	if (!attribute || mnl_attr_get_payload_len(attribute) < address_size(family))
		return a;
	a.family = family;
	memcpy(a.bytes, mnl_attr_get_payload(attribute), address_size(family));
	return a;
}

/* Attributes by type, those beyond the table left out. */
struct attributes {
	const struct nlattr **at;
	unsigned count;
};

static int index_attribute(const struct nlattr *attribute, void *context)
{
	struct attributes *attributes = context;
	unsigned type = mnl_attr_get_type(attribute);
	if (type < attributes->count)
		attributes->at[type] = attribute;
	return MNL_CB_OK;
}

static uint32_t take_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= 4 ? mnl_attr_get_u32(attribute)
								     : 0;
}

/* ---- links ---- */

static struct nlmsghdr *link_request(
	struct netlink *nl, uint16_t type, unsigned link, struct ifinfomsg **info)
{
	struct nlmsghdr *header = request(nl, type, 0);
	*info = mnl_nlmsg_put_extra_header(header, sizeof(**info));
	(*info)->ifi_family = AF_UNSPEC;
	(*info)->ifi_index = (int)link;
	return header;
}

static void read_link(void *context, const struct nlmsghdr *header)
{
	struct netlink_link *link = context;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[IFLA_MTU + 1] = {NULL};
	struct attributes attributes = {at, IFLA_MTU + 1};
	if (header->nlmsg_type != RTM_NEWLINK)
		return;
	mnl_attr_parse(header, sizeof(*info), index_attribute, &attributes);
	link->index = (unsigned)info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	link->mtu = take_u32(at[IFLA_MTU]);
	if (at[IFLA_IFNAME])
		snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(at[IFLA_IFNAME]));
}

int netlink_link_index(struct netlink *nl, const char *name)
{
	struct ifinfomsg *info;
	struct netlink_link link = {.index = 0};
	struct nlmsghdr *header = link_request(nl, RTM_GETLINK, 0, &info);
	header->nlmsg_flags |= NLM_F_ACK;
	if (strlen(name) >= IFNAMSIZ)
		return explain(nl, -ENODEV, "Couldn't find the interface %.40s", name);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	int failed = transact(nl, header, read_link, &link);
	if (!failed && !link.index)
		failed = -ENODEV;
	return failed ? explain(nl, failed, "Couldn't find the interface %s", name)
		      : (int)link.index;
}

int netlink_link_get(struct netlink *nl, unsigned link, struct netlink_link *answer)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_GETLINK, link, &info);
	header->nlmsg_flags |= NLM_F_ACK;
	memset(answer, 0, sizeof(*answer));
	int failed = transact(nl, header, read_link, answer);
	if (!failed && !answer->index)
		failed = -ENODEV;
	return explain(nl, failed, "Couldn't read interface %u", link);
}

int netlink_link_up(struct netlink *nl, unsigned link, bool up)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return explain(
		nl, run(nl, header), "Couldn't set interface %u %s", link, up ? "up" : "down");
}

int netlink_link_mtu(struct netlink *nl, unsigned link, unsigned mtu)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	mnl_attr_put_u32(header, IFLA_MTU, mtu);
	return explain(
		nl, run(nl, header), "Couldn't set the MTU of interface %u to %u", link, mtu);
}

int netlink_link_rename(struct netlink *nl, unsigned link, const char *name)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	if (strlen(name) >= IFNAMSIZ)
		return explain(nl, -EINVAL, "Couldn't rename interface %u to %.40s", link, name);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	return explain(nl, run(nl, header), "Couldn't rename interface %u to %s", link, name);
}

int netlink_link_delete(struct netlink *nl, unsigned link)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_DELLINK, link, &info);
	return explain(nl, run(nl, header), "Couldn't delete interface %u", link);
}

int netlink_link_group(struct netlink *nl, unsigned link, uint32_t group)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_NEWLINK, link, &info);
	mnl_attr_put_u32(header, IFLA_GROUP, group);
	return explain(
		nl, run(nl, header), "Couldn't put interface %u into group %u", link, group);
}

int netlink_group_delete(struct netlink *nl, uint32_t group)
{
	struct ifinfomsg *info;
	struct nlmsghdr *header = link_request(nl, RTM_DELLINK, 0, &info);
	mnl_attr_put_u32(header, IFLA_GROUP, group);
	return explain(nl, run(nl, header), "Couldn't delete the interfaces of group %u", group);
}

/* ---- addresses ---- */

static int change_address(struct netlink *nl, uint16_t type, uint16_t flags, unsigned link,
	const struct address *local, const struct address *peer, unsigned length)
{
	struct nlmsghdr *header = request(nl, type, flags);
	struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	char words[64];
	message->ifa_family = kernel_family(local->family);
	message->ifa_prefixlen = (uint8_t)length;
	message->ifa_index = link;
	/* No duplicate address detection: nobody else is on a point-to-point link. */
	if (local->family == 6)
		message->ifa_flags = IFA_F_NODAD;
	put_address(header, IFA_LOCAL, local);
	put_address(header, IFA_ADDRESS, peer ? peer : local);
	return explain(nl, run(nl, header), "Couldn't %s address %s/%u %s interface %u",
		type == RTM_NEWADDR ? "add" : "delete", address_words(words, sizeof(words), local),
		length, type == RTM_NEWADDR ? "to" : "from", link);
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

static void read_address(void *context, const struct nlmsghdr *header)
{
	struct address_walk *walk = context;
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[IFA_LOCAL + 1] = {NULL};
	struct attributes attributes = {at, IFA_LOCAL + 1};
	if (header->nlmsg_type != RTM_NEWADDR || walk->done ||
		our_family(message->ifa_family) != walk->family ||
		(walk->link && message->ifa_index != walk->link))
		return;
	mnl_attr_parse(header, sizeof(*message), index_attribute, &attributes);
	struct prefix prefix = {
		.address =
			take_address(at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS], walk->family),
		.length = message->ifa_prefixlen,
	};
	walk->done = !walk->visit(walk->context, message->ifa_index, &prefix);
}

int netlink_addresses(struct netlink *nl, uint8_t family, unsigned link,
	netlink_address_visit *visit, void *context)
{
	struct address_walk walk = {visit, context, family, link, false};
	struct nlmsghdr *header = request(nl, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ifa_family = kernel_family(family);
	return explain(nl, transact(nl, header, read_address, &walk), "Couldn't list addresses");
}

/* ---- routes ---- */

static struct nlmsghdr *route_request(
	struct netlink *nl, uint16_t type, uint16_t flags, const struct netlink_route *route)
{
	struct nlmsghdr *header = request(nl, type, flags);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	uint32_t table = route->table ? route->table : NETLINK_TABLE_MAIN;
	bool deleting = type == RTM_DELROUTE;
	message->rtm_family = kernel_family(route->destination.address.family);
	message->rtm_dst_len = route->destination.length;
	message->rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	message->rtm_protocol = deleting ? route->protocol : NETLINK_PROTOCOL;
	message->rtm_type = deleting ? RTN_UNSPEC : RTN_UNICAST;
	message->rtm_scope = deleting                     ? RT_SCOPE_NOWHERE
			     : route->gateway.family == 0 ? RT_SCOPE_LINK
							  : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(header, RTA_TABLE, table);
	if (route->destination.length)
		put_address(header, RTA_DST, &route->destination.address);
	put_address(header, RTA_GATEWAY, &route->gateway);
	put_address(header, RTA_PREFSRC, &route->source);
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
	return explain(nl, result, "Couldn't %s the route to %s/%u", verb,
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

static int read_metric(const struct nlattr *attribute, void *context)
{
	struct netlink_route *route = context;
	if (mnl_attr_get_type(attribute) == RTAX_MTU)
		route->mtu = take_u32(attribute);
	return MNL_CB_OK;
}

static void read_route_message(struct netlink_route *route, const struct nlmsghdr *header)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[RTA_TABLE + 1] = {NULL};
	struct attributes attributes = {at, RTA_TABLE + 1};
	uint8_t family = our_family(message->rtm_family);
	mnl_attr_parse(header, sizeof(*message), index_attribute, &attributes);
	memset(route, 0, sizeof(*route));
	route->destination.address = take_address(at[RTA_DST], family);
	route->destination.address.family = family;
	route->destination.length = message->rtm_dst_len;
	route->gateway = take_address(at[RTA_GATEWAY], family);
	route->source = take_address(at[RTA_PREFSRC], family);
	route->link = take_u32(at[RTA_OIF]);
	route->metric = take_u32(at[RTA_PRIORITY]);
	route->table = at[RTA_TABLE] ? take_u32(at[RTA_TABLE]) : message->rtm_table;
	route->protocol = message->rtm_protocol;
	if (at[RTA_METRICS])
		mnl_attr_parse_nested(at[RTA_METRICS], read_metric, route);
}

static void read_answer(void *context, const struct nlmsghdr *header)
{
	if (header->nlmsg_type == RTM_NEWROUTE)
		read_route_message(context, header);
}

int netlink_route_get(struct netlink *nl, const struct address *to, struct netlink_route *answer)
{
	struct nlmsghdr *header = request(nl, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	char words[64];
	memset(answer, 0, sizeof(*answer));
	message->rtm_family = kernel_family(to->family);
	message->rtm_dst_len = (uint8_t)(address_size(to->family) * 8);
	put_address(header, RTA_DST, to);
	int result = transact(nl, header, read_answer, answer);
	if (!result && !answer->link)
		result = -ENETUNREACH;
	return explain(
		nl, result, "Couldn't find a route to %s", address_words(words, sizeof(words), to));
}

struct route_walk {
	netlink_route_visit *visit;
	void *context;
	uint8_t family;
	unsigned link;
	bool done;
};

static void read_route(void *context, const struct nlmsghdr *header)
{
	struct route_walk *walk = context;
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct netlink_route route;
	if (header->nlmsg_type != RTM_NEWROUTE || walk->done ||
		our_family(message->rtm_family) != walk->family ||
		message->rtm_type != RTN_UNICAST || message->rtm_flags & RTM_F_CLONED)
		return;
	read_route_message(&route, header);
	if (walk->link && route.link != walk->link)
		return;
	walk->done = !walk->visit(walk->context, &route);
}

int netlink_routes(struct netlink *nl, uint8_t family, unsigned link, netlink_route_visit *visit,
	void *context)
{
	struct route_walk walk = {visit, context, family, link, false};
	struct nlmsghdr *header = request(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = kernel_family(family);
	return explain(nl, transact(nl, header, read_route, &walk), "Couldn't list routes");
}
