/* Lines in the place of GRE (see serial.h). RFC 1662. */
#include "serial.h"

#include <assert.h>

#include "bytes.h"

enum { LINE_NUMBER = 2 };

static uint8_t memory[SERIAL_FRAMES][OUTER_MAX];

/* Before a word of LCP's: nothing is escaped that need not be, and either check sequence will do.
 */
void serial_init(struct serial *serial)
{
	hdlc_transmit_init(&serial->transmit);
	serial->receive_accm = 0;
	serial->receive_fcs = HDLC_FCS_16 | HDLC_FCS_32;
}

void serial_framing(struct serial *serial, const struct datapath_command *command)
{
	serial->transmit.accm = command->framing.send_accm;
	serial->transmit.fcs = command->framing.send_fcs;
	serial->receive_accm = command->framing.receive_accm;
	serial->receive_fcs = command->framing.receive_fcs;
}

void serial_send(const struct serial *serial, uint16_t to, const struct packet *frame,
	struct packet *bytes, uint8_t room[WIRE_BYTES])
{
	*bytes = *frame;
	bytes->bytes = room;
	put_u16(room, to);
	size_t length = hdlc_encode(&serial->transmit, frame->bytes, frame->length,
		room + LINE_NUMBER, WIRE_BYTES - LINE_NUMBER);
	bytes->length = (uint32_t)(LINE_NUMBER + length);
	assert(length);
}

uint16_t serial_line(const struct wire_packet *bytes)
{
	return bytes->length > LINE_NUMBER ? get_u16(bytes->bytes) : 0;
}

size_t serial_receive(
	const struct serial *serial, const struct wire_packet *bytes, struct packet *frames)
{
	struct hdlc_receive receive;
	const uint8_t *at = bytes->bytes + LINE_NUMBER;
	size_t left = bytes->length - (size_t)LINE_NUMBER, count = 0;
	bool whole = false;
	hdlc_receive_init(&receive, memory[0], OUTER_MAX);
	receive.accm = serial->receive_accm;
	receive.fcs = serial->receive_fcs;
	while (left && count < SERIAL_FRAMES) {
		enum hdlc_result result = hdlc_decode(&receive, &at, &left);
		whole = result != HDLC_MORE;
		if (result == HDLC_MORE || result == HDLC_SHORT)
			continue;
		frames[count] = (struct packet){.kind = PACKET_FRAME,
			.bytes = receive.frame,
			.length = result == HDLC_FRAME ? receive.length : 0,
			.capacity = OUTER_MAX};
		if (++count < SERIAL_FRAMES)
			hdlc_receive_into(&receive, memory[count], OUTER_MAX);
	}
	/* Its flag is gone: it would have run into the next one. */
	if (!whole && count < SERIAL_FRAMES)
		frames[count++] = (struct packet){.kind = PACKET_FRAME, .bytes = memory[0]};
	return count;
}
