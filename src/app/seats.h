/* The session table: one seat for each session, named by {index, generation} (subject.h).
 *
 * Seats come from a slab in blocks, so that a seat never moves. A seat is taken for a call and free
 * again once the session is over and the data plane has confirmed the detach. */
#ifndef GREYLINE_SEATS_H
#define GREYLINE_SEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"
#include "session.h"
#include "subject.h"

struct host;
struct host_bundle;
struct peer;
struct seat_tls;

enum { SEATS_PER_BLOCK = 64, SEAT_SID_SIZE = 17, SEAT_INTERFACE_SIZE = 16 };

struct seat {
	struct session session;
	struct host *owner;
	struct peer *peer;    /* NULL once the session is over */
	struct address outer; /* the peer's, kept for the log */
	struct address gre;   /* where its GRE comes from, when not from there; family 0: it does */
	uint32_t index;
	uint16_t generation;
	uint16_t call_id; /* 0: not one of those held back after use */
	bool taken, over, detached;
	bool alike_listed;     /* in the table of call_clash.h, under `outer` and this: */
	uint16_t peer_call_id; /* of who asked for the call */
	uint32_t next_alike;
	char sid[SEAT_SID_SIZE];
	struct lcp_multilink *multilink; /* its link's memory, where multilink may be agreed to */
	struct host_bundle *bundle;      /* it is the session of, or a link of; or NULL */
	char *user;                      /* as the peer named himself; NULL until proved */
	char *claimed;                   /* the same before that, for the log */
	enum auth_method method;
	struct seat_tls *tls; /* of its login, while there is one: tls_login.c */

	/* Inner address and interface. */
	uint32_t local4, remote4; /* host order; remote4 is held in the pool when `pooled` */
	uint32_t old_local4, old_remote4; /* that its kept interface had, when others; 0 */
	struct prefix prefix6;            /* the peer's, of the pool; length 0: none */
	struct prefix delegated;          /* held in the pool (server), or on the host (client) */
	bool ready6;         /* its own interface is up (server), and has IPv6 (client) */
	bool configured;     /* ip-pre-up has ended, and what comes behind it is done */
	int tun;             /* its own, not yet with the data plane; -1: none */
	bool pooled, routed; /* routed: a host route of its own leads to the shared interface */
	char interface[SEAT_INTERFACE_SIZE];
	struct prefix *networks; /* behind the peer, that lead here; NULL: none */
	unsigned network_count;
	unsigned proxied;       /* the interface where its address is answered for; 0: none */
	unsigned link;          /* of an interface of its own; 0: shared or none */
	uint32_t address_token; /* a question about addresses that waits for a seat to be freed */
	bool address_waits;

	/* Scripts that ran and whose counterparts are owed. */
	bool auth_up, ip_up, ipv6_up;
	uint32_t dns[2], wins[2]; /* that they were told, and are at the end again */
	uint64_t local6, remote6; /* the interface identifiers that ipv6-up was told */

	/* For the table, and behind the end. */
	struct seat_traffic {
		uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	} traffic; /* in all, once detached */
	enum close_reason reason;
	uint64_t opened, up_since, ended; /* microseconds; 0: not yet */
	struct seat *next_free;
};

struct seats {
	struct seat **blocks;
	uint32_t block_count, block_max;
	uint32_t limit, taken;
	struct seat *free_first, *free_last; /* the longest free first */
};

int seats_init(struct seats *seats, uint32_t limit); /* 0 or -ENOMEM */
void seats_free(struct seats *seats);

/* NULL when `limit` are taken or memory is out. */
struct seat *seats_take(struct seats *seats);
void seats_release(struct seats *seats, struct seat *seat);
/* NULL for a handle whose generation has passed. */
struct seat *seats_find(const struct seats *seats, uint32_t subject);
/* Walks those taken: *at starts at 0; NULL at the end. */
struct seat *seats_next(const struct seats *seats, uint32_t *at);

/* What its unit last reported. */
static inline const struct unit_network *seat_network(const struct seat *seat)
{
	return &seat->session.facts.network;
}

static inline uint32_t seat_subject(const struct seat *seat)
{
	return subject_make(seat->index, seat->generation);
}

#endif
