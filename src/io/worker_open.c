/* Making and unmaking a worker: its sockets, its memory, its thread.
 *
 * Memory is mapped for the most there can be and becomes resident as it is used. The thread takes
 * its capabilities from the thread that starts it, so privileges are dropped before; it needs none
 * of its own once the sockets are open. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "memory.h"
#include "worker.h"

enum {
	/* Half of each stays resident. Commands that find no room wait in a backlog; events have
	 * room for a control frame of each of ten thousand sessions at once. */
	COMMAND_RING = 256 << 10,
	EVENT_RING = 512 << 10,
};

static int open_outer(struct worker *w, const struct outer_config *shared, char error[256])
{
	struct outer_config config = *shared;
	config.worker = w->number;
	config.workers = w->all->count;
	return outer_open(&w->outer, &config, error);
}

static int map_memory(struct worker *w)
{
	w->held = memory_map(HELD_PACKETS_TOTAL * sizeof(*w->held));
	w->out = memory_map(WORKER_DEPTH * sizeof(*w->out));
	w->tun_batch.arena = memory_map(TUN_ARENA_SIZE);
	w->line_batch = memory_map(sizeof(*w->line_batch));
	w->coalescer = memory_map(sizeof(*w->coalescer));
	w->engine.keys = memory_map(sizeof(*w->engine.keys));
	if (!w->held || !w->out || !w->tun_batch.arena || !w->line_batch || !w->coalescer ||
		!w->engine.keys)
		return -ENOMEM;
	int failed = heap_init(&w->deadlines, w->all->slot_count);
	if (!failed)
		failed = ring_init(&w->commands, COMMAND_RING);
	if (!failed)
		failed = ring_init(&w->events, EVENT_RING);
	if (!failed)
		failed = handoff_init(&w->inbox, w->number, w->all->count);
	return failed;
}

static void init_engine(struct worker *w)
{
	for (unsigned depth = 0; depth < WORKER_DEPTH; depth++) {
		struct worker_out *out = &w->out[depth];
		out->list = (struct packet_list){.at = out->packets, .max = WORKER_OUT_MAX};
		for (unsigned i = 0; i < WORKER_OUT_MAX; i++)
			out->packets[i] =
				(struct packet){.bytes = out->buffers[i], .capacity = OUTER_MAX};
	}
	hold_pool_init(&w->pool, w->held, HELD_PACKETS_TOTAL);
	w->engine.mppe = mppe_engine_best();
	w->engine.pool = &w->pool;
	if (!w->all->server)
		return;
	w->engine.prefixes = &w->all->routing.table;
	w->reader = prefix_reader_add(&w->all->routing.table);
}

static int watch(struct worker *w, int fd, uint32_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};
	return fd >= 0 && epoll_ctl(w->poll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct worker *w)
{
	int outer[OUTER_SOURCES_MAX];
	w->poll = epoll_create1(EPOLL_CLOEXEC);
	w->tuns = epoll_create1(EPOLL_CLOEXEC);
	w->lines = epoll_create1(EPOLL_CLOEXEC);
	if (w->poll < 0 || w->tuns < 0 || w->lines < 0)
		return -errno;
	int failed = doorbell_init(&w->bell);
	if (!failed)
		failed = watch(w, w->bell.fd, WORKER_SOURCE_WAKE);
	if (!failed)
		failed = watch(w, w->tuns, WORKER_SOURCE_TUNS);
	if (!failed)
		failed = watch(w, w->lines, WORKER_SOURCE_LINES);
	if (!failed)
		failed = watch(w, w->tun.fd, WORKER_SOURCE_TUN);
	w->outer_sources = outer_sources(w->outer, outer);
	for (size_t n = 0; n < w->outer_sources && !failed; n++)
		failed = watch(w, outer[n], WORKER_SOURCE_OUTER + (uint32_t)n);
	return failed;
}

int worker_open(struct worker *w, const struct worker_config *config, char error[256])
{
	memset(w, 0, sizeof(*w));
	w->number = config->number;
	w->all = config->all;
	tun_queue_adopt(&w->tun, config->tun);
	w->poll = w->tuns = w->lines = w->bell.fd = w->reader = -1;
	w->publish_at = NEVER;
	int failed = open_outer(w, config->outer, error);
	if (!failed)
		failed = map_memory(w);
	if (failed)
		return failed;
	init_engine(w);
	return watch_all(w);
}

static void *thread_main(void *context)
{
	worker_main(context);
	return NULL;
}

int worker_run(struct worker *w)
{
	char name[16];
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the control thread */
	int failed = -pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return failed;
	snprintf(name, sizeof(name), "gre-worker/%u", w->number);
	pthread_setname_np(w->thread, name);
	w->running = true;
	return 0;
}

void worker_join(struct worker *w)
{
	if (!w->running)
		return;
	atomic_store_explicit(&w->stopping, true, memory_order_release);
	doorbell_ring(&w->bell, WORKER_CONTROL);
	pthread_join(w->thread, NULL);
	w->running = false;
}

/* Commands that were not executed any more. */
static void drop_commands(struct worker *w)
{
	const struct worker_request *request;
	uint32_t length;
	while (w->commands.bytes && (request = ring_peek(&w->commands, &length))) {
		if (request->kind == WORKER_INTERFACE)
			close(request->tun.fd);
		if (request->kind == WORKER_LINE)
			line_close(request->line);
		if (request->kind == WORKER_COMMAND)
			layer_memory_free(&w->all->layer_budget, request->command.memory);
		ring_release(&w->commands);
	}
}

void worker_close(struct worker *w)
{
	drop_commands(w);
	outer_close(w->outer);
	doorbell_free(&w->bell);
	if (w->poll >= 0)
		close(w->poll);
	if (w->tuns >= 0)
		close(w->tuns);
	if (w->lines >= 0)
		close(w->lines);
	ring_free(&w->commands);
	ring_free(&w->events);
	handoff_free(&w->inbox);
	heap_free(&w->deadlines);
	memory_unmap(w->held, HELD_PACKETS_TOTAL * sizeof(*w->held));
	memory_unmap(w->out, WORKER_DEPTH * sizeof(*w->out));
	memory_unmap(w->tun_batch.arena, TUN_ARENA_SIZE);
	memory_unmap(w->line_batch, sizeof(*w->line_batch));
	memory_unmap(w->coalescer, sizeof(*w->coalescer));
	if (w->engine.keys)
		explicit_bzero(w->engine.keys, sizeof(*w->engine.keys));
	memory_unmap(w->engine.keys, sizeof(*w->engine.keys));
}
