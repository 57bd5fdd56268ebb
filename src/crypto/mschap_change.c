/* Change-Password's cipher texts (see mschap_change.h). RFC 2759 §8.9 to §8.13.
 *
 *   block: random bytes, the password in UTF-16LE at the end of 512, its length in bytes (LE, 4)
 *   ──RC4 under the old NT hash──▶ Encrypted-Password
 *   old NT hash ──two DES under the new NT hash──▶ Encrypted-Hash
 *
 * Nothing in the block says whether it was opened with the right hash but a length that fits;
 * Encrypted-Hash is what proves that the sender knew the old password. */
#include "mschap_change.h"

#include <assert.h>
#include <string.h>

#include "digest.h"
#include "rc4.h"

enum { LENGTH_AT = NT_UTF16_MAX };

static_assert(PASSWORD_BLOCK_SIZE == NT_UTF16_MAX + 4, "a password and its length");

static void crypt_block(uint8_t out[PASSWORD_BLOCK_SIZE], const uint8_t in[PASSWORD_BLOCK_SIZE],
	const uint8_t hash[NT_HASH_SIZE])
{
	struct rc4 rc4;
	rc4_init(&rc4, hash, NT_HASH_SIZE);
	rc4_crypt(&rc4, out, in, PASSWORD_BLOCK_SIZE);
	secret_wipe(&rc4, sizeof rc4);
}

bool password_block_seal(uint8_t block[PASSWORD_BLOCK_SIZE], const char *password, size_t length,
	const uint8_t old_hash[NT_HASH_SIZE], struct random *random)
{
	uint8_t utf16[NT_UTF16_MAX];
	size_t used;
	bool fits = password_to_utf16(utf16, &used, password, length);
	if (fits) {
		random_bytes(random, block, LENGTH_AT - used);
		memcpy(block + LENGTH_AT - used, utf16, used);
		block[LENGTH_AT] = (uint8_t)used;
		block[LENGTH_AT + 1] = (uint8_t)(used >> 8);
		block[LENGTH_AT + 2] = block[LENGTH_AT + 3] = 0;
		crypt_block(block, block, old_hash);
	}
	secret_wipe(utf16, sizeof utf16);
	return fits;
}

/* The character at the front of UTF-16LE, and how many bytes it took; 0 for what is none. */
static uint32_t utf16_next(const uint8_t *s, size_t left, size_t *taken)
{
	uint32_t c = (uint32_t)(s[0] | s[1] << 8);
	*taken = 2;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	uint32_t low = left >= 4 ? (uint32_t)(s[2] | s[3] << 8) : 0;
	*taken = 4;
	if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static size_t put_utf8(char *at, uint32_t c)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (size == 1) {
		at[0] = (char)c;
		return 1;
	}
	for (size_t n = size; n-- > 1; c >>= 6)
		at[n] = (char)(0x80 | (c & 0x3f));
	at[0] = (char)(lead[size] | c);
	return size;
}

static bool utf16_to_utf8(const uint8_t *s, size_t left, char *password, size_t *length)
{
	size_t used = 0, taken;
	for (; left > 0; s += taken, left -= taken) {
		uint32_t c = utf16_next(s, left, &taken);
		if (c == 0)
			return false;
		used += put_utf8(password + used, c);
	}
	*length = used;
	return true;
}

bool password_block_open(const uint8_t block[PASSWORD_BLOCK_SIZE],
	const uint8_t old_hash[NT_HASH_SIZE], char password[PASSWORD_UTF8_MAX], size_t *length,
	uint8_t new_hash[NT_HASH_SIZE])
{
	uint8_t clear[PASSWORD_BLOCK_SIZE];
	crypt_block(clear, block, old_hash);
	uint32_t used = (uint32_t)clear[LENGTH_AT] | (uint32_t)clear[LENGTH_AT + 1] << 8 |
			(uint32_t)clear[LENGTH_AT + 2] << 16 | (uint32_t)clear[LENGTH_AT + 3] << 24;
	bool good = used <= NT_UTF16_MAX && used % 2 == 0;
	if (good) {
		const uint8_t *utf16 = clear + LENGTH_AT - used;
		md4(new_hash, &(struct piece){utf16, used}, 1);
		good = utf16_to_utf8(utf16, used, password, length);
	}
	secret_wipe(clear, sizeof clear);
	return good;
}

void nt_hash_seal(uint8_t cipher[NT_HASH_SIZE], const uint8_t hash[NT_HASH_SIZE],
	const uint8_t block[NT_HASH_SIZE])
{
	enum { CIPHER_BLOCK = 8, DES_KEY = 7 };
	des_encrypt(cipher, hash, block);
	des_encrypt(cipher + CIPHER_BLOCK, hash + CIPHER_BLOCK, block + DES_KEY);
}
