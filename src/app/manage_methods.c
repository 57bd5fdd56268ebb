/* What the control socket answers: org.greyline.Status, Sessions, Terminate, Capture, Reload.
 *
 * Sessions carry accel-ppp's columns. 64-bit counters are JSON integers: jansson keeps them whole.
 * Names that a peer chose need not be UTF-8; what is not comes out as Latin-1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bundles.h"
#include "clock.h"
#include "fanout.h"
#include "manage.h"
#include "peer.h"
#include "server.h"
#include "values.h"

/* Bytes of unknown encoding to a JSON string: UTF-8 if they are, else byte by byte. */
static json_t *text_json(const char *text)
{
	json_t *string = json_string(text);
	char utf8[2 * PPP_NAME_MAX + 2];
	size_t used = 0;
	if (string)
		return string;
	for (const char *c = text; *c && used + 2 < sizeof utf8; c++) {
		unsigned char byte = (unsigned char)*c;
		if (byte >= 0x80)
			utf8[used++] = (char)(0xc0 | byte >> 6);
		utf8[used++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
	}
	utf8[used] = '\0';
	return json_string(utf8);
}

static struct datapath_counters counters_of(const struct host *host, const struct seat *seat)
{
	struct dataplane_statistics seen;
	if (!seat->detached && host->plane->statistics(host->dataplane, seat_subject(seat), &seen))
		return seen.counters;
	return (struct datapath_counters){.rx_packets = seat->traffic.rx_packets,
		.rx_bytes = seat->traffic.rx_bytes,
		.tx_packets = seat->traffic.tx_packets,
		.tx_bytes = seat->traffic.tx_bytes};
}

static const char *encryption(const struct seat *seat)
{
	if (seat_network(seat)->ecp)
		return seat->session.config->unit.ecp_key.length == ECP_KEY_DES3 ? "ecp-3dese"
										 : "ecp-dese-bis";
	switch (seat_network(seat)->strength) {
	case MPPE_NONE:
		break;
	case MPPE_40:
		return seat_network(seat)->stateless ? "mppe-40" : "mppe-40-stateful";
	case MPPE_56:
		return seat_network(seat)->stateless ? "mppe-56" : "mppe-56-stateful";
	case MPPE_128:
		return seat_network(seat)->stateless ? "mppe-128" : "mppe-128-stateful";
	}
	return "";
}

/* Of what is sent; of what is received, where that is all there is. */
static const char *compressor(const struct seat *seat)
{
	static const char *const words[CODEC_METHODS] = {[CODEC_NONE] = "",
		[CODEC_PREDICTOR1] = "predictor1",
		[CODEC_BSD] = "bsdcomp",
		[CODEC_DEFLATE] = "deflate",
		[CODEC_MPPC] = "mppc"};
	const struct session_facts *facts = &seat->session.facts;
	enum codec_method sent = facts->compress.method;

	return words[sent ? sent : facts->decompress.method];
}

static json_t *comp_json(const struct seat *seat)
{
	const char *first = encryption(seat), *second = compressor(seat);

	return json_sprintf("%s%s%s", first, *first && *second ? "+" : "", second);
}

static json_t *way_json(const struct codec_params *params, const struct layer_traffic *traffic)
{
	char name[48];
	struct text t = text_over(name, sizeof name);
	double packed = (double)traffic->packed;

	ccp_add_codec(&t, params);
	return json_pack("{s:s, s:I, s:I, s:f}", "method", name, "plain-bytes",
		(json_int_t)traffic->plain, "packed-bytes", (json_int_t)traffic->packed, "ratio",
		packed > 0 ? (double)traffic->plain / packed : 1.0);
}

/* What its compressors have done since CCP agreed on them. */
static json_t *compression_json(const struct host *host, const struct seat *seat)
{
	const struct session_facts *facts = &seat->session.facts;
	struct dataplane_statistics seen = {.last_active = 0};
	json_t *both = json_object();

	if (!seat->detached)
		host->plane->statistics(host->dataplane, seat_subject(seat), &seen);
	if (facts->compress.method)
		json_object_set_new(
			both, "tx", way_json(&facts->compress, &seen.layers[LAYER_TRANSMIT]));
	if (facts->decompress.method)
		json_object_set_new(
			both, "rx", way_json(&facts->decompress, &seen.layers[LAYER_RECEIVE]));
	return both;
}

static const char *state_word(const struct seat *seat)
{
	if (seat->over)
		return "finish";
	switch (seat->session.state) {
	case SESSION_FREE:
	case SESSION_CALLING:
	case SESSION_STARTING:
		return "start";
	case SESSION_UP:
		return "active";
	case SESSION_FINISHING:
	case SESSION_OVER:
		break;
	}
	return "finish";
}

static json_t *drops_json(const struct seat *seat, const struct datapath_counters *counters)
{
	json_t *drops = json_object();
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		uint64_t count = i < DROP_PACKETS ? counters->drops[i]
						  : session_drops(&seat->session, (enum drop)i);
		if (count)
			json_object_set_new(
				drops, drop_word((enum drop)i), json_integer((json_int_t)count));
	}
	return drops;
}

