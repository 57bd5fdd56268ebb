/* What a load found, for people and for programs (see bench.h), and the progress line.
 *
 * Rates of logins are taken from the first dial to the last session that came up, those of traffic
 * over the time it was sent. A packet that neither came back nor was refused here is lost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"
#include "clock.h"
#include "values.h"

static double seconds_of(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e6 : 0;
}

static double per_second(double amount, double seconds)
{
	return seconds > 0 ? amount / seconds : 0;
}

static double login_seconds(const struct bench *bench)
{
	return seconds_of(bench->first_at, bench->last_up_at);
}

static double hold_seconds(const struct bench *bench)
{
	return bench->held_at ? seconds_of(bench->held_at, bench->over_at) : 0;
}

static uint64_t lost_packets(const struct bench_counts *counts)
{
	uint64_t settled = counts->answered + counts->unsendable;
	return counts->sent > settled ? counts->sent - settled : 0;
}

static double megabits(uint64_t bytes, double seconds)
{
	return per_second((double)bytes * 8 / 1e6, seconds);
}

/* Part of one core that this program used. */
static double own_load(uint64_t cpu_from, uint64_t cpu_to, double seconds)
{
	return per_second(seconds_of(cpu_from, cpu_to), seconds);
}

/* Progress. */

void bench_progress_clear(const struct bench *bench)
{
	if (bench->terminal)
		fputs("\r\033[K", stderr);
}

void bench_progress(const struct bench *bench)
{
	uint64_t now = clock_now();
	const struct bench_counts *counts = bench_plane_counts(bench->host.dataplane);
	bench_progress_clear(bench);
	switch (bench->phase) {
	case BENCH_RISING:
		fprintf(stderr, "%u of %u up, %u failed, %.0f a second", bench->came_up,
			bench->sessions, bench->failed,
			per_second(bench->came_up, seconds_of(bench->first_at, now)));
		break;
	case BENCH_HOLDING:
		fprintf(stderr, "%u up, %u ended; %.0f of %u s", bench->now_up, bench->ended,
			seconds_of(bench->held_at, now), bench->settings->seconds);
		if (bench->traffic.kind != TRAFFIC_NONE)
			fprintf(stderr, "; %" PRIu64 " packets sent, %" PRIu64 " answered",
				counts->sent, counts->answered);
		break;
	case BENCH_SETTLING:
	case BENCH_STAYING:
		fprintf(stderr, "%u up, %u ended; measured", bench->now_up, bench->ended);
		break;
	case BENCH_ENDING:
		fprintf(stderr, "going down, %u left", bench->host.seats.taken);
		break;
	}
	fflush(stderr);
}

/* For people. */

static void print_times(const char *what, const struct histogram *h)
{
	if (!h->count)
		return;
	printf("%-14s p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", what,
		(double)histogram_percentile(h, 500) / 1e3,
		(double)histogram_percentile(h, 990) / 1e3, (double)h->max / 1e3);
}

static void print_reasons(const char *what, const uint32_t counts[CLOSE_COUNT])
{
	for (unsigned i = 0; i < CLOSE_COUNT; i++)
		if (counts[i])
			printf("%-14s %u %s: %s\n", what, counts[i],
				close_word((enum close_reason)i),
				close_sentence((enum close_reason)i));
}

static void print_logins(const struct bench *bench)
{
	double seconds = login_seconds(bench);
	uint32_t unstarted = bench->sessions - bench->came_up - bench->failed;
	printf("%-14s %u of %u up, %u failed", "logins", bench->came_up, bench->sessions,
		bench->failed);
	if (unstarted)
		printf(", %u not tried to the end", unstarted);
	putchar('\n');
	if (bench->came_up)
		printf("%-14s %.0f a second, in %.2f s; %.0f %% of a core here\n", "",
			per_second(bench->came_up, seconds), seconds,
			100 * own_load(bench->cpu_first, bench->cpu_risen, seconds));
	print_reasons("  failed", bench->failures);
	print_times("time to up", &bench->time_to_up);
}

