/* The batch against the plain path: sessions of every kind mixed, every engine, keys made ahead and
 * batches of any size on one side, one stream and one packet at a time on the other. Same packets
 * in, same packets out. The seed is printed; GREYLINE_SEED takes another. */
#include "lab.h"

#include "seed.h"

enum { SESSIONS = 12, PACKETS = 400, KINDS = 7, TICK_EVERY = 90 };

/* One side of the comparison: senders and receivers of all sessions. */
struct side {
	struct lab *lab;
	struct key_pool keys;
	struct datapath from[SESSIONS], to[SESSIONS];
	struct flight *flights; /* all that was sealed, in order */
	size_t count;
};

struct load {
	uint8_t bytes[PACKETS][1600];
	uint32_t lengths[PACKETS];
	unsigned sessions[PACKETS];
	size_t order[2 * PACKETS]; /* in which the outer ones arrive; some twice, some never */
	size_t arrivals;
};

static void set_up(struct side *side, const struct mppe_engine *mppe, bool ahead)
{
	static const enum mppe_strength strengths[] = {MPPE_40, MPPE_56, MPPE_128};
	side->lab = lab_new();
	side->lab->engine.mppe = mppe;
	side->lab->engine.keys = ahead ? &side->keys : NULL;
	side->count = 0;
	side->flights = calloc(2 * PACKETS, sizeof(*side->flights));
	assert_non_null(side->flights);
	for (unsigned n = 0; n < SESSIONS; n++) {
		struct datapath *ends[] = {&side->from[n], &side->to[n]};
		for (unsigned end = 0; end < 2; end++) {
			lab_attach(side->lab, ends[end], false);
			lab_framing(side->lab, ends[end], 1400, n & 1);
			lab_network(side->lab, ends[end], true);
			ends[end]->local_call_id = ends[end]->peer_call_id = (uint16_t)n;
			ends[end]->check_source = false;
		}
		unsigned kind = n % KINDS;
		if (kind < 6)
			lab_encrypt(side->lab, &side->from[n], &side->to[n], strengths[kind % 3],
				kind < 3, (uint8_t)n);
	}
}

static void tear_down(struct side *side)
{
	free(side->flights);
	free(side->lab);
}

static struct load *make_load(struct random *r)
{
	struct load *load = calloc(1, sizeof(*load));
	assert_non_null(load);
	for (unsigned n = 0; n < PACKETS; n++) {
		load->sessions[n] = random_u32(r) % SESSIONS;
		size_t length = 24 + random_u32(r) % (random_u32(r) % 4 ? 1377 : 1570);
		load->lengths[n] = (uint32_t)lab_ipv4(load->bytes[n], length, true, n);
		uint8_t *ip = load->bytes[n];
		if (random_u32(r) % 3 == 0) { /* may be too big */
			put_u16(ip + 10, checksum_adjust(get_u16(ip + 10), 0, 0x4000));
			ip[6] = 0x40;
		}
		if (random_u32(r) % 50 == 0)
			ip[0] = 0x44; /* broken */
	}
	return load;
}

/* Now and then there is time for some keys. */
static void idle(struct side *side, size_t at)
{
	for (size_t n = 0; n < at % 40 && datapath_idle(&side->lab->engine); n++)
		;
}

/* Seals everything in batches of up to `batch`. What is no outer packet is compared too. */
static void seal_all(struct side *side, struct load *load, size_t batch)
{
	for (size_t at = 0; at < PACKETS;) {
		struct packet in[BATCH_MAX];
		size_t count = 0;
		for (; count < batch && at + count < PACKETS; count++)
			in[count] =
				(struct packet){.datapath = &side->from[load->sessions[at + count]],
					.bytes = load->bytes[at + count],
					.length = load->lengths[at + count]};
		idle(side, at);
		lab_clear(side->lab);
		size_t done = datapath_seal(
			&side->lab->engine, in, count, side->lab->now, &side->lab->out);
		assert_true(done > 0 && done <= count);
		at += done;
		for (size_t n = 0; n < side->lab->out.count; n++) {
			struct flight *flight = &side->flights[side->count++];
			flight->length = side->lab->at[n].length;
			memcpy(flight->bytes, side->lab->at[n].bytes, flight->length);
		}
	}
}

static void assert_same_flights(const struct side *a, const struct side *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t n = 0; n < a->count; n++) {
		assert_int_equal(a->flights[n].length, b->flights[n].length);
		assert_memory_equal(a->flights[n].bytes, b->flights[n].bytes, a->flights[n].length);
	}
}

static void assert_same_counters(const struct side *a, const struct side *b)
{
	for (unsigned n = 0; n < SESSIONS; n++) {
		const struct datapath_counters *x = &a->to[n].counters, *y = &b->to[n].counters;
		assert_memory_equal(x->drops, y->drops, sizeof(x->drops));
		assert_memory_equal(
			a->from[n].counters.drops, b->from[n].counters.drops, sizeof(x->drops));
		assert_int_equal(x->rx_packets, y->rx_packets);
		assert_int_equal(x->rx_bytes, y->rx_bytes);
		assert_int_equal(x->lost, y->lost);
		assert_int_equal(x->reordered, y->reordered);
		assert_int_equal(a->to[n].suspicious, b->to[n].suspicious);
	}
}

