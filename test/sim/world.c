/* The run of a seed (see world.h): set up, weather and mishaps, healing, a last proof that data
 * passes, and the end of everything. Time jumps to whatever is due next. */
#include "world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "judge.h"

enum { INSTANT_MAX = 20000, BURST_MAX = 6 };

/* From the healing on: long enough for every time-out there is, then the proof, then the end. */
#define SETTLE_TIME SECONDS(500)
#define PROOF_TIME  SECONDS(4)
#define END_TIME    SECONDS(200)

void say(const struct side *side, const struct seat *seat, const char *format, ...)
{
	if (!side->world->verbose)
		return;
	printf("%12.6f %s", (double)side->world->now / 1e6, side->host->name);
	if (seat)
		printf("/%u", seat->generation);
	printf(": ");
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

void world_ask(struct world *world, const struct question *question)
{
	if (world->question_count == QUESTIONS)
		fail("too many questions");
	world->questions[world->question_count++] = *question;
}

static void start_pair(struct world *world, int index, struct host *client)
{
	struct pair *pair = &world->pairs[index];
	struct scenario *scenario = &pair->scenario;
	struct session_config *configs[2] = {&scenario->client.session, &scenario->server.session};
	for (int i = 0; i < 2; i++)
		configs[i]->link.automaton_coverage = configs[i]->unit.automaton_coverage =
			tally.cells[0];
	scenario->client_address = address_ipv4(0xc0a80002 + (uint32_t)index);
	for (int i = 0; i < 2; i++) {
		wire_init(&pair->wires[i], &scenario->wire[i]);
		pipe_init(&pair->pipes[i], scenario->tcp_delay, scenario->tcp_jitter,
			scenario->tcp_whole);
	}
	side_init(&pair->client, world, client, &pair->server, scenario, false);
	side_init(&pair->server, world, &world->server, &pair->client, scenario, true);
	pair->client.wire_out = pair->server.wire_in = &pair->wires[0];
	pair->client.wire_in = pair->server.wire_out = &pair->wires[1];
	pair->client.pipe_out = pair->server.pipe_in = &pair->pipes[0];
	pair->client.pipe_in = pair->server.pipe_out = &pair->pipes[1];
	pair->next_mishap = 0;
	pair->holes = 0;
}

static void start(struct world *world)
{
	static const char *const names[PAIRS] = {"client", "bystander"};
	dice_seed(&world->dice, world->seed, DICE_RUN);
	world->now = 1000000;
	world->question_count = 0;
	world->healed = false;
	bool hostile = dice_chance(&world->dice, 1250);
	world->pair_count = hostile ? 2 : 1;
	scenario_make(&world->pairs[0].scenario, world->seed);
	if (!hostile)
		scenario_line(&world->pairs[0].scenario, world->seed);
	if (hostile) {
		scenario_healthy(&world->pairs[1].scenario, ~world->seed);
		world->pairs[0].scenario.plain = false;
		world->pairs[0].scenario.hostile = true;
		world->pairs[0].scenario.server.maximum_calls = 4;
	}
	const struct scenario *first = &world->pairs[0].scenario;
	host_init(&world->server, world, "server", true, first->hold_slots, first->ring_delay,
		&world->dice);
	for (int i = 0; i < world->pair_count; i++) {
		host_init(&world->clients[i], world, names[i], false, first->hold_slots,
			first->ring_delay, &world->dice);
		start_pair(world, i, &world->clients[i]);
	}
	adversary_init(&world->adversary, NULL, world->seed, 0);
	if (hostile) {
		world->pairs[0].client.hostile = world->pairs[0].server.hostile = true;
		adversary_init(&world->adversary, &world->pairs[0].server, world->seed,
			world->now + first->heal);
	}
	for (int i = 0; i < world->pair_count; i++) {
		side_connect(&world->pairs[i].server);
		side_connect(&world->pairs[i].client);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t data_due(const struct host *host)
{
	uint64_t due = NEVER;
	for (int i = 0; i < SEATS; i++)
		if (host->seats[i].used)
			due = earlier(due, host->seats[i].next_data);
	return due;
}

static uint64_t mishap_due(const struct pair *pair)
{
	if (pair->next_mishap >= pair->scenario.mishaps)
		return NEVER;
	const struct side *sides[2] = {&pair->client, &pair->server};
	const struct host *host = sides[pair->scenario.mishap[pair->next_mishap].side]->host;
	uint64_t due = 1000000 + pair->scenario.mishap[pair->next_mishap].at;
	return due < host->frozen_until ? host->frozen_until : due;
}

/* Whatever is due on a frozen host waits. */
static uint64_t thawed(const struct host *host, uint64_t due)
{
	return due < host->frozen_until ? host->frozen_until : due;
}

static uint64_t side_due(const struct side *side)
{
	uint64_t due = earlier(side_deadline(side), wire_due(side->wire_in));
	return thawed(side->host, earlier(due, pipe_due(side->pipe_in)));
}

static uint64_t host_due(const struct host *host)
{
	return thawed(host, earlier(host_deadline(host), data_due(host)));
}

static uint64_t next_due(const struct world *world)
{
	uint64_t due = host_due(&world->server);
	for (int i = 0; i < world->pair_count; i++) {
		const struct pair *pair = &world->pairs[i];
		due = earlier(due, host_due(&world->clients[i]));
		due = earlier(due, side_due(&pair->client));
		due = earlier(due, side_due(&pair->server));
		due = earlier(due, mishap_due(pair));
	}
	for (uint32_t i = 0; i < world->question_count; i++)
		due = earlier(due, thawed(world->questions[i].side->host, world->questions[i].due));
	return earlier(due, adversary_deadline(&world->adversary));
}

static struct seat *open_seat(struct side *side, unsigned which)
{
	struct seat *found = NULL;
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &side->host->seats[i];
		if (seat->used && !seat->over && seat->side == side) {
			found = seat;
			if (!which--)
				break;
		}
	}
	return found;
}

/* LCP starts again at one end, as if its peer had: the peer's Configure-Request out of the blue. */
static void renegotiate(struct side *side, struct seat *seat)
{
	if (!seat->other)
		return;
	uint8_t frame[128];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, LCP);
	write_u8(&w, CONFIGURE_REQUEST);
	write_u8(&w, (uint8_t)dice_u64(&side->world->dice));
	write_u16(&w, 0);
	lcp_request(&seat->other->session.link, &w);
	write_patch_u16(&w, 4, (uint16_t)(writer_length(&w) - 2));
	say(side, seat, "its LCP is made to start again");
	side_frame(side, seat, seat->session.epoch, frame, writer_length(&w));
}

static void lose_keys(struct seat *seat)
{
	struct mppe *receive = &seat->datapath.receive;
	if (!seat->attached || !mppe_armed(receive))
		return;
	say(seat->side, seat, "its receive key goes wrong");
	receive->chain.start[0] ^= 0x55;
	receive->chain.key[0] ^= 0x55;
	seat->side->keys_lost = true;
}

static void open_hole(struct pair *pair, enum mishap kind, uint8_t which)
{
	bool gre = kind != MISHAP_TCP_HOLE, tcp = kind != MISHAP_GRE_HOLE;
	for (int i = 0; i < 2; i++) {
		if (gre && (kind == MISHAP_BLACK_HOLE || which == 2 || which == i))
			pair->wires[i].rules.black_hole = true;
		if (tcp)
			pair->pipes[i].black_hole = true;
	}
	/* TCP does not forget what it could not deliver; a pipe here does, so it stays shut. */
	pair->holes |= (unsigned)gre | (unsigned)tcp << 1;
}

/* A process that is suspended, swapped out or starved; longer than the peer's patience at times. */
static void freeze(struct side *side)
{
	struct world *world = side->world;
	uint32_t most = dice_chance(&world->dice, 7000) ? 8000000 : 200000000;
	if (world->pair_count > 1 || side->stopped != NEVER)
		return; /* a bystander would notice, and a stop has to keep its bound */
	side->host->frozen_until = world->now + dice_below(&world->dice, most);
	side->asleep = side->host->frozen_until > world->now + STANDSTILL;
	say(side, NULL, "is frozen until %.6f", (double)side->host->frozen_until / 1e6);
}

static void mishap(struct pair *pair)
{
	int index = pair->next_mishap++;
	enum mishap kind = pair->scenario.mishap[index].kind;
	struct side *side = pair->scenario.mishap[index].side ? &pair->server : &pair->client;
	struct seat *seat = open_seat(side, pair->scenario.mishap[index].which);
	switch (kind) {
	case MISHAP_NONE:
	case MISHAP_KINDS:
		break;
	case MISHAP_RENEGOTIATE:
		if (seat && seat->session.link_alive)
			renegotiate(side, seat);
		break;
	case MISHAP_CLOSE:
		if (seat)
			side_close(side, seat, CLOSE_ADMIN);
		break;
	case MISHAP_STOP:
		side_stop(side, CLOSE_SHUTDOWN);
		break;
	case MISHAP_CUT:
		say(side, NULL, "TCP is cut");
		for (int i = 0; i < 2; i++)
			pipe_cut(&pair->pipes[i]);
		if (pair->client.connected)
			side_lost(&pair->client, CLOSE_TCP_CLOSED);
		if (pair->server.connected)
			side_lost(&pair->server, CLOSE_TCP_CLOSED);
		break;
	case MISHAP_GRE_HOLE:
	case MISHAP_TCP_HOLE:
	case MISHAP_BLACK_HOLE:
		say(side, NULL, "a hole opens (%s%s)", kind == MISHAP_TCP_HOLE ? "" : "GRE",
			kind == MISHAP_GRE_HOLE ? "" : " TCP");
		open_hole(pair, kind, pair->scenario.mishap[index].which);
		break;
	case MISHAP_FREEZE:
		freeze(side);
		break;
	case MISHAP_KEYS:
		if (seat)
			lose_keys(seat);
		break;
	}
}

static void send_data(struct world *world, struct host *host)
{
	for (int i = 0; i < SEATS; i++) {
		struct seat *seat = &host->seats[i];
		if (!seat->used || seat->next_data > world->now)
			continue;
		seat->next_data = NEVER;
		if (seat->over || !seat->left)
			continue;
		uint32_t packets = dice_between(&world->dice, 1, BURST_MAX);
		if (packets > seat->left)
			packets = seat->left;
		if (seat->attached && seat->datapath.ipv4) {
			uint32_t mtu = datapath_mtu(&seat->datapath);
			host_send(host, seat, packets,
				dice_between(&world->dice, TRAFFIC_HEADER, mtu));
			seat->left -= packets;
		}
		if (seat->left)
			seat->next_data = world->now +
					  dice_below(&world->dice, seat->side->scenario->data_pace);
	}
}

static void answer_questions(struct world *world)
{
	for (uint32_t i = 0; i < world->question_count;) {
		if (thawed(world->questions[i].side->host, world->questions[i].due) > world->now) {
			i++;
			continue;
		}
		struct question question = world->questions[i];
		world->questions[i] = world->questions[--world->question_count];
		side_answer(question.side, &question);
	}
}

static void tick_side(struct world *world, struct side *side)
{
	if (side->host->frozen_until > world->now)
		return;
	if (pipe_due(side->pipe_in) <= world->now)
		side_receive(side);
	if (wire_due(side->wire_in) <= world->now)
		host_receive(side->host, side);
	if (side->asleep)
		tunnel_awake(&side->tunnel, world->now);
	side->asleep = false;
	if (side_deadline(side) <= world->now)
		side_tick(side);
	if (side->stopped != NEVER && !side->down && world->now > side->stopped + SHUTDOWN_TOTAL)
		fail("%s: stopping took longer than its bound", side->host->name);
}

static void run_host(struct world *world, struct host *host)
{
	if (host->frozen_until > world->now)
		return;
	host_tick(host);
	send_data(world, host);
}

static void step(struct world *world)
{
	for (int i = 0; i < world->pair_count; i++) {
		struct pair *pair = &world->pairs[i];
		tick_side(world, &pair->server);
		tick_side(world, &pair->client);
		run_host(world, &world->clients[i]);
		if (mishap_due(pair) <= world->now)
			mishap(pair);
	}
	run_host(world, &world->server);
	answer_questions(world);
	if (adversary_deadline(&world->adversary) <= world->now)
		adversary_tick(&world->adversary, world->now);
	tally.steps++;
}

/* Runs until `end`, which becomes the present. */
static void run_until(struct world *world, uint64_t end)
{
	uint32_t instants = 0;
	for (uint64_t due; (due = next_due(world)) <= end;) {
		instants = due > world->now ? 0 : instants + 1;
		if (instants > INSTANT_MAX)
			fail("time stands still");
		if (due > world->now)
			world->now = due;
		step(world);
	}
	world->now = end;
}

/* The weather clears. A TCP connection that was swallowed, or a hole of some seeds, stays so. */
static void heal(struct world *world)
{
	world->healed = true;
	for (int i = 0; i < world->pair_count; i++) {
		struct pair *pair = &world->pairs[i];
		bool hole_stays = dice_chance(&world->dice, 5000);
		for (int k = 0; k < 2; k++) {
			struct wire_rules *rules = &pair->wires[k].rules;
			bool hole = rules->black_hole && hole_stays;
			*rules = (struct wire_rules){
				.delay = rules->delay, .black_hole = hole, .reorder_delay = 1};
		}
		if (!hole_stays)
			pair->holes &= ~1u;
	}
}

static void end(struct world *world)
{
	for (int i = 0; i < world->pair_count; i++) {
		struct pair *pair = &world->pairs[i];
		uint32_t who = dice_below(&world->dice, 3);
		if (who != 0)
			side_stop(&pair->client, CLOSE_ADMIN);
		if (who != 1)
			side_stop(&pair->server, CLOSE_SHUTDOWN);
	}
	run_until(world, world->now + END_TIME);
	judge_end(world);
}

void world_run(struct world *world, uint64_t seed)
{
	world->seed = seed;
	start(world);
	run_until(world, world->now + world->pairs[0].scenario.heal);
	heal(world);
	run_until(world, world->now + SETTLE_TIME);
	judge_settled(world);
	judge_proof(world, false);
	run_until(world, world->now + PROOF_TIME);
	judge_proof(world, false);
	run_until(world, world->now + PROOF_TIME);
	judge_proof(world, true);
	end(world);
	tally.virtual_us += world->now - 1000000;
	tally.seeds++;
}
