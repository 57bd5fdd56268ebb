/* What a running server or client stands on: the loop, the data plane, the helper, the table of
 * sessions, the peers and their deadlines.
 *
 * Everything here lives on the control thread. A policy (server.c, client.c) is told what happens
 * and answers; it may answer within the call or later. */
#ifndef GREYLINE_HOST_H
#define GREYLINE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "call_ids.h"
#include "dataplane.h"
#include "filters.h"
#include "heap.h"
#include "helper.h"
#include "log.h"
#include "netlink.h"
#include "outbox.h"
#include "pid_files.h"
#include "random.h"
#include "seats.h"
#include "settings.h"
#include "tunnel.h"

struct host;
struct host_bundle;
struct manage;
struct peer;
struct profile;
struct tls_credentials;

struct host_policy {
	const char *role;     /* "server" or "client" */
	int signal_exit_code; /* of TERM and INT */
	/* Addresses are known: fill in the configuration, which is all zero. */
	void (*configure)(const struct peer *peer, struct tunnel_config *config);
	void (*tunnel_up)(struct peer *peer);
	void (*tunnel_down)(struct peer *peer, enum close_reason reason);
	void (*wanted)(struct peer *peer, uint32_t token, const struct call_wanted *wanted);
	void (*credentials)(
		struct seat *seat, uint32_t token, const struct auth_question *question);
	/* The peer's certificate is good, or, `failed`, it is not: that is counted. NULL, or in a
	 * word why it may not come in all the same. */
	const char *(*certificate)(
		struct seat *seat, const struct auth_question *question, bool failed);
	void (*address)(struct seat *seat, uint32_t token);
	void (*session_up)(struct seat *seat);
	/* May be NULL: a bundle was made for this first link of its; a link joined one. */
	void (*bundled)(struct seat *bundle, struct seat *first);
	void (*linked)(struct seat *link);
	void (*session_network)(struct seat *seat); /* seat->network has changed */
	/* A prefix is delegated or no more, or DHCPv6 told something; may be NULL. */
	void (*session_services)(struct seat *seat);
	void (*answered)(struct seat *seat); /* see seat_probe; may be NULL */
	/* It is at another data plane now, and its interface has to be another; NULL:
	 * netdev_moved() will do. */
	int (*moved)(struct host *host, struct seat *seat);
	/* The peer asks for a prefix: answer with seat_delegate, now; may be NULL. */
	void (*delegate)(struct seat *seat, const struct delegate_question *question);
	void (*session_over)(struct seat *seat); /* the protocol is done with it */
	void (*session_gone)(struct seat *seat); /* and so is the data plane: the last call */
	void (*hang_up)(struct host *host);      /* SIGHUP */
	bool hasty;                              /* a second TERM or INT ends it at once */
};

/* Scripts the helper may run, by index. */
enum script {
	SCRIPT_IP_PRE_UP,
	SCRIPT_IP_UP,
	SCRIPT_IP_DOWN,
	SCRIPT_IPV6_UP,
	SCRIPT_IPV6_DOWN,
	SCRIPT_IPV6_PREFIX,
	SCRIPT_AUTH_UP,
	SCRIPT_AUTH_DOWN,
	SCRIPT_COUNT
};

enum { HOST_SIGNALS = 5 };

struct host {
	const struct settings *settings;
	const struct host_policy *policy;
	void *role; /* struct server or struct client */
	struct log log;
	uv_loop_t loop;
	struct random random;
	struct netlink *netlink;  /* of the network that has the interfaces */
	struct netlink *outside;  /* of the one that has the tunnels: the same without --netns */
	int space;                /* --netns, or -1; */
	int space_packets;        /* a packet socket in it */
	uint32_t interface_group; /* of the interfaces that sessions have had; 0: none had */
	struct helper *helper;
	struct outer_programs *programs; /* or NULL: */
	char no_programs[160];           /* why */
	struct tun_steering *steering;   /* the same */
	char no_steering[160];
	struct tls_credentials *tls; /* the caller's; NULL: no certificates */
	const char *tls_wanted;      /* whom the peer's certificate must name; NULL: who it says */
	struct filters filters;      /* of packets */
	const struct dataplane_ops *plane;
	char plane_why[256]; /* it was chosen */
	struct dataplane *dataplane;
	unsigned workers; /* of the data plane; 0: one */
	struct manage *manage;

