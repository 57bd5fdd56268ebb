/* Sessions and their outer paths, on the control thread: which session goes over which path, and
 * what its worker is told when the path changes. */
#ifndef GREYLINE_DATAPLANE_PATHS_H
#define GREYLINE_DATAPLANE_PATHS_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "command.h"
#include "path.h"

struct dataplane_paths;

struct dataplane_paths_config {
	uv_loop_t *loop;
	uint32_t sessions_max;
	/* Tells worker number `worker`: path `index` is this one, or (NULL) is no more. */
	void (*tell_path)(void *context, unsigned worker, uint32_t index, const struct path *path);
	/* Tells the worker of command->subject (DATAPATH_PATH). */
	void (*tell_session)(void *context, const struct datapath_command *command);
	void *context;
};

/* 0 or -errno with `error`. */
int dataplane_paths_open(struct dataplane_paths **paths,
	const struct dataplane_paths_config *config, char error[256]);
void dataplane_paths_close(struct dataplane_paths *paths); /* NULL is fine */

/* After DATAPATH_ATTACH has gone to `worker`: tells it the path, and the session its number. */
void dataplane_paths_attach(
	struct dataplane_paths *paths, const struct datapath_command *attach, unsigned worker);
/* The worker knows the session no more. */
/* The session is at another worker now. */
void dataplane_paths_move(struct dataplane_paths *paths, uint32_t subject, unsigned worker);
void dataplane_paths_detach(struct dataplane_paths *paths, uint32_t subject);
/* A worker's packets came back from there. */
void dataplane_paths_suspect(struct dataplane_paths *paths, uint32_t index);

#endif
