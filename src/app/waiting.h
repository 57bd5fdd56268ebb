/* Packets that wait while their connection is dialled: a bounded queue, and what is asked of each.
 */
#ifndef GREYLINE_WAITING_H
#define GREYLINE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

struct waiting_packet {
	uint64_t since; /* microseconds */
	uint32_t length;
	uint8_t bytes[PPP_MRU_DEFAULT]; /* from the IP header on */
};

/* First in, first out; all zero: empty. */
struct waiting {
	struct waiting_packet at[WAITING_PACKETS];
	uint32_t first, count;
	size_t bytes;
};

/* False when there is no room: what is there already is older, and dialled. */
bool waiting_put(struct waiting *waiting, const uint8_t *bytes, size_t length, uint64_t now);
/* The oldest; NULL when there is none. It is the caller's to change until it is dropped. */
struct waiting_packet *waiting_first(struct waiting *waiting);
void waiting_drop_first(struct waiting *waiting);
/* Forgets those that have waited too long, and how many they were. */
uint32_t waiting_expire(struct waiting *waiting, uint64_t now);

/* Whether a packet is worth a connection, as pppd judges before it asks a filter: not a fragment
 * behind the first, and not the mere end of a TCP connection. */
bool waiting_is_wish(const uint8_t *ip, size_t length);

/* The packet comes from another IPv4 address now, where it came from `before` (host order): its
 * checksums stay as right or wrong as they were. */
void waiting_readdress(uint8_t *ip, size_t length, uint32_t before, uint32_t now);

#endif
