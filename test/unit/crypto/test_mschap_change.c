/* Change-Password (RFC 2759 §8.9 to §8.13). The RFC has no example of it: the golden bytes were
 * computed from its pseudo code with OpenSSL's RC4, DES and MD4. */
#include "hex.h"

#include <string.h>

#include "mschap_change.h"

/* "clientPass", whose hash is that of RFC 2759 §9.2, becomes this: a letter of two bytes in UTF-8,
 * and one of four. The 492 bytes before it in the block count up from 0. */
static const char old_password[] = "clientPass";
static const char new_password[] = "newPass\xc3\xa9\xf0\x9d\x84\x9e";
static const char new_hash_hex[] = "affa3846f5afd46cff5cc51115f4ba9f";
static const char block_hex[] = "92e3c9ecb7fcf6132005f1836c3c39efd317a80173669ca225ed96d5f05d6464"
				"600acaed683e7ded438e4ed32c426b5d352a111675780b0ec7293171ff4cb930"
				"c6585e97d1f284ccfdb0c5f096e4695c705b8634d43432d7876aff3bca1f382e"
				"6f6fee1915932b785ab798da8ce9af78f9af3aae69879199a41e4aece3069987"
				"640d1b8c1a3b9ffb0b26daf628d2fb2b6c9d9745eca3e18fbfec81400e53abbc"
				"aaaaacaa09c1d27481e141f7ce5d8e35b50224982c85a06bbd86f890b9dfd5b3"
				"44d1f3b59f8a539231300dbdd427003e0636f1b3e2d43252281d9ddf799df5d8"
				"a48b9fc647ed387fc6d3562c2fc9e9485f821f41592507a1ec881362d09c0cf6"
				"aa20d63bdc931918627b513f85c75002e53d611d942e9cfbe421d4c2f88d5f04"
				"c306af56f71cd04056d519eb6f600baa1a4bd4cb5e39b6900dfddaa432f5278e"
				"1be869fd142a0ce74df3bda8f69d93c1373db9d0b2aeb9d55fabcc2eb9bde690"
				"534d3c50ab50a697639948fd885b3ea39cb98c0729837ebce10e5b090a357823"
				"ae2c3bf28b5e40279eb234792e7b2934b90819537376a8710e1f2c0b1c4815db"
				"27b73e418edac07b10a10dac2f111e73ca7dab8cc148df86ccc115f00bdd5418"
				"10bedbda8a4905cc02f981efc4ecfb586d23ae7115ada377ea60d0d522ac6daa"
				"05fa7d781667660c4d316ad1c8eca32cb22242df3bec477f7a18267fb59de585"
				"a6343a7c";

static void hash_of(uint8_t hash[16], const char *password)
{
	assert_true(nt_password_hash(hash, password, strlen(password)));
}

static void golden_block(void **state)
{
	uint8_t block[PASSWORD_BLOCK_SIZE], old_hash[16], new_hash[16];
	char password[PASSWORD_UTF8_MAX];
	size_t length;
	hash_of(old_hash, old_password);
	assert_int_equal(hex_bytes(block, sizeof block, block_hex), sizeof block);
	assert_true(password_block_open(block, old_hash, password, &length, new_hash));
	assert_int_equal(length, strlen(new_password));
	assert_memory_equal(password, new_password, length);
	assert_hex(new_hash, 16, new_hash_hex);
}

static void golden_hash(void **state)
{
	uint8_t old_hash[16], new_hash[16], cipher[16];
	hash_of(old_hash, old_password);
	hash_of(new_hash, new_password);
	assert_hex(new_hash, 16, new_hash_hex);
	nt_hash_seal(cipher, old_hash, new_hash);
	assert_hex(cipher, 16, "bb4c10cd616c5a3b753c4ab10dfc6c8a");
}

/* What is sealed is opened again, and only with the hash it was sealed under. */
static void check_round_trip(const char *given, size_t given_length)
{
	uint8_t seed[32] = {7}, block[PASSWORD_BLOCK_SIZE], hash[16], opened[16], other[16];
	char password[PASSWORD_UTF8_MAX];
	struct random random;
	size_t length;
	random_seed(&random, seed);
	hash_of(hash, "old");
	assert_true(password_block_seal(block, given, given_length, hash, &random));
	assert_true(password_block_open(block, hash, password, &length, opened));
	assert_int_equal(length, given_length);
	assert_memory_equal(password, given, length);
	nt_password_hash(other, given, given_length);
	assert_memory_equal(opened, other, 16);
	hash_of(hash, "older");
	assert_false(password_block_open(block, hash, password, &length, opened));
}

static void round_trips(void **state)
{
	char longest[PASSWORD_UTF8_MAX];
	check_round_trip("", 0);
	check_round_trip("x", 1);
	check_round_trip(new_password, strlen(new_password));
	for (size_t i = 0; i < sizeof longest; i += 3)
		memcpy(longest + i, "\xe2\x82\xac", 3);
	check_round_trip(longest, sizeof longest); /* 256 of them, three bytes each */
}

static void too_long(void **state)
{
	uint8_t seed[32] = {7}, block[PASSWORD_BLOCK_SIZE], hash[16];
	char password[257];
	struct random random;
	random_seed(&random, seed);
	hash_of(hash, "old");
	memset(password, 'x', sizeof password);
	assert_true(password_block_seal(block, password, 256, hash, &random));
	assert_false(password_block_seal(block, password, 257, hash, &random));
}

/* A block that holds `utf16`, with `stated` as its length. */
static bool opens(const char *utf16_hex, uint32_t stated)
{
	uint8_t seed[32] = {7}, block[PASSWORD_BLOCK_SIZE], empty[PASSWORD_BLOCK_SIZE], key[16];
	uint8_t clear[PASSWORD_BLOCK_SIZE] = {0}, utf16[64], hash[16];
	char password[PASSWORD_UTF8_MAX];
	struct random random, same;
	size_t length, used = hex_bytes(utf16, sizeof utf16, utf16_hex);
	hash_of(key, "old");
	random_seed(&random, seed);
	random_seed(&same, seed);
	/* The key stream is what an empty password's block differs in from its random bytes. */
	assert_true(password_block_seal(empty, "", 0, key, &random));
	random_bytes(&same, clear, 512);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = empty[i] ^ clear[i];
	for (size_t i = 0; i < used; i++)
		block[512 - used + i] ^= utf16[i];
	for (size_t i = 0; i < 4; i++)
		block[512 + i] ^= (uint8_t)(stated >> 8 * i);
	return password_block_open(block, key, password, &length, hash);
}

static void bad_blocks(void **state)
{
	assert_true(opens("6100", 2));
	assert_false(opens("6100", 1));
	assert_false(opens("6100", 514));
	assert_false(opens("6100", 512)); /* NULs before it */
	assert_false(opens("6100", 0x10002));
	assert_false(opens("6100", 0x1000002));
	assert_false(opens("00006100", 4)); /* a NUL in it */
	assert_false(opens("00d8", 2));     /* half a pair */
	assert_false(opens("00d86100", 4));
	assert_false(opens("00dc00d8", 4)); /* the halves in the wrong order */
	assert_true(opens("00d800dc", 4));
	assert_true(opens("ffdbffdf", 4));
	assert_true(opens("ffd7", 2));
	assert_true(opens("00e0", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_block),
		cmocka_unit_test(golden_hash),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(too_long),
		cmocka_unit_test(bad_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
