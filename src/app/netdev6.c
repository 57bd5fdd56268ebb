/* IPv6 on interfaces (see netdev6.h). The kernel is told to make no link-local address by itself on
 * them (netlink_link_plain): the peer takes no packet from an address that was not negotiated. */
#include "netdev6.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"

static int settle(struct host *host, int failed)
{
	if (!failed || failed == -EEXIST)
		return 0;
	log_line(&host->log, LOG_LINE_WARNING, "%s", netlink_error(host->netlink));
	return failed;
}

static int add_address(struct host *host, unsigned link, const struct address *own, unsigned length)
{
	return settle(host, netlink_address_add(host->netlink, link, own, NULL, length));
}

static int add_route(struct host *host, unsigned link, const struct prefix *to)
{
	struct netlink_route route = {.link = link, .destination = *to};
	return settle(host, netlink_route_add(host->netlink, &route));
}

int netdev6_shared(
	struct host *host, unsigned link, const struct pool6 *pool, const struct pool6 *delegated)
{
	struct address own = pool6_own(pool);
	int failed = add_address(host, link, &own, 128);
	if (!failed)
		failed = add_route(host, link, &pool->prefix);
	return failed || !delegated->size ? failed : add_route(host, link, &delegated->prefix);
}

int netdev6_route(struct host *host, const struct seat *seat, const struct prefix *to, bool add)
{
	struct netlink_route route = {.link = seat->link, .destination = *to};
	if (add)
		return add_route(host, seat->link, to);
	int failed = netlink_route_delete(host->netlink, &route);
	return failed == -ESRCH || failed == -ENODEV ? 0 : settle(host, failed);
}

int netdev6_link_local(struct host *host, const struct seat *seat)
{
	struct address own = ipv6cp_link_local(seat_network(seat)->local6);
	return add_address(host, seat->link, &own, 64);
}

int netdev6_serve(struct host *host, const struct seat *seat, const struct pool6 *pool)
{
	struct address own = pool6_own(pool);
	int failed = netdev6_link_local(host, seat);
	if (!failed)
		failed = add_address(host, seat->link, &own, 128);
	return failed ? failed : add_route(host, seat->link, &seat->prefix6);
}

int netdev6_join(struct host *host, const struct seat *seat, struct address *own)
{
	uint64_t identifier = seat_network(seat)->local6;
	*own = seat->session.facts.advert.prefix.address;
	put_u32(own->bytes + 8, (uint32_t)(identifier >> 32));
	put_u32(own->bytes + 12, (uint32_t)identifier);
	return add_address(host, seat->link, own, 64);
}
