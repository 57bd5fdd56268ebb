/* Recording a line (see recorder.h).
 *
 *   line ─▶ bytes ─▶ file, as received ─▶ user       user ─▶ bytes ─▶ file, as sent ─▶ line
 *
 * Each direction has one buffer, read again when it is empty. What could not be written to the
 * file is passed on all the same. The file is a row of marks: a time, once; then tenths of a second
 * since the mark before, where some have passed, and a direction with a length and its bytes. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* pppdump's marks. */
enum {
	MARK_SENT = 1,
	MARK_RECEIVED = 2,
	MARK_SENT_END = 3,
	MARK_RECEIVED_END = 4,
	MARK_LATER = 5, /* and 32 bits of tenths of a second */
	MARK_SOON = 6,  /* and 8 */
	MARK_TIME = 7,  /* and 32 bits of seconds since 1970 */
};

enum { PIECE = 8192 };

struct way {
	int from, to;
	uint8_t mark, end_mark;
	size_t at, length;
	uint8_t bytes[PIECE];
};

static uint64_t tenths(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 10 + (uint64_t)now.tv_nsec / 100000000;
}

static size_t put32(uint8_t *at, uint8_t mark, uint32_t value)
{
	at[0] = mark;
	for (unsigned i = 0; i < 4; i++)
		at[1 + i] = (uint8_t)(value >> (24 - 8 * i));
	return 5;
}

static void put(int file, const void *bytes, size_t length)
{
	ssize_t written = write(file, bytes, length);
	(void)written; /* a full disk does not stop the line */
}

/* The time that has passed, and a mark; behind it, unless it is an end, a length. */
static void put_mark(int file, uint64_t *last, uint8_t mark, size_t length)
{
	uint8_t head[8];
	size_t used = 0;
	uint64_t now = tenths(), passed = now > *last ? now - *last : 0;
	if (passed > UINT8_MAX)
		used = put32(head, MARK_LATER, (uint32_t)passed);
	else if (passed)
		head[used++] = MARK_SOON, head[used++] = (uint8_t)passed;
	*last = now;
	head[used++] = mark;
	if (length) {
		head[used++] = (uint8_t)(length >> 8);
		put(file, head, used);
		head[0] = (uint8_t)length;
		used = 1;
	}
	put(file, head, used);
}

/* False at the end of the way. */
static bool take(struct way *way, int file, uint64_t *last)
{
	ssize_t got = read(way->from, way->bytes, sizeof(way->bytes));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0) {
		put_mark(file, last, way->end_mark, 0);
		return false;
	}
	put_mark(file, last, way->mark, (size_t)got);
	put(file, way->bytes, (size_t)got);
	way->at = 0;
	way->length = (size_t)got;
	return true;
}

static bool give(struct way *way)
{
	ssize_t gone = write(way->to, way->bytes + way->at, way->length);
	if (gone < 0)
		return errno == EAGAIN || errno == EINTR;
	way->at += (size_t)gone;
	way->length -= (size_t)gone;
	return true;
}

static bool step(struct way ways[2], int file, uint64_t *last)
{
	struct pollfd both[2];
	for (unsigned i = 0; i < 2; i++)
		both[i] = ways[i].length ? (struct pollfd){ways[i].to, POLLOUT, 0}
					 : (struct pollfd){ways[i].from, POLLIN, 0};
	if (poll(both, 2, -1) < 0)
		return errno == EINTR;
	for (unsigned i = 0; i < 2; i++)
		if (both[i].revents &&
			!(ways[i].length ? give(&ways[i]) : take(&ways[i], file, last)))
			return false;
	return true;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Nobody's hangup shall wait for us to let go of something that is not ours. */
static void close_others(const int *kept, size_t count)
{
	int sorted[4];
	unsigned from = 0;
	for (size_t i = 0; i < count; i++)
		sorted[i] = kept[i];
	qsort(sorted, count, sizeof(sorted[0]), by_number);
	for (size_t i = 0; i < count; i++) {
		if ((unsigned)sorted[i] > from)
			close_range(from, (unsigned)sorted[i] - 1, 0);
		from = (unsigned)sorted[i] + 1;
	}
	close_range(from, ~0u, 0);
}

static void __attribute__((noreturn)) record(int file, int in, int out, int end)
{
	static struct way ways[2];
	uint64_t last = tenths();
	uint8_t head[5];
	close_others((const int[]){file, in, out, end}, 4);
	prctl(PR_SET_NAME, "greyline-record");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGTERM, SIG_DFL);
	ways[0] =
		(struct way){.from = end, .to = out, .mark = MARK_SENT, .end_mark = MARK_SENT_END};
	ways[1] = (struct way){
		.from = in, .to = end, .mark = MARK_RECEIVED, .end_mark = MARK_RECEIVED_END};
	for (unsigned i = 0; i < 2; i++) {
		fcntl(ways[i].from, F_SETFL, fcntl(ways[i].from, F_GETFL) | O_NONBLOCK);
		fcntl(ways[i].to, F_SETFL, fcntl(ways[i].to, F_GETFL) | O_NONBLOCK);
	}
	put(file, head, put32(head, MARK_TIME, (uint32_t)(last / 10)));
	last -= last % 10;
	while (step(ways, file, &last))
		;
	_exit(0);
}

pid_t recorder_start(const char *path, int in, int out, bool sync, int *end)
{
	int ends[2], kind = sync ? SOCK_SEQPACKET : SOCK_STREAM;
	int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (file < 0)
		return -errno;
	if (socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, ends) < 0) {
		int failed = -errno;
		close(file);
		return failed;
	}
	pid_t pid = fork();
	int failed = pid < 0 ? -errno : 0;
	if (pid == 0)
		record(file, in, out, ends[1]);
	close(file);
	close(ends[1]);
	if (failed) {
		close(ends[0]);
		return failed;
	}
	*end = ends[0];
	return pid;
}

void recorder_stop(pid_t recorder)
{
	kill(recorder, SIGTERM);
	while (waitpid(recorder, NULL, 0) < 0 && errno == EINTR)
		;
}
