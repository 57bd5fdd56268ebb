/* When a connection has ended: whether it is dialled again, and when. */
#ifndef GREYLINE_REDIAL_H
#define GREYLINE_REDIAL_H

#include <stdint.h>

#include "client.h"

/* How long to wait before the next try, in milliseconds: `holdoff` seconds, twice as long with each
 * failure in a row behind the first, and up to half as much again by `dice` (any number), so that
 * those whom one server lost do not all come back at once. */
uint64_t redial_wait(uint32_t holdoff, uint32_t failures, uint32_t dice);

void redial_init(struct client *client);
/* To be told whenever a control connection or the session is gone: with all of them gone the
 * connection has ended whole. */
void redial_ended(struct client *client);
/* Ends what there is with this reason and dials again, without a wait. */
void redial_now(struct client *client, enum close_reason reason);

#endif
