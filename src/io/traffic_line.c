/* From lines to their sessions, and from sessions to their lines (line.h).
 *
 * A line brings whole frames, and where it lost some, one without bytes. Commands are executed
 * before it is read: what a peer sends behind its last Configure-Ack may be framed in another way.
 *
 * What a line cannot take waits in it; then the worker looks for its being writable, too. */
#include "worker.h"

/* A session has one line, and that drops for it alone. */
static void count_drops(struct slot *slot)
{
	const struct line_counters *c = line_counters(slot->line);
	uint32_t *drops = slot->dp.counters.drops;
	drops[DROP_LINE_ABORTED] = c->aborted;
	drops[DROP_LINE_FCS] = c->damaged;
	drops[DROP_LINE_SIZE] = c->misfit;
	drops[DROP_LINE_FULL] = c->full;
}

/* The line ended: told once, and not looked at any more. */
static bool ended(struct worker *w, struct slot *slot)
{
	if (line_ended(slot->line) == LINE_OPEN)
		return false;
	worker_unwatch_line(w, slot);
	tell_line_gone(w, slot);
	return true;
}

void traffic_to_line(struct slot *slot, const struct packet *packet)
{
	uint32_t *drops = slot->dp.counters.drops;
	if (!slot->line)
		drops[DROP_OUTER_SEND]++; /* it is not there yet */
	else
		line_write(slot->line, packet->bytes, packet->length);
}

void traffic_flush_line(struct worker *w, struct slot *slot)
{
	if (!slot->line || line_ended(slot->line) != LINE_OPEN)
		return;
	bool waited = line_waits(slot->line);
	line_flush(slot->line);
	count_drops(slot);
	if (!ended(w, slot) && waited != line_waits(slot->line))
		worker_watch_line(w, slot);
}

/* Ours are opened; those of somebody else's PPP get GRE around them. */
static void take_frames(struct worker *w, struct slot *slot, const struct line_batch *batch)
{
	struct packet in[BATCH_MAX];
	for (size_t i = 0; i < batch->count; i++)
		in[i] = (struct packet){
			.datapath = &slot->dp,
			.kind = PACKET_FRAME,
			.bytes = batch->frames[i].bytes,
			.length = (uint32_t)batch->frames[i].length,
			.capacity = OUTER_MAX,
		};
	if (slot->dp.relay)
		traffic_seal(w, in, batch->count, 0);
	else
		traffic_open(w, in, batch->count);
}

void traffic_from_line(struct worker *w, struct slot *slot)
{
	uint32_t subject = slot_subject(slot);
	requests_run(w);
	if (slot_subject(slot) != subject || !slot->line)
		return; /* it has just gone */
	if (line_waits(slot->line))
		traffic_flush_line(w, slot);
	do {
		line_read(slot->line, w->line_batch);
		take_frames(w, slot, w->line_batch);
	} while (w->line_batch->more);
	if (line_waits(slot->line)) /* maybe for the other side to say something first */
		traffic_flush_line(w, slot);
	count_drops(slot);
	ended(w, slot);
	worker_touch(w, slot);
	worker_settle(w);
}
