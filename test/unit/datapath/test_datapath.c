/* Commands in their order, epochs, detaching, deadlines, finding the session. */
#include "lab.h"

static void attach_starts_afresh(void **state)
{
	struct lab *lab = lab_new();
	memset(&lab->client, 0, sizeof(lab->client));
	assert_true(datapath_deadline(&lab->client) == NEVER);
	struct datapath_command framing = {.kind = DATAPATH_FRAMING, .framing = {.mtu = 900}};
	lab_command(lab, &lab->client, &framing);
	assert_int_equal(lab->client.mtu, 0); /* not attached: ignored */
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = 7, .epoch = 3};
	attach.attach.local_call_id = 0xbeef;
	attach.attach.require_encryption = true;
	lab_command(lab, &lab->client, &attach);
	assert_true(lab->client.attached && !lab->client.connected);
	assert_int_equal(lab->client.subject, 7);
	assert_int_equal(lab->client.epoch, 3);
	assert_int_equal(lab->client.local_call_id, 0xbeef);
	assert_true(lab->client.require_encryption);
	/* Nothing was heard so far: this is how blocked GRE is told from a peer that is slow. */
	assert_int_equal(lab->client.last_received, 0);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	lab->client.counters.gre_rx = 9;
	lab_command(lab, &lab->client, &attach);
	assert_int_equal(lab->client.counters.gre_rx, 0);
	free(lab);
}

/* Version 0 and eight bytes: less is not tracked. Before anything else, and again in time. */
static void a_nat_is_opened(void **state)
{
	struct lab *lab = lab_new();
	lab->client.streams = &lab->streams[lab->streams_used++];
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = 7};
	attach.attach.nat = true;
	for (unsigned n = 0; n < 3; n++) {
		if (n == 0)
			lab_command(lab, &lab->client, &attach);
		else
			datapath_tick(&lab->engine, &lab->client, lab->now, &lab->out);
		assert_int_equal(lab->out.count, 1);
		assert_int_equal(lab->out.at[0].kind, PACKET_OUTER);
		assert_true(lab->out.at[0].control);
		assert_hex(lab->out.at[0].bytes, lab->out.at[0].length, "00 00 88 0b 00 00 00 00");
		assert_true(datapath_deadline(&lab->client) == lab->now + NAT_OPEN_EVERY);
		lab->now += NAT_OPEN_EVERY - 1;
		lab_clear(lab);
		datapath_tick(&lab->engine, &lab->client, lab->now, &lab->out);
		assert_int_equal(lab->out.count, 0);
		lab->now++;
	}
	assert_int_equal(lab->client.gre.send_next, 0); /* it has no number */
	attach.attach.nat = false;
	lab_command(lab, &lab->client, &attach);
	assert_int_equal(lab->out.count, 0);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	free(lab);
}

static void control_frame_golden(void **state)
{
	struct lab *lab = lab_up(true);
	uint8_t bytes[16];
	struct datapath_command frame = {.kind = DATAPATH_FRAME};
	frame.frame.length = (uint16_t)hex_bytes(bytes, sizeof(bytes), "c0 21 01 02 00 04");
	lab_framing(lab, &lab->client, 1400, true); /* compression is for data alone */
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 1);
	datapath_execute(&lab->engine, &lab->client, &frame, bytes, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_OUTER);
	assert_hex(lab->out.at[0].bytes, lab->out.at[0].length,
		"30 01 88 0b 00 08 22 22 00 00 00 00 ff 03 c0 21 01 02 00 04");
	/* One that cannot leave is counted: no room, or nobody to send it to. */
	lab->out.count = lab->out.max;
	datapath_execute(&lab->engine, &lab->client, &frame, bytes, lab->now, &lab->out);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	lab_clear(lab);
	lab->client.connected = false;
	datapath_execute(&lab->engine, &lab->client, &frame, bytes, lab->now, &lab->out);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	assert_int_equal(lab->client.gre.send_next, 1);
	free(lab);
}

/* A packet of the control plane's own is no traffic; one that waited for the session is. */
static void packets_as_frames(void **state)
{
	struct lab *lab = lab_up(false);
	uint8_t bytes[2 + 60] = {0x00, 0x21};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame.length = sizeof(bytes)};
	lab_ipv4(bytes + 2, 60, true, 4);
	datapath_execute(&lab->engine, &lab->client, &frame, bytes, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->client.counters.tx_packets, 0);
	frame.frame.traffic = true;
	datapath_execute(&lab->engine, &lab->client, &frame, bytes, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 2);
	assert_int_equal(lab->client.counters.tx_packets, 1);
	assert_int_equal(lab->client.counters.tx_bytes, 60);
	free(lab);
}

