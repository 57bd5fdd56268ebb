/* What else on this host may want to see outer packets, or send them another way: asked before a
 * packet is written to an interface past the kernel's IP stack. */
#ifndef GREYLINE_SURVEY_H
#define GREYLINE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "netlink.h"

/* Whether IPsec policies are in force (CAP_NET_ADMIN): 1, 0, or -errno. A kernel without IPsec
 * has none. */
int survey_ipsec(void);

/* Whether a routing rule looks at more than addresses and marks (the protocol, the user, the type
 * of service), which an answer to "which way" cannot know: 1, 0, or -errno. */
int survey_rules(struct netlink *netlink);

/* Whether netfilter has rules that see packets of this host: 1 with the first of them in words
 * ("table inet filter"), 0, or -errno. nftables tables whose name begins with `ours` are left
 * out; of the old iptables, tables the kernel has made count, since only rules make it make them.
 */
int survey_netfilter(const char *ours, char *words, size_t size);

/* Whether filters or programs of traffic control look at what comes in or goes out by an interface:
 * 1, 0, or -errno. Another Greyline's program counts, too: whose it is is not to be learnt. */
int survey_traffic_control(struct netlink *netlink, unsigned link);

/* Whether a qdisc does more than queue in the order and by the priority of packets. */
bool survey_qdisc_shapes(const char *qdisc);

#endif
