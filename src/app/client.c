/* The client: dial, bring the session up, dial again, and end with pppd's exit codes.
 *
 *   dial TCP ─▶ control connection ─▶ interface, call ─▶ session up ─▶ network (client_network.c)
 *
 * A connection that ends is dialled again where redial.c says so; otherwise its close reason is the
 * exit code. */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "clock.h"
#include "demand.h"
#include "digest.h"
#include "manage.h"
#include "narrate.h"
#include "netdev.h"
#include "notify.h"
#include "peer.h"
#include "profile.h"
#include "redial.h"
#include "scripts.h"
#include "tls.h"
#include "tls_login.h"
#include "values.h"

enum { CLIENT_PEERS = 4 };

static void set_password(const struct client *client, struct link_config *config)
{
	const char *password = client->renewed ? client->new_password : client->password;
	config->nt_hash_only = client->nt_hash && !client->renewed;
	config->password = password;
	config->password_length = config->nt_hash_only ? NT_HASH_SIZE : strlen(password);
	if (client->renewed || !client->new_password)
		return;
	config->new_password = client->new_password;
	config->new_password_length = strlen(client->new_password);
}

/* What the unit has is asked for again, where nobody said what is to be asked for. */
static void wish_same(const struct client *client, struct unit_config *config)
{
	const struct client_unit *unit = &client->unit;
	if (!config->local4 && unit->given4) {
		config->local4 = unit->given4;
		config->accept_local4 = true;
	}
	if (!config->local6 && unit->local6) {
		config->local6 = unit->local6;
		config->accept_local6 = true;
	}
}

static void on_configure(const struct peer *peer, struct tunnel_config *config)
{
	struct client *client = peer->host->role;
	uint16_t mtu = client->keeper ? (uint16_t)PPP_MRU_DEFAULT
				      : netdev_path_mtu(&client->host, &peer->address);
	profile_common(config, client->settings, mtu, client->name);
	config->control.opener = peer->dialled;
	config->control.pac = client->settings->as_pac;
	config->session.client_to_client = true;
	config->session.link.allow_auth = settings_auth(client->settings);
	if (client->no_password)
		config->session.link.allow_auth &= AUTH_EAP_TLS;
	if (client->nt_hash && !client->renewed)
		config->session.link.allow_auth &= AUTH_MICROSOFT | AUTH_EAP_TLS;
	config->session.link.demand_auth =
		value_auth(client->settings->peer_auth, &config->session.link.demand_order);
	config->session.link.callback_ask = client->settings->cbcp;
	config->session.link.name = client->user;
	config->session.link.name_length = strlen(client->user);
	set_password(client, &config->session.link);
	config->session.unit.local4 = client->local4;
	wish_same(client, &config->session.unit);
	config->session.unit.remote4 = address_to_ipv4(&client->settings->remote);
	config->session.unit.ask_mask = client->settings->use_peer_routes;
	config->session.link.need_eap = client->settings->need_peer_eap;
	config->session.unit.ask_dns = client->settings->use_peer_dns;
	bundles_configure(peer->host, &config->session);
	if (client->keeper)
		client_line_configure(client, &config->session);
	else
		call_zero_configure(&client->zero, config);
}

void client_session_begins(struct client *client, struct seat *seat)
{
	if (!client->keeper || !client->settings->peer_auth)
		seat->user = strdup(client->user); /* else it is the peer's name, once proved */
	client->seat = seat;
	seat->tun = client_unit_lend(client, seat);
	client->no_tun = seat->tun == -ENOENT || seat->tun == -ENODEV || seat->tun == -ENXIO ||
			 seat->tun == -EPERM || seat->tun == -EACCES;
	if (seat->tun >= 0) {
		narrate_connect(seat, seat->interface);
		host_interface(&client->host, seat->interface);
	}
	client_prefix_wish(client, seat);
}

void client_session_began(struct client *client, struct seat *seat)
{
	if (client->seat == seat && seat->tun < 0)
		seat_close(seat, CLOSE_LOCAL_ERROR);
}

