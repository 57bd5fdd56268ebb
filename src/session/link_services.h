/* What a server tells the hosts and routers at the other ends of its links, besides their
 * addresses: by Router Advertisements, DHCPv6, and to those who ask by DHCPINFORM. */
#ifndef GREYLINE_LINK_SERVICES_H
#define GREYLINE_LINK_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "dhcpv6_wire.h"
#include "domains.h"

enum { LINK_ROUTES = 16 }; /* what one DHCP option has room for */

struct link_services {
	struct dhcpv6_duid duid;         /* ours */
	struct address dns6[DHCPV6_DNS]; /* family 0: none */
	struct address ntp6;
	struct domains search;
	struct prefix routes[LINK_ROUTES]; /* IPv4 networks behind us */
	uint8_t route_count;
	bool delegates;         /* there is a pool of prefixes: TUNNEL_DELEGATE is answered */
	uint32_t delegated_for; /* seconds that a prefix lasts without being renewed */
};

/* Whether there is something to ask DHCPv6 for besides prefixes: the O flag (RFC 4861 §4.2). */
static inline bool link_services_stateless(const struct link_services *services)
{
	return services->dns6[0].family || services->search.length || services->ntp6.family;
}

/* Whether a DHCPINFORM is answered: IPCP has told the rest. */
static inline bool link_services_inform(const struct link_services *services)
{
	return services->route_count || services->search.length;
}

#endif
