/* Our own claim in MS-CHAPv2, whichever protocol carries it: CHAP (RFC 2759) or EAP
 * (draft-kamath-pppext-eap-mschapv2). Name and password are those of the configuration. */
#ifndef GREYLINE_MSCHAP_CLAIM_H
#define GREYLINE_MSCHAP_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mppe_key.h"
#include "mschap.h"

enum { MSCHAPV2_CHALLENGE_SIZE = 16, MSCHAPV2_VALUE_SIZE = 49 };

struct link_config;

/* The two challenges a claim rests on. */
struct mschap_claim {
	const struct link_config *config;
	const uint8_t *theirs; /* the authenticator's, 16 bytes */
	const uint8_t *ours;   /* the peer challenge, 16 bytes */
};

/* The Value field of the Response (RFC 2759 §4). */
void mschap_claim_value(const struct mschap_claim *claim, uint8_t value[MSCHAPV2_VALUE_SIZE]);
/* Whether the text of a Success proves that the authenticator knows the password (§5). */
bool mschap_claim_proved(const struct mschap_claim *claim, const uint8_t *message, size_t length);
/* MPPE start keys of the peer (RFC 3079 §3). */
void mschap_claim_keys(const struct mschap_claim *claim, struct mppe_start_keys *keys);

#endif
