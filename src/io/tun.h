/* TUN interfaces: a descriptor that reads and writes whole IP packets of one network interface. */
#ifndef GREYLINE_TUN_H
#define GREYLINE_TUN_H

#include <stdbool.h>

enum { TUN_NAME_SIZE = 16 }; /* IFNAMSIZ: with the terminator */

struct tun_config {
	/* A name, or a pattern with one %d ("ppp%d": the kernel takes the first free number). */
	const char *name;
	/* A virtio header before each packet where the kernel has it (IFF_VNET_HDR), so that
	 * super-packets can pass; tun_queue.h deals with either. */
	bool offload;
	/* The interface may have several queues (IFF_MULTI_QUEUE, Linux 3.8): each further call
	 * with its name opens another one. Where the kernel has none: -EOPNOTSUPP. */
	bool queues;
};

/* Opens an interface (IFF_TUN | IFF_NO_PI), creating it where it does not exist. The descriptor
 * is non-blocking and close-on-exec; closing the last one removes the interface with its addresses
 * and routes. `name` gets the real name.
 *
 * The descriptor, or -errno with `error`: what failed, on what, and what to do next. */
int tun_open(const struct tun_config *config, char name[TUN_NAME_SIZE], char error[256]);

/* Whether the descriptor is that of a TUN. */
bool tun_is_one(int fd);

#endif
