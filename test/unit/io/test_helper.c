/* The helper: real nft, sysctl, routes and scripts in a namespace of its own, the order of jobs,
 * and what is left when the main process is killed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "helper.h"
#include "helper_wire.h"
#include "limits.h"
#include "netns.h"
#include "pty_pair.h"
#include "state.h"
#include "waiting.h"

static struct helper *helper;
static char directory[64], state_path[128], resolv[128], script[128], output[128], slow[128],
	missing[128], gate[128], program[128];
static bool has_nft;

static void spill(const char *file, const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
}

static const char *slurp(const char *file)
{
	static char text[4096];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[got < 0 ? 0 : got] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

struct answer {
	bool come;
	int result;
	char error[256];
	unsigned order;
};
static unsigned answers;

static void on_done(void *context, int result, const char *error)
{
	struct answer *answer = context;
	assert_false(answer->come);
	answer->come = true;
	answer->result = result;
	answer->order = ++answers;
	snprintf(answer->error, sizeof(answer->error), "%s", error);
}

static void expect(struct answer *answer, int result)
{
	WAIT_FOR(answer->come);
	if (answer->result != result)
		fail_msg("%d (%s) instead of %d", answer->result, answer->error, result);
	memset(answer, 0, sizeof(*answer));
}

/* What the app's room would do in the helper. */
static int write_renewal(
	const char *path, const char *client, const char *server, const char *word, char error[256])
{
	char line[256];
	if (!strcmp(client, "nobody")) {
		snprintf(error, 256, "%s: no such user", path);
		return -ESTALE;
	}
	snprintf(line, sizeof line, "%s %s %s\n", client, server ? server : "*", word);
	spill(path, line, 0600);
	return 0;
}

/* What the user wants scripts to have, and not to have. */
static char *set_variables[] = {(char[]){"MINE=x y"}, (char[]){"DNS2=over"}};
static char *unset_variables[] = {(char[]){"USEPEERDNS"}, (char[]){"NOBODY"}};

static struct helper_config configuration(void)
{
	return (struct helper_config){
		.state_path = state_path,
		.resolv_path = resolv,
		.scripts = {script, slow, missing},
		.script_count = 3,
		.set = set_variables,
		.set_count = 2,
		.unset = unset_variables,
		.unset_count = 2,
		.program = program,
		.program_options = "/etc/ppp/pptpd-options",
		.secrets_path = output,
		.renew = write_renewal,
	};
}

