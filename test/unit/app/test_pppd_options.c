/* pppd's options: every word of its manual, its files and their order, who may say what and who
 * wins. */
#include "expect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth.h"
#include "options.h"
#include "pppd_options.h"
#include "unit.h"

/* pppd(8), 2.4.9, in its order, and what 2.5 has in addition; PPPoE's are its plugin's. */
static const char *const manual[] = {"asyncmap", "auth", "call", "connect", "crtscts",
	"defaultroute", "defaultroute-metric", "defaultroute6", "replacedefaultroute", "disconnect",
	"escape", "file", "init", "lock", "mru", "mtu", "passive", "+ipv6", "ipv6", "active-filter",
	"allow-ip", "allow-number", "bsdcomp", "ca", "cdtrcts", "cert", "chap-interval",
	"chap-max-challenge", "chap-restart", "chap-timeout", "chapms-strip-domain",
	"child-timeout", "connect-delay", "crl", "crl-dir", "debug", "default-asyncmap",
	"default-mru", "deflate", "demand", "domain", "dryrun", "dump", "enable-session",
	"endpoint", "eap-interval", "eap-max-rreq", "eap-max-sreq", "eap-restart", "eap-timeout",
	"hide-password", "holdoff", "idle", "ipcp-accept-local", "ipcp-accept-remote",
	"ipcp-max-configure", "ipcp-max-failure", "ipcp-max-terminate", "ipcp-restart", "ipparam",
	"ipv6cp-accept-local", "ipv6cp-accept-remote", "ipv6cp-max-configure", "ipv6cp-max-failure",
	"ipv6cp-max-terminate", "ipv6cp-restart", "ipx", "ipx-network", "ipx-node",
	"ipx-router-name", "ipx-routing", "ipxcp-accept-local", "ipxcp-accept-network",
	"ipxcp-accept-remote", "ipxcp-max-configure", "ipxcp-max-failure", "ipxcp-max-terminate",
	"kdebug", "key", "ktune", "lcp-echo-adaptive", "lcp-echo-failure", "lcp-echo-interval",
	"lcp-max-configure", "lcp-max-failure", "lcp-max-terminate", "lcp-restart", "linkname",
	"local", "logfd", "logfile", "login", "master_detach", "maxconnect", "maxfail", "modem",
	"mp", "mppe-stateful", "mpshortseq", "mrru", "ms-dns", "ms-wins", "multilink", "name",
	"noaccomp", "need-peer-eap", "noauth", "nobsdcomp", "noccp", "nocrtscts", "nocdtrcts",
	"nodefaultroute", "noreplacedefaultroute", "nodefaultroute6", "nodeflate", "nodetach",
	"noendpoint", "noip", "noipv6", "noipdefault", "noipx", "noktune", "nolock", "nolog",
	"nomagic", "nomp", "nomppe", "nomppe-40", "nomppe-128", "nomppe-stateful", "nompshortseq",
	"nomultilink", "nopcomp", "nopersist", "nopredictor1", "noproxyarp", "noremoteip", "notty",
	"novj", "novjccomp", "papcrypt", "pap-max-authreq", "pap-restart", "pap-timeout",
	"pass-filter", "password", "persist", "plugin", "predictor1", "privgroup", "proxyarp",
	"pty", "receive-all", "record", "remotename", "remotenumber", "refuse-chap",
	"refuse-mschap", "refuse-mschap-v2", "refuse-eap", "refuse-pap", "require-chap",
	"require-mppe", "require-mppe-40", "require-mppe-128", "require-mschap",
	"require-mschap-v2", "require-eap", "require-pap", "set", "show-password", "silent",
	"srp-interval", "srp-pn-secret", "srp-use-pseudonym", "stop-bits", "sync", "unit", "ifname",
	"unset", "updetach", "up_sdnotify", "usehostname", "usepeerdns", "user", "vj-max-slots",
	"welcome", "xonxoff", "pppoe-service", "pppoe-ac", "pppoe-sess", "pppoe-verbose",
	"pppoe-mac", "pppoe-host-uniq", "pppoe-padi-timeout", "pppoe-padi-attempts",
	/* Not in the manual, but in pppd. */
	"-d", "-detach", "--version", "--help", "-h", "nologfd", "ip-up-script", "ip-down-script",
	"bundle", "maxoctets", "mo", "mo-direction", "mo-timeout", "+pap", "+chap", "+mschap",
	"+mschap-v2", "-pap", "-chap", "-mschap", "-mschap-v2", "+ua", "capath", "max-tls-version",
	"socket", "-crtscts", "datarate", "-all", "-ac", "-as", "-am", "-mn", "-mru", "-pc", "-p",
	"nodeflatedraft", "-ip", "-vj", "-vjccomp", "-defaultroute", "-proxyarp", "netmask",
	"ipcp-no-address", "ipcp-no-addresses", "-ccp", "-bsdcomp", "-deflate", "-predictor1",
	"+mppe", "-mppe", "+mppe-40", "-mppe-40", "+mppe-128", "-mppe-128", "-ipv6",
	"ipv6cp-use-ipaddr", "usepeerwins", "noresolvconf", "nosendip", "ms-lanman",
	"ipxcp-restart", "dns-addr",
	/* 2.5. */
	"-v", "show-options", "vrf", "net-init-script", "net-pre-up-script", "net-down-script",
	"auth-up-script", "auth-down-script", "ip-pre-up-script", "ipv6-up-script",
	"ipv6-down-script", "lcp-rtt-file", "defaultroute6-metric", "ipv6cp-use-persistent",
	"ipv6cp-use-remotenumber", "ipv6cp-noremote", "ipv6cp-nosend", "pap-secrets",
	"chap-secrets", "tls-verify-key-usage", "tls-verify-method", "pkcs12"};

