/* The simulator's only source of chance: everything a run decides follows from its seed. */
#ifndef GREYLINE_DICE_H
#define GREYLINE_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state[4];
};

/* Independent streams of one seed, so that what one part of a run asks of chance does not change
 * what another gets: a kept seed outlives additions elsewhere. */
enum dice_stream {
	DICE_RUN = 1,
	DICE_ADVERSARY,
	DICE_BYSTANDER,
	DICE_ENDS = 16,
	DICE_AUTH,
	DICE_MUTUAL,
	DICE_ENCRYPTION,
	DICE_ADDRESSES,
	DICE_LIMITS,
	DICE_MISHAPS,
	DICE_AIMS,
	DICE_WEATHER,
	DICE_PACE,
	DICE_TRAFFIC,
	DICE_BREAK,
	DICE_STATEFUL,
	DICE_QUEUES,
	DICE_ROLES,
	DICE_IPV6 = 40,
	DICE_SERVICES,
	DICE_QUALITY = 64,
	DICE_COMPRESSION = 80,
	DICE_INNER = 96,
	DICE_HEADERS = 97,
	DICE_TLS = 72,
	DICE_TLS_BREAK,
	DICE_WINDOW = 80,
	DICE_MULTILINK = 88,
	DICE_SECRETS = 112,
	DICE_NAT = 84,
	DICE_ECP = 120,
	DICE_LINE = 128,
};

void dice_seed(struct dice *dice, uint64_t seed, uint64_t stream);
uint64_t dice_u64(struct dice *dice);
/* 0 to n - 1; 0 when n is 0. */
uint32_t dice_below(struct dice *dice, uint32_t n);
/* low to high, both included. */
uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high);
bool dice_chance(struct dice *dice, uint32_t per_10000);
void dice_bytes(struct dice *dice, void *out, size_t length);

#endif
