/* The workers of one data plane and what they share.
 *
 * A session belongs to worker `local_call_id % count`, which alone touches its slot; call IDs are
 * random, so sessions spread evenly. A link of a bundle belongs to the bundle's worker: `moved`
 * says which that is, and whoever reads a packet of such a call hands it over. What is shared is
 * either read only while the workers run, touched by one owner an entry (slots, call_ids,
 * published), or made for many readers (places, the prefix table). One array for all keeps a
 * session's memory in one place: with an array a worker, each page would be resident once for every
 * worker that owns a slot in it. */
#ifndef GREYLINE_WORKERS_H
#define GREYLINE_WORKERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"
#include "doorbell.h"
#include "handoff.h"
#include "layer_memory.h"
#include "outer.h"
#include "reaper.h"
#include "routing.h"
#include "subject.h"

struct worker;

/* Where a session is, in a byte: its worker, and what others must know before they hand it a
 * packet. Written by the control thread. */
enum {
	PLACE_WORKER = 0x3f,
	PLACE_CLIENT_TO_CLIENT = 0x40,
	PLACE_INTERFACE = 0x80, /* it has an interface of its own: the host routes to it */
};
static_assert(WORKERS_MAX <= PLACE_WORKER + 1, "a place names every worker");

struct workers {
	unsigned count;
	struct worker *at;
	bool server;
	uint32_t slot_count;
	struct slot *slots;               /* by session index; mapped, resident as used */
	struct datapath_streams *streams; /* the same: used by stateful MPPE and by layers only */
	struct published *published;      /* the same */
	struct published_drops *dropped;  /* the same */
	_Atomic uint8_t *places;          /* the same */
	_Atomic uint8_t
		*moved; /* by local call ID: worker + 1, or 0; written by the control thread */
	_Atomic bool any_moved; /* ever */
	uint32_t *call_ids;     /* local call ID to session index + 1; its owner's entry */
	struct routing routing; /* server only */
	struct reaper reaper;   /* closes the sessions' own TUNs */
	struct doorbell *told;  /* the control thread's; worker n rings with n */
	uint32_t busy_poll;     /* microseconds */
	bool filtered;          /* there is one of: */
	struct packet_filters filters;
	struct layer_budget layer_budget;

	_Atomic bool tapped;
	pthread_mutex_t tap_lock; /* taken for each packet only while a capture runs */
	dataplane_tap *tap;
	void *tap_context;
};

struct workers_config {
	unsigned count;
	bool server;
	struct outer_config outer; /* but for the numbers */
	uint32_t sessions_max;
	size_t layer_memory; /* bytes that layers of all sessions may hold */
	struct doorbell *told;
	uint32_t busy_poll;
	struct packet_filters filters;
	const int
		*tuns; /* queues of the shared TUN, one a worker, the caller's to close; or NULL */
};

/* Starts the threads. 0 or -errno with `error`; then nothing is left behind. */
int workers_start(struct workers *workers, const struct workers_config *config, char error[256]);
/* Joins them and frees everything. */
void workers_stop(struct workers *workers);

static inline unsigned workers_owner(const struct workers *workers, uint16_t local_call_id)
{
	if (atomic_load_explicit(&workers->any_moved, memory_order_relaxed)) {
		uint8_t moved =
			atomic_load_explicit(&workers->moved[local_call_id], memory_order_acquire);
		if (moved)
			return moved - 1u;
	}
	return local_call_id % workers->count;
}

static inline uint8_t workers_place(const struct workers *workers, uint32_t subject)
{
	return atomic_load_explicit(&workers->places[subject_index(subject)], memory_order_acquire);
}

#endif
