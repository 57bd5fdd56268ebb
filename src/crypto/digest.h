/* The digests and ciphers that come from nettle. nettle.c is the only file that includes it. */
#ifndef GREYLINE_DIGEST_H
#define GREYLINE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MD4_SIZE = 16, MD5_SIZE = 16, SHA1_SIZE = 20, CHACHA20_KEY_SIZE = 32 };

/* A piece of a message; a digest runs over several in turn. */
struct piece {
	const void *bytes;
	size_t length;
};

void md4(uint8_t digest[MD4_SIZE], const struct piece *pieces, size_t count);
void md5(uint8_t digest[MD5_SIZE], const struct piece *pieces, size_t count);
void sha1(uint8_t digest[SHA1_SIZE], const struct piece *pieces, size_t count);

/* One DES block under a 56-bit key given as 7 bytes, most significant bit first; the parity bits
 * are added here (RFC 2759 §8.6). */
void des_encrypt(uint8_t cipher[8], const uint8_t clear[8], const uint8_t key[7]);

/* DES, or DES-EDE3 with three keys, in cipher block chaining. Parity bits of a key are not looked
 * at.
 */
enum { DES_CBC_BLOCK = 8, DES_CBC_KEY = 8, DES3_CBC_KEY = 24 };

struct des_cbc {
	_Alignas(8) uint8_t schedule[3 * 128];
	bool triple;
};

/* `length`: DES_CBC_KEY or DES3_CBC_KEY. False: the key, or one of the three, is one of DES's weak
 * ones; it is set all the same. */
bool des_cbc_key(struct des_cbc *des, const uint8_t *key, size_t length);
/* Whole blocks; `chain` is the block of cipher text before the first, and then the last. The two
 * buffers are the same or do not overlap. */
void des_cbc_encrypt(const struct des_cbc *des, uint8_t chain[DES_CBC_BLOCK], uint8_t *cipher,
	const uint8_t *clear, size_t length);
void des_cbc_decrypt(const struct des_cbc *des, uint8_t chain[DES_CBC_BLOCK], uint8_t *clear,
	const uint8_t *cipher, size_t length);

/* The first `length` bytes of ChaCha20's key stream under `key`, with nonce 0: a key is used once.
 */
void chacha20_stream(uint8_t *stream, size_t length, const uint8_t key[CHACHA20_KEY_SIZE]);

/* Compares secrets in time that does not depend on them; 1 when equal. */
int secret_equal(const void *a, const void *b, size_t length);
/* Overwrites secrets in a way the compiler keeps. */
void secret_wipe(void *secret, size_t length);

#endif
