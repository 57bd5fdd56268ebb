/* A process: its sessions, their data paths, and the rings between control thread and worker. */
#ifndef GREYLINE_HOST_H
#define GREYLINE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundle.h"
#include "datapath.h"
#include "dice.h"
#include "fake_tls.h"
#include "scenario.h"
#include "session.h"
#include "serial.h"
#include "traffic.h"

struct side;
struct world;

enum { SEATS = 16, HOLD_SLOTS = 256, RING_RECORDS = 256, RING_FRAME = 2048 };

/* A session and what the app and the worker keep beside it. */
struct seat {
	struct session session;
	struct ecp ecp; /* the session's */
	struct datapath datapath;
	struct serial serial; /* where calls are on lines */
	struct datapath_streams streams;
	struct lcp_multilink multilink;
	struct bundle bundle;     /* when it is a bundle's */
	struct seat *bundle_seat; /* it is a link of; itself: it is a bundle's */
	struct side *side;
	bool used, over, opened;
	bool attached, detached; /* at the worker */
	bool wants_data;
	uint16_t generation;
	uint16_t call_id;
	uint32_t host_part;      /* of the peer's address in the pool */
	struct prefix nets6[2];  /* in the prefix table; length 0: none */
	struct link_client link; /* a client's */
	uint64_t active;         /* inner traffic last moved */
	uint64_t next_data;      /* when this end sends its next packet */
	uint32_t left;           /* packets still to send */
	struct flow out;         /* what this end sends; the other's `in` */
	struct fake_tls tls[2];  /* of the peer's proof, and of ours */
	struct seat *other;      /* the same call at the other end, while it is there */
	bool met;                /* there was one */
	/* The order in which things are said to the data path, for check_command. */
	bool framing_said, start_keys_said, receive_key_said, transmit_key_said, connect_said;
	bool cipher_said[2]; /* receive, transmit */
	uint32_t proof_full; /* packets that found a window full, before the proof was sent */
	enum codec_method decompress_said;
	uint8_t aimed[AIMS_MAX]; /* frames counted for each aim */
	bool keys_told;          /* this run of undecipherable packets was reported */
};

struct ring_record {
	uint64_t due;
	uint32_t subject;
	uint32_t epoch;
	enum { RING_COMMAND, RING_CONTROL, RING_DETACHED, RING_KEYS_DIFFER } kind;
	struct datapath_command command;
	uint16_t length;
	uint8_t frame[RING_FRAME];
};

struct ring {
	uint32_t first, count;
	uint64_t last_due;
	struct ring_record records[RING_RECORDS];
};

struct host {
	struct world *world;
	const char *name;
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot slots[HOLD_SLOTS];
	struct key_pool keys;
	struct prefix_table prefixes;
	struct prefix_node nodes[4 * SEATS];
	_Atomic uint32_t buckets[64];
	struct random random;
	struct seat seats[SEATS];
	uint16_t generation;
	uint32_t ring_delay;
	uint64_t frozen_until; /* it does nothing before that */
	struct ring to_worker, to_control;
	bool server;
};

void host_init(struct host *host, struct world *world, const char *name, bool server,
	uint16_t hold_slots, uint32_t ring_delay, struct dice *dice);

/* The table of sessions (struct session_table). */
struct session *host_find(void *context, uint32_t subject);
struct seat *host_seat(struct host *host, uint32_t subject);
/* A fresh seat with a random call ID, or NULL. */
struct seat *host_take_seat(struct host *host, struct side *side, struct dice *dice);

/* The control thread's end. */
void host_command(struct host *host, uint32_t subject, const struct datapath_command *command,
	const uint8_t *frame, size_t length);

/* The worker's end. */
void host_receive(struct host *host, struct side *side); /* what the wire has due */
/* One datagram out of nowhere; `bytes` is a buffer of OUTER_MAX. */
void host_inject(struct host *host, uint8_t *bytes, size_t length, const struct address *from);
/* Inner packets as they are, without a flow. */
void host_seal(struct host *host, struct seat *seat, struct packet *batch, size_t count);
void host_send(struct host *host, struct seat *seat, uint32_t packets, size_t length);
void host_tick(struct host *host);
uint64_t host_deadline(const struct host *host);

#endif
