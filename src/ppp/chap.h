/* The Challenge Handshake Authentication Protocol (RFC 1994) with its algorithms MD5, MS-CHAP
 * (RFC 2433) and MS-CHAPv2 (RFC 2759), both roles. */
#ifndef GREYLINE_CHAP_H
#define GREYLINE_CHAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "mppe_key.h"
#include "mschap.h"
#include "pap.h"
#include "turn.h"

enum { CHAP = 0xc223 };
struct chap {
	/* We are the authenticator. */
	struct {
		uint8_t state; /* enum proof */
		uint8_t method, id, tries;
		uint16_t error; /* enum auth_error, when failed */
		uint64_t timer; /* when to repeat the Challenge */
	} theirs;
	/* We are the peer. */
	struct {
		uint8_t state; /* enum proof */
		uint8_t method, id, tries;
		bool changing;  /* what is repeated is Change-Password, not the Response */
		uint64_t timer; /* when to repeat the Response */
	} ours;
};

struct protocol_ops;
extern const struct protocol_ops chap_protocol;

/* LCP opened: `demand` and `prove` are methods (enum auth_method) or 0. */
void chap_start(struct link *link, uint8_t demand, uint8_t prove, const struct turn *turn);
/* The verdict on the peer's claim. */
void chap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn);
/* The Network phase has lasted a while: the peer shall prove itself again. */
void chap_rechallenge(struct link *link, const struct turn *turn);
/* Whether a challenge is the one we sent: with MD5 its answer would be the peer's proof. */
bool chap_is_ours(const struct link *link, struct reader value);
/* MPPE start keys of the exchange in which we proved ourselves; not valid after MD5. */
void chap_our_keys(const struct link *link, struct mppe_start_keys *keys);

#endif
