/* One session: the order of keys, frames and epochs, the early frame, and what it dies of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"
#include "translate.h"

enum {
	PROTOCOL_LCP_ = 0xc021,
	PROTOCOL_CHAP_ = 0xc223,
	PROTOCOL_CCP_ = 0x80fd,
	PROTOCOL_IPCP_ = 0x8021
};
enum { REQUEST = 1, ACK = 2 };

static struct pair *opened(void)
{
	struct pair *pair = pair_new();
	pair_start(pair, 1);
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	assert_int_equal(pair->server.sessions[0].state, SESSION_UP);
	return pair;
}

static uint32_t command_at(const struct end *end, int command)
{
	uint32_t at = seen_find(end, 0, TUNNEL_COMMAND, command, -1, -1);
	assert_true(at < end->seen_count);
	return at;
}

static void opens_with_facts(void **state)
{
	struct pair *pair = opened();
	const struct session_facts *facts = &pair->server.sessions[0].facts;
	assert_int_equal(facts->method, AUTH_MSCHAPV2);
	assert_int_equal(pair->server.sessions[0].link.peer_name_length, 4);
	assert_memory_equal(pair->server.sessions[0].link.peer_name, "user", 4);
	assert_true(facts->network.ipv4);
	assert_int_equal(facts->network.remote4, 0x0a000101);
	assert_int_equal(facts->network.strength, MPPE_128);
	assert_int_equal(pair->client.sessions[0].facts.network.local4, 0x0a000101);
	assert_int_equal(pair->client.sessions[0].facts.method, AUTH_MSCHAPV2);
	assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_UP, -1), 1);
	assert_int_equal(seen_total(&pair->server, TUNNEL_SESSION_UP, -1), 1);
}

static void key_order(const struct end *end)
{
	uint32_t attach = command_at(end, DATAPATH_ATTACH);
	uint32_t connect = command_at(end, DATAPATH_CONNECT);
	uint32_t framing = command_at(end, DATAPATH_FRAMING);
	uint32_t receive = command_at(end, DATAPATH_RECEIVE_KEY);
	uint32_t transmit = command_at(end, DATAPATH_TRANSMIT_KEY);
	uint32_t network = command_at(end, DATAPATH_NETWORK);
	uint32_t first = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_FRAME, -1, -1);
	uint32_t ack = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_CCP_, ACK);
	uint32_t ipcp = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_IPCP_, -1);
	uint32_t start = command_at(end, DATAPATH_START_KEYS);
	uint32_t ccp = seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_CCP_, -1);
	assert_true(framing < start && start < ccp);
	assert_true(ack < end->seen_count && ipcp < end->seen_count);
	assert_true(attach < connect && connect < first && first < framing);
	assert_true(framing < receive && receive < ack);
	assert_true(receive < transmit && transmit < ipcp && ipcp < network);
}

static void keys_before_the_frames_that_need_them(void **state)
{
	struct pair *pair = opened();
	key_order(&pair->client);
	key_order(&pair->server);
}

/* Who receives compressed headers is ready before the network is up, and who sends them waits until
 * the peer was told that it may be sent some. */
static void headers_in_their_order(void **state)
{
	struct pair *pair = pair_new();
	struct end *ends[] = {&pair->client, &pair->server};
	for (int i = 0; i < 2; i++)
		ends[i]->config.session.unit.vj = (struct ipcp_vj){8, false};
	pair_start(pair, 1);
	pair_talk(pair);
	for (int i = 0; i < 2; i++) {
		struct end *end = ends[i];
		uint32_t receive = command_at(end, DATAPATH_HEADERS);
		uint32_t transmit =
			seen_find(end, receive + 1, TUNNEL_COMMAND, DATAPATH_HEADERS, -1, -1);
		uint32_t network = command_at(end, DATAPATH_NETWORK);
		uint32_t ack =
			seen_find(end, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_IPCP_, ACK);
		assert_true(receive < network && network < transmit && ack < transmit);
		assert_int_equal(seen_total(end, TUNNEL_COMMAND, DATAPATH_HEADERS), 2);
		assert_int_equal(end->sessions[0].facts.network.transmit_vj.slots, 8);
	}
	/* LCP starts over: all of it is void, and agreed on once more. */
	uint32_t from = pair->server.seen_count;
	uint8_t request[] = {0xc0, 0x21, 1, 99, 0, 4};
	session_frame(&pair->server.sessions[0], pair->server.sessions[0].epoch, request,
		sizeof request, pair->now, pair_out());
	pair_take(pair, &pair->server);
	assert_true(seen_find(&pair->server, from, TUNNEL_COMMAND, DATAPATH_EPOCH, -1, -1) <
		    seen_find(&pair->server, from, TUNNEL_COMMAND, DATAPATH_HEADERS, -1, -1));
	assert_int_equal(pair->server.sessions[0].sent_vj.slots, 0);
}

