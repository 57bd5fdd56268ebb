/* The worker's thread: one epoll loop over raw sockets, TUNs and an eventfd.
 *
 * Level-triggered, at most one batch from each source a round, so no source can keep another
 * waiting longer than the batches of the others. Between rounds it sleeps until the nearest
 * deadline of a session; it never polls. Counters are published at most every 20 ms, and only
 * those of sessions something happened to, so 10,000 idle sessions cost nothing.
 *
 * The thread takes its capabilities from the thread that starts it, so privileges are dropped
 * before; it needs none of its own once the sockets are open. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "subject.h"
#include "worker.h"

enum {
	COMMAND_RING = 1 << 20,
	EVENT_RING = 4 << 20,
	EVENTS_AT_ONCE = 256,
	PREFIXES_PER_SESSION = 4, /* its addresses of both families, and routes behind it */
};

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

static void unmap(void *at, size_t size)
{
	if (at)
		munmap(at, size);
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	ssize_t written = write(w->wake, &one, sizeof(one));
	(void)written; /* full means: awake already */
}

static void tell(struct worker *w)
{
	uint64_t one = 1;
	ssize_t written = write(w->told, &one, sizeof(one));
	(void)written;
	w->told_something = false;
}

struct slot *worker_slot(struct worker *w, uint32_t subject)
{
	uint32_t index = subject_index(subject);
	if (subject == 0 || index >= w->slot_count || w->slots[index].subject != subject)
		return NULL;
	return &w->slots[index];
}

static uint32_t place_of(struct worker *w, struct slot *slot)
{
	return (uint32_t)(slot - w->slots) + 1;
}

void worker_touch(struct worker *w, struct slot *slot)
{
	if (slot->touched)
		return;
	slot->touched = true;
	slot->next_touched = w->touched;
	w->touched = place_of(w, slot);
}

static bool tell_event(struct worker *w, enum dataplane_event_kind kind, uint32_t subject,
	uint32_t epoch, const void *bytes, uint32_t length)
{
	struct worker_event *event = ring_reserve(&w->events, sizeof(*event) + length);
	if (!event)
		return false;
	*event = (struct worker_event){.kind = kind, .subject = subject, .epoch = epoch};
	if (length)
		memcpy(event + 1, bytes, length);
	ring_commit(&w->events, sizeof(*event) + length);
	w->told_something = true;
	return true;
}

bool worker_tell_frame(struct worker *w, struct slot *slot, const uint8_t *frame, uint32_t length)
{
	_Atomic uint32_t *queued = &w->published[slot - w->slots].queued;
	if (atomic_load_explicit(queued, memory_order_relaxed) >= RING_FRAME_QUOTA)
		return false;
	/* Counted first: the control thread may read the frame, and count it off, at once. */
	atomic_fetch_add_explicit(queued, 1, memory_order_relaxed);
	if (tell_event(w, DATAPLANE_CONTROL, slot->subject, slot->dp.epoch, frame, length))
		return true;
	atomic_fetch_sub_explicit(queued, 1, memory_order_relaxed);
	return false;
}

static bool tell_slot(struct worker *w, struct slot *slot)
{
	if (slot->tell_keys &&
		!tell_event(w, DATAPLANE_KEYS_DIFFER, slot->tell_keys, slot->dp.epoch, NULL, 0))
		return false;
	slot->tell_keys = 0;
	if (slot->tell_detached && !tell_event(w, DATAPLANE_DETACHED, slot->tell_detached, 0,
					   &slot->dp.counters, sizeof(slot->dp.counters)))
		return false;
	slot->tell_detached = 0;
	return true;
}

/* Events that must not be lost wait in a list for room; they go out at the end of the round. */
void worker_tell_later(struct worker *w, struct slot *slot)
{
	if (slot->telling)
		return;
	slot->telling = true;
	slot->next_telling = w->telling;
	w->telling = place_of(w, slot);
}

