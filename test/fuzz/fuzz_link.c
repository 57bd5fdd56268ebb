/* A whole link in either role, driven by its input: frames, time, and an app that answers, closes
 * and loses its carrier when it likes.
 *
 * The input is three bytes of configuration, then operations: one byte each with what it needs
 * behind it. Some of them make the frame that fits the moment (an Ack of our latest request, a
 * Success with the right proof), so that the deep states are reached; most are the input's own.
 * After every operation the invariants hold: frames are whole packets no longer than they may be;
 * nothing but LCP leaves before Authenticate; epochs count up; Network is entered once an epoch and
 * only by those who proved themselves; every up ends in one LINK_CLOSED; no deadline lies in the
 * past after a tick. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "print.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static const char name[] = "DOMAIN\\user", password[] = "secret";

static struct world {
	struct link link;
	struct random random;
	struct reader in;
	uint64_t now;
	uint32_t epoch, token;
	bool open, network; /* between up and LINK_CLOSED; since the latest LINK_NETWORK */
	uint8_t frame[PPP_FRAME_MAX]; /* our latest Configure-Request */
	size_t frame_length;
} world;

static struct out_item items[LINK_OUT_ITEMS];
static _Alignas(8) uint8_t arena[LINK_OUT_BYTES];
static struct outbox out = {
	.items = items, .arena = arena, .item_max = LINK_OUT_ITEMS, .arena_max = LINK_OUT_BYTES};

static void print(const uint8_t *frame, size_t length)
{
	char line[1024];
	struct text t = text_over(line, sizeof line);
	ppp_print(&t, frame, length);
}

static void check_frame(const uint8_t *b, size_t length)
{
	MUST(length >= 6 && length <= PPP_FRAME_MAX);
	uint16_t protocol = (uint16_t)(b[0] << 8 | b[1]);
	if (protocol == LQR) { /* the one without a header */
		MUST(length == 50 && world.open);
		print(b, length);
		return;
	}
	MUST(length == 2u + (size_t)(b[4] << 8 | b[5]));
	MUST(protocol == LCP || protocol == PAP || protocol == CHAP || protocol == EAP ||
		protocol == CBCP);
	MUST(world.open || b[2] == TERMINATE_ACK || b[2] == CODE_REJECT);
	print(b, length);
	if (protocol == LCP && b[2] == CONFIGURE_REQUEST) {
		memcpy(world.frame, b, length);
		world.frame_length = length;
	}
}

static void check_network(const struct link_identity *identity)
{
	const struct link_config *config = world.link.config;
	MUST(!world.network);
	world.network = true;
	MUST(!config->demand_auth || (config->demand_auth & identity->peer_method));
	MUST(!identity->our_method || (config->allow_auth & identity->our_method));
}

