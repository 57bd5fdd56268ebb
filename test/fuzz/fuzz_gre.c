/* The GRE header and the PPP header behind it. What parses is built again and must be the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "datapath.h"
#include "frame.h"
#include "gre.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_frame(struct reader frame)
{
	const uint8_t *start = frame.at;
	size_t length = reader_left(&frame);
	uint16_t protocol;
	enum drop why;

	if (!frame_parse(&frame, &protocol, &why)) {
		assert(why == DROP_PPP_SHORT || why == DROP_PPP_PROTOCOL);
		return;
	}
	size_t header = length - reader_left(&frame);
	bool no_address = start[0] != 0xff;
	bool short_field = header == frame_size(protocol, no_address, true) && protocol <= 0xff;
	uint8_t again[FRAME_HEADER_MAX];
	struct writer w = writer_over(again, sizeof(again));
	frame_build(&w, protocol, no_address, short_field);
	assert(!w.failed && writer_length(&w) == header && !memcmp(again, start, header));
}

/* A session that has sent a little hears this acknowledgement and answers. */
static void check_numbers(const struct gre_header *received)
{
	enum { SENT = 5 };
	struct gre gre;
	struct gre_header sent;

	gre_init(&gre, 0);
	gre.send_next = gre.window.acked = 0u - 2;
	for (unsigned n = 0; n < SENT; n++)
		gre_next(&gre, &sent, received->call_id, 1);
	if (received->has_ack) {
		bool known = gre_acked(&gre, received, 0);
		assert(known == ((int32_t)(received->ack - gre.send_next) < 0));
		assert(gre_in_flight(&gre) <= SENT);
	}
	gre_owe(&gre, received->sequence);
	gre_next(&gre, &sent, received->call_id, received->payload_length);
	assert(sent.has_ack && sent.has_sequence == (received->payload_length != 0));
	assert(!gre.ack_owed && gre.ack_due == NEVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct reader r = reader_over(bytes, length), payload;
	struct gre_header header;
	uint16_t call_id;
	enum drop why = DROP_COUNT, same = DROP_COUNT;
	bool good = gre_parse(&header, &r, &payload, &why);

	assert(datapath_call_id(bytes, length, &call_id, &same) == good && same == why);
	if (!good) {
		assert(drop_room(why) == ROOM_DATAPATH);
		return 0;
	}
	uint8_t again[GRE_HEADER_MAX];
	struct writer w = writer_over(again, sizeof(again));
	gre_build(&w, &header);
	assert(!w.failed && writer_length(&w) == gre_size(&header));
	assert(!memcmp(again, bytes, gre_size(&header)));
	assert(call_id == header.call_id);
	assert(reader_left(&payload) == header.payload_length);
	assert(payload.end <= bytes + length);
	check_numbers(&header);
	if (header.payload_length)
		check_frame(payload);
	return 0;
}
