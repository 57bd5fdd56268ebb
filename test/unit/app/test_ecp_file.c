/* The file with ECP's key: what is a key, what is said of what is none, and what else the settings
 * may not say beside it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ecp_file.h"
#include "profile.h"
#include "settings.h"

static char folder[] = "/tmp/greyline-ecp-XXXXXX", path[sizeof folder + 8];
static char heard[4096];

static void hear(void *context, const char *line)
{
	strncat(heard, line, sizeof heard - strlen(heard) - 2);
	strcat(heard, "\n");
}

static bool reads(const char *text, struct ecp_key *key, mode_t mode)
{
	struct faults faults = {.report = hear};
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	heard[0] = 0;
	memset(key, 0xee, sizeof *key);
	bool good = ecp_file_read(path, key, &faults);
	assert_int_equal(good, faults.count == 0);
	assert_int_equal(key->length != 0, good);
	return good;
}

static void keys(void **state)
{
	struct ecp_key key;
	assert_true(reads("0123456789abcdef\n", &key, 0600));
	assert_int_equal(key.length, ECP_KEY_DES);
	assert_memory_equal(key.bytes, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	assert_string_equal(heard, "");
	assert_true(reads("# of the line to Oslo\n01:23:45:67 89:AB:CD:EF # first\n"
			  "fedcba9876543210\n  1032547698badcfe #",
		&key, 0644));
	assert_int_equal(key.length, ECP_KEY_DES3);
	assert_memory_equal(key.bytes + 16, "\x10\x32\x54\x76\x98\xba\xdc\xfe", 8);
	assert_non_null(strstr(heard, "others can read this key: chmod 600"));
}

static void no_keys(void **state)
{
	static const char *const bad[][2] = {
		{"", "48 hex digits are expected (3DESE), or 16 (DESE-bis)"},
		{"0123456789abcde", "48 hex digits"},
		{"0123456789abcdef0", "48 hex digits"},
		{"0123456789abcdef0123456789abcdef", "48 hex digits"},
		{"0123456789abcdeffedcba98765432101032547698badcfe0", "48 hex digits"},
		{"0123456789abcdeg", "no hex digit"},
		{"0000000000000000", "weak keys"},
		{"0123456789abcdef 0101010101010101 1032547698badcfe", "weak keys"},
	};
	struct ecp_key key;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(reads(bad[i][0], &key, 0600));
		assert_non_null(strstr(heard, bad[i][1]));
		assert_null(strstr(heard, "0123456789"));
	}
	struct faults faults = {.report = hear};
	heard[0] = 0;
	assert_false(ecp_file_read("/nowhere/key", &key, &faults));
	assert_non_null(strstr(heard, "ecp-key-file: /nowhere/key: No such file"));
}

static unsigned check(struct settings *settings, const char *more)
{
	char text[256];
	struct faults faults = {.report = hear};
	settings_init(settings);
	snprintf(text, sizeof text, "[ppp]\necp-key-file = %s\n%s", path, more);
	heard[0] = 0;
	settings_parse(settings, "test", text, strlen(text), &faults);
	settings_check_ppp(settings, &faults);
	return faults.count;
}

/* ECP is instead of MPPE, and no session is without it. */
static void in_the_settings(void **state)
{
	struct settings settings;
	struct tunnel_config config;
	struct ecp_key key;
	assert_true(reads("0123456789abcdef\n", &key, 0600));
	if (check(&settings, ""))
		fail_msg("%s", heard);
	assert_non_null(strstr(heard, "DESE-bis encrypts with DES"));
	assert_int_equal(settings_mppe(&settings), 0);
	memset(&config, 0, sizeof config);
	profile_common(&config, &settings, 1400, "host");
	assert_int_equal(config.session.unit.ecp_key.length, ECP_KEY_DES);
	assert_int_equal(config.session.mtu, 1392);
	assert_false(config.session.unit.mppe_allow || config.session.unit.mppe_require);
	settings_free(&settings);
	assert_int_equal(settings.ecp_key.length, 0);
	assert_int_equal(check(&settings, "require-mppe = yes\n"), 1);
	assert_non_null(strstr(heard, "ecp-key-file contradicts require-mppe"));
	settings_free(&settings);
	assert_int_equal(check(&settings, "allow-clear-text = yes\n"), 1);
	settings_free(&settings);
}

static int begin(void **state)
{
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s/key", folder);
	return 0;
}

static int end(void **state)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(no_keys),
		cmocka_unit_test(in_the_settings),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
