/* The enhanced GRE header of PPTP (RFC 2637 §4.1), and one session's sequence and ack numbers. */
#ifndef GREYLINE_GRE_H
#define GREYLINE_GRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "limits.h"
#include "reason.h"
#include "reorder.h"
#include "window.h"

enum {
	GRE_PROTOCOL_PPP = 0x880b,
	GRE_BASE_SIZE = 8,            /* without sequence and acknowledgement number */
	GRE_WINDOW = REORDER_PACKETS, /* the receive window that is meant when none was told */
};

struct gre_header {
	uint16_t payload_length; /* bytes behind the header */
	uint16_t call_id;        /* the receiver's */
	bool has_sequence, has_ack;
	uint32_t sequence, ack;
};

/* Parses a header and takes it and exactly its payload from `r`; the payload is left in `payload`.
 * What is behind the payload is padding and ignored. */
bool gre_parse(struct gre_header *header, struct reader *r, struct reader *payload, enum drop *why);

/* Bytes of the header that gre_build writes: 8 to GRE_HEADER_MAX. */
size_t gre_size(const struct gre_header *header);
void gre_build(struct writer *w, const struct gre_header *header);

/* A packet of version 0 (RFC 2784), which receivers of PPTP ignore. Its payload is four bytes of
 * nothing, because Linux tracks no connection by less than eight behind the IP header. */
void gre_build_opening(struct writer *w);

struct gre {
	uint32_t send_next; /* sequence number of the next packet we send; the first is 0 */
	bool ack_owed;      /* something delivered is not acknowledged yet */
	uint16_t unacked;   /* packets received since our last acknowledgement */
	uint16_t ack_every; /* so many of them are acknowledged at once */
	uint64_t ack_due;   /* a stand-alone acknowledgement leaves then */
	struct window window;
	struct reorder order;
};

/* `window`: packets, as the peer was told; 0: GRE_WINDOW. */
void gre_init(struct gre *gre, uint16_t window);

/* Fills the next header to send: a sequence number when `payload_length` is not 0, and what we owe
 * in acknowledgement. With nothing owed and no payload there is nothing to send. */
void gre_next(
	struct gre *gre, struct gre_header *header, uint16_t peer_call_id, size_t payload_length);

/* The acknowledgement in a header received; false when that packet was never sent. */
bool gre_acked(struct gre *gre, const struct gre_header *header, uint64_t now);

/* A packet with a payload was received: an acknowledgement is owed within GRE_ACK_DELAY, or at once
 * when half a window is waiting for one. */
void gre_owe(struct gre *gre, uint64_t now);

/* Packets sent and not acknowledged. Only meaningful towards a peer that acknowledges. */
uint32_t gre_in_flight(const struct gre *gre);

#endif
