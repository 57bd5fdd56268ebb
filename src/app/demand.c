/* Packets to a unit without a session (see demand.h).
 *
 * The unit's TUN is read here, on the control thread, only while no session has it: that is when
 * nothing can be lost but patience. The offloads that the data plane switched on are off meanwhile,
 * so that packets come whole; what the kernel had in the queue before that is made whole here, or
 * dropped when it is a super-packet.
 *
 * A unit of the kernel's PPP is read in the same way, while it loops (parked.h), and only until the
 * control connection stands: from then on the session's frames come by the same descriptor, and
 * what is sent before it is up is dropped, as with pppd.
 *
 * What waited goes to the data plane as frames of the control plane's, marked as traffic, right
 * behind the command that hands it the TUN: an answer may be back before another system call is
 * made here, and must find it. The TUN is empty by then, so that nothing overtakes what waited. */
#include "demand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "clock.h"
#include "frame.h"
#include "inner.h"
#include "notify.h"
#include "parked.h"
#include "peer.h"
#include "redial.h"
#include "waiting.h"

enum demand_state {
	DEMAND_REFUSES,
	DEMAND_WAITS,
	DEMAND_COLLECTS,
};

enum { GATHERED_MAX = 1 + WAITING_PACKETS / BATCH_MAX };

struct demand {
	enum demand_state state;
	uv_poll_t poll;
	bool asked; /* the peer, whether it is there */
	struct parked parked;
	struct tun_batch batch;
	struct waiting waiting;
	uint8_t arena[TUN_ARENA_SIZE];
};

static void drop(struct client *client, enum drop why, uint32_t count)
{
	client->host.drops[why] += count;
}

static void forget_waiting(struct client *client)
{
	struct waiting *waiting = &client->demand->waiting;
	drop(client, DROP_UNIT_QUEUE, waiting->count);
	waiting->first = waiting->count = 0;
	waiting->bytes = 0;
}

static void tell_dial(struct client *client, const uint8_t *ip, size_t length)
{
	struct inner inner;
	if (!inner_parse(&inner, ip, length))
		return;
	log_line(&client->host.log, LOG_LINE_INFO,
		"Starting link: IPv%u packet %s > %s protocol=%u length=%zu interface=%s",
		inner.version, shown_address(&inner.source), shown_address(&inner.destination),
		inner.protocol, length, client->unit.interface);
}

/* Whether it is the packet to dial for. */
static bool dials(const struct client *client, const uint8_t *ip, size_t length)
{
	return waiting_is_wish(ip, length) &&
	       packet_filter_takes(client->host.filters.active, true, ip, length);
}

/* The kernel left its checksum to us: the field holds the sum of the pseudo header. */
static bool make_whole(const struct packet *packet)
{
	const struct offload *offload = &packet->offload;
	if (offload->kind != OFFLOAD_NONE)
		return false;
	if (!offload->checksum_missing)
		return true;
	uint8_t *from = packet->bytes + offload->checksum_start;
	size_t length = packet->length - offload->checksum_start;
	uint16_t sum = (uint16_t)~checksum_of(0, from, length);
	put_u16(from + offload->checksum_offset, sum ? sum : UINT16_MAX);
	return true;
}

static void take(struct client *client, const struct packet *packet)
{
	struct demand *demand = client->demand;
	uint64_t now = clock_now();
	if (!packet_filter_takes(client->host.filters.pass, true, packet->bytes, packet->length)) {
		drop(client, DROP_FILTERED, 1);
		return;
	}
	if (demand->state == DEMAND_REFUSES) {
		drop(client, DROP_UNIT_DOWN, 1);
		return;
	}
	bool dial = demand->state == DEMAND_WAITS;
	if (dial && !dials(client, packet->bytes, packet->length)) {
		drop(client, DROP_UNIT_INACTIVE, 1);
		return;
	}
	drop(client, DROP_UNIT_QUEUE, waiting_expire(&demand->waiting, now));
	if (!make_whole(packet) ||
		!waiting_put(&demand->waiting, packet->bytes, packet->length, now))
		drop(client, DROP_UNIT_QUEUE, 1);
	if (!dial)
		return;
	tell_dial(client, packet->bytes, packet->length);
	client_dial(client);
}

static void on_packets(uv_poll_t *poll, int status, int events)
{
	struct client *client = poll->data;
	struct demand *demand = client->demand;
	bool there = parked_read(&demand->parked, &demand->batch);
	drop(client, DROP_TUN_HEADER, demand->batch.refused);
	for (size_t i = 0; i < demand->batch.count && client->demand == demand; i++)
		take(client, &demand->batch.packets[i]);
	if (there || client->demand != demand)
		return;
	bool dialling = demand->state == DEMAND_COLLECTS;
	log_line(&client->host.log, LOG_LINE_ERROR, "Somebody removed the interface %s peer=%s",
		client->unit.interface, client->host_name);
	client_unit_close(client);
	if (!dialling) /* else the session makes a new one */
		redial_now(client, CLOSE_INTERFACE_GONE);
}

