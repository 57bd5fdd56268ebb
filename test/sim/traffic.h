/* Inner packets whose content follows from their flow and number, so that a receiver can tell
 * every bit of them. IPv4 or IPv6, protocol 253 (RFC 3692: for experiments), valid checksum; or,
 * where there is room for its header, a few connections of TCP that only grow. */
#ifndef GREYLINE_TRAFFIC_H
#define GREYLINE_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum {
	TRAFFIC_HEADER = 28,  /* of IPv4 */
	TRAFFIC_HEADER6 = 48, /* of IPv6 */
	TRAFFIC_TCP = 100,    /* the shortest that is TCP's */
	TRAFFIC_PACKETS = 5120,
	TRAFFIC_CONNECTIONS = 3,
};
#define TRAFFIC_CLEAR 0xc1ea4c1eu /* the flow of what an adversary sends in clear text */

/* Where a packet comes from and goes to; both of one family. */
struct traffic_ends {
	struct address source, destination;
};

/* One direction of one session. */
struct flow {
	uint32_t id;
	uint32_t sent, received;
	uint32_t newest;   /* number of the newest received; meaningful when received */
	uint32_t promised; /* from this number on nothing may be lost, on a wire that loses nothing
			    */
	bool newest_late;  /* the last one taken came behind a newer one */
	bool tcp;
	uint32_t next[TRAFFIC_CONNECTIONS]; /* sequence numbers */
	uint32_t sequence[TRAFFIC_PACKETS]; /* of those sent */
	uint64_t seen[TRAFFIC_PACKETS / 64];
};

enum traffic_fault {
	TRAFFIC_GOOD,
	TRAFFIC_CONTENT, /* not what was sent */
	TRAFFIC_FLOW,    /* somebody else's packet */
	TRAFFIC_TWICE,
	TRAFFIC_NEVER_SENT,
};
const char *traffic_fault_word(enum traffic_fault fault);

void flow_init(struct flow *flow, uint32_t id, bool tcp);
/* Builds packet `flow->sent` and counts it. `length` is at least the family's header. */
void flow_build(struct flow *flow, uint8_t *bytes, size_t length, const struct traffic_ends *ends);
/* Those of an IPv6 packet. */
struct traffic_ends traffic_ends6(const uint8_t *bytes);
bool flow_seen(const struct flow *flow, uint32_t number);
/* Takes a packet that came out at the other end. */
enum traffic_fault flow_take(
	struct flow *flow, const uint8_t *bytes, size_t length, const struct traffic_ends *ends);

#endif
