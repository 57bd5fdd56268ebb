/* One tunnel: a PNS-PAC pair, its control connection and the sessions in it.
 *
 * Everything a server or a client decides about one peer happens behind these calls, without a
 * system call: the simulator drives two of them against each other, and the app does nothing but
 * carry items of the outbox to sockets, workers, the user table and the log.
 */
#ifndef GREYLINE_TUNNEL_H
#define GREYLINE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "control.h"
#include "outbox.h"
#include "random.h"
#include "session.h"

struct tunnel_config {
	struct control_config control;
	struct session_config session; /* for every session of this tunnel */
	uint16_t maximum_calls;        /* of one tunnel; 0: CALLS_PER_TUNNEL */
	const char *phone_number;      /* of the calls we place, at most 64 characters; or NULL */
};

enum tunnel_out {
	TUNNEL_BYTES = 0x400, /* bytes for the TCP connection */
	TUNNEL_COMMAND, /* subject; struct datapath_command; a frame's bytes follow it at once */
	TUNNEL_SESSION_WANTED,  /* token; struct call_wanted: answer with tunnel_accept or
				   tunnel_refuse */
	TUNNEL_CREDENTIALS,     /* subject, token; struct auth_question: tunnel_credentials */
	TUNNEL_TLS,             /* subject, token; arg: enum tls_step, with TLS_OURS; bytes. The
				 * token of a TLS_WHOLE is for tunnel_tls */
	TUNNEL_ADDRESS,         /* subject, token: tunnel_addresses */
	TUNNEL_SESSION_UP,      /* subject: session->facts are complete. Once in a session's life */
	TUNNEL_SESSION_NETWORK, /* subject; struct unit_network: changed after SESSION_UP, also to
				 * nothing and back when the peer renegotiates */
	TUNNEL_SESSION_SERVICES, /* subject: services_delegated or session->client has changed */
	TUNNEL_DELEGATE,         /* subject; struct delegate_question: tunnel_delegate, at once */
	TUNNEL_SESSION_DOWN, /* subject; arg: enum close_reason. The last item of a session: the app
			      * frees its slot once the data path confirmed the detach, or at once
			      * when session->attached is false */
	TUNNEL_JOIN,  /* subject; struct link_identity: the link may be bundled, see bundle.h */
	TUNNEL_LEAVE, /* subject; arg: enum close_reason: ... and no longer */
	TUNNEL_UNIT_FRAME,    /* subject; a frame for the bundle's unit */
	TUNNEL_UNIT_REJECTED, /* subject; arg: a protocol that the peer does not know */
	TUNNEL_ANSWERED, /* subject: the peer has acted on all that was sent before tunnel_probe()
			  */
	TUNNEL_HANG_UP,  /* subject of a bundle; arg: enum close_reason for each of its links */
	TUNNEL_UP,       /* the control connection is established */
	TUNNEL_DOWN,     /* arg: enum close_reason; close the TCP connection behind the bytes */
	TUNNEL_MESSAGE,  /* a control message, whole; arg 0 received, 1 sent */
	TUNNEL_PPP,      /* subject; a PPP control frame; arg 0 received, 1 sent */
	TUNNEL_DROP,     /* subject or 0; arg: enum drop */
	TUNNEL_NOTE,     /* subject or 0; arg: 0 info, 1 warning; text */
};

/* Per call of any function below. A frame is answered within the link's and the unit's own bounds,
 * each frame said twice (to the data path and to the log). What a timer or a close makes of one of
 * many sessions is small and has its own bound, asserted session by session: a frame of LCP or
 * CHAP, of CCP and of IPCP (300 bytes each), an advertisement, a farewell, keys and networks taken
 * away, three notes.
 */
enum {
	SESSION_OUT_ITEMS = 2 * (2 * LINK_OUT_ITEMS + 2 * UNIT_OUT_ITEMS) + 16,
	SESSION_OUT_BYTES = 2 * (2 * LINK_OUT_BYTES + 2 * UNIT_OUT_BYTES) +
			    SESSION_OUT_ITEMS * (sizeof(struct datapath_command) + 8),
	SESSION_STEP_ITEMS = 24,
	SESSION_STEP_BYTES = 5120,
	TUNNEL_OUT_ITEMS =
		CONTROL_OUT_ITEMS + CALLS_PER_TUNNEL * SESSION_STEP_ITEMS + 2 * SESSION_OUT_ITEMS,
	TUNNEL_OUT_BYTES =
		CONTROL_OUT_BYTES + CALLS_PER_TUNNEL * SESSION_STEP_BYTES + 2 * SESSION_OUT_BYTES,
};

/* The app's table of sessions, seen from a tunnel: handles to memory. NULL for a handle whose
 * generation has passed. */
struct session_table {
	struct session *(*find)(void *context, uint32_t subject);
	void *context;
};

/* How far tunnel_stop has come. */
enum tunnel_stop_stage {
	STOP_NONE,
	STOP_LINKS,      /* LCP Terminate on every link */
	STOP_CALLS,      /* Call-Clear-Request, Call-Disconnect-Notify awaited */
	STOP_CONNECTION, /* Stop-Control-Connection-Request sent */
};