/* The server's Ack of the address it gave opens IPCP at both ends: the client may send at once. */
static void network_before_the_ack_that_lets_the_peer_send(void **state)
{
	struct pair *pair = opened();
	const struct end *server = &pair->server;
	uint32_t network = command_at(server, DATAPATH_NETWORK);
	uint32_t ack = seen_find(server, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_IPCP_, ACK);
	assert_true(ack < server->seen_count);
	assert_true(command_at(server, DATAPATH_TRANSMIT_KEY) < network);
	assert_true(network < ack);
}

static void bytes_of_the_reply_before_the_first_frame(void **state)
{
	struct pair *pair = opened();
	const struct end *server = &pair->server;
	uint32_t attach = command_at(server, DATAPATH_ATTACH);
	uint32_t frame = seen_find(server, 0, TUNNEL_COMMAND, DATAPATH_FRAME, -1, -1);
	uint32_t reply = seen_find(server, attach, TUNNEL_BYTES, -1, -1, -1);
	assert_true(attach < reply && reply < frame);
}

static void framing_counts_what_wraps_a_packet(void **state)
{
	struct pair *pair = opened();
	const struct seen *framing =
		&pair->client.seen[command_at(&pair->client, DATAPATH_FRAMING)];
	assert_int_equal(framing->mru, 1400);
	assert_int_equal(framing->mtu, 1396);

	pair = pair_new();
	pair->server.config.session.link.mru = 1500;
	pair_start(pair, 1);
	framing = &pair->client.seen[command_at(&pair->client, DATAPATH_FRAMING)];
	assert_int_equal(framing->mru, 1500);
	assert_int_equal(framing->mtu, 1500 - 20 - 16 - 4 - 4);
	assert_int_equal(pair->client.sessions[0].facts.mtu, SESSION_MTU_DEFAULT);

	pair = pair_new();
	pair->client.config.session.mtu = 1200;
	pair_start(pair, 1);
	framing = &pair->client.seen[command_at(&pair->client, DATAPATH_FRAMING)];
	assert_int_equal(framing->mtu, 1200);
}

static void renegotiate(struct pair *pair, struct end *end)
{
	const uint8_t request[] = {0xc0, 0x21, 1, 99, 0, 10, 5, 6, 1, 2, 3, 4};
	tunnel_frame(&end->tunnel, &end->sessions[0], end->sessions[0].epoch, request,
		sizeof request, pair->now, pair_out());
	pair_take(pair, end);
}

static void an_epoch_comes_before_its_frames(void **state)
{
	struct pair *pair = opened();
	struct end *server = &pair->server;
	uint32_t from = server->seen_count, before = server->sessions[0].epoch;
	renegotiate(pair, server);
	uint32_t epoch = seen_find(server, from, TUNNEL_COMMAND, DATAPATH_EPOCH, -1, -1);
	uint32_t frame = seen_find(server, from, TUNNEL_COMMAND, DATAPATH_FRAME, -1, -1);
	uint32_t network = seen_find(server, from, TUNNEL_SESSION_NETWORK, -1, -1, -1);
	assert_true(epoch < frame && frame < server->seen_count);
	assert_true(network < server->seen_count);
	assert_int_equal(server->seen[frame].epoch, server->sessions[0].epoch);
	assert_int_not_equal(server->sessions[0].epoch, before);
	assert_int_equal(server->sessions[0].state, SESSION_STARTING);
	assert_false(server->sessions[0].facts.network.ipv4);
	pair_talk(pair);
	pair_pass(pair, SECONDS(15));
	assert_int_equal(server->sessions[0].state, SESSION_UP);
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	assert_int_equal(seen_total(server, TUNNEL_SESSION_UP, -1), 1);
	assert_true(seen_total(server, TUNNEL_SESSION_NETWORK, -1) >= 2);
}

static void frames_of_an_older_epoch_are_dropped_but_lcp(void **state)
{
	struct pair *pair = opened();
	struct end *client = &pair->client;
	struct session *session = &client->sessions[0];
	const uint8_t terminate_ipcp[] = {0x80, 0x21, 5, 1, 0, 4};
	const uint8_t echo[] = {0xc0, 0x21, 9, 77, 0, 8, 0, 0, 0, 0};
	uint32_t old = session->epoch - 1, from = client->seen_count;
	tunnel_frame(&client->tunnel, session, old, terminate_ipcp, sizeof terminate_ipcp,
		pair->now, pair_out());
	pair_take(pair, client);
	assert_int_equal(session_drops(session, DROP_FRAME_EPOCH), 1);
	assert_int_equal(seen_find(client, from, TUNNEL_COMMAND, DATAPATH_FRAME, -1, -1),
		client->seen_count);
	tunnel_frame(&client->tunnel, session, old, echo, sizeof echo, pair->now, pair_out());
	pair_take(pair, client);
	assert_int_equal(session_drops(session, DROP_FRAME_EPOCH), 1);
	assert_true(seen_find(client, from, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_LCP_, 10) <
		    client->seen_count);
}

