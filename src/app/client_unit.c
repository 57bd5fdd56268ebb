/* The client's unit (see client_unit.h).
 *
 * A session has a duplicate of the TUN's descriptor, which the data plane closes when the session
 * ends; the interface goes with the last descriptor, which is ours.
 *
 * With --demand there are addresses before anybody gave them. Those made up are pppd's, which
 * people know and filter: 10.64.64.64 and 10.112.112.112, plus the unit's number. They are not
 * asked for. What a server gave once is, with every later session, so that it may stay. */
#include "client_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "demand.h"
#include "netdev.h"
#include "netdev6.h"
#include "peer.h"
#include "tun.h"

enum { MADE_UP_LOCAL = 0x0a404040, MADE_UP_REMOTE = 0x0a707070 };

void client_unit_init(struct client *client)
{
	client->unit = (struct client_unit){.tun = -1};
}

bool client_unit_stays(const struct client *client)
{
	const struct settings *settings = client->settings;
	return !client->host.stopping && client->unit.tun >= 0 &&
	       client->reason != CLOSE_INTERFACE_GONE && settings->persist &&
	       (settings->demand || settings->keep_interface);
}

static const char *interface_wanted(const struct client *client, char name[16])
{
	if (client->settings->ifname)
		return client->settings->ifname;
	if (client->settings->unit == UNIT_UNSET)
		return "ppp%d";
	snprintf(name, 16, "ppp%u", client->settings->unit);
	return name;
}

int client_unit_make(struct client *client, uint32_t subject)
{
	struct client_unit *unit = &client->unit;
	char name[16];
	if (unit->tun < 0)
		unit->tun = netdev_make(&client->host, subject, interface_wanted(client, name),
			unit->interface, &unit->link);
	return unit->tun < 0 ? unit->tun : 0;
}

static void tell_name(const struct client_unit *unit, struct seat *seat)
{
	memcpy(seat->interface, unit->interface, sizeof seat->interface);
	seat->link = unit->link;
}

int client_unit_moved(struct client *client, struct seat *seat)
{
	if (seat->tun < 0)
		return -ENODEV; /* it was up, and went with the other plane */
	close(seat->tun);
	client_unit_close(client);
	seat->tun = client_unit_lend(client, seat);
	return seat->tun < 0 ? seat->tun : 0;
}

int client_unit_lend(struct client *client, struct seat *seat)
{
	struct client_unit *unit = &client->unit;
	if (unit->tun >= 0) {
		tell_name(unit, seat);
		if (!tun_is_one(unit->tun))
			demand_gather(client);
		int tun = netdev_again(&client->host, seat, unit->tun);
		if (tun >= 0)
			return tun;
		client_unit_close(client); /* another data plane's */
	}
	int failed = client_unit_make(client, seat_subject(seat));
	if (failed)
		return failed;
	tell_name(unit, seat);
	int tun = fcntl(unit->tun, F_DUPFD_CLOEXEC, 0);
	return tun < 0 ? -errno : tun;
}

static int complain(struct client *client, int failed)
{
	log_line(&client->host.log, LOG_LINE_ERROR, "%s", netlink_error(client->host.netlink));
	return failed;
}

static int add_pair(struct client *client, uint32_t local4, uint32_t remote4)
{
	struct address local = address_ipv4(local4), remote = address_ipv4(remote4);
	if (!local4)
		return 0;
	int failed = netlink_address_add(
		client->host.netlink, client->unit.link, &local, remote4 ? &remote : NULL, 32);
	return failed && failed != -EEXIST ? complain(client, failed) : 0;
}

static void delete_pair(struct client *client, uint32_t local4, uint32_t remote4)
{
	struct address local = address_ipv4(local4), remote = address_ipv4(remote4);
	if (local4)
		netlink_address_delete(client->host.netlink, client->unit.link, &local,
			remote4 ? &remote : NULL, 32);
}

/* Behind the letters of its name; 0 where there is none. */
static uint32_t number_of(const char *interface)
{
	return (uint32_t)strtoul(interface + strcspn(interface, "0123456789"), NULL, 10);
}

int client_unit_offer(struct client *client)
{
	const struct settings *settings = client->settings;
	struct client_unit *unit = &client->unit;
	struct netlink *netlink = client->host.netlink;
	uint32_t number = number_of(unit->interface);
	unit->local4 = client->local4 ? client->local4 : MADE_UP_LOCAL + number;
	unit->remote4 = address_to_ipv4(&settings->remote);
	if (!unit->remote4)
		unit->remote4 = MADE_UP_REMOTE + number;
	int failed = add_pair(client, unit->local4, unit->remote4);
	if (failed)
		return failed;
	failed = netlink_link_mtu(
		netlink, unit->link, settings->mtu ? settings->mtu : SESSION_MTU_DEFAULT);
	if (!failed)
		failed = netlink_link_up(netlink, unit->link, true);
	if (failed)
		return complain(client, failed);
	client_unit_route(client, NULL);
	log_line(&client->host.log, LOG_LINE_INFO, "Using interface %s", unit->interface);
	log_line(&client->host.log, LOG_LINE_INFO, "local  IP address %s interface=%s",
		shown_ipv4(unit->local4), unit->interface);
	log_line(&client->host.log, LOG_LINE_INFO, "remote IP address %s interface=%s",
		shown_ipv4(unit->remote4), unit->interface);
	return 0;
}

