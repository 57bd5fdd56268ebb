/* Cells driven by hand (see automaton.h). A session opens its link once, closes it once and throws
 * it away, so that nothing ever opens a link again or closes one twice; and some packets are too
 * rare to meet, or sent by no peer that follows the rules. One cell, TO- in Ack-Rcvd, cannot be
 * met at all: whatever leads into that state refills the restart counter (irc), and the first
 * time-out leads out of it. A link that has stopped closes at once (link.c), so that some walks end
 * a state further than the cell they are for. */
#include "automaton.h"

#include <string.h>

#include "check.h"
#include "link.h"
#include "protocol.h"

static const struct turn_kinds kinds = {.frame = LINK_FRAME, .drop = LINK_DROP, .note = LINK_NOTE};

/* What is done to a link, one letter each:
 *   o Open   c Close   u Up   d Down         through the protocol table
 *   U link_up   S the same of a passive link   C link_close   T time-out
 *   r good request   n bad request           a Ack   k Nak, of our latest request
 *   t Terminate-Request   e Terminate-Ack    x a code nobody knows
 *   q Echo-Request
 *   + Code-Reject of Echo-Request   - of Configure-Request   ! TO- */
struct walk {
	const char *steps;
	enum fsm_state end;
};

static const struct walk walks[] = {
	{"u", FSM_CLOSED},       /* Up in Initial */
	{"uc", FSM_CLOSED},      /* Close in Closed */
	{"Ucc", FSM_CLOSING},    /* Close in Closing */
	{"Uratc", FSM_CLOSING},  /* Close in Stopping */
	{"ua", FSM_CLOSED},      /* RCA in Closed */
	{"un", FSM_CLOSED},      /* RCR- in Closed */
	{"uk", FSM_CLOSED},      /* RCN in Closed */
	{"ux", FSM_CLOSED},      /* RUC in Closed */
	{"S-", FSM_CLOSED},      /* RXJ- in Stopped */
	{"St", FSM_STOPPED},     /* RTR in Stopped */
	{"Uratq", FSM_STOPPING}, /* RXR in Stopping */
	{"uo", FSM_REQ_SENT},    /* Open in Closed */
	{"So", FSM_STOPPED},     /* Open in Stopped */
	{"Uco", FSM_STOPPING},   /* Open in Closing */
	{"Ucoo", FSM_STOPPING},  /* Open in Stopping */
	{"UU", FSM_REQ_SENT},    /* Open in Req-Sent */
	{"UaU", FSM_ACK_RCVD},   /* Open in Ack-Rcvd */
	{"UrU", FSM_ACK_SENT},   /* Open in Ack-Sent */
	{"UraU", FSM_OPENED},    /* Open in Opened */
	{"Ua!", FSM_STOPPED},    /* TO- in Ack-Rcvd */
	{"Uaaa", FSM_REQ_SENT},  /* RCA in Ack-Rcvd: the first copy is the network's */
	{"Uraaa", FSM_REQ_SENT}, /* RCA in Opened: the same */
	{"Uak", FSM_REQ_SENT},   /* RCN in Ack-Rcvd */
	{"Urak", FSM_REQ_SENT},  /* RCN in Opened */
	{"UC-", FSM_CLOSED},     /* RXJ- in Closing */
	{"Urat-", FSM_CLOSED},   /* RXJ- in Stopping */
	{"u-", FSM_CLOSED},      /* RXJ- in Closed */
	{"Ua-", FSM_CLOSED},     /* RXJ- in Ack-Rcvd */
	{"Ur-", FSM_CLOSED},     /* RXJ- in Ack-Sent */
	{"Ura-", FSM_STOPPING},  /* RXJ- in Opened */
	{"Urat+", FSM_STOPPING}, /* RXJ+ in Stopping */
	{"UC+", FSM_CLOSING},    /* RXJ+ in Closing */
	{"u+", FSM_CLOSED},      /* RXJ+ in Closed */
	{"S+", FSM_STOPPED},     /* RXJ+ in Stopped */
	{"Uratr", FSM_STOPPING}, /* RCR+ in Stopping */
	{"Uratn", FSM_STOPPING}, /* RCR- in Stopping */
	{"Urata", FSM_STOPPING}, /* RCA in Stopping */
	{"Uratk", FSM_STOPPING}, /* RCN in Stopping */
	{"Uratt", FSM_STOPPING}, /* RTR in Stopping */
	{"Urate", FSM_CLOSED},   /* RTA in Stopping */
	{"Uratx", FSM_STOPPING}, /* RUC in Stopping */
	{"UcoT", FSM_STOPPING},  /* TO+ in Stopping */
	{"ue", FSM_CLOSED},      /* RTA in Closed */
	{"Se", FSM_STOPPED},     /* RTA in Stopped */
	{"Uae", FSM_REQ_SENT},   /* RTA in Ack-Rcvd */
};

struct walker {
	struct link link;
	struct random random;
	uint64_t now;
	uint8_t request[128]; /* options of our latest Configure-Request */
	size_t request_length;
};

