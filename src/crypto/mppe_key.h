/* MPPE's start keys, from authentication (RFC 3079). */
#ifndef GREYLINE_MPPE_KEY_H
#define GREYLINE_MPPE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "mschap.h"

enum mppe_strength { MPPE_NONE = 0, MPPE_40 = 40, MPPE_56 = 56, MPPE_128 = 128 };

/* What authentication leaves for MPPE, both directions, long (128-bit) and short (40- and 56-bit)
 * start keys. Which pair is used is CCP's outcome. Wiped by whoever holds it last. */
struct mppe_start_keys {
	bool valid;
	uint8_t send[16], receive[16];
	uint8_t send_short[8], receive_short[8];
};

/* RFC 3079 §3: after MS-CHAPv2. `we_are_server`: we were the authenticator. */
void mppe_keys_from_mschapv2(struct mppe_start_keys *keys, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t nt_response[NT_RESPONSE_SIZE], bool we_are_server);
/* RFC 3079 §2: after MS-CHAPv1; both directions share the keys. */
void mppe_keys_from_mschap(struct mppe_start_keys *keys, const uint8_t nt_hash[NT_HASH_SIZE],
	const uint8_t lm_hash[16], const uint8_t challenge[8]);

#endif
