/* One session's data path, and the batch calls that move packets through many of them.
 *
 * A worker owns every `struct datapath` it serves; nothing here locks. Time comes in as
 * microseconds of CLOCK_BOOTTIME. RFC 2637 §4 (GRE), RFC 1661 §2 (PPP), RFC 3078 (MPPE).
 *
 *   TUN ──▶ datapath_seal ──▶ outer packets        outer packets ──▶ datapath_open ──▶ TUN, session
 *           PPP, MPPE, GRE                                 GRE, reorder, MPPE, PPP
 *
 * Of a relayed session (relay.h) the same calls take PPP frames in and give them out, whole.
 *
 * Packets in and out are not one to one (fragments, reorder release, acks, ICMP answers): a call
 * says how much it consumed, into a list the caller sized. DATAPATH_OUT_PER_IN outputs of room a
 * consumed input always suffice, plus REORDER_PACKETS for one release; of a super-packet that much
 * room takes at least one segment further.
 */
#ifndef GREYLINE_DATAPATH_H
#define GREYLINE_DATAPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "gre.h"
#include "hold.h"
#include "key_pool.h"
#include "layers.h"
#include "limits.h"
#include "mppe.h"
#include "packet.h"
#include "prefix_table.h"
#include "reason.h"

struct datapath_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* inner, network packets only */
	uint64_t gre_rx, gre_tx;
	uint32_t reordered, lost, resyncs;
	uint32_t drops[DROP_PACKETS];
};

/* What all sessions of a worker share. */
struct datapath_engine {
	const struct mppe_engine *mppe; /* how the ciphers run on this processor */
	struct hold_pool *pool;
	struct key_pool *keys;         /* session keys made ahead (datapath_idle); may be NULL */
	struct prefix_table *prefixes; /* inner destination to session; may be NULL (client) */
	struct layer_memory *spent;    /* handed with commands and done with: the owner's again */
	uint32_t drops[DROP_COUNT];    /* those that no session can be blamed for */
};

/* What stateful MPPE, changes of keys and layers need, apart from the session: most never touch
 * theirs. */
struct datapath_streams {
	struct rc4 transmit, receive, previous;
	struct mppe old;      /* what datapath.previous points to */
	struct layers layers; /* what datapath.layers points to */
};

/* All zero at first but for `streams`, which is the owner's, and its own to set; it stays. */
struct datapath {
	struct datapath_streams *streams;
	struct datapath_bundle
		*bundle;       /* this is a bundle's, or that of one of its links; or NULL */
	struct layers *layers; /* what was negotiated besides MPPE; NULL: nothing, as most */
	uint32_t subject, epoch;
	uint16_t local_call_id, peer_call_id;
	bool attached, connected;
	bool require_encryption, check_source, client_to_client;
	bool clamp_mss, dscp_copy, ecn;
	bool nat;         /* see nat_due */
	bool any_peer;    /* nothing came yet: see datapath_found */
	bool line;        /* frames have no GRE around them, and their order */
	bool relay;       /* PPP frames pass as they are: see relay.h */
	uint8_t dscp;     /* of outer packets, unless copied */
	uint8_t services; /* DATAPATH_SERVE_* */
	bool compress_protocol, compress_address;
	bool multilink; /* agreed to with LCP, and `link` is the number in the bundle */
	uint8_t link;
	bool ipv4, ipv6;
	uint16_t mtu;                            /* as agreed with LCP: see datapath_mtu */
	uint16_t send_mru;                       /* the peer's */
	uint16_t path_mtu;                       /* outer IP packets; 0: unknown */
	uint32_t path;                           /* the back end's number of the path */
	struct address local, peer;              /* outer */
	struct address local4, remote4, remote6; /* inner */
	struct gre gre;                          /* sequence, ack, reorder window */
	struct mppe transmit, receive;
	struct mppe_history history; /* of `receive` */
	struct mppe *previous;       /* receive keys until the new ones are first used, or NULL */
	uint8_t resync_id;           /* of the last CCP Reset-Request we sent */
	uint8_t resync_tries;        /* sent for this loss */
	bool resync_heard;           /* the peer acknowledged it: no repetition by time */
	uint64_t resync_at;          /* when it was sent */
	uint32_t suspicious;         /* undecipherable MPPE packets in a row: keys differ */
	uint32_t searched;           /* keys made of late for packets that did not open */
	uint64_t searched_at;        /* when some of them were last forgotten */
	uint8_t answers;             /* ICMP answers that may be given now */
	uint64_t answers_at;         /* when one was last added */
	uint64_t last_received;      /* any valid GRE packet: life; 0: none yet */
	uint64_t nat_due;            /* when the next packet opens the way back through a NAT */
	struct datapath_counters counters;
};

