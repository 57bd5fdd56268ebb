/* Golden bytes of RFC 2433 appendix B and RFC 2759 §9, and the conversion of passwords. */
#include "hex.h"

#include <string.h>

#include "digest.h"
#include "mschap.h"

/* RFC 2759 §9.2. */
static const char authenticator_challenge_hex[] = "5B5D7C7D7B3F2F3E3C2C602132262628";
static const char peer_challenge_hex[] = "21402324255E262A28295F2B3A337C7E";
static const char nt_response_hex[] = "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF";

struct example {
	uint8_t authenticator_challenge[16], peer_challenge[16], nt_hash[16], nt_response[24];
};

static struct example rfc2759(void)
{
	struct example e;
	hex_bytes(e.authenticator_challenge, 16, authenticator_challenge_hex);
	hex_bytes(e.peer_challenge, 16, peer_challenge_hex);
	hex_bytes(e.nt_response, 24, nt_response_hex);
	assert_true(nt_password_hash(e.nt_hash, "clientPass", 10));
	return e;
}

static void rfc2759_hashes(void **state)
{
	struct example e = rfc2759();
	uint8_t hash_hash[16];
	assert_hex(e.nt_hash, 16, "44EBBA8D5312B8D611474411F56989AE");
	md4(hash_hash, &(struct piece){e.nt_hash, 16}, 1);
	assert_hex(hash_hash, 16, "41C00C584BD2D91C4017A2A12FA59F3F");
}

static void rfc2759_response(void **state)
{
	struct example e = rfc2759();
	uint8_t response[24], challenge[8];
	mschapv2_nt_response(
		response, e.authenticator_challenge, e.peer_challenge, "User", 4, e.nt_hash);
	assert_hex(response, 24, nt_response_hex);
	/* The challenge hash of the example gives the same by way of ChallengeResponse. */
	hex_bytes(challenge, 8, "D02E4386BCE91226");
	challenge_response(response, challenge, e.nt_hash);
	assert_hex(response, 24, nt_response_hex);
}

static void rfc2759_authenticator(void **state)
{
	struct example e = rfc2759();
	uint8_t proof[AUTHENTICATOR_SIZE];
	mschapv2_authenticator(proof, e.authenticator_challenge, e.peer_challenge, "User", 4,
		e.nt_hash, e.nt_response);
	assert_hex(proof, 20, "407A5589115FD0D6209F510FE9C04566932CDA56");
}

/* RFC 2759 §9.3: three DES keys of one hash, "MyPw" as in RFC 2433 B.2. */
static void rfc2433_response(void **state)
{
	uint8_t hash[16], challenge[8], response[24];
	assert_true(nt_password_hash(hash, "MyPw", 4));
	assert_hex(hash, 16, "FC156AF7EDCD6C0EDDE3337D427F4EAC");
	hex_bytes(challenge, 8, "102DB5DF085D3041");
	challenge_response(response, challenge, hash);
	assert_hex(response, 24, "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61");
}

static void lm_hashes(void **state)
{
	uint8_t hash[16], again[16], challenge[8], response[24];
	lm_password_hash(hash, "clientPass", 10); /* RFC 3079 §2.5 */
	assert_hex(hash, 16, "76A152936096D7830E2390227404AFD2");
	lm_password_hash(hash, "CLIENTPASS", 10);
	assert_hex(hash, 16, "76A152936096D7830E2390227404AFD2");
	lm_password_hash(hash, "", 0);
	assert_hex(hash, 16, "AAD3B435B51404EEAAD3B435B51404EE");
	/* Only fourteen characters count, and only letters have a case. */
	lm_password_hash(hash, "abcdefghijklmn", 14);
	lm_password_hash(again, "ABCDEFGHIJKLMNop", 16);
	assert_memory_equal(hash, again, 16);
	lm_password_hash(hash, "@[`{", 4);
	lm_password_hash(again, "@[@[", 4);
	assert_memory_not_equal(hash, again, 16);

	lm_password_hash(hash, "MyPw", 4);
	hex_bytes(challenge, 8, "bd332a369b6d33e7");
	challenge_response(response, challenge, hash);
	assert_hex(response, 24, "96B74D9422A1A2BD371BB5ECC55B0D9597A1EEF31A29EE77");
}

static void hash_of_utf16(uint8_t hash[16], const char *utf16_hex)
{
	uint8_t utf16[512];
	size_t length = hex_bytes(utf16, sizeof(utf16), utf16_hex);
	md4(hash, &(struct piece){utf16, length}, 1);
}

