/* What is around a compressor: order, loss and resets (RFC 1962 §4), limits, memory. */
#include "toy_codec.h"

enum { FRAME_AT = 12 };

static struct lab *both(const struct codec_ops *ops)
{
	struct lab *lab = lab_up(false);
	lab_toy(&lab->client, LAYER_TRANSMIT, ops);
	lab_toy(&lab->server, LAYER_RECEIVE, ops);
	return lab;
}

static void end(struct lab *lab)
{
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	lab_command(lab, &lab->client, &detach);
	lab_command(lab, &lab->server, &detach);
	assert_null(lab->client.layers);
	assert_null(lab->server.layers);
	lab_spent(lab);
	free(lab);
}

static uint16_t protocol_of(const struct flight *flight)
{
	return get_u16(flight->bytes + FRAME_AT + 2);
}

static void assert_arrives(
	struct lab *lab, const struct flight *flight, uint32_t number, size_t length)
{
	assert_int_equal(lab_open(lab, &lab->server, flight), 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_INNER);
	assert_int_equal(lab->out.at[0].length, length);
	assert_int_equal(lab_number(lab->out.at[0].bytes), number);
}

static void packets_get_smaller_and_whole_again(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight flight;
	lab_seal_equal(lab, &lab->client, 1, 1000, 900, &flight);
	assert_int_equal(protocol_of(&flight), PROTOCOL_COMPRESSED);
	assert_int_equal(flight.length, FRAME_AT + 4 + TOY_HEADER + 100);
	assert_arrives(lab, &flight, 1, 1000);
	for (size_t n = 100; n < 1000; n++)
		assert_int_equal(lab->out.at[0].bytes[n], 0x5a);
	assert_int_equal(lab->server.counters.rx_bytes, 1000);
	assert_int_equal(lab->client.counters.tx_bytes, 1000);
	assert_int_equal(lab->server.layers->traffic[LAYER_RECEIVE].plain, 1002);
	assert_int_equal(lab->server.layers->traffic[LAYER_RECEIVE].packed, TOY_HEADER + 100);
	assert_int_equal(lab->client.layers->traffic[LAYER_TRANSMIT].packed, TOY_HEADER + 100);
	end(lab);
}

static void others_go_as_they_are_and_are_learned(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct toy *toy = (void *)lab->server.layers->memory[LAYER_CODEC][LAYER_RECEIVE]->bytes;
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 600, &flight);
	assert_int_equal(protocol_of(&flight), PROTOCOL_IPV4);
	assert_int_equal(flight.length, FRAME_AT + 4 + 600);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 1);
	assert_int_equal(toy->seen, 1);
	lab_seal_equal(lab, &lab->client, 2, 600, 100, &flight);
	assert_arrives(lab, &flight, 2, 600);
	assert_no_drops(&lab->server);
	end(lab);
}

/* The Reset-Request that `lab->out` ends with. */
static void take_request(struct lab *lab, struct flight *request)
{
	assert_true(lab->out.count > 0);
	lab_take(lab, lab->out.count - 1, request);
	assert_int_equal(lab->out.at[lab->out.count - 1].kind, PACKET_OUTER);
	assert_int_equal(get_u16(request->bytes + request->length - 6), PROTOCOL_CCP);
	assert_int_equal(request->bytes[request->length - 4], 14);
}

static void a_loss_is_mended_by_a_reset(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct toy *receiver =
		(void *)lab->server.layers->memory[LAYER_CODEC][LAYER_RECEIVE]->bytes;
	struct flight lost, next, request, ack, later;
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &lost);
	lab_seal_equal(lab, &lab->client, 2, 600, 100, &next);
	/* The hole is given up when its wait is over. */
	lab_open(lab, &lab->server, &next);
	lab->now += REORDER_WAIT_MAX;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_int_equal(lab->server.counters.drops[DROP_CODEC_LOST], 1);
	take_request(lab, &request);
	assert_int_equal(lab->server.counters.resyncs, 1);

	lab_seal_equal(lab, &lab->client, 3, 600, 100, &later);
	assert_int_equal(lab_open(lab, &lab->client, &request), 1);
	lab_take(lab, 0, &ack);
	assert_int_equal(ack.bytes[ack.length - 4], 15);
	assert_int_equal(ack.bytes[ack.length - 3], request.bytes[request.length - 3]);
	/* What was compressed before the answer is of the old history. */
	lab_open(lab, &lab->server, &later);
	assert_int_equal(lab->server.counters.drops[DROP_CODEC_RESYNC], 1);
	assert_int_equal(receiver->resets, 0);
	lab_open(lab, &lab->server, &ack);
	assert_int_equal(receiver->resets, 1);
	lab_seal_equal(lab, &lab->client, 4, 600, 100, &next);
	assert_arrives(lab, &next, 4, 600);
	assert_int_equal(datapath_deadline(&lab->server) > lab->now, 1);
	end(lab);
}

