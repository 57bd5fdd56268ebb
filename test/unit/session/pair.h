/* Two tunnels, mouth to mouth, for tests: what one says the other hears, when the test lets it.
 * Every item of both outboxes is recorded in order. */
#ifndef GREYLINE_PAIR_H
#define GREYLINE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tunnel.h"

enum { PAIR_SESSIONS = 64, PAIR_ITEMS = 8192, PAIR_QUEUE = 1 << 18, PAIR_NOTES = 1 << 14 };

/* One recorded item. */
struct seen {
	uint16_t kind; /* enum tunnel_out */
	uint16_t arg;
	uint32_t subject, token;
	enum datapath_command_kind command; /* of TUNNEL_COMMAND */
	uint32_t epoch;
	uint16_t protocol; /* of a frame: of TUNNEL_PPP or DATAPATH_FRAME */
	uint8_t code;
	uint16_t mtu, mru;                                                 /* of DATAPATH_FRAMING */
	bool require_encryption, check_source, client_to_client, any_peer; /* of DATAPATH_ATTACH */
	bool clamp_mss, ecn, nat, relay;
	struct reorder_terms reorder; /* the same */
	struct prefix behind;         /* of DATAPATH_NETWORK: what is delegated */
	uint8_t dscp;                 /* 64: copied */
	uint8_t message, result;      /* of TUNNEL_MESSAGE: its type; of a Call-Disconnect-Notify */
};

struct queue {
	uint32_t head, tail;
	uint8_t bytes[PAIR_QUEUE];
};

struct end {
	struct tunnel_config config;
	struct address local, peer;
	struct tunnel tunnel;
	struct random random;
	struct session sessions[PAIR_SESSIONS];
	uint32_t session_count;
	struct seen seen[PAIR_ITEMS];
	uint32_t seen_count;
	char notes[PAIR_NOTES]; /* all of them, a line each */
	size_t notes_length;
	struct queue bytes, frames; /* said by this end */
	char phone_number[65];      /* what the last call that was asked for named */
	bool deaf_tcp, deaf_gre;    /* the other end's words do not arrive here */
	bool refuse_calls, refuse_address, mute_credentials;
	struct prefix prefix6;   /* what this end gives its peers */
	struct prefix delegated; /* ... and delegates, to whoever asks; length 0: nothing is left */
	const char *password;    /* what this end's user table holds */
	struct end *other;
	bool up, down, connected;
};

struct pair {
	struct end client, server;
	uint64_t now;
};

/* A pair that opens: MS-CHAPv2, MPPE-128 stateless, addresses from the server. One for a program,
 * since it is large. */
struct pair *pair_new(void);
/* TCP is there, and the client dials `calls` sessions as soon as it can. */
void pair_start(struct pair *pair, int calls);
/* Carries bytes and frames to and fro until nobody says any more. */
void pair_talk(struct pair *pair);
/* Lets time pass, ticks and talk included. */
void pair_pass(struct pair *pair, uint64_t us);
/* Walks what a call to one end left in the common outbox. */
void pair_take(struct pair *pair, struct end *end);
struct outbox *pair_out(void);

/* The first item from `from` on that matches; seen_count when there is none. A command or protocol
 * of -1 matches any. */
uint32_t seen_find(
	const struct end *end, uint32_t from, int kind, int command, int protocol, int code);
uint32_t seen_total(const struct end *end, int kind, int command);
/* The reason with which a session went down; CLOSE_NONE when it did not. */
enum close_reason seen_reason(const struct end *end, uint32_t subject);

#endif