/* What a PAC said of its physical line; nothing when it said nothing. */
static json_t *line_errors_json(const struct line_errors *errors)
{
	if (!line_errors_sum(errors))
		return json_object();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "crc", (json_int_t)errors->crc,
		"framing", (json_int_t)errors->framing, "hardware-overruns",
		(json_int_t)errors->hardware_overruns, "buffer-overruns",
		(json_int_t)errors->buffer_overruns, "timeouts", (json_int_t)errors->timeouts,
		"alignment", (json_int_t)errors->alignment);
}

/* How the peer acknowledges, and whether data waits for it. */
static json_t *window_json(const struct host *host, const struct seat *seat)
{
	struct dataplane_statistics seen = {.window = {.rtt = 0}};
	if (!seat->detached)
		host->plane->statistics(host->dataplane, seat_subject(seat), &seen);
	const struct window_facts *window = &seen.window;
	const char *state = !window->maximum ? "off" : window->size ? "on" : "unproved";
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:I}", "state", state, "peer",
		(int)seat->session.call.peer_window, "maximum", (int)window->maximum, "size",
		(int)window->size, "in-flight", (int)window->in_flight, "waiting",
		(int)window->held, "rtt-ms", window->rtt / 1e3, "timeout-ms", window->ato / 1e3,
		"timeouts", (json_int_t)window->timeouts);
}

static void text_prefix(struct text *t, const struct prefix *prefix)
{
	if (!prefix->length)
		return;
	text_address(t, &prefix->address);
	text_char(t, '/');
	text_unsigned(t, prefix->length);
}

/* Packets whose TCP/IP headers came and went compressed, and the bytes that spared; nothing where
 * that was not agreed on. */
static json_t *headers_json(const struct host *host, const struct seat *seat)
{
	const struct unit_network *network = seat_network(seat);
	const struct layer_headers *out, *in;
	struct dataplane_statistics seen;
	if (!(network->transmit_vj.slots || network->receive_vj.slots) || seat->detached ||
		!host->plane->statistics(host->dataplane, seat_subject(seat), &seen))
		return json_object();
	out = &seen.headers[LAYER_TRANSMIT];
	in = &seen.headers[LAYER_RECEIVE];
	return json_pack("{s:I, s:I, s:I, s:I}", "sent", (json_int_t)out->packets, "sent-saved",
		(json_int_t)out->saved, "received", (json_int_t)in->packets, "received-saved",
		(json_int_t)in->saved);
}

