/* One data-plane worker: a thread that owns the data paths of its sessions.
 *
 *   control thread ──commands──▶ worker ──events──▶ control thread
 *                                ▲ ▲ │
 *              other workers ────┘ │ │
 *        raw GRE sockets, lines ◀──┴─┴──▶ TUN queue
 *
 * worker.c is its loop, worker_open.c makes it, tell.c is what it says to the control thread,
 * requests.c what it is told, traffic*.c what it does with packets. */
#ifndef GREYLINE_WORKER_H
#define GREYLINE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane.h"
#include "doorbell.h"
#include "handoff.h"
#include "heap.h"
#include "limits.h"
#include "line.h"
#include "outer.h"
#include "published.h"
#include "ring.h"
#include "tun_queue.h"
#include "workers.h"

enum {
	/* Outputs of one data-path call: room for a whole batch one to one, and for the most
	 * a single input can make behind it. */
	WORKER_OUT_MAX = 4 * BATCH_MAX + DATAPATH_OUT_PER_IN + REORDER_PACKETS,
	WORKER_DEPTH = 3, /* client to client, and the ICMP answer to that */
	KEYS_DIFFER_RUN = 8,
	WORKER_CONTROL = DOORBELL_RINGERS - 1, /* the control thread, ringing */
};
#define WORKER_PUBLISH_US MS(20)

/* What epoll tells apart: few enough that one look finds all that are ready. */
enum worker_source {
	WORKER_SOURCE_WAKE,
	WORKER_SOURCE_TUN,
	WORKER_SOURCE_TUNS,  /* an epoll of the sessions' own */
	WORKER_SOURCE_LINES, /* the same */
	WORKER_SOURCE_OUTER, /* and those behind it */
	WORKER_SOURCE_OWN =
		WORKER_SOURCE_OUTER + OUTER_SOURCES_MAX, /* a client's: no epoll between */
	WORKER_SOURCES = 32,
};

/* A session at its worker. */
struct slot {
	_Alignas(64) struct datapath dp;
	_Atomic uint32_t subject; /* 0: free; written by the owner */
	struct tun_queue tun;     /* an interface of its own, or fd -1 */
	struct line *line;        /* in the place of GRE, or NULL */
	bool touched, dirty, telling, keys_told;
	struct address stranger; /* the first to send GRE from elsewhere; family 0: nobody did */
	/* Events that wait for room in the ring: the subject. */
	uint32_t tell_keys, tell_stranger, tell_found, tell_gone, tell_line, tell_left,
		tell_detached;
	uint32_t next_touched, next_dirty, next_telling; /* lists: index + 1 */
	uint64_t moved;                                  /* inner packets at the last look */
	uint64_t last_active;
};

/* What travels through the command ring; a control frame's bytes follow. */
struct worker_request {
	enum worker_request_kind {
		WORKER_COMMAND,
		WORKER_INTERFACE,
		WORKER_LINE,
		WORKER_PATH,
		WORKER_LEAVE, /* a session goes to another worker: told when it has left, */
		WORKER_ENTER, /* and to that one then */
	} kind;
	struct tun_queue tun; /* WORKER_INTERFACE: adopted, since that may wait for the kernel */
	struct line *line;    /* WORKER_LINE */
	uint32_t index;       /* WORKER_PATH: whose path it is now; of family 0: no more */
	union {
		struct datapath_command command;
		struct path path;
	};
};

/* Behind a STRANGER or a PEER_FOUND: whose GRE it is, and our address. */
struct worker_addresses {
	struct address from, local;
};

/* What travels back; a control frame's bytes, the final counters or addresses follow. */
struct worker_event {
	enum dataplane_event_kind kind;
	bool suspect; /* `subject` is the number of a path to be looked at (outer_suspect) */
	bool left;    /* WORKER_LEAVE is done */
	uint32_t subject, epoch;
};

