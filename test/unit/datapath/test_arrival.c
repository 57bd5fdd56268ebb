/* How packets came: what the outer header was marked with, control frames read ahead of data, and
 * the MSS that a peer's host announces. */
#include "lab.h"

static const char echo_request[] = "ff 03 c0 21 09 07 00 08 00 00 00 00";

static struct packet *only_output(struct lab *lab)
{
	assert_int_equal(lab->out.count, 1);
	return &lab->out.at[0];
}

/* Seals an IPv4 packet of this TOS. */
static void seal_tos(struct lab *lab, uint8_t tos, struct flight *flight)
{
	uint8_t bytes[200];
	struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = bytes};

	in.length = (uint32_t)lab_ipv4(bytes, sizeof(bytes), true, 5);
	bytes[1] = tos;
	put_u16(bytes + 10, 0);
	put_u16(bytes + 10, (uint16_t)~checksum_of(0, bytes, 20));
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	flight->length = only_output(lab)->length;
	memcpy(flight->bytes, lab->out.at[0].bytes, flight->length);
}

static void check_mark(struct lab *lab, uint8_t inner, uint8_t outer, size_t index)
{
	static const int figure[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	int expected = figure[inner][outer];

	if (expected < 0) {
		assert_int_equal(lab->out.count, index);
		assert_dropped(&lab->server, DROP_INNER_ECN);
		return;
	}
	assert_no_drops(&lab->server);
	assert_inner(lab, index, 5);
	assert_int_equal(lab->out.at[index].bytes[1], 0xb8 | expected);
	assert_int_equal(lab->out.at[index].tos, 0);
	assert_int_equal(checksum_of(0, lab->out.at[index].bytes, 20), 0xffff);
}

/* RFC 6040, figure 4, for packets in order and for one that was held; in clear and encrypted. */
static void marks(void **state)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		struct lab *lab = kind ? lab_encrypted(MPPE_128, kind == 1) : lab_up(false);
		for (uint8_t cell = 0; cell < 16; cell++) {
			uint8_t inner = cell / 4, outer = cell % 4;
			struct flight first, second;
			seal_tos(lab, 0xb8 | inner, &first);
			lab_open_as(lab, &lab->server, &first, 0x20 | outer, false);
			check_mark(lab, inner, outer, 0);
			seal_tos(lab, 0xb8, &first);
			seal_tos(lab, 0xb8 | inner, &second);
			assert_int_equal(lab_open_as(lab, &lab->server, &second, outer, false), 0);
			lab_open_as(lab, &lab->server, &first, 0, false);
			assert_inner(lab, 0, 5);
			check_mark(lab, inner, outer, 1);
		}
		free(lab);
	}
}

/* Control frames have no marks, whatever brought them. */
static void marks_of_control_frames(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;

	lab_raw(&flight, &lab->server, 0, echo_request);
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 3, false), 1);
	assert_int_equal(only_output(lab)->kind, PACKET_CONTROL);
	assert_int_equal(lab->out.at[0].tos, 0);
	assert_no_drops(&lab->server);
	free(lab);
}

/* An echo behind a hundred packets that wait in another queue. */
static void control_ahead_of_data(void **state)
{
	enum { WAITING = 100 };
	static struct flight waiting[WAITING];
	for (unsigned kind = 0; kind < 3; kind++) {
		struct lab *lab = kind ? lab_encrypted(MPPE_128, kind == 1) : lab_up(false);
		struct flight flight;
		for (uint32_t n = 0; n < WAITING; n++)
			lab_seal(lab, &lab->client, n, 100, &waiting[n]);
		assert_int_equal(lab_open(lab, &lab->server, &waiting[0]), 1);
		lab_raw(&flight, &lab->server, WAITING, echo_request);
		assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
		assert_int_equal(only_output(lab)->kind, PACKET_CONTROL);
		assert_int_equal(lab->server.gre.order.next, 1);
		assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 0);
		assert_dropped(&lab->server, DROP_GRE_DUPLICATE);
		/* What is acknowledged is what came in order. */
		struct flight answer;
		lab_seal(lab, &lab->server, 1, 60, &answer);
		assert_int_equal(lab_open(lab, &lab->client, &answer), 1);
		assert_int_equal(lab->client.gre.window.acked, 1);
		for (uint32_t n = 1; n < WAITING; n++) {
			lab_open(lab, &lab->server, &waiting[n]);
			assert_inner(lab, 0, n);
		}
		assert_int_equal(lab->server.gre.order.next, WAITING + 1);
		assert_int_equal(lab->server.counters.lost, 0);
		assert_int_equal(lab->server.counters.reordered, 0);
		assert_int_equal(lab->server.counters.rx_packets, WAITING);
		assert_no_drops(&lab->server);
		free(lab);
	}
}

