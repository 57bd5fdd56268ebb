/* The unit: CCP, IPCP and IPV6CP over a link in its Network phase (see unit.h).
 *
 * Order. With MPPE required CCP comes first and IPCP once CCP is open, as pppd does it: a peer that
 * wants encryption answers an earlier IPCP with a Terminate-Ack and loses a restart interval. A
 * peer that starts IPCP while CCP is under way (accel-ppp) is met at once; either way IPv4 counts
 * as up only when both are. With MPPE allowed but not required both start together.
 *
 * A server asks for the session's addresses (UNIT_ADDRESS) as the network phase begins; IPCP waits
 * for the answer, and so does IPV6CP, which starts with it.
 *
 * One network protocol suffices: IPv6 lives on where the peer refuses IPv4. A peer that falls
 * silent in the middle of IPCP may be up with it, so that this still ends the unit. IPv6 is
 * reported once IPv4 is up or will not come, so that whoever configures an interface does IPv4
 * first and never twice.
 *
 * The protocols are driven through the protocol table. One that ends does not end the link by
 * itself (RFC 1661 §3.7); the unit gives up (UNIT_FAILED) when neither IPv4 nor IPv6 can come any
 * more, or has not come by `network_deadline`. After that it is deaf until unit_down. */
#include "unit.h"

#include "digest.h"
#include "protocol.h"
#include "unit_inner.h"

static const struct turn_kinds kinds = {.frame = UNIT_FRAME, .drop = UNIT_DROP, .note = UNIT_NOTE};

static struct turn turn_now(uint64_t now, struct outbox *out)
{
	return (struct turn){.now = now, .out = out, .kinds = &kinds};
}

struct fsm_run unit_run(
	struct unit *unit, struct fsm *fsm, const struct fsm_ops *ops, const struct turn *turn)
{
	const struct unit_config *config = unit->config;
	return (struct fsm_run){.fsm = fsm,
		.ops = ops,
		.owner = unit,
		.limits = {.restart_us = config->restart_us,
			.max_configure = config->max_configure,
			.max_terminate = config->max_terminate,
			.max_failure = config->max_failure,
			.coverage = config->automaton_coverage},
		.turn = *turn};
}

/* What is up. */

static void tell_ipv4(const struct unit *unit, struct unit_network *n)
{
	const struct ipcp *ipcp = &unit->ipcp;
	n->local4 = ipcp->local4;
	n->remote4 = ipcp->remote4 ? ipcp->remote4 : unit->given.remote4;
	for (size_t i = 0; i < 2; i++) {
		n->dns[i] = ipcp->servers[2 * i];
		n->wins[i] = ipcp->servers[2 * i + 1];
	}
	n->mask4 = ipcp->mask4;
	n->receive_vj = ipcp->ours;
	n->transmit_vj = ipcp->theirs;
}

static void tell_ipv6(const struct unit *unit, struct unit_network *n)
{
	n->local6 = unit->ipv6cp.local;
	n->remote6 = unit->ipv6cp.remote;
	n->prefix6 = unit->given.prefix6;
}

/* All encryption there must be is there. */
static bool encrypted(const struct unit *unit)
{
	return (!unit->config->mppe_require || ccp_encrypts(unit)) && ecp_satisfied(unit);
}

static struct unit_network network_of(const struct unit *unit)
{
	struct unit_network n = {0};
	if (!unit->up || unit->failing || !encrypted(unit))
		return n;
	n.ipv4 = fsm_opened(&unit->ipcp.fsm);
	n.ipv6 = fsm_opened(&unit->ipv6cp.fsm) && (n.ipv4 || unit->no_ipv4 || unit->reported.ipv6);
	if (n.ipv4)
		tell_ipv4(unit, &n);
	if (n.ipv6)
		tell_ipv6(unit, &n);
	if (!n.ipv4 && !n.ipv6)
		return n;
	if (fsm_opened(&unit->ccp.fsm) && unit->ccp.theirs) {
		n.strength = (enum mppe_strength)unit->ccp.theirs;
		n.stateless = unit->ccp.their_stateless;
	}
	n.ecp = unit->ecp != NULL;
	return n;
}

static bool same_vj(const struct ipcp_vj *a, const struct ipcp_vj *b)
{
	return a->slots == b->slots && a->omit_slot == b->omit_slot;
}

