/* Gathering: what joins and what does not, the headers of the whole, and random batches of random
 * flows, cut again and compared with what went in. */
#include "hex.h"

#include <stdlib.h>
#include <time.h>

#include "flow.h"
#include "inner.h"
#include "seed.h"
#include "segment.h"

enum { BUFFER = OUTER_MAX, MSS = 1348, FLOWS_MAX = 250 };

static const struct coalesce_rules everything = {.tcp4 = true, .tcp6 = true, .udp = true};

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(*seed >> 4) * below >> 28);
}

/* A batch on its way through, and what it was before. */
struct bench {
	struct packet packets[COALESCE_MAX];
	const struct packet *list[COALESCE_MAX];
	unsigned flow[COALESCE_MAX];
	uint8_t bytes[COALESCE_MAX][BUFFER], before[COALESCE_MAX][BUFFER];
	size_t count;
	struct coalescer out;
	uint8_t flat[2 * INNER_MAX];
};

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	return b;
}

static void seal(struct bench *b, size_t n, const struct flow *f)
{
	cutter_seal(b->bytes[n], transport_of(f), b->packets[n].length, f->udp);
}

/* The next packet of a flow; the flow goes on behind it. */
static size_t add(struct bench *b, unsigned number, struct flow *f, size_t payload)
{
	size_t n = b->count++;

	assert_true(n < COALESCE_MAX && header_of(f) + payload <= BUFFER);
	b->flow[n] = number;
	b->packets[n] = (struct packet){.kind = PACKET_INNER, .bytes = b->bytes[n]};
	b->packets[n].length = (uint32_t)flow_next(b->bytes[n], f, payload, n);
	b->list[n] = &b->packets[n];
	return n;
}

static void run(struct bench *b, const struct coalesce_rules *rules)
{
	memcpy(b->before, b->bytes, sizeof(b->before));
	coalesce(&b->out, rules, b->list, b->count);
}

/* The packet a piece belongs to. */
static size_t owner(const struct bench *b, const struct iovec *piece)
{
	return (size_t)((const uint8_t *)piece->iov_base - b->bytes[0]) / BUFFER;
}

/* The cutter of the sealing side gives the same. */
static void check_segment(struct bench *b, const struct gathered *whole, size_t part,
	const uint8_t *expected, size_t length)
{
	uint8_t cut[BUFFER];
	struct segments segments;
	struct writer w = writer_over(cut, sizeof(cut));
	struct inner inner;

	assert_true(inner_parse(&inner, b->flat, whole->length));
	assert_true(segments_start(&segments, &inner, b->flat, &whole->offload));
	assert_int_equal(segments.count, whole->count);
	segment_write(&segments, part, &w);
	assert_int_equal(writer_length(&w), length);
	assert_memory_equal(cut, expected, length);
}

/* Cuts everything again: all packets come out, as they went in, those of a flow in their order. */
static void check(struct bench *b)
{
	size_t last[FLOWS_MAX] = {0}, packets = 0, pieces = 0;

	for (size_t n = 0; n < b->out.count; n++) {
		const struct gathered *whole = &b->out.gathered[n];
		assert_int_equal(whole->first, pieces);
		pieces += whole->count;
		cutter_flatten(b->flat, whole, b->out.pieces);
		for (size_t part = 0; part < whole->count; part++, packets++) {
			uint8_t cut[BUFFER];
			size_t came = owner(b, &b->out.pieces[whole->first + part]);
			size_t length = whole->length;
			if (whole->offload.kind == OFFLOAD_NONE)
				memcpy(cut, b->flat, length);
			else
				length = cutter_cut(cut, b->flat, whole, part);
			if (whole->offload.kind != OFFLOAD_NONE)
				check_segment(b, whole, part, cut, length);
			assert_true(
				cutter_same(b->before[came], b->packets[came].length, cut, length));
			if (b->flow[came] < FLOWS_MAX) {
				assert_true(came + 1 > last[b->flow[came]]);
				last[b->flow[came]] = came + 1;
			}
			if (part == 0)
				assert_ptr_equal(whole->datapath, b->packets[came].datapath);
		}
	}
	assert_int_equal(packets, b->count);
}

