/* The fast back ends against the raw one.
 *
 * Receiving: the same frames (packets of our calls, of foreign ones, fragments, other versions and
 * protocols, headers that contradict themselves, other hosts' and VLANs' frames) go to the raw
 * sockets alone and to each fast link beside them. Our calls get the same datagrams, the stack sees
 * what the link left it, and nothing is seen twice.
 * Sending: whatever mixture of lent and other buffers, in whatever order, leaves as from the raw
 * socket, byte by byte, but for the identification. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "link_stage.h"
#include "netns.h"
#include "outer_raw.h"

enum {
	FRAMES = 10500, /* the rings come round more than once */
	SENT = 3000,
	CHUNK = 48, /* between two looks: less than any buffer holds */
	RECORDS_MAX = 2 * FRAMES,
};

static struct outer_raw *open_raw(void)
{
	struct outer_raw *raw;
	char error[256] = "";
	struct outer_config config = {.workers = 1, .ttl = 64, .dont_fragment = true};
	if (outer_raw_open(&raw, &config, error))
		fail_msg("%s", error);
	return raw;
}

/* ---- what arrives ---- */

/* Addresses, TOS, GRE packet. */
struct record {
	size_t length;
	uint8_t bytes[PACKET_MAX + 16];
};

struct records {
	size_t count;
	struct record *at;
};

static void note(struct records *r, const struct gre_datagram *d)
{
	assert_true(r->count < RECORDS_MAX);
	assert_false(d->malformed || d->truncated);
	struct record *to = &r->at[r->count++];
	memset(to, 0, sizeof(*to));
	memcpy(to->bytes, d->source.bytes, 4);
	memcpy(to->bytes + 4, d->destination.bytes, 4);
	to->bytes[8] = d->tos;
	memcpy(to->bytes + 9, d->gre, d->length);
	to->length = 9 + d->length;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct record));
}

static void sort(struct records *r)
{
	qsort(r->at, r->count, sizeof(*r->at), by_bytes);
}

static bool same(struct records *a, struct records *b)
{
	sort(a);
	sort(b);
	return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof(*a->at)) == 0;
}

static struct records new_records(void)
{
	return (struct records){.at = calloc(RECORDS_MAX, sizeof(struct record))};
}

struct listener {
	const struct outer_link_ops *ops; /* NULL: raw alone */
	struct outer_link *link;
	struct outer_raw *raw;
	int stack; /* sees every GRE packet that gets as far as IP */
	struct records ours, taken, seen;
};

static bool is_ours(const struct gre_datagram *d)
{
	if (memcmp(d->source.bytes, peer.bytes, 4) || memcmp(d->destination.bytes, local.bytes, 4))
		return false;
	for (unsigned i = 0; i < CALLS; i++)
		if (get_u16(d->gre + 6) == calls[i])
			return true;
	return false;
}

static bool is_marker(const struct gre_datagram *d)
{
	return d->length >= 8 && get_u16(d->gre + 6) == MARKER;
}

/* Those are for the socket that goes ahead of data. */
static bool is_control(const struct gre_datagram *d)
{
	uint16_t flags = get_u16(d->gre);
	size_t at = flags & 0x0080 ? 16 : 12;
	if (!(flags & 0x1000) || d->length < at + 2)
		return false;
	if (get_u16(d->gre + at) == 0xff03)
		at += 2;
	return d->length > at && (d->gre[at] & 0x81) == 0x80;
}

static void take(struct listener *l, const struct gre_datagram *d, bool by_link, unsigned *marks)
{
	if (is_marker(d)) {
		++*marks;
		return;
	}
	if (by_link) {
		assert_true(is_ours(d) && !is_control(d)); /* it takes nothing else */
		note(&l->taken, d);
	}
	if (is_ours(d))
		note(&l->ours, d);
}