static void only_the_answer_to_the_latest_request_counts(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct toy *receiver =
		(void *)lab->server.layers->memory[LAYER_CODEC][LAYER_RECEIVE]->bytes;
	struct flight bad, first, second, ack;
	lab_raw(&bad, &lab->server, 0, "ff 03 00 fd 07 00 00 21 00 00 00");
	lab_open(lab, &lab->server, &bad);
	take_request(lab, &first);
	lab->now += SECONDS(1);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	take_request(lab, &second);
	assert_int_not_equal(first.bytes[first.length - 3], second.bytes[second.length - 3]);
	assert_int_equal(lab_open(lab, &lab->client, &first), 1);
	lab_take(lab, 0, &ack);
	lab_raw(&bad, &lab->server, 1, "ff 03 80 fd 0f 00 00 04");
	bad.bytes[bad.length - 3] = ack.bytes[ack.length - 3];
	lab_open(lab, &lab->server, &bad);
	assert_int_equal(receiver->resets, 0);
	assert_true(layers_dead(lab->server.layers));
	bad.bytes[11] = 2; /* the next sequence number */
	bad.bytes[bad.length - 3] = second.bytes[second.length - 3];
	lab_open(lab, &lab->server, &bad);
	assert_int_equal(receiver->resets, 1);
	assert_false(layers_dead(lab->server.layers));
	bad.bytes[11] = 3; /* once more: nothing is awaited */
	lab_open(lab, &lab->server, &bad);
	assert_int_equal(receiver->resets, 1);
	end(lab);
}

static void requests_are_rationed(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight bad;
	unsigned sent = 0;
	for (uint32_t n = 0; n < 100; n++) {
		lab_raw(&bad, &lab->server, n, "ff 03 00 fd 07");
		lab_open(lab, &lab->server, &bad);
		for (size_t i = 0; i < lab->out.count; i++)
			sent += lab->out.at[i].length > 16;
		lab->now += MS(10);
	}
	assert_in_range(sent, 1, 5);
	assert_int_equal(lab->server.counters.drops[DROP_CODEC_RESYNC], 99);
	end(lab);
}

/* A hole in GRE's numbers is a hole in the history: it is not waited until a packet shows that. */
static void a_hole_asks_for_a_reset_at_once(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight flight;
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &flight);
	assert_arrives(lab, &flight, 1, 600);
	lab_seal_equal(lab, &lab->client, 2, 600, 100, &flight);
	lab_seal(lab, &lab->client, 3, 600, &flight); /* in clear */
	lab_open(lab, &lab->server, &flight);
	lab->now += REORDER_WAIT_MAX;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 2);
	assert_int_equal(lab->out.at[1].kind, PACKET_INNER);
	lab->out.count = 1;
	take_request(lab, &flight);
	assert_no_drops(&lab->server);
	end(lab);
}

static void what_is_uncovered_is_judged_like_any_packet(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight flight;
	/* LCP, CCP and a second compression do not come compressed. */
	const char *frames[] = {"ff 03 00 fd 00 00 c0 21 00 04 00 05 01 00",
		"ff 03 00 fd 00 00 80 fd 00 04 00 05 01 00",
		"ff 03 00 fd 00 00 00 fd 00 04 00 05 01 00"};
	for (uint32_t n = 0; n < 3; n++) {
		lab_raw(&flight, &lab->server, n, frames[n]);
		lab_open(lab, &lab->server, &flight);
		assert_dropped(&lab->server, DROP_CODEC_DATA);
		lab->server.layers->codec[LAYER_RECEIVE].dead = false;
		toy_reset(lab->server.layers->memory[LAYER_CODEC][LAYER_RECEIVE]->bytes);
	}
	/* One byte more than an uncompressed frame may hold. */
	lab_raw(&flight, &lab->server, 3, "ff 03 00 fd 00 00 00 21 05 dc 00 45");
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_CODEC_SIZE);
	lab->server.layers->codec[LAYER_RECEIVE].dead = false;
	/* A false source. */
	uint8_t bytes[100];
	struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 100};
	lab_ipv4(bytes, 100, false, 1);
	memset(bytes + 24, 0, 76);
	lab_clear(lab);
	lab->client.gre.send_next = 4;
	datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out);
	lab_take(lab, 0, &flight);
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_INNER_SOURCE);
	end(lab);
}