/* One flow of every kind, in one piece; the headers are checked by the cutter. */
static void a_stream_becomes_one_write(void **state)
{
	struct bench *b = bench_new();

	for (unsigned number = 0; number < 16; number++) {
		struct flow f = flow_of(number);
		b->count = 0;
		for (unsigned n = 0; n < 40; n++)
			add(b, 0, &f, MSS);
		f.flags |= 0x09;
		add(b, 0, &f, 7);
		run(b, &everything);
		check(b);
		/* Identifications that stay the same are gathered only where DF is set. */
		bool gathers = f.ipv6 || f.id_step || f.dont_fragment;
		assert_int_equal(b->out.count, gathers ? 1 : 41);
		if (!gathers)
			continue;
		assert_int_equal(b->out.gathered[0].count, 41);
		assert_int_equal(b->out.gathered[0].offload.segment, MSS);
		assert_int_equal(b->out.gathered[0].header_length, header_of(&f));
	}
	free(b);
}

/* A packet alone, empty and short ones, the most there may be. */
static void batches_of_every_size(void **state)
{
	struct bench *b = bench_new();
	struct flow f = flow_of(0);
	struct packet nothing = {.bytes = b->bytes[0]};

	run(b, &everything);
	assert_int_equal(b->out.count, 0);
	add(b, 0, &f, MSS);
	run(b, &everything);
	check(b);
	assert_int_equal(b->out.count, 1);
	coalesce(&b->out, &everything, (const struct packet *const[]){&nothing}, 1);
	assert_int_equal(b->out.count, 1);
	assert_int_equal(b->out.gathered[0].length, 0);
	for (size_t length = 1; length < 60; length++) {
		b->packets[0].length = (uint32_t)length;
		coalesce(&b->out, &everything, b->list, 1);
		assert_int_equal(b->out.gathered[0].offload.kind, OFFLOAD_NONE);
		assert_int_equal(b->out.pieces[0].iov_len, length);
	}
	for (unsigned udp = 0; udp <= 2; udp += 2) {
		f = flow_of(udp);
		b->count = 0;
		while (b->count < COALESCE_MAX)
			add(b, 0, &f, 1000);
		run(b, &everything);
		check(b);
		/* 65,535 bytes hold 65 segments of 1000; of UDP there are 64 at most. */
		assert_int_equal(b->out.gathered[0].count, udp ? 64 : 65);
		assert_int_equal(b->out.count, 8);
	}
	free(b);
}

/* The longest there may be: 65,535 bytes, and not one more. */
static void limits(void **state)
{
	struct bench *b = bench_new();

	for (size_t more = 0; more < 2; more++) {
		for (unsigned number = 0; number < 4; number++) {
			struct flow f = flow_of(number);
			size_t room = INNER_MAX - header_of(&f);
			b->count = 0;
			for (unsigned n = 0; n < 50; n++)
				add(b, 0, &f, 1300);
			add(b, 0, &f, room - 50 * 1300 + more);
			run(b, &everything);
			check(b);
			assert_int_equal(b->out.count, 1 + more);
		}
	}
	free(b);
}

/* A pair of segments that would join, but for one thing about the second (or the first). */
struct rule {
	const char *what;
	bool joins;
	int which;  /* packet 0 or 1, or both: 2 */
	int offset; /* from the IP header, or from TRANSPORT */
	uint8_t flip;
	bool damaged; /* checksums stay as they were */
};

enum { TRANSPORT = 1000, PAYLOAD = 2000 };

static void apply(struct bench *b, const struct rule *rule, const struct flow *f)
{
	size_t at = (size_t)rule->offset;

	if (at >= PAYLOAD)
		at += header_of(f) - PAYLOAD;
	else if (at >= TRANSPORT)
		at += transport_of(f) - TRANSPORT;
	for (size_t n = 0; n < 2; n++) {
		if (rule->which != 2 && rule->which != (int)n)
			continue;
		b->bytes[n][at] ^= rule->flip;
		if (!rule->damaged)
			seal(b, n, f);
	}
}

static void check_rules(unsigned number, const struct rule *rules, size_t count)
{
	struct bench *b = bench_new();

	for (size_t n = 0; n < count; n++) {
		struct flow f = flow_of(number);
		b->count = 0;
		add(b, 0, &f, 500);
		add(b, 0, &f, 500);
		apply(b, &rules[n], &f);
		run(b, &everything);
		check(b);
		if (b->out.count != (rules[n].joins ? 1u : 2u))
			fail_msg("flow %u: %s: %zu writes", number, rules[n].what, b->out.count);
	}
	free(b);
}

