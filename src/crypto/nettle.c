/* The one file that touches nettle: MD4, MD5, SHA-1, DES and ChaCha20.
 *
 * PPTP's authentication stands on ciphers that are long broken (MD4, DES, RC4) and that crypto
 * libraries drop one after another. Behind these few functions a library that drops one costs one
 * file. Nettle 4 takes the length out of its digest functions; both forms are served here.
 */
#include "digest.h"

#include <assert.h>
#include <string.h>

#include <nettle/cbc.h>
#include <nettle/chacha.h>
#include <nettle/des.h>
#include <nettle/md4.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <nettle/version.h>

#undef des_encrypt /* nettle's name for its own; ours is the function of digest.h */

#if NETTLE_VERSION_MAJOR >= 4
#define DIGEST(algorithm, context, size, out) nettle_##algorithm##_digest(context, out)
#else
#define DIGEST(algorithm, context, size, out) nettle_##algorithm##_digest(context, size, out)
#endif

void md4(uint8_t digest[MD4_SIZE], const struct piece *pieces, size_t count)
{
	struct md4_ctx context;
	md4_init(&context);
	for (size_t n = 0; n < count; n++)
		md4_update(&context, pieces[n].length, pieces[n].bytes);
	DIGEST(md4, &context, MD4_SIZE, digest);
	secret_wipe(&context, sizeof(context));
}

void md5(uint8_t digest[MD5_SIZE], const struct piece *pieces, size_t count)
{
	struct md5_ctx context;
	md5_init(&context);
	for (size_t n = 0; n < count; n++)
		md5_update(&context, pieces[n].length, pieces[n].bytes);
	DIGEST(md5, &context, MD5_SIZE, digest);
	secret_wipe(&context, sizeof(context));
}

void sha1(uint8_t digest[SHA1_SIZE], const struct piece *pieces, size_t count)
{
	struct sha1_ctx context;
	sha1_init(&context);
	for (size_t n = 0; n < count; n++)
		sha1_update(&context, pieces[n].length, pieces[n].bytes);
	DIGEST(sha1, &context, SHA1_SIZE, digest);
	secret_wipe(&context, sizeof(context));
}

void des_encrypt(uint8_t cipher[8], const uint8_t clear[8], const uint8_t key[7])
{
	/* 56 bits spread over 8 bytes, seven in each; the lowest is for parity, which nettle does
	 * not look at. A weak key is reported by des_set_key and set all the same: what password
	 * a user has is not ours to refuse here. */
	uint8_t spread[DES_KEY_SIZE];
	uint64_t bits = 0;
	for (unsigned n = 0; n < 7; n++)
		bits = bits << 8 | key[n];
	for (unsigned n = 0; n < 8; n++)
		spread[n] = (uint8_t)((bits >> (49 - 7 * n) & 0x7f) << 1);
	des_fix_parity(sizeof(spread), spread, spread);

	struct des_ctx context;
	(void)des_set_key(&context, spread);
	nettle_des_encrypt(&context, 8, cipher, clear);
	secret_wipe(spread, sizeof(spread));
	secret_wipe(&context, sizeof(context));
	secret_wipe(&bits, sizeof(bits));
}

static_assert(sizeof(struct des_ctx) <= sizeof((struct des_cbc){0}.schedule), "one key fits");
static_assert(sizeof(struct des3_ctx) <= sizeof((struct des_cbc){0}.schedule), "three keys fit");

bool des_cbc_key(struct des_cbc *des, const uint8_t *key, size_t length)
{
	assert(length == DES_CBC_KEY || length == DES3_CBC_KEY);
	des->triple = length == DES3_CBC_KEY;
	return des->triple ? des3_set_key((struct des3_ctx *)des->schedule, key)
			   : des_set_key((struct des_ctx *)des->schedule, key);
}

void des_cbc_encrypt(const struct des_cbc *des, uint8_t chain[DES_CBC_BLOCK], uint8_t *cipher,
	const uint8_t *clear, size_t length)
{
	cbc_encrypt(des->schedule,
		des->triple ? (nettle_cipher_func *)nettle_des3_encrypt
			    : (nettle_cipher_func *)nettle_des_encrypt,
		DES_CBC_BLOCK, chain, length, cipher, clear);
}

void des_cbc_decrypt(const struct des_cbc *des, uint8_t chain[DES_CBC_BLOCK], uint8_t *clear,
	const uint8_t *cipher, size_t length)
{
	cbc_decrypt(des->schedule,
		des->triple ? (nettle_cipher_func *)nettle_des3_decrypt
			    : (nettle_cipher_func *)nettle_des_decrypt,
		DES_CBC_BLOCK, chain, length, clear, cipher);
}

void chacha20_stream(uint8_t *stream, size_t length, const uint8_t key[CHACHA20_KEY_SIZE])
{
	static const uint8_t nonce[CHACHA_NONCE_SIZE];
	struct chacha_ctx context;
	chacha_set_key(&context, key);
	chacha_set_nonce(&context, nonce);
	memset(stream, 0, length);
	chacha_crypt(&context, length, stream, stream);
	secret_wipe(&context, sizeof(context));
}

int secret_equal(const void *a, const void *b, size_t length)
{
	return memeql_sec(a, b, length);
}

void secret_wipe(void *secret, size_t length)
{
	memset(secret, 0, length);
	/* The compiler must believe that somebody reads what was just written. */
	__asm__ __volatile__("" : : "r"(secret) : "memory");
}
