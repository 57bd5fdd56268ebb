/* The Internet Protocol Control Protocol (RFC 1332) with name servers (RFC 1877). */
#ifndef GREYLINE_IPCP_H
#define GREYLINE_IPCP_H

#include <stdbool.h>
#include <stdint.h>

#include "fsm.h"

enum { IPCP = 0x8021 };

/* Primary DNS, primary WINS, secondary DNS, secondary WINS: options 129 to 132 in that order. */
enum { IPCP_SERVERS = 4 };

/* VJ header compression of one direction, as its receiver takes it (RFC 1332 §4). */
struct ipcp_vj {
	uint16_t slots; /* 0: none */
	bool omit_slot; /* a packet need not say which slot is meant */
};

enum {
	IPCP_VJ_SLOTS_MIN = 2, /* what pppd lets anybody say */
	IPCP_VJ_SLOTS_MAX = 16,
};

struct unit;

struct ipcp {
	struct fsm fsm;
	uint8_t ask;        /* mask of the options still in our request */
	bool prompted;      /* the peer was told once that its request lacks an address */
	bool ended;         /* it was ended on purpose, and the end is not a time-out */
	uint32_t local4;    /* ours, as asked now; host order */
	uint32_t remote4;   /* the peer's, as its latest request has it; 0: not said */
	uint32_t refused4;  /* an address the peer asked for and did not get; 0: none */
	uint32_t declined4; /* an address the peer gave us and we did not take; 0: none */
	uint32_t servers[IPCP_SERVERS]; /* what the peer told us */
	uint32_t mask4;                 /* of the network it is in, as it told; 0: none */
	struct ipcp_vj ours;            /* what we take, as asked now */
	struct ipcp_vj theirs;          /* what the peer takes, as its latest request has it */
};

struct protocol_ops;
extern const struct protocol_ops ipcp_protocol;
extern const struct option_set ipcp_options;

/* Our wishes as a negotiation begins. */
void ipcp_wish(struct unit *unit);

#endif
