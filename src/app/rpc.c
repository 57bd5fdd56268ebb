/* The asking side of the control socket (see rpc.h, manage.h). Blocking: a tool asks once. */
#include "rpc.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host.h"

enum { REPLY_MAX = 256 << 20, PATIENCE = 10 /* seconds */ };

int rpc_connect(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE};
	if (strlen(path) >= sizeof to.sun_path)
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	int error = -errno;
	close(fd);
	return error;
}

struct rpc_paths rpc_paths(const struct settings *settings)
{
	struct rpc_paths paths = {NULL, 0};
	char pattern[300];
	glob_t found;
	snprintf(pattern, sizeof pattern, "%s/*.sock", host_run_dir(settings));
	if (glob(pattern, 0, NULL, &found) != 0)
		return paths;
	paths.at = calloc(found.gl_pathc, sizeof *paths.at);
	for (size_t i = 0; paths.at && i < found.gl_pathc; i++) {
		int fd = rpc_connect(found.gl_pathv[i]);
		if (fd == -EACCES)
			fprintf(stderr, "%s: %s\n", found.gl_pathv[i], strerror(EACCES));
		if (fd < 0)
			continue;
		close(fd);
		paths.at[paths.count] = strdup(found.gl_pathv[i]);
		paths.count += paths.at[paths.count] != NULL;
	}
	globfree(&found);
	return paths;
}

void rpc_paths_free(struct rpc_paths *paths)
{
	while (paths->count)
		free(paths->at[--paths->count]);
	free(paths->at);
	paths->at = NULL;
}

void rpc_nobody(const struct settings *settings)
{
	fprintf(stderr, "no program answers in %s: is one running, and with this --run-dir?\n",
		host_run_dir(settings));
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Reads up to the NUL and not a byte further: what follows may be raw. */
static char *read_reply(int fd)
{
	size_t used = 0, size = 4096;
	char *reply = malloc(size);
	while (reply) {
		ssize_t got = recv(fd, reply + used, size - used, MSG_PEEK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		char *end = memchr(reply + used, '\0', (size_t)got);
		size_t take = end ? (size_t)(end - reply) - used + 1 : (size_t)got;
		if (recv(fd, reply + used, take, MSG_WAITALL) != (ssize_t)take)
			break;
		used += take;
		if (end)
			return reply;
		if (used == size) {
			char *larger = size < REPLY_MAX ? realloc(reply, 2 * size) : NULL;
			if (!larger)
				break;
			reply = larger;
			size *= 2;
		}
	}
	free(reply);
	return NULL;
}

json_t *rpc_call(int fd, const char *method, json_t *parameters, char error[256])
{
	json_t *call = json_pack("{s:s, s:o}", "method", method, "parameters",
		parameters ? parameters : json_object());
	char *text = json_dumps(call, JSON_COMPACT);
	json_decref(call);
	bool sent = text && send_all(fd, text, strlen(text) + 1);
	free(text);
	char *reply = sent ? read_reply(fd) : NULL;
	if (!reply) {
		snprintf(error, 256, "the program does not answer: %s", strerror(errno));
		return NULL;
	}
	json_t *message = json_loads(reply, 0, NULL);
	free(reply);
	json_t *answer = json_incref(json_object_get(message, "parameters"));
	const char *failed = json_string_value(json_object_get(message, "error"));
	const char *reason = json_string_value(json_object_get(answer, "reason"));
	if (failed && !strcmp(failed, "org.greyline.NoSuchSession"))
		failed = "there is no such session";
	if (failed || !answer) {
		snprintf(error, 256, "%s%s%s", failed ? failed : "the answer makes no sense",
			reason ? ": " : "", reason ? reason : "");
		json_decref(answer);
		answer = NULL;
	}
	json_decref(message);
	return answer;
}
