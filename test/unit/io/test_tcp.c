/* TCP on loopback: both ends in one loop. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "limits.h"
#include "tcp.h"
#include "waiting.h"

enum { GUARD_SECONDS = 20, BIG = 200000 };

static struct tcp_listener *listener;

/* One end of a connection, and what it heard. */
struct end {
	struct tcp_connection *connection;
	unsigned opened, closed;
	int error;
	size_t received;
	uint32_t sum; /* of position and value: order matters */
	char start[64];
};

static struct end accepted[4], dialled;
static unsigned accepts;
static bool refuse, close_on_data;

static void on_opened(void *context, struct tcp_connection *connection)
{
	struct end *end = context;
	end->opened++;
}

static void on_received(
	void *context, struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
	struct end *end = context;
	for (size_t i = 0; i < length; i++, end->received++) {
		if (end->received < sizeof(end->start) - 1)
			end->start[end->received] = (char)bytes[i];
		end->sum = end->sum * 31 + bytes[i];
	}
	if (close_on_data)
		tcp_close(connection, SECONDS(5));
}

static void on_closed(void *context, struct tcp_connection *connection, int error)
{
	struct end *end = context;
	end->closed++;
	end->error = error;
	end->connection = NULL;
}

static const struct tcp_handlers handlers = {on_opened, on_received, on_closed};

static void on_accepted(void *context, struct tcp_connection *connection)
{
	if (refuse) {
		tcp_abort(connection);
		accepts++;
		return;
	}
	struct end *end = &accepted[accepts++];
	end->connection = connection;
	tcp_start(connection, &handlers, end);
}

static int set_up(void **state)
{
	char error[256];
	struct tcp_listen_config config = {
		.address = address_ipv4(0x7f000001), .accepted = on_accepted};
	memset(accepted, 0, sizeof(accepted));
	memset(&dialled, 0, sizeof(dialled));
	accepts = 0;
	refuse = close_on_data = false;
	waiting_open();
	if (tcp_listen(&listener, &loop, &config, error) != 0)
		fail_msg("%s", error);
	return 0;
}

static int tear_down(void **state)
{
	for (unsigned i = 0; i < accepts && i < 4; i++)
		if (accepted[i].connection)
			tcp_abort(accepted[i].connection);
	if (dialled.connection)
		tcp_abort(dialled.connection);
	tcp_listener_close(listener);
	waiting_close();
	return 0;
}

static void dial(struct end *end, const char *host, uint64_t timeout)
{
	struct tcp_dial_config config = {
		.host = host,
		.port = tcp_listener_port(listener),
		.family = 4,
		.timeout_us = timeout,
		.handlers = &handlers,
		.context = end,
	};
	assert_int_equal(tcp_dial(&end->connection, &loop, &config), 0);
	assert_int_equal(end->opened + end->closed, 0); /* never from inside the call */
}

static void connect_both(void)
{
	dial(&dialled, "127.0.0.1", 0);
	WAIT_FOR(dialled.opened && accepts);
}

static void test_talk_both_ways(void **state)
{
	struct address home = address_ipv4(0x7f000001), got;
	connect_both();
	tcp_send(dialled.connection, "hello ", 6);
	tcp_send(dialled.connection, "server", 6);
	tcp_send(accepted[0].connection, "hello client", 12);
	WAIT_FOR(accepted[0].received == 12 && dialled.received == 12);
	assert_string_equal(accepted[0].start, "hello server");
	assert_string_equal(dialled.start, "hello client");
	got = tcp_peer(accepted[0].connection);
	assert_true(address_equal(&got, &home));
	got = tcp_local(dialled.connection);
	assert_true(address_equal(&got, &home));
	assert_int_equal(tcp_peer_port(dialled.connection), tcp_listener_port(listener));
	assert_int_equal(tcp_queued(dialled.connection), 0);
}

static void test_a_name_is_resolved(void **state)
{
	dial(&dialled, "localhost", 0);
	WAIT_FOR(dialled.opened && accepts);
}

