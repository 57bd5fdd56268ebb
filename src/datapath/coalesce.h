/* Segments that belong together become one write to a TUN (the receiving half of segmentation
 * offload). RFC 9293 (TCP), RFC 768 (UDP), RFC 1071 (checksums). */
#ifndef GREYLINE_COALESCE_H
#define GREYLINE_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "limits.h"
#include "packet.h"

/* One write: a packet as it is, or a super-packet whose headers are those of its first segment
 * with lengths, flags and checksum made to fit the whole. Its checksum field holds the sum of the
 * pseudo header, as `offload` says. */
struct gathered {
	struct datapath *datapath; /* of the first packet; all belong to one TUN */
	struct offload offload;    /* NONE: the packet as it is */
	uint16_t header_length;    /* IP and transport header, of a super-packet; otherwise 0 */
	uint16_t first, count;     /* pieces to write one after another */
	uint16_t packets;          /* inner packets in it */
	uint32_t length;           /* bytes in all, at most INNER_MAX of a super-packet */
};

enum { COALESCE_MAX = 512 }; /* packets of one call */

struct coalescer {
	struct gathered gathered[COALESCE_MAX];
	struct iovec pieces[COALESCE_MAX];
	size_t count;
};

/* What the TUN's kernel takes; a packet of another kind is written as it is. */
struct coalesce_rules {
	bool tcp4, tcp6, udp;
};

/* Gathers `count` inner packets for one TUN, at most COALESCE_MAX, into `c`. Packets of one flow
 * stay in order; nothing is joined whose checksum does not hold, since MPPE protects nothing. The
 * first segment's headers are rewritten in place; the packets must live as long as `c` is used. */
void coalesce(struct coalescer *c, const struct coalesce_rules *rules,
	const struct packet *const *packets, size_t count);

#endif
