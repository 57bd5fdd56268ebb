/* MPPE in both modes and all strengths, against a plain reading of RFC 3078 and against the way
 * Linux does it; loss, late packets, key changes, the wrap of the count, and counts that lie. */
#include "hex.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ip_head.h"
#include "mppc.h"
#include "mppe.h"
#include "seed.h"

enum { MESSAGE = 40, PACKET = MPPE_HEADER_SIZE + MESSAGE };

static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
static const uint8_t start_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* What the inside of packet `number` looks like: a protocol field and the head of an IP packet. */
static void message(uint8_t clear[MESSAGE], uint32_t number)
{
	memset(clear, (int)number, MESSAGE);
	memcpy(clear + 8, &number, sizeof(number));
	ip_head(clear, MESSAGE);
}

struct sealed {
	uint8_t bytes[PACKET];
	uint32_t number;
};

static void seal(struct mppe *m, uint32_t number, struct sealed *sealed)
{
	struct mppe_stream fresh;
	uint16_t header;
	struct rc4 *stream = mppe_seal(m, NULL, &fresh, &header);
	put_u16(sealed->bytes, header);
	message(sealed->bytes + MPPE_HEADER_SIZE, number);
	rc4_crypt(stream, sealed->bytes + MPPE_HEADER_SIZE, sealed->bytes + MPPE_HEADER_SIZE,
		MESSAGE);
	sealed->number = number;
}

static bool is_message(struct rc4 *stream, const struct sealed *sealed)
{
	uint8_t clear[MESSAGE], expected[MESSAGE];
	rc4_crypt(stream, clear, sealed->bytes + MPPE_HEADER_SIZE, MESSAGE);
	message(expected, sealed->number);
	return memcmp(clear, expected, MESSAGE) == 0;
}

/* The packet opens to what was sealed. */
static void assert_opens(struct mppe *m, const struct sealed *sealed)
{
	struct mppe_stream fresh;
	struct rc4 *stream;
	enum drop why = DROP_COUNT;
	stream = mppe_open(m, NULL, sealed->bytes, PACKET, &fresh, &why);
	if (!stream)
		fail_msg("packet %u: %s", sealed->number, drop_word(why));
	assert_true(is_message(stream, sealed));
}

static void assert_refused(struct mppe *m, const uint8_t *bytes, size_t length, enum drop reason)
{
	struct mppe_stream fresh;
	enum drop why = DROP_COUNT;
	assert_null(mppe_open(m, NULL, bytes, length, &fresh, &why));
	assert_string_equal(drop_word(why), drop_word(reason));
}

static void assert_opens_late(const struct mppe *m, const struct sealed *sealed)
{
	struct mppe_stream fresh;
	struct rc4 *stream;
	enum drop why = DROP_COUNT;
	stream = mppe_open_late(m, sealed->bytes, PACKET, &fresh, &why);
	if (!stream)
		fail_msg("late packet %u: %s", sealed->number, drop_word(why));
	assert_true(is_message(stream, sealed));
}

static void assert_refused_late(
	const struct mppe *m, const struct sealed *sealed, size_t length, enum drop reason)
{
	struct mppe_stream fresh;
	enum drop why = DROP_COUNT;
	assert_null(mppe_open_late(m, sealed->bytes, length, &fresh, &why));
	assert_string_equal(drop_word(why), drop_word(reason));
}

static uint16_t header_of(const struct sealed *sealed)
{
	return (uint16_t)(sealed->bytes[0] << 8 | sealed->bytes[1]);
}

struct pair {
	struct mppe out, in;
};

/* One pair at a time: what it keeps apart from the two is here. */
static struct pair pair_new(enum mppe_strength strength, bool stateless)
{
	static struct rc4 streams[2];
	static struct mppe_history history;
	const struct mppe_memory out = {.stream = &streams[0]};
	const struct mppe_memory in = {.stream = &streams[1], .history = &history};
	struct pair p;
	memset(&p, 0xa5, sizeof(p));
	memset(&history, 0, sizeof(history));
	mppe_arm(&p.out, &out, mppe_engine_best(), strength, stateless, start_key);
	mppe_arm(&p.in, &in, mppe_engine_best(), strength, stateless, start_key);
	return p;
}

