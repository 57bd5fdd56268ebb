/* Outer to inner: order, keys, what passes and what does not, acknowledgements, time. */
#include "lab.h"

#include "cipher.h"

static void lcp(struct flight *flight, struct datapath *to, uint32_t sequence, uint8_t id)
{
	char hex[32] = "ff 03 c0 21 09 00 00 04";
	hex[15] = "0123456789abcdef"[id >> 4];
	hex[16] = "0123456789abcdef"[id & 15];
	lab_raw(flight, to, sequence, hex);
}

static void assert_control(struct lab *lab, size_t index, const char *hex)
{
	assert_true(index < lab->out.count);
	assert_int_equal(lab->out.at[index].kind, PACKET_CONTROL);
	assert_hex(lab->out.at[index].bytes, lab->out.at[index].length, hex);
}

static void control_frames_go_up(void **state)
{
	static const char *const forms[] = {
		"ff 03 c0 21 01 02 00 04", "c0 21 01 02 00 04", "ff 03 c2 23 04 01 00 04 aa"};
	static const char *const up[] = {
		"c0 21 01 02 00 04", "c0 21 01 02 00 04", "c2 23 04 01 00 04 aa"};
	struct lab *lab = lab_up(true);
	for (uint32_t n = 0; n < 3; n++) {
		struct flight flight;
		lab_raw(&flight, &lab->server, n, forms[n]);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		assert_ptr_equal(lab->out.at[0].datapath, &lab->server);
		assert_control(lab, 0, up[n]);
	}
	assert_int_equal(lab->server.counters.gre_rx, 3);
	assert_int_equal(lab->server.last_received, lab->now);
	free(lab);
}

static void oversized_control_frame(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_raw(&flight, &lab->server, 0, "c0 21 09 00 00 04");
	put_u16(flight.bytes + 4, 1800);
	flight.length = GRE_BASE_SIZE + 4 + 1800;
	memset(flight.bytes + 18, 0, 1800);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_INNER_SIZE);
	free(lab);
}

/* Frames keep their order, control frames too; a hole is waited for and then given up. */
static void order_and_time(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lcp(&flight, &lab->server, 5, 5);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_true(datapath_deadline(&lab->server) == lab->now + GRE_ACK_DELAY);
	lcp(&flight, &lab->server, 7, 7);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_true(datapath_deadline(&lab->server) == lab->now + REORDER_WAIT_MIN);
	lcp(&flight, &lab->server, 6, 6);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 2);
	assert_control(lab, 0, "c0 21 09 06 00 04");
	assert_control(lab, 1, "c0 21 09 07 00 04");
	lcp(&flight, &lab->server, 9, 9);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	lab->now = datapath_deadline(&lab->server);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_control(lab, 0, "c0 21 09 09 00 04");
	assert_int_equal(lab->server.counters.lost, 1);
	assert_int_equal(lab->server.counters.reordered, 2);
	assert_int_equal(lab->pool.used, 0);
	lcp(&flight, &lab->server, 8, 8);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_GRE_LATE);
	assert_true(datapath_deadline(&lab->server) > lab->now);
	free(lab);
}

static void stand_alone_ack(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_raw(&flight, &lab->server, 41, "c0 21 09 00 00 04");
	lab_open(lab, &lab->server, &flight);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now + GRE_ACK_DELAY - 1, &lab->out);
	assert_int_equal(lab->out.count, 0);
	datapath_tick(&lab->engine, &lab->server, lab->now + GRE_ACK_DELAY, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_OUTER);
	assert_hex(
		lab->out.at[0].bytes, lab->out.at[0].length, "20 81 88 0b 00 00 11 11 00 00 00 29");
	assert_true(datapath_deadline(&lab->server) == NEVER);
	/* It is an ack to the client, which delivers nothing and answers nothing. */
	flight.length = lab->out.at[0].length;
	memcpy(flight.bytes, lab->out.at[0].bytes, flight.length);
	lab->client.gre.send_next = 42;
	assert_int_equal(lab_open(lab, &lab->client, &flight), 0);
	assert_int_equal(gre_in_flight(&lab->client.gre), 0);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	assert_no_drops(&lab->client);
	free(lab);
}

