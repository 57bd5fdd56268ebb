/* VJ in the data path: with and without MPPE, super-packets, loss as GRE sees it, late packets, and
 * memory that comes and goes. */
#include "../seed.h"
#include "toy_codec.h"

#include "super.h"
#include "vj.h"

enum { FRAME_AT = 12, SLOTS = 4 };

static void headers_as(
	struct lab *lab, struct datapath *dp, bool transmit, unsigned slots, bool omit_slot)
{
	struct datapath_command command = {.kind = DATAPATH_HEADERS};
	command.headers.transmit = transmit;
	command.headers.omit_slot = omit_slot;
	command.headers.slots = (uint16_t)slots;
	size_t need = layers_need(&command);
	assert_true((need != 0) == (slots != 0));
	if (need) {
		command.memory = calloc(1, sizeof(*command.memory) + need);
		assert_non_null(command.memory);
		command.memory->size = need;
	}
	lab_command(lab, dp, &command);
}

static void headers(struct lab *lab, struct datapath *dp, bool transmit, unsigned slots)
{
	headers_as(lab, dp, transmit, slots, false);
}

static struct lab *with_headers(struct lab *lab)
{
	headers(lab, &lab->server, false, SLOTS);
	headers(lab, &lab->client, true, SLOTS);
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

/* Packet `number` of a transfer with 500 bytes in each, from the client. */
static size_t segment(uint8_t *bytes, uint32_t number)
{
	enum { DATA = 500, LENGTH = 40 + DATA };
	struct writer w = writer_over(bytes, LENGTH);
	struct super s = {.v4 = true, .tcp = true, .transport = 20};
	write_u16(&w, 0x4500);
	write_u16(&w, LENGTH);
	write_u16(&w, (uint16_t)number);
	write_u32(&w, 0x40004006);
	write_u16(&w, 0);
	write_u32(&w, CLIENT_IP);
	write_u32(&w, SERVER_IP);
	write_u32(&w, 0x04000050);
	write_u32(&w, number * DATA);
	write_u32(&w, 7);
	write_u32(&w, 0x50101000);
	write_u32(&w, 0);
	for (unsigned n = 0; n < DATA; n++)
		write_u8(&w, (uint8_t)(n * 31 + number));
	assert_false(w.failed);
	put_u16(bytes + 10, (uint16_t)~checksum_of(0, bytes, 20));
	naive_put(bytes + 36, naive_checksum(&s, bytes, LENGTH));
	return LENGTH;
}

static void seal_segment_of(struct lab *lab, uint32_t number, struct flight *flight)
{
	uint8_t bytes[OUTER_MAX];
	struct packet in = {.datapath = &lab->client, .kind = PACKET_INNER, .bytes = bytes};
	in.length = (uint32_t)segment(bytes, number);
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_int_equal(lab->out.count, 1);
	lab_take(lab, 0, flight);
	lab_clear(lab);
}

/* The one packet for the TUN among the outputs, where acknowledgements may be; NULL. */
static const struct packet *inner_of(const struct lab *lab)
{
	const struct packet *found = NULL;
	for (size_t n = 0; n < lab->out.count; n++) {
		if (lab->out.at[n].kind != PACKET_INNER)
			continue;
		assert_null(found);
		found = &lab->out.at[n];
	}
	return found;
}

static void assert_segment(struct lab *lab, uint32_t number)
{
	uint8_t bytes[OUTER_MAX];
	size_t length = segment(bytes, number);
	const struct packet *packet = inner_of(lab);
	assert_non_null(packet);
	assert_int_equal(packet->length, length);
	assert_memory_equal(packet->bytes, bytes, length);
}

static void carried(struct lab *lab, uint32_t number, size_t sent)
{
	struct flight flight;
	seal_segment_of(lab, number, &flight);
	assert_int_equal(flight.length, sent);
	lab_open(lab, &lab->server, &flight);
	assert_segment(lab, number);
}

static void smaller_and_whole_again(void **state)
{
	struct lab *lab = with_headers(lab_up(false));
	struct flight flight;
	carried(lab, 1, FRAME_AT + 4 + 540);
	carried(lab, 2, FRAME_AT + 4 + 500 + 4); /* changes, slot, checksum */
	carried(lab, 3, FRAME_AT + 4 + 500 + 4);
	lab_seal(lab, &lab->client, 9, 300, &flight); /* UDP, as it is */
	assert_int_equal(get_u16(flight.bytes + FRAME_AT + 2), PROTOCOL_IPV4);
	lab_open(lab, &lab->server, &flight);
	assert_inner(lab, 0, 9);
	assert_int_equal(lab->client.layers->headers[LAYER_TRANSMIT].packets, 2);
	assert_int_equal(lab->client.layers->headers[LAYER_TRANSMIT].saved, 72);
	assert_int_equal(lab->server.layers->headers[LAYER_RECEIVE].packets, 2);
	assert_int_equal(lab->server.layers->headers[LAYER_RECEIVE].saved, 72);
	assert_int_equal(lab->server.counters.rx_bytes, 3 * 540 + 300);
	assert_int_equal(lab->client.counters.tx_bytes, 3 * 540 + 300);
	assert_no_drops(&lab->server);
	end(lab);
}

static void under_encryption(void **state)
{
	for (int stateless = 0; stateless < 2; stateless++) {
		struct lab *lab = with_headers(lab_encrypted(MPPE_128, stateless));
		size_t first = 0;
		struct flight flight;
		for (uint32_t n = 1; n <= 600; n++) {
			seal_segment_of(lab, n, &flight);
			first = first ? first : flight.length;
			assert_int_equal(flight.length, n == 1 ? first : first - 36);
			lab_open(lab, &lab->server, &flight);
			assert_segment(lab, n);
		}
		assert_no_drops(&lab->server);
		end(lab);
	}
}

/* A packet behind a hole: let in at once, or when the hole was waited for long enough. */
static void open_behind_a_hole(struct lab *lab, const struct flight *flight)
{
	uint32_t lost = lab->server.counters.lost;
	lab_open(lab, &lab->server, flight);
	if (lab->server.counters.lost > lost)
		return;
	lab->now += REORDER_WAIT_MAX;
	lab_clear(lab);
	datapath_tick(&lab->engine, &lab->server, lab->now, &lab->out);
	assert_true(lab->server.counters.lost > lost);
}

static void a_loss_costs_until_a_whole_packet(void **state)
{
	struct lab *lab = with_headers(lab_up(false));
	struct flight lost, next;
	carried(lab, 1, FRAME_AT + 4 + 540);
	seal_segment_of(lab, 2, &lost);
	seal_segment_of(lab, 3, &next);
	open_behind_a_hole(lab, &next);
	assert_null(inner_of(lab));
	assert_dropped(&lab->server, DROP_VJ_CHECKSUM);
	seal_segment_of(lab, 4, &next);
	lab_open(lab, &lab->server, &next);
	assert_dropped(&lab->server, DROP_VJ_SLOT);
	carried(lab, 2, FRAME_AT + 4 + 540); /* TCP sends it again, and it goes whole */
	carried(lab, 3, FRAME_AT + 4 + 504);
	/* What comes when its place was given up would be added to the wrong headers. */
	lab_open(lab, &lab->server, &lost);
	assert_null(inner_of(lab));
	assert_dropped(&lab->server, DROP_GRE_LATE);
	carried(lab, 4, FRAME_AT + 4 + 504);
	end(lab);
}

/* What was lost may have named another slot than the one before (RFC 1144 §4). */
static void behind_a_loss_a_slot_is_named(void **state)
{
	struct lab *lab = lab_up(false);
	struct flight flight;
	headers(lab, &lab->server, false, SLOTS);
	headers_as(lab, &lab->client, true, SLOTS, true);
	carried(lab, 1, FRAME_AT + 4 + 540);
	carried(lab, 2, FRAME_AT + 4 + 503);
	seal_segment_of(lab, 3, &flight);
	seal_segment_of(lab, 4, &flight);
	open_behind_a_hole(lab, &flight);
	assert_null(inner_of(lab));
	assert_dropped(&lab->server, DROP_VJ_SLOT);
	end(lab);
}

/* RFC 3078 §3.2 would let it in; its headers do not. */
static void late_packets_stay_out(void **state)
{
	struct lab *lab = with_headers(lab_encrypted(MPPE_128, true));
	struct flight late, next;
	lab_seal(lab, &lab->client, 1, 100, &next);
	lab_open(lab, &lab->server, &next);
	lab_seal(lab, &lab->client, 2, 100, &late);
	seal_segment_of(lab, 1, &next);
	open_behind_a_hole(lab, &next);
	assert_segment(lab, 1);
	lab_open(lab, &lab->server, &late);
	assert_null(inner_of(lab));
	assert_dropped(&lab->server, DROP_GRE_LATE);
	end(lab);
}

/* Stateful MPPE finds its place again at a compressed packet, which it must know for one. */
static void keys_are_found_behind_a_loss(void **state)
{
	struct lab *lab = with_headers(lab_encrypted(MPPE_128, true));
	struct flight lost, next;
	for (uint32_t n = 1; n < 20; n++) {
		seal_segment_of(lab, n, &next);
		lab_open(lab, &lab->server, &next);
		assert_segment(lab, n);
	}
	seal_segment_of(lab, 20, &lost);
	seal_segment_of(lab, 21, &next);
	open_behind_a_hole(lab, &next);
	assert_dropped(&lab->server, DROP_VJ_CHECKSUM); /* it opened: MPPE dropped nothing */
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 9); /* and keeps knowing */
	seal_segment_of(lab, 20, &next);
	lab_open(lab, &lab->server, &next);
	assert_segment(lab, 20);
	seal_segment_of(lab, 21, &lost);
	seal_segment_of(lab, 22, &next);
	open_behind_a_hole(lab, &next);
	assert_dropped(&lab->server, DROP_VJ_CHECKSUM);
	end(lab);
}

