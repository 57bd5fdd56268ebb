/* The Password Authentication Protocol (RFC 1334 §2), both roles. */
#ifndef GREYLINE_PAP_H
#define GREYLINE_PAP_H

#include <stdbool.h>
#include <stdint.h>

#include "turn.h"

enum { PAP = 0xc023 };

struct auth_answer;
struct link;

/* How far one side has come in proving itself, in PAP and in CHAP. */
enum proof {
	PROOF_NONE,  /* this side does not prove itself, or not by this protocol */
	PROOF_OPEN,  /* the authenticator waits for a first word; the peer for a Challenge */
	PROOF_ASKED, /* the claim is being judged */
	PROOF_PASSED,
	PROOF_FAILED,
};

struct pap {
	/* The peer proves itself to us. */
	uint8_t theirs;   /* enum proof */
	uint8_t their_id; /* of its latest request */
	/* We prove ourselves. */
	uint8_t ours; /* enum proof */
	uint8_t our_id, tries;
	uint64_t timer; /* when to repeat our request */
};

struct protocol_ops;
extern const struct protocol_ops pap_protocol;

/* LCP opened: `demand` the peer's password, `prove` with ours. */
void pap_start(struct link *link, bool demand, bool prove, const struct turn *turn);
/* The verdict on the peer's claim. */
void pap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn);

#endif
