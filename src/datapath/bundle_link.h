/* The data path of a bundle and those of its links (RFC 1990, multilink.h).
 *
 * The bundle has a struct datapath of its own, which holds what belongs to the network: keys,
 * networks, counters of inner packets. Those of the links hold what belongs to a call: GRE's
 * numbers, the peer, the framing. `datapath.bundle` leads from each of them to what they share. All
 * of a bundle belong to one worker.
 *
 *   TUN ─▶ bundle: MPPE, fragments ─▶ a link: GRE      a link: GRE ─▶ bundle: whole frames, MPPE ─▶
 * TUN
 */
#ifndef GREYLINE_BUNDLE_LINK_H
#define GREYLINE_BUNDLE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath.h"
#include "multilink.h"

struct datapath_bundle {
	struct layer_memory *memory; /* this is in */
	struct datapath *own;        /* the bundle's own */
	struct multilink_receiver receiver;
	struct multilink_sender sender;
	struct datapath *link[BUNDLE_LINKS_MAX]; /* NULL: none of that number */
	uint32_t since[BUNDLE_LINKS_MAX];        /* GRE's number when a link joined, while it is */
	uint32_t young;                          /* in this mask of those that joined lately */
	uint8_t frame[OUTER_MAX];                /* one that is to be cut */
};

static inline bool bundle_is_own(const struct datapath *dp)
{
	return dp->bundle && dp->bundle->own == dp;
}

static inline bool bundle_is_link(const struct datapath *dp)
{
	return dp->bundle && dp->bundle->own != dp;
}

/* Makes a data path just attached that of a bundle, in memory of sizeof(struct datapath_bundle);
 * without memory it stays one that carries nothing. */
void bundle_start(struct datapath *dp, const struct datapath_command *attach);
/* Its links are on their own again, what they brought is given back to the pool, and the memory to
 * the engine. */
void bundle_end(struct datapath_engine *engine, struct datapath *dp);
/* A link joins; nothing happens when the bundle is gone or full. */
void bundle_link_join(struct datapath *link, const struct datapath_command *command, uint64_t now);
void bundle_link_leave(struct datapath *link);

/* Whether the link's frame with this number of GRE's was sent before the link joined. */
bool bundle_link_before(const struct datapath *link, uint32_t sequence);

/* The most bytes of a frame that go into one fragment on this link. */
size_t bundle_link_room(const struct datapath *link);
/* How many outer packets a frame of `length` bytes, fields and all, may take at most. */
size_t bundle_pieces(const struct datapath_bundle *bundle, size_t length);

#endif
