/* IPCP (see ipcp.h). RFC 1332 §3.3 (IP-Address) and §4 (VJ), RFC 1877 §1 (name servers).
 *
 * A Configure-Request names the sender's own address; 0.0.0.0 asks to be told one, and a Nak tells
 * it. Client and server differ only in what is configured: who has `remote4` gives it and insists
 * on it, who has no `local4` takes what it is given. 0.0.0.0 is never acked.
 *
 * Where this departs from RFC 1661 §4.6: an address that we do not give the peer is never rejected.
 * A peer without the option would keep its own, and be up where nothing reaches it; with one that
 * insists the negotiation ends. Where both ends are said to know their addresses the option is
 * neither sent nor taken, as pppd's ipcp-no-address has it.
 *
 * A request for IP-Compression-Protocol says what its sender can receive; each direction is agreed
 * on by itself. Slots: as many as both ends can, so that a great number is no disagreement. The
 * option's form of RFC 1172, four bytes and no slots (and, after a slip of the pen there, 0x0037
 * instead of 0x002d), means sixteen; it is taken, and never sent.
 *
 * The mask of the network that the peer's end is in (144, of Cisco's IOS) is asked for where it is
 * wanted, and taken when it is one; nobody is given it.
 *
 * IP-Addresses (1) is rejected, and every compression but VJ. */
#include "ipcp.h"

#include "protocol.h"
#include "unit.h"
#include "unit_inner.h"

enum ipcp_option {
	OPTION_ADDRESSES = 1,
	OPTION_COMPRESSION = 2,
	OPTION_ADDRESS = 3,
	OPTION_MOBILE = 4,
	OPTION_SERVER_FIRST = 129,
	OPTION_MASK = 144,
};

enum { ASK_ADDRESS = 1, ASK_SERVER_FIRST = 2, ASK_MASK = 32 };

enum { VJ = 0x002d, VJ_OLD = 0x0037, VJ_OLD_SLOTS = 16 };

/* An address a host may have: not 0/8, 127/8, multicast, class E. */
static bool usable(uint32_t address)
{
	uint8_t net = (uint8_t)(address >> 24);
	return net != 0 && net != 127 && net < 224;
}

static uint8_t server_bit(size_t i)
{
	return (uint8_t)(ASK_SERVER_FIRST << i);
}

void ipcp_wish(struct unit *unit)
{
	struct ipcp *ipcp = &unit->ipcp;
	const struct unit_config *config = unit->config;
	ipcp->ask = config->no_address4 ? 0 : ASK_ADDRESS;
	if (config->ask_dns)
		ipcp->ask |= server_bit(0) | server_bit(2);
	if (config->ask_wins)
		ipcp->ask |= server_bit(1) | server_bit(3);
	if (config->ask_mask)
		ipcp->ask |= ASK_MASK;
	ipcp->mask4 = 0;
	ipcp->prompted = false;
	ipcp->refused4 = ipcp->declined4 = 0;
	ipcp->local4 = unit->given.local4;
	for (size_t i = 0; i < IPCP_SERVERS; i++)
		ipcp->servers[i] = 0;
	ipcp->ours = config->vj;
}

static void write_address(struct writer *w, uint8_t type, uint32_t address)
{
	write_u8(w, type);
	write_u8(w, 6);
	write_u32(w, address);
}

static void write_vj(struct writer *w, const struct ipcp_vj *vj)
{
	write_u8(w, OPTION_COMPRESSION);
	write_u8(w, 6);
	write_u16(w, VJ);
	write_u8(w, (uint8_t)(vj->slots - 1));
	write_u8(w, vj->omit_slot);
}

static void write_request(const void *owner, struct writer *w)
{
	const struct ipcp *ipcp = &((const struct unit *)owner)->ipcp;
	if (ipcp->ask & ASK_ADDRESS)
		write_address(w, OPTION_ADDRESS, ipcp->local4);
	for (size_t i = 0; i < IPCP_SERVERS; i++)
		if (ipcp->ask & server_bit(i))
			write_address(w, (uint8_t)(OPTION_SERVER_FIRST + i), ipcp->servers[i]);
	if (ipcp->ask & ASK_MASK)
		write_address(w, OPTION_MASK, ipcp->mask4);
	if (ipcp->ours.slots)
		write_vj(w, &ipcp->ours);
}

