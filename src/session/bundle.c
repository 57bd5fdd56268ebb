/* A bundle's life (see bundle.h). RFC 1990 §2 (what goes over the bundle and what over its links),
 * §5.1.3 (which links belong together), §6 (links that come and go).
 *
 * The bundle's session is driven by the functions of every session. It has no link to close: where
 * those want to hang up, its links are asked to end, and it is over when the last of them has left.
 *
 * Keys are those of the link that began the bundle: CCP runs once, over all of them. */
#include "bundle.h"

#include <assert.h>
#include <string.h>

#include "translate.h"

/* LCP inside the bundle: what does not change a link's state (§2) is heard by its first one. */
enum { LCP_CODE_REJECT = 7 };

static struct session *link_at(const struct bundle *bundle, unsigned n)
{
	return bundle->table.find(bundle->table.context, bundle->link[n]);
}

/* The session wanted to hang up: its links are to. */
static void settle(struct bundle *bundle, struct outbox *out)
{
	const struct session *session = bundle->session;
	if (!session->hang_up || bundle->hung_up || session->state == SESSION_OVER)
		return;
	bundle->hung_up = true;
	struct out_item *item = outbox_add(out, TUNNEL_HANG_UP, NULL, 0);
	item->subject = session->subject;
	item->arg = (uint16_t)session->closing;
}

static void attach(
	struct bundle *bundle, const struct session *first, uint16_t call_id, struct outbox *out)
{
	struct session *session = bundle->session;
	struct datapath_command command =
		session_attach_command(session, call_id, first->facts.ecn);
	command.attach.bundle = true;
	command.attach.mrru = bundle->terms.mrru;
	command.attach.receive_short = bundle->terms.ask_short;
	command.attach.send_short = bundle->terms.peer.short_sequence;
	emit_command(session, &command, NULL, 0, out);
}

static void frame(struct bundle *bundle, struct outbox *out)
{
	struct session *session = bundle->session;
	const struct session_config *config = session->config;
	uint16_t overhead = config->unit.mppe_allow ? MPPE_OVERHEAD : 0;
	uint16_t mtu = config->bundle_mtu ? config->bundle_mtu : (uint16_t)BUNDLE_MTU_DEFAULT;
	if (mtu > bundle->terms.peer.mrru - overhead)
		mtu = (uint16_t)(bundle->terms.peer.mrru - overhead);
	session->facts.peer_mru = bundle->terms.peer.mrru;
	session->facts.our_mru = bundle->terms.mrru;
	session->facts.mtu = mtu;
	unit_mtu(&session->unit, mtu);
	struct datapath_command command = {.kind = DATAPATH_FRAMING};
	command.framing.send_mru = bundle->terms.peer.mrru;
	command.framing.receive_mru = bundle->terms.mrru;
	command.framing.mtu = mtu;
	command.framing.compress_address = true; /* inside a fragment there is none (§3) */
	emit_command(session, &command, NULL, 0, out);
}

void bundle_init(struct bundle *bundle, struct session *session, uint32_t subject,
	struct session *first, const struct bundle_config *config, uint64_t now, struct outbox *out)
{
	assert(link_bundles(&first->link));
	bundle->session = session;
	bundle->table = config->table;
	bundle->terms = *first->link.multilink;
	bundle->limit = config->limit ? config->limit : BUNDLE_LINKS_MAX;
	session_borrow(session, first->client);
	session_borrow(first, NULL);
	session_init(session, config->session, subject, config->random, now);
	session->bundle = subject;
	session->state = SESSION_STARTING;
	session->setup_by = now + SESSION_SETUP_MAX;
	session->facts.method = first->facts.method;
	attach(bundle, first, config->call_id, out);
	frame(bundle, out);
}

bool bundle_takes(const struct bundle *bundle, const struct session *link)
{
	const struct lcp_multilink *ours = &bundle->terms, *its = link->link.multilink;
	return link_bundles(&link->link) && bundle->session->state != SESSION_FINISHING &&
	       bundle->session->state != SESSION_OVER && ours->mrru == its->mrru &&
	       ours->ask_short == its->ask_short && ours->peer.mrru == its->peer.mrru &&
	       ours->peer.short_sequence == its->peer.short_sequence &&
	       endpoint_equal(&ours->peer.endpoint, &its->peer.endpoint);
}

bool bundle_is_full(const struct bundle *bundle)
{
	return bundle->links >= bundle->limit;
}

static void begin(struct bundle *bundle, const struct link_identity *identity, uint64_t now,
	struct outbox *out)
{
	struct session *session = bundle->session;
	emit_start_keys(session, &identity->keys, out);
	OUTBOX(items, UNIT_OUT_ITEMS, UNIT_OUT_BYTES);
	unit_up(&session->unit, &identity->keys, now, &items);
	translate_unit(session, &items, now, out);
	settle(bundle, out);
}

