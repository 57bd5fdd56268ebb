/* The app of the simulation (see side.h): carries the items of a tunnel's outbox to the network,
 * the data path and the tables, and answers the tunnel's questions after a while. */
#include "side.h"

#include <assert.h>
#include <string.h>

#include "bundles.h"
#include "check.h"
#include "pptp_print.h"
#include "print.h"
#include "text.h"
#include "world.h"

/* One for the program: a tunnel is never called while another's items are walked. */
static struct out_item out_items[TUNNEL_OUT_ITEMS];
static _Alignas(8) uint8_t out_arena[TUNNEL_OUT_BYTES];
static struct outbox out = {.items = out_items,
	.arena = out_arena,
	.item_max = TUNNEL_OUT_ITEMS,
	.arena_max = TUNNEL_OUT_BYTES};

static void pump(struct side *side);

void side_reset(void)
{
	outbox_clear(&out);
	bundles_reset();
}

void side_init(struct side *side, struct world *world, struct host *host, struct side *other,
	const struct scenario *scenario, bool server)
{
	memset(side, 0, sizeof *side);
	side->world = world;
	side->host = host;
	side->other = other;
	side->scenario = scenario;
	side->config = server ? &scenario->server : &scenario->client;
	side->local = server ? scenario->server_address : scenario->client_address;
	side->peer = server ? scenario->client_address : scenario->server_address;
	side->server = server;
	side->next_dial = NEVER;
	side->stopped = NEVER;
	side->dials_left = server ? 0 : scenario->calls;
	struct session_table table = {.find = host_find, .context = host};
	tunnel_init(&side->tunnel, side->config, &table, &host->random);
}

void side_connect(struct side *side)
{
	side->connected = true;
	tunnel_up(&side->tunnel, &side->local, &side->peer, side->world->now, &out);
	pump(side);
}

void side_lost(struct side *side, enum close_reason reason)
{
	side->connected = false;
	tunnel_lost(&side->tunnel, reason, side->world->now, &out);
	pump(side);
}

void side_bytes(struct side *side, const uint8_t *bytes, size_t length)
{
	while (length && !side->down) {
		size_t taken = tunnel_input(&side->tunnel, bytes, length, side->world->now, &out);
		pump(side);
		if (!taken && !side->down)
			fail("%s: tunnel_input consumed nothing", side->host->name);
		bytes += taken;
		length -= taken;
	}
}

void side_receive(struct side *side)
{
	size_t length;
	bool end;
	const uint8_t *bytes = pipe_read(side->pipe_in, side->world->now, &length, &end);
	if (end && side->connected)
		side_lost(side, CLOSE_TCP_CLOSED);
	else if (length && side->connected)
		side_bytes(side, bytes, length);
}

void side_frame(
	struct side *side, struct seat *seat, uint32_t epoch, const uint8_t *frame, size_t length)
{
	uint64_t now = side->world->now;
	if (seat->over)
		return;
	tunnel_traffic(&side->tunnel, &seat->session, &seat->datapath.counters);
	if (bundles_is_own(seat))
		bundle_frame(&seat->bundle, epoch, frame, length, now, &out);
	else
		tunnel_frame(&side->tunnel, &seat->session, epoch, frame, length, now, &out);
	pump(side);
}

void side_keys_differ(struct side *side, struct seat *seat)
{
	if (bundles_is_own(seat))
		bundle_keys_differ(&seat->bundle, side->world->now, &out);
	else
		tunnel_keys_differ(&side->tunnel, &seat->session, side->world->now, &out);
	pump(side);
}

void side_stale_answers(struct side *side, struct seat *seat, uint32_t token)
{
	struct auth_answer answer = {.accepted = true};
	struct unit_addresses addresses = {.granted = true, .local4 = 1, .remote4 = 2};
	uint64_t now = side->world->now;
	tunnel_credentials(&side->tunnel, &seat->session, token, &answer, now, &out);
	pump(side);
	tunnel_addresses(&side->tunnel, &seat->session, token, &addresses, now, &out);
	pump(side);
}

