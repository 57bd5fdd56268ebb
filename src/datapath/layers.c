/* The layers between IP and encryption (layers.h): RFC 1962 §3 and §4, RFC 1144, RFC 2118.
 *
 * A compressor's history is a promise between two ends that one lost packet breaks. What happens
 * then is RFC 1962 §4: the decompressor is dead, and everything for it is dropped by name; it asks
 * for a reset (CCP Reset-Request, resync.c, at a bounded rate); the peer's compressor starts again
 * and says so (Reset-Ack); whatever was compressed before that answer is in front of it, because
 * GRE's numbers keep control frames and data in one order. An answer to an older request is not
 * believed: the history starts at the latest.
 *
 * What a decompressor uncovers is bounded by what an uncompressed frame may hold, must be a network
 * packet, and then goes the way of any other: inner checks, source check, counters.
 *
 * ECP (RFC 1968) hides a whole packet, compressed or not. It has nothing to reset: what a loss
 * costs it gets over by itself (dese.c). Besides network packets it may hide IPCP, IPV6CP and CCP;
 * LCP, authentication and ECP itself are never encrypted (RFC 2419 §6), and not believed when they
 * come so.
 *
 * A packet that gets no smaller goes as it is. Its receiver takes it into the history, where the
 * method has it so. */
#include "layers.h"

#include <assert.h>

#include "bsd.h"
#include "bundle_link.h"
#include "datapath.h"
#include "deflate.h"
#include "dese.h"
#include "digest.h"
#include "frame.h"
#include "mppc.h"
#include "predictor.h"
#include "vj.h"

enum {
	PROTOCOL_ENCRYPTED = 0x0053,
	PROTOCOL_IPCP = 0x8021,
	PROTOCOL_IPV6CP = 0x8057,
	MPPC_INSIDE = 4, /* its header, and the protocol field that it hides */
};

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

const struct codec_ops *codec_find(enum codec_method method)
{
	static const struct codec_ops *const all[CODEC_METHODS] = {
		[CODEC_PREDICTOR1] = &predictor_codec,
		[CODEC_BSD] = &bsd_codec,
		[CODEC_DEFLATE] = &deflate_codec,
		[CODEC_MPPC] = &mppc_codec,
	};

	return method < CODEC_METHODS ? all[method] : NULL;
}

static enum codec_direction direction(enum layer_way way)
{
	return way == LAYER_TRANSMIT ? CODEC_COMPRESS : CODEC_DECOMPRESS;
}

static enum layer_way way_of(bool transmit)
{
	return transmit ? LAYER_TRANSMIT : LAYER_RECEIVE;
}

static size_t headers_need(const struct datapath_command *command)
{
	unsigned slots = command->headers.slots;

	if (!slots)
		return 0;
	return command->headers.transmit ? vj_sender_size(slots) : vj_receiver_size(slots);
}

size_t layers_need(const struct datapath_command *command)
{
	if (command->kind == DATAPATH_ATTACH)
		return command->attach.bundle ? sizeof(struct datapath_bundle) : 0;
	if (command->kind == DATAPATH_CIPHER)
		return command->cipher.key.length ? sizeof(struct dese) : 0;
	if (command->kind == DATAPATH_HEADERS)
		return headers_need(command);
	if (command->kind != DATAPATH_COMPRESS)
		return 0;
	const struct codec_params *params = &command->compress.params;
	const struct codec_ops *ops = codec_find(params->method);

	if (command->compress.again)
		return 0;
	return ops ? ops->size(params, direction(way_of(command->compress.transmit))) : 0;
}

void layers_give_back(struct datapath_engine *engine, struct layer_memory *memory)
{
	if (!memory)
		return;
	secret_wipe(memory->bytes, memory->size);
	memory->next = engine->spent;
	engine->spent = memory;
}

static void replace(struct datapath_engine *engine, struct layers *layers, enum layer layer,
	enum layer_way way, struct layer_memory *memory)
{
	layers_give_back(engine, layers->memory[layer][way]);
	layers->memory[layer][way] = memory;
}

