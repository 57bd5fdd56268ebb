/* An interface that no session has: what is sent into it is read here instead. Of a TUN that is its
 * own queue; a unit of the kernel's PPP loops it back (SC_LOOP_TRAFFIC, ppp_generic.rst). */
#ifndef GREYLINE_PARKED_H
#define GREYLINE_PARKED_H

#include "ppp_unit.h"
#include "tun_queue.h"

struct parked {
	int fd;               /* to be polled; -1: none */
	struct tun_queue tun; /* a TUN's, which is the caller's to close; else fd -1 */
	struct ppp_unit unit; /* else */
};

#define PARKED_NONE ((struct parked){.fd = -1, .tun = {.fd = -1}, .unit = PPP_UNIT_NONE})

/* `interface` stays the caller's, and has the name `name`. 0 or -errno. */
int parked_open(struct parked *parked, struct netlink *netlink, int interface, const char *name);
/* As tun_queue_read(). */
bool parked_read(const struct parked *parked, struct tun_batch *batch);
/* A session may have it: a unit loops no more, and drops until then. */
void parked_close(struct parked *parked);

#endif
