/* The control connection and its calls (RFC 2637 §2 and §3).
 *
 * One object serves both roles and both openers: who opened the TCP connection sends
 * Start-Control-Connection-Request; a PNS asks for calls with Outgoing-Call-Request. Calls are
 * embedded in the caller's sessions and threaded here while they exist.
 *
 * The state tables, the time-outs and where we depart from the RFC: docs/control-connection.md.
 */
#ifndef GREYLINE_CONTROL_H
#define GREYLINE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "limits.h"
#include "outbox.h"
#include "pptp_wire.h"
#include "reason.h"
#include "text.h"

enum control_state {
	CONTROL_IDLE,         /* no TCP connection */
	CONTROL_WAIT_REQUEST, /* they opened it: SCCRQ is awaited */
	CONTROL_WAIT_REPLY,   /* we opened it and sent SCCRQ */
	CONTROL_ESTABLISHED,
	CONTROL_WAIT_STOP, /* we sent StopCCRQ */
	CONTROL_CLOSED,    /* the TCP connection should be closed, or is */
};

enum call_state {
	CALL_IDLE,         /* not in use */
	CALL_WAIT_REPLY,   /* we sent OCRQ, or ICRQ as PAC */
	CALL_WAIT_LOCAL,   /* they sent one: the app has not answered yet (struct asked_call) */
	CALL_WAIT_CONNECT, /* we accepted their ICRQ: Incoming-Call-Connected is awaited (PNS) */
	CALL_CONNECTED,
	CALL_WAIT_DISCONNECT, /* we cleared it; Call-Disconnect-Notify is awaited (PNS) */
};

#define CONTROL_STATES (CONTROL_CLOSED + 1)
#define CALL_STATES    (CALL_WAIT_DISCONNECT + 1)

const char *control_state_word(enum control_state state);
const char *call_state_word(enum call_state state);

/* What WAN-Error-Notify counts on a PAC's physical line, since the call began (§2.14). */
struct line_errors {
	uint32_t crc, framing, hardware_overruns, buffer_overruns, timeouts, alignment;
};
uint64_t line_errors_sum(const struct line_errors *errors);
/* "CRC 3, time-outs 1": those that are not 0. */
void line_errors_print(struct text *t, const struct line_errors *errors);

/* Never in CALL_WAIT_LOCAL: before the app's answer there is no call, only a question. */
struct call {
	enum call_state state;
	uint32_t subject; /* the session's handle, given by the app */
	uint16_t local_id, peer_id;
	bool peer_known;                  /* peer_id was told us; 0 is one: poptop starts there */
	bool pac;                         /* we are the PAC of this call */
	uint16_t serial;                  /* of the OCRQ or ICRQ that made it */
	uint16_t peer_window;             /* packets, as the peer said; Windows says 0 as a PAC */
	uint16_t peer_delay;              /* to process a packet; tenths of a second */
	uint32_t peer_speed;              /* bit/s, as the peer said */
	uint32_t send_accm, receive_accm; /* Set-Link-Info, as the peer said; all ones before */
	struct line_errors line_errors;   /* as WAN-Error-Notify last said */
	uint64_t line_errors_noted;       /* their sum when the log was last told */
	enum close_reason closing;        /* why we cleared it */
	uint64_t deadline;
	struct call *next;
};

struct control_config {
	/* As PAC we accept Outgoing-Call-Requests and dial with Incoming-Call-Request; as PNS we
	 * dial with Outgoing-Call-Request. */
	bool pac;
	bool accept_incoming; /* their Incoming-Call-Requests are asked about: we are PNS of those
			       */
	bool opener;          /* we opened the TCP connection */
	char host_name[64];   /* zero padded, as sent */
	char vendor_name[64]; /* the same */
	uint16_t firmware;
	uint16_t maximum_channels;
	uint32_t framing,
		bearer;       /* of PPTP_FRAMING_ and PPTP_BEARER_, as we say who we are; 0: any */
	uint32_t call_bearer; /* of the calls we ask for; 0: any */
	uint16_t window;      /* our receive window, packets */
	uint64_t echo_interval_us; /* 60 s of silence, then Echo-Request; 0: no keepalive */
	uint64_t echo_timeout_us;  /* 60 s without an answer closes; not 0 */
	/* For SCCRQ, SCCRP, OCRP, StopCCRP, Call-Disconnect-Notify and the app's answers; 60 s by
	 * the RFC, shorter by config; not 0. */
	uint64_t request_timeout_us;
};

