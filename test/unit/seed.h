/* What tests that draw begin with: the seed is printed, and GREYLINE_SEED takes another. */
#ifndef GREYLINE_TEST_SEED_H
#define GREYLINE_TEST_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

static inline uint64_t seed_of_run(uint64_t usual)
{
	const char *given = getenv("GREYLINE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : usual;
	printf("seed %llu (GREYLINE_SEED)\n", (unsigned long long)seed);
	return seed;
}

static inline struct random random_from(uint64_t seed)
{
	uint8_t bytes[32] = {0};
	struct random r;
	memcpy(bytes, &seed, sizeof(seed));
	random_seed(&r, bytes);
	return r;
}

#endif
