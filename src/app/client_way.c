/* The way to the server, outside the tunnel: when it changes so that the control connection's own
 * address will not do any more, the connection is dialled again at once, from the new one.
 *
 * A laptop that moves to another network, a line that gets another address from its provider: TCP
 * would find that out after minutes, the keepalives after theirs. The kernel tells at once
 * (path.h); what it tells only makes us look. A connection stays while packets can leave from its
 * address as they did, or while there is no other way: the same address may come back, and nothing
 * was lost. While we wait to dial again, a way that comes back ends the wait. */
#include <stdlib.h>

#include "client.h"
#include "path.h"
#include "peer.h"
#include "redial.h"

enum { WAYS_MAX = 64 };

/* Of one control connection: from its own address, and from any. */
struct way {
	struct peer *peer; /* NULL: free */
	uint32_t own, any; /* paths */
	unsigned link;     /* that its packets leave by */
};

struct client_way {
	struct client *client;
	struct paths *paths;
	struct way ways[WAYS_MAX];
	uint32_t waited; /* path to the server that was lost last, until one is found again */
};

static const struct address anywhere;

/* Its local address was asked for: from another one it would not have been dialled. */
static bool is_bound(const struct client *client)
{
	return client->local.family || client->settings->link_bind.count;
}

/* Whether packets of the connection leave as they should. `source` gets the address that would be
 * better; family 0: their route is gone, and ours into the tunnel is what is left. */
static bool still_good(struct client *client, struct way *way, struct address *source)
{
	struct netlink *netlink = client->host.outside;
	const struct peer *peer = way->peer;
	struct netlink_route own, any;
	bool there = netlink_route_get(netlink, &peer->local, &peer->address, &own) == 0;
	if (there && own.link == way->link)
		return true;
	if (is_bound(client) || netlink_route_get(netlink, NULL, &peer->address, &any) < 0)
		return true; /* there is nothing better: keepalives judge it */
	if (there && address_equal(&any.source, &peer->local)) {
		way->link = own.link;
		return true;
	}
	bool inside = client->unit.link && any.link == client->unit.link;
	*source = inside ? (struct address){.family = 0} : any.source;
	return false;
}

static void look(struct client_way *w, struct way *way)
{
	struct client *client = w->client;
	struct peer *peer = way->peer;
	struct address source;
	if (client->host.stopping || !peer->opened || still_good(client, way, &source))
		return;
	if (source.family)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"The way to the server leaves from %s now, not from %s: dialling again "
			"peer=%s",
			shown_address(&source), shown_address(&peer->local),
			shown_address(&peer->address));
	else
		log_line(&client->host.log, LOG_LINE_WARNING,
			"The way to the server leads into the tunnel now: dialling again peer=%s",
			shown_address(&peer->address));
	peer_lose(peer, CLOSE_WAY_CHANGED);
}

static void on_changed(void *context, uint32_t index, const struct path *path)
{
	struct client_way *w = context;
	struct client *client = w->client;
	for (unsigned i = 0; i < WAYS_MAX; i++)
		if (w->ways[i].peer && (w->ways[i].own == index || w->ways[i].any == index))
			look(w, &w->ways[i]);
	bool waits = uv_is_active((uv_handle_t *)&client->redial);
	if (index == w->waited && path->link && waits && !client->peers && !client->seat)
		redial_now(client, CLOSE_WAY_CHANGED);
}

void client_way_open(struct client *client)
{
	char error[256];
	struct client_way *w = calloc(1, sizeof *w);
	struct paths_config config = {.loop = &client->host.loop,
		.count_max = 2 * WAYS_MAX + 1,
		.changed = on_changed,
		.context = w};
	if (!w)
		return;
	w->client = client;
	if (paths_open(&w->paths, &config, error) < 0) {
		log_line(&client->host.log, LOG_LINE_WARNING,
			"Changes of the way to the server will not be noticed at once: %s", error);
		free(w);
		return;
	}
	client->way = w;
}

void client_way_close(struct client *client)
{
	if (client->way)
		paths_close(client->way->paths);
	free(client->way);
	client->way = NULL;
}

static void drop(struct client_way *w, uint32_t index)
{
	if (index)
		paths_drop(w->paths, index);
}

void client_way_up(struct client *client, struct peer *peer)
{
	struct client_way *w = client->way;
	struct path path;
	unsigned i = 0;
	if (!w || client->listeners.count)
		return;
	while (i < WAYS_MAX && w->ways[i].peer)
		i++;
	if (i == WAYS_MAX)
		return;
	w->ways[i] = (struct way){.peer = peer};
	w->ways[i].any = paths_want(w->paths, &anywhere, &peer->address, &path);
	w->ways[i].own = paths_want(w->paths, &peer->local, &peer->address, &path);
	w->ways[i].link = path.link;
	drop(w, w->waited);
	w->waited = 0;
}

void client_way_down(struct client *client, const struct peer *peer)
{
	struct client_way *w = client->way;
	struct path path;
	if (!w)
		return;
	for (unsigned i = 0; i < WAYS_MAX; i++) {
		if (w->ways[i].peer != peer)
			continue;
		drop(w, w->ways[i].own);
		drop(w, w->ways[i].any);
		w->ways[i] = (struct way){.peer = NULL};
	}
	drop(w, w->waited);
	w->waited = 0;
	if (peer->address.family && !client->listeners.count)
		w->waited = paths_want(w->paths, &anywhere, &peer->address, &path);
}
