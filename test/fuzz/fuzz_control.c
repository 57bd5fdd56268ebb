/* A whole control connection, driven by its input: messages, time, and an app that answers late,
 * dials, clears and stops when it likes.
 *
 * The input is a list of operations, one byte each with what it needs behind it. After every one
 * the invariants hold: calls exist only in an established connection and are threaded exactly
 * while they are not idle; up and down come in pairs; every byte sent is a whole valid message;
 * no deadline lies in the past after a tick; after CONTROL_DOWN there is silence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

enum { SLOTS = CALLS_PER_TUNNEL + 4, TOKENS = 16 };

struct slot {
	struct call call;
	bool taken; /* between dial or answer, and CONTROL_CALL_DOWN */
	bool up;
};

struct world {
	struct control control;
	struct slot slots[SLOTS];
	uint32_t tokens[TOKENS];
	unsigned token_count;
	bool down;
	uint64_t now;
	struct reader in;
};

static struct world world;
static struct out_item items[CONTROL_OUT_ITEMS];
static _Alignas(8) uint8_t arena[CONTROL_OUT_BYTES];
static struct outbox out = {.items = items,
	.arena = arena,
	.item_max = CONTROL_OUT_ITEMS,
	.arena_max = CONTROL_OUT_BYTES};

static struct slot *slot_of(uint32_t subject)
{
	MUST(subject >= 1 && subject <= SLOTS);
	return &world.slots[subject - 1];
}

static void check_item(const struct out_item *item)
{
	struct pptp_message m;
	struct slot *slot;

	MUST(!world.down);
	switch (item->kind) {
	case CONTROL_BYTES:
		MUST(pptp_parse(outbox_bytes(&out, item), item->length, &m) == PPTP_PARSED);
		break;
	case CONTROL_CALL_WANTED:
		MUST(item->token && item->length == sizeof(struct call_wanted));
		world.tokens[world.token_count++ % TOKENS] = item->token;
		break;
	case CONTROL_CALL_UP:
		slot = slot_of(item->subject);
		MUST(slot->taken && !slot->up && slot->call.peer_known);
		slot->up = true;
		break;
	case CONTROL_LINK_INFO:
		MUST(slot_of(item->subject)->taken);
		break;
	case CONTROL_CALL_DOWN:
		slot = slot_of(item->subject);
		MUST(slot->taken && slot->call.state == CALL_IDLE && !slot->call.next);
		MUST(item->arg > CLOSE_NONE && item->arg < CLOSE_COUNT);
		memset(slot, 0xdd, sizeof *slot); /* nobody may look at it now */
		slot->taken = slot->up = false;
		break;
	case CONTROL_DOWN:
		MUST(item->arg > CLOSE_NONE && item->arg < CLOSE_COUNT);
		MUST(world.control.state == CONTROL_CLOSED);
		world.down = true;
		break;
	case CONTROL_DROP:
		MUST(drop_room((enum drop)item->arg) == ROOM_PPTP);
		break;
	case CONTROL_NOTE:
		MUST(item->length > 0 && item->length < CONTROL_NOTE_MAX && item->arg <= 1);
		break;
	case CONTROL_UP:
	case CONTROL_MESSAGE:
		break;
	default:
		abort();
	}
}

static void check(void)
{
	for (uint32_t i = 0; i < out.item_count; i++)
		check_item(&out.items[i]);
	outbox_clear(&out);

	const struct control *control = &world.control;
	unsigned threaded = 0, taken = 0;
	for (const struct call *call = control->calls; call; call = call->next) {
		MUST(call->state != CALL_IDLE && call->state != CALL_WAIT_LOCAL);
		MUST(slot_of(call->subject)->taken && ++threaded <= CALLS_PER_TUNNEL);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		taken += world.slots[i].taken;
	MUST(threaded == control->call_count && threaded == taken);
	MUST(!threaded || control->state == CONTROL_ESTABLISHED);
	MUST(world.down == (control->state == CONTROL_CLOSED));
	bool quiet = control->state == CONTROL_IDLE || control->state == CONTROL_CLOSED;
	MUST(!quiet || control_deadline(control) == NEVER);
	MUST(quiet || control_deadline(control) != NEVER || !control->config->echo_interval_us);
}

static struct slot *free_slot(uint32_t *subject)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!world.slots[i].taken) {
			memset(&world.slots[i], 0, sizeof world.slots[i]);
			*subject = i + 1;
			return &world.slots[i];
		}
	}
	return NULL;
}

/* Fed in one go, or as whatever the input says is there. */
static void feed(const uint8_t *bytes, size_t length)
{
	while (length) {
		size_t taken = control_input(&world.control, bytes, length, world.now, &out);
		MUST(taken <= length);
		bool over = !taken;
		if (over)
			MUST(world.control.state == CONTROL_IDLE ||
				world.control.state == CONTROL_CLOSED);
		check();
		if (over)
			return;
		bytes += taken;
		length -= taken;
	}
}

