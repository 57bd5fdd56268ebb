/* Relayed sessions: frames pass as they are, in order, within the peer's window. */
#include "lab.h"

#include "window.h"

/* Two ends whose PPP is somebody else's. */
static struct lab *relay_up(void)
{
	struct lab *lab = lab_new();
	struct datapath *ends[] = {&lab->client, &lab->server};
	for (unsigned n = 0; n < 2; n++) {
		bool client = n == 0;
		ends[n]->streams = &lab->streams[lab->streams_used++];
		struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = n + 1};
		attach.attach.local_call_id = client ? CLIENT_ID : SERVER_ID;
		attach.attach.local = lab_outer(client);
		attach.attach.peer = lab_outer(!client);
		attach.attach.relay = true;
		attach.attach.dscp = 10;
		lab_command(lab, ends[n], &attach);
	}
	return lab;
}

static void connect_end(struct lab *lab, struct datapath *dp, uint16_t window)
{
	struct datapath_command connect = {.kind = DATAPATH_CONNECT};
	connect.connect.peer_call_id = dp == &lab->client ? SERVER_ID : CLIENT_ID;
	connect.connect.window = window;
	lab_command(lab, dp, &connect);
}

static struct lab *relay_connected(void)
{
	struct lab *lab = relay_up();
	connect_end(lab, &lab->client, 0);
	connect_end(lab, &lab->server, 0);
	return lab;
}

/* A frame of the line; the packets that leave for it. */
static size_t send(struct lab *lab, struct datapath *from, uint8_t *frame, size_t length)
{
	struct packet in = {.datapath = from,
		.bytes = frame,
		.length = (uint32_t)length,
		.capacity = (uint32_t)length};
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	return lab->out.count;
}

static void take_flight(struct lab *lab, struct flight *flight)
{
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_OUTER);
	flight->length = lab->out.at[0].length;
	memcpy(flight->bytes, lab->out.at[0].bytes, flight->length);
}

static void assert_frame(struct lab *lab, size_t index, const char *hex)
{
	uint8_t wanted[OUTER_MAX];
	size_t length = hex_bytes(wanted, sizeof(wanted), hex);
	assert_true(index < lab->out.count);
	const struct packet *packet = &lab->out.at[index];
	assert_int_equal(packet->kind, PACKET_FRAME);
	assert_int_equal(packet->length, length);
	assert_memory_equal(packet->bytes, wanted, length);
}

/* With the address field or without, control, data, noise: nobody looks at it. */
static void frames_pass_as_they_are(void **state)
{
	static const char *const frames[] = {"ff03c0210101000405dc", "c02101", "2145", "fd9000ab",
		"ff0300fd9000", "ff03", "00", "ffffffff"};
	struct lab *lab = relay_connected();
	uint64_t bytes = 0;
	for (size_t n = 0; n < sizeof(frames) / sizeof(frames[0]); n++) {
		uint8_t frame[64];
		struct flight flight;
		size_t length = hex_bytes(frame, sizeof(frame), frames[n]);
		bytes += length;
		assert_int_equal(send(lab, &lab->client, frame, length), 1);
		assert_int_equal(lab->out.at[0].tos, 10 << 2);
		assert_false(lab->out.at[0].control);
		take_flight(lab, &flight);
		assert_int_equal(lab_open_as(lab, &lab->server, &flight, 3, true), 1);
		assert_frame(lab, 0, frames[n]);
	}
	assert_int_equal(lab->client.counters.tx_packets, 8);
	assert_int_equal(lab->client.counters.tx_bytes, bytes);
	assert_int_equal(lab->server.counters.rx_packets, 8);
	assert_int_equal(lab->server.counters.rx_bytes, bytes);
	assert_no_drops(&lab->client);
	assert_no_drops(&lab->server);
	free(lab);
}

static void the_largest_frame_has_room(void **state)
{
	struct lab *lab = relay_connected();
	uint8_t frame[OUTER_MAX] = {0};
	struct flight flight;
	assert_int_equal(send(lab, &lab->client, frame, OUTER_MAX - GRE_HEADER_MAX), 1);
	take_flight(lab, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	assert_int_equal(lab->out.at[0].length, OUTER_MAX - GRE_HEADER_MAX);
	assert_int_equal(send(lab, &lab->client, frame, OUTER_MAX - GRE_HEADER_MAX + 1), 0);
	assert_dropped(&lab->client, DROP_INNER_SIZE);
	free(lab);
}

static void an_empty_frame_is_none(void **state)
{
	struct lab *lab = relay_connected();
	struct flight flight;
	assert_int_equal(send(lab, &lab->client, flight.bytes, 0), 0);
	assert_no_drops(&lab->client);
	lab_raw(&flight, &lab->server, 0, "");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 0);
	assert_dropped(&lab->server, DROP_PPP_SHORT);
	free(lab);
}

static void nothing_leaves_before_the_call_stands(void **state)
{
	struct lab *lab = relay_up();
	uint8_t frame[] = {0xff, 0x03, 0xc0, 0x21};
	assert_int_equal(send(lab, &lab->client, frame, sizeof(frame)), 0);
	assert_dropped(&lab->client, DROP_INNER_EARLY);
	connect_end(lab, &lab->client, 0);
	assert_int_equal(send(lab, &lab->client, frame, sizeof(frame)), 1);
	free(lab);
}

