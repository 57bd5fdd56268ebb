/* How threads wake one another: several ring, one answers.
 *
 * Ringing costs an atomic operation; the system call is made only when the one who answers is
 * asleep, and only by the first who rings then. */
#ifndef GREYLINE_DOORBELL_H
#define GREYLINE_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { DOORBELL_RINGERS = 32 };

struct doorbell {
	int fd;                             /* eventfd: readable when the sleeper is to wake */
	_Alignas(64) _Atomic uint32_t rung; /* bit n: ringer n has something */
	_Atomic bool asleep;
};

/* 0 or -errno. */
int doorbell_init(struct doorbell *bell);
void doorbell_free(struct doorbell *bell);

/* Any thread, with a number of its own below DOORBELL_RINGERS. What it has written before, the
 * other will see. */
void doorbell_ring(struct doorbell *bell, unsigned ringer);

/* The rest is for the one who answers. Who has rung since the last call: */
uint32_t doorbell_answer(struct doorbell *bell);
bool doorbell_rung(const struct doorbell *bell);
/* Before it sleeps on `fd`: false when it must not, because somebody has rung. */
bool doorbell_sleep(struct doorbell *bell);
/* Awake again, for whatever reason. */
void doorbell_wake(struct doorbell *bell);
/* Makes `fd` readable, so that a sleep that cannot be called off is short. */
void doorbell_knock(struct doorbell *bell);
/* When `fd` is readable. */
void doorbell_silence(struct doorbell *bell);

#endif