static void on_tunnel_up(struct peer *peer)
{
	struct client *client = peer->host->role;
	log_line(&client->host.log, LOG_LINE_INFO, "Control connection established peer=%s port=%u",
		shown_address(&peer->address), peer->port);
	client->server = peer->address;
	client_way_up(client, peer);
	if (peer != client->peer) {
		client_links_tunnel_up(client, peer);
		return;
	}
	struct seat *seat = client->zero.now ? peer_seat_zero(peer) : peer_seat(peer);
	if (!seat) {
		peer_stop(peer, CLOSE_LOCAL_ERROR);
		return;
	}
	client_session_begins(client, seat);
	peer_dial_call(peer, seat);
	client_session_began(client, seat);
}

/* The server has taken our new password: it is the one for the next time. */
static void take_renewal(struct client *client, const struct seat *seat)
{
	if (client->renewed || !seat->session.facts.renewed)
		return;
	client->renewed = true;
	log_line(&client->host.log, LOG_LINE_INFO,
		"The password of \"%s\" is changed: from now on log in with the new one peer=%s",
		client->user, shown_address(&seat->outer));
}

static void on_session_up(struct seat *seat)
{
	struct client *client = seat->owner->role;
	take_renewal(client, seat);
	client->was_up = true;
	client->failures = 0;
	if (client->keeper && !client_line_up(client, seat))
		return;
	if (seat->tun >= 0)
		client_network_up(client, seat);
	client_links_up(client);
}

/* The bundle's session is the connection from now on. */
static void on_bundled(struct seat *bundle, struct seat *first)
{
	struct client *client = bundle->owner->role;
	client->seat = bundle;
}

static int on_moved(struct host *host, struct seat *seat)
{
	struct client *client = host->role;
	return seat == client->seat ? client_unit_moved(client, seat) : netdev_moved(host, seat);
}

static void on_answered(struct seat *seat)
{
	client_network_answered(seat->owner->role);
}

static void on_session_network(struct seat *seat)
{
	struct client *client = seat->owner->role;
	client_network_changed(client, seat);
	if (!seat_network(seat)->ipv4)
		return;
	if (seat_network(seat)->local4 != seat->local4 ||
		seat_network(seat)->remote4 != seat->remote4) {
		log_line(&seat->owner->log, LOG_LINE_WARNING,
			"The server changed our addresses: dialling again peer=%s",
			shown_address(&seat->outer));
		seat_close(seat, CLOSE_NETWORK_REFUSED);
	}
}

static void on_session_services(struct seat *seat)
{
	client_services_changed(seat->owner->role, seat);
}

static void on_session_over(struct seat *seat)
{
	struct client *client = seat->owner->role;
	if (seat != client->seat) {
		client_links_over(client, seat);
		return;
	}
	take_renewal(client, seat);
	client->reason = seat->reason;
	client->unheard = seat->session.frames_sent && session_unheard(&seat->session);
	client_links_stop(client, seat->reason);
}

static void on_session_gone(struct seat *seat)
{
	struct client *client = seat->owner->role;
	if (seat != client->seat)
		return; /* one link of many */
	client_prefix_changed(client, seat);
	scripts_down(&client->host, seat);
	client_network_down(client);
	if (seat->tun >= 0)
		close(seat->tun);
	client->seat = NULL;
	if (client_unit_stays(client))
		demand_refuse(client);
	else
		client_unit_close(client);
	if (client->keeper)
		client_line_over(client, seat);
	redial_ended(client);
}

static void on_address(struct seat *seat, uint32_t token)
{
	struct client *client = seat->owner->role;
	if (client->keeper)
		client_line_address(seat, token);
	else
		dialler_address(seat, token);
}

static void on_tunnel_down(struct peer *peer, enum close_reason reason)
{
	struct client *client = peer->host->role;
	if (reason == CLOSE_TCP_FAILED && client->host.stopping)
		; /* given up by us */
	else if (reason == CLOSE_TCP_FAILED)
		log_line(&client->host.log, LOG_LINE_ERROR,
			"No connection to %s port %u: %s reason=%s peer=%s", client->host_name,
			client->port, tcp_error(peer->tcp_error), close_word(reason),
			peer->address.family ? shown_address(&peer->address) : client->host_name);
	else
		log_line(&client->host.log, LOG_LINE_INFO,
			"Control connection closed: %s reason=%s peer=%s", close_sentence(reason),
			close_word(reason), shown_address(&peer->address));
	if (client->reason == CLOSE_NONE)
		client->reason = reason;
	client_way_down(client, peer);
	if (peer == client->peer)
		client->peer = NULL;
	client->peers--;
	client_links_tunnel_down(client);
	redial_ended(client);
}

