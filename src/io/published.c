/* A sequence lock without fences: words are stored with release and loaded with acquire, so a
 * reader that sees a new word also sees the odd sequence in front of it, and its second look at
 * the sequence cannot move before its words. */
#include <string.h>

#include "published.h"

enum { COUNTERS_SIZE = offsetof(struct datapath_counters, drops) };

static void write_layers(struct published_drops *drops, const struct layer_traffic *now)
{
	uint64_t words[PUBLISHED_LAYERS] = {0};
	if (now)
		memcpy(words, now, sizeof words);
	for (unsigned i = 0; i < PUBLISHED_LAYERS; i++)
		if (atomic_load_explicit(&drops->layers[i], memory_order_relaxed) != words[i])
			atomic_store_explicit(&drops->layers[i], words[i], memory_order_release);
}

static void write_drops(struct published_drops *drops, const uint32_t *now)
{
	for (unsigned i = 0; i < DROP_PACKETS; i++) {
		uint32_t count = now ? now[i] : 0;
		if (atomic_load_explicit(&drops->at[i], memory_order_relaxed) != count)
			atomic_store_explicit(&drops->at[i], count, memory_order_release);
	}
}

static void write_if_other(_Atomic uint64_t *at, uint64_t value)
{
	if (atomic_load_explicit(at, memory_order_relaxed) != value)
		atomic_store_explicit(at, value, memory_order_release);
}

static void write_headers(struct published_drops *drops, const struct layer_headers *now)
{
	for (unsigned way = 0; way < LAYER_WAYS; way++) {
		write_if_other(&drops->headers[way][0], now ? now[way].packets : 0);
		write_if_other(&drops->headers[way][1], now ? now[way].saved : 0);
	}
}

static void read_headers(const struct published_drops *drops, struct layer_headers *headers)
{
	for (unsigned way = 0; way < LAYER_WAYS; way++) {
		headers[way].packets =
			atomic_load_explicit(&drops->headers[way][0], memory_order_acquire);
		headers[way].saved =
			atomic_load_explicit(&drops->headers[way][1], memory_order_acquire);
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
	write_headers(drops, statistics ? statistics->headers : NULL);
	write_layers(drops, statistics ? statistics->layers : NULL);
	atomic_store_explicit(&p->sequence, sequence + 2, memory_order_release);
}

bool published_read(const struct published *p, const struct published_drops *drops,
	uint32_t subject, struct dataplane_statistics *statistics)
{
	uint64_t words[PUBLISHED_WORDS], layers[PUBLISHED_LAYERS];
	uint32_t before, after, owner;
	*statistics = (struct dataplane_statistics){0};
	do {
		before = atomic_load_explicit(&p->sequence, memory_order_acquire);
		owner = atomic_load_explicit(&p->subject, memory_order_acquire);
		for (unsigned i = 0; i < PUBLISHED_WORDS; i++)
			words[i] = atomic_load_explicit(&p->words[i], memory_order_acquire);
		for (unsigned i = 0; i < PUBLISHED_LAYERS; i++)
			layers[i] = atomic_load_explicit(&drops->layers[i], memory_order_acquire);
		for (unsigned i = 0; i < DROP_PACKETS; i++)
			statistics->counters.drops[i] =
				atomic_load_explicit(&drops->at[i], memory_order_acquire);
		read_headers(drops, statistics->headers);
		after = atomic_load_explicit(&p->sequence, memory_order_relaxed);
	} while ((before & 1) || before != after);
	if (subject == 0 || owner != subject)
		return false;
	memcpy(&statistics->counters, words, COUNTERS_SIZE);
	memcpy(statistics->layers, layers, sizeof layers);
	statistics->last_received = words[PUBLISHED_TIMES];
	statistics->last_active = words[PUBLISHED_TIMES + 1];
	memcpy(&statistics->window, &words[PUBLISHED_WINDOW], sizeof(statistics->window));
	return true;
}