/* At most one a batch for each session, however long the batch. */
static void one_ack_a_batch(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static struct flight flights[BATCH_MAX];
	struct packet in[BATCH_MAX];
	for (uint32_t n = 0; n < BATCH_MAX; n++) {
		lab_seal(lab, &lab->client, n, 60, &flights[n]);
		in[n] = (struct packet){.datapath = &lab->server,
			.bytes = flights[n].bytes,
			.length = (uint32_t)flights[n].length};
	}
	assert_int_equal(
		datapath_open(&lab->engine, in, BATCH_MAX, lab->now, &lab->out), BATCH_MAX);
	assert_int_equal(lab->out.count, BATCH_MAX + 1);
	for (uint32_t n = 0; n < BATCH_MAX; n++)
		assert_inner(lab, n, n);
	assert_int_equal(lab->out.at[BATCH_MAX].kind, PACKET_OUTER);
	assert_hex(lab->out.at[BATCH_MAX].bytes + 8, 4, "00 00 00 3f");
	free(lab);
}

static void clear_packets_and_encryption(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight, encrypted;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	/* Armed, but the peer has not begun: what was in flight still passes. */
	struct datapath_command receive = lab_key(false, MPPE_128, true, 1);
	struct datapath_command transmit = lab_key(true, MPPE_128, true, 1);
	lab_command(lab, &lab->server, &receive);
	lab_seal(lab, &lab->client, 2, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	lab_command(lab, &lab->client, &transmit);
	lab_seal(lab, &lab->client, 3, 60, &encrypted);
	assert_int_equal(lab_open(lab, &lab->server, &encrypted), 1);
	assert_inner(lab, 0, 3);
	/* It has begun: nothing in clear any more, known protocol or not. */
	lab_raw(&flight, &lab->server, 3, "00 21 45 00");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_MPPE_CLEAR);
	lab_raw(&flight, &lab->server, 4, "00 2b 45 00");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_MPPE_CLEAR);
	lab_raw(&flight, &lab->server, 5, "c0 21 09 00 00 04");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	free(lab);
}

static void unknown_protocols(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_raw(&flight, &lab->server, 0, "2b 11 22");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_control(lab, 0, "00 2b 11 22"); /* for an LCP Protocol-Reject */
	lab->server.require_encryption = true;
	lab_raw(&flight, &lab->server, 1, "2b 11 22");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_MPPE_CLEAR);
	free(lab);
}

/* An encrypted frame around any bytes, made with the client's own chain. */
static void seal_bytes(struct lab *lab, const char *hex, struct flight *flight)
{
	uint8_t frame[256] = {0x00, 0xfd};
	size_t length = 4 + hex_bytes(frame + 4, sizeof(frame) - 4, hex);
	struct cipher cipher;
	cipher_start(&cipher, &mppe_engine_plain, NULL);
	cipher_seal(&cipher, &lab->client.transmit, frame + 2, length - 2);
	cipher_flush(&cipher);
	struct gre_header header = {
		.payload_length = (uint16_t)length, .call_id = SERVER_ID, .has_sequence = true};
	header.sequence = lab->client.gre.send_next++;
	struct writer w = writer_over(flight->bytes, sizeof(flight->bytes));
	gre_build(&w, &header);
	write_bytes(&w, frame, length);
	flight->length = writer_length(&w);
}

/* The receiver has seen a packet that its keys opened: it goes by the count from here on. */
static void prove_keys(struct lab *lab)
{
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	memset(&lab->server.counters, 0, sizeof(lab->server.counters));
}

