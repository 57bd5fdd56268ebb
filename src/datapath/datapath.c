/* A session's data path as the control plane sees it: commands in their order, time, addresses.
 *
 * What seals and opens packets is in seal.c and open.c. Here is what changes the rules they go by:
 *
 * - The receiver is armed (RECEIVE_KEY) before the frame that lets the peer encrypt is sent; both
 *   come down the same ordered ring. New keys while old ones are in use do not end the old ones
 *   until the peer is seen to use the new (open.c).
 * - EPOCH, an LCP restart, forgets keys, framing and networks, but neither the GRE numbers nor what
 *   is held for reordering: to GRE it is the same call. An encrypted packet of the old epoch that
 *   comes later finds no key; and where control frames overtook it in our own queues its number is
 *   behind the window, so that it never meets the keys of the new one.
 * - DETACH gives the held packets back and leaves nothing secret behind. */
#include "datapath.h"

#include <string.h>

#include "bundle_link.h"
#include "digest.h"
#include "frame.h"
#include "inner.h"
#include "open.h"
#include "resync.h"
#include "seal.h"

enum {
	MTU_DEFAULT = 1400,
	MPPE_INSIDE = MPPE_HEADER_SIZE + 2, /* what MPPE adds to the information field */
};

static uint16_t less(uint16_t from, uint16_t what)
{
	return from > what ? from - what : 0;
}

/* PFC and ACFC are not counted on: one MTU, whatever is agreed, is easier to reason about. */
uint16_t datapath_mtu(const struct datapath *dp)
{
	uint16_t inside = mppe_armed(&dp->transmit) ? MPPE_INSIDE : 0;
	if (dp->layers)
		inside += (uint16_t)layers_inside(dp->layers);
	uint16_t around = (dp->peer.family == 6 ? OUTER_IP6_HEADER : OUTER_IP_HEADER) +
			  GRE_HEADER_MAX + FRAME_HEADER_MAX;
	uint16_t mru = less(dp->send_mru, inside);
	uint16_t mtu = dp->mtu < mru ? dp->mtu : mru;
	uint16_t path = dp->path_mtu ? less(dp->path_mtu, around + inside) : mtu;

	return path < mtu ? path : mtu;
}

void datapath_drop_previous(const struct datapath_engine *engine, struct datapath *dp)
{
	if (dp->previous)
		mppe_wipe(dp->previous, engine->keys);
	dp->previous = NULL;
}

static void forget_link(struct datapath_engine *engine, struct datapath *dp)
{
	layers_forget(engine, dp);
	mppe_wipe(&dp->transmit, engine->keys);
	mppe_wipe(&dp->receive, engine->keys);
	datapath_drop_previous(engine, dp);
	dp->ipv4 = dp->ipv6 = false;
	dp->compress_protocol = dp->compress_address = dp->multilink = false;
	dp->mtu = MTU_DEFAULT;
	dp->send_mru = PPP_MRU_DEFAULT;
	dp->suspicious = 0;
	resync_over(dp);
}

void datapath_uproot(const struct datapath_engine *engine, struct datapath *dp)
{
	reorder_clear(&dp->gre.order, engine->pool);
	window_clear(&dp->gre.window, engine->pool);
}

static void detach(struct datapath_engine *engine, struct datapath *dp)
{
	if (dp->attached)
		datapath_uproot(engine, dp);
	bundle_link_leave(dp);
	bundle_end(engine, dp);
	forget_link(engine, dp);
	dp->attached = dp->connected = false;
	dp->gre.ack_owed = false;
	dp->gre.ack_due = dp->gre.window.due = NEVER;
}

static void attach(struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command, uint64_t now)
{
	if (dp->attached)
		detach(engine, dp);
	*dp = (struct datapath){.streams = dp->streams};
	forget_link(engine, dp);
	gre_init(&dp->gre, command->attach.window);
	dp->gre.send_next = dp->gre.window.acked = command->attach.sequence;
	reorder_limit(&dp->gre.order, &command->attach.reorder);
	dp->subject = command->subject;
	dp->epoch = command->epoch;
	dp->local_call_id = command->attach.local_call_id;
	dp->local = command->attach.local;
	dp->peer = command->attach.peer;
	dp->any_peer = command->attach.any_peer;
	dp->line = command->attach.line;
	dp->relay = command->attach.relay;
	dp->require_encryption = command->attach.require_encryption;
	dp->nat = command->attach.nat;
	dp->nat_due = dp->nat ? now : NEVER;
	dp->check_source = command->attach.check_source;
	dp->client_to_client = command->attach.client_to_client;
	dp->clamp_mss = command->attach.clamp_mss;
	dp->dscp_copy = command->attach.dscp_copy;
	dp->dscp = command->attach.dscp & 63;
	dp->ecn = command->attach.ecn;
	dp->services = command->attach.services;
	dp->answers = DATAPATH_ANSWERS;
	dp->answers_at = now;
	dp->attached = true;
	if (command->attach.bundle)
		bundle_start(dp, command);
}

