/* The traffic of a load, and what is learnt from it (see bench_plane.h).
 *
 * Traffic is sent a millisecond's share at a time, to one session after another, 64 packets to a
 * batch: every batch is of that many sessions, and none of them sees a burst. At the rate `max` a
 * ping waits for answers instead of time: WINDOW of them are under way for each session. When no
 * answer has come for a while, what is under way is given up for lost, so that a loss slows nothing
 * down for ever. Datagrams have no answers to wait for, so `max` sends as many as this machine can.
 *
 * --reorder sends two packets of a session in exchanged places. With P per cent of all packets to
 * be ahead of their turn and at most one in a pair, a pair is drawn with P / (100 - P).
 *
 * Round trips of LCP echo are taken here, where frames pass: from the command that sends a request
 * to the reply with its identifier. A request that is still unanswered when the next one leaves, or
 * when its session ends, is lost. */
#include <assert.h>
#include <string.h>

#include "bench_line.h"
#include "clock.h"
#include "subject.h"

enum {
	TRAFFIC_A_TURN = 1024, /* packets sent before others of the loop get their turn */
	WINDOW = 16,           /* of a session, and of all of them: */
	WINDOW_MAX = 1024,
	LCP_NUMBER = 0xc021,
	LCP_ECHO_REQUEST = 9,
	LCP_ECHO_REPLY = 10,
};
#define GIVE_UP MS(200)

/* LCP echo. */

static bool is_echo(const uint8_t *frame, size_t length, uint8_t code, uint8_t *id)
{
	struct reader r = reader_over(frame, length);
	bool fits = read_u16(&r) == LCP_NUMBER && read_u8(&r) == code;
	*id = read_u8(&r);
	return fits && !r.failed;
}

static void echo_lost(struct dataplane *plane, struct line *line)
{
	if (!line->echo_waits)
		return;
	line->echo_waits = false;
	plane->echoes_waiting--;
	plane->echo.lost++;
}

void carry_command(struct dataplane *plane, struct line *line,
	const struct datapath_command *command, const uint8_t *frame, uint64_t now)
{
	uint8_t id;
	if (command->kind != DATAPATH_FRAME || plane->settling ||
		!is_echo(frame, command->frame.length, LCP_ECHO_REQUEST, &id))
		return;
	echo_lost(plane, line);
	line->echo_id = id;
	line->echo_sent = now;
	line->echo_waits = true;
	plane->echoes_waiting++;
	plane->echo.sent++;
}

void carry_control(
	struct dataplane *plane, struct line *line, const struct packet *packet, uint64_t now)
{
	uint8_t id;
	if (!line->echo_waits || !is_echo(packet->bytes, packet->length, LCP_ECHO_REPLY, &id) ||
		line->echo_id != id)
		return;
	line->echo_waits = false;
	plane->echoes_waiting--;
	plane->echo.answered++;
	histogram_add(&plane->echo.round_trip, now - line->echo_sent);
}

/* Answers. */

void carry_inner(struct dataplane *plane, const struct packet *packet, uint64_t now)
{
	struct line *line = line_of(packet->datapath);
	uint64_t sent;
	if (!traffic_answer(&plane->traffic, packet->bytes, packet->length, now, &sent))
		return;
	plane->answered_at = now;
	plane->counts.answered++;
	plane->counts.sessions_answered += !line->answered;
	line->answered = true;
	plane->counts.bytes_answered += packet->length;
	histogram_add(&plane->counts.round_trip, now - sent);
}

/* Sending. */

static bool unlimited(const struct dataplane *plane)
{
	return plane->bench.traffic.rate == TRAFFIC_RATE_UNLIMITED;
}

static void set_pace(struct dataplane *plane, uint64_t now)
{
	if (!unlimited(plane))
		pacer_set(&plane->pacer, (uint64_t)plane->carrier_count * plane->bench.traffic.rate,
			now);
}

/* How many packets the window has room for. */
static uint32_t window_room(struct dataplane *plane, uint64_t now)
{
	struct bench_counts *counts = &plane->counts;
	if (plane->bench.traffic.kind == TRAFFIC_UDP)
		return TRAFFIC_A_TURN;
	if (now - plane->answered_at > GIVE_UP) {
		plane->given_up = counts->sent - counts->answered;
		plane->answered_at = now;
	}
	uint64_t window = (uint64_t)plane->carrier_count * WINDOW;
	uint64_t done = counts->answered + plane->given_up;
	uint64_t under_way = counts->sent > done ? counts->sent - done : 0;
	if (window > WINDOW_MAX)
		window = WINDOW_MAX;
	return under_way < window ? (uint32_t)(window - under_way) : 0;
}

static void make_packet(struct dataplane *plane, size_t at, struct line *line, uint64_t now)
{
	uint8_t *bytes = plane->inner_bytes[at];
	plane->counts.sessions_asked += !line->asked;
	line->asked = true;
	traffic_build(&plane->traffic, bytes, &line->flow, line->sequence++, now);
	plane->inner[at] = (struct packet){.datapath = &line->dp,
		.kind = PACKET_INNER,
		.bytes = bytes,
		.length = plane->traffic.spec.size,
		.capacity = OUTER_MAX};
}

static bool chance(struct dataplane *plane)
{
	return plane->pair_chance && random_u32(&plane->random) < plane->pair_chance;
}

