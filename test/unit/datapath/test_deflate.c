/* Deflate, with zlib by itself at the other end. The golden bytes are what Python's zlib makes. */
#include "codec_lab.h"

#define ZLIB_CONST
#include <zlib.h>

#include "bytes.h"
#include "deflate.h"

static struct codec_params with_bits(unsigned bits)
{
	return (struct codec_params){.method = CODEC_DEFLATE, .bits = (uint8_t)bits};
}

/* zlib.compressobj(6, DEFLATED, -15), each packet flushed with Z_SYNC_FLUSH, less its last 4 bytes.
 */
static void golden(void **state)
{
	static const char *const expected[] = {
		("0000 "
		 "524ccb2f5228cfc8cf5528c94855484acdc95128c9cfc929d641e32b80d4018552ad1570e80000"),
		"0001 52a49a490000",
		"0002 5264c0010000",
	};
	lab_golden(&deflate_codec, with_bits(15), expected);
}

static void behaves(void **state)
{
	for (unsigned bits = DEFLATE_BITS_SEND; bits <= DEFLATE_BITS_MAX; bits += 3)
		lab_check(&deflate_codec, with_bits(bits));
}

static void worth_it(void **state)
{
	assert_true(lab_share(&deflate_codec, with_bits(15), LAB_TEXT) < 40);
	assert_true(lab_share(&deflate_codec, with_bits(9), LAB_TEXT) < 60);
	assert_true(lab_share(&deflate_codec, with_bits(15), LAB_ZEROS) < 2);
	assert_true(lab_share(&deflate_codec, with_bits(15), LAB_NOISE) == 100);
}

/* Ours to zlib, whole stream in one piece: what was cut off is put back, and what went as it was
 * comes as a stored block. */
static void zlib_reads_ours(void **state)
{
	for (int bits = DEFLATE_BITS_SEND; bits <= DEFLATE_BITS_MAX; bits++) {
		struct lab_pair pair = lab_pair(&deflate_codec, with_bits((unsigned)bits));
		struct random r = random_from(21);
		z_stream z = {0};
		assert_int_equal(inflateInit2(&z, -bits), Z_OK);
		for (unsigned n = 0; n < 500; n++) {
			struct lab_packet p;
			struct lab_sealed s;
			uint8_t in[LAB_ROOM], out[LAB_ROOM];
			size_t length = 0;
			lab_draw(&p, &r);
			lab_seal(&pair, &p, &s);
			if (s.length) {
				assert_int_equal(get_u16(s.bytes), n);
				length = s.length - 2;
				memcpy(in, s.bytes + 2, length);
				memcpy(in + length, "\x00\x00\xff\xff", 4);
				length += 4;
			} else {
				size_t stored = p.length + 1;
				uint8_t head[6] = {0, (uint8_t)stored, (uint8_t)(stored >> 8),
					(uint8_t)~stored, (uint8_t)(~stored >> 8),
					(uint8_t)p.protocol};
				memcpy(in, head, 6);
				memcpy(in + 6, p.bytes, p.length);
				length = 6 + p.length;
			}
			z.next_in = in;
			z.avail_in = (uInt)length;
			z.next_out = out;
			z.avail_out = sizeof(out);
			assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
			assert_int_equal(z.avail_in, 0);
			assert_int_equal(sizeof(out) - z.avail_out, p.length + 1);
			assert_int_equal(out[0], p.protocol);
			assert_memory_equal(out + 1, p.bytes, p.length);
		}
		inflateEnd(&z);
		lab_free(&pair);
	}
}

/* zlib to ours, at every level, and for the window of 8 bits that zlib itself does not make. */
static void we_read_zlibs(void **state)
{
	for (int level = 0; level <= 9; level++) {
		for (unsigned bits = DEFLATE_BITS_MIN; bits <= DEFLATE_BITS_MAX; bits++) {
			int theirs = bits < DEFLATE_BITS_SEND ? DEFLATE_BITS_SEND : (int)bits;
			struct codec_params params = with_bits(bits);
			void *in = malloc(deflate_codec.size(&params, CODEC_DECOMPRESS));
			struct lab_pair pair = {&deflate_codec, params, NULL, in};
			struct random r = random_from(22);
			z_stream z = {0};
			assert_non_null(in);
			deflate_codec.init(in, &params, CODEC_DECOMPRESS);
			assert_int_equal(
				deflateInit2(&z, level, Z_DEFLATED, -theirs, 8, Z_DEFAULT_STRATEGY),
				Z_OK);
			for (unsigned n = 0; n < 60; n++) {
				uint8_t from[LAB_PACKET + 1], to[2 * LAB_ROOM];
				struct lab_packet p, got;
				enum drop why;
				lab_draw(&p, &r);
				from[0] = (uint8_t)p.protocol;
				memcpy(from + 1, p.bytes, p.length);
				z.next_in = from;
				z.avail_in = (uInt)p.length + 1;
				put_u16(to, (uint16_t)n);
				z.next_out = to + 2;
				z.avail_out = sizeof(to) - 2;
				assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
				assert_true(lab_open(&pair, to, sizeof(to) - z.avail_out - 4, &got,
					LAB_PACKET + 2, &why));
				lab_assert_same(&got, &p);
			}
			deflateEnd(&z);
			free(in);
		}
	}
}

