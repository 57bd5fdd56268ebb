/* The Encryption Control Protocol (RFC 1968) with DESE-bis (RFC 2419) or 3DESE (RFC 2420).
 *
 * For units whose configuration has an ECP key; there is no encryption by chance, so with a key
 * there are no network packets before both directions are encrypted. Its state is memory that the
 * unit's owner gives to those units alone. */
#ifndef GREYLINE_ECP_H
#define GREYLINE_ECP_H

#include <stdbool.h>
#include <stdint.h>

#include "ecp_key.h"
#include "fsm.h"

enum { ECP = 0x8053 };

struct unit;

/* Why there is no encryption. */
enum ecp_refusal {
	ECP_AGREED,
	ECP_SILENT,     /* the peer does not answer */
	ECP_UNKNOWN,    /* it does not know ECP (Protocol-Reject) */
	ECP_REJECTED,   /* it knows ECP but not our method */
	ECP_UNWANTED,   /* it does not want to receive by our method */
	ECP_TERMINATED, /* it ended ECP */
	ECP_STUCK,      /* the negotiation went round in circles */
};

struct ecp {
	struct fsm fsm;
	uint8_t ours[ECP_NONCE];   /* of our request: what the peer starts to encrypt with */
	uint8_t theirs[ECP_NONCE]; /* of the peer's latest good request */
	bool wanted;               /* it asked for our method */
	bool armed;                /* the receiver, for the request: */
	uint8_t armed_id;
	bool transmitting;
	uint8_t refusal; /* enum ecp_refusal */
	bool told;       /* ... and it was said */
};

/* What the data path is to do from here on; `key` of length 0: no longer. */
struct ecp_cipher {
	bool transmit;
	struct ecp_key key;
	uint8_t nonce[ECP_NONCE];
};

struct protocol_ops;
extern const struct protocol_ops ecp_protocol;
extern const struct option_set ecp_options;

/* A negotiation is about to begin. */
void ecp_wish(struct unit *unit);
/* The unit has a key, and ECP is up both ways; or it has none. */
bool ecp_satisfied(const struct unit *unit);
/* The name of the method a key is for: "DESE-bis", "3DESE"; "" for none. */
const char *ecp_method(const struct ecp_key *key);
/* A sentence on why there is no encryption, and what would help. */
void ecp_explain(const struct unit *unit, struct text *t);

#endif
