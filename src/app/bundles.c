/* Bundles of the whole program (see bundles.h). RFC 1990 §5.1.3: a link belongs to the bundle whose
 * peer has the same discriminator and proved itself under the same name. */
#include "bundles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "narrate.h"
#include "peer_inner.h"
#include "profile.h"
#include "values.h"

void bundles_configure(const struct host *host, struct session_config *session)
{
	const struct settings *settings = host->settings;
	if (!settings->multilink && settings->links == 1)
		return;
	session->link.mrru = (uint16_t)settings->mrru;
	session->link.ask_short_sequence = settings->mpshortseq;
	session->link.endpoint = host->endpoint;
	if (settings->endpoint)
		value_endpoint(settings->endpoint, &session->link.endpoint);
	/* So that a full packet and what multilink puts in front of it pass the path in one. */
	session->bundle_mtu = session->mtu;
	if (!settings->mtu)
		session->bundle_mtu -= MULTILINK_OVERHEAD;
}

static struct session *find_session(void *context, uint32_t subject)
{
	struct host *host = context;
	struct seat *seat = seats_find(&host->seats, subject);
	return seat && !seat->over ? &seat->session : NULL;
}

bool bundles_is_own(const struct seat *seat)
{
	return seat->bundle && seat->bundle->seat == seat;
}

bool bundles_is_link(const struct seat *seat)
{
	return seat->bundle && seat->bundle->seat != seat;
}

unsigned bundles_links(const struct seat *seat)
{
	return bundles_is_own(seat) ? seat->bundle->bundle.links : 0;
}

static bool same_name(const struct seat *a, const struct seat *b)
{
	if (!a->user || !b->user)
		return a->user == b->user;
	return !strcmp(a->user, b->user);
}

static struct host_bundle *find(const struct seat *link)
{
	struct host_bundle *at = link->owner->bundles;
	while (at && !(at->seat && same_name(at->seat, link) &&
			     bundle_takes(&at->bundle, &link->session)))
		at = at->next;
	return at;
}

static bool same_endpoint(const struct endpoint *a, const struct seat *other)
{
	const struct lcp_multilink *terms =
		other->bundle ? &other->bundle->bundle.terms : other->session.link.multilink;
	return terms && terms->peer.mrru && endpoint_equal(a, &terms->peer.endpoint);
}

bool bundles_kin(const struct seat *seat, const struct seat *other)
{
	return link_bundles(&seat->session.link) &&
	       same_endpoint(&seat->session.link.multilink->peer.endpoint, other);
}

/* The interface that the first link may have brought is the bundle's from now on. */
static void hand_over(struct seat *from, struct seat *to)
{
	memcpy(to->interface, from->interface, sizeof to->interface);
	to->tun = from->tun;
	to->link = from->link;
	from->tun = -1;
	from->link = 0;
	to->outer = from->outer;
	to->gre = from->gre;
	to->method = from->method;
	to->user = from->user ? strdup(from->user) : NULL;
}

static struct host_bundle *create(struct seat *link)
{
	struct host *host = link->owner;
	struct host_bundle *made = calloc(1, sizeof *made);
	struct peer *peer = made ? peer_new(host) : NULL;
	struct seat *seat = peer ? peer_seat_fresh(peer) : NULL;
	if (!seat) {
		if (peer)
			peer_free(peer);
		free(made);
		return NULL;
	}
	made->peer = peer;
	made->seat = seat;
	made->next = host->bundles;
	host->bundles = made;
	peer->bundle = made;
	peer->address = link->peer->address;
	peer->local = link->peer->local;
	peer->config = profile_take(&host->profiles, link->peer->config);
	seat->bundle = made;
	if (peer->config->session.unit.ecp_key.length)
		seat->session.ecp = calloc(1, sizeof *seat->session.ecp);
	hand_over(link, seat);
	struct bundle_config config = {.session = &peer->config->session,
		.table = {find_session, host},
		.limit = (uint8_t)host->settings->max_links,
		.call_id = link->call_id,
		.random = &host->random};
	bundle_init(&made->bundle, &seat->session, seat_subject(seat), &link->session, &config,
		clock_now(), &host->out);
	peer_pump(peer);
	if (host->policy->bundled)
		host->policy->bundled(seat, link);
	return made;
}

