/* One peer and its tunnel (see peer.h).
 *
 *   TCP bytes, data-plane events, deadlines, answers ──▶ tunnel_*() ──▶ outbox ──▶ carry out
 *
 * A tunnel's outbox is walked in order: bytes to the TCP connection, commands to the data plane,
 * lines to the log. What the policy is to hear (questions, sessions up and over) is copied aside
 * and told when the outbox is empty again, so that the policy may answer at once: an answer is one
 * more call of the tunnel, pumped the same way. A peer's memory is freed from the loop only, behind
 * its TCP connection. */
#include "peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bundles.h"
#include "clock.h"
#include "compression.h"
#include "leased.h"
#include "line.h"
#include "narrate.h"
#include "netdev.h"
#include "peer_inner.h"
#include "profile.h"
#include "tls_login.h"

#define TCP_LINGER MS(500) /* for the last bytes of a connection */

struct happening {
	struct happening *next;
	uint16_t kind, arg;
	uint32_t subject, token;
	uint32_t length;
	_Alignas(8) uint8_t bytes[];
};

static struct session *find_session(void *context, uint32_t subject)
{
	struct host *host = context;
	struct seat *seat = seats_find(&host->seats, subject);
	return seat && !seat->over ? &seat->session : NULL;
}

struct peer *peer_new(struct host *host)
{
	if (host->peer_count == host->peer_max)
		return NULL;
	uint32_t number = host->peer_hint;
	while (host->peers[number])
		number = (number + 1) % host->peer_max;
	host->peer_hint = (number + 1) % host->peer_max;
	struct peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return NULL;
	peer->host = host;
	peer->number = number;
	peer->since = clock_now();
	host->peers[number] = peer;
	host->peer_count++;
	return peer;
}

void peer_free(struct peer *peer)
{
	struct host *host = peer->host;
	assert(!peer->tcp && !peer->seats && !peer->half_listed);
	if (peer->bundle)
		bundles_forget(peer);
	host_deadline(host, peer->number, NEVER);
	host->peers[peer->number] = NULL;
	host->peer_count--;
	profile_return(&host->profiles, peer->config);
	host->compression -= peer->compression;
	free(peer);
	host_check_end(host);
}

static void on_opened(void *context, struct tcp_connection *tcp)
{
	struct peer *peer = context;
	peer->opened = true;
	peer->address = tcp_peer(tcp);
	peer->local = tcp_local(tcp);
	peer->port = tcp_peer_port(tcp);
	peer_begin(peer);
}

static void on_received(
	void *context, struct tcp_connection *tcp, const uint8_t *bytes, size_t length)
{
	struct peer *peer = context;
	struct host *host = peer->host;
	while (length) {
		size_t taken = tunnel_input(&peer->tunnel, bytes, length, clock_now(), &host->out);
		peer_pump(peer);
		if (!taken)
			break;
		bytes += taken;
		length -= taken;
	}
}

static void on_closed(void *context, struct tcp_connection *tcp, int error)
{
	struct peer *peer = context;
	peer->tcp = NULL;
	peer->tcp_error = error;
	if (peer->opened) {
		tunnel_lost(&peer->tunnel, CLOSE_TCP_CLOSED, clock_now(), &peer->host->out);
		peer_pump(peer);
	} else {
		peer->host->policy->tunnel_down(peer, CLOSE_TCP_FAILED);
	}
	peer_free(peer);
}

static const struct tcp_handlers handlers = {on_opened, on_received, on_closed};

struct peer *peer_accept(struct host *host, struct tcp_connection *tcp)
{
	struct peer *peer = peer_new(host);
	if (!peer)
		return NULL;
	peer->tcp = tcp;
	peer->opened = true;
	peer->address = tcp_peer(tcp);
	peer->local = tcp_local(tcp);
	peer->port = tcp_peer_port(tcp);
	tcp_start(tcp, &handlers, peer);
	return peer;
}

struct peer *peer_dial(struct host *host, const char *host_name, uint16_t port,
	const struct address *local, int *error)
{
	struct peer *peer = peer_new(host);
	if (!peer) {
		*error = -ENOMEM;
		return NULL;
	}
	peer->dialled = true;
	struct tcp_dial_config config = {.host = host_name,
		.port = port,
		.local = *local,
		.mark = host->settings->mark,
		.handlers = &handlers,
		.context = peer};
	*error = tcp_dial(&peer->tcp, &host->loop, &config);
	if (!*error)
		return peer;
	peer->tcp = NULL;
	peer_free(peer);
	return NULL;
}