/* What it may find under its keys. */
static void tell_receiver(struct datapath *dp)
{
	dp->receive.headers = dp->layers && layers_restore(dp->layers);
	dp->receive.packed = dp->layers && layers_share(dp->layers);
}

static void arm_receive(const struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command)
{
	const struct mppe_start_keys *keys = &command->key.keys;
	const struct mppe_memory memory = {&dp->streams->receive, &dp->history};
	bool short_key = command->key.strength != MPPE_128;

	/* Keys never used are replaced at once; in use, they stay for what is in flight. */
	datapath_drop_previous(engine, dp);
	if (dp->receive.active && command->key.strength != MPPE_NONE) {
		dp->previous = &dp->streams->old;
		mppe_copy(dp->previous, &(struct mppe_memory){.stream = &dp->streams->previous},
			&dp->receive);
	}
	mppe_wipe(&dp->receive, engine->keys);
	mppe_arm(&dp->receive, &memory, engine->mppe, command->key.strength, command->key.stateless,
		short_key ? keys->receive_short : keys->receive);
	tell_receiver(dp);
	dp->suspicious = 0;
	resync_over(dp);
}

static void arm_transmit(const struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command)
{
	const struct mppe_start_keys *keys = &command->key.keys;
	const struct mppe_memory memory = {.stream = &dp->streams->transmit};
	bool short_key = command->key.strength != MPPE_128;

	mppe_wipe(&dp->transmit, engine->keys);
	mppe_arm(&dp->transmit, &memory, engine->mppe, command->key.strength,
		command->key.stateless, short_key ? keys->send_short : keys->send);
}

static void set_framing(struct datapath *dp, const struct datapath_command *command)
{
	dp->send_mru = command->framing.send_mru;
	dp->mtu = command->framing.mtu;
	dp->compress_protocol = command->framing.compress_protocol;
	dp->compress_address = command->framing.compress_address;
	dp->multilink = command->framing.multilink;
}

static void set_network(struct datapath *dp, const struct datapath_command *command)
{
	dp->ipv4 = command->network.ipv4;
	dp->ipv6 = command->network.ipv6;
	dp->local4 = command->network.local4;
	dp->remote4 = command->network.remote4;
	dp->remote6 = command->network.remote6;
}

static void set_path(struct datapath *dp, const struct datapath_command *command)
{
	dp->path = command->path.index;
	dp->path_mtu = command->path.mtu;
}

/* A packet of the control plane's own goes the way of data, and is not counted as such: it is no
 * sign that anybody uses the session. */
static void send_packet(struct datapath_engine *engine, struct datapath *dp, const uint8_t *bytes,
	size_t length, bool traffic, uint64_t now, struct packet_list *out)
{
	uint8_t copy[PPP_FRAME_MAX];
	struct packet packet = {.datapath = dp, .kind = PACKET_INNER, .bytes = copy};
	uint64_t packets = dp->counters.tx_packets, sent = dp->counters.tx_bytes;

	if (length > sizeof(copy))
		return;
	memcpy(copy, bytes, length);
	packet.length = packet.capacity = (uint32_t)length;
	datapath_seal(engine, &packet, 1, now, out);
	if (traffic)
		return;
	dp->counters.tx_packets = packets;
	dp->counters.tx_bytes = sent;
}

static void send_frame(struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command, const uint8_t *frame, uint64_t now,
	struct packet_list *out)
{
	size_t length = command->frame.length;
	uint16_t protocol = length > 2 ? get_u16(frame) : 0;

	if (protocol == PROTOCOL_IPV6 || protocol == PROTOCOL_IPV4)
		send_packet(engine, dp, frame + 2, length - 2, command->frame.traffic, now, out);
	else if (!seal_control(dp, frame, length, out))
		dp->counters.drops[DROP_INNER_EARLY]++;
}

