/* DHCPv6 for the other end of a link (see dhcpv6_server.h). RFC 8415 §16 (what is valid), §18.3
 *
 * (what a server does).
 *
 * A point-to-point link has one router at its other end, and that router gets one prefix. The
 * association that asks for it has it; one with another IAID that asks later takes it over, which
 * is the same router after a new start. A second association in one message gets NoPrefixAvail, and
 * so does everybody when the pool is empty. There are no addresses here: those are made from the
 * advertised network, and who asks for one gets NoAddrsAvail. Relays have no place on the link.
 *
 * An answer carries what was asked for and is configured. The prefix is routed from the moment it
 * is offered: nobody else has it. */
#include "dhcpv6_server.h"

#include "limits.h"

#define OFFERED_FOR SECONDS(60)

static const struct dhcpv6_ia *find_pd(const struct dhcpv6_message *in, uint32_t iaid, bool any)
{
	for (unsigned i = 0; i < in->ia_count; i++)
		if (in->ias[i].kind == DHCPV6_IA_PD && (any || in->ias[i].iaid == iaid))
			return &in->ias[i];
	return NULL;
}

struct prefix dhcpv6_hint(const struct dhcpv6_message *in)
{
	const struct dhcpv6_ia *ia = find_pd(in, 0, true);
	return ia && ia->count ? ia->prefixes[0].prefix : (struct prefix){.length = 0};
}

void dhcpv6_lend(struct dhcpv6_lease *lease, const struct prefix *prefix, uint64_t now)
{
	*lease = (struct dhcpv6_lease){.prefix = *prefix, .until = now + OFFERED_FOR};
}

uint64_t dhcpv6_lease_deadline(const struct dhcpv6_lease *lease)
{
	return lease->prefix.length ? lease->until : NEVER;
}

bool dhcpv6_lease_tick(struct dhcpv6_lease *lease, uint64_t now)
{
	if (dhcpv6_lease_deadline(lease) > now)
		return false;
	*lease = (struct dhcpv6_lease){.until = 0};
	return true;
}

/* RFC 8415 §16. */
static bool is_valid(const struct link_services *services, const struct dhcpv6_message *in)
{
	bool ours = dhcpv6_same_duid(&in->server, &services->duid);
	switch (in->type) {
	case DHCPV6_SOLICIT:
	case DHCPV6_REBIND:
		return in->client.length && !in->server.length;
	case DHCPV6_REQUEST:
	case DHCPV6_RENEW:
	case DHCPV6_RELEASE:
	case DHCPV6_DECLINE:
		return in->client.length && ours;
	case DHCPV6_INFORMATION_REQUEST:
		return (!in->server.length || ours) && !in->ia_count;
	case DHCPV6_CONFIRM: /* of addresses, which are not ours to confirm (§18.3.3) */
	case DHCPV6_ADVERTISE:
	case DHCPV6_REPLY:
	case DHCPV6_RECONFIGURE:
		break;
	}
	return false;
}

/* Messages that ask for what is not there yet. A Rebind does when its router was here before: a
 * new session gives it what it had, or says that it is another's (§18.3.5). */
static bool asks(const struct dhcpv6_message *in)
{
	return in->type == DHCPV6_SOLICIT || in->type == DHCPV6_REQUEST ||
	       in->type == DHCPV6_REBIND;
}

static bool commits(const struct dhcpv6_message *in)
{
	return in->type != DHCPV6_SOLICIT || in->rapid_commit;
}

static void give(const struct link_services *services, struct dhcpv6_lease *lease, bool commit,
	uint64_t now, struct dhcpv6_ia *ia)
{
	uint32_t valid = services->delegated_for, preferred = valid / 2;
	uint64_t until = now + (commit ? SECONDS(valid) : OFFERED_FOR);
	if (until > lease->until)
		lease->until = until;
	ia->t1 = preferred / 2;
	ia->t2 = preferred / 5 * 4;
	ia->prefixes[ia->count++] = (struct dhcpv6_prefix){lease->prefix, preferred, valid};
}

/* Prefixes the client believes to have and has not. */
static void take_away(
	const struct dhcpv6_lease *lease, const struct dhcpv6_ia *asked, struct dhcpv6_ia *ia)
{
	for (unsigned i = 0; i < asked->count && ia->count < DHCPV6_PREFIXES; i++)
		if (!dhcpv6_same_prefix(&asked->prefixes[i].prefix, &lease->prefix))
			ia->prefixes[ia->count++] =
				(struct dhcpv6_prefix){.prefix = asked->prefixes[i].prefix};
}

