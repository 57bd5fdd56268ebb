/* The chain of MPPE session keys (RFC 3078 §7.3).
 *
 *     start key ──▶ session key ──▶ session key ──▶ …
 *
 * A session key is SHA-1 over the start key and the key before it, between fixed pads; each but the
 * first is then encrypted by RC4 under itself. 40- and 56-bit keys are 8 bytes long and have their
 * first three or one replaced by a constant. RC4's key schedule goes round and round over its key,
 * so that a key of 8 bytes written twice is the same key, and RC4 need know one length only.
 *
 * In stateless mode a packet costs two key schedules, the packet's own and the chain's. They depend
 * on each other only from packet to packet: the schedule of the key of packet n runs in lock step
 * with the change to the key of packet n + 1, so that the next key is always there. On Zen 5 that
 * takes 355 ns, SHA-1 included; the change alone takes 410, because one schedule by itself leaves
 * the core waiting.
 */
#include "mppe_chain.h"

#include <assert.h>
#include <string.h>

#include "digest.h"

enum { SHORT_KEY = 8, LONG_KEY = 16 };

/* Salts a short key and writes it twice. */
static void finish_key(const struct mppe_chain *chain, uint8_t key[RC4_KEY])
{
	if (chain->length == LONG_KEY)
		return;
	key[0] = 0xd1;
	if (chain->strength == MPPE_40) {
		key[1] = 0x26;
		key[2] = 0x9e;
	}
	memcpy(key + SHORT_KEY, key, SHORT_KEY);
}

void mppe_chain_init(struct mppe_chain *chain, const struct mppe_engine *engine,
	enum mppe_strength strength, const uint8_t *start_key)
{
	secret_wipe(chain, sizeof(*chain));
	if (strength == MPPE_NONE)
		return;
	chain->engine = engine;
	chain->strength = (uint8_t)strength;
	chain->length = strength == MPPE_128 ? LONG_KEY : SHORT_KEY;
	memcpy(chain->start, start_key, chain->length);
	memcpy(chain->key, start_key, chain->length);
	engine->sha1->prepare(chain);
	engine->sha1->interim(chain, chain->key);
	finish_key(chain, chain->key);
}

/* Changes the keys of `count` chains of one engine, and schedules `payload`, unless it is NULL,
 * from the key the first had: all side by side. */
static void change(struct mppe_chain *const *chains, size_t count, struct rc4 *payload)
{
	const struct mppe_engine *engine = chains[0]->engine;
	struct rc4 scratch[RC4_LANES], *streams[RC4_LANES];
	uint8_t keys[RC4_LANES][RC4_KEY];

	for (size_t n = 0; n < count; n++) {
		assert(chains[n]->length != 0 && chains[n]->engine == engine);
		engine->sha1->interim(chains[n], keys[n]);
		if (chains[n]->length == SHORT_KEY)
			memcpy(keys[n] + SHORT_KEY, keys[n], SHORT_KEY);
		streams[n] = &scratch[n];
	}
	if (payload) {
		memcpy(keys[count], chains[0]->key, RC4_KEY);
		streams[count] = payload;
	}
	engine->rc4->schedule(streams, keys[0], payload ? count + 1 : count);
	for (size_t n = 0; n < count; n++) {
		struct rc4_lane lane = {streams[n], keys[n], chains[n]->key, RC4_KEY};
		engine->rc4->run(&lane, 1, 1);
		finish_key(chains[n], chains[n]->key);
	}
	secret_wipe(keys, sizeof(keys));
	secret_wipe(scratch, count * sizeof(scratch[0]));
}

void mppe_chain_next(struct mppe_chain *chain)
{
	change(&chain, 1, NULL);
}

void mppe_chains_next(struct mppe_chain *const *chains, size_t count)
{
	assert(count > 0 && count <= RC4_LANES);
	change(chains, count, NULL);
}

void mppe_chain_take(struct mppe_chain *chain, struct rc4 *stream)
{
	change(&chain, 1, stream);
}

void mppe_chain_stream(const struct mppe_chain *chain, struct rc4 *stream)
{
	chain->engine->rc4->schedule(&stream, chain->key, 1);
}