static void test_a_name_that_is_none(void **state)
{
	char name[TCP_HOST_MAX + 2];
	dial(&dialled, "no-such-host.invalid", 0);
	WAIT_FOR(dialled.closed);
	assert_true(dialled.error < 0);
	assert_true(strlen(tcp_error(dialled.error)) > 0);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct tcp_dial_config config = {.host = name, .handlers = &handlers};
	assert_int_equal(tcp_dial(&dialled.connection, &loop, &config), -ENAMETOOLONG);
	dialled.connection = NULL;
}

static void test_refused(void **state)
{
	struct tcp_dial_config config = {
		.host = "127.0.0.1", .port = 1, .handlers = &handlers, .context = &dialled};
	assert_int_equal(tcp_dial(&dialled.connection, &loop, &config), 0);
	WAIT_FOR(dialled.closed);
	assert_int_equal(dialled.error, -ECONNREFUSED);
	assert_int_equal(dialled.opened, 0);
}

static void test_local_address(void **state)
{
	struct address local = address_ipv4(0x7f000005), got;
	struct tcp_dial_config config = {
		.host = "127.0.0.1",
		.port = tcp_listener_port(listener),
		.local = local,
		.handlers = &handlers,
		.context = &dialled,
	};
	assert_int_equal(tcp_dial(&dialled.connection, &loop, &config), 0);
	WAIT_FOR(accepts);
	got = tcp_peer(accepted[0].connection);
	assert_true(address_equal(&got, &local));
}

/* A host that does not answer: SYNs to a full queue are dropped. */
static void test_dial_times_out(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(in);
	int fds[8], deaf = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(deaf, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(deaf, 0), 0);
	getsockname(deaf, (struct sockaddr *)&in, &length);
	for (unsigned i = 0; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&in, sizeof(in));
	}
	struct tcp_dial_config config = {
		.host = "127.0.0.1",
		.port = ntohs(in.sin_port),
		.timeout_us = MS(30),
		.handlers = &handlers,
		.context = &dialled,
	};
	assert_int_equal(tcp_dial(&dialled.connection, &loop, &config), 0);
	WAIT_FOR(dialled.closed);
	assert_int_equal(dialled.error, -ETIMEDOUT);
	for (unsigned i = 0; i < 8; i++)
		close(fds[i]);
	close(deaf);
}

static void test_abort_while_dialling(void **state)
{
	dial(&dialled, "127.0.0.1", 0);
	tcp_abort(dialled.connection);
	tcp_abort(dialled.connection); /* twice is once */
	WAIT_FOR(dialled.closed);
	assert_int_equal(dialled.error, -ECANCELED);
	memset(&dialled, 0, sizeof(dialled));
	dial(&dialled, "localhost", 0);
	tcp_abort(dialled.connection); /* while the name is being resolved */
	WAIT_FOR(dialled.closed);
	assert_int_equal(dialled.error, -ECANCELED);
	assert_int_equal(dialled.opened, 0);
}

/* Closing in order: all that was queued arrives, then the end. */
static void test_close_flushes(void **state)
{
	static uint8_t bytes[BIG];
	uint32_t sum = 0;
	for (size_t i = 0; i < BIG; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 251);
		sum = sum * 31 + bytes[i];
	}
	connect_both();
	tcp_send(accepted[0].connection, bytes, BIG);
	tcp_close(accepted[0].connection, SECONDS(GUARD_SECONDS));
	tcp_send(accepted[0].connection, "too late", 8);
	WAIT_FOR(dialled.closed);
	assert_int_equal(dialled.received, BIG);
	assert_int_equal(dialled.sum, sum);
	assert_int_equal(dialled.error, 0);
	WAIT_FOR(accepted[0].closed);
	assert_int_equal(accepted[0].error, 0);
}

static void test_both_close_at_once(void **state)
{
	connect_both();
	tcp_send(accepted[0].connection, "last", 4);
	tcp_close(accepted[0].connection, SECONDS(GUARD_SECONDS));
	tcp_close(dialled.connection, SECONDS(GUARD_SECONDS));
	WAIT_FOR(accepted[0].closed && dialled.closed);
	assert_int_equal(accepted[0].error, 0);
	assert_int_equal(dialled.error, 0);
}

