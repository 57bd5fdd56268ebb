/* Super-packets through the whole data path: sealed in lists of any size, opened by the peer, and
 * then the same packets a plain cut makes. And what the outer packets are marked with. The seed is
 * printed; GREYLINE_SEED takes another. */
#include "lab.h"

#include "seed.h"
#include "segment.h"
#include "super.h"

enum { INPUTS = 8, MTU = 1400 };

/* From the client's own address, so that the server takes it. */
static void make(struct super *s, struct random *r, uint32_t most, uint32_t mtu)
{
	super_make(s, r, most, mtu);
	if (s->v4)
		put_u32(s->bytes + 12, CLIENT_IP);
	else
		memcpy(s->bytes + 8, (uint8_t[16]){0xfe, 0x80, [15] = 2}, 16);
	uint8_t *field = checksum_of_super(s, s->bytes);
	naive_put(field, 0);
	naive_put(field, s->offload.checksum_missing
				 ? naive_pseudo(s, s->bytes, s->length - s->transport)
				 : naive_checksum(s, s->bytes, s->length));
}

static struct packet input(struct lab *lab, struct super *s)
{
	return (struct packet){.datapath = &lab->client,
		.kind = PACKET_INNER,
		.bytes = s->bytes,
		.length = s->length,
		.offload = s->offload};
}

/* What the plain path would send next of `inputs`. */
struct expected {
	const struct super *inputs;
	size_t count, input;
	uint32_t index, total;
};

static void assert_next(struct expected *e, const struct packet *got)
{
	static uint8_t plain[SUPER_MAX];
	while (e->input < e->count && e->index == super_count(&e->inputs[e->input])) {
		e->input++;
		e->index = 0;
	}
	assert_true(e->input < e->count);
	uint32_t length = plain_cut(&e->inputs[e->input], e->index++, plain);
	assert_int_equal(got->length, length);
	assert_memory_equal(got->bytes, plain, length);
	e->total++;
}

/* Opens at the server all that lies in the client's list. */
static void open_all(struct lab *lab, struct lab *far, struct expected *e)
{
	for (size_t n = 0; n < lab->out.count; n++) {
		struct packet in = {.datapath = &far->server, .kind = PACKET_OUTER};
		in.bytes = lab->out.at[n].bytes;
		in.length = lab->out.at[n].length;
		assert_int_equal(lab->out.at[n].kind, PACKET_OUTER);
		lab_clear(far);
		assert_int_equal(datapath_open(&far->engine, &in, 1, far->now, &far->out), 1);
		for (size_t m = 0; m < far->out.count; m++)
			if (far->out.at[m].kind == PACKET_INNER)
				assert_next(e, &far->out.at[m]);
	}
}

static void whatever_the_list_holds(void **state)
{
	static struct super inputs[INPUTS];
	struct random r = random_from(seed_of_run(5));
	for (unsigned round = 0; round < 60; round++) {
		struct lab *lab =
			round % 3 ? lab_encrypted(MPPE_128, round % 3 == 1) : lab_up(false);
		struct lab *far =
			round % 3 ? lab_encrypted(MPPE_128, round % 3 == 1) : lab_up(false);
		struct packet in[INPUTS];
		struct expected e = {.inputs = inputs, .count = 1 + below(&r, INPUTS)};
		uint64_t bytes = 0;
		for (size_t n = 0; n < e.count; n++) {
			make(&inputs[n], &r, below(&r, 3) ? 12000 : SUPER_MAX, MTU);
			while (super_count(&inputs[n]) > SEGMENTS_MAX)
				make(&inputs[n], &r, 12000, MTU);
			in[n] = input(lab, &inputs[n]);
		}
		lab->out.max = 1 + below(&r, LAB_OUT);
		for (size_t at = 0; at < e.count;) {
			lab_clear(lab);
			size_t taken = datapath_seal(
				&lab->engine, in + at, e.count - at, lab->now, &lab->out);
			assert_true(taken > 0 || lab->out.count > 0);
			at += taken;
			open_all(lab, far, &e);
		}
		uint32_t wanted = 0;
		for (size_t n = 0; n < e.count; n++) {
			uint32_t count = super_count(&inputs[n]);
			wanted += count;
			bytes += inputs[n].length + (count - 1) * (uint64_t)inputs[n].headers;
		}
		assert_no_drops(&lab->client);
		assert_no_drops(&far->server);
		assert_int_equal(e.total, wanted);
		assert_int_equal(lab->client.counters.tx_packets, wanted);
		assert_int_equal(lab->client.counters.tx_bytes, bytes);
		assert_int_equal(far->server.counters.rx_bytes, bytes);
		free(lab);
		free(far);
	}
}

