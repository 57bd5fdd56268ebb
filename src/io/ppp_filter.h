/* Classic BPF programs that do in the kernel's PPP what it leaves out (RFC 2637 §4.1, RFC 1661 §2,
 * RFC 1990 §3).
 *
 * clear     on a PPTP socket: where encryption is required, a network packet in clear is dropped
 *           before the kernel sees it. Of itself it would pass: SC_MUST_COMP is about errors.
 * sources   on a unit: what comes from the peer must bear one of its own addresses
 * services  on a packet socket of the interface: what the control plane answers
 * early     on a raw socket: one call's packets, as long as its PPTP socket is not connected */
#ifndef GREYLINE_PPP_FILTER_H
#define GREYLINE_PPP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

#include "address.h"

enum { PPP_FILTER_MAX = 2048 }; /* instructions; the kernel takes 4096 */

struct ppp_filter {
	struct sock_filter code[PPP_FILTER_MAX];
	size_t count;
	bool failed; /* there was no room: the program is of no use */
};

/* `short_sequence`: of fragments we receive; matters for links that may be one of a bundle. */
void ppp_filter_clear(struct ppp_filter *filter, bool short_sequence);
/* `networks`: all that the peer may send from; IPv6: the whole of its link-local address, too. */
void ppp_filter_sources(struct ppp_filter *filter, const struct prefix *networks, size_t count);
void ppp_filter_services(struct ppp_filter *filter);
/* IPv4; `call_id` is ours. */
void ppp_filter_early(struct ppp_filter *filter, uint16_t call_id);

/* SO_ATTACH_FILTER; 0 or -errno (-E2BIG: it had no room). */
int ppp_filter_attach(const struct ppp_filter *filter, int fd);

#endif
