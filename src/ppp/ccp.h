/* The Compression Control Protocol (RFC 1962) with one method: MPPE (RFC 3078). */
#ifndef GREYLINE_CCP_H
#define GREYLINE_CCP_H

#include <stdbool.h>
#include <stdint.h>

#include "fsm.h"
#include "mppe_key.h"

enum { CCP = 0x80fd };

struct unit;

/* A unit that could do without encryption asks a peer that wants it this many times longer. */
enum { CCP_PATIENCE = 3 };

/* Why there is no encryption. */
enum ccp_refusal {
	CCP_AGREED,
	CCP_NO_KEYS,    /* authentication left none */
	CCP_SILENT,     /* the peer does not answer */
	CCP_UNKNOWN,    /* it does not know CCP (Protocol-Reject) */
	CCP_REJECTED,   /* it knows CCP but rejects MPPE */
	CCP_OFFER,      /* what it offers we do not allow */
	CCP_UNWANTED,   /* it does not want to receive encrypted packets */
	CCP_TERMINATED, /* it ended CCP */
	CCP_STUCK,      /* the negotiation went round in circles */
};

struct ccp {
	struct fsm fsm;
	/* A Configure-Request says what its sender wants to receive (RFC 1962 §4). */
	uint8_t wish; /* MPPE_ALLOW_* in our request; 0: no MPPE option in it */
	bool wish_stateless;
	bool their_stateless;
	uint8_t theirs; /* enum mppe_strength of the peer's latest good request */
	/* The receiver as UNIT_RECEIVE_KEY left it, and the peer's request it was armed for. */
	uint8_t armed; /* enum mppe_strength */
	bool armed_stateless;
	uint8_t armed_id;
	bool transmitting;
	uint8_t patience;    /* times Max-Configure may start again, see CCP_PATIENCE */
	uint8_t refusal;     /* enum ccp_refusal */
	bool told;           /* ... and it was said */
	uint32_t their_bits; /* MPPE bits the peer named last, for what we say of it */
};

struct protocol_ops;
extern const struct protocol_ops ccp_protocol;
extern const struct option_set ccp_options;

/* ccp_option.c: our wishes as a negotiation begins, and the options of our Configure-Request. */
void ccp_wish(struct unit *unit);
void ccp_request(const void *owner, struct writer *w);
enum mppe_strength mppe_strongest(uint8_t mask); /* of MPPE_ALLOW_* */
/* A sentence on why there is no encryption, which side refused what, and what would accept it. */
void ccp_explain(const struct unit *unit, struct text *t);

/* Both directions are encrypted. */
bool ccp_encrypts(const struct unit *unit);

#endif
