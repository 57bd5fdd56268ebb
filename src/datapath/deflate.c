/* Deflate (RFC 1979), by zlib.
 *
 *     | sequence number (16 bits) |  deflate blocks (RFC 1951), without zlib's header and check |
 *
 * One stream of blocks goes on from packet to packet. Each packet ends in an empty stored block, so
 * that it ends in a whole byte (Z_SYNC_FLUSH); of that block 00 00 FF FF are always the same, are
 * cut off and put back by the one who decompresses (§2.1). That its blocks end there, and with no
 * last block before, is checked: else the next packet would be read out of step.
 *
 * What is compressed begins with the protocol field, in one byte where it can be. Control protocols
 * and what is compressed already are left alone. A packet that would grow goes as it is, and takes
 * a number; the one who compresses has it in his window by then, and the other puts it there as
 * zlib does with a dictionary, which is what a stored block of it would come to.
 *
 * zlib gets its memory from the codec's own: what it asks for when it starts, and a window with the
 * first packet. Should another version of it ask for more than there is, nothing is compressed and
 * nothing read, by name.
 *
 * The longest output for a packet is zeros, about 1,000 for a byte; zlib stops where the capacity
 * ends.
 *
 * Speed (test/bench/bench_codec, Zen 5): as zlib by itself, 37 MB/s in and 400 out for text, 23 in
 * for noise. */
#include "deflate.h"

#include <assert.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "bytes.h"

enum {
	HEADER = 2,
	TAIL = 4,         /* of the empty block, which is not sent */
	MEMORY = 6,       /* zlib's memLevel: packets are short, and so may the hash be */
	LEVEL = 6,        /* zlib's own choice between time and size */
	AT_END = 128,     /* in data_type: between two blocks; below 64: bits left over */
	CONTROL = 0x4000, /* protocols from here on are none of ours */
	/* What zlib needs beside its tables (zconf.h: "a few kilobytes"; 7 in 1.2.13), and a third
	 * table that newer ones may be built with. */
	SMALL_OBJECTS = 8192 + (1 << (MEMORY + 6)),
	ALIGNMENT = 16,
};

struct deflate {
	z_stream stream;
	size_t used, size; /* of `arena` */
	uint16_t sequence;
	bool compresses;
	bool dead;   /* until reset */
	bool failed; /* zlib did not start */
	_Alignas(ALIGNMENT) uint8_t arena[];
};

static const uint8_t tail[TAIL] = {0x00, 0x00, 0xff, 0xff};

/* As zconf.h says it. */
static size_t arena_size(unsigned bits, enum codec_direction direction)
{
	if (direction == CODEC_COMPRESS)
		return ((size_t)1 << (bits + 2)) + ((size_t)1 << (MEMORY + 9)) + SMALL_OBJECTS;
	return ((size_t)1 << bits) + SMALL_OBJECTS;
}

static size_t deflate_size(const struct codec_params *params, enum codec_direction direction)
{
	assert(params->bits >=
		(direction == CODEC_COMPRESS ? DEFLATE_BITS_SEND : DEFLATE_BITS_MIN));
	assert(params->bits <= DEFLATE_BITS_MAX);
	return sizeof(struct deflate) + arena_size(params->bits, direction);
}

static voidpf take(voidpf opaque, uInt items, uInt size)
{
	struct deflate *d = opaque;
	size_t bytes = (size_t)items * size + ALIGNMENT - 1;

	bytes -= bytes % ALIGNMENT;
	if (bytes > d->size - d->used)
		return Z_NULL;
	d->used += bytes;
	return d->arena + d->used - bytes;
}

static void give_back(voidpf opaque, voidpf address)
{
}

static void deflate_init(
	void *memory, const struct codec_params *params, enum codec_direction direction)
{
	struct deflate *d = memory;
	int bits = -(int)params->bits; /* negative: no header, no check */

	*d = (struct deflate){.size = arena_size(params->bits, direction),
		.compresses = direction == CODEC_COMPRESS,
		.stream = {.zalloc = take, .zfree = give_back, .opaque = d}};
	int started = d->compresses ? deflateInit2(&d->stream, LEVEL, Z_DEFLATED, bits, MEMORY,
					      Z_DEFAULT_STRATEGY)
				    : inflateInit2(&d->stream, bits);
	d->failed = started != Z_OK;
}