static void only_some_protocols(void **state)
{
	static const uint16_t others[] = {0xfb, 0xfd, 0x8021, 0xc021};
	struct lab_pair pair = lab_pair(&deflate_codec, with_bits(12));
	struct random r = random_from(4);
	struct lab_packet p;

	for (unsigned n = 0; n < sizeof(others) / sizeof(others[0]); n++) {
		lab_fill(&p, LAB_ZEROS, 500, &r);
		p.protocol = others[n];
		assert_int_equal(lab_carry(&pair, &p), 502);
		p.protocol = n % 2 ? 0x21 : 0x281; /* one of two bytes */
		assert_true(lab_carry(&pair, &p) < 502);
	}
	lab_free(&pair);
}

/* Blocks that do not end where the packet does: a last block, a block cut in the middle, one more
 * than the empty one, a distance beyond the window, a window that is smaller than zlib's. */
static void streams_that_cannot_be(void **state)
{
	static const char *const bad[] = {
		"0000 034c04000000ffff", /* a last block */
		"0000 014c0400fbff",     /* a stored block that lacks bytes */
		"0000 4b4c04",           /* cut in a block */
		"0000 4a4c040000",       /* bits left over ... */
		"0000 07",               /* block type 3 */
		"0000 4bcc8e00",         /* a distance beyond what was there */
	};
	struct lab_pair pair = lab_pair(&deflate_codec, with_bits(15));
	struct lab_packet got;
	uint8_t bytes[64];
	enum drop why;

	for (unsigned n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		size_t length = hex_bytes(bytes, sizeof(bytes), bad[n]);
		pair.ops->reset(pair.in);
		assert_false(lab_open(&pair, bytes, length, &got, LAB_PACKET, &why));
		assert_int_equal(why, DROP_CODEC_DATA);
	}
	lab_free(&pair);
}

/* Cut anywhere, a packet's blocks do not end where it does; that what zlib is given in place of the
 * rest decodes to a whole block by chance is rare. */
static void cut_anywhere(void **state)
{
	struct lab_pair pair = lab_pair(&deflate_codec, with_bits(15));
	struct random r = random_from(31);
	unsigned cuts = 0, taken = 0;

	for (unsigned n = 0; n < 20; n++) {
		struct lab_packet p, got;
		struct lab_sealed sealed;
		enum drop why;
		lab_restart(&pair);
		lab_fill(&p, LAB_TEXT, 60 + n * 40, &r);
		lab_seal(&pair, &p, &sealed);
		for (size_t length = 3; length < sealed.length; length++, cuts++) {
			pair.ops->reset(pair.in);
			taken += lab_open(&pair, sealed.bytes, length, &got, LAB_PACKET, &why);
		}
	}
	assert_true(taken * 20 < cuts);
	lab_free(&pair);
}

static void a_plain_packet_is_missed(void **state)
{
	struct lab_pair pair = lab_pair(&deflate_codec, with_bits(12));
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

/* A mebibyte of zeros in a kilobyte: no byte goes past the room. */
static void a_bomb(void **state)
{
	static uint8_t zeros[1 << 20], bomb[4096];
	struct lab_pair pair = lab_pair(&deflate_codec, with_bits(15));
	struct lab_packet got;
	z_stream z = {.next_in = zeros, .avail_in = sizeof(zeros)};
	enum drop why;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = bomb + 2;
	z.avail_out = sizeof(bomb) - 2;
	assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
	assert_true(z.total_out < 1100);
	assert_false(lab_open(&pair, bomb, 2 + z.total_out - 4, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_SIZE);
	assert_false(lab_open(&pair, bomb, 2 + z.total_out - 4, &got, LAB_PACKET, &why));
	assert_int_equal(why, DROP_CODEC_RESYNC);
	deflateEnd(&z);
	lab_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(behaves),
		cmocka_unit_test(worth_it),
		cmocka_unit_test(zlib_reads_ours),
		cmocka_unit_test(we_read_zlibs),
		cmocka_unit_test(only_some_protocols),
		cmocka_unit_test(streams_that_cannot_be),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(a_plain_packet_is_missed),
		cmocka_unit_test(a_bomb),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
