/* The outbox: a bounded list of items over a bounded arena (see outbox.h). */
#include "outbox.h"

#include <assert.h>

static uint32_t aligned(uint32_t offset)
{
	return (offset + 7) & ~7u;
}

void outbox_clear(struct outbox *out)
{
	out->item_count = 0;
	out->arena_used = 0;
}

struct writer outbox_open(struct outbox *out, size_t max)
{
	out->arena_used = aligned(out->arena_used);
	assert(out->arena_used + max <= out->arena_max);
	return writer_over(out->arena + out->arena_used, max);
}

struct out_item *outbox_close(struct outbox *out, uint16_t kind, const struct writer *w)
{
	assert(out->item_count < out->item_max);
	assert(!w->failed && w->start == out->arena + out->arena_used);
	struct out_item *item = &out->items[out->item_count++];
	*item = (struct out_item){
		.kind = kind, .offset = out->arena_used, .length = (uint32_t)writer_length(w)};
	out->arena_used += item->length;
	return item;
}

struct out_item *outbox_add(struct outbox *out, uint16_t kind, const void *bytes, size_t length)
{
	struct writer w = outbox_open(out, length);
	write_bytes(&w, bytes, length);
	return outbox_close(out, kind, &w);
}
