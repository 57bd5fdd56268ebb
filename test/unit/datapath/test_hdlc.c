/* Async HDLC: golden bytes, every truncation, arbitrary pieces, every map, the check sequences. */
#include "hex.h"

#include <string.h>

#include "fcs.h"
#include "hdlc.h"
#include "seed.h"

enum { FRAME_ROOM = 2048, WIRE_ROOM = 8192 };

struct lab {
	struct hdlc_transmit transmit;
	struct hdlc_receive receive;
	uint8_t wire[WIRE_ROOM];
	size_t wired;
	uint8_t memory[FRAME_ROOM];
};

static void init(struct lab *lab)
{
	memset(lab, 0, sizeof(*lab));
	hdlc_transmit_init(&lab->transmit);
	hdlc_receive_init(&lab->receive, lab->memory, sizeof(lab->memory));
}

static void encode(struct lab *lab, const uint8_t *frame, size_t length)
{
	size_t got = hdlc_encode(&lab->transmit, frame, length, lab->wire + lab->wired,
		sizeof(lab->wire) - lab->wired);
	assert_true(got >= length + 1 && got <= hdlc_encoded_max(length));
	lab->wired += got;
}

/* Everything that is on the wire, in one piece. */
static enum hdlc_result decode(struct lab *lab)
{
	const uint8_t *bytes = lab->wire;
	size_t left = lab->wired;
	enum hdlc_result result = hdlc_decode(&lab->receive, &bytes, &left);
	assert_int_equal(left, 0);
	assert_ptr_equal(bytes, lab->wire + lab->wired);
	return result;
}

static enum hdlc_result decode_hex(struct lab *lab, const char *hex)
{
	lab->wired = hex_bytes(lab->wire, sizeof(lab->wire), hex);
	return decode(lab);
}

static void assert_frame(const struct lab *lab, const uint8_t *frame, size_t length)
{
	assert_int_equal(lab->receive.length, length);
	assert_memory_equal(lab->receive.frame, frame, length);
}

/* RFC 1662 §4.2: "7E is encoded as 7D 5E, 7D as 7D 5D, 03 as 7D 23", and the well-known first
 * frame of a Linux pppd as it stands on a serial line. */
static void golden(void **state)
{
	struct lab lab;
	uint8_t frame[64];
	init(&lab);
	size_t length = hex_bytes(frame, sizeof(frame),
		"ff 03 c0 21 01 01 00 14 02 06 00 00 00 00 05 06 6a a7 5b 5d 07 02 08 02");
	encode(&lab, frame, length);
	assert_hex(lab.wire, 24 + 13,
		"ff 7d 23 c0 21 7d 21 7d 21 7d 20 7d 34 7d 22 7d 26 7d 20 7d 20 7d 20 7d 20 7d 25 "
		"7d 26 6a a7 5b 5d 7d 27 7d 22");
	assert_int_equal(decode(&lab), HDLC_FRAME);
	assert_frame(&lab, frame, length);

	init(&lab);
	lab.transmit.accm = 0;
	length = hex_bytes(frame, sizeof(frame), "ff 03 00 21 7e 7d 11 5e");
	encode(&lab, frame, length);
	assert_int_equal(lab.wired, length + 2 + 2 + 1);
	assert_hex(lab.wire, length + 2, "ff 03 00 21 7d 5e 7d 5d 11 5e");
	assert_int_equal(lab.wire[lab.wired - 1], HDLC_FLAG);
	lab.receive.accm = 0;
	assert_int_equal(decode(&lab), HDLC_FRAME);
	assert_frame(&lab, frame, length);
}

