/* CBCP (see cbcp.h). MS-CBCP 2.2, 3; draft-gidwani-ppp-callback-cp-00; LCP's option: RFC 1570 §2.3,
 * operation 6.
 *
 *   answerer: Callback-Request ──▶ ◀── Callback-Response ; Callback-Ack ──▶
 *
 * Who calls asks for it with LCP's option 13. Behind authentication, and before any network
 * protocol, the answerer says which ways of calling back it has, the caller takes one, the answerer
 * confirms it. There is nobody to call back in a tunnel: as the answerer we offer "no callback"
 * alone, as the caller we take nothing else, and whoever wants more is told so and let go.
 *
 * The answerer repeats its Request until it is answered; a Response that comes again gets its Ack
 * again. A lost Ack is made up for by the peer's first packet of the Network phase. pppd waits for
 * no Ack at all. */
#include "cbcp.h"

#include "link.h"
#include "link_inner.h"
#include "protocol.h"

enum cbcp_code { CALLBACK_REQUEST = 1, CALLBACK_RESPONSE = 2, CALLBACK_ACK = 3 };
enum cbcp_type { NO_CALLBACK = 1 };
enum { NONE_SIZE = 2 };

static const uint8_t no_callback[NONE_SIZE] = {NO_CALLBACK, NONE_SIZE};

static void offer(struct link *link, const struct turn *turn)
{
	struct cbcp *cbcp = &link->cbcp;
	cbcp->tries++;
	link->again_at = turn->now + link->config->restart_us;
	packet_send(turn, CBCP, CALLBACK_REQUEST, cbcp->id, no_callback, NONE_SIZE);
}

bool cbcp_start(struct link *link, const struct turn *turn)
{
	struct cbcp *cbcp = &link->cbcp;
	if (cbcp->state == CBCP_SETTLED || (!link->lcp.peer.callback && !link->lcp.callback))
		return false;
	if (cbcp->state != CBCP_NONE)
		return true;
	link->auth_deadline = turn->now + link->config->auth_timeout_us;
	cbcp->state = CBCP_AWAITED;
	if (!link->lcp.peer.callback)
		return true;
	cbcp->state = CBCP_OFFERED;
	cbcp->id++;
	cbcp->tries = 0;
	offer(link, turn);
	return true;
}

static void settle(struct link *link, const struct turn *turn)
{
	link->cbcp.state = CBCP_SETTLED;
	link->again_at = NEVER;
	link_callback_settled(link, turn);
}

static void give_up(struct link *link, const char *sentence, const struct turn *turn)
{
	turn_say(turn, NOTE_WARNING, sentence);
	link_fail(link, CLOSE_CALLBACK, turn);
}

/* Whether "no callback" is among the options. False, with `bad`, where they are malformed. */
static bool allows_none(struct reader r, bool *bad)
{
	bool found = false;
	while (reader_left(&r) && !*bad) {
		uint8_t type = read_u8(&r), length = read_u8(&r);
		*bad = r.failed || length < NONE_SIZE;
		if (!*bad)
			read_bytes(&r, length - NONE_SIZE);
		*bad |= r.failed;
		found |= type == NO_CALLBACK;
	}
	return found && !*bad;
}

/* We call. */
static void input_request(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	bool bad = false, none = allows_none(reader_over(p->body, p->length), &bad);
	if (link->cbcp.state != CBCP_AWAITED && link->cbcp.state != CBCP_ANSWERED) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	if (bad) {
		turn_drop(turn, DROP_FRAME_OPTIONS);
		return;
	}
	if (!none) {
		give_up(link, "The peer insists on calling us back", turn);
		return;
	}
	link->cbcp.id = p->id;
	link->cbcp.state = CBCP_ANSWERED;
	packet_send(turn, CBCP, CALLBACK_RESPONSE, p->id, no_callback, NONE_SIZE);
}

static void input_ack(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	if (link->cbcp.state != CBCP_ANSWERED || p->id != link->cbcp.id)
		turn_drop(turn, DROP_FRAME_ID);
	else
		settle(link, turn);
}

