/* Questions to the kernel about everything that stands between a raw socket and the wire.
 *
 * nftables is asked for chains with a hook (libmnl, nfnetlink): a table without one sees nothing.
 * Of those, forwarding chains never see a packet that starts or ends here, and the families arp,
 * bridge and ip6 are beside the way of ours. Chains at a device count: rings and XDP come before
 * them. iptables-nft shows up here too.
 *
 * Traffic control has two places for filters beside the queue itself: before the IP stack, where
 * rings come first, and behind the choice of a queue, which a sender without a queue passes by.
 * Both hold filters (of clsact) and programs (TCX). */
#include "survey.h"

#include <endian.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

#include "bpf_program.h"
#include "netlink_inner.h"

/* ---- IPsec ---- */

static void read_policies(void *context, const struct nlmsghdr *header)
{
	const struct nlattr *at[XFRMA_SPD_INFO + 1] = {NULL};
	struct netlink_attributes attributes = {at, XFRMA_SPD_INFO + 1};
	struct xfrmu_spdinfo info;
	bool *some = context;
	if (header->nlmsg_type != XFRM_MSG_NEWSPDINFO)
		return;
	mnl_attr_parse(header, sizeof(uint32_t), netlink_index_attribute, &attributes);
	const struct nlattr *counts = at[XFRMA_SPD_INFO];
	if (!counts || mnl_attr_get_payload_len(counts) < sizeof(info))
		return;
	memcpy(&info, mnl_attr_get_payload(counts), sizeof(info));
	*some = info.incnt || info.outcnt;
}

int survey_ipsec(void)
{
	struct netlink *nl;
	bool some = false;
	int failed = netlink_open_family(&nl, NETLINK_XFRM);
	if (failed == -EPROTONOSUPPORT || failed == -EAFNOSUPPORT)
		return 0;
	if (failed)
		return failed;
	struct nlmsghdr *header = netlink_request(nl, XFRM_MSG_GETSPDINFO, NLM_F_ACK);
	memset(mnl_nlmsg_put_extra_header(header, sizeof(uint32_t)), 0, sizeof(uint32_t));
	failed = netlink_transact(nl, header, read_policies, &some);
	netlink_close(nl);
	/* A module that was never loaded has no policies. */
	if (failed == -ECONNREFUSED || failed == -EINVAL || failed == -ENOPROTOOPT)
		return 0;
	return failed ? failed : some;
}

/* ---- rules ---- */

enum { RULE_DSCP = 25 }; /* FRA_DSCP of kernel 6.12, which leaves the rule's `tos` zero */

static bool applies_to_gre(const struct nlattr *protocol)
{
	return !protocol || mnl_attr_get_payload_len(protocol) < 1 ||
	       mnl_attr_get_u8(protocol) == IPPROTO_GRE;
}

static void read_rule(void *context, const struct nlmsghdr *header)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[RULE_DSCP + 1] = {NULL};
	struct netlink_attributes attributes = {at, RULE_DSCP + 1};
	bool *odd = context;
	if (header->nlmsg_type != RTM_NEWRULE || header->nlmsg_len < mnl_nlmsg_size(sizeof(*rule)))
		return;
	mnl_attr_parse(header, sizeof(*rule), netlink_index_attribute, &attributes);
	if (rule->tos || at[RULE_DSCP] || at[FRA_UID_RANGE] ||
		(at[FRA_IP_PROTO] && applies_to_gre(at[FRA_IP_PROTO])))
		*odd = true;
}

