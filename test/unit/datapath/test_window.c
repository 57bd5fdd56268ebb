/* The send window (RFC 2637 §4.2, §4.4): sizes, the adaptive time-out, what waits. */
#include "lab.h"

#include "window.h"

/* Proved, with so many packets in flight. */
static struct window window_of(uint16_t maximum, uint32_t in_flight, uint64_t now)
{
	struct window w;
	window_init(&w);
	window_agree(&w, maximum, 0);
	w.acked = 100;
	assert_true(window_acked(&w, 99, 100, true, now));
	assert_true(w.on);
	for (uint32_t n = 0; n < in_flight; n++)
		window_sent(&w, 100 + n, now);
	return w;
}

static void only_who_acknowledges_alone_has_one(void **state)
{
	struct window w;
	window_init(&w);
	assert_true(window_has_room(&w, 1000000));
	assert_true(window_acked(&w, 0, 5, true, 0)); /* no size was agreed */
	assert_false(w.on);
	window_agree(&w, 8, 0);
	assert_true(window_acked(&w, 1, 5, false, 0));
	assert_int_equal(w.acked, 2);
	assert_false(w.on);
	window_sent(&w, 5, 0);
	assert_true(window_deadline(&w) == NEVER);
	assert_false(window_acked(&w, 6, 6, true, 0)); /* never sent */
	assert_false(w.on);
	assert_true(window_acked(&w, 1, 6, true, 0)); /* old news, but alone */
	assert_true(w.on);
	assert_int_equal(w.size, 4);
	assert_int_equal(w.acked, 6); /* what was in flight before does not count */
	assert_false(window_has_room(&w, 10));
	assert_true(window_has_room(&w, 9));
}

/* §4.2.1: half of what was asked for, at least one. */
static void begins_with_half(void **state)
{
	static const uint16_t sizes[][2] = {{1, 1}, {2, 1}, {3, 2}, {64, 32}, {65535, 32768}};
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		struct window w = window_of(sizes[n][0], 0, 0);
		assert_int_equal(w.size, sizes[n][1]);
	}
}

/* §4.2.3: one more with every window that was acknowledged, up to what was asked for. */
static void grows_by_one_a_window(void **state)
{
	static const struct {
		uint32_t acked;
		uint16_t size;
	} steps[] = {{100, 3}, {101, 3}, {102, 4}, {103, 4}, {105, 4}, {106, 5}, {111, 6}, {117, 6},
		{200, 6}};
	struct window w = window_of(6, 0, 0);
	for (size_t n = 0; n < sizeof(steps) / sizeof(steps[0]); n++) {
		assert_true(window_acked(&w, steps[n].acked, 300, false, 0));
		assert_int_equal(w.size, steps[n].size);
		assert_int_equal(w.acked, steps[n].acked + 1);
	}
	assert_true(window_acked(&w, 150, 300, false, 0)); /* nothing new */
	assert_int_equal(w.acked, 201);
}

/* §4.2.2: half of what it was, rounded up; nothing is in flight any more. */
static void halves_on_a_time_out(void **state)
{
	static const uint16_t sizes[] = {4, 2, 1};
	struct window w = window_of(14, 0, 0);
	uint64_t now = 0;
	uint32_t next = 100;
	assert_int_equal(w.size, 7);
	for (unsigned n = 0; n < 3; n++) {
		while (window_has_room(&w, next))
			window_sent(&w, next++, now);
		uint64_t due = window_deadline(&w);
		window_tick(&w, next, due - 1);
		assert_int_equal(w.timeouts, n);
		window_tick(&w, next, due);
		assert_int_equal(w.timeouts, n + 1);
		assert_int_equal(w.size, sizes[n]);
		assert_true(window_has_room(&w, next));
		assert_true(window_deadline(&w) == NEVER);
		now = due;
		if (n == 1) { /* late, and of what was given up: but it lives */
			assert_true(window_acked(&w, next - 1, next, false, now));
			assert_int_equal(w.size, 2);
		}
	}
	assert_true(w.on);
}