void side_close(struct side *side, struct seat *seat, enum close_reason reason)
{
	say(side, seat, "the operator closes it");
	if (bundles_is_own(seat))
		bundle_close(&seat->bundle, reason, side->world->now, &out);
	else
		tunnel_close_session(&side->tunnel, &seat->session, reason, side->world->now, &out);
	pump(side);
}

void side_stop(struct side *side, enum close_reason reason)
{
	if (side->stopped != NEVER || side->down)
		return;
	say(side, NULL, "is stopped");
	side->stopped = side->world->now;
	tunnel_stop(&side->tunnel, reason, side->world->now, &out);
	pump(side);
}

void side_dial_next(struct side *side)
{
	struct world *world = side->world;
	if (side->dials_left && side->next_dial == NEVER && side->up && !side->down &&
		side->stopped == NEVER)
		side->next_dial = world->now + dice_below(&world->dice, 500000);
}

static void dial(struct side *side)
{
	struct world *world = side->world;
	side->dials_left--;
	side->next_dial = NEVER;
	if (!side->config->session.link.mrru)
		side_dial_next(side);
	struct seat *seat = host_take_seat(side->host, side, &world->dice);
	if (!seat)
		fail("%s: no seat is left", side->host->name);
	tally.sessions++;
	uint32_t subject = seat->session.subject;
	tunnel_dial(&side->tunnel, &seat->session, subject, seat->call_id, world->now, &out);
	pump(side);
}

static void accept_call(struct side *side, uint32_t token)
{
	struct world *world = side->world;
	struct seat *seat = NULL;
	if (!side->scenario->refuse_calls)
		seat = host_take_seat(side->host, side, &world->dice);
	if (seat)
		tunnel_accept(&side->tunnel, token, &seat->session, seat->session.subject,
			seat->call_id, world->now, &out);
	else
		tunnel_refuse(&side->tunnel, token, PPTP_CALL_NOT_ACCEPTED, world->now, &out);
	pump(side);
}

/* What a user table does with a right name. */
static void judge(struct side *side, const struct auth_question *asked, struct auth_answer *answer)
{
	const struct scenario *scenario = side->scenario;
	const char *password = side->renewed[0] ? side->renewed : scenario->server_password;
	bool expired = side->server && scenario->expired && !side->renewed[0];
	struct auth_password fresh;
	if (!asked->changes) {
		auth_check(asked, password, strlen(password), false, answer);
		if (answer->accepted && expired)
			*answer = (struct auth_answer){
				.error = AUTH_ERROR_EXPIRED, .may_change = true};
		return;
	}
	if (!expired)
		return;
	auth_check_change(asked, password, strlen(password), false, &fresh, answer);
	if (!answer->accepted)
		return;
	memcpy(side->renewed, fresh.word, fresh.length);
	tally.changes++;
}

static void answer_credentials(struct side *side, const struct question *question)
{
	struct seat *seat = host_seat(side->host, question->subject);
	if (!seat)
		return;
	const struct scenario *scenario = side->scenario;
	const struct auth_question *asked = &question->auth;
	struct auth_answer answer = {.error = AUTH_ERROR_WRONG};
	const char *name = side->server ? scenario->client_name : "server";
	tally.again += seat->session.state == SESSION_UP;
	if (asked->name_length == strlen(name) && !memcmp(asked->name, name, strlen(name)))
		judge(side, asked, &answer);
	tunnel_credentials(
		&side->tunnel, &seat->session, question->token, &answer, side->world->now, &out);
	pump(side);
}

static void answer_tls(struct side *side, const struct question *question)
{
	struct seat *seat = host_seat(side->host, question->subject);
	if (!seat)
		return;
	static const struct tls_reply stale = {.outcome = TLS_DONE};
	struct fake_tls *tls = &seat->tls[question->ours];
	const struct tls_reply *reply =
		tls->begun == question->begun ? fake_tls_answer(tls) : &stale;
	tunnel_tls(&side->tunnel, &seat->session, question->token, reply, side->world->now, &out);
	pump(side);
}

