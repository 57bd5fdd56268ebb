/* What the fuzz entries of all decompressors share. An input is a byte of parameters, then records:
 * a kind, a length and that many bytes, which are opened, learned as they are, or compressed by us
 * and opened again. Output never goes past the capacity; what is refused is refused until the
 * reset; what we compress comes back. */
#ifndef GREYLINE_CODEC_FUZZ_H
#define GREYLINE_CODEC_FUZZ_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "codec.h"

enum { FUZZ_CAPACITY = 1502, FUZZ_RECORDS = 64, FUZZ_PROTOCOL = 0x21 };

struct codec_fuzz {
	const struct codec_ops *ops;
	void *in; /* what the input is opened with */
	void *ours_out, *ours_in;
	bool dead;
};

static void *fuzz_memory(const struct codec_ops *ops, const struct codec_params *params,
	enum codec_direction direction)
{
	void *memory = malloc(ops->size(params, direction));
	assert(memory);
	ops->init(memory, params, direction);
	return memory;
}

static void fuzz_open(struct codec_fuzz *f, struct reader data, size_t capacity)
{
	size_t length = reader_left(&data), got = 0;
	uint8_t *to = malloc(capacity);
	enum drop why = DROP_COUNT;

	assert(to);
	if (f->ops->decompress(f->in, data.at, length, to, capacity, &got, &why)) {
		assert(!f->dead || f->ops->flushes);
		assert(got > 0 && got <= capacity);
		f->dead = false;
	} else {
		assert(why == DROP_CODEC_DATA || why == DROP_CODEC_SIZE || why == DROP_CODEC_LOST ||
			why == DROP_CODEC_RESYNC);
		assert(!f->dead || f->ops->flushes || why == DROP_CODEC_RESYNC);
		f->dead = true;
	}
	free(to);
}

static void fuzz_round_trip(struct codec_fuzz *f, struct reader data)
{
	size_t length = reader_left(&data), got;
	uint8_t *packed = malloc(length + 6), *to = malloc(length + 2);
	enum drop why;

	assert(packed && to);
	size_t size =
		f->ops->compress(f->ours_out, FUZZ_PROTOCOL, data.at, length, packed, length + 6);
	assert(size <= length + 6);
	if (size) {
		assert(f->ops->decompress(f->ours_in, packed, size, to, length + 2, &got, &why));
		assert(got > length && !memcmp(to + got - length, data.at, length));
	} else if (f->ops->incompressible) {
		f->ops->incompressible(f->ours_in, FUZZ_PROTOCOL, data.at, length);
	}
	free(packed);
	free(to);
}

static void fuzz_record(struct codec_fuzz *f, struct reader *r)
{
	uint8_t kind = read_u8(r);
	size_t length = read_u16(r);
	struct reader data = read_slice(r, length < reader_left(r) ? length : reader_left(r));

	switch (kind & 3) {
	case 0:
		fuzz_open(f, data, kind & 4 ? 40 : FUZZ_CAPACITY);
		break;
	case 1:
		f->ops->reset(f->in);
		f->dead = f->dead && f->ops->flushes;
		if (kind & 4)
			f->ops->reset(f->ours_out);
		if (kind & 4)
			f->ops->reset(f->ours_in);
		break;
	case 2:
		if (f->ops->incompressible)
			f->ops->incompressible(f->in, kind & 4 ? 0xc021 : FUZZ_PROTOCOL, data.at,
				reader_left(&data));
		break;
	default:
		if (reader_left(&data))
			fuzz_round_trip(f, data);
	}
}

static void codec_fuzz(
	const struct codec_ops *ops, const struct codec_params *params, struct reader *r)
{
	struct codec_fuzz f = {.ops = ops,
		.in = fuzz_memory(ops, params, CODEC_DECOMPRESS),
		.ours_in = fuzz_memory(ops, params, CODEC_DECOMPRESS),
		.ours_out = fuzz_memory(ops, params, CODEC_COMPRESS)};

	for (unsigned n = 0; n < FUZZ_RECORDS && reader_left(r); n++)
		fuzz_record(&f, r);
	free(f.in);
	free(f.ours_in);
	free(f.ours_out);
}

#endif