static void write_files(void)
{
	char text[1024];
	strcpy(directory, "/tmp/greyline-helper-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(state_path, sizeof(state_path), "%s/test.state", directory);
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", directory);
	snprintf(script, sizeof(script), "%s/ip-up", directory);
	snprintf(slow, sizeof(slow), "%s/slow", directory);
	snprintf(missing, sizeof(missing), "%s/missing", directory);
	snprintf(output, sizeof(output), "%s/output", directory);
	snprintf(gate, sizeof(gate), "%s/gate", directory);
	assert_int_equal(mkfifo(gate, 0600), 0);
	/* A script that says when it starts and ends, in whose name, and with what; it waits at
	 * the gate when told to. */
	snprintf(text, sizeof(text),
		"#!/bin/sh\necho \"start $1 $IFNAME\" >> %s\n"
		"[ \"$1\" = env ] && env | sort | grep -v '^_=\\|^PWD=\\|^SHLVL=' >> %s\n"
		"[ \"$1\" = fds ] && ls -l /proc/self/fd >> %s\n"
		"[ -n \"$2\" ] && read line < $2\necho \"end $1\" >> %s\nexit ${3:-0}\n",
		output, output, output, output);
	spill(script, text, 0755);
	spill(slow, "#!/bin/sh\nsleep 1000\n", 0755);
	snprintf(program, sizeof(program), "%s/program", directory);
	snprintf(text, sizeof(text),
		"#!/bin/sh\ntrap 'echo hangup >> %s; exit 7' HUP\necho \"run $*\" >> %s\n"
		"[ -t 0 ] && [ -t 1 ] && [ ! -t 2 ] && echo terminal >> %s\n"
		"echo ready\nread line\necho \"read $line\" >> %s\nexit 3\n",
		output, output, output, output);
	spill(program, text, 0755);
	spill(resolv, "nameserver 192.0.2.53\n", 0644);
}

static int set_up(void **state)
{
	char error[256];
	struct helper_config config = configuration();
	has_nft = system("command -v nft >/dev/null 2>&1 || [ -x /usr/sbin/nft ]") == 0;
	write_files();
	run("ip link add gl-io-a type veth peer name gl-io-b; ip addr add 192.0.2.1/24 dev gl-io-a;"
	    "ip link set gl-io-a up; ip link set gl-io-b up");
	run("echo 0 > /proc/sys/net/ipv4/ip_forward");
	if (helper_start(&helper, &config, NULL, NULL, error) != 0)
		fail_msg("%s", error);
	waiting_open();
	assert_int_equal(helper_attach(helper, &loop, NULL, NULL), 0);
	answers = 0;
	return 0;
}

static int tear_down(void **state)
{
	if (helper)
		helper_stop(helper, SECONDS(5));
	waiting_close();
	run("ip link del gl-io-a");
	run("rm -rf '%s'", directory);
	return 0;
}

static struct nft_config nat(void)
{
	struct nft_config config = {.masquerade = true};
	strcpy(config.table, "greyline_test");
	strcpy(config.interface, "greyline0");
	config.pool = (struct prefix){address_ipv4(0x0a090000), 24};
	return config;
}

static bool table_there(void)
{
	return system("nft list table inet greyline_test >/dev/null 2>&1") == 0;
}

static void test_nat(void **state)
{
	struct answer answer = {0};
	struct nft_config config = nat();
	if (!has_nft) {
		printf("skipped: nft is not installed\n");
		return;
	}
	helper_nat(helper, &config, on_done, &answer);
	expect(&answer, 0);
	assert_true(table_there());
	assert_non_null(strstr(slurp(state_path), "nft greyline_test\n"));
	helper_nat(helper, &config, on_done, &answer); /* again: replaced */
	expect(&answer, 0);
	helper_nat_remove(helper, "greyline_test", on_done, &answer);
	expect(&answer, 0);
	assert_false(table_there());
	assert_null(strstr(slurp(state_path), "nft"));
	helper_nat_remove(helper, "greyline_test", on_done, &answer); /* not there: fine */
	expect(&answer, 0);
	strcpy(config.interface, "x\" accept; #");
	helper_nat(helper, &config, on_done, &answer);
	WAIT_FOR(answer.come);
	assert_int_equal(answer.result, -EINVAL);
	assert_true(answer.error[0]);
}

static void test_sysctl(void **state)
{
	struct answer answer = {0};
	helper_sysctl(helper, HELPER_IPV4_FORWARD, "1", on_done, &answer);
	expect(&answer, 0);
	assert_string_equal(slurp("/proc/sys/net/ipv4/ip_forward"), "1\n");
	assert_non_null(strstr(slurp(state_path), "sysctl net.ipv4.ip_forward 0\n"));
	helper_sysctl(helper, HELPER_SYSCTL_COUNT, "1", on_done, &answer);
	expect(&answer, -EINVAL);
	helper_sysctl(helper, HELPER_IPV4_FORWARD, "1; reboot", on_done, &answer);
	expect(&answer, -EINVAL);
	helper_undo(helper, on_done, &answer);
	expect(&answer, 0);
	assert_string_equal(slurp("/proc/sys/net/ipv4/ip_forward"), "0\n");
}

static struct netlink_route server_route(void)
{
	struct netlink *nl;
	assert_int_equal(netlink_open(&nl), 0);
	struct netlink_route route = {
		.destination = {address_ipv4(0xc6336401), 32}, /* 198.51.100.1 */
		.gateway = address_ipv4(0xc00002fe),
		.link = (unsigned)netlink_link_index(nl, "gl-io-a"),
	};
	netlink_close(nl);
	return route;
}

static bool route_there(void)
{
	return system("ip route show 198.51.100.1 | grep -q 192.0.2.254") == 0;
}

static void test_route(void **state)
{
	struct answer answer = {0};
	struct netlink_route route = server_route();
	helper_route_add(helper, &route, on_done, &answer);
	expect(&answer, 0);
	assert_true(route_there());
	assert_non_null(strstr(slurp(state_path), "route 198.51.100.1/32 192.0.2.254 gl-io-a 0\n"));
	helper_route_add(helper, &route, on_done, &answer);
	expect(&answer, 0);
	helper_route_delete(helper, &route, on_done, &answer);
	expect(&answer, 0);
	assert_false(route_there());
	assert_null(strstr(slurp(state_path), "route"));
}

/* A route somebody else made is used, not recorded and not removed. */
static void test_route_of_others(void **state)
{
	struct answer answer = {0};
	struct netlink_route route = server_route();
	run("ip route add 198.51.100.1 via 192.0.2.254");
	helper_route_add(helper, &route, on_done, &answer);
	expect(&answer, 0);
	assert_null(strstr(slurp(state_path), "route"));
	helper_route_delete(helper, &route, on_done, &answer);
	expect(&answer, 0);
	helper_undo(helper, on_done, &answer);
	expect(&answer, 0);
	assert_true(route_there());
}

static void test_dns(void **state)
{
	struct answer answer = {0};
	struct address server = address_ipv4(0x0a090001);
	helper_dns(helper, &server, 1, "", on_done, &answer);
	expect(&answer, 0);
	assert_non_null(strstr(slurp(resolv), "nameserver 10.9.0.1\n"));
	server = address_ipv4(0x0a090002);
	helper_dns(helper, &server, 1, "", on_done, &answer); /* the first backup stays */
	expect(&answer, 0);
	helper_dns_restore(helper, on_done, &answer);
	expect(&answer, 0);
	assert_string_equal(slurp(resolv), "nameserver 192.0.2.53\n");
}

/* Lets one script that waits at the gate go on. */
static void open_gate(void)
{
	int fd = open(gate, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "go\n", 3), 3);
	close(fd);
}

