/* Whole IP packets that the control plane itself sends and reads: ICMPv6, and UDP of both
 * families. RFC 8200 §8.1 (checksums), RFC 768. */
#ifndef GREYLINE_IP_PACKET_H
#define GREYLINE_IP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "bytes.h"

enum { IP_PACKET_MAX = 1280 }; /* of those sent: every IPv6 link takes them */

struct ip_packet {
	struct address source, destination;
	uint8_t protocol; /* PROTOCOL_ICMPV6 or PROTOCOL_UDP */
	uint8_t hop_limit;
	uint16_t from, to;  /* UDP's ports */
	struct reader body; /* when read: behind UDP's header; of ICMPv6 all, its type first */
};

/* False unless it is one of the two, whole and with the right checksum. The body stays where it
 * is, in `bytes`. */
bool ip_packet_read(struct ip_packet *packet, const uint8_t *bytes, size_t length);

/* Writes the headers, behind which the body is to be written; `body` is not looked at. */
void ip_packet_begin(struct writer *w, const struct ip_packet *packet);
/* Lengths and checksums. Bytes of the packet; 0 when there was no room. */
size_t ip_packet_end(struct writer *w);

static inline bool address_is_link_local(const struct address *a)
{
	return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

#endif
