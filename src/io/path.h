/* The outer path to each peer: interface, next hop's link address, path MTU. Kept on the control
 * thread from netlink (routes, neighbours, links, rules), told to the data plane when it changes.
 *
 * A path is `direct` when a packet written to its interface with this link header arrives where
 * the kernel would have sent it: a plain unicast route without encapsulation, no IPsec policy, an
 * interface that is up and of a kind we write headers for, a neighbour that is valid now. Anything
 * else is not direct, and the kernel sends the packet. */
#ifndef GREYLINE_PATH_H
#define GREYLINE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "address.h"

enum { PATH_LINK_HEADER_MAX = 14 };

struct path {
	struct address local, peer; /* outer */
	bool direct;
	uint8_t link_header_length; /* 14 for Ethernet, 0 for interfaces without link headers */
	uint8_t link_header[PATH_LINK_HEADER_MAX]; /* as it is put in front of the IP header */
	unsigned link;                             /* interface index; 0: no route */
	uint16_t mtu; /* largest outer IP packet now, from route, interface and ICMP; 0: unknown */
};

/* The MTU of the path between two addresses, as struct path has it, asked for now and once. `local`
 * NULL: the kernel's choice. */
struct netlink;
uint16_t path_mtu(struct netlink *netlink, const struct address *local, const struct address *peer);

struct paths;

/* `changed` is called from the loop, never from inside one of the functions below. */
struct paths_config {
	uv_loop_t *loop;
	uint32_t count_max; /* paths at once */
	void (*changed)(void *context, uint32_t index, const struct path *path);
	void *context;
};

/* 0 or -errno with `error`. Needs no privilege. */
int paths_open(struct paths **paths, const struct paths_config *config, char error[256]);
/* The memory is freed when the loop has run once more. */
void paths_close(struct paths *paths);

/* The number (from 1) of the path between two addresses, shared by all sessions between them and
 * counted; `path` gets what is known now. 0 when the table is full: such sessions go by the raw
 * socket. */
uint32_t paths_want(struct paths *paths, const struct address *local, const struct address *peer,
	struct path *path);
void paths_drop(struct paths *paths, uint32_t index);
/* What is known of one that is wanted; valid until the loop runs. */
const struct path *paths_known(const struct paths *paths, uint32_t index);

/* Looks again: the kernel may have learnt something that it tells nobody (a path MTU). */
void paths_suspect(struct paths *paths, uint32_t index);

#endif
