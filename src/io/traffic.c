/* Packets through one worker: raw GRE to TUN, TUN to raw GRE, and from session to session.
 *
 * Every path ends in deliver(), which empties the list a data-path call has filled: outer packets
 * to the raw sockets in batches, control frames to the event ring, inner ones to a TUN or, when
 * their destination is another session's, back into datapath_seal() with a list of the next depth.
 * Two rounds of that are enough: client to client, and the ICMP "too big" that answers it.
 *
 * Between clients nothing is routed by the host when they share an interface, so the TTL is not
 * changed, just as on a link both were attached to. With an interface for each session the host
 * routes, and only the isolation is decided here.
 *
 * Outer packets are taken only from the tunnel's own pair of addresses (RFC 2637 has nothing
 * better to tell peers apart). */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "inner.h"
#include "prefix_table.h"
#include "worker.h"

static void tap_packet(struct worker *w, bool outer, bool sent, uint32_t subject,
	const uint8_t *bytes, size_t length)
{
	pthread_mutex_lock(&w->tap_lock);
	if (w->tap)
		w->tap(w->tap_context, outer, sent, subject, bytes, length, w->now);
	pthread_mutex_unlock(&w->tap_lock);
}

static bool tapped(struct worker *w)
{
	return atomic_load_explicit(&w->tapped, memory_order_relaxed);
}

static void tap_inner(struct worker *w, bool sent, const struct packet *packet)
{
	if (tapped(w))
		tap_packet(
			w, false, sent, packet->datapath->subject, packet->bytes, packet->length);
}

/* The header is made again: what the wire had cannot be read back from a raw socket. */
static void tap_outer(
	struct worker *w, bool sent, const struct datapath *dp, const uint8_t *gre, uint32_t length)
{
	uint8_t whole[40 + OUTER_MAX];
	if (!tapped(w) || length > OUTER_MAX)
		return;
	struct address local = dp->local;
	if (local.family != dp->peer.family)
		local = (struct address){.family = dp->peer.family};
	size_t header = gre_outer_header(
		whole, sent ? &local : &dp->peer, sent ? &dp->peer : &local, length);
	memcpy(whole + header, gre, length);
	tap_packet(w, true, sent, dp->subject, whole, header + length);
}

/* Packets keep the buffers they have: a data-path call may have exchanged some. */
static struct packet_list *list_empty(struct worker_out *out)
{
	out->list.count = 0;
	return &out->list;
}

/* Outer packets of one family on their way to its socket. */
struct leaving {
	struct gre_socket *socket;
	const struct packet *packets[BATCH_MAX];
	size_t count;
};

static void leave_flush(struct leaving *leaving)
{
	uint64_t refused = 0;
	if (leaving->socket->fd >= 0)
		refused = gre_socket_send(leaving->socket, leaving->packets, leaving->count);
	else
		refused = UINT64_MAX;
	for (size_t i = 0; i < leaving->count; i++)
		if (refused >> i & 1)
			leaving->packets[i]->datapath->counters.drops[DROP_OUTER_SEND]++;
	leaving->count = 0;
}

static void leave(struct leaving *leaving, const struct packet *packet)
{
	leaving->packets[leaving->count++] = packet;
	if (leaving->count == BATCH_MAX)
		leave_flush(leaving);
}

static void write_tun(struct worker *w, const struct packet *packet)
{
	struct slot *slot = slot_of(packet->datapath);
	int tun = slot->tun >= 0 ? slot->tun : w->tun;
	ssize_t written = tun >= 0 ? write(tun, packet->bytes, packet->length) : -1;
	if (written != (ssize_t)packet->length)
		slot->dp.counters.drops[DROP_TUN_WRITE]++;
}

/* The session an inner packet is for, when that is one of ours; a destination elsewhere is no
 * fault, so this does not count like datapath_route(). */
static struct slot *destination_slot(struct worker *w, const struct packet *packet)
{
	struct inner inner;
	uint32_t subject;
	if (!w->server || !inner_parse(&inner, packet->bytes, packet->length) ||
		!prefix_table_find(&w->prefixes, &inner.destination, &subject))
		return NULL;
	return worker_slot(w, subject);
}

/* Sends an inner packet where it belongs; true when it is now in `loop` for another session. */
static bool route_inner(struct worker *w, const struct packet *packet, struct packet *loop)
{
	struct datapath *from = packet->datapath;
	struct slot *to = destination_slot(w, packet);
	if (to && (!from->client_to_client || !to->dp.client_to_client)) {
		from->counters.drops[DROP_ISOLATED]++;
		return false;
	}
	if (!to || to->tun >= 0 || !loop) {
		write_tun(w, packet);
		return false;
	}
	*loop = *packet;
	loop->datapath = &to->dp;
	return true;
}

static void seal(struct worker *w, struct packet *in, size_t count, unsigned depth);

static void deliver(struct worker *w, unsigned depth)
{
	struct worker_out *out = &w->out[depth];
	struct leaving v4 = {.socket = &w->gre4}, v6 = {.socket = &w->gre6};
	size_t looped = 0;
	for (size_t i = 0; i < out->list.count; i++) {
		struct packet *packet = &out->packets[i];
		struct slot *slot = slot_of(packet->datapath);
		worker_touch(w, slot);
		switch (packet->kind) {
		case PACKET_OUTER:
			tap_outer(w, true, packet->datapath, packet->bytes, packet->length);
			leave(packet->datapath->peer.family == 6 ? &v6 : &v4, packet);
			break;
		case PACKET_INNER:
			tap_inner(w, false, packet);
			if (route_inner(w, packet,
				    depth + 1 < WORKER_DEPTH ? &out->loop[looped] : NULL))
				looped++;
			break;
		case PACKET_CONTROL:
			if (!worker_tell_frame(w, slot, packet->bytes, packet->length))
				slot->dp.counters.drops[DROP_RING_FULL]++;
			break;
		}
	}
	leave_flush(&v4);
	leave_flush(&v6);
	if (looped)
		seal(w, out->loop, looped, depth + 1);
}

