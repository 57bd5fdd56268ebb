/* TCP's maximum segment size follows the tunnel's MTU (RFC 9293 §3.7.1, RFC 6691, RFC 1624). */
#ifndef GREYLINE_MSS_H
#define GREYLINE_MSS_H

#include <stdint.h>

#include "inner.h"

/* Lowers the MSS that a TCP SYN announces, in place, so that what is sent because of it fits `mtu`
 * bytes; every other packet, and an MSS that fits, stays as it is. The checksum stays as right or
 * wrong as it was. `packet` holds inner->length bytes. */
void mss_clamp(uint8_t *packet, const struct inner *inner, uint16_t mtu);

#endif
