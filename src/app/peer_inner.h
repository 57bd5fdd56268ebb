/* What bundles.c and seat_steps.c have to do with peer.c. */
#ifndef GREYLINE_PEER_INNER_H
#define GREYLINE_PEER_INNER_H

#include "peer.h"

/* A place in the host's table, or NULL; and the end of it, from the loop only. */
struct peer *peer_new(struct host *host);
void peer_free(struct peer *peer);
/* A seat without a call, or NULL. */
struct seat *peer_seat_fresh(struct peer *peer);
/* Carries out what the host's outbox holds. */
void peer_pump(struct peer *peer);

/* seat_steps.c: what the data plane brings, or found out. The session is not over. */
void seat_frame(struct seat *seat, uint32_t epoch, const uint8_t *frame, size_t length);
void seat_keys_differ(struct seat *seat);

#endif
