/* A data plane without interfaces, for thousands of sessions of one load (see bench_plane.h).
 *
 *   commands ──▶ datapath_execute ──▶ frames ─┐
 *   traffic ──▶ datapath_seal ────────────────┴▶ outer link ──▶ datapath_open ─┬▶ control frames
 *                                                                              └▶ answers
 *
 * All of it runs on the control thread: a login is a handful of packets each way, and handing them
 * to another thread would cost more than they do. Control frames that commands make are collected
 * and leave together just before the loop waits; everything else leaves at the end of the call that
 * made it, behind what was collected, so that sequence numbers leave in order.
 */
#include "bench_plane.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "bench_line.h"
#include "clock.h"
#include "subject.h"

enum {
	FRAMES_MAX = BENCH_OUT_MAX - DATAPATH_OUT_PER_IN,
	BATCHES_A_TURN = 8, /* read before others of the loop get theirs */
	TRAFFIC_TICK_MS = 1,
	KEYS_DIFFER_RUN = 8,
};

static struct line *find_line(struct dataplane *plane, uint32_t subject)
{
	uint32_t index = subject_index(subject);
	if (!subject || index >= plane->config.sessions_max)
		return NULL;
	struct line *line = &plane->lines[index];
	return line->subject == subject ? line : NULL;
}

/* Events wait for the loop: none may come from inside a command. */
static void tell_later(struct dataplane *plane, struct line *line)
{
	if (!line->telling)
		plane->telling[plane->telling_count++] = (uint32_t)(line - plane->lines);
	line->telling = line->subject;
}

static void tell_waiting(struct dataplane *plane)
{
	for (uint32_t i = 0; i < plane->telling_count; i++) {
		struct line *line = &plane->lines[plane->telling[i]];
		struct dataplane_event event = {
			.kind = line->detached ? DATAPLANE_DETACHED : DATAPLANE_KEYS_DIFFER,
			.subject = line->telling,
			.epoch = line->dp.epoch,
			.counters = &line->dp.counters};
		line->telling = 0;
		line->detached = line->keys_differ = false;
		plane->config.event(plane->config.context, &event);
	}
	plane->telling_count = 0;
}

void plane_touch(struct dataplane *plane, struct line *line)
{
	if (!line->subject)
		return;
	heap_set(&plane->deadlines, (uint32_t)(line - plane->lines), datapath_deadline(&line->dp));
	if (line->dp.suspicious == 0)
		line->keys_told = false;
	if (line->dp.suspicious <= KEYS_DIFFER_RUN || line->keys_told)
		return;
	line->keys_told = line->keys_differ = true;
	tell_later(plane, line);
}

/* Out. */

size_t plane_send(struct dataplane *plane, struct bench_out *out)
{
	const struct packet *packets[BENCH_OUT_MAX];
	uint64_t refused[(BENCH_OUT_MAX + 63) / 64];
	size_t count = 0, lost = 0;
	for (size_t i = 0; i < out->list.count; i++)
		if (out->packets[i].kind == PACKET_OUTER)
			packets[count++] = &out->packets[i];
	if (!count)
		return 0;
	outer_send(plane->outer, packets, count, clock_now(), refused);
	for (size_t i = 0; i < count; i++) {
		if (!(refused[i / 64] >> i % 64 & 1))
			continue;
		packets[i]->datapath->counters.drops[DROP_OUTER_SEND]++;
		lost++;
	}
	return lost;
}

static void send_frames(struct dataplane *plane)
{
	plane_send(plane, plane->frames);
	bench_out_empty(plane->frames);
}

struct packet_list *plane_work(struct dataplane *plane)
{
	send_frames(plane);
	bench_out_empty(plane->work);
	return &plane->work->list;
}

struct packet_list *plane_work_lent(struct dataplane *plane)
{
	struct bench_out *work = plane->work;
	struct packet_list *list = plane_work(plane);
	outer_lend(plane->outer, list);
	while (work->lent < list->max && list->at[work->lent].bytes != work->buffers[work->lent])
		work->lent++;
	return list;
}

/* In. */

static void take_control(struct dataplane *plane, const struct packet *packet, uint64_t now)
{
	struct line *line = line_of(packet->datapath);
	if (!line->subject)
		return; /* detached by what came before */
	carry_control(plane, line, packet, now);
	struct dataplane_event event = {.kind = DATAPLANE_CONTROL,
		.subject = line->subject,
		.epoch = line->dp.epoch,
		.bytes = packet->bytes,
		.length = packet->length};
	plane->config.event(plane->config.context, &event);
}

