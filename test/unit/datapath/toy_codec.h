/* The smallest compressor that can lose its history, for tests of what is around compressors: a
 * packet that ends in many equal bytes is sent without them, behind a number and a sum of all
 * packets so far. */
#ifndef GREYLINE_TEST_TOY_CODEC_H
#define GREYLINE_TEST_TOY_CODEC_H

#include "lab.h"

#include "layers.h"

enum { TOY_HEADER = 7 }; /* number, sum, protocol, count of equal bytes, the byte */

struct toy {
	uint8_t number, sum;
	unsigned resets, seen;
};

static inline size_t toy_size(const struct codec_params *params, enum codec_direction direction)
{
	return sizeof(struct toy);
}

static inline void toy_init(
	void *memory, const struct codec_params *params, enum codec_direction direction)
{
	*(struct toy *)memory = (struct toy){0};
}

static inline void toy_reset(void *memory)
{
	struct toy *toy = memory;
	toy->number = toy->sum = 0;
	toy->resets++;
}

static inline void toy_learn(void *memory, uint16_t protocol, const uint8_t *packet, size_t length)
{
	struct toy *toy = memory;
	toy->number++;
	toy->seen++;
	for (size_t n = 0; n < length; n++)
		toy->sum = (uint8_t)(toy->sum + packet[n]);
}

static inline size_t toy_compress(void *memory, uint16_t protocol, const uint8_t *packet,
	size_t length, uint8_t *to, size_t capacity)
{
	struct toy *toy = memory;
	struct writer w = writer_over(to, capacity);
	size_t equal = 1;
	while (equal < length && packet[length - equal - 1] == packet[length - 1])
		equal++;
	if (equal > TOY_HEADER) {
		write_u8(&w, toy->number);
		write_u8(&w, toy->sum);
		write_u16(&w, protocol);
		write_u16(&w, (uint16_t)equal);
		write_u8(&w, packet[length - 1]);
		write_bytes(&w, packet, length - equal);
	}
	toy_learn(memory, protocol, packet, length);
	return w.failed ? 0 : writer_length(&w);
}

static inline bool toy_decompress(void *memory, const uint8_t *from, size_t length, uint8_t *to,
	size_t capacity, size_t *got, enum drop *why)
{
	struct toy *toy = memory;
	struct reader r = reader_over(from, length);
	struct writer w = writer_over(to, capacity);
	uint8_t number = read_u8(&r), sum = read_u8(&r);
	uint16_t protocol = read_u16(&r), equal = read_u16(&r);
	uint8_t byte = read_u8(&r);
	size_t left = reader_left(&r);
	write_u16(&w, protocol);
	write_bytes(&w, read_bytes(&r, left), left);
	for (unsigned n = 0; n < equal; n++)
		write_u8(&w, byte);
	*got = writer_length(&w);
	*why = number != toy->number ? DROP_CODEC_LOST
	       : w.failed            ? DROP_CODEC_SIZE
				     : DROP_CODEC_DATA;
	if (r.failed || w.failed || number != toy->number || sum != toy->sum)
		return false;
	toy_learn(memory, protocol, to + 2, *got - 2);
	return true;
}

static const struct codec_ops toy_codec = {
	.name = "toy",
	.size = toy_size,
	.init = toy_init,
	.reset = toy_reset,
	.compress = toy_compress,
	.decompress = toy_decompress,
	.incompressible = toy_learn,
};

/* Gives one end the toy, behind the back of codec_find. */
static inline struct toy *lab_toy(
	struct datapath *dp, enum layer_way way, const struct codec_ops *ops)
{
	struct layers *layers = &dp->streams->layers;
	struct layer_memory *memory = calloc(1, sizeof(*memory) + sizeof(struct toy));
	assert_non_null(memory);
	memory->size = sizeof(struct toy);
	if (!dp->layers)
		*layers = (struct layers){.memory = {{NULL}}};
	dp->layers = layers;
	layers->memory[LAYER_CODEC][way] = memory;
	layers->codec[way] = (struct layer_codec){.ops = ops};
	ops->init(memory->bytes, &layers->codec[way].params,
		way == LAYER_TRANSMIT ? CODEC_COMPRESS : CODEC_DECOMPRESS);
	return (struct toy *)(void *)memory->bytes;
}

/* What was given back, freed; returns how many pieces. */
static inline unsigned lab_spent(struct lab *lab)
{
	unsigned count = 0;
	while (lab->engine.spent) {
		struct layer_memory *memory = lab->engine.spent;
		for (size_t n = 0; n < memory->size; n++)
			assert_int_equal(memory->bytes[n], 0);
		lab->engine.spent = memory->next;
		free(memory);
		count++;
	}
	return count;
}

/* Seals a packet whose last `equal` bytes are the same; its PPP frame begins behind 16 bytes or
 * 12, as the flight says. */
static inline void lab_seal_equal(struct lab *lab, struct datapath *from, uint32_t number,
	size_t length, size_t equal, struct flight *flight)
{
	uint8_t bytes[OUTER_MAX];
	struct packet in = {.datapath = from, .kind = PACKET_INNER, .bytes = bytes};
	in.length = (uint32_t)lab_ipv4(bytes, length, from == &lab->client, number);
	memset(bytes + length - equal, 0x5a, equal);
	lab_clear(lab);
	assert_int_equal(datapath_seal(&lab->engine, &in, 1, lab->now, &lab->out), 1);
	assert_int_equal(lab->out.count, 1);
	assert_int_equal(lab->out.at[0].kind, PACKET_OUTER);
	flight->length = lab->out.at[0].length;
	memcpy(flight->bytes, lab->out.at[0].bytes, flight->length);
	lab_clear(lab);
}

/* Takes output `index` for what is sent on. */
static inline void lab_take(struct lab *lab, size_t index, struct flight *flight)
{
	assert_true(index < lab->out.count);
	flight->length = lab->out.at[index].length;
	memcpy(flight->bytes, lab->out.at[index].bytes, flight->length);
}

#endif
