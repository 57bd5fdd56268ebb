/* Sealing: inner packets become outer ones (RFC 1661 §2, RFC 3078 §3, RFC 2637 §4).
 *
 *     GRE, sequence, ack | FF 03 | 00 FD | count | RC4( 00 21, IP packet )
 *
 * Each packet is laid out in clear in its output buffer and given to the cipher (cipher.h), which
 * encrypts it there by the end of the batch.
 *
 * Where the peer's window is full (window.c), the buffer is a slot of the pool and the packet
 * leaves from there, in its turn.
 *
 * A super-packet is cut on the way, each segment straight into the buffer it leaves from
 * (segment.c). It may make more packets than the list has room for: `offload.done` says how far it
 * got, and the next call goes on there.
 *
 * What is larger than the session's MTU is fragmented when it is IPv4 and allows that, otherwise
 * its sender is told (at a bounded rate: a flood of large packets gets a trickle of answers). For a
 * super-packet that is so when its segments do not fit, which happens where the interface has a
 * larger MTU than the session; they are not cut smaller instead, because the sender numbered its
 * packets (RFC 6864) and should learn the path's MTU.
 *
 * The outer packet's marks tell everyone on the way about the inner one, so by default they say
 * nothing: DSCP 0, Not-ECT (RFC 2983 §3, RFC 6040 §4.1 compatibility mode). Copying DSCP is for
 * networks that need it; the ECN field is copied only to a peer that will put the marks together
 * again (normal mode). Control frames bear the same DSCP as data: they share its sequence numbers,
 * and a network that preferred them would make data come late. */
#include "seal.h"

#include <string.h>

#include "cipher.h"
#include "frame.h"
#include "inner.h"
#include "mss.h"
#include "seal_bundle.h"
#include "segment.h"

/* Around an inner packet in a bundle, at most: protocol fields and what encryption adds. */
enum { BUNDLE_FRAME_FIELDS = 32 };

enum { CCP_PACKET = 4, TOS_DSCP = 0xfc, TOS_ECN = 0x03 };

struct sealing {
	struct datapath_engine *engine;
	struct packet_list *out;
	uint64_t now;
	struct cipher cipher;
};

/* DSCP and ECN of an outer packet around an inner one marked `inner`. */
static uint8_t seal_tos(const struct datapath *dp, uint8_t inner)
{
	uint8_t dscp = dp->dscp_copy ? inner & TOS_DSCP : (uint8_t)(dp->dscp << 2);

	return dscp | (dp->ecn ? inner & TOS_ECN : 0);
}

struct packet *seal_start(
	struct datapath *dp, size_t payload, struct packet_list *out, struct writer *w)
{
	struct packet *packet = packet_list_next(out, dp);
	struct gre_header header;

	if (!packet || !dp->connected || payload + GRE_HEADER_MAX > packet->capacity)
		return NULL;
	*w = writer_over(packet->bytes, packet->capacity);
	if (dp->line) {
		packet->kind = PACKET_FRAME;
		return packet;
	}
	gre_next(&dp->gre, &header, dp->peer_call_id, payload);
	gre_build(w, &header);
	packet->kind = PACKET_OUTER;
	packet->tos = seal_tos(dp, 0);
	return packet;
}

void seal_finish(struct packet *packet, const struct writer *w, struct packet_list *out)
{
	assert(!w->failed);
	packet->length = (uint32_t)writer_length(w);
	packet->datapath->counters.gre_tx++;
	out->count++;
}

bool seal_control(struct datapath *dp, const uint8_t *frame, size_t length, struct packet_list *out)
{
	struct writer w;
	if (bundle_is_own(dp))
		return bundle_seal_cut(dp->bundle, frame, length, seal_tos(dp, 0), true, out);
	struct packet *packet = seal_start(dp, 2 + length, out, &w);

	if (!packet)
		return false;
	write_u16(&w, 0xff03);
	write_bytes(&w, frame, length);
	packet->control = true;
	seal_finish(packet, &w, out);
	return true;
}

