/* Unpredictable bytes (see random.h): ChaCha20 with fast key erasure.
 *
 * Each time the pool is empty one run of ChaCha20 under the current key makes 128 bytes: the first
 * 32 become the next key, the rest is the pool. Bytes given out are erased from the pool, so that
 * whoever reads this memory later learns nothing about what went before.
 */
#include "random.h"

#include <string.h>

#include "digest.h"

static void refill(struct random *r)
{
	uint8_t stream[sizeof(r->key) + sizeof(r->pool)];
	chacha20_stream(stream, sizeof(stream), r->key);
	memcpy(r->key, stream, sizeof(r->key));
	memcpy(r->pool, stream + sizeof(r->key), sizeof(r->pool));
	secret_wipe(stream, sizeof(stream));
	r->used = 0;
}

void random_seed(struct random *r, const uint8_t seed[32])
{
	memcpy(r->key, seed, sizeof(r->key));
	refill(r);
}

void random_bytes(struct random *r, void *out, size_t length)
{
	uint8_t *to = out;
	while (length > 0) {
		if (r->used == sizeof(r->pool))
			refill(r);
		size_t part = sizeof(r->pool) - r->used;
		if (part > length)
			part = length;
		memcpy(to, r->pool + r->used, part);
		secret_wipe(r->pool + r->used, part);
		r->used = (uint8_t)(r->used + part);
		to += part;
		length -= part;
	}
}

uint32_t random_u32(struct random *r)
{
	uint32_t value;
	random_bytes(r, &value, sizeof(value));
	return value;
}