/* The server's first Configure-Request arrives while its Outgoing-Call-Reply is on the way. */
static void an_early_frame_is_kept(void **state)
{
	struct pair *pair = pair_new();
	struct end *client = &pair->client;
	pair_start(pair, 0);
	tunnel_dial(&client->tunnel, &client->sessions[0], 1, 1001, pair->now, pair_out());
	client->session_count = 1;
	pair_take(pair, client);
	const uint8_t request[] = {0xc0, 0x21, 1, 42, 0, 14, 1, 4, 5, 120, 5, 6, 9, 9, 9, 9};
	const uint8_t second[] = {0xc0, 0x21, 1, 43, 0, 4};
	uint8_t large[EARLY_FRAME_MAX + 1] = {0xc0, 0x21, 1, 1, 0, 127};
	struct session *session = &client->sessions[0];
	assert_int_equal(session->state, SESSION_CALLING);
	tunnel_frame(&client->tunnel, session, 0, large, sizeof large, pair->now, pair_out());
	pair_take(pair, client);
	assert_int_equal(session_drops(session, DROP_FRAME_PHASE), 1);
	tunnel_frame(&client->tunnel, session, 0, request, sizeof request, pair->now, pair_out());
	tunnel_frame(&client->tunnel, session, 0, second, sizeof second, pair->now, pair_out());
	pair_take(pair, client);
	assert_int_equal(session_drops(session, DROP_FRAME_PHASE), 2);
	assert_int_equal(seen_total(client, TUNNEL_COMMAND, DATAPATH_FRAME), 0);
	client->deaf_gre = true; /* so that only the early frame can be answered */
	pair_talk(pair);
	uint32_t connect = command_at(client, DATAPATH_CONNECT);
	uint32_t ack = seen_find(client, 0, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_LCP_, ACK);
	assert_true(connect < ack && ack < client->seen_count);
	assert_int_equal(client->sessions[0].early_length, 0);
}

static void the_data_path_knows_the_rules(void **state)
{
	for (int strict = 0; strict < 2; strict++) {
		struct pair *pair = pair_new();
		struct session_config *config = &pair->server.config.session;
		config->unit.mppe_require = config->check_source = strict;
		config->client_to_client = config->gre_from_anywhere = !strict;
		pair_start(pair, 1);
		const struct seen *attach =
			&pair->server.seen[command_at(&pair->server, DATAPATH_ATTACH)];
		assert_int_equal(attach->require_encryption, strict);
		assert_int_equal(attach->check_source, strict);
		assert_int_equal(attach->client_to_client, !strict);
		assert_int_equal(attach->any_peer, !strict);
	}
}

static struct seen attached_with(
	enum session_ecn ecn, const char *their_vendor, bool dscp_copy, uint8_t dscp, bool clamp)
{
	struct pair *pair = pair_new();
	struct session_config *config = &pair->server.config.session;
	strcpy(pair->server.config.control.vendor_name, "Greyline");
	strcpy(pair->client.config.control.vendor_name, their_vendor);
	config->ecn = ecn;
	config->dscp_copy = dscp_copy;
	config->dscp = dscp;
	config->clamp_mss = clamp;
	pair_start(pair, 1);
	return pair->server.seen[command_at(&pair->server, DATAPATH_ATTACH)];
}

