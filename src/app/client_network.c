/* What a client's session changes on the host: an address, routes, name servers.
 *
 *   session up ─▶ address, ip-pre-up ─▶ host route to the server, outside ─▶ interface up,
 *   routes through it ─▶ DNS ─▶ ip-up ─▶ IPv6 addresses and routes ─▶ ipv6-up
 *
 * The routes through the tunnel go when the interface goes. The default route is never replaced:
 * two halves, 0.0.0.0/1 and 128.0.0.0/1, are more specific and leave it in its place. Only the
 * server's own host routes and resolv.conf outlive us, so the helper does those and writes them
 * down first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "narrate.h"
#include "netdev.h"
#include "netdev6.h"
#include "notify.h"
#include "peer.h"
#include "scripts.h"

static bool covers(const struct prefix *prefix, const struct address *address)
{
	if (prefix->address.family != address->family)
		return false;
	for (unsigned bit = 0; bit < prefix->length; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		if ((prefix->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

/* The network that the server says our address is in. */
static bool peer_network(
	const struct client *client, const struct seat *seat, struct prefix *network)
{
	const struct unit_network *told = seat_network(seat);
	if (!client->settings->use_peer_routes || !told->mask4)
		return false;
	network->address = address_ipv4(told->local4 & told->mask4);
	network->length = (uint8_t)__builtin_popcount(told->mask4);
	return true;
}

/* Whether a route of ours would lead the tunnel's own packets into the tunnel. */
static bool would_loop(
	const struct client *client, const struct seat *seat, const struct address *server)
{
	const struct settings *settings = client->settings;
	struct prefix network;
	if (client->host.space >= 0)
		return false; /* the tunnel is in another network */
	if (settings->default_route)
		return true;
	if (peer_network(client, seat, &network) && covers(&network, server))
		return true;
	for (size_t i = 0; i < settings->routes.count; i++)
		if (covers(&settings->routes.at[i], server))
			return true;
	return false;
}

static void add_route(struct client *client, const struct prefix *to, unsigned link)
{
	struct netlink_route route = {.destination = *to, .link = link};
	if (netlink_route_add(client->host.netlink, &route) < 0)
		log_line(&client->host.log, LOG_LINE_WARNING, "%s",
			netlink_error(client->host.netlink));
}

/* Those of one family, as soon as it is up. */
static void add_routes(struct client *client, unsigned link, uint8_t family, bool everything)
{
	const struct settings *settings = client->settings;
	for (size_t i = 0; i < settings->routes.count; i++)
		if (settings->routes.at[i].address.family == family)
			add_route(client, &settings->routes.at[i], link);
	if (!settings->default_route || !everything)
		return;
	struct prefix half = {.address = {.family = family}, .length = 1};
	add_route(client, &half, link);
	half.address.bytes[0] = 0x80;
	add_route(client, &half, link);
}

static void on_dns(void *context, int result, const char *error)
{
	struct client *client = context;
	if (result)
		log_line(&client->host.log, LOG_LINE_WARNING, "DNS: %s",
			*error ? error : strerror(result < 0 ? -result : EIO));
}

/* Name servers, each once, in the order in which they are to be asked. */
struct resolver {
	struct address servers[HELPER_DNS_MAX];
	unsigned count;
	char search[512];
};

static void add_server(struct resolver *resolver, const struct address *server)
{
	if (!server->family || resolver->count == HELPER_DNS_MAX)
		return;
	for (unsigned i = 0; i < resolver->count; i++)
		if (address_equal(&resolver->servers[i], server))
			return;
	resolver->servers[resolver->count++] = *server;
}

/* What IPCP, the router and DHCPv6 tell. */
static void gather(const struct client *client, const struct seat *seat, struct resolver *resolver)
{
	const struct advert *advert = &seat->session.facts.advert;
	const struct dhcpv6_client *dhcpv6 = &client->link.dhcpv6;
	struct text search = text_over(resolver->search, sizeof resolver->search);
	resolver->count = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct address server = address_ipv4(seat_network(seat)->dns[i]);
		if (seat_network(seat)->dns[i])
			add_server(resolver, &server);
	}
	for (unsigned i = 0; i < ADVERT_DNS; i++)
		add_server(resolver, &advert->dns[i]);
	for (unsigned i = 0; i < DHCPV6_DNS; i++)
		add_server(resolver, &dhcpv6->dns[i]);
	domains_text(&search, client->link.search.length ? &client->link.search : &dhcpv6->search);
}

static void set_dns(struct client *client, const struct seat *seat)
{
	struct resolver resolver;
	if (!client->settings->use_peer_dns)
		return;
	gather(client, seat, &resolver);
	bool more =
		resolver.count > client->dns_set || strcmp(resolver.search, client->search) != 0;
	if (!resolver.count || resolver.count < client->dns_set || !more)
		return;
	client->dns_set = resolver.count;
	snprintf(client->search, sizeof client->search, "%s", resolver.search);
	helper_dns(client->host.helper, resolver.servers, resolver.count, resolver.search, on_dns,
		client);
}

