/* pptp: a call for somebody else's PPP (see pptp.h).
 *
 *   host route ─▶ dial TCP ─▶ control connection ─▶ call ─▶ line ─▶ until one end hangs up
 *
 * What pptp-linux's users rely on stays: standard input is read and written (a pipe is only read,
 * and standard output written); end of file on it clears the call, and so do TERM, INT and HUP; a
 * call that the server cleared ends us, which pppd sees as a hangup; the exit code is 0 once there
 * was a call. What is different: one process instead of three, so that nothing stays behind; the
 * host route goes when we do; Call ID 0 is tried where a NAT needs it (call_zero.c), with pppd none
 * the wiser. */
#include "pptp.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "manage.h"
#include "peer.h"
#include "profile.h"
#include "relay_line.h"
#include "values.h"

enum { PEERS = 4 /* one that lingers, and the next */ };

static void dial(struct pptp *pptp);

/* The policy. */

/* Of the one peer that QUIRK_BEZEQ_ISRAEL is for, an Orckit modem that takes us for Windows. */
static void configure_quirk(struct tunnel_config *config)
{
	struct control_config *control = &config->control;
	memset(control->host_name, 0, sizeof control->host_name);
	memset(control->vendor_name, 0, sizeof control->vendor_name);
	strcpy(control->host_name, "RELAY_PPP1");
	strcpy(control->vendor_name, "MS Win NT");
	control->firmware = 0x6021;
	control->maximum_channels = 0;
	control->framing = PPTP_FRAMING_ASYNC;
	control->bearer = PPTP_BEARER_ANALOG;
	control->call_bearer = PPTP_BEARER_DIGITAL;
	if (!config->phone_number)
		config->phone_number = "RELAY_PPP1";
}

static void on_configure(const struct peer *peer, struct tunnel_config *config)
{
	const struct pptp *pptp = peer->host->role;
	const struct settings *settings = pptp->settings;
	profile_common(config, settings, SESSION_MTU_DEFAULT, pptp->name);
	config->control.opener = true;
	if (!config->control.echo_timeout_us)
		config->control.echo_timeout_us = SECONDS(1);
	config->phone_number = settings->phone;
	config->session.relay = true;
	config->session.reorder.off = settings->no_buffer;
	config->session.reorder.far = settings->missing_window;
	if (settings->reorder_timeout)
		value_reorder_timeout(settings->reorder_timeout, &config->session.reorder.wait);
	call_zero_configure(&pptp->zero, config);
	if (settings->quirk == QUIRK_BEZEQ_ISRAEL)
		configure_quirk(config);
}

static void on_tunnel_up(struct peer *peer)
{
	struct pptp *pptp = peer->host->role;
	bool zero = pptp->zero.now || pptp->settings->quirk == QUIRK_BEZEQ_ISRAEL;
	log_line(&pptp->host.log, LOG_LINE_INFO, "Client connection established. peer=%s",
		pptp->server_text);
	pptp->seat = zero ? peer_seat_zero(peer) : peer_seat(peer);
	if (pptp->seat)
		peer_dial_call(peer, pptp->seat);
	else
		peer_stop(peer, CLOSE_LOCAL_ERROR);
}

