/* Router Solicitations and Advertisements as whole IPv6 packets (RFC 4861 §4.1, §4.2; RFC 8106). */
#ifndef GREYLINE_ADVERT_H
#define GREYLINE_ADVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "domains.h"

enum { ADVERT_MAX = 512, ADVERT_DNS = 2 };

/* What a router says. All zero: nothing. */
struct advert {
	uint16_t router_lifetime;  /* seconds it is a default router; 0: it is none */
	uint16_t mtu;              /* 0: not said */
	struct prefix prefix;      /* hosts make their addresses in it; length 0: none */
	uint32_t valid, preferred; /* seconds, of the prefix */
	struct address dns[ADVERT_DNS];
	bool stateless; /* O: DHCPv6 has more to say */
};

/* Bytes of the packet written to `at` (of ADVERT_MAX). `search` (DNSSL) may be NULL. */
size_t advert_write(uint8_t *at, const struct advert *advert, const struct domains *search,
	const struct address *from, const struct address *to);
/* False unless the packet is a valid advertisement (RFC 4861 §6.1.2). Options that are malformed
 * end the reading of it with false; those not known are passed over. */
bool advert_read(
	struct advert *advert, struct domains *search, const uint8_t *packet, size_t length);

size_t solicit_write(uint8_t *at, const struct address *from);
/* False unless the packet is a valid solicitation (RFC 4861 §6.1.1). */
bool solicit_read(const uint8_t *packet, size_t length);

#endif
