/* Who may come in: whom a failed login slows down, and whose sessions are one user's. The tunnels
 * are silent ones; what counts is what admission notes and answers. */
#include "expect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "peer.h"
#include "server.h"

enum { SEATS = 4 };

static struct server server;
static struct settings settings;
static struct peer peers[SEATS];
static const struct tunnel_config config;

static struct seat *new_seat(uint8_t last)
{
	struct seat *seat = seats_take(&server.host.seats);
	struct peer *peer = &peers[seat->index];
	*peer = (struct peer){.host = &server.host, .number = seat->index, .seats = 2};
	peer->tunnel.config = peer->config = &config;
	peer->tunnel.control.config = &config.control;
	peer->tunnel.stop_deadline = peer->tunnel.empty_deadline = NEVER;
	peer->tunnel.down = true;
	seat->owner = &server.host;
	seat->peer = peer;
	seat->outer = address_ipv4(0xc0000200u + last);
	seat->tun = -1;
	return seat;
}

static int open_server(void **state)
{
	static const struct host_policy policy = {.role = "server"};
	struct host *host = &server.host;
	settings = (struct settings){.free_failures = 1, .strip_domain = true};
	server = (struct server){.settings = &settings};
	*host = (struct host){.settings = &settings, .policy = &policy, .role = &server};
	log_init(&host->log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_STYLE_TIME, false);
	host->out = (struct outbox){.items = calloc(TUNNEL_OUT_ITEMS, sizeof(struct out_item)),
		.arena = calloc(1, TUNNEL_OUT_BYTES),
		.item_max = TUNNEL_OUT_ITEMS,
		.arena_max = TUNNEL_OUT_BYTES};
	assert_int_equal(seats_init(&host->seats, SEATS), 0);
	assert_int_equal(heap_init(&host->deadlines, SEATS), 0);
	secrets_init(&server.secrets);
	secrets_add(&server.secrets, "alice", "right");
	throttle_init(&server.by_address, 1, settings.free_failures, THROTTLE_DELAY_MAX);
	throttle_init(&server.by_user, 2, settings.free_failures, THROTTLE_DELAY_MAX_USER);
	return 0;
}

static int close_server(void **state)
{
	close(server.host.log.fd);
	secrets_free(&server.secrets);
	seats_free(&server.host.seats);
	heap_free(&server.host.deadlines);
	free(server.host.out.items);
	free(server.host.out.arena);
	return 0;
}

/* By PAP, whose answer a test can give without arithmetic. */
static void log_in(struct seat *seat, const char *name, const char *password)
{
	struct auth_question question = {.method = AUTH_PAP,
		.name_length = (uint8_t)strlen(name),
		.response_length = (uint8_t)strlen(password)};
	memcpy(question.name, name, strlen(name));
	memcpy(question.response, password, strlen(password));
	admission_credentials(seat, 1, &question);
}

static void test_a_login(void **state)
{
	struct seat *seat = new_seat(1);
	log_in(seat, "alice", "wrong");
	assert_null(seat->user);
	assert_int_equal(server.failed_logins, 1);
	log_in(seat, "OFFICE\\alice", "right");
	assert_string_equal(seat->user, "OFFICE\\alice");
	assert_int_equal(server.logins, 1);
	log_in(seat, "bob", "right");
	assert_int_equal(server.failed_logins, 2);
}

/* Guesses from many addresses, each with a domain of its own, are guesses at one user. */
static void test_invented_domains_are_one_user(void **state)
{
	log_in(new_seat(1), "A\\alice", "wrong");
	log_in(new_seat(2), "B\\alice", "wrong");
	assert_int_not_equal(throttle_wait(&server.by_user, "alice", 5, clock_now()), 0);
	struct seat *third = new_seat(3);
	log_in(third, "C\\alice", "right");
	assert_null(third->user);
	assert_int_equal(server.host.drops[DROP_THROTTLED], 1);
}

/* Where domains count they name users. */
static void test_domains_that_count(void **state)
{
	settings.strip_domain = false;
	log_in(new_seat(1), "A\\alice", "wrong");
	log_in(new_seat(2), "A\\alice", "wrong");
	struct seat *seat = new_seat(3);
	log_in(seat, "alice", "right");
	assert_string_equal(seat->user, "alice");
}

static void test_one_session_a_user_under_any_domain(void **state)
{
	settings.single_session = SINGLE_DENY;
	struct seat *first = new_seat(1), *second = new_seat(2);
	log_in(first, "alice", "right");
	first->session.state = SESSION_UP;
	assert_string_equal(first->user, "alice");
	log_in(second, "HOME\\alice", "right");
	assert_null(second->user);
	settings.strip_domain = false;
	log_in(second, "alice", "right");
	assert_null(second->user);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_server, close_server)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_login),
		TEST(test_invented_domains_are_one_user),
		TEST(test_domains_that_count),
		TEST(test_one_session_a_user_under_any_domain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
