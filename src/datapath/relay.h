/* A relayed session: GRE is ours, the PPP inside is somebody else's (pptp-linux's and poptop's way
 * of working: RFC 2637 §4 around RFC 1661 §2 frames).
 *
 * Its PPP frames come from a line and go to one, whole, from the address field or, where the two
 * peers agreed to leave that out, from the protocol field on. Nothing is looked at, changed or
 * negotiated here; sequence numbers, acknowledgements, the send window and the way through a NAT
 * are those of any session. */
#ifndef GREYLINE_RELAY_H
#define GREYLINE_RELAY_H

#include <stdbool.h>

#include "bytes.h"
#include "datapath.h"
#include "reason.h"

/* A frame that came, in its turn: a PACKET_FRAME at the end of `out`, which has room for one. */
bool relay_open(
	struct datapath *dp, const struct reader *frame, struct packet_list *out, enum drop *why);

#endif