/* RFC 3078 §7.1: the key changes before every packet, the first one included; A is always set. */
static void stateless_by_the_rfc(void **state)
{
	for (unsigned s = 0; s < 3; s++) {
		struct pair p = pair_new(strengths[s], true);
		struct mppe_chain chain;
		mppe_chain_init(&chain, &mppe_engine_plain, strengths[s], start_key);
		for (uint32_t n = 0; n < 2 * MPPE_COUNTS + 5; n++) {
			struct sealed sealed;
			struct rc4 rc4;
			uint8_t clear[MESSAGE], expected[MESSAGE];
			seal(&p.out, n, &sealed);
			assert_int_equal(header_of(&sealed), 0x9000 | (n & 0xfff));
			mppe_chain_next(&chain);
			rc4_init(&rc4, chain.key, chain.length);
			rc4_crypt(&rc4, clear, sealed.bytes + 2, MESSAGE);
			message(expected, n);
			assert_memory_equal(clear, expected, MESSAGE);
			assert_opens(&p.in, &sealed);
		}
	}
}

/* RFC 3078 §7.2: one stream, a new key for every packet whose count ends in FF. */
static void stateful_by_the_rfc(void **state)
{
	for (unsigned s = 0; s < 3; s++) {
		struct pair p = pair_new(strengths[s], false);
		struct mppe_chain chain;
		struct rc4 rc4;
		mppe_chain_init(&chain, &mppe_engine_plain, strengths[s], start_key);
		rc4_init(&rc4, chain.key, chain.length);
		for (uint32_t n = 0; n < 2 * MPPE_COUNTS + 5; n++) {
			struct sealed sealed;
			uint8_t clear[MESSAGE], expected[MESSAGE];
			bool flag = (n & 0xff) == 0xff;
			seal(&p.out, n, &sealed);
			assert_int_equal(
				header_of(&sealed), (flag ? 0x9000 : 0x1000) | (n & 0xfff));
			if (flag) {
				mppe_chain_next(&chain);
				rc4_init(&rc4, chain.key, chain.length);
			}
			rc4_crypt(&rc4, clear, sealed.bytes + 2, MESSAGE);
			message(expected, n);
			assert_memory_equal(clear, expected, MESSAGE);
			assert_opens(&p.in, &sealed);
		}
	}
}

static void stateless_survives_loss(void **state)
{
	for (unsigned s = 0; s < 3; s++) {
		struct pair p = pair_new(strengths[s], true);
		uint32_t n = 0;
		/* Gaps of every size up to the bound, across the wrap of the count. */
		for (unsigned gap = 0; gap <= MPPE_REKEY_AHEAD; gap += 1 + gap / 4) {
			struct sealed sealed;
			for (unsigned lost = 0; lost <= gap; lost++)
				seal(&p.out, n++, &sealed);
			assert_opens(&p.in, &sealed);
		}
		assert_true(n > 1000);
	}
}

static void keys_of_skipped_packets_are_made_again(void **state)
{
	struct pair p = pair_new(MPPE_128, true);
	struct sealed sealed[200];
	for (uint32_t n = 0; n < 200; n++)
		seal(&p.out, n, &sealed[n]);
	assert_opens(&p.in, &sealed[0]);
	assert_opens(&p.in, &sealed[3]);
	assert_opens(&p.in, &sealed[4]);
	assert_opens(&p.in, &sealed[9]);
	static const unsigned late[] = {1, 8, 2, 5};
	for (unsigned n = 0; n < 4; n++)
		assert_opens_late(&p.in, &sealed[late[n]]);
	/* Never skipped: there is no key for it. */
	assert_refused_late(&p.in, &sealed[3], PACKET, DROP_MPPE_COHERENCY);
	/* Of a long gap only what can still come late inside the window. */
	assert_opens(&p.in, &sealed[150]);
	assert_opens_late(&p.in, &sealed[149]);
	assert_opens_late(&p.in, &sealed[87]);
	assert_refused_late(&p.in, &sealed[86], PACKET, DROP_MPPE_COHERENCY);
	/* The order of the others is not disturbed. */
	assert_opens(&p.in, &sealed[151]);
	/* Late packets have headers like any other. */
	assert_refused_late(&p.in, &sealed[149], 2, DROP_MPPE_SHORT);
	sealed[149].bytes[0] &= 0x7f;
	assert_refused_late(&p.in, &sealed[149], PACKET, DROP_MPPE_BITS);
}

