/* Our claim in MS-CHAPv2 (see mschap_claim.h). RFC 2759 §4, §5, §8; RFC 3079 §3.
 *
 * Everything follows from the two challenges and the configuration, so that nothing secret is kept
 * between packets and a repeated Response is the same one. A name is hashed without its domain. */
#include "mschap_claim.h"

#include <string.h>

#include "chap_message.h"
#include "digest.h"
#include "link.h"

enum { NT_RESPONSE_AT = 24 };

struct user {
	const uint8_t *name;
	size_t length;
};

static struct user user_of(const struct link_config *config)
{
	struct user user = {.length = config->name_length};
	user.name = name_without_domain((const uint8_t *)config->name, &user.length);
	return user;
}

static bool hash_of(const struct link_config *config, uint8_t hash[NT_HASH_SIZE])
{
	return nt_password_hash(hash, config->password, config->password_length);
}

static void nt_response(const struct mschap_claim *claim, const uint8_t hash[NT_HASH_SIZE],
	uint8_t response[NT_RESPONSE_SIZE])
{
	struct user user = user_of(claim->config);
	mschapv2_nt_response(response, claim->theirs, claim->ours, user.name, user.length, hash);
}

void mschap_claim_value(const struct mschap_claim *claim, uint8_t value[MSCHAPV2_VALUE_SIZE])
{
	uint8_t hash[NT_HASH_SIZE] = {0};
	hash_of(claim->config, hash);
	memset(value, 0, MSCHAPV2_VALUE_SIZE);
	memcpy(value, claim->ours, MSCHAPV2_CHALLENGE_SIZE);
	nt_response(claim, hash, value + NT_RESPONSE_AT);
	secret_wipe(hash, sizeof hash);
}

bool mschap_claim_proved(const struct mschap_claim *claim, const uint8_t *message, size_t length)
{
	uint8_t hash[NT_HASH_SIZE] = {0}, response[NT_RESPONSE_SIZE];
	uint8_t expected[AUTHENTICATOR_SIZE], proof[AUTHENTICATOR_SIZE];
	if (!chap_read_proof(message, length, proof) || !hash_of(claim->config, hash))
		return false;
	struct user user = user_of(claim->config);
	nt_response(claim, hash, response);
	mschapv2_authenticator(
		expected, claim->theirs, claim->ours, user.name, user.length, hash, response);
	secret_wipe(hash, sizeof hash);
	return secret_equal(expected, proof, sizeof proof);
}

void mschap_claim_keys(const struct mschap_claim *claim, struct mppe_start_keys *keys)
{
	uint8_t hash[NT_HASH_SIZE], response[NT_RESPONSE_SIZE];
	*keys = (struct mppe_start_keys){0};
	if (!hash_of(claim->config, hash))
		return;
	nt_response(claim, hash, response);
	mppe_keys_from_mschapv2(keys, hash, response, false);
	secret_wipe(hash, sizeof hash);
}
