/* Multilink's receiver and sender (RFC 1990): every order in which few fragments may come, every
 * loss, the wrap, the bounds, and a plain model of it all. */
#include "hex.h"

#include <stdlib.h>
#include <string.h>

#include "multilink.h"
#include "random.h"
#include "seed.h"

enum { SLOTS = 400, PACKETS_MAX = 4096, MRRU = 1500 };

/* A packet is its number in the order sent, again and again. */
struct desk {
	struct multilink_receiver rx;
	struct multilink_sender tx;
	struct hold_pool pool;
	struct hold_slot *slots;
	uint32_t drops[DROP_PACKETS];
	uint64_t now;
	size_t count;
	uint32_t got[PACKETS_MAX];
};

static struct desk *desk_new(unsigned links, bool short_sequence)
{
	static struct hold_slot slots[2][SLOTS];
	static unsigned turn; /* two desks at once, at most */
	struct desk *d = calloc(1, sizeof(*d));
	assert_non_null(d);
	d->slots = slots[turn++ % 2];
	hold_pool_init(&d->pool, d->slots, SLOTS);
	multilink_receive_init(&d->rx, MRRU, short_sequence, d->drops);
	multilink_send_init(&d->tx, short_sequence);
	d->now = SECONDS(5);
	for (unsigned n = 0; n < links; n++) {
		multilink_link_up(&d->rx, n, d->now);
		multilink_send_up(&d->tx, n);
	}
	return d;
}

static void desk_free(struct desk *d)
{
	assert_int_equal(d->rx.held, d->pool.used);
	multilink_clear(&d->rx, &d->pool);
	assert_int_equal(d->pool.used, 0);
	free(d);
}

static void deliver(struct desk *d, struct reader packet)
{
	size_t length = reader_left(&packet);
	uint32_t number = read_u32(&packet);
	assert_false(packet.failed);
	assert_int_equal(length % 4, 0);
	while (reader_left(&packet))
		assert_int_equal(read_u32(&packet), number);
	assert_true(d->count < PACKETS_MAX);
	d->got[d->count++] = number;
}

static void settle(struct desk *d)
{
	struct reader packet;
	uint8_t tos;
	while (multilink_next(&d->rx, &d->pool, &packet, &tos, d->now))
		deliver(d, packet);
	assert_true(d->rx.held == 0 || d->rx.expires > d->now);
	assert_true((d->rx.held == 0) == (d->rx.expires == NEVER));
}

static enum multilink_verdict take(
	struct desk *d, unsigned link, const uint8_t *bytes, size_t length)
{
	struct reader fragment = reader_over(bytes, length);
	enum multilink_verdict verdict =
		multilink_take(&d->rx, &d->pool, link, fragment, 0, d->now);
	if (verdict == MULTILINK_WHOLE)
		deliver(d, reader_over(bytes + multilink_header_size(d->rx.short_sequence),
				   length - multilink_header_size(d->rx.short_sequence)));
	settle(d);
	return verdict;
}

struct fragment {
	uint8_t bytes[64];
	uint8_t length, link;
	uint32_t packet;
};

/* One fragment of `words` numbers. */
static struct fragment cut(
	struct desk *d, unsigned link, uint32_t packet, unsigned words, bool begins, bool ends)
{
	struct fragment f = {.link = (uint8_t)link, .packet = packet};
	struct writer w = writer_over(f.bytes, sizeof(f.bytes));
	struct multilink_header header = multilink_number(&d->tx, link, 4u * words, begins, ends);
	multilink_build(&w, &header, d->tx.short_sequence);
	while (words--)
		write_u32(&w, packet);
	assert_false(w.failed);
	f.length = (uint8_t)writer_length(&w);
	return f;
}

static enum multilink_verdict give(struct desk *d, const struct fragment *f)
{
	return take(d, f->link, f->bytes, f->length);
}

static void expire(struct desk *d)
{
	while (d->rx.expires != NEVER) {
		if (d->rx.expires > d->now)
			d->now = d->rx.expires;
		multilink_expire(&d->rx, &d->pool);
		settle(d);
	}
}

#define GOT(d, ...)                                                                                \
	do {                                                                                       \
		const uint32_t expected[] = {__VA_ARGS__};                                         \
		assert_int_equal((d)->count, sizeof(expected) / sizeof(expected[0]));              \
		assert_memory_equal((d)->got, expected, sizeof(expected));                         \
	} while (0)

