/* The tunnel's own packets do not go into the tunnel.
 *
 * Where a route of ours would lead them there, the server keeps the way that it has now, by a host
 * route: one for TCP, and one for GRE where that comes from another address. Only these routes
 * outlive us, so the helper makes them and writes them down first.
 *
 * An interface that stays while we dial again leads the next dial into itself once such a route is
 * gone (it goes with its interface) or no longer the way (a machine that moved). So before each
 * dial the way is looked for anew, among the routes that are not ours. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct client *client;
	uint32_t turn;
};

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

/* Whether a route of ours would lead the tunnel's own packets into the tunnel. */
static bool would_loop(const struct client *client, const struct address *server)
{
	const struct settings *settings = client->settings;
	if (!server->family || client->host.space >= 0)
		return false; /* there is none, or the tunnel is in another network */
	if (settings->default_route)
		return true;
	if (client->network.length && covers(&client->network, server))
		return true;
	for (size_t i = 0; i < settings->routes.count; i++)
		if (covers(&settings->routes.at[i], server))
			return true;
	return false;
}

/* The best of the main table's routes that are neither ours nor through our interface. */
struct way {
	const struct address *to;
	unsigned avoid;
	struct netlink_route best;
	bool found;
};

static bool look_at(void *context, const struct netlink_route *route)
{
	struct way *way = context;
	const struct netlink_route *best = &way->best;
	if (!route->unicast || route->link == way->avoid || route->table != NETLINK_TABLE_MAIN ||
		route->protocol == NETLINK_PROTOCOL || !covers(&route->destination, way->to))
		return true;
	if (way->found && (route->destination.length < best->destination.length ||
				  (route->destination.length == best->destination.length &&
					  route->metric >= best->metric)))
		return true;
	way->best = *route;
	way->found = true;
	return true;
}

static bool find_way(struct client *client, const struct address *server, struct way *way)
{
	*way = (struct way){.to = server, .avoid = client->unit.link};
	netlink_routes(client->host.outside, server->family, 0, look_at, way);
	return way->found;
}

/* The kernel's own answer, which knows every rule and table, unless that is our interface. */
static int way_now(struct client *client, const struct address *server, struct netlink_route *route)
{
	struct way way;
	int failed = netlink_route_get(client->host.outside, NULL, server, route);
	if (!failed && (!client->unit.link || route->link != client->unit.link))
		return 0;
	if (!find_way(client, server, &way))
		return failed ? failed : -ENETUNREACH;
	*route = way.best;
	return 0;
}

static struct client_outside *outside_of(struct client *client)
{
	return &client->outside;
}

static void forget(struct client *client, unsigned n)
{
	struct client_outside *o = outside_of(client);
	helper_route_delete(client->host.helper, &o->routes[n], NULL, NULL);
	o->count--;
	memmove(&o->routes[n], &o->routes[n + 1], (o->count - n) * sizeof o->routes[0]);
	memmove(&o->ways[n], &o->ways[n + 1], (o->count - n) * sizeof o->ways[0]);
}

static bool same_way(const struct netlink_route *a, const struct netlink_route *b)
{
	return a->link == b->link && address_equal(&a->gateway, &b->gateway);
}

/* Whether this server has its route, and that is still the way. */
static bool is_kept(struct client *client, const struct address *server)
{
	struct client_outside *o = outside_of(client);
	struct netlink_route now;
	struct way way;
	for (unsigned n = 0; n < o->count; n++) {
		if (!address_equal(&o->routes[n].destination.address, server))
			continue;
		bool there = netlink_route_get(client->host.outside, NULL, server, &now) == 0 &&
			     now.link != client->unit.link;
		bool moved = find_way(client, server, &way) && !same_way(&way.best, &o->ways[n]);
		if (there && !moved)
			return true;
		forget(client, n);
	}
	return false;
}

static void go_on(struct client *client);

static void end(struct client *client, int failed, const char *error)
{
	struct client_outside *o = outside_of(client);
	if (failed)
		log_line(&client->host.log, LOG_LINE_ERROR,
			"The route to the server could not be kept outside the tunnel: %s",
			*error ? error : strerror(-failed));
	o->then(client, o->subject, failed);
}

static void on_route_kept(void *context, int result, const char *error)
{
	struct asked asked = *(struct asked *)context;
	free(context);
	if (asked.turn != asked.client->outside.turn)
		return; /* something else has been asked since */
	if (result)
		end(asked.client, result < 0 ? result : -EIO, error);
	else
		go_on(asked.client);
}

static void keep(struct client *client, const struct address *server)
{
	struct client_outside *o = outside_of(client);
	struct asked *asked = malloc(sizeof *asked);
	struct way way;
	if (o->count == CLIENT_OUTSIDE_MAX)
		forget(client, 0);
	struct netlink_route *route = &o->routes[o->count];
	int failed = asked ? way_now(client, server, route) : -ENOMEM;
	if (failed) {
		free(asked);
		end(client, failed, "");
		return;
	}
	o->ways[o->count] = find_way(client, server, &way) ? way.best : *route;
	*asked = (struct asked){client, o->turn};
	route->destination =
		(struct prefix){.address = *server, .length = server->family == 4 ? 32 : 128};
	route->source = (struct address){0};
	route->metric = route->mtu = 0;
	route->table = 0;
	route->protocol = 0;
	o->count++;
	helper_route_add(client->host.helper, route, on_route_kept, asked);
}

/* One address after the other. */
static void go_on(struct client *client)
{
	struct client_outside *o = outside_of(client);
	while (o->looked < CLIENT_OUTSIDE_MAX) {
		const struct address *server = &o->servers[o->looked++];
		if (would_loop(client, server) && !is_kept(client, server)) {
			keep(client, server);
			return;
		}
	}
	end(client, 0, "");
}

void client_outside_keep(struct client *client, const struct address *tcp,
	const struct address *gre, uint32_t subject, client_outside_then *then)
{
	struct client_outside *o = outside_of(client);
	o->servers[0] = *tcp;
	o->servers[1] = *gre;
	o->looked = 0;
	o->turn++;
	o->subject = subject;
	o->then = then;
	go_on(client);
}

void client_outside_forget(struct client *client)
{
	client->outside.turn++;
	while (client->outside.count)
		forget(client, client->outside.count - 1);
}
