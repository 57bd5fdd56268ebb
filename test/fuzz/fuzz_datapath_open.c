/* A whole receiver, and its peer: a script of packets, commands and time.
 *
 * Each step is a byte and its arguments; its tens say how packets come: with what ECN, and whether
 * ahead of data. Packets come raw from the script, or as PPP frames in good
 * GRE, or sealed by a true peer whose packets are then kept back, lost, doubled or damaged. Keys of
 * every kind come and go, and so do layers and a bundle whose link the receiver is. Held against it
 * all: outputs are sound, within their lists and buffers, deadlines pass, and at the end nothing is
 * left in the pool and nothing secret in the session. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "datapath.h"
#include "inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { OUT = 128, SLOTS = 80, KEPT = 24, STEPS = 300, SKIPS = 700 };

struct kept {
	uint32_t length;
	uint8_t bytes[OUTER_MAX];
};

struct bench {
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot slots[SLOTS];
	struct prefix_table prefixes;
	struct prefix_node nodes[8];
	_Atomic uint32_t buckets[8];
	struct datapath here, there, own; /* own: the bundle that `here` may be a link of */
	struct datapath_streams streams[3];
	struct key_pool keys;
	struct packet at[OUT];
	uint8_t buffers[OUT][OUTER_MAX];
	struct packet_list out;
	struct kept kept[KEPT];
	size_t kept_count;
	uint64_t now;
	uint32_t number;
	unsigned skipped;
	uint8_t how; /* packets come: ECN, and whether ahead of data (4); steps of another kind (8)
		      */
};

static struct bench bench;

static void command(struct bench *b, struct datapath *dp, struct datapath_command *c)
{
	size_t need = layers_need(c);
	if (need) {
		c->memory = calloc(1, sizeof(*c->memory) + need);
		assert(c->memory);
		c->memory->size = need;
	}
	c->epoch = b->number++;
	b->out.count = 0;
	datapath_execute(&b->engine, dp, c, NULL, b->now, &b->out);
	while (b->engine.spent) {
		struct layer_memory *memory = b->engine.spent;
		b->engine.spent = memory->next;
		free(memory);
	}
}

static void attach(struct bench *b, struct datapath *dp, uint8_t options)
{
	struct datapath_command c = {.kind = DATAPATH_ATTACH, .subject = dp == &b->here ? 1 : 2};
	c.attach.line = b->how & 4;
	c.attach.local_call_id = dp == &b->here ? 0x0101 : 0x0202;
	c.attach.require_encryption = options & 1;
	c.attach.check_source = options & 2;
	c.attach.client_to_client = options & 4;
	c.attach.relay = (options & 7) == 7;
	command(b, dp, &c);
	c = (struct datapath_command){.kind = DATAPATH_CONNECT};
	c.connect.peer_call_id = dp == &b->here ? 0x0202 : 0x0101;
	c.connect.window = options & 16 ? 3 : 0;
	if (!(options & 8))
		command(b, dp, &c);
}

static void network(struct bench *b, struct datapath *dp, bool up)
{
	struct datapath_command c = {.kind = DATAPATH_NETWORK};
	c.network.ipv4 = c.network.ipv6 = up;
	c.network.local4 = address_ipv4(dp == &b->here ? 0x0a000001 : 0x0a000002);
	c.network.remote4 = address_ipv4(dp == &b->here ? 0x0a000002 : 0x0a000001);
	command(b, dp, &c);
}

static void framing(struct bench *b, struct datapath *dp, uint8_t options)
{
	struct datapath_command c = {.kind = DATAPATH_FRAMING};
	c.framing.send_mru = options & 4 ? 1500 : 200;
	c.framing.mtu = options & 8 ? 1400 : 296;
	c.framing.compress_address = options & 1;
	c.framing.compress_protocol = options & 2;
	command(b, dp, &c);
}