static void start_script(uint32_t key, const char *name, const char *wait_at, const char *status,
	struct answer *answer)
{
	const char *arguments[] = {name, wait_at, status};
	const char *environment[] = {"IFNAME=ppp0"};
	helper_script(helper, key, 0, arguments, 3, environment, 1, on_done, answer);
}

static void test_scripts_of_one_key_in_order(void **state)
{
	struct answer up = {0}, down = {0}, other = {0};
	start_script(7, "up", gate, "3", &up);
	start_script(7, "down", "", "0", &down);
	start_script(8, "other", "", "0", &other);
	WAIT_FOR(other.come); /* another session does not wait */
	assert_false(up.come || down.come);
	assert_null(strstr(slurp(output), "start down"));
	assert_int_equal(helper_pending(helper), 2);
	open_gate();
	WAIT_FOR(down.come);
	assert_int_equal(up.result, 3);
	assert_int_equal(down.result, 0);
	assert_int_equal(up.order, 2);
	const char *text = slurp(output);
	assert_true(strstr(text, "end up") < strstr(text, "start down"));
	assert_non_null(strstr(text, "start up ppp0\n"));
	assert_int_equal(helper_pending(helper), 0);
}

static void test_script_environment_is_closed(void **state)
{
	struct answer answer = {0};
	const char *arguments[] = {"env"};
	const char *good[] = {
		"USEPEERDNS=1", "IFNAME=ppp1", "PEERNAME=a b;c", "DNS2=192.0.2.1", "UNIT=1"};
	const char *bad[] = {"LD_PRELOAD=/tmp/x.so"};
	setenv("GREYLINE_TEST_SECRET", "inherited", 1);
	helper_script(helper, 1, 0, arguments, 1, good, 5, on_done, &answer);
	expect(&answer, 0);
	assert_string_equal(slurp(output),
		"start env ppp1\nDNS2=over\nIFNAME=ppp1\nMINE=x y\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		"PEERNAME=a b;c\nUNIT=1\nend env\n");
	helper_script(helper, 1, 0, arguments, 1, bad, 1, on_done, &answer);
	expect(&answer, -EINVAL);
}

static void test_script_has_no_descriptors(void **state)
{
	struct answer answer = {0};
	start_script(1, "fds", "", "0", &answer);
	expect(&answer, 0);
	const char *text = slurp(output);
	assert_non_null(strstr(text, " 0 -> /dev/null"));
	assert_null(strstr(text, "socket:"));
	assert_null(strstr(text, "signalfd"));
}

static void test_scripts_that_fail(void **state)
{
	struct answer answer = {0};
	helper_script(helper, 1, 2, NULL, 0, NULL, 0, on_done, &answer); /* missing */
	expect(&answer, -ENOENT);
	helper_script(helper, 1, 9, NULL, 0, NULL, 0, on_done, &answer); /* none of ours */
	expect(&answer, -EINVAL);
}

static void test_more_scripts_than_may_run(void **state)
{
	enum { MANY = 3 * HELPER_RUNNING_MAX };
	static struct answer many[MANY];
	memset(many, 0, sizeof(many));
	for (uint32_t i = 0; i < MANY; i++)
		start_script(i + 1, "many", "", "0", &many[i]);
	for (uint32_t i = 0; i < MANY; i++)
		expect(&many[i], 0);
}

/* Undo waits for what was asked before, and what was asked later waits for it. */
static void test_undo_is_a_barrier(void **state)
{
	struct answer up = {0}, undo = {0}, later = {0};
	start_script(5, "up", gate, "0", &up);
	helper_undo(helper, on_done, &undo);
	start_script(6, "later", "", "0", &later);
	open_gate(); /* returns when the first script waits there */
	WAIT_FOR(later.come);
	assert_int_equal(up.order, 1);
	assert_int_equal(undo.order, 2);
	assert_int_equal(later.order, 3);
}

static void test_a_second_instance_is_refused(void **state)
{
	struct helper_config config = configuration();
	struct helper *second;
	char error[256] = "";
	pid_t child = fork();
	if (child == 0)
		_exit(helper_start(&second, &config, NULL, NULL, error) == -EBUSY &&
					strstr(error, "Another instance")
				? 0
				: 1);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(state_age(state_path, NULL), STATE_LIVE);
}

/* On a terminal of ours, with poptop's arguments; the master's descriptor. */
static int start_program(uint32_t key, struct answer *answer)
{
	const struct helper_program told = {
		.local4 = 0x0a620001, .remote4 = 0x0a620002, .client = address_ipv4(0xc0000207)};
	int master, slave;
	char said[16] = "";
	assert_int_equal(pty_open(&master, &slave), 0);
	helper_program(helper, key, slave, &told, on_done, answer);
	close(slave);
	WAIT_FOR(answer->come || read(master, said, sizeof(said)) > 0);
	assert_memory_equal(said, "ready", 5);
	return master;
}

static void test_a_program_on_a_terminal(void **state)
{
	struct answer answer = {0}, other = {0};
	char expected[256];
	int master = start_program(9, &answer);
	/* Nobody waits for it, whatever his key is. */
	start_script(9, "up", "", "0", &other);
	expect(&other, 0);
	assert_false(answer.come);
	assert_int_equal(write(master, "hello\n", 6), 6);
	expect(&answer, 3);
	close(master);
	snprintf(expected, sizeof(expected),
		"run local file /etc/ppp/pptpd-options 115200 10.98.0.1:10.98.0.2 ipparam "
		"192.0.2.7 remotenumber 192.0.2.7\nterminal\n");
	assert_non_null(strstr(slurp(output), expected));
	assert_non_null(strstr(slurp(output), "read hello\n"));
}

static void test_a_program_is_told_to_end(void **state)
{
	struct answer one = {0}, two = {0};
	int first = start_program(1, &one), second = start_program(2, &two);
	helper_program_end(helper, 1);
	helper_program_end(helper, 3); /* nobody's */
	expect(&one, 7);
	assert_non_null(strstr(slurp(output), "hangup\n"));
	assert_false(two.come);
	close(second); /* the terminal is gone: end of file */
	expect(&two, 3);
	close(first);
}

static void test_a_program_that_cannot_run(void **state)
{
	struct answer answer = {0};
	const struct helper_program told = {.local4 = 1};
	int master, slave;
	assert_int_equal(pty_open(&master, &slave), 0);
	unlink(program);
	helper_program(helper, 1, slave, &told, on_done, &answer);
	WAIT_FOR(answer.come);
	assert_int_equal(answer.result, -ENOENT);
	assert_non_null(strstr(answer.error, "Couldn't run /tmp/greyline-helper-"));
	memset(&answer, 0, sizeof(answer));
	helper_program(helper, 1, -1, &told, on_done, &answer);
	expect(&answer, -EINVAL);
	close(slave);
	close(master);
}

static bool was_lost;
static void on_lost(void *context)
{
	was_lost = true;
}

static void restart(uint64_t script_timeout)
{
	char error[256];
	struct helper_config config = configuration();
	config.script_timeout_us = script_timeout;
	helper_stop(helper, SECONDS(5));
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(helper_start(&helper, &config, NULL, NULL, error), 0);
	assert_int_equal(helper_attach(helper, &loop, on_lost, NULL), 0);
}

static void test_a_script_that_never_ends(void **state)
{
	struct answer answer = {0};
	restart(MS(100));
	helper_script(helper, 1, 1, NULL, 0, NULL, 0, on_done, &answer);
	expect(&answer, -ETIMEDOUT);
}

static void test_a_dead_helper_is_told(void **state)
{
	struct answer answer = {0}, after = {0};
	restart(0);
	start_script(1, "up", gate, "0", &answer);
	start_script(2, "other", "", "0", &after);
	expect(&after, 0); /* so the first one runs */
	kill(helper_pid(helper), SIGKILL);
	WAIT_FOR(answer.come);
	open_gate(); /* its script is nobody's now */
	assert_int_equal(answer.result, -EPIPE);
	assert_true(was_lost);
	helper_dns_restore(helper, on_done, &after);
	WAIT_FOR(after.come);
	assert_int_equal(after.result, -EPIPE);
}

/* The main process, killed without warning in the middle of everything. */
static void die_with_changes(int ready)
{
	char error[256];
	struct helper_config config = configuration();
	struct helper *mine;
	struct answer answer = {0};
	struct nft_config n = nat();
	struct netlink_route route = server_route();
	struct address server = address_ipv4(0x0a090001);
	uv_loop_t own;
	uv_loop_init(&own);
	if (helper_start(&mine, &config, NULL, NULL, error) != 0)
		_exit(1);
	helper_attach(mine, &own, NULL, NULL);
	if (has_nft)
		helper_nat(mine, &n, NULL, NULL);
	helper_sysctl(mine, HELPER_IPV4_FORWARD, "1", NULL, NULL);
	helper_route_add(mine, &route, NULL, NULL);
	helper_dns(mine, &server, 1, "", on_done, &answer);
	while (!answer.come)
		uv_run(&own, UV_RUN_ONCE);
	pid_t pid = helper_pid(mine);
	if (answer.result != 0 || write(ready, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	pause();
	_exit(1);
}

static void test_kill_9_leaves_nothing(void **state)
{
	int ends[2];
	pid_t grandchild;
	helper_stop(helper, SECONDS(5));
	helper = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(access(state_path, F_OK), -1);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0)
		die_with_changes(ends[1]);
	assert_int_equal(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_true(!has_nft || table_there());
	assert_true(route_there());
	assert_string_equal(slurp("/proc/sys/net/ipv4/ip_forward"), "1\n");
	assert_non_null(strstr(slurp(resolv), "10.9.0.1"));
	/* TERM to the group must not end the helper before its time. */
	kill(grandchild, SIGTERM);
	kill(grandchild, SIGINT);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(waitpid(grandchild, NULL, 0), grandchild); /* ours now: subreaper */
	assert_false(table_there());
	assert_false(route_there());
	assert_string_equal(slurp("/proc/sys/net/ipv4/ip_forward"), "0\n");
	assert_string_equal(slurp(resolv), "nameserver 192.0.2.53\n");
	assert_int_equal(access(state_path, F_OK), -1);
	close(ends[0]);
	close(ends[1]);
}

/* Both were killed: the next start undoes it, before anything else. */
static void keep_log(void *context, const char *line)
{
	strncat(context, line, 500);
}

static void test_the_next_start_undoes(void **state)
{
	int ends[2];
	pid_t grandchild;
	char error[256], log[1024] = "";
	struct helper_config config = configuration();
	helper_stop(helper, SECONDS(5));
	uv_run(&loop, UV_RUN_NOWAIT);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0)
		die_with_changes(ends[1]);
	assert_int_equal(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	kill(grandchild, SIGKILL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	waitpid(grandchild, NULL, 0);
	assert_true(route_there());
	assert_int_equal(state_age(state_path, NULL), STATE_STALE);
	assert_int_equal(helper_start(&helper, &config, keep_log, log, error), 0);
	assert_non_null(strstr(log, "undoing"));
	assert_false(table_there());
	assert_false(route_there());
	assert_string_equal(slurp("/proc/sys/net/ipv4/ip_forward"), "0\n");
	assert_string_equal(slurp(resolv), "nameserver 192.0.2.53\n");
	close(ends[0]);
	close(ends[1]);
}

/* What a taken-over main process might send. */
static void test_requests_are_checked(void **state)
{
	uint8_t bytes[HELPER_MESSAGE_MAX], changed[HELPER_MESSAGE_MAX];
	struct helper_request request = {.id = 1, .operation = HELPER_SCRIPT}, got;
	request.script.arguments[0] = "a";
	request.script.argument_count = 1;
	request.script.environment[0] = "IFNAME=x";
	request.script.environment_count = 1;
	size_t length = helper_write_request(bytes, &request);
	assert_true(helper_read_request(&got, bytes, length));
	assert_string_equal(got.script.environment[0], "IFNAME=x");
	for (size_t cut = 0; cut < length; cut++)
		assert_false(helper_read_request(&got, bytes, cut));
	memcpy(changed, bytes, length);
	changed[length] = 0;
	assert_false(helper_read_request(&got, changed, length + 1)); /* something behind */
	changed[length - 1] = 'x';                                    /* a string without its end */
	assert_false(helper_read_request(&got, changed, length));
	memcpy(changed, bytes, length);
	changed[8] = HELPER_OPERATION_COUNT;
	assert_false(helper_read_request(&got, changed, length));
	assert_true(helper_variable_allowed("DNS1=1.2.3.4"));
	assert_false(helper_variable_allowed("DNS1"));
	assert_false(helper_variable_allowed("DNS=1"));
	assert_false(helper_variable_allowed("=x"));
}

static void test_every_request_round_trips(void **state)
{
	uint8_t bytes[HELPER_MESSAGE_MAX];
	struct helper_request got;
	for (unsigned operation = 0; operation < HELPER_OPERATION_COUNT; operation++) {
		struct helper_request request = {
			.id = 99, .key = 5, .operation = (enum helper_operation)operation};
		switch (request.operation) {
		case HELPER_NAT:
			request.nat = nat();
			break;
		case HELPER_NAT_REMOVE:
			strcpy(request.nat.table, "t");
			break;
		case HELPER_SYSCTL:
			request.sysctl.which = 1;
			strcpy(request.sysctl.value, "1");
			break;
		case HELPER_ROUTE_ADD:
		case HELPER_ROUTE_DELETE:
			request.route.destination = (struct prefix){address_ipv4(0x01020304), 32};
			request.route.gateway = address_ipv4(5);
			request.route.source = address_ipv4(6);
			request.route.link = 7;
			request.route.metric = 8;
			break;
		case HELPER_RENEW:
			request.renew.client = "alice";
			request.renew.server = "";
			request.renew.word = "a \"b\"";
			break;
		case HELPER_DNS:
			request.dns.count = 2;
			request.dns.servers[0] = address_ipv4(1);
			request.dns.servers[1].family = 6;
			request.dns.search = "a.example";
			break;
		case HELPER_PROGRAM:
			request.program = (struct helper_program){
				.local4 = 1, .remote4 = 2, .client = address_ipv4(3)};
			break;
		case HELPER_PROGRAM_END:
		case HELPER_PROXY:
			break;
		case HELPER_SCRIPT:
		case HELPER_DNS_RESTORE:
		case HELPER_UNDO:
		case HELPER_OPERATION_COUNT:
			break;
		}
		size_t length = helper_write_request(bytes, &request);
		assert_true(helper_read_request(&got, bytes, length));
		if (request.operation == HELPER_RENEW) {
			assert_string_equal(got.renew.client, "alice");
			assert_string_equal(got.renew.server, "");
			assert_string_equal(got.renew.word, "a \"b\"");
			memset(&got.renew, 0, sizeof got.renew);
			memset(&request.renew, 0, sizeof request.renew);
		}
		if (request.operation == HELPER_DNS) {
			assert_string_equal(got.dns.search, "a.example");
			got.dns.search = request.dns.search;
		}
		assert_memory_equal(&got, &request, sizeof(got));
		for (size_t cut = 0; cut < length; cut++)
			assert_false(helper_read_request(&got, bytes, cut));
	}
}

static void test_renewal(void **state)
{
	struct answer answer = {0}, refused = {0};
	helper_renew(helper, "alice", NULL, "two words", on_done, &answer);
	WAIT_FOR(answer.come);
	assert_int_equal(answer.result, 0);
	assert_string_equal(slurp(output), "alice * two words\n");
	helper_renew(helper, "nobody", "srv", "x", on_done, &refused);
	WAIT_FOR(refused.come);
	assert_int_equal(refused.result, -ESTALE);
	assert_non_null(strstr(refused.error, "no such user"));
	assert_string_equal(slurp(output), "alice * two words\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	netns_enter_or_skip();
	const struct CMUnitTest tests[] = {
		TEST(test_nat),
		TEST(test_sysctl),
		TEST(test_route),
		TEST(test_route_of_others),
		TEST(test_dns),
		TEST(test_scripts_of_one_key_in_order),
		TEST(test_script_environment_is_closed),
		TEST(test_script_has_no_descriptors),
		TEST(test_scripts_that_fail),
		TEST(test_more_scripts_than_may_run),
		TEST(test_renewal),
		TEST(test_a_program_on_a_terminal),
		TEST(test_a_program_is_told_to_end),
		TEST(test_a_program_that_cannot_run),
		TEST(test_undo_is_a_barrier),
		TEST(test_a_second_instance_is_refused),
		TEST(test_a_script_that_never_ends),
		TEST(test_a_dead_helper_is_told),
		TEST(test_kill_9_leaves_nothing),
		TEST(test_the_next_start_undoes),
		cmocka_unit_test(test_requests_are_checked),
		cmocka_unit_test(test_every_request_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
