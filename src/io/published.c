/* A sequence lock without fences: words are stored with release and loaded with acquire, so a
 * reader that sees a new word also sees the odd sequence in front of it, and its second look at
 * the sequence cannot move before its words. */
#include <string.h>

#include "published.h"

enum { COUNTERS_SIZE = offsetof(struct datapath_counters, drops) };

static void write_drops(struct published_drops *drops, const uint32_t *now)
{
	for (unsigned i = 0; i < DROP_PACKETS; i++) {
		uint32_t count = now ? now[i] : 0;
		if (atomic_load_explicit(&drops->at[i], memory_order_relaxed) != count)
			atomic_store_explicit(&drops->at[i], count, memory_order_release);
	}
}

void published_write(struct published *p, struct published_drops *drops, uint32_t subject,
	const struct dataplane_statistics *statistics)
{
	uint64_t words[PUBLISHED_WORDS] = {0};
	if (statistics) {
		memcpy(words, &statistics->counters, COUNTERS_SIZE);
		words[PUBLISHED_TIMES] = statistics->last_received;
		words[PUBLISHED_TIMES + 1] = statistics->last_active;
		memcpy(&words[PUBLISHED_WINDOW], &statistics->window, sizeof(statistics->window));
	}
	uint32_t sequence = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	atomic_store_explicit(&p->sequence, sequence + 1, memory_order_relaxed);
	atomic_store_explicit(&p->subject, subject, memory_order_release);
	for (unsigned i = 0; i < PUBLISHED_WORDS; i++)
		atomic_store_explicit(&p->words[i], words[i], memory_order_release);
	write_drops(drops, statistics ? statistics->counters.drops : NULL);
	atomic_store_explicit(&p->sequence, sequence + 2, memory_order_release);
}

bool published_read(const struct published *p, const struct published_drops *drops,
	uint32_t subject, struct dataplane_statistics *statistics)
{
	uint64_t words[PUBLISHED_WORDS];
	uint32_t before, after, owner;
	*statistics = (struct dataplane_statistics){0};
	do {
		before = atomic_load_explicit(&p->sequence, memory_order_acquire);
		owner = atomic_load_explicit(&p->subject, memory_order_acquire);
		for (unsigned i = 0; i < PUBLISHED_WORDS; i++)
			words[i] = atomic_load_explicit(&p->words[i], memory_order_acquire);
		for (unsigned i = 0; i < DROP_PACKETS; i++)
			statistics->counters.drops[i] =
				atomic_load_explicit(&drops->at[i], memory_order_acquire);
		after = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	} while ((before & 1) || before != after);
	if (subject == 0 || owner != subject)
		return false;
	memcpy(&statistics->counters, words, COUNTERS_SIZE);
	statistics->last_received = words[PUBLISHED_TIMES];
	statistics->last_active = words[PUBLISHED_TIMES + 1];
	memcpy(&statistics->window, &words[PUBLISHED_WINDOW], sizeof(statistics->window));
	return true;
}