/* Bits 0-1 strength, 2 stateless, 3 here receives, 4 there transmits, 5-7 which keys. */
static void keys(struct bench *b, uint8_t options)
{
	static const enum mppe_strength strengths[] = {MPPE_NONE, MPPE_40, MPPE_56, MPPE_128};
	struct datapath_command c = {.kind = DATAPATH_RECEIVE_KEY};
	c.key.strength = strengths[options & 3];
	c.key.stateless = options & 4;
	memset(&c.key.keys, 1 + (options >> 5), sizeof(c.key.keys));
	c.key.keys.valid = true;
	struct datapath_command transmit = c;
	transmit.kind = DATAPATH_TRANSMIT_KEY;
	if (options & 8)
		command(b, &b->here, &c);
	if (options & 16)
		command(b, &b->there, &transmit);
	if (!(options & 24)) { /* the way back */
		command(b, &b->here, &transmit);
		command(b, &b->there, &c);
	}
}

/* `here` is a link of a bundle, or will be: 1 numbers of 12 bits, 2 it does not join yet. */
static void bundle(struct bench *b, uint8_t options)
{
	struct datapath_command c = {.kind = DATAPATH_ATTACH, .subject = 3};
	c.attach.bundle = true;
	c.attach.local_call_id = 0x0101;
	c.attach.mrru = 1500;
	c.attach.send_short = c.attach.receive_short = options & 1;
	if (!b->own.attached)
		command(b, &b->own, &c);
	network(b, &b->own, true);
	c = (struct datapath_command){.kind = DATAPATH_FRAMING};
	c.framing.send_mru = 1500;
	c.framing.mtu = 1400;
	c.framing.multilink = true;
	command(b, &b->here, &c);
	c = (struct datapath_command){.kind = DATAPATH_BUNDLE};
	c.bundle.datapath = &b->own;
	if (!(options & 2))
		command(b, &b->here, &c);
}

/* A layer from there to here. Bits 0-1 which, 2 here alone, 3 there alone, 4 it ends. */
static void layer(struct bench *b, uint8_t options, uint8_t how)
{
	struct datapath_command c = {.kind = DATAPATH_COMPRESS}, transmit;
	bool on = !(options & 16);
	switch (options & 3) {
	case 0:
		c.compress.params.method = on ? how % CODEC_METHODS : CODEC_NONE;
		c.compress.params.bits = 9 + (how >> 5) % 7;
		c.compress.params.stateless = options & 32;
		c.compress.params.encrypted = options & 64;
		break;
	case 1:
		c.kind = DATAPATH_CIPHER;
		c.cipher.key.length = !on ? 0 : how & 1 ? ECP_KEY_DES : ECP_KEY_DES3;
		memset(c.cipher.key.bytes, how, c.cipher.key.length);
		break;
	case 2:
		c.kind = DATAPATH_HEADERS;
		c.headers.slots = on ? 3 + how % 14 : 0;
		c.headers.omit_slot = options & 32;
		break;
	case 3:
		bundle(b, how);
		return;
	}
	transmit = c;
	if (c.kind == DATAPATH_COMPRESS)
		transmit.compress.transmit = true;
	else if (c.kind == DATAPATH_CIPHER)
		transmit.cipher.transmit = true;
	else
		transmit.headers.transmit = true;
	if (!(options & 8))
		command(b, &b->here, &c);
	if (!(options & 4))
		command(b, &b->there, &transmit);
}

static void check_outputs(struct bench *b)
{
	assert(b->out.count <= b->out.max);
	for (size_t n = 0; n < b->out.count; n++) {
		const struct packet *packet = &b->at[n];
		struct reader r = reader_over(packet->bytes, packet->length), rest;
		struct gre_header header;
		struct inner inner;
		enum drop why;
		assert(packet->datapath == &b->here || packet->datapath == &b->there ||
			packet->datapath == &b->own);
		assert(packet->length && packet->length <= OUTER_MAX);
		switch (packet->kind) {
		case PACKET_OUTER:
			assert(gre_parse(&header, &r, &rest, &why));
			assert(reader_left(&r) == 0);
			break;
		case PACKET_INNER:
			assert(inner_parse(&inner, packet->bytes, packet->length));
			assert(inner.length == packet->length);
			assert(inner_checksum_holds(&inner, packet->bytes));
			break;
		case PACKET_CONTROL:
			assert(packet->length >= 2 && packet->length <= PPP_FRAME_MAX);
			assert(packet->bytes[1] & 1);
			break;
		case PACKET_FRAME:
			assert(packet->datapath->relay || packet->datapath->line);
			break;
		}
	}
}

