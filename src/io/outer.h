/* The outer link: where GRE packets leave and arrive. One interface, three back ends.
 *
 *   raw    recvmmsg and sendmmsg on a raw socket. Works everywhere; netfilter, qdiscs and routing
 *          see every packet. Always open: the others hand it what they do not take themselves.
 *   rings  AF_PACKET rings on chosen interfaces (outer_rings.c).
 *   xdp    AF_XDP sockets on them, where the driver has it (outer_xdp.c).
 *
 * The raw socket always takes and sends control frames, through a socket of its own, so that they
 * go ahead of data; fragments; IPv6; peers behind other interfaces; and packets to peers whose
 * path is not resolved, which makes the kernel resolve it (path.h).
 *
 * Where all sessions are on lines there is none (OUTER_NONE): nothing is opened or sent.
 *
 * Which one serves is decided once, at start (outer_choice.c), and told in words by `status`. All
 * functions but outer_prepare are called by the worker that owns the `struct outer`. */
#ifndef GREYLINE_OUTER_H
#define GREYLINE_OUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "limits.h"
#include "packet.h"
#include "path.h"

enum outer_kind { OUTER_AUTO, OUTER_RAW, OUTER_RINGS, OUTER_XDP, OUTER_NONE };

enum {
	OUTER_LINKS_MAX = 4,    /* interfaces with rings or XDP sockets */
	OUTER_SOURCES_MAX = 12, /* descriptors of one worker */
};

/* What needs more privilege than the workers keep: BPF programs and their map. Made once, before
 * capabilities are dropped; shared by all workers. Without it only raw is to be had. */
struct outer_programs;

/* The decision, for all workers. */
struct outer_choice {
	enum outer_kind kind; /* never OUTER_AUTO */
	unsigned link_count;
	unsigned links[OUTER_LINKS_MAX]; /* interface indices */
	bool unqueued[OUTER_LINKS_MAX];  /* those without a qdisc */
	char why[160];                   /* in words, for status: "rings on eth0: …" */
};

struct outer_config {
	unsigned worker, workers;
	struct address local; /* bind raw sockets here; family 0: any */
	uint32_t mark;        /* SO_MARK of raw sockets; 0: none. Only raw obeys it */
	uint8_t ttl;          /* of headers we write ourselves; 0: the system's default */
	bool dont_fragment; /* outer DF as far as the path MTU is known; else never (outer_raw.h) */
	const struct outer_choice *choice;
	struct outer_programs *programs; /* may be NULL: raw */
};

/* What arrived: all pointers go into the back end's memory, until the next receive from the same
 * source. Read only for rings and XDP too. */
struct gre_datagram {
	struct address source, destination; /* outer */
	uint8_t *gre;                       /* GRE header onwards */
	uint32_t length;
	uint8_t tos;    /* DSCP and ECN */
	bool control;   /* by the socket for control frames: ahead of data that came before it */
	bool malformed; /* an IP header that contradicts itself; nothing else is set */
	bool truncated; /* larger than OUTER_MAX; nothing else is set */
};

struct outer;

/* 0 or -errno with `error`. */
int outer_open(struct outer **outer, const struct outer_config *config, char error[256]);
void outer_close(struct outer *outer);

/* The descriptors to watch for reading, level-triggered; the index is the `source` below, and -1
 * stands for one that is not open. Control frames come from source 0 (and 1 for IPv6), which are
 * to be read before the others; ICMP errors wake them too, and then they receive nothing. */
size_t outer_sources(const struct outer *outer, int descriptors[OUTER_SOURCES_MAX]);

/* Up to BATCH_MAX datagrams; 0 when none are waiting. Never blocks. */
size_t outer_receive(
	struct outer *outer, unsigned source, struct gre_datagram datagrams[BATCH_MAX]);

/* Gives the first packets of an empty list buffers that lie in transmit frames, as many as are
 * free now, with room in front for the headers of the link and of IP; the others keep their own.
 * A frame not used is given again. A packet sent from its frame is not copied; the caller's own
 * buffers stay the caller's. */
void outer_lend(struct outer *outer, struct packet_list *list);

/* Sends outer packets of any sessions, in order for each of them. Bit n of `refused` (of
 * (count + 63) / 64 words): the kernel did not take packet n. Packets with `control` set go ahead
 * of data that waits in queues since earlier calls. `now`: clock_now(). */
void outer_send(struct outer *outer, const struct packet *const *packets, size_t count,
	uint64_t now, uint64_t *refused);

/* The path of this number is another, or (NULL) is no more. Called before the first packet of a
 * session with that path. */
void outer_path(struct outer *outer, uint32_t index, const struct path *path);

/* Which local call IDs are ours, between which addresses: only those packets are taken off an
 * interface by rings or XDP. */
void outer_claim(struct outer *outer, uint16_t call_id, const struct address *local,
	const struct address *peer);
void outer_release(struct outer *outer, uint16_t call_id);

/* A path whose packets came back (ICMP "too big", EMSGSIZE, a refused neighbour), to be looked at
 * again by the control thread; 0: none. */
uint32_t outer_suspect(struct outer *outer);

/* Before capabilities are dropped. NULL with the reason in `why` when the kernel or our privileges
 * do not allow it: no error, `auto` goes without. */
struct outer_programs *outer_prepare(char why[160]);
void outer_programs_close(struct outer_programs *programs);

/* Chooses for `wanted`; OUTER_RINGS and OUTER_XDP asked for and not to be had is an error, with
 * what to do next; OUTER_AUTO never fails. `local` as in the configuration, `peer` the server's
 * address on a client (family 0: none). */
int outer_choose(struct outer_choice *choice, enum outer_kind wanted,
	const struct outer_programs *programs, const struct address *local,
	const struct address *peer, const char *no_programs_why, char error[256]);

const char *outer_kind_name(enum outer_kind kind);

#endif
