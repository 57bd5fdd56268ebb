/* The answers to what is asked of our link-local address on an interface that sessions share. */
#ifndef GREYLINE_NEIGHBOUR_H
#define GREYLINE_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_packet.h"

/* Writes the answer to an ICMPv6 packet to `at` (of IP_PACKET_MAX): Neighbour Solicitations for
 * `own`, and Echo Requests to it. Its length; 0: there is none to give. */
size_t neighbour_answer(uint8_t *at, const struct ip_packet *in, const struct address *own);
/* ICMPv6 that may be passed over in silence: what hosts say to routers of multicast, and of their
 * own addresses. */
bool neighbour_chatter(const struct ip_packet *in);

#endif
