/* From TUNs to the sessions. What a queue of a shared TUN brings may be for a session of another
 * worker: nobody but the prefix table knows. */
#include <assert.h>

#include "worker.h"

void traffic_seal(struct worker *w, struct packet *in, size_t count, unsigned depth)
{
	if (w->all->filtered)
		count = traffic_filter_sent(w, in, count);
	for (size_t i = 0; i < count; i++) {
		worker_touch(w, slot_of(in[i].datapath));
		tap_inner(w, true, &in[i]);
	}
	for (size_t at = 0; at < count;) {
		struct packet_list *list =
			depth == 0 ? traffic_list_lent(w) : traffic_list(w, depth);
		size_t taken = datapath_seal(&w->engine, in + at, count - at, w->now, list);
		assert(taken > 0 || list->count > 0); /* a super-packet may take several lists */
		at += taken;
		traffic_deliver(w, depth);
	}
}

/* The session of ours that a packet of a shared TUN is for; NULL when it is dropped or handed to
 * its worker. */
static struct slot *sender(struct worker *w, const struct packet *packet)
{
	uint32_t subject;
	if (!w->all->server) {
		if (w->single)
			return &w->all->slots[w->single - 1];
		w->engine.drops[DROP_INNER_ROUTE]++;
		return NULL;
	}
	if (!datapath_route(&w->engine, packet->bytes, packet->length, &subject))
		return NULL;
	unsigned owner = workers_place(w->all, subject) & PLACE_WORKER;
	if (owner != w->number) {
		struct handed head = {
			.kind = PACKET_INNER, .subject = subject, .offload = packet->offload};
		traffic_hand(w, owner, &head, packet->bytes, packet->length);
		return NULL;
	}
	struct slot *slot = worker_slot(w, subject);
	if (!slot)
		w->engine.drops[DROP_INNER_ROUTE]++; /* it has just gone */
	return slot;
}

bool traffic_from_tun(struct worker *w, const struct tun_queue *tun, struct slot *owner)
{
	struct tun_batch *batch = &w->tun_batch;
	struct packet *in = batch->packets;
	bool there = tun_queue_read(tun, batch);
	size_t count = 0;
	w->engine.drops[DROP_TUN_HEADER] += batch->refused;
	for (size_t i = 0; i < batch->count; i++) {
		struct slot *slot = owner ? owner : sender(w, &in[i]);
		if (!slot)
			continue;
		in[count] = in[i];
		in[count++].datapath = &slot->dp;
	}
	traffic_seal(w, in, count, 0);
	worker_settle(w);
	return there;
}