static void tell_waiting(struct worker *w)
{
	while (w->telling) {
		struct slot *slot = &w->slots[w->telling - 1];
		if (!tell_slot(w, slot))
			return; /* the control thread wakes us when it made room */
		w->telling = slot->next_telling;
		slot->telling = false;
	}
}

static void look_at_keys(struct worker *w, struct slot *slot)
{
	if (slot->dp.suspicious == 0)
		slot->keys_told = false;
	if (slot->dp.suspicious <= KEYS_DIFFER_RUN || slot->keys_told)
		return;
	slot->keys_told = true;
	slot->tell_keys = slot->subject;
	worker_tell_later(w, slot);
}

void worker_settle(struct worker *w)
{
	while (w->touched) {
		struct slot *slot = &w->slots[w->touched - 1];
		w->touched = slot->next_touched;
		slot->touched = false;
		if (!slot->subject)
			continue;
		heap_set(&w->deadlines, (uint32_t)(slot - w->slots), datapath_deadline(&slot->dp));
		look_at_keys(w, slot);
		uint64_t moved = slot->dp.counters.rx_packets + slot->dp.counters.tx_packets;
		if (moved != slot->moved)
			slot->last_active = w->now;
		slot->moved = moved;
		if (slot->dirty)
			continue;
		slot->dirty = true;
		slot->next_dirty = w->dirty;
		w->dirty = place_of(w, slot);
	}
	if (w->publish_at == NEVER)
		w->publish_at = w->now + WORKER_PUBLISH_US;
}

static void publish_drops(struct worker *w)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		uint32_t fresh = w->engine.drops[i] - w->drops_seen[i];
		if (fresh)
			atomic_fetch_add_explicit(&w->drops[i], fresh, memory_order_relaxed);
		w->drops_seen[i] = w->engine.drops[i];
	}
}

static void publish(struct worker *w)
{
	while (w->dirty) {
		struct slot *slot = &w->slots[w->dirty - 1];
		w->dirty = slot->next_dirty;
		slot->dirty = false;
		if (!slot->subject)
			continue;
		struct dataplane_statistics statistics = {
			.counters = slot->dp.counters,
			.last_received = slot->dp.last_received,
			.last_active = slot->last_active,
		};
		published_write(&w->published[slot - w->slots], slot->subject, &statistics);
	}
	publish_drops(w);
	w->publish_at = NEVER;
}

static void run_deadlines(struct worker *w)
{
	while (heap_nearest(&w->deadlines) <= w->now) {
		uint32_t index = w->deadlines.entries[0].slot;
		struct slot *slot = &w->slots[index];
		traffic_tick(w, slot);
		/* A deadline still in the past would spin: look again in a millisecond. */
		if (datapath_deadline(&slot->dp) <= w->now)
			heap_set(&w->deadlines, index, w->now + MS(1));
	}
}