static void print_traffic(const struct bench *bench)
{
	const struct bench_counts *counts = bench_plane_counts(bench->host.dataplane);
	double seconds = hold_seconds(bench);
	uint64_t lost = lost_packets(counts);
	bool one_way = bench->traffic.kind == TRAFFIC_UDP && !counts->answered;
	if (bench->traffic.kind == TRAFFIC_NONE || !bench->held_at)
		return;
	printf("%-14s %" PRIu64 " sent", traffic_word(bench->traffic.kind), counts->sent);
	if (one_way)
		printf(", none answered");
	else
		printf(", %" PRIu64 " answered, %" PRIu64 " lost (%.3f %%)", counts->answered, lost,
			counts->sent ? 100 * (double)lost / (double)counts->sent : 0);
	if (counts->unsendable)
		printf(", %" PRIu64 " refused here", counts->unsendable);
	putchar('\n');
	printf("%-14s %u bytes, %u sessions; out %.1f Mbit/s, %.0f a second; in %.1f Mbit/s, %.0f "
	       "a "
	       "second\n",
		"", bench->traffic.size, bench->carriers, megabits(counts->bytes_sent, seconds),
		per_second((double)counts->sent, seconds),
		megabits(counts->bytes_answered, seconds),
		per_second((double)counts->answered, seconds));
	if (!one_way && counts->sessions_answered < counts->sessions_asked)
		printf("%-14s %u sessions had no answer at all\n", "",
			counts->sessions_asked - counts->sessions_answered);
	if (counts->swapped)
		printf("%-14s %" PRIu64 " sent ahead of their turn\n", "", counts->swapped);
	if (counts->behind)
		printf("%-14s %" PRIu64 " never sent: this machine was held up, or is too slow\n",
			"", counts->behind);
	print_times("  round trip", &counts->round_trip);
}

static void print_echo(const struct bench *bench)
{
	const struct bench_echo *echo = bench_plane_echo(bench->host.dataplane);
	if (!echo->sent)
		return;
	printf("%-14s %" PRIu64 " sent, %" PRIu64 " answered, %" PRIu64 " lost\n", "LCP echo",
		echo->sent, echo->answered, echo->lost);
	print_times("  round trip", &echo->round_trip);
}

static void print_drops(const struct bench *bench)
{
	struct datapath_counters totals;
	bench_plane_totals(bench->host.dataplane, &totals);
	for (size_t i = 0; i < sizeof totals.drops / sizeof totals.drops[0]; i++)
		if (totals.drops[i])
			printf("%-14s %u %s: %s\n", "dropped", totals.drops[i],
				drop_word((enum drop)i), drop_sentence((enum drop)i));
}

void bench_print(const struct bench *bench)
{
	double seconds = hold_seconds(bench);
	struct dataplane_facts facts;
	bench->host.plane->describe(bench->host.dataplane, &facts);
	printf("%s port %u, %u sessions in %u control connections%s\n", bench->server, bench->port,
		bench->sessions, bench->dialled, bench->measured ? "" : " (interrupted)");
	printf("%-14s %s; MPPE: %s\n", "here", facts.outer, facts.cipher);
	print_logins(bench);
	if (bench->held_at && bench->came_up)
		printf("%-14s %u of %u for %.1f s; %.0f %% of a core here\n", "stayed up",
			bench->stayed, bench->came_up, seconds,
			100 * own_load(bench->cpu_held, bench->cpu_over, seconds));
	print_reasons("  ended", bench->endings);
	print_traffic(bench);
	print_echo(bench);
	print_drops(bench);
}

/* For programs. The keys are promised in greyline-bench(8). */

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* Three places are enough and stay readable. */
static void set_real(json_t *object, const char *key, double number)
{
	json_object_set_new(object, key, json_real((double)(uint64_t)(number * 1000 + 0.5) / 1000));
}

static json_t *times_json(const struct histogram *h)
{
	json_t *times = json_object();
	if (!h->count)
		return times;
	set_real(times, "p50-ms", (double)histogram_percentile(h, 500) / 1e3);
	set_real(times, "p99-ms", (double)histogram_percentile(h, 990) / 1e3);
	set_real(times, "max-ms", (double)h->max / 1e3);
	return times;
}

static json_t *reasons_json(const uint32_t counts[CLOSE_COUNT])
{
	json_t *reasons = json_object();
	for (unsigned i = 0; i < CLOSE_COUNT; i++)
		if (counts[i])
			set_number(reasons, close_word((enum close_reason)i), counts[i]);
	return reasons;
}