static void arm_codec(struct datapath_engine *engine, struct layers *layers,
	const struct datapath_command *command, struct layer_memory *memory)
{
	enum layer_way way = way_of(command->compress.transmit);
	struct layer_codec *codec = &layers->codec[way];
	const struct codec_params *params = &command->compress.params;

	if (command->compress.again) {
		if (codec->ops)
			codec->ops->init(layers->memory[LAYER_CODEC][way]->bytes, &codec->params,
				direction(way));
		codec->dead = codec->started = codec->used = false;
		return;
	}
	replace(engine, layers, LAYER_CODEC, way, memory);
	*codec = (struct layer_codec){.ops = memory ? codec_find(params->method) : NULL};
	if (!codec->ops)
		return;
	codec->params = *params;
	codec->ops->init(memory->bytes, params, direction(way));
}

static void arm_cipher(struct datapath_engine *engine, struct layers *layers,
	const struct datapath_command *command, struct layer_memory *memory)
{
	replace(engine, layers, LAYER_CIPHER, way_of(command->cipher.transmit), memory);
	if (memory)
		dese_arm((struct dese *)memory->bytes, &command->cipher.key, command->cipher.nonce);
}

static void arm_headers(struct datapath_engine *engine, struct layers *layers,
	const struct datapath_command *command, struct layer_memory *memory)
{
	enum layer_way way = way_of(command->headers.transmit);
	unsigned slots = command->headers.slots;

	replace(engine, layers, LAYER_HEADERS, way, memory);
	if (memory && way == LAYER_TRANSMIT)
		vj_sender_init((void *)memory->bytes, slots, command->headers.omit_slot);
	else if (memory)
		vj_receiver_init((void *)memory->bytes, slots);
}

/* A session whose last layer ended is an ordinary one again. */
static void settle(struct datapath *dp)
{
	const struct layers *layers = dp->layers;

	for (unsigned layer = 0; layer < LAYERS; layer++)
		for (unsigned way = 0; way < LAYER_WAYS; way++)
			if (layers->memory[layer][way])
				return;
	dp->layers = NULL;
}

void layers_execute(
	struct datapath_engine *engine, struct datapath *dp, const struct datapath_command *command)
{
	struct layer_memory *memory = command->memory;
	size_t need = layers_need(command);

	if (memory && (!need || memory->size < need)) {
		layers_give_back(engine, memory);
		memory = NULL;
	}
	if (!dp->layers && !memory)
		return;
	if (!dp->layers) {
		dp->layers = &dp->streams->layers;
		*dp->layers = (struct layers){.memory = {{NULL}}};
	}
	if (command->kind == DATAPATH_COMPRESS)
		arm_codec(engine, dp->layers, command, memory);
	if (command->kind == DATAPATH_CIPHER)
		arm_cipher(engine, dp->layers, command, memory);
	if (command->kind == DATAPATH_HEADERS)
		arm_headers(engine, dp->layers, command, memory);
	settle(dp);
}

void layers_refuse(struct datapath_engine *engine, const struct datapath_command *command)
{
	layers_give_back(engine, command->memory);
}

void layers_forget(struct datapath_engine *engine, struct datapath *dp)
{
	if (!dp->layers)
		return;
	for (unsigned layer = 0; layer < LAYERS; layer++)
		for (unsigned way = 0; way < LAYER_WAYS; way++)
			replace(engine, dp->layers, (enum layer)layer, (enum layer_way)way, NULL);
	dp->layers = NULL;
}

size_t layers_inside(const struct layers *layers)
{
	const struct layer_codec *codec = &layers->codec[LAYER_TRANSMIT];
	size_t inside = layers->memory[LAYER_CIPHER][LAYER_TRANSMIT] ? DESE_GROWTH : 0;

	return inside +
	       (codec->ops && codec->ops->flushes && !codec->params.encrypted ? MPPC_INSIDE : 0);
}

static uint8_t *other_half(struct layer_room *room, const uint8_t *bytes)
{
	return bytes >= room->half[0] && bytes < room->half[1] ? room->half[1] : room->half[0];
}

static void *codec_memory(struct layers *layers, enum layer_way way)
{
	return layers->memory[LAYER_CODEC][way]->bytes;
}

static size_t whole(const struct layered *packet)
{
	return frame_size(packet->protocol, true, true) + packet->length;
}

static void compress(
	struct layers *layers, struct layered *packet, struct layer_room *room, size_t mtu)
{
	const struct layer_codec *codec = &layers->codec[LAYER_TRANSMIT];
	struct layer_traffic *traffic = &layers->traffic[LAYER_TRANSMIT];
	uint8_t *to = other_half(room, packet->bytes);
	size_t plain = whole(packet), capacity = mtu + (codec->ops->flushes ? MPPC_INSIDE : 0);

