/* What a session has besides when it is a host, not a router, on its link. The owner's memory,
 * given with session_borrow; a server's sessions have none. */
#ifndef GREYLINE_LINK_CLIENT_H
#define GREYLINE_LINK_CLIENT_H

#include "dhcpv6_client.h"
#include "domains.h"

struct link_client {
	struct dhcpv6_client dhcpv6;
	bool up;               /* the link has IPv6 */
	struct domains search; /* of the router's advertisements */
};

#endif
