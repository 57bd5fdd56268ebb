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
#include "demand.h"
#include "narrate.h"
#include "netdev.h"
#include "notify.h"
#include "peer.h"
#include "scripts.h"

/* The network that the server says our address is in. */
static void peer_network(
	const struct client *client, const struct seat *seat, struct prefix *network)
{
	const struct unit_network *told = seat_network(seat);
	*network = (struct prefix){.length = 0};
	if (!client->settings->use_peer_routes || !told->mask4)
		return;
	network->address = address_ipv4(told->local4 & told->mask4);
	network->length = (uint8_t)__builtin_popcount(told->mask4);
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
	if (client_unit_number6(client, seat) < 0)
		return;
	set_dns(client, seat);
	if (!advert->prefix.length || client_unit_join6(client, seat) < 0)
		return;
	client_unit_route6(client, advert->router_lifetime != 0);
}

/* The interface comes up, and with it the routes. */
static void finish(struct client *client, struct seat *seat)
{
	uv_timer_stop(&client->redial);
	demand_gather(client);
	int failed = netdev_up(&client->host, seat, seat->tun);
	seat->tun = -1;
	demand_send(client, seat);
	if (failed) {
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	if (seat_network(seat)->ipv4)
		client_unit_route(client, &client->network);
	if (client->settings->use_peer_routes && !client->network.length)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"--use-peer-routes: the server named no network");
	set_dns(client, seat);
	if (client->settings->use_peer_dns && !client->dns_set)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"--use-peer-dns: the server named no DNS server");
	client->configured = true;
	seat->ready6 = seat_network(seat)->ipv6;
	narrate_up(seat); /* from here on packets pass: people and scripts wait for these lines */
	if (client->settings->pppd.notify)
		notify_send("READY=1");
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

static void on_no_answer(uv_timer_t *timer)
{
	client_network_answered(timer->data);
}

static void on_outside(struct client *client, uint32_t subject, int failed)
{
	struct seat *seat = seats_find(&client->host.seats, subject);
	if (!seat || seat->over)
		return;
	if (failed)
		seat_close(seat, CLOSE_LOCAL_ERROR);
	else if (demand_asks(client, seat))
		uv_timer_start(&client->redial, on_no_answer, PROBE_WAIT / 1000, 0);
	else if (!seat->over)
		finish(client, seat);
}

void client_network_answered(struct client *client)
{
	if (client->seat && !client->seat->over && demand_asked(client))
		finish(client, client->seat);
}

/* Both addresses of the server's keep their ways; then the interface comes up. */
static void keep_server_outside(struct seat *seat)
{
	struct client *client = seat->owner->role;
	client_outside_keep(client, &seat->outer, &seat->gre, seat_subject(seat), on_outside);
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
	peer_network(client, seat, &client->network);
	if (client_unit_number(client, seat) < 0) {
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	scripts_pre_up(&client->host, seat, keep_server_outside);
}

void client_network_down(struct client *client)
{
	if (client->dns_set)
		helper_dns_restore(client->host.helper, on_dns, client);
	client->configured = false;
	client->dns_set = 0;
	client->search[0] = '\0';
}
