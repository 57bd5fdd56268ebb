/* Local call IDs: unpredictable, unique in the process, held back for CALL_ID_HOLD after use. */
#ifndef GREYLINE_CALL_IDS_H
#define GREYLINE_CALL_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"
#include "random.h"

struct call_ids {
	uint16_t free[CALL_IDS]; /* in no order: one is picked at random */
	uint32_t free_count;
	/* Those in use have a bit; those held back wait in a ring, oldest first. */
	uint8_t used[CALL_IDS / 8];
	struct call_id_held {
		uint64_t until;
		uint16_t id;
	} held[CALL_IDS];
	uint32_t held_at, held_count;
};

void call_ids_init(struct call_ids *ids);
/* 1 to 65535; 0 when all are in use or held back. */
uint16_t call_ids_take(struct call_ids *ids, struct random *random, uint64_t now);
/* One that is `rest` modulo `modulus`, if a few draws find it; else any. */
uint16_t call_ids_take_like(
	struct call_ids *ids, struct random *random, uint64_t now, unsigned modulus, unsigned rest);
void call_ids_release(struct call_ids *ids, uint16_t id, uint64_t now);

#endif
