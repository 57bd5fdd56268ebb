/* TUN interfaces: a descriptor that reads and writes whole IP packets of one network interface. */
#ifndef GREYLINE_TUN_H
#define GREYLINE_TUN_H

enum { TUN_NAME_SIZE = 16 }; /* IFNAMSIZ: with the terminator */

/* Opens an interface, creating it where it does not exist: IFF_TUN | IFF_NO_PI. `wanted` is a name
 * or a pattern with one %d ("ppp%d": the kernel takes the first free number). The descriptor is
 * non-blocking and close-on-exec; closing it removes the interface with its addresses and routes.
 * `name` gets the real name.
 *
 * The descriptor, or -errno with `error`: what failed, on what, and what to do next. */
int tun_open(const char *wanted, char name[TUN_NAME_SIZE], char error[256]);

#endif
