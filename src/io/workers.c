/* Making and unmaking the workers, and what they share. All are opened before the first one runs,
 * because a worker may hand a packet to any other at once; all are joined before one is closed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "privilege.h"
#include "bundle_link.h"
#include "worker.h"
#include "workers.h"

static int map_shared(struct workers *all)
{
	size_t slots = all->slot_count;
	all->at = memory_map(all->count * sizeof(*all->at));
	all->slots = memory_map(slots * sizeof(*all->slots));
	all->streams = memory_map(slots * sizeof(*all->streams));
	all->published = memory_map(slots * sizeof(*all->published));
	all->dropped = memory_map(slots * sizeof(*all->dropped));
	all->places = memory_map(slots * sizeof(*all->places));
	all->moved = memory_map(CALL_IDS * sizeof(*all->moved));
	all->call_ids = memory_map(CALL_IDS * sizeof(*all->call_ids));
	if (!all->at || !all->slots || !all->streams || !all->published || !all->dropped ||
		!all->places || !all->moved || !all->call_ids)
		return -ENOMEM;
	return all->server ? routing_init(&all->routing, all->slot_count) : 0;
}

/* A session that is still attached when all ends. */
static void release_slot(struct workers *all, struct slot *slot)
{
	struct datapath_engine engine = {.spent = NULL};
	if (slot->tun.fd >= 0)
		reaper_close(&all->reaper, slot->tun.fd);
	if (slot->line)
		line_close(slot->line);
	layers_forget(&engine, &slot->dp);
	bundle_end(&engine, &slot->dp);
	layer_memory_free(&all->layer_budget, engine.spent);
	explicit_bzero(slot, sizeof(*slot));
}

static void release(struct workers *all, unsigned opened)
{
	for (unsigned n = 0; n < opened; n++)
		worker_join(&all->at[n]);
	for (unsigned n = 0; n < opened; n++)
		worker_close(&all->at[n]);
	for (uint32_t i = 0; all->slots && i < all->slot_count; i++) {
		struct slot *slot = &all->slots[i];
		if (slot_subject(slot))
			release_slot(all, slot);
	}
	reaper_stop(&all->reaper);
	routing_free(&all->routing);
	memory_unmap(all->at, all->count * sizeof(*all->at));
	memory_unmap(all->slots, all->slot_count * sizeof(*all->slots));
	memory_unmap(all->streams, all->slot_count * sizeof(*all->streams));
	memory_unmap(all->published, all->slot_count * sizeof(*all->published));
	memory_unmap(all->dropped, all->slot_count * sizeof(*all->dropped));
	memory_unmap(all->places, all->slot_count * sizeof(*all->places));
	memory_unmap(all->moved, CALL_IDS * sizeof(*all->moved));
	memory_unmap(all->call_ids, CALL_IDS * sizeof(*all->call_ids));
	pthread_mutex_destroy(&all->tap_lock);
}

static int open_all(
	struct workers *all, const struct workers_config *config, unsigned *opened, char error[256])
{
	int failed = 0;
	while (*opened < all->count && !failed) {
		struct worker_config worker = {
			.number = *opened,
			.all = all,
			.outer = &config->outer,
			.tun = config->tuns ? config->tuns[*opened] : -1,
		};
		failed = worker_open(&all->at[(*opened)++], &worker, error);
	}
	return failed;
}

/* The threads: what they need is open by now. */
static int run_all(struct workers *all)
{
	privilege_end_locking();
	int failed = reaper_start(&all->reaper);
	for (unsigned n = 0; n < all->count && !failed; n++)
		failed = worker_run(&all->at[n]);
	return failed;
}

int workers_start(struct workers *all, const struct workers_config *config, char error[256])
{
	unsigned opened = 0;
	memset(all, 0, sizeof(*all));
	all->count = config->count;
	all->server = config->server;
	all->slot_count = config->sessions_max;
	all->told = config->told;
	all->busy_poll = config->busy_poll;
	all->filters = config->filters;
	all->filtered = config->filters.pass || config->filters.active;
	all->layer_budget.most = config->layer_memory;
	all->reaper.in = all->reaper.out = -1;
	pthread_mutex_init(&all->tap_lock, NULL);
	error[0] = '\0';
	int failed = map_shared(all);
	if (!failed)
		failed = open_all(all, config, &opened, error);
	if (!failed)
		failed = run_all(all);
	if (!failed)
		return 0;
	if (!error[0])
		snprintf(error, 256, "Couldn't start the data plane (%u workers, %u sessions): %s",
			all->count, all->slot_count, strerror(-failed));
	release(all, opened);
	return failed;
}

void workers_stop(struct workers *all)
{
	release(all, all->count);
}
