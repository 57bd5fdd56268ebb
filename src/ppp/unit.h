/* A PPP unit: the network side of one or more links. CCP with MPPE, ECP, IPCP and IPV6CP.
 *
 * Keys are armed before the frame that lets the peer use them: UNIT_RECEIVE_KEY always stands in
 * the outbox before the Configure-Ack that opens CCP, UNIT_TRANSMIT_KEY behind it. */
#ifndef GREYLINE_UNIT_H
#define GREYLINE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ccp.h"
#include "ecp.h"
#include "ipcp.h"
#include "ipv6cp.h"
#include "link.h"
#include "mppe_key.h"
#include "outbox.h"
#include "reason.h"

/* Bits of the strengths allowed. */
enum { MPPE_ALLOW_40 = 1, MPPE_ALLOW_56 = 2, MPPE_ALLOW_128 = 4 };

struct unit_config {
	uint8_t mppe_allow; /* MPPE_ALLOW_*; 0: CCP is refused */
	bool mppe_require; /* no network protocol before MPPE is up, and the session ends without */
	bool mppe_stateful; /* stateful is acceptable; stateless is preferred all the same */
	struct ccp_compressors compress;
	struct ecp_key ecp_key;   /* length 0: no ECP; else no network protocol before it is up */
	uint32_t local4;          /* host order; 0: the peer tells us */
	uint32_t remote4;         /* 0: the peer may choose, or UNIT_ADDRESS asks */
	bool ipv6;                /* offer and take IPv6, where the MTU allows it */
	uint64_t local6, remote6; /* interface identifiers; 0: drawn, and whatever the peer has */
	bool accept_local6, accept_remote6; /* others will do, if the peer insists */
	bool ask_address;   /* ask the app (UNIT_ADDRESS) before IPCP and IPV6CP start: the server's
			       way */
	bool accept_local4; /* take an address the peer Naks us to, though we have one */
	bool accept_remote4;    /* let it have the one it asks for, though we have one for it */
	bool no_address4;       /* no IP-Address option, ours or theirs: both ends know */
	struct ipcp_vj vj;      /* header compression: asked for, and agreed to; slots 0: neither */
	bool ask_mask;          /* request the mask of the network behind the peer */
	bool ask_dns, ask_wins; /* request name servers' addresses (client, --use-peer-dns) */
	uint32_t dns[2], wins[2]; /* what we hand out when asked; 0: nothing */
	uint64_t restart_us;
	uint8_t max_configure, max_terminate, max_failure;
	uint64_t network_timeout_us; /* a network protocol must be up within this; 30 s */
	uint8_t *automaton_coverage; /* NULL, or the tests' own [FSM_EVENTS][FSM_STATES] bytes */
};

enum unit_out {
	UNIT_FRAME = 0x200, /* bytes: protocol and packet */
	UNIT_RECEIVE_KEY,   /* struct unit_key */
	UNIT_TRANSMIT_KEY,  /* struct unit_key */
	UNIT_CIPHER,        /* struct ecp_cipher */
	UNIT_COMPRESS,      /* struct unit_codec: a compressor or decompressor, or no longer */
	UNIT_ADDRESS,       /* token: which addresses has this session? */
	UNIT_NETWORK,       /* struct unit_network: what is up has changed */
	UNIT_FAILED,        /* arg: enum close_reason; the link should close */
	UNIT_DROP,          /* arg: enum drop */
	UNIT_NOTE,          /* arg: 0 info, 1 warning; text */
};

struct unit_key {
	struct mppe_start_keys keys;
	enum mppe_strength strength; /* MPPE_NONE: encryption ends */
	bool stateless;
};

struct unit_codec {
	bool transmit; /* else of what we receive */
	bool again;    /* the same as before: its history starts anew */
	struct codec_params params;
};

struct unit_network {
	bool ipv4;
	uint32_t local4, remote4; /* host order */
	uint32_t dns[2], wins[2]; /* what the peer told us */
	uint32_t mask4;           /* and of the network that local4 is in; 0: nothing */
	struct ipcp_vj transmit_vj, receive_vj;
	bool ipv6;
	uint64_t local6, remote6;    /* interface identifiers; remote6 0: the peer does not say */
	struct prefix prefix6;       /* the peer's network, of the app's answer; length 0: none */
	enum mppe_strength strength; /* of what we send */
	bool stateless;
	bool ecp; /* both ways, by the method of the configuration's key */
};

struct unit_addresses {
	bool granted;
	uint32_t local4, remote4;
	uint32_t dns[2], wins[2];
	struct prefix prefix6; /* what the peer may use besides its link-local address */
};

enum { UNIT_OUT_ITEMS = 16, UNIT_OUT_BYTES = 8192 };

struct unit {
	const struct unit_config *config;
	struct unit_given {
		uint32_t local4, remote4;
		uint32_t dns[2], wins[2];
		struct prefix prefix6;
	} given; /* as configured, then as the app answered */
	struct random *random;
	struct mppe_start_keys keys;
	struct ccp ccp;
	struct ecp *ecp; /* the owner's; NULL without a key */
	struct ipcp ipcp;
	struct ipv6cp ipv6cp;
	uint16_t mtu;    /* of what we send; 0: not known */
	bool able6;      /* configured, and the MTU allows it */
	uint8_t no_ipv4; /* enum close_reason: why IPv4 ended while IPv6 may still come */
	bool up, failed;
	uint8_t failing; /* enum close_reason: UNIT_FAILED says it */
	bool ccp_running,
		ipcp_running;      /* IPV6CP with the latter: they were started since unit_up */
	bool address_asked;        /* UNIT_ADDRESS waits for its answer */
	bool peer_waits;           /* for an IPCP of ours that waits for it */
	uint32_t address_token;    /* of the latest UNIT_ADDRESS */
	uint64_t network_deadline; /* one must be up by then; NEVER while it is */
	struct unit_network reported;
};

void unit_config_defaults(struct unit_config *config);

/* The largest packet the link takes now; before unit_up. */
void unit_mtu(struct unit *unit, uint16_t mtu);
/* `ecp`: memory that lasts as long as the unit, for a configuration with an ECP key; else NULL. */
void unit_init(struct unit *unit, const struct unit_config *config, struct ecp *ecp,
	struct random *random);
/* A link reached the network phase; `keys` are its start keys (valid or not). */
void unit_up(
	struct unit *unit, const struct mppe_start_keys *keys, uint64_t now, struct outbox *out);
/* The last link left the network phase: everything back to Starting, keys wiped, no frames. */
void unit_down(struct unit *unit, uint64_t now, struct outbox *out);
/* One received frame, protocol field first. True when the protocol is the unit's. */
bool unit_input(
	struct unit *unit, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out);
/* Whether a frame's protocol is the unit's. */
bool unit_speaks(const struct unit *unit, const uint8_t *frame, size_t length);
/* The peer answered Protocol-Reject to one of ours. */
void unit_rejected(struct unit *unit, uint16_t protocol, uint64_t now, struct outbox *out);
void unit_addresses(struct unit *unit, uint32_t token, const struct unit_addresses *addresses,
	uint64_t now, struct outbox *out);
/* CCP is negotiated anew: compression, and MPPE where that is required (else packets would go in
 * clear meanwhile). What travels meanwhile is lost, both ways. Nothing where CCP is not open. */
void unit_renegotiate(struct unit *unit, uint64_t now, struct outbox *out);
void unit_tick(struct unit *unit, uint64_t now, struct outbox *out);
uint64_t unit_deadline(const struct unit *unit);
void unit_wipe(struct unit *unit);

#endif
