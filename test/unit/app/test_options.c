/* The table of options: consistent in itself, the same in file and command line, and what a wrong
 * word gets. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arguments.h"
#include "auth.h"
#include "options.h"
#include "unit.h"
#include "values.h"

static const struct command server = {"server", COMMAND_SERVER, NULL, "", NULL, NULL};
static const struct command link_command = {"link", COMMAND_LINK, NULL, "", NULL, NULL};
static const struct command client = {"client", COMMAND_CLIENT, "USER@HOST", "", NULL, NULL};

static void test_rows(void **state)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *row = &option_table[i];
		bool valued = row->type != OPTION_FLAG && row->type != OPTION_MASK;
		bool negated;
		assert_ptr_equal(option_find(row->name), row); /* no name twice */
		assert_int_equal(valued, row->argument != NULL);
		assert_non_null(row->help);
		assert_int_equal(row->type == OPTION_CHOICE, row->choices != NULL);
		assert_true(row->type != OPTION_NUMBER || row->low <= row->high);
		assert_true(row->type != OPTION_MASK || row->low);
		/* A daemon's flag is a key, and a key is a flag: all but where files come from,
		 * help, and secrets. */
		bool only_flag = !strcmp(row->name, "config") || !strcmp(row->name, "help");
		if (!only_flag && !row->file_only)
			assert_int_equal((row->commands & COMMAND_ENDS) != 0, row->sections != 0);
		/* no-NAME of a flag is not somebody else's name. */
		char no[80];
		snprintf(no, sizeof no, "no-%s", row->name);
		if (row->type == OPTION_FLAG)
			assert_ptr_equal(option_find_negated(no, &negated), row);
		for (size_t j = 0; j < i; j++) {
			assert_true(!row->letter || row->letter != option_table[j].letter);
			/* The same place means the same kind of thing. */
			if (row->offset == option_table[j].offset)
				assert_int_equal(row->type, option_table[j].type);
		}
	}
}

/* pppd puts its no in front without a dash. */
static void test_pppd_negations(void **state)
{
	static const char *const names[] = {"ipdefault", "persist", "ipv6", "mppe", "use-peer-dns"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char no[40];
		bool negated = false;
		snprintf(no, sizeof no, "no%s", names[i]);
		const struct option *found = option_find_negated(no, &negated);
		assert_non_null(found);
		assert_true(negated || found->type == OPTION_MASK); /* nomppe has a row */
	}
	bool negated;
	assert_null(option_find_negated("nolocal", &negated));
	assert_null(option_find_negated("no", &negated));
	assert_null(option_find_negated("no--ipv6", &negated));
}

static const char *parse(const struct command *command, struct settings *settings,
	struct heard *heard, int argc, const char *const *words)
{
	char *argv[16] = {NULL};
	const char *word = NULL;
	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	settings_init(settings);
	arguments_parse(command, argc + 1, argv, settings, &word, false, hear(heard));
	return word;
}

/* As pppd has it: the later word counts. */
static void test_demand_means_persist(void **state)
{
	struct settings settings;
	struct heard heard;
	const char *words[] = {"vpn", "--demand", "--no-persist"};
	parse(&client, &settings, &heard, 2, words);
	assert_true(settings.demand && settings.persist);
	settings_free(&settings);
	parse(&client, &settings, &heard, 3, words);
	assert_true(settings.demand && !settings.persist);
	settings_free(&settings);
	words[1] = "--no-demand";
	parse(&client, &settings, &heard, 2, words);
	assert_false(settings.demand || settings.persist);
	settings_free(&settings);
}

