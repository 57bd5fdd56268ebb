/* Two whole endpoints, server and client, between which the input decides what arrives: their own
 * bytes and frames, or the input's, in any order, while time passes.
 *
 * The input is a list of operations. One byte says which and for whom (bit 7: the client), then
 * come its operands; bytes and frames of the input are preceded by their length. The first byte of
 * all chooses a configuration. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "tunnel.h"

enum { SESSIONS = 4, QUEUE = 1 << 15, QUESTIONS = 16, OPERATIONS = 2000 };

enum operation {
	TALK,       /* deliver what the other end said, TCP and GRE */
	TALK_BYTES, /* operand: how many bytes of TCP */
	TALK_FRAME, /* one frame */
	LOSE_FRAME,
	BYTES,  /* operand: length, bytes */
	FRAME,  /* operand: session, epoch, length, frame */
	PASS,   /* operand: exponent of time; the ticks that are due happen */
	ANSWER, /* operand: verdict */
	CLOSE,  /* operand: session */
	STOP,
	LOST,
	DIAL,  /* only the client does */
	ALIVE, /* operand: session */
	KEYS,  /* operand: session: keys differ */
	KINDS,
};

/* Beside these, where bits 0 to 6 say so. */
enum {
	SETTINGS = 0x7e, /* operand: as in change_settings, while there is no session */
	MORE = 0x7f,     /* operand: session, and one of: */
};
enum more { AWAKE, PROBE, TRAFFIC /* operand: how much */, RENEGOTIATE };

struct queue {
	uint32_t head, tail;
	uint8_t bytes[QUEUE];
};

struct question {
	uint16_t kind;
	uint32_t subject, token;
	struct auth_question auth;
};

struct end {
	struct tunnel_config config;
	struct tunnel tunnel;
	struct random random;
	struct session sessions[SESSIONS];
	bool over[SESSIONS];
	uint32_t used;
	struct queue bytes, frames; /* what this end said */
	struct question questions[QUESTIONS];
	uint32_t question_count;
	bool down;
	struct end *other;
};

static struct end ends[2]; /* server, client */
static uint64_t now;
static struct out_item items[TUNNEL_OUT_ITEMS];
static _Alignas(8) uint8_t arena[TUNNEL_OUT_BYTES];
static struct outbox out = {.items = items,
	.arena = arena,
	.item_max = TUNNEL_OUT_ITEMS,
	.arena_max = TUNNEL_OUT_BYTES};

static void push(struct queue *queue, const void *bytes, size_t length)
{
	if (queue->head == queue->tail)
		queue->head = queue->tail = 0;
	if (queue->tail + length > QUEUE)
		return; /* lost on the way */
	memcpy(queue->bytes + queue->tail, bytes, length);
	queue->tail += (uint32_t)length;
}

static struct session *find(void *context, uint32_t subject)
{
	struct end *end = context;
	return subject && subject <= SESSIONS ? &end->sessions[subject - 1] : NULL;
}

static void configure(struct end *end, bool server, uint8_t choice)
{
	static const uint8_t methods[] = {AUTH_MSCHAPV2, AUTH_MSCHAP, AUTH_CHAP_MD5, AUTH_PAP};
	struct tunnel_config *config = &end->config;
	bool rings = (choice & 24) == 24; /* the client is the PAC */
	config->control = (struct control_config){.pac = server || rings,
		.accept_incoming = server && rings,
		.opener = !server,
		.window = 16,
		.echo_interval_us = SECONDS(60),
		.echo_timeout_us = SECONDS(60),
		.request_timeout_us = SECONDS(10)};
	struct link_config *link = &config->session.link;
	link->mru = 1400;
	link->ask_pfc = link->ask_acfc = choice & 4;
	link->name = link->password = "user";
	link->name_length = link->password_length = 4;
	link->echo_interval_us = SECONDS(20);
	link->echo_failure = 3;
	link->identification = choice & 8 ? "fuzz" : NULL;
	link->passive = server && choice & 16;
	link_config_defaults(link);
	unit_config_defaults(&config->session.unit);
	uint8_t method = methods[choice & 3];
	if (server)
		link->demand_auth = method | (choice & 32 ? AUTH_MSCHAPV2 : 0);
	else
		link->allow_auth = method;
	struct unit_config *unit = &config->session.unit;
	unit->mppe_allow = choice & 64 ? MPPE_ALLOW_128 | MPPE_ALLOW_40 : MPPE_ALLOW_128;
	unit->mppe_require = method & (AUTH_MSCHAP | AUTH_MSCHAPV2);
	unit->mppe_stateful = choice & 128;
	unit->ask_address = server;
	unit->ask_dns = !server;
	if (!unit->mppe_require) { /* room for what stands in for it, or beside it */
		unit->mppe_allow = 0;
		unit->vj = (struct ipcp_vj){16, true};
		unit->ipv6 = true;
		for (int i = 1; i < CODEC_METHODS; i++)
			unit->compress.receive[i] = unit->compress.transmit[i] = 12;
	}
	config->session.ecn = (enum session_ecn)((choice >> 2) % 3);
	config->session.idle_us = choice & 8 ? SECONDS(600) : 0;
	config->session.max_connect_us = choice & 16 ? SECONDS(1000) : 0;
}

