/* A run: hosts, tunnels between them, one clock that jumps from event to event. */
#ifndef GREYLINE_WORLD_H
#define GREYLINE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "adversary.h"
#include "dice.h"
#include "host.h"
#include "scenario.h"
#include "side.h"
#include "wire.h"

enum { PAIRS = 2, QUESTIONS = 64 };

/* A client and its tunnel to the server. */
struct pair {
	struct scenario scenario;
	struct wire wires[2]; /* client to server, server to client */
	struct pipe pipes[2];
	struct side client, server;
	int next_mishap;
	unsigned holes; /* 1: GRE is swallowed, 2: TCP */
};

struct world {
	uint64_t seed, now;
	bool verbose;
	struct dice dice;
	struct host server, clients[PAIRS];
	int pair_count;
	struct pair pairs[PAIRS];
	struct question questions[QUESTIONS];
	uint32_t question_count;
	bool healed;
	struct adversary adversary;
};

void world_run(struct world *world, uint64_t seed);

void world_ask(struct world *world, const struct question *question);
/* A line of the story, when it is to be told. */
void say(const struct side *side, const struct seat *seat, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
