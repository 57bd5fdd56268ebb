/* MS-CHAPv2's Change-Password (RFC 2759 §7, §8.9 to §8.13): a new password under the old one's
 * hash, and the old one's hash under the new one's. */
#ifndef GREYLINE_MSCHAP_CHANGE_H
#define GREYLINE_MSCHAP_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mschap.h"
#include "random.h"

enum {
	PASSWORD_BLOCK_SIZE = 516,
	PASSWORD_UTF8_MAX = 768, /* what 256 UTF-16 units can become */
};

/* NewPasswordEncryptedWithOldNtPasswordHash (§8.9). False when the password has more than 256
 * characters. */
bool password_block_seal(uint8_t block[PASSWORD_BLOCK_SIZE], const char *password, size_t length,
	const uint8_t old_hash[NT_HASH_SIZE], struct random *random);
/* The password in a block, as UTF-8, and its hash. False for a block that was made with another
 * hash, as far as its length shows, and for a password that UTF-8 or C cannot hold: half a
 * surrogate pair, a NUL. */
bool password_block_open(const uint8_t block[PASSWORD_BLOCK_SIZE],
	const uint8_t old_hash[NT_HASH_SIZE], char password[PASSWORD_UTF8_MAX], size_t *length,
	uint8_t new_hash[NT_HASH_SIZE]);

/* NtPasswordHashEncryptedWithBlock (§8.13), where the block is another hash. */
void nt_hash_seal(uint8_t cipher[NT_HASH_SIZE], const uint8_t hash[NT_HASH_SIZE],
	const uint8_t block[NT_HASH_SIZE]);

#endif
