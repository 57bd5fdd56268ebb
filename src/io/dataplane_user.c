/* The user-space data plane: raw GRE and TUN in worker threads. This file is its half on the
 * control thread.
 *
 * Commands go into the worker's ring. When it is full they wait in a list here, in order, until
 * the worker says that it made room: a command is never lost and never overtakes another. Events
 * come back through a ring; a worker wakes the loop only when that sleeps.
 *
 * The prefix table is written here: a session's addresses lead to it from the command that brings
 * its network protocol up to the one that takes it down.
 *
 * Each slot remembers which generation is attached, so commands for one that has passed end here,
 * and a DETACH that finds nothing attached is still answered. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backlog.h"
#include "bundle_link.h"
#include "dataplane_paths.h"
#include "netlink.h"
#include "serial.h"
#include "subject.h"
#include "tun.h"
#include "worker.h"

enum {
	EVENTS_AT_ONCE = 1024,
	TOLD_BY_SELF = DOORBELL_RINGERS - 1,
	NAT_OPEN_TRIES = 100, /* of a millisecond each */
};

static_assert((int)WORKERS_MAX <= (int)TOLD_BY_SELF, "everybody has a number to ring with");

struct attachment {
	uint32_t subject; /* 0: none */
	bool detaching;
	bool moving; /* to worker `target`: commands wait in `movers` */
	uint8_t target;
	bool no_call; /* a bundle, or on a line: `call_id` says where, and is not its own */
	uint16_t call_id;
	struct routing_hosts hosts; /* what leads to it */
};

struct dataplane {
	struct dataplane_config config;
	uv_poll_t poll;
	uv_prepare_t prepare;
	uv_check_t check;
	unsigned handles; /* that are not closed yet */
	struct doorbell told;
	int tuns[WORKERS_MAX]; /* queues of the shared one, or -1 */
	bool stopped;
	struct attachment *attached;
	struct backlog backlogs[WORKERS_MAX];
	struct backlog movers;  /* struct worker_request, and a frame: of sessions that move */
	struct backlog answers; /* struct worker_event: what we say without a worker */
	struct workers workers;
	struct outer_choice choice;
	struct dataplane_paths *paths;
};

static bool put(struct worker *worker, const struct worker_request *request, const uint8_t *frame,
	uint32_t length)
{
	struct worker_request *record = ring_reserve(&worker->commands, sizeof(*record) + length);
	if (!record)
		return false;
	*record = *request;
	if (length)
		memcpy(record + 1, frame, length);
	ring_commit(&worker->commands, sizeof(*record) + length);
	return true;
}

static void send_request(struct dataplane *d, unsigned number, const struct worker_request *request,
	const uint8_t *frame, uint32_t length)
{
	struct worker *worker = &d->workers.at[number];
	struct backlog *backlog = &d->backlogs[number];
	bool sent =
		backlog_flush(backlog, &worker->commands) && put(worker, request, frame, length);
	doorbell_ring(&worker->bell, WORKER_CONTROL);
	/* Without memory for a backlog the only honest thing left is to wait for the worker. */
	while (!sent && !backlog_add(backlog, request, sizeof(*request), frame, length)) {
		poll(NULL, 0, 1);
		sent = backlog_flush(backlog, &worker->commands) &&
		       put(worker, request, frame, length);
		doorbell_ring(&worker->bell, WORKER_CONTROL);
	}
}

static struct attachment *attachment_of(struct dataplane *d, uint32_t subject)
{
	struct attachment *a = &d->attached[subject_index(subject)];
	assert(subject_index(subject) < d->config.sessions_max);
	return a->subject == subject ? a : NULL;
}

/* Answers a command that went to no worker, or cannot be done by one. */
static void answer(struct dataplane *d, enum dataplane_event_kind kind, uint32_t subject)
{
	struct worker_event event = {.kind = kind, .subject = subject};
	while (!backlog_add(&d->answers, &event, sizeof(event), NULL, 0))
		poll(NULL, 0, 1);
	doorbell_ring(&d->told, TOLD_BY_SELF);
}

static unsigned owner_of(struct dataplane *d, uint32_t subject)
{
	return workers_place(&d->workers, subject) & PLACE_WORKER;
}

static void set_place(struct dataplane *d, const struct datapath_command *attach)
{
	unsigned place = workers_owner(&d->workers, attach->attach.local_call_id);
	if (attach->attach.client_to_client)
		place |= PLACE_CLIENT_TO_CLIENT;
	atomic_store_explicit(&d->workers.places[subject_index(attach->subject)], (uint8_t)place,
		memory_order_release);
}

