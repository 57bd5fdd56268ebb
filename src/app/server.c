/* The server: listeners and their limits, calls, sessions up and down.
 *
 * A connection is accepted or refused before it costs anything: by the limits on peers that have
 * not logged in (in all, and from one address) and by the throttle. Their calls count as well. From
 * there the protocol runs in the tunnel; this file answers its questions and gives sessions an
 * interface. */
#include "server.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bundles.h"
#include "client.h"
#include "clock.h"
#include "digest.h"
#include "manage.h"
#include "narrate.h"
#include "netdev.h"
#include "netdev6.h"
#include "notify.h"
#include "options.h"
#include "peer.h"
#include "ppp_program.h"
#include "pptp_wire.h"
#include "profile.h"
#include "proxy_arp.h"
#include "user_routes.h"
#include "scripts.h"
#include "tls.h"
#include "tls_login.h"
#include "values.h"

#define DEFAULT_POOL      "10.77.0.0/24"
#define DEFAULT_INTERFACE "greyline0"
#define NAT_TABLE         "greyline"

/* The half-open list: peers in whose tunnel nobody has proved himself yet. */

static void list_half_open(struct server *server, struct peer *peer)
{
	peer->half_listed = true;
	peer->half_next = server->half_open;
	peer->half_previous = NULL;
	if (server->half_open)
		server->half_open->half_previous = peer;
	server->half_open = peer;
	server->half_open_count++;
}

static void unlist_half_open(struct server *server, struct peer *peer)
{
	if (!peer->half_listed)
		return;
	if (peer->half_next)
		peer->half_next->half_previous = peer->half_previous;
	if (peer->half_previous)
		peer->half_previous->half_next = peer->half_next;
	else
		server->half_open = peer->half_next;
	peer->half_next = peer->half_previous = NULL;
	peer->half_listed = false;
	server->half_open_count--;
}

/* A call costs as much as a connection, and more: it holds a seat until its set-up is overdue. */
static uint32_t half_open_from(const struct server *server, const struct address *address)
{
	uint32_t count = 0;
	for (const struct peer *peer = server->half_open; peer; peer = peer->half_next)
		if (address_equal(&peer->address, address))
			count += peer->seats > 1 ? peer->seats : 1;
	return count;
}

/* Whether one more call of a peer that has not logged in is beyond the limit of its address. */
static bool call_too_many(const struct server *server, const struct peer *peer)
{
	return peer->half_listed && peer->seats &&
	       half_open_from(server, &peer->address) >= server->settings->max_half_open_per_peer;
}

static bool too_many(struct server *server, const struct address *from)
{
	if (throttle_wait(&server->by_address, from->bytes, sizeof from->bytes, clock_now())) {
		host_drop(&server->host, DROP_THROTTLED, from);
		return true;
	}
	if (server->half_open_count < server->settings->max_half_open &&
		half_open_from(server, from) < server->settings->max_half_open_per_peer)
		return false;
	host_drop(&server->host, DROP_HALF_OPEN, from);
	return true;
}

/* Without --secrets certificates are all that is asked for. */
static uint8_t demanded(const struct server *server)
{
	bool alone = server->host.tls && !server->settings->secrets;
	uint8_t auth = settings_auth(server->settings);
	return alone && (auth & AUTH_EAP_TLS) ? AUTH_EAP_TLS : auth;
}

/* To a client that asks who we are. */
static void offer_proof(const struct server *server, struct link_config *config)
{
	if (!server->password)
		return;
	config->allow_auth = value_auth(server->settings->own_auth, &config->allow_order);
	config->nt_hash_only = server->nt_hash;
	if (server->nt_hash)
		config->allow_auth &= AUTH_MICROSOFT;
	config->password = server->password;
	config->password_length = server->nt_hash ? NT_HASH_SIZE : strlen(server->password);
}

