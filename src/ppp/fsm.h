/* The option negotiation automaton of RFC 1661 §4, shared by LCP and every NCP.
 *
 * A protocol embeds a `struct fsm` and describes itself in a const `struct fsm_ops`. Everything a
 * call needs travels in a `struct fsm_run`, made on the stack for that call: the automaton keeps no
 * pointers. The functions of fsm_ops answer inside this room only; what the caller must learn goes
 * into the outbox. */
#ifndef GREYLINE_FSM_H
#define GREYLINE_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "limits.h"
#include "option.h"
#include "turn.h"

/* RFC 1661 §4.2, in the order and with the numbers of its table. */
enum fsm_state {
	FSM_INITIAL,
	FSM_STARTING,
	FSM_CLOSED,
	FSM_STOPPED,
	FSM_CLOSING,
	FSM_STOPPING,
	FSM_REQ_SENT,
	FSM_ACK_RCVD,
	FSM_ACK_SENT,
	FSM_OPENED,
	FSM_STATES
};

/* RFC 1661 §4.3, in the order of its table. */
enum fsm_event {
	FSM_UP,
	FSM_DOWN,
	FSM_OPEN,
	FSM_CLOSE,
	FSM_TO_PLUS,
	FSM_TO_MINUS,
	FSM_RCR_PLUS,
	FSM_RCR_MINUS,
	FSM_RCA,
	FSM_RCN,
	FSM_RTR,
	FSM_RTA,
	FSM_RUC,
	FSM_RXJ_PLUS,
	FSM_RXJ_MINUS,
	FSM_RXR,
	FSM_EVENTS
};

/* RFC 1661 §4.4. Bits of a mask; where a cell has several they run from the lowest bit up. */
enum fsm_action {
	FSM_TLD = 1 << 0,
	FSM_IRC = 1 << 1,
	FSM_ZRC = 1 << 2,
	FSM_SCR = 1 << 3,
	FSM_SCA = 1 << 4,
	FSM_SCN = 1 << 5,
	FSM_STR = 1 << 6,
	FSM_STA = 1 << 7,
	FSM_SCJ = 1 << 8,
	FSM_SER = 1 << 9,
	FSM_TLU = 1 << 10,
	FSM_TLS = 1 << 11,
	FSM_TLF = 1 << 12,
};

enum { FSM_NONE = 0xff }; /* `next` of an event that cannot occur in a state */

struct fsm_cell {
	uint16_t actions;
	uint8_t next;
};

extern const struct fsm_cell fsm_table[FSM_EVENTS][FSM_STATES];

const char *fsm_state_word(enum fsm_state state);
const char *fsm_event_word(enum fsm_event event);

/* Codes every protocol of this kind shares (RFC 1661 §5). */
enum packet_code {
	CONFIGURE_REQUEST = 1,
	CONFIGURE_ACK = 2,
	CONFIGURE_NAK = 3,
	CONFIGURE_REJECT = 4,
	TERMINATE_REQUEST = 5,
	TERMINATE_ACK = 6,
	CODE_REJECT = 7,
	/* CCP and ECP alone (RFC 1962 §3, RFC 1968 §3). */
	RESET_REQUEST = 14,
	RESET_ACK = 15,
};

/* Negotiation is not possible without it. */
static inline bool code_is_vital(uint8_t code)
{
	return code >= CONFIGURE_REQUEST && code <= CODE_REJECT;
}

/* A received packet, its body bounded by its own length field. */
struct packet_view {
	uint8_t code, id;
	const uint8_t *bytes; /* of the header */
	const uint8_t *body;
	uint16_t length; /* of the body */
};

/* Reads a header; false when the packet is shorter than it says (padding behind it is fine). */
bool packet_read(struct packet_view *p, const uint8_t *packet, size_t length);

/* Rounds of disagreement (requests judged other than good, Naks and Rejects for ours) after which
 * a negotiation is given up; the RFC bounds only those that time out. */
enum { FSM_EXCHANGES_MAX = 40 };