static void deflate_reset(void *memory)
{
	struct deflate *d = memory;

	d->sequence = 0;
	d->dead = false;
	if (d->failed)
		return;
	if (d->compresses)
		deflateReset(&d->stream);
	else
		inflateReset(&d->stream);
}

static bool touched(uint16_t protocol)
{
	return protocol < CONTROL && protocol != 0xfd && protocol != 0xfb;
}

static size_t put_protocol(uint8_t *field, uint16_t protocol)
{
	put_u16(field, protocol);
	if (protocol > 0xff)
		return 2;
	field[0] = field[1];
	return 1;
}

/* A packet into the stream, and all of the stream out: the bytes it takes, or SIZE_MAX where they
 * are more than `capacity`. */
static size_t squeeze(struct deflate *d, uint16_t protocol, const uint8_t *packet, size_t length,
	uint8_t *to, size_t capacity)
{
	z_stream *z = &d->stream;
	uint8_t field[2], nowhere[256];
	bool fits = true;

	z->next_out = to;
	z->avail_out = (uInt)capacity;
	z->next_in = field;
	z->avail_in = (uInt)put_protocol(field, protocol);
	deflate(z, Z_NO_FLUSH);
	z->next_in = packet;
	z->avail_in = (uInt)length;
	deflate(z, Z_SYNC_FLUSH);
	size_t size = capacity - z->avail_out;
	/* All of it is there when room is left. */
	while (z->avail_out == 0) {
		fits = false;
		z->next_out = nowhere;
		z->avail_out = sizeof(nowhere);
		deflate(z, Z_SYNC_FLUSH);
	}
	return fits ? size : SIZE_MAX;
}

static size_t deflate_compress(void *memory, uint16_t protocol, const uint8_t *packet,
	size_t length, uint8_t *to, size_t capacity)
{
	struct deflate *d = memory;
	uint8_t nowhere[HEADER + 1]; /* more than nothing, and less than any packet */

	if (d->failed || !touched(protocol))
		return 0;
	if (capacity < sizeof(nowhere)) {
		to = nowhere;
		capacity = sizeof(nowhere);
	}
	put_u16(to, d->sequence++);
	size_t size = squeeze(d, protocol, packet, length, to + HEADER, capacity - HEADER);
	return size < length + TAIL - HEADER ? HEADER + size - TAIL : 0;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

/* The whole of a piece, which leaves the stream where the next one begins. */
static bool inflate_piece(z_stream *z, const uint8_t *bytes, size_t length, enum drop *why)
{
	z->next_in = bytes;
	z->avail_in = (uInt)length;
	int result = inflate(z, Z_SYNC_FLUSH);
	if (result != Z_OK && result != Z_BUF_ERROR)
		return refuse(why, DROP_CODEC_DATA);
	if (z->avail_in)
		return refuse(why, DROP_CODEC_SIZE);
	return true;
}

static bool deflate_decompress(void *memory, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *got, enum drop *why)
{
	struct deflate *d = memory;
	z_stream *z = &d->stream;

	if (d->dead || d->failed)
		return refuse(why, DROP_CODEC_RESYNC);
	d->dead = true; /* until all is well */
	if (length <= HEADER)
		return refuse(why, DROP_CODEC_DATA);
	if (get_u16(from) != d->sequence)
		return refuse(why, DROP_CODEC_LOST);
	d->sequence++;
	z->next_out = to;
	z->avail_out = (uInt)capacity;
	if (!inflate_piece(z, from + HEADER, length - HEADER, why) ||
		!inflate_piece(z, tail, TAIL, why))
		return false;
	*got = capacity - z->avail_out;
	if (z->data_type != AT_END || *got == 0)
		return refuse(why, DROP_CODEC_DATA);
	d->dead = false;
	return true;
}

static void deflate_incompressible(
	void *memory, uint16_t protocol, const uint8_t *packet, size_t length)
{
	struct deflate *d = memory;
	uint8_t field[2];

	if (d->dead || d->failed || !touched(protocol))
		return;
	d->sequence++;
	inflateSetDictionary(&d->stream, field, (uInt)put_protocol(field, protocol));
	inflateSetDictionary(&d->stream, packet, (uInt)length);
}

const struct codec_ops deflate_codec = {
	.name = "Deflate",
	.size = deflate_size,
	.init = deflate_init,
	.reset = deflate_reset,
	.compress = deflate_compress,
	.decompress = deflate_decompress,
	.incompressible = deflate_incompressible,
};
