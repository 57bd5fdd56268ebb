/* MPPC (RFC 2118), alone or inside MPPE, whose header it shares.
 *
 * Memory: 24 KiB to compress, 8 KiB to decompress. */
#ifndef GREYLINE_MPPC_H
#define GREYLINE_MPPC_H

#include "codec.h"

enum { MPPC_HISTORY = 8192 };

extern const struct codec_ops mppc_codec;

#endif
