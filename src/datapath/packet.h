/* A packet on its way through the data path. The memory is the caller's. */
#ifndef GREYLINE_PACKET_H
#define GREYLINE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct datapath;

enum packet_kind {
	PACKET_OUTER,   /* GRE header onwards; leaves by the raw socket towards the tunnel's peer */
	PACKET_INNER,   /* an IP packet for the TUN (or for another session) */
	PACKET_CONTROL, /* protocol field and information of a control frame, for the session */
	PACKET_FRAME,   /* a whole PPP frame for a line, or from one: the session's own, or that
			 * behind a   relayed session; of length 0, received: one was lost here */
};

/* What a TUN with offloads leaves undone, in the words of virtio's header: a checksum that is not
 * taken, a super-packet that is not cut. All zero: a packet as the wire sees it. */
enum offload_kind { OFFLOAD_NONE, OFFLOAD_TCP4, OFFLOAD_TCP6, OFFLOAD_UDP };

struct offload {
	uint8_t kind;             /* enum offload_kind: not NONE means a super-packet */
	bool checksum_missing;    /* to be summed from `checksum_start` on, then stored */
	uint16_t checksum_start;  /* bytes from the start of the packet */
	uint16_t checksum_offset; /* of the checksum field, from `checksum_start` */
	uint16_t segment;         /* bytes of payload in each packet but the last */
	uint16_t done;            /* packets cut off so far: datapath_seal goes on there */
};

struct packet {
	struct datapath *datapath; /* the session's; never NULL in an output */
	enum packet_kind kind;
	uint8_t *bytes;
	uint32_t length;
	uint32_t capacity; /* of `bytes`, for outputs */
	uint8_t lead;      /* bytes of an output's buffer in front of `bytes` */
	uint8_t tos;       /* OUTER: DSCP and ECN of the outer header, received or to be sent */
	bool early;        /* OUTER, received: read ahead of data that came before it */
	bool control;      /* OUTER, to be sent: a control frame, ahead of data that waits */
	struct offload offload; /* INNER, from a TUN */
};

/* Where a call puts its results: `max` packets with buffers of OUTER_MAX bytes (or a little less:
 * `capacity` says) the caller set up beforehand; `count` grows. Outputs have `tos` and `offload`
 * set. Packets of a list may change buffers with each other. */
struct packet_list {
	struct packet *at;
	size_t count, max;
	size_t touched; /* packets used since the caller set this to 0 */
};

/* Gives an output its buffer. */
static inline void packet_room(struct packet *packet, uint8_t *buffer, uint32_t capacity)
{
	packet->bytes = buffer;
	packet->capacity = capacity;
	packet->lead = 0;
}

#endif
