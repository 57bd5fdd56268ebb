/* One data-plane worker: a thread that owns the data paths of its sessions.
 *
 *   control thread ──commands──▶ worker ──events──▶ control thread
 *                                  ▲ │
 *               raw GRE sockets ◀──┴─┴──▶ TUN
 *
 * A session belongs to worker `local_call_id % workers`. There is one worker now. With more, a
 * packet read at the wrong one (a shared TUN's queue is not steered by session) goes through a
 * ring to its owner; worker_slot() is the place where that is decided. */
#ifndef GREYLINE_WORKER_H
#define GREYLINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane.h"
#include "gre_socket.h"
#include "heap.h"
#include "limits.h"
#include "published.h"
#include "reaper.h"
#include "ring.h"

enum {
	WORKERS = 1,
	/* Outputs of one data-path call: room for a whole batch one to one, and for the most
	 * a single input can make behind it. */
	WORKER_OUT_MAX = 4 * BATCH_MAX + DATAPATH_OUT_PER_IN + REORDER_PACKETS,
	WORKER_DEPTH = 3, /* client to client, and the ICMP answer to that */
	KEYS_DIFFER_RUN = 8,
};
#define WORKER_PUBLISH_US MS(20)

/* What epoll tells apart; a session's own TUN is WORKER_SOURCE_SLOT and its index. */
enum worker_source {
	WORKER_SOURCE_WAKE,
	WORKER_SOURCE_GRE4,
	WORKER_SOURCE_GRE6,
	WORKER_SOURCE_TUN,
	WORKER_SOURCE_SLOT,
};

/* A session at its worker. */
struct slot {
	struct datapath dp;
	uint32_t subject; /* 0: free */
	int tun;          /* an interface of its own, or -1 */
	bool touched, dirty, telling, keys_told;
	uint32_t tell_keys, tell_detached; /* events that wait for room in the ring: the subject */
	struct address host4, host6;       /* in the prefix table for this session */
	uint32_t next_touched, next_dirty, next_telling; /* lists: index + 1 */
	uint64_t moved;                                  /* inner packets at the last look */
	uint64_t last_active;
};

/* What travels through the command ring; a control frame's bytes follow. */
struct worker_request {
	enum worker_request_kind { WORKER_COMMAND, WORKER_INTERFACE } kind;
	int tun; /* WORKER_INTERFACE */
	struct datapath_command command;
};

/* What travels back; a control frame's bytes or the final counters follow. */
struct worker_event {
	enum dataplane_event_kind kind;
	uint32_t subject, epoch;
};

/* Outputs of one data-path call, with their buffers. */
struct worker_out {
	struct packet_list list;
	struct packet packets[WORKER_OUT_MAX];
	struct packet loop[WORKER_OUT_MAX]; /* of those: inner ones for other sessions */
	uint8_t buffers[WORKER_OUT_MAX][OUTER_MAX];
};

struct worker {
	/* Constant once the thread runs. */
	unsigned number;
	bool server;
	uint32_t slot_count;
	int poll, wake, told; /* epoll; eventfds: for the worker, for the control thread */
	int tun;              /* shared, or -1 */
	struct reaper *reaper;
	struct gre_socket gre4, gre6;
	pthread_t thread;
	_Atomic bool stopping;

	/* Between the threads. */
	struct ring commands, events;
	struct published *published;
	_Atomic uint64_t drops[DROP_COUNT];
	_Atomic bool tapped;
	pthread_mutex_t tap_lock; /* taken for each packet only while a capture runs */
	dataplane_tap *tap;
	void *tap_context;

	/* The thread's own. */
	struct slot *slots;
	uint32_t *call_ids; /* local call ID to slot index + 1 */
	uint32_t single;    /* client: index + 1 of the session attached last */
	struct heap deadlines;
	struct datapath_engine engine;
	struct prefix_table prefixes;
	struct hold_pool pool;
	uint32_t drops_seen[DROP_COUNT];
	uint32_t touched, dirty, telling; /* lists: index + 1 */
	uint64_t publish_at;
	bool told_something;
	bool no_pwait2; /* the kernel is older than 5.11 */
	uint64_t now;
	struct worker_out *out; /* WORKER_DEPTH of them */
	uint8_t (*tun_buffers)[OUTER_MAX];

	/* What was mapped, to be unmapped. */
	struct hold_slot *held;
	struct prefix_node *nodes;
	_Atomic uint32_t *buckets;
	uint32_t node_count, bucket_count;
};

struct worker_config {
	unsigned number;
	bool server;
	struct address local;
	uint32_t sessions_max;
	int tun; /* shared, or -1; the caller's to close */
	int told;
	struct reaper *reaper; /* closes the sessions' own TUNs */
};

/* Opens sockets and starts the thread. 0 or -errno with `error`. */
int worker_start(struct worker *worker, const struct worker_config *config, char error[256]);
/* Joins it and frees everything. */
void worker_stop(struct worker *worker);
/* Control thread: something is in the command ring. */
void worker_wake(struct worker *worker);

/* For the files of the worker only. */

/* The slot that `subject` names now, or NULL. */
struct slot *worker_slot(struct worker *worker, uint32_t subject);
/* Something happened to this session: its deadline and counters are looked at after the batch. */
void worker_touch(struct worker *worker, struct slot *slot);
void worker_settle(struct worker *worker);
static inline struct slot *slot_of(struct datapath *dp)
{
	return (struct slot *)(void *)((char *)dp - offsetof(struct slot, dp));
}

/* Tells the control thread; false when the ring (or the session's quota) is full. */
bool worker_tell_frame(
	struct worker *worker, struct slot *slot, const uint8_t *frame, uint32_t length);
void worker_tell_later(struct worker *worker, struct slot *slot);

/* traffic.c */
void traffic_from_gre(struct worker *worker, struct gre_socket *socket);
/* Reads `tun` into the sessions; `slot` is its owner, or NULL for the shared one. False when the
 * interface is gone. */
bool traffic_from_tun(struct worker *worker, int tun, struct slot *slot);
void traffic_command(struct worker *worker, struct slot *slot,
	const struct datapath_command *command, const uint8_t *frame);
void traffic_tick(struct worker *worker, struct slot *slot);

/* requests.c */
void requests_run(struct worker *worker);

#endif