static void stateful_has_no_late_packets(void **state)
{
	struct pair p = pair_new(MPPE_128, false);
	struct sealed sealed;
	seal(&p.out, 0, &sealed);
	sealed.bytes[0] |= 0x80;
	assert_refused_late(&p.in, &sealed, PACKET, DROP_MPPE_COHERENCY);
}

/* A count far ahead costs a bounded number of keys a packet, and the session catches up, also
 * when the count went round meanwhile. */
static void far_ahead_is_caught_up_with(void **state)
{
	static const unsigned lost[] = {
		257, 300, 1000, 2047, 2048, 3000, 4095, 4096, 4097, 4200, 4400, 8192, 9000};
	for (unsigned n = 0; n < sizeof(lost) / sizeof(lost[0]); n++) {
		struct pair p = pair_new(MPPE_128, true);
		struct sealed sealed;
		uint32_t number = 0;
		seal(&p.out, number++, &sealed);
		assert_opens(&p.in, &sealed);
		for (unsigned m = 0; m < lost[n]; m++)
			seal(&p.out, number++, &sealed);
		mppe_lost(&p.in, lost[n]);
		unsigned dropped = 0;
		for (;; dropped++) {
			struct mppe_stream fresh;
			struct rc4 *stream;
			enum drop why = DROP_COUNT;
			uint32_t before = p.in.chased;
			seal(&p.out, number++, &sealed);
			stream = mppe_open(&p.in, NULL, sealed.bytes, PACKET, &fresh, &why);
			assert_true(p.in.chased - before <= MPPE_REKEY_AHEAD || stream);
			if (stream && is_message(stream, &sealed))
				break;
			assert_null(stream);
			assert_string_equal(drop_word(why), "mppe-far");
			assert_true(dropped < 60);
		}
		assert_true(dropped <= lost[n] / MPPE_REKEY_AHEAD + 2);
		for (unsigned m = 0; m < 300; m++) {
			seal(&p.out, number++, &sealed);
			assert_opens(&p.in, &sealed);
		}
	}
}

/* A packet with an invented count is dropped, and changes nothing for the true ones. */
static void lies_cost_themselves(void **state)
{
	struct pair p = pair_new(MPPE_128, true);
	struct sealed sealed, lie;
	uint32_t number = 0;
	seal(&p.out, number++, &sealed);
	assert_opens(&p.in, &sealed);
	for (unsigned jump = 1; jump < MPPE_COUNTS; jump += 97) {
		memset(&lie, 0x5a, sizeof(lie));
		put_u16(lie.bytes, (uint16_t)(0x9000 | ((p.in.count + jump) & 0xfff)));
		assert_refused(&p.in, lie.bytes, PACKET,
			jump <= MPPE_REKEY_AHEAD ? DROP_MPPE_INNER : DROP_MPPE_FAR);
		seal(&p.out, number++, &sealed);
		assert_opens(&p.in, &sealed);
	}
}

/* Lies may lead the chase astray. It starts over, and the true packets are found in the end. */
static void the_chase_starts_over(void **state)
{
	struct pair p = pair_new(MPPE_128, true);
	struct sealed sealed, lie;
	uint32_t number = 0;
	memset(&lie, 0x5a, sizeof(lie));
	for (unsigned n = 0; n < 300; n++)
		seal(&p.out, number++, &sealed);
	for (unsigned n = 0; n < 10; n++) {
		put_u16(lie.bytes, (uint16_t)(0x9000 | (2000 + n)));
		assert_refused(&p.in, lie.bytes, PACKET, DROP_MPPE_FAR);
		assert_true(p.in.chased <= MPPE_CHASE_MAX);
	}
	for (unsigned dropped = 0;; dropped++) {
		struct mppe_stream fresh;
		struct rc4 *stream;
		enum drop why = DROP_COUNT;
		seal(&p.out, number++, &sealed);
		stream = mppe_open(&p.in, NULL, sealed.bytes, PACKET, &fresh, &why);
		if (stream) {
			assert_true(is_message(stream, &sealed));
			break;
		}
		assert_int_equal(why, DROP_MPPE_FAR);
		assert_true(dropped < MPPE_CHASE_MAX / MPPE_REKEY_AHEAD + 5);
	}
	seal(&p.out, number++, &sealed);
	assert_opens(&p.in, &sealed);
}