/* What leads to a session changes with its network protocols. */
static void route(struct dataplane *d, struct attachment *a, const struct datapath_command *command)
{
	struct routing_hosts hosts = {.host4 = {.family = 0}};
	bool up = command->kind == DATAPATH_NETWORK;
	if (!d->config.server ||
		(!up && command->kind != DATAPATH_EPOCH && command->kind != DATAPATH_DETACH))
		return;
	if (up && command->network.ipv4)
		hosts.host4 = command->network.remote4;
	if (up && command->network.ipv6)
		memcpy(hosts.nets6, command->network.prefixes6, sizeof(hosts.nets6));
	routing_set(&d->workers.routing, &a->hosts, &hosts, command->subject,
		owner_of(d, command->subject));
}

static void give_request(struct dataplane *d, struct attachment *a,
	const struct worker_request *request, const uint8_t *frame, uint32_t length);

/* Of what waits for sessions that moved, all that need not wait any more. */
static void send_waiting(struct dataplane *d)
{
	struct backlog waiting = d->movers;
	if (!waiting.first)
		return;
	backlog_init(&d->movers);
	for (; waiting.first; backlog_drop_first(&waiting)) {
		struct worker_request request;
		memcpy(&request, waiting_bytes(waiting.first), sizeof(request));
		const uint8_t *frame = (const uint8_t *)waiting_bytes(waiting.first);
		struct attachment *a = attachment_of(d, request.command.subject);
		give_request(d, a, &request, frame + sizeof(request),
			waiting.first->length - (uint32_t)sizeof(request));
		explicit_bzero(&request, sizeof(request));
	}
}

/* A link of a bundle goes to the bundle's worker. What is told it meanwhile waits. */
static void move(struct dataplane *d, struct attachment *a, unsigned target)
{
	struct worker_request request = {.kind = WORKER_LEAVE, .command.subject = a->subject};
	a->moving = true;
	a->target = (uint8_t)target;
	send_request(d, owner_of(d, a->subject), &request, NULL, 0);
}

/* Its old worker has let it go. */
static void moved(struct dataplane *d, uint32_t subject)
{
	struct attachment *a = attachment_of(d, subject);
	struct worker_request request = {.kind = WORKER_ENTER, .command.subject = subject};
	assert(a && a->moving);
	_Atomic uint8_t *place = &d->workers.places[subject_index(subject)];
	uint8_t rest = atomic_load_explicit(place, memory_order_relaxed) & (uint8_t)~PLACE_WORKER;
	atomic_store_explicit(place, rest | a->target, memory_order_release);
	if (!a->no_call) {
		atomic_store_explicit(&d->workers.moved[a->call_id], (uint8_t)(a->target + 1),
			memory_order_release);
		atomic_store_explicit(&d->workers.any_moved, true, memory_order_relaxed);
	}
	a->moving = false;
	dataplane_paths_move(d->paths, subject, a->target);
	send_request(d, a->target, &request, NULL, 0);
	send_waiting(d);
}

static void give_request(struct dataplane *d, struct attachment *a,
	const struct worker_request *request, const uint8_t *frame, uint32_t length)
{
	const struct datapath_command *command = &request->command;
	if (request->kind == WORKER_COMMAND && command->kind == DATAPATH_BUNDLE && !a->moving) {
		unsigned target = owner_of(d, command->bundle.subject);
		if (target != owner_of(d, a->subject))
			move(d, a, target);
	}
	if (!a->moving)
		send_request(d, owner_of(d, a->subject), request, frame, length);
	else
		while (!backlog_add(&d->movers, request, sizeof(*request), frame, length))
			poll(NULL, 0, 1);
}

/* The way back through a NAT must be open before the peer is asked for a call: its first packet may
 * come before our thread has woken, and the NAT would take that for the beginning of the flow. */
static void wait_until_open(struct worker *w)
{
	const uint32_t mark = ring_mark(&w->commands);
	for (unsigned tries = 0; tries < NAT_OPEN_TRIES; tries++) {
		uint32_t executed = atomic_load_explicit(&w->executed, memory_order_acquire);
		if (serial_distance(executed, mark) >= 0)
			return;
		poll(NULL, 0, 1);
	}
}