static void check_item(const struct out_item *item)
{
	struct link_identity identity;
	struct link_framing framing;
	const void *b = outbox_bytes(&out, item);

	switch ((enum link_out)item->kind) {
	case LINK_FRAME:
		check_frame(b, item->length);
		break;
	case LINK_EPOCH:
		MUST(item->token == ++world.epoch);
		world.network = false;
		break;
	case LINK_FRAMING:
		memcpy(&framing, b, sizeof framing);
		MUST(framing.peer_mru >= PPP_MRU_MIN && framing.peer_mru <= PPP_MRU_DEFAULT);
		MUST(framing.our_mru >= PPP_MRU_MIN && framing.our_mru <= PPP_MRU_DEFAULT);
		break;
	case LINK_CREDENTIALS:
		MUST(item->token > world.token && item->length == sizeof(struct auth_question));
		world.token = item->token;
		break;
	case LINK_TLS: /* fuzz_eap_tls */
		MUST(false);
		break;
	case LINK_RENEWED:
	case LINK_ANSWERED:
		MUST(world.link.renewed);
		break;
	case LINK_NETWORK:
		memcpy(&identity, b, sizeof identity);
		check_network(&identity);
		break;
	case LINK_REJECTED:
		MUST(world.network);
		break;
	case LINK_CLOSED:
		MUST(world.open && item->arg > CLOSE_NONE && item->arg < CLOSE_COUNT);
		world.open = false;
		break;
	case LINK_DROP:
		MUST(drop_room((enum drop)item->arg) == ROOM_PPP);
		break;
	case LINK_NOTE:
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
	const struct link *link = &world.link;
	MUST(world.open == (link->phase != PHASE_DEAD));
	MUST(world.network == (link->phase == PHASE_NETWORK));
	MUST((link->phase == PHASE_AUTHENTICATE || link->phase == PHASE_NETWORK) ==
		fsm_opened(&link->lcp.fsm));
	MUST(world.open || link_deadline(link) == NEVER);
	MUST(!world.open || link_deadline(link) != NEVER || link->phase == PHASE_NETWORK);
}

static void feed(const uint8_t *frame, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	MUST(exact);
	if (length)
		memcpy(exact, frame, length);
	print(exact, length);
	if (!link_input(&world.link, exact, length, world.now, &out)) {
		/* It may say that we are believed, and where the peer is too, that the network
		 * phase has begun; nothing else. */
		MUST(out.item_count == 0 || world.link.we_proved);
		link_reject(&world.link, exact, length, world.now, &out);
	}
	free(exact);
	check();
}

/* A report of the peer's: what its counters say, is the input's. */
static void feed_report(void)
{
	uint8_t frame[50] = {LQR >> 8, LQR & 255};
	const struct lqr_counters counters = {.packets_in = read_u8(&world.in) * 4u};
	link_counted(&world.link, &counters);
	for (size_t i = 2; i < sizeof frame; i += 4)
		put_u32(frame + i, read_u8(&world.in) * 4u);
	feed(frame, sizeof frame);
}

static void feed_raw(void)
{
	size_t count = read_u8(&world.in);
	if (count > reader_left(&world.in))
		count = reader_left(&world.in);
	feed(read_bytes(&world.in, count), count);
}

static uint8_t eap_id(uint8_t code)
{
	const struct eap *eap = &world.link.eap;
	if (code == 2)
		return eap->theirs.id;
	return code == 1 ? (uint8_t)(eap->ours.id + 1) : eap->ours.id;
}

/* A whole packet of the link's protocols: only code and body are the input's. */
static void feed_packet(uint16_t protocol)
{
	uint8_t frame[300], code = read_u8(&world.in) & 15;
	uint8_t id = world.link.lcp.fsm.request_id;
	if (protocol == CHAP)
		id = code == 2 ? world.link.chap.theirs.id : world.link.chap.ours.id;
	else if (protocol == PAP)
		id = world.link.pap.our_id;
	else if (protocol == EAP)
		id = eap_id(code);
	size_t count = read_u8(&world.in);
	if (count > reader_left(&world.in))
		count = reader_left(&world.in);
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, protocol);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, (uint16_t)(4 + count));
	write_bytes(&w, read_bytes(&world.in, count), count);
	feed(frame, writer_length(&w));
}

/* The right answer, or the wrong one, to our latest Configure-Request. */
static void answer_request(uint8_t code)
{
	uint8_t frame[PPP_FRAME_MAX];
	if (world.frame_length < 6)
		return;
	memcpy(frame, world.frame, world.frame_length);
	frame[2] = code;
	if (code == CONFIGURE_NAK && world.frame_length > 8)
		frame[world.frame_length - 1] ^= read_u8(&world.in);
	feed(frame, world.frame_length);
}

/* A new password for an expired one, or nearly: too short by what the input says. */
static void feed_change(bool by_eap)
{
	uint8_t frame[700], missing = read_u8(&world.in) & 3;
	size_t length = 4 + (by_eap ? 5 : 0) + 582u - missing;
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, by_eap ? EAP : CHAP);
	write_u8(&w, by_eap ? 2 : 7);
	write_u8(&w, by_eap ? world.link.eap.theirs.id : world.link.chap.theirs.id + 1);
	write_u16(&w, (uint16_t)length);
	if (by_eap)
		write_bytes(&w, "\x1a\7\1\2\x4b", 5);
	write_zeros(&w, 582u - missing);
	feed(frame, writer_length(&w));
}

/* A Success as from a server that knows the password. */
static void feed_success(bool by_eap)
{
	const uint8_t *theirs = world.link.ours.challenge, *ours = world.link.ours.remembered;
	uint8_t hash[16], response[24], proof[20], frame[64];
	size_t user_length = sizeof name - 1;
	const uint8_t *user = name_without_domain((const uint8_t *)name, &user_length);
	if (world.link.renewed)
		nt_password_hash(hash, "newer", 5);
	else
		nt_password_hash(hash, password, sizeof password - 1);
	mschapv2_nt_response(response, theirs, ours, user, user_length, hash);
	mschapv2_authenticator(proof, theirs, ours, user, user_length, hash, response);
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, by_eap ? EAP : CHAP);
	write_u8(&w, by_eap ? 1 : 3);
	write_u8(&w, by_eap ? eap_id(1) : world.link.chap.ours.id);
	write_u16(&w, by_eap ? 4 + 5 + 42 : 4 + 42);
	if (by_eap)
		write_bytes(&w, "\x1a\3\1\0\x2e", 5);
	write_bytes(&w, "S=", 2);
	for (int i = 0; i < 40; i++)
		write_u8(&w, (uint8_t) "0123456789ABCDEF"[proof[i / 2] >> (i & 1 ? 0 : 4) & 15]);
	feed(frame, writer_length(&w));
}

