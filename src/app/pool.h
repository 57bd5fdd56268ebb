/* Inner addresses to give out: ranges, with O(1) allocation.
 *
 * Addresses never used come first, in order; then those released, the one released longest ago
 * first, so that a stranger does not at once get the packets of whoever just left. Addresses that
 * a user has for himself (chap-secrets' fourth field) are reserved: only asking for them by name
 * gives them. */
#ifndef GREYLINE_POOL_H
#define GREYLINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings.h"

enum { POOL_MAX = 1 << 20 };

struct pool {
	struct ipv4_range *ranges;
	uint32_t *starts; /* index of each range's first address */
	size_t range_count;
	uint32_t size;   /* addresses in all */
	uint8_t *marks;  /* one for each */
	uint32_t *queue; /* released ones: a ring of `size` */
	uint32_t queue_at, queued;
	uint32_t fresh; /* next never used */
	uint32_t used, reserved;
};

/* 0, -EINVAL with `error` (overlapping, too large, an address nobody can have), or -ENOMEM. An
 * empty list is an empty pool. Ends of subnets are left out. */
int pool_init(struct pool *pool, const struct range_list *ranges, char error[256]);
void pool_free(struct pool *pool);

bool pool_holds(const struct pool *pool, uint32_t address);
/* Keeps an address from being given out unasked. One outside the pool is ignored. */
void pool_reserve(struct pool *pool, uint32_t address, bool reserved);

/* Any free address; 0 when none is left. */
uint32_t pool_take(struct pool *pool);
/* This one, reserved or not; false when it is in use or outside the pool. */
bool pool_take_this(struct pool *pool, uint32_t address);
void pool_release(struct pool *pool, uint32_t address);
/* Addresses pool_take could still give. */
uint32_t pool_free_count(const struct pool *pool);

#endif
