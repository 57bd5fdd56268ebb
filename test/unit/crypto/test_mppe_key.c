/* MPPE keys: the samples of RFC 3079 §2.5 and §3.5, both directions. */
#include "hex.h"

#include <string.h>

#include "digest.h"
#include "mppe_chain.h"

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
	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_40, keys.send_short);
	check_sample(&chain, "D1269EC49FA62E3E", "929137917E5803D668D75898");
	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_56, keys.send_short);
	/* The RFC prints 58 for the last byte, which RC4 under the key it prints does not give. */
	check_sample(&chain, "D15C00C49FA62E3E", "3F106833FA448DA842BC57B8");
	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_128, keys.send);
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

	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_40, keys.send_short);
	assert_hex(chain.key, 8, "D1269E538CEC4A08");
	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_56, keys.send_short);
	assert_hex(chain.key, 8, "D10801538CEC4A08");
	assert_hex(keys.send, 16, "A8947850CFC0ACC1D1789FB62DDCDDB0");
	mppe_chain_init(&chain, &mppe_engine_plain, MPPE_128, keys.send);
	assert_hex(chain.key, 16, "59D159BC09F76F1DA2A86A28FFEC0B1E");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3079_v2_samples),
		cmocka_unit_test(directions),
		cmocka_unit_test(rfc3079_v1_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
