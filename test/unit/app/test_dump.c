/* greyline dump over captures made here: what each packet is said to be, gaps, damage. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "capture_file.h"
#include "dump.h"

/* A pcap file under construction. */
struct made {
	uint8_t bytes[8192];
	size_t length;
};

static void put_le32(struct made *made, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		made->bytes[made->length++] = (uint8_t)(value >> 8 * i);
}

static void begin(struct made *made, uint32_t linktype)
{
	made->length = 0;
	put_le32(made, 0xa1b2c3d4);
	put_le32(made, 2 | 4 << 16);
	put_le32(made, 0);
	put_le32(made, 0);
	put_le32(made, 65535);
	put_le32(made, linktype);
}

static void put_packet(struct made *made, const struct writer *packet)
{
	put_le32(made, 3661); /* 01:01:01 */
	put_le32(made, 42);
	put_le32(made, (uint32_t)writer_length(packet));
	put_le32(made, (uint32_t)writer_length(packet));
	memcpy(made->bytes + made->length, packet->start, writer_length(packet));
	made->length += writer_length(packet);
}

/* An IPv4 header from 10.0.0.1 to 10.0.0.2; its total length is patched by put_ip. */
static struct writer ip(uint8_t *buffer, uint8_t protocol)
{
	struct writer w = writer_over(buffer, 1024);
	write_u8(&w, 0x45);
	write_u8(&w, 0);
	write_u16(&w, 0);
	write_u32(&w, 0);
	write_u8(&w, 64);
	write_u8(&w, protocol);
	write_u16(&w, 0);
	write_u32(&w, 0x0a000001);
	write_u32(&w, 0x0a000002);
	return w;
}

static void put_ip(struct made *made, struct writer *w)
{
	write_patch_u16(w, 2, (uint16_t)writer_length(w));
	put_packet(made, w);
}

static void put_tcp(struct made *made, uint32_t sequence, const void *bytes, size_t length)
{
	uint8_t buffer[1024];
	struct writer w = ip(buffer, 6);
	write_u16(&w, 40000);
	write_u16(&w, 1723);
	write_u32(&w, sequence);
	write_u32(&w, 0);
	write_u16(&w, 0x5018);
	write_zeros(&w, 6);
	write_bytes(&w, bytes, length);
	put_ip(made, &w);
}

static const uint8_t echo[16] = {0, 16, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, 5, 0, 0, 0, 0, 0, 7};

static void put_gre(struct made *made, const void *payload, size_t length)
{
	uint8_t buffer[1024];
	struct writer w = ip(buffer, 47);
	write_u16(&w, 0x3081);
	write_u16(&w, 0x880b);
	write_u16(&w, (uint16_t)length);
	write_u16(&w, 4711);
	write_u32(&w, 5);
	write_u32(&w, 3);
	write_bytes(&w, payload, length);
	put_ip(made, &w);
}

static struct heard heard;
static struct dump_totals totals;

static bool dump(const struct made *made)
{
	hear(&heard);
	uint8_t *exact = malloc(made->length ? made->length : 1);
	assert_non_null(exact);
	memcpy(exact, made->bytes, made->length);
	bool whole = dump_capture(exact, made->length, heard_line, &heard, &totals);
	free(exact);
	return whole;
}

static void test_control(void **state)
{
	struct made made;
	uint8_t two[32];
	memcpy(two, echo, 16);
	memcpy(two + 16, echo, 16);
	begin(&made, LINKTYPE_RAW);
	put_tcp(&made, 100, echo, 7); /* one message in two segments */
	put_tcp(&made, 107, echo + 7, 9);
	put_tcp(&made, 107, echo + 7, 9); /* sent again */
	put_tcp(&made, 116, two, 32);     /* two in one */
	put_tcp(&made, 140, two + 8, 24); /* overlaps by 8 */
	assert_true(dump(&made));
	assert_int_equal(totals.messages, 4);
	assert_int_equal(totals.gaps, 0);
	assert_ptr_equal(
		strstr(heard.text, "01:01:01.000042 10.0.0.1 > 10.0.0.2 PPTP Echo-Request"),
		heard.text);
}

