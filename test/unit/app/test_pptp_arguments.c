/* The command line of pptp-linux. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptp_arguments.h"

static char said[512];

static void listen_to(void *context, const char *line)
{
	snprintf(said, sizeof said, "%s", line);
}

struct outcome {
	struct settings settings;
	struct pptp_arguments arguments;
	int code;
};

/* Words with blanks between them. */
static struct outcome *parse(const char *line)
{
	static struct outcome out;
	static char copy[512];
	static char *argv[32];
	struct faults faults = {.report = listen_to};
	int argc = 0;
	snprintf(copy, sizeof copy, "pptp %s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	said[0] = '\0';
	settings_init(&out.settings);
	out.code = pptp_arguments_parse(argc, argv, &out.settings, &out.arguments, &faults);
	assert_int_equal(out.code != 0, faults.count != 0);
	return &out;
}

static void forget(struct outcome *out)
{
	free(out->arguments.words);
	settings_free(&out->settings);
}

static void network_manager_is_understood(void **state)
{
	struct outcome *out =
		parse("192.0.2.1 --nolaunchpppd --loglevel 0 --logstring nm-pptp-service-17");
	assert_int_equal(out->code, 0);
	assert_string_equal(out->arguments.host, "192.0.2.1");
	assert_true(out->settings.no_launch);
	assert_int_equal(out->settings.log_level, 0);
	assert_string_equal(out->settings.log_string, "nm-pptp-service-17");
	assert_int_equal(out->arguments.word_count, 0);
	forget(out);
}

static void every_option_has_its_place(void **state)
{
	struct outcome *out = parse("vpn.example --phone 5550100 --localbind 192.0.2.7 --rtmark 42 "
				    "--nohostroute --sync --nobuffer --timeout 0.5 --idle-wait 0 "
				    "--max-echo-wait 5 --missing-window 6000 --loglevel=2 --debug "
				    "--quirks BEZEQ_ISRAEL --client-hostname me");
	const struct settings *s = &out->settings;
	assert_int_equal(out->code, 0);
	assert_string_equal(s->phone, "5550100");
	assert_string_equal(s->bind, "192.0.2.7");
	assert_int_equal(s->mark, 42);
	assert_true(s->no_host_route && s->sync && s->no_buffer && s->debug);
	assert_false(s->no_launch);
	assert_string_equal(s->reorder_timeout, "0.5");
	assert_int_equal(s->control_echo_interval, 0);
	assert_int_equal(s->control_echo_timeout, 5);
	assert_int_equal(s->missing_window, 6000);
	assert_int_equal(s->log_level, 2);
	assert_int_equal(s->quirk, QUIRK_BEZEQ_ISRAEL);
	assert_string_equal(s->host_name, "me");
	forget(out);
}

/* What is nobody's option is pppd's; behind -- everything is. */
static void the_rest_is_pppds(void **state)
{
	struct outcome *out = parse("vpn.example debug --sync user alice -- -detach --phone");
	static const char *const words[] = {"debug", "user", "alice", "-detach", "--phone"};
	assert_int_equal(out->code, 0);
	assert_int_equal(out->arguments.word_count, 5);
	for (unsigned n = 0; n < 5; n++)
		assert_string_equal(out->arguments.words[n], words[n]);
	assert_null(out->arguments.words[5]);
	assert_true(out->settings.sync);
	assert_null(out->settings.phone);
	forget(out);
}

/* getopt_long() takes the beginning of a name. */
static void names_may_be_short(void **state)
{
	struct outcome *out = parse("h --nol --logl 2 --max 3 --local 192.0.2.9 --time 0.01");
	assert_int_equal(out->code, 0);
	assert_true(out->settings.no_launch);
	assert_int_equal(out->settings.log_level, 2);
	assert_int_equal(out->settings.control_echo_timeout, 3);
	forget(out);
	out = parse("h --log 2"); /* loglevel or logstring */
	assert_int_equal(out->code, PPTP_USAGE);
	forget(out);
}

static void expect_refused(const char *line, int code, const char *words)
{
	struct outcome *out = parse(line);
	assert_int_equal(out->code, code);
	if (!strstr(said, words))
		fail_msg("\"%s\" does not say \"%s\"", said, words);
	forget(out);
}

static void faults_are_told(void **state)
{
	expect_refused("", PPTP_USAGE, "a server is needed");
	expect_refused("--sync", PPTP_USAGE, "a server is needed");
	expect_refused("h --frob", PPTP_USAGE, "--frob: not an option of pptp");
	expect_refused("h -x", PPTP_USAGE, "behind --");
	expect_refused("h --timeout 11", PPTP_VALUE, "0.01 to 10 seconds");
	expect_refused("h --timeout 0.001", PPTP_VALUE, "0.01 to 10 seconds");
	expect_refused("h --loglevel 3", PPTP_VALUE, "--loglevel");
	expect_refused("h --phone", PPTP_VALUE, "needs a value");
	expect_refused("h --missing-window 0", PPTP_VALUE, "--missing-window");
	expect_refused("h --test-type 2", PPTP_VALUE, "out of order on purpose");
	expect_refused("h --test-rate=20", PPTP_VALUE, "out of order on purpose");
	expect_refused("h --quirks none", PPTP_VALUE, "BEZEQ_ISRAEL");
}

static void help_needs_no_server(void **state)
{
	struct outcome *out = parse("--help");
	assert_int_equal(out->code, 0);
	assert_true(out->settings.help);
	forget(out);
	out = parse("--version");
	assert_int_equal(out->code, 0);
	assert_true(out->settings.version);
	forget(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_manager_is_understood),
		cmocka_unit_test(every_option_has_its_place),
		cmocka_unit_test(the_rest_is_pppds),
		cmocka_unit_test(names_may_be_short),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(help_needs_no_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
