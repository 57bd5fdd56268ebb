/* Fragments of a bundle put together (see multilink.h). RFC 1990 §3 (format), §4 and §4.1 (loss).
 *
 * What is held is a list sorted by number, in slots of the pool that reordering uses too. Its head
 * is looked at whenever something changed: a run that begins with B and ends with E is a packet; a
 * hole in front of it or in it is waited for until it is lost (every link has brought a later
 * number, or `forgone` says so), and then the rest of that packet goes with it.
 *
 * Where this goes beyond the RFC:
 * - a link that is silent has no say after MULTILINK_SILENT, so that a dead one does not make each
 *   loss cost the whole wait until its keepalive ends it;
 * - a run of late fragments means that the sender counts anew, and is followed.
 * The four bits behind B and E are of multi-class multilink (RFC 2686), which is not agreed to;
 * they are ignored. */
#include "multilink.h"

#include <assert.h>
#include <string.h>

#include "frame.h"
#include "serial.h"

enum { BEGINS = 0x80, ENDS = 0x40, SHORT_BITS = 12, LONG_BITS = 24 };

static uint32_t number_mask(bool short_sequence)
{
	return (1u << (short_sequence ? SHORT_BITS : LONG_BITS)) - 1;
}

bool multilink_parse(struct multilink_header *header, struct reader *r, bool short_sequence)
{
	uint32_t word = short_sequence ? (uint32_t)read_u16(r) << 16 : read_u32(r);

	header->begins = word >> 24 & BEGINS;
	header->ends = word >> 24 & ENDS;
	header->sequence = (short_sequence ? word >> 16 : word) & number_mask(short_sequence);
	return !r->failed;
}

struct reader multilink_unwrap(struct reader frame, bool short_sequence)
{
	struct multilink_header header;
	struct reader inside = frame;

	if (read_u16(&inside) == PROTOCOL_MULTILINK &&
		multilink_parse(&header, &inside, short_sequence) && header.begins && header.ends)
		return inside;
	return frame;
}

void multilink_build(struct writer *w, const struct multilink_header *header, bool short_sequence)
{
	uint32_t bits = (header->begins ? BEGINS : 0) | (header->ends ? ENDS : 0);
	uint32_t sequence = header->sequence & number_mask(short_sequence);

	if (short_sequence)
		write_u16(w, (uint16_t)(bits << 8 | sequence));
	else
		write_u32(w, bits << 24 | sequence);
}

/* Receiving. */

void multilink_receive_init(struct multilink_receiver *r, uint16_t mrru, bool short_sequence,
	uint32_t drops[DROP_PACKETS])
{
	assert(mrru <= MRRU_MAX);
	memset(r, 0, sizeof(*r));
	r->drops = drops;
	r->mrru = mrru;
	r->short_sequence = short_sequence;
	r->expires = NEVER;
	r->head = HOLD_NONE;
}

void multilink_link_up(struct multilink_receiver *r, unsigned link, uint64_t now)
{
	assert(link < BUNDLE_LINKS_MAX);
	r->links |= 1u << link;
	r->link[link].last = r->next - 1;
	r->link[link].heard = now;
}

void multilink_link_down(struct multilink_receiver *r, unsigned link)
{
	r->links &= ~(1u << link);
}

/* Received numbers go on from the newest, in whichever direction is nearer. */
static uint32_t continue_number(struct multilink_receiver *r, uint32_t sequence)
{
	unsigned unused = 32 - (r->short_sequence ? SHORT_BITS : LONG_BITS);

	if (r->started) {
		int32_t ahead = (int32_t)((sequence - r->newest) << unused);
		return r->newest + (uint32_t)(ahead >> unused);
	}
	/* A bundle begins at 0, unless we come late to it. */
	r->started = true;
	r->newest = sequence;
	r->next = sequence << unused >> 31 ? sequence : 0;
	for (unsigned link = 0; link < BUNDLE_LINKS_MAX; link++)
		r->link[link].last = r->next - 1;
	return sequence;
}

