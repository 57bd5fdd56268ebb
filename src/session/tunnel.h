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
	struct session_config session;  /* for every session of this tunnel */
	uint16_t maximum_calls;         /* of one tunnel */
	struct address local, peer;     /* the control connection's addresses: GRE uses the same pair */
};

enum tunnel_out {
	TUNNEL_BYTES = 0x400,  /* bytes for the TCP connection */
	TUNNEL_COMMAND,        /* subject; struct datapath_command; a frame's bytes follow it at once */
	TUNNEL_SESSION_WANTED, /* token; struct call_wanted: answer with tunnel_accept or tunnel_refuse */
	TUNNEL_CREDENTIALS,    /* subject, token; struct auth_question: tunnel_credentials */
	TUNNEL_ADDRESS,        /* subject, token: tunnel_addresses */
	TUNNEL_SESSION_UP,     /* subject: session->facts are complete */
	TUNNEL_SESSION_NETWORK, /* subject; struct unit_network: changed while up */
	TUNNEL_SESSION_DOWN,   /* subject; arg: enum close_reason. The last item of a session: the app
	                        * frees its slot once the data path confirmed the detach */
	TUNNEL_UP,             /* the control connection is established */
	TUNNEL_DOWN,           /* arg: enum close_reason; close the TCP connection behind the bytes */
	TUNNEL_MESSAGE,        /* a control message, whole; arg 0 received, 1 sent */
	TUNNEL_PPP,            /* subject; a PPP control frame; arg 0 received, 1 sent */
	TUNNEL_DROP,           /* subject or 0; arg: enum drop */
	TUNNEL_NOTE,           /* subject or 0; arg: 0 info, 1 warning; text */
};

/* Per call of any function below. */
enum { TUNNEL_OUT_ITEMS = 4096, TUNNEL_OUT_BYTES = 1 << 20 };

/* The app's table of sessions, seen from a tunnel: handles to memory. NULL for a handle whose
 * generation has passed. */
struct session_table {
	struct session *(*find)(void *context, uint32_t subject);
	void *context;
};

struct tunnel {
	const struct tunnel_config *config; /* the app's; outlives the tunnel */
	struct session_table table;
	struct random *random;
	struct control control;
	enum close_reason closing;
};

void tunnel_init(struct tunnel *tunnel, const struct tunnel_config *config,
	const struct session_table *table, struct random *random);

/* The TCP connection. */
void tunnel_up(struct tunnel *tunnel, uint64_t now, struct outbox *out);
void tunnel_lost(struct tunnel *tunnel, enum close_reason reason, uint64_t now,
	struct outbox *out);
size_t tunnel_input(struct tunnel *tunnel, const uint8_t *bytes, size_t length, uint64_t now,
	struct outbox *out);

/* Sessions. Memory and handle come from the app; call IDs are unpredictable and unique in the
 * process, which only the app can promise. */
void tunnel_dial(struct tunnel *tunnel, struct session *session, uint32_t subject,
	uint16_t local_call_id, uint64_t now, struct outbox *out);
void tunnel_accept(struct tunnel *tunnel, uint32_t token, struct session *session,
	uint32_t subject, uint16_t local_call_id, uint64_t now, struct outbox *out);
void tunnel_refuse(struct tunnel *tunnel, uint32_t token, uint8_t result, uint64_t now,
	struct outbox *out);

/* From the data path: a control frame with the epoch it was received in. */
void tunnel_frame(struct tunnel *tunnel, struct session *session, uint32_t epoch,
	const uint8_t *frame, size_t length, uint64_t now, struct outbox *out);
/* From the data path: when the peer was last heard, and when inner traffic last moved. */
void tunnel_alive(struct tunnel *tunnel, struct session *session, uint64_t heard,
	uint64_t active);
/* From the data path: a run of undecipherable packets (MPPE keys differ). */
void tunnel_keys_differ(struct tunnel *tunnel, struct session *session, uint64_t now,
	struct outbox *out);

/* Answers. A token no longer asked is ignored. */
void tunnel_credentials(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct auth_answer *answer, uint64_t now, struct outbox *out);
void tunnel_addresses(struct tunnel *tunnel, struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out);

/* Ending one session, or everything: polite, and bounded in time by the time-outs configured. */
void tunnel_close_session(struct tunnel *tunnel, struct session *session,
	enum close_reason reason, uint64_t now, struct outbox *out);
void tunnel_stop(struct tunnel *tunnel, enum close_reason reason, uint64_t now,
	struct outbox *out);

void tunnel_tick(struct tunnel *tunnel, uint64_t now, struct outbox *out);
uint64_t tunnel_deadline(const struct tunnel *tunnel);

#endif
