/* Which compressor comes of which offers, when it is armed, and what becomes of MPPE meanwhile. */
#include "pair.h"
#include "solo.h"

#include <string.h>

static struct pair p;
static struct solo s;

#define ALL                                                                                        \
	{                                                                                          \
		[CODEC_PREDICTOR1] = 1, [CODEC_BSD] = 15, [CODEC_DEFLATE] = 15, [CODEC_MPPC] = 1   \
	}

/* No encryption: compressors alone. */
static const struct unit_config plain = {
	.compress =
		{
			.receive = {[CODEC_PREDICTOR1] = 1, [CODEC_BSD] = 15, [CODEC_DEFLATE] = 15},
			.transmit =
				{[CODEC_PREDICTOR1] = 1, [CODEC_BSD] = 15, [CODEC_DEFLATE] = 15},
		},
	.local4 = 0x0a000001};

static const struct unit_config strict = {.mppe_allow = MPPE_ALLOW_128,
	.mppe_require = true,
	.compress = {.receive = ALL, .transmit = ALL},
	.local4 = 0x0a000001};

#define WHOLE_REQUEST                                                                              \
	"< CCP Configure-Request id 1 deflate 15 deflate-draft 15 bsd v1 15 predictor-1\n"

static uint8_t bits_in(unsigned set, enum codec_method method)
{
	if (!(set >> method & 1))
		return 0;
	return method == CODEC_BSD || method == CODEC_DEFLATE ? 12 : 1;
}

static void allow(struct ccp_compressors *c, unsigned receive, unsigned transmit)
{
	for (unsigned m = 0; m < CODEC_METHODS; m++) {
		c->receive[m] = bits_in(receive, (enum codec_method)m);
		c->transmit[m] = bits_in(transmit, (enum codec_method)m);
	}
}

/* The first we want that the other sends. */
static enum codec_method best(unsigned receive, unsigned transmit, bool encrypted)
{
	static const enum codec_method order[] = {
		CODEC_MPPC, CODEC_DEFLATE, CODEC_BSD, CODEC_PREDICTOR1};
	for (size_t i = 0; i < (encrypted ? 1 : 4); i++)
		if (receive & transmit & 1u << order[i])
			return order[i];
	return CODEC_NONE;
}

/* Sets of methods on both sides, each direction its own, with and without encryption: the first
 * common one, armed at both ends alike, and IPv4 up whatever comes of it. */
static void every_pair_of_sets(void **state)
{
	for (unsigned i = 0; i < 16 * 16 * 2; i++) {
		unsigned receive = (i & 15) << 1, transmit = (i >> 4 & 15) << 1;
		unsigned back = (i * 7 & 15) << 1, forth = (i * 11 >> 3 & 15) << 1;
		bool encrypted = i >> 8;
		pair_init(&p);
		if (!encrypted) {
			p.a.unit_config.mppe_allow = p.b.unit_config.mppe_allow = 0;
			p.a.unit_config.mppe_require = p.b.unit_config.mppe_require = false;
		}
		allow(&p.a.unit_config.compress, receive, forth);
		allow(&p.b.unit_config.compress, back, transmit);
		pair_start(&p);
		pair_run(&p, p.now + SECONDS(60));
		if (!pair_up(&p))
			FAIL_TOLD("%u: not up", i);
		enum codec_method inwards = best(receive, transmit, encrypted);
		enum codec_method outwards = best(back, forth, encrypted);
		if (p.a.decompress.method != inwards || p.b.compress.method != inwards ||
			p.a.compress.method != outwards || p.b.decompress.method != outwards)
			FAIL_TOLD("%u: %d %d", i, inwards, outwards);
		assert_int_equal(p.a.decompress.bits, p.b.compress.bits);
		assert_int_equal(p.b.decompress.bits, p.a.compress.bits);
		assert_int_equal(p.a.decompress.stateless, p.b.compress.stateless);
		assert_int_equal(p.a.decompress.encrypted, encrypted && inwards);
	}
}

/* What pppd sends, byte for byte, and the order of things: the decompressor before the request. */
static void as_pppd_asks(void **state)
{
	solo_unit(&s, &plain, false);
	assert_said(&s, "decompress Deflate (15)\n" WHOLE_REQUEST
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "80fd 01 01 0011 1a04 7800 1804 7800 1503 2f 0102");
	assert_said(&s, "< CCP Configure-Ack id 1 deflate 15 deflate-draft 15 bsd v1 15 "
			"predictor-1\ncompress Deflate (15)\n");
	solo_hears(&s, "80fd 01 01 0011 1a04 7800 1804 7800 1503 2f 0102"); /* it was lost */
	assert_said(&s, "< CCP Configure-Ack id 1 deflate 15 deflate-draft 15 bsd v1 15 "
			"predictor-1\ncompress again Deflate (15)\n");
	solo_hears(&s, "80fd 02 01 0011 1a04 7800 1804 7800 1503 2f 0102");
	assert_said(&s, "note Deflate (15) compression enabled\n");
	assert_frame(&s, "80fd 02 01 00 11 1a 04 78 00 18 04 78 00 15 03 2f 01 02");
}

