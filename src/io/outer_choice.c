/* Which back end serves the outer link, decided once at start and told in words.
 *
 * Rings and XDP pass by the kernel's IP stack, and with it by everything an administrator has put
 * there: netfilter rules, traffic control, IPsec. So `auto` takes rings only where nothing of the
 * kind is there to be passed by; who asks for `rings` or `xdp` by name has answered that question
 * and is told only when it cannot be had at all. `auto` never takes XDP: it moves packets a tenth
 * faster than rings where the driver has it, but claims the interface's one program for itself,
 * which other programs on the host may want.
 *
 * Interfaces: the one towards the server, the one with the address we are bound to, or those with
 * an IPv4 address, the way to the world first. Only Ethernet ones: what arrives on a loopback, a
 * tunnel or a modem is not worth a ring. What is not chosen, or comes later, is served by the raw
 * sockets at any time. */
#include "outer.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "netlink.h"
#include "outer_programs.h"
#include "survey.h"

#define OUR_TABLES "greyline"

enum { ADDRESSES_MAX = 64 };

/* The interfaces found, with their names. */
struct candidates {
	struct netlink *netlink;
	unsigned count;
	struct netlink_link at[OUTER_LINKS_MAX];
};

/* Interfaces by address, asked for one by one only when the list is complete. */
struct addressed {
	const struct address *local; /* NULL: any */
	unsigned count;
	unsigned links[ADDRESSES_MAX];
};

static void add_candidate(struct candidates *c, unsigned link)
{
	struct netlink_link found;
	for (unsigned n = 0; n < c->count; n++)
		if (c->at[n].index == link)
			return;
	if (c->count == OUTER_LINKS_MAX || netlink_link_get(c->netlink, link, &found) < 0)
		return;
	if (found.up && found.type == ARPHRD_ETHER && found.mac_length == 6)
		c->at[c->count++] = found;
}

static bool visit_address(void *context, unsigned link, const struct prefix *address)
{
	struct addressed *addressed = context;
	if (!addressed->local || address_equal(&address->address, addressed->local))
		addressed->links[addressed->count++] = link;
	return addressed->count < ADDRESSES_MAX;
}

static void find_candidates(
	struct candidates *c, const struct address *local, const struct address *peer)
{
	struct addressed addressed = {.local = local->family ? local : NULL};
	struct address world = address_ipv4(0x08080808); /* nothing is sent there */
	struct netlink_route route;
	if (peer && peer->family == 4) {
		if (netlink_route_get(c->netlink, local, peer, &route) == 0)
			add_candidate(c, route.link);
		return;
	}
	if ((peer && peer->family == 6) || local->family == 6)
		return;
	if (!addressed.local && netlink_route_get(c->netlink, NULL, &world, &route) == 0)
		add_candidate(c, route.link);
	netlink_addresses(c->netlink, 4, 0, visit_address, &addressed);
	for (unsigned n = 0; n < addressed.count; n++)
		add_candidate(c, addressed.links[n]);
}

static void find_objection_on(
	struct netlink *netlink, const struct netlink_link *link, char why[128])
{
	int filtered = survey_traffic_control(netlink, link->index);
	if (survey_qdisc_shapes(link->qdisc))
		snprintf(why, 128, "%s has a traffic shaper (%s) that must see the packets",
			link->name, link->qdisc);
	else if (filtered > 0)
		snprintf(why, 128, "%s has tc filters that must see the packets", link->name);
	else if (filtered < 0)
		snprintf(why, 128, "%s cannot be asked for tc filters: %s", link->name,
			strerror(-filtered));
}

