/* Somebody in the middle of one tunnel (see adversary.h). He knows call IDs and sequence numbers,
 * as anybody does who can listen on the way, and holds the client's end too: what an authenticated
 * peer can do wrong is done here as well. */
#include "adversary.h"

#include <string.h>

#include "bundle_link.h"
#include "check.h"
#include "frame.h"
#include "gre.h"
#include "pptp_wire.h"
#include "side.h"
#include "world.h"

enum { LCP_ECHO_REQUEST = 9, CONTROL_FAULT_SHARE = 60 };

void adversary_init(struct adversary *adversary, struct side *target, uint64_t seed, uint64_t until)
{
	dice_seed(&adversary->dice, seed, DICE_ADVERSARY);
	adversary->target = target;
	adversary->until = until;
	adversary->patience = dice_between(&adversary->dice, 10000, 400000);
	adversary->next = target ? target->world->now + adversary->patience : NEVER;
}

uint64_t adversary_deadline(const struct adversary *adversary)
{
	return adversary->target ? adversary->next : NEVER;
}

/* A session of the side, in any state, or NULL. */
static struct seat *pick(struct dice *dice, struct side *side)
{
	struct seat *found[SEATS];
	uint32_t count = 0;
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (seat->used && !seat->over && seat->side == side)
			found[count++] = seat;
	}
	return count ? found[dice_below(dice, count)] : NULL;
}

/* ---- control messages ---- */

static size_t control_message(struct dice *dice, struct side *side, uint8_t *bytes)
{
	struct pptp_message message;
	dice_bytes(dice, &message, sizeof message);
	message.type = dice_between(dice, PPTP_START_REQUEST, PPTP_LINK_INFO);
	struct writer w = writer_over(bytes, PPTP_MESSAGE_MAX);
	pptp_build(&message, &w);
	struct seat *seat = pick(dice, side);
	if (seat && dice_chance(dice, 6000))
		put_u16(bytes + PPTP_HEADER, dice_chance(dice, 5000) ? seat->session.call.local_id
								     : seat->session.call.peer_id);
	if (seat && dice_chance(dice, 3000))
		put_u16(bytes + PPTP_HEADER + 2, seat->session.call.local_id);
	if (dice_chance(dice, 3000))
		bytes[PPTP_HEADER + 4] = 1; /* a result of success, where there is one */
	return writer_length(&w);
}

static void control_deed(struct dice *dice, struct side *side)
{
	const struct pptp_framer *framer = &side->tunnel.control.framer;
	if (!side->connected || (framer->filled && !framer->whole))
		return;
	uint8_t bytes[PPTP_MESSAGE_MAX];
	size_t length = control_message(dice, side, bytes);
	uint16_t type = (uint16_t)(bytes[8] << 8 | bytes[9]);
	/* A stop ends the game; it comes, but not every time. */
	if (type == PPTP_STOP_REQUEST && dice_chance(dice, 9500))
		return;
	switch (dice_below(dice, CONTROL_FAULT_SHARE)) {
	case 0: /* a length that is not the type's */
		put_u16(bytes, (uint16_t)dice_below(dice, 400));
		break;
	case 1: /* no cookie */
		bytes[4 + dice_below(dice, 4)] ^= 0x40;
		break;
	case 2:
	case 3: /* a type nobody knows */
		put_u16(bytes + 8, (uint16_t)dice_between(dice, 16, 600));
		break;
	default:
		break;
	}
	say(side, NULL, "adversary: control message, type %u", type);
	side_bytes(side, bytes, length);
}

/* ---- GRE ---- */

static void inject(
	struct dice *dice, struct side *side, uint8_t *bytes, size_t length, bool elsewhere)
{
	struct address from = side->peer;
	if (elsewhere)
		from.bytes[3] ^= 0x80;
	host_inject(side->host, bytes, length, &from);
}

