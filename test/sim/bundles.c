/* Bundles in the simulation (see bundles.h): a seat of their own beside those of their links, and
 * the other end's to talk to. */
#include "bundles.h"

#include <assert.h>
#include <string.h>

#include "check.h"
#include "world.h"

enum { PENDING = 64 };

static struct pending {
	struct side *side;
	uint16_t kind, arg, length;
	uint32_t subject;
	_Alignas(8) uint8_t bytes[PPP_FRAME_MAX];
} pending[PENDING];
static unsigned pending_count;

void bundles_reset(void)
{
	pending_count = 0;
}

bool bundles_is_own(const struct seat *seat)
{
	return seat->bundle_seat == seat;
}

bool bundles_take(struct side *side, const struct outbox *from, const struct out_item *item)
{
	switch ((int)item->kind) {
	case TUNNEL_JOIN:
	case TUNNEL_LEAVE:
	case TUNNEL_UNIT_FRAME:
	case TUNNEL_UNIT_REJECTED:
	case TUNNEL_HANG_UP:
	case TUNNEL_ANSWERED:
		break;
	default:
		return false;
	}
	if (pending_count == PENDING || item->length > sizeof pending[0].bytes)
		fail("%s: too much about bundles", side->host->name);
	struct pending *p = &pending[pending_count++];
	*p = (struct pending){.side = side,
		.kind = item->kind,
		.arg = item->arg,
		.subject = item->subject,
		.length = (uint16_t)item->length};
	memcpy(p->bytes, outbox_bytes(from, item), item->length);
	return true;
}

/* The bundle at the other end of a link is the one to talk to. Where that was another before, the
 * two ends have begun their bundles with different links, and so with different keys. */
static void meet(struct seat *link)
{
	if (!link->other || !link->other->bundle_seat)
		return;
	struct seat *a = link->bundle_seat, *b = link->other->bundle_seat;
	if ((a->met && a->other != b) || (b->met && b->other != a))
		a->side->keys_lost = b->side->keys_lost = true;
	a->other = b;
	b->other = a;
	a->met = b->met = true;
}

static struct seat *find(struct side *side, const struct seat *link)
{
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (seat->used && !seat->over && seat->side == side && bundles_is_own(seat) &&
			bundle_takes(&seat->bundle, &link->session))
			return seat;
	}
	return NULL;
}

static struct seat *create(struct side *side, struct seat *link, struct outbox *out)
{
	struct seat *seat = host_take_seat(side->host, side, &side->world->dice);
	if (!seat)
		fail("%s: no seat is left for a bundle", side->host->name);
	struct session_table table = {.find = host_find, .context = side->host};
	struct bundle_config config = {.session = &side->config->session,
		.table = table,
		.call_id = link->call_id,
		.random = &side->host->random};
	uint32_t subject = seat->session.subject;
	seat->session.subject = 0;
	seat->bundle_seat = seat;
	seat->call_id = 0;
	seat->connect_said = true;
	bundle_init(&seat->bundle, &seat->session, subject, &link->session, &config,
		side->world->now, out);
	say(side, seat, "a new bundle");
	tally.bundles++;
	return seat;
}

static void join(struct side *side, struct seat *link, const struct pending *p, struct outbox *out)
{
	struct link_identity identity;
	assert(p->length == sizeof identity);
	memcpy(&identity, p->bytes, sizeof identity);
	if (!link_bundles(&link->session.link))
		return;
	struct seat *seat = find(side, link);
	if (!seat)
		seat = create(side, link, out);
	bundle_join(&seat->bundle, &link->session, &identity, side->world->now, out);
	if (!link->session.bundle)
		return;
	link->bundle_seat = seat;
	tally.joined++;
	if (seat->opened)
		side_dial_next(side);
	meet(link);
}

static void leave(struct side *side, struct seat *link, const struct pending *p, struct outbox *out)
{
	struct seat *seat = link->bundle_seat;
	if (!seat || seat->over)
		return;
	link->bundle_seat = NULL;
	bundle_leave(&seat->bundle, p->subject, (enum close_reason)p->arg, side->world->now, out);
}

static void hang_up(struct side *side, struct seat *seat, const struct pending *p)
{
	uint32_t links[BUNDLE_LINKS_MAX];
	unsigned count = seat->bundle.links;
	memcpy(links, seat->bundle.link, sizeof links);
	for (unsigned n = 0; n < count; n++) {
		struct seat *link = host_seat(side->host, links[n]);
		if (link && !link->over)
			side_close(side, link, (enum close_reason)p->arg);
	}
}

bool bundles_next(struct side *side, struct outbox *out)
{
	if (!pending_count || pending[0].side != side)
		return false;
	static struct pending p;
	p = pending[0];
	memmove(pending, pending + 1, --pending_count * sizeof *pending);
	struct seat *seat = host_seat(side->host, p.subject);
	if (!seat || (seat->over && p.kind != TUNNEL_LEAVE))
		return true;
	struct seat *bundle = seat->bundle_seat;
	uint64_t now = side->world->now;
	if (p.kind == TUNNEL_JOIN)
		join(side, seat, &p, out);
	else if (p.kind == TUNNEL_LEAVE)
		leave(side, seat, &p, out);
	else if (p.kind == TUNNEL_HANG_UP)
		hang_up(side, seat, &p);
	else if (bundle && !bundle->over && p.kind == TUNNEL_UNIT_FRAME)
		bundle_link_frame(&bundle->bundle, p.bytes, p.length, now, out);
	else if (bundle && !bundle->over && p.kind == TUNNEL_UNIT_REJECTED)
		bundle_rejected(&bundle->bundle, p.arg, now, out);
	return true;
}

uint64_t bundles_deadline(const struct side *side)
{
	uint64_t deadline = NEVER;
	for (int i = 0; i < SEATS; i++) {
		const struct seat *seat = &side->host->seats[i];
		if (!seat->used || seat->over || seat->side != side || !bundles_is_own(seat))
			continue;
		uint64_t due = bundle_deadline(&seat->bundle);
		deadline = due < deadline ? due : deadline;
	}
	return deadline;
}

struct seat *bundles_due(struct side *side, uint64_t now)
{
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (seat->used && !seat->over && seat->side == side && bundles_is_own(seat) &&
			bundle_deadline(&seat->bundle) <= now)
			return seat;
	}
	return NULL;
}
