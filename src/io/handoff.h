/* Packets on their way from the worker that read them to the worker that owns their session.
 *
 * Needed where the kernel does not know the owner: a TUN queue that is not steered, an AF_XDP queue
 * that is the network card's choice, a packet from one client to another. There is a ring for each
 * pair of workers, so nothing is locked, and the packets of one reader stay in order. A packet is
 * copied once, into the ring; its owner seals or opens it there. */
#ifndef GREYLINE_HANDOFF_H
#define GREYLINE_HANDOFF_H

#include <stdatomic.h>
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

/* The inbox of one worker. */
struct handoff {
	unsigned workers;
	struct ring from[WORKERS_MAX];         /* by the number of the worker that writes */
	_Alignas(64) _Atomic uint32_t waiting; /* bit n: worker n has written */
	_Atomic bool asleep;
};

/* For worker `number` of `workers`. 0 or -ENOMEM. */
int handoff_init(struct handoff *inbox, unsigned number, unsigned workers);
void handoff_free(struct handoff *inbox);

/* Worker `from`: false when the ring is full. The owner need not see it before it is announced. */
bool handoff_put(struct handoff *inbox, unsigned from, const struct handed *head, const void *bytes,
	uint32_t length);
/* Worker `from`, after its puts. True: the owner sleeps, and it is on the caller to wake it. */
bool handoff_announce(struct handoff *inbox, unsigned from);

/* Owner: who has announced something since the last call. */
uint32_t handoff_waiting(struct handoff *inbox);
/* Owner: whether there is any. */
bool handoff_any(struct handoff *inbox);
/* Owner, before it sleeps: false when it must not, because something is waiting. */
bool handoff_sleep(struct handoff *inbox);
void handoff_wake(struct handoff *inbox);

#endif
