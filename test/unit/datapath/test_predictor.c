/* Predictor-1. The golden bytes come from a second implementation of RFC 1978 in another language.
 */
#include "codec_lab.h"

#include "bytes.h"
#include "predictor.h"

static const struct codec_params params = {.method = CODEC_PREDICTOR1};

static void golden(void **state)
{
	static const char *const expected[] = {
		("804b0121666f72207768006f6d20746865206200656c6c20746f6c6cc0732c20746865ff0120666f7"
		 "2"
		 "2074688065653b20666f72fe77fe20072b24"),
		"804bf00021666ffffffd2cffbd2074fd65fe77fe20072b24",
		"801aba000000ffff03f6a7",
	};
	lab_golden(&predictor_codec, params, expected);
	assert_int_equal(lab_long_run(&predictor_codec, params, 1000), 0x5f73);
}

static void behaves(void **state)
{
	lab_check(&predictor_codec, params);
}

static void worth_it(void **state)
{
	assert_true(lab_share(&predictor_codec, params, LAB_TEXT) < 60);
	assert_true(lab_share(&predictor_codec, params, LAB_ZEROS) < 14);
	assert_true(lab_share(&predictor_codec, params, LAB_NOISE) == 100);
}

/* One byte of flags for eight bytes is the most there is. */
static void a_bomb(void **state)
{
	struct lab_pair pair = lab_pair(&predictor_codec, params);
	static uint8_t bomb[2 + 0x1000 + 2], room[0x8000];
	size_t got;
	enum drop why = DROP_COUNT;

	memset(bomb, 0xff, sizeof(bomb));
	put_u16(bomb, 0xffff);
	assert_false(pair.ops->decompress(pair.in, bomb, sizeof(bomb), room, 1502, &got, &why));
	assert_int_equal(why, DROP_CODEC_SIZE);
	for (size_t n = 0; n < sizeof(room); n++)
		assert_int_equal(room[n], 0);
	/* With room for all of it: only the check sequence is wrong. */
	pair.ops->reset(pair.in);
	assert_false(pair.ops->decompress(pair.in, bomb, sizeof(bomb), room, 0x7fff, &got, &why));
	assert_int_equal(why, DROP_CODEC_DATA);
	lab_free(&pair);
}

/* Length, contents and check sequence must agree with each other. */
static void contradictions(void **state)
{
	struct lab_pair pair = lab_pair(&predictor_codec, params);
	struct random r = random_from(2);
	struct lab_packet p, got;
	struct lab_sealed sealed;
	enum drop why;

	lab_fill(&p, LAB_TEXT, 300, &r);
	lab_seal(&pair, &p, &sealed);
	assert_true(sealed.bytes[0] & 0x80);
	for (unsigned change = 0; change < 5; change++) {
		struct lab_sealed s = sealed;
		if (change == 0)
			s.bytes[1] ^= 1; /* another length */
		else if (change == 1)
			s.bytes[0] ^= 0x80; /* as if it were not compressed */
		else if (change == 2)
			s.bytes[s.length++] = 0; /* bytes left over */
		else if (change == 3)
			s.bytes[s.length - 1] ^= 1; /* check sequence */
		else
			put_u16(s.bytes, 0x8000); /* nothing */
		pair.ops->reset(pair.in);
		assert_false(lab_open(&pair, s.bytes, s.length, &got, LAB_PACKET, &why));
		assert_int_equal(why, DROP_CODEC_DATA);
	}
	pair.ops->reset(pair.in);
	assert_true(lab_open(&pair, sealed.bytes, sealed.length, &got, LAB_PACKET, &why));
	lab_free(&pair);
}

/* Where the worst case does not fit, the packet goes as it is and nothing is learned from it. */
static void without_room(void **state)
{
	struct lab_pair pair = lab_pair(&predictor_codec, params);
	struct random r = random_from(4);
	struct lab_packet p;
	uint8_t to[LAB_ROOM];

	for (unsigned n = 0; n < 20; n++) {
		lab_fill(&p, LAB_TEXT, 500, &r);
		assert_int_equal(
			pair.ops->compress(pair.out, p.protocol, p.bytes, p.length, to, 505), 0);
		lab_fill(&p, LAB_TEXT, 500, &r);
		lab_carry(&pair, &p);
	}
	lab_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(behaves),
		cmocka_unit_test(worth_it),
		cmocka_unit_test(a_bomb),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(without_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