/* RFC 1990 §3: figures 2 and 3. */
static void headers(void **state)
{
	uint8_t bytes[4];
	struct multilink_header header = {true, false, 0x123456};
	struct writer w = writer_over(bytes, sizeof(bytes));
	multilink_build(&w, &header, false);
	assert_hex(bytes, writer_length(&w), "80 12 34 56");
	w = writer_over(bytes, sizeof(bytes));
	header.ends = true;
	multilink_build(&w, &header, true);
	assert_hex(bytes, writer_length(&w), "c4 56");
	struct reader r = reader_over(bytes, 2);
	assert_true(multilink_parse(&header, &r, true));
	assert_true(header.begins && header.ends && header.sequence == 0x456);
	r = reader_over("\x7f\xff\xff\xfe", 4); /* the reserved bits mean nothing */
	assert_true(multilink_parse(&header, &r, false));
	assert_true(!header.begins && header.ends && header.sequence == 0xfffffe);
	r = reader_over("\xc0\x00\x00", 3);
	assert_false(multilink_parse(&header, &r, false));
	r = reader_over("\xc0", 1);
	assert_false(multilink_parse(&header, &r, true));
}

static void whole_packets_are_not_kept(void **state)
{
	struct desk *d = desk_new(2, false);
	for (uint32_t n = 0; n < 100; n++) {
		struct fragment f = cut(d, n % 2, n, 3, true, true);
		assert_int_equal(give(d, &f), MULTILINK_WHOLE);
	}
	assert_int_equal(d->count, 100);
	assert_int_equal(d->pool.fresh, 0);
	desk_free(d);
}

/* Four packets in seven fragments on two links. */
enum { FEW = 7 };

static void cut_few(struct desk *d, struct fragment f[FEW], unsigned links_of)
{
	static const struct {
		uint8_t packet;
		bool begins, ends;
	} plan[FEW] = {{0, true, true}, {1, true, false}, {1, false, false}, {1, false, true},
		{2, true, true}, {3, true, false}, {3, false, true}};
	for (unsigned n = 0; n < FEW; n++)
		f[n] = cut(d, links_of >> n & 1, plan[n].packet, 1 + n % 2, plan[n].begins,
			plan[n].ends);
}

/* The model: what arrived whole comes out, in order. */
static void check_few(struct desk *d, const struct fragment f[FEW], unsigned lost)
{
	size_t at = 0;
	for (uint32_t packet = 0; packet < 4; packet++) {
		bool whole = true;
		for (unsigned n = 0; n < FEW; n++)
			whole &= f[n].packet != packet || !(lost >> n & 1);
		if (!whole)
			continue;
		assert_true(at < d->count);
		assert_int_equal(d->got[at++], packet);
	}
	assert_int_equal(at, d->count);
}

/* Every share of the two links, every loss, every way in which the two may interleave. */
static void each_order_of_two_links(void **state)
{
	for (unsigned links_of = 0; links_of < 1u << FEW; links_of++)
		for (unsigned lost = 0; lost < 1u << FEW; lost += 1 + links_of % 3)
			for (unsigned turns = 0; turns < 1u << FEW; turns += 3) {
				struct desk *d = desk_new(2, links_of & 1);
				struct fragment f[FEW];
				cut_few(d, f, links_of);
				unsigned at[2] = {0, 0};
				for (unsigned step = 0; step < 2 * FEW; step++) {
					unsigned link = (turns >> step % FEW & 1) ^ (step >= FEW);
					while (at[link] < FEW && f[at[link]].link != link)
						at[link]++;
					if (at[link] == FEW)
						link = !link;
					while (at[link] < FEW && f[at[link]].link != link)
						at[link]++;
					if (at[link] == FEW)
						break;
					unsigned n = at[link]++;
					if (!(lost >> n & 1))
						give(d, &f[n]);
				}
				expire(d);
				check_few(d, f, lost);
				desk_free(d);
			}
}

/* A link that reorders breaks the rule the loss is found by: but nothing comes twice, out of order
 * or mixed up. */
static void permute(struct fragment f[FEW], unsigned at, unsigned *seen)
{
	if (at == FEW) {
		struct desk *d = desk_new(2, false);
		for (unsigned n = 0; n < FEW; n++) {
			give(d, &f[n]);
			give(d, &f[n / 2]); /* once more */
		}
		expire(d);
		for (size_t n = 1; n < d->count; n++)
			assert_true(d->got[n - 1] < d->got[n]);
		(*seen)++;
		desk_free(d);
		return;
	}
	for (unsigned n = at; n < FEW; n++) {
		struct fragment other = f[at];
		f[at] = f[n];
		f[n] = other;
		permute(f, at + 1, seen);
		f[n] = f[at];
		f[at] = other;
	}
}

