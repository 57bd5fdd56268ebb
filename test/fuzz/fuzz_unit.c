/* A whole unit in either role, driven by its input: frames, time, a link that comes and goes, and
 * an app that gives addresses late or never.
 *
 * The input is three bytes of configuration, then operations. After every one the invariants hold:
 * frames are whole CCP, ECP, IPCP and IPV6CP packets; a receiver that our request asks to decrypt
 * is armed before a Configure-Ack of CCP or ECP leaves; with encryption required nothing is ever up
 * without both keys; UNIT_FAILED comes once and last, and then there is silence; no deadline lies
 * in the past after a tick. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"
#include "unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static struct world {
	struct unit unit;
	struct ecp ecp;
	bool ciphers[2]; /* receive, transmit */
	struct random random;
	struct reader in;
	uint64_t now;
	uint32_t token;
	bool failed, up;
	enum mppe_strength transmit, receive;
	uint8_t request[4]
		       [PPP_FRAME_MAX]; /* our latest Configure-Request: CCP, IPCP, IPV6CP, ECP */
	size_t request_length[4];
} world;

static struct out_item items[UNIT_OUT_ITEMS];
static _Alignas(8) uint8_t arena[UNIT_OUT_BYTES];
static struct outbox out = {
	.items = items, .arena = arena, .item_max = UNIT_OUT_ITEMS, .arena_max = UNIT_OUT_BYTES};

static void print(const uint8_t *frame, size_t length)
{
	char line[1024];
	struct text t = text_over(line, sizeof line);
	ppp_print(&t, frame, length);
}

static void check_frame(const uint8_t *b, size_t length)
{
	MUST(length >= 6 && length <= PPP_FRAME_MAX);
	MUST(length == 2u + (size_t)(b[4] << 8 | b[5]));
	uint16_t protocol = (uint16_t)(b[0] << 8 | b[1]);
	MUST(protocol == CCP || protocol == IPCP || protocol == IPV6CP || protocol == ECP);
	print(b, length);
	if (protocol == CCP && b[2] == CONFIGURE_ACK)
		MUST(world.receive != MPPE_NONE ||
			(!world.unit.ccp.wish && !world.unit.config->mppe_require));
	if (protocol == ECP && b[2] == CONFIGURE_ACK)
		MUST(world.ciphers[0]);
	if (b[2] == CONFIGURE_REQUEST) {
		unsigned which = protocol == ECP ? 3 : protocol == IPV6CP ? 2 : protocol == IPCP;
		memcpy(world.request[which], b, length);
		world.request_length[which] = length;
	}
}

static enum mppe_strength check_key(const void *b)
{
	struct unit_key key;
	memcpy(&key, b, sizeof key);
	MUST(key.strength == MPPE_NONE || key.strength == MPPE_40 || key.strength == MPPE_56 ||
		key.strength == MPPE_128);
	MUST(key.keys.valid == (key.strength != MPPE_NONE));
	return key.strength;
}

static void check_cipher(const void *b)
{
	struct ecp_cipher cipher;
	memcpy(&cipher, b, sizeof cipher);
	MUST(world.unit.ecp);
	MUST(!cipher.key.length || cipher.key.length == world.unit.config->ecp_key.length);
	world.ciphers[cipher.transmit] = cipher.key.length;
}

static void check_codec(const void *b)
{
	struct unit_codec codec;
	memcpy(&codec, b, sizeof codec);
	const struct ccp_compressors *allowed = &world.unit.config->compress;
	const uint8_t *most = codec.transmit ? allowed->transmit : allowed->receive;
	MUST(codec.params.method < CODEC_METHODS);
	if (codec.params.method)
		MUST(most[codec.params.method] && codec.params.bits <= most[codec.params.method]);
	MUST(!codec.params.method || codec.params.method == CODEC_MPPC ||
		!world.unit.config->mppe_require);
}

static void check_network(const void *b)
{
	struct unit_network network;
	memcpy(&network, b, sizeof network);
	world.up = network.ipv4 || network.ipv6;
	MUST(!network.ipv4 || network.local4);
	MUST(!network.ipv6 || (network.local6 && network.local6 != network.remote6));
	MUST(!world.up || network.strength == world.transmit);
}