/* Seals `in` into the list of `depth`, as often as that list fills. */
static void seal(struct worker *w, struct packet *in, size_t count, unsigned depth)
{
	for (size_t i = 0; i < count; i++) {
		worker_touch(w, slot_of(in[i].datapath));
		tap_inner(w, true, &in[i]);
	}
	for (size_t at = 0; at < count;) {
		struct packet_list *list = list_empty(&w->out[depth]);
		size_t taken = datapath_seal(&w->engine, in + at, count - at, w->now, list);
		assert(taken > 0); /* an empty list always has room for one */
		at += taken;
		deliver(w, depth);
	}
}

/* The data path a datagram is for, or NULL with the drop counted. */
static struct datapath *receiver(struct worker *w, const struct gre_datagram *d)
{
	uint32_t *drops = w->engine.drops;
	uint16_t call_id;
	enum drop why;
	if (d->truncated || d->malformed) {
		drops[d->truncated ? DROP_OUTER_TRUNCATED : DROP_GRE_SHORT]++;
		return NULL;
	}
	if (!datapath_call_id(d->gre, d->length, &call_id, &why)) {
		drops[why]++;
		return NULL;
	}
	uint32_t place = w->call_ids[call_id];
	struct datapath *dp = place ? &w->slots[place - 1].dp : NULL;
	bool ours = datapath_match(&w->engine, dp, &d->source);
	if (ours && dp->local.family && !address_equal(&d->destination, &dp->local)) {
		dp->counters.drops[DROP_GRE_PEER]++;
		ours = false;
	}
	if (dp)
		worker_touch(w, slot_of(dp));
	return ours ? dp : NULL;
}

void traffic_from_gre(struct worker *w, struct gre_socket *socket)
{
	struct gre_datagram datagrams[BATCH_MAX];
	struct packet in[BATCH_MAX];
	size_t received = gre_socket_receive(socket, datagrams), count = 0;
	/* A peer answers a reply of the control connection faster than this thread wakes for the
	 * command that was given before that reply left: so first what was told, then what came. */
	requests_run(w);
	for (size_t i = 0; i < received; i++) {
		struct gre_datagram *d = &datagrams[i];
		struct datapath *dp = receiver(w, d);
		if (!dp)
			continue;
		tap_outer(w, false, dp, d->gre, d->length);
		in[count++] = (struct packet){
			.datapath = dp,
			.kind = PACKET_OUTER,
			.bytes = d->gre,
			.length = d->length,
			.capacity = d->length,
		};
	}
	for (size_t at = 0; at < count;) {
		struct packet_list *list = list_empty(&w->out[0]);
		size_t taken = datapath_open(&w->engine, in + at, count - at, w->now, list);
		assert(taken > 0);
		at += taken;
		deliver(w, 0);
	}
	worker_settle(w);
}

/* The session a packet from a TUN is for. */
static struct slot *sender(struct worker *w, struct slot *owner, const uint8_t *ip, size_t length)
{
	uint32_t subject;
	if (owner)
		return owner;
	if (!w->server) {
		if (w->single)
			return &w->slots[w->single - 1];
		w->engine.drops[DROP_INNER_ROUTE]++;
		return NULL;
	}
	if (!datapath_route(&w->engine, ip, length, &subject))
		return NULL;
	return worker_slot(w, subject);
}

bool traffic_from_tun(struct worker *w, int tun, struct slot *owner)
{
	struct packet in[BATCH_MAX];
	size_t count = 0;
	bool gone = false;
	for (size_t reads = 0; reads < BATCH_MAX; reads++) {
		uint8_t *buffer = w->tun_buffers[count];
		ssize_t length = read(tun, buffer, OUTER_MAX);
		if (length <= 0) {
			gone = length == 0 || (errno != EAGAIN && errno != EINTR);
			break;
		}
		if (length >= OUTER_MAX) { /* cut, or as good as: the interface's MTU is too big */
			w->engine.drops[DROP_INNER_SIZE]++;
			continue;
		}
		struct slot *slot = sender(w, owner, buffer, (size_t)length);
		if (!slot)
			continue;
		in[count++] = (struct packet){
			.datapath = &slot->dp,
			.kind = PACKET_INNER,
			.bytes = buffer,
			.length = (uint32_t)length,
			.capacity = OUTER_MAX,
		};
	}
	if (count)
		seal(w, in, count, 0);
	worker_settle(w);
	return !gone;
}

void traffic_command(struct worker *w, struct slot *slot, const struct datapath_command *command,
	const uint8_t *frame)
{
	struct packet_list *list = list_empty(&w->out[0]);
	datapath_execute(&w->engine, &slot->dp, command, frame, w->now, list);
	worker_touch(w, slot);
	deliver(w, 0);
	worker_settle(w);
}

void traffic_tick(struct worker *w, struct slot *slot)
{
	struct packet_list *list = list_empty(&w->out[0]);
	datapath_tick(&w->engine, &slot->dp, w->now, list);
	worker_touch(w, slot);
	deliver(w, 0);
	worker_settle(w);
}
