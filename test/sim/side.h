/* One end of a tunnel: what the app does around struct tunnel, with a virtual network below. */
#ifndef GREYLINE_SIDE_H
#define GREYLINE_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"
#include "scenario.h"
#include "tunnel.h"
#include "wire.h"

struct side {
	struct world *world;
	struct host *host;
	struct side *other;
	const struct scenario *scenario;
	const struct tunnel_config *config;
	struct address local, peer;
	bool server;
	struct tunnel tunnel;
	struct wire *wire_out, *wire_in;
	struct pipe *pipe_out, *pipe_in;
	bool connected; /* TCP */
	bool up, down;
	bool asleep;      /* frozen for so long that it notices when it wakes up */
	char renewed[24]; /* what the user has changed his password to */
	bool keys_lost;   /* a mishap changed a key of this end */
	bool hostile;     /* somebody writes into this end: its state proves nothing */
	enum close_reason reason;
	int dials_left;
	uint64_t next_dial;
	uint64_t stopped; /* when tunnel_stop was called; NEVER */
};

void side_init(struct side *side, struct world *world, struct host *host, struct side *other,
	const struct scenario *scenario, bool server);
void side_connect(struct side *side);
void side_lost(struct side *side, enum close_reason reason);
void side_receive(struct side *side); /* what the pipe has due */
void side_bytes(struct side *side, const uint8_t *bytes, size_t length);
void side_frame(
	struct side *side, struct seat *seat, uint32_t epoch, const uint8_t *frame, size_t length);
void side_keys_differ(struct side *side, struct seat *seat);
/* Answers to questions nobody asks any more. */
void side_stale_answers(struct side *side, struct seat *seat, uint32_t token);
void side_close(struct side *side, struct seat *seat, enum close_reason reason);
void side_stop(struct side *side, enum close_reason reason);
/* Who wants a bundle dials its further links when the one before is there, or came to nothing: two
 * at once may be the first at one end each. */
void side_dial_next(struct side *side);
void side_tick(struct side *side);
uint64_t side_deadline(const struct side *side);

/* Forgets what a run that was given up left behind. */
void side_reset(void);

/* Something asked that is answered later. */
struct question {
	uint64_t due;
	enum {
		QUESTION_CALL,
		QUESTION_CREDENTIALS,
		QUESTION_TLS,
		QUESTION_ADDRESS,
		QUESTION_PREFIX
	} kind;
	struct side *side;
	uint32_t subject, token;
	struct auth_question auth;
	struct delegate_question prefix;
	bool ours;      /* TLS */
	unsigned begun; /* the exchange it is about */
};
void side_answer(struct side *side, const struct question *question);

#endif
