/* What a worker lets the control thread read at any time: the counters of each session and its
 * share of the event ring.
 *
 * A sequence lock of relaxed words: the worker never waits, a reader tries again when it was
 * overtaken. Every word is atomic, so nothing here is a data race even when a read is torn and
 * thrown away. */
#ifndef GREYLINE_PUBLISHED_H
#define GREYLINE_PUBLISHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"

enum { PUBLISHED_WORDS = sizeof(struct dataplane_statistics) / sizeof(uint64_t) };
static_assert(sizeof(struct dataplane_statistics) % sizeof(uint64_t) == 0, "whole words only");

struct published {
	_Atomic uint32_t sequence; /* odd while being written */
	_Atomic uint32_t subject;  /* 0: not attached */
	_Atomic uint32_t queued;   /* control frames of the slot in the event ring */
	_Atomic uint64_t words[PUBLISHED_WORDS];
};

/* Worker. `subject` 0 withdraws what was there. */
void published_write(
	struct published *p, uint32_t subject, const struct dataplane_statistics *statistics);
/* Any thread. False when the slot does not hold `subject` now. */
bool published_read(struct published *p, uint32_t subject, struct dataplane_statistics *statistics);

#endif
