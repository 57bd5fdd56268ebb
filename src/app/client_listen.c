/* A client that waits for its PAC (RFC 2637 §3.1: either side may open the connection).
 *
 * The PAC connects, and the client then asks for its call as it always does. Only the host it was
 * told to expect is let in, and only while there is no connection; with --persist it waits again
 * when that has ended. */
#include "clock.h"
#include "client.h"
#include "narrate.h"
#include "peer.h"
#include "values.h"

static void on_accepted(void *context, struct tcp_connection *tcp)
{
	struct client *client = context;
	struct address from = tcp_peer(tcp);
	bool expected = address_equal(&from, &client->awaited);
	struct peer *peer = NULL;
	if (expected && !client->peer && !client->seat && !client->host.stopping)
		peer = peer_accept(&client->host, tcp);
	if (!peer) {
		log_peer(&client->host.log, LOG_KIND_CONNECTION, LOG_LINE_WARNING, clock_now(),
			"Control connection from %s refused: %s peer=%s", shown_address(&from),
			expected ? "there is one already" : "another host is expected",
			shown_address(&from));
		tcp_abort(tcp);
		return;
	}
	log_line(&client->host.log, LOG_LINE_INFO, "Control connection from %s port=%u peer=%s",
		shown_address(&from), peer->port, shown_address(&from));
	uv_timer_stop(&client->redial);
	client_connection_begins(client);
	client->peer = peer;
	client->peers = 1;
	peer_begin(peer);
}

int client_listen(struct client *client)
{
	const struct text_list *listen = &client->settings->listen;
	int code = 0;
	if (listen->count && !value_address(client->host_name, &client->awaited)) {
		log_line(&client->host.log, LOG_LINE_ERROR,
			"--listen: the server who will connect is to be given by its address");
		return 2;
	}
	for (size_t i = 0; i < listen->count && !code; i++)
		code = listeners_add(
			&client->listeners, &client->host, listen->at[i], on_accepted, client);
	return code;
}