/* Watches the unit, from its last session's end on or its making. */
static bool watch(struct client *client)
{
	if (client->demand && client->demand->parked.fd >= 0)
		return true;
	demand_end(client);
	struct demand *demand = calloc(1, sizeof *demand);
	if (!demand)
		return false;
	demand->batch.arena = demand->arena;
	demand->poll.data = client;
	if (parked_open(&demand->parked, client->host.netlink, client->unit.tun,
		    client->unit.interface) < 0 ||
		uv_poll_init(&client->host.loop, &demand->poll, demand->parked.fd) < 0) {
		parked_close(&demand->parked);
		free(demand);
		return false;
	}
	client->demand = demand;
	uv_poll_start(&demand->poll, UV_READABLE, on_packets);
	return true;
}

static void be(struct client *client, enum demand_state state)
{
	if (client->unit.tun < 0 || !watch(client))
		return;
	client->demand->state = state;
	client->demand->asked = false;
}

static void on_offered(struct client *client, uint32_t subject, int failed)
{
	bool found = !failed;
	client->dialling = false;
	if (!failed) {
		failed = client_unit_make(client, 0);
		client->no_tun = failed != 0;
	}
	if (!failed)
		failed = client_unit_offer(client);
	if (!failed && !watch(client))
		failed = -ENOMEM;
	if (failed) {
		client->reason = found ? CLOSE_LOCAL_ERROR : CLOSE_TCP_FAILED;
		client_unit_close(client);
		redial_ended(client);
		return;
	}
	demand_wait(client);
}

void demand_wait(struct client *client)
{
	if (client->host.stopping)
		return;
	if (!client->demand) {
		client_connection_begins(client);
		client->dialling = true; /* so to speak: nobody else is to begin now */
		client_server_find(client, on_offered);
		return;
	}
	client->demand->state = DEMAND_WAITS;
	log_line(&client->host.log, LOG_LINE_INFO, "Waiting for a packet to dial %s interface=%s",
		client->host_name, client->unit.interface);
	notify_send(NOTIFY_UP); /* as far as it comes by itself */
}

void demand_refuse(struct client *client)
{
	be(client, DEMAND_REFUSES);
	if (client->demand)
		forget_waiting(client);
}

void demand_collect(struct client *client)
{
	be(client, DEMAND_COLLECTS);
}

bool demand_asks(struct client *client, struct seat *seat)
{
	struct demand *demand = client->demand;
	if (!demand || demand->asked || !demand->waiting.count)
		return false;
	demand->asked = seat_probe(seat);
	return demand->asked;
}

bool demand_asked(const struct client *client)
{
	return client->demand && client->demand->asked;
}

static void send_waiting(struct client *client, uint32_t subject, struct waiting_packet *packet)
{
	uint8_t frame[2 + PPP_MRU_DEFAULT];
	struct datapath_command command = {.kind = DATAPATH_FRAME, .subject = subject};
	put_u16(frame, packet->bytes[0] >> 4 == 6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4);
	memcpy(frame + 2, packet->bytes, packet->length);
	command.frame.length = (uint16_t)(packet->length + 2);
	command.frame.traffic = true;
	client->host.plane->command(client->host.dataplane, &command, frame);
}

/* Until there is no more, or no room for it. */
void demand_gather(struct client *client)
{
	struct demand *demand = client->demand;
	if (!demand || demand->parked.fd < 0)
		return;
	uv_poll_stop(&demand->poll);
	for (unsigned n = 0; n < GATHERED_MAX && parked_read(&demand->parked, &demand->batch);
		n++) {
		if (!demand->batch.count)
			break;
		for (size_t i = 0; i < demand->batch.count; i++)
			take(client, &demand->batch.packets[i]);
	}
	parked_close(&demand->parked);
}

void demand_send(struct client *client, const struct seat *seat)
{
	if (!client->demand)
		return;
	struct waiting *waiting = &client->demand->waiting;
	drop(client, DROP_UNIT_QUEUE, waiting_expire(waiting, clock_now()));
	for (struct waiting_packet *packet; (packet = waiting_first(waiting));) {
		if (seat->old_local4)
			waiting_readdress(
				packet->bytes, packet->length, seat->old_local4, seat->local4);
		send_waiting(client, seat_subject(seat), packet);
		waiting_drop_first(waiting);
	}
	demand_end(client);
}

static void on_closed(uv_handle_t *handle)
{
	free((char *)handle - offsetof(struct demand, poll));
}

void demand_end(struct client *client)
{
	struct demand *demand = client->demand;
	if (!demand)
		return;
	drop(client, DROP_UNIT_QUEUE, demand->waiting.count);
	client->demand = NULL;
	uv_poll_stop(&demand->poll);
	parked_close(&demand->parked);
	uv_close((uv_handle_t *)&demand->poll, on_closed);
}