static void encrypted_protocols(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;
	prove_keys(lab);
	seal_bytes(lab, "00 2b 11 22", &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_control(lab, 0, "00 2b 11 22");
	seal_bytes(lab, "2d 33", &flight); /* a second in a row is taken for noise */
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_MPPE_INNER);
	assert_int_equal(lab->server.suspicious, 2);
	lab_seal(lab, &lab->client, 9, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->server.suspicious, 0);
	seal_bytes(lab, "2d 33", &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_control(lab, 0, "00 2d 33");
	/* MPPE may not carry these (RFC 3078 §3): control, compressed, out of range, malformed. */
	static const char *const forbidden[] = {
		"c0 21 01 01 00 04", "00 fd 90 00 11", "00 1f 00", "00 fb 00", "00 20 00", "00"};
	for (unsigned n = 0; n < 6; n++) {
		seal_bytes(lab, forbidden[n], &flight);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
		if (lab->server.counters.drops[DROP_PPP_SHORT] ||
			lab->server.counters.drops[DROP_PPP_PROTOCOL])
			fail_msg("%s: not told apart from clear frames", forbidden[n]);
		assert_dropped(&lab->server, DROP_MPPE_INNER);
	}
	free(lab);
}

static void different_keys_show(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct datapath_command wrong = lab_key(false, MPPE_128, true, 99);
	struct flight flight;
	unsigned up = 0;
	lab_command(lab, &lab->server, &wrong);
	for (uint32_t n = 0; n < 100; n++) {
		lab_seal(lab, &lab->client, n, 200, &flight);
		lab_open(lab, &lab->server, &flight);
		for (size_t m = 0; m < lab->out.count; m++)
			up += lab->out.at[m].kind != PACKET_OUTER;
	}
	assert_int_equal(lab->server.suspicious, 100);
	assert_true(up <= 1);
	assert_int_equal(lab->server.counters.rx_packets, 0);
	free(lab);
}

/* CCP comes up again: what is in flight under the old keys still opens; then only the new. */
static void new_receive_keys(void **state)
{
	for (unsigned form = 0; form < 4; form++) {
		struct lab *lab = lab_encrypted(MPPE_128, form & 1);
		struct datapath_command receive = lab_key(false, MPPE_128, form & 2, 50);
		struct datapath_command transmit = lab_key(true, MPPE_128, form & 2, 50);
		static struct flight old[10];
		struct flight flight;
		for (uint32_t n = 0; n < 10; n++)
			lab_seal(lab, &lab->client, n, 60, &old[n]);
		for (uint32_t n = 0; n < 5; n++)
			lab_open(lab, &lab->server, &old[n]);
		lab_command(lab, &lab->server, &receive);
		lab_command(lab, &lab->client, &transmit);
		for (uint32_t n = 5; n < 10; n++) {
			assert_int_equal(lab_open(lab, &lab->server, &old[n]), 1);
			assert_inner(lab, 0, n);
		}
		assert_non_null(lab->server.previous);
		for (uint32_t n = 10; n < 20; n++) {
			lab_seal(lab, &lab->client, n, 60, &flight);
			assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
			assert_inner(lab, 0, n);
			assert_null(lab->server.previous);
		}
		assert_no_drops(&lab->server);
		free(lab);
	}
}

/* It comes up again with the start keys it had, which is what happens when nobody authenticates
 * anew: both chains are one, and only the count tells where in it a packet belongs. */
static void the_same_receive_keys(void **state)
{
	for (unsigned stateless = 0; stateless < 2; stateless++) {
		struct lab *lab = lab_encrypted(MPPE_128, stateless);
		struct datapath_command receive = lab_key(false, MPPE_128, stateless, 1);
		struct datapath_command transmit = lab_key(true, MPPE_128, stateless, 1);
		struct flight flight;
		static struct flight old[15];
		for (uint32_t n = 0; n < 15; n++)
			lab_seal(lab, &lab->client, n, 60, &old[n]);
		for (uint32_t n = 0; n < 8; n++)
			lab_open(lab, &lab->server, &old[n]);
		lab_command(lab, &lab->server, &receive);
		lab_command(lab, &lab->client, &transmit);
		for (uint32_t n = 8; n < 15; n++) {
			assert_int_equal(lab_open(lab, &lab->server, &old[n]), 1);
			assert_inner(lab, 0, n);
		}
		for (uint32_t n = 15; n < 25; n++) {
			lab_seal(lab, &lab->client, n, 60, &flight);
			assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
			assert_inner(lab, 0, n);
		}
		assert_no_drops(&lab->server);
		free(lab);
	}
}

/* A packet of older keys comes late, with the very count that the new ones begin with. */
static void an_older_packet_with_the_first_count(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct datapath_command receive = lab_key(false, MPPE_128, true, 50);
	struct datapath_command transmit = lab_key(true, MPPE_128, true, 50);
	struct flight flight;
	lab_seal(lab, &lab->client, 0, 60, &flight);
	lab_command(lab, &lab->server, &receive);
	lab_command(lab, &lab->client, &transmit);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_MPPE_INNER);
	for (uint32_t n = 1; n < 9; n++) {
		lab_seal(lab, &lab->client, n, 60, &flight);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		assert_inner(lab, 0, n);
	}
	assert_no_drops(&lab->server);
	free(lab);
}

