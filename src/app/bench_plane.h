/* The data plane of `greyline bench load`: thousands of sessions without an interface.
 *
 * It runs on the control thread's loop, between raw GRE sockets and traffic made here. Behind
 * dataplane_ops it is a data plane like others; what only a load has is told and asked with the
 * functions below. */
#ifndef GREYLINE_BENCH_PLANE_H
#define GREYLINE_BENCH_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_histogram.h"
#include "bench_traffic.h"
#include "dataplane.h"

extern const struct dataplane_ops dataplane_bench;

/* What went over all sessions, ended ones included. */
struct bench_counts {
	uint64_t sent, answered;
	uint32_t sessions_asked, sessions_answered; /* at least once */
	uint64_t bytes_sent, bytes_answered;        /* inner, IP header included */
	uint64_t unsendable;                        /* refused by the data path or by the kernel */
	uint64_t swapped; /* sent ahead of the one before it (--reorder) */
	uint64_t behind;  /* were due and not sent: the generator is too slow */
	struct histogram round_trip;
};

struct bench_echo {
	uint64_t sent, answered, lost;
	struct histogram round_trip;
};

/* Before sessions come up. */
struct bench_plane_config {
	struct traffic_spec traffic;
	unsigned reorder; /* per cent of packets to send ahead of the one before */
	uint32_t target;  /* inner destination, host order; 0: the server's inner address */
};
void bench_plane_configure(struct dataplane *plane, const struct bench_plane_config *config);

/* A session takes part in the traffic until it ends. */
void bench_plane_carry(
	struct dataplane *plane, uint32_t subject, uint32_t local4, uint32_t remote4);
void bench_plane_start(struct dataplane *plane);
/* No more traffic, and echo requests from now on are not counted: what is on its way may come. */
void bench_plane_settle(struct dataplane *plane);
/* Nothing counted is on its way any more. */
bool bench_plane_settled(const struct dataplane *plane);
/* Unanswered echo requests are lost ones from now on. */
void bench_plane_finish(struct dataplane *plane);

const struct bench_counts *bench_plane_counts(const struct dataplane *plane);
const struct bench_echo *bench_plane_echo(const struct dataplane *plane);
/* Sum of the counters of all sessions so far. */
void bench_plane_totals(const struct dataplane *plane, struct datapath_counters *totals);

#endif
