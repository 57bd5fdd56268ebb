/* Call IDs (see call_ids.h). RFC 2637 §3.1.3: a Call ID names a session; one that could be guessed
 * would let a stranger speak for it, and one used again at once would let the last packets of the
 * old session reach the new one. */
#include "call_ids.h"

#include <assert.h>
#include <string.h>

void call_ids_init(struct call_ids *ids)
{
	ids->free_count = ids->held_at = ids->held_count =
		0; /* the ring is touched as it is used */
	memset(ids->used, 0, sizeof ids->used);
	for (uint32_t id = 1; id < CALL_IDS; id++)
		ids->free[ids->free_count++] = (uint16_t)id;
}

static void expire(struct call_ids *ids, uint64_t now)
{
	while (ids->held_count && ids->held[ids->held_at].until <= now) {
		ids->free[ids->free_count++] = ids->held[ids->held_at].id;
		ids->held_at = (ids->held_at + 1) % CALL_IDS;
		ids->held_count--;
	}
}

/* Below `limit`, every value as likely as every other. */
static uint32_t random_below(struct random *random, uint32_t limit)
{
	uint32_t fair = UINT32_MAX - UINT32_MAX % limit, value;
	do
		value = random_u32(random);
	while (value >= fair);
	return value % limit;
}

static uint16_t take(struct call_ids *ids, uint32_t pick)
{
	uint16_t id = ids->free[pick];
	ids->free[pick] = ids->free[--ids->free_count];
	ids->used[id / 8] |= (uint8_t)(1u << id % 8);
	return id;
}

uint16_t call_ids_take(struct call_ids *ids, struct random *random, uint64_t now)
{
	expire(ids, now);
	return ids->free_count ? take(ids, random_below(random, ids->free_count)) : 0;
}

uint16_t call_ids_take_like(
	struct call_ids *ids, struct random *random, uint64_t now, unsigned modulus, unsigned rest)
{
	enum { DRAWS = 8 }; /* for each of the rests there are */
	expire(ids, now);
	if (!ids->free_count)
		return 0;
	uint32_t pick = random_below(random, ids->free_count);
	for (unsigned n = 0; n < DRAWS * modulus && ids->free[pick] % modulus != rest; n++)
		pick = random_below(random, ids->free_count);
	return take(ids, pick);
}

void call_ids_release(struct call_ids *ids, uint16_t id, uint64_t now)
{
	assert(id && ids->used[id / 8] & 1u << id % 8);
	ids->used[id / 8] &= (uint8_t) ~(1u << id % 8);
	uint32_t end = (ids->held_at + ids->held_count++) % CALL_IDS;
	ids->held[end] = (struct call_id_held){now + CALL_ID_HOLD, id};
}
