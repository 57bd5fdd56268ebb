/* The keeper's two halves (see line_keeper.h), which speak over a pair of packet sockets: one
 * request of one byte, any number of lines for the log, one reply, with descriptors where it has
 * some (SCM_RIGHTS).
 *
 * What comes while a line is being opened, a request to close it or the end of the main process, is
 * reason enough to give up: the socket itself is tty.h's `cancel`. */
#include "line_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "limits.h"
#include "recorder.h"

enum request { KEEPER_OPEN = 'o', KEEPER_CLOSE = 'c', KEEPER_CLOSE_HUNG_UP = 'h' };
enum reply_kind { KEEPER_OPENED, KEEPER_FAILED, KEEPER_CLOSED, KEEPER_SAYS };

struct reply {
	enum reply_kind kind;
	bool two; /* descriptors */
	struct line_opened line;
	struct tty_fault fault; /* KEEPER_SAYS: its words alone */
};

struct line_keeper {
	int socket;
	pid_t pid;
	bool attached, over;
	uv_poll_t poll;
	struct line_keeper_events events;
	void *context;
};

/* ---- in the keeper ---- */

struct keeping {
	int socket;
	struct tty_config config;
	struct tty *tty; /* NULL: no line is open */
	pid_t recorder;  /* 0: none */
};

static void tell(const struct keeping *k, const struct reply *reply, const int *fds, size_t count)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct iovec whole = {(void *)(uintptr_t)reply, sizeof(*reply)};
	struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
	if (count) {
		message.msg_control = room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *control = CMSG_FIRSTHDR(&message);
		control->cmsg_level = SOL_SOCKET;
		control->cmsg_type = SCM_RIGHTS;
		control->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(control), fds, count * sizeof(int));
	}
	while (sendmsg(k->socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void say(void *context, const char *line)
{
	const struct keeping *k = context;
	struct reply reply = {.kind = KEEPER_SAYS};
	snprintf(reply.fault.words, sizeof(reply.fault.words), "%s", line);
	tell(k, &reply, NULL, 0);
}

/* A line that cannot be recorded is one all the same. */
static void start_recorder(struct keeping *k, int fds[2])
{
	char line[TTY_WORDS];
	int end;
	if (!k->config.record)
		return;
	pid_t pid = recorder_start(k->config.record, fds[0], fds[1], k->config.sync, &end);
	if (pid > 0) {
		k->recorder = pid;
		fds[0] = fds[1] = end;
		return;
	}
	snprintf(line, sizeof(line), "Couldn't open record file %.160s: %s", k->config.record,
		strerror(-pid));
	say(k, line);
}

static void open_line(struct keeping *k)
{
	struct reply reply = {.kind = KEEPER_FAILED};
	if (tty_open(&k->tty, &k->config, &reply.fault) < 0) {
		k->tty = NULL;
		tell(k, &reply, NULL, 0);
		return;
	}
	int fds[2] = {tty_input(k->tty), tty_output(k->tty)};
	start_recorder(k, fds);
	reply = (struct reply){.kind = KEEPER_OPENED, .two = fds[0] != fds[1]};
	reply.line.queue = tty_queue(k->tty);
	reply.line.speed = tty_speed(k->tty);
	snprintf(reply.line.name, sizeof(reply.line.name), "%s", tty_name(k->tty));
	tell(k, &reply, fds, reply.two ? 2 : 1);
	if (k->recorder)
		close(fds[0]);
}

static void close_line(struct keeping *k, bool hung_up)
{
	if (k->recorder)
		recorder_stop(k->recorder);
	k->recorder = 0;
	if (k->tty)
		tty_close(k->tty, hung_up);
	k->tty = NULL;
}

static void do_request(struct keeping *k, uint8_t request)
{
	struct reply closed = {.kind = KEEPER_CLOSED};
	if (request == KEEPER_OPEN && !k->tty) {
		open_line(k);
		return;
	}
	if (request == KEEPER_OPEN || !k->tty)
		return; /* it failed meanwhile, and that was told */
	close_line(k, request == KEEPER_CLOSE_HUNG_UP);
	tell(k, &closed, NULL, 0);
}

static void __attribute__((noreturn)) keep(int socket, const struct tty_config *config)
{
	struct keeping k = {.socket = socket, .config = *config};
	k.config.cancel = socket;
	k.config.log = say;
	k.config.context = &k;
	sigset_t none;
	prctl(PR_SET_NAME, "greyline-line");
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* a child's end is not to be ignored, above all */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (;;) {
		uint8_t request;
		ssize_t got = recv(socket, &request, sizeof(request), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		do_request(&k, request);
	}
	close_line(&k, false);
	_exit(0);
}

/* ---- in the main process ---- */

/* What the keeper alone is to hold open. */
static void let_standard_go(void)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing < 0)
		return;
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	close(nothing);
}

