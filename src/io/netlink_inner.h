/* For the files that speak netlink only: requests, and messages taken apart (libmnl). */
#ifndef GREYLINE_NETLINK_INNER_H
#define GREYLINE_NETLINK_INNER_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "netlink.h"

enum { NETLINK_ERROR_SIZE = 512, NETLINK_REQUEST_SIZE = 1024, NETLINK_ANSWER_SIZE = 32768 };

struct netlink {
	struct mnl_socket *socket;
	unsigned port;
	uint32_t sequence;
	char error[NETLINK_ERROR_SIZE];
	char kernel[128]; /* the extended message of the request under way */
	uint8_t request[NETLINK_REQUEST_SIZE];
	uint8_t answer[NETLINK_ANSWER_SIZE];
};

typedef void netlink_visit(void *context, const struct nlmsghdr *header);

/* As netlink_open(), for another family of netlink (NETLINK_XFRM, …). */
int netlink_open_family(struct netlink **netlink, int family);
/* A request in the buffer of this socket, its header filled. */
struct nlmsghdr *netlink_request(struct netlink *netlink, uint16_t type, uint16_t flags);
/* Sends it and reads until its acknowledgement, the end of its dump, or, when neither was asked
 * for, its one answer. */
int netlink_transact(
	struct netlink *netlink, struct nlmsghdr *header, netlink_visit *visit, void *context);
/* Remembers what failed; returns `result` for the caller to hand on. */
__attribute__((format(printf, 3, 4))) int netlink_explain(
	struct netlink *netlink, int result, const char *format, ...);

unsigned char netlink_family(uint8_t family);     /* 4, 6 or 0 to AF_ */
uint8_t netlink_our_family(unsigned char family); /* and back */
void netlink_put_address(struct nlmsghdr *header, uint16_t type, const struct address *address);

/* Attributes by type, those beyond the table left out. */
struct netlink_attributes {
	const struct nlattr **at;
	unsigned count;
};

int netlink_index_attribute(const struct nlattr *attribute, void *attributes);
uint32_t netlink_take_u32(const struct nlattr *attribute); /* 0 when it is not there */
struct address netlink_take_address(const struct nlattr *attribute, uint8_t family);

/* Whole messages of the kernel's; false when they are of another type or too short. */
bool netlink_read_link(const struct nlmsghdr *header, struct netlink_link *link);
bool netlink_read_route(const struct nlmsghdr *header, struct netlink_route *route);
bool netlink_read_neighbour(const struct nlmsghdr *header, struct netlink_neighbour *neighbour);
bool netlink_read_address(const struct nlmsghdr *header, unsigned *link, struct prefix *address);

#endif