/* Where the memory for compressors is promised to others, CCP refuses them to this peer. */
static void reserve_compression(struct peer *peer, struct ccp_compressors *allowed)
{
	struct host *host = peer->host;
	size_t cost = compression_cost(allowed);
	if (!cost)
		return;
	if (host->compression + cost <= (size_t)host->settings->compression_memory << 20) {
		peer->compression = cost;
		host->compression += cost;
		return;
	}
	memset(allowed, 0, sizeof *allowed);
	log_line(&host->log, LOG_LINE_INFO,
		"No compression for peer=%s: compression-memory is promised to others",
		shown_address(&peer->address));
}

static void take_profile(struct peer *peer)
{
	struct host *host = peer->host;
	struct tunnel_config config;
	memset(&config, 0, sizeof config); /* padding too: configurations are compared */
	host->policy->configure(peer, &config);
	reserve_compression(peer, &config.session.unit.compress);
	peer->config = profile_take(&host->profiles, &config);
	if (!peer->config)
		abort(); /* a few hundred bytes: there is nothing left to run on */
}

void peer_begin(struct peer *peer)
{
	struct host *host = peer->host;
	struct session_table table = {find_session, host};
	take_profile(peer);
	tunnel_init(&peer->tunnel, peer->config, &table, &host->random);
	tunnel_up(&peer->tunnel, &peer->local, &peer->address, clock_now(), &host->out);
	peer_pump(peer);
}

/* The outbox. */

static void carry_command(struct peer *peer, const void *bytes, size_t length)
{
	struct datapath_command command;
	assert(length >= sizeof command);
	memcpy(&command, bytes, sizeof command);
	peer->host->plane->command(
		peer->host->dataplane, &command, (const uint8_t *)bytes + sizeof command);
	explicit_bzero(&command, sizeof command);
}

static void put_aside(struct happening ***last, const struct out_item *item, const void *bytes)
{
	struct happening *happening = malloc(sizeof *happening + item->length);
	if (!happening)
		abort(); /* a question lost would leave a session without an answer for ever */
	*happening = (struct happening){.kind = item->kind,
		.arg = item->arg,
		.subject = item->subject,
		.token = item->token,
		.length = item->length};
	if (item->length)
		memcpy(happening->bytes, bytes, item->length);
	**last = happening;
	*last = &happening->next;
}

static void carry(struct peer *peer, const struct out_item *item, struct happening ***last)
{
	struct host *host = peer->host;
	const void *bytes = outbox_bytes(&host->out, item);
	const struct seat *seat = item->subject ? seats_find(&host->seats, item->subject) : NULL;
	switch ((enum tunnel_out)item->kind) {
	case TUNNEL_BYTES:
		if (peer->tcp)
			tcp_send(peer->tcp, bytes, item->length);
		break;
	case TUNNEL_COMMAND:
		carry_command(peer, bytes, item->length);
		break;
	case TUNNEL_MESSAGE:
		narrate_message(peer, item->arg, bytes, item->length);
		break;
	case TUNNEL_PPP:
		if (seat && seat->peer)
			narrate_frame(seat, item->arg, bytes, item->length);
		break;
	case TUNNEL_DROP:
		narrate_drop(peer, seat, item->arg);
		if (!seat)
			host->drops[item->arg]++;
		break;
	case TUNNEL_NOTE:
		narrate_note(peer, seat, item->arg, bytes, item->length);
		break;
	case TUNNEL_SESSION_WANTED:
	case TUNNEL_CREDENTIALS:
	case TUNNEL_TLS:
	case TUNNEL_ADDRESS:
	case TUNNEL_SESSION_UP:
	case TUNNEL_SESSION_NETWORK:
	case TUNNEL_SESSION_SERVICES:
	case TUNNEL_DELEGATE:
	case TUNNEL_SESSION_DOWN:
	case TUNNEL_JOIN:
	case TUNNEL_LEAVE:
	case TUNNEL_UNIT_FRAME:
	case TUNNEL_UNIT_REJECTED:
	case TUNNEL_ANSWERED:
	case TUNNEL_HANG_UP:
	case TUNNEL_UP:
	case TUNNEL_DOWN:
		put_aside(last, item, bytes);
		break;
	}
}

