/* Keys made ahead: the same as the chain's, for the chains that are busy, and never after their
 * time. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "key_pool.h"

enum { CHAINS = 200 };

static struct mppe_chain chain_new(uint8_t salt, enum mppe_strength strength)
{
	struct mppe_chain chain;
	uint8_t start[16];
	memset(start, salt, sizeof(start));
	mppe_chain_init(&chain, mppe_engine_best(), strength, start);
	return chain;
}

/* The next key, wherever it comes from; true when it was there already. */
static bool step(struct key_pool *pool, struct mppe_chain *chain)
{
	struct mppe_chain plain = *chain;
	bool ahead = key_pool_next(pool, chain);
	mppe_chain_next(&plain);
	if (!ahead)
		mppe_chain_next(chain);
	assert_memory_equal(chain, &plain, sizeof(plain));
	return ahead;
}

static struct key_ring *ring_of(struct key_pool *pool, const struct mppe_chain *chain)
{
	for (size_t n = 0; n < KEY_RINGS; n++)
		if (pool->rings[n].owner == chain)
			return &pool->rings[n];
	return NULL;
}

static unsigned made(const struct key_pool *pool)
{
	unsigned count = 0;
	for (size_t n = 0; n < KEY_RINGS; n++)
		count += pool->rings[n].count;
	return count;
}

static void the_same_keys(void **state)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	for (unsigned s = 0; s < 3; s++) {
		struct key_pool pool = {0};
		struct mppe_chain chain = chain_new((uint8_t)s, strengths[s]);
		assert_false(key_pool_fill(&pool));
		for (unsigned round = 0; round < 300; round++) {
			struct key_ring *ring = ring_of(&pool, &chain);
			unsigned before = ring ? ring->count : 0;
			for (unsigned n = 0; n < round % 70; n++)
				assert_int_equal(step(&pool, &chain), n < before);
			for (unsigned n = 0; n < round % 23 && key_pool_fill(&pool); n++)
				;
		}
	}
}

/* As many keys as the chain used lately, a few in a call, and no more than a ring holds. */
static void as_busy_as_the_chain(void **state)
{
	struct key_pool pool = {0};
	struct mppe_chain chain = chain_new(1, MPPE_128);
	step(&pool, &chain);
	assert_false(key_pool_fill(&pool)); /* seen once: not busy */
	for (unsigned n = 1; n <= 200; n++) {
		step(&pool, &chain);
		while (key_pool_fill(&pool))
			;
		assert_int_equal(made(&pool), n < KEYS_AHEAD ? n : KEYS_AHEAD);
	}
	for (unsigned n = 0; n < 10; n++)
		assert_true(step(&pool, &chain));
	assert_true(key_pool_fill(&pool));
	assert_int_equal(made(&pool), KEYS_AHEAD - 10 + KEYS_PER_FILL);
	for (unsigned n = 0; n < KEYS_AHEAD - 10 + KEYS_PER_FILL; n++)
		assert_true(step(&pool, &chain));
	assert_false(step(&pool, &chain));
}

/* A chain that went its own way (losses, new keys) is served nothing stale. */
static void out_of_step(void **state)
{
	struct key_pool pool = {0};
	struct mppe_chain chain = chain_new(1, MPPE_128);
	for (unsigned n = 0; n < 20; n++)
		step(&pool, &chain);
	while (key_pool_fill(&pool))
		;
	mppe_chain_next(&chain);
	assert_false(step(&pool, &chain));
	assert_int_equal(made(&pool), 0);
	while (key_pool_fill(&pool))
		;
	assert_true(step(&pool, &chain));
	chain = chain_new(2, MPPE_128);
	assert_false(step(&pool, &chain));
	while (key_pool_fill(&pool))
		;
	assert_true(step(&pool, &chain));
}

/* Many chains that come by once keep none of the busy ones out, and make no work. */
static void busy_among_many(void **state)
{
	struct key_pool pool = {0};
	static struct mppe_chain chains[CHAINS];
	for (unsigned n = 0; n < CHAINS; n++)
		chains[n] = chain_new((uint8_t)n, MPPE_128);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned n = 0; n < CHAINS; n++)
			step(&pool, &chains[n]);
		while (key_pool_fill(&pool))
			;
	}
	assert_true(made(&pool) < KEY_RINGS);

	struct mppe_chain busy = chain_new(1, MPPE_128);
	unsigned hits = 0;
	for (unsigned n = 0; n < 20 * CHAINS; n++) {
		for (unsigned packets = 0; packets < 5; packets++)
			hits += step(&pool, &busy);
		step(&pool, &chains[n % CHAINS]);
		for (unsigned idle = 0; idle < 3; idle++)
			key_pool_fill(&pool);
	}
	assert_true(hits > 19 * CHAINS * 5);
}

/* Rings of several chains are filled side by side, none beyond what it may hold. */
static void several_at_once(void **state)
{
	struct key_pool pool = {0};
	struct mppe_chain chains[6];
	for (unsigned n = 0; n < 6; n++)
		chains[n] = chain_new((uint8_t)n, MPPE_128);
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned n = 0; n < 6; n++)
			for (unsigned packets = 0; packets < (round * (n + 3)) % 11; packets++)
				step(&pool, &chains[n]);
		for (unsigned idle = 0; idle < round % 17; idle++) {
			unsigned before = made(&pool);
			bool more = key_pool_fill(&pool);
			assert_true(more ? made(&pool) > before : made(&pool) == before);
			assert_true(made(&pool) - before < 2 * KEYS_PER_FILL);
		}
		for (size_t n = 0; n < KEY_RINGS; n++)
			assert_true(pool.rings[n].count <= pool.rings[n].credit);
	}
	while (key_pool_fill(&pool))
		;
	for (size_t n = 0; n < KEY_RINGS; n++)
		assert_true(!pool.rings[n].owner || pool.rings[n].count == pool.rings[n].credit);
	assert_true(made(&pool) > 4 * KEYS_AHEAD);
}

static void forgotten(void **state)
{
	static const struct key_pool empty;
	struct key_pool pool = {0};
	struct mppe_chain chain = chain_new(1, MPPE_128), other = chain_new(2, MPPE_128);
	for (unsigned n = 0; n < 20; n++)
		step(&pool, &chain);
	while (key_pool_fill(&pool))
		;
	key_pool_forget(&pool, &other);
	assert_int_equal(made(&pool), 19);
	key_pool_forget(&pool, &chain);
	assert_memory_equal(pool.rings, empty.rings, sizeof(pool.rings));
	assert_false(key_pool_fill(&pool));
	/* A key that was taken is not kept either. */
	for (unsigned n = 0; n < 20; n++)
		step(&pool, &chain);
	while (key_pool_fill(&pool))
		;
	struct key_ring *ring = ring_of(&pool, &chain);
	assert_non_null(ring);
	for (unsigned n = 0; n < 19; n++)
		assert_true(step(&pool, &chain));
	assert_memory_equal(ring->keys, empty.rings[0].keys, sizeof(ring->keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_keys),
		cmocka_unit_test(as_busy_as_the_chain),
		cmocka_unit_test(out_of_step),
		cmocka_unit_test(busy_among_many),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
