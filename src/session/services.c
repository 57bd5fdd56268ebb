/* The services of a link (see services.h): packets that the data path hands up instead of giving
 * them to the interface, and the answers, which go out as any packet of the session does, under
 * its encryption.
 *
 *   ICMPv6 133, 134 ─▶ router.c         135, 136, 128 and MLD, on a shared interface ─▶ neighbour.c
 *   UDP 547, 546    ─▶ dhcpv6_server.c, dhcpv6_client.c          UDP 67 of IPv4 ─▶ dhcp_inform.c
 *
 * Where each session has its interface the kernel does what neighbour.c does, and where there is
 * nothing to serve DHCPv6 is left to programs of the interface's own. RFC 8415 §7.1 (addresses),
 * §7.2 (ports). */
#include "services.h"

#include "dhcp_inform.h"
#include "ip_header.h"
#include "ip_packet.h"
#include "neighbour.h"
#include "router.h"
#include "translate.h"
#include "tunnel.h"

enum {
	IPV4_FRAME = 0x0021,
	IPV6_FRAME = 0x0057,
	ICMPV6_ROUTER_FIRST = 133,
	ICMPV6_ROUTER_LAST = 134
};

static const struct address all_servers = {6, {0xff, 2, [13] = 1, [15] = 2}};

static const struct link_services *serving(const struct session *session)
{
	const struct link_services *services = session->config->services;
	bool any = services && (link_services_stateless(services) || services->delegates);
	return any && session->config->unit.ipv6 ? services : NULL;
}

uint8_t services_wanted(const struct session *session)
{
	const struct link_services *services = session->config->services;
	uint8_t wanted = services && link_services_inform(services) ? DATAPATH_SERVE_DHCP : 0;
	if (!session->config->unit.ipv6)
		return wanted;
	if (session->config->shared)
		wanted |= DATAPATH_SERVE_LINK;
	if (serving(session))
		wanted |= DATAPATH_SERVE_DHCPV6;
	if (session->client)
		wanted |= DATAPATH_CLIENT_DHCPV6;
	return wanted;
}

void services_init(struct session *session)
{
	session->router.due = NEVER;
	if (!session->client)
		return;
	session->client->up = false;
	dhcpv6_client_down(&session->client->dhcpv6);
}

void services_send(
	struct session *session, const uint8_t *packet, size_t length, struct outbox *out)
{
	uint8_t frame[2 + IP_PACKET_MAX];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, length && packet[0] >> 4 == 4 ? IPV4_FRAME : IPV6_FRAME);
	write_bytes(&w, packet, length);
	if (length && !w.failed)
		emit_frame(session, frame, writer_length(&w), out);
}

struct prefix services_delegated(const struct session *session)
{
	return session->client ? dhcpv6_client_prefix(&session->client->dhcpv6).prefix
			       : session->lease.prefix;
}

static void send_dhcpv6(struct session *session, const struct dhcpv6_message *message,
	const struct address *to, struct outbox *out)
{
	bool server = message->type == DHCPV6_ADVERTISE || message->type == DHCPV6_REPLY;
	struct ip_packet head = {.source = ipv6cp_link_local(session->facts.network.local6),
		.destination = *to,
		.protocol = PROTOCOL_UDP,
		.hop_limit = 64,
		.from = server ? DHCPV6_SERVER_PORT : DHCPV6_CLIENT_PORT,
		.to = server ? DHCPV6_CLIENT_PORT : DHCPV6_SERVER_PORT};
	uint8_t packet[IP_PACKET_MAX];
	struct writer w = writer_over(packet, sizeof packet);
	ip_packet_begin(&w, &head);
	dhcpv6_write(&w, message);
	services_send(session, packet, ip_packet_end(&w), out);
}

/* The delegated prefix, or what is known of name servers, has changed. */
static void changed(struct session *session, struct outbox *out)
{
	if (session->state != SESSION_UP)
		return;
	emit_network(session, out);
	outbox_add(out, TUNNEL_SESSION_SERVICES, NULL, 0)->subject = session->subject;
}

/* As a server. */

static void ask_prefix(struct session *session, const struct ip_packet *ip,
	const struct dhcpv6_message *in, struct outbox *out)
{
	struct delegate_question question = {.hint = dhcpv6_hint(in),
		.from = ip->source,
		.length = (uint16_t)reader_left(&ip->body)};
	if (reader_left(&ip->body) > sizeof question.message) {
		emit_drop(session, DROP_FRAME_OPTIONS, out);
		return;
	}
	memcpy(question.message, ip->body.at, question.length);
	outbox_add(out, TUNNEL_DELEGATE, &question, sizeof question)->subject = session->subject;
}

static void serve(struct session *session, const struct ip_packet *ip, bool asked, uint64_t now,
	struct outbox *out)
{
	const struct link_services *services = serving(session);
	struct dhcpv6_message in, answer;
	struct prefix before = session->lease.prefix;
	if (!services || !dhcpv6_read(&in, ip->body)) {
		emit_drop(session, DROP_FRAME_OPTIONS, out);
		return;
	}
	switch (dhcpv6_serve(services, &session->lease, &in, asked, now, &answer)) {
	case DHCPV6_SILENT:
		emit_drop(session, DROP_FRAME_OPTIONS, out);
		return;
	case DHCPV6_ASK:
		ask_prefix(session, ip, &in, out);
		return;
	case DHCPV6_ANSWER:
		break;
	}
	if (asked || !dhcpv6_same_prefix(&before, &session->lease.prefix))
		changed(session, out); /* the route stands before the peer hears of it */
	send_dhcpv6(session, &answer, &ip->source, out);
}

