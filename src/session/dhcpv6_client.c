/* DHCPv6 as a client (see dhcpv6_client.h). RFC 8415 §7.6 (times), §15 (repetition), §16 (what is
 * valid), §18.2 (what a client does), §18.2.10 (Replies); RFC 7084 §4.3 (a customer's router).
 *
 *   up ─▶ SOLICITS ─▶ REQUESTS ─▶ BOUND ─T1▶ RENEWS ─T2▶ REBINDS ─lost▶ SOLICITS
 *            └── rapid commit ──────▲  ▲────────┴───────────┘
 *   a router's O flag ─▶ INFORM ─▶ IDLE ─a day▶ INFORM
 *
 * Advertisements are weighed until the first wait is over, but for one with the highest preference;
 * the first one that offers a prefix is taken. A prefix that outlived its link, which nobody told
 * us is ours still, is asked for again by naming it in the Solicit. */
#include "dhcpv6_client.h"

#include "limits.h"

#define REFRESH   SECONDS(86400) /* RFC 8415 §21.23: IRT_DEFAULT */
#define DELAY_MAX SECONDS(1)

/* Times in seconds; 0: without end. */
struct pace {
	enum dhcpv6_type type;
	uint16_t first, most, tries;
};

static const struct pace *pace_of(enum dhcpv6_client_state state)
{
	static const struct pace paces[] = {
		[DHCPV6_INFORM] = {DHCPV6_INFORMATION_REQUEST, 1, 3600, 0},
		[DHCPV6_SOLICITS] = {DHCPV6_SOLICIT, 1, 3600, 0},
		[DHCPV6_REQUESTS] = {DHCPV6_REQUEST, 1, 30, 10},
		[DHCPV6_RENEWS] = {DHCPV6_RENEW, 10, 600, 0},
		[DHCPV6_REBINDS] = {DHCPV6_REBIND, 10, 600, 0}};
	return &paces[state];
}

static bool is_silent(enum dhcpv6_client_state state)
{
	return state == DHCPV6_IDLE || state == DHCPV6_BOUND;
}

/* `value` more or less by up to a tenth; `above`: never less (§15). */
static uint64_t about(uint64_t value, bool above, struct random *random)
{
	uint64_t tenth = value / 10, part = random_u32(random) % (tenth + 1);
	return above || random_u32(random) & 1 ? value + part : value - part;
}

static void enter(struct dhcpv6_client *client, enum dhcpv6_client_state state, uint64_t now,
	struct random *random)
{
	client->state = state;
	client->transaction = random_u32(random) & 0xffffff;
	client->tries = 0;
	client->wait = 0;
	client->due = now;
	client->until = NEVER;
	if (state == DHCPV6_SOLICITS)
		client->offer.count = 0;
	if (state == DHCPV6_RENEWS)
		client->until =
			client->rebind_at < client->lost_at ? client->rebind_at : client->lost_at;
	if (state == DHCPV6_REBINDS)
		client->until = client->lost_at;
}

static void wait_a_moment(struct dhcpv6_client *client, struct random *random)
{
	client->due += random_u32(random) % DELAY_MAX;
}

void dhcpv6_client_up(struct dhcpv6_client *client, uint64_t now, struct random *random)
{
	dhcpv6_client_down(client);
	if (client->lost_at <= now)
		client->held = (struct dhcpv6_prefix){.valid = 0};
	if (!client->wish.prefix)
		return;
	enter(client, DHCPV6_SOLICITS, now, random);
	wait_a_moment(client, random);
}

void dhcpv6_client_inform(struct dhcpv6_client *client, uint64_t now, struct random *random)
{
	if (client->state != DHCPV6_IDLE || client->due != NEVER || !client->wish.dns)
		return;
	enter(client, DHCPV6_INFORM, now, random);
	wait_a_moment(client, random);
}

void dhcpv6_client_down(struct dhcpv6_client *client)
{
	client->state = DHCPV6_IDLE;
	client->due = client->until = NEVER;
}

/* Messages. */

static void name_prefix(const struct dhcpv6_client *client, struct dhcpv6_message *out)
{
	struct dhcpv6_ia *ia = &out->ias[out->ia_count++];
	*ia = (struct dhcpv6_ia){.kind = DHCPV6_IA_PD, .iaid = client->wish.iaid};
	if (client->state == DHCPV6_REQUESTS && client->offer.count) {
		*ia = client->offer;
		ia->status = 0;
	} else if (client->held.prefix.length) {
		ia->prefixes[ia->count++].prefix = client->held.prefix;
	} else if (client->wish.length) {
		ia->prefixes[ia->count++].prefix =
			(struct prefix){.address = {.family = 6}, .length = client->wish.length};
	}
}