static bool same_network(const struct unit_network *a, const struct unit_network *b)
{
	return a->ipv4 == b->ipv4 && a->local4 == b->local4 && a->remote4 == b->remote4 &&
	       memcmp(a->dns, b->dns, sizeof a->dns) == 0 &&
	       memcmp(a->wins, b->wins, sizeof a->wins) == 0 && a->mask4 == b->mask4 &&
	       same_vj(&a->transmit_vj, &b->transmit_vj) &&
	       same_vj(&a->receive_vj, &b->receive_vj) && a->ipv6 == b->ipv6 &&
	       a->local6 == b->local6 && a->remote6 == b->remote6 &&
	       address_equal(&a->prefix6.address, &b->prefix6.address) &&
	       a->strength == b->strength && a->stateless == b->stateless && a->ecp == b->ecp;
}

void unit_review(struct unit *unit, const struct turn *turn)
{
	struct unit_network network = network_of(unit);
	if (same_network(&network, &unit->reported))
		return;
	if (network.ipv4 || network.ipv6)
		unit->network_deadline = NEVER;
	else if (unit->up && !unit->failed)
		unit->network_deadline = turn->now + unit->config->network_timeout_us;
	unit->reported = network;
	outbox_add(turn->out, UNIT_NETWORK, &network, sizeof network);
}

void unit_fail(struct unit *unit, enum close_reason reason)
{
	if (unit->up && unit->failing == CLOSE_NONE)
		unit->failing = reason;
}

void unit_ipv4_ended(struct unit *unit, enum close_reason reason)
{
	if (unit->able6 && !unit->ipv6cp.ended)
		unit->no_ipv4 = reason;
	else
		unit_fail(unit, reason);
}

void unit_ipv6_ended(struct unit *unit)
{
	if (unit->no_ipv4)
		unit_fail(unit, unit->no_ipv4);
}

/* A key, and no ECP: the unit ends, and says once why. */
static void judge_ecp(struct unit *unit, const struct turn *turn)
{
	struct ecp *ecp = unit->ecp;
	if (!unit->config->ecp_key.length || unit->failing)
		return;
	if (!ecp) {
		turn_say(turn, NOTE_WARNING, "No memory for ECP");
		unit_fail(unit, CLOSE_LOCAL_ERROR);
		return;
	}
	if (ecp->refusal == ECP_AGREED || ecp->told)
		return;
	char line[256];
	struct text t = text_over(line, sizeof line);
	ecp->told = true;
	text_add(&t, "ECP required but not available: ");
	ecp_explain(unit, &t);
	turn_note(turn, NOTE_WARNING, &t);
	unit_fail(unit, CLOSE_ECP_REFUSED);
}

/* Says once why there is no encryption, and ends the unit where there must be. */
static void judge_encryption(struct unit *unit, const struct turn *turn)
{
	struct ccp *ccp = &unit->ccp;
	bool wanted = unit->config->mppe_allow || unit->config->mppe_require;
	if (ccp->refusal == CCP_AGREED || ccp->told || unit->failing || !wanted)
		return;
	ccp->told = true;
	bool required = unit->config->mppe_require;
	char line[256];
	struct text t = text_over(line, sizeof line);
	text_add(&t, required ? "MPPE required but not available: "
			      : "Going on without MPPE, in clear text: ");
	ccp_explain(unit, &t);
	turn_note(turn, NOTE_WARNING, &t);
	if (required)
		unit_fail(unit, CLOSE_MPPE_REFUSED);
}

static void start(struct unit *unit, const struct protocol_ops *ops, const struct turn *turn)
{
	protocol_event(ops, FSM_OPEN, unit, turn);
	protocol_event(ops, FSM_UP, unit, turn);
}

static void start_networks(struct unit *unit, const struct turn *turn)
{
	unit->ipcp_running = true;
	ipcp_wish(unit); /* the addresses may have come since */
	start(unit, &ipcp_protocol, turn);
	if (!unit->able6)
		return;
	ipv6cp_wish(unit);
	start(unit, &ipv6cp_protocol, turn);
}

/* After any event: what has become possible starts, what has become impossible ends. UNIT_FAILED is
 * the last item of all. */
static void settle(struct unit *unit, const struct turn *turn)
{
	judge_encryption(unit, turn);
	judge_ecp(unit, turn);
	if (!unit->up || unit->failed)
		return;
	if (unit->failing) {
		unit->failed = true;
		unit->network_deadline = NEVER;
		unit_review(unit, turn);
		outbox_add(turn->out, UNIT_FAILED, NULL, 0)->arg = (uint16_t)unit->failing;
		return;
	}
	if (unit->no_ipv4)
		unit_review(unit, turn); /* IPv6 may have waited for it to come */
	if (unit->address_asked || unit->ipcp_running)
		return;
	if (encrypted(unit) || unit->peer_waits)
		start_networks(unit, turn);
}

