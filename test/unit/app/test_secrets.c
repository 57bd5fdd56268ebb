/* pppd's grammar of words and lines, its way to choose a line, and what it would have cut. */
#include "expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth.h"
#include "secrets.h"
#include "words.h"

static struct secrets table;
static struct heard heard;

static void load(const char *text, size_t length)
{
	secrets_free(&table);
	char *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, text, length);
	secrets_parse(&table, "s", exact, length, false, hear(&heard));
	free(exact);
}

static const struct secret *find(const char *client, const char *server)
{
	return secrets_find(&table, client, strlen(client), server);
}

static void expect_word(const char *client, const char *server, const char *word)
{
	const struct secret *secret = find(client, server);
	if (!word) {
		assert_null(secret);
		return;
	}
	assert_non_null(secret);
	assert_int_equal(secret->length, strlen(word));
	assert_memory_equal(secret->word, word, secret->length);
}

static void lines(const char *text)
{
	load(text, strlen(text));
	assert_string_equal(heard.text, "");
}

static void faults(const char *text, const char *expected)
{
	load(text, strlen(text));
	assert_string_equal(heard.text, expected);
}

static void test_words(void **state)
{
	lines("# comment\n\nalice * wonder *\n\tbob\tsrv \"two words\" # more\n");
	expect_word("alice", "x", "wonder");
	expect_word("bob", "srv", "two words");
	expect_word("bob", "other", NULL);
}

static void test_hash_ends_a_word(void **state)
{
	lines("a * pass#word\n");
	expect_word("a", "x", "pass");
}

static void test_escapes(void **state)
{
	lines("a * \\\"q\\\"\\ \\\\\\#\\s\\t\\n\\101\\x41\\x4\n");
	expect_word("a", "x", "\"q\" \\# \t\nAA\004");
	lines("a * one\\\ntwo\nb \\\n * x\n");
	expect_word("a", "x", "onetwo");
	expect_word("b", "x", "x");
	lines("a * 'it is \"it\"'\nb * \"it's\"\nc * mid\"dle qu\"ote\n");
	expect_word("a", "x", "it is \"it\"");
	expect_word("b", "x", "it's");
	expect_word("c", "x", "middle quote");
	lines("a * \"\"\n");
	expect_word("a", "x", "");
}

static void test_choice(void **state)
{
	/* A server's name counts more than a client's, and the first of equals wins. */
	lines("* * both\n* srv client\nalice * server\nalice srv none\nalice srv second\n");
	expect_word("alice", "srv", "none");
	expect_word("alice", "x", "server");
	expect_word("bob", "srv", "client");
	expect_word("bob", "x", "both");
	lines("alice * server\n* srv client\n");
	expect_word("alice", "srv", "client");
	lines("alice * first\nalice * second\n");
	expect_word("alice", "x", "first");
	lines("Alice * x\n");
	expect_word("alice", "x", NULL);
	assert_null(secrets_find(&table, "Alice\0", 6, "x"));
}

/* route:NETWORK/N stands among the addresses and is none of them. */
static void test_routes(void **state)
{
	lines("a * p route:10.7.0.0/16\nb * p 10.0.0.5 route:10.7.0.0/16 route:fd00:7::/48\nc * "
	      "p\n");
	const struct secret *a = find("a", ""), *b = find("b", "");
	assert_int_equal(a->route_count, 1);
	assert_int_equal(a->routes[0].length, 16);
	assert_int_equal(address_to_ipv4(&a->routes[0].address), 0x0a070000);
	assert_true(secret_from_pool(a));
	assert_int_equal(b->route_count, 2);
	assert_int_equal(b->routes[1].address.family, 6);
	assert_int_equal(secret_fixed(b), 0x0a000005);
	assert_int_equal(find("c", "")->route_count, 0);
	faults("a * p route:10.7.0.1/16\n",
		"s:1:7: 'route:10.7.0.1/16': a network as route:10.0.0.0/8 is expected\n");
	faults("a * p route:0.0.0.0/0\n",
		"s:1:7: 'route:0.0.0.0/0': a network as route:10.0.0.0/8 is expected\n");
	faults("a * p route:\n", "s:1:7: 'route:': a network as route:10.0.0.0/8 is expected\n");
}

