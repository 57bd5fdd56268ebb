/* MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759): responses, proofs, password hashes. */
#ifndef GREYLINE_MSCHAP_H
#define GREYLINE_MSCHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NT_HASH_SIZE = 16, NT_RESPONSE_SIZE = 24, AUTHENTICATOR_SIZE = 20, NT_UTF16_MAX = 512 };

/* A password in UTF-16LE, and its length in bytes. The password is UTF-8; bytes that are not valid
 * UTF-8 are taken as Latin-1, so that old secrets keep working. False when it is longer than 256
 * characters. */
bool password_to_utf16(
	uint8_t utf16[NT_UTF16_MAX], size_t *utf16_length, const char *password, size_t length);
/* NtPasswordHash (RFC 2759 §8.3): MD4 of the password in UTF-16LE; false as above. */
bool nt_password_hash(uint8_t hash[NT_HASH_SIZE], const char *password, size_t length);

/* LmPasswordHash (RFC 2433 A.2): DES of the upper-cased password; 40- and 56-bit MPPE after
 * MS-CHAPv1 is keyed from it (RFC 3079 §2). */
void lm_password_hash(uint8_t hash[16], const char *password, size_t length);

/* ChallengeResponse (RFC 2759 §8.5): also the whole of MS-CHAPv1's NT response. */
void challenge_response(uint8_t response[NT_RESPONSE_SIZE], const uint8_t challenge[8],
	const uint8_t nt_hash[NT_HASH_SIZE]);

/* GenerateNTResponse (RFC 2759 §8.1). `user` is without a DOMAIN\ prefix. */
void mschapv2_nt_response(uint8_t response[NT_RESPONSE_SIZE],
	const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const void *user, size_t user_length, const uint8_t nt_hash[NT_HASH_SIZE]);

/* GenerateAuthenticatorResponse (RFC 2759 §8.7) as 20 raw bytes; the wire carries "S=" and hex. */
void mschapv2_authenticator(uint8_t proof[AUTHENTICATOR_SIZE],
	const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const void *user, size_t user_length, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t nt_response[NT_RESPONSE_SIZE]);

/* The part of a name behind its last backslash: what MS-CHAPv2 hashes (RFC 2759 §4). */
const uint8_t *name_without_domain(const uint8_t *name, size_t *length);

#endif
