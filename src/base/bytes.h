/* A cursor over wire bytes, and its opposite.
 *
 * Both have a sticky error: after the first read or write past the end every later one is
 * harmless, and one look at `failed` at the end of a parser or a builder is enough. Everything
 * on the wire is big-endian. Neither owns its memory.
 */
#ifndef GREYLINE_BYTES_H
#define GREYLINE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get_u16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t get_u32(const uint8_t *b)
{
	return (uint32_t)get_u16(b) << 16 | get_u16(b + 2);
}

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct reader reader_over(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	return (struct reader){.at = at, .end = length ? at + length : at};
}

static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* Takes `length` bytes; NULL (and failed) when fewer are left. */
static inline const uint8_t *read_bytes(struct reader *r, size_t length)
{
	if (r->failed || reader_left(r) < length) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *taken = r->at;
	r->at += length;
	return taken;
}

static inline uint8_t read_u8(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 1);
	return b ? b[0] : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 2);
	return b ? get_u16(b) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
	const uint8_t *b = read_bytes(r, 4);
	return b ? get_u32(b) : 0;
}

/* A reader over the next `length` bytes, which `r` skips; failed when fewer are left. */
static inline struct reader read_slice(struct reader *r, size_t length)
{
	const uint8_t *b = read_bytes(r, length);
	struct reader slice = reader_over(b, b ? length : 0);
	slice.failed = b == NULL && length != 0;
	return slice;
}

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

static inline struct writer writer_over(void *bytes, size_t capacity)
{
	uint8_t *at = bytes;
	return (struct writer){.start = at, .at = at, .end = at + capacity};
}

static inline size_t writer_length(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline uint8_t *write_space(struct writer *w, size_t length)
{
	if (w->failed || (size_t)(w->end - w->at) < length) {
		w->failed = true;
		return NULL;
	}
	uint8_t *space = w->at;
	w->at += length;
	return space;
}

static inline void write_bytes(struct writer *w, const void *bytes, size_t length)
{
	uint8_t *b = write_space(w, length);
	if (b && length)
		memcpy(b, bytes, length);
}

static inline void write_zeros(struct writer *w, size_t length)
{
	uint8_t *b = write_space(w, length);
	if (b)
		memset(b, 0, length);
}

static inline void put_u16(uint8_t *b, uint16_t value)
{
	b[0] = (uint8_t)(value >> 8);
	b[1] = (uint8_t)value;
}

static inline void put_u32(uint8_t *b, uint32_t value)
{
	put_u16(b, (uint16_t)(value >> 16));
	put_u16(b + 2, (uint16_t)value);
}

static inline void write_u8(struct writer *w, uint8_t value)
{
	uint8_t *b = write_space(w, 1);
	if (b)
		b[0] = value;
}

static inline void write_u16(struct writer *w, uint16_t value)
{
	uint8_t *b = write_space(w, 2);
	if (b)
		put_u16(b, value);
}

static inline void write_u32(struct writer *w, uint32_t value)
{
	uint8_t *b = write_space(w, 4);
	if (b)
		put_u32(b, value);
}

/* Writes a length that was not known when its place was passed. `offset` counts from the start. */
static inline void write_patch_u16(struct writer *w, size_t offset, uint16_t value)
{
	if (offset + 2 > writer_length(w))
		w->failed = true;
	if (!w->failed)
		put_u16(w->start + offset, value);
}

#endif