static void restart(struct multilink_receiver *r, struct hold_pool *pool, uint32_t number)
{
	multilink_clear(r, pool);
	r->next = r->newest = number;
	r->late = 0;
	for (unsigned link = 0; link < BUNDLE_LINKS_MAX; link++)
		r->link[link].last = number - 1;
}

static bool is_silent(const struct multilink_receiver *r, unsigned link, uint64_t now)
{
	return r->link[link].heard + MULTILINK_SILENT <= now;
}

/* Notes that a number came over a link; false when it comes too late. */
static bool arrive(struct multilink_receiver *r, struct hold_pool *pool, unsigned link,
	uint32_t number, uint64_t now)
{
	if (serial_after(r->next, number)) {
		if (++r->late < MULTILINK_LATE_RUN)
			return false;
		restart(r, pool, number);
	}
	r->late = 0;
	if (is_silent(r, link, now) || serial_after(number, r->link[link].last))
		r->link[link].last = number;
	r->link[link].heard = now;
	if (serial_after(number, r->newest))
		r->newest = number;
	return true;
}

/* The RFC's M: no number before it that is missing will still come. */
static uint32_t certain(const struct multilink_receiver *r, uint64_t now)
{
	bool found = false;
	uint32_t least = r->next;

	for (uint32_t links = r->links; links; links &= links - 1) {
		unsigned link = (unsigned)__builtin_ctz(links);
		if (is_silent(r, link, now))
			continue;
		if (!found || serial_after(least, r->link[link].last))
			least = r->link[link].last;
		found = true;
	}
	return serial_after(r->forgone, least) ? r->forgone : least;
}

static uint16_t next_of(const struct hold_pool *pool, uint16_t index)
{
	return hold_at(pool, index)->next;
}

/* The slot to stand behind: HOLD_NONE for the front. False when the number is there already. */
static bool find_place(const struct multilink_receiver *r, const struct hold_pool *pool,
	uint32_t number, uint16_t *behind)
{
	*behind = HOLD_NONE;
	if (r->head == HOLD_NONE)
		return true;
	if (serial_after(number, hold_at(pool, r->tail)->sequence)) {
		*behind = r->tail;
		return true;
	}
	uint16_t at = r->head;
	while (serial_after(number, hold_at(pool, at)->sequence)) {
		*behind = at;
		at = next_of(pool, at);
	}
	return hold_at(pool, at)->sequence != number;
}

static void link_slot(
	struct multilink_receiver *r, struct hold_pool *pool, uint16_t index, uint16_t behind)
{
	struct hold_slot *slot = hold_at(pool, index);

	if (behind == HOLD_NONE) {
		slot->next = r->head;
		r->head = index;
	} else {
		slot->next = hold_at(pool, behind)->next;
		hold_at(pool, behind)->next = index;
	}
	if (slot->next == HOLD_NONE)
		r->tail = index;
	r->held++;
}

static bool keep(struct multilink_receiver *r, struct hold_pool *pool,
	const struct multilink_header *header, uint32_t number, const struct reader *body,
	uint8_t tos)
{
	uint16_t behind;

	if (!find_place(r, pool, number, &behind)) {
		r->drops[DROP_MP_LATE]++;
		return false;
	}
	uint16_t index = hold_take(pool);
	if (index == HOLD_NONE) {
		r->drops[DROP_HOLD_FULL]++;
		multilink_expire(r, pool); /* room is made at the front */
		return false;
	}
	struct hold_slot *slot = hold_at(pool, index);
	slot->sequence = number;
	slot->length = (uint16_t)reader_left(body);
	slot->tos = tos;
	slot->begins = header->begins;
	slot->ends = header->ends;
	memcpy(slot->frame, body->at, slot->length);
	link_slot(r, pool, index, behind);
	return true;
}

