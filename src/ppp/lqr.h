/* Link-Quality-Reports (RFC 1989), both directions: what we send because the peer asked for it, and
 * what we make of the peer's. */
#ifndef GREYLINE_LQR_H
#define GREYLINE_LQR_H

#include <stdbool.h>
#include <stdint.h>

#include "turn.h"

enum { LQR = 0xc025 };

/* A Reporting-Period, in hundredths of a second (RFC 1989 §2.5). A peer gets no more than one
 * report a second for asking. */
enum { LQR_PERIOD_MIN = 100, LQR_PERIOD_MAX = 360000, LQR_PERIOD_WANTED = 3000 };

/* Verdicts that are remembered. */
enum { LQR_WINDOW_MAX = 32 };

struct link;

/* All that the link carried since its channel came up, modulo 2^32: control frames and packets.
 * Octets are those of control frames from the protocol field on and of inner packets; what PPTP and
 * PPP put around them is not in it. */
struct lqr_counters {
	uint32_t packets_out, octets_out;
	uint32_t packets_in, octets_in;
	uint32_t discards_in; /* came, and were not taken; not in packets_in */
};

/* One report, its fields in the order of RFC 1989 §2.6. */
struct lqr_report {
	uint32_t last_out_lqrs, last_out_packets, last_out_octets;
	uint32_t peer_in_lqrs, peer_in_packets, peer_in_discards, peer_in_errors, peer_in_octets;
	uint32_t peer_out_lqrs, peer_out_packets, peer_out_octets;
};

struct lqr {
	struct lqr_counters counters; /* the caller's, as of now: link_counted */
	bool theirs;                  /* the peer asked */
	bool ours;                    /* we asked: the link is judged by what it reports */
	bool reported;                /* `last` and `then` are of one */
	uint32_t out_lqrs, in_lqrs;
	uint64_t send_at;       /* our next report; NEVER: only in answer to one */
	uint64_t expect_by;     /* the peer's next, with half a period of grace */
	struct lqr_report last; /* the peer's latest */
	struct {
		uint32_t packets_in, octets_in, discards_in;
	} then;           /* ours, when it came */
	uint32_t history; /* verdicts, the latest in bit 0; set: bad */
};

struct protocol_ops;
extern const struct protocol_ops lqr_protocol;

/* LCP opened: what was agreed with option 4 begins. */
void lqr_start(struct link *link, const struct turn *turn);

#endif