static void look_at_stack(struct listener *l)
{
	uint8_t bytes[PACKET_MAX + 100];
	for (ssize_t got; (got = recv(l->stack, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0;) {
		size_t header = (size_t)(bytes[0] & 0x0f) * 4;
		struct gre_datagram d = {.source.family = 4,
			.destination.family = 4,
			.tos = bytes[1],
			.gre = bytes + header,
			.length = (uint32_t)((size_t)got - header)};
		memcpy(d.source.bytes, bytes + 12, 4);
		memcpy(d.destination.bytes, bytes + 16, 4);
		if (!is_marker(&d))
			note(&l->seen, &d);
	}
}

static void look_at_sources(struct listener *l, unsigned *marks)
{
	struct gre_datagram got[BATCH_MAX];
	size_t count;
	for (unsigned s = 0; s < 4; s++) {
		if (outer_raw_descriptor(l->raw, s) < 0)
			continue;
		while ((count = outer_raw_receive(l->raw, s, got)) > 0)
			for (size_t i = 0; i < count; i++)
				take(l, &got[i], false, marks);
	}
	while (l->ops && (count = l->ops->receive(l->link, got)) > 0)
		for (size_t i = 0; i < count; i++)
			take(l, &got[i], true, marks);
}

/* Two markers went out: a data packet, for the link, and a control frame, for the raw socket. They
 * are the last to come by their queue; the interface has another, so at the end we wait. */
static void drain(struct listener *l, bool last)
{
	time_t end = time(NULL) + WAIT_MS / 1000;
	for (unsigned marks = 0; marks < 2; look_at_sources(l, &marks))
		assert_true(time(NULL) <= end);
	if (last) {
		unsigned marks = 0;
		usleep(200000);
		look_at_sources(l, &marks);
		assert_int_equal(marks, 0);
	}
	look_at_stack(l);
}

/* The same frames each time, from the same seed. */
static void listen_to(struct listener *l, const struct outer_link_ops *ops, unsigned seed)
{
	int size = 32 << 20;
	*l = (struct listener){
		.ops = ops, .ours = new_records(), .taken = new_records(), .seen = new_records()};
	l->stack = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE);
	setsockopt(l->stack, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	l->raw = open_raw();
	if (ops)
		l->link = open_link(ops, 0, 1);
	srand(seed);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame f;
		make_frame(&f);
		put_on_wire(f.bytes, f.length);
		if (i % CHUNK == 0 || i + 1 == FRAMES) {
			put_markers();
			drain(l, i + 1 == FRAMES);
		}
	}
	if (ops)
		ops->close(l->link);
	outer_raw_close(l->raw);
	close(l->stack);
}

static void forget(struct listener *l)
{
	free(l->ours.at);
	free(l->taken.at);
	free(l->seen.at);
}

static void test_receive(void **state)
{
	const struct outer_link_ops *ops = *state;
	unsigned seed = (unsigned)time(NULL);
	struct listener plain, fast;
	print_message("seed %u\n", seed);
	listen_to(&plain, NULL, seed);
	listen_to(&fast, ops, seed);
	assert_true(plain.ours.count > FRAMES / 3 && plain.seen.count > plain.ours.count);
	assert_true(same(&plain.ours, &fast.ours));
	print_message("%zu frames were ours, %zu by the link; the stack saw %zu and %zu\n",
		plain.ours.count, fast.taken.count, plain.seen.count, fast.seen.count);
	assert_true(fast.taken.count > FRAMES / 3);
	/* What the link took and what the stack saw are together what it sees alone. */
	for (size_t i = 0; i < fast.taken.count; i++)
		fast.seen.at[fast.seen.count++] = fast.taken.at[i];
	assert_true(same(&plain.seen, &fast.seen));
	forget(&plain);
	forget(&fast);
}

/* ---- sending ---- */

static void test_send(void **state)
{
	static struct batch batch;
	static struct frame expected[200], got;
	const struct outer_link_ops *ops = *state;
	struct outer_link *link = open_link(ops, 0, 1);
	struct outer_raw *raw = open_raw();
	struct direct_path path = direct_path();
	unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srand(seed);
	batch.dp = (struct datapath){.local = local, .peer = peer};
	for (unsigned total = 0; total < SENT; total += (unsigned)batch.count) {
		uint64_t refused[4] = {0};
		fill_batch(&batch, ops, link, &path);
		for (size_t i = 0; i < batch.count; i++) {
			assert_int_equal(outer_raw_send(raw, &batch.order[i], 1, false), 0);
			assert_true(next_frame(&expected[i], WAIT_MS));
			forget_id(&expected[i]);
		}
		ops->send(link, batch.order, batch.paths, batch.count, refused);
		for (size_t i = 0; i < batch.count; i++) {
			assert_true(next_frame(&got, WAIT_MS));
			forget_id(&got);
			assert_int_equal(got.length, expected[i].length);
			assert_memory_equal(got.bytes, expected[i].bytes, got.length);
		}
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(refused[i], 0);
	}
	assert_false(next_frame(&got, 50));
	outer_raw_close(raw);
	ops->close(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {ALL(test_receive), ALL(test_send)};
	return stage_run(tests, sizeof(tests) / sizeof(tests[0]));
}
