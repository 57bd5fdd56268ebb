/* A process of the simulation (see host.h). The rings keep their order and may take a while, so
 * that commands and frames of two epochs cross as they do between threads. */
#include "host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bundles.h"
#include "bytes.h"
#include "check.h"
#include "frame.h"
#include "multilink.h"
#include "ip_header.h"
#include "side.h"
#include "world.h"

enum { MPPE_STATELESS = 1 }; /* bit H, in the first byte of the option (RFC 3078 §2.1) */
enum {
	BURST = 8,
	KEYS_DIFFER_RUN = 8,
	OUTPUTS = DATAPATH_OUT_PER_IN * BURST + REORDER_PACKETS + MULTILINK_HELD
};

/* Where data-path calls put their results. */
static struct packet output_packets[OUTPUTS];
static uint8_t output_bytes[OUTPUTS][OUTER_MAX];

static struct packet_list outputs(void)
{
	if (!output_packets[0].bytes)
		for (int i = 0; i < OUTPUTS; i++) {
			output_packets[i].bytes = output_bytes[i];
			output_packets[i].capacity = OUTER_MAX;
		}
	return (struct packet_list){.at = output_packets, .max = OUTPUTS};
}

void host_init(struct host *host, struct world *world, const char *name, bool server,
	uint16_t hold_slots, uint32_t ring_delay, struct dice *dice)
{
	host->world = world;
	host->name = name;
	host->server = server;
	host->ring_delay = ring_delay;
	host->generation = 0;
	host->frozen_until = 0;
	memset(host->seats, 0, sizeof host->seats);
	hold_pool_init(&host->pool, host->slots, hold_slots);
	prefix_table_init(
		&host->prefixes, host->nodes, 4 * SEATS, host->buckets, 64, dice_u64(dice));
	memset(&host->keys, 0, sizeof host->keys);
	host->engine = (struct datapath_engine){.mppe = mppe_engine_best(),
		.pool = &host->pool,
		.keys = &host->keys,
		.prefixes = &host->prefixes};
	uint8_t seed[32];
	dice_bytes(dice, seed, sizeof seed);
	random_seed(&host->random, seed);
	host->to_worker.first = host->to_worker.count = 0;
	host->to_control.first = host->to_control.count = 0;
	host->to_worker.last_due = host->to_control.last_due = 0;
}

struct seat *host_seat(struct host *host, uint32_t subject)
{
	uint32_t index = (subject & 0xff) - 1;
	if (index >= SEATS)
		return NULL;
	struct seat *seat = &host->seats[index];
	return seat->used && seat->generation == subject >> 8 ? seat : NULL;
}

struct session *host_find(void *context, uint32_t subject)
{
	struct seat *seat = host_seat(context, subject);
	return seat ? &seat->session : NULL;
}

static struct seat *seat_by_call(struct host *host, uint16_t call_id)
{
	for (int i = 0; i < SEATS; i++)
		if (host->seats[i].attached && !bundles_is_own(&host->seats[i]) &&
			host->seats[i].call_id == call_id)
			return &host->seats[i];
	return NULL;
}

static bool call_id_taken(const struct host *host, uint16_t call_id)
{
	for (int i = 0; i < SEATS; i++)
		if (host->seats[i].used && host->seats[i].call_id == call_id)
			return true;
	return call_id == 0;
}

struct seat *host_take_seat(struct host *host, struct side *side, struct dice *dice)
{
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &host->seats[i];
		if (seat->used)
			continue;
		memset(seat, 0, sizeof *seat);
		do
			seat->call_id = (uint16_t)dice_u64(dice);
		while (call_id_taken(host, seat->call_id));
		seat->used = true;
		seat->side = side;
		seat->generation = ++host->generation;
		seat->session.subject = (uint32_t)seat->generation << 8 | (uint32_t)(i + 1);
		seat->host_part = 2 + (uint32_t)host->generation;
		seat->next_data = NEVER;
		flow_init(&seat->out, dice_below(dice, UINT32_MAX), side->scenario->tcp);
		uint32_t subject = seat->session.subject;
		memset(&seat->session, 0, sizeof seat->session);
		seat->session.subject = subject;
		seat->session.link.multilink = &seat->multilink;
		seat->link.dhcpv6.wish = side->scenario->wish;
		if (!side->server && (seat->link.dhcpv6.wish.prefix || seat->link.dhcpv6.wish.dns))
			session_borrow(&seat->session, &seat->link);
		if (side->config->session.unit.ecp_key.length)
			seat->session.ecp = &seat->ecp;
		return seat;
	}
	return NULL;
}