static void test_inner_addresses(void **state)
{
	struct settings settings;
	struct heard heard;
	const char *words[] = {
		"me@vpn", "10.0.0.9:10.0.0.1", "--ipcp-accept-local", "--noipdefault"};
	assert_string_equal(parse(&client, &settings, &heard, 4, words), "me@vpn");
	assert_string_equal(heard.text, "");
	assert_int_equal(address_to_ipv4(&settings.local), 0x0a000009);
	assert_int_equal(address_to_ipv4(&settings.remote), 0x0a000001);
	assert_true(settings.accept_local && !settings.accept_remote && !settings.ip_default);
	settings_free(&settings);
	const char *options[] = {"--local", "10.0.0.9", ":10.0.0.1", "vpn:1723"};
	assert_string_equal(parse(&client, &settings, &heard, 4, options), "vpn:1723");
	assert_string_equal(heard.text, "");
	assert_int_equal(address_to_ipv4(&settings.local), 0x0a000009);
	assert_int_equal(address_to_ipv4(&settings.remote), 0x0a000001);
	settings_free(&settings);
}

/* Some flags have a third state: nothing was said. The last word counts. */
static void test_unsaid_flag(void **state)
{
	static const struct {
		const char *words[2];
		int count;
		bool said, on;
	} cases[] = {
		{{NULL}, 0, false, false},
		{{"--crtscts"}, 1, true, true},
		{{"--nocrtscts"}, 1, true, false},
		{{"--crtscts", "--no-crtscts"}, 2, true, false},
		{{"--no-crtscts", "--crtscts"}, 2, true, true},
	};
	struct settings settings;
	struct heard heard;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		parse(&link_command, &settings, &heard, cases[i].count, cases[i].words);
		assert_string_equal(heard.text, "");
		assert_int_equal(settings.crtscts_said, cases[i].said);
		assert_int_equal(settings.crtscts, cases[i].on);
		settings_free(&settings);
	}
}

static void expect_fault(
	const struct command *command, const char *a, const char *b, const char *expected)
{
	struct settings settings;
	struct heard heard;
	const char *words[] = {a, b};
	parse(command, &settings, &heard, b ? 2 : 1, words);
	assert_string_equal(heard.text, expected);
	settings_free(&settings);
}

static void test_command_line(void **state)
{
	struct settings settings;
	struct heard heard;
	const char *words[] = {"--mtu", "1300", "--route=10.0.0.0/8", "--route", "172.16.0.0/12",
		"DOM\\al@ice@host", "--default-route", "--no-scripts", "-d"};
	const char *word = parse(&client, &settings, &heard, 9, words);
	assert_string_equal(heard.text, "");
	assert_string_equal(word, "DOM\\al@ice@host");
	assert_int_equal(settings.mtu, 1300);
	assert_int_equal(settings.routes.count, 2);
	assert_true(settings.default_route && settings.debug && !settings.scripts);
	settings_free(&settings);
}

static void test_wrong_words(void **state)
{
	expect_fault(&client, "--mtt", NULL, "--mtt: unknown option (did you mean --mtu?)\n");
	expect_fault(&client, "--zzzzzzzz", NULL,
		"--zzzzzzzz: unknown option (greyline client --help lists them)\n");
	expect_fault(&client, "--mtu", NULL, "--mtu needs a value: N\n");
	expect_fault(&client, "--mtu", "99999",
		"--mtu: a number from 128 to 1500 is expected, not '99999'\n");
	expect_fault(&client, "--mtu", "4294967297",
		"--mtu: a number from 128 to 1500 is expected, not '4294967297'\n");
	expect_fault(&client, "--password=x", NULL,
		"--password: never on a command line, where others can read it: use "
		"--password-file, GREYLINE_PASSWORD, or the prompt\n");
	expect_fault(
		&server, "--route", "1.0.0.0/8", "--route: not an option of greyline server\n");
	expect_fault(&server, "--interface", "shard",
		"--interface: one of shared per-session is expected, not 'shard'\n");
	expect_fault(&client, "--route", "10.0.0.1/8",
		"--route: a network as 10.0.0.0/8 is expected, not '10.0.0.1/8'\n");
	expect_fault(&server, "--pool", "10.0.0.9-5",
		"--pool: addresses as 10.0.0.0/24, 10.0.0.5 or 10.0.0.5-9 are expected, not "
		"'10.0.0.9-5'\n");
	expect_fault(
		&server, "--debug=maybe", NULL, "--debug: yes or no is expected, not 'maybe'\n");
	expect_fault(
		&server, "-x", NULL, "-x: unknown option (greyline server --help lists them)\n");
}

