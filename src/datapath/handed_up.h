/* Inner packets that are for the control plane and not for the interface. */
#ifndef GREYLINE_HANDED_UP_H
#define GREYLINE_HANDED_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "inner.h"

/* `services`: DATAPATH_SERVE_*. */
bool handed_up(uint8_t services, const struct inner *inner, const uint8_t *bytes);

/* From no address, to what no router passes on: a host that has none yet asks whether it is free,
 * or joins a group (RFC 4862 §5.4.2, RFC 3590). The source check has nothing to say to it. */
bool handed_up_nameless(const struct inner *inner);

#endif
