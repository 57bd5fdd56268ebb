/* The bundles of a side: what the app does about them. */
#ifndef GREYLINE_BUNDLES_H
#define GREYLINE_BUNDLES_H

#include "side.h"

/* Something of a tunnel's outbox that is about a bundle: done when the outbox is empty again. */
bool bundles_take(struct side *side, const struct outbox *from, const struct out_item *item);
/* True when there was one, and `out` holds what came of it. */
bool bundles_next(struct side *side, struct outbox *out);
void bundles_reset(void);

bool bundles_is_own(const struct seat *seat);
uint64_t bundles_deadline(const struct side *side);
/* The next one that is due, or NULL. */
struct seat *bundles_due(struct side *side, uint64_t now);

#endif
