/* Our own claim in MS-CHAPv2, whichever protocol carries it: CHAP (RFC 2759) or EAP
 * (draft-kamath-pppext-eap-mschapv2). It rests on the two challenges in link->ours; name and
 * password are those of the configuration, once it is renewed the new password. */
#ifndef GREYLINE_MSCHAP_CLAIM_H
#define GREYLINE_MSCHAP_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "mppe_key.h"
#include "mschap.h"

enum { MSCHAPV2_CHALLENGE_SIZE = 16, MSCHAPV2_VALUE_SIZE = 49, MSCHAPV2_CHANGE_SIZE = 582 };

struct link;

/* The NT hash of our password. False when it is too long to have one. */
bool mschap_claim_hash(const struct link *link, uint8_t hash[NT_HASH_SIZE]);
/* The Value field of the Response (RFC 2759 §4). */
void mschap_claim_value(const struct link *link, uint8_t value[MSCHAPV2_VALUE_SIZE]);
/* Whether the text of a Success proves that the authenticator knows the password (§5). */
bool mschap_claim_proved(const struct link *link, const uint8_t *message, size_t length);
/* MPPE start keys of the peer (RFC 3079 §3). */
void mschap_claim_keys(const struct link *link, struct mppe_start_keys *keys);

/* Whether a Failure (§6) says that our password has expired, and nothing else is wrong. */
bool mschap_claim_expired(const uint8_t *message, size_t length);
/* In that case: takes the new password, if there is one, with the challenge in the Failure. */
bool mschap_claim_renew(struct link *link, const uint8_t *message, size_t length);
/* Then, each time it is to be sent: Change-Password behind its header (§7). */
void mschap_claim_change(const struct link *link, struct writer *w);

#endif
