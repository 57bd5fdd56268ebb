/* PPP framing for a channel that carries whole frames (RFC 1661 §2, RFC 1662 §3.1).
 *
 * FF 03 may be missing and the protocol field may be one byte; a receiver takes both at any time.
 * FF can never be the first byte of a protocol field (RFC 1661 §6.5 keeps 0x00FF free), so the two
 * are told apart without knowing what was negotiated.
 *
 * What is sent is another matter: control frames always carry everything. RFC 1661 §6.6 demands it
 * of LCP, and peers differ about the rest. */
#include "frame.h"

enum { ALL_STATIONS = 0xff, UNNUMBERED_INFORMATION = 0x03 };

static bool refuse(enum drop *why, enum drop reason)
{
	*why = reason;
	return false;
}

bool frame_protocol(struct reader *r, uint16_t *protocol, enum drop *why)
{
	uint8_t first = read_u8(r);

	/* The last byte of a protocol number is odd, every other one even. */
	*protocol = first;
	if (!(first & 1))
		*protocol = (uint16_t)(first << 8 | read_u8(r));
	if (r->failed)
		return refuse(why, DROP_PPP_SHORT);
	if (!(*protocol & 1) || *protocol == ALL_STATIONS)
		return refuse(why, DROP_PPP_PROTOCOL);
	return true;
}

bool frame_parse(struct reader *r, uint16_t *protocol, enum drop *why)
{
	if (reader_left(r) >= 2 && r->at[0] == ALL_STATIONS && r->at[1] == UNNUMBERED_INFORMATION)
		read_bytes(r, 2);
	return frame_protocol(r, protocol, why);
}

size_t frame_size(uint16_t protocol, bool compress_address, bool compress_protocol)
{
	return (compress_address ? 0 : 2) + (compress_protocol && protocol <= 0xff ? 1 : 2);
}

void frame_build_protocol(struct writer *w, uint16_t protocol, bool compress_protocol)
{
	if (compress_protocol && protocol <= 0xff)
		write_u8(w, (uint8_t)protocol);
	else
		write_u16(w, protocol);
}

void frame_build(struct writer *w, uint16_t protocol, bool compress_address, bool compress_protocol)
{
	if (!compress_address) {
		write_u8(w, ALL_STATIONS);
		write_u8(w, UNNUMBERED_INFORMATION);
	}
	frame_build_protocol(w, protocol, compress_protocol);
}