bool seal_ccp(struct datapath *dp, uint8_t code, uint8_t id, struct packet_list *out)
{
	uint8_t frame[2 + CCP_PACKET];
	struct writer w = writer_over(frame, sizeof(frame));

	write_u16(&w, PROTOCOL_CCP);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, CCP_PACKET);
	return seal_control(dp, frame, sizeof(frame), out);
}

/* The first of the packets that waited gets its number and leaves. False when the list is full. */
static bool send_waiting(struct datapath_engine *engine, struct datapath *dp,
	const struct hold_slot *slot, uint64_t now, struct packet_list *out)
{
	struct writer w;
	struct packet *packet = seal_start(dp, slot->length, out, &w);

	if (!packet)
		return false;
	window_sent(&dp->gre.window, dp->gre.send_next - 1, now);
	write_bytes(&w, slot->frame, slot->length);
	packet->tos = slot->tos;
	seal_finish(packet, &w, out);
	window_release(&dp->gre.window, engine->pool);
	return true;
}

void seal_all_waiting(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	const struct hold_slot *slot;

	while ((slot = window_first(&dp->gre.window, engine->pool)))
		if (!send_waiting(engine, dp, slot, now, out))
			return;
}

static void seal_waiting(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct window *window = &dp->gre.window;
	const struct hold_slot *slot;

	window->late = NEVER;
	while (window_has_room(window, dp->gre.send_next) &&
		(slot = window_first(window, engine->pool)))
		if (!send_waiting(engine, dp, slot, now, out)) {
			window->late = now;
			return;
		}
	window_wait(window, now);
}

static void send_due_ack(struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct writer w;

	if (!dp->gre.ack_owed || dp->gre.ack_due > now)
		return;
	struct packet *packet = seal_start(dp, 0, out, &w);
	if (packet)
		seal_finish(packet, &w, out);
}

void seal_due(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	if (dp->gre.window.held)
		seal_waiting(engine, dp, now, out);
	send_due_ack(dp, now, out);
}

/* A Linux NAT that does not know PPTP tells GRE flows apart by a key that only version 1 has: what
 * comes in for Call ID 0 belongs to the flow of a version 0 packet that went out. */
void seal_due_nat(struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct packet *packet = dp->nat && dp->nat_due <= now ? packet_list_next(out, dp) : NULL;

	if (!packet)
		return;
	struct writer w = writer_over(packet->bytes, packet->capacity);
	gre_build_opening(&w);
	packet->kind = PACKET_OUTER;
	packet->control = true;
	seal_finish(packet, &w, out);
	dp->nat_due = now + NAT_OPEN_EVERY;
}

/* What goes around a network packet, or around a fragment of one. */
struct frame_plan {
	bool encrypt;
	uint16_t protocol;
	size_t payload; /* GRE payload bytes */
};

static struct frame_plan plan_frame(const struct datapath *dp, uint8_t version, size_t length)
{
	struct frame_plan plan = {
		.encrypt = mppe_armed(&dp->transmit),
		.protocol = version == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6,
	};
	bool acfc = dp->compress_address, pfc = dp->compress_protocol;

	plan.payload = frame_size(plan.protocol, plan.encrypt || acfc, pfc) + length;
	if (plan.encrypt)
		plan.payload += frame_size(PROTOCOL_COMPRESSED, acfc, pfc) + MPPE_HEADER_SIZE;
	return plan;
}

/* Everything in front of the network packet. Returns where the MPPE packet begins, with its header
 * still to come; NULL in clear. */
static uint8_t *start_frame(
	const struct datapath *dp, const struct frame_plan *plan, struct writer *w)
{
	if (!plan->encrypt) {
		frame_build(w, plan->protocol, dp->compress_address, dp->compress_protocol);
		return NULL;
	}
	frame_build(w, PROTOCOL_COMPRESSED, dp->compress_address, dp->compress_protocol);
	uint8_t *mppe = w->at;
	write_u16(w, 0);
	frame_build_protocol(w, plan->protocol, dp->compress_protocol);
	return mppe;
}

/* A network packet on its way out. */
struct sending {
	struct datapath *dp;
	struct packet *in;
	struct inner inner;
	uint16_t mtu;
	uint8_t tos; /* of the outer packets it becomes */
};

