/* What MPPE-128 stateless cannot do without, by the libraries' own functions: SHA-1 and RC4 for the
 * next key, then RC4 over the packet. OpenSSL's RC4 is beside nettle's because it is assembly;
 * SHA-1 is nettle's in both, which is the faster of the two for two blocks. */
#include "one_by_one.h"

#include <string.h>

#include <nettle/arcfour.h>
#include <nettle/sha1.h>
#include <nettle/version.h>

#ifdef HAVE_LIBCRYPTO
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rc4.h>
#endif

static void digest_keys(const struct one_by_one *chain, uint8_t digest[SHA1_DIGEST_SIZE])
{
	static const uint8_t pad1[40];
	uint8_t pad2[40];
	struct sha1_ctx sha;
	memset(pad2, 0xf2, sizeof(pad2));
	sha1_init(&sha);
	sha1_update(&sha, sizeof(chain->start), chain->start);
	sha1_update(&sha, sizeof(pad1), pad1);
	sha1_update(&sha, sizeof(chain->key), chain->key);
	sha1_update(&sha, sizeof(pad2), pad2);
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(&sha, digest);
#else
	sha1_digest(&sha, SHA1_DIGEST_SIZE, digest);
#endif
}

static void nettle_packet(struct one_by_one *chain, uint8_t *bytes, size_t length)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct arcfour_ctx rc4;
	digest_keys(chain, digest);
	arcfour_set_key(&rc4, sizeof(chain->key), digest);
	arcfour_crypt(&rc4, sizeof(chain->key), chain->key, digest);
	arcfour_set_key(&rc4, sizeof(chain->key), chain->key);
	arcfour_crypt(&rc4, length, bytes, bytes);
}

const struct rival rival_nettle = {.name = "nettle", .packet = nettle_packet};

#ifdef HAVE_LIBCRYPTO
static void openssl_packet(struct one_by_one *chain, uint8_t *bytes, size_t length)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	RC4_KEY rc4;
	digest_keys(chain, digest);
	RC4_set_key(&rc4, sizeof(chain->key), digest);
	RC4(&rc4, sizeof(chain->key), digest, chain->key);
	RC4_set_key(&rc4, sizeof(chain->key), chain->key);
	RC4(&rc4, length, bytes, bytes);
}

static const struct rival openssl = {.name = "openssl", .packet = openssl_packet};
const struct rival *const rival_openssl = &openssl;
#else
const struct rival *const rival_openssl = NULL;
#endif