static void refuse(struct seat *link, const char *why)
{
	log_peer(&link->owner->log, LOG_KIND_SESSION, LOG_LINE_WARNING, clock_now(),
		"Link not attached: %s peer=%s sid=%s", why, shown_address(&link->outer),
		link->sid);
	seat_close(link, CLOSE_CALL_LIMIT);
}

void bundles_join(struct seat *link, const struct link_identity *identity)
{
	if (!link->peer || !link_bundles(&link->session.link))
		return;
	struct host_bundle *bundle = find(link);
	bool fresh = !bundle;
	if (bundle && bundle_is_full(&bundle->bundle)) {
		refuse(link, "the bundle has as many as it may (--max-links)");
		return;
	}
	if (fresh)
		bundle = create(link);
	if (!bundle) {
		refuse(link, "no room for a bundle (--max-sessions)");
		return;
	}
	link->bundle = bundle;
	memcpy(link->interface, bundle->seat->interface, sizeof link->interface);
	narrate_link(link, bundle->seat, fresh);
	bundle_join(&bundle->bundle, &link->session, identity, clock_now(), &link->owner->out);
	peer_pump(bundle->peer);
	if (link->peer && link->owner->policy->linked)
		link->owner->policy->linked(link);
}

void bundles_leave(struct seat *link, enum close_reason reason)
{
	struct host_bundle *bundle = link->bundle;
	if (!bundles_is_link(link))
		return;
	link->bundle = NULL;
	if (!bundle->seat)
		return;
	narrate_unlink(link, bundle->seat);
	bundle_leave(&bundle->bundle, seat_subject(link), reason, clock_now(), &link->owner->out);
	peer_pump(bundle->peer);
}

void bundles_unit_frame(struct seat *link, const uint8_t *frame, size_t length)
{
	struct host_bundle *bundle = link->bundle;
	if (!bundles_is_link(link) || !bundle->seat)
		return;
	bundle_link_frame(&bundle->bundle, frame, length, clock_now(), &link->owner->out);
	peer_pump(bundle->peer);
}

void bundles_rejected(struct seat *link, uint16_t protocol)
{
	struct host_bundle *bundle = link->bundle;
	if (!bundles_is_link(link) || !bundle->seat)
		return;
	bundle_rejected(&bundle->bundle, protocol, clock_now(), &link->owner->out);
	peer_pump(bundle->peer);
}

/* Links that end leave the list they are taken from. */
static void end_links(
	struct seat *seat, enum close_reason reason, void (*end)(struct seat *, enum close_reason))
{
	struct host *host = seat->owner;
	uint32_t links[BUNDLE_LINKS_MAX];
	unsigned count = bundles_links(seat);
	if (!count)
		return;
	memcpy(links, seat->bundle->bundle.link, count * sizeof *links);
	for (unsigned n = 0; n < count; n++) {
		struct seat *link = seats_find(&host->seats, links[n]);
		if (link && !link->over)
			end(link, reason);
	}
}

void bundles_hang_up(struct seat *seat, enum close_reason reason)
{
	end_links(seat, reason, seat_close);
}

void bundles_cut(struct seat *seat, enum close_reason reason)
{
	end_links(seat, reason, seat_cut);
}

void bundles_forget(struct peer *peer)
{
	struct host_bundle **at = &peer->host->bundles;
	while (*at != peer->bundle)
		at = &(*at)->next;
	*at = peer->bundle->next;
	free(peer->bundle);
	peer->bundle = NULL;
}
