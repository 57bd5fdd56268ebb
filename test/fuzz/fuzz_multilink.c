/* Multilink's receiver against whatever may come over its links: any order, any loss, any header,
 * links that come and go, time that passes.
 *
 * The input is a byte of configuration and operations of one to five bytes. Fragments are filled
 * with their own sequence number, so that what comes out can be told: packets are made of fragments
 * that follow one another, none longer than the MRRU, no fragment twice. What is held is bounded,
 * waits for a time that comes, and is given back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multilink.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

enum { SLOTS = 300, MRRU = 1000 };

static struct {
	struct multilink_receiver rx;
	struct hold_pool pool;
	struct hold_slot slots[SLOTS];
	uint32_t drops[DROP_PACKETS];
	uint64_t now;
	uint32_t sequence; /* of the next fragment, but for what the input says */
	struct reader in;
} world;

static void check(void)
{
	const struct multilink_receiver *rx = &world.rx;
	uint16_t count = 0;
	uint32_t last = rx->next - 1;
	MUST(rx->held == world.pool.used && rx->held < MULTILINK_HELD);
	for (uint16_t at = rx->head; at != HOLD_NONE; at = hold_at(&world.pool, at)->next) {
		uint32_t number = hold_at(&world.pool, at)->sequence;
		MUST((int32_t)(number - last) > 0);
		last = number;
		count++;
	}
	MUST(count == rx->held);
	MUST((rx->expires == NEVER) == (count == 0));
	MUST(rx->expires == NEVER || rx->expires > world.now);
}

/* Its bytes are numbers that go up by one at a time. */
static void check_packet(struct reader packet)
{
	size_t size = reader_left(&packet);
	MUST(size <= MRRU + 2);
	for (size_t n = 1; n < size; n++) {
		uint8_t step = (uint8_t)(packet.at[n] - packet.at[n - 1]);
		MUST(step <= 1);
	}
}

static void settle(void)
{
	struct reader packet;
	uint8_t tos;
	uint32_t before = world.rx.next;
	while (multilink_next(&world.rx, &world.pool, &packet, &tos, world.now)) {
		check_packet(packet);
		MUST((int32_t)(world.rx.next - before) > 0);
		before = world.rx.next;
	}
	check();
}

static void fragment(uint8_t op)
{
	static uint8_t buffer[MULTILINK_HEADER_MAX + 1100];
	bool short_sequence = world.rx.short_sequence;
	uint8_t how = read_u8(&world.in), skip = read_u8(&world.in);
	struct multilink_header header = {.begins = how & 1, .ends = how & 2};
	world.sequence += (uint32_t)(int8_t)skip;
	header.sequence = world.sequence + (how & 4 ? 0x7f0 : 0);
	size_t body = how & 8 ? 400 + 10u * (how >> 4) : 1u + (how >> 4);
	if (how == 0xff)
		body = 1100;
	struct writer w = writer_over(buffer, sizeof buffer);
	multilink_build(&w, &header, short_sequence);
	uint8_t *start = write_space(&w, body);
	memset(start, (int)(header.sequence & 0xff), body);
	world.sequence++;
	size_t size = writer_length(&w);
	if (op & 0x40 && how == 0xfe)
		size = 1;
	enum multilink_verdict verdict = multilink_take(
		&world.rx, &world.pool, op & 3, reader_over(buffer, size), how, world.now);
	MUST(verdict != MULTILINK_WHOLE || (header.begins && header.ends));
	settle();
}

static void step(void)
{
	uint8_t op = read_u8(&world.in);
	switch (op >> 2 & 7) {
	case 0:
		world.now += 1 + read_u8(&world.in) * MS(4);
		if (world.rx.expires <= world.now)
			multilink_expire(&world.rx, &world.pool);
		settle();
		break;
	case 1:
		multilink_link_down(&world.rx, op & 3);
		settle();
		break;
	case 2:
		multilink_link_up(&world.rx, op & 3, world.now);
		break;
	case 3:
		world.sequence = (uint32_t)read_u8(&world.in) << 16 | read_u8(&world.in);
		break;
	default:
		fragment(op);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	memset(&world, 0, sizeof world);
	world.in = reader_over(bytes, length);
	world.now = SECONDS(9);
	uint8_t how = read_u8(&world.in);
	hold_pool_init(&world.pool, world.slots, how & 2 ? 8 : SLOTS);
	multilink_receive_init(&world.rx, MRRU, how & 1, world.drops);
	for (unsigned n = 0; n <= (how >> 2 & 3u); n++)
		multilink_link_up(&world.rx, n, world.now);
	for (int i = 0; i < 3000 && reader_left(&world.in); i++)
		step();
	multilink_clear(&world.rx, &world.pool);
	MUST(world.pool.used == 0);
	return 0;
}