static void check_item(const struct out_item *item)
{
	const void *b = outbox_bytes(&out, item);
	MUST(!world.failed || item->kind == UNIT_DROP);
	switch ((enum unit_out)item->kind) {
	case UNIT_FRAME:
		MUST(world.unit.up);
		check_frame(b, item->length);
		break;
	case UNIT_RECEIVE_KEY:
		world.receive = check_key(b);
		break;
	case UNIT_TRANSMIT_KEY:
		world.transmit = check_key(b);
		break;
	case UNIT_CIPHER:
		check_cipher(b);
		break;
	case UNIT_COMPRESS:
		check_codec(b);
		break;
	case UNIT_ADDRESS:
		MUST(item->token > world.token);
		world.token = item->token;
		break;
	case UNIT_NETWORK:
		check_network(b);
		break;
	case UNIT_FAILED:
		MUST(item->arg > CLOSE_NONE && item->arg < CLOSE_COUNT);
		world.failed = true;
		break;
	case UNIT_DROP:
		MUST(drop_room((enum drop)item->arg) == ROOM_PPP);
		break;
	case UNIT_NOTE:
		MUST(item->arg <= 1 && item->length > 0);
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
	const struct unit *unit = &world.unit;
	MUST(world.failed == (unit->up && unit->failed));
	MUST(!world.up || (unit->up && !unit->failed));
	if (world.up && unit->config->mppe_require)
		MUST(world.transmit != MPPE_NONE && world.receive != MPPE_NONE);
	if (world.up && unit->ecp)
		MUST(world.ciphers[0] && world.ciphers[1]);
	if (!unit->up || unit->failed)
		MUST(unit_deadline(unit) == NEVER);
	else
		MUST(world.up || unit_deadline(unit) != NEVER);
}

static void feed(const uint8_t *frame, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	MUST(exact);
	if (length)
		memcpy(exact, frame, length);
	print(exact, length);
	if (!unit_input(&world.unit, exact, length, world.now, &out))
		MUST(out.item_count == 0);
	free(exact);
	check();
}

static void feed_raw(void)
{
	size_t count = read_u8(&world.in);
	if (count > reader_left(&world.in))
		count = reader_left(&world.in);
	feed(read_bytes(&world.in, count), count);
}

static void feed_packet(uint16_t protocol)
{
	uint8_t frame[300];
	size_t count = read_u8(&world.in) & 63;
	if (count > reader_left(&world.in))
		count = reader_left(&world.in);
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, protocol);
	write_u8(&w, read_u8(&world.in) & 15);
	write_u8(&w, protocol == CCP    ? world.unit.ccp.fsm.request_id
		     : protocol == ECP  ? world.ecp.fsm.request_id
		     : protocol == IPCP ? world.unit.ipcp.fsm.request_id
					: world.unit.ipv6cp.fsm.request_id);
	if (count > reader_left(&world.in))
		count = reader_left(&world.in);
	write_u16(&w, (uint16_t)(4 + count));
	write_bytes(&w, read_bytes(&world.in, count), count);
	feed(frame, writer_length(&w));
}

/* Our latest request come back: as its answer, or as if it were the peer's own. */
static void answer_request(unsigned which, uint8_t code)
{
	uint8_t frame[PPP_FRAME_MAX];
	size_t length = world.request_length[which];
	if (length < 6)
		return;
	memcpy(frame, world.request[which], length);
	frame[2] = code;
	if (code == CONFIGURE_NAK || (code == CONFIGURE_REQUEST && length > 6))
		frame[length - 1] ^= read_u8(&world.in);
	feed(frame, length);
}

static void tick(uint64_t step)
{
	world.now += step;
	unit_tick(&world.unit, world.now, &out);
	MUST(unit_deadline(&world.unit) > world.now);
	check();
}

static void tick_to_deadline(void)
{
	uint64_t deadline = unit_deadline(&world.unit);
	if (deadline != NEVER && deadline > world.now)
		tick(deadline - world.now);
}

static void addresses(uint8_t how)
{
	struct unit_addresses given = {.granted = !(how & 1),
		.local4 = how & 2 ? 0 : 0x0a000001,
		.remote4 = how & 4 ? 0 : 0x0a000002,
		.dns = {how & 8 ? 0 : 0x01010101}};
	unit_addresses(&world.unit, world.token, &given, world.now, &out);
	check();
}

