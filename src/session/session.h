/* One session: a call, its link, its unit, and the order in which they speak to its data path.
 *
 * Pure glue: it moves items between the link's, the unit's and the control connection's outboxes
 * and turns them into data-path commands and into facts for the app. Server and client differ by
 * configuration only. */
#ifndef GREYLINE_SESSION_H
#define GREYLINE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "control.h"
#include "link.h"
#include "outbox.h"
#include "unit.h"

enum session_state {
	SESSION_FREE,      /* not in use; all zero */
	SESSION_CALLING,   /* the call is being set up */
	SESSION_STARTING,  /* LCP, authentication, CCP, IPCP */
	SESSION_UP,        /* a network protocol is up */
	SESSION_FINISHING, /* on its way down */
};
const char *session_state_word(enum session_state state);

struct session_config {
	struct link_config link;
	struct unit_config unit;
	uint16_t mtu;                 /* largest inner packet the outer path allows; 0: 1400 */
	bool check_source, client_to_client;
	uint64_t idle_us, max_connect_us; /* 0: no limit */
};

/* What became of a session, for the log, the table and the exit code. */
struct session_facts {
	enum auth_method method;
	uint8_t peer_name_length;
	uint8_t peer_name[PPP_NAME_MAX];
	struct unit_network network;
	uint16_t peer_mru;
};

struct session {
	uint32_t subject;     /* the handle: index and generation, the app's */
	enum session_state state;
	enum close_reason closing;
	uint32_t epoch;
	uint64_t started, up_since; /* microseconds; 0 while not */
	uint64_t last_received;     /* the data path's word that the peer lives */
	uint64_t last_active;       /* inner traffic, for idle */
	const struct session_config *config; /* the app's; outlives the session */
	struct session_facts facts;
	struct call call;
	struct link link;
	struct unit unit;
	/* The first frames may come before the reply that completes the call (TCP and GRE race). */
	uint16_t early_length;
	uint8_t early[128];
	uint32_t drops[DROP_COUNT];
};

#endif
