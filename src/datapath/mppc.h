/* MPPC (RFC 2118), alone or inside MPPE, whose header it shares.
 *
 * Memory: 24 KiB to compress, 8 KiB to decompress. */
#ifndef GREYLINE_MPPC_H
#define GREYLINE_MPPC_H

#include "codec.h"

enum { MPPC_HISTORY = 8192 };

extern const struct codec_ops mppc_codec;

/* The first bytes, at most `capacity`, of what a packet hides whose history was empty before it;
 * `from` is what follows its header, or the beginning of that. */
size_t mppc_peek(const uint8_t *from, size_t length, uint8_t *to, size_t capacity);

#endif
