/* Nanoseconds a packet through the data path, beside the same MPPE work one packet at a time.
 *
 * The data path's figure is everything it does: checks, headers, copies, GRE numbers, keys, RC4.
 * The other side is only what MPPE-128 stateless cannot do without, as programs do it that take one
 * packet after another: nettle's SHA-1 and RC4 for the next key, then nettle's RC4 over the packet.
 * The two take turns, because the machine's speed drifts; the ratio of each pair counts, and
 * medians are what is printed. Nothing here passes or fails by time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nettle/arcfour.h>
#include <nettle/sha1.h>
#include <nettle/version.h>

#include "datapath.h"

enum { INNER = 1400, MPPE_INNER = INNER + 2, SESSIONS = 64, ROUNDS = 400, OUTPUTS = 256 };

enum { CLIENT_IP = 0x0a000002, SERVER_IP = 0x0a000001 };

struct ends {
	struct datapath client, server;
};

struct bench {
	struct datapath_engine engine;
	struct hold_pool pool;
	struct hold_slot slots[HELD_PACKETS_TOTAL];
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
		bring_up(b, &b->ends[n].client, (uint16_t)n, true);
		bring_up(b, &b->ends[n].server, (uint16_t)n, false);
	}
	for (unsigned n = 0; n < BATCH_MAX; n++)
		make_inner(b->inner[n], n);
	return b;
}

/* One packet after another. */
struct single {
	uint8_t start[16], key[16];
	uint8_t packet[MPPE_INNER];
};

static void single_next_key(struct single *s)
{
	static const uint8_t pad1[40];
	uint8_t pad2[40], digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;
	struct arcfour_ctx rc4;
	memset(pad2, 0xf2, sizeof(pad2));
	sha1_init(&sha);
	sha1_update(&sha, sizeof(s->start), s->start);
	sha1_update(&sha, sizeof(pad1), pad1);
	sha1_update(&sha, sizeof(s->key), s->key);
	sha1_update(&sha, sizeof(pad2), pad2);
#if NETTLE_VERSION_MAJOR >= 4
	sha1_digest(&sha, digest);
#else
	sha1_digest(&sha, sizeof(digest), digest);
#endif
	arcfour_set_key(&rc4, sizeof(s->key), digest);
	arcfour_crypt(&rc4, sizeof(s->key), s->key, digest);
}

static double time_single(struct single *s)
{
	uint64_t began = nanoseconds();
	for (unsigned n = 0; n < BATCH_MAX; n++) {
		struct arcfour_ctx rc4;
		single_next_key(s);
		arcfour_set_key(&rc4, sizeof(s->key), s->key);
		arcfour_crypt(&rc4, sizeof(s->packet), s->packet, s->packet);
	}
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

struct series {
	double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
};

static void print_series(const char *what, unsigned sessions, struct series *s)
{
	for (size_t n = 0; n < ROUNDS; n++)
		s->ratio[n] = s->theirs[n] / s->ours[n];
	printf("  %s, %2u session%-2s %5.0f ns   nettle, one by one %5.0f ns   %.2fx\n", what,
		sessions, sessions == 1 ? " " : "s", median(s->ours, ROUNDS),
		median(s->theirs, ROUNDS), median(s->ratio, ROUNDS));
}

static void compare_paths(struct bench *b, struct single *single, unsigned sessions)
{
	static struct series seal, open;
	double discard;
	time_batch(b, sessions, &discard, &discard); /* caches are warm, then it counts */
	time_single(single);
	for (size_t n = 0; n < ROUNDS; n++) {
		seal.theirs[n] = time_single(single);
		time_batch(b, sessions, &seal.ours[n], &open.ours[n]);
		open.theirs[n] = time_single(single);
	}
	print_series("seal", sessions, &seal);
	print_series("open", sessions, &open);
}

int main(void)
{
	struct bench *b = start();
	struct single single = {.start = {1}, .key = {2}};
	printf("  MPPE engine: %s\n", b->engine.mppe->name);
	compare_paths(b, &single, 1);
	compare_paths(b, &single, SESSIONS);
	free(b);
	return 0;
}
