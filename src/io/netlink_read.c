/* rtnetlink's messages taken apart: the same ones answer requests and tell of changes. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "netlink_inner.h"

enum { CLOCK_TICKS = 100 }; /* a second in what the kernel tells user space (USER_HZ) */

unsigned char netlink_family(uint8_t family)
{
	return family == 6 ? AF_INET6 : family == 4 ? AF_INET : AF_UNSPEC;
}

uint8_t netlink_our_family(unsigned char family)
{
	return family == AF_INET6 ? 6 : family == AF_INET ? 4 : 0;
}

static size_t address_size(uint8_t family)
{
	return family == 6 ? 16 : 4;
}

void netlink_put_address(struct nlmsghdr *header, uint16_t type, const struct address *a)
{
	if (a->family)
		mnl_attr_put(header, type, address_size(a->family), a->bytes);
}

struct address netlink_take_address(const struct nlattr *attribute, uint8_t family)
{
	struct address a = {.family = 0};
	if (!attribute || mnl_attr_get_payload_len(attribute) < address_size(family))
		return a;
	a.family = family;
	memcpy(a.bytes, mnl_attr_get_payload(attribute), address_size(family));
	return a;
}

int netlink_index_attribute(const struct nlattr *attribute, void *context)
{
	struct netlink_attributes *attributes = context;
	unsigned type = mnl_attr_get_type(attribute);
	if (type < attributes->count)
		attributes->at[type] = attribute;
	return MNL_CB_OK;
}

uint32_t netlink_take_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= 4 ? mnl_attr_get_u32(attribute)
								     : 0;
}

/* A link address, when it is one of six bytes; returns its length. */
static uint8_t take_mac(const struct nlattr *attribute, uint8_t mac[6])
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != 6)
		return 0;
	memcpy(mac, mnl_attr_get_payload(attribute), 6);
	return 6;
}

static void take_name(const struct nlattr *attribute, char *name, size_t size)
{
	if (attribute)
		snprintf(name, size, "%.*s", (int)mnl_attr_get_payload_len(attribute),
			mnl_attr_get_str(attribute));
}

bool netlink_read_link(const struct nlmsghdr *header, struct netlink_link *link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[IFLA_QDISC + 1] = {NULL};
	struct netlink_attributes attributes = {at, IFLA_QDISC + 1};
	if ((header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK) ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*info)))
		return false;
	memset(link, 0, sizeof(*link));
	mnl_attr_parse(header, sizeof(*info), netlink_index_attribute, &attributes);
	link->index = (unsigned)info->ifi_index;
	link->type = info->ifi_type;
	link->up = info->ifi_flags & IFF_UP;
	link->running = link->up && info->ifi_flags & IFF_RUNNING;
	link->resolves = !(info->ifi_flags & IFF_NOARP);
	link->mtu = netlink_take_u32(at[IFLA_MTU]);
	link->mac_length = take_mac(at[IFLA_ADDRESS], link->mac);
	take_name(at[IFLA_IFNAME], link->name, sizeof(link->name));
	take_name(at[IFLA_QDISC], link->qdisc, sizeof(link->qdisc));
	return true;
}

bool netlink_read_address(const struct nlmsghdr *header, unsigned *link, struct prefix *address)
{
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[IFA_LOCAL + 1] = {NULL};
	struct netlink_attributes attributes = {at, IFA_LOCAL + 1};
	if ((header->nlmsg_type != RTM_NEWADDR && header->nlmsg_type != RTM_DELADDR) ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*message)))
		return false;
	uint8_t family = netlink_our_family(message->ifa_family);
	mnl_attr_parse(header, sizeof(*message), netlink_index_attribute, &attributes);
	*link = message->ifa_index;
	*address = (struct prefix){
		.address = netlink_take_address(
			at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS], family),
		.length = message->ifa_prefixlen,
	};
	return family != 0;
}

