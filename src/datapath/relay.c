/* What comes for a relayed session (see relay.h).
 *
 * A frame whose place was given up is dropped (open.c): a line delivers in order, and the PPP
 * behind it relies on that, for MPPE, compressed headers and the negotiation itself (RFC 1661 §1).
 * A congestion mark of the outer header is lost here, for nobody looks at the packet inside; our
 * own outer packets say Not-ECT, so that no router puts one there (RFC 6040 §4.1). */
#include "relay.h"

#include <string.h>

#include "seal.h"

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

bool relay_open(
	struct datapath *dp, const struct reader *frame, struct packet_list *out, enum drop *why)
{
	struct packet *packet = packet_list_next(out, dp);
	size_t length = reader_left(frame);

	assert(packet);
	if (!length)
		return refuse(why, DROP_PPP_SHORT);
	if (length > packet->capacity)
		return refuse(why, DROP_INNER_SIZE);
	memcpy(packet->bytes, frame->at, length);
	packet->kind = PACKET_FRAME;
	packet->length = (uint32_t)length;
	out->count++;
	dp->counters.rx_packets++;
	dp->counters.rx_bytes += length;
	return true;
}
