/* A pacer (see bench_pacer.h): credit grows with time, and one that is sent costs one.
 *
 * Credit does not pile up beyond PACER_BEHIND: a program that was held up for a moment goes on at
 * its rate, and does not make up for it with a burst that no traffic at that rate would have. What
 * is given up is counted, so that a generator that cannot keep up says so. */
#include "bench_pacer.h"

#include "limits.h"

#define PACER_BEHIND MS(20)
#define LONGEST      SECONDS(1) /* between two calls, so that the product fits */

void pacer_start(struct pacer *p, uint64_t rate, uint64_t now)
{
	*p = (struct pacer){.rate = rate, .at = now};
}

static void pass(struct pacer *p, uint64_t now)
{
	uint64_t elapsed = now > p->at ? now - p->at : 0;
	uint64_t most = p->rate * PACER_BEHIND;
	if (elapsed > LONGEST)
		elapsed = LONGEST;
	if (most < PACER_ONE)
		most = PACER_ONE;
	if (now > p->at)
		p->at = now;
	p->credit += elapsed * p->rate;
	if (p->credit > most) {
		uint64_t over = (p->credit - most) / PACER_ONE;
		p->missed += over;
		p->credit -= over * PACER_ONE;
	}
}

void pacer_set(struct pacer *p, uint64_t rate, uint64_t now)
{
	pass(p, now);
	p->rate = rate;
}

uint32_t pacer_due(struct pacer *p, uint64_t now, uint32_t most)
{
	pass(p, now);
	uint64_t due = p->credit / PACER_ONE;
	if (due > most)
		due = most;
	p->credit -= due * PACER_ONE;
	return (uint32_t)due;
}