int line_keeper_start(struct line_keeper **out, const struct tty_config *config)
{
	int ends[2];
	struct line_keeper *keeper = calloc(1, sizeof(*keeper));
	if (!keeper)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		int failed = -errno;
		free(keeper);
		return failed;
	}
	fflush(NULL);
	keeper->pid = fork();
	if (keeper->pid == 0) {
		close(ends[0]);
		keep(ends[1], config);
	}
	int failed = keeper->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (failed) {
		close(ends[0]);
		free(keeper);
		return failed;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	keeper->socket = ends[0];
	if (config->notty || (!config->device && !config->command))
		let_standard_go();
	*out = keeper;
	return 0;
}

/* The descriptors that came with a message; -1 where there is none. */
static void take_descriptors(struct msghdr *message, int fds[2])
{
	fds[0] = fds[1] = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), (count < 2 ? count : 2) * sizeof(int));
	}
}

static void hear(struct line_keeper *keeper, struct reply *reply, int fds[2])
{
	switch (reply->kind) {
	case KEEPER_OPENED:
		reply->line.in = fds[0];
		reply->line.out = reply->two ? fds[1] : fds[0];
		keeper->events.opened(keeper->context, &reply->line);
		break;
	case KEEPER_FAILED:
		keeper->events.failed(keeper->context, &reply->fault);
		break;
	case KEEPER_CLOSED:
		keeper->events.closed(keeper->context);
		break;
	case KEEPER_SAYS:
		keeper->events.log(keeper->context, reply->fault.words);
		break;
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct line_keeper *keeper = poll->data;
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(2 * sizeof(int))];
	struct reply reply;
	struct iovec whole = {&reply, sizeof(reply)};
	while (!keeper->over) {
		struct msghdr message = {.msg_iov = &whole,
			.msg_iovlen = 1,
			.msg_control = room,
			.msg_controllen = sizeof(room)};
		int fds[2];
		ssize_t got = recvmsg(keeper->socket, &message, MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got != sizeof(reply)) {
			uv_poll_stop(poll);
			keeper->over = true;
			keeper->events.lost(keeper->context);
			return;
		}
		take_descriptors(&message, fds);
		hear(keeper, &reply, fds);
	}
}

int line_keeper_attach(struct line_keeper *keeper, uv_loop_t *loop,
	const struct line_keeper_events *events, void *context)
{
	keeper->events = *events;
	keeper->context = context;
	int failed = uv_poll_init(loop, &keeper->poll, keeper->socket);
	if (failed)
		return failed;
	keeper->poll.data = keeper;
	keeper->attached = true;
	return uv_poll_start(&keeper->poll, UV_READABLE, on_ready);
}

static void ask(struct line_keeper *keeper, uint8_t request)
{
	if (!keeper->over)
		send(keeper->socket, &request, sizeof(request), MSG_NOSIGNAL);
}

void line_keeper_open(struct line_keeper *keeper)
{
	ask(keeper, KEEPER_OPEN);
}

void line_keeper_close(struct line_keeper *keeper, bool hung_up)
{
	ask(keeper, hung_up ? KEEPER_CLOSE_HUNG_UP : KEEPER_CLOSE);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Its end of the socket closes when it exits. */
static void await_end(const struct line_keeper *keeper, uint64_t wait_us)
{
	uint64_t until = clock_now() + wait_us;
	struct pollfd fd = {.fd = keeper->socket, .events = POLLIN};
	char rest[sizeof(struct reply)];
	for (uint64_t now = clock_now(); now < until; now = clock_now()) {
		if (poll(&fd, 1, (int)((until - now) / 1000) + 1) <= 0)
			continue;
		ssize_t got = recv(keeper->socket, rest, sizeof(rest), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			break;
	}
	waitpid(keeper->pid, NULL, WNOHANG);
}

void line_keeper_stop(struct line_keeper *keeper, uint64_t wait_us)
{
	if (!keeper)
		return;
	keeper->over = true;
	if (keeper->attached)
		uv_poll_stop(&keeper->poll);
	shutdown(keeper->socket, SHUT_WR);
	await_end(keeper, wait_us);
	close(keeper->socket);
	if (keeper->attached)
		uv_close((uv_handle_t *)&keeper->poll, on_closed);
	else
		free(keeper);
}