static void behind_a_compressor(void **state)
{
	struct lab *lab = with_headers(lab_up(false));
	lab_toy(&lab->client, LAYER_TRANSMIT, &toy_codec);
	lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	for (uint32_t n = 1; n < 9; n++) {
		struct flight flight;
		seal_segment_of(lab, n, &flight);
		lab_open(lab, &lab->server, &flight);
		assert_segment(lab, n);
	}
	assert_int_equal(lab->server.layers->headers[LAYER_RECEIVE].packets, 7);
	end(lab);
}

/* The packets a super-packet stands for come out of the other end as if it had been sent cut. */
static void super_packets(void **state)
{
	static struct super s;
	struct random r = random_from(seed_of_run(11));
	unsigned compressed = 0;
	for (unsigned run = 0; run < 300; run++) {
		struct lab *lab = with_headers(lab_up(false));
		lab->server.check_source = false;
		lab->server.clamp_mss = lab->client.clamp_mss = false;
		super_make(&s, &r, 6000, 1400);
		if (super_count(&s) > LAB_OUT - 1) {
			end(lab);
			continue;
		}
		struct packet in = {.datapath = &lab->client,
			.kind = PACKET_INNER,
			.bytes = s.bytes,
			.length = s.length,
			.offload = s.offload};
		lab_clear(lab);
		assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
		size_t count = lab->out.count;
		struct flight *sent = calloc(count + 1, sizeof(*sent));
		assert_non_null(sent);
		for (size_t n = 0; n < count; n++)
			lab_take(lab, n, &sent[n]);
		assert_int_equal(count, super_count(&s));
		for (size_t n = 0; n < count; n++) {
			uint8_t plain[OUTER_MAX];
			uint32_t length = plain_cut(&s, (uint32_t)n, plain);
			lab_open(lab, &lab->server, &sent[n]);
			const struct packet *packet = inner_of(lab);
			assert_non_null(packet);
			assert_int_equal(packet->length, length);
			assert_memory_equal(packet->bytes, plain, length);
		}
		compressed += (unsigned)lab->server.layers->headers[LAYER_RECEIVE].packets;
		free(sent);
		end(lab);
	}
	assert_true(compressed > 100);
}