/* What a data-path call left in the work list. The answers to control frames are commands, whose
 * frames have a list of their own. */
static void deliver(struct dataplane *plane, uint64_t now)
{
	struct bench_out *work = plane->work;
	plane_send(plane, work);
	for (size_t i = 0; i < work->list.count; i++) {
		const struct packet *packet = &work->packets[i];
		if (packet->kind == PACKET_INNER)
			carry_inner(plane, packet, now);
		else if (packet->kind == PACKET_CONTROL)
			take_control(plane, packet, now);
	}
}

static struct datapath *receiver(struct dataplane *plane, const struct gre_datagram *d)
{
	uint32_t *drops = plane->engine.drops;
	uint16_t call_id;
	enum drop why;
	if (d->truncated || d->malformed) {
		drops[d->truncated ? DROP_OUTER_TRUNCATED : DROP_GRE_SHORT]++;
		return NULL;
	}
	if (!datapath_call_id(d->gre, d->length, &call_id, &why)) {
		drops[why]++;
		return NULL;
	}
	uint32_t place = plane->call_ids[call_id];
	struct datapath *dp = place ? &plane->lines[place - 1].dp : NULL;
	return datapath_match(&plane->engine, dp, &d->source) ? dp : NULL;
}

static size_t receive(struct dataplane *plane, unsigned source)
{
	struct gre_datagram datagrams[BATCH_MAX];
	struct packet in[BATCH_MAX];
	size_t received = outer_receive(plane->outer, source, datagrams), count = 0;
	uint64_t now = clock_now();
	for (size_t i = 0; i < received; i++) {
		const struct gre_datagram *d = &datagrams[i];
		struct datapath *dp = receiver(plane, d);
		if (dp)
			in[count++] = (struct packet){.datapath = dp,
				.kind = PACKET_OUTER,
				.bytes = d->gre,
				.length = d->length,
				.capacity = d->length,
				.tos = d->tos,
				.early = d->control};
	}
	for (size_t at = 0; at < count;) {
		struct packet_list *list = plane_work(plane);
		size_t taken = datapath_open(&plane->engine, in + at, count - at, now, list);
		assert(taken || list->count);
		at += taken;
		deliver(plane, now);
	}
	for (size_t i = 0; i < count; i++)
		plane_touch(plane, line_of(in[i].datapath));
	return received;
}

/* Control frames, the sources 0 and 1, come before the data that was here first. */
void plane_readable(struct bench_source *source)
{
	struct dataplane *plane = source->plane;
	uint32_t suspect;
	for (unsigned i = 0; i < BATCHES_A_TURN; i++) {
		for (unsigned control = 0; control < 2 && source->number > 1; control++)
			if (plane->sources[control].open)
				receive(plane, control);
		if (receive(plane, source->number) < BATCH_MAX)
			break;
	}
	while ((suspect = outer_suspect(plane->outer)))
		dataplane_paths_suspect(plane->paths, suspect);
}

/* Commands. */

static void attach(struct dataplane *plane, const struct datapath_command *command)
{
	uint32_t index = subject_index(command->subject);
	uint32_t *place = &plane->call_ids[command->attach.local_call_id];
	assert(index < plane->config.sessions_max && !*place && !plane->lines[index].subject);
	plane->lines[index] = (struct line){.subject = command->subject};
	*place = index + 1;
	outer_claim(plane->outer, command->attach.local_call_id, &command->attach.local,
		&command->attach.peer);
}

static void add_counters(struct datapath_counters *sum, const struct datapath_counters *more)
{
	sum->rx_packets += more->rx_packets;
	sum->rx_bytes += more->rx_bytes;
	sum->tx_packets += more->tx_packets;
	sum->tx_bytes += more->tx_bytes;
	sum->gre_rx += more->gre_rx;
	sum->gre_tx += more->gre_tx;
	sum->reordered += more->reordered;
	sum->lost += more->lost;
	sum->resyncs += more->resyncs;
	for (size_t i = 0; i < sizeof sum->drops / sizeof sum->drops[0]; i++)
		sum->drops[i] += more->drops[i];
}

static void detach(struct dataplane *plane, struct line *line, uint16_t call_id)
{
	dataplane_paths_detach(plane->paths, line->subject);
	uint32_t index = (uint32_t)(line - plane->lines);
	carry_end(plane, line);
	add_counters(&plane->ended, &line->dp.counters);
	if (plane->call_ids[call_id] == index + 1)
		plane->call_ids[call_id] = 0;
	outer_release(plane->outer, call_id);
	heap_set(&plane->deadlines, index, NEVER);
	line->detached = true;
	tell_later(plane, line);
	line->subject = 0;
}

