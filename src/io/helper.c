/* The main process's end of the helper: requests go out in order, answers come back through the
 * loop and find their callback by number.
 *
 * The socket is a SOCK_SEQPACKET pair: datagrams that keep their order, and an end of file when
 * the other side is gone, which is how the helper learns of a crash. When the socket is full,
 * requests wait in a list here. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "helper_wire.h"
#include "namespace.h"
#include "state.h"

struct pending {
	struct pending *next;
	uint32_t id;
	helper_done *done;
	void *context;
};

struct unsent {
	struct unsent *next;
	int fd; /* goes with it; -1: none */
	size_t length;
	uint8_t bytes[];
};

struct helper {
	pid_t pid;
	int socket;
	uint32_t next_id;
	struct pending *pending, **pending_last;
	struct unsent *unsent, **unsent_last;
	unsigned pending_count;
	uv_poll_t poll;
	uv_timer_t failing; /* answers for requests that could not be made */
	bool attached, lost;
	unsigned handles;
	void (*on_lost)(void *context);
	void *lost_context;
};

/* The namespace is written down first: what is recorded behind it is undone in it. */
static int record_space(const struct helper_config *config, struct state *state, char error[256])
{
	char line[STATE_LINE_SIZE];
	if (!config->space)
		return 0;
	int space = namespace_open(config->space, error);
	if (space < 0)
		return space;
	close(space);
	snprintf(line, sizeof(line), STATE_NETNS "%s", config->space);
	int failed = state_record(state, line);
	if (failed)
		snprintf(error, 256, "Couldn't write the state file %.160s: %s", config->state_path,
			strerror(-failed));
	return failed;
}

static int fork_helper(
	struct helper *h, const struct helper_config *config, struct state *state, char error[256])
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		int failed = -errno;
		snprintf(
			error, 256, "Couldn't make a socket for the helper: %s", strerror(-failed));
		return failed;
	}
	h->pid = fork();
	if (h->pid == 0) {
		close(ends[0]);
		helper_main(ends[1], config, state);
	}
	int failed = h->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (failed) {
		close(ends[0]);
		snprintf(error, 256, "Couldn't start the helper: %s", strerror(-failed));
		return failed;
	}
	h->socket = ends[0];
	return 0;
}

int helper_start(struct helper **helper, const struct helper_config *config,
	void (*log)(void *context, const char *line), void *context, char error[256])
{
	struct state state;
	struct helper *h = calloc(1, sizeof(*h));
	if (!h) {
		snprintf(error, 256, "Couldn't start the helper: out of memory");
		return -ENOMEM;
	}
	h->pending_last = &h->pending;
	h->unsent_last = &h->unsent;
	int failed = state_open(&state, config->state_path, getpid(), log, context);
	if (failed == -EBUSY)
		snprintf(error, 256,
			"Another instance runs as process %d (%.160s): stop it or choose another "
			"name",
			(int)state.owner, config->state_path);
	else if (failed)
		snprintf(error, 256, "Couldn't write the state file %.160s: %s", config->state_path,
			strerror(-failed));
	else
		failed = record_space(config, &state, error);
	if (!failed)
		failed = fork_helper(h, config, &state, error);
	if (failed) {
		if (failed != -EBUSY && state.path[0])
			state_remove(&state);
		state_close(&state);
		free(h);
		return failed;
	}
	state_close(&state); /* the helper's copy is the one that counts */
	*helper = h;
	return 0;
}

pid_t helper_pid(const struct helper *h)
{
	return h->pid;
}

unsigned helper_pending(const struct helper *h)
{
	return h->pending_count;
}

/* Calls back and forgets the pending request at `place`. */
static void answer(struct helper *h, struct pending **place, int result, const char *error)
{
	struct pending *pending = *place;
	*place = pending->next;
	if (!*place)
		h->pending_last = place;
	h->pending_count--;
	if (pending->done)
		pending->done(pending->context, result, error);
	free(pending);
}

static void forget_unsent(struct unsent *unsent)
{
	if (unsent->fd >= 0)
		close(unsent->fd);
	explicit_bzero(unsent->bytes, unsent->length); /* it may hold a password */
	free(unsent);
}

