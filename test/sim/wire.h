/* What lies between two hosts: a wire for datagrams and a pipe for the TCP connection, one of each
 * a direction. A wire delays, loses, duplicates, reorders, marks and corrupts as its rules say; a
 * pipe keeps the order, cuts its bytes into segments anywhere, and can be cut itself. */
#ifndef GREYLINE_WIRE_H
#define GREYLINE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dice.h"
#include "limits.h"
#include "packet.h"

/* Shares are of 10,000; times are microseconds. */
struct wire_rules {
	uint32_t delay, jitter;
	uint32_t lose, duplicate, reorder, corrupt;
	uint32_t reorder_delay; /* a reordered packet comes later by up to this */
	uint32_t mark;          /* the outer header gets a congestion mark */
	uint32_t backlog;       /* data waits so long in a queue that control frames pass */
	bool black_hole;
};

enum {
	WIRE_BYTES = 2 * OUTER_MAX + 16,
	WIRE_PACKETS = 384,
	PIPE_BYTES = 1 << 17,
	PIPE_SEGMENTS = 1024
};

struct wire {
	struct wire_rules rules;
	uint64_t last_due[2]; /* jitter alone does not reorder; [1]: what passes a backlog */
	uint32_t sent;        /* ties are broken by the order of sending */
	uint16_t waiting;
	uint16_t heap[WIRE_PACKETS];
	uint16_t free[WIRE_PACKETS], free_count;
	uint32_t overflowed;
	struct wire_packet {
		uint64_t due;
		uint32_t order;
		uint16_t length;
		uint8_t tos;
		bool early;                /* it passed data */
		uint8_t bytes[WIRE_BYTES]; /* a frame of HDLC may be escaped wholly */
	} packets[WIRE_PACKETS];
};

void wire_init(struct wire *wire, const struct wire_rules *rules);
void wire_send(struct wire *wire, struct dice *dice, uint64_t now, const struct packet *packet);
uint64_t wire_due(const struct wire *wire); /* NEVER when empty */
/* Takes the next packet due by `now`; valid until the next wire_send. NULL when there is none. */
struct wire_packet *wire_receive(struct wire *wire, uint64_t now);

struct pipe {
	uint32_t delay, jitter;
	bool whole; /* segments are as they were written */
	bool black_hole, ended;
	uint64_t last_due, end_due;
	uint32_t head, tail;   /* of bytes */
	uint32_t first, count; /* of segments */
	struct {
		uint64_t due;
		uint32_t length;
	} segments[PIPE_SEGMENTS];
	uint8_t bytes[PIPE_BYTES];
};

void pipe_init(struct pipe *pipe, uint32_t delay, uint32_t jitter, bool whole);
void pipe_write(
	struct pipe *pipe, struct dice *dice, uint64_t now, const uint8_t *bytes, size_t length);
void pipe_end(struct pipe *pipe, uint64_t now); /* FIN, behind the bytes */
uint64_t pipe_due(const struct pipe *pipe);
/* The bytes that have arrived; length 0 and `*end` at the end. Several segments that arrived
 * together come as one. */
const uint8_t *pipe_read(struct pipe *pipe, uint64_t now, size_t *length, bool *end);
/* What is in flight is lost. */
void pipe_cut(struct pipe *pipe);

#endif