/* A bundle or a line that is over has its memory freed from the loop, like any peer. */
static uint64_t deadline_of(const struct peer *peer)
{
	if (peer->line)
		return peer->leased ? session_deadline(&peer->leased->session) : 0;
	if (!peer->bundle)
		return tunnel_deadline(&peer->tunnel);
	return peer->bundle->seat ? bundle_deadline(&peer->bundle->bundle) : 0;
}

static void set_deadline(struct peer *peer)
{
	host_deadline(peer->host, peer->number, deadline_of(peer));
}

static void seat_is_gone(struct host *host, struct seat *seat)
{
	narrate_gone(seat); /* the last of its lines, before any of what follows it */
	host->policy->session_gone(seat);
	if (seat->call_id)
		call_ids_release(host->call_ids, seat->call_id, clock_now());
	seats_release(&host->seats, seat);
	host_check_end(host);
}

static void session_is_over(struct peer *peer, struct seat *seat, enum close_reason reason)
{
	struct host *host = peer->host;
	seat->over = true;
	seat->reason = reason;
	seat->ended = clock_now();
	narrate_over(seat);
	tls_login_end(seat);
	host->policy->session_over(seat);
	if (peer->bundle)
		peer->bundle->seat = NULL;
	peer->leased = NULL;
	seat->peer = NULL;
	peer->seats--;
	if (!seat->session.attached || seat->detached)
		seat_is_gone(host, seat);
}

static void tunnel_is_down(struct peer *peer, enum close_reason reason)
{
	peer->host->policy->tunnel_down(peer, reason);
	if (peer->tcp)
		tcp_close(peer->tcp, TCP_LINGER);
}

static void tell_session(struct peer *peer, struct seat *seat, const struct happening *what)
{
	const struct host_policy *policy = peer->host->policy;
	switch ((enum tunnel_out)what->kind) {
	case TUNNEL_CREDENTIALS:
		policy->credentials(seat, what->token, (const void *)what->bytes);
		break;
	case TUNNEL_TLS:
		tls_login_item(seat, what->token, what->arg, what->bytes, what->length);
		break;
	case TUNNEL_ADDRESS:
		policy->address(seat, what->token);
		break;
	case TUNNEL_SESSION_UP:
		seat->up_since = clock_now();
		policy->session_up(seat);
		break;
	case TUNNEL_SESSION_NETWORK:
		policy->session_network(seat);
		break;
	case TUNNEL_SESSION_SERVICES:
		if (policy->session_services)
			policy->session_services(seat);
		break;
	case TUNNEL_ANSWERED:
		if (policy->answered)
			policy->answered(seat);
		break;
	case TUNNEL_DELEGATE:
		if (policy->delegate)
			policy->delegate(seat, (const void *)what->bytes);
		break;
	case TUNNEL_SESSION_DOWN:
		session_is_over(peer, seat, what->arg);
		break;
	case TUNNEL_JOIN:
		bundles_join(seat, (const void *)what->bytes);
		break;
	case TUNNEL_LEAVE:
		bundles_leave(seat, what->arg);
		break;
	case TUNNEL_UNIT_FRAME:
		bundles_unit_frame(seat, what->bytes, what->length);
		break;
	case TUNNEL_UNIT_REJECTED:
		bundles_rejected(seat, what->arg);
		break;
	case TUNNEL_HANG_UP:
		bundles_hang_up(seat, what->arg);
		break;
	case TUNNEL_BYTES:
	case TUNNEL_COMMAND:
	case TUNNEL_SESSION_WANTED:
	case TUNNEL_UP:
	case TUNNEL_DOWN:
	case TUNNEL_MESSAGE:
	case TUNNEL_PPP:
	case TUNNEL_DROP:
	case TUNNEL_NOTE:
		break;
	}
}

static void tell(struct peer *peer, const struct happening *what)
{
	const struct host_policy *policy = peer->host->policy;
	if (what->kind == TUNNEL_SESSION_WANTED)
		policy->wanted(peer, what->token, (const void *)what->bytes);
	else if (what->kind == TUNNEL_UP)
		policy->tunnel_up(peer);
	else if (what->kind == TUNNEL_DOWN)
		tunnel_is_down(peer, what->arg);
	struct seat *seat = what->subject ? seats_find(&peer->host->seats, what->subject) : NULL;
	if (seat && !seat->over)
		tell_session(peer, seat, what);
}