static void smaller_is_taken_larger_is_not(void **state)
{
	struct unit_config config = plain;
	config.compress.transmit[CODEC_DEFLATE] = 12;
	config.compress.transmit[CODEC_BSD] = 0;
	solo_unit(&s, &config, false);
	solo_hears(&s, "80fd 01 01 0008 1a04 7800"); /* 15 */
	assert_said(&s, "< CCP Configure-Nak id 1 deflate 12\n");
	solo_hears(&s, "80fd 01 02 0008 1a04 0800"); /* 8 */
	assert_said(&s, "< CCP Configure-Nak id 2 deflate 12\n");
	solo_hears(&s, "80fd 01 03 0008 1a04 4801"); /* another check */
	assert_said(&s, "< CCP Configure-Nak id 3 deflate 12\n");
	solo_hears(&s, "80fd 01 04 0007 1a03 48"); /* a wrong length */
	assert_said(&s, "< CCP Configure-Nak id 4 deflate 12\n");
	solo_hears(&s, "80fd 01 05 000b 1503 2f 1a04 2800");
	assert_said(&s, "< CCP Configure-Reject id 5 bsd v1 15\n");
	solo_hears(&s, "80fd 01 06 0008 1a04 2800"); /* 10 */
	assert_said(&s, "< CCP Configure-Ack id 6 deflate 10\ncompress Deflate (10)\n");
	/* A Nak makes our request smaller, never larger; nonsense ends that wish. */
	solo_hears(&s, "80fd 03 01 000b 1a04 2800 1503 2a");
	assert_said(&s, "decompress Deflate (10)\n< CCP Configure-Request id 2 deflate 10 "
			"deflate-draft 10 bsd v1 10 predictor-1\n");
	solo_hears(&s, "80fd 03 02 000b 1a04 7800 1503 4a");
	assert_said(&s, "< CCP Configure-Request id 3 deflate-draft 10 predictor-1\n");
	solo_hears(&s, "80fd 04 03 0008 1804 2800");
	assert_said(&s, "decompress Predictor 1\n< CCP Configure-Request id 4 predictor-1\n");
	solo_hears(&s, "80fd 04 04 0006 0102");
	assert_said(&s, "decompress no\n< CCP Configure-Request id 5\n");
	solo_hears(&s, "80fd 02 05 0004");
	assert_said(&s, "note Deflate (10) / no compression enabled\n");
}

/* The draft's number alone, of a peer that knows no other. */
static void the_draft_stands_in(void **state)
{
	solo_unit(&s, &plain, false);
	solo_hears(&s, "80fd 04 01 0008 1a04 7800");
	assert_said(&s, "< CCP Configure-Request id 2 deflate-draft 15 bsd v1 15 predictor-1\n");
	solo_hears(&s, "80fd 01 01 0008 1804 7800");
	assert_said(&s, "< CCP Configure-Ack id 1 deflate-draft 15\ncompress Deflate (15)\n");
}

static void nothing_left_ends_it(void **state)
{
	struct unit_config config = plain;
	memset(config.compress.transmit, 0, sizeof config.compress.transmit);
	solo_unit(&s, &config, false);
	solo_hears(&s, "80fd 04 01 0011 1a04 7800 1804 7800 1503 2f 0102");
	assert_said(&s, "< CCP Terminate-Request id 2\n");
	solo_hears(&s, "80fd 06 02 0004");
	assert_said(&s, "decompress no\n");
}

