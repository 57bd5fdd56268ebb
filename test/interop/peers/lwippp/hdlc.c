/* lwIP's async HDLC (pppos) by itself, to be measured:
 *
 *   lwiphdlc send FRAMES LENGTH    frames of random bytes, encoded, to standard output
 *   lwiphdlc receive FRAMES        decodes standard input until so many frames were whole
 *
 * No control character is escaped (ACCM 0), nothing is compressed. What is encoded goes out in
 * pieces of up to 32 KiB, what comes in is read in such pieces: no system call is left to lwIP's
 * default of one a buffer. A decoded frame is counted where lwIP hands it to PPP (the linker puts
 * our function there). The receiver prints the seconds from its first byte to its last frame, and
 * the seconds of processor that it took; the sender the latter. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lwip/init.h"
#include "netif/ppp/pppapi.h"
#include "netif/ppp/pppos.h"
#include "netif/ppp/ppp_impl.h"

enum { PIECE = 32768, KINDS = 512, FRAME_MAX = 2048, FRAME_HEADER = 2 };

static uint8_t piece[PIECE + FRAME_MAX];
static size_t filled;
static bool running;
static unsigned long frames, bytes;
static struct netif interface;

void lwippp_diag(const char *format, ...)
{
	(void)format;
}

/* No timer is ever run. */
u32_t sys_now(void)
{
	return 0;
}

u32_t sys_jiffies(void)
{
	return 0;
}

void __wrap_ppp_input(ppp_pcb *pcb, struct pbuf *packet);

void __wrap_ppp_input(ppp_pcb *pcb, struct pbuf *packet)
{
	(void)pcb;
	frames++;
	bytes += packet->tot_len - FRAME_HEADER;
	pbuf_free(packet);
}

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

static void write_out(void)
{
	for (size_t at = 0; at < filled;) {
		ssize_t more = write(1, piece + at, filled - at);
		if (more <= 0)
			exit(1);
		at += (size_t)more;
	}
	filled = 0;
}

static u32_t output(ppp_pcb *pcb, u8_t *data, u32_t length, void *context)
{
	(void)pcb;
	(void)context;
	if (!running)
		return length; /* LCP's first Configure-Request */
	if (filled + length > PIECE)
		write_out();
	memcpy(piece + filled, data, length);
	filled += length;
	return length;
}

static void changed(ppp_pcb *pcb, int error, void *context)
{
	(void)pcb;
	(void)error;
	(void)context;
}

static void send_frames(ppp_pcb *ppp, unsigned long count, size_t length)
{
	static uint8_t content[KINDS][FRAME_MAX];
	uint32_t seed = 1;
	for (unsigned n = 0; n < KINDS; n++)
		for (size_t at = 0; at < length; at++) {
			seed = seed * 1664525 + 1013904223;
			content[n][at] = (uint8_t)(seed >> 24);
		}
	for (unsigned long n = 0; n < count; n++) {
		struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_REF);
		packet->payload = content[n % KINDS];
		ppp->link_cb->netif_output(ppp, ppp->link_ctx_cb, packet, PPP_IP);
		pbuf_free(packet);
	}
	write_out();
	fprintf(stderr, "cpu=%f\n", processor());
}

static void receive_frames(ppp_pcb *ppp, unsigned long count)
{
	double began = 0;
	while (frames < count) {
		ssize_t got = read(0, piece, PIECE);
		if (began == 0)
			began = seconds();
		if (got <= 0)
			exit(1);
		pppos_input(ppp, piece, (int)got);
	}
	fprintf(stderr, "seconds=%f cpu=%f bytes=%lu\n", seconds() - began, processor(), bytes);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	lwip_init();
	ppp_pcb *ppp = pppos_create(&interface, output, changed, NULL);
	if (!ppp || ppp_connect(ppp, 0) != ERR_OK)
		return 1;
	running = true;
	ppp->link_cb->send_config(ppp, ppp->link_ctx_cb, 0, 0, 0);
	ppp->link_cb->recv_config(ppp, ppp->link_ctx_cb, 0, 0, 0);
	if (strcmp(argv[1], "send") == 0 && argc == 4)
		send_frames(ppp, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	else
		receive_frames(ppp, strtoul(argv[2], NULL, 10));
	return 0;
}
