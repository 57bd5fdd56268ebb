/* What CCP agreed on for one direction: which compressor, and what it must know of the other end.
 * RFC 1962 §4; RFC 1978, 1977, 1979, 2118. */
#ifndef GREYLINE_CODEC_PARAMS_H
#define GREYLINE_CODEC_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

enum codec_method {
	CODEC_NONE,
	CODEC_PREDICTOR1, /* RFC 1978 */
	CODEC_BSD,        /* RFC 1977 */
	CODEC_DEFLATE,    /* RFC 1979 */
	CODEC_MPPC,       /* RFC 2118 */
	CODEC_METHODS,
};

struct codec_params {
	uint8_t method;     /* enum codec_method */
	uint8_t bits;       /* BSD-Compress: of the longest code, 9 to 15; Deflate: of the window, 8
			     * to 15; the others: 0 */
	bool stateless : 1; /* MPPC: no packet refers to one before it (bit H of option 18) */
	bool encrypted : 1; /* MPPC: inside MPPE, whose coherency count it shares: the codec neither
			     * counts nor checks the count then */
};

#endif
