/* A list that exists only while a ring is full, which is rare: so it allocates. */
#include <stdlib.h>
#include <string.h>

#include "backlog.h"

void backlog_init(struct backlog *backlog)
{
	*backlog = (struct backlog){.last = &backlog->first};
}

bool backlog_add(struct backlog *backlog, const void *head, uint32_t head_length, const void *bytes,
	uint32_t length)
{
	struct waiting *waiting = malloc(sizeof(*waiting) + head_length + length);
	if (!waiting)
		return false;
	waiting->next = NULL;
	waiting->length = head_length + length;
	memcpy(waiting + 1, head, head_length);
	if (length)
		memcpy((uint8_t *)(waiting + 1) + head_length, bytes, length);
	*backlog->last = waiting;
	backlog->last = &waiting->next;
	return true;
}

void backlog_drop_first(struct backlog *backlog)
{
	struct waiting *waiting = backlog->first;
	backlog->first = waiting->next;
	if (!backlog->first)
		backlog->last = &backlog->first;
	explicit_bzero(waiting, sizeof(*waiting) + waiting->length);
	free(waiting);
}

bool backlog_flush(struct backlog *backlog, struct ring *ring)
{
	while (backlog->first) {
		void *record = ring_reserve(ring, backlog->first->length);
		if (!record)
			return false;
		memcpy(record, waiting_bytes(backlog->first), backlog->first->length);
		ring_commit(ring, backlog->first->length);
		backlog_drop_first(backlog);
	}
	return true;
}