/* Why `auto` leaves packets to the kernel; empty when nothing stands against rings. */
static void find_objection(const struct candidates *c, char why[128])
{
	char words[64];
	why[0] = '\0';
	int seen = survey_netfilter(OUR_TABLES, words, sizeof(words));
	if (seen > 0)
		snprintf(why, 128, "netfilter has rules that must see the packets (%s)", words);
	else if (seen < 0)
		snprintf(why, 128, "netfilter cannot be asked for its rules: %s", strerror(-seen));
	int secured = why[0] ? 0 : survey_ipsec();
	if (secured > 0)
		snprintf(why, 128, "IPsec policies are in force");
	else if (secured < 0)
		snprintf(why, 128, "IPsec cannot be asked for policies: %s", strerror(-secured));
	for (unsigned n = 0; n < c->count && !why[0]; n++)
		find_objection_on(c->netlink, &c->at[n], why);
}

static void settle_raw(struct outer_choice *choice, const char *why)
{
	*choice = (struct outer_choice){.kind = OUTER_RAW};
	snprintf(choice->why, sizeof(choice->why), "raw: %s", why);
}

static void settle_links(
	struct outer_choice *choice, enum outer_kind kind, const struct candidates *c)
{
	*choice = (struct outer_choice){.kind = kind, .link_count = c->count};
	size_t length =
		(size_t)snprintf(choice->why, sizeof(choice->why), "%s on ", outer_kind_name(kind));
	for (unsigned n = 0; n < c->count; n++) {
		choice->links[n] = c->at[n].index;
		choice->unqueued[n] = strcmp(c->at[n].qdisc, "noqueue") == 0;
		length += (size_t)snprintf(choice->why + length, sizeof(choice->why) - length,
			"%s%s", n ? ", " : "", c->at[n].name);
	}
}

/* Whether the kernel has programs for `kind`; otherwise why not. */
static bool has_programs(const struct outer_programs *programs, enum outer_kind kind,
	const char *no_programs_why, const char **why)
{
	*why = no_programs_why && no_programs_why[0] ? no_programs_why : "no BPF programs";
	if (!programs)
		return false;
	return kind == OUTER_XDP ? outer_programs_xdp(programs, why)
				 : outer_programs_rings(programs, why);
}

static int choose(struct outer_choice *choice, enum outer_kind wanted, const struct candidates *c,
	const struct outer_programs *programs, const char *no_programs_why, char error[256])
{
	enum outer_kind kind = wanted == OUTER_AUTO ? OUTER_RINGS : wanted;
	const char *no_link = "no Ethernet interface with an IPv4 address is up for it";
	char objection[128];
	const char *why;
	bool there = has_programs(programs, kind, no_programs_why, &why);
	if (there && !c->count)
		why = no_link;
	if (wanted != OUTER_AUTO) {
		if (there && c->count) {
			settle_links(choice, kind, c);
			return 0;
		}
		snprintf(error, 256,
			"Couldn't serve the outer link by %s: %s; --outer=auto takes what is there",
			outer_kind_name(kind), why);
		return -ENOTSUP;
	}
	if (!there || !c->count) {
		settle_raw(choice, why);
		return 0;
	}
	find_objection(c, objection);
	if (objection[0])
		settle_raw(choice, objection);
	else
		settle_links(choice, kind, c);
	return 0;
}

int outer_choose(struct outer_choice *choice, enum outer_kind wanted,
	const struct outer_programs *programs, const struct address *local,
	const struct address *peer, const char *no_programs_why, char error[256])
{
	struct candidates c = {.count = 0};
	if (wanted == OUTER_NONE) {
		*choice = (struct outer_choice){.kind = OUTER_NONE};
		snprintf(choice->why, sizeof(choice->why), "none: sessions are on lines");
		return 0;
	}
	if (wanted == OUTER_RAW) {
		settle_raw(choice, "as configured");
		return 0;
	}
	int failed = netlink_open(&c.netlink);
	if (failed) {
		snprintf(error, 256, "Couldn't open a netlink socket: %s", strerror(-failed));
		return failed;
	}
	find_candidates(&c, local, peer);
	failed = choose(choice, wanted, &c, programs, no_programs_why, error);
	netlink_close(c.netlink);
	return failed;
}
