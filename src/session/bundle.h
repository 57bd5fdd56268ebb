/* A bundle (RFC 1990): one unit over several links, which may be in different tunnels.
 *
 * It has a session of its own, without a call and without a link: the unit, the addresses, the
 * interface and the keys are that one's, and stay as long as one link is left. The links' sessions
 * go on as ordinary ones that have no network. Who knows which sessions there are (the app) brings
 * the two together: a session whose link reached the network phase with multilink agreed asks with
 * TUNNEL_JOIN, and is either given to the bundle that bundle_takes it, or begins a new one.
 *
 * Everything here writes tunnel_out items (tunnel.h), with the subject of the bundle's session or
 * of a link's. Within the bounds of SESSION_OUT_ITEMS and SESSION_OUT_BYTES a call. */
#ifndef GREYLINE_BUNDLE_H
#define GREYLINE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"
#include "tunnel.h"

struct bundle {
	struct session *session;    /* its own */
	struct session_table table; /* finds the links' */
	struct lcp_multilink terms; /* of its first link: the others' must be the same */
	uint8_t limit;              /* links, at most */
	uint8_t links;
	uint32_t link[BUNDLE_LINKS_MAX]; /* their subjects */
	bool hung_up;                    /* its links were asked to end */
};

struct bundle_config {
	const struct session_config *session; /* the first link's; outlives the bundle */
	struct session_table table;
	uint8_t limit;    /* links; 0: BUNDLE_LINKS_MAX */
	uint16_t call_id; /* the first link's own: the data path has its place by that */
	struct random *random;
};

/* Zeroed memory becomes a bundle, and `session` its session, on the terms of its first link, which
 * is then to join. What the first one has borrowed is the bundle's from now on. */
void bundle_init(struct bundle *bundle, struct session *session, uint32_t subject,
	struct session *first, const struct bundle_config *config, uint64_t now,
	struct outbox *out);
/* The link's terms are the bundle's, and its peer's discriminator too (RFC 1990 §5.1.3: that the
 * peer's proved name is the same is for the caller to see). */
bool bundle_takes(const struct bundle *bundle, const struct session *link);
bool bundle_is_full(const struct bundle *bundle);
/* In answer to TUNNEL_JOIN, with its bytes. */
void bundle_join(struct bundle *bundle, struct session *link, const struct link_identity *identity,
	uint64_t now, struct outbox *out);
/* TUNNEL_LEAVE, with its reason. With the last link the bundle ends: TUNNEL_SESSION_DOWN. */
void bundle_leave(struct bundle *bundle, uint32_t link, enum close_reason reason, uint64_t now,
	struct outbox *out);
/* TUNNEL_UNIT_FRAME: a frame of a link that is the unit's. */
void bundle_link_frame(struct bundle *bundle, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out);
/* TUNNEL_UNIT_REJECTED: a link's peer does not know this protocol. */
void bundle_rejected(struct bundle *bundle, uint16_t protocol, uint64_t now, struct outbox *out);

/* As for an ordinary session (tunnel.h). A close asks for the links' end: TUNNEL_HANG_UP. */
void bundle_frame(struct bundle *bundle, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out);
void bundle_addresses(struct bundle *bundle, uint32_t token, const struct unit_addresses *addresses,
	uint64_t now, struct outbox *out);
void bundle_delegate(struct bundle *bundle, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out);
void bundle_close(
	struct bundle *bundle, enum close_reason reason, uint64_t now, struct outbox *out);
void bundle_alive(struct bundle *bundle, uint64_t heard, uint64_t active);
bool bundle_probe(struct bundle *bundle, uint64_t now, struct outbox *out);
void bundle_traffic(struct bundle *bundle, const struct datapath_counters *counters);
void bundle_keys_differ(struct bundle *bundle, uint64_t now, struct outbox *out);
void bundle_renegotiate(struct bundle *bundle, uint64_t now, struct outbox *out);
void bundle_tick(struct bundle *bundle, uint64_t now, struct outbox *out);
uint64_t bundle_deadline(const struct bundle *bundle);

#endif