static size_t seal(struct lab *lab, struct packet *in)
{
	lab_clear(lab);
	return datapath_seal(&lab->engine, in, 1, lab->now, &lab->out);
}

static void one_answer_for_all_its_segments(void **state)
{
	static struct super s;
	struct random r = random_from(seed_of_run(5));
	struct lab *lab = lab_up(false);
	for (unsigned v4 = 0; v4 < 2; v4++) {
		do
			make(&s, &r, SUPER_MAX, 1500);
		while (s.v4 != v4 || super_count(&s) < 2 || s.headers + s.segment <= MTU);
		s.bytes[6] |= v4 ? 0x40 : 0;
		s.bytes[v4 ? 16 : 24] = 0x20; /* one host's address */
		struct packet in = input(lab, &s);
		assert_int_equal(seal(lab, &in), 1);
		assert_int_equal(lab->out.count, 1);
		assert_int_equal(lab->out.at[0].kind, PACKET_INNER);
		assert_int_equal(lab->out.at[0].bytes[v4 ? 20 : 40], v4 ? 3 : 2);
		assert_dropped(&lab->client, DROP_INNER_SIZE);
	}
	free(lab);
}

/* Each segment is fragmented by itself, where its sender allows it. */
static void segments_may_be_fragmented(void **state)
{
	static struct super s;
	static uint8_t plain[SUPER_MAX], joined[SUPER_MAX];
	struct random r = random_from(seed_of_run(5));
	for (unsigned round = 0; round < 20; round++) {
		struct lab *lab = lab_up(false);
		do
			make(&s, &r, 30000, 9000);
		while (!s.v4 || s.bytes[6] || s.headers + s.segment <= MTU || super_count(&s) < 2);
		struct packet in = input(lab, &s);
		uint32_t index = 0, got = 0, length = plain_cut(&s, 0, plain);
		lab->out.max = DATAPATH_OUT_PER_IN;
		for (size_t taken = 0; !taken;) {
			taken = seal(lab, &in);
			for (size_t n = 0; n < lab->out.count; n++) {
				const uint8_t *ip = lab->out.at[n].bytes + 16;
				struct inner inner;
				assert_int_equal(lab->out.at[n].bytes[13], 3); /* FF 03 00 21 */
				assert_true(inner_parse(&inner, ip, lab->out.at[n].length - 16));
				assert_true(
					inner.length <= MTU && inner_checksum_holds(&inner, ip));
				assert_int_equal(get_u16(ip + 4), get_u16(plain + 4));
				memcpy(joined + inner.header_length + inner.offset,
					ip + inner.header_length,
					inner.length - inner.header_length);
				got += inner.length - inner.header_length;
				if (inner.more_fragments)
					continue;
				assert_int_equal(got, length - s.transport);
				assert_memory_equal(joined + s.transport, plain + s.transport, got);
				got = 0;
				if (++index < super_count(&s))
					length = plain_cut(&s, index, plain);
			}
		}
		assert_int_equal(index, super_count(&s));
		assert_no_drops(&lab->client);
		free(lab);
	}
}

