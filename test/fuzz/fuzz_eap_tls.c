/* A link that logs in by EAP-TLS, in either role or in both, and an owner whose TLS says what the
 * input wants, when it wants.
 *
 * The input is one byte of configuration, then operations: one byte each with what it needs behind
 * it. Packets are made to fit (the identifier asked for, lengths that are true) unless a bit says
 * otherwise. Invariants: a reply is looked at only as long as it stands (each is memory of its own,
 * freed the moment the link has lost its right to it); a question is asked with nothing else open;
 * no message heard is longer than it may be; what is sent is no longer than the peer takes; Network
 * is entered by those alone whose TLS was done. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "eap_inner.h"
#include "link.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

struct side {
	struct tls_reply *reply;
	uint32_t token, length;
	bool asked, begun, done;
};

static struct {
	struct link link;
	struct random random;
	struct reader in;
	struct side side[2];
	uint64_t now;
	uint16_t mru;
	uint8_t id; /* of the latest packet that asks for one */
	bool network, closed;
} world;

static struct out_item items[LINK_OUT_ITEMS];
static _Alignas(8) uint8_t arena[LINK_OUT_BYTES];
static struct outbox out = {
	.items = items, .arena = arena, .item_max = LINK_OUT_ITEMS, .arena_max = LINK_OUT_BYTES};

static void drop_reply(struct side *side)
{
	if (side->reply)
		free((void *)(uintptr_t)side->reply->bytes);
	free(side->reply);
	side->reply = NULL;
}

static void take_tls(const struct out_item *item)
{
	struct side *side = &world.side[(item->arg & TLS_OURS) != 0];
	enum tls_step step = (enum tls_step)(item->arg & (TLS_OURS - 1));
	switch (step) {
	case TLS_IDENTITY:
		MUST(!(item->arg & TLS_OURS) && item->length <= PPP_NAME_MAX);
		break;
	case TLS_BEGIN:
		drop_reply(side);
		*side = (struct side){.begun = true};
		break;
	case TLS_PART:
		MUST(item->length > 0);
		/* fall through */
	case TLS_WHOLE:
		MUST(side->begun && !side->asked && !world.network);
		side->length += item->length;
		MUST(side->length <= EAP_TLS_MESSAGE_MAX);
		if (step == TLS_WHOLE) {
			side->asked = true;
			side->token = item->token;
			side->length = 0;
		}
		break;
	case TLS_END:
		drop_reply(&world.side[0]);
		drop_reply(&world.side[1]);
		world.side[0].asked = world.side[1].asked = false;
		world.side[0].begun = world.side[1].begun = false;
		break;
	}
}

static void take_network(const struct out_item *item)
{
	struct link_identity identity;
	memcpy(&identity, outbox_bytes(&out, item), sizeof identity);
	MUST(!world.network);
	MUST(identity.peer_method != AUTH_EAP_TLS || world.side[0].done);
	MUST(identity.our_method != AUTH_EAP_TLS || world.side[1].done);
	world.network = true;
}

static void check(void)
{
	for (uint32_t i = 0; i < out.item_count; i++) {
		const struct out_item *item = &out.items[i];
		const uint8_t *bytes = outbox_bytes(&out, item);
		if (item->kind == LINK_FRAME) {
			MUST(item->length >= 6 && get_u16(bytes + 4) == item->length - 2);
			MUST(bytes[1] == 0x21 || item->length <= world.mru + 2u);
			if (get_u16(bytes) == EAP && bytes[2] == EAP_REQUEST)
				world.id = bytes[3];
		}
		if (item->kind == LINK_TLS)
			take_tls(item);
		if (item->kind == LINK_NETWORK)
			take_network(item);
		if (item->kind == LINK_CLOSED)
			world.closed = true;
	}
	outbox_clear(&out);
}

/* An EAP packet with `body`; a Response to our latest Request, or a Request with the next one. */
static void feed(uint8_t code, uint8_t id, const uint8_t *body, size_t length)
{
	uint8_t frame[PPP_FRAME_MAX];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, EAP);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, (uint16_t)(4 + length));
	write_bytes(&w, body, length);
	link_input(&world.link, frame, writer_length(&w), world.now, &out);
	check();
}

static uint8_t fitting_id(uint8_t code, uint8_t how)
{
	uint8_t id = code == EAP_RESPONSE ? world.link.eap.theirs.id
					  : (uint8_t)(world.link.eap.ours.id + 1);
	return how & 8 ? (uint8_t)(id - 1) : id;
}

/* A fragment: flags, a length announced, and so much data. */
static void feed_fragment(uint8_t code, uint8_t how)
{
	uint8_t body[PPP_FRAME_MAX], flags = read_u8(&world.in);
	struct writer w = writer_over(body, sizeof body - 6);
	uint16_t length = read_u16(&world.in) % 1480;
	write_u8(&w, EAP_TYPE_TLS);
	write_u8(&w, flags);
	if (flags & EAP_TLS_LENGTH)
		write_u32(&w, read_u16(&world.in) | (how & 16 ? 0x10000 : 0));
	for (size_t i = 0; i < length; i++)
		write_u8(&w, (uint8_t)i);
	feed(code, fitting_id(code, how), body, writer_length(&w));
}

