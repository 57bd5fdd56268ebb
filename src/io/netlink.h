/* Links, addresses and routes by rtnetlink (libmnl).
 *
 * Each call sends one request and waits for the kernel's own answer, which comes in microseconds
 * and never from a peer; 10,000 routes take less than a tenth of a second. One socket belongs to
 * one thread. Results are 0 or -errno as the kernel gave it; netlink_error() holds the same in
 * words: what failed, on what, and the kernel's extended message where it gave one. */
#ifndef GREYLINE_NETLINK_H
#define GREYLINE_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

struct netlink;

int netlink_open(struct netlink **netlink);
void netlink_close(struct netlink *netlink); /* NULL is fine */
/* The last failure of this socket in one line; empty when there was none. */
const char *netlink_error(const struct netlink *netlink);

/* Links, by index. */
int netlink_link_index(struct netlink *netlink, const char *name); /* > 0, or -ENODEV */
int netlink_link_up(struct netlink *netlink, unsigned link, bool up);
int netlink_link_mtu(struct netlink *netlink, unsigned link, unsigned mtu);
/* The kernel makes no link-local address of its own here. */
int netlink_link_plain(struct netlink *netlink, unsigned link);
int netlink_link_rename(struct netlink *netlink, unsigned link, const char *name); /* while down */
int netlink_link_delete(struct netlink *netlink, unsigned link);
/* Interfaces of one group are deleted together, in the time of one. */
int netlink_link_group(struct netlink *netlink, unsigned link, uint32_t group);
int netlink_group_delete(struct netlink *netlink, uint32_t group); /* -ENODEV: none is in it */

/* A unit of kernel PPP with this name (`kind ppp`) behind a fresh descriptor on /dev/ppp. -EEXIST:
 * the name is taken; -EBUSY: again in a moment. */
int netlink_ppp_add(struct netlink *netlink, const char *name, int fd);
/* Into the network namespace behind a descriptor, under a name that is free there (-EEXIST); its
 * index may be another one there, and addresses and routes are gone. */
int netlink_link_move(struct netlink *netlink, unsigned link, int space, const char *name);

struct netlink_link {
	unsigned index;
	char name[16];
	unsigned mtu;
	bool up;
	bool running;  /* up, and its carrier is there */
	bool resolves; /* neighbours have link addresses here (ARP) */
	uint16_t type; /* ARPHRD_… */
	uint8_t mac_length, mac[6];
	char qdisc[16]; /* of its root */
};
int netlink_link_get(struct netlink *netlink, unsigned link, struct netlink_link *answer);

/* What an interface has counted since it was made. */
struct netlink_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t rx_errors, rx_dropped, rx_length_errors, tx_errors, tx_dropped;
};
int netlink_link_counters(struct netlink *netlink, unsigned link, struct netlink_counters *answer);

/* Addresses. `peer` NULL: a subnet of `length` bits; otherwise a point-to-point address (`length`
 * is the peer's: 32 or 128 bits as a rule). Adding one that is there gives -EEXIST. */
int netlink_address_add(struct netlink *netlink, unsigned link, const struct address *local,
	const struct address *peer, unsigned length);
/* An IPv6 subnet address for so many seconds, after which the kernel takes it away; again: for so
 * many from now. */
int netlink_address_lease(struct netlink *netlink, unsigned link, const struct address *local,
	unsigned length, uint32_t preferred, uint32_t valid);
int netlink_address_delete(struct netlink *netlink, unsigned link, const struct address *local,
	const struct address *peer, unsigned length);

/* Routes. */
enum { NETLINK_TABLE_MAIN = 254, NETLINK_PROTOCOL = 171 }; /* RTA_PROTOCOL of every route we add */

struct netlink_route {
	struct prefix destination; /* length 0: the default route (the family must be set) */
	struct address gateway;    /* family 0: straight onto the link */
	struct address source;     /* preferred source; family 0: none */
	unsigned link;             /* 0: the kernel finds it from the gateway */
	uint32_t metric;           /* 0: none given */
	uint32_t table;            /* 0: NETLINK_TABLE_MAIN */
	uint8_t protocol;          /* who made it (RTPROT_*); not used in adding */
	/* Answers only. */
	uint32_t mtu;     /* the route's own, or learnt by ICMP; 0: the interface's */
	uint32_t expires; /* seconds until the learnt one is forgotten; 0: never */
	bool unicast, encapsulated;
};

/* -EEXIST when one with this destination, metric and table is there. */
int netlink_route_add(struct netlink *netlink, const struct netlink_route *route);
int netlink_route_replace(struct netlink *netlink, const struct netlink_route *route);
/* Deletes only what matches in every member that is set. -ESRCH when there is none. */
int netlink_route_delete(struct netlink *netlink, const struct netlink_route *route);
/* The way to `to`: link, gateway, source address. `destination` is `to` itself. `from`: the address
 * it is sent from; NULL or of another family: the kernel's choice. */
int netlink_route_get(struct netlink *netlink, const struct address *from, const struct address *to,
	struct netlink_route *answer);

/* Walks the routes of `family` (4 or 6) in every table, of one link or (0) of all. A callback that
 * returns false is not called again. */
typedef bool netlink_route_visit(void *context, const struct netlink_route *route);
int netlink_routes(struct netlink *netlink, uint8_t family, unsigned link,
	netlink_route_visit *visit, void *context);

/* What the kernel knows of one neighbour; -ENOENT: nothing (kernels before 5.0 tell nobody). */
struct netlink_neighbour {
	unsigned link;
	struct address address;
	bool valid; /* packets may be sent to `mac` now */
	uint8_t mac_length, mac[6];
};
int netlink_neighbour_get(struct netlink *netlink, unsigned link, const struct address *address,
	struct netlink_neighbour *answer);

/* An IPv4 address that is answered for on a link (proxy ARP). Adding one that is there is fine;
 * -ENOENT for one that is not. */
int netlink_proxy_add(struct netlink *netlink, unsigned link, const struct address *address);
int netlink_proxy_delete(struct netlink *netlink, unsigned link, const struct address *address);
/* Ends all that bear NETLINK_PROTOCOL. */
int netlink_proxies_clear(struct netlink *netlink);

/* Walks the addresses of one link or (0) of all. */
typedef bool netlink_address_visit(void *context, unsigned link, const struct prefix *address);
int netlink_addresses(struct netlink *netlink, uint8_t family, unsigned link,
	netlink_address_visit *visit, void *context);

#endif
