/* Asking a running greyline over its control socket. */
#ifndef GREYLINE_RPC_H
#define GREYLINE_RPC_H

#include <jansson.h>
#include <stdbool.h>

#include "settings.h"

/* The sockets of every program running with this run folder, sorted: paths to free with
 * rpc_paths_free(). Empty: none answers. */
struct rpc_paths {
	char **at;
	size_t count;
};
struct rpc_paths rpc_paths(const struct settings *settings);
void rpc_paths_free(struct rpc_paths *paths);

/* A connection, or -errno. */
int rpc_connect(const char *path);
/* One call. The reply's parameters (to json_decref), or NULL: then `error` holds the error's name,
 * or what went wrong. Takes `parameters` over (may be NULL). */
json_t *rpc_call(int fd, const char *method, json_t *parameters, char error[256]);
/* Prints that nobody answers, and where it was looked for. */
void rpc_nobody(const struct settings *settings);

#endif
