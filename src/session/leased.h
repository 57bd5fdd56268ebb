/* A session on a line of its own (a tty, a pty): there is no call that begins it or is cleared in
 * the end. The line is leased to it as a leased line is to a router: it is there, and PPP starts.
 *
 *   leased_init ──▶ DATAPATH_ATTACH ──▶ the owner gives the data plane the line ──▶ leased_start
 *
 * Everything here writes tunnel_out items (tunnel.h), within SESSION_OUT_ITEMS and
 * SESSION_OUT_BYTES a call. A session that wants to hang up is over at once: TUNNEL_SESSION_DOWN,
 * and the line goes with the detach. Its configuration has `line` set. */
#ifndef GREYLINE_LEASED_H
#define GREYLINE_LEASED_H

#include <stdint.h>

#include "session.h"

/* Zeroed memory becomes a session that waits for its line. */
void leased_init(struct session *session, const struct session_config *config, uint32_t subject,
	struct random *random, uint64_t now, struct outbox *out);
/* The data plane has the line: LCP begins. */
void leased_start(struct session *session, uint64_t now, struct outbox *out);
/* The line was hung up, or is of no use any more. */
void leased_gone(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out);

/* As in tunnel.h. */
void leased_frame(struct session *session, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out);
void leased_credentials(struct session *session, uint32_t token, const struct auth_answer *answer,
	uint64_t now, struct outbox *out);
void leased_tls(struct session *session, uint32_t token, const struct tls_reply *reply,
	uint64_t now, struct outbox *out);
void leased_addresses(struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out);
void leased_delegate(struct session *session, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out);
void leased_close(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out);
void leased_awake(struct session *session, uint64_t now);
bool leased_probe(struct session *session, uint64_t now, struct outbox *out);
void leased_keys_differ(struct session *session, uint64_t now, struct outbox *out);
void leased_renegotiate(struct session *session, uint64_t now, struct outbox *out);
void leased_tick(struct session *session, uint64_t now, struct outbox *out);

#endif
