/* One readable line for any PPP control frame, reached through the protocol table. The log, the
 * dump and capture tools and the tests all use it. Secrets (PAP passwords) are not shown. */
#ifndef GREYLINE_PRINT_H
#define GREYLINE_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* `frame` begins with the protocol field. Data frames print as protocol name and length. */
void ppp_print(struct text *t, const uint8_t *frame, size_t length);

#endif