static void outer_marks_depend_on_the_peer(void **state)
{
	static const struct {
		enum session_ecn ecn;
		const char *vendor;
		bool copied;
	} cases[] = {
		{SESSION_ECN_AUTO, "Greyline", true},
		{SESSION_ECN_AUTO, "Greyline2", false},
		{SESSION_ECN_AUTO, "", false},
		{SESSION_ECN_COPY, "Microsoft", true},
		{SESSION_ECN_OFF, "Greyline", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct seen attach =
			attached_with(cases[i].ecn, cases[i].vendor, i % 2, 46, i % 2 == 0);
		assert_int_equal(attach.ecn, cases[i].copied);
		assert_int_equal(attach.dscp, i % 2 ? 64 : 46);
		assert_int_equal(attach.clamp_mss, i % 2 == 0);
	}
}

/* Whose window data may wait for: that of a PAC with a slow line, or everybody's, or nobody's. */
static void window_of_a_slow_line(void **state)
{
	static const struct {
		enum session_window mode;
		bool pac;
		uint32_t speed;
		uint16_t window;
	} cases[] = {
		{SESSION_WINDOW_AUTO, false, 64000, 7},
		{SESSION_WINDOW_AUTO, false, WINDOW_LINE_SPEED - 1, 7},
		{SESSION_WINDOW_AUTO, false, WINDOW_LINE_SPEED, 0},
		{SESSION_WINDOW_AUTO, false, 0, 0},    /* it did not say */
		{SESSION_WINDOW_AUTO, true, 64000, 0}, /* a PNS names what it would like */
		{SESSION_WINDOW_ON, false, 100000000, 7}, {SESSION_WINDOW_ON, true, 0, 7},
		{SESSION_WINDOW_OFF, false, 64000, 0},
		{SESSION_WINDOW_ON, false, 0, 0}, /* Windows: its PAC names none (MS-PTPT) */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair *pair = pair_new();
		struct session_config config = pair->client.config.session;
		struct session session = {.state = SESSION_FREE};
		struct datapath_command command;
		OUTBOX(out, 4, 2048);
		config.window = cases[i].mode;
		session_init(&session, &config, 1, &pair->client.random, 0);
		session.call = (struct call){.state = CALL_CONNECTED,
			.pac = cases[i].pac,
			.peer_window = i + 1 < sizeof cases / sizeof cases[0] ? 7 : 0,
			.peer_delay = 3,
			.peer_speed = cases[i].speed};
		session_connected(&session, 0, &out);
		assert_int_equal(out.items[0].kind, TUNNEL_COMMAND);
		memcpy(&command, outbox_bytes(&out, &out.items[0]), sizeof command);
		assert_int_equal(command.kind, DATAPATH_CONNECT);
		assert_int_equal(command.connect.window, cases[i].window);
		assert_int_equal(command.connect.delay, MS(300));
	}
}

static void unknown_protocols_are_rejected(void **state)
{
	struct pair *pair = opened();
	struct end *client = &pair->client;
	const uint8_t frame[] = {0x80, 0x57, 1, 1, 0, 4};
	uint32_t from = client->seen_count;
	tunnel_frame(&client->tunnel, &client->sessions[0], client->sessions[0].epoch, frame,
		sizeof frame, pair->now, pair_out());
	pair_take(pair, client);
	assert_true(seen_find(client, from, TUNNEL_COMMAND, DATAPATH_FRAME, PROTOCOL_LCP_, 8) <
		    client->seen_count);
}

/* The protocol field that the first Protocol-Reject in the outbox names; 0: there is none. */
static uint16_t rejected(const struct outbox *out)
{
	for (uint32_t i = 0; i < out->item_count; i++) {
		const struct out_item *item = &out->items[i];
		const uint8_t *frame = outbox_bytes(out, item);
		if (item->kind == TUNNEL_PPP && item->arg == 1 && frame[2] == 8)
			return (uint16_t)(frame[6] << 8 | frame[7]);
	}
	return 0;
}

/* Before the data path knows of the bundle its link hears fragments: what is in one is refused, and
 * not multilink. */
static void fragments_before_the_bundle(void **state)
{
	struct pair *pair = pair_new();
	static struct lcp_multilink memory[2];
	struct end *ends[2] = {&pair->client, &pair->server};
	for (int i = 0; i < 2; i++) {
		memset(&memory[i], 0, sizeof memory[i]);
		ends[i]->config.session.link.mrru = 1500;
		ends[i]->sessions[0].link.multilink = &memory[i];
	}
	pair_start(pair, 1);
	struct end *client = &pair->client;
	struct session *session = &client->sessions[0];
	assert_true(link_bundles(&session->link));
	assert_int_equal(session->link.phase, PHASE_NETWORK);
	const uint8_t whole[] = {0, 0x3d, 0xc0, 0, 0, 1, 0x80, 0x57, 1, 1, 0, 4};
	const uint8_t part[] = {0, 0x3d, 0x80, 0, 0, 2, 0x80, 0x57, 1, 1, 0, 4};
	tunnel_frame(&client->tunnel, session, session->epoch, whole, sizeof whole, pair->now,
		pair_out());
	assert_int_equal(rejected(pair_out()), 0x8057);
	pair_take(pair, client);
	uint32_t dropped = session_drops(session, DROP_FRAME_PHASE);
	tunnel_frame(
		&client->tunnel, session, session->epoch, part, sizeof part, pair->now, pair_out());
	assert_int_equal(rejected(pair_out()), 0);
	pair_take(pair, client);
	assert_int_equal(session_drops(session, DROP_FRAME_PHASE), dropped + 1);
}

static void every_frame_is_said_to_the_log(void **state)
{
	struct pair *pair = opened();
	const struct end *ends[2] = {&pair->client, &pair->server};
	for (int i = 0; i < 2; i++) {
		uint32_t sent = 0, received = 0;
		for (uint32_t k = 0; k < ends[i]->seen_count; k++)
			if (ends[i]->seen[k].kind == TUNNEL_PPP)
				ends[i]->seen[k].arg ? sent++ : received++;
		assert_int_equal(sent, seen_total(ends[i], TUNNEL_COMMAND, DATAPATH_FRAME));
		assert_int_equal(received, seen_total(ends[!i], TUNNEL_COMMAND, DATAPATH_FRAME));
	}
}

/* ---- silence ---- */

static void no_gre_is_named(void **state)
{
	struct pair *pair = pair_new();
	pair->client.deaf_gre = true;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(4));
	assert_null(strstr(pair->client.notes, "0 received"));
	pair_pass(pair, SECONDS(2));
	assert_non_null(strstr(pair->client.notes, "TCP 1723 works, "));
	assert_non_null(strstr(pair->client.notes, " GRE sent, 0 received: GRE"));
	assert_non_null(strstr(pair->client.notes, "modprobe nf_conntrack_pptp"));
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_LCP_NO_GRE);
	assert_null(strstr(pair->server.notes, "0 received"));
}