/* Everything a test reads with, and where. */
struct bench {
	struct heard heard;
	struct settings settings;
	struct pppd_options options;
	char folder[64];
};

static void setup(struct bench *r, bool root)
{
	memset(r, 0, sizeof *r);
	strcpy(r->folder, "/tmp/pppd-options.XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	settings_init(&r->settings);
	pppd_options_init(&r->options, &r->settings, hear(&r->heard));
	r->options.folder = r->options.home = r->folder;
	r->options.root = root;
}

static void put(const struct bench *r, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", r->folder, name);
	for (char *slash = path + strlen(r->folder) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void teardown(struct bench *r)
{
	static const char *const names[] = {"options", ".ppprc", "options.null", "peers/isp",
		"peers/deep/er", "more", "chap-secrets", "peers/deep", "peers", "user", ""};
	char path[160];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", r->folder, names[i]);
		(void)remove(path);
	}
	pppd_options_free(&r->options);
	settings_free(&r->settings);
}

#define LINE(r, ...)                                                                               \
	do {                                                                                       \
		char words[][80] = {"pppd", __VA_ARGS__};                                          \
		char *argv[sizeof words / sizeof words[0]];                                        \
		for (size_t n = 0; n < sizeof words / sizeof words[0]; n++)                        \
			argv[n] = words[n];                                                        \
		pppd_options_read(&(r)->options, sizeof words / sizeof words[0], argv);            \
		pppd_options_finish(&(r)->options, "porsche");                                     \
	} while (0)

static void parse(struct bench *r, const char *text, bool privileged)
{
	pppd_options_parse(&r->options, "file", text, strlen(text), privileged);
}

/* Each word is one that can be found, whose keys are rows of ours that take what it gives them. */
static void test_every_word_of_the_manual(void **state)
{
	for (size_t i = 0; i < sizeof manual / sizeof manual[0]; i++)
		if (!pppd_word_find(manual[i]))
			fail_msg("pppd's word %s is not known", manual[i]);
	for (size_t i = 0; i < pppd_word_count; i++) {
		const struct pppd_word *word = &pppd_words[i];
		assert_ptr_equal(pppd_word_find(word->name), word); /* no word twice */
		assert_true(*word->does != '\0');
		assert_true(i > 0 || !(word->flags & (PPPD_SAME | PPPD_ALIAS)));
		assert_true(!(word->flags & PPPD_NUMBER) || word->argument);
		assert_true((word->kind == PPPD_OWN) == (word->own != PPPD_OWN_NONE));
	}
}

static void test_every_key_has_a_row(void **state)
{
	for (size_t i = 0; i < pppd_word_count; i++) {
		const struct pppd_word *word = &pppd_words[i];
		struct heard heard;
		struct pppd_pairs pairs;
		struct pppd_entry entry = {
			.word = word, .name = word->name, .value = word->argument ? "10" : NULL};
		assert_true(pppd_pairs(&entry, &pairs, hear(&heard)));
		assert_true((pairs.count > 0) ==
			    (word->kind == PPPD_KEYS || word->own == PPPD_REQUIRE));
		for (unsigned k = 0; k < pairs.count; k++) {
			const struct option *option = option_find(pairs.at[k].key);
			if (!option)
				fail_msg("%s: no row %s", word->name, pairs.at[k].key);
			bool bare = option->type == OPTION_FLAG || option->type == OPTION_MASK;
			assert_true(bare || pairs.at[k].value);
			assert_true(!pairs.at[k].negated || option->type == OPTION_FLAG);
		}
	}
}

static void test_grammar(void **state)
{
	struct bench r;
	setup(&r, true);
	parse(&r,
		"# a comment\n"
		"mtu 1400 mru 0x578 # two on a line, one of them hexadecimal\n"
		"ipparam 'two words' user \"al\\\"ice\" remotename b\\\nob\n"
		"10.0.0.1:10.0.0.2 lcp-echo-failure 0",
		true);
	assert_string_equal(r.heard.text, "");
	assert_int_equal(r.settings.mtu, 1400);
	assert_int_equal(r.settings.mru, 1400);
	assert_string_equal(r.settings.ipparam, "two words");
	assert_string_equal(r.settings.user, "al\"ice");
	assert_string_equal(r.settings.remote_name, "bob");
	assert_int_equal(address_to_ipv4(&r.settings.local), 0x0a000001);
	assert_int_equal(address_to_ipv4(&r.settings.remote), 0x0a000002);
	assert_int_equal(r.settings.echo_failure, 0);
	teardown(&r);
}

static void test_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"mtu 1400\n  mtuu 5\n",
			"file:2:3: unrecognized option 'mtuu' (did you mean 'mtu'?)"},
		{"mru x\n", "file:1:5: invalid numeric parameter 'x' for mru option"},
		{"mru -5\n", "file:1:5: invalid numeric parameter '-5' for mru option"},
		{"mru 100\n", "file:1:5: mru: a number from 128"},
		{"mru", "file:1:1: too few parameters for option 'mru'"},
		{"ipparam \"open", "file:1:9: this quote is never closed"},
		{"papcrypt\n", "file:1:1: papcrypt: secrets are compared as they are"},
		{"plugin evil.so\n", "file:1:8: plugin evil.so: pppd's plugins cannot be loaded"},
		{"plugin /lib/pppd/pppoe.so\n", "file:1:8: plugin pppoe.so: this is PPP over PPTP"},
		{"pppoe-ac x\n", "file:1:1: pppoe-ac: this is PPP over PPTP"},
		{"10.0.0.256:\n", "unknown host: 10.0.0.256"},
		{"a:b:c\n", "file:1:1: 'a:b:c': addresses as LOCAL:REMOTE are expected"},
		{"set X\n", "file:1:5: set: NAME=VALUE is expected"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench r;
		setup(&r, true);
		r.options.memory = true;
		parse(&r, cases[i].text, true);
		assert_int_equal(r.heard.faults.count, 1);
		if (!strstr(r.heard.text, cases[i].said))
			fail_msg("'%s' is not '%s'", r.heard.text, cases[i].said);
		teardown(&r);
	}
}