static void user_command(
	struct dataplane *d, const struct datapath_command *command, const uint8_t *frame)
{
	struct worker_request request = {.kind = WORKER_COMMAND, .command = *command};
	struct attachment *a = attachment_of(d, command->subject);
	uint32_t length = 0;
	if (command->kind == DATAPATH_ATTACH) {
		a = &d->attached[subject_index(command->subject)];
		assert(a->subject == 0 && command->subject != 0);
		*a = (struct attachment){
			.subject = command->subject,
			.no_call = command->attach.bundle || command->attach.line,
			.call_id = command->attach.local_call_id,
		};
		set_place(d, command);
	} else if (command->kind == DATAPATH_DETACH) {
		if (!a) {
			answer(d, DATAPLANE_DETACHED, command->subject);
			return;
		}
		if (a->detaching)
			return;
		a->detaching = true;
	} else if (!a || a->detaching) {
		return;
	}
	if (command->kind == DATAPATH_FRAME) {
		length = command->frame.length;
		assert(length <= PPP_FRAME_MAX);
	}
	size_t need = layers_need(command);
	if (need)
		request.command.memory = layer_memory_take(&d->workers.layer_budget, need);
	if (need && !request.command.memory)
		answer(d, DATAPLANE_NO_MEMORY, command->subject);
	give_request(d, a, &request, frame, length);
	explicit_bzero(&request, sizeof(request));
	if (command->kind == DATAPATH_ATTACH && command->attach.nat)
		wait_until_open(&d->workers.at[owner_of(d, command->subject)]);
	route(d, a, command);
	if (command->kind == DATAPATH_ATTACH && !a->no_call && !command->attach.any_peer)
		dataplane_paths_attach(d->paths, command, owner_of(d, command->subject));
}

static void tell_path(void *context, unsigned worker, uint32_t index, const struct path *path)
{
	struct worker_request request = {.kind = WORKER_PATH, .index = index};
	request.path = path ? *path : (struct path){.mtu = 0};
	send_request(context, worker, &request, NULL, 0);
}

static void tell_session(void *context, const struct datapath_command *command)
{
	user_command(context, command, NULL);
}

static int user_interface(struct dataplane *d, uint32_t subject, int tun)
{
	struct attachment *a = attachment_of(d, subject);
	if (!a || a->detaching)
		return -ENOENT;
	struct worker_request request = {.kind = WORKER_INTERFACE, .command.subject = subject};
	tun_queue_adopt(&request.tun, tun);
	atomic_fetch_or_explicit(
		&d->workers.places[subject_index(subject)], PLACE_INTERFACE, memory_order_release);
	give_request(d, a, &request, NULL, 0);
	return 0;
}

static int user_line(struct dataplane *d, uint32_t subject, struct line *line)
{
	struct attachment *a = attachment_of(d, subject);
	if (!a || a->detaching)
		return -ENOENT;
	struct worker_request request = {
		.kind = WORKER_LINE, .command.subject = subject, .line = line};
	give_request(d, a, &request, NULL, 0);
	return 0;
}

static bool user_route(
	struct dataplane *d, uint32_t subject, const struct prefix *network, bool add)
{
	struct prefix_table *table = &d->workers.routing.table;
	const struct attachment *a = attachment_of(d, subject);
	if (!add)
		return prefix_table_remove(table, network, subject);
	return d->config.server && a && !a->detaching &&
	       prefix_table_insert(table, network, subject);
}

static bool user_statistics(
	struct dataplane *d, uint32_t subject, struct dataplane_statistics *statistics)
{
	struct attachment *a = attachment_of(d, subject);
	return a && published_read(&d->workers.published[subject_index(subject)],
			    &d->workers.dropped[subject_index(subject)], subject, statistics);
}

static void user_drops(struct dataplane *d, uint64_t drops[DROP_COUNT])
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		drops[i] = 0;
		for (unsigned n = 0; n < d->workers.count; n++)
			drops[i] += atomic_load_explicit(
				&d->workers.at[n].drops[i], memory_order_relaxed);
	}
}

static void describe_steering(const struct dataplane *d, char *words, size_t size)
{
	if (d->workers.count == 1)
		snprintf(words, size, "not needed");
	else if (!d->config.interface_name)
		snprintf(words, size, "each interface is its session's");
	else if (d->workers.routing.steering)
		snprintf(words, size, "by inner destination (BPF)");
	else
		snprintf(words, size, "by flow, as the kernel learns it from our writes%s%s",
			d->config.no_steering ? ": " : "",
			d->config.no_steering ? d->config.no_steering : "");
}

