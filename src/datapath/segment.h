/* Cutting super-packets into the packets they stand for, and taking checksums that a TUN left to
 * us. RFC 9293 §3.1 (TCP), RFC 768 (UDP), RFC 791, RFC 8200, RFC 6864 (IP ID). */
#ifndef GREYLINE_SEGMENT_H
#define GREYLINE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "inner.h"
#include "packet.h"

/* Packets of one super-packet: what 64 KiB make at the smallest MSS Linux sends with. */
enum { SEGMENTS_MAX = 2048 };

/* A super-packet that has been looked at. It points into the packet, which must stay. */
struct segments {
	const uint8_t *packet;
	uint16_t transport; /* where the TCP or UDP header begins */
	uint16_t headers;   /* bytes of all headers, which every segment repeats */
	uint16_t each;      /* bytes of payload in every segment but the last */
	uint16_t count;
	uint32_t payload; /* bytes in all */
	uint32_t pseudo;  /* checksum of the pseudo header without its length */
	bool tcp, ipv4;
};

/* Looks at a super-packet, whose `offload->kind` is not NONE. False: INNER_OFFLOAD, it is none
 * that could be cut (a fragment, a SYN, headers that do not fit, too many segments). */
bool segments_start(struct segments *s, const struct inner *inner, const uint8_t *packet,
	const struct offload *offload);

/* Bytes of segment `index` (from 0), headers included; none is longer than the first. */
static inline size_t segment_length(const struct segments *s, size_t index)
{
	size_t left = s->payload - index * s->each;
	return s->headers + (left < s->each ? left : s->each);
}

/* Writes segment `index`, checksums and all. */
void segment_write(const struct segments *s, size_t index, struct writer *w);

/* Whether a missing checksum lies within the packet; false: INNER_OFFLOAD. */
bool offload_fits(const struct offload *offload, const struct inner *inner);

/* Writes an ordinary packet of `length` bytes, taking its checksum where that is missing. */
void offload_write(
	const struct offload *offload, const uint8_t *packet, size_t length, struct writer *w);

/* Takes a missing checksum in place. */
void offload_complete(struct offload *offload, uint8_t *packet, size_t length);

#endif