static void test_numbers_beyond_our_range(void **state)
{
	struct bench r;
	setup(&r, true);
	parse(&r, "mru 16384", true);
	assert_string_equal(r.heard.text, "file:1:5: warning: mru 16384: 1500 is the most here\n");
	assert_int_equal(r.settings.mru, 1500);
	teardown(&r);
}

/* Files first, but what the command line says wins; a device's file comes last and loses, too. */
static void test_order_and_rank(void **state)
{
	struct bench r;
	setup(&r, false);
	put(&r, "options", "maxfail 1 holdoff 1 idle 1 user system mtu 1000\n");
	put(&r, ".ppprc", "maxfail 2 holdoff 2 user own\n");
	put(&r, "options.null", "maxfail 3 lcp-restart 9 user device mtu 1300\n");
	LINE(&r, "null", "holdoff", "4", "mtu", "1200");
	assert_string_equal(r.heard.text, "");
	assert_string_equal(r.options.device, "/dev/null");
	assert_int_equal(r.settings.idle, 1);
	assert_int_equal(r.settings.max_fail, 3);
	assert_int_equal(r.settings.holdoff, 4);
	assert_int_equal(r.settings.lcp_restart, 9);
	assert_string_equal(r.settings.user, "device");
	assert_int_equal(r.settings.mtu, 1300); /* pppd does not rank it: the last one said */
	teardown(&r);
}

