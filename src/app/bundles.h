/* Bundles (RFC 1990): which links belong together, and the session that is all of theirs.
 *
 * A bundle has a seat like any session and a peer like any tunnel, but no TCP connection: its
 * `peer.bundle` is set. Both are there as long as one of its links is. */
#ifndef GREYLINE_BUNDLES_H
#define GREYLINE_BUNDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "peer.h"

struct host_bundle {
	struct bundle bundle;
	struct peer *peer;
	struct seat *seat; /* its own; NULL once it is over */
	struct host_bundle *next;
};

/* What a link offers, where --multilink is given. `session` has its MTU already. */
void bundles_configure(const struct host *host, struct session_config *session);

/* What a link says (tunnel.h: TUNNEL_JOIN and those behind it). */
void bundles_join(struct seat *link, const struct link_identity *identity);
void bundles_leave(struct seat *link, enum close_reason reason);
void bundles_unit_frame(struct seat *link, const uint8_t *frame, size_t length);
void bundles_rejected(struct seat *link, uint16_t protocol);

/* What a bundle wants: the end of its links, politely or at once. */
void bundles_hang_up(struct seat *seat, enum close_reason reason);
void bundles_cut(struct seat *seat, enum close_reason reason);

/* The link of a peer that has, or may get, several: not one more session of its user. */
bool bundles_kin(const struct seat *seat, const struct seat *other);
/* `seat` is that of a bundle, or a link of one. */
bool bundles_is_own(const struct seat *seat);
bool bundles_is_link(const struct seat *seat);
/* Its links, now. */
unsigned bundles_links(const struct seat *seat);

/* The bundle is over, and its peer is about to be freed. */
void bundles_forget(struct peer *peer);

#endif
