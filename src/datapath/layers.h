/* What a session has negotiated between IP and its encryption: header compression, a compressor,
 * ECP. An ordinary session has none of it, and `datapath.layers` is NULL.
 *
 *   outwards: IP ─▶ VJ ─▶ compressor ─▶ MPPE or ECP ─▶ multilink ─▶ GRE     (inwards the reverse)
 *
 * A command arms one layer in one direction and brings the memory it works in (layers_need says how
 * much); struct layers itself is a part of the session's struct datapath_streams. Memory that is no
 * longer used is wiped and goes back to the owner by way of the engine's `spent`.
 *
 * Where a layer plugs in: its memory in `enum layer`, its size in layers_need, its start in
 * layers_execute, its work in layers_seal and layers_open. */
#ifndef GREYLINE_LAYERS_H
#define GREYLINE_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "command.h"
#include "limits.h"
#include "reason.h"

struct datapath;
struct datapath_engine;

enum layer { LAYER_HEADERS, LAYER_CODEC, LAYER_CIPHER, LAYERS };
enum layer_way { LAYER_TRANSMIT, LAYER_RECEIVE, LAYER_WAYS };

/* The owner's, until it is handed with a command and after it came back. */
struct layer_memory {
	struct layer_memory *next; /* of those that came back */
	size_t size;               /* of `bytes` */
	_Alignas(16) uint8_t bytes[];
};

struct layer_codec {
	const struct codec_ops *ops; /* NULL: none */
	struct codec_params params;
	bool dead;    /* a decompressor that lost the peer's history: waits for a reset */
	bool started; /* ... whose peer has begun, for all we know */
	bool used;    /* ... that has read something */
};

/* Bytes that compressors were given and made, protocol fields included. */
struct layer_traffic {
	uint64_t plain, packed;
};

/* Packets that VJ made smaller, and by how many bytes; or that were whole again. */
struct layer_headers {
	uint64_t packets, saved;
};

struct layers {
	struct layer_memory *memory[LAYERS][LAYER_WAYS];
	struct layer_codec codec[LAYER_WAYS];
	struct layer_traffic traffic[LAYER_WAYS];
	struct layer_headers headers[LAYER_WAYS];
};

/* A packet between two layers. */
struct layered {
	uint16_t protocol;
	uint8_t *bytes; /* the information field */
	size_t length;
};

/* Where the layers write; on the caller's stack. Each turns to the half the packet is not in. */
struct layer_room {
	uint8_t half[2][OUTER_MAX];
};

/* Bytes of memory that a command needs to be executed; 0: none. */
size_t layers_need(const struct datapath_command *command);

/* The commands that arm a layer, or end it. Without its memory a layer stays off: nothing is
 * compressed, and what the peer compresses is dropped. */
void layers_execute(struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command);

/* What is not used any more goes back to the owner, wiped; NULL: nothing. */
void layers_give_back(struct datapath_engine *engine, struct layer_memory *memory);

/* A command that cannot be executed any more: its memory goes back. */
void layers_refuse(struct datapath_engine *engine, const struct datapath_command *command);

/* Ends all of them. */
void layers_forget(struct datapath_engine *engine, struct datapath *dp);

/* What the layers may add to a packet, compared with sending it as it is, bytes. */
size_t layers_inside(const struct layers *layers);

/* Outwards, from IP to what MPPE or the frame takes; `packet->bytes` may change place and what it
 * points to is written over. A packet of at most `mtu` bytes gets no longer than that, but for what
 * layers_inside and MPPE add. */
void layers_seal(
	struct layers *layers, struct layered *packet, struct layer_room *room, size_t mtu);

/* Inwards, from a frame to what IP or the session takes. False, with a reason: it is dropped. */
bool layers_open(
	struct layers *layers, struct layered *frame, struct layer_room *room, enum drop *why);

/* The channel lost frames: what was in them is missing in the history. */
void layers_lost(struct layers *layers);

/* The peer acked our CCP request: its compressor's history may start here, as Linux's does, and
 * what came before is no part of it. */
void layers_start_receive(struct layers *layers);

/* The peer lost our history (Reset-Request); false when nothing of ours has one. */
bool layers_reset_transmit(struct layers *layers);
/* The peer has started its history again (Reset-Ack to our latest request). */
void layers_reset_receive(struct layers *layers);

/* What MPPE uncovers is MPPC's, which shares its header. */
bool layers_share(const struct layers *layers);

/* Whether what comes may have VJ headers. */
static inline bool layers_restore(const struct layers *layers)
{
	return layers->memory[LAYER_HEADERS][LAYER_RECEIVE];
}

/* Whether a Reset-Request is due: a decompressor is dead. */
static inline bool layers_dead(const struct layers *layers)
{
	return layers && layers->codec[LAYER_RECEIVE].dead;
}

/* What leaves is encrypted by a layer (ECP); `layers` may be NULL. */
bool layers_encrypt(const struct layers *layers);
/* A frame of this protocol is one that a layer decrypts. */
bool layers_decrypts(const struct layers *layers, uint16_t protocol);

/* Packets make sense in the order they were sent only. */
bool layers_ordered(const struct layers *layers);

#endif
