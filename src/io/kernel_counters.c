/* What a session of the kernel's carried (see kernel_session.h): the interface's counters, less the
 * control frames that went through the unit, and the kernel's errors under our words.
 *
 * The kernel has fewer words than we. What an interface dropped on its way out was dropped because
 * the protocol is not up (PPPIOCSNPMODE); an error there is the encryption that was required and
 * not there. What it dropped on its way in, was part of a packet whose other fragments are lost; of
 * the errors the rest, behind those seen elsewhere, is headers that VJ could not restore. */
#include "kernel_session.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Of a bundle the unit is the bundle's; its links have carried control frames alone. */
void kernel_count(struct dataplane *d, struct kernel_session *s, struct datapath_counters *counters)
{
	struct netlink_counters now;
	const struct netlink_counters *before = &s->before;
	*counters = s->counters;
	counters->gre_tx = s->sent;
	if (s->unit.fd < 0 || netlink_link_counters(kernel_links(d), s->unit.link, &now) < 0)
		return;
	counters->rx_packets = less(now.rx_packets, before->rx_packets + s->own.rx_packets);
	counters->rx_bytes = less(now.rx_bytes, before->rx_bytes + s->own.rx_bytes);
	counters->tx_packets = less(now.tx_packets, before->tx_packets + s->own.tx_packets);
	counters->tx_bytes = less(now.tx_bytes, before->tx_bytes + s->own.tx_bytes);
	counters->gre_tx += less(now.tx_packets, before->tx_packets);
	uint64_t dropped = less(now.rx_dropped, before->rx_dropped);
	uint64_t misfit = less(now.rx_length_errors, before->rx_length_errors);
	uint64_t errors = less(now.rx_errors, before->rx_errors);
	uint64_t known = dropped + misfit + s->counters.resyncs;
	counters->drops[DROP_INNER_EARLY] += (uint32_t)less(now.tx_dropped, before->tx_dropped);
	counters->drops[DROP_INNER_NO_KEY] += (uint32_t)less(now.tx_errors, before->tx_errors);
	counters->drops[DROP_MP_INCOMPLETE] += (uint32_t)dropped;
	counters->drops[DROP_PPP_SHORT] += (uint32_t)misfit;
	counters->drops[DROP_VJ_SLOT] += (uint32_t)(s->vj_receive ? less(errors, known) : 0);
}