/* Packets of the sealer are lost; the receiver asks, the sealer flushes, all goes on. */
static void stateful_resync(void **state)
{
	for (unsigned s = 0; s < 3; s++) {
		for (unsigned before = 0; before < 600; before += 37) {
			for (unsigned lost = 1; lost < 700; lost += 211) {
				struct pair p = pair_new(strengths[s], false);
				struct sealed sealed;
				uint32_t n = 0;
				while (n < before) {
					seal(&p.out, n++, &sealed);
					assert_opens(&p.in, &sealed);
				}
				for (unsigned m = 0; m < lost; m++)
					seal(&p.out, n++, &sealed);
				do
					seal(&p.out, n++, &sealed);
				while (header_of(&sealed) & MPPE_FLUSHED);
				assert_refused(&p.in, sealed.bytes, PACKET, DROP_MPPE_RESYNC);
				assert_true(p.in.resync);
				mppe_flush(&p.out);
				seal(&p.out, n++, &sealed);
				assert_true(header_of(&sealed) & MPPE_FLUSHED);
				for (unsigned m = 0; m < 300; m++) {
					assert_opens(&p.in, &sealed);
					assert_false(p.in.resync);
					seal(&p.out, n++, &sealed);
				}
			}
		}
	}
}

/* An IPv6 packet that MPPC has packed, the first of its history. */
static size_t packed_ipv6(uint8_t *to, uint8_t fill)
{
	static const struct codec_params params = {.method = CODEC_MPPC, .encrypted = true};
	uint8_t ip[IPV6_HEADER + 60];
	void *memory = calloc(1, mppc_codec.size(&params, CODEC_COMPRESS));
	assert_non_null(memory);
	memset(ip, fill, sizeof(ip));
	ip[0] = 6 << 4;
	put_u16(ip + IPV6_LENGTH, 60);
	mppc_codec.init(memory, &params, CODEC_COMPRESS);
	size_t length = mppc_codec.compress(memory, 0x0057, ip, sizeof(ip), to, sizeof(ip) + 4);
	free(memory);
	assert_true(length && get_u16(to) & MPPC_COMPRESSED);
	return length;
}

/* A flush moves the count, and the one before it was lost as well: the packet itself says that its
 * key is right. */
/* Every lost packet moved the count to the next flag packet: whole turns of it, and more than a
 * few.
 */
static void stateful_resync_after_many_flushes(void **state)
{
	enum { LOST = 200 };
	struct pair p = pair_new(MPPE_128, false);
	struct sealed sealed;
	for (uint32_t n = 0; n < LOST; n++) {
		mppe_flush(&p.out);
		seal(&p.out, n, &sealed);
	}
	mppe_lost(&p.in, LOST);
	mppe_flush(&p.out);
	for (uint32_t n = LOST; n < LOST + 20; n++) {
		seal(&p.out, n, &sealed);
		assert_opens(&p.in, &sealed);
	}
}

static void stateful_resync_on_packed_ipv6(void **state)
{
	struct pair p = pair_new(MPPE_128, false);
	struct mppe_stream fresh;
	uint8_t packet[128];
	uint16_t header;
	enum drop why;
	p.in.packed = true;
	for (unsigned n = 0; n < 3; n++) {
		mppe_flush(&p.out);
		size_t length = packed_ipv6(packet, (uint8_t)n);
		struct rc4 *stream = mppe_seal(&p.out, NULL, &fresh, &header);
		put_u16(packet, (uint16_t)(get_u16(packet) | header));
		rc4_crypt(stream, packet + 2, packet + 2, length - 2);
		if (n < 2)
			continue;
		put_u16(packet + 2, (uint16_t)~get_u16(packet + 2));
		assert_null(mppe_open(&p.in, NULL, packet, length, &fresh, &why));
		put_u16(packet + 2, (uint16_t)~get_u16(packet + 2));
		assert_non_null(mppe_open(&p.in, NULL, packet, length, &fresh, &why));
		assert_false(p.in.resync);
	}
}

/* The key change of a flag packet is enough to find the way back without asking. */
static void a_flag_packet_ends_a_loss(void **state)
{
	struct pair p = pair_new(MPPE_56, false);
	struct sealed sealed;
	for (uint32_t n = 0; n <= 0x1ff; n++) {
		seal(&p.out, n, &sealed);
		if (n < 0x10)
			assert_opens(&p.in, &sealed);
	}
	assert_opens(&p.in, &sealed);
}

