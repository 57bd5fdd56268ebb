/* The invariants that are judged at moments of a run; those of every step are where they happen. */
#ifndef GREYLINE_JUDGE_H
#define GREYLINE_JUDGE_H

#include <stdbool.h>

struct world;

/* Long after the weather cleared: every session is up at both ends, or over; both ends agree. */
void judge_settled(struct world *world);
/* Sends a burst through every open session. `last`: the burst before must have arrived whole. */
void judge_proof(struct world *world, bool last);
/* After everything was stopped: nothing is left. */
void judge_end(struct world *world);

#endif
