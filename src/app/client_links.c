/* The client's further links: a bundle that came up is filled with calls until it has --links of
 * them, --links-per-tunnel to each control connection, and filled again when one leaves.
 *
 * A link that does not come about or ends is dialled again after --holdoff, one try for all that
 * are missing, as long as the bundle is there. When the last link is gone the bundle is, and the
 * connection is dialled again as a whole (client.c). */
#include <stdlib.h>
#include <string.h>

#include "bundles.h"
#include "client.h"
#include "clock.h"
#include "peer.h"
#include "values.h"

static bool is_filled(const struct client *client)
{
	return client->seat && bundles_is_own(client->seat) && client->seat->up_since &&
	       !client->host.stopping;
}

static bool is_coming(const struct peer *peer)
{
	return !peer->opened || peer->tunnel.control.state < CONTROL_ESTABLISHED;
}

/* Calls there are, and control connections that will each make one. */
static uint32_t links_there(const struct client *client)
{
	const struct host *host = &client->host;
	uint32_t count = 0, at = 0;
	for (struct seat *seat; (seat = seats_next(&host->seats, &at));)
		count += seat->peer && !bundles_is_own(seat);
	for (uint32_t i = 0; i < host->peer_max; i++)
		count += host->peers[i] && !host->peers[i]->bundle && !host->peers[i]->seats &&
			 is_coming(host->peers[i]);
	return count;
}

static bool dial_call(struct client *client, struct peer *peer)
{
	struct seat *seat = peer_seat(peer);
	if (!seat)
		return false;
	seat->user = strdup(client->user);
	peer_dial_call(peer, seat);
	return true;
}

/* One more call in a control connection that has room for it. */
static bool dial_in_tunnel(struct client *client)
{
	struct host *host = &client->host;
	for (uint32_t i = 0; i < host->peer_max; i++) {
		struct peer *peer = host->peers[i];
		if (peer && !peer->bundle && peer->opened && !is_coming(peer) &&
			peer->tunnel.stopping == STOP_NONE && !peer->tunnel.down &&
			peer->seats < client->settings->links_per_tunnel)
			return dial_call(client, peer);
	}
	return false;
}

static uint32_t users_of(const struct client *client, const struct address *local)
{
	const struct host *host = &client->host;
	uint32_t count = 0;
	for (uint32_t i = 0; i < host->peer_max; i++)
		count += host->peers[i] && !host->peers[i]->bundle &&
			 address_equal(&host->peers[i]->local, local);
	return count;
}

/* Of --bind's address and those of --link-bind, the one that has fewest. */
static struct address next_local(const struct client *client)
{
	const struct text_list *list = &client->settings->link_bind;
	struct address best = client->local;
	uint32_t fewest = list->count && !best.family ? 1 : users_of(client, &best);
	for (size_t i = 0; i < list->count; i++) {
		struct address local;
		if (!value_address(list->at[i], &local) || users_of(client, &local) >= fewest)
			continue;
		best = local;
		fewest = users_of(client, &local);
	}
	return best;
}

static bool dial_tunnel(struct client *client)
{
	struct address local = next_local(client);
	int error;
	struct peer *peer =
		peer_dial(&client->host, client->host_name, client->port, &local, &error);
	if (!peer)
		return false;
	peer->local = local;
	client->peers++;
	return true;
}

static void on_due(uv_timer_t *timer)
{
	client_links_fill(timer->data);
}

static void fill_later(struct client *client)
{
	if (is_filled(client) && !uv_is_active((uv_handle_t *)&client->fill))
		uv_timer_start(
			&client->fill, on_due, (uint64_t)client->settings->holdoff * 1000, 0);
}

void client_links_fill(struct client *client)
{
	while (is_filled(client) && links_there(client) < client->settings->links)
		if (!dial_in_tunnel(client) && !dial_tunnel(client)) {
			fill_later(client);
			return;
		}
}

void client_links_up(struct client *client)
{
	if (client->settings->links == 1)
		return;
	if (bundles_is_own(client->seat))
		client_links_fill(client);
	else
		log_line(&client->host.log, LOG_LINE_WARNING,
			"The server does not do multilink: one link is all there will be peer=%s",
			shown_address(&client->seat->outer));
}

void client_links_tunnel_up(struct client *client, struct peer *peer)
{
	if (!is_filled(client) || !dial_call(client, peer))
		peer_stop(peer, CLOSE_LOCAL_ERROR);
}

void client_links_tunnel_down(struct client *client)
{
	fill_later(client);
}

void client_links_over(struct client *client, struct seat *link)
{
	if (link->peer->seats == 1)
		peer_stop(link->peer, link->reason);
	fill_later(client);
}

void client_links_stop(struct client *client, enum close_reason reason)
{
	struct host *host = &client->host;
	for (uint32_t i = 0; i < host->peer_max; i++)
		if (host->peers[i] && !host->peers[i]->bundle)
			peer_stop(host->peers[i], reason);
}
