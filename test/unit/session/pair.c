/* Two tunnels for tests (see pair.h). Frames go straight from one session to the other: there is
 * no data path here, only the commands for one. */
#include "pair.h"

#include <assert.h>
#include <string.h>

static struct pair the_pair;
static struct out_item items[TUNNEL_OUT_ITEMS];
static _Alignas(8) uint8_t arena[TUNNEL_OUT_BYTES];
static struct outbox out = {.items = items,
	.arena = arena,
	.item_max = TUNNEL_OUT_ITEMS,
	.arena_max = TUNNEL_OUT_BYTES};

struct outbox *pair_out(void)
{
	return &out;
}

static void push(struct queue *queue, const void *bytes, size_t length)
{
	if (queue->head == queue->tail)
		queue->head = queue->tail = 0;
	assert(queue->tail + length <= PAIR_QUEUE);
	if (length)
		memcpy(queue->bytes + queue->tail, bytes, length);
	queue->tail += (uint32_t)length;
}

static struct session *find(void *context, uint32_t subject)
{
	struct end *end = context;
	return subject && subject <= PAIR_SESSIONS ? &end->sessions[subject - 1] : NULL;
}

static void init_end(struct end *end, struct end *other, bool server)
{
	struct tunnel_config *config = &end->config;
	config->control = (struct control_config){.pac = server,
		.opener = !server,
		.maximum_channels = 64,
		.window = 64,
		.echo_interval_us = SECONDS(60),
		.echo_timeout_us = SECONDS(60),
		.request_timeout_us = SECONDS(10)};
	end->local = address_ipv4(server ? 0xc0a80001 : 0xc0a80002);
	end->peer = address_ipv4(server ? 0xc0a80002 : 0xc0a80001);
	struct link_config *link = &config->session.link;
	*link = (struct link_config){.mru = 1400,
		.restart_us = SECONDS(3),
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.echo_interval_us = SECONDS(20),
		.echo_failure = 3,
		.auth_timeout_us = SECONDS(30),
		.name = server ? "server" : "user",
		.name_length = server ? 6 : 4};
	if (server)
		link->demand_auth = AUTH_MSCHAPV2;
	else
		link->allow_auth = AUTH_MSCHAPV2;
	link->password = server ? NULL : "secret";
	link->password_length = server ? 0 : 6;
	config->session.unit = (struct unit_config){.mppe_allow = MPPE_ALLOW_128,
		.mppe_require = true,
		.ask_address = server,
		.restart_us = SECONDS(3),
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.network_timeout_us = SECONDS(30)};
	end->other = other;
	end->password = "secret";
	uint8_t seed[32] = {server};
	random_seed(&end->random, seed);
}

struct pair *pair_new(void)
{
	struct pair *pair = &the_pair;
	memset(pair, 0, sizeof *pair);
	pair->now = SECONDS(1000);
	init_end(&pair->client, &pair->server, false);
	init_end(&pair->server, &pair->client, true);
	outbox_clear(&out);
	return pair;
}

static uint16_t call_id(const struct end *end, uint32_t subject)
{
	return (uint16_t)(subject + (end->config.session.unit.ask_address ? 2000 : 1000));
}

static void record(struct end *end, const struct out_item *item)
{
	assert(end->seen_count < PAIR_ITEMS);
	struct seen *seen = &end->seen[end->seen_count++];
	const uint8_t *bytes = outbox_bytes(&out, item), *frame = bytes;
	*seen = (struct seen){.kind = item->kind,
		.arg = item->arg,
		.subject = item->subject,
		.token = item->token};
	size_t length = item->kind == TUNNEL_PPP ? item->length : 0;
	if (item->kind == TUNNEL_COMMAND) {
		struct datapath_command command;
		memcpy(&command, bytes, sizeof command);
		seen->command = command.kind;
		seen->epoch = command.epoch;
		if (command.kind == DATAPATH_FRAMING) {
			seen->mtu = command.framing.mtu;
			seen->mru = command.framing.send_mru;
		}
		if (command.kind == DATAPATH_NETWORK)
			seen->behind = command.network.prefixes6[1];
		if (command.kind == DATAPATH_ATTACH) {
			seen->require_encryption = command.attach.require_encryption;
			seen->any_peer = command.attach.any_peer;
			seen->check_source = command.attach.check_source;
			seen->client_to_client = command.attach.client_to_client;
			seen->clamp_mss = command.attach.clamp_mss;
			seen->ecn = command.attach.ecn;
			seen->nat = command.attach.nat;
			seen->relay = command.attach.relay;
			seen->reorder = command.attach.reorder;
			seen->dscp = command.attach.dscp_copy ? 64 : command.attach.dscp;
		}
		frame = bytes + sizeof command;
		length = item->length - sizeof command;
	}
	if (item->kind == TUNNEL_MESSAGE) {
		seen->message = bytes[9];
		seen->result = bytes[14];
	}
	if (length >= 3) {
		seen->protocol = (uint16_t)(frame[0] << 8 | frame[1]);
		seen->code = frame[2];
	}
}