int survey_rules(struct netlink *nl)
{
	bool odd = false;
	struct nlmsghdr *header = netlink_request(nl, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(header, sizeof(*rule));
	rule->family = AF_INET;
	int failed = netlink_transact(nl, header, read_rule, &odd);
	if (failed == -EOPNOTSUPP) /* a kernel without policy routing */
		return 0;
	return failed ? failed : odd;
}

/* ---- netfilter ---- */

struct chains {
	const char *ours;
	char *words;
	size_t size;
	bool found;
};

static bool sees_outer(uint8_t family, const struct nlattr *hook)
{
	const struct nlattr *at[NFTA_HOOK_HOOKNUM + 1] = {NULL};
	struct netlink_attributes attributes = {at, NFTA_HOOK_HOOKNUM + 1};
	mnl_attr_parse_nested(hook, netlink_index_attribute, &attributes);
	uint32_t number = be32toh(netlink_take_u32(at[NFTA_HOOK_HOOKNUM]));
	if (family == NFPROTO_IPV4 || family == NFPROTO_INET)
		return number != NF_INET_FORWARD;
	return family == NFPROTO_NETDEV;
}

static void read_chain(void *context, const struct nlmsghdr *header)
{
	struct chains *chains = context;
	const struct nfgenmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *at[NFTA_CHAIN_HOOK + 1] = {NULL};
	struct netlink_attributes attributes = {at, NFTA_CHAIN_HOOK + 1};
	if (chains->found || header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) ||
		header->nlmsg_len < mnl_nlmsg_size(sizeof(*message)))
		return;
	mnl_attr_parse(header, sizeof(*message), netlink_index_attribute, &attributes);
	if (!at[NFTA_CHAIN_HOOK] || !at[NFTA_CHAIN_TABLE] ||
		!sees_outer(message->nfgen_family, at[NFTA_CHAIN_HOOK]))
		return;
	const char *table = mnl_attr_get_str(at[NFTA_CHAIN_TABLE]);
	if (strncmp(table, chains->ours, strlen(chains->ours)) == 0)
		return;
	chains->found = true;
	snprintf(chains->words, chains->size, "table %s %.40s",
		message->nfgen_family == NFPROTO_IPV4   ? "ip"
		: message->nfgen_family == NFPROTO_INET ? "inet"
							: "netdev",
		table);
}

static int survey_nftables(struct chains *chains)
{
	struct netlink *nl;
	int failed = netlink_open_family(&nl, NETLINK_NETFILTER);
	if (failed == -EPROTONOSUPPORT || failed == -EAFNOSUPPORT)
		return 0;
	if (failed)
		return failed;
	struct nlmsghdr *header =
		netlink_request(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP);
	struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = NFPROTO_UNSPEC;
	message->version = NFNETLINK_V0;
	failed = netlink_transact(nl, header, read_chain, chains);
	netlink_close(nl);
	if (failed == -EINVAL || failed == -EOPNOTSUPP) /* a kernel without nftables */
		return 0;
	return failed ? failed : chains->found;
}

/* The kernel makes an old table when the first rule, or a look at it, needs it. */
static int survey_iptables(struct chains *chains)
{
	char name[32];
	FILE *names = fopen("/proc/net/ip_tables_names", "re");
	if (!names)
		return errno == ENOENT ? 0 : -errno;
	if (fgets(name, sizeof(name), names)) {
		name[strcspn(name, "\n")] = '\0';
		snprintf(chains->words, chains->size, "iptables %s", name);
		chains->found = true;
	}
	fclose(names);
	return chains->found;
}

int survey_netfilter(const char *ours, char *words, size_t size)
{
	struct chains chains = {.ours = ours, .words = words, .size = size};
	int found = survey_nftables(&chains);
	return found ? found : survey_iptables(&chains);
}

/* ---- traffic control ---- */

static void read_filter(void *context, const struct nlmsghdr *header)
{
	bool *found = context;
	*found |= header->nlmsg_type == RTM_NEWTFILTER;
}

/* Filters of a clsact or ingress qdisc; an interface without one has none. */
static int survey_filters(struct netlink *nl, unsigned link, uint32_t direction)
{
	bool found = false;
	struct nlmsghdr *header = netlink_request(nl, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_ifindex = (int)link;
	message->tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction);
	int failed = netlink_transact(nl, header, read_filter, &found);
	if (failed == -EOPNOTSUPP) /* a kernel without traffic control */
		return 0;
	return failed ? failed : found;
}

/* Programs at TCX are no filters to netlink. A kernel without it has none. */
static int survey_programs(unsigned link, enum bpf_attach_type where)
{
	int count = bpf_attached(link, where);
	if (count == -EINVAL || count == -ENOENT || count == -ENOSYS)
		return 0;
	return count < 0 ? count : count > 0;
}

int survey_traffic_control(struct netlink *nl, unsigned link)
{
	int seen = survey_filters(nl, link, TC_H_MIN_INGRESS);
	if (!seen)
		seen = survey_filters(nl, link, TC_H_MIN_EGRESS);
	if (!seen)
		seen = survey_programs(link, BPF_ATTACH_TCX_INGRESS);
	return seen ? seen : survey_programs(link, BPF_ATTACH_TCX_EGRESS);
}

bool survey_qdisc_shapes(const char *qdisc)
{
	/* Those that an interface gets by itself; `fq` and its kin only share fairly. */
	static const char *const plain[] = {"", "noqueue", "noop", "pfifo_fast", "pfifo", "bfifo",
		"mq", "mqprio", "fq_codel", "fq", "sfq", "codel"};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(qdisc, plain[i]) == 0)
			return false;
	return true;
}
