/* A load: logins, all of them held for a while, all of them gone (see bench.h).
 *
 *   rising ──▶ holding ──▶ settling ──▶ (staying) ──▶ ending
 *   logins     traffic     answers        --stay      Terminate, Call-Clear, Stop
 *
 * It stands on the same host, peers and sessions as a client; only the data plane is another one,
 * and there is no interface. A login is started when fewer than --in-flight of them are under way
 * and, with --rate, when one is due. One that fails is not tried again: what is measured is how the
 * server took each of them.
 *
 * A tunnel claims its share of the sessions when it is dialled and begins with one call; once it is
 * up it is in the list of those that may start another, and starting a call there goes before
 * dialling one more tunnel. Everything is started from one place, before the loop waits: never from
 * inside what a session or a tunnel has to tell. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "peer.h"
#include "profile.h"

enum {
	GIVE_UP_AFTER = 256, /* failures, when nothing has come up at all */
	DESCRIPTORS = 64,    /* beside one for each tunnel */
	TICK_MS = 1,
	PROGRESS_MS = 200,
	SETTLE_TICK_MS = 10,
};
#define SETTLE_MAX SECONDS(1) /* for answers that are still under way */

static struct bench *bench_of(const struct peer *peer)
{
	return peer->host->role;
}

static struct bench_tunnel *tunnel_of(const struct peer *peer)
{
	return &bench_of(peer)->tunnels[peer->number];
}