static void answer_addresses(struct side *side, const struct question *question)
{
	struct seat *seat = host_seat(side->host, question->subject);
	if (!seat)
		return;
	struct unit_addresses addresses = {.granted = !side->scenario->no_address,
		.local4 = 0x0a000001,
		.remote4 = side->scenario->agreed4 ? side->scenario->agreed4
						   : 0x0a000100 + seat->host_part,
		.dns = {0x0a000035},
		.prefix6 = {.address = {6, {0xfd}}, .length = 64}};
	put_u32(addresses.prefix6.address.bytes + 4, seat->host_part);
	if (bundles_is_own(seat) && !seat->over)
		bundle_addresses(
			&seat->bundle, question->token, &addresses, side->world->now, &out);
	else
		tunnel_addresses(&side->tunnel, &seat->session, question->token, &addresses,
			side->world->now, &out);
	pump(side);
}

static void answer_prefix(struct side *side, const struct question *question)
{
	struct seat *seat = host_seat(side->host, question->subject);
	struct prefix prefix = {.address = {6, {0xfd, 1}}, .length = 56};
	if (!seat || seat->over)
		return;
	put_u32(prefix.address.bytes + 2, seat->host_part);
	if (side->scenario->no_prefix)
		prefix.length = 0;
	if (bundles_is_own(seat))
		bundle_delegate(&seat->bundle, &question->prefix, &prefix, side->world->now, &out);
	else
		tunnel_delegate(&side->tunnel, &seat->session, &question->prefix, &prefix,
			side->world->now, &out);
	pump(side);
}

void side_answer(struct side *side, const struct question *question)
{
	switch (question->kind) {
	case QUESTION_CALL:
		if (!side->down)
			accept_call(side, question->token);
		break;
	case QUESTION_CREDENTIALS:
		answer_credentials(side, question);
		break;
	case QUESTION_TLS:
		answer_tls(side, question);
		break;
	case QUESTION_ADDRESS:
		answer_addresses(side, question);
		break;
	case QUESTION_PREFIX:
		answer_prefix(side, question);
		break;
	}
}

void side_tick(struct side *side)
{
	struct world *world = side->world;
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (!seat->attached || seat->side != side)
			continue;
		tunnel_alive(
			&side->tunnel, &seat->session, seat->datapath.last_received, seat->active);
		tunnel_traffic(&side->tunnel, &seat->session, &seat->datapath.counters);
	}
	tunnel_tick(&side->tunnel, world->now, &out);
	if (tunnel_deadline(&side->tunnel) <= world->now)
		fail("%s: a tunnel's deadline lies in the past after its tick", side->host->name);
	pump(side);
	for (struct seat *seat; (seat = bundles_due(side, world->now));) {
		bundle_tick(&seat->bundle, world->now, &out);
		if (bundle_deadline(&seat->bundle) <= world->now)
			fail("%s: a bundle's deadline lies in the past after its tick",
				side->host->name);
		pump(side);
	}
	if (side->next_dial <= world->now)
		dial(side);
}

uint64_t side_deadline(const struct side *side)
{
	uint64_t deadline = tunnel_deadline(&side->tunnel), bundles = bundles_deadline(side);
	if (bundles < deadline)
		deadline = bundles;
	return side->next_dial < deadline ? side->next_dial : deadline;
}

static void ask(struct side *side, const struct out_item *item, int kind)
{
	struct world *world = side->world;
	struct question question = {.side = side, .subject = item->subject, .token = item->token};
	question.kind = kind;
	question.due = world->now + dice_below(&world->dice, side->scenario->answer_delay);
	if (kind == QUESTION_CREDENTIALS)
		memcpy(&question.auth, outbox_bytes(&out, item), sizeof question.auth);
	if (kind == QUESTION_PREFIX)
		memcpy(&question.prefix, outbox_bytes(&out, item), sizeof question.prefix);
	if (kind == QUESTION_TLS) {
		question.ours = item->arg & TLS_OURS;
		question.begun = host_seat(side->host, item->subject)->tls[question.ours].begun;
	}
	world_ask(world, &question);
}

/* What TLS would do with it. Its answer to a question that is out of date is given all the same, as
 * a thread's would be. */
