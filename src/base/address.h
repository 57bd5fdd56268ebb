/* IPv4 and IPv6 addresses in one shape. IPv4 occupies the first four bytes, network order. */
#ifndef GREYLINE_ADDRESS_H
#define GREYLINE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct address {
	uint8_t family; /* 4, 6, or 0 for none */
	uint8_t bytes[16];
};

struct prefix {
	struct address address;
	uint8_t length; /* bits: 0 to 32 or 128 */
};

struct address address_ipv4(uint32_t host_order);
uint32_t address_to_ipv4(const struct address *a); /* host order; 0 when not IPv4 */
bool address_equal(const struct address *a, const struct address *b);
void text_address(struct text *t, const struct address *a);

#endif
