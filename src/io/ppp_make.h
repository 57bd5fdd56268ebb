/* Making units of the kernel's PPP: network interfaces that PPP channels are joined to
 * (ppp_generic).
 *
 * A unit lives as long as a descriptor of it is open: whoever keeps a copy (dup) of it keeps the
 * interface, its addresses and its routes while channels come and go (PPPIOCCONNECT). */
#ifndef GREYLINE_PPP_MAKE_H
#define GREYLINE_PPP_MAKE_H

#include "netlink.h"

enum {
	PPP_ANY = -1,
	PPP_NAME_SIZE = 16, /* IFNAMSIZ: with the terminator */
};

struct ppp_wish {
	/* A name, or NULL, or "ppp%d": the interface is named after its number. "ppp5" is a wish
	 * for number 5. */
	const char *name;
	int number; /* or PPP_ANY: the first that is free */
};

struct ppp_made {
	int fd; /* on /dev/ppp: non-blocking, close-on-exec; carries the unit's control frames */
	int number;
	unsigned link; /* the interface's index; it is down */
	char name[PPP_NAME_SIZE];
};

/* Makes an interface by /dev/ppp. Where the name or the number is taken it is the next free one, as
 * pppd has it, and `words` (else empty) says so. 0, or -errno with `words`: what failed, on what,
 * and what to do next. */
int ppp_make(struct ppp_made *unit, const struct ppp_wish *wish, struct netlink *netlink,
	char words[256]);

/* The number of the unit behind a descriptor; -errno when there is none behind it. */
int ppp_number(int fd);

#endif
