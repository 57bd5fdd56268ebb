/* The server's side of DHCPv6 on one link: what a message of the peer's is answered with. */
#ifndef GREYLINE_DHCPV6_SERVER_H
#define GREYLINE_DHCPV6_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "dhcpv6_wire.h"
#include "link_services.h"

/* The one prefix that the link's other end may have. */
struct dhcpv6_lease {
	struct prefix prefix; /* length 0: none */
	uint32_t iaid;        /* whose it is */
	uint64_t until;       /* microseconds */
};

enum dhcpv6_verdict {
	DHCPV6_SILENT, /* no answer */
	DHCPV6_ANSWER,
	DHCPV6_ASK, /* first a prefix is wanted of the pool: again with `asked`, the lease set by
		     * dhcpv6_lend when there was one */
};

enum dhcpv6_verdict dhcpv6_serve(const struct link_services *services, struct dhcpv6_lease *lease,
	const struct dhcpv6_message *in, bool asked, uint64_t now, struct dhcpv6_message *answer);
/* A prefix of the pool, for a moment: until it is asked for or not. */
void dhcpv6_lend(struct dhcpv6_lease *lease, const struct prefix *prefix, uint64_t now);
/* True when it has run out, and the prefix is the pool's again. */
bool dhcpv6_lease_tick(struct dhcpv6_lease *lease, uint64_t now);
uint64_t dhcpv6_lease_deadline(const struct dhcpv6_lease *lease);
/* What the client would like to have: a length, and perhaps an address; length 0: no matter. */
struct prefix dhcpv6_hint(const struct dhcpv6_message *in);

#endif