static void ask(struct end *end, const struct out_item *item)
{
	if (end->question_count == QUESTIONS)
		return;
	struct question *question = &end->questions[end->question_count++];
	*question = (struct question){
		.kind = item->kind, .subject = item->subject, .token = item->token};
	if (item->kind == TUNNEL_CREDENTIALS)
		memcpy(&question->auth, outbox_bytes(&out, item), sizeof question->auth);
}

static void take_command(struct end *end, const struct out_item *item)
{
	struct datapath_command command;
	const uint8_t *bytes = outbox_bytes(&out, item);
	memcpy(&command, bytes, sizeof command);
	assert(item->subject && item->subject <= SESSIONS && !end->over[item->subject - 1]);
	if (command.kind != DATAPATH_FRAME)
		return;
	uint16_t head[2] = {(uint16_t)item->subject, (uint16_t)(item->length - sizeof command)};
	assert(head[1] == command.frame.length);
	push(&end->frames, head, sizeof head);
	push(&end->frames, bytes + sizeof command, head[1]);
}

static void pump(struct end *end)
{
	for (uint32_t i = 0; i < out.item_count; i++) {
		const struct out_item *item = &out.items[i];
		switch ((enum tunnel_out)item->kind) {
		case TUNNEL_BYTES:
			push(&end->bytes, outbox_bytes(&out, item), item->length);
			break;
		case TUNNEL_COMMAND:
			take_command(end, item);
			break;
		case TUNNEL_SESSION_WANTED:
		case TUNNEL_CREDENTIALS:
		case TUNNEL_ADDRESS:
			ask(end, item);
			break;
		case TUNNEL_SESSION_DOWN:
			assert(!end->over[item->subject - 1]);
			end->over[item->subject - 1] = true;
			break;
		case TUNNEL_DOWN:
			assert(!end->down);
			end->down = true;
			break;
		case TUNNEL_TLS: /* not configured */
		case TUNNEL_JOIN:
		case TUNNEL_LEAVE:
		case TUNNEL_UNIT_FRAME:
		case TUNNEL_UNIT_REJECTED:
		case TUNNEL_HANG_UP:
			assert(false);
			break;
		case TUNNEL_SESSION_UP:
		case TUNNEL_SESSION_NETWORK:
		case TUNNEL_SESSION_SERVICES:
		case TUNNEL_DELEGATE:
		case TUNNEL_UP:
		case TUNNEL_MESSAGE:
		case TUNNEL_PPP:
		case TUNNEL_DROP:
		case TUNNEL_NOTE:
		case TUNNEL_ANSWERED:
			break;
		}
	}
	outbox_clear(&out);
}

/* A slot for a new session, its handle in `subject`; NULL when all are in use. */
static struct session *fresh(struct end *end, uint32_t *subject)
{
	for (uint32_t i = 0; i < SESSIONS; i++) {
		if (end->sessions[i].state != SESSION_FREE && !end->over[i])
			continue;
		memset(&end->sessions[i], 0, sizeof end->sessions[i]);
		end->over[i] = false;
		*subject = i + 1;
		return &end->sessions[i];
	}
	return NULL;
}

static uint16_t call_id(struct end *end, uint32_t subject)
{
	return (uint16_t)(++end->used << 4 | subject);
}

static void dial(struct end *end)
{
	uint32_t subject;
	struct session *session = fresh(end, &subject);
	if (!session)
		return;
	tunnel_dial(&end->tunnel, session, subject, call_id(end, subject), now, &out);
	pump(end);
}

static void answer_call(struct end *end, const struct question *question, uint8_t verdict)
{
	uint32_t subject;
	struct session *session = verdict & 1 ? NULL : fresh(end, &subject);
	if (session)
		tunnel_accept(&end->tunnel, question->token, session, subject,
			call_id(end, subject), now, &out);
	else
		tunnel_refuse(&end->tunnel, question->token, 2 + verdict % 6, now, &out);
}

