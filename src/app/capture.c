/* greyline capture: pcapng of live sessions, streamed from the running program.
 *
 * The reply on the control socket is followed by raw pcapng until either side closes. What the
 * daemon cannot deliver in time is left out of the capture, never delayed. Only whole blocks are
 * passed on, so that a capture can be ended at any time and its file be read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "host.h"
#include "limits.h"
#include "rpc.h"
#include "tools.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = 1;
}

static bool write_all(int to, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(to, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* How many of these bytes are whole pcapng blocks: type, length in all, and so on, in the byte
 * order of this machine. */
static size_t whole_blocks(const char *bytes, size_t length)
{
	enum { LENGTH = 4, LEAST = 12 };
	size_t whole = 0;
	uint32_t block;
	while (length - whole >= LEAST) {
		memcpy(&block, bytes + whole + LENGTH, sizeof block);
		if (block < LEAST || block > length - whole)
			break;
		whole += block;
	}
	return whole;
}

/* Until the time is over, a signal comes, or either side closes. */
static int stream(int from, int to, uint64_t until, const sigset_t *quiet)
{
	static char buffer[4 * 65536]; /* any block, and what came behind it */
	size_t held = 0;
	struct pollfd poll_on = {.fd = from, .events = POLLIN};
	while (!interrupted) {
		uint64_t now = clock_now();
		if (now >= until)
			break;
		struct timespec wait = {.tv_sec = (time_t)((until - now) / 1000000),
			.tv_nsec = (long)((until - now) % 1000000) * 1000};
		int ready = ppoll(&poll_on, 1, until == NEVER ? NULL : &wait, quiet);
		if (ready < 0 && errno != EINTR)
			return 1;
		if (ready <= 0)
			continue;
		ssize_t got = read(from, buffer + held, sizeof buffer - held);
		if (got <= 0)
			break;
		held += (size_t)got;
		size_t whole = whole_blocks(buffer, held);
		if (!write_all(to, buffer, whole)) {
			if (errno == EPIPE)
				break;
			fprintf(stderr, "greyline capture: %s\n", strerror(errno));
			return 1;
		}
		held -= whole;
		memmove(buffer, buffer + whole, held);
	}
	return 0;
}

/* The first program that has such a session. */
static int start(const struct settings *settings, json_t *parameters, char error[256])
{
	struct rpc_paths paths = rpc_paths(settings);
	int found = -1;
	snprintf(error, 256, "no program answers in %s: is one running, and with this --run-dir?",
		host_run_dir(settings));
	for (size_t i = 0; i < paths.count && found < 0; i++) {
		int fd = rpc_connect(paths.at[i]);
		json_t *answer = fd < 0 ? NULL
					: rpc_call(fd, "org.greyline.Capture",
						  json_incref(parameters), error);
		if (answer)
			found = fd;
		else if (fd >= 0)
			close(fd);
		json_decref(answer);
	}
	rpc_paths_free(&paths);
	return found;
}

/* Signals come only while ppoll waits, so that none falls between the look and the wait. */
static void listen_for_interrupts(sigset_t *before)
{
	struct sigaction action = {.sa_handler = on_interrupt};
	sigset_t held;
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, before);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int capture_command(const struct command *command, struct settings *settings, const char *word)
{
	unsigned count;
	char error[256];
	if (!settings->output && isatty(STDOUT_FILENO)) {
		fprintf(stderr, "greyline capture: a capture is not for a terminal: --output FILE, "
				"or | tshark -r -\n");
		return 2;
	}
	json_t *parameters = selector_json(settings, &count);
	if (count > 1) {
		fprintf(stderr, "greyline capture: one of --if, --username, --ip, --csid, --sid\n");
		json_decref(parameters);
		return 2;
	}
	json_object_set_new(parameters, "inner", json_boolean(settings->inner));
	int from = start(settings, parameters, error), to = STDOUT_FILENO;
	json_decref(parameters);
	if (from < 0) {
		fprintf(stderr, "greyline capture: %s\n", error);
		return 1;
	}
	if (settings->output)
		to = open(settings->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0) {
		fprintf(stderr, "%s: %s\n", settings->output, strerror(errno));
		close(from);
		return 1;
	}
	sigset_t before;
	listen_for_interrupts(&before);
	uint64_t until = settings->seconds ? clock_now() + SECONDS(settings->seconds) : NEVER;
	int code = stream(from, to, until, &before);
	close(from);
	return close(to) < 0 ? 1 : code;
}