static void each_order_at_all(void **state)
{
	struct desk *d = desk_new(2, false);
	struct fragment f[FEW];
	unsigned seen = 0;
	cut_few(d, f, 0x2a);
	permute(f, 0, &seen);
	assert_int_equal(seen, 5040);
	desk_free(d);
}

/* RFC 1990 §4.1: a fragment is lost for certain once every link has brought a later one. */
static void certain_loss_costs_no_time(void **state)
{
	struct desk *d = desk_new(2, false);
	struct fragment f[8];
	for (unsigned n = 0; n < 8; n++)
		f[n] = cut(d, n % 2, n, 1, true, true);
	give(d, &f[0]);
	give(d, &f[3]); /* 1 was of this link: lost; but 2 is of the other */
	GOT(d, 0);
	assert_int_equal(d->rx.expires, d->now + MULTILINK_WAIT);
	give(d, &f[4]); /* 2 too */
	GOT(d, 0, 3, 4);
	assert_int_equal(d->rx.lost, 2);
	assert_int_equal(give(d, &f[2]), MULTILINK_REFUSED);
	assert_int_equal(d->drops[DROP_MP_LATE], 1);
	desk_free(d);
}

static void rest_of_a_lost_packet(void **state)
{
	struct desk *d = desk_new(1, false);
	struct fragment a = cut(d, 0, 0, 1, true, false), b = cut(d, 0, 0, 1, false, false),
			c = cut(d, 0, 0, 1, false, true), e = cut(d, 0, 1, 1, true, true);
	give(d, &a);
	give(d, &c);
	give(d, &e);
	GOT(d, 1);
	assert_int_equal(d->drops[DROP_MP_INCOMPLETE], 2);
	give(d, &b);
	GOT(d, 1);
	desk_free(d);
}

/* Without its end, a packet ends where the next begins. */
static void packet_without_an_end(void **state)
{
	struct desk *d = desk_new(1, false);
	struct fragment a = cut(d, 0, 0, 1, true, false), b = cut(d, 0, 1, 1, true, false),
			c = cut(d, 0, 1, 1, false, true);
	give(d, &a);
	give(d, &b);
	give(d, &c);
	GOT(d, 1);
	desk_free(d);
}

/* The same number twice, each time as something else. */
static void number_used_twice(void **state)
{
	struct desk *d = desk_new(1, false);
	struct fragment a = cut(d, 0, 0, 1, true, false);
	d->tx.next = 0;
	struct fragment b = cut(d, 0, 1, 1, true, true), c = cut(d, 0, 2, 1, true, true);
	give(d, &a);
	assert_int_equal(give(d, &b), MULTILINK_REFUSED);
	give(d, &c);
	GOT(d, 2);
	desk_free(d);
}

static void wait_is_bounded(void **state)
{
	struct desk *d = desk_new(2, false);
	struct fragment a = cut(d, 0, 0, 1, true, true), b = cut(d, 1, 1, 1, true, true),
			c = cut(d, 1, 2, 1, true, false);
	(void)a;
	give(d, &b);
	d->now += MULTILINK_WAIT / 2;
	give(d, &c); /* the same hole: no new wait */
	assert_int_equal(d->rx.expires, d->now + MULTILINK_WAIT / 2);
	d->now = d->rx.expires;
	multilink_expire(&d->rx, &d->pool);
	settle(d);
	GOT(d, 1);
	assert_int_equal(d->rx.expires, d->now + MULTILINK_WAIT); /* for the end of the next */
	expire(d);
	assert_int_equal(d->rx.held, 0);
	assert_int_equal(d->drops[DROP_MP_INCOMPLETE], 1);
	desk_free(d);
}

/* A dead link has no say; one that left has none at once. */
static void links_without_a_say(void **state)
{
	struct desk *d = desk_new(3, false);
	struct fragment f[12];
	for (unsigned n = 0; n < 12; n++)
		f[n] = cut(d, n % 3, n, 1, true, true);
	give(d, &f[0]);
	give(d, &f[1]);
	give(d, &f[2]);
	give(d, &f[4]); /* 3 is missing, of link 0 */
	give(d, &f[5]);
	GOT(d, 0, 1, 2);
	multilink_link_down(&d->rx, 0);
	settle(d);
	GOT(d, 0, 1, 2, 4, 5);
	desk_free(d);
	d = desk_new(2, false);
	for (unsigned n = 0; n < 6; n++)
		f[n] = cut(d, n % 2, n, 1, true, true);
	give(d, &f[0]);
	d->now += MULTILINK_SILENT;
	give(d, &f[3]);
	GOT(d, 0, 3);
	desk_free(d);
}