void peer_pump(struct peer *peer)
{
	struct host *host = peer->host;
	struct happening *first = NULL, **last = &first;
	for (uint32_t i = 0; i < host->out.item_count; i++)
		carry(peer, &host->out.items[i], &last);
	if (host->out.arena_used)
		explicit_bzero(host->out.arena, host->out.arena_used); /* it held keys */
	outbox_clear(&host->out);
	while (first) {
		struct happening *what = first;
		first = what->next;
		tell(peer, what);
		explicit_bzero(what, sizeof *what + what->length);
		free(what);
	}
	set_deadline(peer);
}

/* Sessions. */

struct seat *peer_seat_fresh(struct peer *peer)
{
	struct host *host = peer->host;
	struct seat *seat = seats_take(&host->seats);
	if (!seat)
		return NULL;
	static const char hex[] = "0123456789abcdef";
	uint8_t sid[SEAT_SID_SIZE - 1];
	random_bytes(&host->random, sid, sizeof sid);
	for (unsigned i = 0; i < sizeof sid; i++)
		seat->sid[i] = hex[sid[i] & 15];
	seat->owner = host;
	seat->peer = peer;
	seat->outer = peer->address;
	seat->tun = -1;
	seat->opened = clock_now();
	peer->seats++;
	return seat;
}

/* Links of one bundle belong to one worker, which follows from the call ID. Nobody knows yet which
 * will be in one, but those that come from one address may. */
static uint16_t take_call_id(struct peer *peer, uint64_t now)
{
	struct host *host = peer->host;
	if (!peer->config->session.link.mrru || host->workers < 2)
		return call_ids_take(host->call_ids, &host->random, now);
	uint32_t sum = 0;
	for (unsigned i = 0; i < sizeof peer->address.bytes; i++)
		sum = sum * 31 + peer->address.bytes[i];
	return call_ids_take_like(
		host->call_ids, &host->random, now, host->workers, sum % host->workers);
}

static void give_multilink(const struct peer *peer, struct seat *seat)
{
	if (peer->config->session.link.mrru)
		seat->multilink = calloc(1, sizeof *seat->multilink);
	seat->session.link.multilink = seat->multilink;
}

struct seat *peer_seat(struct peer *peer)
{
	struct host *host = peer->host;
	uint64_t now = clock_now();
	uint16_t call_id = take_call_id(peer, now);
	if (!call_id)
		return NULL;
	struct seat *seat = peer_seat_fresh(peer);
	if (!seat) {
		call_ids_release(host->call_ids, call_id, now);
		return NULL;
	}
	seat->call_id = call_id;
	give_multilink(peer, seat);
	return seat;
}

struct seat *peer_seat_zero(struct peer *peer)
{
	struct seat *seat = peer_seat(peer);
	if (!seat)
		return NULL;
	call_ids_release(peer->host->call_ids, seat->call_id, clock_now());
	seat->call_id = 0;
	return seat;
}

/* ECP keeps its state beside the session. Without memory for it the session says so and ends. */
static void give_ecp(const struct peer *peer, struct seat *seat)
{
	if (peer->config->session.unit.ecp_key.length)
		seat->session.ecp = calloc(1, sizeof *seat->session.ecp);
}

struct seat *peer_lease(struct host *host)
{
	struct peer *peer = peer_new(host);
	if (!peer)
		return NULL;
	peer->line = peer->opened = true;
	take_profile(peer);
	peer->leased = peer_seat_fresh(peer);
	if (peer->leased)
		give_multilink(peer, peer->leased);
	else
		peer_free(peer);
	return peer->leased;
}

void seat_lease(struct seat *seat, struct line *line)
{
	struct peer *peer = seat->peer;
	struct host *host = peer->host;
	give_ecp(peer, seat);
	leased_init(&seat->session, &peer->config->session, seat_subject(seat), &host->random,
		clock_now(), &host->out);
	peer_pump(peer);
	if (host->plane->line(host->dataplane, seat_subject(seat), line) < 0) {
		line_close(line);
		seat_cut(seat, CLOSE_LOCAL_ERROR);
		return;
	}
	leased_start(&seat->session, clock_now(), &host->out);
	peer_pump(peer);
}

void peer_dial_call(struct peer *peer, struct seat *seat)
{
	give_ecp(peer, seat);
	tunnel_dial(&peer->tunnel, &seat->session, seat_subject(seat), seat->call_id, clock_now(),
		&peer->host->out);
	peer_pump(peer);
}

