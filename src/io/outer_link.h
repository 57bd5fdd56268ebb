/* A fast outer link: what outer.c asks of a back end that serves one interface for one worker.
 *
 * It takes off the interface exactly the data packets of claimed calls (outer_programs.h): IPv4
 * without options, not fragments, no control frames, to this host. Everything else climbs the
 * stack to the raw sockets. It sends packets whose path is direct over its interface and that fit
 * the path's MTU; the caller sends all others by the raw socket. When its interface goes down or
 * away it receives nothing and refuses what it is given; there is nothing to be undone. */
#ifndef GREYLINE_OUTER_LINK_H
#define GREYLINE_OUTER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "outer.h"
#include "outer_programs.h"

/* What is needed of a direct path for each packet. Small, since there may be 10,000 of them. */
struct direct_path {
	uint8_t local[4], peer[4];
	uint8_t link_header_length;
	uint8_t link_header[PATH_LINK_HEADER_MAX];
	uint16_t mtu;
};

static inline struct direct_path direct_path_of(const struct path *path)
{
	struct direct_path direct = {
		.link_header_length = path->link_header_length, .mtu = path->mtu};
	memcpy(direct.local, path->local.bytes, 4);
	memcpy(direct.peer, path->peer.bytes, 4);
	memcpy(direct.link_header, path->link_header, path->link_header_length);
	return direct;
}

/* Whether send() below takes such a packet; others go by the raw socket. */
static inline bool outer_link_takes(const struct packet *packet, const struct direct_path *path)
{
	size_t length = OUTER_IP_HEADER + (size_t)packet->length;
	return length <= TAKEN_MAX && length <= path->mtu;
}

struct outer_link; /* each back end's own */

struct outer_link_config {
	unsigned interface; /* its index */
	unsigned position;  /* of it in outer_choice.links: below OUTER_LINKS_MAX */
	unsigned worker, workers;
	uint8_t ttl;
	bool dont_fragment;
	bool unqueued; /* no qdisc of any kind: nothing is lost by passing it by */
	struct outer_programs *programs; /* never NULL */
};

struct outer_link_ops {
	/* 0 or -errno with `error`. Workers open in the order of their numbers, 0 first, and before
	 * the system call filter is installed. What serves all workers is worker 0's. */
	int (*open)(
		struct outer_link **link, const struct outer_link_config *config, char error[256]);
	void (*close)(struct outer_link *link);

	/* To be watched for reading, level-triggered; one is enough whatever is behind it. */
	int (*descriptor)(const struct outer_link *link);

	/* As outer_receive. Datagrams stay until the next receive of the same link; one that
	 * returns 0 gives the last ones back. */
	size_t (*receive)(struct outer_link *link, struct gre_datagram datagrams[BATCH_MAX]);

	/* As outer_lend. The frames are the caller's until its next send or lend on this link. */
	void (*lend)(struct outer_link *link, struct packet_list *list);

	/* Sends any number of packets for which outer_link_takes; paths[n] is that of packet n,
	 * over this interface.
	 * Writes the link and IP headers: DF as configured, TOS the packet's. Bit n of `refused`
	 * (set only, the caller clears): packet n was not taken. */
	void (*send)(struct outer_link *link, const struct packet *const *packets,
		const struct direct_path *const *paths, size_t count, uint64_t *refused);
};

extern const struct outer_link_ops outer_rings, outer_xdp;

#endif
