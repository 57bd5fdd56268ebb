/* A session as an IPv6 router, or as the host that looks for one. */
#ifndef GREYLINE_ROUTER_H
#define GREYLINE_ROUTER_H

#include "session.h"

/* What is up has changed. */
void router_network(struct session *session, uint64_t now);
/* One IPv6 packet that the data path handed up. */
void router_packet(struct session *session, const uint8_t *packet, size_t length, uint64_t now,
	struct outbox *out);
void router_tick(struct session *session, uint64_t now, struct outbox *out);

#endif
