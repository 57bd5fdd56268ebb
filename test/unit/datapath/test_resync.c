/* Stateful MPPE between two data paths: CCP Reset-Request and -Ack in stream order, both ways,
 * repeated when unheard, never in a storm. */
#include "lab.h"

#include <stdio.h>

/* The outputs of the last call that are CCP packets of `code`; their bytes go into `flight`. */
static unsigned count_ccp(struct lab *lab, uint8_t code, struct flight *flight)
{
	unsigned count = 0;
	for (size_t n = 0; n < lab->out.count; n++) {
		const struct packet *packet = &lab->out.at[n];
		struct gre_header header;
		struct reader r = reader_over(packet->bytes, packet->length), payload;
		uint16_t protocol;
		enum drop why;
		if (packet->kind != PACKET_OUTER || !gre_parse(&header, &r, &payload, &why) ||
			!header.has_sequence || !frame_parse(&payload, &protocol, &why) ||
			protocol != PROTOCOL_CCP || payload.at[0] != code)
			continue;
		assert_int_equal(reader_left(&payload), 4);
		assert_hex(payload.at + 2, 2, "00 04");
		flight->length = packet->length;
		memcpy(flight->bytes, packet->bytes, packet->length);
		count++;
	}
	return count;
}

static void lose(struct lab *lab, struct datapath *from, unsigned count)
{
	struct flight flight;
	while (count--)
		lab_seal(lab, from, 0xdead, 60, &flight);
}

/* Opens a packet behind a loss, once the wait for the missing one is over. */
static void open_after_loss(struct lab *lab, struct datapath *to, const struct flight *flight)
{
	lab_open(lab, to, flight);
	if (!to->gre.order.held)
		return;
	lab->now = to->gre.order.expires;
	lab_clear(lab);
	datapath_tick(&lab->engine, to, lab->now, &lab->out);
}

static void lost_and_found(void **state)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	for (unsigned n = 0; n < 6; n++) {
		struct lab *lab = lab_encrypted(strengths[n % 3], false);
		struct datapath *from = n < 3 ? &lab->client : &lab->server;
		struct datapath *to = n < 3 ? &lab->server : &lab->client;
		struct flight flight, request, ack;
		lab_seal(lab, from, 1, 60, &flight);
		assert_int_equal(lab_open(lab, to, &flight), 1);
		lose(lab, from, 3);
		lab_seal(lab, from, 2, 60, &flight);
		open_after_loss(lab, to, &flight);
		assert_int_equal(to->counters.drops[DROP_MPPE_RESYNC], 1);
		assert_int_equal(to->counters.resyncs, 1);
		assert_int_equal(count_ccp(lab, 14, &request), 1);
		/* More of the same: dropped, without another request so soon. */
		lab_seal(lab, from, 3, 60, &flight);
		lab_open(lab, to, &flight);
		assert_int_equal(count_ccp(lab, 14, &ack), 0);
		/* The sender answers with a Reset-Ack of the same identifier and is not bothered
		 * further: nothing goes up. */
		assert_int_equal(lab_open(lab, from, &request), 1);
		assert_int_equal(count_ccp(lab, 15, &ack), 1);
		assert_int_equal(ack.bytes[ack.length - 3], request.bytes[request.length - 3]);
		assert_int_equal(lab_open(lab, to, &ack), 0);
		assert_true(to->resync_heard);
		for (uint32_t m = 4; m < 300; m++) {
			lab_seal(lab, from, m, 60, &flight);
			lab_open(lab, to, &flight);
			assert_inner(lab, 0, m);
		}
		assert_int_equal(to->counters.drops[DROP_MPPE_RESYNC], 2);
		assert_int_equal(to->suspicious, 0);
		free(lab);
	}
}