static ssize_t send_one(const struct helper *h, struct unsent *unsent)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec whole = {unsent->bytes, unsent->length};
	struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
	if (unsent->fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(head), &unsent->fd, sizeof(int));
	}
	return sendmsg(h->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void flush(struct helper *h)
{
	while (h->unsent && !h->lost) {
		struct unsent *unsent = h->unsent;
		ssize_t sent = send_one(h, unsent);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			return;
		/* A helper that is gone shows in the next read. */
		h->unsent = unsent->next;
		if (!h->unsent)
			h->unsent_last = &h->unsent;
		forget_unsent(unsent);
	}
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct helper *h)
{
	if (h->attached && !h->lost)
		uv_poll_start(&h->poll, UV_READABLE | (h->unsent ? UV_WRITABLE : 0), on_ready);
}

static void fail_all(struct helper *h)
{
	while (h->pending)
		answer(h, &h->pending, -EPIPE, "the helper process is gone");
}

static void on_failing(uv_timer_t *timer)
{
	fail_all(timer->data);
}

static void lose(struct helper *h)
{
	if (h->lost)
		return;
	h->lost = true;
	uv_poll_stop(&h->poll);
	uv_timer_start(&h->failing, on_failing, 0, 0);
	if (h->on_lost)
		h->on_lost(h->lost_context);
}

static void take_reply(struct helper *h, const struct helper_reply *reply)
{
	for (struct pending **place = &h->pending; *place; place = &(*place)->next) {
		if ((*place)->id == reply->id) {
			answer(h, place, reply->result, reply->error);
			return;
		}
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct helper *h = poll->data;
	uint8_t bytes[HELPER_MESSAGE_MAX];
	flush(h);
	for (unsigned i = 0; i < 64 && !h->lost; i++) {
		struct helper_reply reply;
		ssize_t got = recv(h->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (got <= 0) {
			lose(h);
			return;
		}
		if (helper_read_reply(&reply, bytes, (size_t)got))
			take_reply(h, &reply);
		if (h->socket < 0)
			return; /* stopped by a callback */
	}
	watch(h);
}

int helper_attach(struct helper *h, uv_loop_t *loop, void (*lost)(void *context), void *context)
{
	int failed = uv_poll_init(loop, &h->poll, h->socket);
	if (failed)
		return failed;
	uv_timer_init(loop, &h->failing);
	h->poll.data = h->failing.data = h;
	h->handles = 2;
	h->attached = true;
	h->on_lost = lost;
	h->lost_context = context;
	watch(h);
	return 0;
}

static void ask_with(
	struct helper *h, struct helper_request *request, int fd, helper_done *done, void *context)
{
	struct pending *pending = calloc(1, sizeof(*pending));
	struct unsent *unsent = malloc(sizeof(*unsent) + HELPER_MESSAGE_MAX);
	if (!pending || !unsent) {
		/* Nothing can be promised without memory for the answer. */
		free(pending);
		free(unsent);
		if (fd >= 0)
			close(fd);
		return;
	}
	request->id = ++h->next_id;
	*pending = (struct pending){.id = request->id, .done = done, .context = context};
	*h->pending_last = pending;
	h->pending_last = &pending->next;
	h->pending_count++;
	unsent->next = NULL;
	unsent->fd = fd;
	unsent->length = helper_write_request(unsent->bytes, request);
	if (unsent->length == 0) {
		/* Too long: let the helper refuse it, so that the answer comes as always. */
		memcpy(unsent->bytes,
			&(uint8_t[4]){(uint8_t)(request->id >> 24), (uint8_t)(request->id >> 16),
				(uint8_t)(request->id >> 8), (uint8_t)request->id},
			4);
		unsent->length = 4;
	}
	struct unsent *fitted = realloc(unsent, sizeof(*unsent) + unsent->length);
	if (fitted)
		unsent = fitted;
	*h->unsent_last = unsent;
	h->unsent_last = &unsent->next;
	flush(h);
	watch(h);
	if (h->lost)
		uv_timer_start(&h->failing, on_failing, 0, 0);
}

static void ask(struct helper *h, struct helper_request *request, helper_done *done, void *context)
{
	ask_with(h, request, -1, done, context);
}

void helper_nat(struct helper *h, const struct nft_config *config, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_NAT, .nat = *config};
	ask(h, &request, done, context);
}

void helper_nat_remove(struct helper *h, const char *table, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_NAT_REMOVE};
	snprintf(request.nat.table, sizeof(request.nat.table), "%s", table);
	ask(h, &request, done, context);
}

void helper_sysctl(struct helper *h, enum helper_sysctl which, const char *value, helper_done *done,
	void *context)
{
	struct helper_request request = {.operation = HELPER_SYSCTL, .sysctl.which = which};
	snprintf(request.sysctl.value, sizeof(request.sysctl.value), "%s", value);
	ask(h, &request, done, context);
}

void helper_route_add(
	struct helper *h, const struct netlink_route *route, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_ROUTE_ADD, .route = *route};
	ask(h, &request, done, context);
}