/* A checksum that is missing is taken before the packet is fragmented. */
static void fragments_of_an_unsummed_packet(void **state)
{
	static struct super s;
	static uint8_t plain[SUPER_MAX], joined[SUPER_MAX];
	struct random r = random_from(seed_of_run(5));
	struct lab *lab = lab_up(false);
	do
		make(&s, &r, 5000, 9000);
	while (!s.v4 || s.bytes[6] || super_count(&s) != 1 || s.length <= MTU ||
		!s.offload.checksum_missing);
	uint32_t length = plain_cut(&s, 0, plain);
	s.offload.kind = OFFLOAD_NONE;
	struct packet in = input(lab, &s);
	lab->out.max = 1;
	assert_int_equal(seal(lab, &in), 0); /* summed once, although it is tried twice */
	lab->out.max = LAB_OUT;
	assert_int_equal(seal(lab, &in), 1);
	assert_true(lab->out.count > 1);
	for (size_t n = 0; n < lab->out.count; n++) {
		const uint8_t *ip = lab->out.at[n].bytes + 16;
		struct inner inner;
		assert_true(inner_parse(&inner, ip, lab->out.at[n].length - 16));
		memcpy(joined + inner.header_length + inner.offset, ip + inner.header_length,
			inner.length - inner.header_length);
	}
	if (!s.tcp)
		naive_put(plain + s.transport + 4, get_u16(s.bytes + s.transport + 4));
	naive_put(checksum_of_super(&s, plain), 0);
	naive_put(checksum_of_super(&s, plain), naive_checksum(&s, plain, length));
	assert_memory_equal(joined + s.transport, plain + s.transport, length - s.transport);
	free(lab);
}

static void misplaced_checksums_are_dropped(void **state)
{
	struct lab *lab = lab_up(false);
	uint8_t bytes[100];
	struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 100};
	lab_ipv4(bytes, 60, true, 1); /* what is behind it is padding */
	in.offload = (struct offload){.checksum_missing = true, .checksum_start = 20};
	in.offload.checksum_offset = 39;
	assert_int_equal(seal(lab, &in), 1);
	assert_dropped(&lab->client, DROP_INNER_OFFLOAD);
	in.offload.checksum_offset = 38;
	assert_int_equal(seal(lab, &in), 1);
	assert_int_equal(lab->out.count, 1);
	assert_no_drops(&lab->client);
	free(lab);
}

static uint8_t tos_of(struct lab *lab, uint8_t inner)
{
	uint8_t bytes[60], tos;
	struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 60};
	lab_ipv4(bytes, 60, true, 1);
	bytes[1] = inner;
	assert_int_equal(seal(lab, &in), 1);
	tos = lab->out.at[0].tos;
	uint8_t ipv6[60] = {0x60 | inner >> 4, (uint8_t)(inner << 4), 0, 0, 0, 20, 17};
	in.bytes = ipv6;
	assert_int_equal(seal(lab, &in), 1);
	assert_int_equal(lab->out.at[0].tos, tos);
	return tos;
}

static void outer_marks(void **state)
{
	static const struct {
		bool copy, ecn;
		uint8_t dscp, inner, wanted, control;
	} cases[] = {
		{false, false, 0, 0xbb, 0x00, 0x00},
		{false, true, 0, 0xbb, 0x03, 0x00},
		{false, true, 0, 0xb8, 0x00, 0x00},
		{false, false, 46, 0x01, 0xb8, 0xb8},
		{false, true, 8, 0xfd, 0x21, 0x20},
		{true, false, 8, 0xfe, 0xfc, 0x00},
		{true, true, 8, 0x2e, 0x2e, 0x00},
	};
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct lab *lab = lab_up(false);
		struct datapath_command frame = {.kind = DATAPATH_FRAME, .frame.length = 6};
		lab->client.dscp_copy = cases[n].copy;
		lab->client.ecn = cases[n].ecn;
		lab->client.dscp = cases[n].dscp;
		assert_int_equal(tos_of(lab, cases[n].inner), cases[n].wanted);
		lab_clear(lab);
		datapath_execute(&lab->engine, &lab->client, &frame,
			(const uint8_t *)"\xc0\x21\x09\x01\x00\x04", lab->now, &lab->out);
		assert_int_equal(lab->out.at[0].tos, cases[n].control);
		free(lab);
	}
}