/* The app frees a slot when the session is over and the worker has let go of it. */
static void free_when_done(struct seat *seat)
{
	if (seat->over && (seat->detached || !seat->session.attached))
		seat->used = false;
}

static struct ring_record *ring_add(struct host *host, struct ring *ring, uint32_t subject)
{
	struct world *world = host->world;
	if (!ring->count)
		ring->first = 0;
	if (ring->count >= RING_RECORDS)
		fail("%s: a ring is full", host->name);
	uint64_t due = world->now + dice_below(&world->dice, host->ring_delay);
	if (due < ring->last_due)
		due = ring->last_due;
	ring->last_due = due;
	struct ring_record *record = &ring->records[(ring->first + ring->count++) % RING_RECORDS];
	record->due = due;
	record->subject = subject;
	record->length = 0;
	return record;
}

/* Some peers would rather have stateful MPPE and answer a wish for stateless with a Nak. Ours do
 * not, so that in some scenarios the Nak is made here, before ours gets to see the wish: in states
 * where having sent one would not have moved it. */
static bool naks_stateless(struct host *host, struct seat *seat, const struct ring_record *record)
{
	uint8_t frame[12];
	uint8_t state = seat->session.unit.ccp.fsm.state;
	if (!seat->side->scenario->stateful[!seat->side->server] || record->length < sizeof frame ||
		(state != FSM_REQ_SENT && state != FSM_ACK_RCVD))
		return false;
	memcpy(frame, record->frame, sizeof frame);
	if (frame[0] != CCP >> 8 || frame[1] != (CCP & 0xff) || frame[2] != CONFIGURE_REQUEST ||
		frame[6] != 18 || !(frame[8] & MPPE_STATELESS))
		return false;
	frame[2] = CONFIGURE_NAK;
	frame[8] &= (uint8_t)~MPPE_STATELESS;
	say(seat->side, seat, "would rather have it stateful");
	struct datapath_command command = {
		.kind = DATAPATH_FRAME, .subject = record->subject, .epoch = seat->session.epoch};
	command.frame.length = sizeof frame;
	host_command(host, record->subject, &command, frame, sizeof frame);
	return true;
}

static void control_record(struct host *host, const struct ring_record *record)
{
	struct seat *seat = host_seat(host, record->subject);
	if (!seat)
		return;
	if (record->kind == RING_CONTROL) {
		if (!seat->over && naks_stateless(host, seat, record))
			return;
		side_frame(seat->side, seat, record->epoch, record->frame, record->length);
	} else if (record->kind == RING_KEYS_DIFFER) {
		side_keys_differ(seat->side, seat);
	} else {
		seat->detached = true;
		free_when_done(seat);
	}
}

/* The frame of a packet that leaves; false when it has none. */
static bool frame_of(const struct packet *packet, struct reader *frame)
{
	struct reader r = reader_over(packet->bytes, packet->length);
	struct gre_header header;
	enum drop why;
	if (packet->kind != PACKET_FRAME)
		return gre_parse(&header, &r, frame, &why) && header.payload_length;
	*frame = r;
	return true;
}

