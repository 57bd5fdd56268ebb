/* A tunnel: dialling and accepting, every way down, and the bound of a stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

static struct pair *opened(int calls)
{
	struct pair *pair = pair_new();
	pair_start(pair, calls);
	for (int i = 0; i < calls; i++) {
		assert_int_equal(pair->client.sessions[i].state, SESSION_UP);
		assert_int_equal(pair->server.sessions[i].state, SESSION_UP);
	}
	return pair;
}

/* Each attached session was detached once, before its last item, and nothing followed that. */
static void check_ends(const struct end *end)
{
	for (uint32_t subject = 1; subject <= end->session_count; subject++) {
		uint32_t attached = 0, detached = 0, down = 0;
		for (uint32_t i = 0; i < end->seen_count; i++) {
			const struct seen *seen = &end->seen[i];
			if (seen->subject != subject)
				continue;
			assert_int_equal(down, 0);
			if (seen->kind == TUNNEL_SESSION_DOWN)
				down++;
			if (seen->kind == TUNNEL_COMMAND && seen->command == DATAPATH_ATTACH)
				attached++;
			if (seen->kind == TUNNEL_COMMAND && seen->command == DATAPATH_DETACH)
				detached++;
		}
		assert_int_equal(down, 1);
		assert_int_equal(attached, detached);
		assert_true(attached <= 1);
		assert_int_equal(end->sessions[subject - 1].attached, attached == 1);
		assert_int_equal(end->sessions[subject - 1].state, SESSION_OVER);
	}
}

static void many_calls_in_one_tunnel(void **state)
{
	struct pair *pair = opened(5);
	assert_int_equal(pair->client.tunnel.control.call_count, 5);
	tunnel_close_session(&pair->client.tunnel, &pair->client.sessions[2], CLOSE_ADMIN,
		pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_pass(pair, SECONDS(20));
	assert_int_equal(seen_reason(&pair->client, 3), CLOSE_ADMIN);
	assert_int_equal(seen_reason(&pair->server, 3), CLOSE_PEER_TERMINATED);
	assert_int_equal(pair->client.tunnel.control.call_count, 4);
	assert_int_equal(pair->server.tunnel.control.call_count, 4);
	assert_int_equal(pair->client.sessions[1].state, SESSION_UP);
}

static void the_peer_is_told_why(void **state)
{
	struct pair *pair = opened(1);
	struct end *server = &pair->server;
	tunnel_close_session(
		&server->tunnel, &server->sessions[0], CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, server);
	pair_pass(pair, SECONDS(10));
	uint32_t at = 0;
	while (at < server->seen_count && (server->seen[at].kind != TUNNEL_MESSAGE ||
						  server->seen[at].message != PPTP_CALL_DISCONNECT))
		at++;
	assert_true(at < server->seen_count);
	assert_int_equal(server->seen[at].result, PPTP_ADMIN_SHUTDOWN);
}

static void full_house(void **state)
{
	struct pair *pair = opened(CALLS_PER_TUNNEL);
	struct end *ends[2] = {&pair->client, &pair->server};
	/* Everybody's timers at once, with nobody to hear: the outbox has room for all. */
	pair->client.deaf_gre = pair->server.deaf_gre = true;
	pair_pass(pair, SECONDS(500));
	for (int i = 0; i < 2; i++)
		check_ends(ends[i]);
	assert_int_equal(seen_reason(ends[0], 64), CLOSE_ECHO_DEAD);
}

static void a_full_house_stops(void **state)
{
	struct pair *pair = opened(CALLS_PER_TUNNEL);
	tunnel_stop(&pair->server.tunnel, CLOSE_SHUTDOWN, pair->now, pair_out());
	pair_take(pair, &pair->server);
	pair_pass(pair, SECONDS(4));
	assert_true(pair->server.down);
	assert_true(pair->client.down);
	check_ends(&pair->server);
	check_ends(&pair->client);
}

static void too_many_calls(void **state)
{
	struct pair *pair = pair_new();
	pair->server.config.maximum_calls = 2;
	pair_start(pair, 3);
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	assert_int_equal(pair->client.sessions[1].state, SESSION_UP);
	assert_int_equal(seen_reason(&pair->client, 3), CLOSE_CALL_REFUSED);
	assert_int_equal(pair->server.session_count, 2);

	pair = pair_new();
	pair->client.config.maximum_calls = 2;
	pair_start(pair, 3);
	assert_int_equal(seen_reason(&pair->client, 3), CLOSE_CALL_LIMIT);
	assert_false(pair->client.sessions[2].attached);
}

static void a_refused_call(void **state)
{
	struct pair *pair = pair_new();
	pair->server.refuse_calls = true;
	pair_start(pair, 1);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_CALL_REFUSED);
	check_ends(&pair->client);
}

