/* The SHA-1 of the MPPE key chain, by nettle (RFC 3078 §7.3). */
#include <string.h>

#include "digest.h"
#include "mppe_chain.h"

enum { PAD_SIZE = 40, KEY_MAX = 16 };

/* Nettle's SHA-1 begins anew every time. */
static void plain_prepare(struct mppe_chain *chain)
{
	(void)chain;
}

static void plain_interim(const struct mppe_chain *chain, uint8_t out[KEY_MAX])
{
	uint8_t text[2 * (KEY_MAX + PAD_SIZE)], digest[SHA1_SIZE];
	size_t length = chain->length;

	memcpy(text, chain->start, length);
	memset(text + length, 0, PAD_SIZE);
	memcpy(text + length + PAD_SIZE, chain->key, length);
	memset(text + 2 * length + PAD_SIZE, 0xf2, PAD_SIZE);
	sha1(digest, &(struct piece){text, 2 * (length + PAD_SIZE)}, 1);
	memcpy(out, digest, length);
	secret_wipe(text, sizeof(text));
	secret_wipe(digest, sizeof(digest));
}

const struct chain_sha1 chain_sha1_plain = {.prepare = plain_prepare, .interim = plain_interim};
