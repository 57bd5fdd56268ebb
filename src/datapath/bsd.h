/* BSD-Compress (RFC 1977), with codes of 9 to 15 bits.
 *
 * Memory, in either direction: 9 bytes for every code there may be, 4.5 KiB for 9 bits, 36 for 12,
 * 288 for 15. */
#ifndef GREYLINE_BSD_H
#define GREYLINE_BSD_H

#include "codec.h"

enum { BSD_BITS_MIN = 9, BSD_BITS_MAX = 15 };

extern const struct codec_ops bsd_codec;

#endif
