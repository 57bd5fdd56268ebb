/* Threads that close descriptors (see reaper.h). A pipe hands them over: writes and reads of one
 * int are whole (PIPE_BUF), and closing its end tells the threads that nothing more comes. */
#include "reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void *reaper_main(void *context)
{
	struct reaper *reaper = context;
	int fd;
	for (;;) {
		ssize_t got = read(reaper->out, &fd, sizeof(fd));
		if (got == (ssize_t)sizeof(fd))
			close(fd);
		else if (got >= 0 || errno != EINTR)
			return NULL;
	}
}

static int start_threads(struct reaper *reaper)
{
	sigset_t all, before;
	int failed = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the control thread */
	while (!failed && reaper->thread_count < REAPER_THREADS) {
		pthread_t *thread = &reaper->threads[reaper->thread_count];
		failed = -pthread_create(thread, NULL, reaper_main, reaper);
		if (!failed) {
			pthread_setname_np(*thread, "reaper");
			reaper->thread_count++;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

int reaper_start(struct reaper *reaper)
{
	int ends[2];
	memset(reaper, 0, sizeof(*reaper));
	reaper->in = reaper->out = -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reaper->out = ends[0];
	reaper->in = ends[1];
	fcntl(reaper->in, F_SETFL, O_NONBLOCK);
	int failed = start_threads(reaper);
	if (failed)
		reaper_stop(reaper);
	return failed;
}

void reaper_close(struct reaper *reaper, int fd)
{
	/* A full pipe holds thousands: then waiting here is the lesser evil. */
	if (write(reaper->in, &fd, sizeof(fd)) != (ssize_t)sizeof(fd))
		close(fd);
}

void reaper_stop(struct reaper *reaper)
{
	if (reaper->in >= 0)
		close(reaper->in);
	while (reaper->thread_count)
		pthread_join(reaper->threads[--reaper->thread_count], NULL);
	if (reaper->out >= 0)
		close(reaper->out);
	reaper->in = reaper->out = -1;
}
