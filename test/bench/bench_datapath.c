/* Nanoseconds a packet through the data path, beside the same MPPE work one packet at a time.
 *
 *     bench_datapath [--results]     lines for people, or for programs
 *
 * The data path's figure is everything it does: checks, headers, copies, GRE numbers, keys, RC4.
 * The other side is only what MPPE-128 stateless cannot do without (one_by_one.c). All take turns,
 * because the machine's speed drifts; the ratio of each round counts, and medians are what is
 * printed. Nothing here passes or fails by time.
 *
 * "Keys ahead": the worker was idle before the batch came, and made its keys; not counted here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath.h"
#include "one_by_one.h"

enum { INNER = 1400, MPPE_INNER = INNER + 2, SESSIONS = 64, ROUNDS = 300, OUTPUTS = 256 };

enum { CLIENT_IP = 0x0a000002, SERVER_IP = 0x0a000001 };

struct ends {
	struct datapath client, server;
	struct datapath_streams streams[2];
};

struct bench {
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot slots[HELD_PACKETS_TOTAL];
	struct key_pool keys;
	struct ends ends[SESSIONS];
	struct packet sealed_at[OUTPUTS], opened_at[OUTPUTS];
	uint8_t sealed_bytes[OUTPUTS][OUTER_MAX], opened_bytes[OUTPUTS][OUTER_MAX];
	struct packet_list sealed, opened;
	struct packet in[BATCH_MAX];
	uint8_t inner[BATCH_MAX][INNER];
	uint64_t now;
};

static uint64_t nanoseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void execute(struct bench *b, struct datapath *dp, const struct datapath_command *command)
{
	datapath_execute(&b->engine, dp, command, NULL, b->now, &b->sealed);
}

static void bring_up(struct bench *b, struct datapath *dp, uint16_t id, bool client)
{
	struct datapath_command c = {.kind = DATAPATH_ATTACH, .subject = id};
	c.attach.local_call_id = client ? id : (uint16_t)(id + SESSIONS);
	c.attach.require_encryption = true;
	c.attach.check_source = true;
	execute(b, dp, &c);

	c = (struct datapath_command){.kind = DATAPATH_CONNECT};
	c.connect.peer_call_id = client ? (uint16_t)(id + SESSIONS) : id;
	execute(b, dp, &c);

	c = (struct datapath_command){.kind = DATAPATH_FRAMING};
	c.framing.send_mru = 1500;
	c.framing.mtu = INNER;
	execute(b, dp, &c);

	c = (struct datapath_command){.kind = DATAPATH_NETWORK};
	c.network.ipv4 = true;
	c.network.local4 = address_ipv4(client ? CLIENT_IP : SERVER_IP);
	c.network.remote4 = address_ipv4(client ? SERVER_IP : CLIENT_IP);
	execute(b, dp, &c);

	c = (struct datapath_command){
		.kind = client ? DATAPATH_TRANSMIT_KEY : DATAPATH_RECEIVE_KEY};
	c.key.strength = MPPE_128;
	c.key.stateless = true;
	c.key.keys.valid = true;
	memset(client ? c.key.keys.send : c.key.keys.receive, id, 16);
	execute(b, dp, &c);
}

/* An IPv4 packet with a true header checksum. */
static void make_inner(uint8_t *bytes, unsigned number)
{
	struct writer w = writer_over(bytes, INNER);
	write_u16(&w, 0x4500);
	write_u16(&w, INNER);
	write_u32(&w, number << 16);
	write_u32(&w, 0x40110000);
	write_u32(&w, CLIENT_IP);
	write_u32(&w, SERVER_IP);
	uint32_t sum = 0;
	for (unsigned n = 0; n < 20; n += 2)
		sum += (uint32_t)(bytes[n] << 8 | bytes[n + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put_u16(bytes + 10, (uint16_t) ~(sum + (sum >> 16)));
	for (unsigned n = 20; n < INNER; n++)
		bytes[n] = (uint8_t)(n * 31 + number);
}

static struct bench *start(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->now = SECONDS(1);
	b->engine.mppe = mppe_engine_best();
	b->engine.pool = &b->pool;
	hold_pool_init(&b->pool, b->slots, HELD_PACKETS_TOTAL);
	for (unsigned n = 0; n < OUTPUTS; n++) {
		b->sealed_at[n] =
			(struct packet){.bytes = b->sealed_bytes[n], .capacity = OUTER_MAX};
		b->opened_at[n] =
			(struct packet){.bytes = b->opened_bytes[n], .capacity = OUTER_MAX};
	}
	b->sealed = (struct packet_list){.at = b->sealed_at, .max = OUTPUTS};
	b->opened = (struct packet_list){.at = b->opened_at, .max = OUTPUTS};
	for (unsigned n = 0; n < SESSIONS; n++) {
		b->ends[n].client.streams = &b->ends[n].streams[0];
		b->ends[n].server.streams = &b->ends[n].streams[1];
		bring_up(b, &b->ends[n].client, (uint16_t)n, true);
		bring_up(b, &b->ends[n].server, (uint16_t)n, false);
	}
	for (unsigned n = 0; n < BATCH_MAX; n++)
		make_inner(b->inner[n], n);
	return b;
}

static double time_rival(const struct rival *rival)
{
	static struct mppe_formula chain = {
		.strength = MPPE_128, .length = 16, .start = {1}, .key = {2}};
	static uint8_t packet[MPPE_INNER];
	uint64_t began = nanoseconds();
	for (unsigned n = 0; n < BATCH_MAX; n++)
		rival->packet(&chain, packet, sizeof(packet));
	return (double)(nanoseconds() - began) / BATCH_MAX;
}

/* A batch over `sessions` of them, there and back; nothing may be lost. */
static void time_batch(struct bench *b, unsigned sessions, double *seal, double *open)
{
	for (unsigned n = 0; n < BATCH_MAX; n++)
		b->in[n] = (struct packet){.datapath = &b->ends[n % sessions].client,
			.kind = PACKET_INNER,
			.bytes = b->inner[n],
			.length = INNER};
	b->now += MS(1);
	b->sealed.count = b->opened.count = 0;
	uint64_t began = nanoseconds();
	datapath_seal(&b->engine, b->in, BATCH_MAX, b->now, &b->sealed);
	*seal = (double)(nanoseconds() - began) / BATCH_MAX;

	if (b->sealed.count != BATCH_MAX)
		abort();
	for (unsigned n = 0; n < BATCH_MAX; n++)
		b->sealed.at[n].datapath = &b->ends[n % sessions].server;
	began = nanoseconds();
	datapath_open(&b->engine, b->sealed.at, BATCH_MAX, b->now, &b->opened);
	*open = (double)(nanoseconds() - began) / BATCH_MAX;

	unsigned inner = 0;
	for (size_t n = 0; n < b->opened.count; n++)
		if (b->opened.at[n].kind == PACKET_INNER)
			inner += !memcmp(b->opened.at[n].bytes, b->inner[inner], INNER);
	if (inner != BATCH_MAX)
		abort();
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* One way of working, round by round: ours both ways, and each rival's time just before. */
struct series {
	double seal[ROUNDS], open[ROUNDS];
	double rival[2][ROUNDS];
};

static const struct rival *rivals[2];

static void idle(struct bench *b)
{
	while (datapath_idle(&b->engine))
		;
}

static void run_series(struct bench *b, unsigned sessions, bool keys_ahead, struct series *s)
{
	double discard;
	b->engine.keys = keys_ahead ? &b->keys : NULL;
	for (unsigned n = 0; n < 2; n++) /* caches are warm and rings found, then it counts */
		time_batch(b, sessions, &discard, &discard);
	for (size_t n = 0; n < ROUNDS; n++) {
		for (size_t r = 0; r < 2; r++)
			if (rivals[r])
				s->rival[r][n] = time_rival(rivals[r]);
		if (keys_ahead)
			idle(b);
		time_batch(b, sessions, &s->seal[n], &s->open[n]);
	}
}

static double median_ratio(const double *theirs, const double *ours)
{
	static double ratio[ROUNDS];
	for (size_t n = 0; n < ROUNDS; n++)
		ratio[n] = theirs[n] / ours[n];
	return median(ratio, ROUNDS);
}

static double median_of(const double *values)
{
	static double copy[ROUNDS];
	memcpy(copy, values, sizeof(copy));
	return median(copy, ROUNDS);
}

static void print_row(const char *what, unsigned sessions, bool keys_ahead, const double *ours,
	const struct series *s)
{
	printf("  %s, %2u session%-2s%s %5.0f ns", what, sessions, sessions == 1 ? " " : "s",
		keys_ahead ? ", keys ahead" : "            ", median_of(ours));
	for (size_t r = 0; r < 2; r++)
		if (rivals[r])
			printf("   %s %5.0f ns %.2fx", rivals[r]->name, median_of(s->rival[r]),
				median_ratio(s->rival[r], ours));
	printf("\n");
}

static void print_results(const char *what, unsigned sessions, bool keys_ahead, const double *ours,
	const struct series *s)
{
	static const char *const names[2] = {"nettle", "openssl"};
	for (size_t r = 0; r < 2; r++) {
		printf("RESULT %s-%s", what, names[r]);
		if (sessions != 1)
			printf("-%u-sessions", sessions);
		printf(keys_ahead ? "-keys-ahead " : " ");
		if (rivals[r])
			printf("ours=%.0f theirs=%.0f ratio=%.3f\n", median_of(ours),
				median_of(s->rival[r]), median_ratio(s->rival[r], ours));
		else
			printf("skipped=built-without-libcrypto\n");
	}
}

int main(int argc, char **argv)
{
	static struct series s;
	static const struct {
		unsigned sessions;
		bool keys_ahead;
	} rows[] = {{1, false}, {SESSIONS, false}, {1, true}};
	bool results = argc > 1 && !strcmp(argv[1], "--results");
	struct bench *b = start();

	rivals[0] = &rival_nettle;
	rivals[1] = rival_openssl;
	if (!results)
		printf("  MPPE engine: %s; the others take one packet at a time\n",
			b->engine.mppe->name);
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		run_series(b, rows[n].sessions, rows[n].keys_ahead, &s);
		(results ? print_results : print_row)(
			"seal", rows[n].sessions, rows[n].keys_ahead, s.seal, &s);
		(results ? print_results : print_row)(
			"open", rows[n].sessions, rows[n].keys_ahead, s.open, &s);
	}
	free(b);
	return 0;
}