static void take_tls(struct side *side, const struct out_item *item)
{
	struct seat *seat = host_seat(side->host, item->subject);
	bool ours = item->arg & TLS_OURS;
	if (!seat)
		fail("%s: TLS for nobody", side->host->name);
	struct fake_tls *tls = &seat->tls[ours];
	if (item->arg == TLS_END) {
		tally.tls += seat->tls[0].reply.outcome == TLS_DONE;
		/* Whoever looks at them now sees it. */
		memset(&seat->tls[0].reply, 0xee, sizeof tls->reply);
		memset(&seat->tls[1].reply, 0xee, sizeof tls->reply);
		return;
	}
	if ((item->arg & (TLS_OURS - 1)) == TLS_BEGIN) {
		tls->number = (uint32_t)dice_u64(&side->world->dice);
		tls->size = side->scenario->tls_size;
		tls->resumed = side->scenario->tls_resumed;
		tls->refuse = side->scenario->tls_refuse[side->server];
	}
	if (fake_tls_take(tls, item->arg, outbox_bytes(&out, item), item->length))
		ask(side, item, QUESTION_TLS);
}

/* No frame before its phase, no key after the frame that needs it (design: hard places). */
static void check_frame(struct seat *seat, const uint8_t *frame, size_t length)
{
	const char *name = seat->side->host->name;
	struct reader r = reader_over(frame, length);
	uint16_t protocol = read_u16(&r);
	uint8_t code = read_u8(&r);
	if (!seat->connect_said)
		fail("%s: a frame before the call was connected", name);
	if (protocol == LCP)
		return;
	if (!seat->framing_said)
		fail("%s: protocol 0x%04x before LCP was open", name, protocol);
	const struct ccp *ccp = &seat->session.unit.ccp;
	if (protocol == CCP && code == CONFIGURE_ACK && ccp->wish && !seat->receive_key_said)
		fail("%s: CCP acknowledged before the receive key was armed", name);
	if (protocol == ECP && code == CONFIGURE_ACK && !seat->cipher_said[0])
		fail("%s: ECP acknowledged before the receiver was armed", name);
	if (protocol == CCP && code == CONFIGURE_REQUEST &&
		ccp_wished(ccp).method != seat->decompress_said)
		fail("%s: CCP asks for what is not armed", name);
}

/* The two ends of a call, known by their call IDs. */
static void meet(struct seat *seat, uint16_t peer_call_id)
{
	struct side *other = seat->side->other;
	for (int i = 0; i < SEATS; i++) {
		struct seat *peer = &other->host->seats[i];
		if (!peer->used || peer->over || peer->side != other ||
			peer->call_id != peer_call_id)
			continue;
		if (peer->connect_said && peer->session.call.peer_id != seat->call_id)
			continue;
		seat->other = peer;
		peer->other = seat;
		seat->met = peer->met = true;
	}
}

