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

/* `streams[0]` becomes that of the change to the next key; a second one, if there is one, that of
 * the present key. */
static void change(struct mppe_chain *chain, struct rc4 *const *streams, size_t count)
{
	const struct rc4_engine *rc4 = chain->engine->rc4;
	uint8_t keys[2 * RC4_KEY];
	struct rc4_lane lane = {
		.stream = streams[0], .in = keys, .out = chain->key, .length = RC4_KEY};

	assert(chain->length != 0);
	chain->engine->sha1->interim(chain, keys);
	if (chain->length == SHORT_KEY)
		memcpy(keys + SHORT_KEY, keys, SHORT_KEY);
	memcpy(keys + RC4_KEY, chain->key, RC4_KEY);
	rc4->schedule(streams, keys, count);
	rc4->run(&lane, 1, 1);
	finish_key(chain, chain->key);
	secret_wipe(keys, sizeof(keys));
	secret_wipe(streams[0], sizeof(*streams[0]));
}

void mppe_chain_next(struct mppe_chain *chain)
{
	struct rc4 scratch;
	change(chain, (struct rc4 *[]){&scratch}, 1);
}

void mppe_chain_take(struct mppe_chain *chain, struct rc4 *stream)
{
	struct rc4 scratch;
	change(chain, (struct rc4 *[]){&scratch, stream}, 2);
}

void mppe_chain_stream(const struct mppe_chain *chain, struct rc4 *stream)
{
	chain->engine->rc4->schedule(&stream, chain->key, 1);
}