/* Whoever started us may read our standard error to its end before going on. */
static void release_terminal(const struct pptp *pptp)
{
	int null = pptp->settings->debug ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	if (!pptp->settings->no_launch) { /* in the background, for good */
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	close(null);
}

/* The descriptors stay ours: a second attempt needs them again. */
static int give_line(const struct pptp *pptp, struct seat *seat)
{
	return relay_line_give(seat, (struct line_config){
					     .in = fcntl(pptp->in, F_DUPFD_CLOEXEC, 3),
					     .out = fcntl(pptp->out, F_DUPFD_CLOEXEC, 3),
					     .sync = pptp->settings->sync,
				     });
}

static void on_session_up(struct seat *seat)
{
	struct pptp *pptp = seat->owner->role;
	int failed = give_line(pptp, seat);
	if (failed) {
		log_line(&pptp->host.log, LOG_LINE_ERROR,
			"Couldn't use standard input as a line: %s", strerror(-failed));
		seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	log_line(&pptp->host.log, LOG_LINE_INFO,
		"Outgoing call established (call ID %u, peer's call ID %u). peer=%s", seat->call_id,
		seat->session.call.peer_id, pptp->server_text);
	pptp->was_up = true;
	pptp_launched(pptp);
	release_terminal(pptp);
}

static void on_session_network(struct seat *seat)
{
}

static void on_session_over(struct seat *seat)
{
	struct pptp *pptp = seat->owner->role;
	pptp->reason = seat->reason;
	pptp->heard = seat->session.last_received != 0;
	pptp->unheard = seat->session.packets.packets_out && !pptp->heard;
	peer_stop(seat->peer, seat->reason);
}

static void on_redial(uv_timer_t *timer)
{
	dial(timer->data);
}

/* Called when the tunnel is down and when the session is gone. */
static void connection_ended(struct pptp *pptp)
{
	const struct call_zero_try how = {
		pptp->heard, pptp->unheard, pptp->reason, pptp->server_text};
	if (pptp->host.stopping || pptp->peer || pptp->seat)
		return;
	if (call_zero_again(&pptp->zero, &how, &pptp->host.log)) {
		uv_timer_start(&pptp->redial, on_redial, 0, 0);
		return;
	}
	host_stop(&pptp->host, pptp->reason, pptp->was_up ? 0 : PPTP_USAGE);
}

static void on_session_gone(struct seat *seat)
{
	struct pptp *pptp = seat->owner->role;
	pptp->seat = NULL;
	connection_ended(pptp);
}

static void tell_end(struct pptp *pptp, const struct peer *peer, enum close_reason reason)
{
	bool ours = pptp->host.stopping || reason == CLOSE_LINE_GONE;
	if (reason == CLOSE_TCP_FAILED && !pptp->host.stopping)
		log_line(&pptp->host.log, LOG_LINE_ERROR,
			"Could not open control connection to %s: %s reason=%s peer=%s",
			pptp->server_text, tcp_error(peer->tcp_error), close_word(reason),
			pptp->server_text);
	else
		log_line(&pptp->host.log, ours ? LOG_LINE_INFO : LOG_LINE_WARNING,
			"Closing connection: %s reason=%s peer=%s", close_sentence(reason),
			close_word(reason), pptp->server_text);
}

static void on_tunnel_down(struct peer *peer, enum close_reason reason)
{
	struct pptp *pptp = peer->host->role;
	tell_end(pptp, peer, pptp->reason == CLOSE_NONE ? reason : pptp->reason);
	if (pptp->reason == CLOSE_NONE)
		pptp->reason = reason;
	pptp->peer = NULL;
	connection_ended(pptp);
}

static void on_hang_up(struct host *host)
{
	host_stop(host, CLOSE_SHUTDOWN, 0);
}

static const struct host_policy policy = {.role = "pptp",
	.signal_exit_code = 0,
	.configure = on_configure,
	.tunnel_up = on_tunnel_up,
	.tunnel_down = on_tunnel_down,
	.wanted = dialler_wanted,
	.credentials = dialler_credentials,
	.certificate = dialler_certificate,
	.address = dialler_address,
	.session_up = on_session_up,
	.session_network = on_session_network,
	.session_over = on_session_over,
	.session_gone = on_session_gone,
	.hang_up = on_hang_up,
	.hasty = true};

static void dial(struct pptp *pptp)
{
	int error;
	pptp->reason = CLOSE_NONE;
	pptp->heard = pptp->unheard = false;
	pptp->peer = peer_dial(&pptp->host, pptp->server_text, PPTP_PORT, &pptp->local, &error);
	if (pptp->peer)
		return;
	log_line(&pptp->host.log, LOG_LINE_ERROR, "Could not open control connection to %s: %s",
		pptp->server_text, tcp_error(error));
	host_stop(&pptp->host, CLOSE_TCP_FAILED, PPTP_USAGE);
}

/* USR1: what pptp-linux calls its statistics. */
static void on_statistics(uv_signal_t *signal, int number)
{
	struct pptp *pptp = signal->data;
	struct dataplane_statistics seen;
	struct log *log = &pptp->host.log;
	if (!pptp->seat || !pptp->host.plane->statistics(
				   pptp->host.dataplane, seat_subject(pptp->seat), &seen))
		return;
	const struct datapath_counters *c = &seen.counters;
	log_line(log, LOG_LINE_WARNING,
		"GRE statistics: rx accepted=%llu rx lost=%u rx buffered=%u rx under win=%u rx "
		"duplicate=%u rx truncated=%u tx sent=%llu tx packets=%llu tx failed=%u rtt=%u us "
		"peer=%s",
		(unsigned long long)c->rx_packets, c->lost, c->reordered, c->drops[DROP_GRE_LATE],
		c->drops[DROP_GRE_DUPLICATE], c->drops[DROP_GRE_LENGTH],
		(unsigned long long)c->tx_packets, (unsigned long long)c->gre_tx,
		c->drops[DROP_OUTER_SEND], (unsigned)seen.window.rtt, pptp->server_text);
}

/* Start. */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "pptp: %s: %s\n", what, why);
	return PPTP_USAGE;
}

