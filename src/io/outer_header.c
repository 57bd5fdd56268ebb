/* IP headers as RFC 791 §3.1 and RFC 8200 §3 lay them out. */
#include "outer_header.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"

static size_t write_ipv6(uint8_t *at, const struct outer_header *h)
{
	put_u16(at, (uint16_t)(0x6000 | h->tos << 4));
	put_u16(at + 4, (uint16_t)h->length);
	at[6] = IPPROTO_GRE;
	at[7] = h->ttl;
	memcpy(at + 8, h->source.bytes, 16);
	memcpy(at + 24, h->destination.bytes, 16);
	return 40;
}

size_t outer_header_write(uint8_t at[OUTER_HEADER_MAX], const struct outer_header *h)
{
	memset(at, 0, OUTER_HEADER_MAX);
	if (h->destination.family == 6)
		return write_ipv6(at, h);
	at[0] = 0x45;
	at[1] = h->tos;
	put_u16(at + 2, (uint16_t)(20 + h->length));
	put_u16(at + 6, h->dont_fragment ? IP_DF : 0);
	at[8] = h->ttl;
	at[9] = IPPROTO_GRE;
	memcpy(at + 12, h->source.bytes, 4);
	memcpy(at + 16, h->destination.bytes, 4);
	put_u16(at + 10, (uint16_t)~checksum_of(0, at, 20));
	return 20;
}
