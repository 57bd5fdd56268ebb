/* Proxied neighbours: addresses that an interface answers ARP for, because the host behind them is
 * reached by way of this one (RFC 1027). The kernel answers where it forwards and its own route
 * leads elsewhere. Ours bear our protocol number (Linux 5.2), by which a later run finds them. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netlink_inner.h"

static int change_proxy(struct netlink *nl, uint16_t type, uint16_t flags, unsigned link,
	const struct address *address)
{
	struct nlmsghdr *header = netlink_request(nl, type, flags);
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ndm_family = netlink_family(address->family);
	message->ndm_ifindex = (int)link;
	message->ndm_flags = NTF_PROXY;
	netlink_put_address(header, NDA_DST, address);
	if (type == RTM_NEWNEIGH)
		mnl_attr_put_u8(header, NDA_PROTOCOL, NETLINK_PROTOCOL);
	header->nlmsg_flags |= NLM_F_ACK;
	return netlink_transact(nl, header, NULL, NULL);
}

int netlink_proxy_add(struct netlink *nl, unsigned link, const struct address *address)
{
	int result = change_proxy(nl, RTM_NEWNEIGH, NLM_F_CREATE, link, address);
	return netlink_explain(nl, result, "Couldn't have ARP answered for a client");
}

int netlink_proxy_delete(struct netlink *nl, unsigned link, const struct address *address)
{
	int result = change_proxy(nl, RTM_DELNEIGH, 0, link, address);
	return netlink_explain(nl, result, "Couldn't end proxy ARP for a client");
}

enum { AT_ONCE = 256 };

/* Some of ours: what is deleted while a dump goes on makes it skip others. */
struct proxies {
	unsigned count;
	struct {
		unsigned link;
		struct address address;
	} at[AT_ONCE];
};

static void take_proxy(void *context, const struct nlmsghdr *header)
{
	struct proxies *proxies = context;
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[NDA_PROTOCOL + 1] = {NULL};
	struct netlink_attributes attributes = {at, NDA_PROTOCOL + 1};
	if (header->nlmsg_type != RTM_NEWNEIGH ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*message)) ||
		!(message->ndm_flags & NTF_PROXY) || proxies->count == AT_ONCE)
		return;
	mnl_attr_parse(header, sizeof(*message), netlink_index_attribute, &attributes);
	if (!at[NDA_PROTOCOL] || mnl_attr_get_payload_len(at[NDA_PROTOCOL]) < 1 ||
		mnl_attr_get_u8(at[NDA_PROTOCOL]) != NETLINK_PROTOCOL)
		return;
	proxies->at[proxies->count].link = (unsigned)message->ndm_ifindex;
	proxies->at[proxies->count++].address =
		netlink_take_address(at[NDA_DST], netlink_our_family(message->ndm_family));
}

static int list_proxies(struct netlink *nl, struct proxies *proxies)
{
	struct nlmsghdr *header = netlink_request(nl, RTM_GETNEIGH, NLM_F_DUMP);
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ndm_family = netlink_family(4);
	message->ndm_flags = NTF_PROXY;
	proxies->count = 0;
	return netlink_explain(nl, netlink_transact(nl, header, take_proxy, proxies),
		"Couldn't list proxied neighbours");
}

int netlink_proxies_clear(struct netlink *nl)
{
	struct proxies proxies;
	int result;
	do {
		result = list_proxies(nl, &proxies);
		for (unsigned i = 0; !result && i < proxies.count; i++)
			result = netlink_proxy_delete(
				nl, proxies.at[i].link, &proxies.at[i].address);
		if (result == -ENOENT)
			result = 0; /* its owner was quicker */
	} while (!result && proxies.count == AT_ONCE);
	return result;
}