static void test_gap(void **state)
{
	struct made made;
	begin(&made, LINKTYPE_RAW);
	put_tcp(&made, 100, echo, 10);
	put_tcp(&made, 120, echo, 16); /* 10 bytes are missing */
	put_tcp(&made, 136, "no message at all", 17);
	put_tcp(&made, 153, echo, 16);
	assert_true(dump(&made));
	assert_int_equal(totals.gaps, 1);
	assert_int_equal(totals.messages, 2);
	assert_non_null(strstr(heard.text, "gap of 10 bytes"));
	assert_non_null(strstr(heard.text, "impossible length"));
}

static void test_gre(void **state)
{
	static const uint8_t lcp[] = {0xff, 0x03, 0xc0, 0x21, 9, 3, 0, 8, 1, 2, 3, 4};
	static const uint8_t data[] = {0xfd, 0x90, 0x00, 1, 2, 3};
	struct made made;
	begin(&made, LINKTYPE_RAW);
	put_gre(&made, lcp, sizeof lcp);
	put_gre(&made, data, sizeof data);
	assert_true(dump(&made));
	assert_int_equal(totals.gre, 2);
	assert_non_null(
		strstr(heard.text, "GRE  call 4711 seq 5 ack 3 length 12: LCP Echo-Request"));
	assert_non_null(strstr(heard.text, "length 6: compressed"));
}

/* The same packet under every link layer. */
static void test_link_layers(void **state)
{
	static const struct {
		uint32_t linktype;
		uint8_t header[20];
		size_t length;
	} layers[] = {
		{LINKTYPE_RAW, {0}, 0},
		{LINKTYPE_ETHERNET, {[12] = 0x08, [13] = 0x00}, 14},
		{LINKTYPE_ETHERNET, {[12] = 0x81, [16] = 0x08}, 18},
		{LINKTYPE_LINUX_SLL, {[14] = 0x08}, 16},
		{LINKTYPE_LINUX_SLL2, {[0] = 0x08}, 20},
	};
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
		struct made made, inner;
		uint8_t buffer[256];
		struct writer w = writer_over(buffer, sizeof buffer);
		begin(&inner, LINKTYPE_RAW);
		put_tcp(&inner, 1, echo, 16);
		write_bytes(&w, layers[i].header, layers[i].length);
		write_bytes(&w, inner.bytes + 40, inner.length - 40);
		begin(&made, layers[i].linktype);
		put_packet(&made, &w);
		assert_true(dump(&made));
		assert_int_equal(totals.messages, 1);
	}
}

/* Cut anywhere: never a crash, and said so unless the cut falls between packets. */
static void test_truncated(void **state)
{
	struct made made;
	begin(&made, LINKTYPE_RAW);
	put_tcp(&made, 1, echo, 16);
	size_t whole = made.length;
	for (made.length = 0; made.length < whole; made.length++) {
		bool good = dump(&made);
		assert_int_equal(good, made.length == 24);
		assert_int_equal(heard.text[0] != 0, made.length != 24);
	}
}

/* Three times as many flows as are remembered, in one file; each still gives its message. */
static void test_more_streams_than_places(void **state)
{
	static struct made made;
	uint64_t messages = 0;
	for (unsigned part = 0; part < 3 * DUMP_STREAMS / 64; part++) {
		begin(&made, LINKTYPE_RAW);
		for (unsigned i = 0; i < 64; i++) {
			size_t at = made.length + 16 + 20;
			put_tcp(&made, i, echo, 16);
			put_u16(made.bytes + at, (uint16_t)(1000 + 64 * part + i));
		}
		assert_true(dump(&made));
		messages += totals.messages;
	}
	assert_int_equal(messages, 3 * DUMP_STREAMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_gre),
		cmocka_unit_test(test_link_layers),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_more_streams_than_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