static void user_describe(struct dataplane *d, struct dataplane_facts *facts)
{
	const struct worker *worker = &d->workers.at[0];
	*facts = (struct dataplane_facts){.workers = d->workers.count};
	snprintf(facts->outer, sizeof(facts->outer), "%s", d->choice.why);
	snprintf(facts->cipher, sizeof(facts->cipher), "%s", worker->engine.mppe->name);
	snprintf(facts->offload, sizeof(facts->offload), "%s",
		d->config.interface_name ? tun_queue_words(&worker->tun)
					 : "each interface its own");
	for (unsigned n = 0; n < d->workers.count; n++)
		facts->handed +=
			atomic_load_explicit(&d->workers.at[n].handed, memory_order_relaxed);
	describe_steering(d, facts->steering, sizeof(facts->steering));
}

static void user_capture(struct dataplane *d, dataplane_tap *tap, void *context)
{
	struct workers *workers = &d->workers;
	pthread_mutex_lock(&workers->tap_lock);
	workers->tap = tap;
	workers->tap_context = context;
	atomic_store_explicit(&workers->tapped, tap != NULL, memory_order_relaxed);
	pthread_mutex_unlock(&workers->tap_lock);
}

/* Now the session has a path. One that is being detached needs none any more. */
static void found(struct dataplane *d, uint32_t subject, const struct worker_addresses *addresses)
{
	const struct attachment *a = attachment_of(d, subject);
	struct datapath_command attach = {
		.subject = subject, .attach = {.local = addresses->local, .peer = addresses->from}};
	if (a && !a->detaching)
		dataplane_paths_attach(d->paths, &attach, owner_of(d, subject));
}

/* Hands one event to the owner. The owner may stop the data plane in it. */
static void give_event(
	struct dataplane *d, const struct worker_event *head, const uint8_t *bytes, size_t length)
{
	struct datapath_counters counters = {.rx_packets = 0};
	struct dataplane_event event = {
		.kind = head->kind,
		.subject = head->subject,
		.epoch = head->epoch,
	};
	if (head->kind == DATAPLANE_CONTROL) {
		event.bytes = bytes;
		event.length = length;
	}
	if (head->kind == DATAPLANE_STRANGER || head->kind == DATAPLANE_PEER_FOUND) {
		struct worker_addresses addresses;
		assert(length == sizeof(addresses));
		memcpy(&addresses, bytes, sizeof(addresses));
		event.from = addresses.from;
		if (head->kind == DATAPLANE_PEER_FOUND)
			found(d, head->subject, &addresses);
	}
	if (head->kind == DATAPLANE_DETACHED) {
		if (length == sizeof(counters))
			memcpy(&counters, bytes, sizeof(counters));
		event.counters = &counters;
		struct attachment *a = attachment_of(d, head->subject);
		if (a) {
			if (!a->no_call &&
				atomic_load_explicit(&d->workers.any_moved, memory_order_relaxed))
				atomic_store_explicit(
					&d->workers.moved[a->call_id], 0, memory_order_release);
			*a = (struct attachment){.subject = 0};
		}
		dataplane_paths_detach(d->paths, head->subject);
	}
	d->config.event(d->config.context, &event);
}

static void give_answers(struct dataplane *d)
{
	while (d->answers.first && !d->stopped) {
		struct worker_event event;
		memcpy(&event, waiting_bytes(d->answers.first), sizeof(event));
		backlog_drop_first(&d->answers);
		give_event(d, &event, NULL, 0);
	}
}

/* True when the worker has more. */
static bool drain_events(struct dataplane *d, struct worker *worker)
{
	for (unsigned i = 0; i < EVENTS_AT_ONCE; i++) {
		uint32_t length;
		const struct worker_event *head = ring_peek(&worker->events, &length);
		if (!head)
			return false;
		assert(length >= sizeof(*head));
		if (head->suspect) {
			dataplane_paths_suspect(d->paths, head->subject);
			ring_release(&worker->events);
			continue;
		}
		if (head->left) {
			moved(d, head->subject);
			ring_release(&worker->events);
			continue;
		}
		uint32_t index = subject_index(head->subject);
		if (head->kind == DATAPLANE_CONTROL)
			atomic_fetch_sub_explicit(
				&d->workers.published[index].queued, 1, memory_order_relaxed);
		give_event(d, head, (const uint8_t *)(head + 1), length - sizeof(*head));
		if (d->stopped)
			return false;
		ring_release(&worker->events);
	}
	return true;
}

