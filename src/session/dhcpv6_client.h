/* The client's side of DHCPv6 on one link: a prefix, or information alone. */
#ifndef GREYLINE_DHCPV6_CLIENT_H
#define GREYLINE_DHCPV6_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dhcpv6_wire.h"
#include "random.h"

enum dhcpv6_client_state {
	DHCPV6_IDLE,   /* asks for nothing, or has the information it asked for */
	DHCPV6_INFORM, /* Information-Request */
	DHCPV6_SOLICITS,
	DHCPV6_REQUESTS,
	DHCPV6_BOUND,
	DHCPV6_RENEWS,
	DHCPV6_REBINDS,
};

/* All zero at first but for the wish; then dhcpv6_client_down. */
struct dhcpv6_client {
	struct dhcpv6_wish {
		struct dhcpv6_duid duid; /* ours */
		uint32_t iaid;
		bool prefix;    /* one is wanted, ... */
		uint8_t length; /* ... of that many bits; 0: as it comes */
		bool dns;       /* name servers and search list are wanted */
	} wish;
	enum dhcpv6_client_state state;
	uint32_t transaction;
	uint16_t tries;
	uint64_t began, due; /* microseconds; NEVER: not by itself */
	uint64_t wait;       /* of the last try */
	uint64_t until;      /* end of the state; NEVER */
	struct dhcpv6_duid server;
	struct dhcpv6_ia offer;    /* of `server`, while it is weighed; count 0: none */
	struct dhcpv6_prefix held; /* length 0: none */
	uint64_t renew_at, rebind_at, lost_at;
	struct address dns[DHCPV6_DNS];
	struct domains search;
};

/* What came of a call: */
enum {
	DHCPV6_SEND = 1,    /* `out` is to be sent */
	DHCPV6_CHANGED = 2, /* the prefix, or what is known of name servers */
	DHCPV6_DISCARD = 4, /* the message was not for us, or senseless */
	DHCPV6_NO_LUCK = 8, /* the server has no prefix for us; said for each such answer */
};

/* The link carries IPv6 now (again): asks for the prefix, where one is wished for. */
void dhcpv6_client_up(struct dhcpv6_client *client, uint64_t now, struct random *random);
/* A router says that there is information to be had. */
void dhcpv6_client_inform(struct dhcpv6_client *client, uint64_t now, struct random *random);
/* It does no more. What is held is kept for a next link, as long as it lasts. */
void dhcpv6_client_down(struct dhcpv6_client *client);
unsigned dhcpv6_client_input(struct dhcpv6_client *client, const struct dhcpv6_message *in,
	uint64_t now, struct random *random, struct dhcpv6_message *out);
unsigned dhcpv6_client_tick(struct dhcpv6_client *client, uint64_t now, struct random *random,
	struct dhcpv6_message *out);
/* What is ours now; what merely outlived its link is not. Length 0: none. */
struct dhcpv6_prefix dhcpv6_client_prefix(const struct dhcpv6_client *client);
uint64_t dhcpv6_client_deadline(const struct dhcpv6_client *client);
/* The end: gives the prefix back. Once, and no answer is waited for. */
unsigned dhcpv6_client_release(
	struct dhcpv6_client *client, struct random *random, struct dhcpv6_message *out);

#endif
