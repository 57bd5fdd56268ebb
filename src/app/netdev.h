/* The interfaces a server and a client make: the shared one, and one for a session alone. */
#ifndef GREYLINE_NETDEV_H
#define GREYLINE_NETDEV_H

#include "host.h"
#include "settings.h"

enum { NETDEV_SHARED_MTU = 1456 }; /* 1500 outside, less IPv4, GRE, PPP and MPPE */

/* Gives the shared interface its address and the pool's routes, and brings it up. 0 or -errno,
 * logged. `link` gets its index. */
int netdev_shared(struct host *host, const char *name, uint32_t local4,
	const struct range_list *pool, unsigned *link);
/* A route to one client beyond the pool, on the shared interface. */
int netdev_route(struct host *host, unsigned link, uint32_t remote4, bool add);

/* An interface for one session at a time, of which `subject` is the first: created, and still down.
 * A descriptor with which it lives, or -errno, logged; `interface` and `link` get what it is
 * called.
 */
int netdev_make(struct host *host, uint32_t subject, const char *wanted,
	char interface[SEAT_INTERFACE_SIZE], unsigned *link);
/* The same for this session alone: seat->interface and seat->link are set. */
int netdev_open(struct host *host, struct seat *seat, const char *wanted);
/* One that was kept, seat->interface, again: another descriptor for this session, or -errno where
 * it is nothing for the session's data plane. */
int netdev_again(struct host *host, struct seat *seat, int kept);
/* The session is at another data plane now: its interface, which is still down, is made anew. */
int netdev_moved(struct host *host, struct seat *seat);
/* Removes every interface netdev_open() made, in the time of one. */
void netdev_delete_all(struct host *host);
/* Addresses, and MTU from the session's facts. 0 or -errno, logged. */
int netdev_configure(struct host *host, struct seat *seat);
/* Up, and handed to the data plane, which closes it when the session ends. */
int netdev_up(struct host *host, struct seat *seat, int tun);

/* The largest inner packet the path to `peer` takes: 576 to PPP_MRU_DEFAULT. */
uint16_t netdev_path_mtu(struct host *host, const struct address *peer);

/* The smallest prefix that holds all of these. */
struct prefix netdev_cover(const struct range_list *ranges);

#endif