static void on_configure(const struct peer *peer, struct tunnel_config *config)
{
	struct server *server = peer->host->role;
	struct settings *settings = server->settings;
	profile_common(
		config, settings, netdev_path_mtu(&server->host, &peer->address), server->name);
	config->control.pac = true;
	config->control.opener = peer->dialled;
	config->control.accept_incoming =
		settings->incoming_calls || peer->dialled || dialout_knows(server, &peer->address);
	config->control.maximum_channels = (uint16_t)settings->max_calls;
	config->maximum_calls = (uint16_t)settings->max_calls;
	config->session.check_source = settings->check_source;
	config->session.client_to_client = settings->client_to_client;
	config->session.link.demand_auth = demanded(server);
	config->session.link.callback_answer = settings->cbcp;
	offer_proof(server, &config->session.link);
	config->session.link.name = server->name;
	config->session.link.name_length = strlen(server->name);
	config->session.unit.ask_address = true;
	config->session.unit.local4 = server->local4;
	config->session.unit.ipv6 &= server->pool6.size != 0;
	config->session.shared = server->shared;
	config->session.services = &server->services;
	config->session.relay = settings->ppp_program;
	bundles_configure(peer->host, &config->session);
	for (unsigned i = 0; i < 2; i++) {
		config->session.unit.dns[i] = settings->dns.at[i];
		config->session.unit.wins[i] = settings->wins.at[i];
	}
}

static void on_accepted(void *context, struct tcp_connection *tcp)
{
	struct server *server = context;
	struct address from = tcp_peer(tcp);
	if (server->host.stopping || too_many(server, &from)) {
		server->refused++;
		tcp_abort(tcp);
		return;
	}
	struct address to = tcp_local(tcp);
	if (dialout_wins(server, &to, &from)) {
		tcp_abort(tcp);
		return;
	}
	struct peer *peer = peer_accept(&server->host, tcp);
	if (!peer) {
		server->refused++;
		host_drop(&server->host, DROP_HALF_OPEN, &from);
		tcp_abort(tcp);
		return;
	}
	list_half_open(server, peer);
	log_peer(&server->host.log, LOG_KIND_CONNECTION, LOG_LINE_INFO, clock_now(),
		"Control connection from %s port=%u peer=%s", shown_address(&from), peer->port,
		shown_address(&from));
	peer_begin(peer);
}

/* The policy. */

static void on_tunnel_up(struct peer *peer)
{
	const struct control_peer *other = &peer->tunnel.control.peer;
	dialout_up(peer->host->role, peer);
	char host_name[300], vendor[300];
	struct text h = text_over(host_name, sizeof host_name);
	struct text v = text_over(vendor, sizeof vendor);
	text_quoted(&h, other->host_name, strlen(other->host_name));
	text_quoted(&v, other->vendor_name, strlen(other->vendor_name));
	log_peer(&peer->host->log, LOG_KIND_CONNECTION, LOG_LINE_INFO, clock_now(),
		"Control connection established host=%s vendor=%s firmware=%u peer=%s", host_name,
		vendor, other->firmware, shown_address(&peer->address));
}

static void on_tunnel_down(struct peer *peer, enum close_reason reason)
{
	unlist_half_open(peer->host->role, peer);
	dialout_down(peer->host->role, peer, reason);
	if (!peer->opened)
		return;
	log_peer(&peer->host->log, LOG_KIND_CONNECTION, LOG_LINE_INFO, clock_now(),
		"Control connection closed: %s reason=%s peer=%s", close_sentence(reason),
		close_word(reason), shown_address(&peer->address));
}

static void tell_incoming(const struct peer *peer, const struct call_wanted *wanted)
{
	char from[300], to[300];
	struct text f = text_over(from, sizeof from);
	struct text t = text_over(to, sizeof to);
	text_quoted(&f, wanted->calling_number, strlen(wanted->calling_number));
	text_quoted(&t, wanted->phone_number, strlen(wanted->phone_number));
	log_peer(&peer->host->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Incoming call from=%s to=%s peer=%s", from, to, shown_address(&peer->address));
}

/* Whether another call goes to the same address and Call ID: then it is refused, unless the other
 * has not been heard of for so long that its client has most likely come again. */
static bool clashes(
	struct server *server, const struct peer *peer, const struct call_wanted *wanted)
{
	struct seat *other = call_clash_find(
		&server->clash, &server->host.seats, &peer->address, wanted->peer_id, peer);
	if (!other)
		return false;
	uint64_t heard = other->session.last_received ? other->session.last_received
						      : other->session.started;
	if (heard + CALL_CLASH_SILENCE < clock_now()) {
		seat_cut(other, CLOSE_CALL_REPLACED);
		return false;
	}
	log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
		"Call refused: another client behind %s has a call with the same Call ID %u, and "
		"GRE to them could not be told apart peer=%s",
		shown_address(&peer->address), wanted->peer_id, shown_address(&peer->address));
	return true;
}

