/* Judging a claim against a secret (see auth.h).
 *
 * PAP: RFC 1334. CHAP with MD5: RFC 1994 §4.1, in EAP RFC 3748 §5.4. MS-CHAP: RFC 2433 §6 (the NT
 * response only; a peer that offers just the LAN Manager one is refused). MS-CHAPv2: RFC 2759 §4,
 * §7, §8. The MPPE start keys are those of the authenticator: RFC 3079 §2 and §3.
 *
 * With an NT hash for a secret a PAP password is hashed and compared; CHAP with MD5 needs the
 * password itself. */
#include "auth.h"

#include <assert.h>
#include <string.h>

#include "digest.h"

enum {
	/* The Value field of both MS-CHAP responses (RFC 2433 §6, RFC 2759 §4). */
	MS_VALUE_SIZE = 49,
	NT_RESPONSE_AT = 24,
	FLAGS_AT = 48,
	FLAG_USE_NT = 1,
	MS_CHALLENGE = 8,
	MSV2_CHALLENGE = 16,
};

const char *auth_method_word(enum auth_method method)
{
	switch (method) {
	case AUTH_NONE:
		return "none";
	case AUTH_PAP:
		return "PAP";
	case AUTH_CHAP_MD5:
		return "CHAP-MD5";
	case AUTH_MSCHAP:
		return "MS-CHAP";
	case AUTH_MSCHAPV2:
		return "MS-CHAPv2";
	case AUTH_EAP_MD5:
		return "EAP-MD5";
	case AUTH_EAP_MSCHAPV2:
		return "EAP-MS-CHAPv2";
	case AUTH_EAP_TLS:
		return "EAP-TLS";
	}
	return "unknown";
}

static uint8_t first_of(const uint8_t *order, uint8_t mask)
{
	for (size_t i = 0; i < AUTH_METHODS && order[i]; i++)
		if (mask & order[i])
			return order[i];
	return AUTH_NONE;
}

enum auth_method auth_method_best(const struct auth_order *order, uint8_t mask)
{
	static const uint8_t usual[AUTH_METHODS] = {AUTH_EAP_TLS, AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2,
		AUTH_MSCHAP, AUTH_EAP_MD5, AUTH_CHAP_MD5, AUTH_PAP};
	uint8_t best = first_of(order->first, mask);
	return (enum auth_method)(best ? best : first_of(usual, mask));
}

static bool hash_of(
	uint8_t hash[NT_HASH_SIZE], const void *password, size_t length, bool nt_hash_only)
{
	if (!nt_hash_only)
		return nt_password_hash(hash, password, length);
	if (length != NT_HASH_SIZE)
		return false;
	memcpy(hash, password, NT_HASH_SIZE);
	return true;
}

static bool check_pap(
	const struct auth_question *q, const void *password, size_t length, bool nt_hash_only)
{
	uint8_t given[NT_HASH_SIZE];
	if (nt_hash_only)
		return length == NT_HASH_SIZE &&
		       nt_password_hash(given, (const char *)q->response, q->response_length) &&
		       secret_equal(given, password, NT_HASH_SIZE);
	return q->response_length == length && secret_equal(q->response, password, length);
}

static bool check_md5(const struct auth_question *q, const void *password, size_t length)
{
	const struct piece pieces[] = {
		{&q->chap_id, 1}, {password, length}, {q->challenge, q->challenge_length}};
	uint8_t expected[MD5_SIZE];
	md5(expected, pieces, 3);
	return q->response_length == sizeof expected &&
	       secret_equal(q->response, expected, sizeof expected);
}