/* In one line, whichever of them changed. */
static void tell_numbers(struct client *client, const struct seat *seat)
{
	const struct client_unit *unit = &client->unit;
	char remote[80] = "";
	bool local = seat->local4 != unit->local4;
	if (seat->remote4 != unit->remote4)
		snprintf(remote, sizeof remote, "%s IP address changed to %s (was %s)",
			local ? ", remote" : "Remote", shown_ipv4(seat->remote4),
			shown_ipv4(unit->remote4));
	if (local)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"Local IP address changed to %s (was %s)%s interface=%s peer=%s",
			shown_ipv4(seat->local4), shown_ipv4(unit->local4), remote, unit->interface,
			shown_address(&seat->outer));
	else
		log_line(&client->host.log, LOG_LINE_WARNING, "%s interface=%s peer=%s", remote,
			unit->interface, shown_address(&seat->outer));
}

/* Of two pairs with one far end the kernel makes the second depend on the first, and with the last
 * address the routes go. So the new one is there alone while the pairs change places. */
static int renumber(struct client *client, struct seat *seat)
{
	struct client_unit *unit = &client->unit;
	int failed = add_pair(client, seat->local4, 0);
	if (failed)
		return failed;
	delete_pair(client, unit->local4, unit->remote4);
	failed = netdev_configure(&client->host, seat);
	if (seat->remote4)
		delete_pair(client, seat->local4, 0);
	tell_numbers(client, seat);
	return failed;
}

int client_unit_number(struct client *client, struct seat *seat)
{
	struct client_unit *unit = &client->unit;
	bool same = seat->local4 == unit->local4 && seat->remote4 == unit->remote4;
	seat->old_local4 = seat->local4 != unit->local4 ? unit->local4 : 0;
	seat->old_remote4 = seat->remote4 != unit->remote4 ? unit->remote4 : 0;
	int failed = !same && unit->local4 ? renumber(client, seat)
					   : netdev_configure(&client->host, seat);
	unit->local4 = unit->given4 = seat->local4;
	unit->remote4 = seat->remote4;
	return failed;
}

static void add_route(struct client *client, const struct prefix *to)
{
	struct netlink_route route = {.destination = *to, .link = client->unit.link};
	int failed = netlink_route_add(client->host.netlink, &route);
	if (failed)
		log_line(&client->host.log, LOG_LINE_WARNING, "%s",
			netlink_error(client->host.netlink));
}

static void add_routes(struct client *client, uint8_t family)
{
	const struct settings *settings = client->settings;
	for (size_t i = 0; i < settings->routes.count; i++)
		if (settings->routes.at[i].address.family == family)
			add_route(client, &settings->routes.at[i]);
}

/* Two halves, which are more specific than the default route and leave it in its place. */
static void add_halves(struct client *client, uint8_t family)
{
	struct prefix half = {.address = {.family = family}, .length = 1};
	if (!client->settings->default_route)
		return;
	add_route(client, &half);
	half.address.bytes[0] = 0x80;
	add_route(client, &half);
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && address_equal(&a->address, &b->address);
}

static void route_network(struct client *client, const struct prefix *network)
{
	struct client_unit *unit = &client->unit;
	struct netlink_route old = {.destination = unit->network, .link = unit->link};
	if (same_prefix(network, &unit->network))
		return;
	if (unit->network.length)
		netlink_route_delete(client->host.netlink, &old);
	unit->network = *network;
	if (network->length)
		add_route(client, network);
}

void client_unit_route(struct client *client, const struct prefix *network)
{
	struct client_unit *unit = &client->unit;
	if (!unit->routed4) {
		add_routes(client, 4);
		add_halves(client, 4);
	}
	unit->routed4 = true;
	if (network)
		route_network(client, network);
}

void client_unit_route6(struct client *client, bool everything)
{
	struct client_unit *unit = &client->unit;
	if (!unit->routed6)
		add_routes(client, 6);
	if (everything && !unit->routed_all6)
		add_halves(client, 6);
	unit->routed6 = true;
	unit->routed_all6 |= everything;
}

static void delete_address6(struct client *client, const struct address *address)
{
	netlink_address_delete(client->host.netlink, client->unit.link, address, NULL, 64);
}

int client_unit_number6(struct client *client, const struct seat *seat)
{
	struct client_unit *unit = &client->unit;
	uint64_t identifier = seat_network(seat)->local6;
	struct address old = ipv6cp_link_local(unit->local6);
	int failed = netdev6_link_local(&client->host, seat);
	if (failed)
		return failed;
	if (unit->local6 && unit->local6 != identifier)
		delete_address6(client, &old);
	unit->local6 = identifier;
	return 0;
}

int client_unit_join6(struct client *client, const struct seat *seat)
{
	struct client_unit *unit = &client->unit;
	struct address own;
	int failed = netdev6_join(&client->host, seat, &own);
	if (failed)
		return failed;
	bool same = address_equal(&own, &unit->own6);
	if (unit->own6.family && !same)
		delete_address6(client, &unit->own6);
	unit->own6 = own;
	if (!same)
		log_line(&client->host.log, LOG_LINE_INFO, "local  IPv6 address %s peer=%s sid=%s",
			shown_address(&own), shown_address(&seat->outer), seat->sid);
	return 0;
}

void client_unit_close(struct client *client)
{
	demand_end(client);
	client_outside_forget(client);
	if (client->unit.tun >= 0)
		close(client->unit.tun);
	client_unit_init(client);
}