/* A sender by RFC 3078 §3.1 (tables from the current key) and one by Linux (the key is changed
 * first) answer a Reset-Request with the next number. Both are understood. */
static void both_ways_to_flush(void **state)
{
	for (unsigned change = 0; change < 2; change++) {
		for (unsigned lost = 1; lost < 6000; lost += 333) {
			struct pair p = pair_new(MPPE_128, false);
			struct sealed sealed;
			uint32_t n = 0;
			for (; n < 200; n++) {
				seal(&p.out, n, &sealed);
				assert_opens(&p.in, &sealed);
			}
			for (unsigned m = 0; m < lost || (n & 0xff) == 0xff; m++)
				seal(&p.out, n++, &sealed);
			if (change)
				mppe_chain_next(&p.out.chain);
			rc4_init(p.out.memory.stream, p.out.chain.key, p.out.chain.length);
			seal(&p.out, n++, &sealed);
			sealed.bytes[0] |= 0x80;
			assert_opens(&p.in, &sealed);
			assert_int_equal(
				p.in.dialect, change ? MPPE_FLUSH_NEW_KEY : MPPE_FLUSH_SAME_KEY);
			for (unsigned m = 0; m < 600; m++) {
				seal(&p.out, n++, &sealed);
				assert_opens(&p.in, &sealed);
			}
			/* Unasked and without a loss, as after a repeated request. */
			if ((n & 0xff) == 0xff)
				continue;
			if (change)
				mppe_chain_next(&p.out.chain);
			rc4_init(p.out.memory.stream, p.out.chain.key, p.out.chain.length);
			seal(&p.out, n++, &sealed);
			sealed.bytes[0] |= 0x80;
			assert_opens(&p.in, &sealed);
			seal(&p.out, n++, &sealed);
			assert_opens(&p.in, &sealed);
		}
	}
}

/* What we send in answer to a Reset-Request must suit both kinds of receiver: a key change by the
 * number, with A set, so that neither reading differs. */
static void our_flush_suits_both(void **state)
{
	for (unsigned sent = 0; sent < 520; sent++) {
		struct mppe m;
		struct mppe_chain chain;
		struct rc4 stream;
		struct sealed sealed;
		mppe_arm(&m, &(struct mppe_memory){.stream = &stream}, mppe_engine_best(), MPPE_128,
			false, start_key);
		mppe_chain_init(&chain, &mppe_engine_plain, MPPE_128, start_key);
		for (unsigned n = 0; n < sent; n++)
			seal(&m, n, &sealed);
		mppe_flush(&m);
		seal(&m, sent, &sealed);
		assert_int_equal(header_of(&sealed), 0x9000 | (sent | 0xff));
		for (unsigned n = 0; n <= sent / 256; n++)
			mppe_chain_next(&chain);
		assert_memory_equal(m.chain.key, chain.key, 16);
		seal(&m, 0, &sealed);
		assert_int_equal(header_of(&sealed), 0x1000 | ((sent | 0xff) + 1));
	}
}

static void malformed(void **state)
{
	for (unsigned stateless = 0; stateless < 2; stateless++) {
		struct pair p = pair_new(MPPE_128, stateless);
		struct sealed sealed;
		seal(&p.out, 0, &sealed);
		for (size_t length = 0; length <= MPPE_HEADER_SIZE; length++)
			assert_refused(&p.in, sealed.bytes, length, DROP_MPPE_SHORT);
		sealed.bytes[0] &= 0xef; /* D: not encrypted */
		assert_refused(&p.in, sealed.bytes, PACKET, DROP_MPPE_BITS);
		sealed.bytes[0] |= 0x10;
		if (stateless) {
			sealed.bytes[0] &= 0x7f; /* A is always there */
			assert_refused(&p.in, sealed.bytes, PACKET, DROP_MPPE_BITS);
			sealed.bytes[0] |= 0x80;
		}
		sealed.bytes[0] |= 0x60; /* B and C mean nothing */
		assert_opens(&p.in, &sealed);
	}
}

