/* A data plane: what moves the packets of sessions. One const struct of functions per back end;
 * `user` is ours (raw GRE and TUN, in worker threads), `kernel` comes with /dev/ppp.
 *
 * All functions are called on the control thread. Events come back on the control thread too,
 * through the callback given at the start, and never from inside one of the functions.
 *
 * A subject is a handle as subject.h lays it out: the index (below sessions_max) names a slot in
 * the worker's slab, the generation tells one session in it from the next. A slot may be attached
 * again only after its DETACHED event; commands for a generation that has passed are ignored, and
 * a DETACH is answered by exactly one DETACHED whatever happened before. */
#ifndef GREYLINE_DATAPLANE_H
#define GREYLINE_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "command.h"
#include "datapath.h"
#include "outer.h"
#include "packet_filter.h"
#include "tun_steering.h"

struct dataplane;
struct line;

enum dataplane_event_kind {
	DATAPLANE_CONTROL,     /* a received control frame: epoch and bytes */
	DATAPLANE_DETACHED,    /* the slot may be reused; final counters */
	DATAPLANE_NO_MEMORY,   /* what a command needs could not be had: the session cannot go on */
	DATAPLANE_UNABLE,      /* this plane cannot do what was agreed on, or the kernel refuses it:
				* `why`. The session cannot go on here */
	DATAPLANE_KEYS_DIFFER, /* a run of undecipherable packets; once a run */
	DATAPLANE_STRANGER,    /* GRE for the session came from another address, and was dropped:
				* `from`; once a session */
	DATAPLANE_PEER_FOUND,  /* of one attached with `any_peer`: its GRE comes from there */
	DATAPLANE_LINE_GONE,   /* its line was hung up, or cannot be used; once */
	DATAPLANE_TUN_GONE,    /* somebody removed the interface; subject 0: the shared one, told
				* once by each worker */
	DATAPLANE_MOVED,       /* another plane has the session from here on, because the first one
				* cannot (`why`); the interface it has is the first one's */
};

struct dataplane_event {
	enum dataplane_event_kind kind;
	uint32_t subject;
	uint32_t epoch;
	const uint8_t *bytes; /* valid during the callback */
	size_t length;
	const struct datapath_counters *counters; /* DETACHED */
	struct address from;                      /* STRANGER, PEER_FOUND */
	const char *why;                          /* UNABLE, MOVED */
};

/* What one session's data path last published; read relaxed, for tables and keepalive. */
struct dataplane_statistics {
	struct datapath_counters counters;
	uint64_t last_received; /* microseconds */
	uint64_t last_active;
	struct window_facts window;
	struct layer_headers headers[LAYER_WAYS]; /* since they were agreed on */
	struct layer_traffic layers[LAYER_WAYS];  /* of its compressors, while there are some */
};

/* Copies of packets for `greyline capture` (tap.h turns them into pcapng on the control thread).
 * Called on the workers' threads, one at a time, while a capture runs, so it must neither block nor
 * call the data plane. `bytes` is a whole IP packet, for the outer ones too; `now` is of
 * clock_now(). */
typedef void dataplane_tap(void *context, bool outer, bool sent, uint32_t subject,
	const uint8_t *bytes, size_t length, uint64_t now);

struct dataplane_config {
	uv_loop_t *loop;
	struct address local; /* bind raw sockets here; family 0: any */
	struct address peer;  /* the only one there will be; family 0: any */
	/* The shared TUN's name (no pattern), or NULL when interfaces are per session. It is opened
	 * by start() with `mtu` and down; addresses, routes and "up" are the caller's. */
	const char *interface_name;
	unsigned mtu; /* of the shared TUN; 0: leave it */
	bool server;  /* routes inner packets by destination; a client has one session */
	uint32_t sessions_max;
	size_t layer_memory; /* bytes that compressors of all sessions may hold; see layers.h */
	unsigned workers;    /* threads that move packets, at most 16; a client has 1; 0: 1 */
	uint32_t busy_poll;  /* microseconds a worker looks for packets before it sleeps */
	struct packet_filters filters; /* of all sessions' packets; the caller's, for as long */
	bool offload;          /* super-packets through the TUNs, where the kernel has them */
	uint32_t mark;         /* SO_MARK of outer packets, with OUTER_RAW; 0: none */
	bool dont_fragment;    /* outer DF: see struct outer_config */
	enum outer_kind outer; /* wanted */
	struct outer_programs *programs; /* may be NULL; the caller's, for as long */
	const char *no_programs;         /* then: why */
	struct tun_steering *steering;   /* the same; of a shared TUN with several workers */
	const char *no_steering;
	/* Interfaces are moved into another network namespace once they are made: netlink there,
	 * and a packet socket of it that is bound to nothing. The caller's. NULL: they stay. */
	struct netlink *inside;
	int inside_packets;
	void (*event)(void *context, const struct dataplane_event *event);
	void *context;
};

