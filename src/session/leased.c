/* A session without a call (see leased.h). RFC 1661 §3.2: the link is Dead until the carrier is
 * there, and Dead again when it is hung up.
 *
 * Each function runs one step of the session and then settles: where a tunnel would clear the call,
 * the session is over, and with it its data path and the line. */
#include "leased.h"

#include "translate.h"

static void settle(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->hang_up)
		session_over(session, session->closing, now, out);
}

void leased_init(struct session *session, const struct session_config *config, uint32_t subject,
	struct random *random, uint64_t now, struct outbox *out)
{
	session_init(session, config, subject, random, now);
	struct datapath_command attach = session_attach_command(session, (uint16_t)subject, false);
	attach.attach.line = true;
	emit_command(session, &attach, NULL, 0, out);
}

void leased_start(struct session *session, uint64_t now, struct outbox *out)
{
	emit_first_framing(session, out);
	session_connected(session, now, out);
	session_start(session, now, out);
	settle(session, now, out);
}

void leased_gone(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	session_over(session, reason, now, out);
}

void leased_frame(struct session *session, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out)
{
	session_frame(session, epoch, frame, length, now, out);
	settle(session, now, out);
}

void leased_credentials(struct session *session, uint32_t token, const struct auth_answer *answer,
	uint64_t now, struct outbox *out)
{
	session_credentials(session, token, answer, now, out);
	settle(session, now, out);
}

void leased_tls(struct session *session, uint32_t token, const struct tls_reply *reply,
	uint64_t now, struct outbox *out)
{
	session_tls(session, token, reply, now, out);
	settle(session, now, out);
}

void leased_addresses(struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out)
{
	session_addresses(session, token, addresses, now, out);
	settle(session, now, out);
}

void leased_delegate(struct session *session, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out)
{
	session_delegate(session, question, prefix, now, out);
	settle(session, now, out);
}

void leased_close(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out)
{
	session_close(session, reason, now, out);
	settle(session, now, out);
}

void leased_awake(struct session *session, uint64_t now)
{
	session_awake(session, now);
}

bool leased_probe(struct session *session, uint64_t now, struct outbox *out)
{
	return session_probe(session, now, out);
}

void leased_renegotiate(struct session *session, uint64_t now, struct outbox *out)
{
	session_renegotiate(session, now, out);
	settle(session, now, out);
}

void leased_keys_differ(struct session *session, uint64_t now, struct outbox *out)
{
	session_keys_differ(session, now, out);
	settle(session, now, out);
}

void leased_tick(struct session *session, uint64_t now, struct outbox *out)
{
	session_tick(session, now, out);
	settle(session, now, out);
}
