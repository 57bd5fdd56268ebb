/* The protocol table: every PPP protocol number by name, and those we speak with their functions.
 *
 * A link and a unit are driven through it: adding a protocol is one row and one file. */
#ifndef GREYLINE_PROTOCOL_H
#define GREYLINE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fsm.h"
#include "option.h"
#include "text.h"
#include "turn.h"

/* Whose machine it is: `side` in the functions below points to it. */
enum protocol_side { SIDE_NONE, SIDE_LINK, SIDE_UNIT };

struct protocol_ops {
	void (*init)(void *side);
	/* Of RFC 1661's kind: its automaton, which then takes every event, packet and tick that has
	 * no function here. NULL: there is none (PAP, CHAP). */
	struct fsm_run (*run)(void *side, const struct turn *turn);
	/* Codes and identifiers as RFC 1661 §5 has them, but no automaton (PAP, CHAP, EAP): one
	 * whole packet; the phase allows it. False: its code means nothing here. */
	bool (*packet)(void *side, const struct turn *turn, const struct packet_view *p);
	/* Of no such kind (LQR): one packet without its protocol field. */
	void (*input)(void *side, const struct turn *turn, const uint8_t *packet, size_t length);
	/* The peer answered Protocol-Reject. */
	void (*rejected)(void *side, const struct turn *turn);
	void (*lower_down)(void *side, const struct turn *turn);
	void (*tick)(void *side, const struct turn *turn);
	uint64_t (*deadline)(const void *side);
	/* One line for a packet without its protocol field, behind the protocol's name. */
	void (*print)(struct text *t, const uint8_t *packet, size_t length);
};

struct protocol {
	uint16_t number;
	uint16_t data;    /* the protocol whose packets it negotiates; 0: none */
	const char *name; /* "IPCP"; of a data protocol "IP" */
	enum protocol_side side;
	const struct protocol_ops *ops; /* NULL: known by name only */
};

extern const struct protocol protocols[];
extern const size_t protocol_count;

/* NULL when the number has no name here. */
const struct protocol *protocol_find(uint16_t number);
/* The control protocol of a data protocol, or the protocol itself; NULL when nobody here speaks
 * it. */
const struct protocol *protocol_spoken(uint16_t number);

/* What happens to a protocol: its own function, or its automaton's. `event` is one of Open, Close,
 * Up and Down (RFC 1661 §4.3). */
void protocol_event(
	const struct protocol_ops *ops, enum fsm_event event, void *side, const struct turn *turn);
void protocol_input(const struct protocol_ops *ops, void *side, const struct turn *turn,
	const uint8_t *packet, size_t length);
void protocol_tick(const struct protocol_ops *ops, void *side, const struct turn *turn);

/* Prints code, identifier and length of any control packet. */
void print_unknown(struct text *t, const uint8_t *packet, size_t length);
/* Walks the protocols of one side, in the table's order: NULL begins and ends. */
const struct protocol *protocol_next(const struct protocol *last, enum protocol_side side);

/* Prints the packets all protocols of RFC 1661's kind share; `options` may be NULL. */
void print_negotiation(
	struct text *t, const uint8_t *packet, size_t length, const struct option_set *options);

#endif