static void check_command(struct seat *seat, const struct datapath_command *command,
	const uint8_t *frame, size_t length)
{
	const char *name = seat->side->host->name;
	bool require = seat->side->config->session.unit.mppe_require;
	switch (command->kind) {
	case DATAPATH_ATTACH:
		break;
	case DATAPATH_CONNECT:
		seat->connect_said = true;
		meet(seat, command->connect.peer_call_id);
		break;
	case DATAPATH_FRAME:
		check_frame(seat, frame, length);
		break;
	case DATAPATH_START_KEYS:
		seat->start_keys_said = true;
		break;
	case DATAPATH_RECEIVE_KEY:
		if (command->key.strength != MPPE_NONE && !seat->start_keys_said)
			fail("%s: a key before those it starts from", name);
		seat->receive_key_said = command->key.strength != MPPE_NONE;
		break;
	case DATAPATH_TRANSMIT_KEY:
		seat->transmit_key_said = command->key.strength != MPPE_NONE;
		if (seat->transmit_key_said && !seat->receive_key_said)
			fail("%s: a transmit key without a receive key", name);
		break;
	case DATAPATH_HEADERS:
		break;
	case DATAPATH_CIPHER:
		seat->cipher_said[command->cipher.transmit] = command->cipher.key.length;
		if (seat->cipher_said[1] && !seat->cipher_said[0])
			fail("%s: ECP encrypts and does not decrypt", name);
		break;
	case DATAPATH_COMPRESS:
		if (!command->compress.transmit)
			seat->decompress_said = command->compress.params.method;
		if (require && command->compress.params.method &&
			!command->compress.params.encrypted)
			fail("%s: a compressor that does not encrypt", name);
		break;
	case DATAPATH_FRAMING:
		seat->framing_said = true;
		break;
	case DATAPATH_NETWORK:
		if ((command->network.ipv4 || command->network.ipv6) && require &&
			!(seat->receive_key_said && seat->transmit_key_said))
			fail("%s: network up without the required keys", name);
		if ((command->network.ipv4 || command->network.ipv6) &&
			seat->side->config->session.unit.ecp_key.length &&
			!(seat->cipher_said[0] && seat->cipher_said[1]))
			fail("%s: network up without ECP", name);
		break;
	case DATAPATH_BUNDLE:
		if (!seat->framing_said)
			fail("%s: a link joins before LCP was open", name);
		break;
	case DATAPATH_PATH:
		break;
	case DATAPATH_EPOCH:
		seat->framing_said = seat->receive_key_said = seat->transmit_key_said = false;
		seat->cipher_said[0] = seat->cipher_said[1] = false;
		seat->decompress_said = CODEC_NONE;
		break;
	case DATAPATH_DETACH:
		break;
	}
}

static void take_command(struct side *side, const struct out_item *item)
{
	struct datapath_command command;
	assert(item->length >= sizeof command);
	const uint8_t *bytes = outbox_bytes(&out, item);
	memcpy(&command, bytes, sizeof command);
	struct seat *seat = host_seat(side->host, item->subject);
	if (!seat || command.subject != item->subject)
		fail("%s: a command for nobody", side->host->name);
	if (seat->over)
		fail("%s: a command after the session was down", side->host->name);
	size_t length = item->length - sizeof command;
	if (length != (command.kind == DATAPATH_FRAME ? command.frame.length : 0))
		fail("%s: a command with the wrong length", side->host->name);
	const uint8_t *frame = bytes + sizeof command;
	check_command(seat, &command, frame, length);
	host_command(side->host, item->subject, &command, frame, length);
}

/* The other end may be up a little later: who must not lose a packet waits for it. */
static uint64_t first_data(const struct side *side)
{
	uint32_t delay = side->scenario->data_delay;
	return side->world->now + delay / 2 + dice_below(&side->world->dice, delay / 2);
}

static void take_session_up(struct side *side, const struct out_item *item)
{
	struct seat *seat = host_seat(side->host, item->subject);
	if (!seat || seat->opened)
		fail("%s: a session came up that was not starting", side->host->name);
	say(side, seat, "session up");
	seat->opened = true;
	seat->left = side->scenario->packets;
	if (seat->other) /* what the other end sent before may have come too early */
		seat->other->out.promised = seat->other->out.sent;
	seat->next_data = first_data(side);
	side_dial_next(side);
	if (!side->server)
		tally.opened++;
	if (!side->server && seat->session.call.pac)
		tally.incoming++;
	if (side->scenario->impossible[side->server] && !side->hostile && !side->other->hostile)
		fail("%s: a session came up that must not", side->host->name);
}

static void take_session_down(struct side *side, const struct out_item *item)
{
	struct seat *seat = host_seat(side->host, item->subject);
	if (!seat || seat->over)
		fail("%s: a session went down twice", side->host->name);
	if (seat->session.attached != seat->session.detached)
		fail("%s: a session went down without its detach", side->host->name);
	say(side, seat, "session down: %s", close_word((enum close_reason)item->arg));
	tally.closes[side->server][item->arg]++;
	seat->over = true;
	side_dial_next(side);
	if (seat->other) {
		if (seat->other->other == seat)
			seat->other->other = NULL;
		seat->other = NULL;
	}
	if (!seat->session.attached)
		seat->used = false;
}