/* Packets of one or two bytes cannot be looked at, and are not: they never move the keys. */
static void tiny_packets(void **state)
{
	struct pair p = pair_new(MPPE_128, true);
	uint8_t tiny[4] = {0x90, 0x05, 1, 2};
	struct sealed sealed;
	assert_refused(&p.in, tiny, 3, DROP_MPPE_INNER);
	assert_refused(&p.in, tiny, 4, DROP_MPPE_INNER);
	seal(&p.out, 0, &sealed);
	assert_opens(&p.in, &sealed);
}

static void fits_changes_nothing(void **state)
{
	for (unsigned stateless = 0; stateless < 2; stateless++) {
		struct pair p = pair_new(MPPE_128, stateless);
		struct mppe other, before;
		struct rc4 stream, stream_before;
		struct sealed sealed;
		mppe_arm(&other, &(struct mppe_memory){.stream = &stream}, mppe_engine_best(),
			MPPE_128, stateless, start_key);
		other.chain.key[3] ^= 1;
		if (!stateless)
			rc4_init(&stream, other.chain.key, other.chain.length);
		seal(&p.out, 0, &sealed);
		before = p.in;
		stream_before = *p.in.memory.stream;
		assert_true(mppe_fits(&p.in, sealed.bytes, PACKET));
		assert_memory_equal(&before, &p.in, sizeof(before));
		assert_memory_equal(&stream_before, p.in.memory.stream, sizeof(stream_before));
		assert_false(mppe_fits(&other, sealed.bytes, PACKET));
		assert_false(mppe_fits(&p.in, sealed.bytes, 3));
	}
}

static void wiped(void **state)
{
	static const struct mppe none;
	static const struct rc4 no_stream;
	struct rc4 stream;
	struct mppe m;
	const struct mppe_memory memory = {.stream = &stream};
	mppe_arm(&m, &memory, mppe_engine_best(), MPPE_40, false, start_key);
	assert_true(mppe_armed(&m));
	assert_memory_not_equal(&stream, &no_stream, sizeof(stream));
	mppe_wipe(&m, NULL);
	assert_false(mppe_armed(&m));
	assert_memory_equal(&m, &none, sizeof(m));
	assert_memory_equal(&stream, &no_stream, sizeof(stream));
	mppe_arm(&m, &memory, mppe_engine_best(), MPPE_NONE, true, start_key);
	assert_false(mppe_armed(&m));
}

/* Packets under other keys, a whole crowd of them, do not lead a receiver astray. */
static void noise_moves_nothing(void **state)
{
	enum { NOISE = 40000 };
	struct mppe in;
	struct mppe_history history = {.next = 0};
	struct random random = random_from(seed_of_run(3078));
	mppe_arm(&in, &(struct mppe_memory){.history = &history}, mppe_engine_best(), MPPE_128,
		true, start_key);
	for (unsigned n = 0; n < NOISE; n++) {
		uint8_t packet[PACKET];
		struct mppe_stream fresh;
		enum drop why;
		random_bytes(&random, packet, sizeof(packet));
		put_u16(packet, (uint16_t)(0x9000 | (1 + n % 100)));
		assert_null(mppe_open(&in, NULL, packet, sizeof(packet), &fresh, &why));
		assert_int_equal(why, DROP_MPPE_INNER);
	}
	assert_int_equal(in.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stateless_by_the_rfc),
		cmocka_unit_test(stateful_by_the_rfc),
		cmocka_unit_test(stateless_survives_loss),
		cmocka_unit_test(noise_moves_nothing),
		cmocka_unit_test(keys_of_skipped_packets_are_made_again),
		cmocka_unit_test(stateful_has_no_late_packets),
		cmocka_unit_test(far_ahead_is_caught_up_with),
		cmocka_unit_test(lies_cost_themselves),
		cmocka_unit_test(the_chase_starts_over),
		cmocka_unit_test(stateful_resync),
		cmocka_unit_test(stateful_resync_after_many_flushes),
		cmocka_unit_test(stateful_resync_on_packed_ipv6),
		cmocka_unit_test(a_flag_packet_ends_a_loss),
		cmocka_unit_test(both_ways_to_flush),
		cmocka_unit_test(our_flush_suits_both),
		cmocka_unit_test(malformed),
		cmocka_unit_test(tiny_packets),
		cmocka_unit_test(fits_changes_nothing),
		cmocka_unit_test(wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