	struct seats seats;
	struct call_ids *call_ids;
	struct peer **peers; /* by number */
	uint32_t peer_max, peer_count, peer_hint;
	struct endpoint endpoint; /* who we are in bundles: drawn at the start */
	struct host_bundle *bundles;
	struct profile *profiles; /* the configurations that peers have */
	size_t compression;       /* memory that their compressors may come to need, together */
	struct heap deadlines;    /* of peers */
	struct outbox out;        /* what a tunnel says; empty between calls */

	int timer_fd;    /* CLOCK_BOOTTIME: the next deadline */
	uint64_t armed;  /* ... is set to this one, or to nothing: NEVER */
	uint64_t looked; /* when the loop was last seen to run */
	uv_poll_t timer_poll;
	uv_prepare_t timer_prepare;
	uv_signal_t signals[HOST_SIGNALS];
	uv_timer_t housekeeping, stop_timer;
	bool signals_open, loop_open, stopping;
	uint64_t drops[DROP_COUNT], drops_told[DROP_COUNT]; /* no session's: ours and the plane's */
	uint64_t started;                                   /* microseconds */
	int exit_code;
	const char *device; /* of a line: its name, and speed, for people and scripts; NULL: PPTP */
	uint32_t speed;
	char scripts[SCRIPT_COUNT][256];
	char started_by[64], user_name[64]; /* who logged in, who we are: for scripts */
	struct pid_files pid_files;
	char state_path[256];
};

struct host_config {
	const struct settings *settings;
	const struct host_policy *policy;
	void *role;
	const char *state_name; /* in the state folder: "server.state" */
	bool server;            /* the data plane routes by inner destination */
	const char *shared_tun; /* NULL: each session has its own interface */
	unsigned workers;       /* of the data plane */
	struct address local;   /* outer; family 0: any */
	struct address peer;    /* outer: the only one there will be; family 0: any */
	uint32_t sessions_max, peers_max;
	bool lines;    /* all sessions are on lines: no GRE is sent or received */
	bool low_port; /* a port below 1024 will be listened on */
	/* Leaves the host as it is: no helper, no interfaces, no files; CAP_NET_RAW is enough. */
	bool bare;
	const struct dataplane_ops *plane; /* NULL: dataplane_user */
};

/* In this order: host_start() forks the helper, drops privileges, opens the data plane; then the
 * caller opens what it needs (listeners, files); then host_run(). 0, or an exit code of pppd's
 * list with the reason logged. */
int host_start(struct host *host, const struct host_config *config);
/* Installs the filter and runs until stopped. The exit code. */
int host_run(struct host *host);
/* Takes every tunnel down politely, and ends host_run() within SHUTDOWN_TOTAL and a second. */
void host_stop(struct host *host, enum close_reason reason, int exit_code);
/* Frees everything, undoes what was changed on the host. Also after a failed host_start, and on
 * zeroed memory. */
void host_end(struct host *host);

/* When peer `number` is due next; NEVER: not at all. */
void host_deadline(struct host *host, uint32_t number, uint64_t deadline);
/* A seat or a peer is gone: ends the loop when it was the last one of a stopping host. */
void host_check_end(struct host *host);
/* Counts a drop that no session can be blamed for, and logs it at a bounded rate. */
void host_drop(struct host *host, enum drop drop, const struct address *from);

/* The one session's interface is called so now; NULL: it has none yet. */
void host_interface(struct host *host, const char *name);

const char *host_run_dir(const struct settings *settings);
const char *host_state_dir(const struct settings *settings);

/* An address as text; a ring of four buffers, so that one line can hold several. */
const char *shown_address(const struct address *address);
const char *shown_ipv4(uint32_t host_order);
/* What is shown in the place of an address where a peer has none: the name of its line, which is to
 * stay. */
void shown_line(const char *name);

#endif
