/* What LCP, PAP, CHAP and EAP tell the link they belong to. Of this room only. */
#ifndef GREYLINE_LINK_INNER_H
#define GREYLINE_LINK_INNER_H

#include "digest.h"
#include "link.h"
#include "turn.h"

/* Closes politely. The first reason given stays the reason. */
void link_fail(struct link *link, enum close_reason reason, const struct turn *turn);

/* LCP's tlu, tld, tlf. */
void link_opened(struct link *link, const struct turn *turn);
void link_restarted(struct link *link, const struct turn *turn);
/* Our requests were not answered, and the peer may come all the same. */
void link_waits(struct link *link, const struct turn *turn);
void link_finished(struct link *link, const struct turn *turn);

/* A Protocol-Reject arrived. */
void link_protocol_rejected(struct link *link, uint16_t protocol, const struct turn *turn);

/* The protocol that is to carry these proofs is not spoken at the peer. */
void link_proof_rejected(
	struct link *link, enum proof theirs, enum proof ours, const struct turn *turn);

/* The peer's claim goes out as LINK_CREDENTIALS. */
void link_ask(struct link *link, const struct auth_question *question, const struct turn *turn);
/* Whether the answer lets the peer change its password: then there is a new challenge for that. */
bool link_await_change(
	struct link *link, const struct auth_answer *answer, const struct turn *turn);
/* Change-Password came, and is to be judged; `r` stands behind its header. False when it is
 * malformed. */
bool link_ask_change(struct link *link, uint8_t method, struct reader r, const struct turn *turn);
/* Ours is changed. */
void link_renewed(struct link *link, const struct turn *turn);

/* CBCP is through: nobody calls back. */
void link_callback_settled(struct link *link, const struct turn *turn);

/* One side has proved itself; the Network phase begins when all have that must. */
void link_peer_proved(struct link *link, const struct turn *turn);
void link_we_proved(struct link *link, const struct turn *turn);

/* Our password, the new one once it is changed. */
static inline struct piece link_password(const struct link *link)
{
	const struct link_config *config = link->config;
	return link->renewed ? (struct piece){config->new_password, config->new_password_length}
			     : (struct piece){config->password, config->password_length};
}

/* Largest information field the peer takes. */
uint16_t link_peer_mru(const struct link *link);

/* A name as the peer gave it, quoted, in a note: `before` "name" `after`. */
void link_note_peer(struct link *link, enum note_level level, const char *before, const char *after,
	const struct turn *turn);

#endif