static void answer(struct end *end, uint8_t verdict)
{
	if (!end->question_count)
		return;
	struct question question = end->questions[0];
	memmove(end->questions, end->questions + 1,
		--end->question_count * sizeof end->questions[0]);
	struct session *session = find(end, question.subject);
	struct auth_answer answered = {.error = AUTH_ERROR_WRONG};
	struct unit_addresses addresses = {
		.granted = !(verdict & 1), .local4 = 0x0a000001, .remote4 = 0x0a000002};
	if (question.kind == TUNNEL_SESSION_WANTED && !end->down) {
		answer_call(end, &question, verdict);
	} else if (question.kind == TUNNEL_CREDENTIALS) {
		if (!(verdict & 1))
			auth_check(&question.auth, "user", 4, false, &answered);
		tunnel_credentials(&end->tunnel, session, question.token, &answered, now, &out);
	} else if (question.kind == TUNNEL_ADDRESS) {
		tunnel_addresses(&end->tunnel, session, question.token, &addresses, now, &out);
	}
	pump(end);
}

static void hear_bytes(struct end *end, const uint8_t *bytes, size_t length)
{
	while (length && !end->down) {
		size_t taken = tunnel_input(&end->tunnel, bytes, length, now, &out);
		pump(end);
		assert(taken || end->down);
		bytes += taken;
		length -= taken;
	}
}

static void talk_bytes(struct end *end, size_t most)
{
	struct queue *queue = &end->other->bytes;
	size_t length = queue->tail - queue->head;
	if (length > most)
		length = most;
	hear_bytes(end, queue->bytes + queue->head, length);
	queue->head += (uint32_t)length;
}

static void hear_frame(
	struct end *end, uint32_t subject, uint32_t back, const uint8_t *frame, size_t length)
{
	struct session *session = find(end, subject);
	if (!session || session->state == SESSION_FREE)
		return;
	tunnel_frame(&end->tunnel, session, session->epoch - back, frame, length, now, &out);
	pump(end);
}

static bool talk_frame(struct end *end, bool lose)
{
	struct queue *queue = &end->other->frames;
	uint16_t head[2];
	if (queue->tail - queue->head < sizeof head)
		return false;
	memcpy(head, queue->bytes + queue->head, sizeof head);
	const uint8_t *frame = queue->bytes + queue->head + sizeof head;
	queue->head += (uint32_t)sizeof head + head[1];
	/* The session with that call, if the calls are known to each other. */
	const struct call *theirs = &end->other->sessions[head[0] - 1].call;
	for (uint32_t subject = 1; !lose && subject <= SESSIONS; subject++)
		if (end->sessions[subject - 1].call.local_id == theirs->peer_id)
			hear_frame(end, subject, 0, frame, head[1]);
	return true;
}

static void pass(uint64_t us)
{
	now += us;
	for (int i = 0; i < 2; i++) {
		tunnel_tick(&ends[i].tunnel, now, &out);
		assert(tunnel_deadline(&ends[i].tunnel) > now);
		pump(&ends[i]);
	}
}

static void talk(struct end *end)
{
	for (int i = 0; i < 64; i++) {
		uint32_t before = end->other->bytes.head + end->bytes.head;
		talk_bytes(end, QUEUE);
		talk_bytes(end->other, QUEUE);
		while (end->question_count)
			answer(end, 0);
		while (end->other->question_count)
			answer(end->other, 0);
		bool heard = talk_frame(end, false);
		heard |= talk_frame(end->other, false);
		if (!heard && before == end->other->bytes.head + end->bytes.head)
			break;
	}
}

static bool idle(const struct end *end)
{
	for (int i = 0; i < SESSIONS; i++)
		if (end->sessions[i].state != SESSION_FREE)
			return false;
	return true;
}

static void change_settings(struct end *end, uint8_t choice)
{
	struct session_config *config = &end->config.session;
	if (!idle(end))
		return;
	config->relay = choice & 1;
	config->window = (enum session_window)((choice >> 1) % 3);
	config->max_octets = choice & 8 ? 1 << 16 : 0;
	config->octets = (enum session_octets)(choice >> 4 & 3);
	config->octets_us = SECONDS(1);
	config->silence_us = choice & 64 ? SECONDS(20) : 0;
}

static void do_more(struct end *end, uint8_t operand, struct reader *r)
{
	struct session *session = &end->sessions[operand % SESSIONS];
	struct datapath_counters counters = {.drops = {0}};
	if (session->state == SESSION_FREE)
		return;
	switch ((enum more)(operand >> 2 & 3)) {
	case AWAKE:
		tunnel_awake(&end->tunnel, now);
		break;
	case PROBE:
		tunnel_probe(&end->tunnel, session, now, &out);
		break;
	case TRAFFIC:
		counters.rx_bytes = (uint64_t)read_u8(r) << 12;
		counters.tx_bytes = counters.rx_bytes / 2;
		tunnel_traffic(&end->tunnel, session, &counters);
		break;
	case RENEGOTIATE:
		tunnel_renegotiate(&end->tunnel, session, now, &out);
		break;
	}
	pump(end);
}

