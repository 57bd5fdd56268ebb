/* What a router marked on the outer header belongs on the inner one: only so does the sender inside
 * the tunnel slow down. The table is that of RFC 6040 §4.2, figure 4, which holds whatever the
 * other end does when it encapsulates; an outer header without ECN changes nothing. */
#include "ecn.h"

#include "bytes.h"
#include "checksum.h"

enum { DROP = ECN_MASK + 1 };

static const uint8_t outgoing[4][4] = {
	/* inner       outer: Not-ECT    ECT(1)       ECT(0)       CE */
	[ECN_NOT_ECT] = {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROP},
	[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
	[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
	[ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
};

bool ecn_combine(uint8_t *packet, uint8_t tos)
{
	bool ipv4 = packet[0] >> 4 == 4;
	unsigned shift = ipv4 ? 0 : 4; /* of ECN in the header's second byte */
	uint8_t inner = packet[1] >> shift & ECN_MASK;
	uint8_t result = outgoing[inner][tos & ECN_MASK];
	uint16_t before = get_u16(packet);

	if (result == DROP)
		return false;
	packet[1] ^= (uint8_t)((inner ^ result) << shift);
	if (ipv4 && inner != result)
		put_u16(packet + 10,
			checksum_adjust(get_u16(packet + 10), before, get_u16(packet)));
	return true;
}
