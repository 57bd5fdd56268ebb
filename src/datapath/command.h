/* What the control plane tells a data plane about one session, in the order it must happen.
 *
 * Commands are never dropped and never overtake each other: a key and the control frame that
 * belongs to it are one ordered pair. */
#ifndef GREYLINE_COMMAND_H
#define GREYLINE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "codec_params.h"
#include "ecp_key.h"
#include "mppe_key.h"

enum datapath_command_kind {
	DATAPATH_ATTACH,       /* the call exists: receive for local_call_id */
	DATAPATH_CONNECT,      /* the peer's call ID is known: sending may start */
	DATAPATH_FRAME,        /* send a control frame, or an IP packet of the control plane's;
				* the bytes, protocol field first, travel behind the command */
	DATAPATH_START_KEYS,   /* the network phase begins, before the first frame of a unit's
				* protocol:   what MPPE will start from, valid or not. For the planes
				* whose   cipher watches CCP by itself; the others have it with the
				* keys
				*/
	DATAPATH_RECEIVE_KEY,  /* arm the receiver; strength MPPE_NONE disarms */
	DATAPATH_TRANSMIT_KEY, /* encrypt from here on; strength MPPE_NONE stops */
	DATAPATH_COMPRESS,     /* CCP: a compressor or a decompressor, or no longer */
	DATAPATH_CIPHER,       /* ECP: encrypt, or decrypt, or no longer */
	DATAPATH_HEADERS,      /* IPCP: VJ header compression, or no longer */
	DATAPATH_FRAMING,      /* LCP opened: what may be sent and how */
	DATAPATH_NETWORK,      /* network protocols that are up, and the peer's addresses */
	DATAPATH_BUNDLE,       /* this link is one of a bundle, until its EPOCH or DETACH */
	DATAPATH_PATH,         /* the outer path to the peer, or its MTU, is another */
	DATAPATH_EPOCH,        /* LCP restarted: wipe keys, stop data; the GRE sequence goes on */
	DATAPATH_DETACH,       /* forget the session */
};

struct datapath;
struct layer_memory;

/* Which packets of the link are the control plane's and do not go to the interface, besides those
 * of routers (RFC 4861). */
enum {
	DATAPATH_SERVE_LINK = 1,    /* what is about or for our link-local address */
	DATAPATH_SERVE_DHCPV6 = 2,  /* to DHCPv6 servers */
	DATAPATH_CLIENT_DHCPV6 = 4, /* to DHCPv6 clients */
	DATAPATH_SERVE_DHCP = 8,    /* to DHCP servers, of IPv4 */
};

/* How missing packets are waited for, where somebody says so; all zero: as reorder.h has it. */
struct reorder_terms {
	bool off;      /* not at all: what comes is delivered, what comes late is dropped */
	uint32_t wait; /* microseconds, at most; 0: REORDER_WAIT_MAX */
	uint32_t far;  /* a jump by more is believed when it is confirmed; 0: REORDER_FAR */
};

struct datapath_command {
	enum datapath_command_kind kind;
	uint32_t subject; /* the session's handle */
	uint32_t epoch;
	struct layer_memory *memory; /* what layers_need asks for, given by the data plane */
	union {
		struct {
			uint16_t local_call_id;     /* of a line: any number, the session's place */
			struct address local, peer; /* outer: the control connection's pair */
			bool any_peer; /* the call's first packet says what `peer` is */
			bool line;     /* it is on a line, in the place of GRE: frames that come in
					* order, or are lost */
			bool relay;    /* its PPP is somebody else's, behind a line: see relay.h */
			bool require_encryption; /* no clear network packet in either direction */
			struct reorder_terms reorder;
			bool nat; /* GRE version 0 now and then: see limits.h, NAT_OPEN_EVERY */
			bool check_source; /* inner sources must be the peer's own addresses */
			bool client_to_client;
			bool clamp_mss;  /* TCP's MSS follows datapath_mtu, both ways */
			bool dscp_copy;  /* outer DSCP is the inner one's; else `dscp` */
			bool ecn;        /* outer ECN is the inner one's: the peer combines them */
			uint8_t dscp;    /* of outer packets: 0 to 63 */
			uint16_t window; /* the peer was told that we buffer so many packets */
			/* Of the first packet we send: not 0 where the call was another plane's. */
			uint32_t sequence;
			uint8_t services; /* DATAPATH_SERVE_* */
			/* A bundle, which no packet is sent to: `local_call_id` is that of its
			 * first link, whose place it shares. */
			bool bundle;
			bool send_short, receive_short; /* fragments' numbers have 12 bits */
			uint16_t mrru;                  /* ours */
		} attach;
		struct {
			uint16_t peer_call_id;
			uint16_t window; /* packets in flight to the peer; 0: any number */
			uint64_t delay;  /* its packet processing delay */
		} connect;
		struct {
			struct mppe_start_keys keys; /* the half of this direction is used */
			enum mppe_strength strength; /* not of START_KEYS */
			bool stateless;
		} key;
		struct {
			bool transmit; /* else of what we receive */
			bool again;    /* the same as before: its history starts anew */
			struct codec_params params; /* CODEC_NONE: it ends */
		} compress;
		struct {
			bool transmit;            /* else what we receive */
			struct ecp_key key;       /* length 0: it ends */
			uint8_t nonce[ECP_NONCE]; /* of the one who decrypts */
		} cipher;
		struct {
			bool transmit;  /* else of what we receive */
			uint16_t slots; /* 0: it ends */
			bool omit_slot; /* transmit: a packet need not name its slot */
		} headers;
		struct {
			uint16_t send_mru;    /* the peer's MRU: protocol field not counted */
			uint16_t receive_mru; /* ours */
			uint16_t mtu; /* largest inner packet we send, outer path considered */
			bool compress_protocol; /* the peer takes one-byte protocol fields (PFC) */
			bool compress_address;  /* the peer takes frames without FF 03 (ACFC) */
			bool multilink;         /* fragments may come before DATAPATH_BUNDLE does */
			/* Of a line (RFC 1662 §7.1): bit n is control character n, which the
			 * sender escapes. Flags of RFC 1570 §2.1. */
			uint32_t send_accm, receive_accm;
			uint8_t send_fcs, receive_fcs;
		} framing;
		struct {
			bool ipv4, ipv6;            /* up now; both false stops data */
			struct address local4;      /* ours on the link */
			struct address remote4;     /* the peer's: its route and its only source */
			struct address remote6;     /* its link-local address */
			struct prefix prefixes6[2]; /* its networks; length 0: none */
		} network;
		struct {
			uint32_t index; /* the back end's number of the path; 0: none known */
			uint16_t mtu;   /* largest outer IP packet, header included; 0: unknown */
		} path;
		struct {
			uint32_t subject;          /* of the bundle */
			struct datapath *datapath; /* the same, put in by the data plane; NULL: it
						    * is not there any more */
		} bundle;
		struct {
			uint16_t length; /* of the bytes behind: protocol field and information */
			bool traffic;    /* a packet of somebody's that waited, and counts as such
					  */
		} frame;
	};
};

#endif