/* The request is repeated by time until the peer acknowledges it, then by data, then again. */
static void unheard_requests_are_repeated(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct flight flight, request;
	uint8_t id = 0;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	lose(lab, &lab->client, 1);
	lab_seal(lab, &lab->client, 2, 60, &flight);
	open_after_loss(lab, &lab->server, &flight);
	assert_int_equal(count_ccp(lab, 14, &request), 1);
	id = request.bytes[request.length - 3];
	uint64_t wait = DATAPATH_RESYNC_WAIT;
	for (unsigned n = 1; n < DATAPATH_RESYNC_TRIES; n++, wait *= 2) {
		uint64_t due = lab->server.resync_at + wait;
		lab_clear(lab);
		datapath_tick(&lab->engine, &lab->server, due - 1, &lab->out);
		assert_int_equal(count_ccp(lab, 14, &request), 0);
		assert_true(datapath_deadline(&lab->server) <= due);
		lab_clear(lab);
		datapath_tick(&lab->engine, &lab->server, due, &lab->out);
		assert_int_equal(count_ccp(lab, 14, &request), 1);
		assert_int_equal(request.bytes[request.length - 3], (uint8_t)(id + n));
	}
	lab->now = lab->server.resync_at;
	assert_true(datapath_deadline(&lab->server) == NEVER); /* an idle peer is left alone */
	/* Data that still does not open asks again, not more often than allowed. */
	for (unsigned n = 0; n < 10; n++) {
		lab->now += DATAPATH_RESYNC_WAIT / 2;
		lab_seal(lab, &lab->client, 3, 60, &flight);
		lab_open(lab, &lab->server, &flight);
		assert_int_equal(count_ccp(lab, 14, &request), n % 2);
	}
	/* An ack for an older request does not count; the right one stops the repetition. */
	assert_true(datapath_deadline(&lab->server) < NEVER);
	char hex[64];
	struct flight ack;
	for (int back = 1; back >= 0; back--) {
		snprintf(hex, sizeof(hex), "ff 03 80 fd 0f %02x 00 04",
			(uint8_t)(lab->server.resync_id - back));
		lab_raw(&ack, &lab->server, lab->server.gre.order.next, hex);
		assert_int_equal(lab_open(lab, &lab->server, &ack), 0);
		assert_int_equal(lab->server.resync_heard, back == 0);
	}
	lab_clear(lab);
	lab->now += GRE_ACK_DELAY;
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_true(datapath_deadline(&lab->server) == NEVER);
	assert_int_equal(lab->server.counters.resyncs, 1);
	free(lab);
}

/* In stateless mode a Reset-Request is acknowledged, and nothing else changes. */
static void stateless_requests(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight request, ack, flight;
	lab_raw(&request, &lab->client, 0, "ff 03 80 fd 0e 07 00 04");
	assert_int_equal(lab_open(lab, &lab->client, &request), 1);
	assert_int_equal(count_ccp(lab, 15, &ack), 1);
	assert_int_equal(lab_open(lab, &lab->server, &ack), 0);
	lab_seal(lab, &lab->client, 1, 60, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 1);
	free(lab);
}

/* Without encryption in that direction, and when malformed, CCP judges them like any frame. */
static void others_go_up(void **state)
{
	struct lab *lab = lab_up(false);
	static const char *const frames[] = {
		"ff 03 80 fd 0e 07 00 04", "ff 03 80 fd 0f 07 00 04", "ff 03 80 fd 01 07 00 04"};
	struct flight flight;
	for (uint32_t n = 0; n < 3; n++) {
		lab_raw(&flight, &lab->client, n, frames[n]);
		assert_int_equal(lab_open(lab, &lab->client, &flight), 1);
		assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
		assert_int_equal(lab->out.at[0].length, 6);
	}
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, false, 1);
	lab_encrypt(lab, &lab->server, &lab->client, MPPE_128, false, 1);
	static const char *const malformed[] = {"ff 03 80 fd 0e 07 00 03",
		"ff 03 80 fd 0e 07 00 05", "ff 03 80 fd 0e 07 00", "ff 03 80 fd 01 07 00 04"};
	for (uint32_t n = 0; n < 4; n++) {
		lab_raw(&flight, &lab->client, 3 + n, malformed[n]);
		assert_int_equal(lab_open(lab, &lab->client, &flight), 1);
		assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
	}
	assert_false(lab->client.transmit.flush);
	free(lab);
}

/* A request between data packets of one batch takes its turn: what was sealed before it is
 * unaffected, what comes next is flushed. */
static void a_storm_of_requests(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct flight flight, ack;
	for (uint32_t n = 0; n < 1000; n++) {
		lab_raw(&flight, &lab->client, n, "ff 03 80 fd 0e 07 00 04");
		lab_open(lab, &lab->client, &flight);
		assert_int_equal(count_ccp(lab, 15, &ack), 1);
		lab_open(lab, &lab->server, &ack);
		if (n % 10)
			continue;
		lab_seal(lab, &lab->client, n, 60, &flight);
		lab_open(lab, &lab->server, &flight);
		assert_inner(lab, 0, n);
	}
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_and_found),
		cmocka_unit_test(unheard_requests_are_repeated),
		cmocka_unit_test(stateless_requests),
		cmocka_unit_test(others_go_up),
		cmocka_unit_test(a_storm_of_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