static void dialling_without_a_connection(void **state)
{
	struct pair *pair = opened(1);
	tunnel_lost(&pair->client.tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	pair_take(pair, &pair->client);
	tunnel_dial(
		&pair->client.tunnel, &pair->client.sessions[1], 2, 1002, pair->now, pair_out());
	pair->client.session_count = 2;
	pair_take(pair, &pair->client);
	assert_int_equal(seen_reason(&pair->client, 2), CLOSE_TCP_CLOSED);
	check_ends(&pair->client);
}

static void answering_a_call_nobody_waits_for(void **state)
{
	struct pair *pair = opened(0);
	struct end *server = &pair->server;
	tunnel_accept(&server->tunnel, 4711, &server->sessions[0], 1, 2001, pair->now, pair_out());
	server->session_count = 1;
	pair_take(pair, server);
	assert_int_equal(seen_total(server, TUNNEL_SESSION_DOWN, -1), 1);
	check_ends(server);
}

static uint32_t link_infos(const struct end *end, uint16_t sent)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < end->seen_count; i++)
		count += end->seen[i].kind == TUNNEL_MESSAGE && end->seen[i].arg == sent &&
			 end->seen[i].message == PPTP_LINK_INFO;
	return count;
}

/* Set-Link-Info: a PNS says it for each call whose LCP opened; a PAC hears it. */
static void the_client_says_set_link_info(void **state)
{
	struct pair *pair = opened(2);
	assert_int_equal(link_infos(&pair->client, 1), 2);
	assert_int_equal(link_infos(&pair->server, 0), 2);
	assert_int_equal(link_infos(&pair->server, 1), 0);
	assert_int_equal(pair->server.sessions[0].call.send_accm, UINT32_MAX);
}

/* A peer's first frame may follow at once on what tells it our call ID. */
static void attached_before_the_peer_is_told(void **state)
{
	struct pair *pair = opened(1);
	const struct end *ends[] = {&pair->client, &pair->server};
	for (int i = 0; i < 2; i++) {
		uint32_t attach = seen_find(ends[i], 0, TUNNEL_COMMAND, DATAPATH_ATTACH, -1, -1);
		uint32_t start = seen_find(ends[i], 0, TUNNEL_BYTES, -1, -1, -1);
		uint32_t call = seen_find(ends[i], start + 1, TUNNEL_BYTES, -1, -1, -1);
		assert_true(start < attach && attach < call && call < ends[i]->seen_count);
	}
}

/* ---- incoming calls: the client is the PAC ---- */

static struct pair *ringing(int calls)
{
	struct pair *pair = pair_new();
	pair->client.config.control.pac = true;
	pair->server.config.control.accept_incoming = true;
	pair_start(pair, calls);
	return pair;
}

static void check_sessions_up(const struct pair *pair, int calls)
{
	for (int i = 0; i < calls; i++) {
		assert_int_equal(pair->client.sessions[i].state, SESSION_UP);
		assert_int_equal(pair->server.sessions[i].state, SESSION_UP);
		assert_true(pair->client.sessions[i].call.pac);
		assert_false(pair->server.sessions[i].call.pac);
	}
}

static void incoming_calls_come_up(void **state)
{
	struct pair *pair = ringing(3);
	check_sessions_up(pair, 3);
	/* The PNS says Set-Link-Info, whichever end that is. */
	assert_int_equal(link_infos(&pair->server, 1), 3);
	assert_int_equal(link_infos(&pair->client, 1), 0);
	tunnel_stop(&pair->client.tunnel, CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_talk(pair);
	assert_true(pair->client.down && pair->server.down);
	check_ends(&pair->client);
	check_ends(&pair->server);
}

static void the_pns_ends_an_incoming_call(void **state)
{
	struct pair *pair = ringing(2);
	tunnel_close_session(&pair->server.tunnel, &pair->server.sessions[0], CLOSE_ADMIN,
		pair->now, pair_out());
	pair_take(pair, &pair->server);
	pair_talk(pair);
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_ADMIN);
	assert_int_equal(pair->client.sessions[0].state, SESSION_OVER);
	assert_int_equal(pair->client.sessions[1].state, SESSION_UP);
}

