/* MPPE keys: the samples of RFC 3079 §2.5 and §3.5, both directions, and the chain against the
 * formula of RFC 3078 §7.3 worked with nettle alone. */
#include "hex.h"

#include <string.h>

#include <nettle/arcfour.h>
#include <nettle/sha1.h>
#include <nettle/version.h>

#include "digest.h"
#include "mppe_key.h"
#include "rc4.h"

static struct mppe_start_keys keys_v2(bool we_are_server)
{
	struct mppe_start_keys keys;
	uint8_t hash[16], response[24];
	memset(&keys, 0, sizeof(keys));
	assert_true(nt_password_hash(hash, "clientPass", 10));
	hex_bytes(response, 24, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");
	mppe_keys_from_mschapv2(&keys, hash, response, we_are_server);
	return keys;
}

static void check_sample(const struct mppe_chain *chain, const char *key, const char *cipher)
{
	uint8_t out[12];
	struct rc4 rc4;
	assert_hex(chain->key, chain->length, key);
	rc4_init(&rc4, chain->key, chain->length);
	rc4_crypt(&rc4, out, (const uint8_t *)"test message", 12);
	assert_hex(out, 12, cipher);
}

/* RFC 3079 §3.5.1 to §3.5.3: what the server sends with. */
static void rfc3079_v2_samples(void **state)
{
	struct mppe_start_keys keys = keys_v2(true);
	struct mppe_chain chain;
	assert_true(keys.valid);
	assert_hex(keys.send, 16, "8B7CDC149B993A1BA118CB153F56DCCB");
	assert_hex(keys.send_short, 8, "8B7CDC149B993A1B");
	mppe_chain_init(&chain, MPPE_40, keys.send_short);
	check_sample(&chain, "D1269EC49FA62E3E", "929137917E5803D668D75898");
	mppe_chain_init(&chain, MPPE_56, keys.send_short);
	/* The RFC prints 58 for the last byte, which RC4 under the key it prints does not give. */
	check_sample(&chain, "D15C00C49FA62E3E", "3F106833FA448DA842BC57B8");
	mppe_chain_init(&chain, MPPE_128, keys.send);
	check_sample(&chain, "405CB2247A7956E6E211007AE27B22D4", "81848317DF68846272FB5ABE");
}

static void directions(void **state)
{
	struct mppe_start_keys server = keys_v2(true), client = keys_v2(false);
	assert_hex(server.receive, 16, "D5F0E9521E3EA9589645E86051C82226");
	assert_memory_equal(server.send, client.receive, 16);
	assert_memory_equal(server.receive, client.send, 16);
	assert_memory_equal(server.send_short, client.receive_short, 8);
	assert_memory_equal(server.receive_short, client.send_short, 8);
	assert_memory_equal(server.receive_short, server.receive, 8);
	assert_memory_not_equal(server.send, server.receive, 16);
}

/* RFC 3079 §2.5: after MS-CHAP, both directions alike. */
static void rfc3079_v1_samples(void **state)
{
	struct mppe_start_keys keys;
	struct mppe_chain chain;
	uint8_t nt_hash[16], lm_hash[16], challenge[8];
	memset(&keys, 0, sizeof(keys));
	assert_true(nt_password_hash(nt_hash, "clientPass", 10));
	lm_password_hash(lm_hash, "clientPass", 10);
	hex_bytes(challenge, 8, "102DB5DF085D3041");
	mppe_keys_from_mschap(&keys, nt_hash, lm_hash, challenge);
	assert_true(keys.valid);
	assert_memory_equal(keys.send, keys.receive, 16);
	assert_memory_equal(keys.send_short, keys.receive_short, 8);

	mppe_chain_init(&chain, MPPE_40, keys.send_short);
	assert_hex(chain.key, 8, "D1269E538CEC4A08");
	mppe_chain_init(&chain, MPPE_56, keys.send_short);
	assert_hex(chain.key, 8, "D10801538CEC4A08");
	assert_hex(keys.send, 16, "A8947850CFC0ACC1D1789FB62DDCDDB0");
	mppe_chain_init(&chain, MPPE_128, keys.send);
	assert_hex(chain.key, 16, "59D159BC09F76F1DA2A86A28FFEC0B1E");
}

/* One change of key, written out again. */
static void change(uint8_t *key, const uint8_t *start, size_t length, enum mppe_strength strength)
{
	uint8_t pad1[40], pad2[40], digest[20];
	memset(pad1, 0, sizeof(pad1));
	memset(pad2, 0xf2, sizeof(pad2));
	struct sha1_ctx sha;
	sha1_init(&sha);
	sha1_update(&sha, length, start);
	sha1_update(&sha, sizeof(pad1), pad1);
	sha1_update(&sha, length, key);
	sha1_update(&sha, sizeof(pad2), pad2);
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(&sha, digest);
#else
	sha1_digest(&sha, sizeof(digest), digest);
#endif
	struct arcfour_ctx rc4;
	arcfour_set_key(&rc4, length, digest);
	arcfour_crypt(&rc4, length, key, digest);
	if (strength != MPPE_128)
		key[0] = 0xd1;
	if (strength == MPPE_40) {
		key[1] = 0x26;
		key[2] = 0x9e;
	}
}

static void check_chain(enum mppe_strength strength)
{
	struct mppe_start_keys keys = keys_v2(false);
	struct mppe_chain chain;
	const uint8_t *start = strength == MPPE_128 ? keys.send : keys.send_short;
	size_t length = strength == MPPE_128 ? 16 : 8;
	uint8_t key[16] = {0};
	mppe_chain_init(&chain, strength, start);
	assert_int_equal(chain.length, length);
	assert_int_equal(chain.strength, strength);
	memcpy(key, chain.key, length);
	for (int n = 0; n < 300; n++) {
		mppe_chain_next(&chain);
		change(key, start, length, strength);
		assert_memory_equal(chain.key, key, length);
		assert_memory_equal(chain.start, start, length);
	}
}

static void chains(void **state)
{
	check_chain(MPPE_40);
	check_chain(MPPE_56);
	check_chain(MPPE_128);
}

static void no_key(void **state)
{
	struct mppe_start_keys keys = keys_v2(true);
	struct mppe_chain chain, zeros;
	memset(&zeros, 0, sizeof(zeros));
	mppe_chain_init(&chain, MPPE_128, keys.send);
	mppe_chain_init(&chain, MPPE_NONE, NULL);
	assert_int_equal(chain.length, 0);
	assert_memory_equal(&chain, &zeros, sizeof(chain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3079_v2_samples),
		cmocka_unit_test(directions),
		cmocka_unit_test(rfc3079_v1_samples),
		cmocka_unit_test(chains),
		cmocka_unit_test(no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
