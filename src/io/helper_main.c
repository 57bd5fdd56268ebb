/* The helper process: one socket, a queue of jobs, the scripts that run.
 *
 * Jobs stand in the order asked. One may start when no earlier job of its key is left; HELPER_UNDO
 * waits for all before it and holds all behind it. Changes to the host are made on the spot, a
 * script is started and waited for. SIGCHLD comes through a signalfd, so everything happens in one
 * poll.
 *
 * When the socket's other end is closed the main process is gone. What was asked and is no script
 * is dropped, the host is put back at once, and scripts get a few seconds to finish, those that
 * still wait (an ip-down) included. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "changes.h"
#include "clock.h"
#include "limits.h"
#include "namespace.h"
#include "spawn.h"

enum { JOBS_MAX = 65536, KEY_BITS = 65536 };
#define SCRIPT_TIMEOUT   SECONDS(60)
#define ORPHAN_TIME      SECONDS(5)
/* For a program whose call is over. */
#define PROGRAM_PATIENCE SECONDS(2)

struct job {
	struct job *next;
	struct helper_request request; /* strings point into `bytes` */
	pid_t pid;                     /* 0: waiting */
	int terminal;                  /* of a program that is to be started; -1 */
	unsigned asked_to_end;         /* how often, of a program */
	uint64_t deadline;
	bool killed;
	size_t length;
	uint8_t bytes[];
};

struct server {
	const struct helper_config *config;
	struct changes changes;
	int socket, signals;
	struct job *first;
	unsigned jobs, running;
	bool orphaned;
	uint64_t end; /* orphaned: when to stop waiting */
};

static void reply(struct server *s, uint32_t id, int result, const char *error)
{
	struct helper_reply message = {.id = id, .result = result};
	uint8_t bytes[HELPER_MESSAGE_MAX];
	snprintf(message.error, sizeof(message.error), "%s", error);
	/* Blocks when the main process is behind; fails when it is gone. */
	if (!s->orphaned)
		send(s->socket, bytes, helper_write_reply(bytes, &message), MSG_NOSIGNAL);
}

/* Takes `*place` out of the queue. */
static void finish(struct server *s, struct job **place, int result, const char *error)
{
	struct job *job = *place;
	reply(s, job->request.id, result, error);
	if (job->terminal >= 0)
		close(job->terminal);
	*place = job->next;
	s->jobs--;
	explicit_bzero(job->bytes, job->length); /* it may hold a password */
	free(job);
}

static bool is_named(const char *variable, const char *name, size_t length)
{
	return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

/* What the user wants set or not set, whatever the requests say; `environment` has room for it. The
 * count. */
static unsigned add_wishes(const struct helper_config *config, char **environment, unsigned count)
{
	for (size_t i = 0; i < config->set_count; i++) {
		unsigned at = 0;
		while (at < count &&
			!is_named(environment[at], config->set[i], strcspn(config->set[i], "=")))
			at++;
		environment[at] = config->set[i];
		count += at == count;
	}
	for (size_t i = 0; i < config->unset_count; i++)
		for (unsigned at = 0; at < count; at++)
			if (is_named(environment[at], config->unset[i], strlen(config->unset[i])))
				environment[at] = environment[--count];
	return count;
}

static int start_script(struct server *s, struct job *job, char error[256])
{
	const struct helper_request *request = &job->request;
	char *arguments[HELPER_ARGUMENTS_MAX + 2];
	char **environment;
	unsigned count = 0;
	if (request->script.script >= s->config->script_count)
		return -EINVAL;
	/* execve() takes pointers to what it does not write. */
	const char *path = s->config->scripts[request->script.script];
	arguments[count++] = (char *)(uintptr_t)path;
	for (unsigned i = 0; i < request->script.argument_count; i++)
		arguments[count++] = (char *)(uintptr_t)request->script.arguments[i];
	arguments[count] = NULL;
	count = 0;
	environment =
		calloc(HELPER_ENVIRONMENT_MAX + 2 + s->config->set_count, sizeof *environment);
	if (!environment)
		return -ENOMEM;
	environment[count++] = (char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
					"/sbin:/bin"};
	for (unsigned i = 0; i < request->script.environment_count; i++) {
		if (!helper_variable_allowed(request->script.environment[i])) {
			free(environment);
			return -EINVAL;
		}
		environment[count++] = (char *)(uintptr_t)request->script.environment[i];
	}
	count = add_wishes(s->config, environment, count);
	environment[count] = NULL;
	pid_t pid = spawn_start(path, arguments, environment, -1, -1);
	free(environment);
	if (pid < 0) {
		snprintf(error, 256, "Couldn't run %.200s: %s", path, strerror(-pid));
		return pid;
	}
	uint64_t timeout = s->config->script_timeout_us;
	job->pid = pid;
	job->deadline = clock_now() + (timeout ? timeout : SCRIPT_TIMEOUT);
	s->running++;
	return 0;
}

static bool is_program(const struct job *job)
{
	return job->request.operation == HELPER_PROGRAM;
}

static int start_program(struct server *s, struct job *job, char error[256])
{
	pid_t pid = helper_program_start(s->config, &job->request.program, job->terminal);
	if (job->terminal >= 0)
		close(job->terminal);
	job->terminal = -1;
	if (pid < 0) {
		snprintf(error, 256, "Couldn't run %.200s: %s",
			s->config->program ? s->config->program : "the PPP program",
			strerror(-pid));
		return pid;
	}
	job->pid = pid;
	job->deadline = NEVER;
	return 0;
}

/* It has a moment for each before the next. */
static void end_program(struct job *job)
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGKILL};
	enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
	if (job->asked_to_end < SIGNALS)
		kill(-job->pid, signals[job->asked_to_end++]);
	job->deadline = job->asked_to_end < SIGNALS ? clock_now() + PROGRAM_PATIENCE : NEVER;
}