static void judge_begin(void *owner)
{
	struct ipcp *ipcp = &((struct unit *)owner)->ipcp;
	ipcp->remote4 = ipcp->refused4 = 0;
	ipcp->theirs = (struct ipcp_vj){0};
}

static enum option_verdict judge_address(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct unit *unit = owner;
	uint32_t address = read_u32(&value), ours = unit->given.remote4;
	bool any = ours == 0 || unit->config->accept_remote4;
	if (unit->config->no_address4)
		return OPTION_REJECT;
	if (!value.failed && usable(address) && (any || address == ours)) {
		unit->ipcp.remote4 = address;
		return OPTION_ACK;
	}
	if (ours == 0)
		return OPTION_REJECT; /* nothing to give */
	unit->ipcp.refused4 = address;
	if (unit->ipcp.fsm.impatient)
		unit->ipcp.fsm.exchanges = FSM_EXCHANGES_MAX; /* this was the last round */
	write_u32(wanted, ours);
	return OPTION_NAK;
}

/* What we hand out for options 129 to 132. */
static uint32_t server_for(const struct unit_given *given, uint8_t type)
{
	size_t i = (size_t)type - OPTION_SERVER_FIRST;
	return i & 1 ? given->wins[i / 2] : given->dns[i / 2];
}

static enum option_verdict judge_server(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	const struct unit *unit = owner;
	uint32_t address = read_u32(&value), ours = server_for(&unit->given, kind->type);
	if (ours == 0)
		return OPTION_REJECT;
	if (!value.failed && address == ours)
		return OPTION_ACK;
	write_u32(wanted, ours);
	return OPTION_NAK;
}

/* A peer that did not name its address is told it, once: it may do without the option. */
static void missing(void *owner, uint32_t seen, struct writer *reply)
{
	struct unit *unit = owner;
	if ((seen & 1) || !unit->given.remote4 || unit->ipcp.prompted || unit->config->no_address4)
		return;
	unit->ipcp.prompted = true;
	write_address(reply, OPTION_ADDRESS, unit->given.remote4);
}

static void naked_address(void *owner, const struct option_kind *kind, struct reader value)
{
	struct unit *unit = owner;
	uint32_t address = read_u32(&value);
	if (value.failed || !usable(address) || unit->config->no_address4)
		return;
	if (unit->given.local4 == 0 || unit->config->accept_local4)
		unit->ipcp.local4 = address;
	else
		unit->ipcp.declined4 = address;
}

static void rejected_address(void *owner, const struct option_kind *kind)
{
	((struct unit *)owner)->ipcp.ask &= (uint8_t)~ASK_ADDRESS;
}

static void rejected_server(void *owner, const struct option_kind *kind)
{
	struct ipcp *ipcp = &((struct unit *)owner)->ipcp;
	size_t i = (size_t)kind->type - OPTION_SERVER_FIRST;
	ipcp->ask &= (uint8_t)~server_bit(i);
	ipcp->servers[i] = 0;
}

/* A server that Naks with nothing has none to give. */
static void naked_server(void *owner, const struct option_kind *kind, struct reader value)
{
	struct ipcp *ipcp = &((struct unit *)owner)->ipcp;
	size_t i = (size_t)kind->type - OPTION_SERVER_FIRST;
	uint32_t address = read_u32(&value);
	if (value.failed || !(ipcp->ask & server_bit(i)))
		return;
	if (usable(address))
		ipcp->servers[i] = address;
	else
		rejected_server(owner, kind);
}

static void rejected_mask(void *owner, const struct option_kind *kind)
{
	struct ipcp *ipcp = &((struct unit *)owner)->ipcp;
	ipcp->ask &= (uint8_t)~ASK_MASK;
	ipcp->mask4 = 0;
}