static bool in_clear(const struct seat *seat, const struct packet *packet)
{
	enum { PROTOCOL_ENCRYPTED = 0x0053 };
	bool ecp = seat->side->config->session.unit.ecp_key.length;
	struct multilink_header fragment;
	struct reader payload;
	enum drop why;
	uint16_t protocol;
	if (!frame_of(packet, &payload))
		return false;
	if (!frame_parse(&payload, &protocol, &why))
		return false;
	/* What the first fragment of a packet begins with; the others tell nothing. */
	if (protocol == PROTOCOL_MULTILINK &&
		(!multilink_parse(&fragment, &payload, seat->multilink.peer.short_sequence) ||
			!fragment.begins || !frame_protocol(&payload, &protocol, &why)))
		return false;
	return protocol <= PROTOCOL_NETWORK_LAST &&
	       protocol != (ecp ? PROTOCOL_ENCRYPTED : PROTOCOL_COMPRESSED);
}

static bool covers(const struct prefix *prefix, const struct address *address)
{
	for (unsigned bit = 0; bit < prefix->length; bit++)
		if ((prefix->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return prefix->length != 0;
}

static bool has_address6(const struct seat *seat, const struct address *address)
{
	return covers(&seat->nets6[0], address) || covers(&seat->nets6[1], address);
}

static bool is_neighbour(const struct host *host, int i, const struct seat *seat)
{
	return &host->seats[i] != seat && host->seats[i].attached;
}

static void check_inner6(struct host *host, struct seat *seat, const struct packet *packet)
{
	const struct datapath *dp = &seat->datapath;
	if (!dp->ipv6 || !seat->opened)
		fail("%s: IPv6 before it was up", host->name);
	if (packet->length < IPV6_HEADER)
		fail("%s: a packet shorter than a header", host->name);
	struct traffic_ends ends = traffic_ends6(packet->bytes);
	if (dp->check_source && !address_equal(&ends.source, &dp->remote6) &&
		!has_address6(seat, &ends.source))
		fail("%s: a packet from an address that is not the peer's", host->name);
	for (int i = 0; !dp->client_to_client && i < SEATS; i++)
		if (is_neighbour(host, i, seat) && has_address6(&host->seats[i], &ends.destination))
			fail("%s: a packet from one client to another was let in", host->name);
}

/* What must hold for anything that comes out for the TUN, whoever sent it. */
static void check_inner(struct host *host, struct seat *seat, const struct packet *packet)
{
	const struct datapath *dp = &seat->datapath;
	if (packet->length && packet->bytes[0] >> 4 == 6) {
		check_inner6(host, seat, packet);
		return;
	}
	if (!dp->ipv4 || !seat->opened)
		fail("%s: data before the network was up", host->name);
	if (packet->length < IPV4_HEADER)
		fail("%s: a packet shorter than a header", host->name);
	struct reader r = reader_over(packet->bytes + 12, packet->length - 12);
	uint32_t source = read_u32(&r), destination = read_u32(&r), id = read_u32(&r);
	if (dp->check_source && source != address_to_ipv4(&dp->remote4))
		fail("%s: a packet from an address that is not the peer's", host->name);
	if (!r.failed && id == TRAFFIC_CLEAR && dp->require_encryption)
		fail("%s: a packet in clear text was let in", host->name);
	for (int i = 0; !dp->client_to_client && i < SEATS; i++)
		if (is_neighbour(host, i, seat) && host->seats[i].datapath.ipv4 &&
			destination == address_to_ipv4(&host->seats[i].datapath.remote4))
			fail("%s: a packet from one client to another was let in", host->name);
}

/* The answer of a data path of ours to what is too big; or what a client says on its link to a
 * server that has nothing to say to it. */
static bool is_no_data(const struct packet *packet)
{
	bool six = packet->bytes[0] >> 4 == 6;
	size_t at = six ? IPV6_NEXT : IPV4_PROTOCOL;
	uint8_t protocol = packet->length > at ? packet->bytes[at] : 0;
	return six ? protocol == PROTOCOL_ICMPV6 || protocol == PROTOCOL_UDP
		   : protocol == PROTOCOL_ICMP;
}

/* It must be what the other end sent, addressed as agreed. */
static void take_inner(struct host *host, struct seat *seat, const struct packet *packet)
{
	seat->active = host->world->now;
	if (is_no_data(packet))
		return;
	check_inner(host, seat, packet);
	if (seat->side->scenario->weather == WEATHER_CORRUPT || seat->side->hostile)
		return;
	struct seat *other = seat->other;
	if (!other && !seat->met)
		fail("%s: data from a call nobody made", host->name);
	if (!other)
		return; /* it ended while this was on its way */
	bool six = packet->bytes[0] >> 4 == 6;
	struct traffic_ends ends = {seat->datapath.remote4, seat->datapath.local4};
	if (six)
		ends = traffic_ends6(packet->bytes);
	enum traffic_fault fault = flow_take(&other->out, packet->bytes, packet->length, &ends);
	if (fault != TRAFFIC_GOOD)
		fail("%s: a packet of %u bytes: %s", host->name, packet->length,
			traffic_fault_word(fault));
	tally.data_received++;
	tally.data6_received += six;
	if (!other->out.newest_late)
		return;
	tally.data_late++;
	const struct wire_rules *rules = &seat->side->wire_in->rules;
	if (!rules->reorder && !rules->duplicate && seat->side->scenario->weather == WEATHER_FAIR)
		fail("%s: packets changed places on the way", host->name);
}

static bool aimed_at(struct seat *seat, const struct packet *packet)
{
	const struct scenario *scenario = seat->side->scenario;
	struct world *world = seat->side->world;
	if (!scenario->aims || world->healed)
		return false;
	struct reader payload;
	enum drop why;
	uint16_t protocol;
	struct multilink_header fragment;
	if (!frame_of(packet, &payload) || !frame_parse(&payload, &protocol, &why))
		return false;
	if (protocol == PROTOCOL_MULTILINK &&
		(!multilink_parse(&fragment, &payload, seat->multilink.peer.short_sequence) ||
			!frame_protocol(&payload, &protocol, &why)))
		return false;
	uint8_t code = read_u8(&payload);
	for (int i = 0; i < scenario->aims; i++) {
		const struct aim *aim = &scenario->aim[i];
		if (aim->protocol != protocol || aim->code != code ||
			aim->side != seat->side->server || seat->aimed[i] == UINT8_MAX)
			continue;
		uint8_t number = seat->aimed[i]++;
		if (number >= aim->spare && number - aim->spare < aim->take) {
			say(seat->side, seat, "this frame is lost on purpose");
			return true;
		}
	}
	return false;
}

static void send_out(struct seat *seat, const struct packet *packet)
{
	static uint8_t room[WIRE_BYTES];
	struct world *world = seat->side->world;
	struct packet bytes = *packet;
	if (seat->side->scenario->line != (packet->kind == PACKET_FRAME))
		fail("%s: GRE on a line, or a frame without", seat->side->host->name);
	if (packet->kind == PACKET_FRAME)
		serial_send(&seat->serial, seat->datapath.peer_call_id, packet, &bytes, room);
	wire_send(seat->side->wire_out, &world->dice, world->now, &bytes);
}

static void dispatch(struct host *host, const struct packet_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct packet *packet = &list->at[i];
		struct seat *seat = host_seat(host, packet->datapath->subject);
		if (!seat)
			fail("%s: a packet of a session that is gone", host->name);
		struct ring_record *record;
		switch (packet->kind) {
		case PACKET_OUTER:
		case PACKET_FRAME:
			if (seat->datapath.require_encryption && in_clear(seat, packet))
				fail("%s: a network packet left in clear text", host->name);
			if (!aimed_at(seat, packet))
				send_out(seat, packet);
			break;
		case PACKET_INNER:
			take_inner(host, seat, packet);
			break;
		case PACKET_CONTROL:
			record = ring_add(host, &host->to_control, seat->session.subject);
			record->kind = RING_CONTROL;
			record->epoch = packet->datapath->epoch;
			record->length = (uint16_t)packet->length;
			memcpy(record->frame, packet->bytes, packet->length);
			break;
		}
	}
}

static void route6_one(
	struct host *host, struct seat *seat, struct prefix *held, const struct prefix *wanted)
{
	if (held->length == wanted->length && address_equal(&held->address, &wanted->address))
		return;
	if (held->length)
		prefix_table_remove(&host->prefixes, held, seat->session.subject);
	*held = *wanted;
	if (held->length && !prefix_table_insert(&host->prefixes, held, seat->session.subject))
		fail("%s: the prefix table is full", host->name);
}

/* Routes go up and down with the network, as the worker's owner does it. */
static void route6(struct host *host, struct seat *seat, const struct datapath_command *command)
{
	static const struct prefix none = {.length = 0};
	bool up = command->kind == DATAPATH_NETWORK && command->network.ipv6;
	for (int i = 0; i < 2; i++)
		route6_one(
			host, seat, &seat->nets6[i], up ? &command->network.prefixes6[i] : &none);
}

static void route(struct host *host, struct seat *seat, const struct datapath_command *command)
{
	struct prefix prefix = {.address = seat->datapath.remote4, .length = 32};
	route6(host, seat, command);
	if (prefix.address.family == 4)
		prefix_table_remove(&host->prefixes, &prefix, seat->session.subject);
	if (command->kind != DATAPATH_NETWORK || !command->network.ipv4)
		return;
	prefix.address = command->network.remote4;
	if (!prefix_table_insert(&host->prefixes, &prefix, seat->session.subject))
		fail("%s: the prefix table is full", host->name);
}

static void attached(struct seat *seat)
{
	seat->attached = true;
	/* A call that has carried four thousand million packets already. */
	if (seat->side->scenario->old_numbers)
		seat->datapath.gre.send_next = seat->datapath.gre.window.acked = UINT32_MAX - 20;
}

static void check_forgotten(const struct host *host, const struct datapath *dp)
{
	if (mppe_armed(&dp->transmit) || mppe_armed(&dp->receive) || dp->previous)
		fail("%s: a key outlived its epoch", host->name);
	if (dp->ipv4 || dp->ipv6)
		fail("%s: a network outlived its epoch", host->name);
}

/* Between which commands it may matter most. */
static uint32_t nudge_share(enum datapath_command_kind kind)
{
	if (kind == DATAPATH_TRANSMIT_KEY)
		return 10000;
	return kind == DATAPATH_FRAME ? 1000 : 5000;
}

/* A packet from the TUN comes between two commands. */
static void nudge(struct host *host, struct seat *seat, enum datapath_command_kind kind)
{
	bool keyless = seat->side->hostile && kind == DATAPATH_TRANSMIT_KEY && seat->datapath.ipv4;
	bool chosen = seat->side->scenario->nudges && seat->left && kind != DATAPATH_ATTACH &&
		      dice_chance(&host->world->dice, nudge_share(kind));
	if (!keyless && !chosen)
		return;
	if (seat->left)
		seat->left--;
	host_send(host, seat, 1, TRAFFIC_HEADER);
}

/* Executes it, with memory for what needs some. */
static void execute(struct host *host, struct seat *seat, const struct datapath_command *command,
	const uint8_t *frame, struct packet_list *list)
{
	struct datapath_command whole = *command;
	size_t need = layers_need(command);
	if (need) {
		whole.memory = calloc(1, sizeof(*whole.memory) + need);
		whole.memory->size = need;
	}
	datapath_execute(&host->engine, &seat->datapath, &whole, frame, host->world->now, list);
	while (host->engine.spent) {
		struct layer_memory *memory = host->engine.spent;
		host->engine.spent = memory->next;
		free(memory);
	}
}

/* What the other end has sent over this link by now came too early. */
static void join(struct host *host, struct seat *link, struct datapath_command *command)
{
	struct seat *bundle = host_seat(host, command->bundle.subject);
	command->bundle.datapath = bundle ? &bundle->datapath : NULL;
	if (bundle && bundle->other)
		bundle->other->out.promised = bundle->other->out.sent;
}

/* Commands are executed one by one, and the TUN does not wait for the last of them. */
static void worker_command(
	struct host *host, const struct datapath_command *command, const uint8_t *frame)
{
	struct seat *seat = host_seat(host, command->subject);
	if (!seat)
		fail("%s: a command for a session that is gone", host->name);
	if (command->kind == DATAPATH_NETWORK || command->kind == DATAPATH_EPOCH ||
		command->kind == DATAPATH_DETACH)
		route(host, seat, command);
	struct packet_list list = outputs();
	if ((command->kind == DATAPATH_EPOCH || command->kind == DATAPATH_DETACH) &&
		seat->datapath.layers)
		tally.headers += seat->datapath.layers->headers[LAYER_RECEIVE].packets;
	if (command->kind == DATAPATH_DETACH)
		for (int i = 0; i < DROP_PACKETS; i++)
			tally.drops[i] += seat->datapath.counters.drops[i];
	seat->datapath.streams = &seat->streams;
	struct datapath_command whole = *command;
	if (command->kind == DATAPATH_BUNDLE)
		join(host, seat, &whole);
	if (command->kind == DATAPATH_ATTACH && !command->attach.bundle) {
		whole.attach.line = seat->side->scenario->line;
		serial_init(&seat->serial);
	}
	execute(host, seat, &whole, frame, &list);
	/* What went in clear until now may meet an end that requires encryption. */
	if (command->kind == DATAPATH_TRANSMIT_KEY && seat->other &&
		seat->other->datapath.require_encryption)
		seat->out.promised = seat->out.sent;
	if (command->kind == DATAPATH_ATTACH)
		attached(seat);
	if (command->kind == DATAPATH_EPOCH || command->kind == DATAPATH_DETACH)
		check_forgotten(host, &seat->datapath);
	dispatch(host, &list);
	if (command->kind == DATAPATH_FRAMING)
		serial_framing(&seat->serial, command);
	nudge(host, seat, command->kind);
	if (command->kind == DATAPATH_DETACH) {
		seat->attached = false;
		ring_add(host, &host->to_control, command->subject)->kind = RING_DETACHED;
	}
}

void host_command(struct host *host, uint32_t subject, const struct datapath_command *command,
	const uint8_t *frame, size_t length)
{
	if (command->kind == DATAPATH_START_KEYS)
		return; /* nothing to this data path */
	if (!host->ring_delay) {
		worker_command(host, command, frame);
		return;
	}
	struct ring_record *record = ring_add(host, &host->to_worker, subject);
	assert(length <= sizeof record->frame);
	record->kind = RING_COMMAND;
	record->command = *command;
	record->length = (uint16_t)length;
	if (length)
		memcpy(record->frame, frame, length);
}

/* Runs of undecipherable packets are the worker's to notice; once a run. */
static void look_at_keys(struct host *host, struct seat *seat)
{
	if (!seat || !seat->attached)
		return;
	bool differ = seat->datapath.suspicious > KEYS_DIFFER_RUN;
	if (differ && !seat->keys_told)
		ring_add(host, &host->to_control, seat->session.subject)->kind = RING_KEYS_DIFFER;
	seat->keys_told = differ;
}

static void open_batch(struct host *host, struct packet *batch, size_t count)
{
	struct seat *seats[BURST];
	for (size_t i = 0; i < count; i++)
		seats[i] = host_seat(host, batch[i].datapath->subject);
	for (size_t done = 0; done < count;) {
		struct packet_list list = outputs();
		size_t taken = datapath_open(
			&host->engine, batch + done, count - done, host->world->now, &list);
		if (!taken)
			fail("%s: datapath_open consumed nothing", host->name);
		done += taken;
		dispatch(host, &list);
	}
	for (size_t i = 0; i < count; i++) {
		look_at_keys(host, seats[i]);
		if (seats[i])
			look_at_keys(host, seats[i]->bundle_seat);
	}
}

/* What the raw socket's reader does: find the session, check the sender. */
static bool match(struct host *host, uint8_t *bytes, size_t length, const struct address *from,
	struct packet *packet)
{
	uint16_t call_id;
	enum drop why;
	if (!datapath_call_id(bytes, length, &call_id, &why)) {
		host->engine.drops[why]++;
		return false;
	}
	struct seat *seat = seat_by_call(host, call_id);
	struct datapath *datapath = seat ? &seat->datapath : NULL;
	if (!datapath_match(&host->engine, datapath, from))
		return false;
	*packet = (struct packet){.datapath = datapath,
		.kind = PACKET_OUTER,
		.bytes = bytes,
		.length = (uint32_t)length,
		.capacity = OUTER_MAX};
	return true;
}

static void receive_serial(struct host *host, struct side *side)
{
	struct packet frames[SERIAL_FRAMES];
	struct wire_packet *arrived;
	while ((arrived = wire_receive(side->wire_in, host->world->now))) {
		struct seat *seat = seat_by_call(host, serial_line(arrived));
		if (!seat)
			continue;
		size_t count = serial_receive(&seat->serial, arrived, frames);
		for (size_t i = 0; i < count; i++)
			frames[i].datapath = &seat->datapath;
		open_batch(host, frames, count);
	}
}

void host_receive(struct host *host, struct side *side)
{
	if (side->scenario->line) {
		receive_serial(host, side);
		return;
	}
	struct packet batch[BURST];
	size_t count = 0;
	struct wire_packet *arrived;
	while (count < BURST && (arrived = wire_receive(side->wire_in, host->world->now)))
		if (match(host, arrived->bytes, arrived->length, &side->peer, &batch[count])) {
			batch[count].tos = arrived->tos;
			batch[count++].early = arrived->early;
		}
	open_batch(host, batch, count);
}

void host_inject(struct host *host, uint8_t *bytes, size_t length, const struct address *from)
{
	struct packet packet;
	if (match(host, bytes, length, from, &packet))
		open_batch(host, &packet, 1);
}

void host_seal(struct host *host, struct seat *seat, struct packet *batch, size_t count)
{
	seat->active = host->world->now;
	for (size_t done = 0; done < count;) {
		struct packet_list list = outputs();
		size_t taken = datapath_seal(
			&host->engine, batch + done, count - done, host->world->now, &list);
		if (!taken && !list.count)
			fail("%s: datapath_seal did nothing", host->name);
		done += taken;
		dispatch(host, &list);
	}
}

/* Of the networks that a client has: its link-local address, one of its own network, one behind
 * it. False when it has none of that kind. */
static bool ends6(const struct seat *seat, uint32_t number, struct traffic_ends *ends)
{
	static const struct address far = {6, {0x20, 1, 0xd, 0xb8, [15] = 1}};
	const struct seat *there = seat->other;
	const struct seat *server = seat->side->server ? seat : there;
	uint32_t kind = number / 2 % 3;
	if (kind == 2) {
		ends->source = there->datapath.remote6;
		ends->destination = seat->datapath.remote6;
		return true;
	}
	struct address client = server->nets6[kind].address;
	put_u32(client.bytes + 12, number);
	ends->source = seat->side->server ? far : client;
	ends->destination = seat->side->server ? client : far;
	return server->nets6[kind].length != 0;
}

/* Every other packet is IPv6, where both ends have it. */
static struct traffic_ends ends_of(const struct seat *seat, size_t length)
{
	struct traffic_ends ends;
	const struct datapath *dp = &seat->datapath;
	bool both = dp->ipv6 && seat->other && seat->other->datapath.ipv6;
	if (both && length >= TRAFFIC_HEADER6 && seat->out.sent % 2 &&
		ends6(seat, seat->out.sent, &ends))
		return ends;
	/* Of what is not up yet the addresses are 0. */
	return (struct traffic_ends){address_ipv4(address_to_ipv4(&dp->local4)),
		address_ipv4(address_to_ipv4(&dp->remote4))};
}

/* At the server the prefix table leads every packet to its session. */
static void check_route(struct host *host, const struct seat *seat, const struct packet *packet)
{
	struct traffic_ends ends = traffic_ends6(packet->bytes);
	uint32_t subject;
	if (!host->server || ends.destination.bytes[0] == 0xfe)
		return;
	if (!datapath_route(&host->engine, packet->bytes, packet->length, &subject) ||
		subject != seat->session.subject)
		fail("%s: an IPv6 packet does not find its session", host->name);
}

void host_send(struct host *host, struct seat *seat, uint32_t packets, size_t length)
{
	static uint8_t bytes[BURST][OUTER_MAX];
	struct packet batch[BURST];
	assert(packets <= BURST);
	for (uint32_t i = 0; i < packets; i++) {
		struct traffic_ends ends = ends_of(seat, length);
		flow_build(&seat->out, bytes[i], length, &ends);
		batch[i] = (struct packet){.datapath = &seat->datapath,
			.kind = PACKET_INNER,
			.bytes = bytes[i],
			.length = (uint32_t)length,
			.capacity = OUTER_MAX};
		if (ends.source.family == 6)
			check_route(host, seat, &batch[i]);
	}
	tally.data_sent += packets;
	host_seal(host, seat, batch, packets);
}

static void drain(struct host *host, struct ring *ring)
{
	while (ring->count && ring->records[ring->first].due <= host->world->now) {
		static struct ring_record record;
		struct ring_record *at = &ring->records[ring->first];
		ring->first = (ring->first + 1) % RING_RECORDS;
		memcpy(&record, at, offsetof(struct ring_record, frame) + at->length);
		ring->count--;
		if (record.kind == RING_COMMAND)
			worker_command(host, &record.command, record.frame);
		else
			control_record(host, &record);
	}
}

/* Data that waits for the peer's window waits for a time, and for a window. */
static void check_window(const struct host *host, const struct seat *seat)
{
	const struct window *window = &seat->datapath.gre.window;
	if (window->held > WINDOW_HELD_MAX)
		fail("%s: %u packets wait for a window", host->name, window->held);
	if (window->held && (!window->on || window_deadline(window) == NEVER))
		fail("%s: packets wait for ever", host->name);
	if (window->on && seat->side->config->session.window != SESSION_WINDOW_ON)
		fail("%s: a window that nobody wanted", host->name);
	if (window->size > window->maximum)
		fail("%s: a window of %u, where the peer said %u", host->name, window->size,
			window->maximum);
	tally.windows += window->held != 0;
}

void host_tick(struct host *host)
{
	uint64_t now = host->world->now;
	drain(host, &host->to_worker);
	drain(host, &host->to_control);
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &host->seats[i];
		if (!seat->attached || datapath_deadline(&seat->datapath) > now)
			continue;
		struct packet_list list = outputs();
		datapath_tick(&host->engine, &seat->datapath, now, &list);
		if (datapath_deadline(&seat->datapath) <= now)
			fail("%s: a data path's deadline lies in the past after its tick",
				host->name);
		dispatch(host, &list);
	}
	for (int i = 0; i < SEATS; i++)
		if (host->seats[i].attached)
			check_window(host, &host->seats[i]);
	datapath_idle(&host->engine);
}

static uint64_t ring_due(const struct ring *ring)
{
	return ring->count ? ring->records[ring->first].due : NEVER;
}

uint64_t host_deadline(const struct host *host)
{
	uint64_t deadline = ring_due(&host->to_worker), due = ring_due(&host->to_control);
	if (due < deadline)
		deadline = due;
	for (int i = 0; i < SEATS; i++) {
		const struct seat *seat = &host->seats[i];
		if (seat->attached && (due = datapath_deadline(&seat->datapath)) < deadline)
			deadline = due;
	}
	return deadline;
}