/* The peer calls. */
static void input_response(struct link *link, const struct packet_view *p, const struct turn *turn)
{
	struct cbcp *cbcp = &link->cbcp;
	bool bad = false, none = allows_none(reader_over(p->body, p->length), &bad);
	bool theirs = link->lcp.peer.callback &&
		      (cbcp->state == CBCP_OFFERED || cbcp->state == CBCP_SETTLED);
	if (!theirs || p->id != cbcp->id) {
		turn_drop(turn, theirs ? DROP_FRAME_ID : DROP_FRAME_PROTOCOL);
		return;
	}
	if (bad) {
		turn_drop(turn, DROP_FRAME_OPTIONS);
		return;
	}
	if (!none) {
		give_up(link, "The peer wants to be called back", turn);
		return;
	}
	packet_send(turn, CBCP, CALLBACK_ACK, p->id, no_callback, NONE_SIZE);
	if (cbcp->state == CBCP_OFFERED)
		settle(link, turn);
}

void cbcp_network_began(struct link *link, const struct turn *turn)
{
	if (link->cbcp.state == CBCP_ANSWERED)
		settle(link, turn);
}

static void row_init(void *side)
{
	((struct link *)side)->cbcp = (struct cbcp){.state = CBCP_NONE};
}

static bool row_packet(void *side, const struct turn *turn, const struct packet_view *p)
{
	switch (p->code) {
	case CALLBACK_REQUEST:
		input_request(side, p, turn);
		return true;
	case CALLBACK_RESPONSE:
		input_response(side, p, turn);
		return true;
	case CALLBACK_ACK:
		input_ack(side, p, turn);
		return true;
	default:
		return false;
	}
}

static void row_rejected(void *side, const struct turn *turn)
{
	struct link *link = side;
	if (link->cbcp.state != CBCP_NONE && link->cbcp.state != CBCP_SETTLED)
		give_up(link, "The peer asked for CBCP and does not speak it", turn);
}

static void row_lower_down(void *side, const struct turn *turn)
{
	struct cbcp *cbcp = &((struct link *)side)->cbcp;
	*cbcp = (struct cbcp){.id = cbcp->id};
}

static uint64_t row_deadline(const void *side)
{
	const struct link *link = side;
	return link->cbcp.state == CBCP_OFFERED ? link->again_at : NEVER;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct link *link = side;
	struct cbcp *cbcp = &link->cbcp;
	if (turn->now < row_deadline(link))
		return;
	if (cbcp->tries < link->config->max_configure) {
		offer(link, turn);
		return;
	}
	link->again_at = NEVER;
	give_up(link, "The peer asked for CBCP and does not answer", turn);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	static const char *const codes[] = {
		"Callback-Request", "Callback-Response", "Callback-Ack"};
	static const char *const types[] = {" none", " user-number", " admin-number", " list"};
	struct packet_view p;
	if (!packet_read(&p, packet, length) || p.code < CALLBACK_REQUEST ||
		p.code > CALLBACK_ACK) {
		print_unknown(t, packet, length);
		return;
	}
	text_add(t, codes[p.code - CALLBACK_REQUEST]);
	text_add(t, " id ");
	text_unsigned(t, p.id);
	struct reader r = reader_over(p.body, p.length);
	while (reader_left(&r)) {
		uint8_t type = read_u8(&r), size = read_u8(&r);
		if (size >= NONE_SIZE)
			read_bytes(&r, size - NONE_SIZE);
		if (r.failed || size < NONE_SIZE) {
			text_add(t, " [short]");
			return;
		}
		if (type >= 1 && type <= sizeof types / sizeof *types) {
			text_add(t, types[type - 1]);
		} else {
			text_add(t, " type ");
			text_unsigned(t, type);
		}
	}
}

const struct protocol_ops cbcp_protocol = {
	.init = row_init,
	.packet = row_packet,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
