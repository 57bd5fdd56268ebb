/* The raw back end: GRE version 1 (RFC 2637 §4) by recvmmsg and sendmmsg, for one worker.
 *
 * Each family has two sockets: one for PPP control frames, with buffers of its own and a priority
 * that qdiscs like pfifo_fast let overtake, and one for everything else. A flood of data can
 * neither push control frames out of a full receive buffer nor hold them up in a full send buffer.
 * Data that was overtaken in a full queue arrives behind a later GRE number: our receiver puts it
 * back in order, one that does not hold packets loses it, which a full queue does anyway.
 *
 * DF policy (`dont_fragment`, on by default): DF is set on every packet that fits the path MTU the
 * kernel knows, so routers answer one that is too large with ICMP instead of fragmenting it, and
 * the data path is told and makes its packets fit (path.h). A packet larger than that, sent in the
 * moment before it was told, the kernel fragments here and sends without DF
 * (IP_PMTUDISC_WANT): nothing is lost meanwhile. Off: DF is never set, and routers fragment
 * (IP_PMTUDISC_DONT), for paths that swallow ICMP. IPv6 is never fragmented by routers, so there
 * the two differ in nothing. */
#ifndef GREYLINE_OUTER_RAW_H
#define GREYLINE_OUTER_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outer.h"

/* Numbers of its sockets; those of control frames are to be read first. */
enum raw_source {
	RAW_CONTROL4,
	RAW_CONTROL6,
	RAW_DATA4,
	RAW_DATA6,
	RAW_SOURCES,
};

enum { RAW_RETURNED_MAX = 16 };

struct outer_raw;

/* 0 or -errno with `error`. A host without IPv6 is no fault unless `local` asks for it. */
int outer_raw_open(struct outer_raw **raw, const struct outer_config *config, char error[256]);
void outer_raw_close(struct outer_raw *raw); /* NULL is fine */

/* The descriptor of a socket, or -1: not open. */
int outer_raw_descriptor(const struct outer_raw *raw, enum raw_source source);

/* The TTL of what it sends: the system's default. */
uint8_t outer_raw_ttl(const struct outer_raw *raw);

/* As outer_receive(). */
size_t outer_raw_receive(
	struct outer_raw *raw, enum raw_source source, struct gre_datagram datagrams[BATCH_MAX]);

/* Peers to whom packets could not be brought: ICMP errors that came back to the sockets for
 * control frames (for data packets too), and the host's own. A peer may be named twice. */
size_t outer_raw_returned(
	struct outer_raw *raw, enum raw_source source, struct address peers[RAW_RETURNED_MAX]);

/* Sends up to BATCH_MAX outer packets between their datapaths' addresses (an unknown local one is
 * the kernel's choice). When the send buffer is full it waits a moment once, which lets the TUN's
 * queue grow instead of losing the packet; then it gives up. Bit n of the answer: packet n was
 * refused. */
uint64_t outer_raw_send(
	struct outer_raw *raw, const struct packet *const *packets, size_t count, bool control);

#endif
