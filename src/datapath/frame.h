/* The PPP frame as PPTP carries it: address and control, protocol, information (RFC 1661 §2,
 * RFC 1662 §3.1). There is no HDLC, no frame check sequence: GRE delivers whole frames. */
#ifndef GREYLINE_FRAME_H
#define GREYLINE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "reason.h"

enum {
	PROTOCOL_IPV4 = 0x0021,
	PROTOCOL_MULTILINK = 0x003d,
	PROTOCOL_IPV6 = 0x0057,
	PROTOCOL_MPPE_FIRST = 0x0021, /* what MPPE may carry (RFC 3078 §3) */
	PROTOCOL_MPPE_LAST = 0x00fa,
	PROTOCOL_COMPRESSED = 0x00fd, /* an MPPE packet */
	PROTOCOL_NETWORK_LAST = 0x3fff,
	PROTOCOL_UNIT_LAST = 0xbfff, /* those above are a link's (RFC 1661 §2) */
	PROTOCOL_CCP = 0x80fd,
	FRAME_HEADER_MAX = 4,
};

/* Takes the address, control and protocol fields from `r`, compressed or not: whatever was
 * negotiated, a receiver accepts both (RFC 1661 §6.5, §6.6). */
bool frame_parse(struct reader *r, uint16_t *protocol, enum drop *why);

/* The protocol field alone, as it stands inside an MPPE packet. */
bool frame_protocol(struct reader *r, uint16_t *protocol, enum drop *why);

/* Bytes that frame_build writes: 1 to FRAME_HEADER_MAX. */
size_t frame_size(uint16_t protocol, bool compress_address, bool compress_protocol);

/* Fields in front of a network packet. Control frames are built with both compressions off. */
void frame_build(
	struct writer *w, uint16_t protocol, bool compress_address, bool compress_protocol);
void frame_build_protocol(struct writer *w, uint16_t protocol, bool compress_protocol);

#endif
