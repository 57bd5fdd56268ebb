/* Packets through one worker: what a data-path call has put out goes where it belongs.
 *
 * Every path ends in traffic_deliver(), which sorts what a call has put into its list: outer
 * packets leave in one go, inner ones for a TUN are gathered into as few writes as they fit,
 * control frames go to the event ring, and inner ones for another session go back into
 * datapath_seal() with a list of the next depth, or over to the worker of that session. Two rounds
 * of that are enough: client to client, and the ICMP "too big" that answers it.
 *
 * Between clients nothing is routed by the host when they share an interface, so the TTL is not
 * changed, just as on a link both were attached to. With an interface for each session the host
 * routes, and only the isolation is decided here. */
#include <assert.h>
#include <string.h>

#include "inner.h"
#include "worker.h"

enum {
	REFUSED_WORDS = (WORKER_OUT_MAX + 63) / 64,
	QUIET_OUT_MAX = DATAPATH_OUT_PER_IN + REORDER_PACKETS, /* of one command or tick */
};

static_assert(
	(int)WORKER_OUT_MAX <= (int)COALESCE_MAX, "the outputs of a call are gathered at once");
static_assert(WORKER_OUT_MAX > REORDER_PACKETS + MULTILINK_HELD,
	"an empty list has room for all that one packet may release");

/* Packets have exchanged buffers with each other, and frames that were lent are the back end's
 * again: those that may have another buffer than their own get it back. */
struct packet_list *traffic_list(struct worker *w, unsigned depth)
{
	struct worker_out *out = &w->out[depth];
	size_t strange = out->list.touched > out->lent ? out->list.touched : out->lent;
	for (size_t i = 0; i < strange; i++)
		packet_room(&out->packets[i], out->buffers[i], OUTER_MAX);
	out->list.count = out->list.touched = out->lent = 0;
	return &out->list;
}

struct packet_list *traffic_list_lent(struct worker *w)
{
	struct worker_out *out = &w->out[0];
	struct packet_list *list = traffic_list(w, 0);
	outer_lend(w->outer, list);
	while (out->lent < list->max && list->at[out->lent].bytes != out->buffers[out->lent])
		out->lent++;
	return list;
}

static void send_outer(struct worker *w, struct worker_out *out)
{
	uint64_t refused[REFUSED_WORDS] = {0};
	if (!out->outer_count)
		return;
	outer_send(w->outer, out->outer, out->outer_count, w->now, refused);
	for (unsigned word = 0; word < REFUSED_WORDS; word++)
		for (uint64_t bits = refused[word]; bits; bits &= bits - 1) {
			size_t n = word * 64 + (size_t)__builtin_ctzll(bits);
			out->outer[n]->datapath->counters.drops[DROP_OUTER_SEND]++;
		}
	out->outer_count = 0;
}

static const struct tun_queue *tun_of(struct worker *w, const struct packet *packet)
{
	struct slot *slot = slot_of(packet->datapath);
	return slot->tun.fd >= 0 ? &slot->tun : &w->tun;
}

static void write_inner(struct worker *w, struct worker_out *out)
{
	struct coalescer *c = w->coalescer;
	if (!out->inner_count)
		return;
	const struct tun_queue *tun = tun_of(w, out->inner[0]);
	coalesce(c, &tun->rules, out->inner, out->inner_count);
	for (size_t i = 0; i < c->count; i++)
		if (tun->fd < 0 || !tun_queue_write(tun, &c->gathered[i], c->pieces))
			c->gathered[i].datapath->counters.drops[DROP_TUN_WRITE] +=
				c->gathered[i].packets;
	out->inner_count = 0;
}

/* Packets of one TUN that come one after another are gathered. */
static void to_tun(struct worker *w, struct worker_out *out, const struct packet *packet)
{
	if (out->inner_count && tun_of(w, out->inner[0]) != tun_of(w, packet))
		write_inner(w, out);
	out->inner[out->inner_count++] = packet;
}

/* Frames for one line that come one after another are written in one go. */
static void to_line(struct worker *w, struct worker_out *out, const struct packet *packet)
{
	struct slot *slot = slot_of(packet->datapath);
	if (out->lined && out->lined != slot)
		traffic_flush_line(w, out->lined);
	out->lined = slot;
	traffic_to_line(slot, packet);
}

static void flush_line(struct worker *w, struct worker_out *out)
{
	if (out->lined)
		traffic_flush_line(w, out->lined);
	out->lined = NULL;
}

