/* The IP header of an outer packet, for captures and for frames we build ourselves. */
#ifndef GREYLINE_OUTER_HEADER_H
#define GREYLINE_OUTER_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum { OUTER_HEADER_MAX = 40 };

struct outer_header {
	struct address source, destination; /* both of the destination's family, or source none */
	uint32_t length;                    /* of what follows */
	uint8_t ttl, tos;
	bool dont_fragment; /* IPv4 */
};

/* Writes 20 bytes (IPv4, checksum included, identification 0) or 40 (IPv6); returns how many. */
size_t outer_header_write(uint8_t at[OUTER_HEADER_MAX], const struct outer_header *header);

#endif
