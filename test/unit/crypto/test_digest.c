/* Known answers of the digests and ciphers behind nettle.c: RFC 1320 A.5 (MD4), RFC 1321 A.5 (MD5),
 * RFC 3174 §7.3 (SHA-1), FIPS 81 and RFC 2433 (DES), the ChaCha draft's vectors with zero nonce. */
#include "hex.h"

#include <string.h>

#include "digest.h"

static const struct {
	const char *message, *md4, *md5, *sha1;
} known[] = {
	{"", "31d6cfe0d16ae931b73c59d7e0c089c0", "d41d8cd98f00b204e9800998ecf8427e",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709"},
	{"abc", "a448017aaf21d8525fc10ae87aa6729d", "900150983cd24fb0d6963f7d28e17f72",
		"a9993e364706816aba3e25717850c26c9cd0d89d"},
	{"message digest", "d9130a8164549fe818874806e1c7014b", "f96b697d7cb7938d525a2f31aaf161d0",
		"c12252ceda8be8994d5fa0290a47231c1d16aae3"},
	{"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9",
		"c3fcd3d76192e4007dfb496cca67e13b", "32d10c7b8cf96570ca04ce37f2a19d84240d3a89"},
	{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		"e33b4ddc9c38f2199c3e7b164fcc0536", "57edf4a22be3c955ac49da2e2107b67a",
		"50abf5706a150990a08b2c5ea40fa0e585554732"},
};

typedef void digest_function(uint8_t *digest, const struct piece *pieces, size_t count);

static void check_digest(digest_function *digest, size_t size, const char *message, const char *hex)
{
	uint8_t out[SHA1_SIZE];
	size_t length = strlen(message);
	digest(out, &(struct piece){message, length}, 1);
	assert_hex(out, size, hex);
	/* The same in three pieces, cut everywhere. */
	for (size_t a = 0; a <= length; a++) {
		size_t b = a + (length - a) / 2;
		memset(out, 0, sizeof(out));
		digest(out,
			(struct piece[]){
				{message, a}, {message + a, b - a}, {message + b, length - b}},
			3);
		assert_hex(out, size, hex);
	}
}

static void digests_known(void **state)
{
	for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		check_digest(md4, MD4_SIZE, known[n].message, known[n].md4);
		check_digest(md5, MD5_SIZE, known[n].message, known[n].md5);
		check_digest(sha1, SHA1_SIZE, known[n].message, known[n].sha1);
	}
}

static void check_des(const char *key, const char *clear, const char *cipher)
{
	uint8_t k[7], c[8], out[8];
	assert_int_equal(hex_bytes(k, sizeof(k), key), 7);
	assert_int_equal(hex_bytes(c, sizeof(c), clear), 8);
	des_encrypt(out, c, k);
	assert_hex(out, 8, cipher);
}

static void des_known(void **state)
{
	/* Key 133457799BBCDFF1 without its parity bits. */
	check_des("12695bc9b7b7f8", "0123456789abcdef", "85e813540f0ab405");
	/* Key 0123456789ABCDEF and "Now is t" (FIPS 81, table B1). */
	check_des("00451338957377", "4e6f772069732074", "3fa40e8a984d4815");
	/* A weak key is a key like any other here: an empty password has it. */
	check_des("00000000000000", "0000000000000000", "8ca64de9c1b123a7");
	check_des("00000000000000", "4b47532140232425", "aad3b435b51404ee");
}

static void chacha20_known(void **state)
{
	static const uint8_t key[CHACHA20_KEY_SIZE];
	uint8_t stream[128];
	chacha20_stream(stream, sizeof(stream), key);
	assert_hex(stream, sizeof(stream),
		"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
		"da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
		"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
		"29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}

static void secrets(void **state)
{
	uint8_t a[33], b[33];
	memset(a, 7, sizeof(a));
	memset(b, 7, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	assert_true(secret_equal(a, b, 0));
	for (size_t n = 0; n < sizeof(a); n++) {
		b[n] ^= 0x80;
		assert_false(secret_equal(a, b, sizeof(a)));
		assert_true(secret_equal(a, b, n));
		b[n] ^= 0x80;
	}
	secret_wipe(a + 1, sizeof(a) - 2);
	assert_int_equal(a[0], 7);
	assert_int_equal(a[32], 7);
	for (size_t n = 1; n < 32; n++)
		assert_int_equal(a[n], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_known),
		cmocka_unit_test(des_known),
		cmocka_unit_test(chacha20_known),
		cmocka_unit_test(secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
