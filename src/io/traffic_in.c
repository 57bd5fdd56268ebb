/* From the outer link to the sessions.
 *
 * Outer packets are taken only from the tunnel's own pair of addresses (RFC 2637 has nothing
 * better to tell peers apart), or from where the first of them came, if the session is told so. The
 * call ID says whose they are; raw sockets filter by worker, so what must be handed over comes from
 * queues that a network card chose. */
#include <assert.h>

#include "worker.h"

void traffic_open(struct worker *w, struct packet *in, size_t count)
{
	for (size_t at = 0; at < count;) {
		struct packet_list *list = traffic_list(w, 0);
		size_t taken = datapath_open(&w->engine, in + at, count - at, w->now, list);
		assert(taken > 0); /* an empty list always has room for one */
		at += taken;
		traffic_deliver(w, 0);
	}
}

/* The first datagram decides where the peer's GRE comes from; until then the session had no claim
 * and no path, and went by the raw socket. */
static void find_peer(struct worker *w, struct datapath *dp, const struct gre_datagram *d)
{
	if (d->source.family != dp->peer.family ||
		(dp->local.family && !address_equal(&d->destination, &dp->local)))
		return;
	datapath_found(dp, &d->source);
	outer_claim(w->outer, dp->local_call_id, &dp->local, &dp->peer);
	tell_found(w, slot_of(dp));
}

/* The data path a datagram is for, or NULL with the drop counted. */
static struct datapath *receiver(struct worker *w, const struct gre_datagram *d, uint16_t call_id)
{
	uint32_t place = w->all->call_ids[call_id];
	struct datapath *dp = place ? &w->all->slots[place - 1].dp : NULL;
	if (dp && dp->any_peer)
		find_peer(w, dp, d);
	bool ours = datapath_match(&w->engine, dp, &d->source);
	if (!ours && dp) {
		tell_stranger(w, slot_of(dp), &d->source);
	} else if (ours && dp->local.family && !address_equal(&d->destination, &dp->local)) {
		dp->counters.drops[DROP_GRE_PEER]++;
		ours = false;
	}
	if (dp)
		worker_touch(w, slot_of(dp));
	return ours ? dp : NULL;
}

static bool find_call_id(struct worker *w, const struct gre_datagram *d, uint16_t *call_id)
{
	enum drop why = DROP_GRE_SHORT;
	if (d->truncated)
		why = DROP_OUTER_TRUNCATED;
	else if (!d->malformed && datapath_call_id(d->gre, d->length, call_id, &why))
		return true;
	w->engine.drops[why]++;
	return false;
}

bool traffic_receive(
	struct worker *w, const struct gre_datagram *d, uint16_t call_id, struct packet *in)
{
	struct datapath *dp = receiver(w, d, call_id);
	if (!dp)
		return false;
	*in = (struct packet){
		.datapath = dp,
		.kind = PACKET_OUTER,
		.bytes = d->gre,
		.length = d->length,
		.capacity = d->length,
		.tos = d->tos,
		.early = d->control,
	};
	tap_outer(w, false, in);
	return true;
}

static void hand_over(struct worker *w, unsigned to, const struct gre_datagram *d)
{
	struct handed head = {
		.kind = PACKET_OUTER,
		.control = d->control,
		.tos = d->tos,
		.source = d->source,
		.destination = d->destination,
	};
	traffic_hand(w, to, &head, d->gre, d->length);
}

void traffic_from_outer(struct worker *w, unsigned source)
{
	struct gre_datagram datagrams[BATCH_MAX];
	struct packet in[BATCH_MAX];
	size_t received = outer_receive(w->outer, source, datagrams), count = 0;
	/* A peer answers a reply of the control connection faster than this thread wakes for the
	 * command that was given before that reply left: so first what was told, then what came. */
	requests_run(w);
	for (size_t i = 0; i < received; i++) {
		const struct gre_datagram *d = &datagrams[i];
		uint16_t call_id;
		if (!find_call_id(w, d, &call_id))
			continue;
		unsigned owner = workers_owner(w->all, call_id);
		if (owner != w->number)
			hand_over(w, owner, d);
		else if (traffic_receive(w, d, call_id, &in[count]))
			count++;
	}
	traffic_open(w, in, count);
	for (uint32_t path; (path = outer_suspect(w->outer));)
		tell_suspect(w, path);
	worker_settle(w);
}