static void test_call_is_privileged(void **state)
{
	struct bench r;
	setup(&r, false);
	put(&r, "options", "auth\n");

	char more[160];
	snprintf(more, sizeof more, "noauth name system linkname up file %s/more\n", r.folder);
	put(&r, "peers/deep/er", more);
	put(&r, "more", "ifname tunnel\n");
	LINE(&r, "call", "deep/er");
	assert_string_equal(r.heard.text, "");
	assert_string_equal(r.options.call, "deep/er");
	assert_string_equal(r.settings.name, "system");
	assert_string_equal(r.settings.link_name, "up");
	assert_string_equal(r.settings.ifname, "tunnel");
	assert_null(r.settings.peer_auth);
	teardown(&r);
}

static void test_names_that_climb(void **state)
{
	static const char *const bad[] = {"/etc/passwd", "..", "../x", "a/../b", "a/..", ""};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct bench r;
		setup(&r, true);
		put(&r, "options", "mtu 1000\n");
		char line[40];
		snprintf(line, sizeof line, "call '%s'", bad[i]);
		parse(&r, line, true);
		assert_non_null(strstr(
			r.heard.text, "call option value may not contain .. or start with /"));
		teardown(&r);
	}
	struct bench r;
	setup(&r, true);
	put(&r, "peers/isp", "mtu 1001");
	LINE(&r, "call", "./isp"); /* a dot does not climb, nor does a name with two of them */
	assert_int_equal(r.settings.mtu, 1001);
	teardown(&r);
}

static void test_privileges(void **state)
{
	static const char *const words[] = {"noauth", "name x", "linkname x", "ifname x",
		"plugin pptp.so", "nolock", "domain x", "allow-number 1", "privgroup x"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct bench r;
		setup(&r, false);
		parse(&r, words[i], false);
		assert_non_null(strstr(r.heard.text, "option requires root privilege"));
		teardown(&r);
	}
	struct bench r;
	setup(&r, false);
	put(&r, "options", "");
	put(&r, "peers/isp", "");
	char file[100];
	snprintf(file, sizeof file, "%s/more", r.folder);
	put(&r, "more", "noauth");
	char words2[][80] = {"pppd", "file", ""};
	strcpy(words2[2], file);
	char *argv[] = {words2[0], words2[1], words2[2]};
	pppd_options_read(&r.options, 3, argv);
	assert_non_null(strstr(r.heard.text, "more:1:1: using the noauth option requires root"));
	teardown(&r);
}

static void test_what_privileged_sources_fix(void **state)
{
	struct bench r;
	setup(&r, false);
	put(&r, "options", "nodefaultroute set FIXED=1\n");
	LINE(&r, "defaultroute");
	assert_non_null(strstr(r.heard.text, "defaultroute option set in"));
	assert_non_null(strstr(r.heard.text, "cannot be overridden"));
	teardown(&r);

	setup(&r, false);
	put(&r, "options", "set FIXED=1 unset GONE\n");
	LINE(&r, "set", "FIXED=2", "set", "GONE=3", "set", "MINE=4", "set", "MINE=5");
	assert_string_equal(r.heard.text, "");
	assert_int_equal(r.settings.set.count, 2);
	assert_string_equal(r.settings.set.at[0], "FIXED=1");
	assert_string_equal(r.settings.set.at[1], "MINE=5");
	assert_int_equal(r.settings.unset.count, 1);
	teardown(&r);

	setup(&r, true);
	put(&r, "options", "");
	put(&r, "options.null", "/dev/zero\n");
	LINE(&r, "/dev/null");
	assert_non_null(strstr(r.heard.text, "option may not be changed in"));
	teardown(&r);
}