/* Keeps what an answer to our latest request must repeat. */
static void look(struct walker *walker, const struct outbox *out)
{
	for (uint32_t i = 0; i < out->item_count; i++) {
		const struct out_item *item = &out->items[i];
		const uint8_t *frame = outbox_bytes(out, item);
		if (item->kind != LINK_FRAME || item->length < 6 || frame[2] != CONFIGURE_REQUEST)
			continue;
		walker->request_length = item->length - 6;
		if (walker->request_length > sizeof walker->request)
			fail("a Configure-Request of %u bytes", item->length);
		memcpy(walker->request, frame + 6, walker->request_length);
	}
}

static void hear(struct walker *walker, uint8_t code, uint8_t id, const void *body, size_t length,
	struct outbox *out)
{
	uint8_t frame[160];
	struct writer w = writer_over(frame, sizeof frame);
	write_u16(&w, LCP);
	write_u8(&w, code);
	write_u8(&w, id);
	write_u16(&w, (uint16_t)(length + 4));
	write_bytes(&w, body, length);
	link_input(&walker->link, frame, writer_length(&w), walker->now, out);
}

static void packet_step(struct walker *walker, char letter, struct outbox *out)
{
	static const uint8_t good[] = {5, 6, 1, 2, 3, 4}, bad[] = {1, 4, 0, 10};
	static const uint8_t echo[] = {9, 1, 0, 4}, vital[] = {CONFIGURE_REQUEST, 1, 0, 4};
	static const uint8_t mru[] = {1, 4, 4, 0};
	uint8_t id = walker->link.lcp.fsm.request_id;
	switch (letter) {
	case 'r':
		hear(walker, CONFIGURE_REQUEST, 7, good, sizeof good, out);
		break;
	case 'n': /* an MRU nobody can live with */
		hear(walker, CONFIGURE_REQUEST, 8, bad, sizeof bad, out);
		break;
	case 'a':
		hear(walker, CONFIGURE_ACK, id, walker->request, walker->request_length, out);
		break;
	case 'k':
		hear(walker, CONFIGURE_NAK, id, mru, sizeof mru, out);
		break;
	case 't':
		hear(walker, TERMINATE_REQUEST, 9, NULL, 0, out);
		break;
	case 'e':
		hear(walker, TERMINATE_ACK, 9, NULL, 0, out);
		break;
	case 'q':
		hear(walker, 9, 9, mru, sizeof mru, out);
		break;
	case 'x':
		hear(walker, 77, 9, NULL, 0, out);
		break;
	case '+':
		hear(walker, CODE_REJECT, 9, echo, sizeof echo, out);
		break;
	case '-':
		hear(walker, CODE_REJECT, 9, vital, sizeof vital, out);
		break;
	default:
		fail("no such step: %c", letter);
	}
}

static void step(struct walker *walker, char letter)
{
	OUTBOX(out, LINK_OUT_ITEMS, LINK_OUT_BYTES);
	struct turn turn = {.now = walker->now, .out = &out, .kinds = &kinds};
	struct fsm_run run = lcp_run(&walker->link, &turn);
	struct link *link = &walker->link;
	switch (letter) {
	case 'o':
		protocol_event(&lcp_protocol, FSM_OPEN, link, &turn);
		break;
	case 'c':
		protocol_event(&lcp_protocol, FSM_CLOSE, link, &turn);
		break;
	case 'u':
		protocol_event(&lcp_protocol, FSM_UP, link, &turn);
		break;
	case 'd':
		protocol_event(&lcp_protocol, FSM_DOWN, link, &turn);
		break;
	case 'S':
	case 'U':
		link_up(link, walker->now, &out);
		break;
	case 'C':
		link_close(link, CLOSE_ADMIN, walker->now, &out);
		break;
	case 'T':
		walker->now = fsm_deadline(&link->lcp.fsm);
		link_tick(link, walker->now, &out);
		break;
	case '!':
		fsm_event(&run, FSM_TO_MINUS);
		break;
	default:
		packet_step(walker, letter, &out);
		break;
	}
	look(walker, &out);
}

void automaton_run(uint8_t cells[FSM_EVENTS][FSM_STATES])
{
	static const struct link_config plain = {.mru = 1400, .restart_us = SECONDS(3)};
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		struct walker walker = {.now = SECONDS(1)};
		uint8_t seed[32] = {1};
		struct link_config config = plain;
		config.automaton_coverage = cells[0];
		config.silent = walks[i].steps[0] == 'S';
		random_seed(&walker.random, seed);
		link_config_defaults(&config);
		link_init(&walker.link, &config, &walker.random);
		for (const char *letter = walks[i].steps; *letter; letter++)
			step(&walker, *letter);
		if (walker.link.lcp.fsm.state != walks[i].end)
			fail("automaton: after \"%s\" it is in %s, not in %s", walks[i].steps,
				fsm_state_word((enum fsm_state)walker.link.lcp.fsm.state),
				fsm_state_word(walks[i].end));
	}
}
