/* Our async HDLC by itself, to be measured (see lines.py). The same work, words and figures as
 * test/interop/peers/lwippp/hdlc.c, which is lwIP's:
 *
 *     bench_hdlc send FRAMES LENGTH    frames of random bytes, encoded, to standard output
 *     bench_hdlc receive FRAMES        decodes standard input until so many frames were whole
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "line.h"

enum { KINDS = 512, HEADER = 4, AT_ONCE = 20 };

static struct line_batch batch;

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double processor(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void await(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	poll(&poll_fd, 1, -1);
}

static void send_frames(struct line *line, unsigned long count, size_t length)
{
	static uint8_t frames[KINDS][HEADER + OUTER_MAX];
	uint32_t seed = 1;
	for (unsigned n = 0; n < KINDS; n++) {
		memcpy(frames[n], "\xff\x03\x00\x21", HEADER);
		for (size_t at = 0; at < length; at++) {
			seed = seed * 1664525 + 1013904223;
			frames[n][HEADER + at] = (uint8_t)(seed >> 24);
		}
	}
	for (unsigned long n = 0; n < count && line_ended(line) == LINE_OPEN;) {
		for (unsigned most = AT_ONCE; most > 0 && n < count; most--, n++)
			line_write(line, frames[n % KINDS], HEADER + length);
		for (line_flush(line); line_waits(line); line_flush(line))
			await(line_output(line), POLLOUT);
	}
	fprintf(stderr, "cpu=%f\n", processor());
}

static void receive_frames(struct line *line, unsigned long count)
{
	unsigned long frames = 0, bytes = 0;
	double began = 0;
	await(line_input(line), POLLIN);
	began = seconds();
	while (frames < count && line_ended(line) == LINE_OPEN) {
		line_read(line, &batch);
		for (size_t n = 0; n < batch.count; n++)
			if (batch.frames[n].length) {
				frames++;
				bytes += batch.frames[n].length - HEADER;
			}
		if (!batch.count && !batch.more)
			await(line_input(line), POLLIN);
	}
	fprintf(stderr, "seconds=%f cpu=%f bytes=%lu\n", seconds() - began, processor(), bytes);
	if (frames < count)
		exit(1);
}

int main(int argc, char **argv)
{
	struct line *line;
	struct line_framing framing = {0, 0, HDLC_FCS_16, HDLC_FCS_16};
	if (argc < 3)
		return 2;
	bool sends = strcmp(argv[1], "send") == 0;
	if (line_open(&line, &(struct line_config){.in = sends, .out = sends}) != 0)
		return 1;
	line_framing(line, &framing);
	if (sends)
		send_frames(line, strtoul(argv[2], NULL, 10),
			argc > 3 ? strtoul(argv[3], NULL, 10) : PPP_MRU_DEFAULT);
	else
		receive_frames(line, strtoul(argv[2], NULL, 10));
	line_close(line);
	return 0;
}
