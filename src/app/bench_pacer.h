/* So many a second, evenly: how many are due now. */
#ifndef GREYLINE_BENCH_PACER_H
#define GREYLINE_BENCH_PACER_H

#include <stdint.h>

struct pacer {
	uint64_t rate;   /* thousandths a second; 0: none are ever due */
	uint64_t at;     /* when it was last asked, microseconds */
	uint64_t credit; /* of one that is due: PACER_ONE */
	uint64_t missed; /* were due and are not made up for: whoever asked came too late */
};

/* A rate in thousandths times a time in microseconds that makes one due. */
#define PACER_ONE UINT64_C(1000000000)

void pacer_start(struct pacer *p, uint64_t rate, uint64_t now);
/* Another rate from now on. */
void pacer_set(struct pacer *p, uint64_t rate, uint64_t now);
/* How many are due, `most` at most; what is left over stays due. */
uint32_t pacer_due(struct pacer *p, uint64_t now, uint32_t most);

#endif