static void file(const char *text, struct settings *settings, struct heard *heard, char path[64])
{
	strcpy(path, "/tmp/gl-options-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	settings_init(settings);
	assert_int_equal(settings_read(settings, path, hear(heard)), 0);
	unlink(path);
}

static void expect_file(const char *text, const char *expected)
{
	struct settings settings;
	struct heard heard;
	char path[64], wanted[1024] = "";
	file(text, &settings, &heard, path);
	if (*expected)
		snprintf(wanted, sizeof wanted, "%s%s\n", path, expected);
	assert_string_equal(heard.text, wanted);
	settings_free(&settings);
}

static void test_file(void **state)
{
	struct settings settings;
	struct heard heard;
	char path[64];
	file("debug\n[server]\nms-dns = 1.1.1.1\nms-dns = 9.9.9.9\nmtu = 1300\nno-check-source\n"
	     "pool = 10.0.0.0/24\n[client]\npassword = 'p # w'\nserver = host\n",
		&settings, &heard, path);
	assert_string_equal(heard.text, "");
	assert_true(settings.debug && !settings.check_source);
	assert_int_equal(settings.dns.count, 2);
	assert_int_equal(settings.mtu, 1300);
	assert_string_equal(settings.password, "p # w");
	/* The command line replaces a list, and adds to its own. */
	const char *words[] = {"", "--dns", "8.8.8.8"};
	const char *word = NULL;
	char *argv[3];
	for (unsigned i = 0; i < 3; i++)
		argv[i] = (char *)(uintptr_t)words[i];
	arguments_parse(&server, 3, argv, &settings, &word, false, hear(&heard));
	assert_string_equal(heard.text, "");
	assert_int_equal(settings.dns.count, 1);
	settings_free(&settings);
}

static void test_file_faults(void **state)
{
	expect_file(
		"[server]\npol = 10.0.0.0/24\n", ":2:1: unknown key 'pol' (did you mean 'pool'?)");
	expect_file("[sever]\nxx = 1\n", ":1:2: unknown section [sever] (did you mean [server]?)");
	expect_file(
		"[server]\nmtu = 12\n", ":2:7: a number from 128 to 1500 is expected, not '12'");
	expect_file("[client]\n\n  pool = 1.2.3.4\n",
		":3:3: 'pool' does not belong in [client] but in [server]");
	expect_file("mtu\n", ":1:1: 'mtu' does not belong in [greyline] but in [ppp]");
	expect_file("[ppp]\nmtu\n", ":2:1: 'mtu' needs a value: N");
	/* One fault for a heading, none for what stands below it. */
	expect_file(
		"[server\npool = 10.0.0.0/24\n", ":1:8: ']' is missing behind the section name");
	expect_file("[]\npool = 10.0.0.0/24\n", ":1:2: a section name is expected here");
	/* Words that are used much later are judged where they stand. */
	expect_file("[server]\nlisten = 10.0.0.1\nlisten = foo bar\n",
		":3:10: an address, or address:port, is expected, not 'foo bar'");
	expect_file("[server]\nlisten = 10.0.0.1:99999\n",
		":2:10: an address, or address:port, is expected, not '10.0.0.1:99999'");
	expect_file("[client]\nbind = vpn\n", ":2:8: an address is expected, not 'vpn'");
	expect_file("[client]\nserver = a b\n",
		":2:10: a name or an address, with :PORT if need be, is expected, not 'a b'");
	expect_file("[ppp]\nifname = a/b\n",
		":2:10: 1 to 15 letters, digits, - _ or . are expected, not 'a/b'");
	expect_file("include = /nonexistent/x\n",
		":1:11: include: /nonexistent/x: No such file or directory");
	expect_file("include = /nonexistent/*.conf\n", "");
	expect_file("[server]\ndns = 1.1.1.1,2.2.2.2,3.3.3.3\n",
		":2:7: an IPv4 address is expected, two of them at most, not '3.3.3.3'");
}

static void test_include_loop(void **state)
{
	char path[64] = "/tmp/gl-loop-XXXXXX", text[128];
	struct settings settings;
	struct heard heard;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	int length = snprintf(text, sizeof text, "include = %s\nmtu\n", path);
	assert_int_equal(write(fd, text, (size_t)length), length);
	close(fd);
	settings_init(&settings);
	assert_int_equal(settings_read(&settings, path, hear(&heard)), 0);
	assert_non_null(strstr(heard.text, "include: more than 8 files deep"));
	/* Read nine times: mtu is out of place in each, and the tenth is refused. */
	assert_int_equal(heard.faults.count, 10);
	unlink(path);
	settings_free(&settings);
}

static void check(const char *a, const char *b, uint8_t auth, uint8_t mppe, bool required,
	unsigned faults, unsigned warnings)
{
	struct settings settings;
	struct heard heard;
	const char *words[] = {a, b};
	parse(&server, &settings, &heard, b ? 2 : a ? 1 : 0, words);
	assert_string_equal(heard.text, "");
	settings_check(&settings, hear(&heard));
	assert_int_equal(settings_auth(&settings), auth);
	assert_int_equal(settings_mppe(&settings), mppe);
	assert_int_equal(settings_mppe_required(&settings), required);
	assert_int_equal(heard.faults.count, faults);
	assert_int_equal(heard.faults.warnings, warnings);
	settings_free(&settings);
}

/* The defaults are strict; whatever weakens them says so once. */
static void test_policy(void **state)
{
	const uint8_t v2 = AUTH_MSCHAPV2 | AUTH_EAP_MSCHAPV2, b128 = MPPE_ALLOW_128;
	check(NULL, NULL, v2, b128, true, 0, 0);
	check("--require-mschap-v2", "--require-mppe-128", AUTH_MSCHAPV2, b128, true, 0, 0);
	check("--require-mschap-v2", "--require-eap", v2, b128, true, 0, 0);
	check("--require-eap", NULL, AUTH_EAP_MSCHAPV2, b128, true, 0, 0);
	check("--refuse-eap", NULL, AUTH_MSCHAPV2, b128, true, 0, 0);
	check("--refuse-eap", "--allow-eap-md5", AUTH_MSCHAPV2, b128, true, 0, 0);
	check("--allow-eap-md5", NULL, v2 | AUTH_EAP_MD5, b128, true, 0, 1);
	check("--refuse-mschap-v2", NULL, AUTH_EAP_MSCHAPV2, b128, true, 0, 0);
	check("--refuse-mschap-v2", "--allow-eap-md5", AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2, b128, true,
		0, 1);
	check("--refuse-mschap-v2", "--refuse-eap", 0, b128, true, 1, 0);
	check("--refuse-pap", "--nomppe-40", v2, b128, true, 0, 0);
	check("--allow-pap", NULL, v2 | AUTH_PAP, b128, true, 0, 1);
	check("--allow-pap", "--refuse-pap", v2, b128, true, 0, 0);
	check("--require-pap", NULL, AUTH_PAP, b128, true, 1, 1);
	check("--require-pap", "--no-mppe", AUTH_PAP, 0, false, 0, 2);
	check("--no-mppe", NULL, v2, 0, false, 0, 1);
	check("--nomppe", NULL, v2, 0, false, 0, 1);
	check("--allow-clear-text", NULL, v2, b128, false, 0, 1);
	check("--allow-mppe-40", NULL, v2, b128 | MPPE_ALLOW_40, true, 0, 1);
	check("--require-mppe", "--nomppe-40", v2, b128 | MPPE_ALLOW_56, true, 0, 1);
	check("--mppe-stateful", NULL, v2, b128, true, 0, 1);
	check("--nomppe-128", "--allow-mppe-56", v2, MPPE_ALLOW_56, true, 0, 1);
	/* Nothing falls back to clear text that does not say so. */
	check("--nomppe-128", NULL, v2, 0, false, 1, 0);
	check("--require-mppe-128", "--nomppe-128", v2, 0, false, 1, 0);
	check("--require-mppe-128", "--nomppe", v2, 0, false, 1, 0);
	check("--require-mppe-128", "--no-mppe", v2, 0, false, 1, 0);
	check("--no-check-source", NULL, v2, b128, true, 0, 1);
	check("--gre-from-anywhere", NULL, v2, b128, true, 0, 1);
	check("--gre-from-anywhere", "--no-gre-from-anywhere", v2, b128, true, 0, 0);
}

/* What is said of an IPv6 pool and its like, or "". */
static void check6(
	const struct command *command, const char **words, unsigned count, const char *expected)
{
	struct settings settings;
	struct heard heard;
	parse(command, &settings, &heard, count, words);
	assert_string_equal(heard.text, "");
	settings_check(&settings, hear(&heard));
	if (*expected)
		assert_non_null(strstr(heard.text, expected));
	else
		assert_string_equal(heard.text, "");
	settings_free(&settings);
}

static void test_ipv6(void **state)
{
	struct {
		const char *expected;
		const char *words[6];
	} cases[] = {
		{"", {"--pool6", "fd00:98::/48", "--dns6", "fd00:98::53"}},
		{"", {"--pool6", "fd00:98::/63"}},
		{"at most 63 bits", {"--pool6", "fd00:98::/64"}},
		{"at most 63 bits", {"--pool6", "10.0.0.0/8"}},
		{"one network", {"--pool6", "fd00:98::/48,fd00:99::/48"}},
		{"dns6: an IPv6 address", {"--dns6", "10.0.0.53"}},
		{"ntp6: an IPv6 address", {"--ntp6", "10.0.0.53"}},
		{"", {"--pool6", "fd00:98::/48", "--pool6-pd", "fd00:99::/40"}},
		{"needs pool6", {"--pool6-pd", "fd00:99::/40"}},
		{"shorter than 56 bits", {"--pool6", "fd00:98::/48", "--pool6-pd", "fd00:99::/56"}},
		{"shorter than 48 bits", {"--pool6", "fd00:98::/48", "--pool6-pd", "fd00:99::/48",
						 "--pool6-pd-length", "48"}},
		{"overlaps pool6", {"--pool6", "fd00:98::/48", "--pool6-pd", "fd00:98:0:100::/56",
					   "--pool6-pd-length", "60"}},
		{"overlaps pool6", {"--pool6", "fd00:98::/48", "--pool6-pd", "fd00::/16"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned count = 0;
		while (count < 6 && cases[i].words[count])
			count++;
		check6(&server, cases[i].words, count, cases[i].expected);
	}
	const char *asked[] = {"me@vpn", "--request-prefix", "0", "--delegate-to", "lan0"};
	const char *unasked[] = {"me@vpn", "--delegate-to", "lan0"};
	check6(&client, asked, 5, "");
	check6(&client, unasked, 3, "needs request-prefix");
	static const char *const wrong[] = {
		"1", "::", ",", "::1,::1", "fd00::1", "::1,2", "::1,::2,::3", "10.0.0.1"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(value_is_identifiers(wrong[i]));
	uint64_t local, remote;
	assert_true(value_identifiers("::1:2:3:4,::5", &local, &remote));
	assert_true(local == UINT64_C(0x0001000200030004) && remote == 5);
	assert_true(value_identifiers(",::5", &local, &remote) && !local && remote == 5);
	assert_true(value_identifiers("::1", &local, &remote) && local == 1 && !remote);
	expect_fault(&server, "--search-domain", "a b",
		"--search-domain: a domain name is expected, not 'a b'\n");
}

static void test_help(void **state)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	assert_non_null(to);
	arguments_help(&server, to);
	fclose(to);
	for (size_t i = 0; i < option_count; i++) {
		char row[80];
		snprintf(row, sizeof row, "--%s%s", option_table[i].name,
			option_table[i].argument ? " " : "");
		if (option_table[i].commands & COMMAND_SERVER)
			assert_non_null(strstr(text, row));
	}
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		assert_true(strcspn(line, "\n") <= 100);
		if (!*line)
			break;
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_pppd_negations),
		cmocka_unit_test(test_demand_means_persist),
		cmocka_unit_test(test_inner_addresses),
		cmocka_unit_test(test_unsaid_flag),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_faults),
		cmocka_unit_test(test_include_loop),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