enum control_out {
	CONTROL_BYTES = 0x300, /* one message for the TCP connection */
	CONTROL_UP,            /* established; the peer's facts stand in control->peer */
	CONTROL_CALL_WANTED,   /* struct call_wanted; token: answer with control_answer */
	CONTROL_CALL_UP,   /* subject: both call IDs are known. A PAC's comes before the bytes of
			      its reply, so that it can receive before the peer may send */
	CONTROL_CALL_DOWN, /* subject; arg: enum close_reason; the call is IDLE and unthreaded */
	CONTROL_LINK_INFO, /* subject: the peer's Set-Link-Info is in the call */
	CONTROL_DOWN,      /* arg: enum close_reason; close the TCP connection once bytes are out.
			      The last item of all */
	CONTROL_DROP,      /* arg: enum drop; subject, where the call is known */
	CONTROL_MESSAGE,   /* one received (arg 0) or sent (arg 1) message, whole, for the log */
	CONTROL_NOTE,      /* arg: 0 info, 1 warning; text, not terminated; subject or 0 */
};

struct call_wanted {
	bool incoming; /* by Incoming-Call-Request: we are the PNS; window, delay, speed come later
			* */
	uint16_t peer_id;
	uint16_t serial;
	uint16_t window, delay;
	uint32_t maximum_speed;
	char phone_number[65];   /* dialed */
	char calling_number[65]; /* an incoming call's */
};

/* What one call of a function below puts into the outbox at most. Three can be the largest:
 * control_input with eight messages, the last of which closes everything; control_stop with all
 * calls up; control_tick with every call and every question overdue. */
enum {
	CONTROL_MESSAGES_PER_INPUT = 8,
	CONTROL_ASKED_MAX = 8,  /* questions waiting for the app */
	CONTROL_NOTE_MAX = 192, /* bytes of one note */

	CONTROL_OUT_ITEMS = 3 * CALLS_PER_TUNNEL + 16,
	CONTROL_OUT_BYTES = 160 * CALLS_PER_TUNNEL,

	CONTROL_MESSAGE_ITEMS = 7, /* of one message received: itself, reply, event, note, drop */
	CONTROL_MESSAGE_BYTES = 720,
};

/* An app that answers while it empties the outbox is never told that we are busy. */
static_assert(CONTROL_ASKED_MAX >= CONTROL_MESSAGES_PER_INPUT, "one input fills the questions");
static_assert(CONTROL_OUT_ITEMS >=
		      CONTROL_MESSAGES_PER_INPUT * CONTROL_MESSAGE_ITEMS + CALLS_PER_TUNNEL + 4,
	"input: the messages, then every call down");
static_assert(CONTROL_OUT_BYTES >= CONTROL_MESSAGES_PER_INPUT * CONTROL_MESSAGE_BYTES + 16,
	"input: the last message may answer with a stop");
static_assert(CONTROL_OUT_ITEMS >= 3 * CALLS_PER_TUNNEL + 3, "stop: bytes, log, down a call");
static_assert(CONTROL_OUT_BYTES >= 152 * CALLS_PER_TUNNEL + 16, "stop: a notify a call");
static_assert(CONTROL_OUT_ITEMS >= 2 * CALLS_PER_TUNNEL + 3 * CONTROL_ASKED_MAX + 2,
	"tick: every call cleared, every question refused, an echo");
static_assert(CONTROL_OUT_BYTES >=
		      16 * CALLS_PER_TUNNEL + (32 + CONTROL_NOTE_MAX) * CONTROL_ASKED_MAX + 16,
	"the same in bytes");