void peer_accept_call(struct peer *peer, uint32_t token, struct seat *seat)
{
	give_ecp(peer, seat);
	tunnel_accept(&peer->tunnel, token, &seat->session, seat_subject(seat), seat->call_id,
		clock_now(), &peer->host->out);
	peer_pump(peer);
}

void peer_refuse_call(struct peer *peer, uint32_t token, uint16_t result)
{
	tunnel_refuse(&peer->tunnel, token, result, clock_now(), &peer->host->out);
	peer_pump(peer);
}

void dialler_wanted(struct peer *peer, uint32_t token, const struct call_wanted *wanted)
{
	enum { DO_NOT_ACCEPT = 7 }; /* Outgoing-Call-Reply, RFC 2637 §2.8 */
	peer_refuse_call(peer, token, DO_NOT_ACCEPT);
}

/* Nobody is asked to prove himself to a client: MS-CHAPv2 is mutual, and LCP demands no more. */
void dialler_credentials(struct seat *seat, uint32_t token, const struct auth_question *question)
{
	struct auth_answer answer = {.error = AUTH_ERROR_NO_DIALIN};
	seat_credentials(seat, token, &answer);
}

/* A certificate of the server's name was what was asked for, and is enough. */
const char *dialler_certificate(
	struct seat *seat, const struct auth_question *question, bool failed)
{
	return NULL;
}

void dialler_address(struct seat *seat, uint32_t token)
{
	struct unit_addresses addresses = {.granted = false};
	seat_addresses(seat, token, &addresses);
}

void peer_stop(struct peer *peer, enum close_reason reason)
{
	if (peer->line) {
		if (peer->leased)
			seat_close(peer->leased, reason);
		return;
	}
	if (!peer->opened) {
		if (peer->tcp)
			tcp_abort(peer->tcp);
		return;
	}
	tunnel_stop(&peer->tunnel, reason, clock_now(), &peer->host->out);
	peer_pump(peer);
}

void peer_lose(struct peer *peer, enum close_reason reason)
{
	if (peer->line) {
		if (!peer->leased)
			return;
		leased_gone(&peer->leased->session, reason, clock_now(), &peer->host->out);
		peer_pump(peer);
		return;
	}
	if (peer->opened) {
		tunnel_lost(&peer->tunnel, reason, clock_now(), &peer->host->out);
		peer_pump(peer);
	} else if (peer->tcp) {
		tcp_abort(peer->tcp);
	}
}

/* Silence and idleness are judged by what the data plane saw last. */
static void tell_alive(struct peer *peer)
{
	struct host *host = peer->host;
	for (const struct call *call = peer->tunnel.control.calls; call; call = call->next) {
		struct session *session = find_session(host, call->subject);
		struct dataplane_statistics seen;
		if (!session || !host->plane->statistics(host->dataplane, call->subject, &seen))
			continue;
		tunnel_alive(&peer->tunnel, session, seen.last_received, seen.last_active);
		tunnel_traffic(&peer->tunnel, session, &seen.counters);
	}
}

static void tick_bundle(struct peer *peer, uint64_t now)
{
	struct host *host = peer->host;
	struct seat *seat = peer->bundle->seat;
	struct dataplane_statistics seen;
	if (!seat) {
		peer_free(peer);
		return;
	}
	if (host->plane->statistics(host->dataplane, seat_subject(seat), &seen)) {
		bundle_alive(&peer->bundle->bundle, seen.last_received, seen.last_active);
		bundle_traffic(&peer->bundle->bundle, &seen.counters);
	}
	bundle_tick(&peer->bundle->bundle, now, &host->out);
	peer_pump(peer);
}

static void tick_line(struct peer *peer, uint64_t now)
{
	struct host *host = peer->host;
	struct seat *seat = peer->leased;
	struct dataplane_statistics seen;
	if (!seat) {
		peer_free(peer);
		return;
	}
	if (host->plane->statistics(host->dataplane, seat_subject(seat), &seen)) {
		session_alive(&seat->session, seen.last_received, seen.last_active);
		session_traffic(&seat->session, &seen.counters);
	}
	leased_tick(&seat->session, now, &host->out);
	peer_pump(peer);
}

void peer_awake(struct peer *peer, uint64_t now)
{
	if (!peer->opened || peer->bundle)
		return;
	if (!peer->line)
		tunnel_awake(&peer->tunnel, now);
	else if (peer->leased)
		leased_awake(&peer->leased->session, now);
	host_deadline(peer->host, peer->number, now + STANDSTILL_GRACE);
}