	assert(capacity <= OUTER_MAX);
	size_t packed = codec->ops->compress(codec_memory(layers, LAYER_TRANSMIT), packet->protocol,
		packet->bytes, packet->length, to, capacity);
	assert(packed <= capacity);
	traffic->plain += plain;
	traffic->packed += packed ? packed : plain;
	if (packed)
		*packet = (struct layered){PROTOCOL_COMPRESSED, to, packed};
}

static void encrypt(struct layers *layers, struct layered *packet, struct layer_room *room)
{
	struct dese *dese = (struct dese *)layers->memory[LAYER_CIPHER][LAYER_TRANSMIT]->bytes;
	uint8_t *to = other_half(room, packet->bytes);
	size_t length = dese_seal(
		dese, packet->protocol, packet->bytes, packet->length, to, sizeof(room->half[0]));

	*packet = (struct layered){PROTOCOL_ENCRYPTED, to, length};
}

static void *headers_memory(struct layers *layers, enum layer_way way)
{
	struct layer_memory *memory = layers->memory[LAYER_HEADERS][way];

	return memory ? memory->bytes : NULL;
}

static void shorten(struct layers *layers, struct layered *packet)
{
	struct vj_sender *vj = headers_memory(layers, LAYER_TRANSMIT);
	struct layer_headers *headers = &layers->headers[LAYER_TRANSMIT];
	size_t before = packet->length;

	if (!vj || packet->protocol != PROTOCOL_IPV4)
		return;
	packet->protocol = vj_compress(vj, &packet->bytes, &packet->length);
	headers->packets += packet->protocol == VJ_COMPRESSED;
	headers->saved += before - packet->length;
}

void layers_seal(struct layers *layers, struct layered *packet, struct layer_room *room, size_t mtu)
{
	shorten(layers, packet);
	if (layers->codec[LAYER_TRANSMIT].ops)
		compress(layers, packet, room, mtu);
	if (layers->memory[LAYER_CIPHER][LAYER_TRANSMIT])
		encrypt(layers, packet, room);
}

/* What was uncovered: a protocol field, and the packet of a network protocol. */
static bool uncovered(struct layered *frame, uint8_t *bytes, size_t length, enum drop *why)
{
	struct reader r = reader_over(bytes, length);

	if (!frame_protocol(&r, &frame->protocol, why) || frame->protocol > PROTOCOL_NETWORK_LAST ||
		frame->protocol == PROTOCOL_COMPRESSED || frame->protocol == PROTOCOL_ENCRYPTED ||
		frame->protocol == PROTOCOL_MULTILINK)
		return refuse(why, DROP_CODEC_DATA);
	frame->length = reader_left(&r);
	frame->bytes = bytes + (length - frame->length);
	return true;
}

static bool decompress(
	struct layers *layers, struct layered *frame, struct layer_room *room, enum drop *why)
{
	struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];
	struct layer_traffic *traffic = &layers->traffic[LAYER_RECEIVE];
	uint8_t *to = other_half(room, frame->bytes);
	size_t packed = frame->length, plain;

	if (!codec->ops)
		return refuse(why, DROP_MPPE_NO_KEY);
	if (codec->dead && !codec->ops->flushes)
		return refuse(why, DROP_CODEC_RESYNC);
	codec->dead = !codec->ops->decompress(codec_memory(layers, LAYER_RECEIVE), frame->bytes,
			      packed, to, PPP_FRAME_MAX, &plain, why) ||
		      !uncovered(frame, to, plain, why);
	if (codec->dead)
		return false;
	codec->started = codec->used = true;
	traffic->plain += plain;
	traffic->packed += packed;
	return true;
}

/* What ECP may hide. */
static bool may_hide(uint16_t protocol)
{
	if (protocol > PROTOCOL_NETWORK_LAST)
		return protocol == PROTOCOL_IPCP || protocol == PROTOCOL_IPV6CP ||
		       protocol == PROTOCOL_CCP;
	return protocol != PROTOCOL_ENCRYPTED && protocol != PROTOCOL_MULTILINK;
}

static bool decrypt(
	struct layers *layers, struct layered *frame, struct layer_room *room, enum drop *why)
{
	struct dese *dese = (struct dese *)layers->memory[LAYER_CIPHER][LAYER_RECEIVE]->bytes;
	uint8_t *to = other_half(room, frame->bytes);
	size_t length;