#define RULES(number, ...)                                                                         \
	check_rules(number, (const struct rule[]){__VA_ARGS__},                                    \
		sizeof((const struct rule[]){__VA_ARGS__}) / sizeof(struct rule))

static void rules_of_ipv4(void **state)
{
	for (unsigned number = 0; number <= 2; number += 2)
		RULES(number, {"nothing", true, 1, 1, 0, false}, {"DSCP", false, 1, 1, 4, false},
			{"ECN", false, 1, 1, 3, false}, {"ECN of both", true, 2, 1, 3, false},
			{"identification", false, 1, 4, 1, false}, {"DF", false, 1, 6, 0x40, false},
			{"no DF", true, 2, 6, 0x40, false},
			{"reserved bit", false, 2, 6, 0x80, false},
			{"first fragments", false, 2, 6, 0x20, false},
			{"last fragments", false, 2, 7, 1, false}, {"TTL", false, 1, 8, 1, false},
			{"protocol", false, 1, 9, 40, false}, {"source", false, 1, 15, 1, false},
			{"destination", false, 1, 16, 1, false}, {"length", false, 1, 3, 1, true},
			{"header sum", false, 1, 10, 1, true},
			{"header sum of the first", false, 0, 11, 1, true});
}

static void rules_of_ipv6(void **state)
{
	for (unsigned number = 1; number <= 3; number += 2)
		RULES(number, {"nothing", true, 1, 1, 0, false}, {"DSCP", false, 1, 0, 1, false},
			{"ECN", false, 1, 1, 0x30, false}, {"ECN of both", true, 2, 1, 0x30, false},
			{"flow label", false, 1, 3, 1, false},
			{"next header", false, 1, 6, 44, false},
			{"hop limit", false, 1, 7, 1, false}, {"source", false, 1, 23, 1, false},
			{"destination", false, 1, 24, 1, false}, {"length", false, 1, 5, 1, true});
}

static void rules_of_tcp(void **state)
{
	for (unsigned number = 0; number <= 1; number++)
		RULES(number, {"source port", false, 1, TRANSPORT + 1, 1, false},
			{"destination port", false, 1, TRANSPORT + 3, 1, false},
			{"sequence", false, 1, TRANSPORT + 7, 1, false},
			{"acknowledgement", false, 1, TRANSPORT + 11, 1, false},
			{"header length", false, 1, TRANSPORT + 12, 0x10, false},
			{"reserved bits", false, 1, TRANSPORT + 12, 1, false},
			{"FIN at the end", true, 1, TRANSPORT + 13, 1, false},
			{"FIN before", false, 0, TRANSPORT + 13, 1, false},
			{"FIN both", false, 2, TRANSPORT + 13, 1, false},
			{"SYN", false, 1, TRANSPORT + 13, 2, false},
			{"SYN both", false, 2, TRANSPORT + 13, 2, false},
			{"RST", false, 1, TRANSPORT + 13, 4, false},
			{"RST both", false, 2, TRANSPORT + 13, 4, false},
			{"PSH at the end", true, 1, TRANSPORT + 13, 8, false},
			{"PSH before", false, 0, TRANSPORT + 13, 8, false},
			{"ACK", false, 1, TRANSPORT + 13, 0x10, false},
			{"URG", false, 1, TRANSPORT + 13, 0x20, false},
			{"URG both", false, 2, TRANSPORT + 13, 0x20, false},
			{"ECE", false, 1, TRANSPORT + 13, 0x40, false},
			{"ECE both", true, 2, TRANSPORT + 13, 0x40, false},
			{"CWR first", true, 0, TRANSPORT + 13, 0x80, false},
			{"CWR second", false, 1, TRANSPORT + 13, 0x80, false},
			{"CWR both", false, 2, TRANSPORT + 13, 0x80, false},
			{"window", false, 1, TRANSPORT + 15, 1, false},
			{"urgent pointer", false, 1, TRANSPORT + 19, 1, false},
			{"timestamp", false, 1, TRANSPORT + 27, 1, false},
			{"last option byte", false, 1, TRANSPORT + 31, 1, false},
			{"checksum", false, 1, TRANSPORT + 16, 1, true},
			{"payload", false, 1, PAYLOAD + 499, 0x80, true},
			{"payload of the first", false, 0, PAYLOAD, 1, true});
}