/* An outer packet whose PPP frame waits for the network packet. */
struct frame {
	struct packet *packet;
	struct hold_slot *held;    /* instead: it will wait for room in the peer's window */
	const struct sending *cut; /* instead: it will go in pieces */
	struct writer w;
	uint8_t *mppe; /* NULL: in clear */
};

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

/* The frame is complete but for its GRE header, which it gets when it leaves. */
static bool hold_frame(struct sealing *s, const struct sending *sending, size_t payload,
	struct frame *frame, enum drop *why)
{
	if (payload > OUTER_MAX - GRE_HEADER_MAX)
		return refuse(why, DROP_INNER_SIZE);
	frame->held = window_hold(&sending->dp->gre.window, s->engine->pool, s->now);
	frame->held->tos = sending->tos;
	frame->w = writer_over(frame->held->frame, sizeof(frame->held->frame));
	return true;
}

/* Whether a packet must wait: the window is full, or others wait already. */
static bool must_wait(const struct gre *gre)
{
	return gre->window.held || !window_has_room(&gre->window, gre->send_next);
}

/* Of a bundle: on the link whose turn it is, or in pieces. */
static bool place_in_bundle(struct sealing *s, const struct sending *sending, size_t payload,
	struct frame *frame, enum drop *why)
{
	struct datapath_bundle *bundle = sending->dp->bundle;

	frame->packet = bundle_seal_whole(bundle, payload, s->out, &frame->w);
	if (frame->packet) {
		frame->packet->tos = sending->tos;
		return true;
	}
	if (payload > sizeof(bundle->frame))
		return refuse(why, DROP_INNER_SIZE);
	frame->w = writer_over(bundle->frame, sizeof(bundle->frame));
	frame->cut = sending;
	return true;
}

/* Finds the place for a frame of `payload` bytes; false when the list or the buffer is too small.
 */
static bool place_frame(struct sealing *s, const struct sending *sending, size_t payload,
	struct frame *frame, enum drop *why)
{
	struct gre *gre = &sending->dp->gre;

	frame->held = NULL;
	frame->cut = NULL;
	if (sending->dp->bundle)
		return place_in_bundle(s, sending, payload, frame, why);
	if (gre->window.on && must_wait(gre))
		return hold_frame(s, sending, payload, frame, why);
	frame->packet = seal_start(sending->dp, payload, s->out, &frame->w);
	if (!frame->packet)
		return refuse(why, DROP_INNER_SIZE);
	frame->packet->tos = sending->tos;
	if (gre->window.on)
		window_sent(&gre->window, gre->send_next - 1, s->now);
	return true;
}

/* All the pieces have room: has_room() saw to it. */
static void cut_frame(struct sealing *s, const struct frame *frame)
{
	const struct sending *sending = frame->cut;

	cipher_flush(&s->cipher);
	bundle_seal_cut(sending->dp->bundle, frame->w.start, writer_length(&frame->w), sending->tos,
		false, s->out);
}

static void finish_frame(struct sealing *s, struct frame *frame)
{
	if (frame->cut)
		cut_frame(s, frame);
	else if (frame->held)
		frame->held->length = (uint16_t)writer_length(&frame->w);
	else
		seal_finish(frame->packet, &frame->w, s->out);
}

/* With layers on the way the network packet alone is laid out, where nothing is sent from yet. */
static bool open_layered(
	struct sealing *s, const struct sending *sending, size_t length, struct frame *frame)
{
	frame->packet = packet_list_next(s->out, sending->dp);
	if (!frame->packet || length + GRE_OVERHEAD_MAX > frame->packet->capacity)
		return false;
	frame->w = writer_over(frame->packet->bytes, frame->packet->capacity);
	return true;
}

/* What came through the layers is encrypted, if that is agreed on, and framed. MPPC's packet begins
 * with the header it shares with MPPE: where one starts its history again the other starts its key
 * stream, since the receiver does both (RFC 3078 §3). */
