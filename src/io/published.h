/* What a worker lets the control thread read at any time: the counters of each session and its
 * share of the event ring.
 *
 * A sequence lock of relaxed words: the worker never waits, a reader tries again when it was
 * overtaken. Every word is atomic, so nothing here is a data race even when a read is torn and
 * thrown away. Drops, and what compressors and compressed headers did, have an array of their own,
 * which is written where there is something of that only: the pages of all other sessions stay
 * untouched, and memory that was only mapped. */
#ifndef GREYLINE_PUBLISHED_H
#define GREYLINE_PUBLISHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane.h"

enum {
	PUBLISHED_TIMES = (offsetof(struct datapath_counters, drops) + 7) / 8,
	PUBLISHED_WINDOW = PUBLISHED_TIMES + 2,
	PUBLISHED_WORDS = PUBLISHED_WINDOW + (sizeof(struct window_facts) + 7) / 8,
};

struct published {
	_Atomic uint32_t sequence; /* odd while being written */
	_Atomic uint32_t subject;  /* 0: not attached */
	_Atomic uint32_t queued;   /* control frames of the slot in the event ring */
	_Atomic uint64_t words[PUBLISHED_WORDS];
};

enum { PUBLISHED_LAYERS = sizeof(struct layer_traffic[LAYER_WAYS]) / 8 };

struct published_drops {
	_Atomic uint32_t at[DROP_PACKETS];
	_Atomic uint64_t headers[LAYER_WAYS][2]; /* packets, bytes saved */
	_Atomic uint64_t layers[PUBLISHED_LAYERS];
};

/* Worker. `subject` 0 withdraws what was there. */
void published_write(struct published *p, struct published_drops *drops, uint32_t subject,
	const struct dataplane_statistics *statistics);
/* Any thread. False when the slot does not hold `subject` now. */
bool published_read(const struct published *p, const struct published_drops *drops,
	uint32_t subject, struct dataplane_statistics *statistics);

#endif