/* What this worker has told; true when there is more. */
static bool hear_worker(struct dataplane *d, unsigned number)
{
	struct worker *worker = &d->workers.at[number];
	bool more = drain_events(d, worker);
	if (d->stopped)
		return false;
	bool starved = ring_was_starved(&worker->events);
	bool waited = d->backlogs[number].first != NULL;
	backlog_flush(&d->backlogs[number], &worker->commands);
	if (starved || waited)
		doorbell_ring(&worker->bell, WORKER_CONTROL);
	return more;
}

static void on_told(uv_poll_t *poll, int status, int events)
{
	struct dataplane *d = poll->data;
	doorbell_silence(&d->told);
}

/* Behind the loop's sleep: whatever woke it, what workers have told by now costs no wake-up. */
static void on_check(uv_check_t *check)
{
	struct dataplane *d = check->data;
	doorbell_wake(&d->told);
	uint32_t told = doorbell_answer(&d->told);
	for (unsigned n = 0; n < d->workers.count && !d->stopped; n++)
		if (told >> n & 1 && hear_worker(d, n))
			doorbell_ring(&d->told, n);
	if (!d->stopped)
		give_answers(d);
}

/* Before it. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct dataplane *d = prepare->data;
	if (!doorbell_sleep(&d->told))
		doorbell_knock(&d->told);
}

static void free_backlog(struct dataplane *d, struct backlog *backlog)
{
	while (backlog->first) {
		struct worker_request request;
		if (backlog->first->length >= sizeof(request)) {
			memcpy(&request, waiting_bytes(backlog->first), sizeof(request));
			if (request.kind == WORKER_INTERFACE)
				close(request.tun.fd);
			if (request.kind == WORKER_LINE)
				line_close(request.line);
			if (request.kind == WORKER_COMMAND)
				layer_memory_free(&d->workers.layer_budget, request.command.memory);
			explicit_bzero(&request, sizeof(request));
		}
		backlog_drop_first(backlog);
	}
}

static void close_tuns(struct dataplane *d)
{
	for (unsigned n = 0; n < WORKERS_MAX; n++) {
		if (d->tuns[n] >= 0)
			close(d->tuns[n]);
		d->tuns[n] = -1;
	}
}

static void free_dataplane(struct dataplane *d)
{
	doorbell_free(&d->told);
	close_tuns(d);
	for (unsigned n = 0; n < WORKERS_MAX; n++)
		free_backlog(d, &d->backlogs[n]);
	free_backlog(d, &d->movers);
	while (d->answers.first)
		backlog_drop_first(&d->answers);
	free(d->attached);
	free(d);
}

static void on_closed(uv_handle_t *handle)
{
	struct dataplane *d = handle->data;
	if (--d->handles == 0)
		free_dataplane(d);
}

static void user_stop(struct dataplane *d)
{
	d->stopped = true;
	workers_stop(&d->workers);
	dataplane_paths_close(d->paths);
	close_tuns(d); /* the interface goes now, not when the loop runs */
	uv_close((uv_handle_t *)&d->poll, on_closed);
	uv_close((uv_handle_t *)&d->prepare, on_closed);
	uv_close((uv_handle_t *)&d->check, on_closed);
}

static int set_mtu(const char *name, unsigned mtu, char error[256])
{
	struct netlink *netlink;
	int failed = netlink_open(&netlink);
	if (failed) {
		snprintf(error, 256, "Couldn't open a netlink socket: %s", strerror(-failed));
		return failed;
	}
	int link = netlink_link_index(netlink, name);
	failed = link < 0 ? link : netlink_link_mtu(netlink, (unsigned)link, mtu);
	if (failed)
		snprintf(error, 256, "Couldn't set the MTU of %s to %u: %s", name, mtu,
			netlink_error(netlink));
	netlink_close(netlink);
	return failed;
}

/* One interface with a queue for each worker. */
static int open_shared_tun(struct dataplane *d, char error[256])
{
	struct tun_config tun = {
		.name = d->config.interface_name,
		.offload = d->config.offload,
		.queues = d->config.workers > 1,
	};
	char name[TUN_NAME_SIZE];
	if (!d->config.interface_name)
		return 0;
	for (unsigned n = 0; n < d->config.workers; n++) {
		d->tuns[n] = tun_open(&tun, name, error);
		if (d->tuns[n] < 0)
			return d->tuns[n];
	}
	return d->config.mtu ? set_mtu(name, d->config.mtu, error) : 0;
}