void peer_tick(struct peer *peer, uint64_t now)
{
	if (peer->line) {
		tick_line(peer, now);
		return;
	}
	if (peer->bundle) {
		tick_bundle(peer, now);
		return;
	}
	if (!peer->opened)
		return;
	tell_alive(peer);
	tunnel_tick(&peer->tunnel, now, &peer->host->out);
	peer_pump(peer);
}

static struct seat_traffic traffic_of(const struct datapath_counters *counters)
{
	return (struct seat_traffic){.rx_packets = counters->rx_packets,
		.rx_bytes = counters->rx_bytes,
		.tx_packets = counters->tx_packets,
		.tx_bytes = counters->tx_bytes};
}

/* A report on the link's quality says what its other frames and packets did until it came. */
static void tell_traffic(struct seat *seat)
{
	struct host *host = seat->peer->host;
	struct dataplane_statistics seen;
	if (link_counts(&seat->session.link) &&
		host->plane->statistics(host->dataplane, seat_subject(seat), &seen))
		tunnel_traffic(&seat->peer->tunnel, &seat->session, &seen.counters);
}

/* Nothing can be carried any more, and whoever removed it may have had a reason: not made again. */
static void shared_tun_gone(struct host *host)
{
	if (!host->stopping)
		log_line(&host->log, LOG_LINE_ERROR,
			"Somebody removed the shared interface: going down; start again to have a "
			"new one");
	host_stop(host, CLOSE_INTERFACE_GONE, close_exit_code(CLOSE_INTERFACE_GONE));
}

static int interface_moved(struct host *host, struct seat *seat)
{
	return host->policy->moved ? host->policy->moved(host, seat) : netdev_moved(host, seat);
}

void peer_dataplane_event(void *context, const struct dataplane_event *event)
{
	struct host *host = context;
	if (event->kind == DATAPLANE_TUN_GONE && !event->subject) {
		shared_tun_gone(host);
		return;
	}
	struct seat *seat = seats_find(&host->seats, event->subject);
	if (!seat)
		return;
	switch (event->kind) {
	case DATAPLANE_DETACHED:
		seat->detached = true;
		seat->traffic = traffic_of(event->counters);
		if (seat->over)
			seat_is_gone(host, seat);
		return;
	case DATAPLANE_CONTROL:
		if (!seat->peer)
			return;
		tell_traffic(seat);
		seat_frame(seat, event->epoch, event->bytes, event->length);
		return;
	case DATAPLANE_KEYS_DIFFER:
		if (seat->peer)
			seat_keys_differ(seat);
		return;
	case DATAPLANE_STRANGER:
		if (seat->peer)
			narrate_stranger(seat, &event->from);
		return;
	case DATAPLANE_PEER_FOUND:
		if (seat->peer && !address_equal(&event->from, &seat->outer)) {
			seat->gre = event->from;
			narrate_gre_from(seat);
		}
		return;
	case DATAPLANE_NO_MEMORY:
		log_line(&host->log, LOG_LINE_ERROR, "No memory for a session's compressor: sid=%s",
			seat->sid);
		if (seat->peer)
			seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	case DATAPLANE_UNABLE:
		log_peer(&host->log, LOG_KIND_SESSION, LOG_LINE_ERROR, clock_now(),
			"The %s data plane cannot go on: %s peer=%s sid=%s", host->plane->name,
			event->why, shown_address(&seat->outer), seat->sid);
		if (seat->peer)
			seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	case DATAPLANE_MOVED:
		log_line(&host->log, LOG_LINE_INFO,
			"Moved to the user data plane: %s peer=%s sid=%s", event->why,
			shown_address(&seat->outer), seat->sid);
		if (seat->peer && interface_moved(host, seat) < 0)
			seat_close(seat, CLOSE_LOCAL_ERROR);
		return;
	case DATAPLANE_TUN_GONE:
		if (seat->peer)
			seat_close(seat, CLOSE_INTERFACE_GONE);
		return;
	case DATAPLANE_LINE_GONE:
		if (!seat->peer)
			return;
		if (seat->session.config->relay) /* which has a call to be cleared */
			seat_close(seat, CLOSE_LINE_GONE);
		else
			seat_cut(seat, CLOSE_LINE_GONE);
		return;
	}
}