static void gre_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	uint8_t bytes[OUTER_MAX];
	size_t length = dice_below(dice, 60);
	dice_bytes(dice, bytes, sizeof bytes);
	uint32_t kind = dice_below(dice, 9);
	if (kind) { /* all but the first: a good header, and one thing wrong with it */
		struct gre_header header = {.payload_length = 20,
			.call_id = seat->call_id,
			.has_sequence = true,
			.sequence = seat->datapath.gre.order.next + dice_below(dice, 3),
			.has_ack = dice_chance(dice, 5000),
			.ack = seat->datapath.gre.send_next - 1};
		if (kind == 1)
			header.call_id = (uint16_t)dice_u64(dice);
		if (kind == 2)
			header.has_ack = true, header.ack += dice_between(dice, 1, 1000);
		if (kind == 3)
			header.sequence -= dice_between(dice, 1, 200);
		if (kind == 4)
			header.sequence += dice_between(dice, 1, 100000);
		struct writer w = writer_over(bytes, sizeof bytes);
		gre_build(&w, &header);
		length = writer_length(&w) + 20;
		if (kind == 5)
			bytes[1] = (uint8_t)((bytes[1] & ~7) | dice_below(dice, 8));
		if (kind == 6)
			bytes[3] ^= (uint8_t)(1u << dice_below(dice, 8));
		if (kind == 7)
			bytes[dice_below(dice, 2)] ^= (uint8_t)(1u << dice_below(dice, 8));
		if (kind == 8)
			length = dice_below(dice, (uint32_t)length);
	}
	inject(dice, side, bytes, length, dice_chance(dice, 500));
}

/* A payload in its place in the sequence. */
static void inject_payload(struct dice *dice, struct side *side, struct seat *seat,
	const uint8_t *payload, size_t length)
{
	uint8_t bytes[OUTER_MAX];
	struct gre_header header = {.payload_length = (uint16_t)length,
		.call_id = seat->call_id,
		.has_sequence = true,
		.sequence = seat->datapath.gre.order.next};
	/* Sometimes ahead, to be held, or behind, where late packets are tried. */
	if (dice_chance(dice, 2000))
		header.sequence += dice_below(dice, 60) - 20;
	struct writer w = writer_over(bytes, sizeof bytes);
	gre_build(&w, &header);
	write_bytes(&w, payload, length);
	if (!w.failed)
		inject(dice, side, bytes, writer_length(&w), false);
}

static size_t ip_packet(
	struct dice *dice, uint8_t *bytes, uint32_t flow_id, uint32_t source, uint32_t destination)
{
	struct flow flow;
	flow_init(&flow, flow_id, false);
	size_t length = dice_between(dice, TRAFFIC_HEADER, 100);
	struct traffic_ends ends = {address_ipv4(source), address_ipv4(destination)};
	flow_build(&flow, bytes, length, &ends);
	return length;
}

/* On a link of a bundle: pieces of packets that nobody sent. */
static void fragment_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	const struct multilink_receiver *receiver = &seat->datapath.bundle->receiver;
	uint8_t payload[OUTER_MAX - GRE_HEADER_MAX];
	struct writer w = writer_over(payload, sizeof payload);
	struct multilink_header header = {.begins = dice_chance(dice, 6000),
		.ends = dice_chance(dice, 6000),
		.sequence = receiver->next + dice_below(dice, 5)};
	dice_bytes(dice, payload, sizeof payload);
	frame_build(&w, PROTOCOL_MULTILINK, false, false);
	multilink_build(&w, &header, receiver->short_sequence);
	if (dice_chance(dice, 500))
		w.at--;
	else
		w.at += dice_below(dice, dice_chance(dice, 1000) ? 1900 : 80);
	inject_payload(dice, side, seat, payload, writer_length(&w));
}

