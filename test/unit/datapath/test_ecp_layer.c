/* ECP between two ends: what is hidden, what is refused in clear, what a loss costs, and who is
 * believed (RFC 1968, RFC 2419). */
#include "toy_codec.h"

#include "dese.h"

enum { FRAME_AT = 12 };

static void arm(struct lab *lab, struct datapath *dp, bool transmit, uint8_t salt, uint8_t length)
{
	struct datapath_command command = {.kind = DATAPATH_CIPHER};
	command.cipher.transmit = transmit;
	command.cipher.key.length = length;
	for (unsigned n = 0; n < length; n++)
		command.cipher.key.bytes[n] = (uint8_t)(n * 29 + 3);
	memset(command.cipher.nonce, salt, ECP_NONCE);
	size_t need = layers_need(&command);
	assert_int_equal(need, length ? sizeof(struct dese) : 0);
	if (need) {
		command.memory = calloc(1, sizeof(*command.memory) + need);
		assert_non_null(command.memory);
		command.memory->size = need;
	}
	lab_command(lab, dp, &command);
}

static void arm_both(struct lab *lab, struct datapath *from, struct datapath *to, uint8_t length)
{
	arm(lab, to, false, 7, length);
	arm(lab, from, true, 7, length);
}

static struct lab *both(uint8_t length)
{
	struct lab *lab = lab_up(true);
	arm_both(lab, &lab->client, &lab->server, length);
	arm_both(lab, &lab->server, &lab->client, length);
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

static void all_packets_are_hidden(void **state)
{
	static const uint8_t lengths[] = {ECP_KEY_DES, ECP_KEY_DES3};
	for (unsigned method = 0; method < 2; method++) {
		struct lab *lab = both(lengths[method]);
		for (uint32_t n = 0; n < 100; n++) {
			struct flight flight;
			struct datapath *from = n % 3 ? &lab->client : &lab->server;
			struct datapath *to = n % 3 ? &lab->server : &lab->client;
			lab_seal(lab, from, n, 40 + n * 13, &flight);
			struct reader r = reader_over(flight.bytes, flight.length), frame;
			struct gre_header header;
			uint16_t protocol;
			enum drop why;
			assert_true(gre_parse(&header, &r, &frame, &why));
			assert_true(frame_parse(&frame, &protocol, &why));
			assert_int_equal(protocol, 0x0053);
			assert_true(reader_left(&frame) <= 40 + n * 13 + DESE_GROWTH);
			assert_int_equal(lab_open(lab, to, &flight), 1);
			assert_inner(lab, 0, n);
			assert_int_equal(lab->out.at[0].length, 40 + n * 13);
			assert_no_drops(to);
		}
		end(lab);
	}
}

/* Compressed first, encrypted then. */
static void over_a_compressor(void **state)
{
	struct lab *lab = both(ECP_KEY_DES);
	struct flight flight;
	lab_toy(&lab->client, LAYER_TRANSMIT, &toy_codec);
	lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	for (uint32_t n = 0; n < 20; n++) {
		lab_seal_equal(lab, &lab->client, n, 1000, n % 4 ? 900 : 1, &flight);
		assert_int_equal(flight.length < 200, n % 4 != 0);
		assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		assert_int_equal(lab->out.at[0].length, 1000);
		assert_int_equal(lab_number(lab->out.at[0].bytes), n);
	}
	end(lab);
}

/* What is required to be encrypted neither leaves nor is taken in clear, before, while and after.
 */
static void nothing_in_clear(void **state)
{
	struct lab *lab = lab_up(true), *clear = lab_up(false);
	struct flight flight, plain;
	uint8_t bytes[100];
	struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = bytes};
	lab_seal(clear, &clear->client, 9, 100, &plain);
	in.length = (uint32_t)lab_ipv4(bytes, sizeof(bytes), true, 9);
	for (unsigned turn = 0; turn < 3; turn++) {
		if (turn == 1) {
			arm_both(lab, &lab->client, &lab->server, ECP_KEY_DES);
			lab_seal(lab, &lab->client, 1, 100, &flight);
			put_u32(flight.bytes + 8, lab->server.gre.order.next);
			assert_int_equal(lab_open(lab, &lab->server, &flight), 1);
		} else {
			arm_both(lab, &lab->client, &lab->server, 0);
			assert_null(lab->client.layers);
			assert_int_equal(
				datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
			assert_int_equal(lab->out.count, 0);
			assert_dropped(&lab->client, DROP_INNER_NO_KEY);
		}
		put_u32(plain.bytes + 8, lab->server.gre.order.next);
		assert_int_equal(lab_open(lab, &lab->server, &plain), 0);
		assert_dropped(&lab->server, DROP_MPPE_CLEAR);
	}
	lab_spent(clear);
	free(clear);
	end(lab);
}

/* One packet more than was lost. */
static void a_loss(void **state)
{
	struct lab *lab = both(ECP_KEY_DES3);
	struct flight flight;
	for (uint32_t n = 0; n < 6; n++) {
		lab_seal(lab, &lab->client, n, 100, &flight);
		if (n == 2)
			continue;
		lab_open(lab, &lab->server, &flight);
		lab->now += REORDER_WAIT_MAX; /* the missing one is given up */
		datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
		if (n == 3)
			assert_dropped(&lab->server, DROP_ECP_LOST);
	}
	assert_int_equal(lab->server.counters.rx_packets, 4);
	end(lab);
}

/* A run of noise is told, as with MPPE. */
static void keys_differ(void **state)
{
	struct lab *lab = both(ECP_KEY_DES);
	struct flight flight;
	arm(lab, &lab->server, false, 7, ECP_KEY_DES3);
	size_t passed = 0;
	for (uint32_t n = 0; n < 300; n++) {
		lab_seal(lab, &lab->client, n, 100, &flight);
		if (lab_open(lab, &lab->server, &flight))
			passed += lab->out.at[0].kind != PACKET_OUTER; /* else an ack */
	}
	assert_true(passed <= 1); /* an unknown protocol, to be asked about once */
	assert_int_equal(lab->server.counters.rx_packets, 0);
	assert_int_equal(lab->server.suspicious, 300);
	end(lab);
}

/* Hides a frame as the client's ECP would, and says what becomes of it. */
static size_t hide(struct lab *lab, struct dese *dese, uint16_t protocol, const char *hex)
{
	uint8_t packet[64], frame[128] = {0xff, 0x03, 0x00, 0x53};
	struct flight flight;
	size_t length = hex_bytes(packet, sizeof(packet), hex);
	length = 4 + dese_seal(dese, protocol, packet, length, frame + 4, sizeof(frame) - 4);
	struct gre_header header = {.payload_length = (uint16_t)length,
		.call_id = lab->server.local_call_id,
		.has_sequence = true,
		.sequence = lab->server.gre.order.next};
	struct writer w = writer_over(flight.bytes, sizeof(flight.bytes));
	gre_build(&w, &header);
	write_bytes(&w, frame, length);
	flight.length = writer_length(&w);
	return lab_open(lab, &lab->server, &flight);
}

/* Network control protocols may be hidden; those that come before ECP, and layers inside out, may
 * not. */
static void what_may_be_hidden(void **state)
{
	static const uint16_t refused[] = {0xc021, 0xc223, 0x8053, 0x8029, 0x0053, 0x003d, 0x4021};
	struct lab *lab = both(ECP_KEY_DES);
	struct ecp_key key = {.length = ECP_KEY_DES};
	uint8_t nonce[ECP_NONCE];
	struct dese dese;
	for (unsigned n = 0; n < ECP_KEY_DES; n++)
		key.bytes[n] = (uint8_t)(n * 29 + 3);
	memset(nonce, 7, sizeof(nonce));
	dese_arm(&dese, &key, nonce);
	assert_int_equal(hide(lab, &dese, 0x8021, "01 01 0004"), 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
	assert_int_equal(get_u16(lab->out.at[0].bytes), 0x8021);
	/* One unknown protocol goes up to be rejected; a second makes noise of both. */
	assert_int_equal(hide(lab, &dese, 0x002b, "01 01 0004"), 1);
	assert_int_equal(hide(lab, &dese, 0x002b, "01 01 0004"), 0);
	assert_dropped(&lab->server, DROP_ECP_DATA);
	for (unsigned n = 0; n < sizeof(refused) / sizeof(refused[0]); n++) {
		assert_int_equal(hide(lab, &dese, refused[n], "01 01 0004"), 0);
		assert_dropped(&lab->server, DROP_ECP_DATA);
	}
	end(lab);
}

/* The MTU leaves room for all that ECP adds. */
static void the_mtu(void **state)
{
	struct lab *lab = lab_up(true);
	lab_framing(lab, &lab->client, 1500, false);
	assert_int_equal(datapath_mtu(&lab->client), 1500);
	arm(lab, &lab->client, true, 7, ECP_KEY_DES);
	assert_int_equal(datapath_mtu(&lab->client), 1500 - DESE_GROWTH);
	end(lab);
}

/* Without memory nothing is sent, rather than in clear. */
static void without_memory(void **state)
{
	struct lab *lab = lab_up(true);
	struct datapath_command command = {.kind = DATAPATH_CIPHER};
	uint8_t bytes[100];
	struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = bytes};
	command.cipher.transmit = true;
	command.cipher.key.length = ECP_KEY_DES;
	lab_command(lab, &lab->client, &command);
	in.length = (uint32_t)lab_ipv4(bytes, sizeof(bytes), true, 9);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_int_equal(lab->out.count, 0);
	assert_dropped(&lab->client, DROP_INNER_NO_KEY);
	end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_packets_are_hidden),
		cmocka_unit_test(over_a_compressor),
		cmocka_unit_test(nothing_in_clear),
		cmocka_unit_test(a_loss),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(what_may_be_hidden),
		cmocka_unit_test(the_mtu),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
