/* The client's unit between two sessions: what becomes of the packets that programs send to it.
 *
 *   no connection ──active packet──▶ dialling ──▶ session up: the queue goes out, then the unit is
 *        ▲ (--demand)                    │        the data plane's
 *        └─────── --holdoff ◀────────────┴──────── session over
 *
 * Without a connection a packet that the active filter takes dials, and waits; the others are
 * dropped. While one is dialled packets wait in a bounded queue. Until --holdoff is over, and
 * without --demand until the next dial, they are dropped. All drops are counted by reason. */
#ifndef GREYLINE_DEMAND_H
#define GREYLINE_DEMAND_H

#include "client.h"

struct demand; /* while the unit is watched */

/* Waits for a packet that dials; makes the unit first where there is none. Fails into
 * redial_ended(). */
void demand_wait(struct client *client);
/* The unit has no session: packets are dropped. */
void demand_refuse(struct client *client);
/* A connection is being made: packets wait. Nothing where there is no unit. */
void demand_collect(struct client *client);
/* The session is up. Packets wait, and the peer may still have to open its data path, which loses
 * what comes before that: so it is asked, once, whether it is there, and the rest comes when it has
 * answered. False: at once. */
bool demand_asks(struct client *client, struct seat *seat);
bool demand_asked(const struct client *client);
/* The unit is about to be the data plane's: what is still in it is taken to what waits, and it is
 * watched no more, */
void demand_gather(struct client *client);
/* and that is sent, in order, when it is, and has the session's addresses. */
void demand_send(struct client *client, const struct seat *seat);
/* Nothing is watched any more, nothing waits. */
void demand_end(struct client *client);

#endif