static void on_command(
	struct dataplane *plane, const struct datapath_command *command, const uint8_t *frame)
{
	uint64_t now = clock_now();
	if (command->kind == DATAPATH_ATTACH)
		attach(plane, command);
	struct line *line = find_line(plane, command->subject);
	if (!line)
		return; /* its generation has passed */
	/* Frames that are still here name the data path that goes. */
	if (command->kind == DATAPATH_DETACH || plane->frames->list.count >= FRAMES_MAX)
		send_frames(plane);
	carry_command(plane, line, command, frame, now);
	uint16_t call_id = line->dp.local_call_id;
	line->dp.streams = &line->streams;
	datapath_execute(&plane->engine, &line->dp, command, frame, now, &plane->frames->list);
	if (command->kind == DATAPATH_DETACH)
		detach(plane, line, call_id);
	else
		plane_touch(plane, line);
	if (command->kind == DATAPATH_ATTACH)
		dataplane_paths_attach(plane->paths, command, 0);
}

/* Paths. */

void plane_path(void *context, unsigned worker, uint32_t index, const struct path *path)
{
	struct dataplane *plane = context;
	outer_path(plane->outer, index, path);
}

void plane_session_path(void *context, const struct datapath_command *command)
{
	on_command(context, command, NULL);
}

/* Time. */

static void run_deadlines(struct dataplane *plane)
{
	uint64_t now = clock_now();
	while (heap_nearest(&plane->deadlines) <= now) {
		uint32_t index = plane->deadlines.entries[0].slot;
		struct line *line = &plane->lines[index];
		datapath_tick(&plane->engine, &line->dp, now, plane_work(plane));
		deliver(plane, now);
		plane_touch(plane, line);
		/* A deadline still in the past would spin: look again in a millisecond. */
		if (line->subject && datapath_deadline(&line->dp) <= now)
			heap_set(&plane->deadlines, index, now + MS(1));
	}
}

void plane_timer(uv_timer_t *timer)
{
	struct dataplane *plane = timer->data;
	plane->timer_at = NEVER;
	run_deadlines(plane);
	carry_send(plane);
}

static void arm_timer(struct dataplane *plane)
{
	uint64_t now = clock_now(), due = heap_nearest(&plane->deadlines);
	if (carry_wanted(plane) && now + MS(TRAFFIC_TICK_MS) < due)
		due = now + MS(TRAFFIC_TICK_MS);
	if (due >= plane->timer_at)
		return; /* it will be looked at again then */
	plane->timer_at = due;
	uv_update_time(plane->config.loop);
	uv_timer_start(&plane->timer, plane_timer, due > now ? (due - now + 999) / 1000 : 0, 0);
}

void plane_prepare(uv_prepare_t *prepare)
{
	struct dataplane *plane = prepare->data;
	tell_waiting(plane);
	if (carry_unlimited(plane))
		carry_send(plane);
	send_frames(plane);
	arm_timer(plane);
}

/* What is read. */

static bool statistics(
	struct dataplane *plane, uint32_t subject, struct dataplane_statistics *statistics)
{
	const struct line *line = find_line(plane, subject);
	if (!line)
		return false;
	*statistics = (struct dataplane_statistics){.counters = line->dp.counters,
		.last_received = line->dp.last_received,
		.last_active = line->dp.last_received};
	return true;
}

static void describe(struct dataplane *plane, struct dataplane_facts *facts)
{
	*facts = (struct dataplane_facts){.workers = 0};
	snprintf(facts->outer, sizeof facts->outer, "%s", plane->choice.why);
	snprintf(facts->cipher, sizeof facts->cipher, "%s", plane->engine.mppe->name);
}

static void drops(struct dataplane *plane, uint64_t counts[DROP_COUNT])
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		counts[i] = plane->engine.drops[i];
}

void bench_plane_totals(const struct dataplane *plane, struct datapath_counters *totals)
{
	*totals = plane->ended;
	for (uint32_t i = 0; i < plane->config.sessions_max; i++)
		if (plane->lines[i].subject)
			add_counters(totals, &plane->lines[i].dp.counters);
}

/* What a load has no use for. */

static int interface(struct dataplane *plane, uint32_t subject, int tun)
{
	return -ENOTSUP;
}

static void capture(struct dataplane *plane, dataplane_tap *tap, void *context)
{
}

const struct dataplane_ops dataplane_bench = {.name = "bench",
	.start = plane_open,
	.command = on_command,
	.interface = interface,
	.statistics = statistics,
	.describe = describe,
	.drops = drops,
	.capture = capture,
	.stop = plane_close};