void traffic_hand(struct worker *w, unsigned to, const struct handed *head, const void *bytes,
	uint32_t length)
{
	if (!handoff_put(&w->all->at[to].inbox, w->number, head, bytes, length)) {
		w->engine.drops[DROP_HANDOFF_FULL]++;
		return;
	}
	w->announcing |= 1u << to;
	w->handed_now++;
}

/* To a session of ours, by the next depth. An answer of datapath_seal() may lie in a lent frame,
 * which is gone when the others are sent. */
static void to_session(
	struct worker *w, struct worker_out *out, const struct packet *packet, struct slot *slot)
{
	struct packet *loop = &out->loop[out->loop_count++];
	size_t n = (size_t)(packet - out->packets);
	*loop = *packet;
	loop->datapath = &slot->dp;
	if (n >= out->lent)
		return;
	memcpy(out->buffers[n], packet->bytes, packet->length);
	loop->bytes = out->buffers[n];
}

/* The session an inner packet is for, when that is one of ours; a destination elsewhere is no
 * fault, so this does not count like datapath_route(). */
static bool is_for_session(struct worker *w, const struct packet *packet, uint32_t *subject)
{
	struct inner inner;
	return w->all->server && inner_parse(&inner, packet->bytes, packet->length) &&
	       prefix_table_find(&w->all->routing.table, &inner.destination, subject);
}

static void route_inner(
	struct worker *w, struct worker_out *out, const struct packet *packet, unsigned depth)
{
	struct datapath *from = packet->datapath;
	uint32_t subject;
	if (!is_for_session(w, packet, &subject)) {
		to_tun(w, out, packet);
		return;
	}
	uint8_t place = workers_place(w->all, subject);
	unsigned owner = place & PLACE_WORKER;
	if (!from->client_to_client || !(place & PLACE_CLIENT_TO_CLIENT)) {
		from->counters.drops[DROP_ISOLATED]++;
	} else if (place & PLACE_INTERFACE || depth + 1 == WORKER_DEPTH) {
		to_tun(w, out, packet);
	} else if (owner != w->number) {
		struct handed head = {.kind = PACKET_INNER, .subject = subject};
		traffic_hand(w, owner, &head, packet->bytes, packet->length);
	} else {
		struct slot *slot = worker_slot(w, subject);
		if (slot)
			to_session(w, out, packet, slot);
		else
			w->engine.drops[DROP_INNER_ROUTE]++; /* it has just gone */
	}
}

void traffic_deliver(struct worker *w, unsigned depth)
{
	struct worker_out *out = &w->out[depth];
	for (size_t i = 0; i < out->list.count; i++) {
		struct packet *packet = &out->packets[i];
		struct slot *slot = slot_of(packet->datapath);
		worker_touch(w, slot);
		switch (packet->kind) {
		case PACKET_OUTER:
			tap_outer(w, true, packet);
			out->outer[out->outer_count++] = packet;
			break;
		case PACKET_FRAME:
			to_line(w, out, packet);
			break;
		case PACKET_INNER:
			if (w->all->filtered && !traffic_filter_received(w, packet))
				break;
			tap_inner(w, false, packet);
			route_inner(w, out, packet, depth);
			break;
		case PACKET_CONTROL:
			if (!tell_frame(w, slot, packet->bytes, packet->length))
				slot->dp.counters.drops[DROP_RING_FULL]++;
			break;
		}
	}
	write_inner(w, out);
	send_outer(w, out);
	flush_line(w, out);
	size_t looped = out->loop_count;
	out->loop_count = 0;
	if (looped)
		traffic_seal(w, out->loop, looped, depth + 1);
}

/* Behind what commands and ticks have put out since the last traffic_flush(). */
static struct packet_list *list_with_room(struct worker *w)
{
	struct packet_list *list = &w->out[0].list;
	if (list->max - list->count < QUIET_OUT_MAX)
		traffic_flush(w);
	return list;
}

void traffic_command(struct worker *w, struct slot *slot, const struct datapath_command *command,
	const uint8_t *frame)
{
	datapath_execute(&w->engine, &slot->dp, command, frame, w->now, list_with_room(w));
	worker_touch(w, slot);
}

void traffic_tick(struct worker *w, struct slot *slot)
{
	datapath_tick(&w->engine, &slot->dp, w->now, list_with_room(w));
	if (slot->line)
		traffic_flush_line(w, slot);
	worker_touch(w, slot);
}

void traffic_begin(struct worker *w)
{
	traffic_list(w, 0);
}

void traffic_flush(struct worker *w)
{
	traffic_deliver(w, 0);
	traffic_list(w, 0);
	worker_settle(w);
}