static bool check_ms(const struct auth_question *q, const uint8_t hash[NT_HASH_SIZE],
	const void *password, size_t length, bool nt_hash_only, struct mppe_start_keys *keys)
{
	uint8_t expected[NT_RESPONSE_SIZE], lm_hash[16] = {0};
	if (q->challenge_length != MS_CHALLENGE || q->response_length != MS_VALUE_SIZE ||
		q->response[FLAGS_AT] != FLAG_USE_NT)
		return false;
	challenge_response(expected, q->challenge, hash);
	if (!secret_equal(q->response + NT_RESPONSE_AT, expected, sizeof expected))
		return false;
	/* Without the password there is no LAN Manager hash and so no 40- or 56-bit key: those come
	 * out wrong, the 128-bit ones right. */
	if (!nt_hash_only)
		lm_password_hash(lm_hash, password, length);
	mppe_keys_from_mschap(keys, hash, lm_hash, q->challenge);
	secret_wipe(lm_hash, sizeof lm_hash);
	return true;
}

/* What MS-CHAPv2 proves with: in a Response, or in a Change-Password. */
static bool check_msv2(const struct auth_question *q, const uint8_t hash[NT_HASH_SIZE],
	const uint8_t *peer_challenge, const uint8_t *response, struct auth_answer *answer)
{
	if (q->challenge_length != MSV2_CHALLENGE)
		return false;
	size_t user_length = q->name_length;
	const uint8_t *user = name_without_domain(q->name, &user_length);
	uint8_t expected[NT_RESPONSE_SIZE];
	mschapv2_nt_response(expected, q->challenge, peer_challenge, user, user_length, hash);
	if (!secret_equal(response, expected, sizeof expected))
		return false;
	mschapv2_authenticator(
		answer->proof, q->challenge, peer_challenge, user, user_length, hash, response);
	mppe_keys_from_mschapv2(&answer->keys, hash, response, true);
	return true;
}

void auth_check(const struct auth_question *question, const void *password, size_t length,
	bool nt_hash_only, struct auth_answer *answer)
{
	uint8_t hash[NT_HASH_SIZE] = {0};
	*answer = (struct auth_answer){.error = AUTH_ERROR_WRONG};
	switch (question->method) {
	case AUTH_NONE:
	case AUTH_EAP_TLS: /* certificates are not secrets */
		break;
	case AUTH_PAP:
		answer->accepted = check_pap(question, password, length, nt_hash_only);
		break;
	case AUTH_CHAP_MD5:
	case AUTH_EAP_MD5:
		answer->accepted = !nt_hash_only && check_md5(question, password, length);
		break;
	case AUTH_MSCHAP:
		answer->accepted =
			hash_of(hash, password, length, nt_hash_only) &&
			check_ms(question, hash, password, length, nt_hash_only, &answer->keys);
		break;
	case AUTH_MSCHAPV2:
	case AUTH_EAP_MSCHAPV2:
		answer->accepted = hash_of(hash, password, length, nt_hash_only) &&
				   question->response_length == MS_VALUE_SIZE &&
				   check_msv2(question, hash, question->response,
					   question->response + NT_RESPONSE_AT, answer);
		break;
	}
	if (answer->accepted)
		answer->error = AUTH_ERROR_NONE;
	secret_wipe(hash, sizeof hash);
}

void auth_check_change(const struct auth_question *question, const void *password, size_t length,
	bool nt_hash_only, struct auth_password *fresh, struct auth_answer *answer)
{
	const struct auth_change *change = &question->change;
	uint8_t hash[NT_HASH_SIZE], sealed[NT_HASH_SIZE];
	*answer = (struct auth_answer){.error = AUTH_ERROR_CHANGING};
	*fresh = (struct auth_password){.length = 0};
	if (!hash_of(hash, password, length, nt_hash_only))
		return;
	if (password_block_open(change->encrypted_password, hash, fresh->word, &fresh->length,
		    fresh->nt_hash)) {
		nt_hash_seal(sealed, hash, fresh->nt_hash);
		answer->accepted = secret_equal(sealed, change->encrypted_hash, sizeof sealed) &&
				   check_msv2(question, fresh->nt_hash, change->peer_challenge,
					   change->nt_response, answer);
	}
	if (answer->accepted)
		answer->error = AUTH_ERROR_NONE;
	secret_wipe(hash, sizeof hash);
}