/* A good frame cut anywhere by a flag is no frame, and harms none behind it. */
static void every_truncation(void **state)
{
	static const uint8_t frame[] = {0x00, 0x21, 0x45, 0x7e, 0x01, 0x7d, 0x55, 0x20, 0xff, 0x00,
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
	struct lab lab;
	init(&lab);
	encode(&lab, frame, sizeof(frame));
	uint8_t whole[128];
	size_t length = lab.wired;
	memcpy(whole, lab.wire, length);
	for (size_t cut = 0; cut < length - 1; cut++) {
		init(&lab);
		memcpy(lab.wire, whole, cut);
		lab.wire[cut] = HDLC_FLAG;
		memcpy(lab.wire + cut + 1, whole, length);
		lab.wired = cut + 1 + length;
		const uint8_t *bytes = lab.wire;
		size_t left = lab.wired;
		enum hdlc_result result = hdlc_decode(&lab.receive, &bytes, &left);
		if (cut > 0) {
			assert_int_equal(result,
				whole[cut - 1] == HDLC_ESCAPE ? HDLC_ABORTED
				: bytes - lab.wire == (ptrdiff_t)cut + 1 && result == HDLC_SHORT
					? HDLC_SHORT
					: HDLC_DAMAGED);
			assert_int_equal(left, length);
			result = hdlc_decode(&lab.receive, &bytes, &left);
		}
		assert_int_equal(result, HDLC_FRAME);
		assert_frame(&lab, frame, sizeof(frame));
	}
}

static void short_aborted_long(void **state)
{
	struct lab lab;
	init(&lab);
	assert_int_equal(decode_hex(&lab, "7e 7e 7e"), HDLC_MORE);
	assert_int_equal(decode_hex(&lab, "41 7e"), HDLC_SHORT);
	/* Three bytes with a right check sequence: still a runt (§4.3). */
	uint16_t fcs = (uint16_t)~fcs_add(FCS_START, (const uint8_t *)"!", 1);
	lab.wire[0] = '!';
	lab.wire[1] = (uint8_t)fcs;
	lab.wire[2] = (uint8_t)(fcs >> 8);
	lab.wire[3] = HDLC_FLAG;
	lab.wired = 4;
	assert_int_equal(decode(&lab), HDLC_SHORT);
	assert_int_equal(decode_hex(&lab, "21 45 55 66 77 7d 7e"), HDLC_ABORTED);
	assert_int_equal(decode_hex(&lab, "7d 7e"), HDLC_ABORTED);
	assert_int_equal(decode_hex(&lab, "21 45 55 66 77 88 7e"), HDLC_DAMAGED);

	hdlc_receive_init(&lab.receive, lab.memory, 32);
	for (size_t length = 26; length < 200; length++) {
		uint8_t frame[200];
		memset(frame, 'x', sizeof(frame));
		lab.wired = 0;
		encode(&lab, frame, length);
		assert_int_equal(decode(&lab), length <= 30 ? HDLC_FRAME : HDLC_LONG);
	}
}

/* One bit anywhere between two flags, and the frame is lost: damaged, aborted, or in two. */
static void every_bit_counts(void **state)
{
	static const uint8_t frame[] = {0xff, 0x03, 0x00, 0x21, 0x45, 0x7e, 0x01, 0x7d, 0x55};
	struct lab lab;
	for (uint8_t fcs = HDLC_FCS_16; fcs <= HDLC_FCS_32; fcs += HDLC_FCS_32 - HDLC_FCS_16) {
		init(&lab);
		lab.transmit.fcs = fcs;
		encode(&lab, frame, sizeof(frame));
		for (size_t bit = 0; bit < 8 * (lab.wired - 1); bit++) {
			struct lab other = lab;
			other.receive.frame = other.memory;
			other.receive.fcs = fcs;
			other.receive.accm = 0;
			other.wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
			const uint8_t *bytes = other.wire;
			size_t left = other.wired;
			while (left)
				assert_int_not_equal(
					hdlc_decode(&other.receive, &bytes, &left), HDLC_FRAME);
		}
	}
}

/* What is escaped, for every map of one control character and some of many. */
static void assert_escapes(uint32_t accm)
{
	uint8_t frame[258] = {0x00, 0x21};
	struct lab lab;
	for (unsigned n = 0; n < 256; n++)
		frame[n + 2] = (uint8_t)n;
	init(&lab);
	lab.transmit.accm = lab.receive.accm = accm;
	encode(&lab, frame, sizeof(frame));
	size_t at = 0;
	for (unsigned n = 0; n < sizeof(frame); n++) {
		uint8_t byte = frame[n];
		bool escaped = byte == 0x7d || byte == 0x7e || (byte < 32 && accm >> byte & 1);
		if (escaped)
			assert_int_equal(lab.wire[at++], HDLC_ESCAPE);
		assert_int_equal(lab.wire[at++], byte ^ (escaped ? HDLC_CHANGE : 0));
	}
	assert_int_equal(decode(&lab), HDLC_FRAME);
	assert_frame(&lab, frame, sizeof(frame));
}

static void every_map(void **state)
{
	assert_escapes(0);
	assert_escapes(HDLC_ACCM_DEFAULT);
	assert_escapes(0x000a0000);
	for (unsigned n = 0; n < 32; n++) {
		assert_escapes(1u << n);
		assert_escapes(~(1u << n));
	}
}

/* LCP packets of codes 1 to 7 are for a peer that may know of nothing (RFC 1662 §7.1). */
static void lcp_goes_by_default(void **state)
{
	uint8_t frame[] = {0xff, 0x03, 0xc0, 0x21, 0, 0x02, 0x00, 0x04};
	struct lab lab;
	for (unsigned code = 0; code < 16; code++)
		for (unsigned start = 0; start <= 2; start += 2) {
			bool is_default = code >= 1 && code <= 7;
			frame[4] = (uint8_t)code;
			init(&lab);
			lab.transmit.accm = 0;
			lab.transmit.fcs = HDLC_FCS_32;
			lab.receive.fcs = HDLC_FCS_32;
			encode(&lab, frame + start, sizeof(frame) - start);
			bool escaped = false;
			for (size_t n = 0; n < 8 - start; n++)
				escaped |= lab.wire[n] == HDLC_ESCAPE;
			assert_int_equal(escaped, is_default);
			lab.receive.accm = is_default ? HDLC_ACCM_DEFAULT : 0;
			assert_int_equal(decode(&lab), HDLC_FRAME);
			assert_frame(&lab, frame + start, sizeof(frame) - start);

			/* Who agreed on the other one may still send it so. */
			lab.wired = hdlc_encode_agreed(&lab.transmit, frame + start,
				sizeof(frame) - start, lab.wire, sizeof(lab.wire));
			lab.receive.accm = HDLC_ACCM_DEFAULT;
			assert_int_equal(decode(&lab), HDLC_FRAME);
			assert_frame(&lab, frame + start, sizeof(frame) - start);
			/* Who did not does not take it. */
			lab.receive.fcs = HDLC_FCS_16;
			assert_int_equal(decode(&lab), HDLC_DAMAGED);
		}
}

static void agreed_check_sequences(void **state)
{
	static const uint8_t data[] = {0x00, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	static const uint8_t chap[] = {0xff, 0x03, 0xc2, 0x23, 1, 2, 3, 4};
	static const struct {
		uint8_t fcs;
		size_t data, chap;
	} cases[] = {
		{HDLC_FCS_16, 2, 2},
		{HDLC_FCS_32, 4, 4},
		{HDLC_FCS_NULL, 0, 2},
		{HDLC_FCS_NULL | HDLC_FCS_16, 0, 2},
		{HDLC_FCS_NULL | HDLC_FCS_32, 0, 4},
	};
	struct lab lab;
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		init(&lab);
		lab.transmit.accm = lab.receive.accm = 0;
		lab.transmit.fcs = lab.receive.fcs = cases[n].fcs;
		encode(&lab, data, sizeof(data));
		assert_int_equal(decode(&lab), HDLC_FRAME);
		assert_frame(&lab, data, sizeof(data));
		assert_int_equal(lab.wired, sizeof(data) + cases[n].data + 1);
		lab.wired = 0;
		encode(&lab, chap, sizeof(chap));
		assert_int_equal(decode(&lab), HDLC_FRAME);
		assert_frame(&lab, chap, sizeof(chap));
		assert_in_range(lab.wired, sizeof(chap) + cases[n].chap + 1, sizeof(chap) + 9);
		lab.wire[6] ^= 0x40;
		assert_int_equal(decode(&lab), HDLC_DAMAGED);
	}
	/* While it is being agreed on, either is right. */
	for (uint8_t fcs = HDLC_FCS_16; fcs <= HDLC_FCS_32; fcs += HDLC_FCS_32 - HDLC_FCS_16) {
		init(&lab);
		lab.transmit.fcs = fcs;
		lab.receive.fcs = HDLC_FCS_16 | HDLC_FCS_32;
		encode(&lab, data, sizeof(data));
		assert_int_equal(decode(&lab), HDLC_FRAME);
		assert_frame(&lab, data, sizeof(data));
		lab.wire[lab.wired - 2] ^= 0x40;
		assert_int_equal(decode(&lab), HDLC_DAMAGED);
	}
}

/* What modems and XON/XOFF put in between is taken out, even behind an escape; the rest stays. */
static void strays(void **state)
{
	static const uint8_t frame[] = {0x00, 0x21, 0x11, 0x13, 0x7e, 0x7d, 0x45, 0x41, 0x13};
	struct lab lab;
	init(&lab);
	lab.transmit.accm = lab.receive.accm = 0x000a0000;
	encode(&lab, frame, sizeof(frame));
	uint8_t whole[64];
	size_t length = lab.wired;
	memcpy(whole, lab.wire, length);
	for (size_t place = 0; place < length; place++) {
		memcpy(lab.wire, whole, place);
		lab.wire[place] = 0x13;
		memcpy(lab.wire + place + 1, whole + place, length - place);
		lab.wired = length + 1;
		assert_int_equal(decode(&lab), HDLC_FRAME);
		assert_frame(&lab, frame, sizeof(frame));
		lab.wire[place] = 0x14; /* not in the map */
		assert_true(decode(&lab) != HDLC_FRAME);
	}
}

/* Bytes that a line does not like, whatever the peer says: RFC 1662 §7 allows it. */
static void escapes_of_our_own(void **state)
{
	uint8_t frame[258] = {0x00, 0x21};
	struct lab lab;
	for (unsigned n = 0; n < 256; n++)
		frame[n + 2] = (uint8_t)n;
	for (unsigned byte = 0; byte < 256; byte++) {
		init(&lab);
		lab.transmit.accm = lab.receive.accm = 0;
		bool may = !(byte >= 0x20 && byte < 0x40) && byte != 0x5d && byte != 0x5e;
		assert_int_equal(hdlc_escape(&lab.transmit, (uint8_t)byte), may);
		encode(&lab, frame, sizeof(frame));
		unsigned seen = 0;
		for (size_t n = 0; n < lab.wired; n++)
			seen += lab.wire[n] == byte && (n == 0 || lab.wire[n - 1] != HDLC_ESCAPE);
		if (may && byte != HDLC_ESCAPE)
			assert_int_equal(seen, byte == HDLC_FLAG);
		assert_int_equal(decode(&lab), HDLC_FRAME);
		assert_frame(&lab, frame, sizeof(frame));
	}
}

static void capacity(void **state)
{
	uint8_t frame[40], wire[128];
	struct lab lab;
	memset(frame, 0x7e, sizeof(frame));
	init(&lab);
	for (size_t room = 0; room < sizeof(wire); room++) {
		memset(wire, 0xaa, sizeof(wire));
		size_t got = hdlc_encode(&lab.transmit, frame, sizeof(frame), wire, room);
		assert_int_equal(got != 0, room >= hdlc_encoded_max(sizeof(frame)));
		for (size_t n = room; n < sizeof(wire); n++)
			assert_int_equal(wire[n], 0xaa);
	}
}

static uint32_t draw(struct random *dice)
{
	return random_u32(dice);
}

/* A stream of frames of any kind, in pieces of any size, into memory that changes. */
static void in_pieces(struct random *dice)
{
	enum { FRAMES = 24 };
	uint8_t frames[FRAMES][300];
	size_t lengths[FRAMES], found = 0;
	struct lab lab;
	init(&lab);
	lab.transmit.accm = lab.receive.accm = draw(dice) % 3 ? 0 : draw(dice);
	lab.transmit.fcs = lab.receive.fcs = draw(dice) & 1 ? HDLC_FCS_16 : HDLC_FCS_32;
	for (size_t n = 0; n < FRAMES; n++) {
		lengths[n] = 2 + draw(dice) % 290;
		if (lab.wired + hdlc_encoded_max(lengths[n]) > sizeof(lab.wire))
			lengths[n] = 2;
		for (size_t i = 0; i < lengths[n]; i++)
			frames[n][i] =
				(uint8_t)(draw(dice) % 5 ? draw(dice) : 0x7c + draw(dice) % 4);
		frames[n][0] = 0x01; /* no LCP */
		encode(&lab, frames[n], lengths[n]);
	}
	uint8_t memories[2][FRAME_ROOM];
	for (size_t at = 0; at < lab.wired;) {
		size_t piece = 1 + draw(dice) % 60, left;
		if (piece > lab.wired - at)
			piece = lab.wired - at;
		uint8_t copy[64]; /* nothing is read behind its end */
		memcpy(copy + sizeof(copy) - piece, lab.wire + at, piece);
		const uint8_t *bytes = copy + sizeof(copy) - piece;
		left = piece;
		at += piece;
		while (left) {
			enum hdlc_result result = hdlc_decode(&lab.receive, &bytes, &left);
			if (result == HDLC_MORE)
				break;
			assert_int_equal(result, HDLC_FRAME);
			assert_frame(&lab, frames[found], lengths[found]);
			found++;
			hdlc_receive_into(&lab.receive, memories[found & 1], FRAME_ROOM);
		}
		assert_int_equal(left, 0);
		if (draw(dice) % 4 == 0)
			hdlc_receive_into(&lab.receive, lab.memory, FRAME_ROOM);
	}
	assert_int_equal(found, FRAMES);
}

static void arbitrary_pieces(void **state)
{
	struct random dice = random_from(seed_of_run(20260730));
	for (unsigned round = 0; round < 500; round++)
		in_pieces(&dice);
}

/* Memory that shrinks under a frame loses it, as one that is too long. */
static void smaller_memory(void **state)
{
	uint8_t small[8];
	struct lab lab;
	init(&lab);
	assert_int_equal(decode_hex(&lab, "21 41 42 43 44 45 46 47 48 49 4a"), HDLC_MORE);
	hdlc_receive_into(&lab.receive, small, sizeof(small));
	assert_int_equal(decode_hex(&lab, "4b 4c 7e"), HDLC_LONG);
	assert_int_equal(decode_hex(&lab, "7e"), HDLC_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(short_aborted_long),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(every_map),
		cmocka_unit_test(lcp_goes_by_default),
		cmocka_unit_test(agreed_check_sequences),
		cmocka_unit_test(strays),
		cmocka_unit_test(escapes_of_our_own),
		cmocka_unit_test(capacity),
		cmocka_unit_test(arbitrary_pieces),
		cmocka_unit_test(smaller_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
