/* The programs that find our packets in the kernel, and the map of claimed calls they ask.
 *
 * A packet is ours exactly when its destination address, source address and call ID are those of
 * a claimed call. One test serves three places: what a packet ring takes (socket filter), what
 * the stack then need not see (TCX), and what goes to an AF_XDP socket (XDP).
 *
 * The map is shared memory: claiming a call is one store, without a system call and in step with
 * all workers. Made by outer_prepare (outer.h) while there is CAP_BPF; attaching later needs
 * CAP_NET_ADMIN only. What is attached goes with the last descriptor, kill -9 included. */
#ifndef GREYLINE_OUTER_PROGRAMS_H
#define GREYLINE_OUTER_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "outer.h"

/* Which back ends the kernel has programs for; the reason otherwise (a static text, or ""). */
bool outer_programs_rings(const struct outer_programs *programs, const char **why);
bool outer_programs_xdp(const struct outer_programs *programs, const char **why);

/* From any thread; of one call ID from one thread only. Addresses that are not IPv4 claim nothing:
 * such packets climb the stack. */
void outer_programs_claim(struct outer_programs *programs, uint16_t call_id,
	const struct address *local, const struct address *peer);
void outer_programs_release(struct outer_programs *programs, uint16_t call_id);

enum {
	TAKEN_MAX = 1700, /* larger IP packets are left to the stack: they may not fit a frame */
	XDP_QUEUES_MAX = 64,
};

/* A filter for a packet socket of type SOCK_DGRAM: ours whole, the others not at all. 0 or -errno.
 */
int outer_programs_filter(const struct outer_programs *programs, int socket);

/* Ends ours at the ingress of an interface, behind the packet sockets; `link_header` is 14 or 0.
 * Returns a descriptor to be closed, or -errno. */
int outer_programs_drop(
	const struct outer_programs *programs, unsigned interface, uint8_t link_header);

/* Sends ours on interface number `position` (outer_choice.links), whose link address is `mac`, to
 * the sockets set with outer_programs_queue. Returns a descriptor to be closed, or -errno. */
int outer_programs_redirect(struct outer_programs *programs, unsigned position, unsigned interface,
	const uint8_t mac[6]);
int outer_programs_queue(
	const struct outer_programs *programs, unsigned position, unsigned queue, int socket);

/* The fanout group of interface number `position`, made by worker 0. */
uint16_t outer_programs_group(const struct outer_programs *programs, unsigned position);
void outer_programs_set_group(struct outer_programs *programs, unsigned position, uint16_t group);

#endif