static_assert(sizeof(struct datapath) <= 1280, "ten thousand sessions stay cheap");

enum {
	DATAPATH_OUT_PER_IN = 48,
	DATAPATH_RESYNC_TRIES = 6, /* Reset-Requests repeated by time alone for one loss */
	DATAPATH_ANSWERS = 16,     /* ICMP answers in a burst (RFC 4443 §2.4 f) */
	DATAPATH_SEARCH_FREE = 16, /* keys that may always be made to find a packet's */
	DATAPATH_SEARCH_MAX = MPPE_CHASE_MAX, /* of the others, in vain, in a burst */
};

#define DATAPATH_RESYNC_WAIT  MS(250) /* between two Reset-Requests, at least */
#define DATAPATH_ANSWER_EVERY MS(10)  /* one more ICMP answer is allowed */
#define DATAPATH_SEARCH_EVERY 50      /* microseconds for which one key more may be made in vain */

/* The largest inner packet that may be sent now: by what was configured, by the peer's MRU less
 * what MPPE adds inside it, and by the outer path's MTU less all that is put around. */
uint16_t datapath_mtu(const struct datapath *dp);

/* The old receive keys are of no use any more. */
void datapath_drop_previous(const struct datapath_engine *engine, struct datapath *dp);

/* Executes one command; `frame` holds the bytes of DATAPATH_FRAME. Output: the sealed control
 * frame. On DETACH held packets go back to the pool and keys are wiped. */
void datapath_execute(struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command, const uint8_t *frame, uint64_t now,
	struct packet_list *out);

/* Before the session goes to another engine: what is held for it here goes back to the pool. Not of
 * one with keys, layers or a bundle. */
void datapath_uproot(const struct datapath_engine *engine, struct datapath *dp);

/* Whether an outer packet from `from` belongs to `dp`, found by call ID (NULL: none was found).
 * False counts GRE_CALL in the engine or GRE_PEER in the session. */
bool datapath_match(
	struct datapath_engine *engine, struct datapath *dp, const struct address *from);

/* The first packet for a session attached with `any_peer` came from there: answers go there, and
 * nothing is taken from elsewhere any more. */
void datapath_found(struct datapath *dp, const struct address *from);

/* Inner packets, whose `datapath` the caller found by destination (or the frames that the line of a
 * relayed session brings), to OUTER packets, or FRAMEs of those on a line. May also give back INNER
 * packets (ICMP too big). Returns how many inputs it consumed. A super-packet that filled the list
 * is not consumed yet: it goes on in the next call, with an empty list. */
size_t datapath_seal(struct datapath_engine *engine, struct packet *in, size_t count, uint64_t now,
	struct packet_list *out);

/* Outer packets (from the GRE header on), whose `datapath` the caller found by call ID with
 * datapath_match, or the frames of a session on a line, to INNER and CONTROL packets, FRAMEs of a
 * relayed session, and what goes back (CCP Reset-Request). Returns how many inputs it consumed. */
size_t datapath_open(struct datapath_engine *engine, const struct packet *in, size_t count,
	uint64_t now, struct packet_list *out);

/* Reads enough of a GRE header to find the session: the call ID, or a drop reason. */
bool datapath_call_id(const uint8_t *gre, size_t length, uint16_t *call_id, enum drop *why);

/* The session an inner destination belongs to (prefix table); false counts INNER_HEADER or
 * INNER_ROUTE in the engine. `subject` is the handle given with DATAPATH_ATTACH. */
bool datapath_route(
	struct datapath_engine *engine, const uint8_t *ip, size_t length, uint32_t *subject);

/* Makes session keys ahead for those that are busy: a microsecond's work, to be called again and
 * again as long as the worker has nothing else to do and the answer is true. */
bool datapath_idle(struct datapath_engine *engine);

/* A delayed ack, or the release of packets that waited long enough for a missing one. */
void datapath_tick(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out);
uint64_t datapath_deadline(const struct datapath *dp);

#endif