/* Who has something else to try does not wait for LCP to give up. */
static void no_gre_ends_an_attempt_early(void **state)
{
	for (int deaf = 0; deaf < 2; deaf++) {
		struct pair *pair = pair_new();
		pair->client.config.session.silence_us = GRE_SILENCE_MAX;
		pair->client.config.session.nat = true;
		pair->client.deaf_gre = deaf;
		pair_start(pair, 1);
		assert_true(pair->client.seen[command_at(&pair->client, DATAPATH_ATTACH)].nat);
		assert_false(pair->server.seen[command_at(&pair->server, DATAPATH_ATTACH)].nat);
		pair_pass(pair, GRE_SILENCE_MAX - SECONDS(1));
		assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_DOWN, -1), 0);
		pair_pass(pair, SECONDS(4));
		if (deaf)
			assert_int_equal(seen_reason(&pair->client, 1), CLOSE_LCP_NO_GRE);
		else
			assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_DOWN, -1), 0);
	}
}

static void gre_without_lcp_is_a_plain_timeout(void **state)
{
	struct pair *pair = pair_new();
	pair->client.deaf_gre = true;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(4));
	/* An acknowledgement is heard, no frame. */
	tunnel_alive(&pair->client.tunnel, &pair->client.sessions[0], pair->now, 0);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_LCP_TIMEOUT);
	assert_null(strstr(pair->client.notes, "0 received"));
}

static void a_passive_pair_is_bounded(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.link.silent = true;
	pair->server.config.session.link.silent = true;
	pair_start(pair, 1);
	pair_pass(pair, SESSION_SETUP_MAX + SECONDS(30));
	assert_int_equal(pair->client.sessions[0].state, SESSION_OVER);
	assert_int_equal(pair->server.sessions[0].state, SESSION_OVER);
}

/* The link's own bound is put off here; starting over gives no new time. */
static void starting_over_and_over_is_bounded(void **state)
{
	struct pair *pair = pair_new();
	pair->server.config.session.link.max_configure = 60;
	pair->client.config.session.link.echo_interval_us = 0; /* never hangs up */
	pair_start(pair, 1);
	struct session *session = &pair->server.sessions[0];
	pair->client.deaf_gre = pair->server.deaf_gre = true;
	uint64_t start = pair->now;
	uint8_t request[] = {0xc0, 0x21, 1, 99, 0, 10, 5, 6, 1, 2, 3, 4};
	uint8_t ack[64] = {0xc0, 0x21, 2};
	while (session->state != SESSION_OVER && pair->now < start + SECONDS(400)) {
		/* A peer that opens LCP and leaves it at that. */
		request[3]++;
		tunnel_frame(&pair->server.tunnel, session, session->epoch, request, sizeof request,
			pair->now, pair_out());
		pair_take(pair, &pair->server);
		struct writer w = writer_over(ack + 6, sizeof ack - 6);
		lcp_request(&session->link, &w);
		ack[3] = session->link.lcp.fsm.request_id;
		put_u16(ack + 4, (uint16_t)(writer_length(&w) + 4));
		tunnel_frame(&pair->server.tunnel, session, session->epoch, ack,
			writer_length(&w) + 6, pair->now, pair_out());
		pair_take(pair, &pair->server);
		pair_pass(pair, SECONDS(5));
	}
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_AUTH_TIMEOUT);
	assert_true(pair->now - start >= SESSION_SETUP_MAX);
	assert_true(pair->now - start < SESSION_SETUP_MAX + SECONDS(20));
}