struct tunnel {
	const struct tunnel_config *config; /* the app's; outlives the tunnel, may serve many */
	struct address local, peer;         /* the control connection's: GRE uses the same pair */
	struct session_table table;
	struct random *random;
	struct control control;
	enum close_reason closing;
	enum tunnel_stop_stage stopping;
	uint64_t stop_deadline;  /* of the stage */
	uint64_t empty_deadline; /* a server's patience with a tunnel that has no call; or NEVER */
	uint16_t asked;          /* TUNNEL_SESSION_WANTED the app has not answered */
	bool down;               /* TUNNEL_DOWN was given: nothing happens any more */
};

void tunnel_init(struct tunnel *tunnel, const struct tunnel_config *config,
	const struct session_table *table, struct random *random);

/* The TCP connection, between these addresses. */
void tunnel_up(struct tunnel *tunnel, const struct address *local, const struct address *peer,
	uint64_t now, struct outbox *out);
void tunnel_lost(struct tunnel *tunnel, enum close_reason reason, uint64_t now, struct outbox *out);
/* Returns how many bytes it consumed: call again with the rest, the outbox emptied, until all are;
 * 0 with bytes left means the connection is closed. */
size_t tunnel_input(struct tunnel *tunnel, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out);

/* Sessions. Memory (zeroed) and handle come from the app; call IDs are unpredictable and unique in
 * the process, which only the app can promise. Either role dials and accepts: a PNS by outgoing, a
 * PAC by incoming calls (control_config). The session's slot is the app's again after
 * TUNNEL_SESSION_DOWN, which may come within this very call (a token no longer asked, a control
 * connection already closed). */
void tunnel_dial(struct tunnel *tunnel, struct session *session, uint32_t subject,
	uint16_t local_call_id, uint64_t now, struct outbox *out);
void tunnel_accept(struct tunnel *tunnel, uint32_t token, struct session *session, uint32_t subject,
	uint16_t local_call_id, uint64_t now, struct outbox *out);
/* Every TUNNEL_SESSION_WANTED is answered with one of these two, sooner or later.
 * `result` is that of Outgoing-Call-Reply (RFC 2637 §2.8), for an incoming call too. */
void tunnel_refuse(
	struct tunnel *tunnel, uint32_t token, uint16_t result, uint64_t now, struct outbox *out);

/* From the data path: a control frame with the epoch it was received in. */
void tunnel_frame(struct tunnel *tunnel, struct session *session, uint32_t epoch,
	const uint8_t *frame, size_t length, uint64_t now, struct outbox *out);
/* From the data path: when the peer was last heard, and when inner traffic last moved. To be told
 * before a tunnel_tick that is to judge silence or idleness. */
void tunnel_alive(struct tunnel *tunnel, struct session *session, uint64_t heard, uint64_t active);
/* The clock has gone on without us, because the machine was suspended or the process stopped: no
 * silence of that time counts, and the peer is asked at the next tick whether it is there. */
void tunnel_awake(struct tunnel *tunnel, uint64_t now);
/* From the data path: what it has carried so far. To be told before a tunnel_tick or a tunnel_frame
 * while link quality is reported (link_counts). */
void tunnel_traffic(
	struct tunnel *tunnel, struct session *session, const struct datapath_counters *counters);
/* Asks the peer of an up session for a sign that it has acted on all that was sent before this:
 * TUNNEL_ANSWERED. The first packets of a session that came up only now are not lost behind it,
 * for a peer's data path may be faster than what opens it. False: there will be none. */
bool tunnel_probe(struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out);
/* From the data path: a run of undecipherable packets (MPPE keys differ). */
void tunnel_keys_differ(
	struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out);
void tunnel_renegotiate(
	struct tunnel *tunnel, struct session *session, uint64_t now, struct outbox *out);

/* Answers. A token no longer asked is ignored. */
void tunnel_credentials(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct auth_answer *answer, uint64_t now, struct outbox *out);
/* `reply` stays the caller's, and stands (eap_tls.h). */
void tunnel_tls(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct tls_reply *reply, uint64_t now, struct outbox *out);
void tunnel_addresses(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out);

/* `prefix` of length 0: none is left. What the session did not take, for it is not up any more or
 * has one, is not services_delegated() afterwards. */
void tunnel_delegate(struct tunnel *tunnel, struct session *session,
	const struct delegate_question *question, const struct prefix *prefix, uint64_t now,
	struct outbox *out);

/* Ending one session, or everything: polite, and bounded in time by the time-outs configured.
 * tunnel_stop takes SHUTDOWN_TOTAL at most, whether or not the peer still answers. */
void tunnel_close_session(struct tunnel *tunnel, struct session *session, enum close_reason reason,
	uint64_t now, struct outbox *out);
void tunnel_stop(struct tunnel *tunnel, enum close_reason reason, uint64_t now, struct outbox *out);

void tunnel_tick(struct tunnel *tunnel, uint64_t now, struct outbox *out);
uint64_t tunnel_deadline(const struct tunnel *tunnel);

#endif
