/* A PPP link: LCP, authentication of either side, and the phases (RFC 1661 §3).
 *
 * Frames go in and out without address and control: a two-byte protocol field, then the packet.
 * The link knows nothing of what carries them. An LCP that leaves Opened begins a new epoch: the
 * LINK_EPOCH item comes before any frame of the new negotiation.
 */
#ifndef GREYLINE_LINK_H
#define GREYLINE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth.h"
#include "fsm.h"
#include "lcp.h"
#include "lcp_multilink.h"
#include "lqr.h"
#include "cbcp.h"
#include "chap.h"
#include "eap.h"
#include "pap.h"
#include "outbox.h"
#include "random.h"
#include "reason.h"

enum link_phase { PHASE_DEAD, PHASE_ESTABLISH, PHASE_AUTHENTICATE, PHASE_NETWORK, PHASE_TERMINATE };
const char *link_phase_word(enum link_phase phase);

/* The caller's, with its strings; outlives the link, may serve many. Where a time or a number of
 * tries may be 0, link_config_defaults puts RFC 1661's. */
struct link_config {
	uint16_t mru; /* we ask for; 128 to 1500 */
	bool ask_pfc, ask_acfc;
	/* Of a line: what the peer is to escape, and with which check sequence it shall send.
	 * Frames in GRE have neither. */
	bool line;
	bool ask_accm;    /* for `accm`: bit n is control character n */
	bool receive_all; /* those are taken all the same when they come unescaped */
	uint8_t ask_fcs;  /* enum lcp_fcs; 0: for none, which means 16 bits */
	uint32_t accm;
	uint8_t demand_auth; /* mask: the peer must pass one of these; 0: it may stay unproved */
	uint8_t allow_auth;  /* mask: how we are willing to authenticate ourselves */
	struct auth_order demand_order, allow_order;
	bool need_eap;    /* of ours: a peer that asks us for no EAP is not gone on with */
	const char *name; /* ours, as sent */
	size_t name_length;
	const char *password; /* ours */
	size_t password_length;
	bool nt_hash_only;        /* `password` is its NT hash, for the methods of Microsoft */
	const char *new_password; /* ours, should the other one have expired; NULL: none is known */
	size_t new_password_length;
	bool silent;         /* wait for the peer's first Configure-Request; on a line for ever */
	bool passive;        /* wait for it when ours were not answered, for ever (pppd) */
	uint64_t restart_us; /* 3 s by default */
	uint8_t max_configure, max_terminate, max_failure; /* 10, 2, 5 */
	uint64_t echo_interval_us;                         /* 0: no keepalive */
	bool echo_always;           /* not only when nothing else was heard: who measures */
	uint8_t echo_failure;       /* unanswered echo-requests that end the link */
	bool callback_ask;          /* we call, and settle with CBCP that nobody calls back */
	bool callback_answer;       /* a peer that calls may want to settle that */
	uint64_t auth_timeout_us;   /* the whole Authenticate phase; 30 s */
	uint64_t rechallenge_us;    /* the peer proves itself again this often; 0: once is enough */
	const char *identification; /* sent in LCP Identification (RFC 1570) once up; NULL: none */
	uint8_t *automaton_coverage; /* NULL, or the tests' own [FSM_EVENTS][FSM_STATES] bytes */
	/* Link-Quality-Reports asked for, with their period in hundredths of a second, 100 or more;
	 * 0: none. A report is bad when more than `lqr_loss` per cent of the packets before it were
	 * lost, either way, or when it does not come; `lqr_failure` of the last `lqr_window` (32 at
	 * most) end the link. */
	uint32_t lqr_period;
	uint8_t lqr_loss, lqr_failure, lqr_window;
	/* Multilink, for links that have memory for it (link_multilink). */
	uint16_t mrru;            /* we ask for: 128 to MRRU_MAX; 0: no multilink */
	bool ask_short_sequence;  /* 12 bits of number in what we receive */
	struct endpoint endpoint; /* who we are, to those we have several links to */
};

/* Items in the outbox. */
enum link_out {
	LINK_FRAME = 0x100, /* bytes: protocol and packet */
	LINK_EPOCH,         /* token: the new epoch */
	LINK_FRAMING,       /* struct link_framing: LCP opened */
	LINK_CREDENTIALS,   /* token; struct auth_question */
	LINK_TLS,           /* arg: enum tls_step, with TLS_OURS; token of TLS_WHOLE; bytes */
	LINK_RENEWED,       /* our password is `new_password` from now on */
	LINK_NETWORK,       /* struct link_identity: authentication done, network phase begins */
	LINK_REJECTED,      /* arg: protocol the peer does not speak (Protocol-Reject) */
	LINK_ANSWERED,      /* the peer has acted on all that was sent before link_probe() */
	LINK_CLOSED,        /* arg: enum close_reason; the link is Dead */
	LINK_DROP,          /* arg: enum drop */
	LINK_NOTE,          /* arg: 0 info, 1 warning; text */
};

struct link_framing {
	uint16_t peer_mru; /* the largest information field the peer takes */
	uint16_t our_mru;
	bool compress_protocol, compress_address; /* in what we send */
	uint32_t send_accm, receive_accm;         /* of a line */
	uint8_t send_fcs, receive_fcs;            /* enum lcp_fcs */
};

struct link_identity {
	enum auth_method peer_method; /* how the peer proved itself; AUTH_NONE if it did not */
	enum auth_method our_method;
	struct mppe_start_keys keys;
};

/* At most, per call. */
enum { LINK_OUT_ITEMS = 12, LINK_OUT_BYTES = 8192 };