static void up(bool keys)
{
	struct mppe_start_keys start = {.valid = keys};
	if (!world.unit.up)
		world.failed = false;
	unit_up(&world.unit, &start, world.now, &out);
	check();
}

static void down(void)
{
	world.failed = false;
	unit_down(&world.unit, world.now, &out);
	for (uint32_t i = 0; i < out.item_count; i++)
		MUST(out.items[i].kind != UNIT_FRAME);
	check();
	MUST(!world.up && world.transmit == MPPE_NONE && world.receive == MPPE_NONE);
	MUST(!world.ciphers[0] && !world.ciphers[1]);
}

static void step(void)
{
	uint8_t op = read_u8(&world.in);
	unsigned which = op & 128 ? 3 : op & 64 ? 2 : op >> 4 & 1;
	switch (op & 15) {
	case 0:
		feed_raw();
		break;
	case 1:
	case 2:
	case 3:
		answer_request(which, (uint8_t)(1 + (op & 15)));
		break;
	case 4:
		answer_request(which, CONFIGURE_REQUEST);
		break;
	case 5:
		addresses(op >> 4);
		break;
	case 6:
		tick(MS(read_u8(&world.in) * 100));
		break;
	case 7:
		tick_to_deadline();
		break;
	case 8:
		unit_rejected(&world.unit,
			which == 1   ? 0x8021
			: which == 3 ? 0x8053
			: op & 32    ? 0x80fd
				     : 0x8057,
			world.now, &out);
		check();
		break;
	case 9:
		down();
		break;
	case 10:
		up(which == 1);
		break;
	default:
		feed_packet(op & 128 ? ECP : op & 64 ? IPV6CP : op & 1 ? CCP : IPCP);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t seed[32] = {7};
	memset(&world, 0, sizeof world);
	outbox_clear(&out);
	random_seed(&world.random, seed);
	world.in = reader_over(bytes, length);
	world.now = SECONDS(5);
	uint8_t how = read_u8(&world.in), more = read_u8(&world.in);
	uint8_t wishes = more & 128 ? read_u8(&world.in) : 0;
	/* Compressors: a bit a method. */
	uint8_t pack = (how & 15) == 8 || (wishes & 3) == 3 ? read_u8(&world.in) : 0;
	struct unit_config config = {
		.mppe_allow = how & 7,
		.mppe_require = how & 8 && how & 7,
		.mppe_stateful = how & 16,
		.local4 = how & 32 ? 0x0a000001 : 0,
		.remote4 = how & 64 ? 0x0a000002 : 0,
		.accept_local4 = how & 128,
		.ask_address = more & 1,
		.ask_dns = more & 2,
		.ask_wins = more & 4,
		.dns = {more & 8 ? 0x01010101 : 0},
		.wins = {more & 16 ? 0x02020202 : 0},
		.ipv6 = more & 64,
		.accept_remote4 = wishes & 1,
		.no_address4 = wishes & 2,
		.ask_mask = wishes & 1,
		.vj = {wishes >> 3, wishes & 4},
	};
	/* A value of the third byte that the older inputs do not have. */
	if (wishes == 0xff)
		config.ecp_key.length = read_u8(&world.in) & 1 ? ECP_KEY_DES3 : ECP_KEY_DES;
	for (int i = 1; i < CODEC_METHODS; i++) {
		config.compress.receive[i] = pack >> (i - 1) & 1 ? 12 : 0;
		config.compress.transmit[i] = pack >> (i + 3) & 1 ? 15 : 0;
	}
	unit_config_defaults(&config);
	unit_init(&world.unit, &config, config.ecp_key.length ? &world.ecp : NULL, &world.random);
	up(!(more & 32));
	for (int i = 0; i < 1000 && reader_left(&world.in); i++)
		step();

	/* Left alone, it is up or has failed within its time-outs. */
	for (int i = 0; i < 100 && !world.up && unit_deadline(&world.unit) != NEVER; i++)
		tick_to_deadline();
	MUST(world.up || world.failed || !world.unit.up);
	down();
	unit_wipe(&world.unit);
	return 0;
}
