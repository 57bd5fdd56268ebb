/* The worker's thread: rounds over raw sockets, TUNs, other workers' packets and an eventfd.
 *
 * A round takes at most one batch from each source, in an order that lets control go ahead of data:
 * commands, the sockets of control frames (told at once), deadlines, packets other workers have
 * read (they are older than what is still in our own queues), and only then data. So a flood of
 * data delays a command or a control frame by one round, a few hundred packets, however long it
 * lasts; what cannot be processed stays in the kernel's queues, which drop it for nothing.
 *
 * Between rounds the thread sleeps until the nearest deadline of a session. Before that it makes
 * keys ahead for the sessions that moved data last, a few microseconds' worth between two looks at
 * the sources, until there are enough; an idle machine sleeps. */
#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bundle_link.h"
#include "clock.h"
#include "worker.h"

enum {
	OUTER_CONTROL_SOURCES = 2, /* of outer_sources(): the first ones */
	TUNS_AT_ONCE = 16,         /* sessions' own interfaces read in a round */
	TICKS_AT_ONCE = 4 * BATCH_MAX,
	KEYS_BETWEEN_LOOKS = 4, /* calls of datapath_idle(), some 5 us */
};

struct slot *worker_slot(struct worker *w, uint32_t subject)
{
	uint32_t index = subject_index(subject);
	if (subject == 0 || index >= w->all->slot_count)
		return NULL;
	struct slot *slot = &w->all->slots[index];
	return slot_subject(slot) == subject ? slot : NULL;
}

void worker_touch(struct worker *w, struct slot *slot)
{
	if (slot->touched)
		return;
	slot->touched = true;
	slot->next_touched = w->touched;
	w->touched = slot_index(w, slot) + 1;
}

static void announce(struct worker *w)
{
	while (w->announcing) {
		unsigned to = (unsigned)__builtin_ctz(w->announcing);
		w->announcing &= w->announcing - 1;
		doorbell_ring(&w->all->at[to].bell, w->number);
	}
}

/* One that is still in the past after its tick would spin: it is looked at in a millisecond. */
static void set_deadline(struct worker *w, struct slot *slot)
{
	uint64_t deadline = datapath_deadline(&slot->dp);
	if (slot->line && line_deadline(slot->line) < deadline)
		deadline = line_deadline(slot->line);
	if (w->ticking && deadline <= w->now)
		deadline = w->now + MS(1);
	heap_set(&w->deadlines, slot_index(w, slot), deadline);
}

void worker_settle(struct worker *w)
{
	w->idle_work |= w->touched != 0;
	while (w->touched) {
		struct slot *slot = &w->all->slots[w->touched - 1];
		w->touched = slot->next_touched;
		slot->touched = false;
		if (!slot_subject(slot))
			continue;
		if (bundle_is_link(&slot->dp)) /* whose fragments may wait for another */
			worker_touch(w, slot_of(slot->dp.bundle->own));
		set_deadline(w, slot);
		tell_changed(w, slot);
	}
	if (w->publish_at == NEVER) /* drops of nobody's session */
		w->publish_at = w->now + WORKER_PUBLISH_US;
	announce(w);
}

static void run_deadlines(struct worker *w)
{
	if (heap_nearest(&w->deadlines) > w->now)
		return;
	w->ticking = true;
	traffic_begin(w);
	for (unsigned n = 0; n < TICKS_AT_ONCE && heap_nearest(&w->deadlines) <= w->now; n++) {
		struct slot *slot = &w->all->slots[w->deadlines.entries[0].slot];
		traffic_tick(w, slot);
		set_deadline(w, slot);
	}
	traffic_flush(w);
	w->ticking = false;
}

/* The few TUNs of a client are sources of their own; a server's thousands share one. */
static bool is_source(const struct worker *w)
{
	return w->all->slot_count <= WORKER_SOURCES - WORKER_SOURCE_OWN;
}

void worker_watch_tun(struct worker *w, struct slot *slot)
{
	uint32_t index = slot_index(w, slot);
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u32 = is_source(w) ? WORKER_SOURCE_OWN + index : index,
	};
	epoll_ctl(is_source(w) ? w->poll : w->tuns, EPOLL_CTL_ADD, slot->tun.fd, &event);
}

void worker_unwatch_tun(struct worker *w, struct slot *slot)
{
	epoll_ctl(is_source(w) ? w->poll : w->tuns, EPOLL_CTL_DEL, slot->tun.fd, NULL);
}

/* A TUN that was removed under us must not make epoll return for ever. */
static void from_own(struct worker *w, uint32_t index)
{
	struct slot *slot = &w->all->slots[index];
	if (slot->tun.fd < 0 || traffic_from_tun(w, &slot->tun, slot))
		return;
	worker_unwatch_tun(w, slot);
	tell_tun_gone(w, slot);
}

/* Both descriptors of a line may be one. Whoever waits to write looks for that, too. */
static bool watch_line(struct worker *w, const struct slot *slot, int how)
{
	int in = line_input(slot->line), out = line_output(slot->line);
	bool waits = line_waits(slot->line);
	uint32_t writes = waits ? (uint32_t)EPOLLOUT : 0;
	struct epoll_event event = {
		.events = EPOLLIN | (in == out ? writes : 0),
		.data.u32 = slot_index(w, slot),
	};
	if (epoll_ctl(w->lines, how, in, &event) < 0)
		return false;
	event.events = writes;
	return in == out || epoll_ctl(w->lines, how, out, &event) == 0;
}

bool worker_watch_line(struct worker *w, struct slot *slot)
{
	return watch_line(w, slot, EPOLL_CTL_ADD) || watch_line(w, slot, EPOLL_CTL_MOD);
}

