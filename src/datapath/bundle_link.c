/* Links that join a bundle's data path and leave it (see bundle_link.h). RFC 1990 §4, §6. */
#include "bundle_link.h"

#include <assert.h>

#include "frame.h"
#include "serial.h"

void bundle_start(struct datapath *dp, const struct datapath_command *attach)
{
	struct layer_memory *memory = attach->memory;

	if (!memory || memory->size < sizeof(struct datapath_bundle))
		return;
	struct datapath_bundle *bundle = (void *)memory->bytes;
	bundle->memory = memory;
	bundle->own = dp;
	bundle->young = 0;
	for (unsigned n = 0; n < BUNDLE_LINKS_MAX; n++)
		bundle->link[n] = NULL;
	multilink_receive_init(&bundle->receiver, attach->attach.mrru, attach->attach.receive_short,
		dp->counters.drops);
	multilink_send_init(&bundle->sender, attach->attach.send_short);
	dp->bundle = bundle;
}

void bundle_end(struct datapath_engine *engine, struct datapath *dp)
{
	struct datapath_bundle *bundle = dp->bundle;

	if (!bundle_is_own(dp))
		return;
	for (unsigned n = 0; n < BUNDLE_LINKS_MAX; n++)
		if (bundle->link[n])
			bundle_link_leave(bundle->link[n]);
	if (engine->pool) /* else it is going, too */
		multilink_clear(&bundle->receiver, engine->pool);
	dp->bundle = NULL;
	layers_give_back(engine, bundle->memory);
}

void bundle_link_join(struct datapath *link, const struct datapath_command *command, uint64_t now)
{
	const struct datapath *own = command->bundle.datapath;
	unsigned n = 0;

	if (!own || !bundle_is_own(own) || link->bundle)
		return;
	struct datapath_bundle *bundle = own->bundle;
	while (n < BUNDLE_LINKS_MAX && bundle->link[n])
		n++;
	if (n == BUNDLE_LINKS_MAX)
		return;
	bundle->link[n] = link;
	bundle->since[n] = reorder_ahead(&link->gre.order);
	if (link->gre.order.started)
		bundle->young |= 1u << n;
	bundle->own->connected = true;
	link->bundle = bundle;
	link->link = (uint8_t)n;
	multilink_link_up(&bundle->receiver, n, now);
	multilink_send_up(&bundle->sender, n);
}

void bundle_link_leave(struct datapath *link)
{
	struct datapath_bundle *bundle = link->bundle;

	if (!bundle_is_link(link))
		return;
	multilink_link_down(&bundle->receiver, link->link);
	multilink_send_down(&bundle->sender, link->link);
	bundle->link[link->link] = NULL;
	bundle->young &= ~(1u << link->link);
	bundle->own->connected = bundle->sender.links != 0;
	link->bundle = NULL;
}

/* Such a frame came late, or was overtaken by LCP's that began the link anew: it bears a number of
 * the bundle that was before. There are none of those any more when the window is past them. */
bool bundle_link_before(const struct datapath *link, uint32_t sequence)
{
	struct datapath_bundle *bundle = link->bundle;
	uint32_t bit = 1u << link->link;

	if (!(bundle->young & bit))
		return false;
	int32_t distance = serial_distance(sequence, bundle->since[link->link]);
	if (distance >= REORDER_FAR)
		bundle->young &= ~bit;
	return distance < 0;
}

/* The information field is bounded by the peer's MRU and by the outer path. Where nothing is known
 * of that, a frame may be as large as the link's largest packet in its encryption. */
size_t bundle_link_room(const struct datapath *link)
{
	size_t header = multilink_header_size(link->bundle->sender.short_sequence);
	size_t around = (link->peer.family == 6 ? OUTER_IP6_HEADER : OUTER_IP_HEADER) +
			GRE_HEADER_MAX + FRAME_HEADER_MAX;
	size_t room = link->mtu + (size_t)MPPE_OVERHEAD;

	if (link->path_mtu)
		room = link->path_mtu > around ? link->path_mtu - around : 0;
	if (room > link->send_mru)
		room = link->send_mru;
	return room > header + BUNDLE_ROOM_MIN ? room - header : BUNDLE_ROOM_MIN;
}

size_t bundle_pieces(const struct datapath_bundle *bundle, size_t length)
{
	size_t least = SIZE_MAX;

	for (uint32_t links = bundle->sender.links; links; links &= links - 1) {
		size_t room = bundle_link_room(bundle->link[__builtin_ctz(links)]);
		if (room < least)
			least = room;
	}
	return length > least ? (length + least - 1) / least : 1;
}
