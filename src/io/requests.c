/* Commands from the control thread, executed in the order given.
 *
 * A key and the frame that belongs to it are two records next to each other; nothing else of the
 * session can come between them. What was there at the start of a round is executed whole, because
 * a packet may already be here that answers the last of it; what comes meanwhile waits for the
 * next round.
 *
 * The addresses of a session enter and leave the prefix table here, together with the network
 * protocol they belong to. */
#include <assert.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "subject.h"
#include "worker.h"

static void attach(struct worker *w, const struct datapath_command *command)
{
	uint32_t index = subject_index(command->subject);
	uint32_t *place = &w->call_ids[command->attach.local_call_id];
	struct slot *slot = &w->slots[index];
	assert(index < w->slot_count && slot->subject == 0 && *place == 0);
	memset(&slot->dp, 0, sizeof(slot->dp));
	slot->subject = command->subject;
	slot->tun = -1;
	slot->keys_told = false;
	slot->moved = 0;
	slot->last_active = w->now;
	*place = index + 1;
	w->single = index + 1;
	traffic_command(w, slot, command, NULL);
	struct dataplane_statistics fresh = {
		.last_received = slot->dp.last_received,
		.last_active = slot->last_active,
	};
	published_write(&w->published[index], slot->subject, &fresh);
}

/* One address of a session in the prefix table: the old one out, the new one in. Link-local
 * addresses may be the same in several sessions and lead to none. */
static void route_host(
	struct worker *w, struct slot *slot, struct address *held, const struct address *wanted)
{
	struct address none = {.family = 0};
	if (!wanted || (wanted->family == 6 && wanted->bytes[0] == 0xfe &&
			       (wanted->bytes[1] & 0xc0) == 0x80))
		wanted = &none;
	if (address_equal(held, wanted))
		return;
	struct prefix prefix = {.address = *held, .length = held->family == 6 ? 128 : 32};
	if (held->family)
		prefix_table_remove(&w->prefixes, &prefix, slot->subject);
	*held = *wanted;
	prefix = (struct prefix){.address = *held, .length = held->family == 6 ? 128 : 32};
	if (held->family)
		prefix_table_insert(&w->prefixes, &prefix, slot->subject);
}

static void route_hosts(struct worker *w, struct slot *slot, const struct address *host4,
	const struct address *host6)
{
	if (!w->server)
		return;
	route_host(w, slot, &slot->host4, host4);
	route_host(w, slot, &slot->host6, host6);
}

static void drop_interface(struct worker *w, struct slot *slot)
{
	if (slot->tun < 0)
		return;
	epoll_ctl(w->poll, EPOLL_CTL_DEL, slot->tun, NULL);
	reaper_close(w->reaper, slot->tun);
	slot->tun = -1;
}

static void detach(struct worker *w, struct slot *slot, const struct datapath_command *command)
{
	uint32_t index = (uint32_t)(slot - w->slots);
	uint16_t call_id = slot->dp.local_call_id;
	traffic_command(w, slot, command, NULL);
	route_hosts(w, slot, NULL, NULL);
	if (w->call_ids[call_id] == index + 1)
		w->call_ids[call_id] = 0;
	if (w->single == index + 1)
		w->single = 0;
	drop_interface(w, slot);
	heap_set(&w->deadlines, index, NEVER);
	published_write(&w->published[index], 0, NULL);
	slot->tell_detached = slot->subject;
	slot->tell_keys = 0;
	slot->subject = 0;
	worker_tell_later(w, slot);
}

static void take_interface(struct worker *w, const struct worker_request *request)
{
	struct slot *slot = worker_slot(w, request->command.subject);
	if (!slot) {
		reaper_close(w->reaper, request->tun);
		return;
	}
	drop_interface(w, slot);
	slot->tun = request->tun;
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = WORKER_SOURCE_SLOT + (uint64_t)(slot - w->slots),
	};
	epoll_ctl(w->poll, EPOLL_CTL_ADD, slot->tun, &event);
}

static void run(struct worker *w, const struct worker_request *request, const uint8_t *frame)
{
	const struct datapath_command *command = &request->command;
	if (request->kind == WORKER_INTERFACE) {
		take_interface(w, request);
		return;
	}
	if (command->kind == DATAPATH_ATTACH) {
		attach(w, command);
		return;
	}
	struct slot *slot = worker_slot(w, command->subject);
	if (!slot)
		return; /* its generation has passed */
	if (command->kind == DATAPATH_DETACH) {
		detach(w, slot, command);
		return;
	}
	if (command->kind == DATAPATH_NETWORK)
		route_hosts(w, slot, command->network.ipv4 ? &command->network.remote4 : NULL,
			command->network.ipv6 ? &command->network.remote6 : NULL);
	if (command->kind == DATAPATH_EPOCH)
		route_hosts(w, slot, NULL, NULL);
	traffic_command(w, slot, command, frame);
}

void requests_run(struct worker *w)
{
	uint32_t mark = ring_mark(&w->commands), length;
	while (!ring_reached(&w->commands, mark)) {
		const struct worker_request *request = ring_peek(&w->commands, &length);
		assert(request && length >= sizeof(*request));
		run(w, request, (const uint8_t *)(request + 1));
		ring_release(&w->commands);
	}
	if (ring_was_starved(&w->commands))
		w->told_something = true; /* the control thread has a backlog to send on */
}