static void data_is_life(void **state)
{
	struct pair *pair = opened();
	pair->client.deaf_gre = pair->server.deaf_gre = true;
	for (int i = 0; i < 40; i++) {
		pair_pass(pair, SECONDS(5));
		tunnel_alive(&pair->client.tunnel, &pair->client.sessions[0], pair->now, pair->now);
		tunnel_alive(&pair->server.tunnel, &pair->server.sessions[0], pair->now, pair->now);
	}
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	pair_pass(pair, SECONDS(200));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_ECHO_DEAD);
}

static void ask_for_quality(struct end *end)
{
	struct link_config *link = &end->config.session.link;
	link->lqr_period = 500;
	link->lqr_loss = 10;
	link->lqr_failure = 2;
	link->lqr_window = 3;
}

/* What one end says it sent the other has received, control frames and packets. */
static void quality_is_counted_on_both_sides(void **state)
{
	struct pair *pair = pair_new();
	ask_for_quality(&pair->client);
	ask_for_quality(&pair->server);
	pair_start(pair, 1);
	struct datapath_counters client = {0}, server = {0};
	for (int i = 1; i < 40; i++) {
		pair_pass(pair, SECONDS(3));
		server.rx_packets = client.tx_packets += 70;
		server.tx_packets = client.rx_packets += 900;
		tunnel_traffic(&pair->client.tunnel, &pair->client.sessions[0], &client);
		tunnel_traffic(&pair->server.tunnel, &pair->server.sessions[0], &server);
	}
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	assert_true(pair->client.sessions[0].link.lqr.in_lqrs > 20);
	assert_true(pair->server.sessions[0].link.lqr.in_lqrs > 20);
	assert_null(strstr(pair->client.notes, "quality"));
	assert_null(strstr(pair->server.notes, "quality"));
	const struct session *a = &pair->client.sessions[0], *b = &pair->server.sessions[0];
	assert_int_equal(a->frames.packets_out, b->frames.packets_in);
	assert_int_equal(a->frames.octets_out, b->frames.octets_in);
}

static void quality_ends_it(void **state)
{
	struct pair *pair = pair_new();
	ask_for_quality(&pair->server);
	pair_start(pair, 1);
	struct datapath_counters client = {0}, server = {0};
	server.drops[DROP_MPPE_COHERENCY] = 3;
	server.drops[DROP_GRE_DUPLICATE] = 100; /* a copy of what was counted already */
	for (int i = 1; i < 10; i++) {
		pair_pass(pair, SECONDS(3));
		client.tx_packets += 100;
		server.rx_packets += 60;
		tunnel_traffic(&pair->client.tunnel, &pair->client.sessions[0], &client);
		tunnel_traffic(&pair->server.tunnel, &pair->server.sessions[0], &server);
	}
	assert_int_equal(pair->server.sessions[0].packets.discards_in, 3);
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_LINK_QUALITY);
	assert_non_null(strstr(pair->server.notes, " from it"));
}

/* ---- limits ---- */

static uint32_t told_remaining(const struct end *end)
{
	uint32_t count = 0, at = 0;
	for (;; at++, count++) {
		at = seen_find(end, at, TUNNEL_COMMAND, DATAPATH_FRAME, LCP, 13);
		if (at == end->seen_count)
			return count;
	}
}

/* Five minutes before the end and one, where there was ever so much (RFC 1570 §2.2). */
static void the_peer_is_told_how_long_is_left(void **state)
{
	struct pair *pair = pair_new();
	pair->server.config.session.max_connect_us = SECONDS(400);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(95));
	assert_int_equal(told_remaining(&pair->server), 0);
	pair_pass(pair, SECONDS(10));
	assert_int_equal(told_remaining(&pair->server), 1);
	assert_non_null(strstr(pair->client.notes, "300 more seconds: \"connect time limit\""));
	pair_pass(pair, SECONDS(230));
	assert_int_equal(told_remaining(&pair->server), 1);
	pair_pass(pair, SECONDS(10));
	assert_int_equal(told_remaining(&pair->server), 2);
	assert_non_null(strstr(pair->client.notes, "60 more seconds"));
	pair_pass(pair, SECONDS(70));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_MAX_CONNECT);
	assert_int_equal(told_remaining(&pair->client), 0);
	pair = pair_new();
	pair->server.config.session.max_connect_us = SECONDS(200);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(250));
	assert_int_equal(told_remaining(&pair->server), 1);
	pair = pair_new();
	pair->server.config.session.max_connect_us = SECONDS(60);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(250));
	assert_int_equal(told_remaining(&pair->server), 0);
}