static int read_metric(const struct nlattr *attribute, void *context)
{
	struct netlink_route *route = context;
	if (mnl_attr_get_type(attribute) == RTAX_MTU)
		route->mtu = netlink_take_u32(attribute);
	return MNL_CB_OK;
}

/* IPv4 routes may lead over an IPv6 neighbour (RFC 8950). */
static struct address take_via(const struct nlattr *attribute)
{
	struct address none = {.family = 0}, a = none;
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(uint16_t))
		return none;
	const uint8_t *via = mnl_attr_get_payload(attribute);
	uint16_t family;
	memcpy(&family, via, sizeof(family));
	a.family = netlink_our_family((unsigned char)family);
	size_t length = mnl_attr_get_payload_len(attribute) - sizeof(family);
	if (!a.family || length < address_size(a.family))
		return none;
	memcpy(a.bytes, via + sizeof(family), address_size(a.family));
	return a;
}

/* How long a learnt MTU still holds: RTA_CACHEINFO of an answer. */
static uint32_t take_expiry(const struct nlattr *attribute)
{
	struct rta_cacheinfo info;
	if (!attribute || mnl_attr_get_payload_len(attribute) < sizeof(info))
		return 0;
	memcpy(&info, mnl_attr_get_payload(attribute), sizeof(info));
	return info.rta_expires > 0 ? (uint32_t)info.rta_expires / CLOCK_TICKS + 1 : 0;
}

bool netlink_read_route(const struct nlmsghdr *header, struct netlink_route *route)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[RTA_ENCAP + 1] = {NULL};
	struct netlink_attributes attributes = {at, RTA_ENCAP + 1};
	if ((header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE) ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*message)))
		return false;
	uint8_t family = netlink_our_family(message->rtm_family);
	mnl_attr_parse(header, sizeof(*message), netlink_index_attribute, &attributes);
	memset(route, 0, sizeof(*route));
	route->destination.address = netlink_take_address(at[RTA_DST], family);
	route->destination.address.family = family;
	route->destination.length = message->rtm_dst_len;
	route->gateway = netlink_take_address(at[RTA_GATEWAY], family);
	if (!route->gateway.family)
		route->gateway = take_via(at[RTA_VIA]);
	route->source = netlink_take_address(at[RTA_PREFSRC], family);
	route->link = netlink_take_u32(at[RTA_OIF]);
	route->metric = netlink_take_u32(at[RTA_PRIORITY]);
	route->table = at[RTA_TABLE] ? netlink_take_u32(at[RTA_TABLE]) : message->rtm_table;
	route->protocol = message->rtm_protocol;
	route->unicast = message->rtm_type == RTN_UNICAST;
	route->encapsulated = at[RTA_ENCAP] || at[RTA_ENCAP_TYPE];
	route->expires = take_expiry(at[RTA_CACHEINFO]);
	if (at[RTA_METRICS])
		mnl_attr_parse_nested(at[RTA_METRICS], read_metric, route);
	return family != 0;
}

bool netlink_read_neighbour(const struct nlmsghdr *header, struct netlink_neighbour *neighbour)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[NDA_LLADDR + 1] = {NULL};
	struct netlink_attributes attributes = {at, NDA_LLADDR + 1};
	if ((header->nlmsg_type != RTM_NEWNEIGH && header->nlmsg_type != RTM_DELNEIGH) ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*message)))
		return false;
	uint8_t family = netlink_our_family(message->ndm_family);
	mnl_attr_parse(header, sizeof(*message), netlink_index_attribute, &attributes);
	memset(neighbour, 0, sizeof(*neighbour));
	neighbour->link = (unsigned)message->ndm_ifindex;
	neighbour->address = netlink_take_address(at[NDA_DST], family);
	neighbour->mac_length = take_mac(at[NDA_LLADDR], neighbour->mac);
	neighbour->valid = header->nlmsg_type == RTM_NEWNEIGH &&
			   message->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE |
							NUD_PERMANENT | NUD_NOARP);
	return neighbour->address.family != 0;
}