/* The same in one batch, where nothing is decrypted before everything is judged. */
static void new_keys_inside_a_batch(void **state)
{
	for (unsigned form = 0; form < 4; form++) {
		struct lab *lab = lab_encrypted(MPPE_128, form & 1);
		struct datapath_command receive = lab_key(false, MPPE_128, form & 2, 50);
		struct datapath_command transmit = lab_key(true, MPPE_128, form & 2, 50);
		static struct flight flights[12];
		struct packet in[12];
		struct flight first;
		lab_seal(lab, &lab->client, 100, 60, &first);
		lab_open(lab, &lab->server, &first);
		lab_command(lab, &lab->server, &receive);
		for (uint32_t n = 0; n < 12; n++) {
			if (n == 6)
				lab_command(lab, &lab->client, &transmit);
			lab_seal(lab, &lab->client, n, 60, &flights[n]);
			in[n] = (struct packet){.datapath = &lab->server,
				.bytes = flights[n].bytes,
				.length = (uint32_t)flights[n].length};
		}
		assert_int_equal(datapath_open(&lab->engine, in, 12, lab->now, &lab->out), 12);
		assert_int_equal(lab->out.count, 12);
		for (uint32_t n = 0; n < 12; n++)
			assert_inner(lab, n, n);
		free(lab);
	}
}

static void late_packets_of_stateless_mppe(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static struct flight flights[5];
	for (uint32_t n = 0; n < 5; n++)
		lab_seal(lab, &lab->client, n, 60, &flights[n]);
	lab_open(lab, &lab->server, &flights[0]);
	lab_open(lab, &lab->server, &flights[3]);
	lab->now += REORDER_WAIT_MIN;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_inner(lab, 0, 3);
	assert_int_equal(lab->server.counters.lost, 2);
	assert_int_equal(lab_open(lab, &lab->server, &flights[2]), 1);
	assert_inner(lab, 0, 2);
	assert_int_equal(lab->server.counters.lost, 1);
	assert_int_equal(lab_open(lab, &lab->server, &flights[4]), 1);
	assert_int_equal(lab_open(lab, &lab->server, &flights[1]), 1);
	assert_inner(lab, 0, 1);
	assert_int_equal(lab->server.counters.lost, 0);
	assert_no_drops(&lab->server);
	for (unsigned n = 0; n < 5; n++) {
		assert_int_equal(lab_open(lab, &lab->server, &flights[n]), 0);
		assert_dropped(&lab->server, DROP_GRE_DUPLICATE);
	}
	free(lab);
}

/* Late in stateful mode, and under keys on their way out: no key could be right. */
static void other_late_packets(void **state)
{
	for (unsigned stateless = 0; stateless < 2; stateless++) {
		struct lab *lab = lab_encrypted(MPPE_128, stateless);
		struct datapath_command again = lab_key(false, MPPE_128, true, 50);
		struct flight first, late, filler;
		lab_seal(lab, &lab->client, 0, 60, &first);
		lab_seal(lab, &lab->client, 1, 60, &late);
		lab_open(lab, &lab->server, &first);
		lab_raw(&filler, &lab->server, 90, "c0 21 09 00 00 04");
		lab_open(lab, &lab->server, &filler);
		lab_raw(&filler, &lab->server, 30, "c0 21 09 00 00 04");
		lab_open(lab, &lab->server, &filler);
		assert_dropped(&lab->server, DROP_GRE_LATE); /* in clear */
		put_u32(late.bytes + 8, 80);
		if (stateless)
			lab_command(lab, &lab->server, &again);
		assert_int_equal(lab_open(lab, &lab->server, &late), 0);
		assert_dropped(&lab->server, DROP_GRE_LATE);
		free(lab);
	}
}

/* Whether a packet with a made-up count costs the server a search for its key. */
static bool made_up_is_searched(struct lab *lab)
{
	uint32_t before = lab->server.receive.chased;
	struct flight flight;
	lab_raw(&flight, &lab->server, lab->server.gre.order.next, "ff 03 00 fd 97 d0 11 22 33 44");
	lab_open(lab, &lab->server, &flight); /* an acknowledgement, at most */
	return lab->server.receive.chased != before;
}

