/* Packets of a data plane that has filters: those that may not pass are dropped and counted, and
 * only those that are activity put a session's idle time off. Without filters none of this is
 * called (traffic.c, traffic_out.c). */
#include "worker.h"

static bool judge(struct worker *w, struct slot *slot, bool outbound, const struct packet *packet)
{
	const struct packet_filters *filters = &w->all->filters;
	if (!packet_filter_takes(filters->pass, outbound, packet->bytes, packet->length)) {
		slot->dp.counters.drops[DROP_FILTERED]++;
		return false;
	}
	if (filters->active &&
		packet_filter_takes(filters->active, outbound, packet->bytes, packet->length))
		slot->last_active = w->now;
	return true;
}

size_t traffic_filter_sent(struct worker *w, struct packet *in, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (judge(w, slot_of(in[i].datapath), true, &in[i]))
			in[kept++] = in[i];
	return kept;
}

bool traffic_filter_received(struct worker *w, const struct packet *packet)
{
	return judge(w, slot_of(packet->datapath), false, packet);
}
