/* The keeper of a line: a small process that opens terminals and runs their scripts.
 *
 * It is forked before privileges are dropped, threads made and filters installed, and does what
 * tty.h does: it may block for as long as a modem dials, and its scripts are whatever the
 * administrator wrote. The line's descriptors come to the main process; the terminal stays the
 * keeper's, so that it is given back as it was (settings, DTR, lock file) when PPP has ended,
 * and also when the main process is gone, however it went. It ignores TERM, INT and HUP. */
#ifndef GREYLINE_LINE_KEEPER_H
#define GREYLINE_LINE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "tty.h"

struct line_keeper;

/* A line that is open. */
struct line_opened {
	int in, out;    /* of whoever is told; the same but for pipes */
	size_t queue;   /* for line_config */
	uint32_t speed; /* 0: unknown */
	char name[64];  /* "/dev/ttyS0"; "" for pipes and sockets */
};

/* Called from the loop. */
struct line_keeper_events {
	void (*opened)(void *context, const struct line_opened *line);
	void (*failed)(void *context, const struct tty_fault *fault);
	void (*closed)(void *context); /* the terminal is as it was */
	void (*log)(void *context, const char *line);
	/* The keeper died: nothing is opened any more, and nothing else is told. */
	void (*lost)(void *context);
};

/* Forks it; `config` (but for `cancel`, `log` and `context`) must stay. With `notty` descriptors 0
 * and 1 are the keeper's alone from here on: in their places is /dev/null. 0 or -errno. */
int line_keeper_start(struct line_keeper **keeper, const struct tty_config *config);
int line_keeper_attach(struct line_keeper *keeper, uv_loop_t *loop,
	const struct line_keeper_events *events, void *context);

/* Opens the line: `opened` or `failed` follows. One at a time. */
void line_keeper_open(struct line_keeper *keeper);
/* Gives it back, or gives up opening it: `closed` follows, or `failed`. The descriptors that were
 * given should be closed by then. `hung_up`: there is nobody at the other end any more. */
void line_keeper_close(struct line_keeper *keeper, bool hung_up);

/* Lets the keeper go; waits up to `wait_us` for the end of what it does. The memory is freed when
 * the loop has run once more, or, where it was never attached, at once. NULL is fine. */
void line_keeper_stop(struct line_keeper *keeper, uint64_t wait_us);

#endif
