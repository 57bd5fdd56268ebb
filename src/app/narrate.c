/* The log lines of tunnels and sessions (see narrate.h). Words that other programs' users grep for
 * come first and stay as pppd writes them; key=value follows, always with the peer's address. */
#include "narrate.h"

#include <stdio.h>
#include <string.h>

#include "bundles.h"
#include "clock.h"
#include "packet_print.h"
#include "pptp_print.h"

/* A name in quotes and safe to print; valid until the fourth call from here. */
static const char *quoted(const void *bytes, size_t length)
{
	static char buffers[4][4 * PPP_NAME_MAX + 4];
	static unsigned next;
	char *buffer = buffers[next++ % 4];
	struct text t = text_over(buffer, sizeof buffers[0]);
	text_quoted(&t, bytes, length);
	return buffer;
}

static const char *quoted_user(const struct seat *seat)
{
	const char *name = seat->user ? seat->user : seat->claimed;
	return name ? quoted(name, strlen(name)) : "\"\"";
}

void narrate_message(const struct peer *peer, bool sent, const uint8_t *bytes, size_t length)
{
	char line[PPTP_LINE_MAX];
	struct text t = text_over(line, sizeof line);
	if (!peer->host->log.debug)
		return;
	pptp_print(&t, bytes, length);
	log_line(&peer->host->log, LOG_LINE_DEBUG, "%s PPTP %s peer=%s", sent ? "sent" : "rcvd",
		line, shown_address(&peer->address));
}

void narrate_frame(const struct seat *seat, bool sent, const uint8_t *bytes, size_t length)
{
	char line[1536];
	struct text t = text_over(line, sizeof line);
	struct log *log = &seat->peer->host->log;
	if (!log->debug)
		return;
	packet_print(&t, bytes, length);
	log_line(log, LOG_LINE_DEBUG, "%s %s peer=%s sid=%s", sent ? "sent" : "rcvd", line,
		shown_address(&seat->outer), seat->sid);
}

void narrate_note(const struct peer *peer, const struct seat *seat, bool warning, const char *text,
	size_t length)
{
	struct host *host = peer->host;
	enum log_level level = warning ? LOG_LINE_WARNING : LOG_LINE_INFO;
	if (seat)
		log_peer(&host->log, LOG_KIND_NOTE, level, clock_now(), "%.*s peer=%s sid=%s",
			(int)length, text, shown_address(&peer->address), seat->sid);
	else
		log_peer(&host->log, LOG_KIND_NOTE, level, clock_now(), "%.*s peer=%s", (int)length,
			text, shown_address(&peer->address));
}

void narrate_drop(const struct peer *peer, const struct seat *seat, enum drop drop)
{
	log_peer(&peer->host->log, LOG_KIND_DROP, LOG_LINE_WARNING, clock_now(),
		"Dropped: %s reason=%s peer=%s%s%s", drop_sentence(drop), drop_word(drop),
		shown_address(&peer->address), seat ? " sid=" : "", seat ? seat->sid : "");
}

void narrate_stranger(const struct seat *seat, const struct address *from)
{
	bool found = seat->session.config->gre_from_anywhere;
	const struct address *right = seat->gre.family ? &seat->gre : &seat->outer;
	log_peer(&seat->owner->log, LOG_KIND_DROP, LOG_LINE_WARNING, clock_now(),
		"Dropped: GRE of this session comes from %s, %s from %s%s reason=%s peer=%s sid=%s",
		shown_address(from), found ? "as well as" : "but its control connection",
		shown_address(right), found ? "" : ": only --gre-from-anywhere takes that",
		drop_word(DROP_GRE_PEER), shown_address(&seat->outer), seat->sid);
}

void narrate_gre_from(const struct seat *seat)
{
	log_peer(&seat->owner->log, LOG_KIND_NOTE, LOG_LINE_INFO, clock_now(),
		"GRE of this session comes from %s, its control connection from %s "
		"(--gre-from-anywhere) peer=%s sid=%s",
		shown_address(&seat->gre), shown_address(&seat->outer), shown_address(&seat->outer),
		seat->sid);
}

