/* Megabytes a second through each compressor and back, packet by packet, beside zlib used plainly.
 *
 *     bench_codec
 *
 * Packets of 1400 bytes of text and of noise. "zlib" is one stream of deflate at level 6 and one
 * at level 1, with memory of its own, each packet flushed: what an uncomplicated user would write.
 * All take turns; the best round of each counts. Nothing here passes or fails by time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "codec.h"

enum { PACKET = 1400, PACKETS = 512, ROUNDS = 12, ROOM = PACKET + 300 };

struct sample {
	const char *name;
	uint8_t packets[PACKETS][PACKET];
};

struct figure {
	double in, out; /* seconds, best round */
	size_t bytes;
};

static struct sample samples[2] = {{.name = "text"}, {.name = "noise"}};
static uint8_t packed[PACKETS][ROOM];
static size_t sizes[PACKETS];

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(void)
{
	static const char *const words[] = {"the ", "tunnel ", "of ", "a packet ", "in ", "header ",
		"\r\nHost: ", "www.", "example", ".org", "<p>", "</p>\n", "class=\"", "\">",
		"div "};
	uint32_t seed = 1;
	for (size_t n = 0; n < PACKETS; n++) {
		for (size_t at = 0; at < PACKET;) {
			seed = seed * 1664525 + 1013904223;
			const char *word = words[(seed >> 20) % (sizeof(words) / sizeof(words[0]))];
			for (; *word && at < PACKET; word++)
				samples[0].packets[n][at++] = (uint8_t)*word;
		}
		for (size_t at = 0; at < PACKET; at++) {
			seed = seed * 1664525 + 1013904223;
			samples[1].packets[n][at] = (uint8_t)(seed >> 24);
		}
	}
}

static void note(struct figure *f, double in, double out)
{
	f->in = f->in == 0 || in < f->in ? in : f->in;
	f->out = f->out == 0 || out < f->out ? out : f->out;
	f->bytes = 0;
	for (size_t n = 0; n < PACKETS; n++)
		f->bytes += sizes[n] ? sizes[n] : PACKET;
}

static void round_of(const struct codec_params *params, const struct sample *s, struct figure *f)
{
	const struct codec_ops *ops = codec_find(params->method);
	void *out = malloc(ops->size(params, CODEC_COMPRESS));
	void *in = malloc(ops->size(params, CODEC_DECOMPRESS));
	uint8_t to[ROOM];
	size_t got;
	enum drop why;

	if (!out || !in)
		abort();
	ops->init(out, params, CODEC_COMPRESS);
	ops->init(in, params, CODEC_DECOMPRESS);
	double start = seconds();
	for (size_t n = 0; n < PACKETS; n++)
		sizes[n] = ops->compress(out, 0x21, s->packets[n], PACKET, packed[n], ROOM);
	double middle = seconds();
	for (size_t n = 0; n < PACKETS; n++) {
		if (!sizes[n])
			ops->incompressible(in, 0x21, s->packets[n], PACKET);
		else if (!ops->decompress(in, packed[n], sizes[n], to, sizeof(to), &got, &why))
			abort();
	}
	note(f, middle - start, seconds() - middle);
	free(out);
	free(in);
}

static void round_of_zlib(int level, struct sample *s, struct figure *f)
{
	z_stream out = {0}, in = {0};
	uint8_t to[ROOM];

	if (deflateInit2(&out, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
		inflateInit2(&in, -15) != Z_OK)
		abort();
	double start = seconds();
	for (size_t n = 0; n < PACKETS; n++) {
		out.next_in = s->packets[n];
		out.avail_in = PACKET;
		out.next_out = packed[n];
		out.avail_out = ROOM;
		deflate(&out, Z_SYNC_FLUSH);
		sizes[n] = ROOM - out.avail_out;
	}
	double middle = seconds();
	for (size_t n = 0; n < PACKETS; n++) {
		in.next_in = packed[n];
		in.avail_in = (uInt)sizes[n];
		in.next_out = to;
		in.avail_out = ROOM;
		if (inflate(&in, Z_SYNC_FLUSH) != Z_OK || in.avail_in)
			abort();
	}
	note(f, middle - start, seconds() - middle);
	deflateEnd(&out);
	inflateEnd(&in);
}

static void print(const char *name, unsigned bits, const struct sample *s, const struct figure *f)
{
	double megabytes = (double)PACKET * PACKETS / 1e6;
	printf("%-13s %2u  %-6s %7.0f %7.0f   %5.1f %%\n", name, bits, s->name, megabytes / f->in,
		megabytes / f->out, 100.0 * (double)f->bytes / (PACKET * PACKETS));
}

int main(void)
{
	static const struct codec_params all[] = {{.method = CODEC_PREDICTOR1},
		{.method = CODEC_BSD, .bits = 12}, {.method = CODEC_BSD, .bits = 15},
		{.method = CODEC_DEFLATE, .bits = 12}, {.method = CODEC_DEFLATE, .bits = 15},
		{.method = CODEC_MPPC}, {.method = CODEC_MPPC, .stateless = true}};
	enum { ALL = sizeof(all) / sizeof(all[0]) };

	fill();
	printf("%-13s %2s  %-6s %7s %7s   %s\n", "MB/s", "", "", "packs", "unpacks", "size");
	for (size_t k = 0; k < 2; k++) {
		struct figure figures[ALL + 2] = {0};
		for (unsigned n = 0; n < ROUNDS; n++) {
			for (size_t c = 0; c < ALL; c++)
				round_of(&all[c], &samples[k], &figures[c]);
			round_of_zlib(6, &samples[k], &figures[ALL]);
			round_of_zlib(1, &samples[k], &figures[ALL + 1]);
		}
		for (size_t c = 0; c < ALL; c++)
			print(all[c].stateless ? "MPPC, no past" : codec_find(all[c].method)->name,
				all[c].bits, &samples[k], &figures[c]);
		print("zlib level 6", 15, &samples[k], &figures[ALL]);
		print("zlib level 1", 15, &samples[k], &figures[ALL + 1]);
	}
	return 0;
}
