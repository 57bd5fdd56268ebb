/* Inner IP headers, fragments put together again, and ICMP answers byte for byte. */
#include "hex.h"

#include <string.h>

#include "checksum.h"
#include "inner.h"

static const char ipv4_golden[] =
	"45 00 00 1c ab cd 40 00 40 11 00 00 0a 00 00 02 08 08 08 08 01 02 03 04 05 06 07 08";
static const char ipv6_golden[] = "60 00 00 00 00 08 11 40"
				  "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"
				  "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 02"
				  "01 02 03 04 05 06 07 08";

static void parsed(void **state)
{
	uint8_t bytes[128];
	struct inner inner;
	size_t length = hex_bytes(bytes, sizeof(bytes), ipv4_golden);
	assert_true(inner_parse(&inner, bytes, length));
	assert_int_equal(inner.version, 4);
	assert_int_equal(inner.header_length, 20);
	assert_int_equal(inner.length, 28);
	assert_int_equal(inner.protocol, 17);
	assert_true(inner.dont_fragment);
	assert_false(inner.more_fragments);
	assert_int_equal(inner.offset, 0);
	assert_int_equal(address_to_ipv4(&inner.source), 0x0a000002);
	assert_int_equal(address_to_ipv4(&inner.destination), 0x08080808);
	assert_true(inner_parse(&inner, bytes, 100)); /* padded */
	assert_int_equal(inner.length, 28);

	length = hex_bytes(bytes, sizeof(bytes), ipv6_golden);
	assert_true(inner_parse(&inner, bytes, length));
	assert_int_equal(inner.version, 6);
	assert_int_equal(inner.length, 48);
	assert_true(inner.dont_fragment);
	assert_int_equal(inner.source.bytes[15], 1);
	assert_int_equal(inner.destination.bytes[15], 2);
}

static void truncations(void **state)
{
	static const char *const golden[] = {ipv4_golden, ipv6_golden};
	for (unsigned n = 0; n < 2; n++) {
		uint8_t bytes[128];
		struct inner inner;
		size_t whole = hex_bytes(bytes, sizeof(bytes), golden[n]);
		for (size_t length = 0; length < whole; length++)
			assert_false(inner_parse(&inner, bytes, length));
	}
}

static void malformed(void **state)
{
	uint8_t bytes[128];
	struct inner inner;
	size_t length = hex_bytes(bytes, sizeof(bytes), ipv4_golden);
	static const struct {
		uint8_t at, value;
	} faults[] = {
		{0, 0x44},         /* header below 20 bytes */
		{0, 0x48},         /* header beyond the packet */
		{0, 0x55},         /* version 5 */
		{0, 0x05},         /* version 0 */
		{3, 19},           /* total length below the header */
		{3, 29},           /* beyond what came */
		{2, 1}, {6, 0x1f}, /* a fragment beyond 65535 bytes, with the next byte's FF */
	};
	for (size_t n = 0; n < sizeof(faults) / sizeof(faults[0]); n++) {
		uint8_t copy[128];
		memcpy(copy, bytes, length);
		copy[faults[n].at] = faults[n].value;
		if (faults[n].at == 6)
			copy[7] = 0xff;
		assert_false(inner_parse(&inner, copy, length));
	}
}

