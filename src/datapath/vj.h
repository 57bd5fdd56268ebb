/* Van Jacobson's compression of TCP/IPv4 headers (RFC 1144): 40 bytes become three to sixteen.
 *
 * Each direction is a memory of its own, given by the owner: the headers last sent, or received, of
 * as many connections as there are slots. Nothing here allocates, and an ordinary session has
 * neither. */
#ifndef GREYLINE_VJ_H
#define GREYLINE_VJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

enum {
	VJ_SLOTS_MIN = 1,
	VJ_SLOTS_MAX = 256,     /* RFC 1332 §4: slots are numbered from 0 to Max-Slot-Id */
	VJ_HEADER_MAX = 120,    /* the longest IPv4 and TCP headers, with options */
	VJ_COMPRESSED_MAX = 19, /* the longest compressed header: less than it replaces */
};

/* What a packet is sent as: PPP's protocol numbers (RFC 1332 §4). */
enum {
	VJ_PLAIN = 0x0021,
	VJ_COMPRESSED = 0x002d,
	VJ_UNCOMPRESSED = 0x002f, /* whole, with the slot's number where the IP protocol was */
};

struct vj_slot {
	uint8_t length; /* of the header; 0: none is known */
	uint8_t header[VJ_HEADER_MAX];
};

struct vj_sender {
	uint16_t slots;
	bool omit_slot;              /* where it is that of the packet before */
	bool told;                   /* there was one */
	uint8_t last;                /* its slot */
	uint8_t order[VJ_SLOTS_MAX]; /* slots by their latest use, the latest first */
	struct vj_slot at[];
};

struct vj_receiver {
	uint16_t slots;
	bool tossing; /* the packet before may be missing: without a slot's number, none is meant */
	uint8_t last;
	struct vj_slot at[];
};

/* Bytes of memory for that many slots, VJ_SLOTS_MIN to VJ_SLOTS_MAX. */
size_t vj_sender_size(unsigned slots);
size_t vj_receiver_size(unsigned slots);

/* `omit_slot`: the peer takes packets without a slot's number. */
void vj_sender_init(struct vj_sender *vj, unsigned slots, bool omit_slot);
void vj_receiver_init(struct vj_receiver *vj, unsigned slots);

/* Makes the IP packet of `*length` bytes at `*packet`, its checksums complete, into what is to be
 * sent, in the same place: the protocol number is the answer, and a compressed one begins later. A
 * packet that this is not for stays as it is. */
uint16_t vj_compress(struct vj_sender *vj, uint8_t **packet, size_t *length);

/* Frames of this link were lost, or came and could not be read. */
void vj_lost(struct vj_receiver *vj);

/* Writes the IP packet of a VJ_COMPRESSED or VJ_UNCOMPRESSED one to `to` (which does not overlap
 * `from`) and its length to `*restored`: at most VJ_HEADER_MAX bytes more than arrived. False:
 * `why` says VJ_HEADER, VJ_SLOT, VJ_CHECKSUM, or INNER_SIZE where `capacity` is too small. */
bool vj_restore(struct vj_receiver *vj, uint16_t protocol, const uint8_t *from, size_t length,
	uint8_t *to, size_t capacity, size_t *restored, enum drop *why);

#endif
