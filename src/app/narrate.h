/* The log lines of a tunnel's and a session's life; pppd's words where pppd has them. */
#ifndef GREYLINE_NARRATE_H
#define GREYLINE_NARRATE_H

#include "peer.h"

void narrate_message(const struct peer *peer, bool sent, const uint8_t *bytes, size_t length);
void narrate_frame(const struct seat *seat, bool sent, const uint8_t *bytes, size_t length);
void narrate_note(const struct peer *peer, const struct seat *seat, bool warning, const char *text,
	size_t length);
void narrate_drop(const struct peer *peer, const struct seat *seat, enum drop drop);

/* GRE came from where it should not, or (`seat->gre`) from elsewhere than TCP, as allowed. */
void narrate_stranger(const struct seat *seat, const struct address *from);
void narrate_gre_from(const struct seat *seat);

void narrate_connect(const struct seat *seat, const char *interface);
void narrate_login(const struct seat *seat, const struct auth_question *question);
/* A TLS login: who it is with; or, in a word and a sentence, why there is none. `question`: of a
 * peer that failed to prove itself; NULL: it is we who do not go on. */
void narrate_tls(const struct seat *seat, const char *name, const char *description);
void narrate_tls_failed(const struct seat *seat, const struct auth_question *question,
	const char *word, const char *sentence);
/* A new password in the place of an expired one. */
void narrate_renewed(const struct seat *seat, const struct auth_question *question);
/* `reason` is a word for reason=, "wrong-password". */
void narrate_login_failed(
	const struct seat *seat, const struct auth_question *question, const char *reason);
/* A link joined a bundle, which is new or not; it leaves. */
void narrate_link(const struct seat *link, const struct seat *bundle, bool fresh);
void narrate_unlink(const struct seat *link, const struct seat *bundle);
void narrate_up(const struct seat *seat);
/* The prefix behind the peer, or (client) behind us, in place of another. */
void narrate_delegated(const struct seat *seat, const struct prefix *before);
void narrate_over(const struct seat *seat);
void narrate_gone(const struct seat *seat);

#endif
