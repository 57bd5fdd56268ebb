/* The key both ends of ECP were configured with. RFC 2419 §3: how it gets there is nobody's
 * protocol. */
#ifndef GREYLINE_ECP_KEY_H
#define GREYLINE_ECP_KEY_H

#include <stdint.h>

enum {
	ECP_KEY_DES = 8,   /* DESE-bis: DES (RFC 2419) */
	ECP_KEY_DES3 = 24, /* 3DESE: DES-EDE3, three keys (RFC 2420) */
	ECP_NONCE = 8,
};

struct ecp_key {
	uint8_t length; /* one of the above, which says the method too; 0: no ECP */
	uint8_t bytes[ECP_KEY_DES3];
};

#endif