static void nothing_compressed_before_it_is_agreed(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	lab_raw(&flight, &lab->server, 0, "ff 03 00 fd 00 00 00 21 00 04 00 45");
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_MPPE_NO_KEY);
	lab_toy(&lab->server, LAYER_TRANSMIT, &toy_codec);
	lab_raw(&flight, &lab->server, 1, "ff 03 00 fd 00 00 00 21 00 04 00 45");
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_MPPE_NO_KEY);
	end(lab);
}

/* Encryption that is required is not had by compressing. */
static void compressed_is_not_encrypted(void **state)
{
	struct lab *lab = lab_up(true);
	struct flight flight;
	struct packet in = {.datapath = &lab->client, .bytes = flight.bytes};
	lab_toy(&lab->client, LAYER_TRANSMIT, &toy_codec);
	lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	in.length = (uint32_t)lab_ipv4(flight.bytes, 100, true, 1);
	lab_clear(lab);
	datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 0);
	assert_dropped(&lab->client, DROP_INNER_NO_KEY);
	lab_raw(&flight, &lab->server, 0, "ff 03 00 fd 00 00 00 21 00 04 00 45");
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_MPPE_CLEAR);
	end(lab);
}

static void an_epoch_gives_everything_back(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct datapath_command epoch = {.kind = DATAPATH_EPOCH, .epoch = 1};
	lab_toy(&lab->server, LAYER_TRANSMIT, &toy_codec);
	lab_command(lab, &lab->server, &epoch);
	assert_null(lab->server.layers);
	assert_int_equal(lab_spent(lab), 2);
	end(lab);
}

/* Memory that comes too late, or is not wanted, goes back. */
static void no_memory_is_lost(void **state)
{
	struct lab *lab = lab_up(false);
	struct datapath_command compress = {.kind = DATAPATH_COMPRESS};
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	compress.memory = calloc(1, sizeof(*compress.memory) + 8);
	compress.memory->size = 8;
	lab_command(lab, &lab->client, &compress);
	assert_null(lab->client.layers);
	assert_int_equal(lab_spent(lab), 1);
	lab_command(lab, &lab->client, &detach);
	compress.memory = calloc(1, sizeof(*compress.memory) + 8);
	compress.memory->size = 8;
	lab_command(lab, &lab->client, &compress);
	assert_int_equal(lab_spent(lab), 1);
	end(lab);
}

static void late_packets_of_a_history_are_dropped(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight first, second;
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &first);
	lab_seal_equal(lab, &lab->client, 2, 600, 100, &second);
	lab_open(lab, &lab->server, &second);
	lab->now += REORDER_WAIT_MAX;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	memset(lab->server.counters.drops, 0, sizeof(lab->server.counters.drops));
	lab_open(lab, &lab->server, &first);
	assert_dropped(&lab->server, DROP_GRE_LATE);
	end(lab);
}

/* What came in clear before the peer acked our request is no part of its history, what came between
 * two Acks is where the first was not used. */
static void the_history_starts_at_the_ack(void **state)
{
	struct lab *lab = lab_up(false);
	struct toy *receiver = lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	static const uint8_t ack[] = {0x80, 0xfd, 2, 1, 0, 4};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame.length = sizeof(ack)};
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 100, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(receiver->seen, 1);
	lab_clear(lab);
	datapath_execute(&lab->engine, &lab->client, &frame, ack, lab->now, &lab->out);
	lab_toy(&lab->client, LAYER_TRANSMIT, &toy_codec);
	lab_take(lab, 0, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
	assert_int_equal(receiver->seen, 0);
	for (uint32_t n = 2; n < 5; n++) {
		lab_seal_equal(lab, &lab->client, n, 600, n & 1 ? 100 : 2, &flight);
		assert_arrives(lab, &flight, n, 600);
	}
	lab_clear(lab);
	datapath_execute(&lab->engine, &lab->client, &frame, ack, lab->now, &lab->out);
	lab_take(lab, 0, &flight);
	lab_open(lab, &lab->server, &flight);
	lab_seal_equal(lab, &lab->client, 5, 600, 100, &flight);
	assert_arrives(lab, &flight, 5, 600);
	assert_no_drops(&lab->server);
	end(lab);
}