/* Tells the packet or message to whoever follows the run. */
static void tell(struct side *side, const struct out_item *item)
{
	if (!side->world->verbose)
		return;
	char line[600];
	struct text t = text_over(line, sizeof line);
	const uint8_t *bytes = outbox_bytes(&out, item);
	const struct seat *seat = host_seat(side->host, item->subject);
	const char *arrow = item->arg ? "->" : "<-";
	if (item->kind == TUNNEL_MESSAGE)
		pptp_print(&t, bytes, item->length);
	else if (item->kind == TUNNEL_PPP)
		ppp_print(&t, bytes, item->length);
	if (item->kind == TUNNEL_DROP)
		say(side, seat, "drop: %s", drop_word((enum drop)item->arg));
	else if (item->kind == TUNNEL_NOTE)
		say(side, seat, "%s: %.*s", item->arg ? "warning" : "note", (int)item->length,
			(const char *)bytes);
	else
		say(side, seat, "%s %s", arrow, line);
}

static void take_tunnel_down(struct side *side, const struct out_item *item)
{
	if (side->down)
		fail("%s: a tunnel went down twice", side->host->name);
	side->down = true;
	side->connected = false;
	side->reason = (enum close_reason)item->arg;
	side->next_dial = NEVER;
	say(side, NULL, "tunnel down: %s", close_word(side->reason));
	pipe_end(side->pipe_out, side->world->now);
	for (int i = 0; i < SEATS; i++) {
		const struct seat *seat = &side->host->seats[i];
		if (seat->used && seat->side == side && !seat->over && !bundles_is_own(seat))
			fail("%s: a tunnel went down before its sessions", side->host->name);
	}
}

static void take_item(struct side *side, const struct out_item *item)
{
	struct world *world = side->world;
	switch ((enum tunnel_out)item->kind) {
	case TUNNEL_BYTES:
		if (!side->connected)
			fail("%s: bytes without a connection", side->host->name);
		pipe_write(side->pipe_out, &world->dice, world->now, outbox_bytes(&out, item),
			item->length);
		break;
	case TUNNEL_COMMAND:
		take_command(side, item);
		break;
	case TUNNEL_SESSION_WANTED:
		ask(side, item, QUESTION_CALL);
		break;
	case TUNNEL_CREDENTIALS:
		ask(side, item, QUESTION_CREDENTIALS);
		break;
	case TUNNEL_TLS:
		take_tls(side, item);
		break;
	case TUNNEL_ADDRESS:
		ask(side, item, QUESTION_ADDRESS);
		break;
	case TUNNEL_DELEGATE:
		ask(side, item, QUESTION_PREFIX);
		break;
	case TUNNEL_SESSION_SERVICES:
		break;
	case TUNNEL_SESSION_UP:
		take_session_up(side, item);
		break;
	case TUNNEL_SESSION_NETWORK:
		tally.renegotiated++;
		break;
	case TUNNEL_SESSION_DOWN:
		take_session_down(side, item);
		break;
	case TUNNEL_JOIN:
	case TUNNEL_LEAVE:
	case TUNNEL_UNIT_FRAME:
	case TUNNEL_UNIT_REJECTED:
	case TUNNEL_HANG_UP:
	case TUNNEL_ANSWERED:
		bundles_take(side, &out, item);
		break;
	case TUNNEL_UP:
		side->up = true;
		if (side->dials_left)
			side->next_dial = world->now;
		break;
	case TUNNEL_DOWN:
		take_tunnel_down(side, item);
		break;
	case TUNNEL_DROP:
		tally.drops[item->arg]++;
		tell(side, item);
		break;
	case TUNNEL_MESSAGE:
	case TUNNEL_PPP:
	case TUNNEL_NOTE:
		tell(side, item);
		break;
	}
}

static void pump(struct side *side)
{
	for (uint32_t i = 0; i < out.item_count; i++)
		take_item(side, &out.items[i]);
	if (out.item_count > tally.most_items)
		tally.most_items = out.item_count;
	if (out.arena_used > tally.most_bytes)
		tally.most_bytes = out.arena_used;
	outbox_clear(&out);
	if (bundles_next(side, &out))
		pump(side);
}