void worker_unwatch_line(struct worker *w, struct slot *slot)
{
	epoll_ctl(w->lines, EPOLL_CTL_DEL, line_input(slot->line), NULL);
	epoll_ctl(w->lines, EPOLL_CTL_DEL, line_output(slot->line), NULL);
}

static void from_shared(struct worker *w)
{
	if (traffic_from_tun(w, &w->tun, NULL))
		return;
	epoll_ctl(w->poll, EPOLL_CTL_DEL, w->tun.fd, NULL);
	tell_tun_gone(w, NULL);
}

static void from_tuns(struct worker *w)
{
	struct epoll_event events[TUNS_AT_ONCE];
	int count = epoll_wait(w->tuns, events, TUNS_AT_ONCE, 0);
	for (int i = 0; i < count; i++)
		from_own(w, events[i].data.u32);
}

static void from_lines(struct worker *w)
{
	struct epoll_event events[TUNS_AT_ONCE];
	int count = epoll_wait(w->lines, events, TUNS_AT_ONCE, 0);
	for (int i = 0; i < count; i++) {
		struct slot *slot = &w->all->slots[events[i].data.u32];
		if (slot->line)
			traffic_from_line(w, slot);
	}
}

static bool is_ready(uint32_t ready, unsigned source)
{
	return ready >> source & 1;
}

static void from_outer(struct worker *w, uint32_t ready, size_t first, size_t end)
{
	for (size_t source = first; source < end; source++)
		if (is_ready(ready, WORKER_SOURCE_OUTER + (unsigned)source))
			traffic_from_outer(w, (unsigned)source);
}

static void run_round(struct worker *w, uint32_t ready)
{
	if (is_ready(ready, WORKER_SOURCE_WAKE))
		doorbell_silence(&w->bell);
	/* Answered before anything is looked at: who rings from here on is heard next time. */
	w->inbox_from |= doorbell_answer(&w->bell) & ~(1u << WORKER_CONTROL);
	requests_run(w);
	from_outer(w, ready, 0, OUTER_CONTROL_SOURCES);
	if (w->told_something)
		tell_all(w);
	run_deadlines(w);
	traffic_from_workers(w);
	from_outer(w, ready, OUTER_CONTROL_SOURCES, w->outer_sources);
	if (is_ready(ready, WORKER_SOURCE_LINES))
		from_lines(w);
	if (is_ready(ready, WORKER_SOURCE_TUN))
		from_shared(w);
	if (is_ready(ready, WORKER_SOURCE_TUNS))
		from_tuns(w);
	for (uint32_t own = ready >> WORKER_SOURCE_OWN; own; own &= own - 1)
		from_own(w, (uint32_t)__builtin_ctz(own));
	tell_all(w);
}

/* `wait` in microseconds, or NEVER. */
static int poll_sources(struct worker *w, struct epoll_event *events, uint64_t wait)
{
	if (wait && !w->no_pwait2) {
		struct timespec ts = {(time_t)(wait / 1000000), (long)(wait % 1000000) * 1000};
		int count = epoll_pwait2(
			w->poll, events, WORKER_SOURCES, wait == NEVER ? NULL : &ts, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		w->no_pwait2 = true;
	}
	uint64_t ms = (wait + 999) / 1000;
	int timeout = wait == NEVER ? -1 : ms > 60000 ? 60000 : (int)ms;
	return epoll_wait(w->poll, events, WORKER_SOURCES, timeout);
}

/* How long there is nothing to do unless something arrives. */
static uint64_t may_wait(struct worker *w)
{
	uint64_t until = heap_nearest(&w->deadlines), now = clock_now();
	if (w->inbox_from || now < w->busy_until)
		return 0;
	if (w->publish_at < until)
		until = w->publish_at;
	return until == NEVER ? NEVER : until > now ? until - now : 0;
}

/* Asleep, a worker is no reader of the prefix table: nobody waits for it. */
static int sleep_on(struct worker *w, struct epoll_event *events, uint64_t wait)
{
	if (!wait || !doorbell_sleep(&w->bell))
		return poll_sources(w, events, 0);
	if (w->reader >= 0)
		prefix_reader_offline(&w->all->routing.table, w->reader);
	int count = poll_sources(w, events, wait);
	if (w->reader >= 0)
		prefix_reader_online(&w->all->routing.table, w->reader);
	doorbell_wake(&w->bell);
	return count;
}

/* Makes keys until something arrives, or there are enough. */
static int work_ahead(struct worker *w, struct epoll_event *events)
{
	int count;
	while (!(count = poll_sources(w, events, 0)) && w->idle_work && !doorbell_rung(&w->bell))
		for (unsigned n = 0; n < KEYS_BETWEEN_LOOKS && w->idle_work; n++)
			w->idle_work = datapath_idle(&w->engine);
	return count;
}

static uint32_t wait_ready(struct worker *w)
{
	struct epoll_event events[WORKER_SOURCES];
	uint32_t ready = 0;
	if (w->reader >= 0)
		prefix_reader_quiescent(&w->all->routing.table, w->reader);
	int count = w->idle_work ? work_ahead(w, events) : 0;
	if (count <= 0)
		count = sleep_on(w, events, may_wait(w));
	for (int i = 0; i < count; i++)
		ready |= 1u << events[i].data.u32;
	return ready;
}

void worker_main(struct worker *w)
{
	if (w->reader >= 0)
		prefix_reader_online(&w->all->routing.table, w->reader);
	while (!atomic_load_explicit(&w->stopping, memory_order_acquire)) {
		uint32_t ready = wait_ready(w);
		w->now = clock_now();
		if (ready)
			w->busy_until = w->now + w->all->busy_poll;
		run_round(w, ready);
	}
}
