/* MS-CHAP and MS-CHAPv2 (RFC 2433, RFC 2759): from a password and challenges to responses.
 *
 *   password ──UTF-16LE, MD4──▶ NT hash ──MD4──▶ hash of the hash
 *   challenge ──three DES under the NT hash──▶ 24-byte response
 *
 * In version 2 the challenge is the first eight bytes of a SHA-1 over both sides' challenges and
 * the user's name, and the server proves with the hash of the hash that it knew the NT hash too.
 * The NT hash is as good as the password: it is wiped like one.
 *
 * Peers differ in what they make of a password outside ASCII. Windows hashes the characters, as we
 * do; pppd widens each byte, which is the same only for Latin-1. A secret stored in Latin-1 is
 * seldom valid UTF-8, and is then widened here as well.
 */
#include "mschap.h"

#include <string.h>

#include "digest.h"

enum { LM_PASSWORD_MAX = 14, CHALLENGE_SIZE = 8 };

/* The character at the front of `s`, and how many bytes it took; a byte that does not begin a
 * valid sequence stands for itself. */
static uint32_t utf8_next(const uint8_t *s, size_t left, size_t *taken)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf8 ? 4 : 1;
	*taken = 1;
	if (length == 1 || length > left)
		return s[0];
	uint32_t c = s[0] & (0x7fu >> length);
	for (size_t n = 1; n < length; n++) {
		if ((s[n] & 0xc0) != 0x80)
			return s[0];
		c = c << 6 | (s[n] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return s[0];
	*taken = length;
	return c;
}

static void put_unit(uint8_t *at, uint32_t unit)
{
	at[0] = (uint8_t)unit;
	at[1] = (uint8_t)(unit >> 8);
}

bool password_to_utf16(
	uint8_t utf16[NT_UTF16_MAX], size_t *utf16_length, const char *password, size_t length)
{
	const uint8_t *s = (const uint8_t *)password;
	size_t used = 0, taken;

	for (; length > 0; s += taken, length -= taken) {
		uint32_t c = utf8_next(s, length, &taken);
		size_t size = c < 0x10000 ? 2 : 4;
		if (used + size > NT_UTF16_MAX)
			return false;
		if (size == 2) {
			put_unit(utf16 + used, c);
		} else {
			put_unit(utf16 + used, 0xd800 + ((c - 0x10000) >> 10));
			put_unit(utf16 + used + 2, 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
		used += size;
	}
	*utf16_length = used;
	return true;
}

bool nt_password_hash(uint8_t hash[NT_HASH_SIZE], const char *password, size_t length)
{
	uint8_t utf16[NT_UTF16_MAX];
	size_t used;
	bool fits = password_to_utf16(utf16, &used, password, length);
	if (fits)
		md4(hash, &(struct piece){utf16, used}, 1);
	secret_wipe(utf16, sizeof(utf16));
	return fits;
}

void lm_password_hash(uint8_t hash[16], const char *password, size_t length)
{
	static const uint8_t clear[8] = {'K', 'G', 'S', '!', '@', '#', '$', '%'};
	uint8_t upper[LM_PASSWORD_MAX] = {0};
	for (size_t n = 0; n < length && n < sizeof(upper); n++) {
		uint8_t c = (uint8_t)password[n];
		upper[n] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
	}
	des_encrypt(hash, clear, upper);
	des_encrypt(hash + 8, clear, upper + 7);
	secret_wipe(upper, sizeof(upper));
}

void challenge_response(uint8_t response[NT_RESPONSE_SIZE], const uint8_t challenge[8],
	const uint8_t nt_hash[NT_HASH_SIZE])
{
	uint8_t keys[21] = {0};
	memcpy(keys, nt_hash, NT_HASH_SIZE);
	for (unsigned n = 0; n < 3; n++)
		des_encrypt(response + 8 * n, challenge, keys + 7 * n);
	secret_wipe(keys, sizeof(keys));
}

/* ChallengeHash (RFC 2759 §8.2). */
static void challenge_hash(uint8_t challenge[CHALLENGE_SIZE],
	const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const void *user, size_t user_length)
{
	uint8_t digest[SHA1_SIZE];
	sha1(digest,
		(struct piece[]){
			{peer_challenge, 16}, {authenticator_challenge, 16}, {user, user_length}},
		3);
	memcpy(challenge, digest, CHALLENGE_SIZE);
}

void mschapv2_nt_response(uint8_t response[NT_RESPONSE_SIZE],
	const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const void *user, size_t user_length, const uint8_t nt_hash[NT_HASH_SIZE])
{
	uint8_t challenge[CHALLENGE_SIZE];
	challenge_hash(challenge, authenticator_challenge, peer_challenge, user, user_length);
	challenge_response(response, challenge, nt_hash);
}

void mschapv2_authenticator(uint8_t proof[AUTHENTICATOR_SIZE],
	const uint8_t authenticator_challenge[16], const uint8_t peer_challenge[16],
	const void *user, size_t user_length, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t nt_response[NT_RESPONSE_SIZE])
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	uint8_t hash_hash[MD4_SIZE], digest[SHA1_SIZE], challenge[CHALLENGE_SIZE];

	md4(hash_hash, &(struct piece){nt_hash, NT_HASH_SIZE}, 1);
	sha1(digest,
		(struct piece[]){{hash_hash, sizeof(hash_hash)}, {nt_response, NT_RESPONSE_SIZE},
			{magic1, sizeof(magic1) - 1}},
		3);
	challenge_hash(challenge, authenticator_challenge, peer_challenge, user, user_length);
	sha1(proof,
		(struct piece[]){{digest, sizeof(digest)}, {challenge, sizeof(challenge)},
			{magic2, sizeof(magic2) - 1}},
		3);
	secret_wipe(hash_hash, sizeof(hash_hash));
	secret_wipe(digest, sizeof(digest));
}

const uint8_t *name_without_domain(const uint8_t *name, size_t *length)
{
	for (size_t n = *length; n > 0; n--) {
		if (name[n - 1] == '\\') {
			*length -= n;
			return name + n;
		}
	}
	return name;
}