static void receive(struct bench *b, struct datapath *dp, const uint8_t *outer, size_t length)
{
	uint8_t copy[OUTER_MAX];
	struct packet in = {.datapath = dp, .bytes = copy, .length = (uint32_t)length};

	in.tos = b->how & 3;
	in.early = b->how & 4;
	memcpy(copy, outer, length);
	b->out.count = 0;
	assert(datapath_open(&b->engine, &in, 1, b->now, &b->out) == 1);
	assert(!memcmp(copy, outer, length));
	check_outputs(b);
}

/* A script's PPP frame in good GRE, so many numbers ahead or behind, or on a line as it is. */
static void receive_frame(struct bench *b, int8_t ahead, struct reader frame)
{
	uint8_t outer[OUTER_MAX];
	struct writer w = writer_over(outer, sizeof(outer));
	struct gre_header header = {.call_id = 0x0101, .has_sequence = true};

	if (b->here.line) {
		receive(b, &b->here, frame.at, reader_left(&frame));
		return;
	}
	header.payload_length = (uint16_t)reader_left(&frame);
	header.sequence = b->here.gre.order.next + (uint32_t)ahead;
	gre_build(&w, &header);
	write_bytes(&w, frame.at, reader_left(&frame));
	receive(b, &b->here, outer, writer_length(&w));
}

static void keep(struct bench *b)
{
	for (size_t n = 0; n < b->out.count; n++) {
		if (b->at[n].kind != PACKET_OUTER && b->at[n].kind != PACKET_FRAME)
			continue;
		struct kept *kept = &b->kept[b->kept_count++ % KEPT];
		kept->length = b->at[n].length;
		memcpy(kept->bytes, b->at[n].bytes, kept->length);
	}
}

/* The peer hears that all but so many of its packets have arrived, and sends what waited for it. */
static void acknowledge(struct bench *b, uint8_t but)
{
	uint8_t outer[GRE_HEADER_MAX];
	struct writer w = writer_over(outer, sizeof(outer));
	struct gre_header header = {.call_id = 0x0202, .has_ack = true};

	header.ack = b->there.gre.send_next - 1 - but;
	gre_build(&w, &header);
	receive(b, &b->there, outer, writer_length(&w));
	keep(b);
}

/* A true packet of the peer, put on the pile. */
static void seal(struct bench *b, uint8_t size, bool large)
{
	uint8_t ip[OUTER_MAX] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1};
	size_t length = 20 + size + (large ? 1400u : 0);
	struct packet in = {.datapath = &b->there, .bytes = ip, .length = (uint32_t)length};

	put_u16(ip + 2, (uint16_t)length);
	ip[6] = size & 1 ? 0x40 : 0;
	put_u16(ip + 10, (uint16_t)~checksum_of(0, ip, 20));
	b->out.count = 0;
	assert(datapath_seal(&b->engine, &in, 1, b->now, &b->out) == 1);
	check_outputs(b);
	keep(b);
}

/* Packets nobody gets: enough for a far count, few enough for a fuzzer. */
static void skip(struct bench *b, uint8_t count)
{
	for (unsigned n = 0; n < count * 8u && b->skipped < SKIPS; n++, b->skipped++)
		seal(b, 4, false);
}

/* From the pile: the newest, or one from further back; damaged where the script says so. */
static void receive_kept(struct bench *b, uint8_t back, uint8_t damage, uint8_t at)
{
	if (back >= KEPT || back >= b->kept_count)
		return;
	struct kept kept = b->kept[(b->kept_count - 1 - back) % KEPT];
	kept.bytes[at % kept.length] ^= damage;
	receive(b, &b->here, kept.bytes, kept.length);
}

static void tick(struct bench *b, struct datapath *dp, uint64_t wait)
{
	b->now += wait;
	b->out.count = 0;
	datapath_tick(&b->engine, dp, b->now, &b->out);
	assert(datapath_deadline(dp) > b->now);
	check_outputs(b);
}

static void command_step(struct bench *b, uint8_t what)
{
	struct datapath_command c = {.kind = DATAPATH_EPOCH};
	struct datapath *dp = what & 0x80 ? &b->there : &b->here;

	switch (what & 7) {
	case 0:
		command(b, dp, &c);
		break;
	case 1:
		c.kind = DATAPATH_DETACH;
		command(b, dp, &c);
		break;
	case 2:
		attach(b, dp, what >> 3);
		break;
	case 3:
	case 4:
		network(b, dp, what & 4);
		break;
	default:
		framing(b, dp, what >> 3);
		break;
	}
}