static int open_paths(struct dataplane *d, char error[256])
{
	struct dataplane_paths_config config = {
		.loop = d->config.loop,
		.sessions_max = d->config.sessions_max,
		.tell_path = tell_path,
		.tell_session = tell_session,
		.context = d,
	};
	return dataplane_paths_open(&d->paths, &config, error);
}

/* Bundles take theirs from the same, and shall not find it used up. */
static size_t bundles_memory(const struct dataplane_config *config)
{
	return config->sessions_max *
	       (sizeof(struct layer_memory) + sizeof(struct datapath_bundle));
}

static int prepare(struct dataplane *d, char error[256])
{
	d->attached = calloc(d->config.sessions_max, sizeof(*d->attached));
	if (!d->attached || doorbell_init(&d->told) < 0) {
		int failed = d->attached ? -errno : -ENOMEM;
		snprintf(error, 256, "Couldn't start the data plane: %s", strerror(-failed));
		return failed;
	}
	backlog_init(&d->answers);
	backlog_init(&d->movers);
	for (unsigned n = 0; n < WORKERS_MAX; n++)
		backlog_init(&d->backlogs[n]);
	int failed = open_shared_tun(d, error);
	if (failed)
		return failed;
	failed = outer_choose(&d->choice, d->config.outer, d->config.programs, &d->config.local,
		&d->config.peer, d->config.no_programs, error);
	if (failed)
		return failed;
	struct workers_config workers = {
		.count = d->config.workers,
		.server = d->config.server,
		.outer =
			{
				.local = d->config.local,
				.mark = d->config.mark,
				.dont_fragment = d->config.dont_fragment,
				.choice = &d->choice,
				.programs = d->config.programs,
			},
		.sessions_max = d->config.sessions_max,
		.layer_memory = d->config.layer_memory + bundles_memory(&d->config),
		.told = &d->told,
		.busy_poll = d->config.busy_poll,
		.filters = d->config.filters,
		.tuns = d->tuns,
	};
	failed = workers_start(&d->workers, &workers, error);
	if (!failed && d->config.steering && d->tuns[0] >= 0 && d->config.workers > 1 &&
		tun_steering_attach(d->config.steering, d->tuns[0]) == 0)
		d->workers.routing.steering = d->config.steering;
	return failed;
}

static int user_start(
	struct dataplane **dataplane, const struct dataplane_config *config, char error[256])
{
	assert(config->sessions_max > 0 && config->sessions_max <= SUBJECT_INDEX_MAX);
	assert(config->workers <= WORKERS_MAX && (config->server || config->workers <= 1));
	struct dataplane *d = aligned_alloc(64, (sizeof(*d) + 63) & ~(size_t)63);
	error[0] = '\0';
	if (!d) {
		snprintf(error, 256, "Couldn't start the data plane: out of memory");
		return -ENOMEM;
	}
	memset(d, 0, sizeof(*d));
	d->config = *config;
	d->config.workers = config->workers ? config->workers : 1;
	d->told.fd = -1;
	for (unsigned n = 0; n < WORKERS_MAX; n++)
		d->tuns[n] = -1;
	int failed = prepare(d, error);
	if (failed) {
		free_dataplane(d);
		return failed;
	}
	d->poll.data = d;
	failed = uv_poll_init(config->loop, &d->poll, d->told.fd);
	if (failed) {
		snprintf(error, 256, "Couldn't watch the data plane: %s", uv_strerror(failed));
		workers_stop(&d->workers);
		free_dataplane(d);
		return failed;
	}
	d->prepare.data = d->check.data = d;
	d->handles = 3;
	uv_prepare_init(config->loop, &d->prepare);
	uv_check_init(config->loop, &d->check);
	failed = open_paths(d, error);
	if (failed) {
		user_stop(d);
		return failed;
	}
	uv_poll_start(&d->poll, UV_READABLE, on_told);
	uv_prepare_start(&d->prepare, on_prepare);
	uv_check_start(&d->check, on_check);
	*dataplane = d;
	return 0;
}

const struct dataplane_ops dataplane_user = {
	.name = "user",
	.start = user_start,
	.command = user_command,
	.interface = user_interface,
	.line = user_line,
	.route = user_route,
	.statistics = user_statistics,
	.describe = user_describe,
	.drops = user_drops,
	.capture = user_capture,
	.stop = user_stop,
};
