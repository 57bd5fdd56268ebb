/* A libuv loop, and waiting on it for something to become true: a test that would hang fails. */
#ifndef GREYLINE_TEST_WAITING_H
#define GREYLINE_TEST_WAITING_H

#include <uv.h>

extern uv_loop_t loop;

void waiting_open(void);
/* What still is on the loop is closed by now, or the test fails. */
void waiting_close(void);

/* Between them the loop turns every few milliseconds; after twenty seconds the test fails. */
void waiting_begin(void);
void waiting_end(void);

/* Whatever is only counted or published somewhere, not told to the loop, is seen too. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		waiting_begin();                                                                   \
		while (!(condition))                                                               \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		waiting_end();                                                                     \
	} while (0)

/* Lets the loop run for a while. */
void settle(unsigned milliseconds);

#endif