/* A call of a PAC that never says Connected ends within the time-outs, its data path too. */
static void an_incoming_call_never_connected(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.control.pac = true;
	pair->server.config.control.accept_incoming = true;
	pair_start(pair, 0);
	struct end *client = &pair->client;
	tunnel_dial(&client->tunnel, &client->sessions[0], 1, 1001, pair->now, pair_out());
	client->session_count = 1;
	pair_take(pair, client);
	client->deaf_tcp = true;
	pair_talk(pair);
	assert_int_equal(pair->server.sessions[0].call.state, CALL_WAIT_CONNECT);
	assert_true(pair->server.sessions[0].attached);
	pair_pass(pair, SECONDS(21));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_CONTROL_TIMEOUT);
	assert_true(pair->server.sessions[0].detached);
	assert_int_equal(seen_reason(client, 1), CLOSE_CONTROL_TIMEOUT);
}

/* Counted where its call is known: nobody else counts it. */
static void a_message_out_of_place_is_its_sessions(void **state)
{
	struct pair *pair = ringing(1);
	struct end *server = &pair->server;
	uint8_t bytes[PPTP_MESSAGE_MAX];
	struct writer w = writer_over(bytes, sizeof bytes);
	struct pptp_message m = {.type = PPTP_INCOMING_CONNECTED};
	m.incoming_connected.peer_call_id = server->sessions[0].call.local_id;
	pptp_build(&m, &w);
	tunnel_input(&server->tunnel, bytes, writer_length(&w), pair->now, pair_out());
	pair_take(pair, server);
	assert_int_equal(session_drops(&server->sessions[0], DROP_CONTROL_STATE), 1);
	assert_int_equal(seen_total(server, TUNNEL_DROP, -1), 1);
	check_sessions_up(pair, 1);
}

static void incoming_calls_are_refused_unless_wanted(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.control.pac = true;
	pair_start(pair, 1);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_CALL_REFUSED);
	assert_non_null(strstr(pair->server.notes, "incoming calls are not accepted"));
	assert_non_null(strstr(pair->client.notes, "do not accept"));
	check_ends(&pair->client);

	pair = pair_new();
	pair->client.config.control.pac = pair->server.config.control.accept_incoming = true;
	pair->server.refuse_calls = true;
	pair_start(pair, 1);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_CALL_REFUSED);
}

/* Either end may have opened the control connection (RFC 2637 §3.1). */
static void either_end_opens(void **state)
{
	for (int rings = 0; rings < 2; rings++) {
		struct pair *pair = pair_new();
		pair->client.config.control.pac = pair->server.config.control.accept_incoming =
			rings;
		pair->client.config.control.opener = false;
		pair->server.config.control.opener = true;
		pair_start(pair, 1);
		assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
		assert_int_equal(pair->server.sessions[0].state, SESSION_UP);
	}
}