static json_t *session_json(const struct host *host, const struct seat *seat)
{
	struct datapath_counters counters = counters_of(host, seat);
	uint64_t now = clock_now();
	bool up = seat->up_since != 0;
	char ip6[64], behind[64];
	struct text t = text_over(ip6, sizeof ip6), b = text_over(behind, sizeof behind);
	if (seat->prefix6.length)
		text_address(&t, &seat->prefix6.address);
	text_prefix(&b, &seat->delegated);
	json_t *session = json_pack("{s:s, s:o, s:s, s:s, s:s, s:o, s:s, s:I, s:s, s:s}", "ifname",
		seat->interface, "username", text_json(seat->user ? seat->user : ""), "calling-sid",
		shown_address(&seat->outer), "ip", seat->remote4 ? shown_ipv4(seat->remote4) : "",
		"type", bundles_is_own(seat) ? "mp" : "pptp", "comp", comp_json(seat), "state",
		state_word(seat), "uptime", (json_int_t)(up ? (now - seat->up_since) / 1000000 : 0),
		"called-sid", seat->peer ? shown_address(&seat->peer->local) : "", "sid",
		seat->sid);
	json_object_update_new(session,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "rx-bytes",
			(json_int_t)counters.rx_bytes, "tx-bytes", (json_int_t)counters.tx_bytes,
			"rx-pkts", (json_int_t)counters.rx_packets, "tx-pkts",
			(json_int_t)counters.tx_packets, "gre-rx", (json_int_t)counters.gre_rx,
			"gre-tx", (json_int_t)counters.gre_tx, "reordered",
			(json_int_t)counters.reordered, "lost", (json_int_t)counters.lost, "drops",
			drops_json(seat, &counters)));
	json_object_update_new(session,
		json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "local-ip",
			seat->local4 ? shown_ipv4(seat->local4) : "", "mtu",
			(int)seat->session.facts.mtu, "call", (int)seat->call_id, "auth",
			seat->session.facts.method ? auth_method_word(seat->session.facts.method)
						   : "",
			"phase", link_phase_word(seat->session.link.phase), "ip6", ip6, "ip6-dp",
			behind, "rate-limit", ""));
	json_object_update_new(session,
		json_pack("{s:s, s:o, s:o, s:o, s:o}", "role",
			seat->session.call.pac ? "PAC" : "PNS", "line-errors",
			line_errors_json(&seat->session.call.line_errors), "send-window",
			window_json(host, seat), "compressed-headers", headers_json(host, seat),
			"compression", compression_json(host, seat)));
	json_object_update_new(session,
		json_pack("{s:b, s:i, s:s}", "relay",
			(int)(seat->session.config && seat->session.config->relay), "links",
			(int)bundles_links(seat), "bundle",
			bundles_is_link(seat) && seat->bundle->seat ? seat->bundle->seat->sid
								    : ""));
	return session;
}

static json_t *peer_json(const struct peer *peer, uint64_t now)
{
	const struct control *control = &peer->tunnel.control;
	return json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:i, s:i, s:i, s:I}", "address",
		shown_address(&peer->address), "port", (int)peer->port, "local",
		shown_address(&peer->local), "state",
		peer->opened ? control_state_word(control->state) : "connecting", "host-name",
		text_json(control->peer.host_name), "vendor", text_json(control->peer.vendor_name),
		"firmware", (int)control->peer.firmware, "maximum-channels",
		(int)control->peer.maximum_channels, "sessions", (int)peer->seats, "age",
		(json_int_t)((now - peer->since) / 1000000));
}

static json_t *peers_json(const struct host *host)
{
	json_t *peers = json_array();
	for (uint32_t i = 0; i < host->peer_max; i++)
		if (host->peers[i] && !host->peers[i]->bundle && !host->peers[i]->line)
			json_array_append_new(peers, peer_json(host->peers[i], clock_now()));
	return peers;
}

static json_t *sessions_json(const struct host *host)
{
	json_t *sessions = json_array();
	uint32_t at = 0;
	for (struct seat *seat; (seat = seats_next(&host->seats, &at));)
		json_array_append_new(sessions, session_json(host, seat));
	return sessions;
}

