/* A bench for data path tests: two ends of one call, an output list, packets to send. */
#ifndef GREYLINE_TEST_LAB_H
#define GREYLINE_TEST_LAB_H

#include "hex.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "datapath.h"
#include "frame.h"
#include "inner.h"

enum { LAB_OUT = 256, LAB_DATAPATHS = 64, CLIENT_ID = 0x1111, SERVER_ID = 0x2222 };

#define CLIENT_IP 0x0a000002u
#define SERVER_IP 0x0a000001u

struct lab {
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot slots[HELD_PACKETS_TOTAL];
	struct datapath client, server;
	bool line; /* of who is attached from here on */
	struct datapath_streams streams[LAB_DATAPATHS];
	size_t streams_used;
	struct packet at[LAB_OUT];
	uint8_t buffers[LAB_OUT][OUTER_MAX];
	struct packet_list out;
	uint64_t now;
};

static inline void lab_clear(struct lab *lab)
{
	lab->out.count = 0;
}

static inline struct lab *lab_new(void)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	assert_non_null(lab);
	hold_pool_init(&lab->pool, lab->slots, HELD_PACKETS_TOTAL);
	lab->engine.mppe = &mppe_engine_plain;
	lab->engine.pool = &lab->pool;
	lab->now = SECONDS(1000);
	for (size_t n = 0; n < LAB_OUT; n++)
		lab->at[n] = (struct packet){.bytes = lab->buffers[n], .capacity = OUTER_MAX};
	lab->out = (struct packet_list){.at = lab->at, .max = LAB_OUT};
	return lab;
}

static inline void lab_command(
	struct lab *lab, struct datapath *dp, const struct datapath_command *command)
{
	datapath_execute(&lab->engine, dp, command, NULL, lab->now, &lab->out);
}

static inline struct address lab_outer(bool client)
{
	return address_ipv4(client ? 0xc0000201u : 0xc0000202u);
}

static inline void lab_attach(struct lab *lab, struct datapath *dp, bool require_encryption)
{
	bool client = dp == &lab->client;
	if (!dp->streams) {
		assert_true(lab->streams_used < LAB_DATAPATHS);
		dp->streams = &lab->streams[lab->streams_used++];
	}
	struct datapath_command attach = {.kind = DATAPATH_ATTACH, .subject = client ? 1 : 2};
	attach.attach.line = lab->line;
	attach.attach.local_call_id = client ? CLIENT_ID : SERVER_ID;
	attach.attach.local = lab_outer(client);
	attach.attach.peer = lab_outer(!client);
	attach.attach.require_encryption = require_encryption;
	attach.attach.check_source = !client;
	lab_command(lab, dp, &attach);
	struct datapath_command connect = {.kind = DATAPATH_CONNECT};
	connect.connect.peer_call_id = client ? SERVER_ID : CLIENT_ID;
	lab_command(lab, dp, &connect);
}

static inline void lab_framing(struct lab *lab, struct datapath *dp, uint16_t mtu, bool compress)
{
	struct datapath_command framing = {.kind = DATAPATH_FRAMING};
	framing.framing.send_mru = 1500;
	framing.framing.mtu = mtu;
	framing.framing.compress_address = framing.framing.compress_protocol = compress;
	lab_command(lab, dp, &framing);
}

static inline void lab_network(struct lab *lab, struct datapath *dp, bool up)
{
	bool client = dp == &lab->client;
	struct datapath_command network = {.kind = DATAPATH_NETWORK};
	network.network.ipv4 = network.network.ipv6 = up;
	network.network.local4 = address_ipv4(client ? CLIENT_IP : SERVER_IP);
	network.network.remote4 = address_ipv4(client ? SERVER_IP : CLIENT_IP);
	network.network.remote6 =
		(struct address){.family = 6, .bytes = {0xfe, 0x80, [15] = client ? 1 : 2}};
	lab_command(lab, dp, &network);
}

/* Keys for the way from `from` to `to`; `salt` makes them different ones. */
static inline struct datapath_command lab_key(
	bool transmit, enum mppe_strength strength, bool stateless, uint8_t salt)
{
	struct datapath_command key = {
		.kind = transmit ? DATAPATH_TRANSMIT_KEY : DATAPATH_RECEIVE_KEY};
	key.key.strength = strength;
	key.key.stateless = stateless;
	key.key.keys.valid = true;
	for (unsigned n = 0; n < 16; n++) {
		key.key.keys.send[n] = key.key.keys.receive[n] = (uint8_t)(n * 7 + salt);
		if (n < 8)
			key.key.keys.send_short[n] = key.key.keys.receive_short[n] =
				(uint8_t)(n * 13 + salt);
	}
	return key;
}

static inline void lab_encrypt(struct lab *lab, struct datapath *from, struct datapath *to,
	enum mppe_strength strength, bool stateless, uint8_t salt)
{
	struct datapath_command receive = lab_key(false, strength, stateless, salt);
	struct datapath_command transmit = lab_key(true, strength, stateless, salt);
	lab_command(lab, to, &receive);
	lab_command(lab, from, &transmit);
}

/* Two ends up, in clear, with GRE or on a line. */
static inline struct lab *lab_over(bool line, bool require_encryption)
{
	struct lab *lab = lab_new();
	lab->line = line;
	struct datapath *ends[] = {&lab->client, &lab->server};
	for (unsigned n = 0; n < 2; n++) {
		lab_attach(lab, ends[n], require_encryption);
		lab_framing(lab, ends[n], 1400, false);
		lab_network(lab, ends[n], true);
	}
	return lab;
}