static void feed_raw(uint8_t code, uint8_t how)
{
	struct reader body = read_slice(&world.in, read_u8(&world.in) & 63);
	if (!body.failed)
		feed(code, fitting_id(code, how), body.at, reader_left(&body));
}

static void reply(uint8_t how)
{
	struct side *side = &world.side[(how & 1) != 0];
	struct tls_reply *fresh = calloc(1, sizeof *fresh);
	uint16_t length = how & 2 ? read_u16(&world.in) : how >> 4;
	uint8_t *said = malloc(length ? length : 1);
	MUST(fresh && said);
	memset(said, 0x16, length);
	*fresh = (struct tls_reply){.outcome = (enum tls_outcome)((how >> 2) % 3),
		.bytes = said,
		.length = length,
		.reason = CLOSE_AUTH_FAILED};
	fresh->keys.valid = fresh->outcome == TLS_DONE;
	bool taken = side->asked && !world.closed;
	if (taken) { /* the one before has stood long enough */
		drop_reply(side);
		side->reply = fresh;
		side->asked = false;
		side->done |= fresh->outcome == TLS_DONE;
	}
	link_tls(&world.link, side->token, fresh, world.now, &out);
	check();
	if (!taken) {
		free(said);
		free(fresh);
	}
}

static void tick(void)
{
	uint64_t deadline = link_deadline(&world.link);
	if (deadline == NEVER)
		return;
	world.now = deadline > world.now ? deadline : world.now;
	link_tick(&world.link, world.now, &out);
	check();
	MUST(link_deadline(&world.link) > world.now);
}

static void step(void)
{
	static const uint8_t acknowledgement[] = {EAP_TYPE_TLS, 0};
	uint8_t op = read_u8(&world.in), how = read_u8(&world.in);
	uint8_t code = op & 8 ? EAP_REQUEST : EAP_RESPONSE;
	switch (op & 7) {
	case 0:
	case 1:
		feed_fragment(code, how);
		break;
	case 2:
		feed(code, fitting_id(code, how), acknowledgement, sizeof acknowledgement);
		break;
	case 3:
		feed_raw(code, how);
		break;
	case 4:
	case 5:
		reply(how);
		break;
	case 6:
		feed(how & 1 ? EAP_SUCCESS : EAP_FAILURE, world.link.eap.ours.id, NULL, 0);
		break;
	case 7:
		tick();
		break;
	}
}

/* As LCP leaves it when it has opened. */
static void open_link(const struct link_config *config)
{
	static const uint8_t ack[] = {0xc0, 0x21, 1, 1, 0, 4};
	static const struct turn_kinds kinds = {
		.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};
	struct turn turn = {.now = world.now, .out = &out, .kinds = &kinds};
	struct link *link = &world.link;
	link_init(link, config, &world.random);
	link_up(link, world.now, &out);
	link_input(link, ack, sizeof ack, world.now, &out);
	outbox_clear(&out);
	link->lcp.fsm.state = FSM_OPENED;
	link->lcp.fsm.timer = NEVER;
	link->lcp.auth_asked = config->demand_auth;
	link->lcp.peer.mru = world.mru;
	link->phase = PHASE_AUTHENTICATE;
	link->auth_deadline = world.now + SECONDS(30);
	link->peer_proved = !config->demand_auth;
	link->we_proved = !config->allow_auth;
	eap_start(link, config->demand_auth, config->allow_auth, &turn);
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t seed[32] = {7};
	memset(&world, 0, sizeof world);
	outbox_clear(&out);
	random_seed(&world.random, seed);
	world.in = reader_over(bytes, length);
	world.now = SECONDS(5);
	uint8_t how = read_u8(&world.in);
	world.mru = how & 4 ? PPP_MRU_MIN : PPP_MRU_DEFAULT;
	struct link_config config = {.mru = PPP_MRU_DEFAULT, .name = "me", .name_length = 2};
	config.password = "";
	config.demand_auth = how & 1 ? 0 : AUTH_EAP_TLS | (how & 8 ? AUTH_EAP_MSCHAPV2 : 0);
	config.allow_auth = how & 2 || !config.demand_auth ? AUTH_EAP_TLS : 0;
	link_config_defaults(&config);
	open_link(&config);
	for (int i = 0; i < 300 && reader_left(&world.in) && !world.closed; i++)
		step();
	link_down(&world.link, CLOSE_PEER_CLEARED, world.now, &out);
	check();
	MUST(world.closed && !world.side[0].reply && !world.side[1].reply);
	link_wipe(&world.link);
	return 0;
}
