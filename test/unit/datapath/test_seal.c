/* Inner to outer: the bytes on the wire, MTU, fragments, answers, batches and room. */
#include "lab.h"

static size_t seal(struct lab *lab, struct datapath *from, uint8_t *bytes, size_t length)
{
	struct packet in = {.datapath = from, .bytes = bytes, .length = (uint32_t)length};
	lab_clear(lab);
	return datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out);
}

static void clear_packet_golden(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_seal(lab, &lab->client, 0x01020304, 24, &flight);
	assert_hex(flight.bytes, flight.length,
		"30 01 88 0b 00 1c 22 22 00 00 00 00 ff 03 00 21"
		"45 00 00 18 00 00 00 00 40 11 66 d3 0a 00 00 02 0a 00 00 01 01 02 03 04");
	lab_seal(lab, &lab->client, 1, 24, &flight);
	assert_hex(flight.bytes + 8, 4, "00 00 00 01"); /* the next number */
	assert_int_equal(lab->client.counters.tx_packets, 2);
	assert_int_equal(lab->client.counters.tx_bytes, 48);
	assert_int_equal(lab->client.counters.gre_tx, 2);
	free(lab);
}

static void compressed_fields(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_framing(lab, &lab->client, 1400, true);
	lab_seal(lab, &lab->client, 1, 24, &flight);
	assert_hex(flight.bytes, 14, "30 01 88 0b 00 19 22 22 00 00 00 00 21 45");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 1);
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 1);
	lab_seal(lab, &lab->client, 2, 24, &flight);
	assert_hex(flight.bytes, 15, "30 01 88 0b 00 1c 22 22 00 00 00 01 fd 90 00");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 2);
	free(lab);
}

/* Nothing of the packet shows, whatever the strength and mode. */
static void encrypted(void **state)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	for (unsigned n = 0; n < 6; n++) {
		struct lab *lab = lab_encrypted(strengths[n % 3], n < 3);
		struct flight flight;
		uint8_t clear[200];
		for (uint32_t m = 0; m < 600; m++) {
			lab_seal(lab, &lab->client, m, 200, &flight);
			assert_hex(flight.bytes + 12, 4, "ff 03 00 fd");
			assert_int_equal(flight.length, 12 + 4 + 2 + 2 + 200);
			lab_ipv4(clear, 200, true, m);
			for (size_t at = 18; at + 16 <= 18 + sizeof(clear); at++)
				assert_memory_not_equal(flight.bytes + at, clear + (at - 18), 16);
			lab_open(lab, &lab->server, &flight);
			assert_int_equal(lab->out.count, (m + 1) % (GRE_WINDOW / 2) ? 1 : 2);
			assert_inner(lab, 0, m);
		}
		assert_no_drops(&lab->server);
		free(lab);
	}
}

static void acks_ride_on_data(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	lab_seal(lab, &lab->server, 2, 24, &flight);
	assert_hex(flight.bytes, 16, "30 81 88 0b 00 1c 11 11 00 00 00 00 00 00 00 00");
	assert_int_equal(lab_open(lab, &lab->client, &flight), 1);
	assert_int_equal(gre_in_flight(&lab->client.gre), 0);
	lab_seal(lab, &lab->server, 3, 24, &flight); /* nothing new to acknowledge */
	assert_hex(flight.bytes, 2, "30 01");
	free(lab);
}

static void mtu_counts_what_mppe_adds(void **state)
{
	struct lab *lab = lab_up(false);
	lab_framing(lab, &lab->client, 1600, false);
	assert_int_equal(datapath_mtu(&lab->client), 1500); /* the peer's MRU */
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 1);
	assert_int_equal(datapath_mtu(&lab->client), 1496);
	lab_framing(lab, &lab->client, 1300, false);
	assert_int_equal(datapath_mtu(&lab->client), 1300);
	lab->client.send_mru = 3;
	assert_int_equal(datapath_mtu(&lab->client), 0);
	free(lab);
}

static void fragmented_where_allowed(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static uint8_t bytes[4000], whole[4000];
	size_t length = lab_ipv4(bytes, 3999, true, 77), got = 20;
	assert_int_equal(seal(lab, &lab->client, bytes, length), 1);
	assert_int_equal(lab->out.count, 3);
	struct flight flights[3];
	for (unsigned n = 0; n < 3; n++) {
		flights[n].length = lab->out.at[n].length;
		memcpy(flights[n].bytes, lab->out.at[n].bytes, flights[n].length);
	}
	assert_int_equal(lab->client.counters.tx_packets, 1);
	for (unsigned n = 0; n < 3; n++) {
		struct inner inner;
		assert_int_equal(lab_open(lab, &lab->server, &flights[n]), 1);
		assert_true(inner_parse(&inner, lab->out.at[0].bytes, lab->out.at[0].length));
		assert_int_equal(inner.offset, got - 20);
		assert_true(inner.length <= 1400);
		memcpy(whole + got, lab->out.at[0].bytes + 20, inner.length - 20);
		got += inner.length - 20;
	}
	assert_int_equal(got, length);
	assert_memory_equal(whole + 20, bytes + 20, length - 20);
	free(lab);
}

