/* One session: a call, its link, its unit, and the order in which they speak to its data path.
 *
 * Pure glue: it moves items between the link's, the unit's and the control connection's outboxes
 * and turns them into data-path commands and into facts for the app. Server and client differ by
 * configuration only. The functions here are tunnel.c's; the app calls those of tunnel.h. */
#ifndef GREYLINE_SESSION_H
#define GREYLINE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "advert.h"
#include "command.h"
#include "control.h"
#include "datapath.h"
#include "dhcpv6_server.h"
#include "ip_packet.h"
#include "limits.h"
#include "link.h"
#include "link_client.h"
#include "link_services.h"
#include "outbox.h"
#include "unit.h"

enum session_state {
	SESSION_FREE,      /* not in use; all zero */
	SESSION_CALLING,   /* the call is being set up */
	SESSION_STARTING,  /* LCP, authentication, CCP, IPCP, IPV6CP */
	SESSION_UP,        /* a network protocol is up */
	SESSION_FINISHING, /* on its way down */
	SESSION_OVER,      /* TUNNEL_SESSION_DOWN was given: nothing happens any more, and the facts
			    * stand until the app zeroes the memory */
};
const char *session_state_word(enum session_state state);

/* The ECN field of outer packets (RFC 6040 §4.1). */
enum session_ecn {
	SESSION_ECN_AUTO, /* the inner one's to a Greyline, else nothing */
	SESSION_ECN_COPY, /* the inner one's: the peer is known to combine the two */
	SESSION_ECN_OFF,  /* nothing */
};

/* Whether data waits for room in the peer's window (RFC 2637 §4.2); never before the peer has
 * proved that it acknowledges. */
enum session_window {
	SESSION_WINDOW_AUTO, /* of a PAC that says its line is slow: WINDOW_LINE_SPEED */
	SESSION_WINDOW_ON,
	SESSION_WINDOW_OFF,
};

/* What a session's traffic limit counts: network packets, by what the data path says. */
enum session_octets {
	SESSION_OCTETS_SUM,
	SESSION_OCTETS_IN,  /* received */
	SESSION_OCTETS_OUT, /* sent */
	SESSION_OCTETS_MAX, /* the more of the two */
};

struct session_config {
	struct link_config link;
	struct unit_config unit;
	bool line;    /* it runs over a line, without a call: leased.h */
	uint16_t mtu; /* largest inner packet the outer path allows; 0: SESSION_MTU_DEFAULT */
	uint16_t bundle_mtu; /* the same of a bundle; 0: BUNDLE_MTU_DEFAULT */
	bool check_source, client_to_client;
	bool gre_from_anywhere; /* the peer may send GRE from another address than TCP */
	bool clamp_mss;         /* TCP's MSS follows the MTU, both ways */
	bool dscp_copy;         /* outer packets bear the inner DSCP; else `dscp` */
	uint8_t dscp;           /* 0 to 63 */
	enum session_ecn ecn;
	enum session_window window;
	/* The PPP of its calls is somebody else's, behind a line: no link, no unit, and up as soon
	 * as the call is (datapath/relay.h). */
	bool relay;
	struct reorder_terms reorder;
	bool nat;            /* the way back through a NAT is opened by GRE version 0 */
	uint64_t silence_us; /* no GRE at all for so long ends it; 0: LCP's time-outs do */
	uint64_t idle_us, max_connect_us; /* 0: no limit */
	uint64_t max_octets;              /* the same; looked at every octets_us */
	uint64_t octets_us;
	enum session_octets octets;
	bool shared; /* the interface is other sessions' too: its link-local packets are the
			session's */
	const struct link_services
		*services; /* for who is given a network; the app's; may be NULL */
};

/* What became of a session, for the log, the table and the exit code. */
struct session_facts {
	enum auth_method method; /* the peer's proof, or ours where it gave none */
	struct unit_network network;
	struct advert advert; /* what the peer, as a router, said */
	bool renewed;         /* our password was changed to the new one */
	uint16_t peer_mru;
	uint16_t our_mru;
	uint16_t mtu;                             /* largest inner packet that is sent */
	bool ecn;                                 /* outer packets bear the inner ECN field */
	struct codec_params compress, decompress; /* of what we send and receive */
};

/* A peer asks for a prefix: which one it would like, and its message, to be given back. */
struct delegate_question {
	struct prefix hint; /* length 0: no matter; address ::: the length alone is wished */
	struct address from;
	uint16_t length;
	uint8_t message[IP_PACKET_MAX];
};

/* See router.c. */
struct router {
	uint64_t due;  /* the next advertisement or solicitation; NEVER */
	uint64_t last; /* when one was sent */
	uint8_t sent;  /* how many, up to those that come in quick succession */
};

struct session {
	uint32_t subject; /* the handle: index and generation, the app's */
	uint32_t bundle;  /* of the session whose link this is; its own subject: a bundle's (see
			   * bundle.h), without a call and a link; 0: neither */
	enum session_state state;
	enum close_reason closing;
	uint32_t epoch;
	uint64_t started, up_since; /* microseconds; 0 while not */
	uint64_t last_received;     /* the data path's word that the peer lives; 0: never heard */
	uint64_t last_active;       /* inner traffic, for idle */
	uint64_t octets, octets_at; /* the same, for max_octets; when it is looked at next */
	const struct session_config *config; /* the app's; outlives the session */
	struct session_facts facts;
	struct dhcpv6_lease lease;  /* what the peer has of our prefixes */
	struct link_client *client; /* the owner's; NULL: no host's part is played on the link */
	struct call call;
	struct link link;
	struct unit unit;
	struct ecp *ecp; /* the app's, for a configuration with an ECP key: see unit_init */
	struct router router;
	/* The first frames may come before the reply that completes the call (TCP and GRE race). */
	uint16_t early_length;
	uint8_t early[EARLY_FRAME_MAX];
	uint32_t drops[DROP_COUNT - DROP_PACKETS]; /* see session_drops */