/* How packets are moved, in words for people. */
struct dataplane_facts {
	unsigned workers;
	char outer[192];    /* back end of the outer link, and why it */
	char cipher[64];    /* how MPPE runs on this processor */
	char offload[64];   /* what the TUNs take over */
	char steering[192]; /* how packets find their worker */
	uint64_t handed;    /* packets that found another and were handed over */
};

struct dataplane_ops {
	const char *name;
	/* 0 or -errno; `error` (of 256 bytes) gets what failed, on what, and what to do next. */
	int (*start)(struct dataplane **dataplane, const struct dataplane_config *config,
		char error[256]);
	/* `frame` is read during the call. Never drops. */
	void (*command)(struct dataplane *dataplane, const struct datapath_command *command,
		const uint8_t *frame);
	/* What of a command this plane cannot do, in words; NULL: it can. `frame` is that of a
	 * FRAME. Asked before the command, and nothing comes of it. The op may be NULL: all. */
	const char *(*lacks)(struct dataplane *dataplane, const struct datapath_command *command,
		const uint8_t *frame);
	/* Makes the interface of a session, down, where the plane brings its own; NULL: interfaces
	 * are TUNs, which anybody makes. To be called before or while it is attached. `wanted` is
	 * a name or "ppp%d"; `kept` the descriptor of an interface of before, which stays the
	 * caller's and has the name `wanted`, or -1. A descriptor of the caller's, with which the
	 * interface lives as it does with a TUN's, and `words` on what was had instead; or -errno,
	 * and `words`: what failed, on what, and what to do next; -EOPNOTSUPP: this session is
	 * to be given a TUN. */
	int (*open_interface)(struct dataplane *dataplane, uint32_t subject, const char *wanted,
		int kept, char name[16], char words[256]);
	/* The interface of open_interface was moved, and has this index there. NULL where the plane
	 * makes none. */
	void (*moved_inside)(struct dataplane *dataplane, uint32_t subject, unsigned link);
	/* Gives a session an interface of its own: an open TUN descriptor (or that of
	 * open_interface), which the back end takes over and closes at detach. Only while
	 * attached. */
	int (*interface)(struct dataplane *dataplane, uint32_t subject, int tun);
	/* Gives a session attached with `line` (or `relay`) its line, which the back end takes over
	 * and closes at detach. 0 or -errno: then the line is still the caller's. */
	int (*line)(struct dataplane *dataplane, uint32_t subject, struct line *line);
	/* A network behind a session's peer, or no longer: packets for it go there and may come
	 * from there. False when there is no room, or the session is gone. A server's. */
	bool (*route)(struct dataplane *dataplane, uint32_t subject, const struct prefix *network,
		bool add);
	/* Copies what the session's worker last published (within 20 ms under traffic); false when
	 * `subject` is not attached. */
	bool (*statistics)(struct dataplane *dataplane, uint32_t subject,
		struct dataplane_statistics *statistics);
	void (*describe)(struct dataplane *dataplane, struct dataplane_facts *facts);
	/* Drops that no session can be blamed for, and the back end's own. */
	void (*drops)(struct dataplane *dataplane, uint64_t drops[DROP_COUNT]);
	/* Starts a tap, or with NULL ends it: when this returns the old one is called no more. NULL
	 * where packets are out of reach. */
	void (*capture)(struct dataplane *dataplane, dataplane_tap *tap, void *context);
	/* Joins the workers and closes descriptors. No event comes afterwards. The memory is freed
	 * when the loop has run once more. */
	void (*stop)(struct dataplane *dataplane);
};

extern const struct dataplane_ops dataplane_user;
extern const struct dataplane_ops dataplane_kernel;

#endif
