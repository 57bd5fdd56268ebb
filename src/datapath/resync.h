/* CCP resets (RFC 1962 §3.1): how a receiver that lost the history gets it started again. */
#ifndef GREYLINE_RESYNC_H
#define GREYLINE_RESYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath.h"

/* What we receive cannot be opened until the peer starts afresh: asks for it, unless the last
 * request is younger than DATAPATH_RESYNC_WAIT. At most one output. */
void resync_ask(struct datapath *dp, uint64_t now, struct packet_list *out);

/* What came since makes sense again: the next loss is a new one. */
static inline void resync_over(struct datapath *dp)
{
	dp->resync_tries = 0;
}

/* A CCP packet (its information field) in the order of the data it speaks about. True when it was
 * a reset of a direction that is encrypted or compressed, and is done with; otherwise it is CCP's.
 * At most one output, the Reset-Ack. */
bool resync_take(struct datapath *dp, struct reader information, struct packet_list *out);

/* When a request that was not heard is due again, in microseconds of the owner's clock; NEVER when
 * none is. */
uint64_t resync_deadline(const struct datapath *dp);

/* Repeats it when it is. */
void resync_tick(struct datapath *dp, uint64_t now, struct packet_list *out);

#endif