void narrate_connect(const struct seat *seat, const char *interface)
{
	struct log *log = &seat->owner->log;
	const char *peer = shown_address(&seat->outer);
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Using interface %s peer=%s sid=%s", interface, peer, seat->sid);
	if (!seat->outer.family) {
		log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"Connect: %s <--> %s peer=%s sid=%s", interface, peer, peer, seat->sid);
		return;
	}
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Connect: %s <--> pptp (%s) peer=%s call=%u sid=%s", interface, peer, peer,
		seat->call_id, seat->sid);
}

static const char *family(enum auth_method method)
{
	if (method & AUTH_EAP)
		return "EAP";
	return method == AUTH_PAP ? "PAP" : "CHAP";
}

/* Where we stand in for pppd, in its words as well: `before` NAME `after`, the name as
 * text_quoted() has it but without the quotes. */
static void say_as_pppd(const struct seat *seat, const struct auth_question *question,
	enum log_level level, const char *before, const char *after)
{
	const struct host *host = seat->peer->host;
	const char *name = quoted(question->name, question->name_length);
	if (host->settings->pppd.on)
		log_peer(&seat->peer->host->log, LOG_KIND_LOGIN, level, clock_now(), "%s%.*s%s",
			before, (int)strlen(name) - 2, name + 1, after);
}

void narrate_login(const struct seat *seat, const struct auth_question *question)
{
	char after[48];
	snprintf(after, sizeof after, " authenticated with %s", family(question->method));
	say_as_pppd(seat, question, LOG_LINE_INFO, "Peer ", after);
	log_peer(&seat->peer->host->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"%s authentication succeeded user=%s method=%s peer=%s sid=%s",
		family(question->method), quoted(question->name, question->name_length),
		auth_method_word(question->method), shown_address(&seat->outer), seat->sid);
}

void narrate_renewed(const struct seat *seat, const struct auth_question *question)
{
	log_peer(&seat->peer->host->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Password changed user=%s peer=%s sid=%s",
		quoted(question->name, question->name_length), shown_address(&seat->outer),
		seat->sid);
}

void narrate_login_failed(
	const struct seat *seat, const struct auth_question *question, const char *reason)
{
	struct log *log = &seat->peer->host->log;
	char after[48] = "";
	bool pap = question->method == AUTH_PAP;
	if (!pap)
		snprintf(
			after, sizeof after, " failed %s authentication", family(question->method));
	say_as_pppd(seat, question, LOG_LINE_WARNING,
		pap ? "PAP peer authentication failed for " : "Peer ", after);
	const char *name = quoted(question->name, question->name_length);
	const char *ip = shown_address(&seat->outer);
	log_peer(log, LOG_KIND_LOGIN, LOG_LINE_WARNING, clock_now(),
		"auth-fail user=%s ip=%s reason=%s method=%s peer=%s sid=%s", name, ip, reason,
		auth_method_word(question->method), ip, seat->sid);
}

void narrate_tls(const struct seat *seat, const char *name, const char *description)
{
	log_peer(&seat->owner->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"EAP-TLS: certificate of %s accepted (%s) peer=%s sid=%s",
		quoted(name, strlen(name)), description, shown_address(&seat->outer), seat->sid);
}

void narrate_tls_failed(const struct seat *seat, const struct auth_question *question,
	const char *word, const char *sentence)
{
	struct log *log = &seat->owner->log;
	const char *ip = shown_address(&seat->outer);
	if (question)
		log_peer(log, LOG_KIND_LOGIN, LOG_LINE_WARNING, clock_now(),
			"auth-fail user=%s ip=%s reason=%s method=EAP-TLS peer=%s sid=%s: %s",
			quoted(question->name, question->name_length), ip, word, ip, seat->sid,
			sentence);
	else
		log_peer(log, LOG_KIND_LOGIN, LOG_LINE_WARNING, clock_now(),
			"EAP-TLS: %s reason=%s peer=%s sid=%s", sentence, word, ip, seat->sid);
}

static void tell_address(const struct seat *seat, const char *what, uint32_t address)
{
	if (address)
		log_peer(&seat->owner->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"%s %s peer=%s sid=%s", what, shown_ipv4(address),
			shown_address(&seat->outer), seat->sid);
}

