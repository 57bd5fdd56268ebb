/* Closes descriptors away from the threads that must not wait.
 *
 * Closing the last descriptor of a TUN makes the kernel remove the interface and wait until nobody
 * looks at it any more: 18 ms measured, in which a worker would move no packet of anybody. The
 * waits of several threads overlap in the kernel, so a few of them share the work. */
#ifndef GREYLINE_REAPER_H
#define GREYLINE_REAPER_H

#include <pthread.h>

enum { REAPER_THREADS = 4 };

struct reaper {
	int in, out; /* the two ends of a pipe of descriptors */
	unsigned thread_count;
	pthread_t threads[REAPER_THREADS];
};

/* 0 or -errno. */
int reaper_start(struct reaper *reaper);
/* Takes `fd` over. Any thread; does not block. */
void reaper_close(struct reaper *reaper, int fd);
/* Closes what is left, then joins. */
void reaper_stop(struct reaper *reaper);

#endif
