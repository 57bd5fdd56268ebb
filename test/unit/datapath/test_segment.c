/* Super-packets: golden cuts, the fast path against a plain one, and what cannot be cut. The seed
 * is printed; GREYLINE_SEED takes another. */
#include "lab.h"

#include "checksum.h"
#include "seed.h"
#include "segment.h"
#include "super.h"

/* A super-packet given in hex. */
static bool start(
	struct segments *segments, uint8_t *bytes, const char *hex, struct offload offload)
{
	struct inner inner;
	size_t length = hex_bytes(bytes, 512, hex);
	assert_true(inner_parse(&inner, bytes, length));
	return segments_start(segments, &inner, bytes, &offload);
}

static void assert_cut(const struct segments *segments, size_t index, const char *hex)
{
	uint8_t out[512];
	struct writer w = writer_over(out, segment_length(segments, index));
	segment_write(segments, index, &w);
	assert_false(w.failed);
	assert_hex(out, writer_length(&w), hex);
}

/* Every flag a data segment can have, timestamps, sequence number and ID at their ends. Made with
 * scapy. */
#define TCP4                                                                                       \
	"45020048fffe4000400626ad0a0000020a00000103e807d0fffffff801020304"                         \
	"80d90200143d00000101080a00000001000000020102030405060708090a0b0c"                         \
	"0d0e0f1011121314"

static const struct offload tcp4 = {.kind = OFFLOAD_TCP4,
	.segment = 8,
	.checksum_missing = true,
	.checksum_start = 20,
	.checksum_offset = 16};

static void tcp_golden(void **state)
{
	struct segments segments;
	uint8_t bytes[512];
	assert_true(start(&segments, bytes, TCP4, tcp4));
	assert_int_equal(segments.count, 3);
	assert_cut(&segments, 0,
		"4502003cfffe4000400626b90a0000020a00000103e807d0fffffff801020304"
		"80d00200402500000101080a00000001000000020102030405060708");
	assert_cut(&segments, 1,
		"4502003cffff4000400626b80a0000020a00000103e807d00000000001020304"
		"80500200207e00000101080a0000000100000002090a0b0c0d0e0f10");
	assert_cut(&segments, 2,
		"4502003800004000400626bc0a0000020a00000103e807d00000000801020304"
		"805902002c7f00000101080a000000010000000211121314");
}

#define UDP6                                                                                       \
	"601000000017114020010db800000000000000000000000120010db800000000"                         \
	"0000000000000002003504d200175b9d616263646561626364656162636465"

static const struct offload udp6 = {.kind = OFFLOAD_UDP,
	.segment = 7,
	.checksum_missing = true,
	.checksum_start = 40,
	.checksum_offset = 6};

static void udp_golden(void **state)
{
	struct segments segments;
	uint8_t bytes[512];
	assert_true(start(&segments, bytes, UDP6, udp6));
	assert_int_equal(segments.count, 3);
	assert_cut(&segments, 0,
		"60100000000f114020010db800000000000000000000000120010db800000000"
		"0000000000000002003504d2000f132c61626364656162");
	assert_cut(&segments, 1,
		"60100000000f114020010db800000000000000000000000120010db800000000"
		"0000000000000002003504d2000f102b63646561626364");
	assert_cut(&segments, 2,
		"601000000009114020010db800000000000000000000000120010db800000000"
		"0000000000000002003504d200093a6065");
}

/* An urgent pointer counts from its own segment, and ends with the urgent data (RFC 9293 §3.1). */
static void urgent_data_ends(void **state)
{
	struct segments segments;
	uint8_t bytes[512], out[512];
	assert_true(start(&segments, bytes, TCP4, tcp4));
	bytes[33] |= 0x20;
	put_u16(bytes + 38, 10);
	static const struct {
		uint8_t flag;
		uint16_t pointer;
	} wanted[] = {{0x20, 10}, {0x20, 2}, {0, 0}};
	for (size_t n = 0; n < 3; n++) {
		struct writer w = writer_over(out, sizeof(out));
		segment_write(&segments, n, &w);
		assert_int_equal(out[33] & 0x20, wanted[n].flag);
		assert_int_equal(get_u16(out + 38), wanted[n].pointer);
	}
}

