/* The control socket: replies, a reader that does not read, and captures that end with their
 * client, whatever happened to the reply. The data plane is a recorder. */
#include "expect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fanout.h"
#include "manage.h"

enum { ECHO_SIZE = 60000, ECHOS_MAX = 1000 };

/* What the data plane was told last. */
static struct {
	unsigned calls;
	bool running;
} recorded;

static void record_capture(struct dataplane *dataplane, dataplane_tap *tap, void *context)
{
	recorded.calls++;
	recorded.running = tap != NULL;
}

static void no_drops(struct dataplane *dataplane, uint64_t drops[DROP_COUNT])
{
	memset(drops, 0, DROP_COUNT * sizeof *drops);
}

static const struct dataplane_ops recorder = {
	.name = "recorder", .capture = record_capture, .drops = no_drops};
static const struct host_policy policy = {.role = "client"};

static struct host host;
static struct settings settings;
static char folder[64], path[80], call[ECHO_SIZE + 64];

static int open_host(void **state)
{
	strcpy(folder, "/tmp/greyline-manage-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/it.sock", folder);
	settings = (struct settings){.run_dir = folder};
	host = (struct host){.settings = &settings,
		.policy = &policy,
		.plane = &recorder,
		.timer_fd = -1,
		.loop_open = true};
	memset(&recorded, 0, sizeof recorded);
	log_init(&host.log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_STYLE_TIME, false);
	assert_int_equal(uv_loop_init(&host.loop), 0);
	assert_int_equal(seats_init(&host.seats, 4), 0);
	assert_int_equal(manage_open(&host, "it.sock"), 0);
	return 0;
}

static int close_host(void **state)
{
	int log = host.log.fd;
	host_end(&host);
	close(log);
	assert_int_equal(access(path, F_OK), -1);
	return rmdir(folder);
}

static void turn(void)
{
	for (unsigned i = 0; i < 4; i++)
		uv_run(&host.loop, UV_RUN_NOWAIT);
}

static int dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	strcpy(to.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	turn();
	return fd;
}

/* Whether the whole call could be sent: the server takes it, or has closed. */
static bool ask(int fd, const char *text)
{
	size_t left = strlen(text) + 1;
	while (left) {
		ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			text += sent;
			left -= (size_t)sent;
		}
		turn();
	}
	return true;
}

/* Calls a method that is not there, whose long name comes back, up to `most` times without reading
 * anything; how often until the connection was closed. */
static unsigned echo(int fd, unsigned most)
{
	unsigned count = 0;
	snprintf(call, sizeof call, "{\"method\":\"%0*d\"}", ECHO_SIZE, 0);
	while (count < most && ask(fd, call))
		count++;
	return count;
}

static void expect_reply(int fd, const char *start)
{
	char reply[512] = "";
	assert_true(recv(fd, reply, sizeof reply - 1, 0) > 0);
	assert_memory_equal(reply, start, strlen(start));
}

static void test_an_unread_reply_closes(void **state)
{
	int fd = dial();
	unsigned count = echo(fd, ECHOS_MAX);
	assert_in_range(count, 100, 300); /* 8 MiB and what the socket holds */
	close(fd);
	fd = dial(); /* others are served */
	assert_true(ask(fd, "{\"method\":\"org.greyline.Sessions\"}"));
	expect_reply(fd, "{\"parameters\":{\"sessions\":[]}}");
	close(fd);
}

/* The reply to a capture is the one that finds the queue full. */
static void test_a_capture_ends_with_its_client(void **state)
{
	int fd = dial();
	unsigned most = echo(fd, ECHOS_MAX);
	close(fd);
	turn();
	bool closed_by_reply = false;
	for (unsigned count = most - 3; count <= most; count++) {
		fd = dial();
		if (echo(fd, count) == count) {
			unsigned before = recorded.calls;
			ask(fd, "{\"method\":\"org.greyline.Capture\"}");
			closed_by_reply |= recorded.calls > before && !recorded.running;
		}
		close(fd);
		turn();
		assert_false(recorded.running);
	}
	assert_true(closed_by_reply);
}

/* A capture that could not start, for want of a descriptor, gives its place back. */
static void test_a_failed_capture_keeps_no_place(void **state)
{
	struct rlimit before, none;
	int fd = dial(), next = dup(fd);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){(rlim_t)next, before.rlim_max};
	for (unsigned i = 0; i <= FANOUT_MAX; i++) {
		setrlimit(RLIMIT_NOFILE, &none);
		assert_true(ask(fd, "{\"method\":\"org.greyline.Capture\"}"));
		setrlimit(RLIMIT_NOFILE, &before);
		expect_reply(fd, "{\"error\":\"org.greyline.CaptureFailed\"");
	}
	assert_true(ask(fd, "{\"method\":\"org.greyline.Capture\"}"));
	expect_reply(fd, "{\"parameters\":{\"inner\":false}}");
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_unread_reply_closes),
		TEST(test_a_capture_ends_with_its_client),
		TEST(test_a_failed_capture_keeps_no_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
