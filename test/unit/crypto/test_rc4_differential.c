/* Every engine against nettle's RC4: one to four lanes, every length, in place and from elsewhere,
 * at any alignment, and streams that go on. Nothing but the output may change, to the byte. The
 * seed is fixed and printed; GREYLINE_SEED takes another. */
#include "hex.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/arcfour.h>

#include "mppe_engine.h"
#include "rc4.h"
#include "seed.h"

enum { LENGTH_MAX = 2100, GUARD = 48, SLOT = LENGTH_MAX + 2 * GUARD, ROUNDS = 4000 };

struct group {
	struct rc4_lane lanes[RC4_LANES];
	struct rc4 streams[RC4_LANES];
	uint8_t keys[RC4_LANES][RC4_KEY];
	uint8_t in[RC4_LANES][SLOT], in_before[RC4_LANES][SLOT];
	uint8_t out[RC4_LANES][SLOT], expected[RC4_LANES][SLOT];
};

static struct group *make_group(void)
{
	struct group *g = malloc(sizeof(*g));
	assert_non_null(g);
	return g;
}

static uint32_t below(struct random *r, uint32_t limit)
{
	return random_u32(r) % limit;
}

static void make_lane(struct group *g, size_t n, size_t length, struct random *r)
{
	struct rc4_lane *lane = &g->lanes[n];
	size_t key_length = below(r, 2) ? 16 : 8;
	struct arcfour_ctx reference;

	random_bytes(r, g->in[n], SLOT);
	random_bytes(r, g->out[n], SLOT);
	random_bytes(r, g->keys[n], key_length);
	memcpy(g->keys[n] + RC4_KEY - key_length, g->keys[n], key_length);
	*lane = (struct rc4_lane){.stream = &g->streams[n], .length = length};
	lane->out = g->out[n] + below(r, GUARD);
	lane->in = g->in[n] + below(r, GUARD);
	if (below(r, 2)) { /* in place */
		memcpy(lane->out, lane->in, length);
		lane->in = lane->out;
	}
	memcpy(g->in_before[n], g->in[n], SLOT);
	memcpy(g->expected[n], g->out[n], SLOT);
	arcfour_set_key(&reference, key_length, g->keys[n]);
	arcfour_crypt(&reference, length, g->expected[n] + (lane->out - g->out[n]), lane->in);
}

static void check_group(const struct mppe_engine *engine, struct group *g, size_t count)
{
	struct rc4 *streams[] = {&g->streams[0], &g->streams[1], &g->streams[2], &g->streams[3]};

	engine->rc4->schedule(streams, g->keys[0], count);
	rc4_together(engine->rc4, g->lanes, count);
	for (size_t n = 0; n < count; n++) {
		assert_memory_equal(g->out[n], g->expected[n], SLOT);
		assert_memory_equal(g->in[n], g->in_before[n], SLOT);
	}
}

/* Groups of 1 to 4, everything drawn: short, long, alike, mixed. */
static void random_groups(void **state)
{
	struct random r = random_from(seed_of_run(6229));
	struct group *g = make_group();
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++)
		for (int round = 0; round < ROUNDS; round++) {
			size_t count = 1 + below(&r, RC4_LANES);
			uint32_t limit = below(&r, 4) ? 64 : LENGTH_MAX + 1;
			uint32_t alike = below(&r, limit);
			bool mixed = below(&r, 3);
			for (size_t n = 0; n < count; n++)
				make_lane(g, n, mixed ? below(&r, limit) : alike, &r);
			check_group(engine, g, count);
		}
	free(g);
}

/* Every length from 0 to 2100: alone, as a group alike, and as a staircase. */
static void every_length(void **state)
{
	struct random r = random_from(seed_of_run(6229));
	struct group *g = make_group();
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++)
		for (size_t length = 0; length <= LENGTH_MAX; length++) {
			make_lane(g, 0, length, &r);
			check_group(engine, g, 1);
			for (size_t n = 0; n < RC4_LANES; n++)
				make_lane(g, n, length, &r);
			check_group(engine, g, RC4_LANES);
			for (size_t n = 0; n < 3; n++)
				make_lane(g, n, length > n ? length - n : 0, &r);
			check_group(engine, g, 3);
		}
	free(g);
}

/* A stream alone is one stream however it is cut, and its state is nettle's at every cut. */
static void streams_go_on(void **state)
{
	struct random r = random_from(seed_of_run(6229));
	static uint8_t in[LENGTH_MAX], out[LENGTH_MAX], expected[LENGTH_MAX];
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++) {
		uint8_t key[RC4_KEY];
		struct arcfour_ctx reference;
		struct rc4 rc4, *streams[] = {&rc4};
		random_bytes(&r, key, sizeof(key));
		arcfour_set_key(&reference, sizeof(key), key);
		engine->rc4->schedule(streams, key, 1);
		for (int round = 0; round < 600; round++) {
			size_t length = below(&r, round % 4 ? 70 : LENGTH_MAX);
			struct rc4_lane lane = {&rc4, in, out, length};
			random_bytes(&r, in, length);
			arcfour_crypt(&reference, length, expected, in);
			rc4_alone(engine->rc4, &lane);
			assert_memory_equal(out, expected, length);
			assert_memory_equal(rc4.s, reference.S, 256);
			assert_int_equal(rc4.i, reference.i);
			assert_int_equal(rc4.j, reference.j);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_groups),
		cmocka_unit_test(every_length),
		cmocka_unit_test(streams_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