static void payload_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	if (bundle_is_link(&seat->datapath) && dice_chance(dice, 6000)) {
		fragment_deed(dice, side, seat);
		return;
	}
	uint8_t payload[200];
	struct writer w = writer_over(payload, sizeof payload);
	dice_bytes(dice, payload, sizeof payload);
	uint32_t kind = dice_below(dice, 6);
	if (kind == 0) { /* anything at all */
		w.at += dice_below(dice, 40);
	} else if (kind == 1) { /* cut short */
		write_u16(&w, 0xff03);
		w.at += dice_below(dice, 2);
	} else if (kind == 2) { /* in clear */
		frame_build(&w, PROTOCOL_IPV4, false, false);
		w.at += ip_packet(dice, w.at, TRAFFIC_CLEAR,
			address_to_ipv4(&seat->datapath.remote4),
			address_to_ipv4(&seat->datapath.local4));
	} else { /* what looks encrypted */
		const struct mppe *mppe = &seat->datapath.receive;
		uint16_t count = mppe->count;
		if (dice_chance(dice, 5000))
			count += (uint16_t)dice_below(dice, 4096);
		uint16_t bits = MPPE_FLUSHED | MPPE_ENCRYPTED;
		if (dice_chance(dice, 3000))
			bits = (uint16_t)(dice_below(dice, 16) << 12);
		frame_build(&w, PROTOCOL_COMPRESSED, false, false);
		if (dice_chance(dice, 9000)) {
			write_u16(&w, bits | (count & 0x0fff));
			w.at += dice_below(dice, 60);
		}
	}
	inject_payload(dice, side, seat, payload, writer_length(&w));
}

/* ---- PPP control frames ---- */

static size_t control_frame(struct dice *dice, struct seat *seat, uint8_t *frame)
{
	static const uint16_t protocols[] = {0xc021, 0xc021, 0xc021, 0xc023, 0xc223, 0xc223, 0x80fd,
		0x80fd, 0x8021, 0x8021, 0x8057, 0x8235, 0xc025};
	struct link *link = &seat->session.link;
	struct unit *unit = &seat->session.unit;
	uint16_t protocol = protocols[dice_below(dice, sizeof protocols / sizeof *protocols)];
	uint8_t body[64];
	uint32_t length = dice_below(dice, 40);
	dice_bytes(dice, body, sizeof body);
	if (dice_chance(dice, 3000) && length > 2)
		body[1] = (uint8_t)length; /* one option, as long as the rest */
	uint8_t code = (uint8_t)dice_between(dice, 0, 16);
	uint8_t id = (uint8_t)dice_u64(dice);
	if (protocol == 0x8235 && unit->reported.receive_vj.slots)
		protocol = id & 1 ? 0x002d : 0x002f; /* headers that may be compressed */
	if (protocol == LCP && dice_chance(dice, 5000))
		id = link->lcp.fsm.request_id;
	if (protocol == CCP && dice_chance(dice, 5000))
		id = unit->ccp.fsm.request_id;
	if (protocol == 0x8021 && dice_chance(dice, 5000))
		id = unit->ipcp.fsm.request_id;
	if (protocol == LCP && dice_chance(dice, 1500)) { /* what we said comes back */
		code = LCP_ECHO_REQUEST;
		put_u32(body, link->lcp.magic);
		length = 4 + length % 20;
	}
	if (protocol == CCP && dice_chance(dice, 3000)) { /* encryption is negotiated again */
		static const uint8_t mppe[] = {18, 6, 1, 0, 0, 0x40};
		code = CONFIGURE_REQUEST;
		memcpy(body, mppe, sizeof mppe);
		length = sizeof mppe;
	}
	/* What ends everything comes seldom. */
	if (code == 5 && dice_chance(dice, 8000))
		code = LCP_ECHO_REQUEST;
	struct writer w = writer_over(frame, 80);
	write_u16(&w, protocol);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, (uint16_t)(dice_chance(dice, 9000) ? length + 4 : dice_below(dice, 100)));
	write_bytes(&w, body, length);
	return writer_length(&w);
}

static void frame_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	uint8_t frame[80], payload[84];
	size_t length = control_frame(dice, seat, frame);
	if (dice_chance(dice, 500))
		length = dice_below(dice, 6);
	if (dice_chance(dice, 3000)) { /* from a worker that is behind, or ahead */
		uint32_t epoch = seat->session.epoch - dice_below(dice, 2);
		side_frame(side, seat, epoch, frame, length);
		return;
	}
	put_u16(payload, 0xff03);
	memcpy(payload + 2, frame, length);
	inject_payload(dice, side, seat, payload, length + 2);
}