/* What an LCP restart overtook is of the old epoch, and must not be tried with the keys of the new
 * one: a run of packets that make no sense would end the session. */
static void data_of_an_old_epoch(void **state)
{
	enum { WAITING = 100 };
	static struct flight waiting[WAITING];
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct datapath_command epoch = {.kind = DATAPATH_EPOCH, .epoch = 2};
	struct flight flight;

	for (uint32_t n = 0; n < WAITING; n++)
		lab_seal(lab, &lab->client, n, 100, &waiting[n]);
	assert_int_equal(lab_open(lab, &lab->server, &waiting[0]), 1);
	assert_int_equal(lab_open(lab, &lab->server, &waiting[2]), 0); /* held */
	lab_raw(&flight, &lab->server, WAITING, "ff 03 c0 21 01 01 00 04");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
	lab_clear(lab);
	lab_command(lab, &lab->server, &epoch);
	assert_int_equal(lab->out.count, 0);
	assert_dropped(&lab->server, DROP_MPPE_NO_KEY);
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 7);
	lab_framing(lab, &lab->server, 1400, false);
	lab_network(lab, &lab->server, true);
	assert_int_equal(lab->server.gre.order.next, WAITING + 1);
	for (uint32_t n = 1; n < WAITING; n++)
		assert_int_equal(lab_open(lab, &lab->server, &waiting[n]), 0);
	assert_int_equal(lab->server.suspicious, 0);
	lab->client.gre.send_next = WAITING + 1;
	lab_seal(lab, &lab->client, 5, 100, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_inner(lab, 0, 5);
	/* Without anything early, the window stays where it is. */
	epoch.epoch = 3;
	lab_command(lab, &lab->server, &epoch);
	assert_int_equal(lab->server.gre.order.next, WAITING + 2);
	free(lab);
}

/* Data keeps its place, even when somebody takes it for control frames. */
static void data_is_never_early(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	struct flight flight;

	for (uint32_t n = 0; n < 90; n++)
		lab_seal(lab, &lab->client, n, 100, &flight);
	lab->server.gre.order.started = true;
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
	assert_int_equal(lab->server.gre.order.next, 90);
	assert_int_equal(lab->server.counters.lost, 89);
	lab_raw(&flight, &lab->server, 500, "c0");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 0);
	assert_dropped(&lab->server, DROP_PPP_SHORT);
	assert_int_equal(lab->server.gre.order.next, 501);
	free(lab);
}

/* A Reset-Request asks for what is sealed next, a Reset-Ack ends asking: neither has to wait. */
static void resets_ahead_of_data(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct flight flight;

	lab_raw(&flight, &lab->server, 0, echo_request);
	lab_open(lab, &lab->server, &flight);
	lab_seal(lab, &lab->server, 1, 60, &flight);
	lab_seal(lab, &lab->server, 1, 60, &flight);
	assert_false(flight.bytes[16] & 0x80);
	lab_raw(&flight, &lab->server, 200, "ff 03 80 fd 0e 21 00 04");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
	assert_int_equal(only_output(lab)->kind, PACKET_OUTER); /* Reset-Ack */
	lab_seal(lab, &lab->server, 1, 60, &flight);
	struct reader r = reader_over(flight.bytes, flight.length), frame;
	struct gre_header header;
	uint16_t protocol;
	enum drop why;
	assert_true(gre_parse(&header, &r, &frame, &why));
	assert_true(frame_parse(&frame, &protocol, &why));
	assert_true(frame.at[0] & 0x80); /* flushed */
	lab->server.resync_id = 0x22;
	lab_raw(&flight, &lab->server, 300, "ff 03 80 fd 0f 22 00 04");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 0);
	assert_true(lab->server.resync_heard);
	assert_no_drops(&lab->server);
	assert_int_equal(lab->server.gre.order.next, 1);
	free(lab);
}

/* The peer's host learns what fits the way back, if that is wanted. */
static void mss_from_the_peer(void **state)
{
	for (unsigned clamp = 0; clamp < 2; clamp++) {
		struct lab *lab = lab_up(false);
		uint8_t syn[44] = {0};
		struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = syn};
		struct flight flight;
		lab_ipv4(syn, sizeof(syn), true, 0);
		memset(syn + 20, 0, 24);
		syn[9] = 6;
		syn[32] = 0x60;
		syn[33] = 0x02;
		put_u32(syn + 40, 0x020405b4); /* 1460 */
		put_u16(syn + 10, 0);
		put_u16(syn + 10, (uint16_t)~checksum_of(0, syn, 20));
		in.length = sizeof(syn);
		lab_clear(lab);
		assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
		flight.length = only_output(lab)->length;
		memcpy(flight.bytes, lab->out.at[0].bytes, flight.length);
		lab->server.clamp_mss = clamp;
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		assert_int_equal(get_u16(lab->out.at[0].bytes + 42), clamp ? 1360 : 1460);
		free(lab);
	}
}

