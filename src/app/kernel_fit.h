/* Whether a configuration can be had with the kernel's data plane. */
#ifndef GREYLINE_KERNEL_FIT_H
#define GREYLINE_KERNEL_FIT_H

#include "settings.h"

/* The first thing it asks for that the kernel's PPTP and PPP lack, in words; NULL: none. With
 * `always` only what no session can do without, else what some may come to need, too. What only a
 * call shows (an outer IPv6 address, Call ID 0) is told by the plane, dataplane_ops.lacks. */
const char *kernel_fit(const struct settings *settings, bool always);

#endif
