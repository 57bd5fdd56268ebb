/* Start and stop of a load's data plane (see bench_plane.h): memory, sockets, handles of the loop.
 *
 * Memory of a session is touched when it comes up. After the last handle is closed, which takes a
 * turn of the loop, everything is wiped and freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench_line.h"

enum { TTL = 64 };

static void release(struct dataplane *plane)
{
	outer_close(plane->outer);
	heap_free(&plane->deadlines);
	if (plane->lines)
		explicit_bzero(plane->lines, plane->config.sessions_max * sizeof *plane->lines);
	free(plane->lines);
	free(plane->call_ids);
	free(plane->telling);
	free(plane->carriers);
	free(plane->held);
	free(plane->frames);
	free(plane->work);
	free(plane);
}

static struct bench_out *new_out(void)
{
	struct bench_out *out = malloc(sizeof *out);
	if (!out)
		return NULL;
	memset(out->packets, 0, sizeof out->packets);
	out->lent = 0;
	out->list = (struct packet_list){
		.at = out->packets, .max = BENCH_OUT_MAX, .touched = BENCH_OUT_MAX};
	bench_out_empty(out);
	return out;
}

static int make_tables(struct dataplane *plane)
{
	uint32_t sessions = plane->config.sessions_max;
	uint8_t seed[32];
	if (getrandom(seed, sizeof seed, 0) != sizeof seed)
		return -errno;
	random_seed(&plane->random, seed);
	plane->lines = calloc(sessions, sizeof *plane->lines);
	plane->call_ids = calloc(CALL_IDS, sizeof *plane->call_ids);
	plane->telling = calloc(2 * (size_t)sessions, sizeof *plane->telling);
	plane->carriers = calloc(sessions, sizeof *plane->carriers);
	plane->held = malloc(HELD_PACKETS_TOTAL * sizeof *plane->held);
	plane->frames = new_out();
	plane->work = new_out();
	if (!plane->lines || !plane->call_ids || !plane->telling || !plane->carriers ||
		!plane->held || !plane->frames || !plane->work)
		return -ENOMEM;
	hold_pool_init(&plane->pool, plane->held, HELD_PACKETS_TOTAL);
	plane->engine = (struct datapath_engine){.mppe = mppe_engine_best(), .pool = &plane->pool};
	return heap_init(&plane->deadlines, sessions);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	plane_readable(poll->data);
}

static int watch(struct dataplane *plane, unsigned number, int descriptor)
{
	struct bench_source *source = &plane->sources[number];
	if (descriptor < 0)
		return 0;
	*source = (struct bench_source){.plane = plane, .number = number};
	int failed = uv_poll_init(plane->config.loop, &source->poll, descriptor);
	if (failed)
		return failed;
	source->poll.data = source;
	source->open = true;
	plane->handles_open++;
	return uv_poll_start(&source->poll, UV_READABLE, on_readable);
}

static int open_handles(struct dataplane *plane)
{
	int descriptors[OUTER_SOURCES_MAX], failed = 0;
	size_t count = outer_sources(plane->outer, descriptors);
	uv_prepare_init(plane->config.loop, &plane->prepare);
	uv_timer_init(plane->config.loop, &plane->timer);
	plane->prepare.data = plane->timer.data = plane;
	plane->handles_open = 2;
	uv_prepare_start(&plane->prepare, plane_prepare);
	for (unsigned i = 0; i < count && !failed; i++)
		failed = watch(plane, i, descriptors[i]);
	return failed;
}

static void handle_closed(struct dataplane *plane)
{
	if (--plane->handles_open == 0)
		release(plane);
}

static void on_source_closed(uv_handle_t *handle)
{
	struct bench_source *source = handle->data;
	handle_closed(source->plane);
}

static void on_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void plane_close(struct dataplane *plane)
{
	dataplane_paths_close(plane->paths);
	for (unsigned i = 0; i < OUTER_SOURCES_MAX; i++)
		if (plane->sources[i].open)
			uv_close((uv_handle_t *)&plane->sources[i].poll, on_source_closed);
	uv_close((uv_handle_t *)&plane->prepare, on_closed);
	uv_close((uv_handle_t *)&plane->timer, on_closed);
}

static int open_outer(struct dataplane *plane, char error[256])
{
	const struct dataplane_config *config = &plane->config;
	int failed = outer_choose(&plane->choice, config->outer, config->programs, &config->local,
		&config->peer, config->no_programs, error);
	struct outer_config outer = {.workers = 1,
		.local = config->local,
		.ttl = TTL,
		.dont_fragment = config->dont_fragment,
		.choice = &plane->choice,
		.programs = config->programs};
	return failed ? failed : outer_open(&plane->outer, &outer, error);
}

static int open_paths(struct dataplane *plane, char error[256])
{
	struct dataplane_paths_config config = {.loop = plane->config.loop,
		.sessions_max = plane->config.sessions_max,
		.tell_path = plane_path,
		.tell_session = plane_session_path,
		.context = plane};
	return dataplane_paths_open(&plane->paths, &config, error);
}

int plane_open(struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	struct dataplane *plane = calloc(1, sizeof *plane);
	error[0] = '\0';
	if (!plane) {
		snprintf(error, 256, "Out of memory");
		return -ENOMEM;
	}
	plane->config = *config;
	plane->timer_at = NEVER;
	int failed = open_outer(plane, error);
	if (!failed)
		failed = make_tables(plane);
	if (failed) {
		if (!error[0])
			snprintf(error, 256, "Couldn't start %u sessions: %s", config->sessions_max,
				strerror(-failed));
		release(plane);
		return failed;
	}
	failed = open_handles(plane);
	if (failed)
		snprintf(error, 256, "Couldn't watch the outer link: %s", uv_strerror(failed));
	else
		failed = open_paths(plane, error);
	if (failed) {
		plane_close(plane);
		return failed;
	}
	*dataplane = plane;
	return 0;
}