static inline struct lab *lab_up(bool require_encryption)
{
	return lab_over(false, require_encryption);
}

/* Two ends up, encrypted both ways with the same keys. */
static inline struct lab *lab_encrypted_over(bool line, enum mppe_strength strength, bool stateless)
{
	struct lab *lab = lab_over(line, true);
	lab_encrypt(lab, &lab->client, &lab->server, strength, stateless, 1);
	lab_encrypt(lab, &lab->server, &lab->client, strength, stateless, 2);
	return lab;
}

static inline struct lab *lab_encrypted(enum mppe_strength strength, bool stateless)
{
	return lab_encrypted_over(false, strength, stateless);
}

/* An IPv4 packet of `length` bytes from the end, with a number that can be read back. */
static inline size_t lab_ipv4(uint8_t *bytes, size_t length, bool from_client, uint32_t number)
{
	struct writer w = writer_over(bytes, length);
	write_u16(&w, 0x4500);
	write_u16(&w, (uint16_t)length);
	write_u32(&w, 0);
	write_u32(&w, 0x40110000);
	write_u32(&w, from_client ? CLIENT_IP : SERVER_IP);
	write_u32(&w, from_client ? SERVER_IP : CLIENT_IP);
	write_u32(&w, number);
	assert_false(w.failed);
	for (size_t n = writer_length(&w); n < length; n++)
		bytes[n] = (uint8_t)(n * 31 + number);
	put_u16(bytes + 10, (uint16_t)~checksum_of(0, bytes, 20));
	return length;
}

static inline uint32_t lab_number(const uint8_t *bytes)
{
	struct reader r = reader_over(bytes + 20, 4);
	return read_u32(&r);
}

/* A sealed packet, out of the list. */
struct flight {
	size_t length;
	uint8_t bytes[OUTER_MAX];
};

/* Seals one numbered packet; it must come out as one outer packet. */
static inline void lab_seal(struct lab *lab, struct datapath *from, uint32_t number, size_t length,
	struct flight *flight)
{
	uint8_t bytes[OUTER_MAX];
	struct packet in = {.datapath = from, .kind = PACKET_INNER, .bytes = bytes};
	in.length = (uint32_t)lab_ipv4(bytes, length, from == &lab->client, number);
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, lab->line ? PACKET_FRAME : PACKET_OUTER);
	assert_ptr_equal(lab->out.at[0].datapath, from);
	flight->length = lab->out.at[0].length;
	memcpy(flight->bytes, lab->out.at[0].bytes, flight->length);
	lab_clear(lab);
}

/* Opens one packet at `to`, which came with this outer DSCP and ECN, and maybe ahead of data;
 * returns the outputs there are. */
static inline size_t lab_open_as(
	struct lab *lab, struct datapath *to, const struct flight *flight, uint8_t tos, bool early)
{
	struct flight copy = *flight;
	struct packet in = {.datapath = to, .bytes = copy.bytes};
	in.kind = lab->line ? PACKET_FRAME : PACKET_OUTER;
	in.length = (uint32_t)copy.length;
	in.tos = tos;
	in.early = early;
	lab_clear(lab);
	assert_int_equal(datapath_open(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_memory_equal(copy.bytes, flight->bytes, flight->length);
	return lab->out.count;
}

static inline size_t lab_open(struct lab *lab, struct datapath *to, const struct flight *flight)
{
	return lab_open_as(lab, to, flight, 0, false);
}

/* A GRE packet around a PPP frame given in hex. */
static inline void lab_raw(
	struct flight *flight, struct datapath *to, uint32_t sequence, const char *frame_hex)
{
	uint8_t frame[OUTER_MAX];
	size_t length = hex_bytes(frame, sizeof(frame), frame_hex);
	struct gre_header header = {.payload_length = (uint16_t)length,
		.call_id = to->local_call_id,
		.has_sequence = true,
		.sequence = sequence};
	struct writer w = writer_over(flight->bytes, sizeof(flight->bytes));
	gre_build(&w, &header);
	write_bytes(&w, frame, length);
	flight->length = writer_length(&w);
}

/* The output `index` is the numbered IPv4 packet. */
static inline void assert_inner(struct lab *lab, size_t index, uint32_t number)
{
	assert_true(index < lab->out.count);
	const struct packet *packet = &lab->out.at[index];
	assert_int_equal(packet->kind, PACKET_INNER);
	assert_true(packet->length >= 24);
	assert_int_equal(lab_number(packet->bytes), number);
	for (size_t n = 24; n < packet->length; n++)
		assert_int_equal(packet->bytes[n], (uint8_t)(n * 31 + number));
}

/* Exactly one drop in `dp`, of this kind, since the counters were cleared; clears them. */
static inline void assert_dropped(struct datapath *dp, enum drop why)
{
	for (unsigned n = 0; n < DROP_PACKETS; n++)
		if (dp->counters.drops[n] != (n == (unsigned)why))
			fail_msg("%s: %u, wanted one %s", drop_word((enum drop)n),
				dp->counters.drops[n], drop_word(why));
	memset(dp->counters.drops, 0, sizeof(dp->counters.drops));
}

static inline void assert_no_drops(const struct datapath *dp)
{
	for (unsigned n = 0; n < DROP_PACKETS; n++)
		if (dp->counters.drops[n])
			fail_msg("%s: %u", drop_word((enum drop)n), dp->counters.drops[n]);
}

#endif
