/* What a session does on its link besides passing packets on: as a router and DHCPv6 server, or as
 * the host that looks for them. */
#ifndef GREYLINE_SERVICES_H
#define GREYLINE_SERVICES_H

#include "session.h"

/* The bits of DATAPATH_ATTACH's `services`. */
uint8_t services_wanted(const struct session *session);
void services_init(struct session *session);
/* What is up has changed. */
void services_network(struct session *session, uint64_t now);
/* One frame from the link; false when it is no packet of these services. */
bool services_frame(struct session *session, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out);
void services_tick(struct session *session, uint64_t now, struct outbox *out);
uint64_t services_deadline(const struct session *session);
/* The session is to end, while its link still stands. */
void services_end(struct session *session, struct outbox *out);

/* The prefix that the peer has of us, or we have of the peer, beside the link's own; length 0. */
struct prefix services_delegated(const struct session *session);

/* For the files of the services. */
void services_send(
	struct session *session, const uint8_t *packet, size_t length, struct outbox *out);
/* A router said that DHCPv6 knows more. */
void services_inform(struct session *session, uint64_t now);

#endif
