/* IPv6 pools (see pool6.h). A session's own network is a /64, which is what hosts can make
 * addresses in (RFC 4291 §2.5.1, RFC 4862), and who changes his addresses for the sake of privacy
 * (RFC 8981) needs all of it. What routers are given holds many of those (RFC 6177).
 *
 * The numbers of the networks stand between the end of the prefix and their own length, all within
 * the first 64 bits. */
#include "pool6.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static uint64_t high(const struct address *address)
{
	return (uint64_t)get_u32(address->bytes) << 32 | get_u32(address->bytes + 4);
}

static struct prefix network_at(const struct pool6 *pool, uint32_t number)
{
	struct prefix network = {.address = pool->prefix.address, .length = pool->length};
	uint64_t bits = high(&network.address) | (uint64_t)number << (POOL6_NETWORK - pool->length);
	put_u32(network.address.bytes, (uint32_t)(bits >> 32));
	put_u32(network.address.bytes + 4, (uint32_t)bits);
	return network;
}

/* Which network an address lies in; pool->size: none. */
static uint32_t number_of(const struct pool6 *pool, const struct address *address)
{
	uint64_t number =
		(high(address) ^ high(&pool->prefix.address)) >> (POOL6_NETWORK - pool->length);
	return address->family == 6 && number < pool->size ? (uint32_t)number : pool->size;
}

int pool6_init(struct pool6 *pool, const struct prefix *prefix, uint8_t length)
{
	unsigned bits = length - prefix->length;
	*pool = (struct pool6){.prefix = *prefix, .length = length};
	pool->size = bits >= 16 ? POOL6_MAX : UINT32_C(1) << bits;
	pool->used = calloc(pool->size, 1);
	if (!pool->used)
		return -ENOMEM;
	return 0;
}

void pool6_keep_first(struct pool6 *pool)
{
	pool->used[0] = 1;
	pool->next = 1;
}

void pool6_free(struct pool6 *pool)
{
	free(pool->used);
	*pool = (struct pool6){.size = 0};
}

static struct prefix take_number(struct pool6 *pool, uint32_t number)
{
	pool->used[number] = 1;
	return network_at(pool, number);
}

struct prefix pool6_take(struct pool6 *pool)
{
	for (uint32_t tried = 0; tried < pool->size; tried++) {
		uint32_t number = pool->next;
		pool->next = (pool->next + 1) % pool->size;
		if (!pool->used[number])
			return take_number(pool, number);
	}
	return (struct prefix){.length = 0};
}

struct prefix pool6_take_like(struct pool6 *pool, const struct prefix *wish)
{
	uint32_t number = number_of(pool, &wish->address);
	bool free_one = wish->length && number < pool->size && !pool->used[number];
	return free_one ? take_number(pool, number) : pool6_take(pool);
}

void pool6_release(struct pool6 *pool, const struct prefix *network)
{
	uint32_t number = number_of(pool, &network->address);
	if (network->length && number < pool->size)
		pool->used[number] = 0;
}

struct address pool6_own(const struct pool6 *pool)
{
	struct address own = pool->prefix.address;
	own.bytes[15] |= 1;
	return own;
}
