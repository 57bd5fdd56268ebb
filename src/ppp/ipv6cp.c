/* IPV6CP (see ipv6cp.h). RFC 5072 §4 (options), §5 (link-local addresses).
 *
 * Each side names 64 bits that make its link-local address; all else about IPv6 comes over the link
 * (Router Advertisements, DHCPv6). Ours are drawn with the u bit clear (§4.1) and kept as long as
 * the unit lives. An identifier of 0, one that equals ours, and none at all are answered with a Nak
 * that offers another; a Nak for ours is taken, unless it offers what cannot be: then we draw
 * again, so that two ends that drew the same part (§4.1, collisions and loops). Where identifiers
 * are configured they are insisted on, unless others may do.
 *
 * Where this departs from RFC 1661 §4.6: an identifier that cannot be is never rejected, because a
 * peer without the option would keep it; with one that insists the negotiation ends, and IPv4 goes
 * on without it. Nor does any other end of IPV6CP end a unit that has, or may get, IPv4. */
#include "ipv6cp.h"

#include "protocol.h"
#include "unit.h"
#include "unit_inner.h"

enum ipv6cp_option { OPTION_IDENTIFIER = 1, OPTION_COMPRESSION = 2 };
enum { IDENTIFIER_LENGTH = 10 };

#define UNIVERSAL (UINT64_C(2) << 56) /* the u bit: from a hardware address, which we have not */

static uint64_t draw(struct random *random)
{
	uint64_t identifier;
	do {
		identifier = (uint64_t)random_u32(random) << 32;
		identifier = (identifier | random_u32(random)) & ~UNIVERSAL;
	} while (!identifier);
	return identifier;
}

static uint64_t draw_unlike(struct random *random, uint64_t other)
{
	uint64_t identifier;
	do
		identifier = draw(random);
	while (identifier == other);
	return identifier;
}

struct address ipv6cp_link_local(uint64_t identifier)
{
	struct address address = {.family = identifier ? 6 : 0};
	if (identifier) {
		put_u16(address.bytes, 0xfe80);
		put_u32(address.bytes + 8, (uint32_t)(identifier >> 32));
		put_u32(address.bytes + 12, (uint32_t)identifier);
	}
	return address;
}

void ipv6cp_wish(struct unit *unit)
{
	struct ipv6cp *ipv6cp = &unit->ipv6cp;
	const struct unit_config *config = unit->config;
	ipv6cp->ask = true;
	ipv6cp->prompted = false;
	if (!ipv6cp->local)
		ipv6cp->local = config->local6 ? config->local6 : draw(unit->random);
	ipv6cp->offered =
		config->remote6 ? config->remote6 : draw_unlike(unit->random, ipv6cp->local);
}

static void write_identifier(struct writer *w, uint64_t identifier)
{
	write_u32(w, (uint32_t)(identifier >> 32));
	write_u32(w, (uint32_t)identifier);
}

static uint64_t read_identifier(struct reader *r)
{
	uint64_t high = read_u32(r);
	return high << 32 | read_u32(r);
}

static void write_option(struct writer *w, uint64_t identifier)
{
	write_u8(w, OPTION_IDENTIFIER);
	write_u8(w, IDENTIFIER_LENGTH);
	write_identifier(w, identifier);
}

static void write_request(const void *owner, struct writer *w)
{
	const struct ipv6cp *ipv6cp = &((const struct unit *)owner)->ipv6cp;
	if (ipv6cp->ask)
		write_option(w, ipv6cp->local);
}

static void judge_begin(void *owner)
{
	((struct unit *)owner)->ipv6cp.remote = 0;
}

static enum option_verdict judge_identifier(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct unit *unit = owner;
	const struct unit_config *config = unit->config;
	struct ipv6cp *ipv6cp = &unit->ipv6cp;
	uint64_t identifier = read_identifier(&value);
	bool wanted_one =
		!config->remote6 || config->accept_remote6 || identifier == config->remote6;
	if (!value.failed && identifier && identifier != ipv6cp->local && wanted_one) {
		ipv6cp->remote = identifier;
		return OPTION_ACK;
	}
	if (ipv6cp->fsm.impatient)
		ipv6cp->fsm.exchanges = FSM_EXCHANGES_MAX; /* this was the last round */
	write_identifier(wanted, ipv6cp->offered);
	return OPTION_NAK;
}

/* Without the option the peer has an identifier that we do not know; it is asked for it once. */
static void missing(void *owner, uint32_t seen, struct writer *reply)
{
	struct ipv6cp *ipv6cp = &((struct unit *)owner)->ipv6cp;
	if ((seen & 1) || ipv6cp->prompted)
		return;
	ipv6cp->prompted = true;
	write_option(reply, ipv6cp->offered);
}