static void memory_comes_and_goes(void **state)
{
	struct lab *lab = with_headers(lab_up(false));
	headers(lab, &lab->client, true, 16); /* negotiated anew: the old memory is given back */
	assert_int_equal(lab_spent(lab), 1);
	headers(lab, &lab->client, true, 0);
	headers(lab, &lab->server, false, 0);
	assert_int_equal(lab_spent(lab), 2);
	assert_null(lab->client.layers); /* ordinary sessions again */
	assert_null(lab->server.layers);
	carried(lab, 1, FRAME_AT + 4 + 540);
	carried(lab, 2, FRAME_AT + 4 + 540);

	/* Without memory nothing is compressed, and what the peer compresses goes up, refused. */
	struct datapath_command poor = {.kind = DATAPATH_HEADERS};
	poor.headers.transmit = true;
	poor.headers.slots = SLOTS;
	lab_command(lab, &lab->client, &poor);
	assert_null(lab->client.layers);
	headers(lab, &lab->client, true, SLOTS);
	struct flight flight;
	seal_segment_of(lab, 3, &flight);
	lab_open(lab, &lab->server, &flight);
	assert_int_equal(lab->out.at[0].kind, PACKET_CONTROL);
	assert_int_equal(get_u16(lab->out.at[0].bytes), VJ_UNCOMPRESSED);

	struct datapath_command epoch = {.kind = DATAPATH_EPOCH, .epoch = 1};
	lab_command(lab, &lab->client, &epoch);
	assert_null(lab->client.layers);
	assert_int_equal(lab_spent(lab), 1);
	end(lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smaller_and_whole_again),
		cmocka_unit_test(under_encryption),
		cmocka_unit_test(a_loss_costs_until_a_whole_packet),
		cmocka_unit_test(behind_a_loss_a_slot_is_named),
		cmocka_unit_test(late_packets_stay_out),
		cmocka_unit_test(keys_are_found_behind_a_loss),
		cmocka_unit_test(behind_a_compressor),
		cmocka_unit_test(super_packets),
		cmocka_unit_test(memory_comes_and_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