static void rules_of_udp(void **state)
{
	for (unsigned number = 2; number <= 3; number++)
		RULES(number, {"source port", false, 1, TRANSPORT + 1, 1, false},
			{"destination port", false, 1, TRANSPORT + 3, 1, false},
			{"length", false, 1, TRANSPORT + 5, 1, true},
			{"checksum", false, 1, TRANSPORT + 6, 1, true},
			{"payload", false, 1, PAYLOAD + 499, 0x80, true},
			{"payload of the first", false, 0, PAYLOAD + 1, 1, true});
}

/* A datagram without checksum stays without one (RFC 768). */
static void udp_without_checksum(void **state)
{
	struct bench *b = bench_new();

	for (size_t which = 0; which < 3; which++) {
		struct flow f = flow_of(2);
		b->count = 0;
		add(b, 0, &f, 300);
		add(b, 0, &f, 300);
		add(b, 0, &f, 300);
		put_u16(b->bytes[which] + 26, 0);
		run(b, &everything);
		check(b);
		assert_int_equal(b->out.count, which == 1 ? 3 : 2);
	}
	free(b);
}

/* Sizes: a shorter one ends a run, a longer one begins another. */
static void sizes(void **state)
{
	static const struct {
		size_t payload[6];
		size_t writes;
	} cases[] = {
		{{100, 100, 100, 100, 100, 100}, 1},
		{{100, 100, 99, 100, 100, 100}, 2},
		{{100, 99, 99, 99, 99, 99}, 2},
		{{99, 100, 100, 100, 100, 100}, 2},
		{{1, 1, 1, 1, 1, 1}, 1},
		{{100, 100, 0, 100, 100, 100}, 3},
		{{0, 0, 0, 0, 0, 0}, 6},
		{{0, 100, 100, 100, 100, 0}, 3},
		{{100, 101, 102, 103, 104, 105}, 6},
		{{105, 104, 103, 102, 101, 100}, 3},
	};
	struct bench *b = bench_new();

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		for (unsigned number = 0; number < 4; number++) {
			struct flow f = flow_of(number);
			b->count = 0;
			for (size_t m = 0; m < 6; m++)
				add(b, 0, &f, cases[n].payload[m]);
			run(b, &everything);
			check(b);
			assert_int_equal(b->out.count, cases[n].writes);
		}
	}
	free(b);
}

/* What the kernel does not take is left alone. */
static void rules_of_the_kernel(void **state)
{
	struct bench *b = bench_new();

	for (unsigned allowed = 0; allowed < 8; allowed++) {
		struct coalesce_rules rules = {
			.tcp4 = allowed & 1, .tcp6 = allowed & 2, .udp = allowed & 4};
		struct flow flows[4];
		size_t writes = 8;
		b->count = 0;
		for (unsigned n = 0; n < 8; n++) {
			if (n < 4)
				flows[n] = flow_of(n);
			add(b, n % 4, &flows[n % 4], 200);
		}
		run(b, &rules);
		check(b);
		writes -= (size_t)rules.tcp4 + rules.tcp6 + 2 * (size_t)rules.udp;
		assert_int_equal(b->out.count, writes);
	}
	free(b);
}

/* Many flows in turn are gathered each; more than there are places for cost only that. */
static void interleaved(void **state)
{
	struct bench *b = bench_new();
	struct flow flows[FLOWS_MAX];

	for (size_t count = 1; count <= FLOWS_MAX; count = count < 40 ? count + 1 : FLOWS_MAX) {
		size_t each = count <= 40 ? 12 : COALESCE_MAX / FLOWS_MAX;
		for (unsigned n = 0; n < count; n++) {
			flows[n] = flow_of(n & 3);
			flows[n].port = (uint16_t)(7 * n + 1024);
		}
		b->count = 0;
		for (unsigned n = 0; n < each * count; n++)
			add(b, (unsigned)(n % count), &flows[n % count], 100);
		run(b, &everything);
		check(b);
		if (count <= 40)
			assert_int_equal(b->out.count, count);
		else
			assert_true(b->out.count > count && b->out.count < each * count);
		if (count == FLOWS_MAX)
			break;
	}
	free(b);
}

