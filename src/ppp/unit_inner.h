/* What CCP, IPCP and IPV6CP tell the unit they belong to. Of this room only. */
#ifndef GREYLINE_UNIT_INNER_H
#define GREYLINE_UNIT_INNER_H

#include "turn.h"
#include "unit.h"

/* The unit cannot do what it is for: UNIT_FAILED follows, once, with the first reason given. */
void unit_fail(struct unit *unit, enum close_reason reason);
/* IPv4 or IPv6 will not come: the unit goes on with the other, while that still may. `reason` is
 * what it ends with when it has neither. */
void unit_ipv4_ended(struct unit *unit, enum close_reason reason);
void unit_ipv6_ended(struct unit *unit);
/* CCP, IPCP or IPV6CP opened or closed: reports what changed (UNIT_NETWORK). */
void unit_review(struct unit *unit, const struct turn *turn);
/* A turn of one of its automatons: all negotiate alike. */
struct fsm_run unit_run(
	struct unit *unit, struct fsm *fsm, const struct fsm_ops *ops, const struct turn *turn);

#endif