/* Some lost, some twice, some late: the same on both sides. */
static void make_arrivals(struct load *load, size_t flights, struct random *r)
{
	load->arrivals = 0;
	for (size_t n = 0; n < flights; n++)
		if (random_u32(r) % 20)
			load->order[load->arrivals++] = n;
	for (size_t n = 0; n + 1 < load->arrivals; n++) {
		size_t with = n + random_u32(r) % 6;
		if (random_u32(r) % 10 == 0 && with < load->arrivals) {
			size_t other = load->order[n];
			load->order[n] = load->order[with];
			load->order[with] = other;
		}
	}
	for (size_t n = 1; n < load->arrivals; n++)
		if (random_u32(r) % 40 == 0)
			load->order[n] = load->order[n - 1];
}

struct delivered {
	struct datapath *dp;
	uint32_t length;
	enum packet_kind kind;
	uint8_t bytes[OUTER_MAX];
};

/* What went up is gathered. Acknowledgements and resets go nowhere here. */
static size_t gather(struct lab *lab, struct delivered *delivered, size_t gathered)
{
	for (size_t n = 0; n < lab->out.count; n++) {
		const struct packet *packet = &lab->at[n];
		if (packet->kind == PACKET_OUTER)
			continue;
		struct delivered *d = &delivered[gathered++];
		*d = (struct delivered){.dp = packet->datapath, .kind = packet->kind};
		d->length = packet->length;
		memcpy(d->bytes, packet->bytes, packet->length);
	}
	lab_clear(lab);
	return gathered;
}

/* Time passes, so that holes are given up and late packets are late. */
static size_t tick_all(struct side *side, struct delivered *delivered, size_t gathered)
{
	struct lab *lab = side->lab;
	lab->now += MS(20);
	for (unsigned n = 0; n < SESSIONS; n++) {
		datapath_tick(&lab->engine, &side->to[n], lab->now, &lab->out);
		gathered = gather(lab, delivered, gathered);
	}
	return gathered;
}

/* Opens all arrivals; time passes at the same places whatever the batch. */
static size_t open_all(
	struct side *side, const struct load *load, size_t batch, struct delivered *delivered)
{
	size_t gathered = 0;
	lab_clear(side->lab);
	for (size_t at = 0; at < load->arrivals;) {
		struct packet in[BATCH_MAX];
		size_t count = 0;
		do {
			struct flight *flight = &side->flights[load->order[at + count]];
			struct gre_header header;
			struct reader r = reader_over(flight->bytes, flight->length), rest;
			enum drop why;
			bool outer = gre_parse(&header, &r, &rest, &why);
			in[count] = (struct packet){.bytes = flight->bytes,
				.datapath = outer ? &side->to[header.call_id] : NULL,
				.length = (uint32_t)flight->length};
			count++;
		} while (count < batch && at + count < load->arrivals && (at + count) % TICK_EVERY);
		idle(side, at);
		size_t done = datapath_open(
			&side->lab->engine, in, count, side->lab->now, &side->lab->out);
		assert_true(done > 0 && done <= count);
		at += done;
		gathered = gather(side->lab, delivered, gathered);
		if (at % TICK_EVERY == 0)
			gathered = tick_all(side, delivered, gathered);
	}
	return gathered;
}

static void one_round(struct random *r, const struct mppe_engine *engine, bool ahead)
{
	struct side *fast = calloc(1, sizeof(*fast)), *plain = calloc(1, sizeof(*plain));
	struct load *load = make_load(r);
	struct delivered *a = calloc(2 * PACKETS, sizeof(*a)), *b = calloc(2 * PACKETS, sizeof(*b));
	assert_true(fast && plain && a && b);
	set_up(fast, engine, ahead);
	set_up(plain, &mppe_engine_plain, false);
	seal_all(fast, load, 1 + random_u32(r) % BATCH_MAX);
	seal_all(plain, load, 1);
	assert_same_flights(fast, plain);
	make_arrivals(load, fast->count, r);
	size_t count = open_all(fast, load, 1 + random_u32(r) % BATCH_MAX, a);
	assert_int_equal(open_all(plain, load, 1, b), count);
	assert_true(count > PACKETS / 4);
	for (size_t n = 0; n < count; n++) {
		assert_int_equal(a[n].dp - fast->to, b[n].dp - plain->to);
		assert_int_equal(a[n].kind, b[n].kind);
		assert_int_equal(a[n].length, b[n].length);
		assert_memory_equal(a[n].bytes, b[n].bytes, a[n].length);
	}
	assert_same_counters(fast, plain);
	free(a);
	free(b);
	free(load);
	tear_down(fast);
	tear_down(plain);
	free(fast);
	free(plain);
}

static void same_in_same_out(void **state)
{
	struct random r = random_from(seed_of_run(7));
	for (unsigned n = 0; n < 16; n++) {
		const struct mppe_engine *engine = mppe_engine_at(n / 4);
		one_round(&r, engine ? engine : mppe_engine_best(), n % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_in_same_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