/* Whether the first fragment there is is this one. */
static bool is_kept(
	const struct multilink_receiver *r, const struct hold_pool *pool, uint32_t number)
{
	return r->head != HOLD_NONE && hold_at(pool, r->head)->sequence == number;
}

enum multilink_verdict multilink_take(struct multilink_receiver *r, struct hold_pool *pool,
	unsigned link, struct reader fragment, uint8_t tos, uint64_t now)
{
	struct multilink_header header;

	if (!multilink_parse(&header, &fragment, r->short_sequence)) {
		r->drops[DROP_MP_SHORT]++;
		return MULTILINK_REFUSED;
	}
	uint32_t number = continue_number(r, header.sequence);
	if (!arrive(r, pool, link, number, now)) {
		r->drops[DROP_MP_LATE]++;
		return MULTILINK_REFUSED;
	}
	/* One that holds more than a whole packet may is not kept; its number is a hole. */
	if (reader_left(&fragment) > r->mrru + 2u) {
		r->drops[DROP_MP_SIZE]++;
		return MULTILINK_REFUSED;
	}
	if (number == r->next && header.begins && header.ends && !is_kept(r, pool, number)) {
		r->next++;
		return MULTILINK_WHOLE;
	}
	return keep(r, pool, &header, number, &fragment, tos) ? MULTILINK_KEPT : MULTILINK_REFUSED;
}

/* Takes the first `count` fragments off the list; returns the first of them, still linked. */
static uint16_t detach(struct multilink_receiver *r, const struct hold_pool *pool, uint16_t count)
{
	uint16_t first = r->head;

	for (uint16_t n = 0; n < count; n++) {
		const struct hold_slot *slot = hold_at(pool, r->head);
		r->next = slot->sequence + 1;
		r->head = slot->next;
	}
	r->held -= count;
	return first;
}

static void discard(
	struct multilink_receiver *r, struct hold_pool *pool, uint16_t count, enum drop why)
{
	uint16_t at = detach(r, pool, count);

	r->drops[why] += count;
	while (count--) {
		uint16_t after = next_of(pool, at);
		hold_give(pool, at);
		at = after;
	}
}

static struct reader assemble(
	struct multilink_receiver *r, struct hold_pool *pool, uint16_t count, uint8_t *tos)
{
	struct writer w = writer_over(r->packet, sizeof(r->packet));
	uint16_t at = detach(r, pool, count);

	*tos = hold_at(pool, at)->tos;
	while (count--) {
		const struct hold_slot *slot = hold_at(pool, at);
		uint16_t after = slot->next;
		write_bytes(&w, slot->frame, slot->length);
		hold_give(pool, at);
		at = after;
	}
	assert(!w.failed);
	return reader_over(r->packet, writer_length(&w));
}

/* The fragments at the head that follow one another, from a first to a last one. */
struct run {
	uint16_t count;
	size_t length;
	bool complete; /* the last one is there */
	bool broken;   /* another packet begins before that, or it is too large */
	uint32_t hole; /* else: the number that is missing */
};

static struct run look_at_run(const struct multilink_receiver *r, const struct hold_pool *pool)
{
	struct run run = {.hole = r->next};

	for (uint16_t at = r->head; at != HOLD_NONE; at = next_of(pool, at)) {
		const struct hold_slot *slot = hold_at(pool, at);
		if (slot->sequence != run.hole)
			break;
		run.broken = run.count && slot->begins;
		if (run.broken)
			break;
		run.count++;
		run.length += slot->length;
		run.hole++;
		run.complete = slot->ends;
		run.broken = run.length > r->mrru + 2u;
		if (run.complete || run.broken)
			break;
	}
	return run;
}

static void wait_for(struct multilink_receiver *r, uint32_t hole, uint64_t now)
{
	if (r->expires == NEVER || r->hole != hole)
		r->expires = now + MULTILINK_WAIT;
	r->hole = hole;
}

/* As many wait as may: nothing more is waited for. */
static bool is_crowded(const struct multilink_receiver *r)
{
	return r->held >= MULTILINK_HELD;
}

