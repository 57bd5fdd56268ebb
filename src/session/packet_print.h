/* One line for any frame of a session's: PPP's own, and the packets that its services send and
 * take. */
#ifndef GREYLINE_PACKET_PRINT_H
#define GREYLINE_PACKET_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* As ppp_print; of IP packets that are about the link, what they say. */
void packet_print(struct text *t, const uint8_t *frame, size_t length);

#endif