enum { LINK_CHALLENGE_MAX = 16 }; /* of those we make or must remember */
enum { LINK_NAME_KEPT = 64 };     /* of the peer's name, once the question was put */

enum link_change {
	CHANGE_NONE,
	CHANGE_AWAITED, /* the peer's password has expired: a new one would be taken */
	CHANGE_MADE,    /* the peer has sent one */
};

struct link {
	const struct link_config *config;
	struct random *random;           /* the caller's */
	struct lcp_multilink *multilink; /* NULL: not for this link */
	enum link_phase phase;
	uint32_t epoch;
	struct lcp lcp;
	struct pap pap;
	struct chap chap;
	struct eap eap;
	struct lqr lqr;
	/* What CHAP or EAP, whichever LCP settled on for a side, keeps of an exchange. */
	union {
		struct {
			uint8_t challenge[LINK_CHALLENGE_MAX]; /* ours to the peer */
			uint8_t proof[AUTHENTICATOR_SIZE];     /* MS-CHAPv2, when passed: who asks
								* again gets it again */
		};
		struct eap_tls tls;
	} theirs;
	union {
		struct {
			uint8_t challenge[LINK_CHALLENGE_MAX]; /* Microsoft's; MD5's may be
								* longer */
			uint8_t remembered[16]; /* so that a repeated Response is the same: our own
						 * challenge of MS-CHAPv2, the digest of CHAP-MD5 */
		};
		struct eap_tls tls;
	} ours;
	struct mppe_start_keys keys;
	bool peer_proved, we_proved;
	uint8_t change;  /* enum link_change: of the peer's password */
	bool renewed;    /* ours is config->new_password now */
	bool peer_began; /* the Network phase */
	struct cbcp cbcp;
	bool asking;                     /* the latest LINK_CREDENTIALS is not answered yet */
	enum close_reason closing;       /* why, once it ends */
	uint64_t auth_deadline;          /* the Authenticate phase must be over by then */
	uint64_t progress_deadline;      /* the Network phase must have come by then */
	uint64_t again_at;               /* in it: when the peer is to prove itself again; before
					  * it: to be asked again by CBCP */
	uint32_t question;               /* token of the latest LINK_CREDENTIALS */
	uint8_t peer_method, our_method; /* enum auth_method; of EAP once it is settled */
	uint8_t peer_name_length;        /* of what the log may say of it */
	uint8_t peer_name[LINK_NAME_KEPT];
};

void link_config_defaults(struct link_config *config);

void link_init(struct link *link, const struct link_config *config, struct random *random);
/* After link_init, before link_up: memory for multilink's options, the caller's; it stays. */
void link_multilink(struct link *link, struct lcp_multilink *memory);
/* What holds on a line while LCP negotiates: we send as nothing had been agreed, and receive
 * whatever the peer may send from its Configure-Ack on. */
struct link_framing link_first_framing(const struct link *link);
/* Both sides agreed to multilink; to be asked once the Network phase has begun. */
bool link_bundles(const struct link *link);
/* The carrier is there: negotiation starts (or waits, when passive). LINK_CLOSED follows in the
 * end, exactly once for each time. */
void link_up(struct link *link, uint64_t now, struct outbox *out);
/* The carrier is gone: no frame is sent any more; LINK_CLOSED follows at once. */
void link_down(struct link *link, enum close_reason reason, uint64_t now, struct outbox *out);
/* Ends politely: Terminate-Request, then LINK_CLOSED with `reason` within max_terminate tries. */
void link_close(struct link *link, enum close_reason reason, uint64_t now, struct outbox *out);
/* One received frame, protocol field first. True when the protocol is the link's: LCP, PAP,
 * CHAP, EAP. One of another protocol can still bring the Network phase (RFC 3748 §4.2), and is then
 * to be given to the unit after what is in the outbox. */
bool link_input(
	struct link *link, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out);
/* A frame whose protocol nobody speaks: answered with Protocol-Reject where the phase allows. */
void link_reject(
	struct link *link, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out);
/* Any sign of life from the peer: data counts (puts the keepalive off). */
void link_alive(struct link *link, uint64_t now);
/* The clock has gone on without us (suspended, stopped): what was due meanwhile says nothing of the
 * peer, who is asked at once instead, and every ECHO_HURRIED until something is heard. */
void link_awake(struct link *link, uint64_t now);
/* What the link has carried by now, the frame about to be given included. To be told before a call
 * in which a report may be due: link_counts. */
void link_counted(struct link *link, const struct lqr_counters *counters);
static inline bool link_counts(const struct link *link)
{
	return link->lqr.ours || link->lqr.theirs;
}
void link_answer(struct link *link, uint32_t token, const struct auth_answer *answer, uint64_t now,
	struct outbox *out);
/* The answer to a TLS_WHOLE. `reply` stays the caller's, and stands (eap_tls.h). */
void link_tls(struct link *link, uint32_t token, const struct tls_reply *reply, uint64_t now,
	struct outbox *out);
/* Tells the peer how long the link will still be there (RFC 1570 §2.2); nothing while LCP is not
 * Opened. `words` are few, and for people. */
void link_time_remaining(
	struct link *link, uint32_t seconds, const char *words, uint64_t now, struct outbox *out);
/* Sends an Echo-Request whose answer is told, LINK_ANSWERED: whatever was sent before it, the peer
 * has acted on by then. False where none can be sent, or the peer knows none. */
bool link_probe(struct link *link, uint64_t now, struct outbox *out);
void link_tick(struct link *link, uint64_t now, struct outbox *out);
uint64_t link_deadline(const struct link *link);
void link_wipe(struct link *link);

#endif
