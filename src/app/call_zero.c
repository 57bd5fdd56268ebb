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
#include "call_zero.h"

#include "limits.h"

void call_zero_init(struct call_zero *zero, enum nat_fallback mode)
{
	*zero = (struct call_zero){.mode = mode, .now = mode == NAT_FALLBACK_ON};
}

void call_zero_configure(const struct call_zero *zero, struct tunnel_config *config)
{
	struct link_config *link = &config->session.link;
	config->session.nat = zero->now;
	if (zero->mode == NAT_FALLBACK_AUTO && !zero->now)
		config->session.silence_us = GRE_SILENCE_MAX;
	if (zero->now && (!link->echo_interval_us || link->echo_interval_us > NAT_OPEN_EVERY))
		link->echo_interval_us = NAT_OPEN_EVERY;
}

bool call_zero_again(struct call_zero *zero, const struct call_zero_try *how, struct log *log)
{
	if (how->up || zero->mode != NAT_FALLBACK_AUTO)
		return false;
	if (zero->now) {
		log_line(log, LOG_LINE_WARNING, "Call ID 0 did not help%s reason=%s peer=%s",
			how->reason == CLOSE_CALL_REFUSED
				? ": the server does not take it, or has a call with it from "
				  "another client behind the same NAT"
				: "",
			close_word(how->reason), how->peer);
		zero->now = false;
		return false;
	}
	if (!how->unheard)
		return false;
	log_line(log, LOG_LINE_WARNING,
		"TCP works but no GRE came back: trying Call ID 0, which a Linux NAT without PPTP "
		"tracking lets through (--nat-fallback) peer=%s",
		how->peer);
	zero->now = true;
	return true;
}
