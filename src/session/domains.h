/* Domain names as DNS writes them (RFC 1035 §3.1), one behind the other: the search lists of
 * Router Advertisements (RFC 8106 §5.2), of DHCPv6 (RFC 3646 §4) and of DHCP (RFC 3397 §2). */
#ifndef GREYLINE_DOMAINS_H
#define GREYLINE_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

enum { DOMAINS_MAX = 255 };

struct domains {
	uint8_t length; /* bytes; 0: none */
	uint8_t bytes[DOMAINS_MAX];
};

/* Behind those there. False when it is no name that a host may have (letters, digits, - and _, in
 * labels of 63 at most), or has no room. */
bool domains_add(struct domains *domains, const char *name);
/* False when the names are malformed. Those that no host may have, or for which there is no room,
 * are left out: they shall end in a file that other programs read. */
bool domains_read(struct domains *domains, const uint8_t *bytes, size_t length);
/* Separated by blanks. */
void domains_text(struct text *t, const struct domains *domains);

#endif