static bool frame_layered(struct sealing *s, const struct sending *sending,
	const struct layered *packet, struct frame *frame, enum drop *why)
{
	struct datapath *dp = sending->dp;
	bool acfc = dp->compress_address, pfc = dp->compress_protocol;
	bool encrypt = mppe_armed(&dp->transmit);
	bool shared = encrypt && packet->protocol == PROTOCOL_COMPRESSED;
	uint16_t protocol = encrypt ? PROTOCOL_COMPRESSED : packet->protocol;
	uint16_t bits = shared ? get_u16(packet->bytes) : 0;
	size_t payload = frame_size(protocol, acfc, pfc) + packet->length;

	if (encrypt && !shared)
		payload += MPPE_HEADER_SIZE + frame_size(packet->protocol, true, pfc);
	if (!place_frame(s, sending, payload, frame, why))
		return false;
	frame_build(&frame->w, protocol, acfc, pfc);
	uint8_t *start = frame->w.at;
	if (encrypt && !shared) {
		write_u16(&frame->w, 0);
		frame_build_protocol(&frame->w, packet->protocol, pfc);
	}
	write_bytes(&frame->w, packet->bytes, packet->length);
	if (bits & MPPC_FLUSHED)
		mppe_flush(&dp->transmit);
	if (encrypt)
		cipher_seal(&s->cipher, &dp->transmit, start, (size_t)(frame->w.at - start));
	if (shared)
		put_u16(start, get_u16(start) | bits);
	finish_frame(s, frame);
	return true;
}

static __attribute__((noinline)) bool close_layered(
	struct sealing *s, const struct sending *sending, struct frame *frame, enum drop *why)
{
	struct datapath *dp = sending->dp;
	struct layer_room room;
	struct layered packet = {
		.protocol = sending->inner.version == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6,
		.bytes = room.half[0],
		.length = writer_length(&frame->w),
	};

	memcpy(packet.bytes, frame->packet->bytes, packet.length);
	if (dp->transmit.flush)
		layers_reset_transmit(dp->layers);
	layers_seal(dp->layers, &packet, &room, sending->mtu);
	return frame_layered(s, sending, &packet, frame, why);
}

/* Starts a frame for `length` bytes of network packet; false when the list or the buffer is too
 * small, or as many packets wait for the peer's window as may: what a compressor has seen must
 * leave. */
static bool open_frame(struct sealing *s, const struct sending *sending, size_t length,
	struct frame *frame, enum drop *why)
{
	struct datapath *dp = sending->dp;
	if (dp->gre.window.on && must_wait(&dp->gre) &&
		!window_can_hold(&dp->gre.window, s->engine->pool))
		return refuse(why, DROP_WINDOW_FULL);
	if (dp->layers)
		return open_layered(s, sending, length, frame) || refuse(why, DROP_INNER_SIZE);
	struct frame_plan plan = plan_frame(dp, sending->inner.version, length);

	if (!place_frame(s, sending, plan.payload, frame, why))
		return false;
	frame->mppe = start_frame(dp, &plan, &frame->w);
	return true;
}

/* False when it cannot leave: then a layer made it so large, or it had to wait and may not. */
static bool close_frame(
	struct sealing *s, const struct sending *sending, struct frame *frame, enum drop *why)
{
	struct datapath *dp = sending->dp;

	if (dp->layers)
		return close_layered(s, sending, frame, why);
	if (frame->mppe)
		cipher_seal(&s->cipher, &dp->transmit, frame->mppe,
			(size_t)(frame->w.at - frame->mppe));
	finish_frame(s, frame);
	return true;
}

static void count_sent(struct datapath *dp, size_t length)
{
	dp->counters.tx_packets++;
	dp->counters.tx_bytes += length;
}

/* Tells the sender of a packet that cannot be fragmented what fits (token bucket). It comes from
 * the far end of the link: a packet that comes in with one of the host's own addresses as its
 * source is one that Linux drops. */
static void answer_too_big(struct sealing *s, const struct sending *sending)
{
	struct datapath *dp = sending->dp;
	uint64_t earned = (s->now - dp->answers_at) / DATAPATH_ANSWER_EVERY;
	struct packet *packet = packet_list_next(s->out, dp);

	if (earned) {
		dp->answers_at = s->now;
		dp->answers = (uint8_t)(earned < (uint64_t)(DATAPATH_ANSWERS - dp->answers)
						? dp->answers + earned
						: DATAPATH_ANSWERS);
	}
	if (!dp->answers || !packet)
		return;
	packet->length = (uint32_t)inner_too_big(packet->bytes, packet->capacity, &sending->inner,
		sending->in->bytes, sending->mtu, &dp->remote4);
	if (!packet->length)
		return;
	dp->answers--;
	packet->kind = PACKET_INNER;
	s->out->count++;
}

