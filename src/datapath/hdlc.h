/* PPP in asynchronous HDLC-like framing (RFC 1662 §4): what a byte line carries.
 *
 * A frame here is what PPTP carries too: address and control fields or not, protocol field,
 * information; without flags, escapes and check sequence, which are this file's matter. Both
 * directions work on memory of the caller and on nothing else.
 *
 * The check sequence is that of RFC 1662 §C.2 until LCP agrees on others (RFC 1570 §2.1). LCP
 * packets of codes 1 to 7 are sent as if nothing had been agreed (RFC 1662 §7), and are taken with
 * the default check sequence as well as with the agreed one. Where the null FCS was agreed, network
 * packets go without any, and everything else with the other one that was agreed, or the default.
 */
#ifndef GREYLINE_HDLC_H
#define GREYLINE_HDLC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum {
	HDLC_FLAG = 0x7e,
	HDLC_ESCAPE = 0x7d,
	HDLC_CHANGE = 0x20, /* what an escaped byte is exclusive-ored with */
	HDLC_CHECK_MAX = 4, /* bytes of the longest check sequence */
};

/* The default map: every byte below 0x20 is escaped. */
#define HDLC_ACCM_DEFAULT 0xffffffffu

/* Check sequences, by the flags of the LCP option (RFC 1570 §2.1). HDLC_FCS_NULL may be joined with
 * one of the others. */
enum hdlc_fcs {
	HDLC_FCS_NULL = 1,
	HDLC_FCS_16 = 2,
	HDLC_FCS_32 = 4,
};

struct fcs_engine;

struct hdlc_transmit {
	const struct fcs_engine *engine; /* of check sequences */
	uint32_t accm;                   /* bit n: byte n is escaped (the peer's wish) */
	uint32_t escape[8]; /* bit n of word m: byte 32 m + n is escaped too (our own wish) */
	uint8_t fcs;        /* of enum hdlc_fcs */
	bool by_table;      /* `escape` holds bytes of 0x20 and above; see hdlc_escape */
};

/* Nothing agreed, nothing else escaped. */
void hdlc_transmit_init(struct hdlc_transmit *transmit);

/* Has `byte` escaped beside the map. False for those that cannot be: 0x20 to 0x3f, 0x5d and 0x5e,
 * which escaped are control characters, the escape and the flag. (pppd lets 0x5d through, and no
 * receiver understands it.) */
bool hdlc_escape(struct hdlc_transmit *transmit, uint8_t byte);

/* Bytes that hdlc_encode may write for a frame of `length`: all escaped, and a flag. */
static inline size_t hdlc_encoded_max(size_t length)
{
	return 2 * (length + HDLC_CHECK_MAX) + 1;
}

/* The frame, its check sequence and the flag that ends it. The flag in front is the caller's: only
 * a line that was silent needs one, to end the noise of the silence. Returns what was written, 0
 * when `capacity` is less than it takes. */
size_t hdlc_encode(const struct hdlc_transmit *transmit, const uint8_t *frame, size_t length,
	uint8_t *to, size_t capacity);
/* The same with the agreed check sequence, whatever the frame is. For what hdlc_restarts() tells,
 * when another than the default was agreed: the peer may still be at that, so both are sent, this
 * first (RFC 1570 §2.1.1). */
size_t hdlc_encode_agreed(const struct hdlc_transmit *transmit, const uint8_t *frame, size_t length,
	uint8_t *to, size_t capacity);
/* An LCP Configure-Request or Terminate-Request. */
bool hdlc_restarts(const uint8_t *frame, size_t length);

struct hdlc_receive {
	uint32_t accm; /* bit n: byte n is the line's own, and ignored, unless it is escaped */
	uint8_t fcs;   /* of enum hdlc_fcs; 16 and 32 joined: what is right by either is taken */
	/* Inside. */
	const struct fcs_engine *engine;
	bool escaped;    /* the last byte was an escape */
	bool tossing;    /* what comes until the next flag is of no use: too long */
	bool whole;      /* what is in `frame` was told of */
	uint16_t length; /* of what is in `frame` */
	uint16_t capacity;
	uint8_t *frame; /* the caller's memory for the frame that is coming in */
};

enum hdlc_result {
	HDLC_MORE,  /* all bytes are taken, no frame is whole */
	HDLC_FRAME, /* a frame is whole: `receive->frame`, `receive->length`, FCS checked and cut */
	/* A frame is lost. */
	HDLC_ABORTED, /* ended by an escape and a flag (RFC 1662 §4.3) */
	HDLC_DAMAGED, /* wrong check sequence */
	HDLC_SHORT,   /* fewer than four bytes, but not none, between the flags (§4.3) */
	HDLC_LONG,    /* more than fits the memory */
};

/* Nothing agreed; `memory` holds a frame and its check sequence, and must stay. */
void hdlc_receive_init(struct hdlc_receive *receive, uint8_t *memory, size_t capacity);

/* Other memory for the frame to come; what is there of it is copied. After HDLC_FRAME there is
 * nothing to copy, and the frame stays where it is. `memory` may overlap the old one. */
void hdlc_receive_into(struct hdlc_receive *receive, uint8_t *memory, size_t capacity);

/* Takes bytes off the front of `*bytes` (of `*length`) until a frame ended or none is left. The
 * next call after HDLC_FRAME begins a new frame in the same memory. */
enum hdlc_result hdlc_decode(struct hdlc_receive *receive, const uint8_t **bytes, size_t *length);

#endif