/* A key and the frame that goes with it are one pair: what is sealed between them shows it. */
static void keys_in_order(void **state)
{
	struct lab *lab = lab_up(false);
	struct datapath_command receive = lab_key(false, MPPE_128, true, 1);
	struct datapath_command transmit = lab_key(true, MPPE_128, true, 1);
	struct datapath_command none = lab_key(true, MPPE_NONE, true, 1);
	struct flight clear, encrypted;
	lab_command(lab, &lab->server, &receive);
	lab_seal(lab, &lab->client, 1, 60, &clear);
	lab_command(lab, &lab->client, &transmit);
	lab_seal(lab, &lab->client, 2, 60, &encrypted);
	assert_hex(encrypted.bytes + 12, 4, "ff 03 00 fd");
	assert_int_equal(lab_open(lab, &lab->server, &clear), 1);
	assert_int_equal(lab_open(lab, &lab->server, &encrypted), 1);
	lab_command(lab, &lab->client, &none);
	lab_seal(lab, &lab->client, 3, 60, &clear);
	assert_hex(clear.bytes + 12, 4, "ff 03 00 21");
	none.kind = DATAPATH_RECEIVE_KEY;
	lab_command(lab, &lab->server, &none);
	assert_false(mppe_armed(&lab->server.receive));
	assert_null(lab->server.previous);
	assert_int_equal(lab_open(lab, &lab->server, &clear), 1);
	free(lab);
}

/* Each direction takes its own half, and the short keys where the strength says so. */
static void key_halves(void **state)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	for (unsigned n = 0; n < 3; n++) {
		struct lab *lab = lab_up(false);
		struct datapath_command key = lab_key(true, strengths[n], true, 1);
		struct mppe_chain chain;
		memset(key.key.keys.send, 1, 16);
		memset(key.key.keys.receive, 2, 16);
		memset(key.key.keys.send_short, 3, 8);
		memset(key.key.keys.receive_short, 4, 8);
		lab_command(lab, &lab->client, &key);
		mppe_chain_init(&chain, &mppe_engine_plain, strengths[n],
			n == 2 ? key.key.keys.send : key.key.keys.send_short);
		mppe_chain_next(&chain);
		assert_memory_equal(lab->client.transmit.chain.key, chain.key, chain.length);
		key.kind = DATAPATH_RECEIVE_KEY;
		lab_command(lab, &lab->client, &key);
		mppe_chain_init(&chain, &mppe_engine_plain, strengths[n],
			n == 2 ? key.key.keys.receive : key.key.keys.receive_short);
		mppe_chain_next(&chain);
		assert_memory_equal(lab->client.receive.chain.key, chain.key, chain.length);
		free(lab);
	}
}

static bool all_zero(const void *memory, size_t length)
{
	const uint8_t *bytes = memory;
	for (size_t n = 0; n < length; n++)
		if (bytes[n])
			return false;
	return true;
}

static void assert_no_keys(const struct datapath *dp)
{
	assert_true(all_zero(&dp->transmit, sizeof(dp->transmit)));
	assert_true(all_zero(&dp->receive, sizeof(dp->receive)));
	assert_null(dp->previous);
	assert_true(all_zero(&dp->streams->old, sizeof(dp->streams->old)));
}

/* LCP restarts: keys gone, data stopped both ways, the GRE numbers go on. */
static void epoch(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight, old;
	uint8_t bytes[60];
	for (uint32_t n = 0; n < 3; n++) {
		lab_seal(lab, &lab->client, n, 60, &flight);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	}
	lab_seal(lab, &lab->client, 3, 60, &old);
	struct datapath_command again = lab_key(false, MPPE_128, true, 9);
	lab_command(lab, &lab->server, &again); /* `previous` is armed now */
	assert_non_null(lab->server.previous);
	struct datapath_command restart = {.kind = DATAPATH_EPOCH, .epoch = 5};
	lab_command(lab, &lab->client, &restart);
	lab_command(lab, &lab->server, &restart);
	assert_int_equal(lab->server.epoch, 5);
	assert_no_keys(&lab->client);
	assert_no_keys(&lab->server);
	assert_int_equal(lab_open(lab, &lab->server, &old), 0);
	assert_dropped(&lab->server, DROP_MPPE_NO_KEY);
	lab_ipv4(bytes, 60, true, 4);
	struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 60};
	datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	uint8_t lcp[] = {0xc0, 0x21, 1, 1, 0, 4};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame = {.length = sizeof(lcp)}};
	lab_clear(lab);
	datapath_execute(&lab->engine, &lab->client, &frame, lcp, lab->now, &lab->out);
	assert_hex(lab->out.at[0].bytes + 8, 4, "00 00 00 04");
	free(lab);
}

static void detach_leaves_nothing(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct flight flight;
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	for (unsigned n = 0; n < 5; n++) {
		lab_seal(lab, &lab->client, 2, 60, &flight);
		lab_seal(lab, &lab->client, 2, 60, &flight);
		lab_open(lab, &lab->server, &flight);
	}
	assert_int_equal(lab->pool.used, 5);
	lab_command(lab, &lab->server, &detach);
	assert_int_equal(lab->pool.used, 0);
	assert_no_keys(&lab->server);
	assert_true(datapath_deadline(&lab->server) == NEVER);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now + SECONDS(9), &lab->out);
	assert_int_equal(lab->out.count, 0);
	assert_int_equal(lab->server.counters.rx_packets, 1); /* to be reported */
	free(lab);
}