/* The same compressor once more needs no memory: what is there starts again. */
static void the_same_starts_again(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct datapath_command again = {.kind = DATAPATH_COMPRESS};
	struct flight flight;
	again.compress.transmit = again.compress.again = true;
	again.compress.params.method = CODEC_DEFLATE;
	assert_int_equal(layers_need(&again), 0);
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &flight);
	lab_command(lab, &lab->client, &again);
	assert_null(lab->engine.spent);
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &flight);
	assert_int_equal(flight.bytes[FRAME_AT + 4], 0); /* number */
	assert_arrives(lab, &flight, 1, 600);
	end(lab);
}

/* A Reset-Ack says where in the data the history starts: it overtakes none of them. */
static void a_reset_keeps_its_place(void **state)
{
	struct lab *lab = both(&toy_codec);
	struct flight flight;
	lab_seal_equal(lab, &lab->client, 1, 600, 100, &flight);
	assert_arrives(lab, &flight, 1, 600);
	lab->server.layers->codec[LAYER_RECEIVE].dead = true;
	lab->server.resync_tries = 1;
	lab->server.resync_at = lab->now;
	lab_raw(&flight, &lab->server, 90, "ff 03 80 fd 0f 00 00 04");
	lab_open_as(lab, &lab->server, &flight, 0, true);
	assert_false(layers_dead(lab->server.layers));
	lab_seal_equal(lab, &lab->client, 2, 600, 100, &flight);
	lab_open(lab, &lab->server, &flight);
	assert_dropped(&lab->server, DROP_GRE_LATE);
	end(lab);
}

static void mppc(struct lab *lab, struct datapath *dp, bool transmit)
{
	struct datapath_command command = {.kind = DATAPATH_COMPRESS};
	command.compress.transmit = transmit;
	command.compress.params =
		(struct codec_params){.method = CODEC_MPPC, .stateless = true, .encrypted = true};
	size_t need = layers_need(&command);
	command.memory = calloc(1, sizeof(*command.memory) + need);
	assert_non_null(command.memory);
	command.memory->size = need;
	lab_command(lab, dp, &command);
}

/* Behind a hole MPPE believes only what looks like IP, and MPPC hides that. */
static void mppc_inside_mppe_gets_over_a_loss(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;
	mppc(lab, &lab->server, false);
	mppc(lab, &lab->client, true);
	lab_seal_equal(lab, &lab->client, 1, 600, 500, &flight);
	assert_in_range(flight.length, 1, 200);
	assert_arrives(lab, &flight, 1, 600);
	lab_seal_equal(lab, &lab->client, 2, 600, 500, &flight);
	lab_seal_equal(lab, &lab->client, 3, 600, 500, &flight);
	lab_open(lab, &lab->server, &flight);
	lab->now += REORDER_WAIT_MAX;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_int_equal(lab->out.at[0].kind, PACKET_INNER);
	assert_int_equal(lab_number(lab->out.at[0].bytes), 3);
	assert_no_drops(&lab->server);
	end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_get_smaller_and_whole_again),
		cmocka_unit_test(others_go_as_they_are_and_are_learned),
		cmocka_unit_test(a_loss_is_mended_by_a_reset),
		cmocka_unit_test(only_the_answer_to_the_latest_request_counts),
		cmocka_unit_test(requests_are_rationed),
		cmocka_unit_test(a_hole_asks_for_a_reset_at_once),
		cmocka_unit_test(what_is_uncovered_is_judged_like_any_packet),
		cmocka_unit_test(nothing_compressed_before_it_is_agreed),
		cmocka_unit_test(compressed_is_not_encrypted),
		cmocka_unit_test(an_epoch_gives_everything_back),
		cmocka_unit_test(no_memory_is_lost),
		cmocka_unit_test(late_packets_of_a_history_are_dropped),
		cmocka_unit_test(the_history_starts_at_the_ack),
		cmocka_unit_test(the_same_starts_again),
		cmocka_unit_test(a_reset_keeps_its_place),
		cmocka_unit_test(mppc_inside_mppe_gets_over_a_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
