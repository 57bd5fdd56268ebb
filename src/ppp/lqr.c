/* Link-Quality-Reports (see lqr.h). RFC 1989.
 *
 * A report is one packet without code, identifier and length. It says how much its sender has sent
 * so far (PeerOut), how much it had received when the other end's latest report came (PeerIn), and
 * repeats from that report how much the other end had sent by then (LastOut). Two reports in a row
 * tell how much of what was sent in between got through, either way, and nobody's clock matters.
 *
 * When (§2.7): every Reporting-Period that the peer asked for, or else that we asked for, because
 * the peer can say nothing of what came to it without a report to say it of; only in answer to its
 * reports when it asked for that; and at once when two of its reports show that it heard none of
 * ours in between.
 *
 * What a PPTP call can count: control frames exactly, as they pass here; inner packets as the data
 * path last published them, which under traffic is up to 20 ms old. A report may so be wrong by
 * 20 ms' worth of packets, which the next one makes good, because all counters are totals: one bad
 * report proves nothing, and only `lqr_failure` of the last `lqr_window` end a link. Neither GRE
 * nor IP protects a frame by a check sequence, so that the error counter stays 0; what arrives and
 * cannot be used (too late, undecipherable) is a discard, which is no loss on the way. Octets are
 * reported and never judged: each end counts other headers. */
#include "lqr.h"

#include "limits.h"
#include "link.h"
#include "link_inner.h"
#include "protocol.h"

enum { REPORT_LENGTH = 48, PROTOCOL_FIELD = 2 };

static bool read_report(
	struct lqr_report *report, uint32_t *magic, const uint8_t *packet, size_t length)
{
	struct reader r = reader_over(packet, length);
	*magic = read_u32(&r);
	*report = (struct lqr_report){
		.last_out_lqrs = read_u32(&r),
		.last_out_packets = read_u32(&r),
		.last_out_octets = read_u32(&r),
		.peer_in_lqrs = read_u32(&r),
		.peer_in_packets = read_u32(&r),
		.peer_in_discards = read_u32(&r),
		.peer_in_errors = read_u32(&r),
		.peer_in_octets = read_u32(&r),
		.peer_out_lqrs = read_u32(&r),
		.peer_out_packets = read_u32(&r),
		.peer_out_octets = read_u32(&r),
	};
	return !r.failed;
}

/* The frames of this very call, which its caller has yet to count. */
static void count_waiting(struct lqr_counters *counters, const struct turn *turn)
{
	for (uint32_t i = 0; i < turn->out->item_count; i++)
		if (turn->out->items[i].kind == turn->kinds->frame) {
			counters->packets_out++;
			counters->octets_out += turn->out->items[i].length;
		}
}

static void set_timer(struct link *link, const struct turn *turn)
{
	const struct lcp *lcp = &link->lcp;
	uint32_t period = link->lqr.theirs ? lcp->peer.quality_period : lcp->quality_period;
	link->lqr.send_at = period ? turn->now + MS(10) * period : NEVER;
}

static void send_report(struct link *link, const struct turn *turn)
{
	struct lqr *lqr = &link->lqr;
	struct lqr_counters sent = lqr->counters;
	count_waiting(&sent, turn);
	struct writer w = outbox_open(turn->out, PROTOCOL_FIELD + REPORT_LENGTH);
	write_u16(&w, LQR);
	write_u32(&w, link->lcp.magic);
	write_u32(&w, lqr->last.peer_out_lqrs);
	write_u32(&w, lqr->last.peer_out_packets);
	write_u32(&w, lqr->last.peer_out_octets);
	write_u32(&w, lqr->in_lqrs);
	write_u32(&w, lqr->then.packets_in);
	write_u32(&w, lqr->then.discards_in);
	write_u32(&w, 0); /* errors: see the head of this file */
	write_u32(&w, lqr->then.octets_in);
	write_u32(&w, ++lqr->out_lqrs); /* these three count this report too (§2.6) */
	write_u32(&w, sent.packets_out + 1);
	write_u32(&w, sent.octets_out + PROTOCOL_FIELD + REPORT_LENGTH);
	outbox_close(turn->out, turn->kinds->frame, &w);
	set_timer(link, turn);
}

/* Judging. */

static void note_loss(struct text *t, uint32_t lost, uint32_t sent, const char *where)
{
	text_unsigned(t, lost);
	text_add(t, " of ");
	text_unsigned(t, sent);
	text_add(t, where);
}

/* Totals may run ahead of each other by what is under way: that is no loss. */
static uint32_t lost_of(uint32_t sent, uint32_t received)
{
	uint32_t lost = sent - received;
	return lost <= sent ? lost : 0;
}

static bool too_many(const struct link *link, uint32_t lost, uint32_t sent)
{
	return (uint64_t)lost * 100 > (uint64_t)sent * link->config->lqr_loss;
}

static void judge(struct link *link, bool bad, const struct turn *turn)
{
	const struct link_config *config = link->config;
	struct lqr *lqr = &link->lqr;
	lqr->history = lqr->history << 1 | bad;
	unsigned count = 0;
	for (unsigned i = 0; i < config->lqr_window && i < LQR_WINDOW_MAX; i++)
		count += lqr->history >> i & 1;
	if (count < config->lqr_failure)
		return;
	char line[64];
	struct text t = text_over(line, sizeof line);
	text_unsigned(&t, count);
	text_add(&t, " bad ones in the last ");
	text_unsigned(&t, config->lqr_window);
	text_add(&t, " link quality reports");
	turn_note(turn, NOTE_WARNING, &t);
	link_fail(link, CLOSE_LINK_QUALITY, turn);
}