static void test_addresses(void **state)
{
	lines("a * p\nb * p 10.0.0.5\nc * p -\nd * p *\ne * p !10.0.0.1 10.0.0.0/24\n"
	      "f * p 10.1.0.0/16 10.2.0.9\ng * p - 10.0.0.1\n");
	const struct secret *a = find("a", ""), *b = find("b", ""), *c = find("c", "");
	const struct secret *d = find("d", ""), *e = find("e", ""), *f = find("f", "");
	assert_true(secret_from_pool(a) && secret_allows(a, 0x01020304));
	assert_int_equal(secret_fixed(b), 0x0a000005);
	assert_true(secret_allows(b, 0x0a000005) && !secret_allows(b, 0x0a000006));
	assert_false(secret_from_pool(c) || secret_allows(c, 0x0a000005));
	assert_true(secret_allows(d, 0x0a000005) && !secret_from_pool(d) && !secret_fixed(d));
	assert_true(secret_allows(e, 0x0a000002) && !secret_allows(e, 0x0a000001));
	assert_false(secret_allows(e, 0x0a000102));
	assert_int_equal(secret_fixed(e), 0);
	assert_int_equal(secret_fixed(f), 0x0a020009);
	assert_true(secret_allows(f, 0x0a01ffff));
	assert_false(secret_allows(find("g", ""), 0x0a000001));
	faults("a * p 10.0.0.256\n",
		"s:1:7: '10.0.0.256' is no address: ADDR, ADDR/N, !ADDR, - or * is expected\n");
	faults("a * p 10.0.0.0/33\n",
		"s:1:7: '10.0.0.0/33' is no address: ADDR, ADDR/N, !ADDR, - or * is expected\n");
	faults("a * p 10.0.0.0/4294967320\n", "s:1:7: '10.0.0.0/4294967320' is no address: ADDR, "
					      "ADDR/N, !ADDR, - or * is expected\n");
	faults("a * p 10.0.0.0/24+\n", "s:1:7: '10.0.0.0/24+': an address by unit number is not "
				       "supported: name the address\n");
}

static void test_nt_hash(void **state)
{
	faults("a * nt:8846f7eaee8fb117ad06bdd830b7586c\nb * nt:short\n",
		"s:2:5: warning: a secret begins with nt: but is not an NT hash (32 hexadecimal "
		"digits): it is taken as the password itself\n");
	assert_int_equal(heard.faults.count, 0);
	const struct secret *a = find("a", "");
	static const uint8_t hash[16] = {0x88, 0x46, 0xf7, 0xea, 0xee, 0x8f, 0xb1, 0x17, 0xad, 0x06,
		0xbd, 0xd8, 0x30, 0xb7, 0x58, 0x6c};
	assert_true(a->nt_hash);
	assert_int_equal(a->length, 16);
	assert_memory_equal(a->word, hash, 16);
	assert_false(find("b", "")->nt_hash);
	expect_word("b", "", "nt:short");
}

static void test_faults(void **state)
{
	faults("a *\nb * p\n", "s:1:1: a line has a client, a server and a secret; this one has 2 "
			       "words\n");
	expect_word("b", "", "p"); /* one slip does not lock the others out */
	faults("a * \"open\n", "s:1:5: this quote is never closed\n");
	faults("a * \"open\nb * p\n", "s:1:5: this quote is never closed\n");
	expect_word("b", "", "p");
	lines("a * \"open\nclosed\"\n"); /* pppd's quotes span lines */
	expect_word("a", "", "open\nclosed");
	faults("a * \\777\n", "s:1:6: this octal number is larger than a byte\n");
	faults("a * \\xg\n", "s:1:7: \\x needs one or two hexadecimal digits\n");
	faults("a * p\\", "s:1:6: a backslash at the end of the file\n");
	load("a * p\0q\n", 8);
	assert_string_equal(heard.text, "s:1:5: a word holds a NUL byte\n");
	load("a * \\000\n", 9);
	assert_string_equal(heard.text, "s:1:5: a word holds a NUL byte\n");
}

