/* Which session an inner address leads to: the one prefix table of all workers, and its only
 * writer, the control thread. Workers look up without locks, online as its readers. */
#ifndef GREYLINE_ROUTING_H
#define GREYLINE_ROUTING_H

#include <stdint.h>

#include "address.h"
#include "prefix_table.h"
#include "tun_steering.h"

struct routing {
	struct prefix_table table;
	struct prefix_node *nodes;
	_Atomic uint32_t *buckets;
	uint32_t node_count, bucket_count;
	struct tun_steering *steering; /* told of IPv4 hosts; may be NULL */
};

/* What a session has in the table now; family 0: nothing. */
struct routing_hosts {
	struct address host4;
	struct prefix nets6[2];
};

/* 0 or -errno. */
int routing_init(struct routing *routing, uint32_t sessions);
void routing_free(struct routing *routing);

/* Makes `wanted` lead to `subject`, a session of `worker`, in place of what it holds. Link-local
 * addresses may be the same in several sessions and lead to none. */
void routing_set(struct routing *routing, struct routing_hosts *held,
	const struct routing_hosts *wanted, uint32_t subject, unsigned worker);

#endif
