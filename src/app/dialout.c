/* Control connections that a server opens (see dialout.h).
 *
 * RFC 2637 lets either side open the connection; a PNS calls a PAC that does not call by itself.
 * Apart from who says Start-Control-Connection-Request the tunnel is like any other, and the PAC's
 * Incoming-Call-Requests are taken. A connection that ends or fails is dialled again, after 5 s
 * doubled with each failure in a row up to 80 s; not while the PAC has one open to us. */
#include "dialout.h"

#include <stdio.h>

#include "log.h"
#include "peer.h"
#include "server.h"
#include "values.h"

enum { FIRST_WAIT_MS = 5000, DOUBLINGS = 4 };

static struct dialout *find(struct server *server, const struct peer *peer)
{
	for (unsigned i = 0; i < server->dialout_count; i++)
		if (server->dialouts[i].peer == peer)
			return &server->dialouts[i];
	return NULL;
}

static const struct dialout *find_address(
	const struct server *server, const struct address *address)
{
	const struct dialout *dialouts = server->dialouts;
	for (unsigned i = 0; i < server->dialout_count; i++)
		if (dialouts[i].address.family && address_equal(&dialouts[i].address, address))
			return &dialouts[i];
	return NULL;
}

static void dial(struct dialout *dialout);

static void on_redial(uv_timer_t *timer)
{
	dial(timer->data);
}

static void dial_later(struct dialout *dialout)
{
	unsigned doublings = dialout->failures ? dialout->failures - 1 : 0;
	if (doublings > DOUBLINGS)
		doublings = DOUBLINGS;
	if (!dialout->server->host.stopping)
		uv_timer_start(&dialout->redial, on_redial, FIRST_WAIT_MS << doublings, 0);
}

/* A connection the PAC opened serves as well (§3.1.3 wants one a pair). */
static bool called_by(const struct dialout *dialout)
{
	const struct host *host = &dialout->server->host;
	for (uint32_t i = 0; dialout->address.family && i < host->peer_max; i++) {
		const struct peer *peer = host->peers[i];
		if (peer && !peer->dialled && peer->tcp &&
			address_equal(&peer->address, &dialout->address))
			return true;
	}
	return false;
}

static void dial(struct dialout *dialout)
{
	static const struct address any;
	struct host *host = &dialout->server->host;
	int error;
	if (host->stopping)
		return;
	if (called_by(dialout)) {
		dial_later(dialout);
		return;
	}
	log_line(&host->log, LOG_LINE_INFO, "Dialling PAC %s port %u", dialout->host_name,
		dialout->port);
	dialout->peer = peer_dial(host, dialout->host_name, dialout->port, &any, &error);
	if (dialout->peer)
		return;
	log_line(&host->log, LOG_LINE_ERROR, "Couldn't dial %s: %s", dialout->host_name,
		tcp_error(error));
	dialout->failures++;
	dial_later(dialout);
}

static int add(struct server *server, const char *word)
{
	struct dialout *dialout = &server->dialouts[server->dialout_count];
	dialout->server = server;
	dialout->port = (uint16_t)server->settings->port;
	if (server->dialout_count == DIALOUTS_MAX ||
		!value_host_port(word, dialout->host_name, &dialout->port)) {
		log_line(&server->host.log, LOG_LINE_ERROR,
			"--connect: up to %d hosts, each with :PORT if need be, are expected",
			DIALOUTS_MAX);
		return 2;
	}
	if (!value_address(dialout->host_name, &dialout->address))
		dialout->address.family = 0;
	uv_timer_init(&server->host.loop, &dialout->redial);
	dialout->redial.data = dialout;
	server->dialout_count++;
	dial(dialout);
	return 0;
}

int dialout_start(struct server *server)
{
	const struct text_list *wanted = &server->settings->connect;
	int code = 0;
	for (size_t i = 0; i < wanted->count && !code; i++)
		code = add(server, wanted->at[i]);
	return code;
}

void dialout_up(struct server *server, const struct peer *peer)
{
	struct dialout *dialout = peer->dialled ? find(server, peer) : NULL;
	if (!dialout)
		return;
	dialout->address = peer->address;
	dialout->failures = 0;
}

void dialout_down(struct server *server, const struct peer *peer, enum close_reason reason)
{
	struct dialout *dialout = peer->dialled ? find(server, peer) : NULL;
	if (!dialout)
		return;
	if (reason == CLOSE_TCP_FAILED && !server->host.stopping)
		log_line(&server->host.log, LOG_LINE_WARNING,
			"No connection to PAC %s port %u: %s reason=%s peer=%s", dialout->host_name,
			dialout->port, tcp_error(peer->tcp_error), close_word(reason),
			dialout->host_name);
	dialout->peer = NULL;
	dialout->failures++;
	dial_later(dialout);
}

bool dialout_knows(const struct server *server, const struct address *address)
{
	return find_address(server, address) != NULL;
}

bool dialout_wins(struct server *server, const struct address *local, const struct address *peer)
{
	const struct dialout *dialout = find_address(server, peer);
	if (!dialout || !dialout->peer)
		return false;
	if (dialout->peer->opened && dialout->peer->tunnel.control.state != CONTROL_WAIT_REPLY)
		return false;
	bool ours = control_wins_collision(local, peer);
	log_line(&server->host.log, LOG_LINE_INFO,
		"PAC %s calls us while we call it: the connection %s opened stays peer=%s",
		dialout->host_name, ours ? "we" : "it", shown_address(peer));
	if (!ours)
		peer_lose(dialout->peer, CLOSE_COLLISION);
	return ours;
}