/* Ones and then zeros, and some of both: else there is no network to speak of. */
static void naked_mask(void *owner, const struct option_kind *kind, struct reader value)
{
	struct ipcp *ipcp = &((struct unit *)owner)->ipcp;
	uint32_t mask = read_u32(&value), hosts = ~mask;
	if (value.failed || !mask || !hosts || (hosts & (hosts + 1)))
		rejected_mask(owner, kind);
	else if (ipcp->ask & ASK_MASK)
		ipcp->mask4 = mask;
}

/* What the peer can receive of what we might send. */
static enum option_verdict judge_compression(
	void *owner, const struct option_kind *kind, struct reader value, struct writer *wanted)
{
	struct unit *unit = owner;
	const struct ipcp_vj *most = &unit->config->vj;
	struct ipcp_vj theirs = {VJ_OLD_SLOTS, true};
	size_t length = reader_left(&value);
	uint16_t protocol = read_u16(&value);
	if (length == 4) {
		theirs.slots = (uint16_t)(read_u8(&value) + 1);
		theirs.omit_slot = read_u8(&value) != 0;
	}
	bool known = length == 4 ? protocol == VJ
				 : length == 2 && (protocol == VJ || protocol == VJ_OLD);
	if (!most->slots || !known)
		return OPTION_REJECT;
	if (theirs.slots > most->slots)
		theirs.slots = most->slots;
	theirs.omit_slot = theirs.omit_slot && most->omit_slot;
	unit->ipcp.theirs = theirs;
	return OPTION_ACK;
}

static void rejected_compression(void *owner, const struct option_kind *kind)
{
	((struct unit *)owner)->ipcp.ours = (struct ipcp_vj){0};
}

/* The peer wants fewer slots, or each packet to name its own; another compression, or the form of
 * RFC 1172, is none. */
static void naked_compression(void *owner, const struct option_kind *kind, struct reader value)
{
	struct ipcp_vj *ours = &((struct unit *)owner)->ipcp.ours;
	bool whole = reader_left(&value) == 4;
	uint16_t protocol = read_u16(&value), slots = (uint16_t)(read_u8(&value) + 1);
	bool omit = read_u8(&value) != 0;
	if (!whole || protocol != VJ) {
		rejected_compression(owner, kind);
		return;
	}
	if (slots < ours->slots)
		ours->slots = slots;
	ours->omit_slot = ours->omit_slot && omit;
}

static void print_address(struct text *t, struct reader value)
{
	text_ipv4(t, read_u32(&value));
}

static void print_compression(struct text *t, struct reader value)
{
	uint16_t number = read_u16(&value);
	if (number == VJ)
		text_add(t, "VJ");
	else if (number == VJ_OLD)
		text_add(t, "old-VJ");
	else
		text_hex(t, number, 4);
	if (reader_left(&value)) {
		text_char(t, ' ');
		text_hex_bytes(t, value.at, reader_left(&value));
	}
}

#define SERVER(number, word)                                                                       \
	{                                                                                          \
		number, 6, 6, word, judge_server, naked_server, rejected_server, print_address     \
	}

/* The address first: `missing` looks for its bit. */
static const struct option_kind kinds[] = {
	{OPTION_ADDRESS, 6, 6, "addr", judge_address, naked_address, rejected_address,
		print_address},
	SERVER(129, "ms-dns1"),
	SERVER(130, "ms-wins1"),
	SERVER(131, "ms-dns2"),
	SERVER(132, "ms-wins2"),
	{OPTION_ADDRESSES, 10, 10, "addrs", NULL, NULL, NULL, NULL},
	{OPTION_COMPRESSION, 4, 255, "compress", judge_compression, naked_compression,
		rejected_compression, print_compression},
	{OPTION_MASK, 6, 6, "mask", NULL, naked_mask, rejected_mask, print_address},
	{OPTION_MOBILE, 6, 6, "mobile", NULL, NULL, NULL, print_address},
};

