/* What both ends must agree on (see judge.h). */
#include "judge.h"

#include <string.h>

#include "bundles.h"
#include "check.h"
#include "dese.h"
#include "services.h"
#include "world.h"

enum { PROOF_PACKETS = 6, PROOF_LENGTH = 90 };

static bool mine(const struct seat *seat, const struct side *side)
{
	return seat->used && seat->side == side;
}

/* Bits may have flipped in what was agreed: then only time is judged. */
static bool trusted(const struct pair *pair)
{
	return pair->scenario.weather != WEATHER_CORRUPT && !pair->scenario.hostile;
}

static void judge_keys(const struct seat *seat, const struct seat *other)
{
	const char *name = seat->side->host->name;
	const struct unit_network *ours = &seat->session.facts.network;
	const struct mppe *sender = &seat->datapath.transmit, *taker = &other->datapath.receive;
	if (seat->side->config->session.unit.mppe_require && ours->strength == MPPE_NONE)
		fail("%s: open without the required encryption", name);
	if (ours->strength != sender->chain.strength ||
		(ours->strength && ours->stateless != sender->stateless))
		fail("%s: said to encrypt with %d bits, does with %d", name, ours->strength,
			sender->chain.strength);
	/* One that sends in clear may meet a receiver left armed for what is still on its way:
	 * whether it is heard, the proof tells. */
	if (sender->chain.strength && (sender->chain.strength != taker->chain.strength ||
					      sender->stateless != taker->stateless))
		fail("%s: the ends disagree on encryption: %d %d, %d %d", name,
			sender->chain.strength, sender->stateless, taker->chain.strength,
			taker->stateless);
	if (seat->side->keys_lost || other->side->keys_lost)
		return;
	if (memcmp(sender->chain.start, taker->chain.start, sender->chain.length) != 0)
		fail("%s: the ends have different keys", name);
}

static const struct dese *cipher_of(const struct seat *seat, enum layer_way way)
{
	const struct layers *layers = seat->datapath.layers;
	if (!layers || !layers->memory[LAYER_CIPHER][way])
		return NULL;
	return (const struct dese *)layers->memory[LAYER_CIPHER][way]->bytes;
}

/* ECP by both ends or by none, and by one key. */
static void judge_ecp(const struct seat *seat, const struct seat *other)
{
	const char *name = seat->side->host->name;
	bool ecp = seat->session.facts.network.ecp;
	const struct dese *sender = cipher_of(seat, LAYER_TRANSMIT);
	const struct dese *taker = cipher_of(other, LAYER_RECEIVE);
	if (ecp != (seat->side->config->session.unit.ecp_key.length != 0) || ecp != !!sender ||
		ecp != !!taker)
		fail("%s: ECP is %s", name, ecp ? "said and not done" : "missing");
	if (ecp && (memcmp(&sender->des, &taker->des, sizeof sender->des) != 0) !=
			   seat->side->scenario->ecp_keys_differ)
		fail("%s: the ends' keys of ECP", name);
}

/* What is compressed is read with the same method at the other end. */
static void judge_codec(const struct seat *seat, const struct seat *other)
{
	const char *name = seat->side->host->name;
	const struct layers *sender = seat->datapath.layers, *taker = other->datapath.layers;
	const struct codec_params *ours = &seat->session.facts.compress;
	if ((sender && sender->codec[LAYER_TRANSMIT].ops) != (ours->method != CODEC_NONE))
		fail("%s: said to compress, and does not, or the other way round", name);
	tally.codecs[ours->method]++;
	if (!ours->method)
		return;
	if (seat->side->config->session.unit.mppe_require && ours->method != CODEC_MPPC)
		fail("%s: compresses where it must encrypt", name);
	const struct layer_codec *codec = taker ? &taker->codec[LAYER_RECEIVE] : NULL;
	if (!codec || codec->params.method != ours->method || codec->params.bits < ours->bits ||
		codec->params.stateless != ours->stateless ||
		codec->params.encrypted != ours->encrypted)
		fail("%s: the ends disagree on compression: method %d, %d", name, ours->method,
			codec ? (int)codec->params.method : -1);
}

static bool can_ipv6(const struct seat *seat)
{
	return seat->side->config->session.unit.ipv6 && seat->session.facts.mtu >= IPV6_MTU_MIN;
}

/* What the server says the client has is what the client believes to have; in fair weather it has
 * one where both want that. */