/* Outputs that do not pass make room for others; no buffer is lost, or given twice. */
static void buffers_stay_what_they_are(void **state)
{
	struct lab *lab = lab_encrypted(MPPE_128, true);
	static struct flight flights[BATCH_MAX];
	struct packet in[BATCH_MAX];
	bool seen[LAB_OUT] = {false};

	for (unsigned round = 0; round < 5; round++) {
		for (uint32_t n = 0; n < BATCH_MAX; n++) {
			lab_seal(lab, &lab->client, n, 100, &flights[n]);
			in[n] = (struct packet){.datapath = &lab->server,
				.bytes = flights[n].bytes,
				.length = (uint32_t)flights[n].length,
				.tos = n % 3 == round % 3 ? 3 : 0};
		}
		lab->out.count = lab->out.touched = 0;
		datapath_open(&lab->engine, in, BATCH_MAX, lab->now, &lab->out);
		for (size_t n = 0, m = 0; n < BATCH_MAX; n++)
			if (in[n].tos == 0)
				assert_inner(lab, m++, (uint32_t)n);
		assert_in_range(lab->out.touched, BATCH_MAX, BATCH_MAX + 2);
	}
	for (size_t n = 0; n < LAB_OUT; n++) {
		uint8_t *buffer = lab->at[n].bytes - lab->at[n].lead;
		size_t which = (size_t)(buffer - lab->buffers[0]) / OUTER_MAX;
		assert_ptr_equal(buffer, lab->buffers[which]);
		assert_int_equal(lab->at[n].capacity + lab->at[n].lead, OUTER_MAX);
		assert_false(seen[which]);
		seen[which] = true;
	}
	free(lab);
}

/* One packet lets go of a window's worth, behind some of the way back and in front of more:
 * whatever room there is, all that should come does, in order, and once. Every seventh met
 * congestion and cannot say so. */
static void releases_beyond_a_batch(void **state)
{
	enum { ALL = 2 * BATCH_MAX - 1, HELD = BATCH_MAX - 1, BACK = 10 };
	static const size_t rooms[] = {LAB_OUT, ALL, BATCH_MAX + 6, BATCH_MAX};
	static struct flight flights[ALL], back[BACK];
	struct packet in[ALL];

	for (unsigned kind = 0; kind < sizeof(rooms) / sizeof(rooms[0]); kind++) {
		struct lab *lab = lab_encrypted(MPPE_128, kind % 2);
		for (uint32_t n = 0; n < ALL; n++) {
			lab_seal(lab, &lab->client, n, 100, &flights[n]);
			in[n] = (struct packet){.datapath = &lab->server,
				.bytes = flights[n].bytes,
				.length = (uint32_t)flights[n].length,
				.tos = n % 7 == 3 ? 3 : 0};
		}
		lab->server.gre.order.started = true;
		lab_clear(lab);
		datapath_open(&lab->engine, in + 1, HELD, lab->now, &lab->out);
		assert_int_equal(lab->out.count, 0);
		assert_int_equal(lab->server.gre.order.held, HELD);
		in[HELD] = in[0];
		for (uint32_t n = 0; n < BACK; n++) {
			lab_seal(lab, &lab->server, n, 100, &back[n]);
			in[HELD - BACK + n] = (struct packet){.datapath = &lab->client,
				.bytes = back[n].bytes,
				.length = (uint32_t)back[n].length};
		}
		lab->out.max = rooms[kind];
		uint32_t expected = 0, expected_back = 0;
		for (size_t at = HELD - BACK; at < ALL; lab_clear(lab)) {
			size_t taken =
				datapath_open(&lab->engine, in + at, ALL - at, lab->now, &lab->out);
			assert_in_range(taken, 1, ALL - at);
			at += taken;
			for (size_t m = 0; m < lab->out.count; m++) {
				const struct packet *packet = &lab->out.at[m];
				if (packet->kind == PACKET_OUTER)
					continue; /* an acknowledgement */
				if (packet->datapath == &lab->client) {
					assert_inner(lab, m, expected_back++);
					continue;
				}
				expected += expected % 7 == 3;
				assert_inner(lab, m, expected++);
			}
		}
		assert_int_equal(expected_back, BACK);
		assert_int_equal(expected + (expected % 7 == 3), ALL);
		assert_int_equal(lab->pool.used, 0);
		free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks),
		cmocka_unit_test(marks_of_control_frames),
		cmocka_unit_test(control_ahead_of_data),
		cmocka_unit_test(data_of_an_old_epoch),
		cmocka_unit_test(data_is_never_early),
		cmocka_unit_test(resets_ahead_of_data),
		cmocka_unit_test(mss_from_the_peer),
		cmocka_unit_test(buffers_stay_what_they_are),
		cmocka_unit_test(releases_beyond_a_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
