/* Filters over IP packets, written as for tcpdump: which may pass, and which count as activity.
 *
 * Compiled by libpcap for the link type that it keeps for pppd (DLT_PPP_PPPD), so that an
 * expression means here what it means there: `inbound` is what the peer sent us, `outbound` what we
 * send it. A program that is compiled is only read: any thread may match by it. */
#ifndef GREYLINE_PACKET_FILTER_H
#define GREYLINE_PACKET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet_filter;

enum { PACKET_FILTER_ERROR = 256 };

/* 0 or -EINVAL, -ENOMEM with `error`: what is wrong with the expression, at which word and column.
 * Names of hosts and ports in it are looked up, which may block. */
int packet_filter_compile(
	struct packet_filter **filter, const char *expression, char error[PACKET_FILTER_ERROR]);
void packet_filter_free(struct packet_filter *filter); /* NULL is fine */

/* Whether the filter takes a whole IP packet; what is neither IPv4 nor IPv6 it does not. NULL takes
 * everything. */
bool packet_filter_takes(
	const struct packet_filter *filter, bool outbound, const uint8_t *ip, size_t length);

/* What a data plane goes by; NULL: everything passes, everything is activity. */
struct packet_filters {
	const struct packet_filter *pass, *active;
};

#endif