/* Attaching over a session that was not detached gives its held packets back. */
static void attach_over(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_raw(&flight, &lab->server, 1, "c0 21 09 00 00 04");
	lab_open(lab, &lab->server, &flight);
	lab_raw(&flight, &lab->server, 3, "c0 21 09 00 00 04");
	lab_open(lab, &lab->server, &flight);
	assert_int_equal(lab->pool.used, 1);
	lab_attach(lab, &lab->server, false);
	assert_int_equal(lab->pool.used, 0);
	free(lab);
}

static void no_deadline_is_left_behind(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	lab_seal(lab, &lab->client, 2, 60, &flight);
	lab_seal(lab, &lab->client, 3, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	for (unsigned n = 0; n < 100 && datapath_deadline(&lab->server) != NEVER; n++) {
		lab->now = datapath_deadline(&lab->server);
		lab_clear(lab);
		datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
		assert_true(datapath_deadline(&lab->server) > lab->now);
	}
	assert_true(datapath_deadline(&lab->server) == NEVER);
	/* Towards a peer whose call ID is not known nothing can be due. */
	lab->server.gre.ack_owed = true;
	lab->server.gre.ack_due = 5;
	lab->server.connected = false;
	assert_true(datapath_deadline(&lab->server) == NEVER);
	free(lab);
}

static void finding_the_session(void **state)
{
	struct lab *lab = lab_up(false);
	uint8_t bytes[64];
	uint16_t call_id = 0;
	enum drop why = DROP_COUNT;
	size_t length = hex_bytes(bytes, sizeof(bytes), "30 01 88 0b 00 01 ab cd 00 00 00 05 c0");
	assert_true(datapath_call_id(bytes, length, &call_id, &why));
	assert_int_equal(call_id, 0xabcd);
	assert_false(datapath_call_id(bytes, length - 1, &call_id, &why));
	assert_int_equal(why, DROP_GRE_LENGTH);
	struct address peer = lab_outer(true), other = address_ipv4(1);
	assert_true(datapath_match(&lab->engine, &lab->server, &peer));
	assert_false(datapath_match(&lab->engine, &lab->server, &other));
	assert_dropped(&lab->server, DROP_GRE_PEER);
	assert_false(datapath_match(&lab->engine, NULL, &peer));
	assert_int_equal(lab->engine.drops[DROP_GRE_CALL], 1);
	free(lab);
}

static void the_peer_is_found(void **state)
{
	struct lab *lab = lab_up(false);
	struct address peer = lab_outer(true), other = address_ipv4(1);
	struct datapath_command command = {.kind = DATAPATH_ATTACH,
		.attach = {.local_call_id = 1, .peer = peer, .any_peer = true}};
	lab_command(lab, &lab->server, &command);
	assert_true(lab->server.any_peer);
	datapath_found(&lab->server, &other);
	assert_false(lab->server.any_peer);
	assert_true(datapath_match(&lab->engine, &lab->server, &other));
	assert_false(datapath_match(&lab->engine, &lab->server, &peer));
	command.attach.any_peer = false;
	lab_command(lab, &lab->server, &command);
	assert_false(lab->server.any_peer);
	free(lab);
}

static void routing(void **state)
{
	struct lab *lab = lab_new();
	static struct prefix_table table;
	static struct prefix_node nodes[4];
	static _Atomic uint32_t buckets[4];
	struct prefix host = {.address = address_ipv4(SERVER_IP), .length = 32};
	uint8_t bytes[60];
	uint32_t subject = 0;
	lab_ipv4(bytes, 60, true, 1);
	assert_false(datapath_route(&lab->engine, bytes, 60, &subject)); /* no table */
	prefix_table_init(&table, nodes, 4, buckets, 4, 3);
	lab->engine.prefixes = &table;
	assert_false(datapath_route(&lab->engine, bytes, 60, &subject));
	assert_int_equal(lab->engine.drops[DROP_INNER_ROUTE], 2);
	assert_true(prefix_table_insert(&table, &host, 31));
	assert_true(datapath_route(&lab->engine, bytes, 60, &subject));
	assert_int_equal(subject, 31);
	assert_false(datapath_route(&lab->engine, bytes, 19, &subject));
	assert_int_equal(lab->engine.drops[DROP_INNER_HEADER], 1);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_starts_afresh),
		cmocka_unit_test(a_nat_is_opened),
		cmocka_unit_test(packets_as_frames),
		cmocka_unit_test(control_frame_golden),
		cmocka_unit_test(keys_in_order),
		cmocka_unit_test(key_halves),
		cmocka_unit_test(epoch),
		cmocka_unit_test(detach_leaves_nothing),
		cmocka_unit_test(attach_over),
		cmocka_unit_test(no_deadline_is_left_behind),
		cmocka_unit_test(finding_the_session),
		cmocka_unit_test(the_peer_is_found),
		cmocka_unit_test(routing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
