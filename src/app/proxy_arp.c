/* Proxy ARP (see proxy_arp.h, RFC 1027), as pppd does it: on the interface that is up, resolves
 * addresses, and has the smallest network that the client's address is in. What is left behind by a
 * crash is found by its protocol number, so that one line in the state file stands for all. */
#include "proxy_arp.h"

#include <errno.h>
#include <string.h>

#include "log.h"
#include "narrate.h"

struct search {
	struct host *host;
	uint32_t address;
	unsigned own; /* the client's own interface */
	unsigned found;
	uint8_t length;
};

static bool visit(void *context, unsigned link, const struct prefix *network)
{
	struct search *s = context;
	uint32_t mask = network->length ? UINT32_MAX << (32 - network->length) : 0;
	uint32_t local = address_to_ipv4(&network->address);
	if (network->length > 30 || (s->found && network->length <= s->length) || link == s->own ||
		((local ^ s->address) & mask) || local == s->address)
		return true;
	s->found = link;
	s->length = network->length;
	return true;
}

/* Interfaces are looked at when their addresses are known: one socket has one walk at a time. */
static unsigned find_interface(struct host *host, const struct seat *seat)
{
	struct search s = {.host = host, .address = seat->remote4, .own = seat->link};
	struct netlink_link link;
	if (netlink_addresses(host->netlink, 4, 0, visit, &s) || !s.found ||
		netlink_link_get(host->netlink, s.found, &link))
		return 0;
	return link.up && link.resolves ? s.found : 0;
}

static void on_written(void *context, int result, const char *error)
{
	struct host *host = context;
	if (result)
		log_line(&host->log, LOG_LINE_WARNING, "Proxy ARP: %s",
			*error ? error : strerror(result < 0 ? -result : EIO));
}

void proxy_arp_begin(struct host *host)
{
	helper_proxy(host->helper, on_written, host);
}

void proxy_arp_add(struct host *host, struct seat *seat)
{
	struct address address = address_ipv4(seat->remote4);
	unsigned link = find_interface(host, seat);
	if (!link) {
		log_line(&host->log, LOG_LINE_WARNING,
			"--proxyarp: no interface here has a network with %s in it: nobody is told "
			"where that is",
			shown_ipv4(seat->remote4));
		return;
	}
	if (netlink_proxy_add(host->netlink, link, &address) < 0) {
		log_line(&host->log, LOG_LINE_WARNING, "%s", netlink_error(host->netlink));
		return;
	}
	seat->proxied = link;
}

void proxy_arp_end(struct host *host, struct seat *seat)
{
	struct address address = address_ipv4(seat->remote4);
	if (!seat->proxied)
		return;
	int failed = netlink_proxy_delete(host->netlink, seat->proxied, &address);
	if (failed && failed != -ENOENT && failed != -ENODEV)
		log_line(&host->log, LOG_LINE_WARNING, "%s", netlink_error(host->netlink));
	seat->proxied = 0;
}