/* Outputs of one data-path call, with their buffers, and sorted by where they go. */
struct worker_out {
	struct packet_list list;
	struct packet packets[WORKER_OUT_MAX];
	const struct packet *outer[WORKER_OUT_MAX];
	const struct packet *inner[WORKER_OUT_MAX]; /* for one TUN */
	struct packet loop[WORKER_OUT_MAX];         /* for other sessions */
	size_t outer_count, inner_count, loop_count;
	struct slot *lined; /* whose line was written to last, and is to be flushed */
	size_t lent;        /* packets of the list whose buffers are the outer link's */
	uint8_t buffers[WORKER_OUT_MAX][OUTER_MAX];
};

struct worker {
	/* Constant once the thread runs. */
	unsigned number;
	struct workers *all;
	int poll, tuns, lines; /* epolls */
	struct tun_queue tun;  /* of the shared one, or fd -1 */
	int reader;            /* of the prefix table */
	struct outer *outer;
	size_t outer_sources;
	pthread_t thread;
	_Atomic bool stopping;
	bool running; /* the control thread's */

	/* Between the threads. */
	struct ring commands, events;
	_Atomic uint32_t executed; /* mark of `commands`: all before it is done, and has left */
	struct handoff inbox;
	struct doorbell bell; /* others ring with their number, or WORKER_CONTROL */
	_Atomic uint64_t drops[DROP_COUNT];
	_Atomic uint64_t handed; /* packets given to other workers */

	/* The thread's own. */
	uint32_t single; /* client: index + 1 of the session attached last */
	struct heap deadlines;
	struct datapath_engine engine;
	struct hold_pool pool;
	uint32_t drops_seen[DROP_COUNT];
	uint64_t handed_now;
	uint32_t touched, dirty, telling; /* lists: index + 1 */
	uint32_t inbox_from;              /* bit n: worker n has packets for us */
	uint32_t announcing;              /* bit n: packets for worker n wait to be announced */
	uint64_t publish_at;
	uint64_t busy_until;
	bool told_something;
	bool tell_gone; /* the shared TUN is, and that waits for room in the ring */
	bool ticking;
	bool idle_work; /* keys may be made ahead */
	bool no_pwait2; /* the kernel is older than 5.11 */
	uint64_t now;
	struct worker_out *out; /* WORKER_DEPTH of them */
	struct tun_batch tun_batch;
	struct line_batch *line_batch;
	struct coalescer *coalescer;
	struct hold_slot *held;
};

struct worker_config {
	unsigned number;
	struct workers *all;
	const struct outer_config *outer; /* of all workers but for the number */
	int tun; /* queue of the shared one, or -1; the caller's to close */
};

/* Opens sockets and maps memory. 0 or -errno, with `error` when it says more than the number. */
int worker_open(struct worker *worker, const struct worker_config *config, char error[256]);
/* Starts the thread, when all workers are open. 0 or -errno. */
int worker_run(struct worker *worker);
/* Joins the thread. */
void worker_join(struct worker *worker);
/* Also of one that was not opened, or half. */
void worker_close(struct worker *worker);
/* The thread: rounds until it is told to stop. */
void worker_main(struct worker *worker);

/* For the files of the worker only. */

/* The slot that `subject` names now, or NULL; only for sessions whose place is this worker. */
struct slot *worker_slot(struct worker *worker, uint32_t subject);
/* Something happened to this session: its deadline and counters are looked at after the batch. */
void worker_touch(struct worker *worker, struct slot *slot);
void worker_settle(struct worker *worker);
/* The session's own TUN is looked at from now on, or no more. */
void worker_watch_tun(struct worker *worker, struct slot *slot);
void worker_unwatch_tun(struct worker *worker, struct slot *slot);
/* The same of its line. False when the kernel cannot watch it. */
bool worker_watch_line(struct worker *worker, struct slot *slot);
void worker_unwatch_line(struct worker *worker, struct slot *slot);