static void compose(
	const struct dhcpv6_client *client, enum dhcpv6_type type, struct dhcpv6_message *out)
{
	*out = (struct dhcpv6_message){
		.type = type, .transaction = client->transaction, .client = client->wish.duid};
	if (type == DHCPV6_REQUEST || type == DHCPV6_RENEW || type == DHCPV6_RELEASE)
		out->server = client->server;
	if (type != DHCPV6_INFORMATION_REQUEST)
		name_prefix(client, out);
	if (type != DHCPV6_RELEASE)
		out->wants = DHCPV6_WANTS_DNS | DHCPV6_WANTS_DOMAINS;
	out->rapid_commit = type == DHCPV6_SOLICIT;
}

static unsigned transmit(struct dhcpv6_client *client, uint64_t now, struct random *random,
	struct dhcpv6_message *out)
{
	const struct pace *pace = pace_of(client->state);
	bool first = client->tries == 0;
	if (first)
		client->began = now;
	uint64_t most = SECONDS(pace->most), elapsed = (now - client->began) / 10000;
	compose(client, pace->type, out);
	out->elapsed = elapsed < UINT16_MAX ? (uint16_t)elapsed : UINT16_MAX;
	uint64_t wait = first ? SECONDS(pace->first) : 2 * client->wait;
	if (wait > most)
		wait = most;
	client->wait = about(wait, first && client->state == DHCPV6_SOLICITS, random);
	client->due = now + client->wait;
	client->tries++;
	return DHCPV6_SEND;
}

/* Answers. */

static unsigned take_information(struct dhcpv6_client *client, const struct dhcpv6_message *in)
{
	if (!client->wish.dns)
		return 0;
	for (unsigned i = 0; i < DHCPV6_DNS; i++)
		client->dns[i] = in->dns[i];
	client->search = in->search;
	return DHCPV6_CHANGED;
}

static uint64_t after(uint64_t now, uint32_t seconds)
{
	return seconds == DHCPV6_FOREVER ? NEVER : now + SECONDS(seconds);
}

static unsigned forget(struct dhcpv6_client *client, uint64_t now, struct random *random)
{
	client->held = (struct dhcpv6_prefix){.valid = 0};
	enter(client, DHCPV6_SOLICITS, now, random);
	return DHCPV6_CHANGED;
}

static const struct dhcpv6_ia *find_ia(
	const struct dhcpv6_client *client, const struct dhcpv6_message *in)
{
	for (unsigned i = 0; i < in->ia_count; i++)
		if (in->ias[i].kind == DHCPV6_IA_PD && in->ias[i].iaid == client->wish.iaid)
			return &in->ias[i];
	return NULL;
}

static const struct dhcpv6_prefix *find_prefix(const struct dhcpv6_ia *ia)
{
	for (unsigned i = 0; ia && !ia->status && i < ia->count; i++)
		if (ia->prefixes[i].valid && ia->prefixes[i].prefix.length)
			return &ia->prefixes[i];
	return NULL;
}

/* T1 and T2 where the server leaves them to us: at a half and at four fifths (§21.21). No server
 * can make us ask all the time. */
static void bind(struct dhcpv6_client *client, const struct dhcpv6_ia *ia,
	const struct dhcpv6_prefix *prefix, uint64_t now)
{
	enum { LEAST = 10 };
	uint32_t useful = prefix->preferred ? prefix->preferred : prefix->valid;
	bool endless = useful == DHCPV6_FOREVER;
	uint32_t t1 = ia->t1 ? ia->t1 : endless ? DHCPV6_FOREVER : useful / 2;
	uint32_t t2 = ia->t2 ? ia->t2 : endless ? DHCPV6_FOREVER : useful / 5 * 4;
	client->held = *prefix;
	client->renew_at = after(now, t1 > LEAST ? t1 : LEAST);
	client->rebind_at = after(now, t2 > LEAST ? t2 : LEAST);
	client->lost_at = after(now, prefix->valid);
	client->state = DHCPV6_BOUND;
	client->due = client->renew_at;
	client->until = client->lost_at;
	client->offer.count = 0;
}

