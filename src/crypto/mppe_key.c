/* MPPE's start keys, from authentication (RFC 3079). What follows from them is in mppe_chain.c.
 *
 *   MS-CHAPv2:  NT hash's hash, NT response ──▶ master key ──▶ a start key for each direction
 *   MS-CHAP:    LM hash (40, 56 bits) or NT hash's hash and challenge (128) ──▶ one for both
 *
 * pppd never derives keys from the LM hash: after MS-CHAP it refuses MPPE below 128 bits, where its
 * key is the RFC's, as ours is. The 40- and 56-bit keys follow the RFC alone.
 */
#include "mppe_key.h"

#include <string.h>

#include "digest.h"

enum { PAD_SIZE = 40, SHORT_KEY = 8, LONG_KEY = 16 };

static const uint8_t pad1[PAD_SIZE];
static const uint8_t pad2[PAD_SIZE] = {0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2,
	0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2,
	0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2, 0xf2};

/* GetAsymmetricStartKey (RFC 3079 §3.4). The two sentences are named for the direction. */
static void asymmetric_start_key(
	uint8_t key[LONG_KEY], const uint8_t master[LONG_KEY], bool client_to_server)
{
	static const char magic2[] = "On the client side, this is the send key; "
				     "on the server side, it is the receive key.";
	static const char magic3[] = "On the client side, this is the receive key; "
				     "on the server side, it is the send key.";
	uint8_t digest[SHA1_SIZE];
	struct piece magic = client_to_server ? (struct piece){magic2, sizeof(magic2) - 1}
					      : (struct piece){magic3, sizeof(magic3) - 1};
	sha1(digest,
		(struct piece[]){{master, LONG_KEY}, {pad1, PAD_SIZE}, magic, {pad2, PAD_SIZE}}, 4);
	memcpy(key, digest, LONG_KEY);
	secret_wipe(digest, sizeof(digest));
}

void mppe_keys_from_mschapv2(struct mppe_start_keys *keys, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t nt_response[NT_RESPONSE_SIZE], bool we_are_server)
{
	static const char magic1[] = "This is the MPPE Master Key";
	uint8_t hash_hash[MD4_SIZE], master[SHA1_SIZE];

	md4(hash_hash, &(struct piece){nt_hash, NT_HASH_SIZE}, 1);
	sha1(master,
		(struct piece[]){{hash_hash, sizeof(hash_hash)}, {nt_response, NT_RESPONSE_SIZE},
			{magic1, sizeof(magic1) - 1}},
		3);
	asymmetric_start_key(keys->send, master, !we_are_server);
	asymmetric_start_key(keys->receive, master, we_are_server);
	memcpy(keys->send_short, keys->send, SHORT_KEY);
	memcpy(keys->receive_short, keys->receive, SHORT_KEY);
	keys->valid = true;
	secret_wipe(hash_hash, sizeof(hash_hash));
	secret_wipe(master, sizeof(master));
}

void mppe_keys_from_mschap(struct mppe_start_keys *keys, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t lm_hash[16], const uint8_t challenge[8])
{
	uint8_t hash_hash[MD4_SIZE], digest[SHA1_SIZE];

	md4(hash_hash, &(struct piece){nt_hash, NT_HASH_SIZE}, 1);
	sha1(digest,
		(struct piece[]){{hash_hash, sizeof(hash_hash)}, {hash_hash, sizeof(hash_hash)},
			{challenge, 8}},
		3);
	memcpy(keys->send, digest, LONG_KEY);
	memcpy(keys->receive, digest, LONG_KEY);
	memcpy(keys->send_short, lm_hash, SHORT_KEY);
	memcpy(keys->receive_short, lm_hash, SHORT_KEY);
	keys->valid = true;
	secret_wipe(hash_hash, sizeof(hash_hash));
	secret_wipe(digest, sizeof(digest));
}