static void on_hang_up(struct host *host)
{
	struct client *client = host->role;
	log_line(&host->log, LOG_LINE_INFO, "Reconnecting on signal peer=%s", client->host_name);
	if (client->keeper)
		client_line_cancel(client);
	redial_now(client, CLOSE_ADMIN);
}

static const struct host_policy policy = {.role = "client",
	.signal_exit_code = 5, /* pppd's: terminated by a signal */
	.configure = on_configure,
	.tunnel_up = on_tunnel_up,
	.tunnel_down = on_tunnel_down,
	.wanted = dialler_wanted,
	.credentials = client_credentials,
	.certificate = dialler_certificate,
	.address = on_address,
	.bundled = on_bundled,
	.session_up = on_session_up,
	.answered = on_answered,
	.moved = on_moved,
	.session_network = on_session_network,
	.session_services = on_session_services,
	.session_over = on_session_over,
	.session_gone = on_session_gone,
	.hang_up = on_hang_up};

void client_connection_begins(struct client *client)
{
	client->reason = CLOSE_NONE;
	client->was_up = client->no_tun = client->unheard = false;
	demand_collect(client);
}

static void dial_it(struct client *client, uint32_t subject, int failed)
{
	char where[64];
	bool known = client->unit.tun >= 0 && client->server.family;
	int error = failed;
	client->dialling = false;
	snprintf(where, sizeof where, "%s", shown_address(&client->server));
	if (!failed)
		client->peer = peer_dial(&client->host, known ? where : client->host_name,
			client->port, &client->local, &error);
	if (client->peer) {
		client->peers = 1;
		return;
	}
	log_line(&client->host.log, LOG_LINE_ERROR, "Couldn't dial %s: %s", client->host_name,
		tcp_error(error));
	client->reason = CLOSE_TCP_FAILED;
	redial_ended(client);
}

void client_dial(struct client *client)
{
	if (client->keeper) {
		client_line_dial(client);
		return;
	}
	if (client->listeners.count) {
		log_line(&client->host.log, LOG_LINE_INFO, "Waiting for %s to connect user=\"%s\"",
			client->host_name, client->user);
		return;
	}
	client_connection_begins(client);
	log_line(&client->host.log, LOG_LINE_INFO, "Dialling %s port %u user=\"%s\"",
		client->host_name, client->port, client->user);
	client->dialling = true;
	if (client->unit.tun >= 0)
		client_server_find(client, dial_it);
	else
		dial_it(client, 0, 0);
}

/* Start. */

static int usage(const char *what)
{
	fprintf(stderr, "greyline client: %s\n", what);
	return 2;
}

/* USER@HOST: the user may hold an @ or a DOMAIN\ of its own, so the last @ divides. */
static int take_target(struct client *client, const char *word)
{
	const struct settings *settings = client->settings;
	const char *at = word ? strrchr(word, '@') : NULL;
	const char *target = at ? at + 1 : word ? word : settings->server;
	client->port = (uint16_t)settings->port;
	if (at && at > word)
		client->user = strndup(word, (size_t)(at - word));
	else if (settings->user || settings->name)
		client->user = strdup(settings->user ? settings->user : settings->name);
	if (!target)
		return usage("a server is needed: greyline client USER@HOST");
	if (!value_host_port(target, client->host_name, &client->port))
		return usage("the server is a name or an address, with :PORT if need be");
	if (!client->user && tls_own_name(client->host.tls))
		client->user = strdup(tls_own_name(client->host.tls));
	if (!client->user)
		return usage("a user is needed: greyline client USER@HOST, or --user");
	client->host.tls_wanted = settings->tls_name      ? settings->tls_name
				  : settings->remote_name ? settings->remote_name
							  : client->host_name;
	if (strlen(client->user) > PPP_NAME_MAX)
		return usage("the user's name is longer than 255 bytes");
	if (settings->bind && !value_address(settings->bind, &client->local))
		return usage("--bind: an address is expected");
	if (settings->no_address && !(client->local4 && settings->remote.family))
		return usage("--ipcp-no-address needs --local and --remote: nobody else tells "
			     "the addresses");
	return 0;
}

