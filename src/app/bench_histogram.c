/* A histogram whose buckets grow with the duration (see bench_histogram.h).
 *
 * Below 64 microseconds each has a bucket of its own; above, each power of two is cut into 64
 * equal ones: one shift finds the place, and a bucket is never wider than 1/64 of what it holds. */
#include "bench_histogram.h"

static unsigned bucket_of(uint64_t value)
{
	if (value < HISTOGRAM_FINE)
		return (unsigned)value;
	unsigned shift = 57 - (unsigned)__builtin_clzll(value);
	return (shift + 1) * HISTOGRAM_FINE + (unsigned)(value >> shift) - HISTOGRAM_FINE;
}

/* The largest value of a bucket. */
static uint64_t upper_edge(unsigned bucket)
{
	if (bucket < HISTOGRAM_FINE)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_FINE - 1;
	uint64_t low = (uint64_t)(HISTOGRAM_FINE + bucket % HISTOGRAM_FINE) << shift;
	return low + (UINT64_C(1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t microseconds)
{
	if (microseconds > UINT32_MAX)
		microseconds = UINT32_MAX;
	h->buckets[bucket_of(microseconds)]++;
	h->count++;
	if (microseconds > h->max)
		h->max = microseconds;
}

uint64_t histogram_percentile(const struct histogram *h, unsigned per_mille)
{
	uint64_t rank = (h->count * per_mille + 999) / 1000, seen = 0;
	if (rank == 0)
		rank = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank)
			return upper_edge(i) < h->max ? upper_edge(i) : h->max;
	}
	return h->max;
}