void bundle_join(struct bundle *bundle, struct session *link, const struct link_identity *identity,
	uint64_t now, struct outbox *out)
{
	if (link->state != SESSION_STARTING || link->bundle || !bundle_takes(bundle, link) ||
		link->link.phase != PHASE_NETWORK || bundle_is_full(bundle))
		return;
	bundle->link[bundle->links++] = link->subject;
	link->bundle = bundle->session->subject;
	link->state = SESSION_UP;
	link->up_since = now;
	link->setup_by = NEVER;
	struct datapath_command command = {.kind = DATAPATH_BUNDLE};
	command.bundle.subject = bundle->session->subject;
	emit_command(link, &command, NULL, 0, out);
	if (bundle->links == 1)
		begin(bundle, identity, now, out);
}

static bool forget(struct bundle *bundle, uint32_t link)
{
	for (unsigned n = 0; n < bundle->links; n++)
		if (bundle->link[n] == link) {
			bundle->link[n] = bundle->link[--bundle->links];
			return true;
		}
	return false;
}

void bundle_leave(struct bundle *bundle, uint32_t link, enum close_reason reason, uint64_t now,
	struct outbox *out)
{
	struct session *session = bundle->session;
	if (!forget(bundle, link) || bundle->links)
		return;
	session_unit_down(session, now, out);
	session_over(session, reason, now, out);
}

void bundle_link_frame(struct bundle *bundle, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out)
{
	session_unit_frame(bundle->session, frame, length, now, out);
	settle(bundle, out);
}

void bundle_rejected(struct bundle *bundle, uint16_t protocol, uint64_t now, struct outbox *out)
{
	session_rejected(bundle->session, protocol, now, out);
	settle(bundle, out);
}

static void link_frame(struct session *session, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out)
{
	if (session->state == SESSION_FREE || session->state == SESSION_OVER)
		return;
	OUTBOX(items, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	if (!link_input(&session->link, frame, length, now, &items))
		link_reject(&session->link, frame, length, now, &items);
	translate_link(session, &items, now, out);
}

/* What the bundle's session has no use for: LCP, or a protocol that nobody speaks. */
static void to_link(struct bundle *bundle, const uint8_t *frame, size_t length, uint64_t now,
	struct outbox *out)
{
	struct reader r = reader_over(frame, length);
	struct session *link = bundle->links ? link_at(bundle, 0) : NULL;
	if (!link)
		return;
	if (read_u16(&r) == LCP && read_u8(&r) < LCP_CODE_REJECT)
		emit_drop(bundle->session, DROP_FRAME_PHASE, out);
	else
		link_frame(link, frame, length, now, out);
}

void bundle_frame(struct bundle *bundle, uint32_t epoch, const uint8_t *frame, size_t length,
	uint64_t now, struct outbox *out)
{
	if (!session_frame(bundle->session, epoch, frame, length, now, out))
		to_link(bundle, frame, length, now, out);
	settle(bundle, out);
}

void bundle_addresses(struct bundle *bundle, uint32_t token, const struct unit_addresses *addresses,
	uint64_t now, struct outbox *out)
{
	session_addresses(bundle->session, token, addresses, now, out);
	settle(bundle, out);
}

void bundle_delegate(struct bundle *bundle, const struct delegate_question *question,
	const struct prefix *prefix, uint64_t now, struct outbox *out)
{
	session_delegate(bundle->session, question, prefix, now, out);
	settle(bundle, out);
}

void bundle_close(struct bundle *bundle, enum close_reason reason, uint64_t now, struct outbox *out)
{
	session_close(bundle->session, reason, now, out);
	settle(bundle, out);
}

void bundle_alive(struct bundle *bundle, uint64_t heard, uint64_t active)
{
	session_alive(bundle->session, heard, active);
}

/* By its first link, in the name of which it is told. */
bool bundle_probe(struct bundle *bundle, uint64_t now, struct outbox *out)
{
	struct session *link = bundle->links ? link_at(bundle, 0) : NULL;
	return link && session_probe(link, now, out);
}

void bundle_traffic(struct bundle *bundle, const struct datapath_counters *counters)
{
	session_traffic(bundle->session, counters);
}

void bundle_renegotiate(struct bundle *bundle, uint64_t now, struct outbox *out)
{
	session_renegotiate(bundle->session, now, out);
	settle(bundle, out);
}

void bundle_keys_differ(struct bundle *bundle, uint64_t now, struct outbox *out)
{
	session_keys_differ(bundle->session, now, out);
	settle(bundle, out);
}

void bundle_tick(struct bundle *bundle, uint64_t now, struct outbox *out)
{
	session_tick(bundle->session, now, out);
	settle(bundle, out);
}

uint64_t bundle_deadline(const struct bundle *bundle)
{
	return session_deadline(bundle->session);
}