static void repeat(char *text, size_t name, size_t secret)
{
	memset(text, 'n', name);
	strcpy(text + name, " * ");
	memset(text + name + 3, 's', secret);
	strcpy(text + name + 3 + secret, "\n");
}

/* pppd cut what was too long, or wrote past its buffer (CVE-2014-3158). */
static void test_too_long(void **state)
{
	char text[4096];
	repeat(text, 255, 255);
	lines(text);
	assert_int_equal(table.count, 1);
	repeat(text, 256, 8);
	faults(text, "s:1:1: a name is longer than 255 bytes\n");
	repeat(text, 8, 256);
	faults(text, "s:1:12: a secret is longer than 255 bytes\n");
	repeat(text, 8, 2000);
	faults(text, "s:1:12: a word is longer than 1023 bytes\n");
	assert_int_equal(table.count, 0);
}

static void put(const char *path, const char *text, unsigned mode)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/gl-secrets-XXXXXX", path[64], other[64], text[128];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(other, sizeof other, "%s/o", folder);
	put(other, "# the secret\n inside more\n", 0600);
	snprintf(text, sizeof text, "a * @%s\nb * p\n", other);
	put(path, text, 0600);
	secrets_free(&table);
	assert_int_equal(secrets_read(&table, path, hear(&heard)), 0);
	assert_string_equal(heard.text, "");
	expect_word("a", "", "inside");
	assert_false(secrets_changed(&table, SECONDS(1)));
	/* A change of the other file is a change; a file with a fault changes nothing. */
	put(other, "new-one\n", 0600);
	assert_false(secrets_changed(&table, SECONDS(1) + 1)); /* not twice in a second */
	assert_true(secrets_changed(&table, SECONDS(3)));
	assert_int_equal(secrets_reload(&table, hear(&heard)), 0);
	expect_word("a", "", "new-one");
	put(path, "a *\n", 0600);
	assert_true(secrets_changed(&table, SECONDS(5)));
	assert_true(secrets_reload(&table, hear(&heard)) < 0);
	expect_word("a", "", "new-one");
	put(path, "c * p\n", 0644);
	assert_int_equal(secrets_reload(&table, hear(&heard)), 0);
	assert_int_equal(heard.faults.warnings, 1);
	expect_word("a", "", NULL);
	unlink(other);
	unlink(path);
	rmdir(folder);
}

static void test_expired(void **state)
{
	lines("a * p * -- expired\nb * q -- expired\nc * r *\nd * s 10.0.0.1 10.0.0.2 --\n");
	assert_true(find("a", "")->expired && find("b", "")->expired);
	assert_true(secret_from_pool(find("b", "")));
	assert_false(find("c", "")->expired || find("d", "")->expired);
	assert_int_equal(find("d", "")->address_count, 2);
	faults("a * p * -- mtu 1400\nb * q\n",
		"s:1:12: 'mtu' is no option of a user: there is 'expired'\n");
	expect_word("a", "", NULL);
	faults("a * p * -- expired mtu\n",
		"s:1:20: 'mtu' is no option of a user: there is 'expired'\n");
	expect_word("a", "", NULL);
}

/* What a file becomes; NULL: it is left as it is. */
static void check_renewed(const char *before, const char *client, const char *server,
	const char *word, const char *after)
{
	char folder[] = "/tmp/gl-secrets-XXXXXX", path[64], text[1024], error[256] = "";
	struct stat seen;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	put(path, before, 0640);
	int failed = secrets_renew(path, client, server, word, error);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, after ? after : before);
	assert_int_equal(failed, after ? 0 : -ESTALE);
	assert_int_equal(strlen(error) == 0, after != NULL);
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 07777, 0640);
	if (after) { /* and it is what is read again */
		secrets_free(&table);
		secrets_read(&table, path, hear(&heard));
		const struct secret *secret = find(client, server ? server : "any");
		assert_non_null(secret);
		assert_false(secret->expired);
		if (!secret->nt_hash)
			expect_word(client, server ? server : "any", word);
	}
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* nothing else is left in it */
}