/* A password and the UTF-16LE it must become. */
static void check_utf16(const char *password, const char *utf16_hex)
{
	uint8_t hash[16], expected[16];
	assert_true(nt_password_hash(hash, password, strlen(password)));
	hash_of_utf16(expected, utf16_hex);
	assert_memory_equal(hash, expected, 16);
}

static void passwords_in_utf8(void **state)
{
	check_utf16("", "");
	check_utf16("a", "6100");
	check_utf16("\x7f", "7f00");
	check_utf16("\xc2\x80", "8000");              /* the first of two bytes */
	check_utf16("\xdf\xbf", "ff07");              /* the last */
	check_utf16("\xe0\xa0\x80", "0008");          /* the first of three */
	check_utf16("\xed\x9f\xbf", "ffd7");          /* below the surrogates */
	check_utf16("\xee\x80\x80", "00e0");          /* above them */
	check_utf16("\xef\xbf\xbf", "ffff");          /* the last of three */
	check_utf16("\xf0\x90\x80\x80", "00d8 00dc"); /* the first of four: a pair */
	check_utf16("\xf0\x9f\x94\x91", "3dd8 11dd"); /* U+1F511, a key */
	check_utf16("\xf4\x8f\xbf\xbf", "ffdb ffdf"); /* U+10FFFF, the last of all */
	check_utf16("p\xc3\xa4ss", "7000 e400 7300 7300");
}

static void passwords_not_utf8(void **state)
{
	check_utf16("p\xe4ss", "7000 e400 7300 7300"); /* Latin-1 */
	check_utf16("\x80", "8000");                   /* a tail without a head */
	check_utf16("\xc2", "c200");                   /* a head without a tail */
	check_utf16("\xe2\x82", "e200 8200");          /* cut short */
	check_utf16("\xf0\x9f\x94", "f000 9f00 9400"); /* cut short */
	check_utf16("\xc2"
		    "a",
		"c200 6100");
	check_utf16("\xc0\x80", "c000 8000"); /* overlong forms */
	check_utf16("\xc1\xbf", "c100 bf00");
	check_utf16("\xe0\x9f\xbf", "e000 9f00 bf00");
	check_utf16("\xf0\x8f\xbf\xbf", "f000 8f00 bf00 bf00");
	check_utf16("\xed\xa0\x80", "ed00 a000 8000"); /* a surrogate */
	check_utf16("\xed\xbf\xbf", "ed00 bf00 bf00");
	check_utf16("\xf4\x90\x80\x80", "f400 9000 8000 8000"); /* beyond U+10FFFF */
	check_utf16("\xf8\x88\x80\x80\x80", "f800 8800 8000 8000 8000");
	check_utf16("\xff", "ff00");
}

static void password_length(void **state)
{
	uint8_t hash[16], again[16];
	char password[4 * 257];
	memset(password, 'x', sizeof(password));
	assert_true(nt_password_hash(hash, password, 256));
	memset(again, 0, sizeof(again));
	assert_false(nt_password_hash(again, password, 257));
	/* 128 pairs are 256 units; one more does not fit. */
	for (size_t n = 0; n < 129; n++)
		memcpy(password + 4 * n, "\xf0\x9f\x94\x91", 4);
	assert_true(nt_password_hash(again, password, 4 * 128));
	assert_false(nt_password_hash(again, password, 4 * 129));
	/* A zero byte is a character like any other. */
	assert_true(nt_password_hash(hash, "a\0b", 3));
	hash_of_utf16(again, "6100 0000 6200");
	assert_memory_equal(hash, again, 16);
}

static void domains(void **state)
{
	static const struct {
		const char *name, *user;
	} cases[] = {{"User", "User"}, {"DOMAIN\\User", "User"}, {"a\\b\\c", "c"},
		{"\\User", "User"}, {"DOMAIN\\", ""}, {"", ""}, {"user@realm", "user@realm"},
		{"d/u", "d/u"}};
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		size_t length = strlen(cases[n].name);
		const uint8_t *user = name_without_domain((const uint8_t *)cases[n].name, &length);
		assert_int_equal(length, strlen(cases[n].user));
		assert_memory_equal(user, cases[n].user, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc2759_hashes),
		cmocka_unit_test(rfc2759_response),
		cmocka_unit_test(rfc2759_authenticator),
		cmocka_unit_test(rfc2433_response),
		cmocka_unit_test(lm_hashes),
		cmocka_unit_test(passwords_in_utf8),
		cmocka_unit_test(passwords_not_utf8),
		cmocka_unit_test(password_length),
		cmocka_unit_test(domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