static void idle_ends_it(void **state)
{
	struct pair *pair = pair_new();
	pair->server.config.session.idle_us = SECONDS(100);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	tunnel_alive(&pair->server.tunnel, &pair->server.sessions[0], pair->now, pair->now);
	pair_pass(pair, SECONDS(99));
	assert_int_equal(pair->server.sessions[0].state, SESSION_UP);
	pair_pass(pair, SECONDS(2));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_IDLE);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_PEER_TERMINATED);
}

static void time_ends_it(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.max_connect_us = SECONDS(100);
	pair->client.config.session.idle_us = SECONDS(90);
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(50));
	tunnel_alive(&pair->client.tunnel, &pair->client.sessions[0], pair->now, pair->now);
	pair_pass(pair, SECONDS(51));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_MAX_CONNECT);
}

static void carry(struct pair *pair, uint64_t in, uint64_t out)
{
	struct datapath_counters counters = {.rx_bytes = in, .tx_bytes = out};
	tunnel_traffic(&pair->client.tunnel, &pair->client.sessions[0], &counters);
	pair_pass(pair, SECONDS(11));
}

static bool traffic_has_ended(enum session_octets what, uint64_t in, uint64_t out)
{
	struct pair *pair = pair_new();
	pair->client.config.session.max_octets = 1000;
	pair->client.config.session.octets_us = SECONDS(10);
	pair->client.config.session.octets = what;
	pair_start(pair, 1);
	carry(pair, 10, 10);
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
	carry(pair, in, out);
	if (seen_reason(&pair->client, 1) != CLOSE_TRAFFIC_LIMIT)
		return false;
	assert_non_null(strstr(pair->client.notes, "Traffic limit reached. Limit: 1000 Used: "));
	return true;
}

static void traffic_ends_it(void **state)
{
	assert_false(traffic_has_ended(SESSION_OCTETS_SUM, 500, 500));
	assert_true(traffic_has_ended(SESSION_OCTETS_SUM, 501, 500));
	assert_false(traffic_has_ended(SESSION_OCTETS_IN, 1000, 5000));
	assert_true(traffic_has_ended(SESSION_OCTETS_IN, 1001, 0));
	assert_false(traffic_has_ended(SESSION_OCTETS_OUT, 5000, 1000));
	assert_true(traffic_has_ended(SESSION_OCTETS_OUT, 0, 1001));
	assert_false(traffic_has_ended(SESSION_OCTETS_MAX, 1000, 999));
	assert_true(traffic_has_ended(SESSION_OCTETS_MAX, 5, 1001));
	assert_true(traffic_has_ended(SESSION_OCTETS_MAX, 1001, 5));
}

/* ---- reasons ---- */

static void a_wrong_password(void **state)
{
	struct pair *pair = pair_new();
	pair->server.password = "another";
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_AUTH_FAILED);
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_AUTH_WE_FAILED);
	assert_int_equal(seen_total(&pair->client, TUNNEL_COMMAND, DATAPATH_RECEIVE_KEY), 0);
}

static void no_answer_from_the_user_table(void **state)
{
	struct pair *pair = pair_new();
	pair->server.mute_credentials = true;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_AUTH_TIMEOUT);
}

static void no_encryption_in_common(void **state)
{
	struct pair *pair = pair_new();
	pair->client.config.session.unit.mppe_allow = 0;
	pair->client.config.session.unit.mppe_require = false;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_MPPE_REFUSED);
	assert_int_equal(seen_total(&pair->client, TUNNEL_SESSION_UP, -1), 0);
}

static void no_address(void **state)
{
	struct pair *pair = pair_new();
	pair->server.refuse_address = true;
	pair_start(pair, 1);
	pair_pass(pair, SECONDS(60));
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_ADDRESS_NONE);
}

