/* The Callback Control Protocol (MS-CBCP, draft-gidwani-ppp-callback-cp), both roles, to agree on
 * no callback. */
#ifndef GREYLINE_CBCP_H
#define GREYLINE_CBCP_H

#include <stdbool.h>
#include <stdint.h>

#include "turn.h"

enum { CBCP = 0xc029 };

enum cbcp_state {
	CBCP_NONE,     /* LCP did not agree on it */
	CBCP_OFFERED,  /* the peer calls: our Request waits for its Response */
	CBCP_AWAITED,  /* we call: the peer's Request is to come */
	CBCP_ANSWERED, /* our Response waits for its Ack */
	CBCP_SETTLED,  /* nobody calls back */
};

struct cbcp {
	uint8_t state; /* enum cbcp_state */
	uint8_t id, tries;
};

struct link;
struct protocol_ops;
extern const struct protocol_ops cbcp_protocol;

/* Both sides have proved themselves; true when there is something to settle first. */
bool cbcp_start(struct link *link, const struct turn *turn);
/* The peer has begun the Network phase, which says what a lost Ack would have said. */
void cbcp_network_began(struct link *link, const struct turn *turn);

#endif