const struct option_set ipcp_options = {
	.kinds = kinds,
	.count = sizeof kinds / sizeof kinds[0],
	.begin = judge_begin,
	.missing = missing,
};

/* The automaton's view. */

static void opened(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	unit->ipcp.ended = false;
	if (!unit->ipcp.local4) {
		turn_say(turn, NOTE_WARNING, "Peer gave us no IP address");
		unit_fail(unit, CLOSE_ADDRESS_NONE);
		return;
	}
	unit_review(unit, turn);
}

static void restarted(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	uint32_t remote4 = unit->ipcp.remote4; /* of the request just judged, if that is why */
	ipcp_wish(unit);
	unit->ipcp.remote4 = remote4;
	unit_review(unit, turn);
}

/* Only what ends the negotiation for good ends the unit; a Terminate-Request may be followed by a
 * new start (the unit's own deadline bounds the wait). */
static void finished(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	if (unit->ipcp.ended)
		return;
	turn_say(turn, NOTE_WARNING, "IPCP: timeout sending Config-Requests");
	unit_fail(unit, CLOSE_NETWORK_TIMEOUT);
}

static void refused(struct unit *unit, const struct turn *turn)
{
	unit->ipcp.ended = true;
	turn_say(turn, NOTE_WARNING, "Peer refuses IPCP");
	unit_ipv4_ended(unit, CLOSE_NETWORK_REFUSED);
}

static void code_rejected(void *owner, uint8_t code, const struct turn *turn)
{
	if (code_is_vital(code))
		refused(owner, turn);
}

static void terminating(void *owner, const struct packet_view *p, const struct turn *turn)
{
	struct unit *unit = owner;
	if (fsm_opened(&unit->ipcp.fsm)) {
		unit->ipcp.ended = true;
		turn_say(turn, NOTE_INFO, "IPCP terminated by peer");
	}
}

static void stuck(void *owner, const struct turn *turn)
{
	struct unit *unit = owner;
	char line[128];
	struct text t = text_over(line, sizeof line);
	unit->ipcp.ended = true;
	text_add(&t, "IPCP options did not converge");
	if (unit->ipcp.refused4) {
		text_add(&t, ": the peer insists on ");
		text_ipv4(&t, unit->ipcp.refused4);
		text_add(&t, ", we give it ");
		text_ipv4(&t, unit->given.remote4);
	} else if (unit->ipcp.declined4) {
		text_add(&t, ": the peer gives us ");
		text_ipv4(&t, unit->ipcp.declined4);
		text_add(&t, ", we want ");
		text_ipv4(&t, unit->given.local4);
	}
	turn_note(turn, NOTE_WARNING, &t);
	unit_ipv4_ended(unit, CLOSE_NETWORK_REFUSED);
}

static const struct fsm_ops ipcp_ops = {
	.protocol = IPCP,
	.options = &ipcp_options,
	.request = write_request,
	.up = opened,
	.down = restarted,
	.finished = finished,
	.code_rejected = code_rejected,
	.terminating = terminating,
	.stuck = stuck,
};

static struct fsm_run ipcp_run(void *side, const struct turn *turn)
{
	struct unit *unit = side;
	return unit_run(unit, &unit->ipcp.fsm, &ipcp_ops, turn);
}

static void row_init(void *side)
{
	struct unit *unit = side;
	unit->ipcp = (struct ipcp){0};
	fsm_init(&unit->ipcp.fsm);
	ipcp_wish(unit);
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct fsm_run run = ipcp_run(side, turn);
	refused(side, turn);
	fsm_event(&run, FSM_RXJ_MINUS);
}

static uint64_t row_deadline(const void *side)
{
	return fsm_deadline(&((const struct unit *)side)->ipcp.fsm);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	print_negotiation(t, packet, length, &ipcp_options);
}

const struct protocol_ops ipcp_protocol = {
	.init = row_init,
	.run = ipcp_run,
	.rejected = row_rejected,
	.deadline = row_deadline,
	.print = row_print,
};