/* At once, whatever else waits. */
static void end_programs(struct server *s, const uint32_t *key)
{
	for (struct job *job = s->first; job; job = job->next)
		if (is_program(job) && job->pid && !job->asked_to_end &&
			(!key || job->request.key == *key))
			end_program(job);
}

static int renew(struct server *s, const struct helper_request *request, char error[256])
{
	const struct helper_config *config = s->config;
	const char *server = request->renew.server;
	if (!config->secrets_path || !config->renew)
		return -EINVAL;
	return config->renew(config->secrets_path, request->renew.client, *server ? server : NULL,
		request->renew.word, error);
}

/* Starts or does the job at `place`; true when it is still in the queue afterwards. */
static bool begin(struct server *s, struct job **place)
{
	struct job *job = *place;
	char error[256] = "";
	if (is_program(job)) {
		int failed = start_program(s, job, error);
		if (failed)
			finish(s, place, failed, error);
		return !failed;
	}
	if (job->request.operation == HELPER_PROGRAM_END) {
		end_programs(s, &job->request.key);
		finish(s, place, 0, "");
		return false;
	}
	if (job->request.operation != HELPER_SCRIPT) {
		int result = job->request.operation == HELPER_RENEW
				     ? renew(s, &job->request, error)
				     : changes_make(&s->changes, &job->request, error);
		finish(s, place, result, error);
		return false;
	}
	int failed = start_script(s, job, error);
	if (failed)
		finish(s, place, failed, error);
	return !failed;
}

/* Starts every job whose turn it is. Keys are told apart by 16 bits: two that share them only
 * wait for each other without need. */
static void schedule(struct server *s)
{
	static uint64_t held[KEY_BITS / 64];
	memset(held, 0, sizeof(held));
	bool first = true;
	for (struct job **place = &s->first; *place;) {
		struct job *job = *place;
		uint32_t key = job->request.key % KEY_BITS;
		bool undo = job->request.operation == HELPER_UNDO;
		bool free_key = !(held[key / 64] >> key % 64 & 1);
		bool script = job->request.operation == HELPER_SCRIPT;
		if (is_program(job)) {
			if (job->pid || begin(s, place))
				place = &job->next;
			continue;
		}
		if (undo && !first)
			return;
		held[key / 64] |= UINT64_C(1) << key % 64;
		if (!job->pid && free_key && (!script || s->running < HELPER_RUNNING_MAX)) {
			if (!begin(s, place)) {
				held[key / 64] &= ~(UINT64_C(1) << key % 64);
				continue;
			}
		}
		first = false;
		place = &job->next;
	}
}

