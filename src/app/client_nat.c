/* Through a NAT that does not track PPTP: Call ID 0 (RFC 2637 §4.1, RFC 2784).
 *
 * A Linux NAT without its PPTP helper tells GRE flows of two hosts apart by a key, which it knows
 * for version 1 alone: the Call ID. The server's packets bear our Call ID and ours bear the
 * server's, so the NAT sees two flows where there is one, and nothing comes in. A packet of version
 * 0 has the key 0 in both directions: with our Call ID 0 what comes in belongs to its flow. The
 * data path sends one before the call and every NAT_OPEN_EVERY.
 *
 * So: where TCP works and no GRE came back (poptop hangs up at the first ICMP error that its own
 * GRE meets), one more attempt of that kind, at once. It is kept for later dials if it worked, and
 * forgotten if not. A NAT has one such flow to a server; the server refuses the second client of
 * its address with the same Call ID. The flow is forgotten after 30 s, after 180 s once it went
 * both ways: the keepalive is well inside. */
#include "client.h"
#include "log.h"
#include "narrate.h"
#include "peer.h"

/* The kernel's data plane has no Call ID 0. */
static bool may_change(const struct client *client)
{
	return client->settings->nat_fallback == NAT_FALLBACK_AUTO &&
	       client->settings->data_plane != DATA_PLANE_KERNEL;
}

void client_nat_configure(const struct client *client, struct tunnel_config *config)
{
	struct link_config *link = &config->session.link;
	config->session.nat = client->call_zero;
	if (may_change(client) && !client->call_zero && !client->listeners.count)
		config->session.silence_us = GRE_SILENCE_MAX;
	if (client->call_zero &&
		(!link->echo_interval_us || link->echo_interval_us > NAT_OPEN_EVERY))
		link->echo_interval_us = NAT_OPEN_EVERY;
}

void client_nat_start(struct client *client)
{
	client->call_zero = client->settings->nat_fallback == NAT_FALLBACK_ON;
}

bool client_nat_again(struct client *client)
{
	struct log *log = &client->host.log;
	if (client->was_up || client->listeners.count || !may_change(client))
		return false;
	if (client->call_zero) {
		log_line(log, LOG_LINE_WARNING, "Call ID 0 did not help%s reason=%s peer=%s",
			client->reason == CLOSE_CALL_REFUSED
				? ": the server does not take it, or has a call with it from "
				  "another client behind the same NAT"
				: "",
			close_word(client->reason), client->host_name);
		client->call_zero = false;
		return false;
	}
	if (!client->unheard)
		return false;
	log_line(log, LOG_LINE_WARNING,
		"TCP works but no GRE came back: trying Call ID 0, which a Linux NAT without PPTP "
		"tracking lets through (--nat-fallback) peer=%s",
		client->host_name);
	client->call_zero = true;
	return true;
}