static void numbers_wrap(void **state)
{
	static const bool kinds[] = {false, true};
	for (unsigned k = 0; k < 2; k++) {
		struct desk *d = desk_new(2, kinds[k]);
		uint32_t top = kinds[k] ? 0x1000 : 0x1000000;
		d->tx.next = top - 50;
		for (uint32_t n = 0; n < 100; n += 2) {
			struct fragment a = cut(d, 0, n, 1, true, false),
					b = cut(d, 1, n, 1, false, true),
					c = cut(d, 0, n + 1, 1, true, true);
			give(d, &c);
			give(d, &b);
			give(d, &a);
		}
		/* Link 0 brought them out of order: what it brought first stands. */
		for (size_t n = 1; n < d->count; n++)
			assert_true(d->got[n - 1] < d->got[n]);
		assert_true(d->count >= 50);
		assert_int_equal(d->rx.next & (top - 1), d->tx.next & (top - 1));
		desk_free(d);
	}
}

/* Round and round: what is remembered of the past never passes for the future. */
static void short_numbers_go_round(void **state)
{
	struct desk *d = desk_new(2, true);
	for (uint32_t n = 0; n < 40000; n++) {
		struct fragment f = cut(d, n % 2, n, 1, true, true);
		if (n % 5000 != 4999)
			give(d, &f);
		if (d->count > PACKETS_MAX - 10)
			d->count = 0;
	}
	assert_int_equal(d->rx.lost, 7);
	assert_int_equal(d->rx.newest, 39998);
	desk_free(d);
}

static void comes_late_to_a_bundle(void **state)
{
	struct desk *d = desk_new(1, false);
	d->tx.next = 0xabcdef;
	struct fragment f = cut(d, 0, 7, 1, true, true);
	assert_int_equal(give(d, &f), MULTILINK_WHOLE);
	assert_int_equal(d->rx.lost, 0);
	desk_free(d);
}

static void sender_that_counts_anew(void **state)
{
	struct desk *d = desk_new(1, false);
	for (uint32_t n = 0; n < 100; n++) {
		struct fragment f = cut(d, 0, n, 1, true, true);
		give(d, &f);
	}
	d->count = 0;
	d->tx.next = 10;
	for (uint32_t n = 0; n < MULTILINK_LATE_RUN + 2; n++) {
		struct fragment f = cut(d, 0, n, 1, true, true);
		give(d, &f);
	}
	GOT(d, MULTILINK_LATE_RUN - 1, MULTILINK_LATE_RUN, MULTILINK_LATE_RUN + 1);
	desk_free(d);
}

static void too_large(void **state)
{
	struct desk *d = desk_new(1, false);
	uint8_t bytes[4 + MRRU + 8];
	for (unsigned words = MRRU / 4; words <= MRRU / 4 + 1; words++) {
		struct writer w = writer_over(bytes, sizeof(bytes));
		struct multilink_header header =
			multilink_number(&d->tx, 0, 4u * words, true, true);
		multilink_build(&w, &header, false);
		for (unsigned n = 0; n < words; n++)
			write_u32(&w, words);
		take(d, 0, bytes, writer_length(&w));
	}
	GOT(d, MRRU / 4);
	assert_int_equal(d->drops[DROP_MP_SIZE], 1);
	/* In pieces it is no better. */
	for (unsigned piece = 0; piece < 4; piece++) {
		struct writer w = writer_over(bytes, sizeof(bytes));
		struct multilink_header header =
			multilink_number(&d->tx, 0, MRRU / 4 + 1, piece == 0, piece == 3);
		multilink_build(&w, &header, false);
		write_zeros(&w, MRRU / 4 + 1);
		take(d, 0, bytes, writer_length(&w));
	}
	assert_int_equal(d->count, 1);
	assert_int_equal(d->rx.held, 0);
	assert_int_equal(d->drops[DROP_MP_SIZE], 1 + 4);
	struct fragment f = cut(d, 0, 9, 1, true, true);
	give(d, &f);
	assert_int_equal(d->count, 2);
	desk_free(d);
}

static void room_is_bounded(void **state)
{
	struct desk *d = desk_new(2, false);
	struct fragment lost = cut(d, 1, 0, 1, true, true);
	(void)lost;
	for (uint32_t n = 0; n < 2 * MULTILINK_HELD; n++) {
		struct fragment f = cut(d, 0, n, 1, true, true);
		give(d, &f);
		assert_true(d->rx.held < MULTILINK_HELD);
	}
	assert_int_equal(d->count, 2 * MULTILINK_HELD);
	desk_free(d);
}

