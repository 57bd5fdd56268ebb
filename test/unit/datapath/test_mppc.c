/* MPPC. The first golden bytes are those of FreeRDP's tests (TEST_MPPC_BELLS, RDP 4: the coding of
 * RFC 2118), the second were read by a second implementation in another language. */
#include "codec_lab.h"

#include "bytes.h"
#include "mppc.h"

static const struct codec_params params = {.method = CODEC_MPPC};

static void golden(void **state)
{
	static const char packed[] =
		"a000 666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cf4372e66fa1f199484";
	static const char plain[] = "for.whom.the.bell.tolls,.the.bell.tolls.for.thee!";
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	uint8_t from[64], to[64];
	size_t got, length = hex_bytes(from, sizeof(from), packed);
	enum drop why;

	assert_true(pair.ops->decompress(pair.in, from, length, to, sizeof(to), &got, &why));
	assert_int_equal(got, strlen(plain));
	assert_memory_equal(to, plain, got);
	/* Ours finds other copies. The text's first two bytes stand for the protocol field. */
	length = pair.ops->compress(pair.out, 'f' << 8 | 'o', (const uint8_t *)plain + 2,
		strlen(plain) - 2, to, sizeof(to));
	assert_hex(to, length,
		"a000 666f722e77686f6d2e7468652e62656c6c2e746f6c6c732cf4372efa23d3329080");
	lab_free(&pair);
}

static void behaves(void **state)
{
	lab_check(&mppc_codec, params);
	lab_check(&mppc_codec, (struct codec_params){.method = CODEC_MPPC, .stateless = true});
}

static void worth_it(void **state)
{
	assert_true(lab_share(&mppc_codec, params, LAB_TEXT) < 50);
	assert_true(lab_share(&mppc_codec, params, LAB_ZEROS) < 2);
	assert_true(lab_share(&mppc_codec, params, LAB_NOISE) == 100);
}

static uint16_t header_of(const struct lab_sealed *s)
{
	return get_u16(s->bytes);
}

/* The first packet has A; one that went as it was is followed by A; a turn over the end has B; the
 * count goes on through all of it, and around. */
static void bits_and_count(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	struct random r = random_from(8);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	size_t used = 0;
	bool again = true;
	enum drop why;

	for (unsigned n = 0; n < 9000; n++) {
		lab_fill(&p, n % 20 == 19 ? LAB_NOISE : LAB_TEXT, 700, &r);
		lab_seal(&pair, &p, &sealed);
		uint16_t header = header_of(&sealed);
		bool front = used + 702 >= MPPC_HISTORY;
		assert_int_equal(header & 0x1fff, n & 0xfff);
		assert_int_equal(!!(header & MPPC_FLUSHED), again);
		assert_int_equal(!!(header & MPPC_COMPRESSED), n % 20 != 19);
		if (again)
			used = front = 0;
		assert_int_equal(!!(header & MPPC_FRONT), front && n % 20 != 19);
		again = n % 20 == 19;
		used = (front ? 0 : used) + 702;
		assert_true(
			lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET + 2, &why));
		lab_assert_same(&got, &p);
	}
	lab_free(&pair);
}

/* Over the end of the ring a copy reaches what the last pass left there. */
static void over_the_end(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	struct random r = random_from(8);
	struct lab_packet p;
	unsigned turns = 0;

	for (unsigned n = 0; n < 40; n++) {
		struct lab_sealed sealed;
		struct lab_packet got;
		enum drop why;
		if (n == 0)
			lab_fill(&p, LAB_NOISE, 120, &r);
		lab_seal(&pair, &p, &sealed);
		turns += !!(header_of(&sealed) & MPPC_FRONT);
		if (n > 1)
			assert_true(sealed.length < 8); /* one copy, wherever it is */
		assert_true(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
		lab_assert_same(&got, &p);
		if (n == 0) {
			/* The next is the same again, and longer. */
			memcpy(p.bytes + 120, p.bytes, 120);
			memcpy(p.bytes + 240, p.bytes, 240);
			p.length = 480;
		}
	}
	assert_true(turns >= 2);
	lab_free(&pair);
}

/* After a loss all wait for a packet with A, which needs no Reset-Ack. */
static void resynchronises(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	struct random r = random_from(9);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	for (unsigned n = 0; n < 3; n++) {
		lab_fill(&p, LAB_TEXT, 700, &r);
		lab_carry(&pair, &p);
	}
	lab_seal(&pair, &p, &sealed); /* lost */
	lab_seal(&pair, &p, &sealed);
	assert_false(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_LOST);
	lab_seal(&pair, &p, &sealed);
	pair.ops->reset(pair.in); /* a Reset-Ack, which means nothing here */
	assert_false(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_RESYNC);
	pair.ops->reset(pair.out);
	lab_carry(&pair, &p);
	lab_free(&pair);
}

/* Inside MPPE neither count nor bit D are ours. */
static void inside_mppe(void **state)
{
	struct codec_params encrypted = {.method = CODEC_MPPC, .encrypted = true};
	struct lab_pair pair = lab_pair(&mppc_codec, encrypted);
	struct random r = random_from(10);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	for (unsigned n = 0; n < 50; n++) {
		lab_fill(&p, n % 10 ? LAB_TEXT : LAB_NOISE, 700, &r);
		lab_seal(&pair, &p, &sealed);
		assert_int_equal(header_of(&sealed) & 0x1fff, 0);
		put_u16(sealed.bytes, header_of(&sealed) | 0x1000 | (n * 7 & 0xfff));
		assert_true(
			lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET + 2, &why));
		lab_assert_same(&got, &p);
	}
	lab_free(&pair);
}

