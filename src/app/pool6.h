/* IPv6 networks to give out, all of one length, out of one prefix: the /64 that each session has,
 * and the prefixes that routers behind sessions ask for. */
#ifndef GREYLINE_POOL6_H
#define GREYLINE_POOL6_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum { POOL6_MAX = 65536, POOL6_NETWORK = 64 };

struct pool6 {
	struct prefix prefix;
	uint8_t length; /* of what is given out */
	uint8_t *used;  /* a byte a network */
	uint32_t size;  /* networks; 0: no pool */
	uint32_t next;  /* where the search for a free one goes on: the one released last comes last
			 */
};

/* 0, or -ENOMEM. `length` is more than the prefix has bits, and at most 64. */
int pool6_init(struct pool6 *pool, const struct prefix *prefix, uint8_t length);
/* Keeps the first for the server itself. */
void pool6_keep_first(struct pool6 *pool);
void pool6_free(struct pool6 *pool);
/* Length 0 when none is left. */
struct prefix pool6_take(struct pool6 *pool);
/* The one that `wish` begins with, when it is the pool's and free; else as pool6_take. */
struct prefix pool6_take_like(struct pool6 *pool, const struct prefix *wish);
void pool6_release(struct pool6 *pool, const struct prefix *network);
/* The server's own address in the first network: ::1. */
struct address pool6_own(const struct pool6 *pool);

#endif
