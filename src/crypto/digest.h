/* The digests and ciphers that come from nettle. nettle.c is the only file that includes it. */
#ifndef GREYLINE_DIGEST_H
#define GREYLINE_DIGEST_H

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

/* The first `length` bytes of ChaCha20's key stream under `key`, with nonce 0: a key is used once.
 */
void chacha20_stream(uint8_t *stream, size_t length, const uint8_t key[CHACHA20_KEY_SIZE]);

/* Compares secrets in time that does not depend on them; 1 when equal. */
int secret_equal(const void *a, const void *b, size_t length);
/* Overwrites secrets in a way the compiler keeps. */
void secret_wipe(void *secret, size_t length);

#endif