static void who_falls_silent_is_not_waited_for(void **state)
{
	struct window w = window_of(64, 0, 0);
	for (unsigned n = 0; n < WINDOW_SILENT_MAX; n++) {
		assert_true(w.on);
		window_sent(&w, 100 + n, 0);
		window_tick(&w, 101 + n, window_deadline(&w));
	}
	assert_false(w.on);
	assert_true(window_has_room(&w, 100000));
	assert_true(window_acked(&w, 101, 200, false, 0)); /* with data: no proof */
	assert_false(w.on);
	assert_true(window_acked(&w, 102, 200, true, 0));
	assert_true(w.on);
	assert_int_equal(w.size, 32);
}

/* §4.4.1, worked by hand in milliseconds: alpha 1/8, beta 1/4, chi 4. */
static void time_out_adapts(void **state)
{
	static const struct {
		uint32_t sample, rtt, deviation, ato;
	} steps[] = {
		{800, 100000, 200000, 900000},   /* DIFF 800: RTT 100, DEV 200 */
		{900, 200000, 350000, 1600000},  /* DIFF 800 */
		{200, 200000, 262500, 1250000},  /* DIFF 0 */
		{1000, 300000, 396875, 1887500}, /* DIFF 800 */
		{300, 300000, 297657, 1490628},  /* DIFF 0 */
	};
	struct window w = window_of(64, 0, 0);
	uint64_t now = SECONDS(5);
	uint32_t next = 100;
	assert_int_equal(w.ato, WINDOW_TIMEOUT_MIN);
	for (size_t n = 0; n < sizeof(steps) / sizeof(steps[0]); n++) {
		window_sent(&w, next++, now);
		window_sent(&w, next++, now + MS(1)); /* not the one that is measured */
		assert_true(window_deadline(&w) == now + w.ato);
		now += MS(steps[n].sample);
		assert_true(window_acked(&w, next - 2, next, false, now));
		assert_int_equal(w.rtt, steps[n].rtt);
		assert_int_equal(w.deviation, steps[n].deviation);
		assert_int_equal(w.ato, steps[n].ato);
		assert_true(window_deadline(&w) == now + w.ato); /* one is in flight still */
		assert_true(window_acked(&w, next - 1, next, false, now));
		assert_true(window_deadline(&w) == NEVER);
	}
	/* §4.4.2: the round trip doubles, the deviation stays. */
	window_sent(&w, next++, now);
	window_tick(&w, next, window_deadline(&w));
	assert_int_equal(w.rtt, 600000);
	assert_int_equal(w.deviation, 297657);
	assert_int_equal(w.ato, 1790628);
	/* What was given up is not measured. */
	assert_true(window_acked(&w, next - 1, next, false, now + SECONDS(9)));
	assert_int_equal(w.rtt, 600000);
}

static void time_out_is_bounded(void **state)
{
	struct window w = window_of(64, 1, 0);
	window_agree(&w, 64, SECONDS(6553));
	assert_int_equal(w.ato, WINDOW_TIMEOUT_MAX);
	for (unsigned n = 0; n < 40; n++) {
		window_sent(&w, 200 + n, 0);
		window_tick(&w, 201 + n, window_deadline(&w));
		window_acked(&w, 150, 201 + n, true, 0);
		assert_int_equal(w.ato, WINDOW_TIMEOUT_MAX);
	}
	window_agree(&w, 64, MS(100));
	assert_int_equal(w.ato, WINDOW_TIMEOUT_MIN);
}

static void numbers_wrap(void **state)
{
	struct window w;
	window_init(&w);
	w.acked = 0xfffffffe;
	window_agree(&w, 8, 0);
	assert_true(window_acked(&w, 0xfffffffd, 0xfffffffe, true, 0));
	for (unsigned n = 0; n < 4; n++)
		window_sent(&w, 0xfffffffe + n, 0);
	assert_false(window_has_room(&w, 2));
	assert_true(window_acked(&w, 0, 2, false, 0));
	assert_int_equal(window_facts(&w, 2).in_flight, 1);
	assert_true(window_has_room(&w, 4));
	assert_false(window_has_room(&w, 5));
}

/* ---- in the data path ---- */

/* A call whose peer acknowledges, with a window of so many packets from now on. */
static struct lab *windowed(uint16_t maximum)
{
	struct lab *lab = lab_encrypted(MPPE_128, false);
	struct datapath_command connect = {.kind = DATAPATH_CONNECT};
	connect.connect.peer_call_id = SERVER_ID;
	connect.connect.window = maximum;
	lab_command(lab, &lab->client, &connect);
	lab->client.gre.window.on = true;
	lab->client.gre.window.size = maximum;
	return lab;
}

