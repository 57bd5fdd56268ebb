/* Every drop reason of this room, provoked once, by name: a reason that nothing provokes fails. */
#include "toy_codec.h"

#include "bundle_link.h"

static uint32_t *outer(struct lab *lab, const char *hex)
{
	struct flight flight;
	flight.length = hex_bytes(flight.bytes, sizeof(flight.bytes), hex);
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *frame(struct lab *lab, const char *hex)
{
	struct flight flight;
	lab_raw(&flight, &lab->server, 0, hex);
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *gre_short(struct lab *lab)
{
	return outer(lab, "30 01 88 0b 00 00 22");
}

static uint32_t *gre_version(struct lab *lab)
{
	return outer(lab, "20 00 88 0b 00 00 22 22");
}

static uint32_t *gre_protocol(struct lab *lab)
{
	return outer(lab, "20 01 08 00 00 00 22 22");
}

static uint32_t *gre_flags(struct lab *lab)
{
	return outer(lab, "60 01 88 0b 00 00 22 22");
}

static uint32_t *gre_length(struct lab *lab)
{
	return outer(lab, "30 01 88 0b 00 05 22 22 00 00 00 00 ff 03 c0 21");
}

static uint32_t *gre_call(struct lab *lab)
{
	return outer(lab, "20 81 88 0b 00 00 22 23 00 00 00 00");
}

static uint32_t *gre_peer(struct lab *lab)
{
	struct address other = address_ipv4(0xc0000203);
	assert_false(datapath_match(&lab->engine, &lab->server, &other));
	return lab->server.counters.drops;
}

static uint32_t *gre_ack(struct lab *lab)
{
	return outer(lab, "20 81 88 0b 00 00 22 22 00 00 00 00");
}

static void numbered(struct lab *lab, uint32_t sequence)
{
	struct flight flight;
	lab_raw(&flight, &lab->server, sequence, "c0 21 09 00 00 04");
	lab_open(lab, &lab->server, &flight);
}

static uint32_t *gre_duplicate(struct lab *lab)
{
	numbered(lab, 7);
	numbered(lab, 7);
	return lab->server.counters.drops;
}

static uint32_t *gre_late(struct lab *lab)
{
	numbered(lab, 700);
	numbered(lab, 7);
	return lab->server.counters.drops;
}

static uint32_t *hold_full(struct lab *lab)
{
	lab->pool.count = 0;
	numbered(lab, 1);
	numbered(lab, 3);
	assert_int_equal(lab->out.count, 1); /* counted, and delivered all the same */
	return lab->server.counters.drops;
}

static uint32_t *ppp_short(struct lab *lab)
{
	return frame(lab, "ff 03 c0");
}

static uint32_t *ppp_protocol(struct lab *lab)
{
	return frame(lab, "ff 03 c0 20 01");
}

static uint32_t *ppp_data_early(struct lab *lab)
{
	struct flight flight;
	lab_network(lab, &lab->server, false);
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *mppe(struct lab *lab, const char *hex, bool stateless)
{
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, stateless, 1);
	return frame(lab, hex);
}

static uint32_t *mppe_short(struct lab *lab)
{
	return mppe(lab, "ff 03 00 fd 90 00", true);
}

static uint32_t *mppe_no_key(struct lab *lab)
{
	return frame(lab, "ff 03 00 fd 90 00 11 22 33 44");
}

static uint32_t *mppe_clear(struct lab *lab)
{
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab->server.require_encryption = true;
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *mppe_bits(struct lab *lab)
{
	return mppe(lab, "ff 03 00 fd 10 00 11 22 33 44", true);
}

/* Late, and its number was never skipped. */
static uint32_t *mppe_coherency(struct lab *lab)
{
	lab_encrypt(lab, &lab->client, &lab->server, MPPE_128, true, 1);
	numbered(lab, 100);
	struct flight flight;
	lab_raw(&flight, &lab->server, 90, "00 fd 90 00 11 22 33 44");
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *mppe_far(struct lab *lab)
{
	return mppe(lab, "ff 03 00 fd 94 00 11 22 33 44", true);
}

static uint32_t *mppe_resync(struct lab *lab)
{
	return mppe(lab, "ff 03 00 fd 10 05 11 22 33 44", false);
}

static uint32_t *mppe_inner(struct lab *lab)
{
	return mppe(lab, "ff 03 00 fd 90 05 11 22 33 44", true);
}

static uint32_t *inner_header(struct lab *lab)
{
	return frame(lab, "ff 03 00 21 45 00 00 14");
}

static uint32_t *inner_source(struct lab *lab)
{
	struct flight flight;
	lab->server.remote4 = address_ipv4(0x0a000009);
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static void seal_one(struct lab *lab, struct datapath *from, size_t length)
{
	static uint8_t bytes[4000];
	struct packet in = {.datapath = from, .bytes = bytes, .length = (uint32_t)length};
	lab_ipv4(bytes, length, true, 1);
	bytes[6] = 0x40; /* don't fragment */
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
}

static uint32_t *inner_route(struct lab *lab)
{
	seal_one(lab, NULL, 60);
	return lab->engine.drops;
}

static uint32_t *inner_size(struct lab *lab)
{
	seal_one(lab, &lab->client, 1401);
	return lab->client.counters.drops;
}

static uint32_t *inner_early(struct lab *lab)
{
	lab_network(lab, &lab->client, false);
	seal_one(lab, &lab->client, 60);
	return lab->client.counters.drops;
}

static uint32_t *inner_no_key(struct lab *lab)
{
	lab->client.require_encryption = true;
	seal_one(lab, &lab->client, 60);
	return lab->client.counters.drops;
}

static uint32_t *inner_offload(struct lab *lab)
{
	static uint8_t bytes[60];
	struct packet in = {.datapath = &lab->client, .bytes = bytes, .length = 60};
	lab_ipv4(bytes, 60, true, 1);
	in.offload = (struct offload){.kind = OFFLOAD_TCP4, .segment = 8}; /* it is UDP */
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	return lab->client.counters.drops;
}

static uint32_t *inner_ecn(struct lab *lab)
{
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open_as(lab, &lab->server, &flight, 3, false);
	return lab->server.counters.drops;
}

static uint32_t *isolated(struct lab *lab)
{
	static struct prefix_table table;
	static struct prefix_node nodes[4];
	static _Atomic uint32_t buckets[4];
	struct prefix neighbour = {.address = address_ipv4(SERVER_IP), .length = 32};
	struct flight flight;
	prefix_table_init(&table, nodes, 4, buckets, 4, 1);
	assert_true(prefix_table_insert(&table, &neighbour, 99));
	lab->engine.prefixes = &table;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

static uint32_t *compressed(struct lab *lab, const char *hex)
{
	lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	return frame(lab, hex);
}

static uint32_t *codec_data(struct lab *lab)
{
	return compressed(lab, "ff 03 00 fd 00");
}

static uint32_t *codec_size(struct lab *lab)
{
	return compressed(lab, "ff 03 00 fd 00 00 00 21 ff ff 00 45");
}

static uint32_t *codec_lost(struct lab *lab)
{
	return compressed(lab, "ff 03 00 fd 01 00 00 21 00 04 00 45");
}

static uint32_t *codec_resync(struct lab *lab)
{
	lab_toy(&lab->server, LAYER_RECEIVE, &toy_codec);
	lab->server.layers->codec[LAYER_RECEIVE].dead = true;
	return frame(lab, "ff 03 00 fd 00 00 00 21 00 04 00 45");
}

static uint32_t *window_full(struct lab *lab)
{
	struct flight flight;
	lab_seal(lab, &lab->client, 1, 60, &flight);
	window_agree(&lab->client.gre.window, 1, 0);
	window_acked(&lab->client.gre.window, 0, 1, true, lab->now);
	lab_seal(lab, &lab->client, 1, 60, &flight);
	lab->pool.count = 0;
	uint8_t bytes[60];
	struct packet in = {.datapath = &lab->client, .bytes = bytes};
	in.length = (uint32_t)lab_ipv4(bytes, sizeof(bytes), true, 2);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	return lab->client.counters.drops;
}

static void arm_ecp(struct lab *lab)
{
	struct datapath_command command = {.kind = DATAPATH_CIPHER};
	command.cipher.key.length = ECP_KEY_DES;
	command.memory = calloc(1, sizeof(*command.memory) + layers_need(&command));
	assert_non_null(command.memory);
	command.memory->size = layers_need(&command);
	lab_command(lab, &lab->server, &command);
}

static uint32_t *ecp_data(struct lab *lab)
{
	arm_ecp(lab);
	return frame(lab, "ff 03 00 53 0000 00 11 22 33 44 55 66 77");
}

static uint32_t *ecp_lost(struct lab *lab)
{
	arm_ecp(lab);
	return frame(lab, "ff 03 00 53 0001 00 11 22 33 44 55 66 77");
}

/* The server's end becomes a link of a bundle, on which this frame comes. */
static uint32_t *fragment(struct lab *lab, const char *hex)
{
	static struct datapath own;
	own = (struct datapath){.streams = &lab->streams[LAB_DATAPATHS - 1]};
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = 9};
	attach.attach.bundle = true;
	attach.attach.mrru = 128;
	attach.memory = calloc(1, sizeof(*attach.memory) + layers_need(&attach));
	assert_non_null(attach.memory);
	attach.memory->size = layers_need(&attach);
	lab_command(lab, &own, &attach);
	struct datapath_command join = {.kind = DATAPATH_BUNDLE};
	join.bundle.datapath = &own;
	lab_command(lab, &lab->server, &join);
	frame(lab, hex);
	return own.counters.drops;
}

static uint32_t *mp_short(struct lab *lab)
{
	return fragment(lab, "ff 03 00 3d c0 00 00");
}

static uint32_t *mp_late(struct lab *lab)
{
	struct flight flight;
	uint32_t *drops = fragment(lab, "ff 03 00 3d c0 00 00 05 80 21 01 01 00 04");
	lab_raw(&flight, &lab->server, 1, "ff 03 00 3d c0 00 00 03 80 21 01 02 00 04");
	lab_open(lab, &lab->server, &flight);
	return drops;
}

/* Its beginning never came. */
static uint32_t *mp_incomplete(struct lab *lab)
{
	return fragment(lab, "ff 03 00 3d 40 00 00 00 80 21 01 01 00 04");
}

static uint32_t *mp_size(struct lab *lab)
{
	char hex[1000] = "ff 03 00 3d c0 00 00 00 80 21";
	for (unsigned n = 0; n < 129; n++)
		strcat(hex, " 00");
	return fragment(lab, hex);
}

static uint32_t *vj(struct lab *lab, const char *frame_hex)
{
	struct datapath_command command = {.kind = DATAPATH_HEADERS};
	command.headers.slots = 2;
	size_t need = layers_need(&command);
	command.memory = calloc(1, sizeof(*command.memory) + need);
	assert_non_null(command.memory);
	command.memory->size = need;
	lab_command(lab, &lab->server, &command);
	return frame(lab, frame_hex);
}

static uint32_t *vj_header(struct lab *lab)
{
	return vj(lab, "ff 03 00 2f 45 00 00 28");
}

static uint32_t *vj_slot(struct lab *lab)
{
	return vj(lab, "ff 03 00 2d 4f 01 12 34");
}

static uint32_t *vj_checksum(struct lab *lab)
{
	struct flight flight;
	vj(lab, "ff 03 00 2f 4500002800014000400126cd0a0000020a000001"
		"0400005000000001000000015010100087800000");
	lab_raw(&flight, &lab->server, 1, "ff 03 00 2d 4f 01 12 34 00");
	lab_open(lab, &lab->server, &flight);
	return lab->server.counters.drops;
}

/* Each returns the counters in which exactly one of the wanted kind must stand. */
static uint32_t *(*const provocations[DROP_COUNT])(struct lab *) = {
	[DROP_GRE_SHORT] = gre_short,
	[DROP_GRE_VERSION] = gre_version,
	[DROP_GRE_PROTOCOL] = gre_protocol,
	[DROP_GRE_FLAGS] = gre_flags,
	[DROP_GRE_LENGTH] = gre_length,
	[DROP_GRE_CALL] = gre_call,
	[DROP_GRE_PEER] = gre_peer,
	[DROP_GRE_ACK] = gre_ack,
	[DROP_GRE_DUPLICATE] = gre_duplicate,
	[DROP_GRE_LATE] = gre_late,
	[DROP_HOLD_FULL] = hold_full,
	[DROP_PPP_SHORT] = ppp_short,
	[DROP_PPP_PROTOCOL] = ppp_protocol,
	[DROP_PPP_DATA_EARLY] = ppp_data_early,
	[DROP_MPPE_SHORT] = mppe_short,
	[DROP_MPPE_NO_KEY] = mppe_no_key,
	[DROP_MPPE_CLEAR] = mppe_clear,
	[DROP_MPPE_BITS] = mppe_bits,
	[DROP_MPPE_COHERENCY] = mppe_coherency,
	[DROP_MPPE_FAR] = mppe_far,
	[DROP_MPPE_RESYNC] = mppe_resync,
	[DROP_MPPE_INNER] = mppe_inner,
	[DROP_VJ_HEADER] = vj_header,
	[DROP_VJ_SLOT] = vj_slot,
	[DROP_VJ_CHECKSUM] = vj_checksum,
	[DROP_CODEC_DATA] = codec_data,
	[DROP_CODEC_SIZE] = codec_size,
	[DROP_CODEC_LOST] = codec_lost,
	[DROP_CODEC_RESYNC] = codec_resync,
	[DROP_ECP_DATA] = ecp_data,
	[DROP_ECP_LOST] = ecp_lost,
	[DROP_MP_SHORT] = mp_short,
	[DROP_MP_LATE] = mp_late,
	[DROP_MP_INCOMPLETE] = mp_incomplete,
	[DROP_MP_SIZE] = mp_size,
	[DROP_INNER_HEADER] = inner_header,
	[DROP_INNER_SOURCE] = inner_source,
	[DROP_INNER_ROUTE] = inner_route,
	[DROP_INNER_SIZE] = inner_size,
	[DROP_INNER_EARLY] = inner_early,
	[DROP_INNER_NO_KEY] = inner_no_key,
	[DROP_INNER_OFFLOAD] = inner_offload,
	[DROP_INNER_ECN] = inner_ecn,
	[DROP_ISOLATED] = isolated,
	[DROP_WINDOW_FULL] = window_full,
};

static void every_reason_is_reached(void **state)
{
	for (unsigned n = 0; n < DROP_COUNT; n++) {
		if (drop_room((enum drop)n) != ROOM_DATAPATH)
			continue;
		if (!provocations[n])
			fail_msg("nothing provokes %s", drop_word((enum drop)n));
		struct lab *lab = lab_up(false);
		uint32_t *drops = provocations[n](lab);
		for (unsigned m = 0; m < DROP_PACKETS; m++)
			if (drops[m] != (m == n))
				fail_msg("%s: %s is %u", drop_word((enum drop)n),
					drop_word((enum drop)m), drops[m]);
		if (lab->server.bundle)
			bundle_end(&lab->engine, lab->server.bundle->own);
		layers_forget(&lab->engine, &lab->server);
		lab_spent(lab);
		free(lab);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_reason_is_reached)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
