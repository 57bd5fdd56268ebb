/* Deflate (RFC 1979), by zlib on memory of ours.
 *
 * Memory, for windows of 9, 12 and 15 bits: 46, 60 and 172 KiB to compress; 13, 16 and 44 KiB to
 * decompress. */
#ifndef GREYLINE_DEFLATE_H
#define GREYLINE_DEFLATE_H

#include "codec.h"

enum {
	DEFLATE_BITS_MIN = 8,
	DEFLATE_BITS_SEND = 9, /* the smallest window zlib compresses for, and pppd takes */
	DEFLATE_BITS_MAX = 15,
};

extern const struct codec_ops deflate_codec;

#endif