static void test_close_from_the_callback(void **state)
{
	close_on_data = true;
	connect_both();
	tcp_send(dialled.connection, "bye", 3);
	WAIT_FOR(accepted[0].closed && dialled.closed);
	assert_int_equal(dialled.error, 0);
}

/* A peer that never reads: the queue is bounded, the connection ends, others are served. */
static void test_queue_is_bounded(void **state)
{
	static const uint8_t bytes[65536];
	struct end second = {0};
	/* The dialled end is a socket nobody reads from. */
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(tcp_listener_port(listener))};
	int deaf = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)!connect(deaf, (struct sockaddr *)&in, sizeof(in));
	WAIT_FOR(accepts == 1);
	for (unsigned i = 0; i < 1000 && !accepted[0].closed; i++) {
		tcp_send(accepted[0].connection, bytes, sizeof(bytes));
		assert_true(tcp_queued(accepted[0].connection) <= TCP_QUEUE_MAX);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	WAIT_FOR(accepted[0].closed);
	assert_int_equal(accepted[0].error, -ENOBUFS);
	dial(&second, "127.0.0.1", 0);
	WAIT_FOR(accepts == 2 && second.opened);
	tcp_abort(second.connection);
	WAIT_FOR(second.closed);
	close(deaf);
}

static void test_linger_is_bounded(void **state)
{
	static const uint8_t bytes[65536];
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(tcp_listener_port(listener))};
	int deaf = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)!connect(deaf, (struct sockaddr *)&in, sizeof(in));
	WAIT_FOR(accepts == 1);
	while (tcp_queued(accepted[0].connection) == 0)
		tcp_send(accepted[0].connection, bytes, sizeof(bytes));
	tcp_close(accepted[0].connection, MS(20));
	WAIT_FOR(accepted[0].closed);
	assert_int_equal(accepted[0].error, -ETIMEDOUT);
	close(deaf);
}

static void test_refused_by_the_owner(void **state)
{
	refuse = true;
	dial(&dialled, "127.0.0.1", 0);
	WAIT_FOR(accepts == 1 && dialled.closed);
}

static void test_listen_errors(void **state)
{
	char error[256];
	struct tcp_listener *other = NULL;
	struct tcp_listen_config config = {.address = address_ipv4(0x7f000001),
		.port = tcp_listener_port(listener),
		.accepted = on_accepted};
	assert_int_equal(tcp_listen(&other, &loop, &config, error), -EADDRINUSE);
	assert_non_null(strstr(error, "127.0.0.1"));
	config.address = address_ipv4(0xc0000263); /* 192.0.2.99: not ours */
	assert_int_equal(tcp_listen(&other, &loop, &config, error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error, "no such address"));
}

static void test_ipv6(void **state)
{
	char error[256];
	struct tcp_listener *six;
	struct address home = {.family = 6, .bytes = {[15] = 1}}, got;
	struct tcp_listen_config config = {.address = home, .accepted = on_accepted};
	if (tcp_listen(&six, &loop, &config, error) != 0) {
		print_message("skipped: no IPv6 here: %s\n", error);
		return;
	}
	struct tcp_dial_config to = {.host = "::1",
		.port = tcp_listener_port(six),
		.handlers = &handlers,
		.context = &dialled};
	assert_int_equal(tcp_dial(&dialled.connection, &loop, &to), 0);
	WAIT_FOR(accepts && dialled.opened);
	got = tcp_peer(accepted[0].connection);
	assert_true(address_equal(&got, &home));
	tcp_listener_close(six);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_talk_both_ways),
		TEST(test_a_name_is_resolved),
		TEST(test_a_name_that_is_none),
		TEST(test_refused),
		TEST(test_local_address),
		TEST(test_dial_times_out),
		TEST(test_abort_while_dialling),
		TEST(test_close_flushes),
		TEST(test_both_close_at_once),
		TEST(test_close_from_the_callback),
		TEST(test_queue_is_bounded),
		TEST(test_linger_is_bounded),
		TEST(test_refused_by_the_owner),
		TEST(test_listen_errors),
		TEST(test_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