static void what_cannot_be_cut(void **state)
{
	static const struct {
		uint8_t at, value;
	} changes[] = {
		{6, 0x20},  /* more fragments */
		{7, 0x01},  /* a fragment */
		{9, 17},    /* not TCP */
		{33, 0x12}, /* SYN */
		{33, 0x14}, /* RST */
		{32, 0x40}, /* a TCP header of 16 bytes */
		{32, 0xf0}, /* one of 60: more than there is */
	};
	struct segments segments;
	uint8_t bytes[512];
	struct inner inner;
	for (size_t n = 0; n < sizeof(changes) / sizeof(changes[0]); n++) {
		size_t length = hex_bytes(bytes, sizeof(bytes), TCP4);
		bytes[changes[n].at] = changes[n].value;
		assert_true(inner_parse(&inner, bytes, length));
		assert_false(segments_start(&segments, &inner, bytes, &tcp4));
	}
	struct offload o = tcp4;
	o.segment = 0;
	assert_false(start(&segments, bytes, TCP4, o));
	o = tcp4, o.checksum_start = 24;
	assert_false(start(&segments, bytes, TCP4, o));
	o = tcp4, o.checksum_offset = 6;
	assert_false(start(&segments, bytes, TCP4, o));
	o = tcp4, o.kind = OFFLOAD_TCP6;
	assert_false(start(&segments, bytes, TCP4, o));
	o = tcp4, o.kind = OFFLOAD_UDP;
	assert_false(start(&segments, bytes, TCP4, o));
	o = udp6, o.kind = OFFLOAD_TCP6;
	assert_false(start(&segments, bytes, UDP6, o));
}

/* IPv6 headers that end nowhere, go round for ever or are a fragment's. */
static void extension_headers_are_bounded(void **state)
{
	struct segments segments;
	struct inner inner;
	uint8_t bytes[512], protocol;
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 0x60;
	for (unsigned count = 0; count <= 9; count++) {
		size_t length = 40 + 8 * count + 8 + 20;
		put_u16(bytes + 4, (uint16_t)(length - 40));
		memset(bytes + 6, 60, 1);
		for (unsigned n = 0; n < count; n++)
			bytes[40 + 8 * n] = n + 1 == count ? 17 : 60;
		if (!count)
			bytes[6] = 17;
		assert_true(inner_parse(&inner, bytes, length));
		size_t at = inner_transport(&inner, bytes, &protocol);
		assert_int_equal(at, count < 8 ? 40 + 8 * count : 0);
		struct offload o = {.kind = OFFLOAD_UDP, .segment = 5};
		assert_int_equal(segments_start(&segments, &inner, bytes, &o), count < 8);
	}
	bytes[40] = 17, bytes[41] = 0, inner.protocol = 44;
	assert_int_equal(inner_transport(&inner, bytes, &protocol), 0);
	inner.protocol = 60;
	assert_int_equal(inner_transport(&inner, bytes, &protocol), 48);
	for (unsigned units = (inner.length - 40) / 8; units < 256; units++) {
		bytes[41] = (uint8_t)units;
		assert_int_equal(inner_transport(&inner, bytes, &protocol), 0);
	}
}

static void too_many_segments(void **state)
{
	static struct super s;
	struct random r = random_from(seed_of_run(11));
	struct segments segments;
	struct inner inner;
	do
		super_make(&s, &r, SUPER_MAX, 9000);
	while (s.length < 10000);
	assert_true(inner_parse(&inner, s.bytes, s.length));
	uint32_t payload = s.length - s.headers;
	s.offload.segment = (uint16_t)((payload + SEGMENTS_MAX - 1) / SEGMENTS_MAX);
	assert_true(segments_start(&segments, &inner, s.bytes, &s.offload));
	s.offload.segment = (uint16_t)(payload / (SEGMENTS_MAX + 1));
	assert_false(segments_start(&segments, &inner, s.bytes, &s.offload));
}

/* A checksum that was wrong as a whole is wrong in every segment: nothing is repaired. */
static void damage_stays_visible(void **state)
{
	static struct super s;
	static uint8_t out[SUPER_MAX];
	struct random r = random_from(seed_of_run(11));
	unsigned seen = 0;
	while (seen < 20) {
		struct segments segments;
		struct inner inner;
		super_make(&s, &r, 20000, 1400);
		if (s.offload.checksum_missing || s.length == s.headers)
			continue;
		s.bytes[s.length - 1] ^= 0x10;
		assert_true(inner_parse(&inner, s.bytes, s.length));
		if (!segments_start(&segments, &inner, s.bytes, &s.offload))
			continue;
		for (size_t n = 0; n < segments.count; n++) {
			struct writer w = writer_over(out, sizeof(out));
			segment_write(&segments, n, &w);
			uint32_t length = (uint32_t)writer_length(&w);
			uint32_t sum = naive_pseudo(&s, out, length - s.transport);
			sum = naive_sum(sum, out + s.transport, length - s.transport);
			assert_int_not_equal(sum, 0xffff);
		}
		seen++;
	}
}

