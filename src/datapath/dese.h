/* PPP's DES encryption, one direction (RFC 2419: DESE-bis, RFC 2420: 3DESE).
 *
 * Behind the protocol field 0053: a sequence number, and in cipher text a protocol field and the
 * information, padded to whole blocks. */
#ifndef GREYLINE_DESE_H
#define GREYLINE_DESE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "ecp_key.h"
#include "limits.h"
#include "reason.h"

enum {
	DESE_HEADER = 2,
	DESE_GROWTH = DESE_HEADER + 2 + DES_CBC_BLOCK, /* at most, with the protocol field hidden */
};

static_assert((int)DESE_GROWTH == (int)ECP_OVERHEAD, "what the session's MTU reckons with");

struct dese {
	struct des_cbc des;
	uint8_t chain[DES_CBC_BLOCK]; /* the last block of cipher text */
	uint16_t sequence;            /* of the next packet */
};

/* `nonce`: of the one who decrypts. Has nothing to wipe but itself. */
void dese_arm(struct dese *d, const struct ecp_key *key, const uint8_t nonce[ECP_NONCE]);

/* Writes at most `length` + DESE_GROWTH bytes, which `to` must have room for; how many. `to` does
 * not overlap the packet. */
size_t dese_seal(struct dese *d, uint16_t protocol, const uint8_t *packet, size_t length,
	uint8_t *to, size_t capacity);

/* Writes the protocol field and the information, `*got` bytes, to `to`, which has room for `length`
 * bytes and does not overlap `from`. After a false packet the next one in sequence opens. */
bool dese_open(struct dese *d, const uint8_t *from, size_t length, uint8_t *to, size_t *got,
	enum drop *why);

#endif