void helper_route_delete(
	struct helper *h, const struct netlink_route *route, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_ROUTE_DELETE, .route = *route};
	ask(h, &request, done, context);
}

void helper_proxy(struct helper *h, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_PROXY};
	ask(h, &request, done, context);
}

void helper_dns(struct helper *h, const struct address *servers, unsigned count, const char *search,
	helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_DNS};
	request.dns.count = count < HELPER_DNS_MAX ? count : HELPER_DNS_MAX;
	memcpy(request.dns.servers, servers, request.dns.count * sizeof(*servers));
	request.dns.search = search;
	ask(h, &request, done, context);
}

void helper_dns_restore(struct helper *h, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_DNS_RESTORE};
	ask(h, &request, done, context);
}

void helper_script(struct helper *h, uint32_t key, unsigned script, const char *const *arguments,
	unsigned argument_count, const char *const *environment, unsigned environment_count,
	helper_done *done, void *context)
{
	struct helper_request request = {
		.operation = HELPER_SCRIPT, .key = key, .script.script = script};
	/* One too many makes a request that the helper refuses. */
	for (unsigned i = 0; i < argument_count && i < HELPER_ARGUMENTS_MAX; i++)
		request.script.arguments[i] = arguments[i];
	for (unsigned i = 0; i < environment_count && i < HELPER_ENVIRONMENT_MAX; i++)
		request.script.environment[i] = environment[i];
	if (argument_count > HELPER_ARGUMENTS_MAX || environment_count > HELPER_ENVIRONMENT_MAX)
		request.script.script = UINT32_MAX;
	request.script.argument_count =
		argument_count < HELPER_ARGUMENTS_MAX ? argument_count : HELPER_ARGUMENTS_MAX;
	request.script.environment_count = environment_count < HELPER_ENVIRONMENT_MAX
						   ? environment_count
						   : HELPER_ENVIRONMENT_MAX;
	ask(h, &request, done, context);
}

void helper_renew(struct helper *h, const char *client, const char *server, const char *word,
	helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_RENEW};
	request.renew.client = client;
	request.renew.server = server ? server : "";
	request.renew.word = word;
	ask(h, &request, done, context);
}

void helper_program(struct helper *h, uint32_t key, int terminal,
	const struct helper_program *program, helper_done *done, void *context)
{
	struct helper_request request = {
		.operation = HELPER_PROGRAM, .key = key, .program = *program};
	/* Without a copy the helper has no terminal to run it on, and says so. */
	ask_with(h, &request, fcntl(terminal, F_DUPFD_CLOEXEC, 3), done, context);
}

void helper_program_end(struct helper *h, uint32_t key)
{
	struct helper_request request = {.operation = HELPER_PROGRAM_END, .key = key};
	ask(h, &request, NULL, NULL);
}

void helper_undo(struct helper *h, helper_done *done, void *context)
{
	struct helper_request request = {.operation = HELPER_UNDO};
	ask(h, &request, done, context);
}

static void free_helper(struct helper *h)
{
	while (h->pending) {
		struct pending *pending = h->pending;
		h->pending = pending->next;
		free(pending);
	}
	while (h->unsent) {
		struct unsent *unsent = h->unsent;
		h->unsent = unsent->next;
		forget_unsent(unsent);
	}
	free(h);
}

static void on_closed(uv_handle_t *handle)
{
	struct helper *h = handle->data;
	if (--h->handles == 0)
		free_helper(h);
}

void helper_stop(struct helper *h, uint64_t wait_us)
{
	uint64_t deadline = clock_now() + wait_us;
	while (h->unsent && !h->lost && clock_now() < deadline) {
		struct pollfd writable = {.fd = h->socket, .events = POLLOUT};
		poll(&writable, 1, 10);
		flush(h);
	}
	h->lost = true;
	if (h->attached) {
		uv_close((uv_handle_t *)&h->poll, on_closed);
		uv_close((uv_handle_t *)&h->failing, on_closed);
	}
	close(h->socket);
	h->socket = -1;
	int status;
	while (waitpid(h->pid, &status, WNOHANG) == 0 && clock_now() < deadline)
		poll(NULL, 0, 5);
	if (!h->attached)
		free_helper(h);
}
