/* Delays after failed logins (see throttle.h). Four-way sets, hashed with a secret. */
#include "throttle.h"

#include <string.h>

void throttle_init(
	struct throttle *throttle, uint64_t secret, uint32_t free_failures, uint64_t delay_max)
{
	memset(throttle, 0, sizeof *throttle);
	throttle->secret = secret;
	throttle->free_failures = free_failures;
	throttle->delay_max = delay_max;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u; /* the finalizer of splitmix64 */
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t hash(const struct throttle *throttle, const void *key, size_t length)
{
	const uint8_t *bytes = key;
	uint64_t value = throttle->secret ^ length;
	for (size_t i = 0; i < length; i++)
		value = mix(value ^ bytes[i]);
	return value ? value : 1;
}

static struct throttle_entry *set_of(struct throttle *throttle, uint64_t key)
{
	return throttle->entries[key % THROTTLE_SETS];
}

static struct throttle_entry *find(struct throttle *throttle, const void *key, size_t length)
{
	uint64_t wanted = hash(throttle, key, length);
	struct throttle_entry *set = set_of(throttle, wanted);
	for (unsigned i = 0; i < THROTTLE_WAYS; i++)
		if (set[i].key == wanted)
			return &set[i];
	return NULL;
}

uint64_t throttle_wait(struct throttle *throttle, const void *key, size_t length, uint64_t now)
{
	const struct throttle_entry *entry = find(throttle, key, length);
	return entry && entry->until > now ? entry->until - now : 0;
}

static struct throttle_entry *make_room(struct throttle *throttle, const void *key, size_t length)
{
	uint64_t wanted = hash(throttle, key, length);
	struct throttle_entry *set = set_of(throttle, wanted), *oldest = set;
	for (unsigned i = 0; i < THROTTLE_WAYS; i++)
		if (!set[i].key || (oldest->key && set[i].last < oldest->last))
			oldest = &set[i];
	*oldest = (struct throttle_entry){.key = wanted};
	return oldest;
}

void throttle_failed(struct throttle *throttle, const void *key, size_t length, uint64_t now)
{
	struct throttle_entry *entry = find(throttle, key, length);
	if (!entry)
		entry = make_room(throttle, key, length);
	if (entry->failures && now - entry->last > THROTTLE_FORGET)
		entry->failures = 0;
	entry->last = now;
	entry->failures += entry->failures < UINT32_MAX;
	if (entry->failures <= throttle->free_failures)
		return;
	uint32_t doublings = entry->failures - throttle->free_failures - 1;
	uint64_t delay = doublings < 20 ? THROTTLE_DELAY_FIRST << doublings : throttle->delay_max;
	entry->until = now + (delay < throttle->delay_max ? delay : throttle->delay_max);
}

uint32_t throttle_succeeded(struct throttle *throttle, const void *key, size_t length)
{
	struct throttle_entry *entry = find(throttle, key, length);
	uint32_t failures = entry ? entry->failures : 0;
	if (entry)
		*entry = (struct throttle_entry){0};
	return failures;
}

void throttle_forgive(struct throttle *throttle, const void *key, size_t length, uint32_t count)
{
	struct throttle_entry *entry = find(throttle, key, length);
	if (entry && count < entry->failures)
		entry->failures -= count;
	else if (entry)
		*entry = (struct throttle_entry){0};
}