/* A control frame that was read ahead of data waits for it, and a late one stays out: the PPP
 * behind the line has its own idea of order. */
static void order_is_kept(void **state)
{
	struct lab *lab = relay_connected();
	static const char *const frames[] = {"2100", "2101", "c02112", "2103", "2104"};
	struct flight flight[5];
	for (unsigned n = 0; n < 5; n++)
		lab_raw(&flight[n], &lab->server, n, frames[n]);
	assert_int_equal(lab_open(lab, &lab->server, &flight[0]), 1);
	lab->server.gre.order.wait = MS(100);
	assert_int_equal(lab_open_as(lab, &lab->server, &flight[2], 0, true), 0); /* held */
	assert_int_equal(lab_open(lab, &lab->server, &flight[1]), 2);
	assert_frame(lab, 0, "2101");
	assert_frame(lab, 1, "c02112");
	/* One is given up for; when it comes it is too late. */
	assert_int_equal(lab_open(lab, &lab->server, &flight[4]), 0);
	lab->now += SECONDS(1);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_frame(lab, 0, "2104");
	assert_no_drops(&lab->server);
	assert_int_equal(lab_open(lab, &lab->server, &flight[3]), 0);
	assert_dropped(&lab->server, DROP_GRE_LATE);
	free(lab);
}

/* Under load control frames are read first. An echo need not wait for a queue full of data; a reset
 * of a compressor is part of it. */
static void what_may_overtake_a_full_queue(void **state)
{
	struct lab *lab = relay_connected();
	struct flight flight;
	lab_raw(&flight, &lab->server, 0, "2100");
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	lab_raw(&flight, &lab->server, 200, "c0210a");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
	assert_frame(lab, 0, "c0210a");
	assert_int_equal(lab->server.gre.order.next, 1);
	lab_raw(&flight, &lab->server, 201, "80fd0f");
	assert_int_equal(lab_open_as(lab, &lab->server, &flight, 0, true), 1);
	assert_frame(lab, 0, "80fd0f");
	assert_int_equal(lab->server.gre.order.next, 202);
	free(lab);
}

static void the_window_holds_frames_too(void **state)
{
	struct lab *lab = relay_up();
	connect_end(lab, &lab->client, 2);
	connect_end(lab, &lab->server, 0);
	uint8_t frame[] = {0xff, 0x03, 0x00, 0x21, 0};
	struct gre *gre = &lab->client.gre;
	assert_true(window_acked(&gre->window, gre->send_next - 1, gre->send_next, true, lab->now));
	assert_true(gre->window.on);
	assert_int_equal(send(lab, &lab->client, frame, sizeof(frame)), 1);
	for (uint8_t n = 1; n <= WINDOW_HELD_MAX; n++) {
		frame[4] = n;
		assert_int_equal(send(lab, &lab->client, frame, sizeof(frame)), 0);
	}
	assert_int_equal(gre->window.held, WINDOW_HELD_MAX);
	assert_int_equal(send(lab, &lab->client, frame, sizeof(frame)), 0);
	assert_dropped(&lab->client, DROP_WINDOW_FULL);
	/* Acknowledged, and the window has grown: the next two leave, whole. */
	struct flight ack;
	struct gre_header header = {
		.call_id = CLIENT_ID, .has_ack = true, .ack = gre->send_next - 1};
	struct writer w = writer_over(ack.bytes, sizeof(ack.bytes));
	gre_build(&w, &header);
	ack.length = writer_length(&w);
	assert_int_equal(lab_open(lab, &lab->client, &ack), 2);
	for (uint8_t n = 0; n < 2; n++) {
		const struct packet *packet = &lab->out.at[n];
		struct reader r = reader_over(packet->bytes, packet->length), rest;
		enum drop why;
		assert_int_equal(packet->kind, PACKET_OUTER);
		assert_true(gre_parse(&header, &r, &rest, &why));
		assert_int_equal(reader_left(&rest), 5);
		assert_int_equal(rest.at[4], n + 1);
	}
	free(lab);
}

static void acknowledgements_ride_along(void **state)
{
	struct lab *lab = relay_connected();
	uint8_t frame[] = {0xff, 0x03, 0xc0, 0x21};
	struct flight flight;
	struct gre_header header;
	send(lab, &lab->client, frame, sizeof(frame));
	take_flight(lab, &flight);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	send(lab, &lab->server, frame, sizeof(frame));
	take_flight(lab, &flight);
	struct reader r = reader_over(flight.bytes, flight.length), rest;
	enum drop why;
	assert_true(gre_parse(&header, &r, &rest, &why));
	assert_true(header.has_ack);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_as_they_are),
		cmocka_unit_test(the_largest_frame_has_room),
		cmocka_unit_test(an_empty_frame_is_none),
		cmocka_unit_test(nothing_leaves_before_the_call_stands),
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(what_may_overtake_a_full_queue),
		cmocka_unit_test(the_window_holds_frames_too),
		cmocka_unit_test(acknowledgements_ride_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
