/* A unit of the kernel's PPP: the network interface, and what works between it and its channels
 * (MPPE, VJ, multilink). Through its descriptor, /dev/ppp, go the frames of the control protocols
 * of networks (IPCP, CCP), received ones once a channel is connected. */
#ifndef GREYLINE_PPP_UNIT_H
#define GREYLINE_PPP_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_mppe.h"
#include "netlink.h"

struct sock_filter;

struct ppp_unit {
	int fd;        /* -1: there is none */
	int number;    /* N of pppN, unless it was renamed */
	unsigned link; /* index of its interface */
	char name[16];
	/* SC_* as last set. Not read back: SC_MUST_COMP and SC_DC_ERROR are one bit there. */
	int flags;
	int vj_numbers; /* of the table there is; 0: none */
};

#define PPP_UNIT_NONE ((struct ppp_unit){.fd = -1, .number = -1})

/* Makes one, down, and deaf: no network protocol passes it. `wanted` and `words`: see ppp_make.h. 0
 * or -errno. */
int ppp_unit_make(
	struct ppp_unit *unit, struct netlink *netlink, const char *wanted, char words[256]);
/* Of a descriptor of such a unit that was kept (dup); it is the unit's from here on. */
int ppp_unit_keep(struct ppp_unit *unit, struct netlink *netlink, int fd, const char *name);
/* The interface goes, unless somebody else has the descriptor too. */
void ppp_unit_close(struct ppp_unit *unit);

int ppp_unit_flags(struct ppp_unit *unit, int clear, int set); /* SC_*; 0 or -errno */

enum ppp_unit_mode { PPP_UNIT_DROP, PPP_UNIT_QUEUE, PPP_UNIT_PASS };
/* `protocol`: 0x0021 or 0x0057. What may come again is queued, as far as the kernel can. */
int ppp_unit_mode(const struct ppp_unit *unit, uint16_t protocol, enum ppp_unit_mode mode);

int ppp_unit_mru(const struct ppp_unit *unit, int mru);
/* Frames of this size are put together from fragments, and cut into them. */
int ppp_unit_multilink(struct ppp_unit *unit, int mrru, bool receive_short, bool send_short);
/* VJ: connections each way, 0: none; `omit`: a packet of ours need not name its own. */
int ppp_unit_headers(struct ppp_unit *unit, unsigned receive, unsigned transmit, bool omit);
/* An encryption key; see kernel_mppe.h for when. */
int ppp_unit_mppe(const struct ppp_unit *unit, const struct kernel_mppe *mppe);
/* The decompressor has met so much that it will take nothing any more. */
bool ppp_unit_lost(const struct ppp_unit *unit);
/* What passes, in both directions, seen with a header of four bytes: 0 (received) or 1, 0, and the
 * protocol. None with `count` 0. */
int ppp_unit_filter(const struct ppp_unit *unit, struct sock_filter *code, size_t count);
/* Microseconds since the last network packet in and out; false when the kernel does not say. */
bool ppp_unit_idle(const struct ppp_unit *unit, uint64_t *received, uint64_t *sent);
/* Demand: while it loops, what the interface sends comes out of the descriptor instead. */
int ppp_unit_loop(struct ppp_unit *unit, bool loop);
/* Somebody removed the interface. */
bool ppp_unit_gone(const struct ppp_unit *unit);

#endif
