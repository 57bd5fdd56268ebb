/* A compressor and its decompressor, as the layers of a data path use them (layers.h).
 *
 * Both work in memory the owner gives: `size` bytes, aligned for any type, each direction its own,
 * never moved while in use. No call keeps a pointer to a packet.
 *
 * What travels behind the protocol field 00FD is what `compress` writes and `decompress` reads,
 * whole: with whatever number, length or check the method puts there. What it hides is a protocol
 * field, of one or two bytes, and the information behind it (RFC 1962 §3).
 *
 * Limits: output never goes beyond `capacity`, which is the protection against packets that expand
 * without end; nothing the peer sends reaches an assert. */
#ifndef GREYLINE_CODEC_H
#define GREYLINE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec_params.h"
#include "reason.h"

enum codec_direction { CODEC_COMPRESS, CODEC_DECOMPRESS };

/* The two bytes an MPPC packet begins with (RFC 2118 §3.1): these bits and a coherency count. A
 * codec whose `params.encrypted` is set writes 0 for the count and for MPPE's own bit. */
enum {
	MPPC_FLUSHED = 0x8000,    /* A: the history was empty before this packet */
	MPPC_FRONT = 0x4000,      /* B: this packet is at the front of the history */
	MPPC_COMPRESSED = 0x2000, /* C: else what follows is as it was */
};

struct codec_ops {
	const char *name; /* as pppd says it: "Deflate", "BSD-Compress", "Predictor-1", "MPPC" */

	/* After a loss the peer's next packets say themselves where the history starts again
	 * (MPPC's bit A): `decompress` is called for each, dead or not; a Reset-Ack means nothing.
	 */
	bool flushes;

	/* Bytes of memory; bounded for all that CCP may agree on. */
	size_t (*size)(const struct codec_params *params, enum codec_direction direction);
	void (*init)(
		void *memory, const struct codec_params *params, enum codec_direction direction);
	/* The history starts again: of a compressor when the peer asked (CCP Reset-Request), of a
	 * decompressor when the peer said that it did (Reset-Ack). */
	void (*reset)(void *memory);

	/* Returns the bytes written to `to`; 0: this packet goes as it is, in a frame of its own
	 * protocol, and the codec has taken note of that. `packet` is the information alone. `to`
	 * does not overlap it. With `flushes` it always returns a packet, compressed or not, as
	 * long as `capacity` is 4 more than `length`. */
	size_t (*compress)(void *memory, uint16_t protocol, const uint8_t *packet, size_t length,
		uint8_t *to, size_t capacity);

	/* Writes the protocol field (one or two bytes) and the information to `to`, `*got` bytes,
	 * which do not overlap `from`. False: the packet cannot be read, `*why` says how, and
	 * nothing will be until `reset` (or, with `flushes`, until a packet that starts again). */
	bool (*decompress)(void *memory, const uint8_t *from, size_t length, uint8_t *to,
		size_t capacity, size_t *got, enum drop *why);

	/* The decompressor's: a network packet came as it is, in its turn; histories that include
	 * such packets (RFC 1977, RFC 1979) take it in. May be NULL. */
	void (*incompressible)(
		void *memory, uint16_t protocol, const uint8_t *packet, size_t length);
};

/* NULL for CODEC_NONE. */
const struct codec_ops *codec_find(enum codec_method method);

#endif