static void tell_ipv6(const struct seat *seat, const struct unit_network *network)
{
	struct log *log = &seat->owner->log;
	const char *peer = shown_address(&seat->outer);
	struct address local = ipv6cp_link_local(network->local6);
	struct address remote = ipv6cp_link_local(network->remote6);
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"local  LL address %s peer=%s sid=%s", shown_address(&local), peer, seat->sid);
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"remote LL address %s peer=%s sid=%s", shown_address(&remote), peer, seat->sid);
	if (network->prefix6.length)
		log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"remote IPv6 network %s/%u peer=%s sid=%s",
			shown_address(&network->prefix6.address), network->prefix6.length, peer,
			seat->sid);
}

void narrate_link(const struct seat *link, const struct seat *bundle, bool fresh)
{
	struct log *log = &link->owner->log;
	const char *peer = shown_address(&link->outer);
	const struct lcp_multilink *terms = link->session.link.multilink;
	char endpoint[128];
	struct text t = text_over(endpoint, sizeof endpoint);
	text_endpoint(&t, &terms->peer.endpoint);
	if (fresh)
		log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"New bundle %s created endpoint=[%s] mrru=%u/%u peer=%s sid=%s",
			bundle->interface, endpoint, terms->mrru, terms->peer.mrru, peer,
			bundle->sid);
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Link attached to %s bundle=%s peer=%s call=%u sid=%s", bundle->interface,
		bundle->sid, peer, link->call_id, link->sid);
}

void narrate_unlink(const struct seat *link, const struct seat *bundle)
{
	log_peer(&link->owner->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Link detached from %s bundle=%s links=%u peer=%s call=%u sid=%s",
		bundle->interface, bundle->sid, bundles_links(bundle) - 1,
		shown_address(&link->outer), link->call_id, link->sid);
}

void narrate_up(const struct seat *seat)
{
	const struct unit_network *network = seat_network(seat);
	tell_address(seat, "local  IP address", network->local4);
	tell_address(seat, "remote IP address", network->remote4);
	if (network->ipv6)
		tell_ipv6(seat, network);
	tell_address(seat, "primary   DNS address", network->dns[0]);
	tell_address(seat, "secondary DNS address", network->dns[1]);
}

static void tell_prefix(const struct seat *seat, const char *what, const struct prefix *prefix)
{
	if (prefix->length)
		log_peer(&seat->owner->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"%s %s/%u peer=%s sid=%s", what, shown_address(&prefix->address),
			prefix->length, shown_address(&seat->outer), seat->sid);
}

void narrate_delegated(const struct seat *seat, const struct prefix *before)
{
	tell_prefix(seat, "delegated IPv6 prefix has ended:", before);
	tell_prefix(seat, "delegated IPv6 prefix", &seat->delegated);
}

void narrate_over(const struct seat *seat)
{
	log_peer(&seat->owner->log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Session ends: %s reason=%s user=%s peer=%s sid=%s", close_sentence(seat->reason),
		close_word(seat->reason), quoted_user(seat), shown_address(&seat->outer),
		seat->sid);
}

void narrate_gone(const struct seat *seat)
{
	struct log *log = &seat->owner->log;
	const char *peer = shown_address(&seat->outer);
	if (seat->up_since) {
		uint64_t tenths = (seat->ended - seat->up_since) / SECONDS(6);
		log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"Connect time %llu.%llu minutes. peer=%s sid=%s",
			(unsigned long long)tenths / 10, (unsigned long long)tenths % 10, peer,
			seat->sid);
		log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
			"Sent %llu bytes, received %llu bytes. peer=%s sid=%s",
			(unsigned long long)seat->traffic.tx_bytes,
			(unsigned long long)seat->traffic.rx_bytes, peer, seat->sid);
	}
	log_peer(log, LOG_KIND_SESSION, LOG_LINE_INFO, clock_now(),
		"Connection terminated. reason=%s peer=%s sid=%s", close_word(seat->reason), peer,
		seat->sid);
}