/* An administrator's file may be missing for root alone. */
static void test_missing_files(void **state)
{
	struct bench r;
	setup(&r, false);
	LINE(&r, "debug");
	assert_non_null(strstr(r.heard.text, "Can't open options file"));
	teardown(&r);
	setup(&r, true);
	LINE(&r, "debug");
	assert_string_equal(r.heard.text, "");
	assert_true(r.settings.debug);
	teardown(&r);
	setup(&r, true);
	LINE(&r, "call", "nobody");
	assert_non_null(strstr(r.heard.text, "No such file"));
	teardown(&r);
}

static void test_files_in_files_end(void **state)
{
	struct bench r;
	setup(&r, true);
	put(&r, "peers/isp", "call isp\n");
	LINE(&r, "call", "isp");
	assert_non_null(strstr(r.heard.text, "more than 16 files deep"));
	teardown(&r);
}

static void test_who_proves_himself(void **state)
{
	static const struct {
		const char *text, *peer_auth;
		bool root, default_route;
	} cases[] = {
		{"", NULL, true, true},
		{"", NULL, false, false},
		{"", "eap-mschap-v2,eap-md5,mschap-v2,mschap,chap,pap", false, true},
		{"auth", "eap-mschap-v2,eap-md5,mschap-v2,mschap,chap,pap", true, false},
		{"require-mschap-v2", "mschap-v2", true, false},
		{"+chap require-pap", "chap,pap", true, false},
		{"require-eap", "eap-mschap-v2,eap-md5", true, false},
		{"require-chap noauth", NULL, true, false},
		{"noauth require-chap", "chap", true, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench r;
		setup(&r, cases[i].root);
		r.options.default_route = cases[i].default_route;
		parse(&r, cases[i].text, true);
		pppd_options_finish(&r.options, "porsche");
		if (cases[i].peer_auth)
			assert_string_equal(r.settings.peer_auth, cases[i].peer_auth);
		else
			assert_null(r.settings.peer_auth);
		teardown(&r);
	}
}

static void test_mppe(void **state)
{
	static const struct {
		const char *text;
		uint8_t mppe;
	} cases[] = {
		{"", 0},
		{"require-mppe", MPPE_ALLOW_40 | MPPE_ALLOW_128},
		{"require-mppe-128", MPPE_ALLOW_128},
		{"require-mppe nomppe-40", MPPE_ALLOW_128},
		{"+mppe -mppe", 0},
		{"nomppe require-mppe-40", MPPE_ALLOW_40},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench r;
		setup(&r, true);
		parse(&r, cases[i].text, true);
		pppd_options_finish(&r.options, "porsche");
		assert_int_equal(settings_mppe(&r.settings), cases[i].mppe);
		teardown(&r);
	}
}

static void test_names(void **state)
{
	struct bench r;
	setup(&r, true);
	parse(&r, "domain Quotron.COM", true);
	pppd_options_finish(&r.options, "porsche");
	assert_string_equal(r.settings.name, "porsche.Quotron.COM");
	assert_null(r.settings.user); /* who has none goes by his own name */
	teardown(&r);
	setup(&r, true);
	parse(&r, "name x user y usehostname", true);
	pppd_options_finish(&r.options, "porsche");
	assert_string_equal(r.settings.name, "porsche");
	assert_string_equal(r.settings.user, "y");
	teardown(&r);
}

static void test_one_name_server(void **state)
{
	struct bench r;
	setup(&r, true);
	parse(&r, "ms-dns 10.0.0.1 ms-wins 10.0.0.2 ms-wins 10.0.0.3", true);
	pppd_options_finish(&r.options, "porsche");
	assert_int_equal(r.settings.dns.at[0], 0x0a000001);
	assert_int_equal(r.settings.dns.at[1], 0x0a000001);
	assert_int_equal(r.settings.wins.at[1], 0x0a000003);
	teardown(&r);
}

static void test_user_and_secrets_files(void **state)
{
	struct bench r;
	setup(&r, true);
	put(&r, "user", "alice\nwonder land\n");
	put(&r, "chap-secrets", "");
	char line[120];
	snprintf(line, sizeof line, "+ua %s/user", r.folder);
	parse(&r, line, true);
	pppd_options_finish(&r.options, "porsche");
	assert_string_equal(r.settings.user, "alice");
	assert_string_equal(r.settings.password, "wonder land");
	assert_non_null(strstr(r.settings.secrets, "/chap-secrets"));
	assert_non_null(strstr(r.settings.pap_secrets, "/pap-secrets"));
	teardown(&r);
}

static void test_numbers_that_may_call(void **state)
{
	static const struct {
		const char *text;
		bool allowed;
	} cases[] = {{"", true}, {"allow-number 5*", false},
		{"remotenumber 512 allow-number 5*", true},
		{"remotenumber 612 allow-number 5* allow-number 612", true},
		{"remotenumber 612 allow-number 61", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bench r;
		setup(&r, true);
		parse(&r, cases[i].text, true);
		pppd_options_finish(&r.options, "porsche");
		assert_int_equal(!r.options.unauthorized, cases[i].allowed);
		teardown(&r);
	}
}

static void test_detaching_and_logs(void **state)
{
	struct bench r;
	setup(&r, true);
	assert_int_equal(r.options.detach, PPPD_DETACHES);
	parse(&r, "updetach nodetach", true);
	assert_int_equal(r.options.detach, PPPD_STAYS);
	parse(&r, "updetach logfile /dev/null logfd 7", true);
	assert_int_equal(r.options.detach, PPPD_DETACHES_UP);
	assert_int_equal(r.options.log_fd, 7);
	parse(&r, "up_sdnotify nolog", true);
	assert_true(r.options.notify && r.options.detach == PPPD_STAYS);
	assert_int_equal(r.options.log_fd, PPPD_LOG_NOWHERE);
	assert_string_equal(r.heard.text, "");
	teardown(&r);
}

/* A password is wiped from the words that ps shows, and from what `dump` prints. */
static void test_dump(void **state)
{
	struct bench r;
	char words[][20] = {"pppd", "password", "wonder land", "idle", "5", "idle", "6", "ipparam",
		"a b\"c", "kdebug", "1"};
	char *argv[sizeof words / sizeof words[0]], text[2000] = "";
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		argv[i] = words[i];
	setup(&r, true);
	pppd_options_read(&r.options, sizeof words / sizeof words[0], argv);
	assert_string_equal(r.heard.text, "");
	assert_string_equal(words[2], "???????????");
	assert_string_equal(r.settings.password, "wonder land");
	FILE *to = fmemopen(text, sizeof text, "w");
	pppd_options_dump(&r.options, to);
	fclose(to);
	assert_string_equal(text,
		"pppd options in effect:\n"
		"password ??????\t\t# (from command line)\n"
		"idle 6\t\t# (from command line)\n"
		"ipparam \"a b\\\"c\"\t\t# (from command line)\n"
		"kdebug 1\t\t# (from command line) nothing to do: the kernel's PPP driver is "
		"asked for nothing but its work\n");
	teardown(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_word_of_the_manual),
		cmocka_unit_test(test_every_key_has_a_row),
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_numbers_beyond_our_range),
		cmocka_unit_test(test_order_and_rank),
		cmocka_unit_test(test_call_is_privileged),
		cmocka_unit_test(test_names_that_climb),
		cmocka_unit_test(test_privileges),
		cmocka_unit_test(test_what_privileged_sources_fix),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_files_in_files_end),
		cmocka_unit_test(test_who_proves_himself),
		cmocka_unit_test(test_mppe),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_one_name_server),
		cmocka_unit_test(test_user_and_secrets_files),
		cmocka_unit_test(test_numbers_that_may_call),
		cmocka_unit_test(test_detaching_and_logs),
		cmocka_unit_test(test_dump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