struct control {
	const struct control_config *config;
	enum control_state state;
	enum close_reason closing; /* why we stop; in WAIT_STOP */
	struct control_peer {
		uint16_t version, firmware, maximum_channels;
		uint32_t framing, bearer;
		char host_name[65], vendor_name[65];
	} peer;
	struct call *calls;
	uint16_t call_count;
	uint16_t next_serial;
	uint32_t next_token;
	uint32_t echo_id;
	bool echo_pending;
	uint64_t last_heard, deadline;
	struct pptp_framer framer;
	/* Calls the peer asked for and the app has not answered. */
	struct asked_call {
		uint32_t token; /* 0: free */
		uint16_t peer_id, serial, window, delay;
		bool incoming;
		uint32_t speed;
		uint64_t deadline;
	} asked[CONTROL_ASKED_MAX];
};

static_assert(sizeof(struct control) <= 1024, "thousands of tunnels");

/* `config` is the caller's and outlives the control connection. */
void control_init(struct control *control, const struct control_config *config);
/* The TCP connection is there. The opener sends SCCRQ. Nothing if it was given up meanwhile. */
void control_up(struct control *control, uint64_t now, struct outbox *out);
/* It is gone: every call goes down, then CONTROL_DOWN. */
void control_lost(
	struct control *control, enum close_reason reason, uint64_t now, struct outbox *out);
/* Feeds received bytes. Returns how many it consumed: call again with the rest (after emptying
 * the outbox) until all are; 0 with bytes left only when the connection is closed. */
size_t control_input(struct control *control, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out);

/* Asks for a call, by OCRQ as PNS and by ICRQ as PAC; `call` is zeroed memory of the caller's,
 * local_id its to choose and not in use in this tunnel; `phone_number` at most 64 characters or
 * NULL. Where no call can be asked for, `call` stays IDLE and goes down at once, with a reason. */
void control_dial(struct control *control, struct call *call, uint16_t local_id, uint32_t subject,
	const char *phone_number, uint64_t now, struct outbox *out);
/* With result 2 (general error) a refusal may say which error (§2.16); else a resource is missing.
 */
#define PPTP_REFUSAL(result, error) ((uint16_t)((result) | (error) << 8))

/* Answers CONTROL_CALL_WANTED. `call` NULL refuses with an OCRP result (§2.8), 2 to 7, or with
 * PPTP_REFUSAL; an incoming call knows but one other word than 2 (§2.10).
 * An incoming call comes up once its PAC says that it is connected. Otherwise `call` is zeroed
 * memory of the caller's. If nobody waits any more (the peer cleared the call, the answer came too
 * late) it stays IDLE and goes down at once; after CONTROL_DOWN it stays IDLE without a word. */
void control_answer(struct control *control, uint32_t token, struct call *call, uint16_t local_id,
	uint32_t subject, uint16_t refusal, uint64_t now, struct outbox *out);
/* Ends one call: Call-Clear-Request (its PNS) or Call-Disconnect-Notify (its PAC). A PNS's call
 * goes down when the PAC has notified, or after request_timeout. Nothing for a call that is IDLE.
 */
void control_clear(struct control *control, struct call *call, enum close_reason reason,
	uint64_t now, struct outbox *out);
/* Tells the peer an ACCM (Set-Link-Info, §2.15). Nothing unless the call is connected. */
void control_link_info(struct control *control, struct call *call, uint32_t send_accm,
	uint32_t receive_accm, struct outbox *out);
/* Ends the connection politely: calls cleared and down, StopCCRQ, CONTROL_DOWN within
 * request_timeout; at once where there is no established connection to stop. */
void control_stop(
	struct control *control, enum close_reason reason, uint64_t now, struct outbox *out);
/* The clock has gone on without us: a keepalive that went unanswered meanwhile starts over, at the
 * next tick. */
void control_awake(struct control *control, uint64_t now);
void control_tick(struct control *control, uint64_t now, struct outbox *out);
uint64_t control_deadline(const struct control *control);

/* Two peers that dial each other at once (§3.1.3): whether ours, the connection opened from
 * `local`, is the one that stays. The loser drops the connection it opened with
 * control_lost(CLOSE_COLLISION) and answers on the other; the winner says nothing on the other.
 * Addresses of different families, or equal ones, do not collide: false. */
bool control_wins_collision(const struct address *local, const struct address *peer);

#endif