enum outcome { SEALED, DROPPED, NO_ROOM };

static enum outcome drop(enum drop *why, enum drop reason)
{
	*why = reason;
	return DROPPED;
}

static enum outcome may_send(const struct sending *sending, enum drop *why)
{
	const struct datapath *dp = sending->dp;
	bool up = sending->inner.version == 4 ? dp->ipv4 : dp->ipv6;

	if (!dp->attached || !dp->connected || !up)
		return drop(why, DROP_INNER_EARLY);
	if (dp->require_encryption && !mppe_armed(&dp->transmit) && !layers_encrypt(dp->layers))
		return drop(why, DROP_INNER_NO_KEY);
	if (!offload_fits(&sending->in->offload, &sending->inner))
		return drop(why, DROP_INNER_OFFLOAD);
	return SEALED;
}

/* Room for `count` packets of at most `length` bytes. */
static bool has_room(
	const struct sealing *s, const struct datapath *dp, size_t count, size_t length)
{
	if (dp->bundle)
		count *= bundle_pieces(dp->bundle, length + BUNDLE_FRAME_FIELDS);
	return packet_list_room(s->out) >= count;
}

/* A packet that fits. */
static enum outcome seal_whole(struct sealing *s, const struct sending *sending, enum drop *why)
{
	const struct inner *inner = &sending->inner;
	struct frame frame;

	if (!has_room(s, sending->dp, 1, inner->length))
		return NO_ROOM;
	if (!open_frame(s, sending, inner->length, &frame, why))
		return DROPPED;
	offload_write(&sending->in->offload, sending->in->bytes, inner->length, &frame.w);
	if (sending->dp->clamp_mss)
		mss_clamp(frame.w.at - inner->length, inner, sending->mtu);
	if (!close_frame(s, sending, &frame, why))
		return DROPPED;
	count_sent(sending->dp, inner->length);
	return SEALED;
}

/* A packet that does not fit, `inner` at `bytes`: all of its fragments or none. */
static enum outcome seal_fragments(struct sealing *s, const struct sending *sending,
	const struct inner *inner, const uint8_t *bytes, enum drop *why)
{
	size_t count = inner_fragment_count(inner, sending->mtu);
	struct frame frame;

	if (count == 0 || count > DATAPATH_OUT_PER_IN)
		return drop(why, DROP_INNER_SIZE);
	if (!has_room(s, sending->dp, count, sending->mtu))
		return NO_ROOM;
	for (size_t n = 0; n < count; n++) {
		size_t length = inner_fragment_length(inner, sending->mtu, n);
		if (!open_frame(s, sending, length, &frame, why))
			return DROPPED;
		inner_fragment(&frame.w, inner, bytes, sending->mtu, n);
		if (!close_frame(s, sending, &frame, why))
			return DROPPED;
	}
	count_sent(sending->dp, inner->length);
	return SEALED;
}

/* One packet out of a super-packet. */
static enum outcome seal_segment(struct sealing *s, const struct sending *sending,
	const struct segments *segments, size_t index, enum drop *why)
{
	size_t length = segment_length(segments, index);
	struct frame frame;

	if (!has_room(s, sending->dp, 1, length))
		return NO_ROOM;
	if (!open_frame(s, sending, length, &frame, why))
		return DROPPED;
	segment_write(segments, index, &frame.w);
	if (!close_frame(s, sending, &frame, why))
		return DROPPED;
	count_sent(sending->dp, length);
	return SEALED;
}

/* The same where the packet itself does not fit the session. Rare: the interface has a larger MTU
 * than the session, and the sender allows fragments. */
