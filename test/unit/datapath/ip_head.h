/* The head of an IPv4 packet: as much as a receiver looks at to know that a key is right. */
#ifndef GREYLINE_TEST_IP_HEAD_H
#define GREYLINE_TEST_IP_HEAD_H

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "ip_header.h"

enum { IP_HEAD = 2 + IPV4_HEADER }; /* bytes, the protocol field in front of it included */

/* Makes the `length` bytes at `clear`, IP_HEAD or more, those of a packet inside MPPE. */
static inline void ip_head(uint8_t *clear, size_t length)
{
	uint8_t *ip = clear + 2;
	memcpy(clear, (const uint8_t[]){0x00, 0x21, 0x45}, 3);
	put_u16(ip + IPV4_LENGTH, (uint16_t)(length - 2));
	put_u16(ip + IPV4_CHECKSUM, 0);
	put_u16(ip + IPV4_CHECKSUM, (uint16_t)~checksum_of(0, ip, IPV4_HEADER));
}

#endif