static void judge_prefix(const struct pair *pair, const struct seat *seat, const struct seat *other)
{
	const struct scenario *scenario = &pair->scenario;
	struct prefix ours = services_delegated(&seat->session);
	struct prefix theirs = services_delegated(&other->session);
	bool both = seat->session.facts.network.ipv6 && other->session.facts.network.ipv6 &&
		    scenario->server.session.services && scenario->services.delegates &&
		    scenario->wish.prefix && !scenario->no_prefix;
	if (ours.length && theirs.length && !dhcpv6_same_prefix(&ours, &theirs))
		fail("%s: the ends disagree on the prefix", seat->side->host->name);
	if (ours.length && !scenario->services.delegates)
		fail("%s: a prefix out of nowhere", seat->side->host->name);
	if (scenario->plain && scenario->weather == WEATHER_FAIR && both && !ours.length)
		fail("%s: no prefix, though both ends want it", seat->side->host->name);
	tally.delegated += ours.length != 0;
}

/* Up at both ends or at none, except that one may have given up where much was lost. */
static void judge_ipv6(const struct pair *pair, const struct seat *seat, const struct seat *other)
{
	const char *name = seat->side->host->name;
	const struct unit_network *ours = &seat->session.facts.network;
	const struct unit_network *theirs = &other->session.facts.network;
	if (ours->ipv6 && !can_ipv6(seat))
		fail("%s: IPv6 is up that cannot be", name);
	if (ours->ipv6 && theirs->ipv6 &&
		(ours->local6 != theirs->remote6 || ours->local6 == ours->remote6))
		fail("%s: the ends disagree on interface identifiers", name);
	if (pair->scenario.plain && !ours->ipv6 && can_ipv6(seat) && can_ipv6(other))
		fail("%s: IPv6 is not up at two ends that can", name);
	if (pair->scenario.plain && pair->scenario.weather == WEATHER_FAIR && ours->ipv6 &&
		!address_equal(
			&seat->session.facts.advert.prefix.address, &theirs->prefix6.address))
		fail("%s: the advertised network is not the one that was given", name);
	judge_prefix(pair, seat, other);
	tally.ipv6 += ours->ipv6;
}

/* Nobody is sent what he cannot take (RFC 1332 §4). */
static void judge_headers(const struct seat *seat, const struct seat *other)
{
	const struct ipcp_vj *sent = &seat->session.facts.network.transmit_vj;
	const struct ipcp_vj *taken = &other->session.facts.network.receive_vj;
	const struct ipcp_vj *able = &seat->side->config->session.unit.vj;
	if (sent->slots > taken->slots || sent->slots > able->slots ||
		(sent->omit_slot && !(taken->omit_slot && able->omit_slot)))
		fail("%s: compresses the headers of %u connections, %u are understood",
			seat->side->host->name, sent->slots, taken->slots);
}

static void judge_open(const struct pair *pair, const struct seat *seat)
{
	const char *name = seat->side->host->name;
	const struct seat *other = seat->other;
	if (pair->holes)
		fail("%s: a session outlived its hole", name);
	if (!trusted(pair))
		return;
	if (!other || other->session.state != SESSION_UP)
		fail("%s: a session is open at one end only", name);
	const struct session_facts *ours = &seat->session.facts, *theirs = &other->session.facts;
	bool link = seat->session.bundle && !bundles_is_own(seat); /* which has no network */
	if (!link)
		judge_ipv6(pair, seat, other);
	if (ours->network.ipv4 != theirs->network.ipv4)
		fail("%s: the ends disagree on IPv4", name);
	if (ours->network.local4 != theirs->network.remote4 ||
		ours->network.remote4 != theirs->network.local4)
		fail("%s: the ends disagree on addresses", name);
	if (ours->network.ipv4 && (!ours->network.local4 || !ours->network.remote4))
		fail("%s: open without an address", name);
	if (ours->peer_mru != theirs->our_mru)
		fail("%s: the ends disagree on the MRU: %u, %u", name, ours->peer_mru,
			theirs->our_mru);
	if (link)
		return;
	judge_keys(seat, other);
	judge_headers(seat, other);
	judge_ecp(seat, other);
	judge_codec(seat, other);
}

static uint32_t found_full(const struct seat *seat)
{
	return seat->datapath.counters.drops[DROP_WINDOW_FULL];
}

/* The pool was too small for the pieces of one packet: they wait for each other there. */
static bool lacked_room(const struct seat *seat)
{
	return seat->session.bundle && seat->datapath.counters.drops[DROP_HOLD_FULL];
}

