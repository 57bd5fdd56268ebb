/* BSD-Compress. The golden bytes come from a second implementation, with the account that RFC
 * 1977's code keeps, in another language. */
#include "codec_lab.h"

#include "bsd.h"
#include "bytes.h"

static struct codec_params with_bits(unsigned bits)
{
	return (struct codec_params){.method = CODEC_BSD, .bits = (uint8_t)bits};
}

static void golden(void **state)
{
	static const char *const expected[] = {
		("000010998de72101dcd06f36880e86832880c465361b2146f889cc590a8643a21123a450d8731040a"
		 "0"
		 "90b32994772181c160f099246a23138aff"),
		"000180ca60d088c4361f2f8ec562f2d9bc723d20914d64d28824ce59199ecc23ff",
		"000210802994da753ea14d",
	};
	lab_golden(&bsd_codec, with_bits(12), expected);
}

/* Long enough for full dictionaries, for clear codes and for silent clears. */
static void golden_in_the_long_run(void **state)
{
	assert_int_equal(lab_long_run(&bsd_codec, with_bits(9), 3000), 0xcf65);
	assert_int_equal(lab_long_run(&bsd_codec, with_bits(12), 3000), 0xe22d);
	assert_int_equal(lab_long_run(&bsd_codec, with_bits(15), 3000), 0x4a42);
}

static void behaves(void **state)
{
	for (unsigned bits = BSD_BITS_MIN; bits <= BSD_BITS_MAX; bits += 3)
		lab_check(&bsd_codec, with_bits(bits));
}

static void worth_it(void **state)
{
	assert_true(lab_share(&bsd_codec, with_bits(15), LAB_TEXT) < 40);
	assert_true(lab_share(&bsd_codec, with_bits(9), LAB_TEXT) < 80);
	assert_true(lab_share(&bsd_codec, with_bits(12), LAB_ZEROS) < 4);
	assert_true(lab_share(&bsd_codec, with_bits(12), LAB_NOISE) == 100);
}

/* Other protocols pass by, on both sides. */
static void only_some_protocols(void **state)
{
	static const uint16_t others[] = {0x1, 0x1f, 0xfb, 0xfd, 0x8021, 0xc021};
	struct lab_pair pair = lab_pair(&bsd_codec, with_bits(12));
	struct random r = random_from(4);
	struct lab_packet p;

	for (unsigned n = 0; n < sizeof(others) / sizeof(others[0]); n++) {
		lab_fill(&p, LAB_ZEROS, 500, &r);
		p.protocol = others[n];
		assert_int_equal(lab_carry(&pair, &p), 502);
		p.protocol = n % 2 ? 0x21 : 0xf9;
		assert_true(lab_carry(&pair, &p) < 502);
	}
	lab_free(&pair);
}

/* A packet that went as it was is missing as much as any other. */
static void a_plain_packet_is_missed(void **state)
{
	struct lab_pair pair = lab_pair(&bsd_codec, with_bits(12));
	struct random r = random_from(6);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	lab_fill(&p, LAB_NOISE, 500, &r);
	lab_seal(&pair, &p, &sealed);
	assert_int_equal(sealed.length, 0);
	lab_fill(&p, LAB_TEXT, 500, &r);
	lab_seal(&pair, &p, &sealed);
	assert_false(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_LOST);
	lab_free(&pair);
}

/* Codes by hand, of nine bits as long as few are given: what no compressor makes is refused. */
static bool opens(struct lab_pair *pair, const uint16_t *codes, unsigned count, size_t capacity,
	enum drop *why)
{
	uint8_t bytes[64] = {0};
	struct lab_packet got;
	for (unsigned n = 0; n < count * 9; n++)
		if (codes[n / 9] >> (8 - n % 9) & 1)
			bytes[2 + n / 8] |= (uint8_t)(0x80 >> n % 8);
	pair->ops->reset(pair->in);
	return lab_open(pair, bytes, 2 + (count * 9 + 7) / 8, &got, capacity, why);
}

static void codes_that_cannot_be(void **state)
{
	struct lab_pair pair = lab_pair(&bsd_codec, with_bits(12));
	enum drop why;

	assert_true(opens(&pair, (uint16_t[]){0x21, 'a', 'b'}, 3, 100, &why));
	assert_true(opens(&pair, (uint16_t[]){0x21, 'a', 258}, 3, 100, &why)); /* KwKwK */
	assert_true(opens(&pair, (uint16_t[]){0x21, 'a', 256}, 3, 100, &why)); /* CLEAR */
	assert_false(opens(&pair, (uint16_t[]){0x21, 'a', 259}, 3, 100, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	assert_false(opens(&pair, (uint16_t[]){257}, 1, 100, &why)); /* none before it */
	assert_int_equal(why, DROP_CODEC_DATA);
	assert_false(opens(&pair, (uint16_t[]){256}, 1, 100, &why)); /* an empty packet */
	assert_int_equal(why, DROP_CODEC_DATA);
	assert_false(opens(&pair, (uint16_t[]){0x21, 256, 'a'}, 3, 100, &why)); /* not the last */
	assert_int_equal(why, DROP_CODEC_DATA);
	/* Both pairs are "aa": a compressor would have found the first. */
	assert_false(opens(&pair, (uint16_t[]){'a', 'a', 'a', 'a'}, 4, 100, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	assert_false(opens(&pair, (uint16_t[]){0x21, 'a', 258, 259}, 4, 5, &why));
	assert_int_equal(why, DROP_CODEC_SIZE);
	lab_free(&pair);
}

/* A dictionary taught a run: each code is longer by one than the one before. Two bytes of the next
 * packet come to thousands. */
static void a_bomb(void **state)
{
	struct lab_pair pair = lab_pair(&bsd_codec, with_bits(12));
	struct lab_packet p, got;
	struct random r = random_from(1);
	uint8_t bomb[4] = {0};
	enum drop why;

	for (unsigned n = 0; n < 250; n++) {
		lab_fill(&p, LAB_ZEROS, LAB_PACKET, &r);
		lab_carry(&pair, &p);
	}
	put_u16(bomb, 250);
	bomb[2] = 0xff; /* the last code of eleven or twelve bits */
	bomb[3] = 0xf0;
	for (size_t capacity = 0; capacity < LAB_PACKET; capacity += 50)
		assert_false(lab_open(&pair, bomb, sizeof(bomb), &got, capacity, &why));
	lab_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(golden_in_the_long_run),
		cmocka_unit_test(behaves),
		cmocka_unit_test(worth_it),
		cmocka_unit_test(only_some_protocols),
		cmocka_unit_test(a_plain_packet_is_missed),
		cmocka_unit_test(codes_that_cannot_be),
		cmocka_unit_test(a_bomb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