/* From the link and the app. */

void unit_config_defaults(struct unit_config *config)
{
	fsm_defaults(&config->restart_us, &config->max_configure, &config->max_terminate,
		&config->max_failure);
	if (!config->network_timeout_us)
		config->network_timeout_us = SECONDS(30);
}

void unit_init(
	struct unit *unit, const struct unit_config *config, struct ecp *ecp, struct random *random)
{
	assert(config->restart_us && config->max_configure && config->max_terminate &&
		config->max_failure && config->network_timeout_us);
	*unit = (struct unit){.config = config,
		.ecp = ecp,
		.given = {.local4 = config->local4,
			.remote4 = config->remote4,
			.dns = {config->dns[0], config->dns[1]},
			.wins = {config->wins[0], config->wins[1]}},
		.random = random,
		.network_deadline = NEVER};
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_UNIT));)
		p->ops->init(unit);
}

static void begin_encryption(struct unit *unit, const struct turn *turn)
{
	if (unit->ecp) {
		unit->ecp->refusal = ECP_AGREED;
		unit->ecp->told = false;
		ecp_wish(unit);
		start(unit, &ecp_protocol, turn);
	}
	unit->ccp.refusal = CCP_AGREED;
	unit->ccp.told = false;
	unit->ccp.their_bits = 0;
	unit->ccp.patience = CCP_PATIENCE;
	unit->ccp.able = unit->keys.valid ? unit->config->mppe_allow : 0;
	ccp_wish(unit);
	if (!unit->ccp.able)
		unit->ccp.refusal = CCP_NO_KEYS;
	if (ccp_wanted(unit)) {
		unit->ccp_running = true;
		start(unit, &ccp_protocol, turn);
	}
}

void unit_mtu(struct unit *unit, uint16_t mtu)
{
	unit->mtu = mtu;
}

static void begin_ipv6(struct unit *unit, const struct turn *turn)
{
	char line[128];
	struct text t = text_over(line, sizeof line);
	bool fits = !unit->mtu || unit->mtu >= IPV6_MTU_MIN;
	unit->able6 = unit->config->ipv6 && fits;
	unit->ipv6cp.ended = !unit->able6;
	unit->no_ipv4 = CLOSE_NONE;
	if (fits || !unit->config->ipv6)
		return;
	text_add(&t, "No IPv6: it needs an MTU of 1280, and here it is ");
	text_unsigned(&t, unit->mtu);
	turn_note(turn, NOTE_INFO, &t);
}

void unit_up(
	struct unit *unit, const struct mppe_start_keys *keys, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (unit->up)
		return;
	unit->up = true;
	unit->failing = CLOSE_NONE;
	unit->failed = unit->ipcp_running = unit->ccp_running = unit->peer_waits = false;
	unit->ipcp.ended = false;
	unit->keys = *keys;
	unit->network_deadline = now + unit->config->network_timeout_us;
	begin_ipv6(unit, &turn);
	begin_encryption(unit, &turn);
	judge_encryption(unit, &turn);
	if (unit->config->ask_address && !unit->failing) {
		unit->address_asked = true;
		outbox_add(out, UNIT_ADDRESS, NULL, 0)->token = ++unit->address_token;
	}
	settle(unit, &turn);
}

void unit_down(struct unit *unit, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	unit->up = false;
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_UNIT));)
		protocol_event(p->ops, FSM_DOWN, unit, &turn);
	unit->address_asked = false;
	unit->network_deadline = NEVER;
	unit_review(unit, &turn);
	secret_wipe(&unit->keys, sizeof unit->keys);
}

/* CCP and IPV6CP are spoken only where they can lead to something; elsewhere they get a
 * Protocol-Reject, and so does IPCP once it has ended and IPv6 lives on. */
static bool speaks(const struct unit *unit, const struct protocol *protocol)
{
	if (!protocol || protocol->side != SIDE_UNIT)
		return false;
	if (protocol->ops == &ipv6cp_protocol)
		return unit->up ? unit->able6 : unit->config->ipv6;
	if (protocol->ops == &ecp_protocol)
		return unit->ecp;
	if (!unit->up)
		return true;
	return protocol->ops == &ccp_protocol ? unit->ccp_running : !unit->no_ipv4;
}

bool unit_speaks(const struct unit *unit, const uint8_t *frame, size_t length)
{
	struct reader r = reader_over(frame, length);
	uint16_t number = read_u16(&r);
	return !r.failed && speaks(unit, protocol_find(number));
}