static void on_wanted(struct peer *peer, uint32_t token, const struct call_wanted *wanted)
{
	struct server *server = peer->host->role;
	if (call_too_many(server, peer)) {
		host_drop(&server->host, DROP_HALF_OPEN, &peer->address);
		peer_refuse_call(peer, token, PPTP_CALL_NOT_ACCEPTED);
		return;
	}
	if (clashes(server, peer, wanted)) {
		peer_refuse_call(
			peer, token, PPTP_REFUSAL(PPTP_RESULT_GENERAL, PPTP_ERROR_BAD_CALL_ID));
		return;
	}
	struct seat *seat = peer_seat(peer);
	if (!seat) {
		log_peer(&server->host.log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
			"No room for a call: %u sessions are there (--max-sessions) peer=%s",
			server->host.seats.taken, shown_address(&peer->address));
		peer_refuse_call(peer, token, PPTP_CALL_NOT_ACCEPTED);
		return;
	}
	if (server->shared) {
		snprintf(seat->interface, sizeof seat->interface, "%s", server->interface);
		narrate_connect(seat, seat->interface);
	}
	if (wanted->incoming)
		tell_incoming(peer, wanted);
	seat->peer_call_id = wanted->peer_id;
	call_clash_add(&server->clash, seat);
	peer_accept_call(peer, token, seat);
}

