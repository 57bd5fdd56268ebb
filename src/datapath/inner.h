/* The IP packets inside: header checks, fragments, and the answer to what is too big.
 * RFC 791, RFC 1191 (fragmentation needed), RFC 8200, RFC 4443 §3.2 (packet too big). */
#ifndef GREYLINE_INNER_H
#define GREYLINE_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "bytes.h"
#include "reason.h"

enum {
	INNER_TOO_BIG_MAX = 1280, /* bytes of the longest answer inner_too_big writes */
};

struct inner {
	uint8_t version;       /* 4 or 6 */
	uint8_t header_length; /* bytes, options included */
	bool dont_fragment;    /* always for IPv6 */
	bool more_fragments;   /* IPv4 */
	uint16_t offset;       /* of a fragment, in bytes; IPv4 */
	uint8_t protocol;      /* IPv4; the first next header of IPv6 */
	uint32_t length;       /* header and payload; what arrived behind it is padding */
	struct address source, destination;
};

/* Reads and checks the fixed header; false: INNER_HEADER. `bytes` hold `length` bytes. */
bool inner_parse(struct inner *inner, const uint8_t *bytes, size_t length);

/* Where the transport header of a whole packet begins, behind what IPv6 may put in front of it, and
 * its protocol; 0: it is a fragment, or the headers do not fit. */
size_t inner_transport(const struct inner *inner, const uint8_t *packet, uint8_t *protocol);

/* DSCP and ECN (RFC 2474, RFC 3168) of a packet that parsed. */
static inline uint8_t inner_tos(const struct inner *inner, const uint8_t *packet)
{
	return inner->version == 4 ? packet[1] : (uint8_t)(packet[0] << 4 | packet[1] >> 4);
}

/* Whether the IPv4 header checksum holds; IPv6 has none. */
bool inner_checksum_holds(const struct inner *inner, const uint8_t *bytes);

/* Writes the ICMP error that tells the sender of `packet` that only `mtu` bytes fit, from `from`
 * (a router of that family, or family 0: the packet's own destination). 0 when none may
 * be sent: to an error, to a fragment behind the first, to or from an address that is not one
 * host's (RFC 1122 §3.2.2, RFC 4443 §2.4). */
size_t inner_too_big(uint8_t *out, size_t capacity, const struct inner *inner,
	const uint8_t *packet, uint16_t mtu, const struct address *from);

/* How many fragments of at most `mtu` bytes an IPv4 packet makes; 0 when `mtu` is too small. */
size_t inner_fragment_count(const struct inner *inner, uint16_t mtu);

/* Bytes of fragment `index` (from 0), header included; never more than `mtu`. */
size_t inner_fragment_length(const struct inner *inner, uint16_t mtu, size_t index);

/* Writes fragment `index` (from 0); the bytes written, 0 when `w` has no room. */
size_t inner_fragment(struct writer *w, const struct inner *inner, const uint8_t *packet,
	uint16_t mtu, size_t index);

#endif