static void checksum(void **state)
{
	/* The header of RFC 1071's arithmetic as everybody computes it. */
	uint8_t bytes[64];
	struct inner inner;
	hex_bytes(bytes, sizeof(bytes),
		"45 00 00 14 00 00 40 00 40 11 b8 61 c0 a8 00 01 c0 a8 00 c7");
	put_u16(bytes + 2, 20);
	put_u16(bytes + 10, 0);
	uint16_t sum = (uint16_t)~checksum_of(0, bytes, 20);
	put_u16(bytes + 10, sum);
	assert_true(inner_parse(&inner, bytes, 20));
	assert_true(inner_checksum_holds(&inner, bytes));
	for (unsigned bit = 0; bit < 160; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (inner_parse(&inner, bytes, 20) && inner.version == 4)
			assert_false(inner_checksum_holds(&inner, bytes));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(checksum_of(0, (const uint8_t[]){0x12, 0x34, 0x56}, 3), 0x1234 + 0x5600);
	assert_int_equal(checksum_of(0, (const uint8_t[]){0xff, 0xff, 0x00, 0x02}, 4), 2);
}

static size_t make_ipv4(uint8_t *bytes, size_t options, size_t payload, uint16_t fragment)
{
	size_t header = 20 + options;
	memset(bytes, 0, header);
	bytes[0] = (uint8_t)(0x40 | header / 4);
	put_u16(bytes + 2, (uint16_t)(header + payload));
	put_u16(bytes + 4, 0x7777);
	put_u16(bytes + 6, fragment);
	bytes[8] = 64;
	bytes[9] = 17;
	memcpy(bytes + 12, (const uint8_t[]){10, 0, 0, 2, 9, 9, 9, 9}, 8);
	for (size_t n = 0; n < payload; n++)
		bytes[header + n] = (uint8_t)(n * 13 + n / 256);
	put_u16(bytes + 10, (uint16_t)~checksum_of(0, bytes, header));
	return header + payload;
}

/* Fragments of every size, put together, are the packet. */
static void fragments(void **state)
{
	static const uint16_t mtus[] = {28, 68, 576, 1000, 1396, 1400, 1500};
	static uint8_t packet[65536], whole[65536];
	for (size_t n = 0; n < sizeof(mtus) / sizeof(mtus[0]); n++) {
		for (size_t payload = 1; payload < 5000; payload += 331) {
			struct inner inner;
			size_t length = make_ipv4(packet, 0, payload, 0x2000 | 5);
			assert_true(inner_parse(&inner, packet, length));
			size_t count = inner_fragment_count(&inner, mtus[n]), got = 0;
			for (size_t f = 0; f < count; f++) {
				uint8_t out[1500];
				struct inner part;
				struct writer w = writer_over(out, sizeof(out));
				size_t size = inner_fragment(&w, &inner, packet, mtus[n], f);
				assert_true(size && size <= mtus[n]);
				assert_true(inner_parse(&part, out, size));
				assert_true(inner_checksum_holds(&part, out));
				assert_int_equal(part.length, size);
				assert_int_equal(part.offset, 5 * 8 + got);
				assert_true(
					part.more_fragments); /* the packet was one of several */
				assert_false(part.dont_fragment);
				assert_int_equal(out[4] << 8 | out[5], 0x7777);
				assert_int_equal(out[8], 64);
				memcpy(whole + got, out + 20, size - 20);
				got += size - 20;
			}
			assert_int_equal(got, payload);
			assert_memory_equal(whole, packet + 20, payload);
		}
	}
}

static void the_last_fragment_says_so(void **state)
{
	uint8_t packet[3000], out[1500];
	struct inner inner, part;
	size_t length = make_ipv4(packet, 0, 2000, 0);
	assert_true(inner_parse(&inner, packet, length));
	assert_int_equal(inner_fragment_count(&inner, 1020), 2);
	for (unsigned n = 0; n < 2; n++) {
		struct writer w = writer_over(out, sizeof(out));
		assert_true(inner_parse(&part, out, inner_fragment(&w, &inner, packet, 1020, n)));
		assert_int_equal(part.more_fragments, n == 0);
	}
	struct writer small = writer_over(out, 500);
	assert_int_equal(inner_fragment(&small, &inner, packet, 1020, 0), 0);
	assert_int_equal(inner_fragment_count(&inner, 27), 0);
	assert_int_equal(inner_fragment_count(&inner, 20), 0);
}

/* RFC 791: options with the copy bit are in every fragment, others in the first alone. */
static void options(void **state)
{
	uint8_t packet[200], out[200];
	struct inner inner;
	size_t length = make_ipv4(packet, 12, 64, 0);
	/* NOP; record route, not copied, 3 bytes; router alert, copied, 4; end. */
	memcpy(packet + 20, (const uint8_t[]){1, 7, 3, 4, 0x94, 4, 0, 0, 0, 0, 0, 0}, 12);
	put_u16(packet + 10, 0);
	put_u16(packet + 10, (uint16_t)~checksum_of(0, packet, 32));
	assert_true(inner_parse(&inner, packet, length));
	assert_int_equal(inner_fragment_count(&inner, 64), 2);
	struct writer w = writer_over(out, sizeof(out));
	assert_int_equal(inner_fragment(&w, &inner, packet, 64, 0), 64);
	assert_memory_equal(out + 20, packet + 20, 12);
	w = writer_over(out, sizeof(out));
	assert_int_equal(inner_fragment(&w, &inner, packet, 64, 1), 64);
	assert_memory_equal(
		out + 20, ((const uint8_t[]){1, 1, 1, 1, 0x94, 4, 0, 0, 0, 0, 0, 0}), 12);
	assert_int_equal(checksum_of(0, out, 32), 0xffff);
	/* Broken options do not run away: length 0, 1, beyond the end, cut off. */
	static const uint8_t broken[4][4] = {{7, 0}, {7, 1}, {1, 1, 7, 9}, {1, 1, 1, 7}};
	for (unsigned n = 0; n < 4; n++) {
		length = make_ipv4(packet, 4, 64, 0);
		memcpy(packet + 20, broken[n], 4);
		assert_true(inner_parse(&inner, packet, length));
		w = writer_over(out, sizeof(out));
		assert_int_equal(inner_fragment(&w, &inner, packet, 56, 1), 56);
	}
}

static void too_big_ipv4(void **state)
{
	uint8_t packet[2000], out[2000];
	struct inner inner, answer;
	struct address from = address_ipv4(0x0a000001);
	size_t length = make_ipv4(packet, 0, 1480, 0x4000);
	assert_true(inner_parse(&inner, packet, length));
	size_t size = inner_too_big(out, sizeof(out), &inner, packet, 1396, &from);
	assert_int_equal(size, 576);
	assert_true(inner_parse(&answer, out, size));
	assert_true(inner_checksum_holds(&answer, out));
	assert_int_equal(answer.protocol, 1);
	assert_int_equal(address_to_ipv4(&answer.source), 0x0a000001);
	assert_int_equal(address_to_ipv4(&answer.destination), 0x0a000002);
	assert_hex(out + 20, 2, "03 04");
	assert_hex(out + 24, 4, "00 00 05 74");
	assert_int_equal(checksum_of(0, out + 20, size - 20), 0xffff);
	assert_memory_equal(out + 28, packet, size - 28);
	/* Without an address of ours, the packet's destination speaks. */
	struct address none = {0};
	assert_int_equal(inner_too_big(out, sizeof(out), &inner, packet, 1396, &none), 576);
	assert_hex(out + 12, 4, "09 09 09 09");
	assert_int_equal(inner_too_big(out, 575, &inner, packet, 1396, &from), 0);
}

static void too_big_ipv6(void **state)
{
	uint8_t packet[2000], out[2000];
	struct inner inner, answer;
	struct address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 9}};
	memset(packet, 3, sizeof(packet));
	hex_bytes(packet, sizeof(packet), ipv6_golden);
	put_u16(packet + 4, 1460);
	assert_true(inner_parse(&inner, packet, 1500));
	size_t size = inner_too_big(out, sizeof(out), &inner, packet, 1396, &from);
	assert_int_equal(size, 1280);
	assert_true(inner_parse(&answer, out, size));
	assert_int_equal(answer.length, size);
	assert_int_equal(answer.protocol, 58);
	assert_memory_equal(answer.source.bytes, from.bytes, 16);
	assert_memory_equal(answer.destination.bytes, inner.source.bytes, 16);
	assert_hex(out + 40, 2, "02 00");
	assert_hex(out + 44, 4, "00 00 05 74");
	uint32_t pseudo = (uint32_t)(size - 40) + 58;
	assert_int_equal(checksum_of(pseudo, out + 8, size - 8), 0xffff);
	assert_memory_equal(out + 48, packet, size - 48);
	assert_int_equal(inner_too_big(out, 1279, &inner, packet, 1396, &from), 0);
	/* A short one is quoted whole. */
	put_u16(packet + 4, 10);
	assert_true(inner_parse(&inner, packet, 50));
	assert_int_equal(inner_too_big(out, sizeof(out), &inner, packet, 40, &from), 98);
}

