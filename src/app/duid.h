/* Who we are to DHCPv6 (RFC 8415 §11). */
#ifndef GREYLINE_DUID_H
#define GREYLINE_DUID_H

#include "dhcpv6_wire.h"
#include "random.h"

/* The same at every start of this machine; where it has no /etc/machine-id, drawn for this run.
 * `role` tells a client's from a server's. */
void duid_make(struct dhcpv6_duid *duid, const char *role, struct random *random);

#endif