/* Frames travel as: the speaker's subject, their length, their bytes. */
static void say_frame(struct end *end, const struct out_item *item)
{
	struct datapath_command command;
	const uint8_t *bytes = outbox_bytes(&out, item);
	memcpy(&command, bytes, sizeof command);
	if (command.kind != DATAPATH_FRAME)
		return;
	uint32_t head[2] = {item->subject, item->length - (uint32_t)sizeof command};
	push(&end->frames, head, sizeof head);
	push(&end->frames, bytes + sizeof command, head[1]);
}

static void note(struct end *end, const struct out_item *item)
{
	assert(end->notes_length + item->length + 2 < PAIR_NOTES);
	memcpy(end->notes + end->notes_length, outbox_bytes(&out, item), item->length);
	end->notes_length += item->length;
	end->notes[end->notes_length++] = '\n';
	end->notes[end->notes_length] = '\0';
}

/* What is asked is answered after the walk. */
struct asked {
	uint16_t kind;
	uint32_t subject, token;
	struct auth_question question;
	struct delegate_question delegate;
};

static void answer(struct pair *pair, struct end *end, const struct asked *asked)
{
	struct auth_answer verdict = {.error = AUTH_ERROR_WRONG};
	struct unit_addresses addresses = {.granted = !end->refuse_address,
		.local4 = 0x0a000001,
		.remote4 = 0x0a000100 + asked->subject,
		.prefix6 = end->prefix6};
	struct session *session = find(end, asked->subject);
	if (asked->kind == TUNNEL_CREDENTIALS && !end->mute_credentials) {
		auth_check(&asked->question, end->password, strlen(end->password), false, &verdict);
		tunnel_credentials(&end->tunnel, session, asked->token, &verdict, pair->now, &out);
	} else if (asked->kind == TUNNEL_DELEGATE) {
		tunnel_delegate(
			&end->tunnel, session, &asked->delegate, &end->delegated, pair->now, &out);
	} else if (asked->kind == TUNNEL_ADDRESS) {
		tunnel_addresses(&end->tunnel, session, asked->token, &addresses, pair->now, &out);
	} else if (asked->kind == TUNNEL_SESSION_WANTED && end->refuse_calls) {
		tunnel_refuse(&end->tunnel, asked->token, PPTP_CALL_NOT_ACCEPTED, pair->now, &out);
	} else if (asked->kind == TUNNEL_SESSION_WANTED) {
		uint32_t subject = ++end->session_count;
		tunnel_accept(&end->tunnel, asked->token, find(end, subject), subject,
			call_id(end, subject), pair->now, &out);
	}
	pair_take(pair, end);
}

void pair_take(struct pair *pair, struct end *end)
{
	struct asked asked[16];
	size_t asked_count = 0;
	for (uint32_t i = 0; i < out.item_count; i++) {
		const struct out_item *item = &out.items[i];
		record(end, item);
		if (item->kind == TUNNEL_BYTES)
			push(&end->bytes, outbox_bytes(&out, item), item->length);
		else if (item->kind == TUNNEL_COMMAND)
			say_frame(end, item);
		else if (item->kind == TUNNEL_NOTE)
			note(end, item);
		else if (item->kind == TUNNEL_SESSION_WANTED)
			memcpy(end->phone_number,
				((const struct call_wanted *)outbox_bytes(&out, item))
					->phone_number,
				sizeof end->phone_number);
		else if (item->kind == TUNNEL_UP)
			end->up = true;
		else if (item->kind == TUNNEL_DOWN)
			end->down = true;
		if (item->kind != TUNNEL_SESSION_WANTED && item->kind != TUNNEL_CREDENTIALS &&
			item->kind != TUNNEL_ADDRESS && item->kind != TUNNEL_DELEGATE)
			continue;
		assert(asked_count < sizeof asked / sizeof *asked);
		struct asked *question = &asked[asked_count++];
		*question = (struct asked){
			.kind = item->kind, .subject = item->subject, .token = item->token};
		if (item->kind == TUNNEL_CREDENTIALS)
			memcpy(&question->question, outbox_bytes(&out, item),
				sizeof question->question);
		if (item->kind == TUNNEL_DELEGATE)
			memcpy(&question->delegate, outbox_bytes(&out, item),
				sizeof question->delegate);
	}
	outbox_clear(&out);
	for (size_t i = 0; i < asked_count; i++)
		answer(pair, end, &asked[i]);
}

