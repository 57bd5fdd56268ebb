/* The line of a relayed session, from an end of somebody else's pty, socket or pipes. */
#ifndef GREYLINE_RELAY_LINE_H
#define GREYLINE_RELAY_LINE_H

#include "line.h"
#include "seats.h"

/* Opens a line on the descriptors in `config`, which it takes over, and gives it to the session. 0
 * or -errno. */
int relay_line_give(struct seat *seat, struct line_config config);

#endif
