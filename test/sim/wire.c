/* Wires and pipes (see wire.h). A wire is a binary heap of its packets by time of arrival; slots
 * are reused last in, first out, so that a run touches little memory. */
#include "wire.h"

#include <assert.h>
#include <string.h>

void wire_init(struct wire *wire, const struct wire_rules *rules)
{
	wire->rules = *rules;
	wire->last_due[0] = wire->last_due[1] = 0;
	wire->sent = wire->overflowed = 0;
	wire->waiting = 0;
	wire->free_count = WIRE_PACKETS;
	for (uint16_t i = 0; i < WIRE_PACKETS; i++)
		wire->free[i] = (uint16_t)(WIRE_PACKETS - 1 - i);
}

static bool earlier(const struct wire *wire, uint16_t a, uint16_t b)
{
	const struct wire_packet *x = &wire->packets[a], *y = &wire->packets[b];
	return x->due != y->due ? x->due < y->due : x->order < y->order;
}

static void heap_up(struct wire *wire, uint16_t at)
{
	uint16_t moved = wire->heap[at];
	while (at) {
		uint16_t parent = (uint16_t)((at - 1) / 2);
		if (!earlier(wire, moved, wire->heap[parent]))
			break;
		wire->heap[at] = wire->heap[parent];
		at = parent;
	}
	wire->heap[at] = moved;
}

static void heap_down(struct wire *wire, uint16_t at)
{
	uint16_t moved = wire->heap[at];
	for (;;) {
		uint16_t child = (uint16_t)(2 * at + 1);
		if (child >= wire->waiting)
			break;
		if (child + 1 < wire->waiting &&
			earlier(wire, wire->heap[child + 1], wire->heap[child]))
			child++;
		if (!earlier(wire, wire->heap[child], moved))
			break;
		wire->heap[at] = wire->heap[child];
		at = child;
	}
	wire->heap[at] = moved;
}

static void put(
	struct wire *wire, uint64_t due, const struct packet *sent, struct dice *dice, bool corrupt)
{
	size_t length = sent->length;
	if (!wire->free_count) {
		wire->overflowed++;
		return;
	}
	assert(length <= WIRE_BYTES);
	uint16_t slot = wire->free[--wire->free_count];
	struct wire_packet *packet = &wire->packets[slot];
	packet->due = due;
	packet->order = wire->sent++;
	packet->length = (uint16_t)length;
	packet->tos = sent->tos;
	packet->early = wire->rules.backlog && sent->control;
	if (wire->rules.mark && dice_chance(dice, wire->rules.mark))
		packet->tos |= 3;
	memcpy(packet->bytes, sent->bytes, length);
	if (corrupt && length)
		packet->bytes[dice_below(dice, (uint32_t)length)] ^=
			(uint8_t)(1u << dice_below(dice, 8));
	wire->heap[wire->waiting] = slot;
	heap_up(wire, wire->waiting++);
}

void wire_send(struct wire *wire, struct dice *dice, uint64_t now, const struct packet *packet)
{
	const struct wire_rules *rules = &wire->rules;
	if (rules->black_hole || dice_chance(dice, rules->lose))
		return;
	uint64_t due = now + rules->delay + dice_below(dice, rules->jitter);
	bool passes = rules->backlog && packet->control;
	if (!passes)
		due += rules->backlog;
	if (dice_chance(dice, rules->reorder))
		due += 1 + dice_below(dice, rules->reorder_delay);
	else if (due < wire->last_due[passes])
		due = wire->last_due[passes];
	else
		wire->last_due[passes] = due;
	bool corrupt = dice_chance(dice, rules->corrupt);
	put(wire, due, packet, dice, corrupt);
	if (dice_chance(dice, rules->duplicate))
		put(wire, due + dice_below(dice, rules->reorder_delay + 1), packet, dice, false);
}

uint64_t wire_due(const struct wire *wire)
{
	return wire->waiting ? wire->packets[wire->heap[0]].due : NEVER;
}

struct wire_packet *wire_receive(struct wire *wire, uint64_t now)
{
	if (wire_due(wire) > now)
		return NULL;
	uint16_t slot = wire->heap[0];
	wire->heap[0] = wire->heap[--wire->waiting];
	if (wire->waiting)
		heap_down(wire, 0);
	wire->free[wire->free_count++] = slot;
	return wire->rules.black_hole ? wire_receive(wire, now) : &wire->packets[slot];
}

void pipe_init(struct pipe *pipe, uint32_t delay, uint32_t jitter, bool whole)
{
	pipe->delay = delay;
	pipe->jitter = jitter;
	pipe->whole = whole;
	pipe->black_hole = pipe->ended = false;
	pipe->last_due = 0;
	pipe->end_due = NEVER;
	pipe->head = pipe->tail = 0;
	pipe->first = pipe->count = 0;
}

static void add_segment(struct pipe *pipe, struct dice *dice, uint64_t now, uint32_t length)
{
	uint64_t due = now + pipe->delay + dice_below(dice, pipe->jitter);
	if (due < pipe->last_due)
		due = pipe->last_due;
	pipe->last_due = due;
	assert(pipe->first + pipe->count < PIPE_SEGMENTS);
	pipe->segments[pipe->first + pipe->count].due = due;
	pipe->segments[pipe->first + pipe->count].length = length;
	pipe->count++;
}

void pipe_write(
	struct pipe *pipe, struct dice *dice, uint64_t now, const uint8_t *bytes, size_t length)
{
	if (pipe->black_hole || pipe->ended || pipe->end_due != NEVER)
		return;
	if (!pipe->count)
		pipe->head = pipe->tail = pipe->first = 0;
	assert(pipe->tail + length <= PIPE_BYTES);
	memcpy(pipe->bytes + pipe->tail, bytes, length);
	pipe->tail += (uint32_t)length;
	while (length) {
		uint32_t part = (uint32_t)length;
		if (!pipe->whole && dice_chance(dice, 3000))
			part = dice_between(dice, 1, part);
		add_segment(pipe, dice, now, part);
		length -= part;
	}
}

void pipe_end(struct pipe *pipe, uint64_t now)
{
	if (pipe->ended || pipe->end_due != NEVER || pipe->black_hole)
		return;
	uint64_t due = now + pipe->delay;
	pipe->end_due = due < pipe->last_due ? pipe->last_due : due;
}

uint64_t pipe_due(const struct pipe *pipe)
{
	if (pipe->black_hole || pipe->ended)
		return NEVER;
	return pipe->count ? pipe->segments[pipe->first].due : pipe->end_due;
}

const uint8_t *pipe_read(struct pipe *pipe, uint64_t now, size_t *length, bool *end)
{
	*length = 0;
	*end = false;
	if (pipe_due(pipe) > now)
		return NULL;
	uint32_t start = pipe->head;
	while (pipe->count && pipe->segments[pipe->first].due <= now) {
		pipe->head += pipe->segments[pipe->first].length;
		pipe->first++;
		pipe->count--;
	}
	*length = pipe->head - start;
	if (!*length)
		*end = pipe->ended = true;
	return pipe->bytes + start;
}

void pipe_cut(struct pipe *pipe)
{
	pipe->count = 0;
	pipe->end_due = NEVER;
	pipe->ended = true;
}