/* Fills a batch; `pairs` says which neighbours are to change places. */
static size_t make_batch(struct dataplane *plane, uint32_t due, uint64_t now)
{
	size_t count = 0, most = due < BATCH_MAX ? due : BATCH_MAX;
	memset(plane->pairs, 0, sizeof plane->pairs);
	while (count < most) {
		if (plane->carrier_next >= plane->carrier_count)
			plane->carrier_next = 0;
		struct line *line = &plane->lines[plane->carriers[plane->carrier_next++]];
		make_packet(plane, count++, line, now);
		if (count < BATCH_MAX && chance(plane)) {
			plane->pairs[count - 1] = true;
			make_packet(plane, count++, line, now);
		}
	}
	return count;
}

/* Only where each packet became one: then places in the batch are places in the list. */
static void swap_pairs(struct dataplane *plane, size_t count)
{
	struct packet *at = plane->work->packets;
	if (plane->work->list.count != count)
		return;
	for (size_t i = 0; i + 1 < count; i++) {
		if (!plane->pairs[i])
			continue;
		struct packet first = at[i];
		at[i] = at[i + 1];
		at[i + 1] = first;
		plane->counts.swapped++;
	}
}

static void send_batch(struct dataplane *plane, size_t count)
{
	uint64_t now = clock_now();
	size_t made = 0, refused = 0;
	for (size_t at = 0; at < count;) {
		struct packet_list *list = plane_work_lent(plane);
		size_t taken =
			datapath_seal(&plane->engine, plane->inner + at, count - at, now, list);
		assert(taken || list->count);
		if (taken == count)
			swap_pairs(plane, count);
		at += taken;
		for (size_t i = 0; i < list->count; i++)
			made += list->at[i].kind == PACKET_OUTER;
		refused += plane_send(plane, plane->work);
	}
	plane->counts.sent += count;
	plane->counts.bytes_sent += count * plane->traffic.spec.size;
	plane->counts.unsendable += (made < count ? count - made : 0) + refused;
	for (size_t i = 0; i < count; i++)
		plane_touch(plane, line_of(plane->inner[i].datapath));
}

bool carry_wanted(const struct dataplane *plane)
{
	return plane->carrying && plane->carrier_count;
}

bool carry_unlimited(const struct dataplane *plane)
{
	return carry_wanted(plane) && unlimited(plane);
}

void carry_send(struct dataplane *plane)
{
	uint64_t now = clock_now();
	if (!carry_wanted(plane))
		return;
	int64_t due = unlimited(plane) ? window_room(plane, now)
				       : pacer_due(&plane->pacer, now, TRAFFIC_A_TURN);
	for (due -= plane->overdrawn; due > 0;) {
		size_t count = make_batch(plane, (uint32_t)due, now);
		send_batch(plane, count);
		due -= (int64_t)count;
		now = clock_now();
	}
	/* The second of a pair may be one more than was due. */
	plane->overdrawn = unlimited(plane) ? 0 : -due;
}

/* From outside. */

void bench_plane_configure(struct dataplane *plane, const struct bench_plane_config *config)
{
	plane->bench = *config;
	assert(config->reorder <= 50);
	traffic_init(&plane->traffic, &config->traffic, random_u32(&plane->random));
	plane->pair_chance = ((uint64_t)config->reorder << 32) / (100 - config->reorder);
}

void bench_plane_carry(struct dataplane *plane, uint32_t subject, uint32_t local4, uint32_t remote4)
{
	uint32_t index = subject_index(subject);
	struct line *line = &plane->lines[index];
	assert(index < plane->config.sessions_max);
	if (line->subject != subject || line->carrier)
		return;
	line->flow = (struct traffic_flow){.source = local4,
		.target = plane->bench.target ? plane->bench.target : remote4,
		.id = line->dp.local_call_id};
	plane->carriers[plane->carrier_count++] = index;
	line->carrier = plane->carrier_count;
	set_pace(plane, clock_now());
}

void carry_end(struct dataplane *plane, struct line *line)
{
	if (plane->settling && line->echo_waits) { /* cut off by us: neither answered nor lost */
		line->echo_waits = false;
		plane->echoes_waiting--;
		plane->echo.sent--;
	}
	echo_lost(plane, line);
	if (!line->carrier)
		return;
	uint32_t last = plane->carriers[--plane->carrier_count];
	plane->carriers[line->carrier - 1] = last;
	plane->lines[last].carrier = line->carrier;
	line->carrier = 0;
	set_pace(plane, clock_now());
}

void bench_plane_start(struct dataplane *plane)
{
	uint64_t now = clock_now();
	plane->carrying = plane->traffic.spec.kind != TRAFFIC_NONE;
	plane->answered_at = now;
	pacer_start(&plane->pacer, 0, now);
	set_pace(plane, now);
}

void bench_plane_settle(struct dataplane *plane)
{
	plane->carrying = false;
	plane->settling = true;
	plane->counts.behind = plane->pacer.missed;
}

bool bench_plane_settled(const struct dataplane *plane)
{
	const struct bench_counts *counts = &plane->counts;
	return !plane->echoes_waiting && counts->answered + counts->unsendable >= counts->sent;
}

void bench_plane_finish(struct dataplane *plane)
{
	for (uint32_t i = 0; i < plane->config.sessions_max && plane->echoes_waiting; i++)
		echo_lost(plane, &plane->lines[i]);
}

const struct bench_counts *bench_plane_counts(const struct dataplane *plane)
{
	return &plane->counts;
}

const struct bench_echo *bench_plane_echo(const struct dataplane *plane)
{
	return &plane->echo;
}