	if (!dese_open(dese, frame->bytes, frame->length, to, &length, why))
		return false;
	struct reader r = reader_over(to, length);
	if (!frame_protocol(&r, &frame->protocol, why) || !may_hide(frame->protocol))
		return refuse(why, DROP_ECP_DATA);
	frame->length = reader_left(&r);
	frame->bytes = to + (length - frame->length);
	return true;
}

/* Takes compression off, or shows the decompressor what came without. */
static bool uncompress(
	struct layers *layers, struct layered *frame, struct layer_room *room, enum drop *why)
{
	const struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];

	if (layers_decrypts(layers, frame->protocol) && !decrypt(layers, frame, room, why))
		return false;
	if (frame->protocol == PROTOCOL_COMPRESSED)
		return decompress(layers, frame, room, why);
	if (frame->protocol <= PROTOCOL_NETWORK_LAST && codec->ops && !codec->dead) {
		layers->traffic[LAYER_RECEIVE].plain += whole(frame);
		layers->traffic[LAYER_RECEIVE].packed += whole(frame);
		if (codec->ops->incompressible)
			codec->ops->incompressible(codec_memory(layers, LAYER_RECEIVE),
				frame->protocol, frame->bytes, frame->length);
	}
	return true;
}

static bool lengthen(struct layers *layers, struct vj_receiver *vj, struct layered *frame,
	struct layer_room *room, enum drop *why)
{
	struct layer_headers *headers = &layers->headers[LAYER_RECEIVE];
	uint8_t *to = other_half(room, frame->bytes);
	size_t length;

	if (!vj_restore(
		    vj, frame->protocol, frame->bytes, frame->length, to, OUTER_MAX, &length, why))
		return false;
	headers->packets += frame->protocol == VJ_COMPRESSED;
	if (frame->protocol == VJ_COMPRESSED)
		headers->saved += length - frame->length;
	*frame = (struct layered){PROTOCOL_IPV4, to, length};
	return true;
}

bool layers_open(
	struct layers *layers, struct layered *frame, struct layer_room *room, enum drop *why)
{
	struct vj_receiver *vj = headers_memory(layers, LAYER_RECEIVE);

	if (!uncompress(layers, frame, room, why)) {
		if (vj)
			vj_lost(vj);
		return false;
	}
	if (!vj || (frame->protocol != VJ_COMPRESSED && frame->protocol != VJ_UNCOMPRESSED))
		return true;
	return lengthen(layers, vj, frame, room, why);
}

void layers_start_receive(struct layers *layers)
{
	struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];

	if (!codec->ops || codec->used)
		return;
	codec->ops->init(codec_memory(layers, LAYER_RECEIVE), &codec->params, CODEC_DECOMPRESS);
	codec->dead = false;
	codec->started = true;
}

void layers_lost(struct layers *layers)
{
	struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];
	struct vj_receiver *vj = headers_memory(layers, LAYER_RECEIVE);

	if (codec->started && !codec->ops->flushes)
		codec->dead = true;
	if (vj)
		vj_lost(vj);
}

bool layers_reset_transmit(struct layers *layers)
{
	const struct layer_codec *codec = &layers->codec[LAYER_TRANSMIT];

	if (!codec->ops)
		return false;
	codec->ops->reset(codec_memory(layers, LAYER_TRANSMIT));
	return true;
}

void layers_reset_receive(struct layers *layers)
{
	struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];

	if (!codec->ops || codec->ops->flushes)
		return;
	codec->ops->reset(codec_memory(layers, LAYER_RECEIVE));
	codec->dead = false;
}

bool layers_ordered(const struct layers *layers)
{
	const struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];

	return layers_restore(layers) || (codec->ops && !codec->params.stateless) ||
	       layers->memory[LAYER_CIPHER][LAYER_RECEIVE];
}

bool layers_encrypt(const struct layers *layers)
{
	return layers && layers->memory[LAYER_CIPHER][LAYER_TRANSMIT];
}

bool layers_decrypts(const struct layers *layers, uint16_t protocol)
{
	return protocol == PROTOCOL_ENCRYPTED && layers->memory[LAYER_CIPHER][LAYER_RECEIVE];
}

bool layers_share(const struct layers *layers)
{
	const struct layer_codec *codec = &layers->codec[LAYER_RECEIVE];

	return codec->ops && codec->params.encrypted;
}
