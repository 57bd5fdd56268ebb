/* Which worker and which session is told what of a path, and when. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane_paths.h"
#include "netns.h"
#include "waiting.h"

enum { SESSIONS = 16 };

static struct dataplane_paths *paths;

static struct {
	unsigned told[3]; /* how often a worker heard of a path */
	unsigned ended[3];
	uint32_t index; /* of the last one */
	struct path path;
	unsigned sessions;         /* commands */
	uint16_t mtu[SESSIONS];    /* by session index */
	uint32_t number[SESSIONS]; /* of its path */
} heard;

static void tell_path(void *context, unsigned worker, uint32_t index, const struct path *path)
{
	assert_true(worker < 3 && index > 0);
	heard.index = index;
	if (path) {
		heard.told[worker]++;
		heard.path = *path;
	} else {
		heard.ended[worker]++;
	}
}

static void tell_session(void *context, const struct datapath_command *command)
{
	uint32_t place = command->subject & 0xffff;
	assert_int_equal(command->kind, DATAPATH_PATH);
	assert_true(place < SESSIONS);
	/* The worker has heard of the path before. */
	assert_true(heard.told[0] + heard.told[1] + heard.told[2] > 0);
	heard.sessions++;
	heard.mtu[place] = command->path.mtu;
	heard.number[place] = command->path.index;
}

static int set_up(void **state)
{
	char error[256];
	struct dataplane_paths_config config = {.loop = &loop,
		.sessions_max = SESSIONS,
		.tell_path = tell_path,
		.tell_session = tell_session};
	run("ip link add gl-F-a type veth peer name gl-F-b; ip addr add 192.0.2.1/24 dev gl-F-a");
	run("ip link set gl-F-a up; ip link set gl-F-b up");
	memset(&heard, 0, sizeof(heard));
	if (dataplane_paths_open(&paths, &config, error))
		fail_msg("%s", error);
	return 0;
}

static int tear_down(void **state)
{
	dataplane_paths_close(paths);
	uv_run(&loop, UV_RUN_NOWAIT);
	run("ip link del gl-F-a");
	return 0;
}

static void attach(uint32_t subject, const char *peer, unsigned worker)
{
	struct datapath_command command = {.kind = DATAPATH_ATTACH,
		.subject = subject,
		.attach = {.local = ip("192.0.2.1"), .peer = ip(peer)}};
	dataplane_paths_attach(paths, &command, worker);
}

static void test_told(void **state)
{
	attach(1 << 16 | 3, "192.0.2.2", 0);
	assert_int_equal(heard.told[0], 1);
	assert_int_equal(heard.sessions, 1);
	assert_int_equal(heard.mtu[3], 1500);
	assert_int_equal(heard.number[3], heard.index);
	attach(1 << 16 | 4, "192.0.2.2", 0); /* the same worker knows the path */
	assert_int_equal(heard.told[0], 1);
	assert_int_equal(heard.number[4], heard.number[3]);
	attach(1 << 16 | 5, "192.0.2.2", 1); /* another does not */
	assert_int_equal(heard.told[1], 1);
	attach(1 << 16 | 6, "192.0.2.3", 1); /* another path */
	assert_int_equal(heard.told[1], 2);
	assert_int_not_equal(heard.number[6], heard.number[3]);
	assert_int_equal(heard.told[2], 0);

	run("ip link set gl-F-a mtu 1400");
	WAIT_FOR(heard.mtu[3] == 1400 && heard.mtu[4] == 1400 && heard.mtu[5] == 1400 &&
		 heard.mtu[6] == 1400);
	assert_int_equal(heard.sessions, 8);
	assert_int_equal(heard.told[0], 2);
	assert_int_equal(heard.told[1], 4);

	/* Without a route the path is told, the MTU stays what it was. */
	run("ip link set gl-F-a down");
	WAIT_FOR(heard.told[0] == 3 && heard.told[1] == 6);
	assert_int_equal(heard.path.link, 0);
	assert_int_equal(heard.sessions, 8);
}

static void test_ends(void **state)
{
	attach(1 << 16 | 3, "192.0.2.2", 0);
	attach(1 << 16 | 4, "192.0.2.2", 1);
	attach(1 << 16 | 5, "192.0.2.2", 1);
	uint32_t number = heard.number[3];
	dataplane_paths_detach(paths, 2 << 16 | 3); /* of another generation */
	dataplane_paths_detach(paths, 1 << 16 | 9); /* never attached */
	dataplane_paths_detach(paths, 1 << 16 | 4); /* in the middle of the list */
	dataplane_paths_detach(paths, 1 << 16 | 3);
	assert_int_equal(heard.ended[0] + heard.ended[1], 0);
	dataplane_paths_suspect(paths, number);
	run("ip link set gl-F-a mtu 1300");
	WAIT_FOR(heard.mtu[5] == 1300);
	assert_int_equal(heard.mtu[3], 1500);
	dataplane_paths_detach(paths, 1 << 16 | 5);
	assert_int_equal(heard.ended[0], 1); /* everybody who was told of it */
	assert_int_equal(heard.ended[1], 1);
	assert_int_equal(heard.ended[2], 0);
	dataplane_paths_suspect(paths, number); /* too late: nobody minds */
	dataplane_paths_suspect(paths, UINT32_MAX);
	attach(2 << 16 | 3, "192.0.2.9", 2); /* the number again, for another */
	assert_int_equal(heard.number[3], number);
	assert_int_equal(heard.told[2], 1);
	assert_true(heard.path.peer.bytes[3] == 9);
}

static void test_full(void **state)
{
	char peer[32];
	for (uint32_t n = 0; n < SESSIONS; n++) {
		snprintf(peer, sizeof(peer), "192.0.2.%u", 10 + n);
		attach(1 << 16 | n, peer, n % 3);
	}
	assert_int_equal(heard.told[0] + heard.told[1] + heard.told[2], SESSIONS);
	assert_int_equal(heard.sessions, SESSIONS);
	for (uint32_t n = 0; n < SESSIONS; n++)
		dataplane_paths_detach(paths, 1 << 16 | n);
	assert_int_equal(heard.ended[0] + heard.ended[1] + heard.ended[2], SESSIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
	};
	netns_enter_or_skip();
	waiting_open();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	waiting_close();
	return failed;
}
