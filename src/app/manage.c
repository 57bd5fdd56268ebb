/* The control socket (see manage.h): connections, framing, bounded in both directions.
 *
 * A connection asks one thing at a time; what it sends is at most REQUEST_MAX bytes a call. Who
 * does not read what he asked for is closed before he asks more; a capture misses packets. */
#include "manage.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fanout.h"

enum { CLIENTS_MAX = 32, REQUEST_MAX = 1 << 16, QUEUE_MAX = 8 << 20 };

struct manage {
	struct host *host;
	uv_pipe_t pipe;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	struct fanout *fanout; /* once somebody captured */
	struct manage_client *clients;
	unsigned client_count;
	bool closed;
};

struct manage_client {
	struct manage *manage;
	uv_pipe_t pipe;
	struct manage_client *next;
	struct tap *tap;
	size_t used;
	char request[REQUEST_MAX];
};

struct host *manage_host(struct manage_client *client)
{
	return client->manage->host;
}

static void free_manage(struct manage *manage)
{
	if (manage->closed && !manage->client_count)
		free(manage);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct manage_client *client = handle->data;
	struct manage *manage = client->manage;
	struct manage_client **at = &manage->clients;
	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	manage->client_count--;
	free(client);
	free_manage(manage);
}

static void close_client(struct manage_client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	if (client->tap)
		tap_stop(client->tap);
	client->tap = NULL;
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

struct sending {
	uv_write_t request;
	char bytes[];
};

static void on_sent(uv_write_t *request, int status)
{
	free(request->data);
}

static bool send_bytes(struct manage_client *client, const void *bytes, size_t length)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return false;
	struct sending *sending = malloc(sizeof *sending + length);
	if (!sending)
		return false;
	memcpy(sending->bytes, bytes, length);
	sending->request.data = sending;
	uv_buf_t buffer = uv_buf_init(sending->bytes, (unsigned)length);
	if (uv_write(&sending->request, (uv_stream_t *)&client->pipe, &buffer, 1, on_sent) == 0)
		return true;
	free(sending);
	return false;
}

bool manage_bytes(struct manage_client *client, const void *bytes, size_t length)
{
	return client->pipe.write_queue_size + length <= QUEUE_MAX &&
	       send_bytes(client, bytes, length);
}

static void send_json(struct manage_client *client, json_t *message)
{
	bool behind = client->pipe.write_queue_size > QUEUE_MAX;
	char *text = behind ? NULL : json_dumps(message, JSON_COMPACT);
	if (!text || !send_bytes(client, text, strlen(text) + 1))
		close_client(client);
	free(text);
	json_decref(message);
}

void manage_reply(struct manage_client *client, json_t *parameters)
{
	send_json(client, json_pack("{s:o}", "parameters", parameters));
}

void manage_error(struct manage_client *client, const char *error, json_t *parameters)
{
	send_json(client, json_pack("{s:s, s:o}", "error", error, "parameters",
				  parameters ? parameters : json_object()));
}

void manage_own_tap(struct manage_client *client, struct tap *tap)
{
	client->tap = tap;
}

struct dataplane *manage_outlet(struct manage_client *client)
{
	struct manage *manage = client->manage;
	if (client->tap)
		return NULL;
	if (!manage->fanout)
		manage->fanout = fanout_open(manage->host->plane, manage->host->dataplane);
	return manage->fanout ? fanout_outlet(manage->fanout) : NULL;
}

