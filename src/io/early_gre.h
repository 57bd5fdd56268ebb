/* GRE that comes for a call before the kernel's PPTP takes it (RFC 2637 §3.1.3: the peer may send
 * as soon as its reply left, and its first Configure-Request overtakes that reply's way through
 * TCP). Lost, it costs the peer's restart interval, three seconds. */
#ifndef GREYLINE_EARLY_GRE_H
#define GREYLINE_EARLY_GRE_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

/* A raw socket that keeps a few packets of this call. Its descriptor, or -errno. IPv4. */
int early_gre_open(uint16_t call_id, const struct address *local, const struct address *peer);

/* The next of its PPP control frames, protocol field first. Bytes; 0: no more. */
size_t early_gre_read(int fd, uint8_t *frame, size_t capacity);

#endif
