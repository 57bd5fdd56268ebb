/* Enhanced GRE (RFC 2637 §4): the header, and a session's numbers.
 *
 *     bit 0 C  1 R  2 K  3 S  4 s  5-7 Recur  8 A  9-12 Flags  13-15 Ver
 *
 * Only S and A may vary; K is always set, and Ver is 1. The key is the payload's length and the
 * receiver's Call ID. S comes with a payload and A with an acknowledgement; a packet may carry an
 * acknowledgement alone.
 *
 * Acknowledgements ride on data. When there is none, one leaves after GRE_ACK_DELAY, or as soon as
 * half a window of packets waits for it. Ours name the last packet delivered in order.
 *
 * What the peer acknowledges moves the send window (window.c), which few peers need: Windows and
 * the Linux kernel have none, and TCP inside the tunnel does its own congestion control. */
#include "gre.h"

enum {
	FLAG_K = 0x2000,
	FLAG_S = 0x1000,
	FLAG_A = 0x0080,
	VERSION_MASK = 0x0007,
	VERSION_PPTP = 1,
};

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

bool gre_parse(struct gre_header *header, struct reader *r, struct reader *payload, enum drop *why)
{
	uint16_t flags = read_u16(r);
	uint16_t protocol = read_u16(r);
	*header = (struct gre_header){.has_sequence = flags & FLAG_S, .has_ack = flags & FLAG_A};
	if (r->failed)
		return refuse(why, DROP_GRE_SHORT);
	if ((flags & VERSION_MASK) != VERSION_PPTP)
		return refuse(why, DROP_GRE_VERSION);
	if (protocol != GRE_PROTOCOL_PPP)
		return refuse(why, DROP_GRE_PROTOCOL);
	if ((flags & ~(FLAG_S | FLAG_A)) != (FLAG_K | VERSION_PPTP))
		return refuse(why, DROP_GRE_FLAGS);
	header->payload_length = read_u16(r);
	header->call_id = read_u16(r);
	if (header->has_sequence)
		header->sequence = read_u32(r);
	if (header->has_ack)
		header->ack = read_u32(r);
	if (r->failed)
		return refuse(why, DROP_GRE_SHORT);
	if (!header->has_sequence && header->payload_length)
		return refuse(why, DROP_GRE_FLAGS);
	*payload = read_slice(r, header->payload_length);
	if (r->failed)
		return refuse(why, DROP_GRE_LENGTH);
	return true;
}

size_t gre_size(const struct gre_header *header)
{
	return GRE_BASE_SIZE + (header->has_sequence ? 4 : 0) + (header->has_ack ? 4 : 0);
}

void gre_build(struct writer *w, const struct gre_header *header)
{
	uint16_t flags = FLAG_K | VERSION_PPTP;

	if (header->has_sequence)
		flags |= FLAG_S;
	if (header->has_ack)
		flags |= FLAG_A;
	write_u16(w, flags);
	write_u16(w, GRE_PROTOCOL_PPP);
	write_u16(w, header->payload_length);
	write_u16(w, header->call_id);
	if (header->has_sequence)
		write_u32(w, header->sequence);
	if (header->has_ack)
		write_u32(w, header->ack);
}

void gre_build_opening(struct writer *w)
{
	write_u16(w, 0);
	write_u16(w, GRE_PROTOCOL_PPP);
	write_u32(w, 0);
}

void gre_init(struct gre *gre, uint16_t window)
{
	uint16_t kept = window && window < GRE_WINDOW ? window : GRE_WINDOW;

	*gre = (struct gre){.ack_due = NEVER, .ack_every = (uint16_t)((kept + 1) / 2)};
	reorder_init(&gre->order);
	window_init(&gre->window);
}

void gre_next(
	struct gre *gre, struct gre_header *header, uint16_t peer_call_id, size_t payload_length)
{
	*header = (struct gre_header){
		.payload_length = (uint16_t)payload_length,
		.call_id = peer_call_id,
		.has_sequence = payload_length != 0,
		.has_ack = gre->ack_owed,
		.ack = gre->order.next - 1,
	};
	if (header->has_sequence)
		header->sequence = gre->send_next++;
	gre->ack_owed = false;
	gre->unacked = 0;
	gre->ack_due = NEVER;
}

bool gre_acked(struct gre *gre, const struct gre_header *header, uint64_t now)
{
	return window_acked(&gre->window, header->ack, gre->send_next, !header->has_sequence, now);
}

void gre_owe(struct gre *gre, uint64_t now)
{
	if (!gre->ack_owed)
		gre->ack_due = now + GRE_ACK_DELAY;
	gre->ack_owed = true;
	if (++gre->unacked >= gre->ack_every)
		gre->ack_due = now;
}

uint32_t gre_in_flight(const struct gre *gre)
{
	return gre->send_next - gre->window.acked;
}
