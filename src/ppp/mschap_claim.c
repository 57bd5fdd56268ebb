/* Our claim in MS-CHAPv2 (see mschap_claim.h). RFC 2759 §4 to §8; RFC 3079 §3.
 *
 * Everything follows from the two challenges and the configuration, so that nothing secret is kept
 * between packets and a repeated Response is the same one. A repeated Change-Password differs in
 * the random bytes around the new password, which its receiver throws away. A name is hashed
 * without its domain. */
#include "mschap_claim.h"

#include <string.h>

#include "chap_message.h"
#include "digest.h"
#include "link.h"

enum { NT_RESPONSE_AT = 24, CHANGE_VERSION = 3, RESERVED_SIZE = 8 };

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

static bool old_hash(const struct link_config *config, uint8_t hash[NT_HASH_SIZE])
{
	if (!config->nt_hash_only)
		return nt_password_hash(hash, config->password, config->password_length);
	memcpy(hash, config->password, NT_HASH_SIZE);
	return true;
}

bool mschap_claim_hash(const struct link *link, uint8_t hash[NT_HASH_SIZE])
{
	const struct link_config *config = link->config;
	return link->renewed
		       ? nt_password_hash(hash, config->new_password, config->new_password_length)
		       : old_hash(config, hash);
}

static void nt_response(const struct link *link, const uint8_t hash[NT_HASH_SIZE],
	uint8_t response[NT_RESPONSE_SIZE])
{
	struct user user = user_of(link->config);
	mschapv2_nt_response(response, link->ours.challenge, link->ours.remembered, user.name,
		user.length, hash);
}

void mschap_claim_value(const struct link *link, uint8_t value[MSCHAPV2_VALUE_SIZE])
{
	uint8_t hash[NT_HASH_SIZE] = {0};
	mschap_claim_hash(link, hash);
	memset(value, 0, MSCHAPV2_VALUE_SIZE);
	memcpy(value, link->ours.remembered, MSCHAPV2_CHALLENGE_SIZE);
	nt_response(link, hash, value + NT_RESPONSE_AT);
	secret_wipe(hash, sizeof hash);
}

bool mschap_claim_proved(const struct link *link, const uint8_t *message, size_t length)
{
	uint8_t hash[NT_HASH_SIZE] = {0}, response[NT_RESPONSE_SIZE];
	uint8_t expected[AUTHENTICATOR_SIZE], proof[AUTHENTICATOR_SIZE];
	if (!chap_read_proof(message, length, proof) || !mschap_claim_hash(link, hash))
		return false;
	struct user user = user_of(link->config);
	nt_response(link, hash, response);
	mschapv2_authenticator(expected, link->ours.challenge, link->ours.remembered, user.name,
		user.length, hash, response);
	secret_wipe(hash, sizeof hash);
	return secret_equal(expected, proof, sizeof proof);
}

void mschap_claim_keys(const struct link *link, struct mppe_start_keys *keys)
{
	uint8_t hash[NT_HASH_SIZE], response[NT_RESPONSE_SIZE];
	*keys = (struct mppe_start_keys){0};
	if (!mschap_claim_hash(link, hash))
		return;
	nt_response(link, hash, response);
	mppe_keys_from_mschapv2(keys, hash, response, false);
	secret_wipe(hash, sizeof hash);
}

bool mschap_claim_expired(const uint8_t *message, size_t length)
{
	return chap_read_failure(message, length).error == AUTH_ERROR_EXPIRED;
}

bool mschap_claim_renew(struct link *link, const uint8_t *message, size_t length)
{
	struct chap_failure failure = chap_read_failure(message, length);
	if (failure.error != AUTH_ERROR_EXPIRED || failure.version != CHANGE_VERSION ||
		!failure.has_challenge || !link->config->new_password || link->renewed)
		return false;
	memcpy(link->ours.challenge, failure.challenge, sizeof failure.challenge);
	random_bytes(link->random, link->ours.remembered, MSCHAPV2_CHALLENGE_SIZE);
	link->renewed = true;
	return true;
}

void mschap_claim_change(const struct link *link, struct writer *w)
{
	const struct link_config *config = link->config;
	uint8_t old[NT_HASH_SIZE] = {0}, fresh[NT_HASH_SIZE] = {0}, sealed[NT_HASH_SIZE];
	uint8_t block[PASSWORD_BLOCK_SIZE] = {0}, response[NT_RESPONSE_SIZE];
	old_hash(config, old);
	mschap_claim_hash(link, fresh);
	password_block_seal(
		block, config->new_password, config->new_password_length, old, link->random);
	nt_hash_seal(sealed, old, fresh);
	nt_response(link, fresh, response);
	write_bytes(w, block, sizeof block);
	write_bytes(w, sealed, sizeof sealed);
	write_bytes(w, link->ours.remembered, MSCHAPV2_CHALLENGE_SIZE);
	write_zeros(w, RESERVED_SIZE);
	write_bytes(w, response, sizeof response);
	write_u16(w, 0); /* Flags */
	secret_wipe(old, sizeof old);
	secret_wipe(fresh, sizeof fresh);
}