static int wait_events(struct worker *w, struct epoll_event *events)
{
	uint64_t until = heap_nearest(&w->deadlines);
	if (w->publish_at < until)
		until = w->publish_at;
	uint64_t now = clock_now();
	uint64_t wait = until == NEVER ? NEVER : until > now ? until - now : 0;
	if (!w->no_pwait2) {
		struct timespec ts = {(time_t)(wait / 1000000), (long)(wait % 1000000) * 1000};
		int count = epoll_pwait2(
			w->poll, events, EVENTS_AT_ONCE, wait == NEVER ? NULL : &ts, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		w->no_pwait2 = true;
	}
	uint64_t ms = (wait + 999) / 1000;
	int timeout = wait == NEVER ? -1 : ms > 60000 ? 60000 : (int)ms;
	return epoll_wait(w->poll, events, EVENTS_AT_ONCE, timeout);
}

/* A TUN that was removed under us must not make epoll return for ever. */
static void from_tun(struct worker *w, int tun, struct slot *owner)
{
	if (!traffic_from_tun(w, tun, owner))
		epoll_ctl(w->poll, EPOLL_CTL_DEL, tun, NULL);
}

static void source_ready(struct worker *w, uint64_t source)
{
	uint64_t count;
	switch ((enum worker_source)(source < WORKER_SOURCE_SLOT ? source : WORKER_SOURCE_SLOT)) {
	case WORKER_SOURCE_WAKE:
		if (read(w->wake, &count, sizeof(count)) > 0)
			requests_run(w);
		break;
	case WORKER_SOURCE_GRE4:
		traffic_from_gre(w, &w->gre4);
		break;
	case WORKER_SOURCE_GRE6:
		traffic_from_gre(w, &w->gre6);
		break;
	case WORKER_SOURCE_TUN:
		from_tun(w, w->tun, NULL);
		break;
	case WORKER_SOURCE_SLOT: {
		struct slot *slot = &w->slots[source - WORKER_SOURCE_SLOT];
		if (slot->subject && slot->tun >= 0) /* not detached in this very round */
			from_tun(w, slot->tun, slot);
		break;
	}
	}
}

static void *worker_main(void *context)
{
	struct worker *w = context;
	struct epoll_event events[EVENTS_AT_ONCE];
	while (!atomic_load_explicit(&w->stopping, memory_order_acquire)) {
		int count = wait_events(w, events);
		w->now = clock_now();
		for (int i = 0; i < count; i++)
			source_ready(w, events[i].data.u64);
		run_deadlines(w);
		if (w->publish_at <= w->now)
			publish(w);
		tell_waiting(w);
		if (w->told_something)
			tell(w);
	}
	return NULL;
}

static int watch(struct worker *w, int fd, uint64_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source};
	return epoll_ctl(w->poll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_sockets(struct worker *w, const struct worker_config *config, char error[256])
{
	char ignored[256];
	struct address any = {.family = 0};
	bool only6 = config->local.family == 6;
	w->gre4.fd = w->gre6.fd = -1;
	int failed =
		only6 ? 0 : gre_socket_open(&w->gre4, 4, &config->local, w->number, WORKERS, error);
	if (failed)
		return failed;
	if (config->local.family == 4)
		return 0;
	/* A host without IPv6 is no fault unless IPv6 was asked for. */
	failed = gre_socket_open(&w->gre6, 6, only6 ? &config->local : &any, w->number, WORKERS,
		only6 ? error : ignored);
	return only6 ? failed : 0;
}

static int map_memory(struct worker *w)
{
	uint32_t slots = w->slot_count;
	w->node_count = slots * PREFIXES_PER_SESSION;
	w->bucket_count = 1;
	while (w->bucket_count < w->node_count)
		w->bucket_count *= 2;
	w->slots = map(slots * sizeof(*w->slots));
	w->published = map(slots * sizeof(*w->published));
	w->call_ids = map(CALL_IDS * sizeof(*w->call_ids));
	w->held = map(HELD_PACKETS_TOTAL * sizeof(*w->held));
	w->nodes = map(w->node_count * sizeof(*w->nodes));
	w->buckets = map(w->bucket_count * sizeof(*w->buckets));
	w->out = map(WORKER_DEPTH * sizeof(*w->out));
	w->tun_buffers = map(BATCH_MAX * sizeof(*w->tun_buffers));
	if (!w->slots || !w->published || !w->call_ids || !w->held || !w->nodes || !w->buckets ||
		!w->out || !w->tun_buffers)
		return -ENOMEM;
	int failed = heap_init(&w->deadlines, slots);
	if (!failed)
		failed = ring_init(&w->commands, COMMAND_RING);
	if (!failed)
		failed = ring_init(&w->events, EVENT_RING);
	return failed;
}

static int init_engine(struct worker *w)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	for (unsigned depth = 0; depth < WORKER_DEPTH; depth++) {
		struct worker_out *out = &w->out[depth];
		out->list = (struct packet_list){.at = out->packets, .max = WORKER_OUT_MAX};
		for (unsigned i = 0; i < WORKER_OUT_MAX; i++)
			out->packets[i] =
				(struct packet){.bytes = out->buffers[i], .capacity = OUTER_MAX};
	}
	prefix_table_init(&w->prefixes, w->nodes, w->node_count, w->buckets, w->bucket_count, seed);
	hold_pool_init(&w->pool, w->held, HELD_PACKETS_TOTAL);
	w->engine.mppe = mppe_engine_best();
	w->engine.pool = &w->pool;
	w->engine.prefixes = w->server ? &w->prefixes : NULL;
	return 0;
}

static int watch_all(struct worker *w)
{
	w->poll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->poll < 0 || w->wake < 0)
		return -errno;
	int failed = watch(w, w->wake, WORKER_SOURCE_WAKE);
	if (!failed && w->gre4.fd >= 0)
		failed = watch(w, w->gre4.fd, WORKER_SOURCE_GRE4);
	if (!failed && w->gre6.fd >= 0)
		failed = watch(w, w->gre6.fd, WORKER_SOURCE_GRE6);
	if (!failed && w->tun >= 0)
		failed = watch(w, w->tun, WORKER_SOURCE_TUN);
	return failed;
}