static void ack_alone(struct flight *flight, uint32_t ack)
{
	struct writer w = writer_over(flight->bytes, sizeof(flight->bytes));
	gre_build(&w, &(struct gre_header){.call_id = CLIENT_ID, .has_ack = true, .ack = ack});
	flight->length = (uint32_t)writer_length(&w);
}

static size_t seal_one(struct lab *lab, uint32_t number)
{
	static uint8_t bytes[200];
	struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = bytes};
	in.length = in.capacity = (uint32_t)lab_ipv4(bytes, 100, true, number);
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	return lab->out.count;
}

static void pass_outputs(struct lab *lab, uint32_t *number)
{
	struct flight flights[8];
	size_t count = lab->out.count;
	assert_true(count <= 8);
	for (size_t n = 0; n < count; n++) {
		flights[n].length = lab->out.at[n].length;
		memcpy(flights[n].bytes, lab->out.at[n].bytes, flights[n].length);
	}
	for (size_t n = 0; n < count; n++) {
		assert_true(lab_open(lab, &lab->server, &flights[n]) >= 1); /* and an ack */
		assert_inner(lab, 0, (*number)++);
	}
}

/* Stateful keys: whatever left out of turn could not be opened. */
static void packets_wait_in_their_order(void **state)
{
	struct lab *lab = windowed(3);
	struct flight flight;
	uint32_t sealed = 0, arrived = 0;
	for (; sealed < 3; sealed++) {
		assert_int_equal(seal_one(lab, sealed), 1);
		pass_outputs(lab, &arrived);
	}
	for (; sealed < 8; sealed++)
		assert_int_equal(seal_one(lab, sealed), 0);
	assert_int_equal(lab->client.gre.window.held, 5);
	assert_int_equal(lab->pool.used, 5);
	assert_int_equal(lab->client.gre.send_next, 3);
	/* A control frame does not wait, and has the next number. */
	static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame.length = sizeof(echo)};
	lab_clear(lab);
	datapath_execute(&lab->engine, &lab->client, &frame, echo, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	assert_true(lab->out.at[0].control);
	assert_hex(lab->out.at[0].bytes + 8, 4, "00 00 00 03");
	flight.length = lab->out.at[0].length;
	memcpy(flight.bytes, lab->out.at[0].bytes, flight.length);
	assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
	/* Two of four are acknowledged: one more may be in flight. */
	ack_alone(&flight, 1);
	assert_int_equal(lab_open(lab, &lab->client, &flight), 1);
	assert_hex(lab->out.at[0].bytes + 8, 4, "00 00 00 04");
	pass_outputs(lab, &arrived);
	assert_int_equal(lab->client.gre.window.held, 4);
	/* What waits goes first. */
	assert_int_equal(seal_one(lab, sealed++), 0);
	ack_alone(&flight, 4);
	assert_int_equal(lab_open(lab, &lab->client, &flight), 3);
	pass_outputs(lab, &arrived);
	ack_alone(&flight, 7);
	assert_int_equal(lab_open(lab, &lab->client, &flight), 2);
	pass_outputs(lab, &arrived);
	assert_int_equal(arrived, sealed);
	assert_int_equal(lab->pool.used, 0);
	assert_no_drops(&lab->client);
	assert_no_drops(&lab->server);
	free(lab);
}

static void what_waits_is_bounded(void **state)
{
	struct lab *lab = windowed(1);
	assert_int_equal(seal_one(lab, 0), 1);
	for (uint32_t n = 0; n < WINDOW_HELD_MAX; n++)
		assert_int_equal(seal_one(lab, 1), 0);
	assert_no_drops(&lab->client);
	assert_int_equal(seal_one(lab, 1), 0);
	assert_int_equal(lab->client.counters.drops[DROP_WINDOW_FULL], 1);
	assert_int_equal(lab->client.counters.tx_packets, 1 + WINDOW_HELD_MAX);
	/* The pool that others share may be empty before. */
	struct datapath_command epoch = {.kind = DATAPATH_EPOCH};
	lab_command(lab, &lab->client, &epoch);
	assert_int_equal(lab->pool.used, 0);
	assert_int_equal(lab->client.counters.drops[DROP_INNER_EARLY], WINDOW_HELD_MAX);
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 3);
	lab_framing(lab, &lab->client, 1400, false);
	lab_network(lab, &lab->client, true);
	hold_pool_init(&lab->pool, lab->slots, 2);
	for (uint32_t n = 0; n < 3; n++)
		assert_int_equal(seal_one(lab, 1), 0);
	assert_int_equal(lab->client.counters.drops[DROP_WINDOW_FULL], 2);
	struct datapath_command detach = {.kind = DATAPATH_DETACH};
	lab_command(lab, &lab->client, &detach);
	assert_int_equal(lab->pool.used, 0);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	free(lab);
}