static json_t *host_drops_json(const struct host *host)
{
	uint64_t plane[DROP_COUNT];
	json_t *drops = json_object();
	host->plane->drops(host->dataplane, plane);
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (plane[i] + host->drops[i])
			json_object_set_new(drops, drop_word((enum drop)i),
				json_integer((json_int_t)(plane[i] + host->drops[i])));
	return drops;
}

static json_t *plane_json(const struct host *host)
{
	struct dataplane_facts facts;
	host->plane->describe(host->dataplane, &facts);
	return json_pack("{s:i, s:s, s:I, s:s, s:s, s:s}", "workers", (int)facts.workers,
		"steering", facts.steering, "handed-over", (json_int_t)facts.handed, "outer-link",
		facts.outer, "offload", facts.offload, "cipher", facts.cipher);
}

static void method_status(struct manage_client *client, json_t *parameters)
{
	struct host *host = manage_host(client);
	json_t *status = json_pack("{s:s, s:s, s:i, s:I, s:s, s:s, s:b, s:o, s:o, s:o}", "role",
		host->policy->role, "version", GREYLINE_VERSION, "pid", (int)getpid(), "uptime",
		(json_int_t)((clock_now() - host->started) / 1000000), "data-plane",
		host->plane->name, "data-plane-reason", host->plane_why, "stopping", host->stopping,
		"tunnels", peers_json(host), "sessions", sessions_json(host), "drops",
		host_drops_json(host));
	json_object_update_new(status, plane_json(host));
	if (host->settings->instance)
		json_object_set_new(status, "name", text_json(host->settings->instance));
	if (!strcmp(host->policy->role, "server")) {
		const struct server *server = host->role;
		json_object_update_new(status,
			json_pack("{s:I, s:I, s:I, s:i, s:i, s:i, s:s}", "logins",
				(json_int_t)server->logins, "failed-logins",
				(json_int_t)server->failed_logins, "refused-connections",
				(json_int_t)server->refused, "half-open",
				(int)server->half_open_count, "pool-size", (int)server->pool.size,
				"pool-free", (int)pool_free_count(&server->pool), "local-ip",
				shown_ipv4(server->local4)));
	}
	manage_reply(client, status);
}

static void method_sessions(struct manage_client *client, json_t *parameters)
{
	manage_reply(client, json_pack("{s:o}", "sessions", sessions_json(manage_host(client))));
}

/* Which sessions are meant: by exactly one of if, username, ip, csid, sid, all. */
struct selector {
	const char *by, *value;
};

static bool take_selector(json_t *parameters, struct selector *selector)
{
	static const char *const keys[] = {"if", "username", "ip", "csid", "sid"};
	*selector = (struct selector){NULL, NULL};
	if (json_is_true(json_object_get(parameters, "all")))
		selector->by = "all";
	for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = json_string_value(json_object_get(parameters, keys[i]));
		if (!value)
			continue;
		if (selector->by)
			return false;
		*selector = (struct selector){keys[i], value};
	}
	return selector->by != NULL;
}

static bool address_is(const struct address *address, const char *word)
{
	struct address wanted;
	return value_address(word, &wanted) && address_equal(address, &wanted);
}

static bool selected(const struct seat *seat, const struct selector *selector)
{
	const char *by = selector->by, *value = selector->value;
	struct address inner = address_ipv4(seat->remote4);
	if (seat->over)
		return false;
	if (!strcmp(by, "if"))
		return !strcmp(seat->interface, value);
	if (!strcmp(by, "username"))
		return seat->user && !strcmp(seat->user, value);
	if (!strcmp(by, "ip"))
		return seat->remote4 && address_is(&inner, value);
	if (!strcmp(by, "csid"))
		return address_is(&seat->outer, value);
	return !strcmp(by, "all") || !strcmp(seat->sid, value);
}

static void invalid(struct manage_client *client, const char *parameter)
{
	manage_error(client, "org.varlink.service.InvalidParameter",
		json_pack("{s:s}", "parameter", parameter));
}

