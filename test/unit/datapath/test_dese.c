/* DESE-bis and 3DESE. The golden bytes come from OpenSSL:
 *     openssl enc -des-cbc -nopad -K ... -iv ...    (des-ede3-cbc for three keys)
 * the initial vector being the nonce encrypted by itself (des-ecb). */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "dese.h"
#include "seed.h"

enum { PACKET = 1500, ROOM = PACKET + DESE_GROWTH };

static const uint8_t nonce[ECP_NONCE] = {0x36, 0x5c, 0x01, 0x02, 0xa0, 0xb0, 0xc0, 0xd0};

static struct ecp_key key_of(unsigned length)
{
	struct ecp_key key = {.length = (uint8_t)length};
	hex_bytes(
		key.bytes, sizeof(key.bytes), "0123456789abcdef fedcba9876543210 89abcdef01234567");
	return key;
}

struct pair {
	struct dese out, in;
};

static struct pair pair_of(unsigned length)
{
	struct ecp_key key = key_of(length);
	struct pair p;
	dese_arm(&p.out, &key, nonce);
	dese_arm(&p.in, &key, nonce);
	return p;
}

/* Whether `packet` comes through; malloc, so that the sanitizers see every byte. */
static bool opens(struct dese *in, const uint8_t *sealed, size_t length, uint16_t protocol,
	const uint8_t *packet, size_t packet_length, enum drop *why)
{
	uint8_t *from = malloc(length + 1), *to = malloc(length + 1);
	size_t got;
	assert_true(from && to);
	memcpy(from, sealed, length);
	bool good = dese_open(in, from, length, to, &got, why);
	if (good) {
		assert_true(got <= length);
		good = got == packet_length + 2 && to[0] == protocol >> 8 &&
		       to[1] == (uint8_t)protocol && !memcmp(to + 2, packet, packet_length);
	}
	free(from);
	free(to);
	return good;
}

static void golden(void **state)
{
	static const char *const expected[2][3] = {
		{"0000 209e6827eff34d63b7406416568d7bcd",
			"0001 0c012dd40a71825f077b18a6e8615130b2010c1444e83320",
			"0002 a21b81e32c58b361a55a4404d9b5a45b"},
		{"0000 28e4695b6f93d030632d51db29e284c7",
			"0001 c2090eaa12f0823453509c6a9a5cafe402e334d34551d58f",
			"0002 949c61916f74b02e354285f236c18fb0"}};
	static const char *const clear[] = {"45000014000000004000", "4500001400000000400107060508",
		"4500001400000000400107060509"};
	for (unsigned method = 0; method < 2; method++) {
		struct pair p = pair_of(method ? ECP_KEY_DES3 : ECP_KEY_DES);
		for (unsigned n = 0; n < 3; n++) {
			uint8_t packet[32], to[64];
			enum drop why;
			size_t length = hex_bytes(packet, sizeof(packet), clear[n]);
			size_t size = dese_seal(&p.out, 0x21, packet, length, to, sizeof(to));
			assert_hex(to, size, expected[method][n]);
			assert_true(opens(&p.in, to, size, 0x21, packet, length, &why));
		}
	}
}

/* Every length, and every last byte that could be taken for padding. */
static void round_trips(void **state)
{
	struct random r = random_from(seed_of_run(1));
	for (unsigned method = 0; method < 2; method++) {
		struct pair p = pair_of(method ? ECP_KEY_DES3 : ECP_KEY_DES);
		for (unsigned n = 0; n < 3000; n++) {
			uint8_t packet[PACKET], to[ROOM];
			size_t length = n < 64 ? n : 1 + random_u32(&r) % PACKET;
			enum drop why;
			random_bytes(&r, packet, length);
			if (length)
				packet[length - 1] = (uint8_t)(n % 12);
			size_t size =
				dese_seal(&p.out, 0x57, packet, length, to, length + DESE_GROWTH);
			assert_true(size <= length + DESE_GROWTH && (size - 2) % 8 == 0);
			assert_true(opens(&p.in, to, size, 0x57, packet, length, &why));
		}
	}
}

/* The packet behind a loss is lost too, and no other; the number goes around. */
static void losses(void **state)
{
	struct random r = random_from(seed_of_run(2));
	struct pair p = pair_of(ECP_KEY_DES);
	bool missing = false;
	for (unsigned n = 0; n < 70000; n++) {
		uint8_t packet[20], to[64];
		enum drop why = DROP_COUNT;
		random_bytes(&r, packet, sizeof(packet));
		size_t size = dese_seal(&p.out, 0x21, packet, sizeof(packet), to, sizeof(to));
		if (random_u32(&r) % 20 == 0) {
			missing = true;
			continue;
		}
		assert_int_equal(
			opens(&p.in, to, size, 0x21, packet, sizeof(packet), &why), !missing);
		assert_int_equal(why, missing ? DROP_ECP_LOST : DROP_COUNT);
		missing = false;
	}
}

/* Another key makes noise of it: most is seen by the padding, the rest by who looks inside. */
static void another_key(void **state)
{
	struct pair p = pair_of(ECP_KEY_DES);
	struct ecp_key other = key_of(ECP_KEY_DES);
	other.bytes[3] ^= 2;
	dese_arm(&p.in, &other, nonce);
	for (unsigned n = 0; n < 300; n++) {
		uint8_t packet[40], to[64];
		enum drop why = DROP_COUNT;
		memset(packet, (int)n, sizeof(packet));
		size_t size = dese_seal(&p.out, 0x21, packet, sizeof(packet), to, sizeof(to));
		assert_false(opens(&p.in, to, size, 0x21, packet, sizeof(packet), &why));
		assert_true(why == DROP_COUNT || why == DROP_ECP_DATA);
	}
}

static void malformed(void **state)
{
	struct pair p = pair_of(ECP_KEY_DES);
	uint8_t packet[6] = {0x45}, to[32];
	enum drop why;
	size_t size = dese_seal(&p.out, 0x21, packet, sizeof(packet), to, sizeof(to));
	assert_int_equal(size, 2 + 8);
	for (size_t length = 0; length < 26; length++) {
		if (length >= 10 && (length - 2) % 8 == 0)
			continue;
		assert_false(opens(&p.in, to, length, 0x21, packet, sizeof(packet), &why));
		assert_int_equal(why, DROP_ECP_DATA);
	}
	/* None of that moved the chain. */
	assert_true(opens(&p.in, to, size, 0x21, packet, sizeof(packet), &why));
	/* Padding alone is no packet. */
	const uint8_t all[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t only[10] = {0, 1};
	des_cbc_encrypt(&p.out.des, p.out.chain, only + 2, all, 8);
	assert_false(opens(&p.in, only, sizeof(only), 0x21, packet, 0, &why));
	assert_int_equal(why, DROP_ECP_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(losses),
		cmocka_unit_test(another_key),
		cmocka_unit_test(malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