/* Whoever sends nothing but far counts gets so many keys made, and then as many as time allows;
 * what is in sequence, and short gaps, stay as they were. */
static void searches_in_vain_are_rationed(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;
	unsigned searched = 0;
	for (unsigned n = 0; n < 300; n++)
		searched += made_up_is_searched(lab);
	assert_in_range(searched, 120, DATAPATH_SEARCH_MAX / MPPE_REKEY_AHEAD);
	assert_int_equal(lab->server.counters.drops[DROP_MPPE_FAR], 300);
	for (uint32_t number = 0; number < 20; number += 5) {
		for (uint32_t lost = 0; lost < 5; lost++)
			lab_seal(lab, &lab->client, number + lost, 60, &flight);
		put_u32(flight.bytes + 8, lab->server.gre.order.next);
		lab_open(lab, &lab->server, &flight);
		assert_inner(lab, 0, number + 4);
	}
	lab->now += DATAPATH_SEARCH_EVERY * MPPE_REKEY_AHEAD;
	assert_true(made_up_is_searched(lab));
	assert_false(made_up_is_searched(lab));
	free(lab);
}

/* More than the count can tell is lost: the keys are caught up with, and the session goes on. */
static void a_long_outage(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;
	uint32_t number = 0;
	lab_seal(lab, &lab->client, number++, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	for (unsigned n = 0; n < 3 * MPPE_COUNTS; n++)
		lab_seal(lab, &lab->client, number++, 60, &flight);
	unsigned dropped = 0;
	for (;; dropped++) {
		assert_true(dropped < 100);
		lab_seal(lab, &lab->client, number++, 60, &flight);
		lab_open(lab, &lab->server, &flight);
		if (lab->out.count && lab->out.at[0].kind == PACKET_INNER)
			break;
	}
	assert_inner(lab, 0, number - 1);
	assert_int_equal(lab->server.counters.drops[DROP_MPPE_FAR], dropped);
	lab_seal(lab, &lab->client, number, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	assert_inner(lab, 0, number);
	free(lab);
}

static void inner_checks(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;
	/* A checksum that does not hold, a version the protocol does not name, too short. */
	static const char *const broken[] = {
		"00 21 45 00 00 14 00 00 00 00 40 11 66 d8 0a 00 00 02 0a 00 00 01",
		"00 57 45 00 00 14 00 00 00 00 40 11 66 d7 0a 00 00 02 0a 00 00 01", "21 45", "21"};
	prove_keys(lab);
	for (unsigned n = 0; n < 4; n++) {
		seal_bytes(lab, broken[n], &flight);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
		assert_dropped(&lab->server, DROP_INNER_HEADER);
		assert_int_equal(lab->server.suspicious, n + 1);
	}
	/* Padding is cut off. */
	seal_bytes(lab, "21 45 00 00 14 00 00 00 00 40 11 66 d7 0a 00 00 02 0a 00 00 01 aa bb",
		&flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].length, 20);
	assert_int_equal(lab->server.counters.rx_bytes, 20);
	free(lab);
}

static void sources_and_neighbours(void **state)
{
	struct lab *lab = lab_up(false);
	static struct prefix_table table;
	static struct prefix_node nodes[8];
	static _Atomic uint32_t buckets[8];
	struct prefix route = {.address = address_ipv4(0xc0a80000), .length = 16};
	struct flight flight;
	prefix_table_init(&table, nodes, 8, buckets, 8, 7);
	lab->engine.prefixes = &table;
	lab->server.remote4 = address_ipv4(0xc0a80505);
	lab_seal(lab, &lab->client, 1, 60, &flight); /* from 10.0.0.2 */
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_INNER_SOURCE);
	route.address = address_ipv4(0x0a000000);
	assert_true(prefix_table_insert(&table, &route, 1)); /* somebody else's */
	lab_seal(lab, &lab->client, 2, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_INNER_SOURCE);
	assert_true(prefix_table_insert(&table, &route, 2)); /* routed to this session */
	lab_seal(lab, &lab->client, 3, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	struct prefix neighbour = {.address = address_ipv4(SERVER_IP), .length = 32};
	assert_true(prefix_table_insert(&table, &neighbour, 1));
	lab_seal(lab, &lab->client, 4, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_ISOLATED);
	lab->server.client_to_client = true;
	lab_seal(lab, &lab->client, 5, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	free(lab);
}

static void consumption_is_honest(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static struct flight flights[8];
	struct packet in[8];
	for (uint32_t n = 0; n < 8; n++) {
		lab_seal(lab, &lab->client, n, 60, &flights[n]);
		in[n] = (struct packet){.datapath = &lab->server,
			.bytes = flights[n].bytes,
			.length = (uint32_t)flights[n].length};
	}
	struct packet first = in[1];
	in[1] = in[5];
	in[5] = first; /* 0 5 2 3 4 1 6 7: the sixth releases four */
	lab->out.max = 6;
	assert_int_equal(datapath_open(&lab->engine, in, 8, lab->now, &lab->out), 6);
	assert_int_equal(lab->out.count, 6);
	for (uint32_t n = 0; n < 6; n++)
		assert_inner(lab, n, n);
	lab_clear(lab);
	assert_int_equal(datapath_open(&lab->engine, in + 6, 2, lab->now, &lab->out), 2);
	assert_inner(lab, 1, 7);
	lab->out.count = lab->out.max;
	assert_int_equal(datapath_open(&lab->engine, in, 1, lab->now, &lab->out), 0);
	assert_no_drops(&lab->server);
	free(lab);
}

/* Outputs that do not pass are closed up and no buffer is lost or given twice. */
static void buffers_are_kept(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static struct flight flights[30];
	struct packet in[30];
	for (uint32_t n = 0; n < 30; n++) {
		if (n % 3)
			seal_bytes(lab, "c0 21 01 01 00 04", &flights[n]);
		else
			lab_seal(lab, &lab->client, n, 100, &flights[n]);
		in[n] = (struct packet){.datapath = &lab->server,
			.bytes = flights[n].bytes,
			.length = (uint32_t)flights[n].length};
	}
	assert_int_equal(datapath_open(&lab->engine, in, 30, lab->now, &lab->out), 30);
	assert_int_equal(lab->out.count, 10);
	for (uint32_t n = 0; n < 10; n++)
		assert_inner(lab, n, 3 * n);
	bool seen[LAB_OUT] = {false};
	for (size_t n = 0; n < LAB_OUT; n++) {
		size_t buffer = (size_t)(lab->at[n].bytes - lab->buffers[0]) / OUTER_MAX;
		assert_true(buffer < LAB_OUT && !seen[buffer]);
		seen[buffer] = true;
	}
	free(lab);
}

static void detached_or_nobody(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lcp(&flight, &lab->server, 0, 1);
	struct packet in = {.bytes = flight.bytes, .length = (uint32_t)flight.length};
	assert_int_equal(datapath_open(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	lab_command(lab, &lab->server, &detach);
	in.datapath = &lab->server;
	assert_int_equal(datapath_open(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_int_equal(lab->engine.drops[DROP_GRE_CALL], 2);
	assert_int_equal(lab->out.count, 0);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_frames_go_up),
		cmocka_unit_test(oversized_control_frame),
		cmocka_unit_test(order_and_time),
		cmocka_unit_test(stand_alone_ack),
		cmocka_unit_test(one_ack_a_batch),
		cmocka_unit_test(clear_packets_and_encryption),
		cmocka_unit_test(unknown_protocols),
		cmocka_unit_test(encrypted_protocols),
		cmocka_unit_test(different_keys_show),
		cmocka_unit_test(new_receive_keys),
		cmocka_unit_test(the_same_receive_keys),
		cmocka_unit_test(an_older_packet_with_the_first_count),
		cmocka_unit_test(new_keys_inside_a_batch),
		cmocka_unit_test(late_packets_of_stateless_mppe),
		cmocka_unit_test(other_late_packets),
		cmocka_unit_test(searches_in_vain_are_rationed),
		cmocka_unit_test(a_long_outage),
		cmocka_unit_test(inner_checks),
		cmocka_unit_test(sources_and_neighbours),
		cmocka_unit_test(consumption_is_honest),
		cmocka_unit_test(buffers_are_kept),
		cmocka_unit_test(detached_or_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
