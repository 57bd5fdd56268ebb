/* The address pool (see pool.h).
 *
 * Each address has a mark. Whoever takes by name leaves the released queue as it is: an entry that
 * is no longer free is passed over when its turn comes, so every call is O(1) over time. */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USED = 1, RESERVED = 2, QUEUED = 4 };

static struct ipv4_range usable(const struct ipv4_range *range)
{
	struct ipv4_range inner = *range;
	if (range->subnet && range->last - range->first >= 3) {
		inner.first++;
		inner.last--;
	}
	return inner;
}

static int refuse(char error[256], const char *what, const struct ipv4_range *range)
{
	char text[64];
	struct text t = text_over(text, sizeof text);
	text_ipv4(&t, range->first);
	text_char(&t, '-');
	text_ipv4(&t, range->last);
	snprintf(error, 256, "pool: %s %s", text, what);
	return -EINVAL;
}

/* 0.0.0.0/8, 127/8 and everything from multicast up is no client's address. */
static bool impossible(const struct ipv4_range *range)
{
	return range->first < 0x01000000 || range->last >= 0xe0000000 ||
	       (range->first <= 0x7fffffff && range->last >= 0x7f000000);
}

static int check(const struct range_list *ranges, uint64_t *size, char error[256])
{
	for (size_t i = 0; i < ranges->count; i++) {
		struct ipv4_range a = usable(&ranges->at[i]);
		if (impossible(&a))
			return refuse(error, "are not addresses that clients can have", &a);
		for (size_t j = 0; j < i; j++) {
			struct ipv4_range b = usable(&ranges->at[j]);
			if (a.first <= b.last && b.first <= a.last)
				return refuse(error, "is there twice", &a);
		}
		*size += (uint64_t)a.last - a.first + 1;
		if (*size > POOL_MAX)
			return refuse(error, "makes more than 1,048,576 addresses", &a);
	}
	return 0;
}

int pool_init(struct pool *pool, const struct range_list *ranges, char error[256])
{
	uint64_t size = 0;
	*pool = (struct pool){0};
	int failed = check(ranges, &size, error);
	if (failed || !size)
		return failed;
	pool->ranges = calloc(ranges->count, sizeof *pool->ranges);
	pool->starts = calloc(ranges->count, sizeof *pool->starts);
	pool->marks = calloc(size, sizeof *pool->marks);
	pool->queue = calloc(size, sizeof *pool->queue);
	if (!pool->ranges || !pool->starts || !pool->marks || !pool->queue) {
		pool_free(pool);
		snprintf(error, 256, "pool: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < ranges->count; i++) {
		pool->ranges[i] = usable(&ranges->at[i]);
		pool->starts[i] = pool->size;
		pool->size += pool->ranges[i].last - pool->ranges[i].first + 1;
	}
	pool->range_count = ranges->count;
	return 0;
}

void pool_free(struct pool *pool)
{
	free(pool->ranges);
	free(pool->starts);
	free(pool->marks);
	free(pool->queue);
	*pool = (struct pool){0};
}

static bool index_of(const struct pool *pool, uint32_t address, uint32_t *index)
{
	for (size_t i = 0; i < pool->range_count; i++) {
		const struct ipv4_range *range = &pool->ranges[i];
		if (address >= range->first && address <= range->last) {
			*index = pool->starts[i] + (address - range->first);
			return true;
		}
	}
	return false;
}

static uint32_t address_of(const struct pool *pool, uint32_t index)
{
	size_t i = pool->range_count - 1;
	while (pool->starts[i] > index)
		i--;
	return pool->ranges[i].first + (index - pool->starts[i]);
}

bool pool_holds(const struct pool *pool, uint32_t address)
{
	uint32_t index;
	return index_of(pool, address, &index);
}

static void enqueue(struct pool *pool, uint32_t index)
{
	if (pool->marks[index] & QUEUED || index >= pool->fresh)
		return;
	pool->marks[index] |= QUEUED;
	pool->queue[(pool->queue_at + pool->queued++) % pool->size] = index;
}

void pool_reserve(struct pool *pool, uint32_t address, bool reserved)
{
	uint32_t index;
	if (!index_of(pool, address, &index) || !(pool->marks[index] & RESERVED) == !reserved)
		return;
	pool->marks[index] ^= RESERVED;
	pool->reserved += reserved ? 1 : UINT32_MAX;
	if (!reserved && !(pool->marks[index] & USED))
		enqueue(pool, index);
}

static uint32_t take(struct pool *pool, uint32_t index)
{
	pool->marks[index] |= USED;
	pool->used++;
	return address_of(pool, index);
}

uint32_t pool_take(struct pool *pool)
{
	while (pool->fresh < pool->size) {
		uint32_t index = pool->fresh++;
		if (!(pool->marks[index] & (USED | RESERVED)))
			return take(pool, index);
	}
	while (pool->queued) {
		uint32_t index = pool->queue[pool->queue_at];
		pool->queue_at = (pool->queue_at + 1) % pool->size;
		pool->queued--;
		pool->marks[index] &= (uint8_t)~QUEUED;
		if (!(pool->marks[index] & (USED | RESERVED)))
			return take(pool, index);
	}
	return 0;
}

bool pool_take_this(struct pool *pool, uint32_t address)
{
	uint32_t index;
	if (!index_of(pool, address, &index) || pool->marks[index] & USED)
		return false;
	take(pool, index);
	return true;
}

void pool_release(struct pool *pool, uint32_t address)
{
	uint32_t index;
	if (!index_of(pool, address, &index) || !(pool->marks[index] & USED))
		return;
	pool->marks[index] &= (uint8_t)~USED;
	pool->used--;
	if (!(pool->marks[index] & RESERVED))
		enqueue(pool, index);
}

uint32_t pool_free_count(const struct pool *pool)
{
	uint32_t blocked = pool->used;
	for (uint32_t i = 0; i < pool->size; i++)
		blocked += (pool->marks[i] & (USED | RESERVED)) == RESERVED;
	return pool->size - blocked;
}
