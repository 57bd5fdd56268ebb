/* What a worker tells the control thread: events through a ring, counters by publishing them.
 *
 * Control frames may be dropped, with a quota a session, so that one peer cannot fill the ring.
 * What must not be lost (a detached session, keys that differ, where GRE comes from, a removed
 * interface) waits in the slot for room. Counters are published at most every 20 ms, and only those
 * of sessions something happened to, so 10,000 idle sessions cost nothing. */
#include <string.h>

#include "worker.h"

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

bool tell_frame(struct worker *w, struct slot *slot, const uint8_t *frame, uint32_t length)
{
	_Atomic uint32_t *queued = &w->all->published[slot_index(w, slot)].queued;
	if (atomic_load_explicit(queued, memory_order_relaxed) >= RING_FRAME_QUOTA)
		return false;
	/* Counted first: the control thread may read the frame, and count it off, at once. */
	atomic_fetch_add_explicit(queued, 1, memory_order_relaxed);
	if (tell_event(w, DATAPLANE_CONTROL, slot_subject(slot), slot->dp.epoch, frame, length))
		return true;
	atomic_fetch_sub_explicit(queued, 1, memory_order_relaxed);
	return false;
}

void tell_suspect(struct worker *w, uint32_t path)
{
	struct worker_event *event = ring_reserve(&w->events, sizeof(*event));
	if (!event)
		return;
	*event = (struct worker_event){.suspect = true, .subject = path};
	ring_commit(&w->events, sizeof(*event));
	w->told_something = true;
}

void tell_later(struct worker *w, struct slot *slot)
{
	if (slot->telling)
		return;
	slot->telling = true;
	slot->next_telling = w->telling;
	w->telling = slot_index(w, slot) + 1;
}

void tell_tun_gone(struct worker *w, struct slot *slot)
{
	if (!slot) {
		w->tell_gone = true;
		return;
	}
	slot->tell_gone = slot_subject(slot);
	tell_later(w, slot);
}

void tell_line_gone(struct worker *w, struct slot *slot)
{
	slot->tell_line = slot_subject(slot);
	tell_later(w, slot);
}

void tell_stranger(struct worker *w, struct slot *slot, const struct address *from)
{
	if (slot->stranger.family)
		return;
	slot->stranger = *from;
	slot->tell_stranger = slot_subject(slot);
	tell_later(w, slot);
}

void tell_found(struct worker *w, struct slot *slot)
{
	slot->tell_found = slot_subject(slot);
	tell_later(w, slot);
}

/* A run of packets that do not decrypt: told once. */
static void look_at_keys(struct worker *w, struct slot *slot)
{
	if (slot->dp.suspicious == 0)
		slot->keys_told = false;
	if (slot->dp.suspicious <= KEYS_DIFFER_RUN || slot->keys_told)
		return;
	slot->keys_told = true;
	slot->tell_keys = slot_subject(slot);
	tell_later(w, slot);
}

void tell_changed(struct worker *w, struct slot *slot)
{
	look_at_keys(w, slot);
	uint64_t moved = slot->dp.counters.rx_packets + slot->dp.counters.tx_packets;
	if (moved != slot->moved && !w->all->filters.active)
		slot->last_active = w->now;
	slot->moved = moved;
	if (w->publish_at == NEVER)
		w->publish_at = w->now + WORKER_PUBLISH_US;
	if (slot->dirty)
		return;
	slot->dirty = true;
	slot->next_dirty = w->dirty;
	w->dirty = slot_index(w, slot) + 1;
}

static void publish_drops(struct worker *w)
{
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		uint32_t fresh = w->engine.drops[i] - w->drops_seen[i];
		if (fresh)
			atomic_fetch_add_explicit(&w->drops[i], fresh, memory_order_relaxed);
		w->drops_seen[i] = w->engine.drops[i];
	}
	atomic_store_explicit(&w->handed, w->handed_now, memory_order_relaxed);
}

