/* Sealing: inner packets become outer ones (RFC 1661 §2, RFC 3078 §3, RFC 2637 §4).
 *
 *     GRE, sequence, ack | FF 03 | 00 FD | count | RC4( 00 21, IP packet )
 *
 * Each packet is laid out in clear in its output buffer and given to the cipher (cipher.h), which
 * encrypts it there by the end of the batch.
 *
 * What is larger than the session's MTU is fragmented when it is IPv4 and allows that, otherwise
 * its sender is told (at a bounded rate: a flood of large packets gets a trickle of answers). */
#include "seal.h"

#include <string.h>

#include "cipher.h"
#include "frame.h"
#include "inner.h"

enum { CCP_PACKET = 4 };

struct sealing {
	struct datapath_engine *engine;
	struct packet_list *out;
	uint64_t now;
	struct cipher cipher;
};

/* Starts an outer packet: the GRE header in front of `payload` bytes. */
static struct packet *start_outer(
	struct datapath *dp, size_t payload, struct packet_list *out, struct writer *w)
{
	struct packet *packet = packet_list_next(out, dp);
	struct gre_header header;

	if (!packet || !dp->connected || payload + GRE_HEADER_MAX > packet->capacity)
		return NULL;
	gre_next(&dp->gre, &header, dp->peer_call_id, payload);
	*w = writer_over(packet->bytes, packet->capacity);
	gre_build(w, &header);
	packet->kind = PACKET_OUTER;
	return packet;
}

static void finish_outer(struct packet *packet, const struct writer *w, struct packet_list *out)
{
	assert(!w->failed);
	packet->length = (uint32_t)writer_length(w);
	packet->datapath->counters.gre_tx++;
	out->count++;
}

bool seal_control(struct datapath *dp, const uint8_t *frame, size_t length, struct packet_list *out)
{
	struct writer w;
	struct packet *packet = start_outer(dp, 2 + length, out, &w);

	if (!packet)
		return false;
	write_u16(&w, 0xff03);
	write_bytes(&w, frame, length);
	packet->control = true;
	finish_outer(packet, &w, out);
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

void seal_due_ack(struct datapath *dp, uint64_t now, struct packet_list *out)
{
	struct writer w;

	if (!dp->gre.ack_owed || dp->gre.ack_due > now)
		return;
	struct packet *packet = start_outer(dp, 0, out, &w);
	if (packet)
		finish_outer(packet, &w, out);
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

/* One outer packet: the whole packet, or the fragment `index` of several. */
static bool seal_piece(struct sealing *s, struct datapath *dp, const struct inner *inner,
	const uint8_t *bytes, bool whole, size_t index)
{
	uint16_t mtu = datapath_mtu(dp);
	size_t length = whole ? inner->length : inner_fragment_length(inner, mtu, index);
	struct frame_plan plan = plan_frame(dp, inner->version, length);
	struct writer w;
	struct packet *packet = start_outer(dp, plan.payload, s->out, &w);

	if (!packet)
		return false;
	uint8_t *mppe = start_frame(dp, &plan, &w);
	if (whole)
		write_bytes(&w, bytes, length);
	else
		inner_fragment(&w, inner, bytes, mtu, index);
	if (mppe)
		cipher_seal(&s->cipher, &dp->transmit, mppe, (size_t)(w.at - mppe));
	finish_outer(packet, &w, s->out);
	return true;
}

/* Tells the sender of a packet that cannot be fragmented what fits (token bucket). */
static void answer_too_big(
	struct sealing *s, struct datapath *dp, const struct inner *inner, const uint8_t *bytes)
{
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
	packet->length = (uint32_t)inner_too_big(
		packet->bytes, packet->capacity, inner, bytes, datapath_mtu(dp), &dp->local4);
	if (!packet->length)
		return;
	dp->answers--;
	packet->kind = PACKET_INNER;
	s->out->count++;
}

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

static bool may_send(const struct datapath *dp, const uint8_t *bytes, size_t length,
	struct inner *inner, enum drop *why)
{
	if (!inner_parse(inner, bytes, length))
		return refuse(why, DROP_INNER_HEADER);
	if (!dp->attached || !dp->connected || !(inner->version == 4 ? dp->ipv4 : dp->ipv6))
		return refuse(why, DROP_INNER_EARLY);
	if (dp->require_encryption && !mppe_armed(&dp->transmit))
		return refuse(why, DROP_INNER_NO_KEY);
	return true;
}

enum outcome { SEALED, DROPPED, NO_ROOM };

static enum outcome seal_packet(
	struct sealing *s, struct datapath *dp, const uint8_t *bytes, size_t length, enum drop *why)
{
	struct inner inner;
	size_t count = 1;

	if (!may_send(dp, bytes, length, &inner, why))
		return DROPPED;
	*why = DROP_INNER_SIZE;
	if (inner.length > datapath_mtu(dp)) {
		count = inner.dont_fragment ? 0 : inner_fragment_count(&inner, datapath_mtu(dp));
		if (count > DATAPATH_OUT_PER_IN)
			count = 0;
	}
	if (packet_list_room(s->out) < (count ? count : 1))
		return NO_ROOM;
	if (count == 0) {
		if (inner.dont_fragment)
			answer_too_big(s, dp, &inner, bytes);
		return DROPPED;
	}
	for (size_t n = 0; n < count; n++)
		if (!seal_piece(s, dp, &inner, bytes, count == 1, n))
			return DROPPED;
	dp->counters.tx_packets++;
	dp->counters.tx_bytes += inner.length;
	return SEALED;
}

size_t datapath_seal(struct datapath_engine *engine, const struct packet *in, size_t count,
	uint64_t now, struct packet_list *out)
{
	struct sealing s;
	size_t n;

	s.engine = engine;
	s.out = out;
	s.now = now;
	cipher_start(&s.cipher, engine->rc4);
	for (n = 0; n < count; n++) {
		struct datapath *dp = in[n].datapath;
		enum drop why = DROP_INNER_ROUTE;
		if (!dp) {
			engine->drops[why]++;
			continue;
		}
		enum outcome outcome = seal_packet(&s, dp, in[n].bytes, in[n].length, &why);
		if (outcome == NO_ROOM)
			break;
		if (outcome == DROPPED)
			dp->counters.drops[why]++;
	}
	cipher_flush(&s.cipher);
	return n;
}
