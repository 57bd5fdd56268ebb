/* Judging claims: the vectors of RFC 2759 §9.2, RFC 2433 B and RFC 1994, and each way to be wrong.
 */
#include "hex.h"

#include <string.h>

#include "auth.h"
#include "digest.h"

static struct auth_question rfc2759(void)
{
	struct auth_question q = {.method = AUTH_MSCHAPV2,
		.name_length = 4,
		.name = "User",
		.challenge_length = 16,
		.response_length = 49};
	hex_bytes(q.challenge, 16, "5B5D7C7D7B3F2F3E3C2C602132262628");
	hex_bytes(q.response, 16, "21402324255E262A28295F2B3A337C7E");
	hex_bytes(q.response + 24, 24, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");
	return q;
}

static void mschapv2(void **state)
{
	struct auth_question q = rfc2759();
	struct auth_answer a;
	auth_check(&q, "clientPass", 10, false, &a);
	assert_true(a.accepted);
	assert_int_equal(a.error, AUTH_ERROR_NONE);
	assert_hex(a.proof, 20, "407A5589115FD0D6209F510FE9C04566932CDA56");
	assert_true(a.keys.valid);
	/* RFC 3079 §3.5.3: the server's send key is this one. */
	assert_hex(a.keys.send, 16, "8B7CDC149B993A1BA118CB153F56DCCB");
}

static void mschapv2_name_with_a_domain(void **state)
{
	struct auth_question q = rfc2759();
	struct auth_answer a;
	memcpy(q.name, "BIGCO\\User", 10);
	q.name_length = 10;
	auth_check(&q, "clientPass", 10, false, &a);
	assert_true(a.accepted);
	q.name_length = 9; /* "Use" is another user */
	auth_check(&q, "clientPass", 10, false, &a);
	assert_false(a.accepted);
}

static void nt_hash_secret(void **state)
{
	struct auth_question q = rfc2759();
	struct auth_answer a;
	uint8_t hash[16];
	nt_password_hash(hash, "clientPass", 10);
	auth_check(&q, hash, 16, true, &a);
	assert_true(a.accepted);
	auth_check(&q, hash, 15, true, &a);
	assert_false(a.accepted);
	/* Of a password in clear text the hash is made; the hash itself is no password. */
	q.method = AUTH_PAP;
	memcpy(q.response, hash, 16);
	q.response_length = 16;
	auth_check(&q, hash, 16, true, &a);
	assert_false(a.accepted);
	memcpy(q.response, "clientPass", 10);
	q.response_length = 10;
	auth_check(&q, hash, 16, true, &a);
	assert_true(a.accepted && !a.keys.valid);
	auth_check(&q, hash, 15, true, &a);
	assert_false(a.accepted);
	/* MD5 needs the password itself. */
	q.method = AUTH_CHAP_MD5;
	const struct piece pieces[] = {{&q.chap_id, 1}, {hash, 16}, {q.challenge, 16}};
	md5(q.response, pieces, 3);
	auth_check(&q, hash, 16, true, &a);
	assert_false(a.accepted);
}

static void refused(const struct auth_question *q, const char *password)
{
	static const struct mppe_start_keys none;
	struct auth_answer a;
	auth_check(q, password, strlen(password), false, &a);
	assert_false(a.accepted);
	assert_int_equal(a.error, AUTH_ERROR_WRONG);
	assert_memory_equal(&a.keys, &none, sizeof none);
}

static void every_changed_bit_is_refused(void **state)
{
	for (unsigned i = 24 * 8; i < 48 * 8; i++) {
		struct auth_question q = rfc2759();
		q.response[i / 8] ^= (uint8_t)(1u << i % 8);
		refused(&q, "clientPass");
	}
	struct auth_question q = rfc2759();
	refused(&q, "clientpass");
	refused(&q, "");
	for (unsigned length = 0; length < 256; length++) {
		q.response_length = (uint8_t)length;
		if (length != 49)
			refused(&q, "clientPass");
	}
	q = rfc2759();
	q.challenge_length = 8;
	refused(&q, "clientPass");
	q.method = AUTH_NONE;
	refused(&q, "clientPass");
}

/* RFC 2433 appendix B.2: "MyPw" and its NT response. */
static void mschap(void **state)
{
	struct auth_question q = {
		.method = AUTH_MSCHAP, .challenge_length = 8, .response_length = 49};
	struct auth_answer a;
	hex_bytes(q.challenge, 8, "102DB5DF085D3041");
	hex_bytes(q.response + 24, 24, "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61");
	q.response[48] = 1;
	auth_check(&q, "MyPw", 4, false, &a);
	assert_true(a.accepted && a.keys.valid);
	assert_memory_equal(a.keys.send, a.keys.receive, 16);
	uint8_t hash[16];
	nt_password_hash(hash, "MyPw", 4);
	struct auth_answer by_hash;
	auth_check(&q, hash, 16, true, &by_hash);
	assert_true(by_hash.accepted);
	assert_memory_equal(by_hash.keys.send, a.keys.send, 16);
	q.response[48] = 0; /* the LAN Manager response alone */
	refused(&q, "MyPw");
	q.response[48] = 1;
	q.response[24] ^= 1;
	refused(&q, "MyPw");
	q.response[24] ^= 1;
	q.challenge_length = 16;
	refused(&q, "MyPw");
}

static void md5_and_pap(void **state)
{
	struct auth_question q = {.method = AUTH_CHAP_MD5,
		.chap_id = 7,
		.challenge_length = 16,
		.challenge = "0123456789abcdef",
		.response_length = 16};
	struct auth_answer a;
	/* MD5 of 07, "secret" and the challenge. */
	const struct piece whole = {"\x07secret0123456789abcdef", 23};
	md5(q.response, &whole, 1);
	auth_check(&q, "secret", 6, false, &a);
	assert_true(a.accepted);
	assert_false(a.keys.valid);
	q.chap_id = 8;
	refused(&q, "secret");

	struct auth_question pap = {.method = AUTH_PAP, .response_length = 6, .response = "secret"};
	auth_check(&pap, "secret", 6, false, &a);
	assert_true(a.accepted);
	refused(&pap, "secre");
	refused(&pap, "secret7");
	refused(&pap, "");
	pap.response_length = 0;
	refused(&pap, "secret");
	auth_check(&pap, "", 0, false, &a);
	assert_true(a.accepted);
}

static void words(void **state)
{
	assert_string_equal(auth_method_word(AUTH_NONE), "none");
	assert_string_equal(auth_method_word(AUTH_PAP), "PAP");
	assert_string_equal(auth_method_word(AUTH_CHAP_MD5), "CHAP-MD5");
	assert_string_equal(auth_method_word(AUTH_MSCHAP), "MS-CHAP");
	assert_string_equal(auth_method_word(AUTH_MSCHAPV2), "MS-CHAPv2");
	assert_string_equal(auth_method_word(AUTH_EAP_MD5), "EAP-MD5");
	assert_string_equal(auth_method_word(AUTH_EAP_MSCHAPV2), "EAP-MS-CHAPv2");
	assert_string_equal(auth_method_word(AUTH_EAP_TLS), "EAP-TLS");
	static const uint8_t best_first[] = {AUTH_EAP_TLS, AUTH_MSCHAPV2, AUTH_EAP_MSCHAPV2,
		AUTH_MSCHAP, AUTH_EAP_MD5, AUTH_CHAP_MD5, AUTH_PAP};
	static const struct auth_order usual;
	uint8_t left = 0xff;
	for (size_t i = 0; i < sizeof best_first; i++) {
		assert_int_equal(auth_method_best(&usual, left), best_first[i]);
		left &= (uint8_t)~best_first[i];
	}
	assert_int_equal(auth_method_best(&usual, left), AUTH_NONE);
	static const struct auth_order other = {{AUTH_PAP, AUTH_EAP_MD5}};
	assert_int_equal(auth_method_best(&other, 0xff), AUTH_PAP);
	assert_int_equal(auth_method_best(&other, 0xff & ~AUTH_PAP), AUTH_EAP_MD5);
	assert_int_equal(auth_method_best(&other, AUTH_CHAP_MD5 | AUTH_MSCHAP), AUTH_MSCHAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mschapv2),
		cmocka_unit_test(mschapv2_name_with_a_domain),
		cmocka_unit_test(nt_hash_secret),
		cmocka_unit_test(every_changed_bit_is_refused),
		cmocka_unit_test(mschap),
		cmocka_unit_test(md5_and_pap),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