/* Every second fragment is missing, and every packet lacks its end: no hole frees much. */
static void room_is_bounded_whatever_comes(void **state)
{
	struct desk *d = desk_new(2, false);
	for (uint32_t n = 0; n < 4 * MULTILINK_HELD; n++) {
		d->tx.next++;
		struct fragment f = cut(d, 0, n, 1, true, false);
		give(d, &f);
		assert_true(d->rx.held < MULTILINK_HELD);
	}
	desk_free(d);
}

/* The pool may be empty before that. */
static void pool_is_bounded(void **state)
{
	struct desk *d = desk_new(2, false);
	hold_pool_init(&d->pool, d->slots, 3);
	cut(d, 1, 0, 1, true, true);
	for (uint32_t n = 1; n < 5; n++) {
		struct fragment f = cut(d, 0, n, 1, true, true);
		assert_int_equal(give(d, &f), n == 4 ? MULTILINK_REFUSED : MULTILINK_KEPT);
	}
	GOT(d, 1, 2, 3);
	assert_int_equal(d->drops[DROP_HOLD_FULL], 1);
	desk_free(d);
}

static void turns_are_fair(void **state)
{
	struct desk *d = desk_new(2, false);
	uint64_t sent[3] = {0};
	for (unsigned n = 0; n < 1000; n++) {
		if (n == 500)
			multilink_send_up(&d->tx, 2); /* has nothing to make good for */
		unsigned link = multilink_turn(&d->tx);
		multilink_number(&d->tx, link, 100 + n % 7, true, true);
		sent[link] += 100 + n % 7;
	}
	assert_true(sent[0] - sent[1] < 300 || sent[1] - sent[0] < 300);
	assert_true(sent[2] > 15000 && sent[2] < 19000);
	multilink_send_down(&d->tx, 0);
	multilink_send_down(&d->tx, 2);
	assert_int_equal(multilink_turn(&d->tx), 1);
	desk_free(d);
}

/* Three links, each in order, with loss; packets of one to five fragments. The model is what was
 * not lost. */
static void model(void **state)
{
	struct random random = random_from(seed_of_run(1990));
	for (unsigned run = 0; run < 60; run++) {
		struct desk *d = desk_new(3, run % 2);
		static struct fragment queue[3][4096];
		unsigned queued[3] = {0}, given[3] = {0};
		static bool whole[1000];
		for (uint32_t packet = 0; packet < 1000; packet++) {
			unsigned pieces = 1 + random_u32(&random) % 5;
			whole[packet] = true;
			for (unsigned n = 0; n < pieces; n++) {
				unsigned link = multilink_turn(&d->tx);
				struct fragment f =
					cut(d, link, packet, 1 + n, n == 0, n == pieces - 1);
				if (random_u32(&random) % 64 < run % 4)
					whole[packet] = false;
				else
					queue[link][queued[link]++] = f;
			}
		}
		/* No link gets further ahead than there is room to wait for the others. */
		for (unsigned left = queued[0] + queued[1] + queued[2]; left;) {
			unsigned link = random_u32(&random) % 3;
			unsigned least = given[0] < given[1] ? given[0] : given[1];
			if (given[2] < least)
				least = given[2];
			bool ahead = given[link] > least + 40;
			if (given[link] == queued[link] || (ahead && left > 200))
				continue;
			give(d, &queue[link][given[link]++]);
			left--;
		}
		expire(d);
		size_t at = 0;
		for (uint32_t packet = 0; packet < 1000; packet++)
			if (whole[packet])
				assert_int_equal(d->got[at++], packet);
		assert_int_equal(at, d->count);
		desk_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(whole_packets_are_not_kept),
		cmocka_unit_test(each_order_of_two_links),
		cmocka_unit_test(each_order_at_all),
		cmocka_unit_test(certain_loss_costs_no_time),
		cmocka_unit_test(rest_of_a_lost_packet),
		cmocka_unit_test(packet_without_an_end),
		cmocka_unit_test(number_used_twice),
		cmocka_unit_test(wait_is_bounded),
		cmocka_unit_test(links_without_a_say),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(short_numbers_go_round),
		cmocka_unit_test(comes_late_to_a_bundle),
		cmocka_unit_test(sender_that_counts_anew),
		cmocka_unit_test(too_large),
		cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(room_is_bounded_whatever_comes),
		cmocka_unit_test(pool_is_bounded),
		cmocka_unit_test(turns_are_fair),
		cmocka_unit_test(model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
