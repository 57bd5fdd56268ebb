/* Commands from the control thread, executed in the order given.
 *
 * A key and the frame that belongs to it are two records next to each other; nothing else of the
 * session can come between them. What was there at the start of a round is executed whole, because
 * a packet may already be here that answers the last of it; what comes meanwhile waits for the
 * next round.
 */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "subject.h"
#include "worker.h"

/* What comes for the call ID is this session's. A bundle has none, nor has who is on a line. */
static void claim(struct worker *w, uint32_t index, const struct datapath_command *command)
{
	uint16_t call_id = command->attach.local_call_id;
	if (command->attach.bundle || command->attach.line)
		return;
	assert(w->all->call_ids[call_id] == 0);
	w->all->call_ids[call_id] = index + 1;
	if (!command->attach.any_peer) /* else when it is found */
		outer_claim(w->outer, call_id, &command->attach.local, &command->attach.peer);
}

static void attach(struct worker *w, const struct datapath_command *command)
{
	uint32_t index = subject_index(command->subject);
	struct slot *slot = &w->all->slots[index];
	assert(index < w->all->slot_count && slot_subject(slot) == 0);
	slot->dp = (struct datapath){.streams = &w->all->streams[index]};
	atomic_store_explicit(&slot->subject, command->subject, memory_order_relaxed);
	slot->tun = (struct tun_queue){.fd = -1};
	slot->line = NULL;
	slot->keys_told = false;
	slot->stranger = (struct address){.family = 0};
	slot->moved = 0;
	slot->last_active = w->now;
	w->single = index + 1;
	claim(w, index, command);
	traffic_command(w, slot, command, NULL);
	struct dataplane_statistics fresh = {
		.last_received = slot->dp.last_received,
		.last_active = slot->last_active,
	};
	published_write(
		&w->all->published[index], &w->all->dropped[index], command->subject, &fresh);
}

static void drop_interface(struct worker *w, struct slot *slot)
{
	if (slot->tun.fd < 0)
		return;
	worker_unwatch_tun(w, slot);
	reaper_close(&w->all->reaper, slot->tun.fd);
	slot->tun.fd = -1;
}

static void drop_line(struct worker *w, struct slot *slot)
{
	if (!slot->line)
		return;
	worker_unwatch_line(w, slot);
	line_close(slot->line);
	slot->line = NULL;
}

static void detach(struct worker *w, struct slot *slot, const struct datapath_command *command)
{
	uint32_t index = slot_index(w, slot);
	uint16_t call_id = slot->dp.local_call_id;
	traffic_command(w, slot, command, NULL);
	traffic_flush(w); /* nothing may leave in its name later */
	if (w->all->call_ids[call_id] == index + 1) {
		outer_release(w->outer, call_id);
		w->all->call_ids[call_id] = 0;
	}
	if (w->single == index + 1)
		w->single = 0;
	drop_interface(w, slot);
	drop_line(w, slot);
	heap_set(&w->deadlines, index, NEVER);
	published_write(&w->all->published[index], &w->all->dropped[index], 0, NULL);
	slot->tell_detached = command->subject;
	slot->tell_keys = slot->tell_gone = slot->tell_stranger = slot->tell_found = 0;
	slot->tell_line = 0;
	atomic_store_explicit(&slot->subject, 0, memory_order_relaxed);
	tell_later(w, slot);
}

/* From the moment it is told that the session has left, it is another worker's. */
static void leave(struct worker *w, struct slot *slot)
{
	uint32_t index = slot_index(w, slot);
	traffic_flush(w);
	datapath_uproot(&w->engine, &slot->dp);
	if (slot->line)
		worker_unwatch_line(w, slot);
	else
		w->all->call_ids[slot->dp.local_call_id] = 0;
	heap_set(&w->deadlines, index, NEVER);
	slot->tell_left = slot_subject(slot);
	tell_later(w, slot);
}