/* Bits written by hand behind a header with A and C. */
static bool opens(struct lab_pair *pair, const char *bits, size_t capacity, enum drop *why)
{
	uint8_t bytes[64] = {0xa0};
	size_t count = 0;
	struct lab_packet got;
	for (; *bits; bits++) {
		if (*bits == ' ')
			continue;
		if (*bits == '1')
			bytes[2 + count / 8] |= (uint8_t)(0x80 >> count % 8);
		count++;
	}
	return lab_open(pair, bytes, 2 + (count + 7) / 8, &got, capacity, why);
}

#define BYTE_A "01100001 "
#define NEAR_1 "1111 000001 "
#define NEAR_2 "1111 000010 "

static void codes_that_cannot_be(void **state)
{
	static const char *const bad[] = {
		BYTE_A "1111 000000 0",                    /* offset 0 */
		BYTE_A NEAR_2 "0",                         /* before the first byte */
		BYTE_A "1110 00000000 0",                  /* 64 back, where nothing was */
		BYTE_A "110 1111111111111 0",              /* 8511 back: beyond the ring */
		BYTE_A NEAR_1 "111111111111 0",            /* a length that is none */
		BYTE_A NEAR_1 "1110 00",                   /* cut in a length */
		BYTE_A "11100000",                         /* cut in an offset */
		BYTE_A NEAR_1 "111111111110 111111111111 " /* past the end of the ring */
		NEAR_1 "0",
	};
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	enum drop why;

	assert_true(opens(&pair, BYTE_A NEAR_1 "0", 100, &why));
	assert_true(opens(&pair, BYTE_A NEAR_1 "0 11111", 100, &why)); /* padding is not read */
	for (unsigned n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		assert_false(opens(&pair, bad[n], 2 * MPPC_HISTORY, &why));
		assert_int_equal(why, DROP_CODEC_DATA);
	}
	assert_false(opens(&pair, BYTE_A NEAR_1 "10 00", 4, &why));
	assert_int_equal(why, DROP_CODEC_SIZE);
	lab_free(&pair);
}

/* What was written before A is gone, although the bytes are still there. */
static void nothing_from_before_a_flush(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	enum drop why;

	assert_true(opens(&pair, BYTE_A NEAR_1 "1110 1111", 100, &why));
	assert_false(opens(&pair, BYTE_A NEAR_2 "0", 100, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	lab_free(&pair);
}

/* Bit D belongs to MPPE: alone, such a packet is somebody's key we do not have. */
static void encrypted_by_nobody(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	struct random r = random_from(10);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	lab_fill(&p, LAB_TEXT, 700, &r);
	lab_seal(&pair, &p, &sealed);
	sealed.bytes[0] |= 0x10;
	assert_false(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	lab_free(&pair);
}

/* Five bytes that come to 8 KiB. */
static void a_bomb(void **state)
{
	struct lab_pair pair = lab_pair(&mppc_codec, params);
	enum drop why;

	assert_false(opens(&pair, BYTE_A NEAR_1 "111111111110 111111111111", 1502, &why));
	assert_int_equal(why, DROP_CODEC_SIZE);
	assert_true(opens(&pair, BYTE_A NEAR_1 "111111110 01111111", 1502, &why));
	lab_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(behaves),
		cmocka_unit_test(worth_it),
		cmocka_unit_test(bits_and_count),
		cmocka_unit_test(over_the_end),
		cmocka_unit_test(resynchronises),
		cmocka_unit_test(inside_mppe),
		cmocka_unit_test(codes_that_cannot_be),
		cmocka_unit_test(nothing_from_before_a_flush),
		cmocka_unit_test(encrypted_by_nobody),
		cmocka_unit_test(a_bomb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
