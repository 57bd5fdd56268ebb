/* Sessions whose PPP is somebody else's: up with the call, down with it, and nothing said between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

static struct pair *relayed(void)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair_start(pair, 1);
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	assert_int_equal(pair->server.sessions[0].state, SESSION_UP);
	return pair;
}

static void is_up_with_the_call(void **state)
{
	struct pair *pair = relayed();
	struct end *ends[] = {&pair->client, &pair->server};
	for (unsigned n = 0; n < 2; n++) {
		const struct end *end = ends[n];
		assert_int_equal(seen_total(end, TUNNEL_SESSION_UP, -1), 1);
		assert_int_equal(seen_total(end, TUNNEL_COMMAND, -1), 2);
		uint32_t attach = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_ATTACH, -1, -1);
		uint32_t connect = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_CONNECT, -1, -1);
		uint32_t up = seen_find(end, 0, TUNNEL_SESSION_UP, -1, -1, -1);
		assert_true(attach < connect && connect < up && up < end->seen_count);
		assert_true(end->seen[attach].relay);
		assert_false(end->seen[attach].require_encryption);
		assert_int_equal(end->sessions[0].up_since, pair->now);
	}
	/* The PNS told the PAC that nothing need be escaped, or everything. */
	enum { SET_LINK_INFO = 15 };
	unsigned told = 0;
	for (uint32_t n = 0; n < pair->client.seen_count; n++)
		told += pair->client.seen[n].kind == TUNNEL_MESSAGE && pair->client.seen[n].arg &&
			pair->client.seen[n].message == SET_LINK_INFO;
	assert_int_equal(told, 1);
}

static void the_data_path_is_told_how_to_wait(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair->client.config.session.reorder =
		(struct reorder_terms){.off = true, .wait = 5, .far = 7};
	pair_start(pair, 1);
	uint32_t attach = seen_find(&pair->client, 0, TUNNEL_COMMAND, DATAPATH_ATTACH, -1, -1);
	const struct reorder_terms *told = &pair->client.seen[attach].reorder;
	assert_true(told->off);
	assert_int_equal(told->wait, 5);
	assert_int_equal(told->far, 7);
}

static void closing_clears_the_call_at_once(void **state)
{
	struct pair *pair = relayed();
	struct session *session = &pair->client.sessions[0];
	tunnel_close_session(&pair->client.tunnel, session, CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_talk(pair);
	assert_int_equal(session->state, SESSION_OVER);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_ADMIN);
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_PEER_CLEARED);
	assert_int_equal(seen_total(&pair->client, TUNNEL_PPP, -1), 0);
	assert_int_equal(seen_total(&pair->server, TUNNEL_PPP, -1), 0);
	assert_int_equal(seen_total(&pair->server, TUNNEL_COMMAND, DATAPATH_DETACH), 1);
}

static void stopping_needs_no_farewell(void **state)
{
	struct pair *pair = relayed();
	tunnel_stop(&pair->client.tunnel, CLOSE_SHUTDOWN, pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_talk(pair);
	assert_true(pair->client.down && pair->server.down);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_SHUTDOWN);
}

/* LCP is not ours to echo; the control connection is. */
static void a_dead_peer_is_found_by_the_control_connection(void **state)
{
	struct pair *pair = relayed();
	pair->server.deaf_tcp = pair->server.deaf_gre = true;
	pair_pass(pair, SECONDS(100));
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	pair_pass(pair, SECONDS(40));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_CONTROL_ECHO);
}

static void silence_counts_once_something_was_said(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair->client.config.session.silence_us = GRE_SILENCE_MAX;
	pair_start(pair, 1);
	struct session *session = &pair->client.sessions[0];
	pair_pass(pair, SECONDS(60));
	assert_int_equal(session->state, SESSION_UP);
	assert_int_equal(pair->client.notes_length, 0);
	struct datapath_counters counters = {.tx_packets = 3};
	tunnel_traffic(&pair->client.tunnel, session, &counters);
	pair_pass(pair, 2 * GRE_SILENCE_MAX);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_LCP_NO_GRE);
	assert_non_null(strstr(pair->client.notes, "3 GRE sent, 0 received"));
}

static void gre_ends_the_silence(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair->client.config.session.silence_us = GRE_SILENCE_MAX;
	pair_start(pair, 1);
	struct session *session = &pair->client.sessions[0];
	struct datapath_counters counters = {.tx_packets = 3};
	tunnel_traffic(&pair->client.tunnel, session, &counters);
	tunnel_alive(&pair->client.tunnel, session, pair->now, pair->now);
	pair_pass(pair, 4 * GRE_SILENCE_MAX);
	assert_int_equal(session->state, SESSION_UP);
	assert_int_equal(pair->client.notes_length, 0);
}

static void time_ends_it_without_a_word(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair->server.config.session.max_connect_us = SECONDS(600);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(599));
	assert_int_equal(pair->server.sessions[0].state, SESSION_UP);
	pair_pass(pair, SECONDS(2));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_MAX_CONNECT);
	assert_int_equal(seen_total(&pair->server, TUNNEL_PPP, -1), 0);
}

static void the_number_is_dialled(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.relay = pair->server.config.session.relay = true;
	pair->client.config.phone_number = "5550100";
	pair_start(pair, 1);
	uint32_t wanted = seen_find(&pair->server, 0, TUNNEL_SESSION_WANTED, -1, -1, -1);
	assert_true(wanted < pair->server.seen_count);
	assert_string_equal(pair->server.phone_number, "5550100");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_up_with_the_call),
		cmocka_unit_test(the_data_path_is_told_how_to_wait),
		cmocka_unit_test(closing_clears_the_call_at_once),
		cmocka_unit_test(stopping_needs_no_farewell),
		cmocka_unit_test(a_dead_peer_is_found_by_the_control_connection),
		cmocka_unit_test(silence_counts_once_something_was_said),
		cmocka_unit_test(gre_ends_the_silence),
		cmocka_unit_test(time_ends_it_without_a_word),
		cmocka_unit_test(the_number_is_dialled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
