/* Packets shown to a running capture. Without one this is a relaxed load. */
#include <string.h>

#include "outer_header.h"
#include "worker.h"

static bool tapped(struct worker *w)
{
	return atomic_load_explicit(&w->all->tapped, memory_order_relaxed);
}

static void show(struct worker *w, bool outer, bool sent, uint32_t subject, const uint8_t *bytes,
	size_t length)
{
	struct workers *all = w->all;
	pthread_mutex_lock(&all->tap_lock);
	if (all->tap)
		all->tap(all->tap_context, outer, sent, subject, bytes, length, w->now);
	pthread_mutex_unlock(&all->tap_lock);
}

/* A relay has none: what is in it is somebody else's. */
void tap_inner(struct worker *w, bool sent, const struct packet *packet)
{
	if (tapped(w) && !packet->datapath->relay)
		show(w, false, sent, packet->datapath->subject, packet->bytes, packet->length);
}

/* The IP header is made again: what the wire had cannot be read back from a raw socket. */
void tap_outer(struct worker *w, bool sent, const struct packet *packet)
{
	const struct datapath *dp = packet->datapath;
	uint8_t whole[OUTER_HEADER_MAX + OUTER_MAX];
	if (!tapped(w) || packet->length > OUTER_MAX)
		return;
	struct address local = dp->local;
	if (local.family != dp->peer.family)
		local = (struct address){.family = dp->peer.family};
	struct outer_header header = {
		.source = sent ? local : dp->peer,
		.destination = sent ? dp->peer : local,
		.length = packet->length,
		.ttl = 64,
		.tos = packet->tos,
		.dont_fragment = true,
	};
	size_t size = outer_header_write(whole, &header);
	memcpy(whole + size, packet->bytes, packet->length);
	show(w, true, sent, dp->subject, whole, size + packet->length);
}
