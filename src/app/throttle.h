/* Failed logins, by address and by user: each failure beyond the free ones doubles the time in
 * which no further try is looked at. The table is bounded; the longest silent entry gives way. */
#ifndef GREYLINE_THROTTLE_H
#define GREYLINE_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum { THROTTLE_SETS = 1024, THROTTLE_WAYS = 4 };

#define THROTTLE_DELAY_FIRST    SECONDS(1)
#define THROTTLE_DELAY_MAX      SECONDS(300)  /* of an address */
#define THROTTLE_DELAY_MAX_USER SECONDS(30)   /* of a user: others must not lock him out for long */
#define THROTTLE_FORGET         SECONDS(3600) /* silence after which failures are forgotten */

struct throttle {
	uint64_t secret; /* mixed into the hash, so that nobody can aim at one set */
	uint32_t free_failures;
	uint64_t delay_max;
	struct throttle_entry {
		uint64_t key; /* 0: empty */
		uint64_t last, until;
		uint32_t failures;
	} entries[THROTTLE_SETS][THROTTLE_WAYS];
};

void throttle_init(
	struct throttle *throttle, uint64_t secret, uint32_t free_failures, uint64_t delay_max);
/* How long this key has to wait still; 0: not at all. */
uint64_t throttle_wait(struct throttle *throttle, const void *key, size_t length, uint64_t now);
void throttle_failed(struct throttle *throttle, const void *key, size_t length, uint64_t now);
/* Forgets a key that proved itself; gives how many failures it had. */
uint32_t throttle_succeeded(struct throttle *throttle, const void *key, size_t length);
/* Takes back `count` failures of a key, and its wait when none of them is left. */
void throttle_forgive(struct throttle *throttle, const void *key, size_t length, uint32_t count);

#endif
