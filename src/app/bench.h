/* greyline bench load: one run of the load generator, and what it found. */
#ifndef GREYLINE_BENCH_H
#define GREYLINE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_pacer.h"
#include "bench_plane.h"
#include "host.h"

enum bench_phase {
	BENCH_RISING,   /* logins */
	BENCH_HOLDING,  /* all settled, up or not: traffic */
	BENCH_SETTLING, /* traffic is over, answers may come */
	BENCH_STAYING,  /* measured; --stay */
	BENCH_ENDING,
};

/* Exit codes; 2 is a wrong command line, as everywhere. */
enum {
	BENCH_ALL_WELL = 0,
	BENCH_NOT_ALL = 1,     /* some did not come up, or did not stay */
	BENCH_LACKS = 4,       /* descriptors, memory, the kernel */
	BENCH_INTERRUPTED = 5, /* before everything was measured */
};

/* A tunnel's calls; by number of the peer. */
struct bench_tunnel {
	uint16_t due; /* calls it shall have and does not have yet */
	bool opening; /* its first login has no call yet */
	bool up;
	bool ready; /* in the list of those that may start another call */
	uint32_t next_ready;
};

/* Times in microseconds of clock_now(), processor time in microseconds. */
struct bench {
	struct host host;
	struct settings *settings;
	char *user, *password;
	bool nt_hash;    /* the password is one */
	char name[256];  /* ours, in the control connection */
	char server[64]; /* a literal address */
	struct address address;
	uint16_t port;
	struct address local;      /* --bind of one address */
	struct ipv4_range sources; /* --bind of several */
	uint32_t source_count;     /* 0: the kernel's choice */
	struct traffic_spec traffic;
	uint16_t mtu; /* of a session */
	uint32_t sessions, calls, tunnels_max, in_flight_max, carriers_max;

	enum bench_phase phase;
	struct bench_tunnel *tunnels;
	uint32_t ready_first, ready_last; /* peer numbers + 1 */
	uint64_t *began;                  /* by seat: when its login did */
	struct pacer pacer;               /* --rate */
	uint32_t claimed;                 /* sessions that have a tunnel, or had */
	uint32_t dialled;                 /* tunnels */
	uint32_t started, in_flight, came_up, failed, now_up, ended, stayed, carriers;
	uint32_t failures[CLOSE_COUNT], endings[CLOSE_COUNT];
	bool gave_up, measured;
	bool terminal; /* a progress line is shown */
	struct histogram time_to_up;
	uint64_t first_at, last_up_at, held_at, over_at;
	uint64_t cpu_first, cpu_risen, cpu_held, cpu_over;
	uint32_t cpu_up; /* sessions that had come up at cpu_risen */
	uint64_t settle_by;

	uv_prepare_t prepare;
	uv_timer_t tick, phase_timer, progress;
};

/* bench_load.c. Runs it; 0, or an exit code with the reason printed. The findings are complete
 * whatever it returns once `first_at` is set. */
int bench_run(struct bench *bench);
int bench_exit_code(const struct bench *bench);

/* bench_report.c. */
void bench_print(const struct bench *bench);
void bench_print_json(const struct bench *bench);
/* A line that says how far it is; and its removal, before another line is printed. */
void bench_progress(const struct bench *bench);
void bench_progress_clear(const struct bench *bench);

#endif