static void handle_message(struct manage_client *client, const char *text, size_t length)
{
	json_error_t error;
	json_t *message = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	const char *method = json_string_value(json_object_get(message, "method"));
	if (method)
		manage_call(client, method, json_object_get(message, "parameters"));
	else
		manage_error(client, "org.varlink.service.InvalidParameter",
			json_pack("{s:s}", "parameter", "method"));
	json_decref(message);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct manage_client *client = handle->data;
	*buffer =
		uv_buf_init(client->request + client->used, (unsigned)(REQUEST_MAX - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct manage_client *client = stream->data;
	if (got < 0) {
		close_client(client);
		return;
	}
	client->used += (size_t)got;
	char *end;
	while (client->used && (end = memchr(client->request, '\0', client->used)) &&
		!uv_is_closing((uv_handle_t *)stream)) {
		size_t length = (size_t)(end - client->request);
		handle_message(client, client->request, length);
		client->used -= length + 1;
		memmove(client->request, end + 1, client->used);
	}
	if (client->used == REQUEST_MAX)
		close_client(client); /* no request is this long */
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct manage *manage = listener->data;
	struct manage_client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
	if (!client)
		return;
	uv_pipe_init(&manage->host->loop, &client->pipe, 0);
	client->pipe.data = client;
	client->manage = manage;
	client->next = manage->clients;
	manage->clients = client;
	manage->client_count++;
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) < 0 ||
		manage->client_count > CLIENTS_MAX ||
		uv_read_start((uv_stream_t *)&client->pipe, on_allocate, on_read) < 0)
		close_client(client);
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
	close(fd);
	return error;
}

static int complain(struct host *host, const char *path, int error, int code)
{
	log_line(&host->log, LOG_LINE_ERROR, "Control socket %s: %s%s", path, strerror(-error),
		error == -EACCES         ? ": the user of --run-as may not write there"
		: error == -ENAMETOOLONG ? ": --run-dir names another folder"
					 : "");
	return code;
}

/* Clients name their sockets by process: those of killed ones nobody would ever take away. One that
 * does not answer may be about to, unless its process is gone too. */
static void remove_dead(const struct host *host)
{
	char pattern[300];
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/client-*.sock", host_run_dir(host->settings));
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i], *name = strrchr(path, '/');
		int pid;
		if (sscanf(name ? name : path, "/client-%d.sock", &pid) == 1 && pid > 0 &&
			connect_to(path) == -ECONNREFUSED && kill(pid, 0) < 0 && errno == ESRCH)
			unlink(path);
	}
	globfree(&found);
}

static int listen_at(struct manage *manage)
{
	struct host *host = manage->host;
	if (connect_to(manage->path) == 0) {
		log_line(&host->log, LOG_LINE_ERROR,
			"Another greyline answers at %s: stop it, or give this one a --run-dir",
			manage->path);
		return 6;
	}
	unlink(manage->path);
	remove_dead(host);
	mode_t before = umask(077);
	int error = uv_pipe_bind(&manage->pipe, manage->path);
	umask(before);
	if (!error)
		error = uv_listen((uv_stream_t *)&manage->pipe, 16, on_connection);
	return error ? complain(host, manage->path, error, 7) : 0;
}

int manage_open(struct host *host, const char *name)
{
	struct manage *manage = calloc(1, sizeof *manage);
	if (!manage)
		return 1;
	manage->host = host;
	int length = snprintf(
		manage->path, sizeof manage->path, "%s/%s", host_run_dir(host->settings), name);
	if (length < 0 || (size_t)length >= sizeof manage->path) {
		int code = complain(host, host_run_dir(host->settings), -ENAMETOOLONG, 7);
		free(manage);
		return code;
	}
	uv_pipe_init(&host->loop, &manage->pipe, 0);
	manage->pipe.data = manage;
	host->manage = manage;
	int code = listen_at(manage);
	if (code)
		manage->path[0] = '\0'; /* not ours to remove */
	return code;
}

static void on_closed(uv_handle_t *handle)
{
	struct manage *manage = handle->data;
	manage->closed = true;
	free_manage(manage);
}

void manage_close(struct manage *manage)
{
	if (manage->path[0])
		unlink(manage->path);
	for (struct manage_client *client = manage->clients; client; client = client->next)
		close_client(client);
	if (manage->fanout)
		fanout_close(manage->fanout);
	manage->fanout = NULL;
	if (!uv_is_closing((uv_handle_t *)&manage->pipe))
		uv_close((uv_handle_t *)&manage->pipe, on_closed);
}