static void operate(struct end *end, enum operation operation, struct reader *r)
{
	struct session *session;
	const uint8_t *bytes;
	uint32_t subject, back;
	size_t length;
	switch (operation) {
	case TALK:
		talk(end);
		break;
	case TALK_BYTES:
		talk_bytes(end, read_u8(r));
		break;
	case TALK_FRAME:
	case LOSE_FRAME:
		talk_frame(end, operation == LOSE_FRAME);
		break;
	case BYTES:
		length = read_u8(r);
		if (length > reader_left(r))
			length = reader_left(r);
		bytes = read_bytes(r, length);
		if (bytes)
			hear_bytes(end, bytes, length);
		break;
	case FRAME:
		subject = read_u8(r);
		back = subject >> 7;
		length = read_u8(r);
		if (length > reader_left(r))
			length = reader_left(r);
		bytes = read_bytes(r, length);
		if (bytes)
			hear_frame(end, subject & 7, back, bytes, length);
		break;
	case PASS:
		pass(1ull << read_u8(r) % 30);
		break;
	case ANSWER:
		answer(end, read_u8(r));
		break;
	case CLOSE:
	case ALIVE:
	case KEYS:
		session = find(end, read_u8(r) % SESSIONS + 1);
		if (session->state == SESSION_FREE)
			break;
		if (operation == CLOSE)
			tunnel_close_session(&end->tunnel, session, CLOSE_ADMIN, now, &out);
		else if (operation == KEYS)
			tunnel_keys_differ(&end->tunnel, session, now, &out);
		else
			tunnel_alive(&end->tunnel, session, now, now);
		pump(end);
		break;
	case STOP:
		tunnel_stop(&end->tunnel, CLOSE_SHUTDOWN, now, &out);
		pump(end);
		break;
	case LOST:
		tunnel_lost(&end->tunnel, CLOSE_TCP_CLOSED, now, &out);
		pump(end);
		break;
	case DIAL:
		dial(&ends[1]);
		break;
	case KINDS:
		break;
	}
}

/* A table that shows them has a word for every session at any time. */
static void check_words(const struct end *end)
{
	for (int i = 0; i < SESSIONS; i++)
		assert(strcmp(session_state_word(end->sessions[i].state), "unknown") != 0);
}

/* Whatever happened before, a stop ends it in time. */
static void finish(void)
{
	for (int i = 0; i < 2; i++) {
		tunnel_stop(&ends[i].tunnel, CLOSE_SHUTDOWN, now, &out);
		pump(&ends[i]);
	}
	uint64_t end = now + SHUTDOWN_TOTAL;
	for (int i = 0; i < 4000 && now < end; i++) {
		uint64_t due = tunnel_deadline(&ends[0].tunnel);
		if (tunnel_deadline(&ends[1].tunnel) < due)
			due = tunnel_deadline(&ends[1].tunnel);
		pass(due < end ? due - now : end - now);
	}
	for (int i = 0; i < 2; i++) {
		assert(ends[i].down);
		for (int k = 0; k < SESSIONS; k++)
			assert(ends[i].sessions[k].state == SESSION_FREE || ends[i].over[k]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
	struct reader r = reader_over(input, length);
	memset(ends, 0, sizeof ends);
	now = SECONDS(1000);
	outbox_clear(&out);
	uint8_t choice = read_u8(&r);
	for (int i = 0; i < 2; i++) {
		struct end *end = &ends[i];
		uint8_t seed[32] = {(uint8_t)i};
		struct session_table table = {.find = find, .context = end};
		struct address none = {0};
		end->other = &ends[!i];
		random_seed(&end->random, seed);
		configure(end, i == 0, choice);
		tunnel_init(&end->tunnel, &end->config, &table, &end->random);
		tunnel_up(&end->tunnel, &none, &none, now, &out);
		pump(end);
	}
	for (int i = 0; i < OPERATIONS && reader_left(&r); i++) {
		uint8_t word = read_u8(&r);
		struct end *end = &ends[word >> 7];
		if ((word & 0x7f) == SETTINGS)
			change_settings(end, read_u8(&r));
		else if ((word & 0x7f) == MORE)
			do_more(end, read_u8(&r), &r);
		else
			operate(end, (word & 0x7f) % KINDS, &r);
		check_words(end);
	}
	finish();
	return 0;
}