static void run_ip_up(struct seat *seat)
{
	struct server *server = seat->owner->role;
	if (!server->shared && netdev_up(&server->host, seat, seat->tun) < 0) {
		seat->tun = -1;
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	seat->tun = -1;
	seat->ready6 = !server->shared;
	if (seat->ready6 && seat_network(seat)->ipv6)
		netdev6_serve(&server->host, seat, &server->pool6);
	user_routes_add(server, seat, admission_secret(seat));
	narrate_up(seat);
	scripts_ip_up(&server->host, seat);
	scripts_ipv6(&server->host, seat);
	seat->configured = true;
}

int server_own_interface(struct server *server, struct seat *seat)
{
	if (server->shared || seat->link)
		return 0;
	int tun = netdev_open(&server->host, seat, "ppp%d");
	if (tun < 0)
		return tun;
	seat->tun = tun;
	narrate_connect(seat, seat->interface);
	return 0;
}

static int shared_interface(struct server *server, struct seat *seat)
{
	if (pool_holds(&server->pool, seat->remote4))
		return 0;
	seat->routed = true;
	return netdev_route(&server->host, server->link, seat->remote4, true);
}

void server_logged_in(struct server *server, struct peer *peer)
{
	unlist_half_open(server, peer);
}

static void on_session_up(struct seat *seat)
{
	struct server *server = seat->owner->role;
	if (server->settings->ppp_program) {
		ppp_program_start(server, seat);
		return;
	}
	unlist_half_open(server, seat->peer);
	seat->local4 = seat_network(seat)->local4;
	int failed = server->shared ? shared_interface(server, seat)
				    : netdev_configure(&server->host, seat);
	if (failed) {
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	if (server->settings->proxy_arp && seat_network(seat)->ipv4)
		proxy_arp_add(&server->host, seat);
	scripts_auth_up(&server->host, seat);
	scripts_pre_up(&server->host, seat, run_ip_up);
}

/* Its peer has proved itself. */
static void on_linked(struct seat *link)
{
	unlist_half_open(link->owner->role, link->peer);
}

static void on_session_network(struct seat *seat)
{
	const struct unit_network *network = seat_network(seat);
	struct server *server = seat->owner->role;
	if (network->ipv6 && seat->ready6)
		netdev6_serve(&server->host, seat, &server->pool6);
	if (network->ipv4 || network->ipv6)
		narrate_up(seat);
	if (seat->configured)
		scripts_ipv6(&server->host, seat);
}

static void on_session_over(struct seat *seat)
{
	struct server *server = seat->owner->role;
	call_clash_remove(&server->clash, &server->host.seats, seat);
	if (seat->address_waits) {
		seat->address_waits = false;
		server->waiting--;
	}
	/* A client whose only call we ended has nothing left to do here, and some do not
	 * understand a Call-Disconnect-Notify. */
	bool theirs = seat->reason == CLOSE_PEER_TERMINATED || seat->reason == CLOSE_PEER_CLEARED;
	if (!theirs && seat->peer->seats == 1)
		peer_stop(seat->peer, seat->reason);
}

static void on_session_gone(struct seat *seat)
{
	struct server *server = seat->owner->role;
	if (server->settings->ppp_program) {
		ppp_program_end(server, seat);
		return;
	}
	server6_services(seat);
	scripts_down(&server->host, seat);
	if (seat->tun >= 0)
		close(seat->tun);
	seat->tun = -1;
	proxy_arp_end(&server->host, seat);
	user_routes_remove(server, seat);
	if (seat->routed)
		netdev_route(&server->host, server->link, seat->remote4, false);
	admission_release(seat);
}

static void on_hang_up(struct host *host)
{
	struct server *server = host->role;
	notify_send("RELOADING=1");
	log_line(&host->log, LOG_LINE_INFO, "Reading users again on signal");
	admission_reload(server, true);
	tls_login_reload(host);
	notify_send("READY=1");
}

static const struct host_policy policy = {.role = "server",
	.configure = on_configure,
	.tunnel_up = on_tunnel_up,
	.tunnel_down = on_tunnel_down,
	.wanted = on_wanted,
	.credentials = admission_credentials,
	.certificate = admission_certificate,
	.address = admission_address,
	.session_up = on_session_up,
	.linked = on_linked,
	.session_network = on_session_network,
	.session_services = server6_services,
	.delegate = server6_delegate,
	.session_over = on_session_over,
	.session_gone = on_session_gone,
	.hang_up = on_hang_up};

/* Start. */

static int complain(struct server *server, int code, const char *what)
{
	log_line(&server->host.log, LOG_LINE_ERROR, "%s", what);
	return code;
}

/* Without --secrets: one user, one password, told once and kept nowhere. */
static void make_user(struct server *server)
{
	static const char letters[] =
		"abcdefghjkmnpqrstuvwxyz23456789"; /* none looks like another */
	char password[20];
	uint8_t bytes[sizeof password];
	random_bytes(&server->host.random, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof password - 1; i++)
		password[i] = i % 5 == 4 ? '-' : letters[bytes[i] % (sizeof letters - 1)];
	password[sizeof password - 1] = '\0';
	secrets_add(&server->secrets, "greyline", password);
	log_line(&server->host.log, LOG_LINE_INFO,
		"No --secrets: made a user for this run. User: greyline  Password: %s", password);
	secret_wipe(password, sizeof password);
}

static void tell_fault(void *context, const char *line)
{
	struct server *server = context;
	log_line(&server->host.log, LOG_LINE_WARNING, "%s", line);
}

static int read_file(struct server *server, struct secrets *secrets, const char *path)
{
	struct faults faults = {.report = tell_fault, .context = server};
	int error = secrets_read(secrets, path, &faults);
	if (error) {
		char line[512];
		snprintf(line, sizeof line, "%s: %s", path, strerror(-error));
		return complain(server, 1, line);
	}
	if (!secrets->count)
		log_line(&server->host.log, LOG_LINE_WARNING, "%s holds no user: nobody can log in",
			path);
	return 0;
}

static int read_users(struct server *server)
{
	const struct settings *settings = server->settings;
	int code = 0;
	if (settings->secrets)
		code = read_file(server, &server->secrets, settings->secrets);
	if (!code && settings->pap_secrets)
		code = read_file(server, &server->pap_secrets, settings->pap_secrets);
	return code;
}

/* Our own; in --secrets it is on the line whose client we are. */
static int read_password(struct server *server)
{
	struct password_wish wish = {.settings = server->settings, .user = server->name};
	if (!server->settings->own_auth)
		return 0;
	if (!client_has_password(&wish))
		return complain(server, 2, "--own-auth needs our password: --password-file");
	return client_password(&wish, &server->password, &server->nt_hash);
}

static void start_users(struct server *server)
{
	const struct settings *settings = server->settings;
	uint64_t key;
	random_bytes(&server->host.random, &key, sizeof key);
	throttle_init(&server->by_address, key, settings->free_failures, THROTTLE_DELAY_MAX);
	throttle_init(&server->by_user, ~key, settings->free_failures, THROTTLE_DELAY_MAX_USER);
	if (!settings->secrets && !settings->ppp_program && demanded(server) != AUTH_EAP_TLS)
		make_user(server);
}

static int start_pool(struct server *server)
{
	char error[256];
	struct settings *settings = server->settings;
	if (pool_init(&server->pool, &settings->pool, error) < 0)
		return complain(server, 2, error);
	server->local4 = address_to_ipv4(&settings->local);
	if (!server->local4)
		server->local4 = pool_take(&server->pool);
	if (!server->local4)
		return complain(server, 2, "The pool is empty: --pool or --local is needed");
	admission_reserve(server, true);
	if (server6_start(server) < 0)
		return complain(server, 1, "pool6: out of memory");
	if (!server->shared)
		return 0;
	int failed = netdev_shared(
		&server->host, server->interface, server->local4, &settings->pool, &server->link);
	if (!failed && server->pool6.size)
		failed = netdev6_shared(
			&server->host, server->link, &server->pool6, &server->pool6_pd);
	return failed ? 4 : 0;
}

static void on_nat(void *context, int result, const char *error)
{
	struct server *server = context;
	if (!result)
		return;
	log_line(&server->host.log, LOG_LINE_ERROR, "--nat: %s",
		*error ? error : strerror(result < 0 ? -result : EIO));
	host_stop(&server->host, CLOSE_LOCAL_ERROR, 1);
}

/* "greyline", or "greyline_IFNAME" beside another server of the same host, whose table must
 * outlive ours. */
static void name_table(char *table, size_t size, const char *interface)
{
	bool usual = !strcmp(interface, DEFAULT_INTERFACE);
	snprintf(table, size, NAT_TABLE "%s%s", usual ? "" : "_", usual ? "" : interface);
	for (char *c = table; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
}

static int start_nat(struct server *server)
{
	enum { WIDEST = 8 };
	if (!server->settings->nat)
		return 0;
	struct nft_config nft = {.pool = netdev_cover(&server->settings->pool), .masquerade = true};
	if (nft.pool.length < WIDEST)
		return complain(server, 2,
			"--nat: the pool's ranges lie too far apart for one masquerade rule: "
			"keep them within one network");
	snprintf(nft.interface, sizeof nft.interface, "%s",
		server->shared ? server->interface : "ppp*");
	name_table(nft.table, sizeof nft.table, nft.interface);
	helper_sysctl(server->host.helper, HELPER_IPV4_FORWARD, "1", on_nat, server);
	helper_nat(server->host.helper, &nft, on_nat, server);
	/* Whoever reads that we listen may rely on it. */
	while (helper_pending(server->host.helper) && !server->host.stopping)
		uv_run(&server->host.loop, UV_RUN_ONCE);
	return 0;
}

/* Between interfaces of the kernel's PPP the host forwards by itself. */
static void warn_of_neighbours(struct server *server)
{
	bool ours = server->host.plane == &dataplane_user;
	if (!ours && !server->settings->client_to_client)
		log_line(&server->host.log, LOG_LINE_WARNING,
			"On the kernel's data plane this host's forwarding lets clients reach each "
			"other: nft can forbid it, --client-to-client says that they may");
}

static int start_listeners(struct server *server)
{
	const struct text_list *listen = &server->settings->listen;
	int code = 0;
	if (!listen->count)
		return listeners_add(
			&server->listeners, &server->host, "0.0.0.0", on_accepted, server);
	for (size_t i = 0; i < listen->count && !code; i++)
		code = listeners_add(
			&server->listeners, &server->host, listen->at[i], on_accepted, server);
	return code;
}

/* PPTP's own port needs no power. */
static bool low_port(const struct settings *settings)
{
	enum { UNPRIVILEGED = 1024 };
	bool low = settings->port < UNPRIVILEGED;
	for (size_t i = 0; i < settings->listen.count; i++) {
		char host_name[256];
		uint16_t port = UNPRIVILEGED;
		value_host_port(settings->listen.at[i], host_name, &port);
		low |= port < UNPRIVILEGED;
	}
	return low;
}

static unsigned worker_count(const struct settings *settings)
{
	cpu_set_t usable;
	if (settings->workers)
		return settings->workers;
	int count = sched_getaffinity(0, sizeof usable, &usable) < 0 ? 1 : CPU_COUNT(&usable);
	return count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

static int start(struct server *server)
{
	struct settings *settings = server->settings;
	struct host_config config = {.settings = settings,
		.policy = &policy,
		.role = server,
		.state_name = "server.state",
		.server = true,
		.shared_tun = server->shared ? server->interface : NULL,
		.sessions_max = settings->max_sessions,
		.workers = worker_count(settings),
		.peers_max = settings->max_sessions + settings->max_half_open + DIALOUTS_MAX,
		.low_port = low_port(settings)};
	log_init(&server->host.log, STDERR_FILENO, settings->log_style, settings->debug);
	int code = read_users(server); /* while we may still read them, whoever we become */
	if (!code)
		code = read_password(server);
	if (!code)
		code = host_start(&server->host, &config);
	if (!code && server->host.plane->open_interface)
		server->shared = false; /* the kernel's PPP has one for each session */
	if (!code)
		start_users(server);
	if (!code)
		code = start_pool(server);
	if (!code)
		warn_of_neighbours(server);
	if (!code)
		code = manage_open(&server->host, "server.sock");
	if (!code && settings->proxy_arp)
		proxy_arp_begin(&server->host);
	if (!code)
		code = start_nat(server);
	if (!code && !server->host.stopping)
		code = start_listeners(server);
	if (!code && !server->host.stopping)
		code = dialout_start(server);
	return code;
}

int server_command(const struct command *command, struct settings *settings, const char *word)
{
	struct server *server = calloc(1, sizeof *server);
	char problem[OPTION_ERROR_MAX];
	if (!server)
		return 1;
	server->settings = settings;
	server->shared = settings_shared(settings);
	if (settings->ppp_program)
		settings->data_plane = DATA_PLANE_USER;
	server->interface = settings->ifname ? settings->ifname : DEFAULT_INTERFACE;
	if (settings->name)
		snprintf(server->name, sizeof server->name, "%s", settings->name);
	else if (gethostname(server->name, sizeof server->name - 1) < 0)
		strcpy(server->name, "greyline");
	if (!settings->pool.count &&
		!option_store(option_find("pool"), settings, DEFAULT_POOL, false, false, problem))
		assert(!"the default pool is a pool");
	secrets_init(&server->secrets);
	secrets_init(&server->pap_secrets);
	int code = tls_login_read(&server->host, settings);
	if (!code)
		code = start(server);
	if (!code) /* told to go while it started: that is an end like any other */
		code = server->host.stopping ? server->host.exit_code : host_run(&server->host);
	listeners_close(&server->listeners);
	host_end(&server->host);
	tls_credentials_return(server->host.tls);
	secrets_free(&server->secrets);
	secrets_free(&server->pap_secrets);
	if (server->password)
		secret_wipe(server->password,
			server->nt_hash ? NT_HASH_SIZE : strlen(server->password));
	free(server->password);
	ppp_programs_free(server);
	pool_free(&server->pool);
	server6_free(server);
	free(server);
	return code;
}
