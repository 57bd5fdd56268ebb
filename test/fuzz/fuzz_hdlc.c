/* A line's bytes, in pieces that the input chooses. What is taken for a frame is encoded again,
 * with the settings the input chooses, and must come back whole whatever the pieces are. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hdlc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { MEMORY = 600, WIRE = 2 * (MEMORY + HDLC_CHECK_MAX) + 1 };

static void round_trip(const struct hdlc_transmit *transmit, const struct hdlc_receive *like,
	const uint8_t *frame, size_t length, size_t piece)
{
	uint8_t wire[WIRE], memory[MEMORY];
	struct hdlc_receive receive;
	enum hdlc_result result = HDLC_MORE;
	hdlc_receive_init(&receive, memory, sizeof(memory));
	receive.accm = like->accm & transmit->accm;
	receive.fcs = transmit->fcs;
	size_t wired = hdlc_encode(transmit, frame, length, wire, sizeof(wire));
	assert(wired > length && wired <= hdlc_encoded_max(length));
	for (size_t at = 0; at < wired; at += piece) {
		const uint8_t *from = wire + at;
		size_t left = piece < wired - at ? piece : wired - at;
		result = hdlc_decode(&receive, &from, &left);
		assert(left == 0 && (result == HDLC_FRAME) == (at + piece >= wired));
	}
	assert(receive.length == length && !memcmp(receive.frame, frame, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	enum { SETTINGS = 8 };
	if (length < SETTINGS)
		return 0;
	struct hdlc_transmit transmit;
	struct hdlc_receive receive;
	uint8_t memories[2][MEMORY];
	unsigned turn = 0;
	hdlc_transmit_init(&transmit);
	hdlc_receive_init(&receive, memories[turn], 64 + 2 * bytes[0]);
	memcpy(&receive.accm, bytes + 1, 4);
	receive.fcs = bytes[5] & 7;
	transmit.accm = receive.accm;
	transmit.fcs = bytes[5] >> 3 & 7;
	hdlc_escape(&transmit, bytes[6]);
	size_t piece = 1 + bytes[7];
	/* The sender's own check sequence must be one the receiver takes. */
	if (!transmit.fcs || (transmit.fcs & HDLC_FCS_16 && transmit.fcs & HDLC_FCS_32))
		transmit.fcs = HDLC_FCS_16;
	bytes += SETTINGS;
	length -= SETTINGS;
	while (length) {
		size_t left = piece < length ? piece : length;
		uint8_t *copy = malloc(left); /* so that a byte behind it is noticed */
		const uint8_t *from = copy;
		assert(copy);
		memcpy(copy, bytes, left);
		bytes += left;
		length -= left;
		while (left) {
			size_t before = left;
			enum hdlc_result result = hdlc_decode(&receive, &from, &left);
			assert(result == HDLC_MORE ? left == 0 : left < before);
			bool bare = transmit.fcs & HDLC_FCS_NULL && receive.length < 4;
			if (result == HDLC_FRAME && !bare) /* else: a runt without its FCS */
				round_trip(
					&transmit, &receive, receive.frame, receive.length, piece);
			turn ^= left & 1;
			hdlc_receive_into(&receive, memories[turn], 64 + 2 * before % 512);
		}
		free(copy);
	}
	return 0;
}