/* ---- inner packets ---- */

/* The address of a client that is up, other than this one's. */
static uint32_t another_client(const struct host *server, const struct seat *seat)
{
	for (int i = 0; i < SEATS; i++) {
		const struct seat *other = &server->seats[i];
		if (other != seat && other != seat->other && other->attached &&
			other->datapath.ipv4)
			return address_to_ipv4(&other->datapath.remote4);
	}
	return 0x0a0001ff;
}

static void inner_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	static uint8_t bytes[OUTER_MAX];
	struct datapath *dp = &seat->datapath;
	uint32_t subject, source = address_to_ipv4(&dp->local4);
	uint32_t destination = address_to_ipv4(&dp->remote4);
	uint32_t kind = dice_below(dice, 7);
	if (!side->server && dp->ipv4 && dice_chance(dice, 6000))
		kind = dice_between(dice, 1, 2); /* what only the peer's end can do wrong */
	if (kind == 0)
		destination = (uint32_t)dice_u64(dice);
	if (kind == 1)
		source = (uint32_t)dice_u64(dice);
	if (kind == 2)
		destination = another_client(side->server ? side->host : side->other->host, seat);
	size_t length = ip_packet(dice, bytes, (uint32_t)dice_u64(dice), source, destination);
	if (kind == 3)
		bytes[dice_below(dice, 4)] ^= (uint8_t)(1u << dice_below(dice, 8));
	if (kind == 4) { /* too long, may it be fragmented or not */
		length = dice_between(dice, 1400, 1500);
		put_u16(bytes + 2, (uint16_t)length);
		put_u16(bytes + 6, dice_chance(dice, 5000) ? 0x4000 : 0);
	}
	if (kind == 5)
		length = dice_below(dice, 24);
	if (side->server && !datapath_route(&side->host->engine, bytes, length, &subject))
		return;
	if (!seat->attached)
		return;
	struct offload offload = {.kind = OFFLOAD_NONE};
	if (kind == 6 && dice_chance(dice, 5000)) { /* of a TUN that has lost its mind */
		offload.kind = (uint8_t)dice_below(dice, OFFLOAD_UDP + 1);
		offload.segment = (uint16_t)dice_below(dice, 64);
		offload.checksum_missing = dice_chance(dice, 5000);
		offload.checksum_start = (uint16_t)dice_below(dice, 64);
		offload.checksum_offset = (uint16_t)dice_below(dice, 32);
	}
	struct packet packet = {.datapath = dp,
		.kind = PACKET_INNER,
		.bytes = bytes,
		.length = (uint32_t)length,
		.capacity = OUTER_MAX,
		.offload = offload};
	host_seal(side->host, seat, &packet, 1);
}

/* ---- the rest ---- */

static void session_deed(struct dice *dice, struct side *side, struct seat *seat)
{
	uint32_t kind = dice_below(dice, 6);
	if (kind < 4)
		inner_deed(dice, side, seat);
	else if (kind == 4)
		side_stale_answers(side, seat, (uint32_t)dice_u64(dice));
	else if (dice_chance(dice, 300))
		side_keys_differ(side, seat);
}

void adversary_tick(struct adversary *adversary, uint64_t now)
{
	struct dice *dice = &adversary->dice;
	adversary->next = now + 1 + dice_below(dice, adversary->patience);
	if (adversary->next > adversary->until)
		adversary->next = NEVER;
	struct side *side = adversary->target;
	if (dice_chance(dice, 4000))
		side = side->other;
	uint32_t deed = dice_below(dice, 100);
	struct seat *seat = pick(dice, side);
	if (deed < 12)
		control_deed(dice, side);
	else if (!seat)
		return;
	else if (deed < 35)
		gre_deed(dice, side, seat);
	else if (deed < 60)
		payload_deed(dice, side, seat);
	else if (deed < 80)
		frame_deed(dice, side, seat);
	else
		session_deed(dice, side, seat);
}
