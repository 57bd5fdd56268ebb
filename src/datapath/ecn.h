/* Explicit congestion notification at the end of a tunnel (RFC 6040 §4.2, RFC 3168). */
#ifndef GREYLINE_ECN_H
#define GREYLINE_ECN_H

#include <stdbool.h>
#include <stdint.h>

enum { ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE, ECN_MASK = 3 };

/* Writes what happened to the outer header on its way into the inner one: `tos` is the outer DSCP
 * and ECN, `packet` an IPv4 or IPv6 header whose checksum stays as right or wrong as it was. False:
 * congestion was met, the sender cannot be told but by dropping the packet. */
bool ecn_combine(uint8_t *packet, uint8_t tos);

#endif