static __attribute__((noinline)) enum outcome seal_large_segment(struct sealing *s,
	const struct sending *sending, const struct segments *segments, size_t index,
	enum drop *why)
{
	uint8_t bytes[INNER_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct inner inner;

	segment_write(segments, index, &w);
	if (w.failed || !inner_parse(&inner, bytes, writer_length(&w)))
		return drop(why, DROP_INNER_OFFLOAD);
	if (inner.length <= sending->mtu)
		return seal_segment(s, sending, segments, index, why);
	return seal_fragments(s, sending, &inner, bytes, why);
}

/* Its sender is told what fits, once however many packets were in it. */
static enum outcome refuse_size(struct sealing *s, const struct sending *sending, enum drop *why)
{
	if (!packet_list_room(s->out))
		return NO_ROOM;
	answer_too_big(s, sending);
	return drop(why, DROP_INNER_SIZE);
}

static enum outcome seal_super(struct sealing *s, const struct sending *sending, enum drop *why)
{
	struct offload *offload = &sending->in->offload;
	struct segments segments;

	if (!segments_start(&segments, &sending->inner, sending->in->bytes, offload))
		return drop(why, DROP_INNER_OFFLOAD);
	bool fits = segment_length(&segments, 0) <= sending->mtu;
	if (!fits && sending->inner.dont_fragment)
		return refuse_size(s, sending, why);
	for (; offload->done < segments.count; offload->done++) {
		enum outcome outcome =
			fits ? seal_segment(s, sending, &segments, offload->done, why)
			     : seal_large_segment(s, sending, &segments, offload->done, why);
		if (outcome != SEALED)
			return outcome;
	}
	return SEALED;
}

/* A frame of the line, which leaves as it is, in its turn. */
static enum outcome seal_relayed(struct sealing *s, const struct sending *sending, enum drop *why)
{
	const struct datapath *dp = sending->dp;
	const struct gre *gre = &dp->gre;
	struct frame frame;

	if (!sending->in->length)
		return SEALED; /* what the line lost is its own to count */
	if (!dp->attached || !dp->connected)
		return drop(why, DROP_INNER_EARLY);
	if (!has_room(s, dp, 1, sending->in->length))
		return NO_ROOM;
	if (gre->window.on && must_wait(gre) && !window_can_hold(&gre->window, s->engine->pool))
		return drop(why, DROP_WINDOW_FULL);
	if (!place_frame(s, sending, sending->in->length, &frame, why))
		return DROPPED;
	write_bytes(&frame.w, sending->in->bytes, sending->in->length);
	finish_frame(s, &frame);
	count_sent(sending->dp, sending->in->length);
	return SEALED;
}

static enum outcome seal_packet(struct sealing *s, struct packet *in, enum drop *why)
{
	struct sending sending = {.dp = in->datapath, .in = in};

	if (in->datapath->relay) {
		sending.tos = seal_tos(in->datapath, 0);
		return seal_relayed(s, &sending, why);
	}
	if (!inner_parse(&sending.inner, in->bytes, in->length))
		return drop(why, DROP_INNER_HEADER);
	if (may_send(&sending, why) != SEALED)
		return DROPPED;
	sending.mtu = datapath_mtu(sending.dp);
	sending.tos = seal_tos(sending.dp, inner_tos(&sending.inner, in->bytes));
	if (in->offload.kind != OFFLOAD_NONE)
		return seal_super(s, &sending, why);
	if (sending.inner.length <= sending.mtu)
		return seal_whole(s, &sending, why);
	if (sending.inner.dont_fragment)
		return refuse_size(s, &sending, why);
	offload_complete(&in->offload, in->bytes, sending.inner.length);
	return seal_fragments(s, &sending, &sending.inner, in->bytes, why);
}

size_t datapath_seal(struct datapath_engine *engine, struct packet *in, size_t count, uint64_t now,
	struct packet_list *out)
{
	struct sealing s;
	size_t n;

	s.engine = engine;
	s.out = out;
	s.now = now;
	cipher_start(&s.cipher, engine->mppe, engine->keys);
	for (n = 0; n < count; n++) {
		enum drop why = DROP_INNER_ROUTE;
		if (!in[n].datapath) {
			engine->drops[why]++;
			continue;
		}
		enum outcome outcome = seal_packet(&s, &in[n], &why);
		if (outcome == NO_ROOM)
			break;
		if (outcome == DROPPED)
			in[n].datapath->counters.drops[why]++;
	}
	cipher_flush(&s.cipher);
	return n;
}
