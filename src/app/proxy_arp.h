/* --proxyarp: a client with an address of a network this host is on is answered for there. */
#ifndef GREYLINE_PROXY_ARP_H
#define GREYLINE_PROXY_ARP_H

#include "host.h"

/* Before the first: it is written down that some may have to be taken back after a crash. */
void proxy_arp_begin(struct host *host);
/* The client's address is answered for, on the interface whose network has it. */
void proxy_arp_add(struct host *host, struct seat *seat);
void proxy_arp_end(struct host *host, struct seat *seat);

#endif