static void take_name(struct address *address, const struct addrinfo *found)
{
	if (found->ai_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, found->ai_addr, sizeof in6);
		address->family = 6;
		memcpy(address->bytes, &in6.sin6_addr, 16);
	} else {
		struct sockaddr_in in;
		memcpy(&in, found->ai_addr, sizeof in);
		address->family = 4;
		memcpy(address->bytes, &in.sin_addr, 4);
	}
}

/* One address, before anything else: the route to it comes first. IPv4, where there is one and
 * nobody wants IPv6. */
static int resolve(struct pptp *pptp)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found;
	const struct settings *settings = pptp->settings;
	if (settings->bind && !value_address(settings->bind, &pptp->local))
		return PPTP_VALUE; /* the table has seen to it */
	if (value_address(pptp->arguments.host, &pptp->server))
		wanted.ai_flags = AI_NUMERICHOST;
	wanted.ai_family = pptp->local.family == 4   ? AF_INET
			   : pptp->local.family == 6 ? AF_INET6
						     : AF_UNSPEC;
	int failed = getaddrinfo(pptp->arguments.host, NULL, &wanted, &found);
	if (failed)
		return fail(pptp->arguments.host, gai_strerror(failed));
	const struct addrinfo *chosen = NULL;
	for (const struct addrinfo *at = found; at; at = at->ai_next)
		if (!chosen || (chosen->ai_family != AF_INET && at->ai_family == AF_INET))
			chosen = at;
	take_name(&pptp->server, chosen);
	freeaddrinfo(found);
	snprintf(pptp->server_text, sizeof pptp->server_text, "%s", shown_address(&pptp->server));
	return 0;
}

/* The way there as it is now, so that a default route through the tunnel does not lead the tunnel
 * into itself. What is there already, and a server on this host, is left alone. */
static void add_host_route(struct pptp *pptp)
{
	struct netlink_route *route = &pptp->route;
	if (pptp->settings->no_host_route || netlink_open(&pptp->netlink) < 0)
		return;
	if (netlink_route_get(pptp->netlink, NULL, &pptp->server, route) < 0 ||
		route->link == if_nametoindex("lo"))
		return;
	*route = (struct netlink_route){.destination = {.address = pptp->server,
						.length = pptp->server.family == 4 ? 32 : 128},
		.gateway = route->gateway,
		.link = route->link};
	int failed = netlink_route_add(pptp->netlink, route);
	pptp->route_added = !failed;
	if (failed && failed != -EEXIST)
		fprintf(stderr, "pptp: %s (--nohostroute does without)\n",
			netlink_error(pptp->netlink));
}