/* pppd's ipdefault: what the resolver has for our host name, but for a loopback. */
static uint32_t address_of_host_name(const char *name)
{
	struct addrinfo wanted = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
	uint32_t address = 0;
	if (getaddrinfo(name, NULL, &wanted, &found))
		return 0;
	for (const struct addrinfo *at = found; at && !address; at = at->ai_next) {
		struct sockaddr_in in;
		memcpy(&in, at->ai_addr, sizeof in);
		address = ntohl(in.sin_addr.s_addr);
		if (address >> 24 == 127)
			address = 0;
	}
	freeaddrinfo(found);
	return address;
}

/* The inner address we ask for; 0: the server gives us one. */
void client_take_local4(struct client *client)
{
	const struct settings *settings = client->settings;
	client->local4 = address_to_ipv4(&settings->local);
	if (!client->local4 && settings->ip_default)
		client->local4 = address_of_host_name(client->name);
}

/* Who waits to be called has nothing to try again. */
static enum nat_fallback nat_fallback(const struct settings *settings)
{
	enum nat_fallback mode = (enum nat_fallback)settings->nat_fallback;
	return mode == NAT_FALLBACK_AUTO && settings->listen.count ? NAT_FALLBACK_OFF : mode;
}

static int start(struct client *client)
{
	char state_name[64], socket_name[80];
	const char *instance = client->settings->instance;
	snprintf(state_name, sizeof state_name, "client-%d.state", (int)getpid());
	if (instance)
		snprintf(socket_name, sizeof socket_name, "up-%s.sock", instance);
	else
		snprintf(socket_name, sizeof socket_name, "client-%d.sock", (int)getpid());
	struct host_config config = {.settings = client->settings,
		.policy = &policy,
		.role = client,
		.state_name = state_name,
		.local = client->local,
		.lines = client->keeper != NULL,
		.sessions_max = CLIENT_PEERS + 2 * client->settings->links,
		.peers_max = CLIENT_PEERS + 2 * client->settings->links};
	int code = host_start(&client->host, &config);
	if (!code)
		code = manage_open(&client->host, socket_name);
	if (code)
		return code;
	redial_init(client);
	uv_timer_init(&client->host.loop, &client->fill);
	client->fill.data = client;
	call_zero_init(&client->zero, nat_fallback(client->settings));
	if (!client->keeper)
		client_way_open(client);
	code = client->keeper ? client_line_start(client) : client_listen(client);
	if (!code && client->settings->demand)
		demand_wait(client);
	else if (!code)
		client_dial(client);
	return code;
}

static void forget_password(char *password, bool nt_hash)
{
	if (password)
		secret_wipe(password, nt_hash ? NT_HASH_SIZE : strlen(password));
	free(password);
}

int client_run(struct client *client, int code)
{
	if (!code)
		code = start(client);
	if (!code)
		code = host_run(&client->host);
	listeners_close(&client->listeners);
	if (client->keeper)
		client_line_end(client);
	if (client->host.helper)
		client_unit_close(client);
	client_way_close(client);
	host_end(&client->host);
	forget_password(client->password, client->nt_hash);
	forget_password(client->new_password, false);
	secrets_free(&client->trust);
	free(client->user);
	tls_credentials_return(client->host.tls);
	free(client);
	return code;
}

int client_command(const struct command *command, struct settings *settings, const char *word)
{
	struct client *client = calloc(1, sizeof *client);
	if (!client)
		return 1;
	client->settings = settings;
	client_unit_init(client);
	if (gethostname(client->name, sizeof client->name - 1) < 0)
		strcpy(client->name, "greyline");
	client_take_local4(client);
	int code = tls_login_read(&client->host, settings);
	if (!code)
		code = take_target(client, word);
	if (!code)
		code = client_trust_check(settings);
	struct password_wish wish = {settings, client->user, client->host_name};
	client->no_password = client->host.tls && !client_has_password(&wish);
	if (!code && client->no_password)
		client->password = strdup("");
	else if (!code)
		code = client_password(&wish, &client->password, &client->nt_hash);
	if (!code)
		code = client_new_password(&wish, &client->new_password);
	return client_run(client, code);
}