/* What the server's advertisement tells, in addition to what is there. */
static void join_network6(struct client *client, struct seat *seat)
{
	const struct advert *advert = &seat->session.facts.advert;
	struct address own;
	if (netdev6_link_local(&client->host, seat) < 0)
		return;
	set_dns(client, seat);
	if (!advert->prefix.length || netdev6_join(&client->host, seat, &own) < 0)
		return;
	if (address_equal(&own, &client->own6))
		return;
	if (!client->own6.family)
		add_routes(client, seat->link, 6, advert->router_lifetime != 0);
	client->own6 = own;
	log_line(&client->host.log, LOG_LINE_INFO, "local  IPv6 address %s peer=%s sid=%s",
		shown_address(&own), shown_address(&seat->outer), seat->sid);
}

/* The interface comes up, and with it the routes. */
static void finish(struct client *client, struct seat *seat)
{
	int failed = netdev_up(&client->host, seat, seat->tun);
	seat->tun = -1;
	if (failed) {
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	struct prefix network;
	if (seat_network(seat)->ipv4)
		add_routes(client, seat->link, 4, true);
	if (seat_network(seat)->ipv4 && peer_network(client, seat, &network))
		add_route(client, &network, seat->link);
	else if (client->settings->use_peer_routes)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"--use-peer-routes: the server named no network");
	set_dns(client, seat);
	if (client->settings->use_peer_dns && !client->dns_set)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"--use-peer-dns: the server named no DNS server");
	client->configured = true;
	seat->ready6 = seat_network(seat)->ipv6;
	narrate_up(seat); /* from here on packets pass: people and scripts wait for these lines */
	notify_send(NOTIFY_UP);
	scripts_ip_up(&client->host, seat);
	if (seat_network(seat)->ipv6)
		join_network6(client, seat);
	scripts_ipv6(&client->host, seat);
	client_prefix_changed(client, seat);
}

void client_network_changed(struct client *client, struct seat *seat)
{
	if (!client->configured)
		return; /* finish() sees to it */
	if (!seat->ready6 || !seat_network(seat)->ipv6)
		narrate_up(seat);
	seat->ready6 = seat_network(seat)->ipv6;
	if (seat_network(seat)->ipv6)
		join_network6(client, seat);
	scripts_ipv6(&client->host, seat);
}

struct kept_route {
	struct client *client;
	uint32_t subject;
};

static void keep_server_outside(struct seat *seat);

static void on_route_kept(void *context, int result, const char *error)
{
	struct kept_route *kept = context;
	struct client *client = kept->client;
	struct seat *seat = seats_find(&client->host.seats, kept->subject);
	free(kept);
	if (!seat || seat->over)
		return;
	if (result) {
		log_line(&client->host.log, LOG_LINE_ERROR,
			"The route to the server could not be kept outside the tunnel: %s",
			*error ? error : strerror(result < 0 ? -result : EIO));
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	keep_server_outside(seat);
}

static void keep_outside(struct client *client, struct seat *seat, const struct address *server)
{
	struct netlink_route *route = &client->server_routes[client->routes_kept];
	struct kept_route *kept = malloc(sizeof *kept);
	if (!kept || netlink_route_get(client->host.outside, NULL, server, route) < 0) {
		log_line(&client->host.log, LOG_LINE_ERROR, "%s",
			netlink_error(client->host.outside));
		free(kept);
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	*kept = (struct kept_route){client, seat_subject(seat)};
	route->destination =
		(struct prefix){.address = *server, .length = server->family == 4 ? 32 : 128};
	route->source = (struct address){0};
	route->metric = route->mtu = 0;
	route->table = 0;
	client->routes_kept++;
	helper_route_add(client->host.helper, route, on_route_kept, kept);
}

/* One address after the other; then the interface comes up. */
static void keep_server_outside(struct seat *seat)
{
	struct client *client = seat->owner->role;
	const struct address *servers[] = {&seat->outer, &seat->gre};
	while (client->kept_for < 2) {
		const struct address *server = servers[client->kept_for++];
		if (server->family && would_loop(client, seat, server)) {
			keep_outside(client, seat, server);
			return;
		}
	}
	finish(client, seat);
}

void client_services_changed(struct client *client, struct seat *seat)
{
	if (!client->configured)
		return; /* finish() sees to it */
	set_dns(client, seat);
	client_prefix_changed(client, seat);
}

void client_network_up(struct client *client, struct seat *seat)
{
	seat->local4 = seat_network(seat)->local4;
	seat->remote4 = seat_network(seat)->remote4;
	if (netdev_configure(&client->host, seat) < 0) {
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	scripts_pre_up(&client->host, seat, keep_server_outside);
}

void client_network_down(struct client *client)
{
	if (client->dns_set)
		helper_dns_restore(client->host.helper, on_dns, client);
	for (unsigned n = 0; n < client->routes_kept; n++)
		helper_route_delete(client->host.helper, &client->server_routes[n], NULL, NULL);
	client->routes_kept = client->kept_for = 0;
	client->configured = false;
	client->dns_set = 0;
	client->search[0] = '\0';
	client->own6 = (struct address){.family = 0};
}