static void enqueue(struct server *s, const uint8_t *bytes, size_t length, int fd)
{
	struct job *job = calloc(1, sizeof(*job) + length);
	struct helper_request request;
	if (!job || !helper_read_request(&request, bytes, length)) {
		free(job);
		if (fd >= 0)
			close(fd);
		/* A request that cannot be read has no number to answer to, but for its start. */
		if (length >= 4)
			reply(s,
				(uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
					(uint32_t)bytes[2] << 8 | bytes[3],
				-EINVAL, "the helper does not understand the request");
		return;
	}
	memcpy(job->bytes, bytes, length);
	job->length = length;
	job->terminal = fd;
	bool parsed = helper_read_request(&job->request, job->bytes, length);
	assert(parsed);
	struct job **place = &s->first;
	while (*place)
		place = &(*place)->next;
	*place = job;
	s->jobs++;
}

static void become_orphan(struct server *s)
{
	s->orphaned = true;
	s->end = clock_now() + ORPHAN_TIME;
	end_programs(s, NULL); /* whose terminals have hung up with us */
	for (struct job **place = &s->first; *place;) {
		bool runs = is_program(*place) && (*place)->pid;
		if ((*place)->request.operation != HELPER_SCRIPT && !runs)
			finish(s, place, -EPIPE, "");
		else
			place = &(*place)->next;
	}
	state_undo(s->changes.state, NULL, NULL);
}

/* A datagram, and the descriptor that came with it; -1: none. */
static ssize_t receive_one(struct server *s, uint8_t *bytes, size_t size, int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec whole = {bytes, size};
	struct msghdr message = {.msg_iov = &whole,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(s->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	*fd = -1;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
		head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(head), sizeof(int));
	return got;
}

static void receive(struct server *s)
{
	static uint8_t bytes[HELPER_MESSAGE_MAX];
	while (s->jobs < JOBS_MAX) {
		int fd;
		ssize_t got = receive_one(s, bytes, sizeof(bytes), &fd);
		if (got > 0)
			enqueue(s, bytes, (size_t)got, fd);
		else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			become_orphan(s);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void reap(struct server *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	for (struct job **place = &s->first; *place;) {
		struct job *job = *place;
		int status;
		if (!job->pid || waitpid(job->pid, &status, WNOHANG) != job->pid) {
			place = &job->next;
			continue;
		}
		if (!is_program(job))
			s->running--;
		int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		finish(s, place, job->killed ? -ETIMEDOUT : result,
			job->killed ? "the script took too long and was killed" : "");
	}
}

/* Kills what ran too long; returns when the next one will have. */
static uint64_t enforce_deadlines(struct server *s)
{
	uint64_t now = clock_now(), nearest = s->orphaned ? s->end : NEVER;
	for (struct job *job = s->first; job; job = job->next) {
		if (!job->pid || job->killed)
			continue;
		if (job->deadline <= now && !is_program(job)) {
			job->killed = true;
			kill(-job->pid, SIGKILL);
			continue;
		}
		if (job->deadline <= now)
			end_program(job);
		if (job->deadline < nearest)
			nearest = job->deadline;
	}
	return nearest;
}

static void serve(struct server *s)
{
	while (!s->orphaned || (s->first && clock_now() < s->end)) {
		uint64_t nearest = enforce_deadlines(s), now = clock_now();
		int timeout = nearest == NEVER ? -1
			      : nearest <= now ? 0
					       : (int)((nearest - now) / 1000) + 1;
		struct pollfd fds[2] = {
			{.fd = s->signals, .events = POLLIN},
			{.fd = s->orphaned || s->jobs >= JOBS_MAX ? -1 : s->socket,
				.events = POLLIN},
		};
		poll(fds, 2, timeout);
		if (fds[0].revents)
			reap(s);
		if (fds[1].revents)
			receive(s);
		schedule(s);
	}
	for (struct job *job = s->first; job; job = job->next)
		if (job->pid)
			kill(-job->pid, SIGKILL);
}

void helper_main(int socket, const struct helper_config *config, struct state *state)
{
	struct server server = {
		.config = config,
		.socket = socket,
		.changes = {.state = state,
			.resolv_path =
				config->resolv_path ? config->resolv_path : "/etc/resolv.conf"},
	};
	sigset_t child;
	prctl(PR_SET_NAME, "greyline-helper");
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	server.signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	if (server.signals < 0)
		_exit(1);
	if (config->space && namespace_settle(config->space) < 0)
		_exit(1); /* it was there a moment ago */
	snprintf(server.changes.resolv_backup, sizeof(server.changes.resolv_backup), "%s.resolv",
		state->path);
	serve(&server);
	state_undo(state, NULL, NULL);
	state_remove(state);
	_exit(0);
}