/* A valid message with a few bytes behind its header from the input, so that IDs and results are
 * easily right and easily wrong. */
static void feed_message(void)
{
	uint8_t bytes[PPTP_MESSAGE_MAX];
	struct writer w = writer_over(bytes, sizeof bytes);
	struct pptp_message m = {.type = (enum pptp_type)(1 + read_u8(&world.in) % 15)};
	if (m.type == PPTP_START_REQUEST || m.type == PPTP_START_REPLY)
		m.start.version = PPTP_VERSION;
	pptp_build(&m, &w);
	size_t count = read_u8(&world.in) % 12;
	const uint8_t *own = read_bytes(&world.in, count);
	size_t at = PPTP_HEADER + (m.type <= PPTP_START_REPLY ? 2 : 0);
	if (own && at + count <= writer_length(&w))
		memcpy(bytes + at, own, count);
	feed(bytes, writer_length(&w));
}

static void answer(bool accept)
{
	uint32_t token = world.tokens[read_u8(&world.in) % TOKENS], subject = 0;
	struct slot *slot = accept ? free_slot(&subject) : NULL;
	uint8_t refusal = (uint8_t)(2 + read_u8(&world.in) % 6);
	if (slot)
		slot->taken = true;
	control_answer(&world.control, token, slot ? &slot->call : NULL, (uint16_t)(subject * 3),
		subject, refusal, world.now, &out);
	if (slot && slot->call.state == CALL_IDLE && world.down)
		slot->taken = false;
}

static void dial(void)
{
	uint32_t subject;
	struct slot *slot = free_slot(&subject);
	if (!slot)
		return;
	slot->taken = !world.down;
	control_dial(&world.control, &slot->call, (uint16_t)(subject * 3), subject,
		read_u8(&world.in) & 1 ? "5551234" : NULL, world.now, &out);
}

static void tick(uint64_t step)
{
	world.now += step;
	control_tick(&world.control, world.now, &out);
	MUST(control_deadline(&world.control) > world.now);
}

static struct call *any_call(void)
{
	struct slot *slot = &world.slots[read_u8(&world.in) % SLOTS];
	return slot->taken ? &slot->call : NULL;
}

static void step(void)
{
	struct call *call;
	size_t count;
	uint64_t deadline;

	switch (read_u8(&world.in) % 16) {
	case 0:
		count = read_u8(&world.in);
		if (count > reader_left(&world.in))
			count = reader_left(&world.in);
		feed(read_bytes(&world.in, count), count);
		break;
	case 1:
		control_stop(&world.control, (enum close_reason)(1 + read_u8(&world.in) % 2),
			world.now, &out);
		break;
	case 2:
		control_lost(&world.control, CLOSE_TCP_CLOSED, world.now, &out);
		break;
	case 3:
	case 4:
		dial();
		break;
	case 5:
		answer(false);
		break;
	case 6:
	case 7:
		answer(true);
		break;
	case 8:
		call = any_call();
		if (call)
			control_clear(&world.control, call,
				(enum close_reason)(1 + read_u8(&world.in) % (CLOSE_COUNT - 1)),
				world.now, &out);
		break;
	case 9:
		call = any_call();
		if (call)
			control_link_info(&world.control, call, 0, UINT32_MAX, &out);
		break;
	case 10:
		tick(MS(read_u8(&world.in) * 100));
		break;
	case 11:
		deadline = control_deadline(&world.control);
		if (deadline != NEVER && deadline > world.now)
			tick(deadline - world.now);
		break;
	default:
		feed_message();
		break;
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	memset(&world, 0, sizeof world);
	outbox_clear(&out);
	world.in = reader_over(bytes, length);
	world.now = SECONDS(5);

	uint8_t how = read_u8(&world.in);
	const struct control_config config = {
		.pac = how & 1,
		.opener = how & 2,
		.accept_incoming = how & 16,
		.host_name = "fuzz",
		.vendor_name = "fuzz",
		.window = 64,
		.echo_interval_us = how & 4 ? 0 : SECONDS(60),
		.echo_timeout_us = SECONDS(30),
		.request_timeout_us = SECONDS(20),
	};
	control_init(&world.control, &config);
	if (!(how & 8))
		control_up(&world.control, world.now, &out);
	check();
	for (int i = 0; i < 2000 && reader_left(&world.in); i++)
		step();

	/* Left alone, everything but a living connection ends within its time-outs. */
	control_stop(&world.control, CLOSE_SHUTDOWN, world.now, &out);
	check();
	tick(SECONDS(20));
	check();
	MUST(world.down);
	return 0;
}