/* With MPPE required a compressor of its own is none; MPPC goes with it. */
static void mppe_alone_or_with_mppc(void **state)
{
	solo_unit(&s, &strict, true);
	assert_said(&s, "decompress MPPC stateless in MPPE\n"
			"< CCP Configure-Request id 1 mppe +H -M +S -L -D +C\n");
	solo_hears(&s, "80fd 01 01 0010 12 06 01000041 1a04 7800 0102");
	assert_said(&s, "< CCP Configure-Reject id 1 deflate 15 predictor-1\n");
	solo_hears(&s, "80fd 01 02 000a 12 06 01000041");
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 2 mppe +H -M +S -L -D +C\n");
	solo_hears(&s, "80fd 02 01 000a 12 06 01000041");
	assert_said(&s, "transmit key 128 stateless\ncompress MPPC stateless in MPPE\n"
			"note MPPE 128-bit stateless with MPPC compression enabled\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	/* A peer that does without it, as pppd: encryption stays. */
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 03 01 000a 12 06 01000040");
	assert_said(&s, "decompress no\n< CCP Configure-Request id 2 mppe +H -M +S -L -D -C\n");
	solo_hears(&s, "80fd 02 02 000a 12 06 01000040");
	solo_hears(&s, "80fd 01 01 000a 12 06 01000040");
	assert_said(&s, "receive key 128 stateless\n"
			"< CCP Configure-Ack id 1 mppe +H -M +S -L -D -C\n"
			"transmit key 128 stateless\n"
			"note MPPE 128-bit stateless compression enabled\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	/* MPPC alone is no encryption. */
	solo_unit(&s, &strict, true);
	solo_hears(&s, "80fd 01 01 000a 12 06 00000001");
	assert_said(&s, "< CCP Configure-Nak id 1 mppe +H -M +S -L -D +C\n");
	solo_hears(&s, "80fd 03 01 000a 12 06 00000001");
	assert_non_null(strstr(s.said, "failed mppe-refused\n"));
}

static void mppc_without_keys(void **state)
{
	struct unit_config config = strict;
	config.mppe_require = false;
	config.compress = (struct ccp_compressors){
		.receive = {[CODEC_MPPC] = 1}, .transmit = {[CODEC_MPPC] = 1}};
	solo_unit(&s, &config, false);
	assert_said(&s, "decompress MPPC\n"
			"< CCP Configure-Request id 1 mppe -H -M -S -L -D +C\n"
			"note Going on without MPPE, in clear text: authentication left no keys, "
			"MS-CHAPv2 or MS-CHAP would\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "80fd 01 01 000a 12 06 01000041"); /* a Windows: strengths and MPPC */
	assert_said(&s, "< CCP Configure-Nak id 1 mppe +H -M -S -L -D +C\n");
	solo_hears(&s, "80fd 01 02 000a 12 06 00000001");
	assert_said(&s, "< CCP Configure-Ack id 2 mppe -H -M -S -L -D +C\ncompress MPPC\n");
	solo_hears(&s, "80fd 02 01 000a 12 06 00000001");
	assert_said(&s, "note MPPC compression enabled\n");
	solo_hears(&s, "80fd 01 03 000a 12 06 01000040"); /* none that we could */
	assert_non_null(strstr(s.said, "< CCP Configure-Reject id 3 mppe +H -M +S -L -D -C\n"));
}

/* Encryption that is allowed and not had: compressors stand in, and it is said why. */
static void compressors_behind_mppe(void **state)
{
	struct unit_config config = strict;
	config.mppe_require = false;
	config.compress.receive[CODEC_MPPC] = config.compress.transmit[CODEC_MPPC] = 0;
	solo_unit(&s, &config, true);
	assert_said(&s, "< CCP Configure-Request id 1 mppe +H -M +S -L -D -C deflate 15 "
			"deflate-draft 15 bsd v1 15 predictor-1\n"
			"< IPCP Configure-Request id 1 addr 10.0.0.1\n");
	solo_hears(&s, "80fd 04 01 000a 12 06 01000040");
	assert_said(&s, "decompress Deflate (15)\n"
			"< CCP Configure-Request id 2 deflate 15 deflate-draft 15 bsd v1 15 "
			"predictor-1\n"
			"note Going on without MPPE, in clear text: the peer rejects MPPE, we "
			"offered 128-bit stateless\n");
	solo_hears(&s, "80fd 02 02 0011 1a04 7800 1804 7800 1503 2f 0102");
	solo_hears(&s, "80fd 01 01 0007 1503 2c");
	assert_said(&s, "< CCP Configure-Ack id 1 bsd v1 12\ncompress BSD-Compress (12)\n"
			"note BSD-Compress (12) / Deflate (15) compression enabled\n");
}

/* Negotiated again in Opened: both histories end, then start anew. */
static void renegotiation_starts_anew(void **state)
{
	as_pppd_asks(state);
	solo_hears(&s, "80fd 01 02 0008 1a04 7800");
	assert_said(&s, "compress no\ndecompress no\ndecompress Deflate (15)\n"
			"< CCP Configure-Request id 2 deflate 15 deflate-draft 15 bsd v1 15 "
			"predictor-1\n"
			"< CCP Configure-Ack id 2 deflate 15\ncompress Deflate (15)\n");
	/* Our request again, unchanged: what was learned since the peer's Ack stays. */
	solo_tick(&s);
	assert_null(strstr(s.said, "compress"));
}

/* Predictor-2, Stac and all the others are known by name. */
static void others_are_rejected_by_name(void **state)
{
	solo_unit(&s, &plain, false);
	solo_hears(&s, "80fd 01 01 000b 0202 1105 000104");
	assert_said(&s, "< CCP Configure-Reject id 1 predictor-2 stac-lzs 000104\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_sets),
		cmocka_unit_test(as_pppd_asks),
		cmocka_unit_test(smaller_is_taken_larger_is_not),
		cmocka_unit_test(the_draft_stands_in),
		cmocka_unit_test(nothing_left_ends_it),
		cmocka_unit_test(mppe_alone_or_with_mppc),
		cmocka_unit_test(mppc_without_keys),
		cmocka_unit_test(compressors_behind_mppe),
		cmocka_unit_test(renegotiation_starts_anew),
		cmocka_unit_test(others_are_rejected_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
