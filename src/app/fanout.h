/* Several captures at once on a data plane that has room for one tap.
 *
 * An outlet looks to tap.h like a data plane that can do nothing but capture; the fan gives every
 * packet to all outlets in use. */
#ifndef GREYLINE_FANOUT_H
#define GREYLINE_FANOUT_H

#include "dataplane.h"

enum { FANOUT_MAX = 8 };

struct fanout;

/* NULL when memory is out. */
struct fanout *fanout_open(const struct dataplane_ops *ops, struct dataplane *real);
/* After every tap was stopped, and before the data plane is. */
void fanout_close(struct fanout *fanout);

/* `ops` and `dataplane` of one tap_start(); NULL when FANOUT_MAX are in use. It is free again when
 * that tap stops. */
extern const struct dataplane_ops fanout_ops;
struct dataplane *fanout_outlet(struct fanout *fanout);

#endif
