/* The chain of session keys by every engine, against the formula of RFC 3078 §7.3 worked with
 * nettle alone: stepped, taken with a stream, and both mixed. The seed is fixed and printed;
 * GREYLINE_SEED takes another. */
#include "hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mppe_chain.h"
#include "mppe_formula.h"
#include "seed.h"

enum { CHAINS = 40, STEPS = 300 };

static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};

static void assert_same_stream(const struct rc4 *stream, const struct mppe_formula *f)
{
	struct arcfour_ctx rc4;
	arcfour_set_key(&rc4, f->length, f->key);
	assert_memory_equal(stream->s, rc4.S, 256);
	assert_int_equal(stream->i, 0);
	assert_int_equal(stream->j, 0);
}

static void walk(const struct mppe_engine *engine, enum mppe_strength strength, struct random *r)
{
	struct mppe_chain chain;
	struct mppe_formula f;
	uint8_t start[16];
	struct rc4 stream;

	random_bytes(r, start, sizeof(start));
	mppe_formula_begin(&f, strength, start);
	mppe_chain_init(&chain, engine, strength, start);
	assert_int_equal(chain.length, f.length);
	assert_int_equal(chain.strength, strength);
	for (int n = 0; n < STEPS; n++) {
		assert_memory_equal(chain.key, f.key, f.length);
		assert_memory_equal(chain.key + 16 - f.length, f.key, f.length);
		mppe_chain_stream(&chain, &stream);
		assert_same_stream(&stream, &f);
		if (random_u32(r) % 2) {
			memset(&stream, 0xa5, sizeof(stream));
			mppe_chain_take(&chain, &stream);
			assert_same_stream(&stream, &f);
		} else {
			mppe_chain_next(&chain);
		}
		mppe_formula_next(&f);
	}
}

static void every_engine(void **state)
{
	struct random r = random_from(seed_of_run(3078));
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++) {
		printf("%s\n", engine->name);
		for (size_t n = 0; n < CHAINS; n++)
			walk(engine, strengths[n % 3], &r);
	}
}

/* Chains of any strengths, one to four of them at a time. */
static void side_by_side(void **state)
{
	struct random r = random_from(seed_of_run(3078));
	const struct mppe_engine *engine;
	for (size_t e = 0; (engine = mppe_engine_at(e)); e++) {
		struct mppe_chain chains[RC4_LANES], *at[RC4_LANES];
		struct mppe_formula formulas[RC4_LANES];
		for (size_t n = 0; n < RC4_LANES; n++) {
			uint8_t start[16];
			random_bytes(&r, start, sizeof(start));
			mppe_formula_begin(&formulas[n], strengths[n % 3], start);
			mppe_chain_init(&chains[n], engine, strengths[n % 3], start);
		}
		for (unsigned round = 0; round < STEPS; round++) {
			size_t count = 1 + random_u32(&r) % RC4_LANES, first = random_u32(&r);
			for (size_t n = 0; n < count; n++) {
				at[n] = &chains[(first + n) % RC4_LANES];
				mppe_formula_next(&formulas[(first + n) % RC4_LANES]);
			}
			mppe_chains_next(at, count);
			for (size_t n = 0; n < RC4_LANES; n++)
				assert_memory_equal(
					chains[n].key, formulas[n].key, formulas[n].length);
		}
	}
}

static void the_last_engine_is_the_reference(void **state)
{
	size_t count = 0;
	while (mppe_engine_at(count))
		count++;
	assert_true(count >= 2);
	assert_ptr_equal(mppe_engine_at(count - 1), &mppe_engine_plain);
	assert_ptr_equal(mppe_engine_best(), mppe_engine_at(0));
	assert_ptr_not_equal(mppe_engine_best(), &mppe_engine_plain);
	assert_ptr_equal(mppe_engine_at(count + 1), NULL);
}

static void no_key(void **state)
{
	static const uint8_t start[16] = {1};
	struct mppe_chain chain, zeros;
	memset(&zeros, 0, sizeof(zeros));
	mppe_chain_init(&chain, mppe_engine_best(), MPPE_128, start);
	mppe_chain_init(&chain, mppe_engine_best(), MPPE_NONE, NULL);
	assert_int_equal(chain.length, 0);
	assert_memory_equal(&chain, &zeros, sizeof(chain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_engine),
		cmocka_unit_test(side_by_side),
		cmocka_unit_test(the_last_engine_is_the_reference),
		cmocka_unit_test(no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