static void commands_carry_the_policy(void **state)
{
	struct lab *lab = lab_new();
	struct datapath_command attach = {.kind = DATAPATH_ATTACH};
	attach.attach.clamp_mss = attach.attach.ecn = attach.attach.dscp_copy = true;
	attach.attach.dscp = 0xff;
	lab_command(lab, &lab->client, &attach);
	assert_true(lab->client.clamp_mss && lab->client.ecn && lab->client.dscp_copy);
	assert_int_equal(lab->client.dscp, 63);
	free(lab);
}

static void path(struct lab *lab, uint16_t mtu)
{
	struct datapath_command command = {.kind = DATAPATH_PATH, .path = {.index = 7, .mtu = mtu}};
	lab_command(lab, &lab->client, &command);
	assert_int_equal(lab->client.path, 7);
}

static void the_path_bounds_the_mtu(void **state)
{
	struct lab *lab = lab_up(false);
	lab_framing(lab, &lab->client, 1500, false);
	path(lab, 1500);
	assert_int_equal(datapath_mtu(&lab->client), 1460); /* 20 IP, 16 GRE, 4 PPP */
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 1);
	assert_int_equal(datapath_mtu(&lab->client), 1456); /* 2 MPPE, 2 hidden protocol */
	assert_int_equal(datapath_mtu(&lab->client), SESSION_MTU_DEFAULT);
	lab->client.peer.family = 6;
	assert_int_equal(datapath_mtu(&lab->client), 1436);
	path(lab, 9000);
	assert_int_equal(datapath_mtu(&lab->client), 1496); /* the peer's MRU */
	path(lab, 0);
	assert_int_equal(datapath_mtu(&lab->client), 1496);
	path(lab, 50);
	assert_int_equal(datapath_mtu(&lab->client), 0);
	free(lab);
}

/* What a sealed packet of any size is, and the path's MTU: the sum must be right. */
static void a_full_packet_fills_the_path(void **state)
{
	for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
		struct lab *lab = encrypted ? lab_encrypted(MPPE_128, true) : lab_up(false);
		struct flight flight;
		lab_framing(lab, &lab->client, 1500, false);
		path(lab, 1400);
		lab->client.gre.ack_owed = true; /* the longest header */
		lab_seal(lab, &lab->client, 1, datapath_mtu(&lab->client), &flight);
		assert_int_equal(20 + flight.length, 1400);
		free(lab);
	}
}

static void syns_are_clamped_on_their_way(void **state)
{
	for (unsigned on = 0; on < 2; on++) {
		struct lab *lab = lab_up(false);
		uint8_t bytes[44];
		struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 44};
		lab_ipv4(bytes, 44, true, 0);
		memset(bytes + 20, 0, 20);
		bytes[9] = 6, bytes[32] = 0x60, bytes[33] = 2;
		memcpy(bytes + 40, "\x02\x04\x05\xb4", 4);
		in.offload = (struct offload){
			.checksum_missing = true, .checksum_start = 20, .checksum_offset = 16};
		struct super s = {.v4 = true, .tcp = true, .transport = 20};
		naive_put(bytes + 36, naive_pseudo(&s, bytes, 24));
		lab->client.clamp_mss = on;
		assert_int_equal(seal(lab, &in), 1);
		uint8_t *sent = lab->out.at[0].bytes + 16;
		assert_int_equal(get_u16(sent + 42), on ? MTU - 40 : 1460);
		assert_int_equal(naive_sum(naive_pseudo(&s, sent, 24), sent + 20, 24), 0xffff);
		free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_list_holds),
		cmocka_unit_test(one_answer_for_all_its_segments),
		cmocka_unit_test(segments_may_be_fragmented),
		cmocka_unit_test(fragments_of_an_unsummed_packet),
		cmocka_unit_test(misplaced_checksums_are_dropped),
		cmocka_unit_test(outer_marks),
		cmocka_unit_test(commands_carry_the_policy),
		cmocka_unit_test(the_path_bounds_the_mtu),
		cmocka_unit_test(a_full_packet_fills_the_path),
		cmocka_unit_test(syns_are_clamped_on_their_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