	struct ipcp_vj sent_vj;      /* the data path compresses headers so */
	uint32_t frames_sent;        /* control frames handed to the data path */
	struct lqr_counters frames;  /* ... and those that came from it */
	struct lqr_counters packets; /* what the data path has carried beside them */
	uint64_t setup_by;           /* must be up by then; NEVER once it is */
	uint64_t silence_warned_by;  /* when to warn that no GRE came; NEVER once said or heard */
	uint64_t silence_ends_by;    /* when that ends the session; NEVER once heard */
	enum close_reason failing;   /* the unit gave up: the link is to be closed next */
	bool told_first;             /* Time-Remaining, the first and the last time */
	bool told_last;
	bool attached;   /* DATAPATH_ATTACH was given: free the slot when the detach is confirmed */
	bool detached;   /* DATAPATH_DETACH was given */
	bool start_due;  /* session_start is to come */
	bool link_alive; /* between link_up and LINK_CLOSED */
	bool hang_up;    /* nothing more to say: the tunnel clears the call */
	bool lcp_opened; /* just now, or a relay's call is up: a PNS tells the PAC its ACCMs */
};

/* No GRE ever came: told apart from a peer that is there and does not agree. */
static inline bool session_unheard(const struct session *session)
{
	return !session->config->line && !session->last_received;
}

/* How often something of the control plane was dropped. */
static inline uint32_t session_drops(const struct session *session, enum drop drop)
{
	return drop < DROP_PACKETS ? 0 : session->drops[drop - DROP_PACKETS];
}

/* All of these write tunnel_out items (tunnel.h); none allocates or keeps `out`. */

/* Zeroed memory, but for `ecp`, becomes a session whose call is being set up. Where the
 * configuration has an MRRU, `link.multilink` is set, too: memory that the owner keeps as long as
 * the session. */
void session_init(struct session *session, const struct session_config *config, uint32_t subject,
	struct random *random, uint64_t now);
/* Before session_init: memory that is the session's until it is over. */
static inline void session_borrow(struct session *session, struct link_client *client)
{
	session->client = client;
}
/* What a tunnel knows of a call before it is connected. */
struct session_terms {
	bool kindred;    /* the peer is a Greyline too */
	uint16_t window; /* the receive window it was told, packets */
};
/* The data path starts to receive for our call ID, before the peer is told of it. */
void session_attach(struct session *session, uint16_t local_call_id, const struct address *local,
	const struct address *peer, const struct session_terms *terms, struct outbox *out);
/* The call is connected: both call IDs are told to the data path. */
void session_connected(struct session *session, uint64_t now, struct outbox *out);
/* Then, behind the control message that says so to the peer, the link starts, and an early frame
 * is given to it. */
void session_start(struct session *session, uint64_t now, struct outbox *out);
/* False: a bundle's session has no use for this frame. */
bool session_frame(struct session *session, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out);
void session_alive(struct session *session, uint64_t heard, uint64_t active);
/* See tunnel_probe. */
bool session_probe(struct session *session, uint64_t now, struct outbox *out);
void session_awake(struct session *session, uint64_t now); /* see link_awake() */
/* What the data path has carried so far. */
void session_traffic(struct session *session, const struct datapath_counters *counters);
void session_credentials(struct session *session, uint32_t token, const struct auth_answer *answer,
	uint64_t now, struct outbox *out);
void session_tls(struct session *session, uint32_t token, const struct tls_reply *reply,
	uint64_t now, struct outbox *out);
void session_addresses(struct session *session, uint32_t token,
	const struct unit_addresses *addresses, uint64_t now, struct outbox *out);
/* TUNNEL_DELEGATE is answered; length 0: no prefix is left. */
void session_delegate(struct session *session, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out);
/* Compression and encryption anew, at our wish. */
void session_renegotiate(struct session *session, uint64_t now, struct outbox *out);
/* From the data path: a run of undecipherable packets. */
void session_keys_differ(struct session *session, uint64_t now, struct outbox *out);
/* Ends it politely; the first reason given is the one that counts. */
void session_close(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out);
/* Ends the link without another frame; the call is to be cleared. */
void session_cut(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out);
/* The call is gone: detach, and the last item. */
void session_over(
	struct session *session, enum close_reason reason, uint64_t now, struct outbox *out);
/* What every attach says: by what the session is configured to, whoever its peer is. */
struct datapath_command session_attach_command(
	struct session *session, uint16_t local_call_id, bool ecn);
/* For bundles: a frame for the unit alone; a protocol that the peer does not know. */
bool session_unit_frame(struct session *session, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out);
void session_rejected(struct session *session, uint16_t protocol, uint64_t now, struct outbox *out);
void session_tick(struct session *session, uint64_t now, struct outbox *out);
uint64_t session_deadline(const struct session *session);

#endif
