/* Calls whose frames go over a line each instead of GRE: what is sent is framed as HDLC as the data
 * path was told, and lost or damaged as bytes; what HDLC finds wrong is a hole, and the order
 * stays. A line is known by the receiver's call ID, which stands before the bytes. */
#ifndef GREYLINE_SERIAL_H
#define GREYLINE_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "hdlc.h"
#include "packet.h"
#include "wire.h"

enum { SERIAL_FRAMES = 8 }; /* out of the bytes of one, whatever became of them */

/* One end of a line. */
struct serial {
	struct hdlc_transmit transmit;
	uint32_t receive_accm;
	uint8_t receive_fcs;
};

void serial_init(struct serial *serial);
void serial_framing(struct serial *serial, const struct datapath_command *framing);
/* The bytes on the wire. */
void serial_send(const struct serial *serial, uint16_t to, const struct packet *frame,
	struct packet *bytes, uint8_t room[WIRE_BYTES]);
/* Which line they came by. */
uint16_t serial_line(const struct wire_packet *bytes);
/* The frames in them, of length 0 where some were lost; at most SERIAL_FRAMES. They lie in memory
 * of this file's, until the next call. */
size_t serial_receive(
	const struct serial *serial, const struct wire_packet *bytes, struct packet *frames);

#endif
