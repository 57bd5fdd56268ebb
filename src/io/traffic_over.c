/* Packets of our sessions that other workers have read.
 *
 * They lie in the ring, a batch at a time of one kind, and are sealed or opened there; the room is
 * given back when the batch has left. */
#include "worker.h"

/* One outer packet, again from its call ID: the session may have gone meanwhile. */
static bool take_outer(struct worker *w, const struct handed *head, uint8_t *bytes, uint32_t length,
	struct packet *in)
{
	struct gre_datagram d = {
		.source = head->source,
		.destination = head->destination,
		.gre = bytes,
		.length = length,
		.tos = head->tos,
		.control = head->control,
	};
	uint16_t call_id;
	enum drop why;
	return datapath_call_id(bytes, length, &call_id, &why) &&
	       traffic_receive(w, &d, call_id, in);
}

static bool take_inner(struct worker *w, const struct handed *head, uint8_t *bytes, uint32_t length,
	struct packet *in)
{
	struct slot *slot = worker_slot(w, head->subject);
	if (!slot) {
		w->engine.drops[DROP_INNER_ROUTE]++;
		return false;
	}
	*in = (struct packet){
		.datapath = &slot->dp,
		.kind = PACKET_INNER,
		.bytes = bytes,
		.length = length,
		.capacity = length,
		.offload = head->offload,
	};
	return true;
}

/* One batch of worker `from`; true when there is more. */
static bool take_batch(struct worker *w, unsigned from)
{
	struct packet in[BATCH_MAX];
	struct ring *ring = &w->inbox.from[from];
	uint32_t mark = ring_mark(ring), position = ring_first(ring), length;
	size_t count = 0;
	requests_run(w); /* as in traffic_from_outer(): first what was told, then what came */
	enum packet_kind kind = PACKET_OUTER;
	for (unsigned n = 0; n < BATCH_MAX && position != mark; n++) {
		uint32_t next = position;
		struct handed *head = ring_walk(ring, &next, mark, &length);
		if (count && head->kind != kind)
			break;
		kind = head->kind;
		uint8_t *bytes = (uint8_t *)(head + 1);
		length -= (uint32_t)sizeof(*head);
		if (kind == PACKET_OUTER ? take_outer(w, head, bytes, length, &in[count])
					 : take_inner(w, head, bytes, length, &in[count]))
			count++;
		position = next;
	}
	if (kind == PACKET_OUTER)
		traffic_open(w, in, count);
	else
		traffic_seal(w, in, count, 0);
	ring_release_to(ring, position);
	return position != mark;
}

void traffic_from_workers(struct worker *w)
{
	uint32_t from = w->inbox_from;
	w->inbox_from = 0;
	for (; from; from &= from - 1) {
		unsigned number = (unsigned)__builtin_ctz(from);
		if (take_batch(w, number))
			w->inbox_from |= 1u << number;
		worker_settle(w);
	}
}
