/* Calls by what their peer's end is called: outer address and Call ID, which is all that its GRE is
 * addressed by. */
#ifndef GREYLINE_CALL_CLASH_H
#define GREYLINE_CALL_CLASH_H

#include <stdint.h>

#include "seats.h"

enum { CALL_CLASH_BUCKETS = 4096 };

struct call_clash {
	uint32_t first[CALL_CLASH_BUCKETS]; /* index of a seat, plus one; they are chained */
};

/* The call of another tunnel that goes to the same address and Call ID, or NULL. */
struct seat *call_clash_find(const struct call_clash *clash, const struct seats *seats,
	const struct address *outer, uint16_t peer_call_id, const struct peer *except);
/* The seat's `outer` and `peer_call_id` are set, and stay until it is taken out. */
void call_clash_add(struct call_clash *clash, struct seat *seat);
/* Nothing for one that is not in. */
void call_clash_remove(struct call_clash *clash, const struct seats *seats, struct seat *seat);

#endif
