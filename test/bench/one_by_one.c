/* What MPPE-128 stateless cannot do without, by the libraries' own functions: SHA-1 and RC4 for the
 * next key, then RC4 over the packet. OpenSSL's RC4 is beside nettle's because it is assembly;
 * SHA-1 is nettle's in both, which is the faster of the two for two blocks. */
#include "one_by_one.h"

#ifdef HAVE_LIBCRYPTO
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rc4.h>
#endif

static void nettle_packet(struct mppe_formula *chain, uint8_t *bytes, size_t length)
{
	struct arcfour_ctx rc4;
	mppe_formula_next(chain);
	arcfour_set_key(&rc4, chain->length, chain->key);
	arcfour_crypt(&rc4, length, bytes, bytes);
}

const struct rival rival_nettle = {.name = "nettle", .packet = nettle_packet};

#ifdef HAVE_LIBCRYPTO
static void openssl_packet(struct mppe_formula *chain, uint8_t *bytes, size_t length)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	RC4_KEY rc4;
	mppe_formula_digest(chain, digest);
	RC4_set_key(&rc4, (int)chain->length, digest);
	RC4(&rc4, chain->length, digest, chain->key);
	RC4_set_key(&rc4, (int)chain->length, chain->key);
	RC4(&rc4, length, bytes, bytes);
}

static const struct rival openssl = {.name = "openssl", .packet = openssl_packet};
const struct rival *const rival_openssl = &openssl;
#else
const struct rival *const rival_openssl = NULL;
#endif