bool unit_input(
	struct unit *unit, const uint8_t *frame, size_t length, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	struct reader r = reader_over(frame, length);
	uint16_t number = read_u16(&r);
	if (r.failed) {
		turn_drop(&turn, DROP_FRAME_SHORT);
		return true;
	}
	const struct protocol *protocol = protocol_find(number);
	if (!speaks(unit, protocol))
		return false;
	if (!unit->up || unit->failed) {
		turn_drop(&turn, DROP_FRAME_PHASE);
		return true;
	}
	bool network = protocol->ops != &ccp_protocol && protocol->ops != &ecp_protocol;
	if (network && !unit->ipcp_running && reader_left(&r) && *r.at == CONFIGURE_REQUEST) {
		unit->peer_waits = true;
		settle(unit, &turn);
	}
	protocol_input(protocol->ops, unit, &turn, r.at, reader_left(&r));
	settle(unit, &turn);
	return true;
}

void unit_rejected(struct unit *unit, uint16_t number, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	const struct protocol *protocol = protocol_spoken(number);
	if (!unit->up || unit->failed || !protocol || protocol->side != SIDE_UNIT ||
		(protocol->ops == &ipv6cp_protocol && !unit->able6) ||
		(protocol->ops == &ecp_protocol && !unit->ecp)) {
		turn_drop(&turn, DROP_FRAME_PROTOCOL);
		return;
	}
	protocol->ops->rejected(unit, &turn);
	settle(unit, &turn);
}

void unit_addresses(struct unit *unit, uint32_t token, const struct unit_addresses *addresses,
	uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (!unit->address_asked || token != unit->address_token)
		return;
	unit->address_asked = false;
	if (unit->failed)
		return;
	if (!addresses->granted) {
		turn_say(&turn, NOTE_WARNING, "No IP address for this peer");
		unit_fail(unit, CLOSE_ADDRESS_NONE);
		settle(unit, &turn);
		return;
	}
	if (addresses->local4)
		unit->given.local4 = addresses->local4;
	unit->given.remote4 = addresses->remote4;
	for (size_t i = 0; i < 2; i++) {
		unit->given.dns[i] = addresses->dns[i];
		unit->given.wins[i] = addresses->wins[i];
	}
	unit->given.prefix6 = addresses->prefix6;
	settle(unit, &turn);
}

static void network_overdue(struct unit *unit, const struct turn *turn)
{
	unit->network_deadline = NEVER;
	if (!ecp_satisfied(unit)) {
		if (unit->ecp->refusal == ECP_AGREED)
			unit->ecp->refusal = ECP_SILENT;
		return;
	}
	if (unit->config->mppe_require && !ccp_encrypts(unit)) {
		if (unit->ccp.refusal == CCP_AGREED)
			unit->ccp.refusal = CCP_SILENT;
		return;
	}
	turn_say(turn, NOTE_WARNING, "IPCP did not come up in time");
	unit_fail(unit, unit->ipcp.ended ? CLOSE_NETWORK_REFUSED : CLOSE_NETWORK_TIMEOUT);
}

void unit_renegotiate(struct unit *unit, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (!unit->up || unit->failed || !fsm_opened(&unit->ccp.fsm))
		return;
	if (ccp_encrypts(unit) && !unit->config->mppe_require)
		return; /* packets would go in clear meanwhile */
	protocol_event(&ccp_protocol, FSM_DOWN, unit, &turn);
	protocol_event(&ccp_protocol, FSM_UP, unit, &turn);
	settle(unit, &turn);
}

void unit_tick(struct unit *unit, uint64_t now, struct outbox *out)
{
	struct turn turn = turn_now(now, out);
	if (!unit->up || unit->failed)
		return;
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_UNIT));)
		protocol_tick(p->ops, unit, &turn);
	if (now >= unit->network_deadline)
		network_overdue(unit, &turn);
	settle(unit, &turn);
}

uint64_t unit_deadline(const struct unit *unit)
{
	if (!unit->up || unit->failed)
		return NEVER;
	uint64_t soonest = unit->network_deadline;
	for (const struct protocol *p = NULL; (p = protocol_next(p, SIDE_UNIT));) {
		uint64_t deadline = p->ops->deadline(unit);
		if (deadline < soonest)
			soonest = deadline;
	}
	return soonest;
}

void unit_wipe(struct unit *unit)
{
	secret_wipe(&unit->keys, sizeof unit->keys);
}
