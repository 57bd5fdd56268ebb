/* The way to the server, outside the tunnel: when it changes so that the control connection's own
 * address will not do any more, the connection is dialled again at once, from the new one.
 *
 * A laptop that moves to another network, a line that gets another address from its provider: TCP
 * would find that out after minutes, the keepalives after theirs. The kernel tells at once
 * (path.h); what it tells only makes us look. A connection stays while packets can leave from its
 * address as they did, or while there is no other way: the same address may come back, and nothing
 * was lost. Where they leave by another interface now the server is asked whether it hears them.
 * While we wait to dial again, a way that comes back ends the wait. */
#include <stdlib.h>

#include "client.h"
#include "clock.h"
#include "limits.h"
#include "path.h"
#include "peer.h"
#include "redial.h"

enum { WAYS_MAX = 64 };

/* Of one control connection: from its own address, and from any. */
struct way {
	struct peer *peer; /* NULL: free */
	uint32_t own, any; /* paths */
	unsigned link;     /* that its packets leave by */
	uint64_t asked;    /* when the peer was asked for a sign; 0: it was not */
};

struct client_way {
	struct client *client;
	struct paths *paths;
	struct way ways[WAYS_MAX];
	uint32_t waited; /* path to the server that was lost last, until one is found again */
};

static const struct address anywhere;

static void on_time_out(uv_timer_t *timer);

/* Its local address was asked for: from another one it would not have been dialled. */
static bool is_bound(const struct client *client)
{
	return client->local.family || client->settings->link_bind.count;
}

enum verdict {
	WAY_GOOD,
	WAY_OTHER, /* out by another interface, from the same address: whether it is answered there
		    * only the peer can say */
	WAY_LOST,
};

/* Whether packets of the connection leave as they did. `source`, when lost, gets the address that
 * would be better; family 0: their route is gone, and ours into the tunnel is what is left. */
static enum verdict judge(struct client *client, struct way *way, struct address *source)
{
	struct netlink *netlink = client->host.outside;
	const struct peer *peer = way->peer;
	struct netlink_route own, any;
	bool there = netlink_route_get(netlink, &peer->local, &peer->address, &own) == 0;
	if (there && own.link == way->link)
		return WAY_GOOD;
	if (is_bound(client) || netlink_route_get(netlink, NULL, &peer->address, &any) < 0)
		return WAY_GOOD; /* there is nothing better: keepalives judge it */
	bool inside = client->unit.link && any.link == client->unit.link;
	if (there && !inside) {
		way->link = own.link;
		return address_equal(&any.source, &peer->local) ? WAY_GOOD : WAY_OTHER;
	}
	*source = inside ? (struct address){.family = 0} : any.source;
	return WAY_LOST;
}

static void leave(struct client *client, const struct way *way, const struct address *source)
{
	struct peer *peer = way->peer;
	if (source->family)
		log_line(&client->host.log, LOG_LINE_WARNING,
			"The way to the server leaves from %s now, not from %s: dialling again "
			"peer=%s",
			shown_address(source), shown_address(&peer->local),
			shown_address(&peer->address));
	else
		log_line(&client->host.log, LOG_LINE_WARNING,
			"The way to the server leads into the tunnel now: dialling again peer=%s",
			shown_address(&peer->address));
	peer_lose(peer, CLOSE_WAY_CHANGED);
}

static void ask(struct client *client, struct way *way)
{
	uint32_t at = 0;
	struct seat *seat;
	way->asked = clock_now();
	peer_awake(way->peer, way->asked);
	while ((seat = seats_next(&client->host.seats, &at)))
		if (seat->peer == way->peer)
			seat_probe(seat); /* also without --lcp-echo-interval */
	uv_timer_start(&client->way_answer, on_time_out, WAY_ANSWER_MAX / 1000, 0);
}

static bool has_answered(const struct client *client, const struct way *way)
{
	uint32_t at = 0;
	const struct seat *seat;
	while ((seat = seats_next(&client->host.seats, &at)))
		if (seat->peer == way->peer && seat->session.last_received > way->asked)
			return true;
	return false;
}

/* Who was asked has had time to answer. */
static void on_time_out(uv_timer_t *timer)
{
	struct client *client = timer->data;
	struct client_way *w = client->way;
	for (unsigned i = 0; w && i < WAYS_MAX; i++) {
		struct way *way = &w->ways[i];
		struct netlink_route any;
		if (!way->peer || !way->asked)
			continue;
		bool lost =
			!has_answered(client, way) && netlink_route_get(client->host.outside, NULL,
							      &way->peer->address, &any) == 0;
		way->asked = 0;
		if (lost && !client->host.stopping)
			leave(client, way, &any.source);
	}
}

static void look(struct client *client, struct way *way)
{
	struct address source;
	if (client->host.stopping || !way->peer->opened)
		return;
	switch (judge(client, way, &source)) {
	case WAY_GOOD:
		break;
	case WAY_OTHER:
		ask(client, way);
		break;
	case WAY_LOST:
		leave(client, way, &source);
		break;
	}
}

static void on_changed(void *context, uint32_t index, const struct path *path)
{
	struct client_way *w = context;
	struct client *client = w->client;
	for (unsigned i = 0; i < WAYS_MAX; i++)
		if (w->ways[i].peer && (w->ways[i].own == index || w->ways[i].any == index))
			look(client, &w->ways[i]);
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
	uv_timer_init(&client->host.loop, &client->way_answer);
	client->way_answer.data = client;
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
