/* The generator: known stream, key erasure, and that portions do not matter. */
#include "hex.h"

#include <string.h>

#include "digest.h"
#include "random.h"

/* With a key of zeros the first 128 bytes of ChaCha20 are known (test_digest.c): 32 become the next
 * key, 96 are given out; the next run is under that key. */
static void first_bytes(void **state)
{
	static const uint8_t seed[32];
	uint8_t stream[128], next[128], out[96 + 96];
	struct random r;
	chacha20_stream(stream, sizeof(stream), seed);
	chacha20_stream(next, sizeof(next), stream);
	random_seed(&r, seed);
	random_bytes(&r, out, sizeof(out));
	assert_memory_equal(out, stream + 32, 96);
	assert_memory_equal(out + 96, next + 32, 96);
}

static void portions(void **state)
{
	uint8_t seed[32], whole[1000], cut[1000];
	memset(seed, 0x5a, sizeof(seed));
	struct random r;
	random_seed(&r, seed);
	random_bytes(&r, whole, sizeof(whole));
	random_seed(&r, seed);
	size_t at = 0;
	for (size_t n = 0; at + n <= sizeof(cut); at += n, n++)
		random_bytes(&r, cut + at, n);
	random_bytes(&r, cut + at, sizeof(cut) - at);
	assert_memory_equal(whole, cut, sizeof(whole));

	random_seed(&r, seed);
	uint32_t word;
	memcpy(&word, whole, sizeof(word));
	assert_int_equal(random_u32(&r), word);
}

/* What was given out is nowhere in the generator any more, nor is the key it came from. */
static void erasure(void **state)
{
	uint8_t seed[32], out[16], zeros[16] = {0};
	memset(seed, 0xc3, sizeof(seed));
	struct random r;
	random_seed(&r, seed);
	assert_memory_not_equal(r.key, seed, sizeof(seed));
	random_bytes(&r, out, sizeof(out));
	const uint8_t *memory = (const uint8_t *)&r;
	for (size_t at = 0; at + sizeof(out) <= sizeof(r); at++)
		assert_memory_not_equal(memory + at, out, sizeof(out));
	assert_memory_equal(r.pool, zeros, sizeof(zeros));
}

static void seeds_differ(void **state)
{
	uint8_t seed[32] = {0}, a[32], b[32];
	struct random r;
	random_seed(&r, seed);
	random_bytes(&r, a, sizeof(a));
	seed[31] = 1;
	random_seed(&r, seed);
	random_bytes(&r, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bytes),
		cmocka_unit_test(portions),
		cmocka_unit_test(erasure),
		cmocka_unit_test(seeds_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