/* The fast path against the plain one, byte by byte. */
static void cut_like_the_plain_path(void **state)
{
	static struct super s;
	static uint8_t fast[SUPER_MAX], plain[SUPER_MAX];
	struct random r = random_from(seed_of_run(11));
	for (unsigned round = 0; round < 3000; round++) {
		struct segments segments;
		struct inner inner;
		super_make(&s, &r, round % 10 ? 8000 : SUPER_MAX, 9000);
		assert_true(inner_parse(&inner, s.bytes, s.length));
		bool cut = segments_start(&segments, &inner, s.bytes, &s.offload);
		assert_int_equal(cut, super_count(&s) <= SEGMENTS_MAX);
		if (!cut)
			continue;
		assert_int_equal(segments.count, super_count(&s));
		for (uint32_t n = 0; n < segments.count; n++) {
			struct writer w = writer_over(fast, segment_length(&segments, n));
			segment_write(&segments, n, &w);
			assert_false(w.failed);
			assert_int_equal(writer_length(&w), plain_cut(&s, n, plain));
			assert_memory_equal(fast, plain, writer_length(&w));
			w = writer_over(fast, segment_length(&segments, n) - 1);
			segment_write(&segments, n, &w);
			assert_true(w.failed);
		}
	}
}

static void missing_checksums_are_taken(void **state)
{
	static struct super s;
	static uint8_t out[SUPER_MAX], plain[SUPER_MAX];
	struct random r = random_from(seed_of_run(11));
	for (unsigned round = 0; round < 2000; round++) {
		struct inner inner;
		super_make(&s, &r, 1600, 1600);
		s.offload.kind = OFFLOAD_NONE;
		assert_true(inner_parse(&inner, s.bytes, s.length));
		assert_true(offload_fits(&s.offload, &inner));
		memcpy(plain, s.bytes, s.length);
		naive_put(checksum_of_super(&s, plain), 0);
		uint16_t checksum = naive_checksum(&s, plain, s.length);
		naive_put(checksum_of_super(&s, plain), checksum ? checksum : 0xffff);
		struct writer w = writer_over(out, s.length);
		offload_write(&s.offload, s.bytes, s.length, &w);
		assert_int_equal(writer_length(&w), s.length);
		if (s.offload.checksum_missing)
			assert_memory_equal(out, plain, s.length);
		else
			assert_memory_equal(out, s.bytes, s.length);
		offload_complete(&s.offload, s.bytes, s.length);
		assert_false(s.offload.checksum_missing);
		assert_memory_equal(out, s.bytes, s.length);
	}
	struct inner inner = {.version = 4, .header_length = 20, .length = 40};
	struct offload o = {.checksum_missing = true, .checksum_start = 20, .checksum_offset = 18};
	assert_true(offload_fits(&o, &inner));
	o.checksum_offset = 19;
	assert_false(offload_fits(&o, &inner));
	o.checksum_start = 19;
	assert_false(offload_fits(&o, &inner));
	o.checksum_start = o.checksum_offset = UINT16_MAX;
	assert_false(offload_fits(&o, &inner));
}

/* UDP's checksum 0 says that there is none (RFC 768). */
static void udp_never_says_none(void **state)
{
	static struct super s;
	uint8_t out[200];
	struct random r = random_from(seed_of_run(11));
	struct segments segments;
	struct inner inner;
	do
		super_make(&s, &r, 400, 200);
	while (s.tcp || s.length - s.headers < 2);
	s.offload.checksum_missing = true;
	s.offload.checksum_start = (uint16_t)s.transport;
	s.offload.checksum_offset = 6;
	uint8_t *payload = s.bytes + s.headers, *field = checksum_of_super(&s, s.bytes);
	s.length = s.headers + 2;
	s.offload.segment = s.segment = 2;
	naive_put(s.bytes + (s.v4 ? 2 : 4), s.v4 ? s.length : s.length - 40);
	naive_put(s.bytes + s.transport + 4, 10);
	naive_put(payload, 0);
	naive_put(field, 0);
	naive_put(payload, naive_checksum(&s, s.bytes, s.length));
	naive_put(field, naive_pseudo(&s, s.bytes, 10));
	assert_true(inner_parse(&inner, s.bytes, s.length));
	assert_true(segments_start(&segments, &inner, s.bytes, &s.offload));
	struct writer w = writer_over(out, sizeof(out));
	segment_write(&segments, 0, &w);
	assert_int_equal(get_u16(checksum_of_super(&s, out)), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_golden),
		cmocka_unit_test(udp_golden),
		cmocka_unit_test(urgent_data_ends),
		cmocka_unit_test(what_cannot_be_cut),
		cmocka_unit_test(extension_headers_are_bounded),
		cmocka_unit_test(too_many_segments),
		cmocka_unit_test(damage_stays_visible),
		cmocka_unit_test(cut_like_the_plain_path),
		cmocka_unit_test(missing_checksums_are_taken),
		cmocka_unit_test(udp_never_says_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
