/* Interfaces made over netlink, and moved into another network namespace. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink_inner.h"

int netlink_ppp_add(struct netlink *nl, const char *name, int fd)
{
	struct nlmsghdr *header =
		netlink_request(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	if (strlen(name) >= IFNAMSIZ)
		return netlink_explain(nl, -EINVAL, "Couldn't make the interface %.40s", name);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	struct nlattr *how = mnl_attr_nest_start(header, IFLA_LINKINFO);
	mnl_attr_put_strz(header, IFLA_INFO_KIND, "ppp");
	struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
	mnl_attr_put_u32(header, IFLA_PPP_DEV_FD, (uint32_t)fd);
	mnl_attr_nest_end(header, data);
	mnl_attr_nest_end(header, how);
	return netlink_explain(nl, netlink_transact(nl, header, NULL, NULL),
		"Couldn't make the PPP interface %s", name);
}

int netlink_link_move(struct netlink *nl, unsigned link, int space, const char *name)
{
	struct nlmsghdr *header = netlink_request(nl, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)link;
	if (strlen(name) >= IFNAMSIZ)
		return netlink_explain(nl, -EINVAL, "Couldn't name an interface %.40s", name);
	mnl_attr_put_u32(header, IFLA_NET_NS_FD, (uint32_t)space);
	mnl_attr_put_strz(header, IFLA_IFNAME, name);
	return netlink_explain(nl, netlink_transact(nl, header, NULL, NULL),
		"Couldn't move interface %u into its network namespace as %s", link, name);
}
