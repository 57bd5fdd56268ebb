/* What a protocol object wants done: frames to send, events, questions, notes to log.
 *
 * There are no upward callbacks in the pure rooms. An object is given bytes or a time and writes
 * items into its caller's outbox; the caller walks them in order. The order is a promise: a key
 * item placed before a frame item is installed before that frame leaves.
 *
 * The memory is the caller's. Each object states its maximum per input in its header; running
 * over is our own bug and asserts. Item payloads are host-order C structs or raw frames, copied
 * into the arena at an address aligned to 8 bytes.
 */
#ifndef GREYLINE_OUTBOX_H
#define GREYLINE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct out_item {
	uint16_t kind;    /* the room's own enum */
	uint16_t arg;     /* a small argument of that kind */
	uint32_t subject; /* handle of the session it belongs to; 0 where there is only one */
	uint32_t token;   /* question or epoch it belongs to; 0 where neither */
	uint32_t offset;  /* of its bytes in the arena */
	uint32_t length;
};

struct outbox {
	struct out_item *items;
	uint8_t *arena;
	uint32_t item_count, item_max;
	uint32_t arena_used, arena_max;
};

/* Declares an empty outbox with its storage in the enclosing scope. */
#define OUTBOX(name, max_items, max_bytes)                                                         \
	struct out_item name##_items[max_items];                                                   \
	_Alignas(8) uint8_t name##_arena[max_bytes];                                               \
	struct outbox name = {.items = name##_items,                                               \
		.arena = name##_arena,                                                             \
		.item_max = (max_items),                                                           \
		.arena_max = (max_bytes)}

void outbox_clear(struct outbox *out);

/* Adds an item with a copy of `bytes` (NULL when `length` is 0); the item stays editable until
 * the next call. */
struct out_item *outbox_add(struct outbox *out, uint16_t kind, const void *bytes, size_t length);

/* Builds a frame in place: open, write, then close, which adds the item. One at a time. The
 * writer never fails for want of room below `max`. */
struct writer outbox_open(struct outbox *out, size_t max);
struct out_item *outbox_close(struct outbox *out, uint16_t kind, const struct writer *w);

static inline const void *outbox_bytes(const struct outbox *out, const struct out_item *item)
{
	return out->arena + item->offset;
}

#endif
