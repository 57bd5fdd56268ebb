/* The inside of the data plane of a load, for its own files: bench_plane.c (packets and commands),
 * bench_carry.c (traffic and echo), bench_plane_open.c (start and stop). */
#ifndef GREYLINE_BENCH_LINE_H
#define GREYLINE_BENCH_LINE_H

#include <stddef.h>

#include <uv.h>

#include "bench_pacer.h"
#include "bench_plane.h"
#include "dataplane_paths.h"
#include "heap.h"
#include "outer.h"
#include "random.h"

enum {
	BENCH_OUT_MAX = 4 * BATCH_MAX + DATAPATH_OUT_PER_IN + REORDER_PACKETS,
};

/* A session. */
struct line {
	struct datapath dp;
	struct datapath_streams streams;
	uint32_t subject; /* 0: free */
	uint32_t telling; /* events that wait for the loop: the subject they are about */
	bool detached, keys_differ, keys_told;

	/* bench_carry.c */
	uint8_t echo_id;
	bool echo_waits;
	bool asked, answered; /* traffic was sent, and came back, at least once */
	uint64_t echo_sent;
	uint32_t carrier; /* index + 1 in `carriers` */
	uint16_t sequence;
	struct traffic_flow flow;
};

/* Outputs of data-path calls, with their buffers. */
struct bench_out {
	struct packet_list list;
	size_t lent; /* packets whose buffers the outer link lent */
	struct packet packets[BENCH_OUT_MAX];
	uint8_t buffers[BENCH_OUT_MAX][OUTER_MAX];
};

/* Every packet gets its own buffer again. */
static inline void bench_out_empty(struct bench_out *out)
{
	size_t used = out->list.touched > out->lent ? out->list.touched : out->lent;
	for (size_t i = 0; i < used; i++)
		packet_room(&out->packets[i], out->buffers[i], OUTER_MAX);
	out->list.count = out->list.touched = out->lent = 0;
}

struct bench_source {
	uv_poll_t poll;
	struct dataplane *plane;
	unsigned number;
	bool open;
};

struct dataplane {
	struct dataplane_config config;
	struct outer_choice choice;
	struct outer *outer;
	struct dataplane_paths *paths;
	struct bench_source sources[OUTER_SOURCES_MAX];
	uv_prepare_t prepare;
	uv_timer_t timer;
	unsigned handles_open;
	uint64_t timer_at;
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot *held;
	struct heap deadlines;
	struct line *lines;
	uint32_t *call_ids; /* local call ID to line, + 1 */
	uint32_t *telling;  /* lines; each at most twice, for its keys and for its end */
	uint32_t telling_count;
	struct bench_out *frames; /* control frames of commands that have not left yet */
	struct bench_out *work;
	struct datapath_counters ended; /* of sessions that are gone */

	/* bench_carry.c */
	struct bench_plane_config bench;
	struct traffic traffic;
	struct pacer pacer;
	struct random random;
	uint64_t pair_chance; /* of 2^32 */
	bool carrying, settling;
	uint32_t *carriers; /* lines that take part */
	uint32_t carrier_count, carrier_next;
	int64_t overdrawn;              /* packets sent before they were due */
	uint64_t answered_at, given_up; /* of rate `max`: what is no longer waited for */
	uint32_t echoes_waiting;
	struct packet inner[BATCH_MAX];
	uint8_t inner_bytes[BATCH_MAX][OUTER_MAX];
	bool pairs[BATCH_MAX]; /* inner[n] and inner[n + 1] change places */
	struct bench_counts counts;
	struct bench_echo echo;
};

static inline struct line *line_of(struct datapath *dp)
{
	return (struct line *)(void *)((char *)dp - offsetof(struct line, dp));
}

/* bench_plane.c */
/* An empty list for a data-path call; control frames that were collected leave first. */
struct packet_list *plane_work(struct dataplane *plane);
/* The same with buffers of the outer link, for outer packets. */
struct packet_list *plane_work_lent(struct dataplane *plane);
/* Sends the outer packets of `out`; returns how many the kernel did not take. */
size_t plane_send(struct dataplane *plane, struct bench_out *out);
/* Something happened to this session's data path. */
void plane_touch(struct dataplane *plane, struct line *line);
void plane_readable(struct bench_source *source);
void plane_path(void *context, unsigned worker, uint32_t index, const struct path *path);
void plane_session_path(void *context, const struct datapath_command *command);
void plane_timer(uv_timer_t *timer);
void plane_prepare(uv_prepare_t *prepare);

/* bench_carry.c */
void carry_send(struct dataplane *plane);
bool carry_wanted(const struct dataplane *plane);    /* there may be something to send soon */
bool carry_unlimited(const struct dataplane *plane); /* ... as soon as answers have come */
void carry_inner(struct dataplane *plane, const struct packet *packet, uint64_t now);
void carry_command(struct dataplane *plane, struct line *line,
	const struct datapath_command *command, const uint8_t *frame, uint64_t now);
void carry_control(
	struct dataplane *plane, struct line *line, const struct packet *packet, uint64_t now);
void carry_end(struct dataplane *plane, struct line *line);

/* bench_plane_open.c */
int plane_open(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256]);
void plane_close(struct dataplane *plane);

#endif
