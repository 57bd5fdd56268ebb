/* The PPP check sequence (see fcs.h). RFC 1662 §C.2.
 *
 * The polynomial x^16 + x^12 + x^5 + 1 has so few terms that what a byte does to the sum is three
 * shifts: no table, and one less thing in the cache beside the packet. */
#include "fcs.h"

uint16_t fcs_add(uint16_t fcs, const uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++) {
		uint8_t mixed = (uint8_t)(fcs ^ bytes[n]);
		mixed ^= (uint8_t)(mixed << 4);
		fcs = (uint16_t)(fcs >> 8 ^ mixed << 8 ^ mixed << 3 ^ mixed >> 4);
	}
	return fcs;
}