static void enter(struct worker *w, struct slot *slot)
{
	if (slot->line)
		worker_watch_line(w, slot);
	else
		w->all->call_ids[slot->dp.local_call_id] = slot_index(w, slot) + 1;
	worker_touch(w, slot);
}

static void take_interface(struct worker *w, const struct worker_request *request)
{
	struct slot *slot = worker_slot(w, request->command.subject);
	if (!slot) {
		reaper_close(&w->all->reaper, request->tun.fd);
		return;
	}
	drop_interface(w, slot);
	slot->tun = request->tun;
	worker_watch_tun(w, slot);
}

static void take_line(struct worker *w, const struct worker_request *request)
{
	struct slot *slot = worker_slot(w, request->command.subject);
	if (!slot) {
		line_close(request->line);
		return;
	}
	drop_line(w, slot);
	slot->line = request->line;
	if (!worker_watch_line(w, slot))
		tell_line_gone(w, slot); /* a file, say, is nothing to wait for */
}

/* What was sealed before goes as it was agreed then. */
static void frame_line(struct worker *w, struct slot *slot, const struct datapath_command *command)
{
	const struct line_framing framing = {
		.send_accm = command->framing.send_accm,
		.receive_accm = command->framing.receive_accm,
		.send_fcs = command->framing.send_fcs,
		.receive_fcs = command->framing.receive_fcs,
	};
	traffic_flush(w);
	line_framing(slot->line, &framing);
}

/* A link and its bundle, which may have gone meanwhile, are at one worker. */
static void join(struct worker *w, struct slot *link, const struct datapath_command *command)
{
	struct slot *bundle = worker_slot(w, command->bundle.subject);
	struct datapath_command whole = *command;
	whole.bundle.datapath = bundle ? &bundle->dp : NULL;
	traffic_command(w, link, &whole, NULL);
}

static void run(struct worker *w, const struct worker_request *request, const uint8_t *frame)
{
	const struct datapath_command *command = &request->command;
	if (request->kind == WORKER_INTERFACE) {
		take_interface(w, request);
		return;
	}
	if (request->kind == WORKER_LINE) {
		take_line(w, request);
		return;
	}
	if (request->kind == WORKER_LEAVE || request->kind == WORKER_ENTER) {
		struct slot *slot = worker_slot(w, command->subject);
		assert(slot);
		if (request->kind == WORKER_LEAVE)
			leave(w, slot);
		else
			enter(w, slot);
		return;
	}
	if (request->kind == WORKER_PATH) {
		outer_path(w->outer, request->index,
			request->path.peer.family ? &request->path : NULL);
		return;
	}
	if (command->kind == DATAPATH_ATTACH) {
		attach(w, command);
		return;
	}
	struct slot *slot = worker_slot(w, command->subject);
	if (!slot) { /* its generation has passed */
		layer_memory_free(&w->all->layer_budget, command->memory);
		return;
	}
	if (command->kind == DATAPATH_DETACH) {
		detach(w, slot, command);
		return;
	}
	if (command->kind == DATAPATH_BUNDLE) {
		join(w, slot, command);
		return;
	}
	if (command->kind == DATAPATH_FRAMING && slot->line)
		frame_line(w, slot, command);
	traffic_command(w, slot, command, frame);
}

static void free_spent(struct worker *w)
{
	layer_memory_free(&w->all->layer_budget, w->engine.spent);
	w->engine.spent = NULL;
}

void requests_run(struct worker *w)
{
	uint32_t mark = ring_mark(&w->commands), length;
	if (ring_reached(&w->commands, mark))
		return;
	traffic_begin(w);
	while (!ring_reached(&w->commands, mark)) {
		const struct worker_request *request = ring_peek(&w->commands, &length);
		assert(request && length >= sizeof(*request));
		run(w, request, (const uint8_t *)(request + 1));
		free_spent(w);
		ring_release(&w->commands);
	}
	traffic_flush(w);
	atomic_store_explicit(&w->executed, mark, memory_order_release);
	if (ring_was_starved(&w->commands))
		w->told_something = true; /* the control thread has a backlog to send on */
}