/* "Never stall data on a peer that does not ack." */
static void data_goes_on_after_a_time_out(void **state)
{
	struct lab *lab = windowed(4);
	uint32_t arrived = 0;
	unsigned ticks = 0;
	for (uint32_t n = 0; n < 12; n++)
		if (seal_one(lab, n))
			pass_outputs(lab, &arrived);
	assert_int_equal(arrived, 4);
	while (lab->client.gre.window.held) {
		lab->now = datapath_deadline(&lab->client);
		assert_true(lab->now != NEVER && ++ticks < 10);
		lab_clear(lab);
		datapath_tick(&lab->engine, &lab->client, lab->now, &lab->out);
		pass_outputs(lab, &arrived);
	}
	assert_int_equal(arrived, 12);
	assert_int_equal(lab->client.gre.window.timeouts, WINDOW_SILENT_MAX);
	assert_false(lab->client.gre.window.on);
	free(lab);
}

/* Control frames in flight have no time-out; what waits behind them has. */
static void nothing_waits_for_ever(void **state)
{
	struct lab *lab = windowed(1);
	static const uint8_t echo[] = {0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
	struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame.length = sizeof(echo)};
	datapath_execute(&lab->engine, &lab->client, &frame, echo, lab->now, &lab->out);
	assert_true(datapath_deadline(&lab->client) == NEVER);
	assert_int_equal(seal_one(lab, 0), 0);
	assert_true(datapath_deadline(&lab->client) == lab->now + WINDOW_TIMEOUT_MIN);
	lab->now = datapath_deadline(&lab->client);
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->client, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 1);
	free(lab);
}

/* Before another key comes everything leaves that the old one sealed. */
static void keys_change_behind_what_waits(void **state)
{
	struct lab *lab = windowed(1);
	uint32_t arrived = 0;
	for (uint32_t n = 0; n < 4; n++)
		if (seal_one(lab, n))
			pass_outputs(lab, &arrived);
	struct datapath_command transmit = lab_key(true, MPPE_128, false, 9);
	lab_clear(lab);
	lab_command(lab, &lab->client, &transmit);
	assert_int_equal(lab->out.count, 3);
	pass_outputs(lab, &arrived);
	assert_int_equal(arrived, 4);
	free(lab);
}

/* A list without room for all that may leave now: the rest comes with the next tick. */
static void a_short_list_forgets_nothing(void **state)
{
	struct lab *lab = windowed(8);
	struct flight flight;
	for (uint32_t n = 0; n < 12; n++)
		seal_one(lab, n);
	assert_int_equal(lab->client.gre.window.held, 4);
	lab->out.max = 1;
	ack_alone(&flight, 7);
	assert_int_equal(lab_open(lab, &lab->client, &flight), 1);
	assert_int_equal(lab->client.gre.window.held, 3);
	assert_true(datapath_deadline(&lab->client) <= lab->now);
	lab->out.max = LAB_OUT;
	assert_int_equal(seal_one(lab, 12), 0); /* there is room, but not before those */
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->client, lab->now, &lab->out);
	assert_int_equal(lab->out.count, 4);
	assert_true(datapath_deadline(&lab->client) > lab->now);
	free(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_acknowledges_alone_has_one),
		cmocka_unit_test(begins_with_half),
		cmocka_unit_test(grows_by_one_a_window),
		cmocka_unit_test(halves_on_a_time_out),
		cmocka_unit_test(who_falls_silent_is_not_waited_for),
		cmocka_unit_test(time_out_adapts),
		cmocka_unit_test(time_out_is_bounded),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(packets_wait_in_their_order),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(data_goes_on_after_a_time_out),
		cmocka_unit_test(nothing_waits_for_ever),
		cmocka_unit_test(keys_change_behind_what_waits),
		cmocka_unit_test(a_short_list_forgets_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