static_assert((int)WORKERS_MAX <= (int)WORKER_CONTROL, "everybody has a number to ring with");

static inline uint32_t slot_subject(const struct slot *slot)
{
	return atomic_load_explicit(&slot->subject, memory_order_relaxed);
}
static inline struct slot *slot_of(struct datapath *dp)
{
	return (struct slot *)(void *)((char *)dp - offsetof(struct slot, dp));
}
static inline uint32_t slot_index(const struct worker *worker, const struct slot *slot)
{
	return (uint32_t)(slot - worker->all->slots);
}

/* tell.c: false when the ring (or the session's quota) is full. */
bool tell_frame(struct worker *worker, struct slot *slot, const uint8_t *frame, uint32_t length);
/* The session's tell_* go out as soon as there is room; never lost. */
void tell_later(struct worker *worker, struct slot *slot);
void tell_changed(struct worker *worker, struct slot *slot);
/* The session's interface, or the shared one (NULL), was removed; never lost. */
void tell_tun_gone(struct worker *worker, struct slot *slot);
/* The session's line is of no use any more; told once, never lost. */
void tell_line_gone(struct worker *worker, struct slot *slot);
/* GRE for the session came from another address than its peer's: the first is told, never lost. */
void tell_stranger(struct worker *worker, struct slot *slot, const struct address *from);
/* Where a session's GRE comes from; never lost. */
void tell_found(struct worker *worker, struct slot *slot);
/* A path to be looked at; may be lost. */
void tell_suspect(struct worker *worker, uint32_t path);
/* At the end of a round. */
void tell_all(struct worker *worker);

/* traffic*.c */
void traffic_from_outer(struct worker *worker, unsigned source);
/* Reads `tun` into the sessions; `slot` is its owner, or NULL for the shared one. False when the
 * interface is gone. */
bool traffic_from_tun(struct worker *worker, const struct tun_queue *tun, struct slot *slot);
/* The session's line can be read, or written to again. */
void traffic_from_line(struct worker *worker, struct slot *slot);
/* A frame for the session's line, until the flush of what was written. */
void traffic_to_line(struct slot *slot, const struct packet *packet);
void traffic_flush_line(struct worker *worker, struct slot *slot);
/* Packets of this worker's sessions that others have read. */
void traffic_from_workers(struct worker *worker);

/* Between a begin and a flush, which sends what they put out in one go. */
void traffic_begin(struct worker *worker);
void traffic_command(struct worker *worker, struct slot *slot,
	const struct datapath_command *command, const uint8_t *frame);
void traffic_tick(struct worker *worker, struct slot *slot);
void traffic_flush(struct worker *worker);

/* traffic_filter.c, where there are filters: moves those that may pass to the front, and says how
 * many they are; whether this one may. */
size_t traffic_filter_sent(struct worker *worker, struct packet *in, size_t count);
bool traffic_filter_received(struct worker *worker, const struct packet *packet);

/* For the traffic files only. */
struct packet_list *traffic_list(struct worker *worker, unsigned depth); /* emptied */
struct packet_list *traffic_list_lent(struct worker *worker); /* with buffers of outer_lend() */
void traffic_deliver(struct worker *worker, unsigned depth);
/* Seals `in` into the list of `depth`, as often as that list fills, and delivers. */
void traffic_seal(struct worker *worker, struct packet *in, size_t count, unsigned depth);
void traffic_open(struct worker *worker, struct packet *in, size_t count);
/* One datagram of this worker's own; false when it is dropped. */
bool traffic_receive(struct worker *worker, const struct gre_datagram *datagram, uint16_t call_id,
	struct packet *in);
void traffic_hand(struct worker *worker, unsigned to, const struct handed *head, const void *bytes,
	uint32_t length);
void tap_inner(struct worker *worker, bool sent, const struct packet *packet);
void tap_outer(struct worker *worker, bool sent, const struct packet *packet);

/* requests.c */
void requests_run(struct worker *worker);

#endif
