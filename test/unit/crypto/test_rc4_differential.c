/* Every engine against nettle's RC4: batches of every size, lengths, orders and kinds of job
 * mixed, in place and from elsewhere. Nothing but the output may change, to the byte. The seed is
 * fixed and printed; GREYLINE_SEED takes another. */
#include "hex.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/arcfour.h>

#include "random.h"
#include "rc4.h"

enum { BATCH = 70, LENGTH_MAX = 2000, GUARD = 32, SLOT = LENGTH_MAX + 2 * GUARD, ROUNDS = 6 };

static const struct rc4_engine *const engines[] = {&rc4_engine_plain, &rc4_engine_lockstep};

struct batch {
	struct rc4_job jobs[BATCH];
	struct rc4 states[BATCH];
	struct arcfour_ctx reference[BATCH];
	uint8_t in[BATCH][SLOT], out[BATCH][SLOT], expected[BATCH][SLOT];
};

static struct batch *make_batch(void)
{
	struct batch *b = malloc(sizeof(*b));
	assert_non_null(b);
	return b;
}

static uint32_t below(struct random *r, uint32_t limit)
{
	return random_u32(r) % limit;
}

/* One stateful stream, some way on. */
static void start_stream(struct batch *b, size_t n, struct random *r)
{
	uint8_t key[16], waste[700] = {0};
	size_t length = below(r, 2) ? 16 : 8, skip = below(r, sizeof(waste));
	random_bytes(r, key, length);
	rc4_init(&b->states[n], key, length);
	rc4_crypt(&b->states[n], waste, waste, skip);
	arcfour_set_key(&b->reference[n], length, key);
	arcfour_crypt(&b->reference[n], skip, waste, waste);
}

static void make_job(struct batch *b, size_t n, uint32_t length, bool stateful, struct random *r)
{
	struct rc4_job *job = &b->jobs[n];
	random_bytes(r, b->in[n], SLOT);
	random_bytes(r, b->out[n], SLOT);
	memset(job, 0, sizeof(*job));
	job->length = length;
	job->out = b->out[n] + GUARD;
	job->in = b->in[n] + GUARD;
	if (below(r, 2)) { /* in place */
		memcpy(b->out[n], b->in[n], SLOT);
		job->in = job->out;
	}
	memcpy(b->expected[n], b->out[n], SLOT);
	if (stateful) {
		start_stream(b, n, r);
		job->state = &b->states[n];
	} else {
		job->key_length = below(r, 2) ? 16 : 8;
		random_bytes(r, job->key, sizeof(job->key));
		arcfour_set_key(&b->reference[n], job->key_length, job->key);
	}
	arcfour_crypt(&b->reference[n], length, b->expected[n] + GUARD, b->in[n] + GUARD);
}

static void check_batch(const struct rc4_engine *engine, struct batch *b, size_t count)
{
	engine->crypt(b->jobs, count);
	for (size_t n = 0; n < count; n++) {
		assert_memory_equal(b->out[n], b->expected[n], SLOT);
		if (!b->jobs[n].state)
			continue;
		assert_memory_equal(b->states[n].s, b->reference[n].S, 256);
		assert_int_equal(b->states[n].i, b->reference[n].i);
		assert_int_equal(b->states[n].j, b->reference[n].j);
	}
}

static uint32_t seed_of_run(void)
{
	const char *given = getenv("GREYLINE_SEED");
	return given ? (uint32_t)strtoul(given, NULL, 0) : 6229;
}

static struct random generator(void)
{
	uint8_t seed[32] = {0};
	uint32_t value = seed_of_run();
	memcpy(seed, &value, sizeof(value));
	struct random r;
	random_seed(&r, seed);
	return r;
}

/* Batches of 1 to 70, everything drawn. */
static void random_batches(void **state)
{
	struct random r = generator();
	struct batch *b = make_batch();
	for (size_t e = 0; e < sizeof(engines) / sizeof(engines[0]); e++)
		for (int round = 0; round < ROUNDS; round++)
			for (size_t count = 1; count <= BATCH; count++) {
				uint32_t limit = below(&r, 4) ? 64 : LENGTH_MAX + 1;
				uint32_t mix = below(&r, 3); /* none, some, all stateful */
				for (size_t n = 0; n < count; n++)
					make_job(b, n, below(&r, limit),
						mix == 2 || (mix == 1 && below(&r, 2)), &r);
				check_batch(engines[e], b, count);
			}
	free(b);
}

/* Every length from 0 to 2000, as the batch of one, the group of four alike, and a staircase. */
static void every_length(void **state)
{
	struct random r = generator();
	struct batch *b = make_batch();
	for (size_t e = 0; e < sizeof(engines) / sizeof(engines[0]); e++)
		for (uint32_t length = 0; length <= LENGTH_MAX; length += length < 80 ? 1 : 37) {
			make_job(b, 0, length, false, &r);
			check_batch(engines[e], b, 1);
			for (size_t n = 0; n < 4; n++)
				make_job(b, n, length, length % 2, &r);
			check_batch(engines[e], b, 4);
			for (size_t n = 0; n < 5; n++)
				make_job(b, n, length > n ? length - (uint32_t)n : 0, false, &r);
			check_batch(engines[e], b, 5);
		}
	make_job(b, 0, LENGTH_MAX, true, &r);
	check_batch(&rc4_engine_lockstep, b, 1);
	free(b);
}

/* A stateful stream is one stream however it is cut into batches and whoever is beside it. */
static void states_go_on(void **state)
{
	struct random r = generator();
	struct batch *b = make_batch();
	for (size_t n = 0; n < 7; n++)
		start_stream(b, n, &r);
	for (int round = 0; round < 40; round++) {
		for (size_t n = 0; n < 7; n++) {
			uint32_t length = below(&r, 90);
			struct rc4_job *job = &b->jobs[n];
			random_bytes(&r, b->in[n], SLOT);
			memset(job, 0, sizeof(*job));
			*job = (struct rc4_job){.state = &b->states[n],
				.in = b->in[n],
				.out = b->out[n],
				.length = length};
			memcpy(b->expected[n], b->out[n], SLOT);
			arcfour_crypt(&b->reference[n], length, b->expected[n], b->in[n]);
		}
		check_batch(&rc4_engine_lockstep, b, 7);
	}
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_batches),
		cmocka_unit_test(every_length),
		cmocka_unit_test(states_go_on),
	};
	printf("seed %u (GREYLINE_SEED)\n", seed_of_run());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