/* Signals belong to the control thread. */
static int start_thread(struct worker *w)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = -pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		pthread_setname_np(w->thread, "gre-worker");
	return failed;
}

static void release_slot(struct worker *w, struct slot *slot)
{
	if (!slot->subject)
		return;
	if (slot->tun >= 0)
		reaper_close(w->reaper, slot->tun);
	explicit_bzero(slot, sizeof(*slot));
}

static void release(struct worker *w)
{
	for (uint32_t i = 0; w->slots && i < w->slot_count; i++)
		release_slot(w, &w->slots[i]);
	gre_socket_close(&w->gre4);
	gre_socket_close(&w->gre6);
	if (w->poll >= 0)
		close(w->poll);
	if (w->wake >= 0)
		close(w->wake);
	ring_free(&w->commands);
	ring_free(&w->events);
	heap_free(&w->deadlines);
	unmap(w->slots, w->slot_count * sizeof(*w->slots));
	unmap(w->published, w->slot_count * sizeof(*w->published));
	unmap(w->call_ids, CALL_IDS * sizeof(*w->call_ids));
	unmap(w->held, HELD_PACKETS_TOTAL * sizeof(*w->held));
	unmap(w->nodes, w->node_count * sizeof(*w->nodes));
	unmap(w->buckets, w->bucket_count * sizeof(*w->buckets));
	unmap(w->out, WORKER_DEPTH * sizeof(*w->out));
	unmap(w->tun_buffers, BATCH_MAX * sizeof(*w->tun_buffers));
	pthread_mutex_destroy(&w->tap_lock);
}

int worker_start(struct worker *w, const struct worker_config *config, char error[256])
{
	memset(w, 0, sizeof(*w));
	w->number = config->number;
	w->server = config->server;
	w->slot_count = config->sessions_max;
	w->tun = config->tun;
	w->told = config->told;
	w->reaper = config->reaper;
	w->poll = w->wake = -1;
	w->publish_at = NEVER;
	pthread_mutex_init(&w->tap_lock, NULL);
	error[0] = '\0';
	int failed = open_sockets(w, config, error);
	if (!failed)
		failed = map_memory(w);
	if (!failed)
		failed = init_engine(w);
	if (!failed)
		failed = watch_all(w);
	if (!failed)
		failed = start_thread(w);
	if (!failed)
		return 0;
	if (!error[0])
		snprintf(error, 256, "Couldn't start the data plane for %u sessions: %s",
			config->sessions_max, strerror(-failed));
	release(w);
	return failed;
}

void worker_stop(struct worker *w)
{
	atomic_store_explicit(&w->stopping, true, memory_order_release);
	worker_wake(w);
	pthread_join(w->thread, NULL);
	release(w);
}
