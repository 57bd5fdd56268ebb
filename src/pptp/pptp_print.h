/* One readable line for any control message, whole or broken. */
#ifndef GREYLINE_PPTP_PRINT_H
#define GREYLINE_PPTP_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "pptp_wire.h"
#include "text.h"

/* A buffer of this size is never cut, whatever the peer put into its names. */
enum { PPTP_LINE_MAX = 1280 };

/* Bytes of one message as they stand on the wire; garbage is described, never refused. */
void pptp_print(struct text *t, const uint8_t *bytes, size_t length);
void pptp_print_message(struct text *t, const struct pptp_message *message);

/* "result 7 (do not accept)", and ", error 4 (no resource)" where there is one. */
void pptp_print_result(struct text *t, uint16_t type, uint8_t result, uint8_t error);

#endif