static void naked_identifier(void *owner, const struct option_kind *kind, struct reader value)
{
	struct unit *unit = owner;
	struct ipv6cp *ipv6cp = &unit->ipv6cp;
	uint64_t identifier = read_identifier(&value);
	if (unit->config->local6 && !unit->config->accept_local6)
		return; /* it is this one or none: the peer's patience decides */
	bool possible = !value.failed && identifier && identifier != ipv6cp->remote &&
			identifier != ipv6cp->offered;
	ipv6cp->local = possible ? identifier : draw_unlike(unit->random, ipv6cp->remote);
	if (ipv6cp->local == ipv6cp->offered)
		ipv6cp->offered = draw_unlike(unit->random, ipv6cp->local);
}

static void rejected_identifier(void *owner, const struct option_kind *kind)
{
	((struct unit *)owner)->ipv6cp.ask = false;
}

static void print_identifier(struct text *t, struct reader value)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			text_char(t, ':');
		text_hex(t, read_u16(&value), 4);
	}
}

/* The identifier first: `missing` looks for its bit. */
static const struct option_kind kinds[] = {
	{OPTION_IDENTIFIER, IDENTIFIER_LENGTH, IDENTIFIER_LENGTH, "id", judge_identifier,
		naked_identifier, rejected_identifier, print_identifier},
	{OPTION_COMPRESSION, 4, 255, "compress", NULL, NULL, NULL, NULL},
};

const struct option_set ipv6cp_options = {
	.kinds = kinds,
	.count = sizeof kinds / sizeof kinds[0],
	.begin = judge_begin,
	.missing = missing,
};

/* The automaton's view. */

static void opened(void *owner, const struct turn *turn)
{
	((struct unit *)owner)->ipv6cp.ended = false;
	unit_review(owner, turn);
}

static void restarted(void *owner, const struct turn *turn)
{
	ipv6cp_wish(owner);
	unit_review(owner, turn);
}

static void end(struct unit *unit, const struct turn *turn, const char *why)
{
	if (unit->ipv6cp.ended)
		return;
	unit->ipv6cp.ended = true;
	if (why)
		turn_say(turn, NOTE_INFO, why);
	unit_ipv6_ended(unit);
}

/* The peer may have come to Opened, and would send what is not taken: it is told, once. */
static void finished(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	if (!unit->ipv6cp.ended)
		packet_send(
			turn, IPV6CP, TERMINATE_REQUEST, fsm_next_id(&unit->ipv6cp.fsm), NULL, 0);
	end(owner, turn, "IPV6CP: timeout sending Config-Requests: going on without IPv6");
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	if (code_is_vital(code))
		end(owner, turn, "Peer refuses IPV6CP: going on without IPv6");
}

static void terminating(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct unit *unit = owner;
	end(owner, turn, fsm_opened(&unit->ipv6cp.fsm) ? "IPV6CP terminated by peer" : NULL);
}

static void stuck(void *owner, const struct turn *turn)
{
	end(owner, turn, "IPV6CP options did not converge: going on without IPv6");
}

static const struct fsm_ops ipv6cp_ops = {
	.protocol = IPV6CP,
	.options = &ipv6cp_options,
	.request = write_request,
	.up = opened,
	.down = restarted,
	.finished = finished,
	.code_rejected = code_rejected,
	.terminating = terminating,
	.stuck = stuck,
};

static struct fsm_run ipv6cp_run(void *side, const struct turn *turn)
{
	struct unit *unit = side;
	return unit_run(unit, &unit->ipv6cp.fsm, &ipv6cp_ops, turn);
}

static void row_init(void *side)
{
	struct unit *unit = side;
	unit->ipv6cp = (struct ipv6cp){0};
	fsm_init(&unit->ipv6cp.fsm);
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct fsm_run run = ipv6cp_run(side, turn);
	end(side, turn, "Peer refuses IPV6CP: going on without IPv6");
	fsm_event(&run, FSM_RXJ_MINUS);
}

static uint64_t row_deadline(const void *side)
{
	return fsm_deadline(&((const struct unit *)side)->ipv6cp.fsm);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	print_negotiation(t, packet, length, &ipv6cp_options);
}

const struct protocol_ops ipv6cp_protocol = {
	.init = row_init,
	.run = ipv6cp_run,
	.rejected = row_rejected,
	.deadline = row_deadline,
	.print = row_print,
};
