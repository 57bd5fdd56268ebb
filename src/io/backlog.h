/* Records that wait, in order, for room in a ring. Control thread only. */
#ifndef GREYLINE_BACKLOG_H
#define GREYLINE_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

/* One of them; its bytes follow. */
struct waiting {
	struct waiting *next;
	uint32_t length;
};

struct backlog {
	struct waiting *first, **last;
};

void backlog_init(struct backlog *backlog);
/* A record of two parts; `bytes` may be NULL with a length of 0. False without memory. */
bool backlog_add(struct backlog *backlog, const void *head, uint32_t head_length, const void *bytes,
	uint32_t length);
/* Wipes it: it may hold keys. */
void backlog_drop_first(struct backlog *backlog);
/* Moves what waits into the ring; true when nothing waits any more. */
bool backlog_flush(struct backlog *backlog, struct ring *ring);

static inline const void *waiting_bytes(const struct waiting *waiting)
{
	return waiting + 1;
}

#endif
