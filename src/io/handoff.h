/* Packets on their way from the worker that read them to the worker that owns their session.
 *
 * Needed where the kernel does not know the owner: a TUN queue that is not steered, an AF_XDP queue
 * that is the network card's choice, a packet from one client to another. There is a ring for each
 * pair of workers, so nothing is locked, and the packets of one reader stay in order. A packet is
 * copied once, into the ring; its owner seals or opens it there. */
#ifndef GREYLINE_HANDOFF_H
#define GREYLINE_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "limits.h"
#include "packet.h"
#include "ring.h"

enum {
	HANDOFF_RING = 1 << 20, /* bytes, each pair; resident as far as a burst has filled it */
};

/* One record; the packet's bytes follow. */
struct handed {
	enum packet_kind kind;              /* PACKET_OUTER or PACKET_INNER */
	bool control;                       /* OUTER: see struct gre_datagram */
	uint8_t tos;                        /* OUTER */
	uint32_t subject;                   /* INNER: the session it is for */
	struct offload offload;             /* INNER */
	struct address source, destination; /* OUTER */
};

/* The inbox of one worker. Whoever puts something in rings its doorbell afterwards. */
struct handoff {
	unsigned workers;
	struct ring from[WORKERS_MAX]; /* by the number of the worker that writes */
};

/* For worker `number` of `workers`. 0 or -ENOMEM. */
int handoff_init(struct handoff *inbox, unsigned number, unsigned workers);
void handoff_free(struct handoff *inbox);

/* Worker `from`: false when the ring is full. The owner reads with ring_walk(). */
bool handoff_put(struct handoff *inbox, unsigned from, const struct handed *head, const void *bytes,
	uint32_t length);

#endif
