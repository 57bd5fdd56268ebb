/* Questions and answers of authentication, and checking an answer against a secret.
 *
 * The link never looks a user up. It asks (LINK_CREDENTIALS) with a token; whoever holds the
 * secrets answers with a verdict, so that chap-secrets, RADIUS and tests are the same to it. */
#ifndef GREYLINE_AUTH_H
#define GREYLINE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"
#include "mppe_key.h"
#include "mschap.h"
#include "mschap_change.h"

/* Bits, so that a set of them is a mask. */
enum auth_method {
	AUTH_NONE = 0,
	AUTH_PAP = 1,
	AUTH_CHAP_MD5 = 2,
	AUTH_MSCHAP = 4,
	AUTH_MSCHAPV2 = 8,
	AUTH_EAP_MD5 = 16,
	AUTH_EAP_MSCHAPV2 = 32,
	AUTH_EAP_TLS = 64,
};

/* Sets: what LCP knows as one method, and what leaves keys for MPPE. */
enum {
	AUTH_EAP = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2 | AUTH_EAP_TLS,
	AUTH_MICROSOFT = AUTH_MSCHAP | AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2, /* an NT hash will do */
	AUTH_KEYED = AUTH_MSCHAP | AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2 | AUTH_EAP_TLS,
};

/* Which of several methods is tried first, one bit each, ended by AUTH_NONE. What is not named
 * comes behind, in the order of one that names none: EAP-TLS, MS-CHAPv2, the same in EAP (one round
 * trip more), MS-CHAP, EAP-MD5, CHAP-MD5, PAP. */
enum { AUTH_METHODS = 7 };
struct auth_order {
	uint8_t first[AUTH_METHODS];
};

enum auth_method auth_method_best(const struct auth_order *order, uint8_t mask);

/* "PAP", "CHAP-MD5", "MS-CHAP", "MS-CHAPv2", "EAP-MD5", "EAP-MS-CHAPv2", "EAP-TLS" */
const char *auth_method_word(enum auth_method method);

/* Change-Password without its header (RFC 2759 §7). */
struct auth_change {
	uint8_t encrypted_password[PASSWORD_BLOCK_SIZE];
	uint8_t encrypted_hash[NT_HASH_SIZE];
	uint8_t peer_challenge[16];
	uint8_t nt_response[NT_RESPONSE_SIZE];
};

/* The peer's claim, to be judged by the app: by auth_check, or, where it brings a new password, by
 * auth_check_change. */
struct auth_question {
	enum auth_method method;
	bool changes; /* the password; only after AUTH_ERROR_EXPIRED with `may_change` */
	uint8_t name_length;
	uint8_t name[PPP_NAME_MAX];
	uint8_t chap_id; /* of the packet with the challenge: hashed by MD5 */
	uint8_t challenge_length, response_length;
	uint8_t challenge[16];
	union {
		uint8_t response[PPP_SECRET_MAX]; /* PAP: the password; CHAP: the Value field */
		struct auth_change change;
	};
};

/* RFC 2759 §6 failure codes. */
enum auth_error {
	AUTH_ERROR_NONE = 0,
	AUTH_ERROR_RESTRICTED_HOURS = 646,
	AUTH_ERROR_DISABLED = 647,
	AUTH_ERROR_EXPIRED = 648,
	AUTH_ERROR_NO_DIALIN = 649,
	AUTH_ERROR_WRONG = 691,
	AUTH_ERROR_CHANGING = 709,
};

struct auth_answer {
	bool accepted;
	enum auth_error error;             /* when not accepted */
	bool may_change;                   /* expired, but right: a new one would be taken */
	uint8_t proof[AUTHENTICATOR_SIZE]; /* MS-CHAPv2, in EAP too, when accepted */
	struct mppe_start_keys keys;       /* of a method in AUTH_KEYED, when accepted */
};

/* Judges a question against a password. Pure; the app calls it with what its user table holds.
 * A password that is `nt_hash_only` is a 16-byte NT hash (MS-CHAP methods only). */
void auth_check(const struct auth_question *question, const void *password, size_t length,
	bool nt_hash_only, struct auth_answer *answer);

/* A password that a peer has chosen: UTF-8, and its hash. Wiped by whoever holds it. */
struct auth_password {
	size_t length;
	char word[PASSWORD_UTF8_MAX];
	uint8_t nt_hash[NT_HASH_SIZE];
};

/* Judges a question that `changes` the password given here, which is not yet any other: who accepts
 * stores `fresh` first, and answers then. */
void auth_check_change(const struct auth_question *question, const void *password, size_t length,
	bool nt_hash_only, struct auth_password *fresh, struct auth_answer *answer);

#endif