static json_t *logins_json(const struct bench *bench)
{
	json_t *logins = json_object();
	double seconds = login_seconds(bench);
	set_number(logins, "up", bench->came_up);
	set_number(logins, "failed", bench->failed);
	set_number(logins, "unfinished", bench->sessions - bench->came_up - bench->failed);
	set_real(logins, "seconds", seconds);
	set_real(logins, "per-second", per_second(bench->came_up, seconds));
	set_real(logins, "own-load", own_load(bench->cpu_first, bench->cpu_risen, seconds));
	json_object_set_new(logins, "time-to-up", times_json(&bench->time_to_up));
	json_object_set_new(logins, "failures", reasons_json(bench->failures));
	return logins;
}

static json_t *hold_json(const struct bench *bench)
{
	json_t *hold = json_object();
	double seconds = hold_seconds(bench);
	set_real(hold, "seconds", seconds);
	set_number(hold, "stayed", bench->stayed);
	set_number(hold, "ended", bench->ended);
	set_real(hold, "own-load", own_load(bench->cpu_held, bench->cpu_over, seconds));
	json_object_set_new(hold, "endings", reasons_json(bench->endings));
	return hold;
}

static json_t *traffic_json(const struct bench *bench)
{
	const struct bench_counts *counts = bench_plane_counts(bench->host.dataplane);
	json_t *traffic = json_object();
	double seconds = hold_seconds(bench);
	json_object_set_new(traffic, "kind", json_string(traffic_word(bench->traffic.kind)));
	if (bench->traffic.kind == TRAFFIC_NONE)
		return traffic;
	set_number(traffic, "size", bench->traffic.size);
	set_number(traffic, "sessions", bench->carriers);
	set_number(traffic, "sessions-answered", counts->sessions_answered);
	set_number(traffic, "sent", counts->sent);
	set_number(traffic, "answered", counts->answered);
	set_number(traffic, "lost", lost_packets(counts));
	set_number(traffic, "refused", counts->unsendable);
	set_number(traffic, "behind", counts->behind);
	set_number(traffic, "reordered", counts->swapped);
	set_number(traffic, "bytes-sent", counts->bytes_sent);
	set_number(traffic, "bytes-answered", counts->bytes_answered);
	set_real(traffic, "sent-per-second", per_second((double)counts->sent, seconds));
	set_real(traffic, "answered-per-second", per_second((double)counts->answered, seconds));
	set_real(traffic, "mbit-sent", megabits(counts->bytes_sent, seconds));
	set_real(traffic, "mbit-answered", megabits(counts->bytes_answered, seconds));
	json_object_set_new(traffic, "round-trip", times_json(&counts->round_trip));
	return traffic;
}

static json_t *echo_json(const struct bench *bench)
{
	const struct bench_echo *seen = bench_plane_echo(bench->host.dataplane);
	json_t *echo = json_object();
	set_number(echo, "sent", seen->sent);
	set_number(echo, "answered", seen->answered);
	set_number(echo, "lost", seen->lost);
	json_object_set_new(echo, "round-trip", times_json(&seen->round_trip));
	return echo;
}

static json_t *drops_json(const struct bench *bench)
{
	struct datapath_counters totals;
	json_t *drops = json_object();
	bench_plane_totals(bench->host.dataplane, &totals);
	for (size_t i = 0; i < sizeof totals.drops / sizeof totals.drops[0]; i++)
		if (totals.drops[i])
			set_number(drops, drop_word((enum drop)i), totals.drops[i]);
	return drops;
}

void bench_print_json(const struct bench *bench)
{
	json_t *all = json_object();
	struct dataplane_facts facts;
	bench->host.plane->describe(bench->host.dataplane, &facts);
	json_object_set_new(all, "server", json_string(bench->server));
	set_number(all, "port", bench->port);
	json_object_set_new(all, "outer", json_string(facts.outer));
	json_object_set_new(all, "cipher", json_string(facts.cipher));
	set_number(all, "sessions", bench->sessions);
	set_number(all, "tunnels", bench->dialled);
	json_object_set_new(all, "interrupted", json_boolean(!bench->measured));
	set_number(all, "exit-code", (uint64_t)bench_exit_code(bench));
	json_object_set_new(all, "logins", logins_json(bench));
	json_object_set_new(all, "hold", hold_json(bench));
	json_object_set_new(all, "traffic", traffic_json(bench));
	json_object_set_new(all, "lcp-echo", echo_json(bench));
	json_object_set_new(all, "drops", drops_json(bench));
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(all);
}
