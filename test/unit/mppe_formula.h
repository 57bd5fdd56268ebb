/* MPPE's session keys by the book, one after the other, worked with nettle alone (RFC 3078 §7.3):
 * what all that is fast is compared with. */
#ifndef GREYLINE_TEST_MPPE_FORMULA_H
#define GREYLINE_TEST_MPPE_FORMULA_H

#include <stdint.h>
#include <string.h>

#include <nettle/arcfour.h>
#include <nettle/sha1.h>
#include <nettle/version.h>

#include "mppe_key.h"

struct mppe_formula {
	enum mppe_strength strength;
	size_t length;
	uint8_t start[16], key[16];
};

static inline void mppe_formula_digest(
	const struct mppe_formula *f, uint8_t digest[SHA1_DIGEST_SIZE])
{
	uint8_t pad1[40] = {0}, pad2[40];
	struct sha1_ctx sha;
	memset(pad2, 0xf2, sizeof(pad2));
	sha1_init(&sha);
	sha1_update(&sha, f->length, f->start);
	sha1_update(&sha, sizeof(pad1), pad1);
	sha1_update(&sha, f->length, f->key);
	sha1_update(&sha, sizeof(pad2), pad2);
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(&sha, digest);
#else
	sha1_digest(&sha, SHA1_DIGEST_SIZE, digest);
#endif
}

static inline void mppe_formula_salt(struct mppe_formula *f)
{
	if (f->strength != MPPE_128)
		f->key[0] = 0xd1;
	if (f->strength == MPPE_40) {
		f->key[1] = 0x26;
		f->key[2] = 0x9e;
	}
}

/* The first session key. */
static inline void mppe_formula_begin(
	struct mppe_formula *f, enum mppe_strength strength, const uint8_t *start)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	f->strength = strength;
	f->length = strength == MPPE_128 ? 16 : 8;
	memcpy(f->start, start, f->length);
	memcpy(f->key, start, f->length);
	mppe_formula_digest(f, digest);
	memcpy(f->key, digest, f->length);
	mppe_formula_salt(f);
}

/* The next one. */
static inline void mppe_formula_next(struct mppe_formula *f)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct arcfour_ctx rc4;
	mppe_formula_digest(f, digest);
	arcfour_set_key(&rc4, f->length, digest);
	arcfour_crypt(&rc4, f->length, f->key, digest);
	mppe_formula_salt(f);
}

#endif