static void answer(uint8_t how)
{
	struct auth_answer verdict = {.accepted = how & 1,
		.error = how & 1   ? AUTH_ERROR_NONE
			 : how & 8 ? AUTH_ERROR_EXPIRED
				   : AUTH_ERROR_WRONG,
		.may_change = how & 8,
		.keys = {.valid = how & 1}};
	link_answer(
		&world.link, how & 2 ? world.token - 1 : world.token, &verdict, world.now, &out);
	check();
}

static void tick(uint64_t step)
{
	world.now += step;
	link_tick(&world.link, world.now, &out);
	MUST(link_deadline(&world.link) > world.now);
	check();
}

static void tick_to_deadline(void)
{
	uint64_t deadline = link_deadline(&world.link);
	if (deadline != NEVER && deadline > world.now)
		tick(deadline - world.now);
}

static void up(void)
{
	world.open = true;
	link_up(&world.link, world.now, &out);
	check();
}

static void step(void)
{
	static const uint16_t protocols[] = {LCP, LCP, PAP, CHAP};
	uint8_t op = read_u8(&world.in);
	switch (op & 15) {
	case 0:
	case 1:
		feed_raw();
		break;
	case 2:
		answer_request(CONFIGURE_ACK);
		break;
	case 3:
		answer_request(CONFIGURE_NAK);
		break;
	case 4:
		answer_request(CONFIGURE_REJECT);
		break;
	case 5:
		answer(op >> 4);
		break;
	case 6:
		tick(MS(read_u8(&world.in) * 100));
		break;
	case 7:
		tick_to_deadline();
		break;
	case 8:
		feed_success(op & 16);
		break;
	case 9:
		link_close(&world.link, (enum close_reason)(1 + op % (CLOSE_COUNT - 1)), world.now,
			&out);
		check();
		break;
	case 10:
		if (op & 16)
			link_down(&world.link, CLOSE_PEER_CLEARED, world.now, &out);
		else
			link_alive(&world.link, world.now);
		check();
		break;
	case 11:
		if (op & 32)
			feed_change(op & 16);
		else if (op & 16)
			feed_report();
		else
			up();
		break;
	default:
		feed_packet(op == (15 | 16) ? EAP : protocols[op & 3]);
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
	const uint8_t eap = AUTH_EAP_MD5 | AUTH_EAP_MSCHAPV2;
	uint8_t how = read_u8(&world.in), methods = read_u8(&world.in);
	struct link_config config = {
		.mru = (uint16_t)(how & 1 ? 1400 : 1500),
		.ask_pfc = how & 2,
		.ask_acfc = how & 2,
		.ask_accm = how & 4,
		.demand_auth = (methods & 15) | (how & 64 ? eap : 0),
		.allow_auth = methods >> 4 | (how & 128 ? eap : 0),
		.name = name,
		.name_length = sizeof name - 1,
		.password = password,
		.password_length = sizeof password - 1,
		.new_password = "newer",
		.new_password_length = 5,
		.rechallenge_us = how & 16 ? SECONDS(60) : 0,
		.callback_ask = how & 32,
		.callback_answer = how & 4,
		.silent = how & 8,
		.echo_interval_us = how & 16 ? SECONDS(20) : 0,
		.echo_failure = 3,
		.lqr_period = how & 64 ? 100 : 0,
		.lqr_loss = 10,
		.lqr_failure = 2,
		.lqr_window = 3,
		.identification = how & 32 ? "fuzz" : NULL,
	};
	link_config_defaults(&config);
	link_init(&world.link, &config, &world.random);
	up();
	for (int i = 0; i < 1000 && reader_left(&world.in); i++)
		step();

	/* Told to close and left alone, it ends within its time-outs. */
	link_close(&world.link, CLOSE_SHUTDOWN, world.now, &out);
	check();
	for (int i = 0; i < 10 && world.open; i++)
		tick_to_deadline();
	MUST(!world.open);
	link_wipe(&world.link);
	return 0;
}
