/* Between the files of paths only: path.c keeps the table, path_watch.c hears of changes. */
#ifndef GREYLINE_PATH_INNER_H
#define GREYLINE_PATH_INNER_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"
#include "path.h"

struct mnl_socket;

/* One path. Index 0 is none. */
struct path_entry {
	struct path path;    /* as it was told */
	uint8_t next_hop[4]; /* of one that may be direct */
	bool dirty;
	uint32_t wanted; /* by so many; 0: free */
	uint32_t next;   /* in its bucket, or in the list of free ones */
	uint32_t next_dirty;
	uint64_t looked_at; /* milliseconds of the loop's clock */
	uint64_t look_at;   /* NEVER: when something tells */
};

/* A socket that tells of changes. */
struct path_watch {
	struct mnl_socket *socket; /* NULL: none */
	uv_poll_t poll;
};

struct paths {
	struct paths_config config;
	struct netlink *netlink; /* for questions */
	struct path_watch routes, policies;
	uv_timer_t work, look;
	unsigned closing; /* handles still open */
	uint64_t seed;

	struct path_entry *entries;
	uint32_t high; /* numbers above were never used */
	uint32_t free;
	uint32_t *buckets, bucket_mask;
	uint32_t dirty_first, dirty_last;
	uint64_t look_next;

	struct netlink_link *links; /* those that paths go over, and were asked for */
	uint32_t link_count, link_max;

	bool diverted; /* IPsec or a rule may send packets elsewhere: no path is direct */
};

/* To be looked at again soon. */
void paths_mark(struct paths *paths, uint32_t index);
void paths_mark_all(struct paths *paths);
/* What a rule or IPsec may do to packets. */
void paths_look_at_policies(struct paths *paths);

/* path_watch.c: 0 or -errno. */
int paths_watch(struct paths *paths, char error[256]);
void paths_watch_stop(struct paths *paths, uv_close_cb closed);

#endif