static unsigned take_reply(struct dhcpv6_client *client, const struct dhcpv6_message *in,
	uint64_t now, struct random *random, struct dhcpv6_message *out)
{
	const struct dhcpv6_ia *ia = find_ia(client, in);
	const struct dhcpv6_prefix *prefix = find_prefix(ia);
	if (client->state == DHCPV6_SOLICITS && !in->rapid_commit)
		return DHCPV6_DISCARD;
	if (in->status || !ia)
		return DHCPV6_DISCARD; /* it is asked again, in time */
	client->server = in->server;
	if (prefix) {
		bind(client, ia, prefix, now);
		return DHCPV6_CHANGED | take_information(client, in);
	}
	switch (client->state) {
	case DHCPV6_RENEWS:
	case DHCPV6_REBINDS:
		if (ia->status == DHCPV6_NO_BINDING) {
			enter(client, DHCPV6_REQUESTS, now, random);
			return transmit(client, now, random, out);
		}
		return ia->count ? forget(client, now, random) : DHCPV6_NO_LUCK;
	case DHCPV6_REQUESTS:
		enter(client, DHCPV6_SOLICITS, now, random);
		client->due = now + SECONDS(1);
		return DHCPV6_NO_LUCK;
	case DHCPV6_SOLICITS:
		return DHCPV6_NO_LUCK;
	case DHCPV6_IDLE:
	case DHCPV6_INFORM:
	case DHCPV6_BOUND:
		break;
	}
	return DHCPV6_DISCARD;
}

static unsigned take_advertise(struct dhcpv6_client *client, const struct dhcpv6_message *in,
	uint64_t now, struct random *random, struct dhcpv6_message *out)
{
	const struct dhcpv6_ia *ia = find_ia(client, in);
	if (client->state != DHCPV6_SOLICITS)
		return DHCPV6_DISCARD;
	if (in->status || !find_prefix(ia))
		return DHCPV6_NO_LUCK;
	if (!client->offer.count || in->first_choice) {
		client->offer = *ia;
		client->server = in->server;
	}
	if (!in->first_choice && client->tries < 2)
		return 0;
	enter(client, DHCPV6_REQUESTS, now, random);
	return transmit(client, now, random, out);
}

unsigned dhcpv6_client_input(struct dhcpv6_client *client, const struct dhcpv6_message *in,
	uint64_t now, struct random *random, struct dhcpv6_message *out)
{
	if (is_silent(client->state) || !client->tries || in->transaction != client->transaction ||
		!in->server.length || !dhcpv6_same_duid(&in->client, &client->wish.duid))
		return DHCPV6_DISCARD;
	if (in->type == DHCPV6_ADVERTISE)
		return take_advertise(client, in, now, random, out);
	if (in->type != DHCPV6_REPLY)
		return DHCPV6_DISCARD;
	if (client->state != DHCPV6_INFORM)
		return take_reply(client, in, now, random, out);
	client->state = DHCPV6_IDLE;
	client->due = now + REFRESH;
	return take_information(client, in);
}

/* From state to state, as far as their times are over. */
static unsigned advance(struct dhcpv6_client *client, uint64_t now, struct random *random)
{
	unsigned done = 0;
	for (;;) {
		if (client->until <= now && client->state == DHCPV6_RENEWS)
			enter(client, DHCPV6_REBINDS, now, random);
		else if (client->until <= now)
			done |= forget(client, now, random);
		else if (client->due <= now && client->state == DHCPV6_BOUND)
			enter(client, DHCPV6_RENEWS, now, random);
		else
			return done;
	}
}

unsigned dhcpv6_client_tick(struct dhcpv6_client *client, uint64_t now, struct random *random,
	struct dhcpv6_message *out)
{
	unsigned done = advance(client, now, random);
	if (client->due > now)
		return done;
	if (client->state == DHCPV6_IDLE)
		enter(client, DHCPV6_INFORM, now, random);
	else if (client->state == DHCPV6_SOLICITS && client->offer.count)
		enter(client, DHCPV6_REQUESTS, now, random);
	else if (pace_of(client->state)->tries && client->tries >= pace_of(client->state)->tries)
		enter(client, DHCPV6_SOLICITS, now, random);
	return done | transmit(client, now, random, out);
}

uint64_t dhcpv6_client_deadline(const struct dhcpv6_client *client)
{
	return client->due < client->until ? client->due : client->until;
}

static bool is_bound(const struct dhcpv6_client *client)
{
	return client->state == DHCPV6_BOUND || client->state == DHCPV6_RENEWS ||
	       client->state == DHCPV6_REBINDS;
}

struct dhcpv6_prefix dhcpv6_client_prefix(const struct dhcpv6_client *client)
{
	return is_bound(client) ? client->held : (struct dhcpv6_prefix){.valid = 0};
}

unsigned dhcpv6_client_release(
	struct dhcpv6_client *client, struct random *random, struct dhcpv6_message *out)
{
	if (!is_bound(client))
		return 0;
	client->transaction = random_u32(random) & 0xffffff;
	compose(client, DHCPV6_RELEASE, out);
	dhcpv6_client_down(client);
	client->held = (struct dhcpv6_prefix){.valid = 0};
	return DHCPV6_SEND | DHCPV6_CHANGED;
}
