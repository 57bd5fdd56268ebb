/* The IPv6 side of the interfaces: link-local addresses, the sessions' networks, their routes. */
#ifndef GREYLINE_NETDEV6_H
#define GREYLINE_NETDEV6_H

#include "host.h"
#include "pool6.h"

/* 0 or -errno, logged; what is there already is fine. All of it vanishes with the interface. */

/* The shared interface gets the server's own address and leads to the pools; `delegated` may be
 * empty. */
int netdev6_shared(
	struct host *host, unsigned link, const struct pool6 *pool, const struct pool6 *delegated);
/* An interface of its own gets the link-local address that was negotiated. */
int netdev6_link_local(struct host *host, const struct seat *seat);
/* ... and, at the server, leads to the session's network. */
int netdev6_serve(struct host *host, const struct seat *seat, const struct pool6 *pool);
/* ... and to the prefix behind its peer, or no more. */
int netdev6_route(struct host *host, const struct seat *seat, const struct prefix *to, bool add);
/* ... and, at the client, gets an address in the network that the server advertised (RFC 4862). */
int netdev6_join(struct host *host, const struct seat *seat, struct address *own);

#endif