/* What is missing before the head of the list, as far as it is lost. True: look again. */
static bool pass_hole(struct multilink_receiver *r, const struct hold_pool *pool, uint64_t now)
{
	uint32_t until = certain(r, now), head = hold_at(pool, r->head)->sequence;

	if (is_crowded(r) || serial_after(until, head))
		until = head;
	if (serial_after(until, r->next)) {
		r->lost += until - r->next;
		r->next = until;
	}
	if (r->next == head)
		return true;
	wait_for(r, r->next, now);
	return false;
}

static bool find_packet(struct multilink_receiver *r, struct hold_pool *pool, struct reader *packet,
	uint8_t *tos, uint64_t now)
{
	while (r->head != HOLD_NONE) {
		const struct hold_slot *head = hold_at(pool, r->head);
		if (head->sequence != r->next) {
			if (!pass_hole(r, pool, now))
				return false;
			continue;
		}
		if (!head->begins) { /* what came before it is lost */
			discard(r, pool, 1, DROP_MP_INCOMPLETE);
			continue;
		}
		struct run run = look_at_run(r, pool);
		if (run.broken) {
			bool large = run.length > r->mrru + 2u;
			discard(r, pool, run.count, large ? DROP_MP_SIZE : DROP_MP_INCOMPLETE);
		} else if (run.complete) {
			*packet = assemble(r, pool, run.count, tos);
			return true;
		} else if (is_crowded(r) || serial_after(certain(r, now), run.hole)) {
			discard(r, pool, run.count, DROP_MP_INCOMPLETE);
		} else {
			wait_for(r, run.hole, now);
			return false;
		}
	}
	r->expires = NEVER;
	return false;
}

bool multilink_next(struct multilink_receiver *r, struct hold_pool *pool, struct reader *packet,
	uint8_t *tos, uint64_t now)
{
	if (find_packet(r, pool, packet, tos, now))
		return true;
	r->forgone = r->next; /* what was to be given up is */
	return false;
}

void multilink_expire(struct multilink_receiver *r, const struct hold_pool *pool)
{
	uint16_t at = r->head;
	uint32_t number = r->next;

	/* To the first fragment behind the first hole; where there is none, over one number. */
	while (at != HOLD_NONE && hold_at(pool, at)->sequence == number) {
		at = next_of(pool, at);
		number++;
	}
	r->forgone = at == HOLD_NONE ? number + 1 : hold_at(pool, at)->sequence;
	r->expires = NEVER;
}

void multilink_clear(struct multilink_receiver *r, struct hold_pool *pool)
{
	while (r->head != HOLD_NONE) {
		uint16_t at = r->head;
		r->head = next_of(pool, at);
		hold_give(pool, at);
	}
	r->held = 0;
	r->expires = NEVER;
}

/* Sending. */

void multilink_send_init(struct multilink_sender *s, bool short_sequence)
{
	*s = (struct multilink_sender){.short_sequence = short_sequence};
}

void multilink_send_up(struct multilink_sender *s, unsigned link)
{
	assert(link < BUNDLE_LINKS_MAX);
	s->sent[link] = s->links ? s->sent[multilink_turn(s)] : 0;
	s->links |= 1u << link;
}

void multilink_send_down(struct multilink_sender *s, unsigned link)
{
	s->links &= ~(1u << link);
}

unsigned multilink_turn(const struct multilink_sender *s)
{
	assert(s->links);
	unsigned least = (unsigned)__builtin_ctz(s->links);

	for (uint32_t links = s->links; links; links &= links - 1) {
		unsigned link = (unsigned)__builtin_ctz(links);
		if (s->sent[link] < s->sent[least])
			least = link;
	}
	return least;
}

struct multilink_header multilink_number(
	struct multilink_sender *s, unsigned link, size_t octets, bool begins, bool ends)
{
	s->sent[link] += octets;
	return (struct multilink_header){.begins = begins, .ends = ends, .sequence = s->next++};
}
