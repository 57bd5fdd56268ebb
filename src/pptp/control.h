/* The control connection and its calls (RFC 2637 §2 and §3).
 *
 * One object serves both roles and both openers: who opened the TCP connection sends
 * Start-Control-Connection-Request; a PNS asks for calls with Outgoing-Call-Request. Calls are
 * embedded in the caller's sessions and threaded here while they exist.
 */
#ifndef GREYLINE_CONTROL_H
#define GREYLINE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "outbox.h"
#include "pptp_wire.h"
#include "reason.h"

enum control_state {
	CONTROL_IDLE,         /* no TCP connection */
	CONTROL_WAIT_REQUEST, /* they opened it: SCCRQ is awaited */
	CONTROL_WAIT_REPLY,   /* we opened it and sent SCCRQ */
	CONTROL_ESTABLISHED,
	CONTROL_WAIT_STOP,    /* we sent StopCCRQ */
	CONTROL_CLOSED,       /* the TCP connection should be closed, or is */
};

enum call_state {
	CALL_IDLE,       /* not in use */
	CALL_WAIT_REPLY, /* we sent OCRQ */
	CALL_WAIT_LOCAL, /* they sent OCRQ: the app has not answered yet */
	CALL_CONNECTED,
	CALL_WAIT_DISCONNECT, /* we cleared it; Call-Disconnect-Notify is awaited (PNS) */
};

const char *control_state_word(enum control_state state);
const char *call_state_word(enum call_state state);

struct call {
	enum call_state state;
	uint32_t subject;        /* the session's handle, given by the app */
	uint16_t local_id, peer_id;
	uint16_t peer_window;    /* packets, as the peer said */
	uint32_t peer_speed;     /* bit/s, as the peer said */
	uint32_t send_accm, receive_accm; /* Set-Link-Info */
	uint64_t deadline;
	struct call *next;
};

struct control_config {
	bool pac;                 /* we act as PAC (a server), else as PNS */
	bool opener;              /* we opened the TCP connection */
	char host_name[64];       /* zero padded, as sent */
	char vendor_name[64];
	uint16_t firmware;
	uint16_t maximum_channels;
	uint16_t window;          /* our receive window, packets */
	uint64_t echo_interval_us;  /* 60 s of silence, then Echo-Request */
	uint64_t echo_timeout_us;   /* 60 s without an answer closes */
	uint64_t request_timeout_us; /* for SCCRP, OCRP, StopCCRP; 60 s by the RFC, shorter by config */
};

enum control_out {
	CONTROL_BYTES = 0x300, /* bytes for the TCP connection */
	CONTROL_UP,            /* established; the peer's facts stand in control->peer */
	CONTROL_CALL_WANTED,   /* struct call_wanted; token: answer with control_answer */
	CONTROL_CALL_UP,       /* subject: both call IDs are known */
	CONTROL_CALL_DOWN,     /* subject; arg: enum close_reason; the call is IDLE and unthreaded */
	CONTROL_LINK_INFO,     /* subject: the peer's Set-Link-Info is in the call */
	CONTROL_DOWN,          /* arg: enum close_reason; close the TCP connection once bytes are out */
	CONTROL_DROP,          /* arg: enum drop */
	CONTROL_MESSAGE,       /* one received (arg 0) or sent (arg 1) message, whole, for the log */
	CONTROL_NOTE,          /* arg: 0 info, 1 warning; text */
};

struct call_wanted {
	uint16_t peer_id;
	uint16_t serial;
	uint16_t window;
	uint32_t maximum_speed;
	char phone_number[65];
};

/* Per message consumed; control_input takes at most CONTROL_MESSAGES_PER_INPUT per call. */
enum {
	CONTROL_MESSAGES_PER_INPUT = 8,
	CONTROL_OUT_ITEMS = 16 * CONTROL_MESSAGES_PER_INPUT + 4 * CALLS_PER_TUNNEL,
	CONTROL_OUT_BYTES = 512 * CONTROL_OUT_ITEMS,
};

struct control {
	struct control_config config;
	enum control_state state;
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
	uint16_t framed;                       /* bytes of an unfinished message */
	uint8_t frame[PPTP_MESSAGE_MAX];
	/* A call the peer asked for and the app has not answered. */
	struct { bool waiting; uint32_t token; struct call_wanted wanted; } asked;
};

void control_init(struct control *control, const struct control_config *config);
/* The TCP connection is there. The opener sends SCCRQ. */
void control_up(struct control *control, uint64_t now, struct outbox *out);
/* It is gone: every call goes down, then CONTROL_DOWN. */
void control_lost(struct control *control, enum close_reason reason, uint64_t now,
	struct outbox *out);
/* Feeds received bytes. Returns how many it consumed: call again with the rest (after emptying
 * the outbox) until all are; 0 with bytes left only when the connection is closed. */
size_t control_input(struct control *control, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out);

/* PNS: asks for a call; `call` is zeroed memory of the caller's, local_id its to choose. */
void control_dial(struct control *control, struct call *call, uint16_t local_id,
	uint32_t subject, const char *phone_number, uint64_t now, struct outbox *out);
/* PAC: answers CONTROL_CALL_WANTED. `call` NULL refuses with an OCRP result (§2.8). */
void control_answer(struct control *control, uint32_t token, struct call *call,
	uint16_t local_id, uint32_t subject, uint8_t refusal, uint64_t now, struct outbox *out);
/* Ends one call: Call-Clear-Request (PNS) or Call-Disconnect-Notify (PAC). */
void control_clear(struct control *control, struct call *call, enum close_reason reason,
	uint64_t now, struct outbox *out);
/* Tells the peer an ACCM (Set-Link-Info, §2.15). */
void control_link_info(struct control *control, struct call *call, uint32_t send_accm,
	uint32_t receive_accm, struct outbox *out);
/* Ends the connection politely: calls cleared, StopCCRQ, CONTROL_DOWN within the time-out. */
void control_stop(struct control *control, enum close_reason reason, uint64_t now,
	struct outbox *out);
void control_tick(struct control *control, uint64_t now, struct outbox *out);
uint64_t control_deadline(const struct control *control);

#endif