static void answer_pd(const struct link_services *services, struct dhcpv6_lease *lease,
	const struct dhcpv6_message *in, const struct dhcpv6_ia *asked, uint64_t now,
	struct dhcpv6_ia *ia)
{
	bool held = lease->prefix.length && lease->iaid == asked->iaid;
	if (held)
		give(services, lease, commits(in), now, ia);
	else if (in->type == DHCPV6_RENEW || in->type == DHCPV6_REBIND)
		ia->status = DHCPV6_NO_BINDING;
	else
		ia->status = DHCPV6_NO_PREFIX_AVAIL;
	if (held && (in->type == DHCPV6_RENEW || in->type == DHCPV6_REBIND))
		take_away(lease, asked, ia);
}

static void answer_ias(const struct link_services *services, struct dhcpv6_lease *lease,
	const struct dhcpv6_message *in, uint64_t now, struct dhcpv6_message *answer)
{
	for (unsigned i = 0; i < in->ia_count; i++) {
		const struct dhcpv6_ia *asked = &in->ias[i];
		struct dhcpv6_ia *ia = &answer->ias[answer->ia_count++];
		*ia = (struct dhcpv6_ia){.kind = asked->kind, .iaid = asked->iaid};
		if (asked->kind == DHCPV6_IA_PD)
			answer_pd(services, lease, in, asked, now, ia);
		else
			ia->status = asks(in) && in->type != DHCPV6_REBIND ? DHCPV6_NO_ADDRS_AVAIL
									   : DHCPV6_NO_BINDING;
	}
}

/* Only what was not ours to release is named in the answer (§18.3.7, §18.3.8). */
static void answer_release(
	struct dhcpv6_lease *lease, const struct dhcpv6_message *in, struct dhcpv6_message *answer)
{
	for (unsigned i = 0; i < in->ia_count; i++) {
		const struct dhcpv6_ia *ia = &in->ias[i];
		if (ia->kind == DHCPV6_IA_PD && lease->prefix.length && ia->iaid == lease->iaid &&
			in->type == DHCPV6_RELEASE)
			*lease = (struct dhcpv6_lease){.until = 0};
		else
			answer->ias[answer->ia_count++] = (struct dhcpv6_ia){
				.kind = ia->kind, .iaid = ia->iaid, .status = DHCPV6_NO_BINDING};
	}
}

static void answer_wants(const struct link_services *services, const struct dhcpv6_message *in,
	struct dhcpv6_message *answer)
{
	for (unsigned i = 0; i < DHCPV6_DNS && in->wants & DHCPV6_WANTS_DNS; i++)
		answer->dns[i] = services->dns6[i];
	if (in->wants & DHCPV6_WANTS_DOMAINS)
		answer->search = services->search;
	if (in->wants & (DHCPV6_WANTS_SNTP | DHCPV6_WANTS_NTP))
		answer->ntp = services->ntp6;
}

enum dhcpv6_verdict dhcpv6_serve(const struct link_services *services, struct dhcpv6_lease *lease,
	const struct dhcpv6_message *in, bool asked, uint64_t now, struct dhcpv6_message *answer)
{
	if (!is_valid(services, in))
		return DHCPV6_SILENT;
	const struct dhcpv6_ia *first = find_pd(in, 0, true);
	if (asks(in) && first) {
		if (!lease->prefix.length && services->delegates && !asked)
			return DHCPV6_ASK;
		if (!find_pd(in, lease->iaid, false))
			lease->iaid = first->iaid;
	}
	*answer = (struct dhcpv6_message){.type = DHCPV6_REPLY,
		.transaction = in->transaction,
		.client = in->client,
		.server = services->duid};
	if (in->type == DHCPV6_RELEASE || in->type == DHCPV6_DECLINE) {
		answer_release(lease, in, answer);
		return DHCPV6_ANSWER;
	}
	if (in->type == DHCPV6_SOLICIT) {
		answer->rapid_commit = in->rapid_commit;
		answer->first_choice = !in->rapid_commit;
		if (!in->rapid_commit)
			answer->type = DHCPV6_ADVERTISE;
	}
	answer_ias(services, lease, in, now, answer);
	answer_wants(services, in, answer);
	return DHCPV6_ANSWER;
}
