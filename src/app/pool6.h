/* IPv6 networks to give out: one /64 a session, out of one prefix. The first is the server's. */
#ifndef GREYLINE_POOL6_H
#define GREYLINE_POOL6_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum { POOL6_MAX = 65536 };

struct pool6 {
	struct prefix prefix;
	uint8_t *used; /* a byte a network */
	uint32_t size; /* networks; 0: no pool */
	uint32_t next; /* where the search for a free one goes on: the one released last comes last
			*/
};

/* 0, or -ENOMEM. `prefix` has at most 63 bits. */
int pool6_init(struct pool6 *pool, const struct prefix *prefix);
void pool6_free(struct pool6 *pool);
/* Length 0 when none is left. */
struct prefix pool6_take(struct pool6 *pool);
void pool6_release(struct pool6 *pool, const struct prefix *network);
/* The server's own address in its own network: ::1. */
struct address pool6_own(const struct pool6 *pool);

#endif
