/* Networks behind a user (see user_routes.h): a route of the kernel's to the interface, and an
 * entry of the data plane's, by which packets find the session and sources are checked. What was
 * added is remembered with the session: the file may be another when it ends. */
#include "user_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "narrate.h"
#include "text.h"

static unsigned link_of(const struct server *server, const struct seat *seat)
{
	return server->shared ? server->link : seat->link;
}

static const char *words_of(const struct prefix *network, char words[64])
{
	struct text t = text_over(words, 64);
	text_address(&t, &network->address);
	text_char(&t, '/');
	text_unsigned(&t, network->length);
	return words;
}

static void add_one(struct server *server, struct seat *seat, const struct prefix *network)
{
	struct host *host = &server->host;
	struct netlink_route route = {.destination = *network, .link = link_of(server, seat)};
	char words[64];
	int failed = netlink_route_add(host->netlink, &route);
	if (failed && failed != -EEXIST) {
		log_line(&host->log, LOG_LINE_WARNING, "%s", netlink_error(host->netlink));
		return;
	}
	if (!host->plane->route(host->dataplane, seat_subject(seat), network, true)) {
		log_line(&host->log, LOG_LINE_WARNING, "No room for the route to %s",
			words_of(network, words));
		return;
	}
	seat->networks[seat->network_count++] = *network;
	log_line(&host->log, LOG_LINE_INFO, "route %s user=\"%s\" sid=%s", words_of(network, words),
		seat->user, seat->sid);
}

void user_routes_add(struct server *server, struct seat *seat, const struct secret *secret)
{
	if (!secret || !secret->route_count || seat->networks)
		return;
	seat->networks = calloc(secret->route_count, sizeof *seat->networks);
	for (unsigned i = 0; seat->networks && i < secret->route_count; i++)
		add_one(server, seat, &secret->routes[i]);
}

/* Another session may have the network now: then the route of a shared interface stays. */
static bool still_wanted(
	struct server *server, const struct seat *seat, const struct prefix *network)
{
	uint32_t at = 0;
	for (struct seat *other; (other = seats_next(&server->host.seats, &at));)
		for (unsigned i = 0; other != seat && i < other->network_count; i++)
			if (other->networks[i].length == network->length &&
				address_equal(&other->networks[i].address, &network->address))
				return true;
	return false;
}

void user_routes_remove(struct server *server, struct seat *seat)
{
	struct host *host = &server->host;
	for (unsigned i = 0; i < seat->network_count; i++) {
		const struct prefix *network = &seat->networks[i];
		struct netlink_route route = {.destination = *network, .link = server->link};
		host->plane->route(host->dataplane, seat_subject(seat), network, false);
		if (server->shared && !still_wanted(server, seat, network))
			netlink_route_delete(host->netlink, &route);
	}
	free(seat->networks);
	seat->networks = NULL;
	seat->network_count = 0;
}