static void step(struct bench *b, struct reader *r)
{
	uint8_t what = read_u8(r);
	uint8_t one = read_u8(r), two = read_u8(r);
	struct reader bytes;

	b->how = what / 10;
	switch (what % 10) {
	case 0:
		bytes = read_slice(r, one);
		if (!bytes.failed && one)
			receive(b, &b->here, bytes.at, one);
		break;
	case 1:
		bytes = read_slice(r, one);
		if (!bytes.failed)
			receive_frame(b, (int8_t)two, bytes);
		break;
	case 2:
		seal(b, one, two & 1);
		receive_kept(b, 0, 0, 0);
		break;
	case 3:
		seal(b, one, two & 1);
		break;
	case 4:
		receive_kept(b, one, 0, 0);
		break;
	case 5:
		receive_kept(b, 0, one, two);
		break;
	case 6:
		keys(b, one);
		break;
	case 7:
		if (b->how & 8)
			layer(b, one, two);
		else
			command_step(b, one);
		break;
	case 8:
		tick(b, two & 1 ? &b->there : &b->here, (uint64_t)one << (two >> 4));
		if (b->own.attached)
			tick(b, &b->own, 0);
		break;
	case 9:
		if (two & 0x80)
			acknowledge(b, one);
		else
			skip(b, one % 64);
		break;
	}
}

static void set_up(struct bench *b)
{
	static const struct mppe_engine *engine; /* asking the processor takes its time */
	struct prefix other = {.address = address_ipv4(0x0a000003), .length = 32};

	memset(b, 0, offsetof(struct bench, slots));
	memset(&b->here, 0, sizeof(b->here));
	memset(&b->there, 0, sizeof(b->there));
	memset(&b->own, 0, sizeof(b->own));
	b->own.streams = &b->streams[2];
	memset(&b->keys, 0, sizeof(b->keys));
	b->kept_count = 0;
	b->number = 0;
	b->skipped = 0;
	b->now = SECONDS(1);
	hold_pool_init(&b->pool, b->slots, SLOTS);
	prefix_table_init(&b->prefixes, b->nodes, 8, b->buckets, 8, 1);
	assert(prefix_table_insert(&b->prefixes, &other, 3));
	if (!engine)
		engine = mppe_engine_best();
	b->engine.mppe = engine;
	b->engine.keys = &b->keys;
	b->engine.pool = &b->pool;
	b->engine.prefixes = &b->prefixes;
	for (size_t n = 0; n < OUT; n++)
		b->at[n] = (struct packet){.bytes = b->buffers[n], .capacity = OUTER_MAX};
	b->out = (struct packet_list){.at = b->at, .max = OUT};
	struct datapath *ends[] = {&b->here, &b->there};
	for (unsigned n = 0; n < 2; n++) {
		ends[n]->streams = &b->streams[n];
		attach(b, ends[n], 0);
		framing(b, ends[n], 12);
		network(b, ends[n], true);
	}
}

static void check_detached(struct bench *b, struct datapath *dp)
{
	static const struct mppe none;
	struct datapath_command c = {.kind = DATAPATH_DETACH};

	command(b, dp, &c);
	assert(datapath_deadline(dp) == NEVER);
	assert(!dp->attached ||
		(!memcmp(&dp->transmit, &none, sizeof(none)) &&
			!memcmp(&dp->receive, &none, sizeof(none)) && !dp->previous));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bench *b = &bench;
	struct reader r = reader_over(bytes, length);

	set_up(b);
	for (unsigned n = 0; n < STEPS && reader_left(&r) && !r.failed; n++) {
		step(b, &r);
		datapath_idle(&b->engine);
	}
	check_detached(b, &b->here);
	check_detached(b, &b->there);
	check_detached(b, &b->own);
	static const struct key_ring no_keys[KEY_RINGS];
	assert(!memcmp(b->keys.rings, no_keys, sizeof(no_keys)));
	assert(b->pool.used == 0);
	return 0;
}