/* A fragment, or a header that hides the ports, may be of any flow: all begin anew. */
static void hidden_ports_end_all_runs(void **state)
{
	struct bench *b = bench_new();

	for (unsigned hidden = 0; hidden < 4; hidden++) {
		struct flow a = flow_of(0), c = flow_of(1), other = flow_of(2);
		b->count = 0;
		add(b, 0, &a, 100);
		add(b, 1, &c, 100);
		size_t n = add(b, 2, &other, 100);
		if (hidden == 0)
			b->bytes[n][6] = 0x20;
		if (hidden == 1)
			b->bytes[n][0] = 0x46;
		if (hidden == 2) /* ICMP */
			b->bytes[n][9] = 1;
		if (hidden == 3) /* two datagrams of different flows */
			other.port++;
		add(b, 0, &a, 100);
		add(b, 1, &c, 100);
		run(b, &everything);
		check(b);
		assert_int_equal(b->out.count, hidden < 2 ? 5 : 3);
	}
	free(b);
}

/* One change to a flow, as flows change. */
static void vary(struct flow *f, uint32_t *seed)
{
	switch (draw(seed, 40)) {
	case 0:
		f->ack += draw(seed, 3);
		break;
	case 1:
		f->window += (uint16_t)draw(seed, 3);
		break;
	case 2:
		f->sequence += draw(seed, 3000) - 1500;
		break;
	case 3:
		f->tos = (uint8_t)draw(seed, 8);
		break;
	case 4:
		f->ttl -= (uint8_t)draw(seed, 2);
		break;
	case 5:
		f->id += (uint16_t)draw(seed, 3);
		break;
	case 6:
		f->id_step = (uint16_t)draw(seed, 3);
		break;
	case 7:
		f->dont_fragment = draw(seed, 2);
		break;
	case 8:
		f->stamp++;
		break;
	case 9:
		f->options = (uint8_t)(draw(seed, 11) * 4);
		break;
	case 10:
		f->label = draw(seed, 2);
		break;
	default:
		break;
	}
	f->flags = draw(seed, 12) ? 0x10 : (uint8_t)draw(seed, 256);
}

static size_t draw_payload(uint32_t *seed, size_t segment)
{
	switch (draw(seed, 12)) {
	case 0:
		return draw(seed, (uint32_t)segment + 1);
	case 1:
		return 0;
	case 2:
		return segment + draw(seed, 3) - 1;
	default:
		return segment;
	}
}

static void random_batches(void **state)
{
	uint32_t seed = (uint32_t)seed_of_run((uint64_t)time(NULL));
	struct bench *b = bench_new();
	size_t packets = 0, writes = 0;

	for (unsigned round = 0; round < 600; round++) {
		struct flow flows[FLOWS_MAX];
		uint32_t count = 1 + draw(&seed, draw(&seed, 2) ? 4 : 40);
		uint32_t size = 1 + draw(&seed, draw(&seed, 2) ? 64 : COALESCE_MAX);
		size_t segment = 1 + draw(&seed, draw(&seed, 2) ? 40 : 1400);
		for (unsigned n = 0; n < count; n++)
			flows[n] = flow_of(n);
		b->count = 0;
		unsigned number = 0;
		while (b->count < size) {
			if (draw(&seed, 3) == 0)
				number = draw(&seed, count);
			vary(&flows[number], &seed);
			size_t n = add(b, number, &flows[number], draw_payload(&seed, segment));
			uint8_t *spot = &b->bytes[n][draw(&seed, b->packets[n].length)];
			bool flips = draw(&seed, 30) == 0, cut = draw(&seed, 60) == 0;
			if (flips)
				*spot ^= (uint8_t)(1u << draw(&seed, 8));
			if (cut)
				b->packets[n].length = draw(&seed, b->packets[n].length + 1);
			if (flips || cut)
				b->flow[n] = FLOWS_MAX; /* it may be of any flow, or of none */
		}
		run(b, &everything);
		check(b);
		packets += b->count;
		writes += b->out.count;
	}
	print_message("%zu packets in %zu writes\n", packets, writes);
	assert_true(writes < packets * 3 / 4);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_becomes_one_write),
		cmocka_unit_test(batches_of_every_size),
		cmocka_unit_test(limits),
		cmocka_unit_test(rules_of_ipv4),
		cmocka_unit_test(rules_of_ipv6),
		cmocka_unit_test(rules_of_tcp),
		cmocka_unit_test(rules_of_udp),
		cmocka_unit_test(udp_without_checksum),
		cmocka_unit_test(sizes),
		cmocka_unit_test(rules_of_the_kernel),
		cmocka_unit_test(interleaved),
		cmocka_unit_test(hidden_ports_end_all_runs),
		cmocka_unit_test(random_batches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
