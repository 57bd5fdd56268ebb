/* Somebody who writes into one server's side of a tunnel: malformed and misplaced control
 * messages, GRE datagrams, PPP frames and inner packets, so that every reason to drop something is
 * met, while a second tunnel to the same server must not notice. */
#ifndef GREYLINE_ADVERSARY_H
#define GREYLINE_ADVERSARY_H

#include <stdint.h>

#include "dice.h"

struct side;

struct adversary {
	struct side *target; /* NULL: nobody is there */
	uint64_t next, until;
	uint32_t patience; /* between two deeds, at most, microseconds */
	struct dice dice;  /* its own, so that the rest of the run is as without it */
};

void adversary_init(
	struct adversary *adversary, struct side *target, uint64_t seed, uint64_t until);
void adversary_tick(struct adversary *adversary, uint64_t now);
uint64_t adversary_deadline(const struct adversary *adversary);

#endif
