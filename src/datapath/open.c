/* Opening: outer packets become inner ones and control frames.
 *
 *     GRE header ─▶ order ─▶ PPP header ─┬▶ control frame ─▶ session (CCP resets stay here)
 *                                        └▶ MPPE ─▶ RC4 of the batch ─▶ IP checks ─▶ TUN
 *
 * Everything up to the key of each packet happens in the order of the sequence numbers; then the
 * RC4 of all packets runs in one call; then what it uncovered is checked and the outputs that do
 * not pass are closed up, so that the list is in order and has no holes.
 *
 * What passes, and what does not:
 * - Control protocols (0x4000 and above) go up, in clear; they have no other form.
 * - CCP Reset-Request and Reset-Ack are handled here (resync.c), in order with the data they speak
 *   about, as long as the direction they speak about is encrypted or compressed; otherwise CCP
 *   judges them like any frame.
 * - IP in clear passes only while encryption is not required and the peer has not started to
 *   encrypt. Encryption, once seen, cannot be taken off by sending clear packets.
 * - Any other network protocol goes up, to be refused there by an LCP Protocol-Reject: in clear
 *   under the same condition as IP; encrypted, when the packet before it made sense. A run of
 *   encrypted packets that make none means that the keys differ, and answering noise helps nobody.
 * - A late packet, whose place was given up, is delivered after all when it is stateless MPPE and
 *   its key can still be made: IP does not mind, and the wait can stay near zero until reordering
 *   is seen. In clear it may be anything, control frames included, and those obey the sequence.
 *
 * A control frame that was read ahead of data (packet.early) is handled ahead of it, too, when it
 * lies beyond the window: it does not give up what merely waits in another queue.
 *
 * An acknowledgement of something never sent is counted and ignored; the packet that carries it is
 * used, since peers differ about the number before the first. A packet that finds no room in the
 * pool is counted, and the missing ones before it are given up instead of the packet.
 *
 * New receive keys of a session that is up leave the old ones in place until the first packet that
 * opens under the new: what was in flight still opens. */
#include "open.h"

#include <string.h>

#include "bundle_link.h"
#include "cipher.h"
#include "ecn.h"
#include "frame.h"
#include "handed_up.h"
#include "inner.h"
#include "mss.h"
#include "relay.h"
#include "resync.h"
#include "seal.h"
#include "serial.h"

struct opening {
	struct datapath_engine *engine;
	struct packet_list *out;
	uint64_t now;
	size_t first; /* output from which on some may still be encrypted, or dead */
	struct cipher cipher;
	size_t waiting;           /* outputs given to the cipher and not looked at since */
	size_t slots[BATCH_MAX];  /* which ones */
	uint16_t bits[BATCH_MAX]; /* with layers: the MPPE header each came with */
};

/* A frame, and how it came. */
struct arrival {
	struct reader frame;
	uint32_t sequence; /* GRE's */
	uint8_t tos;       /* of the outer header */
	bool fleeting;     /* its bytes are about to be reused */
	bool late;         /* its place was given up */
};

static void start(
	struct opening *o, struct datapath_engine *engine, uint64_t now, struct packet_list *out)
{
	o->engine = engine;
	o->out = out;
	o->now = now;
	o->first = out->count;
	o->waiting = 0;
	cipher_start(&o->cipher, engine->mppe, engine->keys);
}