static void frames_after_the_end_are_nothing(void **state)
{
	struct pair *pair = opened(1);
	struct end *client = &pair->client;
	tunnel_lost(&client->tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	pair_take(pair, client);
	uint32_t seen = client->seen_count;
	const uint8_t echo[] = {0xc0, 0x21, 9, 77, 0, 8, 0, 0, 0, 0};
	struct session *session = &client->sessions[0];
	struct auth_answer answer = {.accepted = true};
	struct unit_addresses addresses = {.granted = true};
	tunnel_frame(&client->tunnel, session, 0, echo, sizeof echo, pair->now, pair_out());
	tunnel_keys_differ(&client->tunnel, session, pair->now, pair_out());
	tunnel_credentials(&client->tunnel, session, 1, &answer, pair->now, pair_out());
	tunnel_addresses(&client->tunnel, session, 1, &addresses, pair->now, pair_out());
	tunnel_close_session(&client->tunnel, session, CLOSE_ADMIN, pair->now, pair_out());
	tunnel_alive(&client->tunnel, session, pair->now, pair->now);
	tunnel_stop(&client->tunnel, CLOSE_ADMIN, pair->now, pair_out());
	tunnel_lost(&client->tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	tunnel_tick(&client->tunnel, pair->now + SECONDS(1000), pair_out());
	pair_take(pair, client);
	assert_int_equal(client->seen_count, seen);
	assert_true(tunnel_deadline(&client->tunnel) == NEVER);
}

/* ---- ways down ---- */

static void tcp_lost(void **state)
{
	struct pair *pair = opened(3);
	tunnel_lost(&pair->server.tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	pair_take(pair, &pair->server);
	check_ends(&pair->server);
	assert_int_equal(seen_reason(&pair->server, 2), CLOSE_TCP_CLOSED);
	assert_int_equal(pair->server.seen[pair->server.seen_count - 1].kind, TUNNEL_DOWN);
	assert_true(tunnel_deadline(&pair->server.tunnel) == NEVER);
}

static void tcp_never_came(void **state)
{
	struct pair *pair = pair_new();
	struct session_table table = {.find = NULL};
	tunnel_init(&pair->client.tunnel, &pair->client.config, &table, &pair->client.random);
	tunnel_lost(&pair->client.tunnel, CLOSE_TCP_FAILED, pair->now, pair_out());
	pair_take(pair, &pair->client);
	assert_int_equal(seen_total(&pair->client, TUNNEL_DOWN, -1), 1);
	assert_int_equal(pair->client.tunnel.closing, CLOSE_TCP_FAILED);
}

static void stopped(bool server)
{
	struct pair *pair = opened(2);
	struct end *one = server ? &pair->server : &pair->client;
	struct end *other = one->other;
	uint64_t start = pair->now;
	tunnel_stop(&one->tunnel, CLOSE_SHUTDOWN, pair->now, pair_out());
	pair_take(pair, one);
	pair_pass(pair, SHUTDOWN_TOTAL);
	assert_true(one->down);
	assert_true(other->down);
	assert_true(pair->now - start < SECONDS(4));
	check_ends(one);
	check_ends(other);
	assert_int_equal(seen_reason(one, 1), CLOSE_SHUTDOWN);
	assert_int_equal(seen_reason(other, 1), CLOSE_PEER_TERMINATED);
	assert_int_equal(one->tunnel.closing, CLOSE_SHUTDOWN);
	/* From the inside out: LCP, the calls, the connection. */
	uint32_t terminate = seen_find(one, 0, TUNNEL_COMMAND, DATAPATH_FRAME, 0xc021, 5);
	uint32_t detach = seen_find(one, 0, TUNNEL_COMMAND, DATAPATH_DETACH, -1, -1);
	uint32_t down = seen_find(one, 0, TUNNEL_DOWN, -1, -1, -1);
	assert_true(terminate < detach && detach < down && down < one->seen_count);
}

static void a_client_stops(void **state)
{
	stopped(false);
}

static void a_server_stops(void **state)
{
	stopped(true);
}

static void black_holed(bool server, bool dialling)
{
	struct pair *pair = dialling ? pair_new() : opened(3);
	struct end *one = server ? &pair->server : &pair->client;
	if (dialling) {
		pair_start(pair, 0);
		pair->server.deaf_tcp = true;
		tunnel_dial(&one->tunnel, &one->sessions[0], 1, 1001, pair->now, pair_out());
		one->session_count = 1;
		pair_take(pair, one);
	}
	pair->client.deaf_tcp = pair->client.deaf_gre = true;
	pair->server.deaf_tcp = pair->server.deaf_gre = true;
	pair_pass(pair, MS(700));
	tunnel_stop(&one->tunnel, CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, one);
	pair_pass(pair, SHUTDOWN_TOTAL);
	assert_true(one->down);
	check_ends(one);
	assert_int_equal(seen_reason(one, 1), CLOSE_ADMIN);
	assert_int_equal(seen_total(one, TUNNEL_DOWN, -1), 1);
}

static void a_stop_is_bounded_without_a_peer(void **state)
{
	black_holed(false, false);
	black_holed(true, false);
	black_holed(false, true);
}

static void a_silent_peer_is_not_waited_for(void **state)
{
	struct pair *pair = opened(1);
	struct end *client = &pair->client;
	client->deaf_gre = client->deaf_tcp = true;
	while (!strstr(client->notes, "No response to"))
		pair_pass(pair, SECONDS(1));
	pair_pass(pair, SHUTDOWN_CALLS);
	check_ends(client);
	assert_int_equal(seen_reason(client, 1), CLOSE_ECHO_DEAD);
	/* It was told all the same, should it hear. */
	assert_true(seen_find(client, 0, TUNNEL_COMMAND, DATAPATH_FRAME, 0xc021, 5) <
		    client->seen_count);
}

static void a_stop_before_the_connection_is_up(void **state)
{
	struct pair *pair = pair_new();
	pair->server.deaf_tcp = true;
	pair_start(pair, 0);
	tunnel_stop(&pair->client.tunnel, CLOSE_ADMIN, pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_pass(pair, SHUTDOWN_TOTAL);
	assert_true(pair->client.down);
	assert_int_equal(seen_total(&pair->client, TUNNEL_DOWN, -1), 1);
}

static void no_calls_while_stopping(void **state)
{
	struct pair *pair = opened(1);
	pair->client.deaf_gre = true;
	tunnel_stop(&pair->server.tunnel, CLOSE_SHUTDOWN, pair->now, pair_out());
	pair_take(pair, &pair->server);
	tunnel_dial(
		&pair->client.tunnel, &pair->client.sessions[1], 2, 1002, pair->now, pair_out());
	pair->client.session_count = 2;
	pair_take(pair, &pair->client);
	pair_talk(pair);
	assert_int_equal(seen_reason(&pair->client, 2), CLOSE_CALL_REFUSED);
	assert_int_equal(pair->server.session_count, 1);
}

static void a_server_does_not_keep_an_empty_tunnel(void **state)
{
	struct pair *pair = opened(0);
	pair_pass(pair, TUNNEL_EMPTY_MAX - SECONDS(1));
	assert_false(pair->server.down);
	pair_pass(pair, SECONDS(2));
	assert_true(pair->server.down && pair->client.down);
	assert_int_equal(pair->server.tunnel.closing, CLOSE_IDLE);
	assert_int_equal(pair->client.tunnel.closing, CLOSE_PEER_STOPPED);

	pair = opened(1);
	pair_pass(pair, SECONDS(300));
	tunnel_close_session(&pair->server.tunnel, &pair->server.sessions[0], CLOSE_ADMIN,
		pair->now, pair_out());
	pair_take(pair, &pair->server);
	pair_pass(pair, TUNNEL_EMPTY_MAX - SECONDS(1));
	assert_int_equal(pair->server.sessions[0].state, SESSION_OVER);
	assert_false(pair->server.down);
	pair_pass(pair, SECONDS(5));
	assert_true(pair->server.down);
}

static void the_first_reason_stays(void **state)
{
	struct pair *pair = opened(1);
	tunnel_close_session(
		&pair->client.tunnel, &pair->client.sessions[0], CLOSE_IDLE, pair->now, pair_out());
	tunnel_close_session(&pair->client.tunnel, &pair->client.sessions[0], CLOSE_ADMIN,
		pair->now, pair_out());
	tunnel_lost(&pair->client.tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	pair_take(pair, &pair->client);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_IDLE);
	assert_int_equal(pair->client.tunnel.closing, CLOSE_TCP_CLOSED);
}

static void nothing_secret_is_left(void **state)
{
	struct pair *pair = opened(1);
	tunnel_lost(&pair->server.tunnel, CLOSE_TCP_CLOSED, pair->now, pair_out());
	pair_take(pair, &pair->server);
	const struct session *session = &pair->server.sessions[0];
	static const struct mppe_start_keys none;
	static const struct chap no_chap;
	assert_memory_equal(&session->link.chap, &no_chap, sizeof no_chap);
	assert_memory_equal(&session->link.keys, &none, sizeof none);
	assert_memory_equal(&session->unit.keys, &none, sizeof none);
	assert_int_equal(session->facts.method, AUTH_MSCHAPV2); /* facts stand */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_calls_in_one_tunnel),
		cmocka_unit_test(the_peer_is_told_why),
		cmocka_unit_test(full_house),
		cmocka_unit_test(a_full_house_stops),
		cmocka_unit_test(too_many_calls),
		cmocka_unit_test(a_refused_call),
		cmocka_unit_test(dialling_without_a_connection),
		cmocka_unit_test(answering_a_call_nobody_waits_for),
		cmocka_unit_test(the_client_says_set_link_info),
		cmocka_unit_test(attached_before_the_peer_is_told),
		cmocka_unit_test(incoming_calls_come_up),
		cmocka_unit_test(the_pns_ends_an_incoming_call),
		cmocka_unit_test(an_incoming_call_never_connected),
		cmocka_unit_test(a_message_out_of_place_is_its_sessions),
		cmocka_unit_test(incoming_calls_are_refused_unless_wanted),
		cmocka_unit_test(either_end_opens),
		cmocka_unit_test(frames_after_the_end_are_nothing),
		cmocka_unit_test(tcp_lost),
		cmocka_unit_test(tcp_never_came),
		cmocka_unit_test(a_client_stops),
		cmocka_unit_test(a_server_stops),
		cmocka_unit_test(a_stop_is_bounded_without_a_peer),
		cmocka_unit_test(a_silent_peer_is_not_waited_for),
		cmocka_unit_test(a_stop_before_the_connection_is_up),
		cmocka_unit_test(no_calls_while_stopping),
		cmocka_unit_test(a_server_does_not_keep_an_empty_tunnel),
		cmocka_unit_test(the_first_reason_stays),
		cmocka_unit_test(nothing_secret_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
