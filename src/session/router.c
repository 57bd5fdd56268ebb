/* Router Advertisements and Solicitations of one session (RFC 4861 §6.2, §6.3).
 *
 * Sessions that share an interface may have the same link-local address at our end, so that the
 * kernel cannot be asked to do this: the data path hands up what is about it, and the answers go
 * out as any packet of the session does, under its encryption.
 *
 * The side that has a prefix for its peer advertises it: a moment after IPv6 came up, twice more
 * within 16 seconds (§6.2.4), then in intervals, and when it is asked (§6.2.6; a bounded number of
 * times a second). The other side, unless it is a server, asks, three times at most (§6.3.7), and
 * takes what it is told. */
#include "router.h"

#include <string.h>

#include "advert.h"
#include "services.h"
#include "translate.h"
#include "tunnel.h"

enum { SOLICITATIONS = 3, INITIAL = 3 };

#define FIRST_AFTER   MS(100)
#define ANSWER_EVERY  MS(500)
#define INITIAL_EVERY SECONDS(8)
#define ASK_EVERY     SECONDS(4)
#define EVERY         SECONDS(450)

/* Seconds (RFC 4861 §6.2.1: three intervals, 30 days, 7 days). */
enum { ROUTER_LIFETIME = 1800, PREFIX_VALID = 2592000, PREFIX_PREFERRED = 604800 };

static bool advertises(const struct session *session)
{
	return session->facts.network.prefix6.length != 0;
}

void router_network(struct session *session, uint64_t now)
{
	struct router *router = &session->router;
	const struct unit_network *network = &session->facts.network;
	if (!network->ipv6) {
		*router = (struct router){.due = NEVER};
		session->facts.advert = (struct advert){0};
	} else if (router->due == NEVER && !router->sent &&
		   (advertises(session) || !session->config->unit.ask_address)) {
		router->due = now + FIRST_AFTER;
	}
}

static void advertise(struct session *session, uint64_t now, struct outbox *out)
{
	static const struct address all_nodes = {6, {0xff, 2, [15] = 1}};
	struct router *router = &session->router;
	const struct unit_network *network = &session->facts.network;
	const struct link_services *services = session->config->services;
	struct address from = ipv6cp_link_local(network->local6);
	struct advert advert = {.router_lifetime = ROUTER_LIFETIME,
		.mtu = session->facts.mtu,
		.prefix = network->prefix6,
		.valid = PREFIX_VALID,
		.preferred = PREFIX_PREFERRED};
	uint8_t packet[ADVERT_MAX];
	if (services) {
		advert.stateless = link_services_stateless(services);
		for (unsigned i = 0; i < ADVERT_DNS; i++)
			advert.dns[i] = services->dns6[i];
	}
	size_t length = advert_write(
		packet, &advert, services ? &services->search : NULL, &from, &all_nodes);
	services_send(session, packet, length, out);
	router->last = now;
	if (router->sent < INITIAL)
		router->sent++;
	router->due = now + (router->sent < INITIAL ? INITIAL_EVERY : EVERY);
}

static void solicit(struct session *session, uint64_t now, struct outbox *out)
{
	struct router *router = &session->router;
	struct address from = ipv6cp_link_local(session->facts.network.local6);
	uint8_t packet[ADVERT_MAX];
	services_send(session, packet, solicit_write(packet, &from), out);
	router->due = ++router->sent < SOLICITATIONS ? now + ASK_EVERY : NEVER;
}

void router_tick(struct session *session, uint64_t now, struct outbox *out)
{
	if (session->router.due > now)
		return;
	if (session->state != SESSION_UP)
		session->router.due = NEVER;
	else if (advertises(session))
		advertise(session, now, out);
	else
		solicit(session, now, out);
}

static bool same_advert(const struct advert *a, const struct advert *b)
{
	return address_equal(&a->prefix.address, &b->prefix.address) &&
	       !a->router_lifetime == !b->router_lifetime &&
	       address_equal(&a->dns[0], &b->dns[0]) && address_equal(&a->dns[1], &b->dns[1]);
}

static bool learn_search(struct session *session, const struct domains *search)
{
	struct link_client *client = session->client;
	if (!client || (client->search.length == search->length &&
			       !memcmp(client->search.bytes, search->bytes, search->length)))
		return false;
	client->search = *search;
	return true;
}

/* The network is the same as before; what is known of it is not. */
static void learn(struct session *session, const struct advert *advert,
	const struct domains *search, uint64_t now, struct outbox *out)
{
	struct router *router = &session->router;
	router->due = NEVER;
	router->sent = SOLICITATIONS;
	if (advert->stateless)
		services_inform(session, now);
	bool searches = learn_search(session, search);
	if (same_advert(&session->facts.advert, advert) && !searches)
		return;
	session->facts.advert = *advert;
	outbox_add(out, TUNNEL_SESSION_NETWORK, NULL, 0)->subject = session->subject;
}

/* The other end may be a router, or look for one, like us: that is its own affair. */
void router_packet(struct session *session, const uint8_t *packet, size_t length, uint64_t now,
	struct outbox *out)
{
	struct router *router = &session->router;
	struct advert advert;
	struct domains search;
	if (solicit_read(packet, length)) {
		if (!advertises(session))
			return;
		uint64_t at = router->last + ANSWER_EVERY;
		router->due = at > now ? at : now;
		router_tick(session, now, out);
	} else if (advert_read(&advert, &search, packet, length)) {
		if (!advertises(session))
			learn(session, &advert, &search, now, out);
	} else {
		emit_drop(session, DROP_FRAME_PROTOCOL, out);
	}
}