static void remove_host_route(struct pptp *pptp)
{
	if (pptp->route_added)
		netlink_route_delete(pptp->netlink, &pptp->route);
	netlink_close(pptp->netlink);
}

/* Standard input carries both ways, as pppd and socat give it; a pipe one. */
static int take_standard(struct pptp *pptp)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	if (flags < 0)
		return fail("standard input", strerror(errno));
	pptp->in = STDIN_FILENO;
	pptp->out = (flags & O_ACCMODE) == O_RDWR ? STDIN_FILENO : STDOUT_FILENO;
	return 0;
}

static void start_log(struct pptp *pptp)
{
	const struct settings *settings = pptp->settings;
	struct log *log = &pptp->host.log;
	static const enum log_level levels[] = {LOG_LINE_WARNING, LOG_LINE_INFO, LOG_LINE_DEBUG};
	log->least = levels[settings->log_level];
	log_to_syslog(log, "pptp", settings->log_string ? settings->log_string : "anon",
		settings->debug ? LOG_LINE_DEBUG : LOG_LINE_WARNING);
}

/* For sessions, status and capture; a pptp that has no folder for it goes without. */
static void open_socket(struct pptp *pptp)
{
	const char *folder = host_run_dir(pptp->settings);
	char name[64];
	mkdir(folder, 0755);
	snprintf(name, sizeof name, "pptp-%d.sock", (int)getpid());
	if (access(folder, W_OK) == 0)
		manage_open(&pptp->host, name);
}

static int start(struct pptp *pptp)
{
	struct host_config config = {.settings = pptp->settings,
		.policy = &policy,
		.role = pptp,
		.local = pptp->local,
		.peer = pptp->server,
		.sessions_max = PEERS,
		.peers_max = PEERS,
		.bare = true};
	pptp->settings->outer = OUTER_RAW; /* it obeys the mark, and a pty is slower */
	pptp->settings->data_plane = DATA_PLANE_USER;
	int code = host_start(&pptp->host, &config);
	if (code)
		return PPTP_USAGE;
	start_log(pptp);
	open_socket(pptp);
	call_zero_init(&pptp->zero, (enum nat_fallback)pptp->settings->nat_fallback);
	uv_timer_init(&pptp->host.loop, &pptp->redial);
	uv_signal_init(&pptp->host.loop, &pptp->statistics);
	pptp->redial.data = pptp->statistics.data = pptp;
	uv_signal_start(&pptp->statistics, on_statistics, SIGUSR1);
	dial(pptp);
	return 0;
}

static int run(struct pptp *pptp)
{
	int code = resolve(pptp);
	if (!code)
		add_host_route(pptp);
	if (!code)
		code = pptp->settings->no_launch ? take_standard(pptp) : pptp_launch(pptp);
	int blocking = code ? -1 : fcntl(pptp->in, F_GETFL);
	if (gethostname(pptp->name, sizeof pptp->name - 1) < 0)
		strcpy(pptp->name, "local");
	if (!code)
		code = start(pptp);
	if (!code)
		code = host_run(&pptp->host);
	host_end(&pptp->host);
	remove_host_route(pptp);
	if (blocking >= 0) /* it may be somebody's terminal */
		fcntl(pptp->in, F_SETFL, blocking);
	return code;
}

int pptp_main(int argc, char **argv)
{
	struct settings settings;
	struct faults faults = {.report = fault_to_stderr};
	struct pptp *pptp = calloc(1, sizeof *pptp);
	if (!pptp)
		return PPTP_USAGE;
	settings_init(&settings);
	pptp->settings = &settings;
	pptp->waiting = -1;
	int code = pptp_arguments_parse(argc, argv, &settings, &pptp->arguments, &faults);
	if (!code && settings.help)
		arguments_help(&pptp_options, stdout);
	else if (!code && settings.version)
		printf("pptp (greyline %s)\n", GREYLINE_VERSION);
	else if (!code)
		code = run(pptp);
	free(pptp->arguments.words);
	settings_free(&settings);
	free(pptp);
	return code;
}