static void method_terminate(struct manage_client *client, json_t *parameters)
{
	struct host *host = manage_host(client);
	struct selector selector;
	bool hard = json_is_true(json_object_get(parameters, "hard"));
	uint32_t at = 0;
	int count = 0;
	if (!take_selector(parameters, &selector)) {
		invalid(client, "if, username, ip, csid, sid or all");
		return;
	}
	for (struct seat *seat; (seat = seats_next(&host->seats, &at));) {
		if (!selected(seat, &selector))
			continue;
		count++;
		if (hard)
			seat_cut(seat, CLOSE_ADMIN);
		else
			seat_close(seat, CLOSE_ADMIN);
	}
	if (count)
		manage_reply(client, json_pack("{s:i}", "terminated", count));
	else
		manage_error(client, "org.greyline.NoSuchSession", NULL);
}

static void on_captured(void *context, const uint8_t *bytes, size_t length)
{
	manage_bytes(context, bytes, length);
}

static void method_capture(struct manage_client *client, json_t *parameters)
{
	struct host *host = manage_host(client);
	struct selector selector;
	struct seat *seat = NULL;
	uint32_t at = 0;
	bool inner = json_is_true(json_object_get(parameters, "inner")), all = true;
	if (take_selector(parameters, &selector) && strcmp(selector.by, "all") != 0) {
		all = false;
		while ((seat = seats_next(&host->seats, &at)) && !selected(seat, &selector))
			;
		if (!seat) {
			manage_error(client, "org.greyline.NoSuchSession", NULL);
			return;
		}
	}
	if (!host->plane->capture) {
		manage_error(client, "org.greyline.CaptureFailed",
			json_pack("{s:s}", "reason",
				"the kernel moves these packets, out of our sight: tcpdump -i "
				"shows an interface's, and 'tcpdump proto 47' those outside"));
		return;
	}
	struct tap *tap;
	struct tap_config config = {.loop = &host->loop,
		.subject = all ? 0 : seat_subject(seat),
		.outer = !inner,
		.inner = inner,
		.bytes = on_captured,
		.context = client};
	struct dataplane *outlet = manage_outlet(client);
	int error = outlet ? tap_start(&tap, &fanout_ops, outlet, &config) : -EBUSY;
	if (error) {
		if (outlet)
			fanout_ops.capture(outlet, NULL, NULL); /* gives it back */
		manage_error(client, "org.greyline.CaptureFailed",
			json_pack("{s:s}", "reason",
				error == -EBUSY ? "too many captures run" : strerror(-error)));
		return;
	}
	manage_own_tap(client, tap); /* first: a reply that fails closes the client and its tap */
	manage_reply(client, json_pack("{s:b}", "inner", inner));
}

static void method_reload(struct manage_client *client, json_t *parameters)
{
	struct host *host = manage_host(client);
	host->policy->hang_up(host);
	manage_reply(client, json_object());
}

static void method_info(struct manage_client *client, json_t *parameters)
{
	manage_reply(client, json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "Greyline",
				     "product", "greyline", "version", GREYLINE_VERSION, "url", "",
				     "interfaces", "org.varlink.service", "org.greyline"));
}

static const struct {
	const char *name;
	void (*run)(struct manage_client *client, json_t *parameters);
} methods[] = {
	{"org.greyline.Status", method_status},
	{"org.greyline.Sessions", method_sessions},
	{"org.greyline.Terminate", method_terminate},
	{"org.greyline.Capture", method_capture},
	{"org.greyline.Reload", method_reload},
	{"org.varlink.service.GetInfo", method_info},
};

void manage_call(struct manage_client *client, const char *method, json_t *parameters)
{
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (!strcmp(methods[i].name, method)) {
			methods[i].run(client, parameters);
			return;
		}
	manage_error(client, "org.varlink.service.MethodNotFound",
		json_pack("{s:o}", "method", text_json(method)));
}