struct fsm {
	uint8_t state;      /* enum fsm_state */
	uint8_t id;         /* the last we used */
	uint8_t request_id; /* of our latest Configure-Request */
	uint8_t restarts;   /* the restart counter */
	uint8_t failures;   /* requests Nak'd since the last Configure-Ack (Max-Failure) */
	uint8_t exchanges;  /* see FSM_EXCHANGES_MAX */
	bool answered;      /* the latest request was acked */
	bool repeated;      /* ... and one copy of that Ack was dropped as a duplicate */
	bool impatient;     /* the request being judged is beyond Max-Failure */
	bool abandoned;     /* an option handler knows it cannot end well: close instead */
	bool acked;         /* we acked a request of the peer's; the latest was this: */
	uint8_t acked_id;
	uint8_t naked_id; /* the latest request we Nak'd, while there are failures */
	uint32_t acked_fingerprint, naked_fingerprint;
	uint64_t timer; /* when the restart timer ends, in states that have one */
};

/* From the owner's configuration; none of the first four is 0. */
struct fsm_limits {
	uint64_t restart_us;
	uint8_t max_configure, max_terminate, max_failure;
	bool silent; /* Up does not send a Configure-Request but waits for one (§4.2 passive) */
	uint8_t *coverage; /* NULL, or [FSM_EVENTS][FSM_STATES]: cells exercised become 1 */
};

struct fsm_run;

struct fsm_ops {
	uint16_t protocol;
	const struct option_set *options;
	/* Writes the options of our Configure-Request: always the same bytes while nothing that the
	 * option handlers change has changed. */
	void (*request)(const void *owner, struct writer *w);
	/* A Configure-Request of ours, or an Ack of the peer's request `id`, is about to leave. May
	 * be NULL. */
	void (*requesting)(void *owner, const struct turn *turn);
	void (*acking)(void *owner, uint8_t id, const struct turn *turn);
	/* That Ack has left. May be NULL. */
	void (*acked)(void *owner, const struct turn *turn);
	/* tlu, tld, tls (may be NULL), tlf. The state is already the new one. */
	void (*up)(void *owner, const struct turn *turn);
	void (*down)(void *owner, const struct turn *turn);
	void (*started)(void *owner, const struct turn *turn);
	void (*finished)(void *owner, const struct turn *turn);
	/* Any code above Code-Reject: true when the protocol has it. Raises FSM_RXR and such
	 * itself. NULL: has none. */
	bool (*code)(const struct fsm_run *run, const struct packet_view *p);
	/* ser: the Echo-Reply to `p`; NULL where `code` is. */
	void (*echo)(void *owner, const struct packet_view *p, const struct turn *turn);
	/* The peer does not know one of our codes; without one that code_is_vital() the event is
	 * RXJ-. May be NULL. */
	void (*code_rejected)(void *owner, uint8_t code, const struct turn *turn);
	/* A Terminate-Request arrived, before its event. May be NULL. */
	void (*terminating)(void *owner, const struct packet_view *p, const struct turn *turn);
	/* FSM_EXCHANGES_MAX passed; Close follows. */
	void (*stuck)(void *owner, const struct turn *turn);
	/* The data of our Terminate-Request; NULL: none. */
	const char *(*farewell)(const void *owner);
};

/* A call: which automaton, whose, when. */
struct fsm_run {
	struct fsm *fsm;
	const struct fsm_ops *ops;
	void *owner;
	struct fsm_limits limits;
	struct turn turn;
};

/* Puts the RFC's defaults (§4.6) where a configuration says 0: 3 s, 10, 2, 5. */
void fsm_defaults(
	uint64_t *restart_us, uint8_t *max_configure, uint8_t *max_terminate, uint8_t *max_failure);

void fsm_init(struct fsm *fsm);
/* False when the event cannot occur in the state; nothing happened. Not for those events that need
 * a packet (RCR+, RCR-, RTR, RUC): they come through fsm_input. */
bool fsm_event(const struct fsm_run *run, enum fsm_event event);
/* One received packet, without its protocol field. */
void fsm_input(const struct fsm_run *run, const uint8_t *packet, size_t length);
/* An event raised for a packet by `code`. */
bool fsm_packet_event(const struct fsm_run *run, enum fsm_event event, const struct packet_view *p);
void fsm_tick(const struct fsm_run *run);
/* When the restart timer ends; NEVER in states that have none. */
uint64_t fsm_deadline(const struct fsm *fsm);
/* The next identifier for a packet of ours that is no Configure-Request. */
uint8_t fsm_next_id(struct fsm *fsm);

static inline bool fsm_opened(const struct fsm *fsm)
{
	return fsm->state == FSM_OPENED;
}

#endif