static void drop(struct datapath *dp, enum drop why)
{
	dp->counters.drops[why]++;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

static bool source_allowed(
	const struct opening *o, const struct datapath *dp, const struct address *source)
{
	const struct address *own = source->family == 4 ? &dp->remote4 : &dp->remote6;
	uint32_t subject;

	if (!dp->check_source || address_equal(source, own))
		return true;
	return o->engine->prefixes && prefix_table_find(o->engine->prefixes, source, &subject) &&
	       subject == dp->subject;
}

static bool is_isolated(
	const struct opening *o, const struct datapath *dp, const struct address *destination)
{
	uint32_t subject;

	return !dp->client_to_client && o->engine->prefixes &&
	       prefix_table_find(o->engine->prefixes, destination, &subject) &&
	       subject != dp->subject;
}

static bool hand_up(struct packet *packet, uint16_t protocol, size_t header, enum drop *why);

/* A packet said to be `protocol`: may it go to the TUN? Its padding is cut off. What the outer
 * header was marked with, `tos` of the packet until then, goes over to it. */
static bool check_inner(const struct opening *o, struct datapath *dp, uint16_t protocol,
	struct packet *packet, enum drop *why)
{
	struct inner inner;
	uint8_t tos = packet->tos;

	packet->tos = 0;
	if (!inner_parse(&inner, packet->bytes, packet->length) ||
		inner.version != (protocol == PROTOCOL_IPV4 ? 4 : 6) ||
		!inner_checksum_holds(&inner, packet->bytes))
		return refuse(why, DROP_INNER_HEADER);
	dp->suspicious = 0;
	if (!(inner.version == 4 ? dp->ipv4 : dp->ipv6))
		return refuse(why, DROP_PPP_DATA_EARLY);
	if (!source_allowed(o, dp, &inner.source) && !handed_up_nameless(&inner))
		return refuse(why, DROP_INNER_SOURCE);
	if (handed_up(dp->services, &inner, packet->bytes)) {
		packet->length = inner.length;
		return hand_up(packet, protocol, 0, why);
	}
	if (is_isolated(o, dp, &inner.destination))
		return refuse(why, DROP_ISOLATED);
	if (!ecn_combine(packet->bytes, tos))
		return refuse(why, DROP_INNER_ECN);
	if (dp->clamp_mss)
		mss_clamp(packet->bytes, &inner, datapath_mtu(dp));
	packet->length = inner.length;
	packet->kind = PACKET_INNER;
	dp->counters.rx_packets++;
	dp->counters.rx_bytes += inner.length;
	return true;
}

static bool is_ip(uint16_t protocol)
{
	return protocol == PROTOCOL_IPV4 || protocol == PROTOCOL_IPV6;
}

/* A protocol MPPE may carry but nobody here speaks: put it into a control frame's form. */
static bool hand_up(struct packet *packet, uint16_t protocol, size_t header, enum drop *why)
{
	size_t information = packet->length - header;

	if (2 + information > PPP_FRAME_MAX || 2 + information > packet->capacity)
		return refuse(why, DROP_INNER_SIZE);
	memmove(packet->bytes + 2, packet->bytes + header, information);
	put_u16(packet->bytes, protocol);
	packet->tos = 0;
	packet->length = (uint32_t)(2 + information);
	packet->kind = PACKET_CONTROL;
	return true;
}

/* The frame of a session with layers goes inwards through them, to `room`. */
static bool through_layers(struct opening *o, struct datapath *dp, struct layered *frame,
	struct layer_room *room, enum drop *why)
{
	bool dead = layers_dead(dp->layers);

	if (!layers_open(dp->layers, frame, room, why)) {
		if (layers_dead(dp->layers))
			resync_ask(dp, o->now, o->out);
		return false;
	}
	if (dead && !layers_dead(dp->layers))
		resync_over(dp);
	return true;
}

/* What RC4 uncovered of a session with layers goes through them, and stands then as if it had come
 * so. MPPC shares MPPE's header: `bits` are that. */
static __attribute__((noinline)) bool uncover(
	struct opening *o, struct packet *packet, uint16_t bits, enum drop *why)
{
	struct datapath *dp = packet->datapath;
	struct layer_room room;
	struct layered frame = {.bytes = room.half[0]};
	struct writer w = writer_over(room.half[0], sizeof(room.half[0]));
	struct reader r = reader_over(packet->bytes, packet->length);

	if (layers_share(dp->layers)) {
		frame.protocol = PROTOCOL_COMPRESSED;
		write_u16(&w, bits);
	} else if (!frame_protocol(&r, &frame.protocol, why)) {
		return true; /* noise, which check_opened knows what to do with */
	}
	write_bytes(&w, r.at, reader_left(&r));
	frame.length = writer_length(&w);
	if (w.failed)
		return refuse(why, DROP_INNER_SIZE);
	if (!through_layers(o, dp, &frame, &room, why)) {
		dp->suspicious += *why == DROP_CODEC_DATA;
		return false;
	}
	w = writer_over(packet->bytes, packet->capacity);
	write_u16(&w, frame.protocol);
	write_bytes(&w, frame.bytes, frame.length);
	packet->length = (uint32_t)writer_length(&w);
	return w.failed ? refuse(why, DROP_INNER_SIZE) : true;
}

/* What RC4 uncovered. */
static bool check_opened(struct opening *o, struct packet *packet, uint16_t bits, enum drop *why)
{
	struct datapath *dp = packet->datapath;
	if (dp->layers && !uncover(o, packet, bits, why))
		return false;
	struct reader r = reader_over(packet->bytes, packet->length);
	bool quiet = dp->suspicious++ == 0; /* until it turns out to be IP */
	uint16_t protocol;

	if (!frame_protocol(&r, &protocol, why) || protocol < PROTOCOL_MPPE_FIRST ||
		protocol > PROTOCOL_MPPE_LAST)
		return refuse(why, DROP_MPPE_INNER);
	size_t header = packet->length - reader_left(&r);
	if (!is_ip(protocol))
		return quiet ? hand_up(packet, protocol, header, why)
			     : refuse(why, DROP_MPPE_INNER);
	packet->length -= (uint32_t)header;
	packet->capacity -= (uint32_t)header;
	packet->bytes += header;
	packet->lead = (uint8_t)header;
	return check_inner(o, dp, protocol, packet, why);
}

/* Closes up the dead outputs. Buffers change places, so that none is lost to the caller. */
static void close_up(struct opening *o)
{
	size_t live = o->first;

	for (size_t n = o->first; n < o->out->count; n++) {
		if (!o->out->at[n].length)
			continue;
		if (n != live) {
			struct packet dead = o->out->at[live];
			o->out->at[live] = o->out->at[n];
			o->out->at[n] = dead;
		}
		live++;
	}
	o->out->count = o->first = live;
}

static void finish(struct opening *o)
{
	cipher_flush(&o->cipher);
	for (size_t n = 0; n < o->waiting; n++) {
		struct packet *packet = &o->out->at[o->slots[n]];
		enum drop why;
		if (!check_opened(o, packet, o->bits[n], &why)) {
			drop(packet->datapath, why);
			packet->length = 0;
		}
	}
	o->waiting = 0;
	close_up(o);
}

/* Gives a packet to the cipher, with an output at the end of the list. */
static bool queue(struct opening *o, struct datapath *dp, struct mppe *m,
	const struct arrival *arrival, enum drop *why)
{
	const struct reader *r = &arrival->frame;
	enum cipher_arrival order = arrival->late ? CIPHER_LATE : CIPHER_IN_ORDER;
	struct packet *packet;
	size_t length = reader_left(r);

	if (o->waiting == BATCH_MAX)
		finish(o);
	packet = packet_list_next(o->out, dp);
	assert(packet);
	if (length > packet->capacity)
		return refuse(why, DROP_INNER_SIZE);
	if (!cipher_open(
		    &o->cipher, m, order, r->at, length, arrival->fleeting, packet->bytes, why))
		return false;
	packet->tos = arrival->tos;
	packet->length = (uint32_t)(length - MPPE_HEADER_SIZE);
	if (dp->layers)
		o->bits[o->waiting] = get_u16(r->at);
	o->slots[o->waiting++] = o->out->count++;
	return true;
}

/* A packet far ahead costs hundreds of key changes (half a millisecond), and whoever makes the
 * count up gives nothing for it. Searches that found nothing are therefore rationed by time; those
 * that succeed, and short ones, are not, so that no true loss is held up by a false packet. */
static bool may_search(struct datapath *dp, uint32_t keys, uint64_t now)
{
	uint64_t forgotten = (now - dp->searched_at) / DATAPATH_SEARCH_EVERY;

	if (forgotten) {
		dp->searched -= forgotten < dp->searched ? (uint32_t)forgotten : dp->searched;
		dp->searched_at = now;
	}
	return keys <= DATAPATH_SEARCH_FREE || dp->searched + keys <= DATAPATH_SEARCH_MAX;
}

/* Which keys a packet belongs to, while old ones are still there for what is in flight. A CCP that
 * starts over does so with the start keys it had (RFC 3079): then both fit, and the packet belongs
 * to those that wait for it sooner. */
static struct mppe *keys_for(struct opening *o, struct datapath *dp, const struct reader *r)
{
	const uint8_t *packet = r->at;
	size_t length = reader_left(r);

	if (!dp->previous)
		return &dp->receive;
	bool fits = mppe_fits(&dp->receive, packet, length);
	bool fitted = mppe_fits(dp->previous, packet, length);
	uint16_t ahead = mppe_ahead(&dp->receive, packet, length);
	if (fitted && (!fits || mppe_ahead(dp->previous, packet, length) < ahead))
		return dp->previous;
	if (fits)
		datapath_drop_previous(o->engine, dp);
	return &dp->receive;
}

static bool open_encrypted(
	struct opening *o, struct datapath *dp, const struct arrival *arrival, enum drop *why)
{
	const struct reader *r = &arrival->frame;

	if (!mppe_armed(&dp->receive))
		return refuse(why, DROP_MPPE_NO_KEY);
	if (arrival->late)
		return queue(o, dp, &dp->receive, arrival, why);
	uint32_t keys = mppe_search(&dp->receive, r->at, reader_left(r));
	if (dp->previous)
		keys += mppe_search(dp->previous, r->at, reader_left(r));
	if (!may_search(dp, keys, o->now)) {
		dp->suspicious++;
		return refuse(why, DROP_MPPE_FAR);
	}
	struct mppe *m = keys_for(o, dp, r);
	if (!queue(o, dp, m, arrival, why)) {
		dp->searched += keys;
		if (*why == DROP_MPPE_RESYNC)
			resync_ask(dp, o->now, o->out);
		if (*why == DROP_MPPE_INNER || *why == DROP_MPPE_FAR)
			dp->suspicious++;
		return false;
	}
	m->active = true;
	resync_over(dp);
	return true;
}

/* Network packets that are not encrypted are not wanted, or no longer. */
static bool clear_refused(const struct datapath *dp)
{
	return dp->require_encryption || dp->receive.active ||
	       (dp->previous && dp->previous->active);
}

/* A frame in clear, as it came or behind the layers: to the TUN or to the session. */
static bool deliver(struct opening *o, struct datapath *dp, uint16_t protocol,
	struct arrival *arrival, enum drop *why)
{
	struct reader *r = &arrival->frame;
	struct packet *packet = packet_list_next(o->out, dp);
	struct writer w;

	if (protocol == PROTOCOL_CCP && resync_take(dp, *r, o->out))
		return true;
	assert(packet);
	size_t length = reader_left(r);
	w = writer_over(packet->bytes, packet->capacity);
	if (!is_ip(protocol)) {
		write_u16(&w, protocol);
		packet->kind = PACKET_CONTROL;
	}
	write_bytes(&w, read_bytes(r, length), length);
	packet->length = (uint32_t)writer_length(&w);
	if (w.failed || (!is_ip(protocol) && packet->length > PPP_FRAME_MAX))
		return refuse(why, DROP_INNER_SIZE);
	packet->tos = is_ip(protocol) ? arrival->tos : 0;
	if (is_ip(protocol) && !check_inner(o, dp, protocol, packet, why))
		return false;
	o->out->count++;
	return true;
}

static bool open_clear(struct opening *o, struct datapath *dp, uint16_t protocol,
	struct arrival *arrival, enum drop *why)
{
	if (protocol <= PROTOCOL_NETWORK_LAST && clear_refused(dp))
		return refuse(why, DROP_MPPE_CLEAR);
	return deliver(o, dp, protocol, arrival, why);
}

/* What ECP uncovered may be noise, as what MPPE does (check_opened): IP is judged by its header; of
 * other network protocols one may be asked about, behind something that made sense; the control
 * protocols it may hide are few numbers out of many. */
static bool makes_sense(struct datapath *dp, uint16_t protocol)
{
	bool quiet = dp->suspicious++ == 0;

	if (protocol > PROTOCOL_NETWORK_LAST)
		dp->suspicious = 0;
	return is_ip(protocol) || quiet || protocol > PROTOCOL_NETWORK_LAST;
}

/* A frame of a session with layers that is not MPPE's. */
static __attribute__((noinline)) bool open_layered(struct opening *o, struct datapath *dp,
	uint16_t protocol, struct arrival *arrival, enum drop *why)
{
	struct layer_room room;
	struct layered frame = {.protocol = protocol, .bytes = room.half[0]};
	const struct reader *r = &arrival->frame;

	frame.length = reader_left(r);
	if (frame.length > sizeof(room.half[0]))
		return refuse(why, DROP_INNER_SIZE);
	bool decrypted = layers_decrypts(dp->layers, protocol);
	if (protocol <= PROTOCOL_NETWORK_LAST && !decrypted && clear_refused(dp))
		return refuse(why, DROP_MPPE_CLEAR);
	memcpy(frame.bytes, r->at, frame.length);
	if (!through_layers(o, dp, &frame, &room, why)) {
		dp->suspicious += *why == DROP_ECP_DATA;
		return false;
	}
	if (decrypted && !makes_sense(dp, frame.protocol))
		return refuse(why, DROP_ECP_DATA);
	arrival->frame = reader_over(frame.bytes, frame.length);
	return deliver(o, dp, frame.protocol, arrival, why);
}

static void open_fragment(struct opening *o, struct datapath *link, const struct arrival *arrival);

/* Fragments of a link are put together for the bundle; what else is the unit's belongs to it too.
 */
static bool open_protocol(struct opening *o, struct datapath *dp, uint16_t protocol,
	struct arrival *arrival, enum drop *why)
{
	if (bundle_is_link(dp) && protocol == PROTOCOL_MULTILINK) {
		open_fragment(o, dp, arrival);
		return true;
	}
	if (bundle_is_link(dp) && protocol <= PROTOCOL_UNIT_LAST)
		dp = dp->bundle->own;
	else if (dp->multilink && protocol == PROTOCOL_MULTILINK)
		return deliver(o, dp, protocol, arrival, why); /* it has not joined yet */
	if (protocol == PROTOCOL_COMPRESSED && (!dp->layers || mppe_armed(&dp->receive)))
		return open_encrypted(o, dp, arrival, why);
	if (dp->layers)
		return open_layered(o, dp, protocol, arrival, why);
	return open_clear(o, dp, protocol, arrival, why);
}

/* So many packets of the peer's will not come. A history is asked for at once: what comes next may
 * be a long time in clear. Each of the `held` frames that may be released now keeps its room. */
static void tell_lost(struct opening *o, struct datapath *dp, uint32_t packets, unsigned held)
{
	mppe_lost(&dp->receive, packets);
	if (dp->layers && packets)
		layers_lost(dp->layers);
	if (layers_dead(dp->layers) && packet_list_room(o->out) > held + 1)
		resync_ask(dp, o->now, o->out);
}

/* A frame that came in fragments. */
static void open_assembled(struct opening *o, struct datapath *dp, struct arrival arrival)
{
	uint16_t protocol;
	enum drop why;

	if (!frame_parse(&arrival.frame, &protocol, &why))
		drop(dp, why);
	else if (protocol == PROTOCOL_MULTILINK)
		drop(dp, DROP_PPP_PROTOCOL);
	else if (!open_protocol(o, dp, protocol, &arrival, &why))
		drop(dp, why);
}

/* What is complete in a bundle leaves it, in order. `link`: whose fragment it was that came; what
 * is still held for that one comes next. */
static void release_bundle(
	struct opening *o, struct datapath_bundle *bundle, const struct datapath *link)
{
	struct multilink_receiver *receiver = &bundle->receiver;
	unsigned behind = link ? link->gre.order.held : 0;
	struct arrival arrival = {.fleeting = true};
	uint32_t lost = receiver->lost;

	while (multilink_next(receiver, o->engine->pool, &arrival.frame, &arrival.tos, o->now)) {
		if (receiver->lost != lost)
			tell_lost(o, bundle->own, receiver->lost - lost, receiver->held + behind);
		lost = receiver->lost;
		open_assembled(o, bundle->own, arrival);
	}
	if (receiver->lost != lost)
		tell_lost(o, bundle->own, receiver->lost - lost, receiver->held + behind);
	bundle->own->counters.lost = receiver->lost;
}

static void open_fragment(struct opening *o, struct datapath *link, const struct arrival *arrival)
{
	struct datapath_bundle *bundle = link->bundle;
	struct multilink_receiver *receiver = &bundle->receiver;
	struct arrival whole = *arrival;

	if (bundle_link_before(link, arrival->sequence)) {
		drop(bundle->own, DROP_MP_LATE);
		return;
	}
	whole.late = false; /* the bundle has its own numbers */
	link->counters.rx_packets++;
	link->counters.rx_bytes += reader_left(&arrival->frame);
	bundle->own->last_received = o->now;
	if (multilink_take(receiver, o->engine->pool, link->link, arrival->frame, arrival->tos,
		    o->now) == MULTILINK_WHOLE) {
		read_bytes(&whole.frame, multilink_header_size(receiver->short_sequence));
		open_assembled(o, bundle->own, whole);
	}
	release_bundle(o, bundle, link);
}

/* One PPP frame, in its turn. At most one output. */
static void open_frame(struct opening *o, struct datapath *dp, struct arrival arrival)
{
	uint16_t protocol;
	enum drop why;
	bool opened = dp->relay ? relay_open(dp, &arrival.frame, o->out, &why)
				: frame_parse(&arrival.frame, &protocol, &why) &&
					  open_protocol(o, dp, protocol, &arrival, &why);

	if (!opened)
		drop(dp, why);
}

/* One PPP frame whose place was given up. */
static bool open_late_frame(struct opening *o, struct datapath *dp, struct arrival arrival)
{
	uint16_t protocol;
	enum drop why = DROP_GRE_LATE;
	bool opened = false;

	arrival.late = true;
	if (!dp->relay && frame_parse(&arrival.frame, &protocol, &why)) {
		if (bundle_is_link(dp) && protocol == PROTOCOL_MULTILINK) {
			open_fragment(o, dp, &arrival);
			return true;
		}
		if (protocol != PROTOCOL_COMPRESSED || bundle_is_link(dp) ||
			!dp->receive.stateless || dp->previous ||
			(dp->layers && layers_ordered(dp->layers)))
			why = DROP_GRE_LATE;
		else
			opened = open_encrypted(o, dp, &arrival, &why);
	}
	if (!opened)
		drop(dp, why);
	return opened;
}

static void release(struct opening *o, struct datapath *dp)
{
	struct hold_pool *pool = o->engine->pool;
	uint16_t index;

	while ((index = reorder_take(&dp->gre.order, pool)) != HOLD_NONE) {
		const struct hold_slot *slot = hold_at(pool, index);
		struct arrival arrival = {.frame = reader_over(slot->frame, slot->length),
			.sequence = slot->sequence,
			.tos = slot->tos,
			.fleeting = true};
		gre_owe(&dp->gre, o->now);
		open_frame(o, dp, arrival);
		hold_give(pool, index);
	}
}

static void give_up(struct opening *o, struct datapath *dp, uint32_t sequence)
{
	uint32_t lost = dp->gre.order.lost;

	reorder_give_up(&dp->gre.order, o->engine->pool, sequence, o->now);
	tell_lost(o, dp, dp->gre.order.lost - lost, dp->gre.order.held);
	release(o, dp);
}

static bool hold(
	struct opening *o, struct datapath *dp, uint32_t sequence, const struct arrival *arrival)
{
	const struct reader *frame = &arrival->frame;

	return reader_left(frame) <= OUTER_MAX &&
	       reorder_hold(&dp->gre.order, o->engine->pool, sequence, frame->at,
		       reader_left(frame), arrival->tos, o->now);
}

/* Whether a frame may be handled ahead of its turn: the data plane's order is that of MPPE. The
 * answer to a reset is part of what a decompressor reads, ours or, behind a relay, somebody's. */
static bool may_overtake(const struct datapath *dp, struct reader frame)
{
	uint16_t protocol;
	enum drop why;

	return frame_parse(&frame, &protocol, &why) && protocol > PROTOCOL_NETWORK_LAST &&
	       (protocol != PROTOCOL_CCP || !(dp->layers || dp->relay));
}

static enum reorder_verdict judge(
	struct opening *o, struct datapath *dp, uint32_t sequence, bool early)
{
	struct reorder *order = &dp->gre.order;

	return early ? reorder_judge_early(order, o->engine->pool, sequence, o->now)
		     : reorder_judge(order, o->engine->pool, sequence);
}

/* A frame's place in the sequence. Each turn of the loop moves the window nearer to it. */
static void open_in_order(struct opening *o, struct datapath *dp, uint32_t sequence, bool early,
	struct arrival arrival)
{
	struct reorder *order = &dp->gre.order;

	for (;;) {
		switch (judge(o, dp, sequence, early)) {
		case REORDER_NEXT:
			reorder_advance(order, o->engine->pool, o->now);
			gre_owe(&dp->gre, o->now);
			open_frame(o, dp, arrival);
			release(o, dp);
			return;
		case REORDER_HOLD:
			if (hold(o, dp, sequence, &arrival))
				return;
			drop(dp, DROP_HOLD_FULL);
			give_up(o, dp, sequence);
			break;
		case REORDER_ROOM:
			give_up(o, dp, sequence);
			break;
		case REORDER_EARLY:
			reorder_early(order, sequence, o->now);
			open_frame(o, dp, arrival);
			return;
		case REORDER_LATE:
			reorder_late(order, sequence, open_late_frame(o, dp, arrival), o->now);
			return;
		case REORDER_OLD:
			drop(dp, DROP_GRE_LATE);
			return;
		case REORDER_DUPLICATE:
			drop(dp, DROP_GRE_DUPLICATE);
			return;
		}
	}
}

/* A line keeps the order, and says itself where it lost something. */
static void open_from_line(struct opening *o, struct datapath *dp, const struct packet *in)
{
	struct arrival arrival = {.frame = reader_over(in->bytes, in->length)};

	if (!in->length) {
		tell_lost(o, dp, 1, 0);
		return;
	}
	dp->counters.gre_rx++;
	dp->last_received = o->now;
	open_frame(o, dp, arrival);
}

static void open_packet(struct opening *o, struct datapath *dp, const struct packet *in)
{
	struct reader r = reader_over(in->bytes, in->length);
	struct arrival arrival = {.tos = in->tos};
	struct gre_header header;
	enum drop why;

	if (dp->line) {
		open_from_line(o, dp, in);
		return;
	}
	if (!gre_parse(&header, &r, &arrival.frame, &why)) {
		drop(dp, why);
		return;
	}
	if (header.call_id != dp->local_call_id) {
		drop(dp, DROP_GRE_CALL);
		return;
	}
	dp->counters.gre_rx++;
	dp->last_received = o->now;
	if (header.has_ack && !gre_acked(&dp->gre, &header, o->now))
		drop(dp, DROP_GRE_ACK);
	arrival.sequence = header.sequence;
	if (header.has_sequence)
		open_in_order(o, dp, header.sequence, in->early && may_overtake(dp, arrival.frame),
			arrival);
	dp->counters.reordered = dp->gre.order.ahead;
	dp->counters.lost = dp->gre.order.lost;
}

/* Every frame gives one output at most: this one, each that it releases, and in a bundle each that
 * those complete. */
static size_t outputs_of(const struct datapath *dp)
{
	return dp->gre.order.held + 1u + (dp->bundle ? dp->bundle->receiver.held : 0u);
}

size_t datapath_open(struct datapath_engine *engine, const struct packet *in, size_t count,
	uint64_t now, struct packet_list *out)
{
	struct opening o;
	size_t n;

	start(&o, engine, now, out);
	for (n = 0; n < count; n++) {
		struct datapath *dp = in[n].datapath;
		if (!dp || !dp->attached) {
			engine->drops[DROP_GRE_CALL]++;
			continue;
		}
		if (packet_list_room(out) < outputs_of(dp)) {
			finish(&o);
			if (packet_list_room(out) < outputs_of(dp))
				break;
		}
		open_packet(&o, dp, &in[n]);
	}
	finish(&o);
	for (size_t m = 0; m < n; m++)
		if (in[m].datapath && in[m].datapath->attached)
			seal_due(engine, in[m].datapath, now, out);
	return n;
}

void open_expired(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct opening o;

	start(&o, engine, now, out);
	while (dp->gre.order.expires <= now && packet_list_room(out) >= outputs_of(dp))
		give_up(&o, dp, 0);
	if (bundle_is_own(dp) && dp->bundle->receiver.expires <= now &&
		packet_list_room(out) >= outputs_of(dp)) {
		multilink_expire(&dp->bundle->receiver, engine->pool);
		release_bundle(&o, dp->bundle, NULL);
	}
	finish(&o);
	if (!bundle_is_own(dp))
		dp->counters.lost = dp->gre.order.lost;
}

void open_epoch(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct opening o;

	start(&o, engine, now, out);
	while (serial_after(reorder_ahead(&dp->gre.order), dp->gre.order.next) &&
		packet_list_room(out) >= outputs_of(dp))
		give_up(&o, dp, reorder_ahead(&dp->gre.order));
	finish(&o);
	dp->counters.lost = dp->gre.order.lost;
}
