/* Which data plane moves the packets: chosen once, at start, before anything is sent. */
#ifndef GREYLINE_PLANE_H
#define GREYLINE_PLANE_H

#include "dataplane.h"
#include "settings.h"

struct plane_choice {
	const struct dataplane_ops *ops; /* dataplane_user or dataplane_planes */
	char why[256];                   /* in words */
};

/* By what is configured and what the machine has; tries to load the kernel's modules where they are
 * wanted, so it is called while we are still root. 0, or -errno with `error`: what is missing, and
 * what to do next. */
int plane_choose(struct plane_choice *choice, const struct settings *settings, char error[256]);

#endif