static void publish(struct worker *w)
{
	while (w->dirty) {
		struct slot *slot = &w->all->slots[w->dirty - 1];
		w->dirty = slot->next_dirty;
		slot->dirty = false;
		if (!slot_subject(slot))
			continue;
		struct dataplane_statistics statistics = {
			.counters = slot->dp.counters,
			.last_received = slot->dp.last_received,
			.last_active = slot->last_active,
			.window = window_facts(&slot->dp.gre.window, slot->dp.gre.send_next),
		};
		if (slot->dp.layers) {
			memcpy(statistics.headers, slot->dp.layers->headers,
				sizeof(statistics.headers));
			memcpy(statistics.layers, slot->dp.layers->traffic,
				sizeof(statistics.layers));
		}
		uint32_t index = slot_index(w, slot);
		published_write(&w->all->published[index], &w->all->dropped[index],
			slot_subject(slot), &statistics);
	}
	publish_drops(w);
	w->publish_at = NEVER;
}

/* As with one that is detached: it is in none of our lists any more when it is told. */
static bool tell_left(struct worker *w, struct slot *slot)
{
	if (slot->dirty)
		publish(w);
	struct worker_event *event = ring_reserve(&w->events, sizeof(*event));
	if (!event)
		return false;
	*event = (struct worker_event){.left = true, .subject = slot->tell_left};
	slot->tell_left = 0;
	ring_commit(&w->events, sizeof(*event));
	w->told_something = true;
	return true;
}

static bool tell_from(struct worker *w, enum dataplane_event_kind kind, uint32_t subject,
	const struct slot *slot, const struct address *from)
{
	struct worker_addresses addresses = {.from = *from, .local = slot->dp.local};
	return tell_event(w, kind, subject, slot->dp.epoch, &addresses, sizeof(addresses));
}

static bool tell_addresses(struct worker *w, struct slot *slot)
{
	if (slot->tell_found &&
		!tell_from(w, DATAPLANE_PEER_FOUND, slot->tell_found, slot, &slot->dp.peer))
		return false;
	slot->tell_found = 0;
	if (slot->tell_stranger &&
		!tell_from(w, DATAPLANE_STRANGER, slot->tell_stranger, slot, &slot->stranger))
		return false;
	slot->tell_stranger = 0;
	return true;
}

static bool tell_slot(struct worker *w, struct slot *slot)
{
	if (!tell_addresses(w, slot))
		return false;
	if (slot->tell_keys &&
		!tell_event(w, DATAPLANE_KEYS_DIFFER, slot->tell_keys, slot->dp.epoch, NULL, 0))
		return false;
	slot->tell_keys = 0;
	if (slot->tell_gone &&
		!tell_event(w, DATAPLANE_TUN_GONE, slot->tell_gone, slot->dp.epoch, NULL, 0))
		return false;
	slot->tell_gone = 0;
	if (slot->tell_line &&
		!tell_event(w, DATAPLANE_LINE_GONE, slot->tell_line, slot->dp.epoch, NULL, 0))
		return false;
	slot->tell_line = 0;
	if (slot->tell_left)
		return tell_left(w, slot);
	uint32_t detached = slot->tell_detached;
	if (!detached)
		return true;
	/* From the moment it is told, the slot may be another worker's: it leaves our lists first.
	 */
	if (slot->dirty)
		publish(w);
	struct datapath_counters counters = slot->dp.counters;
	slot->tell_detached = 0;
	if (tell_event(w, DATAPLANE_DETACHED, detached, 0, &counters, sizeof(counters)))
		return true;
	slot->tell_detached = detached;
	return false;
}

static void tell_waiting(struct worker *w)
{
	if (w->tell_gone)
		w->tell_gone = !tell_event(w, DATAPLANE_TUN_GONE, 0, 0, NULL, 0);
	while (w->telling) {
		struct slot *slot = &w->all->slots[w->telling - 1];
		uint32_t next = slot->next_telling;
		slot->telling = false;
		if (!tell_slot(w, slot)) {
			slot->telling = true;
			return; /* the control thread wakes us when it made room */
		}
		w->telling = next;
	}
}

void tell_all(struct worker *w)
{
	if (w->publish_at <= w->now)
		publish(w);
	tell_waiting(w);
	if (w->told_something)
		doorbell_ring(w->all->told, w->number);
	w->told_something = false;
}
