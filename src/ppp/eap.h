/* The Extensible Authentication Protocol (RFC 3748), both roles, with the methods MD5-Challenge,
 * EAP-MS-CHAPv2 (draft-kamath-pppext-eap-mschapv2) and EAP-TLS (eap_tls.h). */
#ifndef GREYLINE_EAP_H
#define GREYLINE_EAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "chap.h"
#include "eap_tls.h"
#include "mschap_claim.h"
#include "pap.h"
#include "turn.h"

enum { EAP = 0xc227 };

/* What our Request in flight asks for. */
enum eap_step {
	EAP_STEP_IDENTITY,
	EAP_STEP_CHALLENGE, /* of the method */
	EAP_STEP_VERDICT,   /* EAP-MS-CHAPv2's Success-Request or Failure-Request */
	EAP_STEP_TLS,       /* EAP-TLS behind its Start, which is its challenge */
};

/* How far our method has come. */
enum eap_answered {
	EAP_ANSWERED_NOTHING,
	EAP_ANSWERED_MD5,
	EAP_ANSWERED_TLS, /* EAP-TLS has begun */
	EAP_ANSWERED_TLS_DONE,
	EAP_ANSWERED_TLS_FAILED,
	EAP_ANSWERED_CLAIM,   /* EAP-MS-CHAPv2's Response */
	EAP_ANSWERED_SUCCESS, /* its Success-Response: the authenticator has proved itself */
};

struct eap {
	bool tls; /* the owner holds something for EAP-TLS */
	/* We are the authenticator. */
	struct {
		uint8_t state;  /* enum proof */
		uint8_t step;   /* enum eap_step */
		uint8_t method; /* enum auth_method in use, or about to be */
		uint8_t left;   /* mask of those the peer has not refused */
		uint8_t id, tries;
		uint8_t ms_id;  /* MS-CHAPv2-ID: one for the whole exchange */
		uint16_t error; /* enum auth_error, of the verdict */
		bool named;     /* the link's peer_name holds the whole Identity */
		uint64_t timer; /* when to repeat the Request */
	} theirs;
	/* We are the peer. */
	struct {
		uint8_t state;    /* enum proof */
		uint8_t allowed;  /* mask of methods */
		uint8_t answered; /* enum eap_answered */
		uint8_t id;       /* of the Request it answered */
		bool changing;    /* it answered that our password has expired with a new one */
		bool refused;     /* the latest method offered got a Nak */
		uint64_t timer;   /* the authenticator has proved itself: Success by then */
	} ours;
};

struct protocol_ops;
extern const struct protocol_ops eap_protocol;

/* LCP opened: `demand` and `prove` are masks; what is not of EAP is passed over. */
void eap_start(struct link *link, uint8_t demand, uint8_t prove, const struct turn *turn);
/* The verdict on the peer's claim. */
void eap_answer(struct link *link, const struct auth_answer *answer, const struct turn *turn);
/* What TLS has to say. False when no question has this token. */
bool eap_tls_reply(
	struct link *link, uint32_t token, const struct tls_reply *reply, const struct turn *turn);
/* The owner may forget what it holds for EAP-TLS. */
void eap_tls_end(struct link *link, const struct turn *turn);
/* The peer has begun the Network phase, which says what a lost Success would have said. */
void eap_network_began(struct link *link, const struct turn *turn);
/* The Network phase has lasted a while: the peer shall prove itself again, by the same method. */
void eap_rechallenge(struct link *link, const struct turn *turn);
/* Whether a challenge is the one we sent: with MD5 its answer would be the peer's proof. */
bool eap_is_ours(const struct link *link, struct reader value);
/* MPPE start keys of the exchange in which we proved ourselves; not valid after MD5. */
void eap_our_keys(const struct link *link, struct mppe_start_keys *keys);

#endif