static void keys_differ(void **state)
{
	struct pair *pair = opened();
	tunnel_keys_differ(&pair->client.tunnel, &pair->client.sessions[0], pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_pass(pair, SECONDS(20));
	assert_int_equal(seen_reason(&pair->client, 1), CLOSE_MPPE_KEYS);
	assert_int_equal(seen_reason(&pair->server, 1), CLOSE_PEER_TERMINATED);
}

/* A word from a worker that is behind: of keys that an LCP restart has taken away already. */
static void keys_differ_only_while_up(void **state)
{
	struct pair *pair = opened();
	renegotiate(pair, &pair->client);
	tunnel_keys_differ(&pair->client.tunnel, &pair->client.sessions[0], pair->now, pair_out());
	pair_take(pair, &pair->client);
	pair_pass(pair, SECONDS(20));
	assert_int_equal(pair->client.sessions[0].state, SESSION_UP);
}

static void a_peer_that_is_asked_answers(void **state)
{
	struct pair *pair = opened();
	struct session *session = &pair->client.sessions[0];
	assert_true(tunnel_probe(&pair->client.tunnel, session, pair->now, pair_out()));
	pair_take(pair, &pair->client);
	pair_pass(pair, SECONDS(1));
	assert_int_equal(seen_total(&pair->client, TUNNEL_ANSWERED, 0), 1);
	assert_int_equal(seen_total(&pair->server, TUNNEL_ANSWERED, 0), 0);
}

static void stale_answers_change_nothing(void **state)
{
	struct pair *pair = opened();
	struct session *session = &pair->server.sessions[0];
	struct auth_answer answer = {.accepted = false};
	struct unit_addresses addresses = {.granted = false};
	tunnel_credentials(&pair->server.tunnel, session, 12345, &answer, pair->now, pair_out());
	pair_take(pair, &pair->server);
	tunnel_addresses(&pair->server.tunnel, session, 12345, &addresses, pair->now, pair_out());
	pair_take(pair, &pair->server);
	pair_pass(pair, SECONDS(1));
	assert_int_equal(session->state, SESSION_UP);
	assert_int_equal(session_drops(session, DROP_AUTH_ANSWER), 1);
}

/* What went up is the app's to wipe; what it was made from is gone. */
static void nothing_secret_stays_behind(void **state)
{
	static const uint8_t nothing[sizeof(struct unit_key)];
	struct pair *pair = opened();
	struct unit_key key = {.strength = MPPE_128, .stateless = true};
	memset(&key.keys, 0xa5, sizeof key.keys);
	OUTBOX(items, 1, sizeof key);
	outbox_add(&items, UNIT_TRANSMIT_KEY, &key, sizeof key);
	translate_unit(&pair->server.sessions[0], &items, pair->now, pair_out());
	pair_take(pair, &pair->server);
	assert_memory_equal(items.arena, nothing, sizeof nothing);
	struct link_identity identity = {.our_method = AUTH_MSCHAPV2, .keys = key.keys};
	OUTBOX(more, 1, sizeof identity);
	outbox_add(&more, LINK_NETWORK, &identity, sizeof identity);
	translate_link(&pair->server.sessions[0], &more, pair->now, pair_out());
	pair_take(pair, &pair->server);
	for (size_t i = 0; i < sizeof identity; i++)
		assert_int_equal(more.arena[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_in_their_order),
		cmocka_unit_test(opens_with_facts),
		cmocka_unit_test(keys_before_the_frames_that_need_them),
		cmocka_unit_test(network_before_the_ack_that_lets_the_peer_send),
		cmocka_unit_test(bytes_of_the_reply_before_the_first_frame),
		cmocka_unit_test(framing_counts_what_wraps_a_packet),
		cmocka_unit_test(window_of_a_slow_line),
		cmocka_unit_test(an_epoch_comes_before_its_frames),
		cmocka_unit_test(frames_of_an_older_epoch_are_dropped_but_lcp),
		cmocka_unit_test(an_early_frame_is_kept),
		cmocka_unit_test(the_data_path_knows_the_rules),
		cmocka_unit_test(outer_marks_depend_on_the_peer),
		cmocka_unit_test(unknown_protocols_are_rejected),
		cmocka_unit_test(fragments_before_the_bundle),
		cmocka_unit_test(every_frame_is_said_to_the_log),
		cmocka_unit_test(no_gre_is_named),
		cmocka_unit_test(no_gre_ends_an_attempt_early),
		cmocka_unit_test(gre_without_lcp_is_a_plain_timeout),
		cmocka_unit_test(a_passive_pair_is_bounded),
		cmocka_unit_test(starting_over_and_over_is_bounded),
		cmocka_unit_test(data_is_life),
		cmocka_unit_test(quality_is_counted_on_both_sides),
		cmocka_unit_test(quality_ends_it),
		cmocka_unit_test(the_peer_is_told_how_long_is_left),
		cmocka_unit_test(idle_ends_it),
		cmocka_unit_test(time_ends_it),
		cmocka_unit_test(traffic_ends_it),
		cmocka_unit_test(a_wrong_password),
		cmocka_unit_test(no_answer_from_the_user_table),
		cmocka_unit_test(no_encryption_in_common),
		cmocka_unit_test(no_address),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(a_peer_that_is_asked_answers),
		cmocka_unit_test(keys_differ_only_while_up),
		cmocka_unit_test(stale_answers_change_nothing),
		cmocka_unit_test(nothing_secret_stays_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