void datapath_execute(struct datapath_engine *engine, struct datapath *dp,
	const struct datapath_command *command, const uint8_t *frame, uint64_t now,
	struct packet_list *out)
{
	if (command->kind == DATAPATH_ATTACH)
		attach(engine, dp, command, now);
	if (!dp->attached) {
		layers_refuse(engine, command);
		return;
	}
	switch (command->kind) {
	case DATAPATH_ATTACH:
		seal_due_nat(dp, now, out);
		break;
	case DATAPATH_CONNECT:
		dp->peer_call_id = command->connect.peer_call_id;
		window_agree(&dp->gre.window, command->connect.window, command->connect.delay);
		dp->connected = true;
		break;
	case DATAPATH_FRAME:
		send_frame(engine, dp, command, frame, now, out);
		break;
	case DATAPATH_START_KEYS:
		break;
	case DATAPATH_RECEIVE_KEY:
		arm_receive(engine, dp, command);
		break;
	case DATAPATH_TRANSMIT_KEY:
		seal_all_waiting(engine, dp, now, out);
		arm_transmit(engine, dp, command);
		break;
	case DATAPATH_COMPRESS:
	case DATAPATH_CIPHER:
	case DATAPATH_HEADERS:
		layers_execute(engine, dp, command);
		tell_receiver(dp);
		break;
	case DATAPATH_FRAMING:
		set_framing(dp, command);
		break;
	case DATAPATH_NETWORK:
		set_network(dp, command);
		break;
	case DATAPATH_BUNDLE:
		bundle_link_join(dp, command, now);
		break;
	case DATAPATH_PATH:
		set_path(dp, command);
		break;
	case DATAPATH_EPOCH:
		dp->epoch = command->epoch;
		forget_link(engine, dp);
		dp->counters.drops[DROP_INNER_EARLY] += window_clear(&dp->gre.window, engine->pool);
		open_epoch(engine, dp, now, out);
		bundle_link_leave(dp);
		break;
	case DATAPATH_DETACH:
		detach(engine, dp);
		break;
	}
}

bool datapath_call_id(const uint8_t *gre, size_t length, uint16_t *call_id, enum drop *why)
{
	struct reader r = reader_over(gre, length), payload;
	struct gre_header header;

	if (!gre_parse(&header, &r, &payload, why))
		return false;
	*call_id = header.call_id;
	return true;
}

bool datapath_match(struct datapath_engine *engine, struct datapath *dp, const struct address *from)
{
	if (!dp || !dp->attached) {
		engine->drops[DROP_GRE_CALL]++;
		return false;
	}
	if (!address_equal(&dp->peer, from)) {
		dp->counters.drops[DROP_GRE_PEER]++;
		return false;
	}
	return true;
}

void datapath_found(struct datapath *dp, const struct address *from)
{
	assert(dp->any_peer && from->family == dp->peer.family);
	dp->peer = *from;
	dp->any_peer = false;
}

bool datapath_route(
	struct datapath_engine *engine, const uint8_t *ip, size_t length, uint32_t *subject)
{
	struct inner inner;

	if (!inner_parse(&inner, ip, length)) {
		engine->drops[DROP_INNER_HEADER]++;
		return false;
	}
	if (!engine->prefixes ||
		!prefix_table_find(engine->prefixes, &inner.destination, subject)) {
		engine->drops[DROP_INNER_ROUTE]++;
		return false;
	}
	return true;
}

bool datapath_idle(struct datapath_engine *engine)
{
	return engine->keys && key_pool_fill(engine->keys);
}

void datapath_tick(
	struct datapath_engine *engine, struct datapath *dp, uint64_t now, struct packet_list *out)
{
	if (!dp->attached)
		return;
	open_expired(engine, dp, now, out);
	resync_tick(dp, now, out);
	window_tick(&dp->gre.window, dp->gre.send_next, now);
	seal_due(engine, dp, now, out);
	seal_due_nat(dp, now, out);
}

uint64_t datapath_deadline(const struct datapath *dp)
{
	if (!dp->attached)
		return NEVER;
	uint64_t deadline = dp->gre.order.expires;
	if (dp->connected && dp->gre.ack_owed && dp->gre.ack_due < deadline)
		deadline = dp->gre.ack_due;
	if (dp->connected && resync_deadline(dp) < deadline)
		deadline = resync_deadline(dp);
	if (dp->connected && window_deadline(&dp->gre.window) < deadline)
		deadline = window_deadline(&dp->gre.window);
	if (bundle_is_own(dp) && dp->bundle->receiver.expires < deadline)
		deadline = dp->bundle->receiver.expires;
	return dp->nat && dp->nat_due < deadline ? dp->nat_due : deadline;
}
