/* A packet on its way through the data path. The memory is the caller's. */
#ifndef GREYLINE_PACKET_H
#define GREYLINE_PACKET_H

#include <stddef.h>
#include <stdint.h>

struct datapath;

enum packet_kind {
	PACKET_OUTER,   /* GRE header onwards; leaves by the raw socket towards the tunnel's peer */
	PACKET_INNER,   /* an IP packet for the TUN (or for another session) */
	PACKET_CONTROL, /* protocol field and information of a control frame, for the session */
};

struct packet {
	struct datapath *datapath; /* the session's; never NULL in an output */
	enum packet_kind kind;
	uint8_t *bytes;
	uint32_t length;
	uint32_t capacity; /* of `bytes`, for outputs */
};

/* Where a call puts its results: `max` packets with buffers of OUTER_MAX bytes the caller set up
 * beforehand; `count` grows. */
struct packet_list {
	struct packet *at;
	size_t count, max;
};

#endif
