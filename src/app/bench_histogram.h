/* Many durations in little memory: percentiles of any number of samples, 1.6 % off at most. */
#ifndef GREYLINE_BENCH_HISTOGRAM_H
#define GREYLINE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_FINE = 64, /* buckets of each power of two */
	HISTOGRAM_BUCKETS = 27 * HISTOGRAM_FINE,
};

/* All zero is an empty one. */
struct histogram {
	uint64_t count, max; /* max: exact, microseconds */
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Durations beyond UINT32_MAX (71 minutes) count as that. */
void histogram_add(struct histogram *h, uint64_t microseconds);

/* The duration that `per_mille` thousandths of the samples do not exceed (1000: the longest), in
 * microseconds; 0 without samples. */
uint64_t histogram_percentile(const struct histogram *h, unsigned per_mille);

#endif