void pair_start(struct pair *pair, int calls)
{
	struct end *ends[2] = {&pair->server, &pair->client};
	for (int i = 0; i < 2; i++) {
		struct session_table table = {.find = find, .context = ends[i]};
		tunnel_init(&ends[i]->tunnel, &ends[i]->config, &table, &ends[i]->random);
		ends[i]->connected = true;
		tunnel_up(&ends[i]->tunnel, &ends[i]->local, &ends[i]->peer, pair->now, &out);
		pair_take(pair, ends[i]);
	}
	pair_talk(pair);
	for (int i = 0; i < calls; i++) {
		struct end *client = &pair->client;
		uint32_t subject = ++client->session_count;
		tunnel_dial(&client->tunnel, find(client, subject), subject,
			call_id(client, subject), pair->now, &out);
		pair_take(pair, client);
	}
	pair_talk(pair);
}

static bool hear_bytes(struct pair *pair, struct end *end)
{
	struct queue *queue = &end->other->bytes;
	if (queue->head == queue->tail)
		return false;
	if (end->deaf_tcp || end->down) {
		queue->head = queue->tail;
		return true;
	}
	queue->head += (uint32_t)tunnel_input(&end->tunnel, queue->bytes + queue->head,
		queue->tail - queue->head, pair->now, &out);
	pair_take(pair, end);
	return true;
}

/* The session of `end` whose call is that of the speaker's subject. */
static struct session *opposite(struct end *end, uint32_t subject)
{
	uint16_t theirs = call_id(end->other, subject);
	uint16_t ours = end->other->sessions[subject - 1].call.peer_id;
	for (uint32_t i = 0; i < end->session_count; i++) {
		struct session *session = &end->sessions[i];
		if (session->call.peer_id == theirs || session->call.local_id == ours)
			return session;
	}
	return NULL;
}

static bool hear_frame(struct pair *pair, struct end *end)
{
	struct queue *queue = &end->other->frames;
	if (queue->head == queue->tail)
		return false;
	uint32_t head[2];
	memcpy(head, queue->bytes + queue->head, sizeof head);
	const uint8_t *frame = queue->bytes + queue->head + sizeof head;
	queue->head += (uint32_t)sizeof head + head[1];
	struct session *session = opposite(end, head[0]);
	if (end->deaf_gre || !session || !session->attached || session->detached)
		return true;
	uint8_t copy[2048];
	memcpy(copy, frame, head[1]);
	tunnel_frame(&end->tunnel, session, session->epoch, copy, head[1], pair->now, &out);
	pair_take(pair, end);
	return true;
}

void pair_talk(struct pair *pair)
{
	while (hear_bytes(pair, &pair->client) || hear_bytes(pair, &pair->server) ||
		hear_frame(pair, &pair->client) || hear_frame(pair, &pair->server))
		continue;
}

void pair_pass(struct pair *pair, uint64_t us)
{
	uint64_t until = pair->now + us;
	pair_talk(pair);
	struct end *ends[2] = {&pair->client, &pair->server};
	for (;;) {
		uint64_t due = until + 1;
		for (int i = 0; i < 2; i++)
			if (tunnel_deadline(&ends[i]->tunnel) < due)
				due = tunnel_deadline(&ends[i]->tunnel);
		if (due > until)
			break;
		if (due > pair->now)
			pair->now = due;
		for (int i = 0; i < 2; i++) {
			tunnel_tick(&ends[i]->tunnel, pair->now, &out);
			pair_take(pair, ends[i]);
			assert(tunnel_deadline(&ends[i]->tunnel) > pair->now);
		}
		pair_talk(pair);
	}
	pair->now = until;
}

uint32_t seen_find(
	const struct end *end, uint32_t from, int kind, int command, int protocol, int code)
{
	for (uint32_t i = from; i < end->seen_count; i++) {
		const struct seen *seen = &end->seen[i];
		if (seen->kind == kind && (command < 0 || (int)seen->command == command) &&
			(protocol < 0 || seen->protocol == protocol) &&
			(code < 0 || seen->code == code))
			return i;
	}
	return end->seen_count;
}

uint32_t seen_total(const struct end *end, int kind, int command)
{
	uint32_t total = 0;
	for (uint32_t i = 0; i < end->seen_count; i++)
		total += end->seen[i].kind == kind &&
			 (command < 0 || (int)end->seen[i].command == command);
	return total;
}

enum close_reason seen_reason(const struct end *end, uint32_t subject)
{
	for (uint32_t i = 0; i < end->seen_count; i++)
		if (end->seen[i].kind == TUNNEL_SESSION_DOWN && end->seen[i].subject == subject)
			return (enum close_reason)end->seen[i].arg;
	return CLOSE_NONE;
}
