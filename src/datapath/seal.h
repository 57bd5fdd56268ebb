/* What the rest of the room needs of the sealing side: control frames and acknowledgements. */
#ifndef GREYLINE_SEAL_H
#define GREYLINE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath.h"

/* The next output, empty, with its buffer; NULL when the list is full. */
static inline struct packet *packet_list_next(struct packet_list *out, struct datapath *dp)
{
	if (out->count == out->max)
		return NULL;
	struct packet *packet = &out->at[out->count];
	if (out->touched <= out->count)
		out->touched = out->count + 1;
	packet_room(packet, packet->bytes - packet->lead, packet->capacity + packet->lead);
	packet->datapath = dp;
	packet->length = 0;
	packet->tos = 0;
	packet->control = false;
	packet->offload = (struct offload){.kind = OFFLOAD_NONE};
	return packet;
}

static inline size_t packet_list_room(const struct packet_list *out)
{
	return out->max - out->count;
}

/* Starts an outer packet: the GRE header in front of `payload` bytes. NULL when the list is full,
 * the payload too long for it, or the peer's call ID not known yet. */
struct packet *seal_start(
	struct datapath *dp, size_t payload, struct packet_list *out, struct writer *w);
void seal_finish(struct packet *packet, const struct writer *w, struct packet_list *out);

/* Sends a control frame (protocol field and information), uncompressed and in clear. False when
 * the list is full, the frame too long for it, or the peer's call ID not known yet. */
bool seal_control(
	struct datapath *dp, const uint8_t *frame, size_t length, struct packet_list *out);

/* Sends a CCP packet that is a header alone: Reset-Request or Reset-Ack. */
bool seal_ccp(struct datapath *dp, uint8_t code, uint8_t id, struct packet_list *out);

/* Sends what is due: packets that waited for room in the peer's window, and a stand-alone
 * acknowledgement where none rode on them. */
void seal_due(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out);

/* The same packets at once, whatever the window: before the key that they were sealed with goes. */
void seal_all_waiting(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out);

/* Sends what opens the way back through a NAT, when it is due. */
void seal_due_nat(struct datapath *dp, uint64_t now, struct packet_list *out);

#endif