/* What got through between the report before and this one (§2.8). */
static void judge_report(struct link *link, const struct lqr_report *now, const struct turn *turn)
{
	const struct lqr_report *before = &link->lqr.last;
	const struct lqr_counters *here = &link->lqr.counters;
	uint32_t sent_out = now->last_out_packets - before->last_out_packets;
	uint32_t sent_in = now->peer_out_packets - before->peer_out_packets;
	uint32_t lost_out = 0;
	if (before->peer_in_lqrs) /* by then it had heard of us */
		lost_out =
			lost_of(sent_out, now->peer_in_packets - before->peer_in_packets +
						  now->peer_in_discards - before->peer_in_discards);
	uint32_t lost_in = lost_of(sent_in, here->packets_in - link->lqr.then.packets_in +
						    here->discards_in - link->lqr.then.discards_in);
	bool bad = too_many(link, lost_out, sent_out) || too_many(link, lost_in, sent_in);
	if (bad) {
		char line[160];
		struct text t = text_over(line, sizeof line);
		text_add(&t, "Link quality: lost ");
		note_loss(&t, lost_out, sent_out, " packets to the peer, ");
		note_loss(&t, lost_in, sent_in, " from it");
		turn_note(turn, NOTE_WARNING, &t);
	}
	judge(link, bad, turn);
}

static uint64_t our_period(const struct link *link)
{
	return MS(10) * link->lcp.quality_period;
}

static void row_input(void *side, const struct turn *turn, const uint8_t *packet, size_t length)
{
	struct link *link = side;
	struct lqr *lqr = &link->lqr;
	struct lqr_report report;
	uint32_t magic;
	if (!read_report(&report, &magic, packet, length)) {
		turn_drop(turn, DROP_FRAME_SHORT);
		return;
	}
	if (!lqr->ours && !lqr->theirs) {
		turn_drop(turn, DROP_FRAME_PROTOCOL);
		return;
	}
	if (lcp_magic_is_ours(link, magic, turn))
		return;
	bool unheard = lqr->reported && report.peer_in_lqrs == lqr->last.peer_in_lqrs;
	if (lqr->ours) {
		lqr->expect_by = turn->now + our_period(link) * 3 / 2;
		if (lqr->reported)
			judge_report(link, &report, turn);
	}
	lqr->in_lqrs++;
	lqr->last = report;
	lqr->then.packets_in = lqr->counters.packets_in;
	lqr->then.octets_in = lqr->counters.octets_in;
	lqr->then.discards_in = lqr->counters.discards_in;
	lqr->reported = true;
	bool answer = lqr->theirs && (unheard || !link->lcp.peer.quality_period);
	if (answer && fsm_opened(&link->lcp.fsm))
		send_report(link, turn);
}

void lqr_start(struct link *link, const struct turn *turn)
{
	const struct lcp *lcp = &link->lcp;
	link->lqr = (struct lqr){.counters = link->lqr.counters,
		.send_at = NEVER,
		.expect_by = NEVER,
		.theirs = lcp->peer.quality,
		.ours = lcp->quality_period != 0};
	set_timer(link, turn);
	if (link->lqr.ours)
		link->lqr.expect_by = turn->now + our_period(link) * 3 / 2;
}

/* The row of the protocol table. */

static void row_init(void *side)
{
	((struct link *)side)->lqr = (struct lqr){.send_at = NEVER, .expect_by = NEVER};
}

/* It agreed to the option and does not speak the protocol: as if it had rejected the option. */
static void row_rejected(void *side, const struct turn *turn)
{
	struct lqr *lqr = &((struct link *)side)->lqr;
	lqr->ours = lqr->theirs = false;
	lqr->send_at = lqr->expect_by = NEVER;
}

static void row_lower_down(void *side, const struct turn *turn)
{
	row_rejected(side, turn);
}

static uint64_t row_deadline(const void *side)
{
	const struct lqr *lqr = &((const struct link *)side)->lqr;
	return lqr->send_at < lqr->expect_by ? lqr->send_at : lqr->expect_by;
}

static void row_tick(void *side, const struct turn *turn)
{
	struct link *link = side;
	struct lqr *lqr = &link->lqr;
	if (turn->now >= lqr->send_at)
		send_report(link, turn);
	if (turn->now < lqr->expect_by)
		return;
	lqr->expect_by = turn->now + our_period(link);
	turn_say(turn, NOTE_WARNING, "Link quality: the peer's report did not come");
	judge(link, true, turn);
}

static void row_print(struct text *t, const uint8_t *packet, size_t length)
{
	struct lqr_report report;
	uint32_t magic;
	if (!read_report(&report, &magic, packet, length)) {
		text_add(t, "[short] ");
		text_unsigned(t, length);
		text_add(t, " bytes");
		return;
	}
	const struct {
		const char *word;
		uint32_t value;
	} fields[] = {
		{" last-out ", report.last_out_lqrs},
		{"/", report.last_out_packets},
		{"/", report.last_out_octets},
		{" peer-in ", report.peer_in_lqrs},
		{"/", report.peer_in_packets},
		{"/", report.peer_in_octets},
		{" discards ", report.peer_in_discards},
		{" errors ", report.peer_in_errors},
		{" peer-out ", report.peer_out_lqrs},
		{"/", report.peer_out_packets},
		{"/", report.peer_out_octets},
	};
	text_add(t, "magic ");
	text_hex(t, magic, 8);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		text_add(t, fields[i].word);
		text_unsigned(t, fields[i].value);
	}
}

const struct protocol_ops lqr_protocol = {
	.init = row_init,
	.input = row_input,
	.rejected = row_rejected,
	.lower_down = row_lower_down,
	.tick = row_tick,
	.deadline = row_deadline,
	.print = row_print,
};