static size_t answer_to(uint8_t *packet, size_t length)
{
	uint8_t out[2000];
	struct inner inner;
	struct address from = {0};
	assert_true(inner_parse(&inner, packet, length));
	return inner_too_big(out, sizeof(out), &inner, packet, 1400, &from);
}

static void never_answered(void **state)
{
	uint8_t packet[256];
	size_t length = make_ipv4(packet, 0, 100, 0);
	assert_true(answer_to(packet, length) > 0);
	static const uint8_t sources[][4] = {
		{0, 0, 0, 0}, {127, 0, 0, 1}, {224, 0, 0, 1}, {255, 255, 255, 255}, {240, 1, 1, 1}};
	for (unsigned n = 0; n < 5; n++) {
		make_ipv4(packet, 0, 100, 0);
		memcpy(packet + 12, sources[n], 4);
		assert_int_equal(answer_to(packet, length), 0);
		make_ipv4(packet, 0, 100, 0);
		memcpy(packet + 16, sources[n], 4);
		assert_int_equal(answer_to(packet, length), 0);
	}
	make_ipv4(packet, 0, 100, 8); /* not the first fragment */
	assert_int_equal(answer_to(packet, length), 0);
	for (unsigned type = 0; type < 256; type++) {
		make_ipv4(packet, 0, 100, 0);
		packet[9] = 1;
		packet[20] = (uint8_t)type;
		bool query = type == 0 || type == 8 || type == 13 || type == 14;
		assert_int_equal(answer_to(packet, length) > 0, query);
	}
	hex_bytes(packet, sizeof(packet), ipv6_golden);
	assert_true(answer_to(packet, 48) > 0);
	packet[6] = 58;
	packet[40] = 1;
	assert_int_equal(answer_to(packet, 48), 0);
	packet[40] = 128;
	assert_true(answer_to(packet, 48) > 0);
	put_u16(packet + 4, 16);
	packet[6] = 60; /* destination options, and then ICMPv6 */
	hex_bytes(packet + 40, 9, "3a 00 01 04 00 00 00 00 01");
	assert_int_equal(answer_to(packet, 56), 0);
	packet[48] = 128;
	assert_true(answer_to(packet, 56) > 0);
	put_u16(packet + 4, 8);
	packet[24] = 0xff;
	assert_int_equal(answer_to(packet, 48), 0);
	packet[24] = 0x20;
	memset(packet + 8, 0, 16);
	assert_int_equal(answer_to(packet, 48), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed),
		cmocka_unit_test(truncations),
		cmocka_unit_test(malformed),
		cmocka_unit_test(checksum),
		cmocka_unit_test(fragments),
		cmocka_unit_test(the_last_fragment_says_so),
		cmocka_unit_test(options),
		cmocka_unit_test(too_big_ipv4),
		cmocka_unit_test(too_big_ipv6),
		cmocka_unit_test(never_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