static void test_renew(void **state)
{
	check_renewed("# users\na * old * -- expired # since May\nb * old *\n", "a", NULL, "new",
		"# users\na * \"new\" * # since May\nb * old *\n");
	check_renewed(
		"a * 'old one' 10.0.0.7 -- expired", "a", NULL, "new", "a * \"new\" 10.0.0.7");
	check_renewed("a * old -- expired\n", "a", NULL, "x \"y\" \\z # '\n\t\x7f!",
		"a * \"x \\\"y\\\" \\\\z # '\\012\\011\\177!\"\n");
	check_renewed("a * old -- expired\n", "a", NULL, "\xc3\xa9t\xc3\xa9",
		"a * \"\xc3\xa9t\xc3\xa9\"\n");
	/* One user on two servers; a user before whom another has the same secret. */
	check_renewed("a s1 old * -- expired\na s2 old * -- expired\n", "a", "s2", "new",
		"a s1 old * -- expired\na s2 \"new\" *\n");
	check_renewed("b * old *\na * old * -- expired\n", "a", NULL, "new",
		"b * old *\na * \"new\" *\n");
	/* "clientPass", RFC 2759 §9.2 */
	check_renewed("a * nt:8846f7eaee8fb117ad06bdd830b7586c * -- expired\n", "a", NULL,
		"clientPass", "a * nt:44ebba8d5312b8d611474411f56989ae *\n");
	check_renewed("a * old *\n", "a", NULL, "new", NULL);
	check_renewed("a * old *\nb * old * -- expired\n", "a", NULL, "new", NULL);
	check_renewed("a * old *\na * old * -- expired\n", "a", NULL, "new", NULL);
	check_renewed("a * old * -- expired\n", "c", NULL, "new", NULL);
	check_renewed("a s old * -- expired\n", "a", NULL, "new", NULL);
	check_renewed("", "a", NULL, "new", NULL);
	check_renewed("a * -- expired\n", "a", NULL, "new", NULL);
}

/* A link stays a link, and what cannot be written is left alone. */
static void test_renew_files(void **state)
{
	char folder[] = "/tmp/gl-secrets-XXXXXX", path[64], link[64], error[256] = "";
	struct stat seen;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/s", folder);
	snprintf(link, sizeof link, "%s/l", folder);
	put(path, "a * old * -- expired\n", 0600);
	assert_int_equal(symlink("s", link), 0);
	assert_int_equal(secrets_renew(link, "a", NULL, "new", error), 0);
	assert_int_equal(lstat(link, &seen), 0);
	assert_true(S_ISLNK(seen.st_mode));
	secrets_free(&table);
	assert_int_equal(secrets_read(&table, path, hear(&heard)), 0);
	expect_word("a", "", "new");
	unlink(link);
	unlink(path);
	rmdir(folder);
	assert_int_equal(secrets_renew(path, "a", NULL, "new", error), -ENOENT);
	assert_non_null(strstr(error, "No such file"));
}

static void test_adopt(void **state)
{
	struct auth_password fresh = {.length = 3, .word = "new"};
	nt_password_hash(fresh.nt_hash, "new", 3);
	lines("a * old * -- expired\nb * nt:8846f7eaee8fb117ad06bdd830b7586c * -- expired\n"
	      "c * old *\n");
	secrets_adopt(&table, "a", 1, NULL, &fresh);
	secrets_adopt(&table, "b", 1, NULL, &fresh);
	secrets_adopt(&table, "c", 1, NULL, &fresh);
	secrets_adopt(&table, "d", 1, NULL, &fresh);
	expect_word("a", "", "new");
	expect_word("c", "", "old");
	assert_true(find("b", "")->nt_hash && find("b", "")->length == 16);
	assert_memory_equal(find("b", "")->word, fresh.nt_hash, 16);
	assert_false(find("a", "")->expired || find("b", "")->expired);
}

static int done(void **state)
{
	secrets_free(&table);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_hash_ends_a_word),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_nt_hash),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_renew_files),
		cmocka_unit_test(test_adopt),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
