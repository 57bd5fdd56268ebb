/* Two data planes as one: the kernel's (/dev/ppp), and the user's for what the kernel lacks.
 *
 * Each subject belongs to one of them. It begins at the kernel's and moves to the user's when it
 * needs what the kernel has not: before it is attached, or while it negotiates, as long as its
 * network is not up (DATAPLANE_MOVED; else DATAPLANE_UNABLE). What it was told so far is told again
 * there, and its GRE sequence goes on behind all that the kernel can have sent. */
#ifndef GREYLINE_PLANES_H
#define GREYLINE_PLANES_H

#include "dataplane.h"

struct planes_parts {
	const struct dataplane_ops *kernel, *user;
};

/* As dataplane_ops.start. The user plane is started when the first session moves; where it cannot
 * be, none does. */
int planes_start(struct dataplane **dataplane, const struct planes_parts *parts,
	const struct dataplane_config *config, char error[256]);

/* The same over dataplane_kernel and dataplane_user. */
extern const struct dataplane_ops dataplane_planes;

#endif
