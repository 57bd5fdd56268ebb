/* The IPv6 pool (see pool6.h). A /64 is what hosts can make addresses in (RFC 4291 §2.5.1, RFC
 * 4862), and who changes his addresses for the sake of privacy (RFC 8981) needs all of it. */
#include "pool6.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { NETWORK = 64 };

int pool6_init(struct pool6 *pool, const struct prefix *prefix)
{
	unsigned bits = NETWORK - prefix->length;
	*pool = (struct pool6){.prefix = *prefix, .next = 1};
	pool->size = bits >= 16 ? POOL6_MAX : UINT32_C(1) << bits;
	pool->used = calloc(pool->size, 1);
	if (!pool->used)
		return -ENOMEM;
	pool->used[0] = 1;
	return 0;
}

void pool6_free(struct pool6 *pool)
{
	free(pool->used);
	*pool = (struct pool6){.size = 0};
}

struct prefix pool6_take(struct pool6 *pool)
{
	for (uint32_t tried = 0; tried < pool->size; tried++) {
		uint32_t number = pool->next;
		pool->next = (pool->next + 1) % pool->size;
		if (pool->used[number])
			continue;
		pool->used[number] = 1;
		struct prefix network = {.address = pool->prefix.address, .length = NETWORK};
		uint8_t *low = network.address.bytes + 4;
		put_u32(low, get_u32(low) | number);
		return network;
	}
	return (struct prefix){.length = 0};
}

void pool6_release(struct pool6 *pool, const struct prefix *network)
{
	uint32_t number =
		get_u32(network->address.bytes + 4) ^ get_u32(pool->prefix.address.bytes + 4);
	if (network->length && number < pool->size)
		pool->used[number] = 0;
}

struct address pool6_own(const struct pool6 *pool)
{
	struct address own = pool->prefix.address;
	own.bytes[15] |= 1;
	return own;
}