/* A wire that loses nothing, and nobody who interferes. */
static void judge_complete(const struct pair *pair, const struct seat *seat)
{
	const struct flow *flow = &seat->out;
	if (!pair->scenario.plain || pair->scenario.weather != WEATHER_FAIR ||
		pair->scenario.nudges || found_full(seat) ||
		(seat->other && lacked_room(seat->other)))
		return;
	/* One that is not yet up has not heard the headers that later ones refer to. */
	if (flow->promised && seat->session.facts.network.transmit_vj.slots)
		return;
	for (uint32_t i = flow->promised; i < flow->sent; i++)
		if (!flow_seen(flow, i))
			fail("%s: packet %u of %u was lost on a wire that loses nothing",
				seat->side->host->name, i, flow->sent);
}

static int judge_side(const struct pair *pair, const struct side *side)
{
	int open = 0;
	for (int i = 0; i < SEATS; i++) {
		const struct seat *seat = &side->host->seats[i];
		if (!mine(seat, side))
			continue;
		if (seat->session.state != SESSION_UP)
			fail("%s: a session is still %s", side->host->name,
				session_state_word(seat->session.state));
		judge_open(pair, seat);
		judge_complete(pair, seat);
		open += !bundles_is_own(seat);
	}
	return open;
}

/* Nobody interfered with this one: everything it sent has arrived. */
static void judge_bystander(const struct pair *pair)
{
	for (int i = 0; i < SEATS; i++) {
		const struct seat *seat = &pair->client.host->seats[i];
		if (!mine(seat, &pair->client))
			continue;
		const struct flow *up = &seat->out, *down = &seat->other->out;
		if (seat->left || seat->other->left || up->received != up->sent ||
			down->received != down->sent)
			fail("bystander: lost %u of %u and %u of %u packets",
				up->sent - up->received, up->sent, down->sent - down->received,
				down->sent);
	}
}

void judge_settled(struct world *world)
{
	for (int i = 0; i < world->pair_count; i++) {
		struct pair *pair = &world->pairs[i];
		const struct scenario *scenario = &pair->scenario;
		int open = judge_side(pair, &pair->client);
		int served = judge_side(pair, &pair->server);
		if (trusted(pair) && open != served)
			fail("%d sessions are open at the client, %d at the server", open, served);
		tally.still_open += (uint64_t)open;
		if (scenario->plain) {
			tally.plain++;
			tally.plain_opened += open == scenario->calls;
		}
		if (i == 1) {
			tally.hostile++;
			if (open != scenario->calls)
				fail("a bystander's session did not open, or was closed");
			tally.healthy_opened++;
			judge_bystander(pair);
		}
	}
}

static void judge_arrived(const struct seat *seat)
{
	const struct flow *flow = &seat->out;
	if (found_full(seat) != seat->proof_full)
		return; /* the pool in which they would have waited was empty */
	for (uint32_t i = flow->sent - PROOF_PACKETS; i < flow->sent; i++)
		if (!flow_seen(flow, i))
			fail("%s: both ends are open, the wire is clean, and packet %u of %u does "
			     "not arrive",
				seat->side->host->name, i, flow->sent);
}

static void prove_side(const struct pair *pair, struct side *side, bool last)
{
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (!mine(seat, side) || seat->over || !seat->datapath.ipv4)
			continue;
		if (!last)
			seat->proof_full = found_full(seat);
		if (!last)
			host_send(side->host, seat, PROOF_PACKETS, PROOF_LENGTH);
		else if (trusted(pair) && !side->keys_lost && !side->other->keys_lost &&
			 !pair->scenario.ecp_keys_differ && seat->other &&
			 seat->other->datapath.ipv4)
			judge_arrived(seat);
	}
}

void judge_proof(struct world *world, bool last)
{
	for (int i = 0; i < world->pair_count; i++) {
		prove_side(&world->pairs[i], &world->pairs[i].client, last);
		prove_side(&world->pairs[i], &world->pairs[i].server, last);
	}
}

static void judge_host(struct host *host)
{
	for (int i = 0; i < SEATS; i++)
		if (host->seats[i].used)
			fail("%s: a session is left: %s", host->name,
				session_state_word(host->seats[i].session.state));
	if (host->pool.used)
		fail("%s: %u held packets are left", host->name, host->pool.used);
	if (host->prefixes.entries)
		fail("%s: %u routes are left", host->name, host->prefixes.entries);
	for (int i = 0; i < DROP_COUNT; i++)
		tally.drops[i] += host->engine.drops[i];
}

void judge_end(struct world *world)
{
	for (int i = 0; i < world->pair_count; i++) {
		struct pair *pair = &world->pairs[i];
		if (!pair->client.down || !pair->server.down)
			fail("%s: the tunnel is still there",
				pair->client.down ? "server" : "client");
		judge_host(&world->clients[i]);
	}
	judge_host(&world->server);
}
