/* The IPv6 Control Protocol (RFC 5072): interface identifiers. */
#ifndef GREYLINE_IPV6CP_H
#define GREYLINE_IPV6CP_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "fsm.h"

enum { IPV6CP = 0x8057 };

struct unit;

struct ipv6cp {
	struct fsm fsm;
	bool ask;         /* the identifier is still in our request */
	bool ended;       /* no IPv6 until the link comes up again */
	bool prompted;    /* the peer was told once that its request lacks an identifier */
	uint64_t local;   /* our interface identifier; never 0 */
	uint64_t remote;  /* the peer's, as its latest request has it; 0: not said */
	uint64_t offered; /* what a peer without one of its own is told to take */
};

struct protocol_ops;
extern const struct protocol_ops ipv6cp_protocol;
extern const struct option_set ipv6cp_options;

/* Our wishes as a negotiation begins. */
void ipv6cp_wish(struct unit *unit);

/* fe80::/64 and an identifier (RFC 4291 §2.5.6); family 0 for identifier 0. */
struct address ipv6cp_link_local(uint64_t identifier);

#endif
