/* A raw socket for GRE version 1 (RFC 2637 §4), used in batches by one worker.
 *
 * Outer policy: DF is set as long as a packet fits the path MTU the kernel knows, and the kernel
 * fragments locally what does not (IP_PMTUDISC_WANT: what its own PPTP does), so a learned smaller
 * path never becomes a black hole. TTL is the system's default. DSCP and ECN leave as 0: marks of
 * inner packets would both leak through the encryption and let the network reorder one GRE
 * sequence, and RFC 6040 wants Not-ECT where the far end does not copy congestion marks back in. */
#ifndef GREYLINE_GRE_SOCKET_H
#define GREYLINE_GRE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "limits.h"
#include "packet.h"

struct gre_socket {
	int fd;         /* -1: not open */
	uint8_t family; /* 4 or 6 */
	struct gre_batch *batch;
};

/* What arrived: all pointers go into the socket's buffers, until the next receive. */
struct gre_datagram {
	struct address source, destination; /* outer */
	uint8_t *gre;                       /* GRE header onwards */
	uint32_t length;
	bool malformed; /* an IP header that contradicts itself; nothing else is set */
	bool truncated; /* larger than OUTER_MAX; nothing else is set */
};

/* Opens a socket for the call IDs with `id % workers == worker`. `local` with family 0: any
 * address. 0 or -errno with `error`. */
int gre_socket_open(struct gre_socket *socket, uint8_t family, const struct address *local,
	unsigned worker, unsigned workers, char error[256]);
void gre_socket_close(struct gre_socket *socket);

/* Up to BATCH_MAX datagrams; 0 when none are waiting. Never blocks. */
size_t gre_socket_receive(struct gre_socket *socket, struct gre_datagram datagrams[BATCH_MAX]);

/* Sends up to BATCH_MAX outer packets between their datapaths' addresses (an unknown local one is
 * the kernel's choice). When the send buffer is full it waits a moment once, which lets the TUN's
 * queue grow instead of losing the packet; then it gives up. Bit n of the answer: packet n was
 * refused. */
uint64_t gre_socket_send(
	struct gre_socket *socket, const struct packet *const *packets, size_t count);

/* Writes the IP header such a packet has on the wire (for captures), at most 40 bytes. */
size_t gre_outer_header(uint8_t at[40], const struct address *source,
	const struct address *destination, uint32_t length);

#endif
