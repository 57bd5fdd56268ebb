/* What a run must never do, and what all runs together must have done. */
#ifndef GREYLINE_CHECK_H
#define GREYLINE_CHECK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "codec_params.h"
#include "fsm.h"
#include "reason.h"

/* What is counted over all seeds. */
struct tally {
	uint64_t seeds, failed, virtual_us, steps;
	uint64_t plain, plain_opened;     /* compatible, at most 5 % loss, nobody interferes */
	uint64_t hostile, healthy_opened; /* adversary seeds, and their bystanders that opened */
	uint64_t sessions, opened, incoming, renegotiated;
	uint64_t tls;             /* proofs by EAP-TLS */
	uint64_t bundles, joined; /* made, and links that joined one, at both ends */
	uint64_t windows;         /* looks at a data path that found a packet waiting */
	uint64_t again, changes;  /* proofs in the middle of a session; changed passwords */
	uint64_t ipv6;            /* ends that had it when all was settled */
	uint64_t delegated;       /* ... and a prefix */
	uint64_t data6_received;
	uint64_t closes[2][CLOSE_COUNT]; /* client, server */
	uint64_t still_open;             /* until the end of the run, which then closed them */
	uint64_t codecs[CODEC_METHODS];  /* ends that compress so */
	uint64_t drops[DROP_COUNT];
	uint64_t data_sent, data_received, data_late;
	uint64_t headers;                /* of them restored from compressed ones */
	uint32_t most_items, most_bytes; /* of an outbox */
	/* Cells of the automaton reached by endpoints, and by hand. */
	uint8_t cells[FSM_EVENTS][FSM_STATES], by_hand[FSM_EVENTS][FSM_STATES];
};
extern struct tally tally;

/* Set before each run, so that a failure can say how to see it again. With `resume` a failing run
 * is given up there instead of ending the program. */
void check_begin(uint64_t seed, jmp_buf *resume);
/* Ends the program or the run: what broke, the seed, and the command that replays it. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints what the seeds came to. False when the share that opened is too small, or `complete` and
 * some reason or cell was never reached. */
bool check_summary(bool complete);

#endif