static uint64_t cpu_time(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return SECONDS(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* What went wrong. The first of each kind is said at once: a long run should not keep it. */

static void login_failed(struct bench *bench, enum close_reason reason, uint32_t count, int error)
{
	bool first = count && !bench->failures[reason];
	bench->failures[reason] += count;
	bench->failed += count;
	if (!first)
		return;
	bench_progress_clear(bench);
	if (reason == CLOSE_TCP_FAILED)
		fprintf(stderr, "Login failed: no connection to %s port %u: %s (%s)\n",
			bench->server, bench->port, tcp_error(error), close_word(reason));
	else
		fprintf(stderr, "Login failed: %s (%s)\n", close_sentence(reason),
			close_word(reason));
}

static void session_ended(struct bench *bench, enum close_reason reason)
{
	bool first = !bench->endings[reason];
	bench->endings[reason]++;
	bench->ended++;
	if (!first)
		return;
	bench_progress_clear(bench);
	fprintf(stderr, "A session ended: %s (%s)\n", close_sentence(reason), close_word(reason));
}

/* Logins. */

static void start_call(struct bench *bench, struct peer *peer, uint64_t began)
{
	struct seat *seat = peer_seat(peer);
	tunnel_of(peer)->due--;
	if (!seat) {
		bench->in_flight--;
		login_failed(bench, CLOSE_LOCAL_ERROR, 1, 0);
		return;
	}
	bench->began[seat->index] = began;
	peer_dial_call(peer, seat);
}

static struct address next_source(const struct bench *bench)
{
	if (bench->source_count < 2)
		return bench->local;
	return address_ipv4(bench->sources.first + bench->dialled % bench->source_count);
}

static void dial_tunnel(struct bench *bench)
{
	uint32_t left = bench->sessions - bench->claimed, share;
	struct address source = next_source(bench);
	int error;
	share = left < bench->calls ? left : bench->calls;
	bench->claimed += share;
	bench->dialled++;
	struct peer *peer = peer_dial(&bench->host, bench->server, bench->port, &source, &error);
	if (!peer) {
		bench->in_flight--;
		login_failed(bench, CLOSE_TCP_FAILED, share, error);
		return;
	}
	struct bench_tunnel *tunnel = tunnel_of(peer);
	tunnel->due = (uint16_t)share;
	tunnel->opening = true;
	tunnel->up = false;
}

static void list_ready(struct bench *bench, uint32_t number)
{
	struct bench_tunnel *tunnel = &bench->tunnels[number];
	if (tunnel->ready || !tunnel->due)
		return;
	tunnel->ready = true;
	tunnel->next_ready = 0;
	if (bench->ready_last)
		bench->tunnels[bench->ready_last - 1].next_ready = number + 1;
	else
		bench->ready_first = number + 1;
	bench->ready_last = number + 1;
}

/* The next tunnel that may start a call, or NULL. Those that have ended meanwhile are passed. */
static struct peer *take_ready(struct bench *bench)
{
	while (bench->ready_first) {
		uint32_t number = bench->ready_first - 1;
		struct bench_tunnel *tunnel = &bench->tunnels[number];
		bench->ready_first = tunnel->next_ready;
		if (!bench->ready_first)
			bench->ready_last = 0;
		tunnel->ready = false;
		if (tunnel->up && tunnel->due)
			return bench->host.peers[number];
	}
	return NULL;
}

static bool may_start(const struct bench *bench)
{
	return bench->phase == BENCH_RISING && !bench->host.stopping && !bench->gave_up &&
	       bench->in_flight < bench->in_flight_max &&
	       (bench->ready_first || bench->claimed < bench->sessions);
}

static void start_one(struct bench *bench, uint64_t now)
{
	struct peer *peer = take_ready(bench);
	if (!peer && bench->claimed == bench->sessions)
		return;
	bench->started++;
	bench->in_flight++;
	if (!peer) {
		dial_tunnel(bench);
		return;
	}
	start_call(bench, peer, now);
	list_ready(bench, peer->number);
}

static void start_logins(struct bench *bench)
{
	uint64_t now = clock_now();
	uint32_t due = bench->in_flight_max;
	if (bench->settings->rate && may_start(bench))
		due = pacer_due(&bench->pacer, now, bench->in_flight_max - bench->in_flight);
	for (; due && may_start(bench); due--)
		start_one(bench, now);
	if (!bench->came_up && bench->failed >= GIVE_UP_AFTER && !bench->gave_up &&
		bench->phase == BENCH_RISING) {
		bench->gave_up = true;
		bench_progress_clear(bench);
		fprintf(stderr, "Giving up: the first %u logins all failed\n", bench->failed);
	}
}

/* Phases. */

static void finish(struct bench *bench)
{
	bench->phase = BENCH_ENDING;
	bench->measured = true;
	host_stop(&bench->host, CLOSE_SHUTDOWN, 0);
}

static void on_settle_tick(uv_timer_t *timer)
{
	struct bench *bench = timer->data;
	uint64_t now = clock_now();
	if (now < bench->settle_by && !bench_plane_settled(bench->host.dataplane))
		return;
	bench_plane_finish(bench->host.dataplane);
	uv_timer_stop(timer);
	if (bench->phase != BENCH_SETTLING)
		return;
	if (!bench->settings->stay || !bench->now_up) {
		finish(bench);
		return;
	}
	bench->phase = BENCH_STAYING;
	bench->measured = true;
	bench_progress_clear(bench);
	fprintf(stderr, "Measured; %u sessions stay up until interrupted\n", bench->now_up);
}

static void hold_over(struct bench *bench)
{
	uint64_t now = clock_now();
	bench->phase = BENCH_SETTLING;
	bench->over_at = now;
	bench->cpu_over = cpu_time();
	bench->stayed = bench->now_up;
	bench->settle_by = now + SETTLE_MAX;
	bench_plane_settle(bench->host.dataplane);
	uv_timer_start(&bench->phase_timer, on_settle_tick, 0, SETTLE_TICK_MS);
}

static void on_hold_over(uv_timer_t *timer)
{
	struct bench *bench = timer->data;
	if (bench->phase == BENCH_HOLDING)
		hold_over(bench);
}

static void risen(struct bench *bench)
{
	bench->phase = BENCH_HOLDING;
	bench->held_at = clock_now();
	bench->cpu_held = cpu_time();
	bench_progress_clear(bench);
	if (!bench->now_up) {
		hold_over(bench);
		return;
	}
	fprintf(stderr, "%u of %u sessions up\n", bench->came_up, bench->sessions);
	bench_plane_start(bench->host.dataplane);
	uv_timer_start(
		&bench->phase_timer, on_hold_over, (uint64_t)bench->settings->seconds * 1000, 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct bench *bench = prepare->data;
	if (bench->host.stopping) {
		if (bench->phase != BENCH_ENDING) { /* interrupted */
			bench_plane_settle(bench->host.dataplane);
			if (bench->phase == BENCH_HOLDING) {
				bench->over_at = clock_now();
				bench->cpu_over = cpu_time();
				bench->stayed = bench->now_up;
			}
			bench->phase = BENCH_ENDING;
		}
		return;
	}
	if (bench->cpu_up != bench->came_up) { /* once a turn is often enough */
		bench->cpu_up = bench->came_up;
		bench->cpu_risen = cpu_time();
	}
	start_logins(bench);
	bool more = bench->ready_first || bench->claimed < bench->sessions;
	if (bench->phase == BENCH_RISING && !bench->in_flight && (!more || bench->gave_up))
		risen(bench);
	else if (bench->phase == BENCH_HOLDING && !bench->now_up)
		hold_over(bench);
	else if (bench->phase == BENCH_STAYING && !bench->now_up)
		finish(bench);
}

static void on_tick(uv_timer_t *timer)
{
	struct bench *bench = timer->data;
	if (bench->claimed == bench->sessions && !bench->ready_first)
		uv_timer_stop(timer); /* wakes on_prepare only; nothing is paced any more */
}

static void on_progress(uv_timer_t *timer)
{
	bench_progress(timer->data);
}

/* What peers and sessions tell. */

static void on_configure(const struct peer *peer, struct tunnel_config *config)
{
	struct bench *bench = bench_of(peer);
	struct link_config *link = &config->session.link;
	profile_common(config, bench->settings, bench->mtu, bench->name);
	config->control.opener = true;
	config->session.client_to_client = true;
	config->session.unit.accept_local4 = true;
	link->allow_auth = settings_auth(bench->settings);
	if (bench->nt_hash)
		link->allow_auth &= AUTH_MICROSOFT | AUTH_EAP_TLS;
	link->name = bench->user;
	link->name_length = strlen(bench->user);
	link->password = bench->password;
	link->nt_hash_only = bench->nt_hash;
	link->password_length = bench->nt_hash ? NT_HASH_SIZE : strlen(bench->password);
	link->echo_interval_us = SECONDS(bench->settings->echo);
	link->echo_always = true;
}

static void on_tunnel_up(struct peer *peer)
{
	struct bench *bench = bench_of(peer);
	struct bench_tunnel *tunnel = tunnel_of(peer);
	tunnel->opening = false;
	tunnel->up = true;
	start_call(bench, peer, peer->since);
	list_ready(bench, peer->number);
}

static void on_tunnel_down(struct peer *peer, enum close_reason reason)
{
	struct bench *bench = bench_of(peer);
	struct bench_tunnel *tunnel = tunnel_of(peer);
	bench->in_flight -= tunnel->opening;
	if (!bench->host.stopping)
		login_failed(bench, reason, tunnel->due, peer->tcp_error);
	tunnel->opening = tunnel->up = false;
	tunnel->due = 0;
}

static void on_session_up(struct seat *seat)
{
	struct bench *bench = seat->owner->role;
	uint64_t now = clock_now();
	bench->in_flight--;
	bench->came_up++;
	bench->now_up++;
	bench->last_up_at = now;
	histogram_add(&bench->time_to_up, now - bench->began[seat->index]);
	if (bench->carriers < bench->carriers_max) {
		bench->carriers++;
		bench_plane_carry(bench->host.dataplane, seat_subject(seat),
			seat_network(seat)->local4, seat_network(seat)->remote4);
	}
}

static void on_session_network(struct seat *seat)
{
}

static void on_session_over(struct seat *seat)
{
	struct bench *bench = seat->owner->role;
	bool stopping = bench->host.stopping;
	if (seat->up_since) {
		bench->now_up--;
		if (!stopping)
			session_ended(bench, seat->reason);
	} else {
		bench->in_flight--;
		if (!stopping)
			login_failed(bench, seat->reason, 1, 0);
	}
	/* A control connection without calls is of no more use. */
	if (!stopping && seat->peer->seats == 1 && !tunnel_of(seat->peer)->due)
		peer_stop(seat->peer, seat->reason);
}

static void on_session_gone(struct seat *seat)
{
}

static void on_hang_up(struct host *host)
{
}

static const struct host_policy policy = {.role = "bench",
	.signal_exit_code = BENCH_INTERRUPTED,
	.configure = on_configure,
	.tunnel_up = on_tunnel_up,
	.tunnel_down = on_tunnel_down,
	.wanted = dialler_wanted,
	.credentials = dialler_credentials,
	.certificate = dialler_certificate,
	.address = dialler_address,
	.session_up = on_session_up,
	.session_network = on_session_network,
	.session_over = on_session_over,
	.session_gone = on_session_gone,
	.hang_up = on_hang_up,
	.hasty = true};

/* Start. */

static int raise_descriptors(const struct bench *bench)
{
	struct rlimit limit;
	rlim_t needed = bench->tunnels_max + DESCRIPTORS;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < needed) {
		rlim_t hard = limit.rlim_max;
		limit.rlim_cur = needed;
		if (hard != RLIM_INFINITY && hard < needed)
			limit.rlim_max = needed;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
			fprintf(stderr,
				"%u control connections need %llu file descriptors, and the limit "
				"is %llu: raise it (ulimit -Hn %llu as root), or put more calls "
				"into each (--calls-per-tunnel)\n",
				bench->tunnels_max, (unsigned long long)needed,
				(unsigned long long)hard, (unsigned long long)needed);
			return BENCH_LACKS;
		}
	}
	return 0;
}

static int start(struct bench *bench)
{
	struct host_config config = {.settings = bench->settings,
		.policy = &policy,
		.role = bench,
		.local = bench->local,
		.peer = bench->address,
		/* A failed tunnel's connection may linger while the next ones are dialled. */
		.peers_max = bench->tunnels_max + bench->in_flight_max,
		.sessions_max = bench->sessions,
		.bare = true,
		.plane = &dataplane_bench};
	bench->tunnels = calloc(config.peers_max, sizeof *bench->tunnels);
	bench->began = calloc(bench->sessions, sizeof *bench->began);
	if (!bench->tunnels || !bench->began) {
		fprintf(stderr, "Out of memory\n");
		return BENCH_LACKS;
	}
	int code = raise_descriptors(bench);
	return code ? code : host_start(&bench->host, &config);
}

static void start_timers(struct bench *bench)
{
	uv_loop_t *loop = &bench->host.loop;
	uv_prepare_init(loop, &bench->prepare);
	uv_timer_init(loop, &bench->tick);
	uv_timer_init(loop, &bench->phase_timer);
	uv_timer_init(loop, &bench->progress);
	bench->prepare.data = bench->tick.data = bench;
	bench->phase_timer.data = bench->progress.data = bench;
	uv_prepare_start(&bench->prepare, on_prepare);
	/* Also without a rate: the loop's first turn must not wait. */
	uv_timer_start(&bench->tick, on_tick, 0, bench->settings->rate ? TICK_MS : 0);
	if (bench->terminal)
		uv_timer_start(&bench->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
}

int bench_run(struct bench *bench)
{
	struct bench_plane_config plane = {.traffic = bench->traffic,
		.reorder = bench->settings->reorder,
		.target = bench->settings->target.family ? address_to_ipv4(&bench->settings->target)
							 : 0};
	int code = start(bench);
	if (code)
		return code;
	bench->host.log.least = LOG_LINE_ERROR;
	bench_plane_configure(bench->host.dataplane, &plane);
	start_timers(bench);
	bench->first_at = clock_now();
	bench->cpu_first = cpu_time();
	pacer_start(&bench->pacer, (uint64_t)bench->settings->rate * 1000, bench->first_at);
	code = host_run(&bench->host);
	bench_progress_clear(bench);
	bench_plane_finish(bench->host.dataplane);
	return code == BENCH_INTERRUPTED ? 0 : code;
}

int bench_exit_code(const struct bench *bench)
{
	if (!bench->measured)
		return BENCH_INTERRUPTED;
	return bench->came_up == bench->sessions && !bench->ended ? BENCH_ALL_WELL : BENCH_NOT_ALL;
}
