/* The Link Control Protocol (RFC 1661 §5, §6; RFC 1570 Identification and Time-Remaining). */
#ifndef GREYLINE_LCP_H
#define GREYLINE_LCP_H

#include <stdbool.h>
#include <stdint.h>

#include "fsm.h"

enum { LCP = 0xc021 };

/* Frame check sequences of a line (RFC 1570 §2.1). The default is LCP_FCS_16. */
enum lcp_fcs { LCP_FCS_NULL = 1, LCP_FCS_16 = 2, LCP_FCS_32 = 4 };

#define LCP_ACCM_DEFAULT 0xffffffffu /* RFC 1662 §7.1 */

struct link;

/* What the peer's Configure-Request says; the defaults where it says nothing. */
struct lcp_peer {
	uint32_t accm, magic; /* magic: 0 when it has none */
	uint16_t mru;
	uint8_t auth; /* mask: what it demands of us, as far as we allow it */
	bool pfc, acfc;
	bool callback;           /* it calls, and wants CBCP */
	bool quality;            /* it wants our Link-Quality-Reports */
	uint8_t fcs;             /* enum lcp_fcs: how we are to send */
	uint32_t quality_period; /* at least this often: hundredths of a second; 0: only in answer
				  * to its own */
};

struct lcp {
	struct fsm fsm;
	uint8_t ask;          /* mask of the options still in our request */
	uint8_t auth_asked;   /* mask: one method, or those of EAP, we demand; 0: none */
	uint8_t auth_refused; /* mask: the peer would not have these */
	bool we_refused;      /* its latest request demanded a method we do not allow */
	bool callback;        /* we ask for CBCP */
	bool peer_left;       /* it sent a Terminate-Request */
	uint16_t mru;         /* ours */
	uint32_t magic;       /* ours; 0 when the peer does not want one */
	uint32_t accm;        /* ours */
	struct lcp_peer peer;
	uint8_t loops;             /* times our own magic number came back */
	uint8_t echo_unanswered;   /* Echo-Requests since the last sign of life */
	bool echo_refused;         /* the peer does not know Echo-Request */
	bool echo_hurried;         /* asked every ECHO_HURRIED until something is heard */
	bool identified;           /* Identification: one note an epoch */
	uint8_t rejects;           /* Protocol-Rejects told in words, of this epoch */
	bool probing;              /* an answer to `probe` is to be told: see link_probe */
	uint8_t probe;             /* its identifier */
	uint8_t fcs;               /* enum lcp_fcs: we ask for; 0: for none */
	uint32_t remaining;        /* seconds, as Time-Remaining said last; 0: nothing yet */
	uint32_t quality_period;   /* of the reports we ask for; 0: none */
	uint64_t heard, echo_sent; /* microseconds */
};

/* Times a magic number of our own may come back before the line counts as looped. */
enum { LCP_LOOP_TRIES = 5 };

/* Protocol-Rejects of an epoch that the log hears of: a peer has a few protocols to try, or too
 * much time. */
enum { LCP_REJECTS_TOLD = 8 };

struct protocol_ops;
extern const struct protocol_ops lcp_protocol;
extern const struct option_set lcp_options;

/* lcp_option.c: our request holds a map of control characters. */
bool lcp_asks_accm(const struct lcp *lcp);
/* Everything we want, and nothing known of the peer, as any negotiation begins; and
 * the options of our Configure-Request. */
void lcp_wish(struct link *link);
void lcp_request(const void *owner, struct writer *w);

struct fsm_run lcp_run(void *link, const struct turn *turn); /* a row of the protocol table */
/* LCP packets beyond negotiation; the link must be Opened. */
void lcp_identify(struct link *link, const struct turn *turn);
bool lcp_probe(struct link *link, const struct turn *turn); /* see link_probe */
void lcp_time_remaining(
	struct link *link, uint32_t seconds, const char *words, const struct turn *turn);
void lcp_protocol_reject(
	struct link *link, const uint8_t *frame, size_t length, const struct turn *turn);
/* RFC 1661 §6.4: true when a packet bears our own number, which is then dropped and, the nth time,
 * ends the link. */
bool lcp_magic_is_ours(struct link *link, uint32_t magic, const struct turn *turn);
void lcp_alive(struct lcp *lcp, uint64_t now);
/* See link_awake(). */
void lcp_awake(struct lcp *lcp, uint64_t now);

#endif