static void too_big_is_answered_at_a_bounded_rate(void **state)
{
	struct lab *lab = lab_up(false);
	static uint8_t bytes[1500];
	unsigned answers = 0;
	lab_ipv4(bytes, 1500, true, 1);
	bytes[6] = 0x40; /* don't fragment */
	for (unsigned n = 0; n < 100; n++) {
		assert_int_equal(seal(lab, &lab->client, bytes, 1500), 1);
		for (size_t m = 0; m < lab->out.count; m++) {
			struct inner inner;
			assert_int_equal(lab->out.at[m].kind, PACKET_INNER);
			assert_true(
				inner_parse(&inner, lab->out.at[m].bytes, lab->out.at[m].length));
			assert_int_equal(inner.protocol, 1);
			assert_int_equal(address_to_ipv4(&inner.source), SERVER_IP);
			assert_hex(lab->out.at[m].bytes + 26, 2, "05 78");
			answers++;
		}
	}
	assert_int_equal(answers, DATAPATH_ANSWERS);
	assert_int_equal(lab->client.counters.drops[DROP_INNER_SIZE], 100);
	lab->now += 2 * DATAPATH_ANSWER_EVERY;
	for (unsigned n = 0; n < 5; n++) {
		seal(lab, &lab->client, bytes, 1500);
		answers += (unsigned)lab->out.count;
	}
	assert_int_equal(answers, DATAPATH_ANSWERS + 2);
	lab->now += SECONDS(1000);
	seal(lab, &lab->client, bytes, 1500);
	assert_int_equal(lab->client.answers, DATAPATH_ANSWERS - 1);
	free(lab);
}

static void ipv6_is_carried_and_never_fragmented(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static uint8_t bytes[1500];
	struct flight flight;
	bytes[0] = 0x60;
	put_u16(bytes + 4, 100 - 40);
	bytes[8] = 0xfe, bytes[9] = 0x80, bytes[23] = 2; /* the client's own */
	bytes[24] = 0x20, bytes[39] = 1;
	assert_int_equal(seal(lab, &lab->client, bytes, 100), 1);
	assert_int_equal(lab->out.count, 1);
	flight.length = lab->out.at[0].length;
	memcpy(flight.bytes, lab->out.at[0].bytes, flight.length);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].length, 100);
	assert_memory_equal(lab->out.at[0].bytes, bytes, 100);
	put_u16(bytes + 4, 1500 - 40);
	seal(lab, &lab->client, bytes, 1500);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_INNER);
	assert_int_equal(lab->out.at[0].bytes[40], 2);
	assert_dropped(&lab->client, DROP_INNER_SIZE);
	lab->client.ipv6 = false;
	seal(lab, &lab->client, bytes, 1500);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	free(lab);
}

static void nothing_leaves_before_its_time(void **state)
{
	struct lab *lab = lab_new();
	uint8_t bytes[60];
	lab_ipv4(bytes, 60, true, 1);
	seal(lab, &lab->client, bytes, 60);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	struct datapath_command attach = {.kind = DATAPATH_ATTACH};
	lab_command(lab, &lab->client, &attach);
	lab_network(lab, &lab->client, true);
	seal(lab, &lab->client, bytes, 60); /* the peer's call ID is not known */
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	assert_int_equal(lab->out.count, 0);
	free(lab);
}

static void consumption_is_honest(void **state)
{
	struct lab *lab = lab_up(false);
	static uint8_t bytes[6][1500];
	struct packet in[6];
	for (unsigned n = 0; n < 6; n++) {
		size_t length = lab_ipv4(bytes[n], n == 3 ? 1500 : 60, true, n);
		in[n] = (struct packet){
			.datapath = &lab->client, .bytes = bytes[n], .length = (uint32_t)length};
	}
	lab->out.max = 4; /* three whole ones; the fourth makes two fragments */
	assert_int_equal(datapath_seal(&lab->engine, in, 6, lab->now, &lab->out), 3);
	assert_int_equal(lab->out.count, 3);
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, in + 3, 3, lab->now, &lab->out), 3);
	assert_int_equal(lab->out.count, 4);
	assert_int_equal(datapath_seal(&lab->engine, in, 1, lab->now, &lab->out), 0);
	assert_int_equal(lab->client.gre.send_next, 7);
	assert_no_drops(&lab->client);
	free(lab);
}

static void small_buffers_are_not_overrun(void **state)
{
	struct lab *lab = lab_up(false);
	uint8_t bytes[1000];
	lab_ipv4(bytes, 1000, true, 1);
	lab->at[0].capacity = 1000;
	assert_int_equal(seal(lab, &lab->client, bytes, 1000), 1);
	assert_int_equal(lab->out.count, 0);
	assert_dropped(&lab->client, DROP_INNER_SIZE);
	assert_int_equal(lab->client.gre.send_next, 0);
	free(lab);
}

/* More fragments than an input may have outputs: refused, never cut. */
static void absurd_mtu(void **state)
{
	struct lab *lab = lab_up(false);
	static uint8_t bytes[4000];
	lab_ipv4(bytes, 4000, true, 1);
	lab_framing(lab, &lab->client, 28, false);
	assert_int_equal(seal(lab, &lab->client, bytes, 4000), 1);
	assert_dropped(&lab->client, DROP_INNER_SIZE);
	lab_framing(lab, &lab->client, 0, false);
	assert_int_equal(seal(lab, &lab->client, bytes, 4000), 1);
	assert_dropped(&lab->client, DROP_INNER_SIZE);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear_packet_golden),
		cmocka_unit_test(compressed_fields),
		cmocka_unit_test(encrypted),
		cmocka_unit_test(acks_ride_on_data),
		cmocka_unit_test(mtu_counts_what_mppe_adds),
		cmocka_unit_test(fragmented_where_allowed),
		cmocka_unit_test(too_big_is_answered_at_a_bounded_rate),
		cmocka_unit_test(ipv6_is_carried_and_never_fragmented),
		cmocka_unit_test(nothing_leaves_before_its_time),
		cmocka_unit_test(consumption_is_honest),
		cmocka_unit_test(small_buffers_are_not_overrun),
		cmocka_unit_test(absurd_mtu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
