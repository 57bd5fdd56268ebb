/* The server's IPv6 besides the network of each link: prefixes for the routers behind sessions, and
 * what DHCPv6 and Router Advertisements tell of name and time servers.
 *
 * The session keeps the lease (dhcpv6_server.c); here is what follows of it. A prefix is taken from
 * the pool when it is asked for, and given back when the session holds it no more, for whatever
 * reason: released, run out, or over. On an interface of its own it needs a route of its own; the
 * shared one leads to the whole pool. */
#include <string.h>

#include "clock.h"
#include "duid.h"
#include "narrate.h"
#include "netdev6.h"
#include "peer.h"
#include "scripts.h"
#include "server.h"
#include "services.h"

static void fill_services(struct server *server)
{
	const struct settings *settings = server->settings;
	struct link_services *services = &server->services;
	duid_make(&services->duid, "server", &server->host.random);
	services->dns6[0] = settings->dns6;
	services->ntp6 = settings->ntp6;
	services->delegated_for = settings->pool6_pd_lifetime;
	for (size_t i = 0; i < settings->push_routes.count && i < LINK_ROUTES; i++)
		services->routes[services->route_count++] = settings->push_routes.at[i];
	for (size_t i = 0; i < settings->search.count; i++)
		if (!domains_add(&services->search, settings->search.at[i]))
			log_line(&server->host.log, LOG_LINE_WARNING,
				"search-domain %s: there is no room for so many",
				settings->search.at[i]);
}

int server6_start(struct server *server)
{
	const struct settings *settings = server->settings;
	int failed = 0;
	fill_services(server);
	if (!settings->ipv6 || !settings->pool6.count)
		return 0;
	failed = pool6_init(&server->pool6, settings->pool6.at, POOL6_NETWORK);
	if (!failed)
		pool6_keep_first(&server->pool6);
	if (!failed && settings->pool6_pd.count)
		failed = pool6_init(&server->pool6_pd, settings->pool6_pd.at,
			(uint8_t)settings->pool6_pd_length);
	server->services.delegates = server->pool6_pd.size != 0;
	return failed;
}

void server6_free(struct server *server)
{
	pool6_free(&server->pool6);
	pool6_free(&server->pool6_pd);
}

void server6_delegate(struct seat *seat, const struct delegate_question *question)
{
	struct server *server = seat->owner->role;
	struct prefix prefix = pool6_take_like(&server->pool6_pd, &question->hint);
	if (!prefix.length)
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
			"No prefix is left to delegate peer=%s sid=%s", shown_address(&seat->outer),
			seat->sid);
	seat_delegate(seat, question, &prefix);
	struct prefix held = services_delegated(&seat->session);
	if (prefix.length && !dhcpv6_same_prefix(&prefix, &held) &&
		!dhcpv6_same_prefix(&prefix, &seat->delegated))
		pool6_release(&server->pool6_pd, &prefix);
}

void server6_services(struct seat *seat)
{
	struct server *server = seat->owner->role;
	struct prefix now = services_delegated(&seat->session), before = seat->delegated;
	if (seat->over)
		now = (struct prefix){.length = 0};
	if (dhcpv6_same_prefix(&now, &before))
		return;
	seat->delegated = now;
	if (before.length) {
		pool6_release(&server->pool6_pd, &before);
		if (seat->link && !seat->over)
			netdev6_route(&server->host, seat, &before, false);
	}
	if (now.length && seat->link)
		netdev6_route(&server->host, seat, &now, true);
	narrate_delegated(seat, &before);
	scripts_ipv6_prefix(&server->host, seat, &before);
}