void session_delegate(struct session *session, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out)
{
	struct ip_packet ip = {
		.source = question->from, .body = reader_over(question->message, question->length)};
	if (session->state != SESSION_UP || !session->facts.network.ipv6 || !serving(session))
		return;
	if (prefix->length && !session->lease.prefix.length)
		dhcpv6_lend(&session->lease, prefix, now);
	serve(session, &ip, true, now, out);
}

/* As a client. */

static void carry_out(struct session *session, unsigned done, const struct dhcpv6_message *message,
	struct outbox *out)
{
	if (done & DHCPV6_DISCARD)
		emit_drop(session, DROP_FRAME_ID, out);
	if (done & DHCPV6_NO_LUCK) {
		static const char words[] = "DHCPv6: the server has no prefix for us";
		emit_note(session->subject, true, words, sizeof words - 1, out);
	}
	if (done & DHCPV6_CHANGED)
		changed(session, out);
	if (done & DHCPV6_SEND)
		send_dhcpv6(session, message, &all_servers, out);
}

static void hear(
	struct session *session, const struct ip_packet *ip, uint64_t now, struct outbox *out)
{
	struct dhcpv6_message in, message;
	if (!session->client || !dhcpv6_read(&in, ip->body)) {
		emit_drop(session, DROP_FRAME_OPTIONS, out);
		return;
	}
	unsigned done = dhcpv6_client_input(
		&session->client->dhcpv6, &in, now, session->link.random, &message);
	carry_out(session, done, &message, out);
}

void services_inform(struct session *session, uint64_t now)
{
	if (session->client)
		dhcpv6_client_inform(&session->client->dhcpv6, now, session->link.random);
}

void services_end(struct session *session, struct outbox *out)
{
	struct dhcpv6_message message;
	if (!session->client || session->state != SESSION_UP || !session->facts.network.ipv6)
		return;
	unsigned done =
		dhcpv6_client_release(&session->client->dhcpv6, session->link.random, &message);
	carry_out(session, done & DHCPV6_SEND, &message, out);
}

/* Both. */

static void take_packet(struct session *session, const uint8_t *packet, size_t length, uint64_t now,
	struct outbox *out)
{
	struct address own = ipv6cp_link_local(session->facts.network.local6);
	uint8_t answer[IP_PACKET_MAX];
	struct ip_packet ip;
	if (!ip_packet_read(&ip, packet, length)) {
		emit_drop(session, DROP_FRAME_SHORT, out);
	} else if (ip.protocol == PROTOCOL_UDP) {
		if (ip.to == DHCPV6_SERVER_PORT)
			serve(session, &ip, false, now, out);
		else
			hear(session, &ip, now, out);
	} else if (ip.body.at[0] >= ICMPV6_ROUTER_FIRST && ip.body.at[0] <= ICMPV6_ROUTER_LAST) {
		router_packet(session, packet, length, now, out);
	} else {
		size_t size = neighbour_answer(answer, &ip, &own);
		services_send(session, answer, size, out);
		if (!size && !neighbour_chatter(&ip))
			emit_drop(session, DROP_FRAME_PROTOCOL, out);
	}
}

static void inform(
	struct session *session, const uint8_t *packet, size_t length, struct outbox *out)
{
	const struct unit_given *given = &session->unit.given;
	const struct dhcp_facts facts = {.own = session->facts.network.local4,
		.dns = {given->dns[0], given->dns[1]},
		.wins = {given->wins[0], given->wins[1]}};
	const struct link_services *services = session->config->services;
	uint8_t answer[IP_PACKET_MAX];
	struct ip_packet ip;
	size_t size = 0;
	if (services && ip_packet_read(&ip, packet, length))
		size = dhcp_inform_answer(answer, &ip, services, &facts);
	services_send(session, answer, size, out);
	if (!size)
		emit_drop(session, DROP_FRAME_OPTIONS, out);
}

bool services_frame(struct session *session, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out)
{
	struct reader r = reader_over(frame, length);
	uint16_t protocol = read_u16(&r);
	bool six = protocol == IPV6_FRAME;
	const struct unit_network *network = &session->facts.network;
	if (!(six && session->config->unit.ipv6) && protocol != IPV4_FRAME)
		return false;
	if (session->state != SESSION_UP || !(six ? network->ipv6 : network->ipv4))
		emit_drop(session, DROP_FRAME_PHASE, out);
	else if (six)
		take_packet(session, r.at, reader_left(&r), now, out);
	else
		inform(session, r.at, reader_left(&r), out);
	return true;
}

void services_network(struct session *session, uint64_t now)
{
	struct link_client *client = session->client;
	bool up = session->facts.network.ipv6;
	router_network(session, now);
	if (!client || client->up == up)
		return;
	client->up = up;
	client->search.length = 0;
	if (up)
		dhcpv6_client_up(&client->dhcpv6, now, session->link.random);
	else
		dhcpv6_client_down(&client->dhcpv6);
}

void services_tick(struct session *session, uint64_t now, struct outbox *out)
{
	router_tick(session, now, out);
	if (dhcpv6_lease_tick(&session->lease, now))
		changed(session, out);
	if (!session->client || dhcpv6_client_deadline(&session->client->dhcpv6) > now)
		return;
	struct dhcpv6_message message;
	unsigned done =
		dhcpv6_client_tick(&session->client->dhcpv6, now, session->link.random, &message);
	carry_out(session, done, &message, out);
}

uint64_t services_deadline(const struct session *session)
{
	uint64_t deadline = dhcpv6_lease_deadline(&session->lease);
	if (session->router.due < deadline)
		deadline = session->router.due;
	if (session->client && dhcpv6_client_deadline(&session->client->dhcpv6) < deadline)
		deadline = dhcpv6_client_deadline(&session->client->dhcpv6);
	return deadline;
}
