/* A client whose way to its peer is a line: a tty, a pty, what it was started on (see client.h).
 *
 *   the keeper opens the line ─▶ interface, session ─▶ as any client's ─▶ session gone ─▶ the
 * keeper gives the terminal back ─▶ again, or the end
 *
 * Both ends of a line are alike. Who asks the peer to prove itself (--peer-auth) does so against
 * --secrets, and lets it have the addresses of its line there; who was told the peer's address
 * (LOCAL:REMOTE) gives it. RFC 1661 §3, RFC 1662. */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "line_keeper.h"
#include "peer.h"
#include "proxy_arp.h"
#include "redial.h"
#include "scripts.h"
#include "values.h"

#define KEEPER_PATIENCE SECONDS(20) /* a disconnect script may talk to a modem */

void client_line_configure(const struct client *client, struct session_config *config)
{
	const struct settings *settings = client->settings;
	struct link_config *link = &config->link;
	config->line = link->line = true;
	link->ask_accm = !settings->default_asyncmap && !settings->sync;
	link->receive_all = settings->receive_all;
	link->ask_fcs = settings->fcs == LCP_FCS_32 && !settings->sync ? LCP_FCS_32 : 0;
	link->silent = settings->silent;
	link->passive = settings->passive;
	if (settings->asyncmap)
		value_asyncmap(settings->asyncmap, &link->accm);
	if (settings->xonxoff)
		link->accm |= 0x000a0000;
	config->unit.ask_address = link->demand_auth != 0;
	for (unsigned i = 0; i < 2; i++) {
		config->unit.dns[i] = settings->dns.at[i];
		config->unit.wins[i] = settings->wins.at[i];
	}
}

/* The peer's address: what we were told, or what its secret says. */
void client_line_address(struct seat *seat, uint32_t token)
{
	struct client *client = seat->owner->role;
	const struct settings *settings = client->settings;
	const struct secret *secret = client->peer_secret;
	uint32_t remote4 = address_to_ipv4(&settings->remote);
	struct unit_addresses addresses = {.granted = true,
		.local4 = client->local4,
		.remote4 = remote4,
		.dns = {settings->dns.at[0], settings->dns.at[1]},
		.wins = {settings->wins.at[0], settings->wins.at[1]}};
	if (secret && !remote4)
		addresses.remote4 = secret_fixed(secret);
	if (secret && remote4 && !secret_allows(secret, remote4)) {
		addresses.granted = false;
		log_line(&client->host.log, LOG_LINE_ERROR,
			"Peer is not authorized to use remote address %s peer=%s",
			shown_ipv4(remote4), shown_address(&seat->outer));
	}
	seat_addresses(seat, token, &addresses);
}

bool client_line_up(struct client *client, struct seat *seat)
{
	uint32_t remote4 = seat_network(seat)->remote4;
	if (client->peer_secret && remote4 && !secret_allows(client->peer_secret, remote4)) {
		log_line(&client->host.log, LOG_LINE_ERROR,
			"Peer is not authorized to use remote address %s peer=%s",
			shown_ipv4(remote4), shown_address(&seat->outer));
		seat_close(seat, CLOSE_ADDRESS_NONE);
		return false;
	}
	if (client->settings->proxy_arp && seat_network(seat)->ipv4) {
		seat->remote4 = remote4;
		proxy_arp_add(&client->host, seat);
	}
	scripts_auth_up(&client->host, seat);
	return true;
}

/* The line is no more; whether there is another is for redial.c to say. */
static void line_is_gone(struct client *client)
{
	client->peers = 0;
	redial_ended(client);
}

static void give_up_line(struct client *client, enum close_reason reason)
{
	client->reason = reason;
	line_keeper_close(client->keeper, false);
}

static struct line *make_line(struct client *client, const struct line_opened *opened)
{
	const struct settings *settings = client->settings;
	bool delayed = settings->connect_script || settings->pty;
	struct line_config config = {.in = opened->in,
		.out = opened->out,
		.sync = settings->sync,
		.wait_us = delayed ? MS(settings->connect_delay) : 0,
		.queue = opened->queue};
	struct line *line;
	if (settings->escape)
		value_escapes(settings->escape, config.escape);
	if (settings->xonxoff)
		config.escape[0] |= 0x000a0000;
	int failed = line_open(&line, &config);
	if (!failed)
		return line;
	log_line(&client->host.log, LOG_LINE_ERROR, "Couldn't use %s: %s", client->host_name,
		strerror(-failed));
	close(opened->in);
	if (opened->out != opened->in)
		close(opened->out);
	return NULL;
}

static void on_opened(void *context, const struct line_opened *opened)
{
	struct client *client = context;
	struct host *host = &client->host;
	struct line *line = make_line(client, opened);
	snprintf(client->device, sizeof client->device, "%s",
		*opened->name ? opened->name : client->host_name);
	host->device = client->device;
	host->speed = opened->speed;
	shown_line(client->device);
	struct seat *seat = line && !host->stopping && !client->hung_up ? peer_lease(host) : NULL;
	if (!seat) {
		if (line)
			line_close(line);
		give_up_line(client, CLOSE_LOCAL_ERROR);
		return;
	}
	client_session_begins(client, seat);
	seat_lease(seat, line);
	client_session_began(client, seat);
}

static void on_failed(void *context, const struct tty_fault *fault)
{
	struct client *client = context;
	if (!client->host.stopping && !client->hung_up)
		log_line(&client->host.log, LOG_LINE_ERROR, "%s", fault->words);
	client->line_fault = fault->exit_code;
	if (client->reason == CLOSE_NONE)
		client->reason = CLOSE_LOCAL_ERROR;
	line_is_gone(client);
}

static void on_closed(void *context)
{
	line_is_gone(context);
}

static void on_log(void *context, const char *line)
{
	struct client *client = context;
	log_line(&client->host.log, LOG_LINE_INFO, "%s", line);
}

static void on_lost(void *context)
{
	struct client *client = context;
	if (client->host.stopping)
		return;
	log_line(&client->host.log, LOG_LINE_ERROR,
		"The process that keeps the line is gone: going down");
	host_stop(&client->host, CLOSE_LOCAL_ERROR, 1);
}

static const struct line_keeper_events events = {.opened = on_opened,
	.failed = on_failed,
	.closed = on_closed,
	.log = on_log,
	.lost = on_lost};

int client_line_start(struct client *client)
{
	if (line_keeper_attach(client->keeper, &client->host.loop, &events, client) < 0) {
		log_line(&client->host.log, LOG_LINE_ERROR, "Couldn't attach the line's keeper");
		return 1;
	}
	if (client->settings->proxy_arp)
		proxy_arp_begin(&client->host);
	return 0;
}

void client_line_dial(struct client *client)
{
	client_connection_begins(client);
	client->line_fault = 0;
	client->peer_secret = NULL;
	client->peers = 1;
	log_line(&client->host.log, LOG_LINE_INFO, "Opening %s", client->host_name);
	line_keeper_open(client->keeper);
}

void client_line_over(struct client *client, struct seat *seat)
{
	proxy_arp_end(&client->host, seat);
	line_keeper_close(client->keeper, seat->reason == CLOSE_LINE_GONE);
}

void client_line_cancel(struct client *client)
{
	if (client->peers && !client->seat)
		line_keeper_close(client->keeper, false);
}

void client_line_end(struct client *client)
{
	line_keeper_stop(client->keeper, KEEPER_PATIENCE);
}
